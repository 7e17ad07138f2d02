/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The fast way through a ring gives the same as the general one: frames, guest memory, counters,
 * positions and the reason of a break, after each call, for the same ring.
 */
#include "diff_world.h"

/* Room for a table. */
#define W_PLACE (W_MAX_CHAIN * sizeof(struct vn_vring_desc))

struct chain {
	struct vn_vring_desc d[W_MAX_CHAIN];
	uint32_t n;
};

static uint64_t
some_address(struct twins *t, uint32_t len)
{
	struct rng *r = &t->rng;
	uint64_t off;

	if (rng_below(r, 1000) < t->hostile)
		return rng_chance(r, 50) ? rng_next(r) : W_DATA_GPA + 3 * W_DATA - len / 2;
	/* Seldom over the border of two regions, seldom in one that is to be read only. */
	if (rng_chance(r, 5))
		return W_DATA_GPA + W_DATA - rng_below(r, len + 1);
	off = rng_chance(r, 30) ? W_DATA : 0;
	if (!t->rx && rng_chance(r, 10))
		off = 2 * W_DATA;
	if (t->rx && rng_below(r, 1000) < t->hostile)
		off = 2 * W_DATA;
	return W_DATA_GPA + off + (len < W_DATA ? rng_below(r, W_DATA - len) : 0);
}

static uint32_t
some_length(struct twins *t)
{
	struct rng *r = &t->rng;

	switch (rng_below(r, 12)) {
	case 0:
		return t->hdr_len;
	case 1:
		return rng_below(r, 40);
	case 2:
		return t->hdr_len + 13 + rng_below(r, 3);
	case 3:
		return rng_below(r, rng_chance(r, 20) ? 70000 : 9100);
	default:
		return t->hdr_len + 14 + rng_below(r, 1600);
	}
}

static uint16_t
some_direction(struct twins *t)
{
	const bool wrong = rng_below(&t->rng, 1000) < t->hostile;

	return t->rx != wrong ? VN_DESC_F_WRITE : 0;
}

/* What the driver wrote in front of its frame. */
static void
write_header(struct twins *t, uint64_t gpa)
{
	struct vn_net_hdr_hash h = {0};
	struct rng *r = &t->rng;

	if (t->rx)
		return;
	for (unsigned int i = 0; i < sizeof(h); i++)
		((uint8_t *)&h)[i] = rng_next(r);
	h.hdr.flags = rng_chance(r, 70) ? 0 : rng_below(r, 4);
	h.hdr.gso_type = rng_chance(r, 80) ? 0 : rng_below(r, 6);
	h.hdr.csum_start = rng_chance(r, 80) ? 34 : rng_below(r, 2000);
	h.hdr.csum_offset = rng_chance(r, 80) ? 16 : rng_next(r);
	twins_write(t, gpa, &h, t->hdr_len);
	twins_write(t, gpa + t->hdr_len, &t->tag, 1);
	t->tag++;
}

/* Buffers of a chain, mostly of the usual shapes. The links are made by who places them. */
static void
some_buffers(struct twins *t, struct chain *c, uint32_t most)
{
	struct rng *r = &t->rng;
	const bool two = rng_chance(r, 40);

	c->n = 1 + (rng_chance(r, 80) ? (uint32_t)two : rng_below(r, W_MAX_CHAIN));
	c->n = RTE_MIN(c->n, most);
	for (uint32_t i = 0; i < c->n; i++) {
		const uint32_t len =
			i == 0 && c->n > 1 && rng_chance(r, 90) ? t->hdr_len : some_length(t);

		c->d[i] = (struct vn_vring_desc){
			.addr = some_address(t, len), .len = len, .flags = some_direction(t)};
	}
	write_header(t, c->d[0].addr);
}

