/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What a poller does with one queue pair.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "poller_private.h"
#include "vn_log.h"
#include "vn_mbuf.h"

void
poll_qp_kicked(struct vn_poll_qp *qp)
{
	struct vn_poll_kicks *k = &qp->kicks;
	const uint16_t tx = qp->tx != NULL ? vn_virtq_offered(qp->tx) : 0;
	const uint16_t rx = qp->rx != NULL ? vn_virtq_offered(qp->rx) : 0;

	k->credit += (uint16_t)(tx - k->tx_seen) + (uint16_t)(rx - k->rx_seen);
	k->credit = RTE_MIN(k->credit, (uint32_t)VN_POLL_KICKS_AHEAD);
	k->tx_seen = tx;
	k->rx_seen = rx;
	if (k->credit > 0)
		k->credit--;
	else
		__atomic_store_n(&k->spurious, k->spurious + 1, __ATOMIC_RELAXED);
}

/* Once: a ring without the device around it does not say what MAC its driver has. */
static __rte_noinline void
learn_mac(struct vn_poll_qp *qp, const struct rte_mbuf *m)
{
	const size_t at = offsetof(struct rte_ether_hdr, src_addr);

	if (rte_pktmbuf_data_len(m) < RTE_ETHER_HDR_LEN)
		return;
	qp->learn_mac = false;
	memcpy(qp->first_mac, rte_pktmbuf_mtod_offset(m, const uint8_t *, at),
		sizeof(qp->first_mac));
	qp->on_mac(qp);
}

/* Driver to network. */
static unsigned int
poll_tx(struct vn_poll_qp *qp)
{
	struct rte_mbuf *pkts[VN_POLL_BURST];
	const uint16_t before = vn_virtq_position(qp->tx);
	uint16_t n;

	if (qp->pq != NULL && qp->ops->tx_views != NULL && likely(!qp->learn_mac)) {
		n = qp->ops->tx_views(qp->pq, qp->tx, VN_POLL_BURST);
		poll_sink_publish((struct vn_poller *)(uintptr_t)qp->sink.owner);
		if (n == 0 && vn_virtq_position(qp->tx) == before)
			return 0;
		vn_virtq_complete(qp->tx);
		vn_virtq_publish(qp->tx);
		return n > 0 ? n : 1;
	}
	n = vn_virtq_dequeue(qp->tx, qp->pool, pkts, VN_POLL_BURST);
	if (n > 0) {
		if (unlikely(qp->learn_mac))
			learn_mac(qp, pkts[0]);
		if (likely(qp->pq != NULL))
			qp->ops->tx_burst(qp->pq, pkts, n);
		else
			vn_mbuf_free_bulk(pkts, n);
	} else if (vn_virtq_position(qp->tx) == before) {
		return 0;
	}
	/* Also chains that were no valid frame go back. */
	vn_virtq_complete(qp->tx);
	vn_virtq_publish(qp->tx);
	return n > 0 ? n : 1;
}

void
poll_qp_tell_broken(struct vn_poll_qp *qp, bool *told)
{
	if (*told)
		return;
	*told = true;
	qp->on_broken(qp);
}

static unsigned int
serve_tx(struct vn_poll_qp *qp)
{
	unsigned int moved;

	if (qp->tx == NULL)
		return 0;
	moved = poll_tx(qp);
	if (unlikely(vn_virtq_broken(qp->tx)))
		poll_qp_tell_broken(qp, &qp->tx_told);
	return moved;
}

static unsigned int
serve_rx(struct vn_poll_qp *qp)
{
	unsigned int moved = 0;

	if (qp->group != NULL && poll_rx_has_rules(qp)) {
		moved += poll_rx_by_rules(qp);
	} else if (qp->rx != NULL) {
		moved += poll_rx(qp);
		if (unlikely(vn_virtq_broken(qp->rx)))
			poll_qp_tell_broken(qp, &qp->rx_told);
	}
	return moved;
}

/* Somebody wants to know how long it takes. */
static unsigned int
measured_round(struct vn_poll_qp *qp)
{
	const uint64_t begin = rte_get_tsc_cycles();
	const unsigned int sent = serve_tx(qp);
	const uint64_t middle = rte_get_tsc_cycles();
	const unsigned int received = serve_rx(qp);

	vn_latency_look(&qp->latency[0], middle, rte_get_tsc_cycles(), received > 0);
	vn_latency_look(&qp->latency[1], begin, middle, sent > 0);
	return sent + received;
}

unsigned int
poll_qp_round(struct vn_poll_qp *qp)
{
	unsigned int moved;

	if (unlikely(qp->latency != NULL))
		return measured_round(qp);
	moved = serve_tx(qp);
	return moved + serve_rx(qp);
}

static uint64_t
interrupt(struct vn_poll_dim *dim, struct vn_virtq *vq)
{
	if (vq == NULL)
		return 0;
	if (unlikely(dim->stats != NULL))
		poll_dim_interrupt(dim, vq);
	else
		vn_virtq_interrupt(vq);
	return vn_virtq_interrupt_due(vq);
}

