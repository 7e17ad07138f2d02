/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_MODEL_H
#define VN_MODEL_H

/**
 * @file
 * The virtio-net device as its driver sees it (virtio 1.2, 2.1 to 2.6 and 5.1), for transports that
 * carry the whole device: status machine, feature selection, virtqueue registers, configuration
 * space, control queue, interrupts. It knows no bus: lib/pci shows it as a PCI function.
 *
 * A transport that carries only rings (vhost-user) uses vn_device.h alone; for its devices nothing
 * here may be called.
 *
 * Every register access is answered at once. What takes longer shows in a register that the driver
 * polls: status stays non-zero after a reset was written, queue_reset stays 1, until the poller has
 * let go. Nothing a driver writes can do more than make its own device ask for a reset.
 *
 * Control thread only.
 */

#include "vn_device.h"
#include "vn_rx_rules.h"

/** Virtqueue registers (virtio 1.2, 4.1.4.3). Read-only outside lib/device. */
struct vn_vq_regs {
	uint16_t size;     /**< entries; the driver may lower it */
	uint16_t max_size; /**< what it is after a reset */
	uint16_t vector;   /**< MSI-X vector, VN_MSI_NO_VECTOR: none */
	bool enable;
	bool resetting;                /**< queue_reset: waits for the poller */
	bool legacy;                   /**< set by PFN: parts are aligned by VN_LEGACY_ALIGN */
	uint64_t desc, driver, device; /**< guest addresses */
};

/** What the model needs of its transport. Control thread. */
struct vn_model_ops {
	/**
	 * The eventfd that interrupts the driver by MSI-X vector @p vector, or by INTx when MSI-X
	 * is off (@p vector is VN_MSI_NO_VECTOR then); -1: there is none (now). It stays the
	 * transport's.
	 */
	int (*irq_fd)(void *ctx, uint16_t vector);
	/** True: MSI-X is off, so interrupts are INTx's and show in the ISR status. */
	bool (*intx)(void *ctx);
	/** How many vectors a driver may use; others are answered with VN_MSI_NO_VECTOR. */
	uint16_t (*num_vectors)(void *ctx);
	/**
	 * State that has to survive is about to be acknowledged to the driver other than by the
	 * reply to a message (control queue). May be NULL.
	 */
	void (*save)(void *ctx);
};

/**
 * The device gets its full transport: called once by it, before any other call here.
 * @param legacy  a transitional device: a driver may skip FEATURES_OK and VERSION_1.
 * @param doorbell_seen  vn_model_kick() is called for each notification of the data rings; false:
 *   the driver writes to a mapped page that nobody sees, so the rings are polled.
 * @return 0 or -ENOMEM.
 */
int vn_model_attach(struct vn_device *dev, const struct vn_model_ops *ops, void *ctx, bool legacy,
	bool doorbell_seen);

/**
 * Every feature that this version knows how to carry out, before what a port or a transport cannot.
 * The only list of them; any thread.
 */
uint64_t vn_model_features(void);

/* Features, in 32-bit words; words that do not exist read as 0 (virtio 1.2, 4.1.4.3.1). */
uint32_t vn_model_offered(const struct vn_device *dev, uint32_t word);
uint32_t vn_model_accepted(const struct vn_device *dev, uint32_t word);
/** Ignored once FEATURES_OK is set. */
void vn_model_accept(struct vn_device *dev, uint32_t word, uint32_t value);

/** Device status; after a reset was written it keeps its bits until the reset has ended. */
uint8_t vn_model_status(const struct vn_device *dev);
/**
 * The driver writes the status register. 0 begins a reset. Bits cannot be taken away otherwise.
 * FEATURES_OK is not taken when the features accepted cannot be (not offered, VERSION_1 missing).
 * One without another that it needs (virtio 1.2, 5.1.3.1) is taken, and means nothing. DRIVER_OK
 * starts the rings that are enabled.
 */
void vn_model_set_status(struct vn_device *dev, uint8_t status);
/** DRIVER_OK was set by the driver and no reset since: "driver loaded" (contract, section 5). */
bool vn_model_driver_loaded(const struct vn_device *dev);

/** A reset is under way: status is not 0 yet. */
bool vn_model_resetting(const struct vn_device *dev);
/** Full reset (FLR, VFIO_USER_DEVICE_RESET); @p done when all has let go. Memory map is kept. */
void vn_model_reset(struct vn_device *dev, vn_device_cb done, void *ctx);

/* Configuration space (virtio 1.2, 5.1.4). */
uint8_t vn_model_config_generation(const struct vn_device *dev);
void vn_model_config_read(const struct vn_device *dev, uint32_t offset, void *buf, uint32_t len);
/** Only a legacy driver's MAC can be written; anything else is ignored. */
void vn_model_config_write(struct vn_device *dev, uint32_t offset, const void *buf, uint32_t len);
uint16_t vn_model_config_vector(const struct vn_device *dev);
/** @return what the register reads afterwards. */
uint16_t vn_model_set_config_vector(struct vn_device *dev, uint16_t vector);

/*
 * Virtqueues, as the driver numbers them: 2n = receive n, 2n + 1 = transmit n, and the control
 * queue, see vn_model_ctrl_queue().
 */
uint16_t vn_model_num_queues(const struct vn_device *dev);
/**
 * What the driver calls the control queue: the last one, or 2 as long as it has negotiated neither
 * MQ nor RSS (virtio 1.2, 5.1.2).
 */
