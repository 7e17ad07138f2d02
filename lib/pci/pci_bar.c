/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Which block of registers a BAR access goes to: an access may cover several of them, and gaps.
 * ISR status, device configuration, doorbells, and the MSI-X table are here.
 */

#include <string.h>

#include <rte_common.h>

#include "pci_private.h"

struct block {
	uint32_t offset, len;
	/* @p offset is within the block; bytes that are not set stay 0 */
	void (*read)(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len);
	void (*write)(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len);
};

void
pci_regs_write(struct vn_pci_fn *fn, const struct pci_regs *regs, uint32_t offset,
	const uint8_t *buf, uint32_t len)
{
	uint8_t image[PCI_REGS_BYTES];

	for (unsigned int i = 0; i < regs->n; i++) {
		const uint32_t at = regs->reg[i].offset, width = regs->reg[i].width;
		const uint32_t begin = RTE_MAX(offset, at);
		const uint32_t end = RTE_MIN(offset + len, at + width);
		uint64_t value = 0;

		if (begin >= end)
			continue;
		/* anew for each: a queue that was just selected has other registers */
		regs->image(fn, image);
		memcpy(image + begin, buf + (begin - offset), end - begin);
		for (uint32_t b = width; b > 0; b--)
			value = value << 8 | image[at + b - 1];
		regs->set(fn, (uint8_t)at, value, end - begin == width);
	}
}

/* Reading acknowledges, which takes INTx back: it shows the ISR status, see
 * vn_pci_fn_intx_pending()
 */
static void
isr_read(
	struct vn_pci_fn *fn, uint32_t offset __rte_unused, uint8_t *buf, uint32_t len __rte_unused)
{
	buf[0] = vn_model_isr_read_clear(fn->dev);
}

static void
device_read(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len)
{
	vn_model_config_read(fn->dev, offset, buf, len);
}

static void
device_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len)
{
	vn_model_config_write(fn->dev, offset, buf, len);
}

/* A doorbell takes the index of its queue, 16 bits, or with VIRTIO_F_NOTIFICATION_DATA 32 bits that
 * begin with it (virtio 1.2, 4.1.5.2). Anything else is ignored. */
static void
notify_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len)
{
	uint16_t q;

	if (len != 2 && len != 4)
		return;
	q = pci_get16(buf);
	if (q >= vn_model_num_queues(fn->dev) ||
		pci_notify_off(fn, q) * VN_PCI_NOTIFY_MULTIPLIER != offset)
		return;
	vn_model_kick(fn->dev, q, len == 4 ? pci_get32(buf) : q);
}

static const struct block bar4[] = {
	{VN_PCI_COMMON, sizeof(struct vn_pci_common_cfg), pci_common_read, pci_common_write},
	{VN_PCI_ISR, 1, isr_read, NULL},
	{VN_PCI_DEVICE, sizeof(struct vn_net_config), device_read, device_write},
	{VN_PCI_NOTIFY, PCI_NOTIFY_BYTES, NULL, notify_write},
};

static const struct block bar0[] = {
	{0, PCI_LEGACY_SIZE, pci_legacy_read, pci_legacy_write},
};

/* The host emulates the table and interrupts by eventfd: what is written here has no effect, but
 * is there to be read. */
void
pci_msix_table_reset(struct vn_pci_fn *fn)
{
	if (fn->msix_table == NULL)
		return;
	memset(fn->msix_table, 0, fn->conf.msix_vectors * PCI_MSIX_ENTRY);
	for (unsigned int i = 0; i < fn->conf.msix_vectors; i++)
		fn->msix_table[i * PCI_MSIX_ENTRY + PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static void
table_read(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len)
{
	const uint32_t size = fn->conf.msix_vectors * PCI_MSIX_ENTRY;

	/* no bit is ever pending: see irq_fd() in vn_pci_fn.c */
	if (offset < size)
		memcpy(buf, fn->msix_table + offset, RTE_MIN(len, size - offset));
}

static void
table_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len)
{
	const uint32_t size = fn->conf.msix_vectors * PCI_MSIX_ENTRY;

	for (uint32_t i = 0; i < len && offset + i < size; i++) {
		uint8_t mask = 0xff;

		switch ((offset + i) % PCI_MSIX_ENTRY) {
		case PCI_MSIX_ENTRY_LOWER_ADDR:
			mask = 0xfc;
			break;
		case PCI_MSIX_ENTRY_VECTOR_CTRL:
			mask = PCI_MSIX_ENTRY_CTRL_MASKBIT;
			break;
		case PCI_MSIX_ENTRY_VECTOR_CTRL + 1:
		case PCI_MSIX_ENTRY_VECTOR_CTRL + 2:
		case PCI_MSIX_ENTRY_VECTOR_CTRL + 3:
			mask = 0;
			break;
		}
		fn->msix_table[offset + i] = buf[i] & mask;
	}
}

static const struct block bar1[] = {
	{0, UINT32_MAX, table_read, table_write},
};

static const struct {
	const struct block *block;
	unsigned int n;
} bars[PCI_STD_NUM_BARS] = {
	[VN_PCI_BAR0] = {bar0, RTE_DIM(bar0)},
	[VN_PCI_BAR1] = {bar1, RTE_DIM(bar1)},
	[VN_PCI_BAR4] = {bar4, RTE_DIM(bar4)},
};

/* The part of [offset, offset + len) that lies in @p b. @return false: none. */
static bool
cut(const struct block *b, uint32_t offset, uint32_t len, uint32_t *begin, uint32_t *n)
{
	const uint64_t end = RTE_MIN((uint64_t)offset + len, (uint64_t)b->offset + b->len);

	*begin = RTE_MAX(offset, b->offset);
	if (*begin >= end)
		return false;
	*n = (uint32_t)(end - *begin);
	return true;
}

void
pci_bar_read(struct vn_pci_fn *fn, unsigned int bar, uint32_t offset, uint8_t *buf, uint32_t len)
{
	uint32_t begin, n;

	for (unsigned int i = 0; i < bars[bar].n; i++) {
		const struct block *b = &bars[bar].block[i];

		if (b->read != NULL && cut(b, offset, len, &begin, &n))
			b->read(fn, begin - b->offset, buf + (begin - offset), n);
	}
}

void
pci_bar_write(
	struct vn_pci_fn *fn, unsigned int bar, uint32_t offset, const uint8_t *buf, uint32_t len)
{
	uint32_t begin, n;

	for (unsigned int i = 0; i < bars[bar].n; i++) {
		const struct block *b = &bars[bar].block[i];

		if (b->write != NULL && cut(b, offset, len, &begin, &n))
			b->write(fn, begin - b->offset, buf + (begin - offset), n);
	}
}
