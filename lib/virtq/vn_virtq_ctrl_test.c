/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The control queue: commands and answers of any shape, and chains that are none.
 */
#include "virtq_test_env.h"

#include "vn_virtq_priv.h"

/* What the tests have in guest memory. */
#define CMD    MD_DATA_GPA
#define ANSWER (MD_DATA_GPA + 8192)
#define TABLE  (MD_DATA_GPA + 16384)

#define R VN_DESC_F_NEXT
#define W VN_DESC_F_WRITE

static void
ctrl_begin(struct fix *f, uint64_t features, uint16_t size, uint32_t region_size)
{
	struct vn_virtq_conf conf;
	uint8_t bytes[64];

	memset(f, 0, sizeof(*f));
	md_init(&f->md, 1, size, 0, features | env_ring, false, region_size);
	conf = md_conf(&f->md, &f->stats);
	conf.is_ctrl = true;
	assert_int_equal(vn_virtq_create(&conf, &f->vq), 0);
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = i + 1;
	md_write(&f->md, CMD, bytes, sizeof(bytes));
}

/* The last answer that came back. */
static void
expect_used(const struct fix *f, uint16_t idx, uint16_t head, uint32_t len)
{
	assert_int_equal(md_used_idx(&f->md), idx);
	assert_int_equal(md_used(&f->md, idx - 1).id, head);
	assert_int_equal(md_used(&f->md, idx - 1).len, len);
	assert_int_equal(f->stats.received_desc, f->stats.completed_desc);
}

/* A command of 2 bytes with an answer of 1, in two descriptors. */
static void
add_simple(struct fix *f)
{
	md_set_desc(&f->md, 4, CMD, 2, R, 5);
	md_set_desc(&f->md, 5, ANSWER, 1, W, 0);
	md_push_head(&f->md, 4);
}

/* It is served: the ring is sound. */
static void
simple_one_behind(struct fix *f)
{
	uint32_t len = 0, room = 0;
	uint8_t buf[8] = {0};

	add_simple(f);
	assert_int_equal(vn_virtq_ctrl_next(f->vq, buf, sizeof(buf), &len, &room), 1);
	assert_int_equal(len, 2);
	assert_int_equal(room, 1);
	assert_int_equal(buf[0], 1);
	assert_int_equal(buf[1], 2);
	assert_int_equal(buf[2], 0);
	vn_virtq_ctrl_reply(f->vq, "\x77", 1);
	expect_used(f, md_used_idx(&f->md), 4, 1);
	assert_int_equal(*(uint8_t *)md_ptr(&f->md, ANSWER), 0x77);
	assert_false(vn_virtq_broken(f->vq));
}

static void
one_at_a_time(void **state)
{
	uint32_t len, room;
	uint8_t buf[8];
	struct fix f;

	(void)state;
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 0);
	vn_virtq_ctrl_reply(f.vq, "x", 1); /* nothing to answer */
	assert_int_equal(md_used_idx(&f.md), 0);

	/* More than once around the ring. */
	for (unsigned int i = 1; i <= 2 * SIZE + 1; i++) {
		simple_one_behind(&f);
		assert_int_equal(md_used_idx(&f.md), i);
	}

	add_simple(&f);
	add_simple(&f);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 1);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 0);
	assert_int_equal(md_used_idx(&f.md), 2 * SIZE + 1);
	vn_virtq_ctrl_reply(f.vq, "x", 1);
	assert_int_equal(md_used_idx(&f.md), 2 * SIZE + 2);
	vn_virtq_ctrl_reply(f.vq, "x", 1);
	assert_int_equal(md_used_idx(&f.md), 2 * SIZE + 2);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 1);
	vn_virtq_ctrl_reply(f.vq, "x", 1);
	assert_int_equal(errors(&f.stats), 0);
	assert_int_equal(f.stats.packets, 2 * SIZE + 3);
	fix_end(&f);
}

