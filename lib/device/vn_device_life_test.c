/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Resets and ends of a device, in every state. */

#include "device_test_env.h"

/* All that a driver's life leaves is gone; what is the operator's stays. */
static void
test_reset(void **state)
{
	(void)state;
	de_begin();
	vn_device_set_attached(de.dev, true);
	vn_device_set_status(de.dev, VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_DRIVER_OK);
	assert_int_equal(de.dev->status, VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_DRIVER_OK);
	vn_device_set_count_sizes(de.dev, true);
	de_start(0);
	de_start(1);
	de_check_pair(0, 1);
	de_reset();
	assert_int_equal(de.dev->status, 0);
	assert_int_equal(de.dev->driver_features, 0);
	assert_true(de.dev->count_sizes);
	assert_true(de.dev->host_attached);
	assert_int_equal(de.dev->vq[1].stats.packets, 1);
	assert_int_equal(de_try_start(0, 0), -EFAULT);
	UNTIL(fp_open_queues() == 0);
	guest_drop_mem(&de.guest);
	UNTIL(vn_gm_registry_files(de.gm) == 0);
	/* Of nothing. */
	de_reset();
}

/* A reset finds the rings in every state at once; several of them, one end. */
static void
test_reset_any_state(void **state)
{
	const unsigned int n = env_rounds("resets", 30, 1000);
	struct result r[5], stop;

	(void)state;
	de_begin();
	for (unsigned int i = 0; i < n; i++) {
		memset(r, 0, sizeof(r));
		memset(&stop, 0, sizeof(stop));
		assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
		de_set_mem(de.guest.mem);
		de_start(0);
		de_start(1);
		de_start(2);
		/* Attach on its way; port queue opens; stopping. */
		assert_int_equal(de_try_start(3, 0), 0);
		if (i % 2 == 0)
			fp_hold(FP_QUEUE_OPEN);
		assert_int_equal(de_try_start(4, 0), 0);
		vn_device_vq_stop(de.dev, 1, result_cb, &stop);
		for (unsigned int j = 0; j < 5; j++)
			vn_device_reset(de.dev, result_cb, &r[j]);
		/* One too many; and no ring is started in a reset. */
		assert_int_equal(r[4].calls, 1);
		assert_int_equal(r[4].value, -EBUSY);
		assert_int_equal(de_try_start(5, 0), -EBUSY);
		UNTIL(r[0].calls && r[1].calls && r[2].calls && r[3].calls);
		for (unsigned int j = 0; j < 4; j++) {
			assert_int_equal(r[j].calls, 1);
			assert_int_equal(r[j].value, 0);
		}
		assert_int_equal(stop.calls, 1);
		assert_int_equal(de.dev->enabled_queues, 0);
		fp_release(FP_QUEUE_OPEN);
	}
}

static void
reset_again(void *ctx, int value)
{
	assert_int_equal(value, 0);
	vn_device_reset(de.dev, result_cb, ctx);
}

static void
test_reset_from_callback(void **state)
{
	struct result r = {0};

	(void)state;
	de_begin();
	de_start(0);
	vn_device_reset(de.dev, reset_again, &r);
	UNTIL(r.calls == 1);
}

static void
test_fate(void **state)
{
	static const struct {
		enum vn_port_fate fate;
		bool adopted, destroyed;
	} cases[] = {
		{VN_PORT_KEEP, false, false},
		{VN_PORT_KEEP, true, false},
		{VN_PORT_REMOVE, false, true},
		{VN_PORT_REMOVE, true, true},
		{VN_PORT_UNDO, false, true},
		{VN_PORT_UNDO, true, false},
	};
	unsigned int closed = 0, destroyed = 0;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		fp.adopted = cases[i].adopted;
		de_begin();
		de_start(0);
		de_start(1);
		de_destroy(cases[i].fate);
		if (cases[i].destroyed)
			destroyed++;
		else
			closed++;
		assert_int_equal(fp_calls(FP_CLOSE), closed);
		assert_int_equal(fp_calls(FP_DESTROY), destroyed);
		assert_int_equal(fp_open_queues(), 0);
	}
}

/* An end while something stands in @p call, which a ring's start got there. */
static void
destroy_while(enum fp_call call, bool start)
{
	struct result r = {0};

	fp_hold(call);
	de_create();
	de_set_mem(de.guest.mem);
	if (call == FP_OPEN)
		UNTIL(fp_inside(call));
	else if (call != FP_GET_INFO)
		UNTIL(de_port_settled());
	if (start) {
		assert_int_equal(de_try_start(0, 0), 0);
		assert_int_equal(de_try_start(1, 0), 0);
	}
	if (call == FP_SET_FEATURES)
		assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	if (call == FP_QUEUE_CLOSE) {
		UNTIL(de.dev->vq[0].state == VN_VQ_RUNNING && de.dev->vq[1].state == VN_VQ_RUNNING);
		de_stop(0);
		de_stop(1);
	}
	if (call != FP_CLOSE)
		UNTIL(fp_inside(call));
	vn_device_destroy(de.dev, VN_PORT_KEEP, result_cb, &r);
	UNTIL(fp_inside(call));
	SETTLE();
	assert_int_equal(r.calls, 0);
	fp_release(call);
	UNTIL(r.calls == 1);
	de.dev = NULL;
	assert_int_equal(fp_open_ports(), 0);
	assert_int_equal(fp_open_queues(), 0);
	assert_int_equal(pe_count_fds(), de.fds);
}

static void
test_destroy_any_state(void **state)
{
	(void)state;
	destroy_while(FP_OPEN, false);
	destroy_while(FP_OPEN, true);
	destroy_while(FP_GET_INFO, true);
	destroy_while(FP_QUEUE_OPEN, true);
	destroy_while(FP_QUEUE_CLOSE, true);
	destroy_while(FP_SET_FEATURES, true);
	destroy_while(FP_CLOSE, true);
	/* It never opens. */
	fp_fail(FP_OPEN, -EIO);
	de_create();
	de_destroy(VN_PORT_REMOVE);
	de_create();
	UNTIL(de_port_settled());
	de_destroy(VN_PORT_KEEP);
	de_create();
	de_set_mem(de.guest.mem);
	assert_int_equal(de_try_start(0, 0), 0);
	de_destroy(VN_PORT_KEEP);
}

/* With resets waiting, more than there is room for, and without a port or a map. */
static void
test_destroy_in_reset(void **state)
{
	struct result r[4], end;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		memset(r, 0, sizeof(r));
		memset(&end, 0, sizeof(end));
		fp_fail(FP_OPEN, i / 2 ? -EIO : 0);
		de_create();
		UNTIL(de_port_settled());
		de_set_mem(de.guest.mem);
		de_start(0);
		if (i % 2)
			de_set_mem(NULL);
		for (unsigned int j = 0; j < 4; j++)
			vn_device_reset(de.dev, result_cb, &r[j]);
		vn_device_destroy(de.dev, VN_PORT_KEEP, result_cb, &end);
		UNTIL(end.calls == 1);
		for (unsigned int j = 0; j < 4; j++)
			assert_int_equal(r[j].calls, 1);
		de.dev = NULL;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DE_TEST(test_reset),
		DE_TEST(test_reset_any_state),
		DE_TEST(test_reset_from_callback),
		DE_TEST(test_fate),
		DE_TEST(test_destroy_any_state),
		DE_TEST(test_destroy_in_reset),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
