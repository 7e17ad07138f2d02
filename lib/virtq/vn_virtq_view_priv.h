/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_VIEW_PRIV_H
#define VN_VIRTQ_VIEW_PRIV_H

/** @file Views, as far as it does not matter whether a ring is split or packed. */

#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"
#include "vn_virtq_priv.h"

/* Views may be taken by many calls, but the budget is for all of them until they are complete. */
static __rte_always_inline bool
view_enough(const struct vn_virtq *vq)
{
	return vq->inflight_descs >= VN_VQ_DESC_BUDGET || vq->view_bytes >= VN_VQ_BYTE_BUDGET;
}

/* Of the pieces in vq->seg[], those from @p cur on become the view's. */
static __rte_always_inline void
view_segs(struct vn_virtq *vq, const struct vn_cursor *cur, const struct vn_chain *c,
	struct vn_view *view)
{
	const struct vn_seg *const end = &vq->seg[c->segs];
	const struct vn_seg *from = cur->seg;
	uint64_t off = cur->off;
	uint32_t n = 0;

	/* In the same memory: a piece is read before it is written over, as they get shorter. */
	for (; from < end; from++, off = 0) {
		const struct vn_view_seg s = {.ptr = from->ptr + off, .len = from->len - off};

		if (s.len > 0)
			vq->view_seg[n++] = s;
	}
	view->seg = vq->view_seg;
	view->n_segs = n;
}

/* Make a view of what chain_walk() has collected. @return false: it is no frame; counted. */
static __rte_always_inline bool
view_from_chain(struct vn_virtq *vq, const struct vn_chain *c, struct vn_view *view)
{
	struct vn_cursor cur = {.seg = vq->seg};
	struct vn_net_hdr *hdr = &view->hdr.hdr;

	if (unlikely(c->bytes < vq->hdr_len)) {
		count(&vq->stats->bad_header, 1);
		return false;
	}
	if (unlikely(c->bytes - vq->hdr_len > VN_MAX_FRAME)) {
		count(&vq->stats->oversized, 1);
		return false;
	}
	view->len = (uint32_t)c->bytes - vq->hdr_len;
	view->head_len = RTE_MIN(view->len, (uint32_t)VN_VIEW_HEAD);
	/* The hash has no meaning in this direction (virtio 1.2, 5.1.6.2). */
	cursor_read_hdr(&cur, &view->hdr, vq->hdr_len);
	memset(&view->hdr.hash_value, 0, VN_NET_HDR_LEN_HASH - VN_NET_HDR_LEN);
	if (unlikely(!hdr_check(vq, hdr, view->len))) {
		count(&vq->stats->bad_header, 1);
		return false;
	}
	cursor_read(&cur, view->head, view->head_len);
	view->n_segs = 0;
	if (view->len > VN_VIEW_HEAD)
		view_segs(vq, &cur, c, view);
	vq->view_bytes += view->len;
	count(&vq->stats->packets, 1);
	count(&vq->stats->total_bytes, view->len);
	return true;
}

/*
 * Copy out of somebody's memory into the pieces. Both may be the same: of bytes that overlap
 * nobody promises what comes out, but it ends.
 */
static __rte_always_inline void
cursor_move(struct vn_cursor *cur, const uint8_t *src, uint64_t len)
{
	while (len > 0) {
		uint32_t part = (uint32_t)RTE_MIN(len, (uint64_t)UINT32_MAX);
		uint8_t *p = cursor_next(cur, &part);

		memmove(p, src, part);
		src += part;
		len -= part;
	}
}

/**
 * What follows the header, written from @p cur on, with the checksum made of what is copied. It
 * lies within the frame.
 */
void vn_virtq_view_write_sum(
	const struct vn_virtq *vq, struct vn_cursor *cur, const struct vn_view *view);

/**
 * Make the header that the driver gets of @p h, which asks for something. @return false: there is
 * none. @p sum: the checksum is to be filled in.
 */
bool vn_virtq_view_hdr(
	const struct vn_virtq *vq, const struct vn_view *view, struct vn_net_hdr *h, bool *sum);

/* The header of a frame in one chain that asks for nothing. */
static const struct vn_net_hdr_hash view_plain = {.hdr.num_buffers = RTE_LE16(1)};

/* That is what the driver gets. */
static __rte_always_inline bool
view_is_plain(const struct vn_virtq *vq, const struct vn_view *view)
{
	return vn_net_hdr_is_plain(&view->hdr.hdr) && vq->hdr_len <= VN_NET_HDR_LEN &&
	       view->len >= VN_MIN_FRAME && view->len <= VN_MAX_FRAME;
}

/* The header that the driver gets. @return false: the frame is to go; counted. */
static __rte_always_inline bool
view_check(struct vn_virtq *vq, const struct vn_view *view, struct vn_net_hdr_hash *hdr, bool *sum)
{
	bool good;

	if (unlikely(view->len > VN_MAX_FRAME)) {
		count(&vq->stats->oversized, 1);
		return false;
	}
	if (likely(vn_net_hdr_is_plain(&hdr->hdr)))
		good = hdr_check(vq, &hdr->hdr, view->len);
	else
		good = vn_virtq_view_hdr(vq, view, &hdr->hdr, sum);
	if (unlikely(!good)) {
		count(&vq->stats->bad_header, 1);
		return false;
	}
	hdr->hdr.num_buffers = RTE_LE16(1);
	hdr->padding_reserved = 0;
	return true;
}

