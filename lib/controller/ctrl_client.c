/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * What the client of a PF wants of its VFs (SR-IOV capability), and what it is shown.
 *
 * A client writes and does not wait: it may want something else before the last thing has been
 * done. So only its last word is kept, and looked at again whenever an operation ends.
 */

#include <errno.h>

#include "ctrl_private.h"
#include "vn_errors.h"
#include "vn_log.h"

/** VFs that are the client's. */
static uint16_t
its_own(const struct vn_ctrl_dev *info)
{
	return info->vfs_by_client ? info->num_vfs : 0;
}

/* @p failed: what the client wanted last, so that none must be there for it. */
static void
show(const struct vn_device *pf, bool failed)
{
	const struct vn_ctrl_dev *info = pf->ctrl;
	const uint16_t n = failed && info->vfs_by_client ? 0 : info->num_vfs;

	if (pf->endpoint != NULL && pf->transport->set_vfs != NULL)
		pf->transport->set_vfs(pf->endpoint, n, info->vfs_by_client);
}

static void
give_up(struct vn_device *pf, const char *why)
{
	struct vn_ctrl_dev *info = pf->ctrl;

	info->vfs_pending = false;
	info->vfs_failed = true;
	/* A guest can write that as often as it likes. */
	if (vn_log_allowed(&pf->log_limit, pf->conf.vuid))
		VN_WARN("%s: its client asked for %u VFs by the SR-IOV capability, which failed: "
			"%s",
			pf->conf.vuid, info->vfs_wanted, why);
}

static void
asked(void *ctx, int rc, const char *text, struct vn_device *pf)
{
	RTE_SET_USED(ctx);
	/* The SF pool has other jobs for the helper thread: the end of its filling comes again. */
	if (rc != 0 && rc != -ECANCELED && rc != VIRTNET_ERR_SF_POOL_CREATING)
		give_up(pf, text);
}

/* Begin what is to be done next. @return false: nothing, or it has ended at once in vain. */
static bool
pursue(struct vn_controller *ctrl, struct vn_device *pf)
{
	struct vn_ctrl_dev *info = pf->ctrl;
	const uint16_t own = its_own(info);

	if (info->vfs_wanted == own) {
		info->vfs_pending = false;
	} else if (own == 0 && info->num_vfs > 0) {
		give_up(pf, "the operator has enabled some (virtnet sriov)");
	} else {
		/* From one set to another it goes by way of none. */
		vn_controller_sriov_by_client(
			ctrl, pf, own > 0 ? 0 : info->vfs_wanted, asked, NULL);
	}
	return info->vfs_pending && !ctrl_busy_set(ctrl, pf) && its_own(info) != own;
}

void
ctrl_client_sync(struct vn_controller *ctrl, struct vn_device *pf)
{
	struct vn_ctrl_dev *info = pf->ctrl;

	/* The end of what is under way, of the start and the SF pool too, comes here again. */
	if (ctrl->priv->stopping || ctrl->priv->start.active || info->vfs_syncing ||
		ctrl_busy_set(ctrl, pf))
		return;
	info->vfs_syncing = true;
	info->vfs_failed = false;
	if (info->vfs_pending)
		while (pursue(ctrl, pf))
			;
	info->vfs_syncing = false;
	if (!ctrl_busy_set(ctrl, pf))
		show(pf, info->vfs_failed);
}

void
ctrl_client_sync_all(struct vn_controller *ctrl)
{
	for (int id = 0; id < VN_MAX_STATIC_PF; id++) {
		struct vn_device *pf = vn_controller_find(ctrl, id, -1);

		if (pf != NULL && pf->conf.total_vfs > 0)
			ctrl_client_sync(ctrl, pf);
	}
}

void
ctrl_client_want(void *ctx, struct vn_device *pf, uint16_t n)
{
	struct vn_controller *ctrl = ctx;

	if (pf->ctrl == NULL)
		return;
	pf->ctrl->vfs_wanted = n;
	pf->ctrl->vfs_pending = true;
	ctrl_client_sync(ctrl, pf);
}
