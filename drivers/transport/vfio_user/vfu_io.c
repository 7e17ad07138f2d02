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

#include <rte_common.h>

#include "vfu_private.h"

/* Most messages are shorter. */
#define IO_FIRST_LOOK 512

static int
io_gone(struct vfu_conn *c)
{
	vfu_conn_fail(
		c, 0, "the client closed the connection%s", c->need > 0 ? " within a message" : "");
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

/* Add the descriptors of a piece. @return false: more than there may be. */
static bool
io_add_fds(struct vn_msg_fds *fds, struct msghdr *mh)
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
			if (fds->n < VN_MSG_MAX_FDS) {
				fds->fd[fds->n++] = fd;
			} else {
				close(fd);
				fit = false;
			}
		}
	}
	return fit && !(mh->msg_flags & MSG_CTRUNC);
}

static int
io_fds_lost(struct vfu_conn *c)
{
	vfu_conn_fail(c, -EPROTO,
		"file descriptors were lost: more than %u with one message, "
		"or this process is at its limit (raise LimitNOFILE)",
		VN_MSG_MAX_FDS);
	return -EPROTO;
}

/*
 * Peek at one piece, from byte @p off on. A piece ends at the latest behind data that descriptors
 * came with. Without @p fds they are not even made.
 */
static ssize_t
io_peek_piece(struct vfu_conn *c, uint32_t off, uint32_t len, bool fds)
{
	union vfu_control control;
	struct iovec iov = {.iov_base = c->ep->shm->in + off, .iov_len = len};
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
	/* Those beyond the limit may be another message's: taking this one will tell. */
	if (fds && !io_add_fds(&c->peeked, &mh) && (mh.msg_flags & MSG_CTRUNC))
		return io_fds_lost(c);
	return n;
}

