/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef DEV_H
#define DEV_H

/**
 * @file
 * A device side: what is compared. Each serves the same guests, in turn: dev_ops.reset() says that
 * their rings are fresh. One lcore.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "guest.h"

struct rte_mbuf;
struct rte_mempool;
struct dev_priv;

/** A device looks at one queue pair, or from the first guest to the second. */
#define MAX_GUESTS 2

struct dev {
	const struct dev_ops *ops;
	struct guest *guest; /**< num_guests of them */
	unsigned int num_guests;
	struct rte_mempool *pool; /**< its own; all devices have the same kind */
	struct dev_priv *priv;
	/**
	 * Not NULL while verifying: called with mbufs that were dequeued, and with those that are
	 * to be enqueued, which it fills.
	 */
	void (*look)(struct dev *d, struct rte_mbuf **pkts, uint16_t n, bool fill);
	bool through_mbufs; /**< device to device: never by a view */
	bool count_sizes;   /**< ours: size classes are counted (virtnet modify -pkt_cnt) */
	bool app_mbufs;     /**< ours: frames come from and go where those of rte_vhost do */
	uint32_t frames[2]; /**< verifying: frames checked and filled since reset */
	const char *error;  /**< verifying: what was wrong */
};

struct dev_ops {
	const char *name;
	bool no_rings; /**< copies and nothing else: the driver only touches its buffers */
	/** Attach to d->guest. @return 0; -ENOTSUP: not there; other negative errno. */
	int (*open)(struct dev *d);
	void (*close)(struct dev *d);
	int (*reset)(struct dev *d);
	/**
	 * One round with a burst of frames, from allocation to free and to the check whether the
	 * driver is to be interrupted. This is what is timed.
	 * @return frames.
	 */
	uint16_t (*round[NUM_DIRS])(struct dev *d);
};

extern const struct dev_ops dev_engine_ops, dev_vhost_ops, dev_copy_ops;

/** Room of an mbuf of these pools. */
#define DEV_MBUF_ROOM 2048
/** Most mbufs that a frame needs. */
#define MAX_SEGS ((FRAME_MAX + DEV_MBUF_ROOM - 1) / DEV_MBUF_ROOM)

/* dev_app.c: what an application does, whichever device it uses. */

/** A pool for @p d, whose mbufs hold bytes of a frame. NULL with rte_errno. */
struct rte_mempool *dev_pool_create(const char *name);
/**
 * Frames as a NIC's driver gives them, of length @p len: allocated at once, linked; their bytes are
 * there already.
 * @return 0 or negative errno.
 */
int dev_alloc(struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n, uint32_t len);
/** Make @p n frames of @p len bytes of as many fresh mbufs @p m as they need. */
static inline void
dev_frames(struct rte_mbuf **pkts, struct rte_mbuf **m, uint16_t n, uint32_t len)
{
	const uint32_t segs = (len + DEV_MBUF_ROOM - 1) / DEV_MBUF_ROOM;
	const uint32_t last = len - (segs - 1) * DEV_MBUF_ROOM;

	for (uint16_t i = 0; i < n; i++, m += segs) {
		for (uint32_t k = 0; k + 1 < segs; k++) {
			m[k]->data_len = DEV_MBUF_ROOM;
			m[k]->next = m[k + 1];
		}
		m[segs - 1]->data_len = last;
		m[0]->pkt_len = len;
		m[0]->nb_segs = segs;
		pkts[i] = m[0];
	}
}
/** For dev.look. */
void dev_look(struct dev *d, struct rte_mbuf **pkts, uint16_t n, bool fill);

#endif /* DEV_H */
