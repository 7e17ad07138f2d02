/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The life of a ring: STOPPED -> STARTING (its pair's port queue opens, the attach command is
 * executed) -> RUNNING -> STOPPING (the detach command is executed) -> STOPPED.
 */
#include <errno.h>
#include <unistd.h>

#include "device_private.h"
#include "vn_blackbox.h"
#include "vn_features.h"
#include "vn_log.h"

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static struct dev_ring *
cmd_ring(struct vn_poller_cmd *cmd)
{
	return RTE_PTR_SUB(cmd, offsetof(struct dev_ring, cmd));
}

static bool
is_rx(const struct dev_ring *ring)
{
	return ring->idx % 2 == 0;
}

void
dev_ring_init(struct vn_device *dev, uint16_t idx)
{
	struct dev_ring *ring = &dev->priv->ring[idx];

	ring->dev = dev;
	ring->idx = idx;
	dev->vq[idx].msix_vector = UINT16_MAX;
	dev->vq[idx].setup.kick_fd = -1;
	dev->vq[idx].setup.call_fd = -1;
}

void
dev_ring_fini(struct dev_ring *ring)
{
	struct vn_device_vq *v = dev_ring_vq(ring);

	/* A ring that never ran may have been given an interrupt descriptor. */
	close_fd(&v->setup.kick_fd);
	close_fd(&v->setup.call_fd);
}

bool
dev_ring_at_rest(const struct dev_ring *ring)
{
	return ring->dev->vq[ring->idx].state == VN_VQ_STOPPED || ring->overdue;
}

static bool
is_ctrl(const struct dev_ring *ring)
{
	return ring->idx == ring->dev->num_vqs - 1;
}

void
dev_ring_count(struct vn_device *dev)
{
	unsigned int pairs = dev_pairs(dev);

	if (dev->priv->model != NULL)
		pairs = RTE_MIN(pairs, dev_model_pairs(dev));
	dev->enabled_queues = 0;
	dev->ctrl_mq = 0;
	for (unsigned int i = 0; i < dev->num_vqs; i++)
		dev->enabled_queues += dev->vq[i].state == VN_VQ_RUNNING;
	for (unsigned int i = 0; i < pairs; i++)
		dev->ctrl_mq += dev->vq[2 * i].state == VN_VQ_RUNNING &&
				dev->vq[2 * i + 1].state == VN_VQ_RUNNING;
}

/* Where it has stopped, for the peer. */
static int
stopped_at(const struct dev_ring *ring)
{
	return ring->lost ? -ESTALE : ring->dev->vq[ring->idx].position;
}

static void
tell_stopped(struct dev_ring *ring)
{
	const vn_device_cb cb = ring->stop_cb;

	ring->stop_cb = NULL;
	if (cb != NULL)
		cb(ring->stop_ctx, stopped_at(ring));
}

/* A ring that is parked has none. */
static void
release_virtq(struct dev_ring *ring)
{
	struct vn_device_vq *v = dev_ring_vq(ring);

	if (ring->vq == NULL)
		return;
	/* One that went astray is elsewhere than the driver knows. */
	if (!ring->astray) {
		v->position = vn_virtq_position(ring->vq);
		v->stopped_there = true;
	}
	vn_virtq_free(ring->vq);
	ring->vq = NULL;
	dev_mem_release(ring->dev, ring->mem);
	ring->mem = NULL;
}

/* Nobody but us has the ring any more. */
static void
ring_stopped(struct dev_ring *ring)
{
	struct vn_device *dev = ring->dev;
	struct vn_device_vq *v = dev_ring_vq(ring);

	release_virtq(ring);
	/* A split ring shows it; so does its peer know. One that went astray is not live any more.
	 */
	if (ring->bb != NULL && dev->priv->peer_lost && dev->priv->model == NULL &&
		dev_packed(dev) && !ring->astray)
		vn_bb_ring_leave(ring->bb, v->setup.told);
	else if (ring->bb != NULL)
		vn_bb_ring_stop(ring->bb);
	ring->bb = NULL;
	close_fd(&v->setup.kick_fd);
	close_fd(&v->setup.call_fd);
	v->state = VN_VQ_STOPPED;
	dev_call_forget(ring);
	ring->sent = false;
	ring->stop_wanted = false;
	ring->overdue = false;
	ring->late = false;
	ring->parked = false;
	dev_ring_count(dev);
	if (!is_ctrl(ring))
		dev_pair_advance(dev_ring_pair(ring));
	tell_stopped(ring);
	dev_settle(dev);
}

