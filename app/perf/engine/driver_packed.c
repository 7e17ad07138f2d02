/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The driver side of a packed virtqueue (virtio 1.2, 2.8).
 */
#include <stddef.h>

#include <linux/virtio_ring.h>

#include "driver.h"

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED  (1u << VRING_PACKED_DESC_F_USED)

static void
next_avail(struct drv_ring *r)
{
	if (++r->avail == r->size) {
		r->avail = 0;
		r->avail_wrap = !r->avail_wrap;
	}
}

uint32_t
drv_packed_post(struct drv_ring *r, uint32_t n)
{
	struct vring_packed_desc *desc = r->desc;
	uint32_t done;

	for (done = 0; done < n && r->posted - r->reaped < r->num_chains; done++) {
		struct drv_chain *c = &r->chain[r->posted % r->num_chains];
		struct vring_packed_desc *head = &desc[r->avail];
		uint16_t head_flags = 0;

		c->descs = c->table_gpa != 0 ? 1 : c->n;
		if (r->num_free < c->descs)
			break;
		c->id = r->avail;
		for (uint16_t k = 0; k < c->descs; k++) {
			struct vring_packed_desc *d = &desc[r->avail];
			uint16_t flags = r->avail_wrap ? F_AVAIL : F_USED;

			if (c->table_gpa != 0) {
				d->addr = c->table_gpa;
				d->len = c->n * sizeof(*desc);
				flags |= VRING_DESC_F_INDIRECT;
			} else {
				d->addr = c->piece[k].gpa;
				d->len = c->piece[k].len;
				flags |= (r->is_rx ? VRING_DESC_F_WRITE : 0) |
					 (k + 1 < c->descs ? VRING_DESC_F_NEXT : 0);
			}
			d->id = c->id;
			/* The device may look at the chain once it sees the head's flags. */
			if (k == 0)
				head_flags = flags;
			else
				d->flags = flags;
			next_avail(r);
		}
		__atomic_store_n(&head->flags, head_flags, __ATOMIC_RELEASE);
		r->num_free -= c->descs;
		r->posted++;
	}
	return done;
}

static bool
is_used(const struct drv_ring *r, const struct vring_packed_desc *d)
{
	const uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);

	return !!(flags & F_AVAIL) == r->used_wrap && !!(flags & F_USED) == r->used_wrap;
}

uint32_t
drv_packed_reap(struct drv_ring *r)
{
	const struct vring_packed_desc *desc = r->desc;
	uint32_t done = 0;

	while (r->error == NULL && r->num_free < r->size && is_used(r, &desc[r->used])) {
		const struct vring_packed_desc *d = &desc[r->used];
		struct drv_chain *c;
		bool last;

		do {
			if (r->reaped == r->posted) {
				r->error = "used descriptor of a chain that was not posted";
				return done;
			}
			c = &r->chain[r->reaped++ % r->num_chains];
			c->used_len = d->len;
			r->num_free += c->descs;
			r->used += c->descs;
			if (r->used >= r->size) {
				r->used -= r->size;
				r->used_wrap = !r->used_wrap;
			}
			last = d->id == c->id;
			done++;
			/* With IN_ORDER one used descriptor may stand for several chains. */
			if (!last && !r->in_order)
				r->error = "used descriptor out of order";
		} while (!last && r->error == NULL);
	}
	return done;
}
