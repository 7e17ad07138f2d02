/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* VFs: who they are, how sets of them come and go, and what a failure leaves. */

#include "ctrl_private.h"
#include "sriov_test_env.h"
#include "vn_errors.h"

static int
by_client(int id, unsigned int n)
{
	const unsigned int calls = op.calls + 1;

	vn_controller_sriov_by_client(t.ctrl, pf(id), n, op_done, NULL);
	UNTIL(progressed(calls));
	return op.result;
}

static void
test_identity(void **state)
{
	const struct vn_device *vf;

	(void)state;
	t.conf.vhost_user = false;
	start_vfs(2, 3);
	assert_int_equal(sriov(1, 2), 0);
	assert_int_equal(t.ctrl->num_devices, 4);
	assert_int_equal(pf(1)->ctrl->num_vfs, 2);
	assert_false(pf(1)->ctrl->vfs_by_client);
	vf = vn_controller_find(t.ctrl, 1, 0);
	assert_ptr_equal(vf, t.ctrl->device[2]);
	assert_int_equal(vf->conf.type, VN_VF);
	assert_int_equal(vf->conf.vf_id, 0);
	assert_string_equal(vf->conf.vuid, SERIAL "VNETS0D0F3VF1");
	/* Each PF reserves its VFs' numbers. */
	assert_int_equal(vf->conf.sf_num, 3003);
	assert_string_equal(vf->conf.rep_name, "en3f0pf0sf3003");
	assert_int_equal(vf->conf.bdf, 0xe403);
	assert_int_equal(vf->conf.pci_function, pf(1)->conf.pci_function);
	assert_int_equal(vf->conf.mtu, 1500);
	assert_ptr_equal(vf->transport, &ft_full);
	assert_string_equal(vf->endpoint->path, "/run/test/" SERIAL "VNETS0D0F3VF1.sock");
	assert_int_not_equal(vf->port_info.ifindex, 0);
	vf = vn_controller_find_vuid(t.ctrl, SERIAL "VNETS0D0F3VF2");
	assert_ptr_equal(vf, vn_controller_find(t.ctrl, 1, 1));
	assert_int_equal(vf->conf.vf_id, 1);
	assert_memory_not_equal(vf->conf.mac, t.ctrl->device[2]->conf.mac, VN_MAC_LEN);
	assert_null(vn_controller_find(t.ctrl, 1, 2));
	assert_null(vn_controller_find(t.ctrl, 0, 0));
	assert_int_equal(vf->device_features & (VN_F_SR_IOV | VN_F_ADMIN_VQ), 0);
	assert_false(vf->ctrl->transitional || vf->endpoint->conf.transitional);
	assert_false(pf(1)->conf.vf_transitional);
	/* All go, and their ports stay. */
	assert_int_equal(sriov(1, 0), 0);
	assert_int_equal(t.ctrl->num_devices, 2);
	assert_int_equal(pf(1)->ctrl->num_vfs, 0);
	assert_null(vn_controller_find_vuid(t.ctrl, SERIAL "VNETS0D0F3VF2"));
	assert_int_equal(ft.plugged, 2);
	assert_int_equal(fp_calls(FP_DESTROY), 0);
	assert_int_equal(fp_calls(FP_CLOSE), 2);
}

static void
test_size(void **state)
{
	static const struct {
		uint32_t vf_msix, old, msix;
		uint16_t conf_pairs, want_msix, want_queues, want_pairs;
	} cases[] = {
		{0, 0, 64, 0, 64, 63, 31},
		{12, 0, 64, 0, 12, 11, 5},
		{12, 0, 64, 3, 12, 7, 3},
		{0, 10, 64, 0, 10, 9, 4},
		{0, 64, 10, 0, 10, 9, 4},
		{4, 0, 64, 0, 4, 3, 1},
		/* A pair more than there are vectors for. */
		{6, 0, 64, 3, 6, 5, 2},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		const struct vn_device_conf *c;

		t.capacity.current[VN_CAP_NUM_VF_MSIX] = cases[i].vf_msix;
		t.capacity.current[VN_CAP_NUM_VF_MSIX_OLD] = cases[i].old;
		t.capacity.current[VN_CAP_NUM_MSIX] = cases[i].msix;
		t.conf.vf.max_queue_pairs = cases[i].conf_pairs;
		t.conf.vf.max_queue_size = i % 2 ? 1024 : 0;
		start_vfs(1, 1);
		assert_int_equal(sriov(0, 1), 0);
		c = &vn_controller_find(t.ctrl, 0, 0)->conf;
		assert_int_equal(c->num_msix, cases[i].want_msix);
		assert_int_equal(c->num_queues, cases[i].want_queues);
		assert_int_equal(c->max_queue_pairs, cases[i].want_pairs);
		assert_int_equal(c->max_queue_pairs, (c->num_queues - 1) / 2);
		assert_int_equal(c->max_queue_size, i % 2 ? 1024 : 256);
		stop_all(VN_PORT_KEEP);
	}
}

