/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_IDENTITY_H
#define VN_IDENTITY_H

/**
 * @file
 * Who a device is: board serial, VUID, PCI address, MAC, SF number, representor name (contract 1.3
 * and 1.4). All of it is computed from the machine and the device's place; nothing is stored, so
 * the same device has the same identity at every start. Any thread.
 *
 * Places are numbered from 0: static PFs 0..30 (the PF id), hotplug PFs by slot 1..31, VFs by one
 * number 0..1007 over all PFs, see vn_identity_vf_index().
 */

#include <stddef.h>
#include <stdint.h>

#include "vn_device.h"

#define VN_MACHINE_ID   "/etc/machine-id"
#define VN_PRODUCT_UUID "/sys/class/dmi/id/product_uuid"

/** A board serial: 3 to 20 of A-Z, 0-9. */
#define VN_BOARD_SERIAL_MIN 3
#define VN_BOARD_SERIAL_MAX 20
#define VN_BOARD_SERIAL_LEN (VN_BOARD_SERIAL_MAX + 1)

#define VN_IDENTITY_STATIC_PFS  31
#define VN_IDENTITY_HOTPLUG_PFS 31
#define VN_IDENTITY_VFS         1008

/** First SF number of each kind (contract 1.3). */
#define VN_SF_STATIC_PF  1000
#define VN_SF_HOTPLUG_PF 2000
#define VN_SF_VF         3000

/**
 * Buses of devices that no host has enumerated. They are ours alone: no such bus need exist.
 * Static PFs all have bus 0xe2, their function number (2..32) is the low byte; a hotplug PF has a
 * bus of its own, 0xc0 + slot, as behind a switch port; VFs fill buses 0xe4 to 0xe7 by their index.
 */
#define VN_BUS_STATIC_PF  0xe2
#define VN_BUS_HOTPLUG_PF 0xc0
#define VN_BUS_VF         0xe4

/** "bb:dd.f" and its NUL. */
#define VN_BDF_LEN 8

/** All of an identity. */
struct vn_identity {
	char vuid[VN_VUID_LEN];
	uint16_t bdf;            /**< bus << 8 | dev << 3 | fn */
	uint16_t pci_function;   /**< "pf_num": function number of the (parent) PF */
	uint8_t mac[VN_MAC_LEN]; /**< the default, without a mac_base */
	uint32_t sf_num;
	char rep_name[VN_PORT_NAME_LEN];
};

/**
 * The board serial of this machine: "VN" and 10 characters of base 32, from a SHA-256 of the
 * machine id (machine-id(5) asks not to show the id itself). A clone with a machine id of its own
 * has another serial. Without a usable machine id, the product UUID of the firmware is taken.
 *
 * @param machine_id, product_uuid
 *   Files to read; NULL: VN_MACHINE_ID and VN_PRODUCT_UUID.
 * @param err
 *   Gets one line that says what to do, on failure.
 * @return
 *   0, or -ENOENT when neither tells which machine this is.
 */
int vn_identity_board_serial(const char *machine_id, const char *product_uuid,
	char serial[VN_BOARD_SERIAL_LEN], char *err, size_t errlen);

/** Check a serial that an operator gave. @return 0, or -EINVAL with one line in @p err. */
int vn_identity_check_serial(const char *serial, char *err, size_t errlen);

/**
 * The identity of a static PF.
 *
 * @param port
 *   0 or 1: the port of its SF. 0 with LAG.
 * @return
 *   0; -EINVAL (bad serial, no such port); -ERANGE (no such place).
 */
int vn_identity_static_pf(
	struct vn_identity *id, const char *serial, unsigned int pf_id, unsigned int port);

/** The identity of the hotplug PF in @p slot (1..31). As vn_identity_static_pf(). */
int vn_identity_hotplug_pf(
	struct vn_identity *id, const char *serial, unsigned int slot, unsigned int port);

/**
 * The identity of a VF.
 *
 * @param pf
 *   That of the parent.
 * @param vf_id
 *   Its number at the parent, from 0.
 * @param index
 *   Its number among all VFs, 0..1007.
 * As vn_identity_static_pf().
 */
int vn_identity_vf(struct vn_identity *id, const struct vn_identity *pf, const char *serial,
	unsigned int vf_id, unsigned int index, unsigned int port);

/**
 * Number of a VF among those of all PFs, which each reserve @p vfs_per_pf of them
 * (VIRTIO_NET_EMULATION_NUM_VF). Stable, whatever other PFs have enabled.
 * @return the number; -ERANGE if there is no such VF or it is beyond VN_IDENTITY_VFS.
 */
int vn_identity_vf_index(unsigned int pf_id, unsigned int vf_id, unsigned int vfs_per_pf);

/** "bb:dd.f" in lower-case hex. @return @p buf. */
const char *vn_identity_bdf_text(uint16_t bdf, char buf[VN_BDF_LEN]);

/** @p base + @p n as one 48-bit number, with carry; wraps at its end. */
void vn_identity_mac_add(const uint8_t base[VN_MAC_LEN], uint64_t n, uint8_t mac[VN_MAC_LEN]);

/** "en3f<port>pf<port>sf<sf_num>". @return 0; -EINVAL (port); -ENAMETOOLONG. */
int vn_identity_rep_name(unsigned int port, uint32_t sf_num, char name[VN_PORT_NAME_LEN]);

#endif /* VN_IDENTITY_H */
