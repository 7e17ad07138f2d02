/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * The function as a record: its registers, then the model's record. Plain data for a later process
 * on the same machine. Of the MSI-X table only what was written is in it: usually nothing, as the
 * host keeps the table.
 */

#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "pci_private.h"

#define MAGIC   0x464e5056 /* "VPNF" */
#define VERSION 2

struct record {
	uint32_t magic;
	uint16_t version;
	uint16_t header_bytes;
	uint32_t total_bytes;
	uint32_t device_feature_select, driver_feature_select;
	uint16_t queue_select;
	uint16_t msix_vectors;
	uint16_t table_entries; /* that follow */
	uint16_t zero;
	uint32_t model_bytes; /* that follow those */
	uint8_t cfg[PCI_CFG_BYTES];
};
static_assert(sizeof(struct record) == 32 + PCI_CFG_BYTES, "no padding");
static_assert(sizeof(struct record) + PCI_MSIX_VECTORS_MAX * PCI_MSIX_ENTRY + VN_MODEL_SAVE_MAX <=
		      VN_PCI_FN_SAVE_MAX,
	"the largest record");

/* An entry as a reset leaves it. */
static const uint8_t untouched[PCI_MSIX_ENTRY] = {
	[PCI_MSIX_ENTRY_VECTOR_CTRL] = PCI_MSIX_ENTRY_CTRL_MASKBIT};

static uint16_t
table_entries(const struct vn_pci_fn *fn)
{
	uint16_t n = fn->conf.msix_vectors;

	while (n > 0 &&
		memcmp(fn->msix_table + (n - 1) * PCI_MSIX_ENTRY, untouched, PCI_MSIX_ENTRY) == 0)
		n--;
	return n;
}

int
vn_pci_fn_save(const struct vn_pci_fn *fn, void *buf, size_t room)
{
	struct record r = {
		.magic = MAGIC,
		.version = VERSION,
		.header_bytes = sizeof(r),
		.device_feature_select = fn->device_feature_select,
		.driver_feature_select = fn->driver_feature_select,
		.queue_select = fn->queue_select,
		.msix_vectors = fn->conf.msix_vectors,
		.table_entries = table_entries(fn),
	};
	const size_t table = (size_t)r.table_entries * PCI_MSIX_ENTRY;
	int model;

	if (room < sizeof(r) + table)
		return -ENOSPC;
	model = vn_model_save(
		fn->dev, (uint8_t *)buf + sizeof(r) + table, room - sizeof(r) - table);
	if (model < 0)
		return model;
	r.model_bytes = (uint32_t)model;
	r.total_bytes = (uint32_t)(sizeof(r) + table + r.model_bytes);
	memcpy(r.cfg, fn->cfg, sizeof(r.cfg));
	memcpy(buf, &r, sizeof(r));
	if (table > 0)
		memcpy((uint8_t *)buf + sizeof(r), fn->msix_table, table);
	return (int)r.total_bytes;
}

/* Configuration space that writes to this function can have led to. */
static bool
config_possible(const struct vn_pci_fn *fn, const uint8_t *cfg)
{
	const uint8_t power = cfg[PCI_CAP_PM + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK;

	for (unsigned int i = 0; i < PCI_CFG_BYTES; i++)
		if (((cfg[i] ^ fn->initial[i]) & ~fn->mask[i]) != 0 &&
			!pci_sriov_may_differ(fn, i, cfg))
			return false;
	return (power == 0 || power == PCI_PM_CTRL_STATE_MASK) && pci_sriov_possible(fn, cfg);
}

static bool
table_possible(const uint8_t *table, uint16_t entries)
{
	for (uint16_t i = 0; i < entries; i++) {
		const uint8_t *e = table + i * PCI_MSIX_ENTRY;

		if ((e[PCI_MSIX_ENTRY_LOWER_ADDR] & 3) != 0 ||
			(pci_get32(e + PCI_MSIX_ENTRY_VECTOR_CTRL) & ~1u) != 0)
			return false;
	}
	return true;
}

int
vn_pci_fn_restore(struct vn_pci_fn *fn, const void *buf, size_t len)
{
	const uint8_t *table = (const uint8_t *)buf + sizeof(struct record);
	struct record r;
	size_t table_bytes;
	int ret;

	if (len < sizeof(r))
		return -EINVAL;
	memcpy(&r, buf, sizeof(r));
	if (r.magic != MAGIC || r.version != VERSION || r.header_bytes != sizeof(r) ||
		r.total_bytes != len || r.zero != 0)
		return -EINVAL;
	if (r.msix_vectors != fn->conf.msix_vectors || r.table_entries > r.msix_vectors)
		return -EINVAL;
	table_bytes = (size_t)r.table_entries * PCI_MSIX_ENTRY;
	if (len - sizeof(r) < table_bytes || len - sizeof(r) - table_bytes != r.model_bytes)
		return -EINVAL;
	if (!config_possible(fn, r.cfg) || !table_possible(table, r.table_entries))
		return -EINVAL;

	memcpy(fn->cfg, r.cfg, sizeof(fn->cfg));
	fn->device_feature_select = r.device_feature_select;
	fn->driver_feature_select = r.driver_feature_select;
	fn->queue_select = r.queue_select;
	if (table_bytes > 0)
		memcpy(fn->msix_table, table, table_bytes);
	/* the model asks for its interrupts while its rings start */
	fn->msix_told = pci_msix_on(fn);
	ret = vn_model_restore(fn->dev, table + table_bytes, r.model_bytes);
	if (ret != 0) {
		pci_config_reset(fn);
		fn->msix_told = pci_msix_on(fn);
		return ret;
	}
	pci_sriov_want(fn);
	return 0;
}
