/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_DEVICE_H
#define VN_DEVICE_H

/**
 * @file
 * One virtio-net device: identity, features, config space, rings, and its port.
 *
 * Everything here is for the control thread. The rings' packets are moved by a poller; calls that
 * take something from a poller are asynchronous and end with a callback, which always comes:
 * a poller that misses its deadline is overridden (its memory is revoked, the device is broken).
 * Callbacks may come before the call returns.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_guestmem.h"
#include "vn_log.h"
#include "vn_loop.h"
#include "vn_port.h"
#include "vn_virtio_pci.h"
#include "vn_virtq.h"

struct vn_blackbox;
struct vn_ctrl_dev;
struct vn_device;
struct vn_endpoint;
struct vn_poll_latency;
struct vn_poller;
struct vn_pollers;
struct vn_transport_ops;

#define VN_VUID_LEN 40
#define VN_MAC_LEN  6

/** Most data queue pairs of a device: 256 virtqueues in all. */
#define VN_MAX_QUEUE_PAIRS 127

enum vn_function_type {
	VN_STATIC_PF,
	VN_HOTPLUG_PF,
	VN_VF,
};

/** What every device is made with; given once by the application. */
struct vn_device_env {
	struct vn_loop *loop;
	struct vn_gm_registry *gm;
	struct vn_pollers *pollers;
	struct vn_blackbox *bb; /**< may be NULL */
	struct rte_mempool *pool;
	/* The kind of this device's port: lib/controller fills it in. */
	const struct vn_port_ops *port_ops;
	uint64_t port_features; /**< port_ops->features(), asked once */
	/**
	 * What the driver set has changed (vn_model_driver_get()); or, with @p reset, a reset has
	 * taken all of it. May be NULL. Not to call anything that ends the device.
	 */
	void (*driver_changed)(void *ctx, struct vn_device *dev, bool reset);
	/**
	 * The client of @p dev, a PF that may own VFs, wants @p n of them; 0: none. Said anew at
	 * each reset and after a hand-over to another process. Answered by
	 * vn_transport_ops::set_vfs(), also while this call runs. May be NULL. Control thread.
	 */
	void (*want_vfs)(void *ctx, struct vn_device *dev, uint16_t n);
	void *ctx; /**< of both */
};

/** Who the device is and what it can do (contract 1.3 to 1.5, 4.3). */
struct vn_device_conf {
	enum vn_function_type type;
	uint16_t pf_id;
	uint16_t vf_id; /**< VN_VF only */
	char vuid[VN_VUID_LEN];
	uint16_t bdf;          /**< bus << 8 | dev << 3 | fn */
	uint16_t pci_function; /**< "pf_num" */
	uint8_t mac[VN_MAC_LEN];
	uint64_t features;        /**< offered to the driver, before the port's limits */
	uint16_t num_msix;        /**< vectors that a driver may use */
	uint16_t max_msix;        /**< entries of the table; 0: num_msix */
	uint16_t num_queues;      /**< virtqueues, data + control */
	uint16_t max_queue_pairs; /**< (num_queues - 1) / 2; 0: no driver can use the device */
	/** Pairs that the port is made for; 0: max_queue_pairs. The device may grow up to it. */
	uint16_t port_pairs;
	uint16_t max_queue_size; /**< entries */
	uint16_t mtu;
	uint32_t speed; /**< Mb/s */
	uint32_t sf_num;
	char rep_name[VN_PORT_NAME_LEN];
	char ib_dev[64]; /**< sf_parent_device */
	/* PFs that may own VFs; else 0. What they say of their VFs: SR-IOV capability. */
	uint16_t total_vfs;   /**< most VFs */
	uint16_t vf_offset;   /**< bdf of the first one, less the PF's; the others follow it */
	uint16_t vf_msix;     /**< entries of one's MSI-X table */
	bool vf_transitional; /**< they have the device id of transitional functions */
	/* Set by modify, and kept (recovery file). */
	bool link_down;       /**< the driver is told that the link is down */
	bool aarfs, dim;      /**< accelerated RFS, interrupt moderation by load */
	bool drop_counter;    /**< num_desc_drop_pkts counts */
	bool count_sizes;     /**< packet_counters: size classes are counted */
	uint8_t rss_key_size; /**< bytes; 0: the default */
	uint32_t hash_types;  /**< VN_NET_HASH_* offered; 0: all */
	uint32_t rx_mode;     /**< VN_RX_MODE_* in force, whatever the driver sets; 0: its choice */
	uint8_t coal_mode;    /**< VN_COAL_* of receive queues, until the driver sets its own */
	uint32_t coal_usecs, coal_packets; /**< rq_cq_period, rq_cq_max_count */

