/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames to the driver: receiveq (virtio 1.2, 5.1.6.3 and 5.1.6.4).
 */
#include <rte_mbuf.h>

#include "vn_virtq_frame_rx.h"
#include "vn_virtq_reserve.h"

/* Give a frame whatever the chains look like. @return false: not now, or never again. */
static __rte_always_inline bool
enqueue_any(struct vn_virtq *vq, struct enqueue *eq, struct rte_mbuf *m, const bool mergeable,
	const bool indirect)
{
	const uint32_t len = m->pkt_len;
	struct vn_net_hdr_hash hdr;
	enum reserve_result res;
	struct reserve r;

	if (unlikely(!frame_check(vq, m, &hdr)))
		return true;
	res = reserve_buffers(vq, vq->hdr_len + (uint64_t)len, mergeable, indirect, &r, &eq->descs);
	if (unlikely(res != RESERVE_OK)) {
		if (res == RESERVE_LATER)
			count(&vq->stats->no_buffer, 1);
		return res == RESERVE_DROP;
	}
	frame_write(vq, &hdr, m, r.chains);
	reserve_take(vq, &r);
	count_frame(vq, eq, len, r.c.descs);
	return true;
}

/*
 * Look for chains of one descriptor each in one region of memory: nearly all are. For short frames
 * the number of instructions is what counts.
 * @return how many of @p pkts they can take; where, in @p buf; in inflight[], what they are.
 */
static __rte_noinline uint16_t
run_find(struct vn_virtq *vq, struct rte_mbuf *const *pkts, uint16_t n, uint8_t **buf)
{
	const uint32_t at = vq->taken & vq->mask, size = vq->size;
	const uint16_t *const head = &vq->avail_ring->ring[at];
	const struct vn_vring_desc *const desc = vq->desc;
	struct vn_vring_used_elem *const inflight = &vq->inflight[at];
	const struct vn_gm_slot *const region = vq->hint;
	const uint64_t bytes = region->size, limit = region->gpa + bytes;
	uint32_t i, most = RTE_MIN(n, RX_RUN);

	if (unlikely(vq->hdr_len != VN_NET_HDR_LEN || region->read_only))
		return 0;
	most = RTE_MIN(most, (uint16_t)(vq->avail - vq->taken));
	most = RTE_MIN(most, size - at);
	for (i = 0; i < most; i++) {
		const uint32_t h = rte_le_to_cpu_16(__atomic_load_n(&head[i], __ATOMIC_RELAXED));
		const uint32_t need = VN_NET_HDR_LEN + pkts[i]->pkt_len;
		struct vn_desc d;
		uint64_t rest;
		uint8_t *p;

		if (unlikely(h >= size || !frame_is_good(vq, pkts[i])))
			break;
		d = chain_read_desc(&desc[h]);
		/* From the buffer's address to the end of the region. */
		rest = limit - d.addr;
		if (unlikely((d.flags & FAST_FLAGS) != VN_DESC_F_WRITE || d.len < need ||
			     d.len > rest || rest > bytes))
			break;
		p = region->base + (bytes - rest);
		rte_prefetch0(p);
		rte_prefetch0(p + need - 1);
		buf[i] = p;
		used_elem_set(&inflight[i], rte_cpu_to_le_32(h), rte_cpu_to_le_32(need));
	}
	return i;
}

/* Give frames to such chains. @return how many; 0: it has to be another way. */
static __rte_always_inline uint16_t
enqueue_run(struct vn_virtq *vq, struct enqueue *eq, struct rte_mbuf **pkts, uint16_t n)
{
	uint8_t *buf[RX_RUN];

	n = run_find(vq, pkts, n, buf);
	if (unlikely(n == 0))
		return 0;
	frames_into_run(vq, eq, pkts, buf, n);
	vq->taken += n;
	return n;
}

/*
 * Give frames to chains of the usual shapes, one to each, as long as that goes (and fits a batch).
 * @return how many of @p pkts.
 */
