/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Frames through a TAP, both ways, checked by payload. */
#include "vn_features.h"

#include "tap_test.h"
#include "tap_test_io.h"

/* Device to network: sizes and segmentations of all kinds. */
static void
device_to_network(void **state)
{
	static const struct {
		uint32_t len, seg;
	} shape[] = {
		{14, 2048},
		{15, 1},
		{60, 60},
		{60, 7},
		{61, 14},
		{1514, 2048},
		{1514, 2},
		{1000, 1},
		{1500, 13},
		{1023, 1},
		{9014, 9},
	};
	struct tap_fixture *fx = *state;
	struct rte_mbuf *pkts[RTE_DIM(shape)];
	uint64_t bytes = 0;

	fixture_open(fx, 1, 9000);
	for (unsigned int i = 0; i < RTE_DIM(shape); i++) {
		pkts[i] = make_frame(fx, i, shape[i].len, shape[i].seg);
		bytes += shape[i].len;
	}
	vn_tap_ops.tx_burst(fx->q[0], pkts, RTE_DIM(pkts));
	for (unsigned int i = 0; i < RTE_DIM(shape); i++)
		expect_on_netdev(fx, i, shape[i].len);
	assert_int_equal(stats_of(fx, 0)->tx_packets, RTE_DIM(shape));
	assert_int_equal(stats_of(fx, 0)->tx_bytes, bytes);
	assert_int_equal(stats_of(fx, 0)->tx_dropped, 0);
}

/* Network to device; the descriptor tells of them, and of nothing when all are read. */
static void
network_to_device(void **state)
{
	static const uint32_t len[] = {
		14, 60, 61, 1514, 2047, 2048, 2049, 4096, 9014, 65000, 65535};
	struct tap_fixture *fx = *state;
	struct rte_mbuf *pkts[32];
	uint64_t bytes = 0;

	fixture_open(fx, 1, 65521);
	assert_false(readable(fx, 0));
	for (unsigned int i = 0; i < RTE_DIM(len); i++) {
		send_on_netdev(fx, i, len[i]);
		bytes += len[i];
	}
	await(vn_tap_ops.queue_fd(fx->q[0]));
	assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 4), 4);
	assert_int_equal(
		vn_tap_ops.rx_burst(fx->q[0], pkts + 4, RTE_DIM(pkts) - 4), RTE_DIM(len) - 4);
	assert_false(readable(fx, 0));
	for (unsigned int i = 0; i < RTE_DIM(len); i++) {
		static const struct vn_net_hdr plain;

		assert_memory_equal(vn_mbuf_hdr(pkts[i]), &plain, sizeof(plain));
		expect_mbuf(pkts[i], i, len[i]);
	}
	rte_pktmbuf_free_bulk(pkts, RTE_DIM(len));
	assert_int_equal(stats_of(fx, 0)->rx_packets, RTE_DIM(len));
	assert_int_equal(stats_of(fx, 0)->rx_bytes, bytes);
	assert_int_equal(stats_of(fx, 0)->rx_errors, 0);
}

/* One big frame of the guest is one big frame on the representor, header and all. */
static void
gso_to_network(void **state)
{
	static const uint8_t kinds[] = {VN_NET_HDR_GSO_TCPV4,
		VN_NET_HDR_GSO_TCPV4 | VN_NET_HDR_GSO_ECN, VN_NET_HDR_GSO_TCPV6,
		VN_NET_HDR_GSO_UDP_L4};
	const bool uso = (vn_tap_ops.features() & VN_NET_F_HOST_USO) != 0;
	struct tap_fixture *fx = *state;
	uint8_t sent[GSO_FRAME], got[VN_MAX_FRAME + VN_NET_HDR_LEN];
	struct vn_net_hdr hdr, seen;
	struct rte_mbuf *pkt;

	fixture_open(fx, 1, 1500);
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		if (kinds[i] == VN_NET_HDR_GSO_UDP_L4 && !uso) {
			print_message("    this kernel has no USO\n");
			continue;
		}
		make_gso(kinds[i], sent, &hdr);
		pkt = to_mbuf(fx, sent, sizeof(sent), 2048);
		*vn_mbuf_hdr(pkt) = hdr;
		vn_tap_ops.tx_burst(fx->q[0], &pkt, 1);
		assert_int_equal(stats_of(fx, 0)->tx_dropped, 0);
		assert_int_equal(recv_on_netdev(fx, &seen, got), sizeof(sent));
		assert_memory_equal(got, sent, sizeof(sent));
		assert_int_equal(seen.gso_type, hdr.gso_type);
		assert_int_equal(seen.gso_size, hdr.gso_size);
		assert_int_equal(seen.flags, VN_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(seen.csum_start, hdr.csum_start);
		assert_int_equal(seen.csum_offset, hdr.csum_offset);
	}
}

