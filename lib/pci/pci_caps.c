/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * What configuration space looks like after a reset, and which of its bits can be written:
 * header (PCI Local Bus 3.0, 6.1), power management, PCI Express and MSI-X capabilities, and the
 * virtio structures (virtio 1.2, 4.1.4).
 */

#include <rte_bitops.h>
#include <rte_common.h>

#include "pci_private.h"

/* Identity of contract 1.5. */
#define REVISION_MODERN       1
#define SUBSYS_MODERN         0x1041
#define SUBSYS_HOTPLUG        0x0001
#define REVISION_TRANSITIONAL 0 /* virtio 1.2, 4.1.2.1 */
#define SUBSYS_TRANSITIONAL   1 /* the device type (virtio 1.2, 4.1.2.3) */

#define BAR_AT(n) ((uint8_t)(PCI_BASE_ADDRESS_0 + 4 * (n)))

static void
set16(struct vn_pci_fn *fn, uint8_t at, uint16_t value, uint16_t mask)
{
	pci_put16(fn->initial + at, value);
	pci_put16(fn->mask + at, mask);
}

static void
set32(struct vn_pci_fn *fn, uint8_t at, uint32_t value, uint32_t mask)
{
	pci_put32(fn->initial + at, value);
	pci_put32(fn->mask + at, mask);
}

/* A BAR reads back as its size when all ones are written: the address bits below it do not exist */
static void
set_bar(struct vn_pci_fn *fn, unsigned int n, uint32_t size, uint32_t type)
{
	fn->bar_size[n] = size;
	set32(fn, BAR_AT(n), type, ~(size - 1));
	if ((type & PCI_BASE_ADDRESS_MEM_TYPE_64) != 0)
		set32(fn, BAR_AT(n + 1), 0, UINT32_MAX);
}

uint32_t
pci_msix_bar_size(uint16_t vectors)
{
	const uint32_t table = vectors * PCI_MSIX_ENTRY;
	const uint32_t pba = RTE_ALIGN_CEIL(vectors, 64) / 8;

	return RTE_MAX(0x1000u, rte_align32pow2(table + pba));
}

/* A hotplug PF of the reference product shows subsystem 1 in the one example published; a VF looks
 * like its parent. No driver cares: Linux takes the type from the device id, and looks at the
 * subsystem only with a transitional one. */
