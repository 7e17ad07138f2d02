/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include "rx_test_frame.h"

#include <inttypes.h>
#include <stdio.h>

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

static void
put_ip(struct frame *f, const struct vector *v)
{
	if (v->ipv6)
		put_ip6(f, v->src, v->dst);
	else
		put_ip4(f, v->src, v->dst, 0, 0);
}

/* The hash must not depend on how the frame lies in memory. */
static void
check_hash(int line, const struct frame *f, uint32_t types, uint16_t report, uint32_t want)
{
	static const uint32_t seg[] = {UINT32_MAX, 1, 7, 64};
	struct vn_rx_hash h;

	vn_rx_hash_init(&h, types, key, sizeof(key));
	for (size_t i = 0; i < RTE_DIM(seg); i++) {
		struct rte_mbuf *m = frame_mbuf(f->b, f->len, seg[i]);
		uint32_t hash = 1;
		uint16_t got = vn_rx_hash(&h, m, &hash);

		frame_free(m);
		if (got != report || hash != want)
			fail_msg("line %d, segments of %u: report %u hash %#x, not %u %#x", line,
				seg[i], got, hash, report, want);
	}
}
#define HASH(f, types, report, want) \
	check_hash(__LINE__, (f), (types), VN_NET_HASH_REPORT_##report, (want))
#define NO_HASH(f, types) HASH(f, types, NONE, 0)

static void
published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(vec); i++) {
		const struct vector *v = &vec[i];
		struct frame f;

		put_eth(&f, DST);
		put_ip(&f, v);
		f.b[f.next_at] = 1; /* any other protocol */
		put(&f, NULL, 40);
		set_len(&f);
		check_hash(__LINE__, &f, ALL,
			v->ipv6 ? VN_NET_HASH_REPORT_IPV6 : VN_NET_HASH_REPORT_IPV4, v->ip);
		put_eth(&f, DST);
		put_ip(&f, v);
		put_l4(&f, TCP, v->sport, v->dport);
		check_hash(__LINE__, &f, ALL,
			v->ipv6 ? VN_NET_HASH_REPORT_TCPV6 : VN_NET_HASH_REPORT_TCPV4, v->l4);
		put_eth(&f, DST);
		put_ip(&f, v);
		put_l4(&f, UDP, v->sport, v->dport);
		check_hash(__LINE__, &f, ALL,
			v->ipv6 ? VN_NET_HASH_REPORT_UDPV6 : VN_NET_HASH_REPORT_UDPV4, v->l4);
	}
}

/* Which of the enabled types it is. */
static void
types_in_order(void **state)
{
	static const struct {
		const struct vector *v;
		uint8_t proto;
		uint32_t types;
		uint16_t report;
	} t[] = {
		{V4, TCP, 0, VN_NET_HASH_REPORT_NONE},
		{V4, TCP, VN_NET_HASH_UDPV4 | VN_NET_HASH_IPV6, VN_NET_HASH_REPORT_NONE},
		{V4, TCP, ALL & ~VN_NET_HASH_TCPV4, VN_NET_HASH_REPORT_IPV4},
		{V4, UDP, ALL & ~VN_NET_HASH_UDPV4, VN_NET_HASH_REPORT_IPV4},
		{V4, TCP, VN_NET_HASH_TCPV4, VN_NET_HASH_REPORT_TCPV4},
		{V4, UDP, VN_NET_HASH_UDPV4, VN_NET_HASH_REPORT_UDPV4},
		{V4, UDP, VN_NET_HASH_TCPV4, VN_NET_HASH_REPORT_NONE},
		{V6, TCP, VN_NET_HASH_UDPV6 | VN_NET_HASH_IPV4, VN_NET_HASH_REPORT_NONE},
		{V6, TCP, ALL & ~VN_NET_HASH_TCPV6, VN_NET_HASH_REPORT_IPV6},
		{V6, UDP, ALL & ~VN_NET_HASH_UDPV6, VN_NET_HASH_REPORT_IPV6},
		{V6, TCP, VN_NET_HASH_TCPV6, VN_NET_HASH_REPORT_TCPV6},
		{V6, UDP, VN_NET_HASH_UDPV6, VN_NET_HASH_REPORT_UDPV6},
		/* without an extension header these are not its types */
		{V6, TCP, ALL & ~NO_EX, VN_NET_HASH_REPORT_NONE},
		{V6, UDP, ALL & ~NO_EX, VN_NET_HASH_REPORT_NONE},
		{V4, TCP, ~ALL, VN_NET_HASH_REPORT_NONE},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(t); i++) {
		const bool l4 = t[i].report != VN_NET_HASH_REPORT_IPV4 &&
				t[i].report != VN_NET_HASH_REPORT_IPV6;
		uint32_t want = l4 ? t[i].v->l4 : t[i].v->ip;
		struct frame f;

		if (t[i].report == VN_NET_HASH_REPORT_NONE)
			want = 0;
		put_eth(&f, DST);
		put_ip(&f, t[i].v);
		put_l4(&f, t[i].proto, t[i].v->sport, t[i].v->dport);
		check_hash(i, &f, t[i].types, t[i].report, want);
	}
}

