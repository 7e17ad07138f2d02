/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The status register, features and resets of the device model. */

#include "model_test_env.h"

#define A VN_STATUS_ACK
#define D VN_STATUS_DRIVER
#define F VN_STATUS_FEATURES_OK
#define O VN_STATUS_DRIVER_OK
#define X VN_STATUS_FAILED
#define N VN_STATUS_NEEDS_RESET

/* Every set of bits that a driver can have got to, every write: what the register reads then. */
static uint8_t
expected(uint8_t before, uint8_t write, bool fit, bool legacy)
{
	uint8_t s = before | (write & (A | D | X));

	if (write == 0)
		return 0;
	if (s & X)
		return s;
	if ((write & F) && (s & (A | D)) == (A | D) && !(s & O) && fit)
		s |= F;
	if ((write & O) && (legacy || (s & (A | D | F)) == (A | D | F)))
		s |= O;
	return s;
}

static void
check_transitions(bool legacy, uint64_t features, bool fit)
{
	static const uint8_t ways[][5] = {
		{0},
		{A},
		{D},
		{A | D},
		{A, A | D},
		{A | D, A | D | F},
		{A | D, A | D | F, A | D | F | O},
		{A | D, A | D | F, A | D | F | O, A | D | F | O | X},
		{X},
		{A | D, X | A | D},
		{A | D | O},
		{O},
	};
	const bool is_legacy = legacy && !(features & VN_F_VERSION_1);

	for (unsigned int w = 0; w < RTE_DIM(ways); w++) {
		for (unsigned int write = 0; write < 256; write++) {
			uint8_t now = 0;

			vn_model_set_status(de.dev, 0);
			UNTIL(vn_model_status(de.dev) == 0);
			me_accept(features);
			for (unsigned int i = 0; i < 5 && ways[w][i] != 0; i++) {
				now = expected(now, ways[w][i], fit, is_legacy);
				vn_model_set_status(de.dev, ways[w][i]);
				assert_int_equal(vn_model_status(de.dev), now);
			}
			/* A reset forgets the features with all the rest. */
			now = expected(now, write, fit, is_legacy);
			vn_model_set_status(de.dev, write);
			assert_int_equal(vn_model_status(de.dev), now);
			assert_int_equal(vn_model_driver_loaded(de.dev), (now & O) != 0);
			assert_int_equal(de.dev->driver_features,
				now & (F | O) ? (now & F ? features : features & UINT32_MAX) : 0);
		}
	}
	vn_model_set_status(de.dev, 0);
}

static void
test_transitions(void **state)
{
	(void)state;
	me_begin(false);
	check_transitions(false, USUAL_FEATURES, true);
	check_transitions(false, USUAL_FEATURES & ~VN_F_VERSION_1, false);
	check_transitions(false, USUAL_FEATURES | VN_F_ADMIN_VQ, false);
	check_transitions(false, USUAL_FEATURES | VN_F_RING_PACKED, true);
	check_transitions(false, (USUAL_FEATURES | VN_F_RING_PACKED) & ~VN_F_VERSION_1, false);
	SETTLE();
	assert_false(me_config_irq());
}

static void
test_transitions_legacy(void **state)
{
	(void)state;
	me_begin(true);
	check_transitions(true, VN_NET_F_CSUM | VN_NET_F_CTRL_VQ | VN_NET_F_MAC, true);
	check_transitions(true, USUAL_FEATURES, true);
	/* Packed rings are a modern driver's. */
	check_transitions(true, USUAL_FEATURES | VN_F_RING_PACKED, true);
	check_transitions(true, (USUAL_FEATURES | VN_F_RING_PACKED) & ~VN_F_VERSION_1, false);
}

static void
test_feature_words(void **state)
{
	(void)state;
	de.conf.features |= VN_F_ADMIN_VQ | VN_NET_F_GUEST_UFO;
	me_begin(false);
	assert_int_equal(de.dev->device_features, ALL_FEATURES);
	assert_int_equal(vn_model_offered(de.dev, 0), (uint32_t)ALL_FEATURES);
	assert_int_equal(vn_model_offered(de.dev, 1), (uint32_t)(ALL_FEATURES >> 32));
	for (unsigned int i = 2; i < 8; i++) {
		assert_int_equal(vn_model_offered(de.dev, i), 0);
		vn_model_accept(de.dev, i, UINT32_MAX);
		assert_int_equal(vn_model_accepted(de.dev, i), 0);
	}
	vn_model_accept(de.dev, UINT32_MAX, 1);
	assert_int_equal(vn_model_accepted(de.dev, UINT32_MAX), 0);
	assert_int_equal(vn_model_accepted(de.dev, 0), 0);
	vn_model_accept(de.dev, 0, 0x12345678);
	vn_model_accept(de.dev, 1, 0x9abcdef0);
	assert_int_equal(vn_model_accepted(de.dev, 0), 0x12345678);
	assert_int_equal(vn_model_accepted(de.dev, 1), 0x9abcdef0);
	/* Frozen once they are taken. */
	me_negotiate(USUAL_FEATURES);
	me_accept(0);
	assert_int_equal(vn_model_accepted(de.dev, 0), (uint32_t)USUAL_FEATURES);
	assert_int_equal(vn_model_accepted(de.dev, 1), (uint32_t)(USUAL_FEATURES >> 32));
	assert_int_equal(de.dev->driver_features, USUAL_FEATURES);
	UNTIL(fp.features == USUAL_FEATURES);
	vn_model_set_status(de.dev, 0);
	assert_int_equal(vn_model_accepted(de.dev, 0), 0);
	UNTIL(fp.features == 0);
}

