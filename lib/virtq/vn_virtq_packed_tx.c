/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from the driver, by a packed ring.
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "vn_virtq_frame_tx.h"
#include "vn_virtq_packed_fast.h"

/* Raw mbufs of a call that are not frames yet: pkts[got] on. */
static __rte_always_inline uint16_t
have_mbufs(struct vn_virtq *vq, struct dequeue *dq, uint16_t *raw, uint16_t n)
{
	if (likely(*raw < n))
		*raw += get_mbufs(vq, dq->pool, &dq->pkts[dq->got + *raw], n - *raw);
	return RTE_MIN(*raw, n);
}

/*
 * Take chains of the usual shapes, as the one of split rings does.
 * @return how many; *stop: no mbufs for the next one.
 */
static __rte_always_inline uint16_t
dequeue_fast(struct vn_virtq *vq, struct dequeue *dq, uint16_t *raw, uint16_t n,
	const bool indirect, bool *stop)
{
	uint16_t found, done, slots = 0;
	struct packed_batch b;
	uint32_t all = 0;
	const uint16_t got = dq->got;

	packed_fast_find(vq, &b, RTE_MIN(n, VN_FAST_BATCH), false, indirect, NULL);
	if (unlikely(b.n == 0))
		return 0;
	found = have_mbufs(vq, dq, raw, b.n);
	*stop = found < b.n;
	for (uint16_t i = 0; i < found; i++) {
		if (unlikely(b.chain[i].len > dq->room &&
			     (dq->long_bytes += b.chain[i].len) >= VN_VQ_BYTE_BUDGET))
			found = i + 1;
	}
	done = frames_from_fast(vq, dq, b.chain, found, stop);
	*raw -= dq->got - got;
	for (uint16_t i = 0; i < done; i++) {
		slots += b.slots[i];
		all += b.descs[i];
	}
	dq->descs += all;
	packed_advance(vq, done, slots);
	return done;
}

/* Take a chain whatever it looks like. @return false: it cannot be taken, now or ever. */
static __rte_always_inline bool
dequeue_any(struct vn_virtq *vq, struct dequeue *dq, uint16_t *raw, const bool indirect)
{
	enum frame_result frame = FRAME_BAD;
	struct vn_chain c = {0};
	struct packed_walk w;
	uint64_t word;

	if (!packed_walk_begin(vq, &w, vq->pk_next, packed_room(vq), &word)) {
		(void)packed_none_there(vq, 0);
		return false;
	}
	if (unlikely(have_mbufs(vq, dq, raw, 1) == 0))
		return false;
	/* One byte more than a frame may have tells that it has more. */
	switch (packed_chain_walk(
		vq, &w, word, false, indirect, vq->hdr_len + (uint64_t)VN_MAX_FRAME + 1, &c)) {
	case VN_CHAIN_OK:
		if (unlikely(c.bytes > vq->hdr_len + dq->room))
			dq->long_bytes += c.bytes - vq->hdr_len;
		frame = frame_from_chain(vq, &c, dq);
		*raw -= frame == FRAME_OK;
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
	packed_take(vq, &w, 0);
	return true;
}

static __rte_always_inline uint16_t
dequeue_body(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	const bool indirect)
{
	const bool nothing_in_flight = vq->taken == vq->used;
	struct dequeue dq = {.pool = pool, .room = vn_mbuf_room(pool), .pkts = pkts};
	const uint16_t run = vq->pk_run;
	uint16_t i = 0, slow = 0, raw = 0;
	bool stop = false;

	if (unlikely(vq->broken != NULL))
		return 0;
	n = RTE_MIN(n, VN_VQ_MAX_BURST);
	while (i < n && dq.descs < VN_VQ_DESC_BUDGET && dq.long_bytes < VN_VQ_BYTE_BUDGET) {
		/* Far from the limit, it need not be looked at for each chain. */
		if (likely(slow == 0 && !vq->no_fast &&
			    dq.descs + VN_FAST_BATCH * VN_FAST_DESCS < VN_VQ_DESC_BUDGET)) {
			const uint16_t done = dequeue_fast(vq, &dq, &raw, n - i, indirect, &stop);

			i += done;
			if (unlikely(stop))
				break;
			if (likely(done > 0))
				continue;
			slow = VN_FAST_BACKOFF;
		}
		slow -= slow > 0;
		if (unlikely(!dequeue_any(vq, &dq, &raw, indirect)))
			break;
		i++;
	}
	if (dq.descs == 0 && raw == 0)
		return 0;
	vq->inflight_descs += dq.descs;
	count(&vq->stats->received_desc, dq.descs);
	count(&vq->stats->packets, dq.got);
	count(&vq->stats->total_bytes, dq.bytes);
	if (unlikely(raw > 0))
		vn_mbuf_put_raw(pool, &pkts[dq.got], raw);
	if (unlikely((uint16_t)(vq->pk_run - run) > vq->stats->max_post))
		__atomic_store_n(
			&vq->stats->max_post, (uint16_t)(vq->pk_run - run), __ATOMIC_RELAXED);
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
vn_virtq_packed_pick_dequeue(uint64_t features)
{
	return features & VN_F_INDIRECT_DESC ? dequeue_indirect : dequeue_direct;
}
