/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef PCI_PRIVATE_H
#define PCI_PRIVATE_H

/**
 * @file
 * Inside of lib/pci: the function's registers and who answers an access. All of it is for the
 * control thread.
 */

#include <linux/pci_regs.h>

#include "vn_net_config.h"
#include "vn_pci_fn.h"

/** What is kept of configuration space; the extended part behind it is empty. */
#define PCI_CFG_BYTES 0x150

/** Capabilities lie at fixed places; one that is absent is left out of the list. */
#define PCI_CAP_PM      0x40
#define PCI_CAP_EXPRESS 0x48
#define PCI_CAP_MSIX    0x84
#define PCI_CAP_COMMON  0x90
#define PCI_CAP_ISR     0xa0
#define PCI_CAP_DEVICE  0xb0
#define PCI_CAP_NOTIFY  0xc0
#define PCI_CAP_WINDOW  0xd4 /* VN_PCI_CAP_PCI_CFG */
/* Extended ones: of PFs that may own VFs; 0 otherwise, which is an empty list. */
#define PCI_CAP_ARI     0x100
#define PCI_CAP_SRIOV   0x110
#define PCI_SRIOV_BYTES 0x40

#define PCI_MSIX_VECTORS_MAX 2048
#define PCI_MSIX_ENTRY       PCI_MSIX_ENTRY_SIZE

/** I/O BAR: the legacy registers and the device configuration, with MSI-X 24 + 24 bytes. */
#define PCI_LEGACY_SIZE 64

/** Doorbells: the data rings' page and the control queue's. */
#define PCI_NOTIFY_BYTES   (VN_PCI_NOTIFY_CTRL + 0x1000 - VN_PCI_NOTIFY)
#define PCI_DOORBELL_BYTES 0x1000

struct vn_pci_fn {
	struct vn_device *dev;
	struct vn_pci_conf conf;
	const struct vn_pci_ops *ops;
	void *ctx;
	int doorbell_fd; /* memfd, or -1 */

	uint8_t cfg[PCI_CFG_BYTES];
	uint8_t initial[PCI_CFG_BYTES]; /* after a reset */
	uint8_t mask[PCI_CFG_BYTES];    /* bits that a write changes */
	uint64_t bar_size[PCI_STD_NUM_BARS];
	uint32_t vf_bar_size[PCI_SRIOV_NUM_BARS];
	uint16_t operator_vfs; /* enabled, but not by the client; 0: none */

	/* Selectors of the common configuration; the legacy block uses queue_select, too. */
	uint32_t device_feature_select, driver_feature_select;
	uint16_t queue_select;

	bool msix_told; /* what the model was told last: MSI-X is on */
	bool *freed;    /* of a reset under way: set when its end has freed the function */

	/* The host emulates the table; ours is registers that nothing depends on. */
	uint8_t *msix_table; /* msix_vectors entries, or NULL */
};

/** A register that can be written, in a block of registers. */
struct pci_reg {
	uint8_t offset, width;
};

/** A block of registers. Accesses are cut to it, so that any offset and length is defined. */
struct pci_regs {
	const struct pci_reg *reg;
	unsigned int n;
	/** What the block reads as; without side effects. */
	void (*image)(struct vn_pci_fn *fn, uint8_t *image);
	/** Register at @p offset becomes @p value; @p whole: all its bytes were written. */
	void (*set)(struct vn_pci_fn *fn, uint8_t offset, uint64_t value, bool whole);
};
/** Largest block's bytes. */
#define PCI_REGS_BYTES 64

/** Write registers; bytes of one that are not written keep their value. */
void pci_regs_write(struct vn_pci_fn *fn, const struct pci_regs *regs, uint32_t offset,
	const uint8_t *buf, uint32_t len);

/* pci_caps.c */
void pci_caps_init(struct vn_pci_fn *fn);
/** Bytes of the BAR with an MSI-X table of @p vectors. */
uint32_t pci_msix_bar_size(uint16_t vectors);

/* pci_sriov.c: nothing, for functions without the capability */
void pci_sriov_init(struct vn_pci_fn *fn);
/** Show the operator's VFs in what was read of configuration space. */
void pci_sriov_read(const struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len);
/** Configuration space was written, and was @p before: keep to the rules, say what is wanted. */
void pci_sriov_written(struct vn_pci_fn *fn, const uint8_t *before);
/** Tell the controller how many VFs the client wants. */
void pci_sriov_want(const struct vn_pci_fn *fn);
/** Byte @p at of a record's @p cfg is one of a register that the settings make, not writes. */
bool pci_sriov_may_differ(const struct vn_pci_fn *fn, unsigned int at, const uint8_t *cfg);
/** Registers that writes can have led to, beyond what the masks say. */
bool pci_sriov_possible(const struct vn_pci_fn *fn, const uint8_t *cfg);

/* pci_config.c */
void pci_config_read(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len);
void pci_config_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len);
/** All registers of the function, but not the model's, return to their initial state. */
void pci_config_reset(struct vn_pci_fn *fn);

/* pci_bar.c: [offset, offset + len) is within the region. */
void pci_bar_read(
	struct vn_pci_fn *fn, unsigned int bar, uint32_t offset, uint8_t *buf, uint32_t len);
void pci_bar_write(
	struct vn_pci_fn *fn, unsigned int bar, uint32_t offset, const uint8_t *buf, uint32_t len);
void pci_msix_table_reset(struct vn_pci_fn *fn);

/* pci_common.c, pci_legacy.c */
void pci_common_read(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len);
void pci_common_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len);
/** queue_notify_off of queue @p q. */
uint16_t pci_notify_off(const struct vn_pci_fn *fn, uint16_t q);
/** The driver writes device status; 0 resets the selectors, too. */
void pci_set_status(struct vn_pci_fn *fn, uint8_t status);
void pci_legacy_read(struct vn_pci_fn *fn, uint32_t offset, uint8_t *buf, uint32_t len);
void pci_legacy_write(struct vn_pci_fn *fn, uint32_t offset, const uint8_t *buf, uint32_t len);

/* vn_pci_fn.c */
/** MSI-X is enabled: interrupts are not INTx's, the legacy block has its vector registers. */
bool pci_msix_on(const struct vn_pci_fn *fn);
bool pci_intx_disabled(const struct vn_pci_fn *fn);
/** Tell the model if MSI-X went on or off. @return true if it did. */
bool pci_check_msix(struct vn_pci_fn *fn);

static inline uint16_t
pci_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
pci_get32(const uint8_t *p)
{
	return pci_get16(p) | (uint32_t)pci_get16(p + 2) << 16;
}

static inline void
pci_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void
pci_put32(uint8_t *p, uint32_t v)
{
	pci_put16(p, (uint16_t)v);
	pci_put16(p + 2, (uint16_t)(v >> 16));
}

static inline void
pci_put64(uint8_t *p, uint64_t v)
{
	pci_put32(p, (uint32_t)v);
	pci_put32(p + 4, (uint32_t)(v >> 32));
}

/** Does [offset, offset + len) touch the @p n bytes at @p at? No wrap: all are within a region. */
static inline bool
pci_touches(uint32_t offset, uint32_t len, uint32_t at, uint32_t n)
{
	return offset < at + n && at < offset + len;
}

#endif /* PCI_PRIVATE_H */
