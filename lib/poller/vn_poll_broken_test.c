/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Rings that their driver broke, and interrupts at and after a take-over. */

#include <fcntl.h>
#include <signal.h>

#include "poller_test_qp.h"

/* The driver makes more available than the ring has. */
static void
break_ring(struct ring *r)
{
	__atomic_store_n(&r->md.avail->idx, r->md.next_avail + RING + 1, __ATOMIC_RELEASE);
	pe_kick(r->kick);
}

static unsigned int
told(void)
{
	return __atomic_load_n(&t.broken_told, __ATOMIC_ACQUIRE);
}

static void
test_broken(void **state)
{
	uint32_t tag;

	(void)state;
	attach_all();
	break_ring(&t.rx);
	assert_true(fp_send(t.pq, 1, 60));
	UNTIL(told() > 0);
	assert_true(vn_virtq_broken(t.rx.vq));
	/* Frames that nobody takes must not keep the poller awake; the other ring goes on. */
	for (unsigned int i = 0; i < 10; i++) {
		UNTIL(pe_asleep());
		assert_true(driver_send(i, 60));
		UNTIL(fp_recv(t.pq, &tag) >= 0);
		assert_int_equal(tag, i);
	}
	assert_int_equal(told(), 1);
	/* The other ring is told of by itself, once. */
	break_ring(&t.tx);
	UNTIL(told() > 1);
	UNTIL(pe_asleep());
	pe_kick(t.rx.kick);
	pe_kick(t.tx.kick);
	SETTLE();
	assert_int_equal(told(), 2);
}

/* Attaching a ring is no reason to tell again that the other one is broken. */
static void
test_broken_then_attach(void **state)
{
	(void)state;
	pe_call(attach_port, t.pq);
	break_ring(&t.tx);
	pe_call(attach_tx, &t.tx.kick);
	UNTIL(told() == 1);
	pe_call(attach_rx, &t.rx.kick);
	post(2000);
	assert_true(fp_send(t.pq, 3, 60));
	UNTIL(take(60) == 3);
	assert_int_equal(told(), 1);
}

/* What takes a ring over cannot know whether the last interrupt was sent. */
static void
test_interrupt_at_attach(void **state)
{
	struct vn_virtq *vq;

	(void)state;
	md_disable_interrupt(&t.tx.md);
	for (unsigned int i = 0; i < 3; i++) {
		pe_call(attach_tx, &t.tx.kick);
		assert_int_equal(pe_signals(t.tx.call), 1);
		pe_call(detach_tx, &vq);
		assert_int_equal(pe_signals(t.tx.call), 0);
	}
}

static void
do_nothing(int sig)
{
	(void)sig;
}

/* An interrupt descriptor that the peer made blocking and filled: the watchdog gets us out. */
static void
test_blocking_call(void **state)
{
	const struct sigaction sa = {.sa_handler = do_nothing};
	const uint64_t full = UINT64_MAX - 1;
	uint32_t tag;

	(void)state;
	assert_int_equal(sigaction(VN_POLLER_SIGNAL, &sa, NULL), 0);
	attach_all();
	UNTIL(pe_asleep());
	pe_signals(t.tx.call);
	assert_int_equal(write(t.tx.call, &full, sizeof(full)), sizeof(full));
	assert_int_equal(fcntl(t.tx.call, F_SETFL, 0), 0);
	assert_true(driver_send(1, 60));
	UNTIL(told() == 1);
	assert_string_equal(vn_virtq_broken_why(t.tx.vq), "interrupt-blocks");
	assert_true(fp_recv(t.pq, &tag) >= 0);
	post(2000);
	assert_true(fp_send(t.pq, 3, 60));
	UNTIL(take(60) == 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		QP_TEST(test_broken),
		QP_TEST(test_broken_then_attach),
		QP_TEST(test_interrupt_at_attach),
		QP_TEST(test_blocking_call),
	};

	return PE_RUN_BOTH(tests);
}
