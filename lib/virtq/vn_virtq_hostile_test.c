/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What a driver must not do with its ring: each kind has its counter, and ends either with that
 * chain given back or with a broken ring.
 */
#include "virtq_test_env.h"

#include <pthread.h>

#include "vn_features.h"
#include "vn_virtq_priv.h"

static void
expect_broken(struct fix *f, const uint64_t *counter, const char *why)
{
	uint16_t used;

	assert_int_equal(step(f), 0);
	assert_true(vn_virtq_broken(f->vq));
	assert_string_equal(vn_virtq_broken_why(f->vq), why);
	assert_int_equal(*counter, 1);
	assert_int_equal(errors(&f->stats), 1);

	/* From now on it does nothing. */
	used = md_used_idx(&f->md);
	if (f->md.packed)
		md_push_head(&f->md, 0);
	else
		f->md.avail->idx = used + 1;
	assert_int_equal(step(f), 0);
	vn_virtq_complete(f->vq);
	vn_virtq_publish(f->vq);
	vn_virtq_interrupt(f->vq);
	vn_virtq_interrupt_always(f->vq);
	vn_virtq_arm(f->vq);
	vn_virtq_disarm(f->vq);
	assert_int_equal(vn_virtq_avail(f->vq), 0);
	assert_int_equal(md_used_idx(&f->md), used);
	assert_int_equal(errors(&f->stats), 1);
	vn_virtq_break(f->vq, "later");
	assert_string_equal(vn_virtq_broken_why(f->vq), why);
	fix_end(f);
}

static void
impossible_avail_index(void **state)
{
	static const uint16_t idx[] = {SIZE + 1, 65535, 32768};
	struct fix f;

	(void)state;
	for (unsigned int rx = 0; rx < 2; rx++) {
		for (unsigned int i = 0; i < RTE_DIM(idx); i++) {
			fix_begin(&f, rx, VN_F_VERSION_1);
			f.md.avail->idx = idx[i];
			expect_broken(&f, &f.stats.bad_desc_errors, "avail-index");
		}
	}
}

/* Going back behind chains that are taken already. */
static void
avail_index_goes_back(void **state)
{
	struct rte_mbuf *pkts[2];
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1);
	for (unsigned int i = 0; i < 2; i++) {
		md_set_desc(&f.md, i, MD_DATA_GPA, FRAME, 0, 0);
		md_push_head(&f.md, i);
	}
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts, 2), 2);
	rte_pktmbuf_free_bulk(pkts, 2);
	f.md.avail->idx = 1;
	expect_broken(&f, &f.stats.bad_desc_errors, "avail-index");
}

/* Chains that are done with, but not published, are still the ring's: the driver cannot know. */
static void
avail_index_beyond_what_was_published(void **state)
{
	struct rte_mbuf *pkts[2];
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1);
	for (unsigned int i = 0; i < SIZE; i++) {
		md_set_desc(&f.md, i, MD_DATA_GPA, FRAME, 0, 0);
		md_push_head(&f.md, i);
	}
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts, 2), 2);
	rte_pktmbuf_free_bulk(pkts, 2);
	vn_virtq_complete(f.vq);
	md_push_head(&f.md, 0);
	expect_broken(&f, &f.stats.bad_desc_errors, "avail-index");
}

static void
bad_heads_and_links(void **state)
{
	struct fix f;

	(void)state;
	for (unsigned int rx = 0; rx < 2; rx++) {
		const uint16_t dir = rx ? VN_DESC_F_WRITE : 0;

		fix_begin(&f, rx, VN_F_VERSION_1);
		md_push_head(&f.md, SIZE);
		expect_broken(&f, &f.stats.bad_desc_errors, "descriptor-index");

		fix_begin(&f, rx, VN_F_VERSION_1);
		md_push_head(&f.md, 65535);
		expect_broken(&f, &f.stats.bad_desc_errors, "descriptor-index");

		fix_begin(&f, rx, VN_F_VERSION_1);
		md_set_desc(&f.md, 3, MD_DATA_GPA, 12, dir | VN_DESC_F_NEXT, SIZE);
		md_push_head(&f.md, 3);
		expect_broken(&f, &f.stats.bad_desc_errors, "descriptor-index");

		/* A loop of two, and a descriptor that follows itself. */
		fix_begin(&f, rx, VN_F_VERSION_1);
		md_set_desc(&f.md, 3, MD_DATA_GPA, 1, dir | VN_DESC_F_NEXT, 4);
		md_set_desc(&f.md, 4, MD_DATA_GPA, 1, dir | VN_DESC_F_NEXT, 3);
		md_push_head(&f.md, 3);
		expect_broken(&f, &f.stats.exceed_max_chain, "chain");

		fix_begin(&f, rx, VN_F_VERSION_1);
		md_set_desc(&f.md, 3, MD_DATA_GPA, 0, dir | VN_DESC_F_NEXT, 3);
		md_push_head(&f.md, 3);
		expect_broken(&f, &f.stats.exceed_max_chain, "chain");
	}
}

