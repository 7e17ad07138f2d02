/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * libFuzzer target: a front end that sends anything. The input is a list of messages: one byte of
 * request, one that says what goes with it, then the payload of the size that the request has (or
 * another one). The device is the fake one of the unit tests, whose answers come late when the
 * input says so.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_common.h>

#include "mock_device.h"
#include "vu_private.h"

/* What goes with a message. */
#define WITH_FDS(b)    ((b)&3)        /* 3: nine of them */
#define WITH_MEMFD(b)  (((b)&4) != 0) /* else eventfds */
#define WITH_DELAY(b)  (((b)&8) != 0)
#define WITH_SIZE(b)   (((b)&16) != 0) /* a byte of size follows */
#define WITH_ANSWER(b) (((b)&32) != 0)
#define WITH_RAW(b)    (((b)&64) != 0) /* header from the input, too */
#define WITH_ACK(b)    (((b)&128) != 0)

static struct vn_loop *loop;
static struct vn_device dev;
static int memfd, evfd;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc __rte_unused, char ***argv __rte_unused)
{
	struct vn_gm_registry *gm;

	loop = vn_loop_create();
	gm = vn_gm_registry_create(4096);
	memfd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop == NULL || gm == NULL || memfd < 0 || evfd < 0 || ftruncate(memfd, 1 << 20) != 0)
		abort();
	mock_device_init(&dev, loop, gm, 2);
	rte_log_set_global_level(RTE_LOG_EMERG);
	return 0;
}

static void
run(unsigned int rounds)
{
	while (rounds-- > 0)
		vn_loop_run_once(loop, 0);
}

static uint32_t
usual_size(uint8_t request)
{
	switch (request) {
	case VU_SET_MEM_TABLE:
		return 8 + 2 * 32;
	case VU_SET_VRING_ADDR:
	case VU_ADD_MEM_REG:
	case VU_REM_MEM_REG:
		return 40;
	case VU_SET_LOG_BASE:
		return 16;
	case VU_GET_CONFIG:
	case VU_SET_CONFIG:
		return 20;
	case VU_GET_FEATURES:
	case VU_GET_PROTOCOL_FEATURES:
	case VU_GET_QUEUE_NUM:
	case VU_GET_MAX_MEM_SLOTS:
	case VU_GET_STATUS:
	case VU_SET_OWNER:
	case VU_RESET_OWNER:
	case VU_RESET_DEVICE:
		return 0;
	default:
		return 8;
	}
}

/* @return false when the server has gone. */
static bool
send_one(int sock, const void *data, size_t len, int fd, unsigned int n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(16 * sizeof(int))];
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

/* @return bytes of the input that were used; 0: the end. */
static size_t
one_message(int sock, const uint8_t *p, size_t left)
{
	struct {
		struct vu_hdr hdr;
		uint8_t body[512];
	} m;
	uint8_t request, with;
	size_t used = 2, n;

	if (left < 2)
		return 0;
	request = p[0];
	with = p[1];
	memset(&m, 0, sizeof(m));
	m.hdr.request = request;
	m.hdr.flags = VU_VERSION | (WITH_ACK(with) ? VU_FLAG_NEED_REPLY : 0);
	m.hdr.size = usual_size(request);
	if (WITH_SIZE(with) && used < left)
		m.hdr.size = p[used++];
	n = RTE_MIN(RTE_MIN((size_t)m.hdr.size, left - used), sizeof(m.body));
	if (WITH_RAW(with) && n >= sizeof(m.hdr))
		memcpy(&m.hdr, p + used, sizeof(m.hdr));
	else
		memcpy(m.body, p + used, n);
	used += n;
	mock.delay = WITH_DELAY(with);
	if (!send_one(sock, &m, sizeof(m.hdr) + RTE_MIN((size_t)m.hdr.size, sizeof(m.body)),
		    WITH_MEMFD(with) ? memfd : evfd, WITH_FDS(with) == 3 ? 9 : WITH_FDS(with)))
		return 0;
	run(2);
	if (WITH_ANSWER(with))
		mock_answer(1);
	return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vu_endpoint ep = {.dev = &dev, .loop = loop, .client = true};
	size_t used;
	int sv[2];

	/* A client endpoint: after the end it only arms its timer, which is cancelled below. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) != 0)
		abort();
	mock.delay = false;
	if (vu_conn_open(&ep, sv[0]) != 0)
		abort();
	while ((used = one_message(sv[1], data, size)) > 0) {
		data += used;
		size -= used;
	}
	close(sv[1]);
	mock.delay = false;
	while (ep.conn != NULL) {
		run(1);
		mock_answer(MOCK_MAX_CALLS);
	}
	while (ep.jobs > 0)
		vn_loop_run_once(loop, 100);
	vn_loop_cancel(loop, &ep.retry);
	/* Nothing is left of any connection. */
	if (vn_gm_registry_files(dev.env.gm) != 0 || mock.attaches != mock.detaches)
		abort();
	return 0;
}