	bool anti_spoof, isolated; /**< struct vn_port_conf */
	unsigned int lcore_first,
		lcore_last; /**< window over the worker lcores, by their order; 0..UINT_MAX */
};

/** Where the time begins that an interrupt may wait (contract 7.2: rq_cq_period_mode). */
enum vn_coal_mode {
	VN_COAL_DEFAULT, /**< as VN_COAL_EVENT */
	VN_COAL_EVENT,   /**< with the first frame that waits */
	VN_COAL_CQE,     /**< anew with each frame */
};

/** Bits of vn_device_conf::rx_mode. */
#define VN_RX_MODE_PROMISC  0x1  /**< everything */
#define VN_RX_MODE_ALLMULTI 0x2  /**< all multicast */
#define VN_RX_MODE_ALLUNI   0x4  /**< all unicast */
#define VN_RX_MODE_NOMULTI  0x8  /**< no multicast */
#define VN_RX_MODE_NOUNI    0x10 /**< no unicast */
#define VN_RX_MODE_NOBCAST  0x20 /**< no broadcast */
#define VN_RX_MODE_ALL      0x3f

/** How a ring is to be started; see vn_device_vq_start(). */
struct vn_vq_setup {
	uint16_t size;
	/** Position that the transport knows, as in struct vn_virtq_conf. */
	uint16_t start;
	/**
	 * The ring ran before: its position is what guest memory shows; of a packed one what guest
	 * memory and black box show, or start, when the black box does not know the ring.
	 */
	bool resume;
	/** Nobody has told start: it is right for a ring that has not been served yet only. */
	bool unknown;
	uint16_t told; /**< rings only: the position that the peer knows, if it has to say one */
	uint64_t desc_gpa, avail_gpa, used_gpa;
	uint64_t used_log_gpa;
	int kick_fd; /**< eventfd or -1 (then polled); becomes the device's */
	int call_fd; /**< eventfd or -1; becomes the device's */
};

enum vn_vq_state {
	VN_VQ_STOPPED,
	VN_VQ_STARTING, /**< waiting for the port or the poller */
	VN_VQ_RUNNING,
	VN_VQ_STOPPING,
};

/** A ring as the control thread sees it. Read-only outside lib/device. */
struct vn_device_vq {
	enum vn_vq_state state;
	struct vn_vq_setup setup;    /**< valid unless STOPPED (kept for show after it) */
	uint16_t position;           /**< when STOPPED: where it stopped */
	bool stopped_there;          /**< position is where the ring stopped that is set up now */
	uint16_t msix_vector;        /**< 0xffff: none, or not known (vhost-user) */
	struct vn_virtq_stats stats; /**< counts over the device's life; written by the poller */
};

/**
 * What health counts (contract 7.5), over the device's life. doc/keys.md has the meaning of each
 * under the contract's name. Read-only outside lib/device.
 */
struct vn_device_health {
	bool fatal;         /**< it cannot work: broken, no port, or its poller does not answer */
	uint32_t recovered; /**< times it has come out of that */
	/* What the driver or the operator wanted and did not get. */
	uint64_t queue_tables; /**< queue pairs or RSS that did not come into force */
	uint64_t port_queues;  /**< queues of the port that could not be opened */
	uint64_t first_rules;  /**< receive rules of a new driver that could not be made */
	uint64_t mac_tables;   /**< MAC tables that did not come into force */
	uint64_t vlans;        /**< VLANs that could not be added or taken away */
	uint64_t rules;        /**< other receive rules, and offloads that the port refused */
	/* What traffic met. */
	uint64_t tx_stalls;    /**< times a TX queue of the port refused all frames for long */
	uint64_t rings_broken; /**< times a ring made the device ask for a reset */
	uint64_t memory_lost;  /**< times the guest's memory went away under the rings */
};

struct vn_device_priv;

/** Read-only outside lib/device, but for the fields marked otherwise. */
struct vn_device {
	struct vn_device_conf conf;
	struct vn_device_env env;

	uint64_t device_features; /**< what the driver is offered */
	uint64_t driver_features; /**< what it took; 0 before */
	uint8_t status;           /**< VN_STATUS_* */
	bool link_up;             /**< config space link status; the representor's carrier */
	bool host_attached;       /**< a VMM is connected */
	bool broken;              /**< a ring is broken: waits for a reset */
	const char *broken_why;
	uint16_t enabled_queues;      /**< rings running */
	uint16_t ctrl_mq;             /**< data queue pairs running, of those in use */
	uint8_t ctrl_mac[VN_MAC_LEN]; /**< set by the driver */
	bool count_sizes;             /**< packet_counters "Enabled" */
	struct vn_log_limit
		log_limit;         /**< for lines that the peer causes; transports use it, too */
	uint64_t moves;            /**< from one poller to another */
	uint64_t missed_deadlines; /**< health: poller acks that came late */
	struct vn_device_health health; /**< fatal is as of vn_device_check_health() */
	/** Rings only: the source of the first frame of a driver that has another MAC than we do.
	 */
	uint8_t guest_mac[VN_MAC_LEN];

