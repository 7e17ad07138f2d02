/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * One mapping for all pieces of a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_common.h>

#include "vn_guestmem.h"

#define PAGE 4096u

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
	*state = vn_gm_registry_create(4);
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

/* Region by region, each with a descriptor of its own, as a client with a virtual IOMMU does it. */
static void
a_thousand_maps_are_one(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_guestmem *mem = NULL, *next;
	struct vn_gm_region r = {.size = PAGE};
	int fd = memfd(1000 * PAGE);
	uint32_t byte = 0;

	for (unsigned int i = 0; i < 1000; i++) {
		int mine = dup(fd);

		r.gpa = i * UINT64_C(0x10000);
		r.file_offset = (uint64_t)(999 - i) * PAGE;
		assert_int_equal(
			vn_gm_file_map_whole(reg, mine, r.file_offset + PAGE, false, &r.file), 0);
		close(mine);
		assert_int_equal(vn_guestmem_with(mem, &r, &next), 0);
		vn_gm_file_unref(r.file);
		vn_guestmem_unref(mem);
		mem = next;
	}
	assert_int_equal(vn_gm_registry_files(reg), 1);
	for (unsigned int i = 0; i < 1000; i++)
		*(uint32_t *)vn_guestmem_addr(mem, i * UINT64_C(0x10000) + 8, 4, true) = i;
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(pread(fd, &byte, 4, (999 - i) * (off_t)PAGE + 8), 4);
		assert_int_equal(byte, i);
	}
	assert_false(vn_guestmem_broken(mem));
	vn_guestmem_revoke(mem);
	assert_true(vn_guestmem_broken(mem));
	assert_int_equal(vn_gm_registry_broken(reg), 1);
	vn_guestmem_unref(mem);
	close(fd);
}

static void
read_only_is_apart(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_file *rw, *ro, *again;
	int fd = memfd(2 * PAGE), ro_fd;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro_fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(ro_fd >= 0);
	assert_int_equal(vn_gm_file_map_whole(reg, fd, 1, false, &rw), 0);
	assert_int_equal(vn_gm_file_map_whole(reg, fd, 1, true, &ro), 0);
	assert_ptr_not_equal(ro, rw);
	assert_int_equal(vn_gm_file_map_whole(reg, ro_fd, 2 * PAGE, true, &again), 0);
	assert_ptr_equal(again, ro);
	vn_gm_file_unref(again);
	/* A reader's descriptor opens neither of somebody else's mappings for writing. */
	assert_int_equal(vn_gm_file_map_whole(reg, ro_fd, 1, false, &again), -EACCES);
	vn_gm_file_unref(ro);
	vn_gm_file_unref(rw);
	close(ro_fd);
	close(fd);
}

static void
a_grown_file_is_mapped_anew(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_file *small, *large, *any;
	int fd = memfd(PAGE);

	assert_int_equal(vn_gm_file_map_whole(reg, fd, 1, false, &small), 0);
	assert_int_equal(vn_gm_file_map_whole(reg, fd, PAGE + 1, false, &large), -EINVAL);
	assert_int_equal(ftruncate(fd, 3 * PAGE), 0);
	assert_int_equal(vn_gm_file_map_whole(reg, fd, PAGE, false, &any), 0);
	assert_ptr_equal(any, small);
	vn_gm_file_unref(any);
	assert_int_equal(vn_gm_file_map_whole(reg, fd, PAGE + 1, false, &large), 0);
	assert_ptr_not_equal(large, small);
	assert_int_equal(vn_gm_registry_files(reg), 2);
	/* All of it is there, and both show the same. */
	((uint8_t *)vn_gm_file_base(large))[3 * PAGE - 1] = 1;
	((uint8_t *)vn_gm_file_base(small))[7] = 0x5a;
	assert_int_equal(((uint8_t *)vn_gm_file_base(large))[7], 0x5a);
	vn_gm_file_unref(small);
	assert_int_equal(vn_gm_file_map_whole(reg, fd, 3 * PAGE, false, &any), 0);
	assert_ptr_equal(any, large);
	vn_gm_file_unref(any);
	vn_gm_file_unref(large);
	close(fd);
}

/* The mapping's own descriptor: good for handing over, open exactly as long as the mapping. */
static void
descriptor_is_kept(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_file *f, *part;
	struct stat a, b;
	int fd = memfd(PAGE), kept;

	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(vn_gm_file_map_whole(reg, fd, PAGE, false, &f), 0);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, PAGE, false, &part), 0);
	assert_ptr_not_equal(part, f); /* one has a descriptor, the other not */
	assert_int_equal(vn_gm_file_fd(part), -1);
	kept = vn_gm_file_fd(f);
	assert_true(kept >= 0 && kept != fd);
	close(fd);
	assert_int_equal(fstat(kept, &b), 0);
	assert_int_equal(b.st_ino, a.st_ino);
	assert_true(fcntl(kept, F_GETFD) & FD_CLOEXEC);
	vn_gm_file_unref(vn_gm_file_ref(f));
	assert_true(fcntl(kept, F_GETFD) >= 0);
	vn_gm_file_unref(f);
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	vn_gm_file_unref(part);
}

