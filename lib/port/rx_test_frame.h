/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef RX_TEST_FRAME_H
#define RX_TEST_FRAME_H

/**
 * @file
 * Test code: frames written header by header, and an mbuf chain of one, without an EAL.
 */

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "vn_net_hdr.h"

#define FRAME_MAX 4096

struct frame {
	uint32_t len;
	uint32_t ip;      /* where the IP header begins; 0: none */
	uint32_t next_at; /* where the number of the next header belongs */
	uint8_t b[FRAME_MAX];
};

static inline uint8_t *
put(struct frame *f, const void *data, uint32_t len)
{
	uint8_t *at = &f->b[f->len];

	assert_true(f->len + len <= sizeof(f->b));
	if (data != NULL)
		memcpy(at, data, len);
	else
		memset(at, 0, len);
	f->len += len;
	return at;
}

static inline void
put16(struct frame *f, uint16_t v)
{
	const uint8_t b[2] = {v >> 8, v};

	put(f, b, 2);
}

/* Addresses; what comes next begins with its type. */
static inline void
put_eth(struct frame *f, const char *dst)
{
	struct rte_ether_addr a;

	f->len = f->ip = f->next_at = 0;
	assert_int_equal(rte_ether_unformat_addr(dst, &a), 0);
	put(f, a.addr_bytes, 6);
	put(f, "\x02\0\0\0\0\1", 6);
}

static inline void
put_tag(struct frame *f, uint16_t type, uint16_t tci)
{
	put16(f, type);
	put16(f, tci);
}

/* Set the lengths of the IP header to all that follows. */
static inline void
set_len(struct frame *f)
{
	const uint32_t len = f->len - f->ip;

	if (f->b[f->ip] >> 4 == 4) {
		f->b[f->ip + 2] = len >> 8;
		f->b[f->ip + 3] = len;
	} else {
		f->b[f->ip + 4] = (len - 40) >> 8;
		f->b[f->ip + 5] = len - 40;
	}
}

static inline void
put_ip4(struct frame *f, const char *src, const char *dst, unsigned int options, uint16_t frag)
{
	uint8_t *h;

	put16(f, RTE_ETHER_TYPE_IPV4);
	f->ip = f->len;
	h = put(f, NULL, 20 + options);
	h[0] = 0x45 + options / 4;
	h[6] = frag >> 8;
	h[7] = frag;
	h[8] = 64;
	f->next_at = f->ip + 9;
	assert_int_equal(inet_pton(AF_INET, src, &h[12]), 1);
	assert_int_equal(inet_pton(AF_INET, dst, &h[16]), 1);
	set_len(f);
}

static inline void
put_ip6(struct frame *f, const char *src, const char *dst)
{
	uint8_t *h;

	put16(f, RTE_ETHER_TYPE_IPV6);
	f->ip = f->len;
	h = put(f, NULL, 40);
	h[0] = 0x60;
	h[7] = 64;
	f->next_at = f->ip + 6;
	assert_int_equal(inet_pton(AF_INET6, src, &h[8]), 1);
	assert_int_equal(inet_pton(AF_INET6, dst, &h[24]), 1);
	set_len(f);
}

/* An IPv6 extension header of @len bytes; its first two bytes are filled. */
static inline uint8_t *
put_ext(struct frame *f, uint8_t number, uint32_t len)
{
	uint8_t *h = put(f, NULL, len);

	h[0] = 59; /* nothing follows */
	h[1] = number == IPPROTO_AH ? len / 4 - 2 : len / 8 - 1;
	f->b[f->next_at] = number;
	f->next_at = f->len - len;
	set_len(f);
	return h;
}

/* Destination options with a home address, aligned as RFC 6275, 6.3 asks. */
static inline void
put_home(struct frame *f, const char *home)
{
	uint8_t *h = put_ext(f, IPPROTO_DSTOPTS, 24);

	h[2] = 1; /* PadN */
	h[3] = 2;
	h[6] = 201;
	h[7] = 16;
	assert_int_equal(inet_pton(AF_INET6, home, &h[8]), 1);
}

static inline uint8_t *
put_route2(struct frame *f, const char *addr)
{
	uint8_t *h = put_ext(f, IPPROTO_ROUTING, 24);

	h[2] = 2;
	h[3] = 1;
	assert_int_equal(inet_pton(AF_INET6, addr, &h[8]), 1);
	return h;
}

static inline void
put_frag(struct frame *f, uint16_t offset_and_more)
{
	uint8_t *h = put_ext(f, IPPROTO_FRAGMENT, 8);

	h[1] = 0;
	h[2] = offset_and_more >> 8;
	h[3] = offset_and_more;
}

static inline void
put_l4(struct frame *f, uint8_t proto, uint16_t sport, uint16_t dport)
{
	f->b[f->next_at] = proto;
	put16(f, sport);
	put16(f, dport);
	put(f, NULL, proto == IPPROTO_TCP ? 16 : 4);
	set_len(f);
}

/* A chain with a private area; each segment has a buffer of exactly its size (for ASan). */
static inline struct rte_mbuf *
frame_mbuf(const uint8_t *b, uint32_t len, uint32_t seg_len)
{
	struct rte_mbuf *first = NULL, **last = &first;
	uint32_t off = 0;

	do {
		const uint32_t n = RTE_MIN(len - off, seg_len);
		struct rte_mbuf *m = aligned_alloc(RTE_CACHE_LINE_SIZE,
			RTE_ALIGN_CEIL(sizeof(*m) + VN_MBUF_PRIV_SIZE, RTE_CACHE_LINE_SIZE));
		void *buf = malloc(n != 0 ? n : 1);

		assert_non_null(m);
		assert_non_null(buf);
		memset(m, 0, sizeof(*m));
		memset(m + 1, 0xa5, VN_MBUF_PRIV_SIZE);
		m->ol_flags = VN_MBUF_F_HDR;
		if (n != 0)
			memcpy(buf, b + off, n);
		m->buf_addr = buf;
		m->data_len = n;
		m->priv_size = VN_MBUF_PRIV_SIZE;
		*last = m;
		last = &m->next;
		first->pkt_len += n;
		first->nb_segs++;
		off += n;
	} while (off < len);
	return first;
}

static inline void
frame_free(struct rte_mbuf *m)
{
	while (m != NULL) {
		struct rte_mbuf *next = m->next;

		free(m->buf_addr);
		free(m);
		m = next;
	}
}

#endif /* RX_TEST_FRAME_H */
