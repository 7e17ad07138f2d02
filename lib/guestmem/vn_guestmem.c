/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The table of one device: guest addresses to ours.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include "vn_gm_chunk.h"

const struct vn_gm_slot vn_gm_no_slot = {.size = 0};

static int
slot_cmp(const void *a, const void *b)
{
	const struct vn_gm_slot *x = a, *y = b;

	return x->gpa < y->gpa ? -1 : x->gpa > y->gpa;
}

int
vn_guestmem_create(const struct vn_gm_region *regions, unsigned int n, struct vn_guestmem **ret)
{
	struct vn_gm_slot *slot = NULL;
	struct vn_guestmem *mem = NULL;
	int err = -EINVAL;

	if (n > VN_GM_MAX_REGIONS)
		return -E2BIG;
	for (unsigned int i = 0; i < n; i++) {
		if (!vn_gm_region_valid(&regions[i]))
			return -EINVAL;
	}
	slot = malloc(RTE_MAX(n, 1u) * sizeof(*slot));
	mem = vn_gm_table_alloc(RTE_MAX(1u, (n + VN_GM_CHUNK_SLOTS - 1) / VN_GM_CHUNK_SLOTS));
	if (slot == NULL || mem == NULL) {
		err = -ENOMEM;
		goto fail;
	}
	for (unsigned int i = 0; i < n; i++)
		slot[i] = vn_gm_region_slot(&regions[i]);
	qsort(slot, n, sizeof(slot[0]), slot_cmp);
	for (unsigned int i = 1; i < n; i++) {
		if (slot[i].gpa - slot[i - 1].gpa < slot[i - 1].size)
			goto fail;
	}
	for (unsigned int i = 0; i < mem->num_chunks; i++) {
		const unsigned int first = i * VN_GM_CHUNK_SLOTS;

		mem->chunk[i].chunk = vn_gm_chunk_create(
			&slot[first], RTE_MIN(n - first, (unsigned int)VN_GM_CHUNK_SLOTS));
		if (mem->chunk[i].chunk == NULL) {
			err = -ENOMEM;
			goto fail;
		}
	}
	vn_gm_table_finish(mem);
	free(slot);
	*ret = mem;
	return 0;
fail:
	free(slot);
	vn_guestmem_unref(mem);
	return err;
}

struct vn_guestmem *
vn_guestmem_ref(struct vn_guestmem *mem)
{
	__atomic_fetch_add(&mem->refs, 1, __ATOMIC_RELAXED);
	return mem;
}

void
vn_guestmem_unref(struct vn_guestmem *mem)
{
	if (mem == NULL || __atomic_sub_fetch(&mem->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (unsigned int i = 0; i < mem->num_chunks; i++)
		vn_gm_chunk_unref(mem->chunk[i].chunk);
	free(mem);
}

bool
vn_guestmem_broken(const struct vn_guestmem *mem)
{
	for (unsigned int i = 0; i < mem->num_chunks; i++) {
		const struct vn_gm_chunk *c = mem->chunk[i].chunk;

		for (unsigned int j = 0; j < c->num_files; j++) {
			if (vn_gm_file_broken(c->files[j]))
				return true;
		}
	}
	return false;
}

void
vn_guestmem_revoke(struct vn_guestmem *mem)
{
	for (unsigned int i = 0; i < mem->num_chunks; i++) {
		const struct vn_gm_chunk *c = mem->chunk[i].chunk;

		for (unsigned int j = 0; j < c->num_files; j++) {
			/* Many chunks may lie in one file: cover it once. */
			if (!vn_gm_file_broken(c->files[j]))
				vn_gm_file_revoke(c->files[j]);
		}
	}
}

uint64_t
vn_guestmem_uva_to_gpa(const struct vn_guestmem *mem, uint64_t uva)
{
	for (unsigned int i = 0; i < mem->num_chunks; i++) {
		const struct vn_gm_chunk *c = mem->chunk[i].chunk;

		for (unsigned int j = 0; j < c->n; j++) {
			const struct vn_gm_slot *s = &c->slot[j];

			if (s->uva != 0 && uva - s->uva < s->size)
				return s->gpa + (uva - s->uva);
		}
	}
	return UINT64_MAX;
}

const struct vn_gm_slot *
vn_guestmem_at(const struct vn_guestmem *mem, unsigned int i)
{
	for (unsigned int k = 0; k < mem->num_chunks; k++) {
		const struct vn_gm_chunk *c = mem->chunk[k].chunk;

		if (i < c->n)
			return &c->slot[i];
		i -= c->n;
	}
	return NULL;
}

const struct vn_gm_slot *
vn_guestmem_find(const struct vn_guestmem *mem, uint64_t gpa)
{
	const struct vn_gm_chunk *c = mem->chunk[vn_gm_table_search(mem, gpa)].chunk;
	const unsigned int at = vn_gm_chunk_search(c, gpa);

	if (at == 0 || gpa - c->slot[at - 1].gpa >= c->slot[at - 1].size)
		return NULL;
	return &c->slot[at - 1];
}
