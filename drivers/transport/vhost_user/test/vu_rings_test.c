/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Features, rings and state: what a well-behaved front end does. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "front_end.h"
#include "vn_features.h"
#include "vn_vring_packed.h"

#define FEATURES (VN_F_VERSION_1 | VU_F_PROTOCOL_FEATURES)

static bool
runs(const struct fe *fe, unsigned int i)
{
	return fe->dev.vq[i].state == VN_VQ_RUNNING;
}

static void
test_features(void **state)
{
	struct fe *fe = *state;
	uint64_t f;

	fe_connect(fe);
	f = fe_get_u64(fe, VU_GET_FEATURES);
	assert_true(f & VU_F_PROTOCOL_FEATURES);
	assert_true(f & VU_F_LOG_ALL);
	assert_true(f & VN_NET_F_MRG_RXBUF);
	/* The device has these two, but vhost-user cannot carry them. */
	assert_false(f & VN_F_IOMMU_PLATFORM);
	assert_false(f & VN_NET_F_RSS);

	fe_negotiate(fe, VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF | VU_F_PROTOCOL_FEATURES);
	assert_int_equal(fe->dev.driver_features, VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF);
	fe_refused_u64(fe, VU_SET_FEATURES, VN_F_IOMMU_PLATFORM);
	fe_refused_u64(fe, VU_SET_PROTOCOL_FEATURES, VU_PF_MQ | UINT64_C(1) << 12);
	assert_int_equal(fe->dev.driver_features, VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF);
	assert_int_equal(fe_get_u64(fe, VU_GET_QUEUE_NUM), 2);
	assert_int_equal(fe_get_u64(fe, VU_GET_MAX_MEM_SLOTS), 509);
}

/* Whatever comes last starts the ring, and nothing before it does. */
static void
test_start_needs_all(void **state)
{
	struct fe *fe = *state;
	struct vu_vring_addr a = fe_addr(1);
	unsigned int last, i;

	for (last = 0; last < 6; last++) {
		fe_connect(fe);
		fe->protocol = fe_get_u64(fe, VU_GET_PROTOCOL_FEATURES);
		fe_send(fe, VU_SET_PROTOCOL_FEATURES, VU_VERSION, &fe->protocol, 8, NULL, 0);
		for (i = 0; i < 6; i++) {
			assert_false(runs(fe, 1));
			switch ((last + 1 + i) % 6) {
			case 0:
				fe_ok_u64(fe, VU_SET_FEATURES, FEATURES);
				break;
			case 1:
				fe_set_mem(fe);
				break;
			case 2:
				fe_ok_state(fe, VU_SET_VRING_NUM, 1, 128);
				break;
			case 3:
				fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
				break;
			case 4:
				fe_ok_eventfd(fe, VU_SET_VRING_KICK, 1);
				break;
			case 5:
				fe_ok_state(fe, VU_SET_VRING_ENABLE, 1, 1);
				break;
			}
		}
		assert_true(runs(fe, 1));
		assert_false(runs(fe, 0));
		assert_int_equal(fe->dev.vq[1].setup.size, 128);
		assert_int_equal(fe->dev.vq[1].setup.desc_gpa, FE_GPA + 0x10000);
		assert_int_equal(fe->dev.vq[1].setup.avail_gpa, FE_GPA + 0x14000);
		assert_int_equal(fe->dev.vq[1].setup.used_gpa, FE_GPA + 0x18000);
		assert_int_equal(fe->dev.vq[1].setup.used_log_gpa, FE_GPA + 0x18000);
		assert_true(fe->dev.vq[1].setup.kick_fd >= 0);
		/* Pollers must never block in it; the test's own was made blocking. */
		assert_true(fcntl(fe->dev.vq[1].setup.kick_fd, F_GETFL) & O_NONBLOCK);
		fe_disconnect(fe);
		assert_false(runs(fe, 1));
	}
}

