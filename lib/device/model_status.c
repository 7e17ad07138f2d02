/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The device model as a whole: features, the status register, reset (virtio 1.2, 2.1, 2.2, 3.1).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "vn_log.h"

/** What the model, the engine and the ports do for a driver. */
#define MODEL_FEATURES                                                                             \
	(VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM | VN_NET_F_CTRL_GUEST_OFFLOADS | VN_NET_F_MTU |       \
		VN_NET_F_MAC | VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN |    \
		VN_NET_F_HOST_TSO4 | VN_NET_F_HOST_TSO6 | VN_NET_F_HOST_ECN | VN_NET_F_MRG_RXBUF | \
		VN_NET_F_STATUS | VN_NET_F_CTRL_VQ | VN_NET_F_CTRL_RX | VN_NET_F_CTRL_VLAN |       \
		VN_NET_F_CTRL_RX_EXTRA | VN_NET_F_GUEST_ANNOUNCE | VN_NET_F_MQ |                   \
		VN_NET_F_CTRL_MAC_ADDR | VN_F_ANY_LAYOUT | VN_F_INDIRECT_DESC | VN_F_EVENT_IDX |   \
		VN_F_VERSION_1 | VN_F_IOMMU_PLATFORM | VN_F_RING_PACKED | VN_F_IN_ORDER |          \
		VN_F_ORDER_PLATFORM | VN_F_SR_IOV | VN_F_NOTIFICATION_DATA | VN_F_RING_RESET |     \
		VN_NET_F_DEVICE_STATS | VN_NET_F_VQ_NOTF_COAL | VN_NET_F_NOTF_COAL |               \
		VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6 | VN_NET_F_HOST_USO |                    \
		VN_NET_F_HASH_REPORT | VN_NET_F_GUEST_HDRLEN | VN_NET_F_RSS |                      \
		VN_NET_F_SPEED_DUPLEX)

/** Bits that a driver may set. */
#define DRIVER_STATUS                                                                     \
	(VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FEATURES_OK | VN_STATUS_DRIVER_OK | \
		VN_STATUS_FAILED)

/*
 * virtio 1.2, 5.1.3.1, and what makes no sense without a control queue: one of needs. What we offer
 * keeps to it. A driver need not: there are some that take segmentation and leave checksums, and no
 * device refuses them, so what has no meaning alone has none here.
 */
static const struct {
	uint64_t feature, needs;
} needs[] = {
	{VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_UFO | VN_NET_F_GUEST_USO4 |
			VN_NET_F_GUEST_USO6,
		VN_NET_F_GUEST_CSUM},
	{VN_NET_F_GUEST_ECN, VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6},
	{VN_NET_F_HOST_TSO4 | VN_NET_F_HOST_TSO6 | VN_NET_F_HOST_UFO | VN_NET_F_HOST_USO,
		VN_NET_F_CSUM},
	{VN_NET_F_HOST_ECN, VN_NET_F_HOST_TSO4 | VN_NET_F_HOST_TSO6},
	{VN_NET_F_CTRL_RX | VN_NET_F_CTRL_VLAN | VN_NET_F_GUEST_ANNOUNCE | VN_NET_F_MQ |
			VN_NET_F_CTRL_MAC_ADDR | VN_NET_F_NOTF_COAL | VN_NET_F_RSS |
			VN_NET_F_VQ_NOTF_COAL,
		VN_NET_F_CTRL_VQ},
	{VN_NET_F_RSC_EXT, VN_NET_F_HOST_TSO4 | VN_NET_F_HOST_TSO6},
	{VN_NET_F_HASH_TUNNEL, VN_NET_F_CTRL_VQ},
	{VN_NET_F_HASH_TUNNEL, VN_NET_F_RSS | VN_NET_F_HASH_REPORT},
};

/* The device should not offer these without a control queue; a driver may take them. */
#define SHOULD_HAVE_CTRL                                                                \
	(VN_NET_F_HASH_REPORT | VN_NET_F_CTRL_RX_EXTRA | VN_NET_F_CTRL_GUEST_OFFLOADS | \
		VN_NET_F_DEVICE_STATS)

