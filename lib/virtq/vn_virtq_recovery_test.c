/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What outlives us: the position of a ring after a death between any two steps, and the log of the
 * pages that were written.
 */
#include "virtq_test_run.h"

/*
 * The process dies between any two steps: the ring object is dropped as it is, and a new one
 * begins at the used->idx that guest memory shows.
 */
static void
die_and_resume(struct run *t)
{
	struct model_driver *md = &t->md;
	int at;

	assert_true(vn_bb_ring_was_live(&t->bb, md->packed, md->size, md->desc_gpa, md->used_gpa));
	if (md->packed) {
		at = vn_virtq_packed_resume(md->mem, md->desc_gpa, md->size, &t->bb);
		assert_int_equal(at, run_position(t, md_used_idx(md)));
		assert_true(vn_virtq_packed_possible(md->mem, md->desc_gpa, md->size, at));
	} else {
		at = vn_virtq_split_used_idx(md->mem, md->used_gpa);
		assert_int_equal(at, md->used->idx);
		assert_true(vn_bb_ring_bounds(&t->bb, at));
	}
	vn_virtq_free(t->vq);
	vn_bb_ring_start(&t->bb, md->packed, md->size, md->desc_gpa, md->used_gpa, at);
	run_create_vq(t, at);
	t->expect_used = md_used_idx(md);
	t->taken = 0;
	vn_virtq_interrupt_always(t->vq);
	assert_true(was_interrupted(t));
	t->waiting = false;
}

static void
recover_tx_round(uint64_t seed)
{
	struct run t;
	unsigned int reaped = 0;

	run_begin(&t, seed, false);
	for (unsigned int step = 0; step < 200; step++) {
		tx_add(&t);
		tx_dequeue(&t);
		if (rng_chance(&t.rng, 10))
			goto die;
		if (rng_chance(&t.rng, 70))
			tx_complete(&t);
		if (rng_chance(&t.rng, 10))
			goto die;
		publish(&t);
		if (rng_chance(&t.rng, 90)) {
			reaped += tx_reap(&t);
			continue;
		}
	die:
		/* What was not published will be seen by the network again, and only that. */
		t.got = reaped + (uint16_t)(md_used_idx(&t.md) - t.md.got);
		die_and_resume(&t);
	}
	while (t.got < t.put)
		tx_dequeue(&t);
	tx_complete(&t);
	publish(&t);
	reaped += tx_reap(&t);
	assert_int_equal(reaped, t.put);
	assert_int_equal(md_outstanding(&t.md), 0);
	run_end(&t);
}

static void
recover_rx_round(uint64_t seed)
{
	struct rte_mbuf *pending[VN_VQ_MAX_BURST];
	unsigned int num_pending = 0;
	struct run t;

	run_begin(&t, seed, true);
	for (unsigned int step = 0; step < 200; step++) {
		unsigned int sent_before;

		rx_post(&t);
		sent_before = t.put - num_pending;
		rx_enqueue(&t, pending, &num_pending);
		if (rng_chance(&t.rng, 10)) {
			/* Not published: that burst is lost to the guest, and nothing else. */
			unsigned int keep = t.put - num_pending;

			rx_reap(&t);
			assert_int_equal(t.got, sent_before);
			t.got = keep;
			die_and_resume(&t);
			continue;
		}
		publish(&t);
		if (rng_chance(&t.rng, 10)) {
			rx_reap(&t);
			die_and_resume(&t);
			continue;
		}
		rx_reap(&t);
	}
	assert_int_equal(t.got + num_pending, t.put);
	rte_pktmbuf_free_bulk(pending, num_pending);
	run_end(&t);
}

static void
recovery(void **state)
{
	unsigned int n = env_rounds("recovery, each direction", 40, 5000);

	(void)state;
	for (unsigned int i = 1; i <= n; i++) {
		recover_tx_round(i);
		recover_rx_round(i);
	}
}

/* Guest pages that change are in the log; others are not. */
static void
dirty_log(void **state)
{
	unsigned int n = env_rounds("dirty log", 15, 1500);

	(void)state;
	for (unsigned int seed = 1; seed <= n; seed++) {
		struct rte_mbuf *pending[VN_VQ_MAX_BURST];
		const uint64_t used_log_gpa = UINT64_C(0x50000000);
		uint64_t used_page = used_log_gpa / 4096, used_pages = 1;
		unsigned int num_pending = 0;
		struct vn_dirty_log log;
		uint8_t *before;
		struct run t;

		run_begin(&t, seed, true);
		/* A packed ring's used entries are its descriptors, which are where they are. */
		if (t.md.packed) {
			used_page = MD_RING_GPA / 4096;
			used_pages = 1 + vn_vring_desc_bytes(t.md.size) / 4096;
		}
		log.size = (used_log_gpa + vn_vring_used_bytes(t.md.size)) / 4096 / 8 + 1;
		log.base = calloc(1, log.size);
		before = malloc(t.md.data_size);
		assert_non_null(log.base);
		assert_non_null(before);
		vn_virtq_set_log(t.vq, true, &log, used_log_gpa);
		for (unsigned int step = 0; step < 20; step++) {
			unsigned int dirty = 0, logged = 0;
			bool used_logged = false;

			rx_post(&t);
			md_read(&t.md, MD_DATA_GPA, before, t.md.data_size);
			memset(log.base, 0, log.size);
			rx_enqueue(&t, pending, &num_pending);
			publish(&t);
			for (uint64_t p = 0; p < t.md.data_size / 4096; p++) {
				uint64_t page = MD_DATA_GPA / 4096 + p;
				bool in_log = log.base[page / 8] & 1 << page % 8;

				md_read(&t.md, page * 4096, t.buf, 4096);
				if (memcmp(before + p * 4096, t.buf, 4096) != 0) {
					assert_true(in_log);
					dirty++;
				}
				logged += in_log;
			}
			/* A frame may happen to hold what was there; not often. */
			assert_true(logged <= dirty + 1);
			for (uint64_t p = used_page; p < used_page + used_pages; p++)
				used_logged |= log.base[p / 8] & 1 << p % 8;
			if (dirty > 0)
				assert_true(used_logged);
			rx_reap(&t);
		}
		vn_virtq_set_log(t.vq, false, NULL, 0);
		memset(log.base, 0, log.size);
		rx_enqueue(&t, pending, &num_pending);
		publish(&t);
		for (uint64_t i = 0; i < log.size; i++)
			assert_int_equal(log.base[i], 0);
		rte_pktmbuf_free_bulk(pending, num_pending);
		free(log.base);
		free(before);
		run_end(&t);
	}
}

