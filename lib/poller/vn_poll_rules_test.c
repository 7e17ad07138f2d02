/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Pairs of a group under receive rules. The rules here are the test's: a frame names its pair. What
 * real rules say is tested where they are.
 */

#include "poller_test_qp.h"

#define PAIRS  3
#define NOBODY 0xff
/* A frame's tag: the pair, and a number. */
#define TAG(to, n) ((uint32_t)(to) | (uint32_t)(n) << 8)

struct vn_rx_rules {
	bool trivial;
	unsigned int applied;
};

static struct {
	struct vn_poll_qp qp[PAIRS];
	struct vn_poll_qp *by_number[PAIRS];
	struct vn_poll_group group;
	struct vn_rx_rules rules;
	struct vn_port *port;
	struct vn_port_queue *pq[PAIRS];
	struct ring rx[PAIRS];
} g;

int
vn_rx_rules_apply(const struct vn_rx_rules *rules, struct rte_mbuf *m, uint16_t from)
{
	const uint8_t to = *rte_pktmbuf_mtod(m, const uint8_t *);

	assert_true(from < PAIRS);
	__atomic_fetch_add(&((struct vn_rx_rules *)(uintptr_t)rules)->applied, 1, __ATOMIC_RELEASE);
	return to == NOBODY ? VN_RX_DROP : to;
}

int
vn_rx_rules_apply_view(const struct vn_rx_rules *rules, const struct vn_view *view,
	struct vn_net_hdr_hash *hdr, uint16_t from)
{
	(void)rules;
	(void)view;
	(void)hdr;
	(void)from;
	fail_msg("no port here puts views");
	return VN_RX_DROP;
}

bool
vn_rx_rules_trivial(const struct vn_rx_rules *rules)
{
	return rules->trivial;
}

static int
group_setup(void **state)
{
	char err[256];

	if (pe_setup(state) != 0)
		return -1;
	memset(&t, 0, sizeof(t));
	memset(&g, 0, sizeof(g));
	g.group = (struct vn_poll_group){.qp = g.by_number, .n = PAIRS, .rules = &g.rules};
	assert_int_equal(
		fp_ops.open(&(struct vn_port_conf){.name = "p"}, &g.port, err, sizeof(err)), 0);
	for (unsigned int i = 0; i < PAIRS; i++) {
		g.by_number[i] = &g.qp[i];
		g.qp[i].ops = &fp_ops;
		g.qp[i].pool = env_pool;
		g.qp[i].on_broken = on_broken;
		g.qp[i].group = &g.group;
		g.qp[i].number = i;
		ring_make(&g.rx[i], true, FEATURES);
		assert_int_equal(fp_ops.queue_open(g.port, i, env_pool, &g.pq[i]), 0);
	}
	return 0;
}

static void
attach_pq(struct vn_poller *p, void *arg)
{
	const unsigned int i = *(unsigned int *)arg;

	vn_poll_qp_attach_port(p, &g.qp[i], g.pq[i]);
}

static void
attach_ring(struct vn_poller *p, void *arg)
{
	const unsigned int i = *(unsigned int *)arg;

	vn_poll_qp_attach_ring(p, &g.qp[i], true, g.rx[i].vq, g.rx[i].kick);
}

static void
detach_ring(struct vn_poller *p, void *arg)
{
	vn_poll_qp_detach_ring(p, &g.qp[*(unsigned int *)arg], true);
}

static void
detach_pq(struct vn_poller *p, void *arg)
{
	vn_poll_qp_detach_port(p, &g.qp[*(unsigned int *)arg]);
}

static void
set_rules(struct vn_poller *p, void *arg)
{
	(void)p;
	g.group.rules = arg;
}

static void
for_pairs(void (*fn)(struct vn_poller *p, void *arg), unsigned int mask)
{
	for (unsigned int i = 0; i < PAIRS; i++) {
		if (mask & 1u << i)
			pe_call(fn, &i);
	}
}

