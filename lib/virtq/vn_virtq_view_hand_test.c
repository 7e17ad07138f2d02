/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * From one driver to another without mbufs, with chains written by hand.
 */
#include "view_test_csum.h"
#include "virtq_test_env.h"
#include "vn_virtq_view.h"

/* A sender of frames of one or more pieces, and a receiver. */
struct hand {
	struct fix tx, rx;
	uint32_t hdr_len[2];
	uint64_t heap; /* of the receiver's memory, used so far */
	uint16_t n_tx, n_rx;
};

static void
hand_begin(struct hand *h, uint64_t tx_features, uint64_t rx_features)
{
	memset(h, 0, sizeof(*h));
	fix_begin(&h->tx, false, tx_features);
	fix_begin(&h->rx, true, rx_features);
}

static void
hand_end(struct hand *h)
{
	fix_end(&h->tx);
	fix_end(&h->rx);
}

/* Send @p len bytes (header first) that lie at MD_DATA_GPA, in pieces of @p cut bytes. */
static void
hand_send(struct hand *h, const void *bytes, uint32_t len, uint32_t cut)
{
	const uint32_t pieces = (len + cut - 1) / cut;

	assert_true(pieces <= SIZE);
	md_write(&h->tx.md, MD_DATA_GPA, bytes, len);
	for (uint32_t i = 0; i < pieces; i++)
		md_set_desc(&h->tx.md, i, MD_DATA_GPA + i * cut, RTE_MIN(cut, len - i * cut),
			i + 1 < pieces ? VN_DESC_F_NEXT : 0, i + 1);
	md_push_head(&h->tx.md, 0);
}

/* A receive buffer, in two pieces, of @p len bytes; they lie one behind the other. */
static void
hand_post(struct hand *h, uint32_t len, uint32_t first)
{
	const uint16_t d = h->n_rx;

	assert_true(d + 2 <= SIZE && first < len);
	md_set_desc(&h->rx.md, d, MD_DATA_GPA + h->heap, first, VN_DESC_F_WRITE | VN_DESC_F_NEXT,
		d + 1);
	md_set_desc(
		&h->rx.md, d + 1, MD_DATA_GPA + h->heap + first, len - first, VN_DESC_F_WRITE, 0);
	md_push_head(&h->rx.md, d);
	h->n_rx += 2;
	h->heap += len;
}

#define V1 VN_F_VERSION_1

/* Checksums anywhere in the frame, and pieces cut anywhere on both sides. */
static void
checksum_anywhere(void **state)
{
	static const uint16_t at[][2] = {{14, 0}, {34, 16}, {35, 16}, {34, 221}, {200, 54},
		{200, 55}, {255, 6}, {256, 6}, {257, 6}, {299, 16}, {300, 398}, {600, 16},
		{698, 0}};
	static const uint32_t cut[] = {1000, 12, 70, 101, 268, 269, 300};
	enum { LEN = 700 };
	uint8_t bytes[12 + LEN], got[12 + LEN];
	struct rng r = {5};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(at) * RTE_DIM(cut); i++) {
		const uint16_t start = at[i % RTE_DIM(at)][0], offset = at[i % RTE_DIM(at)][1];
		const uint32_t send_cut = RTE_MAX(cut[i / RTE_DIM(at)], 48u);
		const struct vn_net_hdr hdr = {.flags = VN_NET_HDR_F_NEEDS_CSUM,
			.csum_start = rte_cpu_to_le_16(start),
			.csum_offset = rte_cpu_to_le_16(offset)};
		struct vn_view v;
		struct hand h;

		for (unsigned int b = 0; b < sizeof(bytes); b++)
			bytes[b] = rng_next(&r) >> 32;
		memcpy(bytes, &hdr, sizeof(hdr));
		hand_begin(&h, V1 | VN_NET_F_CSUM, V1 | VN_NET_F_MRG_RXBUF);
		hand_send(&h, bytes, sizeof(bytes), send_cut);
		for (uint32_t b = 0; b < sizeof(bytes); b += 199)
			hand_post(&h, 199, 1 + (i * 7 + b) % 198);
		assert_true(vn_virtq_view(h.tx.vq, &v));
		assert_int_equal(vn_virtq_view_fits(h.rx.vq, &v), VN_VIEW_CSUM);
		assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_OK);
		md_read(&h.rx.md, MD_DATA_GPA, got, sizeof(got));
		fill_csum(bytes + 12, LEN, start, offset);
		memset(bytes, 0, 12);
		bytes[10] = 4;
		assert_memory_equal(got, bytes, sizeof(bytes));
		assert_int_equal(errors(&h.rx.stats), 0);
		hand_end(&h);
	}
}

