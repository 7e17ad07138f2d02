/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef SW_FDB_H
#define SW_FDB_H

/**
 * @file
 * Learnt addresses: who was heard last with a MAC in a VLAN. A table of fixed size with four places
 * per address; a lookup is one cache line and takes no lock. Changes are serialised by a lock that
 * pollers only try to take: what is not learnt now is learnt with the next frame.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ether.h>
#include <rte_spinlock.h>

#define SW_FDB_WAYS 4

/** Number of a port; 0: none. */
typedef uint16_t sw_port_id;

struct sw_fdb_entry {
	uint64_t key;  /* atomic; 0: free */
	uint32_t port; /* atomic */
	uint32_t seen; /* atomic; on the table's clock */
};

struct sw_fdb {
	uint32_t mask; /* of buckets */
	uint32_t ageing;
	uint32_t limit;  /* per port that has one */
	uint32_t now;    /* seconds; atomic, the control thread's */
	uint32_t *count; /* by port; atomic, changed under the lock */
	rte_spinlock_t lock;
	uint32_t learnt;                  /* all; as count */
	uint64_t moved, evicted, refused; /* atomic */
	struct sw_fdb_entry *entry;
};

/** Key of a MAC (6 bytes at @p mac) in a VLAN; never 0 for a MAC that a sender may have. */
static inline uint64_t
sw_mac(const uint8_t *mac)
{
	uint16_t hi;
	uint32_t lo;

	memcpy(&hi, mac, sizeof(hi));
	memcpy(&lo, mac + sizeof(hi), sizeof(lo));
	return (uint64_t)lo << 16 | hi;
}

static inline uint64_t
sw_key(uint64_t mac, uint16_t vlan)
{
	return mac << 12 | vlan;
}

/** Where to look for @p key among @p n places; all its bits count. */
static inline uint32_t
sw_hash(uint64_t key, uint32_t n)
{
	/* Fibonacci hashing: the high bits of the product are those that all others reach. */
	return (uint32_t)(((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) * n >> 32);
}

/** The first of the places of a key. */
static inline struct sw_fdb_entry *
sw_fdb_bucket(const struct sw_fdb *fdb, uint64_t key)
{
	/* Which addresses collide is no secret: what a device may hold is bounded. */
	return &fdb->entry[(size_t)sw_hash(key, fdb->mask + 1) * SW_FDB_WAYS];
}

/** Who has @p key: a port or 0. Any thread. */
static inline sw_port_id
sw_fdb_find(const struct sw_fdb *fdb, uint64_t key)
{
	const struct sw_fdb_entry *e = sw_fdb_bucket(fdb, key);

	for (unsigned int i = 0; i < SW_FDB_WAYS; i++, e++) {
		uint32_t port;

		if (__atomic_load_n(&e->key, __ATOMIC_ACQUIRE) != key)
			continue;
		/* The place may be given to another address meanwhile: then the port is another's.
		 */
		port = __atomic_load_n(&e->port, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(&e->key, __ATOMIC_RELAXED) == key)
			return (sw_port_id)port;
	}
	return 0;
}

/** @p ports: highest number of a port, plus 1. @return 0 or -ENOMEM. */
int sw_fdb_init(struct sw_fdb *fdb, uint32_t size, uint32_t ageing, uint32_t ports);
void sw_fdb_fini(struct sw_fdb *fdb);

/** The slow part of sw_fdb_learn(). */
void sw_fdb_put(struct sw_fdb *fdb, uint64_t key, sw_port_id port, bool limited);

/**
 * @p key was heard from @p port. Poller. @p limited: the port may have SW_FDB limit addresses.
 */
static inline void
sw_fdb_learn(struct sw_fdb *fdb, uint64_t key, sw_port_id port, bool limited)
{
	struct sw_fdb_entry *e = sw_fdb_bucket(fdb, key);
	const uint32_t now = __atomic_load_n(&fdb->now, __ATOMIC_RELAXED);

	for (unsigned int i = 0; i < SW_FDB_WAYS; i++, e++) {
		if (__atomic_load_n(&e->key, __ATOMIC_ACQUIRE) != key)
			continue;
		if (unlikely(__atomic_load_n(&e->port, __ATOMIC_RELAXED) != port))
			break;
		/* Once a second, so that the line stays shared. */
		if (unlikely(__atomic_load_n(&e->seen, __ATOMIC_RELAXED) != now))
			__atomic_store_n(&e->seen, now, __ATOMIC_RELAXED);
		return;
	}
	sw_fdb_put(fdb, key, port, limited);
}

/** Forget what @p port has. Control or helper thread; no poller learns for it any more. */
void sw_fdb_flush(struct sw_fdb *fdb, sw_port_id port);
/** A second has passed: forget what is too old. Control thread. */
void sw_fdb_tick(struct sw_fdb *fdb);

#endif /* SW_FDB_H */