static void
test_mac_base(void **state)
{
	static const uint8_t base[] = {2, 0, 0, 0, 0, 0xff};
	static const uint8_t fourth[] = {2, 0, 0, 0, 1, 2};

	(void)state;
	t.conf.vf.has_mac_base = true;
	t.conf.vf.vfs_per_pf = 2;
	t.conf.vf.has_features = true;
	t.conf.vf.features = VN_NET_F_MAC | VN_F_SR_IOV;
	memcpy(t.conf.vf.mac_base, base, sizeof(base));
	start_vfs(2, 3);
	assert_int_equal(sriov(0, 3), 0);
	assert_int_equal(sriov(1, 2), 0);
	assert_memory_equal(vn_controller_find(t.ctrl, 0, 0)->conf.mac, base, VN_MAC_LEN);
	assert_memory_equal(vn_controller_find(t.ctrl, 1, 1)->conf.mac, fourth, VN_MAC_LEN);
	/* One VF more than vfs_per_pf: the contract lets addresses repeat. */
	assert_memory_equal(vn_controller_find(t.ctrl, 0, 2)->conf.mac,
		vn_controller_find(t.ctrl, 1, 0)->conf.mac, VN_MAC_LEN);
	assert_true(vn_controller_find(t.ctrl, 0, 0)->device_features & VN_NET_F_MAC);
	assert_int_equal(
		vn_controller_find(t.ctrl, 0, 0)->device_features & (VN_NET_F_CSUM | VN_F_SR_IOV),
		0);
}

#define VAIN ": \"devices\" of \"switch\" has rules for it, without effect"

static void
check_vain(const char *text, int pf_id, int vf_id)
{
	char line[160];

	snprintf(line, sizeof(line), "%s" VAIN ": \"port\" of \"%s\" is \"%s\"",
		vn_controller_find(t.ctrl, pf_id, vf_id)->conf.vuid, vf_id < 0 ? "static_pf" : "vf",
		fp_ops.kind);
	assert_non_null(strstr(text, line));
}

/* What the switch holds a device to: the most special that is said of it. */
static void
test_switch_rules(void **state)
{
	struct vn_conf_switch *sw = &t.conf.sw;
	const struct vn_device *dev;
	char *text = NULL;
	size_t len = 0;
	FILE *log;

	(void)state;
	sw->rules = (struct vn_conf_rules){.has_isolated = true, .isolated = true};
	t.conf.static_pf.rules.has_anti_spoof = t.conf.static_pf.rules.anti_spoof = true;
	t.conf.vf.rules.has_isolated = true;
	sw->n_devices = 2;
	sw->device[0] = (struct vn_conf_switch_device){
		.pf = 1, .vf = -1, .rules = {.has_anti_spoof = true}};
	sw->device[1] = (struct vn_conf_switch_device){
		.pf = 1, .vf = 1, .rules = {.has_anti_spoof = true, .anti_spoof = true}};
	log = open_memstream(&text, &len);
	assert_non_null(log);
	assert_int_equal(rte_openlog_stream(log), 0);
	start_vfs(2, 2);
	UNTIL(vn_controller_settled(t.ctrl));
	assert_int_equal(sriov(1, 2), 0);
	rte_openlog_stream(NULL);
	fclose(log);
	/* Ports that are not of the switch know no rules, and somebody believes that they do. */
	check_vain(text, 1, -1);
	check_vain(text, 1, 1);
	assert_null(strstr(strstr(strstr(text, VAIN) + 1, VAIN) + 1, VAIN));
	free(text);
	dev = vn_controller_find(t.ctrl, 0, -1);
	assert_true(dev->conf.anti_spoof && dev->conf.isolated);
	dev = vn_controller_find(t.ctrl, 1, -1);
	assert_true(!dev->conf.anti_spoof && dev->conf.isolated);
	dev = vn_controller_find(t.ctrl, 1, 0);
	assert_true(!dev->conf.anti_spoof && !dev->conf.isolated);
	dev = vn_controller_find(t.ctrl, 1, 1);
	assert_true(dev->conf.anti_spoof && !dev->conf.isolated);
	/* It is what the port was made with. */
	assert_true(fp.conf.anti_spoof && !fp.conf.isolated);
}

