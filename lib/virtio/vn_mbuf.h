/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_MBUF_H
#define VN_MBUF_H

/**
 * @file
 * mbufs taken from and given back to their pool in bulk, without the per-packet work of
 * rte_pktmbuf_alloc() and rte_pktmbuf_free(), which costs as much as moving a 64-byte frame.
 *
 * For pools of ours: rte_pktmbuf_pool_create(), so buffers lie in the mbufs and have one size. The
 * rule of DPDK that makes it work: an mbuf in its pool has refcnt 1, one segment, no next.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

/**
 * Take @p n mbufs. Each needs vn_mbuf_init() before anything else is done with it, or goes back
 * with vn_mbuf_put_raw(). @return 0, or -ENOENT when there are not so many (then none was taken).
 */
static __rte_always_inline int
vn_mbuf_get_raw(struct rte_mempool *pool, struct rte_mbuf **m, unsigned int n)
{
	return rte_mempool_get_bulk(pool, (void **)m, n);
}

/** Give back mbufs of vn_mbuf_get_raw() as they are: one segment each, of @p pool. */
static __rte_always_inline void
vn_mbuf_put_raw(struct rte_mempool *pool, struct rte_mbuf **m, unsigned int n)
{
	rte_mempool_put_bulk(pool, (void *const *)m, n);
}

/* Of a fresh mbuf: the two 16-byte words from data_off to hash.rss. */
static_assert(
	offsetof(struct rte_mbuf, refcnt) == offsetof(struct rte_mbuf, data_off) + 2 &&
		offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, data_off) + 4 &&
		offsetof(struct rte_mbuf, port) == offsetof(struct rte_mbuf, data_off) + 6 &&
		offsetof(struct rte_mbuf, ol_flags) == offsetof(struct rte_mbuf, data_off) + 8,
	"layout of struct rte_mbuf");
static_assert(
	offsetof(struct rte_mbuf, pkt_len) == offsetof(struct rte_mbuf, packet_type) + 4 &&
		offsetof(struct rte_mbuf, data_len) == offsetof(struct rte_mbuf, packet_type) + 8 &&
		offsetof(struct rte_mbuf, vlan_tci) ==
			offsetof(struct rte_mbuf, packet_type) + 10 &&
		offsetof(struct rte_mbuf, hash) == offsetof(struct rte_mbuf, packet_type) + 12,
	"layout of struct rte_mbuf");

/**
 * Make of a raw mbuf a frame of one segment. What rte_pktmbuf_reset() sets, but for next (NULL in
 * the pool) and for fields that mean nothing without a flag in ol_flags. A header (vn_net_hdr.h)
 * that it had is gone.
 */
static __rte_always_inline void
vn_mbuf_init(struct rte_mbuf *m, uint32_t pkt_len, uint16_t data_len)
{
	const struct {
		uint16_t data_off, refcnt, nb_segs, port;
		uint64_t ol_flags;
	} head = {RTE_PKTMBUF_HEADROOM, 1, 1, RTE_MBUF_PORT_INVALID, 0};
	const struct {
		uint32_t packet_type, pkt_len;
		uint16_t data_len, vlan_tci;
		uint32_t rss;
	} frame = {0, pkt_len, data_len, 0, 0};

	memcpy((uint8_t *)m + offsetof(struct rte_mbuf, data_off), &head, sizeof(head));
	memcpy((uint8_t *)m + offsetof(struct rte_mbuf, packet_type), &frame, sizeof(frame));
}

/** rte_pktmbuf_alloc_bulk(): @p n empty frames, or none and -ENOENT. */
static inline int
vn_mbuf_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **m, unsigned int n)
{
	const int err = vn_mbuf_get_raw(pool, m, n);

	for (unsigned int i = 0; err == 0 && i < n; i++)
		vn_mbuf_init(m[i], 0, 0);
	return err;
}

/** Where the bytes of a raw mbuf begin once it is initialised. */
static __rte_always_inline uint8_t *
vn_mbuf_raw_data(const struct rte_mbuf *m)
{
	return (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
}

/** Bytes that a raw mbuf of @p pool has room for, behind the headroom; 0: none. */
static __rte_always_inline uint32_t
vn_mbuf_room(struct rte_mempool *pool)
{
	const uint16_t size = rte_pktmbuf_data_room_size(pool);

	return size > RTE_PKTMBUF_HEADROOM ? size - RTE_PKTMBUF_HEADROOM : 0;
}

/* One segment, nobody else's, its buffer in it: it can go to its pool as it is. */
static __rte_always_inline bool
vn_mbuf_is_simple(const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && rte_mbuf_refcnt_read(m) == 1 &&
	       !(m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL));
}

/**
 * rte_pktmbuf_free_bulk(), faster for mbufs of one segment that follow one another and are of one
 * pool. All others are treated as there: chains, clones, shared and attached buffers.
 */
static inline void
vn_mbuf_free_bulk(struct rte_mbuf **m, unsigned int n)
{
	unsigned int i = 0, first;

	while (i < n) {
		struct rte_mempool *const pool = m[i]->pool;

		for (first = i; i < n && vn_mbuf_is_simple(m[i]) && m[i]->pool == pool; i++)
			;
		if (likely(i > first))
			vn_mbuf_put_raw(pool, &m[first], i - first);
		for (first = i; i < n && !vn_mbuf_is_simple(m[i]); i++)
			;
		if (unlikely(i > first))
			rte_pktmbuf_free_bulk(&m[first], i - first);
	}
}

#endif /* VN_MBUF_H */
