/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_CHAIN_H
#define VN_VIRTQ_CHAIN_H

/**
 * @file
 * Walking a descriptor chain (virtio 1.2, 2.7.5): from a head index to pieces of our memory.
 *
 * The driver may rewrite everything while we look. So a descriptor is read once, into private
 * memory; an index is checked after it was read; and the walk ends after as many descriptors as
 * the table has.
 */

#include <string.h>

#include "vn_virtq_priv.h"

enum vn_chain_result {
	VN_CHAIN_OK,
	VN_CHAIN_BAD,    /* this chain cannot carry a frame; give it back and go on */
	VN_CHAIN_SEGS,   /* more pieces than VN_VQ_MAX_SEGS */
	VN_CHAIN_BROKEN, /* the ring is broken */
};

/* What was collected; pieces are in vq->seg[]. Several chains may be collected in turn. */
struct vn_chain {
	uint32_t segs;
	uint32_t descs;
	uint64_t bytes;
	uint32_t slots; /* split: the ring's descriptors of chains that were walked to their end */
};

struct vn_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* Indirect tables need no alignment. */
typedef uint64_t __attribute__((aligned(1), may_alias)) vn_unaligned_u64;

static __rte_always_inline struct vn_desc
chain_read_desc(const struct vn_vring_desc *p)
{
	const volatile vn_unaligned_u64 *w = (const volatile vn_unaligned_u64 *)p;
	uint64_t addr = rte_le_to_cpu_64(w[0]);
	uint64_t rest = rte_le_to_cpu_64(w[1]);

	return (struct vn_desc){.addr = addr,
		.len = (uint32_t)rest,
		.flags = (uint16_t)(rest >> 32),
		.next = (uint16_t)(rest >> 48)};
}

/* A descriptor of an indirect table that is not contiguous in our memory. */
static __rte_noinline bool
chain_read_desc_far(struct vn_virtq *vq, uint64_t gpa, struct vn_desc *desc)
{
	uint8_t buf[sizeof(struct vn_vring_desc)];

	for (uint64_t done = 0; done < sizeof(buf);) {
		uint64_t len = sizeof(buf) - done;
		const void *p = vn_guestmem_part(vq->mem, gpa + done, &len, false, &vq->hint);

		if (p == NULL)
			return false;
		memcpy(buf + done, p, len);
		done += len;
	}
	*desc = chain_read_desc((const struct vn_vring_desc *)buf);
	return true;
}

static __rte_noinline enum vn_chain_result
chain_break(struct vn_virtq *vq, uint64_t *counter, const char *why)
{
	count(counter, 1);
	virtq_break(vq, why);
	return VN_CHAIN_BROKEN;
}

/* Append the buffer of @p desc, of which at most @p want bytes are of interest. */
static __rte_always_inline enum vn_chain_result
chain_add_buffer(struct vn_virtq *vq, const struct vn_desc *desc, bool write, uint64_t want,
	struct vn_chain *c)
{
	uint64_t addr = desc->addr;
	uint64_t len = RTE_MIN(desc->len, want);

	while (len > 0) {
		uint64_t part = len;
		void *p = vn_guestmem_part(vq->mem, addr, &part, write, &vq->hint);

		if (unlikely(p == NULL))
			return chain_break(vq, &vq->stats->invalid_buffer, "memory");
		if (unlikely(c->segs == VN_VQ_MAX_SEGS))
			return VN_CHAIN_SEGS;
		vq->seg[c->segs++] = (struct vn_seg){.ptr = p, .len = part, .gpa = addr};
		c->bytes += part;
		addr += part;
		len -= part;
	}
	return VN_CHAIN_OK;
}

/* Where a walk is. */
struct vn_walk {
	const struct vn_vring_desc *table; /* NULL: one that is not contiguous in our memory */
	uint64_t table_gpa;                /* of an indirect table */
	uint32_t entries;                  /* of the table */
	uint32_t left;                     /* descriptors that it may still have */
	uint32_t i;                        /* the next one */
	uint32_t slots;                    /* of the ring, once it is in an indirect table */
	bool nested;                       /* in an indirect table */
};

static __rte_always_inline struct vn_walk
walk_begin(const struct vn_virtq *vq, uint16_t head)
{
	return (struct vn_walk){
		.table = vq->desc, .entries = vq->size, .left = vq->size, .i = head};
}

/*
 * The next descriptor of the chain that names a buffer; counts in @p descs what it reads. When it
 * has VN_DESC_F_NEXT, the caller goes on at its next.
 */
