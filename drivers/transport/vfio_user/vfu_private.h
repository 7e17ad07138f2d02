/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VFU_PRIVATE_H
#define VFU_PRIVATE_H

/**
 * @file
 * What the files of this driver share: the endpoint (socket, function, state file) and its
 * connection.
 *
 * A message goes through four steps. Take: it is peeked at, put into the state file and taken from
 * the socket (vfu_io.c). Decode: it is checked (vfu_msg.c). Execute: a handler changes the
 * function, c->own or the memory map, and writes the reply's payload. Emit: the journal makes all
 * that valid at once (vfu_journal.c), and the reply is sent. See vfu_shm.h for why.
 *
 * What ends the connection, and what only its request:
 *
 *   size below 16 or above VFU_MAX_MSG, type not "command",
 *   more than 16 descriptors, anything before VERSION ........ connection
 *   half a message, or replies not read, for 5 s .............. connection
 *   unknown command ........................................... ENOTSUP
 *   migration, dirty pages, DMA_READ and DMA_WRITE (they are
 *   the server's to send) ..................................... ENOTSUP
 *   payload of a wrong size, unknown flags, descriptors that
 *   do not belong to it, ranges beyond their end, other
 *   major version (the client then closes), second VERSION .... EINVAL
 *   DMA_MAP over another map ... EEXIST; one too many ... ENOSPC
 *   DMA_UNMAP of what is not mapped in exactly that way ....... ENOENT
 *
 * Memory that comes without a descriptor (QEMU's firmware) is noted, so that it can be unmapped,
 * but is not in the device's map: a ring or buffer in it breaks the device, which says so. No
 * driver has either in ROM; reaching it would take a round trip to the client per descriptor.
 */

#include "vfu_shm.h"
#include "vn_device.h"
#include "vn_eventfd.h"
#include "vn_guestmem.h"
#include "vn_log.h"
#include "vn_loop.h"
#include "vn_msg.h"
#include "vn_pci_fn.h"
#include "vn_sock.h"
#include "vn_transport.h"
#include "vn_vfu_hold.h"

struct vfu_conn;
struct vfu_endpoint;

/** A message as its handler sees it. */
struct vfu_msg {
	struct vfu_hdr hdr;
	const uint8_t *payload;
	uint32_t len;
	struct vn_msg_fds *fds; /* those left are closed after the handler */

	/* Results. */
	uint8_t *reply; /* room for VFU_MAX_MSG - header */
	uint32_t reply_len;
	bool reply_fd; /* with the doorbell page */
	bool pci_changed, own_changed;
};

/** Executes a message. @return 0, VFU_LATER (the handler has begun a reset) or negative errno. */
typedef int vfu_handler(struct vfu_conn *c, struct vfu_msg *m);
#define VFU_LATER 1

/** A memory file of the client. Shared by the maps of one or more regions. */
struct vfu_file {
	LIST_ENTRY(vfu_file) next;
	struct vn_gm_file *file;
	uint32_t number; /* of its descriptor */
	uint32_t maps;
};
LIST_HEAD(vfu_files, vfu_file);
/** Distinct files of one client. */
#define VFU_MAX_FILES 1024

/** The client's memory (vfu_dma.c). */
struct vfu_dma {
	unsigned int n, room;
	struct vfu_dma_ref {
		uint64_t address;
		uint32_t slot;         /* in vfu_shm::map */
		struct vfu_file *file; /* NULL: cannot be mapped */
	} * ref;                       /* sorted by address */
	uint32_t first_free;           /* no slot below it is free */
	unsigned int n_files;
	uint64_t bytes;
	struct vfu_files files, dying;
	struct vn_guestmem *mem;   /* of all maps; NULL: none */
	struct vn_guestmem *given; /* to the device; is in use until the swap has ended */
	bool dirty;                /* mem is not what was given */
	bool swapping;
	uint64_t swap_seq; /* messages executed when the swap began */
};

/** One connection. Lives until its callbacks have come. */
struct vfu_conn {
	struct vfu_endpoint *ep;
	int fd;
	uint32_t number;
	struct vn_fd_source src;
	struct vn_timer deadline; /* for a half message, or for replies that are not taken */
	struct vn_timer again;    /* more may be there: others had their turn */
	struct vn_timer failer;
	bool running, failed, dead, hup;
	bool resetting; /* DEVICE_RESET: nothing else is looked at until it has ended */
	bool late;      /* and its reply is still to come */
	int late_result;
	struct vfu_hdr late_hdr;
	bool ending;    /* the device is being reset for the last time */
	bool restoring; /* taken over; the device does not have its memory yet */
	bool giving;    /* to a successor: no further message is looked at */
	bool blocked;   /* replies: the socket is full */
	bool keeper_busy;
	int error;
	char why[VN_MSG_WHY_LEN];         /* by vfu_conn_fail() */
	char refused[VN_MSG_WHY_LEN / 2]; /* by vfu_refuse() */