uint64_t
model_features_whole(uint64_t features)
{
	uint64_t before;

	do {
		before = features;
		for (unsigned int i = 0; i < RTE_DIM(needs); i++) {
			if ((features & needs[i].needs) == 0)
				features &= ~needs[i].feature;
		}
	} while (features != before);
	return features;
}

uint64_t
vn_model_features(void)
{
	return MODEL_FEATURES;
}

uint64_t
model_features_offerable(uint64_t features, bool legacy)
{
	features &= MODEL_FEATURES;
	/* A driver of a device that is not transitional cannot do without. */
	if (!legacy)
		features |= VN_F_VERSION_1;
	if (!(features & VN_NET_F_CTRL_VQ))
		features &= ~SHOULD_HAVE_CTRL;
	return model_features_whole(features);
}

static void
rx_defaults(const struct vn_model *m, struct vn_rx_state *rx)
{
	vn_rx_state_reset(rx, m->dev->conf.mac);
	rx->port_pairs = dev_pairs(m->dev);
}

void
model_reset_state(struct vn_model *m)
{
	struct vn_rx_state rx;

	rx_defaults(m, &rx);
	m->config_vector = VN_MSI_NO_VECTOR;
	m->config_pending = false;
	m->announce = m->announce_due = false;
	m->mac_set = false;
	m->accept = 0;
	m->offloads = 0;
	memset(m->mode, 0, sizeof(m->mode));
	m->mode[VN_NET_CTRL_RX_PROMISC] = rx.promisc;
	m->uni_overflow = m->multi_overflow = false;
	model_rx_modes(m, &rx);
	memset(m->coal, 0, sizeof(m->coal));
	m->coal[VN_NET_CTRL_NOTF_COAL_RX_SET] = model_coal_default(m);
	__atomic_store_n(&m->isr, 0, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < m->dev->num_vqs; i++)
		model_queue_defaults(m, i);
	/* Without memory the rules of the last driver stay until the next one sets its own. */
	if (model_rx_set(m, &rx) != 0) {
		m->rx = rx;
		m->dev->health.first_rules++;
	}
	/* The field is shown by list; the address itself is in m->rx. */
	memset(m->dev->ctrl_mac, 0, sizeof(m->dev->ctrl_mac));
}

static void
run_ctrl(void *ctx)
{
	ctrl_run(ctx);
}

int
vn_model_attach(struct vn_device *dev, const struct vn_model_ops *ops, void *ctx, bool legacy,
	bool doorbell_seen)
{
	struct vn_model *m = calloc(1, sizeof(*m));
	struct model_arrays a = {0};

	if (m == NULL)
		return -ENOMEM;
	m->dev = dev;
	m->ops = ops;
	m->ctx = ctx;
	m->legacy = legacy;
	m->doorbell_seen = doorbell_seen;
	m->ctrl.timer = (struct vn_timer){.cb = run_ctrl, .ctx = m};
	rx_defaults(m, &m->rx);
	m->group.rules = vn_rx_rules_create(&m->rx);
	if (dev_model_arrays(dev_pairs(dev), &a) != 0 || m->group.rules == NULL) {
		dev_model_arrays_free(&a);
		dev_model_free(m);
		return -ENOMEM;
	}
	dev->priv->model = m;
	dev_model_resized(dev, &a);
	dev->device_features = model_features_offerable(dev->device_features, legacy);
	model_reset_state(m);
	return 0;
}

int
dev_model_arrays(uint16_t pairs, struct model_arrays *a)
{
	*a = (struct model_arrays){
		.queue = calloc(2u * pairs + 1, sizeof(a->queue[0])),
		.coal = calloc(2u * pairs + 1, sizeof(a->coal[0])),
		.qp = calloc(pairs, sizeof(a->qp[0])),
	};
	return a->queue != NULL && a->coal != NULL && a->qp != NULL ? 0 : -ENOMEM;
}

void
dev_model_arrays_free(struct model_arrays *a)
{
	free(a->queue);
	free(a->coal);
	free(a->qp);
}