/* Write the frame into the pieces that were reserved for it, in vq->seg[]. */
static __rte_always_inline void
view_write(struct vn_virtq *vq, const struct vn_net_hdr_hash *hdr, const struct vn_view *view,
	const bool sum)
{
	struct vn_cursor cur = {.seg = vq->seg};

	cursor_write_hdr(&cur, hdr, vq->hdr_len);
	if (unlikely(sum)) {
		vn_virtq_view_write_sum(vq, &cur, view);
		return;
	}
	cursor_write(&cur, view->head, view->head_len);
	for (uint32_t i = 0; i < view->n_segs; i++)
		cursor_move(&cur, view->seg[i].ptr, view->seg[i].len);
}

/*
 * Make a view of a chain of the usual shape. @return false: there is anything to be counted about
 * it; nothing has changed.
 */
static __rte_always_inline bool
view_from_fast(struct vn_virtq *vq, const struct vn_fast *c, struct vn_view *view)
{
	if (unlikely(c->len > VN_MAX_FRAME))
		return false;
	memset(&view->hdr, 0, sizeof(view->hdr));
	/* Nothing asked for: nothing else in the header means anything (see hdr_check()). */
	if (unlikely(*(const volatile vn_copy_u16 *)c->hdr != 0)) {
		memcpy(&view->hdr, c->hdr, VN_NET_HDR_LEN_LEGACY);
		if (unlikely(!hdr_check(vq, &view->hdr.hdr, c->len)))
			return false;
	}
	view->len = c->len;
	view->seg = &view->one;
	if (c->len > VN_VIEW_HEAD) {
		vn_copy(view->head, c->data, VN_VIEW_HEAD);
		view->head_len = VN_VIEW_HEAD;
		view->n_segs = 1;
		view->one = (struct vn_view_seg){c->data + VN_VIEW_HEAD, c->len - VN_VIEW_HEAD};
	} else {
		vn_copy(view->head, c->data, c->len);
		view->head_len = c->len;
		view->n_segs = 0;
	}
	return true;
}

/*
 * Make views of the @p n chains that were found to have a usual shape; *bytes: of them all.
 * @return how many: the first one that there is anything to be counted about ends it.
 */
static __rte_always_inline uint16_t
views_from_fast(struct vn_virtq *vq, const struct vn_fast *c, uint16_t n, struct vn_view *views)
{
	uint32_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n && likely(view_from_fast(vq, &c[i], &views[i])); i++)
		bytes += c[i].len;
	vq->view_bytes += bytes;
	count(&vq->stats->packets, i);
	count(&vq->stats->total_bytes, bytes);
	return i;
}

/* Write the frame into a chain of the usual shape. */
static __rte_always_inline void
view_write_fast(struct vn_virtq *vq, const struct vn_net_hdr_hash *hdr, const struct vn_view *view,
	const struct vn_fast *c)
{
	uint8_t *dst = c->data;

	if (likely(vq->hdr_len == VN_NET_HDR_LEN))
		memcpy(c->hdr, hdr, VN_NET_HDR_LEN);
	else
		memcpy(c->hdr, hdr, vq->hdr_len);
	vn_copy(dst, view->head, view->head_len);
	dst += view->head_len;
	for (uint32_t i = 0; i < view->n_segs; i++) {
		memmove(dst, view->seg[i].ptr, view->seg[i].len);
		dst += view->seg[i].len;
	}
}

/* Views that are as plain as can be, from the first on. */
static __rte_always_inline uint16_t
views_plain(const struct vn_virtq *vq, const struct vn_view *views, uint16_t n)
{
	uint16_t i;

	for (i = 0; i < n && likely(view_is_plain(vq, &views[i])); i++)
		;
	return i;
}

/* Write those into the @p n chains found for them, and count them. @p descs: what those have. */
static __rte_always_inline void
views_into_fast(struct vn_virtq *vq, const struct vn_view *views, const struct vn_fast *c,
	const uint32_t *descs, uint16_t n)
{
	uint64_t bytes = 0;
	uint32_t all = 0;

	for (uint16_t i = 0; i < n; i++) {
		view_write_fast(vq, &view_plain, &views[i], &c[i]);
		bytes += views[i].len;
		all += descs[i];
		if (unlikely(vq->count_sizes))
			count_size(vq, views[i].len);
	}
	vq->put_descs += all;
	count(&vq->stats->received_desc, all);
	count(&vq->stats->completed_desc, all);
	count(&vq->stats->packets, n);
	count(&vq->stats->total_bytes, bytes);
	__atomic_store_n(&vq->stats->batch_last, descs[n - 1], __ATOMIC_RELAXED);
}

/* A piece of memory that is written soon: other CPUs are to let go of it at once. */
static __rte_always_inline void
prefetch_write(const void *p)
{
#ifdef RTE_ARCH_X86
	__asm__ volatile("prefetchw %0" : : "m"(*(const volatile char *)p));
#else
	__builtin_prefetch(p, 1, 3);
#endif
}

/* Give views to chains of the usual shapes, in runs. @return how many; 0: the next one is none. */
typedef uint16_t (*puts_fast_fn)(
	struct vn_virtq *vq, const struct vn_view *views, uint16_t n, const bool indirect);

/* Give views in runs, and one by one where that does not go. @return how many were taken. */
static __rte_always_inline uint16_t
puts_all(struct vn_virtq *vq, const struct vn_view *views, uint16_t n, puts_fast_fn fast,
	const bool indirect)
{
	uint16_t i = 0;

	while (i < n && likely(vq->broken == NULL)) {
		if (likely(!vq->no_fast && !vq->log_dirty)) {
			const uint16_t done = fast(vq, &views[i], n - i, indirect);

			i += done;
			if (likely(done > 0))
				continue;
		}
		if (vq->put(vq, &views[i], &views[i].hdr) == VN_PUT_FULL || vq->broken != NULL)
			break;
		i++;
	}
	return i;
}

#endif /* VN_VIRTQ_VIEW_PRIV_H */
