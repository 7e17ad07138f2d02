/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Memory tables, memory slots and the dirty log. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "front_end.h"
#include "vn_features.h"

#define FEATURES (VN_F_VERSION_1 | VU_F_PROTOCOL_FEATURES)
#define PAGE     4096u

static bool
runs(const struct fe *fe, unsigned int i)
{
	return fe->dev.vq[i].state == VN_VQ_RUNNING;
}

static struct vu_mem_reg
reg(uint64_t gpa, uint64_t size, uint64_t uva, uint64_t offset)
{
	return (struct vu_mem_reg){
		.region = {.gpa = gpa, .size = size, .uva = uva, .mmap_offset = offset},
	};
}

static void
begin(struct fe *fe)
{
	fe_connect(fe);
	fe_negotiate(fe, FEATURES);
}

static void
test_table(void **state)
{
	struct fe *fe = *state;
	struct vu_mem_table t = {.n = VU_TABLE_REGIONS};
	int fds[VU_TABLE_REGIONS];
	unsigned int i;

	begin(fe);
	for (i = 0; i < t.n; i++) {
		/* Not even the offset is aligned to pages. */
		t.region[i] =
			reg(i * 0x10000u, 0x10000, FE_UVA + i * 0x20000u, i * 0x10000u + 0x200)
				.region;
		fds[i] = fe->memfd;
	}
	fe_ok(fe, VU_SET_MEM_TABLE, &t, sizeof(t), fds, t.n);
	assert_int_equal(fe_info(fe).mem_regions, 8);
	assert_int_equal(fe_info(fe).mem_bytes, 0x80000);
	assert_int_equal(mock.mem->n, 8);
	assert_int_equal(vn_guestmem_uva_to_gpa(mock.mem, FE_UVA + 0x20010), 0x10010);
	/* What we see is what the file has. */
	assert_int_equal(pwrite(fe->memfd, "guest", 5, 0x10000 + 0x200 + 0x30), 5);
	assert_memory_equal(vn_guestmem_addr(mock.mem, 0x10030, 5, false), "guest", 5);
	/* Another table takes its place; an empty one takes all memory back. */
	fe_set_mem(fe);
	assert_int_equal(fe_info(fe).mem_regions, 1);
	memset(&t, 0, sizeof(t));
	fe_ok(fe, VU_SET_MEM_TABLE, &t, 8, NULL, 0);
	assert_null(mock.mem);
	fe_drain(fe);
	assert_int_equal(vn_gm_registry_files(fe->gm), 0);
}

static void
refuse_region(struct fe *fe, struct vu_mem_reg r, int fd)
{
	struct vu_mem_table t = {.n = 1, .region = {r.region}};

	fe_refused(fe, VU_SET_MEM_TABLE, &t, 8 + 32, &fd, 1);
	fe_refused(fe, VU_ADD_MEM_REG, &r, sizeof(r), &fd, 1);
	/* What was in force is so still. */
	assert_int_equal(fe_info(fe).mem_regions, 1);
	assert_true(runs(fe, 0) && runs(fe, 1));
}

