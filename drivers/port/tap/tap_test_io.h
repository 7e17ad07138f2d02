/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef TAP_TEST_IO_H
#define TAP_TEST_IO_H

/**
 * @file
 * For the traffic tests: a port with queues, a packet socket on its representor, and frames whose
 * every byte is known.
 */

#include <linux/if_packet.h>
#include <net/ethernet.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "tap_test.h"

/** EtherType of the tests' own frames (local experimental). */
#define TEST_ETHERTYPE 0x88b5

/** Length of the frames of make_gso(). */
#define GSO_FRAME 60000

#define POOL_SIZE 4095

struct tap_fixture {
	struct rte_mempool *pool;
	unsigned int pool_full; /* mbufs in the pool when none is used */
	struct vn_port *port;
	struct vn_port_queue *q[4];
	int sock; /* packet socket on the representor, with virtio-net headers */
};

/** Group setup: the state of each test is the one fixture of the program. */
static inline int
fixture_init(void **state)
{
	static struct tap_fixture fixture;
	struct tap_fixture *const fx = &fixture;
	/* The mempool driver is named for builds against a DPDK that is not installed in its place:
	 * that does not find its folder of drivers.
	 */
	static char arg[][32] = {"test", "--no-huge", "--no-pci", "-m", "64", "--no-shconf",
		"--no-telemetry", "--log-level=lib.eal:error", "-d", "librte_mempool_ring.so"};
	char *argv[RTE_DIM(arg) + 1] = {NULL};

	*state = fx;
	for (unsigned int i = 0; i < RTE_DIM(arg); i++)
		argv[i] = arg[i];
	fx->sock = -1;
	if (rte_eal_init(RTE_DIM(arg), argv) < 0)
		return -1;
	fx->pool = rte_pktmbuf_pool_create("tap_test", POOL_SIZE, 0, VN_MBUF_PRIV_SIZE,
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (fx->pool == NULL)
		return -1;
	fx->pool_full = rte_mempool_avail_count(fx->pool);
	return 0;
}

/** (Re)open the packet socket. It sees what the device sends, and what it sends the device gets. */
static inline void
fixture_socket(struct tap_fixture *fx)
{
	struct sockaddr_ll sll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	const int one = 1;

	sh("ip link set " REP " up");
	if (fx->sock >= 0)
		close(fx->sock);
	fx->sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(fx->sock >= 0);
	assert_int_equal(setsockopt(fx->sock, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	assert_int_equal(
		setsockopt(fx->sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	sll.sll_ifindex = link_of(REP).ifindex;
	assert_int_equal(bind(fx->sock, (struct sockaddr *)&sll, sizeof(sll)), 0);
	await_active(REP);
}

static inline void
fixture_port_open(struct tap_fixture *fx, uint16_t pairs, uint16_t mtu)
{
	struct vn_port_conf conf = conf_of(REP, pairs);

	conf.mtu = mtu;
	fx->port = open_ok(&conf);
	fixture_socket(fx);
}

static inline void
fixture_queues_open(struct tap_fixture *fx, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(
			vn_tap_ops.queue_open(fx->port, (uint16_t)i, fx->pool, &fx->q[i]), 0);
}

static inline void
fixture_queues_close(struct tap_fixture *fx)
{
	for (unsigned int i = 0; i < RTE_DIM(fx->q); i++) {
		if (fx->q[i] != NULL)
			vn_tap_ops.queue_close(fx->q[i]);
		fx->q[i] = NULL;
	}
}

static inline void
fixture_port_close(struct tap_fixture *fx)
{
	fixture_queues_close(fx);
	vn_tap_ops.close(fx->port);
	fx->port = NULL;
}

/** A port for @p pairs, up, with queue 0 open. */
static inline void
fixture_open(struct tap_fixture *fx, uint16_t pairs, uint16_t mtu)
{
	fixture_port_open(fx, pairs, mtu);
	fixture_queues_open(fx, 1);
}

static inline void
fixture_close(struct tap_fixture *fx)
{
	fixture_queues_close(fx);
	vn_tap_ops.destroy(fx->port);
	fx->port = NULL;
	close(fx->sock);
	fx->sock = -1;
}

/** After each test; fails it when an mbuf was lost. */
static inline int
fixture_teardown(void **state)
{
	struct tap_fixture *fx = *state;

	fixture_queues_close(fx);
	if (fx->port != NULL)
		vn_tap_ops.destroy(fx->port);
	fx->port = NULL;
	if (fx->sock >= 0)
		close(fx->sock);
	fx->sock = -1;
	if (rte_mempool_avail_count(fx->pool) == fx->pool_full)
		return 0;
	printf("%u mbufs are missing\n", fx->pool_full - rte_mempool_avail_count(fx->pool));
	fx->pool_full = rte_mempool_avail_count(fx->pool); /* of the next test's count */
	return -1;
}

static inline const struct vn_port_stats *
stats_of(struct tap_fixture *fx, unsigned int i)
{
	return vn_tap_ops.queue_stats(fx->q[i]);
}

static inline bool
fd_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static inline bool
readable(struct tap_fixture *fx, unsigned int i)
{
	return fd_readable(vn_tap_ops.queue_fd(fx->q[i]));
}

/** Frame number @p id: broadcast, and then bytes that depend on the number and the place. */
static inline void
fill_frame(unsigned int id, uint8_t *buf, uint32_t len)
{
	static const uint8_t eth[RTE_ETHER_HDR_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0,
		0, 0, 1, TEST_ETHERTYPE >> 8, TEST_ETHERTYPE & 0xff};

	for (uint32_t i = 0; i < len; i++)
		buf[i] = i < sizeof(eth) ? eth[i] : (uint8_t)(id * 37 + i + (i >> 8) * 3);
}

/** Bytes to a chain of mbufs with at most @p seg bytes each. */
static inline struct rte_mbuf *
to_mbuf(struct tap_fixture *fx, const uint8_t *buf, uint32_t len, uint32_t seg)
{
	struct rte_mbuf *first = NULL, **link = &first, *m;
	uint16_t n = 0;

	for (uint32_t at = 0; at < len; at += m->data_len) {
		m = rte_pktmbuf_alloc(fx->pool);
		assert_non_null(m);
		m->data_len = (uint16_t)RTE_MIN(seg, len - at);
		memcpy(rte_pktmbuf_mtod(m, void *), buf + at, m->data_len);
		*link = m;
		link = &m->next;
		n++;
	}
	first->nb_segs = n;
	first->pkt_len = len;
	memset(vn_mbuf_hdr(first), 0, sizeof(struct vn_net_hdr));
	return first;
}

static inline struct rte_mbuf *
make_frame(struct tap_fixture *fx, unsigned int id, uint32_t len, uint32_t seg)
{
	uint8_t buf[VN_MAX_FRAME];

	fill_frame(id, buf, len);
	return to_mbuf(fx, buf, len, seg);
}

/** The mbuf holds exactly these bytes, and is a proper chain. */
static inline void
expect_bytes(struct rte_mbuf *m, const uint8_t *want, uint32_t len)
{
	uint8_t flat[VN_MAX_FRAME];
	const char *why;

	assert_int_equal(m->pkt_len, len);
	if (rte_mbuf_check(m, 1, &why) != 0)
		fail_msg("bad mbuf: %s", why);
	assert_memory_equal(rte_pktmbuf_read(m, 0, len, flat), want, len);
}

static inline void
expect_mbuf(struct rte_mbuf *m, unsigned int id, uint32_t len)
{
	uint8_t want[VN_MAX_FRAME];

	fill_frame(id, want, len);
	expect_bytes(m, want, len);
}

/** Send bytes on the representor, to the device. @p hdr may be NULL. */
static inline void
send_raw(struct tap_fixture *fx, const struct vn_net_hdr *hdr, const uint8_t *buf, uint32_t len)
{
	static const struct vn_net_hdr plain;
	const struct iovec iov[2] = {
		{(void *)(uintptr_t)(hdr != NULL ? hdr : &plain), VN_NET_HDR_LEN_LEGACY},
		{(void *)(uintptr_t)buf, len},
	};

	assert_int_equal(writev(fx->sock, iov, 2), VN_NET_HDR_LEN_LEGACY + len);
}

static inline void
send_on_netdev(struct tap_fixture *fx, unsigned int id, uint32_t len)
{
	uint8_t buf[VN_MAX_FRAME];

	fill_frame(id, buf, len);
	send_raw(fx, NULL, buf, len);
}

/** The next frame that the device sent to the network. @return its length. */
static inline uint32_t
recv_on_netdev(struct tap_fixture *fx, struct vn_net_hdr *hdr, uint8_t *buf)
{
	const struct iovec iov[2] = {
		{hdr, VN_NET_HDR_LEN_LEGACY},
		{buf, VN_MAX_FRAME},
	};
	ssize_t got;

	await(fx->sock);
	got = readv(fx->sock, iov, 2);
	assert_true(got >= VN_NET_HDR_LEN_LEGACY);
	return (uint32_t)got - VN_NET_HDR_LEN_LEGACY;
}

static inline void
expect_on_netdev(struct tap_fixture *fx, unsigned int id, uint32_t len)
{
	uint8_t want[VN_MAX_FRAME], got[VN_MAX_FRAME];
	struct vn_net_hdr hdr;

	fill_frame(id, want, len);
	assert_int_equal(recv_on_netdev(fx, &hdr, got), len);
	assert_memory_equal(got, want, len);
	assert_int_equal(hdr.gso_type, VN_NET_HDR_GSO_NONE);
}

/** A frame of GSO_FRAME bytes, still to be cut and given checksums, and its header. */
static inline void
make_gso(uint8_t gso_type, uint8_t *buf, struct vn_net_hdr *hdr)
{
	const uint8_t kind = gso_type & ~VN_NET_HDR_GSO_ECN;
	const bool udp = kind == VN_NET_HDR_GSO_UDP_L4, v6 = kind == VN_NET_HDR_GSO_TCPV6;
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)buf;
	struct rte_ipv4_hdr *ip4 = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_ipv6_hdr *ip6 = (struct rte_ipv6_hdr *)(eth + 1);
	const uint16_t l4 = (uint16_t)(sizeof(*eth) + (v6 ? sizeof(*ip6) : sizeof(*ip4)));
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(buf + l4);
	struct rte_udp_hdr *uh = (struct rte_udp_hdr *)(buf + l4);
	const uint16_t hdr_len = (uint16_t)(l4 + (udp ? sizeof(*uh) : sizeof(*tcp)));
	const uint8_t proto = udp ? IPPROTO_UDP : IPPROTO_TCP;

	fill_frame(gso_type, buf, GSO_FRAME);
	memset(eth + 1, 0, hdr_len - sizeof(*eth));
	eth->ether_type = rte_cpu_to_be_16(v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (v6) {
		ip6->vtc_flow = rte_cpu_to_be_32(0x60000000);
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)(GSO_FRAME - l4));
		ip6->proto = proto;
		ip6->hop_limits = 64;
		((uint8_t *)ip6)[8] = 0xfd; /* fd00::..01 to fd00::..02 */
		((uint8_t *)ip6)[23] = 1;
		((uint8_t *)ip6)[24] = 0xfd;
		((uint8_t *)ip6)[39] = 2;
	} else {
		ip4->version_ihl = 0x45;
		ip4->total_length = rte_cpu_to_be_16((uint16_t)(GSO_FRAME - sizeof(*eth)));
		ip4->time_to_live = 64;
		ip4->next_proto_id = proto;
		ip4->src_addr = rte_cpu_to_be_32(0xc0000201);
		ip4->dst_addr = rte_cpu_to_be_32(0xc0000202);
		ip4->hdr_checksum = rte_ipv4_cksum(ip4);
	}
	if (udp) {
		uh->src_port = rte_cpu_to_be_16(1000);
		uh->dst_port = rte_cpu_to_be_16(2000);
		uh->dgram_len = rte_cpu_to_be_16((uint16_t)(GSO_FRAME - l4));
		uh->dgram_cksum = rte_ipv4_phdr_cksum(ip4, 0);
	} else {
		tcp->src_port = rte_cpu_to_be_16(1000);
		tcp->dst_port = rte_cpu_to_be_16(2000);
		tcp->data_off = sizeof(*tcp) << 2;
		tcp->tcp_flags =
			RTE_TCP_ACK_FLAG | (gso_type & VN_NET_HDR_GSO_ECN ? RTE_TCP_CWR_FLAG : 0);
		tcp->cksum = v6 ? rte_ipv6_phdr_cksum(ip6, 0) : rte_ipv4_phdr_cksum(ip4, 0);
	}
	*hdr = (struct vn_net_hdr){
		.flags = VN_NET_HDR_F_NEEDS_CSUM,
		.gso_type = gso_type,
		.hdr_len = rte_cpu_to_le_16(hdr_len),
		.gso_size = rte_cpu_to_le_16(1400),
		.csum_start = rte_cpu_to_le_16(l4),
		.csum_offset = rte_cpu_to_le_16(udp ? offsetof(struct rte_udp_hdr, dgram_cksum)
						    : offsetof(struct rte_tcp_hdr, cksum)),
	};
}

/** An UDP datagram of flow @p id (no checksum, which IPv4 allows). */
static inline void
make_udp(unsigned int id, uint8_t *buf, uint32_t len)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)buf;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *uh = (struct rte_udp_hdr *)(ip + 1);

	fill_frame(id, buf, len);
	memset(ip, 0, sizeof(*ip) + sizeof(*uh));
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(len - sizeof(*eth)));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(0xc0000201);
	ip->dst_addr = rte_cpu_to_be_32(0xc0000202);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	uh->src_port = rte_cpu_to_be_16((uint16_t)(5000 + id));
	uh->dst_port = rte_cpu_to_be_16(9);
	uh->dgram_len = rte_cpu_to_be_16((uint16_t)(len - sizeof(*eth) - sizeof(*ip)));
}

/** The mbuf holds such a datagram; its number goes to @p id. */
static inline void
expect_udp(struct rte_mbuf *m, uint32_t len, unsigned int *id)
{
	const size_t at = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr);
	const struct rte_udp_hdr *uh = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, at);
	uint8_t want[2048];

	*id = (unsigned int)rte_be_to_cpu_16(uh->src_port) - 5000;
	make_udp(*id, want, len);
	expect_bytes(m, want, len);
}

#endif /* TAP_TEST_IO_H */
