/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The function's life, its regions, and its interrupts. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>

#include "pci_private.h"

bool
pci_msix_on(const struct vn_pci_fn *fn)
{
	if (fn->conf.msix_vectors == 0)
		return false;
	return (pci_get16(fn->cfg + PCI_CAP_MSIX + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE) != 0 ||
	       (fn->ops->msix_active != NULL && fn->ops->msix_active(fn->ctx));
}

bool
pci_intx_disabled(const struct vn_pci_fn *fn)
{
	return (pci_get16(fn->cfg + PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE) != 0;
}

bool
pci_check_msix(struct vn_pci_fn *fn)
{
	const bool on = pci_msix_on(fn);

	if (on == fn->msix_told)
		return false;
	fn->msix_told = on;
	vn_model_irq_changed(fn->dev, UINT32_MAX);
	return true;
}

static uint16_t
num_vectors(void *ctx)
{
	const struct vn_pci_fn *fn = ctx;

	return RTE_MIN(fn->conf.max_vectors, fn->conf.msix_vectors);
}

/*
 * A vector that is masked, in the table or by the function mask, has its eventfd all the same:
 * masking is the host's, which remembers that it was pending. And one that was taken before the
 * quota became smaller works on until its driver gives it back.
 */
static int
irq_fd(void *ctx, uint16_t vector)
{
	const struct vn_pci_fn *fn = ctx;

	if (pci_msix_on(fn)) {
		if (vector >= fn->conf.msix_vectors)
			return -1;
		return fn->ops->irq_fd(fn->ctx, VN_PCI_MSIX, vector);
	}
	if (pci_intx_disabled(fn))
		return -1;
	return fn->ops->irq_fd(fn->ctx, VN_PCI_INTX, 0);
}

static bool
intx(void *ctx)
{
	return !pci_msix_on(ctx);
}

static void
save(void *ctx)
{
	const struct vn_pci_fn *fn = ctx;

	if (fn->ops->save != NULL)
		fn->ops->save(fn->ctx);
}

static const struct vn_model_ops model_ops = {
	.irq_fd = irq_fd,
	.intx = intx,
	.num_vectors = num_vectors,
	.save = save,
};

/* The host maps the file, nobody here does: it cannot be made smaller all the same. */
static int
doorbell_open(void)
{
	int fd = memfd_create("virtnet-doorbell", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (fd < 0)
		return -errno;
	/* Laid out as the region: hosts map a page of it at the region's offset. */
	if (ftruncate(fd, VN_PCI_NOTIFY + PCI_DOORBELL_BYTES) != 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

int
vn_pci_fn_create(struct vn_device *dev, const struct vn_pci_conf *conf,
	const struct vn_pci_ops *ops, void *ctx, struct vn_pci_fn **out)
{
	struct vn_pci_fn *fn;
	int ret = -ENOMEM;

	if (conf->msix_vectors > PCI_MSIX_VECTORS_MAX || ops->irq_fd == NULL)
		return -EINVAL;
	fn = calloc(1, sizeof(*fn));
	if (fn == NULL)
		return -ENOMEM;
	fn->dev = dev;
	fn->conf = *conf;
	fn->ops = ops;
	fn->ctx = ctx;
	fn->doorbell_fd = -1;
	if (conf->msix_vectors > 0) {
		fn->msix_table = malloc(conf->msix_vectors * PCI_MSIX_ENTRY);
		if (fn->msix_table == NULL)
			goto free;
	}
	if (conf->doorbell_page) {
		fn->doorbell_fd = doorbell_open();
		if (fn->doorbell_fd < 0) {
			ret = fn->doorbell_fd;
			goto free;
		}
	}
	pci_caps_init(fn);
	pci_config_reset(fn);
	ret = vn_model_attach(dev, &model_ops, fn, conf->transitional, !conf->doorbell_page);
	if (ret != 0)
		goto free;
	fn->msix_told = pci_msix_on(fn);
	*out = fn;
	return 0;
free:
	vn_pci_fn_free(fn);
	return ret;
}

void
vn_pci_fn_free(struct vn_pci_fn *fn)
{
	if (fn == NULL)
		return;
	if (fn->freed != NULL)
		*fn->freed = true;
	if (fn->doorbell_fd >= 0)
		close(fn->doorbell_fd);
	free(fn->msix_table);
	free(fn);
}

void
vn_pci_fn_set_max_vectors(struct vn_pci_fn *fn, uint16_t max_vectors)
{
	fn->conf.max_vectors = max_vectors;
}

static uint64_t
region_size(const struct vn_pci_fn *fn, enum vn_pci_region region)
{
	if ((unsigned int)region < PCI_STD_NUM_BARS)
		return fn->bar_size[region];
	return region == VN_PCI_CONFIG ? VN_PCI_CONFIG_SIZE : 0;
}

void
vn_pci_fn_region(
	const struct vn_pci_fn *fn, enum vn_pci_region region, struct vn_pci_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = region_size(fn, region);
	if (info->size == 0)
		return;
	info->readable = true;
	info->writable = true;
	info->io = region == VN_PCI_BAR0;
	if (region == VN_PCI_BAR4 && fn->doorbell_fd >= 0) {
		info->map_offset = VN_PCI_NOTIFY;
		info->map_size = PCI_DOORBELL_BYTES;
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
	switch (irq) {
	case VN_PCI_INTX:
		return 1;
	case VN_PCI_MSIX:
		return fn->conf.msix_vectors;
	default:
		return 0;
	}
}

static bool
within(const struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, uint32_t len)
{
	const uint64_t size = region_size(fn, region);

	return size > 0 && len <= size && offset <= size - len;
}

int
vn_pci_fn_read(
	struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, void *buf, uint32_t len)
{
	if (!within(fn, region, offset, len))
		return -EINVAL;
	memset(buf, 0, len);
	if (region == VN_PCI_CONFIG)
		pci_config_read(fn, (uint32_t)offset, buf, len);
	else
		pci_bar_read(fn, region, (uint32_t)offset, buf, len);
	return 0;
}

int
vn_pci_fn_write(struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, const void *buf,
	uint32_t len)
{
	if (!within(fn, region, offset, len))
		return -EINVAL;
	if (region == VN_PCI_CONFIG)
		pci_config_write(fn, (uint32_t)offset, buf, len);
	else
		pci_bar_write(fn, region, (uint32_t)offset, buf, len);
	return 0;
}

/* The control queue's doorbell is not among them: it is rare, and its commands change a lot. In the
 * legacy block all queues share one, which the model has to save for by itself. */
bool
vn_pci_fn_is_doorbell(
	const struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, uint32_t len)
{
	if (len == 0 || !within(fn, region, offset, len))
		return false;
	if (region == VN_PCI_BAR4)
		return offset >= VN_PCI_NOTIFY && offset + len <= VN_PCI_NOTIFY_CTRL;
	return region == VN_PCI_BAR0 && offset == VN_LEGACY_QUEUE_NOTIFY && len == 2;
}

void
vn_pci_fn_irq_changed(struct vn_pci_fn *fn, enum vn_pci_irq irq, uint32_t n)
{
	if (irq != VN_PCI_INTX && irq != VN_PCI_MSIX)
		return;
	if (pci_check_msix(fn))
		return;
	if (irq == VN_PCI_INTX && !fn->msix_told)
		vn_model_irq_changed(fn->dev, UINT32_MAX);
	else if (irq == VN_PCI_MSIX && fn->msix_told)
		vn_model_irq_changed(fn->dev, n);
}

bool
vn_pci_fn_intx_pending(const struct vn_pci_fn *fn)
{
	return !pci_msix_on(fn) && !pci_intx_disabled(fn) && vn_model_isr(fn->dev) != 0;
}

bool
vn_pci_fn_wait(struct vn_pci_fn *fn, vn_device_cb done, void *ctx)
{
	if (!fn->conf.transitional || !vn_model_resetting(fn->dev))
		return false;
	/* It joins the one under way. */
	vn_model_reset(fn->dev, done, ctx);
	return true;
}

void
vn_pci_fn_reset(struct vn_pci_fn *fn, vn_device_cb done, void *ctx)
{
	const bool intx_off = pci_intx_disabled(fn);
	bool *outer = fn->freed, freed = false;

	pci_config_reset(fn);
	/* Said in any case: there may be VFs of a client that had the device before us. */
	pci_sriov_want(fn);
	/* It may end at once, and with it the connection, the endpoint and the function. */
	fn->freed = &freed;
	vn_model_reset(fn->dev, done, ctx);
	if (freed) {
		if (outer != NULL)
			*outer = true;
		return;
	}
	fn->freed = outer;
	if (!pci_check_msix(fn) && intx_off && !fn->msix_told)
		vn_model_irq_changed(fn->dev, UINT32_MAX);
}