/* A feature without the one that it needs is no reason to refuse a driver; it is not in force. */
static void
test_dependencies(void **state)
{
	static const uint64_t alone[] = {VN_NET_F_CTRL_RX, VN_NET_F_CTRL_VLAN,
		VN_NET_F_GUEST_ANNOUNCE, VN_NET_F_MQ, VN_NET_F_CTRL_MAC_ADDR, VN_NET_F_NOTF_COAL,
		VN_NET_F_VQ_NOTF_COAL, VN_NET_F_RSS, VN_NET_F_HASH_REPORT, VN_NET_F_HOST_ECN,
		VN_NET_F_GUEST_ECN};
	static const struct {
		uint64_t taken, in_force;
	} offloads[] = {
		{VN_NET_F_GUEST_TSO4, 0},
		{VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN, 0},
		{VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_ECN, VN_NET_F_GUEST_CSUM},
		{VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN,
			VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN},
		/* To make a checksum we have to, and can. */
		{VN_NET_F_HOST_TSO4, VN_NET_F_HOST_TSO4 | VN_NET_F_CSUM},
		{VN_NET_F_HOST_TSO6, VN_NET_F_HOST_TSO6 | VN_NET_F_CSUM},
		{VN_NET_F_CSUM, VN_NET_F_CSUM},
	};

	(void)state;
	de.conf.features |= VN_NET_F_HOST_ECN;
	me_begin(false);
	for (unsigned int i = 0; i < RTE_DIM(alone); i++) {
		const uint64_t features = VN_F_VERSION_1 | alone[i];

		/* One that is not offered would be refused. */
		if (alone[i] & ~de.dev->device_features)
			continue;
		me_negotiate(features);
		assert_int_equal(de.dev->driver_features, features);
		me_queue(0, 0);
		me_queue(1, 1);
		me_driver_ok();
		UNTIL(de.dev->enabled_queues == 2);
		vn_model_set_status(de.dev, 0);
		UNTIL(vn_model_status(de.dev) == 0);
		me_wipe();
	}
	for (unsigned int i = 0; i < RTE_DIM(offloads); i++) {
		me_negotiate(VN_F_VERSION_1 | offloads[i].taken);
		UNTIL(fp.features == (VN_F_VERSION_1 | offloads[i].in_force));
		assert_int_equal(de.dev->driver_features, VN_F_VERSION_1 | offloads[i].taken);
		vn_model_set_status(de.dev, 0);
		UNTIL(vn_model_status(de.dev) == 0);
	}
}

/* What is offered can be taken as a whole. */
static void
test_offer_is_whole(void **state)
{
	(void)state;
	de.conf.features = ALL_FEATURES & ~(VN_NET_F_CTRL_VQ | VN_NET_F_CSUM | VN_F_VERSION_1);
	me_begin(false);
	assert_int_equal(
		de.dev->device_features &
			(VN_NET_F_MQ | VN_NET_F_RSS | VN_NET_F_CTRL_RX | VN_NET_F_CTRL_RX_EXTRA |
				VN_NET_F_HASH_REPORT | VN_NET_F_DEVICE_STATS | VN_NET_F_HOST_TSO4),
		0);
	assert_true(de.dev->device_features & VN_F_VERSION_1);
	assert_true(de.dev->device_features & VN_NET_F_GUEST_TSO4);
	me_negotiate(de.dev->device_features);
	/* No control queue. */
	assert_int_equal(vn_model_num_queues(de.dev), RINGS);
	assert_null(vn_model_queue(de.dev, 2));
	assert_null(vn_model_queue(de.dev, RINGS));
}

