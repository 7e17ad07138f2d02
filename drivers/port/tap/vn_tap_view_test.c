/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from a driver's buffers to the network without mbufs. With VN_MEASURE=1 also how long that
 * takes, and how long with mbufs, in turn.
 */
#include "model_driver.c"

#include "tap_test.h"
#include "tap_test_io.h"

#define RING 256

/* A transmit ring and its driver. */
struct ring {
	struct model_driver md;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
};

static void
ring_make(struct ring *r, uint64_t features)
{
	const uint64_t all = VN_F_VERSION_1 | VN_F_INDIRECT_DESC | VN_NET_F_CSUM |
			     VN_NET_F_HOST_TSO4 | VN_NET_F_HOST_TSO6 | features;
	struct vn_virtq_conf conf;

	memset(r, 0, sizeof(*r));
	md_init(&r->md, 1, RING, 0, all, false, 0);
	conf = md_conf(&r->md, &r->stats);
	assert_int_equal(vn_virtq_create(&conf, &r->vq), 0);
}

static void
ring_free(struct ring *r)
{
	vn_virtq_free(r->vq);
	md_fini(&r->md);
}

static bool
driver_send(struct ring *r, const struct vn_net_hdr *hdr, const uint8_t *frame, uint32_t len)
{
	static uint8_t buf[VN_NET_HDR_LEN + VN_MAX_FRAME];
	struct md_chain chain;

	while (md_get(&r->md, &chain) >= 0)
		;
	memcpy(buf, hdr, VN_NET_HDR_LEN);
	memcpy(buf + VN_NET_HDR_LEN, frame, len);
	return md_add(&r->md, buf, VN_NET_HDR_LEN + len);
}

static uint16_t
serve(struct tap_fixture *fx, struct ring *r, uint16_t n)
{
	const uint16_t done = vn_tap_ops.tx_views(fx->q[0], r->vq, n);

	vn_virtq_complete(r->vq);
	vn_virtq_publish(r->vq);
	return done;
}

/* Chains of any shape, split and packed. */
static void
all_shapes(void **state)
{
	static const uint32_t len[] = {14, 60, 255, 256, 257, 1514, 9014};
	static const struct vn_net_hdr plain;
	struct tap_fixture *fx = *state;
	uint8_t frame[VN_MAX_FRAME];
	unsigned int sent = 0;
	uint64_t bytes = 0;

	fixture_open(fx, 1, 9000);
	for (unsigned int packed = 0; packed < 2; packed++) {
		struct ring r;

		ring_make(&r, packed ? VN_F_RING_PACKED : 0);
		for (unsigned int i = 0; i < 70; i++, sent++) {
			fill_frame(i, frame, len[i % RTE_DIM(len)]);
			assert_true(driver_send(&r, &plain, frame, len[i % RTE_DIM(len)]));
			assert_int_equal(serve(fx, &r, 32), 1);
			expect_on_netdev(fx, i, len[i % RTE_DIM(len)]);
			bytes += len[i % RTE_DIM(len)];
		}
		assert_int_equal(serve(fx, &r, 32), 0);
		ring_free(&r);
	}
	assert_int_equal(stats_of(fx, 0)->tx_packets, sent);
	assert_int_equal(stats_of(fx, 0)->tx_bytes, bytes);
	assert_int_equal(stats_of(fx, 0)->tx_dropped, 0);
}

/* The header goes along: a frame to be cut is one frame on the netdev. */
static void
tso(void **state)
{
	struct tap_fixture *fx = *state;
	uint8_t frame[VN_MAX_FRAME], got[VN_MAX_FRAME];
	struct vn_net_hdr hdr, seen;
	struct ring r;

	fixture_open(fx, 1, 1500);
	ring_make(&r, 0);
	make_gso(VN_NET_HDR_GSO_TCPV4, frame, &hdr);
	assert_true(driver_send(&r, &hdr, frame, GSO_FRAME));
	assert_int_equal(serve(fx, &r, 32), 1);
	assert_int_equal(recv_on_netdev(fx, &seen, got), GSO_FRAME);
	assert_int_equal(seen.gso_type, VN_NET_HDR_GSO_TCPV4);
	assert_int_equal(seen.gso_size, hdr.gso_size);
	assert_memory_equal(got, frame, GSO_FRAME);
	ring_free(&r);
}

