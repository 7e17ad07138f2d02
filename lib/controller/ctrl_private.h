/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTRL_PRIVATE_H
#define CTRL_PRIVATE_H

/**
 * @file
 * What the files of lib/controller share. Control thread.
 *
 * What takes long is an operation (struct ctrl_op). It is on the list until its callback has been
 * called, and each of its steps ends by an event: the port's job, the host, the endpoint, the
 * device.
 */

#include <sys/queue.h>

#include "vn_controller.h"
#include "vn_identity.h"
#include "vn_recovery.h"

#define CTRL_TEXT_LEN 320

/** Depth of a ring unless the operator says otherwise (contract 8.10). */
#define CTRL_QUEUE_SIZE 256
#define CTRL_MTU        1500
#define CTRL_SPEED      100000
/** Virtqueues of a device at most (contract 4.3: max_virt_queues). */
#define CTRL_MAX_VQS 256
/** How long the loop may be kept from other work at a time. */
#define CTRL_SLICE_NS VN_MS(5)
/** Of the hash of VUIDs. */
#define CTRL_BUCKETS 2048

enum ctrl_step {
	CTRL_PORT,     /**< hotplug: the port is being made */
	CTRL_HOST,     /**< the VM is working on it */
	CTRL_TEARDOWN, /**< endpoint, device and port are going */
	CTRL_SAVE,     /**< recovery files are being written */
	CTRL_VFS,      /**< sriov: VFs come or go */
	CTRL_RESTART,  /**< files are read, or a device restarts; ends by itself when all ends */
	CTRL_MODIFY,   /**< waits for rings that a driver gave back */
	CTRL_WAIT,     /**< for all devices to be there */
};

struct ctrl_stop;

struct ctrl_op {
	struct vn_controller *ctrl;
	struct vn_device *dev;
	struct vn_ctrl_dev *info;
	enum ctrl_step step;
	bool hotplug; /**< or unplug, attach, detach */
	bool remove;  /**< the device goes when the VM has let go */
	char port[VN_HOST_NAME_LEN];
	int rc;
	char text[CTRL_TEXT_LEN];
	vn_controller_cb done;
	void *ctx;
	struct ctrl_stop *stop;                    /**< waits for the end of this */
	bool vfs;                                  /**< of a PF's VFs: they are busy as well */
	void *data;                                /**< of the kind of operation */
	void (*fini)(struct ctrl_op *op);          /**< at its end; NULL: there is no data */
	void (*saved)(struct ctrl_op *op, int rc); /**< CTRL_SAVE: what comes then */
	uint64_t group;                            /**< CTRL_SAVE: with which; 0: the next one */
	TAILQ_ENTRY(ctrl_op) next;
};

/** A VM, for callbacks. */
struct ctrl_host {
	struct vn_controller *ctrl;
	struct vn_host *host;
};

struct ctrl_save;
/** Ports of VFs that are made beforehand: ctrl_pool.c. */
struct ctrl_pool {
	struct vn_job job; /**< the next port */
	struct vn_controller *ctrl;
	const struct vn_port_ops *ops;
	struct vn_port_conf conf; /**< of it */
	unsigned int size, at;    /**< numbers of VFs, from 0 */
	unsigned int failed;
	bool filling;
	void (*idle)(void *ctx); /**< who waits for the end; no more are begun */
	void *idle_ctx;
	char err[256], first_err[256];
};

/** Of ctrl_start.c: devices of before that are made from the loop. */
struct ctrl_start {
	struct vn_timer slice;
	bool active;
	int pf_id;            /**< whose VFs are being made */
	unsigned int to_come; /**< devices that are not made yet */
	vn_controller_cb done;
	void *ctx;
};

/** Link events that are gathered at a time: beyond that all representors are looked at. */
#define CTRL_LINKS 1024

struct ctrl_links {
	struct vn_timer timer; /**< armed while there are some */
	bool all;
	unsigned int n;
	int ifindex[CTRL_LINKS];
};

/** Of ctrl_place.c. */
struct ctrl_place {
	unsigned int ticks;      /**< since the last dry run */
	unsigned int worth;      /**< dry runs in a row that were worth it */
	unsigned int moves_left; /**< of the last one */
	bool moving;             /**< a device does */
	uint64_t since;          /**< cycles: loads are measured from then on */
	uint64_t runs, moves;
	struct vn_place_result last;
};

