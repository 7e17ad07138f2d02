/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* modify: what is refused, what is changed, and the pools of VFs. */

#include <stdlib.h>
#include <unistd.h>

#include "controller_test_env.h"

#include "ctrl_private.h"
#include "vn_carry.h"
#include "vn_errors.h"
#include "vn_net_ctrl.h"

static struct {
	unsigned int calls;
	int result;
	char text[320];
} op;

static void
op_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)ctx;
	(void)dev;
	op.calls++;
	op.result = result;
	snprintf(op.text, sizeof(op.text), "%s", text);
}

static bool
progressed(unsigned int calls)
{
	vn_controller_progress(t.ctrl);
	return op.calls == calls;
}

static struct vn_device *
find(int pf, int vf)
{
	struct vn_device *dev = vn_controller_find(t.ctrl, pf, vf);

	assert_non_null(dev);
	return dev;
}

static int
modify(struct vn_device *dev, const struct vn_modify *m)
{
	const unsigned int calls = op.calls + 1;

	vn_controller_modify(t.ctrl, dev, m, op_done, NULL);
	UNTIL(progressed(calls));
	return op.result;
}

static int
set(struct vn_device *dev, enum vn_modify_option option, uint64_t value)
{
	struct vn_modify m = {.has = UINT32_C(1) << option};

	m.value[option] = value;
	return modify(dev, &m);
}

static int
set_mac(struct vn_device *dev, const char *mac)
{
	const struct vn_modify m = {.has = UINT32_C(1) << VN_MODIFY_MAC, .mac = mac};

	return modify(dev, &m);
}

static int
set_queue(struct vn_device *dev, uint64_t mode, uint64_t usecs, uint64_t packets)
{
	const struct vn_modify m = {
		.has = UINT32_C(1) << VN_MODIFY_QUEUE,
		.coal_mode = mode,
		.coal_usecs = usecs,
		.coal_packets = packets,
	};

	return modify(dev, &m);
}

static void
start_full(uint32_t pfs, uint32_t vfs, uint32_t vf_msix)
{
	unsigned int calls;

	t.conf.vhost_user = false;
	t.capacity.current[VN_CAP_NUM_VF] = vfs;
	t.capacity.current[VN_CAP_NUM_VF_MSIX] = vf_msix;
	start(pfs);
	UNTIL(vn_controller_settled(t.ctrl));
	if (vfs == 0)
		return;
	calls = op.calls + 1;
	vn_controller_sriov(t.ctrl, find(0, -1), vfs, op_done, NULL);
	UNTIL(progressed(calls));
	assert_int_equal(op.result, 0);
}

static void
start_again(void)
{
	make();
	assert_int_equal(begin_start(), 0);
	UNTIL(vn_controller_settled(t.ctrl));
}

static void
check_pools(uint32_t msix, uint32_t qp)
{
	struct vn_pools pools;

	vn_controller_pools(t.ctrl, find(0, -1), &pools);
	assert_int_equal(pools.msix_free, msix);
	assert_int_equal(pools.qp_free, qp);
	assert_int_equal(pools.min_msix, 0);
	assert_int_equal(pools.max_msix, 256);
	assert_int_equal(pools.min_qp, 0);
	assert_int_equal(pools.max_qp, 127);
}

static void
check_vf(int vf, uint16_t msix, uint16_t queues, uint16_t pairs)
{
	const struct vn_device *dev = find(0, vf);

	assert_int_equal(dev->conf.num_msix, msix);
	assert_int_equal(dev->conf.num_queues, queues);
	assert_int_equal(dev->conf.max_queue_pairs, pairs);
	assert_int_equal(dev->num_vqs, 2 * RTE_MAX(pairs, 1) + 1);
}

