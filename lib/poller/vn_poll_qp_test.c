/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* A queue pair on a poller: frames both ways, back-pressure, sleep and wake-up, broken rings. */

#include <fcntl.h>
#include <signal.h>

#include "poller_test_env.h"

#define RING     16
#define FEATURES (VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF)

/* One ring, its driver, and its descriptors. */
struct ring {
	struct model_driver md;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
	int kick, call;
};

static struct {
	struct vn_poll_qp qp;
	struct vn_port *port;
	struct vn_port_queue *pq;
	struct ring rx, tx;
	unsigned int broken_told; /* poller writes */
} t;

static void
on_broken(struct vn_poll_qp *qp)
{
	(void)qp;
	__atomic_fetch_add(&t.broken_told, 1, __ATOMIC_RELEASE);
}

static void
ring_make(struct ring *r, bool is_rx, uint64_t features)
{
	struct vn_virtq_conf conf;

	memset(r, 0, sizeof(*r));
	md_init(&r->md, 1, RING, 0, features, is_rx, 0);
	r->md.plain = true;
	r->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(r->kick >= 0 && r->call >= 0);
	conf = md_conf(&r->md, &r->stats);
	conf.call_fd = r->call;
	assert_int_equal(vn_virtq_create(&conf, &r->vq), 0);
}

static void
ring_free(struct ring *r)
{
	vn_virtq_free(r->vq);
	md_fini(&r->md);
	close(r->kick);
	close(r->call);
}

static int
setup(void **state)
{
	char err[256];

	if (pe_setup(state) != 0)
		return -1;
	memset(&t, 0, sizeof(t));
	t.qp.ops = &fp_ops;
	t.qp.pool = env_pool;
	t.qp.on_broken = on_broken;
	ring_make(&t.rx, true, FEATURES);
	ring_make(&t.tx, false, FEATURES);
	assert_int_equal(
		fp_ops.open(&(struct vn_port_conf){.name = "p"}, &t.port, err, sizeof(err)), 0);
	assert_int_equal(fp_ops.queue_open(t.port, 0, env_pool, &t.pq), 0);
	return 0;
}

static void
attach_rx(struct vn_poller *p, void *kick)
{
	vn_poll_qp_attach_ring(p, &t.qp, true, t.rx.vq, kick == NULL ? -1 : *(int *)kick);
}

static void
attach_tx(struct vn_poller *p, void *kick)
{
	vn_poll_qp_attach_ring(p, &t.qp, false, t.tx.vq, kick == NULL ? -1 : *(int *)kick);
}

static void
attach_port(struct vn_poller *p, void *pq)
{
	vn_poll_qp_attach_port(p, &t.qp, pq);
}

static void
detach_rx(struct vn_poller *p, void *vq)
{
	*(struct vn_virtq **)vq = vn_poll_qp_detach_ring(p, &t.qp, true);
}

static void
detach_tx(struct vn_poller *p, void *vq)
{
	*(struct vn_virtq **)vq = vn_poll_qp_detach_ring(p, &t.qp, false);
}

static void
detach_port(struct vn_poller *p, void *pq)
{
	*(struct vn_port_queue **)pq = vn_poll_qp_detach_port(p, &t.qp);
}

static int
teardown(void **state)
{
	struct vn_virtq *vq;
	struct vn_port_queue *pq;

	for (unsigned int i = 0; i < FP_CALLS; i++)
		fp_release(i);
	pe_call(detach_rx, &vq);
	pe_call(detach_tx, &vq);
	pe_call(detach_port, &pq);
	assert_false(t.qp.linked);
	fp_ops.queue_close(t.pq);
	fp_ops.close(t.port);
	ring_free(&t.rx);
	ring_free(&t.tx);
	return pe_teardown(state);
}

/* All of a pair that works. */
static void
attach_all(void)
{
	pe_call(attach_port, t.pq);
	pe_call(attach_rx, &t.rx.kick);
	pe_call(attach_tx, &t.tx.kick);
}

/* The driver makes a receive buffer available, and kicks if it is asked to. */
static bool
post(uint32_t len)
{
	const uint16_t old = t.rx.md.next_avail;
	bool kick;

	assert_true(md_add(&t.rx.md, NULL, len));
	rte_smp_mb();
	kick = md_wants_kick(&t.rx.md, old);
	if (kick)
		pe_kick(t.rx.kick);
	return kick;
}

/* The driver takes a frame. @return its tag, or -1. */
static int64_t
take(uint32_t len)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 2048];
	struct md_chain chain;
	uint32_t tag;
	int64_t got = md_get(&t.rx.md, &chain);

	if (got < 0)
		return -1;
	assert_int_equal(got, sizeof(struct vn_net_hdr) + len);
	md_chain_read(&t.rx.md, &chain, buf, got);
	memcpy(&tag, buf + sizeof(struct vn_net_hdr), sizeof(tag));
	return tag;
}

/* The driver sends. */
static bool
driver_send(uint32_t tag, uint32_t len)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 2048] = {0};
	const uint16_t old = t.tx.md.next_avail;
	struct md_chain chain;

	while (md_get(&t.tx.md, &chain) >= 0)
		;
	memcpy(buf + sizeof(struct vn_net_hdr), &tag, sizeof(tag));
	if (!md_add(&t.tx.md, buf, sizeof(struct vn_net_hdr) + len))
		return false;
	rte_smp_mb();
	if (md_wants_kick(&t.tx.md, old))
		pe_kick(t.tx.kick);
	return true;
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_to_driver),
		TEST(test_to_port),
		TEST(test_back_pressure),
		TEST(test_too_few_buffers),
		TEST(test_detach_with_pending),
		TEST(test_wake),
		TEST(test_ring_without_kick),
		TEST(test_port_without_fd),
		TEST(test_port_error),
		TEST(test_port_error_waiting),
		TEST(test_no_port),
		TEST(test_broken),
		TEST(test_broken_then_attach),
		TEST(test_interrupt_at_attach),
		TEST(test_blocking_call),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