struct ctrl_priv {
	struct ctrl_save *save;            /**< NULL: no recovery files */
	struct vn_recovery_list recovered; /**< during the start */
	struct ctrl_start start;
	struct ctrl_links links;
	TAILQ_HEAD(, ctrl_op) ops;
	bool stopping;
	uint32_t slots;                            /**< hotplug slots in use, bit 1..31 */
	uint64_t port_features[VN_MAX_PORT_KINDS]; /**< of env.port, asked once */
	struct vn_ctrl_dev *vuids[CTRL_BUCKETS];   /**< by the hash of their VUIDs */
	struct ctrl_host host[VN_CONF_MAX_HOSTS];
	struct ctrl_pool pool;
	struct vn_timer tick; /**< once a second: vn_device_tick(), ctrl_place_tick() */
	struct ctrl_place place;
	uint32_t restarts; /**< done or begun */
};

/* ctrl_features.c */

/** All that this version can do, but for what the port cannot. */
uint64_t ctrl_supported(uint64_t port_features);
/** What a transport can carry of it. */
uint64_t ctrl_carried(const struct vn_controller *ctrl, const struct vn_transport_ops *transport);
/**
 * What is offered: the mask of virtnet.conf, if @p fn (NULL: a hotplug PF) has one; else the
 * defaults, and @p more.
 */
uint64_t ctrl_offered(const struct vn_controller *ctrl, const struct vn_transport_ops *transport,
	const struct vn_conf_fn *fn, uint64_t more);

/** Of @p features, what is no service that an operator's mask is about. */
uint64_t ctrl_mechanics(uint64_t features);

/* ctrl_conf.c */

/** "0C:C4:7A:FF:22:93" */
bool ctrl_parse_mac(const char *text, uint8_t mac[VN_MAC_LEN]);

/** The port (0 or 1) that RDMA device @p ib_dev stands for; -ENODEV: none. */
int ctrl_port_of(const struct vn_conf *conf, const char *ib_dev);
/** What is the same for all kinds of devices. */
void ctrl_conf_fill(const struct vn_controller *ctrl, const struct vn_identity *id,
	const char *ib_dev, struct vn_device_conf *dc);
/** An SF number that a hotplug PF may have, and that nobody has. */
bool ctrl_sf_free(const struct vn_controller *ctrl, uint64_t sf_num);
/** Vectors of a VF (contract 8.8). */
uint32_t ctrl_vf_vectors(const struct vn_capacity *cap);
/** VFs that are made anew over @p transport are transitional: over vhost-user the VMM says it. */
bool ctrl_vf_transitional(
	const struct vn_controller *ctrl, const struct vn_transport_ops *transport);
/** @return 0 or negative errno. */
int ctrl_vf_conf(const struct vn_controller *ctrl, const struct vn_device *pf, unsigned int vf_id,
	const struct vn_transport_ops *transport, struct vn_device_conf *dc);
int ctrl_static_pf_conf(const struct vn_controller *ctrl, unsigned int pf_id,
	const struct vn_transport_ops *transport, struct vn_device_conf *dc);
/**
 * Check what was asked for.
 * @param info
 *   Gets transport, slot, transitional and so on.
 * @return 0; VIRTNET_ERR_* or negative errno, with @p text (may be empty).
 */
int ctrl_hotplug_conf(struct vn_controller *ctrl, const struct vn_hotplug *hp,
	struct vn_device_conf *dc, struct vn_ctrl_dev *info, char *text, size_t len);

/* ctrl_place.c */

/** Once a second. */
void ctrl_place_tick(struct vn_controller *ctrl);
/** A device of this kind stays on the lcore that virtnet.conf names. */
void ctrl_place_pin(
	const struct vn_controller *ctrl, const struct vn_conf_fn *fn, struct vn_device_conf *dc);

/* vn_controller.c */

/** @p asked, or without it (NULL) the transport of virtnet.conf. */
const char *ctrl_transport_name(const struct vn_controller *ctrl, const char *asked);
/** The transport of that name, or NULL; it may have no plug(). */
const struct vn_transport_ops *ctrl_transport(const struct vn_controller *ctrl, const char *name);
/** The kind of port of that name (NULL: the default one), or NULL; *features: what it can do. */
const struct vn_port_ops *ctrl_port(
	const struct vn_controller *ctrl, const char *kind, uint64_t *features);
/**
 * Make the device, and its endpoint. @p info is taken over. On failure the device may be there all
 * the same, without an endpoint: *dev is not NULL then.
 */
int ctrl_make(struct vn_controller *ctrl, const struct vn_device_conf *dc,
	const struct vn_transport_ops *transport, struct vn_ctrl_dev *info, struct vn_device **dev,
	char *err, size_t errlen);
void ctrl_info_free(struct vn_controller *ctrl, struct vn_ctrl_dev *info);
/** @p added pairs of @p who came last: warn if they are more than there are buffers for. */
void ctrl_check_buffers(const struct vn_controller *ctrl, const char *who, uint32_t added);

