/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * What can be exchanged while rings run, memory that goes away, and a poller that is late: the
 * peer gets back what is its own in any case.
 */

#include <signal.h>

#include "device_test_env.h"

static void
start_all(void)
{
	de_begin();
	for (unsigned int i = 0; i < RINGS; i++)
		de_start(i);
}

/* A copy of the guest in another file, as after memory hotplug; the rings go on in it. */
static struct vn_guestmem *
move_guest(struct guest *g)
{
	struct vn_gm_region region = {.gpa = GPA_BASE, .size = GUEST_BYTES};
	struct vn_guestmem *old = g->mem;
	uint8_t *base;
	int fd = memfd_create("guest", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, GUEST_BYTES), 0);
	base = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(base, MAP_FAILED);
	memcpy(base, g->base, GUEST_BYTES);
	assert_int_equal(vn_gm_file_map(de.gm, fd, 0, GUEST_BYTES, false, &region.file), 0);
	assert_int_equal(vn_guestmem_create(&region, 1, &g->mem), 0);
	vn_gm_file_unref(region.file);
	munmap(g->base, GUEST_BYTES);
	close(g->memfd);
	g->memfd = fd;
	g->base = base;
	return old;
}

static void
test_set_mem(void **state)
{
	const unsigned int n = env_rounds("moves", 20, 1000);

	(void)state;
	start_all();
	for (unsigned int i = 0; i < n; i++) {
		struct vn_guestmem *old;

		for (unsigned int pair = 0; pair < PAIRS; pair++)
			de_check_pair(pair, i);
		old = move_guest(&de.guest);
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
	start_all();
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
	start_all();
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
	start_all();
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

/* The poller stands in the port, with a frame of ring 1 that it has taken and not completed. */
static void
stick(void)
{
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 77);
	UNTIL(fp_inside(FP_TX));
}

/* It returns: all that was left undone is done, and the device works again after a reset. */
static void
unstick(void)
{
	fp_release(FP_TX);
	for (unsigned int i = 0; i < RINGS; i++)
		UNTIL(de.dev->vq[i].state == VN_VQ_STOPPED);
	UNTIL(fp_open_queues() == 0 && vn_loop_jobs_pending(pe.loop) == 0);
}

static void
works_again(void)
{
	/* A fresh guest: the old one's mapping was taken from under the device. */
	guest_free(&de.guest);
	UNTIL(vn_gm_registry_files(de.gm) == 0);
	guest_make(&de.guest);
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	de_set_mem(de.guest.mem);
	de_start(0);
	de_start(1);
	de_check_pair(0, 5);
	assert_false(de.dev->broken);
}

static void
test_late_stop(void **state)
{
	struct result r = {0}, again = {0};

	(void)state;
	start_all();
	de_check_pair(0, 1);
	stick();
	vn_device_vq_stop(de.dev, 1, result_cb, &r);
	assert_int_equal(r.calls, 0);
	UNTIL(r.calls == 1);
	/* What was published is the position: the frame under way was not. */
	assert_int_equal(r.value, 1);
	assert_true(de.dev->broken);
	assert_string_equal(de.dev->broken_why, "poller-late");
	assert_true(de.dev->status & VN_STATUS_NEEDS_RESET);
	assert_true(de.dev->missed_deadlines > 0);
	assert_true(vn_guestmem_broken(de.guest.mem));
	assert_int_equal(de.dev->vq[1].state, VN_VQ_STOPPING);
	/* As good as stopped, but not to be started. */
	vn_device_vq_stop(de.dev, 1, result_cb, &again);
	assert_int_equal(again.calls, 1);
	assert_int_equal(again.value, 1);
	assert_int_equal(de_try_start(1, 0), -EBUSY);
	fp_release(FP_TX);
	UNTIL(de.dev->vq[1].state == VN_VQ_STOPPED);
	/* The late completion did not reach the memory that the guest has back. */
	assert_int_equal(guest_used_idx(&de.guest, 1), 1);
	assert_int_equal(r.calls, 1);
}

static void
test_late_reset(void **state)
{
	struct result r = {0};

	(void)state;
	start_all();
	stick();
	vn_device_reset(de.dev, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, -ETIMEDOUT);
	assert_int_equal(de.dev->driver_features, 0);
	assert_true(vn_guestmem_broken(de.guest.mem));
	/* The test's map is the last but the rings'; they must keep it while the poller has them.
	 */
	guest_drop_mem(&de.guest);
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	unstick();
	assert_int_equal(vn_gm_registry_files(de.gm), 0);
	assert_int_equal(guest_used_idx(&de.guest, 1), 0);
	de_reset();
	works_again();
}

/* A ring that cannot be attached in time can be stopped all the same. */
static void
test_late_attach(void **state)
{
	struct result r = {0}, r2 = {0};
	uint64_t late;

	(void)state;
	de_begin();
	de_start(1);
	de_start(4);
	stick();
	assert_int_equal(de_try_start(5, 0), 0);
	/* Stopped before its deadline, and another after. */
	vn_device_vq_stop(de.dev, 5, result_cb, &r);
	assert_int_equal(de_try_start(0, 0), 0);
	late = vn_poller_late(pe.poller);
	UNTIL(vn_poller_late(pe.poller) >= late + 2);
	UNTIL(r.calls == 1);
	assert_int_equal(de.dev->vq[0].state, VN_VQ_STARTING);
	vn_device_vq_stop(de.dev, 0, result_cb, &r2);
	assert_int_equal(r2.calls, 1);
	assert_int_equal(r2.value, 0);
	assert_true(vn_guestmem_broken(de.guest.mem));
	fp_release(FP_TX);
	UNTIL(de.dev->vq[0].state == VN_VQ_STOPPED && de.dev->vq[5].state == VN_VQ_STOPPED);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r2.calls, 1);
	de_stop(1);
	de_stop(4);
	unstick();
	de_reset();
	works_again();
}

