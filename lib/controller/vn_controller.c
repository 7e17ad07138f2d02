/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_log.h"

#define MAX_DEVICES (VN_MAX_STATIC_PF + VN_MAX_HOTPLUG_PF + VN_MAX_VF)

int
vn_controller_create(const struct vn_controller_env *env, const struct vn_conf *conf,
	const struct vn_capacity *capacity, struct vn_controller **out)
{
	struct vn_controller *ctrl = calloc(1, sizeof(*ctrl));

	if (ctrl == NULL)
		return -ENOMEM;
	ctrl->env = *env;
	ctrl->env.dev.want_vfs = ctrl_client_want;
	ctrl->env.dev.ctx = ctrl;
	ctrl->conf = *conf;
	ctrl->capacity = *capacity;
	ctrl->max_virt_queues = CTRL_MAX_VQS;
	ctrl->supported_features = ctrl_supported(env->dev.port_features);
	ctrl->device = calloc(MAX_DEVICES, sizeof(ctrl->device[0]));
	ctrl->priv = calloc(1, sizeof(*ctrl->priv));
	if (ctrl->device == NULL || ctrl->priv == NULL)
		goto fail;
	TAILQ_INIT(&ctrl->priv->ops);
	ctrl_links_init(ctrl);
	for (unsigned int i = 0; i < env->n_ports; i++)
		ctrl->priv->port_features[i] = env->port[i]->features();
	if (ctrl_save_create(ctrl) != 0)
		goto fail;
	ctrl_health_start(ctrl);
	*out = ctrl;
	return 0;
fail:
	vn_controller_destroy(ctrl);
	return -ENOMEM;
}

const char *
ctrl_transport_name(const struct vn_controller *ctrl, const char *asked)
{
	if (asked != NULL)
		return asked;
	return ctrl->conf.vhost_user ? "vhost-user" : "vfio-user";
}

const struct vn_transport_ops *
ctrl_transport(const struct vn_controller *ctrl, const char *name)
{
	for (unsigned int i = 0; i < ctrl->env.n_transports; i++) {
		if (strcmp(ctrl->env.transport[i]->name, name) == 0)
			return ctrl->env.transport[i];
	}
	return NULL;
}

const struct vn_port_ops *
ctrl_port(const struct vn_controller *ctrl, const char *kind, uint64_t *features)
{
	const struct vn_controller_env *env = &ctrl->env;

	*features = env->dev.port_features;
	if (kind == NULL || strcmp(env->dev.port_ops->kind, kind) == 0)
		return env->dev.port_ops;
	for (unsigned int i = 0; i < env->n_ports; i++) {
		if (strcmp(env->port[i]->kind, kind) == 0) {
			*features = ctrl->priv->port_features[i];
			return env->port[i];
		}
	}
	return NULL;
}

void
ctrl_info_free(struct vn_controller *ctrl, struct vn_ctrl_dev *info)
{
	if (info != NULL && info->slot != 0)
		ctrl->priv->slots &= ~(UINT32_C(1) << info->slot);
	if (info != NULL) {
		free(info->base);
		free(info->driver);
	}
	free(info);
}

void
ctrl_check_buffers(const struct vn_controller *ctrl, const char *who, uint32_t added)
{
	const uint32_t most = ctrl->env.buffered_pairs;
	uint32_t pairs = 0;

	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		pairs += ctrl->device[i]->conf.max_queue_pairs;
	/* Said when these are the ones that are too many. */
	if (most != 0 && pairs > most && pairs - added <= most)
		VN_WARN("%s: with it there are %u queue pairs, and packet buffers for %u, should "
			"all be used at once: give more (-- --mbufs N)",
			who, pairs, most);
}

static int
plug(struct vn_controller *ctrl, struct vn_device *dev, const struct vn_transport_ops *transport,
	char *err, size_t errlen)
{
	const struct vn_conf *conf = &ctrl->conf;
	const char *dir =
		transport->full ? conf->vfio_user_socket_dir : conf->vhost_user_socket_dir;
	char path[PATH_MAX];
	const struct vn_endpoint_conf ec = {
		.path = path,
		.client = !transport->full && conf->vhost_user_client,
		.transitional = dev->ctrl->transitional,
		.doorbell_page = dev->ctrl->doorbell_page,
	};
	int rc;

	if (dir[0] == '\0')
		dir = ctrl->env.socket_dir;
	snprintf(path, sizeof(path), "%s/%s.sock", dir, dev->conf.vuid);
	rc = transport->plug(dev, &ec, &dev->endpoint, err, errlen);
	if (rc == 0)
		dev->transport = transport;
	return rc;
}

static void
take_rules(const struct vn_conf_rules *rules, struct vn_device_conf *dc)
{
	if (rules->has_anti_spoof)
		dc->anti_spoof = rules->anti_spoof;
	if (rules->has_isolated)
		dc->isolated = rules->isolated;
}

