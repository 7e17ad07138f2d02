/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Restart of a device in every state, and health. */

#include "device_test_env.h"
#include "vn_poll_latency.h"

static void
restart(int expected)
{
	struct result r = {0};

	vn_device_restart(de.dev, result_cb, &r);
	UNTIL(r.calls > 0);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.value, expected);
}

/* Rings go on where they were, on a port that was opened anew; nothing is completed twice. */
static void
test_rings_go_on(void **state)
{
	(void)state;
	de_start_all();
	for (unsigned int i = 0; i < 20; i++) {
		const uint16_t used = guest_used_idx(&de.guest, 1);

		for (unsigned int pair = 0; pair < PAIRS; pair++)
			de_check_pair(pair, 100 * i + 10 * pair);
		assert_int_equal(guest_used_idx(&de.guest, 1), (uint16_t)(used + 1));
		restart(0);
		assert_int_equal(fp_calls(FP_OPEN), i + 2);
		assert_int_equal(fp_calls(FP_CLOSE), i + 1);
		assert_int_equal(fp_open_ports(), 1);
		assert_int_equal(fp_open_queues(), PAIRS);
		assert_int_equal(de.dev->enabled_queues, RINGS);
	}
	assert_int_equal(de.dev->vq[1].stats.packets, 20);
	assert_false(de.dev->health.fatal);
	assert_int_equal(de.dev->health.recovered, 0);
}

/* What the driver sends while the port is away waits in its ring. */
static void
test_sent_meanwhile(void **state)
{
	struct result r = {0};
	uint32_t got;

	(void)state;
	de_start_all();
	fp_hold(FP_OPEN);
	vn_device_restart(de.dev, result_cb, &r);
	UNTIL(fp_inside(FP_OPEN));
	assert_int_equal(de.dev->enabled_queues, 0);
	for (unsigned int i = 0; i < 5; i++)
		guest_send(&de.guest, 1, 70 + i);
	SETTLE();
	assert_int_equal(guest_used_idx(&de.guest, 1), 0);
	fp_release(FP_OPEN);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, 0);
	for (unsigned int i = 0; i < 5; i++) {
		UNTIL(fp_recv(fp.queue[0], &got) >= 0);
		assert_int_equal(got, 70 + i);
	}
}

/* Another map, another interrupt, stop and start, a reset: while the port is away. */
static void
test_meanwhile(void **state)
{
	struct result r, mem, stop;
	struct vn_guestmem *old;

	(void)state;
	de_start_all();
	de_check_pair(0, 1);
	for (unsigned int i = 0; i < 4; i++) {
		memset(&r, 0, sizeof(r));
		memset(&mem, 0, sizeof(mem));
		memset(&stop, 0, sizeof(stop));
		fp_hold(FP_OPEN);
		vn_device_restart(de.dev, result_cb, &r);
		UNTIL(fp_inside(FP_OPEN));
		restart(-EBUSY);
		if (i == 0) {
			old = guest_move(&de.guest);
			vn_device_set_mem(de.dev, de.guest.mem, result_cb, &mem);
			assert_int_equal(mem.calls, 1);
			vn_guestmem_unref(old);
		} else if (i == 1) {
			vn_device_vq_set_call(
				de.dev, 0, fcntl(de.guest.call[0], F_DUPFD_CLOEXEC, 0));
		} else if (i == 2) {
			vn_device_vq_stop(de.dev, 3, result_cb, &stop);
			assert_int_equal(stop.calls, 1);
			assert_int_equal(stop.value, guest_used_idx(&de.guest, 3));
			assert_int_equal(de_try_start(3, stop.value), 0);
		} else {
			vn_device_reset(de.dev, result_cb, &stop);
			assert_int_equal(stop.calls, 1);
			assert_int_equal(stop.value, 0);
		}
		fp_release(FP_OPEN);
		UNTIL(r.calls == 1);
		assert_int_equal(r.value, 0);
		if (i < 3) {
			for (unsigned int pair = 0; pair < PAIRS; pair++)
				de_check_pair(pair, 1000 * i + 10 * pair);
		}
	}
	assert_int_equal(de.dev->enabled_queues, 0);
	UNTIL(fp_open_queues() == 0);
}

