/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Configuration space: bytes with write masks, and what some writes set off. Whether memory, I/O
 * and bus mastering are enabled is noted and shown, but the host's matter: it is the host that
 * decodes addresses.
 */

#include <string.h>

#include <rte_common.h>

#include "pci_private.h"

#define WINDOW_BAR    (PCI_CAP_WINDOW + offsetof(struct vn_pci_cap, bar))
#define WINDOW_OFFSET (PCI_CAP_WINDOW + offsetof(struct vn_pci_cap, offset))
#define WINDOW_LENGTH (PCI_CAP_WINDOW + offsetof(struct vn_pci_cap, length))
#define WINDOW_DATA   (PCI_CAP_WINDOW + offsetof(struct vn_pci_cfg_cap, pci_cfg_data))
static_assert(WINDOW_DATA + 4 <= PCI_CFG_BYTES, "the window lies in what is kept");

/* The byte of Device Control that has Initiate Function Level Reset. */
#define FLR_BYTE (PCI_CAP_EXPRESS + PCI_EXP_DEVCTL + 1)
#define FLR_BIT  (PCI_EXP_DEVCTL_BCR_FLR >> 8)

void
pci_config_reset(struct vn_pci_fn *fn)
{
	memcpy(fn->cfg, fn->initial, sizeof(fn->cfg));
	fn->device_feature_select = 0;
	fn->driver_feature_select = 0;
	fn->queue_select = 0;
	pci_msix_table_reset(fn);
}

/* The access that the window stands for (virtio 1.2, 4.1.4.9.1), if it is one: a BAR that there is,
 * 1, 2 or 4 bytes, within the BAR. */
static bool
window_access(struct vn_pci_fn *fn, bool write)
{
	const uint8_t bar = fn->cfg[WINDOW_BAR];
	const uint32_t offset = pci_get32(fn->cfg + WINDOW_OFFSET);
	const uint32_t len = pci_get32(fn->cfg + WINDOW_LENGTH);
	uint8_t data[4];

	if (bar >= PCI_STD_NUM_BARS || (len != 1 && len != 2 && len != 4))
		return false;
	if (write) {
		memcpy(data, fn->cfg + WINDOW_DATA, len);
		return vn_pci_fn_write(fn, bar, offset, data, len) == 0;
	}
	if (vn_pci_fn_read(fn, bar, offset, data, len) != 0)
		return false;
	memcpy(fn->cfg + WINDOW_DATA, data, len);
	return true;
}

void
pci_config_read(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len)
{
	if (offset >= PCI_CFG_BYTES)
		return;
	len = RTE_MIN(len, PCI_CFG_BYTES - offset);
	if (pci_touches(offset, len, WINDOW_DATA, 4) && !window_access(fn, false))
		memset(fn->cfg + WINDOW_DATA, 0, 4);
	memcpy(buf, fn->cfg + offset, len);
	if (pci_touches(offset, len, PCI_STATUS, 1) && !pci_msix_on(fn) &&
		vn_model_isr(fn->dev) != 0)
		buf[PCI_STATUS - offset] |= PCI_STATUS_INTERRUPT;
	pci_sriov_read(fn, offset, buf, len);
}

/* Two of the four power states exist; a write of another changes nothing (PCI PM 1.2, 3.2.4). */
static void
power_state(struct vn_pci_fn *fn, uint8_t before)
{
	uint8_t *ctrl = &fn->cfg[PCI_CAP_PM + PCI_PM_CTRL];
	const uint8_t state = *ctrl & PCI_PM_CTRL_STATE_MASK;

	if (state == 1 || state == 2)
		*ctrl = before;
}

static void
flr_done(void *ctx, int result)
{
	(void)ctx;
	(void)result;
}

void
pci_config_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len)
{
	const bool intx_off = pci_intx_disabled(fn);
	uint8_t before[PCI_CFG_BYTES];
	uint32_t i;

	if (offset >= PCI_CFG_BYTES || len == 0)
		return;
	len = RTE_MIN(len, PCI_CFG_BYTES - offset);
	if (pci_touches(offset, len, FLR_BYTE, 1) && (buf[FLR_BYTE - offset] & FLR_BIT) != 0) {
		/* All else in the same write is lost. */
		vn_pci_fn_reset(fn, flr_done, NULL);
		return;
	}
	memcpy(before, fn->cfg, sizeof(before));
	for (i = 0; i < len; i++) {
		const uint8_t mask = fn->mask[offset + i];

		fn->cfg[offset + i] = (fn->cfg[offset + i] & ~mask) | (buf[i] & mask);
	}
	power_state(fn, before[PCI_CAP_PM + PCI_PM_CTRL]);
	if (pci_touches(offset, len, PCI_CAP_SRIOV, PCI_SRIOV_BYTES))
		pci_sriov_written(fn, before);
	if (!pci_check_msix(fn) && !fn->msix_told && pci_intx_disabled(fn) != intx_off)
		vn_model_irq_changed(fn->dev, UINT32_MAX);
	if (pci_touches(offset, len, WINDOW_DATA, 4))
		window_access(fn, true);
}
