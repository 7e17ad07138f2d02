/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vn_blackbox.h"

#define HEADER 4096
#define RECORD 128

struct env {
	char dir[64];
	char path[96];
	char old[112];
};

static int
setup(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	strcpy(e->dir, "/tmp/vn-blackbox-XXXXXX");
	assert_non_null(mkdtemp(e->dir));
	snprintf(e->path, sizeof(e->path), "%s/bb", e->dir);
	snprintf(e->old, sizeof(e->old), "%s.old", e->path);
	*state = e;
	return 0;
}

static int
teardown(void **state)
{
	struct env *e = *state;

	unlink(e->path);
	unlink(e->old);
	assert_int_equal(rmdir(e->dir), 0);
	free(e);
	return 0;
}

static struct vn_blackbox *
open_bb(const struct env *e, unsigned int rings, bool expect_fresh)
{
	struct vn_blackbox *bb;
	bool fresh;

	assert_int_equal(vn_blackbox_open(e->path, rings, &bb, &fresh), 0);
	assert_int_equal(fresh, expect_fresh);
	return bb;
}

static void
patch(const struct env *e, off_t at, const void *data, size_t len)
{
	int fd = open(e->path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, at), len);
	close(fd);
}

static void
positions_outlive_us(void **state)
{
	struct vn_blackbox *bb = open_bb(*state, 4, true);
	struct vn_bb_ring *a = vn_blackbox_ring(bb, "DEV1", 0);
	struct vn_bb_ring *b = vn_blackbox_ring(bb, "DEV1", 1);

	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(vn_blackbox_ring(bb, "DEV1", 0), a);
	assert_false(vn_bb_ring_was_live(a, false, 256, 0x1000, 0x3000));
	vn_bb_ring_start(a, false, 256, 0x1000, 0x3000, 65530);
	vn_bb_ring_note(a, 65535, 9, 1, 0);
	vn_bb_ring_start(b, false, 256, 0x5000, 0x7000, 5);
	vn_bb_ring_stop(b);
	vn_blackbox_close(bb, false);

	bb = open_bb(*state, 4, false);
	a = vn_blackbox_ring(bb, "DEV1", 0);
	b = vn_blackbox_ring(bb, "DEV1", 1);
	assert_true(vn_bb_ring_was_live(a, false, 256, 0x1000, 0x3000));
	assert_false(vn_bb_ring_was_live(a, false, 512, 0x1000, 0x3000));
	assert_false(vn_bb_ring_was_live(a, false, 256, 0x2000, 0x3000));
	assert_false(vn_bb_ring_was_live(a, false, 256, 0x1000, 0x4000));
	assert_false(vn_bb_ring_was_live(b, false, 256, 0x5000, 0x7000));
	assert_int_equal(a->position, 65535);
	assert_int_equal(a->burst, 9);
	assert_int_equal(a->generation, 1);
	assert_true(vn_bb_ring_bounds(a, 65535));
	assert_true(vn_bb_ring_bounds(a, 8));
	assert_false(vn_bb_ring_bounds(a, 9));
	assert_false(vn_bb_ring_bounds(a, 65534));
	/* Nobody has served it since: its peer may come in the time of the next process. */
	vn_blackbox_close(bb, true);
	bb = open_bb(*state, 4, false);
	a = vn_blackbox_ring(bb, "DEV1", 0);
	assert_true(vn_bb_ring_was_live(a, false, 256, 0x1000, 0x3000));
	vn_bb_ring_stop(a);
	vn_blackbox_close(bb, true);
	assert_int_equal(access(((struct env *)*state)->path, F_OK), -1);
	vn_blackbox_close(NULL, false);
}

