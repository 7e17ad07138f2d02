/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Operations: how they go on, how they end, and how all ends. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_errors.h"
#include "vn_log.h"

/** All devices on their way out. */
struct ctrl_stop {
	struct vn_controller *ctrl;
	enum vn_port_fate fate;
	unsigned int left;
	vn_device_cb done;
	void *ctx;
};

struct stopping_device {
	struct ctrl_stop *all;
	struct vn_device *dev;
	struct vn_ctrl_dev *info;
};

static void
stop_ended(void *ctx)
{
	struct ctrl_stop *all = ctx;

	all->done(all->ctx, 0);
	free(all);
}

static void
stop_one_less(void *ctx)
{
	struct ctrl_stop *all = ctx;

	if (--all->left > 0)
		return;
	if (all->fate != VN_PORT_KEEP || !ctrl_pool_discard(all->ctrl, stop_ended, all))
		stop_ended(all);
}

struct ctrl_op *
ctrl_op_new(struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx)
{
	struct ctrl_op *op = calloc(1, sizeof(*op));

	if (op == NULL) {
		done(ctx, -ENOMEM, "out of memory", dev);
		return NULL;
	}
	op->ctrl = ctrl;
	op->dev = dev;
	op->info = dev != NULL ? dev->ctrl : NULL;
	op->done = done;
	op->ctx = ctx;
	TAILQ_INSERT_TAIL(&ctrl->priv->ops, op, next);
	return op;
}

void
ctrl_op_end(struct ctrl_op *op, int rc, const char *text)
{
	const int pf_id = op->dev != NULL ? op->dev->conf.pf_id : -1;
	const struct ctrl_op copy = *op;
	struct vn_device *pf;

	if (op->fini != NULL)
		op->fini(op);
	TAILQ_REMOVE(&op->ctrl->priv->ops, op, next);
	/* The text may be the operation's own. */
	copy.done(copy.ctx, rc, text == op->text ? copy.text : text, copy.dev);
	free(op);
	pf = copy.ctrl->priv->stopping ? NULL : vn_controller_find(copy.ctrl, pf_id, -1);
	if (pf != NULL && pf->conf.total_vfs > 0)
		ctrl_client_sync(copy.ctrl, pf);
	if (copy.stop != NULL)
		stop_one_less(copy.stop);
}

bool
ctrl_busy(const struct vn_controller *ctrl, const struct vn_device *dev)
{
	const struct ctrl_op *op;

	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (op->dev == NULL)
			continue;
		if (op->dev == dev || (op->vfs && dev->conf.type == VN_VF &&
					      op->dev->conf.pf_id == dev->conf.pf_id))
			return true;
	}
	return false;
}

bool
ctrl_busy_set(const struct vn_controller *ctrl, const struct vn_device *pf)
{
	const struct ctrl_op *op;

	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (op->dev != NULL && op->dev->conf.pf_id == pf->conf.pf_id)
			return true;
	}
	return false;
}

static void
device_gone(void *ctx, int result)
{
	struct ctrl_op *op = ctx;

	RTE_SET_USED(result);
	ctrl_info_free(op->ctrl, op->info);
	op->dev = NULL;
	op->info = NULL;
	ctrl_op_end(op, op->rc, op->text);
}

static void
endpoint_gone(void *ctx, int result)
{
	struct ctrl_op *op = ctx;

	RTE_SET_USED(result);
	op->dev->endpoint = NULL;
	vn_device_destroy(op->dev, VN_PORT_REMOVE, device_gone, op);
}

void
ctrl_op_teardown(struct ctrl_op *op)
{
	op->step = CTRL_TEARDOWN;
	ctrl_unlist(op->ctrl, op->info);
	if (op->dev->endpoint != NULL)
		op->dev->transport->unplug(op->dev->endpoint, endpoint_gone, op);
	else
		endpoint_gone(op, 0);
}

static void
hotplug_saved(struct ctrl_op *op, int rc)
{
	if (rc != 0) {
		op->rc = rc;
		ctrl_op_teardown(op);
	} else if (op->info->host != NULL) {
		ctrl_op_plug(op, op->info->host, op->port);
	} else {
		VN_INFO("%s: plugged, SF %u", op->dev->conf.vuid, op->dev->conf.sf_num);
		ctrl_op_end(op, 0, "");
	}
}

