/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The life of an endpoint: sockets, connections that come and go at any moment, both modes. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "front_end.h"
#include "vn_features.h"

#define FEATURES (VN_F_VERSION_1 | VU_F_PROTOCOL_FEATURES)

/* The messages of a VMM that starts a device, in its order. */
#define STEPS 24

static void
step(struct fe *fe, unsigned int i, bool half)
{
	uint64_t v = VU_PF_REPLY_ACK | VU_PF_LOG_SHMFD | VU_PF_STATUS;
	struct vu_vring_addr a = fe_addr(0);
	struct vu_vring_state s = {.index = 0};
	struct vu_log log = {.size = 4096};
	struct vu_mem_table t = {
		.n = 1, .region = {{.gpa = FE_GPA, .size = FE_MEM_SIZE, .uva = FE_UVA}}};
	struct vu_mem_reg r = {.region = {.gpa = 8 * FE_GPA, .size = 4096, .uva = 0x1000}};
	struct {
		uint32_t request, size;
		const void *payload;
		int fd;
	} m = {0, 0, NULL, -1};
	struct {
		struct vu_hdr hdr;
		uint8_t body[64];
	} buf;
	int ev = fe_eventfd();

#define M(req, p, n, f) m.request = (req), m.payload = (p), m.size = (n), m.fd = (f)
	switch (i) {
	case 0:
		M(VU_GET_FEATURES, NULL, 0, -1);
		break;
	case 1:
		M(VU_GET_PROTOCOL_FEATURES, NULL, 0, -1);
		break;
	case 2:
		M(VU_SET_PROTOCOL_FEATURES, &v, 8, -1);
		break;
	case 3:
		M(VU_GET_QUEUE_NUM, NULL, 0, -1);
		break;
	case 4:
		M(VU_SET_OWNER, NULL, 0, -1);
		break;
	case 5:
		s.num = 1;
		M(VU_SET_VRING_ENABLE, &s, 8, -1);
		break;
	case 6:
		v = FEATURES;
		M(VU_SET_FEATURES, &v, 8, -1);
		break;
	case 7:
		M(VU_SET_MEM_TABLE, &t, 40, fe->memfd);
		break;
	case 8:
		M(VU_ADD_MEM_REG, &r, 40, fe->memfd);
		break;
	case 9:
		s.num = 256;
		M(VU_SET_VRING_NUM, &s, 8, -1);
		break;
	case 10:
		M(VU_SET_VRING_BASE, &s, 8, -1);
		break;
	case 11:
		M(VU_SET_VRING_ADDR, &a, 40, -1);
		break;
	case 12:
		v = 0;
		M(VU_SET_VRING_CALL, &v, 8, ev);
		break;
	case 13:
		v = 0;
		M(VU_SET_VRING_ERR, &v, 8, ev);
		break;
	case 14:
		v = 0;
		M(VU_SET_VRING_KICK, &v, 8, ev);
		break;
	case 15:
		v = 15;
		M(VU_SET_STATUS, &v, 8, -1);
		break;
	case 16:
		M(VU_SET_LOG_BASE, &log, 16, fe->memfd);
		break;
	case 17:
		v = FEATURES | VU_F_LOG_ALL;
		M(VU_SET_FEATURES, &v, 8, -1);
		break;
	case 18:
		v = 0;
		M(VU_SET_VRING_CALL, &v, 8, ev);
		break;
	case 19:
		v = 0;
		M(VU_SET_VRING_KICK, &v, 8, ev);
		break;
	case 20:
		M(VU_REM_MEM_REG, &r, 40, fe->memfd);
		break;
	case 21:
		v = FEATURES;
		M(VU_SET_FEATURES, &v, 8, -1);
		break;
	case 22:
		M(VU_GET_VRING_BASE, &s, 8, -1);
		break;
	case 23:
		v = 0;
		M(VU_SET_STATUS, &v, 8, -1);
		break;
	}
#undef M
	buf.hdr = (struct vu_hdr){m.request, VU_VERSION, m.size};
	if (m.size > 0)
		memcpy(buf.body, m.payload, m.size);
	/* All but the last byte, of the header where there is no more. */
	fe_send_raw(fe, &buf, sizeof(buf.hdr) + m.size - (half ? 1 : 0), &m.fd, m.fd >= 0 ? 1 : 0);
	close(ev);
}

/* Gone after message n: at rest or with the device still busy; the last message whole or half. */
static void
test_disconnect_everywhere(void **state)
{
	struct fe *fe = *state;
	unsigned int before = fe_open_fds(), n, i, variant;

	for (variant = 0; variant < 4; variant++) {
		for (n = 0; n < STEPS; n++) {
			fe_connect(fe);
			for (i = 0; i < n; i++) {
				step(fe, i, false);
				fe_drain(fe);
			}
			mock.delay = (variant & 1) != 0;
			step(fe, n, (variant & 2) != 0);
			fe_drain(fe);
			close(fe->fd);
			fe->fd = -1;
			fe_drain(fe);
			while (mock.n_waiting > 0) {
				mock_answer(1);
				fe_drain(fe);
			}
			mock.delay = false;
			assert_false(fe_info(fe).connected);
			assert_int_equal(mock.detaches, mock.attaches);
			assert_int_equal(mock.log_on, false);
			assert_int_equal(vn_gm_registry_files(fe->gm), 0);
			assert_int_equal(fe_open_fds(), before);
		}
	}
	assert_int_equal(fe_info(fe).protocol_errors, 0);
	assert_int_equal(fe_info(fe).connections, 4 * STEPS);
}

