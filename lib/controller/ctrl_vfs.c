/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * The VFs of a PF: they come and go as a set. There can be a thousand, so it is done in slices,
 * and the control thread serves everybody else between two of them.
 *
 * Enabling: make them, wait for their ports, save. What fails takes all of them along.
 * Disabling: save that they are gone, then take them down; whoever has one loses it.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_errors.h"
#include "vn_log.h"

struct vf_set;

struct vf {
	struct vf_set *set;
	struct vn_device *dev;
	struct vn_ctrl_dev *info;
};

/* What an operation on a set is about: its data. */
struct vf_set {
	struct ctrl_op *op;
	struct vn_timer slice;
	bool enable;    /* else disable */
	bool by_client; /* enable: they will be the client's */
	bool undo;      /* enable: it failed, what was made goes */
	bool ended;     /* by itself, not by the end of the controller */
	unsigned int pf_id;
	unsigned int n; /* of the set */
	unsigned int made;
	unsigned int at;   /* next one to look at */
	unsigned int left; /* on their way out */
	/* A client that has changed its mind. */
	vn_controller_cb after;
	void *after_ctx;
	struct vf vf[];
};

static void
set_fini(struct ctrl_op *op)
{
	struct vf_set *set = op->data;

	vn_loop_cancel(op->ctrl->env.dev.loop, &set->slice);
	if (!set->ended && set->after != NULL)
		set->after(set->after_ctx, -ECANCELED, "the controller ends", NULL);
	free(set);
}

static void
set_end(struct vf_set *set, int rc, const char *text)
{
	struct vn_controller *ctrl = set->op->ctrl;
	const vn_controller_cb after = set->after;
	struct vn_device *pf = set->op->dev;
	void *ctx = set->after_ctx;

	set->ended = true;
	ctrl_op_end(set->op, rc, text);
	if (after != NULL && pf == NULL)
		after(ctx, -ECANCELED, "the controller ends", NULL);
	else if (after != NULL)
		vn_controller_sriov_by_client(ctrl, pf, 0, after, ctx);
}

static void
next_slice(struct vf_set *set, vn_cb cb)
{
	set->slice.cb = cb;
	set->slice.ctx = set;
	vn_loop_arm(set->op->ctrl->env.dev.loop, &set->slice, 0);
}

/* All have gone. */
static void
set_gone(struct vf_set *set)
{
	struct ctrl_op *op = set->op;
	struct vn_ctrl_dev *info = op->info;

	if (info != NULL) {
		info->num_vfs = 0;
		info->vfs_by_client = false;
		info->msix_pool = 0;
		info->qp_pool = 0;
	} else if (set->undo) {
		op->rc = -ECANCELED; /* the end of the controller came between */
	}
	/* Operators wait for this line: the text is that of the contract (1.1). */
	if (!set->undo)
		VN_INFO("static PF[%u], Unload (%u) VFs finished", set->pf_id, set->n);
	set_end(set, op->rc, op->text);
}

static void tear_down(struct vf *vf);

static void
vf_gone(void *ctx, int result)
{
	struct vf *vf = ctx;
	struct vf_set *set = vf->set;

	RTE_SET_USED(result);
	/* The last one of the set is still there. */
	ctrl_unlist(set->op->ctrl, vf->info);
	ctrl_info_free(set->op->ctrl, vf->info);
	/*
	 * The last VF is shown until all is over: that is how operators see it (contract 1.1). So
	 * it goes when the others have gone.
	 */
	if (--set->left == 1)
		tear_down(&set->vf[set->made - 1]);
	else if (set->left == 0)
		set_gone(set);
}

static void
endpoint_gone(void *ctx, int result)
{
	struct vf *vf = ctx;

	RTE_SET_USED(result);
	vf->dev->endpoint = NULL;
	vn_device_destroy(vf->dev, vf->set->undo ? VN_PORT_UNDO : VN_PORT_KEEP, vf_gone, vf);
}

static void
tear_down(struct vf *vf)
{
	if (vf->info->host != NULL)
		VN_INFO("%s: taken from VM %s", vf->dev->conf.vuid, vf->info->vm);
	ctrl_detached(vf->info);
	if (vf->dev->endpoint != NULL)
		vf->dev->transport->unplug(vf->dev->endpoint, endpoint_gone, vf);
	else
		endpoint_gone(vf, 0);
}

