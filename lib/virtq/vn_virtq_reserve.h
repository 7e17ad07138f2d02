/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_RESERVE_H
#define VN_VIRTQ_RESERVE_H

/**
 * @file
 * The receive buffers of a frame (virtio 1.2, 5.1.6.3 and 5.1.6.4). All of them are collected and
 * checked before its first byte is written. The chains of a frame that is being collected lie in
 * inflight[] behind the taken ones.
 */

#include "vn_virtq_rx_priv.h"

/* The buffers collected for a frame. */
struct reserve {
	struct vn_chain c;
	uint16_t chains;
};

/* Give the chains collected so far, and not used, back to the driver empty. */
static __rte_noinline void
give_back_empty(struct vn_virtq *vq, struct reserve *r)
{
	for (; r->chains > 0; r->chains--) {
		vq->inflight[vq->taken & vq->mask].len = 0;
		vq->taken++;
	}
	vq->inflight_descs += r->c.descs;
	r->c = (struct vn_chain){0};
}

/*
 * Collect chains for @p want bytes. Without @p mergeable that must be a single one.
 * @p descs counts the descriptors of this call.
 */
static __rte_always_inline enum reserve_result
reserve_buffers(struct vn_virtq *vq, uint64_t want, const bool mergeable, const bool indirect,
	struct reserve *r, uint32_t *descs)
{
	*r = (struct reserve){.chains = 0};
	while (r->c.bytes < want) {
		struct vn_vring_used_elem *e;
		const struct vn_chain before = r->c;
		enum vn_chain_result res;
		uint64_t bytes;
		uint16_t head;

		if (unlikely((uint16_t)(vq->avail - vq->taken) == r->chains)) {
			/* A ring that is all empty buffers and yet too small will stay so. */
			if (r->c.slots < vq->size)
				return RESERVE_LATER;
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
		if (unlikely(r->c.descs > VN_VQ_DESC_BUDGET)) {
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
		head = read_head(vq, r->chains);
		e = &vq->inflight[(uint16_t)(vq->taken + r->chains) & vq->mask];
		res = chain_walk(vq, head, true, indirect, want - r->c.bytes, &r->c);
		*descs += r->c.descs - before.descs;
		if (unlikely(res == VN_CHAIN_BROKEN))
			return RESERVE_BROKEN;
		if (unlikely(res == VN_CHAIN_SEGS)) {
			/* Nothing is wrong with the chains; the frame is too big for such crumbs.
			 */
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
		bytes = r->c.bytes - before.bytes;
		e->id = rte_cpu_to_le_32(head);
		e->len = rte_cpu_to_le_32(bytes);
		r->chains++;
		/* Each buffer must hold a header at least (5.1.6.3.1); smaller ones are useless. */
		if (unlikely(res == VN_CHAIN_OK && bytes < vq->hdr_len && r->c.bytes < want)) {
			count(&vq->stats->bad_desc_errors, 1);
			res = VN_CHAIN_BAD;
		}
		if (unlikely(res == VN_CHAIN_BAD)) {
			give_back_empty(vq, r);
			if (*descs > VN_VQ_DESC_BUDGET)
				return RESERVE_LATER;
			continue;
		}
		if (!mergeable && unlikely(r->c.bytes < want)) {
			count(&vq->stats->oversized, 1);
			return RESERVE_DROP;
		}
	}
	return RESERVE_OK;
}

/* The buffers collected hold a frame now: take their chains. */
static __rte_always_inline void
reserve_take(struct vn_virtq *vq, const struct reserve *r)
{
	reserve_log(vq, &r->c);
	vq->taken += r->chains;
	vq->inflight_descs += r->c.descs;
}

#endif /* VN_VIRTQ_RESERVE_H */
