/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Words are summed in memory order: the sum of swapped words is the swapped sum (RFC 1071, 2 B), so
 * nobody has to know the order of the processor.
 */

/* rte_vect_get_max_simd_bitwidth(), until DPDK 23.11. */
#define ALLOW_EXPERIMENTAL_API

#include <string.h>

#include <rte_common.h>
#include <rte_vect.h>

#include "vn_copy_sum.h"

#ifdef RTE_ARCH_X86_64
#include <rte_cpuflags.h>
#include <immintrin.h>
#endif

/* Fewer than 8 bytes. */
static __rte_always_inline uint64_t
copy_sum_rest(uint8_t *d, const uint8_t *s, uint64_t len)
{
	uint64_t w = 0;

	/* In private memory first: each byte is read once. */
	memcpy(&w, s, len);
	memcpy(d, &w, len);
	return (w & UINT32_MAX) + (w >> 32);
}

static __rte_always_inline uint64_t
copy_sum_words(uint8_t **d, const uint8_t **s, uint64_t *len, uint64_t sum)
{
	uint64_t w;

	for (; *len >= sizeof(w); *len -= sizeof(w)) {
		memcpy(&w, *s, sizeof(w));
		/* The value that is summed is the one that is stored: no second load. */
		__asm__ volatile("" : "+r"(w));
		memcpy(*d, &w, sizeof(w));
		sum += (w & UINT32_MAX) + (w >> 32);
		*s += sizeof(w);
		*d += sizeof(w);
	}
	return sum;
}

uint32_t
vn_copy_sum_scalar(void *dst, const void *src, uint64_t len)
{
	const uint8_t *s = src;
	uint8_t *d = dst;
	uint64_t sum;

	sum = copy_sum_words(&d, &s, &len, 0);
	return vn_sum_fold(sum + copy_sum_rest(d, s, len));
}

#ifdef RTE_ARCH_X86_64
/*
 * 32-bit lanes take two 16-bit words per step: they are emptied long before 2^15 steps make them
 * run over.
 */
#define STEPS_MAX 16384

__attribute__((target("avx2"))) static uint32_t
copy_sum_avx2(void *dst, const void *src, uint64_t len)
{
	const __m256i low = _mm256_set1_epi32(0xffff);
	const uint8_t *s = src;
	uint8_t *d = dst;
	uint64_t sum = 0;

	while (len >= 64) {
		const uint64_t steps = RTE_MIN(len / 64, (uint64_t)STEPS_MAX);
		__m256i a = _mm256_setzero_si256(), b = a;
		uint32_t lane[8];

		for (uint64_t i = 0; i < steps; i++, s += 64, d += 64) {
			__m256i v = _mm256_loadu_si256((const __m256i *)s);
			__m256i w = _mm256_loadu_si256((const __m256i *)(s + 32));

			__asm__ volatile("" : "+x"(v), "+x"(w));
			_mm256_storeu_si256((__m256i *)d, v);
			_mm256_storeu_si256((__m256i *)(d + 32), w);
			a = _mm256_add_epi32(a, _mm256_and_si256(v, low));
			b = _mm256_add_epi32(b, _mm256_srli_epi32(v, 16));
			a = _mm256_add_epi32(a, _mm256_and_si256(w, low));
			b = _mm256_add_epi32(b, _mm256_srli_epi32(w, 16));
		}
		len -= steps * 64;
		_mm256_storeu_si256((__m256i *)lane, a);
		for (unsigned int i = 0; i < RTE_DIM(lane); i++)
			sum += lane[i];
		_mm256_storeu_si256((__m256i *)lane, b);
		for (unsigned int i = 0; i < RTE_DIM(lane); i++)
			sum += lane[i];
	}
	sum = copy_sum_words(&d, &s, &len, sum);
	return vn_sum_fold(sum + copy_sum_rest(d, s, len));
}
#endif

vn_copy_sum_fn
vn_copy_sum_pick(void)
{
#ifdef RTE_ARCH_X86_64
	if (rte_vect_get_max_simd_bitwidth() >= RTE_VECT_SIMD_256 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0)
		return copy_sum_avx2;
#endif
	return vn_copy_sum_scalar;
}
