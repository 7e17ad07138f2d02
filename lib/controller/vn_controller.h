/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_CONTROLLER_H
#define VN_CONTROLLER_H

/**
 * @file
 * The inventory: which devices there are, who they are, how they come and go, and which VM has
 * them. Control thread.
 */

#include "vn_capacity.h"
#include "vn_conf.h"
#include "vn_device.h"
#include "vn_host.h"
#include "vn_place.h"
#include "vn_transport.h"

/** Limits of the product (contract 1.2). */
#define VN_MAX_STATIC_PF  31
#define VN_MAX_HOTPLUG_PF 31
#define VN_MAX_VF         1008

/** Range of a device's MTU. */
#define VN_CONTROLLER_MIN_MTU 68
#define VN_CONTROLLER_MAX_MTU 9216

/** Kinds of ports beside the default one. */
#define VN_MAX_PORT_KINDS 4

struct vn_controller_env {
	struct vn_device_env dev; /**< with the kind of port that is the default */
	/** Other kinds of ports, found by their names. */
	const struct vn_port_ops *const *port;
	unsigned int n_ports; /**< at most VN_MAX_PORT_KINDS */
	/** Found by their names. One without plug() is known but cannot be used. */
	const struct vn_transport_ops *const *transport;
	unsigned int n_transports;
	const char
		*socket_dir; /**< sockets of the devices, DIR/VUID.sock, unless virtnet.conf says */
	const char *board_serial;
	/** Files that a restart reads again, NULL: none. Must outlive the controller. */
	const char *conf_file, *capacity_file;
	/** Data queue pairs that there are packet buffers for, should all be used; 0: any number.
	 */
	uint32_t buffered_pairs;
	/** Recovery files (vn_recovery.h); NULL: none, as with "recovery": 0 in virtnet.conf. */
	const char *recovery_dir;
	const char *boot_id; /**< files of another boot do not count; NULL: not known */
};

enum vn_attach_state {
	VN_DETACHED,
	VN_ATTACHING,
	VN_ATTACHED,
	VN_DETACHING,
};

/** What the controller knows of a device: vn_device::ctrl. Read-only outside lib/controller. */
struct vn_ctrl_dev {
	unsigned int slot; /**< hotplug PFs: 1..31; else 0 */
	bool transitional;
	bool doorbell_page;
	/** Kind of the port, as the driver calls it; NULL before ctrl_make(): as virtnet.conf says
	 */
	const char *port_kind;
	enum vn_attach_state attach;
	struct vn_host *host; /**< whose VM; NULL: none that we know */
	const char *vm;       /**< its name; "": none */
	char root_port[VN_HOST_NAME_LEN];
	uint16_t guest_bdf; /**< the guest's address of it; 0xffff: not known */
	uint32_t restarts;  /**< number of the restart that did it last */

	/* PFs that may own VFs. */
	uint16_t num_vfs;   /**< enabled, all or none */
	bool vfs_by_client; /**< a VMM wrote NumVFs: they go with a reset of the PF */
	uint32_t msix_pool; /**< vectors that VFs have given back */
	uint32_t qp_pool;   /**< queue pairs that VFs have given back */

	/* Its recovery file. */
	bool fresh;                  /**< nobody was told of it (hotplug PF, VF): it has none yet */
	bool dirty;                  /**< to be written */
	bool unsaved;                /**< the same, and nobody waits for it */
	bool saved;                  /**< there is one */
	uint16_t had_vfs;            /**< during the start: as many were enabled */
	bool vfs_were_client_s;      /**< and by whom */
	bool forgotten;              /**< it goes, or has gone: none is written any more */
	struct vn_device_conf *base; /**< what the configuration gave; NULL for hotplug PFs */
	struct vn_model_driver *driver; /**< what the driver has set; NULL: nothing */
	/* What the PF's client has asked for last (ctrl_client.c). */
	uint16_t vfs_wanted;
	bool vfs_pending; /**< it has not been done yet */
	bool vfs_failed;  /**< and cannot be */
	bool vfs_syncing;

