/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef FUZZ_DEVICE_H
#define FUZZ_DEVICE_H

/**
 * @file
 * Devices for fuzz targets: the real ones of lib/device, over an event loop, a poller and a port
 * that do nothing by themselves. One guest's memory serves them all.
 */

#include "vn_model.h"

/** Bytes of guest memory, from address FUZZ_GPA. */
#define FUZZ_GPA       0x1000
#define FUZZ_MEM_BYTES 0x10000

/** Make device @p n. It lives as long as the process. */
struct vn_device *fuzz_env_device(unsigned int n, enum vn_function_type type);
/** The guest's memory. */
uint8_t *fuzz_env_mem(void);
/** From now on what takes time has to be called for. */
void fuzz_env_hold(void);
/** Let the oldest @p n things happen that are to come. */
void fuzz_env_progress(unsigned int n);
/** Let everything happen that is to come, and no longer hold anything back. */
void fuzz_env_settle(void);
/** The same, unless things are held back. */
void fuzz_env_idle(void);

#endif /* FUZZ_DEVICE_H */
