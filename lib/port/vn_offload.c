/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "vn_features.h"
#include "vn_offload.h"

/* Headers up to the payload; what has more before it is nothing that anybody sends. */
#define HDR_MAX   512
#define MAX_VLANS 2

#define TCP_SEQ_OFFSET   4
#define TCP_OFF_OFFSET   12
#define TCP_FLAGS_OFFSET 13

/* What is the same for all pieces of a frame. */
struct cut {
	uint32_t l3, l4, payload; /* where they begin */
	uint32_t len;             /* of the whole frame */
	uint32_t mss;
	uint32_t csum; /* where the checksum is */
	bool ipv6, tcp;
	uint8_t hdr[HDR_MAX]; /* all before the payload */
};

uint32_t
vn_offload_accept(uint64_t features)
{
	uint32_t accept = 0;

	if (features & VN_NET_F_GUEST_CSUM)
		accept |= VN_PORT_ACCEPT_CSUM;
	if (features & VN_NET_F_GUEST_TSO4)
		accept |= VN_PORT_ACCEPT_TCPV4;
	if (features & VN_NET_F_GUEST_TSO6)
		accept |= VN_PORT_ACCEPT_TCPV6;
	if (features & VN_NET_F_GUEST_ECN)
		accept |= VN_PORT_ACCEPT_ECN;
	/* The header does not say of which IP version it is. */
	if ((features & VN_NET_F_GUEST_USO4) && (features & VN_NET_F_GUEST_USO6))
		accept |= VN_PORT_ACCEPT_UDP_L4;
	return accept;
}

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* Two bytes of a frame that may lie in two segments. */
static bool
write16(struct rte_mbuf *m, uint32_t at, uint16_t v)
{
	const uint8_t *from = (const uint8_t *)&v;

	for (unsigned int i = 0; i < sizeof(v); i++, at++) {
		while (m != NULL && at >= m->data_len) {
			at -= m->data_len;
			m = m->next;
		}
		if (m == NULL)
			return false;
		*rte_pktmbuf_mtod_offset(m, uint8_t *, at) = from[i];
	}
	return true;
}

/*
 * The sum of all from @p at on. (DPDK's rte_raw_cksum_mbuf() loses carries behind a segment of odd
 * length, at least up to 22.11.)
 */
