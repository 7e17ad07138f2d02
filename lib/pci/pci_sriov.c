/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * The SR-IOV and ARI capabilities of a PF that may own VFs (PCI Express 4.0, 9.3.3): how a host
 * asks for VFs. The VFs themselves are functions of their own, which the host reaches by
 * other endpoints; so what the PF says of their BARs and addresses is for it to look at, and no
 * access goes there.
 *
 * The registers hold what the client has written. VFs that the operator has enabled are shown in
 * their place, and cannot be changed by the client.
 */

#include <string.h>

#include <rte_common.h>

#include "pci_private.h"
#include "vn_log.h"

/* The capability's registers, in configuration space. */
#define AT(reg) (PCI_CAP_SRIOV + (reg))
#define BARS    (PCI_SRIOV_NUM_BARS * 4)

/* 4, 8, 64 and 256 KiB, 1 and 4 MiB: those that every function has to support. Bit n stands for
 * 2^(n + 12) bytes. */
#define PAGE_SIZES 0x553u
#define PAGE_SHIFT 12

static bool
present(const struct vn_pci_fn *fn)
{
	return fn->dev->conf.type == VN_STATIC_PF && fn->dev->conf.total_vfs > 0;
}

static bool
enabled(const uint8_t *cfg)
{
	return (cfg[AT(PCI_SRIOV_CTRL)] & PCI_SRIOV_CTRL_VFE) != 0;
}

static void
ext_cap(struct vn_pci_fn *fn, uint16_t at, uint16_t id, uint16_t next)
{
	pci_put32(fn->initial + at, id | 1u << 16 | (uint32_t)next << 20);
}

static void
vf_bar(struct vn_pci_fn *fn, unsigned int n, uint32_t size, uint32_t type)
{
	const uint16_t at = (uint16_t)AT(PCI_SRIOV_BAR + 4 * n);

	fn->vf_bar_size[n] = size;
	pci_put32(fn->initial + at, type);
	pci_put32(fn->mask + at, ~(size - 1));
	if ((type & PCI_BASE_ADDRESS_MEM_TYPE_64) != 0)
		pci_put32(fn->mask + at + 4, UINT32_MAX);
}

/*
 * The id that a VF's own configuration space shows: a host takes it from here (9.3.3.11). The I/O
 * BAR of a transitional VF is not among the VF BARs, which are memory BARs (9.3.3.14): only the
 * VF's own endpoint has it.
 */
static uint16_t
vf_device_id(const struct vn_pci_fn *fn)
{
	return fn->dev->conf.vf_transitional ? VN_PCI_DEVICE_ID_LEGACY : VN_PCI_DEVICE_ID_NET;
}

