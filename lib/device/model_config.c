/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The configuration space (virtio 1.2, 5.1.4), what changes in it, and how the driver is told.
 */
#include <string.h>
#include <unistd.h>

#include <rte_ether.h>

#include "model_private.h"
#include "vn_log.h"

/* A driver reads field by field: any change in between shows in the generation (2.5). */
void
model_config_changed(struct vn_model *m, bool tell)
{
	m->generation++;
	if (tell && model_started(m))
		dev_model_config_interrupt(m->dev);
}

void
dev_model_config_interrupt(struct vn_device *dev)
{
	struct vn_model *m = dev->priv->model;
	const uint64_t one = 1;
	ssize_t n;
	int fd;

	/* The status says why before the interrupt comes. */
	if (m->ops->intx(m->ctx))
		__atomic_fetch_or(&m->isr, VN_ISR_CONFIG, __ATOMIC_SEQ_CST);
	fd = model_irq_fd(m, m->config_vector);
	m->config_pending = fd < 0;
	if (fd < 0)
		return;
	if (!model_irq_sound(fd)) {
		/* Never wait for a peer; without interrupts it is its own loss. */
		if (vn_log_allowed(&dev->log_limit, dev->conf.vuid))
			VN_WARN("%s: no config-change interrupt: its eventfd blocks",
				dev->conf.vuid);
		return;
	}
	n = write(fd, &one, sizeof(one));
	RTE_SET_USED(n); /* full: it is signalled */
}

uint8_t
vn_model_config_generation(const struct vn_device *dev)
{
	return dev->priv->model->generation;
}

static void
fill(const struct vn_model *m, struct vn_net_config *config)
{
	dev_config_fill(m->dev, config);
	memcpy(config->mac, m->rx.mac, sizeof(config->mac));
	if (m->announce)
		config->status |= rte_cpu_to_le_16(VN_NET_S_ANNOUNCE);
}

void
vn_model_config_read(const struct vn_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	struct vn_net_config config;

	fill(dev->priv->model, &config);
	memset(buf, 0, len);
	if (offset < sizeof(config))
		memcpy(buf, (const uint8_t *)&config + offset,
			RTE_MIN(len, sizeof(config) - offset));
}

void
vn_model_config_write(struct vn_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	struct vn_model *m = dev->priv->model;
	struct vn_rx_state rx;

	/* 5.1.4.2: the way of drivers from before CTRL_MAC_ADDR. */
	if (!m->legacy || m->resetting || (m->accept & (VN_F_VERSION_1 | VN_NET_F_CTRL_MAC_ADDR)))
		return;
	if (offset >= sizeof(rx.mac) || len == 0)
		return;
	rx = m->rx;
	memcpy(rx.mac + offset, buf, RTE_MIN(len, sizeof(rx.mac) - offset));
	/* It comes byte by byte, so there is nothing to check it for. */
	if (memcmp(rx.mac, m->rx.mac, sizeof(rx.mac)) == 0)
		return;
	if (model_rx_set(m, &rx) != 0) {
		dev->health.rules++;
		return;
	}
	m->mac_set = true;
	memcpy(dev->ctrl_mac, rx.mac, sizeof(dev->ctrl_mac));
	model_config_changed(m, false);
	model_driver_changed(m);
}

uint16_t
vn_model_config_vector(const struct vn_device *dev)
{
	return dev->priv->model->config_vector;
}

uint16_t
vn_model_set_config_vector(struct vn_device *dev, uint16_t vector)
{
	struct vn_model *m = dev->priv->model;

	if (m->resetting)
		return m->config_vector;
	if (vector >= m->ops->num_vectors(m->ctx))
		vector = VN_MSI_NO_VECTOR;
	m->config_vector = vector;
	if (m->config_pending && model_started(m))
		dev_model_config_interrupt(dev);
	return vector;
}

uint8_t
vn_model_isr_read_clear(struct vn_device *dev)
{
	return __atomic_exchange_n(&dev->priv->model->isr, 0, __ATOMIC_SEQ_CST);
}

uint8_t
vn_model_isr(const struct vn_device *dev)
{
	return __atomic_load_n(&dev->priv->model->isr, __ATOMIC_SEQ_CST);
}

void
vn_model_announce(struct vn_device *dev)
{
	struct vn_model *m = dev->priv->model;

	/* 5.1.6.5.4: STATUS is where the driver sees it, the control queue where it says so. */
	if (m == NULL || !model_started(m) || !model_negotiated(m, VN_NET_F_GUEST_ANNOUNCE) ||
		!model_negotiated(m, VN_NET_F_STATUS) || !model_negotiated(m, VN_NET_F_CTRL_VQ))
		return;
	m->announce = true;
	model_config_changed(m, true);
}