static void
exec_attach(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_ring *ring = cmd_ring(cmd);
	const struct vn_poll_coal by_load = {.dim = &dev_ring_vq(ring)->stats};
	struct vn_poll_qp *qp = &dev_ring_pair(ring)->qp;

	vn_poll_qp_attach_ring(poller, qp, is_rx(ring), ring->vq, dev_ring_vq(ring)->setup.kick_fd);
	if (ring->dim)
		vn_poll_qp_set_coal(qp, is_rx(ring), &by_load);
}

static void
exec_detach(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_ring *ring = cmd_ring(cmd);

	vn_poll_qp_detach_ring(poller, &dev_ring_pair(ring)->qp, is_rx(ring));
}

static void
attached(struct vn_poller_cmd *cmd)
{
	struct dev_ring *ring = cmd_ring(cmd);

	ring->cmd_busy = false;
	ring->late = false;
	dev_ring_vq(ring)->state = VN_VQ_RUNNING;
	dev_ring_count(ring->dev);
	VN_DBG("%s: ring %u runs", ring->dev->conf.vuid, ring->idx);
	dev_ring_advance(ring);
	dev_settle(ring->dev);
}

/*
 * Restart: the ring stays, with its descriptors and its black box record, and nothing else. Should
 * the process die now, the record says where it was.
 */
static void
park(struct dev_ring *ring)
{
	struct vn_device *dev = ring->dev;

	release_virtq(ring);
	ring->parked = true;
	ring->sent = false;
	ring->late = false;
	dev_call_forget(ring);
	dev_ring_vq(ring)->state = VN_VQ_STARTING;
	dev_ring_count(dev);
	dev_pair_advance(dev_ring_pair(ring));
	/* Nobody may want it to be held any more. */
	dev_ring_advance(ring);
	dev_settle(dev);
}

static void
detached(struct vn_poller_cmd *cmd)
{
	struct dev_ring *ring = cmd_ring(cmd);

	ring->cmd_busy = false;
	/* One whose deadline passed has been given up already. */
	if (!ring->stop_wanted && !ring->overdue)
		park(ring);
	else
		ring_stopped(ring);
}

/*
 * The poller does not let go. The peer gets its memory back all the same: our mapping of it is
 * covered, so the poller can do no harm with what it still has. The ring stays STOPPING until the
 * poller comes back.
 */
static void
take_back(struct dev_ring *ring)
{
	struct vn_device *dev = ring->dev;

	dev_mem_revoke(dev, ring->mem);
	dev_mark_broken(dev, "poller-late");
	ring->overdue = true;
	tell_stopped(ring);
	dev_settle(dev);
}

static void
detach_late(struct vn_poller_cmd *cmd)
{
	struct dev_ring *ring = cmd_ring(cmd);

	ring->dev->missed_deadlines++;
	if (ring->stop_wanted) {
		take_back(ring);
		return;
	}
	/* Restart: nobody wants the memory back. Should somebody, see dev_ring_stop(). */
	ring->late = true;
	dev_settle(ring->dev);
}

/* No harm as long as nobody wants to stop the ring: it starts when the poller comes back. */
static void
attach_late(struct vn_poller_cmd *cmd)
{
	struct dev_ring *ring = cmd_ring(cmd);

	ring->dev->missed_deadlines++;
	ring->late = true;
	if (ring->stop_wanted)
		take_back(ring);
	else
		dev_settle(ring->dev);
}

bool
dev_ring_dim(const struct dev_ring *ring)
{
	const struct vn_device *dev = ring->dev;
	const struct vn_device_conf *c = &dev->conf;

	if (is_ctrl(ring) || !c->dim)
		return false;
	if (dev->priv->model != NULL)
		return dev_model_dim(dev, ring->idx);
	/* The operator's own wait is for receive queues. */
	return !is_rx(ring) || c->coal_usecs == 0 || c->coal_packets == 0;
}

