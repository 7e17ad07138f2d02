/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_INTERNAL_H
#define VN_INTERNAL_H

/**
 * @file
 * Port driver "internal": a port without a kernel netdev, so there is no representor, and it costs
 * next to nothing. What the device sends is counted and dropped; nothing ever comes. For many
 * devices, and for measuring without the kernel's network.
 */

#include "vn_port.h"

/** The driver. */
extern const struct vn_port_ops vn_internal_ops;

#endif /* VN_INTERNAL_H */
