/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Rings of a device: start and stop in all orders and states, and the port queues behind them. */

#include "device_test_env.h"
#include "vn_model.h"

static void
test_frames(void **state)
{
	(void)state;
	de_begin();
	for (unsigned int i = 0; i < RINGS; i++)
		de_start(i);
	for (unsigned int i = 0; i < 100; i++)
		de_check_pair(i % PAIRS, 10 * i);
	assert_int_equal(de_stop(1), guest_used_idx(&de.guest, 1));
	assert_int_equal(de_stop(0), guest_used_idx(&de.guest, 0));
	assert_int_equal(de.dev->vq[1].stats.packets, 34);
	assert_int_equal(de.dev->vq[0].stats.packets, 34);
	/* The counts are of the device's life, not of the ring's. */
	de_start(0);
	de_start(1);
	de_check_pair(0, 1);
	assert_int_equal(de.dev->vq[1].stats.packets, 35);
}

static void
test_counts(void **state)
{
	(void)state;
	de_begin();
	assert_int_equal(de.dev->enabled_queues, 0);
	de_start(0);
	assert_int_equal(de.dev->enabled_queues, 1);
	assert_int_equal(de.dev->ctrl_mq, 0);
	de_start(3);
	assert_int_equal(de.dev->enabled_queues, 2);
	assert_int_equal(de.dev->ctrl_mq, 0);
	de_start(1);
	assert_int_equal(de.dev->ctrl_mq, 1);
	de_start(2);
	assert_int_equal(de.dev->enabled_queues, 4);
	assert_int_equal(de.dev->ctrl_mq, 2);
	de_stop(1);
	assert_int_equal(de.dev->enabled_queues, 3);
	assert_int_equal(de.dev->ctrl_mq, 1);
	de_reset();
	assert_int_equal(de.dev->enabled_queues, 0);
	assert_int_equal(de.dev->ctrl_mq, 0);
}

/* Only pairs in use have a port queue: one ring is use. */
static void
test_port_queues(void **state)
{
	(void)state;
	de_begin();
	assert_int_equal(fp_open_queues(), 0);
	assert_null(vn_device_port_stats(de.dev, 0));
	de_start(2);
	assert_int_equal(fp_open_queues(), 1);
	assert_non_null(fp.queue[1]);
	assert_ptr_equal(vn_device_port_stats(de.dev, 1), &fp.queue[1]->stats);
	assert_null(vn_device_port_stats(de.dev, 0));
	assert_null(vn_device_port_stats(de.dev, PAIRS));
	de_start(3);
	assert_int_equal(fp_open_queues(), 1);
	de_start(5);
	assert_int_equal(fp_open_queues(), 2);
	de_stop(2);
	SETTLE();
	assert_int_equal(fp_open_queues(), 2);
	de_stop(3);
	UNTIL(fp_open_queues() == 1);
	assert_non_null(fp.queue[2]);
	assert_int_equal(fp_calls(FP_QUEUE_OPEN), 2);
}

static void
test_refused(void **state)
{
	struct vn_vq_setup setup;
	struct result r = {0};

	(void)state;
	de_create();
	UNTIL(de_port_settled());
	/* No memory. */
	assert_int_equal(de_try_start(0, 0), -EFAULT);
	de_set_mem(de.guest.mem);
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	/* The control queue and what is no queue. */
	setup = guest_setup(&de.guest, 0, 0);
	assert_int_equal(vn_device_vq_start(de.dev, RINGS, &setup), -ENXIO);
	setup = guest_setup(&de.guest, 0, 0);
	assert_int_equal(vn_device_vq_start(de.dev, UINT16_MAX, &setup), -ENXIO);
	/* Sizes, alignment, addresses. */
	setup = guest_setup(&de.guest, 0, 0);
	setup.size = 15;
	assert_int_equal(vn_device_vq_start(de.dev, 0, &setup), -EINVAL);
	setup = guest_setup(&de.guest, 0, 0);
	setup.desc_gpa += 8;
	assert_int_equal(vn_device_vq_start(de.dev, 0, &setup), -EINVAL);
	setup = guest_setup(&de.guest, 0, 0);
	setup.used_gpa = GPA_BASE + GUEST_BYTES - 8;
	assert_int_equal(vn_device_vq_start(de.dev, 0, &setup), -EFAULT);
	assert_int_equal(de.dev->vq[0].state, VN_VQ_STOPPED);
	/* Twice, and all the same after all that. */
	de_start(0);
	assert_int_equal(de_try_start(0, 0), -EBUSY);
	de_start(1);
	de_check_pair(0, 1);
	/* Stops: no such ring; stopped; the control queue, which is never started. */
	vn_device_vq_stop(de.dev, RINGS + 1, result_cb, &r);
	assert_int_equal(r.value, -ENXIO);
	vn_device_vq_stop(de.dev, RINGS, result_cb, &r);
	assert_int_equal(r.value, 0);
	vn_device_vq_stop(de.dev, 2, result_cb, &r);
	assert_int_equal(r.value, 0);
	assert_int_equal(r.calls, 3);
	/* Every descriptor that a refused start was given is closed: two rings run. */
	assert_int_equal(de_stop(0), 1);
	assert_int_equal(de_stop(1), 1);
	UNTIL(fp_open_queues() == 0);
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	assert_int_equal(pe_count_fds(), de.fds);
}

