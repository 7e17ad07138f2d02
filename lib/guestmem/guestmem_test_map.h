/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef GUESTMEM_TEST_MAP_H
#define GUESTMEM_TEST_MAP_H

/**
 * @file
 * Test code: a table over memory that is no file of a registry's.
 */

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "vn_guestmem.h"

/* @n <= VN_GM_CHUNK_SLOTS, sorted. To be read only, and freed with free(). NULL: no memory. */
static inline struct vn_guestmem *
guestmem_test_map(const struct vn_gm_slot *slots, unsigned int n)
{
	struct vn_guestmem *mem;
	struct vn_gm_chunk *c;

	mem = calloc(1, sizeof(*mem) + sizeof(mem->chunk[0]) + sizeof(*c) +
				RTE_MAX(n, 1u) * sizeof(*slots));
	if (mem == NULL)
		return NULL;
	c = (struct vn_gm_chunk *)&mem->chunk[1];
	c->refs = 1;
	c->n = n;
	memcpy(c->slot, slots, n * sizeof(*slots));
	mem->n = n;
	mem->refs = 1;
	mem->num_chunks = 1;
	mem->chunk[0].gpa = c->slot[0].gpa;
	mem->chunk[0].chunk = c;
	return mem;
}

#endif /* GUESTMEM_TEST_MAP_H */
