/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTIO_PCI_H
#define VN_VIRTIO_PCI_H

/**
 * @file
 * Virtio over PCI: identities, capabilities and the common configuration structure (virtio 1.2,
 * 4.1), the legacy register block (4.1.4.10), and the device status bits (2.1). Little-endian.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

/** Device status (virtio 1.2, 2.1). */
#define VN_STATUS_ACK         0x01
#define VN_STATUS_DRIVER      0x02
#define VN_STATUS_DRIVER_OK   0x04
#define VN_STATUS_FEATURES_OK 0x08
#define VN_STATUS_NEEDS_RESET 0x40
#define VN_STATUS_FAILED      0x80

#define VN_PCI_VENDOR_ID        0x1af4
#define VN_PCI_DEVICE_ID_NET    0x1041 /**< modern */
#define VN_PCI_DEVICE_ID_LEGACY 0x1000 /**< transitional */

/** No MSI-X vector. */
#define VN_MSI_NO_VECTOR 0xffff

/** cfg_type of struct vn_pci_cap (4.1.4). */
#define VN_PCI_CAP_COMMON_CFG 1
#define VN_PCI_CAP_NOTIFY_CFG 2
#define VN_PCI_CAP_ISR_CFG    3
#define VN_PCI_CAP_DEVICE_CFG 4
#define VN_PCI_CAP_PCI_CFG    5

/** Vendor capability (4.1.4); cap_vndr is 0x09. */
struct vn_pci_cap {
	uint8_t cap_vndr, cap_next, cap_len, cfg_type;
	uint8_t bar, id, padding[2];
	rte_le32_t offset, length;
};
static_assert(sizeof(struct vn_pci_cap) == 16, "virtio 1.2, 4.1.4");

/** VN_PCI_CAP_NOTIFY_CFG (4.1.4.4). */
struct vn_pci_notify_cap {
	struct vn_pci_cap cap;
	rte_le32_t notify_off_multiplier;
};

/** VN_PCI_CAP_PCI_CFG (4.1.4.9). */
struct vn_pci_cfg_cap {
	struct vn_pci_cap cap;
	uint8_t pci_cfg_data[4];
};

/** Common configuration (4.1.4.3). */
struct vn_pci_common_cfg {
	rte_le32_t device_feature_select, device_feature;
	rte_le32_t driver_feature_select, driver_feature;
	rte_le16_t config_msix_vector, num_queues;
	uint8_t device_status, config_generation;
	/* About the queue selected. */
	rte_le16_t queue_select, queue_size, queue_msix_vector, queue_enable, queue_notify_off;
	rte_le64_t queue_desc, queue_driver, queue_device;
	rte_le16_t queue_notify_data, queue_reset;
	rte_le16_t admin_queue_index, admin_queue_num;
} __attribute__((packed));
static_assert(sizeof(struct vn_pci_common_cfg) == 64, "virtio 1.3, 4.1.4.3");

/** ISR status bits (4.1.4.5). */
#define VN_ISR_QUEUE  1
#define VN_ISR_CONFIG 2

/** Legacy registers, offsets in the I/O BAR (4.1.4.10). */
#define VN_LEGACY_HOST_FEATURES  0
#define VN_LEGACY_GUEST_FEATURES 4
#define VN_LEGACY_QUEUE_PFN      8
#define VN_LEGACY_QUEUE_SIZE     12
#define VN_LEGACY_QUEUE_SELECT   14
#define VN_LEGACY_QUEUE_NOTIFY   16
#define VN_LEGACY_STATUS         18
#define VN_LEGACY_ISR            19
/** With MSI-X enabled two vector registers stand before the device configuration. */
#define VN_LEGACY_CONFIG_VECTOR 20
#define VN_LEGACY_QUEUE_VECTOR  22
#define VN_LEGACY_CONFIG_NOMSIX 20
#define VN_LEGACY_CONFIG_MSIX   24
/** Alignment of the parts of a legacy ring (2.7.2), which is also the unit of VN_LEGACY_QUEUE_PFN.
 */
#define VN_LEGACY_ALIGN 4096

#endif /* VN_VIRTIO_PCI_H */
