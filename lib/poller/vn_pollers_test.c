/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Commands to a poller: order, acknowledgement, deadline; stop; placement. */

#include "poller_test_env.h"

/* A command that notes when it ran, and one that stands until the test lets it go. */
struct note {
	struct vn_poller_cmd cmd;
	unsigned int exec_at, done_at, late_at;
	unsigned int lcore;
	int gate;     /* read end: exec() waits for a byte; -1: does not wait */
	bool in_exec; /* poller writes */
};

/* Late is told by time, so it has a clock of its own: a slow machine must not fail a test. */
static unsigned int exec_clock, done_clock, late_clock;

static void
note_exec(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct note *n = (struct note *)cmd;
	char byte;

	(void)poller;
	n->lcore = rte_lcore_id();
	n->exec_at = ++exec_clock;
	__atomic_store_n(&n->in_exec, true, __ATOMIC_RELEASE);
	while (n->gate >= 0 && read(n->gate, &byte, 1) < 0 && errno == EINTR)
		;
}

static void
note_done(struct vn_poller_cmd *cmd)
{
	((struct note *)cmd)->done_at = ++done_clock;
}

static void
note_late(struct vn_poller_cmd *cmd)
{
	((struct note *)cmd)->late_at = ++late_clock;
}

static struct note
note(int gate)
{
	return (struct note){
		.cmd = {.exec = note_exec, .done = note_done, .late = note_late},
		.gate = gate,
	};
}

static void
test_order(void **state)
{
	const unsigned int n = env_rounds("commands", 200, 20000);
	struct note *notes = calloc(n, sizeof(*notes));

	(void)state;
	assert_non_null(notes);
	exec_clock = done_clock = late_clock = 0;
	for (unsigned int i = 0; i < n; i++) {
		notes[i] = note(-1);
		vn_poller_call(pe.poller, &notes[i].cmd);
	}
	UNTIL(notes[n - 1].done_at != 0);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(notes[i].exec_at, i + 1);
		assert_int_equal(notes[i].done_at, i + 1);
		assert_int_equal(notes[i].lcore, 1);
	}
	assert_int_equal(pe.stats->commands, n);
	free(notes);
}

/* A poller that does not come back: late() once for each command, and done() all the same. */
static void
test_late(void **state)
{
	struct note stuck, behind, no_late;
	int gate[2];

	(void)state;
	exec_clock = done_clock = late_clock = 0;
	assert_int_equal(pipe(gate), 0);
	stuck = note(gate[0]);
	behind = note(-1);
	no_late = note(-1);
	no_late.cmd.late = NULL;
	vn_poller_call(pe.poller, &stuck.cmd);
	UNTIL(__atomic_load_n(&stuck.in_exec, __ATOMIC_ACQUIRE));
	vn_poller_call(pe.poller, &behind.cmd);
	vn_poller_call(pe.poller, &no_late.cmd);

	UNTIL(vn_poller_late(pe.poller) == 3);
	assert_int_equal(stuck.late_at + behind.late_at, 3);
	assert_int_equal(stuck.done_at + behind.done_at + no_late.done_at, 0);
	assert_int_equal(behind.exec_at, 0);

	assert_int_equal(write(gate[1], "x", 1), 1);
	UNTIL(no_late.done_at != 0);
	assert_int_equal(stuck.done_at, 1);
	assert_int_equal(behind.done_at, 2);
	assert_int_equal(late_clock, 2);
	assert_int_equal(vn_poller_late(pe.poller), 3);
	close(gate[0]);
	close(gate[1]);
}

/* When the control thread was away itself, the poller is given its time once more. */
static void
test_both_late(void **state)
{
	uint64_t begin = vn_now_ns();
	const uint64_t late = vn_poller_late(pe.poller);
	struct note stuck;
	int gate[2];

	(void)state;
	exec_clock = done_clock = late_clock = 0;
	assert_int_equal(pipe(gate), 0);
	stuck = note(gate[0]);
	vn_poller_call(pe.poller, &stuck.cmd);
	while (!__atomic_load_n(&stuck.in_exec, __ATOMIC_ACQUIRE) ||
		vn_now_ns() - begin < 2 * VN_POLLER_DEADLINE_NS)
		usleep(1000);
	vn_loop_run_once(pe.loop, 0);
	assert_int_equal(stuck.late_at, 0);
	assert_int_equal(vn_poller_late(pe.poller), late);
	/* It does not come back; that the control thread is away again does not help it. */
	begin = vn_now_ns();
	while (vn_now_ns() - begin < 2 * VN_POLLER_DEADLINE_NS)
		usleep(1000);
	vn_loop_run_once(pe.loop, 0);
	assert_int_equal(write(gate[1], "x", 1), 1);
	UNTIL(stuck.done_at != 0);
	assert_int_equal(stuck.late_at, 1);
	assert_int_equal(vn_poller_late(pe.poller), late + 1);
	close(gate[0]);
	close(gate[1]);
}

