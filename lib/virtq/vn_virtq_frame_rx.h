/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_FRAME_RX_H
#define VN_VIRTQ_FRAME_RX_H

/**
 * @file
 * Frames to the driver, whatever the ring: mbufs into chains that were found to have a usual shape
 * (vn_virtq_fast.h), or into the pieces that were reserved (vn_virtq_rx_priv.h).
 */

#include <rte_mbuf.h>

#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"

/* What a call has done. */
struct enqueue {
	uint32_t descs;      /* read */
	uint32_t batch_last; /* descriptors of the last frame */
	uint64_t packets, bytes;
};

static __rte_always_inline void
count_frame(struct vn_virtq *vq, struct enqueue *eq, uint32_t len, uint32_t descs)
{
	eq->batch_last = descs;
	eq->packets++;
	eq->bytes += len;
	if (unlikely(vq->count_sizes))
		count_size(vq, len);
}

/* The header that the driver gets with @p m. @return false: the frame is to go; counted. */
static __rte_always_inline bool
frame_check(struct vn_virtq *vq, struct rte_mbuf *m, struct vn_net_hdr_hash *hdr)
{
	*hdr = (struct vn_net_hdr_hash){.hdr = *vn_mbuf_hdr(m)};
	if (unlikely(m->pkt_len > VN_MAX_FRAME)) {
		count(&vq->stats->oversized, 1);
		return false;
	}
	if (unlikely(!hdr_check(vq, &hdr->hdr, m->pkt_len))) {
		count(&vq->stats->bad_header, 1);
		return false;
	}
	if (unlikely(vq->hdr_len == VN_NET_HDR_LEN_HASH)) {
		hdr->hash_value = vn_mbuf_hdr_hash(m)->hash_value;
		hdr->hash_report = vn_mbuf_hdr_hash(m)->hash_report;
	}
	return true;
}

/* Write it into the pieces that were reserved for it, in vq->seg[], of @p chains chains. */
static __rte_always_inline void
frame_write(
	struct vn_virtq *vq, struct vn_net_hdr_hash *hdr, const struct rte_mbuf *m, uint16_t chains)
{
	struct vn_cursor cur = {.seg = vq->seg};
	uint32_t left = m->pkt_len;

	hdr->hdr.num_buffers = rte_cpu_to_le_16(chains);
	cursor_write_hdr(&cur, hdr, vq->hdr_len);
	for (const struct rte_mbuf *s = m; s != NULL && left > 0; s = s->next) {
		const uint32_t part = RTE_MIN(left, s->data_len);

		cursor_write(&cur, rte_pktmbuf_mtod(s, const void *), part);
		left -= part;
	}
}

/* The bytes of a frame, from its mbufs. */
static __rte_always_inline void
copy_frame(uint8_t *dst, const struct rte_mbuf *m, uint32_t len)
{
	/* All of it is in the first one, however many there are. */
	if (likely(m->data_len == len)) {
		vn_copy(dst, rte_pktmbuf_mtod(m, const void *), len);
		return;
	}
	for (; m != NULL && len > 0; m = m->next) {
		const uint32_t part = RTE_MIN(len, m->data_len);

		memcpy(dst, rte_pktmbuf_mtod(m, const void *), part);
		dst += part;
		len -= part;
	}
}

/* The header of a frame in one chain, when it asks for something or is not VN_NET_HDR_LEN long. */
static __rte_noinline void
put_hdr_any(const struct vn_virtq *vq, uint32_t hdr_len, uint8_t *dst, struct rte_mbuf *m)
{
	struct vn_net_hdr h = *vn_mbuf_hdr(m);

	/* It has been found good before, and is ours. */
	(void)hdr_check(vq, &h, m->pkt_len);
	h.num_buffers = RTE_LE16(1);
	if (likely(hdr_len == VN_NET_HDR_LEN)) {
		memcpy(dst, &h, VN_NET_HDR_LEN);
	} else if (hdr_len == VN_NET_HDR_LEN_LEGACY) {
		memcpy(dst, &h, VN_NET_HDR_LEN_LEGACY);
	} else {
		const struct vn_net_hdr_hash hash = {
			.hdr = h,
			.hash_value = vn_mbuf_hdr_hash(m)->hash_value,
			.hash_report = vn_mbuf_hdr_hash(m)->hash_report,
		};

		memcpy(dst, &hash, sizeof(hash));
	}
}

