/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The port queue of a queue pair: open while one of the pair's rings is in use.
 */
#include "device_private.h"
#include "vn_log.h"

static void
broken_told(struct vn_poller_cmd *cmd)
{
	struct dev_pair *pair = RTE_PTR_SUB(cmd, offsetof(struct dev_pair, broken));
	struct vn_device *dev = pair->dev;

	/* First: a ring that breaks from now on is told anew; one that broke before is seen here.
	 */
	(void)__atomic_exchange_n(&pair->telling, false, __ATOMIC_SEQ_CST);
	for (unsigned int i = 2u * pair->idx; i < 2u * pair->idx + 2; i++) {
		struct vn_virtq *vq = dev->priv->ring[i].vq;

		if (vq != NULL && vn_virtq_broken(vq))
			dev_mark_broken(dev, vn_virtq_broken_why(vq));
	}
}

/* Poller. */
static void
on_broken(struct vn_poll_qp *qp)
{
	struct dev_pair *pair = qp->ctx;

	/* One command for both rings: it must not be queued twice. */
	if (__atomic_exchange_n(&pair->telling, true, __ATOMIC_SEQ_CST))
		return;
	vn_poller_tell(pair->dev->priv->poller, &pair->broken);
}

void
dev_pair_init(struct vn_device *dev, uint16_t idx)
{
	struct dev_pair *pair = &dev->priv->pair[idx];

	pair->dev = dev;
	pair->idx = idx;
	pair->qp.ops = dev->env.port_ops;
	pair->qp.pool = dev->env.pool;
	pair->qp.on_broken = on_broken;
	pair->qp.ctx = pair;
	pair->broken.done = broken_told;
}

void
dev_pairs_touch(struct vn_poller *poller, struct vn_device *dev)
{
	for (unsigned int i = 0; i < dev_pairs(dev); i++) {
		vn_poll_qp_touch(poller, &dev->priv->pair[i].qp);
		/* That was the whole group. */
		if (dev->priv->pair[i].qp.group != NULL)
			break;
	}
}

/* Of a whole function, only the pairs that its driver asked for have the network. */
static bool
in_use(const struct dev_pair *pair)
{
	return pair->dev->priv->model == NULL || pair->idx < dev_model_pairs(pair->dev);
}

static bool
wanted(const struct dev_pair *pair)
{
	if (!in_use(pair) || dev_restart_holds(pair->dev))
		return false;
	return pair->dev->vq[2 * pair->idx].state != VN_VQ_STOPPED ||
	       pair->dev->vq[2 * pair->idx + 1].state != VN_VQ_STOPPED;
}

bool
dev_pair_ready(const struct dev_pair *pair)
{
	if (dev_restart_holds(pair->dev))
		return false;
	return pair->state == PAIR_OPEN ||
	       (pair->state == PAIR_CLOSED && (pair->failed || !in_use(pair)));
}

bool
dev_pair_settled(const struct dev_pair *pair)
{
	if (pair->busy)
		return false;
	return pair->state == (wanted(pair) && !pair->failed ? PAIR_OPEN : PAIR_CLOSED);
}

static struct dev_pair *
cmd_pair(struct vn_poller_cmd *cmd)
{
	return RTE_PTR_SUB(cmd, offsetof(struct dev_pair, cmd));
}

static void
exec_attach(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_pair *pair = cmd_pair(cmd);

	vn_poll_qp_attach_port(poller, &pair->qp, pair->pq);
}

static void
exec_detach(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	vn_poll_qp_detach_port(poller, &cmd_pair(cmd)->qp);
}

static void
attached(struct vn_poller_cmd *cmd)
{
	struct dev_pair *pair = cmd_pair(cmd);

	pair->busy = pair->late = false;
	dev_pair_advance(pair);
	dev_settle(pair->dev);
}

static void
detached(struct vn_poller_cmd *cmd)
{
	struct dev_pair *pair = cmd_pair(cmd);

	pair->busy = pair->late = false;
	pair->state = PAIR_CLOSING;
	dev_port_queue_close(pair);
}

/* What it holds up is told; the queue comes back when the poller does. */
static void
late(struct vn_poller_cmd *cmd)
{
	struct dev_pair *pair = cmd_pair(cmd);

	pair->late = true;
	dev_settle(pair->dev);
}

static void
send(struct dev_pair *pair, bool attach)
{
	pair->cmd = (struct vn_poller_cmd){
		.exec = attach ? exec_attach : exec_detach,
		.done = attach ? attached : detached,
		.late = late,
	};
	pair->busy = true;
	dev_call(pair->dev, &pair->cmd);
}

static void
advance_rings(struct dev_pair *pair)
{
	dev_ring_advance(&pair->dev->priv->ring[2 * pair->idx]);
	dev_ring_advance(&pair->dev->priv->ring[2 * pair->idx + 1]);
}

/*
 * Called when a ring of the pair changed its state, when the port did, and at the end of each step
 * of the pair itself.
 */
void
dev_pair_advance(struct dev_pair *pair)
{
	struct vn_device_priv *priv = pair->dev->priv;

	if (pair->busy)
		return;
	switch (pair->state) {
	case PAIR_CLOSED:
		if (!wanted(pair)) {
			pair->failed = false;
			/* A pair that is not in use runs without. */
			advance_rings(pair);
			break;
		}
		if (pair->failed || priv->port_state == PORT_OPENING)
			break;
		if (priv->port_state != PORT_OPEN) {
			pair->failed = true;
			advance_rings(pair);
			break;
		}
		pair->state = PAIR_OPENING;
		dev_port_queue_open(pair);
		break;
	case PAIR_OPENING:
		/* dev_port_queue_open() has ended: pq says how. */
		if (pair->pq == NULL) {
			pair->state = PAIR_CLOSED;
			/* The next start tries again. */
			pair->failed = wanted(pair);
		} else {
			pair->state = PAIR_OPEN;
			/* Before the rings' attach commands, which follow in order. */
			send(pair, true);
		}
		advance_rings(pair);
		break;
	case PAIR_OPEN:
		if (!wanted(pair)) {
			pair->state = PAIR_DETACHING;
			send(pair, false);
		}
		break;
	case PAIR_CLOSING:
		pair->state = PAIR_CLOSED;
		dev_pair_advance(pair);
		break;
	case PAIR_DETACHING:
		break;
	}
}
