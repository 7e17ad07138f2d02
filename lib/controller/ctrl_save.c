/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What outlives the process: recovery files. */

#include "ctrl_private.h"

void
ctrl_save(struct vn_controller *ctrl, struct vn_device *dev)
{
	RTE_SET_USED(ctrl);
	RTE_SET_USED(dev);
}

void
ctrl_forget(struct vn_controller *ctrl, const char *vuid)
{
	RTE_SET_USED(ctrl);
	RTE_SET_USED(vuid);
}

void
ctrl_commit(struct ctrl_op *op, void (*then)(struct ctrl_op *op, int rc))
{
	then(op, 0);
}
