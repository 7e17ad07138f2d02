/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A vhost-user front end in this process.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "front_end.h"
#include "vu_proto.h"

/* The back end is a thread of this process: it answers at once, or never. */
#define REPLY_SECONDS 10

union payload {
	uint64_t u64;
	struct vu_vring_state state;
	struct vu_vring_addr addr;
	struct vu_mem_table table;
};

static int
send_msg(struct front_end *f, uint32_t request, uint32_t flags, const void *data, uint32_t size,
	int fd)
{
	struct vu_hdr hdr = {.request = request, .flags = VU_VERSION | flags, .size = size};
	struct iovec iov[2] = {{&hdr, sizeof(hdr)}, {(void *)(uintptr_t)data, size}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = size > 0 ? 2 : 1};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
	}
	/* A few hundred bytes into an empty socket go at once. */
	if (sendmsg(f->sock, &msg, MSG_NOSIGNAL) != (ssize_t)(sizeof(hdr) + size))
		return -EIO;
	return 0;
}

static int
get_reply(struct front_end *f, uint32_t request, uint64_t *value)
{
	struct {
		struct vu_hdr hdr;
		uint64_t value;
	} __attribute__((packed)) reply;
	const ssize_t n = recv(f->sock, &reply, sizeof(reply), MSG_WAITALL);

	if (n != sizeof(reply) || reply.hdr.request != request ||
		!(reply.hdr.flags & VU_FLAG_REPLY) || reply.hdr.size != sizeof(uint64_t)) {
		fprintf(stderr, "bench: rte_vhost does not answer vhost-user message %u\n",
			request);
		return -EPROTO;
	}
	*value = reply.value;
	return 0;
}

/* What has no reply of its own is acknowledged. */
static int
set(struct front_end *f, uint32_t request, const void *data, uint32_t size, int fd)
{
	uint64_t failed;
	int err = send_msg(f, request, VU_FLAG_NEED_REPLY, data, size, fd);

	if (err == 0)
		err = get_reply(f, request, &failed);
	if (err == 0 && failed != 0)
		err = -EINVAL;
	return err;
}

static int
get_u64(struct front_end *f, uint32_t request, uint64_t *value)
{
	int err = send_msg(f, request, 0, NULL, 0, -1);

	return err < 0 ? err : get_reply(f, request, value);
}

static int
negotiate(struct front_end *f, uint64_t features)
{
	uint64_t offered, protocol;
	int err = get_u64(f, VU_GET_FEATURES, &offered);

	if (err < 0)
		return err;
	features |= VU_F_PROTOCOL_FEATURES;
	if (features & ~offered)
		return -ENOTSUP;
	err = get_u64(f, VU_GET_PROTOCOL_FEATURES, &protocol);
	if (err < 0)
		return err;
	if (!(protocol & VU_PF_REPLY_ACK))
		return -ENOTSUP;
	protocol = VU_PF_REPLY_ACK;
	err = send_msg(f, VU_SET_PROTOCOL_FEATURES, 0, &protocol, sizeof(protocol), -1);
	if (err == 0)
		err = set(f, VU_SET_OWNER, NULL, 0, -1);
	if (err == 0)
		err = set(f, VU_SET_FEATURES, &features, sizeof(features), -1);
	return err;
}

static int
give_memory(struct front_end *f, const struct guest *g)
{
	const struct vu_mem_table table = {
		.n = 1,
		.region[0] = {.gpa = GUEST_GPA, .size = g->size, .uva = (uintptr_t)g->base},
	};

	/* Some back ends want a table of the regions that there are, all of them of 8. */
	return set(f, VU_SET_MEM_TABLE, &table, 8 + sizeof(table.region[0]), g->memfd);
}

static int
give_ring(struct front_end *f, const struct guest *g, uint32_t q)
{
	const struct drv_ring *r = q == 0 ? &g->rx : &g->tx;
	const struct vu_vring_state num = {q, r->size}, base = {q, r->packed ? 0x8000 : 0},
				    enable = {q, 1};
	const struct vu_vring_addr addr = {
		.index = q,
		.desc = (uintptr_t)r->desc,
		.avail = (uintptr_t)r->driver,
		.used = (uintptr_t)r->device,
	};
	const uint64_t index = q;
	int err;

	f->kick[q] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->call[q] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (f->kick[q] < 0 || f->call[q] < 0)
		return -errno;
	err = set(f, VU_SET_VRING_NUM, &num, sizeof(num), -1);
	if (err == 0)
		err = set(f, VU_SET_VRING_BASE, &base, sizeof(base), -1);
	if (err == 0)
		err = set(f, VU_SET_VRING_ADDR, &addr, sizeof(addr), -1);
	if (err == 0)
		err = set(f, VU_SET_VRING_CALL, &index, sizeof(index), f->call[q]);
	if (err == 0)
		err = set(f, VU_SET_VRING_KICK, &index, sizeof(index), f->kick[q]);
	if (err == 0)
		err = set(f, VU_SET_VRING_ENABLE, &enable, sizeof(enable), -1);
	return err;
}

int
front_end_open(struct front_end *f, const char *path, const struct guest *g, uint64_t features)
{
	const struct timeval limit = {.tv_sec = REPLY_SECONDS};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err;

	*f = (struct front_end){.sock = -1, .kick = {-1, -1}, .call = {-1, -1}};
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	f->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->sock < 0)
		return -errno;
	err = 0;
	if (setsockopt(f->sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
		connect(f->sock, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		err = -errno;
	if (err == 0)
		err = negotiate(f, features);
	if (err == 0)
		err = give_memory(f, g);
	for (uint32_t q = 0; q < 2 && err == 0; q++)
		err = give_ring(f, g, q);
	if (err < 0)
		front_end_close(f);
	return err;
}

void
front_end_close(struct front_end *f)
{
	if (f->sock >= 0)
		close(f->sock);
	for (int q = 0; q < 2; q++) {
		if (f->kick[q] >= 0)
			close(f->kick[q]);
		if (f->call[q] >= 0)
			close(f->call[q]);
	}
	*f = (struct front_end){.sock = -1, .kick = {-1, -1}, .call = {-1, -1}};
}
