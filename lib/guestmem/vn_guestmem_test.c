/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_common.h>

#include "vn_guestmem.h"

#define PAGE 4096u

/* For the signal handler only. */
static struct vn_gm_registry *sigbus_reg;

static void
on_sigbus(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	if (!vn_gm_sigbus(sigbus_reg, info->si_addr))
		_exit(99);
}

static int
memfd(size_t size)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static int
setup(void **state)
{
	*state = vn_gm_registry_create(8);
	assert_non_null(*state);
	return 0;
}

static int
teardown(void **state)
{
	assert_int_equal(vn_gm_registry_files(*state), 0);
	vn_gm_registry_destroy(*state);
	return 0;
}

static void
same_range_is_mapped_once(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_file *a, *b, *c, *ro;
	int fd = memfd(4 * PAGE);
	int fd2 = dup(fd);

	assert_int_equal(vn_gm_file_map(reg, fd, 0, 4 * PAGE, false, &a), 0);
	assert_int_equal(vn_gm_file_map(reg, fd2, 0, 4 * PAGE, false, &b), 0);
	assert_ptr_equal(a, b);
	assert_int_equal(vn_gm_registry_files(reg), 1);
	assert_int_equal(vn_gm_file_map(reg, fd, PAGE, PAGE, false, &c), 0);
	assert_ptr_not_equal(a, c);
	assert_int_equal(vn_gm_file_map(reg, fd, PAGE, PAGE, true, &ro), 0);
	assert_ptr_not_equal(c, ro);
	assert_int_equal(vn_gm_registry_files(reg), 3);
	close(fd);
	close(fd2);

	/* All show the same memory, and outlive the descriptors. */
	((uint8_t *)vn_gm_file_base(a))[PAGE + 7] = 0x5a;
	assert_int_equal(((uint8_t *)vn_gm_file_base(c))[7], 0x5a);
	assert_int_equal(((uint8_t *)vn_gm_file_base(ro))[7], 0x5a);

	vn_gm_file_unref(a);
	assert_int_equal(vn_gm_registry_files(reg), 3);
	((uint8_t *)vn_gm_file_base(b))[0] = 1;
	vn_gm_file_unref(vn_gm_file_ref(b));
	assert_int_equal(vn_gm_registry_files(reg), 3);
	vn_gm_file_unref(b);
	vn_gm_file_unref(c);
	vn_gm_file_unref(ro);
}

static void
map_refuses(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_file *f[9];
	int fd = memfd(4 * PAGE);
	int pipefd[2];

	assert_int_equal(vn_gm_file_map(reg, -1, 0, PAGE, false, f), -EINVAL);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, 0, false, f), -EINVAL);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, 4 * PAGE + 1, false, f), -EINVAL);
	assert_int_equal(vn_gm_file_map(reg, fd, PAGE, 4 * PAGE, false, f), -EINVAL);
	assert_int_equal(vn_gm_file_map(reg, fd, 4 * PAGE, PAGE, false, f), -EINVAL);
	assert_int_equal(vn_gm_file_map(reg, fd, 12, PAGE, false, f), -EINVAL);
	assert_int_equal(
		vn_gm_file_map(reg, fd, UINT64_MAX - PAGE + 1, 2 * PAGE, false, f), -EINVAL);
	assert_int_equal(vn_gm_file_map(reg, fd, PAGE, UINT64_MAX, false, f), -EINVAL);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(vn_gm_file_map(reg, pipefd[0], 0, PAGE, false, f), -EINVAL);
	close(pipefd[0]);
	close(pipefd[1]);

	/* Eight fit. */
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(vn_gm_file_map(reg, fd, 0, i + 1, false, &f[i]), 0);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, 100, false, &f[8]), -ENOSPC);
	vn_gm_file_unref(f[3]);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, 100, false, &f[3]), 0);
	for (unsigned int i = 0; i < 8; i++)
		vn_gm_file_unref(f[i]);
	close(fd);
}

