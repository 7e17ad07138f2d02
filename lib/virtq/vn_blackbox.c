/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_bitops.h>

#include "vn_blackbox.h"
#include "vn_log.h"
#include "vn_virtq.h"
#include "vn_vring_packed.h"

#define BB_MAGIC   "dpdk-virtnet-bb"
#define BB_VERSION 3u

/** Most rings a file may have room for: 128 MiB. */
#define BB_MAX_RINGS (1u << 20)

/* The file: this, on a page of its own, and the records. In the machine's own byte order. */
struct bb_header {
	char magic[16];
	uint32_t version;
	uint32_t byte_order; /* BB_BYTE_ORDER on the machine that wrote it */
	uint32_t header_size;
	uint32_t record_size;
	uint32_t max_rings;
	uint32_t check; /* over all before it */
};

#define BB_BYTE_ORDER  UINT32_C(0x01020304)
#define BB_HEADER_SIZE 4096u

static_assert(sizeof(struct vn_bb_ring) == 128, "the file's format");
static_assert(offsetof(struct vn_bb_ring, position) == 64, "one line for each writer");
static_assert(sizeof(((struct vn_bb_ring *)0)->run) == VN_BB_RUNS * 4, "as the header says");
static_assert(sizeof(struct bb_header) <= BB_HEADER_SIZE, "fits its page");

struct vn_blackbox {
	char *path;
	void *map;
	size_t map_size;
	unsigned int max_rings;
	struct vn_bb_ring *ring;

	/* Records by key and queue; not in the file. UINT32_MAX ends a list. */
	unsigned int num_buckets; /* power of two */
	uint32_t *bucket;
	uint32_t *next;
	uint32_t free;
};

static uint32_t
fnv1a(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t h = UINT32_C(0x811c9dc5);

	while (len-- > 0)
		h = (h ^ *p++) * UINT32_C(0x01000193);
	return h;
}

static void
header_fill(struct bb_header *h, unsigned int max_rings)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, BB_MAGIC, sizeof(BB_MAGIC));
	h->version = BB_VERSION;
	h->byte_order = BB_BYTE_ORDER;
	h->header_size = BB_HEADER_SIZE;
	h->record_size = sizeof(struct vn_bb_ring);
	h->max_rings = max_rings;
	h->check = fnv1a(h, offsetof(struct bb_header, check));
}

/* Only a live ring's record says something; the others may be half-written. */
static bool
record_sound(const struct vn_bb_ring *r)
{
	if (r->live == 0)
		return true;
	if (r->live > VN_BB_LEFT || r->key[0] == '\0' ||
		memchr(r->key, '\0', sizeof(r->key)) == NULL || r->size == 0 ||
		r->size > VN_VQ_MAX_SIZE || r->burst > r->size)
		return false;
	if (r->runs & VN_BB_PACKED)
		return (r->position & ~VN_EVENT_WRAP) < r->size &&
		       (r->runs & ~VN_BB_PACKED) <= VN_BB_RUNS;
	return (r->size & (r->size - 1)) == 0 && r->runs == 0;
}

static uint32_t *
bucket_of(struct vn_blackbox *bb, const char *key, uint16_t queue)
{
	uint32_t h = fnv1a(key, strlen(key)) ^ queue * UINT32_C(0x9e3779b1);

	return &bb->bucket[(h ^ h >> 16) & (bb->num_buckets - 1)];
}

static uint32_t
find(struct vn_blackbox *bb, const char *key, uint16_t queue)
{
	uint32_t i;

	for (i = *bucket_of(bb, key, queue); i != UINT32_MAX; i = bb->next[i]) {
		if (bb->ring[i].queue == queue && strcmp(bb->ring[i].key, key) == 0)
			break;
	}
	return i;
}

