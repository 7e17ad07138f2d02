/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The engine against the model driver: random chains, random steps, every byte compared.
 */
#include "virtq_test_run.h"

static void
tx_round(uint64_t seed)
{
	struct run t;

	run_begin(&t, seed, false);
	for (unsigned int step = 0; step < 300; step++) {
		switch (rng_below(&t.rng, 7)) {
		case 0:
		case 1:
			tx_add(&t);
			break;
		case 2:
			tx_dequeue(&t);
			break;
		case 3:
			tx_complete(&t);
			break;
		case 4:
			publish(&t);
			break;
		case 5:
			tx_reap(&t);
			driver_mood(&t);
			break;
		default:
			engine_mood(&t);
		}
	}
	for (unsigned int i = 0; t.got < t.put; i++) {
		assert_true(i < t.fifo_size);
		tx_dequeue(&t);
	}
	tx_complete(&t);
	publish(&t);
	tx_reap(&t);
	assert_int_equal(md_outstanding(&t.md), 0);
	assert_int_equal(t.stats.packets, t.put);
	assert_int_equal(t.stats.total_bytes, t.bytes);
	assert_int_equal(t.stats.received_desc, t.descs);
	assert_int_equal(t.stats.completed_desc, t.descs);
	run_end(&t);
}

static void
rx_round(uint64_t seed)
{
	struct rte_mbuf *pending[VN_VQ_MAX_BURST];
	unsigned int num_pending = 0;
	struct run t;

	run_begin(&t, seed, true);
	for (unsigned int step = 0; step < 300; step++) {
		switch (rng_below(&t.rng, 7)) {
		case 0:
		case 1:
			rx_post(&t);
			break;
		case 2:
		case 3:
			/* The frames in flight must fit the list that the test keeps. */
			if (t.put - t.got + VN_VQ_MAX_BURST < t.fifo_size)
				rx_enqueue(&t, pending, &num_pending);
			break;
		case 4:
			publish(&t);
			break;
		case 5:
			rx_reap(&t);
			driver_mood(&t);
			break;
		default:
			engine_mood(&t);
		}
	}
	publish(&t);
	rx_reap(&t);
	assert_int_equal(t.got + num_pending, t.put);
	assert_int_equal(t.stats.packets, t.got);
	assert_int_equal(t.stats.received_desc, t.stats.completed_desc);
	rte_pktmbuf_free_bulk(pending, num_pending);
	run_end(&t);
}

static void
random_tx(void **state)
{
	unsigned int n = env_rounds("random transmit", 200, 20000);

	(void)state;
	for (unsigned int i = 1; i <= n; i++) {
		tx_round(i);
		if (rte_mempool_avail_count(env_pool) != ENV_MBUFS)
			fail_msg("seed %u lost mbufs", i);
	}
}

static void
random_rx(void **state)
{
	unsigned int n = env_rounds("random receive", 200, 20000);

	(void)state;
	for (unsigned int i = 1; i <= n; i++) {
		rx_round(i);
		if (rte_mempool_avail_count(env_pool) != ENV_MBUFS)
			fail_msg("seed %u lost mbufs", i);
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, env_check_pool)
	const struct CMUnitTest tests[] = {
		T(random_tx),
		T(random_rx),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
