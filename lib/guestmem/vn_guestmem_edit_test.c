/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Tables made from tables, against a plain array.
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

/* What a table should hold. */
struct model {
	unsigned int n;
	struct vn_gm_region *r; /* sorted */
};

static uint64_t
rnd(uint64_t below)
{
	env.rng ^= env.rng << 13;
	env.rng ^= env.rng >> 7;
	env.rng ^= env.rng << 17;
	return env.rng % below;
}

static int
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
static int
teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NUM_FILES; i++)
		vn_gm_file_unref(env.file[i]);
	assert_int_equal(vn_gm_registry_files(env.reg), 0);
	vn_gm_registry_destroy(env.reg);
	return 0;
}

/* Where @gpa belongs: the number of regions that begin before it. */
static unsigned int
model_place(const struct model *m, uint64_t gpa)
{
	unsigned int i = 0;

	while (i < m->n && m->r[i].gpa < gpa)
		i++;
	return i;
}

static bool
model_overlaps(const struct model *m, const struct vn_gm_region *add)
{
	for (unsigned int i = 0; i < m->n; i++) {
		if (add->gpa < m->r[i].gpa + m->r[i].size && m->r[i].gpa < add->gpa + add->size)
			return true;
	}
	return false;
}

static void
model_add(struct model *m, const struct vn_gm_region *add)
{
	unsigned int i = model_place(m, add->gpa);

	memmove(&m->r[i + 1], &m->r[i], (m->n++ - i) * sizeof(m->r[0]));
	m->r[i] = *add;
}

static void
model_remove(struct model *m, unsigned int i)
{
	memmove(&m->r[i], &m->r[i + 1], (--m->n - i) * sizeof(m->r[0]));
}

static struct model
model_copy(const struct model *m)
{
	struct model copy = {.n = m->n, .r = calloc(m->n + 1, sizeof(m->r[0]))};

	assert_non_null(copy.r);
	memcpy(copy.r, m->r, m->n * sizeof(m->r[0]));
	return copy;
}

static void *
address(const struct vn_gm_region *r, uint64_t off)
{
	return (uint8_t *)vn_gm_file_base(r->file) + r->file_offset + off;
}

/* The shape: what keeps lookups and copies short. */
static void
check_shape(const struct vn_guestmem *mem)
{
	unsigned int n = 0;

	assert_in_range(mem->num_chunks, 1, mem->n / 64 + 1);
	for (unsigned int i = 0; i < mem->num_chunks; i++) {
		const struct vn_gm_chunk *c = mem->chunk[i].chunk;

		assert_in_range(c->n, mem->n == 0 ? 0 : 1, VN_GM_CHUNK_SLOTS);
		assert_true(mem->chunk[i].gpa == c->slot[0].gpa);
		assert_in_range(c->num_files, 0, NUM_FILES);
		n += c->n;
	}
	assert_int_equal(n, mem->n);
}

static void
check(const struct vn_guestmem *mem, const struct model *m, uint32_t *hint)
{
	unsigned int i = 0;

	check_shape(mem);
	assert_int_equal(mem->n, m->n);
	for (unsigned int k = 0; k < mem->num_chunks; k++) {
		for (unsigned int j = 0; j < mem->chunk[k].chunk->n; j++, i++) {
			const struct vn_gm_slot *s = &mem->chunk[k].chunk->slot[j];

			assert_true(s->gpa == m->r[i].gpa && s->size == m->r[i].size);
			assert_ptr_equal(s->base, address(&m->r[i], 0));
			assert_ptr_equal(s->file, m->r[i].file);
			assert_int_equal(s->read_only, m->r[i].read_only);
		}
	}
	for (unsigned int t = 0; t < 16 && m->n > 0; t++) {
		const unsigned int at = rnd(m->n);
		const struct vn_gm_region *r = &m->r[at];
		const uint64_t off = rnd(r->size), want = 1 + rnd(2 * r->size);
		uint64_t len = want, end = r->gpa + r->size;

		assert_ptr_equal(
			vn_guestmem_part(mem, r->gpa + off, &len, false, hint), address(r, off));
		assert_true(len == RTE_MIN(want, r->size - off));
		len = 1;
		assert_int_equal(vn_guestmem_part(mem, r->gpa + off, &len, true, hint) == NULL,
			r->read_only);
		len = 1;
		if (at + 1 == m->n || m->r[at + 1].gpa != end)
			assert_null(vn_guestmem_part(mem, end, &len, false, hint));
		else
			assert_ptr_equal(vn_guestmem_part(mem, end, &len, false, hint),
				address(&m->r[at + 1], 0));
	}
	assert_null(vn_guestmem_at(mem, m->n));
}

