/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_PACKED_RESERVE_H
#define VN_VIRTQ_PACKED_RESERVE_H

/**
 * @file
 * The receive buffers of a frame in a packed ring. All of them are collected and checked before its
 * first byte is written. The chains of a frame that is being collected lie in inflight[] behind the
 * taken ones.
 */

#include "vn_virtq_packed.h"
#include "vn_virtq_rx_priv.h"

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

/* The buffers collected hold a frame now: take their chains. */
static __rte_always_inline void
reserve_take(struct vn_virtq *vq, const struct reserve *r)
{
	reserve_log(vq, &r->c);
	take_frame(vq, r);
}

#endif /* VN_VIRTQ_PACKED_RESERVE_H */
