/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_COMPAT_H
#define VN_COMPAT_H

/**
 * @file
 * The one place for differences between the DPDK releases that we build with (22.11 to 25.11).
 */

#include <rte_version.h>

#endif /* VN_COMPAT_H */