/* Come and go at random, in a space so narrow that many overlap or touch. */
static void
random_operations(void **state)
{
	const unsigned int rounds = getenv("VN_LONG") != NULL ? 2000000 : 20000;
	enum { KEPT = 8, ROOM = 4096 };
	struct model m = {.r = calloc(ROOM, sizeof(m.r[0]))}, old_model[KEPT] = {0};
	struct vn_guestmem *mem, *next, *old[KEPT] = {NULL};
	unsigned int added = 0, removed = 0, refused = 0, grow = 3;
	uint32_t hint = 0;

	(void)state;
	assert_non_null(m.r);
	assert_int_equal(vn_guestmem_create(NULL, 0, &mem), 0);
	for (unsigned int i = 0; i < rounds; i++) {
		struct vn_gm_region r = {
			.gpa = rnd(1u << 17) * 8,
			.size = 8 * (1 + rnd(8)),
			.file_offset = rnd(FILE_SIZE - 64),
			.file = env.file[rnd(100) == 0 ? 1 + rnd(2) : 0],
			.read_only = rnd(2),
		};

		/* Waves: the table fills and empties. */
		if (i % 4096 == 0)
			grow = i / 4096 % 2 ? 1 : 3;
		next = NULL;
		if (rnd(4) < grow && m.n < ROOM - 1) {
			const bool overlaps = model_overlaps(&m, &r);

			assert_int_equal(vn_guestmem_with(mem, &r, &next), overlaps ? -EEXIST : 0);
			if (!overlaps) {
				model_add(&m, &r);
				added++;
			}
		} else if (m.n > 0) {
			const unsigned int at = rnd(m.n);
			const uint64_t gpa = m.r[at].gpa, size = m.r[at].size;

			assert_int_equal(vn_guestmem_without(mem, gpa, size + 8, &next), -ENOENT);
			assert_int_equal(
				vn_guestmem_without(mem, gpa + 1, size - 1, &next), -ENOENT);
			assert_int_equal(vn_guestmem_without(mem, gpa, size, &next), 0);
			model_remove(&m, at);
			removed++;
		}
		if (next == NULL) {
			refused++;
			continue;
		}
		/* Some tables stay in use, and stay as they are. */
		if (rnd(50) == 0) {
			const unsigned int k = rnd(KEPT);

			if (old[k] != NULL)
				check(old[k], &old_model[k], &hint);
			vn_guestmem_unref(old[k]);
			free(old_model[k].r);
			old[k] = vn_guestmem_ref(next);
			old_model[k] = model_copy(&m);
		}
		vn_guestmem_unref(mem);
		mem = next;
		if (i % 8 == 0)
			check(mem, &m, &hint);
	}
	print_message("%u operations: %u added, %u removed, %u nothing\n", rounds, added, removed,
		refused);
	vn_guestmem_unref(mem);
	for (unsigned int k = 0; k < KEPT; k++) {
		if (old[k] != NULL)
			check(old[k], &old_model[k], &hint);
		vn_guestmem_unref(old[k]);
		free(old_model[k].r);
	}
	free(m.r);
}

static struct vn_gm_region
numbered(unsigned int i)
{
	return (struct vn_gm_region){
		.gpa = (i + 1) * UINT64_C(16), .size = 16, .file_offset = i, .file = env.file[0]};
}