/* Bytes that can be read. */
static uint32_t
io_available(const struct vfu_conn *c)
{
	int n = 0;

	return ioctl(c->fd, FIONREAD, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

/* @p len bytes are needed and not there: when it is worth to look again. */
static int
io_wait(struct vfu_conn *c, uint32_t len)
{
	vn_msg_close_fds(&c->peeked);
	c->need = len;
	return c->hup ? io_gone(c) : 0;
}

/*
 * The first @p len bytes, of which @p got have been seen. @return 1: they are in the state file; 0:
 * they are not there yet; negative: failed.
 */
static int
io_peek_all(struct vfu_conn *c, uint32_t got, uint32_t len, bool fds)
{
	unsigned int pieces;
	ssize_t n;

	if (got < len && io_available(c) < len)
		return io_wait(c, len);
	/* From the beginning again if descriptors are wanted; the pieces are as they were. */
	if (fds)
		got = 0;
	for (pieces = 0; got < len; pieces++) {
		n = pieces < VFU_TAKE_PARTS ? io_peek_piece(c, got, len - got, fds) : -EAGAIN;
		if (n == -EAGAIN || n == 0)
			return io_wait(c, len);
		if (n < 0)
			return (int)n;
		got += (uint32_t)n;
	}
	return 1;
}

/* Descriptors of others than these are noticed when the message is taken, and refused. */
static bool
io_has_fds(uint16_t command)
{
	return command == VFU_DMA_MAP || command == VFU_SET_IRQS;
}

int
vfu_peek(struct vfu_conn *c, bool (*may)(const struct vfu_conn *c, uint16_t command))
{
	struct vfu_hdr h;
	ssize_t got;
	int ret;

	vn_msg_close_fds(&c->peeked);
	/* A client that sends byte by byte does not make us look at all of them each time. */
	if (c->need > 0 && io_available(c) < c->need)
		return c->hup ? io_gone(c) : 0;
	got = io_peek_piece(c, 0, IO_FIRST_LOOK, false);
	if (got == -EAGAIN)
		return 0;
	if (got < 0)
		return (int)got;
	if (got == 0)
		return io_gone(c);
	ret = io_peek_all(c, (uint32_t)got, sizeof(h), false);
	if (ret <= 0)
		return ret;
	if (got < (ssize_t)sizeof(h))
		got = sizeof(h);
	memcpy(&h, c->ep->shm->in, sizeof(h));
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
	/*
	 * A look ends behind the first descriptors. If it went on behind this message, it has none
	 * (or its sender put two messages into one piece: then we have them once it is taken).
	 */
	ret = io_peek_all(
		c, (uint32_t)got, h.size, got <= (ssize_t)h.size && io_has_fds(h.command));
	if (ret <= 0)
		return ret;
	c->need = 0;
	return (int)h.size;
}

/* Let the keeper have the descriptors that were seen. @return 1; 0: it is busy. */
static int
take_keep(struct vfu_conn *c, struct vn_msg_fds *fds)
{
	struct vfu_shm *shm = c->ep->shm;
	int64_t number;

	while (shm->n_fds < fds->n) {
		number = vfu_keep(c->ep, VN_VFU_CLIENT, fds->fd[shm->n_fds]);
		if (number < 0)
			return 0;
		shm->fd_number[shm->n_fds++] = (uint32_t)number;
	}
	return 1;
}

/* Forget those from @p n on. */
static void
take_unkeep(struct vfu_conn *c, uint32_t n)
{
	struct vfu_shm *shm = c->ep->shm;

	while (shm->n_fds > n)
		vfu_unkeep(c->ep, shm->fd_number[--shm->n_fds]);
}

/* Take a part: the rest, or up to and with the next descriptors. @return bytes; negative: failed.
 */
static int
take_part(struct vfu_conn *c, unsigned int i, uint32_t got)
{
	struct vfu_shm *shm = c->ep->shm;
	struct mmsghdr *mm = &shm->take[i];
	struct iovec iov = {.iov_base = c->waste, .iov_len = shm->msg_size - got};
	int n;

	memset(&mm->msg_hdr, 0, sizeof(mm->msg_hdr));
	mm->msg_hdr.msg_iov = &iov;
	mm->msg_hdr.msg_iovlen = 1;
	mm->msg_hdr.msg_control = shm->control[i].buf;
	mm->msg_hdr.msg_controllen = sizeof(shm->control[i].buf);
	do {
		n = recvmmsg(c->fd, mm, 1, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return io_failed(c, errno, "read from");
	if (!io_add_fds(&c->fds, &mm->msg_hdr))
		return io_fds_lost(c);
	return (int)mm->msg_len;
}

/* How many descriptors a part had that was taken by somebody who died. */
static uint32_t
take_part_fds(struct vfu_shm *shm, unsigned int i)
{
	struct msghdr mh = {
		.msg_control = shm->control[i].buf,
		.msg_controllen = RTE_MIN(
			(size_t)shm->take[i].msg_hdr.msg_controllen, sizeof(shm->control[i].buf)),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	if (cm == NULL || cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS ||
		cm->cmsg_len < CMSG_LEN(0) || cm->cmsg_len > sizeof(shm->control[i].buf))
		return 0;
	return (uint32_t)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

/* Take what is left. c->fds has those of parts before. @return 1, or negative: failed. */
static int
take_all(struct vfu_conn *c)
{
	struct vfu_shm *shm = c->ep->shm;
	uint32_t got = 0;
	unsigned int i;
	int n;

	for (i = 0; i < VFU_TAKE_PARTS && got < shm->msg_size; i++) {
		n = (int)shm->take[i].msg_len;
		if (n == 0)
			n = take_part(c, i, got);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		got += (uint32_t)n;
	}
	if (got != shm->msg_size) {
		/* Only out-of-band data makes the two disagree. */
		vfu_conn_fail(
			c, -EPROTO, "a message of %u bytes could not be read again", shm->msg_size);
		return -EPROTO;
	}
	/* A peek may have shown another one's. */
	take_unkeep(c, c->fds.n);
	if (take_keep(c, &c->fds) == 0) {
		vfu_conn_fail(c, -EAGAIN, "the supervisor does not take file descriptors");
		return -EAGAIN;
	}
	vfu_shm_set_mark(shm, (vfu_shm_mark(shm) & ~(uint64_t)VFU_MARK_TAKING) | VFU_MARK_TAKEN);
	return 1;
}

int
vfu_take(struct vfu_conn *c, uint32_t size)
{
	struct vfu_shm *shm = c->ep->shm;

	shm->msg_size = size;
	shm->n_fds = 0;
	if (take_keep(c, &c->peeked) == 0) {
		take_unkeep(c, 0);
		c->keeper_busy = true;
		return 0;
	}
	vn_msg_close_fds(&c->peeked);
	memset(shm->take, 0, sizeof(shm->take));
	vfu_shm_set_mark(shm, vfu_shm_mark(shm) | VFU_MARK_TAKING);
	return take_all(c);
}

int
vfu_take_resume(struct vfu_conn *c, struct vn_vfu_hold *hold)
{
	struct vfu_shm *shm = c->ep->shm;
	const uint64_t mark = vfu_shm_mark(shm);
	int off_none = -1;
	uint32_t n = 0;
	unsigned int i;
	int fd;

	(void)setsockopt(c->fd, SOL_SOCKET, SO_PEEK_OFF, &off_none, sizeof(off_none));
	if (!(mark & (VFU_MARK_TAKING | VFU_MARK_TAKEN)))
		return 0;
	if (mark & VFU_MARK_TAKEN)
		n = shm->n_fds;
	for (i = 0; !(mark & VFU_MARK_TAKEN) && i < VFU_TAKE_PARTS; i++) {
		if (shm->take[i].msg_len > 0)
			n += take_part_fds(shm, i);
	}
	if (n > shm->n_fds)
		return -EBADF; /* two messages in one piece, and we died between the two */
	for (i = 0; i < n; i++) {
		fd = vn_vfu_hold_take(hold, VN_VFU_CLIENT, &shm->fd_number[i]);
		if (fd < 0)
			return -EBADF;
		c->fds.fd[c->fds.n++] = fd;
	}
	return mark & VFU_MARK_TAKEN ? 0 : take_all(c) < 0 ? -EIO : 0;
}

int
vfu_take_plain(struct vfu_conn *c, uint32_t size)
{
	ssize_t n;

	do {
		n = recv(c->fd, c->waste, size, MSG_DONTWAIT);
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
	union vfu_control control;
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
