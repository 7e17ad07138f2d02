/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from the driver, by a packed ring.
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "vn_virtq_hdr.h"
#include "vn_virtq_packed.h"

/*
 * Copy @p len bytes into @p m, and into further mbufs as needed.
 * @return false if the pool has no more (then what was added has been freed again).
 */
static __rte_always_inline bool
fill_mbuf(struct rte_mempool *pool, struct rte_mbuf *m, struct vn_cursor *cur, uint32_t len)
{
	struct rte_mbuf *last = m;
	uint32_t part = RTE_MIN(len, rte_pktmbuf_tailroom(m));

	cursor_read(cur, rte_pktmbuf_mtod(m, void *), part);
	m->data_len = part;
	m->pkt_len = len;
	for (len -= part; unlikely(len > 0); len -= part) {
		struct rte_mbuf *next = rte_pktmbuf_alloc(pool);

		if (next == NULL) {
			rte_pktmbuf_free(m->next);
			m->next = NULL;
			m->nb_segs = 1;
			return false;
		}
		last->next = next;
		last = next;
		m->nb_segs++;
		part = RTE_MIN(len, rte_pktmbuf_tailroom(next));
		cursor_read(cur, rte_pktmbuf_mtod(next, void *), part);
		next->data_len = part;
	}
	return true;
}

enum frame_result {
	FRAME_OK,
	FRAME_BAD, /* counted */
	FRAME_NO_MBUF,
};

/* Make a frame of what packed_chain_walk() has collected. */
static __rte_always_inline enum frame_result
frame_from_chain(
	struct vn_virtq *vq, const struct vn_chain *c, struct rte_mempool *pool, struct rte_mbuf *m)
{
	struct vn_cursor cur = {.seg = vq->seg};
	struct vn_net_hdr *hdr = vn_mbuf_hdr(m);
	uint32_t len;

	if (unlikely(c->bytes < vq->hdr_len)) {
		count(&vq->stats->bad_header, 1);
		return FRAME_BAD;
	}
	len = c->bytes - vq->hdr_len;
	if (unlikely(len > VN_MAX_FRAME)) {
		count(&vq->stats->oversized, 1);
		return FRAME_BAD;
	}
	cursor_read_hdr(&cur, hdr, RTE_MIN(vq->hdr_len, VN_NET_HDR_LEN));
	if (unlikely(vq->hdr_len > VN_NET_HDR_LEN)) {
		uint8_t hash[VN_NET_HDR_LEN_HASH - VN_NET_HDR_LEN];

		/* Has no meaning in this direction (virtio 1.2, 5.1.6.2), and must not stay. */
		cursor_read(&cur, hash, sizeof(hash));
	}
	if (unlikely(!hdr_check(vq, hdr, len))) {
		count(&vq->stats->bad_header, 1);
		return FRAME_BAD;
	}
	if (unlikely(!fill_mbuf(pool, m, &cur, len)))
		return FRAME_NO_MBUF;
	count(&vq->stats->packets, 1);
	count(&vq->stats->total_bytes, len);
	return FRAME_OK;
}

/* mbufs for @p n frames, or for one when there are not so many. @return how many. */
static __rte_always_inline uint16_t
alloc_mbufs(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	if (likely(rte_pktmbuf_alloc_bulk(pool, pkts, n) == 0))
		return n;
	count(&vq->stats->no_buffer, 1);
	return n > 1 && rte_pktmbuf_alloc_bulk(pool, pkts, 1) == 0 ? 1 : 0;
}

static __rte_always_inline uint16_t
dequeue_body(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	const bool indirect)
{
	const bool nothing_in_flight = vq->taken == vq->used;
	uint32_t descs = 0;
	uint16_t got = 0;

	if (unlikely(vq->broken != NULL))
		return 0;
	/* There are no more chains than descriptors. */
	n = packed_see(vq, RTE_MIN(n, VN_VQ_MAX_BURST));
	if (n == 0)
		return 0;
	n = alloc_mbufs(vq, pool, pkts, n);
	for (uint16_t i = 0; i < n && descs < VN_VQ_DESC_BUDGET; i++) {
		enum frame_result frame = FRAME_BAD;
		struct vn_chain c = {0};
		struct packed_walk w;
		uint64_t word;

		if (!packed_walk_begin(vq, &w, vq->pk_next, packed_room(vq), &word)) {
			(void)packed_none_there(vq, 0);
			break;
		}
		/* One byte more than a frame may have tells that it has more. */
		switch (packed_chain_walk(vq, &w, word, false, indirect,
			vq->hdr_len + (uint64_t)VN_MAX_FRAME + 1, &c)) {
		case VN_CHAIN_OK:
			frame = frame_from_chain(vq, &c, pool, pkts[got]);
			break;
		case VN_CHAIN_BAD:
			break;
		case VN_CHAIN_SEGS:
			count(&vq->stats->exceed_max_chain, 1);
			break;
		case VN_CHAIN_BROKEN:
			goto out;
		}
		if (unlikely(frame == FRAME_NO_MBUF)) {
			count(&vq->stats->no_buffer, 1);
			break;
		}
		descs += c.descs;
		vq->inflight_descs += c.descs;
		packed_take(vq, &w, 0);
		got += frame == FRAME_OK;
	}
out:
	count(&vq->stats->received_desc, descs);
	if (unlikely(got < n))
		rte_pktmbuf_free_bulk(&pkts[got], n - got);
	/* A caller that gets no frame need not complete any. */
	if (unlikely(got == 0) && nothing_in_flight)
		vn_virtq_flush_used(vq);
	return got;
}

static uint16_t
dequeue_direct(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	return dequeue_body(vq, pool, pkts, n, false);
}

static uint16_t
dequeue_indirect(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	return dequeue_body(vq, pool, pkts, n, true);
}

vn_virtq_dequeue_fn
vn_virtq_packed_pick_dequeue(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? dequeue_indirect : dequeue_direct;
}