/* What a ring that broke has taken, and not given back, is not done: whoever goes on takes it. */
static void
broken_ring_goes_back(void **state)
{
	struct rte_mbuf *pkts[4];
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1);
	for (unsigned int i = 0; i < 4; i++) {
		md_set_desc(&f.md, i, i < 3 ? MD_DATA_GPA : 0, 12 + FRAME, 0, 0);
		md_push_head(&f.md, i);
	}
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts, 1), 1);
	vn_virtq_complete(f.vq);
	vn_virtq_publish(f.vq);
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, &pkts[1], 3), 2);
	rte_pktmbuf_free_bulk(pkts, 3);
	assert_true(vn_virtq_broken(f.vq));
	vn_virtq_complete(f.vq);
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), 1);
	assert_int_equal(vn_virtq_position(f.vq), 1);
	fix_end(&f);
}

/* A process may die between a store to the ring and its mark; the next one marks all of it. */
static void
ring_is_logged_at_once(void **state)
{
	static uint8_t bitmap[(MD_DATA_GPA >> 12) / 8];
	const uint16_t size = 1024;
	struct vn_virtq_stats stats = {0};
	struct vn_virtq_conf conf;
	struct model_driver md;
	uint64_t begin, end;
	struct vn_virtq *vq;

	(void)state;
	for (unsigned int on = 0; on < 2; on++) {
		memset(bitmap, 0, sizeof(bitmap));
		md_init(&md, 1, size, 0, VN_F_VERSION_1 | env_ring, true, 0);
		conf = md_conf(&md, &stats);
		conf.log_dirty = on;
		conf.log = (struct vn_dirty_log){.base = bitmap, .size = sizeof(bitmap)};
		conf.used_log_gpa = conf.used_gpa;
		assert_int_equal(vn_virtq_create(&conf, &vq), 0);
		begin = env_ring ? conf.desc_gpa : conf.used_gpa;
		end = begin + (env_ring ? vn_vring_desc_bytes(size) : vn_vring_used_bytes(size));
		for (uint64_t p = begin >> 12; p <= (end - 1) >> 12; p++)
			assert_int_equal(!!(bitmap[p / 8] & 1 << p % 8), on);
		vn_virtq_free(vq);
		md_fini(&md);
	}
}

/* A frame of two buffers of which the second was given back; the first one is a table. */
static int
resume_table(uint32_t entries, struct vn_vring_packed_desc *first)
{
	struct vn_bb_ring bb = {.position = VN_VRING_PACKED_START,
		.burst = 2,
		.runs = VN_BB_PACKED | 1,
		.run = {VN_BB_RUN(VN_BB_RUN_FRAME, 2, 1)}};
	const struct vn_vring_desc one = {.len = 3};
	struct fix f;
	int at;

	fix_begin(&f, true, VN_F_VERSION_1 | VN_F_INDIRECT_DESC | VN_NET_F_MRG_RXBUF);
	for (uint32_t i = 0; i < entries; i++)
		md_write(&f.md, MD_DATA_GPA + i * sizeof(one), &one, sizeof(one));
	f.md.ring[0] = (struct vn_vring_packed_desc){
		MD_DATA_GPA, entries * sizeof(one), 7, VN_DESC_F_INDIRECT | VN_DESC_F_AVAIL};
	f.md.ring[1] = (struct vn_vring_packed_desc){0, 1, 8, VN_DESC_F_AVAIL | VN_DESC_F_USED};
	at = vn_virtq_packed_resume(f.md.mem, f.md.desc_gpa, SIZE, &bb);
	*first = f.md.ring[0];
	fix_end(&f);
	return at;
}

/* Tables that a frame can have been put into, and one that would only take time. */
static void
resume_with_tables(void **state)
{
	struct vn_vring_packed_desc d;

	(void)state;
	if (env_ring == 0)
		return;
	assert_int_equal(resume_table(2048, &d), VN_VRING_PACKED_START + 2);
	assert_int_equal(d.len, 2048 * 3);
	assert_int_equal(d.id, 7);
	assert_int_equal(d.flags, VN_DESC_F_AVAIL | VN_DESC_F_USED | VN_DESC_F_WRITE);
	assert_int_equal(resume_table(2049, &d), -EINVAL);
	assert_int_equal(d.flags, VN_DESC_F_INDIRECT | VN_DESC_F_AVAIL);
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, env_check_pool)
	const struct CMUnitTest tests[] = {
		T(recovery),
		T(dirty_log),
		T(broken_ring_goes_back),
		T(ring_is_logged_at_once),
		T(resume_with_tables),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