/* A ring that starts while the port opens waits for it; a stop then needs no poller. */
static void
test_stop_while_port_opens(void **state)
{
	struct result r = {0};

	(void)state;
	fp_hold(FP_OPEN);
	de_create();
	UNTIL(fp_inside(FP_OPEN));
	de_set_mem(de.guest.mem);
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	assert_int_equal(de_try_start(0, 0), 0);
	assert_int_equal(de_try_start(1, 3), 0);
	SETTLE();
	assert_int_equal(de.dev->vq[0].state, VN_VQ_STARTING);
	assert_int_equal(de_try_start(1, 3), -EBUSY);
	vn_device_vq_stop(de.dev, 1, result_cb, &r);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.value, 3);
	/* The other one goes on when the port is there, and so does a new start. */
	assert_int_equal(de_try_start(1, 0), 0);
	fp_release(FP_OPEN);
	UNTIL(de.dev->vq[0].state == VN_VQ_RUNNING && de.dev->vq[1].state == VN_VQ_RUNNING);
	de_check_pair(0, 1);
	/* The features went to the port once it was there. */
	assert_int_equal(fp.features, FEATURES);
}

static void
test_stop_while_queue_opens(void **state)
{
	(void)state;
	de_begin();
	fp_hold(FP_QUEUE_OPEN);
	assert_int_equal(de_try_start(2, 0), 0);
	UNTIL(fp_inside(FP_QUEUE_OPEN));
	assert_int_equal(de_stop(2), 0);
	fp_release(FP_QUEUE_OPEN);
	/* The queue that nobody wants any more goes again. */
	UNTIL(fp_calls(FP_QUEUE_CLOSE) == 1 && fp_open_queues() == 0);
	/* Once more, and this time it is wanted again before it is there. */
	fp_hold(FP_QUEUE_OPEN);
	assert_int_equal(de_try_start(2, 0), 0);
	UNTIL(fp_inside(FP_QUEUE_OPEN));
	assert_int_equal(de_stop(2), 0);
	assert_int_equal(de_try_start(2, 0), 0);
	assert_int_equal(de_try_start(3, 0), 0);
	fp_release(FP_QUEUE_OPEN);
	UNTIL(de.dev->vq[2].state == VN_VQ_RUNNING && de.dev->vq[3].state == VN_VQ_RUNNING);
	de_check_pair(1, 1);
	assert_int_equal(fp_calls(FP_QUEUE_OPEN), 2);
}

/* The port queue is being closed when a ring of its pair starts again. */
static void
test_start_while_queue_closes(void **state)
{
	(void)state;
	de_begin();
	de_start(0);
	fp_hold(FP_QUEUE_CLOSE);
	de_stop(0);
	UNTIL(fp_inside(FP_QUEUE_CLOSE));
	assert_int_equal(de_try_start(0, 0), 0);
	assert_int_equal(de_try_start(1, 0), 0);
	SETTLE();
	assert_int_equal(de.dev->vq[0].state, VN_VQ_STARTING);
	fp_release(FP_QUEUE_CLOSE);
	UNTIL(de.dev->vq[0].state == VN_VQ_RUNNING && de.dev->vq[1].state == VN_VQ_RUNNING);
	de_check_pair(0, 1);
	assert_int_equal(fp_calls(FP_QUEUE_OPEN), 2);
}

