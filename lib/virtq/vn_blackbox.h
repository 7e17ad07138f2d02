/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_BLACKBOX_H
#define VN_BLACKBOX_H

/**
 * @file
 * The black box: a file on tmpfs with the position of every ring, written in place, that outlives
 * a crash of this process. Two cache lines per ring; one writer each.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

struct vn_blackbox;

#define VN_BB_KEY_LEN 40

/** One ring. */
struct vn_bb_ring {
	/* Line 1: written by the control thread. */
	char key[VN_BB_KEY_LEN]; /**< the device's VUID, NUL-terminated; "" = free */
	uint16_t queue;          /**< ring index in the device */
	uint16_t size;
	uint16_t live; /**< VN_BB_LIVE between start and clean stop */
	uint16_t told; /**< VN_BB_LEFT: the position that the peer knows */
	uint64_t desc_gpa;
	uint64_t used_gpa;
	/* Line 2: written by the ring's owner. Its first word is one store: see vn_bb_ring_note().
	 */
	/** used->idx as last published; of a packed ring the descriptor, bit 15: wrap counter */
	uint16_t position;
	/**
	 * Split: chains taken and not yet published when position was stored. Packed: chains that
	 * are being given back, from position on.
	 */
	uint16_t burst;
	uint16_t generation; /**< counts publishes (wraps) */
	uint16_t runs;       /**< VN_BB_PACKED, and how many of run[] describe the burst */
	/**
	 * Packed: the shapes of the burst's chains, VN_BB_RUN(). None: each chain has one
	 * descriptor and is a frame of its own. Written only while runs says that there are none.
	 */
	uint32_t run[14];
} __rte_aligned(64);

/** In vn_bb_ring.live; 0: stopped, or never started. */
#define VN_BB_LIVE 1
#define VN_BB_LEFT 2 /**< stopped at position, and its peer went without asking for it */

/** In vn_bb_ring.runs: a packed ring. */
#define VN_BB_PACKED 0x8000

/** Runs that a record has room for. */
#define VN_BB_RUNS 14

/**
 * @p chains (1..32768) chains in a row, of @p slots (1..32768) descriptors of the ring each.
 * VN_BB_RUN_FRAME: they are one frame, whose first chain is given back last;
 * VN_BB_RUN_MORE: ... and so are those of the run before. Else each is a frame of its own.
 */
#define VN_BB_RUN(kind, chains, slots) \
	((kind) | (uint32_t)((chains)-1) << 15 | (uint32_t)((slots)-1))
#define VN_BB_RUN_FRAME       (UINT32_C(1) << 30)
#define VN_BB_RUN_MORE        (UINT32_C(2) << 30)
#define VN_BB_RUN_KIND(run)   ((run)&UINT32_C(3) << 30)
#define VN_BB_RUN_CHAINS(run) (((run) >> 15 & 0x7fff) + 1)
#define VN_BB_RUN_SLOTS(run)  (((run)&0x7fff) + 1)

/**
 * Open or create the file @p path with room for @p max_rings. A file of another version or size,
 * or a damaged one, is moved aside (".old") and a new one is made; *fresh says so. Control thread.
 * @return 0 or negative errno.
 */
int vn_blackbox_open(
	const char *path, unsigned int max_rings, struct vn_blackbox **bb, bool *fresh);
/** The file stays unless @p remove, and also then while a ring's record counts (live). */
void vn_blackbox_close(struct vn_blackbox *bb, bool remove);

/** The record of ring @p queue of device @p key: the one that is there, or a free one made its.
 * NULL: full. */
struct vn_bb_ring *vn_blackbox_ring(struct vn_blackbox *bb, const char *key, uint16_t queue);
/**
 * The ring starts: fill line 1 and position, set live last. Of a ring that was live (it is resumed)
 * only the position changes, so no death here loses it. Control thread, before attach.
 */
void vn_bb_ring_start(struct vn_bb_ring *r, bool packed, uint16_t size, uint64_t desc_gpa,
	uint64_t used_gpa, uint16_t position);
/** The ring was stopped cleanly. Control thread, after detach. */
void vn_bb_ring_stop(struct vn_bb_ring *r);
/** The same, but the peer went before it asked for the position: it knows only @p told. */
void vn_bb_ring_leave(struct vn_bb_ring *r, uint16_t told);
/**
 * True if the record says this very ring (kind, addresses, size) was live when its process died, or
 * was left.
 */
bool vn_bb_ring_was_live(const struct vn_bb_ring *r, bool packed, uint16_t size, uint64_t desc_gpa,
	uint64_t used_gpa);
/**
 * True if @p used_idx, found in guest memory, can be the position of a split ring whose record this
 * is: not before what was published, not beyond the chains taken.
 */
bool vn_bb_ring_bounds(const struct vn_bb_ring *r, uint16_t used_idx);
/** Forget all rings of a device that is removed. */
void vn_blackbox_forget(struct vn_blackbox *bb, const char *key);

/** Line 2's numbers, as one word. */
union vn_bb_word {
	struct {
		uint16_t position, burst, generation, runs;
	};
	uint64_t word;
};

/**
 * Note where the ring is: one store, so a crash leaves the old state or the new one. @p runs is 0
 * for split rings. Owner.
 */
static inline void
vn_bb_ring_note(
	struct vn_bb_ring *r, uint16_t position, uint16_t burst, uint16_t generation, uint16_t runs)
{
	typedef uint64_t __attribute__((may_alias)) word_t;
	const union vn_bb_word w = {{position, burst, generation, runs}};

	/* Nothing that the caller does next may get before it: the point is to know of it. */
	__atomic_store_n((word_t *)&r->position, w.word, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif /* VN_BLACKBOX_H */
