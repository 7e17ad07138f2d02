/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_common.h>
#include <rte_cycles.h>

#include "guest.h"
#include "vn_features.h"
#include "vn_net_hdr.h"
#include "vn_vring.h"

#define GPA      UINT64_C(0x100000)
#define AVAIL_AT (GUEST_RING * 16)
#define USED_AT  (AVAIL_AT + 4096)
#define BUFS_AT  (USED_AT + 8192)
#define BYTES    (BUFS_AT + (uint64_t)GUEST_RING * GUEST_BUF)

struct guest {
	uint8_t *mem;
	int memfd, call;
	struct vn_gm_registry *reg;
	struct vn_guestmem *map;
	struct vn_vring_desc *desc;
	struct vn_vring_avail *avail;
	struct vn_vring_used *used;
	pthread_t thread;
	bool running, stop;
	uint16_t next_used, next_avail;
	uint64_t frames, wakes, sum;
	uint64_t n_waits, wait[GUEST_WAITS];
	uint64_t waits_from; /* the main thread's */
};

static void
offer(struct guest *g, uint16_t head)
{
	g->avail->ring[g->next_avail++ % GUEST_RING] = rte_cpu_to_le_16(head);
}

static void
offered(struct guest *g)
{
	__atomic_store_n(&g->avail->idx, rte_cpu_to_le_16(g->next_avail), __ATOMIC_RELEASE);
}

static bool
more(const struct guest *g)
{
	return __atomic_load_n(&g->used->idx, __ATOMIC_ACQUIRE) != rte_cpu_to_le_16(g->next_used);
}

/* One frame: its bytes are read, as by a checksum. */
static void
take(struct guest *g)
{
	const struct vn_vring_used_elem e = g->used->ring[g->next_used++ % GUEST_RING];
	const uint16_t head = rte_le_to_cpu_32(e.id) % GUEST_RING;
	const uint32_t len = RTE_MIN(rte_le_to_cpu_32(e.len), (uint32_t)GUEST_BUF);
	const uint8_t *at = g->mem + BUFS_AT + (uint64_t)head * GUEST_BUF;
	struct guest_stamp stamp;
	uint64_t word;

	memcpy(&stamp, at + sizeof(struct vn_net_hdr) + GUEST_STAMP_AT, sizeof(stamp));
	for (uint32_t i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, at + i, sizeof(word));
		g->sum += word;
	}
	g->wait[g->n_waits % GUEST_WAITS] = rte_get_tsc_cycles() - stamp.cycles;
	__atomic_store_n(&g->n_waits, g->n_waits + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&g->frames, g->frames + 1, __ATOMIC_RELAXED);
	offer(g, head);
}

static void
take_all(struct guest *g)
{
	do {
		while (more(g)) {
			for (unsigned int i = 0; i < 32 && more(g); i++)
				take(g);
			offered(g);
		}
		/* The next interrupt, with the next frame. */
		__atomic_store_n(&g->avail->ring[GUEST_RING], rte_cpu_to_le_16(g->next_used),
			__ATOMIC_RELAXED);
		rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	} while (more(g));
}

static void *
run(void *arg)
{
	struct guest *g = arg;
	struct pollfd p = {.fd = g->call, .events = POLLIN};
	uint64_t n;

	while (!__atomic_load_n(&g->stop, __ATOMIC_ACQUIRE)) {
		if (poll(&p, 1, -1) != 1 || read(g->call, &n, sizeof(n)) != sizeof(n))
			continue;
		__atomic_store_n(&g->wakes, g->wakes + 1, __ATOMIC_RELAXED);
		take_all(g);
	}
	return NULL;
}

