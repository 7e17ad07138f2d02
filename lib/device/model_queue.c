/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Virtqueue registers (virtio 1.2, 4.1.4.3), and how they make rings run and stop.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "model_private.h"
#include "vn_log.h"
#include "vn_vring.h"

static uint16_t
max_size(const struct vn_device *dev)
{
	const uint32_t size = rte_align32prevpow2(RTE_MAX(dev->conf.max_queue_size, 1));

	return RTE_MIN(size, (uint32_t)VN_VQ_MAX_SIZE);
}

void
model_queue_defaults(struct vn_model *m, uint16_t i)
{
	struct vn_device_vq *v = &m->dev->vq[i];
	struct model_queue *queue = &m->queue[i];

	queue->regs = (struct vn_vq_regs){
		.size = max_size(m->dev),
		.max_size = max_size(m->dev),
		.vector = VN_MSI_NO_VECTOR,
	};
	/* What a queue has of its own ends with it; what was set for all stays (5.1.6.5.9.4). */
	queue->kick_seen = 0;
	queue->kick_credit = 0;
	queue->coal = i == model_ctrl_index(m) ? (struct model_coal){0}
		      : i % 2 == 0             ? m->coal[VN_NET_CTRL_NOTF_COAL_RX_SET]
					       : m->coal[VN_NET_CTRL_NOTF_COAL_TX_SET];
	v->msix_vector = VN_MSI_NO_VECTOR;
	v->stopped_there = false;
	if (v->state == VN_VQ_STOPPED) {
		v->setup.desc_gpa = v->setup.avail_gpa = v->setup.used_gpa = 0;
		v->setup.used_log_gpa = 0;
		v->setup.size = 0;
	}
}

/*
 * A driver that negotiated neither MQ nor RSS has one pair, and the control queue comes right
 * behind it (5.1.2).
 */
static uint16_t
driver_pairs(const struct vn_model *m)
{
	return m->accept & (VN_NET_F_MQ | VN_NET_F_RSS) ? m->dev->conf.max_queue_pairs : 1;
}

int
model_queue_index(const struct vn_model *m, uint16_t q)
{
	const uint16_t data = 2 * driver_pairs(m);

	/* An operator has taken all of them (contract, section 5). */
	if (m->dev->conf.max_queue_pairs == 0)
		return -1;
	if (q < data)
		return q;
	/* Before it has said so, a driver may look for the control queue at the end, too. */
	if (q == data || (m->accept == 0 && q == model_ctrl_index(m)))
		return m->dev->device_features & VN_NET_F_CTRL_VQ ? model_ctrl_index(m) : -1;
	return -1;
}

uint16_t
model_queue_number(const struct vn_model *m, uint16_t i)
{
	return i == model_ctrl_index(m) ? 2 * driver_pairs(m) : i;
}

uint16_t
vn_model_num_queues(const struct vn_device *dev)
{
	if (dev->conf.max_queue_pairs == 0)
		return 0;
	return dev->device_features & VN_NET_F_CTRL_VQ ? dev->num_vqs : dev->num_vqs - 1;
}

uint16_t
vn_model_ctrl_queue(const struct vn_device *dev)
{
	return model_queue_number(dev->priv->model, model_ctrl_index(dev->priv->model));
}

const struct vn_vq_regs *
vn_model_queue(const struct vn_device *dev, uint16_t q)
{
	const struct vn_model *m = dev->priv->model;
	const int i = model_queue_index(m, q);

	return i >= 0 ? &m->queue[i].regs : NULL;
}

/* The queue that a driver may set up now, or NULL. */
static struct vn_vq_regs *
writable(struct vn_model *m, uint16_t q)
{
	const int i = model_queue_index(m, q);

	if (i < 0 || m->resetting || m->queue[i].regs.enable || m->queue[i].regs.resetting)
		return NULL;
	return &m->queue[i].regs;
}

bool
model_queue_size_ok(const struct vn_model *m, uint16_t i, uint16_t size)
{
	return size > 0 && size <= m->queue[i].regs.max_size &&
	       (model_negotiated(m, VN_F_RING_PACKED) || rte_is_power_of_2(size));
}

