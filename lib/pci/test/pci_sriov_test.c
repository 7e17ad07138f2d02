/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The SR-IOV capability of a PF that may own VFs, as a host uses it. */

#include "pci_test_env.h"

#define SRIOV(reg) (PCI_CAP_SRIOV + (reg))
#define CTRL       SRIOV(PCI_SRIOV_CTRL)
#define NUM        SRIOV(PCI_SRIOV_NUM_VF)
#define PAGE       SRIOV(PCI_SRIOV_SYS_PGSIZE)
#define VF_BAR(n)  SRIOV(PCI_SRIOV_BAR + 4 * (n))

#define TOTAL 300
#define VFE   PCI_SRIOV_CTRL_VFE
#define MSE   PCI_SRIOV_CTRL_MSE

static uint8_t record[VN_PCI_FN_SAVE_MAX];

/* What the controller was told. */
static struct {
	unsigned int calls;
	uint16_t n;
	bool refuse; /* at once */
} want;

static void
want_vfs(void *ctx, struct vn_device *dev, uint16_t n)
{
	assert_ptr_equal(ctx, &want);
	assert_ptr_equal(dev, &pe.dev);
	want.calls++;
	want.n = n;
	if (want.refuse)
		vn_pci_fn_set_vfs(pe.fn, 0, false);
}

static void
device(void)
{
	mock_model_init(&pe.dev);
	pe.dev.conf.type = VN_STATIC_PF;
	pe.dev.conf.pci_function = 3;
	pe.dev.conf.total_vfs = TOTAL;
	pe.dev.conf.vf_offset = 0x2fd;
	pe.dev.conf.vf_msix = 256;
	pe.dev.env.want_vfs = want_vfs;
	pe.dev.env.ctx = &want;
}

static int
setup(void **state)
{
	(void)state;
	memset(&pe, 0, sizeof(pe));
	memset(&want, 0, sizeof(want));
	device();
	pe_create(&modern);
	return 0;
}

static void
renew(void)
{
	vn_pci_fn_free(pe.fn);
	memset(&want, 0, sizeof(want));
	device();
	pe_create(&modern);
}

static void
count(void *ctx, int result)
{
	assert_int_equal(result, 0);
	++*(unsigned int *)ctx;
}

/* The list is walked as Linux does it. */
static void
test_found(void **state)
{
	uint32_t header = RD32(CFG, 0x100);

	(void)state;
	assert_int_equal(header & 0xfffff, 1 << 16 | PCI_EXT_CAP_ID_ARI);
	assert_int_equal(RD32(CFG, 0x104), 0);
	assert_int_equal(header >> 20, PCI_CAP_SRIOV);
	assert_int_equal(RD32(CFG, PCI_CAP_SRIOV), 1 << 16 | PCI_EXT_CAP_ID_SRIOV);
	assert_int_equal(RD32(CFG, SRIOV(PCI_SRIOV_CAP)), 0);
	assert_int_equal(RD32(CFG, CTRL), 0);
	assert_int_equal(RD16(CFG, SRIOV(PCI_SRIOV_INITIAL_VF)), TOTAL);
	assert_int_equal(RD16(CFG, SRIOV(PCI_SRIOV_TOTAL_VF)), TOTAL);
	assert_int_equal(RD16(CFG, NUM), 0);
	assert_int_equal(RD8(CFG, SRIOV(PCI_SRIOV_FUNC_LINK)), 3);
	assert_int_equal(RD16(CFG, SRIOV(PCI_SRIOV_VF_OFFSET)), 0x2fd);
	assert_int_equal(RD16(CFG, SRIOV(PCI_SRIOV_VF_STRIDE)), 1);
	assert_int_equal(RD16(CFG, SRIOV(PCI_SRIOV_VF_DID)), 0x1041);
	assert_int_equal(RD32(CFG, SRIOV(PCI_SRIOV_SUP_PGSIZE)), 0x553);
	assert_int_equal(RD32(CFG, PAGE), 1);
	assert_int_equal(RD32(CFG, SRIOV(PCI_SRIOV_VFM)), 0);
	/* and nothing behind it */
	for (uint32_t at = PCI_CAP_SRIOV + 0x40; at < VN_PCI_CONFIG_SIZE; at += 4)
		assert_int_equal(RD32(CFG, at), 0);
}

