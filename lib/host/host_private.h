/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef HOST_PRIVATE_H
#define HOST_PRIVATE_H

/**
 * @file
 * The state of a host. Control thread only.
 *
 * The connection (host_qmp.c) is down, greeting, or up. When it has come up, the VM is asked what
 * it has (host_sync.c), and only then operations go on (host_plug.c, host_unplug.c). An operation
 * belongs to the entry of its function; it has one command on its way at most, or a timer.
 */

#include <sys/queue.h>

#include <jansson.h>

#include "vn_host.h"

/** Longest line of QMP that is read: query-pci of a large VM has some 100 KiB. */
#define HOST_MAX_LINE (4u << 20)
/** What may wait to be sent. */
#define HOST_MAX_OUT (256u << 10)
/** Commands without an answer. */
#define HOST_MAX_CMDS 256
/** Functions that are in a VM, or on their way. */
#define HOST_MAX_FNS 256
/** Ids of devices that are ours begin with this. */
#define HOST_ID_PREFIX "virtnet-"

#define HOST_TEXT_LEN 256

/** First QEMU that has vfio-user. */
#define HOST_VFIO_USER_MAJOR 10
#define HOST_VFIO_USER_MINOR 1
/**
 * Last QEMU that aborts when a vfio-user function with MSI-X is removed
 * (memory_region_del_subregion); later ones are taken to be mended.
 */
#define HOST_MSIX_ABORTS_MAJOR 11
#define HOST_MSIX_ABORTS_MINOR 1
#define HOST_MSIX_ABORTS_MICRO 3

enum host_state {
	HOST_DOWN,     /**< the retry timer runs */
	HOST_GREETING, /**< connected, the monitor has not said anything, or not agreed yet */
	HOST_SYNCING,  /**< asking what the VM has */
	HOST_UP,
};

/** The answer to a command. */
struct host_reply {
	int rc;             /**< 0; -EREMOTEIO: QEMU refused; -ENOTCONN: the connection is lost */
	const json_t *ret;  /**< what was returned */
	const char *reason; /**< of QEMU, or of ours; printable */
};
typedef void (*host_reply_cb)(void *ctx, const struct host_reply *reply);

struct host_cmd {
	uint64_t id;
	host_reply_cb cb;
	void *ctx;
	TAILQ_ENTRY(host_cmd) next;
};

/** What is being done with a function. */
enum host_step {
	STEP_NONE,    /**< it is in the VM */
	STEP_WAITING, /**< for the connection */
	STEP_PORT,    /**< looking for a free root port */
	STEP_CHARDEV,
	STEP_NETDEV,
	STEP_DEVICE,
	STEP_BDF,
	STEP_UNDO_NETDEV,
	STEP_UNDO_CHARDEV,
	STEP_DEL,     /**< device_del */
	STEP_DELETED, /**< waiting for the guest's consent */
	STEP_NETDEV_DEL,
	STEP_CHARDEV_DEL,
};

/** A function in the VM, or on its way there or out. */
struct host_fn {
	struct vn_host *host;
	struct vn_host_fn fn;
	struct vn_host_plugged at;
	enum host_step step;
	bool unplug;       /**< the operation is an unplug */
	bool leftover;     /**< of a plug that was cut off: taken out as soon as possible */
	bool adopted;      /**< plugged by an earlier controller: little is known of it */
	bool tell_gone;    /**< the owner is to be told at the end of this unplug */
	bool deleted;      /**< DEVICE_DELETED came before the answer to device_del */
	unsigned int port; /**< index of the root port that is being looked at */
	struct vn_timer timer;
	uint64_t deadline_ns;
	int rc; /**< why it is being undone */
	char text[HOST_TEXT_LEN];
	vn_host_plug_cb plug_done;
	vn_host_unplug_cb unplug_done;
	void *ctx;
	TAILQ_ENTRY(host_fn) next;
};

/** How long things may take, ns. Tests shorten them. */
struct host_times {
	uint64_t retry, greeting, command, bdf, bdf_poll, unplug, refresh;
};

