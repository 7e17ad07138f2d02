/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The socket: messages are peeked at, taken and answered, so that a successor of a process that
 * died at any instruction knows how far it came (vfu_shm.h).
 */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vfu_private.h"

/* Control data of one message; aligned as the macros want it. */
union io_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(VN_MSG_MAX_FDS * sizeof(int))];
};

static int
io_gone(struct vfu_conn *c)
{
	vfu_conn_fail(c, 0, "the client closed the connection%s",
		c->need > 0 ? " within a message" : "");
	return -ECANCELED;
}

static int
io_failed(struct vfu_conn *c, int error, const char *what)
{
	if (error == EPIPE || error == ECONNRESET)
		return io_gone(c);
	vfu_conn_fail(c, -error, "cannot %s the socket: %s", what, strerror(error));
	return -ECANCELED;
}

/* Add the descriptors of a piece. @return false: more than there may be; none is left. */
static bool
io_add_fds(struct vfu_conn *c, struct msghdr *mh)
{
	struct cmsghdr *cm;
	bool fit = true;
	size_t i, n;
	int fd;

	for (cm = CMSG_FIRSTHDR(mh); cm != NULL; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS ||
			cm->cmsg_len < CMSG_LEN(0))
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
			if (c->fds.n < VN_MSG_MAX_FDS) {
				c->fds.fd[c->fds.n++] = fd;
			} else {
				close(fd);
				fit = false;
			}
		}
	}
	return fit && !(mh->msg_flags & MSG_CTRUNC);
}

/*
 * Peek at one piece, from byte @p off on. A piece ends at the latest behind data that descriptors
 * came with. Without @p fds they are not even made.
 */
