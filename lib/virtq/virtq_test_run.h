/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VIRTQ_TEST_RUN_H
#define VIRTQ_TEST_RUN_H

/**
 * @file
 * Test code: one ring between the engine and the model driver, with frames whose bytes are known at
 * both ends, and the steps that either side can take.
 */

#include "virtq_test_env.h"

#include <sys/eventfd.h>

#include "vn_blackbox.h"
#include "vn_features.h"

/* What a frame is made of; its bytes follow from the seed. */
struct frame {
	uint64_t seed;
	uint32_t len;
	struct vn_net_hdr hdr;
	uint32_t hash; /* towards the driver with HASH_REPORT; the other way it means nothing */
};

/* One ring under test with its driver, and frames on their way. */
struct run {
	struct rng rng;
	struct model_driver md;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
	struct vn_bb_ring bb;
	int call_fd;
	uint32_t max_frame, min_buffer;

	struct frame *fifo; /* sent, not seen at the other end */
	unsigned int fifo_size, put, got;
	uint64_t bytes, descs;
	uint16_t expect_used; /* what the engine will publish */
	unsigned int taken;   /* TX: dequeued, not completed */
	bool waiting;         /* the driver sleeps and must be woken */
	bool polling;         /* the driver wants no interrupt */
	uint8_t *buf, *buf2;
};

static inline void
frame_fill(const struct frame *f, uint8_t *buf)
{
	struct rng r = {f->seed};
	uint32_t i = 0;

	for (; i + 8 <= f->len; i += 8)
		memcpy(buf + i, &(uint64_t){rng_next(&r)}, 8);
	if (i < f->len)
		memcpy(buf + i, &(uint64_t){rng_next(&r)}, f->len - i);
}

/* A header as the sender may write it with these features. */
static inline struct vn_net_hdr
make_hdr(struct run *t, uint32_t len)
{
	const uint64_t f = t->md.features;
	const bool rx = t->md.is_rx;
	struct vn_net_hdr h = {0};

	if (!(f & (rx ? VN_NET_F_GUEST_CSUM : VN_NET_F_CSUM)) || len < 60 ||
		rng_chance(&t->rng, 40))
		return h;
	h.flags = VN_NET_HDR_F_NEEDS_CSUM;
	h.csum_start = 14 + rng_below(&t->rng, 20);
	h.csum_offset = 16;
	if (f & (rx ? VN_NET_F_GUEST_TSO4 : VN_NET_F_HOST_TSO4) && rng_chance(&t->rng, 50)) {
		h.gso_type = VN_NET_HDR_GSO_TCPV4;
		if (f & (rx ? VN_NET_F_GUEST_ECN : VN_NET_F_HOST_ECN) && rng_chance(&t->rng, 30))
			h.gso_type |= VN_NET_HDR_GSO_ECN;
		h.gso_size = 1 + rng_below(&t->rng, 1460);
		h.hdr_len = 54;
	}
	return h;
}

static inline struct frame *
new_frame(struct run *t)
{
	struct frame *f = &t->fifo[t->put % t->fifo_size];
	uint32_t max = rng_chance(&t->rng, 85) ? RTE_MIN(1514u, t->max_frame) : t->max_frame;

	f->seed = rng_next(&t->rng) | 1;
	f->len = 14 + rng_below(&t->rng, max - 14 + 1);
	if (rng_chance(&t->rng, 5))
		f->len = max;
	f->hdr = make_hdr(t, f->len);
	f->hash = rng_next(&t->rng);
	frame_fill(f, t->buf);
	return f;
}

static inline uint64_t
random_features(struct rng *r, bool rx)
{
	static const uint64_t maybe[] = {VN_F_INDIRECT_DESC, VN_F_EVENT_IDX, VN_NET_F_MRG_RXBUF,
		VN_F_VERSION_1, VN_F_IN_ORDER, VN_F_ANY_LAYOUT};
	uint64_t f = 0;

	for (unsigned int i = 0; i < RTE_DIM(maybe); i++) {
		if (rng_chance(r, 50))
			f |= maybe[i];
	}
	if (f & VN_F_VERSION_1 && rng_chance(r, 30))
		f |= VN_NET_F_HASH_REPORT;
	if (rng_chance(r, 60))
		f |= rx ? VN_NET_F_GUEST_CSUM : VN_NET_F_CSUM;
	if (rng_chance(r, 60))
		f |= rx ? VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_ECN
			: VN_NET_F_HOST_TSO4 | VN_NET_F_HOST_ECN;
	return f;
}

