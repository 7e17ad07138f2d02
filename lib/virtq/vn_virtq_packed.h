/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_PACKED_H
#define VN_VIRTQ_PACKED_H

/**
 * @file
 * A packed ring from the inside (virtio 1.2, 2.8); for lib/virtq only.
 *
 * A chain is the descriptors from its head on; each is read once, into private memory. How many
 * there are is told by their flags, and which buffer it is by the last one: so a chain is walked to
 * its end even where its last buffers are of no interest. In its entry of inflight[] id holds,
 * in our byte order, what it takes to give it back: packed_entry().
 *
 * Used descriptors are written when they are published, all at once and in ring order, each by one
 * store. Of the chains of a mergeable frame, the first is given back last: drivers that see it
 * expect the others to be there.
 */

#include "vn_virtq_fast.h"

/* Of struct vn_vring_used_elem.id in inflight[]. */
#define PK_MORE             (UINT32_C(1) << 31) /* of the same frame as the chain before */
#define PK_ENTRY(id, slots) ((uint32_t)(id) | (uint32_t)((slots)-1) << 16)
#define PK_ENTRY_ID(e)      ((uint16_t)(e))
#define PK_ENTRY_SLOTS(e)   (((e) >> 16 & 0x7fff) + 1)

#define PK_FLAGS (VN_DESC_F_AVAIL | VN_DESC_F_USED)

typedef uint64_t __attribute__((may_alias)) pk_word_t;

/* AVAIL and USED of a descriptor that is available, or used, in the lap of @p position. */
static __rte_always_inline uint16_t
packed_avail_flags(uint16_t position)
{
	return position & VN_EVENT_WRAP ? VN_DESC_F_AVAIL : VN_DESC_F_USED;
}

static __rte_always_inline uint16_t
packed_used_flags(uint16_t position)
{
	return position & VN_EVENT_WRAP ? PK_FLAGS : 0;
}

static __rte_always_inline uint16_t
packed_index(uint16_t position)
{
	return position & ~VN_EVENT_WRAP;
}

/*
 * The second half of a descriptor: length, id, flags, from the lowest bit on. What the driver
 * stored before the flags is visible after.
 */
static __rte_always_inline uint64_t
packed_load(const struct vn_vring_packed_desc *d)
{
	const pk_word_t *p = (const pk_word_t *)&d->len;
#ifdef RTE_ARCH_X86
	return rte_le_to_cpu_64(__atomic_load_n(p, __ATOMIC_ACQUIRE));
#else
	const uint64_t f = rte_le_to_cpu_16(__atomic_load_n(&d->flags, __ATOMIC_ACQUIRE));
	const uint64_t w = rte_le_to_cpu_64(__atomic_load_n(p, __ATOMIC_RELAXED));
	const uint64_t mask = (uint64_t)PK_FLAGS << 48;

	/* Whether it is available is what the first look said. */
	return (w & ~mask) | (f << 48 & mask);
#endif
}

static __rte_always_inline uint16_t
packed_flags(uint64_t word)
{
	return word >> 48;
}

static __rte_always_inline uint64_t
packed_load_addr(const struct vn_vring_packed_desc *d)
{
	return rte_le_to_cpu_64(__atomic_load_n((const pk_word_t *)&d->addr, __ATOMIC_RELAXED));
}

/* Give a chain back: one store, after all that was stored into its buffers. */
static __rte_always_inline void
packed_store(struct vn_vring_packed_desc *d, uint32_t len, uint16_t id, uint16_t flags)
{
	__atomic_store_n((pk_word_t *)&d->len,
		rte_cpu_to_le_64((uint64_t)flags << 48 | (uint64_t)id << 32 | len),
		__ATOMIC_RELEASE);
}

/* Descriptors that may be available: those that are not in flight. */
static __rte_always_inline uint16_t
packed_room(const struct vn_virtq *vq)
{
	return vq->size - vq->pk_inflight;
}

/* Where the walk of a chain is. */
struct packed_walk {
	uint16_t head;  /* position */
	uint16_t index; /* of the next descriptor in the ring */
	uint16_t slots; /* read of the ring */
	uint16_t room;  /* that it may have */
	uint16_t id;    /* of the last one read */
	bool more;      /* the ring's next descriptor belongs to it */
	bool end;       /* there are no more buffers */
	/* An indirect table. */
	bool nested;
	const struct vn_vring_desc *table; /* NULL: one that is not contiguous in our memory */
	uint64_t table_gpa;
	uint32_t entries, i;
};