/* A ring that was left keeps the file, whoever wants to remove it, until it was started again. */
static void
left_behind(void **state)
{
	struct vn_blackbox *bb = open_bb(*state, 4, true);
	struct vn_bb_ring *r = vn_blackbox_ring(bb, "DEV1", 0);

	vn_bb_ring_start(r, true, 100, 0x1000, 0x3000, 0x8000);
	vn_bb_ring_note(r, 0x8007, 0, 1, VN_BB_PACKED);
	vn_bb_ring_leave(r, 0x8003);
	vn_blackbox_close(bb, true);

	bb = open_bb(*state, 4, false);
	r = vn_blackbox_ring(bb, "DEV1", 0);
	assert_int_equal(r->live, VN_BB_LEFT);
	assert_true(vn_bb_ring_was_live(r, true, 100, 0x1000, 0x3000));
	assert_int_equal(r->position, 0x8007);
	assert_int_equal(r->told, 0x8003);
	vn_bb_ring_start(r, true, 100, 0x1000, 0x3000, 0x8007);
	assert_int_equal(r->live, VN_BB_LIVE);
	vn_bb_ring_stop(r);
	vn_blackbox_close(bb, true);
	assert_int_equal(access(((struct env *)*state)->path, F_OK), -1);
}

static void
full_and_forgotten(void **state)
{
	struct vn_blackbox *bb = open_bb(*state, 3, true);
	struct vn_bb_ring *r;

	assert_non_null(vn_blackbox_ring(bb, "A", 0));
	assert_non_null(vn_blackbox_ring(bb, "B", 0));
	r = vn_blackbox_ring(bb, "A", 1);
	assert_non_null(r);
	vn_bb_ring_start(r, false, 2, 0, 0, 1);
	assert_null(vn_blackbox_ring(bb, "B", 1));
	assert_null(vn_blackbox_ring(bb, "C", 0));
	vn_blackbox_forget(bb, "A");
	vn_blackbox_forget(bb, "nobody");
	r = vn_blackbox_ring(bb, "C", 7);
	assert_non_null(r);
	assert_false(vn_bb_ring_was_live(r, false, 2, 0, 0));
	assert_non_null(vn_blackbox_ring(bb, "C", 8));
	assert_null(vn_blackbox_ring(bb, "C", 9));
	assert_non_null(vn_blackbox_ring(bb, "B", 0));
	assert_null(vn_blackbox_ring(bb, "", 0));
	assert_null(vn_blackbox_ring(bb, "a-key-of-more-than-thirty-nine-characters", 0));
	vn_blackbox_close(bb, false);

	/* None was live: all are free again. */
	bb = open_bb(*state, 3, false);
	for (unsigned int i = 0; i < 3; i++)
		assert_non_null(vn_blackbox_ring(bb, "D", i));
	vn_blackbox_close(bb, true);
}

static void
many_rings(void **state)
{
	struct vn_blackbox *bb = open_bb(*state, 5000, true);
	struct vn_bb_ring *r;
	char key[VN_BB_KEY_LEN];

	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "DEV%u", i / 50);
		r = vn_blackbox_ring(bb, key, i % 50);
		assert_non_null(r);
		vn_bb_ring_start(r, false, 8, i, i, i);
	}
	vn_blackbox_close(bb, false);
	bb = open_bb(*state, 5000, false);
	for (unsigned int i = 5000; i-- > 0;) {
		snprintf(key, sizeof(key), "DEV%u", i / 50);
		r = vn_blackbox_ring(bb, key, i % 50);
		assert_non_null(r);
		assert_true(vn_bb_ring_was_live(r, false, 8, i, i));
		assert_int_equal(r->position, i);
		vn_bb_ring_stop(r);
	}
	vn_blackbox_close(bb, true);
}

