/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VU_PRIVATE_H
#define VU_PRIVATE_H

/**
 * @file
 * What the files of this driver share: the endpoint (socket), the connection, its rings and memory.
 *
 * Messages are handled one at a time. A handler whose work ends later (a poller has to let go
 * first) calls vu_op_begin(); no further message of the connection is read then until the last
 * vu_op_put(), after which the reply is sent. The connection object lives until its callbacks have
 * come, even if the peer went long before.
 */

#include "vn_device.h"
#include "vn_eventfd.h"
#include "vn_features.h"
#include "vn_guestmem.h"
#include "vn_log.h"
#include "vn_loop.h"
#include "vn_msg.h"
#include "vn_sock.h"
#include "vn_transport.h"
#include "vu_proto.h"

/** Memory regions of one front end; what virtio-mem wants, and more than any VMM uses. */
#define VU_MAX_SLOTS 509

/** The ring is known to be ready for use only when all of these are there. */
enum vu_ring_have {
	VU_HAVE_NUM = 1,
	VU_HAVE_ADDR = 2,
	VU_HAVE_KICK = 4,
	VU_HAVE_ALL = 7,
};

struct vu_conn;

/** A message as its handler sees it. */
struct vu_msg {
	const void *payload; /* size bytes, aligned for any of the layouts */
	uint32_t size;
	struct vn_msg_fds *fds; /* those left are closed after the handler */
};

/**
 * Handler of one kind of message. Size of the payload and number of descriptors were checked
 * against the table in vu_msg.c.
 *
 * @return
 *   0: done, acknowledge; VU_PENDING: a reply was sent, or an operation was begun that will;
 *   negative errno: refused (vu_refuse() was called).
 */
typedef int vu_handler(struct vu_conn *c, struct vu_msg *m);
#define VU_PENDING 1

/** A ring as the front end described it. */
struct vu_ring {
	struct vu_conn *conn;
	uint16_t index;
	uint8_t have;  /* enum vu_ring_have */
	bool enabled;  /* by SET_VRING_ENABLE */
	bool started;  /* vn_device_vq_start() was called, and no stop since */
	bool based;    /* base was given, or is where the ring stopped */
	bool lost;     /* nobody knows where it is: it does not start before a reset */
	bool ours;     /* base is where the ring stopped, and the front end has not been told */
	uint16_t told; /* the last position that it knows */
	uint16_t size;
	uint32_t base; /* position to (re)start at, as SET_VRING_BASE has it */
	struct vu_vring_addr addr;
	int kick_fd; /* -1: polled, or not given yet; see have */
	int call_fd; /* -1: none. The device gets duplicates of both */
	/* What it was started with. */
	uint64_t desc_gpa, avail_gpa, used_gpa, log_gpa;
};

/** One memory region, mapped. */
struct vu_slot {
	struct vu_region region;
	uint64_t file_offset; /* of the region in the mapping */
	struct vn_gm_file *file;
};

/** A memory table: what the front end gave, and the map made of it. */
struct vu_mem {
	unsigned int n;
	struct vn_guestmem *map; /* NULL when n is 0 */
	struct vu_slot slot[];
};

/** The step that follows when all callbacks of an operation have come. */
typedef void (*vu_next_fn)(struct vu_conn *c);

/** One connection. */
struct vu_conn {
	struct vu_endpoint *ep;
	struct vn_device *dev;
	struct vn_msg_conn msg;

	/* The message being handled. */
	struct vu_hdr req;
	char why[VN_MSG_WHY_LEN / 2]; /* by vu_refuse() */

	/* The operation under way, if any: see vu_op_begin(). */
	unsigned int pending;
	int op_result; /* first error of it */
	vu_next_fn op_next;
	struct vu_ring *op_ring;   /* the ring it is about */
	struct vu_mem *op_mem;     /* the table that is to be in force, or the one that was */
	struct vn_gm_file *op_log; /* the log that was */

