/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef TAP_PRIVATE_H
#define TAP_PRIVATE_H

/**
 * @file
 * Internals of the TAP driver. "Helper": the caller is the helper thread; "poller": the owner of
 * the queue.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

#include <net/if.h>

#include <rte_ether.h>

#include "vn_net_hdr.h"
#include "vn_port_hdr.h"
#include "vn_tap.h"

/** A device's network side. Helper only, but where noted. */
struct vn_port {
	struct vn_port_conf conf; /* mtu, link_up: as last set */
	int fd; /* single-queue: the queue; multi-queue: parked, holds the carrier */
	int ifindex;
	bool multi;
	bool adopted;
	uint64_t features; /* as last set */
	uint32_t accept;   /* VN_PORT_ACCEPT_*; helper writes, pollers read (atomic) */
	uint16_t n_open;
	struct vn_port_queue *queue[]; /* conf.max_queue_pairs; NULL: not open */
};

/** A queue. Made and freed by the helper; the poller's in between. */
struct vn_port_queue {
	struct vn_port *port;
	const uint32_t *accept; /* the port's */
	struct rte_mempool *pool;
	int fd;
	uint16_t idx;
	bool gone;         /* poller: the netdev was removed; told once */
	uint16_t n_seg;    /* mbufs that hold the largest frame */
	uint16_t missing;  /* poller: of them, used up and to be replaced: the first ones */
	uint32_t seg_len;  /* bytes that one of them holds */
	uint32_t last_len; /* poller: of the last frame read */
	uint32_t fill_min; /* see TAP_FILL_MIN */
	bool few;          /* poller: the driver's buffers were too few for tap_rx_fill() */
	uint16_t few_at;   /* ... of those that vn_virtq_offered() told of */
	struct vn_port_stats stats; /* written by the poller */
	struct rte_mbuf **seg;      /* poller: n_seg mbufs for the next frame */
	struct iovec *iov;          /* poller: the header and the data of seg[] */
};

/* tap_netlink.c: rtnetlink, helper only. */

/** What rtnetlink says of a netdev. */
struct tap_link {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[16];  /* "tun", "veth", ...; empty: hardware and the like */
	char alias[64]; /* cut, if it is longer: ours is not */
	bool admin_up;
	int master;   /* ifindex of the bridge that it is in; 0: none */
	bool carrier; /* shown only while admin_up */
	uint32_t mtu;
	bool is_tap; /* kind tun, in TAP mode */
	bool multi_queue;
	uint32_t queues; /* multi-queue: how many file descriptors hold it */
};

/** What to change; a zeroed member is left as it is. */
struct tap_link_change {
	const char *alias;
	const struct rte_ether_addr *mac;
	uint32_t group;
	uint32_t mtu;
	uint32_t txqlen;
};

/** By @p name, or by @p ifindex when that is NULL. @return 0, -ENODEV, other negative errno. */
int tap_link_get(const char *name, int ifindex, struct tap_link *link);
/** All in one message. @return 0 or negative errno. */
int tap_link_change(int ifindex, const struct tap_link_change *change);
/** Remove all netdevs of @p group. @return 0 or negative errno (-ENODEV: there are none). */
int tap_link_remove_group(uint32_t group);
/** The group of those that we are about to remove together. */
static inline uint32_t
tap_group_going(void)
{
	return (uint32_t)VN_TAP_LINK_GROUP << 16 | ((uint32_t)getpid() & 0xffff);
}

/* tap_dev.c: ioctls of /dev/net/tun, helper only. All return 0 or negative errno. */

/** A descriptor that is no queue yet. */
int tap_fd_open(void);
/** Make it a queue of the TAP @p name, which is made if it isn't there. @p flags: IFF_... */
int tap_attach(int fd, const char *name, unsigned int flags);
/** Name of the TAP that @p fd belongs to; -ENODEV once it was removed. */
int tap_name(int fd, char name[IFNAMSIZ]);
/** 12-byte little-endian header. */
int tap_set_header(int fd);
int tap_set_persist(int fd, bool persist);
/** -EPERM: up, while all queues are detached. */
int tap_set_carrier(int fd, bool up);
/** Let the kernel put frames into the queue, or drop them all. For the whole TAP. */
int tap_set_pass(int fd, bool pass);
/** Multi-queue: no frames for this queue any more (what waits in it is dropped), or again. */
int tap_detach_queue(int fd);
int tap_reattach_queue(int fd);
/** Drop what waits in the queue. @return frames dropped. */
unsigned int tap_drain(int fd);
/**
 * Let the kernel hand over frames with the work left to us that @p features (GUEST_*) allow, or
 * less when it refuses. @return VN_PORT_ACCEPT_* or negative errno.
 */
int tap_set_offloads(int fd, uint64_t features);
/** Virtio offload features possible here; 0 when TAPs cannot be made. */
uint64_t tap_probe_features(void);

/* tap_make.c: helper only. Errors also as one line in @p err. */

int tap_check_conf(const struct vn_port_conf *conf, char *err, size_t errlen);
/** Make or adopt the netdev by conf and features: fills in fd, ifindex, adopted, accept. */
int tap_make(struct vn_port *port, char *err, size_t errlen);
/** tap_set_carrier() that works while all queues are detached, too. */
int tap_link_carrier(int fd, bool up);

/* tap_pool.c: see struct vn_port_ops, helper only. */

int tap_prepare(const struct vn_port_conf *conf, char *err, size_t errlen);
int tap_discard(const char *const *name, unsigned int n, const char *alias);

/* tap_io.c */

/**
 * Make the memory of a queue. Helper.
 * @return 0; -EINVAL: mbufs of @p pool are too small; -ENOMEM.
 */
int tap_queue_create(struct rte_mempool *pool, struct vn_port_queue **q);
void tap_queue_free(struct vn_port_queue *q);

/** See struct vn_port_ops. */
uint16_t tap_rx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n);
void tap_tx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n);
uint16_t tap_tx_views(struct vn_port_queue *q, struct vn_virtq *tx, uint16_t n);
/** What read() of a queue said instead of a frame. */
void tap_read_failed(struct vn_port_queue *q, int err);

/* tap_fill.c */

/**
 * Shorter frames are read into mbufs: see doc/performance.md. What the next one will be, the last
 * one tells.
 */
#define TAP_FILL_MIN 1024u
/** See struct vn_port_ops. */
uint16_t tap_rx_fill(struct vn_port_queue *q, struct vn_virtq *rx, uint16_t n, bool *empty);

#endif /* TAP_PRIVATE_H */
