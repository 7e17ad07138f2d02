/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef MSG_PRIVATE_H
#define MSG_PRIVATE_H

/**
 * @file
 * Between vn_msg.c (state of a connection) and vn_msg_io.c (system calls).
 */

#include <stddef.h>

struct vn_msg_conn;

/**
 * Read up to @p len bytes; descriptors that come with them are added to c->fds.
 * @return bytes (> 0); 0: nothing there now; negative: the connection has failed.
 */
int msg_recv(struct vn_msg_conn *c, void *buf, size_t len);

/** Send what is queued as far as the socket takes it. @return 0; negative: failed. */
int msg_flush(struct vn_msg_conn *c);

/** Forget what is queued. */
void msg_drop_out(struct vn_msg_conn *c);

/** What is waited for may have changed. */
void msg_watch(struct vn_msg_conn *c);

#endif /* MSG_PRIVATE_H */
