/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The legacy registers of a transitional device, and the MSI-X table. */

#include "pci_test_env.h"
#include "vn_features.h"

static void
test_registers(void **state)
{
	(void)state;
	pe_create(&transitional);
	assert_int_equal(RD32(BAR0, VN_LEGACY_HOST_FEATURES), mock.offered[0]);
	WR32(BAR0, VN_LEGACY_HOST_FEATURES, 0);
	assert_int_equal(RD32(BAR0, VN_LEGACY_HOST_FEATURES), mock.offered[0]);
	WR32(BAR0, VN_LEGACY_GUEST_FEATURES, 0x12345678);
	assert_int_equal(RD32(BAR0, VN_LEGACY_GUEST_FEATURES), 0x12345678);
	assert_int_equal(mock.accepted[0], 0x12345678);
	WR16(BAR0, VN_LEGACY_GUEST_FEATURES + 2, 0xabcd);
	assert_int_equal(mock.accepted[0], 0xabcd5678);

	WR16(BAR0, VN_LEGACY_QUEUE_SELECT, 2);
	assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_SELECT), 2);
	assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_SIZE), MOCK_SIZE);
	WR16(BAR0, VN_LEGACY_QUEUE_SIZE, 4);
	assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_SIZE), MOCK_SIZE);
	assert_int_equal(RD32(BAR0, VN_LEGACY_QUEUE_PFN), 0);
	WR32(BAR0, VN_LEGACY_QUEUE_PFN, 0x80001234);
	assert_int_equal(mock.pfns, 1);
	assert_int_equal(mock.pfn_queue, 2);
	assert_int_equal(mock.pfn, 0x80001234);
	assert_int_equal(RD32(BAR0, VN_LEGACY_QUEUE_PFN), 0x80001234);
	WR32(BAR0, VN_LEGACY_QUEUE_PFN, 0);
	assert_int_equal(RD32(BAR0, VN_LEGACY_QUEUE_PFN), 0);
	/* set up by the modern registers: there is no such page */
	mock.vq[1] = (struct vn_vq_regs){.size = 8, .enable = true, .desc = 0x5000};
	WR16(BAR0, VN_LEGACY_QUEUE_SELECT, 1);
	assert_int_equal(RD32(BAR0, VN_LEGACY_QUEUE_PFN), 0);

	WR8(BAR0, VN_LEGACY_STATUS, 7);
	assert_int_equal(RD8(BAR0, VN_LEGACY_STATUS), 7);
	assert_int_equal(mock.status, 7);
	mock.isr = 3;
	WR8(BAR0, VN_LEGACY_ISR, 0xff);
	assert_int_equal(mock.isr, 3);
	assert_int_equal(RD8(BAR0, VN_LEGACY_ISR - 1), 7);
	assert_int_equal(RD8(BAR0, VN_LEGACY_ISR + 1), 0xc0);
	assert_int_equal(mock.isr, 3);
	assert_int_equal(RD8(BAR0, VN_LEGACY_ISR), 3);
	assert_int_equal(mock.isr, 0);
	WR8(BAR0, VN_LEGACY_STATUS, 0);
	assert_int_equal(mock.status, 0);
	assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_SELECT), 0);
}

static void
test_queue_none(void **state)
{
	(void)state;
	pe_create(&transitional);
	WR16(CFG, MSIX_FLAGS, 0x8000);
	for (unsigned int q = MOCK_QUEUES; q <= UINT16_MAX; q += 997) {
		WR16(BAR0, VN_LEGACY_QUEUE_SELECT, q);
		assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_SIZE), 0);
		assert_int_equal(RD32(BAR0, VN_LEGACY_QUEUE_PFN), 0);
		WR32(BAR0, VN_LEGACY_QUEUE_PFN, 1);
		WR16(BAR0, VN_LEGACY_QUEUE_VECTOR, 1);
		assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_VECTOR), VN_MSI_NO_VECTOR);
		WR16(BAR0, VN_LEGACY_QUEUE_NOTIFY, q);
	}
	assert_int_equal(mock.pfns, 0);
	assert_int_equal(mock.kicks, 0);
}

static void
test_notify(void **state)
{
	(void)state;
	pe_create(&transitional);
	for (unsigned int q = 0; q < MOCK_QUEUES; q++) {
		WR16(BAR0, VN_LEGACY_QUEUE_NOTIFY, q);
		assert_int_equal(mock.kicks, q + 1);
		assert_int_equal(mock.kicked, q);
	}
	WR8(BAR0, VN_LEGACY_QUEUE_NOTIFY, 1);
	WR8(BAR0, VN_LEGACY_QUEUE_NOTIFY + 1, 0);
	assert_int_equal(mock.kicks, MOCK_QUEUES);
}

