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

#define ENV_MBUFS 1023

static struct rte_mempool *env_pool;
/* Of the round that runs; printed at the end of a test, so that a failure names it. */
static uint64_t env_seed;

static inline int
env_setup(void **state)
{
	static char args[][32] = { "test", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "64", "-l", "0", "--log-level=lib.eal:error" };
	char *argv[RTE_DIM(args) + 1] = { NULL };
	int ret;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	ret = rte_eal_init(RTE_DIM(args), argv);
	assert_true(ret >= 0);
	env_pool = rte_pktmbuf_pool_create("test", ENV_MBUFS, 0, VN_MBUF_PRIV_SIZE,
		RTE_MBUF_DEFAULT_BUF_SIZE, 0);
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

#endif /* VIRTQ_TEST_ENV_H */
