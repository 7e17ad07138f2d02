/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Fragments, extension headers, and damage.
 */
#include "rx_test_hash.h"

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

	/* Twice: the first counts. */
	put_eth(&f, DST);
	put_ip6(&f, other, other);
	put_route2(&f, V6->dst);
	put_home(&f, V6->src);
	put_route2(&f, other);
	put_home(&f, other);
	put_l4(&f, TCP, V6->sport, V6->dport);
	HASH(&f, ALL, TCP_EX, V6->l4);

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
		struct vn_rx_head head;
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
		head = mbuf_head(m);
		assert_true(vn_rx_hash(&h, &head, &hash) <= VN_NET_HASH_REPORT_UDP_EX);
		frame_free(m);
	}
	print_message("%u damaged frames\n", rounds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments),
		cmocka_unit_test(extension_addresses),
		cmocka_unit_test(chains_are_bounded),
		cmocka_unit_test(random_damage),
	};

	return cmocka_run_group_tests_name("vn_rx_hash_ext", tests, NULL, NULL);
}