static void
test_refused(void **state)
{
	const struct vn_hotplug hp = {.ib_dev = "mlx5_0",
		.mac = "0C:C4:7A:FF:22:93",
		.mtu = 1500,
		.max_queue_pairs = 1,
		.max_queue_size = 256};
	unsigned int calls;

	(void)state;
	start_vfs(2, 4);
	assert_int_equal(sriov(0, 0), 0);
	assert_int_equal(sriov(0, 5), -ERANGE);
	assert_non_null(strstr(op.text, "VIRTIO_NET_EMULATION_NUM_VF is 4"));
	assert_int_equal(sriov(0, UINT_MAX), -ERANGE);
	assert_int_equal(sriov(0, 2), 0);
	assert_int_equal(sriov(0, 2), 0);
	assert_int_equal(t.ctrl->num_devices, 4);
	assert_int_equal(sriov(0, 3), -EBUSY);
	assert_int_equal(sriov(0, 1), -EBUSY);
	/* VFs and hotplug PFs have none. */
	calls = op.calls;
	vn_controller_sriov(t.ctrl, vn_controller_find(t.ctrl, 0, 0), 1, op_done, NULL);
	assert_int_equal(op.calls, calls + 1);
	assert_int_equal(op.result, VIRTNET_ERR_NOT_SUPPORTED);
	vn_controller_hotplug(t.ctrl, &hp, op_done, NULL);
	UNTIL(progressed(calls + 2));
	assert_int_equal(op.result, 0);
	assert_int_equal(sriov(op.dev->conf.pf_id, 1), VIRTNET_ERR_NOT_SUPPORTED);
	/* While something is under way. */
	fp_hold(FP_OPEN);
	vn_controller_sriov(t.ctrl, pf(1), 4, op_done, NULL);
	assert_int_equal(sriov(1, 4), -EBUSY);
	UNTIL(vn_controller_find(t.ctrl, 1, 3) != NULL);
	calls = op.calls;
	vn_controller_attach(t.ctrl, vn_controller_find(t.ctrl, 1, 2), NULL, NULL, op_done, NULL);
	assert_int_equal(op.result, -EBUSY);
	assert_int_equal(sriov(1, 0), -EBUSY);
	fp_release(FP_OPEN);
	UNTIL(progressed(calls + 3));
	assert_int_equal(op.result, 0);
	stop_all(VN_PORT_KEEP);
	t.capacity.current[VN_CAP_SRIOV_EN] = 0;
	start_vfs(1, 4);
	assert_int_equal(sriov(0, 1), VIRTNET_ERR_NOT_SUPPORTED);
	stop_all(VN_PORT_KEEP);
	t.capacity.current[VN_CAP_SRIOV_EN] = 1;
	t.capacity.current[VN_CAP_NUM_VF_MSIX_OLD] = 3;
	start_vfs(1, 4);
	assert_int_equal(sriov(0, 1), VIRTNET_ERR_MSIX);
}

/* All or nothing: what was there before is not touched, found ports stay. */
static void
test_failure(void **state)
{
	(void)state;
	start_vfs(2, 8);
	assert_int_equal(sriov(0, 2), 0);
	for (unsigned int adopted = 0; adopted < 2; adopted++) {
		const unsigned int destroyed = fp_calls(FP_DESTROY), closed = fp_calls(FP_CLOSE);

		fp.adopted = adopted;
		/* The endpoint of the fifth; it has a port all the same. */
		ft.fail_at = ft.plugged + 5;
		assert_int_equal(sriov(1, 8), -EADDRINUSE);
		assert_string_equal(op.text, "the test refuses " SERIAL "VNETS0D0F3VF5");
		assert_int_equal(t.ctrl->num_devices, 4);
		assert_int_equal(pf(1)->ctrl->num_vfs, 0);
		assert_int_equal(fp_calls(FP_DESTROY) - destroyed, adopted ? 0 : 5);
		assert_int_equal(fp_calls(FP_CLOSE) - closed, adopted ? 5 : 0);
	}
	fp.adopted = false;
	ft.fail_at = 0;
	fp_fail(FP_OPEN, -EPERM);
	assert_int_equal(sriov(1, 8), VIRTNET_ERR_SF_PORT_ADD);
	assert_int_equal(t.ctrl->num_devices, 4);
	assert_int_equal(ft.plugged, 4);
	fp_fail(FP_OPEN, 0);
	/* The first one fails. */
	ft.fail_at = ft.plugged + 1;
	assert_int_equal(sriov(1, 1), -EADDRINUSE);
	ft.fail_at = 0;
	assert_int_equal(sriov(1, 8), 0);
	assert_int_equal(pf(0)->ctrl->num_vfs, 2);
	assert_int_equal(t.ctrl->num_devices, 12);
}