static void
bad_addresses(void **state)
{
	static const uint64_t addr[] = {0, MD_DATA_GPA - 1, UINT64_MAX, UINT64_MAX - FRAME + 1,
		MD_DATA_GPA + (1 << 20), MD_DATA_GPA + (1 << 20) - FRAME / 2};
	struct fix f;

	(void)state;
	for (unsigned int rx = 0; rx < 2; rx++) {
		for (unsigned int i = 0; i < RTE_DIM(addr); i++) {
			fix_begin(&f, rx, VN_F_VERSION_1);
			md_set_desc(&f.md, 0, addr[i], FRAME + 12, rx ? VN_DESC_F_WRITE : 0, 0);
			md_push_head(&f.md, 0);
			expect_broken(&f, &f.stats.invalid_buffer, "memory");
		}
		/* Where nothing is to be read, the address does not matter. */
		fix_begin(&f, rx, VN_F_VERSION_1);
		md_set_desc(&f.md, 0, 1, 0, VN_DESC_F_NEXT | (rx ? VN_DESC_F_WRITE : 0), 1);
		md_set_desc(&f.md, 1, MD_DATA_GPA, FRAME + 12, rx ? VN_DESC_F_WRITE : 0, 0);
		md_push_head(&f.md, 0);
		assert_int_equal(step(&f), 1);
		assert_int_equal(errors(&f.stats), 0);
		fix_end(&f);
	}
}

static void
bad_indirect(void **state)
{
	const uint64_t table = MD_DATA_GPA + 4096;
	const struct {
		uint64_t features, addr;
		uint32_t len;
		uint16_t flags; /* of the descriptor that names the table */
		uint16_t inner_flags, inner_next;
		size_t counter;
		const char *why;
	} bad[] = {
#define C(field) offsetof(struct vn_virtq_stats, field)
		/* not negotiated; with NEXT; sizes; nested; leaves the table; a loop; elsewhere */
		{0, table, 16, 0, 0, 0, C(bad_desc_errors), "indirect"},
		{VN_F_INDIRECT_DESC, table, 16, VN_DESC_F_NEXT, 0, 0, C(bad_desc_errors),
			"indirect"},
		{VN_F_INDIRECT_DESC, table, 0, 0, 0, 0, C(bad_desc_errors), "indirect"},
		{VN_F_INDIRECT_DESC, table, 15, 0, 0, 0, C(bad_desc_errors), "indirect"},
		{VN_F_INDIRECT_DESC, table, 17, 0, 0, 0, C(bad_desc_errors), "indirect"},
		{VN_F_INDIRECT_DESC, table, 0xfffffff0, 0, 0, 0, C(exceed_max_chain), "indirect"},
		{VN_F_INDIRECT_DESC, table, 16 * 1025, 0, 0, 0, C(exceed_max_chain), "indirect"},
		{VN_F_INDIRECT_DESC, table, 16, 0, VN_DESC_F_INDIRECT, 0, C(bad_desc_errors),
			"indirect"},
		{VN_F_INDIRECT_DESC, table, 16, 0, VN_DESC_F_NEXT, 1, C(bad_desc_errors),
			"descriptor-index"},
		{VN_F_INDIRECT_DESC, table, 16, 0, VN_DESC_F_NEXT, 0, C(exceed_max_chain), "chain"},
		{VN_F_INDIRECT_DESC, 0x10, 16, 0, 0, 0, C(invalid_buffer), "memory"},
		{VN_F_INDIRECT_DESC, UINT64_MAX - 7, 16, 0, 0, 0, C(invalid_buffer), "memory"},
		/* it begins in memory, and ends outside */
		{VN_F_INDIRECT_DESC, MD_DATA_GPA + (1 << 20) - 8, 16, 0, 0, 0, C(invalid_buffer),
			"memory"},
#undef C
	};
	struct fix f;

	(void)state;
	for (unsigned int rx = 0; rx < 2; rx++) {
		for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
			const struct vn_vring_desc inner = {
				.addr = MD_DATA_GPA,
				.len = bad[i].inner_flags & VN_DESC_F_INDIRECT ? 16 : 1,
				.flags = bad[i].inner_flags | (rx ? VN_DESC_F_WRITE : 0),
				.next = bad[i].inner_next,
			};

			/* In a packed ring's tables these flags mean nothing. */
			if (env_ring && bad[i].inner_flags != 0)
				continue;
			fix_begin(&f, rx, VN_F_VERSION_1 | bad[i].features);
			md_write(&f.md, table, &inner, sizeof(inner));
			md_set_desc(&f.md, 0, bad[i].addr, bad[i].len,
				VN_DESC_F_INDIRECT | bad[i].flags, 1);
			md_set_desc(&f.md, 1, MD_DATA_GPA, 64, rx ? VN_DESC_F_WRITE : 0, 0);
			md_push_head(&f.md, 0);
			expect_broken(&f,
				(const uint64_t *)((const uint8_t *)&f.stats + bad[i].counter),
				bad[i].why);
		}
	}
}

