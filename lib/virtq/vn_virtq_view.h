/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_VIEW_H
#define VN_VIRTQ_VIEW_H

/**
 * @file
 * Frames without mbufs: a view of what a driver sends, in place, and its delivery into the receive
 * buffers of another driver with a single copy. For ports that can do with it (struct vn_port_ops:
 * tx_views), and for device to device.
 *
 * The sender may rewrite its memory at any time. So the header and the first VN_VIEW_HEAD bytes are
 * private copies; every decision (filter, RSS, offloads) reads those, and those are what is
 * delivered. Only what follows comes straight from the sender's buffers, and is read once.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#include "vn_net_hdr.h"

struct vn_virtq;

/** Private bytes: Ethernet to transport header of whatever is worth looking at. */
#define VN_VIEW_HEAD 256

/** A piece of memory of ours. */
struct vn_view_seg {
	const uint8_t *ptr;
	uint64_t len;
};

/** Most frames of one call of vn_virtq_views(). */
#define VN_VIEW_BURST 16

/** One frame. Valid until the next vn_virtq_views() on the same ring, or its vn_virtq_complete().
 */
struct vn_view {
	struct vn_net_hdr_hash hdr; /**< checked; num_buffers and the hash are 0 */
	uint32_t len;               /**< bytes of the frame, header not counted */
	uint32_t head_len;          /**< of these, in head[]: min(len, VN_VIEW_HEAD) */
	uint32_t n_segs;            /**< the others; 0 when all is in head[] */
	const struct vn_view_seg *seg;
	struct vn_view_seg one; /**< private to lib/virtq */
	uint8_t head[VN_VIEW_HEAD] __rte_cache_aligned;
};

/**
 * The next frames of a transmit ring, in place: up to @p n, and no more than VN_VIEW_BURST. Their
 * chains stay uncompleted until vn_virtq_complete(). Chains that are no valid frame are passed over
 * as by vn_virtq_dequeue(). Owner of @p tx.
 *
 * @return how many; fewer than @p n does not mean that there are no more. 0: there is none, or
 *   enough descriptors or bytes were read for now; what there is must be completed then.
 */
uint16_t vn_virtq_views(struct vn_virtq *tx, struct vn_view *views, uint16_t n);
/** The same for one. @return there is one. */
bool vn_virtq_view(struct vn_virtq *tx, struct vn_view *view);

/**
 * Descriptors that may be read to put views, of usable buffers and others, until the next
 * vn_virtq_publish(); then nothing more is put.
 */
#define VN_VIEW_PUT_BUDGET 4096u

enum vn_put {
	VN_PUT_OK,
	VN_PUT_FULL,    /**< not enough receive buffers now, or VN_VIEW_PUT_BUDGET is used up */
	VN_PUT_DROPPED, /**< can never be delivered; counted in the ring's counters */
};

/**
 * Deliver @p view into the receive ring @p rx: all buffers are reserved before the first store.
 * view->hdr is what the receiver gets (num_buffers is filled in); it must be one that the receiver
 * takes (vn_virtq_view_fits()), else the frame is dropped as bad_header. Source and destination may
 * overlap. Owner of @p rx, and of the ring of the view. Not visible before vn_virtq_publish().
 */
enum vn_put vn_virtq_put_view(struct vn_virtq *rx, const struct vn_view *view);
/**
 * The same for @p n views, from the first on, with the memory of several fetched at a time.
 * @return how many were delivered or dropped; fewer than @p n: VN_PUT_FULL, or the ring is broken.
 */
uint16_t vn_virtq_put_views(struct vn_virtq *rx, const struct vn_view *views, uint16_t n);
/** The same for one, with view->hdr but for the hash fields, which are those of @p hdr. */
enum vn_put vn_virtq_put_view_as(
	struct vn_virtq *rx, const struct vn_view *view, const struct vn_net_hdr_hash *hdr);

/**
 * Descriptors that were read since the last vn_virtq_publish() to put views into anything but
 * chains of the usual shapes: for a budget over several rings. Owner of @p rx.
 */
uint32_t vn_virtq_put_work(const struct vn_virtq *rx);

enum vn_view_fit {
	VN_VIEW_AS_IS,   /**< the receiver takes the header as it is */
	VN_VIEW_CSUM,    /**< the checksum has to be filled in: vn_virtq_put_view() does, copying */
	VN_VIEW_SEGMENT, /**< it has to be segmented first: use mbufs */
};
/** What has to be done to @p view before the driver of @p rx can take it. Owner of @p rx. */
enum vn_view_fit vn_virtq_view_fits(const struct vn_virtq *rx, const struct vn_view *view);

#endif /* VN_VIRTQ_VIEW_H */