static void
send(struct dev_ring *ring, bool attach)
{
	if (attach)
		ring->dim = dev_ring_dim(ring);
	ring->cmd = (struct vn_poller_cmd){
		.exec = attach ? exec_attach : exec_detach,
		.done = attach ? attached : detached,
		.late = attach ? attach_late : detach_late,
	};
	ring->cmd_busy = true;
	ring->sent = true;
	dev_call(ring->dev, &ring->cmd);
}

static int make_virtq(struct dev_ring *ring, const struct vn_vq_setup *setup, int position);

/* The engine of a parked ring, from guest memory. @return false: it cannot be; the ring stops. */
static bool
unpark(struct dev_ring *ring)
{
	struct vn_device *dev = ring->dev;
	struct vn_device_vq *v = dev_ring_vq(ring);
	const struct vn_vq_setup setup = v->setup;
	int rc = -EFAULT;

	ring->parked = false;
	if (dev->priv->mem != NULL && !vn_guestmem_broken(dev->priv->mem))
		rc = ring->lost ? -ESTALE : make_virtq(ring, &setup, v->position);
	if (rc == 0)
		return true;
	dev_mark_broken(dev, rc == -ENOMEM   ? "out-of-memory"
			     : rc == -ESTALE ? VN_VQ_WHY_LOST
					     : "memory-lost");
	ring_stopped(ring);
	return false;
}

void
dev_ring_advance(struct dev_ring *ring)
{
	struct vn_device_vq *v = dev_ring_vq(ring);

	if (ring->cmd_busy)
		return;
	switch (v->state) {
	case VN_VQ_STARTING:
		if (ring->stop_wanted)
			ring_stopped(ring);
		else if (dev_pair_ready(dev_ring_pair(ring)) && (!ring->parked || unpark(ring)))
			send(ring, true);
		break;
	case VN_VQ_RUNNING:
		if (ring->stop_wanted || dev_restart_holds(ring->dev)) {
			v->state = VN_VQ_STOPPING;
			dev_ring_count(ring->dev);
			send(ring, false);
		}
		break;
	default:
		break;
	}
}

void
dev_ring_stop(struct dev_ring *ring)
{
	if (dev_ring_vq(ring)->state == VN_VQ_STOPPED)
		return;
	if (is_ctrl(ring)) {
		/* Our own: nobody has to let go of it. */
		ring_stopped(ring);
		return;
	}
	ring->stop_wanted = true;
	if (ring->late && !ring->overdue)
		take_back(ring);
	else
		dev_ring_advance(ring);
}

/* @p position: where it is to go on; -1: to be found out. */
static int
make_virtq(struct dev_ring *ring, const struct vn_vq_setup *setup, int position)
{
	struct vn_device *dev = ring->dev;
	struct vn_device_vq *v = dev_ring_vq(ring);
	struct vn_virtq_conf conf = {
		.size = setup->size,
		.is_rx = is_rx(ring) && !is_ctrl(ring),
		.is_ctrl = is_ctrl(ring),
		.log_dirty = dev->priv->log_on,
		.count_sizes = dev->count_sizes,
		.features = dev_features_in_force(dev),
		.desc_gpa = setup->desc_gpa,
		.avail_gpa = setup->avail_gpa,
		.used_gpa = setup->used_gpa,
		.used_log_gpa = setup->used_log_gpa,
		.mem = dev->priv->mem,
		.log = dev->priv->log,
		.call_fd = setup->call_fd,
		.isr = dev_model_isr(dev),
		.stats = &v->stats,
	};
	int rc;

	/* The size is the VMM's choice over vhost-user; conf.max_queue_size is what we would offer.
	 */
	if (dev->env.bb != NULL && ring->bb == NULL)
		ring->bb = vn_blackbox_ring(dev->env.bb, dev->conf.vuid, ring->idx);
	conf.bb = ring->bb;
	if (position < 0)
		position = dev_ring_start_at(ring, setup);
	if (position < 0)
		return position;
	conf.start = (uint16_t)position;
	rc = vn_virtq_create(&conf, &ring->vq);
	if (rc != 0)
		return rc;
	ring->mem = vn_guestmem_ref(dev->priv->mem);
	if (dev->priv->model != NULL) {
		dev_model_ring_made(dev, ring->idx, ring->vq);
	} else if (is_rx(ring)) {
		vn_virtq_set_coal(ring->vq, dev->conf.coal_usecs, dev->conf.coal_packets);
		vn_virtq_set_coal_restart(ring->vq, dev->conf.coal_mode == VN_COAL_CQE);
	}
	if (ring->bb != NULL)
		vn_bb_ring_start(ring->bb, conf.features & VN_F_RING_PACKED, setup->size,
			setup->desc_gpa, setup->used_gpa, conf.start);
	v->setup.start = conf.start;
	ring->astray = ring->lost = false;
	return 0;
}

