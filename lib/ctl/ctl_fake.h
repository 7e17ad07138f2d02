/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_FAKE_H
#define CTL_FAKE_H

/**
 * @file
 * For tests: a hand-made inventory with the values of the contract's published examples
 * (ctl_fake_inventory.c), and what lib/ctl calls of the device, controller and poller libraries
 * (ctl_fake_calls.c). They stand for those libraries in the program that they are linked with.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_controller.h"
#include "vn_errors.h"
#include "vn_model.h"
#include "vn_poller.h"

#define FAKE_MAX_DEVICES 1100

struct vn_poller {
	unsigned int index, lcore;
	struct vn_poller_stats stats;
};

struct vn_pollers {
	unsigned int n;
	struct vn_poller poller[2];
};

struct vn_endpoint {
	struct vn_endpoint_info info;
};

struct fake {
	struct vn_controller ctrl;
	struct vn_pollers pollers;
	struct vn_device *device[FAKE_MAX_DEVICES];
	struct vn_endpoint endpoint[FAKE_MAX_DEVICES];
	struct vn_ctrl_dev info[FAKE_MAX_DEVICES];
};

/** The poller of all devices that a driver runs. */
extern struct vn_poller fake_poller;

/** The model of all devices whose transport carries whole functions. */
extern struct vn_model_info fake_model;

/** The transport of all devices but those of "full". */
extern const struct vn_transport_ops fake_transport;

/** What the next operation ends with, and what was asked for last. */
struct fake_op {
	bool hold; /**< not before fake_release() */
	int result;
	const char *text;
	struct {
		vn_controller_cb done;
		void *ctx;
		struct vn_device *dev;
	} begun[FAKE_MAX_DEVICES]; /**< have not ended: a request may begin one per device */
	unsigned int n_begun;
	struct vn_hotplug hp;    /**< what was asked for last; the strings are gone */
	struct vn_modify modify; /**< the same of modify */
	unsigned int num_vfs;
	unsigned int starting; /**< devices that are coming up */
	unsigned int unmade;   /**< of them, those that are not made */
	uint64_t timeout_ns;   /**< of wait */
	unsigned int calls;
};

extern struct fake_op fake_op;

/** End what has begun. */
void fake_release(void);

/**
 * An inventory; @p what: "list", "vf", "query", "full" (query over vfio-user), "stats", "hotplug",
 * "endpoint" (no VM), "refusing", "many", "none". Ends with fake_destroy().
 */
struct fake *fake_create(const char *what);

void fake_destroy(struct fake *f);

/** @p text: "aa:bb:cc:dd:ee:ff". */
void fake_set_mac(uint8_t mac[VN_MAC_LEN], const char *text);

#endif /* CTL_FAKE_H */
