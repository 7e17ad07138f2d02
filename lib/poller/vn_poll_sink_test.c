/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames without mbufs, from the transmit ring of one pair into receive rings of the poller. The
 * port is the test's: whatever is sent goes to the sink of the other device's first pair.
 */

#include "poller_test_qp.h"
#include "vn_virtq_view.h"

#define PAIRS 2
/* A frame's tag, as the rules of the test have it: first the pair that gets it. */
#define TAG(to, n) ((uint32_t)(to) | (uint32_t)(n) << 8)
#define NOBODY     0xff
#define TOO_DEEP   0xfe

struct vn_rx_rules {
	bool trivial;
};

/* The sender is t.qp with t.tx; these are the receivers. */
static struct {
	struct vn_poll_qp qp[PAIRS];
	struct vn_poll_qp *by_number[PAIRS];
	struct vn_poll_group group;
	struct vn_rx_rules rules;
	struct vn_port *port;
	struct vn_port_queue *pq[PAIRS];
	struct ring rx[PAIRS];
	const struct vn_port_sink *sink[PAIRS]; /* as the port has them */
	unsigned int put, refused, foreign;     /* poller writes */
} g;

static struct vn_port_ops ops;

int
vn_rx_rules_apply(const struct vn_rx_rules *rules, struct rte_mbuf *m, uint16_t from)
{
	(void)rules;
	(void)m;
	return from;
}

int
vn_rx_rules_apply_view(const struct vn_rx_rules *rules, const struct vn_view *view,
	struct vn_net_hdr_hash *hdr, uint16_t from)
{
	(void)rules;
	(void)from;
	hdr->hash_value = rte_cpu_to_le_32(0x12345678);
	switch (view->head[0]) {
	case NOBODY:
		return VN_RX_DROP;
	case TOO_DEEP:
		return VN_RX_CUT;
	default:
		return view->head[0];
	}
}

bool
vn_rx_rules_trivial(const struct vn_rx_rules *rules)
{
	return rules->trivial;
}

static void
bump(unsigned int *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELEASE);
}

static unsigned int
number(const unsigned int *n)
{
	return __atomic_load_n(n, __ATOMIC_ACQUIRE);
}

static uint16_t
tx_views(struct vn_port_queue *q, struct vn_virtq *tx, uint16_t n)
{
	const struct vn_port_sink *sink = g.sink[0];
	struct vn_view view;
	uint16_t i;

	(void)q;
	for (i = 0; i < n && vn_virtq_view(tx, &view); i++) {
		if (sink == NULL || sink->owner != t.qp.owner)
			bump(&g.foreign);
		else if (sink->put(sink, &view, 1) == 1)
			bump(&g.put);
		else
			bump(&g.refused);
	}
	return i;
}

static void
set_sink(struct vn_port_queue *q, const struct vn_port_sink *sink)
{
	for (unsigned int i = 0; i < PAIRS; i++) {
		if (q == g.pq[i])
			__atomic_store_n(&g.sink[i], sink, __ATOMIC_RELEASE);
	}
}

static int
sink_setup(void **state)
{
	if (setup(state) != 0)
		return -1;
	memset(&g, 0, sizeof(g));
	ops = fp_ops;
	ops.tx_views = tx_views;
	ops.set_sink = set_sink;
	t.qp.ops = &ops;
	g.port = t.port;
	g.group = (struct vn_poll_group){.qp = g.by_number, .n = PAIRS, .rules = &g.rules};
	for (unsigned int i = 0; i < PAIRS; i++) {
		g.by_number[i] = &g.qp[i];
		g.qp[i] = (struct vn_poll_qp){.ops = &ops,
			.pool = env_pool,
			.on_broken = on_broken,
			.group = &g.group,
			.number = i};
		ring_make(&g.rx[i], true, FEATURES | VN_F_INDIRECT_DESC);
		assert_int_equal(fp_ops.queue_open(g.port, 1 + i, env_pool, &g.pq[i]), 0);
	}
	return 0;
}

static void
attach_receiver(struct vn_poller *p, void *arg)
{
	const unsigned int i = *(unsigned int *)arg;

	vn_poll_qp_attach_port(p, &g.qp[i], g.pq[i]);
	vn_poll_qp_attach_ring(p, &g.qp[i], true, g.rx[i].vq, g.rx[i].kick);
}

static void
detach_receiver(struct vn_poller *p, void *arg)
{
	const unsigned int i = *(unsigned int *)arg;

	vn_poll_qp_detach_ring(p, &g.qp[i], true);
	vn_poll_qp_detach_port(p, &g.qp[i]);
}