/* An old front end: no protocol features, rings are enabled by their kick. */
static void
test_no_protocol_features(void **state)
{
	struct fe *fe = *state;
	struct vu_vring_addr a = fe_addr(0);
	struct vu_vring_state s = {.index = 0, .num = 256};
	struct vu_mem_table t = {
		.n = 1, .region = {{.gpa = FE_GPA, .size = FE_MEM_SIZE, .uva = FE_UVA}}};
	uint64_t v = VN_F_VERSION_1;
	int fd = fe_eventfd();

	fe_connect(fe);
	fe_send(fe, VU_SET_OWNER, VU_VERSION, NULL, 0, NULL, 0);
	/* The flag without the protocol feature asks for nothing. */
	fe_send(fe, VU_SET_FEATURES, FE_NEED_REPLY, &v, 8, NULL, 0);
	fe_send(fe, VU_SET_MEM_TABLE, VU_VERSION, &t, sizeof(t), &fe->memfd, 1);
	fe_send(fe, VU_SET_VRING_NUM, VU_VERSION, &s, sizeof(s), NULL, 0);
	fe_send(fe, VU_SET_VRING_ADDR, VU_VERSION, &a, sizeof(a), NULL, 0);
	fe_get_u64(fe, VU_GET_FEATURES);
	assert_false(runs(fe, 0));
	v = 0;
	fe_send(fe, VU_SET_VRING_KICK, VU_VERSION, &v, 8, &fd, 1);
	close(fd);
	fe_get_u64(fe, VU_GET_FEATURES);
	assert_true(runs(fe, 0));
	/* It cannot tell the status, so it is concluded. */
	assert_int_equal(fe->dev.status,
		VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FEATURES_OK | VN_STATUS_DRIVER_OK);
}

static void
test_polled_ring(void **state)
{
	struct fe *fe = *state;
	struct vu_vring_addr a = fe_addr(0);

	fe_connect(fe);
	fe_negotiate(fe, FEATURES);
	fe_set_mem(fe);
	fe_ok_state(fe, VU_SET_VRING_NUM, 0, 256);
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 1);
	fe_ok_u64(fe, VU_SET_VRING_CALL, VU_VRING_NOFD | 0);
	assert_false(runs(fe, 0));
	fe_ok_u64(fe, VU_SET_VRING_KICK, VU_VRING_NOFD | 0);
	assert_true(runs(fe, 0));
	assert_int_equal(fe->dev.vq[0].setup.kick_fd, -1);
	assert_int_equal(fe->dev.vq[0].setup.call_fd, -1);
}

static void
test_stop_and_resume(void **state)
{
	struct fe *fe = *state;

	fe_start_all(fe);
	mock.ring[0].position = 4711;
	/* Disabling keeps the position. */
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 0);
	assert_false(runs(fe, 0));
	assert_true(runs(fe, 1));
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 1);
	assert_true(runs(fe, 0));
	assert_int_equal(fe->dev.vq[0].setup.start, 4711);
	assert_true(fe->dev.vq[0].setup.call_fd >= 0);
	/* So does a new kick descriptor. */
	mock.ring[0].position = 4712;
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_true(runs(fe, 0));
	assert_int_equal(fe->dev.vq[0].setup.start, 4712);
	/* A new interrupt descriptor goes in without a stop. */
	fe_ok_eventfd(fe, VU_SET_VRING_CALL, 0);
	assert_int_equal(mock.ring[0].calls_set, 1);
	assert_int_equal(mock.ring[0].stops, 2);
	/* GET_VRING_BASE stops until the next kick descriptor, and says where. */
	mock.ring[0].position = 65535;
	assert_int_equal(fe_get_base(fe, 0), 65535);
	assert_false(runs(fe, 0));
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 1);
	assert_false(runs(fe, 0));
	assert_int_equal(fe_get_base(fe, 0), 65535);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_true(runs(fe, 0));
	assert_int_equal(fe->dev.vq[0].setup.start, 65535);
	/* Of a ring that never ran. */
	assert_int_equal(fe_get_base(fe, 3), 0);
}

