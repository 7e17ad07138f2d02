/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Messages as they must not be. After each the endpoint serves the next front end. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front_end.h"
#include "vn_features.h"

#define FEATURES (VN_F_VERSION_1 | VU_F_PROTOCOL_FEATURES)

/* Every request, with the size it has and the descriptors that belong to it. */
static const struct {
	uint32_t request;
	uint32_t size;
	unsigned int fds;
	bool replies;
} requests[] = {
	{VU_GET_FEATURES, 0, 0, true},
	{VU_SET_FEATURES, 8, 0, false},
	{VU_SET_OWNER, 0, 0, false},
	{VU_RESET_OWNER, 0, 0, false},
	{VU_SET_MEM_TABLE, 264, 8, false},
	{VU_SET_LOG_BASE, 16, 1, false},
	{VU_SET_LOG_FD, 8, 1, false},
	{VU_SET_VRING_NUM, 8, 0, false},
	{VU_SET_VRING_ADDR, 40, 0, false},
	{VU_SET_VRING_BASE, 8, 0, false},
	{VU_GET_VRING_BASE, 8, 0, true},
	{VU_SET_VRING_KICK, 8, 1, false},
	{VU_SET_VRING_CALL, 8, 1, false},
	{VU_SET_VRING_ERR, 8, 1, false},
	{VU_GET_PROTOCOL_FEATURES, 0, 0, true},
	{VU_SET_PROTOCOL_FEATURES, 8, 0, false},
	{VU_GET_QUEUE_NUM, 0, 0, true},
	{VU_SET_VRING_ENABLE, 8, 0, false},
	{VU_SEND_RARP, 8, 0, false},
	{VU_NET_SET_MTU, 8, 0, false},
	{VU_GET_CONFIG, 12 + 256, 0, true},
	{VU_SET_CONFIG, 12 + 256, 0, false},
	{VU_RESET_DEVICE, 0, 0, false},
	{VU_GET_MAX_MEM_SLOTS, 0, 0, true},
	{VU_ADD_MEM_REG, 40, 1, false},
	{VU_REM_MEM_REG, 40, 1, false},
	{VU_SET_STATUS, 8, 0, false},
	{VU_GET_STATUS, 0, 0, true},
	{200, 16, 0, false},
};

static const uint8_t junk[8192] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/*
 * A request that is refused: with an acknowledgement where one is asked for (and the connection
 * lives on), else by the end of the connection.
 */
static void
refuse(struct fe *fe, unsigned int i, uint32_t size, const int *fds, unsigned int n)
{
	uint64_t v = 0;

	fe_connect(fe);
	fe_negotiate(fe, FEATURES);
	fe_send(fe, requests[i].request, FE_NEED_REPLY, junk, size, fds, n);
	if (requests[i].replies) {
		fe_assert_closed(fe);
		return;
	}
	if (fe_recv(fe, requests[i].request, &v, sizeof(v)) != sizeof(v) || v == 0)
		fail_msg("request %u, %u bytes, %u descriptors: not refused", requests[i].request,
			size, n);
	assert_int_equal(fe_get_u64(fe, VU_GET_QUEUE_NUM), 2);
	fe_send(fe, requests[i].request, VU_VERSION, junk, size, fds, n);
	fe_assert_closed(fe);
}

static void
test_sizes(void **state)
{
	struct fe *fe = *state;
	unsigned int i;

	for (i = 0; i < RTE_DIM(requests); i++) {
		/* GET_CONFIG has any size up to this; an error is an empty reply. */
		if (requests[i].size > 0 && requests[i].request != VU_GET_CONFIG)
			refuse(fe, i, requests[i].size - 1, NULL, 0);
		if (requests[i].size > 8)
			refuse(fe, i, 7, NULL, 0);
		refuse(fe, i, requests[i].size + 1, NULL, 0);
		refuse(fe, i, 4096, NULL, 0);
	}
}