static uint16_t
sum_from(const struct rte_mbuf *m, uint32_t at)
{
	uint32_t done = 0, sum = 0;

	for (; m != NULL; m = m->next) {
		uint16_t part;

		if (at >= m->data_len) {
			at -= m->data_len;
			continue;
		}
		part = rte_raw_cksum(
			rte_pktmbuf_mtod_offset(m, const void *, at), m->data_len - at);
		sum += done & 1 ? rte_bswap16(part) : part;
		done += m->data_len - at;
		at = 0;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* The field holds the sum of the pseudo header, so it is part of what is summed. */
static bool
fill_csum(struct rte_mbuf *m, uint32_t start, uint32_t field)
{
	uint16_t sum;

	if (start >= m->pkt_len || field + sizeof(sum) > m->pkt_len)
		return false;
	sum = (uint16_t)~sum_from(m, start);
	/* 0 means "none" to UDP; to others both are the same number. */
	return write16(m, field, sum == 0 ? 0xffff : sum);
}

bool
vn_offload_csum(struct rte_mbuf *m)
{
	struct vn_net_hdr *h = vn_mbuf_hdr(m);
	const uint32_t start = rte_le_to_cpu_16(h->csum_start);

	if (!(h->flags & VN_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (!fill_csum(m, start, start + rte_le_to_cpu_16(h->csum_offset)))
		return false;
	h->flags = 0; /* a receiver that does not take the work knows no flags */
	h->csum_start = 0;
	h->csum_offset = 0;
	return true;
}

/* Where IP begins, and that it is what the header says. */
static bool
find_ip(struct cut *c, uint8_t gso)
{
	uint32_t at = 2 * RTE_ETHER_ADDR_LEN;
	uint16_t type = get16(&c->hdr[at]);

	for (int i = 0;
		i < MAX_VLANS && (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ);
		i++) {
		at += sizeof(struct rte_vlan_hdr);
		if (at + 2 > c->payload)
			return false;
		type = get16(&c->hdr[at]);
	}
	c->l3 = at + 2;
	c->ipv6 = type == RTE_ETHER_TYPE_IPV6;
	if (c->ipv6)
		return gso != VN_NET_HDR_GSO_TCPV4 && c->l3 + sizeof(struct rte_ipv6_hdr) <= c->l4;
	return type == RTE_ETHER_TYPE_IPV4 && gso != VN_NET_HDR_GSO_TCPV6 &&
	       c->l3 + sizeof(struct rte_ipv4_hdr) <= c->l4 &&
	       c->l3 + (c->hdr[c->l3] & 0xf) * 4u == c->l4;
}

static bool
cut_init(struct cut *c, struct rte_mbuf *m)
{
	const struct vn_net_hdr *h = vn_mbuf_hdr(m);
	const uint8_t gso = h->gso_type & ~VN_NET_HDR_GSO_ECN;
	uint8_t l4[sizeof(struct rte_tcp_hdr)];
	const uint8_t *p;
	uint32_t l4_len;

	c->len = m->pkt_len;
	c->l4 = rte_le_to_cpu_16(h->csum_start);
	c->mss = rte_le_to_cpu_16(h->gso_size);
	c->tcp = gso == VN_NET_HDR_GSO_TCPV4 || gso == VN_NET_HDR_GSO_TCPV6;
	if (!(h->flags & VN_NET_HDR_F_NEEDS_CSUM) || c->mss == 0 ||
		(!c->tcp && gso != VN_NET_HDR_GSO_UDP_L4))
		return false;
	p = rte_pktmbuf_read(
		m, c->l4, c->tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr), l4);
	if (p == NULL)
		return false;
	l4_len = c->tcp ? (p[TCP_OFF_OFFSET] >> 4) * 4u : sizeof(struct rte_udp_hdr);
	if (c->tcp && l4_len < sizeof(struct rte_tcp_hdr))
		return false;
	c->csum = c->l4 + (c->tcp ? offsetof(struct rte_tcp_hdr, cksum)
				  : offsetof(struct rte_udp_hdr, dgram_cksum));
	c->payload = c->l4 + l4_len;
	if (c->payload >= c->len || c->payload > sizeof(c->hdr))
		return false;
	p = rte_pktmbuf_read(m, 0, c->payload, c->hdr);
	if (p == NULL)
		return false;
	if (p != c->hdr)
		memcpy(c->hdr, p, c->payload);
	return find_ip(c, gso);
}

/* The lengths in the headers, for a piece of @p len bytes. */
static void
set_lengths(const struct cut *c, uint8_t *hdr, uint32_t len, uint32_t number)
{
	const uint32_t l4_len = len - c->l4;
	uint8_t *ip = hdr + c->l3;
	uint32_t sum;

	if (c->ipv6) {
		put16(ip + offsetof(struct rte_ipv6_hdr, payload_len),
			len - c->l3 - sizeof(struct rte_ipv6_hdr));
	} else {
		uint8_t *id = ip + offsetof(struct rte_ipv4_hdr, packet_id);
		uint8_t *check = ip + offsetof(struct rte_ipv4_hdr, hdr_checksum);
		uint16_t raw;

		put16(ip + offsetof(struct rte_ipv4_hdr, total_length), len - c->l3);
		put16(id, get16(id) + number);
		put16(check, 0);
		raw = (uint16_t)~rte_raw_cksum(ip, c->l4 - c->l3);
		memcpy(check, &raw, sizeof(raw));
	}
	if (!c->tcp)
		put16(hdr + c->l4 + offsetof(struct rte_udp_hdr, dgram_len), l4_len);
	/* The pseudo header's sum is the sender's: only its length is another one. */
	sum = get16(hdr + c->csum) + (0xffffu - ((c->len - c->l4) & 0xffff)) + l4_len;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(hdr + c->csum, sum);
}

static void
set_tcp(const struct cut *c, uint8_t *tcp, uint32_t at, bool last)
{
	put32(tcp + TCP_SEQ_OFFSET, get32(tcp + TCP_SEQ_OFFSET) + at);
	if (at > 0)
		tcp[TCP_FLAGS_OFFSET] &= (uint8_t)~RTE_TCP_CWR_FLAG;
	if (!last)
		tcp[TCP_FLAGS_OFFSET] &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	RTE_SET_USED(c);
}

/* Put the headers before the payload. @return the first mbuf, or NULL with @p piece freed. */
static struct rte_mbuf *
join(struct rte_mbuf *piece, struct rte_mempool *pool, const uint8_t *hdr, uint32_t len)
{
	char *at = rte_pktmbuf_prepend(piece, (uint16_t)len);
	struct rte_mbuf *first = piece;

	if (at == NULL) {
		first = rte_pktmbuf_alloc(pool);
		at = first != NULL ? rte_pktmbuf_append(first, (uint16_t)len) : NULL;
		if (at == NULL || rte_pktmbuf_chain(first, piece) != 0) {
			rte_pktmbuf_free(first);
			rte_pktmbuf_free(piece);
			return NULL;
		}
	}
	memcpy(at, hdr, len);
	return first;
}

static struct rte_mbuf *
make_piece(struct cut *c, struct rte_mbuf *m, struct rte_mempool *pool, uint32_t accept,
	uint32_t number)
{
	const uint32_t at = number * c->mss;
	const uint32_t left = c->len - c->payload - at;
	const uint32_t len = RTE_MIN(left, c->mss);
	struct rte_mbuf *piece;
	uint8_t hdr[HDR_MAX];
	struct vn_net_hdr *h;

	piece = rte_pktmbuf_copy(m, pool, c->payload + at, len);
	if (piece == NULL)
		return NULL;
	memcpy(hdr, c->hdr, c->payload);
	set_lengths(c, hdr, c->payload + len, number);
	if (c->tcp)
		set_tcp(c, hdr + c->l4, at, len == left);
	piece = join(piece, pool, hdr, c->payload);
	if (piece == NULL)
		return NULL;
	h = vn_mbuf_hdr(piece);
	memset(h, 0, VN_NET_HDR_LEN_HASH);
	if (accept & VN_PORT_ACCEPT_CSUM) {
		h->flags = VN_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = rte_cpu_to_le_16((uint16_t)c->l4);
		h->csum_offset = rte_cpu_to_le_16((uint16_t)(c->csum - c->l4));
	} else {
		fill_csum(piece, c->l4, c->csum);
	}
	return piece;
}

int
vn_offload_segment(
	struct rte_mbuf *m, struct rte_mempool *pool, uint32_t accept, struct rte_mbuf **out)
{
	struct cut c;
	uint32_t n;

	if (!cut_init(&c, m))
		return 0;
	n = (c.len - c.payload + c.mss - 1) / c.mss;
	if (n > VN_OFFLOAD_PIECES)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		out[i] = make_piece(&c, m, pool, accept, i);
		if (out[i] == NULL) {
			rte_pktmbuf_free_bulk(out, i);
			return -ENOMEM;
		}
	}
	return (int)n;
}
