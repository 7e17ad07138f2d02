/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * What was saved comes back, at a start. A file that does not fit what
 * this machine or its configuration is now is moved aside; its device is made from the
 * configuration, or not at all.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctrl_private.h"
#include "vn_log.h"

/** As in ctrl_save.c. */
#define NOTE     ".capacity"
#define NOTE_MAX 4096

char *
ctrl_recover_note(const struct vn_controller *ctrl)
{
	char *text = calloc(1, NOTE_MAX);
	size_t len = 0;

	for (unsigned int i = 0; text != NULL && i < VN_CAP_COUNT; i++)
		len += (size_t)snprintf(text + len, NOTE_MAX - len, "%s=%u\n",
			vn_capacity_name((enum vn_capacity_id)i), ctrl->capacity.current[i]);
	return text;
}

/* Of those settings that both versions of the program know. */
static bool
note_differs(const struct vn_controller *ctrl, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
		line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		for (unsigned int i = 0; i < VN_CAP_COUNT; i++) {
			if (strcmp(vn_capacity_name((enum vn_capacity_id)i), line) == 0 &&
				strtoul(value, NULL, 10) != ctrl->capacity.current[i])
				return true;
		}
	}
	return false;
}

static bool
capacity_changed(const struct vn_controller *ctrl)
{
	char path[PATH_MAX], text[NOTE_MAX];
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof(path), "%s/" NOTE, ctrl->env.recovery_dir) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return note_differs(ctrl, text);
}

static void
drop(struct vn_controller *ctrl, unsigned int i)
{
	struct vn_recovery_list *list = &ctrl->priv->recovered;

	free(list->rec[i]);
	list->n--;
	memmove(&list->rec[i], &list->rec[i + 1], (list->n - i) * sizeof(list->rec[0]));
}

