/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Where a ring begins, and where one was that cannot be asked any more.
 *
 * A split ring shows it: used->idx. A packed one does not: it takes the black box record, which
 * says what was about to be given back, or whoever stopped it in order.
 */
#include <errno.h>

#include "device_private.h"
#include "vn_blackbox.h"
#include "vn_features.h"
#include "vn_log.h"
#include "vn_vring_packed.h"

bool
dev_packed(const struct vn_device *dev)
{
	return (dev->driver_features & VN_F_RING_PACKED) != 0;
}

uint16_t
dev_ring_fresh(const struct vn_device *dev)
{
	return dev_packed(dev) ? VN_VRING_PACKED_START : 0;
}

/* The record is of this very ring. */
static bool
was_live(const struct dev_ring *ring, const struct vn_vq_setup *setup)
{
	return ring->bb != NULL && vn_bb_ring_was_live(ring->bb, dev_packed(ring->dev), setup->size,
					   setup->desc_gpa, setup->used_gpa);
}

static uint16_t
split_start(const struct dev_ring *ring, const struct vn_vq_setup *setup, bool live)
{
	const struct vn_device *dev = ring->dev;
	const int idx = vn_virtq_split_used_idx(dev->priv->mem, setup->used_gpa);

	if (idx < 0)
		return setup->start;
	/* Guest memory is the truth for split rings; the record may be a burst behind. */
	if (live && !vn_bb_ring_bounds(ring->bb, idx))
		VN_WARN("%s: ring %u: used->idx %d is not what the black box expects",
			dev->conf.vuid, ring->idx, idx);
	if (live)
		VN_INFO("%s: ring %u resumes at %d (black box: %u, burst %u; peer: %u)",
			dev->conf.vuid, ring->idx, idx, ring->bb->position, ring->bb->burst,
			setup->start);
	return idx;
}

/*
 * Has the ring in memory been served? Its device area is ours, and never 0 after that; a driver
 * that makes a ring clears it.
 */
static bool
was_served(const struct dev_ring *ring, const struct vn_vq_setup *setup)
{
	const uint32_t *area =
		vn_guestmem_addr(ring->dev->priv->mem, setup->used_gpa, sizeof(*area), false);

	return area != NULL && setup->used_gpa % sizeof(*area) == 0 &&
	       __atomic_load_n(area, __ATOMIC_RELAXED) != 0;
}

static uint16_t
packed_start(const struct dev_ring *ring, const struct vn_vq_setup *setup, bool live)
{
	const struct vn_device *dev = ring->dev;
	int at = -EINVAL;

	if (!live)
		return setup->start;
	if (was_served(ring, setup))
		at = vn_virtq_packed_resume(dev->priv->mem, setup->desc_gpa, setup->size, ring->bb);
	if (at < 0) {
		/* The driver has begun anew, at the same place. */
		VN_INFO("%s: ring %u is not the one that the black box knows: starts at 0x%x",
			dev->conf.vuid, ring->idx, setup->start);
		return setup->start;
	}
	VN_INFO("%s: ring %u (packed) resumes at 0x%x (peer: 0x%x)", dev->conf.vuid, ring->idx, at,
		setup->start);
	return at;
}

uint16_t
dev_ring_start_at(const struct dev_ring *ring, const struct vn_vq_setup *setup)
{
	const bool live = was_live(ring, setup);

	/* The model knows whether a driver has begun anew; who has only rings must ask. */
	if (!setup->resume && (!live || ring->dev->priv->model != NULL))
		return setup->start;
	return dev_packed(ring->dev) ? packed_start(ring, setup, live)
				     : split_start(ring, setup, live);
}

uint16_t
dev_ring_lost_at(struct dev_ring *ring)
{
	const struct vn_vq_setup *setup = &dev_ring_vq(ring)->setup;
	int at;

	if (dev_packed(ring->dev)) {
		at = ring->bb == NULL ? -1
				      : vn_virtq_packed_resume(
						ring->mem, setup->desc_gpa, setup->size, ring->bb);
	} else if (ring->bb != NULL) {
		at = ring->bb->position;
	} else {
		at = vn_virtq_split_used_idx(ring->mem, setup->used_gpa);
	}
	return at >= 0 ? at : setup->start;
}
