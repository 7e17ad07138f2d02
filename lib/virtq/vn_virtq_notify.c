/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Who wakes whom: interrupts to the driver, and the notifications that it is asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "vn_virtio_pci.h"
#include "vn_virtq_priv.h"

/* Where the event fields lie in guest memory. */
static __rte_always_inline const rte_le16_t *
used_event(const struct vn_virtq *vq)
{
	return &vq->avail_ring->ring[vq->size];
}

static __rte_always_inline rte_le16_t *
avail_event(const struct vn_virtq *vq)
{
	return (void *)&vq->used_ring->ring[vq->size];
}

static void
interrupt(struct vn_virtq *vq)
{
	const uint64_t one = 1;
	ssize_t n;

	/* The driver that is interrupted reads it. Without a descriptor it may still look there. */
	if (vq->conf.isr != NULL)
		__atomic_fetch_or(vq->conf.isr, VN_ISR_QUEUE, __ATOMIC_SEQ_CST);
	if (vq->call_fd < 0)
		return;
	/*
	 * EAGAIN: the counter is full, so it is signalled. EINTR: the peer made it block, and the
	 * poller's watchdog got us out: never again. Anything else is the peer's loss.
	 */
	n = write(vq->call_fd, &one, sizeof(one));
	if (unlikely(n < 0 && errno == EINTR))
		vn_virtq_break(vq, VN_VQ_WHY_BLOCKS);
	count(&vq->stats->interrupts, 1);
}

/* The driver knows, or chose not to know, of all that is published. */
static void
signalled(struct vn_virtq *vq)
{
	vq->signal_due = false;
	vq->signalled = vq->packed ? vq->pk_published : vq->published;
	vq->pk_unsignalled = 0;
	vq->coal_due = 0;
	vq->coal_seen = vq->stats->packets;
}

/*
 * May the interrupt wait (on)? Half a ring is enough in any case: a driver must not run out of
 * buffers over it. So what is signalled at once is always far less than the positions can tell.
 */
static __rte_noinline bool
coalesce(struct vn_virtq *vq)
{
	const uint32_t unsignalled =
		vq->packed ? vq->pk_unsignalled : (uint16_t)(vq->published - vq->signalled);
	uint64_t now;

	if (unsignalled >= vq->size / 2)
		return false;
	if (vq->stats->packets - vq->coal_seen >= vq->coal_packets)
		return false;
	now = rte_get_tsc_cycles();
	if (vq->coal_due == 0 || (vq->coal_restart && vq->coal_published != vq->published)) {
		vq->coal_due = now + vq->coal_cycles;
		vq->coal_published = vq->published;
	}
	return now < vq->coal_due;
}

void
vn_virtq_interrupt(struct vn_virtq *vq)
{
	check_owner(vq);
	if (!vq->signal_due || vq->broken != NULL)
		return;
	if (unlikely(vq->coal_cycles != 0) && coalesce(vq))
		return;
	vn_virtq_interrupt_now(vq);
}

static bool
split_wants_interrupt(const struct vn_virtq *vq)
{
	uint16_t word;

	if (vq->event_idx) {
		word = rte_le_to_cpu_16(__atomic_load_n(used_event(vq), __ATOMIC_RELAXED));
		return vn_vring_need_event(word, vq->published, vq->signalled);
	}
	word = rte_le_to_cpu_16(__atomic_load_n(&vq->avail_ring->flags, __ATOMIC_RELAXED));
	return !(word & VN_AVAIL_F_NO_INTERRUPT);
}

void
vn_virtq_interrupt_now(struct vn_virtq *vq)
{
	bool wanted;

	check_owner(vq);
	if (!vq->signal_due || vq->broken != NULL)
		return;
	wanted = vq->packed ? vn_virtq_packed_wants_interrupt(vq) : split_wants_interrupt(vq);
	signalled(vq);
	if (wanted)
		interrupt(vq);
	else
		count(&vq->stats->suppressed, 1);
}

void
vn_virtq_interrupt_always(struct vn_virtq *vq)
{
	check_owner(vq);
	if (vq->broken != NULL)
		return;
	signalled(vq);
	/* A take-over is the time for a look at what the peer gave: it must not block. */
	if (vq->call_fd >= 0 && (fcntl(vq->call_fd, F_GETFL) & O_NONBLOCK) == 0) {
		vn_virtq_break(vq, VN_VQ_WHY_BLOCKS);
		return;
	}
	interrupt(vq);
}

void
vn_virtq_set_call(struct vn_virtq *vq, int call_fd)
{
	check_owner(vq);
	vq->call_fd = call_fd;
}

void
vn_virtq_set_coal(struct vn_virtq *vq, uint32_t max_usecs, uint32_t max_packets)
{
	const uint64_t hz = rte_get_tsc_hz();

	check_owner(vq);
	/* Both factors are below 2^32 by far: the remainder adds what the division loses. */
	vq->coal_cycles = max_usecs * (hz / US_PER_S) + max_usecs * (hz % US_PER_S) / US_PER_S;
	if (max_packets == 0)
		vq->coal_cycles = 0;
	vq->coal_packets = max_packets;
	if (vq->coal_due != 0)
		vq->coal_due = 1;
}

void
vn_virtq_set_coal_restart(struct vn_virtq *vq, bool restart)
{
	check_owner(vq);
	vq->coal_restart = restart;
	vq->coal_published = vq->published;
}

uint64_t
vn_virtq_interrupt_due(const struct vn_virtq *vq)
{
	return vq->broken == NULL ? vq->coal_due : 0;
}

static void
set_avail_event(struct vn_virtq *vq, uint16_t event)
{
	__atomic_store_n(avail_event(vq), rte_cpu_to_le_16(event), __ATOMIC_RELAXED);
	log_used(vq, vn_vring_used_bytes(vq->size) - 2, 2);
}

static void
set_used_flags(struct vn_virtq *vq, uint16_t flags)
{
	__atomic_store_n(&vq->used_ring->flags, rte_cpu_to_le_16(flags), __ATOMIC_RELAXED);
	log_used(vq, offsetof(struct vn_vring_used, flags), sizeof(vq->used_ring->flags));
}

void
vn_virtq_arm(struct vn_virtq *vq)
{
	check_owner(vq);
	if (vq->broken != NULL)
		return;
	if (vq->packed) {
		vn_virtq_packed_arm(vq, true);
		return;
	}
	if (vq->event_idx)
		set_avail_event(vq, vq->taken);
	/* With EVENT_IDX the flags have to be 0 (virtio 1.2, 2.7.10.1). */
	set_used_flags(vq, 0);
}

void
vn_virtq_disarm(struct vn_virtq *vq)
{
	check_owner(vq);
	if (vq->broken != NULL)
		return;
	if (vq->packed) {
		vn_virtq_packed_arm(vq, false);
		return;
	}
	/* An event that has just passed comes again after 65535 chains: a kick then is harmless. */
	if (vq->event_idx)
		set_avail_event(vq, vq->taken - 1);
	else
		set_used_flags(vq, VN_USED_F_NO_NOTIFY);
}
