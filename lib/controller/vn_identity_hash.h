/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_IDENTITY_HASH_H
#define VN_IDENTITY_HASH_H

/**
 * @file
 * SHA-256 (FIPS 180-4), for names derived from something that must not be shown. Small inputs,
 * control plane only; no library that we need anyway has one. Any thread.
 */

#include <stddef.h>
#include <stdint.h>

#define VN_HASH_LEN 32

/** Digest of @p n strings, each with its NUL, so that none runs into the next. */
void vn_identity_hash(const char *const part[], size_t n, uint8_t digest[VN_HASH_LEN]);

/** Digest of @p len bytes. */
void vn_identity_hash_bytes(const void *data, size_t len, uint8_t digest[VN_HASH_LEN]);

#endif /* VN_IDENTITY_HASH_H */
