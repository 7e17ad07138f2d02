/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The table of one device: guest addresses to ours.
 */
#include <errno.h>
#include <stdlib.h>

#include "vn_gm_file.h"

static int
slot_cmp(const void *a, const void *b)
{
	const struct vn_gm_slot *x = a, *y = b;

	return x->gpa < y->gpa ? -1 : x->gpa > y->gpa;
}

static bool
region_valid(const struct vn_gm_region *r)
{
	/* An end of exactly 2^64 counts as wrapping, so that no sum below ever does. */
	if (r->file == NULL || r->size == 0 || r->gpa + r->size < r->gpa ||
		r->uva + r->size < r->uva)
		return false;
	if (r->file_offset > r->file->size || r->size > r->file->size - r->file_offset)
		return false;
	/* What is mapped read-only cannot be given as writable. */
	return r->read_only || !r->file->read_only;
}

int
vn_guestmem_create(const struct vn_gm_region *regions, unsigned int n, struct vn_guestmem **ret)
{
	struct vn_guestmem *mem;

	if (n > VN_GM_MAX_REGIONS)
		return -E2BIG;
	for (unsigned int i = 0; i < n; i++) {
		if (!region_valid(&regions[i]))
			return -EINVAL;
	}
	mem = malloc(sizeof(*mem) + n * sizeof(mem->slot[0]));
	if (mem == NULL)
		return -ENOMEM;
	mem->n = n;
	mem->refs = 1;
	for (unsigned int i = 0; i < n; i++) {
		const struct vn_gm_region *r = &regions[i];

		mem->slot[i] = (struct vn_gm_slot){
			.gpa = r->gpa,
			.size = r->size,
			.uva = r->uva,
			.base = (uint8_t *)vn_gm_file_base(r->file) + r->file_offset,
			.file = r->file,
			.read_only = r->read_only,
		};
	}
	qsort(mem->slot, n, sizeof(mem->slot[0]), slot_cmp);
	for (unsigned int i = 1; i < n; i++) {
		if (mem->slot[i].gpa - mem->slot[i - 1].gpa < mem->slot[i - 1].size) {
			free(mem);
			return -EINVAL;
		}
	}
	for (unsigned int i = 0; i < n; i++)
		vn_gm_file_ref(mem->slot[i].file);
	*ret = mem;
	return 0;
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
	for (unsigned int i = 0; i < mem->n; i++)
		vn_gm_file_unref(mem->slot[i].file);
	free(mem);
}

bool
vn_guestmem_broken(const struct vn_guestmem *mem)
{
	for (unsigned int i = 0; i < mem->n; i++) {
		if (vn_gm_file_broken(mem->slot[i].file))
			return true;
	}
	return false;
}

void
vn_guestmem_revoke(struct vn_guestmem *mem)
{
	for (unsigned int i = 0; i < mem->n; i++) {
		/* Many regions may lie in one file: cover it once. */
		if (!vn_gm_file_broken(mem->slot[i].file))
			vn_gm_file_revoke(mem->slot[i].file);
	}
}

uint64_t
vn_guestmem_uva_to_gpa(const struct vn_guestmem *mem, uint64_t uva)
{
	for (unsigned int i = 0; i < mem->n; i++) {
		const struct vn_gm_slot *s = &mem->slot[i];

		if (s->uva != 0 && uva - s->uva < s->size)
			return s->gpa + (uva - s->uva);
	}
	return UINT64_MAX;
}

const struct vn_gm_slot *
vn_guestmem_find(const struct vn_guestmem *mem, uint64_t gpa, uint32_t *hint)
{
	unsigned int lo = 0, hi = mem->n;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		const struct vn_gm_slot *s = &mem->slot[mid];

		if (gpa < s->gpa) {
			hi = mid;
		} else if (gpa - s->gpa < s->size) {
			*hint = mid;
			return s;
		} else {
			lo = mid + 1;
		}
	}
	return NULL;
}
