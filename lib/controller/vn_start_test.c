/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* A start with devices of before: what is there meanwhile, in which order, and what ends it. */

#include <dirent.h>
#include <unistd.h>

#include "sriov_test_env.h"

#include "vn_errors.h"

#define PFS    2
#define VFS_0  3
#define VFS_1  2
#define TO_ADD (VFS_0 + VFS_1 + 1) /* and a hotplug PF */
#define ALL    (PFS + TO_ADD)
/* More than a slice: so each makes one device. */
#define LONG_NS (CTRL_SLICE_NS + VN_MS(1))

static struct vn_hotplug hp = {
	.ib_dev = "mlx5_0",
	.mac = "0C:C4:7A:FF:22:93",
	.mtu = 1500,
	.max_queue_pairs = 1,
	.max_queue_size = 256,
};

/* Who they were. */
static struct {
	char dir[64];
	struct vn_device_conf conf[ALL];
} was;

static unsigned int
files(void)
{
	DIR *d = opendir(was.dir);
	struct dirent *e;
	unsigned int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
begin_again(void)
{
	make();
	assert_int_equal(begin_start(), 0);
}

/* Devices of all kinds, and the end of their controller. */
static void
before(void)
{
	const unsigned int calls = op.calls + 1;

	snprintf(was.dir, sizeof(was.dir), "/tmp/vn_start_test.XXXXXX");
	assert_non_null(mkdtemp(was.dir));
	t.conf.recovery = true;
	t.conf.vhost_user = false;
	t.env.recovery_dir = was.dir;
	start_vfs(PFS, 4);
	assert_int_equal(t.started, 1);
	assert_int_equal(sriov(0, VFS_0), 0);
	assert_int_equal(sriov(1, VFS_1), 0);
	vn_controller_hotplug(t.ctrl, &hp, op_done, NULL);
	UNTIL(progressed(calls + 2));
	assert_int_equal(op.result, 0);
	assert_int_equal(t.ctrl->num_devices, ALL);
	for (unsigned int i = 0; i < ALL; i++)
		was.conf[i] = t.ctrl->device[i]->conf;
	stop_all(VN_PORT_KEEP);
	assert_int_equal(files(), ALL);
}

/* All are there again, as they were. */
static void
check_all(void)
{
	assert_int_equal(vn_controller_unmade(t.ctrl), 0);
	assert_int_equal(t.ctrl->num_devices, ALL);
	for (unsigned int i = 0; i < ALL; i++) {
		const struct vn_device_conf *c = &t.ctrl->device[i]->conf;

		assert_string_equal(c->vuid, was.conf[i].vuid);
		assert_int_equal(c->type, was.conf[i].type);
		assert_int_equal(c->pf_id, was.conf[i].pf_id);
		assert_int_equal(c->sf_num, was.conf[i].sf_num);
		assert_int_equal(c->bdf, was.conf[i].bdf);
		assert_memory_equal(c->mac, was.conf[i].mac, VN_MAC_LEN);
	}
	assert_int_equal(pf(0)->ctrl->num_vfs, VFS_0);
	assert_int_equal(pf(1)->ctrl->num_vfs, VFS_1);
}

static void
after(void)
{
	char note[96];

	if (t.ctrl != NULL)
		stop_all(VN_PORT_KEEP);
	vn_recovery_clear(was.dir);
	snprintf(note, sizeof(note), "%s/.capacity", was.dir);
	unlink(note);
	assert_int_equal(rmdir(was.dir), 0);
}

static void
refused(void)
{
	assert_int_equal(op.result, -EBUSY);
	assert_non_null(strstr(op.text, "still to be made: try again when that has ended"));
	op.result = 0;
}

/* What changes devices has to wait, and changes nothing. */
static void
check_refused(void)
{
	const struct vn_modify modify = {
		.has = 1u << VN_MODIFY_MTU,
		.value = {[VN_MODIFY_MTU] = 1400},
	};

	vn_controller_sriov(t.ctrl, pf(0), 0, op_done, NULL);
	refused();
	vn_controller_sriov(t.ctrl, pf(0), pf(0)->ctrl->num_vfs, op_done, NULL);
	refused();
	vn_controller_hotplug(t.ctrl, &hp, op_done, NULL);
	refused();
	vn_controller_modify(t.ctrl, pf(0), &modify, op_done, NULL);
	refused();
	vn_controller_attach(t.ctrl, pf(0), "none", NULL, op_done, NULL);
	refused();
	vn_controller_detach(t.ctrl, pf(0), op_done, NULL);
	refused();
	vn_controller_restart(t.ctrl, op_done, NULL);
	assert_int_equal(op.result, -EBUSY);
}

/* In this order, one after the other, and what is shown fits together at any time. */
static void
test_order(void **state)
{
	unsigned int n = PFS, waits = 0;

	(void)state;
	before();
	ft.plug_ns = LONG_NS;
	begin_again();
	assert_int_equal(t.started, 1);
	vn_controller_wait(t.ctrl, VN_SEC(60), op_done, NULL);
	waits = op.calls + 1;
	while (n < ALL) {
		const struct vn_device *vf;

		if (t.ctrl->num_devices == n) {
			assert_int_equal(vn_loop_run_once(pe.loop, 100), 0);
			continue;
		}
		assert_int_equal(t.ctrl->num_devices, ++n);
		assert_int_equal(vn_controller_unmade(t.ctrl), ALL - n);
		assert_true(vn_controller_starting(t.ctrl) >= ALL - n);
		assert_int_equal(t.started, n < ALL ? 1 : 2);
		assert_int_equal(pf(0)->ctrl->num_vfs, RTE_MIN(n - PFS, (unsigned int)VFS_0));
		vf = vn_controller_find(t.ctrl, 1, 0);
		assert_true((vf != NULL) == (n > PFS + VFS_0));
		assert_true((vn_controller_find(t.ctrl, PFS, -1) != NULL) == (n == ALL));
		/* Its client cannot know that VFs are coming. */
		if (n == PFS + 1) {
			waits -= op.calls;
			check_refused();
			waits += op.calls;
			pf(0)->env.want_vfs(pf(0)->env.ctx, pf(0), 0);
		}
		assert_int_equal(files(), ALL);
	}
	assert_int_equal(t.start_result, 0);
	assert_int_equal(t.started, 2);
	check_all();
	/* The PF's driver is shown the operator's VFs. */
	assert_true(ft.shown > 0);
	UNTIL(progressed(waits));
	assert_int_equal(op.result, 0);
	assert_true(vn_controller_settled(t.ctrl));
	assert_int_equal(sriov(0, 0), 0);
	after();
}

/* The end comes before all are made: nothing is left, nothing is lost. */
static void
test_stopped(void **state)
{
	unsigned int timers;

	(void)state;
	before();
	timers = vn_loop_timers_armed(pe.loop);
	ft.plug_ns = LONG_NS;
	for (unsigned int made = PFS; made < ALL; made++) {
		begin_again();
		UNTIL(t.ctrl->num_devices == made);
		stop_all(VN_PORT_KEEP);
		assert_int_equal(vn_loop_timers_armed(pe.loop), timers);
		assert_int_equal(t.started, 1);
		assert_int_equal(files(), ALL);
	}
	ft.plug_ns = 0;
	begin_again();
	UNTIL(t.started == 2);
	check_all();
	after();
}

/* One cannot be made. */
static void
test_failed(void **state)
{
	(void)state;
	before();
	ft.fail_at = PFS + VFS_0 + 1;
	begin_again();
	UNTIL(t.started == 2);
	assert_int_equal(t.start_result, -EADDRINUSE);
	assert_string_equal(t.err, "the test refuses " SERIAL "VNETS0D0F3VF1");
	assert_int_equal(vn_controller_unmade(t.ctrl), 0);
	stop_all(VN_PORT_UNDO);
	assert_int_equal(files(), ALL);
	ft.fail_at = 0;
	begin_again();
	UNTIL(t.started == 3);
	assert_int_equal(t.start_result, 0);
	check_all();
	after();
}

/* What is wrong with the configuration is found with the first VF: nothing is forgotten for it. */
static void
test_misconfigured(void **state)
{
	const char *port = t.conf.vf.port;

	(void)state;
	before();
	t.conf.vf.lcore = 1000;
	begin_again();
	UNTIL(t.started == 2);
	assert_int_equal(t.start_result, -ENODEV);
	assert_string_equal(t.err, "\"lcore\": 1000 of virtnet.conf is no worker lcore (-l)");
	stop_all(VN_PORT_UNDO);
	assert_int_equal(files(), ALL);
	t.conf.vf.lcore = VN_CONF_NO_LCORE;
	t.conf.vf.port = "nothing";
	begin_again();
	UNTIL(t.started == 3);
	assert_int_equal(t.start_result, -EOPNOTSUPP);
	stop_all(VN_PORT_UNDO);
	assert_int_equal(files(), ALL);
	t.conf.vf.port = port;
	begin_again();
	UNTIL(t.started == 4);
	assert_int_equal(t.start_result, 0);
	check_all();
	after();
}

/* A set that is not possible: the others come all the same. */
static void
test_impossible(void **state)
{
	unsigned int calls;

	(void)state;
	before();
	begin_again();
	UNTIL(t.started == 2);
	pf(0)->ctrl->num_vfs = 5; /* of 4 */
	calls = op.calls + 1;
	vn_controller_hotplug(t.ctrl, &hp, op_done, NULL);
	UNTIL(progressed(calls));
	stop_all(VN_PORT_KEEP);
	begin_again();
	UNTIL(t.started == 3);
	assert_int_equal(t.start_result, 0);
	assert_int_equal(vn_controller_unmade(t.ctrl), 0);
	assert_int_equal(pf(0)->ctrl->num_vfs, 0);
	assert_int_equal(pf(1)->ctrl->num_vfs, VFS_1);
	assert_int_equal(t.ctrl->num_devices, PFS + VFS_1 + 2);
	after();
}

/* VFs that a client asks for during the start come behind it, and behind the SF pool. */
static void
test_client_and_pool(void **state)
{
	(void)state;
	before();
	begin_again();
	UNTIL(t.started == 2);
	assert_int_equal(sriov(1, 0), 0);
	stop_all(VN_PORT_KEEP);
	t.conf.sf_pool_percent = 100;
	fp_hold(FP_PREPARE);
	begin_again();
	assert_true(vn_controller_unmade(t.ctrl) > 0);
	pf(1)->env.want_vfs(pf(1)->env.ctx, pf(1), 2);
	UNTIL(t.started == 3);
	assert_int_equal(t.start_result, 0);
	UNTIL(fp_inside(FP_PREPARE));
	UNTIL(vn_controller_settled(t.ctrl));
	assert_true(ctrl_pool_filling(t.ctrl));
	assert_int_equal(pf(1)->ctrl->num_vfs, 0);
	/* It has changed its mind meanwhile. */
	pf(1)->env.want_vfs(pf(1)->env.ctx, pf(1), 3);
	fp_release(FP_PREPARE);
	UNTIL(!ctrl_pool_filling(t.ctrl));
	UNTIL((vn_controller_progress(t.ctrl), TAILQ_EMPTY(&t.ctrl->priv->ops)));
	assert_int_equal(pf(1)->ctrl->num_vfs, 3);
	assert_true(pf(1)->ctrl->vfs_by_client);
	assert_true(ft.vfs == 3 && ft.vfs_by_client);
	assert_false(pf(1)->ctrl->vfs_pending);
	after();
}

static bool
vf_transitional(unsigned int vf_id)
{
	const struct vn_device *vf = vn_controller_find(t.ctrl, 0, (int)vf_id);

	assert_int_equal(vf->ctrl->transitional, vf->endpoint->conf.transitional);
	return vf->ctrl->transitional;
}

static void
again(unsigned int started)
{
	stop_all(VN_PORT_KEEP);
	begin_again();
	UNTIL(t.started == started);
	assert_int_equal(t.start_result, 0);
}

/* A guest keeps the kind of VF that it has; over another transport there is no such guest. */
static void
test_transitional(void **state)
{
	const struct vn_modify modify = {
		.has = 1u << VN_MODIFY_MTU,
		.value = {[VN_MODIFY_MTU] = 1400},
	};
	unsigned int calls;

	(void)state;
	t.capacity.current[VN_CAP_VF_PCI_LAYOUT] = 1;
	before();
	begin_again();
	UNTIL(t.started == 2);
	assert_true(vf_transitional(0) && vf_transitional(1));
	assert_false(pf(0)->endpoint->conf.transitional);
	/* As a program that did not know the setting would have saved it. */
	vn_controller_find(t.ctrl, 0, 0)->ctrl->transitional = false;
	calls = op.calls + 1;
	vn_controller_modify(t.ctrl, vn_controller_find(t.ctrl, 0, 0), &modify, op_done, NULL);
	UNTIL(progressed(calls));
	assert_int_equal(op.result, 0);
	again(3);
	assert_false(vf_transitional(0));
	assert_true(vf_transitional(1));
	t.conf.vhost_user = true;
	again(4);
	assert_false(vf_transitional(0) || vf_transitional(1) || pf(0)->conf.vf_transitional);
	t.conf.vhost_user = false;
	again(5);
	assert_true(vf_transitional(0) && vf_transitional(1) && pf(0)->conf.vf_transitional);
	after();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_stopped),
		TEST(test_failed),
		TEST(test_misconfigured),
		TEST(test_impossible),
		TEST(test_client_and_pool),
		TEST(test_transitional),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
