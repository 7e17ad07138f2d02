/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Network to driver by receive rules: a frame may go to another pair of its group than the one on
 * which it came in, or nowhere. All pairs of a group are this poller's, so nothing is locked.
 *
 * Each pair has one place where few frames wait for buffers, whoever's port they came from. A frame
 * that finds the place of another pair full is dropped: no pair waits for another one. One that
 * finds the place of its own pair full stops the reading of that port, as without rules, so that a
 * burst waits in the network side. But behind it there may be frames for others. So once the driver
 * has taken nothing for a while, the port is read on, and what finds the place full is dropped.
 */
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "poller_private.h"

bool
poll_rx_has_rules(const struct vn_poll_qp *qp)
{
	const struct vn_poll_group *g = qp->group;

	if (g->rules == NULL || vn_rx_rules_trivial(g->rules))
		return false;
	if (qp->rx != NULL)
		return true;
	/* Frames of a device of which no ring is here wait in the port. */
	for (uint16_t i = 0; i < g->n; i++) {
		if (g->qp[i] != NULL && g->qp[i]->rx != NULL)
			return true;
	}
	return false;
}

static bool
takes_frames(const struct vn_poll_qp *qp)
{
	return qp->rx != NULL && !vn_virtq_broken(qp->rx);
}

/* Give what waits, and have it seen: the ring may have been looked at in this round already. */
static void
give(struct vn_poll_qp *qp)
{
	poll_rx_give(qp);
	vn_virtq_publish(qp->rx);
	if (unlikely(vn_virtq_broken(qp->rx)))
		poll_qp_tell_broken(qp, &qp->rx_told);
}

/* Put a frame into the pair's place. @return false: there is no room, even after giving. */
static bool
put(struct vn_poll_qp *qp, struct rte_mbuf *m)
{
	if (qp->n_pending == VN_POLL_PENDING)
		give(qp);
	if (qp->n_pending == VN_POLL_PENDING)
		return false;
	if (qp->n_pending == 0)
		qp->pending_first = 0;
	if (qp->pending_first + qp->n_pending == VN_POLL_PENDING) {
		memmove(qp->pending, &qp->pending[qp->pending_first],
			qp->n_pending * sizeof(qp->pending[0]));
		qp->pending_first = 0;
	}
	qp->pending[qp->pending_first + qp->n_pending++] = m;
	return true;
}

/* @return the pair that gets the frame; NULL: nobody does, and it is counted. */
static struct vn_poll_qp *
decide(struct vn_poll_qp *qp, struct rte_mbuf *m)
{
	struct vn_poll_group *g = qp->group;
	const int to = vn_rx_rules_apply(g->rules, m, qp->number);
	struct vn_poll_qp *target;

	if (to < 0) {
		g->filtered++;
		return NULL;
	}
	if (to == qp->number) {
		if (takes_frames(qp))
			return qp;
		g->stay_dropped++;
		return NULL;
	}
	g->moved++;
	target = to < g->n ? g->qp[to] : NULL;
	if (target == NULL || !takes_frames(target)) {
		g->move_dropped++;
		return NULL;
	}
	return target;
}

/* Give each frame to its pair. */
static void
spread(struct vn_poll_qp *qp, struct rte_mbuf **pkts, uint16_t n)
{
	struct vn_poll_qp *target[VN_POLL_PENDING];
	uint16_t n_targets = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct vn_poll_qp *to = decide(qp, pkts[i]);
		uint16_t known = 0;

		if (to == NULL) {
			rte_pktmbuf_free(pkts[i]);
			continue;
		}
		/* Its interrupt is due in this round, or its frame waits for buffers. */
		poll_qp_touch(to);
		if (!put(to, pkts[i])) {
			*(to == qp ? &qp->group->stay_dropped : &qp->group->move_dropped) += 1;
			rte_pktmbuf_free(pkts[i]);
			continue;
		}
		while (known < n_targets && target[known] != to)
			known++;
		if (known == n_targets)
			target[n_targets++] = to;
	}
	for (uint16_t i = 0; i < n_targets; i++)
		give(target[i]);
}

bool
poll_rx_blocked(const struct vn_poll_qp *qp)
{
	return qp->n_pending == VN_POLL_PENDING && !qp->stuck;
}

/* See whether the driver has taken nothing for too long while the place was full. */
static void
look_if_stuck(struct vn_poll_qp *qp)
{
	const uint16_t position = qp->rx != NULL ? vn_virtq_position(qp->rx) : 0;
	uint64_t now;

	if (qp->n_pending < VN_POLL_PENDING) {
		qp->stuck = false;
		qp->stuck_since = 0;
		return;
	}
	now = rte_get_tsc_cycles();
	if (qp->stuck_since == 0 || qp->stuck_position != position) {
		qp->stuck = false;
		qp->stuck_since = now;
		qp->stuck_position = position;
	} else if (now - qp->stuck_since >= rte_get_tsc_hz() / (NS_PER_S / RX_STUCK_NS)) {
		/* A pair without others is in nobody's way. */
		qp->stuck = qp->group->n > 1;
	}
}

/* What has waited since before this round. @return frames, or 1 for buffers without a frame. */
static unsigned int
give_old(struct vn_poll_qp *qp)
{
	const uint16_t before = vn_virtq_position(qp->rx);
	const uint16_t waited = qp->n_pending;

	give(qp);
	if (qp->n_pending < waited)
		return waited - qp->n_pending;
	return vn_virtq_position(qp->rx) != before;
}

unsigned int
poll_rx_by_rules(struct vn_poll_qp *qp)
{
	struct rte_mbuf *pkts[VN_POLL_PENDING];
	unsigned int moved = 0;

	if (qp->rx != NULL && unlikely(vn_virtq_broken(qp->rx))) {
		poll_qp_tell_broken(qp, &qp->rx_told);
		poll_rx_drop_pending(qp);
	}
	if (qp->n_pending > 0)
		moved = give_old(qp);
	if (!qp->pq_watched || qp->ops->rx_arm != NULL)
		qp->pq_ready = true;
	look_if_stuck(qp);
	while (qp->pq_ready && qp->pq != NULL && moved < VN_POLL_BURST && !poll_rx_blocked(qp)) {
		const uint16_t room = qp->stuck ? 1 : VN_POLL_PENDING - qp->n_pending;
		const uint16_t n = qp->ops->rx_burst(qp->pq, pkts, room);

		if (n < room)
			qp->pq_ready = false;
		if (n > 0)
			spread(qp, pkts, n);
		look_if_stuck(qp);
		/* Frames that go nowhere are work done, too. */
		moved += n;
	}
	return moved;
}