void
dev_model_resized(struct vn_device *dev, struct model_arrays *a)
{
	struct vn_model *m = dev->priv->model;
	const uint16_t pairs = dev_pairs(dev);

	dev_model_arrays_free(&(struct model_arrays){m->queue, m->apply.coal, m->group.qp});
	m->queue = a->queue;
	m->apply.coal = a->coal;
	m->group.qp = a->qp;
	m->group.n = pairs;
	for (unsigned int i = 0; i < pairs; i++) {
		m->group.qp[i] = &dev->priv->pair[i].qp;
		dev->priv->pair[i].qp.group = &m->group;
		dev->priv->pair[i].qp.number = i;
	}
}

void
dev_model_free(struct vn_model *m)
{
	if (m == NULL)
		return;
	if (m->dev != NULL)
		vn_loop_cancel(m->dev->env.loop, &m->ctrl.timer);
	vn_rx_rules_free((struct vn_rx_rules *)(uintptr_t)m->group.rules);
	vn_rx_rules_free(m->apply.rules);
	vn_rx_rules_free(m->apply.rules_due);
	dev_model_arrays_free(&(struct model_arrays){m->queue, m->apply.coal, m->group.qp});
	free(m);
}

uint32_t
vn_model_offered(const struct vn_device *dev, uint32_t word)
{
	return word < 2 ? dev->device_features >> (32 * word) : 0;
}

uint32_t
vn_model_accepted(const struct vn_device *dev, uint32_t word)
{
	return word < 2 ? dev->priv->model->accept >> (32 * word) : 0;
}

void
vn_model_accept(struct vn_device *dev, uint32_t word, uint32_t value)
{
	struct vn_model *m = dev->priv->model;

	/* Without FEATURES_OK, a legacy driver's features are taken by DRIVER_OK. */
	if (word >= 2 || m->resetting ||
		(dev->status & (VN_STATUS_FEATURES_OK | VN_STATUS_DRIVER_OK)))
		return;
	m->accept &= ~((uint64_t)UINT32_MAX << (32 * word));
	m->accept |= (uint64_t)value << (32 * word);
}

void
model_take_features(struct vn_model *m, uint64_t features)
{
	struct vn_rx_state rx = m->rx;

	m->accept = features;
	m->offloads = model_features_whole(features) & VN_NET_F_GUEST_OFFLOADS;
	m->dev->driver_features = features;
	dev_port_set_features(m->dev);
	rx.filter_vlan = (features & VN_NET_F_CTRL_VLAN) != 0;
	rx.hash_report = (features & VN_NET_F_HASH_REPORT) != 0;
	if (model_rx_set(m, &rx) != 0) {
		m->dev->health.rules++;
		dev_mark_broken(m->dev, "out-of-memory");
	}
}

/* FEATURES_OK: are these to be taken (2.2, 3.1.1)? */
static bool
features_fit(const struct vn_model *m)
{
	if (m->accept & ~m->dev->device_features)
		return false;
	if (m->accept & VN_F_VERSION_1)
		return true;
	/* Legacy drivers know split rings only. */
	return m->legacy && !(m->accept & VN_F_RING_PACKED);
}

/* The bits of @p want that the device takes now, one step after the other. */
static uint8_t
allowed(struct vn_model *m, uint8_t want)
{
	const uint8_t known = VN_STATUS_ACK | VN_STATUS_DRIVER;
	const bool legacy = m->legacy && !(m->accept & VN_F_VERSION_1);
	uint8_t status = m->dev->status | (want & (known | VN_STATUS_FAILED));

	/* Who has given up has to reset first (2.1.1). */
	if (status & VN_STATUS_FAILED)
		return status;
	if ((want & VN_STATUS_FEATURES_OK) && (status & known) == known &&
		!(status & VN_STATUS_DRIVER_OK) && features_fit(m))
		status |= VN_STATUS_FEATURES_OK;
	if ((want & VN_STATUS_DRIVER_OK) && (legacy || (status & (known | VN_STATUS_FEATURES_OK)) ==
							       (known | VN_STATUS_FEATURES_OK)))
		status |= VN_STATUS_DRIVER_OK;
	return status;
}