/* Ring 0 of a driver with packed rings starts, told that it is at @p base. */
static uint16_t
packed_start_at(struct fe *fe, uint32_t base)
{
	fe_get_base(fe, 0);
	fe_ok_state(fe, VU_SET_VRING_BASE, 0, base);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_true(runs(fe, 0));
	return fe->dev.vq[0].setup.start;
}

/* Positions of packed rings: both sides' index and wrap counter. */
static void
test_packed(void **state)
{
	struct vu_vring_addr a = fe_addr(0);
	struct fe *fe = *state;

	fe_connect(fe);
	fe_negotiate(fe, FEATURES | VN_F_RING_PACKED);
	fe_set_mem(fe);
	/* It has not run, and nobody has said where it is. */
	assert_int_equal(fe_get_base(fe, 1), 0x80008000);
	/* Any size will do. A front end that says nothing has a ring that is new. */
	fe_refused_state(fe, VU_SET_VRING_NUM, 0, 0);
	fe_refused_state(fe, VU_SET_VRING_NUM, 0, VN_VQ_MAX_SIZE + 1);
	fe_ok_state(fe, VU_SET_VRING_NUM, 0, 100);
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 1);
	assert_true(runs(fe, 0));
	assert_int_equal(fe->dev.vq[0].setup.size, 100);
	assert_int_equal(fe->dev.vq[0].setup.start, VN_VRING_PACKED_START);
	assert_true(fe->dev.vq[0].setup.unknown);
	/* All that was taken was given back: both halves are the same. */
	mock.ring[0].position = 0x8011;
	assert_int_equal(fe_get_base(fe, 0), 0x80118011);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_int_equal(fe->dev.vq[0].setup.start, 0x8011);
	mock.ring[0].position = 0;
	assert_int_equal(fe_get_base(fe, 0), 0);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_int_equal(fe->dev.vq[0].setup.start, 0);
	/* What QEMU and DPDK's virtio-user begin with; then where another back end stopped. */
	assert_int_equal(packed_start_at(fe, 0x80008000), VN_VRING_PACKED_START);
	assert_int_equal(packed_start_at(fe, 0x00008000), VN_VRING_PACKED_START);
	assert_int_equal(packed_start_at(fe, 0x00170017), 0x17);
	assert_int_equal(packed_start_at(fe, 0x00008017), 0x8017);
	assert_int_equal(packed_start_at(fe, 0x00000000), 0);
	/* It had not given back all that it took. */
	assert_int_equal(packed_start_at(fe, 0x80120017), 0x8012);
	fe_refused_state(fe, VU_SET_VRING_BASE, 0, 0x80008000);
	/* Stopped for a moment: the front end knows what it knew. Then it asks. */
	assert_int_equal(fe->dev.vq[0].setup.told, 0x8012);
	mock.ring[0].position = 0x8015;
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_int_equal(fe->dev.vq[0].setup.start, 0x8015);
	assert_int_equal(fe->dev.vq[0].setup.told, 0x8012);
	assert_int_equal(fe_get_base(fe, 0), 0x80158015);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_int_equal(fe->dev.vq[0].setup.told, 0x8015);
	assert_int_equal(mock.losses, 0);
	fe_disconnect(fe);
	assert_int_equal(mock.losses, 1);
}

/* Nobody knows where the ring is: it does not start, whatever else is said, before a reset. */
static void
test_packed_lost(void **state)
{
	struct vu_vring_addr a = fe_addr(0);
	struct fe *fe = *state;

	fe_connect(fe);
	fe_negotiate(fe, FEATURES | VN_F_RING_PACKED);
	fe_set_mem(fe);
	mock.start_result = -ESTALE;
	fe_ok_state(fe, VU_SET_VRING_NUM, 0, 100);
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 1);
	assert_false(runs(fe, 0));
	mock.start_result = 0;
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	fe_ok_state(fe, VU_SET_VRING_BASE, 0, 0x80008000);
	assert_int_equal(fe_get_base(fe, 0), 0x80008000);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_false(runs(fe, 0));
	/* The driver has begun anew. */
	fe_ok_u64(fe, VU_SET_STATUS, 0);
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES | VN_F_RING_PACKED);
	fe_ok_state(fe, VU_SET_VRING_NUM, 0, 100);
	fe_ok_state(fe, VU_SET_VRING_BASE, 0, 0x80008000);
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 1);
	assert_true(runs(fe, 0));
	assert_false(fe->dev.vq[0].setup.unknown);
}