static void
wrong_direction(void **state)
{
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1);
	md_set_desc(&f.md, 0, MD_DATA_GPA, 12, VN_DESC_F_NEXT, 1);
	md_set_desc(&f.md, 1, MD_DATA_GPA, FRAME, VN_DESC_F_WRITE, 0);
	md_push_head(&f.md, 0);
	good_one_behind(&f, &f.stats.bad_desc_errors);

	fix_begin(&f, true, VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF);
	md_set_desc(&f.md, 0, MD_DATA_GPA, 12, VN_DESC_F_NEXT, 1);
	md_set_desc(&f.md, 1, MD_DATA_GPA, FRAME, VN_DESC_F_WRITE, 0);
	md_push_head(&f.md, 0);
	good_one_behind(&f, &f.stats.bad_desc_errors);
}

/* The bad chain is the second of a mergeable frame: the first comes back empty, too. */
static void
wrong_direction_within_a_frame(void **state)
{
	struct fix f;

	(void)state;
	fix_begin(&f, true, VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF);
	md_set_desc(&f.md, 0, MD_DATA_GPA, 50, VN_DESC_F_WRITE, 0);
	md_set_desc(&f.md, 1, MD_DATA_GPA, 500, 0, 0);
	md_set_desc(&f.md, 2, MD_DATA_GPA + 4096, 80, VN_DESC_F_WRITE, 0);
	md_set_desc(&f.md, 3, MD_DATA_GPA + 8192, 80, VN_DESC_F_WRITE, 0);
	for (uint16_t i = 0; i < 4; i++)
		md_push_head(&f.md, i);
	memset(md_ptr(&f.md, MD_DATA_GPA), 0x55, 50);
	assert_int_equal(step(&f), 1);
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), 4);
	assert_int_equal(md_used(&f.md, 0).len, 0);
	assert_int_equal(md_used(&f.md, 1).len, 0);
	assert_int_equal(md_used(&f.md, 2).len, 80);
	assert_int_equal(md_used(&f.md, 3).len, FRAME + 12 - 80);
	assert_int_equal(*(uint8_t *)md_ptr(&f.md, MD_DATA_GPA), 0x55);
	assert_int_equal(f.stats.bad_desc_errors, 1);
	assert_int_equal(f.stats.batch_last, 2);
	fix_end(&f);
}

