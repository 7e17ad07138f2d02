/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_GM_CHUNK_H
#define VN_GM_CHUNK_H

/**
 * @file
 * Parts of a table; for lib/guestmem only.
 *
 * Chunks belong to tables of one device, which the control thread makes, and control or helper
 * thread drops: a chunk is found through a table that its user holds a reference to, so its own
 * count is never 0 when it is raised.
 */

#include "vn_guestmem.h"

/** May @p r stand in a table? */
bool vn_gm_region_valid(const struct vn_gm_region *r);
struct vn_gm_slot vn_gm_region_slot(const struct vn_gm_region *r);

/** A chunk of @p n <= VN_GM_CHUNK_SLOTS sorted slots, with one reference; NULL: no memory. */
struct vn_gm_chunk *vn_gm_chunk_create(const struct vn_gm_slot *slots, unsigned int n);
struct vn_gm_chunk *vn_gm_chunk_ref(struct vn_gm_chunk *c);
void vn_gm_chunk_unref(struct vn_gm_chunk *c);

/** A table with room for @p num_chunks > 0, zeroed but for that and one reference. */
struct vn_guestmem *vn_gm_table_alloc(unsigned int num_chunks);
/** Once the chunks are in it: count, and note where each begins. */
void vn_gm_table_finish(struct vn_guestmem *mem);

/** Number of the chunk which holds @p gpa if any does: the last that begins at or before it, or 0.
 */
unsigned int vn_gm_table_search(const struct vn_guestmem *mem, uint64_t gpa);
/** Number of slots of @p c that begin at or before @p gpa. */
unsigned int vn_gm_chunk_search(const struct vn_gm_chunk *c, uint64_t gpa);

#endif /* VN_GM_CHUNK_H */