static int
group_teardown(void **state)
{
	for (unsigned int i = 0; i < FP_CALLS; i++)
		fp_release(i);
	for_pairs(detach_ring, 7);
	for_pairs(detach_pq, 7);
	for (unsigned int i = 0; i < PAIRS; i++) {
		assert_false(g.qp[i].linked);
		assert_int_equal(g.qp[i].n_pending, 0);
		fp_ops.queue_close(g.pq[i]);
		ring_free(&g.rx[i]);
	}
	fp_ops.close(g.port);
	return pe_teardown(state);
}

static void
post_to(unsigned int pair)
{
	struct ring *r = &g.rx[pair];
	const uint16_t old = r->md.next_avail;

	assert_true(md_add(&r->md, NULL, 2000));
	rte_smp_mb();
	if (md_wants_kick(&r->md, old))
		pe_kick(r->kick);
}

static void
post_all(unsigned int pair)
{
	while (md_outstanding(&g.rx[pair].md) < RING)
		post_to(pair);
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
	assert_int_equal(tag & 0xff, pair);
	return tag;
}

static uint64_t
counter(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_ACQUIRE);
}

/* Every way from a port to a pair, each alone: with its interrupt, whatever is polled first. */
static void
test_every_way(void **state)
{
	unsigned int n = 0;

	(void)state;
	for_pairs(attach_pq, 7);
	for_pairs(attach_ring, 7);
	for (unsigned int i = 0; i < PAIRS; i++) {
		post_all(i);
		pe_signals(g.rx[i].call);
	}
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int from = 0; from < PAIRS; from++) {
			for (unsigned int to = 0; to < PAIRS; to++, n++) {
				UNTIL(pe_asleep());
				assert_true(fp_send(g.pq[from], TAG(to, n), 60));
				UNTIL(pe_signals(g.rx[to].call) == 1);
				assert_int_equal(take_from(to), TAG(to, n));
				post_all(to);
			}
			UNTIL(pe_asleep());
			assert_true(fp_send(g.pq[from], TAG(NOBODY, 0), 60));
			UNTIL(counter(&g.group.filtered) == round * PAIRS + from + 1);
		}
	}
	UNTIL(pe_asleep());
	for (unsigned int i = 0; i < PAIRS; i++)
		assert_true(take_from(i) < 0);
	assert_int_equal(g.group.moved, 3 * PAIRS * (PAIRS - 1));
	assert_int_equal(g.group.move_dropped + g.group.stay_dropped, 0);
}

/* Many at once: nothing is lost or comes twice, and what takes the same way stays in order. */
static void
test_many(void **state)
{
	const unsigned int frames = env_rounds("frames", 2000, 200000);
	unsigned int sent[PAIRS][PAIRS] = {{0}}, got[PAIRS][PAIRS] = {{0}};
	unsigned int n = 0, to_nobody = 0, arrived = 0;
	struct rng rng = {.s = 7};
	int64_t tag;

	(void)state;
	for_pairs(attach_pq, 7);
	for_pairs(attach_ring, 7);
	while (arrived + to_nobody < frames) {
		for (unsigned int i = 0; i < PAIRS; i++)
			post_all(i);
		/* No more than all rings hold, so that none has to be dropped. */
		while (n < frames && n - arrived - to_nobody < RING / 2) {
			const unsigned int from = rng_below(&rng, PAIRS);
			const unsigned int to = rng_below(&rng, PAIRS);
			const bool nobody = rng_chance(&rng, 10);

			assert_true(fp_send(g.pq[from],
				TAG(nobody ? NOBODY : to, from << 16 | (sent[from][to] & 0xffff)),
				60));
			sent[from][to] += !nobody;
			to_nobody += nobody;
			n++;
		}
		for (unsigned int to = 0; to < PAIRS; to++) {
			while ((tag = take_from(to)) >= 0) {
				const unsigned int from = tag >> 24;

				assert_true(from < PAIRS);
				assert_int_equal(tag >> 8 & 0xffff, got[from][to]++ & 0xffff);
				arrived++;
			}
		}
		vn_loop_run_once(pe.loop, 0);
	}
	assert_memory_equal(sent, got, sizeof(sent));
	UNTIL(counter(&g.group.filtered) == to_nobody);
	assert_int_equal(g.group.move_dropped + g.group.stay_dropped, 0);
	UNTIL(pe_asleep());
}

