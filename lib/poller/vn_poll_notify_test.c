/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Notifications by vn_poll_qp_wake(), and interrupts that wait for more frames. */

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "poller_private.h"
#include "poller_test_qp.h"

#define NEVER UINT32_MAX /* more than an hour */

static int by_wake = VN_KICK_WAKE;

/* What a transport does when the driver notified. */
static void
driver_sends(uint32_t tag)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 60] = {0};
	const uint16_t old = t.tx.md.next_avail;
	struct md_chain chain;

	while (md_get(&t.tx.md, &chain) >= 0)
		;
	memcpy(buf + sizeof(struct vn_net_hdr), &tag, sizeof(tag));
	assert_true(md_add(&t.tx.md, buf, sizeof(buf)));
	rte_smp_mb();
	if (md_wants_kick(&t.tx.md, old))
		vn_poll_qp_wake(pe.poller, &t.qp);
}

static bool
wakefd_is_set(void)
{
	struct pollfd p = {.fd = pe.poller->wakefd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* Such a ring wakes the poller, and nothing has to be looked at by time. */
static void
test_wake(void **state)
{
	uint64_t rounds;
	uint32_t tag;

	(void)state;
	pe_call(attach_port, t.pq);
	pe_call(attach_rx, &by_wake);
	pe_call(attach_tx, &by_wake);
	for (unsigned int i = 0; i < 10; i++) {
		UNTIL(pe_asleep());
		rounds = pe.stats->rounds;
		SETTLE();
		assert_true(pe_asleep());
		assert_int_equal(pe.stats->rounds, rounds);
		driver_sends(i);
		UNTIL(fp_recv(t.pq, &tag) >= 0);
		assert_int_equal(tag, i);
		UNTIL(pe_asleep());
		/* Receive buffers for a frame that waits in the port. */
		assert_true(fp_send(t.pq, i, 60));
		UNTIL(pe_asleep() && t.qp.pq_muted);
		assert_true(post(2000));
		assert_int_equal(pe_signals(t.rx.kick), 1);
		assert_true(take(60) < 0);
		vn_poll_qp_wake(pe.poller, &t.qp);
		UNTIL(take(60) == i);
	}
}

/* While it is awake, a wake-up is a look at one word. */
static void
test_wake_while_awake(void **state)
{
	uint32_t tag;

	(void)state;
	pe_call(attach_port, t.pq);
	pe_call(attach_tx, &by_wake);
	UNTIL(pe_asleep());
	fp_hold(FP_TX);
	driver_sends(1);
	UNTIL(fp_inside(FP_TX));
	UNTIL(!wakefd_is_set());
	for (unsigned int i = 0; i < 10; i++)
		vn_poll_qp_wake(pe.poller, &t.qp);
	assert_false(wakefd_is_set());
	/* What came meanwhile is found before it sleeps. */
	driver_sends(2);
	assert_false(wakefd_is_set());
	fp_release(FP_TX);
	UNTIL(fp_recv(t.pq, &tag) >= 0);
	UNTIL(fp_recv(t.pq, &tag) >= 0);
	assert_int_equal(tag, 2);
	UNTIL(pe_asleep());
	vn_poll_qp_wake(pe.poller, &t.qp);
	UNTIL(pe_asleep());
}

/*
 * Rules that change nothing. The poller asks for them when it looks at the rings for the last time,
 * behind its look at the transmit ring: there the test can hold it.
 */
struct vn_rx_rules {
	bool hold;
	bool held;
	int gate[2];
};

static struct vn_rx_rules rules;

bool
vn_rx_rules_trivial(const struct vn_rx_rules *r)
{
	char c;

	(void)r;
	if (__atomic_load_n(&pe.poller->asleep, __ATOMIC_ACQUIRE) &&
		__atomic_exchange_n(&rules.hold, false, __ATOMIC_ACQ_REL)) {
		__atomic_store_n(&rules.held, true, __ATOMIC_RELEASE);
		assert_int_equal(read(rules.gate[0], &c, 1), 1);
	}
	return true;
}

int
vn_rx_rules_apply(const struct vn_rx_rules *r, struct rte_mbuf *m, uint16_t from)
{
	(void)r;
	(void)m;
	return from;
}

int
vn_rx_rules_apply_view(const struct vn_rx_rules *r, const struct vn_view *view,
	struct vn_net_hdr_hash *hdr, uint16_t from)
{
	(void)r;
	(void)view;
	(void)hdr;
	return from;
}

static void
no_op(struct vn_poller *p, void *arg)
{
	(void)p;
	(void)arg;
}

/* The driver notifies between the poller's last look at its ring and the sleep. */
static void
test_wake_before_sleep(void **state)
{
	struct vn_poll_qp *qps[1] = {&t.qp};
	struct vn_poll_group group = {.qp = qps, .n = 1, .rules = &rules};
	struct vn_port_queue *pq;
	struct vn_virtq *vq;
	uint32_t tag;

	(void)state;
	assert_int_equal(pipe(rules.gate), 0);
	t.qp.group = &group;
	pe_call(attach_port, t.pq);
	pe_call(attach_tx, &by_wake);
	for (unsigned int i = 0; i < 3; i++) {
		UNTIL(pe_asleep());
		__atomic_store_n(&rules.held, false, __ATOMIC_RELAXED);
		__atomic_store_n(&rules.hold, true, __ATOMIC_RELEASE);
		pe_call(no_op, NULL);
		UNTIL(__atomic_load_n(&rules.held, __ATOMIC_ACQUIRE));
		driver_sends(i);
		SETTLE();
		assert_true(fp_recv(t.pq, &tag) < 0);
		assert_int_equal(write(rules.gate[1], "x", 1), 1);
		UNTIL(fp_recv(t.pq, &tag) >= 0);
		assert_int_equal(tag, i);
	}
	pe_call(detach_tx, &vq);
	pe_call(detach_port, &pq);
	close(rules.gate[0]);
	close(rules.gate[1]);
	t.qp.group = NULL;
}

/* The driver notifies at any moment of the poller's way to sleep; one lost ends the flow. */
static void
test_no_wake_is_lost(void **state)
{
	const unsigned int n = env_rounds("notifications", 5000, 500000);
	struct pollfd p = {.fd = t.pq->peer, .events = POLLIN};
	struct rng rng = {.s = 1};
	cpu_set_t before, any;
	uint32_t tag = n;

	(void)state;
	/* On another CPU than the poller, if there is one: then both really run at once. */
	assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof(before), &before), 0);
	memset(&any, 0xff, sizeof(any));
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(any), &any), 0);
	pe_call(attach_port, t.pq);
	pe_call(attach_tx, &by_wake);
	for (unsigned int i = 0; i < n; i++) {
		driver_sends(i);
		/* See it at once if possible: whoever slept first comes too late for the rest. */
		for (unsigned int look = 0; look < 200 && fp_recv(t.pq, &tag) < 0; look++)
			tag = i + 1;
		if (tag != i) {
			assert_int_equal(poll(&p, 1, (int)(WAIT_NS / VN_MS(1))), 1);
			assert_true(fp_recv(t.pq, &tag) >= 0);
			assert_int_equal(tag, i);
		}
		/* It is on its way to sleep now; meet it somewhere. */
		for (uint32_t spin = rng_below(&rng, 200); spin > 0; spin--)
			rte_pause();
	}
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(before), &before), 0);
}

