/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vn_vfu_hold.h"

#define HOLD_MAGIC   0x484c4456u
#define HOLD_VERSION 1

enum hold_op {
	HOLD_PUT = 1,
	HOLD_DROP,
	HOLD_END,
};

struct hold_msg {
	uint32_t magic;
	uint16_t version, op;
	uint32_t number, kind;
};

union hold_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

void
vn_vfu_hold_init(struct vn_vfu_hold *h)
{
	memset(h, 0, sizeof(*h));
}

void
vn_vfu_hold_fini(struct vn_vfu_hold *h)
{
	unsigned int i;

	for (i = 0; i < h->n; i++) {
		if (h->held[i].fd >= 0)
			close(h->held[i].fd);
	}
	free(h->held);
	memset(h, 0, sizeof(*h));
}

static void
hold_drop(struct vn_vfu_hold *h, uint32_t number)
{
	unsigned int i;

	for (i = 0; i < h->n; i++) {
		if (h->held[i].number != number)
			continue;
		if (h->held[i].fd >= 0)
			close(h->held[i].fd);
		h->held[i] = h->held[--h->n];
		return;
	}
}

int
vn_vfu_hold_add(struct vn_vfu_hold *h, uint32_t number, enum vn_vfu_kind kind, int fd)
{
	struct vn_vfu_held *held;
	unsigned int room;

	hold_drop(h, number);
	if (h->n == VN_VFU_HOLD_MAX) {
		close(fd);
		return -ENOSPC;
	}
	if (h->n == h->room) {
		room = h->room == 0 ? 16 : 2 * h->room;
		held = realloc(h->held, room * sizeof(held[0]));
		if (held == NULL) {
			close(fd);
			return -ENOMEM;
		}
		h->held = held;
		h->room = room;
	}
	h->held[h->n].number = number;
	h->held[h->n].kind = kind;
	h->held[h->n].fd = fd;
	h->n++;
	return 0;
}

int
vn_vfu_hold_take(struct vn_vfu_hold *h, enum vn_vfu_kind kind, uint32_t *number)
{
	unsigned int i;
	int fd;

	for (i = 0; i < h->n; i++) {
		if (h->held[i].fd < 0 || h->held[i].kind != kind ||
			(*number != 0 && h->held[i].number != *number))
			continue;
		fd = h->held[i].fd;
		*number = h->held[i].number;
		h->held[i].fd = -1;
		return fd;
	}
	return -1;
}

/* The one descriptor of a message, or -1. */
static int
hold_control_fd(struct msghdr *mh)
{
	struct cmsghdr *cm = CMSG_FIRSTHDR(mh);
	int fd;

	if (cm == NULL || cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS ||
		cm->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	return fd;
}

int
vn_vfu_hold_recv(struct vn_vfu_hold *h, int sock)
{
	struct hold_msg m;
	union hold_control control;
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;
	int fd, ret;

	do {
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? 0 : -errno;
	fd = hold_control_fd(&mh);
	ret = -EPROTO;
	if (n != sizeof(m) || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || m.magic != HOLD_MAGIC ||
		m.version != HOLD_VERSION)
		goto drop;
	switch (m.op) {
	case HOLD_PUT:
		if (fd < 0 || m.number == 0)
			goto drop;
		ret = vn_vfu_hold_add(h, m.number, m.kind, fd);
		return ret != 0 ? ret : VN_VFU_CHANGED;
	case HOLD_DROP:
		hold_drop(h, m.number);
		ret = VN_VFU_CHANGED;
		break;
	case HOLD_END:
		ret = VN_VFU_END;
		break;
	default:
		break;
	}
drop:
	if (fd >= 0)
		close(fd);
	return ret;
}

static int
hold_send_one(int sock, enum hold_op op, uint32_t number, uint32_t kind, int fd)
{
	struct hold_msg m = {
		.magic = HOLD_MAGIC,
		.version = HOLD_VERSION,
		.op = (uint16_t)op,
		.number = number,
		.kind = kind,
	};
	union hold_control control;
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cm;
	ssize_t n;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int
vn_vfu_hold_send(const struct vn_vfu_hold *h, int sock, unsigned int *next)
{
	int ret;

	for (; *next < h->n; (*next)++) {
		const struct vn_vfu_held *held = &h->held[*next];

		if (held->fd < 0)
			continue;
		ret = hold_send_one(sock, HOLD_PUT, held->number, held->kind, held->fd);
		if (ret != 0)
			return ret;
	}
	return hold_send_one(sock, HOLD_END, 0, 0, -1);
}

int
vn_vfu_put(int sock, uint32_t number, enum vn_vfu_kind kind, int fd)
{
	return hold_send_one(sock, HOLD_PUT, number, kind, fd);
}

int
vn_vfu_drop(int sock, uint32_t number)
{
	return hold_send_one(sock, HOLD_DROP, number, 0, -1);
}