static void
test_bad_regions(void **state)
{
	struct fe *fe = *state;
	struct vu_mem_table t = {.n = 2};
	int fds[2] = {fe->memfd, fe->memfd}, dir, pipefd[2], fd;

	fe_start_all(fe);
	refuse_region(fe, reg(0, 0, 0x1000, 0), fe->memfd);
	refuse_region(fe, reg(UINT64_MAX - PAGE, 2 * PAGE, 0x1000, 0), fe->memfd);
	refuse_region(fe, reg(0, 2 * PAGE, UINT64_MAX - PAGE, 0), fe->memfd);
	refuse_region(fe, reg(0, FE_MEM_SIZE + 1, 0x1000, 0), fe->memfd);
	refuse_region(fe, reg(0, PAGE, 0x1000, FE_MEM_SIZE), fe->memfd);
	refuse_region(fe, reg(0, PAGE, 0x1000, UINT64_MAX - 10), fe->memfd);
	refuse_region(fe, reg(0, UINT64_MAX, 0, 1), fe->memfd);
	dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	refuse_region(fe, reg(0, PAGE, 0x1000, 0), dir);
	close(dir);
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	refuse_region(fe, reg(0, PAGE, 0x1000, 0), pipefd[0]);
	close(pipefd[0]);
	close(pipefd[1]);
	fd = fe_memfd(PAGE);
	refuse_region(fe, reg(0, 2 * PAGE, 0x1000, 0), fd);
	close(fd);
	fd = fe_eventfd();
	refuse_region(fe, reg(0, PAGE, 0x1000, 0), fd);
	close(fd);

	/* Overlap at guest addresses, then at the peer's. */
	t.region[0] = reg(0, 4 * PAGE, 0x10000, 0).region;
	t.region[1] = reg(3 * PAGE, PAGE, 0x20000, 0).region;
	fe_refused(fe, VU_SET_MEM_TABLE, &t, 8 + 64, fds, 2);
	t.region[1] = reg(8 * PAGE, PAGE, 0x10000 + PAGE, 0).region;
	fe_refused(fe, VU_SET_MEM_TABLE, &t, 8 + 64, fds, 2);
	/* Counts that do not agree. */
	fe_refused(fe, VU_SET_MEM_TABLE, &t, 8 + 32, fds, 2);
	t.region[1] = reg(8 * PAGE, PAGE, 0x20000, 0).region;
	fe_refused(fe, VU_SET_MEM_TABLE, &t, 8 + 64, fds, 1);
	fe_refused(fe, VU_SET_MEM_TABLE, &t, 8 + 64, NULL, 0);
	t.n = 9;
	fe_refused(fe, VU_SET_MEM_TABLE, &t, sizeof(t), fds, 2);
	t.n = UINT32_MAX;
	fe_refused(fe, VU_SET_MEM_TABLE, &t, sizeof(t), fds, 2);
	assert_int_equal(fe_info(fe).mem_regions, 1);
	assert_true(runs(fe, 0));
}

/* 509 slots, one more, and back; rings start as soon as their memory is there. */
static void
test_slots(void **state)
{
	struct fe *fe = *state;
	struct vu_mem_reg r;
	unsigned int i, n;

	begin(fe);
	n = (unsigned int)fe_get_u64(fe, VU_GET_MAX_MEM_SLOTS);
	assert_int_equal(n, 509);
	fe_ring(fe, 0);
	for (i = 0; i < n; i++) {
		r = reg(FE_GPA + (uint64_t)i * FE_MEM_SIZE, i == 300 ? FE_MEM_SIZE : PAGE,
			i == 300 ? FE_UVA : 0x100000 + (uint64_t)i * 0x10000, 0);
		fe_ok(fe, VU_ADD_MEM_REG, &r, sizeof(r), &fe->memfd, 1);
		assert_int_equal(runs(fe, 0), i >= 300);
	}
	assert_int_equal(fe_info(fe).mem_regions, 509);
	assert_int_equal(mock.ring[0].starts, 1);
	assert_int_equal(fe->dev.vq[0].setup.desc_gpa, FE_GPA + UINT64_C(300) * FE_MEM_SIZE);
	r = reg(UINT64_C(1) << 40, PAGE, UINT64_C(1) << 41, 0);
	fe_refused(fe, VU_ADD_MEM_REG, &r, sizeof(r), &fe->memfd, 1);
	/* Same file and range again and again: mapped once for each size. */
	fe_drain(fe);
	assert_int_equal(vn_gm_registry_files(fe->gm), 2);
	/* Not exactly this one: another size. A descriptor is taken and closed. */
	r = reg(FE_GPA, 2 * PAGE, 0x100000, 0);
	fe_refused(fe, VU_REM_MEM_REG, &r, sizeof(r), NULL, 0);
	r = reg(FE_GPA, PAGE, 0x100000, 1234);
	fe_ok(fe, VU_REM_MEM_REG, &r, sizeof(r), &fe->memfd, 1);
	fe_refused(fe, VU_REM_MEM_REG, &r, sizeof(r), NULL, 0);
	assert_true(runs(fe, 0));
	/* The ring's own memory: it stops before the answer, and starts where it was. */
	mock.ring[0].position = 99;
	r = reg(FE_GPA + UINT64_C(300) * FE_MEM_SIZE, FE_MEM_SIZE, FE_UVA, 0);
	fe_ok(fe, VU_REM_MEM_REG, &r, sizeof(r), NULL, 0);
	assert_false(runs(fe, 0));
	assert_int_equal(fe_info(fe).mem_regions, 507);
	fe_ok(fe, VU_ADD_MEM_REG, &r, sizeof(r), &fe->memfd, 1);
	assert_true(runs(fe, 0));
	assert_int_equal(fe->dev.vq[0].setup.start, 99);
}

