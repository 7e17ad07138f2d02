/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_FAST_H
#define VN_VIRTQ_FAST_H

/**
 * @file
 * The fast way for chains of the usual shapes: header and frame in one buffer, or the header alone
 * in a buffer of its own and the frame in a second one; directly in the ring or in an indirect
 * table; each buffer within the region of guest memory where the last one was.
 *
 * Several chains are looked at before anything is done about the first (so that their memory can be
 * fetched meanwhile). A chain of another shape, or with anything wrong, is not touched here: the
 * general way, which knows all rules and counters, takes it. Both give the same for the same ring.
 */

#include "vn_virtq_chain.h"
#include "vn_virtq_copy.h"

/** Most chains looked at together. */
#define VN_FAST_BATCH 16

/** Most descriptors that one of them has. */
#define VN_FAST_DESCS 3

/** After a chain that is none for the fast way, so many go the general way before the next try. */
#define VN_FAST_BACKOFF 8

/** What was found: pieces of our memory, checked. */
struct vn_fast {
	uint8_t *hdr;  /* vq->hdr_len bytes */
	uint8_t *data; /* the frame */
	uint32_t len;  /* of the frame; what a receive chain has room for */
};

/* The region of the last buffer, in registers. */
struct vn_flat {
	uint64_t gpa, size;
	uint8_t *base;
	bool read_only;
};

static __rte_always_inline struct vn_flat
flat_of(const struct vn_virtq *vq)
{
	const struct vn_gm_slot *s = vq->hint;

	return (struct vn_flat){s->gpa, s->size, s->base, s->read_only};
}

/* Look the buffer up in the whole map. On success it is in the hint's region. */
static __rte_noinline bool
flat_miss(struct vn_virtq *vq, uint64_t addr, uint64_t len)
{
	uint64_t part = len;

	return vn_guestmem_part(vq->mem, addr, &part, false, &vq->hint) != NULL && part == len;
}

/* Our address of the buffer, or NULL: let the general way see what it is. @p len is not 0. */
static __rte_always_inline uint8_t *
flat_addr(struct vn_virtq *vq, struct vn_flat *f, uint64_t addr, uint64_t len, bool write)
{
	uint64_t off = addr - f->gpa;

	if (unlikely(off >= f->size || len > f->size - off)) {
		if (!flat_miss(vq, addr, len))
			return NULL;
		*f = flat_of(vq);
		off = addr - f->gpa;
	}
	if (write && unlikely(f->read_only))
		return NULL;
	return f->base + off;
}

#define FAST_FLAGS (VN_DESC_F_NEXT | VN_DESC_F_WRITE | VN_DESC_F_INDIRECT)

/**
 * Look at the chain at @p head. @return its descriptors, or 0: it is none for here. @p write,
 * @p indirect: constants of the caller's variant. A frame of less than @p least bytes (> 0) is none
 * for here either.
 */
static __rte_always_inline uint32_t
fast_look(struct vn_virtq *vq, struct vn_flat *flat, uint16_t head, const bool write,
	const bool indirect, uint32_t least, struct vn_fast *c)
{
	const struct vn_vring_desc *table = vq->desc;
	const uint16_t dir = write ? VN_DESC_F_WRITE : 0;
	const uint32_t hdr_len = vq->hdr_len;
	uint32_t entries = vq->size, descs = 1;
	struct vn_desc d;

	if (unlikely(head >= entries))
		return 0;
	d = chain_read_desc(&table[head]);
	if (indirect && (d.flags & (VN_DESC_F_NEXT | VN_DESC_F_INDIRECT)) == VN_DESC_F_INDIRECT) {
		if (unlikely(d.len != sizeof(*table) && d.len != 2 * sizeof(*table)))
			return 0;
		table = (const void *)flat_addr(vq, flat, d.addr, d.len, false);
		if (unlikely(table == NULL))
			return 0;
		entries = d.len / sizeof(*table);
		d = chain_read_desc(table);
		descs = 2;
	}
	if ((d.flags & FAST_FLAGS) == dir) {
		if (unlikely(d.len < hdr_len + least))
			return 0;
		c->hdr = flat_addr(vq, flat, d.addr, d.len, write);
		if (unlikely(c->hdr == NULL))
			return 0;
		c->data = c->hdr + hdr_len;
		c->len = d.len - hdr_len;
		return descs;
	}
	if (unlikely((d.flags & FAST_FLAGS) != (dir | VN_DESC_F_NEXT) || d.len != hdr_len ||
		     d.next >= entries))
		return 0;
	c->hdr = flat_addr(vq, flat, d.addr, d.len, write);
	/* It may be the same one again: a loop. Then it has VN_DESC_F_NEXT, or too few bytes. */
	d = chain_read_desc(&table[d.next]);
	if (unlikely(c->hdr == NULL || (d.flags & FAST_FLAGS) != dir || d.len < least))
		return 0;
	c->data = flat_addr(vq, flat, d.addr, d.len, write);
	c->len = d.len;
	return likely(c->data != NULL) ? descs + 1 : 0;
}

#endif /* VN_VIRTQ_FAST_H */
