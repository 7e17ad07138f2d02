/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VFU_HOLD_H
#define VN_VFU_HOLD_H

/**
 * @file
 * The descriptors of a vfio-user endpoint, held by (or on their way to) another process: its state
 * file, its sockets, the client's memory and interrupts. For a supervisor, which needs no DPDK for
 * it, and for the hand-over to a successor.
 *
 * They are known by numbers, which the state file names. On a connected SOCK_SEQPACKET socket each
 * goes in a message of its own: put, drop, end of the list. A message that has been sent is in the
 * kernel's hands: its descriptor survives the sender.
 *
 * Single thread, whichever. Nothing blocks on a non-blocking socket.
 */

#include <stdbool.h>
#include <stdint.h>

/** Most descriptors of one endpoint: 2048 vectors, INTx, memory files, sockets. */
#define VN_VFU_HOLD_MAX 4096

enum vn_vfu_kind {
	VN_VFU_STATE = 1, /**< memory file of vfu_shm.h */
	VN_VFU_LISTENER,
	VN_VFU_CONN,
	VN_VFU_CLIENT, /**< came from the client: memory, interrupts */
};

struct vn_vfu_held {
	uint32_t number, kind;
	int fd; /**< -1: taken */
};

struct vn_vfu_hold {
	unsigned int n, room;
	struct vn_vfu_held *held;
};

/** Zeroed memory is an empty one, too. */
void vn_vfu_hold_init(struct vn_vfu_hold *h);
/** Close what it has. */
void vn_vfu_hold_fini(struct vn_vfu_hold *h);

/** What vn_vfu_hold_recv() found. */
#define VN_VFU_CHANGED 1 /**< one message was handled */
#define VN_VFU_END     2 /**< the sender says that this is all */
/**
 * Read one message from @p sock and do what it says.
 * @return VN_VFU_CHANGED, VN_VFU_END; 0: the sender has gone; -EAGAIN: nothing there; -EPROTO: not
 *   a message of this version; -ENOSPC; other negative errno.
 */
int vn_vfu_hold_recv(struct vn_vfu_hold *h, int sock);

/**
 * Send all from number @p *next of the array on, then the end. @p *next tells how far it came.
 * @return 0; -EAGAIN: again when the socket can be written; other negative errno.
 */
int vn_vfu_hold_send(const struct vn_vfu_hold *h, int sock, unsigned int *next);

/** Tell the holder at @p sock to keep a duplicate of @p fd. @return 0 or negative errno. */
int vn_vfu_put(int sock, uint32_t number, enum vn_vfu_kind kind, int fd);
/** Tell the holder that @p number is not needed any more. */
int vn_vfu_drop(int sock, uint32_t number);

/** Add @p fd, which becomes the holder's (closed on failure, too). @return 0, -ENOSPC, -ENOMEM. */
int vn_vfu_hold_add(struct vn_vfu_hold *h, uint32_t number, enum vn_vfu_kind kind, int fd);
/** Take number @p number (0: any) of kind @p kind out of it: the caller's then. -1: none. */
int vn_vfu_hold_take(struct vn_vfu_hold *h, enum vn_vfu_kind kind, uint32_t *number);

#endif /* VN_VFU_HOLD_H */