/* Tags do not matter, up to two. */
static void
tagged(void **state)
{
	static const uint16_t tags[][4] = {
		{0x8100},
		{0x88a8},
		{0x88a8, 0x8100},
		{0x8100, 0x8100},
		{0x9100, 0x8100},
		{0x8100, 0x8100, 0x8100},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(tags); i++) {
		struct frame f;

		put_eth(&f, DST);
		for (size_t j = 0; tags[i][j] != 0; j++)
			put_tag(&f, tags[i][j], 0x2001);
		put_ip(&f, V6);
		put_l4(&f, TCP, V6->sport, V6->dport);
		if (tags[i][2] != 0)
			NO_HASH(&f, ALL);
		else
			HASH(&f, ALL, TCPV6, V6->l4);
	}
}

/* All fragments of a datagram have one hash. */
static void
fragments(void **state)
{
	static const uint16_t frag4[] = {0x2000, 0x2001, 0x0001, 0x1fff};
	static const uint16_t frag6[] = {0x0001, 0x0009, 0x0008, 0xfff8};
	struct frame f;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(frag4); i++) {
		put_eth(&f, DST);
		put_ip4(&f, V4->src, V4->dst, 0, frag4[i]);
		put_l4(&f, TCP, V4->sport, V4->dport);
		HASH(&f, ALL, IPV4, V4->ip);
		NO_HASH(&f, VN_NET_HASH_TCPV4);
	}
	/* "do not fragment", and the bit without meaning, are no fragments */
	put_eth(&f, DST);
	put_ip4(&f, V4->src, V4->dst, 0, 0xc000);
	put_l4(&f, TCP, V4->sport, V4->dport);
	HASH(&f, ALL, TCPV4, V4->l4);

	for (size_t i = 0; i < RTE_DIM(frag6); i++) {
		put_eth(&f, DST);
		put_ip(&f, V6);
		put_frag(&f, frag6[i]);
		put_home(&f, "::1"); /* in the first fragment only */
		put_l4(&f, UDP, V6->sport, V6->dport);
		HASH(&f, ALL, IP_EX, V6->ip);
		HASH(&f, NO_EX, IPV6, V6->ip);
		NO_HASH(&f, VN_NET_HASH_UDPV6 | VN_NET_HASH_UDP_EX);
	}
	put_eth(&f, DST);
	put_ip(&f, V6);
	put_frag(&f, 0x0006); /* RFC 6946: not a fragment */
	put_l4(&f, UDP, V6->sport, V6->dport);
	HASH(&f, NO_EX, UDPV6, V6->l4);
	HASH(&f, ALL, UDP_EX, V6->l4);
}

static void
ipv4_header_length(void **state)
{
	struct frame f;

	(void)state;
	put_eth(&f, DST);
	put_ip4(&f, V4->src, V4->dst, 40, 0);
	put_l4(&f, TCP, V4->sport, V4->dport);
	HASH(&f, ALL, TCPV4, V4->l4);
	f.b[f.ip] = 0x44;
	NO_HASH(&f, ALL);
	f.b[f.ip] = 0x65;
	NO_HASH(&f, ALL);
	/* the header claims to go on behind the end */
	put_eth(&f, DST);
	put_ip(&f, V4);
	put_l4(&f, UDP, V4->sport, V4->dport);
	f.b[f.ip] = 0x4f;
	HASH(&f, ALL, IPV4, V4->ip);
}

