/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Memory maps: what a device gets, when a client hears of it, and what is refused.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>

#include "client.h"

#define PAGE UINT64_C(4096)

static void *
addr(uint64_t gpa, uint64_t len, bool write)
{
	return mock.mem != NULL ? vn_guestmem_addr(mock.mem, gpa, len, write) : NULL;
}

static void
map_and_unmap(void **state)
{
	struct cl *cl = *state;
	uint8_t *p = mmap(NULL, CL_MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, cl->memfd, 0);
	uint8_t *at;

	assert_true(p != MAP_FAILED);
	cl_start(cl);
	assert_int_equal(cl_map(cl, 0x10000, 4 * PAGE, PAGE, cl->memfd), 0);
	at = addr(0x10000, 4 * PAGE, true);
	assert_non_null(at);
	at[1] = 0x77;
	assert_int_equal(p[PAGE + 1], 0x77);
	/* The same file again: mapped once. */
	assert_int_equal(cl_map(cl, 0x100000, 4 * PAGE, 0, cl->memfd), 0);
	assert_int_equal(vn_gm_registry_files(cl->gm), 1);
	assert_int_equal(cl_info(cl).mem_regions, 2);
	assert_int_equal(cl_info(cl).mem_bytes, 8 * PAGE);
	/* Memory without a file is noted, and is not in the device's map. */
	assert_int_equal(cl_map(cl, 0x200000, PAGE, 0, -1), 0);
	assert_null(addr(0x200000, 1, false));
	assert_int_equal(cl_info(cl).mem_regions, 3);
	assert_int_equal(cl_map(cl, 0x200000, PAGE, 0, cl->memfd), -EEXIST);

	assert_int_equal(cl_unmap(cl, 0x10000, 4 * PAGE, 0), 0);
	assert_null(addr(0x10000, 1, false));
	assert_non_null(addr(0x100000, 1, false));
	assert_int_equal(cl_unmap(cl, 0x10000, 4 * PAGE, 0), -ENOENT);
	assert_int_equal(cl_unmap(cl, 0, 0, VFU_UNMAP_ALL), 0);
	assert_null(addr(0x100000, 1, false));
	/* An empty table, not none: rings that run are to let go of the old one. */
	assert_non_null(mock.mem);
	assert_int_equal(cl_info(cl).mem_regions, 0);
	assert_int_equal(cl_info(cl).mem_bytes, 0);
	cl_drain(cl);
	assert_int_equal(vn_gm_registry_files(cl->gm), 0);
	munmap(p, CL_MEM_SIZE);
}

static int
raw_map(struct cl *cl, uint32_t argsz, uint32_t flags, uint64_t offset, uint64_t address,
	uint64_t size, int fd)
{
	struct vfu_dma_map p = {argsz, flags, offset, address, size};

	return cl_call(cl, VFU_DMA_MAP, &p, sizeof(p), &fd, fd >= 0 ? 1 : 0, NULL, 0);
}

static void
maps_refused(void **state)
{
	struct cl *cl = *state;
	const int fd = cl->memfd;
	const int ev = cl_eventfd(), ro = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int two[2] = {fd, fd};
	struct vfu_dma_map p = {sizeof(p), 3, 0, 0, PAGE};
	unsigned int sets;

	cl_start(cl);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x10000, 4 * PAGE, fd), 0);
	sets = mock.set_mems;
	assert_int_equal(raw_map(cl, 31, 3, 0, 0, PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 0, 0, 0, PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 7, 0, 0, PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0, 0, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 0, 1, PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 1, 0, PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0, PAGE + 1, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 0, -PAGE, 2 * PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 0, -PAGE, PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, -PAGE, 0, 2 * PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0, -PAGE, fd), -EEXIST);
	assert_int_equal(raw_map(cl, 32, 3, 0, PAGE * 0x20, -PAGE * 0x40, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, CL_MEM_SIZE, 0, PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, CL_MEM_SIZE - PAGE, 0, 2 * PAGE, fd), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0, PAGE, ev), -EINVAL);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0, PAGE, ro), -EINVAL);
	/* Over, around, at both ends of what is there. */
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x10000, 4 * PAGE, fd), -EEXIST);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x11000, PAGE, fd), -EEXIST);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0xf000, 2 * PAGE, fd), -EEXIST);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x13000, 2 * PAGE, fd), -EEXIST);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x8000, 64 * PAGE, fd), -EEXIST);
	assert_int_equal(cl_call(cl, VFU_DMA_MAP, &p, sizeof(p), two, 2, NULL, 0), -EINVAL);
	assert_int_equal(mock.set_mems, sets);
	/* Next to it is fine. */
	assert_int_equal(raw_map(cl, 32, 3, 0, 0xf000, PAGE, fd), 0);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x14000, PAGE, fd), 0);

	assert_int_equal(cl_unmap(cl, 0x10000, PAGE, 0), -ENOENT);
	assert_int_equal(cl_unmap(cl, 0x11000, PAGE, 0), -ENOENT);
	assert_int_equal(cl_unmap(cl, 0x10000, 4 * PAGE, VFU_UNMAP_DIRTY), -ENOTSUP);
	assert_int_equal(cl_unmap(cl, 0x10000, 4 * PAGE, 4), -EINVAL);
	assert_int_equal(cl_unmap(cl, 0x10000, 4 * PAGE, VFU_UNMAP_ALL), -EINVAL);
	{
		struct vfu_dma_unmap u = {23, 0, 0x10000, 4 * PAGE};

		assert_int_equal(
			cl_call(cl, VFU_DMA_UNMAP, &u, sizeof(u), NULL, 0, NULL, 0), -EINVAL);
	}
	assert_int_equal(cl_info(cl).mem_regions, 3);
	assert_true(cl_info(cl).connected);
	close(ev);
	close(ro);
}

