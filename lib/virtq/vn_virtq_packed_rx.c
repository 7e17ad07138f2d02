/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames to the driver, by a packed ring.
 *
 * All receive buffers of a frame are collected and checked before its first byte is written. The
 * chains of a frame that is being collected lie in inflight[] behind the taken ones.
 */
#include <rte_mbuf.h>

#include "vn_virtq_hdr.h"
#include "vn_virtq_packed.h"

enum reserve_result {
	RESERVE_OK,
	RESERVE_DROP,  /* can never fit; counted */
	RESERVE_LATER, /* not enough chains now, or enough work done in this call */
	RESERVE_BROKEN,
};

/* The buffers collected for a frame. */
struct reserve {
	struct vn_chain c;
	uint16_t chains;
	uint16_t slots; /* descriptors of the ring */
	uint16_t runs;  /* of chains with the same number of them: see vn_bb_ring.run */
};

static __rte_always_inline struct vn_vring_used_elem *
entry_at(struct vn_virtq *vq, uint16_t n)
{
	return &vq->inflight[(uint16_t)(vq->taken + n) & vq->mask];
}

/* Take what was collected, as one frame. */
static __rte_always_inline void
take_frame(struct vn_virtq *vq, const struct reserve *r)
{
	if (unlikely(r->chains > 1)) {
		for (uint16_t i = 1; i < r->chains; i++)
			entry_at(vq, i)->id |= PK_MORE;
		vq->pk_shapes = true;
	}
	packed_advance(vq, r->chains, r->slots);
	vq->inflight_descs += r->c.descs;
}

/* Give the chains collected so far, and not used, back to the driver empty. */
static __rte_noinline void
give_back_empty(struct vn_virtq *vq, struct reserve *r)
{
	for (uint16_t i = 0; i < r->chains; i++)
		entry_at(vq, i)->len = 0;
	if (r->chains != r->slots)
		vq->pk_shapes = true;
	packed_advance(vq, r->chains, r->slots);
	vq->inflight_descs += r->c.descs;
	*r = (struct reserve){0};
}

/*
 * Collect chains for @p want bytes. Without @p mergeable that must be a single one.
 * @p descs counts the descriptors of this call.
 */
static __rte_always_inline enum reserve_result
reserve_buffers(struct vn_virtq *vq, uint64_t want, const bool mergeable, const bool indirect,
	struct reserve *r, uint32_t *descs)
{
	uint16_t last_slots = 0;