/* Alone in its burst, a bad chain is given back without a complete(). */
static void
bad_chain_alone_comes_back(void **state)
{
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1);
	md_set_desc(&f.md, 5, MD_DATA_GPA, 4, 0, 0);
	md_push_head(&f.md, 5);
	assert_int_equal(step(&f), 0);
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), 1);
	assert_int_equal(md_used(&f.md, 0).id, 5);
	fix_end(&f);
}

/* More pieces than a frame may have, in an indirect table of legal size. */
static void
too_many_pieces(void **state)
{
	const unsigned int n = VN_VQ_MAX_SIZE;
	struct vn_virtq_stats stats = {0};
	struct rte_mbuf *pkts[VN_VQ_MAX_BURST];
	struct model_driver md;
	struct vn_virtq_conf conf;
	struct vn_virtq *vq;

	(void)state;
	md_init(&md, 1, n, 0, VN_F_VERSION_1, false, 0);
	for (unsigned int i = 0; i < n; i++)
		md_set_desc(&md, i, MD_DATA_GPA, 1, i + 1 < n ? VN_DESC_F_NEXT : 0, i + 1);
	md_push_head(&md, n - VN_VQ_MAX_SEGS - 1);
	md_push_head(&md, n - VN_VQ_MAX_SEGS);
	conf = md_conf(&md, &stats);
	assert_int_equal(vn_virtq_create(&conf, &vq), 0);
	assert_int_equal(vn_virtq_dequeue(vq, env_pool, pkts, 1), 0);
	assert_int_equal(stats.exceed_max_chain, 1);
	assert_false(vn_virtq_broken(vq));
	assert_int_equal(vn_virtq_dequeue(vq, env_pool, pkts, 1), 1);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(stats.exceed_max_chain, 1);

	/* Absurd chains do not hold a poller up: after a few, the call ends. */
	for (unsigned int i = 0; i < n; i++)
		md_set_desc(&md, i, 0, 0, i + 1 < n ? VN_DESC_F_NEXT : 0, i + 1);
	for (unsigned int i = 0; i < 64; i++)
		md_push_head(&md, 0);
	vn_virtq_complete(vq);
	assert_int_equal(vn_virtq_dequeue(vq, env_pool, pkts, 64), 0);
	assert_int_equal(vn_virtq_position(vq), 4);
	vn_virtq_free(vq);
	md_fini(&md);
}

/* A thread that writes anything anywhere into the rings while the engine works. */
struct scribbler {
	struct model_driver *md;
	uint64_t seed;
	int stop;
};

static void
scribble_packed(struct model_driver *md, struct rng *r, uint16_t i, uint64_t addr, uint32_t len)
{
	switch (rng_below(r, 5)) {
	case 0:
		*(volatile uint64_t *)&md->ring[i].addr = addr;
		break;
	case 1:
		*(volatile uint32_t *)&md->ring[i].len = len;
		break;
	case 2:
		*(volatile uint32_t *)md->driver_event = rng_next(r);
		break;
	default:
		*(volatile uint16_t *)&md->ring[i].flags = rng_next(r);
	}
}

static void *
scribble(void *arg)
{
	struct scribbler *s = arg;
	struct model_driver *md = s->md;
	struct rng r = {s->seed};

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		uint16_t i = rng_below(&r, md->size);
		const uint64_t addr = MD_DATA_GPA + rng_below(&r, 1 << 20);
		const uint32_t len = rng_below(&r, 3) == 0 ? rng_next(&r) : rng_below(&r, 5000);

		if (md->packed) {
			scribble_packed(md, &r, i, addr, len);
			continue;
		}
		switch (rng_below(&r, 6)) {
		case 0:
			*(volatile uint64_t *)&md->desc[i].addr = addr;
			break;
		case 1:
			*(volatile uint32_t *)&md->desc[i].len = len;
			break;
		case 2:
			*(volatile uint16_t *)&md->desc[i].flags = rng_below(&r, 8);
			break;
		case 3:
			*(volatile uint16_t *)&md->desc[i].next = rng_below(&r, md->size + 1);
			break;
		case 4:
			*(volatile uint16_t *)&md->avail->ring[i] = rng_below(&r, md->size);
			break;
		default:
			*(volatile uint16_t *)&md->avail->idx =
				md->used->idx + rng_below(&r, md->size);
		}
	}
	return NULL;
}