/* The port is there, or will not be. */
static void
port_settled(struct ctrl_op *op)
{
	if (op->dev->port_error[0] != '\0') {
		op->rc = VIRTNET_ERR_SF_PORT_ADD;
		snprintf(op->text, sizeof(op->text), "%s", op->dev->port_error);
		ctrl_op_teardown(op);
		return;
	}
	/* Before the VM has it: what a guest has seen is not taken back so easily. */
	ctrl_save(op->ctrl, op->dev);
	ctrl_commit(op, hotplug_saved);
}

/* Those that still have to wait are asked again at the next wake-up. */
static void
modify_progress(struct vn_controller *ctrl)
{
	struct ctrl_op *op;

	do {
		TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
			if (op->step == CTRL_MODIFY && ctrl_modify_progress(op))
				break;
		}
	} while (op != NULL);
}

void
vn_controller_progress(struct vn_controller *ctrl)
{
	struct ctrl_op *op;

	modify_progress(ctrl);
	/* Each pass takes one out of this step; any may begin or end others. */
	do {
		TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
			if (op->step == CTRL_PORT && op->dev != NULL && ctrl_port_settled(op->dev))
				break;
			if (op->step == CTRL_VFS && ctrl_vfs_ready(op))
				break;
		}
		if (op != NULL && op->step == CTRL_VFS)
			ctrl_vfs_progress(op);
		else if (op != NULL)
			port_settled(op);
	} while (op != NULL);
	ctrl_wait_progress(ctrl);
}

void
vn_controller_hotplug(
	struct vn_controller *ctrl, const struct vn_hotplug *hp, vn_controller_cb done, void *ctx)
{
	char text[CTRL_TEXT_LEN] = "out of memory";
	struct vn_ctrl_dev *info;
	struct vn_device_conf dc;
	struct vn_host *host;
	struct ctrl_op *op;
	const char *name;
	int rc = -ENOMEM;

	if (ctrl_start_refuses(ctrl, NULL, done, ctx))
		return;
	op = ctrl_op_new(ctrl, NULL, done, ctx);
	if (op == NULL)
		return;
	info = calloc(1, sizeof(*info));
	if (info != NULL)
		rc = ctrl_hotplug_conf(ctrl, hp, &dc, info, text, sizeof(text));
	if (rc == 0)
		rc = ctrl_host_find(ctrl, hp->vm, &host, text, sizeof(text));
	if (rc == 0 && host == NULL && hp->port != NULL) {
		snprintf(text, sizeof(text), "--port needs a VM: name one with --vm");
		rc = -EINVAL;
	}
	if (rc == 0 && hp->port != NULL && strlen(hp->port) >= sizeof(op->port)) {
		snprintf(text, sizeof(text), "the name of the root port is too long");
		rc = -EINVAL;
	}
	if (rc != 0) {
		free(info);
		ctrl_op_end(op, rc, text);
		return;
	}
	name = ctrl_transport_name(ctrl, hp->transport);
	rc = ctrl_make(ctrl, &dc, ctrl_transport(ctrl, name), info, &op->dev, text, sizeof(text));
	op->hotplug = true;
	op->rc = VIRTNET_ERR_HOTPLUG;
	snprintf(op->text, sizeof(op->text), "%s", text);
	if (op->dev == NULL) {
		ctrl_op_end(op, op->rc, op->text);
		return;
	}
	op->info = info;
	info->fresh = true;
	if (rc != 0) {
		ctrl_op_teardown(op);
		return;
	}
	info->host = host;
	snprintf(op->port, sizeof(op->port), "%s", hp->port != NULL ? hp->port : "");
	vn_controller_progress(ctrl);
}

static void
one_gone(void *ctx, int result)
{
	struct stopping_device *sd = ctx;
	struct ctrl_stop *all = sd->all;

	RTE_SET_USED(result);
	ctrl_info_free(all->ctrl, sd->info);
	free(sd);
	stop_one_less(all);
}

