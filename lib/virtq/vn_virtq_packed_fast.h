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

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"
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
	if (likely((flags & FAST_FLAGS) == dir))
		goto one;
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

/* What was found: chains of the usual shapes that follow one another. */
struct packed_batch {
	struct vn_fast chain[VN_FAST_BATCH];
	uint8_t descs[VN_FAST_BATCH]; /* that each of them has */
	uint8_t slots[VN_FAST_BATCH]; /* ... of those, in the ring */
	uint16_t n;
	uint16_t head, room; /* of what follows */
};

/*
 * Chains that have one descriptor each, up to the ring's end: most have. As packed_fast_look(), but
 * fewer questions. Their entries are put into inflight[], with length 0. @p pkts: frames for them.
 */
static __rte_always_inline void
packed_fast_run(struct vn_virtq *vq, struct vn_flat *flat, struct packed_batch *b, uint16_t most,
	const bool write, struct rte_mbuf *const *pkts)
{
	const uint16_t flags = packed_avail_flags(b->head) | (write ? VN_DESC_F_WRITE : 0);
	const struct vn_vring_packed_desc *d = &vq->pk_desc[packed_index(b->head)];
	struct vn_vring_used_elem *const inflight = vq->inflight;
	const uint16_t mask = vq->mask, taken = vq->taken;
	const uint32_t hdr_len = vq->hdr_len;
	const uint16_t from = b->n;
	uint16_t i;

	most = RTE_MIN(most, from + RTE_MIN(b->room, vq->size - packed_index(b->head)));
	for (i = from; i < most; i++, d++) {
		const uint64_t word = packed_load(d);
		const uint32_t len = (uint32_t)word;
		const uint32_t least = write ? pkts[i]->pkt_len : VN_MIN_FRAME;
		uint8_t *p;

		if (unlikely((packed_flags(word) & (PK_FLAGS | FAST_FLAGS)) != flags ||
			     len < hdr_len + least))
			break;
		if (!write && unlikely(len - hdr_len > VN_MAX_FRAME))
			break;
		p = flat_addr(vq, flat, packed_load_addr(d), len, write);
		if (unlikely(p == NULL))
			break;
		rte_prefetch0(p);
		rte_prefetch0(p + hdr_len + (write ? least - 1 : 63));
		b->chain[i] = (struct vn_fast){p, p + hdr_len, len - hdr_len};
		b->descs[i] = b->slots[i] = 1;
		inflight[(uint16_t)(taken + i) & mask] =
			(struct vn_vring_used_elem){.id = PK_ENTRY((uint16_t)(word >> 32), 1)};
	}
	b->n = i;
	b->room -= i - from;
	b->head = vn_vring_packed_advance(b->head, i - from, vq->size);
}

/* Find up to @p most chains. @p pkts: the frames that they are for, good ones. */
static __rte_always_inline void
packed_fast_find(struct vn_virtq *vq, struct packed_batch *b, uint16_t most, const bool write,
	const bool indirect, struct rte_mbuf *const *pkts)
{
	struct vn_flat flat = flat_of(vq);

	b->n = 0;
	b->head = vq->pk_next;
	b->room = packed_room(vq);
	for (;;) {
		struct vn_fast *c;
		uint32_t entry, descs;
		uint16_t slots;

		packed_fast_run(vq, &flat, b, most, write, pkts);
		if (likely(b->n == most))
			return;
		c = &b->chain[b->n];
		descs = packed_fast_look(vq, &flat, b->head, b->room, write, indirect,
			write ? pkts[b->n]->pkt_len : VN_MIN_FRAME, c, &entry);
		if (descs == 0 || (!write && unlikely(c->len > VN_MAX_FRAME)))
			return;
		rte_prefetch0(c->hdr);
		rte_prefetch0(c->data + (write ? pkts[b->n]->pkt_len - 1 : 63));
		slots = PK_ENTRY_SLOTS(entry);
		b->descs[b->n] = descs;
		b->slots[b->n] = slots;
		vq->inflight[(uint16_t)(vq->taken + b->n) & vq->mask] =
			(struct vn_vring_used_elem){.id = entry};
		b->n++;
		b->head = vn_vring_packed_advance(b->head, slots, vq->size);
		b->room -= slots;
		if (b->n == most)
			return;
	}
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
	/* The usual case once more, as constants. */
	if (likely(PK_ENTRY_SLOTS(f->entry) == 1))
		packed_advance(vq, 1, 1);
	else
		packed_advance(vq, 1, PK_ENTRY_SLOTS(f->entry));
}

#endif /* VN_VIRTQ_PACKED_FAST_H */
