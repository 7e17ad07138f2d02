/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The parts of which tables are made.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "vn_gm_chunk.h"
#include "vn_gm_file.h"

bool
vn_gm_region_valid(const struct vn_gm_region *r)
{
	/* An end of exactly 2^64 counts as wrapping, so that no sum ever does. */
	if (r->file == NULL || r->size == 0 || r->gpa + r->size < r->gpa ||
		r->uva + r->size < r->uva)
		return false;
	if (r->file_offset > r->file->size || r->size > r->file->size - r->file_offset)
		return false;
	/* What is mapped read-only cannot be given as writable. */
	return r->read_only || !r->file->read_only;
}

struct vn_gm_slot
vn_gm_region_slot(const struct vn_gm_region *r)
{
	return (struct vn_gm_slot){
		.gpa = r->gpa,
		.size = r->size,
		.uva = r->uva,
		.base = (uint8_t *)vn_gm_file_base(r->file) + r->file_offset,
		.file = r->file,
		.read_only = r->read_only,
	};
}

/* Remember a file of the chunk, and hold it. Neighbours mostly lie in the same one. */
static void
chunk_add_file(struct vn_gm_chunk *c, struct vn_gm_file *file)
{
	for (unsigned int i = c->num_files; i > 0; i--) {
		if (c->files[i - 1] == file)
			return;
	}
	c->files[c->num_files++] = vn_gm_file_ref(file);
}

struct vn_gm_chunk *
vn_gm_chunk_create(const struct vn_gm_slot *slots, unsigned int n)
{
	const unsigned int cap = RTE_MAX(n, 1u); /* an empty table has a beginning, too */
	struct vn_gm_chunk *c;

	c = malloc(sizeof(*c) + cap * (sizeof(c->slot[0]) + sizeof(c->files[0])));
	if (c == NULL)
		return NULL;
	c->refs = 1;
	c->n = n;
	c->num_files = 0;
	c->files = (struct vn_gm_file **)&c->slot[cap];
	if (n > 0)
		memcpy(c->slot, slots, n * sizeof(c->slot[0]));
	memset(&c->slot[n], 0, (cap - n) * sizeof(c->slot[0]));
	for (unsigned int i = 0; i < n; i++)
		chunk_add_file(c, c->slot[i].file);
	return c;
}

struct vn_gm_chunk *
vn_gm_chunk_ref(struct vn_gm_chunk *c)
{
	__atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void
vn_gm_chunk_unref(struct vn_gm_chunk *c)
{
	if (c == NULL || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (unsigned int i = 0; i < c->num_files; i++)
		vn_gm_file_unref(c->files[i]);
	free(c);
}

struct vn_guestmem *
vn_gm_table_alloc(unsigned int num_chunks)
{
	struct vn_guestmem *mem = calloc(1, sizeof(*mem) + num_chunks * sizeof(mem->chunk[0]));

	if (mem == NULL)
		return NULL;
	mem->refs = 1;
	mem->num_chunks = num_chunks;
	return mem;
}

void
vn_gm_table_finish(struct vn_guestmem *mem)
{
	mem->n = 0;
	for (unsigned int i = 0; i < mem->num_chunks; i++) {
		struct vn_gm_chunk *c = mem->chunk[i].chunk;

		mem->chunk[i].gpa = c->slot[0].gpa;
		mem->n += c->n;
	}
}

unsigned int
vn_gm_table_search(const struct vn_guestmem *mem, uint64_t gpa)
{
	unsigned int lo = 1, hi = mem->num_chunks;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (mem->chunk[mid].gpa <= gpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

unsigned int
vn_gm_chunk_search(const struct vn_gm_chunk *c, uint64_t gpa)
{
	unsigned int lo = 0, hi = c->n;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (c->slot[mid].gpa <= gpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
