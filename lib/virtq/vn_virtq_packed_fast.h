/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_PACKED_FAST_H
#define VN_VIRTQ_PACKED_FAST_H

/**
 * @file
 * The fast way of vn_virtq_fast.h for packed rings: the same shapes, found by one or two
 * descriptors of the ring. What is of another shape, or has anything wrong, is left to the general
 * way.
 */

#include "vn_virtq_fast.h"
#include "vn_virtq_packed.h"

/* A chain that packed_fast_look() has found. */
struct packed_fast {
	struct vn_fast c;
	uint16_t id, slots;
};

/* The buffers of an indirect table of one or two. @return descriptors, or 0. */
static __rte_always_inline uint32_t
packed_fast_table(struct vn_virtq *vq, struct vn_flat *flat, uint64_t addr, uint32_t len,
	const bool write, uint32_t least, struct vn_fast *c)
{
	const uint16_t dir = write ? VN_DESC_F_WRITE : 0;
	const struct vn_vring_desc *table;
	struct vn_desc d;

	if (unlikely(len != sizeof(*table) && len != 2 * sizeof(*table)))
		return 0;
	table = (const void *)flat_addr(vq, flat, addr, len, false);
	if (unlikely(table == NULL))
		return 0;
	/* Where a split one has next, this one has flags; only WRITE means something (2.8.7). */
	d = chain_read_desc(table);
	if (unlikely((d.next & VN_DESC_F_WRITE) != dir))
		return 0;
	if (len == sizeof(*table)) {
		if (unlikely(d.len < vq->hdr_len + least))
			return 0;
		c->hdr = flat_addr(vq, flat, d.addr, d.len, write);
		c->data = c->hdr + vq->hdr_len;
		c->len = d.len - vq->hdr_len;
		return likely(c->hdr != NULL) ? 2 : 0;
	}
	if (unlikely(d.len != vq->hdr_len))
		return 0;
	c->hdr = flat_addr(vq, flat, d.addr, d.len, write);
	d = chain_read_desc(&table[1]);
	if (unlikely(c->hdr == NULL || (d.next & VN_DESC_F_WRITE) != dir || d.len < least))
		return 0;
	c->data = flat_addr(vq, flat, d.addr, d.len, write);
	c->len = d.len;
	return likely(c->data != NULL) ? 3 : 0;
}

/**
 * Look at the next chain. @return its descriptors, or 0: there is none, or none for here. A frame
 * of less than @p least bytes (> 0) is none for here either.
 */
static __rte_always_inline uint32_t
packed_fast_look(struct vn_virtq *vq, struct vn_flat *flat, const bool write, const bool indirect,
	uint32_t least, struct packed_fast *f)
{
	const uint16_t dir = write ? VN_DESC_F_WRITE : 0;
	const uint16_t at = packed_index(vq->pk_next);
	const uint32_t hdr_len = vq->hdr_len;
	struct vn_fast *c = &f->c;
	uint64_t word, addr;
	uint16_t flags;
	uint32_t len;

	/* Two are always there when it is so: see below. */
	if (unlikely(packed_room(vq) < 2))
		return 0;
	word = packed_load(&vq->pk_desc[at]);
	flags = packed_flags(word);
	if (unlikely((flags & PK_FLAGS) != packed_avail_flags(vq->pk_next)))
		return 0;
	addr = packed_load_addr(&vq->pk_desc[at]);
	len = (uint32_t)word;
	f->id = (uint16_t)(word >> 32);
	f->slots = 1;
	if ((flags & FAST_FLAGS) == dir) {
		if (unlikely(len < hdr_len + least))
			return 0;
		c->hdr = flat_addr(vq, flat, addr, len, write);
		c->data = c->hdr + hdr_len;
		c->len = len - hdr_len;
		return likely(c->hdr != NULL) ? 1 : 0;
	}
	if (indirect && (flags & (VN_DESC_F_NEXT | VN_DESC_F_INDIRECT)) == VN_DESC_F_INDIRECT)
		return packed_fast_table(vq, flat, addr, len, write, least, c);
	if (unlikely((flags & FAST_FLAGS) != (dir | VN_DESC_F_NEXT) || len != hdr_len ||
		     at + 1u >= vq->size))
		return 0;
	c->hdr = flat_addr(vq, flat, addr, len, write);
	word = packed_load(&vq->pk_desc[at + 1]);
	addr = packed_load_addr(&vq->pk_desc[at + 1]);
	len = (uint32_t)word;
	if (unlikely(c->hdr == NULL || (packed_flags(word) & FAST_FLAGS) != dir || len < least))
		return 0;
	f->id = (uint16_t)(word >> 32);
	f->slots = 2;
	c->data = flat_addr(vq, flat, addr, len, write);
	c->len = len;
	return likely(c->data != NULL) ? 2 : 0;
}

/* Take that chain: it will be given back with @p len. */
static __rte_always_inline void
packed_fast_take(struct vn_virtq *vq, const struct packed_fast *f, uint32_t len)
{
	vq->inflight[vq->taken & vq->mask] =
		(struct vn_vring_used_elem){.id = PK_ENTRY(f->id, f->slots), .len = len};
	packed_advance(vq, 1, f->slots);
}

#endif /* VN_VIRTQ_PACKED_FAST_H */