static void
test_values(void **state)
{
	static const struct {
		enum vn_modify_option option;
		uint64_t value;
		int result;
	} cases[] = {
		{VN_MODIFY_MTU, 68, 0},
		{VN_MODIFY_MTU, 67, VIRTNET_ERR_MTU},
		{VN_MODIFY_MTU, 9216, 0},
		{VN_MODIFY_MTU, 9217, VIRTNET_ERR_MTU},
		{VN_MODIFY_SPEED, 25000, 0},
		{VN_MODIFY_SPEED, 0, VIRTNET_ERR_SPEED},
		{VN_MODIFY_SPEED, 12345, VIRTNET_ERR_SPEED},
		{VN_MODIFY_LINK, 0, 0},
		{VN_MODIFY_LINK, 2, -EINVAL},
		{VN_MODIFY_STATE, 0, 0},
		{VN_MODIFY_STATE, 64, VIRTNET_ERR_NOT_STARTED},
		{VN_MODIFY_STATE, 15, VIRTNET_ERR_NOT_SUPPORTED},
		{VN_MODIFY_FEATURES, UINT64_C(1) << 41, VIRTNET_ERR_FEATURES_CHECK},
		{VN_MODIFY_FEATURES, VN_NET_F_MRG_RXBUF, VIRTNET_ERR_FEATURES_CHECK},
		{VN_MODIFY_HASH_TYPES, 0x3f, 0},
		{VN_MODIFY_HASH_TYPES, 0, VIRTNET_ERR_HASH_TYPE},
		{VN_MODIFY_HASH_TYPES, 0x200, VIRTNET_ERR_HASH_TYPE},
		{VN_MODIFY_RSS_KEY_SIZE, 40, 0},
		{VN_MODIFY_RSS_KEY_SIZE, 39, VIRTNET_ERR_RSS_KEY_SIZE},
		{VN_MODIFY_RX_MODE, 0x3f, 0},
		{VN_MODIFY_RX_MODE, 0x40, -EINVAL},
		{VN_MODIFY_MSIX_NUM, 4, VIRTNET_ERR_NOT_SUPPORTED}, /* a PF */
		{VN_MODIFY_QUEUE_SIZE, 4, 0},
		{VN_MODIFY_QUEUE_SIZE, 2, VIRTNET_ERR_QUEUE_SIZE_POW2},
		{VN_MODIFY_QUEUE_SIZE, 1000, VIRTNET_ERR_QUEUE_SIZE_POW2},
		{VN_MODIFY_QUEUE_SIZE, 32768, 0},
		{VN_MODIFY_QUEUE_SIZE, 65536, VIRTNET_ERR_QUEUE_SIZE},
		{VN_MODIFY_QUEUE_PAIRS, 1, 0},
		{VN_MODIFY_QUEUE_PAIRS, 128, VIRTNET_ERR_QUEUES},
		{VN_MODIFY_DST_PORT, 80, VIRTNET_ERR_DST_PORT_RULE},
		{VN_MODIFY_RX_DMA_Q_NUM, 4, VIRTNET_ERR_NOT_SUPPORTED},
		{VN_MODIFY_DROP_COUNTER, 1, VIRTNET_ERR_NOT_STARTED},
		{VN_MODIFY_PKT_CNT, 1, VIRTNET_ERR_NOT_STARTED},
		{VN_MODIFY_AARFS, 1, 0},
		{VN_MODIFY_DIM, 1, 0},
	};
	struct vn_device_conf before;
	struct vn_device *dev;

	(void)state;
	start_full(1, 0, 0);
	dev = find(0, -1);
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		before = dev->conf;
		if (set(dev, cases[i].option, cases[i].value) != cases[i].result)
			fail_msg("case %u: %d, %s", i, op.result, op.text);
		if (op.result != 0)
			assert_memory_equal(&before, &dev->conf, sizeof(before));
	}
	assert_int_equal(dev->conf.mtu, 9216);
	assert_int_equal(dev->conf.speed, 25000);
	assert_true(dev->conf.link_down && dev->conf.aarfs && dev->conf.dim);
	assert_int_equal(dev->conf.hash_types, 0x3f);
	assert_int_equal(dev->conf.max_queue_size, 32768);
	assert_int_equal(dev->conf.max_queue_pairs, 1);
	assert_int_equal(dev->conf.num_queues, 3);
	assert_int_equal(dev->num_vqs, 3);
	assert_int_equal(set_mac(dev, "0c:C4:7A:FF:22:93"), 0);
	assert_int_equal(dev->conf.mac[5], 0x93);
	assert_int_equal(set_mac(dev, "0C:C4:7A:FF:22:93 and more of it"), VIRTNET_ERR_MAC);
	assert_int_equal(set_mac(dev, ""), VIRTNET_ERR_MAC);
	assert_int_equal(set(dev, VN_MODIFY_FEATURES, VN_NET_F_MAC | VN_NET_F_CTRL_VQ), 0);
	assert_int_equal(dev->device_features & VN_NET_F_MQ, 0);
	assert_int_equal(set(dev, VN_MODIFY_HASH_TYPES, 1), VIRTNET_ERR_NOT_SUPPORTED);
	assert_int_equal(modify(dev, &(struct vn_modify){0}), -EINVAL);
}

