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

#include "client.h"

/* Rounds of at most CL_ROUND_MS that a wait may take. */
#define CL_ROUNDS   200
#define CL_ROUND_MS 100

unsigned int
cl_open_fds(void)
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
cl_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0);
	return fd;
}

uint64_t
cl_events(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

int
cl_memfd(uint64_t size)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static int
setup(void **state, bool doorbell)
{
	struct cl *cl = calloc(1, sizeof(*cl));
	struct vn_endpoint_conf conf = {.doorbell_page = doorbell};
	char err[256] = "";

	assert_non_null(cl);
	cl->fds_before = cl_open_fds();
	cl->fd = -1;
	cl->got_fd = -1;
	cl->loop = vn_loop_create();
	assert_non_null(cl->loop);
	cl->gm = vn_gm_registry_create(2000);
	assert_non_null(cl->gm);
	cl->memfd = cl_memfd(CL_MEM_SIZE);
	strcpy(cl->dir, "/tmp/vfio-user-XXXXXX");
	assert_non_null(mkdtemp(cl->dir));
	snprintf(cl->path, sizeof(cl->path), "%s/socket", cl->dir);
	memset(&mock_pci, 0, sizeof(mock_pci));
	mock_device_init(&cl->dev, cl->loop, cl->gm, 2);
	cl->dev.conf.num_msix = CL_VECTORS;
	conf.path = cl->path;
	if (cl_plug(cl, &conf, err, sizeof(err)) != 0)
		fail_msg("plug: %s", err);
	*state = cl;
	return 0;
}

int
cl_setup(void **state)
{
	return setup(state, false);
}

int
cl_setup_doorbell(void **state)
{
	return setup(state, true);
}

int
cl_teardown(void **state)
{
	struct cl *cl = *state;

	mock.delay = false;
	mock_pci.delay_reset = false;
	if (cl->fd >= 0)
		close(cl->fd);
	if (cl->got_fd >= 0)
		close(cl->got_fd);
	if (cl->ep != NULL)
		cl_unplug(cl);
	assert_int_equal(mock.n_waiting, 0);
	mock_device_fini(&cl->dev);
	assert_int_equal(vn_gm_registry_files(cl->gm), 0);
	vn_gm_registry_destroy(cl->gm);
	close(cl->memfd);
	vn_loop_destroy(cl->loop);
	unlink(cl->path);
	assert_int_equal(rmdir(cl->dir), 0);
	assert_int_equal(cl_open_fds(), cl->fds_before);
	free(cl);
	return 0;
}

int
cl_plug(struct cl *cl, const struct vn_endpoint_conf *conf, char *err, size_t errlen)
{
	return vn_vfio_user_ops.plug(&cl->dev, conf, &cl->ep, err, errlen);
}

static void
unplugged(void *ctx, int result)
{
	assert_int_equal(result, 0);
	*(unsigned int *)ctx = 1;
}

void
cl_unplug(struct cl *cl)
{
	unsigned int done = 0;

	vn_vfio_user_ops.unplug(cl->ep, unplugged, &done);
	cl_until(cl, &done, 1);
	cl->ep = NULL;
}

struct vn_endpoint_info
cl_info(const struct cl *cl)
{
	struct vn_endpoint_info info;

	vn_vfio_user_ops.get_info(cl->ep, &info);
	return info;
}

void
cl_until(struct cl *cl, const unsigned int *value, unsigned int want)
{
	unsigned int i;

	for (i = 0; i < CL_ROUNDS && *value < want; i++)
		assert_int_equal(vn_loop_run_once(cl->loop, CL_ROUND_MS), 0);
	assert_true(*value >= want);
}

void
cl_drain(struct cl *cl)
{
	unsigned int i;

	/* More than the steps any message takes. */
	for (i = 0; i < 10; i++)
		assert_int_equal(vn_loop_run_once(cl->loop, 0), 0);
	/* Unmapping is done by the helper thread. */
	for (i = 0; i < CL_ROUNDS && vn_loop_jobs_pending(cl->loop) > 0; i++)
		assert_int_equal(vn_loop_run_once(cl->loop, CL_ROUND_MS), 0);
}

int
cl_dial(const struct cl *cl)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, cl->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void
cl_connect(struct cl *cl)
{
	uint64_t want = cl_info(cl).connections + 1;
	unsigned int i;

	cl->fd = cl_dial(cl);
	for (i = 0; i < CL_ROUNDS && cl_info(cl).connections < want; i++)
		assert_int_equal(vn_loop_run_once(cl->loop, CL_ROUND_MS), 0);
	assert_int_equal(cl_info(cl).connections, want);
}

void
cl_start(struct cl *cl)
{
	char reply[512];

	cl_connect(cl);
	assert_true(cl_version(cl, 0, 0, "{\"capabilities\":{\"max_msg_fds\":16}}", reply,
			    sizeof(reply)) > 0);
}

void
cl_disconnect(struct cl *cl)
{
	unsigned int before = mock.detaches;

	close(cl->fd);
	cl->fd = -1;
	cl_until(cl, &mock.detaches, before + 1);
	cl_drain(cl);
	assert_false(cl_info(cl).connected);
}

void
cl_send_raw(struct cl *cl, const void *data, size_t len, const int *fds, unsigned int n)
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
	assert_int_equal(sendmsg(cl->fd, &mh, MSG_NOSIGNAL), len);
}

