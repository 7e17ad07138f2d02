/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Common configuration, ISR status, device configuration and doorbells in BAR4. */

#include "pci_test_env.h"
#include "vn_features.h"

static void
test_features(void **state)
{
	(void)state;
	pe_create(&modern);
	for (unsigned int i = 0; i < 4; i++)
		mock.offered[i] = 0x11111111u * (i + 1);
	for (unsigned int i = 0; i < 4; i++) {
		WR32(BAR4, COMMON(device_feature_select), i);
		assert_int_equal(RD32(BAR4, COMMON(device_feature)), mock.offered[i]);
		WR32(BAR4, COMMON(driver_feature_select), i);
		WR32(BAR4, COMMON(driver_feature), 0xa0b0c0d0u + i);
		assert_int_equal(RD32(BAR4, COMMON(driver_feature)), 0xa0b0c0d0u + i);
		assert_int_equal(mock.accepted[i], 0xa0b0c0d0u + i);
	}
	/* words that do not exist */
	WR32(BAR4, COMMON(device_feature_select), 4);
	assert_int_equal(RD32(BAR4, COMMON(device_feature)), 0);
	WR32(BAR4, COMMON(device_feature_select), UINT32_MAX);
	assert_int_equal(RD32(BAR4, COMMON(device_feature)), 0);
	assert_int_equal(RD32(BAR4, COMMON(device_feature_select)), UINT32_MAX);
	WR32(BAR4, COMMON(driver_feature_select), 0x80000000);
	WR32(BAR4, COMMON(driver_feature), 7);
	assert_int_equal(RD32(BAR4, COMMON(driver_feature)), 0);
	/* what is offered is not the driver's */
	WR32(BAR4, COMMON(device_feature_select), 1);
	WR32(BAR4, COMMON(device_feature), 0);
	assert_int_equal(RD32(BAR4, COMMON(device_feature)), mock.offered[1]);
	/* in one write: select before the value, in bytes, too */
	pe_write(BAR4, COMMON(driver_feature_select), 8, UINT64_C(0x0badcafe00000002));
	assert_int_equal(mock.accepted[2], 0x0badcafe);
	WR8(BAR4, COMMON(driver_feature) + 1, 0x55);
	assert_int_equal(mock.accepted[2], 0x0bad55fe);
	WR16(BAR4, COMMON(driver_feature) + 2, 0x1234);
	assert_int_equal(mock.accepted[2], 0x123455fe);
}

static void
test_device_registers(void **state)
{
	(void)state;
	pe_create(&modern);
	assert_int_equal(RD16(BAR4, COMMON(num_queues)), MOCK_QUEUES);
	WR16(BAR4, COMMON(num_queues), 1);
	assert_int_equal(RD16(BAR4, COMMON(num_queues)), MOCK_QUEUES);
	assert_int_equal(RD8(BAR4, COMMON(config_generation)), 0x5a);
	WR8(BAR4, COMMON(config_generation), 1);
	assert_int_equal(RD8(BAR4, COMMON(config_generation)), 0x5a);
	WR8(BAR4, COMMON(device_status), 0xf);
	assert_int_equal(RD8(BAR4, COMMON(device_status)), 0xf);
	/* status and generation, as one word */
	assert_int_equal(RD16(BAR4, COMMON(device_status)), 0x5a0f);
	/* no admin queue */
	pe_write(BAR4, COMMON(admin_queue_index), 4, UINT32_MAX);
	assert_int_equal(RD32(BAR4, COMMON(admin_queue_index)), 0);

	WR16(BAR4, COMMON(queue_select), 2);
	WR32(BAR4, COMMON(device_feature_select), 1);
	WR32(BAR4, COMMON(driver_feature_select), 1);
	WR8(BAR4, COMMON(device_status), 0);
	assert_int_equal(RD8(BAR4, COMMON(device_status)), 0);
	assert_int_equal(RD16(BAR4, COMMON(queue_select)), 0);
	assert_int_equal(RD32(BAR4, COMMON(device_feature_select)), 0);
	assert_int_equal(RD32(BAR4, COMMON(driver_feature_select)), 0);
}