static __rte_always_inline enum vn_chain_result
walk_next(struct vn_virtq *vq, struct vn_walk *w, bool indirect, struct vn_desc *desc,
	uint32_t *descs)
{
	for (;;) {
		uint64_t part;
		uint32_t n;

		if (unlikely(w->i >= w->entries))
			return chain_break(vq, &vq->stats->bad_desc_errors, "descriptor-index");
		if (unlikely(w->left-- == 0))
			return chain_break(vq, &vq->stats->exceed_max_chain, "chain");
		/* Empty descriptors add no pieces, but time. */
		if (unlikely(w->entries - w->left > 2 * VN_VQ_MAX_SEGS))
			return VN_CHAIN_SEGS;
		if (likely(w->table != NULL))
			*desc = chain_read_desc(&w->table[w->i]);
		else if (!chain_read_desc_far(vq, w->table_gpa + w->i * sizeof(*w->table), desc))
			return chain_break(vq, &vq->stats->invalid_buffer, "memory");
		(*descs)++;
		if (!(desc->flags & VN_DESC_F_INDIRECT))
			return VN_CHAIN_OK;

		n = desc->len / sizeof(*w->table);
		part = desc->len;
		/* It ends the chain, and its own WRITE flag means nothing (2.7.5.3). */
		if (!indirect || w->nested || desc->flags & VN_DESC_F_NEXT || n == 0 ||
			desc->len % sizeof(*w->table) != 0)
			return chain_break(vq, &vq->stats->bad_desc_errors, "indirect");
		if (n > RTE_MAX((uint32_t)vq->size, (uint32_t)VN_VQ_MAX_SEGS))
			return chain_break(vq, &vq->stats->exceed_max_chain, "indirect");
		w->table_gpa = desc->addr;
		w->table = vn_guestmem_part(vq->mem, w->table_gpa, &part, false, &vq->hint);
		if (w->table == NULL)
			return chain_break(vq, &vq->stats->invalid_buffer, "memory");
		if (part != desc->len)
			w->table = NULL;
		w->slots = vq->size - w->left;
		w->entries = w->left = n;
		w->nested = true;
		w->i = 0;
	}
}

/**
 * Walk the chain at @p head until its end or until @p want bytes (> 0) are collected, and append
 * what there is to @p c. @p write and @p indirect are constants of the caller's variant.
 */
static __rte_always_inline enum vn_chain_result
chain_walk(struct vn_virtq *vq, uint16_t head, bool write, bool indirect, uint64_t want,
	struct vn_chain *c)
{
	struct vn_walk w = walk_begin(vq, head);

	want += c->bytes;
	for (;;) {
		enum vn_chain_result r;
		struct vn_desc desc;

		r = walk_next(vq, &w, indirect, &desc, &c->descs);
		if (unlikely(r != VN_CHAIN_OK))
			return r;
		if (unlikely(!!(desc.flags & VN_DESC_F_WRITE) != write)) {
			count(&vq->stats->bad_desc_errors, 1);
			return VN_CHAIN_BAD;
		}
		r = chain_add_buffer(vq, &desc, write, want - c->bytes, c);
		if (unlikely(r != VN_CHAIN_OK))
			return r;
		if (!(desc.flags & VN_DESC_F_NEXT)) {
			c->slots += w.nested ? w.slots : vq->size - w.left;
			return VN_CHAIN_OK;
		}
		if (c->bytes == want)
			return VN_CHAIN_OK;
		w.i = desc.next;
	}
}

/* A place in the collected pieces. */
struct vn_cursor {
	const struct vn_seg *seg;
	uint64_t off;
};

/* The next contiguous bytes, at most @p len; there are some. */
static __rte_always_inline uint8_t *
cursor_next(struct vn_cursor *cur, uint32_t *len)
{
	uint8_t *p;

	if (cur->off == cur->seg->len) {
		cur->seg++;
		cur->off = 0;
	}
	p = cur->seg->ptr + cur->off;
	*len = RTE_MIN(*len, cur->seg->len - cur->off);
	cur->off += *len;
	return p;
}

/* Copy @p len bytes out of the pieces. They hold as many. */
static __rte_always_inline void
cursor_read(struct vn_cursor *cur, void *dst, uint32_t len)
{
	const uint8_t *p;

	for (uint32_t done = 0, part; done < len; done += part) {
		part = len - done;
		/* A statement of its own: it changes part. */
		p = cursor_next(cur, &part);
		memcpy((uint8_t *)dst + done, p, part);
	}
}

/* Copy @p len bytes into the pieces. They have room for as many. */
static __rte_always_inline void
cursor_write(struct vn_cursor *cur, const void *src, uint32_t len)
{
	for (uint32_t done = 0, part; done < len; done += part) {
		uint8_t *p;

		part = len - done;
		p = cursor_next(cur, &part);
		memcpy(p, (const uint8_t *)src + done, part);
	}
}

/*
 * The same for a header, at the beginning of the pieces. The usual one in one piece costs no call
 * of memcpy().
 */
static __rte_always_inline void
cursor_read_hdr(struct vn_cursor *cur, void *hdr, uint32_t len)
{
	if (likely(len == VN_NET_HDR_LEN && cur->seg->len >= VN_NET_HDR_LEN)) {
		memcpy(hdr, cur->seg->ptr, VN_NET_HDR_LEN);
		cur->off = VN_NET_HDR_LEN;
	} else {
		cursor_read(cur, hdr, len);
	}
}

static __rte_always_inline void
cursor_write_hdr(struct vn_cursor *cur, const void *hdr, uint32_t len)
{
	if (likely(len == VN_NET_HDR_LEN && cur->seg->len >= VN_NET_HDR_LEN)) {
		memcpy(cur->seg->ptr, hdr, VN_NET_HDR_LEN);
		cur->off = VN_NET_HDR_LEN;
	} else {
		cursor_write(cur, hdr, len);
	}
}

#endif /* VN_VIRTQ_CHAIN_H */