/* A sum of 0 is sent as 0xffff: to UDP, 0 says that there is none. */
static void
checksum_zero(void **state)
{
	uint8_t bytes[12 + 60] = {VN_NET_HDR_F_NEEDS_CSUM, 0, 0, 0, 0, 0, 34, 0, 6, 0};
	struct vn_view v;
	struct hand h;

	(void)state;
	memset(bytes + 12, 0xff, 60);
	hand_begin(&h, V1 | VN_NET_F_CSUM, V1);
	hand_send(&h, bytes, sizeof(bytes), 72);
	hand_post(&h, 100, 12);
	assert_true(vn_virtq_view(h.tx.vq, &v));
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_OK);
	assert_memory_equal(md_ptr(&h.rx.md, MD_DATA_GPA + 12 + 40), "\xff\xff", 2);
	hand_end(&h);
}

static void
what_fits(void **state)
{
	const uint64_t csum = V1 | VN_NET_F_GUEST_CSUM;
	const uint64_t tso4 = csum | VN_NET_F_GUEST_TSO4, tso6 = csum | VN_NET_F_GUEST_TSO6;
	const uint8_t ecn = VN_NET_HDR_GSO_ECN;
	const struct {
		uint64_t features;
		uint8_t flags, gso;
		enum vn_view_fit fit;
	} c[] = {
		{V1, 0, 0, VN_VIEW_AS_IS},
		{V1, VN_NET_HDR_F_DATA_VALID, 0, VN_VIEW_AS_IS},
		{V1, VN_NET_HDR_F_NEEDS_CSUM, 0, VN_VIEW_CSUM},
		{csum, VN_NET_HDR_F_NEEDS_CSUM, 0, VN_VIEW_AS_IS},
		{V1, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_TCPV4, VN_VIEW_SEGMENT},
		{csum, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_TCPV4, VN_VIEW_SEGMENT},
		{tso6, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_TCPV4, VN_VIEW_SEGMENT},
		{tso4, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_TCPV4, VN_VIEW_AS_IS},
		{tso4, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_TCPV6, VN_VIEW_SEGMENT},
		{tso6, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_TCPV6, VN_VIEW_AS_IS},
		{tso4, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_TCPV4 | ecn, VN_VIEW_SEGMENT},
		{tso4 | VN_NET_F_GUEST_ECN, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_TCPV4 | ecn,
			VN_VIEW_AS_IS},
		{tso4, VN_NET_HDR_F_NEEDS_CSUM, VN_NET_HDR_GSO_UDP_L4, VN_VIEW_SEGMENT},
		{csum | VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6, VN_NET_HDR_F_NEEDS_CSUM,
			VN_NET_HDR_GSO_UDP_L4, VN_VIEW_AS_IS},
		{tso4, VN_NET_HDR_F_NEEDS_CSUM, 77, VN_VIEW_SEGMENT},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(c); i++) {
		const uint16_t at = c[i].gso == VN_NET_HDR_GSO_UDP_L4 ? 6 : 16;
		struct vn_view v = {
			.hdr.hdr = {.flags = c[i].flags,
				.gso_type = c[i].gso,
				.gso_size = rte_cpu_to_le_16(c[i].gso != 0 ? 1000 : 0),
				.csum_start = rte_cpu_to_le_16(34),
				.csum_offset = rte_cpu_to_le_16(at)},
			.len = 100,
			.head_len = 100,
		};
		const struct vn_net_hdr *got;
		struct hand h;

		hand_begin(&h, V1, c[i].features);
		assert_int_equal(vn_virtq_view_fits(h.rx.vq, &v), c[i].fit);
		hand_post(&h, 200, 12);
		if (c[i].fit == VN_VIEW_SEGMENT) {
			/* Nobody may hand a driver what it has not agreed to. */
			assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_DROPPED);
			assert_int_equal(h.rx.stats.bad_header, 1);
			assert_int_equal(vn_virtq_position(h.rx.vq), 0);
			hand_end(&h);
			continue;
		}
		assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_OK);
		got = md_ptr(&h.rx.md, MD_DATA_GPA);
		assert_int_equal(got->gso_type, c[i].gso);
		assert_int_equal(got->num_buffers, 1);
		/* Without GUEST_CSUM no flag passes, DATA_VALID neither. */
		assert_int_equal(got->flags, c[i].features & VN_NET_F_GUEST_CSUM ? c[i].flags : 0);
		hand_end(&h);
	}
}

