/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef XCORE_H
#define XCORE_H

/**
 * @file
 * Cross-core mode: the driver has a thread of its own on another CPU and is a few bursts ahead of
 * the device, so both are in the rings at the same time. The device still takes whole bursts, and
 * does not begin with one that is not there: waiting is not timed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dev.h"

struct xcore;

/** Start the driver's thread on @p cpu. @return 0 or negative errno. */
int xcore_start(unsigned int cpu, struct xcore **x);
void xcore_stop(struct xcore *x);

/** @p d and its guests are fresh: the driver begins with @p bursts. */
void xcore_begin(struct xcore *x, struct dev *d, enum bench_dir dir, uint32_t bursts, bool verify);
/** Wait until burst @p i can be served. @return what was wrong, or NULL. */
const char *xcore_wait(struct xcore *x, uint32_t i);
/** Burst @p i has been served. */
void xcore_served(struct xcore *x, uint32_t i);
/** The driver is done, or gives up as there was an error. @return what was wrong, or NULL. */
const char *xcore_end(struct xcore *x);

#endif /* XCORE_H */
