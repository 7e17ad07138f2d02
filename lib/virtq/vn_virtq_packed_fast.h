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

/**
 * fast_look() for the chain at @p head, of which @p room descriptors may be read; *entry: what goes
 * into inflight[].id. @return descriptors read, or 0: it is none for here, or not available.
 */
static __rte_always_inline uint32_t
packed_fast_look(struct vn_virtq *vq, struct vn_flat *flat, uint16_t head, uint16_t room,
	const bool write, const bool indirect, uint32_t least, struct vn_fast *c, uint32_t *entry)
{
	const struct vn_vring_packed_desc *d = &vq->pk_desc[packed_index(head)];
	const uint16_t dir = write ? VN_DESC_F_WRITE : 0;
	const uint32_t hdr_len = vq->hdr_len;
	const uint64_t word = room > 0 ? packed_load(d) : 0;
	const uint16_t flags = packed_flags(word);
	uint64_t addr, second, len = (uint32_t)word;
	uint32_t descs = 1;

	if (unlikely(room == 0 || (flags & PK_FLAGS) != packed_avail_flags(head)))
		return 0;
	addr = packed_load_addr(d);
	*entry = PK_ENTRY((uint16_t)(word >> 32), 1);
	if (indirect && (flags & (VN_DESC_F_NEXT | VN_DESC_F_INDIRECT)) == VN_DESC_F_INDIRECT) {
		const struct vn_vring_desc *table;
		struct vn_desc t;

		if (unlikely(len != sizeof(*table) && len != 2 * sizeof(*table)))
			return 0;
		table = (const void *)flat_addr(vq, flat, addr, len, false);
		if (unlikely(table == NULL))
			return 0;
		/* Its entries follow one another; of their flags, only WRITE counts (2.8.7). */
		t = chain_read_desc(table);
		if (unlikely(write && !(t.next & VN_DESC_F_WRITE)))
			return 0;
		addr = t.addr;
		if (len == sizeof(*table)) {
			len = t.len;
			descs = 2;
			goto one;
		}
		if (unlikely(t.len != hdr_len))
			return 0;
		t = chain_read_desc(table + 1);
		if (unlikely(write && !(t.next & VN_DESC_F_WRITE)))
			return 0;
		second = t.addr;
		len = t.len;
		descs = 3;
	} else if (likely((flags & FAST_FLAGS) == dir)) {
		goto one;
	} else {
		const uint16_t next = packed_index(vn_vring_packed_advance(head, 1, vq->size));
		uint64_t w;

		if (unlikely((flags & FAST_FLAGS) != (dir | VN_DESC_F_NEXT) || len != hdr_len ||
			     room < 2))
			return 0;
		w = packed_load(&vq->pk_desc[next]);
		if (unlikely((packed_flags(w) & FAST_FLAGS) != dir))
			return 0;
		second = packed_load_addr(&vq->pk_desc[next]);
		*entry = PK_ENTRY((uint16_t)(w >> 32), 2);
		len = (uint32_t)w;
		descs = 2;
	}
	if (unlikely(len < least))
		return 0;
	c->hdr = flat_addr(vq, flat, addr, hdr_len, write);
	c->data = flat_addr(vq, flat, second, len, write);
	c->len = len;
	return likely(c->hdr != NULL && c->data != NULL) ? descs : 0;

one:
	if (unlikely(len < hdr_len + least))
		return 0;
	c->hdr = flat_addr(vq, flat, addr, len, write);
	if (unlikely(c->hdr == NULL))
		return 0;
	c->data = c->hdr + hdr_len;
	c->len = len - hdr_len;
	return descs;
}

/* A chain alone, for those who take one at a time. */
struct packed_fast {
	struct vn_fast c;
	uint32_t entry;
};

/** packed_fast_look() for the next chain. */
static __rte_always_inline uint32_t
packed_fast_next(struct vn_virtq *vq, struct vn_flat *flat, const bool write, const bool indirect,
	uint32_t least, struct packed_fast *f)
{
	return packed_fast_look(
		vq, flat, vq->pk_next, packed_room(vq), write, indirect, least, &f->c, &f->entry);
}

/* Take that chain: it will be given back with @p len. */
static __rte_always_inline void
packed_fast_take(struct vn_virtq *vq, const struct packed_fast *f, uint32_t len)
{
	vq->inflight[vq->taken & vq->mask] =
		(struct vn_vring_used_elem){.id = f->entry, .len = len};
	packed_advance(vq, 1, PK_ENTRY_SLOTS(f->entry));
}

#endif /* VN_VIRTQ_PACKED_FAST_H */
