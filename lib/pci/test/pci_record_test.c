/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The function's record, and accesses that no driver makes. */

#include "pci_test_env.h"

static uint8_t record[VN_PCI_FN_SAVE_MAX];

static void
soil(void)
{
	WR16(CFG, PCI_COMMAND, 0x0406);
	WR32(CFG, PCI_BASE_ADDRESS_4, 0xfe000000);
	WR8(CFG, PCI_INTERRUPT_LINE, 11);
	WR16(CFG, MSIX_FLAGS, 0x8000);
	WR32(BAR4, COMMON(device_feature_select), 1);
	WR32(BAR4, COMMON(driver_feature_select), 3);
	WR16(BAR4, COMMON(queue_select), 5);
	WR32(CFG, WIN_OFFSET, 0x1234);
}

static void
check_soiled(void)
{
	assert_int_equal(RD16(CFG, PCI_COMMAND), 0x0406);
	assert_int_equal(RD32(CFG, PCI_BASE_ADDRESS_4), 0xfe00000c);
	assert_int_equal(RD8(CFG, PCI_INTERRUPT_LINE), 11);
	assert_int_equal(RD16(CFG, MSIX_FLAGS), 0x8008);
	assert_int_equal(RD32(BAR4, COMMON(device_feature_select)), 1);
	assert_int_equal(RD32(BAR4, COMMON(driver_feature_select)), 3);
	assert_int_equal(RD16(BAR4, COMMON(queue_select)), 5);
	assert_int_equal(RD32(CFG, WIN_OFFSET), 0x1234);
}

static void
renew(const struct vn_pci_conf *conf)
{
	vn_pci_fn_free(pe.fn);
	mock_model_init(&pe.dev);
	pe_create(conf);
}

static void
test_round_trip(void **state)
{
	int len;

	(void)state;
	pe_create(&modern);
	soil();
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	/* the table was not touched, so it is not in it */
	assert_int_equal(len, 32 + PCI_CFG_BYTES + 8);
	renew(&modern);
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), 0);
	assert_int_equal(mock.restores, 1);
	assert_int_equal(mock.restored_len, 8);
	assert_memory_equal(mock.restored, "fakemodl", 8);
	check_soiled();
	assert_int_equal(RD32(BAR1, 8 * 16 + 12), 1);
	assert_false(mock.ops->intx(mock.ctx));
	/* MSI-X was on already: nothing new */
	assert_int_equal(mock.irq_changes, 0);
}

static void
test_round_trip_table(void **state)
{
	const struct vn_pci_conf conf = {.msix_vectors = 2048, .max_vectors = 2048};
	int len;

	(void)state;
	pe_create(&conf);
	pe_write(BAR1, 16 * 3, 8, UINT64_C(0xfee0100000000004));
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	assert_int_equal(len, 32 + PCI_CFG_BYTES + 4 * 16 + 8);
	renew(&conf);
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), 0);
	assert_true(pe_read(BAR1, 16 * 3, 8) == UINT64_C(0xfee0100000000004));
	assert_memory_equal(mock.restored, "fakemodl", 8);
	/* all of it */
	WR8(BAR1, 16 * 2047 + 12, 0);
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	assert_int_equal(len, 32 + PCI_CFG_BYTES + 2048 * 16 + 8);
	renew(&conf);
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), 0);
	assert_int_equal(RD32(BAR1, 16 * 2047 + 12), 0);
	assert_int_equal(RD32(BAR1, 16 * 2046 + 12), 1);
}

static void
test_no_room(void **state)
{
	int len;

	(void)state;
	pe_create(&modern);
	WR32(BAR1, 0, 4);
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	assert_true(len > 0);
	for (int room = 0; room < len; room++)
		assert_int_equal(vn_pci_fn_save(pe.fn, record, room), -ENOSPC);
	assert_int_equal(vn_pci_fn_save(pe.fn, record, len), len);
}

static void
check_new(const uint8_t *config)
{
	uint8_t now[256];

	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, now, sizeof(now)), 0);
	assert_memory_equal(now, config, sizeof(now));
	assert_int_equal(RD32(BAR4, COMMON(device_feature_select)), 0);
	assert_int_equal(RD16(BAR4, COMMON(queue_select)), 0);
	assert_int_equal(RD32(BAR1, 12), 1);
}

/* Every length that is not the record's, and every bit turned: refused, or a state that the
 * registers can have, never more. */
