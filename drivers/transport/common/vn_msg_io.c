/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "msg_private.h"
#include "vn_msg.h"

/* Control data of one message; aligned as the macros want it. */
union msg_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(VN_MSG_MAX_FDS * sizeof(int))];
};

/* Move descriptors out of a control message, close what does not fit. @return how many did not. */
static unsigned int
msg_take_control(struct msghdr *mh, struct vn_msg_fds *fds, unsigned int max)
{
	unsigned int surplus = 0;
	struct cmsghdr *cm;
	size_t i, n;
	int fd;

	for (cm = CMSG_FIRSTHDR(mh); cm != NULL; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS ||
			cm->cmsg_len < CMSG_LEN(0))
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
			if (fds->n < max) {
				fds->fd[fds->n++] = fd;
			} else {
				close(fd);
				surplus++;
			}
		}
	}
	return surplus;
}

int
msg_recv(struct vn_msg_conn *c, void *buf, size_t len)
{
	union msg_control control;
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	unsigned int surplus;
	ssize_t got;

	do {
		got = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		/* A peer that died with replies unread resets the connection: it just went. */
		if (errno == ECONNRESET)
			vn_msg_fail(c, 0, "the peer closed the connection");
		else
			vn_msg_fail(c, -errno, "cannot read from the socket: %s", strerror(errno));
		return -ECANCELED;
	}
	surplus = msg_take_control(&mh, &c->fds, c->ops->max_fds);
	if (surplus > 0) {
		vn_msg_close_fds(&c->fds);
		vn_msg_fail(c, -EPROTO, "more than %u file descriptors with one message",
			c->ops->max_fds);
		return -EPROTO;
	}
	/* The kernel dropped some: too many, or we have too few left. Which ones is unknown. */
	if (mh.msg_flags & MSG_CTRUNC) {
		vn_msg_close_fds(&c->fds);
		vn_msg_fail(c, -EPROTO,
			"file descriptors were lost: more than %u with one message, "
			"or this process is at its limit (raise LimitNOFILE)",
			c->ops->max_fds);
		return -EPROTO;
	}
	if (got == 0) {
		if (c->hdr_got > 0)
			vn_msg_fail(c, 0, "the peer closed the connection within a message");
		else
			vn_msg_fail(c, 0, "the peer closed the connection");
		return -ECANCELED;
	}
	return (int)got;
}

/* @return bytes taken by the socket, 0 when it is full, negative errno. */
static ssize_t
msg_send_some(int sock, const void *data, size_t len, const int *fds, unsigned int n_fds)
{
	union msg_control control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cm;
	ssize_t sent;

	if (n_fds > 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n_fds * sizeof(int));
	}
	do {
		sent = sendmsg(sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	return sent;
}

static void
msg_close_all(const int *fds, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		close(fds[i]);
}

static void
msg_send_failed(struct vn_msg_conn *c, int error)
{
	if (error == -EPIPE || error == -ECONNRESET)
		vn_msg_fail(c, 0, "the peer closed the connection");
	else
		vn_msg_fail(c, error, "cannot send a reply: %s", strerror(-error));
}

int
msg_flush(struct vn_msg_conn *c)
{
	struct vn_msg_out *o;
	ssize_t sent;

	while ((o = STAILQ_FIRST(&c->out)) != NULL) {
		sent = msg_send_some(c->fd, o->data + o->sent, o->len - o->sent, o->fd, o->n_fds);
		if (sent < 0) {
			msg_send_failed(c, (int)sent);
			return (int)sent;
		}
		if (sent == 0)
			return 0;
		/* The peer goes on reading: its deadline begins anew. */
		vn_loop_cancel(c->loop, &c->deadline);
		/* They went with the first byte. */
		msg_close_all(o->fd, o->n_fds);
		o->n_fds = 0;
		o->sent += (size_t)sent;
		c->queued -= (size_t)sent;
		if (o->sent < o->len)
			return 0;
		STAILQ_REMOVE_HEAD(&c->out, next);
		free(o);
	}
	return 0;
}

void
msg_drop_out(struct vn_msg_conn *c)
{
	struct vn_msg_out *o;

	while ((o = STAILQ_FIRST(&c->out)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->out, next);
		msg_close_all(o->fd, o->n_fds);
		free(o);
	}
	c->queued = 0;
}

void
vn_msg_send(struct vn_msg_conn *c, const void *data, size_t len, const int *fds, unsigned int n_fds)
{
	struct vn_msg_out *o;
	ssize_t sent = 0;

	if (c->fd < 0 || c->failed)
		goto drop;
	if (n_fds > VN_MSG_MAX_FDS) {
		vn_msg_fail(c, -EINVAL, "a reply with %u file descriptors", n_fds);
		goto drop;
	}
	if (STAILQ_EMPTY(&c->out)) {
		sent = msg_send_some(c->fd, data, len, fds, n_fds);
		if (sent < 0) {
			msg_send_failed(c, (int)sent);
			goto drop;
		}
		if (sent > 0) {
			msg_close_all(fds, n_fds);
			n_fds = 0;
		}
		if ((size_t)sent == len)
			return;
	}
	if (len - (size_t)sent > c->ops->max_queued - c->queued) {
		vn_msg_fail(c, -ENOBUFS, "the peer does not read its replies: %zu bytes wait",
			c->queued);
		goto drop;
	}
	o = malloc(sizeof(*o) + len - (size_t)sent);
	if (o == NULL) {
		vn_msg_fail(c, -ENOMEM, "no memory for a reply of %zu bytes", len);
		goto drop;
	}
	memset(o, 0, sizeof(*o));
	o->len = len - (size_t)sent;
	memcpy(o->data, (const uint8_t *)data + sent, o->len);
	o->n_fds = n_fds;
	if (n_fds > 0)
		memcpy(o->fd, fds, n_fds * sizeof(int));
	c->queued += o->len;
	STAILQ_INSERT_TAIL(&c->out, o, next);
	msg_watch(c);
	return;
drop:
	msg_close_all(fds, n_fds);
}
