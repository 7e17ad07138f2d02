/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames without mbufs to the driver: receiveq (virtio 1.2, 5.1.6.3 and 5.1.6.4).
 */
#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"
#include "vn_virtq_reserve.h"
#include "vn_virtq_view_priv.h"

static void
cursor_move_sum(const struct vn_virtq *vq, struct vn_cursor *cur, const uint8_t *src, uint64_t len,
	struct vn_sum *sum)
{
	while (len > 0) {
		uint32_t part = (uint32_t)RTE_MIN(len, (uint64_t)UINT32_MAX);
		uint8_t *p = cursor_next(cur, &part);

		vn_sum_add(sum, vq->copy_sum(p, src, part), part);
		src += part;
		len -= part;
	}
}

/* Write @p len bytes at byte @p at of the pieces. */
static void
patch(const struct vn_virtq *vq, uint64_t at, const void *src, uint32_t len)
{
	struct vn_cursor cur = {.seg = vq->seg};

	while (at >= cur.seg->len)
		at -= (cur.seg++)->len;
	cur.off = at;
	cursor_write(&cur, src, len);
}

void
vn_virtq_view_write_sum(
	const struct vn_virtq *vq, struct vn_cursor *cur, const struct vn_view *view)
{
	const uint32_t start = rte_le_to_cpu_16(view->hdr.hdr.csum_start);
	const uint32_t field = start + rte_le_to_cpu_16(view->hdr.hdr.csum_offset);
	uint32_t skip = RTE_MIN(start, view->head_len);
	struct vn_sum sum = {0};
	uint16_t csum;

	cursor_move(cur, view->head, skip);
	cursor_move_sum(vq, cur, view->head + skip, view->head_len - skip, &sum);
	/* Bytes still to be passed over: a checksum may begin anywhere. */
	skip = start - skip;
	for (uint32_t i = 0; i < view->n_segs; i++) {
		const struct vn_view_seg *s = &view->seg[i];
		const uint64_t before = RTE_MIN(s->len, (uint64_t)skip);

		cursor_move(cur, s->ptr, before);
		cursor_move_sum(vq, cur, s->ptr + before, s->len - before, &sum);
		skip -= (uint32_t)before;
	}
	/* As a sum of 0 may say that there is none (UDP), it is sent as its other form. */
	csum = (uint16_t)~vn_sum_fold(sum.words);
	if (csum == 0)
		csum = 0xffff;
	patch(vq, vq->hdr_len + (uint64_t)field, &csum, sizeof(csum));
}

enum vn_view_fit
vn_virtq_view_fits(const struct vn_virtq *vq, const struct vn_view *view)
{
	const struct vn_net_hdr *h = &view->hdr.hdr;
	const uint8_t type = h->gso_type & ~VN_NET_HDR_GSO_ECN;
	const bool csum = vq->csum_flags & VN_NET_HDR_F_NEEDS_CSUM;

	if (h->gso_type != VN_NET_HDR_GSO_NONE) {
		if (csum && type < 32 && vq->gso_types & RTE_BIT64(type) &&
			(vq->gso_ecn || !(h->gso_type & VN_NET_HDR_GSO_ECN)))
			return VN_VIEW_AS_IS;
		return VN_VIEW_SEGMENT;
	}
	return h->flags & VN_NET_HDR_F_NEEDS_CSUM && !csum ? VN_VIEW_CSUM : VN_VIEW_AS_IS;
}

bool
vn_virtq_view_hdr(
	const struct vn_virtq *vq, const struct vn_view *view, struct vn_net_hdr *h, bool *sum)
{
	uint32_t start, field;

	if (vn_virtq_view_fits(vq, view) != VN_VIEW_CSUM)
		return hdr_check(vq, h, view->len);
	start = rte_le_to_cpu_16(h->csum_start);
	field = start + rte_le_to_cpu_16(h->csum_offset);
	memset(h, 0, sizeof(*h));
	*sum = true;
	return view->len >= VN_MIN_FRAME && start >= VN_MIN_FRAME && field + 2 <= view->len;
}

/* A used entry at once: nothing is in flight on a receive ring between two calls. */
static __rte_always_inline void
use_one(struct vn_virtq *vq, uint16_t head, uint32_t len, uint32_t descs)
{
	const uint16_t at = vq->taken & vq->mask;

	vq->taken++;
	note_position(vq);
	vq->used_ring->ring[at] =
		(struct vn_vring_used_elem){rte_cpu_to_le_32(head), rte_cpu_to_le_32(len)};
	vq->used++;
	count(&vq->stats->received_desc, descs);
	count(&vq->stats->completed_desc, descs);
	count_given(vq, len - vq->hdr_len, descs);
	vq->put_descs += descs;
}

/* Into a chain of the usual shape. @return false: the next one is none, or too short. */
static __rte_always_inline bool
put_fast(struct vn_virtq *vq, const struct vn_view *view, const struct vn_net_hdr_hash *hdr,
	const bool indirect)
{
	struct vn_flat flat = flat_of(vq);
	const uint16_t head = read_head(vq, 0);
	struct vn_fast c;
	const uint32_t descs = fast_look(vq, &flat, head, true, indirect, view->len, &c);

	if (unlikely(descs == 0))
		return false;
	view_write_fast(vq, hdr, view, &c);
	use_one(vq, head, vq->hdr_len + view->len, descs);
	return true;
}