/* Stop without waiting for anything; the queue is open, the attach is on its way. */
static void
test_stop_while_attached(void **state)
{
	const unsigned int n = env_rounds("starts and stops", 50, 2000);

	(void)state;
	de_begin();
	de_start(1);
	for (unsigned int i = 0; i < n; i++) {
		struct result r = {0}, r2 = {0};

		assert_int_equal(de_try_start(0, i), 0);
		assert_int_equal(de.dev->vq[0].state, VN_VQ_STARTING);
		vn_device_vq_stop(de.dev, 0, result_cb, &r);
		assert_int_equal(r.calls, 0);
		/* Only one can wait. */
		vn_device_vq_stop(de.dev, 0, result_cb, &r2);
		assert_int_equal(r2.value, -EBUSY);
		assert_int_equal(de_try_start(0, i), -EBUSY);
		UNTIL(r.calls > 0);
		assert_int_equal(r.value, i);
		assert_int_equal(de.dev->vq[0].state, VN_VQ_STOPPED);
	}
	de_start(0);
	de_check_pair(0, 1);
}

/* Random starts and stops of all rings, without waiting: all come to rest, nothing is lost. */
static void
test_any_order(void **state)
{
	const unsigned int n = env_rounds("random steps", 500, 50000);
	struct result stops = {0};
	unsigned int wanted = 0;
	struct rng rng;

	(void)state;
	env_seed = 42;
	rng.s = env_seed;
	de_begin();
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int ring = rng_below(&rng, RINGS);

		if (rng_chance(&rng, 50)) {
			de_try_start(ring, guest_used_idx(&de.guest, ring));
		} else {
			vn_device_vq_stop(de.dev, ring, result_cb, &stops);
			wanted++;
		}
		if (rng_chance(&rng, 30))
			vn_loop_run_once(pe.loop, rng_chance(&rng, 50));
	}
	UNTIL(stops.calls == wanted);
	for (unsigned int i = 0; i < RINGS; i++)
		de_stop(i);
	UNTIL(fp_open_queues() == 0 && vn_loop_jobs_pending(pe.loop) == 0);
	assert_int_equal(pe_count_fds(), de.fds);
	for (unsigned int i = 0; i < RINGS; i++)
		de_start(i);
	for (unsigned int i = 0; i < PAIRS; i++)
		de_check_pair(i, i);
}

/* A port queue that cannot be opened: the rings go on without; a later start tries again. */
static void
test_queue_open_fails(void **state)
{
	(void)state;
	de_begin();
	fp_fail(FP_QUEUE_OPEN, -EIO);
	de_start(0);
	de_start(1);
	assert_int_equal(fp_calls(FP_QUEUE_OPEN), 1);
	assert_null(vn_device_port_stats(de.dev, 0));
	for (unsigned int i = 0; i < 5; i++)
		guest_send(&de.guest, 1, i);
	UNTIL(guest_used_idx(&de.guest, 1) == 5);
	fp_fail(FP_QUEUE_OPEN, 0);
	de_stop(0);
	de_stop(1);
	de_start(0);
	de_start(1);
	de_check_pair(0, 9);
}

/* It fails when nobody wants it any more: that is not remembered. */
static void
test_queue_open_fails_unwanted(void **state)
{
	(void)state;
	de_begin();
	fp_fail(FP_QUEUE_OPEN, -EIO);
	fp_hold(FP_QUEUE_OPEN);
	assert_int_equal(de_try_start(0, 0), 0);
	UNTIL(fp_inside(FP_QUEUE_OPEN));
	assert_int_equal(de_stop(0), 0);
	fp_release(FP_QUEUE_OPEN);
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	fp_fail(FP_QUEUE_OPEN, 0);
	de_start(0);
	de_start(1);
	de_check_pair(0, 9);
}