void
vn_model_queue_set_size(struct vn_device *dev, uint16_t q, uint16_t size)
{
	struct vn_model *m = dev->priv->model;
	struct vn_vq_regs *regs = writable(m, q);

	if (regs != NULL && model_queue_size_ok(m, model_queue_index(m, q), size))
		regs->size = size;
}

void
vn_model_queue_set_addr(
	struct vn_device *dev, uint16_t q, uint64_t desc, uint64_t driver, uint64_t device)
{
	struct vn_vq_regs *regs = writable(dev->priv->model, q);

	if (regs == NULL)
		return;
	regs->desc = desc;
	regs->driver = driver;
	regs->device = device;
}

/* --- interrupts --- */

int
model_irq_fd(const struct vn_model *m, uint16_t vector)
{
	if (m->ops->intx(m->ctx))
		return m->ops->irq_fd(m->ctx, VN_MSI_NO_VECTOR);
	return vector != VN_MSI_NO_VECTOR ? m->ops->irq_fd(m->ctx, vector) : -1;
}

bool
model_irq_sound(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK);
}

/* A descriptor of our own for the ring to keep, or -1. */
static int
ring_irq_fd(const struct vn_model *m, uint16_t vector)
{
	const int fd = model_irq_fd(m, vector);

	return fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

static void
new_irq_fd(struct vn_model *m, uint16_t i)
{
	struct vn_device *dev = m->dev;

	if (dev->vq[i].state == VN_VQ_STOPPED)
		return;
	vn_device_vq_set_call(dev, i, ring_irq_fd(m, m->queue[i].regs.vector));
	if (i != model_ctrl_index(m))
		return;
	/* Ours, so no poller makes up for an interrupt that got lost. */
	vn_virtq_interrupt_always(dev->priv->ring[i].vq);
	if (vn_virtq_broken(dev->priv->ring[i].vq))
		dev_mark_broken(dev, vn_virtq_broken_why(dev->priv->ring[i].vq));
}

uint16_t
vn_model_queue_set_vector(struct vn_device *dev, uint16_t q, uint16_t vector)
{
	struct vn_model *m = dev->priv->model;
	const int i = model_queue_index(m, q);
	struct vn_vq_regs *regs;

	if (i < 0)
		return VN_MSI_NO_VECTOR;
	regs = &m->queue[i].regs;
	if (m->resetting || regs->resetting)
		return regs->vector;
	if (vector >= m->ops->num_vectors(m->ctx))
		vector = VN_MSI_NO_VECTOR;
	if (vector == regs->vector)
		return vector;
	regs->vector = vector;
	dev->vq[i].msix_vector = vector;
	if (!m->ops->intx(m->ctx))
		new_irq_fd(m, i);
	return vector;
}

void
vn_model_irq_changed(struct vn_device *dev, uint32_t vector)
{
	struct vn_model *m = dev->priv->model;
	const bool all = vector == UINT32_MAX || m->ops->intx(m->ctx);

	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (all || m->queue[i].regs.vector == vector)
			new_irq_fd(m, i);
	}
	if (m->config_pending && (all || m->config_vector == vector))
		dev_model_config_interrupt(dev);
}

/* --- start and stop --- */

void
model_queue_show(struct vn_model *m, uint16_t i)
{
	const struct vn_vq_regs *regs = &m->queue[i].regs;
	struct vn_vq_setup *setup = &m->dev->vq[i].setup;

	m->dev->vq[i].msix_vector = regs->vector;
	if (!regs->enable || m->dev->vq[i].state != VN_VQ_STOPPED)
		return;
	setup->size = regs->size;
	setup->desc_gpa = regs->desc;
	setup->avail_gpa = regs->driver;
	setup->used_gpa = regs->device;
}

static const char *
start_error(int rc)
{
	switch (rc) {
	case -EFAULT:
	case -EINVAL:
		return "queue-address";
	case -EBUSY:
		return "queue-busy";
	case -EPERM:
		return VN_VQ_WHY_BLOCKS;
	case -ENOMEM:
		return "out-of-memory";
	case -ESTALE:
		return VN_VQ_WHY_LOST;
	default:
		return "queue-start";
	}
}