/* A table, and the descriptor that names it. */
static void
some_table(struct twins *t, struct chain *c)
{
	const bool packed = t->features & VN_F_RING_PACKED;
	struct rng *r = &t->rng;
	const uint32_t place = t->last % RTE_DIM(t->chain), per = W_TABLE / W_PLACE - 1;
	uint64_t gpa = W_TABLE_GPA + (place < per ? place : place + 2) * W_PLACE;
	uint32_t len = c->n * sizeof(c->d[0]);

	/* Between the two regions, there is place for one. */
	if (rng_chance(r, 5) &&
		(uint16_t)(t->straddles - t->first) >= (uint16_t)(t->last - t->first)) {
		gpa = W_TABLE_GPA + W_TABLE - rng_below(r, len + 1);
		t->straddles = t->last;
	}
	for (uint32_t i = 0; i < c->n; i++) {
		if (packed) {
			/* id: anything; flags where a split one has next. */
			c->d[i].next = c->d[i].flags;
			c->d[i].flags = rng_next(r);
			continue;
		}
		if (i + 1 < c->n)
			c->d[i].flags |= VN_DESC_F_NEXT;
		c->d[i].next = i + 1;
		if (rng_below(r, 1000) < t->hostile)
			c->d[i].next = rng_below(r, c->n + 1);
		if (rng_below(r, 1000) < t->hostile)
			c->d[i].flags ^= 1u << rng_below(r, 4);
	}
	twins_write(t, gpa, c->d, len);
	if (rng_below(r, 1000) < t->hostile)
		len = rng_chance(r, 50) ? rng_below(r, 100) : rng_below(r, 8) * 16;
	if (rng_below(r, 1000) < t->hostile)
		gpa = rng_next(r);
	c->n = 1;
	c->d[0] = (struct vn_vring_desc){.addr = gpa, .len = len, .flags = VN_DESC_F_INDIRECT};
	if (rng_chance(r, 10))
		c->d[0].flags |= VN_DESC_F_WRITE;
}

static void
post_split(struct twins *t, const struct chain *c)
{
	struct rng *r = &t->rng;
	const uint16_t idx = t->used + (t->last - t->first);
	uint16_t head = t->next_desc;

	for (uint32_t i = 0; i < c->n; i++) {
		const uint16_t at = t->next_desc++ & (t->size - 1);
		struct vn_vring_desc d = c->d[i];

		d.next = (at + 1) & (t->size - 1);
		if (i + 1 < c->n)
			d.flags |= VN_DESC_F_NEXT;
		if (rng_below(r, 1000) < t->hostile)
			d.next = rng_below(r, t->size + 1);
		twins_write(t, W_RINGS_GPA + at * sizeof(d), &d, sizeof(d));
	}
	head &= t->size - 1;
	if (rng_below(r, 1000) < t->hostile)
		head = rng_below(r, t->size + 1);
	twins_write(t, W_RINGS_GPA + W_AVAIL + 4 + 2 * ((idx - 1) & (t->size - 1)), &head, 2);
	twins_write(t, W_RINGS_GPA + W_AVAIL + 2, &idx, 2);
	if (rng_below(r, 2000) < t->hostile) {
		const uint16_t bad = idx + rng_below(r, 2u * t->size) - t->size;

		twins_write(t, W_RINGS_GPA + W_AVAIL + 2, &bad, 2);
	}
}

static void
post_packed(struct twins *t, const struct chain *c)
{
	struct rng *r = &t->rng;
	const uint16_t id = rng_next(r);

	for (uint32_t i = 0; i < c->n; i++) {
		struct vn_vring_packed_desc d = {
			.addr = c->d[i].addr, .len = c->d[i].len, .id = id, .flags = c->d[i].flags};

		/* Only that of the last one counts. */
		if (i + 1 < c->n) {
			d.flags |= VN_DESC_F_NEXT;
			d.id = rng_next(r);
		}
		d.flags |= t->at & VN_EVENT_WRAP ? VN_DESC_F_AVAIL : VN_DESC_F_USED;
		if (rng_below(r, 1000) < t->hostile)
			d.flags ^= 1u << rng_below(r, 16);
		twins_write(t, W_RINGS_GPA + (t->at & ~VN_EVENT_WRAP) * sizeof(d), &d, sizeof(d));
		t->at = vn_vring_packed_advance(t->at, 1, t->size);
	}
}

