/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from the driver, in place: transmitq (virtio 1.2, 5.1.6.2).
 */
#include <rte_prefetch.h>

#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"
#include "vn_virtq_view_priv.h"

/*
 * A chain of the usual shape. @return its descriptors; 0: it is none, or there is anything to be
 * counted about it.
 */
static __rte_always_inline uint32_t
view_fast(struct vn_virtq *vq, uint16_t head, const bool indirect, struct vn_view *view)
{
	struct vn_flat flat = flat_of(vq);
	struct vn_fast c;
	const uint32_t descs = fast_look(vq, &flat, head, false, indirect, VN_MIN_FRAME, &c);

	if (unlikely(descs == 0 || !view_from_fast(vq, &c, view)))
		return 0;
	return descs;
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

/* Chains after the next one are read soon. */
static __rte_always_inline void
view_prefetch(const struct vn_virtq *vq, uint16_t left)
{
	if (likely(left > 4))
		rte_prefetch0(&vq->desc[read_head(vq, 4) & vq->mask]);
}

static __rte_always_inline bool
view_body(struct vn_virtq *vq, struct vn_view *view, const bool indirect)
{
	const bool nothing_in_flight = vq->taken == vq->used;
	uint32_t descs = 0;
	bool got = false;

	if (unlikely(view_enough(vq)))
		return false;
	while (!got && descs < VN_VQ_DESC_BUDGET) {
		struct vn_chain c = {0};
		uint16_t left = vq->avail - vq->taken;
		uint16_t head;

		if (left == 0 || unlikely(vq->broken != NULL)) {
			left = read_avail(vq);
			if (left > vq->stats->max_post)
				__atomic_store_n(&vq->stats->max_post, left, __ATOMIC_RELAXED);
			if (left == 0)
				break;
		}
		view_prefetch(vq, left);
		head = read_head(vq, 0);
		c.descs = likely(!vq->no_fast) ? view_fast(vq, head, indirect, view) : 0;
		got = c.descs != 0;
		if (unlikely(!got)) {
			got = view_any(vq, head, indirect, view, &c);
			if (unlikely(vq->broken != NULL))
				break;
		}
		descs += c.descs;
		vq->inflight_descs += c.descs;
		take(vq, head, 0);
	}
	if (descs == 0)
		return false;
	count(&vq->stats->received_desc, descs);
	note_position(vq);
	/* A caller that gets no frame need not complete any. */
	if (unlikely(!got) && nothing_in_flight)
		vn_virtq_flush_used(vq);
	return got;
}

static bool
view_direct(struct vn_virtq *vq, struct vn_view *view)
{
	return view_body(vq, view, false);
}

static bool
view_indirect(struct vn_virtq *vq, struct vn_view *view)
{
	return view_body(vq, view, true);
}

vn_virtq_view_fn
vn_virtq_pick_view(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? view_indirect : view_direct;
}

bool
vn_virtq_view(struct vn_virtq *vq, struct vn_view *view)
{
	check_owner(vq);
	return vq->view(vq, view);
}
