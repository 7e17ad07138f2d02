/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Pairs that go cold and become hot again, beside a pair that keeps the poller awake, and with a
 * poller that sleeps or naps. Who is cold is seen by the poller's numbers.
 */

#include <poll.h>
#include <pthread.h>

#include <rte_rcu_qsbr.h>

#include "poller_test_qp.h"

#define PAIRS 3

static struct {
	struct vn_poll_qp qp[PAIRS];
	struct vn_port *port;
	struct vn_port_queue *pq[PAIRS];
	struct ring rx[PAIRS], tx[PAIRS];
	int kick; /* what their rings are attached with; -1: their own descriptors */
	/* A pair whose driver makes available again what was given back, in its port. */
	struct vn_poll_qp busy_qp;
	struct ring busy;
} w;

/* Several bursts. */
#define BUSY_RING 128

#define BY_FD  (-10)
#define BY_ASK (-1) /* nobody tells: looked at by time */

static uint16_t
busy_rx(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	(void)q;
	(void)pkts;
	(void)n;
	return 0;
}

static void
busy_tx(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct model_driver *md = &w.busy.md;

	(void)q;
	rte_pktmbuf_free_bulk(pkts, n);
	/* This burst goes back later. All descriptors are the same to it. */
	__atomic_store_n(&md->avail->idx, md->used->idx + BUSY_RING, __ATOMIC_RELEASE);
}

static int
busy_fd(struct vn_port_queue *q)
{
	(void)q;
	return -1;
}

static const struct vn_port_ops busy_ops = {
	.kind = "busy", .rx_burst = busy_rx, .tx_burst = busy_tx, .queue_fd = busy_fd};

static int
idle_setup(void **state)
{
	char err[256];

	if (pe_setup(state) != 0)
		return -1;
	memset(&t, 0, sizeof(t));
	memset(&w, 0, sizeof(w));
	w.kick = BY_FD;
	assert_int_equal(
		fp_ops.open(&(struct vn_port_conf){.name = "p"}, &w.port, err, sizeof(err)), 0);
	for (unsigned int i = 0; i < PAIRS; i++) {
		w.qp[i] = (struct vn_poll_qp){
			.ops = &fp_ops, .pool = env_pool, .on_broken = on_broken, .number = i};
		ring_make(&w.rx[i], true, FEATURES);
		ring_make(&w.tx[i], false, FEATURES);
		assert_int_equal(fp_ops.queue_open(w.port, i, env_pool, &w.pq[i]), 0);
	}
	w.busy_qp = (struct vn_poll_qp){.ops = &busy_ops, .pool = env_pool, .on_broken = on_broken};
	ring_make_size(&w.busy, false, FEATURES, BUSY_RING);
	return 0;
}

static void
attach(struct vn_poller *p, void *arg)
{
	const unsigned int i = *(unsigned int *)arg;

	vn_poll_qp_attach_port(p, &w.qp[i], w.pq[i]);
	vn_poll_qp_attach_ring(
		p, &w.qp[i], true, w.rx[i].vq, w.kick == BY_FD ? w.rx[i].kick : w.kick);
	vn_poll_qp_attach_ring(
		p, &w.qp[i], false, w.tx[i].vq, w.kick == BY_FD ? w.tx[i].kick : w.kick);
}

static void
detach(struct vn_poller *p, void *arg)
{
	const unsigned int i = *(unsigned int *)arg;

	vn_poll_qp_detach_ring(p, &w.qp[i], false);
	vn_poll_qp_detach_ring(p, &w.qp[i], true);
	vn_poll_qp_detach_port(p, &w.qp[i]);
}

static void
attach_pairs(void)
{
	for (unsigned int i = 0; i < PAIRS; i++)
		pe_call(attach, &i);
}

static void
start_busy(struct vn_poller *p, void *arg)
{
	vn_poll_qp_attach_port(p, &w.busy_qp, arg);
	vn_poll_qp_attach_ring(p, &w.busy_qp, false, w.busy.vq, w.busy.kick);
}