/* As this kind of ring has it. */
static void
write_table(struct fix *f, const struct vn_vring_desc *d, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct vn_vring_packed_desc p = {
			.addr = d[i].addr, .len = d[i].len, .id = 7, .flags = d[i].flags};

		md_write(&f->md, TABLE + i * sizeof(p), env_ring ? (const void *)&p : &d[i],
			sizeof(p));
	}
}

/* Parts of any number and size, empty ones too, direct and indirect, over region borders. */
static void
shapes(void **state)
{
	static const struct {
		uint32_t cmd[5], answer[5];
		uint16_t n_cmd, n_answer;
	} shape[] = {
		{{30}, {20}, 1, 1}, {{2, 4, 20}, {1}, 3, 1},
		{{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}, 5, 5}, {{0, 2, 0, 9, 0}, {0, 1, 0, 3, 0}, 5, 5},
		{{7}, {0}, 1, 0}, /* no room for an answer */
		{{0}, {5}, 0, 1}, /* no command */
	};
	struct fix f;

	(void)state;
	for (unsigned int k = 0; k < RTE_DIM(shape) * 2 * 3; k++) {
		static const uint32_t regions[] = {0, 3, 17};
		const unsigned int i = k / 6;
		const bool indirect = k % 2;
		struct vn_vring_desc d[10];
		uint32_t at = 0, len, room, cmd_len = 0, room_len = 0;
		uint8_t buf[64], answer[64], got[64];
		uint16_t n = 0;

		/* Regions smaller than a page are fine in the model. */
		ctrl_begin(&f, VN_F_VERSION_1 | VN_F_INDIRECT_DESC, SIZE,
			regions[k / 2 % 3] == 0 ? 0 : 1024 + regions[k / 2 % 3]);
		for (uint16_t c = 0; c < shape[i].n_cmd; c++, n++) {
			d[n] = (struct vn_vring_desc){CMD + at, shape[i].cmd[c], R, n + 1};
			/* An empty one's address means nothing. */
			if (shape[i].cmd[c] == 0)
				d[n].addr = 1;
			at += shape[i].cmd[c];
			cmd_len += shape[i].cmd[c];
		}
		at = 0;
		for (uint16_t a = 0; a < shape[i].n_answer; a++, n++) {
			d[n] = (struct vn_vring_desc){
				ANSWER + at, shape[i].answer[a], R | W, n + 1};
			at += shape[i].answer[a];
			room_len += shape[i].answer[a];
		}
		d[n - 1].flags &= ~VN_DESC_F_NEXT;
		if (indirect) {
			write_table(&f, d, n);
			md_set_desc(&f.md, 0, TABLE, n * sizeof(d[0]), VN_DESC_F_INDIRECT, 0);
		} else {
			memcpy(f.md.desc, d, n * sizeof(d[0]));
		}
		md_push_head(&f.md, 0);

		memset(buf, 0, sizeof(buf));
		assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 1);
		assert_int_equal(len, cmd_len);
		assert_int_equal(room, room_len);
		for (uint32_t b = 0; b < sizeof(buf); b++)
			assert_int_equal(buf[b], b < cmd_len ? b + 1 : 0);

		/* Longer than there is room: cut. */
		memset(answer, 0xa5, sizeof(answer));
		vn_virtq_ctrl_reply(f.vq, answer, sizeof(answer));
		expect_used(&f, 1, 0, room_len);
		md_read(&f.md, ANSWER, got, sizeof(got));
		for (uint32_t b = 0; b < sizeof(got); b++)
			assert_int_equal(got[b], b < room_len ? 0xa5 : 0);
		assert_int_equal(errors(&f.stats), 0);
		assert_int_equal(f.stats.received_desc, n + indirect);
		fix_end(&f);
	}
}