/* As many as there may be, one by one, in one order and another; then none again. */
static void
as_many_as_allowed(void **state)
{
	/* Steps through all 65536 numbers: in order, falling, far apart. */
	static const unsigned int step[] = {1, 65535, 40503};

	(void)state;
	for (unsigned int s = 0; s < RTE_DIM(step); s++) {
		struct vn_guestmem *mem = NULL, *next;
		uint32_t hint = 0;

		for (unsigned int i = 0; i < VN_GM_MAX_REGIONS; i++) {
			struct vn_gm_region r = numbered((i * step[s]) & 0xffff);

			assert_int_equal(vn_guestmem_with(mem, &r, &next), 0);
			vn_guestmem_unref(mem);
			mem = next;
		}
		assert_int_equal(mem->n, VN_GM_MAX_REGIONS);
		check_shape(mem);
		if (step[s] == 1)
			assert_int_equal(mem->num_chunks, 256); /* all full */
		next = NULL;
		for (unsigned int i = VN_GM_MAX_REGIONS; i <= VN_GM_MAX_REGIONS + 1; i++) {
			struct vn_gm_region r = numbered((i * step[s]) & 0xffff);

			/* One is there already; neither may come. */
			assert_int_equal(vn_guestmem_with(mem, &r, &next), -E2BIG);
		}
		for (unsigned int i = 0; i < VN_GM_MAX_REGIONS; i++) {
			const unsigned int number = (i * step[s]) & 0xffff;
			uint64_t len = 32;

			assert_ptr_equal(vn_guestmem_part(mem, (number + 1) * UINT64_C(16) + 3,
						 &len, true, &hint),
				(uint8_t *)vn_gm_file_base(env.file[0]) + number + 3);
			assert_int_equal(len, 13);
		}
		assert_false(vn_guestmem_broken(mem));
		for (unsigned int i = 0; i < VN_GM_MAX_REGIONS; i++) {
			const unsigned int number = (i * step[s]) & 0xffff;

			assert_int_equal(
				vn_guestmem_without(mem, (number + 1) * UINT64_C(16), 16, &next),
				0);
			vn_guestmem_unref(mem);
			mem = next;
			if (i % 4096 == 0)
				check_shape(mem);
		}
		assert_int_equal(mem->n, 0);
		check_shape(mem);
		vn_guestmem_unref(mem);
	}
	assert_int_equal(vn_gm_registry_files(env.reg), NUM_FILES);
}

/* A change copies one chunk; the rest is shared. */
static void
the_rest_is_shared(void **state)
{
	struct vn_gm_region r = {.gpa = 16 * 10000 + 8, .size = 8, .file = env.file[1]};
	struct vn_guestmem *mem = NULL, *next, *less;
	unsigned int shared = 0;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct vn_gm_region half = numbered(i);

		half.size = 8;
		assert_int_equal(vn_guestmem_with(mem, &half, &next), 0);
		vn_guestmem_unref(mem);
		mem = next;
	}
	assert_int_equal(vn_guestmem_with(mem, &r, &next), 0);
	for (unsigned int i = 0; i < mem->num_chunks; i++) {
		for (unsigned int j = 0; j < next->num_chunks; j++)
			shared += mem->chunk[i].chunk == next->chunk[j].chunk;
	}
	assert_int_equal(shared, mem->num_chunks - 1);
	/* A file is held as long as a table has a region in it, however shared the chunks are. */
	vn_gm_file_unref(env.file[1]);
	assert_int_equal(vn_gm_registry_files(env.reg), NUM_FILES);
	assert_int_equal(vn_guestmem_without(next, r.gpa, r.size, &less), 0);
	vn_guestmem_unref(mem);
	assert_int_equal(vn_gm_registry_files(env.reg), NUM_FILES);
	vn_guestmem_unref(next);
	assert_int_equal(vn_gm_registry_files(env.reg), NUM_FILES - 1);
	env.file[1] = NULL; /* unref takes it */
	assert_false(vn_guestmem_broken(less));
	vn_gm_file_revoke(env.file[0]);
	assert_true(vn_guestmem_broken(less));
	vn_guestmem_unref(less);
}

