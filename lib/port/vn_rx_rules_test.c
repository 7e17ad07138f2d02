/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include "rx_test_rules.h"

/* A flow with a known hash (see vn_rx_hash_test.c): 0x51ccc178 with ports, 0x323e8fc2 without. */
static void
put_flow(struct frame *f)
{
	put_eth(f, OWN);
	put_ip4(f, "66.9.149.187", "161.142.100.80", 0, 0);
	put_l4(f, IPPROTO_TCP, 2794, 1766);
}
#define HASH_TCP 0x51ccc178
#define HASH_IP  0x323e8fc2

static void
set_key(struct vn_rx_state *s)
{
	static const uint8_t key[16] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
		0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0};

	/* As much as IPv4 with ports needs. */
	memcpy(s->key, key, sizeof(key));
	s->key_len = sizeof(key);
}

static void
spreading(void **state)
{
	static const struct {
		uint32_t types;
		uint16_t table_len, queue_pairs, unclassified;
		int pair;
	} t[] = {
		/* entry i of the table is pair i / 2 */
		{VN_NET_HASH_ALL, 128, 64, 9, (HASH_TCP & 127) / 2},
		{VN_NET_HASH_IPV4, 128, 64, 9, (HASH_IP & 127) / 2},
		{VN_NET_HASH_ALL, 16, 64, 9, (HASH_TCP & 15) / 2},
		{VN_NET_HASH_IPV4, 1, 64, 9, 0},
		/* no hash */
		{0, 128, 64, 9, 9},
		{VN_NET_HASH_IPV6, 128, 64, 9, 9},
		{VN_NET_HASH_IPV6, 128, 64, 63, 63},
		/* out of range: harmless */
		{VN_NET_HASH_IPV6, 128, 9, 9, 0},
		{VN_NET_HASH_ALL, 128, 60, 9, 0}, /* the entry's pair, 60, is not in use */
		{VN_NET_HASH_ALL, 128, 0, 9, 0},
		{VN_NET_HASH_ALL, 0, 64, 9, 0},
		{VN_NET_HASH_ALL, 129, 64, 9, (HASH_TCP & 127) / 2},
		{VN_NET_HASH_ALL, 0xffff, 64, 9, (HASH_TCP & 127) / 2},
		{VN_NET_HASH_ALL, 31, 64, 9, (HASH_TCP & 15) / 2},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(t); i++) {
		struct vn_rx_state s;
		struct frame f;

		vn_rx_state_reset(&s, own);
		set_key(&s);
		s.rss = 1;
		s.hash_types = t[i].types;
		s.table_len = t[i].table_len;
		s.queue_pairs = t[i].queue_pairs;
		s.unclassified = t[i].unclassified;
		for (unsigned int e = 0; e < RTE_DIM(s.indirection); e++)
			s.indirection[e] = e / 2;
		put_flow(&f);
		for (uint16_t from = 0; from < 3; from++) {
			int pair = apply(&s, &f, from);

			if (pair != t[i].pair)
				fail_msg("case %zu: pair %d, not %d", i, pair, t[i].pair);
		}
	}
}

/* Without RSS a frame stays where it is, unless that pair is not in use any more. */
static void
own_pair(void **state)
{
	static const struct {
		uint16_t queue_pairs, from;
		int pair;
	} t[] = {{1, 0, 0}, {4, 3, 3}, {4, 4, 0}, {1, 0xffff, 0}, {0, 1, 0}};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(t); i++) {
		struct vn_rx_state s;
		struct frame f;

		vn_rx_state_reset(&s, own);
		put_flow(&f);
		s.queue_pairs = t[i].queue_pairs;
		s.unclassified = 2;
		assert_int_equal(apply(&s, &f, t[i].from), t[i].pair);
		s.hash_report = 1;
		s.hash_types = VN_NET_HASH_ALL;
		assert_int_equal(apply(&s, &f, t[i].from), t[i].pair);
		s.promisc = 0;
		assert_int_equal(apply(&s, &f, t[i].from), t[i].pair);
	}
}

static void
hash_report(void **state)
{
	static const struct {
		bool rss, report, flow;
		uint32_t hash;
		uint16_t type;
	} t[] = {
		{false, true, true, HASH_TCP, VN_NET_HASH_REPORT_TCPV4},
		{true, true, true, HASH_TCP, VN_NET_HASH_REPORT_TCPV4},
		{false, true, false, 0, VN_NET_HASH_REPORT_NONE},
		{true, true, false, 0, VN_NET_HASH_REPORT_NONE},
		/* not touched */
		{true, false, true, 0xa5a5a5a5, 0xa5a5},
		{false, false, true, 0xa5a5a5a5, 0xa5a5},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(t); i++) {
		const struct vn_net_hdr_hash *hdr;
		struct vn_rx_rules *rules;
		struct vn_rx_state s;
		struct rte_mbuf *m;
		struct frame f;

		vn_rx_state_reset(&s, own);
		set_key(&s);
		s.rss = t[i].rss;
		s.hash_report = t[i].report;
		s.hash_types = VN_NET_HASH_ALL;
		s.table_len = 1;
		put_flow(&f);
		if (!t[i].flow)
			f.b[12] = 0; /* not IP any more */
		m = frame_mbuf(f.b, f.len, UINT32_MAX);
		rules = vn_rx_rules_create(&s);
		assert_non_null(rules);
		assert_int_equal(vn_rx_rules_apply(rules, m, 0), 0);
		hdr = vn_mbuf_hdr_hash(m);
		assert_int_equal(rte_le_to_cpu_32(hdr->hash_value), t[i].hash);
		assert_int_equal(rte_le_to_cpu_16(hdr->hash_report), t[i].type);
		assert_int_equal(hdr->padding_reserved, t[i].report ? 0 : 0xa5a5);
		assert_int_equal(hdr->hdr.flags, 0xa5); /* the rest is not ours */
		assert_int_equal(hdr->hdr.num_buffers, 0xa5a5);
		vn_rx_rules_free(rules);
		frame_free(m);
	}
}

static void
trivial_rules(void **state)
{
	static const struct {
		uint8_t promisc, rss, report;
		uint16_t queue_pairs, port_pairs;
		bool trivial;
	} t[] = {
		{1, 0, 0, 1, 1, true},
		{1, 0, 0, 4, 4, true},
		{1, 0, 0, 4, 3, true},
		{1, 0, 0, 1, 0, false}, /* who knows */
		{1, 0, 0, 3, 4, false}, /* the fourth's frames move */
		{0, 0, 0, 1, 1, false},
		{1, 1, 0, 1, 1, false},
		{1, 0, 1, 1, 1, false},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(t); i++) {
		struct vn_rx_rules *rules;
		struct vn_rx_state s;

		vn_rx_state_reset(&s, own);
		s.filter_vlan = s.nouni = 1; /* no matter when promiscuous */
		s.promisc = t[i].promisc;
		s.rss = t[i].rss;
		s.hash_report = t[i].report;
		s.queue_pairs = t[i].queue_pairs;
		s.port_pairs = t[i].port_pairs;
		rules = vn_rx_rules_create(&s);
		assert_non_null(rules);
		if (vn_rx_rules_trivial(rules) != t[i].trivial)
			fail_msg("case %zu", i);
		vn_rx_rules_free(rules);
	}
	vn_rx_rules_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spreading),
		cmocka_unit_test(own_pair),
		cmocka_unit_test(hash_report),
		cmocka_unit_test(trivial_rules),
	};

	return cmocka_run_group_tests_name("vn_rx_rules", tests, NULL, NULL);
}
