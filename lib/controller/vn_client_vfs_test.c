/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* VFs that a PF's client wants by the SR-IOV capability, and what it is shown of them. */

#include "controller_test_env.h"

#include "ctrl_private.h"

static struct {
	unsigned int calls;
	int result;
} op;

static void
op_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)ctx;
	(void)text;
	(void)dev;
	op.calls++;
	op.result = result;
}

static struct vn_device *
pf(void)
{
	return vn_controller_find(t.ctrl, 0, -1);
}

static void
want(uint16_t n)
{
	const struct vn_device_env *env = &pf()->env;

	env->want_vfs(env->ctx, pf(), n);
}

/* Nothing is to be done any more. */
static bool
quiet(void)
{
	vn_controller_progress(t.ctrl);
	return TAILQ_EMPTY(&t.ctrl->priv->ops);
}

static void
start_pf(void)
{
	memset(&op, 0, sizeof(op));
	t.conf.vhost_user = false;
	t.capacity.current[VN_CAP_NUM_VF] = 4;
	t.capacity.current[VN_CAP_NUM_VF_MSIX] = 6;
	start(1);
	UNTIL(vn_controller_settled(t.ctrl));
}

static void
check_vfs(uint16_t n, bool by_client)
{
	assert_int_equal(pf()->ctrl->num_vfs, n);
	assert_int_equal(pf()->ctrl->vfs_by_client, by_client);
	assert_int_equal(t.ctrl->num_devices, 1 + n);
	assert_int_equal(ft.vfs, n);
	assert_int_equal(ft.vfs_by_client, by_client);
}

static void
operator(unsigned int n)
{
	vn_controller_sriov(t.ctrl, pf(), n, op_done, NULL);
	UNTIL(quiet());
	assert_int_equal(op.result, 0);
}

/* The PF's configuration and the VFs' are of one mind. */
static void
test_conf(void **state)
{
	const struct vn_device *vf;

	(void)state;
	start_pf();
	assert_int_equal(pf()->conf.total_vfs, 4);
	operator(4);
	for (int i = 0; i < 4; i++) {
		vf = vn_controller_find(t.ctrl, 0, i);
		assert_int_equal(vf->conf.bdf, pf()->conf.bdf + pf()->conf.vf_offset + i);
		assert_int_equal(vf->conf.num_msix, 6);
		assert_int_equal(vf->conf.max_msix, pf()->conf.vf_msix);
		assert_int_equal(vf->conf.total_vfs, 0);
	}
}

static void
test_conf_none(void **state)
{
	(void)state;
	t.capacity.current[VN_CAP_SRIOV_EN] = 0;
	start_pf();
	assert_int_equal(pf()->conf.total_vfs, 0);
}

static void
test_come_and_go(void **state)
{
	(void)state;
	start_pf();
	want(0);
	assert_int_equal(ft.vfs, 0);
	want(3);
	UNTIL(quiet());
	check_vfs(3, true);
	want(3);
	UNTIL(quiet());
	check_vfs(3, true);
	want(0);
	UNTIL(quiet());
	check_vfs(0, false);
	/* The client says all of this without a pause. */
	want(2);
	want(0);
	want(4);
	want(1);
	UNTIL(quiet());
	check_vfs(1, true);
	want(0);
	want(2);
	UNTIL(quiet());
	check_vfs(2, true);
	want(4);
	want(0);
	UNTIL(quiet());
	check_vfs(0, false);
	assert_false(pf()->ctrl->vfs_pending);
}

static void
test_fails(void **state)
{
	unsigned int shown;

	(void)state;
	start_pf();
	ft.fail_at = 3;
	want(4);
	UNTIL(quiet());
	check_vfs(0, false);
	assert_false(pf()->ctrl->vfs_pending);
	/* What cannot be at all: shown at once. */
	ft.fail_at = 0;
	shown = ft.shown;
	want(5);
	assert_int_equal(ft.shown, shown + 1);
	check_vfs(0, false);
	want(4);
	UNTIL(quiet());
	check_vfs(4, true);
	/* The next set cannot be made; the last one has gone by then. */
	ft.fail_at = 3;
	want(2);
	UNTIL(quiet());
	check_vfs(0, false);
}

static void
test_operator(void **state)
{
	(void)state;
	start_pf();
	operator(2);
	check_vfs(2, false);
	want(0);
	UNTIL(quiet());
	check_vfs(2, false);
	/* The capability refuses that; between two processes it can happen. */
	want(2);
	UNTIL(quiet());
	check_vfs(2, false);
	operator(0);
	check_vfs(0, false);
	/* The client's own are not made again when the operator removes them. */
	want(3);
	UNTIL(quiet());
	operator(0);
	check_vfs(0, false);
	/* The operator is faster. */
	vn_controller_sriov(t.ctrl, pf(), 1, op_done, NULL);
	want(4);
	UNTIL(quiet());
	check_vfs(1, false);
	/* And both want them to go. */
	vn_controller_sriov(t.ctrl, pf(), 0, op_done, NULL);
	want(0);
	UNTIL(quiet());
	check_vfs(0, false);
}

/* A client that resets while something else is being done with one of its VFs. */
static void
test_busy(void **state)
{
	struct ctrl_op *other;

	(void)state;
	start_pf();
	want(2);
	UNTIL(quiet());
	other = ctrl_op_new(t.ctrl, vn_controller_find(t.ctrl, 0, 1), op_done, NULL);
	other->step = CTRL_HOST;
	want(0);
	SETTLE();
	assert_int_equal(t.ctrl->num_devices, 3);
	ctrl_op_end(other, 0, "");
	UNTIL(quiet());
	check_vfs(0, false);
}

static void
test_restored(void **state)
{
	(void)state;
	start_pf();
	assert_int_equal(restore(pf(), 3, false), 0);
	UNTIL(vn_controller_settled(t.ctrl));
	check_vfs(3, false);
	operator(0);
	/* Those of a client that is no more go when the next one begins with a reset. */
	assert_int_equal(restore(pf(), 2, true), 0);
	UNTIL(vn_controller_settled(t.ctrl));
	check_vfs(2, true);
	want(0);
	UNTIL(quiet());
	check_vfs(0, false);
}

/* The end of all, whose resets say that nobody wants VFs any more. */
static void
test_stop(void **state)
{
	struct vn_device *dev;
	unsigned int done = 0;

	(void)state;
	start_pf();
	want(3);
	UNTIL(quiet());
	dev = pf();
	ft.hold = true;
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	dev->env.want_vfs(dev->env.ctx, dev, 0);
	dev->env.want_vfs(dev->env.ctx, dev, 2);
	ft.hold = false;
	release_unplugs();
	UNTIL(done == 1);
	assert_true(TAILQ_EMPTY(&t.ctrl->priv->ops));
}

/* The end while they are on their way out: the PF goes beside them. */
static void
test_stop_going(void **state)
{
	unsigned int done = 0;

	(void)state;
	start_pf();
	want(3);
	UNTIL(quiet());
	ft.hold = true;
	want(0);
	UNTIL(ft.n_held == 2);
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	SETTLE();
	assert_int_equal(ft.n_held, 3);
	assert_int_equal(done, 0);
	ft.hold = false;
	release_unplugs();
	UNTIL(done == 1);
	assert_int_equal(ft.plugged, 0);
	assert_true(TAILQ_EMPTY(&t.ctrl->priv->ops));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conf),
		TEST(test_conf_none),
		TEST(test_come_and_go),
		TEST(test_fails),
		TEST(test_operator),
		TEST(test_busy),
		TEST(test_restored),
		TEST(test_stop),
		TEST(test_stop_going),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