void
pci_sriov_init(struct vn_pci_fn *fn)
{
	const struct vn_device_conf *conf = &fn->dev->conf;
	uint8_t *p = fn->initial + PCI_CAP_SRIOV, *mask = fn->mask + PCI_CAP_SRIOV;

	if (!present(fn))
		return;
	ext_cap(fn, PCI_CAP_ARI, PCI_EXT_CAP_ID_ARI, PCI_CAP_SRIOV);
	ext_cap(fn, PCI_CAP_SRIOV, PCI_EXT_CAP_ID_SRIOV, 0);
	pci_put16(mask + PCI_SRIOV_CTRL,
		PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE | PCI_SRIOV_CTRL_ARI);
	pci_put16(p + PCI_SRIOV_INITIAL_VF, conf->total_vfs);
	pci_put16(p + PCI_SRIOV_TOTAL_VF, conf->total_vfs);
	pci_put16(mask + PCI_SRIOV_NUM_VF, UINT16_MAX);
	/* Its own number: it depends on no other PF. */
	p[PCI_SRIOV_FUNC_LINK] = (uint8_t)conf->pci_function;
	pci_put16(p + PCI_SRIOV_VF_OFFSET, conf->vf_offset);
	pci_put16(p + PCI_SRIOV_VF_STRIDE, 1);
	pci_put16(p + PCI_SRIOV_VF_DID, vf_device_id(fn));
	pci_put32(p + PCI_SRIOV_SUP_PGSIZE, PAGE_SIZES);
	pci_put32(p + PCI_SRIOV_SYS_PGSIZE, 1);
	pci_put32(mask + PCI_SRIOV_SYS_PGSIZE, PAGE_SIZES);
	if (conf->vf_msix > 0)
		vf_bar(fn, 1, pci_msix_bar_size(conf->vf_msix), 0);
	vf_bar(fn, 4, VN_PCI_BAR4_SIZE,
		PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
}

static bool
page_size_valid(uint32_t page)
{
	return page != 0 && (page & (page - 1)) == 0 && (page & ~PAGE_SIZES) == 0;
}

/* A VF's BAR takes whole pages, so the address bits below a page do not exist either. */
static void
align_bars(const struct vn_pci_fn *fn, uint8_t *cfg)
{
	const uint32_t page = pci_get32(cfg + AT(PCI_SRIOV_SYS_PGSIZE)) << PAGE_SHIFT;

	for (unsigned int n = 0; n < PCI_SRIOV_NUM_BARS; n++) {
		const uint16_t at = (uint16_t)AT(PCI_SRIOV_BAR + 4 * n);
		const uint32_t size = RTE_MAX((uint32_t)fn->vf_bar_size[n], page);

		if (fn->vf_bar_size[n] > 0)
			pci_put32(cfg + at,
				(pci_get32(cfg + at) & ~(size - 1)) | pci_get32(fn->initial + at));
	}
}

void
pci_sriov_want(const struct vn_pci_fn *fn)
{
	const struct vn_device_env *env = &fn->dev->env;

	if (!present(fn) || env->want_vfs == NULL)
		return;
	env->want_vfs(env->ctx, fn->dev,
		enabled(fn->cfg) ? pci_get16(fn->cfg + AT(PCI_SRIOV_NUM_VF)) : 0);
}

void
pci_sriov_read(const struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len)
{
	uint8_t shown[PCI_CFG_BYTES];

	if (fn->operator_vfs == 0 || !pci_touches(offset, len, PCI_CAP_SRIOV, PCI_SRIOV_BYTES))
		return;
	memcpy(shown + offset, buf, len);
	shown[AT(PCI_SRIOV_CTRL)] |= PCI_SRIOV_CTRL_VFE;
	pci_put16(shown + AT(PCI_SRIOV_NUM_VF), fn->operator_vfs);
	memcpy(buf, shown + offset, len);
}

/* Registers that must not change while there are VFs keep their value. */
static void
keep_locked(struct vn_pci_fn *fn, const uint8_t *before)
{
	uint8_t keep = PCI_SRIOV_CTRL_ARI;

	if (fn->operator_vfs > 0)
		keep |= PCI_SRIOV_CTRL_VFE;
	else if (!enabled(before))
		return;
	fn->cfg[AT(PCI_SRIOV_CTRL)] =
		(fn->cfg[AT(PCI_SRIOV_CTRL)] & ~keep) | (before[AT(PCI_SRIOV_CTRL)] & keep);
	memcpy(fn->cfg + AT(PCI_SRIOV_NUM_VF), before + AT(PCI_SRIOV_NUM_VF), 2);
	memcpy(fn->cfg + AT(PCI_SRIOV_SYS_PGSIZE), before + AT(PCI_SRIOV_SYS_PGSIZE), 4);
}

/* VF Enable was written 1. */
static void
check_num(struct vn_pci_fn *fn)
{
	const uint16_t n = pci_get16(fn->cfg + AT(PCI_SRIOV_NUM_VF));
	struct vn_device *dev = fn->dev;

	if (n >= 1 && n <= dev->conf.total_vfs)
		return;
	fn->cfg[AT(PCI_SRIOV_CTRL)] &= (uint8_t)~PCI_SRIOV_CTRL_VFE;
	if (vn_log_allowed(&dev->log_limit, dev->conf.vuid))
		VN_WARN("%s: the client enables %u VFs; 1 to %u are possible: none were made",
			dev->conf.vuid, n, dev->conf.total_vfs);
}

void
pci_sriov_written(struct vn_pci_fn *fn, const uint8_t *before)
{
	if (!present(fn))
		return;
	keep_locked(fn, before);
	if (!page_size_valid(pci_get32(fn->cfg + AT(PCI_SRIOV_SYS_PGSIZE))))
		memcpy(fn->cfg + AT(PCI_SRIOV_SYS_PGSIZE), before + AT(PCI_SRIOV_SYS_PGSIZE), 4);
	align_bars(fn, fn->cfg);
	if (!enabled(before) && enabled(fn->cfg))
		check_num(fn);
	if (enabled(before) != enabled(fn->cfg))
		pci_sriov_want(fn);
}

/* The setting may have changed since: a record is not refused for what a PF says of its VFs. */
bool
pci_sriov_may_differ(const struct vn_pci_fn *fn, unsigned int at, const uint8_t *cfg)
{
	const uint16_t id = pci_get16(cfg + AT(PCI_SRIOV_VF_DID));

	return present(fn) && at - AT(PCI_SRIOV_VF_DID) < sizeof(id) &&
	       (id == VN_PCI_DEVICE_ID_NET || id == VN_PCI_DEVICE_ID_LEGACY);
}

bool
pci_sriov_possible(const struct vn_pci_fn *fn, const uint8_t *cfg)
{
	const uint16_t n = pci_get16(cfg + AT(PCI_SRIOV_NUM_VF));
	uint8_t aligned[PCI_CFG_BYTES];

	if (!present(fn))
		return true;
	if (!page_size_valid(pci_get32(cfg + AT(PCI_SRIOV_SYS_PGSIZE))))
		return false;
	memcpy(aligned, cfg, sizeof(aligned));
	align_bars(fn, aligned);
	if (memcmp(aligned + AT(PCI_SRIOV_BAR), cfg + AT(PCI_SRIOV_BAR), BARS) != 0)
		return false;
	return !enabled(cfg) || (n >= 1 && n <= fn->dev->conf.total_vfs);
}

void
vn_pci_fn_set_vfs(struct vn_pci_fn *fn, uint16_t n, bool by_client)
{
	if (!present(fn))
		return;
	fn->operator_vfs = by_client ? 0 : n;
	if (by_client && n > 0)
		return;
	if (!enabled(fn->cfg))
		return;
	fn->cfg[AT(PCI_SRIOV_CTRL)] &= (uint8_t)~PCI_SRIOV_CTRL_VFE;
	if (fn->ops->save != NULL)
		fn->ops->save(fn->ctx);
}
