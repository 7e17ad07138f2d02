/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Common configuration (virtio 1.2, 4.1.4.3). A driver uses each register with its own width, and
 * the 64-bit ones in halves; any other access gives or changes the bytes it covers.
 */

#include <string.h>

#include <rte_common.h>

#include "pci_private.h"
#include "vn_features.h"

#define AT(field) offsetof(struct vn_pci_common_cfg, field)
#define REG(field)                                                        \
	{                                                                 \
		AT(field), sizeof(((struct vn_pci_common_cfg *)0)->field) \
	}

/*
 * Which queue is the control queue depends on the driver: without VIRTIO_NET_F_MQ and _RSS it is
 * the third, however many there are (virtio 1.2, 5.1.2). Its doorbell must not be on the page that
 * the host may map, where nobody would see it.
 */
static bool
is_ctrl(const struct vn_pci_fn *fn, uint16_t q)
{
	const uint64_t features =
		vn_model_accepted(fn->dev, 0) | (uint64_t)vn_model_accepted(fn->dev, 1) << 32;

	if (q + 1 == vn_model_num_queues(fn->dev))
		return true;
	return q == 2 && (features & VN_NET_F_CTRL_VQ) != 0 &&
	       (features & (VN_NET_F_MQ | VN_NET_F_RSS)) == 0;
}

uint16_t
pci_notify_off(const struct vn_pci_fn *fn, uint16_t q)
{
	if (is_ctrl(fn, q))
		return VN_PCI_NOTIFY_OFF_CTRL;
	return q;
}

void
pci_set_status(struct vn_pci_fn *fn, uint8_t status)
{
	if (status == 0) {
		fn->device_feature_select = 0;
		fn->driver_feature_select = 0;
		fn->queue_select = 0;
	}
	vn_model_set_status(fn->dev, status);
}

static void
queue_image(const struct vn_pci_fn *fn, uint8_t *p)
{
	const struct vn_vq_regs *r = vn_model_queue(fn->dev, fn->queue_select);

	if (r == NULL) {
		pci_put16(p + AT(queue_msix_vector), VN_MSI_NO_VECTOR);
		return;
	}
	pci_put16(p + AT(queue_size), r->size);
	pci_put16(p + AT(queue_msix_vector), r->vector);
	pci_put16(p + AT(queue_enable), r->enable);
	pci_put16(p + AT(queue_notify_off), pci_notify_off(fn, fn->queue_select));
	pci_put64(p + AT(queue_desc), r->desc);
	pci_put64(p + AT(queue_driver), r->driver);
	pci_put64(p + AT(queue_device), r->device);
	pci_put16(p + AT(queue_notify_data), fn->queue_select);
	pci_put16(p + AT(queue_reset), r->resetting);
}

/* No admin queue: its fields are 0. */
static void
image(struct vn_pci_fn *fn, uint8_t *p)
{
	const struct vn_device *dev = fn->dev;

	memset(p, 0, sizeof(struct vn_pci_common_cfg));
	pci_put32(p + AT(device_feature_select), fn->device_feature_select);
	pci_put32(p + AT(device_feature), vn_model_offered(dev, fn->device_feature_select));
	pci_put32(p + AT(driver_feature_select), fn->driver_feature_select);
	pci_put32(p + AT(driver_feature), vn_model_accepted(dev, fn->driver_feature_select));
	pci_put16(p + AT(config_msix_vector), vn_model_config_vector(dev));
	pci_put16(p + AT(num_queues), vn_model_num_queues(dev));
	p[AT(device_status)] = vn_model_status(dev);
	p[AT(config_generation)] = vn_model_config_generation(dev);
	pci_put16(p + AT(queue_select), fn->queue_select);
	queue_image(fn, p);
}

static void
set_addr(struct vn_pci_fn *fn, uint8_t offset, uint64_t value)
{
	const struct vn_vq_regs *r = vn_model_queue(fn->dev, fn->queue_select);

	if (r == NULL)
		return;
	vn_model_queue_set_addr(fn->dev, fn->queue_select,
		offset == AT(queue_desc) ? value : r->desc,
		offset == AT(queue_driver) ? value : r->driver,
		offset == AT(queue_device) ? value : r->device);
}

static void
set(struct vn_pci_fn *fn, uint8_t offset, uint64_t value, bool whole __rte_unused)
{
	struct vn_device *dev = fn->dev;
	const uint16_t q = fn->queue_select;
	const struct vn_vq_regs *r = vn_model_queue(dev, q);

	switch (offset) {
	case AT(device_feature_select):
		fn->device_feature_select = (uint32_t)value;
		return;
	case AT(driver_feature_select):
		fn->driver_feature_select = (uint32_t)value;
		return;
	case AT(driver_feature):
		vn_model_accept(dev, fn->driver_feature_select, (uint32_t)value);
		return;
	case AT(config_msix_vector):
		vn_model_set_config_vector(dev, (uint16_t)value);
		return;
	case AT(device_status):
		pci_set_status(fn, (uint8_t)value);
		return;
	case AT(queue_select):
		fn->queue_select = (uint16_t)value;
		return;
	default:
		break;
	}

	if (r == NULL)
		return;
	switch (offset) {
	case AT(queue_size):
		vn_model_queue_set_size(dev, q, (uint16_t)value);
		break;
	case AT(queue_msix_vector):
		vn_model_queue_set_vector(dev, q, (uint16_t)value);
		break;
	case AT(queue_enable):
		if (value == 1 && !r->enable)
			vn_model_queue_enable(dev, q);
		break;
	case AT(queue_reset):
		if (value == 1 && !r->resetting)
			vn_model_queue_reset(dev, q);
		break;
	default:
		set_addr(fn, offset, value);
		break;
	}
}

/* In the order of their offsets: a wide write selects before it sets. */
static const struct pci_reg writable[] = {
	REG(device_feature_select),
	REG(driver_feature_select),
	REG(driver_feature),
	REG(config_msix_vector),
	REG(device_status),
	REG(queue_select),
	REG(queue_size),
	REG(queue_msix_vector),
	REG(queue_enable),
	REG(queue_desc),
	REG(queue_driver),
	REG(queue_device),
	REG(queue_reset),
};

static const struct pci_regs common = {writable, RTE_DIM(writable), image, set};
static_assert(sizeof(struct vn_pci_common_cfg) <= PCI_REGS_BYTES, "image");

void
pci_common_read(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len)
{
	uint8_t p[PCI_REGS_BYTES];

	image(fn, p);
	memcpy(buf, p + offset, len);
}

void
pci_common_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len)
{
	pci_regs_write(fn, &common, offset, buf, len);
}
