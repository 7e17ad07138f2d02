/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from the driver: transmitq (virtio 1.2, 5.1.6.2).
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "vn_mbuf.h"
#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"
#include "vn_virtq_priv.h"

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
	struct vn_net_hdr *hdr = vn_mbuf_hdr(m);
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
	cursor_read_hdr(&cur, hdr, RTE_MIN(vq->hdr_len, VN_NET_HDR_LEN));
	if (unlikely(vq->hdr_len > VN_NET_HDR_LEN)) {
		uint8_t hash[VN_NET_HDR_LEN_HASH - VN_NET_HDR_LEN];

		/* Has no meaning in this direction (virtio 1.2, 5.1.6.2), and must not stay. */
		cursor_read(&cur, hash, sizeof(hash));
	}
	if (unlikely(!hdr_check(vq, hdr, len))) {
		count(&vq->stats->bad_header, 1);
		return FRAME_BAD;
	}
	if (likely(len <= dq->room)) {
		vn_mbuf_init(m, len, len);
		cursor_read(&cur, vn_mbuf_raw_data(m), len);
	} else if (unlikely(!fill_many(dq, m, &cur, len))) {
		return FRAME_NO_MBUF;
	}
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

/* The header as the driver wrote it, for the mbuf. */
static __rte_always_inline bool
take_hdr(const struct vn_virtq *vq, struct vn_net_hdr *hdr, const uint8_t *src, uint32_t len)
{
	/* Nothing asked for: nothing else in it means anything (see hdr_check()). */
	if (likely(*(const volatile vn_copy_u16 *)src == 0)) {
		memset(hdr, 0, sizeof(*hdr));
		return true;
	}
	/* Whatever this finds is what counts: it may have been changed meanwhile. */
	memcpy(hdr, src, VN_NET_HDR_LEN_LEGACY);
	return hdr_check(vq, hdr, len);
}

/*
 * Take chains of the usual shapes, as many as follow one another (and fit a batch).
 * @return how many of @p heads; *stop: no mbufs for the next one.
 */
static __rte_always_inline uint16_t
dequeue_fast(struct vn_virtq *vq, struct dequeue *dq, const uint16_t *heads, uint16_t n,
	const bool indirect, bool *stop)
{
	struct vn_fast chain[VN_FAST_BATCH];
	struct vn_vring_used_elem *const inflight = vq->inflight;
	struct rte_mbuf **const pkts = &dq->pkts[dq->got];
	const uint16_t mask = vq->mask, taken = vq->taken;
	uint32_t descs[VN_FAST_BATCH], all = 0;
	struct vn_flat flat = flat_of(vq);
	const uint32_t room = dq->room;
	uint16_t found, i, got = 0;
	uint64_t bytes = 0;

	n = RTE_MIN(n, VN_FAST_BATCH);
	for (found = 0; found < n; found++) {
		struct vn_fast *c = &chain[found];

		descs[found] = fast_look(vq, &flat, heads[found], false, indirect, VN_MIN_FRAME, c);
		if (unlikely(descs[found] == 0 || c->len > VN_MAX_FRAME))
			break;
		rte_prefetch0(c->hdr);
		rte_prefetch0(c->data + 63);
		if (unlikely(c->len > room && (dq->long_bytes += c->len) >= VN_VQ_BYTE_BUDGET)) {
			found++;
			break;
		}
	}
	for (i = 0; i < found; i++) {
		const struct vn_seg seg = {.ptr = chain[i].data, .len = chain[i].len};
		const uint32_t len = chain[i].len;
		struct rte_mbuf *m = pkts[got];

		if (unlikely(!take_hdr(vq, vn_mbuf_hdr(m), chain[i].hdr, len))) {
			count(&vq->stats->bad_header, 1);
		} else if (likely(len <= room)) {
			vn_mbuf_init(m, len, len);
			vn_copy(vn_mbuf_raw_data(m), chain[i].data, len);
			got++;
			bytes += len;
		} else if (likely(fill_many(dq, m, &(struct vn_cursor){.seg = &seg}, len))) {
			got++;
			bytes += len;
		} else {
			count(&vq->stats->no_buffer, 1);
			*stop = true;
			break;
		}
		inflight[(uint16_t)(taken + i) & mask] =
			(struct vn_vring_used_elem){.id = rte_cpu_to_le_32(heads[i])};
		all += descs[i];
	}
	vq->taken = taken + i;
	dq->got += got;
	dq->descs += all;
	dq->bytes += bytes;
	return i;
}

