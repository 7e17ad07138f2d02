/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_SOCK_H
#define VN_SOCK_H

/**
 * @file
 * Unix stream sockets of the transports: listening on a path, connecting to one.
 *
 * Control thread only. Nothing here blocks, and every descriptor is non-blocking and close-on-exec.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** Longest path of a unix socket, with the NUL: sizeof(sun_path) of Linux. */
#define VN_SOCK_PATH_MAX 108

/** A listening socket and the file that it made. */
struct vn_sock_listener {
	int fd; /**< -1 when not listening */
	char path[VN_SOCK_PATH_MAX];
	dev_t dev; /**< the file we made, so that only that one is removed */
	ino_t ino;
};

/**
 * Check that @p path can name a unix socket.
 *
 * @param err
 *   Gets one line on failure. May be NULL.
 * @return
 *   0; -EINVAL (NULL or empty); -ENAMETOOLONG.
 */
int vn_sock_check_path(const char *path, char *err, size_t errlen);

/**
 * Listen on @p path. A socket file on which nobody listens (left by a process that died) is
 * replaced. Two processes that try this at the same time are kept apart by a lock file
 * "<path>.lock", which is removed again before the call returns.
 *
 * @param l
 *   Filled; fd is -1 on failure.
 * @param err
 *   Gets one line that says what is wrong and what to do. May be NULL.
 * @return
 *   0; -EADDRINUSE (somebody listens there, or is just about to); -ENAMETOOLONG;
 *   -EEXIST (a file that is no socket); other negative errno.
 */
int vn_sock_listen(struct vn_sock_listener *l, const char *path, char *err, size_t errlen);

/** Stop listening and remove the socket file if it is still ours. No-op when not listening. */
void vn_sock_unlisten(struct vn_sock_listener *l);

/** @return the next connection, or negative errno (-EAGAIN: none). */
int vn_sock_accept(const struct vn_sock_listener *l);

/** @return a connection to @p path, or negative errno (-EAGAIN: the listener's queue is full). */
int vn_sock_connect(const char *path);

/** True when the peer of connection @p fd has closed its end (also with data left to read). */
bool vn_sock_hung_up(int fd);

#endif /* VN_SOCK_H */
