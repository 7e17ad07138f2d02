/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef SW_FORWARD_H
#define SW_FORWARD_H

/** @file A burst of frames on its way through the switch, and the decision about each of them. */

#include <rte_ether.h>

#include "sw_private.h"

/** Bytes of a frame that decide: addresses and one VLAN tag. */
#define SW_L2_LEN (RTE_ETHER_HDR_LEN + sizeof(struct rte_vlan_hdr))
/** Different queues that a burst collects frames for at a time. */
#define SW_OUTS 8
/**
 * Copies of frames to many that one burst may make, and two for each port. One that has to be cut
 * or filled in for its receiver counts as what that takes.
 */
#define SW_COPIES 64

#define SW_VLAN_MASK 0xfff

/** Frames for one queue. */
struct sw_out {
	struct vn_port_queue *q;
	uint16_t n;
	struct rte_mbuf *m[SW_BURST];
};

/** Poller: one burst. Whatever it points to is there until the poller's next quiescent state. */
struct sw_burst {
	struct vn_switch *sw;
	const struct sw_map *map;
	struct vn_port_queue *q; /* the sender */
	struct vn_port *port;    /* its port */
	const void *owner;       /* its poller; NULL: no sinks */
	struct vn_switch_stats *stats;
	uint32_t copies; /* that may still be made */
	uint32_t made;   /* mbufs that offloads took which receivers left to us */
	uint16_t n_out;
	struct sw_out out[SW_OUTS];
};

enum sw_verdict {
	SW_TO_PORT,
	SW_TO_UPLINKS,
	SW_TO_ALL,    /* but the sender */
	SW_TO_NOBODY, /* not a fault of the sender; counted */
	SW_DROP,      /* refused; counted */
};

void sw_burst_begin(struct sw_burst *b, struct vn_port_queue *q);
/** Nothing is on its way any more. */
void sw_burst_end(struct sw_burst *b);
/** The queue of a port that gets the sender's frames; NULL: there is none now. */
struct vn_port_queue *sw_queue_of(const struct sw_burst *b, const struct vn_port *port);
/** Give a port a frame; takes it. */
void sw_give(struct sw_burst *b, struct vn_port *port, struct rte_mbuf *m);
/** To the first @p n ports of the map that may have it; takes it. */
void sw_flood(struct sw_burst *b, uint32_t n, struct rte_mbuf *m);
/** Frames in their sender's buffers, no more than VN_VIEW_BURST. */
void sw_forward_views(struct sw_burst *b, const struct vn_view *views, uint16_t n);

/** Frames of the sender may go to @p port at all. */
static inline bool
sw_may_reach(const struct sw_burst *b, const struct vn_port *port)
{
	if (port == b->port)
		return false;
	if (b->port->uplink)
		return !port->uplink;
	return port->uplink || !(b->port->isolated || port->isolated);
}

/** The VLAN of a frame; 0: none, or only a priority. */
static inline uint16_t
sw_vlan(const uint8_t *eth, uint32_t len)
{
	const uint16_t type = (uint16_t)(eth[12] << 8 | eth[13]);

	if (likely(type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ))
		return 0;
	return len < SW_L2_LEN ? 0 : (uint16_t)((eth[14] << 8 | eth[15]) & SW_VLAN_MASK);
}

/** Look at who sends it. @return false: it may not. */
static inline bool
sw_check_source(struct sw_burst *b, const uint8_t *eth, uint16_t vlan)
{
	const uint8_t *src = eth + RTE_ETHER_ADDR_LEN;
	const uint64_t mac = sw_mac(src);
	const struct vn_port *owner;

	if (likely(mac == __atomic_load_n(&b->port->mac, __ATOMIC_RELAXED)))
		return true;
	if (b->port->anti_spoof) {
		b->stats->spoofed++;
		return false;
	}
	/* Nobody's address: passed on, not learnt. */
	if (unlikely((src[0] & RTE_ETHER_GROUP_ADDR) || mac == 0))
		return true;
	owner = sw_map_static(b->map, mac);
	if (likely(owner == NULL)) {
		sw_fdb_learn(&b->sw->fdb, sw_key(mac, vlan), b->port->id, !b->port->uplink);
		return true;
	}
	/* What a device has sent comes back from outside: all others have had it. */
	if (b->port->uplink) {
		b->stats->own++;
		return false;
	}
	return true;
}

/** @p eth: SW_L2_LEN bytes, or all @p len of the frame. */
static inline enum sw_verdict
sw_decide(struct sw_burst *b, const uint8_t *eth, uint32_t len, struct vn_port **to)
{
	const uint16_t vlan = sw_vlan(eth, len);
	const uint64_t dst = sw_mac(eth);
	sw_port_id id;
	bool learnt;

	if (unlikely(!__atomic_load_n(&b->port->link, __ATOMIC_RELAXED))) {
		b->stats->away++;
		return SW_DROP;
	}
	if (unlikely(!sw_check_source(b, eth, vlan)))
		return SW_DROP;
	if (eth[0] & RTE_ETHER_GROUP_ADDR)
		return SW_TO_ALL;
	*to = sw_map_static(b->map, dst);
	learnt = *to == NULL;
	if (learnt) {
		id = sw_fdb_find(&b->sw->fdb, sw_key(dst, vlan));
		if (id != 0 && id <= b->map->max_id)
			*to = b->map->by_id[id];
	}
	if (*to == NULL) {
		if (!b->port->uplink && b->map->n_uplinks > 0)
			return SW_TO_UPLINKS;
		b->stats->unknown++;
		return SW_TO_NOBODY;
	}
	if (unlikely(!sw_may_reach(b, *to))) {
		/* One that nobody may reach could take an address from the network by using it. */
		if (learnt && *to != b->port && !(*to)->uplink && b->map->n_uplinks > 0)
			return SW_TO_UPLINKS;
		b->stats->filtered++;
		return SW_TO_NOBODY;
	}
	return SW_TO_PORT;
}

#endif /* SW_FORWARD_H */
