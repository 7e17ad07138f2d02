/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VIRTQ_TEST_ENV_H
#define VIRTQ_TEST_ENV_H

/**
 * @file
 * Test code: what all tests of the engine need. A unit test is linked from one file (see
 * lib/meson.build), so this takes the model driver in as source.
 */

#include "model_driver.c"

#include <stdio.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "vn_features.h"

#define ENV_MBUFS 1023

static struct rte_mempool *env_pool;
/* The kind of ring under test: 0, or VN_F_RING_PACKED. */
static uint64_t env_ring;
/* Of the round that runs; printed at the end of a test, so that a failure names it. */
static uint64_t env_seed;

static inline int
env_setup(void **state)
{
	/* The mempool driver is named for builds against a DPDK that is not installed in its place.
	 */
	static char args[][32] = {"test", "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf",
		"-m", "64", "-l", "0", "--log-level=lib.eal:error", "-d", "librte_mempool_ring.so"};
	char *argv[RTE_DIM(args) + 1] = {NULL};
	int ret;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	ret = rte_eal_init(RTE_DIM(args), argv);
	assert_true(ret >= 0);
	env_pool = rte_pktmbuf_pool_create(
		"test", ENV_MBUFS, 0, VN_MBUF_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	assert_non_null(env_pool);
	return 0;
}

static inline int
env_teardown(void **state)
{
	(void)state;
	rte_mempool_free(env_pool);
	return rte_eal_cleanup();
}

/*
 * Run the tests with split rings, and then again with packed ones. @p setup is called before, @p
 * teardown after all of them.
 */
#define env_run_both(tests, setup, teardown)                                               \
	({                                                                                 \
		int env_failed;                                                            \
                                                                                           \
		env_ring = 0;                                                              \
		env_failed = cmocka_run_group_tests_name("split", tests, setup, NULL);     \
		env_ring = VN_F_RING_PACKED;                                               \
		env_failed + cmocka_run_group_tests_name("packed", tests, NULL, teardown); \
	})

/* conf.start of a ring of the kind under test, from that of a split one. */
static inline uint16_t
env_start(uint16_t start, uint16_t size)
{
	return env_ring ? (start % size) | (start & VN_EVENT_WRAP) : start;
}

/* After each test: every mbuf is back. */
static inline int
env_check_pool(void **state)
{
	(void)state;
	if (env_seed != 0)
		print_message("last seed: %ju\n", (uintmax_t)env_seed);
	env_seed = 0;
	assert_int_equal(rte_mempool_avail_count(env_pool), ENV_MBUFS);
	return 0;
}

/* Loops are full length with VN_LONG=1, and say how long they are. */
static inline unsigned int
env_rounds(const char *what, unsigned int usual, unsigned int full)
{
	const char *env = getenv("VN_LONG");
	unsigned int n = env != NULL && strcmp(env, "0") != 0 ? full : usual;

	print_message("%s: %u rounds (full: %u)\n", what, n, full);
	return n;
}

/* An mbuf chain that holds a frame, and its header. */
static inline struct rte_mbuf *
env_mbuf(const struct vn_net_hdr *hdr, const void *data, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(env_pool);
	struct rte_mbuf *last = m;
	uint32_t done = 0;

	assert_non_null(m);
	*vn_mbuf_hdr(m) = *hdr;
	m->pkt_len = len;
	for (;;) {
		uint32_t part = RTE_MIN(len - done, rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod(last, void *), (const uint8_t *)data + done, part);
		last->data_len = part;
		done += part;
		if (done == len)
			return m;
		last->next = rte_pktmbuf_alloc(env_pool);
		last = last->next;
		assert_non_null(last);
		m->nb_segs++;
	}
}

/* Tests that write chains by hand have a ring of this size, and mostly frames of this length. */
#define SIZE  16
#define FRAME 100

/* A ring with its driver. */
struct fix {
	struct model_driver md;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
};

static inline void
fix_begin(struct fix *f, bool rx, uint64_t features)
{
	struct vn_virtq_conf conf;

	memset(f, 0, sizeof(*f));
	md_init(&f->md, 1, SIZE, 0, features | env_ring, rx, 0);
	conf = md_conf(&f->md, &f->stats);
	assert_int_equal(vn_virtq_create(&conf, &f->vq), 0);
}

static inline void
fix_end(struct fix *f)
{
	vn_virtq_free(f->vq);
	md_fini(&f->md);
}

static inline struct rte_mbuf *
some_frame(uint32_t len)
{
	static const struct vn_net_hdr hdr;
	static uint8_t data[VN_MAX_FRAME + 1];

	return env_mbuf(&hdr, data, len);
}

/* One call of the engine in the ring's direction. @return frames moved. */
static inline uint16_t
step(struct fix *f)
{
	struct rte_mbuf *pkts[4];
	uint16_t n;

	if (!f->md.is_rx) {
		n = vn_virtq_dequeue(f->vq, env_pool, pkts, 4);
		rte_pktmbuf_free_bulk(pkts, n);
		return n;
	}
	pkts[0] = some_frame(FRAME);
	n = vn_virtq_enqueue(f->vq, pkts, 1);
	rte_pktmbuf_free(pkts[0]);
	return n;
}

/* The sum of all error counters; each test names the one that must be it. */
static inline uint64_t
errors(const struct vn_virtq_stats *s)
{
	return s->bad_desc_errors + s->exceed_max_chain + s->invalid_buffer + s->bad_header +
	       s->oversized + s->no_buffer;
}

/* Behind a bad chain comes a good one, which must arrive. */
static inline void
good_one_behind(struct fix *f, const uint64_t *counter)
{
	uint16_t before = md_used_idx(&f->md);
	uint16_t got;

	md_set_desc(&f->md, 9, MD_DATA_GPA, FRAME + 12, f->md.is_rx ? VN_DESC_F_WRITE : 0, 0);
	md_push_head(&f->md, 9);
	memset(md_ptr(&f->md, MD_DATA_GPA), 0, 12);
	got = step(f);
	vn_virtq_complete(f->vq);
	vn_virtq_publish(f->vq);
	assert_int_equal(got, 1);
	assert_false(vn_virtq_broken(f->vq));
	assert_int_equal(*counter, 1);
	assert_int_equal(errors(&f->stats), 1);
	assert_int_equal(f->stats.packets, 1);
	assert_int_equal((uint16_t)(md_used_idx(&f->md) - before), 2);
	assert_int_equal(md_used(&f->md, before).len, 0);
	assert_int_equal(md_used(&f->md, before + 1).id, 9);
	assert_int_equal(f->stats.received_desc, f->stats.completed_desc);
	fix_end(f);
}

#endif /* VIRTQ_TEST_ENV_H */
