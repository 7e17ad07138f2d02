/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from the driver, by a packed ring.
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "vn_virtq_frame_tx.h"
#include "vn_virtq_packed_fast.h"

/* Take chains of the usual shapes, as the one of split rings does. */
static __rte_always_inline uint16_t
dequeue_fast(struct vn_virtq *vq, struct dequeue *dq, uint16_t n, const bool indirect, bool *stop)
{
	struct vn_vring_used_elem *const inflight = vq->inflight;
	const uint16_t mask = vq->mask, taken = vq->taken;
	uint32_t entry[VN_FAST_BATCH], descs[VN_FAST_BATCH];
	struct vn_fast chain[VN_FAST_BATCH];
	struct vn_flat flat = flat_of(vq);
	uint16_t head = vq->pk_next, room = packed_room(vq), slots = 0;
	uint32_t all = 0;
	uint16_t found, done;

	n = RTE_MIN(n, VN_FAST_BATCH);
	for (found = 0; found < n; found++) {
		struct vn_fast *c = &chain[found];
		uint16_t s;

		descs[found] = packed_fast_look(
			vq, &flat, head, room, false, indirect, VN_MIN_FRAME, c, &entry[found]);
		if (unlikely(descs[found] == 0 || c->len > VN_MAX_FRAME))
			break;
		s = PK_ENTRY_SLOTS(entry[found]);
		head = vn_vring_packed_advance(head, s, vq->size);
		room -= s;
		rte_prefetch0(c->hdr);
		rte_prefetch0(c->data + 63);
		if (unlikely(
			    c->len > dq->room && (dq->long_bytes += c->len) >= VN_VQ_BYTE_BUDGET)) {
			found++;
			break;
		}
	}
	done = frames_from_fast(vq, dq, chain, found, stop);
	for (uint16_t i = 0; i < done; i++) {
		inflight[(uint16_t)(taken + i) & mask] =
			(struct vn_vring_used_elem){.id = entry[i]};
		slots += PK_ENTRY_SLOTS(entry[i]);
		all += descs[i];
	}
	dq->descs += all;
	packed_advance(vq, done, slots);
	return done;
}

/* Take a chain whatever it looks like. @return false: it cannot be taken, now or ever. */
static __rte_always_inline bool
dequeue_any(struct vn_virtq *vq, struct dequeue *dq, const bool indirect)
{
	enum frame_result frame = FRAME_BAD;
	struct vn_chain c = {0};
	struct packed_walk w;
	uint64_t word;

	if (!packed_walk_begin(vq, &w, vq->pk_next, packed_room(vq), &word)) {
		(void)packed_none_there(vq, 0);
		return false;
	}
	/* One byte more than a frame may have tells that it has more. */
	switch (packed_chain_walk(
		vq, &w, word, false, indirect, vq->hdr_len + (uint64_t)VN_MAX_FRAME + 1, &c)) {
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
	packed_take(vq, &w, 0);
	return true;
}

static __rte_always_inline uint16_t
dequeue_body(struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	const bool indirect)
{
	const bool nothing_in_flight = vq->taken == vq->used;
	struct dequeue dq = {.pool = pool, .room = vn_mbuf_room(pool), .pkts = pkts};
	uint16_t i = 0, slow = 0;
	bool stop = false;

	if (unlikely(vq->broken != NULL))
		return 0;
	/* There are no more chains than descriptors. */
	n = packed_see(vq, RTE_MIN(n, VN_VQ_MAX_BURST));
	if (n == 0)
		return 0;
	n = get_mbufs(vq, pool, pkts, n);
	while (i < n && dq.descs < VN_VQ_DESC_BUDGET && dq.long_bytes < VN_VQ_BYTE_BUDGET) {
		/* Far from the limit, it need not be looked at for each chain. */
		if (likely(slow == 0 && !vq->no_fast &&
			    dq.descs + VN_FAST_BATCH * VN_FAST_DESCS < VN_VQ_DESC_BUDGET)) {
			const uint16_t done = dequeue_fast(vq, &dq, n - i, indirect, &stop);

			i += done;
			if (unlikely(stop))
				break;
			if (likely(done > 0))
				continue;
			slow = VN_FAST_BACKOFF;
		}
		slow -= slow > 0;
		if (unlikely(!dequeue_any(vq, &dq, indirect)))
			break;
		i++;
	}
	vq->inflight_descs += dq.descs;
	count(&vq->stats->received_desc, dq.descs);
	count(&vq->stats->packets, dq.got);
	count(&vq->stats->total_bytes, dq.bytes);
	if (unlikely(dq.got < n))
		vn_mbuf_put_raw(pool, &pkts[dq.got], n - dq.got);
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