	/* Placement: as of the last dry run. */
	uint64_t worked;    /**< vn_device_load() then */
	uint32_t load;      /**< thousandths of an lcore */
	uint16_t should_be; /**< number of the poller */
	bool placed;        /**< it was in it, and has not been moved since */

	bool going; /**< a VF that is being removed: its operation sees to it */
	/* The list of all by their VUIDs. */
	struct vn_device *dev;
	uint32_t hash;
	struct vn_ctrl_dev *same_hash;
};

/** Ranges and pools of a PF's VFs (contract 4.3, section 5). */
struct vn_pools {
	uint32_t msix_free, min_msix, max_msix;
	uint32_t qp_free, min_qp, max_qp;
};

/** Options of modify device: bits of vn_modify::has. The order is that of contract 4.6. */
enum vn_modify_option {
	VN_MODIFY_MAC,
	VN_MODIFY_MTU,
	VN_MODIFY_SPEED,
	VN_MODIFY_LINK,
	VN_MODIFY_STATE,
	VN_MODIFY_FEATURES,
	VN_MODIFY_HASH_TYPES,
	VN_MODIFY_RSS_KEY_SIZE,
	VN_MODIFY_RX_MODE,
	VN_MODIFY_MSIX_NUM,
	VN_MODIFY_QUEUE_SIZE,
	VN_MODIFY_QUEUE_PAIRS,
	VN_MODIFY_DST_PORT,
	VN_MODIFY_RX_DMA_Q_NUM,
	VN_MODIFY_DROP_COUNTER,
	VN_MODIFY_PKT_CNT,
	VN_MODIFY_AARFS,
	VN_MODIFY_DIM,
	VN_MODIFY_QUEUE, /**< "modify queue": all three of its values */
	VN_MODIFY_COUNT
};

/** What is asked for: numbers as given, they are checked by vn_controller_modify(). */
struct vn_modify {
	uint32_t has; /**< 1 << VN_MODIFY_* */
	const char *mac;
	uint64_t value[VN_MODIFY_COUNT];              /**< enable/disable: 1/0 */
	uint64_t coal_mode, coal_usecs, coal_packets; /**< VN_MODIFY_QUEUE */
};

struct ctrl_priv;

/** Read-only outside lib/controller. */
struct vn_controller {
	struct vn_controller_env env;
	struct vn_conf conf;         /**< virtnet.conf in force */
	struct vn_capacity capacity; /**< capacity settings in force */
	uint64_t supported_features;
	uint16_t max_virt_queues;
	unsigned int num_devices;
	struct vn_device **device; /**< ordered: PFs by id, each followed by its VFs */
	unsigned int n_hosts;
	struct vn_host *host[VN_CONF_MAX_HOSTS];
	struct ctrl_priv *priv;
};

/** Takes over @p conf. Makes no device yet. */
int vn_controller_create(const struct vn_controller_env *env, const struct vn_conf *conf,
	const struct vn_capacity *capacity, struct vn_controller **ctrl);

/** Devices of before that are not made yet: they are not found, and no device is changed. */
unsigned int vn_controller_unmade(const struct vn_controller *ctrl);
/** Devices that are still coming up: not made yet, or their port is not. */
unsigned int vn_controller_starting(const struct vn_controller *ctrl);
/** True once the port of every device has been made, or could not be (port_error). */
bool vn_controller_settled(const struct vn_controller *ctrl);

/** Jobs have ended: operations that waited for a port go on. To be called at each wake-up. */
void vn_controller_progress(struct vn_controller *ctrl);

/** The netdev @p ifindex (0: any) has changed or gone: its representor will be looked at soon. */
void vn_controller_link_changed(struct vn_controller *ctrl, int ifindex);

/** A memory file broke (SIGBUS): find the devices that it belongs to. */
void vn_controller_check_mem(struct vn_controller *ctrl);

/**
 * Unplug and end all devices, then @p done. Operations under way end with -ECANCELED. @p fate is
 * that of the representors; that of a hotplug PF without a recovery file goes in any case: nobody
 * would adopt it.
 */
