/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_PRIVATE_H
#define CTL_PRIVATE_H

/** @file The server's state. Control thread only. */

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "ctl_args.h"
#include "ctl_show.h"
#include "vn_ctl.h"
#include "vn_loop.h"

/** Longest path that an answer repeats. */
#define CTL_MAX_PATH 128

/** A page of a long answer ends once it has this many bytes. */
#define CTL_PAGE (128 * 1024)

/** How long a client may take to read its answer. */
#define CTL_READ_DEADLINE_NS VN_SEC(30)

/** How long no client is accepted after we had no descriptor for one. */
#define CTL_ACCEPT_PAUSE_NS VN_MS(100)

/** One connection. */
struct ctl_client {
	struct vn_ctl *ctl;
	struct vn_fd_source src;
	struct vn_timer deadline; /**< armed while an answer waits */
	int fd;
	pid_t pid;
	uid_t uid;
	uint64_t requests;
	char *out; /**< the answer that waits, or NULL; no request is read before it went */
	size_t out_len;
	struct ctl_pending
		*pending; /**< an answer that comes later; no request is read before it */
	TAILQ_ENTRY(ctl_client) next;
};

/** A request whose answer comes later. It outlives its client, and even the server. */
struct ctl_pending {
	struct ctl_client *client; /**< NULL: not there yet, or gone */
	bool in_handler;           /**< the handler has not returned yet */
	bool completed;
	json_t *value;
	char path[CTL_MAX_PATH];
};

/** What the debug counters of a device count from since query --stats_clear. */
struct ctl_baseline {
	char vuid[VN_VUID_LEN];
	unsigned int n;
	struct ctl_dbg *ring;
	TAILQ_ENTRY(ctl_baseline) next;
};

struct vn_ctl {
	struct vn_loop *loop;
	struct vn_controller *controller;
	struct vn_pollers *pollers;
	json_t *(*show_switch)(void *ctx); /* may be NULL */
	void *show_ctx;
	char version[32]; /**< with the leading v */
	struct vn_fd_source listener;
	struct vn_timer accept_pause;
	int fd; /**< -1: not listening */
	struct sockaddr_un addr;
	struct stat bound; /**< the socket file as we made it */
	uint64_t read_deadline_ns;
	unsigned int n_clients;
	uint64_t refused; /**< clients turned away */
	TAILQ_HEAD(, ctl_client) clients;
	TAILQ_HEAD(, ctl_baseline) baselines;
	char request[VN_CTL_MAX_REQUEST + 1]; /**< the request in work */
};

/** Beside the answer itself. */
struct ctl_reply {
	bool more;
	uint64_t next_cursor;
	struct ctl_pending *pending; /**< by ctl_defer() */
};

/**
 * For a handler: the answer comes later, by ctl_complete(), which has to be called once, also
 * before the handler returns. The handler returns NULL then.
 * @return NULL: no memory.
 */
struct ctl_pending *ctl_defer(struct ctl_reply *reply);
/** The answer; @p value (taken over) NULL stands for lack of memory. The client may be gone. */
void ctl_complete(struct ctl_pending *pending, json_t *value);
/** ctl_server.c: send @p value, whose request had @p path, to the client that waits for it. */
void ctl_answer(struct ctl_client *c, const char *path, json_t *value);
/** The answer to a request that was executed, for free(). Takes over @p value. */
char *ctl_finish(const char *path, json_t *value, const struct ctl_reply *reply);
/** The device that pf, vf or vuid name, or NULL. */
struct vn_device *ctl_find_device(struct vn_ctl *ctl, const struct ctl_args *args);

/**
 * Execute the request of @p len bytes.
 * @return the message to send, NUL-terminated, for free(); NULL for lack of memory, or with
 *   *pending set: it comes later.
 */
char *ctl_request(
	struct vn_ctl *ctl, const char *request, size_t len, struct ctl_pending **pending);
/** {"errno": ..., "errstr": ...}: the request could not be executed; for free(). */
char *ctl_failed(int error, const char *text);
/** {"version": ..., "pid": ..., "max_output_len": ...} */
json_t *ctl_info(const struct vn_ctl *ctl);

/** Check the directory and listen: fills fd, addr, bound. @return 0 or negative errno, @p err. */
int ctl_listen(struct vn_ctl *ctl, const char *dir, char *err, size_t errlen);

/** Forget all baselines. */
void ctl_baselines_free(struct vn_ctl *ctl);

#endif /* CTL_PRIVATE_H */
