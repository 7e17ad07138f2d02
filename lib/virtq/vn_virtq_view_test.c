/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * From one driver to another without mbufs: random rings, every byte compared.
 */
#include "view_test_csum.h"
#include "virtq_test_run.h"
#include "vn_virtq_priv.h"

/* A sender, a receiver, and the headers of what is on its way between them. */
struct pair {
	struct run tx, rx;
	bool *csum; /* of rx.fifo: the checksum was to be filled in */
	unsigned int moved;
};

static void
pair_begin(struct pair *p, uint64_t seed)
{
	/* All four pairs of kinds. */
	env_ring = seed & 1 ? VN_F_RING_PACKED : 0;
	run_begin(&p->tx, 2 * seed, false);
	env_ring = seed & 2 ? VN_F_RING_PACKED : 0;
	run_begin(&p->rx, 2 * seed + 1, true);
	env_ring = 0;
	env_seed = seed;
	/* The general way has to do what the fast one does. */
	p->tx.vq->no_fast = rng_chance(&p->tx.rng, 30);
	p->rx.vq->no_fast = rng_chance(&p->tx.rng, 30);
	/* Plain chains are what the fast one is for. */
	p->tx.md.plain = rng_chance(&p->tx.rng, 30);
	p->rx.md.plain = rng_chance(&p->tx.rng, 30);
	p->tx.max_frame = RTE_MIN(p->tx.max_frame, p->rx.max_frame);
	p->csum = calloc(p->rx.fifo_size, sizeof(p->csum[0]));
	assert_non_null(p->csum);
	p->moved = 0;
}

static void
pair_end(struct pair *p)
{
	run_end(&p->tx);
	run_end(&p->rx);
	free(p->csum);
}

static void
compare_view(struct run *t, const struct vn_view *v, const struct frame *f)
{
	static const uint8_t zero[8];
	uint32_t at = v->head_len;

	assert_int_equal(v->len, f->len);
	assert_int_equal(v->head_len, RTE_MIN(f->len, (uint32_t)VN_VIEW_HEAD));
	assert_memory_equal(&v->hdr.hdr, &f->hdr, sizeof(f->hdr));
	assert_memory_equal(&v->hdr.hash_value, zero, sizeof(zero));
	frame_fill(f, t->buf);
	assert_memory_equal(v->head, t->buf, v->head_len);
	for (uint32_t i = 0; i < v->n_segs; i++) {
		assert_true(v->seg[i].len > 0 && v->seg[i].len <= f->len - at);
		assert_memory_equal(v->seg[i].ptr, t->buf + at, v->seg[i].len);
		at += (uint32_t)v->seg[i].len;
	}
	assert_int_equal(at, f->len);
}

static bool
takes(const struct run *t, const struct frame *f)
{
	const uint64_t have = t->md.features;

	if (f->hdr.gso_type == VN_NET_HDR_GSO_NONE)
		return true;
	return have & VN_NET_F_GUEST_CSUM && have & VN_NET_F_GUEST_TSO4;
}

/* One frame of the sender to the receiver. @return false: there was none. */
static bool
move(struct pair *p)
{
	struct run *const rx = &p->rx;
	struct frame *out = &rx->fifo[rx->put % rx->fifo_size];
	const struct frame *f;
	enum vn_view_fit fit;
	struct vn_view v;
	bool csum;

	if (!vn_virtq_view(p->tx.vq, &v))
		return false;
	assert_true(p->tx.got < p->tx.put);
	f = &p->tx.fifo[p->tx.got++ % p->tx.fifo_size];
	p->tx.taken++;
	compare_view(&p->tx, &v, f);

	fit = vn_virtq_view_fits(rx->vq, &v);
	assert_int_equal(fit == VN_VIEW_SEGMENT, !takes(rx, f));
	if (fit == VN_VIEW_SEGMENT)
		return true;
	csum = f->hdr.flags != 0 && !(rx->md.features & VN_NET_F_GUEST_CSUM);
	assert_int_equal(fit, csum ? VN_VIEW_CSUM : VN_VIEW_AS_IS);
	*out = *f;
	out->hash = rng_next(&rx->rng);
	v.hdr.hash_value = rte_cpu_to_le_32(out->hash);
	v.hdr.hash_report = out->hash % 10;
	v.hdr.padding_reserved = 0xeeee;
	switch (vn_virtq_put_view(rx->vq, &v)) {
	case VN_PUT_OK:
		p->csum[rx->put++ % rx->fifo_size] = csum;
		rx->bytes += f->len;
		p->moved++;
		break;
	case VN_PUT_FULL:
		break;
	default:
		fail();
	}
	while (run_position(rx, rx->expect_used) != vn_virtq_position(rx->vq)) {
		assert_true(rx->expect_used != rx->md.added);
		rx->expect_used++;
	}
	return true;
}

