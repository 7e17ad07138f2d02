/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_POLL_LATENCY_H
#define VN_POLL_LATENCY_H

/**
 * @file
 * How long a poller takes for a ring, and how long it is away from it: histograms with four buckets
 * for each power of two. Written by the poller, read by anybody, while somebody asks for them.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#define VN_LATENCY_BUCKETS 160

/** A histogram of cycles (rte_get_tsc_cycles()). */
struct vn_latency {
	uint64_t count, max;
	uint64_t bucket[VN_LATENCY_BUCKETS];
};

/** What is measured of one ring. Only rounds that moved something count. */
struct vn_poll_latency {
	struct vn_latency service; /**< the ring was worked at so long */
	struct vn_latency
		away;  /**< so long ago was the look before, at most what was found waited */
	uint64_t last; /**< the look before; 0: the poller slept since */
};

/** The bucket of @p cycles; they are in ascending order. */
static inline unsigned int
vn_latency_bucket(uint64_t cycles)
{
	unsigned int log;

	if (cycles < 8)
		return (unsigned int)cycles;
	log = 63 - (unsigned int)__builtin_clzll(cycles);
	/* The two bits below the highest one. */
	return RTE_MIN(
		4 * (log - 1) + (unsigned int)(cycles >> (log - 2) & 3), VN_LATENCY_BUCKETS - 1u);
}

/** The largest value of a bucket. */
static inline uint64_t
vn_latency_bucket_end(unsigned int bucket)
{
	if (bucket < 8)
		return bucket;
	return ((uint64_t)(bucket % 4 + 5) << (bucket / 4 - 1)) - 1;
}

/** Poller. */
static inline void
vn_latency_add(struct vn_latency *l, uint64_t cycles)
{
	uint64_t *b = &l->bucket[vn_latency_bucket(cycles)];

	__atomic_store_n(b, *b + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&l->count, l->count + 1, __ATOMIC_RELAXED);
	if (cycles > l->max)
		__atomic_store_n(&l->max, cycles, __ATOMIC_RELAXED);
}

/** Poller: a look at the ring from @p start to @p end, @p moved something or not. */
static inline void
vn_latency_look(struct vn_poll_latency *l, uint64_t start, uint64_t end, bool moved)
{
	if (moved) {
		vn_latency_add(&l->service, end - start);
		if (l->last != 0)
			vn_latency_add(&l->away, start - l->last);
	}
	l->last = start;
}

/**
 * @p percent of the values are not above this many cycles, as exactly as buckets are; 0: there are
 * none. Any thread.
 */
static inline uint64_t
vn_latency_percentile(const struct vn_latency *l, unsigned int percent)
{
	const uint64_t max = __atomic_load_n(&l->max, __ATOMIC_RELAXED);
	uint64_t count = 0, seen = 0;

	for (unsigned int i = 0; i < VN_LATENCY_BUCKETS; i++)
		count += __atomic_load_n(&l->bucket[i], __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < VN_LATENCY_BUCKETS && count > 0; i++) {
		seen += __atomic_load_n(&l->bucket[i], __ATOMIC_RELAXED);
		if (seen * 100 >= count * percent)
			return RTE_MIN(vn_latency_bucket_end(i), max);
	}
	return count > 0 ? max : 0;
}

#endif /* VN_POLL_LATENCY_H */
