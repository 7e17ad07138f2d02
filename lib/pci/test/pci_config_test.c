/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Configuration space: what a host can change, and what that sets off. */

#include "pci_test_env.h"

/* Every byte: ones and zeros change what may be changed, and nothing else. */
static void
test_masks(void **state)
{
	uint8_t before[256], after[256];

	(void)state;
	pe_create(&modern);
	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, before, 256), 0);
	for (unsigned int pass = 0; pass < 2; pass++)
		for (unsigned int i = 0; i < VN_PCI_CONFIG_SIZE; i++)
			if (i != DEVCTL + 1)
				WR8(CFG, i, pass == 0 ? 0xff : 0);
	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, after, 256), 0);
	after[DEVCTL] = before[DEVCTL]; /* relaxed ordering is on after a reset */
	after[PCI_CAP_EXPRESS + PCI_EXP_LNKCTL2] = before[PCI_CAP_EXPRESS + PCI_EXP_LNKCTL2];
	assert_memory_equal(before, after, 256);
	WR16(CFG, PCI_COMMAND, 0xffff);
	assert_int_equal(RD16(CFG, PCI_COMMAND), 0x0547);
	WR16(CFG, PCI_STATUS, 0xffff);
	assert_int_equal(RD16(CFG, PCI_STATUS), PCI_STATUS_CAP_LIST);
	WR8(CFG, PCI_INTERRUPT_LINE, 11);
	WR16(CFG, PCI_CACHE_LINE_SIZE, 0x4010);
	assert_int_equal(RD8(CFG, PCI_INTERRUPT_LINE), 11);
	assert_int_equal(RD16(CFG, PCI_CACHE_LINE_SIZE), 0x4010);
	assert_int_equal(mock.resets, 0);
}

static void
test_power_states(void **state)
{
	const uint32_t at = PCI_CAP_PM + PCI_PM_CTRL;

	(void)state;
	pe_create(&modern);
	WR16(CFG, at, 3);
	assert_int_equal(RD16(CFG, at), 0xb);
	WR16(CFG, at, 1);
	assert_int_equal(RD16(CFG, at), 0xb);
	WR16(CFG, at, 2);
	assert_int_equal(RD16(CFG, at), 0xb);
	WR32(CFG, PCI_COMMAND, 7);
	WR16(CFG, at, 0);
	assert_int_equal(RD16(CFG, at), 8);
	assert_int_equal(RD16(CFG, PCI_COMMAND), 7);
	assert_int_equal(mock.resets, 0);
}

static void
soil(void)
{
	WR16(CFG, PCI_COMMAND, 0x0407);
	WR32(CFG, PCI_BASE_ADDRESS_4, 0xfe000000);
	WR16(CFG, MSIX_FLAGS, 0x8000);
	WR32(BAR1, 0, 0xfee00000);
	WR8(BAR1, 12, 0);
	WR32(BAR4, COMMON(device_feature_select), 1);
	WR16(BAR4, COMMON(queue_select), 3);
	WR8(BAR4, COMMON(device_status), 3);
}

static void
check_clean(void)
{
	assert_int_equal(RD16(CFG, PCI_COMMAND), 0);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_4), 0xc);
	assert_int_equal(RD16(CFG, MSIX_FLAGS), 8);
	assert_int_equal(RD32(BAR1, 0), 0);
	assert_int_equal(RD8(BAR1, 12), 1);
	assert_int_equal(RD32(BAR4, COMMON(device_feature_select)), 0);
	assert_int_equal(RD16(BAR4, COMMON(queue_select)), 0);
	assert_int_equal(RD8(BAR4, COMMON(device_status)), 0);
}

static void
test_flr(void **state)
{
	(void)state;
	pe_create(&modern);
	/* the bit alone, all of the register, and a wide write */
	for (unsigned int i = 0; i < 3; i++) {
		soil();
		if (i == 0)
			WR8(CFG, DEVCTL + 1, 0x80);
		else if (i == 1)
			WR16(CFG, DEVCTL, 0xa810);
		else
			pe_write(CFG, DEVCTL - 4, 8, UINT64_C(0x8000) << 32);
		assert_int_equal(mock.resets, i + 1);
		check_clean();
		assert_int_equal(RD16(CFG, DEVCTL), 0x2810);
	}
	/* the same byte of a neighbour is none */
	WR16(CFG, DEVCTL + 2, 0x8000);
	WR8(CFG, DEVCTL, 0x80);
	assert_int_equal(mock.resets, 3);
}

