/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What is looked at once a second, as no event tells it. */

#include "ctrl_private.h"

#define TICK_NS VN_SEC(1)

static void
tick(void *ctx)
{
	struct vn_controller *ctrl = ctx;
	const uint64_t now = vn_now_ns();

	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		vn_device_tick(ctrl->device[i], now);
	ctrl_place_tick(ctrl);
	vn_loop_arm(ctrl->env.dev.loop, &ctrl->priv->tick, TICK_NS);
}

void
ctrl_health_start(struct vn_controller *ctrl)
{
	ctrl->priv->tick = (struct vn_timer){.cb = tick, .ctx = ctrl};
	vn_loop_arm(ctrl->env.dev.loop, &ctrl->priv->tick, TICK_NS);
}

void
ctrl_health_stop(struct vn_controller *ctrl)
{
	vn_loop_cancel(ctrl->env.dev.loop, &ctrl->priv->tick);
}
