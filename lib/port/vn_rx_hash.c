/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What of a frame is hashed, and the hash.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_thash.h>

#include "vn_rx_hash.h"

/* Bounds for what a hostile frame makes us look at. What is behind them is not looked for. */
#define MAX_TAGS 2
#define MAX_HEADERS                                                                               \
	10             /* IPv6 extension headers: RFC 8200 knows no packet that needs more than 7 \
			*/
#define MAX_OPTIONS 16 /* of all its destination options headers, padding included */

#define ETHER_TYPE_QINQ_OLD 0x9100

#define IP6_HDR_LEN     40
#define IP6_NEXT_HIP    139
#define IP6_NEXT_SHIM6  140
#define IP6_FRAG_MASK   0xfff9 /* offset, and more fragments */
#define IP6_ROUTE_TYPE2 2      /* RFC 6275, 6.4 */
#define IP6_OPT_PAD1    0
#define IP6_OPT_HOME    201 /* RFC 6275, 6.3 */
#define IP4_MIN_HDR_LEN 20
#define IP4_FRAG_MASK   0x3fff /* offset, and more fragments */
#define TCP_MIN_HDR_LEN 20
#define UDP_HDR_LEN     8
#define IP6_ADDR_LEN    16
#define MAX_TUPLE_WORDS 9 /* two IPv6 addresses, two ports */
#define IP6_TUPLE_ADDRS 8
#define IP4_TUPLE_ADDRS 2

static_assert(VN_NET_RSS_KEY_SIZE / 4 > MAX_TUPLE_WORDS, "each word takes bits of the next, too");

/* What can be hashed of a packet; all as it is in the packet. */
struct flow {
	uint8_t addr[2 * IP6_ADDR_LEN]; /* source, destination */
	uint8_t home[IP6_ADDR_LEN];
	uint8_t route[IP6_ADDR_LEN];
	uint8_t ports[4];
	uint8_t l4; /* IPPROTO_TCP or IPPROTO_UDP: ports are set; else 0 */
	bool extended, has_home, has_route;
	unsigned int options; /* looked at */
};

/* Copy from the frame. False: it is too short, or not there to be seen. */
static bool
get(struct vn_rx_head *h, uint32_t off, uint32_t len, void *buf)
{
	const void *p;

	if (likely(off <= h->head_len && len <= h->head_len - off)) {
		memcpy(buf, h->head + off, len);
		return true;
	}
	if (h->m == NULL) {
		h->cut |= off <= h->len && len <= h->len - off;
		return false;
	}
	p = rte_pktmbuf_read(h->m, off, len, buf);
	if (p == NULL)
		return false;
	if (p != buf)
		memcpy(buf, p, len);
	return true;
}

static uint16_t
be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* The ports, if the whole fixed header of TCP or UDP is there; @end is the packet's. */
static void
get_l4(struct vn_rx_head *m, uint32_t off, uint32_t end, uint8_t proto, struct flow *f)
{
	uint32_t need;

	if (proto == IPPROTO_TCP)
		need = TCP_MIN_HDR_LEN;
	else if (proto == IPPROTO_UDP)
		need = UDP_HDR_LEN;
	else
		return;
	if (off + need <= end && get(m, off, sizeof(f->ports), f->ports))
		f->l4 = proto;
}

/* Where a packet ends that says it has @len bytes: what follows is padding. */
static uint32_t
packet_end(struct vn_rx_head *m, uint32_t off, uint32_t len)
{
	return RTE_MIN(m->len, off + len);
}