/* Nobody would adopt the port of a device that the next start does not make. */
static enum vn_port_fate
fate_of(const struct stopping_device *sd)
{
	const struct vn_ctrl_dev *info = sd->info;

	if (sd->dev->conf.type == VN_HOTPLUG_PF && (!info->saved || info->forgotten))
		return VN_PORT_REMOVE;
	/* One of a set that was being enabled. */
	if (sd->dev->conf.type == VN_VF && info->fresh && sd->all->fate == VN_PORT_KEEP)
		return VN_PORT_UNDO;
	return sd->all->fate;
}

static void
one_unplugged(void *ctx, int result)
{
	struct stopping_device *sd = ctx;

	RTE_SET_USED(result);
	sd->dev->endpoint = NULL;
	vn_device_destroy(sd->dev, fate_of(sd), one_gone, sd);
}

static void
stop_device(struct ctrl_stop *all, struct vn_device *dev)
{
	struct stopping_device *sd = calloc(1, sizeof(*sd));

	if (sd == NULL)
		return; /* leaks at the end of the process: harmless */
	*sd = (struct stopping_device){.all = all, .dev = dev, .info = dev->ctrl};
	all->left++;
	if (dev->endpoint != NULL)
		dev->transport->unplug(dev->endpoint, one_unplugged, sd);
	else
		one_unplugged(sd, 0);
}

/* What waits ends now; what is being taken down is waited for. */
static void
stop_ops(struct vn_controller *ctrl, struct ctrl_stop *all)
{
	struct ctrl_op *op;

	ctrl_hosts_destroy(ctrl);
	do {
		TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
			if (op->step != CTRL_TEARDOWN && op->step != CTRL_RESTART)
				break;
		}
		if (op != NULL)
			ctrl_op_end(op, -ECANCELED, "the controller ends");
	} while (op != NULL);
	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		op->stop = all;
		all->left++;
		/* VFs on their way out: their PF goes now, it may be gone before them. */
		if (op->vfs) {
			op->dev = NULL;
			op->info = NULL;
		}
	}
}

static void
all_saved(void *ctx)
{
	stop_one_less(ctx);
}

void
vn_controller_stop(struct vn_controller *ctrl, enum vn_port_fate fate, vn_device_cb done, void *ctx)
{
	struct ctrl_stop *all = calloc(1, sizeof(*all));
	unsigned int n;

	if (all == NULL) {
		done(ctx, -ENOMEM);
		return;
	}
	/* One for ourselves: callbacks may come at once. */
	*all = (struct ctrl_stop){.ctrl = ctrl, .fate = fate, .left = 1, .done = done, .ctx = ctx};
	ctrl->priv->stopping = true;
	ctrl_start_stop(ctrl);
	if (ctrl_save_stop(ctrl, fate == VN_PORT_KEEP, all_saved, all))
		all->left++;
	stop_ops(ctrl, all);
	if (ctrl_pool_end(ctrl, stop_one_less, all))
		all->left++;
	n = ctrl->num_devices;
	ctrl->num_devices = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct vn_device *dev = ctrl->device[i];

		/* Operations see to these, and are waited for. */
		if (!dev->ctrl->going)
			stop_device(all, dev);
	}
	stop_one_less(all);
}

unsigned int
vn_controller_operations(
	const struct vn_controller *ctrl, struct vn_operation *ops, unsigned int room)
{
	static const char *const step[] = {
		[CTRL_PORT] = "the port is being made",
		[CTRL_HOST] = "the VM is working on it",
		[CTRL_TEARDOWN] = "the device is going",
		[CTRL_SAVE] = "recovery files are being written",
		[CTRL_VFS] = "VFs come or go",
		[CTRL_RESTART] = "restart",
		[CTRL_MODIFY] = "rings have to be given back",
		[CTRL_WAIT] = "devices are coming up",
	};
	const struct ctrl_op *op;
	unsigned int n = 0;

	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (n < room)
			ops[n] = (struct vn_operation){
				.step = op->step < RTE_DIM(step) && step[op->step] != NULL
						? step[op->step]
						: "?",
				.vuid = op->dev != NULL ? op->dev->conf.vuid : "",
			};
		n++;
	}
	return n;
}