static void
header(struct vn_pci_fn *fn)
{
	const bool legacy = fn->conf.transitional;
	uint16_t subsys = fn->dev->conf.type == VN_HOTPLUG_PF ? SUBSYS_HOTPLUG : SUBSYS_MODERN;

	if (legacy)
		subsys = SUBSYS_TRANSITIONAL;
	set16(fn, PCI_VENDOR_ID, VN_PCI_VENDOR_ID, 0);
	set16(fn, PCI_DEVICE_ID, legacy ? VN_PCI_DEVICE_ID_LEGACY : VN_PCI_DEVICE_ID_NET, 0);
	set16(fn, PCI_COMMAND, 0,
		PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
			PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	set16(fn, PCI_STATUS, PCI_STATUS_CAP_LIST, 0);
	fn->initial[PCI_REVISION_ID] = legacy ? REVISION_TRANSITIONAL : REVISION_MODERN;
	set16(fn, PCI_CLASS_DEVICE, 0x0200, 0);
	fn->mask[PCI_CACHE_LINE_SIZE] = 0xff;
	fn->mask[PCI_LATENCY_TIMER] = 0xff;
	fn->initial[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_NORMAL;
	set16(fn, PCI_SUBSYSTEM_VENDOR_ID, VN_PCI_VENDOR_ID, 0);
	set16(fn, PCI_SUBSYSTEM_ID, subsys, 0);
	fn->mask[PCI_INTERRUPT_LINE] = 0xff;
	fn->initial[PCI_INTERRUPT_PIN] = 1;

	if (legacy)
		set_bar(fn, 0, PCI_LEGACY_SIZE, PCI_BASE_ADDRESS_SPACE_IO);
	if (fn->conf.msix_vectors > 0)
		set_bar(fn, 1, pci_msix_bar_size(fn->conf.msix_vectors), 0);
	set_bar(fn, 4, VN_PCI_BAR4_SIZE,
		PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
}

/* D0 and D3hot, and nothing is lost on the way back. No PME. */
static void
power_management(struct vn_pci_fn *fn)
{
	set16(fn, PCI_CAP_PM + PCI_PM_PMC, 3, 0);
	set16(fn, PCI_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET, PCI_PM_CTRL_STATE_MASK);
}

/* An endpoint; one with an I/O BAR has to be a legacy one (PCI Express 3.0, 1.3.2). The link is
 * there to be shown: 8 GT/s, 16 lanes. */
static void
express(struct vn_pci_fn *fn)
{
	const uint8_t at = PCI_CAP_EXPRESS;
	const uint16_t type = fn->conf.transitional ? PCI_EXP_TYPE_LEG_END : PCI_EXP_TYPE_ENDPOINT;

	set16(fn, at + PCI_EXP_FLAGS, 2 | type << 4, 0);
	set32(fn, at + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 0);
	/* FLR always reads as 0: see pci_config.c */
	set16(fn, at + PCI_EXP_DEVCTL,
		PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B,
		PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
			PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN |
			PCI_EXP_DEVCTL_READRQ);
	set32(fn, at + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_8_0GB | 16 << 4, 0);
	set16(fn, at + PCI_EXP_LNKCTL, 0,
		PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
	set16(fn, at + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_CLS_8_0GB | 16 << PCI_EXP_LNKSTA_NLW_SHIFT,
		0);
	set32(fn, at + PCI_EXP_DEVCAP2, PCI_EXP_DEVCAP2_COMP_TMOUT_DIS, 0);
	set16(fn, at + PCI_EXP_DEVCTL2, 0, PCI_EXP_DEVCTL2_COMP_TMOUT_DIS);
	set32(fn, at + PCI_EXP_LNKCAP2,
		PCI_EXP_LNKCAP2_SLS_2_5GB | PCI_EXP_LNKCAP2_SLS_5_0GB | PCI_EXP_LNKCAP2_SLS_8_0GB,
		0);
	set16(fn, at + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS_8_0GT, PCI_EXP_LNKCTL2_TLS);
}

/* Table at the beginning of BAR1, pending bits behind it. */
static void
msix(struct vn_pci_fn *fn)
{
	const uint16_t n = fn->conf.msix_vectors;

	set16(fn, PCI_CAP_MSIX + PCI_MSIX_FLAGS, n - 1,
		PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	set32(fn, PCI_CAP_MSIX + PCI_MSIX_TABLE, 1, 0);
	set32(fn, PCI_CAP_MSIX + PCI_MSIX_PBA, 1 | n * PCI_MSIX_ENTRY, 0);
}

static void
virtio_cap(struct vn_pci_fn *fn, uint8_t at, uint8_t len, uint8_t type, uint32_t offset,
	uint32_t length)
{
	fn->initial[at + offsetof(struct vn_pci_cap, cap_len)] = len;
	fn->initial[at + offsetof(struct vn_pci_cap, cfg_type)] = type;
	fn->initial[at + offsetof(struct vn_pci_cap, bar)] = 4;
	set32(fn, at + offsetof(struct vn_pci_cap, offset), offset, 0);
	set32(fn, at + offsetof(struct vn_pci_cap, length), length, 0);
}

static void
virtio_caps(struct vn_pci_fn *fn)
{
	const uint8_t window = PCI_CAP_WINDOW;

	virtio_cap(fn, PCI_CAP_COMMON, sizeof(struct vn_pci_cap), VN_PCI_CAP_COMMON_CFG,
		VN_PCI_COMMON, sizeof(struct vn_pci_common_cfg));
	virtio_cap(fn, PCI_CAP_ISR, sizeof(struct vn_pci_cap), VN_PCI_CAP_ISR_CFG, VN_PCI_ISR, 1);
	virtio_cap(fn, PCI_CAP_DEVICE, sizeof(struct vn_pci_cap), VN_PCI_CAP_DEVICE_CFG,
		VN_PCI_DEVICE, sizeof(struct vn_net_config));
	virtio_cap(fn, PCI_CAP_NOTIFY, sizeof(struct vn_pci_notify_cap), VN_PCI_CAP_NOTIFY_CFG,
		VN_PCI_NOTIFY, PCI_NOTIFY_BYTES);
	set32(fn, PCI_CAP_NOTIFY + offsetof(struct vn_pci_notify_cap, notify_off_multiplier),
		VN_PCI_NOTIFY_MULTIPLIER, 0);

	/* Where the window looks to is the driver's (4.1.4.9). */
	virtio_cap(fn, window, sizeof(struct vn_pci_cfg_cap), VN_PCI_CAP_PCI_CFG, 0, 0);
	fn->initial[window + offsetof(struct vn_pci_cap, bar)] = 0;
	fn->mask[window + offsetof(struct vn_pci_cap, bar)] = 0xff;
	set32(fn, window + offsetof(struct vn_pci_cap, offset), 0, UINT32_MAX);
	set32(fn, window + offsetof(struct vn_pci_cap, length), 0, UINT32_MAX);
	set32(fn, window + offsetof(struct vn_pci_cfg_cap, pci_cfg_data), 0, UINT32_MAX);
}

/* Put the capability at @p at into the list, of which @p link is the last pointer. */
static uint8_t
chain(struct vn_pci_fn *fn, uint8_t link, uint8_t at, uint8_t id)
{
	fn->initial[link] = at;
	fn->initial[at + PCI_CAP_LIST_ID] = id;
	return at + PCI_CAP_LIST_NEXT;
}

void
pci_caps_init(struct vn_pci_fn *fn)
{
	static const uint8_t vendor[] = {
		PCI_CAP_COMMON, PCI_CAP_ISR, PCI_CAP_DEVICE, PCI_CAP_NOTIFY, PCI_CAP_WINDOW};
	uint8_t link = PCI_CAPABILITY_LIST;

	header(fn);
	power_management(fn);
	link = chain(fn, link, PCI_CAP_PM, PCI_CAP_ID_PM);
	express(fn);
	link = chain(fn, link, PCI_CAP_EXPRESS, PCI_CAP_ID_EXP);
	if (fn->conf.msix_vectors > 0) {
		msix(fn);
		link = chain(fn, link, PCI_CAP_MSIX, PCI_CAP_ID_MSIX);
	}
	virtio_caps(fn);
	for (unsigned int i = 0; i < RTE_DIM(vendor); i++)
		link = chain(fn, link, vendor[i], PCI_CAP_ID_VNDR);
	pci_sriov_init(fn);
}
