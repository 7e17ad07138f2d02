/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sw_fdb.h"
#include "vn_switch.h"

/* Entries that are looked at under the lock at once: pollers do not learn meanwhile. */
#define SLICE 1024

int
sw_fdb_init(struct sw_fdb *fdb, uint32_t size, uint32_t ageing, uint32_t ports)
{
	const uint32_t entries = rte_align32pow2(RTE_MAX(size, (uint32_t)SW_FDB_WAYS));

	*fdb = (struct sw_fdb){
		.mask = entries / SW_FDB_WAYS - 1,
		.ageing = ageing,
		.limit = VN_SWITCH_LEARN_MAX,
	};
	rte_spinlock_init(&fdb->lock);
	fdb->count = calloc(ports, sizeof(fdb->count[0]));
	fdb->entry = aligned_alloc(RTE_CACHE_LINE_SIZE, entries * sizeof(fdb->entry[0]));
	if (fdb->count == NULL || fdb->entry == NULL) {
		sw_fdb_fini(fdb);
		return -ENOMEM;
	}
	memset(fdb->entry, 0, entries * sizeof(fdb->entry[0]));
	return 0;
}

void
sw_fdb_fini(struct sw_fdb *fdb)
{
	free(fdb->count);
	free(fdb->entry);
	fdb->count = NULL;
	fdb->entry = NULL;
}

static void
count(struct sw_fdb *fdb, uint32_t port, int n)
{
	__atomic_store_n(&fdb->count[port], fdb->count[port] + (uint32_t)n, __ATOMIC_RELAXED);
	__atomic_store_n(&fdb->learnt, fdb->learnt + (uint32_t)n, __ATOMIC_RELAXED);
}

static void
add(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* Under the lock. Readers never see a key with the port of another one: see sw_fdb_find(). */
static void
clear(struct sw_fdb *fdb, struct sw_fdb_entry *e)
{
	count(fdb, e->port, -1);
	__atomic_store_n(&e->key, 0, __ATOMIC_RELEASE);
	rte_atomic_thread_fence(__ATOMIC_RELEASE);
}

/* A place in the bucket: a free one, else the oldest of those that the port may take. */
static struct sw_fdb_entry *
place_for(const struct sw_fdb *fdb, struct sw_fdb_entry *e, sw_port_id port, bool at_limit)
{
	struct sw_fdb_entry *oldest = NULL;

	for (unsigned int i = 0; i < SW_FDB_WAYS; i++, e++) {
		if (e->key == 0 && !at_limit)
			return e;
		if (e->key == 0 || (at_limit && e->port != port))
			continue;
		/* On a clock that may have wrapped. */
		if (oldest == NULL || fdb->now - e->seen > fdb->now - oldest->seen)
			oldest = e;
	}
	return oldest;
}

static void
put_locked(struct sw_fdb *fdb, uint64_t key, sw_port_id port, bool limited)
{
	struct sw_fdb_entry *const bucket = sw_fdb_bucket(fdb, key);
	const bool at_limit = limited && fdb->count[port] >= fdb->limit;
	struct sw_fdb_entry *e;

	for (unsigned int i = 0; i < SW_FDB_WAYS; i++) {
		e = &bucket[i];
		if (e->key != key)
			continue;
		if (e->port == port)
			return; /* another poller was faster */
		if (at_limit) {
			add(&fdb->refused);
			return;
		}
		count(fdb, e->port, -1);
		count(fdb, port, 1);
		__atomic_store_n(&e->port, port, __ATOMIC_RELEASE);
		__atomic_store_n(&e->seen, fdb->now, __ATOMIC_RELAXED);
		add(&fdb->moved);
		return;
	}
	e = place_for(fdb, bucket, port, at_limit);
	if (e == NULL) {
		add(&fdb->refused);
		return;
	}
	if (e->key != 0) {
		clear(fdb, e);
		add(&fdb->evicted);
	}
	count(fdb, port, 1);
	__atomic_store_n(&e->port, port, __ATOMIC_RELAXED);
	__atomic_store_n(&e->seen, fdb->now, __ATOMIC_RELAXED);
	__atomic_store_n(&e->key, key, __ATOMIC_RELEASE);
}

void
sw_fdb_put(struct sw_fdb *fdb, uint64_t key, sw_port_id port, bool limited)
{
	if (!rte_spinlock_trylock(&fdb->lock))
		return;
	put_locked(fdb, key, port, limited);
	rte_spinlock_unlock(&fdb->lock);
}

static void
sweep(struct sw_fdb *fdb, sw_port_id port, uint32_t age)
{
	const size_t n = ((size_t)fdb->mask + 1) * SW_FDB_WAYS;

	for (size_t from = 0; from < n; from += SLICE) {
		const size_t end = RTE_MIN(from + SLICE, n);

		rte_spinlock_lock(&fdb->lock);
		for (size_t i = from; i < end; i++) {
			struct sw_fdb_entry *e = &fdb->entry[i];

			if (e->key == 0)
				continue;
			if (port != 0 ? e->port == port : fdb->now - e->seen > age)
				clear(fdb, e);
		}
		rte_spinlock_unlock(&fdb->lock);
	}
}

void
sw_fdb_flush(struct sw_fdb *fdb, sw_port_id port)
{
	if (__atomic_load_n(&fdb->count[port], __ATOMIC_RELAXED) > 0)
		sweep(fdb, port, 0);
}

void
sw_fdb_tick(struct sw_fdb *fdb)
{
	__atomic_store_n(&fdb->now, fdb->now + 1, __ATOMIC_RELAXED);
	if (fdb->ageing != 0 && __atomic_load_n(&fdb->learnt, __ATOMIC_RELAXED) > 0)
		sweep(fdb, 0, fdb->ageing);
}