static void
scribbled_rings(void **state)
{
	unsigned int n = env_rounds("rings rewritten while they are read", 200, 20000);

	(void)state;
	for (unsigned int round = 1; round <= n; round++) {
		struct scribbler s = {.seed = round};
		bool rx = round % 2;
		pthread_t thread;
		struct fix f;

		env_seed = round;
		fix_begin(&f, rx,
			VN_F_INDIRECT_DESC | VN_F_EVENT_IDX |
				(round % 4 < 2 ? VN_NET_F_MRG_RXBUF : 0));
		for (uint64_t at = 0; at < 1 << 20; at += 16) {
			struct vn_vring_desc d = {MD_DATA_GPA + at, at % 977, at % 4, at % 63};

			md_write(&f.md, MD_DATA_GPA + at, &d, sizeof(d));
		}
		s.md = &f.md;
		assert_int_equal(pthread_create(&thread, NULL, scribble, &s), 0);
		for (unsigned int i = 0; i < 500; i++) {
			struct vn_virtq_conf conf;

			step(&f);
			vn_virtq_complete(f.vq);
			vn_virtq_publish(f.vq);
			vn_virtq_interrupt(f.vq);
			if (!vn_virtq_broken(f.vq))
				continue;
			vn_virtq_free(f.vq);
			conf = md_conf(&f.md, &f.stats);
			assert_int_equal(vn_virtq_create(&conf, &f.vq), 0);
		}
		__atomic_store_n(&s.stop, 1, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		fix_end(&f);
	}
}

/* Chains that a packed ring cannot have. */
static void
bad_packed_chains(void **state)
{
	struct rte_mbuf *pkts[2];
	struct fix f;

	(void)state;
	for (unsigned int rx = 0; rx < 2; rx++) {
		const uint16_t dir = rx ? VN_DESC_F_WRITE : 0;
		const uint64_t features = VN_F_VERSION_1 | VN_F_INDIRECT_DESC;

		/* Without an end; and one that runs into what is in flight. */
		fix_begin(&f, rx, features);
		for (unsigned int i = 0; i < SIZE; i++)
			md_set_desc(&f.md, i, MD_DATA_GPA, 1, dir | VN_DESC_F_NEXT, i + 1);
		md_push_head(&f.md, 0);
		expect_broken(&f, &f.stats.exceed_max_chain, "chain");

		/* A table behind another descriptor. */
		fix_begin(&f, rx, features);
		md_set_desc(&f.md, 0, MD_DATA_GPA, 12, dir | VN_DESC_F_NEXT, 1);
		md_set_desc(&f.md, 1, MD_DATA_GPA + 4096, 16, VN_DESC_F_INDIRECT, 0);
		md_push_head(&f.md, 0);
		expect_broken(&f, &f.stats.bad_desc_errors, "indirect");

		/* It was available, and is not any more. */
		fix_begin(&f, rx, features);
		md_set_desc(&f.md, 0, MD_DATA_GPA, 12, dir, 0);
		md_push_head(&f.md, 0);
		assert_int_equal(vn_virtq_avail(f.vq), 1);
		f.md.ring[0].flags = 0xffff;
		expect_broken(&f, &f.stats.bad_desc_errors, "descriptor-flags");
	}
	fix_begin(&f, false, VN_F_VERSION_1);
	md_set_desc(&f.md, 0, MD_DATA_GPA, FRAME, 0, 0);
	md_push_head(&f.md, 0);
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts, 2), 1);
	rte_pktmbuf_free(pkts[0]);
	for (unsigned int i = 1; i < SIZE; i++)
		f.md.ring[i].flags = VN_DESC_F_USED | VN_DESC_F_NEXT;
	expect_broken(&f, &f.stats.exceed_max_chain, "chain");
}

