/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vn_vring_packed.h"
#include "vu_private.h"

void
vu_ring_init(struct vu_conn *c, uint16_t index)
{
	struct vu_ring *r = &c->ring[index];

	r->conn = c;
	r->index = index;
	r->kick_fd = -1;
	r->call_fd = -1;
}

void
vu_ring_drop_kick(struct vu_ring *r)
{
	if (r->kick_fd >= 0)
		close(r->kick_fd);
	r->kick_fd = -1;
	r->have &= (uint8_t)~VU_HAVE_KICK;
}

void
vu_ring_forget(struct vu_ring *r)
{
	vu_ring_drop_kick(r);
	r->have = 0;
	r->enabled = false;
	r->started = false;
	r->lost = false;
	r->size = 0;
	r->based = false;
	r->ours = false;
	r->base = 0;
	/*
	 * The interrupt descriptor stays: VMMs give it when the driver sets up its vectors, which
	 * may be before a reset that belongs to the same start.
	 */
}

void
vu_ring_fini(struct vu_ring *r)
{
	vu_ring_forget(r);
	if (r->call_fd >= 0)
		close(r->call_fd);
	r->call_fd = -1;
}

/* All three addresses in guest physical terms. False when one lies in no region. */
static bool
ring_translate(const struct vu_ring *r, const struct vn_guestmem *map, struct vn_vq_setup *s)
{
	if (map == NULL)
		return false;
	s->desc_gpa = vn_guestmem_uva_to_gpa(map, r->addr.desc);
	s->avail_gpa = vn_guestmem_uva_to_gpa(map, r->addr.avail);
	s->used_gpa = vn_guestmem_uva_to_gpa(map, r->addr.used);
	return s->desc_gpa != UINT64_MAX && s->avail_gpa != UINT64_MAX && s->used_gpa != UINT64_MAX;
}

bool
vu_ring_moves(const struct vu_ring *r, const struct vn_guestmem *map)
{
	struct vn_vq_setup s;

	if (!r->started)
		return false;
	return !ring_translate(r, map, &s) || s.desc_gpa != r->desc_gpa ||
	       s.avail_gpa != r->avail_gpa || s.used_gpa != r->used_gpa;
}

bool
vu_rings_running(const struct vu_conn *c)
{
	unsigned int i;

	for (i = 0; i < c->n_rings; i++) {
		if (c->ring[i].started)
			return true;
	}
	return false;
}

static bool
ring_ready(const struct vu_ring *r)
{
	const struct vu_conn *c = r->conn;

	if (r->started || r->lost || !c->have_features || r->have != VU_HAVE_ALL ||
		c->mem == NULL || c->mem->n == 0)
		return false;
	return r->enabled || !(c->features & VU_F_PROTOCOL_FEATURES);
}

/* The device's own descriptors: ours stay, for the next start. */
static int
ring_dup_fds(const struct vu_ring *r, struct vn_vq_setup *s)
{
	int ret;

	s->kick_fd = -1;
	s->call_fd = -1;
	if (r->kick_fd >= 0) {
		s->kick_fd = fcntl(r->kick_fd, F_DUPFD_CLOEXEC, 0);
		if (s->kick_fd < 0)
			return -errno;
	}
	if (r->call_fd >= 0) {
		s->call_fd = fcntl(r->call_fd, F_DUPFD_CLOEXEC, 0);
		if (s->call_fd < 0) {
			ret = -errno;
			if (s->kick_fd >= 0)
				close(s->kick_fd);
			return ret;
		}
	}
	return 0;
}

static const char *
ring_start_error(int error)
{
	switch (error) {
	case -EFAULT:
		return "not wholly inside the guest's memory";
	case -EINVAL:
		return "wrong size, alignment or position";
	default:
		return strerror(-error);
	}
}

bool
vu_packed(const struct vu_conn *c)
{
	return c->have_features && (c->features & VN_F_RING_PACKED) != 0;
}

/*
 * Where the front end says that the ring is. Of a packed one it says where the device is (bits 0 to
 * 15: next descriptor to take, and wrap counter) and what the driver has got back (16 to 31). What
 * was taken and not given back is taken again. The upper half is 0 when a front end begins so
 * (DPDK's virtio-user) or the back end before us said so (DPDK's, of old): it had given back all.
 */
static uint16_t
ring_position(const struct vu_ring *r)
{
	const uint16_t avail = (uint16_t)r->base, used = (uint16_t)(r->base >> 16);

	if (!vu_packed(r->conn))
		return avail;
	if (!r->based)
		return VN_VRING_PACKED_START;
	if (used == avail || used == 0)
		return avail;
	VN_INFO("%s: ring %u: taken up to 0x%x, given back up to 0x%x: goes on there",
		r->conn->dev->conf.vuid, r->index, avail, used);
	return used;
}

int
vu_ring_try_start(struct vu_ring *r)
{
	struct vu_conn *c = r->conn;
	struct vn_vq_setup s;
	int ret;

	if (!ring_ready(r))
		return 0;
	memset(&s, 0, sizeof(s));
	s.size = r->size;
	s.start = ring_position(r);
	s.unknown = !r->based;
	if (!r->ours)
		r->told = s.start;
	s.told = r->told;
	if (!ring_translate(r, c->mem->map, &s))
		return vu_refuse(c, -EFAULT,
			"ring %u: an address (desc 0x%" PRIx64 ", avail 0x%" PRIx64
			", used 0x%" PRIx64 ") is in no region",
			r->index, r->addr.desc, r->addr.avail, r->addr.used);
	/* Front ends give the log address at the start, the flag only when they begin to log. */
	s.used_log_gpa = r->addr.log != 0 ? r->addr.log : s.used_gpa;
	ret = ring_dup_fds(r, &s);
	if (ret != 0)
		return vu_refuse(c, ret, "ring %u: cannot duplicate its eventfds: %s", r->index,
			strerror(-ret));
	vu_status_implied(c, VN_STATUS_DRIVER_OK);
	ret = vn_device_vq_start(c->dev, r->index, &s);
	if (ret == -ESTALE) {
		/* The device is broken, which its driver may see; the connection is in order. */
		r->lost = true;
		return 0;
	}
	if (ret != 0)
		return vu_refuse(c, ret, "ring %u of %u entries cannot start: %s", r->index,
			r->size, ring_start_error(ret));
	r->started = true;
	r->desc_gpa = s.desc_gpa;
	r->avail_gpa = s.avail_gpa;
	r->used_gpa = s.used_gpa;
	r->log_gpa = s.used_log_gpa;
	return 0;
}

static void
ring_stopped(void *ctx, int result)
{
	struct vu_ring *r = ctx;

	/* Where it began is not where it is: nobody may go on from there. */
	if (result == -ESTALE) {
		r->lost = true;
		r->based = false;
		r->ours = false;
		r->base = 0;
	}
	/* Nothing is under way: both halves of a packed ring's are the same. */
	r->based = r->based || result >= 0;
	r->ours = r->ours || result >= 0;
	if (result >= 0)
		r->base = (uint32_t)result * (vu_packed(r->conn) ? 0x10001u : 1);
	vu_op_put(r->conn, result < 0 ? result : 0);
}

void
vu_ring_stop(struct vu_ring *r)
{
	if (!r->started)
		return;
	r->started = false;
	vu_op_get(r->conn);
	vn_device_vq_stop(r->conn->dev, r->index, ring_stopped, r);
}
