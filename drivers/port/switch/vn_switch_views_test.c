/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Which frames go straight to another driver, and that the others are the same and in order. */
#include "switch_test.h"

#include "sw_forward.h"
#include "vn_virtq_view.h"

#define LEN 4000

static uint8_t body[LEN];
static const int here, there; /* two pollers */

/* The receiving side of a device, as its poller gives it. */
static struct receiver {
	struct vn_port_sink sink;
	uint16_t room; /* frames that it takes */
	unsigned int asked, got;
	uint32_t len;
} rx[ST_DEVICES];

static uint16_t
put(const struct vn_port_sink *sink, const struct vn_view *views, uint16_t n)
{
	struct receiver *r = container_of(sink, struct receiver, sink);
	const uint16_t done = RTE_MIN(n, r->room);

	r->asked++;
	r->room -= done;
	r->got += done;
	if (done > 0)
		r->len = views[done - 1].len;
	return done;
}

static void
device(unsigned int i, const void *owner)
{
	st_device(i, 1);
	rx[i] = (struct receiver){.sink = {.owner = owner, .put = put}, .room = 1000};
	st.ops->set_sink(st.q[i], &rx[i].sink);
}

/* One frame in three pieces: 256 bytes, 1000, the rest. */
static void
make_view(struct vn_view *v, struct vn_view_seg seg[2], unsigned int dst, uint32_t len)
{
	memset(v, 0, sizeof(*v));
	for (uint32_t i = 0; i < LEN; i++)
		body[i] = (uint8_t)(i * 7);
	st_mac(dst, body);
	if (dst == ST_ALL)
		memset(body, 0xff, 6);
	st_mac(0, body + 6);
	body[12] = 8;
	body[13] = 0;
	v->len = len;
	v->head_len = RTE_MIN(len, (uint32_t)VN_VIEW_HEAD);
	memcpy(v->head, body, v->head_len);
	v->seg = seg;
	for (uint32_t at = v->head_len; at < len; v->n_segs++) {
		seg[v->n_segs] = (struct vn_view_seg){.ptr = body + at,
			.len = v->n_segs == 0 ? RTE_MIN(1000, len - at) : len - at};
		at += (uint32_t)seg[v->n_segs].len;
	}
}

static void
send_views(unsigned int n, unsigned int dst, uint32_t len)
{
	struct vn_view_seg seg[2];
	struct vn_view v;
	struct sw_burst b;

	sw_burst_begin(&b, st.q[0]);
	for (unsigned int i = 0; i < n; i++) {
		make_view(&v, seg, dst, len);
		sw_forward_views(&b, &v, 1);
	}
	sw_burst_end(&b);
}

static void
test_direct(void **state)
{
	(void)state;
	device(0, &here);
	device(1, &here);
	device(2, &there);
	send_views(3, 1, LEN);
	assert_int_equal(rx[1].got, 3);
	assert_int_equal(rx[1].len, LEN);
	assert_int_equal(st_recv(1), 0);
	assert_int_equal(st_stats().direct, 3);
	assert_int_equal(st.ops->queue_stats(st.q[0])->tx_packets, 3);
	/* Another poller's is not to be touched. */
	send_views(2, 2, LEN);
	assert_int_equal(rx[2].asked, 0);
	assert_int_equal(st_recv(2), 2);
	/* Nor one that was taken back. */
	st.ops->set_sink(st.q[1], NULL);
	send_views(1, 1, LEN);
	assert_int_equal(rx[1].asked, 3);
	assert_int_equal(st_recv(1), 1);
}

static void
test_copy(void **state)
{
	const uint32_t len[] = {60, 256, 257, 1256, LEN};
	struct rte_mbuf *m;

	(void)state;
	device(0, &here);
	device(1, &there);
	for (unsigned int i = 0; i < RTE_DIM(len); i++) {
		uint8_t seen[LEN];

		send_views(1, 1, len[i]);
		assert_int_equal(st.ops->rx_burst(st.q[1], &m, 1), 1);
		assert_int_equal(m->pkt_len, len[i]);
		assert_int_equal(rte_mbuf_check(m, 1, &(const char *){NULL}), 0);
		assert_memory_equal(rte_pktmbuf_read(m, 0, len[i], seen), body, len[i]);
		rte_pktmbuf_free(m);
	}
}