/*
 * One big frame of the kernel is one for the driver that negotiated it; without that the kernel
 * cuts it and computes the checksums, and no header asks the driver for anything.
 */
static void
gso_to_device(void **state)
{
	static const struct {
		uint8_t kind;
		uint64_t feature;
	} vec[] = {
		{VN_NET_HDR_GSO_TCPV4, VN_NET_F_GUEST_TSO4},
		{VN_NET_HDR_GSO_TCPV4 | VN_NET_HDR_GSO_ECN,
			VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_ECN},
		{VN_NET_HDR_GSO_TCPV6, VN_NET_F_GUEST_TSO6},
		{VN_NET_HDR_GSO_UDP_L4, VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6},
	};
	const uint64_t possible = vn_tap_ops.features();
	struct tap_fixture *fx = *state;
	uint8_t sent[GSO_FRAME];
	struct rte_mbuf *pkts[64];
	struct vn_net_hdr hdr;
	uint32_t payload;
	uint16_t n;

	fixture_open(fx, 1, 1500);
	for (unsigned int i = 0; i < RTE_DIM(vec); i++) {
		if ((possible & vec[i].feature) != vec[i].feature) {
			print_message("    kind %u: not on this kernel\n", vec[i].kind);
			continue;
		}
		make_gso(vec[i].kind, sent, &hdr);

		assert_int_equal(
			vn_tap_ops.set_features(fx->port, VN_NET_F_GUEST_CSUM | vec[i].feature), 0);
		send_raw(fx, &hdr, sent, sizeof(sent));
		await(vn_tap_ops.queue_fd(fx->q[0]));
		assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, RTE_DIM(pkts)), 1);
		assert_int_equal(pkts[0]->pkt_len, sizeof(sent));
		expect_bytes(pkts[0], sent, sizeof(sent));
		assert_int_equal(vn_mbuf_hdr(pkts[0])->gso_type, hdr.gso_type);
		assert_int_equal(vn_mbuf_hdr(pkts[0])->gso_size, hdr.gso_size);
		assert_int_equal(vn_mbuf_hdr(pkts[0])->flags, VN_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(vn_mbuf_hdr(pkts[0])->csum_start, hdr.csum_start);
		rte_pktmbuf_free(pkts[0]);

		assert_int_equal(vn_tap_ops.set_features(fx->port, 0), 0);
		send_raw(fx, &hdr, sent, sizeof(sent));
		await(vn_tap_ops.queue_fd(fx->q[0]));
		n = vn_tap_ops.rx_burst(fx->q[0], pkts, RTE_DIM(pkts));
		payload = 0;
		for (uint16_t k = 0; k < n; k++) {
			assert_true(pkts[k]->pkt_len >= 60 && pkts[k]->pkt_len <= 1514);
			assert_int_equal(vn_mbuf_hdr(pkts[k])->gso_type, VN_NET_HDR_GSO_NONE);
			assert_int_equal(vn_mbuf_hdr(pkts[k])->flags, 0);
			payload += pkts[k]->pkt_len - rte_le_to_cpu_16(hdr.hdr_len);
		}
		assert_int_equal(payload, sizeof(sent) - rte_le_to_cpu_16(hdr.hdr_len));
		rte_pktmbuf_free_bulk(pkts, n);
	}
	assert_int_equal(stats_of(fx, 0)->rx_errors, 0);
}