static void
test_absent(void **state)
{
	static const enum vn_function_type other[] = {VN_HOTPLUG_PF, VN_VF, VN_STATIC_PF};
	unsigned int calls = 0;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(other); i++) {
		vn_pci_fn_free(pe.fn);
		device();
		pe.dev.conf.type = other[i];
		if (other[i] == VN_STATIC_PF)
			pe.dev.conf.total_vfs = 0;
		pe_create(&modern);
		WR16(CFG, NUM, 2);
		WR16(CFG, CTRL, VFE);
		vn_pci_fn_set_vfs(pe.fn, 2, false);
		for (uint32_t at = 0x100; at < VN_PCI_CONFIG_SIZE; at += 4)
			assert_int_equal(RD32(CFG, at), 0);
		vn_pci_fn_reset(pe.fn, count, &calls);
	}
	assert_int_equal(want.calls, 0);
}

static uint32_t
bar_size(unsigned int n)
{
	uint32_t v;

	WR32(CFG, VF_BAR(n), UINT32_MAX);
	v = RD32(CFG, VF_BAR(n)) & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	WR32(CFG, VF_BAR(n), 0);
	return v == 0 ? 0 : ~v + 1;
}

/* A VF's BARs are those of a function with as many vectors, in whole pages. */
static void
test_bars(void **state)
{
	static const struct {
		uint32_t page, bar1, bar4;
	} t[] = {{1, 0x2000, 0x8000}, {2, 0x2000, 0x8000}, {0x10, 0x10000, 0x10000},
		{0x40, 0x40000, 0x40000}, {0x100, 0x100000, 0x100000}, {0x400, 0x400000, 0x400000}};
	const struct vn_pci_conf vf = {.msix_vectors = 256, .max_vectors = 256};
	struct vn_pci_region_info info;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(t); i++) {
		WR32(CFG, PAGE, t[i].page);
		assert_int_equal(RD32(CFG, PAGE), t[i].page);
		assert_int_equal(bar_size(1), t[i].bar1);
		assert_int_equal(bar_size(4), t[i].bar4);
		assert_int_equal(RD32(CFG, VF_BAR(4)), 0xc);
		WR32(CFG, VF_BAR(5), 0x12345678);
		assert_int_equal(RD32(CFG, VF_BAR(5)), 0x12345678);
		assert_int_equal(bar_size(0) | bar_size(2) | bar_size(3), 0);
	}
	/* an address is cut to the page when that grows */
	WR32(CFG, PAGE, 1);
	WR32(CFG, VF_BAR(1), 0xfe32a000);
	assert_int_equal(RD32(CFG, VF_BAR(1)), 0xfe32a000);
	WR32(CFG, PAGE, 0x100);
	assert_int_equal(RD32(CFG, VF_BAR(1)), 0xfe300000);
	/* as the VF itself has them */
	vn_pci_fn_free(pe.fn);
	device();
	pe.dev.conf.type = VN_VF;
	pe_create(&vf);
	vn_pci_fn_region(pe.fn, BAR1, &info);
	assert_int_equal(info.size, 0x2000);
	vn_pci_fn_region(pe.fn, BAR4, &info);
	assert_int_equal(info.size, 0x8000);
	/* no vectors, no table */
	vn_pci_fn_free(pe.fn);
	device();
	pe.dev.conf.vf_msix = 0;
	pe_create(&modern);
	assert_int_equal(bar_size(1), 0);
}

/* Not one page size, or one that is not supported. */
static void
test_page_size_bad(void **state)
{
	static const uint32_t bad[] = {0, 3, 4, 0x11, 0x553, UINT32_MAX, 0x800, 0x1000};

	(void)state;
	WR32(CFG, PAGE, 2);
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		WR32(CFG, PAGE, bad[i]);
		assert_int_equal(RD32(CFG, PAGE), 2);
	}
}

static void
test_enable(void **state)
{
	(void)state;
	WR16(CFG, NUM, 7);
	assert_int_equal(RD16(CFG, NUM), 7);
	assert_int_equal(want.calls, 0);
	WR16(CFG, CTRL, VFE | MSE);
	assert_int_equal(RD16(CFG, CTRL), VFE | MSE);
	assert_int_equal(want.calls, 1);
	assert_int_equal(want.n, 7);
	/* it is there: nothing new is said, and the rest is locked */
	vn_pci_fn_set_vfs(pe.fn, 7, true);
	WR16(CFG, CTRL, VFE | PCI_SRIOV_CTRL_ARI);
	WR16(CFG, NUM, 8);
	WR32(CFG, PAGE, 2);
	assert_int_equal(RD16(CFG, CTRL), VFE);
	assert_int_equal(RD16(CFG, NUM), 7);
	assert_int_equal(RD32(CFG, PAGE), 1);
	assert_int_equal(want.calls, 1);
	WR16(CFG, CTRL, 0);
	assert_int_equal(want.calls, 2);
	assert_int_equal(want.n, 0);
	vn_pci_fn_set_vfs(pe.fn, 0, true);
	/* and again, by bytes, and the other way round in one access */
	WR8(CFG, NUM + 1, 1);
	WR8(CFG, NUM, 1);
	WR8(CFG, CTRL, VFE);
	assert_int_equal(want.n, 257);
	WR16(CFG, CTRL, 0);
	pe_write(CFG, SRIOV(PCI_SRIOV_INITIAL_VF), 8, UINT64_C(9) << 32);
	assert_int_equal(RD16(CFG, NUM), 9);
	assert_int_equal(RD16(CFG, SRIOV(PCI_SRIOV_TOTAL_VF)), TOTAL);
	WR16(CFG, CTRL, PCI_SRIOV_CTRL_ARI | PCI_SRIOV_CTRL_VFM | PCI_SRIOV_CTRL_INTR);
	assert_int_equal(RD16(CFG, CTRL), PCI_SRIOV_CTRL_ARI);
	assert_int_equal(want.calls, 4);
	assert_int_equal(pe.saves, 0);
}

