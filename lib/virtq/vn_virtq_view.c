/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from the driver, in place: transmitq (virtio 1.2, 5.1.6.2).
 */
#include <rte_prefetch.h>

#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"
#include "vn_virtq_view_priv.h"

/* Chains of the usual shapes, as many as follow one another. @return how many of @p n. */
static __rte_always_inline uint16_t
views_fast(struct vn_virtq *vq, struct vn_view *views, uint16_t n, const bool indirect)
{
	struct vn_vring_used_elem *const inflight = vq->inflight;
	const uint16_t mask = vq->mask, taken = vq->taken;
	struct vn_fast chain[VN_VIEW_BURST];
	uint32_t descs[VN_VIEW_BURST], all = 0;
	uint32_t left = VN_VQ_BYTE_BUDGET - vq->view_bytes;
	uint16_t heads[VN_VIEW_BURST];
	struct vn_flat flat = flat_of(vq);
	uint16_t found, done;

	for (uint16_t i = 0; i < n; i++) {
		heads[i] = read_head(vq, i);
		rte_prefetch0(&vq->desc[heads[i] & vq->mask]);
	}
	/* Who takes one at a time wants those behind it soon. */
	if (likely((uint16_t)(vq->avail - taken) > n + 3))
		rte_prefetch0(&vq->desc[read_head(vq, n + 3) & vq->mask]);
	for (found = 0; found < n; found++) {
		struct vn_fast *c = &chain[found];

		descs[found] = fast_look(vq, &flat, heads[found], false, indirect, VN_MIN_FRAME, c);
		if (unlikely(descs[found] == 0 || c->len > VN_MAX_FRAME))
			break;
		rte_prefetch0(c->hdr);
		rte_prefetch0(c->data + 63);
		/* The last one may exceed the budget. */
		if (unlikely(c->len >= left)) {
			found++;
			break;
		}
		left -= c->len;
	}
	done = views_from_fast(vq, chain, found, views);
	for (uint16_t i = 0; i < done; i++) {
		inflight[(uint16_t)(taken + i) & mask] =
			(struct vn_vring_used_elem){.id = rte_cpu_to_le_32(heads[i])};
		all += descs[i];
	}
	vq->taken = taken + done;
	vq->inflight_descs += all;
	count(&vq->stats->received_desc, all);
	return done;
}

/* Take the next chain, whatever it looks like. @return true: it is a frame. */
static __rte_noinline bool
view_any(struct vn_virtq *vq, uint16_t head, const bool indirect, struct vn_view *view,
	struct vn_chain *c)
{
	/* One byte more than a frame may have tells that it has more. */
	switch (chain_walk(
		vq, head, false, indirect, vq->hdr_len + (uint64_t)VN_MAX_FRAME + 1, c)) {
	case VN_CHAIN_OK:
		return view_from_chain(vq, c, view);
	case VN_CHAIN_SEGS:
		count(&vq->stats->exceed_max_chain, 1);
		return false;
	default:
		return false;
	}
}

/* One frame, whatever its chain looks like, and what is none before it. */
static __rte_noinline uint16_t
view_slow(struct vn_virtq *vq, struct vn_view *view, const bool indirect)
{
	const bool nothing_in_flight = vq->taken == vq->used;
	uint32_t descs = 0;
	bool got = false;

	while (!got && descs < VN_VQ_DESC_BUDGET) {
		struct vn_chain c = {0};
		uint16_t head;

		if (vq->avail == vq->taken && read_avail(vq) == 0)
			break;
		head = read_head(vq, 0);
		got = view_any(vq, head, indirect, view, &c);
		if (unlikely(vq->broken != NULL))
			break;
		descs += c.descs;
		vq->inflight_descs += c.descs;
		take(vq, head, 0);
	}
	if (descs == 0)
		return 0;
	count(&vq->stats->received_desc, descs);
	note_position(vq);
	/* A caller that gets no frame need not complete any. */
	if (unlikely(!got) && nothing_in_flight)
		vn_virtq_flush_used(vq);
	return got;
}

static __rte_always_inline uint16_t
views_body(struct vn_virtq *vq, struct vn_view *views, uint16_t n, const bool indirect)
{
	uint16_t left = vq->avail - vq->taken;

	if (unlikely(view_enough(vq)))
		return 0;
	if (left == 0 || unlikely(vq->broken != NULL)) {
		left = read_avail(vq);
		if (left > vq->stats->max_post)
			__atomic_store_n(&vq->stats->max_post, left, __ATOMIC_RELAXED);
		if (left == 0)
			return 0;
	}
	n = RTE_MIN(n, RTE_MIN(left, (uint16_t)VN_VIEW_BURST));
	if (likely(!vq->no_fast)) {
		const uint16_t done = views_fast(vq, views, n, indirect);

		if (likely(done > 0)) {
			note_position(vq);
			return done;
		}
	}
	return n > 0 ? view_slow(vq, views, indirect) : 0;
}

static uint16_t
views_direct(struct vn_virtq *vq, struct vn_view *views, uint16_t n)
{
	return views_body(vq, views, n, false);
}

static uint16_t
views_indirect(struct vn_virtq *vq, struct vn_view *views, uint16_t n)
{
	return views_body(vq, views, n, true);
}

vn_virtq_views_fn
vn_virtq_pick_views(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? views_indirect : views_direct;
}

uint16_t
vn_virtq_views(struct vn_virtq *vq, struct vn_view *views, uint16_t n)
{
	check_owner(vq);
	return vq->views(vq, views, n);
}

bool
vn_virtq_view(struct vn_virtq *vq, struct vn_view *view)
{
	check_owner(vq);
	return vq->views(vq, view, 1) == 1;
}