static void
test_queue(void **state)
{
	const uint64_t desc = UINT64_C(0x1122334455667780);

	(void)state;
	pe_create(&modern);
	WR16(BAR4, COMMON(queue_select), 3);
	assert_int_equal(RD16(BAR4, COMMON(queue_size)), MOCK_SIZE);
	WR16(BAR4, COMMON(queue_size), 64);
	assert_int_equal(mock.vq[3].size, 64);
	assert_int_equal(RD16(BAR4, COMMON(queue_msix_vector)), VN_MSI_NO_VECTOR);
	WR16(BAR4, COMMON(queue_msix_vector), 5);
	assert_int_equal(RD16(BAR4, COMMON(queue_msix_vector)), 5);
	assert_int_equal(RD16(BAR4, COMMON(queue_notify_off)), 3);
	WR16(BAR4, COMMON(queue_notify_off), 9);
	assert_int_equal(RD16(BAR4, COMMON(queue_notify_off)), 3);
	assert_int_equal(RD16(BAR4, COMMON(queue_notify_data)), 3);

	/* addresses: halves as drivers write them, all at once, a byte */
	WR32(BAR4, COMMON(queue_desc), (uint32_t)desc);
	assert_int_equal(mock.vq[3].desc, 0x55667780);
	WR32(BAR4, COMMON(queue_desc) + 4, desc >> 32);
	pe_write(BAR4, COMMON(queue_driver), 8, desc + 16);
	WR32(BAR4, COMMON(queue_device) + 4, 0x99);
	WR8(BAR4, COMMON(queue_device) + 7, 0x77);
	assert_true(mock.vq[3].desc == desc);
	assert_true(mock.vq[3].driver == desc + 16);
	assert_true(mock.vq[3].device == UINT64_C(0x7700009900000000));
	assert_true(pe_read(BAR4, COMMON(queue_desc), 8) == desc);
	assert_int_equal(RD32(BAR4, COMMON(queue_driver) + 4), desc >> 32);
	assert_int_equal(RD16(BAR4, COMMON(queue_desc) + 3), 0x4455);
	/* over two registers */
	pe_write(BAR4, COMMON(queue_desc) + 6, 4, 0xccddaabb);
	assert_true(mock.vq[3].desc == UINT64_C(0xaabb334455667780));
	assert_int_equal(mock.vq[3].driver & 0xffff, 0xccdd);

	WR16(BAR4, COMMON(queue_enable), 0);
	WR16(BAR4, COMMON(queue_enable), 2);
	assert_int_equal(mock.enables, 0);
	WR16(BAR4, COMMON(queue_enable), 1);
	WR16(BAR4, COMMON(queue_enable), 1);
	WR8(BAR4, COMMON(queue_enable) + 1, 0);
	assert_int_equal(mock.enables, 1);
	assert_int_equal(RD16(BAR4, COMMON(queue_enable)), 1);
	WR16(BAR4, COMMON(queue_reset), 0);
	assert_int_equal(mock.queue_resets, 0);
	WR16(BAR4, COMMON(queue_reset), 1);
	WR16(BAR4, COMMON(queue_reset), 1);
	assert_int_equal(mock.queue_resets, 1);
	assert_int_equal(RD16(BAR4, COMMON(queue_reset)), 1);
	mock.vq[3].resetting = false;
	assert_int_equal(RD16(BAR4, COMMON(queue_reset)), 0);
	/* only that queue */
	for (unsigned int q = 0; q < MOCK_QUEUES; q++)
		assert_int_equal(mock.vq[q].size, q == 3 ? 64 : MOCK_SIZE);
}