static void
count(void *ctx, int result)
{
	assert_int_equal(result, 0);
	++*(unsigned int *)ctx;
}

static void
test_reset(void **state)
{
	unsigned int calls = 0;

	(void)state;
	pe_create(&modern);
	soil();
	vn_pci_fn_reset(pe.fn, count, &calls);
	assert_int_equal(calls, 1);
	assert_int_equal(mock.resets, 1);
	check_clean();
}

static void
free_fn(void *ctx, int result)
{
	(void)ctx;
	assert_int_equal(result, 0);
	vn_pci_fn_free(pe.fn);
	pe.fn = NULL;
}

/* The end of a reset is the end of the function: its client was the last one. */
static void
test_reset_frees(void **state)
{
	(void)state;
	pe_create(&modern);
	soil();
	vn_pci_fn_reset(pe.fn, free_fn, NULL);
	assert_null(pe.fn);
	assert_int_equal(mock.resets, 1);
}

static void
window(uint8_t bar, uint32_t offset, uint32_t len)
{
	WR8(CFG, WIN_BAR, bar);
	WR32(CFG, WIN_OFFSET, offset);
	WR32(CFG, WIN_LENGTH, len);
}

static void
test_window(void **state)
{
	(void)state;
	pe_create(&transitional);
	/* all of the space is read by hosts when they find the function */
	mock.isr = 1;
	for (unsigned int i = 0; i < 256; i += 4)
		pe_read(CFG, i, 4);
	assert_int_equal(mock.isr, 1);

	window(4, COMMON(queue_select), 2);
	WR32(CFG, WIN_DATA, 0xffff0005);
	assert_int_equal(RD16(BAR4, COMMON(queue_select)), 5);
	WR32(CFG, WIN_DATA, 6);
	assert_int_equal(RD16(CFG, WIN_DATA), 6);
	window(4, COMMON(num_queues), 1);
	assert_int_equal(RD8(CFG, WIN_DATA), MOCK_QUEUES);
	window(4, COMMON(device_feature), 4);
	assert_int_equal(RD32(CFG, WIN_DATA), mock.offered[0]);
	window(4, VN_PCI_ISR, 1);
	assert_int_equal(RD8(CFG, WIN_DATA), 1);
	assert_int_equal(mock.isr, 0);
	window(4, VN_PCI_NOTIFY + 4, 2);
	WR16(CFG, WIN_DATA, 1);
	assert_int_equal(mock.kicks, 1);
	assert_int_equal(mock.kicked, 1);
	window(0, VN_LEGACY_STATUS, 1);
	WR8(CFG, WIN_DATA, 3);
	assert_int_equal(mock.status, 3);
	/* length and data in one write */
	window(4, COMMON(driver_feature_select), 4);
	pe_write(CFG, WIN_LENGTH, 8, UINT64_C(0x01020304) << 32 | 1);
	assert_int_equal(RD32(BAR4, COMMON(driver_feature_select)), 4);
}

static void
test_window_bad(void **state)
{
	static const struct {
		uint8_t bar;
		uint32_t offset, len;
	} t[] = {{4, 0, 0}, {4, 0, 3}, {4, 0, 5}, {4, 0, 8}, {4, 0, UINT32_MAX}, {2, 0, 4},
		{5, 0, 4}, {6, 0, 4}, {7, WIN_DATA, 4}, {8, 0, 4}, {255, 0, 4},
		{4, VN_PCI_BAR4_SIZE, 1}, {4, VN_PCI_BAR4_SIZE - 1, 2}, {4, UINT32_MAX, 4},
		{4, UINT32_MAX - 3, 4}, {0, 0, 4}};

	(void)state;
	pe_create(&modern);
	for (unsigned int i = 0; i < RTE_DIM(t); i++) {
		window(t[i].bar, t[i].offset, t[i].len);
		WR32(CFG, WIN_DATA, 0x01010101);
		assert_int_equal(RD32(CFG, WIN_DATA), 0);
	}
	assert_int_equal(mock.status, 0);
	assert_int_equal(mock.kicks, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PE_TEST(test_masks),
		PE_TEST(test_power_states),
		PE_TEST(test_flr),
		PE_TEST(test_reset),
		PE_TEST(test_reset_frees),
		PE_TEST(test_window),
		PE_TEST(test_window_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