	bool dead;      /* the peer went: end as soon as nothing is pending */
	bool resetting; /* the end has begun */

	bool have_features;
	uint64_t features; /* with the bits of vhost-user */
	uint64_t protocol;

	struct vu_mem *mem; /* NULL: none yet */
	struct vn_gm_file *log;
	uint64_t log_off, log_size;
	bool log_on; /* the device logs */

	unsigned int n_rings;
	struct vu_ring ring[];
};

/** What the transport interface calls an endpoint: one socket of one device. */
struct vu_endpoint {
	struct vn_device *dev;
	struct vn_loop *loop;
	bool client;
	char path[VN_SOCK_PATH_MAX];
	struct vn_sock_listener listener;
	struct vn_fd_source listen_src;
	struct vn_timer retry; /* client: connect again; server: accept again */
	int last_error;        /* of connecting: each kind is logged once */
	struct vu_conn *conn;
	uint64_t connections, protocol_errors, refused;
	uint64_t refused_logged; /* when */

	unsigned int jobs; /* unmapping in the helper thread */
	bool unplugging;
	vn_device_cb unplugged;
	void *unplugged_ctx;
};

/* vu_endpoint.c */

/** The connection has been taken down and freed: wait for the next one, or end. */
void vu_endpoint_conn_gone(struct vu_endpoint *ep);
/** A job of the endpoint has ended. */
void vu_endpoint_job_done(struct vu_endpoint *ep);

/* vu_conn.c */

/** Begin a connection on @p fd, which becomes its own. @return 0 or negative errno. */
int vu_conn_open(struct vu_endpoint *ep, int fd);
/** The peer is gone or not wanted any more. Asynchronous: ends in vu_endpoint_conn_gone(). */
void vu_conn_kill(struct vu_conn *c);

/**
 * Begin an operation that ends later: @p next runs when vu_op_put() was called for each vu_op_get()
 * and for this call, but not if the peer went meanwhile.
 */
void vu_op_begin(struct vu_conn *c, vu_next_fn next);
void vu_op_get(struct vu_conn *c);
void vu_op_put(struct vu_conn *c, int result);
/** A vn_device_cb for calls that are counted with vu_op_get(): context is the connection. */
void vu_op_cb(void *ctx, int result);
/** For vu_op_begin(): acknowledge with the result of the operation. */
void vu_op_ack(struct vu_conn *c);
/** As vu_op_ack(), or with @p result of the last step if that failed (vu_refuse() was called). */
void vu_op_finish(struct vu_conn *c, int result);

/** Reply to the present message. */
void vu_reply(struct vu_conn *c, const void *payload, uint32_t size);
void vu_reply_u64(struct vu_conn *c, uint64_t value);
/**
 * The present message has been carried out (0) or refused: acknowledge, if that was asked for; if
 * not, a refusal ends the connection.
 */
