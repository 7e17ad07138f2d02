/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Operations that the end of the controller cuts off, and what the next start makes of them. */

#include <dirent.h>
#include <unistd.h>

#include "sriov_test_env.h"

#include "vn_recovery.h"

#define PFS  2
#define VFS  4
#define PLUG PFS /* pf_id of the first hotplug PF */

static const struct vn_hotplug hp = {
	.ib_dev = "mlx5_0",
	.mac = "0C:C4:7A:FF:22:93",
	.mtu = 1500,
	.max_queue_pairs = 1,
	.max_queue_size = 256,
};

static char dir[64];

static unsigned int
files(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static bool
has_plugged(unsigned int n)
{
	return vn_controller_find(t.ctrl, (int)(PLUG + n), -1) != NULL;
}

static bool
being_saved(void)
{
	struct vn_operation now;

	vn_controller_progress(t.ctrl);
	return vn_controller_operations(t.ctrl, &now, 1) == 1 &&
	       strcmp(now.step, "recovery files are being written") == 0;
}

/* All VFs of the set are there, or none. @return how many. */
static unsigned int
whole_set(int id)
{
	const unsigned int n = pf(id)->ctrl->num_vfs;

	assert_true(n == 0 || n == VFS);
	for (int i = 0; i < VFS; i++)
		assert_true((vn_controller_find(t.ctrl, id, i) != NULL) == (n == VFS));
	return n;
}

enum kind { ENABLE, DISABLE, HOTPLUG, UNPLUG };

static void
begin(enum kind kind)
{
	if (kind == ENABLE)
		vn_controller_sriov(t.ctrl, pf(0), VFS, op_done, NULL);
	else if (kind == DISABLE)
		vn_controller_sriov(t.ctrl, pf(1), 0, op_done, NULL);
	else if (kind == HOTPLUG)
		vn_controller_hotplug(t.ctrl, &hp, op_done, NULL);
	else
		vn_controller_unplug(t.ctrl, vn_controller_find(t.ctrl, PLUG, -1), op_done, NULL);
}

/*
 * It was not answered with success, so it may come back or not, but nothing of it in part. @p
 * saving: it ends while its files are being written; else before.
 */
static void
cut_off(enum kind kind, bool saving)
{
	unsigned int calls = op.calls + 1, destroyed;
	char note[96];

	snprintf(dir, sizeof(dir), "/tmp/vn_cut_off_test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	t.conf.recovery = true;
	t.env.recovery_dir = dir;
	start_vfs(PFS, VFS);
	vn_controller_hotplug(t.ctrl, &hp, op_done, NULL);
	UNTIL(progressed(calls));
	assert_int_equal(op.result, 0);
	assert_int_equal(sriov(1, VFS), 0);
	calls = op.calls + 1;
	destroyed = fp_calls(FP_DESTROY);
	if (!saving)
		fp_hold(FP_OPEN);
	begin(kind);
	if (saving)
		UNTIL(being_saved());
	else
		UNTIL(fp_inside(FP_OPEN));
	assert_int_equal(op.calls, calls - 1);
	{
		unsigned int done = 0;

		vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
		fp_release(FP_OPEN);
		UNTIL(done == 1);
		vn_controller_destroy(t.ctrl);
	}
	assert_int_equal(op.calls, calls);
	assert_int_equal(op.result, -ECANCELED);
	assert_int_equal(fp_open_ports(), 0);
	destroyed = fp_calls(FP_DESTROY) - destroyed;

	/* It finds those of before. */
	start_vfs(PFS, VFS);
	assert_int_equal(t.ctrl->num_devices,
		PFS + whole_set(0) + whole_set(1) + has_plugged(0) + has_plugged(1));
	UNTIL(files() == t.ctrl->num_devices);
	/* What else there is has nothing to do with it. */
	assert_true(kind == DISABLE || pf(1)->ctrl->num_vfs == VFS);
	assert_true(kind == UNPLUG || has_plugged(0));
	assert_true(kind == ENABLE || pf(0)->ctrl->num_vfs == 0);
	assert_true(kind == HOTPLUG || !has_plugged(1));
	/* What does not come back leaves no port behind that nobody adopts. */
	if (kind == ENABLE && pf(0)->ctrl->num_vfs == 0)
		assert_int_equal(destroyed, VFS);
	if ((kind == HOTPLUG && !has_plugged(1)) || (kind == UNPLUG && !has_plugged(0)))
		assert_int_equal(destroyed, 1);
	/* And what has not been saved does not come back. */
	if (!saving)
		assert_true(pf(0)->ctrl->num_vfs == 0 && !has_plugged(1));
	stop_all(VN_PORT_KEEP);

	vn_recovery_clear(dir);
	snprintf(note, sizeof(note), "%s/.capacity", dir);
	unlink(note);
	assert_int_equal(rmdir(dir), 0);
}

static void
test_enable(void **state)
{
	(void)state;
	cut_off(ENABLE, false);
	cut_off(ENABLE, true);
}

static void
test_disable(void **state)
{
	(void)state;
	cut_off(DISABLE, true);
}

static void
test_hotplug(void **state)
{
	(void)state;
	cut_off(HOTPLUG, false);
	cut_off(HOTPLUG, true);
}

static void
test_unplug(void **state)
{
	(void)state;
	cut_off(UNPLUG, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_enable),
		TEST(test_disable),
		TEST(test_hotplug),
		TEST(test_unplug),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
