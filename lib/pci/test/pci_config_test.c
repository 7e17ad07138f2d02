/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Configuration space: what a host finds in it, and what it can change. */

#include "pci_test_env.h"

/* Length of the capability at @p at. */
static unsigned int
cap_len(uint8_t at)
{
	switch (RD8(CFG, at)) {
	case PCI_CAP_ID_PM:
		return PCI_PM_SIZEOF;
	case PCI_CAP_ID_EXP:
		assert_int_equal(RD16(CFG, at + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_VERS, 2);
		return 60;
	case PCI_CAP_ID_MSIX:
		return 12;
	case PCI_CAP_ID_VNDR:
		return RD8(CFG, at + 2);
	default:
		fail_msg("capability %#x", RD8(CFG, at));
		return 0;
	}
}

/* Walk the list as Linux does; @return the first one of @p id (and virtio type), or 0. */
static uint8_t
find_cap(uint8_t id, uint8_t type)
{
	uint8_t at = RD8(CFG, PCI_CAPABILITY_LIST), found = 0;
	uint8_t used[256] = {0};

	for (unsigned int ttl = 48; at != 0; at = RD8(CFG, at + 1), ttl--) {
		assert_true(ttl > 0);
		assert_true(at >= 0x40 && at % 4 == 0);
		for (unsigned int i = 0; i < cap_len(at); i++)
			assert_int_equal(used[at + i]++, 0);
		if (RD8(CFG, at) == id && (id != PCI_CAP_ID_VNDR || RD8(CFG, at + 3) == type) &&
			found == 0)
			found = at;
	}
	return found;
}

static uint32_t
bar_size(unsigned int n)
{
	const uint32_t at = PCI_BASE_ADDRESS_0 + 4 * n, before = RD32(CFG, at);
	uint32_t v;

	WR32(CFG, at, UINT32_MAX);
	v = RD32(CFG, at);
	WR32(CFG, at, before);
	assert_int_equal(RD32(CFG, at), before);
	v &= (v & 1) != 0 ? (uint32_t)PCI_BASE_ADDRESS_IO_MASK
			  : (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	return v == 0 ? 0 : ~v + 1;
}

static uint64_t
region_size(enum vn_pci_region r)
{
	struct vn_pci_region_info info;

	vn_pci_fn_region(pe.fn, r, &info);
	assert_int_equal(info.readable, info.size > 0);
	assert_int_equal(info.writable, info.size > 0);
	assert_int_equal(info.io, info.size > 0 && r == BAR0);
	return info.size;
}

static void
check_virtio_cap(uint8_t type, uint32_t offset, uint32_t length, uint8_t len)
{
	const uint8_t at = find_cap(PCI_CAP_ID_VNDR, type);

	assert_int_not_equal(at, 0);
	assert_int_equal(RD8(CFG, at + 2), len);
	assert_int_equal(RD8(CFG, at + 4), 4);
	assert_int_equal(RD32(CFG, at + 8), offset);
	assert_int_equal(RD32(CFG, at + 12), length);
	assert_true((uint64_t)offset + length <= region_size(BAR4));
}

static void
check_virtio_caps(void)
{
	check_virtio_cap(VN_PCI_CAP_COMMON_CFG, 0, 64, 16);
	check_virtio_cap(VN_PCI_CAP_ISR_CFG, 0x1000, 1, 16);
	check_virtio_cap(VN_PCI_CAP_DEVICE_CFG, 0x2000, 24, 16);
	check_virtio_cap(VN_PCI_CAP_NOTIFY_CFG, 0x3000, 0x2000, 20);
	assert_int_equal(RD32(CFG, find_cap(PCI_CAP_ID_VNDR, VN_PCI_CAP_NOTIFY_CFG) + 16), 4);
	assert_int_equal(find_cap(PCI_CAP_ID_VNDR, VN_PCI_CAP_PCI_CFG), PCI_CAP_WINDOW);
}

static void
test_identity_modern(void **state)
{
	(void)state;
	pe_create(&modern);
	assert_int_equal(RD32(CFG, PCI_VENDOR_ID), 0x10411af4);
	assert_int_equal(RD32(CFG, PCI_CLASS_REVISION), 0x02000001);
	assert_int_equal(RD32(CFG, PCI_SUBSYSTEM_VENDOR_ID), 0x10411af4);
	assert_int_equal(RD16(CFG, PCI_COMMAND), 0);
	assert_int_equal(RD16(CFG, PCI_STATUS), PCI_STATUS_CAP_LIST);
	assert_int_equal(RD8(CFG, PCI_HEADER_TYPE), 0);
	assert_int_equal(RD8(CFG, PCI_INTERRUPT_PIN), 1);
	assert_int_equal(RD32(CFG, PCI_ROM_ADDRESS), 0);
	assert_int_equal(mock.attaches, 1);
	assert_false(mock.legacy);
	assert_true(mock.doorbell_seen);
}

static void
test_identity_others(void **state)
{
	(void)state;
	pe.dev.conf.type = VN_HOTPLUG_PF;
	pe_create(&modern);
	assert_int_equal(RD32(CFG, PCI_SUBSYSTEM_VENDOR_ID), 0x00011af4);
	vn_pci_fn_free(pe.fn);
	pe.dev.conf.type = VN_VF;
	pe_create(&modern);
	assert_int_equal(RD32(CFG, PCI_SUBSYSTEM_VENDOR_ID), 0x10411af4);
	vn_pci_fn_free(pe.fn);
	pe_create(&transitional);
	assert_int_equal(RD32(CFG, PCI_VENDOR_ID), 0x10001af4);
	assert_int_equal(RD32(CFG, PCI_CLASS_REVISION), 0x02000000);
	assert_int_equal(RD32(CFG, PCI_SUBSYSTEM_VENDOR_ID), 0x00011af4);
	assert_true(mock.legacy);
}

static void
test_create_refused(void **state)
{
	struct vn_pci_conf conf = {.msix_vectors = 2049};
	struct vn_pci_fn *fn;

	(void)state;
	assert_int_equal(vn_pci_fn_create(&pe.dev, &conf, &pe_ops, &pe, &fn), -EINVAL);
	mock.attach_result = -ENOMEM;
	assert_int_equal(vn_pci_fn_create(&pe.dev, &modern, &pe_ops, &pe, &fn), -ENOMEM);
	vn_pci_fn_free(NULL);
}

static void
test_capabilities(void **state)
{
	uint8_t at;

	(void)state;
	pe_create(&modern);
	check_virtio_caps();
	at = find_cap(PCI_CAP_ID_EXP, 0);
	assert_int_equal(RD16(CFG, at + PCI_EXP_FLAGS), 0x0002);
	assert_true(RD32(CFG, at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
	at = find_cap(PCI_CAP_ID_PM, 0);
	assert_int_equal(RD16(CFG, at + PCI_PM_CTRL), PCI_PM_CTRL_NO_SOFT_RESET);
	at = find_cap(PCI_CAP_ID_MSIX, 0);
	assert_int_equal(RD16(CFG, at + PCI_MSIX_FLAGS), 8);
	assert_int_equal(RD32(CFG, at + PCI_MSIX_TABLE), 1);
	assert_int_equal(RD32(CFG, at + PCI_MSIX_PBA), 9 * 16 + 1);
	/* the extended list is empty */
	for (unsigned int i = 0x100; i < VN_PCI_CONFIG_SIZE; i += 4)
		assert_int_equal(RD32(CFG, i), 0);
	vn_pci_fn_free(pe.fn);

	pe_create(&transitional);
	check_virtio_caps();
	assert_int_equal(RD16(CFG, find_cap(PCI_CAP_ID_EXP, 0) + PCI_EXP_FLAGS), 0x0012);
}

static void
test_msix_sizes(void **state)
{
	static const struct {
		uint16_t n;
		uint32_t size;
	} t[] = {{0, 0}, {1, 0x1000}, {4, 0x1000}, {252, 0x1000}, {253, 0x1000}, {255, 0x2000},
		{256, 0x2000}, {1024, 0x8000}, {2048, 0x10000}};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(t); i++) {
		const struct vn_pci_conf conf = {.msix_vectors = t[i].n, .max_vectors = t[i].n};
		uint8_t at;

		pe_create(&conf);
		assert_int_equal(region_size(BAR1), t[i].size);
		assert_int_equal(bar_size(1), t[i].size);
		assert_int_equal(vn_pci_fn_irqs(pe.fn, VN_PCI_MSIX), t[i].n);
		assert_int_equal(vn_pci_fn_irqs(pe.fn, VN_PCI_INTX), 1);
		assert_int_equal(vn_pci_fn_irqs(pe.fn, VN_PCI_MSI), 0);
		assert_int_equal(vn_pci_fn_irqs(pe.fn, VN_PCI_ERR), 0);
		at = find_cap(PCI_CAP_ID_MSIX, 0);
		assert_int_equal(at != 0, t[i].n != 0);
		if (at != 0) {
			const uint32_t table = RD32(CFG, at + 4), pba = RD32(CFG, at + 8);

			assert_int_equal(RD16(CFG, at + 2) + 1, t[i].n);
			assert_int_equal(table, 1);
			assert_int_equal(pba & 7, 1);
			assert_true((pba & ~7u) >= 16u * t[i].n);
			assert_true((pba & ~7u) + (t[i].n + 63) / 64 * 8 <= t[i].size);
		}
		vn_pci_fn_free(pe.fn);
	}
	pe.fn = NULL;
}

static void
test_bars(void **state)
{
	(void)state;
	pe_create(&transitional);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_0), 1);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_1), 0);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_4), 0xc);
	assert_int_equal(bar_size(0), 64);
	assert_int_equal(region_size(BAR0), 64);
	assert_int_equal(bar_size(2), 0);
	assert_int_equal(bar_size(3), 0);
	assert_int_equal(bar_size(4), VN_PCI_BAR4_SIZE);
	assert_int_equal(region_size(BAR4), VN_PCI_BAR4_SIZE);
	/* the upper half of BAR4 is all address */
	WR32(CFG, PCI_BASE_ADDRESS_5, UINT32_MAX);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_5), UINT32_MAX);
	assert_int_equal(region_size(VN_PCI_BAR5), 0);
	assert_int_equal(region_size(VN_PCI_ROM), 0);
	assert_int_equal(region_size(CFG), 4096);
	assert_int_equal(region_size((enum vn_pci_region)99), 0);
	/* in pieces */
	WR8(CFG, PCI_BASE_ADDRESS_4 + 2, 0xab);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_4), 0xab000c);
	WR16(CFG, PCI_BASE_ADDRESS_0, 0x1234);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_0), 0x1201);
	vn_pci_fn_free(pe.fn);

	pe_create(&modern);
	assert_int_equal(bar_size(0), 0);
	assert_int_equal(region_size(BAR0), 0);
}

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
		PE_TEST(test_identity_modern),
		PE_TEST(test_identity_others),
		PE_TEST(test_create_refused),
		PE_TEST(test_capabilities),
		PE_TEST(test_msix_sizes),
		PE_TEST(test_bars),
		PE_TEST(test_masks),
		PE_TEST(test_power_states),
		PE_TEST(test_flr),
		PE_TEST(test_reset),
		PE_TEST(test_window),
		PE_TEST(test_window_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