int
model_start_queues(struct vn_model *m, bool resume)
{
	int rc = 0;

	for (unsigned int i = 0; i < m->dev->num_vqs && rc == 0; i++)
		rc = model_queue_start(m, i, resume);
	return rc;
}

uint8_t
vn_model_status(const struct vn_device *dev)
{
	return dev->status;
}

static void
reset_ended(void *ctx, int result)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(result);
}

void
vn_model_set_status(struct vn_device *dev, uint8_t want)
{
	struct vn_model *m = dev->priv->model;
	const uint8_t before = dev->status;
	uint8_t status;

	/* A driver has to wait for 0 before it goes on. */
	if (m->resetting)
		return;
	if (want == 0) {
		dev_reset(dev, true, reset_ended, NULL);
		return;
	}
	want &= DRIVER_STATUS;
	status = allowed(m, want);
	/* The driver's first look at status comes after this: features first. */
	if (status & ~before & VN_STATUS_FEATURES_OK)
		model_take_features(m, m->accept);
	else if ((status & ~before & VN_STATUS_DRIVER_OK) && !(status & VN_STATUS_FEATURES_OK))
		model_take_features(m, m->accept & dev->device_features & UINT32_MAX);
	dev->status = status;
	if (!(status & ~before & VN_STATUS_DRIVER_OK))
		return;
	if (vn_log_allowed(&dev->log_limit, dev->conf.vuid))
		VN_INFO("%s: driver loaded, features 0x%jx", dev->conf.vuid,
			(uintmax_t)dev->driver_features);
	if (dev->broken)
		dev_model_broken(dev);
	else
		model_start_queues(m, false);
}

bool
vn_model_driver_loaded(const struct vn_device *dev)
{
	return dev->priv->model != NULL && model_started(dev->priv->model);
}

bool
vn_model_resetting(const struct vn_device *dev)
{
	return dev->priv->model->resetting;
}

void
vn_model_reset(struct vn_device *dev, vn_device_cb done, void *ctx)
{
	dev_reset(dev, true, done, ctx);
}

void
dev_model_broken(struct vn_device *dev)
{
	struct vn_model *m = dev->priv->model;

	/* Before DRIVER_OK nobody waits for it; it is shown then (2.1.2). */
	if (!model_started(m) || (dev->status & VN_STATUS_NEEDS_RESET))
		return;
	dev->status |= VN_STATUS_NEEDS_RESET;
	model_config_changed(m, true);
}

void
dev_model_reset_begin(struct vn_device *dev)
{
	dev->priv->model->resetting = true;
	ctrl_stop(dev->priv->model);
}

void
dev_model_reset_end(struct vn_device *dev)
{
	struct vn_model *m = dev->priv->model;

	m->resetting = false;
	model_reset_state(m);
	model_config_changed(m, false);
}

uint16_t
dev_model_pairs(const struct vn_device *dev)
{
	return dev->priv->model->rx.queue_pairs;
}

void
dev_model_progress(struct vn_device *dev)
{
	struct vn_model *m = dev->priv->model;

	ctrl_progress(m);
	/* Before, what the driver sends would wait in its ring, and answers would be lost. */
	if (m->announce_due && !dev->broken && dev_restart_resumed(dev)) {
		m->announce_due = false;
		vn_model_announce(dev);
	}
}

uint64_t
dev_features_in_force(const struct vn_device *dev)
{
	uint64_t features = dev->driver_features;

	if (dev->priv->model == NULL)
		return features;
	/* Segmentation comes with a checksum to be made; with it we can do that, too. */
	if (features & VN_NET_F_HOST_OFFLOADS)
		features |= VN_NET_F_CSUM;
	return (features & ~VN_NET_F_GUEST_OFFLOADS) | dev->priv->model->offloads;
}

uint8_t *
dev_model_isr(struct vn_device *dev)
{
	return dev->priv->model != NULL ? &dev->priv->model->isr : NULL;
}
