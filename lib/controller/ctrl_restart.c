/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Fast restart: the files are read by a job, then one device after the other restarts. The helper
 * thread does one thing at a time, so devices that restarted at once would all be away for as long
 * as the last one.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_log.h"

struct ctrl_restart {
	struct vn_job job;
	struct ctrl_op *op;
	const char *conf_file, *capacity_file;
	const char *bad_file; /* NULL: all that was read is valid */
	struct vn_conf_errors errors;
	struct vn_conf conf;
	struct vn_capacity capacity;
	uint64_t began_ns;
	struct vn_device *dev; /* restarts now */
	char vuid[VN_VUID_LEN];
	unsigned int devices, unwell;
	int rc; /* of the first one that is not well */
	char why[CTRL_TEXT_LEN];
};

/* Parts of virtnet.conf. What waits keeps its old value until the service is restarted. */
#define PART(name, field, waits)                                             \
	{                                                                    \
		name, offsetof(struct vn_conf, field),                       \
			sizeof(((const struct vn_conf *)NULL)->field), waits \
	}
static const struct {
	const char *name;
	size_t at, size;
	bool waits;
} parts[] = {
	PART("transport", vhost_user, false),
	PART("vfio_user.socket_dir", vfio_user_socket_dir, false),
	PART("vfio_user.doorbell", vfio_user_doorbell_page, false),
	PART("vhost_user.mode", vhost_user_client, false),
	PART("vhost_user.socket_dir", vhost_user_socket_dir, false),
	PART("mrg_rxbuf", mrg_rxbuf, false),
	PART("packed_vq", packed_vq, false),
	PART("dpa_core_start", has_dpa_cores, false),
	PART("dpa_core_start", dpa_core_start, false),
	PART("dpa_core_end", dpa_core_end, false),
	PART("lm_prov", lm_prov, false),
	PART("sf_pool_percent", sf_pool_percent, false),
	PART("sf_pool_force_destroy", sf_pool_force_destroy, false),
	PART("vf", vf, false),
	PART("limits", limits_bluefield3, false),
	/* Who devices are, and what was made at the start. */
	PART("static_pf", static_pf, true),
	PART("ib_dev_for_static_pf", ib_dev_for_static_pf, true),
	PART("ib_dev_p0", ib_dev_p0, true),
	PART("ib_dev_p1", ib_dev_p1, true),
	PART("ib_dev_lag", ib_dev_lag, true),
	PART("is_lag", is_lag, true),
	PART("single_port", single_port, true),
	PART("recovery", recovery, true),
	PART("placement", placement_fixed, true),
	PART("switch", sw, true),
	PART("hosts", n_hosts, true),
	PART("hosts", host, true),
};
#undef PART

static void
take_conf(struct vn_controller *ctrl, struct vn_conf *conf)
{
	for (unsigned int i = 0; i < RTE_DIM(parts); i++) {
		void *new = RTE_PTR_ADD(conf, parts[i].at);
		const void *old = RTE_PTR_ADD(&ctrl->conf, parts[i].at);

		if (memcmp(new, old, parts[i].size) == 0)
			continue;
		VN_INFO("restart: %s has changed in virtnet.conf: %s", parts[i].name,
			parts[i].waits ? "waits for a restart of the service"
				       : "holds for devices made from now on");
		if (parts[i].waits)
			memcpy(new, old, parts[i].size);
	}
	ctrl->conf = *conf;
}

static void
end(struct ctrl_restart *r, int rc, const char *text)
{
	struct ctrl_op *op = r->op;

	snprintf(op->text, sizeof(op->text), "%s", text);
	if (rc != 0)
		VN_ERR("restart: %s", text);
	free(r);
	ctrl_op_end(op, rc, op->text);
}

static void
end_of_devices(struct ctrl_restart *r)
{
	char text[CTRL_TEXT_LEN] = "";

	VN_INFO("restart: %u devices in %u ms", r->devices,
		(unsigned int)((vn_now_ns() - r->began_ns) / VN_MS(1)));
	if (r->op->stop != NULL)
		end(r, -ECANCELED, "the controller ends");
	else if (r->unwell == 0)
		end(r, 0, "");
	else {
		snprintf(text, sizeof(text), "%.250s%s", r->why,
			r->unwell > 1 ? ", and others (virtnet health -a show)" : "");
		end(r, r->rc, text);
	}
}

static void next_device(struct ctrl_restart *r);

