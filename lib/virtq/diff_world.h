/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef DIFF_WORLD_H
#define DIFF_WORLD_H

/**
 * @file
 * Test code: two guests that do the same, legal or not, each with a ring of its own: one that may
 * take the fast way, and one that may not.
 */

#include "virtq_test_env.h"

#include <sys/mman.h>

#include "vn_blackbox.h"
#include "vn_virtq_priv.h"

#define W_RINGS_GPA UINT64_C(0x100000)
#define W_AVAIL     0x4000 /* of the rings' region */
#define W_USED      0x8000
#define W_TABLE_GPA UINT64_C(0x50000000) /* two regions that are not contiguous here */
#define W_TABLE     0x5000
#define W_DATA_GPA  UINT64_C(0x40000000) /* three, the last one is to be read only */
#define W_DATA      0x18000
#define W_FILE      (0x10000 + 2 * W_TABLE + 3 * W_DATA)
#define W_LOG       (1 << 16)
#define W_MAX_CHAIN 8

struct world {
	struct vn_gm_registry *reg;
	struct vn_guestmem *mem;
	int fd;
	uint8_t *file;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
	struct vn_bb_ring bb;
	uint8_t log[W_LOG];
};

/* Where the parts lie in the file: what follows in the guest does not here. */
static const struct {
	uint64_t gpa, size, at;
	bool read_only;
} w_part[] = {
	{W_RINGS_GPA, 0x10000, 0, false},
	{W_DATA_GPA, W_DATA, 0x10000 + W_DATA, false},
	{W_DATA_GPA + W_DATA, W_DATA, 0x10000, false},
	{W_DATA_GPA + 2 * W_DATA, W_DATA, 0x10000 + 2 * W_DATA, true},
	{W_TABLE_GPA, W_TABLE, 0x10000 + 3 * W_DATA + W_TABLE, false},
	{W_TABLE_GPA + W_TABLE, W_TABLE, 0x10000 + 3 * W_DATA, false},
};

