/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Waiting until all devices are there. */

#include <errno.h>
#include <string.h>

#include "controller_test_env.h"

struct answer {
	unsigned int calls;
	int result;
	char text[200];
};

static void
answered(void *ctx, int result, const char *text, struct vn_device *dev)
{
	struct answer *a = ctx;

	assert_null(dev);
	a->calls++;
	a->result = result;
	snprintf(a->text, sizeof(a->text), "%s", text);
}

static void
test_at_once(void **state)
{
	struct answer a = {0};

	(void)state;
	start(2);
	UNTIL(vn_controller_settled(t.ctrl));
	assert_int_equal(vn_controller_starting(t.ctrl), 0);
	vn_controller_wait(t.ctrl, 0, answered, &a);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.result, 0);
}

static void
test_later(void **state)
{
	struct answer a = {0}, b = {0}, late = {0};

	(void)state;
	fp_hold(FP_OPEN);
	start(3);
	assert_int_equal(vn_controller_starting(t.ctrl), 3);
	vn_controller_wait(t.ctrl, VN_SEC(60), answered, &a);
	vn_controller_wait(t.ctrl, VN_SEC(60), answered, &b);
	vn_controller_wait(t.ctrl, VN_MS(1), answered, &late);
	UNTIL(late.calls == 1);
	assert_int_equal(late.result, -ETIMEDOUT);
	assert_non_null(strstr(late.text, "3 devices are still coming up"));
	vn_controller_progress(t.ctrl);
	assert_int_equal(a.calls + b.calls, 0);
	/* A port that cannot be made is no reason to wait. */
	fp_fail(FP_OPEN, -EIO);
	fp_release(FP_OPEN);
	UNTIL((vn_controller_progress(t.ctrl), a.calls + b.calls == 2));
	assert_int_equal(a.result, 0);
	assert_int_equal(b.result, 0);
	assert_int_equal(vn_controller_starting(t.ctrl), 0);
	assert_int_equal(late.calls, 1);
}

/* The controller ends: nobody waits for ever, and no timer is left. */
static void
test_cancelled(void **state)
{
	struct answer a = {0};

	(void)state;
	fp_hold(FP_OPEN);
	start(1);
	vn_controller_wait(t.ctrl, VN_SEC(60), answered, &a);
	fp_release(FP_OPEN);
	stop_all(VN_PORT_KEEP);
	assert_int_equal(a.calls, 1);
	assert_true(a.result == -ECANCELED || a.result == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_at_once),
		TEST(test_later),
		TEST(test_cancelled),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
