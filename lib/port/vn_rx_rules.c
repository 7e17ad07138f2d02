/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Filter and spreading of the frames from the network.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ether.h>

#include "vn_net_hdr.h"
#include "vn_rx_hash.h"
#include "vn_rx_rules.h"
#include "vn_virtq_view.h"

#define VLAN_ID_MASK 0xfff

/* What becomes of the frames of one kind of destination address. */
enum pass {
	PASS_NONE,
	PASS_LISTED, /* if the address is in the table */
	PASS_ALL,
};

struct vn_rx_rules {
	bool trivial;
	bool filter; /* look at the addresses and the tag at all */
	bool filter_vlan;
	bool rss, report;
	enum pass unicast, multicast, broadcast;
	uint16_t queue_pairs;
	uint16_t unclassified;
	uint16_t table_mask;
	uint16_t table[VN_NET_RSS_TABLE_SIZE];
	struct vn_rx_hash hash;
	uint64_t vlan[4096 / 64];
	/*
	 * Sorted, so that a lookup has the same bound whatever addresses a driver picks; the
	 * device's own is one of them.
	 */
	unsigned int num_macs;
	uint64_t macs[VN_RX_MACS + 1];
};

static uint64_t
mac_number(const uint8_t mac[RTE_ETHER_ADDR_LEN])
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < RTE_ETHER_ADDR_LEN; i++)
		n = n << 8 | mac[i];
	return n;
}