void vn_controller_stop(
	struct vn_controller *ctrl, enum vn_port_fate fate, vn_device_cb done, void *ctx);
void vn_controller_destroy(struct vn_controller *ctrl);

/** An operation under way, for debug. */
struct vn_operation {
	const char *step; /**< what it waits for */
	const char *vuid; /**< of its device; "": none (yet) */
};

/** Operations under way: the first @p room of them in @p ops. @return how many there are. */
unsigned int vn_controller_operations(
	const struct vn_controller *ctrl, struct vn_operation *ops, unsigned int room);

/** A PF (vf < 0) or a VF. NULL: doesn't exist. */
struct vn_device *vn_controller_find(struct vn_controller *ctrl, int pf, int vf);
struct vn_device *vn_controller_find_vuid(struct vn_controller *ctrl, const char *vuid);

/** Most hotplug PFs (contract 4.3: max_hotplug_devices). */
unsigned int vn_controller_max_hotplug(const struct vn_controller *ctrl);

/**
 * The end of an operation: @p result 0, VIRTNET_ERR_* or negative errno; on failure @p text is one
 * line for people, or "". @p dev: the device, NULL if there is none (any more). May come before the
 * call that began the operation returns.
 */
typedef void (*vn_controller_cb)(void *ctx, int result, const char *text, struct vn_device *dev);

/**
 * Make and plug all static PFs, and from the loop, some at a time, what recovery files tell of
 * besides: VFs and hotplug PFs, in an order that is always the same. Until all are made, functions
 * that change devices end with -EBUSY.
 * @param done
 *   Called once when all are made (their ports are not: vn_controller_settled()), with no device:
 *   result 0; or negative errno or VIRTNET_ERR_* with one line, then the caller stops the
 *   controller. Before this function returns, if there is nothing else to make. Not called after
 *   vn_controller_stop().
 * @return
 *   0; or negative errno with one line in @p err: @p done is not called then.
 */
int vn_controller_start(
	struct vn_controller *ctrl, vn_controller_cb done, void *ctx, char *err, size_t errlen);

/** What is asked for (contract 4.1). Numbers are as given: they are checked here. */
struct vn_hotplug {
	const char *ib_dev;
	const char *mac; /**< text */
	uint64_t mtu;
	uint64_t max_queues; /**< virtqueues; has_queues */
	uint64_t max_queue_pairs;
	bool has_queues; /**< max_queues is given, not max_queue_pairs */
	uint64_t max_queue_size;
	bool has_sf_num;
	uint64_t sf_num;
	uint64_t features; /**< added to the default ones */
	bool legacy;
	/* Ours. */
	const char *transport; /**< NULL: that of virtnet.conf */
	const char *vm;        /**< NULL: the only one of virtnet.conf, if it is; "none": none */
	const char *port;      /**< NULL: any free one */
	const char *doorbell;  /**< "event", "page"; NULL: as in virtnet.conf */
	bool no_msix;
	const char *port_kind; /**< "tap", "internal"; NULL: the default one */
};

/**
 * Wait until no device is coming up any more. -ETIMEDOUT: @p timeout_ns have passed, the text says
 * how many are.
 */
void vn_controller_wait(
	struct vn_controller *ctrl, uint64_t timeout_ns, vn_controller_cb done, void *ctx);

/** Make a hotplug PF, and plug it into a VM. On failure nothing is left. */
void vn_controller_hotplug(
	struct vn_controller *ctrl, const struct vn_hotplug *hp, vn_controller_cb done, void *ctx);
/**
 * Take a hotplug PF out of its VM and remove it. VIRTNET_ERR_NOT_HOTPLUG;
 * VIRTNET_ERR_UNPLUG_NOT_READY (the guest refuses, or a VMM has it that we cannot ask: the device
 * stays); -EOPNOTSUPP (this QEMU would crash); -EBUSY.
 */
void vn_controller_unplug(
	struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx);
/** Plug any device into a VM, names as in struct vn_hotplug. */
void vn_controller_attach(struct vn_controller *ctrl, struct vn_device *dev, const char *vm,
	const char *port, vn_controller_cb done, void *ctx);
