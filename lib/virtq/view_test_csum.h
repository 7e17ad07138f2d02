/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VIEW_TEST_CSUM_H
#define VIEW_TEST_CSUM_H

/** @file Test code: checksums, made in the plainest way. */

#include <stdint.h>

/* Sum of 16-bit words in network order. */
static inline uint16_t
plain_sum(const uint8_t *b, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint64_t)b[i] << 8 : b[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* As the receiver without checksum offload is to get it. */
static inline void
fill_csum(uint8_t *buf, uint32_t len, uint32_t start, uint32_t offset)
{
	uint16_t sum = ~plain_sum(buf + start, len - start);

	if (sum == 0)
		sum = 0xffff;
	buf[start + offset] = sum >> 8;
	buf[start + offset + 1] = sum & 0xff;
}

#endif /* VIEW_TEST_CSUM_H */