static void
world_init(struct world *w)
{
	struct vn_gm_region region[RTE_DIM(w_part)] = {0};
	struct vn_gm_file *file;

	memset(w, 0, sizeof(*w));
	w->fd = memfd_create("world", MFD_CLOEXEC);
	assert_true(w->fd >= 0);
	assert_int_equal(ftruncate(w->fd, W_FILE), 0);
	w->file = mmap(NULL, W_FILE, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
	assert_true(w->file != MAP_FAILED);
	w->reg = vn_gm_registry_create(1);
	assert_non_null(w->reg);
	assert_int_equal(vn_gm_file_map(w->reg, w->fd, 0, W_FILE, false, &file), 0);
	for (unsigned int i = 0; i < RTE_DIM(w_part); i++)
		region[i] = (struct vn_gm_region){.gpa = w_part[i].gpa,
			.size = w_part[i].size,
			.file_offset = w_part[i].at,
			.file = file,
			.read_only = w_part[i].read_only};
	assert_int_equal(vn_guestmem_create(region, RTE_DIM(w_part), &w->mem), 0);
	vn_gm_file_unref(file);
}

static void
world_fini(struct world *w)
{
	vn_virtq_free(w->vq);
	vn_guestmem_unref(w->mem);
	vn_gm_registry_destroy(w->reg);
	munmap(w->file, W_FILE);
	close(w->fd);
}

/* A guest that begins anew, and its twin. */
struct twins {
	struct world w[2]; /* [1]: no fast way */
	struct rng rng;
	uint64_t features;
	uint16_t size, at, used; /* of a packed ring: positions */
	bool rx;
	uint8_t hdr_len;
	uint16_t room;        /* descriptors free */
	uint16_t first, last; /* of chain[], free-running */
	uint16_t straddles;   /* the chain whose table lies in two regions */
	uint16_t chain[256];  /* descriptors of those the device has */
	uint16_t next_desc;   /* split */
	unsigned int hostile; /* of 1000 descriptors, so many are not legal */
	uint8_t tag;
};

static void
twins_write(struct twins *t, uint64_t gpa, const void *src, uint32_t len)
{
	for (unsigned int p = 0; p < RTE_DIM(w_part) && len > 0; p++) {
		const uint64_t off = gpa - w_part[p].gpa;
		uint32_t part;

		if (off >= w_part[p].size)
			continue;
		part = RTE_MIN(len, w_part[p].size - off);
		for (unsigned int i = 0; i < 2; i++)
			memcpy(t->w[i].file + w_part[p].at + off, src, part);
		gpa += part;
		src = (const uint8_t *)src + part;
		len -= part;
	}
}

static void
twins_begin(struct twins *t, uint64_t seed, uint64_t features, bool rx, unsigned int hostile)
{
	const bool packed = features & VN_F_RING_PACKED;
	static const uint16_t sizes[] = {8, 32, 64, 256};
	struct rng *r = &t->rng;

	r->s = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	t->features = features;
	t->rx = rx;
	t->hostile = hostile;
	t->size = sizes[rng_below(r, RTE_DIM(sizes))];
	if (packed)
		t->size -= rng_below(r, 4);
	t->room = t->size;
	t->first = t->last = t->next_desc = 0;
	t->straddles = UINT16_MAX;
	t->at = packed ? rng_below(r, t->size) | (rng_chance(r, 50) ? VN_EVENT_WRAP : 0)
		       : rng_next(r);
	t->used = t->at;
	for (unsigned int i = 0; i < 2; i++) {
		struct world *w = &t->w[i];
		struct vn_virtq_conf conf = {.size = t->size,
			.is_rx = rx,
			.count_sizes = seed % 2,
			.log_dirty = seed % 8 == 0,
			.start = t->at,
			.features = features,
			.desc_gpa = W_RINGS_GPA,
			.avail_gpa = W_RINGS_GPA + W_AVAIL,
			.used_gpa = W_RINGS_GPA + W_USED,
			.used_log_gpa = W_RINGS_GPA + W_USED,
			.mem = w->mem,
			.log = {w->log, W_LOG},
			.call_fd = -1,
			.bb = &w->bb,
			.stats = &w->stats};

		memset(w->file, 0, 0x10000);
		memset(w->log, 0, sizeof(w->log));
		memset(&w->stats, 0, sizeof(w->stats));
		vn_virtq_free(w->vq);
		if (packed) {
			/* Neither available nor used in this lap. */
			struct vn_vring_packed_desc *d = (void *)w->file;

			for (uint16_t k = 0; k < t->size; k++) {
				const bool lap =
					!(t->at & VN_EVENT_WRAP) == (k >= (t->at & ~VN_EVENT_WRAP));

				d[k].flags = lap ? VN_DESC_F_AVAIL | VN_DESC_F_USED : 0;
			}
		} else {
			((struct vn_vring_avail *)(w->file + W_AVAIL))->idx = t->at;
			((struct vn_vring_used *)(w->file + W_USED))->idx = t->at;
		}
		vn_bb_ring_start(&w->bb, packed, t->size, conf.desc_gpa, conf.used_gpa, t->at);
		assert_int_equal(vn_virtq_create(&conf, &w->vq), 0);
		w->vq->no_fast = i == 1;
		t->hdr_len = w->vq->hdr_len;
	}
}

/* Take back what the device has given back. */
static void
twins_reap(struct twins *t)
{
	const struct world *w = &t->w[0];

	while (t->first != t->last) {
		const uint16_t n = t->chain[t->first % RTE_DIM(t->chain)];

		if (t->features & VN_F_RING_PACKED) {
			const struct vn_vring_packed_desc *d = (const void *)w->file;
			const uint16_t flags = d[t->used & ~VN_EVENT_WRAP].flags;

			if ((flags & (VN_DESC_F_AVAIL | VN_DESC_F_USED)) !=
				(t->used & VN_EVENT_WRAP ? VN_DESC_F_AVAIL | VN_DESC_F_USED : 0))
				break;
			t->used = vn_vring_packed_advance(t->used, n, t->size);
		} else {
			if (((const struct vn_vring_used *)(w->file + W_USED))->idx == t->used)
				break;
			t->used++;
		}
		t->room += n;
		t->first++;
	}
}

/* Whatever can be seen is the same. */
static void
twins_same(const struct twins *t)
{
	const struct world *a = &t->w[0], *b = &t->w[1];
	struct vn_virtq_stats sa = a->stats, sb = b->stats;

	/* How far a packed ring has been looked at is not the driver's business. */
	if (t->features & VN_F_RING_PACKED)
		sa.max_post = sb.max_post = 0;
	assert_memory_equal(&sa, &sb, sizeof(sa));
	assert_int_equal(vn_virtq_position(a->vq), vn_virtq_position(b->vq));
	assert_int_equal(vn_virtq_broken(a->vq), vn_virtq_broken(b->vq));
	if (vn_virtq_broken(a->vq))
		assert_string_equal(vn_virtq_broken_why(a->vq), vn_virtq_broken_why(b->vq));
	assert_true(memcmp(a->file, b->file, W_FILE) == 0);
	assert_true(memcmp(a->log, b->log, W_LOG) == 0);
	assert_memory_equal(&a->bb, &b->bb, sizeof(a->bb));
}

#endif /* DIFF_WORLD_H */
