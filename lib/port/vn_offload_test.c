/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Checksums and segments made in software, against sums counted the plain way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "vn_features.h"
#include "vn_offload.h"

#define ROOM 512 /* so that frames lie in several mbufs */

static struct rte_mempool *pool;
static uint8_t frame[VN_MAX_FRAME];

struct flow {
	bool ipv6, tcp;
	unsigned int vlans, opts; /* bytes of TCP options */
	uint32_t payload;
	uint16_t mss;
	uint8_t flags;
	/* Filled by build(). */
	uint32_t l3, l4, data, len;
};

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}

static uint32_t
sum16(const uint8_t *p, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of the pseudo header of the frame at @p f. */
static uint32_t
pseudo(const struct flow *flow, const uint8_t *f, uint32_t l4_len)
{
	const uint8_t *addr = f + flow->l3 + (flow->ipv6 ? 8 : 12);

	return sum16(addr, flow->ipv6 ? 32 : 8, l4_len + (flow->tcp ? 6 : 17));
}

/* What a driver sends, the pseudo header's sum in the checksum field. */
static struct rte_mbuf *
build(struct flow *flow)
{
	uint8_t *f = frame;
	uint32_t at = 12, csum;
	struct vn_net_hdr *h;
	struct rte_mbuf *m, *first = NULL;

	memset(f, 0, sizeof(frame));
	for (uint32_t i = 0; i < 12; i++)
		f[i] = (uint8_t)(2 + i);
	for (unsigned int i = 0; i < flow->vlans; i++, at += 4) {
		put16(f + at, i + 1 < flow->vlans ? 0x88a8 : 0x8100);
		put16(f + at + 2, 7);
	}
	put16(f + at, flow->ipv6 ? 0x86dd : 0x0800);
	flow->l3 = at + 2;
	flow->l4 = flow->l3 + (flow->ipv6 ? 40 : 20);
	flow->data = flow->l4 + (flow->tcp ? 20 + flow->opts : 8);
	flow->len = flow->data + flow->payload;
	for (uint32_t i = flow->l3; i < flow->len; i++)
		f[i] = (uint8_t)(i * 7 + i / 256);
	f[flow->l3] = flow->ipv6 ? 0x60 : 0x45;
	f[flow->l3 + (flow->ipv6 ? 6 : 9)] = flow->tcp ? 6 : 17;
	if (!flow->ipv6)
		put16(f + flow->l3 + 4, 0xfffe); /* the identification wraps */
	csum = flow->l4 + (flow->tcp ? 16 : 6);
	if (flow->tcp) {
		f[flow->l4 + 12] = (uint8_t)((20 + flow->opts) / 4 << 4);
		f[flow->l4 + 13] = flow->flags;
		memset(f + flow->l4 + 4, 0xff, 4); /* the sequence wraps, too */
	}
	put16(f + csum, pseudo(flow, f, flow->len - flow->l4));

	for (uint32_t from = 0; from < flow->len;) {
		const uint32_t n = RTE_MIN(flow->len - from, (uint32_t)ROOM - 3);

		m = rte_pktmbuf_alloc(pool);
		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), f + from, n);
		from += n;
		if (first == NULL)
			first = m;
		else
			assert_int_equal(rte_pktmbuf_chain(first, m), 0);
	}
	h = vn_mbuf_hdr(first);
	*h = (struct vn_net_hdr){
		.flags = VN_NET_HDR_F_NEEDS_CSUM,
		.csum_start = rte_cpu_to_le_16((uint16_t)flow->l4),
		.csum_offset = rte_cpu_to_le_16((uint16_t)(csum - flow->l4)),
		.gso_size = rte_cpu_to_le_16(flow->mss),
	};
	if (flow->mss != 0)
		h->gso_type = !flow->tcp   ? VN_NET_HDR_GSO_UDP_L4
			      : flow->ipv6 ? VN_NET_HDR_GSO_TCPV6
					   : VN_NET_HDR_GSO_TCPV4;
	return first;
}

static void
copy_out(const struct rte_mbuf *m, uint8_t *to)
{
	const void *p = rte_pktmbuf_read(m, 0, m->pkt_len, to);

	assert_non_null(p);
	if (p != to)
		memcpy(to, p, m->pkt_len);
}

static void
check_l4_sum(const struct flow *flow, const uint8_t *f, uint32_t len)
{
	const uint32_t l4_len = len - flow->l4;

	assert_int_equal(sum16(f + flow->l4, l4_len, pseudo(flow, f, l4_len)), 0xffff);
}