static void
stop_busy(struct vn_poller *p, void *arg)
{
	(void)arg;
	vn_poll_qp_detach_ring(p, &w.busy_qp, false);
	vn_poll_qp_detach_port(p, &w.busy_qp);
}

/* From now on every round of the poller moves frames. */
static void
be_busy(void)
{
	uint8_t frame[sizeof(struct vn_net_hdr) + 60] = {0};

	while (md_add(&w.busy.md, frame, sizeof(frame)))
		;
	pe_call(start_busy, w.pq[0]);
}

static int
idle_teardown(void **state)
{
	for (unsigned int i = 0; i < FP_CALLS; i++)
		fp_release(i);
	pe_call(stop_busy, NULL);
	for (unsigned int i = 0; i < PAIRS; i++) {
		pe_call(detach, &i);
		assert_false(w.qp[i].linked);
		fp_ops.queue_close(w.pq[i]);
		ring_free(&w.rx[i]);
		ring_free(&w.tx[i]);
	}
	assert_int_equal(pe.stats->hot_pairs, 0);
	assert_int_equal(pe.stats->cold_pairs, 0);
	fp_ops.close(w.port);
	ring_free(&w.busy);
	return pe_teardown(state);
}

static uint64_t
read_stat(const uint64_t *n)
{
	return __atomic_load_n(n, __ATOMIC_ACQUIRE);
}

#define COLD    read_stat(&pe.stats->cold_pairs)
#define HOT     read_stat(&pe.stats->hot_pairs)
#define HEATED  read_stat(&pe.stats->heated)
#define PACKETS read_stat(&pe.stats->packets)

/* Chains that the driver of pair @p i sends; it notifies as it is asked to. */
static bool
pair_send(unsigned int i, uint32_t tag)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 60] = {0};
	struct ring *r = &w.tx[i];
	const uint16_t old = r->md.next_avail;
	struct md_chain chain;
	bool asked;

	while (md_get(&r->md, &chain) >= 0)
		;
	memcpy(buf + sizeof(struct vn_net_hdr), &tag, sizeof(tag));
	assert_true(md_add(&r->md, buf, sizeof(buf)));
	rte_smp_mb();
	asked = md_wants_kick(&r->md, old);
	if (asked && w.kick == BY_FD)
		pe_kick(r->kick);
	else if (asked && w.kick == VN_KICK_WAKE)
		vn_poll_qp_wake(pe.poller, &w.qp[i]);
	return asked;
}

static void
pair_post(unsigned int i)
{
	struct ring *r = &w.rx[i];
	const uint16_t old = r->md.next_avail;

	assert_true(md_add(&r->md, NULL, 2000));
	rte_smp_mb();
	if (md_wants_kick(&r->md, old)) {
		if (w.kick == BY_FD)
			pe_kick(r->kick);
		else if (w.kick == VN_KICK_WAKE)
			vn_poll_qp_wake(pe.poller, &w.qp[i]);
	}
}

static void
sent_arrives(unsigned int i, uint32_t tag)
{
	uint32_t got;

	UNTIL(fp_recv(w.pq[i], &got) >= 0);
	assert_int_equal(got, tag);
}

static void
port_arrives(unsigned int i, uint32_t tag)
{
	struct md_chain chain;
	uint8_t buf[sizeof(struct vn_net_hdr) + 60];
	uint32_t got;

	UNTIL(md_get(&w.rx[i].md, &chain) == sizeof(buf));
	md_chain_read(&w.rx[i].md, &chain, buf, sizeof(buf));
	memcpy(&got, buf + sizeof(struct vn_net_hdr), sizeof(got));
	assert_int_equal(got, tag);
}

/* All pairs are armed: cold, or the poller went to sleep before they were. A nap arms none. */
static bool
at_rest(void)
{
	return COLD == PAIRS || (pe_conf.idle_policy != VN_IDLE_NAP && pe_asleep());
}

