/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mock_pci.h"

#define MAGIC 0x4b434f4d

struct mock_pci mock_pci;

struct record {
	uint32_t magic;
	uint8_t isr;
	uint64_t hash;
	uint8_t cfg[256], mem[MOCK_MEM_LEN];
};

struct vn_pci_fn {
	struct vn_pci_conf conf;
	const struct vn_pci_ops *ops;
	void *ctx;
	int doorbell_fd;
	struct record r;
	vn_device_cb done;
	void *done_ctx;
};

int
vn_pci_fn_create(struct vn_device *dev, const struct vn_pci_conf *conf,
	const struct vn_pci_ops *ops, void *ctx, struct vn_pci_fn **out)
{
	struct vn_pci_fn *fn = calloc(1, sizeof(*fn));

	(void)dev;
	assert(fn != NULL);
	fn->conf = *conf;
	fn->ops = ops;
	fn->ctx = ctx;
	fn->doorbell_fd = -1;
	fn->r.magic = MAGIC;
	if (conf->doorbell_page) {
		fn->doorbell_fd = memfd_create("doorbell", MFD_CLOEXEC);
		assert(ftruncate(fn->doorbell_fd, VN_PCI_NOTIFY_CTRL) == 0);
	}
	mock_pci.fn = fn;
	*out = fn;
	return 0;
}

void
vn_pci_fn_free(struct vn_pci_fn *fn)
{
	if (fn == NULL)
		return;
	if (fn->doorbell_fd >= 0)
		close(fn->doorbell_fd);
	free(fn);
	mock_pci.fn = NULL;
}

void
vn_pci_fn_region(
	const struct vn_pci_fn *fn, enum vn_pci_region region, struct vn_pci_region_info *info)
{
	memset(info, 0, sizeof(*info));
	if (region == VN_PCI_CONFIG)
		info->size = VN_PCI_CONFIG_SIZE;
	else if (region == VN_PCI_BAR4)
		info->size = VN_PCI_BAR4_SIZE;
	else if (region == VN_PCI_BAR1 && fn->conf.msix_vectors > 0)
		info->size = 0x1000;
	info->readable = info->writable = info->size > 0;
	if (region == VN_PCI_BAR4 && fn->doorbell_fd >= 0) {
		info->map_offset = VN_PCI_NOTIFY;
		info->map_size = 0x1000;
	}
}

int
vn_pci_fn_doorbell_fd(const struct vn_pci_fn *fn)
{
	return fn->doorbell_fd;
}

uint16_t
vn_pci_fn_irqs(const struct vn_pci_fn *fn, enum vn_pci_irq irq)
{
	return irq == VN_PCI_INTX ? 1 : irq == VN_PCI_MSIX ? fn->conf.msix_vectors : 0;
}

void
vn_pci_fn_set_max_vectors(struct vn_pci_fn *fn, uint16_t max_vectors)
{
	fn->conf.max_vectors = max_vectors;
	mock_pci.max_vectors = max_vectors;
}

void
vn_pci_fn_set_vfs(struct vn_pci_fn *fn, uint16_t n, bool by_client)
{
	(void)fn;
	mock_pci.vfs = n;
	mock_pci.vfs_by_client = by_client;
}

static bool
within(const struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, uint32_t len)
{
	struct vn_pci_region_info i;

	vn_pci_fn_region(fn, region, &i);
	return offset <= i.size && len <= i.size - offset;
}

int
vn_pci_fn_read(
	struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, void *buf, uint32_t len)
{
	mock_pci.accesses++;
	if (!within(fn, region, offset, len))
		return -EINVAL;
	memset(buf, 0, len);
	if (region == VN_PCI_CONFIG && offset + len <= sizeof(fn->r.cfg)) {
		memcpy(buf, fn->r.cfg + offset, len);
	} else if (region == VN_PCI_BAR4 && offset == MOCK_HASH && len == 8) {
		memcpy(buf, &fn->r.hash, 8);
	} else if (region == VN_PCI_BAR4 && offset == VN_PCI_ISR && len > 0) {
		*(uint8_t *)buf = fn->r.isr;
		fn->r.isr = 0;
	} else if (region == VN_PCI_BAR4 && offset >= MOCK_MEM &&
		   offset + len <= MOCK_MEM + MOCK_MEM_LEN) {
		memcpy(buf, fn->r.mem + offset - MOCK_MEM, len);
	}
	return 0;
}