/* Stopped, and nobody knows where: it does not go on from where it once began. */
static void
test_lost_by_stop(void **state)
{
	struct fe *fe = *state;

	for (unsigned int packed = 0; packed < 2; packed++) {
		fe_connect(fe);
		fe_negotiate(fe, FEATURES | (packed ? VN_F_RING_PACKED : 0));
		fe_set_mem(fe);
		fe_ring(fe, 0);
		fe_ring(fe, 1);
		mock.ring[0].position = -ESTALE;
		fe_refused_state(fe, VU_SET_VRING_ENABLE, 0, 0);
		mock.ring[0].position = 0;
		fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 1);
		fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
		assert_false(runs(fe, 0));
		assert_true(runs(fe, 1));
		/* Its driver begins anew. */
		fe_ok_u64(fe, VU_SET_STATUS, 0);
		fe_ok_u64(fe, VU_SET_FEATURES, FEATURES | (packed ? VN_F_RING_PACKED : 0));
		fe_ring(fe, 0);
		assert_true(runs(fe, 0));
		/* No position is told. There is no reply that says so. */
		mock.ring[0].position = -ESTALE;
		fe_refused_state(fe, VU_SET_VRING_ENABLE, 0, 0);
		mock.ring[0].position = 0;
		fe_send(fe, VU_GET_VRING_BASE, VU_VERSION, &(struct vu_vring_state){0},
			sizeof(struct vu_vring_state), NULL, 0);
		fe_assert_closed(fe);
	}
}

/*
 * A front end without STATUS cannot tell of the reset. It negotiates anew, also when the device
 * does not say any more that it is broken.
 */
static void
test_lost_without_status(void **state)
{
	struct vu_vring_addr a = fe_addr(0);
	struct fe *fe = *state;
	uint64_t protocol;

	fe_connect(fe);
	fe_negotiate(fe, FEATURES | VN_F_RING_PACKED);
	protocol = fe->protocol & ~VU_PF_STATUS;
	fe_ok_u64(fe, VU_SET_PROTOCOL_FEATURES, protocol);
	fe_set_mem(fe);
	mock.start_result = -ESTALE;
	fe_ok_state(fe, VU_SET_VRING_NUM, 0, 100);
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	fe_ok_state(fe, VU_SET_VRING_BASE, 0, 0x80008000);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 0, 1);
	assert_false(runs(fe, 0));
	assert_false(fe->dev.broken);
	mock.start_result = 0;
	assert_int_equal(fe_get_base(fe, 0), 0x80008000);
	assert_int_equal(mock.resets, 0);
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES | VN_F_RING_PACKED);
	assert_int_equal(mock.resets, 1);
	fe_ok_state(fe, VU_SET_VRING_BASE, 0, 0x80008000);
	fe_ok_eventfd(fe, VU_SET_VRING_KICK, 0);
	assert_true(runs(fe, 0));
	/* Once only. */
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES | VN_F_RING_PACKED);
	assert_true(runs(fe, 0));
	assert_int_equal(mock.resets, 1);
}

/* A guest that uses one queue pair of two, then both. */
static void
test_fewer_queues(void **state)
{
	struct fe *fe = *state;

	fe_start_all(fe);
	assert_int_equal(mock.ring[2].starts + mock.ring[3].starts, 0);
	fe_ring(fe, 2);
	fe_ring(fe, 3);
	assert_true(runs(fe, 2) && runs(fe, 3));
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 2, 0);
	fe_ok_state(fe, VU_SET_VRING_ENABLE, 3, 0);
	assert_true(runs(fe, 0) && runs(fe, 1));
	assert_false(runs(fe, 2) || runs(fe, 3));
}

