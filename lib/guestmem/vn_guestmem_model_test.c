/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Tables made from tables, against a plain array.
 */
#include "guestmem_test_env.h"

/* What a table should hold. */
struct model {
	unsigned int n;
	struct vn_gm_region *r; /* sorted */
};

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

static void
check(const struct vn_guestmem *mem, const struct model *m)
{
	const struct vn_gm_slot *hint = &vn_gm_no_slot;
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
			vn_guestmem_part(mem, r->gpa + off, &len, false, &hint), address(r, off));
		assert_true(len == RTE_MIN(want, r->size - off));
		len = 1;
		assert_int_equal(vn_guestmem_part(mem, r->gpa + off, &len, true, &hint) == NULL,
			r->read_only);
		len = 1;
		if (at + 1 == m->n || m->r[at + 1].gpa != end)
			assert_null(vn_guestmem_part(mem, end, &len, false, &hint));
		else
			assert_ptr_equal(vn_guestmem_part(mem, end, &len, false, &hint),
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
				check(old[k], &old_model[k]);
			vn_guestmem_unref(old[k]);
			free(old_model[k].r);
			old[k] = vn_guestmem_ref(next);
			old_model[k] = model_copy(&m);
		}
		vn_guestmem_unref(mem);
		mem = next;
		if (i % 8 == 0)
			check(mem, &m);
	}
	print_message("%u operations: %u added, %u removed, %u nothing\n", rounds, added, removed,
		refused);
	vn_guestmem_unref(mem);
	for (unsigned int k = 0; k < KEPT; k++) {
		if (old[k] != NULL)
			check(old[k], &old_model[k]);
		vn_guestmem_unref(old[k]);
		free(old_model[k].r);
	}
	free(m.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_operations, setup, teardown),
	};

	return cmocka_run_group_tests_name("vn_guestmem_model", tests, NULL, NULL);
}