/* Make some chains available. */
static void
post(struct twins *t)
{
	const uint32_t n = rng_below(&t->rng, 2 * t->size);

	twins_reap(t);
	for (uint32_t i = 0; i < n && t->room > 0; i++) {
		struct chain c;
		const bool table = t->features & VN_F_INDIRECT_DESC &&
				   rng_chance(&t->rng, t->tag % 64 < 32 ? 80 : 10);

		if ((uint16_t)(t->last - t->first) == RTE_DIM(t->chain))
			break;
		some_buffers(t, &c, table ? W_MAX_CHAIN : t->room);
		if (table)
			some_table(t, &c);
		else if (rng_below(&t->rng, 1000) < t->hostile)
			c.d[c.n - 1].flags |= VN_DESC_F_INDIRECT;
		t->chain[t->last++ % RTE_DIM(t->chain)] = c.n;
		t->room -= c.n;
		if (t->features & VN_F_RING_PACKED)
			post_packed(t, &c);
		else
			post_split(t, &c);
	}
}

static void
same_frames(struct rte_mbuf *const *a, struct rte_mbuf *const *b, uint16_t n)
{
	static uint8_t flat[2][VN_MAX_FRAME];

	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *p[2];

		assert_int_equal(a[i]->pkt_len, b[i]->pkt_len);
		assert_int_equal(a[i]->nb_segs, b[i]->nb_segs);
		assert_memory_equal(
			vn_mbuf_hdr(a[i]), vn_mbuf_hdr(b[i]), sizeof(struct vn_net_hdr));
		p[0] = rte_pktmbuf_read(a[i], 0, a[i]->pkt_len, flat[0]);
		p[1] = rte_pktmbuf_read(b[i], 0, b[i]->pkt_len, flat[1]);
		assert_non_null(p[0]);
		assert_true(memcmp(p[0], p[1], a[i]->pkt_len) == 0);
	}
}

static void
diff_dequeue(struct twins *t)
{
	const uint16_t most = 1 + rng_below(&t->rng, VN_VQ_MAX_BURST);
	struct rte_mbuf *pkts[2][VN_VQ_MAX_BURST];
	uint16_t n[2];

	for (unsigned int i = 0; i < 2; i++)
		n[i] = vn_virtq_dequeue(t->w[i].vq, env_pool, pkts[i], most);
	assert_int_equal(n[0], n[1]);
	same_frames(pkts[0], pkts[1], n[0]);
	for (unsigned int i = 0; i < 2; i++)
		rte_pktmbuf_free_bulk(pkts[i], n[i]);
}

#define VIEWS 40

/* Take up to @p most views, and put aside what they show. @return how many. */
static uint16_t
take_views(struct vn_virtq *vq, struct vn_view *v, uint8_t (*flat)[VN_MAX_FRAME], uint16_t most)
{
	uint16_t n = 0, got;

	while (n < most && (got = vn_virtq_views(vq, &v[n], most - n)) > 0) {
		assert_true(got <= RTE_MIN(most - n, VN_VIEW_BURST));
		for (const uint16_t end = n + got; n < end; n++) {
			uint64_t at = v[n].head_len;

			memcpy(flat[n], v[n].head, at);
			for (uint32_t k = 0; k < v[n].n_segs; k++) {
				assert_true(at + v[n].seg[k].len <= VN_MAX_FRAME);
				memcpy(&flat[n][at], v[n].seg[k].ptr, v[n].seg[k].len);
				at += v[n].seg[k].len;
			}
			assert_int_equal(at, v[n].len);
		}
	}
	return n;
}

