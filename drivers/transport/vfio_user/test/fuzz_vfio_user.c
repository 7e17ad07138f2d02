/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * libFuzzer target: a client that sends anything. The input is a list of messages: one byte of
 * command, one that says what goes with it, then the payload of the size that the command has (or
 * another one). Function and device are the fake ones of the unit tests, whose answers come late
 * when the input says so.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_common.h>

#include "mock_device.h"
#include "mock_pci.h"
#include "vfu_private.h"
#include "vn_vfio_user.h"

/* What goes with a message. */
#define WITH_FDS(b)    ((b)&3)        /* 3: seventeen of them */
#define WITH_MEMFD(b)  (((b)&4) != 0) /* else eventfds */
#define WITH_DELAY(b)  (((b)&8) != 0)
#define WITH_SIZE(b)   (((b)&16) != 0) /* a byte of size follows */
#define WITH_ANSWER(b) (((b)&32) != 0)
#define WITH_RAW(b)    (((b)&64) != 0)  /* header from the input, too */
#define WITH_CUT(b)    (((b)&128) != 0) /* in two pieces, descriptors with the second */

static struct vn_loop *loop;
static struct vn_device dev;
static struct vfu_endpoint *ep;
static int memfd, evfd;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc __rte_unused, char ***argv __rte_unused)
{
	static char path[64];
	struct vn_endpoint_conf conf = {.path = path, .doorbell_page = true};
	struct vn_gm_registry *gm;
	char err[256];

	loop = vn_loop_create();
	gm = vn_gm_registry_create(4096);
	memfd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop == NULL || gm == NULL || memfd < 0 || evfd < 0 || ftruncate(memfd, 1 << 20) != 0)
		abort();
	mock_device_init(&dev, loop, gm, 2);
	dev.conf.num_msix = 16;
	rte_log_set_global_level(RTE_LOG_EMERG);
	snprintf(path, sizeof(path), "/tmp/fuzz-vfio-user-%d", (int)getpid());
	if (vn_vfio_user_ops.plug(&dev, &conf, (struct vn_endpoint **)&ep, err, sizeof(err)) != 0)
		abort();
	unlink(path);
	return 0;
}

static void
run(unsigned int rounds)
{
	while (rounds-- > 0)
		vn_loop_run_once(loop, 0);
}

static uint32_t
usual_size(uint8_t command)
{
	switch (command) {
	case VFU_VERSION:
		return 4;
	case VFU_DMA_MAP:
	case VFU_GET_REGION_INFO:
	case VFU_REGION_WRITE_MULTI:
		return 32;
	case VFU_DMA_UNMAP:
	case VFU_REGION_WRITE:
		return 24;
	case VFU_SET_IRQS:
		return 20;
	case VFU_RESET:
		return 0;
	default:
		return 16;
	}
}

/* @return false when the server has gone. */
static bool
send_one(int sock, const void *data, size_t len, int fd, unsigned int n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(20 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cm;
	unsigned int i;

	if (n > 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (i = 0; i < n; i++)
			memcpy(CMSG_DATA(cm) + i * sizeof(int), &fd, sizeof(fd));
	}
	return sendmsg(sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static void
answer(void)
{
	mock_answer(1);
	if (mock_pci.waiting > 0)
		mock_pci_answer(0);
}

/* @return bytes of the input that were used; 0: the end. */
static size_t
one_message(int sock, const uint8_t *p, size_t left)
{
	struct {
		struct vfu_hdr hdr;
		uint8_t body[512];
	} m;
	static uint8_t sink[65536];
	size_t used = 2, n, len, cut;
	uint8_t with;
	unsigned int fds;
	int fd;

	if (left < 2)
		return 0;
	with = p[1];
	memset(&m, 0, sizeof(m));
	m.hdr.command = p[0] & 31;
	m.hdr.flags = p[0] & 32 ? VFU_F_NO_REPLY : 0;
	n = usual_size((uint8_t)m.hdr.command);
	if (WITH_SIZE(with) && used < left)
		n = p[used++];
	m.hdr.size = (uint32_t)(sizeof(m.hdr) + n);
	n = RTE_MIN(n, left - used);
	if (WITH_RAW(with) && n >= sizeof(m.hdr))
		memcpy(&m.hdr, p + used, sizeof(m.hdr));
	else
		memcpy(m.body, p + used, n);
	used += n;
	mock.delay = WITH_DELAY(with);
	mock_pci.delay_reset = WITH_DELAY(with);
	len = RTE_MIN(RTE_MAX((size_t)m.hdr.size, sizeof(m.hdr)), sizeof(m));
	fd = WITH_MEMFD(with) ? memfd : evfd;
	fds = WITH_FDS(with) == 3 ? 17 : WITH_FDS(with);
	cut = WITH_CUT(with) ? 1 + with % (len - 1) : 0;
	if (cut > 0) {
		if (!send_one(sock, &m, cut, -1, 0))
			return 0;
		run(1);
	}
	if (!send_one(sock, (uint8_t *)&m + cut, len - cut, fd, fds))
		return 0;
	run(2);
	if (WITH_ANSWER(with))
		answer();
	while (recv(sock, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
	return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t version[20] = {0, 0, VFU_VERSION, 0, sizeof(version)};
	size_t used;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) != 0)
		abort();
	mock.delay = false;
	mock_pci.delay_reset = false;
	if (vfu_conn_open(ep, sv[0]) != 0)
		abort();
	/* Most inputs are to come farther than that. */
	if (size > 0 && data[0] != 0xff)
		send_one(sv[1], version, sizeof(version), -1, 0);
	while ((used = one_message(sv[1], data, size)) > 0) {
		data += used;
		size -= used;
	}
	close(sv[1]);
	mock.delay = false;
	mock_pci.delay_reset = false;
	while (ep->conn != NULL) {
		run(1);
		mock_answer(MOCK_MAX_CALLS);
		if (mock_pci.waiting > 0)
			mock_pci_answer(0);
	}
	while (ep->jobs > 0)
		vn_loop_run_once(loop, 100);
	/* Nothing is left of any connection. */
	if (vn_gm_registry_files(dev.env.gm) != 0 || mock.attaches != mock.detaches)
		abort();
	return 0;
}
