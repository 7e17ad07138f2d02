/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_PORT_H
#define VN_PORT_H

/**
 * @file
 * The network side of a device: what a port driver implements (drivers/port/).
 *
 * "Helper" functions may block; they are called one at a time from the event loop's helper thread
 * (struct vn_job), never from the control thread once traffic runs. Between queue_open and
 * queue_close a queue belongs to one poller.
 */

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;
struct vn_view;
struct vn_virtq;
struct vn_port;       /* driver's own */
struct vn_port_queue; /* driver's own */

#define VN_PORT_NAME_LEN 16 /* IFNAMSIZ */

/** What a port is made of. */
struct vn_port_conf {
	char name[VN_PORT_NAME_LEN]; /**< representor, "en3f0pf0sf1000" */
	char alias[64];              /**< marks the netdev as ours: "dpdk-virtnet <VUID>" */
	uint16_t max_queue_pairs;    /**< > 1: multi-queue */
	uint16_t mtu;   /**< of the device; the representor's is raised to it, never lowered */
	bool link_up;   /**< carrier at the start */
	uint8_t mac[6]; /**< of the device, as its operator gave it */
	/* Kinds that forward between devices. */
	bool anti_spoof; /**< frames come from mac only */
	bool isolated;   /**< it reaches, and is reached by, the network outside only */
	void *ctx;       /**< vn_port_ops::ctx of the kind */
};

/** What the port is now, for list/query. */
struct vn_port_info {
	bool ready;                  /**< it is there and can carry frames; false: it was removed */
	char name[VN_PORT_NAME_LEN]; /**< of the netdev; "": the kind has none */
	int ifindex;                 /**< 0: no netdev */
	uint16_t mtu;                /**< of the netdev */
	bool admin_up;
	bool adopted;              /**< the netdev was there before */
	bool anti_spoof, isolated; /**< in force: see struct vn_port_conf */
};

/** Counters of one port queue. Written by its poller. */
struct vn_port_stats {
	uint64_t rx_packets, rx_bytes; /**< network to device */
	uint64_t tx_packets, tx_bytes; /**< device to network */
	uint64_t rx_errors;            /**< frames with an impossible header, read errors */
	uint64_t tx_dropped;           /**< refused by the network side */
	uint64_t rx_no_mbuf;
	uint64_t rx_full; /**< not kept for the device: too many wait for it. Written by any poller
			   */
};

/**
 * The receiving side of a port queue, given by its poller: frames for the device go there without
 * an mbuf. Valid between set_sink() and set_sink(NULL).
 */
struct vn_port_sink {
	/**
	 * The poller. Two queues with the same owner are served by the same thread, one at a time:
	 * only then may put() of one be called from within tx_views() of the other.
	 */
	const void *owner;
	/**
	 * Deliver @p n frames, by the device's receive rules, to whichever pair they say. What is
	 * filtered, or can never be delivered, is counted as such by the device. Frames for the
	 * device that wait in the port's own queue are older: they come first, so while there are
	 * some, frames are not put.
	 * @return how many of them, from the first on, are done with. For the next one there were
	 * no buffers, or the receiver cannot take it like that (its driver needs the frame
	 * segmented): the port drops it or sends mbufs, and those behind it as well.
	 */
	uint16_t (*put)(const struct vn_port_sink *sink, const struct vn_view *views, uint16_t n);
};

struct vn_port_ops {
	const char *kind; /**< "tap", "internal": what operators call it */
	bool netdev;      /**< its ports are kernel netdevs: there are representors */
	void *ctx;        /**< what its ports have in common, for open(); NULL: nothing */

	/** Control thread. Virtio features (offloads) this kind can honour on this machine. */
	uint64_t (*features)(void);

	/** Helper. Make or adopt the port. @p err (>= 256 bytes) gets one line on failure. */
	int (*open)(
		const struct vn_port_conf *conf, struct vn_port **port, char *err, size_t errlen);
	/** Helper. Let go of it; the representor stays. All queues are closed. */
	void (*close)(struct vn_port *port);
	/** Helper. Remove the representor as well ("unplug", clean-up), then close. */
	void (*destroy)(struct vn_port *port);
	/**
	 * Helper. The same for @p n ports (at least one), for kinds that are faster with many at
	 * once; NULL: one by one.
	 */
	void (*destroy_many)(struct vn_port *const *ports, unsigned int n);

