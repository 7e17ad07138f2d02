/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Who waits for all devices to be there: systemd, and scripts by "virtnet wait". */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctrl_private.h"

struct wait {
	struct ctrl_op *op;
	struct vn_timer deadline;
};

unsigned int
vn_controller_starting(const struct vn_controller *ctrl)
{
	const struct ctrl_op *op;
	unsigned int n = 0;

	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		n += !ctrl_port_settled(ctrl->device[i]);
	if (ctrl->priv == NULL)
		return n;
	n += ctrl->priv->start.to_come;
	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (op->step == CTRL_VFS)
			n += ctrl_vfs_to_come(op);
	}
	return n;
}

bool
vn_controller_settled(const struct vn_controller *ctrl)
{
	return vn_controller_starting(ctrl) == 0;
}

static void
wait_fini(struct ctrl_op *op)
{
	struct wait *w = op->data;

	vn_loop_cancel(op->ctrl->env.dev.loop, &w->deadline);
	free(w);
}

static void
too_late(void *ctx)
{
	struct ctrl_op *op = ((struct wait *)ctx)->op;

	snprintf(op->text, sizeof(op->text),
		"%u devices are still coming up: list shows which (their sf_rep_net_ifindex is 0), "
		"the log why",
		vn_controller_starting(op->ctrl));
	ctrl_op_end(op, -ETIMEDOUT, op->text);
}

void
ctrl_wait_progress(struct vn_controller *ctrl)
{
	struct ctrl_op *op;

	do {
		TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
			if (op->step == CTRL_WAIT)
				break;
		}
		if (op == NULL || !vn_controller_settled(ctrl))
			return;
		ctrl_op_end(op, 0, "");
	} while (true);
}

void
vn_controller_wait(
	struct vn_controller *ctrl, uint64_t timeout_ns, vn_controller_cb done, void *ctx)
{
	struct ctrl_op *op = ctrl_op_new(ctrl, NULL, done, ctx);
	struct wait *w;

	if (op == NULL)
		return;
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		ctrl_op_end(op, -ENOMEM, "out of memory");
		return;
	}
	*w = (struct wait){.op = op, .deadline = {.cb = too_late, .ctx = w}};
	op->step = CTRL_WAIT;
	op->data = w;
	op->fini = wait_fini;
	vn_loop_arm(ctrl->env.dev.loop, &w->deadline, timeout_ns);
	ctrl_wait_progress(ctrl);
}
