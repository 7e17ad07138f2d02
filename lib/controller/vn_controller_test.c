/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The inventory: who the devices are, how they come and go, and what a failed start leaves. */

#include "controller_test_env.h"

#include "ctrl_private.h"
#include "vn_model.h"

static void
test_one(void **state)
{
	const struct vn_device *dev;

	(void)state;
	start(1);
	dev = t.ctrl->device[0];
	assert_int_equal(dev->conf.type, VN_STATIC_PF);
	assert_int_equal(dev->conf.pf_id, 0);
	assert_string_equal(dev->conf.vuid, SERIAL "VNETS0D0F2");
	assert_string_equal(dev->conf.rep_name, "en3f0pf0sf1000");
	assert_int_equal(dev->conf.sf_num, 1000);
	assert_string_equal(dev->conf.ib_dev, t.conf.ib_dev_for_static_pf);
	assert_int_equal(dev->conf.mtu, 1500);
	assert_int_equal(dev->conf.max_queue_size, 256);
	/* 64 vectors: one for config, one per queue; pairs and a control queue. */
	assert_int_equal(dev->conf.num_msix, 64);
	assert_int_equal(dev->conf.num_queues, 63);
	assert_int_equal(dev->conf.max_queue_pairs, 31);
	assert_string_equal(ft.last_path, "/run/test/" SERIAL "VNETS0D0F2.sock");
	assert_false(ft.client);
	assert_ptr_equal(dev->transport, &ft_rings);
	assert_ptr_equal(dev->endpoint->dev, dev);
}

static void
test_msix(void **state)
{
	static const struct {
		uint32_t msix;
		uint16_t queues, pairs;
	} cases[] = {{4, 3, 1}, {5, 4, 1}, {6, 5, 2}, {256, 255, 127}};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		t.capacity.current[VN_CAP_NUM_MSIX] = cases[i].msix;
		start(1);
		assert_int_equal(t.ctrl->device[0]->conf.num_queues, cases[i].queues);
		assert_int_equal(t.ctrl->device[0]->conf.max_queue_pairs, cases[i].pairs);
		stop_all(VN_PORT_KEEP);
	}
}

static void
test_find(void **state)
{
	char vuid[VN_VUID_LEN];

	(void)state;
	start(VN_MAX_STATIC_PF);
	for (int i = 0; i < VN_MAX_STATIC_PF; i++) {
		struct vn_device *dev = vn_controller_find(t.ctrl, i, -1);

		assert_non_null(dev);
		assert_int_equal(dev->conf.pf_id, i);
		snprintf(vuid, sizeof(vuid), "%s", dev->conf.vuid);
		assert_ptr_equal(vn_controller_find_vuid(t.ctrl, vuid), dev);
		assert_null(vn_controller_find(t.ctrl, i, 0));
		/* No two are alike. */
		for (int j = 0; j < i; j++) {
			const struct vn_device *other = t.ctrl->device[j];

			assert_string_not_equal(dev->conf.vuid, other->conf.vuid);
			assert_string_not_equal(dev->conf.rep_name, other->conf.rep_name);
			assert_memory_not_equal(dev->conf.mac, other->conf.mac, VN_MAC_LEN);
			assert_int_not_equal(dev->conf.bdf, other->conf.bdf);
			assert_int_not_equal(dev->conf.sf_num, other->conf.sf_num);
		}
	}
	assert_null(vn_controller_find(t.ctrl, VN_MAX_STATIC_PF, -1));
	assert_null(vn_controller_find(t.ctrl, -1, -1));
	assert_null(vn_controller_find(t.ctrl, 65536, -1));
	assert_null(vn_controller_find_vuid(t.ctrl, ""));
	assert_null(vn_controller_find_vuid(t.ctrl, SERIAL "VNETS0D0F"));
	assert_null(vn_controller_find_vuid(t.ctrl, SERIAL "VNETS0D0F200"));
}

static void
test_mac_base(void **state)
{
	static const uint8_t base[] = {2, 0, 0, 0, 0, 0xfe};
	static const uint8_t third[] = {2, 0, 0, 0, 1, 0};

	(void)state;
	t.conf.static_pf.has_mac_base = true;
	memcpy(t.conf.static_pf.mac_base, base, sizeof(base));
	start(3);
	assert_memory_equal(t.ctrl->device[0]->conf.mac, base, VN_MAC_LEN);
	assert_memory_equal(t.ctrl->device[2]->conf.mac, third, VN_MAC_LEN);
}

