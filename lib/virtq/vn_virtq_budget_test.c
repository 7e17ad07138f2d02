/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What chains that are all descriptors and no bytes may cost those who move frames without mbufs.
 */
#include "virtq_test_env.h"
#include "vn_virtq_priv.h"
#include "vn_virtq_view.h"

#define ENTRIES 1000u

/* A frame at the end of a table of empty entries. */
static void
push_long_table(struct fix *f, uint16_t head)
{
	const uint64_t at = MD_DATA_GPA + 65536;

	for (uint32_t i = 0; i < ENTRIES; i++) {
		const bool last = i + 1 == ENTRIES;
		struct vn_vring_desc d = {.addr = MD_DATA_GPA, .len = last ? 12 + FRAME : 0};

		/* In a packed ring's table, flags lie where next is. */
		if (!f->md.packed && !last) {
			d.flags = VN_DESC_F_NEXT;
			d.next = i + 1;
		}
		md_write(&f->md, at + i * sizeof(d), &d, sizeof(d));
	}
	md_set_desc(
		&f->md, head, at, ENTRIES * sizeof(struct vn_vring_desc), VN_DESC_F_INDIRECT, 0);
	md_push_head(&f->md, head);
}

/* The budget is for a burst of views, not for each. */
static void
views_until_complete(void **state)
{
	const unsigned int most = VN_VQ_DESC_BUDGET / (ENTRIES + 1) + 1;
	struct vn_view v;
	unsigned int n;
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1 | VN_F_INDIRECT_DESC);
	for (uint16_t i = 0; i < SIZE; i++)
		push_long_table(&f, i);
	for (unsigned int left = SIZE; left > 0; left -= n) {
		for (n = 0; vn_virtq_view(f.vq, &v); n++)
			assert_int_equal(v.len, FRAME);
		assert_int_equal(n, RTE_MIN(left, most));
		vn_virtq_complete(f.vq);
		vn_virtq_publish(f.vq);
	}
	assert_int_equal(md_used_idx(&f.md), SIZE);
	assert_int_equal(errors(&f.stats), 0);
	fix_end(&f);
}

/* So is one of bytes: copying takes time, too. */
static void
long_views_until_complete(void **state)
{
	const uint32_t len = 60000, most = VN_VQ_BYTE_BUDGET / len + 1;
	struct vn_view v;
	unsigned int n;
	struct fix f;

	(void)state;
	for (unsigned int no_fast = 0; no_fast < 2; no_fast++) {
		fix_begin(&f, false, VN_F_VERSION_1);
		f.vq->no_fast = no_fast;
		for (uint16_t i = 0; i < SIZE; i++) {
			md_set_desc(&f.md, i, MD_DATA_GPA, 12 + len, 0, 0);
			md_push_head(&f.md, i);
		}
		memset(md_ptr(&f.md, MD_DATA_GPA), 0, 12);
		for (unsigned int left = SIZE; left > 0; left -= n) {
			for (n = 0; vn_virtq_view(f.vq, &v); n++)
				assert_int_equal(v.len, len);
			assert_int_equal(n, RTE_MIN(left, most));
			vn_virtq_complete(f.vq);
			vn_virtq_publish(f.vq);
		}
		assert_int_equal(errors(&f.stats), 0);
		fix_end(&f);
	}
}

/* Receive buffers without an end: a frame is dropped once that is clear, and not at their end. */
static void
endless_receive_chain(void **state)
{
	const uint16_t n = VN_VQ_MAX_SIZE;
	struct vn_view v = {.len = FRAME, .head_len = FRAME};
	struct vn_virtq_stats stats = {0};
	struct vn_virtq_conf conf;
	struct model_driver md;
	struct vn_virtq *vq;

	(void)state;
	md_init(&md, 1, n, env_start(VN_EVENT_WRAP, n), VN_F_VERSION_1 | env_ring, true, 0);
	for (unsigned int i = 0; i < n; i++) {
		if (md.packed)
			md.ring[i].flags = VN_DESC_F_WRITE | VN_DESC_F_NEXT | VN_DESC_F_AVAIL;
		else
			md_set_desc(&md, i, 0, 0, VN_DESC_F_WRITE | VN_DESC_F_NEXT, (i + 1) % n);
	}
	if (!md.packed)
		md_push_head(&md, 0);
	conf = md_conf(&md, &stats);
	assert_int_equal(vn_virtq_create(&conf, &vq), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(vn_virtq_put_view(vq, &v), VN_PUT_DROPPED);
	/* That was enough for now, for all frames together. */
	assert_int_equal(vn_virtq_put_view(vq, &v), VN_PUT_FULL);
	vn_virtq_publish(vq);
	assert_int_equal(vn_virtq_put_view(vq, &v), VN_PUT_DROPPED);
	stats.oversized--;
	assert_false(vn_virtq_broken(vq));
	assert_int_equal(stats.oversized, 2);
	assert_int_equal(errors(&stats), 2);
	vn_virtq_publish(vq);
	assert_int_equal(vn_virtq_position(vq), conf.start);
	vn_virtq_free(vq);
	md_fini(&md);
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, env_check_pool)
	const struct CMUnitTest tests[] = {
		T(views_until_complete),
		T(long_views_until_complete),
		T(endless_receive_chain),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