static bool
get_ipv4(struct vn_rx_head *m, uint32_t off, struct flow *f)
{
	uint8_t h[IP4_MIN_HDR_LEN];
	uint32_t hdr_len;

	if (!get(m, off, sizeof(h), h))
		return false;
	hdr_len = (h[0] & 0xf) * 4;
	if (h[0] >> 4 != 4 || hdr_len < IP4_MIN_HDR_LEN)
		return false;
	memcpy(f->addr, &h[12], IP4_TUPLE_ADDRS * 4);
	/* All fragments of a datagram go one way; the first one alone has the ports. */
	if ((be16(&h[6]) & IP4_FRAG_MASK) == 0)
		get_l4(m, off + hdr_len, packet_end(m, off, be16(&h[2])), h[9], f);
	return true;
}

/* The home address among the options of a header that ends at @end. */
static void
get_home(struct vn_rx_head *m, uint32_t off, uint32_t end, struct flow *f)
{
	uint8_t opt[2];

	while (off + sizeof(opt) <= end && !f->has_home && f->options++ < MAX_OPTIONS) {
		if (!get(m, off, sizeof(opt), opt))
			return;
		if (opt[0] == IP6_OPT_PAD1) {
			off++;
			continue;
		}
		off += sizeof(opt);
		if (opt[0] == IP6_OPT_HOME && opt[1] == IP6_ADDR_LEN && off + opt[1] <= end)
			f->has_home = get(m, off, sizeof(f->home), f->home);
		off += opt[1];
	}
}

/* Walk the extension headers to TCP or UDP, or to where it cannot go on. */
static void
get_ipv6_headers(struct vn_rx_head *m, uint32_t off, uint32_t end, uint8_t next, struct flow *f)
{
	for (unsigned int i = 0; i < MAX_HEADERS; i++) {
		uint32_t len;
		uint8_t h[8];

		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_FRAGMENT:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
		case IPPROTO_MH:
		case IP6_NEXT_HIP:
		case IP6_NEXT_SHIM6:
			break;
		default:
			get_l4(m, off, end, next, f);
			return;
		}
		f->extended = true;
		if (off + sizeof(h) > end || !get(m, off, sizeof(h), h))
			return;
		len = (h[1] + 1) * 8;
		if (next == IPPROTO_AH) {
			len = (h[1] + 2) * 4;
		} else if (next == IPPROTO_FRAGMENT) {
			/* What follows may be in one of the fragments only. */
			if (be16(&h[2]) & IP6_FRAG_MASK)
				return;
			len = sizeof(h);
		} else if (next == IPPROTO_DSTOPTS) {
			get_home(m, off + 2, RTE_MIN(end, off + len), f);
		} else if (next == IPPROTO_ROUTING && h[2] == IP6_ROUTE_TYPE2 &&
			   len == sizeof(h) + IP6_ADDR_LEN && off + len <= end && !f->has_route) {
			f->has_route = get(m, off + sizeof(h), sizeof(f->route), f->route);
		}
		off += len;
		next = h[0];
	}
}

static bool
get_ipv6(struct vn_rx_head *m, uint32_t off, struct flow *f)
{
	uint8_t h[IP6_HDR_LEN];

	if (!get(m, off, sizeof(h), h) || h[0] >> 4 != 6)
		return false;
	memcpy(f->addr, &h[8], sizeof(f->addr));
	off += sizeof(h);
	get_ipv6_headers(m, off, packet_end(m, off, be16(&h[4])), h[6], f);
	return true;
}

/* Ethertype behind the tags, and where what it names begins; 0: too short, too many tags. */
static uint16_t
ether_type(struct vn_rx_head *m, uint32_t *off)
{
	*off = 2 * RTE_ETHER_ADDR_LEN;
	for (unsigned int tags = 0; tags <= MAX_TAGS; tags++) {
		uint8_t type[2];

		if (!get(m, *off, sizeof(type), type))
			return 0;
		*off += sizeof(type);
		switch (be16(type)) {
		case RTE_ETHER_TYPE_VLAN:
		case RTE_ETHER_TYPE_QINQ:
		case ETHER_TYPE_QINQ_OLD:
			*off += 2; /* priority and number */
			break;
		default:
			return be16(type);
		}
	}
	return 0;
}

