/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_OFFLOAD_H
#define VN_OFFLOAD_H

/**
 * @file
 * Checksums and segmentation in software, for receivers that do not take the work (virtio 1.2,
 * 5.1.6.2 says what a header asks for). Poller; whoever owns the mbuf.
 *
 * DPDK's rte_gso knows neither TCP over IPv6 nor UDP segmentation; its checksum functions are used.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_port_hdr.h"

struct rte_mbuf;
struct rte_mempool;

/** Most frames that one is cut into: 64 KiB in segments of 256 bytes. With more it is dropped. */
#define VN_OFFLOAD_PIECES 256

/** VN_PORT_ACCEPT_*: what a driver with these features leaves to its receiver. */
uint32_t vn_offload_accept(uint64_t features);

/** The receiver takes a frame with this header as it is. */
static inline bool
vn_offload_accepted(const struct vn_net_hdr *hdr, uint32_t accept)
{
	const uint8_t gso = hdr->gso_type & ~VN_NET_HDR_GSO_ECN;

	if ((hdr->flags | hdr->gso_type) == 0)
		return true;
	if ((hdr->flags & VN_NET_HDR_F_NEEDS_CSUM) && !(accept & VN_PORT_ACCEPT_CSUM))
		return false;
	if (gso != VN_NET_HDR_GSO_NONE && (gso >= 32 || !(accept & RTE_BIT32(gso))))
		return false;
	return !(hdr->gso_type & VN_NET_HDR_GSO_ECN) || (accept & VN_PORT_ACCEPT_ECN);
}

/**
 * Fill in the checksum that vn_mbuf_hdr() asks for; the header asks for nothing afterwards. The
 * data must be @p m's alone (not shared with a clone).
 *
 * @return false: it lies outside the frame.
 */
bool vn_offload_csum(struct rte_mbuf *m);

/**
 * Cut a frame with a segmentation header into frames of @p pool. @p m stays the caller's.
 *
 * @param accept
 *   With VN_PORT_ACCEPT_CSUM the checksums of the pieces are left to the receiver.
 * @param out
 *   Room for VN_OFFLOAD_PIECES.
 * @return
 *   How many; 0: @p m is not what its header says, or there are too many. -ENOMEM: no mbufs.
 */
int vn_offload_segment(
	struct rte_mbuf *m, struct rte_mempool *pool, uint32_t accept, struct rte_mbuf **out);

#endif /* VN_OFFLOAD_H */
