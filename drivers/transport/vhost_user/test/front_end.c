/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "front_end.h"
#include "vn_features.h"

/* Rounds of at most FE_ROUND_MS that a wait may take. */
#define FE_ROUNDS   200
#define FE_ROUND_MS 100

unsigned int
fe_open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

int
fe_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

int
fe_memfd(uint64_t size)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

int
fe_setup(void **state)
{
	struct fe *fe = calloc(1, sizeof(*fe));

	assert_non_null(fe);
	fe->fds_before = fe_open_fds();
	fe->fd = -1;
	fe->loop = vn_loop_create();
	assert_non_null(fe->loop);
	fe->gm = vn_gm_registry_create(2000);
	assert_non_null(fe->gm);
	fe->memfd = fe_memfd(FE_MEM_SIZE);
	strcpy(fe->dir, "/tmp/vhost-user-XXXXXX");
	assert_non_null(mkdtemp(fe->dir));
	snprintf(fe->path, sizeof(fe->path), "%s/socket", fe->dir);
	mock_device_init(&fe->dev, fe->loop, fe->gm, 2);
	fe_plug(fe, false);
	*state = fe;
	return 0;
}

int
fe_teardown(void **state)
{
	struct fe *fe = *state;

	mock.delay = false;
	if (fe->fd >= 0)
		close(fe->fd);
	if (fe->ep != NULL)
		fe_unplug(fe);
	assert_int_equal(mock.n_waiting, 0);
	mock_device_fini(&fe->dev);
	assert_int_equal(vn_gm_registry_files(fe->gm), 0);
	vn_gm_registry_destroy(fe->gm);
	close(fe->memfd);
	vn_loop_destroy(fe->loop);
	unlink(fe->path);
	assert_int_equal(rmdir(fe->dir), 0);
	assert_int_equal(fe_open_fds(), fe->fds_before);
	free(fe);
	return 0;
}

void
fe_plug(struct fe *fe, bool client)
{
	struct vn_endpoint_conf conf = {.path = fe->path, .client = client};
	char err[256] = "";
	int ret;

	ret = vn_vhost_user_ops.plug(&fe->dev, &conf, &fe->ep, err, sizeof(err));
	if (ret != 0)
		fail_msg("plug: %d %s", ret, err);
}

static void
unplugged(void *ctx, int result)
{
	assert_int_equal(result, 0);
	*(unsigned int *)ctx = 1;
}

void
fe_unplug(struct fe *fe)
{
	unsigned int done = 0;

	vn_vhost_user_ops.unplug(fe->ep, unplugged, &done);
	fe_until(fe, &done, 1);
	fe->ep = NULL;
}

struct vn_endpoint_info
fe_info(const struct fe *fe)
{
	struct vn_endpoint_info info;

	vn_vhost_user_ops.get_info(fe->ep, &info);
	return info;
}

void
fe_until(struct fe *fe, const unsigned int *value, unsigned int want)
{
	unsigned int i;

	for (i = 0; i < FE_ROUNDS && *value < want; i++)
		assert_int_equal(vn_loop_run_once(fe->loop, FE_ROUND_MS), 0);
	assert_true(*value >= want);
}

void
fe_until_connections(struct fe *fe, uint64_t want)
{
	unsigned int i;

	for (i = 0; i < FE_ROUNDS && fe_info(fe).connections < want; i++)
		assert_int_equal(vn_loop_run_once(fe->loop, FE_ROUND_MS), 0);
	assert_int_equal(fe_info(fe).connections, want);
}

void
fe_drain(struct fe *fe)
{
	unsigned int i;

	/* More than the steps any message takes. */
	for (i = 0; i < 10; i++)
		assert_int_equal(vn_loop_run_once(fe->loop, 0), 0);
	/* Unmapping is done by the helper thread. */
	for (i = 0; i < FE_ROUNDS && vn_loop_jobs_pending(fe->loop) > 0; i++)
		assert_int_equal(vn_loop_run_once(fe->loop, FE_ROUND_MS), 0);
}