/* What the switch holds a device to: what is said of it alone counts most. */
static void
switch_rules(const struct vn_conf *conf, const char *port_kind, struct vn_device_conf *dc)
{
	/* Who names a hotplug PF cannot know what port it will have. */
	const bool vain = dc->type != VN_HOTPLUG_PF && strcmp(port_kind, "switch") != 0;
	const int vf = dc->type == VN_VF ? dc->vf_id : -1;

	take_rules(&conf->sw.rules, dc);
	if (dc->type == VN_STATIC_PF)
		take_rules(&conf->static_pf.rules, dc);
	else if (dc->type == VN_VF)
		take_rules(&conf->vf.rules, dc);
	for (unsigned int i = 0; i < conf->sw.n_devices; i++) {
		if (conf->sw.device[i].pf != dc->pf_id || conf->sw.device[i].vf != vf)
			continue;
		take_rules(&conf->sw.device[i].rules, dc);
		if (vain)
			VN_WARN("%s: \"devices\" of \"switch\" has rules for it, without effect: "
				"\"port\" of \"%s\" is \"%s\"",
				dc->vuid, dc->type == VN_VF ? "vf" : "static_pf", port_kind);
	}
}

int
ctrl_make(struct vn_controller *ctrl, const struct vn_device_conf *dc,
	const struct vn_transport_ops *transport, struct vn_ctrl_dev *info, struct vn_device **out,
	char *err, size_t errlen)
{
	struct vn_device_env env = ctrl->env.dev;
	struct vn_device_conf conf = *dc;
	struct vn_device *dev;
	int rc;

	*out = NULL;
	if (info->port_kind == NULL && dc->type != VN_HOTPLUG_PF)
		info->port_kind =
			dc->type == VN_VF ? ctrl->conf.vf.port : ctrl->conf.static_pf.port;
	env.port_ops = ctrl_port(ctrl, info->port_kind, &env.port_features);
	if (env.port_ops == NULL) {
		snprintf(err, errlen, "this build has no ports of kind \"%s\"", info->port_kind);
		rc = -EOPNOTSUPP;
		goto fail;
	}
	info->port_kind = env.port_ops->kind;
	switch_rules(&ctrl->conf, info->port_kind, &conf);
	info->vm = "";
	info->guest_bdf = UINT16_MAX;
	if (ctrl_recover_conf(ctrl, transport, info, &conf) != 0) {
		snprintf(err, errlen, "out of memory");
		rc = -ENOMEM;
		goto fail;
	}
	if (ctrl->num_devices == MAX_DEVICES) {
		snprintf(err, errlen, "there are %d devices", MAX_DEVICES);
		rc = -ENOSPC;
		goto fail;
	}
	rc = vn_device_create(&env, &conf, &dev);
	if (rc == -ENODEV && dc->lcore_first == UINT16_MAX)
		snprintf(err, errlen, "\"lcore\": %u of virtnet.conf is no worker lcore (-l)",
			dc->type == VN_VF ? ctrl->conf.vf.lcore : ctrl->conf.static_pf.lcore);
	else if (rc == -ENODEV)
		snprintf(err, errlen,
			"no worker lcore in the window dpa_core_start %u .. "
			"dpa_core_end %u: give more lcores (-l) or another window",
			ctrl->conf.dpa_core_start, ctrl->conf.dpa_core_end);
	else if (rc != 0)
		snprintf(err, errlen, "%s cannot be made: %s", dc->vuid, strerror(-rc));
	if (rc != 0)
		goto fail;
	dev->ctrl = info;
	if (info->slot != 0)
		ctrl->priv->slots |= UINT32_C(1) << info->slot;
	ctrl_enlist(ctrl, dev);
	/* VFs come as a set: their maker looks at all of them together. */
	if (dc->type != VN_VF)
		ctrl_check_buffers(ctrl, dc->vuid, dc->max_queue_pairs);
	*out = dev;
	rc = plug(ctrl, dev, transport, err, errlen);
	if (rc == 0)
		ctrl_recover_device(ctrl, dev);
	return rc;
fail:
	free(info->base);
	free(info);
	return rc;
}

void
vn_controller_destroy(struct vn_controller *ctrl)
{
	if (ctrl == NULL)
		return;
	if (ctrl->priv != NULL) {
		ctrl_start_stop(ctrl);
		ctrl_links_fini(ctrl);
		ctrl_health_stop(ctrl);
		ctrl_hosts_destroy(ctrl);
		ctrl_save_destroy(ctrl);
	}
	free(ctrl->priv);
	free(ctrl->device);
	free(ctrl);
}

void
vn_controller_check_mem(struct vn_controller *ctrl)
{
	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		vn_device_check_mem(ctrl->device[i]);
}