/* No port at all: what the driver sends is taken, counted, and goes nowhere. */
static void
test_no_port(void **state)
{
	(void)state;
	fp_fail(FP_OPEN, -EPERM);
	de_create();
	UNTIL(de_port_settled());
	assert_string_equal(de.dev->port_error, "the test refuses en3f0pf0sf1000");
	assert_int_equal(de.dev->port_info.ifindex, 0);
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	de_set_mem(de.guest.mem);
	for (unsigned int i = 0; i < RINGS; i++)
		de_start(i);
	for (unsigned int i = 0; i < 5; i++)
		guest_send(&de.guest, 3, i);
	UNTIL(guest_used_idx(&de.guest, 3) == 5);
	assert_int_equal(de.dev->vq[3].stats.packets, 5);
	assert_int_equal(de_stop(3), 5);
	de_start(3);
	de_reset();
	assert_int_equal(fp_calls(FP_QUEUE_OPEN), 0);
	assert_int_equal(fp_calls(FP_SET_FEATURES), 0);
}

/* Rings without a model around them: by load when they start, unless the operator says how long. */
static void
test_dim(void **state)
{
	struct vn_model_queue_info info;

	(void)state;
	de.conf.dim = true;
	de_begin();
	de_start(0);
	de_start(1);
	for (unsigned int i = 0; i < 2; i++) {
		vn_model_queue_info(de.dev, i, &info);
		assert_true(info.dim);
	}
	de_check_pair(0, 1);
	de_stop(0);
	de_stop(1);
	vn_model_queue_info(de.dev, 0, &info);
	assert_false(info.dim);
	de.dev->conf.coal_usecs = 10;
	de.dev->conf.coal_packets = 30;
	de_start(0);
	de_start(1);
	vn_model_queue_info(de.dev, 0, &info);
	assert_false(info.dim);
	assert_int_equal(info.coal_usecs, 10);
	vn_model_queue_info(de.dev, 1, &info);
	assert_true(info.dim);
	de_check_pair(0, 2);
}

/* The interrupt descriptor can be replaced in any state; each one is closed once. */
static void
test_set_call(void **state)
{
	int call[3];

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(call); i++)
		call[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	de_begin();
	/* No such ring; the control queue; stopped. */
	vn_device_vq_set_call(de.dev, RINGS + 1, fcntl(call[0], F_DUPFD_CLOEXEC, 0));
	vn_device_vq_set_call(de.dev, RINGS + 1, -1);
	vn_device_vq_set_call(de.dev, RINGS, fcntl(call[0], F_DUPFD_CLOEXEC, 0));
	vn_device_vq_set_call(de.dev, 4, fcntl(call[0], F_DUPFD_CLOEXEC, 0));
	vn_device_vq_set_call(de.dev, 4, fcntl(call[0], F_DUPFD_CLOEXEC, 0));
	/* Running: one interrupt for what may have been lost. */
	de_start(0);
	de_start(1);
	assert_int_equal(pe_signals(de.guest.call[1]), 1);
	vn_device_vq_set_call(de.dev, 1, fcntl(call[1], F_DUPFD_CLOEXEC, 0));
	UNTIL(pe_signals(call[1]) == 1);
	de_check_pair(0, 1);
	UNTIL(pe_signals(call[1]) == 1);
	assert_int_equal(pe_signals(de.guest.call[1]), 0);
	/* None, and one again; without waiting, and then a stop. */
	vn_device_vq_set_call(de.dev, 1, -1);
	vn_device_vq_set_call(de.dev, 1, fcntl(call[2], F_DUPFD_CLOEXEC, 0));
	vn_device_vq_set_call(de.dev, 1, fcntl(call[1], F_DUPFD_CLOEXEC, 0));
	de_stop(1);
	/* Those between may be passed over. */
	pe_signals(call[2]);
	pe_signals(call[1]);
	/* Stopping. */
	de_start(1);
	{
		struct result r = {0};

		vn_device_vq_stop(de.dev, 1, result_cb, &r);
		vn_device_vq_set_call(de.dev, 1, fcntl(call[1], F_DUPFD_CLOEXEC, 0));
		UNTIL(r.calls > 0);
	}
	/* Starting. */
	assert_int_equal(de_try_start(1, guest_used_idx(&de.guest, 1)), 0);
	vn_device_vq_set_call(de.dev, 1, fcntl(call[2], F_DUPFD_CLOEXEC, 0));
	UNTIL(de.dev->vq[1].state == VN_VQ_RUNNING);
	UNTIL(pe_signals(call[2]) > 0);
	de_destroy(VN_PORT_KEEP);
	for (unsigned int i = 0; i < RTE_DIM(call); i++)
		close(call[i]);
}