static void
test_queue_none(void **state)
{
	uint8_t ones[64];

	(void)state;
	pe_create(&modern);
	memset(ones, 0xff, sizeof(ones));
	for (unsigned int q = MOCK_QUEUES; q <= UINT16_MAX; q += 997) {
		WR16(BAR4, COMMON(queue_select), q);
		assert_int_equal(RD16(BAR4, COMMON(queue_select)), q);
		assert_int_equal(RD16(BAR4, COMMON(queue_size)), 0);
		assert_int_equal(RD16(BAR4, COMMON(queue_msix_vector)), VN_MSI_NO_VECTOR);
		assert_int_equal(RD16(BAR4, COMMON(queue_enable)), 0);
		for (unsigned int i = COMMON(queue_size); i < 64; i += 2)
			WR16(BAR4, i, 1);
	}
	/* a write of everything selects a queue that there is not */
	assert_int_equal(vn_pci_fn_write(pe.fn, BAR4, 0, ones, 64), 0);
	for (unsigned int q = 0; q < MOCK_QUEUES; q++) {
		assert_int_equal(mock.vq[q].size, MOCK_SIZE);
		assert_true(mock.vq[q].desc == 0);
		assert_false(mock.vq[q].enable);
	}
	assert_int_equal(mock.enables + mock.queue_resets, 0);
}

/* A vector beyond the quota, which is below the size of the table here. */
static void
test_vector_quota(void **state)
{
	(void)state;
	pe_create(&modern);
	for (unsigned int v = 0; v <= UINT16_MAX; v++) {
		const uint16_t want = v < 8 ? v : VN_MSI_NO_VECTOR;

		WR16(BAR4, COMMON(config_msix_vector), v);
		assert_int_equal(RD16(BAR4, COMMON(config_msix_vector)), want);
		WR16(BAR4, COMMON(queue_msix_vector), v);
		assert_int_equal(RD16(BAR4, COMMON(queue_msix_vector)), want);
	}
}

/* Each width at each offset is the same bytes. */
static void
test_widths(void **state)
{
	static const uint32_t ends[] = {0x80, 0x1040, 0x2040, 0x3040, 0x4040};
	uint8_t all[64], part[64];

	(void)state;
	pe_create(&modern);
	mock.vq[1] = (struct vn_vq_regs){.size = 0x1234,
		.vector = 0x5678,
		.desc = UINT64_C(0x0102030405060708),
		.driver = UINT64_C(0x1112131415161718),
		.device = UINT64_C(0x2122232425262728)};
	WR16(BAR4, COMMON(queue_select), 1);
	for (unsigned int e = 0; e < RTE_DIM(ends); e++) {
		const uint32_t base = ends[e] - 64;

		assert_int_equal(vn_pci_fn_read(pe.fn, BAR4, base, all, 64), 0);
		for (uint32_t at = 0; at < 64; at++)
			for (uint32_t len = 0; len <= 64 - at; len++) {
				memset(part, 0xee, sizeof(part));
				assert_int_equal(
					vn_pci_fn_read(pe.fn, BAR4, base + at, part, len), 0);
				assert_memory_equal(part, all + at, len);
				assert_true(len == 64 || part[len] == 0xee);
			}
	}
}

static void
test_isr(void **state)
{
	(void)state;
	pe_create(&modern);
	mock.isr = 3;
	WR8(BAR4, VN_PCI_ISR, 0xff);
	assert_int_equal(mock.isr, 3);
	/* its neighbours do not acknowledge */
	assert_int_equal(RD8(BAR4, VN_PCI_ISR + 1), 0);
	assert_int_equal(RD8(BAR4, VN_PCI_ISR - 1), 0);
	assert_int_equal(mock.isr, 3);
	assert_int_equal(RD8(BAR4, VN_PCI_ISR), 3);
	assert_int_equal(RD8(BAR4, VN_PCI_ISR), 0);
	mock.isr = 2;
	assert_int_equal(RD32(BAR4, VN_PCI_ISR), 2);
	mock.isr = 1;
	assert_int_equal(RD32(BAR4, VN_PCI_ISR - 3), 0x01000000);
	assert_int_equal(mock.isr, 0);
}