/* Sort the records into lists, low numbers first. False: what is in them cannot be. */
static bool
index_records(struct vn_blackbox *bb)
{
	bb->free = UINT32_MAX;
	for (unsigned int i = 0; i < bb->num_buckets; i++)
		bb->bucket[i] = UINT32_MAX;
	for (uint32_t i = bb->max_rings; i-- > 0;) {
		struct vn_bb_ring *r = &bb->ring[i];
		uint32_t *list = &bb->free;

		if (!record_sound(r))
			return false;
		if (r->live) {
			if (find(bb, r->key, r->queue) != UINT32_MAX)
				return false;
			list = bucket_of(bb, r->key, r->queue);
		}
		/* Else it was stopped cleanly, or never started: nothing to remember. */
		bb->next[i] = *list;
		*list = i;
	}
	return true;
}

/* Use the file that is there. @return 0, -ENOENT, -EBADMSG (not ours or damaged), other -errno. */
static int
open_old(struct vn_blackbox *bb)
{
	struct bb_header want;
	struct stat st;
	int fd, ret;

	fd = open(bb->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		/* A symbolic link or a folder is not ours, either. */
		return errno == ELOOP || errno == EISDIR ? -EBADMSG : -errno;
	ret = -EBADMSG;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != bb->map_size)
		goto out;
	bb->map = mmap(NULL, bb->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bb->map == MAP_FAILED) {
		ret = -errno;
		bb->map = NULL;
		goto out;
	}
	bb->ring = (struct vn_bb_ring *)((uint8_t *)bb->map + BB_HEADER_SIZE);
	header_fill(&want, bb->max_rings);
	ret = memcmp(bb->map, &want, sizeof(want)) == 0 && index_records(bb) ? 0 : -EBADMSG;
	if (ret < 0) {
		munmap(bb->map, bb->map_size);
		bb->map = NULL;
	}
out:
	close(fd);
	return ret;
}

static int
move_aside(const char *path)
{
	size_t len = strlen(path) + sizeof(".old");
	char *old = malloc(len);
	int ret = 0;

	if (old == NULL)
		return -ENOMEM;
	snprintf(old, len, "%s.old", path);
	if (rename(path, old) < 0)
		ret = -errno;
	else
		VN_WARN("%s is damaged or of another version: moved to %s; rings start afresh",
			path, old);
	free(old);
	return ret;
}