/* Begin a walk at @p head. False: nothing is available there. */
static __rte_always_inline bool
packed_walk_begin(const struct vn_virtq *vq, struct packed_walk *w, uint16_t head, uint16_t room,
	uint64_t *word)
{
	const uint16_t index = packed_index(head);

	if (room == 0)
		return false;
	*word = packed_load(&vq->pk_desc[index]);
	if ((packed_flags(*word) & PK_FLAGS) != packed_avail_flags(head))
		return false;
	*w = (struct packed_walk){.head = head, .index = index, .room = room, .more = true};
	return true;
}

/*
 * packed_walk_begin() failed at the @p n th descriptor after pk_next: then it must not have been
 * seen available before. A driver cannot take it back. @return false: it did, the ring is broken.
 */
static __rte_always_inline bool
packed_none_there(struct vn_virtq *vq, uint16_t n)
{
	if (likely(vq->pk_seen <= n))
		return true;
	(void)chain_break(vq, &vq->stats->bad_desc_errors, "descriptor-flags");
	return false;
}

/* Take the ring's next descriptor, whose second half is @p word. */
static __rte_always_inline uint64_t
packed_walk_ring(const struct vn_virtq *vq, struct packed_walk *w, uint64_t word)
{
	const uint64_t addr = packed_load_addr(&vq->pk_desc[w->index]);

	w->id = word >> 32;
	w->more = packed_flags(word) & VN_DESC_F_NEXT;
	w->end = !w->more;
	w->slots++;
	if (unlikely(++w->index == vq->size))
		w->index = 0;
	return addr;
}

static __rte_always_inline enum vn_chain_result
packed_walk_table(struct vn_virtq *vq, struct packed_walk *w, struct vn_desc *desc)
{
	/* Empty descriptors add no pieces, but time. */
	if (unlikely(w->i == 2 * VN_VQ_MAX_SEGS))
		return VN_CHAIN_SEGS;
	if (likely(w->table != NULL))
		*desc = chain_read_desc(&w->table[w->i]);
	else if (!chain_read_desc_far(vq, w->table_gpa + w->i * sizeof(*w->table), desc))
		return chain_break(vq, &vq->stats->invalid_buffer, "memory");
	/* Where a split one has next, this one has flags; only WRITE means something (2.8.7). */
	desc->flags = desc->next & VN_DESC_F_WRITE;
	w->end = ++w->i == w->entries;
	return VN_CHAIN_OK;
}

static __rte_noinline enum vn_chain_result
packed_walk_enter(struct vn_virtq *vq, struct packed_walk *w, bool indirect, struct vn_desc *desc)
{
	const uint32_t n = desc->len / sizeof(*w->table);
	uint64_t part = desc->len;

	/* It is alone in its chain (2.8.19), and its own WRITE flag means nothing (2.8.7). */
	if (!indirect || w->slots != 1 || w->more || n == 0 || desc->len % sizeof(*w->table) != 0)
		return chain_break(vq, &vq->stats->bad_desc_errors, "indirect");
	if (n > RTE_MAX((uint32_t)vq->size, (uint32_t)VN_VQ_MAX_SEGS))
		return chain_break(vq, &vq->stats->exceed_max_chain, "indirect");
	w->table_gpa = desc->addr;
	w->table = vn_guestmem_part(vq->mem, w->table_gpa, &part, false, &vq->hint);
	if (w->table == NULL)
		return chain_break(vq, &vq->stats->invalid_buffer, "memory");
	if (part != desc->len)
		w->table = NULL;
	w->entries = n;
	w->nested = true;
	return VN_CHAIN_OK;
}

/*
 * The next descriptor that names a buffer; counts in @p descs what it reads. @p word is the second
 * half of the chain's head. After it, w->end says whether it was the last one.
 */
static __rte_always_inline enum vn_chain_result
packed_walk_next(struct vn_virtq *vq, struct packed_walk *w, uint64_t word, bool indirect,
	struct vn_desc *desc, uint32_t *descs)
{
	enum vn_chain_result r;

	if (likely(!w->nested)) {
		if (w->slots > 0) {
			if (unlikely(w->slots == w->room))
				return chain_break(vq, &vq->stats->exceed_max_chain, "chain");
			/* Empty descriptors add no pieces, but time. */
			if (unlikely(w->slots == 2 * VN_VQ_MAX_SEGS))
				return VN_CHAIN_SEGS;
			word = packed_load(&vq->pk_desc[w->index]);
		}
		desc->addr = packed_walk_ring(vq, w, word);
		desc->len = word;
		desc->flags = packed_flags(word);
		(*descs)++;
		if (likely(!(desc->flags & VN_DESC_F_INDIRECT)))
			return VN_CHAIN_OK;
		r = packed_walk_enter(vq, w, indirect, desc);
		if (r != VN_CHAIN_OK)
			return r;
	}
	(*descs)++;
	return packed_walk_table(vq, w, desc);
}