static void
test_device_config(void **state)
{
	(void)state;
	pe_create(&modern);
	for (unsigned int i = 0; i < 24; i++)
		assert_int_equal(RD8(BAR4, VN_PCI_DEVICE + i), 0xc0 + i);
	assert_int_equal(RD32(BAR4, VN_PCI_DEVICE + 22), 0xd7d6);
	assert_int_equal(RD32(BAR4, VN_PCI_DEVICE + 24), 0);
	WR32(BAR4, VN_PCI_DEVICE - 2, 0xaabbccdd);
	assert_int_equal(mock.config[0], 0xbb);
	assert_int_equal(mock.config[1], 0xaa);
	WR32(BAR4, VN_PCI_DEVICE + 24, 0xffffffff);
	WR32(BAR4, VN_PCI_DEVICE + 22, 0x11112233);
	assert_int_equal(mock.config[22], 0x33);
	assert_int_equal(mock.config[23], 0x22);
}

static void
test_doorbells(void **state)
{
	static const struct {
		uint32_t offset, len, value;
	} ignored[] = {
		{VN_PCI_NOTIFY + 4, 2, 0},                /* another queue's */
		{VN_PCI_NOTIFY + 2, 2, 0},                /* between two */
		{VN_PCI_NOTIFY, 1, 0},                    /* too narrow */
		{VN_PCI_NOTIFY, 3, 0},                    /* odd */
		{VN_PCI_NOTIFY, 8, 0},                    /* too wide */
		{VN_PCI_NOTIFY + 4 * 6, 2, 6},            /* the control queue's is elsewhere */
		{VN_PCI_NOTIFY + 4 * 7, 2, 7},            /* no such queue */
		{VN_PCI_NOTIFY, 2, 0xffff},               /* no such queue */
		{VN_PCI_NOTIFY_CTRL, 2, 0},               /* data ring at the control queue's */
		{VN_PCI_NOTIFY_CTRL + 4, 2, 6},           /* beside it */
		{VN_PCI_NOTIFY_CTRL + 0x1000, 2, 6},      /* behind it */
		{VN_PCI_NOTIFY + 4 * 0x400 - 4, 2, 1023}, /* no such queue */
	};

	(void)state;
	pe_create(&modern);
	for (unsigned int q = 0; q < MOCK_QUEUES; q++) {
		uint32_t at;

		WR16(BAR4, COMMON(queue_select), q);
		at = VN_PCI_NOTIFY +
		     VN_PCI_NOTIFY_MULTIPLIER * RD16(BAR4, COMMON(queue_notify_off));
		assert_int_equal(at, q == 6 ? VN_PCI_NOTIFY_CTRL : VN_PCI_NOTIFY + 4 * q);
		WR16(BAR4, at, q);
		assert_int_equal(mock.kicks, 2 * q + 1);
		assert_int_equal(mock.kicked, q);
		assert_int_equal(mock.kick_data, q);
		WR32(BAR4, at, 0x80070000 | q);
		assert_int_equal(mock.kicks, 2 * q + 2);
		assert_int_equal(mock.kicked, q);
		assert_int_equal(mock.kick_data, 0x80070000 | q);
		assert_int_equal(RD32(BAR4, at), 0);
	}
	mock.kicks = 0;
	for (unsigned int i = 0; i < RTE_DIM(ignored); i++)
		pe_write(BAR4, ignored[i].offset, ignored[i].len, ignored[i].value);
	assert_int_equal(mock.kicks, 0);
}