/* "Known to be right" passes to who asked for it; nothing else makes it so. */
static void
data_valid(void **state)
{
	struct vn_view v = {
		.hdr.hdr.flags = VN_NET_HDR_F_DATA_VALID, .len = FRAME, .head_len = FRAME};
	uint8_t bytes[12 + FRAME] = {VN_NET_HDR_F_DATA_VALID};
	struct hand h;

	(void)state;
	hand_begin(&h, V1 | VN_NET_F_CSUM, V1 | VN_NET_F_GUEST_CSUM);
	hand_post(&h, 200, 12);
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_OK);
	assert_int_equal(*(uint8_t *)md_ptr(&h.rx.md, MD_DATA_GPA), VN_NET_HDR_F_DATA_VALID);
	/* A driver may not say so of its own frames. */
	hand_send(&h, bytes, sizeof(bytes), 112);
	assert_true(vn_virtq_view(h.tx.vq, &v));
	assert_int_equal(v.hdr.hdr.flags, 0);
	hand_end(&h);
}

/* The header and the head are those of the time they were looked at; only the rest may differ. */
static void
sender_changes_its_mind(void **state)
{
	uint8_t bytes[12 + 400], got[12 + 400];
	struct vn_view v;
	struct hand h;

	(void)state;
	memset(bytes, 0x11, sizeof(bytes));
	memset(bytes, 0, 12);
	hand_begin(&h, V1, V1);
	hand_send(&h, bytes, sizeof(bytes), 100);
	hand_post(&h, 500, 12);
	assert_true(vn_virtq_view(h.tx.vq, &v));
	memset(bytes, 0x22, sizeof(bytes));
	md_write(&h.tx.md, MD_DATA_GPA, bytes, sizeof(bytes));
	for (unsigned int i = 0; i < SIZE; i++)
		md_set_desc(&h.tx.md, i, 1, UINT32_MAX, VN_DESC_F_NEXT, i);
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_OK);
	memset(bytes, 0, 12);
	bytes[10] = 1;
	memset(bytes + 12, 0x11, VN_VIEW_HEAD);
	md_read(&h.rx.md, MD_DATA_GPA, got, sizeof(got));
	assert_memory_equal(got, bytes, sizeof(got));
	assert_false(vn_virtq_broken(h.tx.vq));
	hand_end(&h);
}

/* Without room for all of it, nothing of a frame is stored and no buffer is taken. */
static void
too_few_buffers(void **state)
{
	uint8_t before[300], got[300], bytes[12 + 200] = {0};
	struct vn_view v;
	struct hand h;

	(void)state;
	hand_begin(&h, V1, V1 | VN_NET_F_MRG_RXBUF);
	hand_send(&h, bytes, sizeof(bytes), 100);
	hand_send(&h, bytes, sizeof(bytes), 100);
	memset(before, 0xcc, sizeof(before));
	md_write(&h.rx.md, MD_DATA_GPA, before, sizeof(before));
	hand_post(&h, 100, 50);
	hand_post(&h, 100, 50);
	assert_true(vn_virtq_view(h.tx.vq, &v));
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_FULL);
	assert_int_equal(h.rx.stats.no_buffer, 1);
	assert_int_equal(h.rx.stats.packets, 0);
	assert_int_equal(vn_virtq_position(h.rx.vq), 0);
	vn_virtq_publish(h.rx.vq);
	assert_int_equal(md_used_idx(&h.rx.md), 0);
	md_read(&h.rx.md, MD_DATA_GPA, got, sizeof(got));
	assert_memory_equal(got, before, sizeof(got));

	hand_post(&h, 12, 1);
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_OK);
	vn_virtq_publish(h.rx.vq);
	assert_int_equal(md_used_idx(&h.rx.md), 3);
	assert_int_equal(md_used(&h.rx.md, 2).len, 12);
	assert_int_equal(h.rx.stats.batch_last, 6);
	assert_int_equal(h.rx.stats.completed_desc, 6);
	assert_int_equal(errors(&h.rx.stats), 1);
	hand_end(&h);
}

/* A frame that no buffer will ever hold is no reason to wait. */
static void
too_long(void **state)
{
	uint8_t bytes[12 + 200] = {0};
	struct vn_view v;
	struct hand h;

	(void)state;
	hand_begin(&h, V1, V1);
	hand_send(&h, bytes, sizeof(bytes), 300);
	hand_post(&h, 211, 12);
	hand_post(&h, 212, 12);
	assert_true(vn_virtq_view(h.tx.vq, &v));
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_DROPPED);
	assert_int_equal(h.rx.stats.oversized, 1);
	assert_false(vn_virtq_broken(h.rx.vq));
	hand_end(&h);
}