/* Commands of the moment of the stop are still executed and acknowledged. */
static void
test_stop(void **state)
{
	struct note before[4];

	(void)state;
	exec_clock = done_clock = late_clock = 0;
	UNTIL(pe_asleep());
	for (unsigned int i = 0; i < RTE_DIM(before); i++) {
		before[i] = note(-1);
		vn_poller_call(pe.poller, &before[i].cmd);
	}
	vn_pollers_stop(pe.pollers);
	assert_int_equal(rte_eal_wait_lcore(1), 0);
	for (unsigned int i = 0; i < RTE_DIM(before); i++)
		assert_int_equal(before[i].exec_at, i + 1);
	UNTIL(before[3].done_at != 0);
	assert_int_equal(before[3].done_at, 4);
	/* Again is harmless. */
	vn_pollers_stop(pe.pollers);
}

/* A poller that does not end does not keep the program from ending. */
static void
test_stop_stuck(void **state)
{
	struct note stuck;
	int gate[2];

	(void)state;
	exec_clock = done_clock = late_clock = 0;
	assert_int_equal(pipe(gate), 0);
	stuck = note(gate[0]);
	vn_poller_call(pe.poller, &stuck.cmd);
	UNTIL(__atomic_load_n(&stuck.in_exec, __ATOMIC_ACQUIRE));
	vn_pollers_stop(pe.pollers);
	assert_int_equal(rte_eal_get_lcore_state(1), RUNNING);
	assert_int_equal(write(gate[1], "x", 1), 1);
	assert_int_equal(rte_eal_wait_lcore(1), 0);
	UNTIL(stuck.done_at != 0);
	close(gate[0]);
	close(gate[1]);
}

static void
exec_tell(struct vn_poller *poller, void *arg)
{
	vn_poller_tell(poller, arg);
}

/* What a poller tells on its own account runs in the control thread, in order with the rest. */
static void
test_tell(void **state)
{
	struct note told = note(-1);

	(void)state;
	exec_clock = done_clock = late_clock = 0;
	pe_call(exec_tell, &told.cmd);
	assert_int_equal(told.done_at, 1);
	assert_int_equal(told.exec_at, 0);
	assert_int_equal(told.late_at, 0);
}

/* No ring, no port: it sleeps until a command comes, again and again. */
static void
test_sleep_without_rings(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		struct note n = note(-1);
		uint64_t rounds;

		UNTIL(pe_asleep());
		rounds = pe.stats->rounds;
		SETTLE();
		assert_true(pe_asleep());
		assert_int_equal(pe.stats->rounds, rounds);
		vn_poller_call(pe.poller, &n.cmd);
		UNTIL(n.done_at != 0);
	}
}

static void
test_placement(void **state)
{
	const unsigned int lcores[] = {1, 2, 3};
	const struct vn_poller_conf conf = {.idle_spin_us = 10};
	struct vn_loop *loop = vn_loop_create();
	struct vn_pollers *ps;
	struct vn_poller *p;

	(void)state;
	assert_non_null(loop);
	assert_int_equal(vn_pollers_create(loop, lcores, 3, &conf, &ps), 0);
	assert_int_equal(vn_pollers_count(ps), 3);
	assert_null(vn_pollers_get(ps, 3));
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(vn_poller_index(vn_pollers_get(ps, i)), i);
		assert_int_equal(vn_poller_lcore(vn_pollers_get(ps, i)), lcores[i]);
	}
	/* Evenly over all, and a window that reaches too far is cut. */
	for (unsigned int i = 0; i < 6; i++)
		assert_ptr_equal(vn_pollers_pick(ps, 0, UINT_MAX), vn_pollers_get(ps, i % 3));
	assert_ptr_equal(vn_pollers_pick(ps, 1, 2), vn_pollers_get(ps, 1));
	assert_ptr_equal(vn_pollers_pick(ps, 1, 2), vn_pollers_get(ps, 2));
	assert_ptr_equal(vn_pollers_pick(ps, 2, 2), vn_pollers_get(ps, 2));
	assert_int_equal(vn_poller_devices(vn_pollers_get(ps, 2)), 4);
	/* An empty window. */
	assert_null(vn_pollers_pick(ps, 3, UINT_MAX));
	assert_null(vn_pollers_pick(ps, 2, 1));
	/* Who gave a device back is next. */
	p = vn_pollers_get(ps, 2);
	for (unsigned int i = 0; i < 3; i++)
		vn_poller_put(p);
	assert_ptr_equal(vn_pollers_pick(ps, 0, 2), p);
	vn_loop_destroy(loop);
	vn_pollers_destroy(ps);
	vn_pollers_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pe_setup, pe_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_late),
		TEST(test_both_late),
		TEST(test_stop),
		TEST(test_stop_stuck),
		TEST(test_tell),
		TEST(test_sleep_without_rings),
		TEST(test_placement),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