	/**
	 * Helper. Make what open() will adopt, if it is not there: a representor without a device.
	 * NULL: this kind has nothing that is there before a port, and stays after it.
	 */
	int (*prepare)(const struct vn_port_conf *conf, char *err, size_t errlen);
	/**
	 * Helper. Remove the representors of these @p n names, all at once, but for those that are
	 * in use, and those whose alias does not begin with @p alias. NULL: as prepare.
	 * @return how many, or negative errno.
	 */
	int (*discard)(const char *const *name, unsigned int n, const char *alias);

	/** Helper. Virtio features the driver negotiated -> offloads of the network side. */
	int (*set_features)(struct vn_port *port, uint64_t features);
	/** Helper. Carrier. */
	int (*set_link)(struct vn_port *port, bool up);
	/** Helper. Device MTU changed: raise the representor's when it is smaller. */
	int (*set_mtu)(struct vn_port *port, uint16_t mtu);
	/** Helper. The operator gave the device another MAC. NULL: of no interest. */
	int (*set_mac)(struct vn_port *port, const uint8_t mac[6]);
	/** Helper. */
	int (*get_info)(struct vn_port *port, struct vn_port_info *info);

	/** Helper. Attach queue @p idx (< max_queue_pairs). What waited in it from before is
	 * dropped. */
	int (*queue_open)(struct vn_port *port, uint16_t idx, struct rte_mempool *pool,
		struct vn_port_queue **q);
	/** Helper. After the poller let go. */
	void (*queue_close)(struct vn_port_queue *q);

	/** Any. Readable when rx_burst has something to read (level); -1: always poll. */
	int (*queue_fd)(struct vn_port_queue *q);
	/**
	 * Poller. NULL: queue_fd is as said above, always. Else rx_burst is asked in every round,
	 * and queue_fd is only readable while the queue is armed: @p on before a sleep, off after
	 * it. Executes the full fence that makes sure that no frame is missed.
	 * @return with @p on: there is a frame already.
	 */
	bool (*rx_arm)(struct vn_port_queue *q, bool on);
	/** Any. */
	const struct vn_port_stats *(*queue_stats)(struct vn_port_queue *q);

	/**
	 * Poller. Up to @p n frames from the network, new mbufs with vn_mbuf_hdr() filled (checked;
	 * 12-byte form). @return frames; fewer than n means there is no more now.
	 */
	uint16_t (*rx_burst)(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n);
	/**
	 * Poller. Send @p n frames with their vn_mbuf_hdr(). Takes all of them: what cannot be sent
	 * is dropped and counted.
	 */
	void (*tx_burst)(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n);

	/**
	 * Poller. Optional, NULL: tx_burst is used. Send up to @p n frames of the transmit ring @p
	 * tx straight from the driver's buffers (vn_virtq_view()). Completing and publishing is the
	 * caller's. What cannot be sent is dropped and counted.
	 * @return frames taken.
	 */
	uint16_t (*tx_views)(struct vn_port_queue *q, struct vn_virtq *tx, uint16_t n);
	/**
	 * Poller. Optional, NULL: rx_burst is used. Receive up to @p n frames straight into the
	 * driver's buffers, of the receive ring @p rx (vn_virtq_fill.h). Nothing looks at them on
	 * their way, so they must all be for this ring. Publishing is the caller's. What is no good
	 * is dropped and counted.
	 * @param empty
	 *   Out: there is no more now. Else, and with fewer than @p n: rx_burst is the way for the
	 *   next ones, if the ring is not broken.
	 * @return frames read, also those that the ring dropped.
	 */
	uint16_t (*rx_fill)(struct vn_port_queue *q, struct vn_virtq *rx, uint16_t n, bool *empty);
	/** Poller. Optional. @p sink stays the poller's; NULL takes it back. */
	void (*set_sink)(struct vn_port_queue *q, const struct vn_port_sink *sink);
};

#endif /* VN_PORT_H */
