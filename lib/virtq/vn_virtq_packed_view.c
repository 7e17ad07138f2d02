/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames without mbufs, by packed rings.
 */
#include "vn_virtq_packed_fast.h"
#include "vn_virtq_packed_reserve.h"
#include "vn_virtq_view_priv.h"

/* A chain of the usual shape. @return its descriptors; 0: it is none, or there is none. */
static __rte_always_inline uint32_t
view_fast(struct vn_virtq *vq, const bool indirect, struct vn_view *view)
{
	struct vn_flat flat = flat_of(vq);
	struct packed_fast f;
	const uint32_t descs = packed_fast_next(vq, &flat, false, indirect, VN_MIN_FRAME, &f);

	if (unlikely(descs == 0 || !view_from_fast(vq, &f.c, view)))
		return 0;
	packed_fast_take(vq, &f, 0);
	vq->inflight_descs += descs;
	count(&vq->stats->received_desc, descs);
	return descs;
}

static __rte_always_inline bool
view_body(struct vn_virtq *vq, struct vn_view *view, const bool indirect)
{
	const bool nothing_in_flight = vq->taken == vq->used;
	uint32_t descs = 0;
	bool got = false;

	if (unlikely(vq->broken != NULL || view_enough(vq)))
		return false;
	if (likely(!vq->no_fast) && likely(view_fast(vq, indirect, view) != 0))
		return true;
	while (!got && descs < VN_VQ_DESC_BUDGET) {
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
			got = view_from_chain(vq, &c, view);
			break;
		case VN_CHAIN_BAD:
			break;
		case VN_CHAIN_SEGS:
			count(&vq->stats->exceed_max_chain, 1);
			break;
		case VN_CHAIN_BROKEN:
			goto out;
		}
		descs += c.descs;
		vq->inflight_descs += c.descs;
		packed_take(vq, &w, 0);
	}
out:
	if (descs == 0)
		return false;
	count(&vq->stats->received_desc, descs);
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
vn_virtq_packed_pick_view(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? view_indirect : view_direct;
}

/* Into a chain of the usual shape. @return false: the next one is none, or too short. */
static __rte_always_inline bool
put_fast(struct vn_virtq *vq, const struct vn_view *view, const struct vn_net_hdr_hash *hdr,
	const bool indirect)
{
	struct vn_flat flat = flat_of(vq);
	struct packed_fast f;
	const uint32_t descs = packed_fast_next(vq, &flat, true, indirect, view->len, &f);

	if (unlikely(descs == 0))
		return false;
	view_write_fast(vq, hdr, view, &f.c);
	packed_fast_take(vq, &f, vq->hdr_len + view->len);
	vq->used = vq->taken;
	count(&vq->stats->received_desc, descs);
	count(&vq->stats->completed_desc, descs);
	count_given(vq, view->len, descs);
	return true;
}

static __rte_always_inline enum vn_put
put_body(struct vn_virtq *vq, const struct vn_view *view, const struct vn_net_hdr_hash *view_hdr,
	const bool mergeable, const bool indirect)
{
	struct vn_net_hdr_hash hdr;
	const uint16_t before = vq->taken;
	uint32_t descs = 0;
	enum reserve_result res;
	struct reserve r;
	bool sum = false;

	if (unlikely(vq->broken != NULL))
		return VN_PUT_DROPPED;
	/* Most headers say nothing. */
	if (likely(view_is_plain(vq, view)) && likely(!vq->no_fast && !vq->log_dirty) &&
		likely(put_fast(vq, view, &view_plain, indirect)))
		return VN_PUT_OK;
	hdr = *view_hdr;
	if (unlikely(!view_check(vq, view, &hdr, &sum)))
		return VN_PUT_DROPPED;
	if (likely(!sum && !vq->no_fast && !vq->log_dirty) &&
		likely(put_fast(vq, view, &hdr, indirect)))
		return VN_PUT_OK;
	if (unlikely(vq->put_descs >= VN_VQ_DESC_BUDGET))
		return VN_PUT_FULL;
	res = reserve_buffers(
		vq, vq->hdr_len + (uint64_t)view->len, mergeable, indirect, &r, &descs);
	vq->put_descs += descs;
	if (likely(res == RESERVE_OK)) {
		hdr.hdr.num_buffers = rte_cpu_to_le_16(r.chains);
		view_write(vq, &hdr, view, sum);
		reserve_take(vq, &r);
		count_given(vq, view->len, r.c.descs);
	}
	/* Also buffers that are of no use go back. */
	if (likely(vq->taken != before) && res != RESERVE_BROKEN) {
		count(&vq->stats->received_desc, vq->inflight_descs);
		vn_virtq_flush_used(vq);
	}
	return reserve_put(vq, res);
}

#define PUT(name, mergeable, indirect)                                           \
	static enum vn_put name(struct vn_virtq *vq, const struct vn_view *view, \
		const struct vn_net_hdr_hash *hdr)                               \
	{                                                                        \
		return put_body(vq, view, hdr, mergeable, indirect);             \
	}
PUT(put_single_direct, false, false)
PUT(put_single_indirect, false, true)
PUT(put_mergeable_direct, true, false)
PUT(put_mergeable_indirect, true, true)
#undef PUT

vn_virtq_put_fn
vn_virtq_packed_pick_put(uint64_t features)
{
	static const vn_virtq_put_fn variant[2][2] = {
		{put_single_direct, put_single_indirect},
		{put_mergeable_direct, put_mergeable_indirect},
	};

	return variant[!!(features & VN_NET_F_MRG_RXBUF)][!!(features & VN_F_INDIRECT_DESC)];
}