/* The addresses that mobile IPv6 puts into extension headers: plain ones give the vector's hash. */
static void
extension_addresses(void **state)
{
	const char *const other = "2001:db8::1";
	struct frame f;

	(void)state;
	put_eth(&f, DST);
	put_ip6(&f, other, V6->dst);
	put_home(&f, V6->src);
	put_l4(&f, TCP, V6->sport, V6->dport);
	HASH(&f, ALL, TCP_EX, V6->l4);
	HASH(&f, ALL & ~VN_NET_HASH_TCP_EX, IP_EX, V6->ip);
	put_eth(&f, DST);
	put_ip6(&f, V6->src, other);
	put_route2(&f, V6->dst);
	put_l4(&f, UDP, V6->sport, V6->dport);
	HASH(&f, ALL, UDP_EX, V6->l4);
	put_eth(&f, DST);
	put_ip6(&f, other, other);
	put_ext(&f, IPPROTO_HOPOPTS, 64);
	put_route2(&f, V6->dst);
	put_home(&f, V6->src);
	put_frag(&f, 0);
	put_ext(&f, IPPROTO_AH, 24);
	put_ext(&f, IPPROTO_DSTOPTS, 2048);
	put_l4(&f, UDP, V6->sport, V6->dport);
	HASH(&f, ALL, UDP_EX, V6->l4);
	HASH(&f, VN_NET_HASH_IP_EX, IP_EX, V6->ip);
	NO_HASH(&f, VN_NET_HASH_TCP_EX | VN_NET_HASH_TCPV6);

	/* The types without _EX skip the headers and what is in them. */
	put_eth(&f, DST);
	put_ip(&f, V6);
	put_route2(&f, other);
	put_home(&f, other);
	put_l4(&f, UDP, V6->sport, V6->dport);
	HASH(&f, NO_EX, UDPV6, V6->l4);
	HASH(&f, VN_NET_HASH_IPV6 | VN_NET_HASH_TCP_EX, IPV6, V6->ip);

	/* Neither a route of another type or length, nor a home address of another length. */
	put_eth(&f, DST);
	put_ip(&f, V6);
	put_route2(&f, other)[2] = 0;
	put_l4(&f, TCP, V6->sport, V6->dport);
	HASH(&f, ALL, TCP_EX, V6->l4);
	put_eth(&f, DST);
	put_ip(&f, V6);
	put_ext(&f, IPPROTO_ROUTING, 40)[2] = 2;
	put_l4(&f, TCP, V6->sport, V6->dport);
	HASH(&f, ALL, TCP_EX, V6->l4);
	put_eth(&f, DST);
	put_ip(&f, V6);
	put_home(&f, other);
	f.b[f.next_at + 7] = 17; /* beyond its header */
	put_l4(&f, TCP, V6->sport, V6->dport);
	HASH(&f, ALL, TCP_EX, V6->l4);
}

static void
chains_are_bounded(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned int n = 1; n <= 40; n++) {
		put_eth(&f, DST);
		put_ip(&f, V6);
		for (unsigned int i = 0; i < n; i++)
			put_ext(&f, i % 2 ? IPPROTO_DSTOPTS : IPPROTO_HOPOPTS, 8);
		put_l4(&f, TCP, V6->sport, V6->dport);
		if (n < 10)
			HASH(&f, ALL, TCP_EX, V6->l4);
		else
			HASH(&f, ALL, IP_EX, V6->ip);
	}
	/* A home address behind too many options is not looked for. */
	put_eth(&f, DST);
	put_ip(&f, V6);
	put_ext(&f, IPPROTO_DSTOPTS, 2048);
	put_home(&f, "::1");
	put_l4(&f, TCP, V6->sport, V6->dport);
	HASH(&f, ALL, TCP_EX, V6->l4);
	/* Encrypted: the addresses are all there is. */
	put_eth(&f, DST);
	put_ip(&f, V6);
	put_ext(&f, IPPROTO_HOPOPTS, 8);
	f.b[f.next_at] = IPPROTO_ESP;
	put(&f, NULL, 64);
	set_len(&f);
	HASH(&f, ALL, IP_EX, V6->ip);
}

