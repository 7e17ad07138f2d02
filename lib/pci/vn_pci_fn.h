/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_PCI_FN_H
#define VN_PCI_FN_H

/**
 * @file
 * A virtio-net device as a PCI function (virtio 1.2, 4.1; PCI Local Bus 3.0; PCI Express 3.0):
 * configuration space with capabilities, BARs, MSI-X, INTx, function-level reset, and for
 * transitional devices the legacy I/O block. It knows no host: a transport carries the accesses
 * (drivers/transport/vfio_user) and gives the interrupts.
 *
 * Control thread only. Every access is answered at once. A host is hostile: any offset, length,
 * and order of accesses is defined here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vn_model.h"

struct vn_pci_fn;

/** Regions, numbered as in VFIO. */
enum vn_pci_region {
	VN_PCI_BAR0, /**< I/O: legacy registers, transitional devices only */
	VN_PCI_BAR1, /**< memory: MSI-X table and PBA; absent without vectors */
	VN_PCI_BAR2,
	VN_PCI_BAR3,
	VN_PCI_BAR4, /**< memory, 64 bit: common, ISR, device, notify */
	VN_PCI_BAR5,
	VN_PCI_ROM,
	VN_PCI_CONFIG, /**< configuration space */
	VN_PCI_REGIONS,
};

/** Offsets in BAR4, a page each; the control queue's doorbell has a page of its own. */
#define VN_PCI_COMMON            0x0000
#define VN_PCI_ISR               0x1000
#define VN_PCI_DEVICE            0x2000
#define VN_PCI_NOTIFY            0x3000 /**< data rings: queue n at 4 * n. May be mapped by the host */
#define VN_PCI_NOTIFY_CTRL       0x4000 /**< control queue. Never mapped */
#define VN_PCI_BAR4_SIZE         0x8000
#define VN_PCI_NOTIFY_MULTIPLIER 4
/** queue_notify_off of the control queue; a data queue's is its number. */
#define VN_PCI_NOTIFY_OFF_CTRL ((VN_PCI_NOTIFY_CTRL - VN_PCI_NOTIFY) / VN_PCI_NOTIFY_MULTIPLIER)

/** Configuration space of PCI Express. */
#define VN_PCI_CONFIG_SIZE 4096

struct vn_pci_region_info {
	uint64_t size; /**< 0: there is no such region */
	bool readable, writable;
	bool io;
	/** A part of it may be mapped by the host (doorbell page): offset, size; size 0: none. */
	uint64_t map_offset, map_size;
};

enum vn_pci_irq {
	VN_PCI_INTX,
	VN_PCI_MSI,
	VN_PCI_MSIX,
	VN_PCI_ERR,
	VN_PCI_REQ,
	VN_PCI_IRQS,
};

struct vn_pci_conf {
	bool transitional;     /**< device id 0x1000, I/O BAR (contract 1.5) */
	uint16_t msix_vectors; /**< size of the table, 0..2048; 0: INTx only */
	uint16_t max_vectors;  /**< quota: a vector beyond is answered with VN_MSI_NO_VECTOR */
	bool doorbell_page;    /**< the data rings' doorbells are a page that the host maps */
};

/** What the function needs of its transport. Control thread. */
struct vn_pci_ops {
	/** The eventfd of @p irq's vector number @p n, or -1. It stays the transport's. */
	int (*irq_fd)(void *ctx, enum vn_pci_irq irq, uint16_t n);
	/** See vn_model_ops::save. May be NULL. */
	void (*save)(void *ctx);
	/**
	 * True: the host has set up MSI-X interrupts. MSI-X is on when this or the enable bit in
	 * configuration space says so: hosts that emulate the capability may keep its writes to
	 * themselves. NULL: only the bit counts.
	 */
	bool (*msix_active)(void *ctx);
};

/**
 * Show @p dev as a PCI function. It calls vn_model_attach().
 * @return 0; -EINVAL; -ENOMEM; -errno of the doorbell page's memfd.
 */
