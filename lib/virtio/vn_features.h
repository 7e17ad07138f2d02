/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_FEATURES_H
#define VN_FEATURES_H

/**
 * @file
 * Feature bits of virtio-net devices and of the virtio transport, and their names.
 *
 * VN_NET_F_x are bits of the device type (virtio 1.2, 5.1.3; 1.3 for 50 and 51), VN_F_x are
 * reserved ones (virtio 1.2, 6). All are 64-bit masks. The names are those the CLI prints
 * (contract 8.11); there bit 15 is spelled differently from the specification.
 */

#include <stdint.h>

#include <rte_bitops.h>

/** X(macro, bit, "NAME"): the one table of bits and names, by bit. */
#define VN_FEATURES(X)                                                         \
	X(VN_NET_F_CSUM, 0, "VIRTIO_NET_F_CSUM")                               \
	X(VN_NET_F_GUEST_CSUM, 1, "VIRTIO_NET_F_GUEST_CSUM")                   \
	X(VN_NET_F_CTRL_GUEST_OFFLOADS, 2, "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS") \
	X(VN_NET_F_MTU, 3, "VIRTIO_NET_F_MTU")                                 \
	X(VN_NET_F_MAC, 5, "VIRTIO_NET_F_MAC")                                 \
	X(VN_NET_F_GSO, 6, "VIRTIO_NET_F_GSO")                                 \
	X(VN_NET_F_GUEST_TSO4, 7, "VIRTIO_NET_F_GUEST_TSO4")                   \
	X(VN_NET_F_GUEST_TSO6, 8, "VIRTIO_NET_F_GUEST_TSO6")                   \
	X(VN_NET_F_GUEST_ECN, 9, "VIRTIO_NET_F_GUEST_ECN")                     \
	X(VN_NET_F_GUEST_UFO, 10, "VIRTIO_NET_F_GUEST_UFO")                    \
	X(VN_NET_F_HOST_TSO4, 11, "VIRTIO_NET_F_HOST_TSO4")                    \
	X(VN_NET_F_HOST_TSO6, 12, "VIRTIO_NET_F_HOST_TSO6")                    \
	X(VN_NET_F_HOST_ECN, 13, "VIRTIO_NET_F_HOST_ECN")                      \
	X(VN_NET_F_HOST_UFO, 14, "VIRTIO_NET_F_HOST_UFO")                      \
	X(VN_NET_F_MRG_RXBUF, 15, "VIRTIO_F_MRG_RX_BUFFER")                    \
	X(VN_NET_F_STATUS, 16, "VIRTIO_NET_F_STATUS")                          \
	X(VN_NET_F_CTRL_VQ, 17, "VIRTIO_NET_F_CTRL_VQ")                        \
	X(VN_NET_F_CTRL_RX, 18, "VIRTIO_NET_F_CTRL_RX")                        \
	X(VN_NET_F_CTRL_VLAN, 19, "VIRTIO_NET_F_CTRL_VLAN")                    \
	X(VN_NET_F_CTRL_RX_EXTRA, 20, "VIRTIO_NET_F_CTRL_RX_EXTRA")            \
	X(VN_NET_F_GUEST_ANNOUNCE, 21, "VIRTIO_NET_F_GUEST_ANNOUNCE")          \
	X(VN_NET_F_MQ, 22, "VIRTIO_NET_F_MQ")                                  \
	X(VN_NET_F_CTRL_MAC_ADDR, 23, "VIRTIO_NET_F_CTRL_MAC_ADDR")            \
	X(VN_F_NOTIFY_ON_EMPTY, 24, "VIRTIO_F_NOTIFY_ON_EMPTY")                \
	X(VN_F_ANY_LAYOUT, 27, "VIRTIO_F_ANY_LAYOUT")                          \
	X(VN_F_INDIRECT_DESC, 28, "VIRTIO_F_INDIRECT_DESC")                    \
	X(VN_F_EVENT_IDX, 29, "VIRTIO_F_EVENT_IDX")                            \
	X(VN_F_VERSION_1, 32, "VIRTIO_F_VERSION_1")                            \
	X(VN_F_IOMMU_PLATFORM, 33, "VIRTIO_F_IOMMU_PLATFORM")                  \
	X(VN_F_RING_PACKED, 34, "VIRTIO_F_RING_PACKED")                        \
	X(VN_F_IN_ORDER, 35, "VIRTIO_F_IN_ORDER")                              \
	X(VN_F_ORDER_PLATFORM, 36, "VIRTIO_F_ORDER_PLATFORM")                  \
	X(VN_F_SR_IOV, 37, "VIRTIO_F_SR_IOV")                                  \
	X(VN_F_NOTIFICATION_DATA, 38, "VIRTIO_F_NOTIFICATION_DATA")            \
	X(VN_F_NOTIF_CONFIG_DATA, 39, "VIRTIO_F_NOTIF_CONFIG_DATA")            \
	X(VN_F_RING_RESET, 40, "VIRTIO_F_RING_RESET")                          \
	X(VN_F_ADMIN_VQ, 41, "VIRTIO_F_ADMIN_VQ")                              \
	X(VN_NET_F_DEVICE_STATS, 50, "VIRTIO_NET_F_DEVICE_STATS")              \
	X(VN_NET_F_HASH_TUNNEL, 51, "VIRTIO_NET_F_HASH_TUNNEL")                \
	X(VN_NET_F_VQ_NOTF_COAL, 52, "VIRTIO_NET_F_VQ_NOTF_COAL")              \
	X(VN_NET_F_NOTF_COAL, 53, "VIRTIO_NET_F_NOTF_COAL")                    \
	X(VN_NET_F_GUEST_USO4, 54, "VIRTIO_NET_F_GUEST_USO4")                  \
	X(VN_NET_F_GUEST_USO6, 55, "VIRTIO_NET_F_GUEST_USO6")                  \
	X(VN_NET_F_HOST_USO, 56, "VIRTIO_NET_F_HOST_USO")                      \
	X(VN_NET_F_HASH_REPORT, 57, "VIRTIO_NET_F_HASH_REPORT")                \
	X(VN_NET_F_GUEST_HDRLEN, 59, "VIRTIO_NET_F_GUEST_HDRLEN")              \
	X(VN_NET_F_RSS, 60, "VIRTIO_NET_F_RSS")                                \
	X(VN_NET_F_RSC_EXT, 61, "VIRTIO_NET_F_RSC_EXT")                        \
	X(VN_NET_F_STANDBY, 62, "VIRTIO_NET_F_STANDBY")                        \
	X(VN_NET_F_SPEED_DUPLEX, 63, "VIRTIO_NET_F_SPEED_DUPLEX")