int
fe_dial(const struct fe *fe)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, fe->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void
fe_connect(struct fe *fe)
{
	uint64_t before = fe_info(fe).connections;

	fe->fd = fe_dial(fe);
	fe->protocol = 0;
	fe_until_connections(fe, before + 1);
}

void
fe_disconnect(struct fe *fe)
{
	unsigned int before = mock.detaches;

	close(fe->fd);
	fe->fd = -1;
	fe_until(fe, &mock.detaches, before + 1);
	fe_drain(fe);
	assert_false(fe_info(fe).connected);
}

void
fe_send_raw(struct fe *fe, const void *data, size_t len, const int *fds, unsigned int n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(64 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cm;

	if (n > 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(fe->fd, &mh, MSG_NOSIGNAL), len);
}

void
fe_send(struct fe *fe, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
	const int *fds, unsigned int n)
{
	struct vu_hdr hdr = {.request = request, .flags = flags, .size = size};
	uint8_t *buf = malloc(sizeof(hdr) + size);

	assert_non_null(buf);
	memcpy(buf, &hdr, sizeof(hdr));
	if (size > 0)
		memcpy(buf + sizeof(hdr), payload, size);
	fe_send_raw(fe, buf, sizeof(hdr) + size, fds, n);
	free(buf);
}

/* @return bytes read: fewer than asked for only at the end. */
static size_t
recv_all(struct fe *fe, void *buf, size_t len)
{
	unsigned int i;
	size_t got = 0;
	ssize_t n;

	for (i = 0; i < FE_ROUNDS && got < len; i++) {
		n = recv(fe->fd, (uint8_t *)buf + got, len - got, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return got;
		if (n > 0)
			got += (size_t)n;
		else
			vn_loop_run_once(fe->loop, FE_ROUND_MS);
	}
	assert_int_equal(got, len);
	return got;
}

int
fe_recv(struct fe *fe, uint32_t request, void *payload, uint32_t room)
{
	struct vu_hdr hdr;

	if (recv_all(fe, &hdr, sizeof(hdr)) < sizeof(hdr))
		return FE_CLOSED;
	assert_int_equal(hdr.request, request);
	assert_int_equal(hdr.flags, VU_VERSION | VU_FLAG_REPLY);
	assert_true(hdr.size <= room);
	assert_int_equal(recv_all(fe, payload, hdr.size), hdr.size);
	return (int)hdr.size;
}

void
fe_assert_silent(struct fe *fe)
{
	char c;

	fe_drain(fe);
	assert_int_equal(recv(fe->fd, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

void
fe_assert_closed(struct fe *fe)
{
	uint64_t errors = fe_info(fe).protocol_errors;
	char c;

	assert_int_equal(recv_all(fe, &c, 1), 0);
	/* The test may have waited for something else before. */
	assert_true(errors >= 1 || fe_info(fe).protocol_errors >= 1);
	close(fe->fd);
	fe->fd = -1;
	fe_drain(fe);
}

static uint64_t
ack_of(struct fe *fe, uint32_t request, const void *payload, uint32_t size, const int *fds,
	unsigned int n)
{
	uint64_t v = 0;
	int ret;

	fe_send(fe, request, FE_NEED_REPLY, payload, size, fds, n);
	ret = fe_recv(fe, request, &v, sizeof(v));
	if (ret != sizeof(v))
		fail_msg("request %u: answer of %d bytes", request, ret);
	return v;
}

void
fe_ok(struct fe *fe, uint32_t request, const void *payload, uint32_t size, const int *fds,
	unsigned int n)
{
	uint64_t v = ack_of(fe, request, payload, size, fds, n);

	if (v != 0)
		fail_msg("request %u refused", request);
}

void
fe_refused(struct fe *fe, uint32_t request, const void *payload, uint32_t size, const int *fds,
	unsigned int n)
{
	uint64_t v = ack_of(fe, request, payload, size, fds, n);

	if (v == 0)
		fail_msg("request %u accepted", request);
}

void
fe_ok_u64(struct fe *fe, uint32_t request, uint64_t value)
{
	fe_ok(fe, request, &value, sizeof(value), NULL, 0);
}

void
fe_refused_u64(struct fe *fe, uint32_t request, uint64_t value)
{
	fe_refused(fe, request, &value, sizeof(value), NULL, 0);
}

void
fe_ok_state(struct fe *fe, uint32_t request, uint32_t index, uint32_t num)
{
	struct vu_vring_state s = {.index = index, .num = num};

	fe_ok(fe, request, &s, sizeof(s), NULL, 0);
}

void
fe_refused_state(struct fe *fe, uint32_t request, uint32_t index, uint32_t num)
{
	struct vu_vring_state s = {.index = index, .num = num};

	fe_refused(fe, request, &s, sizeof(s), NULL, 0);
}

void
fe_ok_eventfd(struct fe *fe, uint32_t request, uint32_t index)
{
	uint64_t v = index;
	int fd = fe_eventfd();

	fe_ok(fe, request, &v, sizeof(v), &fd, 1);
	close(fd);
}

uint64_t
fe_get_u64(struct fe *fe, uint32_t request)
{
	uint64_t v = 0;

	fe_send(fe, request, VU_VERSION, NULL, 0, NULL, 0);
	assert_int_equal(fe_recv(fe, request, &v, sizeof(v)), sizeof(v));
	return v;
}

uint32_t
fe_get_base(struct fe *fe, uint32_t index)
{
	struct vu_vring_state s = {.index = index};

	fe_send(fe, VU_GET_VRING_BASE, VU_VERSION, &s, sizeof(s), NULL, 0);
	assert_int_equal(fe_recv(fe, VU_GET_VRING_BASE, &s, sizeof(s)), sizeof(s));
	assert_int_equal(s.index, index);
	return s.num;
}

void
fe_negotiate(struct fe *fe, uint64_t features)
{
	fe->protocol = fe_get_u64(fe, VU_GET_PROTOCOL_FEATURES);
	/* Not acknowledged yet: no reply to wait for. */
	fe_send(fe, VU_SET_PROTOCOL_FEATURES, VU_VERSION, &fe->protocol, sizeof(fe->protocol), NULL,
		0);
	fe_ok(fe, VU_SET_OWNER, NULL, 0, NULL, 0);
	fe_ok_u64(fe, VU_SET_FEATURES, features);
}

void
fe_set_mem(struct fe *fe)
{
	struct vu_mem_table t = {
		.n = 1,
		.region = {{.gpa = FE_GPA, .size = FE_MEM_SIZE, .uva = FE_UVA}},
	};

	fe_ok(fe, VU_SET_MEM_TABLE, &t, 8 + 32, &fe->memfd, 1);
}

struct vu_vring_addr
fe_addr(uint32_t index)
{
	uint64_t at = FE_UVA + index * 0x10000u;

	return (struct vu_vring_addr){
		.index = index,
		.desc = at,
		.avail = at + 0x4000,
		.used = at + 0x8000,
		.log = FE_GPA + index * 0x10000u + 0x8000,
	};
}

void
fe_ring(struct fe *fe, uint32_t index)
{
	struct vu_vring_addr a = fe_addr(index);

	fe_ok_state(fe, VU_SET_VRING_NUM, index, 256);
	fe_ok_state(fe, VU_SET_VRING_BASE, index, 0);
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_ok_eventfd(fe, VU_SET_VRING_CALL, index);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, index);
	fe_ok_state(fe, VU_SET_VRING_ENABLE, index, 1);
}

void
fe_start_all(struct fe *fe)
{
	fe_connect(fe);
	fe_negotiate(fe, VN_F_VERSION_1 | VU_F_PROTOCOL_FEATURES);
	fe_set_mem(fe);
	fe_ring(fe, 0);
	fe_ring(fe, 1);
	assert_int_equal(fe->dev.vq[0].state, VN_VQ_RUNNING);
	assert_int_equal(fe->dev.vq[1].state, VN_VQ_RUNNING);
}