/* Sparse files, which are mapped as a whole: one client gets no more addresses than its share. */
static void
huge_files(void **state)
{
	const uint64_t size = VN_GM_MAX_BYTES / 8 * 5;
	struct cl *cl = *state;
	int fd[2];

	cl_start(cl);
	for (unsigned int i = 0; i < 2; i++) {
		fd[i] = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_true(fd[i] >= 0);
		assert_int_equal(ftruncate(fd[i], size), 0);
	}
	assert_int_equal(raw_map(cl, 32, 3, 0, 0, PAGE, fd[0]), 0);
	assert_int_equal(raw_map(cl, 32, 3, size - PAGE, PAGE, PAGE, fd[0]), 0);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x10000, PAGE, fd[1]), -EFBIG);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x10000, PAGE, cl->memfd), 0);
	for (unsigned int i = 0; i < 2; i++)
		close(fd[i]);
}

static void
read_only(void **state)
{
	struct cl *cl = *state;
	char path[64];
	int ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", cl->memfd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(ro >= 0);
	cl_start(cl);
	assert_int_equal(raw_map(cl, 32, VFU_MAP_READ, 0, 0, PAGE, cl->memfd), 0);
	assert_non_null(addr(0, PAGE, false));
	assert_null(addr(0, PAGE, true));
	assert_int_equal(raw_map(cl, 32, VFU_MAP_READ, 0, 0x10000, PAGE, ro), 0);
	assert_non_null(addr(0x10000, PAGE, false));
	assert_true(raw_map(cl, 32, 3, 0, 0x20000, PAGE, ro) < 0);
	assert_int_equal(raw_map(cl, 32, 3, 0, 0x20000, PAGE, cl->memfd), 0);
	assert_non_null(addr(0x20000, PAGE, true));
	close(ro);
}

static void
send_map(struct cl *cl, uint64_t address, int fd, uint32_t flags)
{
	struct vfu_dma_map p = {sizeof(p), 3, 0, address, PAGE};

	cl_send(cl, VFU_DMA_MAP, flags, &p, sizeof(p), &fd, fd >= 0 ? 1 : 0);
}

/* VMMs send them by the dozen without waiting: the pollers change maps once. */
static void
burst_is_one_change(void **state)
{
	struct cl *cl = *state;
	struct vfu_dma_unmap u = {sizeof(u), 0, 0x10000, PAGE}, r;
	struct vfu_access a = {.region = VN_PCI_CONFIG, .count = 4};
	uint8_t buf[20];
	uint16_t id = cl->id;
	unsigned int sets;

	cl_start(cl);
	id = cl->id;
	sets = mock.set_mems;
	mock.delay = true;
	for (unsigned int i = 0; i < 18; i++)
		send_map(cl, 0x10000 * (i + 1), i % 5 == 4 ? -1 : cl->memfd, 0);
	cl_send(cl, VFU_DMA_UNMAP, 0, &u, sizeof(u), NULL, 0);
	send_map(cl, 0x20000, cl->memfd, 0); /* refused, in its turn */
	cl_send(cl, VFU_REGION_READ, 0, &a, sizeof(a), NULL, 0);
	cl_assert_silent(cl);
	assert_int_equal(mock.set_mems, sets + 1);
	assert_int_equal(mock.n_waiting, 1);
	/* Those that come while the change is under way wait for the next one. */
	mock_answer(1);
	for (unsigned int i = 0; i < 18; i++)
		assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, ++id, NULL, 0), 0);
	assert_int_equal(cl_recv_id(cl, VFU_DMA_UNMAP, ++id, &r, sizeof(r)), sizeof(r));
	assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, ++id, NULL, 0), -EEXIST);
	assert_int_equal(cl_recv_id(cl, VFU_REGION_READ, ++id, buf, sizeof(buf)), 20);
	assert_int_equal(mock.set_mems, sets + 1);
	assert_null(addr(0x10000, 1, false));
	assert_non_null(addr(0x20000, 1, false));

	/* Unasked for a reply: the register access behind it waits all the same. */
	send_map(cl, 0x1000000, cl->memfd, VFU_F_NO_REPLY);
	cl_send(cl, VFU_REGION_READ, 0, &a, sizeof(a), NULL, 0);
	cl_assert_silent(cl);
	mock_answer(1);
	assert_int_equal(cl_recv(cl, VFU_REGION_READ, buf, sizeof(buf)), 20);
}

