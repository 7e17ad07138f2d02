/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Configuration space as a host finds it: identity, capabilities, BARs. */

#include "pci_test_env.h"

/* All of it, as lspci -F has shown it to be right; the rest is 0. */
/* clang-format off */
static const uint8_t golden[240] = {
	0xf4, 0x1a, 0x41, 0x10, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf4, 0x1a, 0x41, 0x10,
	0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
	0x01, 0x48, 0x03, 0x00, 0x08, 0x00, 0x00, 0x00, 0x10, 0x84, 0x02, 0x00, 0x00, 0x80, 0x00, 0x10,
	0x10, 0x28, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x11, 0x90, 0x08, 0x00, 0x01, 0x00, 0x00, 0x00, 0x91, 0x00, 0x00, 0x00,
	0x09, 0xa0, 0x10, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00,
	0x09, 0xb0, 0x10, 0x03, 0x04, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	0x09, 0xc0, 0x10, 0x04, 0x04, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x18, 0x00, 0x00, 0x00,
	0x09, 0xd4, 0x14, 0x02, 0x04, 0x00, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00,
	0x04, 0x00, 0x00, 0x00, 0x09, 0x00, 0x14, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};
/* clang-format on */

static void
test_golden(void **state)
{
	static const struct {
		uint8_t at, value;
	} differs[] = {
		{PCI_DEVICE_ID, 0x00},
		{PCI_DEVICE_ID + 1, 0x10},
		{PCI_REVISION_ID, 0},
		{PCI_BASE_ADDRESS_0, 1},
		{PCI_SUBSYSTEM_ID, 1},
		{PCI_SUBSYSTEM_ID + 1, 0},
		{PCI_CAP_EXPRESS + PCI_EXP_FLAGS, 0x12},
	};
	uint8_t want[256] = {0}, config[256];

	(void)state;
	memcpy(want, golden, sizeof(golden));
	pe_create(&modern);
	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, config, 256), 0);
	assert_memory_equal(config, want, 256);
	vn_pci_fn_free(pe.fn);
	pe_create(&transitional);
	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, config, 256), 0);
	for (unsigned int i = 0; i < RTE_DIM(differs); i++)
		want[differs[i].at] = differs[i].value;
	assert_memory_equal(config, want, 256);
}

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PE_TEST(test_golden),
		PE_TEST(test_identity_modern),
		PE_TEST(test_identity_others),
		PE_TEST(test_create_refused),
		PE_TEST(test_capabilities),
		PE_TEST(test_msix_sizes),
		PE_TEST(test_bars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