/* @return 0: the ring is there, and STOPPED still. The fds are the device's, also on failure. */
static int
ring_make(struct vn_device *dev, uint16_t idx, const struct vn_vq_setup *setup)
{
	struct vn_vq_setup mine = *setup;
	struct vn_device_vq *v = &dev->vq[idx];
	struct dev_ring *ring = &dev->priv->ring[idx];
	int rc = -EBUSY;

	if (v->state != VN_VQ_STOPPED || dev->priv->resetting)
		goto fail;
	rc = -EPERM;
	if (vn_now_ns() < dev->priv->ban_until_ns)
		goto fail;
	rc = -EFAULT;
	if (dev->priv->mem == NULL)
		goto fail;
	if (vn_guestmem_broken(dev->priv->mem)) {
		/* Zero pages are in its place: only a new map from the peer helps. */
		dev_mark_broken(dev, "memory-lost");
		goto fail;
	}
	close_fd(&v->setup.kick_fd);
	close_fd(&v->setup.call_fd);
	v->setup = *setup;
	v->setup.kick_fd = v->setup.call_fd = -1;
	rc = make_virtq(ring, setup, -1);
	if (rc != 0) {
		ring->bb = NULL;
		if (rc == -ESTALE)
			dev_mark_broken(dev, VN_VQ_WHY_LOST);
		goto fail;
	}
	v->setup.kick_fd = setup->kick_fd;
	v->setup.call_fd = setup->call_fd;
	return 0;

fail:
	close_fd(&mine.kick_fd);
	close_fd(&mine.call_fd);
	return rc;
}

int
vn_device_vq_start(struct vn_device *dev, uint16_t idx, const struct vn_vq_setup *setup)
{
	struct vn_vq_setup mine = *setup;
	int rc;

	/* The last ring is the control queue, which only the device model has. */
	if (idx >= dev->num_vqs - 1) {
		close_fd(&mine.kick_fd);
		close_fd(&mine.call_fd);
		return -ENXIO;
	}
	rc = ring_make(dev, idx, setup);
	if (rc != 0)
		return rc;
	dev->vq[idx].state = VN_VQ_STARTING;
	if (idx == 1 && dev->priv->model == NULL)
		dev_learn_mac(dev);
	dev_pair_advance(dev_ring_pair(&dev->priv->ring[idx]));
	dev_ring_advance(&dev->priv->ring[idx]);
	return 0;
}

int
dev_ring_start_ctrl(struct vn_device *dev, const struct vn_vq_setup *setup)
{
	const uint16_t idx = dev->num_vqs - 1;
	const int rc = ring_make(dev, idx, setup);

	if (rc != 0)
		return rc;
	dev->vq[idx].state = VN_VQ_RUNNING;
	dev_ring_count(dev);
	/* Whoever served it before us may have died between used index and interrupt. */
	vn_virtq_interrupt_always(dev->priv->ring[idx].vq);
	return 0;
}

void
vn_device_vq_stop(struct vn_device *dev, uint16_t idx, vn_device_cb done, void *ctx)
{
	struct dev_ring *ring;

	if (idx >= dev->num_vqs) {
		done(ctx, -ENXIO);
		return;
	}
	ring = &dev->priv->ring[idx];
	if (dev_ring_at_rest(ring)) {
		done(ctx, stopped_at(ring));
		return;
	}
	if (ring->stop_cb != NULL) {
		done(ctx, -EBUSY);
		return;
	}
	ring->stop_cb = done;
	ring->stop_ctx = ctx;
	dev_ring_stop(ring);
}
