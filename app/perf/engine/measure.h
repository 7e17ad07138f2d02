/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef MEASURE_H
#define MEASURE_H

/**
 * @file
 * One row: a case on all device sides, in turn.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dev.h"
#include "xcore.h"

/** Ours, what it is compared with, the limit. */
enum side { SIDE_OURS, SIDE_VHOST, SIDE_COPY, NUM_SIDES };

struct measure_conf {
	uint32_t rounds;     /**< most rounds of a row; each has a slice of each side */
	double seconds;      /**< most seconds of a row, 0: no limit */
	double slice_ms;     /**< about how long a slice takes */
	bool smoke;          /**< the figures are of no interest */
	bool through_mbufs;  /**< device to device: ours by mbufs, too, not by views */
	bool app_mbufs;      /**< dev.app_mbufs */
	bool counters;       /**< instead of rte_vhost: ours, with dev.count_sizes */
	struct xcore *xcore; /**< cross-core mode, or NULL */
};

/** 10th, 50th and 90th percentile. */
struct spread {
	double p10, p50, p90;
};

struct row {
	struct bench_case c;
	bool absent;                     /**< the engine has no such rings (yet) */
	char error[128];                 /**< what was wrong; "" */
	uint32_t rounds, bursts;         /**< rounds, and bursts of each slice */
	struct spread ratio;             /**< rte_vhost's cycles to ours, of each round */
	struct spread cycles[NUM_SIDES]; /**< of the TSC, per frame (DIR_BOTH: one each way) */
};

/** Make the mempools and the guests' memory. @return 0 or negative errno. */
int measure_init(void);
void measure_fini(void);
/** Verify, then measure. @return false: row->error says what was wrong. */
bool measure_row(const struct measure_conf *conf, struct row *row);

#endif /* MEASURE_H */