	uint32_t events;    /* waited for */
	uint32_t need;      /* bytes that must be there before it is worth to look; 0: unknown */
	uint64_t due;       /* replies of messages up to this number may be sent */
	unsigned int owed;  /* replies not sent, due or not */
	unsigned int first; /* of them, in vfu_shm::reply */

	struct vfu_own own; /* what the next commit makes valid */
	uint32_t *drops;    /* descriptors that the next commit makes useless to the keeper */
	unsigned int n_drops, drops_room;
	uint32_t claimed; /* descriptors of the present message that stay, by bit */
	int intx_fd;
	int *msix_fd; /* ep->vectors of them; -1: none */

	struct vn_msg_fds peeked; /* duplicates, until the keeper has them */
	struct vn_msg_fds fds;    /* of the message; vfu_shm::fd_number at the keeper */
	struct vfu_dma dma;

	/* Of a reply, and what is read to be thrown away. */
	uint8_t out[VFU_MAX_MSG], waste[VFU_MAX_MSG];
};

/** What the transport interface calls an endpoint: one socket of one device. */
struct vfu_endpoint {
	struct vn_device *dev;
	struct vn_loop *loop;
	struct vn_pci_fn *fn;
	uint16_t vectors;
	struct vn_sock_listener listener;
	uint32_t listener_number;
	struct vn_fd_source listen_src;
	struct vn_timer retry; /* accept again */
	struct vfu_conn *conn;
	uint64_t connections, protocol_errors, refused;

	int shm_fd;
	uint32_t shm_number;
	struct vfu_shm *shm;
	int keeper; /* socket to who holds duplicates of all descriptors; -1: nobody */

	/* Interrupts of INTx go through us: they have a mask. */
	int intx_in;
	struct vn_fd_source intx_src;

	unsigned int jobs; /* unmapping in the helper thread */
	bool unplugging;
	bool left; /* it was given away: others have what it held */
	vn_device_cb unplugged;
	void *unplugged_ctx;

	struct vfu_give *give; /* hand-over under way */
};

/* vfu_endpoint.c */

void vfu_endpoint_conn_gone(struct vfu_endpoint *ep);
void vfu_endpoint_job_done(struct vfu_endpoint *ep);
void vfu_endpoint_give_done(struct vfu_endpoint *ep);
/** An endpoint without sockets and state file. @return NULL: see @p ret and @p err. */
struct vfu_endpoint *vfu_endpoint_create(struct vn_device *dev, const struct vn_endpoint_conf *conf,
	int *ret, char *err, size_t errlen);
int vfu_endpoint_watch(struct vfu_endpoint *ep, char *err, size_t errlen);
void vfu_endpoint_free(struct vfu_endpoint *ep);
/** It has been given away: end without closing anything for good; then ep->unplugged(). */
void vfu_endpoint_leave(struct vfu_endpoint *ep);
/**
 * Let the keeper have a duplicate. @return the number; -EAGAIN: it is busy. When it has gone, we go
 * on without one.
 */
int64_t vfu_keep(struct vfu_endpoint *ep, enum vn_vfu_kind kind, int fd);
void vfu_unkeep(struct vfu_endpoint *ep, uint32_t number);

/* vfu_conn.c */

/** A half message, or a reply that is not read, is waited for so long. */
#define VFU_DEADLINE_NS VN_SEC(5)
/** Messages handled in a row before others have their turn. */
#define VFU_MAX_BURST 32

