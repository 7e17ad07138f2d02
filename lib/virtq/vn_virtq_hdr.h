/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_HDR_H
#define VN_VIRTQ_HDR_H

/**
 * @file
 * The check of a virtio-net header against its frame and the negotiated features (virtio 1.2,
 * 5.1.6.2 and 5.1.6.4). One rule for both directions: whoever gets the header next may trust it.
 *
 * Repaired, because the frame is whole without it:
 *   - flags other than those allowed here are cleared (a driver's DATA_VALID; towards a driver
 *     without GUEST_CSUM also DATA_VALID from the network);
 *   - fields that mean nothing with these flags are zeroed;
 *   - hdr_len beyond the frame becomes 0 ("not known"); it is only a hint.
 * Refused, because the frame would be sent unfinished, or could mislead who finishes it:
 *   - NEEDS_CSUM or a gso_type that was not negotiated, unknown gso_type, ECN without TCP;
 *   - a checksum outside the frame or in its Ethernet header;
 *   - segmentation without NEEDS_CSUM, with segment size 0, or with a checksum that is not where
 *     its protocol has it.
 */

#include "vn_virtq_priv.h"

/** A frame has at least an Ethernet header. */
#define VN_MIN_FRAME 14

/* Where TCP and UDP have their checksum, and their least header lengths. */
#define TCP_CSUM_OFFSET 16
#define TCP_HDR_MIN     20
#define UDP_CSUM_OFFSET 6
#define UDP_HDR_MIN     8

static __rte_noinline bool
hdr_check_offload(const struct vn_virtq *vq, struct vn_net_hdr *h, uint32_t frame_len)
{
	const uint32_t start = rte_le_to_cpu_16(h->csum_start);
	const uint32_t offset = rte_le_to_cpu_16(h->csum_offset);
	const uint8_t type = h->gso_type & ~VN_NET_HDR_GSO_ECN;

	if (h->flags & VN_NET_HDR_F_NEEDS_CSUM) {
		if (!(vq->csum_flags & VN_NET_HDR_F_NEEDS_CSUM))
			return false;
		if (start < VN_MIN_FRAME || start + offset + 2 > frame_len)
			return false;
		/* The checksum is either to be made or known to be right. */
		h->flags = VN_NET_HDR_F_NEEDS_CSUM;
	} else {
		h->flags &= vq->csum_flags;
		h->csum_start = 0;
		h->csum_offset = 0;
	}
	if (rte_le_to_cpu_16(h->hdr_len) > frame_len)
		h->hdr_len = 0;
	if (h->gso_type == VN_NET_HDR_GSO_NONE) {
		h->gso_size = 0;
		return true;
	}

	if (type >= 32 || !(vq->gso_types & RTE_BIT64(type)) || h->gso_size == 0 ||
		!(h->flags & VN_NET_HDR_F_NEEDS_CSUM))
		return false;
	if (type == VN_NET_HDR_GSO_TCPV4 || type == VN_NET_HDR_GSO_TCPV6) {
		if (h->gso_type & VN_NET_HDR_GSO_ECN && !vq->gso_ecn)
			return false;
		return offset == TCP_CSUM_OFFSET && start + TCP_HDR_MIN <= frame_len;
	}
	return !(h->gso_type & VN_NET_HDR_GSO_ECN) && offset == UDP_CSUM_OFFSET &&
	       start + UDP_HDR_MIN <= frame_len;
}

/* Check and repair the header of a frame of @p frame_len bytes. False: the frame is to go. */
static __rte_always_inline bool
hdr_check(const struct vn_virtq *vq, struct vn_net_hdr *h, uint32_t frame_len)
{
	h->num_buffers = 0;
	if (likely((h->flags | h->gso_type) == 0)) {
		memset(h, 0, sizeof(*h));
		return frame_len >= VN_MIN_FRAME;
	}
	return frame_len >= VN_MIN_FRAME && hdr_check_offload(vq, h, frame_len);
}

/* What hdr_check() would say. */
static __rte_always_inline bool
hdr_is_good(const struct vn_virtq *vq, const struct vn_net_hdr *h, uint32_t frame_len)
{
	struct vn_net_hdr copy;

	if (likely(vn_net_hdr_is_plain(h)))
		return frame_len >= VN_MIN_FRAME;
	copy = *h;
	return hdr_check(vq, &copy, frame_len);
}

#endif /* VN_VIRTQ_HDR_H */