static inline void
run_create_vq(struct run *t, uint16_t start)
{
	struct vn_virtq_conf conf = md_conf(&t->md, &t->stats);

	conf.start = start;
	conf.call_fd = t->call_fd;
	conf.bb = &t->bb;
	assert_int_equal(vn_virtq_create(&conf, &t->vq), 0);
}

static inline void
run_begin(struct run *t, uint64_t seed, bool rx)
{
	static const uint32_t regions[] = {0, 0, 65536, 4096, 257, 40};
	uint16_t size, start;
	uint64_t f;

	env_seed = seed;
	memset(t, 0, sizeof(*t));
	t->rng.s = seed * UINT64_C(0xd1342543de82ef95) + 1;
	f = random_features(&t->rng, rx);
	size = 1 << rng_below(&t->rng, 10);
	if (rng_chance(&t->rng, 4))
		size = VN_VQ_MAX_SIZE;
	/* Most begin where the index wraps soon. */
	start = rng_chance(&t->rng, 70) ? 65536 - rng_below(&t->rng, 3 * size + 1)
					: rng_next(&t->rng);
	if (env_ring) {
		if (rng_chance(&t->rng, 50))
			size = 1 + rng_below(&t->rng, 600);
		start = rng_below(&t->rng, size) | (rng_next(&t->rng) & VN_EVENT_WRAP);
	}
	md_init(&t->md, seed, size, start, f | env_ring, rx,
		regions[rng_below(&t->rng, RTE_DIM(regions))]);
	t->max_frame = rng_chance(&t->rng, 50) ? 1514 : VN_MAX_FRAME;
	t->min_buffer = 64;
	if (rx && f & VN_NET_F_MRG_RXBUF) {
		/*
		 * The ring must be able to hold the largest frame. A chain may take 16 descriptors,
		 * and a frame in a packed ring chains of VN_BB_RUNS different lengths.
		 */
		const uint32_t all = (size + 15u) / 16;
		const uint32_t chains = env_ring ? RTE_MIN(all, (uint32_t)VN_BB_RUNS) : all;

		t->min_buffer = RTE_MAX(64u, (t->max_frame + 20 + chains - 1) / chains);
		/* In at most VN_VQ_MAX_SEGS pieces, of regions of odd sizes, too. */
		t->max_frame = RTE_MIN(t->max_frame, 9000u);
	}
	/* Regions of 40 bytes: 1024 pieces hold no 64 KiB frame. */
	t->max_frame = RTE_MIN(t->max_frame, t->md.mem->n > 4000 ? 9000u : VN_MAX_FRAME);
	t->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(t->call_fd >= 0);
	t->fifo_size = 4 * size + 256;
	t->fifo = calloc(t->fifo_size, sizeof(*t->fifo));
	t->buf = malloc(VN_MAX_FRAME + VN_NET_HDR_LEN_HASH);
	t->buf2 = malloc(VN_MAX_FRAME + VN_NET_HDR_LEN_HASH);
	assert_true(t->fifo != NULL && t->buf != NULL && t->buf2 != NULL);
	t->expect_used = t->md.added;
	vn_bb_ring_start(&t->bb, t->md.packed, size, t->md.desc_gpa, t->md.used_gpa, start);
	run_create_vq(t, start);
	t->waiting = md_enable_interrupt(&t->md);
}

static inline void
run_end(struct run *t)
{
	const struct vn_virtq_stats *s = &t->stats;

	assert_int_equal(s->bad_desc_errors + s->exceed_max_chain + s->invalid_buffer +
				 s->bad_header + s->oversized,
		0);
	assert_null(vn_virtq_broken_why(t->vq));
	vn_virtq_free(t->vq);
	md_fini(&t->md);
	close(t->call_fd);
	free(t->fifo);
	free(t->buf);
	free(t->buf2);
}