static void
check_piece(const struct flow *flow, const struct rte_mbuf *m, uint32_t i, uint32_t n, bool summed)
{
	static uint8_t f[VN_MAX_FRAME];
	const uint32_t at = i * flow->mss;
	const uint32_t len = RTE_MIN(flow->payload - at, flow->mss);
	struct rte_mbuf *own = (struct rte_mbuf *)(uintptr_t)m;
	uint8_t flags = flow->flags;

	copy_out(m, f);
	assert_int_equal(m->pkt_len, flow->data + len);
	assert_memory_equal(f, frame, flow->l3);
	assert_memory_equal(f + flow->data, frame + flow->data + at, len);
	if (flow->ipv6) {
		assert_int_equal(get16(f + flow->l3 + 4), m->pkt_len - flow->l3 - 40);
	} else {
		assert_int_equal(get16(f + flow->l3 + 2), m->pkt_len - flow->l3);
		assert_int_equal(get16(f + flow->l3 + 4), (0xfffe + i) & 0xffff);
		assert_int_equal(sum16(f + flow->l3, 20, 0), 0xffff);
	}
	if (flow->tcp) {
		assert_int_equal(get16(f + flow->l4 + 4) << 16 | get16(f + flow->l4 + 6),
			UINT32_C(0xffffffff) + at);
		if (i > 0)
			flags &= 0x7f;
		if (i + 1 < n)
			flags &= 0xf6;
		assert_int_equal(f[flow->l4 + 13], flags);
	} else {
		assert_int_equal(get16(f + flow->l4 + 4), 8 + len);
	}
	assert_int_equal(vn_mbuf_hdr(own)->gso_type, 0);
	if (!summed) {
		assert_int_equal(vn_mbuf_hdr(own)->flags, VN_NET_HDR_F_NEEDS_CSUM);
		assert_true(vn_offload_csum(own));
		copy_out(m, f);
	}
	assert_int_equal(vn_mbuf_hdr(own)->flags, 0);
	check_l4_sum(flow, f, m->pkt_len);
}

static void
test_segment(void **state)
{
	static struct flow flow[] = {
		{.tcp = true, .payload = 4000, .mss = 1448, .opts = 12, .flags = 0x99},
		{.tcp = true, .ipv6 = true, .payload = 65000, .mss = 1440, .flags = 0x11},
		{.tcp = true, .vlans = 1, .payload = 1, .mss = 1448, .flags = 0x18},
		{.tcp = true,
			.vlans = 2,
			.ipv6 = true,
			.payload = 2896,
			.mss = 1448,
			.opts = 40,
			.flags = 0x98},
		{.tcp = true, .payload = 256 * 3, .mss = 3, .flags = 0x10},
		{.payload = 3001, .mss = 1000},
		{.ipv6 = true, .vlans = 1, .payload = 9000, .mss = 1201},
	};
	struct rte_mbuf *out[VN_OFFLOAD_PIECES];

	(void)state;
	for (unsigned int i = 0; i < 2 * RTE_DIM(flow); i++) {
		struct flow *f = &flow[i / 2];
		struct rte_mbuf *m = build(f);
		const uint32_t want = (f->payload + f->mss - 1) / f->mss;
		const int n = vn_offload_segment(m, pool, i % 2 ? VN_PORT_ACCEPT_CSUM : 0, out);

		assert_int_equal(n, want);
		for (uint32_t k = 0; k < want; k++)
			check_piece(f, out[k], k, want, i % 2 == 0);
		rte_pktmbuf_free_bulk(out, want);
		rte_pktmbuf_free(m);
	}
}

/* What does not hold together is not cut, and reads nothing outside the frame. */
static void
test_refused(void **state)
{
	struct flow f = {.tcp = true, .payload = 3000, .mss = 1000};
	struct rte_mbuf *out[VN_OFFLOAD_PIECES];

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		struct rte_mbuf *m = build(&f);
		struct vn_net_hdr *h = vn_mbuf_hdr(m);
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

		switch (i) {
		case 0:
			h->gso_size = 0;
			break;
		case 1:
			h->gso_size = rte_cpu_to_le_16(11); /* 273 pieces */
			break;
		case 2:
			h->flags = 0;
			break;
		case 3:
			h->csum_start = rte_cpu_to_le_16(0xffff);
			break;
		case 4:
			h->csum_start = rte_cpu_to_le_16((uint16_t)f.len - 10);
			break;
		case 5:
			h->gso_type = VN_NET_HDR_GSO_TCPV6;
			break;
		case 6:
			h->gso_type = 7;
			break;
		case 7:
			data[f.l4 + 12] = 0x40; /* shorter than a TCP header */
			break;
		case 8:
			data[f.l3] = 0x4f; /* options that reach into TCP */
			break;
		case 9:
			put16(data + 12, 0x0806);
			break;
		}
		assert_int_equal(vn_offload_segment(m, pool, 0, out), 0);
		rte_pktmbuf_free(m);
	}
	/* Payload that is not there. */
	f.payload = 0;
	{
		struct rte_mbuf *m = build(&f);

		assert_int_equal(vn_offload_segment(m, pool, 0, out), 0);
		rte_pktmbuf_free(m);
	}
}

