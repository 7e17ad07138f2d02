/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "model_driver.h"
#include "vn_features.h"

#define DATA_SIZE (1u << 20)

uint64_t
rng_next(struct rng *r)
{
	r->s ^= r->s >> 12;
	r->s ^= r->s << 25;
	r->s ^= r->s >> 27;
	return r->s * UINT64_C(2685821657736338717);
}

uint32_t
rng_below(struct rng *r, uint32_t n)
{
	return (rng_next(r) >> 32) % n;
}

bool
rng_chance(struct rng *r, unsigned int percent)
{
	return rng_below(r, 100) < percent;
}

/* The rings' bytes at the beginning of the file, and of guest memory. */
static uint64_t
ring_bytes(uint16_t size)
{
	return RTE_ALIGN_CEIL(vn_vring_desc_bytes(size) + vn_vring_avail_bytes(size) +
				      vn_vring_used_bytes(size) + 64,
		4096);
}

static void
make_memory(struct model_driver *md, uint32_t region_size)
{
	const uint64_t rings = ring_bytes(md->size);
	struct vn_gm_region *r;
	struct vn_gm_file *file;
	unsigned int n = 1;

	md->data_size = DATA_SIZE;
	md->file_size = rings + md->data_size;
	md->memfd = memfd_create("guest", MFD_CLOEXEC);
	assert_true(md->memfd >= 0);
	assert_int_equal(ftruncate(md->memfd, md->file_size), 0);
	md->file = mmap(NULL, md->file_size, PROT_READ | PROT_WRITE, MAP_SHARED, md->memfd, 0);
	assert_ptr_not_equal(md->file, MAP_FAILED);
	md->reg = vn_gm_registry_create(4);
	assert_non_null(md->reg);
	assert_int_equal(vn_gm_file_map(md->reg, md->memfd, 0, md->file_size, false, &file), 0);

	if (region_size == 0 || region_size > DATA_SIZE)
		region_size = DATA_SIZE;
	md->region_size = region_size;
	r = calloc(2 + DATA_SIZE / region_size, sizeof(*r));
	assert_non_null(r);
	r[0] = (struct vn_gm_region){.gpa = MD_RING_GPA, .size = rings, .file = file};
	for (uint64_t at = 0; at < DATA_SIZE; at += r[n++].size) {
		uint64_t len = RTE_MIN(region_size, DATA_SIZE - at);

		r[n] = (struct vn_gm_region){.gpa = MD_DATA_GPA + at,
			.size = len,
			.file_offset = rings + DATA_SIZE - at - len,
			.file = file};
	}
	assert_int_equal(vn_guestmem_create(r, n, &md->mem), 0);
	vn_gm_file_unref(file);
	free(r);
}

/* Every descriptor as the lap before left it: given back, and so not available in this one. */
static void
packed_init(struct model_driver *md)
{
	md->used_gpa = md->avail_gpa + 8;
	md->ring = md_ptr(md, md->desc_gpa);
	md->driver_event = md_ptr(md, md->avail_gpa);
	md->device_event = md_ptr(md, md->used_gpa);
	md->desc = calloc(md->size, sizeof(md->desc[0]));
	md->free_id = calloc(md->size, sizeof(md->free_id[0]));
	assert_non_null(md->desc);
	assert_non_null(md->free_id);
	md->id_salt = rng_next(&md->rng);
	for (uint16_t i = 0; i < md->size; i++) {
		const bool wrap = md->next_avail & VN_EVENT_WRAP;
		const bool behind = i < (md->next_avail & ~VN_EVENT_WRAP);

		md->free_id[i] = i;
		/* A fresh ring is all zero, which is the same. */
		md->ring[i].flags = wrap == behind ? VN_DESC_F_AVAIL | VN_DESC_F_USED : 0;
	}
}