/* A published mask has bits that are the VMM's over vhost-user: they are left out, and it is said.
 */
static void
test_vmms_features(void **state)
{
	const uint64_t ours = VN_NET_F_MAC | VN_NET_F_CTRL_VQ,
		       vmms = VN_NET_F_RSS | VN_F_RING_RESET;
	struct vn_device *dev;

	(void)state;
	t.conf.vhost_user = true;
	start(1);
	UNTIL(vn_controller_settled(t.ctrl));
	dev = find(0, -1);
	assert_int_equal(set(dev, VN_MODIFY_FEATURES, ours | vmms), 0);
	assert_string_equal(op.text,
		"0x1000010000000000 of features left out: over vhost-user the VMM has them");
	assert_int_equal(dev->conf.features & (ours | vmms), ours);
	assert_int_equal(set(dev, VN_MODIFY_FEATURES, ours), 0);
	assert_string_equal(op.text, "");
	/* Nobody has this one. */
	assert_int_equal(set(dev, VN_MODIFY_FEATURES, ours | vmms | UINT64_C(1) << 41),
		VIRTNET_ERR_FEATURES_CHECK);
	assert_non_null(strstr(op.text, "feature bit 41 is not supported"));
	assert_int_equal(dev->conf.features & (ours | vmms), ours);
}

static void
test_queue(void **state)
{
	struct vn_device *dev;

	(void)state;
	start_full(1, 0, 0);
	dev = find(0, -1);
	assert_int_equal(set_queue(dev, VN_COAL_CQE, 10, 30), 0);
	assert_int_equal(dev->conf.coal_mode, VN_COAL_CQE);
	assert_int_equal(dev->conf.coal_usecs, 10);
	assert_int_equal(dev->conf.coal_packets, 30);
	assert_int_equal(set_queue(dev, VN_COAL_EVENT, 1000001, 30), VIRTNET_ERR_VQ_PERIOD);
	assert_int_equal(set_queue(dev, VN_COAL_EVENT, 10, 65536), VIRTNET_ERR_VQ_PERIOD);
	assert_int_equal(set_queue(dev, 3, 10, 30), VIRTNET_ERR_VQ_PERIOD);
	assert_int_equal(dev->conf.coal_usecs, 10);
}

/* All or nothing: one wrong value, and none is taken. */
static void
test_whole(void **state)
{
	struct vn_modify m = {
		.has = 1u << VN_MODIFY_LINK | 1u << VN_MODIFY_MTU | 1u << VN_MODIFY_SPEED,
	};
	struct vn_device *dev;

	(void)state;
	start_full(1, 0, 0);
	dev = find(0, -1);
	m.value[VN_MODIFY_MTU] = 9000;
	m.value[VN_MODIFY_SPEED] = 1;
	assert_int_equal(modify(dev, &m), VIRTNET_ERR_SPEED);
	assert_false(dev->conf.link_down);
	assert_int_equal(dev->conf.mtu, 1500);
	m.value[VN_MODIFY_SPEED] = 10000;
	assert_int_equal(modify(dev, &m), 0);
	assert_true(dev->conf.link_down);
	assert_int_equal(dev->conf.mtu, 9000);
	assert_int_equal(dev->conf.speed, 10000);
}

/* Each option that a transport cannot do is refused, and changes nothing. */
static void
test_carry(void **state)
{
#define ROW(option, key, full, rings) [VN_MODIFY_##option] = VN_CARRY_##rings,
	static const enum vn_carry rings[] = {VN_CARRY_OPTIONS(ROW)};
#undef ROW
	struct vn_device_conf before;
	struct vn_device *dev;

	(void)state;
	start(1);
	UNTIL(vn_controller_settled(t.ctrl));
	dev = find(0, -1);
	before = dev->conf;
	for (unsigned int i = 0; i < VN_MODIFY_COUNT; i++) {
		if (rings[i] != VN_CARRY_NOT)
			continue;
		set(dev, i, 0);
		assert_int_equal(op.result, i == VN_MODIFY_DST_PORT ? VIRTNET_ERR_DST_PORT_RULE
								    : VIRTNET_ERR_NOT_SUPPORTED);
		assert_memory_equal(&before, &dev->conf, sizeof(before));
	}
	assert_int_equal(set_mac(dev, "0C:C4:7A:FF:22:93"), 0);
	assert_int_equal(set(dev, VN_MODIFY_MTU, 9000), 0);
	assert_int_equal(set_queue(dev, VN_COAL_EVENT, 10, 30), 0);
	assert_int_equal(set(dev, VN_MODIFY_QUEUE_PAIRS, 3), 0);
	assert_int_equal(dev->num_vqs, 7);
	/* A VMM has asked how many there are. */
	vn_device_set_attached(dev, true);
	assert_int_equal(set(dev, VN_MODIFY_QUEUE_PAIRS, 1), -EBUSY);
	assert_int_equal(dev->num_vqs, 7);
}

