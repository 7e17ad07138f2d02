/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What the driver has made of the device, as a record that a later process takes up. A record is
 * input from outside: what it says is checked as if a driver had said it.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "model_private.h"
#include "vn_log.h"
#include "vn_vring_packed.h"

#define RECORD_MAGIC   UINT32_C(0x764e6d44)
#define RECORD_VERSION 2

#define QUEUE_ENABLED   1
#define QUEUE_LEGACY    2
#define QUEUE_RESETTING 4
#define QUEUE_COAL_OWN  8  /* the driver set its coalescing, if only to none */
#define QUEUE_STOPPED   16 /* at position, and the black box may not know it any more */
#define QUEUE_FLAGS     31

/* No padding: it would be bytes that nobody has written. */
struct record_queue {
	uint64_t desc, driver, device;
	uint32_t coal_usecs, coal_packets;
	uint16_t size, vector;
	uint8_t flags, pad[1];
	uint16_t position;
};

struct record {
	uint32_t magic;
	uint16_t version, num_vqs;
	uint32_t size; /* of all of it */
	uint16_t max_size, mtu;
	uint64_t offered, accept, driver_features, offloads;
	uint8_t status, resetting, legacy, announce;
	uint8_t mac_set, link_up, uni_overflow, multi_overflow;
	uint8_t generation, pad[1];
	uint16_t config_vector;
	uint8_t mode[MODEL_MODES], pad2[6];
	struct {
		uint32_t usecs, packets;
	} coal[2];
	uint64_t commands, ok;
	struct vn_rx_state rx;
	struct record_queue queue[];
};
static_assert(sizeof(struct record) % 8 == 0, "queues follow");
static_assert(sizeof(struct record) + (2 * VN_MAX_QUEUE_PAIRS + 1) * sizeof(struct record_queue) <=
		      VN_MODEL_SAVE_MAX,
	"VN_MODEL_SAVE_MAX");

static size_t
record_size(const struct vn_device *dev)
{
	return sizeof(struct record) + dev->num_vqs * sizeof(struct record_queue);
}

int
vn_model_save(const struct vn_device *dev, void *buf, size_t room)
{
	const struct vn_model *m = dev->priv->model;
	const size_t size = record_size(dev);
	struct record r;
	uint8_t *to = buf;

	if (room < size)
		return -ENOSPC;
	memset(&r, 0, sizeof(r));
	r.magic = RECORD_MAGIC;
	r.version = RECORD_VERSION;
	r.num_vqs = dev->num_vqs;
	r.size = size;
	r.max_size = m->queue[0].regs.max_size;
	r.mtu = dev->conf.mtu;
	r.offered = dev->device_features;
	r.accept = m->accept;
	r.driver_features = dev->driver_features;
	r.offloads = m->offloads;
	r.status = dev->status;
	r.resetting = m->resetting;
	r.legacy = m->legacy;
	r.announce = m->announce;
	r.mac_set = m->mac_set;
	r.link_up = dev->link_up;
	r.uni_overflow = m->uni_overflow;
	r.multi_overflow = m->multi_overflow;
	r.generation = m->generation;
	r.config_vector = m->config_vector;
	memcpy(r.mode, m->mode, sizeof(r.mode));
	for (unsigned int i = 0; i < 2; i++) {
		r.coal[i].usecs = m->coal[i].usecs;
		r.coal[i].packets = m->coal[i].packets;
	}
	r.commands = m->ctrl.commands;
	r.ok = m->ctrl.ok;
	r.rx = m->rx;
	memcpy(to, &r, sizeof(r));
	to += sizeof(r);
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		const struct vn_device_vq *v = &dev->vq[i];
		const struct model_queue *q = &m->queue[i];
		const bool stopped = v->state == VN_VQ_STOPPED && v->stopped_there;
		const struct record_queue rq = {
			.desc = q->regs.desc,
			.driver = q->regs.driver,
			.device = q->regs.device,
			.coal_usecs = q->coal.usecs,
			.coal_packets = q->coal.packets,
			.size = q->regs.size,
			.vector = q->regs.vector,
			.flags = (q->regs.enable ? QUEUE_ENABLED : 0) |
				 (q->regs.legacy ? QUEUE_LEGACY : 0) |
				 (q->regs.resetting ? QUEUE_RESETTING : 0) |
				 (q->coal.own ? QUEUE_COAL_OWN : 0) | (stopped ? QUEUE_STOPPED : 0),
			.position = stopped ? v->position : 0,
		};

		memcpy(to, &rq, sizeof(rq));
		to += sizeof(rq);
	}
	return size;
}

