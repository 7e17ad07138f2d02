/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Devices and the VMs that have them. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_errors.h"
#include "vn_log.h"

#define ID_PREFIX "virtnet-"
#define NO_VM     "none"

void
ctrl_host_id(const char *vuid, char id[VN_HOST_NAME_LEN])
{
	snprintf(id, VN_HOST_NAME_LEN, ID_PREFIX "%.*s", VN_VUID_LEN, vuid);
}

void
ctrl_detached(struct vn_ctrl_dev *info)
{
	info->attach = VN_DETACHED;
	info->host = NULL;
	info->vm = "";
	info->root_port[0] = '\0';
	info->guest_bdf = UINT16_MAX;
}

static void
set_attached(struct vn_ctrl_dev *info, struct vn_host *host, const struct vn_host_plugged *at)
{
	info->attach = VN_ATTACHED;
	info->host = host;
	info->vm = vn_host_conf_of(host)->name;
	info->guest_bdf = at->bdf;
	memcpy(info->root_port, at->port, sizeof(info->root_port));
}

/* The VM has lost a function, or has one, from now on or since before our time. */
static void
host_event(void *ctx, const char *id, bool gone, const struct vn_host_plugged *at)
{
	const struct ctrl_host *ch = ctx;
	struct vn_ctrl_dev *info;
	struct vn_device *dev;

	dev = vn_controller_find_vuid(ch->ctrl, id + strlen(ID_PREFIX));
	if (dev == NULL)
		return;
	info = dev->ctrl;
	if (gone && info->attach == VN_ATTACHED && info->host == ch->host) {
		VN_INFO("%s: VM %s has lost it", dev->conf.vuid, info->vm);
		ctrl_detached(info);
	} else if (!gone && (info->attach == VN_ATTACHED || !ctrl_busy(ch->ctrl, dev)) &&
		   (info->host == NULL || info->host == ch->host)) {
		set_attached(info, ch->host, at);
	}
}

int
ctrl_hosts_create(struct vn_controller *ctrl)
{
	const struct vn_conf *conf = &ctrl->conf;

	for (unsigned int i = 0; i < conf->n_hosts; i++) {
		struct ctrl_host *ch = &ctrl->priv->host[i];
		struct vn_host_conf hc = {.n_ports = conf->host[i].n_ports};

		_Static_assert(sizeof(hc.port) == sizeof(conf->host[i].port) &&
				       sizeof(hc.qmp) == sizeof(conf->host[i].qmp) &&
				       sizeof(hc.name) == sizeof(conf->host[i].name),
			"virtnet.conf and the host library agree on limits");
		memcpy(hc.name, conf->host[i].name, sizeof(hc.name));
		memcpy(hc.qmp, conf->host[i].qmp, sizeof(hc.qmp));
		memcpy(hc.port, conf->host[i].port, sizeof(hc.port));
		ch->ctrl = ctrl;
		ch->host = vn_host_create(ctrl->env.dev.loop, &hc);
		if (ch->host == NULL)
			return -ENOMEM;
		vn_host_on_event(ch->host, host_event, ch);
		ctrl->host[ctrl->n_hosts++] = ch->host;
	}
	return 0;
}

void
ctrl_hosts_destroy(struct vn_controller *ctrl)
{
	const unsigned int n = ctrl->n_hosts;

	/* Nobody shall find one that is going. */
	ctrl->n_hosts = 0;
	for (unsigned int i = 0; i < n; i++)
		vn_host_destroy(ctrl->host[i]);
	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		ctrl_detached(ctrl->device[i]->ctrl);
}

int
ctrl_host_find(const struct vn_controller *ctrl, const char *name, struct vn_host **host,
	char *text, size_t len)
{
	*host = NULL;
	if (name == NULL)
		*host = ctrl->n_hosts == 1 ? ctrl->host[0] : NULL;
	if (name == NULL || strcmp(name, NO_VM) == 0)
		return 0;
	for (unsigned int i = 0; i < ctrl->n_hosts; i++) {
		if (strcmp(vn_host_conf_of(ctrl->host[i])->name, name) == 0)
			*host = ctrl->host[i];
	}
	if (*host != NULL)
		return 0;
	snprintf(text, len, "\"hosts\" of virtnet.conf has no VM %.63s", name);
	return -ENOENT;
}

