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

/* Two vectors of @lanes 32-bit lanes in a step; @reg: the constraint of their registers. */
#define COPY_SUM_WIDE(name, isa, lanes, reg)                                            \
	__attribute__((target(isa))) static uint32_t name(                              \
		void *dst, const void *src, uint64_t len)                               \
	{                                                                               \
		typedef uint32_t vec __attribute__((vector_size(4 * (lanes))));         \
		typedef vec anywhere __attribute__((aligned(1), may_alias));            \
		const anywhere *s = src;                                                \
		anywhere *d = dst;                                                      \
		const uint8_t *rest;                                                    \
		uint8_t *to;                                                            \
		uint64_t sum = 0;                                                       \
                                                                                        \
		while (len >= 2 * sizeof(vec)) {                                        \
			const uint64_t steps =                                          \
				RTE_MIN(len / (2 * sizeof(vec)), (uint64_t)STEPS_MAX);  \
			vec a = {0}, b = {0};                                           \
                                                                                        \
			for (uint64_t i = 0; i < steps; i++, s += 2, d += 2) {          \
				vec v = s[0], w = s[1];                                 \
                                                                                        \
				/* What is summed is what is stored: no second load. */ \
				__asm__ volatile("" : "+" reg(v), "+" reg(w));          \
				d[0] = v;                                               \
				d[1] = w;                                               \
				a += (v & 0xffff) + (w & 0xffff);                       \
				b += (v >> 16) + (w >> 16);                             \
			}                                                               \
			len -= steps * 2 * sizeof(vec);                                 \
			for (unsigned int i = 0; i < (lanes); i++)                      \
				sum += (uint64_t)a[i] + b[i];                           \
		}                                                                       \
		rest = (const uint8_t *)s;                                              \
		to = (uint8_t *)d;                                                      \
		sum = copy_sum_words(&to, &rest, &len, sum);                            \
		return vn_sum_fold(sum + copy_sum_rest(to, rest, len));                 \
	}

COPY_SUM_WIDE(copy_sum_avx2, "avx2", 8, "x")
COPY_SUM_WIDE(copy_sum_avx512, "avx512f,avx512bw", 16, "v")
#endif

vn_copy_sum_fn
vn_copy_sum_pick(void)
{
#ifdef RTE_ARCH_X86_64
	const uint16_t bits = rte_vect_get_max_simd_bitwidth();

	/* Not rte_cpu_get_flag_enabled(): it executes CPUID, which a hypervisor traps, each time.
	 */
	if (bits >= RTE_VECT_SIMD_512 && __builtin_cpu_supports("avx512bw"))
		return copy_sum_avx512;
	if (bits >= RTE_VECT_SIMD_256 && __builtin_cpu_supports("avx2"))
		return copy_sum_avx2;
#endif
	return vn_copy_sum_scalar;
}