static int
sink_teardown(void **state)
{
	for (unsigned int i = 0; i < PAIRS; i++) {
		pe_call(detach_receiver, &i);
		assert_null(g.sink[i]);
		fp_ops.queue_close(g.pq[i]);
		ring_free(&g.rx[i]);
	}
	return teardown(state);
}

static void
post_len(unsigned int pair, uint32_t len)
{
	struct ring *r = &g.rx[pair];
	const uint16_t old = r->md.next_avail;

	assert_true(md_add(&r->md, NULL, len));
	rte_smp_mb();
	if (md_wants_kick(&r->md, old))
		pe_kick(r->kick);
}

static void
post_to(unsigned int pair)
{
	post_len(pair, 2000);
}

/* @return the tag of the frame that the pair gets next, or -1. */
static int64_t
take_from(unsigned int pair)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 2048];
	struct md_chain chain;
	uint32_t tag;
	int64_t got = md_get(&g.rx[pair].md, &chain);

	if (got < 0)
		return -1;
	md_chain_read(&g.rx[pair].md, &chain, buf, got);
	memcpy(&tag, buf + sizeof(struct vn_net_hdr), sizeof(tag));
	return tag;
}

/* All pairs of both devices; the sender is polled first, or last. */
static void
attach_everything(bool sender_first)
{
	unsigned int i;

	if (sender_first)
		attach_all();
	for (i = 0; i < PAIRS; i++)
		pe_call(attach_receiver, &i);
	if (!sender_first)
		attach_all();
	for (i = 0; i < PAIRS; i++)
		pe_signals(g.rx[i].call);
}

/* Each frame arrives with its interrupt, also at a ring that was looked at before in the round. */
static void
arrives(bool sender_first, bool rules)
{
	g.rules.trivial = !rules;
	attach_everything(sender_first);
	for (unsigned int n = 0; n < 20; n++) {
		const unsigned int to = rules ? n % PAIRS : 0;

		post_to(to);
		UNTIL(pe_asleep());
		assert_true(driver_send(TAG(to, n), 60 + 30 * n));
		UNTIL(pe_signals(g.rx[to].call) == 1);
		assert_int_equal(take_from(to), TAG(to, n));
		assert_int_equal(take_from(to), -1);
	}
	assert_int_equal(number(&g.put), 20);
	assert_int_equal(g.refused + g.foreign, 0);
	assert_int_equal(g.group.moved, rules ? 10 : 0);
	assert_int_equal(fp_calls(FP_TX), 0);
	/* The sender has all its buffers back. */
	UNTIL(t.tx.md.used->idx == 20);
}

static void
test_sender_first(void **state)
{
	(void)state;
	arrives(true, false);
}

static void
test_sender_last(void **state)
{
	(void)state;
	arrives(false, false);
}

static void
test_rules(void **state)
{
	(void)state;
	arrives(true, true);
	/* What the rules drop is no concern of the port's. */
	assert_true(driver_send(TAG(NOBODY, 0), 60));
	UNTIL(number(&g.put) == 21);
	assert_int_equal(g.group.filtered, 1);
	/* What cannot be decided by the head goes another way. */
	assert_true(driver_send(TAG(TOO_DEEP, 0), 60));
	UNTIL(number(&g.refused) == 1);
	assert_int_equal(g.group.filtered, 1);
	/* A pair that is not there. */
	assert_true(driver_send(TAG(7, 0), 60));
	UNTIL(number(&g.refused) == 2);
}

static void
test_no_buffers(void **state)
{
	(void)state;
	g.rules.trivial = true;
	attach_everything(true);
	assert_true(driver_send(1, 60));
	UNTIL(number(&g.refused) == 1);
	post_to(0);
	assert_true(driver_send(2, 60));
	UNTIL(number(&g.put) == 1);
	UNTIL(take_from(0) == 2);
}

/* A frame that waits for buffers came first. */
static void
test_order(void **state)
{
	(void)state;
	g.rules.trivial = true;
	attach_everything(true);
	/* Too long for what the driver has posted. */
	post_len(0, 100);
	assert_true(fp_send(g.pq[0], TAG(0, 1), 1500));
	UNTIL(fp_calls(FP_RX) > 0 && __atomic_load_n(&g.qp[0].n_pending, __ATOMIC_ACQUIRE) == 1);
	/* Short enough, but it has to stand behind. */
	assert_true(driver_send(TAG(0, 2), 60));
	UNTIL(number(&g.refused) == 1);
	assert_int_equal(take_from(0), -1);
	post_to(0);
	UNTIL(md_outstanding(&g.rx[0].md) == 2 && g.rx[0].md.used->idx == 2);
}

