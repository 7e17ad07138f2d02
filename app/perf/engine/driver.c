/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The driver side of a virtqueue: what all rings have in common, and split rings.
 */
#include <string.h>

#include <linux/virtio_ring.h>

#include "driver.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Rings are little-endian; this driver is not meant for other machines."
#endif

uint32_t
drv_desc_bytes(const struct drv_ring *r)
{
	return r->size * 16u;
}

uint32_t
drv_driver_bytes(const struct drv_ring *r)
{
	return r->packed ? sizeof(struct vring_packed_desc_event) : 6u + 2u * r->size;
}

uint32_t
drv_device_bytes(const struct drv_ring *r)
{
	return r->packed ? sizeof(struct vring_packed_desc_event) : 6u + 8u * r->size;
}

void
drv_tables(struct drv_ring *r)
{
	for (uint32_t i = 0; i < r->num_chains; i++) {
		struct drv_chain *c = &r->chain[i];
		struct vring_packed_desc *p = c->table;
		struct vring_desc *s = c->table;

		for (uint32_t k = 0; c->table_gpa != 0 && k < c->n; k++) {
			const uint16_t write = r->is_rx ? VRING_DESC_F_WRITE : 0;

			if (r->packed) {
				p[k].addr = c->piece[k].gpa;
				p[k].len = c->piece[k].len;
				p[k].id = 0;
				p[k].flags = write;
				continue;
			}
			s[k].addr = c->piece[k].gpa;
			s[k].len = c->piece[k].len;
			s[k].flags = write | (k + 1 < c->n ? VRING_DESC_F_NEXT : 0);
			s[k].next = k + 1;
		}
	}
}

void
drv_reset(struct drv_ring *r)
{
	memset(r->desc, 0, drv_desc_bytes(r));
	memset(r->driver, 0, drv_driver_bytes(r));
	memset(r->device, 0, drv_device_bytes(r));
	if (r->packed)
		((struct vring_packed_desc_event *)r->driver)->flags =
			VRING_PACKED_EVENT_FLAG_DISABLE;
	else
		((struct vring_avail *)r->driver)->flags = VRING_AVAIL_F_NO_INTERRUPT;
	r->posted = r->reaped = 0;
	r->avail = r->used = r->head = 0;
	r->num_free = r->size;
	r->avail_wrap = r->used_wrap = true;
	r->error = NULL;
}

static uint32_t
split_post(struct drv_ring *r, uint32_t n)
{
	const uint16_t mask = r->size - 1;
	struct vring_avail *avail = r->driver;
	struct vring_desc *desc = r->desc;
	uint32_t done;

	for (done = 0; done < n && r->posted - r->reaped < r->num_chains; done++) {
		struct drv_chain *c = &r->chain[r->posted % r->num_chains];
		const uint16_t write = r->is_rx ? VRING_DESC_F_WRITE : 0;

		c->descs = c->table_gpa != 0 ? 1 : c->n;
		if (r->num_free < c->descs)
			break;
		c->id = r->head;
		if (c->table_gpa != 0) {
			desc[r->head].addr = c->table_gpa;
			desc[r->head].len = c->n * sizeof(*desc);
			desc[r->head].flags = VRING_DESC_F_INDIRECT;
			r->head = (r->head + 1) & mask;
		} else {
			for (uint32_t k = 0; k < c->n; k++) {
				struct vring_desc *d = &desc[r->head];

				r->head = (r->head + 1) & mask;
				d->addr = c->piece[k].gpa;
				d->len = c->piece[k].len;
				d->flags = write | (k + 1 < c->n ? VRING_DESC_F_NEXT : 0);
				d->next = r->head;
			}
		}
		r->num_free -= c->descs;
		avail->ring[r->avail++ & mask] = c->id;
		r->posted++;
	}
	__atomic_store_n(&avail->idx, r->avail, __ATOMIC_RELEASE);
	return done;
}

static uint32_t
split_reap(struct drv_ring *r)
{
	const struct vring_used *used = r->device;
	const uint16_t idx = __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE);
	uint32_t done = 0;

	while (r->used != idx && r->error == NULL) {
		const struct vring_used_elem *e = &used->ring[r->used & (r->size - 1)];
		struct drv_chain *c;
		bool last;

		r->used++;
		do {
			if (r->reaped == r->posted) {
				r->error = "used entry of a chain that was not posted";
				return done;
			}
			c = &r->chain[r->reaped++ % r->num_chains];
			c->used_len = e->len;
			r->num_free += c->descs;
			last = e->id == c->id;
			done++;
			/* With IN_ORDER one entry may stand for several chains (2.7.9); each of
			 * them counts as an index all the same.
			 */
			if (!last && !(r->in_order && r->used++ != idx))
				r->error = "used entry out of order";
		} while (!last && r->error == NULL);
	}
	return done;
}

uint32_t
drv_post(struct drv_ring *r, uint32_t n)
{
	return r->packed ? drv_packed_post(r, n) : split_post(r, n);
}

uint32_t
drv_reap(struct drv_ring *r)
{
	return r->packed ? drv_packed_reap(r) : split_reap(r);
}