/* All descriptors available, also those that are ours: they are never taken twice. */
static void
descriptors_in_flight_are_ours(void **state)
{
	struct rte_mbuf *pkts[VN_VQ_MAX_BURST];
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1);
	for (unsigned int lap = 0; lap < 3; lap++) {
		for (unsigned int i = 0; i < SIZE; i++) {
			md_set_desc(&f.md, i, MD_DATA_GPA, FRAME, 0, 0);
			f.md.ring[i] = (struct vn_vring_packed_desc){
				MD_DATA_GPA, FRAME, i, lap % 2 ? VN_DESC_F_AVAIL : VN_DESC_F_USED};
		}
		assert_int_equal(vn_virtq_avail(f.vq), SIZE);
		assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts, VN_VQ_MAX_BURST), SIZE);
		rte_pktmbuf_free_bulk(pkts, SIZE);
		for (unsigned int i = 0; i < SIZE; i++)
			f.md.ring[i].flags ^= VN_DESC_F_AVAIL | VN_DESC_F_USED;
		assert_int_equal(vn_virtq_avail(f.vq), 0);
		assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts, VN_VQ_MAX_BURST), 0);
		vn_virtq_complete(f.vq);
		vn_virtq_publish(f.vq);
	}
	assert_int_equal(errors(&f.stats), 0);
	fix_end(&f);
}

/* More pieces than a frame may have, and a ring full of chains that hold nothing. */
static void
too_many_packed_pieces(void **state)
{
	const unsigned int n = VN_VQ_MAX_SIZE;
	struct vn_virtq_stats stats = {0};
	struct rte_mbuf *pkts[VN_VQ_MAX_BURST];
	struct model_driver md;
	struct vn_virtq_conf conf;
	struct vn_virtq *vq;

	(void)state;
	md_init(&md, 1, n, VN_VRING_PACKED_START, VN_F_VERSION_1 | VN_F_RING_PACKED, false, 0);
	for (unsigned int i = 0; i < n; i++)
		md_set_desc(&md, i, MD_DATA_GPA, 1, i + 1 < n ? VN_DESC_F_NEXT : 0, i + 1);
	md_push_head(&md, n - VN_VQ_MAX_SEGS - 1);
	md_push_head(&md, n - VN_VQ_MAX_SEGS);
	conf = md_conf(&md, &stats);
	assert_int_equal(vn_virtq_create(&conf, &vq), 0);
	assert_int_equal(vn_virtq_dequeue(vq, env_pool, pkts, 1), 0);
	assert_int_equal(stats.exceed_max_chain, 1);
	assert_false(vn_virtq_broken(vq));
	assert_int_equal(vn_virtq_dequeue(vq, env_pool, pkts, 1), 1);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(stats.exceed_max_chain, 1);
	for (unsigned int i = 0; i < 1000; i++)
		md_set_desc(&md, i, 0, 0, i + 1 < 1000 ? VN_DESC_F_NEXT : 0, i + 1);
	for (unsigned int i = 0; i < 30; i++)
		md_push_head(&md, 0);
	vn_virtq_complete(vq);
	assert_int_equal(vn_virtq_dequeue(vq, env_pool, pkts, 64), 0);
	assert_int_equal(
		vn_virtq_position(vq), VN_VRING_PACKED_START + 2 * VN_VQ_MAX_SEGS + 1 + 5000);
	vn_virtq_complete(vq);
	vn_virtq_publish(vq);
	assert_int_equal(md_used_idx(&md), 7);
	vn_virtq_free(vq);
	md_fini(&md);
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, env_check_pool)
	const struct CMUnitTest split[] = {
		T(impossible_avail_index),
		T(avail_index_goes_back),
		T(avail_index_beyond_what_was_published),
		T(bad_heads_and_links),
		T(too_many_pieces),
	};
	const struct CMUnitTest packed[] = {
		T(bad_packed_chains),
		T(descriptors_in_flight_are_ours),
		T(too_many_packed_pieces),
	};
	const struct CMUnitTest both[] = {
		T(bad_addresses),
		T(bad_indirect),
		T(wrong_direction),
		T(wrong_direction_within_a_frame),
		T(bad_chain_alone_comes_back),
		T(scribbled_rings),
	};
	int failed;

	failed = cmocka_run_group_tests(split, env_setup, NULL);
	failed += env_run_both(both, NULL, NULL);
	return failed + cmocka_run_group_tests(packed, NULL, env_teardown);
}