void
md_init(struct model_driver *md, uint64_t seed, uint16_t size, uint16_t start, uint64_t features,
	bool is_rx, uint32_t region_size)
{
	memset(md, 0, sizeof(*md));
	md->rng.s = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	md->size = size;
	md->features = features;
	md->is_rx = is_rx;
	md->packed = features & VN_F_RING_PACKED;
	md->hdr_len = features & (VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF) ? 12 : 10;
	if (features & VN_NET_F_HASH_REPORT)
		md->hdr_len = 20;
	make_memory(md, region_size);

	md->chain = calloc(size, sizeof(md->chain[0]));
	md->free_desc = calloc(size, sizeof(md->free_desc[0]));
	assert_non_null(md->chain);
	assert_non_null(md->free_desc);
	for (uint16_t i = 0; i < size; i++)
		md->free_desc[md->num_free++] = size - 1 - i;

	md->next_avail = md->next_used = start;
	md->desc_gpa = MD_RING_GPA;
	md->avail_gpa = md->desc_gpa + vn_vring_desc_bytes(size);
	if (md->packed) {
		packed_init(md);
		return;
	}
	md->used_gpa = RTE_ALIGN_CEIL(md->avail_gpa + vn_vring_avail_bytes(size), 4);
	md->desc = md_ptr(md, md->desc_gpa);
	md->avail = md_ptr(md, md->avail_gpa);
	md->used = md_ptr(md, md->used_gpa);
	md->avail->idx = md->used->idx = start;
	md->added = md->got = start;
	md->event = start - 1;
	md->avail->ring[size] = md->event;
}

void
md_fini(struct model_driver *md)
{
	vn_guestmem_unref(md->mem);
	assert_int_equal(vn_gm_registry_files(md->reg), 0);
	vn_gm_registry_destroy(md->reg);
	munmap(md->file, md->file_size);
	close(md->memfd);
	free(md->chain);
	free(md->free_desc);
	free(md->free_id);
	if (md->packed)
		free(md->desc);
}

struct vn_virtq_conf
md_conf(const struct model_driver *md, struct vn_virtq_stats *stats)
{
	return (struct vn_virtq_conf){
		.size = md->size,
		.is_rx = md->is_rx,
		.start = md->packed ? md->next_used : md->used->idx,
		.features = md->features,
		.desc_gpa = md->desc_gpa,
		.avail_gpa = md->avail_gpa,
		.used_gpa = md->used_gpa,
		.mem = md->mem,
		.call_fd = -1,
		.stats = stats,
	};
}

/* By what make_memory() did, not by the table that the engine uses. */
static void *
ptr_part(const struct model_driver *md, uint64_t gpa, uint32_t *len)
{
	const uint64_t rings = md->file_size - md->data_size;
	uint64_t region, size;

	if (gpa - MD_RING_GPA < rings) {
		*len = RTE_MIN(*len, rings - (gpa - MD_RING_GPA));
		return md->file + (gpa - MD_RING_GPA);
	}
	assert_true(gpa - MD_DATA_GPA < md->data_size);
	region = (gpa - MD_DATA_GPA) / md->region_size * md->region_size;
	size = RTE_MIN(md->region_size, md->data_size - region);
	*len = RTE_MIN(*len, MD_DATA_GPA + region + size - gpa);
	return md->file + rings + md->data_size - region - size + (gpa - MD_DATA_GPA - region);
}

void *
md_ptr(const struct model_driver *md, uint64_t gpa)
{
	uint32_t len = 1;

	return ptr_part(md, gpa, &len);
}

void
md_write(struct model_driver *md, uint64_t gpa, const void *src, uint32_t len)
{
	for (uint32_t done = 0, part; done < len; done += part) {
		part = len - done;
		void *p = ptr_part(md, gpa + done, &part);

		memcpy(p, (const uint8_t *)src + done, part);
	}
}

void
md_read(const struct model_driver *md, uint64_t gpa, void *dst, uint32_t len)
{
	for (uint32_t done = 0, part; done < len; done += part) {
		part = len - done;
		const void *p = ptr_part(md, gpa + done, &part);

		memcpy((uint8_t *)dst + done, p, part);
	}
}

void
md_set_desc(struct model_driver *md, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags,
	uint16_t next)
{
	md->desc[i] = (struct vn_vring_desc){addr, len, flags, next};
}

struct md_chain *
md_chain_at(const struct model_driver *md, uint16_t n)
{
	/* The counters wrap at 2^16, which need not be a multiple of the size. */
	const uint16_t ago = md->added - n;

	return &md->chain[(md->at + md->size - ago % md->size) % md->size];
}

