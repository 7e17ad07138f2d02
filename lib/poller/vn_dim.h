/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_DIM_H
#define VN_DIM_H

/**
 * @file
 * Dynamic interrupt moderation: how long interrupts of a ring may wait, by what they are worth.
 *
 * The waits are the rungs of a ladder, the lowest is "not at all". Every few milliseconds of
 * traffic the next rung is tried, and kept if it brought fewer interrupts per byte and no fewer
 * bytes. After a step that was not worth it, it rests; each such step in a row doubles the rest. It
 * rests long where there is no way up; then the rung below is tried, and kept if more bytes pass
 * there. Whatever the rung, a wait is for those who profit: with few frames, or where an interrupt
 * does not stand for several of them, all waiting ends; and the frame behind a pause is told of at
 * once.
 *
 * Pure functions: what was counted in, a wait out. Time is in ticks of any length.
 */

#include <stdbool.h>
#include <stdint.h>

/** One rung: as vn_virtq_set_coal(). */
struct vn_dim_profile {
	uint32_t usecs, packets;
};

#define VN_DIM_LEVELS 5

/** Below so many frames a second nothing waits ... */
#define VN_DIM_LOW_PPS 2000
/** ... and below so many interrupts a second no longer wait is tried: they are too far apart. */
#define VN_DIM_LOW_INTERRUPTS 1000
/** Counted traffic is judged after this. */
#define VN_DIM_INTERVAL_US 4000
/** The frame behind a pause of this length is told of at once. */
#define VN_DIM_PAUSE_US 1000
/** Behind one of this length it all begins anew. */
#define VN_DIM_GAP_US 20000
/** Intervals of rest after a step that was not worth it, at first and at most. */
#define VN_DIM_REST_MIN 2
#define VN_DIM_REST_MAX 256

/** What a ring has done so far. The counters may wrap. */
struct vn_dim_sample {
	uint64_t now; /**< ticks */
	uint64_t packets, bytes, interrupts;
};

/** State of one ring. Its owner's, but level and the counters, which anybody may read. */
struct vn_dim {
	uint64_t hz;                   /**< ticks per second */
	uint64_t interval, pause, gap; /**< ticks */
	struct vn_dim_sample start;    /**< of the interval */
	uint64_t seen;                 /**< ticks: the last look that found frames */
	uint64_t packets;              /**< at that */
	uint64_t ref_bytes, ref_interrupts, ref_ticks; /**< of the interval before the step */
	unsigned int level;
	unsigned int from;            /**< the rung before the step; equal to level: no step */
	unsigned int rest, next_rest; /**< intervals */
	bool rested;                  /**< a long rest is under way, or is over */
	uint64_t kept, taken_back;    /**< steps */
};

/** What vn_dim_look() says of the interrupt at hand; 0: it may wait, as long as before. */
#define VN_DIM_SET 0x1 /**< the rung is another one now */
#define VN_DIM_NOW 0x2 /**< this one must not wait */

/** Begin at the lowest rung, with @p hz ticks per second. */
void vn_dim_init(struct vn_dim *d, uint64_t hz, const struct vn_dim_sample *s);
/** There may be frames that the driver was not told of: before it is. @return VN_DIM_*. */
unsigned int vn_dim_look(struct vn_dim *d, const struct vn_dim_sample *s);
/** The wait of rung @p level, below VN_DIM_LEVELS. */
const struct vn_dim_profile *vn_dim_profile(unsigned int level);

#endif /* VN_DIM_H */