static void
test_descriptor_counts(void **state)
{
	struct fe *fe = *state;
	int fds[VU_MAX_FDS];
	unsigned int i;

	for (i = 0; i < RTE_DIM(fds); i++)
		fds[i] = fe->memfd;
	for (i = 0; i < RTE_DIM(requests); i++) {
		if (requests[i].fds < VU_MAX_FDS)
			refuse(fe, i, requests[i].size, fds, requests[i].fds + 1);
		/* One is needed, but not by REM_MEM_REG (which finds no region here, anyway). */
		if (requests[i].fds == 1)
			refuse(fe, i, requests[i].size, NULL, 0);
	}
}

/* More than the kernel's room for them: some are lost, so all are closed. */
static void
test_descriptors_lost(void **state)
{
	struct fe *fe = *state;
	unsigned int n, before;
	int fds[64];

	for (n = 0; n < RTE_DIM(fds); n++)
		fds[n] = fe->memfd;
	before = fe_open_fds();
	for (n = VU_MAX_FDS + 1; n <= RTE_DIM(fds); n += n < 18 ? 1 : 23) {
		fe_connect(fe);
		fe_send(fe, VU_SET_MEM_TABLE, FE_NEED_REPLY, junk, 264, fds, n);
		fe_assert_closed(fe);
		assert_int_equal(fe_open_fds(), before);
	}
	/* Spread over the message: each piece is within the limit, all of them are not. */
	{
		struct vu_hdr hdr = {VU_SET_MEM_TABLE, FE_NEED_REPLY, 264};

		fe_connect(fe);
		fe_send_raw(fe, &hdr, sizeof(hdr), fds, 5);
		fe_drain(fe);
		fe_send_raw(fe, junk, 264, fds, 4);
		fe_assert_closed(fe);
		assert_int_equal(fe_open_fds(), before);
	}
	/* Descriptors beside a lone byte of a header, which stays a lone byte. */
	fe_connect(fe);
	fe_send_raw(fe, junk, 1, fds, 3);
	fe_drain(fe);
	fe_disconnect(fe);
	assert_int_equal(fe_open_fds(), before);
}

static void
test_headers(void **state)
{
	static const uint32_t bad_flags[] = {0, 2, 3, VU_VERSION | VU_FLAG_REPLY,
		VU_VERSION | VU_FLAG_REPLY | VU_FLAG_NEED_REPLY};
	struct vu_hdr hdr = {.request = VU_GET_FEATURES, .flags = VU_VERSION};
	struct fe *fe = *state;
	unsigned int i;

	for (i = 0; i < RTE_DIM(bad_flags); i++) {
		fe_connect(fe);
		fe_send(fe, VU_GET_FEATURES, bad_flags[i], NULL, 0, NULL, 0);
		fe_assert_closed(fe);
		assert_int_equal(fe_info(fe).protocol_errors, i + 1);
	}
	/* An announced size that nobody would send: refused before it comes. */
	for (hdr.size = 4097;; hdr.size = UINT32_MAX) {
		fe_connect(fe);
		fe_send_raw(fe, &hdr, sizeof(hdr), NULL, 0);
		fe_assert_closed(fe);
		if (hdr.size == UINT32_MAX)
			break;
	}
	/* Requests that do not exist. */
	for (i = 0; i < 64; i++) {
		fe_connect(fe);
		fe_send(fe, i < 32 ? 100 + i : UINT32_MAX - i, VU_VERSION, NULL, 0, NULL, 0);
		fe_assert_closed(fe);
	}
}