/* Replies wait for the device, and with them the messages behind. */
static void
test_delayed_reply(void **state)
{
	struct fe *fe = *state;
	struct vu_vring_state s = {.index = 1};
	uint64_t v;

	fe_start_all(fe);
	mock.ring[1].position = 77;
	mock.delay = true;
	fe_send(fe, VU_GET_VRING_BASE, VU_VERSION, &s, sizeof(s), NULL, 0);
	fe_send(fe, VU_GET_QUEUE_NUM, VU_VERSION, NULL, 0, NULL, 0);
	fe_assert_silent(fe);
	assert_int_equal(mock.n_waiting, 1);
	assert_int_equal(mock_answer(1), 1);
	assert_int_equal(fe_recv(fe, VU_GET_VRING_BASE, &s, sizeof(s)), sizeof(s));
	assert_int_equal(s.num, 77);
	assert_int_equal(fe_recv(fe, VU_GET_QUEUE_NUM, &v, sizeof(v)), sizeof(v));

	/* Disable: acknowledged after the stop. */
	s = (struct vu_vring_state){.index = 0, .num = 0};
	fe_send(fe, VU_SET_VRING_ENABLE, FE_NEED_REPLY, &s, sizeof(s), NULL, 0);
	fe_assert_silent(fe);
	mock_answer(1);
	assert_int_equal(fe_recv(fe, VU_SET_VRING_ENABLE, &v, sizeof(v)), sizeof(v));
	assert_int_equal(v, 0);

	/* Reset, in two steps: rings, then the memory that the device gets back. */
	fe_send(fe, VU_RESET_DEVICE, FE_NEED_REPLY, NULL, 0, NULL, 0);
	fe_assert_silent(fe);
	assert_int_equal(mock_answer(1), 1);
	fe_assert_silent(fe);
	assert_int_equal(mock_answer(1), 1);
	assert_int_equal(fe_recv(fe, VU_RESET_DEVICE, &v, sizeof(v)), sizeof(v));
	assert_int_equal(v, 0);
	assert_non_null(mock.mem);
}

static void
test_reset_and_status(void **state)
{
	struct fe *fe = *state;

	fe_start_all(fe);
	fe_ok_u64(fe, VU_SET_STATUS, 0x0f);
	assert_int_equal(fe->dev.status, 0x0f);
	assert_int_equal(fe_get_u64(fe, VU_GET_STATUS), 0x0f);
	fe_refused_u64(fe, VU_SET_STATUS, 0x100);
	/* 0 is a reset; the memory stays, as front ends with slots do not send it again. */
	fe_ok_u64(fe, VU_SET_STATUS, 0);
	assert_int_equal(mock.resets, 1);
	assert_non_null(mock.mem);
	assert_false(runs(fe, 0) || runs(fe, 1));
	assert_int_equal(fe_get_u64(fe, VU_GET_STATUS), 0);
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES);
	fe_ring(fe, 0);
	assert_true(runs(fe, 0));
	assert_int_equal(fe->dev.vq[0].setup.start, 0);
	/* RESET_OWNER: rings off, nothing else. */
	fe_ok(fe, VU_RESET_OWNER, NULL, 0, NULL, 0);
	assert_false(runs(fe, 0));
	assert_int_equal(mock.resets, 1);
}

/* A broken device of a front end without STATUS is mended when the driver starts over. */
static void
test_broken_without_status(void **state)
{
	struct fe *fe = *state;
	uint64_t v = VU_PF_REPLY_ACK;

	fe_connect(fe);
	fe_send(fe, VU_SET_PROTOCOL_FEATURES, VU_VERSION, &v, 8, NULL, 0);
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES);
	fe_set_mem(fe);
	fe_ring(fe, 0);
	fe->dev.broken = true;
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES);
	assert_true(fe->dev.broken);
	fe_get_base(fe, 0);
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES);
	assert_false(fe->dev.broken);
	assert_int_equal(fe->dev.driver_features, VN_F_VERSION_1);
	fe_ring(fe, 0);
	assert_true(runs(fe, 0));
}

