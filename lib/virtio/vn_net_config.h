/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_NET_CONFIG_H
#define VN_NET_CONFIG_H

/**
 * @file
 * The device configuration space of virtio-net (virtio 1.2, 5.1.4).
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

/** Bits of the status field. */
#define VN_NET_S_LINK_UP  1
#define VN_NET_S_ANNOUNCE 2

/** Values of the duplex field. */
#define VN_NET_DUPLEX_HALF    0x00
#define VN_NET_DUPLEX_FULL    0x01
#define VN_NET_DUPLEX_UNKNOWN 0xff

/** Value of the speed field when it is not known. */
#define VN_NET_SPEED_UNKNOWN UINT32_MAX

/** Limits of max_virtqueue_pairs (virtio 1.2, 5.1.4.1). */
#define VN_NET_QUEUE_PAIRS_MIN 1
#define VN_NET_QUEUE_PAIRS_MAX 0x8000

/** Little-endian. A field means something only if its feature is offered. */
struct vn_net_config {
	uint8_t mac[6];                              /**< VN_NET_F_MAC */
	rte_le16_t status;                           /**< VN_NET_F_STATUS: VN_NET_S_x */
	rte_le16_t max_virtqueue_pairs;              /**< VN_NET_F_MQ or VN_NET_F_RSS */
	rte_le16_t mtu;                              /**< VN_NET_F_MTU */
	rte_le32_t speed;                            /**< VN_NET_F_SPEED_DUPLEX: Mb/s */
	uint8_t duplex;                              /**< VN_NET_F_SPEED_DUPLEX: VN_NET_DUPLEX_x */
	uint8_t rss_max_key_size;                    /**< VN_NET_F_RSS or VN_NET_F_HASH_REPORT */
	rte_le16_t rss_max_indirection_table_length; /**< VN_NET_F_RSS */
	rte_le32_t supported_hash_types;             /**< VN_NET_F_RSS or VN_NET_F_HASH_REPORT */
};
static_assert(sizeof(struct vn_net_config) == 24, "virtio 1.2, 5.1.4");
static_assert(offsetof(struct vn_net_config, speed) == 12, "virtio 1.2, 5.1.4");
static_assert(offsetof(struct vn_net_config, supported_hash_types) == 20, "virtio 1.2, 5.1.4");

#endif /* VN_NET_CONFIG_H */