/* The last VF is there until all is over. */
static void
test_last(void **state)
{
	const unsigned int calls = op.calls;

	(void)state;
	start_vfs(1, 4);
	assert_int_equal(sriov(0, 4), 0);
	fp_hold(FP_CLOSE);
	vn_controller_sriov(t.ctrl, pf(0), 0, op_done, NULL);
	UNTIL(fp_inside(FP_CLOSE));
	SETTLE();
	assert_null(vn_controller_find(t.ctrl, 0, 0));
	assert_non_null(vn_controller_find(t.ctrl, 0, 3));
	assert_non_null(vn_controller_find_vuid(t.ctrl, SERIAL "VNETS0D0F2VF4"));
	assert_int_equal(sriov(0, 4), -EBUSY);
	fp_release(FP_CLOSE);
	UNTIL(vn_controller_find(t.ctrl, 0, 3) == NULL);
	assert_int_equal(op.calls, calls + 3);
	assert_int_equal(op.result, 0);
	assert_int_equal(sriov(0, 4), 0);
}

static void
test_client(void **state)
{
	unsigned int calls;

	(void)state;
	start_vfs(1, 4);
	assert_int_equal(by_client(0, 0), 0);
	assert_int_equal(by_client(0, 3), 0);
	assert_true(pf(0)->ctrl->vfs_by_client);
	assert_int_equal(by_client(0, 2), -EBUSY);
	assert_int_equal(by_client(0, 0), 0);
	assert_false(pf(0)->ctrl->vfs_by_client);
	/* The operator's are not the client's to remove; the other way round, the operator may. */
	assert_int_equal(sriov(0, 2), 0);
	assert_int_equal(by_client(0, 0), -EPERM);
	assert_int_equal(pf(0)->ctrl->num_vfs, 2);
	assert_int_equal(sriov(0, 0), 0);
	assert_int_equal(by_client(0, 3), 0);
	assert_int_equal(sriov(0, 0), 0);
	/* A reset while they are being made. */
	fp_hold(FP_OPEN);
	calls = op.calls;
	vn_controller_sriov_by_client(t.ctrl, pf(0), 4, op_done, NULL);
	UNTIL(fp_inside(FP_OPEN));
	vn_controller_sriov_by_client(t.ctrl, pf(0), 0, op_done, NULL);
	SETTLE();
	assert_int_equal(op.calls, calls);
	fp_release(FP_OPEN);
	UNTIL(progressed(calls + 2));
	assert_int_equal(op.result, 0);
	assert_int_equal(t.ctrl->num_devices, 1);
	assert_int_equal(fp_open_ports(), 1);
}