static int
mac_cmp(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool
mac_listed(const struct vn_rx_rules *rules, uint64_t mac)
{
	unsigned int lo = 0, hi = rules->num_macs;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (rules->macs[mid] == mac)
			return true;
		if (rules->macs[mid] < mac)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

void
vn_rx_state_reset(struct vn_rx_state *s, const uint8_t mac[6])
{
	memset(s, 0, sizeof(*s));
	s->promisc = 1;
	s->queue_pairs = 1;
	memcpy(s->mac, mac, sizeof(s->mac));
}

/*
 * Receive mode, strongest first (virtio 1.2, 5.1.6.5.1 and 5.1.6.5.2):
 *  1. promiscuous: everything passes, whatever else is set, the VLAN filter included ("should
 *     receive all incoming packets ... even if one of the other modes is on");
 *  2. the VLAN filter;
 *  3. a "no" of the frame's kind, even against the "all" of this kind, and for frames to the
 *     device's own address, too;
 *  4. "all" of the kind;
 *  5. own address and table.
 * Broadcast is a kind of its own: neither nomulti, allmulti nor the table matter to it.
 */
static void
set_filter(struct vn_rx_rules *rules, const struct vn_rx_state *s)
{
	const unsigned int listed = RTE_MIN(s->n_uni + (unsigned int)s->n_multi, RTE_DIM(s->table));

	rules->filter = !s->promisc;
	rules->filter_vlan = s->filter_vlan;
	rules->unicast = s->nouni ? PASS_NONE : s->alluni ? PASS_ALL : PASS_LISTED;
	rules->multicast = s->nomulti ? PASS_NONE : s->allmulti ? PASS_ALL : PASS_LISTED;
	rules->broadcast = s->nobcast ? PASS_NONE : PASS_ALL;
	memcpy(rules->vlan, s->vlan, sizeof(rules->vlan));
	rules->macs[rules->num_macs++] = mac_number(s->mac);
	for (unsigned int i = 0; i < listed; i++)
		rules->macs[rules->num_macs++] = mac_number(s->table[i]);
	qsort(rules->macs, rules->num_macs, sizeof(rules->macs[0]), mac_cmp);
}

/* A pair that is not in use would swallow the frames. */
static uint16_t
pair_in_use(const struct vn_rx_rules *rules, uint16_t pair)
{
	return pair < rules->queue_pairs ? pair : 0;
}

static void
set_spreading(struct vn_rx_rules *rules, const struct vn_rx_state *s)
{
	/* Down to a power of two. */
	const unsigned int wish = RTE_MIN(RTE_MAX(s->table_len, 1u), RTE_DIM(rules->table));
	const unsigned int len = rte_align32prevpow2(wish);

	rules->queue_pairs = RTE_MAX(s->queue_pairs, 1);
	rules->rss = s->rss;
	rules->report = s->hash_report;
	rules->unclassified = pair_in_use(rules, s->unclassified);
	rules->table_mask = len - 1;
	for (unsigned int i = 0; i < len; i++)
		rules->table[i] = pair_in_use(rules, s->indirection[i]);
	vn_rx_hash_init(&rules->hash, s->hash_types, s->key, s->key_len);
}

struct vn_rx_rules *
vn_rx_rules_create(const struct vn_rx_state *s)
{
	struct vn_rx_rules *rules = calloc(1, sizeof(*rules));

	if (rules == NULL)
		return NULL;
	set_filter(rules, s);
	set_spreading(rules, s);
	rules->trivial = !rules->filter && !rules->rss && !rules->report && s->port_pairs != 0 &&
			 s->port_pairs <= rules->queue_pairs;
	return rules;
}

void
vn_rx_rules_free(struct vn_rx_rules *rules)
{
	free(rules);
}

bool
vn_rx_rules_trivial(const struct vn_rx_rules *rules)
{
	return rules->trivial;
}

static bool
address_passes(const struct vn_rx_rules *rules, const uint8_t mac[RTE_ETHER_ADDR_LEN])
{
	const uint64_t n = mac_number(mac);
	enum pass pass;

	if (n == UINT64_C(0xffffffffffff))
		pass = rules->broadcast;
	else if (mac[0] & RTE_ETHER_GROUP_ADDR)
		pass = rules->multicast;
	else
		pass = rules->unicast;
	return pass == PASS_ALL || (pass == PASS_LISTED && mac_listed(rules, n));
}

/*
 * 5.1.6.5.3: the table applies to tagged frames only; VLAN 0 is a priority without a VLAN. Drivers
 * list the VLANs of 802.1Q customer tags. A service tag (802.1ad) on the outside has numbers of its
 * own, which no driver could list: such frames pass.
 */
static bool
vlan_passes(const struct vn_rx_rules *rules, const uint8_t *hdr, uint32_t len)
{
	uint16_t id;

	if ((hdr[12] << 8 | hdr[13]) != RTE_ETHER_TYPE_VLAN)
		return true;
	if (len < RTE_ETHER_HDR_LEN + sizeof(struct rte_vlan_hdr))
		return false;
	id = (hdr[14] << 8 | hdr[15]) & VLAN_ID_MASK;
	return id == 0 || (rules->vlan[id / 64] & RTE_BIT64(id % 64));
}

static bool
frame_passes(const struct vn_rx_rules *rules, const uint8_t *hdr, uint32_t len)
{
	if (len < RTE_ETHER_HDR_LEN)
		return false;
	if (rules->filter_vlan && !vlan_passes(rules, hdr, len))
		return false;
	return address_passes(rules, hdr);
}

/* Hash and spread. The hash as the header has it is written to @p hdr if rules->report. */
static int
spread(const struct vn_rx_rules *rules, struct vn_rx_head *frame, struct vn_net_hdr_hash *hdr,
	uint16_t from)
{
	uint16_t report = VN_NET_HASH_REPORT_NONE;
	uint32_t hash = 0;

	if (rules->hash.types != 0 && (rules->rss || rules->report))
		report = vn_rx_hash(&rules->hash, frame, &hash);
	if (rules->report) {
		hdr->hash_value = rte_cpu_to_le_32(hash);
		hdr->hash_report = rte_cpu_to_le_16(report);
		hdr->padding_reserved = 0;
	}
	if (!rules->rss)
		return pair_in_use(rules, from);
	if (report == VN_NET_HASH_REPORT_NONE)
		return rules->unclassified;
	return rules->table[hash & rules->table_mask];
}

int
vn_rx_rules_apply(const struct vn_rx_rules *rules, struct rte_mbuf *m, uint16_t from)
{
	uint8_t buf[RTE_ETHER_HDR_LEN + sizeof(struct rte_vlan_hdr)];
	struct vn_rx_head frame = {
		.head = rte_pktmbuf_mtod(m, const uint8_t *),
		.head_len = RTE_MIN(rte_pktmbuf_data_len(m), rte_pktmbuf_pkt_len(m)),
		.len = rte_pktmbuf_pkt_len(m),
		.m = m,
	};
	const uint32_t len = RTE_MIN(frame.len, sizeof(buf));
	const uint8_t *hdr = rte_pktmbuf_read(m, 0, len, buf);

	if (rules->filter && (hdr == NULL || !frame_passes(rules, hdr, len)))
		return VN_RX_DROP;
	return spread(rules, &frame, rules->report ? vn_mbuf_hdr_hash(m) : NULL, from);
}

int
vn_rx_rules_apply_view(const struct vn_rx_rules *rules, const struct vn_view *view,
	struct vn_net_hdr_hash *hdr, uint16_t from)
{
	struct vn_rx_head frame = {
		.head = view->head, .head_len = view->head_len, .len = view->len};
	int pair;

	if (rules->filter && !frame_passes(rules, view->head, view->head_len))
		return VN_RX_DROP;
	pair = spread(rules, &frame, hdr, from);
	return frame.cut ? VN_RX_CUT : pair;
}