/* ctrl_index.c */

/** Put @p dev, with its ctrl, on the list. There is room (ctrl_make() looks). */
void ctrl_enlist(struct vn_controller *ctrl, struct vn_device *dev);
/** Take a device off the list; it may be gone already, its @p info not. */
void ctrl_unlist(struct vn_controller *ctrl, struct vn_ctrl_dev *info);

/* ctrl_ops.c */

struct ctrl_op *ctrl_op_new(
	struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx);
/** The end: the callback. @p rc 0: success. */
void ctrl_op_end(struct ctrl_op *op, int rc, const char *text);
/** The device goes for good, then the operation ends with op->rc. */
void ctrl_op_teardown(struct ctrl_op *op);
/** An operation on this device, or on the VFs it is one of, is under way. */
bool ctrl_busy(const struct vn_controller *ctrl, const struct vn_device *dev);
/** The same for a PF and all its VFs. */
bool ctrl_busy_set(const struct vn_controller *ctrl, const struct vn_device *pf);
/** Its port has been made, or could not be. */
static inline bool
ctrl_port_settled(const struct vn_device *dev)
{
	return dev->port_info.ready || dev->port_error[0] != '\0';
}

/* ctrl_start.c */

/**
 * Devices of before are still being made: nothing is changed until that has ended. Identities and
 * pools are known only then, and recovery files are not written before.
 * @return true: @p done was called, with -EBUSY and @p dev.
 */
bool ctrl_start_refuses(
	const struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx);
/** No more are made. */
void ctrl_start_stop(struct vn_controller *ctrl);

/* ctrl_vfs.c */

/**
 * Make the next one of the @p n VFs that a PF had when the last process ended; its num_vfs are
 * there already. Their ports are made by jobs, and vn_controller_settled() waits for them. Nothing
 * is saved.
 * @param[out] refused
 *   It failed because @p n VFs are not possible here, as sriov would say: none was made. Else it is
 *   a failure that may be over with the next start.
 * @return
 *   0, or negative errno or VIRTNET_ERR_* with one line in @p err. VFs that were made before the
 *   failure are there, and go by vn_controller_stop().
 */
int ctrl_vfs_restore(struct vn_controller *ctrl, struct vn_device *pf, unsigned int n,
	bool by_client, bool *refused, char *err, size_t errlen);
/** The ports that @p op waits for are there, or one cannot be made. */
bool ctrl_vfs_ready(const struct ctrl_op *op);
/** It goes on then. */
void ctrl_vfs_progress(struct ctrl_op *op);
/** VFs that @p op will still make. */
unsigned int ctrl_vfs_to_come(const struct ctrl_op *op);

/* ctrl_pool.c */

/** Begin to make the ports that virtnet.conf wants beforehand, all static PFs are there. */
void ctrl_pool_fill(struct vn_controller *ctrl);
/** That is not over yet. */
bool ctrl_pool_filling(const struct vn_controller *ctrl);
/** Stop it. @return true: @p idle will be called when it has stopped; false: there is nothing. */
bool ctrl_pool_end(struct vn_controller *ctrl, void (*idle)(void *ctx), void *ctx);
/**
 * All devices are gone: remove the ports of VFs, if virtnet.conf wants that.
 * @return true: @p done will be called; false: there is nothing to do.
 */
bool ctrl_pool_discard(struct vn_controller *ctrl, void (*done)(void *ctx), void *ctx);

/* ctrl_limits.c */

/** Could it exist on the card? By "limits" a warning, or an error. @return 0 or -EDQUOT. */
int ctrl_limits_start(const struct vn_controller *ctrl, char *err, size_t errlen);
/**
 * Is there room for one more hotplug PF, when there are @p used?
 * @return 0, or VIRTNET_ERR_HOTPLUG with @p text.
 */
int ctrl_limits_hotplug(
	const struct vn_controller *ctrl, unsigned int used, char *text, size_t len);
/**
 * Are there @p n more SFs of RDMA device @p ib_dev (PF_TOTAL_SF)?
 * @return 0, or VIRTNET_ERR_SF_CREATE with @p text.
 */
int ctrl_sf_room(const struct vn_controller *ctrl, const char *ib_dev, unsigned int n, char *text,
	size_t len);

/* ctrl_health.c */

/** Look after all devices once a second, until ctrl_health_stop(). */
void ctrl_health_start(struct vn_controller *ctrl);
void ctrl_health_stop(struct vn_controller *ctrl);

/* ctrl_client.c */