static ssize_t
io_peek_piece(struct vfu_conn *c, uint32_t off, uint32_t len, bool fds)
{
	union io_control control;
	struct iovec iov = {.iov_base = c->ep->in + off, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	int from = (int)off, off_none = -1;
	ssize_t n;
	int error;

	if (fds) {
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
	}
	if (off > 0 && setsockopt(c->fd, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof(from)) != 0)
		return io_failed(c, errno, "look ahead in");
	do {
		n = recvmsg(c->fd, &mh, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	error = errno;
	/* It would stay, and move with each look. */
	if (off > 0)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_PEEK_OFF, &off_none, sizeof(off_none));
	if (n < 0 && (error == EAGAIN || error == EWOULDBLOCK))
		return -EAGAIN;
	if (n < 0)
		return io_failed(c, error, "read from");
	if (fds && !io_add_fds(c, &mh)) {
		vfu_conn_fail(c, -EPROTO,
			"file descriptors were lost: more than %u with one message, "
			"or this process is at its limit (raise LimitNOFILE)",
			VN_MSG_MAX_FDS);
		return -ECANCELED;
	}
	return n;
}

/* Bytes that can be read. */
static uint32_t
io_available(const struct vfu_conn *c)
{
	int n = 0;

	return ioctl(c->fd, FIONREAD, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

/*
 * The first @p len bytes. @return 1: they are in ep->in; 0: they are not there yet; negative:
 * failed.
 */
static int
io_peek_all(struct vfu_conn *c, uint32_t len, bool fds, bool *whole)
{
	uint32_t got = 0;
	unsigned int pieces = 0;
	ssize_t n;

	while (got < len) {
		n = io_peek_piece(c, got, len - got, fds);
		if (n < 0 && n != -EAGAIN)
			return (int)n;
		if (n == 0 && got == 0)
			return io_gone(c);
		if (n > 0)
			got += (uint32_t)n;
		if (got == len)
			break;
		/* Short: the rest is behind descriptors, or not there. */
		if (n <= 0 || ++pieces == VFU_TAKE_PARTS || io_available(c) < len) {
			c->need = len;
			vn_msg_close_fds(&c->fds);
			return c->hup ? io_gone(c) : 0;
		}
	}
	*whole = pieces == 0;
	return 1;
}

int
vfu_peek(struct vfu_conn *c, bool (*may)(const struct vfu_conn *c, uint16_t command), bool *whole)
{
	struct vfu_hdr h;
	int ret;

	/* A client that sends byte by byte does not make us look at all of them each time. */
	if (c->need > 0 && io_available(c) < c->need)
		return c->hup ? io_gone(c) : 0;
	ret = io_peek_all(c, sizeof(h), false, whole);
	if (ret <= 0)
		return ret;
	memcpy(&h, c->ep->in, sizeof(h));
	if (h.size < sizeof(h) || h.size > VFU_MAX_MSG) {
		vfu_conn_fail(c, -EMSGSIZE, "%s: message of %u bytes, it must be %zu to %u",
			vfu_command_name(h.command), h.size, sizeof(h), VFU_MAX_MSG);
		return -EMSGSIZE;
	}
	if ((h.flags & VFU_F_TYPE) != VFU_F_COMMAND) {
		vfu_conn_fail(c, -EPROTO, "%s: message of type %u, only commands are expected",
			vfu_command_name(h.command), h.flags & VFU_F_TYPE);
		return -EPROTO;
	}
	if (!may(c, h.command)) {
		c->need = 0;
		return 0;
	}
	ret = io_peek_all(c, h.size, true, whole);
	if (ret <= 0)
		return ret;
	c->need = 0;
	return (int)h.size;
}

int
vfu_take(struct vfu_conn *c)
{
	struct vfu_shm *shm = c->ep->shm;
	uint32_t got = 0;
	unsigned int i;
	int n;

	for (i = 0; i < VFU_TAKE_PARTS; i++) {
		struct mmsghdr *mm = &shm->take[i];
		struct iovec iov = {.iov_base = c->ep->waste, .iov_len = shm->msg_size - got};

		if (mm->msg_len == 0) {
			memset(&mm->msg_hdr, 0, sizeof(mm->msg_hdr));
			mm->msg_hdr.msg_iov = &iov;
			mm->msg_hdr.msg_iovlen = 1;
			do {
				n = recvmmsg(c->fd, mm, 1, MSG_DONTWAIT, NULL);
			} while (n < 0 && errno == EINTR);
			if (n < 0)
				return io_failed(c, errno, "read from");
			if (mm->msg_len == 0)
				break;
		}
		got += mm->msg_len;
		if (got == shm->msg_size) {
			vfu_shm_set_mark(
				shm, vfu_shm_mark(shm) & ~(uint64_t)VFU_MARK_TAKING);
			return 0;
		}
	}
	/* Only out-of-band data makes the two disagree. */
	vfu_conn_fail(c, -EPROTO, "a message of %u bytes could not be read again", shm->msg_size);
	return -ECANCELED;
}

int
vfu_take_plain(struct vfu_conn *c, uint32_t size)
{
	ssize_t n;

	do {
		n = recv(c->fd, c->ep->waste, size, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)size)
		return 0;
	if (n < 0)
		return io_failed(c, errno, "read from");
	vfu_conn_fail(c, -EPROTO, "a message of %u bytes could not be read again", size);
	return -ECANCELED;
}

/* @return 1: the reply has gone; 0: the socket is full; negative: failed. */
static int
io_send_one(struct vfu_conn *c, struct vfu_reply *r)
{
	struct vfu_shm *shm = c->ep->shm;
	union io_control control;
	struct cmsghdr *cm;
	uint32_t sent = vfu_reply_sent(r);
	unsigned int i;
	int fd, n;

	for (i = 0; i < VFU_SEND_PARTS && sent < r->len; i++) {
		struct mmsghdr *mm = &r->mm[i];
		struct iovec iov = {
			.iov_base = (r->big ? shm->big : r->small) + sent,
			.iov_len = r->len - sent,
		};

		if (mm->msg_len > 0)
			continue;
		memset(&mm->msg_hdr, 0, sizeof(mm->msg_hdr));
		mm->msg_hdr.msg_iov = &iov;
		mm->msg_hdr.msg_iovlen = 1;
		fd = r->with_fd && sent == 0 ? vn_pci_fn_doorbell_fd(c->ep->fn) : -1;
		if (fd >= 0) {
			memset(&control, 0, sizeof(control));
			mm->msg_hdr.msg_control = control.buf;
			mm->msg_hdr.msg_controllen = CMSG_SPACE(sizeof(fd));
			cm = CMSG_FIRSTHDR(&mm->msg_hdr);
			cm->cmsg_level = SOL_SOCKET;
			cm->cmsg_type = SCM_RIGHTS;
			cm->cmsg_len = CMSG_LEN(sizeof(fd));
			memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
		}
		do {
			n = sendmmsg(c->fd, mm, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		} while (n < 0 && errno == EINTR);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n < 0)
			return io_failed(c, errno, "send to");
		sent += mm->msg_len;
	}
	if (sent < r->len) {
		vfu_conn_fail(c, -ENOBUFS, "the client does not read its replies");
		return -ECANCELED;
	}
	return 1;
}

int
vfu_send(struct vfu_conn *c)
{
	struct vfu_reply *r;
	int ret;

	c->blocked = false;
	while (c->owed > 0) {
		r = &c->ep->shm->reply[c->first];
		if (r->seq > c->due)
			return 0;
		ret = io_send_one(c, r);
		if (ret < 0)
			return ret;
		if (ret == 0) {
			c->blocked = true;
			return 0;
		}
		c->first = (c->first + 1) % VFU_MAX_OWED;
		c->owed--;
	}
	return 0;
}