/* A command that is longer than the reader wants, by lengths that no memory has. */
static void
longer_than_wanted(void **state)
{
	uint32_t len, room;
	uint8_t buf[8];
	struct fix f;

	(void)state;
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	md_set_desc(&f.md, 0, CMD, 5, R, 1);
	md_set_desc(&f.md, 1, CMD + 5, 5, R, 2);
	md_set_desc(&f.md, 2, CMD + 10, 5, R, 3);
	md_set_desc(&f.md, 3, ANSWER, 1, W, 0);
	md_push_head(&f.md, 0);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, 8, &len, &room), 1);
	assert_int_equal(len, 15);
	assert_memory_equal(buf, "\1\2\3\4\5\6\7\10", 8);
	vn_virtq_ctrl_reply(f.vq, "x", 1);
	expect_used(&f, 1, 0, 1);

	/* The sum does not fit into 32 bits; nothing of it is read. */
	for (unsigned int i = 0; i < 3; i++)
		md_set_desc(&f.md, i, CMD, UINT32_MAX, R, i + 1);
	md_push_head(&f.md, 0);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, NULL, 0, &len, &room), 1);
	assert_int_equal(len, UINT32_MAX);
	assert_int_equal(room, 1);
	vn_virtq_ctrl_reply(f.vq, NULL, 0);
	expect_used(&f, 2, 0, 0);
	simple_one_behind(&f);
	assert_int_equal(errors(&f.stats), 0);
	fix_end(&f);
}

/* Given back with length 0 and counted; the ring goes on. */
static void
bad_chains_go_back(void **state)
{
	uint32_t len, room;
	uint8_t buf[8];
	struct fix f;

	(void)state;
	/* A part to read behind one to write, behind another such chain. */
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	md_set_desc(&f.md, 0, CMD, 2, R, 1);
	md_set_desc(&f.md, 1, ANSWER, 1, R | W, 2);
	md_set_desc(&f.md, 2, CMD, 2, 0, 0);
	md_push_head(&f.md, 0);
	md_push_head(&f.md, 1);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 0);
	assert_int_equal(f.stats.bad_desc_errors, 2);
	expect_used(&f, 2, 1, 0);
	md_push_head(&f.md, 0);
	simple_one_behind(&f);
	assert_int_equal(f.stats.bad_desc_errors, 3);
	assert_int_equal(errors(&f.stats), 3);
	assert_int_equal(md_used(&f.md, 2).len, 0);
	fix_end(&f);

	/* Too many pieces, and too many descriptors without a byte. */
	for (unsigned int empty = 0; empty < 2; empty++) {
		ctrl_begin(&f, VN_F_VERSION_1, 4096, 0);
		for (unsigned int i = 10; i < 4000; i++)
			md_set_desc(&f.md, i, ANSWER, !empty, R | W, i + 1);
		md_push_head(&f.md, 10);
		simple_one_behind(&f);
		assert_int_equal(f.stats.exceed_max_chain, 1);
		assert_int_equal(errors(&f.stats), 1);
		fix_end(&f);
	}
}

/* A ring full of them does not keep the caller for long. */
static void
bounded_by_descriptors(void **state)
{
	unsigned int calls = 0;
	uint32_t len, room;
	uint8_t buf[8];
	struct fix f;

	(void)state;
	if (env_ring)
		return; /* chains cannot share descriptors: see too_many_packed_pieces() */
	ctrl_begin(&f, VN_F_VERSION_1, 4096, 0);
	for (unsigned int i = 0; i < 4096; i++)
		md_set_desc(&f.md, i, 0, 0, R, (i + 1) % 4096);
	for (unsigned int i = 0; i < 64; i++)
		md_push_head(&f.md, i);
	while (md_used_idx(&f.md) != 64) {
		const uint64_t before = f.stats.received_desc;

		assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 0);
		assert_true(f.stats.received_desc - before <= VN_VQ_DESC_BUDGET + 2049);
		assert_true(f.stats.received_desc > before);
		calls++;
	}
	assert_true(calls > 10);
	assert_false(vn_virtq_broken(f.vq));
	assert_int_equal(f.stats.exceed_max_chain, 64);
	fix_end(&f);
}