/* Several behind a command that takes the ring from the poller, which therefore sees none. */
static void
test_set_call_behind(void **state)
{
	struct result stop = {0}, restart = {0};
	unsigned int fds;
	int call[3];

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(call); i++)
		call[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	de_begin();
	de_start(0);
	de_start(1);
	fds = pe_count_fds();
	vn_device_restart(de.dev, result_cb, &restart);
	for (unsigned int i = 0; i < RTE_DIM(call); i++)
		vn_device_vq_set_call(de.dev, 1, fcntl(call[i], F_DUPFD_CLOEXEC, 0));
	UNTIL(restart.calls > 0 && vn_loop_jobs_pending(pe.loop) == 0);
	assert_int_equal(restart.value, 0);
	assert_int_equal(pe_count_fds(), fds);
	/* The last one is the one that counts. */
	assert_int_equal(pe_signals(call[0]) + pe_signals(call[1]), 0);
	pe_signals(call[2]);
	guest_send(&de.guest, 1, 1);
	UNTIL(pe_signals(call[2]) > 0);
	vn_device_vq_stop(de.dev, 1, result_cb, &stop);
	for (unsigned int i = 0; i < RTE_DIM(call); i++)
		vn_device_vq_set_call(de.dev, 1, fcntl(call[i], F_DUPFD_CLOEXEC, 0));
	UNTIL(stop.calls > 0);
	de_destroy(VN_PORT_KEEP);
	/* The teardown counts. */
	for (unsigned int i = 0; i < RTE_DIM(call); i++)
		close(call[i]);
}

/* Both rings broken at once, while others start: the control thread hears of it, and lives. */
static void
test_broken(void **state)
{
	const unsigned int n = env_rounds("broken rings", 30, 3000);

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		de_begin();
		for (unsigned int ring = 0; ring < 2; ring++) {
			struct vn_vring_avail *avail = guest_at(&de.guest, ring, AVAIL_AT);

			avail->idx = RING_SIZE + 1;
		}
		assert_int_equal(de_try_start(1, 0), 0);
		assert_int_equal(de_try_start(0, 0), 0);
		UNTIL(de.dev->broken);
		assert_string_equal(de.dev->broken_why, "avail-index");
		assert_true(de.dev->status & VN_STATUS_NEEDS_RESET);
		vn_device_set_status(de.dev, VN_STATUS_ACK);
		assert_int_equal(de.dev->status, VN_STATUS_ACK | VN_STATUS_NEEDS_RESET);
		de_reset();
		assert_false(de.dev->broken);
		assert_int_equal(de.dev->status, 0);
		de_destroy(VN_PORT_KEEP);
	}
}

/*
 * An interrupt descriptor that blocks breaks the ring before it can hold up a poller, and each time
 * it takes longer until the peer may try again.
 */
static void
test_blocking_call(void **state)
{
	unsigned int tries = 0;
	int rc;

	(void)state;
	assert_int_equal(fcntl(de.guest.call[1], F_SETFL, 0), 0);
	de_begin();
	/* On a slow machine the first times out may be over already; they grow. */
	while ((rc = de_try_start(1, 0)) == 0) {
		assert_true(++tries < 20);
		UNTIL(de.dev->broken);
		assert_string_equal(de.dev->broken_why, VN_VQ_WHY_BLOCKS);
		de_reset();
		assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
		de_set_mem(de.guest.mem);
	}
	assert_int_equal(rc, -EPERM);
	assert_true(tries > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DE_TEST(test_frames),
		DE_TEST(test_counts),
		DE_TEST(test_port_queues),
		DE_TEST(test_refused),
		DE_TEST(test_stop_while_port_opens),
		DE_TEST(test_stop_while_queue_opens),
		DE_TEST(test_start_while_queue_closes),
		DE_TEST(test_stop_while_attached),
		DE_TEST(test_any_order),
		DE_TEST(test_queue_open_fails),
		DE_TEST(test_queue_open_fails_unwanted),
		DE_TEST(test_no_port),
		DE_TEST(test_dim),
		DE_TEST(test_set_call),
		DE_TEST(test_set_call_behind),
		DE_TEST(test_broken),
		DE_TEST(test_blocking_call),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
