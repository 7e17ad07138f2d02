/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef SW_PRIVATE_H
#define SW_PRIVATE_H

/**
 * @file
 * What the files of the switch share.
 *
 * Pollers read the map, the ports in it and their open queues without a lock. All these are
 * replaced, never changed, and freed once every poller has been through a quiescent state since
 * (struct sw_dead). Who replaces is the helper thread, under vn_switch::lock, which is there for
 * those who show what there is.
 */

#include <pthread.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "sw_fdb.h"
#include "vn_offload.h"
#include "vn_switch.h"

/** Ports of a switch, uplinks included. */
#define SW_PORTS_MAX 4095
/** Frames that may wait in a queue for its poller. */
#define SW_RING_SIZE 1024
/** Of these, per whole pool of buffers that is left: a half is enough for all of them. */
#define SW_RING_SHARE (2 * SW_RING_SIZE)
/** So many may wait in any case, of those that are no clones. */
#define SW_RING_FLOOR 4
/** Frames in several mbufs (TSO) that may wait in a queue: more would take too many. */
#define SW_RING_LONG 64
#define SW_BURST     32

/** Something that pollers may still look at. */
struct sw_dead {
	struct sw_dead *next;
	uint64_t token;
	void (*free)(struct sw_dead *dead);
};

/** The counters of struct vn_switch_stats, of one sender; its poller writes. */
struct sw_counters {
	struct vn_switch_stats s;
};

enum sw_armed {
	SW_AWAKE, /**< asked in every round */
	SW_ARMED, /**< whoever puts something into it writes to its fd */
	SW_RANG,  /**< somebody did, or is about to */
};

struct vn_port_queue {
	/* Constant. */
	struct vn_port *port;
	uint16_t idx;
	int fd;
	struct rte_mempool *pool;
	struct rte_ring *ring;
	struct sw_dead dead;

	/* Its poller's. */
	const struct vn_port_sink *sink;
	bool rang_late;             /* fd may be readable although nobody is to be woken */
	struct vn_port_stats stats; /* but rx_full: any poller's */
	struct sw_counters counters;

	/* Shared. */
	uint32_t armed __rte_cache_aligned; /* enum sw_armed, atomic */
	const void *owner; /* the poller, which writes; atomic; NULL: no sink. Only compared */
};

/** The open queues of a port. */
struct sw_queues {
	struct sw_dead dead;
	uint16_t n;
	struct vn_port_queue *q[];
};

struct vn_port {
	/* Constant. */
	struct vn_switch *sw;
	sw_port_id id;
	bool uplink;
	bool anti_spoof, isolated; /* as in struct vn_port_conf; never of an uplink */
	uint16_t max_queues;
	char name[VN_SWITCH_NAME_LEN];
	struct sw_uplink *eth; /* NULL: a device */
	struct sw_dead dead;

	/* Helper writes, atomic. */
	uint64_t mac; /* sw_mac(); 0: none */
	uint32_t accept;
	bool link;
	struct sw_queues *queues; /* NULL: none is open */

	/* Helper. */
	uint16_t mtu;
	struct vn_port_queue *queue[]; /* NULL: not open */
};

struct sw_static {
	uint64_t mac; /* 0: free */
	struct vn_port *port;
};

/** Who there is. */
struct sw_map {
	struct sw_dead dead;
	uint32_t n_ports, n_uplinks;
	struct vn_port **port;  /* all, uplinks first */
	struct vn_port **by_id; /* NULL: there is none; max_id + 1 */
	struct sw_static *hash; /* open addressing */
	uint32_t hash_mask;
	sw_port_id max_id;
};

struct vn_switch {
	struct vn_switch_conf conf;
	struct vn_port_ops ops;
	struct sw_map *map; /* atomic; never NULL */
	struct sw_fdb fdb;

	pthread_mutex_t lock;                   /* for what follows, and whoever replaces the map */
	struct vn_port *port[SW_PORTS_MAX + 1]; /* by id */
	struct sw_dead *dead, **dead_end;       /* oldest first */
	struct sw_counters gone;                /* of queues that are closed */
};

/* sw_map.c */

/** Make the map anew from sw->port[], under the lock. @return 0 or -ENOMEM: the old one stays. */
int sw_map_update(struct vn_switch *sw);
void sw_map_free(struct sw_dead *map);
/** Have it freed when no poller can see it any more. Under the lock; it is unlinked already. */
void sw_defer(struct vn_switch *sw, struct sw_dead *dead, void (*fn)(struct sw_dead *dead));
/** Free what can be. Under the lock. */
void sw_reclaim(struct vn_switch *sw);
/** Free all: no poller runs. */
void sw_reclaim_all(struct vn_switch *sw);

/** Poller: the device whose own MAC this is, or NULL. */
static inline struct vn_port *
sw_map_static(const struct sw_map *map, uint64_t mac)
{
	uint32_t at = sw_hash(mac, map->hash_mask + 1);

	/* At most half of it is used, so there is an end. */
	while (map->hash[at].mac != 0) {
		if (map->hash[at].mac == mac)
			return map->hash[at].port;
		at = (at + 1) & map->hash_mask;
	}
	return NULL;
}

/* sw_queue.c */

int sw_queue_open(
	struct vn_port *port, uint16_t idx, struct rte_mempool *pool, struct vn_port_queue **q);
void sw_queue_close(struct vn_port_queue *q);
int sw_queue_fd(struct vn_port_queue *q);
bool sw_queue_arm(struct vn_port_queue *q, bool on);
const struct vn_port_stats *sw_queue_stats(struct vn_port_queue *q);
uint16_t sw_queue_rx(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n);
void sw_queue_set_sink(struct vn_port_queue *q, const struct vn_port_sink *sink);
/** Poller of @p from, any for @p q: @return how many of the frames were taken. */
uint16_t sw_queue_put(
	struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n, struct vn_port_queue *from);
void sw_counters_add(struct vn_switch_stats *sum, const struct vn_switch_stats *s);

/* vn_switch.c */

/** Give the port a number and show it to pollers. @return 0; -ENOSPC, -ENOMEM. */
int sw_port_add(struct vn_switch *sw, struct vn_port *port);

/* sw_uplink.c */

/** No poller runs. NULL is fine. */
void sw_uplink_free(struct sw_uplink *u);

/* sw_forward.c */

/** Poller: @p m, or a copy in its place, whose data is nobody else's. NULL: no memory. */
struct rte_mbuf *sw_private(struct rte_mbuf *m, struct rte_mempool *pool);

/** Poller of @p q: frames that its port sends. */
void sw_forward(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n);

/* sw_views.c */

/** Poller of @p q, owner of @p tx: the same, straight from the driver's buffers. */
uint16_t sw_tx_views(struct vn_port_queue *q, struct vn_virtq *tx, uint16_t n);

#endif /* SW_PRIVATE_H */