/* The device configuration begins at 20, or behind the vectors. */
static void
test_config(void **state)
{
	(void)state;
	pe_create(&transitional);
	assert_int_equal(RD32(BAR0, 20), 0xc3c2c1c0);
	assert_int_equal(RD32(BAR0, 40), 0xd7d6d5d4);
	assert_int_equal(RD32(BAR0, 44), 0);
	WR8(BAR0, 20, 0x52);
	assert_int_equal(mock.config[0], 0x52);
	assert_int_equal(mock.config_vector, VN_MSI_NO_VECTOR);

	WR16(CFG, MSIX_FLAGS, 0x8000);
	assert_int_equal(RD16(BAR0, VN_LEGACY_CONFIG_VECTOR), VN_MSI_NO_VECTOR);
	WR16(BAR0, VN_LEGACY_CONFIG_VECTOR, 0);
	WR16(BAR0, VN_LEGACY_QUEUE_SELECT, 1);
	WR16(BAR0, VN_LEGACY_QUEUE_VECTOR, 7);
	assert_int_equal(RD16(BAR0, VN_LEGACY_CONFIG_VECTOR), 0);
	assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_VECTOR), 7);
	assert_int_equal(mock.vq[1].vector, 7);
	WR16(BAR0, VN_LEGACY_QUEUE_VECTOR, 8);
	assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_VECTOR), VN_MSI_NO_VECTOR);
	assert_int_equal(RD32(BAR0, 24), 0xc3c2c152);
	assert_int_equal(RD32(BAR0, 44), 0xd7d6d5d4);
	assert_int_equal(RD32(BAR0, 48), 0);
	WR8(BAR0, 24, 0x53);
	assert_int_equal(mock.config[0], 0x53);

	/* a host that keeps the enable bit to itself */
	WR16(CFG, MSIX_FLAGS, 0);
	assert_int_equal(RD8(BAR0, 20), 0x53);
	pe.msix_active = true;
	assert_int_equal(RD8(BAR0, 24), 0x53);
	assert_int_equal(RD16(BAR0, VN_LEGACY_CONFIG_VECTOR), 0);
}

/* All of the block at once, and in each width at each offset. */
static void
test_widths(void **state)
{
	uint8_t all[64], part[64];

	(void)state;
	pe_create(&transitional);
	assert_int_equal(vn_pci_fn_read(pe.fn, BAR0, 0, all, 64), 0);
	for (uint32_t at = 0; at < 64; at++)
		for (uint32_t len = 0; len <= 64 - at; len++) {
			assert_int_equal(vn_pci_fn_read(pe.fn, BAR0, at, part, len), 0);
			assert_memory_equal(part, all + at, len);
		}
	/* one write: selects, then sets; the configuration behind it, too */
	memset(all, 0, sizeof(all));
	all[VN_LEGACY_QUEUE_SELECT] = 4;
	all[VN_LEGACY_STATUS] = 1;
	all[20] = 0x77;
	assert_int_equal(vn_pci_fn_write(pe.fn, BAR0, 0, all, 64), 0);
	assert_int_equal(RD16(BAR0, VN_LEGACY_QUEUE_SELECT), 4);
	assert_int_equal(mock.kicks, 1);
	assert_int_equal(mock.config[0], 0x77);
	assert_int_equal(mock.status, 1);
}

/* A modern driver on the same device. */
static void
test_modern_driver(void **state)
{
	(void)state;
	pe_create(&transitional);
	assert_int_equal(RD16(BAR4, COMMON(num_queues)), MOCK_QUEUES);
	WR16(BAR4, COMMON(queue_select), 1);
	WR16(BAR4, COMMON(queue_enable), 1);
	assert_true(mock.vq[1].enable);
	WR16(BAR4, VN_PCI_NOTIFY + 4, 1);
	assert_int_equal(mock.kicks, 1);
}

static void
count_waits(void *ctx, int result)
{
	assert_int_equal(result, 0);
	(*(unsigned int *)ctx)++;
}

/* Only a legacy driver cannot wait for its reset by itself. */
static void
test_wait(void **state)
{
	unsigned int waits = 0;

	(void)state;
	pe_create(&transitional);
	assert_false(vn_pci_fn_wait(pe.fn, count_waits, &waits));
	mock.resetting = true;
	assert_true(vn_pci_fn_wait(pe.fn, count_waits, &waits));
	assert_int_equal(waits, 1);
	vn_pci_fn_free(pe.fn);
	pe_create(&modern);
	assert_false(vn_pci_fn_wait(pe.fn, count_waits, &waits));
	mock.resetting = false;
}

static void
test_msix_table(void **state)
{
	(void)state;
	pe_create(&modern);
	for (unsigned int i = 0; i < 9; i++)
		assert_int_equal(RD32(BAR1, 16 * i + 12), 1);
	pe_write(BAR1, 32, 8, UINT64_C(0x12345678fee01007));
	pe_write(BAR1, 40, 8, UINT64_C(0xfffffffe00004321));
	assert_true(pe_read(BAR1, 32, 8) == UINT64_C(0x12345678fee01004));
	assert_true(pe_read(BAR1, 40, 8) == 0x4321);
	WR32(BAR1, 44, UINT32_MAX);
	assert_int_equal(RD32(BAR1, 44), 1);
	assert_int_equal(RD16(BAR1, 33), 0xe010);
	/* pending bits, and nothing behind them */
	for (unsigned int i = 9 * 16; i < 0x1000; i += 4) {
		WR32(BAR1, i, UINT32_MAX);
		assert_int_equal(RD32(BAR1, i), 0);
	}
	pe_write(BAR1, 9 * 16 - 4, 8, UINT64_MAX);
	assert_true(pe_read(BAR1, 9 * 16 - 4, 8) == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PE_TEST(test_registers),
		PE_TEST(test_queue_none),
		PE_TEST(test_notify),
		PE_TEST(test_config),
		PE_TEST(test_widths),
		PE_TEST(test_modern_driver),
		PE_TEST(test_wait),
		PE_TEST(test_msix_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
