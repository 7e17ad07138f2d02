/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_CTL_H
#define VN_CTL_H

/**
 * @file
 * The control socket. It speaks the wire protocol of DPDK's telemetry, version 2, so that the
 * stock dpdk-telemetry.py can connect (-f DIR); the virtnet CLI uses the same.
 *
 * - Unix socket of type SOCK_SEQPACKET: one message is one request or one answer.
 * - The server begins: {"version": "v1.2.3", "pid": 1234, "max_output_len": 1048576}.
 * - Request: /virtnet/COMMAND, or /virtnet/COMMAND,PARAMETERS. The parameters are a JSON object,
 *   or the short form key=value,key=value (a flag: its key alone).
 * - Answer: a JSON object whose first key is the request's path. An answer that goes on has
 *   "next_cursor" as well: the request is repeated with that number as parameter cursor.
 * - A request that is not executed (unknown, malformed, out of range) is answered by
 *   {"errno": -N, "errstr": "text"} alone. A command that fails has such an object as its answer;
 *   N is a Linux error number, or one of vn_errors.h. A device that does not exist is answered
 *   {"Error": "Device doesn't exist"}.
 *
 * Clients must run as root or as our own user. Everything is bounded: clients, request and
 * answer sizes, one answer waiting per client, the time a client may take to read it.
 *
 * All functions are for the control thread; nothing blocks.
 */

#include <stddef.h>

struct vn_ctl;
struct vn_controller;
struct vn_loop;
struct json_t;
struct vn_pollers;

/** Name of the socket in its directory: what dpdk-telemetry.py looks for. */
#define VN_CTL_SOCKET "dpdk_telemetry.v2"

/** Largest answer, announced to clients. */
#define VN_CTL_MAX_OUTPUT (1024 * 1024)
/** Largest request. */
#define VN_CTL_MAX_REQUEST (64 * 1024)
/** Most clients at a time. Further ones are told so and closed. */
#define VN_CTL_MAX_CLIENTS 128

struct vn_ctl_conf {
	const char *dir;     /**< directory of the socket; made (mode 0700) if missing */
	const char *version; /**< of this program, "1.2.3"; NULL: VN_VERSION */
	struct vn_controller *controller; /**< must outlive the server */
	struct vn_pollers *pollers;       /**< for debug; may be NULL; must outlive the server */
	/** For debug: what the embedded switch does, bounded. May be NULL. Control thread. */
	struct json_t *(*show_switch)(void *ctx);
	void *ctx; /**< of show_switch */
};

/**
 * Listen on DIR/dpdk_telemetry.v2 (mode 0600). A socket file nobody listens on is replaced.
 *
 * @param err
 *   Gets one line on failure, which says what to do (256 bytes are enough).
 * @return
 *   0; -EADDRINUSE (somebody listens there); -ENAMETOOLONG; -EPERM (the directory is open to other
 *   users); other negative errno. On failure nothing is left behind.
 */
int vn_ctl_create(struct vn_loop *loop, const struct vn_ctl_conf *conf, struct vn_ctl **ctl,
	char *err, size_t errlen);

/** Close all connections and remove the socket file if it is still ours. NULL is fine. */
void vn_ctl_destroy(struct vn_ctl *ctl);

/** Clients connected now. */
unsigned int vn_ctl_clients(const struct vn_ctl *ctl);

#endif /* VN_CTL_H */