static int
make_new(struct vn_blackbox *bb)
{
	int fd, ret;

	fd = open(bb->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	/* All of it now: a full tmpfs must not show later, as SIGBUS. */
	ret = -posix_fallocate(fd, 0, bb->map_size);
	if (ret < 0)
		goto fail;
	bb->map = mmap(NULL, bb->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bb->map == MAP_FAILED) {
		ret = -errno;
		bb->map = NULL;
		goto fail;
	}
	bb->ring = (struct vn_bb_ring *)((uint8_t *)bb->map + BB_HEADER_SIZE);
	header_fill(bb->map, bb->max_rings);
	index_records(bb);
	close(fd);
	return 0;

fail:
	close(fd);
	unlink(bb->path);
	return ret;
}

static void
bb_free(struct vn_blackbox *bb)
{
	free(bb->next);
	free(bb->bucket);
	free(bb->path);
	free(bb);
}

int
vn_blackbox_open(const char *path, unsigned int max_rings, struct vn_blackbox **ret, bool *fresh)
{
	struct vn_blackbox *bb;
	int err;

	if (max_rings == 0 || max_rings > BB_MAX_RINGS)
		return -EINVAL;
	bb = calloc(1, sizeof(*bb));
	if (bb == NULL)
		return -ENOMEM;
	bb->max_rings = max_rings;
	bb->num_buckets = rte_align32pow2(max_rings);
	bb->map_size = BB_HEADER_SIZE + (size_t)max_rings * sizeof(struct vn_bb_ring);
	bb->path = strdup(path);
	bb->bucket = malloc(bb->num_buckets * sizeof(bb->bucket[0]));
	bb->next = malloc(max_rings * sizeof(bb->next[0]));
	err = -ENOMEM;
	if (bb->path == NULL || bb->bucket == NULL || bb->next == NULL)
		goto fail;

	*fresh = false;
	err = open_old(bb);
	if (err == -EBADMSG) {
		err = move_aside(path);
		if (err == 0)
			err = -ENOENT;
	}
	if (err == -ENOENT) {
		*fresh = true;
		err = make_new(bb);
	}
	if (err < 0)
		goto fail;
	*ret = bb;
	return 0;

fail:
	bb_free(bb);
	return err;
}

void
vn_blackbox_close(struct vn_blackbox *bb, bool remove)
{
	if (bb == NULL)
		return;
	/* Also of a ring that died with an earlier process and that nobody has asked for yet. */
	for (uint32_t i = 0; i < bb->max_rings && remove; i++)
		remove = bb->ring[i].live == 0;
	munmap(bb->map, bb->map_size);
	if (remove)
		unlink(bb->path);
	bb_free(bb);
}

struct vn_bb_ring *
vn_blackbox_ring(struct vn_blackbox *bb, const char *key, uint16_t queue)
{
	struct vn_bb_ring *r;
	uint32_t *list;
	uint32_t i;

	if (key[0] == '\0' || strlen(key) >= VN_BB_KEY_LEN)
		return NULL;
	i = find(bb, key, queue);
	if (i != UINT32_MAX)
		return &bb->ring[i];
	i = bb->free;
	if (i == UINT32_MAX)
		return NULL;
	bb->free = bb->next[i];
	list = bucket_of(bb, key, queue);
	bb->next[i] = *list;
	*list = i;

	r = &bb->ring[i];
	memset(r, 0, sizeof(*r));
	memcpy(r->key, key, strlen(key));
	r->queue = queue;
	return r;
}

void
vn_bb_ring_start(struct vn_bb_ring *r, bool packed, uint16_t size, uint64_t desc_gpa,
	uint64_t used_gpa, uint16_t position)
{
	const uint16_t runs = packed ? VN_BB_PACKED : 0;

	if (vn_bb_ring_was_live(r, packed, size, desc_gpa, used_gpa)) {
		vn_bb_ring_note(r, position, 0, 0, runs);
		__atomic_store_n(&r->live, VN_BB_LIVE, __ATOMIC_RELEASE);
		return;
	}
	/* Not live while it is half-filled, whatever it was before. */
	__atomic_store_n(&r->live, 0, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	r->told = 0;
	r->size = size;
	r->desc_gpa = desc_gpa;
	r->used_gpa = used_gpa;
	vn_bb_ring_note(r, position, 0, 0, runs);
	__atomic_store_n(&r->live, VN_BB_LIVE, __ATOMIC_RELEASE);
}

void
vn_bb_ring_leave(struct vn_bb_ring *r, uint16_t told)
{
	/* Until then a live one, whose position counts as well. */
	r->told = told;
	__atomic_store_n(&r->live, VN_BB_LEFT, __ATOMIC_RELEASE);
}

void
vn_bb_ring_stop(struct vn_bb_ring *r)
{
	__atomic_store_n(&r->live, 0, __ATOMIC_RELEASE);
}

bool
vn_bb_ring_was_live(const struct vn_bb_ring *r, bool packed, uint16_t size, uint64_t desc_gpa,
	uint64_t used_gpa)
{
	return __atomic_load_n(&r->live, __ATOMIC_ACQUIRE) != 0 &&
	       !!(r->runs & VN_BB_PACKED) == packed && r->size == size && r->desc_gpa == desc_gpa &&
	       r->used_gpa == used_gpa;
}

bool
vn_bb_ring_bounds(const struct vn_bb_ring *r, uint16_t used_idx)
{
	return (uint16_t)(used_idx - r->position) <= r->burst;
}

void
vn_blackbox_forget(struct vn_blackbox *bb, const char *key)
{
	for (unsigned int b = 0; b < bb->num_buckets; b++) {
		for (uint32_t *p = &bb->bucket[b], i; (i = *p) != UINT32_MAX;) {
			if (strcmp(bb->ring[i].key, key) != 0) {
				p = &bb->next[i];
				continue;
			}
			*p = bb->next[i];
			bb->next[i] = bb->free;
			bb->free = i;
			__atomic_store_n(&bb->ring[i].live, 0, __ATOMIC_RELEASE);
			memset(bb->ring[i].key, 0, sizeof(bb->ring[i].key));
		}
	}
}
