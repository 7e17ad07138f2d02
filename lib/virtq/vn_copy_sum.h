/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_COPY_SUM_H
#define VN_COPY_SUM_H

/**
 * @file
 * The Internet checksum (RFC 1071) of bytes while they are copied. Of memory that somebody else may
 * rewrite, what was summed is what was copied: each byte is read once. Inner to lib/virtq.
 */

#include <stdint.h>

/**
 * Copy @p len bytes; @p src and @p dst may overlap (what is copied then is not said, but it is what
 * was summed).
 * @return the sum of the 16-bit words that @p src begins with, in memory order, folded to 16 bits;
 *   an odd last byte counts as if a zero followed.
 */
typedef uint32_t (*vn_copy_sum_fn)(void *dst, const void *src, uint64_t len);

uint32_t vn_copy_sum_scalar(void *dst, const void *src, uint64_t len);

/** The fastest that this machine has, and EAL's limit on vectors allows. Any thread. */
vn_copy_sum_fn vn_copy_sum_pick(void);

/** A sum over pieces that follow one another. */
struct vn_sum {
	uint64_t words; /* not folded */
	uint64_t bytes; /* of all pieces so far */
};

static inline uint32_t
vn_sum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/** The next piece, of @p len bytes, has the sum @p folded by itself. */
static inline void
vn_sum_add(struct vn_sum *s, uint32_t folded, uint64_t len)
{
	/* At an odd place, its bytes are the other halves of the words. */
	if (s->bytes % 2 != 0)
		folded = (folded << 8 & 0xff00) | folded >> 8;
	s->words += folded;
	s->bytes += len;
}

#endif /* VN_COPY_SUM_H */