/* The answer waits until the device has let go of the old table. */
static void
test_delayed_table(void **state)
{
	struct fe *fe = *state;
	struct vu_mem_table t = {
		.n = 1,
		.region = {{.gpa = 2 * FE_GPA, .size = FE_MEM_SIZE, .uva = FE_UVA}},
	};
	uint64_t v = 1;

	fe_start_all(fe);
	/* Same table: rings go on. */
	fe_set_mem(fe);
	assert_int_equal(mock.ring[0].stops, 0);
	/* The same addresses are elsewhere in the guest now: rings stop, then the map changes. */
	mock.delay = true;
	mock.ring[1].position = 12;
	fe_send(fe, VU_SET_MEM_TABLE, FE_NEED_REPLY, &t, 8 + 32, &fe->memfd, 1);
	fe_assert_silent(fe);
	assert_int_equal(mock.n_waiting, 2);
	assert_int_equal(mock_answer(1), 1);
	fe_assert_silent(fe);
	assert_int_equal(vn_guestmem_at(mock.mem, 0)->gpa, FE_GPA);
	assert_int_equal(mock_answer(1), 1);
	fe_assert_silent(fe);
	assert_int_equal(vn_guestmem_at(mock.mem, 0)->gpa, 2 * FE_GPA);
	assert_false(runs(fe, 0) || runs(fe, 1));
	assert_int_equal(mock_answer(1), 1);
	assert_int_equal(fe_recv(fe, VU_SET_MEM_TABLE, &v, sizeof(v)), sizeof(v));
	assert_int_equal(v, 0);
	assert_true(runs(fe, 0) && runs(fe, 1));
	assert_int_equal(fe->dev.vq[1].setup.desc_gpa, 2 * FE_GPA + 0x10000);
	assert_int_equal(fe->dev.vq[1].setup.start, 12);
}

/* Gone while the device is at it: nothing is lost, nothing is used after it went. */
static void
test_disconnect_while_pending(void **state)
{
	struct fe *fe = *state;
	struct vu_mem_table t = {
		.n = 1,
		.region = {{.gpa = 2 * FE_GPA, .size = FE_MEM_SIZE, .uva = FE_UVA}},
	};
	unsigned int answered;

	for (answered = 0; answered < 3; answered++) {
		mock.delay = false;
		fe_start_all(fe);
		mock.delay = true;
		fe_send(fe, VU_SET_MEM_TABLE, FE_NEED_REPLY, &t, 8 + 32, &fe->memfd, 1);
		fe_drain(fe);
		assert_int_equal(mock_answer(answered), answered);
		close(fe->fd);
		fe->fd = -1;
		fe_drain(fe);
		assert_false(fe_info(fe).connected);
		/* The next one has to wait for the old one's end. */
		fe->fd = fe_dial(fe);
		fe_drain(fe);
		assert_false(fe_info(fe).connected);
		while (mock.n_waiting > 0) {
			mock_answer(1);
			fe_drain(fe);
		}
		assert_true(fe_info(fe).connected);
		mock.delay = false;
		fe_disconnect(fe);
		assert_int_equal(vn_gm_registry_files(fe->gm), 0);
	}
}

static void
send_log(struct fe *fe, uint32_t flags, uint64_t size, uint64_t offset, int fd)
{
	struct vu_log l = {.size = size, .offset = offset};

	fe_send(fe, VU_SET_LOG_BASE, flags, &l, sizeof(l), &fd, fd >= 0 ? 1 : 0);
}

static void
ok_log(struct fe *fe, uint64_t size, uint64_t offset, int fd)
{
	uint64_t v;

	send_log(fe, VU_VERSION, size, offset, fd);
	/* The reply has no payload. */
	assert_int_equal(fe_recv(fe, VU_SET_LOG_BASE, &v, sizeof(v)), 0);
}

static void
refused_log(struct fe *fe, uint64_t size, uint64_t offset, int fd)
{
	uint64_t v = 0;

	send_log(fe, FE_NEED_REPLY, size, offset, fd);
	assert_int_equal(fe_recv(fe, VU_SET_LOG_BASE, &v, sizeof(v)), sizeof(v));
	assert_int_not_equal(v, 0);
}