static void
broken_rings(void **state)
{
	static const struct {
		struct vn_vring_desc d[2];
		size_t counter;
		const char *why;
	} bad[] = {
#define C(field) offsetof(struct vn_virtq_stats, field)
		{{{CMD, 2, R, SIZE}}, C(bad_desc_errors), "descriptor-index"},
		{{{CMD, 2, R, 1}, {CMD, 2, R, 0}}, C(exceed_max_chain), "chain"},
		{{{ANSWER, 1, R | W, 0}}, C(exceed_max_chain), "chain"},
		{{{0, 2, 0, 0}}, C(invalid_buffer), "memory"},
		{{{UINT64_MAX - 1, 2, 0, 0}}, C(invalid_buffer), "memory"},
		{{{CMD, 2, R, 1}, {0, 1, W, 0}}, C(invalid_buffer), "memory"},
		{{{CMD, 2, R, 1}, {MD_DATA_GPA + (1 << 20) - 1, 2, W, 0}}, C(invalid_buffer),
			"memory"},
		{{{CMD, 2, R, 1}, {ANSWER, UINT32_MAX, W, 0}}, C(invalid_buffer), "memory"},
		{{{TABLE, 16, VN_DESC_F_INDIRECT | R, 0}}, C(bad_desc_errors), "indirect"},
		{{{TABLE, 17, VN_DESC_F_INDIRECT, 0}}, C(bad_desc_errors), "indirect"},
		{{{TABLE, 16 * 1025, VN_DESC_F_INDIRECT, 0}}, C(exceed_max_chain), "indirect"},
		/* the table at TABLE is one descriptor that names itself as a table */
		{{{TABLE, 16, VN_DESC_F_INDIRECT, 0}}, C(bad_desc_errors), "indirect"},
#undef C
	};
	static const struct vn_vring_desc nested = {TABLE, 16, VN_DESC_F_INDIRECT, 0};
	uint32_t len, room;
	uint8_t buf[8];
	struct fix f;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		/* Packed: no links; and in tables, all but WRITE means nothing. */
		if (env_ring && (i < 3 || i + 1 == RTE_DIM(bad)))
			continue;
		ctrl_begin(&f, VN_F_VERSION_1 | VN_F_INDIRECT_DESC, SIZE, 0);
		md_write(&f.md, TABLE, &nested, sizeof(nested));
		memcpy(f.md.desc, bad[i].d, sizeof(bad[i].d));
		md_push_head(&f.md, 0);
		assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 0);
		assert_string_equal(vn_virtq_broken_why(f.vq), bad[i].why);
		assert_int_equal(*(uint64_t *)((char *)&f.stats + bad[i].counter), 1);
		assert_int_equal(errors(&f.stats), 1);
		vn_virtq_ctrl_reply(f.vq, "x", 1);
		assert_int_equal(md_used_idx(&f.md), 0);
		fix_end(&f);
	}

	/* Tables are not negotiated. */
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	md_set_desc(&f.md, 0, TABLE, 16, VN_DESC_F_INDIRECT, 0);
	md_push_head(&f.md, 0);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 0);
	assert_string_equal(vn_virtq_broken_why(f.vq), "indirect");
	fix_end(&f);

	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	if (env_ring) {
		add_simple(&f);
		assert_int_equal(vn_virtq_avail(f.vq), 2);
		f.md.ring[0].flags = 0;
		f.md.ring[0].flags = VN_DESC_F_AVAIL;
	} else {
		f.md.avail->idx = SIZE + 1;
	}
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 0);
	assert_string_equal(
		vn_virtq_broken_why(f.vq), env_ring ? "descriptor-flags" : "avail-index");
	fix_end(&f);
}

/* The driver rewrites the chain while its command is carried out: what was read counts. */
static void
rewritten_meanwhile(void **state)
{
	uint32_t len, room;
	uint8_t buf[8];
	struct fix f;

	(void)state;
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	add_simple(&f);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 1);
	md_set_desc(&f.md, 4, 0, 0xffff, W, 4);
	md_set_desc(&f.md, 5, 0, 0xffff, W, 4);
	if (env_ring) {
		f.md.ring[0] = (struct vn_vring_packed_desc){0, 0xffff, 9, W};
		f.md.ring[1] = (struct vn_vring_packed_desc){0, 0xffff, 9, W};
	} else {
		f.md.avail->ring[0] = 9;
	}
	vn_virtq_ctrl_reply(f.vq, "\x55", 1);
	expect_used(&f, 1, 4, 1);
	assert_int_equal(*(uint8_t *)md_ptr(&f.md, ANSWER), 0x55);
	simple_one_behind(&f);
	fix_end(&f);
}

