/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Placement: loads are made up, time is that of the test; what moves is real. */

#define PE_POLLERS 2

#include "controller_test_env.h"

#include "ctrl_private.h"
#include "device_private.h"
#include "vn_poller.h"

#define TICKS 5

/* Devices of whom pollers work all the time, until the next dry run. */
static void
dry_run(const char *busy)
{
	for (unsigned int i = 0; busy[i] != '\0'; i++) {
		if (busy[i] == 'y')
			t.ctrl->device[i]->priv->pair[0].qp.load += UINT64_C(1) << 50;
	}
	for (unsigned int i = 0; i < TICKS; i++)
		ctrl_place_tick(t.ctrl);
}

static void
begin(void)
{
	t.capacity.current[VN_CAP_NUM_MSIX] = 4;
	start(3);
	for (unsigned int i = 0; i < 3; i++)
		UNTIL(t.ctrl->device[i]->port_info.ready);
	/* Its ticks are ours. */
	ctrl_health_stop(t.ctrl);
	t.ctrl->priv->place.ticks = 0;
	t.ctrl->priv->place.since = 0;
	/* Loads are measured from here on. */
	dry_run("nnn");
}

static struct vn_controller_placement
seen(void)
{
	struct vn_controller_placement p;

	vn_controller_placement(t.ctrl, &p);
	return p;
}

static void
check_on(const char *pollers)
{
	for (unsigned int i = 0; pollers[i] != '\0'; i++)
		assert_int_equal(
			vn_poller_index(vn_device_poller(t.ctrl->device[i])), pollers[i] - '0');
}

static void
test_moves(void **state)
{
	(void)state;
	begin();
	check_on("010");
	/* Once may be chance. */
	dry_run("yny");
	assert_true(seen().last.worth);
	assert_int_equal(seen().last.moves, 1);
	assert_int_equal(seen().last.load[0], 2 * VN_PLACE_FULL);
	SETTLE();
	check_on("010");
	dry_run("nnn");
	assert_false(seen().last.worth);
	dry_run("yny");
	SETTLE();
	check_on("010");
	dry_run("yny");
	UNTIL(seen().moves == 1);
	check_on("011");
	assert_int_equal(vn_poller_devices(vn_pollers_get(pe.pollers, 1)), 2);
	assert_int_equal(t.ctrl->device[2]->moves, 1);

	/* As it should be: that is the end of it. */
	for (unsigned int i = 0; i < 4; i++)
		dry_run("yny");
	SETTLE();
	assert_int_equal(seen().moves, 1);
	/* Others are busy now. */
	dry_run("nyy");
	dry_run("nyy");
	UNTIL(seen().moves == 2);
	assert_int_equal(seen().last.after[0], VN_PLACE_FULL);
	assert_int_equal(seen().last.after[1], VN_PLACE_FULL);
}

static void
test_fixed(void **state)
{
	(void)state;
	t.conf.placement_fixed = true;
	begin();
	for (unsigned int i = 0; i < 4; i++)
		dry_run("yny");
	assert_true(seen().fixed && seen().last.worth);
	assert_int_equal(seen().last.moves, 1);
	SETTLE();
	check_on("010");
	assert_int_equal(seen().moves, 0);
}

/* Where virtnet.conf wants them. */
static void
test_pinned(void **state)
{
	(void)state;
	t.conf.static_pf.lcore = 2;
	begin();
	check_on("111");
	for (unsigned int i = 0; i < 4; i++)
		dry_run("yyy");
	SETTLE();
	check_on("111");
	assert_int_equal(seen().last.moves, 0);
	stop_all(VN_PORT_KEEP);
	t.conf.static_pf.lcore = 3;
	make();
	assert_int_equal(begin_start(), -ENODEV);
	assert_string_equal(t.err, "\"lcore\": 3 of virtnet.conf is no worker lcore (-l)");
}

/* Its device ends while it moves. */
static void
test_end(void **state)
{
	(void)state;
	begin();
	dry_run("yny");
	dry_run("yny");
	stop_all(VN_PORT_KEEP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_moves),
		TEST(test_fixed),
		TEST(test_pinned),
		TEST(test_end),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
