/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef PACKED_TEST_GUEST_H
#define PACKED_TEST_GUEST_H

/** @file Test code: the guest of device_test_env.h with packed rings in the same places. */

#include "model_test_env.h"
#include "vn_vring_packed.h"

/* Positions: index, bit 15: wrap counter. */
static struct {
	uint16_t size;
	uint16_t at[GUEST_RINGS];   /* where the next descriptor goes */
	uint16_t seen[GUEST_RINGS]; /* where the next one comes back */
} pg;

/* As after the driver's reset. */
static inline void
pg_begin(uint16_t size)
{
	pg.size = size;
	for (unsigned int i = 0; i < GUEST_RINGS; i++)
		pg.at[i] = pg.seen[i] = VN_VRING_PACKED_START;
	memset(de.guest.base, 0, GUEST_BYTES);
}

static inline struct vn_vring_packed_desc *
pg_desc(unsigned int ring, uint16_t position)
{
	return (struct vn_vring_packed_desc *)guest_at(&de.guest, ring, 0) +
	       (position & ~VN_EVENT_WRAP);
}

/* A chain of one descriptor; nobody is notified. */
static inline void
pg_push(unsigned int ring, uint32_t len)
{
	const uint16_t slot = pg.at[ring] & ~VN_EVENT_WRAP;
	struct vn_vring_packed_desc *d = pg_desc(ring, pg.at[ring]);

	d->addr = GPA_BASE + ring * RING_BYTES + BUF_AT + slot * BUF_SIZE;
	d->len = len;
	d->id = slot;
	__atomic_store_n(&d->flags,
		(ring % 2 == 0 ? VN_DESC_F_WRITE : 0) |
			(pg.at[ring] & VN_EVENT_WRAP ? VN_DESC_F_AVAIL : VN_DESC_F_USED),
		__ATOMIC_RELEASE);
	pg.at[ring] = vn_vring_packed_advance(pg.at[ring], 1, pg.size);
}

static inline void
pg_send(unsigned int ring, uint32_t tag)
{
	uint8_t *buf =
		guest_at(&de.guest, ring, BUF_AT + (pg.at[ring] & ~VN_EVENT_WRAP) * BUF_SIZE);

	memset(buf, 0, BUF_SIZE);
	memcpy(buf + sizeof(struct vn_net_hdr), &tag, sizeof(tag));
	pg_push(ring, sizeof(struct vn_net_hdr) + 60);
}

static inline bool
pg_is_used(unsigned int ring)
{
	const uint16_t both = VN_DESC_F_AVAIL | VN_DESC_F_USED;
	const uint16_t flags =
		__atomic_load_n(&pg_desc(ring, pg.seen[ring])->flags, __ATOMIC_ACQUIRE);

	return (flags & both) == (pg.seen[ring] & VN_EVENT_WRAP ? both : 0);
}

/* Take back one that is used. @return its identifier. */
static inline uint16_t
pg_take(unsigned int ring)
{
	const uint16_t id = pg_desc(ring, pg.seen[ring])->id;

	pg.seen[ring] = vn_vring_packed_advance(pg.seen[ring], 1, pg.size);
	return id;
}

/* Frames pass both ways on pair @p pair; @p model: notified by registers. */
static inline void
pg_check_pair(unsigned int pair, uint32_t tag, bool model)
{
	const unsigned int rx = 2 * pair, tx = rx + 1;
	const uint16_t slot = pg.at[tx] & ~VN_EVENT_WRAP;
	uint16_t id;
	uint32_t got;

	UNTIL(fp.queue[pair] != NULL);
	pg_send(tx, tag);
	pg_push(rx, BUF_SIZE);
	if (model) {
		vn_model_kick(de.dev, tx, 0);
		vn_model_kick(de.dev, rx, 0);
	} else {
		pe_kick(de.guest.kick[tx]);
		pe_kick(de.guest.kick[rx]);
	}
	UNTIL(fp_recv(fp.queue[pair], &got) >= 0);
	assert_int_equal(got, tag);
	UNTIL(pg_is_used(tx));
	assert_int_equal(pg_take(tx), slot);
	assert_true(fp_send(fp.queue[pair], tag + 1, 60));
	UNTIL(pg_is_used(rx));
	id = pg_take(rx);
	memcpy(&got,
		(uint8_t *)guest_at(&de.guest, rx, BUF_AT + id * BUF_SIZE) +
			sizeof(struct vn_net_hdr),
		sizeof(got));
	assert_int_equal(got, tag + 1);
	assert_int_equal(pg.seen[tx], pg.at[tx]);
	assert_int_equal(pg.seen[rx], pg.at[rx]);
}

#endif /* PACKED_TEST_GUEST_H */