/* All of it in one go, without waiting for any answer. */
static void
test_pipelined(void **state)
{
	struct fe *fe = *state;
	unsigned int i;
	uint64_t v;

	fe_connect(fe);
	mock.ring[0].position = 31;
	for (i = 0; i < STEPS; i++)
		step(fe, i, false);
	fe_recv(fe, VU_GET_FEATURES, &v, 8);
	fe_recv(fe, VU_GET_PROTOCOL_FEATURES, &v, 8);
	fe_recv(fe, VU_GET_QUEUE_NUM, &v, 8);
	assert_int_equal(fe_recv(fe, VU_SET_LOG_BASE, &v, 8), 0);
	assert_int_equal(fe_recv(fe, VU_GET_VRING_BASE, &v, 8), 8);
	assert_int_equal(v >> 32, 31);
	fe_drain(fe);
	assert_int_equal(mock.resets, 1);
	assert_true(fe_info(fe).connected);
}

/* Half a message, then silence: another endpoint goes on as if nothing were. */
static void
test_half_message(void **state)
{
	struct fe *fe = *state;
	struct fe other = *fe;
	char err[256];
	struct vn_endpoint_conf conf = {.path = other.path};

	fe_connect(fe);
	step(fe, 9, true);
	strcat(other.path, "2");
	assert_int_equal(vn_vhost_user_ops.plug(&other.dev, &conf, &other.ep, err, sizeof(err)), 0);
	fe_connect(&other);
	assert_int_equal(fe_get_u64(&other, VU_GET_QUEUE_NUM), 2);
	fe_negotiate(&other, FEATURES);
	fe_set_mem(&other);
	fe_disconnect(&other);
	fe_unplug(&other);
	/* It is not given up at once. */
	assert_true(fe_info(fe).connected);
}

static void
test_one_at_a_time(void **state)
{
	struct fe *fe = *state;
	int second, i;
	char c;

	fe_start_all(fe);
	for (i = 0; i < 5; i++) {
		second = fe_dial(fe);
		fe_drain(fe);
		assert_int_equal(recv(second, &c, 1, MSG_DONTWAIT), 0);
		close(second);
	}
	assert_int_equal(fe_info(fe).connections, 1);
	assert_int_equal(fe->dev.vq[0].state, VN_VQ_RUNNING);
	assert_int_equal(fe_get_u64(fe, VU_GET_QUEUE_NUM), 2);
	/* A dead one does not keep the next one out, not even if both are seen at the same time. */
	second = fe_dial(fe);
	close(fe->fd);
	fe->fd = second;
	fe_until_connections(fe, 2);
	assert_int_equal(fe_get_u64(fe, VU_GET_QUEUE_NUM), 2);
	assert_int_equal(mock.resets, 1);
}

static void
plug_fails(struct fe *fe, const char *path, int error, const char *text)
{
	struct vn_endpoint_conf conf = {.path = path};
	struct vn_endpoint *ep = NULL;
	char err[256] = "";

	assert_int_equal(vn_vhost_user_ops.plug(&fe->dev, &conf, &ep, err, sizeof(err)), error);
	if (strstr(err, text) == NULL)
		fail_msg("message is: %s", err);
	assert_null(strchr(err, '\n'));
}

static void
test_bad_paths(void **state)
{
	char path[200];
	struct fe *fe = *state;
	int fd;

	plug_fails(fe, fe->path, -EADDRINUSE, "in use");
	memset(path, 'x', sizeof(path));
	memcpy(path, "/tmp/", 5);
	path[108] = '\0';
	plug_fails(fe, path, -ENAMETOOLONG, "at most 107");
	plug_fails(fe, "", -EINVAL, "empty");
	plug_fails(fe, NULL, -EINVAL, "empty");
	snprintf(path, sizeof(path), "%s/none/socket", fe->dir);
	plug_fails(fe, path, -ENOENT, "directory");
	snprintf(path, sizeof(path), "%s/file", fe->dir);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	close(fd);
	plug_fails(fe, path, -EEXIST, "not a socket");
	assert_int_equal(unlink(path), 0);
	/* The first one was not disturbed. */
	fe_connect(fe);
	assert_int_equal(fe_get_u64(fe, VU_GET_QUEUE_NUM), 2);
}