int vn_pci_fn_create(struct vn_device *dev, const struct vn_pci_conf *conf,
	const struct vn_pci_ops *ops, void *ctx, struct vn_pci_fn **fn);
/**
 * NULL is fine. The device is not reset, and its model still refers to the function: reset it
 * before, or end it right after.
 */
void vn_pci_fn_free(struct vn_pci_fn *fn);

/**
 * The quota is another one from now on. Vectors that a driver has taken already stay: it sees the
 * change when it starts anew.
 */
void vn_pci_fn_set_max_vectors(struct vn_pci_fn *fn, uint16_t max_vectors);

/**
 * The PF has @p n VFs now; 0: none, be it that they have gone or that they could not be made, which
 * the client sees by VF Enable being 0. VFs that are not @p by_client are shown to it, and it
 * cannot change them: while there are some, NumVFs and VF Enable are read-only. Ignored for a
 * function without the capability. After vn_pci_fn_create() and vn_pci_fn_restore() to be said
 * again.
 */
void vn_pci_fn_set_vfs(struct vn_pci_fn *fn, uint16_t n, bool by_client);

void vn_pci_fn_region(
	const struct vn_pci_fn *fn, enum vn_pci_region region, struct vn_pci_region_info *info);
/**
 * Memory file of the doorbell page, laid out as BAR4: the page is at map_offset in both. -1
 * without. The function's.
 */
int vn_pci_fn_doorbell_fd(const struct vn_pci_fn *fn);
/** Number of interrupts of a kind: INTx 1 (0 is never answered), MSI-X table size, others 0. */
uint16_t vn_pci_fn_irqs(const struct vn_pci_fn *fn, enum vn_pci_irq irq);

/**
 * Access a region. Within a region any offset and length is legal and defined: bytes that nothing
 * stands behind read as 0 and writes to them are ignored.
 * @return 0; -EINVAL: [offset, offset + len) is not within the region (nothing happened).
 */
int vn_pci_fn_read(
	struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, void *buf, uint32_t len);
int vn_pci_fn_write(struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset,
	const void *buf, uint32_t len);
/**
 * True if a write there is nothing but a notification: it changes no state that has to survive.
 */
bool vn_pci_fn_is_doorbell(
	const struct vn_pci_fn *fn, enum vn_pci_region region, uint64_t offset, uint32_t len);

/** vn_pci_ops::irq_fd() answers differently from now on. @p n UINT32_MAX: all of the kind. */
void vn_pci_fn_irq_changed(struct vn_pci_fn *fn, enum vn_pci_irq irq, uint32_t n);
/** INTx was unmasked: tell whether it is to be raised again (ISR status is not 0). */
bool vn_pci_fn_intx_pending(const struct vn_pci_fn *fn);

/**
 * After a write: has the next access to wait? A legacy driver does not look whether its reset has
 * ended (virtio 1.2, 4.1.4.10), so what it writes next would be lost, and a poller might still
 * write into memory that it has taken back.
 * @return true: @p done comes when the reset has ended; false: no need, @p done will not come.
 */
bool vn_pci_fn_wait(struct vn_pci_fn *fn, vn_device_cb done, void *ctx);

/** Reset of the function by the host; configuration space returns to its initial state. */
void vn_pci_fn_reset(struct vn_pci_fn *fn, vn_device_cb done, void *ctx);

/** vn_model_save() and the function's own registers. @return bytes written, or -ENOSPC. */
int vn_pci_fn_save(const struct vn_pci_fn *fn, void *buf, size_t room);
/**
 * Into a function just created, with the same configuration. On failure its registers are those of
 * a new one.
 * @return 0; -EINVAL: not a record of ours, damaged, or of a function that looks different; or as
 *   vn_model_restore().
 */
int vn_pci_fn_restore(struct vn_pci_fn *fn, const void *buf, size_t len);
/** The largest record, with an MSI-X table of 2048 entries that were all written. Usually some
 * hundred bytes and the model's: see vn_pci_fn_save(). */
#define VN_PCI_FN_SAVE_MAX (VN_MODEL_SAVE_MAX + 36864)

#endif /* VN_PCI_FN_H */
