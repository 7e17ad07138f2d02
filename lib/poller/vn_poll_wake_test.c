/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What wakes a poller that sleeps, and what must not keep it awake. */

#include "poller_test_qp.h"

static void
no_op(struct vn_poller *p, void *arg)
{
	(void)p;
	(void)arg;
}

/* An idle poller sleeps, and each of the things it waits for wakes it. */
static void
test_wake(void **state)
{
	uint64_t rounds;
	uint32_t tag;

	(void)state;
	attach_all();
	for (unsigned int i = 0; i < 10; i++) {
		UNTIL(pe_asleep());
		rounds = pe.stats->rounds;
		SETTLE();
		assert_true(pe_asleep());
		assert_int_equal(pe.stats->rounds, rounds);
		/* The driver. */
		assert_true(driver_send(i, 60));
		UNTIL(fp_recv(t.pq, &tag) >= 0);
		assert_int_equal(tag, i);
		UNTIL(pe_asleep());
		/* The network. */
		post(2000);
		UNTIL(pe_asleep());
		assert_true(fp_send(t.pq, i, 60));
		UNTIL(take(60) == i);
		UNTIL(pe_asleep());
		/* The control thread. */
		pe_call(no_op, NULL);
	}
}

/* A ring that cannot wake the poller is looked at by time. */
static void
test_ring_without_kick(void **state)
{
	uint64_t sleeps, wakes;
	uint32_t tag;

	(void)state;
	pe_call(attach_port, t.pq);
	pe_call(attach_tx, NULL);
	pe_call(attach_rx, NULL);
	for (unsigned int i = 0; i < 20; i++) {
		sleeps = pe.stats->sleeps;
		wakes = pe.stats->wakes;
		UNTIL(pe.stats->sleeps > sleeps + 2);
		assert_int_equal(pe.stats->wakes, wakes);
		assert_true(driver_send(i, 60));
		UNTIL(fp_recv(t.pq, &tag) >= 0);
		assert_int_equal(tag, i);
		/* The same for buffers that frames wait for. */
		assert_true(fp_send(t.pq, i, 60));
		UNTIL(t.qp.n_pending > 0 || t.qp.pq_muted);
		post(2000);
		UNTIL(take(60) == i);
	}
	assert_int_equal(pe_signals(t.tx.kick), 20);
}

/* A port without a descriptor is looked at by time. */
static void
test_port_without_fd(void **state)
{
	(void)state;
	fp.pollable = false;
	attach_all();
	for (unsigned int i = 0; i < 10; i++) {
		const uint64_t sleeps = pe.stats->sleeps;

		post(2000);
		UNTIL(pe.stats->sleeps > sleeps + 2);
		assert_true(fp_send(t.pq, i, 60));
		UNTIL(take(60) == i);
	}
}

/* A netdev that is gone shows an error for ever; the poller neither spins nor forgets the driver.
 */
static void
port_error(void)
{
	uint64_t sleeps, wakes;

	close(t.pq->peer);
	t.pq->peer = -1;
	sleeps = pe.stats->sleeps;
	UNTIL(pe.stats->sleeps > sleeps + 5);
	sleeps = pe.stats->sleeps;
	wakes = pe.stats->wakes;
	UNTIL(pe.stats->sleeps > sleeps + 20);
	assert_int_equal(pe.stats->wakes, wakes);
	assert_true(driver_send(1, 60));
	UNTIL(t.tx.md.used->idx == t.tx.md.next_avail);
	assert_int_equal(t.pq->stats.tx_dropped, 1);
}

static void
test_port_error(void **state)
{
	(void)state;
	attach_all();
	post(2000);
	UNTIL(pe_asleep());
	port_error();
}

static void
test_port_error_waiting(void **state)
{
	(void)state;
	attach_all();
	assert_true(fp_send(t.pq, 1, 60));
	UNTIL(t.qp.pq_muted);
	close(t.pq->peer);
	t.pq->peer = -1;
	UNTIL(!__atomic_load_n(&t.qp.pq_watched, __ATOMIC_ACQUIRE));
	/* What the port had before is still delivered. */
	post(2000);
	UNTIL(take(60) == 1);
	assert_true(driver_send(1, 60));
	UNTIL(t.tx.md.used->idx == t.tx.md.next_avail);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		QP_TEST(test_wake),
		QP_TEST(test_ring_without_kick),
		QP_TEST(test_port_without_fd),
		QP_TEST(test_port_error),
		QP_TEST(test_port_error_waiting),
	};

	return PE_RUN_BOTH(tests);
}