/* The same things at once with the beginning, and the end of the device at each of its steps. */
static void
test_any_state(void **state)
{
	static const enum fp_call calls[] = {FP_QUEUE_CLOSE, FP_CLOSE, FP_OPEN, FP_QUEUE_OPEN};
	struct result r, other;
	struct vn_guestmem *old;

	(void)state;
	de_start_all();
	for (unsigned int i = 0; i < 20; i++) {
		memset(&r, 0, sizeof(r));
		memset(&other, 0, sizeof(other));
		old = guest_move(&de.guest);
		if (i % 2 == 0)
			vn_device_set_mem(de.dev, de.guest.mem, result_cb, &other);
		vn_device_vq_set_call(de.dev, 0, fcntl(de.guest.call[0], F_DUPFD_CLOEXEC, 0));
		vn_device_vq_set_call(de.dev, 0, fcntl(de.guest.call[0], F_DUPFD_CLOEXEC, 0));
		vn_device_restart(de.dev, result_cb, &r);
		vn_device_vq_set_call(de.dev, 0, fcntl(de.guest.call[0], F_DUPFD_CLOEXEC, 0));
		if (i % 2 == 1)
			vn_device_set_mem(de.dev, de.guest.mem, result_cb, &other);
		UNTIL(r.calls == 1 && other.calls == 1);
		vn_guestmem_unref(old);
		assert_int_equal(r.value, 0);
		de_check_pair(i % PAIRS, 50 * i);
	}
	de_destroy(VN_PORT_KEEP);
	memset(de.guest.seen, 0, sizeof(de.guest.seen));
	for (unsigned int i = 0; i < RTE_DIM(calls); i++) {
		memset(&r, 0, sizeof(r));
		memset(&other, 0, sizeof(other));
		de_start_all();
		fp_hold(calls[i]);
		vn_device_restart(de.dev, result_cb, &r);
		UNTIL(fp_inside(calls[i]));
		vn_device_destroy(de.dev, VN_PORT_KEEP, result_cb, &other);
		SETTLE();
		assert_int_equal(other.calls, 0);
		fp_release(calls[i]);
		UNTIL(other.calls == 1);
		assert_int_equal(r.calls, 1);
		de.dev = NULL;
		assert_int_equal(fp_open_ports(), 0);
	}
}

/* A device without a driver; one whose port was not to be had; one whose port is lost. */
static void
test_port(void **state)
{
	(void)state;
	fp_fail(FP_OPEN, -EIO);
	de_create();
	UNTIL(de_port_settled());
	assert_true(de.dev->health.fatal);
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	de_set_mem(de.guest.mem);
	de_start(0);
	de_start(1);
	fp_fail(FP_OPEN, 0);
	restart(0);
	assert_int_equal(de.dev->port_error[0], '\0');
	assert_false(de.dev->health.fatal);
	assert_int_equal(de.dev->health.recovered, 1);
	de_check_pair(0, 5);
	fp_fail(FP_OPEN, -EIO);
	restart(0);
	assert_int_not_equal(de.dev->port_error[0], '\0');
	assert_int_equal(de.dev->port_info.ifindex, 0);
	assert_true(de.dev->health.fatal);
	assert_int_equal(de.dev->enabled_queues, 2);
	fp_fail(FP_OPEN, 0);
	fp_fail(FP_QUEUE_OPEN, -EIO);
	restart(0);
	assert_int_equal(de.dev->health.port_queues, 1);
	fp_fail(FP_QUEUE_OPEN, 0);
	restart(0);
	assert_int_equal(de.dev->health.recovered, 2);
	de_check_pair(0, 9);
}

/* A ring that the guest broke goes on once its guest has put right what was wrong. */
static void
test_broken(void **state)
{
	struct vn_vring_avail *avail;
	uint32_t got, recovered;

	(void)state;
	de_start_all();
	de_check_pair(1, 3);
	avail = guest_at(&de.guest, 3, AVAIL_AT);
	__atomic_store_n(&avail->idx, 1000, __ATOMIC_RELEASE);
	pe_kick(de.guest.kick[3]);
	UNTIL(de.dev->broken);
	assert_true(de.dev->health.fatal);
	assert_int_equal(de.dev->health.rings_broken, 1);
	/* Nothing has changed: it breaks again. */
	restart(0);
	UNTIL(de.dev->broken);
	assert_int_equal(de.dev->health.rings_broken, 2);
	__atomic_store_n(&avail->idx, de.guest.avail[3], __ATOMIC_RELEASE);
	restart(0);
	assert_false(de.dev->broken);
	assert_int_equal(de.dev->status & VN_STATUS_NEEDS_RESET, 0);
	guest_send(&de.guest, 3, 8);
	UNTIL(fp_recv(fp.queue[1], &got) >= 0);
	assert_int_equal(got, 8);
	de_check_pair(0, 30);
	assert_false(de.dev->health.fatal);
	/* The restart in vain may have been well for a moment. */
	recovered = de.dev->health.recovered;
	assert_true(recovered == 1 || recovered == 2);
	de_reset();
	assert_int_equal(de.dev->health.recovered, recovered);
}