/* An attach that is late, and nobody minds. */
static void
test_late_attach_goes_on(void **state)
{
	uint32_t tag;
	uint64_t late;

	(void)state;
	de_begin();
	de_start(1);
	stick();
	late = vn_poller_late(pe.poller);
	assert_int_equal(de_try_start(0, 0), 0);
	UNTIL(vn_poller_late(pe.poller) > late);
	fp_release(FP_TX);
	UNTIL(de.dev->vq[0].state == VN_VQ_RUNNING);
	assert_false(de.dev->broken);
	UNTIL(fp_recv(fp.queue[0], &tag) >= 0);
	assert_int_equal(tag, 77);
	de_check_pair(0, 1);
	assert_int_equal(de_stop(0), 1);
}

static void
test_late_set_mem(void **state)
{
	struct vn_guestmem *old;
	struct result r = {0};

	(void)state;
	start_all();
	stick();
	old = move_guest(&de.guest);
	vn_device_set_mem(de.dev, de.guest.mem, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, -ETIMEDOUT);
	assert_true(vn_guestmem_broken(old));
	assert_false(vn_guestmem_broken(de.guest.mem));
	assert_string_equal(de.dev->broken_why, "poller-late");
	vn_guestmem_unref(old);
	assert_int_equal(vn_gm_registry_files(de.gm), 2);
	fp_release(FP_TX);
	/* The old map goes when the poller has let go of it. */
	UNTIL(vn_gm_registry_files(de.gm) == 1);
	assert_int_equal(r.calls, 1);
	de_reset();
	unstick();
	works_again();
}

/* The log is the transport's memory, which cannot be covered: it has to wait. */
static void
test_late_set_log(void **state)
{
	uint8_t log[64] = {0};
	struct result r = {0};
	uint64_t late;

	(void)state;
	start_all();
	stick();
	late = vn_poller_late(pe.poller);
	vn_device_set_log(de.dev, log, sizeof(log), true, result_cb, &r);
	UNTIL(vn_poller_late(pe.poller) > late);
	assert_int_equal(r.calls, 0);
	assert_true(de.dev->broken);
	fp_release(FP_TX);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, 0);
	de_reset();
	unstick();
	works_again();
}

/* An end has no override: nothing is freed that the poller still has. */
static void
test_late_destroy(void **state)
{
	struct result r = {0};
	uint64_t late;

	(void)state;
	start_all();
	stick();
	late = vn_poller_late(pe.poller);
	vn_device_destroy(de.dev, VN_PORT_KEEP, result_cb, &r);
	UNTIL(vn_poller_late(pe.poller) >= late + RINGS);
	SETTLE();
	assert_int_equal(r.calls, 0);
	assert_int_equal(fp_open_ports(), 1);
	fp_release(FP_TX);
	UNTIL(r.calls == 1);
	de.dev = NULL;
	assert_int_equal(fp_open_ports(), 0);
	assert_int_equal(guest_used_idx(&de.guest, 1), 0);
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
		DE_TEST(test_late_stop),
		DE_TEST(test_late_reset),
		DE_TEST(test_late_attach),
		DE_TEST(test_late_attach_goes_on),
		DE_TEST(test_late_set_mem),
		DE_TEST(test_late_set_log),
		DE_TEST(test_late_destroy),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