static inline bool
was_interrupted(struct run *t)
{
	uint64_t n;

	return read(t->call_fd, &n, sizeof(n)) == sizeof(n);
}

/* Where the ring is when @p n chains have been added, counted as md.added is. */
static inline uint16_t
run_position(const struct run *t, uint16_t n)
{
	if (!t->md.packed)
		return n;
	return n == t->md.added ? t->md.next_avail : md_chain_at(&t->md, n)->position;
}

static inline void
publish(struct run *t)
{
	const bool news = md_used_idx(&t->md) != t->expect_used;
	bool irq;

	vn_virtq_publish(t->vq);
	assert_int_equal(md_used_idx(&t->md), t->expect_used);
	if (t->md.packed) {
		assert_int_equal(t->bb.position, run_position(t, t->expect_used));
		assert_int_equal(t->bb.burst, 0);
		assert_int_equal(t->bb.runs, VN_BB_PACKED);
	} else {
		assert_int_equal(t->bb.position, t->expect_used);
		assert_int_equal(t->bb.burst, t->taken);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vn_virtq_interrupt(t->vq);
	irq = was_interrupted(t);
	if (news && t->waiting)
		assert_true(irq);
	if (!news || t->polling)
		assert_false(irq);
	if (irq)
		t->waiting = false;
}

static inline void
driver_mood(struct run *t)
{
	if (rng_chance(&t->rng, 50)) {
		t->polling = false;
		t->waiting = md_enable_interrupt(&t->md);
	} else {
		t->waiting = false;
		t->polling = true;
		md_disable_interrupt(&t->md);
	}
}

/* Hand the present map over again, or have it armed, or not. */
static inline void
engine_mood(struct run *t)
{
	switch (rng_below(&t->rng, 3)) {
	case 0:
		assert_int_equal(vn_virtq_set_mem(t->vq, t->md.mem), 0);
		break;
	case 1:
		vn_virtq_arm(t->vq);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		assert_true(
			vn_virtq_avail(t->vq) != 0 || vn_virtq_position(t->vq) == t->md.next_avail);
		break;
	default:
		vn_virtq_disarm(t->vq);
	}
}

static inline void
compare_mbuf(struct run *t, struct rte_mbuf *m, const struct frame *f)
{
	const void *data;

	assert_int_equal(m->pkt_len, f->len);
	frame_fill(f, t->buf);
	data = rte_pktmbuf_read(m, 0, f->len, t->buf2);
	assert_non_null(data);
	assert_memory_equal(data, t->buf, f->len);
	assert_memory_equal(vn_mbuf_hdr(m), &f->hdr, sizeof(f->hdr));
	rte_mbuf_sanity_check(m, 1);
}

static inline void
tx_add(struct run *t)
{
	for (unsigned int n = 1 + rng_below(&t->rng, 8); n > 0; n--) {
		const struct frame *f = new_frame(t);
		const uint8_t hdr_len = t->md.hdr_len;
		const uint16_t old = t->md.next_avail;
		const bool armed = md_armed(&t->md);

		memset(t->buf2, 0xee, hdr_len);
		memcpy(t->buf2, &f->hdr, RTE_MIN(hdr_len, sizeof(f->hdr)));
		memcpy(t->buf2 + hdr_len, t->buf, f->len);
		if (!md_add(&t->md, t->buf2, hdr_len + f->len))
			break;
		if (armed)
			assert_true(md_wants_kick(&t->md, old));
		t->descs += md_chain_at(&t->md, t->md.added - 1)->total_descs;
		t->bytes += f->len;
		t->put++;
	}
}

static inline void
tx_dequeue(struct run *t)
{
	struct rte_mbuf *pkts[VN_VQ_MAX_BURST];
	uint16_t n = vn_virtq_dequeue(t->vq, env_pool, pkts, 1 + rng_below(&t->rng, 70) % 64);

	for (uint16_t i = 0; i < n; i++) {
		assert_true(t->got < t->put);
		compare_mbuf(t, pkts[i], &t->fifo[t->got++ % t->fifo_size]);
		rte_pktmbuf_free(pkts[i]);
	}
	t->taken += n;
}

static inline void
tx_complete(struct run *t)
{
	vn_virtq_complete(t->vq);
	t->expect_used += t->taken;
	t->taken = 0;
}

static inline unsigned int
tx_reap(struct run *t)
{
	struct md_chain c;
	unsigned int n = 0;

	while (md_get(&t->md, &c) >= 0)
		n++;
	return n;
}

static inline void
rx_post(struct run *t)
{
	const bool mergeable = t->md.features & VN_NET_F_MRG_RXBUF;

	for (unsigned int n = 1 + rng_below(&t->rng, 8); n > 0; n--) {
		uint32_t len = t->md.hdr_len + t->max_frame + rng_below(&t->rng, 10);

		if (mergeable)
			len = t->min_buffer +
			      rng_below(&t->rng, rng_chance(&t->rng, 50) ? 2000 : 20);
		if (!md_add(&t->md, NULL, len))
			break;
	}
}

static inline void
rx_enqueue(struct run *t, struct rte_mbuf **pending, unsigned int *num_pending)
{
	uint16_t n;

	while (*num_pending < 1 + rng_below(&t->rng, 20)) {
		const struct frame *f = new_frame(t);

		pending[*num_pending] = env_mbuf(&f->hdr, t->buf, f->len);
		vn_mbuf_hdr_hash(pending[*num_pending])->hash_value = f->hash;
		vn_mbuf_hdr_hash(pending[*num_pending])->hash_report = f->hash % 10;
		vn_mbuf_hdr_hash(pending[*num_pending])->padding_reserved = 0xeeee;
		(*num_pending)++;
		t->bytes += f->len;
		t->put++;
	}
	n = vn_virtq_enqueue(t->vq, pending, *num_pending);
	rte_pktmbuf_free_bulk(pending, n);
	memmove(pending, pending + n, (*num_pending - n) * sizeof(pending[0]));
	*num_pending -= n;
	while (run_position(t, t->expect_used) != vn_virtq_position(t->vq)) {
		assert_true(t->expect_used != t->md.added);
		t->expect_used++;
	}
	/* The black box knows of the used entries before anybody can see them. */
	if (!t->md.packed)
		assert_int_equal(t->bb.burst, (uint16_t)(t->expect_used - t->bb.position));
}

/* Put frames together again. They are published whole, so all their chains are there. */
static inline void
rx_reap(struct run *t)
{
	struct md_chain c;
	int64_t len;

	while ((len = md_get(&t->md, &c)) >= 0) {
		const struct frame *f = &t->fifo[t->got % t->fifo_size];
		struct vn_net_hdr_hash hash = {0};
		struct vn_net_hdr hdr;
		unsigned int chains = 1;
		uint32_t total = len;

		assert_true(t->got < t->put);
		assert_true(len >= t->md.hdr_len);
		md_chain_read(&t->md, &c, t->buf2, len);
		memcpy(&hash, t->buf2, t->md.hdr_len);
		hdr = hash.hdr;
		if (t->md.hdr_len == VN_NET_HDR_LEN_HASH) {
			assert_int_equal(hash.hash_value, f->hash);
			assert_int_equal(hash.hash_report, f->hash % 10);
			assert_int_equal(hash.padding_reserved, 0);
		}
		if (t->md.hdr_len >= VN_NET_HDR_LEN)
			chains = hdr.num_buffers;
		for (unsigned int i = 1; i < chains; i++) {
			assert_int_equal(len, c.capacity);
			len = md_get(&t->md, &c);
			assert_true(len > 0);
			assert_true(total + len <= VN_MAX_FRAME + VN_NET_HDR_LEN_HASH);
			md_chain_read(&t->md, &c, t->buf2 + total, len);
			total += len;
		}
		hdr.num_buffers = 0;
		assert_memory_equal(&hdr, &f->hdr, sizeof(hdr));
		assert_int_equal(total - t->md.hdr_len, f->len);
		frame_fill(f, t->buf);
		assert_memory_equal(t->buf2 + t->md.hdr_len, t->buf, f->len);
		t->got++;
	}
}

#endif /* VIRTQ_TEST_RUN_H */
