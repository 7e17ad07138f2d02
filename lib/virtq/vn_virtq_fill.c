/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Receive buffers for frames that somebody else writes: receiveq (virtio 1.2, 5.1.6.3 and 5.1.6.4).
 * Each frame costs a system call, so one body for split and packed rings is fast enough.
 */
#include "vn_virtq_fill.h"

#include "vn_virtq_fast.h"
#include "vn_virtq_hdr.h"
#include "vn_virtq_packed_fast.h"
#include "vn_virtq_rx_priv.h"

static inline struct vn_fill_chain *
chain_at(struct vn_fill *f, uint16_t n)
{
	return &f->chain[(f->first + n) % VN_FILL_CHAINS];
}

bool
vn_virtq_fill_begin(struct vn_virtq *vq, struct vn_fill *f, uint32_t most)
{
	uint16_t avail;

	check_owner(vq);
	if (vq->broken != NULL || vq->no_fast || vq->log_dirty ||
		vq->hdr_len == VN_NET_HDR_LEN_HASH)
		return false;
	if (!vq->packed) {
		avail = read_avail(vq);
		if (avail > vq->stats->max_post)
			__atomic_store_n(&vq->stats->max_post, avail, __ATOMIC_RELAXED);
		if (avail == 0)
			return false;
	}
	f->iov = &f->piece[1];
	f->n = 0;
	f->room = 0;
	f->most = most;
	f->mergeable = vq->conf.features & VN_NET_F_MRG_RXBUF;
	f->first = f->chains = f->slots = 0;
	return true;
}

/* The chain behind those looked up. @return its descriptors; 0: it is none for here, or not there.
 */
static uint32_t
look(struct vn_virtq *vq, const struct vn_fill *f, struct vn_fast *fast, struct vn_fill_chain *c)
{
	const bool indirect = vq->conf.features & VN_F_INDIRECT_DESC;
	struct vn_flat flat = flat_of(vq);
	uint32_t descs;

	if (vq->packed) {
		const uint16_t head = vn_vring_packed_advance(vq->pk_next, f->slots, vq->size);

		descs = packed_fast_look(vq, &flat, head, packed_room(vq) - f->slots, true,
			indirect, 1, fast, &c->entry);
		c->slots = descs != 0 ? PK_ENTRY_SLOTS(c->entry) : 0;
		return descs;
	}
	/* One look at the index is enough for a burst. */
	if ((uint16_t)(vq->avail - vq->taken) <= f->chains)
		return 0;
	c->entry = read_head(vq, f->chains);
	c->slots = 1;
	return fast_look(vq, &flat, (uint16_t)c->entry, true, indirect, 1, fast);
}

/* The pieces move on in their array, one frame after the other; make room behind them. */
static void
move_pieces(struct vn_fill *f)
{
	if (f->iov + f->n + 3 <= f->piece + VN_FILL_PIECES)
		return;
	memmove(&f->piece[1], f->iov, f->n * sizeof(f->piece[0]));
	f->iov = &f->piece[1];
}

static bool
add_chain(struct vn_virtq *vq, struct vn_fill *f)
{
	struct vn_fill_chain *c = chain_at(f, f->chains);
	const bool first = f->chains == 0;
	struct vn_fast fast;
	uint32_t len;

	if (f->chains == (f->mergeable ? VN_FILL_CHAINS : 1u))
		return false;
	c->descs = look(vq, f, &fast, c);
	if (c->descs == 0)
		return false;
	/* What the black box holds of a frame is little: see vn_bb_ring.run. */
	if (!first && c->slots != chain_at(f, 0)->slots)
		return false;
	/* Of a longer one, only the last bytes of a frame can be in it. */
	len = RTE_MIN(fast.len, f->most);
	c->hdr = fast.hdr;
	c->data = fast.data;
	c->bytes = vq->hdr_len + len;
	c->pieces = 1;
	move_pieces(f);
	if (first || fast.data != fast.hdr + vq->hdr_len) {
		if (!first) {
			f->iov[f->n++] = (struct iovec){fast.hdr, vq->hdr_len};
			c->pieces = 2;
		}
		f->iov[f->n++] = (struct iovec){fast.data, len};
	} else {
		f->iov[f->n++] = (struct iovec){fast.hdr, c->bytes};
	}
	f->room += first ? len : c->bytes;
	f->chains++;
	f->slots += c->slots;
	return true;
}