static uint16_t
avail_flags(uint16_t position)
{
	return position & VN_EVENT_WRAP ? VN_DESC_F_AVAIL : VN_DESC_F_USED;
}

/* Make the descriptors @p d available as a chain; the first one last. */
static void
packed_push(struct model_driver *md, struct vn_vring_packed_desc *d, unsigned int n)
{
	uint16_t at = md->next_avail;

	for (unsigned int i = 0; i < n; i++) {
		struct vn_vring_packed_desc *to = &md->ring[at & ~VN_EVENT_WRAP];

		to->addr = d[i].addr;
		to->len = d[i].len;
		to->id = d[i].id;
		d[i].flags |= avail_flags(at);
		if (i > 0)
			to->flags = d[i].flags;
		at = vn_vring_packed_advance(at, 1, md->size);
	}
	__atomic_store_n(
		&md->ring[md->next_avail & ~VN_EVENT_WRAP].flags, d[0].flags, __ATOMIC_RELEASE);
	md->next_avail = at;
}

/* The chain at next_avail is the newest. */
static void
count_chain(struct model_driver *md)
{
	md->added++;
	md->at = (md->at + 1) % md->size;
}

static void
packed_push_head(struct model_driver *md, uint16_t head)
{
	struct md_chain *c = md_chain_at(md, md->added);
	struct vn_vring_packed_desc *d = calloc(md->size, sizeof(*d));
	uint16_t i = head, n = 0;

	assert_non_null(d);
	assert_true(head < md->size);
	do {
		d[n++] = (struct vn_vring_packed_desc){.addr = md->desc[i].addr,
			.len = md->desc[i].len,
			.id = head,
			.flags = md->desc[i].flags};
		i = md->desc[i].next;
	} while (d[n - 1].flags & VN_DESC_F_NEXT && n < md->size && i < md->size);
	*c = (struct md_chain){.head = head, .position = md->next_avail, .num_descs = n};
	packed_push(md, d, n);
	count_chain(md);
	free(d);
}

void
md_push_head(struct model_driver *md, uint16_t head)
{
	if (md->packed) {
		packed_push_head(md, head);
		return;
	}
	md->avail->ring[md->next_avail & (md->size - 1)] = head;
	md->next_avail++;
	count_chain(md);
	__atomic_store_n(&md->avail->idx, md->next_avail, __ATOMIC_RELEASE);
}

static bool
packed_is_used(const struct model_driver *md, uint16_t position)
{
	const uint16_t flags =
		__atomic_load_n(&md->ring[position & ~VN_EVENT_WRAP].flags, __ATOMIC_ACQUIRE);
	const bool wrap = position & VN_EVENT_WRAP;

	return !!(flags & VN_DESC_F_AVAIL) == wrap && !!(flags & VN_DESC_F_USED) == wrap;
}

uint16_t
md_used_idx(const struct model_driver *md)
{
	uint16_t n = md->got;

	if (!md->packed)
		return __atomic_load_n(&md->used->idx, __ATOMIC_ACQUIRE);
	while (n != md->added && packed_is_used(md, md_chain_at(md, n)->position))
		n++;
	return n;
}

struct vn_vring_used_elem
md_used(const struct model_driver *md, uint16_t n)
{
	const struct vn_vring_packed_desc *d;

	if (!md->packed)
		return md->used->ring[n & (md->size - 1)];
	d = &md->ring[md_chain_at(md, n)->position & ~VN_EVENT_WRAP];
	assert_int_equal(!!(d->flags & VN_DESC_F_WRITE), d->len > 0);
	return (struct vn_vring_used_elem){.id = d->id, .len = d->len};
}

/* Data memory is handed out as a ring; an address range may cross regions, but not the end. */
static bool
heap_alloc(struct model_driver *md, uint32_t len, uint64_t *gpa)
{
	uint64_t at = md->heap_head % md->data_size;
	uint64_t skip = 0;

	if (at + len > md->data_size)
		skip = md->data_size - at;
	if (md->heap_head + skip + len - md->heap_tail > md->data_size)
		return false;
	*gpa = MD_DATA_GPA + (md->heap_head + skip) % md->data_size;
	md->heap_head += skip + len;
	return true;
}