uint64_t
poll_qp_interrupts(struct vn_poll_qp *qp)
{
	const uint64_t tx = interrupt(&qp->dim[1], qp->tx), rx = interrupt(&qp->dim[0], qp->rx);

	return tx == 0 || (rx != 0 && rx < tx) ? rx : tx;
}

static void
watch_port(struct vn_poller *p, struct vn_poll_qp *qp, bool mute)
{
	struct epoll_event ev = {.events = mute ? 0 : EPOLLIN, .data.u64 = (uintptr_t)qp | EV_PORT};

	if (qp->pq_muted == mute)
		return;
	qp->pq_muted = mute;
	epoll_ctl(p->epfd, EPOLL_CTL_MOD, qp->ops->queue_fd(qp->pq), &ev);
}

void
poll_qp_unwatch(struct vn_poller *p, struct vn_poll_qp *qp)
{
	if (qp->pq_watched)
		epoll_ctl(p->epfd, EPOLL_CTL_DEL, qp->ops->queue_fd(qp->pq), NULL);
	qp->pq_watched = false;
}

/* A port that is asked in every round is to tell from now on. */
static void
arm_port(struct vn_poll_qp *qp)
{
	if (qp->ops->rx_arm == NULL || qp->pq == NULL || !qp->ops->rx_arm(qp->pq, true) ||
		qp->pq_ready)
		return;
	/* It has something now: see poll_qp_has_work(). */
	qp->pq_ready = true;
	if (qp->n_pending == 0)
		qp->rx_avail_seen = 0;
}

/* A port whose frames may be for other pairs is read while there is a place for our own. */
static void
arm_rx_by_rules(struct vn_poller *p, struct vn_poll_qp *qp, uint64_t *timeout_ns)
{
	const bool blocked = poll_rx_blocked(qp);

	if (qp->pq_watched)
		watch_port(p, qp, blocked);
	else if (qp->pq != NULL && !blocked)
		*timeout_ns = RTE_MIN(*timeout_ns, TIMED_SLEEP_NS);
	if (qp->n_pending == 0 || qp->rx == NULL)
		return;
	vn_virtq_arm(qp->rx);
	if (qp->rx_polled || qp->rx_avail_seen > 0)
		*timeout_ns = RTE_MIN(*timeout_ns, TIMED_SLEEP_NS);
	/* They may be in the way of others, but not for ever. */
	if (blocked && qp->group->n > 1)
		*timeout_ns = RTE_MIN(*timeout_ns, RX_STUCK_NS);
}

void
poll_qp_arm(struct vn_poller *p, struct vn_poll_qp *qp, uint64_t *timeout_ns)
{
	__atomic_store_n(&qp->armed, true, __ATOMIC_RELAXED);
	/* Sleep is no time in which work waits. */
	if (unlikely(qp->latency != NULL))
		qp->latency[0].last = qp->latency[1].last = 0;
	arm_port(qp);
	if (qp->tx != NULL && !vn_virtq_broken(qp->tx)) {
		vn_virtq_arm(qp->tx);
		if (qp->tx_polled)
			*timeout_ns = RTE_MIN(*timeout_ns, TIMED_SLEEP_NS);
	}
	if (qp->group != NULL && poll_rx_has_rules(qp)) {
		arm_rx_by_rules(p, qp, timeout_ns);
		return;
	}
	if (qp->rx == NULL || vn_virtq_broken(qp->rx)) {
		/* Nobody takes the port's frames: its descriptor would keep us awake. */
		if (qp->pq_watched)
			watch_port(p, qp, true);
		return;
	}
	if (qp->n_pending == 0 && !qp->pq_ready) {
		/* The next frame wakes us, not the driver. (Muted: the ring was away meanwhile.) */
		if (qp->pq_watched)
			watch_port(p, qp, false);
		if (qp->pq != NULL && !qp->pq_watched)
			*timeout_ns = RTE_MIN(*timeout_ns, TIMED_SLEEP_NS);
		return;
	}
	/* Waiting for receive buffers. */
	if (qp->pq_watched)
		watch_port(p, qp, true);
	vn_virtq_arm(qp->rx);
	/* A driver is asked for a notification of the next chain from our position on; with chains
	 * there already, just too few, it may have passed that point.
	 */
	if (qp->rx_polled || qp->rx_avail_seen > 0)
		*timeout_ns = RTE_MIN(*timeout_ns, TIMED_SLEEP_NS);
}