/* Status keeps its bits until the poller has let go; the map stays. */
static void
test_reset_waits(void **state)
{
	struct result r = {0};

	(void)state;
	me_up(USUAL_FEATURES);
	me_check_pair(0, 1);
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	vn_model_set_status(de.dev, 0);
	assert_int_equal(vn_model_status(de.dev), A | D | F | O);
	/* What a driver that does not wait does meanwhile, is nothing. */
	vn_model_set_status(de.dev, A);
	vn_model_set_status(de.dev, 0);
	me_accept(1);
	vn_model_queue_enable(de.dev, 0);
	vn_model_queue_reset(de.dev, 0);
	vn_model_queue_set_size(de.dev, 0, 4);
	vn_model_queue_set_addr(de.dev, 0, 0, 0, 0);
	vn_model_queue_set_pfn(de.dev, 0, 0);
	vn_model_queue_set_vector(de.dev, 0, 3);
	vn_model_set_config_vector(de.dev, 3);
	vn_model_kick(de.dev, 0, 0);
	vn_model_kick(de.dev, CTRL, 0);
	vn_model_reset(de.dev, result_cb, &r);
	assert_false(vn_model_driver_loaded(de.dev));
	assert_int_equal(vn_model_status(de.dev), A | D | F | O);
	assert_int_equal(r.calls, 0);
	fp_release(FP_TX);
	UNTIL(vn_model_status(de.dev) == 0);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.value, 0);
	assert_int_equal(vn_model_accepted(de.dev, 0), 0);
	assert_int_equal(vn_model_queue(de.dev, 0)->vector, VN_MSI_NO_VECTOR);
	assert_int_equal(vn_model_queue(de.dev, 0)->size, 256);
	assert_int_equal(vn_model_config_vector(de.dev), VN_MSI_NO_VECTOR);
	assert_false(vn_model_queue(de.dev, 0)->enable);
	assert_int_equal(de.dev->enabled_queues, 0);
	/* The next driver. */
	me_wipe();
	me_load(USUAL_FEATURES);
	me_check_pair(0, 7);
}

/* The transport's reset takes the map along, a driver's before it or not. */
static void
test_reset_drops_map(void **state)
{
	struct result r = {0};

	(void)state;
	me_up(USUAL_FEATURES);
	vn_model_set_status(de.dev, 0);
	vn_device_reset(de.dev, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(vn_model_status(de.dev), 0);
	me_negotiate(USUAL_FEATURES);
	me_queue(0, 0);
	me_driver_ok();
	assert_true(de.dev->broken);
	guest_drop_mem(&de.guest);
	UNTIL(vn_gm_registry_files(de.gm) == 0);
}

static void
test_late_poller(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	assert_true(de.dev->missed_deadlines > 0);
	/* Its rings are not to be had yet. */
	me_negotiate(USUAL_FEATURES);
	me_queue(1, 1);
	me_driver_ok();
	assert_true(vn_model_status(de.dev) & N);
	fp_release(FP_TX);
	UNTIL(de.dev->vq[1].state == VN_VQ_STOPPED);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
}

/* A ring that its driver breaks. */
static void
test_needs_reset(void **state)
{
	struct vn_vring_avail *avail;

	(void)state;
	me_up(USUAL_FEATURES);
	me_config_irq();
	avail = guest_at(&de.guest, 1, AVAIL_AT);
	avail->idx = RING_SIZE + 1;
	vn_model_kick(de.dev, 1, 0);
	UNTIL(vn_model_status(de.dev) & N);
	assert_int_equal(vn_model_status(de.dev), A | D | F | O | N);
	assert_true(me_config_irq());
	/* It cannot be written away, nor set. */
	vn_model_set_status(de.dev, A | D | F | O);
	assert_true(vn_model_status(de.dev) & N);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	vn_model_set_status(de.dev, A | N);
	assert_int_equal(vn_model_status(de.dev), A);
}

/* Broken before the driver is ready: shown when it is. */
static void
test_needs_reset_early(void **state)
{
	(void)state;
	me_begin(false);
	me_negotiate(USUAL_FEATURES);
	assert_int_equal(vn_model_set_config_vector(de.dev, 0), 0);
	me_queue(0, 0);
	dev_mark_broken(de.dev, "test");
	assert_int_equal(vn_model_status(de.dev), A | D | F);
	assert_false(me_config_irq());
	me_driver_ok();
	assert_int_equal(vn_model_status(de.dev), A | D | F | O | N);
	assert_true(me_config_irq());
	assert_int_equal(de.dev->vq[0].state, VN_VQ_STOPPED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ME_TEST(test_transitions),
		ME_TEST(test_transitions_legacy),
		ME_TEST(test_feature_words),
		ME_TEST(test_dependencies),
		ME_TEST(test_offer_is_whole),
		ME_TEST(test_reset_waits),
		ME_TEST(test_reset_drops_map),
		ME_TEST(test_late_poller),
		ME_TEST(test_needs_reset),
		ME_TEST(test_needs_reset_early),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