/* Cut at every length: ports only while the fixed header is whole, addresses likewise. */
static void
cut_frames(void **state)
{
	static const uint8_t protos[] = {TCP, UDP};

	(void)state;
	for (size_t p = 0; p < RTE_DIM(protos); p++) {
		struct frame f4, f6;

		put_eth(&f4, DST);
		put_ip(&f4, V4);
		put_l4(&f4, protos[p], V4->sport, V4->dport);
		put_eth(&f6, DST);
		put_ip(&f6, V6);
		put_home(&f6, V6->src);
		put_l4(&f6, protos[p], V6->sport, V6->dport);
		while (f4.len-- > 0) {
			if (f4.len >= 14 + 20)
				HASH(&f4, ALL, IPV4, V4->ip);
			else
				NO_HASH(&f4, ALL);
		}
		while (f6.len-- > 0) {
			if (f6.len >= 14 + 40)
				HASH(&f6, ALL, IP_EX, V6->ip);
			else
				NO_HASH(&f6, ALL);
		}
	}
}

/* What is behind the packet's own length is padding, not ports. */
static void
padding(void **state)
{
	struct frame f;

	(void)state;
	put_eth(&f, DST);
	put_ip(&f, V4);
	f.b[f.next_at] = TCP;
	put(&f, "\x12\x34\x56\x78", 4);
	put(&f, NULL, 60);
	HASH(&f, ALL, IPV4, V4->ip);
	f.b[f.ip + 2] = f.b[f.ip + 3] = 0;
	HASH(&f, ALL, IPV4, V4->ip);
	put_eth(&f, DST);
	put_ip(&f, V6);
	f.b[f.next_at] = UDP;
	put(&f, NULL, 60);
	HASH(&f, ALL, IPV6, V6->ip);
	f.b[f.ip + 4] = 0xff;
	f.b[f.ip + 5] = 0xff;
	f.b[f.len - 60] = V6->sport >> 8;
	f.b[f.len - 59] = V6->sport & 0xff;
	f.b[f.len - 58] = V6->dport >> 8;
	f.b[f.len - 57] = V6->dport & 0xff;
	HASH(&f, ALL, UDPV6, V6->l4);
}

/* The rest of a short key is zeroes. */
static void
short_key(void **state)
{
	uint8_t padded[VN_NET_RSS_KEY_SIZE] = {0};
	struct vn_rx_hash a, b;

	(void)state;
	for (unsigned int len = 0; len <= sizeof(key); len++) {
		memset(padded, 0, sizeof(padded));
		memcpy(padded, key, len);
		vn_rx_hash_init(&a, ALL, key, len);
		vn_rx_hash_init(&b, ALL, padded, sizeof(padded));
		assert_memory_equal(&a, &b, sizeof(a));
	}
	vn_rx_hash_init(&a, ALL, key, 255);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* Frames that are nearly right, in pieces: ASan and UBSan are the judges. */
static void
random_damage(void **state)
{
	const unsigned int rounds = getenv("VN_LONG") != NULL ? 5000000 : 50000;
	struct vn_rx_hash h;
	struct frame f;

	(void)state;
	srand(1);
	vn_rx_hash_init(&h, ALL, key, sizeof(key));
	for (unsigned int i = 0; i < rounds; i++) {
		struct rte_mbuf *m;
		uint32_t hash;

		put_eth(&f, DST);
		for (int n = rand() % 3; n > 0; n--)
			put_tag(&f, RTE_ETHER_TYPE_VLAN, rand());
		put_ip(&f, &vec[rand() % RTE_DIM(vec)]);
		if (f.b[f.ip] == 0x60) {
			for (int n = rand() % 4; n > 0; n--)
				put_ext(&f, "\0\53\74\54\63\207"[rand() % 6], 8 * (1 + rand() % 4));
			put_home(&f, "::1");
			put_route2(&f, "::2");
		}
		put_l4(&f, rand() % 2 ? TCP : UDP, 1, 2);
		for (int n = rand() % 8; n > 0; n--)
			f.b[12 + rand() % (f.len - 12)] = rand();
		m = frame_mbuf(f.b, rand() % (f.len + 1), 1 + rand() % f.len);
		assert_in_range(vn_rx_hash(&h, m, &hash), 0, VN_NET_HASH_REPORT_UDP_EX);
		frame_free(m);
	}
	print_message("%u damaged frames\n", rounds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(types_in_order),
		cmocka_unit_test(tagged),
		cmocka_unit_test(fragments),
		cmocka_unit_test(ipv4_header_length),
		cmocka_unit_test(extension_addresses),
		cmocka_unit_test(chains_are_bounded),
		cmocka_unit_test(cut_frames),
		cmocka_unit_test(padding),
		cmocka_unit_test(short_key),
		cmocka_unit_test(random_damage),
	};

	return cmocka_run_group_tests_name("vn_rx_hash", tests, NULL, NULL);
}
