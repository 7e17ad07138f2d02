/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Interrupt moderation by load (vn_dim.h), as far as it concerns rings.
 */
#include <rte_cycles.h>

#include "poller_private.h"

static struct vn_dim_sample
sample(const struct vn_virtq_stats *s)
{
	return (struct vn_dim_sample){
		.now = rte_get_tsc_cycles(),
		.packets = s->packets,
		.bytes = s->total_bytes,
		.interrupts = s->interrupts,
	};
}

void
poll_dim_interrupt(struct vn_poll_dim *d, struct vn_virtq *vq)
{
	const struct vn_dim_profile *p;
	struct vn_dim_sample s;
	unsigned int verdict;

	if (d->stats->packets == d->dim.packets) {
		vn_virtq_interrupt(vq);
		return;
	}
	s = sample(d->stats);
	verdict = vn_dim_look(&d->dim, &s);
	if (verdict & VN_DIM_SET) {
		p = vn_dim_profile(d->dim.level);
		vn_virtq_set_coal(vq, p->usecs, p->packets);
	}
	if (verdict & VN_DIM_NOW)
		vn_virtq_interrupt_now(vq);
	else
		vn_virtq_interrupt(vq);
}

void
vn_poll_qp_set_coal(struct vn_poll_qp *qp, bool is_rx, const struct vn_poll_coal *coal)
{
	struct vn_virtq *vq = is_rx ? qp->rx : qp->tx;
	struct vn_poll_dim *d = &qp->dim[is_rx ? 0 : 1];
	struct vn_dim_sample s;

	if (vq == NULL || (coal->dim != NULL && coal->dim == d->stats))
		return;
	__atomic_store_n(&d->stats, coal->dim, __ATOMIC_RELAXED);
	if (coal->dim == NULL) {
		vn_virtq_set_coal(vq, coal->usecs, coal->packets);
		vn_virtq_set_coal_restart(vq, coal->restart);
		return;
	}
	s = sample(coal->dim);
	vn_dim_init(&d->dim, rte_get_tsc_hz(), &s);
	vn_virtq_set_coal(vq, 0, 0);
	vn_virtq_set_coal_restart(vq, false);
}
