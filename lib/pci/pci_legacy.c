/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * The legacy registers in the I/O BAR of a transitional device (virtio 1.2, 4.1.4.10). With MSI-X
 * on, two vector registers move the device configuration by four bytes.
 */

#include <string.h>

#include <rte_common.h>

#include "pci_private.h"

static_assert(VN_LEGACY_CONFIG_MSIX + sizeof(struct vn_net_config) <= PCI_LEGACY_SIZE,
	"all of the device configuration lies in the BAR");

/* All but ISR status, whose reading has an effect, and the device configuration. */
static void
image(struct vn_pci_fn *fn, uint8_t *p)
{
	const struct vn_device *dev = fn->dev;
	const struct vn_vq_regs *r = vn_model_queue(dev, fn->queue_select);

	memset(p, 0, PCI_LEGACY_SIZE);
	pci_put32(p + VN_LEGACY_HOST_FEATURES, vn_model_offered(dev, 0));
	pci_put32(p + VN_LEGACY_GUEST_FEATURES, vn_model_accepted(dev, 0));
	if (r != NULL) {
		/* a ring that was not set up here shows no page */
		if (r->legacy && r->enable)
			pci_put32(p + VN_LEGACY_QUEUE_PFN, (uint32_t)(r->desc / VN_LEGACY_ALIGN));
		pci_put16(p + VN_LEGACY_QUEUE_SIZE, r->size);
	}
	pci_put16(p + VN_LEGACY_QUEUE_SELECT, fn->queue_select);
	p[VN_LEGACY_STATUS] = vn_model_status(dev);
	if (pci_msix_on(fn)) {
		pci_put16(p + VN_LEGACY_CONFIG_VECTOR, vn_model_config_vector(dev));
		pci_put16(p + VN_LEGACY_QUEUE_VECTOR, r != NULL ? r->vector : VN_MSI_NO_VECTOR);
	}
}

static void
set(struct vn_pci_fn *fn, uint8_t offset, uint64_t value, bool whole)
{
	struct vn_device *dev = fn->dev;

	switch (offset) {
	case VN_LEGACY_GUEST_FEATURES:
		vn_model_accept(dev, 0, (uint32_t)value);
		break;
	case VN_LEGACY_QUEUE_PFN:
		if (vn_model_queue(dev, fn->queue_select) != NULL)
			vn_model_queue_set_pfn(dev, fn->queue_select, (uint32_t)value);
		break;
	case VN_LEGACY_QUEUE_SELECT:
		fn->queue_select = (uint16_t)value;
		break;
	case VN_LEGACY_QUEUE_NOTIFY:
		if (whole && value < vn_model_num_queues(dev))
			vn_model_kick(dev, (uint16_t)value, (uint32_t)value);
		break;
	case VN_LEGACY_STATUS:
		pci_set_status(fn, (uint8_t)value);
		break;
	case VN_LEGACY_CONFIG_VECTOR:
		vn_model_set_config_vector(dev, (uint16_t)value);
		break;
	case VN_LEGACY_QUEUE_VECTOR:
		if (vn_model_queue(dev, fn->queue_select) != NULL)
			vn_model_queue_set_vector(dev, fn->queue_select, (uint16_t)value);
		break;
	default:
		break;
	}
}

/* The last two only with MSI-X on. */
static const struct pci_reg writable[] = {
	{VN_LEGACY_GUEST_FEATURES, 4},
	{VN_LEGACY_QUEUE_PFN, 4},
	{VN_LEGACY_QUEUE_SELECT, 2},
	{VN_LEGACY_QUEUE_NOTIFY, 2},
	{VN_LEGACY_STATUS, 1},
	{VN_LEGACY_CONFIG_VECTOR, 2},
	{VN_LEGACY_QUEUE_VECTOR, 2},
};

static const struct pci_regs with_msix = {writable, RTE_DIM(writable), image, set};
static const struct pci_regs without_msix = {writable, RTE_DIM(writable) - 2, image, set};

/* The part of an access that goes to the device configuration at @p at. */
static bool
config_part(uint32_t at, uint32_t offset, uint32_t len, uint32_t *begin, uint32_t *n)
{
	const uint32_t end = RTE_MIN(offset + len, at + (uint32_t)sizeof(struct vn_net_config));

	*begin = RTE_MAX(offset, at);
	if (*begin >= end)
		return false;
	*n = end - *begin;
	return true;
}

void
pci_legacy_read(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len)
{
	const uint32_t at = pci_msix_on(fn) ? VN_LEGACY_CONFIG_MSIX : VN_LEGACY_CONFIG_NOMSIX;
	uint8_t p[PCI_REGS_BYTES];
	uint32_t begin, n;

	image(fn, p);
	if (pci_touches(offset, len, VN_LEGACY_ISR, 1))
		p[VN_LEGACY_ISR] = vn_model_isr_read_clear(fn->dev);
	if (config_part(at, offset, len, &begin, &n))
		vn_model_config_read(fn->dev, begin - at, p + begin, n);
	memcpy(buf, p + offset, len);
}

void
pci_legacy_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len)
{
	const bool msix = pci_msix_on(fn);
	const uint32_t at = msix ? VN_LEGACY_CONFIG_MSIX : VN_LEGACY_CONFIG_NOMSIX;
	uint32_t begin, n;

	pci_regs_write(fn, msix ? &with_msix : &without_msix, offset, buf, len);
	if (config_part(at, offset, len, &begin, &n))
		vn_model_config_write(fn->dev, begin - at, buf + (begin - offset), n);
}