/* Each damage: the file goes to .old, a new one without any ring takes its place. */
static void
damaged_files_are_put_aside(void **state)
{
	static const uint32_t one = 1, three = 3;
	static const uint16_t huge = 0x100;
	static const uint16_t odd_size = 255;
	static const char no_end[VN_BB_KEY_LEN] = "0123456789012345678901234567890123456789";
	const struct {
		const char *what;
		off_t at;
		const void *data;
		size_t len;
	} damage[] = {
		{"magic", 0, "D", 1},
		{"version", 16, &one, 4},
		{"byte order", 20, &three, 4},
		{"header size", 24, &three, 4},
		{"record size", 28, &three, 4},
		{"rings", 32, &three, 4},
		{"check", 36, &three, 4},
		{"key has no end", HEADER, no_end, VN_BB_KEY_LEN},
		{"no key", HEADER, "", 1},
		{"size", HEADER + 42, &odd_size, 2},
		{"size 0", HEADER + 42, &(const uint16_t){0}, 2},
		{"live", HEADER + 44, &three, 2},
		{"burst", HEADER + 66, &odd_size, 2},
		{"live, high", HEADER + 44, &huge, 2},
	};
	const struct env *e = *state;

	for (size_t i = 0; i < RTE_DIM(damage); i++) {
		struct vn_blackbox *bb = open_bb(e, 4, i == 0);
		struct vn_bb_ring *r = vn_blackbox_ring(bb, "DEV", 0);

		vn_bb_ring_start(r, false, 64, 0x1000, 0x2000, 3);
		vn_blackbox_close(bb, false);
		bb = open_bb(e, 4, false);
		vn_blackbox_close(bb, false);
		patch(e, damage[i].at, damage[i].data, damage[i].len);
		print_message("damaged: %s\n", damage[i].what);
		unlink(e->old);
		bb = open_bb(e, 4, true);
		assert_int_equal(access(e->old, F_OK), 0);
		r = vn_blackbox_ring(bb, "DEV", 0);
		assert_false(vn_bb_ring_was_live(r, false, 64, 0x1000, 0x2000));
		vn_blackbox_close(bb, false);
	}
}

static void
two_records_of_one_ring(void **state)
{
	const struct env *e = *state;
	struct vn_blackbox *bb = open_bb(e, 4, true);

	vn_bb_ring_start(vn_blackbox_ring(bb, "DEV", 0), false, 64, 0, 0, 0);
	vn_bb_ring_start(vn_blackbox_ring(bb, "DEV", 1), false, 64, 0, 0, 0);
	vn_blackbox_close(bb, false);
	patch(e, HEADER + RECORD + 40, &(uint16_t){0}, 2);
	vn_blackbox_close(open_bb(e, 4, true), false);
}

/* A crash in the middle of writing line 1 leaves a record that is not live. */
static void
half_written_record(void **state)
{
	const struct env *e = *state;
	struct vn_blackbox *bb = open_bb(e, 2, true);

	assert_non_null(vn_blackbox_ring(bb, "DEV", 0));
	vn_blackbox_close(bb, false);
	patch(e, HEADER + 42, &(uint16_t){77}, 2);
	bb = open_bb(e, 2, false);
	assert_non_null(vn_blackbox_ring(bb, "X", 0));
	assert_non_null(vn_blackbox_ring(bb, "Y", 0));
	vn_blackbox_close(bb, false);
}

static void
other_files(void **state)
{
	const struct env *e = *state;
	struct vn_blackbox *bb;
	char path[128];
	bool fresh;
	int fd;

	/* Another number of rings is another size. */
	vn_blackbox_close(open_bb(e, 4, true), false);
	vn_blackbox_close(open_bb(e, 5, true), false);
	assert_int_equal(truncate(e->path, 10), 0);
	vn_blackbox_close(open_bb(e, 5, true), false);
	assert_int_equal(truncate(e->path, 0), 0);
	vn_blackbox_close(open_bb(e, 5, true), true);

	/* What a link points to is not touched. */
	snprintf(path, sizeof(path), "%s/target", e->dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(symlink(path, e->path), 0);
	vn_blackbox_close(open_bb(e, 5, true), true);
	fd = open(path, O_RDONLY);
	assert_int_equal(lseek(fd, 0, SEEK_END), 1);
	close(fd);
	unlink(path);

	/* A pipe must not be waited for. */
	assert_int_equal(mkfifo(e->path, 0600), 0);
	vn_blackbox_close(open_bb(e, 5, true), true);

	assert_int_equal(vn_blackbox_open(e->path, 0, &bb, &fresh), -EINVAL);
	assert_int_equal(vn_blackbox_open(e->path, UINT32_MAX, &bb, &fresh), -EINVAL);
	snprintf(path, sizeof(path), "%s/none/bb", e->dir);
	assert_int_equal(vn_blackbox_open(path, 4, &bb, &fresh), -ENOENT);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(positions_outlive_us),
		T(left_behind),
		T(full_and_forgotten),
		T(many_rings),
		T(damaged_files_are_put_aside),
		T(two_records_of_one_ring),
		T(half_written_record),
		T(other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