	*r = (struct reserve){0};
	while (r->c.bytes < want) {
		const struct vn_chain before = r->c;
		const uint16_t room = packed_room(vq) - r->slots;
		const uint16_t head = vn_vring_packed_advance(vq->pk_next, r->slots, vq->size);
		enum vn_chain_result res;
		struct packed_walk w;
		uint64_t bytes, word;

		if (unlikely(!packed_walk_begin(vq, &w, head, room, &word))) {
			if (unlikely(!packed_none_there(vq, r->slots)))
				return RESERVE_BROKEN;
			/* A ring that is all empty buffers and yet too small will stay so. */
			if (r->slots != vq->size)
				return RESERVE_LATER;
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
		if (unlikely(r->c.descs > VN_VQ_DESC_BUDGET)) {
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
		res = packed_chain_walk(vq, &w, word, true, indirect, want - r->c.bytes, &r->c);
		*descs += r->c.descs - before.descs;
		if (unlikely(res == VN_CHAIN_BROKEN))
			return RESERVE_BROKEN;
		/* Nothing is wrong with the chains; the frame is too big for such crumbs. */
		if (unlikely(res == VN_CHAIN_SEGS)) {
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
		bytes = r->c.bytes - before.bytes;
		*entry_at(vq, r->chains) = packed_entry(&w, bytes);
		r->chains++;
		r->slots += w.slots;
		/* Each buffer must hold a header at least (5.1.6.3.1); smaller ones are useless. */
		if (unlikely(res == VN_CHAIN_OK && bytes < vq->hdr_len && r->c.bytes < want)) {
			count(&vq->stats->bad_desc_errors, 1);
			res = VN_CHAIN_BAD;
		}
		if (unlikely(res == VN_CHAIN_BAD)) {
			give_back_empty(vq, r);
			last_slots = 0;
			if (*descs > VN_VQ_DESC_BUDGET)
				return RESERVE_LATER;
			continue;
		}
		if (!mergeable && unlikely(r->c.bytes < want)) {
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
		/* What the black box could not hold, cannot be given back as one frame. */
		if (mergeable && w.slots != last_slots && ++r->runs > VN_BB_RUNS) {
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
		last_slots = w.slots;
	}
	return RESERVE_OK;
}

static __rte_always_inline void
count_size(struct vn_virtq *vq, uint32_t len)
{
	/* Contract 7.4: the largest frame of each class. Larger ones belong to none. */
	static const uint16_t last[10] = {64, 127, 255, 511, 1023, 1522, 2047, 4095, 8191, 9022};

	for (unsigned int i = 0; i < RTE_DIM(last); i++) {
		if (len <= last[i]) {
			count(&vq->stats->size_class[i], 1);
			return;
		}
	}
}

/* Write the frame into the buffers collected, and take their chains. */
static __rte_always_inline void
deliver(struct vn_virtq *vq, const struct vn_net_hdr_hash *hdr, const struct rte_mbuf *m,
	const struct reserve *r)
{
	struct vn_cursor cur = {.seg = vq->seg};
	uint32_t left = m->pkt_len;

	cursor_write_hdr(&cur, hdr, vq->hdr_len);
	for (const struct rte_mbuf *s = m; s != NULL && left > 0; s = s->next) {
		uint32_t part = RTE_MIN(left, s->data_len);

		cursor_write(&cur, rte_pktmbuf_mtod(s, const void *), part);
		left -= part;
	}
	if (unlikely(vq->log_dirty)) {
		for (uint32_t i = 0; i < r->c.segs; i++)
			log_write(vq, vq->seg[i].gpa, vq->seg[i].len);
	}
	take_frame(vq, r);

	count(&vq->stats->packets, 1);
	count(&vq->stats->total_bytes, m->pkt_len);
	__atomic_store_n(&vq->stats->batch_last, r->c.descs, __ATOMIC_RELAXED);
	if (unlikely(vq->count_sizes))
		count_size(vq, m->pkt_len);
}

static __rte_always_inline uint16_t
enqueue_body(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n, const bool mergeable,
	const bool indirect)
{
	uint32_t descs = 0;
	uint16_t i;

	if (unlikely(vq->broken != NULL))
		return 0;
	n = RTE_MIN(n, VN_VQ_MAX_BURST);
	for (i = 0; i < n && descs <= VN_VQ_DESC_BUDGET; i++) {
		struct vn_net_hdr_hash hdr = {.hdr = *vn_mbuf_hdr(pkts[i])};
		const uint32_t len = pkts[i]->pkt_len;
		enum reserve_result res;
		struct reserve r;

		if (unlikely(len > VN_MAX_FRAME)) {
			count(&vq->stats->oversized, 1);
			continue;
		}
		if (unlikely(!hdr_check(vq, &hdr.hdr, len))) {
			count(&vq->stats->bad_header, 1);
			continue;
		}
		res = reserve_buffers(
			vq, vq->hdr_len + (uint64_t)len, mergeable, indirect, &r, &descs);
		if (unlikely(res == RESERVE_DROP))
			continue;
		if (unlikely(res != RESERVE_OK)) {
			if (res == RESERVE_LATER)
				count(&vq->stats->no_buffer, 1);
			break;
		}
		hdr.hdr.num_buffers = rte_cpu_to_le_16(r.chains);
		if (unlikely(vq->hdr_len == VN_NET_HDR_LEN_HASH)) {
			hdr.hash_value = vn_mbuf_hdr_hash(pkts[i])->hash_value;
			hdr.hash_report = vn_mbuf_hdr_hash(pkts[i])->hash_report;
		}
		deliver(vq, &hdr, pkts[i], &r);
	}
	if (unlikely(vq->broken != NULL))
		return i;
	count(&vq->stats->received_desc, vq->inflight_descs);
	vn_virtq_flush_used(vq);
	return i;
}

#define ENQUEUE(name, mergeable, indirect)                                            \
	static uint16_t name(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n) \
	{                                                                             \
		return enqueue_body(vq, pkts, n, mergeable, indirect);                \
	}
ENQUEUE(enqueue_single_direct, false, false)
ENQUEUE(enqueue_single_indirect, false, true)
ENQUEUE(enqueue_mergeable_direct, true, false)
ENQUEUE(enqueue_mergeable_indirect, true, true)
#undef ENQUEUE

vn_virtq_enqueue_fn
vn_virtq_packed_pick_enqueue(uint64_t features)
{
	static const vn_virtq_enqueue_fn variant[2][2] = {
		{enqueue_single_direct, enqueue_single_indirect},
		{enqueue_mergeable_direct, enqueue_mergeable_indirect},
	};

	return variant[!!(features & VN_NET_F_MRG_RXBUF)][!!(features & VN_F_INDIRECT_DESC)];
}
