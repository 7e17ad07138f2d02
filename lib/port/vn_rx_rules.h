/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_RX_RULES_H
#define VN_RX_RULES_H

/**
 * @file
 * Which frames from the network a device receives, and on which of its queue pairs: receive mode,
 * MAC and VLAN filters, RSS and hash report (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.7, 5.1.6.4.3), in
 * software.
 *
 * The control thread makes a rule set from what the driver set through the control queue; it does
 * not change afterwards. A poller applies it, from the command that gave it to the acknowledged
 * command that takes it away.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_net_ctrl.h"

struct rte_mbuf;
struct vn_net_hdr_hash;
struct vn_view;

/** Entries of a MAC table that are kept; with more, whoever fills it sets alluni or allmulti. */
#define VN_RX_MACS 256

/** What the driver has set, as it set it. Plain data: part of a device's record. */
struct vn_rx_state {
	/* Receive mode. */
	uint8_t promisc, allmulti, alluni, nomulti, nouni, nobcast;
	uint8_t filter_vlan; /**< VN_NET_F_CTRL_VLAN negotiated */
	uint8_t mac[6];      /**< the device's own */
	uint16_t n_uni, n_multi;
	uint8_t table[VN_RX_MACS][6]; /**< n_uni unicast, then n_multi multicast */
	uint64_t vlan[4096 / 64];     /**< bit n: VLAN n is received */
	/* Spreading. */
	uint16_t queue_pairs; /**< in use, >= 1 */
	uint16_t port_pairs;  /**< a frame's @p from is below this; 0: not known */
	uint8_t rss;          /**< spread by the table below; else a frame stays on its pair */
	uint8_t hash_report;  /**< VN_NET_F_HASH_REPORT: fill the header's hash fields */
	uint32_t hash_types;  /**< VN_NET_HASH_*; 0 hashes nothing */
	uint8_t key_len;      /**< <= VN_NET_RSS_KEY_SIZE */
	uint8_t key[VN_NET_RSS_KEY_SIZE];
	uint16_t unclassified; /**< queue pair of frames without a hash */
	uint16_t table_len;    /**< power of two, 1..VN_NET_RSS_TABLE_SIZE, with rss */
	uint16_t indirection[VN_NET_RSS_TABLE_SIZE]; /**< queue pairs */
};

struct vn_rx_rules;

/** The state after reset: promiscuous, one pair, @p mac. */
void vn_rx_state_reset(struct vn_rx_state *s, const uint8_t mac[6]);

/**
 * Make a rule set. Control thread.
 * @return it, or NULL for lack of memory. Values out of range in @p s are -EINVAL's to be caught by
 *   whoever fills it; here they are made harmless.
 */
struct vn_rx_rules *vn_rx_rules_create(const struct vn_rx_state *s);
/** Once no poller uses it. NULL is fine. */
void vn_rx_rules_free(struct vn_rx_rules *rules);

/** vn_rx_rules_apply(): the frame is not for this device. */
#define VN_RX_DROP (-1)
/** vn_rx_rules_apply_view(): what decides lies behind the private bytes; use an mbuf. */
#define VN_RX_CUT (-2)

/**
 * Decide about one frame from the network. Poller; the frame may be hostile. With hash report the
 * hash fields of vn_mbuf_hdr() are filled (zeroed when there is no hash).
 *
 * @param from
 *   Queue pair on which it came in.
 * @return queue pair (< queue_pairs), or VN_RX_DROP.
 */
int vn_rx_rules_apply(const struct vn_rx_rules *rules, struct rte_mbuf *m, uint16_t from);
/** The same for a view, by its private bytes. @p hdr gets the hash fields. @return or VN_RX_CUT. */
int vn_rx_rules_apply_view(const struct vn_rx_rules *rules, const struct vn_view *view,
	struct vn_net_hdr_hash *hdr, uint16_t from);

/**
 * True if nothing can be dropped, moved or hashed: the caller may skip vn_rx_rules_apply(). Never
 * true unless the state's port_pairs says that no frame comes in on a pair that is not in use.
 */
bool vn_rx_rules_trivial(const struct vn_rx_rules *rules);

#endif /* VN_RX_RULES_H */
