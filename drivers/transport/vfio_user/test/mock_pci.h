/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef MOCK_PCI_H
#define MOCK_PCI_H

/**
 * @file
 * A PCI function for tests of its transport. Its registers show each access that is lost, doubled
 * or out of order.
 */

#include "vn_pci_fn.h"

/** BAR4: a write of value v (8 bytes) makes the register 31 * register + v; reads read it. */
#define MOCK_HASH 0x0
/** BAR4: plain memory. */
#define MOCK_MEM     0x100
#define MOCK_MEM_LEN 0x100
/** BAR4: a byte written here is the ISR status, which is cleared by reading VN_PCI_ISR. */
#define MOCK_SET_ISR (VN_PCI_ISR + 0x10)

struct mock_pci {
	struct vn_pci_fn *fn; /* the one alive, or NULL */
	bool delay_reset;
	bool wait; /* vn_pci_fn_wait() has to, until mock_pci_answer() */
	unsigned int resets, waiting;
	unsigned int kicks, irq_changes, saves, accesses;
	uint32_t last_irq_change;
	uint16_t max_vectors; /* by vn_pci_fn_set_max_vectors() */
	uint16_t vfs;         /* by vn_pci_fn_set_vfs() */
	bool vfs_by_client;
};
extern struct mock_pci mock_pci;

/** What MOCK_HASH becomes. */
static inline uint64_t
mock_hash(uint64_t old, uint64_t v)
{
	return 31 * old + v;
}

/** Let a reset end that was held back. */
void mock_pci_answer(int result);
/** What the function asks its transport. */
int mock_pci_irq_fd(enum vn_pci_irq irq, uint16_t n);
bool mock_pci_msix_active(void);
void mock_pci_save(void);
void mock_pci_set_isr(uint8_t isr);
uint64_t mock_pci_hash(void);

#endif /* MOCK_PCI_H */