/* A TX queue of the port that refuses all for long is a stall, once; then it works again. */
static void
test_stall(void **state)
{
	uint64_t now = VN_SEC(1);
	struct vn_port_stats *s;

	(void)state;
	de_start_all();
	/* Nobody else touches the counters: nothing is sent. */
	s = &fp.queue[0]->stats;
	for (unsigned int i = 0; i < 10; i++) {
		vn_device_tick(de.dev, now += VN_SEC(1));
		s->tx_dropped++;
	}
	assert_int_equal(de.dev->health.tx_stalls, 1);
	s->tx_packets++;
	vn_device_tick(de.dev, now += VN_SEC(1));
	for (unsigned int i = 0; i < 3; i++) {
		s->tx_dropped++;
		vn_device_tick(de.dev, now += VN_SEC(1));
	}
	assert_int_equal(de.dev->health.tx_stalls, 1);
	for (unsigned int i = 0; i < 3; i++) {
		s->tx_dropped++;
		vn_device_tick(de.dev, now += VN_SEC(1));
	}
	assert_int_equal(de.dev->health.tx_stalls, 2);
	/* Nothing is sent: no stall. */
	for (unsigned int i = 0; i < 10; i++)
		vn_device_tick(de.dev, now += VN_SEC(1));
	assert_int_equal(de.dev->health.tx_stalls, 2);
}

static void
no_work(struct vn_poller *poller, void *arg)
{
	(void)poller;
	(void)arg;
}

/* Kicks that bring nothing new are counted; those that bring something are not. */
static void
test_spurious_kicks(void **state)
{
	uint64_t before;

	(void)state;
	de_start_all();
	for (unsigned int i = 0; i < 50; i++) {
		guest_send(&de.guest, 1, i);
		UNTIL(guest_used_idx(&de.guest, 1) == i + 1);
	}
	before = vn_device_spurious_kicks(de.dev);
	assert_true(before <= 1);
	for (unsigned int i = 0; vn_device_spurious_kicks(de.dev) < before + 5; i++) {
		assert_true(i < 10000);
		pe_kick(de.guest.kick[1]);
		pe_call(no_work, NULL);
	}
}

/* The buckets are in order and without gaps; percentiles are not below the value. */
static void
test_histogram(void **state)
{
	struct vn_latency l = {0};

	(void)state;
	assert_int_equal(vn_latency_percentile(&l, 99), 0);
	for (uint64_t v = 0; v < 100000; v++) {
		const unsigned int b = vn_latency_bucket(v);

		assert_true(v <= vn_latency_bucket_end(b));
		assert_true(b == 0 || v > vn_latency_bucket_end(b - 1));
	}
	assert_int_equal(vn_latency_bucket(UINT64_MAX), VN_LATENCY_BUCKETS - 1);
	for (uint64_t v = 1; v <= 1000; v++)
		vn_latency_add(&l, v);
	assert_true(vn_latency_percentile(&l, 50) >= 500 && vn_latency_percentile(&l, 50) <= 640);
	assert_true(vn_latency_percentile(&l, 99) >= 990 && vn_latency_percentile(&l, 99) <= 1000);
	assert_int_equal(vn_latency_percentile(&l, 100), 1000);
	assert_int_equal(l.max, 1000);
}

/* Measured once somebody asks, through a restart, and to the end of the device. */
static void
test_latency(void **state)
{
	const struct vn_poll_latency *l;
	uint64_t since;

	(void)state;
	de_start_all();
	assert_null(vn_device_latency(de.dev, 1, &since));
	assert_int_equal(vn_device_measure(de.dev), 0);
	assert_int_equal(vn_device_measure(de.dev), 0);
	for (unsigned int i = 0; i < 20; i++)
		de_check_pair(0, 2 * i);
	l = vn_device_latency(de.dev, 1, &since);
	assert_non_null(l);
	UNTIL(l->service.count >= 19);
	assert_true(vn_latency_percentile(&l->service, 50) > 0);
	assert_int_equal(vn_device_latency(de.dev, 3, &since)->service.count, 0);
	assert_null(vn_device_latency(de.dev, RINGS, &since));
	restart(0);
	de_check_pair(1, 1);
	UNTIL(vn_device_latency(de.dev, 3, &since)->service.count > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DE_TEST(test_rings_go_on),
		DE_TEST(test_sent_meanwhile),
		DE_TEST(test_meanwhile),
		DE_TEST(test_any_state),
		DE_TEST(test_port),
		DE_TEST(test_broken),
		DE_TEST(test_stall),
		DE_TEST(test_spurious_kicks),
		cmocka_unit_test(test_histogram),
		DE_TEST(test_latency),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