static void
later_maps_wait_for_the_next_change(void **state)
{
	struct cl *cl = *state;
	uint16_t id;

	cl_start(cl);
	id = cl->id;
	mock.delay = true;
	send_map(cl, 0x10000, cl->memfd, 0);
	cl_assert_silent(cl);
	send_map(cl, 0x20000, cl->memfd, 0);
	send_map(cl, 0x30000, cl->memfd, 0);
	cl_assert_silent(cl);
	assert_int_equal(mock.n_waiting, 1);
	mock_answer(1);
	assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, ++id, NULL, 0), 0);
	cl_assert_silent(cl);
	assert_int_equal(mock.n_waiting, 1);
	mock_answer(1);
	assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, ++id, NULL, 0), 0);
	assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, ++id, NULL, 0), 0);

	/* More than there is room for replies. */
	for (unsigned int i = 0; i < 100; i++)
		send_map(cl, 0x1000000 + i * PAGE, cl->memfd, 0);
	for (unsigned int i = 0; i < 100; i++) {
		if (mock.n_waiting == 0)
			cl_drain(cl);
		mock_answer(1);
		assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, ++id, NULL, 0), 0);
	}
}

static void
client_goes_meanwhile(void **state)
{
	struct cl *cl = *state;

	cl_start(cl);
	assert_int_equal(cl_map(cl, 0x10000, PAGE, 0, cl->memfd), 0);
	mock.delay = true;
	assert_int_equal(mock.n_waiting, 0);
	send_map(cl, 0x20000, cl->memfd, 0);
	cl_drain(cl);
	assert_int_equal(mock.n_waiting, 1);
	close(cl->fd);
	cl->fd = -1;
	cl_drain(cl);
	assert_int_equal(mock_pci.resets, 0);
	mock_answer(1);
	cl_drain(cl);
	assert_int_equal(mock_pci.resets, 1);
	/* Giving the memory back takes its time, too. */
	assert_int_equal(mock.n_waiting, 1);
	assert_true(vn_gm_registry_files(cl->gm) > 0);
	mock_answer(1);
	mock.delay = false;
	cl_drain(cl);
	assert_int_equal(vn_gm_registry_files(cl->gm), 0);
	/* Nothing is left for the next one. */
	cl_start(cl);
	assert_int_equal(cl_info(cl).mem_regions, 0);
	assert_int_equal(cl_map(cl, 0x10000, PAGE, 0, cl->memfd), 0);
	/* And none is left when the device goes with a client on it. */
	cl_unplug(cl);
	assert_int_equal(vn_gm_registry_files(cl->gm), 0);
}

static void
many_maps(void **state)
{
	struct cl *cl = *state;
	const unsigned int n = 2000;
	unsigned int i;

	cl_start(cl);
	for (i = 0; i < n; i++)
		assert_int_equal(
			cl_map(cl, (i + 1) * 2 * PAGE, PAGE, (i % 256) * PAGE, cl->memfd), 0);
	assert_int_equal(cl_info(cl).mem_regions, n);
	assert_int_equal(vn_gm_registry_files(cl->gm), 1);
	for (i = 0; i < n; i += 2)
		assert_int_equal(cl_unmap(cl, (i + 1) * 2 * PAGE, PAGE, 0), 0);
	for (i = 0; i < n; i++)
		assert_true((addr((i + 1) * 2 * PAGE, PAGE, true) != NULL) == (i % 2 == 1));
	assert_int_equal(cl_info(cl).mem_regions, n / 2);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, cl_setup, cl_teardown)
	const struct CMUnitTest tests[] = {
		T(map_and_unmap),
		T(maps_refused),
		T(huge_files),
		T(read_only),
		T(burst_is_one_change),
		T(later_maps_wait_for_the_next_change),
		T(client_goes_meanwhile),
		T(many_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
