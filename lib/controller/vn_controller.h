/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_CONTROLLER_H
#define VN_CONTROLLER_H

/**
 * @file
 * The inventory: which devices there are, who they are, and how they come and go. Control thread.
 */

#include "vn_capacity.h"
#include "vn_conf.h"
#include "vn_device.h"
#include "vn_transport.h"

/** Limits of the product (contract 1.2). */
#define VN_MAX_STATIC_PF  31
#define VN_MAX_HOTPLUG_PF 31

struct vn_controller_env {
	struct vn_device_env dev;
	const struct vn_transport_ops *transport;
	const char *socket_dir; /**< sockets of the devices: DIR/VUID.sock */
	const char *board_serial;
};

/** Read-only outside lib/controller. */
struct vn_controller {
	struct vn_controller_env env;
	struct vn_conf conf;         /**< virtnet.conf in force */
	struct vn_capacity capacity; /**< capacity settings in force */
	uint64_t supported_features;
	uint16_t max_virt_queues;
	unsigned int num_devices;
	struct vn_device **device; /**< ordered: PFs by id, each followed by its VFs */
};

/** Takes over @p conf. Makes no device yet. */
int vn_controller_create(const struct vn_controller_env *env, const struct vn_conf *conf,
	const struct vn_capacity *capacity, struct vn_controller **ctrl);

/** Make and plug all static PFs. @p err gets one line on failure. @return 0 or negative errno. */
int vn_controller_start(struct vn_controller *ctrl, char *err, size_t errlen);

/** True once the port of every device has been made, or could not be (port_error). */
bool vn_controller_settled(const struct vn_controller *ctrl);

/** The netdev @p ifindex (0: any) has changed or gone: look at the representor it belongs to. */
void vn_controller_link_changed(struct vn_controller *ctrl, int ifindex);

/** A memory file broke (SIGBUS): find the devices that it belongs to. */
void vn_controller_check_mem(struct vn_controller *ctrl);

/** Unplug and end all devices, then @p done. @p fate is that of the representors. */
void vn_controller_stop(
	struct vn_controller *ctrl, enum vn_port_fate fate, vn_device_cb done, void *ctx);
void vn_controller_destroy(struct vn_controller *ctrl);

/** A PF (vf < 0) or a VF. NULL: doesn't exist. */
struct vn_device *vn_controller_find(struct vn_controller *ctrl, int pf, int vf);
struct vn_device *vn_controller_find_vuid(struct vn_controller *ctrl, const char *vuid);

#endif /* VN_CONTROLLER_H */