static void
note(struct ctrl_restart *r, int rc, const char *why)
{
	if (r->unwell++ > 0)
		return;
	r->rc = rc;
	snprintf(r->why, sizeof(r->why), "%s: %.200s", r->vuid, why);
}

static void
device_done(void *ctx, int result)
{
	struct ctrl_restart *r = ctx;

	/* -EBUSY: its port is just being made; -ECANCELED: it goes. */
	if (result == 0) {
		r->devices++;
		if (r->dev->port_error[0] != '\0')
			note(r, -EIO, r->dev->port_error);
		else if (r->dev->broken)
			note(r, -EIO, r->dev->broken_why);
	} else if (result == -ETIMEDOUT) {
		note(r, -ETIMEDOUT,
			"its poller does not answer: restart the service if that stays so");
	}
	next_device(r);
}

static void
next_device(struct ctrl_restart *r)
{
	struct vn_controller *ctrl = r->op->ctrl;

	/* Devices may come and go meanwhile. */
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		struct vn_device *dev = ctrl->device[i];

		if (dev->ctrl->restarts == ctrl->priv->restarts)
			continue;
		dev->ctrl->restarts = ctrl->priv->restarts;
		r->dev = dev;
		memcpy(r->vuid, dev->conf.vuid, sizeof(r->vuid));
		vn_device_restart(dev, device_done, r);
		return;
	}
	end_of_devices(r);
}

static int
read_files(struct vn_job *job)
{
	struct ctrl_restart *r = (struct ctrl_restart *)job;

	if (r->conf_file != NULL && vn_conf_load(r->conf_file, &r->conf, &r->errors) != 0)
		r->bad_file = r->conf_file;
	else if (r->capacity_file != NULL &&
		 vn_capacity_load(r->capacity_file, &r->capacity, &r->errors) != 0)
		r->bad_file = r->capacity_file;
	return 0;
}

static void
files_read(struct vn_job *job, int result)
{
	struct ctrl_restart *r = (struct ctrl_restart *)job;
	struct vn_controller *ctrl = r->op->ctrl;
	char text[CTRL_TEXT_LEN], line[CTRL_TEXT_LEN];

	RTE_SET_USED(result);
	if (r->op->stop != NULL) {
		end(r, -ECANCELED, "the controller ends");
		return;
	}
	if (r->bad_file != NULL) {
		vn_conf_error_format(&r->errors.e[0], r->bad_file, line, sizeof(line));
		snprintf(text, sizeof(text), "nothing was restarted: %.240s%s", line,
			r->errors.n > 1 ? " (and more: virtnet validate -f FILE)" : "");
		end(r, -EINVAL, text);
		return;
	}
	if (r->conf_file != NULL)
		take_conf(ctrl, &r->conf);
	if (memcmp(&r->capacity, &ctrl->capacity, sizeof(r->capacity)) != 0)
		VN_INFO("restart: the capacity settings have changed: they wait for a restart of "
			"the service");
	r->began_ns = vn_now_ns();
	ctrl->priv->restarts++;
	next_device(r);
}

void
vn_controller_restart(struct vn_controller *ctrl, vn_controller_cb done, void *ctx)
{
	const struct ctrl_op *other = TAILQ_FIRST(&ctrl->priv->ops);
	struct ctrl_restart *r;
	struct ctrl_op *op;

	if (other != NULL) {
		done(ctx, -EBUSY,
			other->step == CTRL_RESTART
				? "a restart is under way"
				: "devices are being plugged, unplugged or changed: try again when "
				  "that has ended",
			NULL);
		return;
	}
	if (!vn_controller_settled(ctrl)) {
		done(ctx, -EBUSY, "devices are still being made: try again when that has ended",
			NULL);
		return;
	}
	op = ctrl_op_new(ctrl, NULL, done, ctx);
	if (op == NULL)
		return;
	op->step = CTRL_RESTART;
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		ctrl_op_end(op, -ENOMEM, "out of memory");
		return;
	}
	r->op = op;
	r->conf_file = ctrl->env.conf_file;
	r->capacity_file = ctrl->env.capacity_file;
	/* What is not in the file has its default, as at a start. */
	vn_conf_defaults(&r->conf);
	r->capacity = ctrl->capacity;
	r->job.run = read_files;
	r->job.done = files_read;
	vn_loop_submit(ctrl->env.dev.loop, &r->job);
}