/* Without MQ the third queue is the control queue. */
static void
test_doorbell_third(void **state)
{
	(void)state;
	pe_create(&modern);
	mock.accepted[0] = VN_NET_F_CTRL_VQ;
	WR16(BAR4, COMMON(queue_select), 2);
	assert_int_equal(RD16(BAR4, COMMON(queue_notify_off)), 0x400);
	WR16(BAR4, VN_PCI_NOTIFY_CTRL, 2);
	assert_int_equal(mock.kicks, 1);
	assert_int_equal(mock.kicked, 2);
	mock.accepted[0] |= VN_NET_F_MQ;
	assert_int_equal(RD16(BAR4, COMMON(queue_notify_off)), 2);
	WR16(BAR4, VN_PCI_NOTIFY_CTRL, 2);
	assert_int_equal(mock.kicks, 1);
}

static void
test_doorbell_page(void **state)
{
	const struct vn_pci_conf conf = {
		.msix_vectors = 4, .max_vectors = 4, .doorbell_page = true};
	struct vn_pci_region_info info;
	int fd;

	(void)state;
	pe_create(&modern);
	assert_int_equal(vn_pci_fn_doorbell_fd(pe.fn), -1);
	vn_pci_fn_region(pe.fn, BAR4, &info);
	assert_int_equal(info.map_size, 0);
	vn_pci_fn_free(pe.fn);

	pe_create(&conf);
	assert_false(mock.doorbell_seen);
	fd = vn_pci_fn_doorbell_fd(pe.fn);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0x4000);
	assert_int_not_equal(ftruncate(fd, 0), 0);
	vn_pci_fn_region(pe.fn, BAR4, &info);
	assert_int_equal(info.size, VN_PCI_BAR4_SIZE);
	assert_int_equal(info.map_offset, VN_PCI_NOTIFY);
	assert_int_equal(info.map_size, 0x1000);
	vn_pci_fn_region(pe.fn, BAR1, &info);
	assert_int_equal(info.map_size, 0);
	/* a host that does not map it */
	WR16(BAR4, VN_PCI_NOTIFY, 0);
	assert_int_equal(mock.kicks, 1);
	vn_pci_fn_free(pe.fn);
	pe.fn = NULL;
	assert_int_equal(lseek(fd, 0, SEEK_END), -1);
}

static void
test_is_doorbell(void **state)
{
	(void)state;
	pe_create(&transitional);
	assert_true(vn_pci_fn_is_doorbell(pe.fn, BAR4, VN_PCI_NOTIFY, 2));
	assert_true(vn_pci_fn_is_doorbell(pe.fn, BAR4, VN_PCI_NOTIFY_CTRL - 4, 4));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR4, VN_PCI_NOTIFY, 0));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR4, VN_PCI_NOTIFY - 1, 2));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR4, VN_PCI_NOTIFY_CTRL - 1, 2));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR4, VN_PCI_NOTIFY_CTRL, 2));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR4, COMMON(device_status), 1));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, CFG, VN_PCI_NOTIFY, 2));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR4, UINT64_MAX, 2));
	assert_true(vn_pci_fn_is_doorbell(pe.fn, BAR0, VN_LEGACY_QUEUE_NOTIFY, 2));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR0, VN_LEGACY_QUEUE_NOTIFY, 4));
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR0, VN_LEGACY_QUEUE_SELECT, 2));
	vn_pci_fn_free(pe.fn);
	pe_create(&modern);
	assert_false(vn_pci_fn_is_doorbell(pe.fn, BAR0, VN_LEGACY_QUEUE_NOTIFY, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PE_TEST(test_features),
		PE_TEST(test_device_registers),
		PE_TEST(test_queue),
		PE_TEST(test_queue_none),
		PE_TEST(test_vector_quota),
		PE_TEST(test_widths),
		PE_TEST(test_isr),
		PE_TEST(test_device_config),
		PE_TEST(test_doorbells),
		PE_TEST(test_doorbell_third),
		PE_TEST(test_doorbell_page),
		PE_TEST(test_is_doorbell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