/* A pair without a ring gets nothing, and its port is emptied for the others. */
static void
test_pair_without_ring(void **state)
{
	(void)state;
	for_pairs(attach_pq, 7);
	for_pairs(attach_ring, 1 | 4);
	post_all(0);
	post_all(2);
	assert_true(fp_send(g.pq[0], TAG(1, 1), 60));
	assert_true(fp_send(g.pq[0], TAG(0, 2), 60));
	UNTIL(take_from(0) == TAG(0, 2));
	assert_int_equal(g.group.move_dropped, 1);
	for (unsigned int i = 0; i < 50; i++) {
		assert_true(fp_send(g.pq[1], TAG(1, i), 60)); /* its own */
		assert_true(fp_send(g.pq[1], TAG(2, i), 60));
		UNTIL(take_from(2) == TAG(2, i));
		post_all(2);
		UNTIL(pe_asleep());
	}
	assert_int_equal(g.group.stay_dropped, 50);
	assert_int_equal(g.group.move_dropped, 1);
	/* A number that no pair has. */
	assert_true(fp_send(g.pq[0], TAG(77, 1), 60));
	UNTIL(counter(&g.group.move_dropped) == 2);
	/* The ring comes. */
	for_pairs(attach_ring, 2);
	post_all(1);
	assert_true(fp_send(g.pq[2], TAG(1, 9), 60));
	UNTIL(take_from(1) == TAG(1, 9));
}

/* While a device has no ring at all, its frames wait in the port. */
static void
test_no_ring_at_all(void **state)
{
	(void)state;
	for_pairs(attach_pq, 7);
	assert_true(fp_send(g.pq[1], TAG(0, 1), 60));
	assert_true(fp_send(g.pq[1], TAG(NOBODY, 2), 60));
	UNTIL(pe_asleep());
	assert_int_equal(g.rules.applied, 0);
	post_all(0);
	for_pairs(attach_ring, 1);
	UNTIL(take_from(0) == TAG(0, 1));
	UNTIL(counter(&g.group.filtered) == 1);
	UNTIL(pe_asleep());
}

/* For a pair without buffers few frames wait; no other pair waits for it. */
static void
test_full_target(void **state)
{
	(void)state;
	for_pairs(attach_pq, 7);
	for_pairs(attach_ring, 7);
	post_all(0);
	for (unsigned int i = 0; i < 10; i++)
		assert_true(fp_send(g.pq[0], TAG(1, i), 60));
	assert_true(fp_send(g.pq[0], TAG(0, 1), 60));
	UNTIL(take_from(0) == TAG(0, 1));
	assert_int_equal(g.group.moved, 10);
	assert_int_equal(g.group.move_dropped, 10 - VN_POLL_PENDING);
	for (unsigned int i = 0; i < VN_POLL_PENDING; i++) {
		assert_true(take_from(1) < 0);
		post_to(1);
		UNTIL(take_from(1) == TAG(1, i));
	}
	/* From there on as ever. */
	post_to(1);
	assert_true(fp_send(g.pq[0], TAG(1, 50), 60));
	UNTIL(take_from(1) == TAG(1, 50));
	assert_int_equal(g.group.stay_dropped, 0);
	/* Frames that wait go with the port: the pair may be out of use from now on. */
	assert_true(fp_send(g.pq[0], TAG(1, 51), 60));
	UNTIL(counter(&g.group.moved) == 12);
	for_pairs(detach_pq, 2);
	assert_int_equal(g.qp[1].n_pending, 0);
	/* And with the ring. */
	assert_true(fp_send(g.pq[0], TAG(1, 52), 60));
	UNTIL(counter(&g.group.moved) == 13);
	for_pairs(detach_ring, 2);
	assert_int_equal(g.qp[1].n_pending, 0);
}