/** Take it out; it stays a device. Errors as vn_controller_unplug(). */
void vn_controller_detach(
	struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx);
/**
 * Enable @p n VFs of a static PF, or disable them all (0): 0 -> n and n -> 0 only (contract 1.1);
 * as many as there are: nothing to do. Ends when they are there with their ports, or gone, and that
 * is on disk; on failure nothing has changed, but for a removal that the end of the controller
 * came between (-ECANCELED).
 *
 * VFs that this function enabled are the operator's: they stay whatever the PF's driver does. A VM
 * that has one is not asked: its connection is closed (surprise removal).
 *
 * @p done gets the PF, and 0; VIRTNET_ERR_NOT_SUPPORTED (not a static PF, or SRIOV_EN is 0);
 * -ERANGE (more than VIRTIO_NET_EMULATION_NUM_VF); -EBUSY (there are others, or something is being
 * done with them); VIRTNET_ERR_SF_POOL_CREATING; VIRTNET_ERR_SF_CREATE (PF_TOTAL_SF);
 * VIRTNET_ERR_SF_PORT_ADD; other negative errno.
 */
void vn_controller_sriov(struct vn_controller *ctrl, struct vn_device *pf, unsigned int n,
	vn_controller_cb done, void *ctx);
/**
 * The same for a client that wrote the PF's SR-IOV capability (VF Enable, NumVFs): the VFs are
 * its own, vn_ctrl_dev::vfs_by_client, and it disables them by 0, also at a reset of the PF.
 * 0 while they are still being made is carried out after that. VFs of the operator are none of
 * its business: 0 ends with -EPERM then, and they stay.
 */
void vn_controller_sriov_by_client(struct vn_controller *ctrl, struct vn_device *pf, unsigned int n,
	vn_controller_cb done, void *ctx);
/**
 * Fast restart (contract 8.4): read virtnet.conf again, then vn_device_restart() of one device
 * after the other, PFs by id. What has changed in virtnet.conf is logged: it holds for devices made
 * from now on, or waits for a restart of the service. -EBUSY (other operations are under way);
 * -EINVAL (virtnet.conf or the capacity settings are not valid: nothing has been done); -ETIMEDOUT,
 * -EIO (@p text names a device that is not well: the others have been restarted).
 */
void vn_controller_restart(struct vn_controller *ctrl, vn_controller_cb done, void *ctx);
/** What the last dry run of the placement said; of each device, see struct vn_ctrl_dev. */
struct vn_controller_placement {
	bool fixed;           /**< virtnet.conf wants all to stay where they are */
	uint64_t runs, moves; /**< dry runs, and devices that have moved */
	struct vn_place_result last;
};
void vn_controller_placement(const struct vn_controller *ctrl, struct vn_controller_placement *out);
void vn_controller_pools(
	const struct vn_controller *ctrl, const struct vn_device *pf, struct vn_pools *pools);
/**
 * Change a device (contract 4.6, 4.7, section 5): all that is asked for, or nothing. Ends when it
 * is in force (or will be at the driver's next probe, see vn_carry.h) and on disk.
 *
 * @p done gets 0, with "" or a warning: it is done, and the device cannot work so
 * (VIRTNET_ERR_NOT_WORKING's text), or features that are the VMM's were left out; VIRTNET_ERR_*
 * of the option that is wrong;
 * VIRTNET_ERR_DRIVER_LOADED, VIRTNET_ERR_NOT_STARTED; -EBUSY; VIRTNET_ERR_RECOVERY_SAVE; other
 * negative errno.
 */
void vn_controller_modify(struct vn_controller *ctrl, struct vn_device *dev,
	const struct vn_modify *modify, vn_controller_cb done, void *ctx);
/**
 * What to add to a QEMU command line or a libvirt domain to have @p dev.
 * @return malloc'd text, or NULL (no memory; a path that cannot be written).
 */
char *vn_controller_attach_text(
	const struct vn_controller *ctrl, struct vn_device *dev, const char *port, bool libvirt);

#endif /* VN_CONTROLLER_H */
