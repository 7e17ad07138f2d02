/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vn_features.h"
#include "vn_net_config.h"
#include "vn_vring.h"

/* The published masks of contract 8.11 with the bits they decode to. */
static void
published_masks(void **state)
{
	static const struct {
		uint64_t mask;
		uint64_t expected;
	} vec[] = {
		{UINT64_C(0x8b00037700ef982f),
			VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM | VN_NET_F_CTRL_GUEST_OFFLOADS |
				VN_NET_F_MTU | VN_NET_F_MAC | VN_NET_F_HOST_TSO4 |
				VN_NET_F_HOST_TSO6 | VN_NET_F_MRG_RXBUF | VN_NET_F_STATUS |
				VN_NET_F_CTRL_VQ | VN_NET_F_CTRL_RX | VN_NET_F_CTRL_VLAN |
				VN_NET_F_GUEST_ANNOUNCE | VN_NET_F_MQ | VN_NET_F_CTRL_MAC_ADDR |
				VN_F_VERSION_1 | VN_F_IOMMU_PLATFORM | VN_F_RING_PACKED |
				VN_F_ORDER_PLATFORM | VN_F_SR_IOV | VN_F_NOTIFICATION_DATA |
				VN_F_RING_RESET | VN_F_ADMIN_VQ | VN_NET_F_HOST_USO |
				VN_NET_F_HASH_REPORT | VN_NET_F_GUEST_HDRLEN |
				VN_NET_F_SPEED_DUPLEX},
		{UINT64_C(0x8930032300ef182f),
			VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM | VN_NET_F_CTRL_GUEST_OFFLOADS |
				VN_NET_F_MTU | VN_NET_F_MAC | VN_NET_F_HOST_TSO4 |
				VN_NET_F_HOST_TSO6 | VN_NET_F_STATUS | VN_NET_F_CTRL_VQ |
				VN_NET_F_CTRL_RX | VN_NET_F_CTRL_VLAN | VN_NET_F_GUEST_ANNOUNCE |
				VN_NET_F_MQ | VN_NET_F_CTRL_MAC_ADDR | VN_F_VERSION_1 |
				VN_F_IOMMU_PLATFORM | VN_F_SR_IOV | VN_F_RING_RESET |
				VN_F_ADMIN_VQ | VN_NET_F_VQ_NOTF_COAL | VN_NET_F_NOTF_COAL |
				VN_NET_F_HOST_USO | VN_NET_F_GUEST_HDRLEN | VN_NET_F_SPEED_DUPLEX},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vec); i++)
		assert_int_equal(vec[i].mask, vec[i].expected);
}

static void
names(void **state)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} vec[] = {
		{0, "VIRTIO_NET_F_CSUM"},
		{15, "VIRTIO_F_MRG_RX_BUFFER"},
		{23, "VIRTIO_NET_F_CTRL_MAC_ADDR"},
		{28, "VIRTIO_F_INDIRECT_DESC"},
		{29, "VIRTIO_F_EVENT_IDX"},
		{32, "VIRTIO_F_VERSION_1"},
		{33, "VIRTIO_F_IOMMU_PLATFORM"},
		{34, "VIRTIO_F_RING_PACKED"},
		{35, "VIRTIO_F_IN_ORDER"},
		{40, "VIRTIO_F_RING_RESET"},
		{53, "VIRTIO_NET_F_NOTF_COAL"},
		{56, "VIRTIO_NET_F_HOST_USO"},
		{60, "VIRTIO_NET_F_RSS"},
		{63, "VIRTIO_NET_F_SPEED_DUPLEX"},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vec); i++)
		assert_string_equal(vn_feature_name(vec[i].bit), vec[i].name);
	assert_null(vn_feature_name(4));
	assert_null(vn_feature_name(64));
	assert_null(vn_feature_name(UINT32_MAX));
}

/* virtio 1.2, 2.7.7.2: an event is due when the index has passed it, wrap included. */
static void
need_event(void **state)
{
	(void)state;
	assert_true(vn_vring_need_event(0, 1, 0));
	assert_false(vn_vring_need_event(1, 1, 0));
	assert_true(vn_vring_need_event(5, 10, 0));
	assert_false(vn_vring_need_event(5, 10, 6));
	assert_false(vn_vring_need_event(5, 5, 5));
	assert_true(vn_vring_need_event(65535, 0, 65535));
	assert_true(vn_vring_need_event(2, 3, 65530));
	assert_false(vn_vring_need_event(65529, 3, 65530));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_masks),
		cmocka_unit_test(names),
		cmocka_unit_test(need_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