/* The header of a frame in one chain. */
static __rte_always_inline void
put_hdr(const struct vn_virtq *vq, uint32_t hdr_len, uint8_t *dst, struct rte_mbuf *m)
{
	static const struct vn_net_hdr plain = {.num_buffers = RTE_LE16(1)};

	if (likely(vn_mbuf_hdr_is_plain(m) && hdr_len == VN_NET_HDR_LEN))
		memcpy(dst, &plain, VN_NET_HDR_LEN);
	else
		put_hdr_any(vq, hdr_len, dst, m);
}

static __rte_noinline bool
frame_is_good_any(const struct vn_virtq *vq, struct rte_mbuf *m)
{
	return m->pkt_len <= VN_MAX_FRAME && hdr_is_good(vq, vn_mbuf_hdr(m), m->pkt_len);
}

/* Can @p m be delivered at all? */
static __rte_always_inline bool
frame_is_good(const struct vn_virtq *vq, struct rte_mbuf *m)
{
	if (likely(vn_mbuf_hdr_is_plain(m)))
		return m->pkt_len - VN_MIN_FRAME <= VN_MAX_FRAME - VN_MIN_FRAME;
	return frame_is_good_any(vq, m);
}

/* Count the frames of a burst by size. They are often all of one class. */
static __rte_always_inline void
count_burst(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n)
{
	const struct vn_size_class *class = size_class(pkts[0]->pkt_len);
	uint32_t first = class->first, span = class->span;
	uint16_t since = 0;

	for (uint16_t i = 1; i < n; i++) {
		if (likely(pkts[i]->pkt_len - first <= span))
			continue;
		count_sizes(vq, class, i - since);
		class = size_class(pkts[i]->pkt_len);
		first = class->first;
		span = class->span;
		since = i;
	}
	count_sizes(vq, class, n - since);
}

/* Write the @p n frames into the chains found for them; @p descs: what those have. */
static __rte_always_inline void
frames_into_fast(struct vn_virtq *vq, struct enqueue *eq, struct rte_mbuf **pkts,
	const struct vn_fast *c, const uint8_t *descs, uint16_t n)
{
	const uint32_t hdr_len = vq->hdr_len;
	uint64_t bytes = 0;
	uint32_t all = 0;

	for (uint16_t i = 0; i < n; i++) {
		put_hdr(vq, hdr_len, c[i].hdr, pkts[i]);
		copy_frame(c[i].data, pkts[i], pkts[i]->pkt_len);
		bytes += pkts[i]->pkt_len;
		all += descs[i];
	}
	eq->batch_last = descs[n - 1];
	eq->packets += n;
	eq->bytes += bytes;
	eq->descs += all;
	vq->inflight_descs += all;
	if (unlikely(vq->count_sizes))
		count_burst(vq, pkts, n);
}

/* Both by one store, which compilers do not make of two by themselves. */
static __rte_always_inline void
used_elem_set(struct vn_vring_used_elem *e, uint32_t id, uint32_t len)
{
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
	const uint64_t both = id | (uint64_t)len << 32;
#else
	const uint64_t both = (uint64_t)id << 32 | len;
#endif

	memcpy(e, &both, sizeof(*e));
}

/* Most frames looked at before the first one is copied. */
#define RX_RUN 32

/*
 * Write the @p n frames into @p buf: header of VN_NET_HDR_LEN bytes and frame in one buffer, found
 * good and large enough. A function by itself, so that all it needs is in registers.
 */
static __rte_noinline void
frames_into_run(struct vn_virtq *vq, struct enqueue *eq, struct rte_mbuf **pkts,
	uint8_t *const *buf, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *const m = pkts[i];
		uint8_t *const dst = buf[i];

		put_hdr(vq, VN_NET_HDR_LEN, dst, m);
		copy_frame(dst + VN_NET_HDR_LEN, m, m->pkt_len);
		bytes += m->pkt_len;
	}
	eq->batch_last = 1;
	eq->packets += n;
	eq->bytes += bytes;
	eq->descs += n;
	vq->inflight_descs += n;
	if (unlikely(vq->count_sizes))
		count_burst(vq, pkts, n);
}

/* At the end of a call. */
static __rte_always_inline void
count_frames(struct vn_virtq *vq, const struct enqueue *eq)
{
	if (eq->packets == 0)
		return;
	count(&vq->stats->packets, eq->packets);
	count(&vq->stats->total_bytes, eq->bytes);
	__atomic_store_n(&vq->stats->batch_last, eq->batch_last, __ATOMIC_RELAXED);
}

#endif /* VN_VIRTQ_FRAME_RX_H */
