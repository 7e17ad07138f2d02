/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_PORT_HDR_H
#define VN_PORT_HDR_H

/**
 * @file
 * The check of virtio-net headers that come from a network side which has such headers.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_bitops.h>

#include "vn_net_hdr.h"

/** Kinds of work that the driver lets the network side leave to it, as a mask. */
#define VN_PORT_ACCEPT_CSUM   RTE_BIT32(0)
#define VN_PORT_ACCEPT_TCPV4  RTE_BIT32(VN_NET_HDR_GSO_TCPV4)
#define VN_PORT_ACCEPT_TCPV6  RTE_BIT32(VN_NET_HDR_GSO_TCPV6)
#define VN_PORT_ACCEPT_UDP_L4 RTE_BIT32(VN_NET_HDR_GSO_UDP_L4)
#define VN_PORT_ACCEPT_ECN    RTE_BIT32(7)

/**
 * Check the header of a frame towards the driver (virtio 1.2, 5.1.6.4), and clear what has no
 * meaning in it. Poller; any thread that owns @p hdr.
 *
 * @param len
 *   Bytes of the frame behind the header.
 * @param accept
 *   VN_PORT_ACCEPT_*, from the features that the driver negotiated.
 * @return
 *   false: it contradicts itself, the length or @p accept; the frame is to be dropped.
 */
bool vn_port_hdr_ok(struct vn_net_hdr *hdr, uint32_t len, uint32_t accept);

#endif /* VN_PORT_HDR_H */