static void
diff_views(struct twins *t)
{
	const uint16_t most = 1 + rng_below(&t->rng, rng_chance(&t->rng, 50) ? 3 : VIEWS);
	static struct vn_view v[2][VIEWS];
	static uint8_t flat[2][VIEWS][VN_MAX_FRAME];
	uint16_t n[2];

	for (unsigned int i = 0; i < 2; i++)
		n[i] = take_views(t->w[i].vq, v[i], flat[i], most);
	assert_int_equal(n[0], n[1]);
	for (uint16_t i = 0; i < n[0]; i++) {
		assert_int_equal(v[0][i].len, v[1][i].len);
		assert_int_equal(v[0][i].head_len, v[1][i].head_len);
		assert_memory_equal(&v[0][i].hdr, &v[1][i].hdr, sizeof(v[0][i].hdr));
		assert_true(memcmp(flat[0][i], flat[1][i], v[0][i].len) == 0);
	}
}

/* A frame, and the header that the driver shall get. */
static struct rte_mbuf *
random_frame(struct twins *t)
{
	static uint8_t data[VN_MAX_FRAME + 1];
	struct rng *r = &t->rng;
	struct vn_net_hdr hdr = {0};
	struct rte_mbuf *m;
	uint32_t len = 14 + rng_below(r, rng_chance(r, 90) ? 1600 : 9000);

	if (rng_chance(r, 3))
		len = 1 + rng_below(r, VN_MAX_FRAME + 1);
	if (rng_chance(r, 3))
		len = 1 + rng_below(r, 20);
	/* Whatever was drawn, there are mbufs for a burst. */
	if (rte_mempool_avail_count(env_pool) < 2 * VN_VQ_MAX_BURST)
		len = RTE_MIN(len, 2000u);
	if (rng_chance(r, 30)) {
		hdr = (struct vn_net_hdr){.flags = rng_below(r, 4),
			.gso_type = rng_chance(r, 60) ? 0 : rng_below(r, 6),
			.csum_start = 34,
			.csum_offset = 16,
			.gso_size = rng_below(r, 3) * 700,
			.hdr_len = rng_below(r, 100)};
	}
	memset(data, t->tag++, RTE_MIN(len, 300u));
	m = env_mbuf(&hdr, data, len);
	vn_mbuf_hdr_hash(m)->hash_value = rng_next(r);
	vn_mbuf_hdr_hash(m)->hash_report = rng_next(r);
	return m;
}

static void
diff_enqueue(struct twins *t)
{
	const uint16_t most = 1 + rng_below(&t->rng, VN_VQ_MAX_BURST);
	struct rte_mbuf *pkts[VN_VQ_MAX_BURST];
	uint16_t n[2];

	for (uint16_t i = 0; i < most; i++)
		pkts[i] = random_frame(t);
	for (unsigned int i = 0; i < 2; i++)
		n[i] = vn_virtq_enqueue(t->w[i].vq, pkts, most);
	assert_int_equal(n[0], n[1]);
	rte_pktmbuf_free_bulk(pkts, most);
}

/* A view of a frame that is in no ring. */
static void
view_of(struct rte_mbuf *m, struct vn_view *v, struct vn_view_seg seg[2], uint8_t *flat)
{
	uint32_t left;
	const void *p = rte_pktmbuf_read(m, 0, m->pkt_len, flat);

	if (p != flat)
		memcpy(flat, p, m->pkt_len);
	v->hdr = *vn_mbuf_hdr_hash(m);
	v->hdr.padding_reserved = 0;
	v->len = m->pkt_len;
	v->head_len = RTE_MIN(v->len, (uint32_t)VN_VIEW_HEAD);
	memcpy(v->head, flat, v->head_len);
	left = v->len - v->head_len;
	seg[0] = (struct vn_view_seg){flat + v->head_len, left / 3};
	seg[1] = (struct vn_view_seg){flat + v->head_len + left / 3, left - left / 3};
	v->seg = seg;
	v->n_segs = left > 0 ? 2 : 0;
}