static void
remove_slice(void *ctx)
{
	const uint64_t end = vn_now_ns() + CTRL_SLICE_NS;
	struct vf_set *set = ctx;
	bool more, late;

	do {
		struct vf *vf = &set->vf[set->at++];

		ctrl_unlist(set->op->ctrl, vf->info);
		more = set->at < set->made - 1;
		late = vn_now_ns() >= end;
		if (more && late)
			next_slice(set, remove_slice);
		/* The end of the set may be in it. */
		tear_down(vf);
	} while (more && !late);
}

static void
remove_all(struct vf_set *set)
{
	set->op->step = CTRL_TEARDOWN;
	set->left = set->made;
	set->at = 0;
	if (set->made == 0) {
		set_gone(set);
		return;
	}
	/* The end of the controller may come between two slices: all of them are ours. */
	for (unsigned int i = 0; i < set->made; i++)
		set->vf[i].info->going = true;
	if (set->made == 1)
		tear_down(&set->vf[0]);
	else
		next_slice(set, remove_slice);
}

/* Enabling failed. */
static void
set_fail(struct vf_set *set, int rc, const char *text)
{
	struct ctrl_op *op = set->op;

	VN_ERR("%s: %u VFs cannot be enabled: %s", op->dev->conf.vuid, set->n, text);
	op->rc = rc;
	if (text != op->text)
		snprintf(op->text, sizeof(op->text), "%s", text);
	set->undo = true;
	remove_all(set);
}

static void
enabled(struct ctrl_op *op, int rc)
{
	struct vf_set *set = op->data;

	if (rc != 0) {
		/* A later group shall not say that they are there. */
		op->info->num_vfs = 0;
		set_fail(set, rc, op->text);
		return;
	}
	for (unsigned int i = 0; i < set->n; i++)
		set->vf[i].info->fresh = false;
	VN_INFO("static PF[%u], Load (%u) VFs finished", op->dev->conf.pf_id, set->n);
	set_end(set, 0, "");
}

unsigned int
ctrl_vfs_to_come(const struct ctrl_op *op)
{
	const struct vf_set *set = op->data;

	return set->enable && !set->undo ? set->n - set->made : 0;
}

bool
ctrl_vfs_ready(const struct ctrl_op *op)
{
	struct vf_set *set = op->data;

	if (set->made < set->n)
		return false;
	/* Ports are made in order: each is looked at once. */
	while (set->at < set->n && ctrl_port_settled(set->vf[set->at].dev) &&
		set->vf[set->at].dev->port_error[0] == '\0')
		set->at++;
	return set->at == set->n || ctrl_port_settled(set->vf[set->at].dev);
}

void
ctrl_vfs_progress(struct ctrl_op *op)
{
	struct vf_set *set = op->data;

	if (set->at < set->n) {
		set_fail(set, VIRTNET_ERR_SF_PORT_ADD, set->vf[set->at].dev->port_error);
		return;
	}
	op->step = CTRL_SAVE;
	op->info->num_vfs = (uint16_t)set->n;
	op->info->vfs_by_client = set->by_client;
	for (unsigned int i = 0; i < set->n; i++)
		ctrl_save(op->ctrl, set->vf[i].dev);
	ctrl_save(op->ctrl, op->dev);
	ctrl_commit(op, enabled);
}

/* @return 0 or negative errno with one line in @p err. */
static int
make_one(struct vn_controller *ctrl, struct vn_device *pf, unsigned int vf_id,
	struct vn_device **dev, char *err, size_t errlen)
{
	const struct vn_transport_ops *transport =
		ctrl_transport(ctrl, ctrl_transport_name(ctrl, NULL));
	struct vn_device_conf dc;
	struct vn_ctrl_dev *info;
	int rc;

	*dev = NULL;
	rc = ctrl_vf_conf(ctrl, pf, vf_id, transport, &dc);
	if (rc != 0) {
		snprintf(err, errlen, "VF %u cannot be made: %s", vf_id, strerror(-rc));
		return rc;
	}
	info = calloc(1, sizeof(*info));
	if (info == NULL) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	info->doorbell_page = transport->full && ctrl->conf.vfio_user_doorbell_page;
	info->transitional = ctrl_vf_transitional(ctrl, transport);
	return ctrl_make(ctrl, &dc, transport, info, dev, err, errlen);
}