static __rte_always_inline uint16_t
enqueue_fast(struct vn_virtq *vq, struct enqueue *eq, struct rte_mbuf **pkts, uint16_t n,
	const bool indirect)
{
	struct vn_fast chain[VN_FAST_BATCH];
	uint8_t descs[VN_FAST_BATCH];
	struct vn_vring_used_elem *const inflight = vq->inflight;
	const uint16_t mask = vq->mask, taken = vq->taken;
	struct vn_flat flat = flat_of(vq);
	const uint32_t hdr_len = vq->hdr_len;
	uint16_t heads[VN_FAST_BATCH];
	uint16_t found;

	n = RTE_MIN(n, RTE_MIN((uint16_t)(vq->avail - vq->taken), VN_FAST_BATCH));
	for (uint16_t i = 0; i < n; i++) {
		heads[i] = read_head(vq, i);
		rte_prefetch0(&vq->desc[heads[i] & vq->mask]);
	}
	for (found = 0; found < n; found++) {
		const uint32_t len = pkts[found]->pkt_len;
		struct vn_fast *c = &chain[found];

		if (unlikely(!frame_is_good(vq, pkts[found])))
			break;
		descs[found] = fast_look(vq, &flat, heads[found], true, indirect, len, c);
		if (unlikely(descs[found] == 0))
			break;
		rte_prefetch0(c->hdr);
		rte_prefetch0(c->data + len - 1);
	}
	if (unlikely(found == 0))
		return 0;
	frames_into_fast(vq, eq, pkts, chain, descs, found);
	for (uint16_t i = 0; i < found; i++) {
		inflight[(uint16_t)(taken + i) & mask] = (struct vn_vring_used_elem){
			rte_cpu_to_le_32(heads[i]), rte_cpu_to_le_32(hdr_len + pkts[i]->pkt_len)};
	}
	vq->taken = taken + found;
	return found;
}

static __rte_always_inline uint16_t
enqueue_body(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n, const bool mergeable,
	const bool indirect)
{
	uint16_t avail = read_avail(vq);
	struct enqueue eq = {0};
	uint16_t i = 0, slow = 0;

	if (unlikely(vq->broken != NULL))
		return 0;
	if (avail > vq->stats->max_post)
		__atomic_store_n(&vq->stats->max_post, avail, __ATOMIC_RELAXED);
	n = RTE_MIN(n, VN_VQ_MAX_BURST);
	while (i < n && eq.descs <= VN_VQ_DESC_BUDGET) {
		/* Far from the limit, it need not be looked at for each frame. */
		if (likely(slow == 0 && !vq->no_fast && !vq->log_dirty &&
			    eq.descs + VN_FAST_BATCH * VN_FAST_DESCS < VN_VQ_DESC_BUDGET)) {
			uint16_t done = enqueue_run(vq, &eq, &pkts[i], n - i);

			if (unlikely(done == 0))
				done = enqueue_fast(vq, &eq, &pkts[i], n - i, indirect);
			i += done;
			if (likely(done > 0))
				continue;
			slow = VN_FAST_BACKOFF;
		}
		slow -= slow > 0;
		if (unlikely(!enqueue_any(vq, &eq, pkts[i], mergeable, indirect)))
			break;
		i++;
	}
	count_frames(vq, &eq);
	if (unlikely(vq->broken != NULL))
		return i;
	count(&vq->stats->received_desc, vq->inflight_descs);
	note_position(vq);
	vn_virtq_flush_used(vq);
	return i;
}

#define ENQUEUE(name, mergeable, indirect)                                            \
	static uint16_t name(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n) \
	{                                                                             \
		return enqueue_body(vq, pkts, n, mergeable, indirect);                \
	}
ENQUEUE(enqueue_single_direct, false, false)
ENQUEUE(enqueue_single_indirect, false, true)
ENQUEUE(enqueue_mergeable_direct, true, false)
ENQUEUE(enqueue_mergeable_indirect, true, true)
#undef ENQUEUE

vn_virtq_enqueue_fn
vn_virtq_pick_enqueue(uint64_t features)
{
	static const vn_virtq_enqueue_fn variant[2][2] = {
		{enqueue_single_direct, enqueue_single_indirect},
		{enqueue_mergeable_direct, enqueue_mergeable_indirect},
	};

	return variant[!!(features & VN_NET_F_MRG_RXBUF)][!!(features & VN_F_INDIRECT_DESC)];
}

void
vn_virtq_rx_refuse(struct vn_virtq *vq)
{
	check_owner(vq);
	count(&vq->stats->oversized, 1);
}

uint16_t
vn_virtq_enqueue(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n)
{
	check_owner(vq);
	return vq->enqueue(vq, pkts, n);
}