static void
test_no_memory(void **state)
{
	struct flow f = {.tcp = true, .payload = 60000, .mss = 1000};
	struct rte_mbuf *out[VN_OFFLOAD_PIECES], *m = build(&f), *hold[512];
	unsigned int n = 0;

	(void)state;
	while (rte_mempool_avail_count(pool) > 20)
		hold[n++] = rte_pktmbuf_alloc(pool);
	assert_int_equal(vn_offload_segment(m, pool, 0, out), -ENOMEM);
	assert_int_equal(rte_mempool_avail_count(pool), 20);
	rte_pktmbuf_free_bulk(hold, n);
	rte_pktmbuf_free(m);
}

static void
test_csum(void **state)
{
	struct flow flow[] = {
		{.tcp = true, .payload = 1460},
		{.payload = 1401},
		{.ipv6 = true, .payload = 1},
		{.tcp = true, .ipv6 = true, .vlans = 1, .payload = 0},
	};
	static uint8_t f[VN_MAX_FRAME];

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(flow); i++) {
		struct rte_mbuf *m = build(&flow[i]);

		assert_true(vn_offload_csum(m));
		assert_int_equal(vn_mbuf_hdr(m)->flags, 0);
		copy_out(m, f);
		check_l4_sum(&flow[i], f, m->pkt_len);
		assert_true(vn_offload_csum(m)); /* nothing to do */
		rte_pktmbuf_free(m);
	}
	{
		struct rte_mbuf *m = build(&flow[0]);

		vn_mbuf_hdr(m)->csum_offset = rte_cpu_to_le_16(0xfff0);
		assert_false(vn_offload_csum(m));
		vn_mbuf_hdr(m)->csum_start = rte_cpu_to_le_16(0xfff0);
		assert_false(vn_offload_csum(m));
		rte_pktmbuf_free(m);
	}
}

static void
test_accept(void **state)
{
	const struct vn_net_hdr plain = {0}, csum = {.flags = VN_NET_HDR_F_NEEDS_CSUM};
	const struct vn_net_hdr tso = {.flags = VN_NET_HDR_F_NEEDS_CSUM, .gso_type = 1};
	const struct vn_net_hdr ecn = {.flags = VN_NET_HDR_F_NEEDS_CSUM, .gso_type = 0x81};
	const uint64_t sum = VN_NET_F_GUEST_CSUM, tso4 = sum | VN_NET_F_GUEST_TSO4;

	(void)state;
	assert_true(vn_offload_accepted(&plain, 0));
	assert_false(vn_offload_accepted(&csum, vn_offload_accept(0)));
	assert_true(vn_offload_accepted(&csum, vn_offload_accept(sum)));
	assert_false(vn_offload_accepted(&tso, vn_offload_accept(sum | VN_NET_F_GUEST_TSO6)));
	assert_true(vn_offload_accepted(&tso, vn_offload_accept(tso4)));
	assert_false(vn_offload_accepted(&ecn, vn_offload_accept(tso4)));
	assert_true(vn_offload_accepted(&ecn, vn_offload_accept(tso4 | VN_NET_F_GUEST_ECN)));
	/* Its header does not say for which IP: both or none. */
	assert_int_equal(vn_offload_accept(VN_NET_F_GUEST_USO4), 0);
	assert_int_equal(vn_offload_accept(VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6),
		VN_PORT_ACCEPT_UDP_L4);
}

static int
check_pool(void **state)
{
	(void)state;
	return rte_mempool_avail_count(pool) == pool->size ? 0 : -1;
}

int
main(void)
{
	static char arg[][32] = {"test", "--no-huge", "--no-pci", "-m", "64", "--no-shconf",
		"--no-telemetry", "--log-level=lib.eal:error", "-d", "librte_mempool_ring.so"};
	char *eal[RTE_DIM(arg) + 1] = {NULL};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_segment, check_pool),
		cmocka_unit_test_teardown(test_refused, check_pool),
		cmocka_unit_test_teardown(test_no_memory, check_pool),
		cmocka_unit_test_teardown(test_csum, check_pool),
		cmocka_unit_test(test_accept),
	};
	int ret;

	for (unsigned int i = 0; i < RTE_DIM(arg); i++)
		eal[i] = arg[i];
	if (rte_eal_init((int)RTE_DIM(arg), eal) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create(
		"t", 511, 0, VN_MBUF_PRIV_SIZE, RTE_PKTMBUF_HEADROOM + ROOM, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rte_mempool_free(pool);
	rte_eal_cleanup();
	return ret;
}