static void
check_set(struct vn_controller *ctrl, const struct vn_device *pf, unsigned int n)
{
	const struct vn_conf_fn *conf = &ctrl->conf.vf;
	const struct vn_device *vf = vn_controller_find(ctrl, pf->conf.pf_id, 0);

	ctrl_check_buffers(ctrl, pf->conf.vuid, n * vf->conf.max_queue_pairs);
	if (conf->has_mac_base && n > conf->vfs_per_pf)
		VN_WARN("%s: %u VFs, and \"vfs_per_pf\" is %u: MAC addresses repeat in those of "
			"the next PF",
			pf->conf.vuid, n, conf->vfs_per_pf);
	if (conf->max_queue_pairs > vf->conf.max_queue_pairs)
		VN_WARN("%s: VFs have %u queue pairs, not %u (\"max_queue_pairs\"): they have %u "
			"vectors",
			pf->conf.vuid, vf->conf.max_queue_pairs, conf->max_queue_pairs,
			vf->conf.num_msix);
}

static void
make_slice(void *ctx)
{
	const uint64_t end = vn_now_ns() + CTRL_SLICE_NS;
	struct vf_set *set = ctx;
	struct ctrl_op *op = set->op;
	char err[CTRL_TEXT_LEN] = "";
	struct vf *vf;
	int rc;

	do {
		vf = &set->vf[set->made];
		rc = make_one(op->ctrl, op->dev, set->made, &vf->dev, err, sizeof(err));
		if (vf->dev != NULL) {
			/* One without an endpoint has to go as well. */
			*vf = (struct vf){set, vf->dev, vf->dev->ctrl};
			vf->info->fresh = true;
			set->made++;
		}
	} while (rc == 0 && set->made < set->n && vn_now_ns() < end);
	if (rc != 0) {
		set_fail(set, rc, err);
	} else if (set->made < set->n) {
		next_slice(set, make_slice);
	} else {
		check_set(op->ctrl, op->dev, set->n);
		vn_controller_progress(op->ctrl);
	}
}

static void
disabled(struct ctrl_op *op, int rc)
{
	struct vf_set *set = op->data;

	if (rc == 0) {
		remove_all(set);
		return;
	}
	op->info->num_vfs = (uint16_t)set->n;
	set_end(set, rc, op->text);
}

static void
disable(struct vf_set *set)
{
	struct ctrl_op *op = set->op;

	for (unsigned int i = 0; i < set->n; i++) {
		struct vn_device *dev = vn_controller_find(op->ctrl, op->dev->conf.pf_id, (int)i);

		set->vf[i] = (struct vf){set, dev, dev->ctrl};
		ctrl_forget(op->ctrl, dev->conf.vuid);
	}
	set->made = set->n;
	op->step = CTRL_SAVE;
	op->info->num_vfs = 0;
	ctrl_save(op->ctrl, op->dev);
	ctrl_commit(op, disabled);
}

static int __attribute__((format(printf, 4, 5)))
refuse(char *text, size_t len, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, len, fmt, ap);
	va_end(ap);
	return rc;
}

/* May these be enabled? @return 0, or what vn_controller_sriov() ends with. */
static int
check_enable(struct vn_controller *ctrl, const struct vn_device *pf, unsigned int n, char *text,
	size_t len)
{
	const uint32_t *cap = ctrl->capacity.current;
	const uint32_t vectors = ctrl_vf_vectors(&ctrl->capacity);

	if (!cap[VN_CAP_SRIOV_EN])
		return refuse(text, len, VIRTNET_ERR_NOT_SUPPORTED,
			"SRIOV_EN is 0: set it to 1, and the capacity settings take effect by "
			"their reset");
	if (n > cap[VN_CAP_NUM_VF])
		return refuse(text, len, -ERANGE,
			"VIRTIO_NET_EMULATION_NUM_VF is %u: so many VFs are possible for each PF, "
			"not %u",
			cap[VN_CAP_NUM_VF], n);
	if (n > vn_capacity_pf_vfs(&ctrl->capacity, pf->conf.pf_id))
		return refuse(text, len, -ERANGE,
			"%u VFs are possible for all PFs together, which leaves %u for this one",
			VN_CAPACITY_VFS, vn_capacity_pf_vfs(&ctrl->capacity, pf->conf.pf_id));
	if (pf->ctrl->num_vfs != 0)
		return refuse(text, len, -EBUSY,
			"%u VFs are enabled: they are disabled first (-n 0), all of them",
			pf->ctrl->num_vfs);
	if (vectors < 4)
		return refuse(text, len, VIRTNET_ERR_MSIX,
			"NUM_VF_MSIX is %u: a VF needs 4 vectors at least", vectors);
	return ctrl_sf_room(ctrl, pf->conf.ib_dev, n, text, len);
}

