/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Tables made from tables: how many, how long, how shared.
 */
#include "guestmem_test_env.h"

#include <pthread.h>

static struct vn_gm_region
numbered(unsigned int i)
{
	return (struct vn_gm_region){
		.gpa = (i + 1) * UINT64_C(16), .size = 16, .file_offset = i, .file = env.file[0]};
}

/* One by one in some order, until all are there; then none again. */
static void
come_and_go(unsigned int count, unsigned int step)
{
	struct vn_guestmem *mem = NULL, *next;
	struct vn_gm_region r;
	const struct vn_gm_slot *hint = &vn_gm_no_slot;

	for (unsigned int i = 0; i < count; i++) {
		r = numbered((i * step) & count);
		assert_int_equal(vn_guestmem_with(mem, &r, &next), 0);
		vn_guestmem_unref(mem);
		mem = next;
	}
	assert_int_equal(mem->n, count);
	check_shape(mem);
	if (step == 1)
		assert_int_equal(mem->num_chunks, (count + 1) / VN_GM_CHUNK_SLOTS); /* full */
	for (unsigned int i = count; i <= count + 1 && count == VN_GM_MAX_REGIONS; i++) {
		/* A new one, and one that is there already. */
		r = numbered((i * step) & count);
		assert_int_equal(vn_guestmem_with(mem, &r, &next), -E2BIG);
	}
	for (unsigned int i = 0; i < count; i++) {
		uint64_t len = 32;

		r = numbered((i * step) & count);
		assert_ptr_equal(vn_guestmem_part(mem, r.gpa + 3, &len, true, &hint),
			(uint8_t *)vn_gm_file_base(r.file) + r.file_offset + 3);
		assert_int_equal(len, 13);
	}
	assert_false(vn_guestmem_broken(mem));
	for (unsigned int i = 0; i < count; i++) {
		r = numbered((i * step) & count);
		assert_int_equal(vn_guestmem_without(mem, r.gpa, r.size, &next), 0);
		vn_guestmem_unref(mem);
		mem = next;
		if (i % 1024 == 0)
			check_shape(mem);
	}
	assert_int_equal(mem->n, 0);
	check_shape(mem);
	vn_guestmem_unref(mem);
	assert_int_equal(vn_gm_registry_files(env.reg), NUM_FILES);
}

static void
as_many_as_allowed(void **state)
{
	/* Odd, so that they step through all numbers: falling, far apart. */
	static const unsigned int step[] = {UINT32_MAX, 40503};
	const unsigned int count = getenv("VN_LONG") != NULL ? VN_GM_MAX_REGIONS : 8191;

	(void)state;
	come_and_go(VN_GM_MAX_REGIONS, 1);
	for (unsigned int i = 0; i < RTE_DIM(step); i++)
		come_and_go(count, step[i]);
	print_message("%u regions in order, %u in other orders\n", VN_GM_MAX_REGIONS, count);
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

/* The helper thread: drops what it is sent, until it is sent NULL. */
static void *
drop_tables(void *pipe_end)
{
	const int fd = *(const int *)pipe_end;
	struct vn_guestmem *mem;

	while (read(fd, &mem, sizeof(mem)) == sizeof(mem) && mem != NULL)
		vn_guestmem_unref(mem);
	return NULL;
}

/* Old tables go in the helper thread while new ones are made of what they share. */
static void
another_thread_drops(void **state)
{
	struct vn_guestmem *mem = NULL, *next;
	pthread_t thread;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(pthread_create(&thread, NULL, drop_tables, &fd[0]), 0);
	for (unsigned int i = 0; i < 8192; i++) {
		struct vn_gm_region r = numbered(i / 2);

		r.file = env.file[i % NUM_FILES];
		if (i % 2 == 1)
			assert_int_equal(vn_guestmem_without(mem, r.gpa, r.size, &next), 0);
		else
			assert_int_equal(vn_guestmem_with(mem, &r, &next), 0);
		if (mem != NULL)
			assert_int_equal(write(fd[1], &mem, sizeof(mem)), sizeof(mem));
		mem = next;
		if (i % 2 == 1) {
			assert_int_equal(vn_guestmem_with(mem, &r, &next), 0);
			assert_int_equal(write(fd[1], &mem, sizeof(mem)), sizeof(mem));
			mem = next;
		}
	}
	assert_int_equal(mem->n, 4096);
	assert_int_equal(write(fd[1], &mem, sizeof(mem)), sizeof(mem));
	mem = NULL;
	assert_int_equal(write(fd[1], &mem, sizeof(mem)), sizeof(mem));
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(fd[0]);
	close(fd[1]);
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
		T(as_many_as_allowed),
		T(the_rest_is_shared),
		T(another_thread_drops),
		T(thinned_out_tables_stay_short),
		T(refused),
	};

	return cmocka_run_group_tests_name("vn_guestmem_edit", tests, NULL, NULL);
}
