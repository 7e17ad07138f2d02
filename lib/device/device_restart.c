/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Fast restart of one device: PARKING (rings and port queues come back from the poller), REOPENING
 * (the port is closed and opened, by one job), RESUMING (rings are made anew, and go back).
 *
 * A parked ring is STARTING: it waits for its pair's port queue, like any ring at its start. So all
 * that can happen to a device meanwhile (reset, stop, another memory map, its end) is what can
 * happen to a ring that starts.
 */
#include <errno.h>
#include <string.h>

#include "device_private.h"
#include "vn_log.h"

static void
restart_ended(struct vn_device *dev, int result)
{
	const struct dev_waiter w = dev->priv->restart_waiter;

	dev->priv->restart = RESTART_NONE;
	vn_device_check_health(dev);
	w.cb(w.ctx, result);
}

static void
advance_all(struct vn_device *dev)
{
	for (unsigned int i = 0; i < dev->num_vqs - 1u; i++)
		dev_ring_advance(&dev->priv->ring[i]);
	/* Behind the rings' commands, which are executed in order. */
	for (unsigned int i = 0; i < dev_pairs(dev); i++)
		dev_pair_advance(&dev->priv->pair[i]);
}

/* The poller does not answer. */
static bool
poller_late(const struct vn_device *dev)
{
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (dev->priv->ring[i].overdue || dev->priv->ring[i].late)
			return true;
	}
	for (unsigned int i = 0; i < dev_pairs(dev); i++) {
		if (dev->priv->pair[i].late)
			return true;
	}
	return false;
}

/* Nothing of the device is with the poller, or on its way from or to it. */
static bool
all_parked(const struct vn_device *dev)
{
	for (unsigned int i = 0; i < dev->num_vqs - 1u; i++) {
		const struct dev_ring *ring = &dev->priv->ring[i];

		if (ring->sent || ring->cmd_busy)
			return false;
	}
	for (unsigned int i = 0; i < dev_pairs(dev); i++) {
		if (dev->priv->pair[i].state != PAIR_CLOSED || dev->priv->pair[i].busy)
			return false;
	}
	return true;
}

/* All that is to run runs. */
static bool
all_resumed(const struct vn_device *dev)
{
	for (unsigned int i = 0; i < dev->num_vqs - 1u; i++) {
		if (dev->vq[i].state == VN_VQ_STARTING)
			return false;
	}
	for (unsigned int i = 0; i < dev_pairs(dev); i++) {
		if (!dev_pair_settled(&dev->priv->pair[i]))
			return false;
	}
	return true;
}

static void
give_up(struct vn_device *dev)
{
	VN_ERR("%s: not restarted: its poller does not answer", dev->conf.vuid);
	dev->priv->restart = RESTART_NONE;
	advance_all(dev);
	restart_ended(dev, -ETIMEDOUT);
}

bool
dev_restart_resumed(const struct vn_device *dev)
{
	return dev->priv->port_state == PORT_OPEN && !dev_restart_holds(dev) && all_resumed(dev);
}

void
dev_restart_progress(struct vn_device *dev)
{
	struct vn_device_priv *priv = dev->priv;

	if (priv->restart == RESTART_PARKING) {
		if (priv->ending)
			restart_ended(dev, -ECANCELED);
		else if (poller_late(dev))
			give_up(dev);
		else if (all_parked(dev)) {
			priv->restart = RESTART_REOPENING;
			if (dev_port_open(dev) != 0) {
				dev_restart_opened(dev);
				dev_restart_progress(dev);
			}
		}
	} else if (priv->restart == RESTART_RESUMING) {
		if (priv->ending)
			restart_ended(dev, -ECANCELED);
		else if (poller_late(dev))
			restart_ended(dev, -ETIMEDOUT);
		else if (all_resumed(dev))
			restart_ended(dev, 0);
	}
}

/*
 * Where a ring is, nobody knows better on another port. The model tries its rings again; those of a
 * peer that has only rings stay as they are until its driver begins anew.
 */
static bool
stays_broken(const struct vn_device *dev)
{
	return dev->priv->model == NULL && dev->broken_why != NULL &&
	       strcmp(dev->broken_why, VN_VQ_WHY_LOST) == 0;
}

void
dev_restart_opened(struct vn_device *dev)
{
	struct vn_device_priv *priv = dev->priv;

	if (priv->restart != RESTART_REOPENING)
		return;
	/* What had broken breaks again if it is still wrong. */
	if (dev->broken && !priv->resetting && !stays_broken(dev)) {
		dev->broken = false;
		dev->broken_why = NULL;
		dev->status &= ~VN_STATUS_NEEDS_RESET;
		priv->ban_until_ns = 0;
		VN_INFO("%s: restart: no longer broken", dev->conf.vuid);
	}
	priv->restart = RESTART_RESUMING;
	advance_all(dev);
	if (priv->model != NULL)
		dev_model_restart(dev);
}

void
vn_device_restart(struct vn_device *dev, vn_device_cb done, void *ctx)
{
	struct vn_device_priv *priv = dev->priv;

	if (priv->ending || priv->restart != RESTART_NONE || priv->port_state == PORT_OPENING ||
		priv->port_state == PORT_CLOSED) {
		done(ctx, -EBUSY);
		return;
	}
	if (poller_late(dev) || !vn_poller_answers(priv->poller)) {
		done(ctx, -ETIMEDOUT);
		return;
	}
	priv->restart_waiter = (struct dev_waiter){done, ctx};
	priv->restart = RESTART_PARKING;
	advance_all(dev);
	dev_settle(dev);
}