/* May it be done? @return 0, or what the operation ends with. */
static int
check(struct vn_controller *ctrl, const struct vn_device *pf, unsigned int n, bool by_client,
	char *text, size_t len)
{
	if (pf->conf.type != VN_STATIC_PF)
		return refuse(text, len, VIRTNET_ERR_NOT_SUPPORTED,
			"only static PFs own VFs, and %s is a %s", pf->conf.vuid,
			pf->conf.type == VN_VF ? "VF" : "hotplug PF");
	if (ctrl_busy_set(ctrl, pf))
		return refuse(text, len, -EBUSY,
			"something is being done with this PF or one of its VFs: try again later");
	if (n == pf->ctrl->num_vfs)
		return 0;
	if (n > 0)
		return check_enable(ctrl, pf, n, text, len);
	if (by_client && !pf->ctrl->vfs_by_client)
		return refuse(text, len, -EPERM,
			"the operator enabled the VFs (virtnet sriov): they stay");
	return 0;
}

static void
begin(struct vn_controller *ctrl, struct vn_device *pf, unsigned int n, bool by_client,
	vn_controller_cb done, void *ctx)
{
	const unsigned int size = n > 0 ? n : pf->ctrl->num_vfs;
	char text[CTRL_TEXT_LEN] = "";
	struct vf_set *set;
	struct ctrl_op *op;
	int rc;

	if (ctrl->priv->stopping) {
		done(ctx, -ECANCELED, "the controller ends", NULL);
		return;
	}
	if (ctrl_start_refuses(ctrl, pf, done, ctx))
		return;
	rc = check(ctrl, pf, n, by_client, text, sizeof(text));
	if (rc == 0 && n > pf->ctrl->num_vfs && ctrl_pool_filling(ctrl))
		rc = VIRTNET_ERR_SF_POOL_CREATING;
	if (rc != 0 || n == pf->ctrl->num_vfs) {
		done(ctx, rc, text, pf);
		return;
	}
	set = calloc(1, sizeof(*set) + size * sizeof(set->vf[0]));
	if (set == NULL) {
		done(ctx, -ENOMEM, "out of memory", pf);
		return;
	}
	op = ctrl_op_new(ctrl, pf, done, ctx);
	if (op == NULL) {
		free(set);
		return;
	}
	op->vfs = true;
	op->data = set;
	op->fini = set_fini;
	set->op = op;
	set->pf_id = pf->conf.pf_id;
	set->n = size;
	set->enable = n > 0;
	set->by_client = by_client;
	op->step = CTRL_VFS;
	if (set->enable)
		next_slice(set, make_slice);
	else
		disable(set);
}

void
vn_controller_sriov(struct vn_controller *ctrl, struct vn_device *pf, unsigned int n,
	vn_controller_cb done, void *ctx)
{
	begin(ctrl, pf, n, false, done, ctx);
}

/* The client's VFs are just being made, or NULL. */
static struct vf_set *
being_made(const struct vn_controller *ctrl, const struct vn_device *pf)
{
	struct ctrl_op *op;

	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		struct vf_set *set = op->vfs ? op->data : NULL;

		if (op->dev == pf && set != NULL && set->enable && set->by_client &&
			set->after == NULL)
			return set;
	}
	return NULL;
}

void
vn_controller_sriov_by_client(struct vn_controller *ctrl, struct vn_device *pf, unsigned int n,
	vn_controller_cb done, void *ctx)
{
	struct vf_set *set = n == 0 ? being_made(ctrl, pf) : NULL;

	if (set != NULL) {
		set->after = done;
		set->after_ctx = ctx;
		return;
	}
	begin(ctrl, pf, n, true, done, ctx);
}

int
ctrl_vfs_restore(struct vn_controller *ctrl, struct vn_device *pf, unsigned int n, bool by_client,
	bool *refused, char *err, size_t errlen)
{
	const unsigned int vf_id = pf->ctrl->num_vfs;
	struct vn_device *dev;
	int rc;

	rc = vf_id == 0 ? check(ctrl, pf, n, false, err, errlen) : 0;
	*refused = rc != 0;
	if (rc != 0)
		return rc;
	rc = make_one(ctrl, pf, vf_id, &dev, err, errlen);
	/* One without an endpoint is there as well. */
	if (dev != NULL)
		pf->ctrl->num_vfs = (uint16_t)(vf_id + 1);
	if (rc == 0 && vf_id + 1 == n) {
		pf->ctrl->vfs_by_client = by_client;
		check_set(ctrl, pf, n);
		VN_INFO("static PF[%u], %u VFs restored", pf->conf.pf_id, n);
		ctrl_client_sync(ctrl, pf);
	}
	return rc;
}