/* All that a pair does for its driver and its port, each time from the cold. */
static void
each_way_from_cold(unsigned int n)
{
	for (uint32_t tag = 0; tag < n; tag++) {
		const unsigned int i = tag % PAIRS;

		UNTIL(at_rest());
		assert_true(pair_send(i, tag));
		sent_arrives(i, tag);
		UNTIL(at_rest());
		/* A frame waits for a buffer, then a buffer for a frame. */
		assert_true(fp_send(w.pq[i], tag, 60));
		UNTIL(at_rest() && __atomic_load_n(&w.qp[i].pq_muted, __ATOMIC_ACQUIRE));
		pair_post(i);
		port_arrives(i, tag);
		UNTIL(at_rest());
		pair_post(i);
		UNTIL(at_rest());
		assert_true(fp_send(w.pq[i], tag, 60));
		port_arrives(i, tag);
	}
}

/* Idle pairs beside a busy one. */
static void
beside_busy(int kick)
{
	uint64_t packets;

	w.kick = kick;
	be_busy();
	attach_pairs();
	each_way_from_cold(6);
	UNTIL(HOT == 1); /* the last pair cools down, too */
	packets = PACKETS;
	UNTIL(PACKETS > packets);
}

static void
test_kicks_beside_busy(void **state)
{
	(void)state;
	beside_busy(BY_FD);
}

static void
test_wakes_beside_busy(void **state)
{
	(void)state;
	beside_busy(VN_KICK_WAKE);
}

static void
test_asleep(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		w.kick = i == 0 ? BY_FD : VN_KICK_WAKE;
		attach_pairs();
		each_way_from_cold(6);
		UNTIL(pe_asleep());
		for (unsigned int k = 0; k < PAIRS; k++)
			pe_call(detach, &k);
	}
}

/* Rings that nobody tells of are looked at by time, and are not hot for that. */
static void
test_by_time(void **state)
{
	uint64_t heated;

	(void)state;
	w.kick = BY_ASK;
	be_busy();
	attach_pairs();
	for (uint32_t tag = 0; tag < 5; tag++) {
		UNTIL(COLD == PAIRS);
		heated = HEATED;
		UNTIL(__atomic_load_n(&w.qp[0].look_at, __ATOMIC_ACQUIRE) != 0);
		SETTLE();
		assert_int_equal(HEATED, heated);
		pair_send(1, tag);
		sent_arrives(1, tag);
		UNTIL(COLD == PAIRS);
		pair_post(2);
		assert_true(fp_send(w.pq[2], tag, 60));
		port_arrives(2, tag);
	}
	/* The same with a poller that sleeps meanwhile. */
	pe_call(stop_busy, NULL);
	UNTIL(COLD == PAIRS);
	pair_send(0, 7);
	sent_arrives(0, 7);
}

static void
set_coal(struct vn_poller *p, void *arg)
{
	vn_poll_qp_touch(p, &w.qp[0]);
	vn_virtq_set_coal(w.tx[0].vq, *(uint32_t *)arg, UINT32_MAX);
}

/* A pair is not cold before its interrupt has been sent. */
static void
test_interrupt_waits(void **state)
{
	uint32_t usecs = 3000;

	(void)state;
	attach_pairs();
	be_busy();
	pe_call(set_coal, &usecs);
	for (uint32_t tag = 0; tag < 3; tag++) {
		UNTIL(COLD == PAIRS);
		pe_signals(w.tx[0].call);
		assert_true(pair_send(0, tag));
		sent_arrives(0, tag);
		UNTIL(COLD == PAIRS);
		assert_int_equal(pe_signals(w.tx[0].call), 1);
	}
	/* One that waits for hours keeps it hot, and detaching it sends it. */
	usecs = UINT32_MAX;
	pe_call(set_coal, &usecs);
	UNTIL(COLD == PAIRS);
	pair_send(0, 9);
	sent_arrives(0, 9);
	UNTIL(COLD == PAIRS - 1);
	SETTLE();
	assert_int_equal(COLD, PAIRS - 1);
	assert_int_equal(pe_signals(w.tx[0].call), 0);
	pe_call(detach, &(unsigned int){0});
	assert_int_equal(pe_signals(w.tx[0].call), 1);
}

