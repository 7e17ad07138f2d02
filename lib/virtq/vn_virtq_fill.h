/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_FILL_H
#define VN_VIRTQ_FILL_H

/**
 * @file
 * Frames that somebody writes straight into a driver's receive buffers, such as the kernel in
 * readv(): for ports that can do with it (struct vn_port_ops: rx_fill).
 *
 * How long the next frame is, is known only when it is there. So before it is read, buffers for the
 * longest one are looked up; those that it does not need serve the next frames. Looking changes
 * nothing: a frame that does not come, or is not to be delivered, leaves the ring as it was. Only
 * chains of the usual shapes are taken (vn_virtq_fast.h), and rings that want no more than the
 * frame (no hash, no dirty log): for all others there is vn_virtq_enqueue(), which knows all rules
 * and counters.
 *
 * The frame's header is the caller's, in private memory: it is checked there, and written into the
 * driver's buffer when it is known to be good.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct vn_net_hdr;
struct vn_virtq;

/** Most chains that one frame may need: 64 KiB in buffers of 1 KiB. */
#define VN_FILL_CHAINS 64u

/** Pieces of memory: two of each chain, the caller's two, and room to move on. */
#define VN_FILL_PIECES (2 + 4 * VN_FILL_CHAINS)

/** A chain that was looked up. */
struct vn_fill_chain {
	uint8_t *hdr;   /* where the header goes if it is a frame's first */
	uint8_t *data;  /* what follows */
	uint32_t entry; /* what goes into inflight[].id */
	uint32_t bytes; /* that it holds, those of the header included */
	uint16_t slots; /* descriptors of the ring */
	uint8_t descs;  /* descriptors, also of a table */
	uint8_t pieces; /* in piece[], but for a frame's first header */
};

/** Buffers looked up in a ring, and not used yet. On the caller's stack; valid within one burst. */
struct vn_fill {
	/**
	 * Where the next frame goes, header not counted: @p n pieces with room for @p room bytes,
	 * more than 0. iov[-1] and iov[n] are the caller's, for the header and for what is too
	 * long.
	 */
	struct iovec *iov;
	unsigned int n;
	uint64_t room;

	/* The rest is the engine's. */
	uint32_t most;
	bool mergeable;
	uint16_t first, chains; /* in chain[], as a ring */
	uint16_t slots;         /* of these chains */
	struct vn_fill_chain chain[VN_FILL_CHAINS];
	struct iovec piece[VN_FILL_PIECES];
};

/**
 * Begin a burst of frames of at most @p most (1..VN_MAX_FRAME) bytes each. Owner.
 * @return false: this ring's frames have to go the general way now.
 */
bool vn_virtq_fill_begin(struct vn_virtq *rx, struct vn_fill *f, uint32_t most);

/**
 * Look buffers up for the next frame. A ring without mergeable buffers: the next chain, however
 * long it is. Owner.
 * @return false: there are not enough, or they are none for here. Nothing has changed.
 */
bool vn_virtq_fill_next(struct vn_virtq *rx, struct vn_fill *f);

/**
 * The frame is there: @p len bytes in f->iov[], or more than f->room, of which the rest is lost.
 * The driver gets it with @p hdr, which is checked and repaired as that of any frame; what cannot
 * be delivered is dropped and counted, and its buffers stay. Owner.
 */
void vn_virtq_fill_take(
	struct vn_virtq *rx, struct vn_fill *f, const struct vn_net_hdr *hdr, uint64_t len);

/** End the burst. Not visible before vn_virtq_publish(). Owner. */
void vn_virtq_fill_end(struct vn_virtq *rx);

#endif /* VN_VIRTQ_FILL_H */
