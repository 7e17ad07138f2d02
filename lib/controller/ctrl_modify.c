/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include "ctrl_private.h"
#include "vn_errors.h"

void
vn_controller_modify(struct vn_controller *ctrl, struct vn_device *dev,
	const struct vn_modify *modify, vn_controller_cb done, void *ctx)
{
	RTE_SET_USED(ctrl);
	RTE_SET_USED(modify);
	done(ctx, VIRTNET_ERR_NOT_SUPPORTED, "", dev);
}