static void
describe(const struct vn_device *dev, const char *port, struct vn_host_fn *fn)
{
	struct vn_endpoint_info info = {0};

	if (dev->endpoint != NULL)
		dev->transport->get_info(dev->endpoint, &info);
	*fn = (struct vn_host_fn){
		.kind = dev->transport->full ? VN_HOST_VFIO_USER : VN_HOST_VHOST_USER,
		.socket_client = info.client,
		.queue_pairs = dev->conf.max_queue_pairs,
		.vectors = dev->conf.num_msix,
		.msix_always = dev->conf.type != VN_HOTPLUG_PF,
		.queue_size = dev->conf.max_queue_size,
		.mtu = dev->conf.mtu,
	};
	ctrl_host_id(dev->conf.vuid, fn->id);
	snprintf(fn->socket, sizeof(fn->socket), "%s", info.path);
	snprintf(fn->port, sizeof(fn->port), "%.*s", VN_HOST_NAME_LEN - 1, port);
	memcpy(fn->mac, dev->conf.mac, sizeof(fn->mac));
}

static bool
connected(const struct vn_device *dev)
{
	struct vn_endpoint_info info = {0};

	if (dev->endpoint != NULL)
		dev->transport->get_info(dev->endpoint, &info);
	return info.connected;
}

/* Its file has gone, or will: nobody is told of a device that was not made. */
static void
hotplug_forgotten(struct ctrl_op *op, int rc)
{
	RTE_SET_USED(rc);
	ctrl_op_teardown(op);
}

static void
plug_done(void *ctx, int result, const char *text, const struct vn_host_plugged *at)
{
	struct ctrl_op *op = ctx;

	if (result == 0) {
		set_attached(op->info, op->info->host, at);
		VN_INFO("%s: in VM %s, port %s", op->dev->conf.vuid, op->info->vm, at->port);
		ctrl_save(op->ctrl, op->dev);
		ctrl_op_end(op, 0, "");
		return;
	}
	ctrl_detached(op->info);
	snprintf(op->text, sizeof(op->text), "%s", text);
	op->rc = op->hotplug ? VIRTNET_ERR_HOTPLUG : result;
	if (op->hotplug) {
		ctrl_forget(op->ctrl, op->dev->conf.vuid);
		ctrl_commit(op, hotplug_forgotten);
	} else {
		ctrl_op_end(op, op->rc, op->text);
	}
}

void
ctrl_op_plug(struct ctrl_op *op, struct vn_host *host, const char *port)
{
	struct vn_host_fn fn;

	op->step = CTRL_HOST;
	op->info->host = host;
	op->info->attach = VN_ATTACHING;
	describe(op->dev, port, &fn);
	vn_host_plug(host, &fn, plug_done, op);
}

/* Only now is it gone for good: nobody has it, and no start makes it again. */
static void
unplug_saved(struct ctrl_op *op, int rc)
{
	if (rc == 0)
		ctrl_op_teardown(op);
	else
		ctrl_op_end(op, rc, op->text);
}

static void
unplug_done(void *ctx, int result, const char *text)
{
	struct ctrl_op *op = ctx;

	snprintf(op->text, sizeof(op->text), "%s", text);
	if (result == 0) {
		ctrl_detached(op->info);
		if (op->remove) {
			ctrl_forget(op->ctrl, op->dev->conf.vuid);
			ctrl_commit(op, unplug_saved);
		} else {
			ctrl_save(op->ctrl, op->dev);
			ctrl_op_end(op, 0, "");
		}
		return;
	}
	op->info->attach = VN_ATTACHED;
	ctrl_op_end(op,
		result == -EBUSY     ? VIRTNET_ERR_UNPLUG_NOT_READY
		: result == -ENOTSUP ? -EOPNOTSUPP
				     : result,
		op->text);
}

