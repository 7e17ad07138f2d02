/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * The start. Static PFs are made at once: there are few, and what is wrong with the configuration
 * shows with them. What recovery files tell of besides can be a thousand VFs: they are made in
 * slices by the loop, so that everybody is answered meanwhile. In an order that is always the same:
 * VFs by PF and number, then hotplug PFs.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_log.h"

static int
make_static_pfs(struct vn_controller *ctrl, char *err, size_t errlen)
{
	const char *name = ctrl_transport_name(ctrl, NULL);
	const struct vn_transport_ops *transport = ctrl_transport(ctrl, name);
	const struct vn_capacity *cap = &ctrl->capacity;
	unsigned int n = cap->current[VN_CAP_NUM_PF];
	struct vn_ctrl_dev *info;
	struct vn_device_conf dc;
	struct vn_device *dev;
	int rc;

	if (!cap->current[VN_CAP_EMULATION_ENABLE]) {
		VN_INFO("VIRTIO_NET_EMULATION_ENABLE is 0: no devices");
		return 0;
	}
	if (n > 0 && (transport == NULL || transport->plug == NULL)) {
		snprintf(err, errlen,
			"this build has no transport %s: write \"transport\": \"%s\" into "
			"virtnet.conf",
			name, ctrl->conf.vhost_user ? "vfio-user" : "vhost-user");
		return -EOPNOTSUPP;
	}
	rc = ctrl_limits_start(ctrl, err, errlen);
	if (rc != 0)
		return rc;
	for (unsigned int i = 0; i < n && i < VN_MAX_STATIC_PF; i++) {
		rc = ctrl_static_pf_conf(ctrl, i, transport, &dc);
		if (rc != 0) {
			snprintf(err, errlen, "static PF %u cannot be made: %s", i, strerror(-rc));
			return rc;
		}
		info = calloc(1, sizeof(*info));
		if (info == NULL) {
			snprintf(err, errlen, "out of memory");
			return -ENOMEM;
		}
		info->doorbell_page = transport->full && ctrl->conf.vfio_user_doorbell_page;
		rc = ctrl_make(ctrl, &dc, transport, info, &dev, err, errlen);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/*
 * What VFs have given back is what they have less than they were made with. The PF's record says
 * so too, for people: it and a VF's are two files.
 */
static void
count_pools(struct vn_controller *ctrl, struct vn_device *pf)
{
	int32_t msix = 0, qp = 0;

	for (int i = 0; i < pf->ctrl->num_vfs; i++) {
		const struct vn_device *vf = vn_controller_find(ctrl, pf->conf.pf_id, i);

		if (vf == NULL || vf->ctrl->base == NULL)
			continue;
		msix += vf->ctrl->base->num_msix - vf->conf.num_msix;
		qp += vf->ctrl->base->max_queue_pairs - vf->conf.max_queue_pairs;
	}
	pf->ctrl->msix_pool = (uint32_t)RTE_MAX(msix, 0);
	pf->ctrl->qp_pool = (uint32_t)RTE_MAX(qp, 0);
}

/* The PF whose VFs come next, or NULL. */
static struct vn_device *
next_pf(struct vn_controller *ctrl)
{
	struct ctrl_start *start = &ctrl->priv->start;

	for (; start->pf_id < VN_MAX_STATIC_PF; start->pf_id++) {
		struct vn_device *pf = vn_controller_find(ctrl, start->pf_id, -1);

		if (pf != NULL && pf->ctrl->num_vfs < pf->ctrl->had_vfs)
			return pf;
	}
	return NULL;
}

static int
make_vf(struct vn_controller *ctrl, struct vn_device *pf, char *err, size_t errlen)
{
	struct ctrl_start *start = &ctrl->priv->start;
	struct vn_ctrl_dev *info = pf->ctrl;
	bool refused;
	int rc;

	rc = ctrl_vfs_restore(
		ctrl, pf, info->had_vfs, info->vfs_were_client_s, &refused, err, errlen);
	/*
	 * They cannot be any more: without them all else can go on, and their files go. Whatever
	 * else it is, a setting or a lack of memory, the next start may be without: no file goes.
	 */
	if (refused) {
		VN_ERR("%s: its %u VFs are not enabled again: %s", pf->conf.vuid, info->had_vfs,
			err);
		start->to_come -= info->had_vfs;
		info->had_vfs = 0;
		return 0;
	}
	start->to_come--;
	if (rc == 0 && info->num_vfs == info->had_vfs)
		count_pools(ctrl, pf);
	return rc;
}

/* One, or VFs that are not possible. @return 0 or negative errno or VIRTNET_ERR_*. */
static int
make_next(struct vn_controller *ctrl, char *err, size_t errlen)
{
	struct vn_device *pf = next_pf(ctrl);

	if (pf != NULL)
		return make_vf(ctrl, pf, err, errlen);
	ctrl_recover_hotplug(ctrl);
	ctrl->priv->start.to_come--;
	return 0;
}

/* All devices are there, ports follow. */
static int
complete(struct vn_controller *ctrl, char *err, size_t errlen)
{
	/* VMs tell what they have once: by now all of it is known. */
	if (ctrl_hosts_create(ctrl) != 0) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	ctrl_recover_end(ctrl);
	/* Behind the ports of all devices that are there: it has time. */
	if (ctrl->capacity.current[VN_CAP_EMULATION_ENABLE])
		ctrl_pool_fill(ctrl);
	return 0;
}

static void
make_slice(void *ctx)
{
	const uint64_t end = vn_now_ns() + CTRL_SLICE_NS;
	struct vn_controller *ctrl = ctx;
	struct ctrl_start *start = &ctrl->priv->start;
	char err[CTRL_TEXT_LEN] = "";
	int rc;

	do {
		rc = make_next(ctrl, err, sizeof(err));
	} while (rc == 0 && start->to_come > 0 && vn_now_ns() < end);
	/* Nobody shall find that none is to come before that has its consequences. */
	if (rc == 0 && start->to_come > 0) {
		vn_loop_arm(ctrl->env.dev.loop, &start->slice, 0);
		return;
	}
	if (rc == 0)
		rc = complete(ctrl, err, sizeof(err));
	ctrl_start_stop(ctrl);
	/* What their clients have asked for meanwhile. */
	if (rc == 0)
		ctrl_client_sync_all(ctrl);
	start->done(start->ctx, rc, err, NULL);
}

static unsigned int
count_to_come(const struct vn_controller *ctrl)
{
	unsigned int n = ctrl_recover_hotplug_left(ctrl);

	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		n += ctrl->device[i]->ctrl->had_vfs;
	return n;
}

int
vn_controller_start(
	struct vn_controller *ctrl, vn_controller_cb done, void *ctx, char *err, size_t errlen)
{
	struct ctrl_start *start = &ctrl->priv->start;
	int rc;

	rc = ctrl_recover_begin(ctrl, err, errlen);
	if (rc == 0)
		rc = make_static_pfs(ctrl, err, errlen);
	if (rc != 0) {
		ctrl_recover_free(ctrl);
		return rc;
	}
	*start = (struct ctrl_start){
		.slice = {.cb = make_slice, .ctx = ctrl},
		.to_come = count_to_come(ctrl),
		.done = done,
		.ctx = ctx,
	};
	if (start->to_come > 0) {
		start->active = true;
		vn_loop_arm(ctrl->env.dev.loop, &start->slice, 0);
		return 0;
	}
	rc = complete(ctrl, err, errlen);
	if (rc == 0)
		done(ctx, 0, "", NULL);
	else
		ctrl_recover_free(ctrl);
	return rc;
}

unsigned int
vn_controller_unmade(const struct vn_controller *ctrl)
{
	return ctrl->priv->start.to_come;
}

bool
ctrl_start_refuses(
	const struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx)
{
	char text[CTRL_TEXT_LEN];

	if (!ctrl->priv->start.active)
		return false;
	snprintf(text, sizeof(text),
		"%u devices of before are still to be made: try again when that has ended "
		"(virtnet wait)",
		ctrl->priv->start.to_come);
	done(ctx, -EBUSY, text, dev);
	return true;
}

void
ctrl_start_stop(struct vn_controller *ctrl)
{
	struct ctrl_start *start = &ctrl->priv->start;

	if (!start->active)
		return;
	vn_loop_cancel(ctrl->env.dev.loop, &start->slice);
	start->active = false;
	start->to_come = 0;
	ctrl_recover_free(ctrl);
}