struct vn_host {
	struct vn_loop *loop;
	struct vn_host_conf conf;
	struct host_times times;
	enum host_state state;
	int fd;
	struct vn_fd_source src;
	struct vn_timer timer;     /**< down: connect again; greeting: its deadline */
	struct vn_timer cmd_timer; /**< the oldest command's deadline */
	struct vn_timer refresh;   /**< look for PCI addresses again */
	uint64_t refresh_until_ns;
	bool refreshing;
	int version[3];
	char version_text[32];
	char why[HOST_TEXT_LEN]; /**< it is not connected */
	bool said;               /**< why was logged */
	uint64_t connections;
	uint64_t closed; /**< connections that ended: tells whether one is still the same */
	char *in;
	size_t in_len, in_room;
	char *out;
	size_t out_len;
	uint64_t next_id;
	unsigned int n_cmds, n_fns;
	TAILQ_HEAD(, host_cmd) cmds;
	TAILQ_HEAD(, host_fn) fns;
	vn_host_event_cb event;
	void *event_ctx;
};

/* host_qmp.c */

/** Make the first or next attempt to connect now. */
void host_connect(struct vn_host *h);
/** Close the connection; commands end with -ENOTCONN; connect again after a pause. */
void host_lose(struct vn_host *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/**
 * Send a command. @p args is taken over; NULL: it has none. @p cb comes later, always, unless the
 * result is negative.
 * @return 0; -ENOTCONN; -ENOBUFS; -ENOMEM.
 */
int host_send(struct vn_host *h, const char *command, json_t *args, host_reply_cb cb, void *ctx);
/** Forget all commands; no callback comes. */
void host_forget_cmds(struct vn_host *h);

/* host_sync.c */

/** The monitor has agreed: ask what the VM has, then let operations go on. */
void host_sync(struct vn_host *h);
/** An event of QEMU. */
void host_event(struct vn_host *h, const char *name, const json_t *data);
/** PCI addresses may have changed: look for them, for some time. */
void host_refresh_soon(struct vn_host *h);
/** Find @p id in the answer to query-pci. @return true: there, with an address that is final. */
bool host_pci_find(const json_t *ret, const char *id, struct vn_host_plugged *at);
/** Call the owner's event callback. */
void host_tell(struct vn_host *h, const char *id, bool gone, const struct vn_host_plugged *at);

/* vn_host.c */

struct host_fn *host_find(struct vn_host *h, const char *id);
/** A new entry without an operation, or NULL with errno ENOMEM or ENOSPC. */
struct host_fn *host_fn_new(struct vn_host *h, const struct vn_host_fn *fn);
void host_fn_free(struct host_fn *f);
/** The VM does not exist (any more): functions in it are gone, operations end. */
void host_vm_gone(struct vn_host *h);
/** The connection is lost: operations wait for the next one, or end. */
void host_ops_lost(struct vn_host *h);
/** The monitor cannot be reached, but the VM may be there. */
void host_ops_fail(struct vn_host *h);
/** The connection is up and the VM's state known: begin what waits. */
void host_ops_begin(struct vn_host *h);
/** Why the operation fails; "VM NAME: " is put before it. */
void host_set_text(struct host_fn *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Printable copy of QEMU's words. */
const char *host_safe(char *buf, size_t len, const char *text);

/* host_text.c */

/** Entries of a ring of virtio-net-pci, which takes few sizes only. */
uint16_t host_ring_size(const struct vn_host_fn *fn);

/* host_plug.c */
void host_plug_begin(struct host_fn *f);
/** End the plug with @p rc; the entry stays if it is 0. */
void host_plug_end(struct host_fn *f, int rc);

/* host_unplug.c */
void host_unplug_begin(struct host_fn *f);
void host_unplug_end(struct host_fn *f, int rc);
/** DEVICE_DELETED. */
void host_unplug_deleted(struct host_fn *f);
/** DEVICE_UNPLUG_GUEST_ERROR. */
void host_unplug_refused(struct host_fn *f);

#endif /* HOST_PRIVATE_H */
