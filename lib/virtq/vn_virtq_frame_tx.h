/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_FRAME_TX_H
#define VN_VIRTQ_FRAME_TX_H

/**
 * @file
 * Frames from the driver, whatever the ring: mbufs for the chains that were collected
 * (vn_virtq_chain.h) or found to have a usual shape (vn_virtq_fast.h).
 */

#include <rte_mbuf.h>

#include "vn_mbuf.h"
#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"

/* What a call has done. */
struct dequeue {
	struct rte_mempool *pool;
	uint32_t room;          /* of each mbuf */
	struct rte_mbuf **pkts; /* raw from got on */
	uint16_t got;
	uint32_t descs;
	uint64_t bytes;
	uint32_t long_bytes; /* of frames that need several mbufs */
};

/* Most further mbufs that a frame may need; pools of smaller ones are not for us. */
#define MAX_MORE (VN_MAX_FRAME / 256)

/*
 * Copy @p len bytes into @p m, which is raw, and further mbufs.
 * @return false if the pool has not so many.
 */
static __rte_noinline bool
fill_many(const struct dequeue *dq, struct rte_mbuf *m, struct vn_cursor *cur, uint32_t len)
{
	const uint32_t more = dq->room > 0 ? (len - 1) / dq->room : UINT32_MAX;
	struct rte_mbuf *seg[MAX_MORE], *last = m;
	uint32_t part = dq->room;

	/* All at once, or none. */
	if (more > RTE_DIM(seg) || vn_mbuf_get_raw(dq->pool, seg, more) != 0)
		return false;
	vn_mbuf_init(m, len, part);
	m->nb_segs = more + 1;
	cursor_read(cur, vn_mbuf_raw_data(m), part);
	for (uint32_t i = 0; i < more; i++) {
		len -= part;
		part = RTE_MIN(len, dq->room);
		vn_mbuf_init(seg[i], part, part);
		cursor_read(cur, vn_mbuf_raw_data(seg[i]), part);
		last->next = seg[i];
		last = seg[i];
	}
	return true;
}

enum frame_result {
	FRAME_OK,
	FRAME_BAD, /* counted */
	FRAME_NO_MBUF,
};

/* Make a frame of what chain_walk() has collected. */
static __rte_always_inline enum frame_result
frame_from_chain(struct vn_virtq *vq, const struct vn_chain *c, struct dequeue *dq)
{
	struct rte_mbuf *m = dq->pkts[dq->got];
	struct vn_cursor cur = {.seg = vq->seg};
	struct vn_net_hdr hdr;
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
	cursor_read_hdr(&cur, &hdr, RTE_MIN(vq->hdr_len, VN_NET_HDR_LEN));
	if (unlikely(vq->hdr_len > VN_NET_HDR_LEN)) {
		uint8_t hash[VN_NET_HDR_LEN_HASH - VN_NET_HDR_LEN];

		/* Has no meaning in this direction (virtio 1.2, 5.1.6.2), and must not stay. */
		cursor_read(&cur, hash, sizeof(hash));
	}
	if (unlikely(!hdr_check(vq, &hdr, len))) {
		count(&vq->stats->bad_header, 1);
		return FRAME_BAD;
	}
	if (likely(len <= dq->room)) {
		vn_mbuf_init(m, len, len);
		cursor_read(&cur, vn_mbuf_raw_data(m), len);
	} else if (unlikely(!fill_many(dq, m, &cur, len))) {
		return FRAME_NO_MBUF;
	}
	if (!vn_net_hdr_is_plain(&hdr))
		*vn_mbuf_hdr(m) = hdr;
	dq->got++;
	dq->bytes += len;
	return FRAME_OK;
}

/* Raw mbufs for @p n frames, or for one when there are not so many. @return how many. */
static __rte_always_inline uint16_t
get_mbufs(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	if (likely(vn_mbuf_get_raw(pool, pkts, n) == 0))
		return n;
	count(&vq->stats->no_buffer, 1);
	return n > 1 && vn_mbuf_get_raw(pool, pkts, 1) == 0 ? 1 : 0;
}

/* Nothing asked for: nothing else in it means anything (see hdr_check()). */
static __rte_always_inline bool
asks_nothing(const uint8_t *hdr)
{
	return *(const volatile vn_copy_u16 *)hdr == 0;
}

/* The header as the driver wrote it. Whatever this finds is what counts, whatever it was before. */
static __rte_noinline bool
take_hdr(const struct vn_virtq *vq, struct vn_net_hdr *hdr, const uint8_t *src, uint32_t len)
{
	memcpy(hdr, src, VN_NET_HDR_LEN_LEGACY);
	return hdr_check(vq, hdr, len);
}

/*
 * Make frames of the @p n chains that were found to have a usual shape.
 * @return how many were dealt with; *stop: there are no mbufs for the next one.
 */
static __rte_always_inline uint16_t
frames_from_fast(
	struct vn_virtq *vq, struct dequeue *dq, const struct vn_fast *c, uint16_t n, bool *stop)
{
	struct rte_mbuf **const pkts = &dq->pkts[dq->got];
	const uint32_t room = dq->room;
	uint64_t bytes = 0;
	uint16_t i, got = 0;

	for (i = 0; i < n; i++) {
		const struct vn_seg seg = {.ptr = c[i].data, .len = c[i].len};
		const uint32_t len = c[i].len;
		const bool plain = asks_nothing(c[i].hdr);
		struct rte_mbuf *m = pkts[got];
		struct vn_net_hdr hdr;

		if (unlikely(!plain) && unlikely(!take_hdr(vq, &hdr, c[i].hdr, len))) {
			count(&vq->stats->bad_header, 1);
			continue;
		}
		if (likely(len <= room)) {
			vn_mbuf_init(m, len, len);
			vn_copy(vn_mbuf_raw_data(m), c[i].data, len);
		} else if (unlikely(!fill_many(dq, m, &(struct vn_cursor){.seg = &seg}, len))) {
			count(&vq->stats->no_buffer, 1);
			*stop = true;
			break;
		}
		if (unlikely(!plain) && !vn_net_hdr_is_plain(&hdr))
			*vn_mbuf_hdr(m) = hdr;
		got++;
		bytes += len;
	}
	dq->got += got;
	dq->bytes += bytes;
	return i;
}

#endif /* VN_VIRTQ_FRAME_TX_H */