/** Begin a connection on @p fd, which becomes its own. */
int vfu_conn_open(struct vfu_endpoint *ep, int fd);
struct vfu_conn *vfu_conn_alloc(struct vfu_endpoint *ep, int fd, uint32_t number);
/** Begin to look at messages. */
int vfu_conn_start(struct vfu_conn *c);
/** The peer is gone or not wanted any more. Asynchronous: ends in vfu_endpoint_conn_gone(). */
void vfu_conn_kill(struct vfu_conn *c);
void vfu_conn_free(struct vfu_conn *c);
/** Something that it waited for has ended (a reset, another memory map). */
void vfu_conn_progress(struct vfu_conn *c);
/** Handle what is there and can be handled now. */
void vfu_conn_run(struct vfu_conn *c);
/** End the connection for a reason; soon. The first reason counts. */
void vfu_conn_fail(struct vfu_conn *c, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* vfu_io.c */

/**
 * Look for a whole message; it stays in the socket. Its bytes are in vfu_shm::in.
 *
 * @param may
 *   Asked once the header is there: is it this message's turn?
 * @return its size; 0: not (yet); negative: vfu_conn_fail() was called.
 */
int vfu_peek(struct vfu_conn *c, bool (*may)(const struct vfu_conn *c, uint16_t command));
/**
 * Take what vfu_peek() found from the socket, its descriptors into c->fds.
 * @return 1; 0: the keeper is busy, try again; negative: failed.
 */
int vfu_take(struct vfu_conn *c, uint32_t size);
/** Go on with a message that an earlier process was taking or had taken. As vfu_take(). */
int vfu_take_resume(struct vfu_conn *c, struct vn_vfu_hold *hold);
/** Take it without the journal: it may be executed again, and has no reply. */
int vfu_take_plain(struct vfu_conn *c, uint32_t size);
/** Send the replies that are due. @return 0 (see c->blocked); negative: failed. */
int vfu_send(struct vfu_conn *c);

/* vfu_journal.c */

/** The message was executed with @p result: make it, its effects and its reply valid. */
void vfu_journal_commit(struct vfu_conn *c, const struct vfu_msg *m, int result);
/** The registers of the function, apart from any message. */
void vfu_journal_save(struct vfu_endpoint *ep);
/** The client has gone: nothing of it counts any more. */
void vfu_journal_clear(struct vfu_endpoint *ep);
/** Find out what an earlier process left to be done. @return 0 or -EINVAL. */
int vfu_journal_resume(struct vfu_conn *c);
/** Drop @p number at the keeper once the present message is committed. */
void vfu_drop_later(struct vfu_conn *c, uint32_t number);
void vfu_drop_now(struct vfu_conn *c);
/** Bytes of it that the socket took. */
static inline uint32_t
vfu_reply_sent(const struct vfu_reply *r)
{
	uint32_t n = 0;
	unsigned int i;

	for (i = 0; i < VFU_SEND_PARTS; i++)
		n += __atomic_load_n(&r->mm[i].msg_len, __ATOMIC_RELAXED);
	return n;
}

/* vfu_msg.c */

/** "DMA_MAP" and so on, or "?". */
const char *vfu_command_name(uint16_t command);
/** Look at the next message. @return 1: handled; 0: none; negative: failed. */
int vfu_msg_next(struct vfu_conn *c);
/** Execute the message that was taken. @return 1; 0: it is to end late; negative: failed. */
int vfu_msg_handle(struct vfu_conn *c);
/** DEVICE_RESET has ended, after VFU_LATER: c->late_result. */
void vfu_msg_late(struct vfu_conn *c);
/**
 * Descriptor @p i of the present message is going to stay: take its number. Without that the keeper
 * drops it when the message has been executed.
 */
static inline uint32_t
vfu_claim(struct vfu_conn *c, unsigned int i)
{
	uint32_t number = c->ep->shm->fd_number[i];

	c->claimed |= 1u << i;
	return number;
}
/** Note why the present message is refused, and pass @p result through. */
int vfu_refuse(struct vfu_conn *c, int result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* vfu_handover.c */

/** The endpoint is being given away: is it time? */
void vfu_give_progress(struct vfu_endpoint *ep);
/** The endpoint is being unplugged: end that. */
void vfu_give_cancel(struct vfu_endpoint *ep);
/** The last step of taking over. */
void vfu_take_restore(struct vfu_conn *c);

/* vfu_version.c */
vfu_handler vfu_version;

/* vfu_info.c */
vfu_handler vfu_get_info;
vfu_handler vfu_get_region_info;
vfu_handler vfu_get_region_io_fds;
vfu_handler vfu_get_irq_info;

/* vfu_region.c */
vfu_handler vfu_region_read;
vfu_handler vfu_region_write;
vfu_handler vfu_region_write_multi;
vfu_handler vfu_reset;

/* vfu_irq.c */
vfu_handler vfu_set_irqs;
extern const struct vn_pci_ops vfu_pci_ops;
/** Make the way of INTx. @return 0 or negative errno. */
int vfu_irq_init(struct vfu_endpoint *ep);
void vfu_irq_fini(struct vfu_endpoint *ep);
void vfu_intx_raise(struct vfu_conn *c);
/** The client has gone. */
void vfu_irq_drop(struct vfu_conn *c);
/** Descriptors of numbers in c->own, from @p hold. @return 0 or negative errno. */
int vfu_irq_restore(struct vfu_conn *c, struct vn_vfu_hold *hold);

/* vfu_dma.c */
vfu_handler vfu_dma_map;
vfu_handler vfu_dma_unmap;
/** Give the device the map as it is now, if it has changed. Replies follow. */
void vfu_dma_swap(struct vfu_conn *c);
static inline bool
vfu_dma_idle(const struct vfu_conn *c)
{
	return !c->dma.dirty && !c->dma.swapping;
}
/** Forget all; the device has let go. */
void vfu_dma_fini(struct vfu_conn *c);
/** The same, but leave the state file and what the keeper has alone. */
void vfu_dma_abandon(struct vfu_conn *c);
/** Map what the state file names, with descriptors of @p hold. @return 0 or negative errno. */
int vfu_dma_restore(struct vfu_conn *c, struct vn_vfu_hold *hold);

#endif /* VFU_PRIVATE_H */