static void
whole_refuses(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_file *f[4], *none;
	int fd[5], pipefd[2], next;

	for (unsigned int i = 0; i < RTE_DIM(fd); i++)
		fd[i] = memfd(PAGE);
	assert_int_equal(vn_gm_file_map_whole(reg, -1, 1, false, &none), -EINVAL);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[0], 0, false, &none), -EINVAL);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[0], PAGE + 1, false, &none), -EINVAL);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[0], UINT64_MAX, false, &none), -EINVAL);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(vn_gm_file_map_whole(reg, pipefd[0], 1, false, &none), -EINVAL);
	close(pipefd[0]);
	close(pipefd[1]);
	for (unsigned int i = 0; i < RTE_DIM(f); i++)
		assert_int_equal(vn_gm_file_map_whole(reg, fd[i], 1, false, &f[i]), 0);
	/* No descriptor is left behind by a refusal. */
	next = dup(fd[0]);
	close(next);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[4], 1, false, &none), -ENOSPC);
	vn_gm_file_unref(f[3]);
	assert_int_equal(fcntl(fd[4], F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[4], 1, false, &none), -EPERM);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[3], 1, false, &f[3]), 0);
	assert_int_equal(dup(fd[0]), next);
	close(next);
	for (unsigned int i = 0; i < RTE_DIM(f); i++)
		vn_gm_file_unref(f[i]);
	for (unsigned int i = 0; i < RTE_DIM(fd); i++)
		close(fd[i]);
}

/* Sparse files cost nothing but addresses, which are everybody's. */
static void
addresses_are_bounded(void **state)
{
	struct vn_gm_registry *reg = *state;
	int fd[VN_GM_MAX_CLIENTS + 1];
	struct vn_gm_file *f[VN_GM_MAX_CLIENTS], *none;
	int huge;

	for (unsigned int i = 0; i < RTE_DIM(fd); i++)
		fd[i] = memfd(i < RTE_DIM(f) ? VN_GM_MAX_BYTES : PAGE);
	huge = memfd(VN_GM_MAX_BYTES + PAGE);
	assert_int_equal(vn_gm_file_map_whole(reg, huge, 1, false, &none), -EFBIG);
	assert_int_equal(vn_gm_file_map(reg, huge, 0, VN_GM_MAX_BYTES + PAGE, true, &none), -EFBIG);
	for (unsigned int i = 0; i < RTE_DIM(f); i++) {
		assert_int_equal(vn_gm_file_map_whole(reg, fd[i], 1, false, &f[i]), 0);
		assert_true(vn_gm_file_size(f[i]) == VN_GM_MAX_BYTES);
	}
	vn_gm_file_unref(f[1]);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[1], 1, false, &f[1]), 0);
	/* A place is left, but no byte. */
	vn_gm_file_unref(f[0]);
	assert_int_equal(vn_gm_file_map(reg, fd[0], PAGE, VN_GM_MAX_BYTES - PAGE, false, &f[0]), 0);
	vn_gm_file_unref(f[2]);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[4], 1, false, &f[2]), 0);
	assert_int_equal(vn_gm_file_map_whole(reg, fd[2], 1, false, &none), -ENOSPC);
	for (unsigned int i = 0; i < RTE_DIM(f); i++)
		vn_gm_file_unref(f[i]);
	for (unsigned int i = 0; i < RTE_DIM(fd); i++)
		close(fd[i]);
	close(huge);
}

static void
broken_is_not_shared(void **state)
{
	struct vn_gm_registry *reg = *state;
	struct vn_gm_file *f, *again;
	int fd = memfd(PAGE);

	assert_int_equal(vn_gm_file_map_whole(reg, fd, 1, false, &f), 0);
	vn_gm_file_revoke(f);
	assert_int_equal(vn_gm_file_map_whole(reg, fd, 1, false, &again), 0);
	assert_ptr_not_equal(again, f);
	assert_false(vn_gm_file_broken(again));
	vn_gm_file_unref(f);
	vn_gm_file_unref(again);
	close(fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_thousand_maps_are_one),
		T(read_only_is_apart),
		T(a_grown_file_is_mapped_anew),
		T(descriptor_is_kept),
		T(whole_refuses),
		T(addresses_are_bounded),
		T(broken_is_not_shared),
	};

	return cmocka_run_group_tests_name("vn_gm_whole", tests, NULL, NULL);
}