static void
test_enable_bad(void **state)
{
	static const uint16_t bad[] = {0, TOTAL + 1, UINT16_MAX};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		WR16(CFG, NUM, bad[i]);
		WR16(CFG, CTRL, VFE | MSE);
		assert_int_equal(RD16(CFG, CTRL), MSE);
	}
	assert_int_equal(want.calls, 0);
	WR16(CFG, NUM, TOTAL);
	WR16(CFG, CTRL, VFE);
	assert_int_equal(want.n, TOTAL);
}

/* The controller cannot, and says so at once or later. */
static void
test_fails(void **state)
{
	(void)state;
	want.refuse = true;
	WR16(CFG, NUM, 2);
	WR16(CFG, CTRL, VFE | MSE);
	assert_int_equal(RD16(CFG, CTRL), MSE);
	assert_int_equal(RD16(CFG, NUM), 2);
	assert_int_equal(want.calls, 1);
	assert_int_equal(pe.saves, 1);
	want.refuse = false;
	WR16(CFG, CTRL, VFE);
	assert_int_equal(RD16(CFG, CTRL), VFE);
	vn_pci_fn_set_vfs(pe.fn, 0, true);
	assert_int_equal(RD16(CFG, CTRL), 0);
	assert_int_equal(want.calls, 2);
	assert_int_equal(pe.saves, 2);
	WR16(CFG, NUM, 3);
	assert_int_equal(RD16(CFG, NUM), 3);
}

/* The operator's VFs are shown, and stay. */
static void
test_operator(void **state)
{
	unsigned int calls = 0;

	(void)state;
	WR16(CFG, NUM, 5);
	vn_pci_fn_set_vfs(pe.fn, 0x102, false);
	assert_int_equal(RD16(CFG, CTRL), VFE);
	assert_int_equal(RD16(CFG, NUM), 0x102);
	assert_int_equal(RD8(CFG, NUM + 1), 1);
	assert_int_equal(RD32(CFG, SRIOV(PCI_SRIOV_INITIAL_VF)), TOTAL << 16 | TOTAL);
	WR16(CFG, NUM, 7);
	WR32(CFG, PAGE, 2);
	WR16(CFG, CTRL, MSE);
	assert_int_equal(RD16(CFG, CTRL), VFE | MSE);
	WR16(CFG, CTRL, VFE);
	assert_int_equal(RD16(CFG, CTRL), VFE);
	assert_int_equal(RD16(CFG, NUM), 0x102);
	assert_int_equal(RD32(CFG, PAGE), 1);
	vn_pci_fn_reset(pe.fn, count, &calls);
	assert_int_equal(RD16(CFG, CTRL), VFE);
	assert_int_equal(RD16(CFG, NUM), 0x102);
	assert_int_equal(want.calls, 1);
	assert_int_equal(want.n, 0);
	vn_pci_fn_set_vfs(pe.fn, 0, false);
	assert_int_equal(RD16(CFG, CTRL), 0);
	assert_int_equal(RD16(CFG, NUM), 0);
	WR16(CFG, NUM, 1);
	WR16(CFG, CTRL, VFE);
	assert_int_equal(want.calls, 2);
	assert_int_equal(want.n, 1);
}

static void
test_reset(void **state)
{
	unsigned int calls = 0;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		WR32(CFG, PAGE, 0x10);
		WR32(CFG, VF_BAR(4), 0xfe000000);
		WR16(CFG, NUM, 2);
		WR16(CFG, CTRL, VFE | MSE);
		assert_int_equal(want.n, 2);
		if (i == 0)
			vn_pci_fn_reset(pe.fn, count, &calls);
		else
			WR8(CFG, DEVCTL + 1, 0x80);
		assert_int_equal(want.calls, 2 * i + 2);
		assert_int_equal(want.n, 0);
		assert_int_equal(RD16(CFG, CTRL), 0);
		assert_int_equal(RD16(CFG, NUM), 0);
		assert_int_equal(RD32(CFG, PAGE), 1);
		assert_int_equal(RD32(CFG, VF_BAR(4)), 0xc);
	}
	/* the driver's own reset is none of the function */
	WR16(CFG, NUM, 2);
	WR16(CFG, CTRL, VFE);
	WR8(BAR4, COMMON(device_status), 0);
	assert_int_equal(RD16(CFG, CTRL), VFE);
	assert_int_equal(want.calls, 5);
	assert_int_equal(calls, 1);
}