/* A frame that came back over one or more buffers, header first, in t->buf2. @return bytes. */
static uint32_t
receive(struct run *t)
{
	unsigned int chains = 1;
	uint32_t total = 0;
	struct md_chain c;

	for (unsigned int i = 0; i < chains; i++) {
		const int64_t len = md_get(&t->md, &c);

		if (len < 0) {
			assert_int_equal(i, 0);
			return 0;
		}
		assert_true(len > 0 && total + len <= VN_MAX_FRAME + VN_NET_HDR_LEN_HASH);
		md_chain_read(&t->md, &c, t->buf2 + total, len);
		if (i == 0 && t->md.hdr_len >= VN_NET_HDR_LEN)
			chains = ((const struct vn_net_hdr *)t->buf2)->num_buffers;
		if (i + 1 < chains)
			assert_int_equal(len, c.capacity);
		total += len;
	}
	return total;
}

static void
reap(struct pair *p)
{
	struct run *const t = &p->rx;
	uint32_t total;

	tx_reap(&p->tx);
	while ((total = receive(t)) > 0) {
		const struct frame *f = &t->fifo[t->got % t->fifo_size];
		const bool csum = p->csum[t->got % t->fifo_size];
		struct vn_net_hdr_hash h = {0};
		struct vn_net_hdr expect = f->hdr;

		assert_true(t->got < t->put);
		t->got++;
		memcpy(&h, t->buf2, t->md.hdr_len);
		h.hdr.num_buffers = 0;
		frame_fill(f, t->buf);
		if (csum) {
			fill_csum(t->buf, f->len, f->hdr.csum_start, f->hdr.csum_offset);
			memset(&expect, 0, sizeof(expect));
		}
		assert_memory_equal(&h.hdr, &expect, sizeof(expect));
		if (t->md.hdr_len == VN_NET_HDR_LEN_HASH) {
			assert_int_equal(h.hash_value, f->hash);
			assert_int_equal(h.hash_report, f->hash % 10);
			assert_int_equal(h.padding_reserved, 0);
		}
		assert_int_equal(total - t->md.hdr_len, f->len);
		assert_memory_equal(t->buf2 + t->md.hdr_len, t->buf, f->len);
	}
}

static void
round_of(uint64_t seed)
{
	struct pair p;

	pair_begin(&p, seed);
	for (unsigned int step = 0; step < 300; step++) {
		switch (rng_below(&p.tx.rng, 8)) {
		case 0:
			tx_add(&p.tx);
			break;
		case 1:
		case 2:
			rx_post(&p.rx);
			break;
		case 3:
			for (unsigned int n = rng_below(&p.tx.rng, 40); n > 0 && move(&p);)
				n--;
			break;
		case 4:
			tx_complete(&p.tx);
			break;
		case 5:
			publish(&p.tx);
			publish(&p.rx);
			break;
		case 6:
			reap(&p);
			driver_mood(&p.tx);
			driver_mood(&p.rx);
			break;
		default:
			engine_mood(&p.tx);
			engine_mood(&p.rx);
		}
	}
	while (move(&p))
		;
	assert_int_equal(p.tx.got, p.tx.put);
	tx_complete(&p.tx);
	publish(&p.tx);
	publish(&p.rx);
	reap(&p);
	assert_int_equal(md_outstanding(&p.tx.md), 0);
	assert_int_equal(p.tx.stats.packets, p.tx.put);
	assert_int_equal(p.tx.stats.total_bytes, p.tx.bytes);
	assert_int_equal(p.tx.stats.completed_desc, p.tx.descs);
	assert_int_equal(p.rx.got, p.rx.put);
	assert_int_equal(p.rx.stats.packets, p.rx.put);
	assert_int_equal(p.rx.stats.total_bytes, p.rx.bytes);
	assert_int_equal(p.rx.stats.received_desc, p.rx.stats.completed_desc);
	pair_end(&p);
}

static void
random_pairs(void **state)
{
	const unsigned int n = env_rounds("random pairs", 250, 20000);

	(void)state;
	for (unsigned int i = 1; i <= n; i++)
		round_of(i);
}

/* Both ways to take a frame may be used in turn. */
static void
views_and_mbufs(void **state)
{
	struct pair p;

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		pair_begin(&p, seed);
		for (unsigned int step = 0; step < 50; step++) {
			tx_add(&p.tx);
			rx_post(&p.rx);
			if (rng_chance(&p.tx.rng, 50))
				move(&p);
			else
				tx_dequeue(&p.tx);
			tx_complete(&p.tx);
			publish(&p.tx);
			publish(&p.rx);
			reap(&p);
		}
		pair_end(&p);
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, env_check_pool)
	static const struct CMUnitTest tests[] = {
		T(random_pairs),
		T(views_and_mbufs),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
