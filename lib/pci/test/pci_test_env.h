/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef PCI_TEST_ENV_H
#define PCI_TEST_ENV_H

/**
 * @file
 * Test code: a function over the fake model, a fake transport, and accesses as a host makes them.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_common.h>

#include "mock_model.h"
#include "pci_private.h"

#define CFG  VN_PCI_CONFIG
#define BAR0 VN_PCI_BAR0
#define BAR1 VN_PCI_BAR1
#define BAR4 VN_PCI_BAR4

/* Registers of the common configuration, and of the window. */
#define COMMON(field) (VN_PCI_COMMON + offsetof(struct vn_pci_common_cfg, field))
#define WIN_BAR       (PCI_CAP_WINDOW + 4)
#define WIN_OFFSET    (PCI_CAP_WINDOW + 8)
#define WIN_LENGTH    (PCI_CAP_WINDOW + 12)
#define WIN_DATA      (PCI_CAP_WINDOW + 16)
#define MSIX_FLAGS    (PCI_CAP_MSIX + PCI_MSIX_FLAGS)
#define DEVCTL        (PCI_CAP_EXPRESS + PCI_EXP_DEVCTL)

static struct {
	struct vn_device dev;
	struct vn_pci_fn *fn;
	bool msix_active; /* what the fake transport says */
	unsigned int saves;
} pe;

static inline int
pe_irq_fd(void *ctx, enum vn_pci_irq irq, uint16_t n)
{
	assert_ptr_equal(ctx, &pe);
	return 1000 * (int)irq + n;
}

static inline void
pe_save(void *ctx)
{
	assert_ptr_equal(ctx, &pe);
	pe.saves++;
}

static inline bool
pe_msix_active(void *ctx)
{
	assert_ptr_equal(ctx, &pe);
	return pe.msix_active;
}

static const struct vn_pci_ops pe_ops = {
	.irq_fd = pe_irq_fd,
	.save = pe_save,
	.msix_active = pe_msix_active,
};

static inline void
pe_create(const struct vn_pci_conf *conf)
{
	assert_int_equal(vn_pci_fn_create(&pe.dev, conf, &pe_ops, &pe, &pe.fn), 0);
}

/* 9 vectors of which 8 may be used. */
static const struct vn_pci_conf modern = {.msix_vectors = 9, .max_vectors = 8};
static const struct vn_pci_conf transitional = {
	.transitional = true, .msix_vectors = 9, .max_vectors = 8};

static inline int
pe_setup(void **state)
{
	(void)state;
	memset(&pe, 0, sizeof(pe));
	mock_model_init(&pe.dev);
	return 0;
}

static inline int
pe_teardown(void **state)
{
	(void)state;
	vn_pci_fn_free(pe.fn);
	pe.fn = NULL;
	return 0;
}

static inline uint64_t
pe_read(enum vn_pci_region region, uint64_t offset, uint32_t len)
{
	uint8_t b[8];
	uint64_t v = 0;

	memset(b, 0xee, sizeof(b));
	assert_int_equal(vn_pci_fn_read(pe.fn, region, offset, b, len), 0);
	for (uint32_t i = len; i > 0; i--)
		v = v << 8 | b[i - 1];
	return v;
}

static inline void
pe_write(enum vn_pci_region region, uint64_t offset, uint32_t len, uint64_t v)
{
	uint8_t b[8];

	for (uint32_t i = 0; i < len; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	assert_int_equal(vn_pci_fn_write(pe.fn, region, offset, b, len), 0);
}

#define RD8(region, offset)     ((uint8_t)pe_read(region, offset, 1))
#define RD16(region, offset)    ((uint16_t)pe_read(region, offset, 2))
#define RD32(region, offset)    ((uint32_t)pe_read(region, offset, 4))
#define WR8(region, offset, v)  pe_write(region, offset, 1, v)
#define WR16(region, offset, v) pe_write(region, offset, 2, v)
#define WR32(region, offset, v) pe_write(region, offset, 4, v)

#define PE_TEST(name) cmocka_unit_test_setup_teardown(name, pe_setup, pe_teardown)

#endif /* PCI_TEST_ENV_H */
