/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_SELECT_H
#define CTL_SELECT_H

/** @file Which devices a request means, and answers about many of them. */

#include "ctl_private.h"

/** PF and VF ids are below this. */
#define CTL_IDS 65536

/** What all, pf, vf, vuid, pfs and vfs name. */
struct ctl_select {
	bool many;   /**< all, or a list: the answer has the shape of one for many devices */
	bool all;    /**< every device */
	bool has_vf; /**< VFs of the PFs, not the PFs */
	const char *vuid;
	uint64_t pf[CTL_IDS / 64], vf[CTL_IDS / 64]; /**< bit sets of ids */
};

/**
 * Read the selectors of @p args (which holds the strings).
 * @return NULL; or the answer: a list that cannot be read, or a device that does not exist.
 */
json_t *ctl_select(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_select *sel);
/** True if @p sel means @p dev. */
bool ctl_selected(const struct ctl_select *sel, const struct vn_device *dev);

typedef json_t *(*ctl_show_fn)(struct vn_ctl *ctl, struct vn_device *dev, void *ctx);

/**
 * An array of what @p show says of each device that @p sel (NULL: every one) means: one page of it,
 * where the request's cursor says. @return NULL for lack of memory.
 */
json_t *ctl_show_page(struct vn_ctl *ctl, const struct ctl_args *args, const struct ctl_select *sel,
	struct ctl_reply *reply, ctl_show_fn show, void *ctx);

#endif /* CTL_SELECT_H */
