/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_private.h"
#include "vn_errors.h"
#include "vn_log.h"

/** Clients accepted per event, so that a storm of them does not hold up the rest. */
#define ACCEPT_BURST 16

static void
client_close(struct ctl_client *c)
{
	struct vn_ctl *ctl = c->ctl;

	/* Its answer will be thrown away when it comes. */
	if (c->pending != NULL)
		c->pending->client = NULL;
	vn_loop_del_fd(ctl->loop, &c->src);
	vn_loop_cancel(ctl->loop, &c->deadline);
	close(c->fd);
	TAILQ_REMOVE(&ctl->clients, c, next);
	ctl->n_clients--;
	free(c->out);
	free(c);
}

/** The client did not read its answer in time. */
static void
client_late(void *ctx)
{
	struct ctl_client *c = ctx;

	VN_WARN("control socket: process %d does not read its answer, closed", (int)c->pid);
	client_close(c);
}

/**
 * Send c->out, or wait until that is possible.
 * @return 0 (sent or waiting), -EMSGSIZE (nothing changed), else the connection is lost.
 */
static int
client_flush(struct ctl_client *c)
{
	struct vn_ctl *ctl = c->ctl;

	if (send(c->fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		free(c->out);
		c->out = NULL;
		c->out_len = 0;
		vn_loop_cancel(ctl->loop, &c->deadline);
		return vn_loop_mod_fd(ctl->loop, &c->src, EPOLLIN);
	}
	if (errno == EINTR || errno == EAGAIN || errno == ENOBUFS) {
		if (!c->deadline.armed)
			vn_loop_arm(ctl->loop, &c->deadline, ctl->read_deadline_ns);
		return vn_loop_mod_fd(ctl->loop, &c->src, EPOLLOUT);
	}
	return -errno;
}

/** Send a message; takes it over. @return 0, or negative errno: close the client. */
static int
client_send(struct ctl_client *c, char *text)
{
	int rc = -EMSGSIZE;

	if (text == NULL)
		return -ENOMEM;
	c->out = text;
	c->out_len = strlen(text);
	if (c->out_len <= VN_CTL_MAX_OUTPUT)
		rc = client_flush(c);
	if (rc != -EMSGSIZE)
		return rc;
	/* More than was announced, or (without CAP_NET_ADMIN) than the kernel takes. */
	free(c->out);
	c->out = ctl_failed(
		-EMSGSIZE, "the answer is too long: ask for less (brief, queue_id, one device)");
	c->out_len = c->out != NULL ? strlen(c->out) : 0;
	return c->out != NULL ? client_flush(c) : -ENOMEM;
}

/** Read and execute one request. @return 0, or negative: close the client. */
static int
client_serve(struct ctl_client *c)
{
	struct ctl_pending *pending = NULL;
	struct vn_ctl *ctl = c->ctl;
	char *text;
	ssize_t n;

	/* With MSG_TRUNC the result is the real length, also of what did not fit. */
	n = recv(c->fd, ctl->request, VN_CTL_MAX_REQUEST, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ENOTCONN;
	c->requests++;
	if (n > VN_CTL_MAX_REQUEST)
		text = ctl_failed(-EMSGSIZE, "the request is longer than 65536 bytes");
	else
		text = ctl_request(ctl, ctl->request, (size_t)n, &pending);
	if (pending == NULL)
		return client_send(c, text);
	/* Until then only its end interests us. */
	pending->client = c;
	c->pending = pending;
	return vn_loop_mod_fd(ctl->loop, &c->src, 0);
}

void
ctl_answer(struct ctl_client *c, const char *path, json_t *value)
{
	const struct ctl_reply plain = {0};

	if (client_send(c, ctl_finish(path, value, &plain)) != 0)
		client_close(c);
}

static void
client_event(void *ctx, uint32_t events)
{
	struct ctl_client *c = ctx;
	int rc = 0;

	/* One request or one answer per event: clients take turns. */
	if (c->out != NULL && (events & EPOLLOUT) != 0)
		rc = client_flush(c);
	else if (c->out == NULL && c->pending == NULL && (events & EPOLLIN) != 0)
		rc = client_serve(c);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		rc = -ENOTCONN;
	if (rc != 0)
		client_close(c);
}

/** Tell a client that is not let in why. Best effort: it is closed next. */
static void
refuse(struct vn_ctl *ctl, int fd, int error, const char *text)
{
	char *s = ctl_failed(error, text);

	ctl->refused++;
	if (s != NULL && send(fd, s, strlen(s), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		VN_DBG("control socket: a refused client is gone already");
	free(s);
	close(fd);
}

/** Room for the longest answer as one message. */
static void
set_send_buffer(int fd)
{
	/* The kernel doubles it for its own overhead. The first needs CAP_NET_ADMIN. */
	const int size = VN_CTL_MAX_OUTPUT;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0 &&
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) != 0)
		VN_DBG("control socket: no larger send buffer");
}

static void
client_create(struct vn_ctl *ctl, int fd)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	struct ctl_client *c;
	json_t *info;
	char *banner;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
		(cred.uid != 0 && cred.uid != geteuid())) {
		refuse(ctl, fd, -EPERM, "only root and the user of the controller may connect");
		return;
	}
	if (ctl->n_clients >= VN_CTL_MAX_CLIENTS) {
		refuse(ctl, fd, -EUSERS, "too many clients are connected, try again later");
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		refuse(ctl, fd, -ENOMEM, NULL);
		return;
	}
	c->ctl = ctl;
	c->fd = fd;
	c->pid = cred.pid;
	c->uid = cred.uid;
	c->src.cb = client_event;
	c->src.ctx = c;
	c->deadline.cb = client_late;
	c->deadline.ctx = c;
	set_send_buffer(fd);
	if (vn_loop_add_fd(ctl->loop, &c->src, fd, EPOLLIN) != 0) {
		free(c);
		refuse(ctl, fd, -ENOMEM, NULL);
		return;
	}
	TAILQ_INSERT_TAIL(&ctl->clients, c, next);
	ctl->n_clients++;
	info = ctl_info(ctl);
	banner = info != NULL ? json_dumps(info, 0) : NULL;
	json_decref(info);
	if (client_send(c, banner) != 0)
		client_close(c);
}

