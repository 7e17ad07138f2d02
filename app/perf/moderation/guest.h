/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef GUEST_H
#define GUEST_H

/**
 * @file
 * A driver with a receive ring that works as Linux' does (NAPI): it sleeps until an interrupt
 * comes, takes frames until there are none, asks for the next interrupt, looks once more, and
 * sleeps. The interrupt is an eventfd and the driver a thread, which cannot be slower than a guest
 * is.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_virtq.h"

#define GUEST_RING 256
#define GUEST_BUF  2048
/** Waits that are kept, of the last frames. */
#define GUEST_WAITS 4096

struct guest;

struct guest *guest_create(void);
/** Ends the thread. The ring must have no owner any more. */
void guest_destroy(struct guest *g);
/** What its ring is made of. */
struct vn_virtq_conf guest_conf(const struct guest *g, struct vn_virtq_stats *stats);

/** Frames taken, and times it woke. Any thread. */
uint64_t guest_frames(const struct guest *g);
uint64_t guest_wakes(const struct guest *g);
/** From now on waits are noted anew. */
void guest_waits_begin(struct guest *g);
/** Cycles that half of the frames have waited for no longer than, from being made to being taken.
 */
uint64_t guest_wait_median(struct guest *g);

/** What a frame begins with, behind its Ethernet header. */
struct guest_stamp {
	uint64_t cycles; /**< when it was made */
};
#define GUEST_STAMP_AT 14

#endif /* GUEST_H */
