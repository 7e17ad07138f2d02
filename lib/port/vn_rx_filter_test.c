/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include "rx_test_rules.h"

#include <stdio.h>

#include <rte_bitops.h>

#define UNI   "02:00:00:00:00:77" /* in the table */
#define OTHER "02:00:00:00:00:99"
#define MULTI "33:33:00:00:00:77" /* in the table */
#define GROUP "33:33:00:00:00:99"
#define BCAST "ff:ff:ff:ff:ff:ff"

static void
add_mac(struct vn_rx_state *s, const char *mac)
{
	struct rte_ether_addr a;

	assert_int_equal(rte_ether_unformat_addr(mac, &a), 0);
	memcpy(s->table[s->n_uni + s->n_multi], a.addr_bytes, 6);
	if (a.addr_bytes[0] & 1)
		s->n_multi++;
	else
		s->n_uni++;
}

/* Every combination of the six modes: O own, U listed unicast, u other unicast, M, m, B. */
static void
receive_modes(void **state)
{
	static const struct {
		const char *mac;
		char name;
	} dst[] = {{OWN, 'O'}, {UNI, 'U'}, {OTHER, 'u'}, {MULTI, 'M'}, {GROUP, 'm'}, {BCAST, 'B'}};
	static const struct {
		const char *mode; /* p a(llmulti) A(lluni) M(nomulti) U(nouni) B(nobcast) */
		const char *pass;
	} t[] = {
		{"", "OUMB"},
		{"p", "OUuMmB"},
		{"pMUB", "OUuMmB"},
		{"paAMUB", "OUuMmB"},
		{"a", "OUMmB"},
		{"A", "OUuMB"},
		{"aA", "OUuMmB"},
		{"M", "OUB"},
		{"aM", "OUB"},
		{"U", "MB"},
		{"AU", "MB"},
		{"B", "OUM"},
		{"aB", "OUMm"},
		{"aAB", "OUuMm"},
		{"aAM", "OUuB"},
		{"aAU", "MmB"},
		{"MUB", ""},
		{"aAMUB", ""},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(t); i++) {
		struct vn_rx_state s;

		vn_rx_state_reset(&s, own);
		add_mac(&s, UNI);
		add_mac(&s, MULTI);
		s.promisc = strchr(t[i].mode, 'p') != NULL;
		s.allmulti = strchr(t[i].mode, 'a') != NULL;
		s.alluni = strchr(t[i].mode, 'A') != NULL;
		s.nomulti = strchr(t[i].mode, 'M') != NULL;
		s.nouni = strchr(t[i].mode, 'U') != NULL;
		s.nobcast = strchr(t[i].mode, 'B') != NULL;
		for (size_t d = 0; d < RTE_DIM(dst); d++) {
			const int want = strchr(t[i].pass, dst[d].name) != NULL ? 0 : VN_RX_DROP;
			struct frame f;

			put_eth(&f, dst[d].mac);
			put16(&f, 0x88b5);
			if (apply(&s, &f, 0) != want)
				fail_msg("mode \"%s\", %s: not %d", t[i].mode, dst[d].mac, want);
		}
	}
}

/* A full table: each entry is found, its neighbours are not. */
static void
mac_table(void **state)
{
	struct vn_rx_state s;
	struct frame f;
	char mac[24];

	(void)state;
	vn_rx_state_reset(&s, own);
	s.promisc = 0;
	for (unsigned int i = 0; i < VN_RX_MACS; i++) {
		/* falling, in steps of two, the multicast half last */
		snprintf(mac, sizeof(mac), "%s:00:00:00:%02x:%02x",
			i < VN_RX_MACS / 2 ? "06" : "07", (511 - 2 * i) >> 8, (511 - 2 * i) & 0xff);
		add_mac(&s, mac);
	}
	/* A record that was tampered with must not make us read behind the table. */
	s.n_multi = UINT16_MAX;
	for (unsigned int i = 0; i <= 513; i++) {
		const char *first = i > 255 ? "06" : "07";
		const bool listed = i % 2 == 1 && i <= 511;

		snprintf(mac, sizeof(mac), "%s:00:00:00:%02x:%02x", first, i >> 8, i & 0xff);
		put_eth(&f, mac);
		put16(&f, 0x88b5);
		assert_int_equal(apply(&s, &f, 0), listed ? 0 : VN_RX_DROP);
	}
}

static void
vlan_filter(void **state)
{
	static const struct {
		uint16_t type, tci;
		bool pass;
	} t[] = {
		{0x8100, 5, true}, {0x8100, 0xe005, true}, /* priority does not matter */
		{0x8100, 6, false}, {0x8100, 0x1006, false}, {0x8100, 4095, true},
		{0x8100, 4094, false}, {0x8100, 0, true},
		{0x8100, 0xe000, true}, /* priority, no VLAN */
		{0x88a8, 6, true},      /* numbers of another kind */
	};
	struct vn_rx_state s;
	struct frame f;

	(void)state;
	vn_rx_state_reset(&s, own);
	s.vlan[0] = RTE_BIT64(5);
	s.vlan[63] = RTE_BIT64(63);
	for (size_t i = 0; i < RTE_DIM(t); i++) {
		put_eth(&f, OWN);
		put_tag(&f, t[i].type, t[i].tci);
		put_tag(&f, 0x8100, 6); /* the inner one does not matter */
		put16(&f, 0x88b5);
		s.promisc = 0;
		s.filter_vlan = 1;
		if (apply(&s, &f, 0) != (t[i].pass ? 0 : VN_RX_DROP))
			fail_msg("case %zu", i);
		f.b[5] = 0x99; /* to somebody else */
		assert_int_equal(apply(&s, &f, 0), VN_RX_DROP);
		s.promisc = 1;
		assert_int_equal(apply(&s, &f, 0), 0);
		f.b[5] = 2;
		s.promisc = s.filter_vlan = 0;
		assert_int_equal(apply(&s, &f, 0), 0);
	}
	s.filter_vlan = 1;
	put_eth(&f, OWN);
	put16(&f, 0x88b5);
	assert_int_equal(apply(&s, &f, 0), 0);
	memset(s.vlan, 0, sizeof(s.vlan));
	assert_int_equal(apply(&s, &f, 0), 0);
	/* cut within the tag */
	put_eth(&f, OWN);
	put16(&f, 0x8100);
	assert_int_equal(apply(&s, &f, 0), VN_RX_DROP);
	s.filter_vlan = 0;
	assert_int_equal(apply(&s, &f, 0), 0);
}

static void
short_frames(void **state)
{
	struct vn_rx_state s;
	struct frame f;

	(void)state;
	vn_rx_state_reset(&s, own);
	s.filter_vlan = s.allmulti = s.alluni = s.rss = s.hash_report = 1;
	s.hash_types = VN_NET_HASH_ALL;
	put_eth(&f, BCAST);
	put16(&f, RTE_ETHER_TYPE_IPV4);
	while (f.len-- > 0) {
		s.promisc = 0;
		assert_int_equal(apply(&s, &f, 0), VN_RX_DROP);
		s.promisc = 1;
		assert_int_equal(apply(&s, &f, 0), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receive_modes),
		cmocka_unit_test(mac_table),
		cmocka_unit_test(vlan_filter),
		cmocka_unit_test(short_frames),
	};

	return cmocka_run_group_tests_name("vn_rx_filter", tests, NULL, NULL);
}
