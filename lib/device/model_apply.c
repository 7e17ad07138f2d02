/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * How what the driver has set comes into force: receive rules, coalescing and offloads go to the
 * poller by one command at a time, with a snapshot of all that has changed; pairs that come into
 * use, or go out of it, get or lose their port queues.
 */
#include <errno.h>
#include <string.h>

#include "model_private.h"

static void send(struct vn_model *m);

static void
set_ring(const struct vn_model *m, struct vn_poll_qp *qp, struct vn_virtq *vq, unsigned int i)
{
	const struct model_apply *a = &m->apply;
	const struct model_coal *c = &a->coal[i];
	const struct vn_poll_coal coal = {
		.usecs = c->usecs,
		.packets = c->packets,
		.restart = c->restart,
		.dim = c->dim ? &m->dev->vq[i].stats : NULL,
	};

	if (vq == NULL)
		return;
	if (a->coal_changed)
		vn_poll_qp_set_coal(qp, i % 2 == 0, &coal);
	if (a->offloads_changed)
		vn_virtq_set_offloads(vq, a->features);
}

static void
exec(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct model_apply *a = RTE_PTR_SUB(cmd, offsetof(struct model_apply, cmd));
	struct vn_model *m = RTE_PTR_SUB(a, offsetof(struct vn_model, apply));
	struct vn_rx_rules *old;

	dev_pairs_touch(poller, m->dev);
	if (a->rules != NULL) {
		old = (struct vn_rx_rules *)(uintptr_t)m->group.rules;
		m->group.rules = a->rules;
		a->rules = old;
	}
	for (unsigned int i = 0; i < m->group.n; i++) {
		struct vn_poll_qp *qp = m->group.qp[i];

		set_ring(m, qp, qp->rx, 2 * i);
		set_ring(m, qp, qp->tx, 2 * i + 1);
	}
}

static void
done(struct vn_poller_cmd *cmd)
{
	struct model_apply *a = RTE_PTR_SUB(cmd, offsetof(struct model_apply, cmd));
	struct vn_model *m = RTE_PTR_SUB(a, offsetof(struct vn_model, apply));
	struct vn_device *dev = m->dev;

	/* Now it is the one that was taken away. */
	vn_rx_rules_free(a->rules);
	a->rules = NULL;
	a->busy = false;
	dev->priv->ops--;
	if (a->again)
		send(m);
	dev_settle(dev);
}

static void
late(struct vn_poller_cmd *cmd)
{
	struct model_apply *a = RTE_PTR_SUB(cmd, offsetof(struct model_apply, cmd));
	struct vn_model *m = RTE_PTR_SUB(a, offsetof(struct vn_model, apply));

	m->dev->missed_deadlines++;
}

static void
send(struct vn_model *m)
{
	struct model_apply *a = &m->apply;

	a->again = a->busy;
	if (a->busy)
		return;
	a->coal_changed = a->coal_due;
	a->offloads_changed = a->offloads_due;
	a->rules = a->rules_due;
	a->coal_due = a->offloads_due = false;
	a->rules_due = NULL;
	a->features = dev_features_in_force(m->dev);
	for (unsigned int i = 0; i < m->dev->num_vqs; i++) {
		a->coal[i] = m->queue[i].coal;
		a->coal[i].dim = dev_ring_dim(&m->dev->priv->ring[i]);
	}
	a->cmd = (struct vn_poller_cmd){.exec = exec, .done = done, .late = late};
	a->busy = true;
	m->dev->priv->ops++;
	dev_call(m->dev, &a->cmd);
}

/* Rings that no poller has yet. */
static void
set_own_rings(struct vn_model *m)
{
	const struct model_apply *due = &m->apply;

	for (unsigned int i = 0; i < m->dev->num_vqs - 1u; i++) {
		struct dev_ring *ring = &m->dev->priv->ring[i];

		if (ring->vq == NULL || ring->sent)
			continue;
		if (due->coal_due) {
			vn_virtq_set_coal(
				ring->vq, m->queue[i].coal.usecs, m->queue[i].coal.packets);
			vn_virtq_set_coal_restart(ring->vq, m->queue[i].coal.restart);
		}
		if (due->offloads_due)
			vn_virtq_set_offloads(ring->vq, dev_features_in_force(m->dev));
	}
}

int
model_rx_set(struct vn_model *m, const struct vn_rx_state *rx)
{
	struct vn_rx_rules *rules = vn_rx_rules_create(rx);
	const uint16_t pairs = m->rx.queue_pairs;

	if (rules == NULL)
		return -ENOMEM;
	m->rx = *rx;
	vn_rx_rules_free(m->apply.rules_due);
	m->apply.rules_due = rules;
	send(m);
	if (rx->queue_pairs != pairs) {
		for (unsigned int i = 0; i < m->group.n; i++)
			dev_pair_advance(&m->dev->priv->pair[i]);
		dev_ring_count(m->dev);
	}
	return 0;
}

void
model_rx_modes(const struct vn_model *m, struct vn_rx_state *rx)
{
	const uint32_t forced = m->dev->conf.rx_mode;

	if (forced != 0) {
		rx->promisc = (forced & VN_RX_MODE_PROMISC) != 0;
		rx->allmulti = (forced & VN_RX_MODE_ALLMULTI) != 0;
		rx->alluni = (forced & VN_RX_MODE_ALLUNI) != 0;
		rx->nomulti = (forced & VN_RX_MODE_NOMULTI) != 0;
		rx->nouni = (forced & VN_RX_MODE_NOUNI) != 0;
		rx->nobcast = (forced & VN_RX_MODE_NOBCAST) != 0;
		return;
	}
	rx->promisc = m->mode[VN_NET_CTRL_RX_PROMISC];
	/* A table that has no room for all receives all of its kind. */
	rx->allmulti = m->mode[VN_NET_CTRL_RX_ALLMULTI] || m->multi_overflow;
	rx->alluni = m->mode[VN_NET_CTRL_RX_ALLUNI] || m->uni_overflow;
	rx->nomulti = m->mode[VN_NET_CTRL_RX_NOMULTI];
	rx->nouni = m->mode[VN_NET_CTRL_RX_NOUNI];
	rx->nobcast = m->mode[VN_NET_CTRL_RX_NOBCAST];
}

void
model_apply_coal(struct vn_model *m)
{
	m->apply.coal_due = true;
	set_own_rings(m);
	send(m);
}

void
model_apply_offloads(struct vn_model *m)
{
	m->apply.offloads_due = true;
	set_own_rings(m);
	send(m);
	dev_port_set_features(m->dev);
}

bool
model_settled(const struct vn_model *m)
{
	const struct vn_device_priv *priv = m->dev->priv;

	if (m->apply.busy || priv->features_busy)
		return false;
	for (unsigned int i = 0; i < m->group.n; i++) {
		if (!dev_pair_settled(&priv->pair[i]))
			return false;
	}
	return true;
}