/** vn_device_env::want_vfs(); @p ctx is the controller. */
void ctrl_client_want(void *ctx, struct vn_device *pf, uint16_t n);
/** Something has ended at this PF: go on with what its client wants, or show it what there is. */
void ctrl_client_sync(struct vn_controller *ctrl, struct vn_device *pf);
/** The same for all PFs: something has ended that all of them had to wait for. */
void ctrl_client_sync_all(struct vn_controller *ctrl);

/* ctrl_modify_apply.c */

/** See whether a change can be made now. @return true: it could, and @p op goes on, or is over. */
bool ctrl_modify_progress(struct ctrl_op *op);

/* ctrl_save.c: what outlives the process */

/** What the recovery file of @p dev holds has changed: it is to be written, soon. */
void ctrl_save(struct vn_controller *ctrl, struct vn_device *dev);
/** A device that is gone, or going, for good: its file goes, soon. */
void ctrl_forget(struct vn_controller *ctrl, const char *vuid);
/**
 * Go on with @p then once all that was saved and forgotten before is on disk: rc 0. Or the files
 * are as they were, so the caller undoes what it did: rc VIRTNET_ERR_RECOVERY_SAVE or _CREATE, and
 * op->text says why. May come at once.
 */
void ctrl_commit(struct ctrl_op *op, void (*then)(struct ctrl_op *op, int rc));
/** @return 0 or -ENOMEM. */
int ctrl_save_create(struct vn_controller *ctrl);
/** @return 0; -EBUSY: another service uses the directory; negative errno. */
int ctrl_save_lock(struct vn_controller *ctrl);
/** Once ctrl_save_stop() has ended. */
void ctrl_save_destroy(struct vn_controller *ctrl);
/** The start has succeeded: all files are written, and from now on what changes. */
void ctrl_save_begin(struct vn_controller *ctrl);
/**
 * Write what is left (@p flush), save nothing any more, and call @p done when no job is under way.
 * @return false: nothing was under way, @p done is not called.
 */
bool ctrl_save_stop(struct vn_controller *ctrl, bool flush, void (*done)(void *ctx), void *ctx);

/* ctrl_recover.c: what was saved comes back */

/** Read all. @return 0; negative errno with one line in @p err. */
int ctrl_recover_begin(struct vn_controller *ctrl, char *err, size_t errlen);
/** What is made from @p dc is made as it was. @p info: its base is set. @return 0 or -ENOMEM. */
int ctrl_recover_conf(struct vn_controller *ctrl, const struct vn_transport_ops *transport,
	struct vn_ctrl_dev *info, struct vn_device_conf *dc);
/** It was made: the rest of what is known of it. */
void ctrl_recover_device(struct vn_controller *ctrl, struct vn_device *dev);
/** Hotplug PFs that are to be made again. */
unsigned int ctrl_recover_hotplug_left(const struct vn_controller *ctrl);
/** Make one of them, if it can be made. There is one. */
void ctrl_recover_hotplug(struct vn_controller *ctrl);
/** Whatever has no device now is dropped. */
void ctrl_recover_end(struct vn_controller *ctrl);
void ctrl_recover_free(struct vn_controller *ctrl);
/** The capacity settings in force, as a text to be compared with at the next start. */
char *ctrl_recover_note(const struct vn_controller *ctrl);

/* ctrl_wait.c */

/** Answer those who wait, if nothing is coming up any more. */
void ctrl_wait_progress(struct vn_controller *ctrl);

/* ctrl_links.c */

void ctrl_links_init(struct vn_controller *ctrl);
/** Events that are still gathered are forgotten. */
void ctrl_links_fini(struct vn_controller *ctrl);

/* ctrl_attach.c */

/** Connect to the VMs of virtnet.conf. @return 0 or -ENOMEM. */
int ctrl_hosts_create(struct vn_controller *ctrl);
/** Operations on them end. */
void ctrl_hosts_destroy(struct vn_controller *ctrl);
/**
 * The VM that is meant by @p name (NULL: the only one, if there is just one). *host NULL: none.
 * @return 0, or -ENOENT with @p text.
 */
int ctrl_host_find(const struct vn_controller *ctrl, const char *name, struct vn_host **host,
	char *text, size_t len);
/** It is in no VM (any more). */
void ctrl_detached(struct vn_ctrl_dev *info);
/** "virtnet-" VUID */
void ctrl_host_id(const char *vuid, char id[VN_HOST_NAME_LEN]);
/** Plug the device into info->host; the operation goes on by itself. */
void ctrl_op_plug(struct ctrl_op *op, struct vn_host *host, const char *port);

#endif /* CTRL_PRIVATE_H */