struct coal {
	struct vn_virtq *vq;
	uint32_t usecs, packets;
};

static void
set_coal(struct vn_poller *p, void *arg)
{
	const struct coal *c = arg;

	(void)p;
	vn_virtq_set_coal(c->vq, c->usecs, c->packets);
}

static void
coal(uint32_t usecs, uint32_t packets)
{
	struct coal c = {t.tx.vq, usecs, packets};

	pe_call(set_coal, &c);
}

static void
sent_and_completed(uint32_t tag)
{
	uint32_t got;

	assert_true(driver_send(tag, 60));
	UNTIL(fp_recv(t.pq, &got) >= 0);
	UNTIL(pe_still());
	assert_int_equal(t.tx.md.used->idx, t.tx.md.next_avail);
}

static void
test_coalesce(void **state)
{
	struct vn_virtq *vq;

	(void)state;
	attach_all();
	assert_int_equal(pe_signals(t.tx.call), 1);
	for (unsigned int i = 0; i < 2; i++) {
		coal(NEVER, 3);
		sent_and_completed(0);
		sent_and_completed(1);
		assert_int_equal(pe_signals(t.tx.call), 0);
		/* Enough of them. */
		sent_and_completed(2);
		assert_int_equal(pe_signals(t.tx.call), 1);
		/* It need not wait any more. */
		sent_and_completed(3);
		assert_int_equal(pe_signals(t.tx.call), 0);
		coal(0, 0);
		UNTIL(pe_still());
		assert_int_equal(pe_signals(t.tx.call), 1);
		/* The ring goes away, and comes back. */
		coal(NEVER, 3);
		sent_and_completed(4);
		assert_int_equal(pe_signals(t.tx.call), 0);
		pe_call(detach_tx, &vq);
		assert_int_equal(pe_signals(t.tx.call), 1);
		pe_call(attach_tx, &t.tx.kick);
		assert_int_equal(pe_signals(t.tx.call), 1);
	}
}

