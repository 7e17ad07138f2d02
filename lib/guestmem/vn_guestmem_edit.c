/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Tables made from a table: one region more or less. Only the chunk of that region and the list of
 * chunks are copied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "vn_gm_chunk.h"

/*
 * Two neighbours with no more regions than this together become one. A split leaves two chunks of
 * more than this together, so there are never more chunks than 2 * regions / MERGE + 1, whatever
 * the order in which regions come and go: about 1000 for VN_GM_MAX_REGIONS.
 */
#define MERGE (VN_GM_CHUNK_SLOTS / 2)

/* Regions that are to take the place of some chunks. */
struct edit {
	unsigned int first, num; /* chunks to be replaced */
	unsigned int n;
	unsigned int split; /* slots of the first of two chunks, when they do not fit in one */
	struct vn_gm_slot slot[VN_GM_CHUNK_SLOTS + 1];
};

static void
edit_append(struct edit *e, const struct vn_gm_slot *slots, unsigned int n)
{
	if (n > 0)
		memcpy(&e->slot[e->n], slots, n * sizeof(slots[0]));
	e->n += n;
}

/* The table that results. */
static int
edit_apply(const struct vn_guestmem *mem, const struct edit *e, struct vn_guestmem **out)
{
	const unsigned int after = e->first + e->num;
	const unsigned int kept = mem->num_chunks - e->num;
	struct vn_gm_chunk *put[2] = {NULL, NULL};
	unsigned int num_put = 0, at = 0;
	struct vn_guestmem *new;

	if (e->n > VN_GM_CHUNK_SLOTS) {
		put[num_put++] = vn_gm_chunk_create(e->slot, e->split);
		put[num_put++] = vn_gm_chunk_create(&e->slot[e->split], e->n - e->split);
	} else if (e->n > 0 || kept == 0) {
		put[num_put++] = vn_gm_chunk_create(e->slot, e->n);
	}
	new = vn_gm_table_alloc(kept + num_put);
	if (new == NULL || (num_put > 0 && put[0] == NULL) || (num_put > 1 && put[1] == NULL)) {
		vn_gm_chunk_unref(put[0]);
		vn_gm_chunk_unref(put[1]);
		free(new);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < e->first; i++)
		new->chunk[at++].chunk = vn_gm_chunk_ref(mem->chunk[i].chunk);
	for (unsigned int i = 0; i < num_put; i++)
		new->chunk[at++].chunk = put[i];
	for (unsigned int i = after; i < mem->num_chunks; i++)
		new->chunk[at++].chunk = vn_gm_chunk_ref(mem->chunk[i].chunk);
	vn_gm_table_finish(new);
	*out = new;
	return 0;
}

int
vn_guestmem_with(struct vn_guestmem *mem, const struct vn_gm_region *add, struct vn_guestmem **out)
{
	const struct vn_gm_slot *next = NULL;
	const struct vn_gm_chunk *c;
	struct vn_gm_slot slot;
	struct edit e = {.num = 1};
	unsigned int at;

	if (mem == NULL)
		return vn_guestmem_create(add, 1, out);
	if (!vn_gm_region_valid(add))
		return -EINVAL;
	if (mem->n >= VN_GM_MAX_REGIONS)
		return -E2BIG;
	e.first = vn_gm_table_search(mem, add->gpa);
	c = mem->chunk[e.first].chunk;
	at = vn_gm_chunk_search(c, add->gpa);
	if (at < c->n)
		next = &c->slot[at];
	else if (e.first + 1 < mem->num_chunks)
		next = &mem->chunk[e.first + 1].chunk->slot[0];
	if (at > 0 && add->gpa - c->slot[at - 1].gpa < c->slot[at - 1].size)
		return -EEXIST;
	if (next != NULL && next->gpa - add->gpa < add->size)
		return -EEXIST;

	slot = vn_gm_region_slot(add);
	edit_append(&e, c->slot, at);
	edit_append(&e, &slot, 1);
	edit_append(&e, &c->slot[at], c->n - at);
	/* Regions that come in order leave full chunks behind. */
	e.split = next == NULL ? VN_GM_CHUNK_SLOTS : e.n / 2;
	return edit_apply(mem, &e, out);
}

int
vn_guestmem_without(struct vn_guestmem *mem, uint64_t gpa, uint64_t size, struct vn_guestmem **out)
{
	const struct vn_gm_chunk *c, *before = NULL, *after = NULL;
	struct edit e = {.num = 1};
	unsigned int at;

	if (mem == NULL)
		return -ENOENT;
	e.first = vn_gm_table_search(mem, gpa);
	c = mem->chunk[e.first].chunk;
	at = vn_gm_chunk_search(c, gpa);
	if (at == 0 || c->slot[at - 1].gpa != gpa || c->slot[at - 1].size != size)
		return -ENOENT;
	if (e.first > 0)
		before = mem->chunk[e.first - 1].chunk;
	if (e.first + 1 < mem->num_chunks)
		after = mem->chunk[e.first + 1].chunk;
	/* With one of them: what comes of it has more than MERGE together with the other. */
	if (before != NULL && before->n + c->n - 1 <= MERGE)
		after = NULL;
	else
		before = NULL;
	if (after != NULL && after->n + c->n - 1 > MERGE)
		after = NULL;

	if (before != NULL) {
		edit_append(&e, before->slot, before->n);
		e.first--;
		e.num++;
	}
	edit_append(&e, c->slot, at - 1);
	edit_append(&e, &c->slot[at], c->n - at);
	if (after != NULL) {
		edit_append(&e, after->slot, after->n);
		e.num++;
	}
	return edit_apply(mem, &e, out);
}
