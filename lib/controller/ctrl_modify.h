/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTRL_MODIFY_H
#define CTRL_MODIFY_H

/** @file What the files of modify share. Control thread. */

#include "ctrl_private.h"

/** How long rings that were just given back may keep a change waiting. */
#define CTRL_MODIFY_DEADLINE_NS VN_SEC(5)

/** A change while it is checked and made. */
struct ctrl_change {
	struct vn_modify m;
	char mac[24]; /**< m.mac */
	struct vn_device_conf before, wanted;
	/** What the PF's pools get (a VF gives back) or give. */
	int32_t msix_back, qp_back;
	bool reset;      /**< the operator resets the device */
	bool need_reset; /**< ... or has the driver do it */
	bool warn;       /**< done, but the device cannot work (row 44) */
	uint64_t vmms;   /**< bits of the mask left out: over vhost-user the VMM has them */
	struct vn_timer deadline;
	char *text;
	size_t len;
};

/** True if @p option is asked for. */
static inline bool
ctrl_asks(const struct ctrl_change *c, enum vn_modify_option option)
{
	return (c->m.has & UINT32_C(1) << option) != 0;
}

/** @return @p rc, with c->text. */
int ctrl_refuse(const struct ctrl_change *c, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Check all that is asked for: fills wanted and what follows it.
 * @return 0; VIRTNET_ERR_* or negative errno with c->text.
 */
int ctrl_modify_check(
	struct vn_controller *ctrl, const struct vn_device *dev, struct ctrl_change *c);

/** "mtu, link": what is asked for, for the log. */
void ctrl_modify_names(const struct ctrl_change *c, char *buf, size_t len);

/* ctrl_pools.c */

/** "-n", "-qp": fills num_msix, num_queues, max_queue_pairs of wanted, and what the pools get. */
int ctrl_pools_check(
	struct vn_controller *ctrl, const struct vn_device *dev, struct ctrl_change *c);
/** What the VF gets leaves the pools when the change is made, or comes back (@p undo). */
void ctrl_pools_take(struct vn_controller *ctrl, const struct vn_device *dev,
	const struct ctrl_change *c, bool undo);
/** What the VF gives back is in the pools: once the change is on disk. */
void ctrl_pools_give(
	struct vn_controller *ctrl, const struct vn_device *dev, const struct ctrl_change *c);

#endif /* CTRL_MODIFY_H */