static void
no_op(struct vn_poller *p, void *arg)
{
	(void)p;
	(void)arg;
}

/* What a command says it touched is looked at; if it says nothing, all are. */
static void
test_commands(void **state)
{
	uint64_t heated;
	uint32_t usecs = 0;

	(void)state;
	be_busy();
	attach_pairs();
	UNTIL(COLD == PAIRS);
	heated = HEATED;
	pe_call(no_op, NULL);
	UNTIL(HEATED == heated + PAIRS && COLD == PAIRS);
	pe_call(set_coal, &usecs);
	UNTIL(HEATED == heated + PAIRS + 1 && COLD == PAIRS);
	SETTLE();
	assert_int_equal(HEATED, heated + PAIRS + 1);
}

static void
broken_by_command(struct vn_poller *p, void *arg)
{
	(void)p;
	vn_virtq_break(arg, "memory");
}

/* However a ring breaks while its pair is cold, it is told. */
static void
test_broken(void **state)
{
	struct ring *r = &w.tx[0];

	(void)state;
	be_busy();
	attach_pairs();
	UNTIL(COLD == PAIRS);
	__atomic_store_n(&r->md.avail->idx, r->md.next_avail + RING + 1, __ATOMIC_RELEASE);
	pe_kick(r->kick);
	UNTIL(__atomic_load_n(&t.broken_told, __ATOMIC_ACQUIRE) == 1);
	UNTIL(COLD == PAIRS);
	pe_call(broken_by_command, w.rx[1].vq);
	UNTIL(__atomic_load_n(&t.broken_told, __ATOMIC_ACQUIRE) == 2);
	UNTIL(COLD == PAIRS);
	/* The others go on, and a pair with a broken ring is not heated for ever. */
	pair_send(1, 3);
	sent_arrives(1, 3);
	assert_true(fp_send(w.pq[1], 1, 60));
	UNTIL(COLD == PAIRS);
	pair_send(2, 4);
	sent_arrives(2, 4);
	assert_int_equal(__atomic_load_n(&t.broken_told, __ATOMIC_ACQUIRE), 2);
}

/* Cold pairs go, while wake-ups for them are on their way, and come back. */
static void
test_detach(void **state)
{
	(void)state;
	w.kick = VN_KICK_WAKE;
	be_busy();
	for (uint32_t tag = 0; tag < 20; tag++) {
		const unsigned int i = tag % PAIRS;

		for (unsigned int k = 0; tag == 0 && k < PAIRS; k++)
			pe_call(attach, &k);
		UNTIL(COLD == PAIRS);
		vn_poll_qp_wake(pe.poller, &w.qp[i]);
		pe_call(detach, &(unsigned int){i});
		assert_false(w.qp[i].linked);
		assert_false(w.qp[i].armed);
		/* Too late: nothing comes of it. */
		vn_poll_qp_wake(pe.poller, &w.qp[i]);
		UNTIL(COLD == PAIRS - 1);
		pe_call(attach, &(unsigned int){i});
		pair_send(i, tag);
		sent_arrives(i, tag);
	}
}

static void
wake_and_detach(struct vn_poller *p, void *arg)
{
	vn_poll_qp_wake(p, &w.qp[*(unsigned int *)arg]);
	detach(p, arg);
}

/* The last pair goes after it was told of, and before that was seen: the poller sleeps. */
static void
test_last_goes_woken(void **state)
{
	unsigned int i = 0;

	(void)state;
	w.kick = VN_KICK_WAKE;
	pe_call(attach, &i);
	UNTIL(pe_asleep());
	pe_call(wake_and_detach, &i);
	UNTIL(pe_still());
}

/* A port that is gone is looked at by time. */
static void
test_port_gone(void **state)
{
	(void)state;
	be_busy();
	attach_pairs();
	pair_post(0);
	UNTIL(COLD == PAIRS);
	close(w.pq[0]->peer);
	w.pq[0]->peer = -1;
	UNTIL(!__atomic_load_n(&w.qp[0].pq_watched, __ATOMIC_ACQUIRE));
	UNTIL(COLD == PAIRS);
	assert_true(pair_send(0, 1));
	UNTIL(w.tx[0].md.used->idx == w.tx[0].md.next_avail);
}

