/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The SF pool, how many SFs there are, and the limits of the card. */

#include "ctrl_private.h"
#include "sriov_test_env.h"
#include "vn_errors.h"

static struct vn_hotplug hp = {
	.ib_dev = "mlx5_0",
	.mac = "0C:C4:7A:FF:22:93",
	.mtu = 1500,
	.max_queue_pairs = 1,
	.max_queue_size = 256,
};

static int
hotplug(void)
{
	const unsigned int calls = op.calls + 1;

	vn_controller_hotplug(t.ctrl, &hp, op_done, NULL);
	UNTIL(progressed(calls));
	return op.result;
}

static void
test_pool_size(void **state)
{
	static const struct {
		uint8_t percent;
		uint32_t pfs, vfs, total_sf; /* total_sf 0: not counted per PF */
		unsigned int want;
	} cases[] = {
		{0, 2, 4, 0, 0},
		{100, 2, 4, 0, 8},
		{50, 2, 3, 0, 3},
		{10, 2, 4, 0, 0},
		{100, 1, 0, 0, 0},
		/* Of all SFs; but no more than there can be VFs, and static PFs have theirs. */
		{50, 2, 4, 10, 5},
		{100, 2, 4, 64, 8},
		{100, 2, 4, 6, 4},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		const unsigned int before = fp_calls(FP_PREPARE);

		t.conf.sf_pool_percent = cases[i].percent;
		t.capacity.current[VN_CAP_PER_PF_NUM_SF] = cases[i].total_sf != 0;
		t.capacity.current[VN_CAP_PF_TOTAL_SF] = cases[i].total_sf;
		start_vfs(cases[i].pfs, cases[i].vfs);
		UNTIL(!ctrl_pool_filling(t.ctrl));
		assert_int_equal(fp_calls(FP_PREPARE) - before, cases[i].want);
		stop_all(VN_PORT_KEEP);
	}
}

static void
test_pool(void **state)
{
	unsigned int done = 0;

	(void)state;
	t.conf.sf_pool_percent = 100;
	t.capacity.current[VN_CAP_NUM_VF_MSIX] = 12;
	fp_hold(FP_PREPARE);
	start_vfs(1, 3);
	UNTIL(fp_inside(FP_PREPARE));
	/* Ready all the same; VFs have to wait, hotplug PFs have not. */
	assert_true(vn_controller_settled(t.ctrl));
	assert_int_equal(sriov(0, 3), VIRTNET_ERR_SF_POOL_CREATING);
	assert_int_equal(sriov(0, 0), 0);
	fp_release(FP_PREPARE);
	UNTIL(!ctrl_pool_filling(t.ctrl));
	/* As its VF will want it. */
	assert_string_equal(fp.conf.name, "en3f0pf0sf3002");
	assert_string_equal(fp.conf.alias, "dpdk-virtnet " SERIAL "VNETS0D0F2VF3");
	assert_int_equal(fp.conf.max_queue_pairs, 5);
	assert_int_equal(sriov(0, 3), 0);
	assert_int_equal(sriov(0, 0), 0);
	assert_int_equal(hotplug(), 0);
	stop_all(VN_PORT_KEEP);
	assert_int_equal(fp_calls(FP_DISCARD), 0);
	/* Ports that cannot be made are no obstacle. */
	fp_fail(FP_PREPARE, -EPERM);
	start_vfs(1, 3);
	UNTIL(!ctrl_pool_filling(t.ctrl));
	assert_int_equal(sriov(0, 3), 0);
	stop_all(VN_PORT_KEEP);
	fp_fail(FP_PREPARE, 0);
	/* The end comes while it is being filled; and the pool goes. */
	t.conf.sf_pool_force_destroy = true;
	fp_hold(FP_PREPARE);
	start_vfs(1, 3);
	UNTIL(fp_inside(FP_PREPARE));
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	SETTLE();
	assert_int_equal(done, 0);
	assert_int_equal(fp_calls(FP_DISCARD), 0);
	fp_release(FP_PREPARE);
	UNTIL(done == 1);
	assert_int_equal(fp_calls(FP_DISCARD), 1);
	assert_string_equal(fp.alias, "dpdk-virtnet " SERIAL);
	vn_controller_destroy(t.ctrl);
	t.ctrl = NULL;
	/* A start that failed has no pool to destroy. */
	ft.fail_at = 1;
	make();
	assert_int_not_equal(begin_start(), 0);
	stop_all(VN_PORT_UNDO);
	assert_int_equal(fp_calls(FP_DISCARD), 1);
}

/* VFs that were restored have their ports: the pool is the others. */
static void
test_pool_restored(void **state)
{
	(void)state;
	t.capacity.current[VN_CAP_NUM_VF] = 3;
	start(2);
	assert_int_equal(restore(pf(0), 2, false), 0);
	t.ctrl->conf.sf_pool_percent = 67; /* 4 of 6 */
	ctrl_pool_fill(t.ctrl);
	UNTIL(!ctrl_pool_filling(t.ctrl));
	assert_int_equal(fp_calls(FP_PREPARE), 2);
}

