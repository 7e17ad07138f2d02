/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VIRTQ_H
#define VN_VIRTQ_H

/**
 * @file
 * The virtqueue engine, device side (virtio 1.2, 2.7 and 2.8). It knows rings, guest memory and
 * mbufs, and no transport. Split and packed rings look the same from here, but for what
 * struct vn_virtq_conf says about addresses and positions.
 *
 * A ring has one owner at a time: the control thread creates and frees it, a poller owns it
 * between attach and detach. "Owner" below means whoever that is. Chains complete in ring order.
 *
 * The guest is hostile: every field is read once, every address and length is checked, chains are
 * bounded by the ring size, indirect tables are bounded and not nested. What breaks the ring's
 * structure (an impossible avail index, a loop, a nested indirect table, an address outside the
 * map) sets broken; from then on the ring does nothing until it is freed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_guestmem.h"

struct rte_mbuf;
struct rte_mempool;
struct vn_virtq;
struct vn_bb_ring;

/** Largest ring (virtio 1.2, 2.7: at most 32768 and a power of two; 2.8.10.1: any up to 2^15). */
#define VN_VQ_MAX_SIZE 32768

/** Largest burst of one call. */
#define VN_VQ_MAX_BURST 64

/** vhost-user dirty log (VHOST_F_LOG_ALL): one bit per 4 KiB page, set atomically. */
struct vn_dirty_log {
	uint8_t *base; /**< our mapping of the log */
	uint64_t size; /**< bytes; a page beyond it is ignored */
};

/** Counters of one ring (contract 7.2). Written by the owner only, read by anybody. */
struct vn_virtq_stats {
	uint64_t received_desc;   /**< available descriptors (indirect ones too) read */
	uint64_t completed_desc;  /**< of those, completed */
	uint64_t packets;         /**< frames moved */
	uint64_t total_bytes;     /**< frame bytes moved, header not counted */
	uint64_t bad_desc_errors; /**< impossible descriptors: indices, flags, direction, nesting */
	uint64_t exceed_max_chain; /**< chains longer than the ring (or the indirect table) */
	uint64_t invalid_buffer;   /**< addresses outside the memory map */
	uint64_t bad_header; /**< virtio-net header that contradicts the frame or the features */
	uint64_t oversized;  /**< frames above VN_MAX_FRAME, or longer than the receive buffers */
	uint64_t no_buffer;  /**< TX: no mbuf; RX: frame refused, too few descriptors */
	uint64_t interrupts; /**< interrupts sent */
	uint64_t suppressed; /**< interrupts not sent as the driver did not want them */
	uint64_t batch_last; /**< RX descriptors of the last received frame ("batch_number") */
	uint64_t max_post;   /**< most chains (packed: descriptors) seen available at once */
	uint64_t size_class[10]; /**< RX frames by size (contract 7.4), counted when enabled */
};

/** What a ring is made of. */
struct vn_virtq_conf {
	uint16_t size;  /**< entries, <= VN_VQ_MAX_SIZE; of a split ring, a power of two */
	bool is_rx;     /**< device to driver (receiveq) */
	bool is_ctrl;   /**< control queue: see vn_virtq_ctrl_next() */
	bool log_dirty; /**< mark buffers and the used ring in @p log; all of the latter at once */
	bool count_sizes; /**< fill size_class */
	/**
	 * Where to begin: the avail (= used) index; of a packed ring the descriptor's index, with
	 * the wrap counter in bit 15 (0x8000 for a fresh ring), as vhost-user has it.
	 */
	uint16_t start;
	uint64_t features; /**< negotiated */
	/** Packed: the descriptor ring, the driver's and the device's event suppression. */
	uint64_t desc_gpa, avail_gpa, used_gpa;
	/**
	 * With log_dirty: where used_gpa is for the log (may differ). A packed ring's descriptors
	 * are logged at desc_gpa.
	 */
	uint64_t used_log_gpa;
	struct vn_guestmem *mem; /**< stays the caller's; must outlive the ring or its set_mem */
	struct vn_dirty_log log;
	int call_fd;  /**< eventfd to interrupt the driver, or -1; stays the caller's */
	uint8_t *isr; /**< ISR status: VN_ISR_QUEUE is or-ed in, atomically, before an interrupt; or
		       * NULL
		       */
	struct vn_bb_ring *bb;        /**< black box record, or NULL; stays the caller's */
	struct vn_virtq_stats *stats; /**< counters; the caller's, so they survive the ring */
};

/**
 * Make a ring. Control thread.
 *
 * @return
 *   0; -EINVAL (size, alignment: virtio 1.2, 2.7: desc 16, avail 2, used 4; 2.8: 16, 4, 4; a
 *   start outside a packed ring); -EFAULT (ring not wholly in the map); -ENOMEM.
 */
