/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Network to driver without mbufs: a port puts frames into the receive rings of this poller while
 * another one sends. Rings that got some are published together, at the end of the sender's burst:
 * each store of a used index costs a driver that looks at it a cache miss. The interrupt is the
 * round's, as for all rings.
 */
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "poller_private.h"
#include "vn_virtq_view.h"

/* The pair that gets the frame; NULL: nobody does, and *filtered says whether that is the rules'.
 */
static struct vn_poll_qp *
decide(struct vn_poll_qp *qp, const struct vn_view *view, struct vn_net_hdr_hash *hdr,
	bool *filtered)
{
	struct vn_poll_group *g = qp->group;
	const int to = vn_rx_rules_apply_view(g->rules, view, hdr, qp->number);

	*filtered = to == VN_RX_DROP;
	return to >= 0 && to < g->n ? g->qp[to] : NULL;
}

/* Its ring shows what it got when the burst is over; its interrupt is due in this round. */
static void
mark(struct vn_poller *p, struct vn_poll_qp *qp)
{
	if (qp->sunk)
		return;
	poll_qp_touch(qp);
	qp->sunk = true;
	SLIST_INSERT_HEAD(&p->sunk, qp, next_sunk);
}

/* Frames may be put into the pair's ring now. */
static bool
takes(const struct vn_poller *p, const struct vn_poll_qp *to)
{
	/* A pair of another poller is not ours to touch; what waits is older. */
	if (to->owner != p || to->rx == NULL || to->n_pending > 0 || vn_virtq_broken(to->rx))
		return false;
	/* One sender's burst to drivers with absurd buffers keeps nobody waiting. */
	return p->sunk_work < VN_VIEW_PUT_BUDGET;
}

/* Its ring was put into. @p work: vn_virtq_put_work() before. @return it is sound. */
static bool
was_put(struct vn_poller *p, struct vn_poll_qp *to, uint32_t work)
{
	p->sunk_work += vn_virtq_put_work(to->rx) - work;
	/* Also when buffers without a frame went back. */
	mark(p, to);
	if (likely(!vn_virtq_broken(to->rx)))
		return true;
	poll_qp_tell_broken(to, &to->rx_told);
	return false;
}

/* All are for this pair. */
static uint16_t
put_all(struct vn_poller *p, struct vn_poll_qp *to, const struct vn_view *views, uint16_t n)
{
	uint16_t fit, done;
	uint32_t work;

	if (!takes(p, to))
		return 0;
	for (fit = 0; fit < n && vn_virtq_view_fits(to->rx, &views[fit]) != VN_VIEW_SEGMENT; fit++)
		;
	if (fit == 0)
		return 0;
	work = vn_virtq_put_work(to->rx);
	done = vn_virtq_put_views(to->rx, views, fit);
	(void)was_put(p, to, work);
	return done;
}

/* One, to where the rules say. @return false: it, or any behind it, cannot be put. */
static bool
put_by_rules(struct vn_poller *p, struct vn_poll_qp *qp, const struct vn_view *view)
{
	struct vn_net_hdr_hash hdr = view->hdr;
	bool filtered = false;
	struct vn_poll_qp *to = decide(qp, view, &hdr, &filtered);
	enum vn_put result;
	uint32_t work;

	if (filtered) {
		qp->group->filtered++;
		return true;
	}
	if (to == NULL || !takes(p, to) || vn_virtq_view_fits(to->rx, view) == VN_VIEW_SEGMENT)
		return false;
	work = vn_virtq_put_work(to->rx);
	result = vn_virtq_put_view_as(to->rx, view, &hdr);
	if (!was_put(p, to, work))
		return false;
	if (result == VN_PUT_OK && to != qp)
		qp->group->moved++;
	/* What can never be delivered is done with: the ring has counted it. */
	return result != VN_PUT_FULL;
}

static uint16_t
put(const struct vn_port_sink *sink, const struct vn_view *views, uint16_t n)
{
	struct vn_poll_qp *qp = container_of(sink, struct vn_poll_qp, sink);
	struct vn_poller *p = (struct vn_poller *)(uintptr_t)sink->owner;
	const struct vn_poll_group *g = qp->group;
	uint16_t i;

	if (likely(g == NULL || g->rules == NULL || vn_rx_rules_trivial(g->rules)))
		return put_all(p, qp, views, n);
	for (i = 0; i < n && put_by_rules(p, qp, &views[i]); i++)
		;
	return i;
}

unsigned int
poll_sink_publish(struct vn_poller *p)
{
	unsigned int n = 0;

	p->sunk_work = 0;
	while (!SLIST_EMPTY(&p->sunk)) {
		struct vn_poll_qp *qp = SLIST_FIRST(&p->sunk);

		SLIST_REMOVE_HEAD(&p->sunk, next_sunk);
		qp->sunk = false;
		if (qp->rx != NULL)
			vn_virtq_publish(qp->rx);
		n++;
	}
	return n;
}

void
poll_sink_attach(struct vn_poller *p, struct vn_poll_qp *qp)
{
	qp->sink = (struct vn_port_sink){.owner = p, .put = put};
	if (qp->ops->set_sink != NULL)
		qp->ops->set_sink(qp->pq, &qp->sink);
}

void
poll_sink_detach(struct vn_poll_qp *qp)
{
	if (qp->ops->set_sink != NULL)
		qp->ops->set_sink(qp->pq, NULL);
}