static bool
rx_ok(const struct vn_model *m, const struct record *r)
{
	const struct vn_rx_state *rx = &r->rx;

	if (!model_rx_possible(m, rx))
		return false;
	if (rx->rss && !(r->driver_features & VN_NET_F_RSS))
		return false;
	if (rx->queue_pairs > 1 && !(r->driver_features & (VN_NET_F_MQ | VN_NET_F_RSS)))
		return false;
	return rx->filter_vlan == !!(r->driver_features & VN_NET_F_CTRL_VLAN) &&
	       rx->hash_report == !!(r->driver_features & VN_NET_F_HASH_REPORT);
}

/* Status and features must be such that a driver could have got there. */
static bool
status_ok(const struct vn_model *m, const struct record *r)
{
	const uint8_t known = VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_DRIVER_OK |
			      VN_STATUS_FEATURES_OK | VN_STATUS_NEEDS_RESET | VN_STATUS_FAILED;
	const bool chosen = r->status & (VN_STATUS_FEATURES_OK | VN_STATUS_DRIVER_OK);

	if (r->status & ~known)
		return false;
	if (!chosen)
		return r->driver_features == 0 && r->offloads == 0;
	if (r->driver_features != r->accept || (r->accept & ~m->dev->device_features))
		return false;
	if (!m->legacy && !(r->status & VN_STATUS_FEATURES_OK))
		return false;
	if ((!m->legacy || (r->accept & VN_F_RING_PACKED)) && !(r->accept & VN_F_VERSION_1))
		return false;
	return (r->offloads & ~(r->accept & VN_NET_F_GUEST_OFFLOADS)) == 0 &&
	       model_features_whole(r->offloads) == r->offloads;
}

static bool
queue_ok(const struct vn_model *m, uint16_t i, const struct record_queue *q, bool packed)
{
	if (q->size == 0 || q->size > m->queue[i].regs.max_size)
		return false;
	if (packed ? (q->position & ~VN_VRING_PACKED_START) >= q->size
		   : !rte_is_power_of_2(q->size))
		return false;
	return (q->flags & ~QUEUE_FLAGS) == 0 && (m->legacy || !(q->flags & QUEUE_LEGACY));
}

static bool
vector_ok(const struct vn_model *m, uint16_t vector)
{
	return vector == VN_MSI_NO_VECTOR || vector < m->ops->num_vectors(m->ctx);
}

/* What is not the operator's is the driver's. */
static struct model_coal
restored_coal(const struct vn_model *m, bool rx, uint32_t usecs, uint32_t packets)
{
	const struct model_coal c = rx ? model_coal_default(m) : (struct model_coal){0};

	if (usecs == c.usecs && packets == c.packets)
		return c;
	return (struct model_coal){.usecs = usecs, .packets = packets, .own = true};
}

static void
take_queue(struct vn_model *m, uint16_t i, const struct record_queue *q)
{
	struct vn_vq_regs *regs = &m->queue[i].regs;

	/* A queue reset that was under way has ended with its process. */
	if (q->flags & QUEUE_RESETTING) {
		model_queue_defaults(m, i);
		return;
	}
	regs->desc = q->desc;
	regs->driver = q->driver;
	regs->device = q->device;
	regs->size = q->size;
	/* The quota may be another one now. */
	regs->vector = vector_ok(m, q->vector) ? q->vector : VN_MSI_NO_VECTOR;
	regs->enable = q->flags & QUEUE_ENABLED;
	regs->legacy = q->flags & QUEUE_LEGACY;
	m->dev->vq[i].position = q->position;
	m->dev->vq[i].stopped_there = q->flags & QUEUE_STOPPED;
	m->queue[i].coal = restored_coal(
		m, i % 2 == 0 && i != model_ctrl_index(m), q->coal_usecs, q->coal_packets);
	m->queue[i].coal.own |= (q->flags & QUEUE_COAL_OWN) != 0;
	model_queue_show(m, i);
}