/* Contract, section 5: the walk-through. */
static void
test_pools_msix(void **state)
{
	(void)state;
	start_full(1, 2, 32);
	check_pools(0, 0);
	check_vf(0, 32, 31, 15);
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 48), VIRTNET_ERR_MSIX);
	assert_int_equal(set(find(0, 1), VN_MODIFY_MSIX_NUM, 4), 0);
	check_vf(1, 4, 3, 1);
	check_pools(28, 14);
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 62), VIRTNET_ERR_MSIX);
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 48), 0);
	check_vf(0, 48, 47, 23);
	check_pools(12, 6);
	/* Odd, out of range, and what makes a VF useless. */
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 5), VIRTNET_ERR_MSIX);
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 258), VIRTNET_ERR_MSIX);
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 0), 0);
	assert_string_equal(op.text, vn_error_text(VIRTNET_ERR_NOT_WORKING));
	check_vf(0, 0, 1, 0);
	check_pools(60, 29);
	assert_int_equal(set(find(0, 0), VN_MODIFY_RX_MODE, 1), VIRTNET_ERR_SF_RX_MODE_SET);
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 32), 0);
	assert_string_equal(op.text, "");
	check_vf(0, 32, 31, 15);
	check_pools(28, 14);
	assert_int_equal(set(find(0, -1), VN_MODIFY_MSIX_NUM, 4), VIRTNET_ERR_NOT_SUPPORTED);
}

static void
test_pools_pairs(void **state)
{
	struct vn_modify both = {
		.has = 1u << VN_MODIFY_MSIX_NUM | 1u << VN_MODIFY_QUEUE_PAIRS,
	};
	unsigned int calls;

	(void)state;
	start_full(1, 2, 32);
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 23), VIRTNET_ERR_QUEUES);
	assert_int_equal(set(find(0, 1), VN_MODIFY_QUEUE_PAIRS, 1), 0);
	check_vf(1, 4, 3, 1);
	check_pools(28, 14);
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 23), 0);
	check_vf(0, 48, 47, 23);
	check_pools(12, 6);
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 30), VIRTNET_ERR_QUEUES);
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 128), VIRTNET_ERR_QUEUES);
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 0), 0);
	assert_string_equal(op.text, vn_error_text(VIRTNET_ERR_NOT_WORKING));
	check_vf(0, 2, 1, 0);
	check_pools(58, 29);
	both.value[VN_MODIFY_MSIX_NUM] = 6;
	both.value[VN_MODIFY_QUEUE_PAIRS] = 2;
	assert_int_equal(modify(find(0, 1), &both), -EINVAL);
	check_pools(58, 29);
	/* Gone with the VFs. */
	calls = op.calls + 1;
	vn_controller_sriov(t.ctrl, find(0, -1), 0, op_done, NULL);
	UNTIL(progressed(calls));
	check_pools(0, 0);
}