/* Ask the VM for the function; without one that we know the device has to be free. */
static void
let_go(struct ctrl_op *op)
{
	struct vn_ctrl_dev *info = op->info;
	struct vn_host_info hi = {0};
	struct vn_host_fn fn;

	op->step = CTRL_HOST;
	if (info->host != NULL)
		vn_host_get_info(info->host, &hi);
	/* Only the VM itself can take a function out of it. */
	if (connected(op->dev) && !hi.connected) {
		if (info->host == NULL)
			snprintf(op->text, sizeof(op->text),
				"a VMM is connected that virtnet.conf does not name: take the "
				"function out there first");
		else
			snprintf(op->text, sizeof(op->text),
				"it is in use, and its VM cannot be asked: %s", hi.why);
		ctrl_op_end(op, VIRTNET_ERR_UNPLUG_NOT_READY, op->text);
		return;
	}
	if (info->host == NULL) {
		unplug_done(op, 0, "");
		return;
	}
	info->attach = VN_DETACHING;
	describe(op->dev, info->root_port, &fn);
	vn_host_unplug(info->host, &fn, unplug_done, op);
}

static bool
refuse_busy(struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx)
{
	if (ctrl_start_refuses(ctrl, dev, done, ctx))
		return true;
	if (!ctrl_busy(ctrl, dev))
		return false;
	done(ctx, -EBUSY, "something is being done with this device: try again later", dev);
	return true;
}

void
vn_controller_unplug(
	struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx)
{
	struct ctrl_op *op;

	if (dev->conf.type != VN_HOTPLUG_PF) {
		done(ctx, VIRTNET_ERR_NOT_HOTPLUG, "", dev);
		return;
	}
	if (refuse_busy(ctrl, dev, done, ctx))
		return;
	op = ctrl_op_new(ctrl, dev, done, ctx);
	if (op == NULL)
		return;
	op->remove = true;
	let_go(op);
}

void
vn_controller_detach(
	struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx)
{
	struct ctrl_op *op;

	if (refuse_busy(ctrl, dev, done, ctx))
		return;
	if (dev->ctrl->host == NULL) {
		done(ctx, -ENODEV, "it is in no VM of virtnet.conf", dev);
		return;
	}
	op = ctrl_op_new(ctrl, dev, done, ctx);
	if (op != NULL)
		let_go(op);
}

void
vn_controller_attach(struct vn_controller *ctrl, struct vn_device *dev, const char *vm,
	const char *port, vn_controller_cb done, void *ctx)
{
	char text[CTRL_TEXT_LEN] = "";
	struct vn_host *host;
	struct ctrl_op *op;
	int rc;

	if (refuse_busy(ctrl, dev, done, ctx))
		return;
	rc = ctrl_host_find(ctrl, vm, &host, text, sizeof(text));
	if (rc == 0 && dev->ctrl->attach != VN_DETACHED) {
		snprintf(text, sizeof(text), "it is in VM %s", dev->ctrl->vm);
		rc = -EEXIST;
	} else if (rc == 0 && host == NULL) {
		snprintf(text, sizeof(text), "%s",
			ctrl->n_hosts == 0 ? "virtnet.conf names no VM (\"hosts\"); --print shows "
					     "what to add to "
					     "one by hand"
					   : "name a VM with --vm");
		rc = -EINVAL;
	} else if (rc == 0 && connected(dev)) {
		snprintf(text, sizeof(text), "a VMM is connected to it");
		rc = -EBUSY;
	} else if (rc == 0 && port != NULL && strlen(port) >= VN_HOST_NAME_LEN) {
		snprintf(text, sizeof(text), "the name of the root port is too long");
		rc = -EINVAL;
	}
	if (rc != 0) {
		done(ctx, rc, text, dev);
		return;
	}
	op = ctrl_op_new(ctrl, dev, done, ctx);
	if (op != NULL)
		ctrl_op_plug(op, host, port != NULL ? port : "");
}

char *
vn_controller_attach_text(
	const struct vn_controller *ctrl, struct vn_device *dev, const char *port, bool libvirt)
{
	struct vn_host_fn fn;

	RTE_SET_USED(ctrl);
	describe(dev, port != NULL ? port : "", &fn);
	return libvirt ? vn_host_libvirt_xml(&fn) : vn_host_qemu_args(&fn);
}
