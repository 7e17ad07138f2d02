/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * A change is made whole, saved, and answered; what cannot be saved is undone. Rings that a driver
 * has just given back may still be on their way: another number of queues waits for that.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_modify.h"
#include "vn_errors.h"
#include "vn_log.h"
#include "vn_model.h"

static void
change_fini(struct ctrl_op *op)
{
	struct ctrl_change *c = op->data;

	vn_loop_cancel(op->ctrl->env.dev.loop, &c->deadline);
	free(c);
}

static void
end(struct ctrl_op *op)
{
	const struct ctrl_change *c = op->data;
	char names[256];

	ctrl_modify_names(c, names, sizeof(names));
	VN_INFO("%s: modified: %s", op->dev->conf.vuid, names);
	if (c->warn)
		snprintf(op->text, sizeof(op->text), "%s", vn_error_text(VIRTNET_ERR_NOT_WORKING));
	else if (c->vmms != 0)
		snprintf(op->text, sizeof(op->text),
			"0x%llx of features left out: over %s the VMM has them",
			(unsigned long long)c->vmms, op->dev->transport->name);
	else
		op->text[0] = '\0';
	ctrl_op_end(op, 0, op->text);
}

static void
was_reset(void *ctx, int result)
{
	struct ctrl_op *op = ctx;

	/* -ETIMEDOUT: a poller was overridden, and the device is reset. */
	if (result == -EBUSY)
		ctrl_op_end(op, result, "the device is being reset again and again");
	else
		end(op);
}

/* The quota of vectors. */
static void
tell_transport(const struct vn_device *dev)
{
	if (dev->transport != NULL && dev->transport->config_changed != NULL &&
		dev->endpoint != NULL)
		dev->transport->config_changed(dev->endpoint);
}

static void
undo(struct ctrl_op *op)
{
	const struct ctrl_change *c = op->data;
	const int rc = vn_device_reconf(op->dev, &c->before);

	if (rc != 0) {
		VN_ERR("%s: modify could not be saved, nor undone (%s): it holds until the "
		       "controller ends",
			op->dev->conf.vuid, strerror(-rc));
		ctrl_pools_give(op->ctrl, op->dev, c);
	} else {
		ctrl_pools_take(op->ctrl, op->dev, c, true);
	}
	tell_transport(op->dev);
	ctrl_save(op->ctrl, op->dev);
}

static void
saved(struct ctrl_op *op, int rc)
{
	const struct ctrl_change *c = op->data;

	if (rc != 0) {
		undo(op);
		ctrl_op_end(op, rc, op->text);
		return;
	}
	ctrl_pools_give(op->ctrl, op->dev, c);
	/* Not to be undone, and nothing to save. */
	if (c->need_reset)
		vn_device_need_reset(op->dev);
	if (!c->reset) {
		end(op);
		return;
	}
	/* The end of a reset is waited for; the end of the controller may come first. */
	op->step = CTRL_TEARDOWN;
	vn_model_reset(op->dev, was_reset, op);
}

static void
late(void *ctx)
{
	ctrl_op_end(ctx, -EBUSY,
		"the last driver's rings are not given back yet: try again, and see health");
}

/* @return false: it has to wait. */
static bool
apply(struct ctrl_op *op)
{
	struct ctrl_change *c = op->data;
	int rc;

	rc = ctrl_modify_check(op->ctrl, op->dev, c);
	if (rc == 0) {
		rc = vn_device_reconf(op->dev, &c->wanted);
		if (rc == -EBUSY)
			return false;
	}
	if (rc != 0) {
		ctrl_op_end(op, rc, op->text);
		return true;
	}
	/* They have been on, and begin anew all the same. */
	if (ctrl_asks(c, VN_MODIFY_PKT_CNT) && c->before.count_sizes && c->wanted.count_sizes)
		vn_device_set_count_sizes(op->dev, true);
	ctrl_pools_take(op->ctrl, op->dev, c, false);
	tell_transport(op->dev);
	vn_loop_cancel(op->ctrl->env.dev.loop, &c->deadline);
	op->step = CTRL_SAVE;
	ctrl_save(op->ctrl, op->dev);
	ctrl_commit(op, saved);
	return true;
}

bool
ctrl_modify_progress(struct ctrl_op *op)
{
	return apply(op);
}

void
vn_controller_modify(struct vn_controller *ctrl, struct vn_device *dev,
	const struct vn_modify *modify, vn_controller_cb done, void *ctx)
{
	struct ctrl_change *c;
	struct ctrl_op *op;

	if (ctrl_start_refuses(ctrl, dev, done, ctx))
		return;
	if (ctrl_busy(ctrl, dev)) {
		done(ctx, -EBUSY, "another command is working on the device", dev);
		return;
	}
	op = ctrl_op_new(ctrl, dev, done, ctx);
	if (op == NULL)
		return;
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		ctrl_op_end(op, -ENOMEM, "out of memory");
		return;
	}
	c->m = *modify;
	if (modify->mac != NULL) {
		snprintf(c->mac, sizeof(c->mac), "%s", modify->mac);
		c->m.mac = c->mac;
	}
	c->text = op->text;
	c->len = sizeof(op->text);
	c->deadline = (struct vn_timer){.cb = late, .ctx = op};
	op->data = c;
	op->fini = change_fini;
	op->step = CTRL_MODIFY;
	if (!apply(op))
		vn_loop_arm(ctrl->env.dev.loop, &c->deadline, CTRL_MODIFY_DEADLINE_NS);
}