uint16_t vn_model_ctrl_queue(const struct vn_device *dev);
/** Registers of queue @p q, or NULL: there is no such queue (reads as size 0). */
const struct vn_vq_regs *vn_model_queue(const struct vn_device *dev, uint16_t q);
/** Ignored while the queue is enabled, for a size that is 0, too large or (split) no power of 2. */
void vn_model_queue_set_size(struct vn_device *dev, uint16_t q, uint16_t size);
uint16_t vn_model_queue_set_vector(struct vn_device *dev, uint16_t q, uint16_t vector);
/** Ignored while the queue is enabled. */
void vn_model_queue_set_addr(
	struct vn_device *dev, uint16_t q, uint64_t desc, uint64_t driver, uint64_t device);
/** Only 1 means something; starts the ring at once when DRIVER_OK is set already (after a queue
 * reset). */
void vn_model_queue_enable(struct vn_device *dev, uint16_t q);
/** VIRTIO_F_RING_RESET (2.6.1): regs->resetting is 1 until the poller has let go. */
void vn_model_queue_reset(struct vn_device *dev, uint16_t q);
/** Legacy: the ring at page frame @p pfn (enables it), or 0 (stops and disables it). */
void vn_model_queue_set_pfn(struct vn_device *dev, uint16_t q, uint32_t pfn);
/** The driver notified queue @p q. @p data: with VIRTIO_F_NOTIFICATION_DATA what it wrote. */
void vn_model_kick(struct vn_device *dev, uint16_t q, uint32_t data);

/** ISR status: read and cleared. Bits are set by pollers and by config changes. */
uint8_t vn_model_isr_read_clear(struct vn_device *dev);
uint8_t vn_model_isr(const struct vn_device *dev);
/** vn_model_ops::irq_fd() answers differently from now on for @p vector (UINT32_MAX: for all). */
void vn_model_irq_changed(struct vn_device *dev, uint32_t vector);

/**
 * VIRTIO_NET_F_GUEST_ANNOUNCE (virtio 1.2, 5.1.6.5.4): ask the driver to announce itself, if it has
 * negotiated that, by a config-change interrupt. Done by itself when the guest was cut off: once
 * the rings run again after a restart, and after vn_model_restore().
 */
void vn_model_announce(struct vn_device *dev);

/** What list, query and debug show of the model. */
struct vn_model_info {
	bool resetting;     /**< a reset waits for the pollers */
	bool doorbell_seen; /**< see vn_model_attach() */
	uint16_t config_vector;
	uint64_t commands, commands_ok; /**< of the control queue: executed, and with success */
	/* What is received, of all that comes from the network. */
	bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
	bool filter_vlan, rss, hash_report;
	uint16_t uni_macs, multi_macs; /**< in the MAC table */
	uint16_t vlans;                /**< that pass */
	uint32_t hash_types;           /**< VN_NET_HASH_* in force */
	/* vn_poll_group, as the poller counts now. */
	uint64_t filtered, moved, move_dropped, stay_dropped;
};

/** @return false: the device has no model, its transport carries only rings. */
bool vn_model_get_info(const struct vn_device *dev, struct vn_model_info *info);

/** The same of a ring, by its place in vn_device::vq. */
struct vn_model_queue_info {
	uint64_t notifications;            /**< seen: none of those on a mapped page */
	uint32_t coal_usecs, coal_packets; /**< notification coalescing in force */
	uint8_t coal_mode;                 /**< VN_COAL_EVENT, VN_COAL_CQE */
	/* A ring that runs and is moderated by load: coal_usecs and _packets are of now. */
	bool dim;
	uint8_t dim_level;                 /**< rung of vn_dim.h */
	uint64_t dim_kept, dim_taken_back; /**< steps since the ring started */
};

/**
 * @return false: no such ring, @p info is zeroed then; or no model: only coalescing is known, as it
 * is for rings that start.
 */
bool vn_model_queue_info(
	const struct vn_device *dev, unsigned int idx, struct vn_model_queue_info *info);

/**
 * What the driver has made of the device, as plain data: registers, features, status, and all that
 * was set through the control queue. Versioned; vn_model_restore() refuses what it does not know.
 * @return bytes written, or -ENOSPC.
 */
int vn_model_save(const struct vn_device *dev, void *buf, size_t room);
/**
 * Into a device in which nothing has happened yet, its memory map set: rings that ran start again,
 * at the position that guest memory and the black box give.
 * @return 0, -EINVAL (not a record of ours, or of another device), or as vn_device_vq_start().
 */
int vn_model_restore(struct vn_device *dev, const void *buf, size_t len);
/** Largest record of a device with the most queues. */
#define VN_MODEL_SAVE_MAX 32768

/** Receive modes of virtio 1.2, 5.1.6.5.1, by command number. */
#define VN_MODEL_MODES 6

/** What the driver has set through the control queue and of what follows from its features. */
struct vn_model_driver {
	uint8_t mode[VN_MODEL_MODES];      /**< 0 or 1, as the driver set them */
	bool mac_set;                      /**< rx.mac is the driver's */
	bool uni_overflow, multi_overflow; /**< its MAC table had no room for all */
	uint64_t offloads;                 /**< GUEST_* in force */
	struct vn_rx_state rx;             /**< modes in force, tables, spreading */
};

/** @return false: no model, or what there is is what a reset leaves (@p out is not written). */
bool vn_model_driver_get(const struct vn_device *dev, struct vn_model_driver *out);
/**
 * Into a device in which nothing has happened yet: it holds until a reset, or until a driver sets
 * something else. The input may be anything.
 * @return 0; -EINVAL (impossible values, nothing changes); -EBUSY (a driver is there); -ENOMEM;
 *   -ENOTSUP (no model).
 */
int vn_model_driver_set(struct vn_device *dev, const struct vn_model_driver *in);

#endif /* VN_MODEL_H */
