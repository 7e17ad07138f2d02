/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A device moves to another poller, all its pairs at once, while they run: one command takes them
 * from the one, one gives them to the other. Commands that come between are held, so each is
 * executed by the poller that has the pairs, in the order they came in.
 *
 * A poller that does not answer in time keeps the device: whether its command still takes effect is
 * decided by who is first, the poller or we.
 */
#include <errno.h>

#include "device_private.h"
#include "vn_log.h"

enum { PENDING, LEFT, CANCELLED };

static struct dev_move *
cmd_move(struct vn_poller_cmd *cmd)
{
	return RTE_PTR_SUB(cmd, offsetof(struct dev_move, cmd));
}

void
dev_call(struct vn_device *dev, struct vn_poller_cmd *cmd)
{
	struct dev_move *m = &dev->priv->move;

	if (!m->holding) {
		vn_poller_call(dev->priv->poller, cmd);
		return;
	}
	cmd->next = NULL;
	*m->tail = cmd;
	m->tail = &cmd->next;
}

/* To the poller that has the device. */
static void
send_held(struct vn_device *dev)
{
	struct dev_move *m = &dev->priv->move;
	struct vn_poller_cmd *cmd = m->held, *next;

	m->holding = false;
	m->held = NULL;
	for (; cmd != NULL; cmd = next) {
		next = cmd->next;
		vn_poller_call(dev->priv->poller, cmd);
	}
}

static void
exec_join(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct vn_device *dev = cmd_move(cmd)->dev;

	for (unsigned int i = 0; i < dev_pairs(dev); i++)
		vn_poll_qp_join(poller, &dev->priv->pair[i].qp);
}

static void
ended(struct vn_device *dev, int result)
{
	struct dev_move *m = &dev->priv->move;
	const struct dev_waiter w = m->waiter;

	m->busy = false;
	dev->priv->ops--;
	if (w.cb != NULL)
		w.cb(w.ctx, result);
	dev_settle(dev);
}

static void
joined(struct vn_poller_cmd *cmd)
{
	struct vn_device *dev = cmd_move(cmd)->dev;

	dev->moves++;
	ended(dev, 0);
}

static void
missed(struct vn_poller_cmd *cmd)
{
	cmd_move(cmd)->dev->missed_deadlines++;
}

static void
exec_leave(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_move *m = cmd_move(cmd);
	struct vn_device *dev = m->dev;
	int expected = PENDING;

	if (!__atomic_compare_exchange_n(
		    &m->state, &expected, LEFT, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	for (unsigned int i = 0; i < dev_pairs(dev); i++)
		vn_poll_qp_leave(poller, &dev->priv->pair[i].qp);
}

static void
left(struct vn_poller_cmd *cmd)
{
	struct dev_move *m = cmd_move(cmd);
	struct vn_device *dev = m->dev;

	if (m->state == CANCELLED) {
		ended(dev, -ETIMEDOUT);
		return;
	}
	vn_poller_put(dev->priv->poller);
	dev->priv->poller = m->to;
	vn_poller_take(m->to);
	VN_DBG("%s: moves to lcore %u", dev->conf.vuid, vn_poller_lcore(m->to));
	m->cmd = (struct vn_poller_cmd){.exec = exec_join, .done = joined, .late = missed};
	vn_poller_call(m->to, &m->cmd);
	send_held(dev);
}

/* What is held must not wait for a poller that hangs: its deadlines begin when it is sent. */
static void
leave_late(struct vn_poller_cmd *cmd)
{
	struct dev_move *m = cmd_move(cmd);
	int expected = PENDING;

	missed(cmd);
	if (__atomic_compare_exchange_n(
		    &m->state, &expected, CANCELLED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		send_held(m->dev);
}

void
vn_device_move(struct vn_device *dev, struct vn_poller *to, vn_device_cb done, void *ctx)
{
	struct vn_device_priv *priv = dev->priv;
	struct dev_move *m = &priv->move;

	if (m->busy || priv->ending || priv->resetting || priv->restart != RESTART_NONE) {
		done(ctx, -EBUSY);
		return;
	}
	if (to == priv->poller) {
		done(ctx, 0);
		return;
	}
	if (!vn_poller_answers(priv->poller) || !vn_poller_answers(to)) {
		done(ctx, -ETIMEDOUT);
		return;
	}
	*m = (struct dev_move){
		.dev = dev,
		.to = to,
		.busy = true,
		.holding = true,
		.state = PENDING,
		.waiter = {done, ctx},
		.cmd = {.exec = exec_leave, .done = left, .late = leave_late},
	};
	m->tail = &m->held;
	priv->ops++;
	vn_poller_call(priv->poller, &m->cmd);
}

uint64_t
vn_device_load(const struct vn_device *dev)
{
	uint64_t cycles = 0;

	for (unsigned int i = 0; i < dev_pairs(dev); i++)
		cycles += __atomic_load_n(&dev->priv->pair[i].qp.load, __ATOMIC_RELAXED);
	return cycles * VN_POLL_LOAD_EVERY;
}
