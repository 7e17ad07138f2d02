/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Network to driver: a pair that stands alone, or whose frames all stay on it.
 */
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "poller_private.h"
#include "vn_mbuf.h"

/* Most receive buffers that a frame can take in practice (64 KiB of TSO in 1.5 KiB buffers). */
#define FRAME_BUFFERS 45

void
poll_rx_drop_pending(struct vn_poll_qp *qp)
{
	vn_mbuf_free_bulk(&qp->pending[qp->pending_first], qp->n_pending);
	qp->n_pending = 0;
	qp->short_since = 0;
}

/* Frames to read from the port, so that as a rule none has to wait here for buffers. */
static uint16_t
rx_room(struct vn_poll_qp *qp)
{
	const uint16_t avail = vn_virtq_avail_upto(qp->rx, VN_POLL_PENDING * FRAME_BUFFERS);
	const uint16_t frames = avail / FRAME_BUFFERS;

	if (avail == 0)
		return 0;
	return frames == 0 ? 1 : RTE_MIN(frames, VN_POLL_PENDING);
}

/*
 * The first frame has too few buffers. A driver that has given back some may wait with more until a
 * frame comes: those of Linux fill a ring when it is half empty. So what it has shown no buffers
 * for in a while will never fit, and is in the way of those that do. (Without any buffers it is the
 * driver that takes nothing.) @return frames dropped.
 */
static unsigned int
drop_too_long(struct vn_poll_qp *qp)
{
	const uint16_t offered = vn_virtq_offered(qp->rx);
	const uint64_t now = rte_get_tsc_cycles();

	if (qp->rx_avail_seen == 0 || qp->owner == NULL) {
		qp->short_since = 0;
	} else if (qp->short_since == 0 || offered != qp->short_offered) {
		qp->short_since = now;
		qp->short_offered = offered;
	} else if (now - qp->short_since >= qp->owner->rx_wait_cycles) {
		qp->short_since = 0;
		vn_virtq_rx_refuse(qp->rx);
		vn_mbuf_free_bulk(&qp->pending[qp->pending_first++], 1);
		qp->n_pending--;
		return 1;
	}
	return 0;
}

unsigned int
poll_rx_give(struct vn_poll_qp *qp)
{
	uint16_t n = vn_virtq_enqueue(qp->rx, &qp->pending[qp->pending_first], qp->n_pending);

	vn_mbuf_free_bulk(&qp->pending[qp->pending_first], n);
	qp->pending_first += n;
	qp->n_pending -= n;
	if (n > 0)
		qp->short_since = 0;
	if (qp->n_pending > 0) {
		qp->rx_avail_seen = vn_virtq_avail(qp->rx);
		n += drop_too_long(qp);
	}
	return n;
}

/* Straight into the driver's buffers. @return frames; 0, while the port may have some: not so. */
static unsigned int
rx_fill(struct vn_poll_qp *qp, unsigned int most)
{
	bool empty = false;
	uint16_t n;

	if (qp->ops->rx_fill == NULL)
		return 0;
	n = qp->ops->rx_fill(qp->pq, qp->rx, most, &empty);
	if (empty)
		qp->pq_ready = false;
	return n;
}

unsigned int
poll_rx(struct vn_poll_qp *qp)
{
	const uint16_t before = vn_virtq_position(qp->rx);
	unsigned int moved = 0;
	uint16_t room, n;

	if (qp->n_pending > 0)
		moved = poll_rx_give(qp);
	/* A port that cannot say when it has something is asked in every round. */
	if (!qp->pq_watched || qp->ops->rx_arm != NULL)
		qp->pq_ready = true;
	/* A few at a time: what does not fit the driver's buffers waits here, in everybody's mbufs.
	 */
	while (qp->n_pending == 0 && qp->pq_ready && qp->pq != NULL && moved < VN_POLL_BURST) {
		room = rx_room(qp);
		if (room == 0) {
			qp->rx_avail_seen = 0;
			break;
		}
		n = rx_fill(qp, VN_POLL_BURST - moved);
		moved += n;
		if (n > 0 || !qp->pq_ready || unlikely(vn_virtq_broken(qp->rx)))
			continue;
		n = qp->ops->rx_burst(qp->pq, qp->pending, room);
		qp->pending_first = 0;
		qp->n_pending = n;
		if (n < room)
			qp->pq_ready = false;
		if (n > 0)
			moved += poll_rx_give(qp);
	}
	/* Buffers that hold no frame go back without one. */
	if (moved == 0 && vn_virtq_position(qp->rx) != before)
		moved = 1;
	if (moved > 0)
		vn_virtq_publish(qp->rx);
	return moved;
}
