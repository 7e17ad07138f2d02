/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames to the driver, by a packed ring.
 */
#include <rte_mbuf.h>

#include "vn_virtq_frame_rx.h"
#include "vn_virtq_packed_fast.h"
#include "vn_virtq_packed_reserve.h"

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
 * Look for chains of one descriptor each, one after another in the ring and in one region of
 * memory: nearly all are. For short frames the number of instructions is what counts.
 * @return how many of @p pkts they can take; where, in @p buf; in inflight[], what they are.
 */
static __rte_noinline uint16_t
run_find(struct vn_virtq *vq, struct rte_mbuf *const *pkts, uint16_t n, uint8_t **buf)
{
	const uint16_t want = packed_avail_flags(vq->pk_next) | VN_DESC_F_WRITE;
	const uint32_t index = packed_index(vq->pk_next), at = vq->taken & vq->mask;
	const struct vn_vring_packed_desc *d = &vq->pk_desc[index];
	struct vn_vring_used_elem *const inflight = &vq->inflight[at];
	const struct vn_gm_slot *const region = vq->hint;
	const uint64_t size = region->size, limit = region->gpa + size;
	uint32_t i, most = RTE_MIN(n, RX_RUN);

	if (unlikely(vq->hdr_len != VN_NET_HDR_LEN || region->read_only))
		return 0;
	most = RTE_MIN(most, packed_room(vq));
	most = RTE_MIN(most, vq->size - index);
	most = RTE_MIN(most, vq->mask + 1 - at);
	for (i = 0; i < most; i++, d++) {
		const uint64_t word = packed_load(d);
		/* From the buffer's address to the end of the region. */
		const uint64_t rest = limit - packed_load_addr(d);
		const uint32_t need = VN_NET_HDR_LEN + pkts[i]->pkt_len, room = word;
		uint8_t *p;

		if (unlikely(!frame_is_good(vq, pkts[i])))
			break;
		if (unlikely((packed_flags(word) & (PK_FLAGS | FAST_FLAGS)) != want ||
			     room < need || room > rest || rest > size))
			break;
		p = region->base + (size - rest);
		rte_prefetch0(p);
		rte_prefetch0(p + need - 1);
		buf[i] = p;
		used_elem_set(&inflight[i], PK_ENTRY((uint16_t)(word >> 32), 1), need);
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
	packed_advance(vq, n, n);
	return n;
}

/* Give frames to chains of the usual shapes, as the one of split rings does. */
static __rte_always_inline uint16_t
enqueue_fast(struct vn_virtq *vq, struct enqueue *eq, struct rte_mbuf **pkts, uint16_t n,
	const bool indirect)
{
	struct vn_vring_used_elem *const inflight = vq->inflight;
	const uint16_t mask = vq->mask, taken = vq->taken;
	const uint32_t hdr_len = vq->hdr_len;
	struct packed_batch b;
	uint16_t good, slots = 0;

	n = RTE_MIN(n, VN_FAST_BATCH);
	for (good = 0; good < n && likely(frame_is_good(vq, pkts[good])); good++)
		;
	packed_fast_find(vq, &b, good, true, indirect, pkts);
	if (unlikely(b.n == 0))
		return 0;
	frames_into_fast(vq, eq, pkts, b.chain, b.descs, b.n);
	for (uint16_t i = 0; i < b.n; i++) {
		inflight[(uint16_t)(taken + i) & mask].len = hdr_len + pkts[i]->pkt_len;
		slots += b.slots[i];
	}
	packed_advance(vq, b.n, slots);
	return b.n;
}

static __rte_always_inline uint16_t
enqueue_body(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n, const bool mergeable,
	const bool indirect)
{
	struct enqueue eq = {0};
	uint16_t i = 0, slow = 0;

	if (unlikely(vq->broken != NULL))
		return 0;
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
vn_virtq_packed_pick_enqueue(uint64_t features)
{
	static const vn_virtq_enqueue_fn variant[2][2] = {
		{enqueue_single_direct, enqueue_single_indirect},
		{enqueue_mergeable_direct, enqueue_mergeable_indirect},
	};

	return variant[!!(features & VN_NET_F_MRG_RXBUF)][!!(features & VN_F_INDIRECT_DESC)];
}
