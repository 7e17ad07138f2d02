/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "msg_private.h"
#include "vn_msg.h"

/* A body buffer larger than this is given back after its message. */
#define MSG_KEEP_BODY 16384

int
vn_msg_take_fd(struct vn_msg_fds *fds, unsigned int i)
{
	int fd;

	if (i >= fds->n)
		return -1;
	fd = fds->fd[i];
	fds->fd[i] = -1;
	return fd;
}

void
vn_msg_close_fds(struct vn_msg_fds *fds)
{
	unsigned int i;

	for (i = 0; i < fds->n; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	}
	fds->n = 0;
}

void
vn_msg_fail(struct vn_msg_conn *c, int error, const char *fmt, ...)
{
	va_list ap;

	if (c->failed || c->fd < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	c->failed = true;
	c->error = error;
	/* The owner hears of it from the loop: it may be in the middle of something now. */
	vn_loop_del_fd(c->loop, &c->src);
	vn_loop_cancel(c->loop, &c->deadline);
	vn_loop_arm(c->loop, &c->failer, 0);
}

/* What to wait for, and until when, follows from the state. */
void
msg_watch(struct vn_msg_conn *c)
{
	uint32_t events = 0;
	bool half;
	int ret;

	if (c->failed || c->fd < 0)
		return;
	half = c->hdr_got > 0 || c->fds.n > 0;
	if (!STAILQ_EMPTY(&c->out))
		events |= EPOLLOUT;
	else if (!c->paused)
		events |= EPOLLIN;
	ret = vn_loop_mod_fd(c->loop, &c->src, events);
	if (ret != 0) {
		vn_msg_fail(c, ret, "cannot watch the socket: %s", strerror(-ret));
		return;
	}
	if (events == 0 || (!half && STAILQ_EMPTY(&c->out)))
		vn_loop_cancel(c->loop, &c->deadline);
	else if (!c->deadline.armed)
		vn_loop_arm(c->loop, &c->deadline, c->ops->deadline_ns);
}

/* The header is complete: learn the size of the body and make room for it. */
static int
msg_begin_body(struct vn_msg_conn *c)
{
	int64_t len = c->ops->body_len(c->ctx, c->hdr);
	uint8_t *body;

	if (c->failed || c->fd < 0)
		return -ECANCELED;
	if (len < 0 || len > c->ops->max_body) {
		vn_msg_fail(c, -EMSGSIZE, "message body of %lld bytes, at most %u are allowed",
			(long long)len, c->ops->max_body);
		return -EMSGSIZE;
	}
	c->body_len = (uint32_t)len;
	c->body_got = 0;
	if (c->body_len > c->body_room) {
		body = realloc(c->body, c->body_len);
		if (body == NULL) {
			vn_msg_fail(c, -ENOMEM, "no memory for a message of %u bytes", c->body_len);
			return -ENOMEM;
		}
		c->body = body;
		c->body_room = c->body_len;
	}
	return 0;
}

static void
msg_end_body(struct vn_msg_conn *c)
{
	vn_msg_close_fds(&c->fds);
	c->hdr_got = 0;
	if (c->body_room > MSG_KEEP_BODY) {
		free(c->body);
		c->body = NULL;
		c->body_room = 0;
	}
}

/* @return 1: a message was handled; 0: the rest is still to come; negative: over. */
static int
msg_read_one(struct vn_msg_conn *c)
{
	int ret;

	while (c->hdr_got < c->ops->hdr_len) {
		ret = msg_recv(c, c->hdr + c->hdr_got, c->ops->hdr_len - c->hdr_got);
		if (ret <= 0)
			return ret;
		c->hdr_got += (size_t)ret;
		if (c->hdr_got == c->ops->hdr_len) {
			ret = msg_begin_body(c);
			if (ret != 0)
				return ret;
		}
	}
	while (c->body_got < c->body_len) {
		ret = msg_recv(c, c->body + c->body_got, c->body_len - c->body_got);
		if (ret <= 0)
			return ret;
		c->body_got += (uint32_t)ret;
	}
	/* Whole: the deadline of this message is over, whatever its handling takes. */
	vn_loop_cancel(c->loop, &c->deadline);
	c->ops->message(c->ctx, c->hdr, c->body, c->body_len, &c->fds);
	if (c->fd < 0) /* closed by the handler, with all it held */
		return -ECANCELED;
	msg_end_body(c);
	return c->failed ? -ECANCELED : 1;
}

static void
msg_event(void *ctx, uint32_t events)
{
	struct vn_msg_conn *c = ctx;
	unsigned int i;

	if (!STAILQ_EMPTY(&c->out)) {
		if (events & (EPOLLHUP | EPOLLERR)) {
			vn_msg_fail(c, 0, "the peer closed the connection");
			return;
		}
		if (msg_flush(c) != 0)
			return;
	} else if (c->paused) {
		/* Nothing is asked for but this. */
		if (events & (EPOLLHUP | EPOLLERR))
			vn_msg_fail(c, 0, "the peer closed the connection");
		return;
	} else {
		for (i = 0; i < VN_MSG_MAX_BURST && !c->paused && STAILQ_EMPTY(&c->out); i++) {
			if (msg_read_one(c) <= 0)
				break;
		}
	}
	msg_watch(c);
}

static void
msg_deadline(void *ctx)
{
	struct vn_msg_conn *c = ctx;
	unsigned int ms = (unsigned int)(c->ops->deadline_ns / VN_MS(1));

	if (!STAILQ_EMPTY(&c->out))
		vn_msg_fail(c, -ETIMEDOUT, "the peer did not read its reply within %u ms", ms);
	else
		vn_msg_fail(c, -ETIMEDOUT, "the rest of a message did not come within %u ms", ms);
}

static void
msg_failer(void *ctx)
{
	struct vn_msg_conn *c = ctx;

	c->ops->closed(c->ctx, c->error, c->why);
}

int
vn_msg_open(struct vn_msg_conn *c, struct vn_loop *loop, const struct vn_msg_ops *ops, void *ctx,
	int fd)
{
	int flags, ret;

	memset(c, 0, sizeof(*c));
	c->loop = loop;
	c->ops = ops;
	c->ctx = ctx;
	c->fd = fd;
	c->src.cb = msg_event;
	c->src.ctx = c;
	c->deadline.cb = msg_deadline;
	c->deadline.ctx = c;
	c->failer.cb = msg_failer;
	c->failer.ctx = c;
	STAILQ_INIT(&c->out);

	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		ret = -errno;
	else
		ret = vn_loop_add_fd(loop, &c->src, fd, EPOLLIN);
	if (ret != 0)
		vn_msg_close(c);
	return ret;
}

void
vn_msg_close(struct vn_msg_conn *c)
{
	if (c->fd < 0)
		return;
	vn_loop_del_fd(c->loop, &c->src);
	vn_loop_cancel(c->loop, &c->deadline);
	vn_loop_cancel(c->loop, &c->failer);
	close(c->fd);
	c->fd = -1;
	vn_msg_close_fds(&c->fds);
	msg_drop_out(c);
	free(c->body);
	c->body = NULL;
	c->body_room = 0;
}

void
vn_msg_pause(struct vn_msg_conn *c)
{
	c->paused = true;
	msg_watch(c);
}

void
vn_msg_resume(struct vn_msg_conn *c)
{
	c->paused = false;
	msg_watch(c);
}