/* Into whatever the next chains are. */
static __rte_always_inline enum vn_put
put_any(struct vn_virtq *vq, const struct vn_view *view, struct vn_net_hdr_hash *hdr, bool sum,
	const bool mergeable, const bool indirect)
{
	const uint16_t before = vq->taken;
	uint32_t descs = 0;
	enum reserve_result res;
	struct reserve r;

	if (unlikely(vq->put_descs >= VN_VQ_DESC_BUDGET))
		return VN_PUT_FULL;
	res = reserve_buffers(
		vq, vq->hdr_len + (uint64_t)view->len, mergeable, indirect, &r, &descs);
	vq->put_descs += descs;
	if (likely(res == RESERVE_OK)) {
		hdr->hdr.num_buffers = rte_cpu_to_le_16(r.chains);
		view_write(vq, hdr, view, sum);
		reserve_take(vq, &r);
		count_given(vq, view->len, r.c.descs);
	}
	/* Also buffers that are of no use go back. */
	if (likely(vq->taken != before) && res != RESERVE_BROKEN) {
		count(&vq->stats->received_desc, vq->inflight_descs);
		note_position(vq);
		vn_virtq_flush_used(vq);
	}
	return reserve_put(vq, res);
}

static __rte_always_inline enum vn_put
put_body(struct vn_virtq *vq, const struct vn_view *view, const struct vn_net_hdr_hash *view_hdr,
	const bool mergeable, const bool indirect)
{
	const uint16_t avail = read_avail(vq);
	struct vn_net_hdr_hash hdr;
	bool sum = false;

	if (unlikely(vq->broken != NULL))
		return VN_PUT_DROPPED;
	if (avail > vq->stats->max_post)
		__atomic_store_n(&vq->stats->max_post, avail, __ATOMIC_RELAXED);
	/* Most headers say nothing. */
	if (likely(view_is_plain(vq, view)) &&
		likely(avail > 0 && !vq->no_fast && !vq->log_dirty) &&
		likely(put_fast(vq, view, &view_plain, indirect)))
		return VN_PUT_OK;
	hdr = *view_hdr;
	if (unlikely(!view_check(vq, view, &hdr, &sum)))
		return VN_PUT_DROPPED;
	if (likely(avail > 0 && !sum && !vq->no_fast && !vq->log_dirty) &&
		likely(put_fast(vq, view, &hdr, indirect)))
		return VN_PUT_OK;
	return put_any(vq, view, &hdr, sum, mergeable, indirect);
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
vn_virtq_pick_put(uint64_t features)
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
	struct vn_vring_used_elem *const ring = vq->used_ring->ring;
	const uint16_t mask = vq->mask, taken = vq->taken;
	struct vn_fast chain[VN_FAST_BATCH];
	uint32_t descs[VN_FAST_BATCH];
	uint16_t heads[VN_FAST_BATCH];
	struct vn_flat flat = flat_of(vq);
	uint16_t found;

	n = RTE_MIN(n, RTE_MIN((uint16_t)(vq->avail - taken), (uint16_t)VN_FAST_BATCH));
	n = views_plain(vq, views, n);
	for (uint16_t i = 0; i < n; i++) {
		heads[i] = read_head(vq, i);
		rte_prefetch0(&vq->desc[heads[i] & vq->mask]);
	}
	for (found = 0; found < n; found++) {
		const uint32_t len = views[found].len;
		struct vn_fast *c = &chain[found];

		descs[found] = fast_look(vq, &flat, heads[found], true, indirect, len, c);
		if (unlikely(descs[found] == 0))
			break;
		prefetch_write(c->hdr);
		prefetch_write(c->data + len - 1);
	}
	if (unlikely(found == 0))
		return 0;
	views_into_fast(vq, views, chain, descs, found);
	vq->taken = taken + found;
	note_position(vq);
	/* Used entries at once: nothing is in flight on a receive ring between two calls. */
	for (uint16_t i = 0; i < found; i++) {
		ring[(uint16_t)(taken + i) & mask] = (struct vn_vring_used_elem){
			rte_cpu_to_le_32(heads[i]), rte_cpu_to_le_32(vq->hdr_len + views[i].len)};
	}
	vq->used = vq->taken;
	return found;
}

static __rte_always_inline uint16_t
puts_body(struct vn_virtq *vq, const struct vn_view *views, uint16_t n, const bool indirect)
{
	const uint16_t avail = read_avail(vq);

	if (unlikely(vq->broken != NULL))
		return 0;
	if (avail > vq->stats->max_post)
		__atomic_store_n(&vq->stats->max_post, avail, __ATOMIC_RELAXED);
	return puts_all(vq, views, n, puts_fast, indirect);
}

static uint16_t
puts_direct(struct vn_virtq *vq, const struct vn_view *views, uint16_t n)
{
	return puts_body(vq, views, n, false);
}

static uint16_t
puts_indirect(struct vn_virtq *vq, const struct vn_view *views, uint16_t n)
{
	return puts_body(vq, views, n, true);
}

vn_virtq_puts_fn
vn_virtq_pick_puts(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? puts_indirect : puts_direct;
}

uint16_t
vn_virtq_put_views(struct vn_virtq *vq, const struct vn_view *views, uint16_t n)
{
	check_owner(vq);
	return vq->puts(vq, views, n);
}

enum vn_put
vn_virtq_put_view(struct vn_virtq *vq, const struct vn_view *view)
{
	check_owner(vq);
	return vq->put(vq, view, &view->hdr);
}

enum vn_put
vn_virtq_put_view_as(
	struct vn_virtq *vq, const struct vn_view *view, const struct vn_net_hdr_hash *hdr)
{
	check_owner(vq);
	return vq->put(vq, view, hdr);
}

uint32_t
vn_virtq_put_work(const struct vn_virtq *vq)
{
	return vq->put_descs;
}
