/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* SHA-256 as FIPS 180-4 defines it, plain and short. */

#include <string.h>

#include "vn_identity_hash.h"

#define BLOCK 64

struct sha256 {
	uint32_t h[8];
	uint8_t block[BLOCK];
	uint64_t len; /* bytes taken */
};

/* FIPS 180-4, 4.2.2. */
static const uint32_t k[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
	0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6,
	0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
	0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585,
	0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
	0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t
ror(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static void
compress(struct sha256 *s)
{
	uint32_t w[64], v[8], t1, t2;
	const uint8_t *b = s->block;
	unsigned int i;

	for (i = 0; i < 16; i++, b += 4)
		w[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	for (; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, s->h, sizeof(v));
	for (i = 0; i < 64; i++) {
		t1 = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) +
		     ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
		t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) +
		     ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (i = 0; i < 8; i++)
		s->h[i] += v[i];
}

static void
begin(struct sha256 *s)
{
	static const uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
		0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(s->h, h, sizeof(h));
	s->len = 0;
}

static void
add(struct sha256 *s, const uint8_t *data, size_t len)
{
	for (; len > 0; len--) {
		s->block[s->len++ % BLOCK] = *data++;
		if (s->len % BLOCK == 0)
			compress(s);
	}
}

static void
end(struct sha256 *s, uint8_t digest[VN_HASH_LEN])
{
	static const uint8_t one = 0x80, zero = 0;
	uint64_t bits = s->len * 8;
	uint8_t size[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		size[i] = (uint8_t)(bits >> (56 - 8 * i));
	add(s, &one, 1);
	while (s->len % BLOCK != BLOCK - sizeof(size))
		add(s, &zero, 1);
	add(s, size, sizeof(size));
	for (i = 0; i < VN_HASH_LEN; i++)
		digest[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void
vn_identity_hash_bytes(const void *data, size_t len, uint8_t digest[VN_HASH_LEN])
{
	struct sha256 s;

	begin(&s);
	add(&s, data, len);
	end(&s, digest);
}

void
vn_identity_hash(const char *const part[], size_t n, uint8_t digest[VN_HASH_LEN])
{
	struct sha256 s;
	size_t i;

	begin(&s);
	for (i = 0; i < n; i++)
		add(&s, (const uint8_t *)part[i], strlen(part[i]) + 1);
	end(&s, digest);
}
