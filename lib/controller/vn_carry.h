/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_CARRY_H
#define VN_CARRY_H

/**
 * @file
 * What each transport can do of modify, and whose values list and query show. The page
 * doc/transports.md has the same tables; devtools/check-docs compares them. Any thread.
 */

enum vn_carry {
	VN_CARRY_NOW,  /**< in force when modify has answered */
	VN_CARRY_NEXT, /**< for the next driver (vfio-user), the next VMM (vhost-user) */
	VN_CARRY_NOT,  /**< refused */
};

/** X(VN_MODIFY_..., "key on the wire", vfio-user, vhost-user) */
#define VN_CARRY_OPTIONS(X)                             \
	X(MAC, "mac", NEXT, NOW)                        \
	X(MTU, "mtu", NEXT, NEXT)                       \
	X(SPEED, "speed", NOW, NOT)                     \
	X(LINK, "link", NOW, NOT)                       \
	X(STATE, "state", NOW, NOT)                     \
	X(FEATURES, "features", NEXT, NEXT)             \
	X(HASH_TYPES, "supported_hash_types", NOW, NOT) \
	X(RSS_KEY_SIZE, "rss_max_key_size", NOW, NOT)   \
	X(RX_MODE, "rx_mode", NOW, NOT)                 \
	X(MSIX_NUM, "msix_num", NEXT, NOT)              \
	X(QUEUE_SIZE, "max_queue_size", NEXT, NOT)      \
	X(QUEUE_PAIRS, "max_queue_pairs", NEXT, NEXT)   \
	X(DST_PORT, "dst_port", NOT, NOT)               \
	X(RX_DMA_Q_NUM, "rx_dma_q_num", NOT, NOT)       \
	X(DROP_COUNTER, "drop_counter", NOW, NOW)       \
	X(PKT_CNT, "pkt_cnt", NOW, NOW)                 \
	X(AARFS, "aarfs", NOW, NOW)                     \
	X(DIM, "dim_config", NEXT, NEXT)                \
	X(QUEUE, "queue", NOW, NEXT)

/** Whose value a key of list and query is. */
enum vn_shows {
	VN_SHOWS_DRIVER, /**< what the driver sees, or has set */
	VN_SHOWS_OURS,   /**< what the device would be; the VMM shows its own */
	VN_SHOWS_NOTHING /**< not known: a constant */
};

/** X("key", vfio-user, vhost-user): those whose meaning the transport changes. */
#define VN_CARRY_KEYS(X)                         \
	X("pci_bdf", DRIVER, OURS)               \
	X("transitional", DRIVER, NOTHING)       \
	X("num_msix", DRIVER, OURS)              \
	X("num_queues", DRIVER, OURS)            \
	X("enabled_queues", DRIVER, DRIVER)      \
	X("max_queue_size", DRIVER, OURS)        \
	X("msix_config_vector", DRIVER, NOTHING) \
	X("mac", DRIVER, OURS)                   \
	X("link_status", DRIVER, OURS)           \
	X("max_queue_pairs", DRIVER, DRIVER)     \
	X("mtu", DRIVER, OURS)                   \
	X("speed", DRIVER, OURS)                 \
	X("rss_max_key_size", DRIVER, OURS)      \
	X("supported_hash_types", DRIVER, OURS)  \
	X("ctrl_mac", DRIVER, NOTHING)           \
	X("ctrl_mq", DRIVER, DRIVER)             \
	X("pci_dev_id", DRIVER, OURS)            \
	X("pci_subsys_id", DRIVER, OURS)         \
	X("device_feature", DRIVER, OURS)        \
	X("driver_feature", DRIVER, DRIVER)      \
	X("status", DRIVER, OURS)                \
	X("reset", DRIVER, DRIVER)               \
	X("msix_vector", DRIVER, NOTHING)        \
	X("notify_offset", DRIVER, OURS)         \
	X("rq_cq_max_count", DRIVER, OURS)       \
	X("rq_cq_period", DRIVER, OURS)          \
	X("num_desc_drop_pkts", DRIVER, DRIVER)

#endif /* VN_CARRY_H */
