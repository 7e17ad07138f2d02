/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

#include "vn_vring_packed.h"
#include "vu_private.h"

static struct vu_ring *
ring_of(struct vu_conn *c, uint64_t index)
{
	if (index < c->n_rings)
		return &c->ring[index];
	vu_refuse(c, -ENXIO, "ring %" PRIu64 ", the device has %u data rings", index, c->n_rings);
	return NULL;
}

/* Messages with a vring state. */
static struct vu_ring *
ring_state(struct vu_conn *c, const struct vu_msg *m, uint32_t *num)
{
	struct vu_vring_state s;

	memcpy(&s, m->payload, sizeof(s));
	*num = s.num;
	return ring_of(c, s.index);
}

static int
ring_busy(struct vu_conn *c, const struct vu_ring *r)
{
	return vu_refuse(c, -EBUSY, "ring %u runs: stop it first (GET_VRING_BASE)", r->index);
}

/* Last step of what stops a ring: start it again if it is to run. */
static void
ring_restart(struct vu_conn *c)
{
	vu_op_finish(c, vu_ring_try_start(c->op_ring));
}

static int
ring_stop_then(struct vu_ring *r, vu_next_fn next)
{
	struct vu_conn *c = r->conn;

	c->op_ring = r;
	vu_op_begin(c, next);
	vu_ring_stop(r);
	vu_op_put(c, 0);
	return VU_PENDING;
}

int
vu_set_vring_num(struct vu_conn *c, struct vu_msg *m)
{
	uint32_t num;
	struct vu_ring *r = ring_state(c, m, &num);

	if (r == NULL)
		return -ENXIO;
	if (num == 0 || num > VN_VQ_MAX_SIZE || ((num & (num - 1)) != 0 && !vu_packed(c)))
		return vu_refuse(c, -EINVAL, "ring %u of %u entries: must be %s %u", r->index, num,
			vu_packed(c) ? "1 to" : "a power of two up to", VN_VQ_MAX_SIZE);
	if (r->started && num != r->size)
		return ring_busy(c, r);
	r->size = (uint16_t)num;
	r->have |= VU_HAVE_NUM;
	return vu_ring_try_start(r);
}

int
vu_set_vring_base(struct vu_conn *c, struct vu_msg *m)
{
	uint32_t num;
	struct vu_ring *r = ring_state(c, m, &num);

	if (r == NULL)
		return -ENXIO;
	/* Of packed rings, index and wrap counter of both sides; see vu_ring_position(). */
	if (num > UINT16_MAX && !vu_packed(c))
		return vu_refuse(
			c, -EINVAL, "ring %u: position %u has more than 16 bits", r->index, num);
	if (r->started)
		return ring_busy(c, r);
	r->based = true;
	r->ours = false;
	r->base = num;
	return 0;
}

int
vu_set_vring_addr(struct vu_conn *c, struct vu_msg *m)
{
	struct vu_vring_addr a;
	struct vu_ring *r;

	memcpy(&a, m->payload, sizeof(a));
	r = ring_of(c, a.index);
	if (r == NULL)
		return -ENXIO;
	if (!r->started) {
		r->addr = a;
		r->have |= VU_HAVE_ADDR;
		return vu_ring_try_start(r);
	}
	if (a.desc != r->addr.desc || a.avail != r->addr.avail || a.used != r->addr.used)
		return ring_busy(c, r);
	r->addr = a;
	/* Sent to a running ring when the dirty log goes on or off. */
	if ((a.flags & VU_VRING_F_LOG) && a.log != r->log_gpa)
		return ring_stop_then(r, ring_restart);
	return 0;
}

static void
ring_based(struct vu_conn *c)
{
	struct vu_ring *r = c->op_ring;
	struct vu_vring_state s = {.index = r->index, .num = r->base};

	/* It may be given back to us: 0 would be another lap. */
	if (vu_packed(c) && !r->based)
		s.num = VN_VRING_PACKED_START * 0x10001u;
	if (c->op_result != 0) {
		vu_op_ack(c);
		return;
	}
	if (r->lost && !r->based) {
		vu_ack(c, vu_refuse(c, -ESTALE, "ring %u: nobody knows where it is", r->index));
		return;
	}
	r->ours = false;
	vu_reply(c, &s, sizeof(s));
}