int
vn_pci_fn_write(struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, const void *buf,
	uint32_t len)
{
	uint64_t v;

	mock_pci.accesses++;
	if (!within(fn, region, offset, len))
		return -EINVAL;
	if (vn_pci_fn_is_doorbell(fn, region, offset, len)) {
		mock_pci.kicks++;
	} else if (region == VN_PCI_CONFIG && offset + len <= sizeof(fn->r.cfg)) {
		memcpy(fn->r.cfg + offset, buf, len);
	} else if (region == VN_PCI_BAR4 && offset == MOCK_HASH && len == 8) {
		memcpy(&v, buf, 8);
		fn->r.hash = mock_hash(fn->r.hash, v);
	} else if (region == VN_PCI_BAR4 && offset == MOCK_SET_ISR && len > 0) {
		fn->r.isr = *(const uint8_t *)buf;
	} else if (region == VN_PCI_BAR4 && offset >= MOCK_MEM &&
		   offset + len <= MOCK_MEM + MOCK_MEM_LEN) {
		memcpy(fn->r.mem + offset - MOCK_MEM, buf, len);
	}
	return 0;
}

bool
vn_pci_fn_is_doorbell(
	const struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, uint32_t len)
{
	(void)fn;
	return region == VN_PCI_BAR4 && offset >= VN_PCI_NOTIFY &&
	       offset + len <= VN_PCI_NOTIFY_CTRL;
}

void
vn_pci_fn_irq_changed(struct vn_pci_fn *fn, enum vn_pci_irq irq, uint32_t n)
{
	(void)fn;
	(void)irq;
	mock_pci.irq_changes++;
	mock_pci.last_irq_change = n;
}

bool
vn_pci_fn_intx_pending(const struct vn_pci_fn *fn)
{
	return fn->r.isr != 0;
}

void
vn_pci_fn_reset(struct vn_pci_fn *fn, vn_device_cb done, void *ctx)
{
	mock_pci.resets++;
	memset(&fn->r, 0, sizeof(fn->r));
	fn->r.magic = MAGIC;
	if (!mock_pci.delay_reset) {
		done(ctx, 0);
		return;
	}
	assert(mock_pci.waiting == 0);
	mock_pci.waiting = 1;
	fn->done = done;
	fn->done_ctx = ctx;
}

bool
vn_pci_fn_wait(struct vn_pci_fn *fn, vn_device_cb done, void *ctx)
{
	if (!mock_pci.wait)
		return false;
	assert(mock_pci.waiting == 0);
	mock_pci.waiting = 1;
	fn->done = done;
	fn->done_ctx = ctx;
	return true;
}

void
mock_pci_answer(int result)
{
	assert(mock_pci.waiting == 1);
	mock_pci.waiting = 0;
	mock_pci.fn->done(mock_pci.fn->done_ctx, result);
}

int
vn_pci_fn_save(const struct vn_pci_fn *fn, void *buf, size_t room)
{
	mock_pci.saves++;
	if (room < sizeof(fn->r))
		return -ENOSPC;
	memcpy(buf, &fn->r, sizeof(fn->r));
	return sizeof(fn->r);
}

int
vn_pci_fn_restore(struct vn_pci_fn *fn, const void *buf, size_t len)
{
	const struct record *r = buf;

	if (len != sizeof(*r) || r->magic != MAGIC)
		return -EINVAL;
	fn->r = *r;
	return 0;
}

int
mock_pci_irq_fd(enum vn_pci_irq irq, uint16_t n)
{
	return mock_pci.fn->ops->irq_fd(mock_pci.fn->ctx, irq, n);
}

bool
mock_pci_msix_active(void)
{
	return mock_pci.fn->ops->msix_active(mock_pci.fn->ctx);
}

void
mock_pci_save(void)
{
	mock_pci.fn->ops->save(mock_pci.fn->ctx);
}

void
mock_pci_set_isr(uint8_t isr)
{
	mock_pci.fn->r.isr = isr;
}

uint64_t
mock_pci_hash(void)
{
	return mock_pci.fn->r.hash;
}