void
cl_send(struct cl *cl, uint16_t command, uint32_t flags, const void *payload, uint32_t len,
	const int *fds, unsigned int n)
{
	struct vfu_hdr hdr = {
		.id = ++cl->id,
		.command = command,
		.size = (uint32_t)sizeof(hdr) + len,
		.flags = flags,
	};
	uint8_t *buf = malloc(hdr.size);

	assert_non_null(buf);
	memcpy(buf, &hdr, sizeof(hdr));
	if (len > 0)
		memcpy(buf + sizeof(hdr), payload, len);
	cl_send_raw(cl, buf, hdr.size, fds, n);
	free(buf);
}

/* @return bytes read: fewer than asked for only at the end. */
static size_t
recv_all(struct cl *cl, void *buf, size_t len)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	unsigned int i;
	size_t got = 0;
	ssize_t n;

	for (i = 0; i < CL_ROUNDS && got < len; i++) {
		struct iovec iov = {.iov_base = (uint8_t *)buf + got, .iov_len = len - got};
		struct msghdr mh = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.buf,
			.msg_controllen = sizeof(control.buf),
		};

		n = recvmsg(cl->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return got;
		if (n > 0 && CMSG_FIRSTHDR(&mh) != NULL) {
			if (cl->got_fd >= 0)
				close(cl->got_fd);
			memcpy(&cl->got_fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(int));
		}
		if (n > 0)
			got += (size_t)n;
		else
			vn_loop_run_once(cl->loop, CL_ROUND_MS);
	}
	assert_int_equal(got, len);
	return got;
}

int
cl_recv_id(struct cl *cl, uint16_t command, uint16_t id, void *payload, uint32_t room)
{
	struct vfu_hdr hdr;

	if (recv_all(cl, &hdr, sizeof(hdr)) < sizeof(hdr))
		return CL_CLOSED;
	assert_int_equal(hdr.id, id);
	assert_int_equal(hdr.command, command);
	if (hdr.flags == (VFU_F_REPLY | VFU_F_ERROR)) {
		assert_int_equal(hdr.size, sizeof(hdr));
		assert_true(hdr.error > 0);
		return -(int)hdr.error;
	}
	assert_int_equal(hdr.flags, VFU_F_REPLY);
	assert_int_equal(hdr.error, 0);
	assert_true(hdr.size >= sizeof(hdr) && hdr.size - sizeof(hdr) <= room);
	hdr.size -= (uint32_t)sizeof(hdr);
	assert_int_equal(recv_all(cl, payload, hdr.size), hdr.size);
	return (int)hdr.size;
}

int
cl_recv(struct cl *cl, uint16_t command, void *payload, uint32_t room)
{
	return cl_recv_id(cl, command, cl->id, payload, room);
}

int
cl_call(struct cl *cl, uint16_t command, const void *payload, uint32_t len, const int *fds,
	unsigned int n, void *reply, uint32_t room)
{
	cl_send(cl, command, 0, payload, len, fds, n);
	return cl_recv(cl, command, reply, room);
}