	struct vn_port_info port_info; /**< as of the last change we know of */
	char port_error[256];          /**< why there is no port; "" otherwise */

	const struct vn_transport_ops *transport; /**< written by lib/controller */
	struct vn_endpoint *endpoint;             /**< written by lib/controller */
	struct vn_ctrl_dev *ctrl;                 /**< lib/controller's own, may be NULL */

	unsigned int
		num_vqs; /**< 2 * max_queue_pairs + 1; 2n = RX n, 2n + 1 = TX n, last = control.
			  * Of a device without queue pairs: 3, which nobody can start. */
	struct vn_device_vq *vq;

	struct vn_device_priv *priv;
};

/** A device callback. @p result is 0, a position, or negative errno: see each call. */
typedef void (*vn_device_cb)(void *ctx, int result);

/**
 * Make a device, and begin to make its port (a job; port_info follows). Plug a transport in then.
 * @return 0 or negative errno.
 */
int vn_device_create(
	const struct vn_device_env *env, const struct vn_device_conf *conf, struct vn_device **dev);

/** What becomes of the representor when its device ends. */
enum vn_port_fate {
	VN_PORT_KEEP,   /**< it outlives the process, and the device's next life adopts it */
	VN_PORT_REMOVE, /**< unplugged for good */
	VN_PORT_UNDO,   /**< a start that failed: what it made goes, what it found stays */
};

/**
 * End a device: rings are stopped, the port is closed. The endpoint must have been unplugged.
 * @p done is called with 0 when all is freed.
 */
void vn_device_destroy(struct vn_device *dev, enum vn_port_fate fate, vn_device_cb done, void *ctx);

/* For transports. */

/** A VMM connected, or went. Purely informative. */
void vn_device_set_attached(struct vn_device *dev, bool attached);

/**
 * Features the driver accepted. @return 0, or -EINVAL if one was not offered, or packed rings are
 * wanted without VERSION_1 (nothing changes).
 */
int vn_device_set_driver_features(struct vn_device *dev, uint64_t features);

/** Status byte as the driver (or the VMM for it) wrote it. 0 is not a reset here: see
 * vn_device_reset(). */
void vn_device_set_status(struct vn_device *dev, uint8_t status);

/** Read the config space (struct virtio_net_config, virtio 1.2, 5.1.4). Bytes beyond it read as 0.
 */
void vn_device_config_read(const struct vn_device *dev, uint32_t offset, void *buf, uint32_t len);

/**
 * Give the device another memory map (NULL: none), running rings included. The device takes its
 * own reference. @p done (result 0, or -ETIMEDOUT if the old map had to be revoked) is called once
 * no poller uses the old map.
 */
void vn_device_set_mem(
	struct vn_device *dev, struct vn_guestmem *mem, vn_device_cb done, void *ctx);

/**
 * Dirty log for all rings: @p base NULL switches it off. The old log may be unmapped after
 * @p done.
 */
void vn_device_set_log(
	struct vn_device *dev, void *base, uint64_t size, bool on, vn_device_cb done, void *ctx);

/**
 * Start ring @p idx. Where the black box says that this ring was live when an earlier process died,
 * its position is taken from guest memory; else from setup. The fds become the device's, also on
 * failure.
 *
 * @return 0 (starts asynchronously); -EINVAL, -EFAULT, -ENOTSUP as vn_virtq_create();
 *   -EBUSY (not stopped); -ENXIO (no such ring); -EPERM (too soon after the peer blocked a poller);
 *   -ESTALE (a packed ring that has been served, and nobody knows how far: the device is broken).
 */
int vn_device_vq_start(struct vn_device *dev, uint16_t idx, const struct vn_vq_setup *setup);

/**
 * Stop ring @p idx and wait for the poller to let go. @p done gets the position (>= 0), also when
 * the ring was stopped already; -ENXIO: no such ring.
 */
void vn_device_vq_stop(struct vn_device *dev, uint16_t idx, vn_device_cb done, void *ctx);

/**
 * Replace the interrupt fd of a ring (-1: none) in any state; the fd becomes the device's, the old
 * one is closed when no poller uses it any more. A running ring gets one interrupt on the new fd.
 */
void vn_device_vq_set_call(struct vn_device *dev, uint16_t idx, int call_fd);

/** Switch off dirty logging, stop all rings, forget features, status and memory. */
void vn_device_reset(struct vn_device *dev, vn_device_cb done, void *ctx);

/**
 * The same, as the peer has gone, not its driver: it may come back and does not know where its
 * rings stopped. What only the device knows of that is kept (black box).
 */