/* Whoever breaks his ring hurts nobody else, the sender least of all. */
static void
test_broken_receiver(void **state)
{
	(void)state;
	attach_everything(true);
	md_set_desc(&g.rx[0].md, 0, 1, 2000, VN_DESC_F_WRITE, 0); /* no memory */
	md_push_head(&g.rx[0].md, 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(driver_send(TAG(0, i), 60));
	UNTIL(number(&g.refused) == 3);
	UNTIL(number(&t.broken_told) == 1);
	assert_true(g.qp[0].rx_told);
	assert_false(t.qp.tx_told);
	assert_false(vn_virtq_broken(t.tx.vq));
	UNTIL(t.tx.md.used->idx == 3);
	post_to(1);
	assert_true(driver_send(TAG(1, 9), 60));
	UNTIL(take_from(1) == TAG(1, 9));
	assert_int_equal(number(&t.broken_told), 1);
}

/*
 * What one sender has drivers with absurd buffers cost is bounded, by descriptors: each table here
 * has a thousand, and no room.
 */
static void
test_budget(void **state)
{
	const unsigned int tables = VN_VIEW_PUT_BUDGET / 1001 + 1;
	uint8_t buf[sizeof(struct vn_net_hdr) + 60] = {0};

	(void)state;
	attach_everything(true);
	UNTIL(pe_asleep());
	for (uint16_t i = 0; i < RING; i++) {
		struct model_driver *md = &g.rx[0].md;

		md_set_desc(md, i, MD_DATA_GPA, 1000 * sizeof(struct vn_vring_desc),
			VN_DESC_F_INDIRECT, 0);
		md_push_head(md, i);
	}
	for (uint16_t i = 0; i < 1000; i++) {
		const struct vn_vring_desc d = {
			.flags = VN_DESC_F_WRITE | (i < 999 ? VN_DESC_F_NEXT : 0), .next = i + 1};

		md_write(&g.rx[0].md, MD_DATA_GPA + i * sizeof(d), &d, sizeof(d));
	}
	post_to(1);
	for (unsigned int i = 0; i < 4; i++) {
		buf[sizeof(struct vn_net_hdr)] = i == 3; /* the pair that gets it */
		assert_true(md_add(&t.tx.md, buf, sizeof(buf)));
	}
	rte_smp_mb();
	pe_kick(t.tx.kick);
	/* Also what is for another one goes the way by mbufs then: its own poll is for that. */
	UNTIL(number(&g.refused) == 4);
	UNTIL(g.rx[0].md.used->idx == tables);
	assert_int_equal(g.rx[0].stats.bad_desc_errors, tables);
	/* The next burst is another one. */
	UNTIL(pe_asleep());
	assert_true(driver_send(TAG(1, 7), 60));
	UNTIL(take_from(1) == TAG(1, 7));
}

static void
on_mac(struct vn_poll_qp *qp)
{
	(void)qp;
	bump(&g.foreign);
}

/* The poller looks for an address before it lets the port have the ring. */
static void
test_learns_mac(void **state)
{
	(void)state;
	t.qp.learn_mac = true;
	t.qp.on_mac = on_mac;
	attach_everything(true);
	assert_true(driver_send(TAG(1, 1), 60));
	UNTIL(fp_calls(FP_TX) == 1);
	assert_int_equal(number(&g.foreign), 1);
	post_to(1);
	assert_true(driver_send(TAG(1, 2), 60));
	UNTIL(take_from(1) == TAG(1, 2));
	assert_int_equal(fp_calls(FP_TX), 1);
}

/* A port has no sink of a pair that lost its port queue. */
static void
test_taken_back(void **state)
{
	unsigned int i = 0;

	(void)state;
	attach_everything(true);
	assert_ptr_equal(g.sink[0], &g.qp[0].sink);
	assert_ptr_equal(g.sink[0]->owner, t.qp.sink.owner);
	pe_call(detach_receiver, &i);
	assert_null(g.sink[0]);
	assert_true(driver_send(TAG(0, 1), 60));
	UNTIL(number(&g.foreign) == 1);
}

int
main(void)
{
#define SINK_TEST(name) cmocka_unit_test_setup_teardown(name, sink_setup, sink_teardown)
	static const struct CMUnitTest tests[] = {
		SINK_TEST(test_sender_first),
		SINK_TEST(test_sender_last),
		SINK_TEST(test_rules),
		SINK_TEST(test_no_buffers),
		SINK_TEST(test_order),
		SINK_TEST(test_broken_receiver),
		SINK_TEST(test_budget),
		SINK_TEST(test_learns_mac),
		SINK_TEST(test_taken_back),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
