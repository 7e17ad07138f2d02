/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef POLLER_TEST_ENV_H
#define POLLER_TEST_ENV_H

/**
 * @file
 * Test code: an EAL with one worker lcore, an event loop and a poller. The test is the control
 * thread. It waits by running the event loop until something is true; the deadline only ends a
 * test that has failed.
 */

#include "virtq_test_env.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include <rte_lcore.h>

#include "poller_test_port.h"
#include "vn_loop.h"
#include "vn_poller.h"

#define WAIT_NS VN_SEC(30)

/* Run the loop until @p cond. */
#define UNTIL(cond)                                                                      \
	do {                                                                             \
		const uint64_t wait_end = vn_now_ns() + WAIT_NS;                         \
		while (!(cond)) {                                                        \
			if (vn_now_ns() > wait_end)                                      \
				fail_msg("line %d: does not come: %s", __LINE__, #cond); \
			vn_loop_run_once(pe.loop, 1);                                    \
		}                                                                        \
	} while (0)

/* Give wrong things a chance to happen; nothing depends on how long it takes. */
#define SETTLE()                                                           \
	do {                                                               \
		for (unsigned int settle_i = 0; settle_i < 20; settle_i++) \
			vn_loop_run_once(pe.loop, 1);                      \
	} while (0)

/*
 * How the poller is made. By default pairs go cold as soon as may be: whatever a test does happens
 * to cold pairs, hot ones, and in between.
 */
static struct vn_poller_conf pe_conf = {
	.idle_spin_us = 0, .idle_cold_us = 1, .rx_wait_ms = 1000 * 1000};

/* A test that moves things between pollers has two. */
#ifndef PE_POLLERS
#define PE_POLLERS 1
#endif
#if PE_POLLERS == 1
#define PE_LCORES "0@0,1@0"
#else
#define PE_LCORES "0@0,1@0,2@0"
#endif

static struct {
	struct vn_loop *loop;
	struct vn_pollers *pollers;
	struct vn_poller *poller;
	const struct vn_poller_stats *stats;
} pe;

static inline int
pe_group_setup(void **state)
{
	/* Both lcores on one CPU will do: nothing here measures time. */
	static char args[][32] = {"test", "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf",
		"-m", "64", "--lcores", PE_LCORES, "--log-level=lib.eal:error", "-d",
		"librte_mempool_ring.so"};
	char *argv[RTE_DIM(args) + 1] = {NULL};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		return -1;
	env_pool = rte_pktmbuf_pool_create(
		"test", ENV_MBUFS, 0, VN_MBUF_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return env_pool == NULL ? -1 : 0;
}

/* A poller that runs, and no gate of the port shut. */
static inline int
pe_setup(void **state)
{
	const unsigned int lcores[] = {1, 2};

	(void)state;
	fp_reset();
	pe.loop = vn_loop_create();
	assert_non_null(pe.loop);
	assert_int_equal(vn_pollers_create(pe.loop, lcores, PE_POLLERS, &pe_conf, &pe.pollers), 0);
	assert_int_equal(vn_pollers_start(pe.pollers), 0);
	pe.poller = vn_pollers_get(pe.pollers, 0);
	pe.stats = vn_poller_stats(pe.poller);
	return 0;
}

static inline int
pe_teardown(void **state)
{
	for (unsigned int i = 0; i < FP_CALLS; i++)
		fp_release(i);
	vn_pollers_stop(pe.pollers);
	for (unsigned int i = 1; i <= PE_POLLERS; i++)
		rte_eal_wait_lcore(i);
	/* As in the program: the loop may still have acknowledgements to run. */
	vn_loop_destroy(pe.loop);
	vn_pollers_destroy(pe.pollers);
	assert_int_equal(fp_open_queues(), 0);
	assert_int_equal(fp_open_ports(), 0);
	return env_check_pool(state);
}

/* A function to run on the poller while the test waits. */
struct pe_cmd {
	struct vn_poller_cmd cmd;
	void (*fn)(struct vn_poller *poller, void *arg);
	void *arg;
	bool done;
};

static inline void
pe_exec(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct pe_cmd *c = (struct pe_cmd *)cmd;

	c->fn(poller, c->arg);
}

static inline void
pe_done(struct vn_poller_cmd *cmd)
{
	((struct pe_cmd *)cmd)->done = true;
}

static inline void
pe_call(void (*fn)(struct vn_poller *poller, void *arg), void *arg)
{
	struct pe_cmd c = {.cmd = {.exec = pe_exec, .done = pe_done}, .fn = fn, .arg = arg};

	vn_poller_call(pe.poller, &c.cmd);
	UNTIL(c.done);
}

/*
 * True once the poller stands in its sleep: each sleep that has ended was counted as a wake. Only
 * for sleeps without a time limit.
 */
static inline bool
pe_asleep(void)
{
	const uint64_t wakes = __atomic_load_n(&pe.stats->wakes, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&pe.stats->sleeps, __ATOMIC_ACQUIRE) == wakes + 1;
}

/* The same where there have been sleeps with a time limit: no round for a while. */
static inline bool
pe_still(void)
{
	const uint64_t rounds = __atomic_load_n(&pe.stats->rounds, __ATOMIC_ACQUIRE);

	SETTLE();
	return __atomic_load_n(&pe.stats->rounds, __ATOMIC_ACQUIRE) == rounds;
}

static inline void
pe_kick(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

/* What is in an eventfd that nobody else reads, and empty it. */
static inline uint64_t
pe_signals(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

/* Run them with pairs that go cold, and with pairs that never do. */
#define PE_RUN_BOTH(tests)                                                                     \
	({                                                                                     \
		int run_rc = cmocka_run_group_tests_name("cold", tests, pe_group_setup, NULL); \
		pe_conf.idle_cold_us = 0;                                                      \
		run_rc + cmocka_run_group_tests_name("hot", tests, NULL, env_teardown);        \
	})

static inline unsigned int
pe_count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

#endif /* POLLER_TEST_ENV_H */