/* Whose record @p vuid is: its number, or -1. */
static int
find(const struct vn_controller *ctrl, const char *vuid)
{
	const struct vn_recovery_list *list = &ctrl->priv->recovered;
	unsigned int low = 0, high = list->n;

	while (low < high) {
		const unsigned int mid = (low + high) / 2;
		const int order = strcmp(list->rec[mid]->conf.vuid, vuid);

		if (order == 0)
			return (int)mid;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

static void __attribute__((format(printf, 3, 4)))
aside(struct vn_controller *ctrl, unsigned int i, const char *fmt, ...)
{
	char why[CTRL_TEXT_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	vn_recovery_aside(ctrl->env.recovery_dir, ctrl->priv->recovered.rec[i]->conf.vuid, why);
	drop(ctrl, i);
}

static void
forget_all(struct vn_controller *ctrl, const char *why)
{
	struct vn_recovery_list *list = &ctrl->priv->recovered;

	VN_INFO("%u recovery files are dropped: %s", list->n, why);
	for (unsigned int i = 0; i < list->n; i++)
		ctrl_forget(ctrl, list->rec[i]->conf.vuid);
	vn_recovery_list_free(list);
}

/* Contract 8.1: nothing is recovered after a power cycle, of any kind. */
static bool
another_boot(const struct vn_controller *ctrl)
{
	const struct vn_recovery_list *list = &ctrl->priv->recovered;

	for (unsigned int i = 0; i < list->n && ctrl->env.boot_id != NULL; i++) {
		if (list->rec[i]->ours && strcmp(list->rec[i]->boot_id, ctrl->env.boot_id) != 0)
			return true;
	}
	return false;
}

int
ctrl_recover_begin(struct vn_controller *ctrl, char *err, size_t errlen)
{
	struct vn_recovery_list *list = &ctrl->priv->recovered;
	const char *dir = ctrl->env.recovery_dir;
	int rc;

	if (ctrl->priv->save == NULL)
		return 0;
	rc = ctrl_save_lock(ctrl);
	if (rc == -EBUSY) {
		snprintf(err, errlen,
			"another instance uses the recovery directory %.200s: give this one "
			"another --recovery-dir",
			dir);
		return rc;
	}
	if (rc == 0)
		rc = vn_recovery_read(dir, ctrl->env.board_serial, list, err, errlen);
	else
		snprintf(err, errlen, "cannot open %.200s: %s", dir, strerror(-rc));
	if (rc != 0) {
		/* Those who want to change something will be told; traffic does not need it. */
		VN_ERR("no recovery: %s", err);
		return 0;
	}
	if (list->others > 0)
		VN_WARN("%u recovery files in %s are of another board serial, not %s: they are "
			"left alone",
			list->others, dir, ctrl->env.board_serial);
	if (list->n > 0 && capacity_changed(ctrl))
		forget_all(ctrl, "changed capacity settings have taken effect");
	else if (another_boot(ctrl))
		forget_all(ctrl, "this machine was booted since they were written");
	return 0;
}

/* Sizes that other parts rely on. */
static bool
possible(const struct vn_controller *ctrl, const struct vn_device_conf *dc)
{
	return dc->max_queue_pairs <= VN_MAX_QUEUE_PAIRS && dc->num_queues <= CTRL_MAX_VQS &&
	       dc->num_msix <= ctrl->capacity.current[VN_CAP_NUM_MSIX] &&
	       dc->mtu >= VN_CONTROLLER_MIN_MTU && dc->mtu <= VN_CONTROLLER_MAX_MTU;
}

int
ctrl_recover_conf(struct vn_controller *ctrl, const struct vn_transport_ops *transport,
	struct vn_ctrl_dev *info, struct vn_device_conf *dc)
{
	struct vn_device_conf c = *dc;
	const struct vn_recovery_record *rec;
	int i;

	/* All of a hotplug PF is its operator's: see ctrl_recover_hotplug(). */
	if (ctrl->priv->save == NULL || dc->type == VN_HOTPLUG_PF)
		return 0;
	if (info->base == NULL)
		info->base = malloc(sizeof(*info->base));
	if (info->base == NULL)
		return -ENOMEM;
	*info->base = *dc;
	i = find(ctrl, dc->vuid);
	if (i < 0)
		return 0;
	rec = ctrl->priv->recovered.rec[i];
	if (rec->conf.type != dc->type || rec->conf.pf_id != dc->pf_id ||
		vn_recovery_apply(rec, &c) != 0) {
		aside(ctrl, (unsigned int)i, "it does not fit the device of this name");
		return 0;
	}
	c.features &= ctrl_carried(ctrl, transport);
	if (c.max_queue_pairs > VN_MAX_QUEUE_PAIRS || c.num_queues > CTRL_MAX_VQS) {
		aside(ctrl, (unsigned int)i, "%u queues are not possible", c.num_queues);
		return 0;
	}
	*dc = c;
	/* A VF stays what its guest has found, also where the setting meant nothing before. */
	if (dc->type == VN_VF && transport->full && strcmp(rec->transport, transport->name) == 0)
		info->transitional = rec->transitional;
	return 0;
}

void
ctrl_recover_device(struct vn_controller *ctrl, struct vn_device *dev)
{
	const int i = ctrl->priv->save != NULL ? find(ctrl, dev->conf.vuid) : -1;
	struct vn_ctrl_dev *info = dev->ctrl;
	struct vn_recovery_record *rec;
	int rc;

	if (i < 0)
		return;
	rec = ctrl->priv->recovered.rec[i];
	info->saved = true;
	info->had_vfs = rec->num_vfs;
	info->vfs_were_client_s = rec->vfs_by_client;
	if (rec->has_driver) {
		rc = vn_model_driver_set(dev, &rec->driver);
		if (rc == 0)
			info->driver = malloc(sizeof(*info->driver));
		if (info->driver != NULL)
			*info->driver = rec->driver;
		if (rc != 0 && rc != -ENOTSUP)
			VN_WARN("%s: what its driver had set does not fit it any more",
				dev->conf.vuid);
	}
	drop(ctrl, (unsigned int)i);
}

static void
hotplug_undone(void *ctx, int result, const char *text, struct vn_device *dev)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(result);
	RTE_SET_USED(text);
	RTE_SET_USED(dev);
}

/* The name as its driver has it: the record's own does not last. */
static const char *
port_kind(const struct vn_controller *ctrl, const char *name)
{
	const struct vn_port_ops *ops;
	uint64_t features;

	ops = name[0] != '\0' ? ctrl_port(ctrl, name, &features) : NULL;
	return ops != NULL ? ops->kind : NULL;
}

/* @return false: what it says is not possible (any more), @p why. */
static bool
hotplug_conf(struct vn_controller *ctrl, const struct vn_recovery_record *rec,
	struct vn_device_conf *dc, struct vn_ctrl_dev *info,
	const struct vn_transport_ops **transport, const char **why)
{
	const uint32_t msix = ctrl->capacity.current[VN_CAP_NUM_MSIX];
	const int port = ctrl_port_of(&ctrl->conf, rec->conf.ib_dev);
	struct vn_recovery_name who;
	struct vn_identity id;

	*why = "its RDMA device is not in virtnet.conf";
	if (port < 0)
		return false;
	*why = "it is not the file of a device of this machine";
	if (!vn_recovery_name(rec->conf.vuid, &who) || who.slot > VN_MAX_HOTPLUG_PF ||
		vn_identity_hotplug_pf(&id, ctrl->env.board_serial, who.slot, (unsigned int)port) !=
			0 ||
		strcmp(id.vuid, rec->conf.vuid) != 0)
		return false;
	*why = "its transport cannot be used";
	*transport = ctrl_transport(
		ctrl, ctrl_transport_name(ctrl, rec->transport[0] != '\0' ? rec->transport : NULL));
	if (*transport == NULL || (*transport)->plug == NULL ||
		(rec->transitional && !(*transport)->full))
		return false;
	*why = "this build has no ports of its kind";
	info->port_kind = port_kind(ctrl, rec->port_kind);
	if (rec->port_kind[0] != '\0' && info->port_kind == NULL)
		return false;
	*why = "its id or its SF number is another device's, or impossible";
	if (vn_controller_find(ctrl, rec->conf.pf_id, -1) != NULL ||
		!ctrl_sf_free(ctrl, rec->conf.sf_num) ||
		(ctrl->priv->slots & UINT32_C(1) << who.slot) != 0)
		return false;
	*why = "there are fewer slots for hotplug devices";
	if ((unsigned int)__builtin_popcount(ctrl->priv->slots) >= vn_controller_max_hotplug(ctrl))
		return false;
	*dc = (struct vn_device_conf){
		.type = VN_HOTPLUG_PF,
		.features = ctrl_offered(ctrl, *transport, NULL, 0),
		.num_msix = (uint16_t)msix,
		.max_queue_size = CTRL_QUEUE_SIZE,
		.mtu = CTRL_MTU,
	};
	dc->num_queues = (uint16_t)(msix - 1);
	dc->max_queue_pairs = (uint16_t)((dc->num_queues - 1) / 2);
	id.sf_num = rec->conf.sf_num;
	vn_identity_rep_name((unsigned int)port, id.sf_num, id.rep_name);
	ctrl_conf_fill(ctrl, &id, rec->conf.ib_dev, dc);
	*why = "its queues do not fit the capacity settings";
	if (vn_recovery_apply(rec, dc) != 0)
		return false;
	if (!rec->ours)
		dc->num_msix = (uint16_t)RTE_MIN(dc->num_msix, msix);
	if (!possible(ctrl, dc))
		return false;
	dc->features &= ctrl_carried(ctrl, *transport);
	info->slot = who.slot;
	info->transitional = rec->transitional;
	info->doorbell_page = rec->doorbell_page && (*transport)->full;
	return true;
}

static void
make_hotplug(struct vn_controller *ctrl, unsigned int i)
{
	const struct vn_transport_ops *transport = NULL;
	struct vn_ctrl_dev *info = calloc(1, sizeof(*info));
	char err[CTRL_TEXT_LEN] = "out of memory";
	struct vn_device *dev = NULL;
	struct vn_device_conf dc;
	const char *why = err;
	struct ctrl_op *op;

	if (info == NULL ||
		!hotplug_conf(ctrl, ctrl->priv->recovered.rec[i], &dc, info, &transport, &why)) {
		free(info);
		aside(ctrl, i, "%s", why);
		return;
	}
	if (ctrl_make(ctrl, &dc, transport, info, &dev, err, sizeof(err)) == 0)
		return;
	aside(ctrl, i, "the device cannot be made: %s", err);
	/* It goes as one that was never there. */
	op = dev != NULL ? ctrl_op_new(ctrl, dev, hotplug_undone, NULL) : NULL;
	if (op != NULL)
		ctrl_op_teardown(op);
}

unsigned int
ctrl_recover_hotplug_left(const struct vn_controller *ctrl)
{
	const struct vn_recovery_list *list = &ctrl->priv->recovered;
	unsigned int n = 0;

	for (unsigned int i = 0; i < list->n; i++)
		n += list->rec[i]->conf.type == VN_HOTPLUG_PF;
	return n;
}

void
ctrl_recover_hotplug(struct vn_controller *ctrl)
{
	const struct vn_recovery_list *list = &ctrl->priv->recovered;

	for (unsigned int i = 0; i < list->n; i++) {
		/* It leaves the list, whatever comes of it. */
		if (list->rec[i]->conf.type == VN_HOTPLUG_PF) {
			make_hotplug(ctrl, i);
			return;
		}
	}
}

void
ctrl_recover_end(struct vn_controller *ctrl)
{
	if (ctrl->priv->save == NULL)
		return;
	if (ctrl->priv->recovered.n > 0)
		forget_all(ctrl, "there are no such devices now");
	ctrl_recover_free(ctrl);
	ctrl_save_begin(ctrl);
}

void
ctrl_recover_free(struct vn_controller *ctrl)
{
	vn_recovery_list_free(&ctrl->priv->recovered);
}