/* Drivers that send at random moments, one at each pair; one notification lost ends its flow. */
struct sender {
	pthread_t thread;
	unsigned int i, n;
	uint64_t seed;
	bool failed;
};

static void *
send_all(void *arg)
{
	struct sender *s = arg;
	struct pollfd p = {.fd = w.pq[s->i]->peer, .events = POLLIN};
	struct rng rng = {.s = s->seed};
	uint32_t tag;

	for (unsigned int i = 0; i < s->n && !s->failed; i++) {
		pair_send(s->i, i);
		s->failed = poll(&p, 1, (int)(WAIT_NS / VN_MS(1))) != 1 ||
			    fp_recv(w.pq[s->i], &tag) < 0 || tag != i;
		/* It is on its way to be cold now; meet it somewhere. */
		for (uint32_t spin = rng_below(&rng, 1000); spin > 0; spin--)
			rte_pause();
	}
	return NULL;
}

static void
no_notification_is_lost(int kick, bool busy)
{
	const unsigned int n = env_rounds("notifications of each", 700, 100000);
	struct sender s[PAIRS];
	cpu_set_t any;

	w.kick = kick;
	memset(&any, 0xff, sizeof(any));
	if (busy)
		be_busy();
	attach_pairs();
	for (unsigned int i = 0; i < PAIRS; i++) {
		s[i] = (struct sender){.i = i, .n = n, .seed = i + 1};
		assert_int_equal(pthread_create(&s[i].thread, NULL, send_all, &s[i]), 0);
		pthread_setaffinity_np(s[i].thread, sizeof(any), &any);
	}
	for (unsigned int i = 0; i < PAIRS; i++) {
		pthread_join(s[i].thread, NULL);
		assert_false(s[i].failed);
	}
	assert_true(HEATED > 0);
}

static void
test_no_kick_is_lost(void **state)
{
	(void)state;
	no_notification_is_lost(BY_FD, true);
}

static void
test_no_wake_is_lost(void **state)
{
	(void)state;
	no_notification_is_lost(VN_KICK_WAKE, true);
}

static void
test_no_wake_is_lost_asleep(void **state)
{
	(void)state;
	no_notification_is_lost(VN_KICK_WAKE, false);
}

/* The other policies; what comes is served all the same. */
static void
with_policy(enum vn_idle_policy policy, void **state)
{
	uint64_t rounds, sleeps;

	pe_conf.idle_policy = policy;
	pe_conf.idle_cold_us = 2000;
	assert_int_equal(idle_setup(state), 0);
	attach_pairs();
	each_way_from_cold(3);
	UNTIL(at_rest());
	if (policy == VN_IDLE_POLL) {
		rounds = read_stat(&pe.stats->rounds);
		sleeps = read_stat(&pe.stats->sleeps);
		UNTIL(read_stat(&pe.stats->rounds) > rounds + 1000);
		assert_int_equal(read_stat(&pe.stats->sleeps), sleeps);
		/* Without any ring it sleeps. */
		for (unsigned int i = 0; i < PAIRS; i++)
			pe_call(detach, &i);
	}
	UNTIL(pe_still());
	assert_int_equal(idle_teardown(state), 0);
	pe_conf.idle_policy = VN_IDLE_SLEEP;
	pe_conf.idle_cold_us = 1;
}

static void
test_poll(void **state)
{
	with_policy(VN_IDLE_POLL, state);
}

static void
test_nap(void **state)
{
	with_policy(VN_IDLE_NAP, state);
}