int
vu_get_vring_base(struct vu_conn *c, struct vu_msg *m)
{
	uint32_t num;
	struct vu_ring *r = ring_state(c, m, &num);

	if (r == NULL)
		return -ENXIO;
	/* Stopped until the next kick descriptor. */
	vu_ring_drop_kick(r);
	return ring_stop_then(r, ring_based);
}

int
vu_set_vring_enable(struct vu_conn *c, struct vu_msg *m)
{
	uint32_t num;
	struct vu_ring *r = ring_state(c, m, &num);

	if (r == NULL)
		return -ENXIO;
	if (num > 1)
		return vu_refuse(
			c, -EINVAL, "ring %u: neither on (1) nor off (0): %u", r->index, num);
	r->enabled = num != 0;
	if (r->enabled || !r->started)
		return vu_ring_try_start(r);
	return ring_stop_then(r, ring_restart);
}

/*
 * SET_VRING_KICK, _CALL, _ERR: the ring, and its eventfd or -1 if it is to do without.
 */
static int
ring_eventfd(struct vu_conn *c, struct vu_msg *m, struct vu_ring **ring, int *fd)
{
	uint64_t v;
	bool none;

	memcpy(&v, m->payload, sizeof(v));
	none = (v & VU_VRING_NOFD) != 0;
	if (v & ~(VU_VRING_INDEX_MASK | VU_VRING_NOFD))
		return vu_refuse(c, -EINVAL, "unknown flags in 0x%" PRIx64, v);
	*ring = ring_of(c, v & VU_VRING_INDEX_MASK);
	if (*ring == NULL)
		return -ENXIO;
	if (none != (m->fds->n == 0))
		return vu_refuse(c, -EPROTO, "ring %u: %s", (*ring)->index,
			none ? "a file descriptor although the message says there is none"
			     : "no file descriptor");
	*fd = -1;
	if (none)
		return 0;
	if (vn_eventfd_check(m->fds->fd[0]) != 0)
		return vu_refuse(
			c, -EINVAL, "ring %u: the file descriptor is no eventfd", (*ring)->index);
	*fd = vn_msg_take_fd(m->fds, 0);
	return 0;
}

int
vu_set_vring_kick(struct vu_conn *c, struct vu_msg *m)
{
	struct vu_ring *r;
	int fd, ret;

	ret = ring_eventfd(c, m, &r, &fd);
	if (ret != 0)
		return ret;
	vu_ring_drop_kick(r);
	r->kick_fd = fd;
	r->have |= VU_HAVE_KICK;
	/* A running ring goes over to it, from where it is. */
	return ring_stop_then(r, ring_restart);
}

int
vu_set_vring_call(struct vu_conn *c, struct vu_msg *m)
{
	struct vu_ring *r;
	int fd, mine, ret;

	ret = ring_eventfd(c, m, &r, &fd);
	if (ret != 0)
		return ret;
	if (r->call_fd >= 0)
		close(r->call_fd);
	r->call_fd = fd;
	if (!r->started)
		return 0;
	mine = -1;
	if (fd >= 0) {
		mine = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (mine < 0)
			return vu_refuse(c, -errno, "ring %u: cannot duplicate its eventfd: %s",
				r->index, strerror(errno));
	}
	vn_device_vq_set_call(c->dev, r->index, mine);
	return 0;
}

int
vu_set_vring_err(struct vu_conn *c, struct vu_msg *m)
{
	struct vu_ring *r;
	int fd, ret;

	ret = ring_eventfd(c, m, &r, &fd);
	if (ret != 0)
		return ret;
	/* Nobody is told of errors this way: the device's status is what front ends look at. */
	if (fd >= 0)
		close(fd);
	return 0;
}
