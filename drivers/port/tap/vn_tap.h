/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_TAP_H
#define VN_TAP_H

/**
 * @file
 * Port driver "tap": a TAP of our own per device. Its kernel side is the device's representor,
 * which the operator puts in a bridge; checksum and segmentation offloads pass through it
 * untouched (IFF_VNET_HDR). doc/representors.md tells operators what is done to the netdev.
 */

#include "vn_port.h"

/** Link group of all representors: `ip link del group 22094` removes them at once. */
#define VN_TAP_LINK_GROUP 22094

/** Queue pairs of one TAP: the kernel takes 256 queues, one is kept to hold the carrier. */
#define VN_TAP_MAX_QUEUE_PAIRS 255

/**
 * Transmit queue lengths (frames) of a newly made representor. Each bounds the frames that wait
 * for a poller. A single-queue TAP takes what NICs have. A multi-queue TAP has 256 kernel queues
 * whatever is used of them, and the default qdisc sets aside memory for this many frames in each:
 * 128 costs 1.3 MiB per TAP, 500 (the default) 6.6 MiB. An operator may change the length.
 */
#define VN_TAP_TXQLEN_SINGLE 1000
#define VN_TAP_TXQLEN_MULTI  128

/** The driver. */
extern const struct vn_port_ops vn_tap_ops;

#endif /* VN_TAP_H */
