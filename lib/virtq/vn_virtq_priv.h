/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_PRIV_H
#define VN_VIRTQ_PRIV_H

/**
 * @file
 * A ring from the inside; for lib/virtq only.
 *
 * Four free-running positions (mod 2^16) describe it, each between its neighbours:
 *
 *   published <= used <= taken <= avail <= published + size
 *
 *   published   used->idx as the guest sees it
 *   used        used entries written
 *   taken       next chain to take; those from used on are in flight, their ids in inflight[]
 *   avail       avail->idx as last read
 *
 * In a packed ring, the first three count chains, too, but from 0, and used is what may be given
 * back: descriptors are written when it is published. Where the ring is, is in its pk_ fields; see
 * vn_virtq_packed.h.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#ifdef VN_DEBUG_OWNERSHIP
#include <unistd.h>
#include <rte_debug.h>
#endif

#include "vn_blackbox.h"
#include "vn_copy_sum.h"
#include "vn_features.h"
#include "vn_net_hdr.h"
#include "vn_virtq.h"
#include "vn_virtq_view.h"
#include "vn_vring.h"
#include "vn_vring_packed.h"

/**
 * Most pieces of contiguous memory that one frame may be scattered over, as with other back ends
 * (the kernel's UIO_MAXIOV). Indirect tables may have this many entries on any ring.
 */
#define VN_VQ_MAX_SEGS 1024u

/**
 * Descriptors after which a call takes no further chain: one poll of a ring full of absurd chains
 * must not keep the other rings of the poller waiting for milliseconds.
 */
#define VN_VQ_DESC_BUDGET VN_VIEW_PUT_BUDGET

/**
 * Bytes after which a call takes no further frame that needs several mbufs: what was copied is
 * passed on while it is in the cache, and the mbufs that come back are the ones taken next.
 */
#define VN_VQ_BYTE_BUDGET (256u << 10)

/** A piece of a chain, in our memory. */
struct vn_seg {
	uint8_t *ptr;
	uint64_t len;
	uint64_t gpa; /* for the dirty log */
};

typedef uint16_t (*vn_virtq_dequeue_fn)(
	struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n);
typedef uint16_t (*vn_virtq_enqueue_fn)(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n);
typedef uint16_t (*vn_virtq_views_fn)(struct vn_virtq *vq, struct vn_view *views, uint16_t n);
typedef uint16_t (*vn_virtq_puts_fn)(struct vn_virtq *vq, const struct vn_view *views, uint16_t n);
typedef enum vn_put (*vn_virtq_put_fn)(
	struct vn_virtq *vq, const struct vn_view *view, const struct vn_net_hdr_hash *hdr);

struct vn_virtq {
	/* Constant between set_mem, set_log and the like: one line and a half. */
	const struct vn_vring_desc *desc;
	const struct vn_vring_avail *avail_ring;
	struct vn_vring_used *used_ring;
	const struct vn_guestmem *mem;
	uint16_t size;
	uint16_t mask; /* of inflight[]; split: also of the ring */
	bool packed;
	uint8_t hdr_len;
	bool event_idx;
	bool log_dirty;
	bool count_sizes;
	bool no_fast;       /* set by tests: only the general way is used */
	uint8_t csum_flags; /* VN_NET_HDR_F_x that may pass */
	uint32_t gso_types; /* bit n: gso_type n may pass */
	bool gso_ecn;       /* ... and VN_NET_HDR_GSO_ECN with it */
	struct vn_virtq_stats *stats;
	struct vn_bb_ring *bb;
	vn_virtq_dequeue_fn dequeue;
	vn_virtq_enqueue_fn enqueue;
	vn_virtq_views_fn views;
	vn_virtq_put_fn put;
	vn_virtq_puts_fn puts;
	vn_copy_sum_fn copy_sum;