/* Cut @p len bytes into at most @p max parts, empty ones among them. */
static bool
make_parts(struct model_driver *md, struct md_chain *c, uint32_t len, unsigned int max)
{
	unsigned int n =
		1 + (rng_chance(&md->rng, 50) ? rng_below(&md->rng, 2) : rng_below(&md->rng, max));
	uint32_t left = len;

	n = md->plain ? 1 : RTE_MIN(n, max);
	c->num_parts = n;
	c->capacity = len;
	for (unsigned int i = 0; i < n; i++) {
		uint32_t part = left;

		if (i + 1 < n) {
			if (i == 0 && rng_chance(&md->rng, 60))
				part = RTE_MIN(left, md->hdr_len); /* as most drivers do */
			else if (rng_chance(&md->rng, 8))
				part = 0;
			else
				part = left > 0 ? rng_below(&md->rng, left + 1) : 0;
		}
		if (!heap_alloc(md, part, &c->part[i].gpa))
			return false;
		c->part[i].len = part;
		left -= part;
		/* A gap of odd size, so that buffers begin anywhere. */
		if (rng_chance(&md->rng, 30))
			(void)heap_alloc(md, rng_below(&md->rng, 40), &(uint64_t){0});
	}
	return true;
}

/* Put parts from @p first on into an indirect table, linked in random order. */
static bool
make_indirect(struct model_driver *md, struct md_chain *c, unsigned int first, uint64_t *gpa,
	uint32_t *len)
{
	const uint16_t dir = md->is_rx ? VN_DESC_F_WRITE : 0;
	const unsigned int n = c->num_parts - first;
	struct vn_vring_desc table[MD_MAX_CHAIN];
	struct vn_vring_packed_desc packed[MD_MAX_CHAIN];
	uint16_t order[MD_MAX_CHAIN];

	/* The first entry is where the chain begins; the others may lie anywhere. */
	for (unsigned int i = 0; i < n; i++)
		order[i] = i;
	for (unsigned int i = n; i-- > 2;) {
		unsigned int j = 1 + rng_below(&md->rng, i);
		uint16_t tmp = order[i];

		order[i] = order[j];
		order[j] = tmp;
	}
	for (unsigned int i = 0; i < n; i++) {
		bool last = i + 1 == n;

		if (md->packed) {
			/* In their order. All but WRITE is noise (virtio 1.2, 2.8.7). */
			packed[i] = (struct vn_vring_packed_desc){
				.addr = c->part[first + i].gpa,
				.len = c->part[first + i].len,
				.id = rng_next(&md->rng),
				.flags = (rng_next(&md->rng) & ~VN_DESC_F_WRITE) | dir,
			};
			continue;
		}
		table[order[i]] = (struct vn_vring_desc){
			.addr = c->part[first + i].gpa,
			.len = c->part[first + i].len,
			.flags = dir | (last ? 0 : VN_DESC_F_NEXT),
			.next = last ? rng_below(&md->rng, 65536) : order[i + 1],
		};
	}
	*len = n * sizeof(table[0]);
	if (!heap_alloc(md, *len, gpa))
		return false;
	md_write(md, *gpa, md->packed ? (const void *)packed : table, *len);
	return true;
}

/* Put a chain of @p direct descriptors, and one for a table if there is one, into the ring. */
static void
split_chain(struct model_driver *md, struct md_chain *c, unsigned int direct, uint64_t table_gpa,
	uint32_t table_len)
{
	const uint16_t dir = md->is_rx ? VN_DESC_F_WRITE : 0;
	const unsigned int ring_descs = c->num_descs;

	for (unsigned int i = 0; i < ring_descs; i++) {
		uint32_t pick = rng_below(&md->rng, md->num_free);

		c->descs[i] = md->free_desc[pick];
		md->free_desc[pick] = md->free_desc[--md->num_free];
		/* In order: as they lie in the ring (2.7.9). Else any. */
		if (md->features & VN_F_IN_ORDER)
			c->descs[i] = md->next_desc++ & (md->size - 1);
	}
	c->head = c->descs[0];
	for (unsigned int i = 0; i < ring_descs; i++) {
		bool last = i + 1 == ring_descs;
		/* The table's own WRITE flag means nothing. */
		uint16_t noise = rng_chance(&md->rng, 50) ? VN_DESC_F_WRITE : 0;

		if (i < direct)
			md_set_desc(md, c->descs[i], c->part[i].gpa, c->part[i].len,
				dir | (last ? 0 : VN_DESC_F_NEXT), last ? 0xffff : c->descs[i + 1]);
		else
			md_set_desc(md, c->descs[i], table_gpa, table_len,
				VN_DESC_F_INDIRECT | noise, 0xffff);
	}
	md_push_head(md, c->head);
}