/* What a VF gives is nobody's before it is on disk: it may have to come back. */
static void
test_pools_saved(void **state)
{
	const struct vn_modify less = {
		.has = 1u << VN_MODIFY_MSIX_NUM,
		.value = {[VN_MODIFY_MSIX_NUM] = 4},
	};
	const struct vn_modify more = {
		.has = 1u << VN_MODIFY_MSIX_NUM,
		.value = {[VN_MODIFY_MSIX_NUM] = 48},
	};
	char dir[] = "/tmp/vn_modify_test.XXXXXX", sub[64], aside[96];
	unsigned int calls;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(sub, sizeof(sub), "%s/r", dir);
	snprintf(aside, sizeof(aside), "%s/aside", dir);
	t.conf.recovery = true;
	t.env.recovery_dir = sub;
	start_full(1, 2, 32);
	/* A file where the directory was: nothing can be written. */
	assert_int_equal(rename(sub, aside), 0);
	f = fopen(sub, "w");
	assert_non_null(f);
	fclose(f);
	calls = op.calls;
	vn_controller_modify(t.ctrl, find(0, 1), &less, op_done, NULL);
	vn_controller_modify(t.ctrl, find(0, 0), &more, op_done, NULL);
	assert_int_equal(op.calls, calls + 1);
	assert_int_equal(op.result, VIRTNET_ERR_MSIX);
	UNTIL(progressed(calls + 2));
	assert_int_equal(op.result, VIRTNET_ERR_RECOVERY_CREATE);
	check_vf(1, 32, 31, 15);
	check_pools(0, 0);
	assert_int_equal(unlink(sub), 0);
	assert_int_equal(rename(aside, sub), 0);
	assert_int_equal(modify(find(0, 1), &less), 0);
	check_pools(28, 14);
	assert_int_equal(modify(find(0, 0), &more), 0);
	check_pools(12, 6);
	stop_all(VN_PORT_KEEP);
	/* No VFs, nothing that they could share. */
	start_again();
	check_pools(12, 6);
	calls = op.calls + 1;
	vn_controller_sriov(t.ctrl, find(0, -1), 0, op_done, NULL);
	UNTIL(progressed(calls));
	stop_all(VN_PORT_KEEP);
	start_again();
	check_pools(0, 0);
	stop_all(VN_PORT_KEEP);
	assert_true(vn_recovery_clear(sub) > 0);
	snprintf(aside, sizeof(aside), "%s/.capacity", sub);
	unlink(aside);
	assert_int_equal(rmdir(sub), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* VFs that were made with one pair: what another gives back helps where the port can grow. */
static void
test_pools_single(void **state)
{
	struct vn_port_ops no_netdev = fp_ops;
	const struct vn_port_ops *const kinds[] = {&no_netdev};

	(void)state;
	start_full(1, 2, 4);
	check_vf(0, 4, 3, 1);
	assert_int_equal(set(find(0, 1), VN_MODIFY_QUEUE_PAIRS, 0), 0);
	check_pools(2, 1);
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 2), VIRTNET_ERR_QUEUES);
	assert_non_null(strstr(op.text, "its representor has one queue and cannot get more"));
	/* Of vectors it may have more. */
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 6), 0);
	check_vf(0, 6, 3, 1);
	stop_all(VN_PORT_KEEP);

	no_netdev.kind = "none";
	no_netdev.netdev = false;
	t.env.port = kinds;
	t.env.n_ports = 1;
	t.conf.vf.port = "none";
	start_full(1, 2, 4);
	assert_int_equal(set(find(0, 1), VN_MODIFY_QUEUE_PAIRS, 0), 0);
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 3), VIRTNET_ERR_QUEUES);
	assert_non_null(strstr(op.text, "the PF's pool has 1"));
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 2), 0);
	check_vf(0, 6, 5, 2);
	check_pools(0, 0);
	stop_all(VN_PORT_KEEP);
}

/* A VF that virtnet.conf gave fewer pairs than it has vectors for. */
static void
test_pools_uneven(void **state)
{
	(void)state;
	t.conf.vf.max_queue_pairs = 3;
	start_full(1, 2, 12);
	check_vf(0, 12, 7, 3);
	assert_int_equal(set(find(0, 1), VN_MODIFY_QUEUE_PAIRS, 2), 0);
	check_vf(1, 6, 5, 2);
	check_pools(6, 1);
	/* Vectors it has: only the pair is taken. */
	assert_int_equal(set(find(0, 0), VN_MODIFY_QUEUE_PAIRS, 4), 0);
	check_vf(0, 12, 9, 4);
	check_pools(6, 0);
	/* Vectors there are, pairs are not. */
	assert_int_equal(set(find(0, 0), VN_MODIFY_MSIX_NUM, 18), 0);
	check_vf(0, 18, 9, 4);
	check_pools(0, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_values),
		TEST(test_vmms_features),
		TEST(test_queue),
		TEST(test_whole),
		TEST(test_carry),
		TEST(test_pools_msix),
		TEST(test_pools_pairs),
		TEST(test_pools_single),
		TEST(test_pools_uneven),
		TEST(test_pools_saved),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