static void
test_log(void **state)
{
	struct fe *fe = *state;
	struct vu_vring_addr a = fe_addr(0);
	/* Memory ends at 2 MiB: 512 pages. */
	const uint64_t needed = 64;
	int fd = fe_memfd(4 * PAGE), fd2 = fe_memfd(PAGE), evfd = fe_eventfd();
	void *first;

	fe_start_all(fe);
	refused_log(fe, 0, 0, fd);
	refused_log(fe, needed - 1, 0, fd);
	refused_log(fe, UINT64_MAX, 0, fd);
	refused_log(fe, UINT64_C(8) << 30, 0, fd);
	refused_log(fe, 4 * PAGE + 1, 0, fd);
	refused_log(fe, needed, 4 * PAGE, fd);
	refused_log(fe, needed, UINT64_MAX - 8, fd);
	refused_log(fe, needed, 0, evfd);
	refused_log(fe, needed, 0, -1);
	assert_int_equal(mock.set_logs, 0);

	ok_log(fe, needed, 0x1010, fd);
	assert_int_equal(mock.set_logs, 0);
	/* On and off while rings run, which go on. */
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES | VU_F_LOG_ALL);
	assert_true(mock.log_on);
	assert_int_equal(mock.log_size, needed);
	first = mock.log_base;
	memset(first, 0x5a, 1);
	a.flags = VU_VRING_F_LOG;
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	assert_int_equal(mock.ring[0].stops, 0);
	{
		uint8_t c = 0;

		assert_int_equal(pread(fd, &c, 1, 0x1010), 1);
		assert_int_equal(c, 0x5a);
	}
	/* A new log while it logs; the old one is given back. */
	ok_log(fe, PAGE, 0, fd2);
	assert_int_equal(mock.set_logs, 2);
	assert_true(mock.log_on);
	assert_ptr_not_equal(mock.log_base, first);
	fe_drain(fe);
	assert_int_equal(vn_gm_registry_files(fe->gm), 2);
	/* Another address for the used ring: taken over by a restart at the same position. */
	mock.ring[0].position = 5;
	a.log += 0x100;
	fe_ok(fe, VU_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
	assert_int_equal(mock.ring[0].stops, 1);
	assert_int_equal(fe->dev.vq[0].setup.used_log_gpa, a.log);
	assert_int_equal(fe->dev.vq[0].setup.start, 5);
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES);
	assert_false(mock.log_on);
	assert_int_equal(mock.set_logs, 3);
	assert_null(mock.log_base);
	close(fd);
	close(fd2);
	close(evfd);
}

/* The device holds the log until it says so. */
static void
test_delayed_log(void **state)
{
	struct fe *fe = *state;
	int fd = fe_memfd(PAGE), fd2 = fe_memfd(PAGE);
	uint64_t v;

	fe_start_all(fe);
	ok_log(fe, PAGE, 0, fd);
	fe_ok_u64(fe, VU_SET_FEATURES, FEATURES | VU_F_LOG_ALL);
	mock.delay = true;
	send_log(fe, VU_VERSION, PAGE, 0, fd2);
	fe_assert_silent(fe);
	assert_int_equal(vn_gm_registry_files(fe->gm), 3);
	mock_answer(1);
	assert_int_equal(fe_recv(fe, VU_SET_LOG_BASE, &v, sizeof(v)), 0);
	fe_drain(fe);
	assert_int_equal(vn_gm_registry_files(fe->gm), 2);
	/* Gone in the middle of it. */
	send_log(fe, VU_VERSION, PAGE, 0, fd);
	fe_drain(fe);
	close(fe->fd);
	fe->fd = -1;
	fe_drain(fe);
	assert_int_equal(mock_answer(2), 2);
	close(fd);
	close(fd2);
}

/* Without LOG_SHMFD there is no way to have one. */
static void
test_log_not_negotiated(void **state)
{
	struct fe *fe = *state;
	int fd = fe_memfd(PAGE);

	fe_connect(fe);
	send_log(fe, VU_VERSION, PAGE, 0, fd);
	close(fd);
	fe_assert_closed(fe);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fe_setup, fe_teardown)
		T(test_table),
		T(test_bad_regions),
		T(test_slots),
		T(test_delayed_table),
		T(test_disconnect_while_pending),
		T(test_log),
		T(test_delayed_log),
		T(test_log_not_negotiated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
