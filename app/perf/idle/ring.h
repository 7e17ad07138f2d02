/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef IDLE_RING_H
#define IDLE_RING_H

/**
 * @file
 * Queue pairs of the benchmark: rings in memory of their own, with the least driver that will do,
 * and a port that takes what is sent.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_poller.h"
#include "vn_vring.h"

/** Entries of a ring. A burst of the poller is a fraction of it. */
#define RING_SIZE 256
#define FRAME_LEN 60

struct vn_port_queue {
	struct pair *pair;
	int fd; /* never readable; -1: none */
};

/** How the driver of a pair notifies. */
enum told {
	TOLD_BY_FD,   /* an eventfd, as over vhost-user */
	TOLD_BY_WAKE, /* vn_poll_qp_wake(), as over vfio-user */
	TOLD_BY_NONE, /* not at all: as over vfio-user with a doorbell page */
	TOLD_KINDS
};

/** A transmit ring, its pair and its port. */
struct pair {
	struct vn_poll_qp qp;
	struct vn_port_queue pq;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
	int kick;
	enum told told;
	struct vn_vring_avail *avail;
	struct vn_vring_used *used;
	/** The port makes available again what was given back: there is always work. */
	bool endless;
	uint64_t sent;      /**< frames that the port has got; the poller writes */
	uint64_t got_first; /**< cycles: when it got the first after this was 0. Atomic */
};

/** Memory of all the pairs: one file, each ring in pages of its own. */
struct pairs {
	struct vn_gm_registry *reg;
	struct vn_guestmem *mem;
	uint8_t *base;
	uint64_t size;
	unsigned int n;
	struct pair *pair;
};

/** @return 0 or negative errno. */
int pairs_create(struct pairs *ps, unsigned int n, enum told told, struct rte_mempool *pool);
void pairs_destroy(struct pairs *ps);

/** On the poller. */
void pair_attach(struct vn_poller *p, struct pair *pair);
void pair_detach(struct vn_poller *p, struct pair *pair);

/** The driver sends one frame, and notifies if it is asked to. @return it was asked to. */
bool pair_send(struct vn_poller *p, struct pair *pair);

#endif /* IDLE_RING_H */
