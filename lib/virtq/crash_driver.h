/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CRASH_DRIVER_H
#define CRASH_DRIVER_H

/**
 * @file
 * Test code: a driver so small that its whole state can be put aside and taken back, as shared
 * memory can (crash_model.h). It checks what comes back: each chain once and in order, and of
 * receive rings, frames that are whole, in order, and none of them twice.
 */

#include "crash_model.h"
#include "vn_blackbox.h"
#include "vn_net_hdr.h"
#include "vn_virtq.h"
#include "vn_vring_packed.h"

#define BUFFERS UINT64_C(0x100000)
#define GPA     (BUFFERS + CM_PAGE)
#define TABLES  1024u /* from there on: a table of two for each descriptor */
#define EVENTS  3072u /* avail ring or driver's event, used ring or device's */
#define USED    (EVENTS + 256)
#define HDR     12u
#define ROOM    40u /* bytes of each descriptor's buffer */
#define MAX     32u /* frames of a burst */

/* The shape of a chain: descriptors in the ring, or 0: a table of two. */
struct config {
	bool packed, rx, mergeable;
	bool views;  /* frames without mbufs */
	bool in_two; /* transmit: complete and publish while more is in flight */
	bool fill;   /* receive: straight into the buffers, where that goes */
	uint16_t size, start;
	uint8_t shape[2]; /* of chains, in turn */
	uint8_t bufs[2];  /* receive: how many descriptors' buffers a frame fills, in turn */
};

/* The driver's side, small enough to be copied. */
struct driver {
	uint16_t next_avail, next_used; /* packed: positions; split: indices */
	uint32_t added, got;            /* chains */
	uint32_t slots_free;
	uint32_t slot; /* the next descriptor, from 0 on, ever */
	uint8_t shape[64];
	uint32_t first[64]; /* its slot */
	uint32_t frames;    /* receive: the last one that came, + 1 */
};

/* All there is besides shared memory. */
struct world {
	struct driver d;
	uint32_t sent; /* receive: frames that the network has sent */
};

static const struct config *conf;
static struct world w;
static uint8_t *memory; /* the driver's mapping */
static uint8_t *rings;  /* ... from GPA on */

static unsigned int
slots_of(uint8_t shape)
{
	return shape == 0 ? 1 : shape;
}

/* Descriptor @p slot's place in the ring. */
static unsigned int
place(uint32_t slot)
{
	return (conf->start % conf->size + slot) % conf->size;
}

static struct vn_vring_packed_desc *
packed_desc(uint16_t position)
{
	return (struct vn_vring_packed_desc *)rings + (position & ~VN_EVENT_WRAP);
}

static struct vn_vring_avail *
avail_ring(void)
{
	return (struct vn_vring_avail *)(rings + EVENTS);
}

static struct vn_vring_used *
used_ring(void)
{
	return (struct vn_vring_used *)(rings + USED);
}

/* Two descriptors of a table share a descriptor's buffer. */
static uint64_t
buffer(uint32_t slot)
{
	return BUFFERS + place(slot) * ROOM;
}

static void
make_table(uint32_t slot, uint16_t dir)
{
	const uint32_t at = TABLES + place(slot) * 32;
	const uint64_t buf = buffer(slot);

	if (conf->packed) {
		struct vn_vring_packed_desc t[2] = {
			{buf, HDR, 7, dir}, {buf + HDR, ROOM - HDR, 9, dir}};

		memcpy(rings + at, t, sizeof(t));
	} else {
		struct vn_vring_desc t[2] = {
			{buf, HDR, dir | VN_DESC_F_NEXT, 1}, {buf + HDR, ROOM - HDR, dir, 0}};

		memcpy(rings + at, t, sizeof(t));
	}
}

/* What a frame holds: its number in every byte from the MAC addresses on, and a length. */
static uint32_t
chain_bytes(uint8_t shape)
{
	return slots_of(shape) * ROOM;
}

static void
fill_tx(uint32_t slot, unsigned int slots, uint32_t number)
{
	for (unsigned int i = 0; i < slots; i++) {
		uint8_t *p = memory + place(slot + i) * ROOM;

		memset(p, number, ROOM);
		if (i == 0)
			memset(p, 0, HDR);
	}
}

