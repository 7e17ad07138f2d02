/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What can be exchanged while rings run, and memory that goes away. */

#include <signal.h>

#include "device_test_env.h"

static void
test_set_mem(void **state)
{
	const unsigned int n = env_rounds("moves", 20, 1000);

	(void)state;
	de_start_all();
	for (unsigned int i = 0; i < n; i++) {
		struct vn_guestmem *old;

		for (unsigned int pair = 0; pair < PAIRS; pair++)
			de_check_pair(pair, i);
		old = guest_move(&de.guest);
		de_set_mem(de.guest.mem);
		vn_guestmem_unref(old);
		/* Unmapping is a job. */
		UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
		assert_int_equal(vn_gm_registry_files(de.gm), 1);
		assert_false(de.dev->broken);
	}
	for (unsigned int pair = 0; pair < PAIRS; pair++)
		de_check_pair(pair, 1);
}

/* While rings are on their way up or down, several at once. */
static void
test_set_mem_any_time(void **state)
{
	const unsigned int n = env_rounds("rounds", 30, 1000);
	struct result sets = {0}, stops = {0};

	(void)state;
	de_begin();
	de_start(1);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(de_try_start(0, 0), 0);
		vn_device_set_mem(de.dev, de.guest.mem, result_cb, &sets);
		if (i % 2 == 0)
			vn_device_set_mem(de.dev, de.guest.mem, result_cb, &sets);
		vn_device_vq_stop(de.dev, 0, result_cb, &stops);
		vn_device_set_mem(de.dev, de.guest.mem, result_cb, &sets);
		UNTIL(stops.calls == i + 1 && sets.calls == 2 * (i + 1) + i / 2 + 1);
		assert_int_equal(sets.value, 0);
	}
	de_start(0);
	de_check_pair(0, 1);
}

/* No map at all: rings that run break, and stay stoppable. */
static void
test_set_mem_none(void **state)
{
	(void)state;
	fp_hold(FP_QUEUE_OPEN);
	de_begin();
	/* One that is not yet attached, too. */
	assert_int_equal(de_try_start(2, 0), 0);
	de_set_mem(NULL);
	guest_drop_mem(&de.guest);
	fp_release(FP_QUEUE_OPEN);
	UNTIL(de.dev->broken);
	assert_string_equal(de.dev->broken_why, "memory");
	assert_int_equal(de_try_start(0, 0), -EFAULT);
	assert_int_equal(de_stop(2), 0);
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	assert_int_equal(vn_gm_registry_files(de.gm), 0);
}

static void
test_set_mem_none_running(void **state)
{
	(void)state;
	de_start_all();
	de_check_pair(0, 1);
	de_set_mem(NULL);
	guest_drop_mem(&de.guest);
	UNTIL(de.dev->broken);
	assert_int_equal(de_stop(0), 1);
	assert_int_equal(de_stop(1), 1);
	de_reset();
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	assert_int_equal(vn_gm_registry_files(de.gm), 0);
}

/* A map that has the rings no more: they break, also with completions on their way. */
static void
test_set_mem_elsewhere(void **state)
{
	struct vn_gm_region region = {
		.gpa = UINT64_C(1) << 40, .size = GUEST_BYTES, .read_only = true};
	struct vn_guestmem *mem;

	(void)state;
	de_start_all();
	de_check_pair(0, 1);
	assert_int_equal(
		vn_gm_file_map(de.gm, de.guest.memfd, 0, GUEST_BYTES, true, &region.file), 0);
	assert_int_equal(vn_guestmem_create(&region, 1, &mem), 0);
	vn_gm_file_unref(region.file);
	guest_drop_mem(&de.guest);
	de_set_mem(mem);
	UNTIL(de.dev->broken);
	assert_string_equal(de.dev->broken_why, "memory");
	for (unsigned int i = 0; i < RINGS; i++)
		pe_kick(de.guest.kick[i]);
	assert_true(fp_send(fp.queue[0], 1, 60));
	SETTLE();
	assert_int_equal(de_stop(1), 1);
	de_reset();
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	vn_guestmem_unref(mem);
	assert_int_equal(vn_gm_registry_files(de.gm), 0);
}

static bool
any_bit(const uint8_t *log, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (log[i] != 0)
			return true;
	}
	return false;
}

static void
test_set_log(void **state)
{
	uint8_t log[64] = {0};
	struct result r = {0};

	(void)state;
	de_begin();
	/* Before any ring runs: at once. */
	vn_device_set_log(de.dev, log, sizeof(log), true, result_cb, &r);
	assert_int_equal(r.calls, 1);
	de_start(0);
	de_start(1);
	de_check_pair(0, 1);
	assert_true(any_bit(log, sizeof(log)));
	/* Pages of the rings and of the receive buffers, no others. */
	for (unsigned int page = 0; page < 8 * sizeof(log); page++) {
		const uint64_t gpa = (uint64_t)page * 4096;

		if (log[page / 8] & (1 << page % 8))
			assert_true(gpa >= GPA_BASE && gpa < GPA_BASE + 2 * RING_BYTES);
	}
	vn_device_set_log(de.dev, log, sizeof(log), false, result_cb, &r);
	UNTIL(r.calls == 2);
	memset(log, 0, sizeof(log));
	de_check_pair(0, 1);
	assert_false(any_bit(log, sizeof(log)));
	/* While it runs, and a reset ends it. */
	vn_device_set_log(de.dev, log, sizeof(log), true, result_cb, &r);
	UNTIL(r.calls == 3);
	de_check_pair(0, 1);
	assert_true(any_bit(log, sizeof(log)));
	de_reset();
	memset(log, 0, sizeof(log));
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	de_set_mem(de.guest.mem);
	de_start(0);
	de_start(1);
	de_check_pair(0, 1);
	assert_false(any_bit(log, sizeof(log)));
	/* Without a base there is no log. */
	vn_device_set_log(de.dev, NULL, 0, true, result_cb, &r);
	UNTIL(r.calls == 4);
	de_check_pair(0, 1);
	assert_int_equal(r.value, 0);
}

static void
on_sigbus(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	if (!vn_gm_sigbus(de.gm, info->si_addr)) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

/* The peer shrinks its memory file under a running ring. */
static void
test_sigbus(void **state)
{
	const struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	struct sigaction before;

	(void)state;
	assert_int_equal(sigaction(SIGBUS, &sa, &before), 0);
	de_start_all();
	de_check_pair(0, 1);
	vn_device_check_mem(de.dev);
	assert_false(de.dev->broken);
	assert_int_equal(ftruncate(de.guest.memfd, 0), 0);
	pe_kick(de.guest.kick[0]);
	UNTIL(vn_guestmem_broken(de.guest.mem));
	assert_int_equal(vn_gm_registry_broken(de.gm), 1);
	vn_device_check_mem(de.dev);
	vn_device_check_mem(de.dev);
	assert_true(de.dev->broken);
	for (unsigned int i = 0; i < RINGS; i++)
		UNTIL(de.dev->vq[i].state == VN_VQ_STOPPED);
	UNTIL(fp_open_queues() == 0);
	de_reset();
	assert_int_equal(sigaction(SIGBUS, &before, NULL), 0);
	/* The test's own view of the guest is gone as well. */
	munmap(de.guest.base, GUEST_BYTES);
	de.guest.base = mmap(NULL, GUEST_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DE_TEST(test_set_mem),
		DE_TEST(test_set_mem_any_time),
		DE_TEST(test_set_mem_none),
		DE_TEST(test_set_mem_none_running),
		DE_TEST(test_set_mem_elsewhere),
		DE_TEST(test_set_log),
		DE_TEST(test_sigbus),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