void vn_device_peer_lost(struct vn_device *dev, vn_device_cb done, void *ctx);

/** Send a RARP for the device's MAC on its port (after migration). */
void vn_device_announce(struct vn_device *dev, const uint8_t mac[VN_MAC_LEN]);

/* For the controller. */

/**
 * A memory file of some device broke (SIGBUS): if it is one of this device's, mark the device
 * broken and take its rings from the poller.
 */
void vn_device_check_mem(struct vn_device *dev);

/** See whether it can work: health.fatal and health.recovered are up to date then. */
void vn_device_check_health(struct vn_device *dev);
/**
 * To be called about once a second, with vn_now_ns(): sees what no event tells (a port that takes
 * no frames), and checks health.
 */
void vn_device_tick(struct vn_device *dev, uint64_t now_ns);
/** Doorbells and kicks that brought nothing new (contract 7.5: spurious_db_invoke). */
uint64_t vn_device_spurious_kicks(const struct vn_device *dev);
/** Frames refused by a port queue without one accepted count as a stall after this long. */
#define VN_DEVICE_STALL_NS VN_SEC(3)

/**
 * Measure how long the poller takes for the data rings, from now until a minute after the last
 * call.
 * @return 0; -ENOMEM; -ECANCELED (the device ends).
 */
int vn_device_measure(struct vn_device *dev);
/** What was measured of ring @p idx since *since_ns (vn_now_ns()); NULL: nothing is. */
const struct vn_poll_latency *vn_device_latency(
	const struct vn_device *dev, unsigned int idx, uint64_t *since_ns);

/**
 * Fast restart: rings are taken from the poller, the port is closed and opened anew, all that the
 * device keeps about its rings is made anew from guest memory, and they go on where they were. The
 * transport does not notice. What the driver does meanwhile waits, or ends it (a reset).
 *
 * @p done: 0 (see broken and port_error for whether it is well now); -EBUSY (another restart, or
 * the making of the port, is under way); -ETIMEDOUT (the poller does not answer; rings
 * go on when it does); -ECANCELED (the device ends).
 */
void vn_device_restart(struct vn_device *dev, vn_device_cb done, void *ctx);

/**
 * Give the device to another poller while it runs. Neither driver nor port notices, nothing is lost
 * and no ring stops; what is asked for meanwhile waits.
 *
 * @p done: 0; -EBUSY (it moves, restarts, resets or ends); -ETIMEDOUT (one of the two pollers does
 * not answer: it stays where it is).
 */
void vn_device_move(struct vn_device *dev, struct vn_poller *to, vn_device_cb done, void *ctx);
/** Cycles that pollers have worked for it, over its life: an estimate, from one round in some. */
uint64_t vn_device_load(const struct vn_device *dev);

/** Size classes of contract 7.4: on sets them to zero, off keeps what was counted. */
void vn_device_set_count_sizes(struct vn_device *dev, bool on);
/**
 * True if a driver uses the device (contract, section 5): it has set DRIVER_OK and no reset since;
 * over a transport of rings, a ring is not STOPPED.
 */
bool vn_device_driver_loaded(const struct vn_device *dev);
/** The same, or one is about to: it has read what the device is. */
bool vn_device_driver_present(const struct vn_device *dev);
/**
 * Change what can be changed: all of @p conf that follows vuid but its names, SF and lcores, and
 * mac. A driver that is loaded sees at once what it can be told of (link, speed), and is served by
 * what concerns it (receive mode, coalescing, counters); else it shows to the next driver. Which
 * change needs which state of the driver is the caller's to know.
 *
 * @return
 *   0; -EBUSY: another number of queue pairs has to wait until the last driver's rings and port
 *   queues are gone; -ERANGE: more pairs than the port is made for; -ENOMEM. Nothing has changed
 *   then.
 */
int vn_device_reconf(struct vn_device *dev, const struct vn_device_conf *conf);
/**
 * Frames dropped because a receive queue had no buffer for them, since conf.drop_counter was set;
 * 0 without it.
 */
uint64_t vn_device_dropped(const struct vn_device *dev);
/** Whatever the driver thinks: ask it for a reset (DEVICE_NEEDS_RESET). */
void vn_device_need_reset(struct vn_device *dev);

/** Counters of the port queue of pair @p qp, or NULL when it is not open. */
const struct vn_port_stats *vn_device_port_stats(const struct vn_device *dev, uint16_t qp);
/** The poller that has the device, or NULL. */
struct vn_poller *vn_device_poller(const struct vn_device *dev);
/** Look at the representor anew, by a job: port_info and port_error follow. */
void vn_device_refresh_port(struct vn_device *dev);

#endif /* VN_DEVICE_H */