/* What a process left that was killed. */
static void
test_stale_socket(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct fe *fe = *state;
	struct stat st;
	int fd;

	fe_unplug(fe);
	assert_int_equal(stat(fe->path, &st), -1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(addr.sun_path, fe->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(stat(fe->path, &st), 0);
	fe_plug(fe, false);
	fe_connect(fe);
	assert_int_equal(fe_get_u64(fe, VU_GET_QUEUE_NUM), 2);
	fe_disconnect(fe);
	/* A socket that somebody put in the place of ours is not ours to remove. */
	assert_int_equal(unlink(fe->path), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	fe_unplug(fe);
	assert_int_equal(stat(fe->path, &st), 0);
	close(fd);
}

static void
test_unplug_connected(void **state)
{
	struct fe *fe = *state;
	struct stat st;
	char c;

	fe_start_all(fe);
	fe_unplug(fe);
	assert_int_equal(recv(fe->fd, &c, 1, MSG_DONTWAIT), 0);
	assert_int_equal(mock.resets, 1);
	assert_int_equal(stat(fe->path, &st), -1);
}

static void
count(void *ctx, int result)
{
	assert_int_equal(result, 0);
	(*(unsigned int *)ctx)++;
}

/* With an operation under way: it ends first, and done() comes last. */
static void
test_unplug_pending(void **state)
{
	struct vu_vring_state s = {.index = 0};
	struct fe *fe = *state;
	unsigned int done = 0;

	fe_start_all(fe);
	mock.delay = true;
	fe_send(fe, VU_GET_VRING_BASE, VU_VERSION, &s, sizeof(s), NULL, 0);
	fe_drain(fe);
	vn_vhost_user_ops.unplug(fe->ep, count, &done);
	fe->ep = NULL;
	fe_drain(fe);
	assert_int_equal(done, 0);
	assert_int_equal(mock_answer(1), 1);
	fe_drain(fe);
	assert_int_equal(done, 0);
	assert_int_equal(mock_answer(1), 1);
	fe_until(fe, &done, 1);
}

/* The VMM listens, and comes and goes. */
static void
test_client(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct fe *fe = *state;
	unsigned int i;
	int lfd;

	fe_unplug(fe);
	strcpy(addr.sun_path, fe->path);
	fe_plug(fe, true);
	fe_drain(fe);
	assert_true(fe_info(fe).client);
	assert_false(fe_info(fe).connected);
	for (i = 1; i <= 2; i++) {
		lfd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(lfd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		assert_int_equal(listen(lfd, 1), 0);
		fe_until_connections(fe, i);
		fe->fd = accept(lfd, NULL, NULL);
		assert_true(fe->fd >= 0);
		fe_negotiate(fe, FEATURES);
		fe_set_mem(fe);
		fe_ring(fe, 0);
		assert_int_equal(mock.ring[0].starts, i);
		close(lfd);
		unlink(fe->path);
		fe_disconnect(fe);
		assert_int_equal(mock.resets, i);
	}
	/* Unplugged while it tries. */
	fe_unplug(fe);
}

/* No descriptor left: no spinning, and no connection lost. */
static void
test_out_of_descriptors(void **state)
{
	struct fe *fe = *state;
	struct rlimit old, low;
	unsigned int i, rounds = 0;
	int lowest, second = -1;
	uint64_t due;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (i = 0; i < 2; i++) {
		/* First for the only connection, then for one that is to be refused. */
		second = fe->fd;
		fe->fd = fe_dial(fe);
		lowest = dup(fe->fd);
		close(lowest);
		low = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = old.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		fe_drain(fe);
		/* Nothing is ready any more: a round waits for all of its time. */
		due = vn_now_ns() + VN_MS(100);
		for (rounds = 0; vn_now_ns() < due && rounds < 1000; rounds++)
			vn_loop_run_once(fe->loop, 100);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_true(rounds < 1000);
		assert_int_equal(fe_info(fe).connections, i);
		if (i == 0)
			fe_until_connections(fe, 1);
	}
	/* The second one is turned away as soon as there is a descriptor for it. */
	while (vn_loop_run_once(fe->loop, 100) == 0) {
		char c;

		if (recv(fe->fd, &c, 1, MSG_DONTWAIT) == 0)
			break;
	}
	close(fe->fd);
	fe->fd = second;
	assert_int_equal(fe_get_u64(fe, VU_GET_QUEUE_NUM), 2);
}

/* Server: the same VMM, again and again. */
static void
test_reconnect(void **state)
{
	const unsigned int rounds = 200;
	struct fe *fe = *state;
	unsigned int before = fe_open_fds(), i;

	for (i = 1; i <= rounds; i++) {
		fe_start_all(fe);
		assert_int_equal(mock.ring[0].starts, i);
		fe_disconnect(fe);
		assert_int_equal(mock.resets, i);
	}
	printf("reconnect: %u rounds\n", rounds);
	assert_int_equal(fe_open_fds(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fe_setup, fe_teardown)
		T(test_disconnect_everywhere),
		T(test_pipelined),
		T(test_half_message),
		T(test_one_at_a_time),
		T(test_bad_paths),
		T(test_stale_socket),
		T(test_unplug_connected),
		T(test_unplug_pending),
		T(test_client),
		T(test_out_of_descriptors),
		T(test_reconnect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