/* One table entry for each of many bytes: more pieces than the kernel takes in a call. */
static void
crumbs(void **state)
{
	enum { LEN = 268 + 1023 - 12, TABLE = 1024 };
	struct tap_fixture *fx = *state;
	static struct vn_vring_desc table[TABLE];
	static uint8_t bytes[VN_NET_HDR_LEN + LEN];
	struct ring r;

	fixture_open(fx, 1, 9000);
	ring_make(&r, 0);
	fill_frame(3, bytes + VN_NET_HDR_LEN, LEN);
	/* The first holds the header, and as much as is looked at. */
	for (unsigned int i = 0; i < TABLE; i++)
		table[i] = (struct vn_vring_desc){
			.addr = MD_DATA_GPA + (i == 0 ? 0 : 267 + i),
			.len = i == 0 ? 268 : 1,
			.flags = i + 1 < TABLE ? VN_DESC_F_NEXT : 0,
			.next = i + 1,
		};
	md_write(&r.md, MD_DATA_GPA, bytes, sizeof(bytes));
	md_write(&r.md, MD_DATA_GPA + 65536, table, sizeof(table));
	md_set_desc(&r.md, 0, MD_DATA_GPA + 65536, sizeof(table), VN_DESC_F_INDIRECT, 0);
	md_push_head(&r.md, 0);
	assert_int_equal(serve(fx, &r, 32), 1);
	expect_on_netdev(fx, 3, LEN);
	ring_free(&r);
}

/* What the network refuses is dropped, and the driver has its buffers back. */
static void
refused(void **state)
{
	static const struct vn_net_hdr plain;
	struct tap_fixture *fx = *state;
	uint8_t frame[60];
	struct ring r;

	fixture_open(fx, 1, 1500);
	ring_make(&r, 0);
	sh("ip link set " REP " down");
	fill_frame(1, frame, sizeof(frame));
	assert_true(driver_send(&r, &plain, frame, sizeof(frame)));
	assert_int_equal(serve(fx, &r, 32), 1);
	assert_int_equal(stats_of(fx, 0)->tx_dropped, 1);
	assert_int_equal(md_used_idx(&r.md), 1);
	ring_free(&r);
}

/* The other way, as a poller has it. */
static uint16_t
serve_mbufs(struct tap_fixture *fx, struct ring *r, uint16_t n)
{
	struct rte_mbuf *pkts[32];
	const uint16_t got = vn_virtq_dequeue(r->vq, fx->pool, pkts, n);

	vn_tap_ops.tx_burst(fx->q[0], pkts, got);
	vn_virtq_complete(r->vq);
	vn_virtq_publish(r->vq);
	return got;
}

static int
cmp(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
measure(void **state)
{
	static const uint32_t len[] = {64, 256, 512, 1518, 4096, 9014, GSO_FRAME};
	enum { ROUNDS = 601, BURST = 8 };
	static uint64_t took[2][ROUNDS];
	struct tap_fixture *fx = *state;
	const unsigned int rounds = getenv("VN_MEASURE") != NULL ? ROUNDS : 3;
	uint8_t frame[VN_MAX_FRAME];

	if (rounds != ROUNDS)
		print_message("set VN_MEASURE=1 to measure\n");
	fixture_open(fx, 1, 9000);
	close(fx->sock);
	fx->sock = -1;
	for (unsigned int i = 0; i < RTE_DIM(len); i++) {
		struct vn_net_hdr hdr = {0};
		struct ring r;

		ring_make(&r, 0);
		r.md.plain = true;
		if (len[i] == GSO_FRAME)
			make_gso(VN_NET_HDR_GSO_TCPV4, frame, &hdr);
		else
			fill_frame(1, frame, len[i]);
		/* All of the pool's memory has been used once, by the kernel, too. */
		for (unsigned int n = 0; i == 0 && n < 2 * POOL_SIZE; n++) {
			assert_true(driver_send(&r, &hdr, frame, len[i]));
			serve_mbufs(fx, &r, 1);
		}
		for (unsigned int n = 0; n < 2 * rounds; n++) {
			/* Each is first as often as second. */
			const bool views = (n ^ n >> 1) & 1;
			uint64_t begin;

			for (unsigned int b = 0; b < BURST; b++)
				assert_true(driver_send(&r, &hdr, frame, len[i]));
			begin = rte_rdtsc();
			/* A burst has a budget: of long frames it takes several. */
			for (unsigned int got, left = BURST; left > 0; left -= got) {
				got = views ? serve(fx, &r, left) : serve_mbufs(fx, &r, left);
				assert_true(got > 0);
			}
			took[views][n / 2] = rte_rdtsc() - begin;
		}
		for (unsigned int k = 0; k < 2; k++)
			qsort(took[k], rounds, sizeof(took[k][0]), cmp);
		if (rounds != ROUNDS) {
			ring_free(&r);
			continue;
		}
		print_message("%5u B: median cycles of a frame: mbufs %ju, views %ju: %.2f\n",
			len[i], (uintmax_t)(took[0][ROUNDS / 2] / BURST),
			(uintmax_t)(took[1][ROUNDS / 2] / BURST),
			(double)took[0][ROUNDS / 2] / (double)took[1][ROUNDS / 2]);
		ring_free(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(all_shapes, fixture_teardown),
		cmocka_unit_test_teardown(crumbs, fixture_teardown),
		cmocka_unit_test_teardown(tso, fixture_teardown),
		cmocka_unit_test_teardown(refused, fixture_teardown),
		cmocka_unit_test_teardown(measure, fixture_teardown),
	};

	enter_netns();
	return cmocka_run_group_tests_name("vn_tap_view", tests, fixture_init, NULL);
}