static void
test_ring_values(void **state)
{
	struct vu_vring_addr a = fe_addr(0);
	struct fe *fe = *state;
	struct stat st;
	uint64_t v;
	int fd;

	fe_start_all(fe);
	/* The device has rings 0 to 3; the VMM has the control queue. */
	fe_refused_state(fe, VU_SET_VRING_NUM, 4, 256);
	fe_refused_state(fe, VU_SET_VRING_BASE, 4, 0);
	fe_refused_state(fe, VU_SET_VRING_ENABLE, UINT32_MAX, 1);
	a.index = 4;
	fe_refused(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_refused_u64(fe, VU_SET_VRING_KICK, VU_VRING_NOFD | 4);
	fe_refused_u64(fe, VU_SET_VRING_CALL, VU_VRING_NOFD | 255);
	fe_refused_u64(fe, VU_SET_VRING_KICK, VU_VRING_NOFD | 0x10000);
	/* Sizes. */
	fe_refused_state(fe, VU_SET_VRING_NUM, 2, 0);
	fe_refused_state(fe, VU_SET_VRING_NUM, 2, 255);
	fe_refused_state(fe, VU_SET_VRING_NUM, 2, 2 * VN_VQ_MAX_SIZE);
	fe_refused_state(fe, VU_SET_VRING_NUM, 2, 0x80000000u);
	fe_refused_state(fe, VU_SET_VRING_BASE, 2, 65536);
	fe_refused_state(fe, VU_SET_VRING_ENABLE, 2, 2);
	/* Nothing is changed under a running ring; the same again is fine. */
	fe_refused_state(fe, VU_SET_VRING_NUM, 0, 128);
	fe_ok_state(fe, VU_SET_VRING_NUM, 0, 256);
	fe_refused_state(fe, VU_SET_VRING_BASE, 0, 1);
	a = fe_addr(0);
	a.desc += 16;
	fe_refused(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_refused_u64(fe, VU_SET_FEATURES, FEATURES | VN_NET_F_CSUM);
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES);
	/* Eventfds only; and none where the message says none. */
	v = 0;
	fe_refused(fe, VU_SET_VRING_KICK, &v, 8, &fe->memfd, 1);
	fe_refused(fe, VU_SET_VRING_CALL, &v, 8, &fe->fd, 1);
	assert_int_equal(stat("/dev/null", &st), 0);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	fe_refused(fe, VU_SET_VRING_ERR, &v, 8, &fd, 1);
	close(fd);
	v = VU_VRING_NOFD;
	fd = fe_eventfd();
	fe_refused(fe, VU_SET_VRING_CALL, &v, 8, &fd, 1);
	close(fd);
	assert_int_equal(mock.ring[0].stops, 0);
	/* An address in no region, and a ring that the device does not like. */
	a = fe_addr(2);
	a.used = FE_UVA + FE_MEM_SIZE;
	fe_ok_state(fe, VU_SET_VRING_NUM, 2, 256);
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 2);
	fe_refused_state(fe, VU_SET_VRING_ENABLE, 2, 1);
	mock.start_result = -EFAULT;
	a = fe_addr(2);
	fe_refused(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	mock.start_result = 0;
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	assert_int_equal(fe->dev.vq[2].state, VN_VQ_RUNNING);
}

/* Random bytes in the place of messages, the same ones in each run. */
static void
test_noise(void **state)
{
	const unsigned int rounds = 400;
	struct fe *fe = *state;
	uint32_t seed = 1, r[16];
	struct vu_hdr hdr;
	unsigned int i, k, j;
	uint8_t body[64];

	for (i = 0; i < rounds; i++) {
		fe_connect(fe);
		fe_negotiate(fe, FEATURES);
		fe_set_mem(fe);
		for (k = 0; k < 8; k++) {
			for (j = 0; j < RTE_DIM(r); j++) {
				seed = seed * 1664525 + 1013904223;
				/* Small numbers are more interesting than large ones. */
				r[j] = seed >> 29 == 0 ? seed : (seed >> 16) & 7;
			}
			memcpy(body, r, sizeof(body));
			hdr.request = (seed >> 8) % 42;
			hdr.flags = FE_NEED_REPLY;
			hdr.size = requests[(seed >> 3) % RTE_DIM(requests)].size;
			if (hdr.size > sizeof(body))
				hdr.size = sizeof(body);
			/* It may be closed already: that is fine. */
			if (send(fe->fd, &hdr, sizeof(hdr), MSG_NOSIGNAL) < 0 ||
				send(fe->fd, body, hdr.size, MSG_NOSIGNAL) < 0)
				break;
			fe_drain(fe);
		}
		close(fe->fd);
		fe->fd = -1;
		while (fe_info(fe).connected)
			fe_drain(fe);
	}
	printf("noise: %u connections of up to 8 messages\n", rounds);
	assert_int_equal(mock.attaches, mock.detaches);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fe_setup, fe_teardown)
		T(test_sizes),
		T(test_descriptor_counts),
		T(test_descriptors_lost),
		T(test_headers),
		T(test_ring_values),
		T(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
