/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_MSG_H
#define VN_MSG_H

/**
 * @file
 * Framing of messages on a unix stream socket: a header of fixed size, then a body whose size the
 * header gives, with file descriptors beside it. What vhost-user and vfio-user have in common.
 *
 * A read takes exactly what is missing of the header, then of the body, never more: what lies
 * behind it in the socket may carry descriptors of the next message. Nothing blocks; a message that
 * stays half, and a reply that is not taken, have a deadline.
 *
 * Control thread only. The structure is embedded in its owner's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "vn_loop.h"

/** Largest header: vfio-user has 16 bytes, vhost-user 12. */
#define VN_MSG_MAX_HDR 16
/** Most descriptors of one message (vfio-user's usual limit; vhost-user: 8). */
#define VN_MSG_MAX_FDS 16
/** Messages handled in a row before others have their turn. */
#define VN_MSG_MAX_BURST 16
/** Room for the reason of vn_msg_fail(). */
#define VN_MSG_WHY_LEN 192

struct vn_msg_conn;

/** Descriptors that came with a message. Those still in here after message() are closed. */
struct vn_msg_fds {
	unsigned int n;
	int fd[VN_MSG_MAX_FDS];
};

/** What a protocol says about its messages. Constant. */
struct vn_msg_ops {
	size_t hdr_len;       /**< bytes, <= VN_MSG_MAX_HDR */
	uint32_t max_body;    /**< bytes; a larger announcement ends the connection */
	unsigned int max_fds; /**< per message, <= VN_MSG_MAX_FDS; more end the connection */
	size_t max_queued;    /**< bytes of replies that wait; more end the connection */
	uint64_t deadline_ns; /**< for a message begun, and for a reply to be taken */

	/**
	 * The header is there: how long is the body? Negative after vn_msg_fail().
	 */
	int64_t (*body_len)(void *ctx, const void *hdr);
	/**
	 * A whole message. The handler may take descriptors (vn_msg_take_fd()), send, pause, fail
	 * and close, but not free the connection.
	 */
	void (*message)(
		void *ctx, const void *hdr, const void *body, uint32_t len, struct vn_msg_fds *fds);
	/**
	 * The connection is over: the peer went (@p error is 0), or an error (negative errno).
	 * Called once, from the loop, never from within a call; not after vn_msg_close(). The owner
	 * calls vn_msg_close() then, and may free it.
	 */
	void (*closed)(void *ctx, int error, const char *why);
};

/** A reply, or the rest of it, that the socket did not take at once. */
struct vn_msg_out {
	STAILQ_ENTRY(vn_msg_out) next;
	size_t len, sent;
	unsigned int n_fds;
	int fd[VN_MSG_MAX_FDS];
	uint8_t data[];
};

/** A connection. All fields are vn_msg.c's. */
struct vn_msg_conn {
	struct vn_loop *loop;
	const struct vn_msg_ops *ops;
	void *ctx;
	struct vn_fd_source src;
	struct vn_timer deadline; /* for a half message, or for replies that are not taken */
	struct vn_timer failer;   /* calls closed() from the loop */
	int fd;                   /* -1: closed */
	bool paused;
	bool failed;
	int error;
	char why[VN_MSG_WHY_LEN];

	uint8_t hdr[VN_MSG_MAX_HDR];
	size_t hdr_got;
	uint32_t body_len, body_got;
	uint8_t *body; /* malloc'd, body_room bytes, kept for the next message */
	uint32_t body_room;
	struct vn_msg_fds fds;

	STAILQ_HEAD(, vn_msg_out) out;
	size_t queued; /* bytes in out */
};

/**
 * Begin to read messages from @p fd, which becomes the connection's (closed by vn_msg_close(), also
 * after a failure of this call). It is made non-blocking.
 *
 * @return 0 or negative errno.
 */
int vn_msg_open(struct vn_msg_conn *c, struct vn_loop *loop, const struct vn_msg_ops *ops,
	void *ctx, int fd);

/** Close it and all that it holds. No callback comes any more. No-op when closed already. */
void vn_msg_close(struct vn_msg_conn *c);

/** Handle no further message until vn_msg_resume(); a hang-up is still seen. */
void vn_msg_pause(struct vn_msg_conn *c);
void vn_msg_resume(struct vn_msg_conn *c);

/**
 * Send a message, or queue what the socket does not take. While something is queued no further
 * message is read: a peer that does not read its replies gets no more of them. Failures end the
 * connection by closed().
 *
 * @param fds
 *   Descriptors to go with it; they become the connection's, which closes them. May be NULL.
 */
void vn_msg_send(
	struct vn_msg_conn *c, const void *data, size_t len, const int *fds, unsigned int n_fds);

/** End the connection for a reason: closed(error, why) is called soon. The first reason counts. */
void vn_msg_fail(struct vn_msg_conn *c, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Take descriptor @p i out of @p fds: it is the caller's then. @return -1 if there is none. */
int vn_msg_take_fd(struct vn_msg_fds *fds, unsigned int i);

/** Close what is left in @p fds. */
void vn_msg_close_fds(struct vn_msg_fds *fds);

#endif /* VN_MSG_H */