/* Bit numbers (VN_NET_F_CSUM_BIT), then masks; an enumerator cannot hold 64 bits. */
#define VN_FEATURE_BIT_ENUM(macro, bit, name) macro##_BIT = (bit),
enum vn_feature_bit { VN_FEATURES(VN_FEATURE_BIT_ENUM) };
#undef VN_FEATURE_BIT_ENUM

#define VN_NET_F_CSUM                RTE_BIT64(VN_NET_F_CSUM_BIT)
#define VN_NET_F_GUEST_CSUM          RTE_BIT64(VN_NET_F_GUEST_CSUM_BIT)
#define VN_NET_F_CTRL_GUEST_OFFLOADS RTE_BIT64(VN_NET_F_CTRL_GUEST_OFFLOADS_BIT)
#define VN_NET_F_MTU                 RTE_BIT64(VN_NET_F_MTU_BIT)
#define VN_NET_F_MAC                 RTE_BIT64(VN_NET_F_MAC_BIT)
#define VN_NET_F_GSO                 RTE_BIT64(VN_NET_F_GSO_BIT)
#define VN_NET_F_GUEST_TSO4          RTE_BIT64(VN_NET_F_GUEST_TSO4_BIT)
#define VN_NET_F_GUEST_TSO6          RTE_BIT64(VN_NET_F_GUEST_TSO6_BIT)
#define VN_NET_F_GUEST_ECN           RTE_BIT64(VN_NET_F_GUEST_ECN_BIT)
#define VN_NET_F_GUEST_UFO           RTE_BIT64(VN_NET_F_GUEST_UFO_BIT)
#define VN_NET_F_HOST_TSO4           RTE_BIT64(VN_NET_F_HOST_TSO4_BIT)
#define VN_NET_F_HOST_TSO6           RTE_BIT64(VN_NET_F_HOST_TSO6_BIT)
#define VN_NET_F_HOST_ECN            RTE_BIT64(VN_NET_F_HOST_ECN_BIT)
#define VN_NET_F_HOST_UFO            RTE_BIT64(VN_NET_F_HOST_UFO_BIT)
#define VN_NET_F_MRG_RXBUF           RTE_BIT64(VN_NET_F_MRG_RXBUF_BIT)
#define VN_NET_F_STATUS              RTE_BIT64(VN_NET_F_STATUS_BIT)
#define VN_NET_F_CTRL_VQ             RTE_BIT64(VN_NET_F_CTRL_VQ_BIT)
#define VN_NET_F_CTRL_RX             RTE_BIT64(VN_NET_F_CTRL_RX_BIT)
#define VN_NET_F_CTRL_VLAN           RTE_BIT64(VN_NET_F_CTRL_VLAN_BIT)
#define VN_NET_F_CTRL_RX_EXTRA       RTE_BIT64(VN_NET_F_CTRL_RX_EXTRA_BIT)
#define VN_NET_F_GUEST_ANNOUNCE      RTE_BIT64(VN_NET_F_GUEST_ANNOUNCE_BIT)
#define VN_NET_F_MQ                  RTE_BIT64(VN_NET_F_MQ_BIT)
#define VN_NET_F_CTRL_MAC_ADDR       RTE_BIT64(VN_NET_F_CTRL_MAC_ADDR_BIT)
#define VN_F_NOTIFY_ON_EMPTY         RTE_BIT64(VN_F_NOTIFY_ON_EMPTY_BIT)
#define VN_F_ANY_LAYOUT              RTE_BIT64(VN_F_ANY_LAYOUT_BIT)
#define VN_F_INDIRECT_DESC           RTE_BIT64(VN_F_INDIRECT_DESC_BIT)
#define VN_F_EVENT_IDX               RTE_BIT64(VN_F_EVENT_IDX_BIT)
#define VN_F_VERSION_1               RTE_BIT64(VN_F_VERSION_1_BIT)
#define VN_F_IOMMU_PLATFORM          RTE_BIT64(VN_F_IOMMU_PLATFORM_BIT)
#define VN_F_RING_PACKED             RTE_BIT64(VN_F_RING_PACKED_BIT)
#define VN_F_IN_ORDER                RTE_BIT64(VN_F_IN_ORDER_BIT)
#define VN_F_ORDER_PLATFORM          RTE_BIT64(VN_F_ORDER_PLATFORM_BIT)
#define VN_F_SR_IOV                  RTE_BIT64(VN_F_SR_IOV_BIT)
#define VN_F_NOTIFICATION_DATA       RTE_BIT64(VN_F_NOTIFICATION_DATA_BIT)
#define VN_F_NOTIF_CONFIG_DATA       RTE_BIT64(VN_F_NOTIF_CONFIG_DATA_BIT)
#define VN_F_RING_RESET              RTE_BIT64(VN_F_RING_RESET_BIT)
#define VN_F_ADMIN_VQ                RTE_BIT64(VN_F_ADMIN_VQ_BIT)
#define VN_NET_F_DEVICE_STATS        RTE_BIT64(VN_NET_F_DEVICE_STATS_BIT)
#define VN_NET_F_HASH_TUNNEL         RTE_BIT64(VN_NET_F_HASH_TUNNEL_BIT)
#define VN_NET_F_VQ_NOTF_COAL        RTE_BIT64(VN_NET_F_VQ_NOTF_COAL_BIT)
#define VN_NET_F_NOTF_COAL           RTE_BIT64(VN_NET_F_NOTF_COAL_BIT)
#define VN_NET_F_GUEST_USO4          RTE_BIT64(VN_NET_F_GUEST_USO4_BIT)
#define VN_NET_F_GUEST_USO6          RTE_BIT64(VN_NET_F_GUEST_USO6_BIT)
#define VN_NET_F_HOST_USO            RTE_BIT64(VN_NET_F_HOST_USO_BIT)
#define VN_NET_F_HASH_REPORT         RTE_BIT64(VN_NET_F_HASH_REPORT_BIT)
#define VN_NET_F_GUEST_HDRLEN        RTE_BIT64(VN_NET_F_GUEST_HDRLEN_BIT)
#define VN_NET_F_RSS                 RTE_BIT64(VN_NET_F_RSS_BIT)
#define VN_NET_F_RSC_EXT             RTE_BIT64(VN_NET_F_RSC_EXT_BIT)
#define VN_NET_F_STANDBY             RTE_BIT64(VN_NET_F_STANDBY_BIT)
#define VN_NET_F_SPEED_DUPLEX        RTE_BIT64(VN_NET_F_SPEED_DUPLEX_BIT)

/** Checksum and segmentation offloads, by who does the work. */
#define VN_NET_F_HOST_OFFLOADS                                                         \
	(VN_NET_F_CSUM | VN_NET_F_HOST_TSO4 | VN_NET_F_HOST_TSO6 | VN_NET_F_HOST_ECN | \
		VN_NET_F_HOST_UFO | VN_NET_F_HOST_USO)
#define VN_NET_F_GUEST_OFFLOADS                                                                 \
	(VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN | \
		VN_NET_F_GUEST_UFO | VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6)

/**
 * The name of feature bit number @p bit as the CLI prints it, or NULL if the bit has none. The
 * string is constant. Any thread.
 */
const char *vn_feature_name(unsigned int bit);

#endif /* VN_FEATURES_H */