	/* The owner writes these. */
	uint16_t published __rte_cache_aligned;
	uint16_t used;
	uint16_t taken;
	uint16_t avail;
	uint16_t signalled; /* published when the driver was last told or chose not to be */
	bool signal_due;    /* published since then */
	const struct vn_gm_slot *hint; /* for vn_guestmem_part() */
	uint64_t coal_cycles;          /* an interrupt may wait so long; 0: not at all */
	uint64_t coal_due;             /* ... and waits until then; 0: none waits */
	uint64_t coal_seen;            /* stats->packets when the driver was last signalled */
	uint32_t coal_packets;         /* ... or until there are so many more */
	bool coal_restart;             /* the time begins anew with each frame */
	uint16_t coal_published;       /* what was published when it last began */
	uint16_t generation;           /* publishes */
	uint64_t inflight_descs;       /* descriptors of the chains in flight */
	uint32_t view_bytes;           /* of the views that are not complete */
	uint32_t put_descs;            /* read by puts since the last publish */
	const char *broken;            /* why; NULL: sound. Read by any thread */

	/* Packed. Positions are descriptors' indices, bit 15: wrap counter. */
	struct vn_vring_packed_desc *pk_desc __rte_cache_aligned; /* constant */
	const struct vn_vring_packed_event *pk_driver;            /* constant */
	struct vn_vring_packed_event *pk_device;                  /* constant */
	uint16_t pk_next;                                         /* the next chain to take */
	uint16_t pk_published;   /* where the next used descriptor goes */
	uint16_t pk_inflight;    /* descriptors from pk_published to pk_next */
	uint16_t pk_seen;        /* descriptors from pk_next on that were seen available */
	uint16_t pk_run;         /* descriptors taken, ever (mod 2^16) */
	bool pk_shapes;          /* in flight: chains of several descriptors, or frames of chains */
	uint32_t pk_unsignalled; /* descriptors published since the driver was last signalled */

	/* Seldom used. */
	struct vn_virtq_conf conf;
	struct vn_dirty_log log;
	uint64_t used_log_gpa;
	int call_fd;
#ifdef VN_DEBUG_OWNERSHIP
	pid_t owner; /* thread id, 0: nobody's */
#endif

	uint32_t ctrl_segs;                  /* of the command at hand: where the answer goes */
	struct vn_vring_used_elem *inflight; /* mask + 1 entries, index taken & mask */
	union {
		struct vn_seg seg[VN_VQ_MAX_SEGS];           /* of the frame at hand */
		struct vn_view_seg view_seg[VN_VQ_MAX_SEGS]; /* of the view at hand */
	};
};

/* vn_virtq_tx.c and vn_virtq_rx.c: the variant for these features. */
vn_virtq_dequeue_fn vn_virtq_pick_dequeue(uint64_t features);
vn_virtq_enqueue_fn vn_virtq_pick_enqueue(uint64_t features);
/* vn_virtq_view.c and vn_virtq_view_put.c. */
vn_virtq_views_fn vn_virtq_pick_views(uint64_t features);
vn_virtq_put_fn vn_virtq_pick_put(uint64_t features);
vn_virtq_puts_fn vn_virtq_pick_puts(uint64_t features);
/* vn_virtq_packed_tx.c and vn_virtq_packed_rx.c: the same for packed rings. */
vn_virtq_dequeue_fn vn_virtq_packed_pick_dequeue(uint64_t features);
vn_virtq_enqueue_fn vn_virtq_packed_pick_enqueue(uint64_t features);
/* vn_virtq_packed_view.c */
vn_virtq_views_fn vn_virtq_packed_pick_views(uint64_t features);
vn_virtq_put_fn vn_virtq_packed_pick_put(uint64_t features);
vn_virtq_puts_fn vn_virtq_packed_pick_puts(uint64_t features);

/* Every entry point of the owner begins with this. */
static __rte_always_inline void
check_owner(const struct vn_virtq *vq)
{
#ifdef VN_DEBUG_OWNERSHIP
	RTE_VERIFY(vq->owner == 0 || vq->owner == gettid());
#else
	(void)vq;
#endif
}

/* The first reason stays. */
static inline void
virtq_break(struct vn_virtq *vq, const char *why)
{
	if (vq->broken == NULL)
		__atomic_store_n(&vq->broken, why, __ATOMIC_RELAXED);
}

/* One increment by the only writer; readers of other threads see whole values. */
static __rte_always_inline void
count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* A class of received frames by size (contract 7.4): from first to first + span bytes. */
struct vn_size_class {
	uint32_t first, span;
};

#define SIZE_CLASSES 10