int
model_queue_start(struct vn_model *m, uint16_t i, bool resume)
{
	const struct vn_vq_regs *regs = &m->queue[i].regs;
	struct vn_device *dev = m->dev;
	const bool ctrl = i == model_ctrl_index(m);
	const struct vn_device_vq *v = &dev->vq[i];
	struct vn_vq_setup setup = {
		.size = regs->size,
		.start = resume && v->stopped_there ? v->position : dev_ring_fresh(dev),
		.resume = resume,
		.unknown = !v->stopped_there,
		.desc_gpa = regs->desc,
		.avail_gpa = regs->driver,
		.used_gpa = regs->device,
		.used_log_gpa = regs->device,
		.kick_fd = m->doorbell_seen && !ctrl ? VN_KICK_WAKE : -1,
		.call_fd = -1,
	};
	int rc;

	if (!regs->enable || m->queue[i].stopping || !model_started(m) || dev->broken)
		return 0;
	if (!ctrl && i >= 2 * driver_pairs(m))
		return 0;
	if (ctrl && !model_negotiated(m, VN_NET_F_CTRL_VQ))
		return 0;
	setup.call_fd = ring_irq_fd(m, regs->vector);
	rc = ctrl ? dev_ring_start_ctrl(dev, &setup) : vn_device_vq_start(dev, i, &setup);
	if (rc != 0) {
		if (vn_log_allowed(&dev->log_limit, dev->conf.vuid))
			VN_ERR("%s: queue %u cannot start: %s (size %u, descriptors at 0x%jx, "
			       "driver area 0x%jx, device area 0x%jx)",
				dev->conf.vuid, i, strerror(-rc), regs->size, (uintmax_t)regs->desc,
				(uintmax_t)regs->driver, (uintmax_t)regs->device);
		dev_mark_broken(dev, start_error(rc));
		return rc;
	}
	if (ctrl)
		ctrl_run(m);
	return 0;
}

void
dev_model_ring_made(struct vn_device *dev, uint16_t i, struct vn_virtq *vq)
{
	const struct model_coal *c = &dev->priv->model->queue[i].coal;

	if (c->usecs == 0 && c->packets == 0)
		return;
	vn_virtq_set_coal(vq, c->usecs, c->packets);
	vn_virtq_set_coal_restart(vq, c->restart);
}

bool
dev_model_dim(const struct vn_device *dev, uint16_t i)
{
	const struct model_coal *c = &dev->priv->model->queue[i].coal;

	return dev->conf.dim && !c->own && (c->usecs == 0 || c->packets == 0);
}

static void
enable(struct vn_model *m, uint16_t i)
{
	m->queue[i].regs.enable = true;
	model_queue_show(m, i);
	model_queue_start(m, i, false);
}

void
vn_model_queue_enable(struct vn_device *dev, uint16_t q)
{
	struct vn_model *m = dev->priv->model;

	if (writable(m, q) != NULL)
		enable(m, model_queue_index(m, q));
}

/* Only while the queue is stopping; a reset of the whole device goes over it. */
static void
stopped(void *ctx, int result)
{
	struct dev_ring *ring = ctx;
	struct vn_model *m = ring->dev->priv->model;
	struct model_queue *queue = &m->queue[ring->idx];

	RTE_SET_USED(result);
	queue->stopping = false;
	if (m->resetting)
		return;
	if (queue->regs.resetting)
		model_queue_defaults(m, ring->idx);
	else
		model_queue_start(m, ring->idx, false);
}

static void
stop(struct vn_model *m, uint16_t i)
{
	if (m->queue[i].stopping)
		return;
	m->queue[i].stopping = true;
	if (i == model_ctrl_index(m))
		ctrl_stop(m);
	vn_device_vq_stop(m->dev, i, stopped, &m->dev->priv->ring[i]);
}

void
vn_model_queue_reset(struct vn_device *dev, uint16_t q)
{
	struct vn_model *m = dev->priv->model;
	const int i = model_queue_index(m, q);

	if (i < 0 || m->resetting || m->queue[i].regs.resetting ||
		!model_negotiated(m, VN_F_RING_RESET))
		return;
	m->queue[i].regs.resetting = true;
	stop(m, i);
}