/* Buffers too small to be of use go back empty, and are seen to. */
static void
useless_buffers(void **state)
{
	uint8_t bytes[12 + 100] = {0};
	struct vn_view v;
	struct hand h;

	(void)state;
	hand_begin(&h, V1, V1 | VN_NET_F_MRG_RXBUF);
	hand_send(&h, bytes, sizeof(bytes), 300);
	hand_post(&h, 11, 5);
	hand_post(&h, 11, 5);
	assert_true(vn_virtq_view(h.tx.vq, &v));
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_FULL);
	vn_virtq_publish(h.rx.vq);
	assert_int_equal(md_used_idx(&h.rx.md), 2);
	assert_int_equal(md_used(&h.rx.md, 0).len, 0);
	assert_int_equal(h.rx.stats.bad_desc_errors, 2);
	hand_end(&h);
}

/* What is no frame is given back and passed over. */
static void
bad_frames_between(void **state)
{
	struct vn_view v;
	struct fix f;

	(void)state;
	fix_begin(&f, false, V1);
	md_set_desc(&f.md, 0, MD_DATA_GPA, 11, 0, 0);                    /* half a header */
	md_set_desc(&f.md, 1, MD_DATA_GPA, FRAME, VN_DESC_F_WRITE, 0);   /* to be written */
	md_set_desc(&f.md, 2, MD_DATA_GPA, 12 + VN_MAX_FRAME + 1, 0, 0); /* too long */
	md_set_desc(&f.md, 3, MD_DATA_GPA + 4096, FRAME, 0, 0);          /* a bad header */
	md_set_desc(&f.md, 4, MD_DATA_GPA, 12 + FRAME, 0, 0);            /* a good one */
	md_write(&f.md, MD_DATA_GPA + 4096, "\1\1", 2);
	for (unsigned int i = 0; i < 5; i++)
		md_push_head(&f.md, i);
	assert_true(vn_virtq_view(f.vq, &v));
	assert_int_equal(v.len, FRAME);
	assert_int_equal(vn_virtq_position(f.vq), 5);
	assert_false(vn_virtq_view(f.vq, &v));
	/* Not one of them before the good one is done with: chains complete in order. */
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), 0);
	vn_virtq_complete(f.vq);
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), 5);
	assert_int_equal(f.stats.bad_header, 2);
	assert_int_equal(f.stats.bad_desc_errors, 1);
	assert_int_equal(f.stats.oversized, 1);
	assert_int_equal(errors(&f.stats), 4);

	/* Bad ones alone need nobody to complete them. */
	md_push_head(&f.md, 0);
	assert_false(vn_virtq_view(f.vq, &v));
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), 6);
	fix_end(&f);
}

/* A broken ring gives and takes nothing, and does not touch the other one. */
static void
broken_rings(void **state)
{
	struct vn_view v = {.len = FRAME, .head_len = FRAME};
	uint8_t bytes[12 + FRAME] = {0};
	struct hand h;

	(void)state;
	hand_begin(&h, V1, V1);
	hand_send(&h, bytes, sizeof(bytes), 200);
	md_set_desc(&h.rx.md, 0, 0x10, 200, VN_DESC_F_WRITE, 0); /* no memory */
	md_push_head(&h.rx.md, 0);
	assert_true(vn_virtq_view(h.tx.vq, &v));
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_DROPPED);
	assert_string_equal(vn_virtq_broken_why(h.rx.vq), "memory");
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_DROPPED);
	assert_int_equal(vn_virtq_position(h.rx.vq), 0);
	assert_false(vn_virtq_broken(h.tx.vq));
	md_set_desc(&h.tx.md, 1, 0x10, FRAME, 0, 0);
	md_push_head(&h.tx.md, 1);
	md_push_head(&h.tx.md, 0);
	assert_false(vn_virtq_view(h.tx.vq, &v));
	assert_true(vn_virtq_broken(h.tx.vq));
	assert_false(vn_virtq_view(h.tx.vq, &v));
	hand_end(&h);
}