int vn_virtq_create(const struct vn_virtq_conf *conf, struct vn_virtq **vq);
/** Control thread, after detach. NULL is fine. */
void vn_virtq_free(struct vn_virtq *vq);

/**
 * Take up to @p n frames that the driver sent (transmitq). Their chains stay uncompleted until
 * vn_virtq_complete(). Owner.
 *
 * The mbufs are new, from @p pool; vn_mbuf_hdr() holds the checked header. Chains that are not a
 * valid frame are completed and counted, and the ring goes on.
 *
 * @return frames stored in @p pkts; 0 also when broken.
 */
uint16_t vn_virtq_dequeue(
	struct vn_virtq *vq, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n);

/** All chains taken by vn_virtq_dequeue() so far are done with: write their used entries. Owner. */
void vn_virtq_complete(struct vn_virtq *vq);

/**
 * Give up to @p n frames to the driver (receiveq). Owner. vn_mbuf_hdr() of each mbuf is the header
 * to deliver (num_buffers is filled in here); with VN_NET_F_HASH_REPORT, the hash fields of
 * vn_mbuf_hdr_hash(), too. Delivered mbufs are NOT freed: the caller owns all.
 *
 * @return
 *   Frames consumed, from the first: delivered, or dropped because they can never fit (oversized
 *   is counted; of a packed ring, also one that takes chains of so many different lengths that the
 *   black box cannot describe it). Fewer than n: not enough receive buffers now, try the rest again
 * later.
 */
uint16_t vn_virtq_enqueue(struct vn_virtq *vq, struct rte_mbuf **pkts, uint16_t n);

/**
 * A frame has waited for so long for buffers beside those that are there that its caller has
 * dropped it: count it as oversized. Owner.
 */
void vn_virtq_rx_refuse(struct vn_virtq *vq);

/**
 * Make completions visible (store used->idx, or the used descriptors) and note the position in the
 * black box. At the end of each poll of a ring. Owner. No-op when there is nothing new.
 */
void vn_virtq_publish(struct vn_virtq *vq);

/**
 * Interrupt the driver if it wants that (virtio 1.2, 2.6.7). The caller has executed a full fence
 * since vn_virtq_publish(). No-op when nothing was published since the last call. Owner.
 */
void vn_virtq_interrupt(struct vn_virtq *vq);

/** The same without waiting for more (vn_virtq_set_coal()): before the ring is given away. Owner.
 */
void vn_virtq_interrupt_now(struct vn_virtq *vq);

/** Interrupt the driver whatever it wants: once after any take-over. Owner. */
void vn_virtq_interrupt_always(struct vn_virtq *vq);

/**
 * Chains available now (0 when broken); of a packed ring: descriptors, which are looked at one by
 * one. Owner.
 */
uint16_t vn_virtq_avail(struct vn_virtq *vq);
/** The same, but without looking for more than @p most: cheap on a packed ring. Owner. */
uint16_t vn_virtq_avail_upto(struct vn_virtq *vq, uint16_t most);
/**
 * A number that grows (mod 2^16) with each chain, or descriptor, that the driver is seen to have
 * made available. Owner.
 */
uint16_t vn_virtq_offered(struct vn_virtq *vq);

/** Ask the driver for notifications from the present position on. A full fence must follow. Owner.
 */
void vn_virtq_arm(struct vn_virtq *vq);
/** Tell the driver that it need not notify. Owner. */
void vn_virtq_disarm(struct vn_virtq *vq);

/**
 * Replace the memory map: the rings are translated anew. Owner, between bursts.
 * @return 0, or -EFAULT when a ring part is not in the new map (the ring is broken then).
 */
int vn_virtq_set_mem(struct vn_virtq *vq, struct vn_guestmem *mem);
/** Replace the interrupt descriptor. Owner. */
void vn_virtq_set_call(struct vn_virtq *vq, int call_fd);
/**
 * Notification coalescing (virtio 1.2, 5.1.6.5.9): an interrupt waits until @p max_packets frames
 * are published since the last one, or @p max_usecs have passed since the first of them, or half
 * the ring has been given back. What the driver wants is looked at when the wait ends. An interrupt
 * that waits now is due at once. Owner.
 *
 * @param max_usecs, max_packets
 *   One of them 0: no wait, whatever the other one is.
 */
void vn_virtq_set_coal(struct vn_virtq *vq, uint32_t max_usecs, uint32_t max_packets);
/** The time begins anew with each frame, not with the first that waits. Owner. */
void vn_virtq_set_coal_restart(struct vn_virtq *vq, bool restart);
/**
 * When an interrupt that waits for time is due, in rte_get_tsc_cycles(); 0: none waits. Owner: must
 * call vn_virtq_interrupt() then.
 */