void
vn_model_queue_set_pfn(struct vn_device *dev, uint16_t q, uint32_t pfn)
{
	struct vn_model *m = dev->priv->model;
	const int i = model_queue_index(m, q);
	struct vn_vq_regs *regs;

	if (i < 0 || m->resetting || m->queue[i].regs.resetting)
		return;
	regs = &m->queue[i].regs;
	if (pfn == 0) {
		if (!regs->enable)
			return;
		regs->enable = false;
		regs->desc = regs->driver = regs->device = 0;
		stop(m, i);
		return;
	}
	if (regs->enable)
		return;
	/* virtio 1.2, 2.7.2: one piece; the used ring begins a page of its own. */
	regs->legacy = true;
	regs->size = regs->max_size;
	regs->desc = (uint64_t)pfn * VN_LEGACY_ALIGN;
	regs->driver = regs->desc + vn_vring_desc_bytes(regs->size);
	regs->device = RTE_ALIGN_CEIL(
		regs->driver + vn_vring_avail_bytes(regs->size), (uint64_t)VN_LEGACY_ALIGN);
	enable(m, i);
}

/*
 * How far the driver is, as a number below *span that begins again at 0; -1: not to be known. A
 * packed ring does not show it, but the notification may (virtio 1.2, 2.9).
 */
static int
driver_at(const struct vn_model *m, const struct vn_vq_regs *regs, uint32_t data, uint32_t *span)
{
	const uint32_t off = data >> 16 & 0x7fff, wrap = data >> 31;

	if (!model_negotiated(m, VN_F_RING_PACKED)) {
		*span = UINT16_MAX + 1;
		return m->dev->priv->mem == NULL
			       ? -1
			       : vn_virtq_split_avail_idx(m->dev->priv->mem, regs->driver);
	}
	*span = 2u * regs->size;
	if (!model_negotiated(m, VN_F_NOTIFICATION_DATA) || off >= regs->size)
		return -1;
	return off + (wrap ? 0 : regs->size);
}

/* Does it bring something new? */
static void
count_kick(struct vn_model *m, unsigned int i, uint32_t data)
{
	struct model_queue *queue = &m->queue[i];
	uint32_t span;
	int idx;

	queue->kicks++;
	idx = driver_at(m, &queue->regs, data, &span);
	if (idx < 0)
		return;
	queue->kick_credit += (idx + span - queue->kick_seen) % span;
	queue->kick_credit = RTE_MIN(queue->kick_credit, (uint32_t)queue->regs.size);
	queue->kick_seen = (uint16_t)idx;
	if (queue->kick_credit > 0)
		queue->kick_credit--;
	else
		queue->kicks_spurious++;
}

uint64_t
dev_model_spurious(const struct vn_device *dev)
{
	uint64_t n = 0;

	for (unsigned int i = 0; dev->priv->model != NULL && i < dev->num_vqs; i++)
		n += dev->priv->model->queue[i].kicks_spurious;
	return n;
}

void
dev_model_restart(struct vn_device *dev)
{
	struct vn_model *m = dev->priv->model;
	const uint16_t ctrl = model_ctrl_index(m);
	struct vn_virtq *vq = dev->priv->ring[ctrl].vq;

	if (!model_started(m))
		return;
	/* The network may have forgotten where the guest is: its carrier was away. */
	m->announce_due = true;
	/* The others are made anew anyway. */
	if (vq != NULL && vn_virtq_broken(vq)) {
		ctrl_stop(m);
		dev_ring_stop(&dev->priv->ring[ctrl]);
	}
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (dev->vq[i].state == VN_VQ_STOPPED)
			model_queue_start(m, i, true);
	}
}

void
vn_model_kick(struct vn_device *dev, uint16_t q, uint32_t data)
{
	struct vn_model *m = dev->priv->model;
	const int i = model_queue_index(m, q);

	/* Only to be counted: the poller sees in the ring how far the driver is. */
	if (i < 0 || !model_started(m))
		return;
	count_kick(m, i, data);
	if (i == model_ctrl_index(m))
		ctrl_run(m);
	else if (dev->vq[i].state != VN_VQ_STOPPED)
		vn_poll_qp_wake(dev->priv->poller, &dev->priv->pair[i / 2].qp);
}