static void
accept_again(void *ctx)
{
	struct vn_ctl *ctl = ctx;

	vn_loop_mod_fd(ctl->loop, &ctl->listener, EPOLLIN);
}

static void
listener_event(void *ctx, uint32_t events)
{
	struct vn_ctl *ctl = ctx;
	int fd, i;

	(void)events;
	for (i = 0; i < ACCEPT_BURST; i++) {
		fd = accept4(ctl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			client_create(ctl, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EAGAIN)
			return;
		/* No descriptor or memory: the connection would be reported again at once. */
		VN_WARN("control socket: accept: %s", strerror(errno));
		vn_loop_mod_fd(ctl->loop, &ctl->listener, 0);
		vn_loop_arm(ctl->loop, &ctl->accept_pause, CTL_ACCEPT_PAUSE_NS);
		return;
	}
}

int
vn_ctl_create(struct vn_loop *loop, const struct vn_ctl_conf *conf, struct vn_ctl **ctl_out,
	char *err, size_t errlen)
{
	struct vn_ctl *ctl = calloc(1, sizeof(*ctl));
	int rc;

	if (ctl == NULL) {
		snprintf(err, errlen, "control socket: out of memory");
		return -ENOMEM;
	}
	ctl->loop = loop;
	ctl->controller = conf->controller;
	ctl->pollers = conf->pollers;
	ctl->show_switch = conf->show_switch;
	ctl->show_ctx = conf->ctx;
	ctl->fd = -1;
	ctl->read_deadline_ns = CTL_READ_DEADLINE_NS;
	ctl->listener.cb = listener_event;
	ctl->listener.ctx = ctl;
	ctl->accept_pause.cb = accept_again;
	ctl->accept_pause.ctx = ctl;
	TAILQ_INIT(&ctl->clients);
	TAILQ_INIT(&ctl->baselines);
	snprintf(ctl->version, sizeof(ctl->version), "v%s",
		conf->version != NULL ? conf->version : VN_VERSION);
	rc = ctl_listen(ctl, conf->dir, err, errlen);
	if (rc != 0)
		goto fail;
	rc = vn_loop_add_fd(loop, &ctl->listener, ctl->fd, EPOLLIN);
	if (rc != 0) {
		snprintf(err, errlen, "control socket: epoll: %s", strerror(-rc));
		goto fail;
	}
	*ctl_out = ctl;
	return 0;
fail:
	vn_ctl_destroy(ctl);
	return rc;
}

/** Somebody may have replaced the file: then it is not ours to remove. */
static void
remove_socket(const struct vn_ctl *ctl)
{
	struct stat st;

	if (lstat(ctl->addr.sun_path, &st) == 0 && st.st_dev == ctl->bound.st_dev &&
		st.st_ino == ctl->bound.st_ino)
		unlink(ctl->addr.sun_path);
}

void
vn_ctl_destroy(struct vn_ctl *ctl)
{
	if (ctl == NULL)
		return;
	while (!TAILQ_EMPTY(&ctl->clients))
		client_close(TAILQ_FIRST(&ctl->clients));
	vn_loop_cancel(ctl->loop, &ctl->accept_pause);
	vn_loop_del_fd(ctl->loop, &ctl->listener);
	if (ctl->fd >= 0) {
		remove_socket(ctl);
		close(ctl->fd);
	}
	ctl_baselines_free(ctl);
	free(ctl);
}

unsigned int
vn_ctl_clients(const struct vn_ctl *ctl)
{
	return ctl->n_clients;
}