static void
test_damaged(void **state)
{
	uint8_t config[256], bad[1024];
	unsigned int refused = 0, taken = 0;
	int len;

	(void)state;
	pe_create(&modern);
	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, config, sizeof(config)), 0);
	soil();
	WR32(BAR1, 0, 4);
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	assert_true(len > 0 && len < (int)sizeof(bad));
	for (int n = 0; n < len; n++) {
		/* an allocation of its own: reading beyond shows */
		void *cut = malloc(n > 0 ? n : 1);

		memcpy(cut, record, n);
		renew(&modern);
		assert_int_equal(vn_pci_fn_restore(pe.fn, cut, n), -EINVAL);
		check_new(config);
		free(cut);
	}
	memcpy(bad, record, len);
	assert_int_equal(vn_pci_fn_restore(pe.fn, bad, len + 1), -EINVAL);
	for (int bit = 0; bit < 8 * (len - 8); bit++) {
		memcpy(bad, record, len);
		bad[bit / 8] ^= 1 << bit % 8;
		renew(&modern);
		if (vn_pci_fn_restore(pe.fn, bad, len) == 0) {
			taken++;
			continue;
		}
		refused++;
		assert_int_equal(mock.restores, 0);
		check_new(config);
	}
	/* magic, version, lengths, counts, and all of configuration space that cannot change */
	assert_true(refused > 8 * 200);
	assert_true(taken > 0);
}

static void
test_other_function(void **state)
{
	const struct vn_pci_conf fewer = {.msix_vectors = 8, .max_vectors = 8};
	int len;

	(void)state;
	pe_create(&modern);
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	renew(&transitional);
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), -EINVAL);
	renew(&fewer);
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), -EINVAL);
	vn_pci_fn_free(pe.fn);
	mock_model_init(&pe.dev);
	pe.dev.conf.type = VN_HOTPLUG_PF;
	pe_create(&modern);
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), -EINVAL);
}

static void
test_model_refuses(void **state)
{
	uint8_t config[256];
	int len;

	(void)state;
	pe_create(&modern);
	assert_int_equal(vn_pci_fn_read(pe.fn, CFG, 0, config, sizeof(config)), 0);
	soil();
	WR8(BAR1, 12, 0);
	len = vn_pci_fn_save(pe.fn, record, sizeof(record));
	renew(&modern);
	mock.restore_result = -EFAULT;
	assert_int_equal(vn_pci_fn_restore(pe.fn, record, len), -EFAULT);
	check_new(config);
	assert_true(mock.ops->intx(mock.ctx));
}

/* Any region, offset and length: refused when it is not within the region, else defined. */
static void
test_hostile_accesses(void **state)
{
	static const uint64_t deltas[] = {0, 1, 2, 3, 4, 7, 8, 16, 63, 64, 4095, 4096};
	static uint8_t buf[0x20000];
	const enum vn_pci_region beyond = (enum vn_pci_region) - 1;

	(void)state;
	pe_create(&transitional);
	memset(buf, 0xff, sizeof(buf));
	for (int r = -1; r < VN_PCI_REGIONS + 3; r++) {
		const enum vn_pci_region region = r < 0 ? beyond : (enum vn_pci_region)r;
		struct vn_pci_region_info info;

		vn_pci_fn_region(pe.fn, region, &info);
		for (unsigned int o = 0; o < 3 * RTE_DIM(deltas); o++)
			for (unsigned int l = 0; l < 3 * RTE_DIM(deltas); l++) {
				const uint64_t d = deltas[o % RTE_DIM(deltas)];
				const uint64_t n = deltas[l % RTE_DIM(deltas)];
				const uint64_t offset = o < RTE_DIM(deltas)       ? d
							: o < 2 * RTE_DIM(deltas) ? info.size - d
										  : UINT64_MAX - d;
				const uint32_t len = l < RTE_DIM(deltas)       ? n
						     : l < 2 * RTE_DIM(deltas) ? info.size - n
									       : UINT32_MAX - n;
				const bool fits = info.size > 0 && len <= info.size &&
						  offset <= info.size - len;
				const int want = fits ? 0 : -EINVAL;

				assert_int_equal(
					vn_pci_fn_write(pe.fn, region, offset, buf, len), want);
				assert_int_equal(
					vn_pci_fn_read(pe.fn, region, offset, buf, len), want);
				if (fits)
					memset(buf, 0xff, len);
			}
	}
	/* nothing has changed what cannot change */
	assert_int_equal(RD32(CFG, PCI_VENDOR_ID), 0x10001af4);
	assert_int_equal(RD8(CFG, PCI_CAPABILITY_LIST), PCI_CAP_PM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PE_TEST(test_round_trip),
		PE_TEST(test_round_trip_table),
		PE_TEST(test_no_room),
		PE_TEST(test_damaged),
		PE_TEST(test_other_function),
		PE_TEST(test_model_refuses),
		PE_TEST(test_hostile_accesses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