/* Take a chain whatever it looks like. @return false: it cannot be taken, now or ever. */
static __rte_always_inline bool
dequeue_any(struct vn_virtq *vq, struct dequeue *dq, uint16_t head, const bool indirect)
{
	enum frame_result frame = FRAME_BAD;
	struct vn_chain c = {0};

	/* One byte more than a frame may have tells that it has more. */
	switch (chain_walk(
		vq, head, false, indirect, vq->hdr_len + (uint64_t)VN_MAX_FRAME + 1, &c)) {
	case VN_CHAIN_OK:
		if (unlikely(c.bytes > vq->hdr_len + dq->room))
			dq->long_bytes += c.bytes - vq->hdr_len;
		frame = frame_from_chain(vq, &c, dq);
		break;
	case VN_CHAIN_BAD:
		break;
	case VN_CHAIN_SEGS:
		count(&vq->stats->exceed_max_chain, 1);
		break;
	case VN_CHAIN_BROKEN:
		return false;
	}
	if (unlikely(frame == FRAME_NO_MBUF)) {
		count(&vq->stats->no_buffer, 1);
		return false;
	}
	dq->descs += c.descs;
	take(vq, head, 0);
	return true;
}

static __rte_always_inline uint16_t
dequeue_body(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	const bool indirect)
{
	const bool nothing_in_flight = vq->taken == vq->used;
	struct dequeue dq = {.pool = pool, .room = vn_mbuf_room(pool), .pkts = pkts};
	uint16_t heads[VN_VQ_MAX_BURST];
	uint16_t avail = read_avail(vq);
	bool stop = false;
	uint16_t i = 0, slow = 0;

	if (avail > vq->stats->max_post)
		__atomic_store_n(&vq->stats->max_post, avail, __ATOMIC_RELAXED);
	n = RTE_MIN(n, RTE_MIN(avail, VN_VQ_MAX_BURST));
	if (n == 0)
		return 0;
	n = get_mbufs(vq, pool, pkts, n);
	for (uint16_t k = 0; k < n; k++) {
		heads[k] = read_head(vq, k);
		rte_prefetch0(&vq->desc[heads[k] & vq->mask]);
	}
	while (i < n && dq.descs < VN_VQ_DESC_BUDGET && dq.long_bytes < VN_VQ_BYTE_BUDGET) {
		/* Far from the limit, it need not be looked at for each chain. */
		if (likely(slow == 0 && !vq->no_fast &&
			    dq.descs + VN_FAST_BATCH * VN_FAST_DESCS < VN_VQ_DESC_BUDGET)) {
			const uint16_t done =
				dequeue_fast(vq, &dq, &heads[i], n - i, indirect, &stop);

			i += done;
			if (unlikely(stop))
				break;
			if (likely(done > 0))
				continue;
			slow = VN_FAST_BACKOFF;
		}
		slow -= slow > 0;
		if (unlikely(!dequeue_any(vq, &dq, heads[i], indirect)))
			break;
		i++;
	}
	vq->inflight_descs += dq.descs;
	count(&vq->stats->received_desc, dq.descs);
	count(&vq->stats->packets, dq.got);
	count(&vq->stats->total_bytes, dq.bytes);
	if (unlikely(dq.got < n))
		vn_mbuf_put_raw(pool, &pkts[dq.got], n - dq.got);
	note_position(vq);
	/* A caller that gets no frame need not complete any. */
	if (unlikely(dq.got == 0) && nothing_in_flight)
		vn_virtq_flush_used(vq);
	return dq.got;
}

static uint16_t
dequeue_direct(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	return dequeue_body(vq, pool, pkts, n, false);
}

static uint16_t
dequeue_indirect(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	return dequeue_body(vq, pool, pkts, n, true);
}

vn_virtq_dequeue_fn
vn_virtq_pick_dequeue(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? dequeue_indirect : dequeue_direct;
}

uint16_t
vn_virtq_dequeue(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	check_owner(vq);
	return vq->dequeue(vq, pool, pkts, n);
}

void
vn_virtq_complete(struct vn_virtq *vq)
{
	check_owner(vq);
	if (likely(vq->broken == NULL))
		vn_virtq_flush_used(vq);
}
