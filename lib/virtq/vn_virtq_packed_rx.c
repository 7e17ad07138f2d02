/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames to the driver, by a packed ring.
 */
#include <rte_mbuf.h>

#include "vn_virtq_hdr.h"
#include "vn_virtq_packed_reserve.h"

/* Write the frame into the buffers collected, and take their chains. */
static __rte_always_inline void
deliver(struct vn_virtq *vq, const struct vn_net_hdr_hash *hdr, const struct rte_mbuf *m,
	const struct reserve *r)
{
	struct vn_cursor cur = {.seg = vq->seg};
	uint32_t left = m->pkt_len;

	cursor_write_hdr(&cur, hdr, vq->hdr_len);
	for (const struct rte_mbuf *s = m; s != NULL && left > 0; s = s->next) {
		uint32_t part = RTE_MIN(left, s->data_len);

		cursor_write(&cur, rte_pktmbuf_mtod(s, const void *), part);
		left -= part;
	}
	reserve_use(vq, r, m->pkt_len);
}

static __rte_always_inline uint16_t
enqueue_body(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n, const bool mergeable,
	const bool indirect)
{
	uint32_t descs = 0;
	uint16_t i;

	if (unlikely(vq->broken != NULL))
		return 0;
	n = RTE_MIN(n, VN_VQ_MAX_BURST);
	for (i = 0; i < n && descs <= VN_VQ_DESC_BUDGET; i++) {
		struct vn_net_hdr_hash hdr = {.hdr = *vn_mbuf_hdr(pkts[i])};
		const uint32_t len = pkts[i]->pkt_len;
		enum reserve_result res;
		struct reserve r;

		if (unlikely(len > VN_MAX_FRAME)) {
			count(&vq->stats->oversized, 1);
			continue;
		}
		if (unlikely(!hdr_check(vq, &hdr.hdr, len))) {
			count(&vq->stats->bad_header, 1);
			continue;
		}
		res = reserve_buffers(
			vq, vq->hdr_len + (uint64_t)len, mergeable, indirect, &r, &descs);
		if (unlikely(res == RESERVE_DROP))
			continue;
		if (unlikely(res != RESERVE_OK)) {
			if (res == RESERVE_LATER)
				count(&vq->stats->no_buffer, 1);
			break;
		}
		hdr.hdr.num_buffers = rte_cpu_to_le_16(r.chains);
		if (unlikely(vq->hdr_len == VN_NET_HDR_LEN_HASH)) {
			hdr.hash_value = vn_mbuf_hdr_hash(pkts[i])->hash_value;
			hdr.hash_report = vn_mbuf_hdr_hash(pkts[i])->hash_report;
		}
		deliver(vq, &hdr, pkts[i], &r);
	}
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