uint64_t vn_virtq_interrupt_due(const struct vn_virtq *vq);
/** Switch dirty logging. Owner. */
void vn_virtq_set_log(
	struct vn_virtq *vq, bool on, const struct vn_dirty_log *log, uint64_t used_log_gpa);
/**
 * Which offloads the headers of frames may ask for from now on: @p features is conf.features, or
 * without some of its offloads (virtio 1.2, 5.1.6.5.8). Owner.
 */
void vn_virtq_set_offloads(struct vn_virtq *vq, uint64_t features);
/** Switch size classes; on: they begin at zero. Owner. */
void vn_virtq_set_count_sizes(struct vn_virtq *vq, bool on);

/**
 * Position: the next chain to take, in the form of vn_virtq_conf.start. Equal to used->idx (split)
 * when all is complete; of a broken ring the next chain to give back. Owner.
 */
uint16_t vn_virtq_position(const struct vn_virtq *vq);
/** True once the driver broke the ring, or its memory went away. Any thread. */
bool vn_virtq_broken(const struct vn_virtq *vq);
/** One word that says why it is broken ("avail-index", "indirect", "memory", ...), or NULL. */
const char *vn_virtq_broken_why(const struct vn_virtq *vq);
/** vn_virtq_broken_why() of a ring whose interrupt descriptor blocks. */
#define VN_VQ_WHY_BLOCKS "interrupt-blocks"
/** A packed ring whose position is not known: nobody can serve it until its driver begins anew. */
#define VN_VQ_WHY_LOST "position-lost"
/** Mark broken (poller: memory file broken). Owner. */
void vn_virtq_break(struct vn_virtq *vq, const char *why);

/*
 * The control queue: chains of bytes that the device reads, then bytes that it writes
 * (virtio 1.2, 5.1.6.5). A ring used so is made by vn_virtq_create() like any other, with
 * conf.is_ctrl, and is used with the functions below instead of dequeue and enqueue.
 */

/**
 * Take the next chain. It stays uncompleted until vn_virtq_ctrl_reply(); one at a time. Owner.
 *
 * Chains that are not one (a part to write before one to read) are given back with length 0 and
 * counted; so an interrupt may be due also after 0.
 *
 * @param buf, room
 *   Gets the bytes that the driver sent.
 * @param len
 *   Bytes it sent; more than @p room: the rest was not copied.
 * @param reply_room
 *   Bytes that it has for the answer.
 * @return 1; 0: none available (or the ring is broken, or a chain is not answered yet).
 */
int vn_virtq_ctrl_next(
	struct vn_virtq *vq, void *buf, uint32_t room, uint32_t *len, uint32_t *reply_room);
/**
 * Answer it: @p len bytes (cut to its reply_room) are written, its used entry published. The
 * interrupt is the caller's (fence, vn_virtq_interrupt()). Nothing happens when no chain was taken.
 * Owner. The memory map may have been exchanged meanwhile: the buffers are looked up again.
 */
void vn_virtq_ctrl_reply(struct vn_virtq *vq, const void *data, uint32_t len);

#ifdef VN_DEBUG_OWNERSHIP
/** Debug builds: from now on only this thread may touch the ring; NULL-like 0 gives it up. */
void vn_virtq_own(struct vn_virtq *vq, bool take);
#else
static inline void
vn_virtq_own(struct vn_virtq *vq, bool take)
{
	(void)vq;
	(void)take;
}
#endif

/**
 * The used->idx that guest memory shows, for a ring that is to be resumed after a crash: the truth
 * for split rings. Control thread. @return 0..65535, or -EFAULT.
 */
int vn_virtq_split_used_idx(const struct vn_guestmem *mem, uint64_t used_gpa);
/** The same of avail->idx: how far the driver is. */
int vn_virtq_split_avail_idx(const struct vn_guestmem *mem, uint64_t avail_gpa);
/**
 * Where a packed ring goes on after a crash. Guest memory alone does not tell: the black box record
 * @p bb says where the burst began that was being published, and how many slots each of its chains
 * has. A frame whose buffers were given back in part is given back whole. Control thread, before
 * vn_virtq_create().
 *
 * @return position, in the form of vn_virtq_conf.start; -EFAULT (ring not in the map); -EINVAL (the
 *   record cannot be of this ring).
 */
int vn_virtq_packed_resume(const struct vn_guestmem *mem, uint64_t desc_gpa, uint16_t size,
	const struct vn_bb_ring *bb);
/**
 * Can a packed ring be at @p position? Guest memory does not tell where it is, but may show where
 * it is not. For one that was served before (a new one's memory need not be clear). Control thread.
 * @return false: it is not there for certain; true: it may be, or the map does not have it.
 */
bool vn_virtq_packed_possible(
	const struct vn_guestmem *mem, uint64_t desc_gpa, uint16_t size, uint16_t position);

#endif /* VN_VIRTQ_H */
