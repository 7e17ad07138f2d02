/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames without mbufs, by packed rings.
 */
#include "vn_virtq_packed_fast.h"
#include "vn_virtq_packed_reserve.h"
#include "vn_virtq_view_priv.h"

/* Chains of the usual shapes, as many as follow one another. @return how many of @p n. */
static __rte_always_inline uint16_t
views_fast(struct vn_virtq *vq, struct vn_view *views, uint16_t n, const bool indirect)
{
	uint32_t left = VN_VQ_BYTE_BUDGET - vq->view_bytes, all = 0;
	uint16_t found, done, slots = 0;
	struct packed_batch b;

	packed_fast_find(vq, &b, n, false, indirect, NULL);
	if (unlikely(b.n == 0))
		return 0;
	/* The last one may exceed the budget. */
	for (found = 0; found < b.n; found++) {
		if (unlikely(b.chain[found].len >= left)) {
			found++;
			break;
		}
		left -= b.chain[found].len;
	}
	done = views_from_fast(vq, b.chain, found, views);
	for (uint16_t i = 0; i < done; i++) {
		slots += b.slots[i];
		all += b.descs[i];
	}
	packed_advance(vq, done, slots);
	vq->inflight_descs += all;
	count(&vq->stats->received_desc, all);
	return done;
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
		return 0;
	count(&vq->stats->received_desc, descs);
	/* A caller that gets no frame need not complete any. */
	if (unlikely(!got) && nothing_in_flight)
		vn_virtq_flush_used(vq);
	return got;
}

static __rte_always_inline uint16_t
views_body(struct vn_virtq *vq, struct vn_view *views, uint16_t n, const bool indirect)
{
	if (unlikely(vq->broken != NULL || view_enough(vq)))
		return 0;
	n = RTE_MIN(n, (uint16_t)VN_VIEW_BURST);
	if (likely(!vq->no_fast)) {
		const uint16_t done = views_fast(vq, views, n, indirect);

		if (likely(done > 0))
			return done;
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
vn_virtq_packed_pick_views(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? views_indirect : views_direct;
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
	vq->put_descs += descs;
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

/* Give plain frames to chains of the usual shapes, one to each. @return how many of @p views. */
static __rte_always_inline uint16_t
puts_fast(struct vn_virtq *vq, const struct vn_view *views, uint16_t n, const bool indirect)
{
	struct vn_vring_used_elem *const inflight = vq->inflight;
	uint16_t head = vq->pk_next, room = packed_room(vq), found, slots = 0;
	const uint16_t mask = vq->mask, taken = vq->taken;
	struct vn_fast chain[VN_FAST_BATCH];
	uint32_t descs[VN_FAST_BATCH];
	struct vn_flat flat = flat_of(vq);

	n = views_plain(vq, views, RTE_MIN(n, (uint16_t)VN_FAST_BATCH));
	for (found = 0; found < n; found++) {
		const uint32_t len = views[found].len;
		struct vn_fast *c = &chain[found];
		uint32_t entry;

		descs[found] =
			packed_fast_look(vq, &flat, head, room, true, indirect, len, c, &entry);
		if (unlikely(descs[found] == 0))
			break;
		prefetch_write(c->hdr);
		prefetch_write(c->data + len - 1);
		inflight[(uint16_t)(taken + found) & mask] =
			(struct vn_vring_used_elem){.id = entry, .len = vq->hdr_len + len};
		slots += PK_ENTRY_SLOTS(entry);
		head = vn_vring_packed_advance(head, PK_ENTRY_SLOTS(entry), vq->size);
		room -= PK_ENTRY_SLOTS(entry);
	}
	if (unlikely(found == 0))
		return 0;
	views_into_fast(vq, views, chain, descs, found);
	packed_advance(vq, found, slots);
	vq->used = vq->taken;
	return found;
}

static uint16_t
puts_direct(struct vn_virtq *vq, const struct vn_view *views, uint16_t n)
{
	return puts_all(vq, views, n, puts_fast, false);
}

static uint16_t
puts_indirect(struct vn_virtq *vq, const struct vn_view *views, uint16_t n)
{
	return puts_all(vq, views, n, puts_fast, true);
}

vn_virtq_puts_fn
vn_virtq_packed_pick_puts(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? puts_indirect : puts_direct;
}
