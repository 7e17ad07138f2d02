/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_SWITCH_H
#define VN_SWITCH_H

/**
 * @file
 * Port driver "switch": the embedded switch. Its ports are devices and uplinks (DPDK's ethdevs);
 * there is no netdev and no representor. It forwards as the embedded switch of a NIC does:
 *
 *   - the MAC of each device is known from the start, on all VLANs, and cannot be taken away;
 *   - what else is heard, from devices and uplinks, is learnt by MAC and VLAN, and forgotten after
 *     some time; whoever was heard last has it;
 *   - a unicast frame that nobody is known for goes to the uplinks, and only there;
 *   - broadcast and multicast go to all others; from an uplink never to another uplink;
 *   - a device that is isolated exchanges frames with uplinks only (vn_port_conf::isolated);
 *   - nothing goes back to where it came from.
 *
 * Frames pass by reference, or by one copy where two devices are on one poller. Who does not take
 * the offloads that a sender leaves to it gets frames with them done, in software.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_port.h"

struct rte_rcu_qsbr;
struct vn_poll_source;
struct vn_switch;

/** What a switch is made with. */
struct vn_switch_conf {
	uint32_t table_size; /**< most learnt addresses; is rounded up to a power of two */
	uint32_t ageing_s;   /**< forget who was not heard for so long; 0: never */
	/**
	 * All pollers are its threads: each reports a quiescent state between two rounds, and is
	 * offline while it sleeps.
	 */
	struct rte_rcu_qsbr *qsbr;
	struct rte_mempool *pool;   /**< for frames, with VN_MBUF_PRIV_SIZE */
	struct rte_mempool *clones; /**< the same without room for data, for replication */
};

#define VN_SWITCH_TABLE_SIZE     8192
#define VN_SWITCH_TABLE_SIZE_MAX (1u << 20)
#define VN_SWITCH_AGEING_S       300
/** Addresses that a device may have learnt for it, beside its own: others go on fitting. */
#define VN_SWITCH_LEARN_MAX 64

/** Make one, without ports. Control thread. @return 0 or negative errno. */
int vn_switch_create(const struct vn_switch_conf *conf, struct vn_switch **sw);
/** All its ports are closed and no poller runs. NULL is fine. */
void vn_switch_destroy(struct vn_switch *sw);

/** The port driver whose ports are those of @p sw; it lives as long. */
const struct vn_port_ops *vn_switch_ops(struct vn_switch *sw);

/**
 * Add an uplink: the ethdev of this name, or of this RDMA device. It is started. Control thread,
 * before there are devices.
 *
 * @param src
 *   What a poller is to be given (vn_poller_attach_source()); it lives as long as @p sw.
 * @param err
 *   Gets one line on failure.
 */
int vn_switch_add_uplink(struct vn_switch *sw, const char *name, struct vn_poll_source **src,
	char *err, size_t errlen);

/** Time passes: to be called about once a second. Control thread. */
void vn_switch_tick(struct vn_switch *sw);

/** Why frames were dropped, and what else was counted. Sums of relaxed reads. */
struct vn_switch_stats {
	uint64_t unknown;    /**< unicast, for nobody known, and there is no uplink */
	uint64_t spoofed;    /**< not from the device's own MAC, with vn_port_conf::anti_spoof */
	uint64_t own;        /**< from an uplink, but a device's MAC as the source: a loop */
	uint64_t full;       /**< the receiver took nothing for so long */
	uint64_t away;       /**< the receiver has no driver, or its link is down */
	uint64_t no_mbuf;    /**< no buffers for copies */
	uint64_t bad;        /**< cannot be segmented as its header says */
	uint64_t storm;      /**< copies of broadcast and multicast beyond what a burst may make */
	uint64_t filtered;   /**< for the one it came from, or one that is out of its reach */
	uint64_t replicated; /**< copies that were made (not a drop) */
	uint64_t segmented;  /**< frames cut in software (not a drop) */
	uint64_t direct;     /**< frames copied from guest to guest (not a drop) */
};

/** Numbers for debug. */
struct vn_switch_info {
	unsigned int ports; /**< devices */
	unsigned int uplinks;
	unsigned int learnt, table_size;
	uint64_t moved;   /**< learnt addresses that were heard somewhere else */
	uint64_t evicted; /**< forgotten early, for lack of room */
	uint64_t refused; /**< not learnt: its device has VN_SWITCH_LEARN_MAX */
	struct vn_switch_stats stats;
};

/** Any thread but pollers. */
void vn_switch_get_info(struct vn_switch *sw, struct vn_switch_info *info);

#define VN_SWITCH_NAME_LEN 64

/** One address of the table. */
struct vn_switch_entry {
	uint8_t mac[6];
	uint16_t vlan;             /**< learnt ones; 0: untagged */
	bool learnt;               /**< false: a device's own, on all VLANs */
	bool anti_spoof, isolated; /**< rules of the device whose own it is */
	uint32_t age_s;
	char port[VN_SWITCH_NAME_LEN]; /**< who has it: VUID of the device, or name of the uplink */
};

/**
 * Up to @p n entries of the table, the devices' own first. Any thread but pollers.
 * @return how many.
 */
unsigned int vn_switch_table(struct vn_switch *sw, struct vn_switch_entry *e, unsigned int n);

#endif /* VN_SWITCH_H */
