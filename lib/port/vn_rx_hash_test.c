/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include "rx_test_hash.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(types_in_order),
		cmocka_unit_test(tagged),
		cmocka_unit_test(ipv4_header_length),
		cmocka_unit_test(cut_frames),
		cmocka_unit_test(padding),
		cmocka_unit_test(short_key),
	};

	return cmocka_run_group_tests_name("vn_rx_hash", tests, NULL, NULL);
}
