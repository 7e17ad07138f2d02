/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_PLACE_H
#define VN_PLACE_H

/**
 * @file
 * Which device is to be on which poller, by measured load: a dry run, that changes nothing. Pure.
 *
 * Devices with a load worth mentioning are placed anew, the largest first, each on the poller that
 * has least so far, of those it may be on; the one it is on is preferred to another that has hardly
 * less. All others stay.
 */

#include <stdbool.h>
#include <stdint.h>

/** Loads are in thousandths of an lcore. */
#define VN_PLACE_FULL 1000
/** Devices with less stay where they are. */
#define VN_PLACE_FLOOR 5
/** Moves are worth it if some poller is so busy ... */
#define VN_PLACE_BUSY 500
/** ... and the variance of their loads falls by so many percent at least. */
#define VN_PLACE_GAIN 25
/** Most pollers that are looked at. */
#define VN_PLACE_POLLERS 128

struct vn_place_dev {
	uint32_t load;
	uint16_t on;          /**< number of its poller */
	uint16_t first, last; /**< pollers that it may be on */
	uint16_t to;          /**< out: where it should be */
};

struct vn_place_result {
	uint32_t load[VN_PLACE_POLLERS];  /**< of each poller now: the sum of its devices' */
	uint32_t after[VN_PLACE_POLLERS]; /**< ... with all moves */
	uint32_t moves;                   /**< devices that would move */
	uint64_t variance, variance_after;
	bool worth;
};

/** @p n devices on @p pollers pollers. Control thread. @return 0 or -ENOMEM. */
int vn_place(
	struct vn_place_dev *dev, unsigned int n, unsigned int pollers, struct vn_place_result *r);

#endif /* VN_PLACE_H */
