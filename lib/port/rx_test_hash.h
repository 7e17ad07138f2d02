/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef RX_TEST_HASH_H
#define RX_TEST_HASH_H

/**
 * @file
 * Test code: known hashes, and the check of one.
 */

#include "rx_test_frame.h"

#include "vn_rx_hash.h"

#define DST   "02:00:00:00:00:02"
#define ALL   VN_NET_HASH_ALL
#define NO_EX (VN_NET_HASH_ALL & ~(VN_NET_HASH_IP_EX | VN_NET_HASH_TCP_EX | VN_NET_HASH_UDP_EX))
#define TCP   IPPROTO_TCP
#define UDP   IPPROTO_UDP

/* The key, and the numbers below, of "Verifying the RSS Hash Calculation" (Microsoft). */
static const uint8_t key[VN_NET_RSS_KEY_SIZE] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
	0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30,
	0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
	0x01, 0xfa};

static const struct vector {
	const char *src, *dst;
	uint16_t sport, dport;
	uint32_t ip, l4;
	bool ipv6;
} vec[] = {
	{"66.9.149.187", "161.142.100.80", 2794, 1766, 0x323e8fc2, 0x51ccc178, false},
	{"199.92.111.2", "65.69.140.83", 14230, 4739, 0xd718262a, 0xc626b0ea, false},
	{"24.19.198.95", "12.22.207.184", 12898, 38024, 0xd2d0a5de, 0x5c2b394a, false},
	{"38.27.205.30", "209.142.163.6", 48228, 2217, 0x82989176, 0xafc7327f, false},
	{"153.39.163.191", "202.188.127.2", 44251, 1303, 0x5d1809c5, 0x10e828a2, false},
	{"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x2cc18cd5, 0x40207d3d, true},
	{"3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739, 0x0f0c461c, 0xdde51bbf, true},
	{"3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024,
		0x4b61e985, 0x02d1feef, true},
};
/* Two of them, for the tests of what is hashed. */
#define V4 (&vec[0])
#define V6 (&vec[5])

static inline void
put_ip(struct frame *f, const struct vector *v)
{
	if (v->ipv6)
		put_ip6(f, v->src, v->dst);
	else
		put_ip4(f, v->src, v->dst, 0, 0);
}

static inline struct vn_rx_head
mbuf_head(const struct rte_mbuf *m)
{
	return (struct vn_rx_head){.head = rte_pktmbuf_mtod(m, const uint8_t *),
		.head_len = m->data_len,
		.len = m->pkt_len,
		.m = m};
}

/* The hash must not depend on how the frame lies in memory. */
static inline void
check_hash(int line, const struct frame *f, uint32_t types, uint16_t report, uint32_t want)
{
	static const uint32_t seg[] = {UINT32_MAX, 1, 7, 64};
	struct vn_rx_hash h;

	vn_rx_hash_init(&h, types, key, sizeof(key));
	for (size_t i = 0; i < RTE_DIM(seg); i++) {
		struct rte_mbuf *m = frame_mbuf(f->b, f->len, seg[i]);
		uint32_t hash = 1;
		struct vn_rx_head whole = mbuf_head(m);
		uint16_t got = vn_rx_hash(&h, &whole, &hash);

		frame_free(m);
		if (got != report || hash != want)
			fail_msg("line %d, segments of %u: report %u hash %#x, not %u %#x", line,
				seg[i], got, hash, report, want);
	}
	/* Of the beginning alone it is the same, or known to need more. */
	for (uint32_t n = 0; n <= f->len; n += 1 + n / 8) {
		struct vn_rx_head head = {.head = f->b, .head_len = n, .len = f->len};
		uint32_t hash = 1;
		uint16_t got = vn_rx_hash(&h, &head, &hash);

		if (!head.cut && (got != report || hash != want))
			fail_msg("line %d, the first %u bytes: report %u hash %#x, not %u %#x",
				line, n, got, hash, report, want);
	}
}
#define HASH(f, types, report, want) \
	check_hash(__LINE__, (f), (types), VN_NET_HASH_REPORT_##report, (want))
#define NO_HASH(f, types) HASH(f, types, NONE, 0)

#endif /* RX_TEST_HASH_H */