static void
packed_chain(struct model_driver *md, struct md_chain *c, unsigned int direct, uint64_t table_gpa,
	uint32_t table_len)
{
	const uint16_t dir = md->is_rx ? VN_DESC_F_WRITE : 0;
	struct vn_vring_packed_desc d[MD_MAX_CHAIN];
	uint32_t pick = rng_below(&md->rng, md->num_free);

	/* Their number counts; where they are is given. */
	md->num_free -= c->num_descs;
	c->position = md->next_avail;
	/* As many ids are free as descriptors, at least. */
	c->head = md->free_id[pick];
	md->free_id[pick] = md->free_id[md->size - 1 - md_outstanding(md)];
	if (md->features & VN_F_IN_ORDER)
		c->head = md->next_avail & ~VN_EVENT_WRAP;
	else
		c->head += md->id_salt;
	for (unsigned int i = 0; i < c->num_descs; i++) {
		const bool last = i + 1u == c->num_descs;

		d[i] = (struct vn_vring_packed_desc){
			.addr = i < direct ? c->part[i].gpa : table_gpa,
			.len = i < direct ? c->part[i].len : table_len,
			.id = last ? c->head : rng_next(&md->rng),
			.flags = (i < direct ? dir
					     : VN_DESC_F_INDIRECT |
							 (rng_next(&md->rng) & VN_DESC_F_WRITE)) |
				 (last ? 0 : VN_DESC_F_NEXT),
		};
	}
	packed_push(md, d, c->num_descs);
	count_chain(md);
}

bool
md_add(struct model_driver *md, const void *data, uint32_t len)
{
	struct md_chain *c = md_chain_at(md, md->added);
	const bool may_indirect = md->features & VN_F_INDIRECT_DESC;
	const uint64_t heap_before = md->heap_head;
	uint64_t table_gpa = 0;
	uint32_t table_len = 0, done = 0;
	unsigned int direct, ring_descs;
	bool indirect;

	if (md_outstanding(md) == md->size || md->num_free == 0)
		return false;
	memset(c, 0, sizeof(*c));
	indirect = may_indirect && !md->plain && rng_chance(&md->rng, 60);
	if (!make_parts(md, c, len, indirect ? MD_MAX_CHAIN - 1 : RTE_MIN(md->num_free, 16)))
		goto undo;
	/* Plain descriptors may come before the one that names the table (2.7.5.3.2; not 2.8.19).
	 */
	direct = c->num_parts;
	if (indirect) {
		direct = md->packed || rng_chance(&md->rng, 70)
				 ? 0
				 : rng_below(&md->rng, RTE_MIN(c->num_parts, md->num_free));
		if (!make_indirect(md, c, direct, &table_gpa, &table_len))
			goto undo;
	}
	ring_descs = direct + indirect;
	if (ring_descs > md->num_free)
		goto undo;
	c->total_descs = c->num_parts + indirect;
	c->num_descs = ring_descs;
	for (unsigned int i = 0; data != NULL && i < c->num_parts; i++) {
		md_write(md, c->part[i].gpa, (const uint8_t *)data + done, c->part[i].len);
		done += c->part[i].len;
	}
	c->heap_end = md->heap_head;
	if (md->packed)
		packed_chain(md, c, direct, table_gpa, table_len);
	else
		split_chain(md, c, direct, table_gpa, table_len);
	return true;

undo:
	md->heap_head = heap_before;
	return false;
}

uint16_t
md_outstanding(const struct model_driver *md)
{
	return md->added - md->got;
}