static void
test_record(void **state)
{
	uint8_t before[PCI_CFG_BYTES], after[PCI_CFG_BYTES];
	int len;

	(void)state;
	WR32(CFG, PAGE, 0x10);
	WR32(CFG, VF_BAR(4), 0xfe010000);
	WR16(CFG, NUM, 2);
	WR16(CFG, CTRL, VFE | MSE);
	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, before, sizeof(before)), 0);
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	assert_true(len > 0);
	renew();
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), 0);
	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, after, sizeof(after)), 0);
	assert_memory_equal(before, after, sizeof(after));
	assert_int_equal(want.calls, 1);
	assert_int_equal(want.n, 2);
	/* VFs of the operator are the controller's to show again */
	renew();
	vn_pci_fn_set_vfs(pe.fn, 4, false);
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	renew();
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), 0);
	assert_int_equal(want.n, 0);
	assert_int_equal(RD16(CFG, CTRL), 0);
}

/* Registers that no writes lead to. */
static void
test_record_bad(void **state)
{
	static const struct {
		uint16_t at;
		uint32_t value;
	} bad[] = {{CTRL, VFE}, {PAGE, 0}, {PAGE, 3}, {PAGE, 4}, {NUM - 4, 1}, {VF_BAR(0), 0x1000},
		{VF_BAR(1), 0x1000}, {VF_BAR(4), 0}, {CTRL, PCI_SRIOV_CTRL_VFM},
		{SRIOV(PCI_SRIOV_VF_OFFSET), 1}, {PCI_CAP_ARI, 0},
		{SRIOV(PCI_SRIOV_VF_DID - 2), 0x10420000}};
	const size_t cfg = 32;
	int len;

	(void)state;
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		uint8_t copy[1024];

		memcpy(copy, record, len);
		pci_put32(copy + cfg + bad[i].at, bad[i].value);
		renew();
		assert_int_equal(vn_pci_fn_restore(pe.fn, copy, len), -EINVAL);
		assert_int_equal(want.calls, 0);
		assert_int_equal(RD32(CFG, PAGE), 1);
	}
	pci_put16(record + cfg + CTRL, VFE);
	pci_put16(record + cfg + NUM, TOTAL + 1);
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), -EINVAL);
	pci_put16(record + cfg + NUM, TOTAL);
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), 0);
	assert_int_equal(want.n, TOTAL);
}

/* The PF says of its VFs what they say of themselves, but for the BAR that none can have. */
static void
test_transitional_vfs(void **state)
{
	const struct vn_pci_conf vf = {
		.transitional = true, .msix_vectors = 256, .max_vectors = 256};
	int len;

	(void)state;
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	vn_pci_fn_free(pe.fn);
	device();
	pe.dev.conf.vf_transitional = true;
	pe_create(&modern);
	assert_int_equal(RD16(CFG, PCI_DEVICE_ID), 0x1041);
	assert_int_equal(RD16(CFG, SRIOV(PCI_SRIOV_VF_DID)), 0x1000);
	assert_int_equal(bar_size(0), 0);
	assert_int_equal(bar_size(4), 0x8000);
	/* A client that was there before the setting changed does not lose the PF for it. */
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), 0);
	assert_int_equal(RD16(CFG, SRIOV(PCI_SRIOV_VF_DID)), 0x1041);
	vn_pci_fn_free(pe.fn);
	device();
	pe.dev.conf.type = VN_VF;
	pe_create(&vf);
	assert_int_equal(RD16(CFG, PCI_DEVICE_ID), 0x1000);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_0), PCI_BASE_ADDRESS_SPACE_IO);
}

#define SRIOV_TEST(name) cmocka_unit_test_setup_teardown(name, setup, pe_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SRIOV_TEST(test_found),
		SRIOV_TEST(test_absent),
		SRIOV_TEST(test_bars),
		SRIOV_TEST(test_page_size_bad),
		SRIOV_TEST(test_enable),
		SRIOV_TEST(test_enable_bad),
		SRIOV_TEST(test_fails),
		SRIOV_TEST(test_operator),
		SRIOV_TEST(test_reset),
		SRIOV_TEST(test_record),
		SRIOV_TEST(test_record_bad),
		SRIOV_TEST(test_transitional_vfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