/* A read-only descriptor must not give access to somebody else's writable mapping. */
static void
sharing_needs_the_right(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_file *a, *b;
	char path[64];
	int fd = memfd(PAGE);
	int ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(ro >= 0);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, PAGE, false, &a), 0);
	assert_int_equal(vn_gm_file_map(reg, ro, 0, PAGE, false, &b), -EACCES);
	assert_int_equal(vn_gm_file_map(reg, ro, 0, PAGE, true, &b), 0);
	vn_gm_file_unref(b);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, PAGE, false, &b), -EPERM);
	vn_gm_file_unref(a);
	assert_int_equal(vn_gm_registry_files(reg), 0);
	close(ro);
	close(fd);
}

static void
shrink_is_sealed(void **state)
{
	struct vn_gm_file *f;
	int fd = memfd(PAGE);

	assert_int_equal(vn_gm_file_map(*state, fd, 0, PAGE, false, &f), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	vn_gm_file_unref(f);
	close(fd);
}

/* The peer forbade seals and shrinks its file under us. */
static void
truncated_file_is_survived(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO}, old;
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct vn_gm_file *f, *other, *again;
	struct vn_gm_region r[2];
	struct vn_guestmem *mem;
	volatile uint8_t *p;

	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, PAGE, false, &other), 0);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, 4 * PAGE, false, &f), 0);
	memset(r, 0, sizeof(r));
	r[0] = (struct vn_gm_region){.gpa = 0, .size = PAGE, .file = other};
	r[1] = (struct vn_gm_region){.gpa = PAGE, .size = 4 * PAGE, .file = f};
	assert_int_equal(vn_guestmem_create(r, 2, &mem), 0);
	p = vn_gm_file_base(f);
	p[0] = 1;
	p[3 * PAGE] = 7;
	assert_false(vn_guestmem_broken(mem));

	sigbus_reg = reg;
	assert_int_equal(sigaction(SIGBUS, &sa, &old), 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(p[3 * PAGE], 0);
	p[2 * PAGE] = 9;
	assert_int_equal(p[2 * PAGE], 9);
	assert_int_equal(p[0], 0); /* nothing of the guest's is visible any more */
	assert_int_equal(sigaction(SIGBUS, &old, NULL), 0);

	assert_true(vn_gm_file_broken(f));
	assert_false(vn_gm_file_broken(other));
	assert_true(vn_guestmem_broken(mem));
	assert_int_equal(vn_gm_registry_broken(reg), 1);
	assert_false(vn_gm_sigbus(reg, &fd));

	/* Whoever maps the file anew gets the file, not the ruin. */
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, 4 * PAGE, false, &again), 0);
	assert_ptr_not_equal(again, f);
	assert_false(vn_gm_file_broken(again));
	assert_int_equal(((uint8_t *)vn_gm_file_base(again))[0], 1);
	vn_gm_file_unref(again);
	vn_gm_file_unref(f);
	vn_gm_file_unref(other);
	vn_guestmem_unref(mem);
	close(fd);
}

static void
revoked_memory_is_private(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_region r = {.gpa = 0, .size = PAGE};
	struct vn_guestmem *mem;
	int fd = memfd(PAGE);
	uint8_t *p, byte;

	assert_int_equal(vn_gm_file_map(reg, fd, 0, PAGE, false, &r.file), 0);
	assert_int_equal(vn_guestmem_create(&r, 1, &mem), 0);
	vn_gm_file_unref(r.file);
	p = vn_guestmem_addr(mem, 0, PAGE, true);
	p[0] = 1;
	vn_guestmem_revoke(mem);
	assert_true(vn_guestmem_broken(mem));
	assert_int_equal(vn_gm_registry_broken(reg), 1);
	p[0] = 2; /* a late writer does no harm */
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 1);
	vn_guestmem_revoke(mem);
	assert_int_equal(vn_gm_registry_broken(reg), 1);
	vn_guestmem_unref(mem);
	close(fd);
}