void vu_ack(struct vu_conn *c, int result);
/** Note why the present message is refused, and pass @p result through. */
int vu_refuse(struct vu_conn *c, int result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* vu_msg.c */

extern const struct vn_msg_ops vu_msg_ops;
/** "SET_VRING_NUM" and so on, or "?". */
const char *vu_request_name(uint32_t request);
/** May a refusal be a plain acknowledgement? Not for requests that have a reply of their own. */
bool vu_request_acked(uint32_t request);

/* vu_features.c */
/**
 * What a device may have but vhost-user cannot carry. The VMM has the control queue and the config
 * space: what a driver sets through it never reaches us, and bits that are about nothing else only
 * mean that we do not stand in the VMM's way. Kicks are eventfds, which carry no data; there is no
 * IOTLB; ring reset, SR-IOV and the admin queue belong to a whole function.
 */
#define VU_F_NOT_CARRIED                                                                           \
	(VN_NET_F_CTRL_GUEST_OFFLOADS | VN_NET_F_CTRL_RX_EXTRA | VN_F_IOMMU_PLATFORM |             \
		VN_F_ORDER_PLATFORM | VN_F_SR_IOV | VN_F_NOTIFICATION_DATA |                       \
		VN_F_NOTIF_CONFIG_DATA | VN_F_RING_RESET | VN_F_ADMIN_VQ | VN_NET_F_DEVICE_STATS | \
		VN_NET_F_HASH_TUNNEL | VN_NET_F_VQ_NOTF_COAL | VN_NET_F_NOTF_COAL |                \
		VN_NET_F_HASH_REPORT | VN_NET_F_GUEST_HDRLEN | VN_NET_F_RSS | VN_NET_F_RSC_EXT |   \
		VN_NET_F_STANDBY)
vu_handler vu_get_features;
vu_handler vu_set_features;
vu_handler vu_get_protocol_features;
vu_handler vu_set_protocol_features;

/* vu_state.c */
vu_handler vu_set_owner;
vu_handler vu_reset_owner;
vu_handler vu_reset_request;
vu_handler vu_set_status;
vu_handler vu_get_status;
vu_handler vu_get_config;
vu_handler vu_set_config;
vu_handler vu_get_queue_num;
vu_handler vu_send_rarp;
vu_handler vu_net_set_mtu;
/** Reset the device but for its memory; counted with vu_op_get() by the caller. */
void vu_device_reset(struct vu_conn *c);
/** Without STATUS the front end does not tell how far the driver is: conclude it. */
void vu_status_implied(struct vu_conn *c, uint8_t bits);

/* vu_mem.c */
vu_handler vu_set_mem_table;
vu_handler vu_add_mem_reg;
vu_handler vu_rem_mem_reg;
vu_handler vu_get_max_mem_slots;
/** Map a piece of a memory file, aligned as the file needs it. */
int vu_map_file(struct vu_conn *c, int fd, uint64_t offset, uint64_t size, struct vn_gm_file **file,
	uint64_t *file_offset);
/** Give up a table and a log (each may be NULL) by the helper thread: unmapping takes long. */
void vu_mem_release(struct vu_endpoint *ep, struct vu_mem *mem, struct vn_gm_file *log);

/* vu_log.c */
vu_handler vu_set_log_base;
vu_handler vu_set_log_fd;
/** Switch the device's log as the features ask; part of an operation. */
void vu_log_apply(struct vu_conn *c);
/**
 * A poller that does not let go may still write to a log: take the file away from under it, and
 * leave what is then anonymous memory in its place for good.
 */
void vu_log_abandon(struct vu_conn *c);

/* vu_vring.c */
vu_handler vu_set_vring_num;
vu_handler vu_set_vring_addr;
vu_handler vu_set_vring_base;
vu_handler vu_get_vring_base;
vu_handler vu_set_vring_kick;
vu_handler vu_set_vring_call;
vu_handler vu_set_vring_err;
vu_handler vu_set_vring_enable;

/* vu_ring.c */
void vu_ring_init(struct vu_conn *c, uint16_t index);
/** Take the kick descriptor away: the ring does not start again before the next one comes. */
void vu_ring_drop_kick(struct vu_ring *r);
/** Forget all but the interrupt descriptor. The ring is stopped, or the device is being reset. */
void vu_ring_forget(struct vu_ring *r);
/** Forget all. The ring is stopped, or the device is being reset. */
void vu_ring_fini(struct vu_ring *r);
/** Start the ring if all it needs is there. @return 0 (also: not yet); negative: refused. */
int vu_ring_try_start(struct vu_ring *r);
/** Stop the ring, if it runs; its position becomes its base. Part of an operation. */
void vu_ring_stop(struct vu_ring *r);
/** Do the ring's addresses mean something else (or nothing) in map @p map than when it started? */
bool vu_ring_moves(const struct vu_ring *r, const struct vn_guestmem *map);
/** The driver has packed rings. */
bool vu_packed(const struct vu_conn *c);
bool vu_rings_running(const struct vu_conn *c);

#endif /* VU_PRIVATE_H */
