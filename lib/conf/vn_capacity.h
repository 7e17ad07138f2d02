/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_CAPACITY_H
#define VN_CAPACITY_H

/**
 * @file
 * Capacity settings (contract, section 2): the firmware-style entries. The file holds what is in
 * force ("current") and what will be after an explicit reset ("next"); a service restart does not
 * change what is in force.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vn_conf.h"

/* clang-format off */
/** X(enum, "SETTING", type, minimum, maximum, default), in the file's order; type: BOOL or NUM. */
#define VN_CAPACITY_SETTINGS(X)                                                                    \
	X(EMULATION_ENABLE, "VIRTIO_NET_EMULATION_ENABLE", BOOL, 0, 1, 1)                          \
	X(NUM_PF, "VIRTIO_NET_EMULATION_NUM_PF", NUM, 0, 31, 1)                                    \
	X(NUM_VF, "VIRTIO_NET_EMULATION_NUM_VF", NUM, 0, 1008, 0)                                  \
	X(NUM_MSIX, "VIRTIO_NET_EMULATION_NUM_MSIX", NUM, 4, 256, 64)                              \
	X(NUM_VF_MSIX, "VIRTIO_NET_EMULATION_NUM_VF_MSIX", NUM, 0, 256, 0)                         \
	X(SWITCH_ENABLE, "PCI_SWITCH_EMULATION_ENABLE", BOOL, 0, 1, 1)                             \
	X(SWITCH_NUM_PORT, "PCI_SWITCH_EMULATION_NUM_PORT", NUM, 0, 31, 31)                        \
	X(PER_PF_NUM_SF, "PER_PF_NUM_SF", BOOL, 0, 1, 0)                                           \
	X(PF_TOTAL_SF, "PF_TOTAL_SF", NUM, 0, 4096, 0)                                             \
	X(PF_SF_BAR_SIZE, "PF_SF_BAR_SIZE", NUM, 0, 16, 0)                                         \
	X(PF_BAR2_ENABLE, "PF_BAR2_ENABLE", BOOL, 0, 1, 1)                                         \
	X(SRIOV_EN, "SRIOV_EN", BOOL, 0, 1, 1)                                                     \
	X(ROM_PXE, "EXP_ROM_VIRTIO_NET_PXE_ENABLE", BOOL, 0, 1, 1)                                 \
	X(ROM_UEFI_ARM, "EXP_ROM_VIRTIO_NET_UEFI_ARM_ENABLE", BOOL, 0, 1, 1)                       \
	X(ROM_UEFI_X86, "EXP_ROM_VIRTIO_NET_UEFI_x86_ENABLE", BOOL, 0, 1, 1)                       \
	X(NUM_VF_MSIX_OLD, "NUM_VF_MSIX", NUM, 0, 256, 0)                                          \
	X(NUM_OF_VFS, "NUM_OF_VFS", NUM, 0, 127, 16)                                               \
	X(PF_PCI_LAYOUT, "VIRTIO_NET_EMULATION_PF_PCI_LAYOUT", BOOL, 0, 1, 0)                      \
	X(HOTPLUG_TRANS, "VIRTIO_EMULATION_HOTPLUG_TRANS", BOOL, 0, 1, 0)                          \
	X(VF_PCI_LAYOUT, "VIRTIO_NET_EMULATION_VF_PCI_LAYOUT", BOOL, 0, 1, 0)                      \
	X(SUBSYS_VENDOR_ID, "VIRTIO_NET_EMU_SUBSYSTEM_VENDOR_ID", NUM, 0, 65535, 6900)             \
	X(SUBSYS_ID, "VIRTIO_NET_EMULATION_SUBSYSTEM_ID", NUM, 0, 65535, 4161)

#define VN_CAPACITY_ENUM(id, name, type, min, max, def) VN_CAP_##id,
enum vn_capacity_id {
	VN_CAPACITY_SETTINGS(VN_CAPACITY_ENUM)
	VN_CAP_COUNT
};
#undef VN_CAPACITY_ENUM
/* clang-format on */

/** All VFs of all PFs (contract 1.2). */
#define VN_CAPACITY_VFS 1008

struct vn_capacity {
	uint32_t current[VN_CAP_COUNT];
	uint32_t next[VN_CAP_COUNT];
};

/** What is known of a setting. */
struct vn_capacity_info {
	const char *name;
	bool is_bool;      /**< a switch; the file may say true and false, too */
	uint32_t min, max; /**< inclusive */
	uint32_t def;      /**< without a file */
};

/** The defaults, in both sets: what holds without a file. */
void vn_capacity_defaults(struct vn_capacity *cap);

/** A setting; NULL for VN_CAP_COUNT and above. Any thread. */
const struct vn_capacity_info *vn_capacity_info(enum vn_capacity_id id);

/** The name of a setting; NULL for VN_CAP_COUNT and above. */
const char *vn_capacity_name(enum vn_capacity_id id);

/**
 * Read the file: {"current": {"SETTING": value, ...}, "next": {...}}; booleans may be written
 * true/false/0/1, settings left out have their default ("next": their current value). A file that
 * does not exist means the defaults. Checked like virtnet.conf, cross-checks included (VFs need
 * SRIOV_EN; switch ports need the switch; SF settings need PER_PF_NUM_SF; VF MSI-X is 0 or at least
 * 4, and only one of its two settings is used).
 * @return 0; -EINVAL; -EISDIR; -EFBIG; -errno of open or read. On failure errors are filled and
 *   *cap is unchanged. Any thread.
 */
int vn_capacity_load(const char *file, struct vn_capacity *cap, struct vn_conf_errors *errors);

/**
 * VFs that static PF @p pf_id may own now: VIRTIO_NET_EMULATION_NUM_VF, 0 without SRIOV_EN. All PFs
 * together have VN_CAPACITY_VFS at most, reserved in their order: later ones get what is left.
 * Any thread.
 */
uint32_t vn_capacity_pf_vfs(const struct vn_capacity *cap, uint32_t pf_id);
/** The same of all static PFs. */
uint32_t vn_capacity_vfs(const struct vn_capacity *cap);

#endif /* VN_CAPACITY_H */