void
cl_assert_silent(struct cl *cl)
{
	char ch;

	cl_drain(cl);
	assert_int_equal(recv(cl->fd, &ch, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

void
cl_assert_closed(struct cl *cl)
{
	char ch;

	assert_int_equal(recv_all(cl, &ch, 1), 0);
	assert_true(cl_info(cl).protocol_errors >= 1);
	close(cl->fd);
	cl->fd = -1;
	cl_drain(cl);
	assert_false(cl_info(cl).connected);
}

int
cl_version(
	struct cl *cl, uint16_t major, uint16_t minor, const char *json, char *reply, uint32_t room)
{
	uint8_t buf[1024];
	struct vfu_version v = {.major = major, .minor = minor};
	uint32_t len = json != NULL ? (uint32_t)strlen(json) + 1 : 0;

	assert_true(len <= sizeof(buf) - sizeof(v));
	memcpy(buf, &v, sizeof(v));
	if (len > 0)
		memcpy(buf + sizeof(v), json, len);
	return cl_call(cl, VFU_VERSION, buf, (uint32_t)sizeof(v) + len, NULL, 0, reply, room);
}

int
cl_map(struct cl *cl, uint64_t address, uint64_t size, uint64_t offset, int fd)
{
	struct vfu_dma_map p = {
		.argsz = sizeof(p),
		.flags = VFU_MAP_READ | VFU_MAP_WRITE,
		.offset = offset,
		.address = address,
		.size = size,
	};

	return cl_call(cl, VFU_DMA_MAP, &p, sizeof(p), &fd, fd >= 0 ? 1 : 0, NULL, 0);
}

int
cl_unmap(struct cl *cl, uint64_t address, uint64_t size, uint32_t flags)
{
	struct vfu_dma_unmap p = {
		.argsz = sizeof(p),
		.flags = flags,
		.address = address,
		.size = size,
	};
	struct vfu_dma_unmap r;
	int ret;

	ret = cl_call(cl, VFU_DMA_UNMAP, &p, sizeof(p), NULL, 0, &r, sizeof(r));
	if (ret >= 0) {
		assert_int_equal(ret, sizeof(r));
		assert_memory_equal(&p, &r, sizeof(r));
	}
	return ret < 0 ? ret : 0;
}

int
cl_read(struct cl *cl, uint32_t region, uint64_t offset, void *data, uint32_t len)
{
	struct vfu_access a = {.offset = offset, .region = region, .count = len};
	uint8_t *buf = malloc(sizeof(a) + len);
	int ret;

	assert_non_null(buf);
	ret = cl_call(cl, VFU_REGION_READ, &a, sizeof(a), NULL, 0, buf, (uint32_t)sizeof(a) + len);
	if (ret >= 0) {
		assert_int_equal(ret, sizeof(a) + len);
		assert_memory_equal(buf, &a, sizeof(a));
		memcpy(data, buf + sizeof(a), len);
		ret = 0;
	}
	free(buf);
	return ret;
}

int
cl_write(struct cl *cl, uint32_t region, uint64_t offset, const void *data, uint32_t len)
{
	struct vfu_access a = {.offset = offset, .region = region, .count = len}, r;
	uint8_t *buf = malloc(sizeof(a) + len);
	int ret;

	assert_non_null(buf);
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), data, len);
	ret = cl_call(cl, VFU_REGION_WRITE, buf, (uint32_t)sizeof(a) + len, NULL, 0, &r, sizeof(r));
	free(buf);
	if (ret >= 0) {
		assert_int_equal(ret, sizeof(r));
		assert_memory_equal(&a, &r, sizeof(r));
		ret = 0;
	}
	return ret;
}

int
cl_irqs(struct cl *cl, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
	const int *fds, unsigned int n)
{
	struct vfu_irq_set p = {
		.argsz = sizeof(p),
		.flags = flags,
		.index = index,
		.start = start,
		.count = count,
	};

	return cl_call(cl, VFU_SET_IRQS, &p, sizeof(p), fds, n, NULL, 0);
}