static void
test_features(void **state)
{
	const uint64_t ring =
		VN_F_ANY_LAYOUT | VN_F_INDIRECT_DESC | VN_F_EVENT_IDX | VN_F_VERSION_1;

	(void)state;
	/* All that rings can carry and the port honours. */
	t.env.dev.port_features = VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM;
	start(1);
	assert_int_equal(t.ctrl->device[0]->device_features & ~t.ctrl->supported_features, 0);
	assert_int_equal(
		t.ctrl->supported_features & ~t.ctrl->device[0]->device_features, FT_NOT_CARRIED);
	assert_int_equal(t.ctrl->supported_features & ~vn_model_features(), 0);
	assert_true(t.ctrl->supported_features & VN_NET_F_CSUM);
	assert_true(t.ctrl->supported_features & VN_NET_F_MQ);
	assert_int_equal(t.ctrl->supported_features & ring, ring);
	assert_int_equal(t.ctrl->supported_features &
				 (VN_NET_F_HOST_TSO4 | VN_NET_F_GUEST_TSO4 | VN_NET_F_HOST_USO),
		0);
	assert_int_equal(t.ctrl->supported_features & VN_F_ADMIN_VQ, 0);
	/* The VMM chooses, whatever the key says. */
	assert_false(t.conf.packed_vq);
	assert_true(t.ctrl->device[0]->device_features & VN_F_RING_PACKED);
	stop_all(VN_PORT_KEEP);
	/* A mask takes away, but not the rings' mechanics, and adds nothing. */
	t.conf.static_pf.has_features = true;
	t.conf.static_pf.features = VN_NET_F_MAC | VN_NET_F_HOST_TSO4 | VN_F_ADMIN_VQ;
	start(1);
	assert_int_equal(t.ctrl->device[0]->device_features, ring | VN_NET_F_MAC);
}

static void
test_disabled(void **state)
{
	unsigned int done = 0;

	(void)state;
	t.capacity.current[VN_CAP_EMULATION_ENABLE] = 0;
	make();
	assert_int_equal(begin_start(), 0);
	assert_int_equal(t.ctrl->num_devices, 0);
	assert_true(vn_controller_settled(t.ctrl));
	/* The end of nothing comes at once. */
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	assert_int_equal(done, 1);
}

static void
test_window(void **state)
{
	(void)state;
	t.conf.has_dpa_cores = true;
	t.conf.dpa_core_start = 2;
	t.conf.dpa_core_end = 5;
	make();
	assert_int_equal(begin_start(), -ENODEV);
	assert_string_equal(t.err, "no worker lcore in the window dpa_core_start 2 .. "
				   "dpa_core_end 5: give more lcores (-l) or another window");
	assert_int_equal(t.ctrl->num_devices, 0);
	stop_all(VN_PORT_UNDO);
	/* Our only worker is number 1. */
	t.conf.dpa_core_start = 1;
	start(2);
	assert_int_equal(vn_poller_devices(pe.poller), 2);
}

/* A start that fails half way: what it made goes, what it found stays. */
static void
test_failed_plug(void **state)
{
	(void)state;
	for (unsigned int adopted = 0; adopted < 2; adopted++) {
		const unsigned int destroyed = fp_calls(FP_DESTROY), closed = fp_calls(FP_CLOSE);

		fp.adopted = adopted;
		ft.fail_at = 3;
		t.capacity.current[VN_CAP_NUM_PF] = 5;
		make();
		assert_int_equal(begin_start(), -EADDRINUSE);
		assert_string_equal(t.err, "the test refuses " SERIAL "VNETS0D0F4");
		stop_all(VN_PORT_UNDO);
		assert_int_equal(fp_calls(FP_DESTROY) - destroyed, adopted ? 0 : 3);
		assert_int_equal(fp_calls(FP_CLOSE) - closed, adopted ? 3 : 0);
	}
}

