/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef GUESTMEM_TEST_ENV_H
#define GUESTMEM_TEST_ENV_H

/**
 * @file
 * Test code: some files to make regions of, and what must hold of every table.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_common.h>

#include "vn_guestmem.h"

#define FILE_SIZE (1u << 20)
#define NUM_FILES 3

static struct {
	struct vn_gm_registry *reg;
	struct vn_gm_file *file[NUM_FILES];
	uint64_t rng;
} env;

static inline uint64_t
rnd(uint64_t below)
{
	env.rng ^= env.rng << 13;
	env.rng ^= env.rng >> 7;
	env.rng ^= env.rng << 17;
	return env.rng % below;
}

static inline int
setup(void **state)
{
	(void)state;
	env.rng = 0x9e3779b97f4a7c15;
	env.reg = vn_gm_registry_create(NUM_FILES);
	assert_non_null(env.reg);
	for (unsigned int i = 0; i < NUM_FILES; i++) {
		int fd = memfd_create("guest", MFD_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, FILE_SIZE), 0);
		assert_int_equal(
			vn_gm_file_map_whole(env.reg, fd, FILE_SIZE, false, &env.file[i]), 0);
		close(fd);
	}
	return 0;
}

/* Nothing holds a file any more but the test. */
static inline int
teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NUM_FILES; i++)
		vn_gm_file_unref(env.file[i]);
	assert_int_equal(vn_gm_registry_files(env.reg), 0);
	vn_gm_registry_destroy(env.reg);
	return 0;
}

/* The shape: what keeps lookups and copies short. */
static inline void
check_shape(const struct vn_guestmem *mem)
{
	unsigned int n = 0;

	assert_true(mem->num_chunks >= 1 && mem->num_chunks <= mem->n / 64 + 1);
	for (unsigned int i = 0; i < mem->num_chunks; i++) {
		const struct vn_gm_chunk *c = mem->chunk[i].chunk;

		assert_true(c->n >= (mem->n == 0 ? 0 : 1) && c->n <= VN_GM_CHUNK_SLOTS);
		assert_true(mem->chunk[i].gpa == c->slot[0].gpa);
		assert_true(c->num_files <= NUM_FILES);
		n += c->n;
	}
	assert_int_equal(n, mem->n);
}

#endif /* GUESTMEM_TEST_ENV_H */