static void
take_record(struct vn_model *m, const struct record *r)
{
	m->generation = r->generation;
	m->config_vector = vector_ok(m, r->config_vector) ? r->config_vector : VN_MSI_NO_VECTOR;
	m->announce = r->announce;
	m->mac_set = r->mac_set;
	m->uni_overflow = r->uni_overflow;
	m->multi_overflow = r->multi_overflow;
	memcpy(m->mode, r->mode, sizeof(m->mode));
	for (unsigned int i = 0; i < 2; i++)
		m->coal[i] = restored_coal(
			m, i == VN_NET_CTRL_NOTF_COAL_RX_SET, r->coal[i].usecs, r->coal[i].packets);
	m->ctrl.commands = r->commands;
	m->ctrl.ok = r->ok;
	m->accept = r->accept;
	m->offloads = r->offloads;
	m->dev->driver_features = r->driver_features;
	if (r->mac_set)
		memcpy(m->dev->ctrl_mac, r->rx.mac, sizeof(m->dev->ctrl_mac));
}

int
vn_model_restore(struct vn_device *dev, const void *buf, size_t len)
{
	struct vn_model *m = dev->priv->model;
	const uint8_t *from = buf;
	struct record_queue rq;
	struct vn_rx_state rx;
	struct record r;
	int rc = 0;

	if (dev->status != 0 || m->resetting || len < sizeof(r))
		return -EINVAL;
	memcpy(&r, from, sizeof(r));
	if (r.magic != RECORD_MAGIC || r.version != RECORD_VERSION || r.num_vqs != dev->num_vqs ||
		r.size != record_size(dev) || len != r.size ||
		r.max_size != m->queue[0].regs.max_size || r.legacy != m->legacy)
		return -EINVAL;
	if (!model_flags_ok(&r.resetting, 1) || !model_flags_ok(&r.announce, 5) ||
		!model_flags_ok(r.mode, MODEL_MODES) || !rx_ok(m, &r) || !status_ok(m, &r))
		return -EINVAL;
	from += sizeof(r);
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		memcpy(&rq, from + i * sizeof(rq), sizeof(rq));
		if (!queue_ok(m, i, &rq, r.driver_features & VN_F_RING_PACKED))
			return -EINVAL;
	}
	/* A reset was under way: with nothing left to wait for, it has ended. */
	if (r.resetting)
		return 0;
	rx = r.rx;
	if (!r.mac_set)
		memcpy(rx.mac, dev->conf.mac, sizeof(rx.mac));
	if (model_rx_set(m, &rx) != 0)
		return -ENOMEM;
	take_record(m, &r);
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		memcpy(&rq, from + i * sizeof(rq), sizeof(rq));
		take_queue(m, i, &rq);
	}
	dev->status = r.status & ~VN_STATUS_NEEDS_RESET;
	dev_port_set_features(dev);
	/* What changed while nobody told the driver, it is told now. */
	if (r.link_up != dev->link_up || r.mtu != dev->conf.mtu)
		model_config_changed(m, true);
	if (r.status & VN_STATUS_NEEDS_RESET) {
		dev_mark_broken(dev, "restored-broken");
		return 0;
	}
	if (model_started(m)) {
		/* Nobody answered for it since the last process ended. */
		m->announce_due = true;
		rc = model_start_queues(m, true);
	}
	/* All is as it was, and the driver is asked for a reset. */
	return rc == -ESTALE ? 0 : rc;
}