static void
bad_tables(void **state)
{
	const struct vn_gm_region good[2] = {
		{.gpa = 0x1000, .size = PAGE, .uva = 0x7000},
		{.gpa = 0x2000, .size = PAGE, .uva = 0x8000, .file_offset = PAGE},
	};
	struct vn_gm_region r[2], one;
	struct vn_gm_file *f, *ro;
	struct vn_guestmem *mem;
	int fd = memfd(2 * PAGE);

	assert_int_equal(vn_gm_file_map(*state, fd, 0, 2 * PAGE, false, &f), 0);
	assert_int_equal(vn_gm_file_map(*state, fd, 0, 2 * PAGE, true, &ro), 0);
#define TRY(field, value)                                                  \
	do {                                                               \
		memcpy(r, good, sizeof(r));                                \
		r[0].file = r[1].file = f;                                 \
		r[1].field = (value);                                      \
		assert_int_equal(vn_guestmem_create(r, 2, &mem), -EINVAL); \
	} while (0)
	TRY(size, 0);
	TRY(size, PAGE + 1);
	TRY(size, UINT64_MAX);
	TRY(file_offset, PAGE + 1);
	TRY(file_offset, UINT64_MAX);
	TRY(gpa, UINT64_MAX - PAGE + 1);
	TRY(gpa, UINT64_MAX);
	TRY(uva, UINT64_MAX - 1);
	TRY(gpa, 0x1000);
	TRY(gpa, 0x1fff);
	TRY(gpa, 0x0001);
	TRY(file, NULL);
	TRY(file, ro);
#undef TRY
	one = good[0];
	one.file = f;
	assert_int_equal(vn_guestmem_create(&one, VN_GM_MAX_REGIONS + 1, &mem), -E2BIG);
	assert_int_equal(vn_guestmem_create(NULL, 0, &mem), 0);
	assert_null(vn_guestmem_addr(mem, 0, 1, false));
	vn_guestmem_unref(mem);
	vn_guestmem_unref(NULL);
	vn_gm_file_unref(f);
	vn_gm_file_unref(ro);
	close(fd);
}

static void
translation_at_the_edges(void **state)
{
	/* Two that touch, a read-only one behind a gap, and one that ends as high as it can. */
	struct vn_gm_region r[4] = {
		{.gpa = 0x20000, .size = PAGE, .file_offset = 0, .read_only = true},
		{.gpa = 0x11000, .size = PAGE, .uva = 0x101000, .file_offset = 2 * PAGE},
		{.gpa = 0x10000, .size = PAGE, .uva = 0x900000, .file_offset = PAGE},
		{.gpa = UINT64_MAX - PAGE, .size = PAGE, .file_offset = 3 * PAGE},
	};
	struct vn_guestmem *mem;
	struct vn_gm_file *f;
	int fd = memfd(4 * PAGE);
	const struct vn_gm_slot *hint = &vn_gm_no_slot;
	uint8_t *base;
	uint64_t len;

	assert_int_equal(vn_gm_file_map(*state, fd, 0, 4 * PAGE, false, &f), 0);
	for (unsigned int i = 0; i < RTE_DIM(r); i++)
		r[i].file = f;
	base = vn_gm_file_base(f);
	assert_int_equal(vn_guestmem_create(r, RTE_DIM(r), &mem), 0);

#define PART(gpa, want, write) (len = (want), vn_guestmem_part(mem, gpa, &len, write, &hint))
	assert_ptr_equal(PART(0x10000, PAGE, true), base + PAGE);
	assert_int_equal(len, PAGE);
	assert_ptr_equal(PART(0x10fff, 10, true), base + 2 * PAGE - 1);
	assert_int_equal(len, 1);
	assert_ptr_equal(PART(0x11000, 9, true), base + 2 * PAGE);
	assert_int_equal(len, 9);
	assert_ptr_equal(PART(0x11001, PAGE, true), base + 2 * PAGE + 1);
	assert_int_equal(len, PAGE - 1);
	assert_null(PART(0xffff, 1, false));
	assert_null(PART(0x12000, 1, false));
	assert_null(PART(0x10000, 0, false));
	assert_null(PART(0x10001, UINT64_MAX, false));
	assert_null(PART(0x20000, 1, true));
	assert_ptr_equal(PART(0x20000, 1, false), base);
	assert_ptr_equal(PART(UINT64_MAX - 1, 1, true), base + 4 * PAGE - 1);
	assert_null(PART(UINT64_MAX - 1, 2, true));
	assert_null(PART(UINT64_MAX, 1, true));
#undef PART
	assert_null(vn_guestmem_addr(mem, 0x10fff, 2, false));
	assert_non_null(vn_guestmem_addr(mem, 0x10ffe, 2, false));

	assert_int_equal(vn_guestmem_uva_to_gpa(mem, 0x101000), 0x11000);
	assert_int_equal(vn_guestmem_uva_to_gpa(mem, 0x900fff), 0x10fff);
	assert_true(vn_guestmem_uva_to_gpa(mem, 0x901000) == UINT64_MAX);
	assert_true(vn_guestmem_uva_to_gpa(mem, 0) == UINT64_MAX);

	vn_guestmem_unref(vn_guestmem_ref(mem));
	assert_int_equal(vn_gm_registry_files(*state), 1);
	vn_guestmem_unref(mem);
	vn_gm_file_unref(f);
	close(fd);
}

