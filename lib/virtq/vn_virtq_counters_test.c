/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Counters say the same whichever way frames take: by mbufs or by views, by the fast way or the
 * general one, through a split or a packed ring.
 */
#include "virtq_test_env.h"
#include "vn_virtq_priv.h"
#include "vn_virtq_view.h"

#define TABLE (MD_DATA_GPA + 65536)

/* What a driver posts, and what is to be sent to it. */
struct scene {
	const char *name;
	void (*post)(struct fix *f);
	bool rx;
	uint64_t features;
	uint32_t len[4]; /* rx: of frames */
};

static void
one(struct fix *f, uint16_t i, uint32_t len, uint16_t flags)
{
	md_set_desc(&f->md, i, MD_DATA_GPA + 4096 * i, len,
		flags | (f->md.is_rx ? VN_DESC_F_WRITE : 0), i + 1);
}

/* Frames of one buffer each. */
static void
post_plain(struct fix *f)
{
	for (uint16_t i = 0; i < 4; i++) {
		one(f, i, 12 + 60 + 500 * i, 0);
		md_push_head(&f->md, i);
	}
}

static void
post_pairs(struct fix *f)
{
	for (uint16_t i = 0; i < 8; i += 2) {
		one(f, i, 12, VN_DESC_F_NEXT);
		one(f, i + 1, 60 + 500 * i, 0);
		md_push_head(&f->md, i);
	}
}

/* (Of a packed ring's chain all descriptors are read, also those that are of no use.) */
static void
post_crumbs(struct fix *f)
{
	for (uint16_t i = 0; i < 12; i++)
		one(f, i, 40, (i + 1) % 4 != 0 ? VN_DESC_F_NEXT : 0);
	for (uint16_t i = 0; i < 12; i += 4)
		md_push_head(&f->md, i);
}

static void
post_table(struct fix *f)
{
	for (uint16_t i = 0; i < 4; i++) {
		const bool write = f->md.is_rx;
		struct vn_vring_desc d[2] = {
			{.addr = MD_DATA_GPA, .len = 12, .flags = VN_DESC_F_NEXT, .next = 1},
			{.addr = MD_DATA_GPA + 4096, .len = 100 + i},
		};

		for (unsigned int k = 0; k < 2; k++) {
			d[k].flags |= write ? VN_DESC_F_WRITE : 0;
			if (f->md.packed)
				d[k].next = d[k].flags;
		}
		md_write(&f->md, TABLE + i * sizeof(d), d, sizeof(d));
		md_set_desc(&f->md, i, TABLE + i * sizeof(d), sizeof(d), VN_DESC_F_INDIRECT, 0);
		md_push_head(&f->md, i);
	}
}

/* Too short, the wrong way round, longer than a frame may be; and a good one. */
static void
post_bad(struct fix *f)
{
	one(f, 0, 5, 0);
	md_push_head(&f->md, 0);
	md_set_desc(&f->md, 1, MD_DATA_GPA, 100, f->md.is_rx ? 0 : VN_DESC_F_WRITE, 0);
	md_push_head(&f->md, 1);
	one(f, 2, f->md.is_rx ? 11 : 12 + VN_MAX_FRAME + 1, 0);
	md_push_head(&f->md, 2);
	one(f, 3, 12 + 60, 0);
	md_push_head(&f->md, 3);
}

static void
by_mbufs(struct fix *f, const struct scene *s)
{
	struct rte_mbuf *m[4];
	uint16_t n;

	if (!s->rx) {
		n = vn_virtq_dequeue(f->vq, env_pool, m, 4);
		rte_pktmbuf_free_bulk(m, n);
		return;
	}
	for (n = 0; n < 4; n++)
		m[n] = some_frame(s->len[n]);
	vn_virtq_enqueue(f->vq, m, n);
	rte_pktmbuf_free_bulk(m, n);
}

static void
by_views(struct fix *f, const struct scene *s)
{
	static uint8_t body[4096];
	struct vn_view v;

	if (!s->rx) {
		while (vn_virtq_view(f->vq, &v))
			;
		return;
	}
	for (unsigned int i = 0; i < 4; i++) {
		struct vn_view_seg seg = {.ptr = body};

		memset(&v, 0, sizeof(v));
		v.len = s->len[i];
		v.head_len = RTE_MIN(v.len, (uint32_t)VN_VIEW_HEAD);
		seg.len = v.len - v.head_len;
		v.seg = &seg;
		v.n_segs = seg.len > 0;
		if (vn_virtq_put_view(f->vq, &v) == VN_PUT_FULL)
			break;
	}
}

static struct vn_virtq_stats
play(const struct scene *s, uint64_t ring, bool views, bool no_fast)
{
	const uint64_t saved = env_ring;
	struct vn_virtq_stats stats;
	struct fix f;

	env_ring = ring;
	fix_begin(&f, s->rx, VN_F_VERSION_1 | s->features);
	f.vq->no_fast = no_fast;
	vn_virtq_set_count_sizes(f.vq, true);
	s->post(&f);
	(views ? by_views : by_mbufs)(&f, s);
	vn_virtq_complete(f.vq);
	vn_virtq_publish(f.vq);
	assert_false(vn_virtq_broken(f.vq));
	stats = f.stats;
	fix_end(&f);
	env_ring = saved;
	return stats;
}

static void
test_same(void **state)
{
	static const struct scene scene[] = {
		{"plain", post_plain, false, 0, {0}},
		{"pairs", post_pairs, false, 0, {0}},
		{"crumbs", post_crumbs, false, 0, {0}},
		{"table", post_table, false, VN_F_INDIRECT_DESC, {0}},
		{"bad", post_bad, false, 0, {0}},
		{"rx plain", post_plain, true, 0, {60, 560, 700, 1560}},
		{"rx too long", post_plain, true, 0, {61, 60, 561, 560}},
		{"rx mergeable", post_plain, true, VN_NET_F_MRG_RXBUF, {60, 900, 60, 60}},
		{"rx pairs", post_pairs, true, 0, {60, 60, 1000, 3000}},
		{"rx crumbs", post_crumbs, true, VN_NET_F_MRG_RXBUF, {140, 300, 60, 60}},
		{"rx table", post_table, true, VN_F_INDIRECT_DESC, {60, 60, 102, 103}},
		{"rx bad", post_bad, true, 0, {60, 60, 60, 60}},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(scene); i++) {
		struct vn_virtq_stats first = play(&scene[i], 0, false, false);

		assert_true(first.packets > 0);
		assert_true(first.max_post > 0);
		for (unsigned int k = 1; k < 8; k++) {
			struct vn_virtq_stats s =
				play(&scene[i], k & 1 ? VN_F_RING_PACKED : 0, k & 2, k & 4);

			print_message("%s: %s, %s, %s\n", scene[i].name, k & 1 ? "packed" : "split",
				k & 2 ? "views" : "mbufs", k & 4 ? "general way" : "fast way");
			/* Chains that are there, or descriptors as far as anybody has looked. */
			assert_true(s.max_post > 0);
			if (!(k & 1))
				assert_int_equal(s.max_post, first.max_post);
			s.max_post = first.max_post;
			assert_memory_equal(&s, &first, sizeof(s));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_same, env_check_pool),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