/* A poller that sleeps wakes when the wait is over, with or without the newer system call. */
static void
test_coalesce_by_time(void **state)
{
	uint32_t tag;

	(void)state;
	attach_all();
	assert_int_equal(pe_signals(t.tx.call), 1);
	for (unsigned int i = 0; i < 20; i++) {
		if (i == 10)
			pe.poller->no_pwait2 = true;
		coal(1 + i * 100, NEVER);
		assert_true(driver_send(i, 60));
		UNTIL(fp_recv(t.pq, &tag) >= 0);
		UNTIL(pe_signals(t.tx.call) == 1);
		SETTLE();
		assert_int_equal(pe_signals(t.tx.call), 0);
	}
	UNTIL(pe_still());
	/* Of several deadlines the earliest counts. */
	pe_call(set_coal, &(struct coal){t.rx.vq, NEVER, NEVER});
	assert_int_equal(pe_signals(t.rx.call), 1);
	post(2000);
	assert_true(fp_send(t.pq, 1, 60));
	UNTIL(take(60) == 1);
	assert_true(driver_send(1, 60));
	UNTIL(pe_signals(t.tx.call) == 1);
	assert_int_equal(pe_signals(t.rx.call), 0);
}

/* What waits for a broken ring is dropped, and keeps nobody awake. */
static void
test_coalesce_broken(void **state)
{
	(void)state;
	attach_all();
	assert_int_equal(pe_signals(t.tx.call), 1);
	coal(NEVER, NEVER);
	sent_and_completed(1);
	__atomic_store_n(&t.tx.md.avail->idx, t.tx.md.next_avail + RING + 1, __ATOMIC_RELEASE);
	pe_kick(t.tx.kick);
	UNTIL(__atomic_load_n(&t.broken_told, __ATOMIC_ACQUIRE) == 1);
	UNTIL(pe_still());
	assert_int_equal(pe_signals(t.tx.call), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		QP_TEST(test_wake),
		QP_TEST(test_wake_while_awake),
		QP_TEST(test_wake_before_sleep),
		QP_TEST(test_no_wake_is_lost),
		QP_TEST(test_coalesce),
		QP_TEST(test_coalesce_by_time),
		QP_TEST(test_coalesce_broken),
	};

	return PE_RUN_BOTH(tests);
}
