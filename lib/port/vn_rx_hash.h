/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_RX_HASH_H
#define VN_RX_HASH_H

/**
 * @file
 * The hash of a frame towards the driver (virtio 1.2, 5.1.6.4.3). Inner to lib/port: what is done
 * with it is vn_rx_rules.c's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_net_ctrl.h"

struct rte_mbuf;

/** A frame: its beginning, where most that is looked for lies, and all of it or not. */
struct vn_rx_head {
	const uint8_t *head;
	uint32_t head_len;
	uint32_t len;             /**< of the frame */
	const struct rte_mbuf *m; /**< the frame, or NULL: the head is all there is */
	bool cut;                 /**< set when something was looked for behind the head */
};

/** Parameters; constant while a poller uses them. */
struct vn_rx_hash {
	uint32_t types;                        /**< VN_NET_HASH_* */
	uint32_t key[VN_NET_RSS_KEY_SIZE / 4]; /**< in the order of the processor */
};

/**
 * Set the parameters. Control thread. A key shorter than VN_NET_RSS_KEY_SIZE is continued with
 * zeroes; unknown types are left out.
 */
void vn_rx_hash_init(struct vn_rx_hash *h, uint32_t types, const uint8_t *key, uint8_t key_len);

/**
 * Poller. The frame may be of any length and contents.
 *
 * @param hash
 *   The hash, in the order of the processor; 0 when there is none.
 * @return VN_NET_HASH_REPORT_*
 */
uint16_t vn_rx_hash(const struct vn_rx_hash *h, struct vn_rx_head *frame, uint32_t *hash);

#endif /* VN_RX_HASH_H */
