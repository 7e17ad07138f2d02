/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_NET_CTRL_H
#define VN_NET_CTRL_H

/**
 * @file
 * Commands of the control virtqueue (virtio 1.2, 5.1.6.5; device statistics:
 * virtio 1.4, 5.1.6.5.10). Little-endian.
 */

#include <stdint.h>

#include <rte_byteorder.h>

/**
 * First bytes of every command; data follows. One byte VN_NET_OK or VN_NET_ERR comes back, and for
 * some commands a result behind it.
 */
struct vn_net_ctrl_hdr {
	uint8_t class, command;
};

#define VN_NET_OK  0
#define VN_NET_ERR 1

/** Receive mode (5.1.6.5.1): one byte, 0 or 1. The last four need VN_NET_F_CTRL_RX_EXTRA. */
#define VN_NET_CTRL_RX          0
#define VN_NET_CTRL_RX_PROMISC  0
#define VN_NET_CTRL_RX_ALLMULTI 1
#define VN_NET_CTRL_RX_ALLUNI   2
#define VN_NET_CTRL_RX_NOMULTI  3
#define VN_NET_CTRL_RX_NOUNI    4
#define VN_NET_CTRL_RX_NOBCAST  5

/** MAC filtering (5.1.6.5.2). TABLE_SET: le32 entries and MACs, unicast then multicast. */
#define VN_NET_CTRL_MAC           1
#define VN_NET_CTRL_MAC_TABLE_SET 0
#define VN_NET_CTRL_MAC_ADDR_SET  1

/** VLAN filtering (5.1.6.5.3): le16 id. */
#define VN_NET_CTRL_VLAN     2
#define VN_NET_CTRL_VLAN_ADD 0
#define VN_NET_CTRL_VLAN_DEL 1

/** Announcement acknowledged (5.1.6.5.4). */
#define VN_NET_CTRL_ANNOUNCE     3
#define VN_NET_CTRL_ANNOUNCE_ACK 0

/** Multiqueue (5.1.6.5.5 to 5.1.6.5.7). */
#define VN_NET_CTRL_MQ             4
#define VN_NET_CTRL_MQ_PAIRS_SET   0 /**< le16 pairs */
#define VN_NET_CTRL_MQ_RSS_CONFIG  1 /**< struct virtio_net_rss_config */
#define VN_NET_CTRL_MQ_HASH_CONFIG 2 /**< struct virtio_net_hash_config */

/** Guest offloads (5.1.6.5.8): le64 mask of feature bits. */
#define VN_NET_CTRL_GUEST_OFFLOADS     5
#define VN_NET_CTRL_GUEST_OFFLOADS_SET 0

/** Notification coalescing (5.1.6.5.9). */
#define VN_NET_CTRL_NOTF_COAL        6
#define VN_NET_CTRL_NOTF_COAL_TX_SET 0 /**< struct vn_net_ctrl_coal */
#define VN_NET_CTRL_NOTF_COAL_RX_SET 1
#define VN_NET_CTRL_NOTF_COAL_VQ_SET 2 /**< struct vn_net_ctrl_coal_vq */
/** In: le16 vqn, le16 reserved; result: struct vn_net_ctrl_coal. */
#define VN_NET_CTRL_NOTF_COAL_VQ_GET 3

struct vn_net_ctrl_coal {
	rte_le32_t max_packets, max_usecs;
};
struct vn_net_ctrl_coal_vq {
	rte_le16_t vq_index, reserved;
	struct vn_net_ctrl_coal coal;
};

/** Device statistics (virtio 1.4, 5.1.6.5.10). */
#define VN_NET_CTRL_STATS       8
#define VN_NET_CTRL_STATS_QUERY 0
#define VN_NET_CTRL_STATS_GET   1

/** Hash types (5.1.6.4.3.1): also of supported_hash_types. */
#define VN_NET_HASH_IPV4   0x001
#define VN_NET_HASH_TCPV4  0x002
#define VN_NET_HASH_UDPV4  0x004
#define VN_NET_HASH_IPV6   0x008
#define VN_NET_HASH_TCPV6  0x010
#define VN_NET_HASH_UDPV6  0x020
#define VN_NET_HASH_IP_EX  0x040
#define VN_NET_HASH_TCP_EX 0x080
#define VN_NET_HASH_UDP_EX 0x100
#define VN_NET_HASH_ALL    0x1ff

/** hash_report values (5.1.6.4.3.3). */
#define VN_NET_HASH_REPORT_NONE   0
#define VN_NET_HASH_REPORT_IPV4   1
#define VN_NET_HASH_REPORT_TCPV4  2
#define VN_NET_HASH_REPORT_UDPV4  3
#define VN_NET_HASH_REPORT_IPV6   4
#define VN_NET_HASH_REPORT_TCPV6  5
#define VN_NET_HASH_REPORT_UDPV6  6
#define VN_NET_HASH_REPORT_IP_EX  7
#define VN_NET_HASH_REPORT_TCP_EX 8
#define VN_NET_HASH_REPORT_UDP_EX 9

/** What our devices offer (config space). */
#define VN_NET_RSS_KEY_SIZE   40
#define VN_NET_RSS_TABLE_SIZE 128

#endif /* VN_NET_CTRL_H */