bool
poll_qp_has_work(struct vn_poll_qp *qp)
{
	if (qp->tx != NULL && vn_virtq_avail_upto(qp->tx, 1) > 0)
		return true;
	/* What was found broken just now has to be told. */
	if (qp->tx != NULL && vn_virtq_broken(qp->tx) && !qp->tx_told)
		return true;
	if (qp->rx != NULL && vn_virtq_broken(qp->rx) && !qp->rx_told)
		return true;
	if (qp->group != NULL && poll_rx_has_rules(qp)) {
		if (!poll_rx_blocked(qp) && qp->pq != NULL && qp->pq_ready)
			return true;
		return qp->rx != NULL && qp->n_pending > 0 &&
		       vn_virtq_avail(qp->rx) != qp->rx_avail_seen;
	}
	if (qp->rx != NULL && (qp->n_pending > 0 || (qp->pq != NULL && qp->pq_ready)))
		return vn_virtq_avail(qp->rx) != qp->rx_avail_seen;
	return false;
}

void
poll_qp_disarm(struct vn_poller *p, struct vn_poll_qp *qp)
{
	__atomic_store_n(&qp->armed, false, __ATOMIC_RELAXED);
	if (qp->ops->rx_arm != NULL && qp->pq != NULL)
		qp->ops->rx_arm(qp->pq, false);
	if (qp->tx != NULL)
		vn_virtq_disarm(qp->tx);
	if (qp->rx != NULL)
		vn_virtq_disarm(qp->rx);
	/* Also without a ring: one may come, or another pair's, before we sleep the next time. */
	if (qp->pq_watched)
		watch_port(p, qp, false);
}

static void
link_qp(struct vn_poller *p, struct vn_poll_qp *qp)
{
	const bool want = qp->rx != NULL || qp->tx != NULL || qp->pq != NULL;

	if (want && !qp->linked)
		poll_link(p, qp);
	else if (!want && qp->linked)
		poll_unlink(qp);
}

void
vn_poll_qp_attach_ring(
	struct vn_poller *p, struct vn_poll_qp *qp, bool is_rx, struct vn_virtq *vq, int kick_fd)
{
	/* Edge triggered: the counter is never read, a write is all that counts. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = (uintptr_t)qp | EV_KICK};
	const bool watched = kick_fd >= 0 && epoll_ctl(p->epfd, EPOLL_CTL_ADD, kick_fd, &ev) == 0;
	const bool polled = !watched && kick_fd != VN_KICK_WAKE;

	vn_poll_qp_touch(p, qp);
	vn_virtq_own(vq, true);
	if (is_rx) {
		qp->rx = vq;
		qp->rx_kick = watched ? kick_fd : -1;
		qp->rx_polled = polled;
		qp->rx_told = false;
		qp->pq_ready = true; /* look */
	} else {
		qp->tx = vq;
		qp->tx_kick = watched ? kick_fd : -1;
		qp->tx_polled = polled;
		qp->tx_told = false;
	}
	link_qp(p, qp);
	vn_virtq_disarm(vq);
	/* Whoever served the ring before us may have died between used index and interrupt. */
	vn_virtq_interrupt_always(vq);
}

struct vn_virtq *
vn_poll_qp_detach_ring(struct vn_poller *p, struct vn_poll_qp *qp, bool is_rx)
{
	struct vn_virtq *vq = is_rx ? qp->rx : qp->tx;
	const int kick_fd = is_rx ? qp->rx_kick : qp->tx_kick;

	vn_poll_qp_touch(p, qp);
	if (vq == NULL)
		return NULL;
	if (kick_fd >= 0)
		epoll_ctl(p->epfd, EPOLL_CTL_DEL, kick_fd, NULL);
	if (is_rx) {
		poll_rx_drop_pending(qp);
		qp->rx = NULL;
	} else {
		qp->tx = NULL;
	}
	qp->dim[is_rx ? 0 : 1].stats = NULL;
	/* Between rounds nothing is unpublished; an interrupt may be due, or wait for more. */
	vn_virtq_publish(vq);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	vn_virtq_interrupt_now(vq);
	vn_virtq_own(vq, false);
	link_qp(p, qp);
	return vq;
}

void
poll_qp_watch(struct vn_poller *p, struct vn_poll_qp *qp)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = (uintptr_t)qp | EV_PORT};
	const int fd = qp->ops->queue_fd(qp->pq);

	qp->pq_ready = true;
	qp->pq_muted = false;
	qp->pq_watched = fd >= 0 && epoll_ctl(p->epfd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

void
vn_poll_qp_attach_port(struct vn_poller *p, struct vn_poll_qp *qp, struct vn_port_queue *pq)
{
	vn_poll_qp_touch(p, qp);
	qp->pq = pq;
	poll_qp_watch(p, qp);
	poll_sink_attach(p, qp);
	link_qp(p, qp);
}

struct vn_port_queue *
vn_poll_qp_detach_port(struct vn_poller *p, struct vn_poll_qp *qp)
{
	struct vn_port_queue *pq = qp->pq;

	vn_poll_qp_touch(p, qp);
	if (pq == NULL)
		return NULL;
	poll_qp_unwatch(p, qp);
	poll_sink_detach(qp);
	/* Once the driver knows that the pair is out of use, it may get nothing (5.1.6.5.5). */
	poll_rx_drop_pending(qp);
	qp->pq = NULL;
	qp->pq_ready = false;
	link_qp(p, qp);
	return pq;
}
