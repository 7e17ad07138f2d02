/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Interrupts: which descriptor the model gets, and when it is told that they changed. */

#include "pci_test_env.h"

#define INTX_FD    (1000 * VN_PCI_INTX)
#define MSIX_FD(n) (1000 * VN_PCI_MSIX + (n))

static int
fd(uint16_t vector)
{
	return mock.ops->irq_fd(mock.ctx, vector);
}

static void
test_intx(void **state)
{
	(void)state;
	pe_create(&modern);
	assert_true(mock.ops->intx(mock.ctx));
	assert_int_equal(fd(VN_MSI_NO_VECTOR), INTX_FD);
	assert_false(vn_pci_fn_intx_pending(pe.fn));
	mock.isr = 1;
	assert_true(vn_pci_fn_intx_pending(pe.fn));
	assert_int_equal(RD16(CFG, PCI_STATUS), PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT);
	assert_int_equal(RD8(CFG, PCI_STATUS), 0x18);
	assert_int_equal(RD32(CFG, PCI_COMMAND), 0x00180000);
	assert_int_equal(RD8(CFG, PCI_STATUS + 1), 0);

	WR16(CFG, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(mock.irq_changes, 1);
	assert_int_equal(mock.irq_changed, UINT32_MAX);
	assert_false(vn_pci_fn_intx_pending(pe.fn));
	assert_int_equal(fd(VN_MSI_NO_VECTOR), -1);
	/* the status bit does not care (PCI Local Bus 3.0, 6.2.3) */
	assert_int_equal(RD16(CFG, PCI_STATUS), 0x18);
	WR16(CFG, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MASTER);
	assert_int_equal(mock.irq_changes, 1);
	WR16(CFG, PCI_COMMAND, 0);
	assert_int_equal(mock.irq_changes, 2);
	assert_true(vn_pci_fn_intx_pending(pe.fn));

	assert_int_equal(RD8(BAR4, VN_PCI_ISR), 1);
	assert_false(vn_pci_fn_intx_pending(pe.fn));
	assert_int_equal(RD16(CFG, PCI_STATUS), 0x10);

	WR16(CFG, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE);
	vn_pci_fn_irq_changed(pe.fn, VN_PCI_INTX, 0);
	assert_int_equal(mock.irq_changes, 4);
	/* a reset takes the disable bit back */
	WR8(CFG, DEVCTL + 1, 0x80);
	assert_int_equal(mock.irq_changes, 5);
	assert_int_equal(fd(VN_MSI_NO_VECTOR), INTX_FD);
}

static void
check_on(void)
{
	assert_false(mock.ops->intx(mock.ctx));
	assert_int_equal(mock.ops->num_vectors(mock.ctx), 8);
	for (unsigned int v = 0; v <= UINT16_MAX; v++)
		assert_int_equal(fd(v), v < 9 ? MSIX_FD((int)v) : -1);
	mock.isr = 1;
	assert_false(vn_pci_fn_intx_pending(pe.fn));
	assert_int_equal(RD16(CFG, PCI_STATUS), PCI_STATUS_CAP_LIST);
	mock.isr = 0;
}

static void
test_msix_bit(void **state)
{
	(void)state;
	pe_create(&modern);
	WR16(CFG, MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(mock.irq_changes, 1);
	assert_int_equal(mock.irq_changed, UINT32_MAX);
	assert_int_equal(RD16(CFG, MSIX_FLAGS), 0xc008);
	check_on(); /* masking is the host's */
	WR16(CFG, MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(mock.irq_changes, 1);
	check_on();
	/* INTx and its bit are nobody's now */
	WR16(CFG, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE);
	vn_pci_fn_irq_changed(pe.fn, VN_PCI_INTX, 0);
	assert_int_equal(mock.irq_changes, 1);
	vn_pci_fn_irq_changed(pe.fn, VN_PCI_MSIX, 3);
	assert_int_equal(mock.irq_changes, 2);
	assert_int_equal(mock.irq_changed, 3);
	vn_pci_fn_irq_changed(pe.fn, VN_PCI_ERR, 3);
	vn_pci_fn_irq_changed(pe.fn, (enum vn_pci_irq)77, 3);
	assert_int_equal(mock.irq_changes, 2);
	WR8(CFG, MSIX_FLAGS + 1, 0);
	assert_int_equal(mock.irq_changes, 3);
	assert_int_equal(mock.irq_changed, UINT32_MAX);
	assert_true(mock.ops->intx(mock.ctx));
}

static void
test_msix_transport(void **state)
{
	(void)state;
	pe_create(&modern);
	vn_pci_fn_irq_changed(pe.fn, VN_PCI_MSIX, 0);
	assert_int_equal(mock.irq_changes, 0);
	pe.msix_active = true;
	vn_pci_fn_irq_changed(pe.fn, VN_PCI_MSIX, 0);
	assert_int_equal(mock.irq_changes, 1);
	assert_int_equal(mock.irq_changed, UINT32_MAX);
	check_on();
	vn_pci_fn_irq_changed(pe.fn, VN_PCI_MSIX, 2);
	assert_int_equal(mock.irq_changed, 2);
	/* the bit comes, and goes again: still on */
	WR16(CFG, MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
	WR16(CFG, MSIX_FLAGS, 0);
	assert_int_equal(mock.irq_changes, 2);
	pe.msix_active = false;
	vn_pci_fn_irq_changed(pe.fn, VN_PCI_MSIX, UINT32_MAX);
	assert_int_equal(mock.irq_changes, 3);
	assert_true(mock.ops->intx(mock.ctx));
	assert_int_equal(fd(VN_MSI_NO_VECTOR), INTX_FD);
}

static void
test_quota_changes(void **state)
{
	(void)state;
	pe_create(&modern);
	WR16(CFG, MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
	WR16(BAR4, COMMON(queue_msix_vector), 7);
	vn_pci_fn_set_max_vectors(pe.fn, 4);
	assert_int_equal(mock.ops->num_vectors(mock.ctx), 4);
	assert_int_equal(RD16(BAR4, COMMON(queue_msix_vector)), 7);
	assert_int_equal(fd(7), MSIX_FD(7));
	WR16(BAR4, COMMON(queue_msix_vector), 4);
	assert_int_equal(RD16(BAR4, COMMON(queue_msix_vector)), VN_MSI_NO_VECTOR);
	/* never more than the table has */
	vn_pci_fn_set_max_vectors(pe.fn, UINT16_MAX);
	assert_int_equal(mock.ops->num_vectors(mock.ctx), 9);
	WR16(BAR4, COMMON(queue_msix_vector), 8);
	assert_int_equal(RD16(BAR4, COMMON(queue_msix_vector)), 8);
	WR16(BAR4, COMMON(queue_msix_vector), 9);
	assert_int_equal(RD16(BAR4, COMMON(queue_msix_vector)), VN_MSI_NO_VECTOR);
}

static void
test_no_msix(void **state)
{
	const struct vn_pci_conf conf = {.max_vectors = 8};

	(void)state;
	pe_create(&conf);
	pe.msix_active = true;
	WR16(CFG, MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(RD16(CFG, MSIX_FLAGS), 0);
	assert_true(mock.ops->intx(mock.ctx));
	assert_int_equal(mock.ops->num_vectors(mock.ctx), 0);
	WR16(BAR4, COMMON(config_msix_vector), 0);
	assert_int_equal(RD16(BAR4, COMMON(config_msix_vector)), VN_MSI_NO_VECTOR);
}

static void
test_ops_optional(void **state)
{
	static const struct vn_pci_ops few = {.irq_fd = pe_irq_fd}, none = {.irq_fd = NULL};

	(void)state;
	assert_int_equal(vn_pci_fn_create(&pe.dev, &modern, &none, &pe, &pe.fn), -EINVAL);
	assert_int_equal(vn_pci_fn_create(&pe.dev, &modern, &few, &pe, &pe.fn), 0);
	mock.ops->save(mock.ctx);
	assert_int_equal(pe.saves, 0);
	assert_true(mock.ops->intx(mock.ctx));
	vn_pci_fn_free(pe.fn);
	pe_create(&modern);
	mock.ops->save(mock.ctx);
	assert_int_equal(pe.saves, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PE_TEST(test_intx),
		PE_TEST(test_msix_bit),
		PE_TEST(test_msix_transport),
		PE_TEST(test_quota_changes),
		PE_TEST(test_no_msix),
		PE_TEST(test_ops_optional),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