int64_t
md_get(struct model_driver *md, struct md_chain *chain)
{
	const struct md_chain *c = md_chain_at(md, md->got);
	const uint16_t idx = md_used_idx(md);
	struct vn_vring_used_elem e;

	assert_true((uint16_t)(idx - md->got) <= md_outstanding(md));
	if (idx == md->got)
		return -1;
	e = md_used(md, md->got);
	assert_int_equal(e.id, c->head);
	if (md->is_rx)
		assert_true(e.len <= c->capacity);
	else
		assert_int_equal(e.len, 0);
	*chain = *c;
	if (md->packed) {
		md->num_free += c->num_descs;
		md->free_id[md->size - md_outstanding(md)] = c->head - md->id_salt;
		md->next_used = vn_vring_packed_advance(md->next_used, c->num_descs, md->size);
	} else {
		for (unsigned int i = c->num_descs; i-- > 0;)
			md->free_desc[md->num_free++] = c->descs[i];
		md->next_used++;
	}
	md->heap_tail = c->heap_end;
	md->got++;
	return e.len;
}

void
md_chain_read(const struct model_driver *md, const struct md_chain *chain, void *dst, uint32_t len)
{
	uint32_t done = 0;

	for (unsigned int i = 0; i < chain->num_parts && done < len; i++) {
		uint32_t part = RTE_MIN(len - done, chain->part[i].len);

		md_read(md, chain->part[i].gpa, (uint8_t *)dst + done, part);
		done += part;
	}
	assert_int_equal(done, len);
}

static uint16_t
split_avail_event(const struct model_driver *md)
{
	const rte_le16_t *event = md_ptr(md, md->used_gpa + vn_vring_used_bytes(md->size) - 2);

	return *event;
}

bool
md_armed(const struct model_driver *md)
{
	const bool event = md->features & VN_F_EVENT_IDX;

	if (!md->packed)
		return event ? split_avail_event(md) == md->next_avail : md->used->flags == 0;
	if (event && md->device_event->flags == VN_EVENT_F_DESC)
		return md->device_event->off_wrap == md->next_avail;
	return md->device_event->flags == VN_EVENT_F_ENABLE;
}

bool
md_wants_kick(const struct model_driver *md, uint16_t old)
{
	const bool event = md->features & VN_F_EVENT_IDX;

	if (md->packed) {
		switch (md->device_event->flags) {
		case VN_EVENT_F_DISABLE:
			return false;
		case VN_EVENT_F_DESC:
			assert_true(event);
			return vn_vring_packed_distance(old, md->device_event->off_wrap, md->size) <
			       vn_vring_packed_distance(old, md->next_avail, md->size);
		default:
			assert_int_equal(md->device_event->flags, VN_EVENT_F_ENABLE);
			return true;
		}
	}
	if (event)
		return vn_vring_need_event(split_avail_event(md), md->next_avail, old);
	return !(md->used->flags & VN_USED_F_NO_NOTIFY);
}

/* The position first: the flags say that it is to be looked at. */
static void
set_driver_event(struct model_driver *md, uint16_t off_wrap, uint16_t flags)
{
	__atomic_store_n(&md->driver_event->off_wrap, off_wrap, __ATOMIC_RELAXED);
	__atomic_store_n(&md->driver_event->flags, flags, __ATOMIC_RELEASE);
}

void
md_set_used_event(struct model_driver *md, uint16_t n)
{
	if (!md->packed)
		md->avail->ring[md->size] = md->used->idx + n;
	else
		set_driver_event(md,
			vn_vring_packed_advance(
				md->next_used, n + (uint16_t)(md_used_idx(md) - md->got), md->size),
			VN_EVENT_F_DESC);
}

bool
md_enable_interrupt(struct model_driver *md)
{
	const bool event = md->features & VN_F_EVENT_IDX;

	if (md->packed)
		set_driver_event(md, md->next_used, event ? VN_EVENT_F_DESC : VN_EVENT_F_ENABLE);
	else if (event)
		md->avail->ring[md->size] = md->event = md->next_used;
	else
		md->avail->flags = 0;
	return md_used_idx(md) == md->got;
}

void
md_disable_interrupt(struct model_driver *md)
{
	if (md->packed)
		set_driver_event(md, rng_next(&md->rng), VN_EVENT_F_DISABLE);
	else if (md->features & VN_F_EVENT_IDX)
		md->avail->ring[md->size] = md->event = md->next_used - 1;
	else
		md->avail->flags = VN_AVAIL_F_NO_INTERRUPT;
}
