/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CASES_H
#define CASES_H

/**
 * @file
 * What is measured: ten paths, five sizes, four directions. The paths are those that DPDK's users
 * know from its virtio driver (drivers/net/virtio): which features are negotiated, and how that
 * driver then lays its buffers out.
 *
 *   path        RX                               TX
 *   any         one descriptor per buffer of     header in front of the data in the same
 *               2 KiB (mergeable), or as large   descriptor; frames of several buffers: a
 *               as the frame (not mergeable)     descriptor for the header and one for each,
 *                                                in an indirect table unless IN_ORDER
 *   in-order    the same; with IN_ORDER
 *   vector      the same, not mergeable; split: without IN_ORDER, packed: with it
 *
 * So for frames of one buffer the split paths differ in little that a device sees; that is how it
 * is. TSO is as Linux has it, as DPDK's driver has no such frames in practice: head behind the
 * virtio header, then pieces of 4 KiB; receive buffers that are not mergeable are "big packets",
 * chains of pages in an indirect table.
 *
 * INDIRECT_DESC and VERSION_1 are always negotiated, as that driver does; offloads only for TSO.
 */

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"

struct bench_path {
	const char *name;
	bool packed, mergeable, in_order, vector;
};

enum bench_dir {
	DIR_G2D,  /**< guest to device: transmitq */
	DIR_D2G,  /**< device to guest: receiveq */
	DIR_BOTH, /**< each in one round of the device; cycles of a frame there and a frame back */
	DIR_D2D,  /**< from a guest's transmitq to another guest's receiveq */
	NUM_DIRS,
};

struct bench_size {
	const char *name;
	struct frame_kind kind;
};

struct bench_case {
	const struct bench_path *path;
	const struct bench_size *size;
	enum bench_dir dir;
	uint32_t burst; /**< frames per call of the device, at most MAX_BURST */
};

/** What rte_vhost takes in one call, and lib/poller does. */
#define MAX_BURST 32

#define NUM_PATHS 10
#define NUM_SIZES 5

extern const struct bench_path bench_paths[NUM_PATHS];
extern const struct bench_size bench_sizes[NUM_SIZES];
extern const char *const bench_dirs[NUM_DIRS];

/** Feature bits that the driver negotiates. */
uint64_t case_features(const struct bench_case *c);

#endif /* CASES_H */
