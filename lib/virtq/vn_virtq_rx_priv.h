/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_RX_PRIV_H
#define VN_VIRTQ_RX_PRIV_H

/** @file Reserving receive buffers, as far as it does not matter whether a ring is split or packed.
 */

#include "vn_virtq_chain.h"
#include "vn_virtq_priv.h"

enum reserve_result {
	RESERVE_OK,
	RESERVE_DROP,  /* can never fit; counted */
	RESERVE_LATER, /* not enough chains now, or enough work done in this call */
	RESERVE_BROKEN,
};

/* What that means for a view; it is counted if it has to wait. */
static __rte_always_inline enum vn_put
reserve_put(struct vn_virtq *vq, enum reserve_result res)
{
	switch (res) {
	case RESERVE_OK:
		return VN_PUT_OK;
	case RESERVE_LATER:
		count(&vq->stats->no_buffer, 1);
		return VN_PUT_FULL;
	default:
		return VN_PUT_DROPPED;
	}
}

/* The pieces collected have been written. */
static __rte_always_inline void
reserve_log(const struct vn_virtq *vq, const struct vn_chain *c)
{
	if (likely(!vq->log_dirty))
		return;
	for (uint32_t i = 0; i < c->segs; i++)
		log_write(vq, vq->seg[i].gpa, vq->seg[i].len);
}

/* Count a frame of @p len bytes that was given to the driver alone, in @p descs descriptors. */
static __rte_always_inline void
count_given(struct vn_virtq *vq, uint32_t len, uint32_t descs)
{
	count(&vq->stats->packets, 1);
	count(&vq->stats->total_bytes, len);
	__atomic_store_n(&vq->stats->batch_last, descs, __ATOMIC_RELAXED);
	if (unlikely(vq->count_sizes))
		count_size(vq, len);
}

#endif /* VN_VIRTQ_RX_PRIV_H */