static int
make_memory(struct guest *g)
{
	struct vn_gm_region region = {.gpa = GPA, .size = BYTES};
	int rc;

	g->memfd = memfd_create("guest", MFD_CLOEXEC);
	if (g->memfd < 0 || ftruncate(g->memfd, BYTES) != 0)
		return -errno;
	g->mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, g->memfd, 0);
	if (g->mem == MAP_FAILED) {
		g->mem = NULL;
		return -errno;
	}
	g->reg = vn_gm_registry_create(1);
	if (g->reg == NULL)
		return -ENOMEM;
	rc = vn_gm_file_map(g->reg, g->memfd, 0, BYTES, false, &region.file);
	if (rc != 0)
		return rc;
	rc = vn_guestmem_create(&region, 1, &g->map);
	vn_gm_file_unref(region.file);
	return rc;
}

struct guest *
guest_create(void)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->memfd = -1;
	g->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (g->call < 0 || make_memory(g) != 0)
		goto fail;
	g->desc = (void *)g->mem;
	g->avail = (void *)(g->mem + AVAIL_AT);
	g->used = (void *)(g->mem + USED_AT);
	for (uint16_t i = 0; i < GUEST_RING; i++) {
		g->desc[i] = (struct vn_vring_desc){
			.addr = rte_cpu_to_le_64(GPA + BUFS_AT + (uint64_t)i * GUEST_BUF),
			.len = rte_cpu_to_le_32(GUEST_BUF),
			.flags = rte_cpu_to_le_16(VN_DESC_F_WRITE),
		};
		offer(g, i);
	}
	offered(g);
	if (pthread_create(&g->thread, NULL, run, g) != 0)
		goto fail;
	g->running = true;
	return g;
fail:
	guest_destroy(g);
	return NULL;
}

void
guest_destroy(struct guest *g)
{
	const uint64_t one = 1;
	ssize_t n;

	if (g->running) {
		__atomic_store_n(&g->stop, true, __ATOMIC_RELEASE);
		n = write(g->call, &one, sizeof(one));
		RTE_SET_USED(n);
		pthread_join(g->thread, NULL);
	}
	vn_guestmem_unref(g->map);
	if (g->reg != NULL)
		vn_gm_registry_destroy(g->reg);
	if (g->mem != NULL)
		munmap(g->mem, BYTES);
	if (g->memfd >= 0)
		close(g->memfd);
	if (g->call >= 0)
		close(g->call);
	free(g);
}

struct vn_virtq_conf
guest_conf(const struct guest *g, struct vn_virtq_stats *stats)
{
	return (struct vn_virtq_conf){
		.size = GUEST_RING,
		.is_rx = true,
		.features = VN_F_VERSION_1 | VN_F_EVENT_IDX | VN_NET_F_MRG_RXBUF,
		.desc_gpa = GPA,
		.avail_gpa = GPA + AVAIL_AT,
		.used_gpa = GPA + USED_AT,
		.mem = g->map,
		.call_fd = g->call,
		.stats = stats,
	};
}

uint64_t
guest_frames(const struct guest *g)
{
	return __atomic_load_n(&g->frames, __ATOMIC_RELAXED);
}

uint64_t
guest_wakes(const struct guest *g)
{
	return __atomic_load_n(&g->wakes, __ATOMIC_RELAXED);
}

void
guest_waits_begin(struct guest *g)
{
	g->waits_from = __atomic_load_n(&g->n_waits, __ATOMIC_ACQUIRE);
}

static int
by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t
guest_wait_median(struct guest *g)
{
	const uint64_t end = __atomic_load_n(&g->n_waits, __ATOMIC_ACQUIRE);
	const uint64_t n = RTE_MIN(end - g->waits_from, (uint64_t)GUEST_WAITS);
	uint64_t *copy, median = 0;

	copy = calloc(n + 1, sizeof(*copy));
	if (copy == NULL || n == 0) {
		free(copy);
		return 0;
	}
	for (uint64_t i = 0; i < n; i++)
		copy[i] = g->wait[(end - n + i) % GUEST_WAITS];
	qsort(copy, n, sizeof(*copy), by_size);
	median = copy[n / 2];
	free(copy);
	return median;
}
