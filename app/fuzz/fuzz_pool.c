/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "fuzz_pool.h"
#include "vn_net_hdr.h"

/* The pool's free objects; last in, first out. */
struct stack {
	unsigned int n;
	void *obj[];
};

/* What DPDK's memory alone points to is a leak in LeakSanitizer's eyes. */
static void *reachable[2];

/* Not while the pool is being made: DPDK initialises the objects through memset(). */
static bool poisoning;

static int
stack_alloc(struct rte_mempool *mp)
{
	mp->pool_data = calloc(1, sizeof(struct stack) + mp->size * sizeof(void *));
	reachable[0] = mp->pool_data;
	return mp->pool_data != NULL ? 0 : -ENOMEM;
}

static void
stack_free(struct rte_mempool *mp)
{
	free(mp->pool_data);
}

static int
stack_put(struct rte_mempool *mp, void *const *objs, unsigned int n)
{
	struct stack *s = mp->pool_data;

	if (s->n + n > mp->size)
		abort(); /* freed twice */
	for (unsigned int i = 0; i < n; i++) {
		s->obj[s->n++] = objs[i];
		if (poisoning)
			ASAN_POISON_MEMORY_REGION(objs[i], mp->elt_size);
	}
	return 0;
}

static int
stack_get(struct rte_mempool *mp, void **objs, unsigned int n)
{
	struct stack *s = mp->pool_data;

	if (n > s->n)
		return -ENOBUFS;
	for (unsigned int i = 0; i < n; i++) {
		objs[i] = s->obj[--s->n];
		ASAN_UNPOISON_MEMORY_REGION(objs[i], mp->elt_size);
	}
	return 0;
}

static unsigned int
stack_count(const struct rte_mempool *mp)
{
	const struct stack *s = mp->pool_data;

	return s->n;
}

static const struct rte_mempool_ops stack_ops = {
	.name = "vn-fuzz",
	.alloc = stack_alloc,
	.free = stack_free,
	.enqueue = stack_put,
	.dequeue = stack_get,
	.get_count = stack_count,
};
RTE_MEMPOOL_REGISTER_OPS(stack_ops);

static void
fail(const char *what)
{
	fprintf(stderr, "fuzz: %s failed\n", what);
	exit(1);
}

void
fuzz_eal_init(const char *prog)
{
	static char args[][32] = {"", "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf",
		"-m", "64", "-l", "0", "--log-level=lib.eal:error"};
	char *argv[RTE_DIM(args) + 1] = {NULL};

	snprintf(args[0], sizeof(args[0]), "%s", prog);
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		fail("rte_eal_init");
}

struct rte_mempool *
fuzz_pool_create(unsigned int n, unsigned int data_room)
{
	struct rte_pktmbuf_pool_private priv = {
		.mbuf_data_room_size = data_room,
		.mbuf_priv_size = VN_MBUF_PRIV_SIZE,
	};
	const unsigned int elt_size = sizeof(struct rte_mbuf) + VN_MBUF_PRIV_SIZE + data_room;
	struct rte_mempool *mp;
	size_t len;
	void *mem;

	mp = rte_mempool_create_empty(
		"fuzz", n, elt_size, 0, sizeof(priv), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (mp == NULL || rte_mempool_set_ops_byname(mp, stack_ops.name, NULL) < 0)
		fail("rte_mempool_create_empty");
	rte_pktmbuf_pool_init(mp, &priv);
	len = (size_t)(mp->header_size + mp->elt_size + mp->trailer_size) * n;
	mem = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(len, RTE_CACHE_LINE_SIZE));
	reachable[1] = mem;
	if (mem == NULL ||
		rte_mempool_populate_iova(mp, mem, RTE_BAD_IOVA, len, NULL, NULL) != (int)n)
		fail("rte_mempool_populate_iova");
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	/* From now on all of it is out of bounds, but what was taken out of the pool. */
	ASAN_POISON_MEMORY_REGION(mem, len);
	poisoning = true;
	return mp;
}