/* Every region is found, in random order, with whatever hint is left from the one before. */
static void
lookup_in_many(void **state)
{
	static const unsigned int counts[] = {1, 2, 509, VN_GM_MAX_REGIONS};
	struct vn_gm_region *r = calloc(VN_GM_MAX_REGIONS, sizeof(*r));
	struct vn_gm_file *f;
	int fd = memfd(VN_GM_MAX_REGIONS);

	assert_non_null(r);
	assert_int_equal(vn_gm_file_map(*state, fd, 0, VN_GM_MAX_REGIONS, false, &f), 0);
	srand(1);
	for (unsigned int c = 0; c < RTE_DIM(counts); c++) {
		unsigned int n = counts[c];
		struct vn_guestmem *mem;
		const struct vn_gm_slot *hint = &vn_gm_no_slot;

		/* Region i is at (i + 1) * 16, three bytes long, given in falling order. */
		for (unsigned int i = 0; i < n; i++) {
			r[n - 1 - i] = (struct vn_gm_region){
				.gpa = (i + 1) * UINT64_C(16),
				.size = RTE_MIN(3u, VN_GM_MAX_REGIONS - i),
				.file_offset = i,
				.file = f,
			};
		}
		assert_int_equal(vn_guestmem_create(r, n, &mem), 0);
		for (unsigned int t = 0; t < 20000; t++) {
			unsigned int i = rand() % n;
			uint64_t size = RTE_MIN(3u, VN_GM_MAX_REGIONS - i);
			uint64_t off = rand() % 5;
			uint64_t len = 1;
			uint8_t *p = vn_guestmem_part(
				mem, (i + 1) * UINT64_C(16) + off, &len, true, &hint);

			if (off < size)
				assert_ptr_equal(p, (uint8_t *)vn_gm_file_base(f) + i + off);
			else
				assert_null(p);
		}
		assert_null(vn_guestmem_find(mem, 0));
		assert_null(vn_guestmem_find(mem, (n + 1) * UINT64_C(16)));
		vn_guestmem_unref(mem);
	}
	vn_gm_file_unref(f);
	close(fd);
	free(r);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(same_range_is_mapped_once),
		T(map_refuses),
		T(sharing_needs_the_right),
		T(shrink_is_sealed),
		T(truncated_file_is_survived),
		T(revoked_memory_is_private),
		T(bad_tables),
		T(translation_at_the_edges),
		T(lookup_in_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