/* What could not be put waits, and what comes later waits behind it. */
static void
test_order(void **state)
{
	(void)state;
	device(0, &here);
	device(1, &here);
	rx[1].room = 0;
	send_views(2, 1, 60);
	assert_int_equal(rx[1].asked, 1); /* the second one is not tried */
	rx[1].room = 1000;
	send_views(1, 1, 60);
	assert_int_equal(rx[1].got, 0);
	assert_int_equal(st_recv(1), 3);
	send_views(1, 1, 60);
	assert_int_equal(rx[1].got, 1);
	/* Broadcast by mbufs, and the next one behind it, in one burst. */
	{
		struct vn_view_seg seg[2];
		struct vn_view v;
		struct sw_burst b;

		sw_burst_begin(&b, st.q[0]);
		make_view(&v, seg, ST_ALL, 60);
		sw_forward_views(&b, &v, 1);
		make_view(&v, seg, 1, 60);
		sw_forward_views(&b, &v, 1);
		sw_burst_end(&b);
	}
	assert_int_equal(rx[1].got, 1);
	assert_int_equal(st_recv(1), 2);
}

/* A burst is cut where its frames part ways, and where the receiver can take no more. */
static void
test_burst(void **state)
{
	const unsigned int dst[] = {1, 1, 2, 1, ST_ALL, 1, 99, 1};
	static struct vn_view v[RTE_DIM(dst)];
	struct rte_mbuf *m[8];
	struct sw_burst b;

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		device(i, &here);
	for (unsigned int i = 0; i < RTE_DIM(dst); i++) {
		make_view(&v[i], NULL, dst[i], 60);
		v[i].head[20] = (uint8_t)i;
	}
	sw_burst_begin(&b, st.q[0]);
	sw_forward_views(&b, v, RTE_DIM(dst));
	sw_burst_end(&b);
	/* Behind the one to all, which goes by mbufs, so do the others. */
	assert_int_equal(rx[1].asked, 2);
	assert_int_equal(rx[1].got, 3);
	assert_int_equal(rx[2].got, 1);
	assert_int_equal(st_recv(2), 1);
	assert_int_equal(st.ops->rx_burst(st.q[1], m, 8), 3);
	assert_int_equal(rte_pktmbuf_mtod(m[0], uint8_t *)[20], 4);
	assert_int_equal(rte_pktmbuf_mtod(m[1], uint8_t *)[20], 5);
	assert_int_equal(rte_pktmbuf_mtod(m[2], uint8_t *)[20], 7);
	rte_pktmbuf_free_bulk(m, 3);
	assert_int_equal(st_stats().direct, 4);
	assert_int_equal(st_stats().unknown, 1);
	assert_int_equal(st.ops->queue_stats(st.q[0])->tx_packets, RTE_DIM(dst));
	assert_int_equal(st.ops->queue_stats(st.q[0])->tx_bytes, RTE_DIM(dst) * 60);
	rx[1].room = 1;
	sw_burst_begin(&b, st.q[0]);
	sw_forward_views(&b, v, 2);
	sw_burst_end(&b);
	assert_int_equal(rx[1].got, 4);
	assert_int_equal(st_recv(1), 1);
	assert_int_equal(st.ops->queue_stats(st.q[1])->rx_bytes, 8 * 60);
}

/* Big frames take many buffers: fewer of them wait. */
static void
test_long(void **state)
{
	(void)state;
	device(0, &here);
	device(1, &there);
	send_views(100, 1, LEN);
	assert_int_equal(st_stats().full, 100 - 64);
	send_views(10, 1, 60);
	assert_int_equal(st_recv(1), 74);
}

static void
test_no_mbuf(void **state)
{
	struct rte_mbuf *hold[ST_MBUFS];
	unsigned int held = 0;

	(void)state;
	device(0, &here);
	device(1, &there);
	while (rte_mempool_avail_count(st.pool) > 1)
		hold[held++] = rte_pktmbuf_alloc(st.pool);
	send_views(1, 1, LEN);
	assert_int_equal(st_stats().no_mbuf, 1);
	assert_int_equal(rte_mempool_avail_count(st.pool), 1);
	rte_pktmbuf_free_bulk(hold, held);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, st_setup, st_teardown)
	const struct CMUnitTest tests[] = {
		T(test_direct),
		T(test_copy),
		T(test_order),
		T(test_burst),
		T(test_long),
		T(test_no_mbuf),
	};

	return cmocka_run_group_tests(tests, st_group_setup, NULL);
}