static bool
post(void)
{
	struct driver *d = &w.d;
	const uint8_t shape = conf->shape[d->added % 2];
	const unsigned int slots = slots_of(shape);
	const uint16_t dir = conf->rx ? VN_DESC_F_WRITE : 0;
	uint16_t at = d->next_avail, head_flags = 0;

	if (slots > d->slots_free || d->added - d->got == conf->size)
		return false;
	if (!conf->rx)
		fill_tx(d->slot, slots, d->added);
	if (shape == 0)
		make_table(d->slot, dir);
	for (unsigned int i = 0; i < slots; i++) {
		const uint32_t slot = d->slot + i;
		uint64_t addr = shape == 0 ? GPA + TABLES + place(slot) * 32 : buffer(slot);
		uint32_t len = shape == 0 ? 32 : ROOM;
		uint16_t flags = shape == 0 ? VN_DESC_F_INDIRECT : dir;

		flags |= i + 1 < slots ? VN_DESC_F_NEXT : 0;
		if (conf->packed) {
			struct vn_vring_packed_desc *p = packed_desc(at);

			flags |= at & VN_EVENT_WRAP ? VN_DESC_F_AVAIL : VN_DESC_F_USED;
			p->addr = addr;
			p->len = len;
			p->id = i + 1 == slots ? 1000 + d->added : 0xdead;
			if (i == 0)
				head_flags = flags;
			else
				p->flags = flags;
			at = vn_vring_packed_advance(at, 1, conf->size);
		} else {
			((struct vn_vring_desc *)rings)[place(slot)] =
				(struct vn_vring_desc){addr, len, flags, place(slot + 1)};
		}
	}
	if (conf->packed) {
		packed_desc(d->next_avail)->flags = head_flags;
		d->next_avail = at;
	} else {
		avail_ring()->ring[d->next_avail % conf->size] = place(d->slot);
		avail_ring()->idx = ++d->next_avail;
	}
	d->shape[d->added % 64] = shape;
	d->first[d->added % 64] = d->slot;
	d->added++;
	d->slot += slots;
	d->slots_free -= slots;
	return true;
}

/* Has the @p n th chain after the last one that was taken back come back, too? */
static bool
came_back(uint32_t n, uint32_t *len)
{
	const struct driver *d = &w.d;
	uint16_t at = d->next_used;

	if (d->got + n >= d->added)
		return false;
	if (!conf->packed) {
		const struct vn_vring_used_elem *e = &used_ring()->ring[(at + n) % conf->size];

		assert_true((uint16_t)(used_ring()->idx - at) <= d->added - d->got);
		if ((uint16_t)(used_ring()->idx - at) <= n)
			return false;
		assert_int_equal(e->id, place(d->first[(d->got + n) % 64]));
		*len = e->len;
		return true;
	}
	for (uint32_t i = 0; i < n; i++)
		at = vn_vring_packed_advance(at, slots_of(d->shape[(d->got + i) % 64]), conf->size);
	const uint16_t flags = packed_desc(at)->flags;
	const bool wrap = at & VN_EVENT_WRAP;

	if (!!(flags & VN_DESC_F_AVAIL) != wrap || !!(flags & VN_DESC_F_USED) != wrap)
		return false;
	assert_int_equal(packed_desc(at)->id, (uint16_t)(1000 + d->got + n));
	*len = packed_desc(at)->len;
	assert_int_equal(!!(flags & VN_DESC_F_WRITE), *len > 0);
	return true;
}

static void
take_back(uint32_t n)
{
	struct driver *d = &w.d;

	for (; n > 0; n--) {
		const unsigned int slots = slots_of(d->shape[d->got % 64]);

		d->next_used = conf->packed
				       ? vn_vring_packed_advance(d->next_used, slots, conf->size)
				       : (uint16_t)(d->next_used + 1);
		d->slots_free += slots;
		d->got++;
	}
}

/* Bytes of the @p n th chain are all of frame @p number, from @p from on. */
static void
check_bytes(uint32_t n, uint32_t from, uint32_t len, uint32_t number)
{
	const uint32_t first = w.d.first[(w.d.got + n) % 64];

	for (uint32_t i = from; i < len; i++)
		assert_int_equal(
			memory[place(first + i / ROOM) * ROOM + i % ROOM], (uint8_t)number);
}

/* Take back one frame, or chain. @return false: there is none. */
static bool
reap(void)
{
	struct driver *d = &w.d;
	uint32_t len, chains = 1, number, sum;
	struct vn_net_hdr hdr;
	const uint8_t *p;

	if (!came_back(0, &len))
		return false;
	if (!conf->rx) {
		assert_int_equal(len, 0);
		take_back(1);
		return true;
	}
	p = memory + place(d->first[d->got % 64]) * ROOM;
	memcpy(&hdr, p, HDR);
	number = p[HDR];
	chains = hdr.num_buffers;
	/* In order; none twice. */
	assert_true((uint8_t)(number - d->frames) < 64);
	assert_true(chains >= 1 && (conf->mergeable || chains == 1));
	check_bytes(0, HDR, len, number);
	sum = len;
	/* Who sees the first one may expect the others. */
	for (uint32_t i = 1; i < chains; i++) {
		assert_int_equal(len, chain_bytes(d->shape[(d->got + i - 1) % 64]));
		assert_true(came_back(i, &len));
		check_bytes(i, 0, len, number);
		sum += len;
	}
	assert_int_equal(sum, HDR + 20 + ROOM * (conf->bufs[number % 2] - 1));
	d->frames += (uint8_t)(number - d->frames) + 1;
	take_back(chains);
	return true;
}

#endif /* CRASH_DRIVER_H */