/* In a nap drivers are not asked to notify, and are served when it ends. */
static void
test_nap_asks_nobody(void **state)
{
	pe_conf.idle_policy = VN_IDLE_NAP;
	pe_conf.idle_cold_us = 0;
	assert_int_equal(idle_setup(state), 0);
	attach_pairs();
	for (uint32_t tag = 0; tag < 10; tag++) {
		const uint64_t sleeps = read_stat(&pe.stats->sleeps);

		UNTIL(read_stat(&pe.stats->sleeps) > sleeps + 3);
		assert_false(pair_send(0, tag));
		sent_arrives(0, tag);
	}
	assert_int_equal(HOT, PAIRS);
	assert_int_equal(idle_teardown(state), 0);
	pe_conf.idle_policy = VN_IDLE_SLEEP;
	pe_conf.idle_cold_us = 1;
}

static void
attach_port_1(struct vn_poller *p, void *arg)
{
	(void)arg;
	vn_poll_qp_attach_port(p, &w.qp[1], w.pq[1]);
}

static void
attach_rx_1(struct vn_poller *p, void *arg)
{
	(void)arg;
	vn_poll_qp_attach_ring(p, &w.qp[1], true, w.rx[1].vq, w.rx[1].kick);
}

/* A ring comes to a pair whose port was not looked at in a sleep, and there is no sleep any more.
 */
static void
test_ring_comes_late(void **state)
{
	uint64_t rounds;

	pe_conf.idle_cold_us = 0;
	assert_int_equal(idle_setup(state), 0);
	pe_call(attach_port_1, NULL);
	UNTIL(pe_asleep());
	assert_true(w.qp[1].pq_muted);
	be_busy();
	pe_call(attach_rx_1, NULL);
	pair_post(1);
	rounds = read_stat(&pe.stats->rounds);
	UNTIL(read_stat(&pe.stats->rounds) > rounds + 100);
	assert_true(fp_send(w.pq[1], 7, 60));
	port_arrives(1, 7);
	assert_int_equal(idle_teardown(state), 0);
	pe_conf.idle_cold_us = 1;
}

/* Whoever gives memory back when no poller uses it any more waits neither for sleep nor rounds. */
static void
test_quiescent(void **state)
{
	static uint64_t room[1024] __rte_cache_aligned;
	struct rte_rcu_qsbr *v = (struct rte_rcu_qsbr *)room;
	uint64_t token;

	assert_true(rte_rcu_qsbr_get_memsize(1) <= sizeof(room));
	assert_int_equal(rte_rcu_qsbr_init(v, 1), 0);
	pe_conf.qsbr = v;
	assert_int_equal(idle_setup(state), 0);
	attach_pairs();
	UNTIL(pe_asleep());
	token = rte_rcu_qsbr_start(v);
	assert_int_equal(rte_rcu_qsbr_check(v, token, false), 1);
	assert_true(pe_asleep());
	be_busy();
	token = rte_rcu_qsbr_start(v);
	UNTIL(rte_rcu_qsbr_check(v, token, false) == 1);
	assert_int_equal(idle_teardown(state), 0);
	/* It is none of its threads any more. */
	token = rte_rcu_qsbr_start(v);
	assert_int_equal(rte_rcu_qsbr_check(v, token, false), 1);
	pe_conf.qsbr = NULL;
}

#define IDLE_TEST(name) cmocka_unit_test_setup_teardown(name, idle_setup, idle_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IDLE_TEST(test_kicks_beside_busy),
		IDLE_TEST(test_wakes_beside_busy),
		IDLE_TEST(test_asleep),
		IDLE_TEST(test_by_time),
		IDLE_TEST(test_interrupt_waits),
		IDLE_TEST(test_commands),
		IDLE_TEST(test_broken),
		IDLE_TEST(test_detach),
		IDLE_TEST(test_last_goes_woken),
		IDLE_TEST(test_port_gone),
		IDLE_TEST(test_no_kick_is_lost),
		IDLE_TEST(test_no_wake_is_lost),
		IDLE_TEST(test_no_wake_is_lost_asleep),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_nap),
		cmocka_unit_test(test_nap_asks_nobody),
		cmocka_unit_test(test_ring_comes_late),
		cmocka_unit_test(test_quiescent),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
