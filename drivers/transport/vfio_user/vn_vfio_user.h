/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VFIO_USER_H
#define VN_VFIO_USER_H

/**
 * @file
 * The vfio-user transport: a server of the vfio-user protocol that shows a device as a whole PCI
 * function (lib/pci). One client at a time.
 */

#include "vn_transport.h"

/** Control thread. */
extern const struct vn_transport_ops vn_vfio_user_ops;

#endif /* VN_VFIO_USER_H */
