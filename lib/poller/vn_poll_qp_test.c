/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* A queue pair on a poller: frames both ways, back-pressure, no port. */

#include "poller_test_qp.h"

static void
test_to_driver(void **state)
{
	const unsigned int n = env_rounds("frames", 300, 30000);
	unsigned int sent = 0;
	int64_t tag;

	(void)state;
	attach_all();
	for (unsigned int got = 0; got < n;) {
		while (md_outstanding(&t.rx.md) < RING)
			post(2000);
		while (sent < n && sent < got + 40 && fp_send(t.pq, sent, 60 + sent % 1000))
			sent++;
		while ((tag = take(60 + got % 1000)) >= 0)
			assert_int_equal(tag, got++);
		vn_loop_run_once(pe.loop, 0);
	}
	assert_int_equal(t.rx.stats.packets, n);
	assert_int_equal(t.pq->stats.rx_packets, n);
	/* The first interrupt is for whatever may have been lost before. */
	assert_true(pe_signals(t.rx.call) > 1);
	assert_int_equal(t.broken_told, 0);
}

static void
test_to_port(void **state)
{
	const unsigned int n = env_rounds("frames", 300, 30000);
	unsigned int sent = 0;
	uint32_t tag;
	int len;

	(void)state;
	attach_all();
	for (unsigned int got = 0; got < n;) {
		while (sent < n && sent < got + 40 && driver_send(sent, 60 + sent % 1000))
			sent++;
		while ((len = fp_recv(t.pq, &tag)) >= 0) {
			assert_int_equal(tag, got);
			assert_int_equal(len, 60 + got % 1000);
			got++;
		}
		vn_loop_run_once(pe.loop, 0);
	}
	assert_int_equal(t.tx.stats.packets, n);
	assert_int_equal(t.pq->stats.tx_packets, n);
	assert_int_equal(t.pq->stats.tx_dropped, 0);
	assert_true(pe_signals(t.tx.call) > 1);
}

/* Without receive buffers frames wait in the port, the poller sleeps, and a refill wakes it. */
static void
test_back_pressure(void **state)
{
	const unsigned int n = 40;
	uint64_t rounds;
	int64_t tag;

	(void)state;
	attach_all();
	for (unsigned int i = 0; i < n; i++)
		assert_true(fp_send(t.pq, i, 100));
	UNTIL(pe_asleep());
	rounds = pe.stats->rounds;
	SETTLE();
	assert_true(pe_asleep());
	assert_int_equal(pe.stats->rounds, rounds);
	assert_int_equal(t.pq->stats.rx_packets, 0);
	for (unsigned int got = 0; got < n; got++) {
		/* One buffer, one frame; then it sleeps again, and asks for the next. */
		assert_true(post(2000));
		UNTIL((tag = take(100)) >= 0);
		assert_int_equal(tag, got);
		assert_true(take(100) < 0);
		UNTIL(pe_asleep());
	}
	assert_int_equal(t.rx.stats.packets, n);
	assert_int_equal(t.rx.stats.no_buffer, 0);
}

/* A frame for which there are too few buffers waits, and takes all of them when they are enough. */
static void
test_too_few_buffers(void **state)
{
	struct md_chain chain;
	unsigned int total = 0;

	(void)state;
	attach_all();
	post(300);
	post(300);
	assert_true(fp_send(t.pq, 7, 1000));
	assert_true(fp_send(t.pq, 8, 100));
	UNTIL(t.pq->stats.rx_packets == 1);
	SETTLE();
	assert_true(md_get(&t.rx.md, &chain) < 0);
	for (unsigned int i = 0; i < 3; i++)
		post(300);
	/* 1012 bytes need four buffers, 112 the fifth. */
	for (unsigned int i = 0; i < 5; i++) {
		int64_t len;

		UNTIL((len = md_get(&t.rx.md, &chain)) >= 0);
		total += len;
	}
	assert_int_equal(total, 1000 + 100 + 2 * sizeof(struct vn_net_hdr));
	assert_int_equal(t.rx.stats.packets, 2);
}

/* A detached ring's frames that wait for buffers go; the port's stay for the next life. */
static void
test_detach_with_pending(void **state)
{
	struct vn_virtq *vq;

	(void)state;
	attach_all();
	post(300);
	assert_true(fp_send(t.pq, 1, 1000));
	assert_true(fp_send(t.pq, 2, 200));
	UNTIL(t.pq->stats.rx_packets == 1);
	pe_call(detach_rx, &vq);
	assert_ptr_equal(vq, t.rx.vq);
	assert_int_equal(t.qp.n_pending, 0);
	assert_int_equal(t.rx.stats.packets, 0);
	/* Nobody takes the port's frames: that must not keep the poller awake. */
	UNTIL(pe_still());
	pe_call(detach_rx, &vq);
	assert_null(vq);
	pe_call(attach_rx, &t.rx.kick);
	UNTIL(take(200) == 2);
}

/* Without a port the driver's frames are taken and go nowhere. */
static void
test_no_port(void **state)
{
	(void)state;
	pe_call(attach_rx, &t.rx.kick);
	pe_call(attach_tx, &t.tx.kick);
	post(2000);
	for (unsigned int i = 0; i < 100; i++)
		UNTIL(driver_send(i, 60));
	UNTIL(t.tx.md.used->idx == t.tx.md.next_avail);
	assert_int_equal(t.tx.stats.packets, 100);
	UNTIL(pe_asleep());
	/* It may come later. */
	pe_call(attach_port, t.pq);
	assert_true(fp_send(t.pq, 5, 60));
	UNTIL(take(60) == 5);
}

static int
short_setup(void **state)
{
	pe_conf.rx_wait_ms = 1;
	return setup(state);
}

static int
short_teardown(void **state)
{
	pe_conf.rx_wait_ms = 1000 * 1000;
	return teardown(state);
}

/* A frame that needs more buffers than the driver ever shows does not stand in the way. */
static void
test_too_long(void **state)
{
	(void)state;
	attach_all();
	post(100);
	post(100);
	assert_true(fp_send(t.pq, 1, 1500));
	assert_true(fp_send(t.pq, 2, 60));
	UNTIL(take(60) == 2);
	assert_int_equal(t.rx.stats.oversized, 1);
	/* Nor does the next one. With no buffers at all they wait, as ever. */
	assert_true(fp_send(t.pq, 3, 1500));
	UNTIL(__atomic_load_n(&t.rx.stats.oversized, __ATOMIC_ACQUIRE) == 2);
	assert_true(fp_send(t.pq, 4, 60));
	UNTIL(take(60) == 4);
	assert_true(fp_send(t.pq, 5, 1500));
	SETTLE();
	post(2000);
	UNTIL(take(1500) == 5);
	assert_int_equal(t.rx.stats.oversized, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		QP_TEST(test_to_driver),
		QP_TEST(test_to_port),
		cmocka_unit_test_setup_teardown(test_too_long, short_setup, short_teardown),
		QP_TEST(test_back_pressure),
		QP_TEST(test_too_few_buffers),
		QP_TEST(test_detach_with_pending),
		QP_TEST(test_no_port),
	};

	return PE_RUN_BOTH(tests);
}
