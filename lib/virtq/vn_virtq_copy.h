/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_COPY_H
#define VN_VIRTQ_COPY_H

/**
 * @file
 * Copying frames. Neither reads nor writes a byte outside the two ranges: one of them is the
 * guest's. What is short is copied in place, with moves that overlap in the middle; a call costs
 * more than that.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

typedef uint64_t vn_vec16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t vn_copy_u64 __attribute__((aligned(1), may_alias));
typedef uint32_t vn_copy_u32 __attribute__((aligned(1), may_alias));
typedef uint16_t vn_copy_u16 __attribute__((aligned(1), may_alias));

static __rte_always_inline void
copy16(uint8_t *dst, const uint8_t *src)
{
	*(vn_vec16 *)dst = *(const vn_vec16 *)src;
}

static __rte_always_inline void
copy64(uint8_t *dst, const uint8_t *src)
{
	const vn_vec16 a = ((const vn_vec16 *)src)[0], b = ((const vn_vec16 *)src)[1];
	const vn_vec16 c = ((const vn_vec16 *)src)[2], d = ((const vn_vec16 *)src)[3];

	((vn_vec16 *)dst)[0] = a;
	((vn_vec16 *)dst)[1] = b;
	((vn_vec16 *)dst)[2] = c;
	((vn_vec16 *)dst)[3] = d;
}

static __rte_always_inline void
copy_below16(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	if (len >= 8) {
		const uint64_t a = *(const vn_copy_u64 *)src;
		const uint64_t b = *(const vn_copy_u64 *)(src + len - 8);

		*(vn_copy_u64 *)dst = a;
		*(vn_copy_u64 *)(dst + len - 8) = b;
	} else if (len >= 4) {
		const uint32_t a = *(const vn_copy_u32 *)src;
		const uint32_t b = *(const vn_copy_u32 *)(src + len - 4);

		*(vn_copy_u32 *)dst = a;
		*(vn_copy_u32 *)(dst + len - 4) = b;
	} else {
		for (uint32_t i = 0; i < len; i++)
			dst[i] = src[i];
	}
}

/* Longest that is copied in place. */
#define VN_COPY_INLINE 256

static __rte_always_inline void
vn_copy(void *to, const void *from, uint32_t len)
{
	uint8_t *dst = to;
	const uint8_t *src = from;

	if (likely(len >= 64)) {
		uint32_t done = 0;

		if (len > VN_COPY_INLINE) {
			memcpy(dst, src, len);
			return;
		}
		do {
			copy64(dst + done, src + done);
			done += 64;
		} while (done + 64 <= len);
		if (len % 64 != 0)
			copy64(dst + len - 64, src + len - 64);
	} else if (len >= 32) {
		copy16(dst, src);
		copy16(dst + 16, src + 16);
		copy16(dst + len - 32, src + len - 32);
		copy16(dst + len - 16, src + len - 16);
	} else if (len >= 16) {
		copy16(dst, src);
		copy16(dst + len - 16, src + len - 16);
	} else {
		copy_below16(dst, src, len);
	}
}

#endif /* VN_VIRTQ_COPY_H */