/* Frames with a header that was not negotiated never reach the driver. */
static void
not_negotiated(void **state)
{
	struct tap_fixture *fx = *state;
	uint8_t sent[GSO_FRAME];
	struct rte_mbuf *pkts[8];
	struct vn_net_hdr hdr;

	fixture_open(fx, 1, 1500);
	assert_int_equal(
		vn_tap_ops.set_features(fx->port, VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4), 0);
	make_gso(VN_NET_HDR_GSO_TCPV4, sent, &hdr);
	send_raw(fx, &hdr, sent, sizeof(sent));
	send_on_netdev(fx, 1, 100);
	/* These wait in the queue from before. */
	assert_int_equal(vn_tap_ops.set_features(fx->port, VN_NET_F_GUEST_CSUM), 0);
	await(vn_tap_ops.queue_fd(fx->q[0]));
	assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, RTE_DIM(pkts)), 1);
	expect_mbuf(pkts[0], 1, 100);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(stats_of(fx, 0)->rx_errors, 1);
}

static void
refused_by_network(void **state)
{
	struct tap_fixture *fx = *state;
	struct rte_mbuf *pkts[6];
	struct vn_net_hdr *hdr;

	fixture_open(fx, 1, 1500);
	pkts[0] = make_frame(fx, 0, 13, 2048);   /* no Ethernet header */
	pkts[1] = make_frame(fx, 1, IOV_MAX, 1); /* more segments than one call takes */
	pkts[2] = make_frame(fx, 2, 100, 2048);
	pkts[3] = make_frame(fx, 3, 100, 2048); /* unknown segmentation */
	hdr = vn_mbuf_hdr(pkts[3]);
	hdr->gso_type = 77;
	hdr->gso_size = rte_cpu_to_le_16(100);
	pkts[4] = make_frame(fx, 4, 100, 2048); /* header longer than the frame */
	vn_mbuf_hdr(pkts[4])->hdr_len = rte_cpu_to_le_16(60000);
	vn_mbuf_hdr(pkts[4])->flags = VN_NET_HDR_F_NEEDS_CSUM;
	vn_mbuf_hdr(pkts[4])->csum_start = rte_cpu_to_le_16(59000);
	pkts[5] = make_frame(fx, 5, 100, 2048);
	vn_tap_ops.tx_burst(fx->q[0], pkts, RTE_DIM(pkts));
	assert_int_equal(stats_of(fx, 0)->tx_dropped, 4);
	assert_int_equal(stats_of(fx, 0)->tx_packets, 2);
	expect_on_netdev(fx, 2, 100);
	expect_on_netdev(fx, 5, 100);

	sh("ip link set " REP " down");
	pkts[0] = make_frame(fx, 6, 100, 2048);
	vn_tap_ops.tx_burst(fx->q[0], pkts, 1);
	assert_int_equal(stats_of(fx, 0)->tx_dropped, 5);
	assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 1), 0);
}

/* Without mbufs frames wait; none is lost. */
static void
no_mbufs(void **state)
{
	struct tap_fixture *fx = *state;
	struct rte_mbuf *pkts[4], **all;
	unsigned int n;

	fixture_open(fx, 1, 1500);
	send_on_netdev(fx, 1, 200);
	send_on_netdev(fx, 2, 300);
	await(vn_tap_ops.queue_fd(fx->q[0]));
	n = rte_mempool_avail_count(fx->pool);
	all = calloc(n, sizeof(*all));
	assert_non_null(all);
	assert_int_equal(rte_pktmbuf_alloc_bulk(fx->pool, all, n), 0);
	assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 4), 0);
	assert_int_equal(stats_of(fx, 0)->rx_no_mbuf, 1);
	rte_pktmbuf_free_bulk(all, n);
	free(all);
	assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 4), 2);
	expect_mbuf(pkts[0], 1, 200);
	expect_mbuf(pkts[1], 2, 300);
	rte_pktmbuf_free_bulk(pkts, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(device_to_network, fixture_teardown),
		cmocka_unit_test_teardown(network_to_device, fixture_teardown),
		cmocka_unit_test_teardown(gso_to_network, fixture_teardown),
		cmocka_unit_test_teardown(gso_to_device, fixture_teardown),
		cmocka_unit_test_teardown(not_negotiated, fixture_teardown),
		cmocka_unit_test_teardown(refused_by_network, fixture_teardown),
		cmocka_unit_test_teardown(no_mbufs, fixture_teardown),
	};

	enter_netns();
	return cmocka_run_group_tests_name("vn_tap_io", tests, fixture_init, NULL);
}