/* A pair that takes nothing of its own does not keep its port from the others for ever. */
static void
test_full_self(void **state)
{
	const unsigned int n = 10;

	(void)state;
	for_pairs(attach_pq, 7);
	for_pairs(attach_ring, 7);
	post_all(1);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < n; i++)
			assert_true(fp_send(g.pq[0], TAG(0, i), 60));
		assert_true(fp_send(g.pq[0], TAG(1, 1), 60));
		UNTIL(take_from(1) == TAG(1, 1));
		post_all(1);
		assert_int_equal(g.group.stay_dropped, (round + 1) * (n - VN_POLL_PENDING));
		UNTIL(pe_still());
		/* The driver is back: what waited is there, and the port's frames wait again. */
		for (unsigned int i = 0; i < VN_POLL_PENDING; i++)
			post_to(0);
		for (unsigned int i = 0; i < VN_POLL_PENDING; i++)
			UNTIL(take_from(0) == TAG(0, i));
		post_to(0);
		assert_true(fp_send(g.pq[0], TAG(0, 77), 60));
		UNTIL(take_from(0) == TAG(0, 77));
	}
	assert_int_equal(g.group.move_dropped, 0);
}

/* A ring that breaks when it gets another pair's frame is told of, once. */
static void
test_broken_target(void **state)
{
	struct model_driver *md = &g.rx[1].md;

	(void)state;
	for_pairs(attach_pq, 1);
	for_pairs(attach_ring, 7);
	post_all(0);
	UNTIL(pe_asleep());
	__atomic_store_n(&md->avail->idx, md->next_avail + RING + 1, __ATOMIC_RELEASE);
	assert_true(fp_send(g.pq[0], TAG(1, 1), 60));
	UNTIL(__atomic_load_n(&t.broken_told, __ATOMIC_ACQUIRE) == 1);
	assert_true(fp_send(g.pq[0], TAG(1, 2), 60));
	assert_true(fp_send(g.pq[0], TAG(0, 3), 60));
	UNTIL(take_from(0) == TAG(0, 3));
	UNTIL(pe_asleep());
	assert_int_equal(t.broken_told, 1);
	assert_int_equal(g.group.move_dropped, 1);
	assert_int_equal(g.qp[1].n_pending, 0);
}

/* Rules that change nothing are not asked; rules come and go while frames do. */
static void
test_exchange(void **state)
{
	static struct vn_rx_rules trivial = {.trivial = true};
	unsigned int applied;

	(void)state;
	for_pairs(attach_pq, 7);
	for_pairs(attach_ring, 7);
	for (unsigned int i = 0; i < 4; i++) {
		post_all(0);
		post_all(1);
		pe_call(set_rules, i % 2 ? &trivial : NULL);
		applied = g.rules.applied;
		assert_true(fp_send(g.pq[1], TAG(1, i), 60));
		UNTIL(take_from(1) == TAG(1, i));
		assert_int_equal(g.rules.applied, applied);
		UNTIL(pe_asleep());
		pe_call(set_rules, &g.rules);
		assert_true(fp_send(g.pq[1], TAG(0, i), 60));
		UNTIL(take_from(0) == TAG(0, i));
		assert_int_equal(g.rules.applied, applied + 1);
		UNTIL(pe_asleep());
	}
	assert_int_equal(trivial.applied, 0);
	/* A pair without a ring, muted meanwhile, is looked at when rules come. */
	pe_call(set_rules, NULL);
	for_pairs(detach_ring, 4);
	assert_true(fp_send(g.pq[2], TAG(0, 9), 60));
	UNTIL(pe_asleep());
	pe_call(set_rules, &g.rules);
	UNTIL(take_from(0) == TAG(0, 9));
}

int
main(void)
{
#define GROUP_TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, group_teardown)
	const struct CMUnitTest tests[] = {
		GROUP_TEST(test_every_way),
		GROUP_TEST(test_many),
		GROUP_TEST(test_pair_without_ring),
		GROUP_TEST(test_no_ring_at_all),
		GROUP_TEST(test_full_target),
		GROUP_TEST(test_full_self),
		GROUP_TEST(test_broken_target),
		GROUP_TEST(test_exchange),
	};

	return PE_RUN_BOTH(tests);
}