static void
test_config_space(void **state)
{
	struct {
		struct vu_config h;
		uint8_t data[VU_CONFIG_MAX];
	} c = {.h = {.offset = 4, .size = 20}}, r;
	struct fe *fe = *state;
	unsigned int i;

	fe_connect(fe);
	fe_negotiate(fe, FEATURES);
	fe_send(fe, VU_GET_CONFIG, VU_VERSION, &c, 12 + 20, NULL, 0);
	assert_int_equal(fe_recv(fe, VU_GET_CONFIG, &r, sizeof(r)), 12 + 20);
	assert_memory_equal(&r.h, &c.h, sizeof(c.h));
	for (i = 0; i < 20; i++)
		assert_int_equal(r.data[i], 4 + i);
	/* An error is an empty reply: size beyond the message, beyond the space, wrapping. */
	c.h.size = 24;
	fe_send(fe, VU_GET_CONFIG, VU_VERSION, &c, 12 + 20, NULL, 0);
	assert_int_equal(fe_recv(fe, VU_GET_CONFIG, &r, sizeof(r)), 0);
	c.h = (struct vu_config){.offset = 250, .size = 20};
	fe_send(fe, VU_GET_CONFIG, VU_VERSION, &c, 12 + 20, NULL, 0);
	assert_int_equal(fe_recv(fe, VU_GET_CONFIG, &r, sizeof(r)), 0);
	c.h = (struct vu_config){.offset = UINT32_MAX - 10, .size = 20};
	fe_send(fe, VU_GET_CONFIG, VU_VERSION, &c, 12 + 20, NULL, 0);
	assert_int_equal(fe_recv(fe, VU_GET_CONFIG, &r, sizeof(r)), 0);
	/* Read-only, but on migration the VMM restores its own copy. */
	c.h = (struct vu_config){.size = 6};
	fe_refused(fe, VU_SET_CONFIG, &c, 12 + 6, NULL, 0);
	c.h.flags = VU_CONFIG_F_MIGRATION;
	fe_ok(fe, VU_SET_CONFIG, &c, 12 + 6, NULL, 0);
	fe_refused(fe, VU_SET_CONFIG, &c, 12 + 7, NULL, 0);
}

static void
test_small_requests(void **state)
{
	static const uint8_t mac[8] = {0x02, 1, 2, 3, 4, 5};
	struct fe *fe = *state;
	uint64_t v;
	int fd;

	fe_connect(fe);
	fe_negotiate(fe, FEATURES);
	memcpy(&v, mac, sizeof(v));
	fe_ok_u64(fe, VU_SEND_RARP, v);
	assert_int_equal(mock.announces, 1);
	assert_memory_equal(mock.announced, mac, VN_MAC_LEN);
	fe_refused_u64(fe, VU_SEND_RARP, 0);
	fe_refused_u64(fe, VU_SEND_RARP, UINT64_MAX);
	assert_int_equal(mock.announces, 1);
	fe_ok_u64(fe, VU_NET_SET_MTU, 68);
	fe_ok_u64(fe, VU_NET_SET_MTU, 9000);
	fe_refused_u64(fe, VU_NET_SET_MTU, 67);
	fe_refused_u64(fe, VU_NET_SET_MTU, 65536);
	fd = fe_eventfd();
	fe_ok(fe, VU_SET_LOG_FD, NULL, 0, &fd, 1);
	close(fd);
	fe_refused(fe, VU_SET_LOG_FD, NULL, 0, NULL, 0);
	fe_ok_eventfd(fe, VU_SET_VRING_ERR, 0);
	fe_ok_u64(fe, VU_SET_VRING_ERR, VU_VRING_NOFD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fe_setup, fe_teardown)
		T(test_features),
		T(test_start_needs_all),
		T(test_no_protocol_features),
		T(test_polled_ring),
		T(test_stop_and_resume),
		T(test_packed),
		T(test_packed_lost),
		T(test_lost_by_stop),
		T(test_lost_without_status),
		T(test_fewer_queues),
		T(test_delayed_reply),
		T(test_reset_and_status),
		T(test_broken_without_status),
		T(test_config_space),
		T(test_small_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
