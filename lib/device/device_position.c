/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Where a ring begins, and where one was that cannot be asked any more.
 *
 * A split ring shows it: used->idx. A packed one does not: it takes the black box record, which
 * says what was about to be given back, or whoever stopped it in order. Without either, a packed
 * ring that has been served is lost: at a wrong position, buffers that the driver has back would be
 * written to, so nobody guesses.
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
	if (ring->bb == NULL || !vn_bb_ring_was_live(ring->bb, dev_packed(ring->dev), setup->size,
					setup->desc_gpa, setup->used_gpa))
		return false;
	/* A peer that says another position than it knew has got it from elsewhere (a snapshot). */
	return ring->bb->live != VN_BB_LEFT || ring->bb->told == setup->told;
}

static int
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

static int
lost(const struct dev_ring *ring, const struct vn_vq_setup *setup, const char *why)
{
	struct vn_device *dev = ring->dev;

	if (vn_log_allowed(&dev->log_limit, dev->conf.vuid))
		VN_ERR("%s: ring %u (packed) has been served, and nobody knows where it is: %s "
		       "(peer: 0x%x): only a reset by its driver helps",
			dev->conf.vuid, ring->idx, why, setup->start);
	return -ESTALE;
}

static int
packed_start(const struct dev_ring *ring, const struct vn_vq_setup *setup, bool live)
{
	const struct vn_device *dev = ring->dev;
	const struct vn_guestmem *mem = dev->priv->mem;
	int at;

	if (!was_served(ring, setup)) {
		if (live)
			/* The driver has begun anew, at the same place. */
			VN_INFO("%s: ring %u is not the one that the black box knows: starts at "
				"0x%x",
				dev->conf.vuid, ring->idx, setup->start);
		return setup->start;
	}
	if (live) {
		at = vn_virtq_packed_resume(mem, setup->desc_gpa, setup->size, ring->bb);
		if (at == -EINVAL)
			return lost(ring, setup, "its black box record is wrong");
		if (at >= 0)
			VN_INFO("%s: ring %u (packed) resumes at 0x%x (peer: 0x%x)", dev->conf.vuid,
				ring->idx, at, setup->start);
		return at;
	}
	if (setup->unknown)
		return lost(ring, setup, "the black box has no record of it");
	if (dev->priv->model == NULL &&
		!vn_virtq_packed_possible(mem, setup->desc_gpa, setup->size, setup->start))
		return lost(ring, setup, "the peer's position cannot be right");
	return setup->start;
}

int
dev_ring_start_at(const struct dev_ring *ring, const struct vn_vq_setup *setup)
{
	const bool live = was_live(ring, setup);

	/* The model knows whether a driver has begun anew; who has only rings must ask. */
	if (!setup->resume && ring->dev->priv->model != NULL)
		return setup->start;
	if (dev_packed(ring->dev))
		return packed_start(ring, setup, live);
	return setup->resume || live ? split_start(ring, setup, live) : setup->start;
}

/* The number of a record that changes with each step of the ring. */
static uint64_t
bb_word(const struct dev_ring *ring)
{
	typedef uint64_t __attribute__((may_alias)) word_t;

	return ring->bb == NULL
		       ? 0
		       : __atomic_load_n((const word_t *)&ring->bb->position, __ATOMIC_ACQUIRE);
}

/*
 * Where the ring is while nothing happens to it. @return -ESTALE: in the midst of a burst, or there
 * is no record that would tell of one. A split ring's is noted when it is taken and when it has
 * been published: what happens to used->idx in between changes nothing in the record.
 */
static int
still_at(const struct dev_ring *ring, uint64_t word)
{
	const union vn_bb_word w = {.word = word};

	if (ring->bb == NULL || w.burst != 0)
		return -ESTALE;
	if (!dev_packed(ring->dev))
		return vn_virtq_split_used_idx(ring->mem, ring->dev->vq[ring->idx].setup.used_gpa);
	return w.position;
}

/*
 * A poller that is late may come back at any moment. Only when its memory has been taken is it
 * certain that the driver sees no more of what it does. So the position is what it was before, if
 * the record shows that no burst was under way then, and none has begun meanwhile.
 */
void
dev_mem_revoke(struct vn_device *dev, struct vn_guestmem *mem)
{
	struct {
		uint64_t word;
		int at;
	} before[2 * VN_MAX_QUEUE_PAIRS + 1];

	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		const struct dev_ring *ring = &dev->priv->ring[i];

		if (ring->mem != mem)
			continue;
		before[i].word = bb_word(ring);
		before[i].at = vn_guestmem_broken(mem) ? -ESTALE : still_at(ring, before[i].word);
	}
	vn_guestmem_revoke(mem);
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		struct dev_ring *ring = &dev->priv->ring[i];
		struct vn_device_vq *v = &dev->vq[i];

		if (ring->mem != mem || ring->astray)
			continue;
		ring->astray = true;
		ring->lost = before[i].at < 0 || bb_word(ring) != before[i].word;
		v->position = ring->lost ? 0 : (uint16_t)before[i].at;
		v->stopped_there = !ring->lost;
		/* What the poller notes there from now on is not true. */
		if (ring->bb != NULL)
			vn_bb_ring_stop(ring->bb);
	}
}
