/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <rte_ether.h>

#include "vn_port_hdr.h"

bool
vn_port_hdr_ok(struct vn_net_hdr *hdr, uint32_t len, uint32_t accept)
{
	const uint8_t gso = hdr->gso_type & ~VN_NET_HDR_GSO_ECN;
	const uint32_t start = rte_le_to_cpu_16(hdr->csum_start);
	const uint32_t field = start + rte_le_to_cpu_16(hdr->csum_offset);

	if (len < RTE_ETHER_HDR_LEN || len > VN_MAX_FRAME)
		return false;
	hdr->flags &= VN_NET_HDR_F_NEEDS_CSUM | VN_NET_HDR_F_DATA_VALID;
	hdr->num_buffers = 0; /* the engine's to fill in */

	if (hdr->flags & VN_NET_HDR_F_NEEDS_CSUM) {
		if ((accept & VN_PORT_ACCEPT_CSUM) == 0)
			return false;
		if (start < RTE_ETHER_HDR_LEN || field + sizeof(rte_be16_t) > len)
			return false;
		hdr->flags = VN_NET_HDR_F_NEEDS_CSUM;
	} else {
		if ((accept & VN_PORT_ACCEPT_CSUM) == 0)
			hdr->flags = 0;
		hdr->csum_start = 0;
		hdr->csum_offset = 0;
	}

	if (gso == VN_NET_HDR_GSO_NONE) {
		hdr->gso_type = VN_NET_HDR_GSO_NONE;
		hdr->gso_size = 0;
		hdr->hdr_len = 0;
		return true;
	}
	if (gso >= 32 ||
		(accept & RTE_BIT32(gso) & ~(VN_PORT_ACCEPT_CSUM | VN_PORT_ACCEPT_ECN)) == 0)
		return false;
	if ((hdr->gso_type & VN_NET_HDR_GSO_ECN) && (accept & VN_PORT_ACCEPT_ECN) == 0)
		return false;
	return (hdr->flags & VN_NET_HDR_F_NEEDS_CSUM) && hdr->gso_size != 0 &&
	       rte_le_to_cpu_16(hdr->hdr_len) <= len;
}