static void
diff_puts(struct twins *t)
{
	const uint16_t most = 1 + rng_below(&t->rng, rng_chance(&t->rng, 50) ? 1 : VIEWS);
	static uint8_t flat[VIEWS][VN_MAX_FRAME + 1];
	static struct vn_view_seg seg[VIEWS][2];
	static struct vn_view v[VIEWS];
	uint16_t n[2];

	for (uint16_t i = 0; i < most; i++) {
		struct rte_mbuf *m = random_frame(t);

		view_of(m, &v[i], seg[i], flat[i]);
		rte_pktmbuf_free(m);
	}
	for (unsigned int i = 0; i < 2; i++)
		n[i] = most == 1 ? vn_virtq_put_view(t->w[i].vq, &v[0])
				 : vn_virtq_put_views(t->w[i].vq, v, most);
	assert_int_equal(n[0], n[1]);
}

static void
one_call(struct twins *t)
{
	struct rng *r = &t->rng;

	switch (rng_below(r, 8)) {
	case 0:
		for (unsigned int i = 0; i < 2; i++)
			(void)vn_virtq_avail_upto(t->w[i].vq, t->tag % 8);
		break;
	case 1:
		if (rng_chance(r, 10)) {
			/* How wide a packed ring was looked at before does not matter. */
			(void)vn_virtq_avail(t->w[0].vq);
			(void)vn_virtq_avail(t->w[1].vq);
		}
		break;
	case 2:
	case 3:
	case 4:
		for (uint32_t k = rng_below(r, 8); k > 0; k--) {
			t->rx ? diff_puts(t) : diff_views(t);
			twins_same(t);
		}
		break;
	default:
		t->rx ? diff_enqueue(t) : diff_dequeue(t);
		break;
	}
	twins_same(t);
	for (unsigned int i = 0; i < 2; i++) {
		if (t->tag % 4 != 0)
			vn_virtq_complete(t->w[i].vq);
		if (t->tag % 3 != 0)
			vn_virtq_publish(t->w[i].vq);
	}
	twins_same(t);
}

/* The combination of features that round @p n has. */
static uint64_t
some_features(unsigned int n)
{
	const uint64_t offloads = VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM | VN_NET_F_HOST_TSO4 |
				  VN_NET_F_GUEST_TSO4 | VN_NET_F_HOST_TSO6;
	uint64_t f = env_ring;

	f |= n & 1 ? VN_F_INDIRECT_DESC : 0;
	f |= n & 2 ? VN_NET_F_MRG_RXBUF : 0;
	f |= n & 4 ? VN_F_EVENT_IDX : 0;
	f |= n & 8 ? offloads : 0;
	if (n / 16 % 3 != 0)
		f |= VN_F_VERSION_1;
	if (n / 16 % 3 == 2)
		f |= VN_NET_F_HASH_REPORT;
	return f;
}

static void
compare(unsigned int rounds, unsigned int hostile)
{
	static struct twins t;
	uint64_t frames[2] = {0}, broken = 0;

	world_init(&t.w[0]);
	world_init(&t.w[1]);
	for (unsigned int n = 0; n < rounds; n++) {
		env_seed = n + 1;
		twins_begin(&t, env_seed, some_features(n / 2), n % 2, hostile);
		for (unsigned int k = 0; k < 40 && !vn_virtq_broken(t.w[0].vq); k++) {
			post(&t);
			one_call(&t);
		}
		frames[t.rx] += t.w[0].stats.packets;
		broken += vn_virtq_broken(t.w[0].vq);
	}
	print_message("%ju frames from, %ju to drivers; %ju rings broken\n", (uintmax_t)frames[0],
		(uintmax_t)frames[1], (uintmax_t)broken);
	assert_true(frames[0] > rounds && frames[1] > rounds);
	assert_true(hostile > 0 ? broken > rounds / 8 : broken == 0);
	world_fini(&t.w[0]);
	world_fini(&t.w[1]);
}

static void
legal_drivers(void **state)
{
	(void)state;
	compare(env_rounds("legal rings, two ways", 96, 4000), 0);
}

static void
hostile_drivers(void **state)
{
	(void)state;
	compare(env_rounds("hostile rings, two ways", 384, 12000), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(legal_drivers, env_check_pool),
		cmocka_unit_test_teardown(hostile_drivers, env_check_pool),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