/* Go on to the end of the chain; what its descriptors say is of no interest, but for its id. */
static __rte_always_inline enum vn_chain_result
packed_walk_rest(struct vn_virtq *vq, struct packed_walk *w, uint32_t *descs)
{
	while (unlikely(w->more)) {
		if (w->slots == w->room)
			return chain_break(vq, &vq->stats->exceed_max_chain, "chain");
		(void)packed_walk_ring(vq, w, packed_load(&vq->pk_desc[w->index]));
		(*descs)++;
	}
	return VN_CHAIN_OK;
}

/**
 * Walk the chain that packed_walk_begin() found to its end, and append to @p c what there is of at
 * most @p want bytes (> 0). @p write and @p indirect are constants of the caller's variant.
 */
static __rte_always_inline enum vn_chain_result
packed_chain_walk(struct vn_virtq *vq, struct packed_walk *w, uint64_t word, bool write,
	bool indirect, uint64_t want, struct vn_chain *c)
{
	enum vn_chain_result r, rest;
	struct vn_desc desc;

	want += c->bytes;
	do {
		r = packed_walk_next(vq, w, word, indirect, &desc, &c->descs);
		if (unlikely(r != VN_CHAIN_OK))
			break;
		/*
		 * DPDK's virtio driver (22.11 at least) leaves WRITE set in the header's entry of
		 * the tables that it sends with; where all is to be read, that is what is meant.
		 */
		if (unlikely(!!(desc.flags & VN_DESC_F_WRITE) != write) && (write || !w->nested)) {
			count(&vq->stats->bad_desc_errors, 1);
			r = VN_CHAIN_BAD;
			break;
		}
		r = chain_add_buffer(vq, &desc, write, want - c->bytes, c);
	} while (r == VN_CHAIN_OK && !w->end && c->bytes != want);
	/* Receive buffers that are crumbs are not taken: nobody needs to know where they end. */
	if (unlikely(r == VN_CHAIN_BROKEN || (write && r == VN_CHAIN_SEGS)))
		return r;
	rest = packed_walk_rest(vq, w, &c->descs);
	return unlikely(rest != VN_CHAIN_OK) ? rest : r;
}

/* The entry of a chain that has been walked to its end. */
static __rte_always_inline struct vn_vring_used_elem
packed_entry(const struct packed_walk *w, uint32_t len)
{
	return (struct vn_vring_used_elem){.id = PK_ENTRY(w->id, w->slots), .len = len};
}

/* @p slots more descriptors, of @p chains chains, are in flight. */
static __rte_always_inline void
packed_advance(struct vn_virtq *vq, uint16_t chains, uint16_t slots)
{
	vq->taken += chains;
	vq->pk_next = vn_vring_packed_advance(vq->pk_next, slots, vq->size);
	vq->pk_inflight += slots;
	vq->pk_run += slots;
	vq->pk_seen -= RTE_MIN(vq->pk_seen, slots);
	if (slots != chains)
		vq->pk_shapes = true;
}

/* Take the next chain: it is in flight from now on and will be given back with @p len. */
static __rte_always_inline void
packed_take(struct vn_virtq *vq, const struct packed_walk *w, uint32_t len)
{
	vq->inflight[vq->taken & vq->mask] = packed_entry(w, len);
	packed_advance(vq, 1, w->slots);
}

/* Look for available descriptors until there are @p most; what was seen once is not looked at. */
static __rte_always_inline uint16_t
packed_see(struct vn_virtq *vq, uint16_t most)
{
	const uint16_t room = packed_room(vq);
	uint16_t at;

	most = RTE_MIN(most, room);
	if (vq->pk_seen < most) {
		at = vn_vring_packed_advance(vq->pk_next, vq->pk_seen, vq->size);
		while (vq->pk_seen < most) {
			const uint16_t flags =
				packed_flags(packed_load(&vq->pk_desc[packed_index(at)]));

			if ((flags & PK_FLAGS) != packed_avail_flags(at))
				break;
			vq->pk_seen++;
			at = vn_vring_packed_advance(at, 1, vq->size);
		}
	}
	if (vq->pk_seen > vq->stats->max_post)
		__atomic_store_n(&vq->stats->max_post, vq->pk_seen, __ATOMIC_RELAXED);
	return RTE_MIN(vq->pk_seen, most);
}

#endif /* VN_VIRTQ_PACKED_H */
