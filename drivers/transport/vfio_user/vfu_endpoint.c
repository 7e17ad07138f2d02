/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include "vn_vfio_user.h"

const struct vn_transport_ops vn_vfio_user_ops = {.name = "vfio-user", .full = true};