/* Whoever leaves one region in each chunk does not end up with a chunk per region. */
static void
thinned_out_tables_stay_short(void **state)
{
	struct vn_guestmem *mem = NULL, *next;

	(void)state;
	for (unsigned int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < 8192; i++) {
			struct vn_gm_region r = numbered(round * 8192 + i);

			assert_int_equal(vn_guestmem_with(mem, &r, &next), 0);
			vn_guestmem_unref(mem);
			mem = next;
		}
		for (unsigned int i = 0; i < 8192; i++) {
			if (i % VN_GM_CHUNK_SLOTS == 0)
				continue;
			assert_int_equal(vn_guestmem_without(mem,
						 (round * 8192 + i + 1) * UINT64_C(16), 16, &next),
				0);
			vn_guestmem_unref(mem);
			mem = next;
		}
		check_shape(mem);
	}
	assert_int_equal(mem->n, 4 * 8192 / VN_GM_CHUNK_SLOTS);
	vn_guestmem_unref(mem);
}

static void
refused(void **state)
{
	const struct vn_gm_region good = {.gpa = 0x1000, .size = 0x1000, .file = env.file[0]};
	static const struct {
		uint64_t gpa, size, file_offset;
		int ret;
	} t[] = {
		{0x2000, 0, 0, -EINVAL},
		{0x2000, FILE_SIZE + 1, 0, -EINVAL},
		{0x2000, 16, FILE_SIZE - 15, -EINVAL},
		{UINT64_MAX - 15, 16, 0, -EINVAL},
		{0x1000, 0x1000, 0, -EEXIST},
		{0x1fff, 1, 0, -EEXIST},
		{0x0fff, 2, 0, -EEXIST},
		{0, 0x10000, 0, -EEXIST},
		{0x1800, 16, 0, -EEXIST},
		{0x2000, 16, 0, 0}, /* touches */
		{0, 0x1000, 0, 0},
		{UINT64_MAX - 16, 16, 0, 0},
	};
	struct vn_guestmem *mem, *out;
	struct vn_gm_region r;

	(void)state;
	assert_int_equal(vn_guestmem_with(NULL, &good, &mem), 0);
	for (size_t i = 0; i < RTE_DIM(t); i++) {
		r = (struct vn_gm_region){.gpa = t[i].gpa,
			.size = t[i].size,
			.file_offset = t[i].file_offset,
			.file = env.file[0]};
		assert_int_equal(vn_guestmem_with(mem, &r, &out), t[i].ret);
		if (t[i].ret == 0)
			vn_guestmem_unref(out);
	}
	r = good;
	r.file = NULL;
	assert_int_equal(vn_guestmem_with(mem, &r, &out), -EINVAL);
	assert_int_equal(vn_guestmem_with(NULL, &r, &out), -EINVAL);
	assert_int_equal(vn_guestmem_without(NULL, 0x1000, 0x1000, &out), -ENOENT);
	assert_int_equal(vn_guestmem_without(mem, 0x1000, 0, &out), -ENOENT);
	assert_int_equal(vn_guestmem_without(mem, 0, 0x1000, &out), -ENOENT);
	assert_int_equal(mem->n, 1);
	assert_int_equal(vn_guestmem_without(mem, 0x1000, 0x1000, &out), 0);
	assert_null(vn_guestmem_addr(out, 0, 1, false));
	assert_int_equal(vn_guestmem_without(out, 0, 0, &out), -ENOENT);
	vn_guestmem_unref(mem);
	assert_int_equal(vn_guestmem_with(out, &good, &mem), 0);
	assert_non_null(vn_guestmem_addr(mem, 0x1000, 0x1000, true));
	vn_guestmem_unref(mem);
	vn_guestmem_unref(out);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(random_operations),
		T(as_many_as_allowed),
		T(the_rest_is_shared),
		T(thinned_out_tables_stay_short),
		T(refused),
	};

	return cmocka_run_group_tests_name("vn_guestmem_edit", tests, NULL, NULL);
}