/* The end of all, at any time. */
static void
test_stop(void **state)
{
	unsigned int done = 0, calls = op.calls;

	(void)state;
	/* Ports are being made; a client waits for the end, too. */
	start_vfs(2, 4);
	assert_int_equal(sriov(1, 4), 0);
	fp_hold(FP_OPEN);
	vn_controller_sriov_by_client(t.ctrl, pf(0), 4, op_done, NULL);
	UNTIL(fp_inside(FP_OPEN));
	vn_controller_sriov_by_client(t.ctrl, pf(0), 0, op_done, NULL);
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	assert_int_equal(op.calls, calls + 3);
	assert_int_equal(op.result, -ECANCELED);
	fp_release(FP_OPEN);
	UNTIL(done == 1);
	stop_all(VN_PORT_KEEP);
	/* Not one has been made. */
	start_vfs(1, 4);
	vn_controller_sriov(t.ctrl, pf(0), 4, op_done, NULL);
	stop_all(VN_PORT_KEEP);
	assert_int_equal(op.result, -ECANCELED);
	/* They are about to go: not one has been taken down. */
	start_vfs(1, 4);
	assert_int_equal(sriov(0, 4), 0);
	calls = op.calls;
	vn_controller_sriov(t.ctrl, pf(0), 0, op_done, NULL);
	done = 0;
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	UNTIL(done == 1);
	assert_int_equal(op.calls, calls + 1);
	assert_int_equal(op.result, 0);
	stop_all(VN_PORT_KEEP);
	/* On their way out: all but the last one, or that one. */
	for (unsigned int one = 0; one < 2; one++) {
		calls = op.calls;
		start_vfs(1, 4);
		assert_int_equal(sriov(0, one ? 1 : 4), 0);
		ft.hold = true;
		vn_controller_sriov(t.ctrl, pf(0), 0, op_done, NULL);
		UNTIL(ft.n_held == (one ? 1 : 3));
		done = 0;
		vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
		SETTLE();
		assert_int_equal(done, 0);
		ft.hold = false;
		/* The PF before its VFs. */
		while (ft.n_held > 0) {
			struct vn_endpoint *ep = ft.held[--ft.n_held];

			vn_device_reset(ep->dev, ft_reset_done, ep);
		}
		UNTIL(done == 1);
		assert_int_equal(op.calls, calls + 2);
		assert_int_equal(op.result, 0);
		assert_null(op.dev);
		stop_all(VN_PORT_KEEP);
	}
}

static void
test_restore(void **state)
{
	(void)state;
	t.capacity.current[VN_CAP_NUM_VF] = 4;
	start(2);
	assert_int_equal(restore(pf(1), 3, true), 0);
	assert_int_equal(t.ctrl->num_devices, 5);
	assert_int_equal(pf(1)->ctrl->num_vfs, 3);
	assert_true(pf(1)->ctrl->vfs_by_client);
	UNTIL(vn_controller_settled(t.ctrl));
	assert_int_equal(restore(pf(0), 5, false), -ERANGE);
	assert_int_equal(by_client(1, 0), 0);
	assert_int_equal(t.ctrl->num_devices, 2);
	/* The first one has no endpoint, and is there. */
	ft.fail_at = ft.plugged + 1;
	assert_int_equal(restore(pf(0), 2, false), -EADDRINUSE);
	assert_int_equal(t.ctrl->num_devices, 3);
	assert_int_equal(pf(0)->ctrl->num_vfs, 1);
}

/* As many as there can be: sets of all PFs at once. */
static void
test_many(void **state)
{
	const unsigned int pfs = 4, vfs = 252, calls = op.calls;

	(void)state;
	t.capacity.current[VN_CAP_NUM_VF_MSIX] = 4;
	start_vfs(pfs, vfs);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < pfs; i++)
			vn_controller_sriov(t.ctrl, pf((int)i), vfs, op_done, NULL);
		UNTIL(progressed(calls + (2 * round + 1) * pfs));
		assert_int_equal(op.result, 0);
		assert_int_equal(t.ctrl->num_devices, pfs * (1 + vfs));
		for (unsigned int i = 0; i < t.ctrl->num_devices; i++) {
			struct vn_device *dev = t.ctrl->device[i];
			const int vf = dev->conf.type == VN_VF ? dev->conf.vf_id : -1;

			assert_ptr_equal(vn_controller_find(t.ctrl, dev->conf.pf_id, vf), dev);
			assert_ptr_equal(vn_controller_find_vuid(t.ctrl, dev->conf.vuid), dev);
			assert_int_equal(i, dev->conf.pf_id * (vfs + 1) + (unsigned int)(vf + 1));
		}
		for (unsigned int i = 0; i < pfs; i++)
			vn_controller_sriov(t.ctrl, pf((int)i), 0, op_done, NULL);
		UNTIL(progressed(calls + (2 * round + 2) * pfs));
		assert_int_equal(op.result, 0);
		assert_int_equal(t.ctrl->num_devices, pfs);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity),
		TEST(test_size),
		TEST(test_mac_base),
		TEST(test_switch_rules),
		TEST(test_refused),
		TEST(test_failure),
		TEST(test_last),
		TEST(test_client),
		TEST(test_stop),
		TEST(test_restore),
		TEST(test_many),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
