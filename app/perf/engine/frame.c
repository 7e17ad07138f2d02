/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames whose bytes are known at both ends.
 */
#include <arpa/inet.h>
#include <string.h>

#include "frame.h"

#define HEAD (FRAME_L2_LEN + FRAME_L3_LEN + FRAME_L4_LEN)

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

/* Where TCP has its checksum. */
#define TCP_CSUM (FRAME_L2_LEN + FRAME_L3_LEN + 16)

/*
 * What is in the checksum field of a frame whose checksum is not made yet: that of the pseudo
 * header, with the length of @p tcp_len (virtio 1.2, 5.1.6.2). rte_vhost leaves the length out when
 * the frame is to be segmented, as NICs want it.
 */
static uint32_t
pseudo_sum(const uint8_t *head, uint32_t tcp_len)
{
	uint32_t sum = 6 + tcp_len;

	for (unsigned int i = 26; i < 34; i += 2)
		sum += head[i] << 8 | head[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The headers; what they do not cover of @p h is payload. @return their length. */
static uint32_t
make_head(const struct frame_kind *k, uint32_t number, uint8_t *h)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	static const uint8_t addr[8] = {10, 0, 0, 1, 10, 0, 0, 2};
	const uint32_t l4 = FRAME_L2_LEN + FRAME_L3_LEN;
	uint32_t sum = 0;

	memset(h, 0, HEAD);
	memcpy(h, macs, sizeof(macs));
	put16(h + 12, 0x0800);
	h[14] = 0x45;
	put16(h + 16, k->len - FRAME_L2_LEN);
	put16(h + 18, number);
	h[22] = 64;
	h[23] = k->tso ? 6 : 17;
	memcpy(h + 26, addr, sizeof(addr));
	for (unsigned int i = FRAME_L2_LEN; i < l4; i += 2)
		sum += h[i] << 8 | h[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(h + 24, ~sum);
	put16(h + l4, 1024 + number % 64);
	put16(h + l4 + 2, 5001);
	if (!k->tso) {
		put16(h + l4 + 4, k->len - l4);
		return l4 + 8;
	}
	h[l4 + 12] = FRAME_L4_LEN / 4 << 4;
	h[l4 + 13] = 0x10; /* ACK */
	put16(h + l4 + 14, 512);
	h[l4 + 20] = h[l4 + 21] = 1; /* two NOPs, then timestamps */
	h[l4 + 22] = 8;
	h[l4 + 23] = 10;
	put16(h + TCP_CSUM, pseudo_sum(h, k->len - l4));
	return HEAD;
}

/* Payload of frame n is these bytes from n on. */
static const uint8_t *
payload(uint32_t number)
{
	static uint8_t bytes[FRAME_MAX + FRAME_NUMBERS];
	static bool made;
	uint32_t x = 1;

	for (uint32_t i = 0; !made && i < sizeof(bytes); i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = x >> 24;
	}
	made = true;
	return bytes + number % FRAME_NUMBERS;
}

void
frame_write(const struct frame_kind *k, uint32_t number, uint32_t off, uint8_t *p, uint32_t len)
{
	uint8_t head[HEAD];
	const uint32_t head_len = make_head(k, number % FRAME_NUMBERS, head);

	memcpy(p, payload(number) + off, len);
	if (off < head_len)
		memcpy(p, head + off, len < head_len - off ? len : head_len - off);
}

bool
frame_check(
	const struct frame_kind *k, uint32_t number, uint32_t off, const uint8_t *p, uint32_t len)
{
	uint8_t head[HEAD];
	const uint32_t head_len = make_head(k, number % FRAME_NUMBERS, head);
	uint32_t part = 0;

	if (off + len > k->len)
		return false;
	if (off < head_len) {
		part = len < head_len - off ? len : head_len - off;
		if (k->tso && off <= TCP_CSUM && off + part >= TCP_CSUM + 2 &&
			memcmp(p + TCP_CSUM - off, head + TCP_CSUM, 2) != 0)
			put16(head + TCP_CSUM, pseudo_sum(head, 0));
		if (memcmp(p, head + off, part) != 0)
			return false;
	}
	return memcmp(p + part, payload(number) + off + part, len - part) == 0;
}