/* PF_TOTAL_SF. */
static void
test_total_sf(void **state)
{
	(void)state;
	t.capacity.current[VN_CAP_PER_PF_NUM_SF] = 1;
	t.capacity.current[VN_CAP_PF_TOTAL_SF] = 6;
	start_vfs(2, 4);
	assert_int_equal(hotplug(), 0);
	assert_int_equal(sriov(0, 4), VIRTNET_ERR_SF_CREATE);
	assert_string_equal(
		op.text, "PF_TOTAL_SF is 6: 3 SFs of mlx5_0 are in use, and 4 more are wanted");
	assert_int_equal(sriov(0, 3), 0);
	assert_int_equal(sriov(1, 1), VIRTNET_ERR_SF_CREATE);
	assert_int_equal(hotplug(), VIRTNET_ERR_SF_CREATE);
	assert_int_equal(t.ctrl->num_devices, 6);
	/* Those that are being made count, and the other port has its own. */
	assert_int_equal(sriov(0, 0), 0);
	vn_controller_sriov(t.ctrl, pf(0), 3, op_done, NULL);
	assert_int_equal(sriov(1, 1), VIRTNET_ERR_SF_CREATE);
	hp.ib_dev = "mlx5_1";
	assert_int_equal(hotplug(), 0);
	hp.ib_dev = "mlx5_0";
	UNTIL(pf(0)->ctrl->num_vfs == 3 || (vn_controller_progress(t.ctrl), false));
	stop_all(VN_PORT_KEEP);
	/* Not even enough for the static PFs. */
	t.capacity.current[VN_CAP_PF_TOTAL_SF] = 1;
	make();
	assert_int_equal(begin_start(), -EDQUOT);
	assert_string_equal(
		t.err, "PER_PF_NUM_SF is 1 and PF_TOTAL_SF 1: not an SF for each of 2 static PFs");
}

/* The rules of contract 1.2, and its worked example. */
static void
test_limits(void **state)
{
	static const struct {
		uint32_t pfs, vfs, native_vfs;
		bool single_port, fits;
		unsigned int hotplug; /* with the profile */
	} cases[] = {
		{1, 252, 0, false, true, 0},
		{1, 253, 0, false, false, 0},
		{2, 125, 0, false, true, 1},
		{2, 126, 0, false, false, 0},
		{1, 253, 0, true, true, 0},
		/* 15 beside VFs: the published setup. 31 without. */
		{2, 100, 16, false, true, 15},
		{2, 0, 16, false, true, 31},
		/* Native VFs count: 3 + 2 * 100 + 1 + 45. */
		{1, 44, 100, false, true, 8},
		/* More than 127 VFs of a PF, and no hotplug. */
		{1, 127, 0, false, true, 15},
		{1, 128, 0, false, true, 0},
		{4, 126, 16, false, false, 0},
	};

	(void)state;
	for (unsigned int profile = 0; profile < 2; profile++) {
		for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
			t.conf.limits_bluefield3 = profile == 1;
			t.conf.single_port = cases[i].single_port;
			t.capacity.current[VN_CAP_NUM_PF] = cases[i].pfs;
			t.capacity.current[VN_CAP_NUM_VF] = cases[i].vfs;
			t.capacity.current[VN_CAP_NUM_OF_VFS] = cases[i].native_vfs;
			make();
			assert_int_equal(
				begin_start(), profile == 0 || cases[i].fits ? 0 : -EDQUOT);
			assert_int_equal(vn_controller_max_hotplug(t.ctrl),
				profile == 0 ? 31 : cases[i].hotplug);
			stop_all(VN_PORT_KEEP);
		}
	}
	/* The message says which rule. */
	make();
	assert_int_equal(begin_start(), -EDQUOT);
	assert_string_equal(t.err,
		"\"limits\": \"bluefield3\": 256 PCIe functions in all are possible, and 4 static "
		"PFs with 126 VFs each (VIRTIO_NET_EMULATION_NUM_VF), 2 native PFs with 16 VFs "
		"each (NUM_OF_VFS) and RShim are 543");
	stop_all(VN_PORT_UNDO);
	start_vfs(1, 200);
	assert_int_equal(hotplug(), VIRTNET_ERR_HOTPLUG);
	assert_non_null(strstr(op.text, "none with more than 127 VFs of a PF"));
	stop_all(VN_PORT_KEEP);
	start_vfs(1, 100);
	for (unsigned int i = 0; i < 15; i++)
		assert_int_equal(hotplug(), 0);
	assert_int_equal(hotplug(), VIRTNET_ERR_HOTPLUG);
	assert_string_equal(op.text,
		"15 hotplug devices are there, and 15 are possible (\"limits\": \"bluefield3\": 15 "
		"when VFs are used, too (VIRTIO_NET_EMULATION_NUM_VF))");
	stop_all(VN_PORT_KEEP);
	/* Without the profile there is a warning, and a 16th. */
	t.conf.limits_bluefield3 = false;
	start_vfs(1, 100);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(hotplug(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pool_size),
		TEST(test_pool),
		TEST(test_pool_restored),
		TEST(test_total_sf),
		TEST(test_limits),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