/* The memory map is exchanged between command and answer: the old one may be gone. */
static void
memory_changes_meanwhile(void **state)
{
	struct model_driver other;
	uint32_t len, room;
	uint8_t buf[8];
	struct fix f;

	(void)state;
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	md_init(&other, 1, SIZE, 0, VN_F_VERSION_1 | env_ring, false, 8193);
	md_set_desc(&f.md, 0, CMD, 2, R, 1);
	md_set_desc(&f.md, 1, ANSWER - 4, 8, W, 0);
	md_push_head(&f.md, 0);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 1);
	/* The new one is in pieces where the old one was not. */
	assert_int_equal(vn_virtq_set_mem(f.vq, other.mem), 0);
	vn_virtq_ctrl_reply(f.vq, "abcdefgh", 8);
	assert_int_equal(md_used_idx(&f.md), 0);
	if (env_ring) {
		assert_int_equal(other.ring[0].len, 8);
	} else {
		assert_int_equal(other.used->idx, 1);
		assert_int_equal(other.used->ring[0].len, 8);
	}
	md_read(&other, ANSWER - 4, buf, 8);
	assert_memory_equal(buf, "abcdefgh", 8);
	md_read(&f.md, ANSWER - 4, buf, 8);
	assert_memory_equal(buf, "\0\0\0\0\0\0\0", 8);
	fix_end(&f);
	md_fini(&other);

	/* It is gone altogether. */
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	add_simple(&f);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 1);
	assert_int_equal(vn_virtq_set_mem(f.vq, NULL), -EFAULT);
	vn_virtq_ctrl_reply(f.vq, "x", 1);
	assert_int_equal(md_used_idx(&f.md), 0);
	fix_end(&f);
}

/* The answer's buffer is marked dirty, and only as far as it was written. */
static void
answer_is_logged(void **state)
{
	uint8_t bitmap[(MD_DATA_GPA >> 12) / 8 + 64] = {0};
	const struct vn_dirty_log log = {.base = bitmap, .size = sizeof(bitmap)};
	uint32_t len, room;
	uint8_t buf[8];
	struct fix f;

	(void)state;
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	vn_virtq_set_log(f.vq, true, &log, f.md.used_gpa);
	md_set_desc(&f.md, 0, CMD, 2, R, 1);
	md_set_desc(&f.md, 1, ANSWER, 2 * 4096, W, 0);
	md_push_head(&f.md, 0);
	assert_int_equal(vn_virtq_ctrl_next(f.vq, buf, sizeof(buf), &len, &room), 1);
	vn_virtq_ctrl_reply(f.vq, "abc", 3);
	assert_int_equal(bitmap[(ANSWER >> 12) / 8], 1 << ((ANSWER >> 12) % 8));
	assert_true(bitmap[(f.md.used_gpa >> 12) / 8] & 1 << ((f.md.used_gpa >> 12) % 8));
	fix_end(&f);
}

static void
refused(void **state)
{
	struct vn_virtq_conf conf;
	struct vn_virtq *vq;
	struct fix f;

	(void)state;
	ctrl_begin(&f, VN_F_VERSION_1, SIZE, 0);
	conf = md_conf(&f.md, &f.stats);
	conf.is_ctrl = conf.is_rx = true;
	assert_int_equal(vn_virtq_create(&conf, &vq), -EINVAL);
	fix_end(&f);
}

int
main(void)
{
#define T(name) cmocka_unit_test(name)
	static const struct CMUnitTest tests[] = {
		T(one_at_a_time),
		T(shapes),
		T(longer_than_wanted),
		T(bad_chains_go_back),
		T(bounded_by_descriptors),
		T(broken_rings),
		T(rewritten_meanwhile),
		T(memory_changes_meanwhile),
		T(answer_is_logged),
		T(refused),
	};

	return env_run_both(tests, NULL, NULL);
}
