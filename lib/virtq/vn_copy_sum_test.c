/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The checksum while copying, against the plainest way to make it. With VN_MEASURE=1 also how long
 * each way takes.
 */

/* rte_vect_set_max_simd_bitwidth(), until DPDK 23.11. */
#define ALLOW_EXPERIMENTAL_API

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_vect.h>

#include "vn_copy_sum.h"

#define ROOM 70000

static uint8_t src[ROOM], dst[ROOM];

/* As RFC 1071 has it: 16-bit words in network order, in a sum that cannot run over. */
static uint16_t
plain(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint64_t)p[i] << 8 : p[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* 0 and 0xffff are the same number. */
static void
same_sum(uint32_t got, uint16_t expect)
{
	const uint16_t be = rte_cpu_to_be_16((uint16_t)got);

	assert_true(got <= 0xffff);
	if (expect == 0 || expect == 0xffff)
		assert_true(be == 0 || be == 0xffff);
	else
		assert_int_equal(be, expect);
}

static void
fill(uint32_t seed)
{
	for (uint32_t i = 0; i < ROOM; i++) {
		seed = seed * 1664525 + 1013904223;
		src[i] = seed >> 24;
	}
}

static void
one(vn_copy_sum_fn fn, uint32_t from, uint32_t to, uint32_t len)
{
	memset(dst, 0xa5, sizeof(dst));
	same_sum(fn(dst + to, src + from, len), plain(src + from, len));
	assert_memory_equal(dst + to, src + from, len);
	assert_true(to == 0 || dst[to - 1] == 0xa5);
	assert_int_equal(dst[to + len], 0xa5);
}

/* All ways that this machine has. */
enum { SCALAR, WIDE, WIDEST, WAYS };
static vn_copy_sum_fn fn[WAYS];

static int
pick_all(void **state)
{
	static const uint16_t bits[WAYS] = {
		RTE_VECT_SIMD_128, RTE_VECT_SIMD_256, RTE_VECT_SIMD_512};

	(void)state;
	/* There is no EAL here that would say how wide vectors may be. */
	for (unsigned int f = 0; f < WAYS; f++) {
		if (rte_vect_set_max_simd_bitwidth(bits[f]) != 0)
			return -1;
		fn[f] = vn_copy_sum_pick();
	}
	return 0;
}

static void
picked(void **state)
{
	(void)state;
	assert_ptr_equal(fn[SCALAR], vn_copy_sum_scalar);
#ifdef RTE_ARCH_X86_64
	if (__builtin_cpu_supports("avx2"))
		assert_ptr_not_equal(fn[WIDE], fn[SCALAR]);
	if (__builtin_cpu_supports("avx512bw"))
		assert_ptr_not_equal(fn[WIDEST], fn[WIDE]);
	else
		print_message("no AVX-512 here\n");
#endif
}

static void
lengths(void **state)
{
	(void)state;
	fill(1);
	for (unsigned int f = 0; f < WAYS; f++) {
		for (uint32_t len = 0; len <= 400; len++)
			one(fn[f], len % 7, len % 5, len);
		for (uint32_t len = 65500; len < 65560; len++)
			one(fn[f], 3, 2, len);
	}
}

/* The largest words, as many as there can be: nothing runs over. */
static void
all_ones(void **state)
{
	(void)state;
	memset(src, 0xff, sizeof(src));
	for (unsigned int f = 0; f < WAYS; f++)
		one(fn[f], 0, 0, ROOM - 1);
}

/* A sum does not depend on how the bytes are cut. */
static void
pieces(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		const uint32_t len = round * 13 + 1;
		struct vn_sum sum = {0};
		uint32_t part;

		fill(round);
		for (uint32_t at = 0; at < len; at += part) {
			seed = seed * 1664525 + 1013904223;
			part = RTE_MIN(len - at, seed >> 16 & 0x1ff);
			vn_sum_add(&sum, fn[round % WAYS](dst + at, src + at, part), part);
		}
		same_sum(vn_sum_fold(sum.words), plain(src, len));
		assert_memory_equal(dst, src, len);
	}
}

/* What is said to be the sum is that of the bytes that arrived, even if both places overlap. */
static void
overlap(void **state)
{
	(void)state;
	for (unsigned int f = 0; f < WAYS; f++) {
		for (uint32_t len = 1; len < 300; len += 3) {
			fill(len);
			/* Towards lower addresses, nothing is read that was written. */
			memcpy(dst, src, ROOM);
			same_sum(fn[f](dst, dst + 5, len), plain(src + 5, len));
			assert_memory_equal(dst, src + 5, len);
			/* The other way there is no promise but to end. */
			fn[f](dst + 5, dst, len);
		}
	}
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
	static const uint32_t len[] = {64, 256, 1518, 9000, 60000};
	enum { ROUNDS = 601, TIMES = 16 };
	static uint64_t took[WAYS + 1][ROUNDS];
	const unsigned int rounds = getenv("VN_MEASURE") != NULL ? ROUNDS : 3;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(len); i++) {
		for (unsigned int n = 0; n < (WAYS + 1) * rounds; n++) {
			const unsigned int way = n % (WAYS + 1);
			const uint64_t begin = rte_rdtsc();

			for (unsigned int k = 0; k < TIMES; k++) {
				if (way == WAYS)
					memcpy(dst, src, len[i]);
				else
					fn[way](dst, src, len[i]);
				__asm__ volatile("" ::: "memory");
			}
			took[way][n / (WAYS + 1)] = (rte_rdtsc() - begin) / TIMES;
		}
		for (unsigned int way = 0; way <= WAYS; way++)
			qsort(took[way], rounds, sizeof(took[way][0]), cmp);
		if (rounds == ROUNDS)
			print_message("%5u B, median cycles: scalar %4ju, 256 bits %4ju, "
				      "512 bits %4ju; memcpy %4ju\n",
				len[i], (uintmax_t)took[SCALAR][ROUNDS / 2],
				(uintmax_t)took[WIDE][ROUNDS / 2],
				(uintmax_t)took[WIDEST][ROUNDS / 2],
				(uintmax_t)took[WAYS][ROUNDS / 2]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(picked),
		cmocka_unit_test(lengths),
		cmocka_unit_test(all_ones),
		cmocka_unit_test(pieces),
		cmocka_unit_test(overlap),
		cmocka_unit_test(measure),
	};

	return cmocka_run_group_tests(tests, pick_all, NULL);
}
