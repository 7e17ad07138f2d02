/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef FUZZ_POOL_H
#define FUZZ_POOL_H

/**
 * @file
 * An mbuf pool in which AddressSanitizer sees every wrong access.
 *
 * It does not know DPDK's memory: there, a byte too far is simply the next object. So the objects
 * lie in malloc'd memory, and a mempool driver of our own poisons each one while it is free (use
 * after free), and the mempool's headers between them always (overflow, underflow).
 */

struct rte_mempool;

/** Initialise EAL without hugepages, devices and files. Exits on failure. */
void fuzz_eal_init(const char *prog);

/**
 * @p n mbufs with @p data_room bytes each, headroom included, and VN_MBUF_PRIV_SIZE.
 * Exits on failure.
 */
struct rte_mempool *fuzz_pool_create(unsigned int n, unsigned int data_room);

#endif /* FUZZ_POOL_H */
