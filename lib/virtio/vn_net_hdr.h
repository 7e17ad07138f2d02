/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_NET_HDR_H
#define VN_NET_HDR_H

/**
 * @file
 * The virtio-net header (virtio 1.2, 5.1.6) and how it travels with an mbuf.
 *
 * Between the virtqueue engine and a port an mbuf carries the header of its frame in its private
 * area, if it has VN_MBUF_F_HDR. Without, the frame asks for nothing, and nobody has to write that
 * down or to look: a fresh mbuf has a header of zeros. It is checked where it enters (engine:
 * guest; port: kernel), so whoever reads it there may trust it.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#define VN_NET_HDR_F_NEEDS_CSUM 1
#define VN_NET_HDR_F_DATA_VALID 2

#define VN_NET_HDR_GSO_NONE   0
#define VN_NET_HDR_GSO_TCPV4  1
#define VN_NET_HDR_GSO_UDP    3 /* UFO; never offered */
#define VN_NET_HDR_GSO_TCPV6  4
#define VN_NET_HDR_GSO_UDP_L4 5 /* USO */
#define VN_NET_HDR_GSO_ECN    0x80

/** Little-endian on the ring. 12 bytes; 10 (no num_buffers) for a legacy driver without MRG_RXBUF.
 */
struct vn_net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	rte_le16_t hdr_len;
	rte_le16_t gso_size;
	rte_le16_t csum_start;
	rte_le16_t csum_offset;
	rte_le16_t num_buffers;
};
static_assert(sizeof(struct vn_net_hdr) == 12, "virtio 1.2, 5.1.6");

/** With VN_NET_F_HASH_REPORT (virtio 1.2, 5.1.6): towards the driver and from it. */
struct vn_net_hdr_hash {
	struct vn_net_hdr hdr;
	rte_le32_t hash_value;
	rte_le16_t hash_report; /**< VN_NET_HASH_REPORT_* */
	rte_le16_t padding_reserved;
};
static_assert(sizeof(struct vn_net_hdr_hash) == 20, "virtio 1.2, 5.1.6");

#define VN_NET_HDR_LEN        12
#define VN_NET_HDR_LEN_LEGACY 10
#define VN_NET_HDR_LEN_HASH   20

/** Bytes of private area every mbuf pool of ours has (RTE_MBUF_PRIV_ALIGN is 8). */
#define VN_MBUF_PRIV_SIZE 24

/** Largest frame that passes: a TSO frame's 65535 bytes of IP packet and 18 of Ethernet and VLAN.
 */
#define VN_MAX_FRAME (65535 + 18)

/**
 * In rte_mbuf.ol_flags: the private area holds the header. One of the bits that DPDK leaves for
 * rte_mbuf_dynflag_register_bitnum(), which the program calls at its start; a constant, because
 * each frame is asked. Whoever overwrites ol_flags of a frame with a header has to leave it.
 */
#define VN_MBUF_HDR_BIT 40
#define VN_MBUF_F_HDR   (UINT64_C(1) << VN_MBUF_HDR_BIT)
static_assert(VN_MBUF_F_HDR >= RTE_MBUF_F_FIRST_FREE && VN_MBUF_F_HDR <= RTE_MBUF_F_LAST_FREE,
	"not a bit of DPDK's");

/**
 * The header that travels with the (first) mbuf @p m, with its hash fields: written by
 * vn_rx_rules_apply(), read by the receive ring. Made, of zeros, if it has none.
 */
static inline struct vn_net_hdr_hash *
vn_mbuf_hdr_hash(struct rte_mbuf *m)
{
	struct vn_net_hdr_hash *h = (struct vn_net_hdr_hash *)rte_mbuf_to_priv(m);

	if (!(m->ol_flags & VN_MBUF_F_HDR)) {
		memset(h, 0, sizeof(*h));
		m->ol_flags |= VN_MBUF_F_HDR;
	}
	return h;
}

/** The same without them. */
static inline struct vn_net_hdr *
vn_mbuf_hdr(struct rte_mbuf *m)
{
	return &vn_mbuf_hdr_hash(m)->hdr;
}

/** Nothing is asked for, so no other field means anything. */
static inline bool
vn_net_hdr_is_plain(const struct vn_net_hdr *h)
{
	uint16_t flags_type;

	static_assert(offsetof(struct vn_net_hdr, flags) == 0 &&
			      offsetof(struct vn_net_hdr, gso_type) == 1,
		"both at once");
	memcpy(&flags_type, h, sizeof(flags_type));
	return flags_type == 0;
}

/** ... by the header of @p m; it is not made, nor looked at if there is none. */
static inline bool
vn_mbuf_hdr_is_plain(struct rte_mbuf *m)
{
	return !(m->ol_flags & VN_MBUF_F_HDR) ||
	       vn_net_hdr_is_plain((const struct vn_net_hdr *)rte_mbuf_to_priv(m));
}

#endif /* VN_NET_HDR_H */