static void
test_settled(void **state)
{
	(void)state;
	fp_hold(FP_OPEN);
	start(3);
	SETTLE();
	assert_false(vn_controller_settled(t.ctrl));
	fp_release(FP_OPEN);
	UNTIL(vn_controller_settled(t.ctrl));
	assert_int_equal(fp_open_ports(), 3);
	stop_all(VN_PORT_KEEP);
	/* A port that cannot be made is an answer; so is one that is gone again. */
	fp_fail(FP_OPEN, -EPERM);
	start(3);
	UNTIL(vn_controller_settled(t.ctrl));
	assert_int_equal(fp_open_ports(), 0);
	stop_all(VN_PORT_KEEP);
	fp_fail(FP_OPEN, 0);
	fp_fail(FP_GET_INFO, -ENODEV);
	start(3);
	UNTIL(vn_controller_settled(t.ctrl));
}

static bool
looked(void)
{
	return !t.ctrl->priv->links.timer.armed && vn_loop_jobs_pending(pe.loop) == 0;
}

/* What operators do to a netdev makes its device look again, and those whose netdev is gone. */
static void
test_link_changed(void **state)
{
	unsigned int calls;

	(void)state;
	start(3);
	UNTIL(vn_controller_settled(t.ctrl));
	calls = fp_calls(FP_GET_INFO);
	vn_controller_link_changed(t.ctrl, 12345);
	UNTIL(looked());
	assert_int_equal(fp_calls(FP_GET_INFO), calls);
	/* Many events of one netdev are one look. */
	for (unsigned int i = 0; i < 50; i++) {
		vn_controller_link_changed(t.ctrl, t.ctrl->device[1]->port_info.ifindex);
		vn_controller_link_changed(t.ctrl, 12345);
	}
	UNTIL(looked());
	assert_int_equal(fp_calls(FP_GET_INFO), calls + 1);
	/* Events were lost: all. */
	fp_fail(FP_GET_INFO, -ENODEV);
	vn_controller_link_changed(t.ctrl, 0);
	UNTIL(looked());
	assert_int_equal(fp_calls(FP_GET_INFO), calls + 4);
	assert_true(vn_controller_settled(t.ctrl));
	fp_fail(FP_GET_INFO, 0);
	for (int i = 0; i < CTRL_LINKS + 10; i++)
		vn_controller_link_changed(t.ctrl, 20000 + i); /* more than is kept: all */
	UNTIL(looked());
	assert_int_equal(fp_calls(FP_GET_INFO), calls + 7);
	vn_controller_link_changed(t.ctrl, 12345);
	UNTIL(looked());
	assert_int_equal(fp_calls(FP_GET_INFO), calls + 7);
	assert_string_equal(t.ctrl->device[2]->port_error, "");
}

/* All 31 at once, with every port still opening, and unplugs that take their time. */
static void
test_stop_all(void **state)
{
	unsigned int done = 0;

	(void)state;
	start(VN_MAX_STATIC_PF);
	assert_int_equal(ft.plugged, VN_MAX_STATIC_PF);
	stop_all(VN_PORT_REMOVE);
	assert_int_equal(fp_calls(FP_DESTROY), VN_MAX_STATIC_PF);

	fp_hold(FP_OPEN);
	start(VN_MAX_STATIC_PF);
	ft.hold = true;
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	assert_int_equal(t.ctrl->num_devices, 0);
	assert_null(vn_controller_find(t.ctrl, 0, -1));
	SETTLE();
	assert_int_equal(done, 0);
	release_unplugs();
	assert_int_equal(ft.plugged, 0);
	SETTLE();
	assert_int_equal(done, 0);
	fp_release(FP_OPEN);
	UNTIL(done == 1);
	assert_int_equal(fp_calls(FP_CLOSE), VN_MAX_STATIC_PF);
}

/* Memory that broke under nobody's rings. */
static void
test_check_mem(void **state)
{
	(void)state;
	start(2);
	vn_controller_check_mem(t.ctrl);
	assert_false(t.ctrl->device[0]->broken);
	assert_false(t.ctrl->device[1]->broken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one),
		TEST(test_msix),
		TEST(test_find),
		TEST(test_mac_base),
		TEST(test_features),
		TEST(test_disabled),
		TEST(test_window),
		TEST(test_failed_plug),
		TEST(test_settled),
		TEST(test_link_changed),
		TEST(test_stop_all),
		TEST(test_check_mem),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
