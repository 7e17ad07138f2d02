/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A queue pair goes from one poller to another as it stands: with its rings, its port queue, and
 * the frames that wait for receive buffers. What belongs to a poller is left behind: lists, and
 * the descriptors in its epoll set.
 */
#include <sys/epoll.h>

#include <rte_atomic.h>

#include "poller_private.h"

static void
leave_ring(struct vn_poller *p, struct vn_virtq *vq, int kick_fd)
{
	if (vq == NULL)
		return;
	if (kick_fd >= 0)
		epoll_ctl(p->epfd, EPOLL_CTL_DEL, kick_fd, NULL);
	/* Between rounds nothing is unpublished; an interrupt may wait for more. */
	vn_virtq_publish(vq);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	vn_virtq_interrupt_now(vq);
	vn_virtq_own(vq, false);
}

void
vn_poll_qp_leave(struct vn_poller *p, struct vn_poll_qp *qp)
{
	vn_poll_qp_touch(p, qp);
	if (!qp->linked)
		return;
	leave_ring(p, qp->rx, qp->rx_kick);
	leave_ring(p, qp->tx, qp->tx_kick);
	if (qp->pq != NULL) {
		poll_qp_unwatch(p, qp);
		poll_sink_detach(qp);
	}
	poll_unlink(qp);
}

/* @return false: nobody tells of the driver's notifications. */
static bool
join_ring(struct vn_poller *p, struct vn_poll_qp *qp, struct vn_virtq *vq, int kick_fd)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = (uintptr_t)qp | EV_KICK};

	vn_virtq_own(vq, true);
	return kick_fd < 0 || epoll_ctl(p->epfd, EPOLL_CTL_ADD, kick_fd, &ev) == 0;
}

void
vn_poll_qp_join(struct vn_poller *p, struct vn_poll_qp *qp)
{
	vn_poll_qp_touch(p, qp);
	if (qp->rx != NULL && !join_ring(p, qp, qp->rx, qp->rx_kick)) {
		qp->rx_kick = -1;
		qp->rx_polled = true;
	}
	if (qp->tx != NULL && !join_ring(p, qp, qp->tx, qp->tx_kick)) {
		qp->tx_kick = -1;
		qp->tx_polled = true;
	}
	if (qp->pq != NULL) {
		poll_qp_watch(p, qp);
		poll_sink_attach(p, qp);
	}
	/* It is looked at in the next round: what was notified of between the two is seen then. */
	if (qp->rx != NULL || qp->tx != NULL || qp->pq != NULL)
		poll_link(p, qp);
}