/* The class of a frame; the last one is that of frames that are too long for all of them. */
static inline const struct vn_size_class *
size_class(uint32_t len)
{
	static const struct vn_size_class class[SIZE_CLASSES + 1] = {{0, 64}, {65, 62}, {128, 127},
		{256, 255}, {512, 511}, {1024, 498}, {1523, 524}, {2048, 2047}, {4096, 4095},
		{8192, 830}, {9023, UINT32_MAX - 9023}};
	const struct vn_size_class *c = class;

	while (len - c->first > c->span)
		c++;
	return c;
}

/* Count received frames of one class. */
static inline void
count_sizes(struct vn_virtq *vq, const struct vn_size_class *class, uint64_t frames)
{
	const ptrdiff_t i = class - size_class(0);

	if (likely(i < SIZE_CLASSES))
		count(&vq->stats->size_class[i], frames);
}

static inline void
count_size(struct vn_virtq *vq, uint32_t len)
{
	count_sizes(vq, size_class(len), 1);
}

/* Mark the pages of [gpa, gpa + len) dirty. After the memory was written. */
static inline void
log_write(const struct vn_virtq *vq, uint64_t gpa, uint64_t len)
{
	if (len == 0)
		return;
	for (uint64_t page = gpa >> 12; page <= (gpa + len - 1) >> 12; page++) {
		if (page / 8 >= vq->log.size)
			return;
		__atomic_fetch_or(&vq->log.base[page / 8], 1u << (page % 8), __ATOMIC_RELEASE);
	}
}

static inline void
log_used(const struct vn_virtq *vq, uint64_t offset, uint64_t len)
{
	if (unlikely(vq->log_dirty))
		log_write(vq, vq->used_log_gpa + offset, len);
}

/*
 * Tell the black box how far beyond the published position we may have gone, or gone and published.
 * All of it is one store, so a crash leaves either the old or the new state.
 */
static __rte_always_inline void
note_position(struct vn_virtq *vq)
{
	if (vq->bb != NULL)
		vn_bb_ring_note(vq->bb, vq->published, (uint16_t)(vq->taken - vq->published),
			vq->generation, 0);
}

/*
 * Read avail->idx. What the driver put into the ring before it stored the index is visible after.
 * @return chains that can be taken; 0 when broken.
 */
static inline uint16_t
read_avail(struct vn_virtq *vq)
{
	uint16_t idx;

	if (unlikely(vq->broken != NULL))
		return 0;
	idx = rte_le_to_cpu_16(__atomic_load_n(&vq->avail_ring->idx, __ATOMIC_ACQUIRE));
	/*
	 * The driver can have made no more available than the ring holds beyond what it was given
	 * back, as far as it knows. Behind what we took it cannot go.
	 */
	if (unlikely((uint16_t)(idx - vq->published) > vq->size ||
		     (uint16_t)(idx - vq->published) < (uint16_t)(vq->taken - vq->published))) {
		count(&vq->stats->bad_desc_errors, 1);
		virtq_break(vq, "avail-index");
		return 0;
	}
	vq->avail = idx;
	return idx - vq->taken;
}

/* The head of the chain that is @p n after the next one to take. Its value may be anything. */
static __rte_always_inline uint16_t
read_head(const struct vn_virtq *vq, uint16_t n)
{
	return rte_le_to_cpu_16(__atomic_load_n(
		&vq->avail_ring->ring[(uint16_t)(vq->taken + n) & vq->mask], __ATOMIC_RELAXED));
}

/* Take the next chain: it is in flight from now on and will be given back with @p len. */
static __rte_always_inline void
take(struct vn_virtq *vq, uint16_t head, uint32_t len)
{
	struct vn_vring_used_elem *e = &vq->inflight[vq->taken & vq->mask];

	e->id = rte_cpu_to_le_32(head);
	e->len = rte_cpu_to_le_32(len);
	vq->taken++;
}

/* Write the used entries of all chains in flight. note_position() has been called for them. */
void vn_virtq_flush_used(struct vn_virtq *vq);

/* vn_virtq_packed.c: what is different in a packed ring. */
void vn_virtq_packed_publish(struct vn_virtq *vq);
uint16_t vn_virtq_packed_avail(struct vn_virtq *vq, uint16_t most);
bool vn_virtq_packed_wants_interrupt(const struct vn_virtq *vq);
void vn_virtq_packed_arm(struct vn_virtq *vq, bool on);

#endif /* VN_VIRTQ_PRIV_H */