bool
vn_virtq_fill_next(struct vn_virtq *vq, struct vn_fill *f)
{
	check_owner(vq);
	if (vq->inflight_descs > VN_VQ_DESC_BUDGET)
		return false;
	while (f->room < f->most) {
		if (add_chain(vq, f))
			continue;
		return !f->mergeable && f->chains > 0;
	}
	return true;
}

/* The first @p n chains are used; of the next one, the header is not the frame's. */
static void
move_on(struct vn_virtq *vq, struct vn_fill *f, uint16_t n)
{
	struct vn_fill_chain *c;

	for (uint16_t i = 0; i < n; i++) {
		c = chain_at(f, i);
		f->iov += c->pieces;
		f->n -= c->pieces;
		f->room -= i == 0 ? c->bytes - vq->hdr_len : c->bytes;
		f->slots -= c->slots;
	}
	f->first = (f->first + n) % VN_FILL_CHAINS;
	f->chains -= n;
	if (f->chains == 0)
		return;
	c = chain_at(f, 0);
	f->room -= vq->hdr_len;
	if (c->pieces == 2) {
		f->iov++;
		f->n--;
		c->pieces = 1;
	} else {
		f->iov[0] = (struct iovec){c->data, c->bytes - vq->hdr_len};
	}
}

/*
 * The kernel does not say when memory was gone that it copied to. Whoever serves guests survives
 * SIGBUS, and looks what is broken then: see vn_gm_registry. So ask for it.
 */
static inline void
touch(const struct vn_fill_chain *c, uint32_t hdr_len, uint32_t len)
{
	const uint8_t *last = len > hdr_len ? c->data + (len - hdr_len) : c->hdr + len;

	(void)*(const volatile uint8_t *)c->hdr;
	(void)*(const volatile uint8_t *)(last - 1);
}

void
vn_virtq_fill_take(
	struct vn_virtq *vq, struct vn_fill *f, const struct vn_net_hdr *hdr, uint64_t len)
{
	struct vn_net_hdr h = *hdr;
	uint64_t left = vq->hdr_len + len;
	uint16_t chains = 0, slots = 0;
	uint32_t descs = 0;

	check_owner(vq);
	if (unlikely(len > f->room || len > VN_MAX_FRAME)) {
		count(&vq->stats->oversized, 1);
		return;
	}
	if (unlikely(!hdr_check(vq, &h, (uint32_t)len))) {
		count(&vq->stats->bad_header, 1);
		return;
	}
	for (; left > 0; chains++) {
		const struct vn_fill_chain *c = chain_at(f, chains);
		const uint32_t part = (uint32_t)RTE_MIN(left, (uint64_t)c->bytes);
		struct vn_vring_used_elem *e =
			&vq->inflight[(uint16_t)(vq->taken + chains) & vq->mask];

		if (vq->packed)
			*e = (struct vn_vring_used_elem){
				c->entry | (chains > 0 ? PK_MORE : 0), part};
		else
			*e = (struct vn_vring_used_elem){
				rte_cpu_to_le_32(c->entry), rte_cpu_to_le_32(part)};
		touch(c, vq->hdr_len, part);
		descs += c->descs;
		slots += c->slots;
		left -= part;
	}
	h.num_buffers = rte_cpu_to_le_16(chains);
	memcpy(chain_at(f, 0)->hdr, &h, vq->hdr_len);
	if (vq->packed) {
		packed_advance(vq, chains, slots);
		if (chains > 1)
			vq->pk_shapes = true;
	} else {
		vq->taken += chains;
	}
	vq->inflight_descs += descs;
	count_given(vq, (uint32_t)len, descs);
	move_on(vq, f, chains);
}

void
vn_virtq_fill_end(struct vn_virtq *vq)
{
	check_owner(vq);
	if (vq->taken == vq->used)
		return;
	count(&vq->stats->received_desc, vq->inflight_descs);
	if (!vq->packed)
		note_position(vq);
	vn_virtq_flush_used(vq);
}