/* The first of the types in the order of the specification, or 0. */
static uint32_t
choose_type(uint32_t types, bool ipv6, const struct flow *f)
{
	const uint32_t tcp = f->l4 == IPPROTO_TCP ? types : 0;
	const uint32_t udp = f->l4 == IPPROTO_UDP ? types : 0;

	if (!ipv6) {
		if (tcp & VN_NET_HASH_TCPV4)
			return VN_NET_HASH_TCPV4;
		if (udp & VN_NET_HASH_UDPV4)
			return VN_NET_HASH_UDPV4;
		return types & VN_NET_HASH_IPV4;
	}
	if (f->extended) {
		if (tcp & VN_NET_HASH_TCP_EX)
			return VN_NET_HASH_TCP_EX;
		if (udp & VN_NET_HASH_UDP_EX)
			return VN_NET_HASH_UDP_EX;
		if (types & VN_NET_HASH_IP_EX)
			return VN_NET_HASH_IP_EX;
	}
	if (tcp & VN_NET_HASH_TCPV6)
		return VN_NET_HASH_TCPV6;
	if (udp & VN_NET_HASH_UDPV6)
		return VN_NET_HASH_UDPV6;
	return types & VN_NET_HASH_IPV6;
}

void
vn_rx_hash_init(struct vn_rx_hash *h, uint32_t types, const uint8_t *key, uint8_t key_len)
{
	uint32_t orig[RTE_DIM(h->key)] = {0};

	memcpy(orig, key, RTE_MIN(key_len, sizeof(orig)));
	rte_convert_rss_key(orig, h->key, sizeof(orig));
	h->types = types & VN_NET_HASH_ALL;
}

uint16_t
vn_rx_hash(const struct vn_rx_hash *h, struct vn_rx_head *m, uint32_t *hash)
{
	const uint32_t with_ports = VN_NET_HASH_TCPV4 | VN_NET_HASH_UDPV4 | VN_NET_HASH_TCPV6 |
				    VN_NET_HASH_UDPV6 | VN_NET_HASH_TCP_EX | VN_NET_HASH_UDP_EX;
	const uint32_t with_home = VN_NET_HASH_IP_EX | VN_NET_HASH_TCP_EX | VN_NET_HASH_UDP_EX;
	uint32_t tuple[MAX_TUPLE_WORDS], words, type, off;
	struct flow f = {0};
	bool ipv6;

	*hash = 0;
	switch (ether_type(m, &off)) {
	case RTE_ETHER_TYPE_IPV4:
		ipv6 = false;
		if (!get_ipv4(m, off, &f))
			return VN_NET_HASH_REPORT_NONE;
		break;
	case RTE_ETHER_TYPE_IPV6:
		ipv6 = true;
		if (!get_ipv6(m, off, &f))
			return VN_NET_HASH_REPORT_NONE;
		break;
	default:
		return VN_NET_HASH_REPORT_NONE;
	}
	type = choose_type(h->types, ipv6, &f);
	if (type == 0)
		return VN_NET_HASH_REPORT_NONE;

	if (type & with_home) {
		if (f.has_home)
			memcpy(f.addr, f.home, sizeof(f.home));
		if (f.has_route)
			memcpy(f.addr + IP6_ADDR_LEN, f.route, sizeof(f.route));
	}
	words = ipv6 ? IP6_TUPLE_ADDRS : IP4_TUPLE_ADDRS;
	memcpy(tuple, f.addr, words * sizeof(tuple[0]));
	if (type & with_ports)
		memcpy(&tuple[words++], f.ports, sizeof(f.ports));
	for (unsigned int i = 0; i < words; i++)
		tuple[i] = rte_be_to_cpu_32(tuple[i]);
	*hash = rte_softrss_be(tuple, words, (const uint8_t *)h->key);
	/* 5.1.6.4.4: type = 1 << (report - 1) */
	return rte_bsf32(type) + 1;
}
