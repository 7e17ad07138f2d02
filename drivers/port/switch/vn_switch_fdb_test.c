/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* The table of learnt addresses: bounded, ageing, and nobody can fill it alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <string.h>

#include <cmocka.h>

#include "sw_fdb.h"
#include "vn_switch.h"

#define PORTS 16

static struct sw_fdb fdb;

static uint64_t
key_of(uint32_t n, uint16_t vlan)
{
	const uint8_t mac[6] = {
		2, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	return sw_key(sw_mac(mac), vlan);
}

static int
setup(void **state)
{
	(void)state;
	return sw_fdb_init(&fdb, 1000, 10, PORTS);
}

static int
teardown(void **state)
{
	uint32_t sum = 0, there = 0;

	(void)state;
	for (unsigned int i = 0; i < PORTS; i++)
		sum += fdb.count[i];
	for (size_t i = 0; i < ((size_t)fdb.mask + 1) * SW_FDB_WAYS; i++)
		there += fdb.entry[i].key != 0;
	assert_int_equal(sum, fdb.learnt);
	assert_int_equal(there, fdb.learnt);
	sw_fdb_fini(&fdb);
	return 0;
}

static void
test_learn(void **state)
{
	(void)state;
	assert_int_equal((fdb.mask + 1) * SW_FDB_WAYS, 1024);
	assert_int_equal(sw_fdb_find(&fdb, key_of(1, 0)), 0);
	sw_fdb_learn(&fdb, key_of(1, 0), 3, true);
	assert_int_equal(sw_fdb_find(&fdb, key_of(1, 0)), 3);
	/* A VLAN is a network of its own. */
	assert_int_equal(sw_fdb_find(&fdb, key_of(1, 5)), 0);
	sw_fdb_learn(&fdb, key_of(1, 5), 4, true);
	assert_int_equal(sw_fdb_find(&fdb, key_of(1, 5)), 4);
	assert_int_equal(sw_fdb_find(&fdb, key_of(1, 0)), 3);
	assert_int_equal(fdb.learnt, 2);
	/* It moved. */
	sw_fdb_learn(&fdb, key_of(1, 0), 7, false);
	assert_int_equal(sw_fdb_find(&fdb, key_of(1, 0)), 7);
	assert_int_equal(fdb.moved, 1);
	assert_int_equal(fdb.count[3], 0);
	assert_int_equal(fdb.count[7], 1);
}

static void
test_ageing(void **state)
{
	(void)state;
	fdb.now = UINT32_MAX - 3; /* the clock wraps */
	sw_fdb_learn(&fdb, key_of(1, 0), 3, true);
	sw_fdb_learn(&fdb, key_of(2, 0), 3, true);
	for (unsigned int i = 0; i < 10; i++) {
		sw_fdb_tick(&fdb);
		sw_fdb_learn(&fdb, key_of(2, 0), 3, true);
	}
	assert_int_equal(sw_fdb_find(&fdb, key_of(1, 0)), 3);
	sw_fdb_tick(&fdb);
	assert_int_equal(sw_fdb_find(&fdb, key_of(1, 0)), 0);
	assert_int_equal(sw_fdb_find(&fdb, key_of(2, 0)), 3);
	fdb.ageing = 0;
	for (unsigned int i = 0; i < 100; i++)
		sw_fdb_tick(&fdb);
	assert_int_equal(sw_fdb_find(&fdb, key_of(2, 0)), 3);
	sw_fdb_flush(&fdb, 2);
	assert_int_equal(sw_fdb_find(&fdb, key_of(2, 0)), 3);
	sw_fdb_flush(&fdb, 3);
	assert_int_equal(sw_fdb_find(&fdb, key_of(2, 0)), 0);
}

/* A guest that sends from ever new addresses. */
static void
test_limit(void **state)
{
	unsigned int others = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		sw_fdb_learn(&fdb, key_of(i, 1), 1, false);
	for (uint32_t i = 0; i < 100000; i++)
		sw_fdb_learn(&fdb, key_of(i, 2), 2, true);
	assert_int_equal(fdb.count[2], VN_SWITCH_LEARN_MAX);
	assert_true(fdb.refused > 0);
	for (uint32_t i = 0; i < 100; i++)
		others += sw_fdb_find(&fdb, key_of(i, 1)) == 1;
	/* What it has taken from others is bounded by what it may have. */
	assert_true(others >= 100 - VN_SWITCH_LEARN_MAX);
	/* Nor does it take over the address of another once it has enough. */
	for (uint32_t i = 0; i < 100; i++)
		sw_fdb_learn(&fdb, key_of(i, 1), 2, true);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_not_equal(sw_fdb_find(&fdb, key_of(i, 1)), 2);
}

/* From an uplink more comes than fits: the oldest of a bucket goes. */
static void
test_full(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		sw_fdb_learn(&fdb, key_of(i, 0), 1, false);
		assert_int_equal(sw_fdb_find(&fdb, key_of(i, 0)), 1);
	}
	assert_true(fdb.learnt <= 1024);
	assert_int_equal(fdb.evicted, 100000 - fdb.learnt);
}

/* Readers beside a writer never get another port for a key than one that it had. */
static bool stop;

static void *
reader(void *arg)
{
	uintptr_t wrong = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (uint32_t i = 0; i < 64; i++) {
			const sw_port_id id = sw_fdb_find(&fdb, key_of(i, 0));

			wrong += id != 0 && id != 1 + i % 8;
		}
	}
	return (void *)wrong;
}

static void
test_readers(void **state)
{
	pthread_t thread;
	void *wrong;

	(void)state;
	sw_fdb_fini(&fdb);
	assert_int_equal(sw_fdb_init(&fdb, 8, 10, PORTS), 0);
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, reader, NULL), 0);
	for (uint32_t i = 0; i < 300000; i++)
		sw_fdb_learn(&fdb, key_of(i % 64, 0), (sw_port_id)(1 + i % 8), false);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, &wrong);
	assert_null(wrong);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_learn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ageing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
