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

void
md_init(struct model_driver *md, uint64_t seed, uint16_t size, uint16_t start, uint64_t features,
	bool is_rx, uint32_t region_size)
{
	memset(md, 0, sizeof(*md));
	md->rng.s = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	md->size = size;
	md->features = features;
	md->is_rx = is_rx;
	md->hdr_len = features & (VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF) ? 12 : 10;
	if (features & VN_NET_F_HASH_REPORT)
		md->hdr_len = 20;
	make_memory(md, region_size);

	md->desc_gpa = MD_RING_GPA;
	md->avail_gpa = md->desc_gpa + vn_vring_desc_bytes(size);
	md->used_gpa = RTE_ALIGN_CEIL(md->avail_gpa + vn_vring_avail_bytes(size), 4);
	md->desc = md_ptr(md, md->desc_gpa);
	md->avail = md_ptr(md, md->avail_gpa);
	md->used = md_ptr(md, md->used_gpa);
	md->avail->idx = md->used->idx = start;
	md->next_avail = md->next_used = start;
	md->event = start - 1;
	md->avail->ring[size] = md->event;

	md->chain = calloc(size, sizeof(md->chain[0]));
	md->free_desc = calloc(size, sizeof(md->free_desc[0]));
	assert_non_null(md->chain);
	assert_non_null(md->free_desc);
	for (uint16_t i = 0; i < size; i++)
		md->free_desc[md->num_free++] = size - 1 - i;
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
}

struct vn_virtq_conf
md_conf(const struct model_driver *md, struct vn_virtq_stats *stats)
{
	return (struct vn_virtq_conf){
		.size = md->size,
		.is_rx = md->is_rx,
		.start = md->used->idx,
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

void
md_push_head(struct model_driver *md, uint16_t head)
{
	md->avail->ring[md->next_avail & (md->size - 1)] = head;
	md->next_avail++;
	__atomic_store_n(&md->avail->idx, md->next_avail, __ATOMIC_RELEASE);
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
	md_write(md, *gpa, table, *len);
	return true;
}

bool
md_add(struct model_driver *md, const void *data, uint32_t len)
{
	struct md_chain *c = &md->chain[md->next_avail & (md->size - 1)];
	const uint16_t dir = md->is_rx ? VN_DESC_F_WRITE : 0;
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
	/* Plain descriptors may come before the one that names the table (2.7.5.3.2). */
	direct = c->num_parts;
	if (indirect) {
		direct = rng_chance(&md->rng, 70)
				 ? 0
				 : rng_below(&md->rng, RTE_MIN(c->num_parts, md->num_free));
		if (!make_indirect(md, c, direct, &table_gpa, &table_len))
			goto undo;
	}
	ring_descs = direct + indirect;
	if (ring_descs > md->num_free)
		goto undo;
	c->total_descs = c->num_parts + indirect;
	for (unsigned int i = 0; i < ring_descs; i++) {
		uint32_t pick = rng_below(&md->rng, md->num_free);

		c->descs[i] = md->free_desc[pick];
		md->free_desc[pick] = md->free_desc[--md->num_free];
		/* In order: as they lie in the ring (2.7.9). Else any. */
		if (md->features & VN_F_IN_ORDER)
			c->descs[i] = md->next_desc++ & (md->size - 1);
	}
	c->num_descs = ring_descs;
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
	for (unsigned int i = 0; data != NULL && i < c->num_parts; i++) {
		md_write(md, c->part[i].gpa, (const uint8_t *)data + done, c->part[i].len);
		done += c->part[i].len;
	}
	c->heap_end = md->heap_head;
	md_push_head(md, c->head);
	return true;

undo:
	md->heap_head = heap_before;
	return false;
}

uint16_t
md_outstanding(const struct model_driver *md)
{
	return md->next_avail - md->next_used;
}

int64_t
md_get(struct model_driver *md, struct md_chain *chain)
{
	const uint16_t idx = __atomic_load_n(&md->used->idx, __ATOMIC_ACQUIRE);
	const uint16_t at = md->next_used & (md->size - 1);
	const struct vn_vring_used_elem *e = &md->used->ring[at];
	const struct md_chain *c = &md->chain[at];

	assert_true((uint16_t)(idx - md->next_used) <= md_outstanding(md));
	if (idx == md->next_used)
		return -1;
	assert_int_equal(e->id, c->head);
	if (md->is_rx)
		assert_true(e->len <= c->capacity);
	else
		assert_int_equal(e->len, 0);
	*chain = *c;
	for (unsigned int i = c->num_descs; i-- > 0;)
		md->free_desc[md->num_free++] = c->descs[i];
	md->heap_tail = c->heap_end;
	md->next_used++;
	return e->len;
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

uint16_t
md_avail_event(const struct model_driver *md)
{
	const rte_le16_t *event = md_ptr(md, md->used_gpa + vn_vring_used_bytes(md->size) - 2);

	return *event;
}

bool
md_wants_kick(const struct model_driver *md, uint16_t old)
{
	if (md->features & VN_F_EVENT_IDX)
		return vn_vring_need_event(md_avail_event(md), md->next_avail, old);
	return !(md->used->flags & VN_USED_F_NO_NOTIFY);
}

bool
md_enable_interrupt(struct model_driver *md)
{
	if (md->features & VN_F_EVENT_IDX)
		md->avail->ring[md->size] = md->event = md->next_used;
	else
		md->avail->flags = 0;
	return md->used->idx == md->next_used;
}

void
md_disable_interrupt(struct model_driver *md)
{
	if (md->features & VN_F_EVENT_IDX)
		md->avail->ring[md->size] = md->event = md->next_used - 1;
	else
		md->avail->flags = VN_AVAIL_F_NO_INTERRUPT;
}