/* While a guest migrates: every page that was written is marked, and no other. */
static void
dirty_log(void **state)
{
	uint8_t log[64 * 1024] = {0},
			 bytes[12 + 300] = {VN_NET_HDR_F_NEEDS_CSUM, 0, 0, 0, 0, 0, 34, 0, 16};
	const struct vn_dirty_log conf = {.base = log, .size = sizeof(log)};
	const uint64_t page = MD_DATA_GPA >> 12;
	struct vn_view v;
	struct hand h;

	(void)state;
	hand_begin(&h, V1 | VN_NET_F_CSUM, V1);
	vn_virtq_set_log(h.rx.vq, true, &conf, 4096 * 3);
	hand_send(&h, bytes, sizeof(bytes), 200);
	h.heap = 4096 * 2 - 12;
	hand_post(&h, 8192, 12);
	assert_true(vn_virtq_view(h.tx.vq, &v));
	assert_int_equal(vn_virtq_put_view(h.rx.vq, &v), VN_PUT_OK);
	vn_virtq_publish(h.rx.vq);
	for (uint64_t i = 0; i < 8; i++) {
		const bool marked = log[(page + i) / 8] & (1 << (page + i) % 8);

		assert_int_equal(marked, i == 1 || i == 2);
	}
	/* Used entries; used descriptors lie where the ring is. */
	if (env_ring == 0)
		assert_int_equal(log[0], 1 << 3);
	else
		assert_true(log[(MD_RING_GPA >> 12) / 8] & 1 << (MD_RING_GPA >> 12) % 8);
	hand_end(&h);
}

/* A ring that lies in the data of @p md, whose one buffer is what somebody else sends. */
static void
ring_over(struct model_driver *md, struct vn_virtq_stats *stats, uint64_t buffer, uint64_t features,
	struct vn_virtq **vq)
{
	const uint64_t at = MD_DATA_GPA + 0x80000;
	struct vn_virtq_conf conf = md_conf(md, stats);
	struct vn_vring_avail *avail = md_ptr(md, at + 0x1000);

	conf.is_rx = true;
	conf.features = features;
	conf.desc_gpa = at;
	conf.avail_gpa = at + 0x1000;
	conf.used_gpa = at + 0x2000;
	conf.start = 0;
	assert_int_equal(vn_virtq_create(&conf, vq), 0);
	*(struct vn_vring_desc *)md_ptr(md, at) =
		(struct vn_vring_desc){buffer, 70000, VN_DESC_F_WRITE, 0};
	avail->idx = 1;
}

/* Two devices of one guest, which has one receive into what it sends with the other. */
static void
same_memory(void **state)
{
	static const int shift[] = {-300, -65, -64, -1, 0, 1, 31, 64, 65, 256, 300, 5000};
	static uint8_t bytes[12 + 60000];

	(void)state;
	for (unsigned int i = 0; i < 2 * RTE_DIM(shift); i++) {
		const bool sum = i >= RTE_DIM(shift);
		const uint64_t gpa = MD_DATA_GPA + 8192;
		struct vn_virtq_stats stats = {0};
		struct vn_virtq *rx;
		struct vn_view v;
		struct fix f;

		memset(bytes, 0x55, sizeof(bytes));
		memset(bytes, 0, 12);
		bytes[0] = sum ? VN_NET_HDR_F_NEEDS_CSUM : 0;
		bytes[6] = sum ? 34 : 0;
		bytes[8] = sum ? 16 : 0;
		fix_begin(&f, false, V1 | VN_NET_F_CSUM);
		md_write(&f.md, gpa, bytes, sizeof(bytes));
		md_set_desc(&f.md, 0, gpa, sizeof(bytes), 0, 0);
		md_push_head(&f.md, 0);
		ring_over(&f.md, &stats, gpa + shift[i % RTE_DIM(shift)], V1, &rx);
		assert_true(vn_virtq_view(f.vq, &v));
		assert_int_equal(vn_virtq_put_view(rx, &v), VN_PUT_OK);
		/* What was private arrives, whatever becomes of the rest. */
		assert_memory_equal(
			md_ptr(&f.md, gpa + shift[i % RTE_DIM(shift)] + 12), v.head, 50);
		assert_int_equal(stats.total_bytes, 60000);
		vn_virtq_free(rx);
		fix_end(&f);
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, env_check_pool)
	static const struct CMUnitTest tests[] = {
		T(checksum_anywhere),
		T(checksum_zero),
		T(what_fits),
		T(data_valid),
		T(sender_changes_its_mind),
		T(too_few_buffers),
		T(too_long),
		T(useless_buffers),
		T(bad_frames_between),
		T(broken_rings),
		T(dirty_log),
		T(same_memory),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
