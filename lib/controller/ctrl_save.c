/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * What outlives the process: recovery files. Devices that have changed are marked. A group is what
 * is marked when the helper thread is free, so each file is written as the device is then, and
 * whoever waits while a group is being written has its files in the next one.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_errors.h"
#include "vn_log.h"

/** How long to wait for more, when nobody waits for it. */
#define LAZY_NS VN_MS(100)
/** Between two groups that nobody waits for: a guest can cause as many changes as it likes. */
#define LAZY_APART_NS VN_SEC(1)
/** After a failure. */
#define RETRY_NS VN_SEC(5)
/** Another directory each time somebody looks: that is a failure, too. */
#define MAX_STALE 3

/** Capacity settings that the files belong to. No device has such a name. */
#define NOTE ".capacity"

/* What the text of a file is made of: by the helper, as a thousand of them take a while. */
struct record {
	struct vn_recovery_record rec;
	struct vn_device_conf base;
	bool has_base;
};

struct group {
	struct vn_job job;
	struct vn_controller *ctrl;
	struct ctrl_save *save;
	unsigned int n;
	char err[CTRL_TEXT_LEN];
	struct record **record; /* of each change; NULL: the file goes, or its text is there */
	struct vn_recovery_change change[];
};

struct ctrl_save {
	struct vn_recovery_dir dir; /* the helper's, while a group is being written */
	struct vn_timer timer;
	struct group *group; /* being written; NULL: none */
	unsigned int jobs;   /* under way: one, or at the end two */
	uint64_t serial;     /* of the last one */
	uint64_t lazy_ns;    /* when the last one began that nobody waited for */
	char (*forget)[VN_VUID_LEN];
	unsigned int n_forget, room;
	bool begun, stopping;
	bool note_due;
	bool failing; /* said, and not over */
	unsigned int stale;
	void (*stopped)(void *ctx);
	void *ctx;
};

static void next_group(struct vn_controller *ctrl);

/*
 * What nobody waits for (unsaved) is left out while files cannot be written: it shall not make a
 * command fail that could be saved, such as unplug on a full disk.
 */
static bool
due(const struct ctrl_save *save, const struct vn_ctrl_dev *info)
{
	return !info->forgotten && (info->dirty || (info->unsaved && !save->failing));
}

static bool
anything_due(const struct vn_controller *ctrl)
{
	const struct ctrl_save *save = ctrl->priv->save;

	if (save->n_forget > 0 || (save->note_due && !save->failing))
		return true;
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		if (due(save, ctrl->device[i]->ctrl))
			return true;
	}
	return false;
}

static void
arm(struct vn_controller *ctrl, uint64_t delay_ns)
{
	struct ctrl_save *save = ctrl->priv->save;

	if (save->begun && !save->stopping && !save->timer.armed)
		vn_loop_arm(ctrl->env.dev.loop, &save->timer, delay_ns);
}

static void
arm_lazy(struct vn_controller *ctrl)
{
	const uint64_t since = vn_now_ns() - ctrl->priv->save->lazy_ns;

	arm(ctrl, since >= LAZY_APART_NS ? LAZY_NS : RTE_MAX(LAZY_NS, LAZY_APART_NS - since));
}

static void
lazy_due(void *ctx)
{
	struct vn_controller *ctrl = ctx;

	struct ctrl_save *save = ctrl->priv->save;

	save->lazy_ns = vn_now_ns();
	/* Else its end sees to it. */
	if (save->group != NULL)
		return;
	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		ctrl->device[i]->ctrl->dirty |= ctrl->device[i]->ctrl->unsaved;
	next_group(ctrl);
}

void
ctrl_save(struct vn_controller *ctrl, struct vn_device *dev)
{
	if (ctrl->priv->save == NULL)
		return;
	dev->ctrl->fresh = false;
	dev->ctrl->dirty = true;
	arm_lazy(ctrl);
}

static int
add_forget(struct ctrl_save *save, const char *vuid)
{
	if (save->n_forget == save->room) {
		const unsigned int room = 2 * save->room + 64;
		void *more = realloc(save->forget, room * sizeof(save->forget[0]));

		if (more == NULL)
			return -ENOMEM;
		save->forget = more;
		save->room = room;
	}
	snprintf(save->forget[save->n_forget++], VN_VUID_LEN, "%s", vuid);
	return 0;
}

void
ctrl_forget(struct vn_controller *ctrl, const char *vuid)
{
	struct ctrl_save *save = ctrl->priv->save;
	struct vn_device *dev;

	if (save == NULL)
		return;
	dev = vn_controller_find_vuid(ctrl, vuid);
	if (dev != NULL)
		dev->ctrl->forgotten = true;
	if (add_forget(save, vuid) != 0)
		VN_ERR("%s: out of memory: its recovery file stays", vuid);
	arm_lazy(ctrl);
}

void
ctrl_commit(struct ctrl_op *op, void (*then)(struct ctrl_op *op, int rc))
{
	struct ctrl_save *save = op->ctrl->priv->save;

	if (save == NULL || save->stopping) {
		then(op, 0);
		return;
	}
	op->step = CTRL_SAVE;
	op->saved = then;
	op->group = 0;
	if (save->group == NULL)
		next_group(op->ctrl);
}

static void
copy_name(char to[VN_RECOVERY_NAME_LEN], const char *from)
{
	snprintf(to, VN_RECOVERY_NAME_LEN, "%.*s", VN_RECOVERY_NAME_LEN - 1, from);
}

static struct record *
record_of(const struct vn_controller *ctrl, const struct vn_device *dev)
{
	const struct vn_ctrl_dev *info = dev->ctrl;
	struct record *r = calloc(1, sizeof(*r));
	struct vn_recovery_record *rec;

	if (r == NULL)
		return NULL;
	rec = &r->rec;
	rec->conf = dev->conf;
	rec->mq =
		info->driver != NULL ? 2 * info->driver->rx.queue_pairs + 1 : dev->conf.num_queues;
	if (ctrl->env.boot_id != NULL)
		snprintf(rec->boot_id, sizeof(rec->boot_id), "%s", ctrl->env.boot_id);
	copy_name(rec->transport, dev->transport != NULL ? dev->transport->name : "");
	copy_name(rec->port_kind, info->port_kind);
	rec->transitional = info->transitional;
	rec->doorbell_page = info->doorbell_page;
	copy_name(rec->vm, info->vm);
	copy_name(rec->root_port, info->root_port);
	rec->num_vfs = info->num_vfs;
	rec->vfs_by_client = info->vfs_by_client;
	/* While VFs go their pools are still shown, and belong to nobody at the next start. */
	rec->msix_pool = info->num_vfs > 0 ? info->msix_pool : 0;
	rec->qp_pool = info->num_vfs > 0 ? info->qp_pool : 0;
	rec->has_driver = info->driver != NULL;
	if (info->driver != NULL)
		rec->driver = *info->driver;
	r->has_base = info->base != NULL;
	if (r->has_base)
		r->base = *info->base;
	return r;
}

static void
group_free(struct group *g)
{
	if (g == NULL)
		return;
	for (unsigned int i = 0; i < g->n; i++) {
		free(g->record[i]);
		free(g->change[i].text);
	}
	free(g->record);
	free(g);
}

/* The file is to be there afterwards. */
static bool
writes(const struct group *g, unsigned int i)
{
	return g->record[i] != NULL || g->change[i].text != NULL;
}

static struct vn_recovery_change *
add_change(struct group *g, const char *name)
{
	struct vn_recovery_change *c = &g->change[g->n++];

	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

/* All that is due now. @return NULL: no memory. */
static struct group *
compose(struct vn_controller *ctrl)
{
	struct ctrl_save *save = ctrl->priv->save;
	struct vn_recovery_change *c;
	struct group *g;

	g = calloc(1, sizeof(*g) + (ctrl->num_devices + save->n_forget + 1) * sizeof(g->change[0]));
	if (g == NULL)
		return NULL;
	g->record = calloc(ctrl->num_devices + save->n_forget + 1, sizeof(g->record[0]));
	if (g->record == NULL)
		goto fail;
	g->ctrl = ctrl;
	g->save = save;
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		const struct vn_device *dev = ctrl->device[i];

		if (!due(save, dev->ctrl))
			continue;
		c = add_change(g, dev->conf.vuid);
		c->last = dev->conf.type != VN_VF;
		g->record[g->n - 1] = record_of(ctrl, dev);
		if (g->record[g->n - 1] == NULL)
			goto fail;
	}
	if (save->note_due && !save->failing) {
		c = add_change(g, NOTE);
		c->text = ctrl_recover_note(ctrl);
		if (c->text == NULL)
			goto fail;
	}
	for (unsigned int i = 0; i < save->n_forget; i++) {
		const struct vn_device *dev = vn_controller_find_vuid(ctrl, save->forget[i]);

		/* Another device may have the name by now. */
		if (dev == NULL || dev->ctrl->forgotten)
			add_change(g, save->forget[i]);
	}
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		struct vn_ctrl_dev *info = ctrl->device[i]->ctrl;

		if (due(save, info))
			info->dirty = info->unsaved = false;
	}
	save->n_forget = 0;
	save->note_due &= save->failing;
	return g;
fail:
	group_free(g);
	return NULL;
}

/* Those that wait for group @p group (0: for the next one) go on. */
static void
tell(struct vn_controller *ctrl, uint64_t group, int rc, const char *why)
{
	struct ctrl_op *op;

	/* Each may begin or end others. */
	do {
		TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
			if (op->step == CTRL_SAVE && op->group == group)
				break;
		}
		if (op == NULL)
			return;
		op->step = CTRL_HOST;
		if (rc != 0)
			snprintf(op->text, sizeof(op->text), "%s", why);
		op->saved(op, rc);
	} while (true);
}

static bool
anybody_waits(const struct vn_controller *ctrl, uint64_t group)
{
	const struct ctrl_op *op;

	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (op->step == CTRL_SAVE && op->group == group)
			return true;
	}
	return false;
}

static int
write_run(struct vn_job *job)
{
	struct group *g = (struct group *)job;

	for (unsigned int i = 0; i < g->n; i++) {
		struct record *r = g->record[i];

		if (r == NULL || g->change[i].text != NULL)
			continue;
		g->change[i].text = vn_recovery_format(&r->rec, r->has_base ? &r->base : NULL);
		if (g->change[i].text == NULL) {
			snprintf(g->err, sizeof(g->err), "recovery files: out of memory");
			return -ENOMEM;
		}
	}
	return vn_recovery_write(
		&g->save->dir, g->ctrl->env.recovery_dir, g->change, g->n, g->err, sizeof(g->err));
}

/* To be written, but not with what somebody asks for meanwhile. */
static void
later(const struct vn_controller *ctrl, struct vn_ctrl_dev *info)
{
	info->unsaved = true;
	if (!anybody_waits(ctrl, 0))
		info->dirty = false;
}

/* Nothing of the group is on disk: what nobody has taken back is still to be written. */
static void
due_again(struct vn_controller *ctrl, const struct group *g)
{
	struct ctrl_save *save = ctrl->priv->save;

	for (unsigned int i = 0; i < g->n; i++) {
		const struct vn_recovery_change *c = &g->change[i];
		struct vn_device *dev = vn_controller_find_vuid(ctrl, c->name);

		if (strcmp(c->name, NOTE) == 0)
			save->note_due = true;
		else if (writes(g, i) && dev != NULL)
			later(ctrl, dev->ctrl);
		else if (!writes(g, i) && (dev == NULL || dev->ctrl->forgotten))
			add_forget(save, c->name);
	}
}

static void
say_failed(struct ctrl_save *save, const char *why)
{
	if (!save->failing)
		VN_ERR("%s", why);
	save->failing = true;
}

/* Whoever waits for it takes back what it did: this device stays. */
static void
stays(struct vn_controller *ctrl, const char *vuid)
{
	struct vn_device *dev = vn_controller_find_vuid(ctrl, vuid);

	if (dev != NULL)
		dev->ctrl->forgotten = false;
}

static void
group_failed(struct vn_controller *ctrl, const struct group *g, uint64_t serial, bool create)
{
	char why[CTRL_TEXT_LEN];

	snprintf(why, sizeof(why),
		"recovery files in %.120s cannot be written: %.100s: see to space and access "
		"rights there",
		ctrl->env.recovery_dir, g->err);
	say_failed(ctrl->priv->save, why);
	for (unsigned int i = 0; i < g->n; i++) {
		if (!writes(g, i))
			stays(ctrl, g->change[i].name);
	}
	tell(ctrl, serial, create ? VIRTNET_ERR_RECOVERY_CREATE : VIRTNET_ERR_RECOVERY_SAVE, why);
	due_again(ctrl, g);
}

static void
group_written(struct vn_controller *ctrl, const struct group *g, uint64_t serial)
{
	struct ctrl_save *save = ctrl->priv->save;
	unsigned int texts = 0;

	for (unsigned int i = 0; i < g->n; i++) {
		struct vn_device *dev = vn_controller_find_vuid(ctrl, g->change[i].name);

		if (dev != NULL)
			dev->ctrl->saved = writes(g, i);
		texts += writes(g, i);
	}
	/* Files can be deleted on a full disk, too. */
	if (save->failing && texts > 0) {
		VN_INFO("recovery files are written again");
		save->failing = false;
	}
	tell(ctrl, serial, 0, NULL);
}

static void
all_dirty(struct vn_controller *ctrl)
{
	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		ctrl->device[i]->ctrl->dirty = !ctrl->device[i]->ctrl->fresh;
	ctrl->priv->save->note_due = true;
}

/* The directory is another one now: it gets all files, and those that wait go on waiting. */
static void
group_stale(struct vn_controller *ctrl, const struct group *g, uint64_t serial)
{
	struct ctrl_op *op;

	VN_WARN("recovery directory %s is not the one it was: all files are written anew",
		ctrl->env.recovery_dir);
	due_again(ctrl, g);
	all_dirty(ctrl);
	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (op->step == CTRL_SAVE && op->group == serial)
			op->group = 0;
	}
}

static void
write_done(struct vn_job *job, int rc)
{
	struct group *g = (struct group *)job;
	struct vn_controller *ctrl = g->ctrl;
	struct ctrl_save *save = g->save;
	const uint64_t serial = save->serial;

	save->group = NULL;
	save->jobs--;
	save->stale = rc == -ESTALE ? save->stale + 1 : 0;
	if (save->stopping) {
		if (rc != 0)
			VN_ERR("recovery files in %s cannot be written: %s", ctrl->env.recovery_dir,
				g->err);
	} else if (rc == 0) {
		group_written(ctrl, g, serial);
	} else if (rc == -ESTALE && save->stale <= MAX_STALE) {
		group_stale(ctrl, g, serial);
	} else {
		if (rc == -ESTALE)
			snprintf(g->err, sizeof(g->err), "it is another directory each time");
		group_failed(ctrl, g, serial, save->dir.create_failed);
	}
	group_free(g);
	if (save->stopping) {
		if (save->jobs == 0)
			save->stopped(save->ctx);
		return;
	}
	/* A callback may have begun the next one. */
	if (save->group == NULL && (anybody_waits(ctrl, 0) || save->stale > 0))
		next_group(ctrl);
	else if (save->failing)
		arm(ctrl, RETRY_NS);
	else if (anything_due(ctrl))
		arm_lazy(ctrl);
}

static void
submit(struct vn_controller *ctrl, struct group *g)
{
	g->job.run = write_run;
	g->job.done = write_done;
	g->save->jobs++;
	vn_loop_submit(ctrl->env.dev.loop, &g->job);
}

static void
next_group(struct vn_controller *ctrl)
{
	struct ctrl_save *save = ctrl->priv->save;
	struct ctrl_op *op;

	if (!anything_due(ctrl)) {
		tell(ctrl, 0, 0, NULL);
		return;
	}
	save->group = compose(ctrl);
	if (save->group == NULL) {
		for (unsigned int i = 0; i < save->n_forget; i++)
			stays(ctrl, save->forget[i]);
		tell(ctrl, 0, -ENOMEM, "out of memory");
		arm(ctrl, RETRY_NS);
		return;
	}
	save->serial++;
	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (op->step == CTRL_SAVE && op->group == 0)
			op->group = save->serial;
	}
	submit(ctrl, save->group);
}

/* The control queue, or a reset. */
static void
driver_changed(void *ctx, struct vn_device *dev, bool reset)
{
	struct vn_controller *ctrl = ctx;
	struct vn_ctrl_dev *info = dev->ctrl;
	struct vn_model_driver now;

	if (info == NULL || ctrl->priv->save == NULL || ctrl->priv->save->stopping)
		return;
	if (reset) {
		/* Contract 8.1: "unload driver": a PF's is kept, a VF's is not. */
		if (dev->conf.type != VN_VF || info->driver == NULL)
			return;
		free(info->driver);
		info->driver = NULL;
	} else {
		if (!vn_model_driver_get(dev, &now))
			return;
		if (info->driver == NULL)
			info->driver = calloc(1, sizeof(now));
		if (info->driver == NULL || memcmp(info->driver, &now, sizeof(now)) == 0)
			return;
		*info->driver = now;
	}
	if (!info->fresh) {
		info->unsaved = true;
		arm_lazy(ctrl);
	}
}

int
ctrl_save_create(struct vn_controller *ctrl)
{
	struct ctrl_save *save;

	if (ctrl->env.recovery_dir == NULL || !ctrl->conf.recovery)
		return 0;
	save = calloc(1, sizeof(*save));
	if (save == NULL)
		return -ENOMEM;
	save->dir.fd = -1;
	save->timer = (struct vn_timer){.cb = lazy_due, .ctx = ctrl};
	ctrl->priv->save = save;
	ctrl->env.dev.driver_changed = driver_changed;
	ctrl->env.dev.ctx = ctrl;
	return 0;
}

void
ctrl_save_destroy(struct vn_controller *ctrl)
{
	struct ctrl_save *save = ctrl->priv->save;

	if (save == NULL)
		return;
	vn_loop_cancel(ctrl->env.dev.loop, &save->timer);
	vn_recovery_close(&save->dir);
	free(save->forget);
	free(save);
	ctrl->priv->save = NULL;
}

int
ctrl_save_lock(struct vn_controller *ctrl)
{
	return vn_recovery_lock(&ctrl->priv->save->dir, ctrl->env.recovery_dir, false);
}

void
ctrl_save_begin(struct vn_controller *ctrl)
{
	struct ctrl_save *save = ctrl->priv->save;
	int rc;

	if (save == NULL)
		return;
	/* So that an operator hears of it now, and not from a command that fails. */
	rc = vn_recovery_make_dir(&save->dir, ctrl->env.recovery_dir);
	if (rc != 0)
		VN_ERR("recovery directory %s cannot be used: %s: devices cannot be changed until "
		       "it can",
			ctrl->env.recovery_dir, strerror(-rc));
	save->failing = rc != 0;
	save->begun = true;
	all_dirty(ctrl);
	arm(ctrl, LAZY_NS);
}

bool
ctrl_save_stop(struct vn_controller *ctrl, bool flush, void (*done)(void *ctx), void *ctx)
{
	struct ctrl_save *save = ctrl->priv->save;
	struct group *g;

	if (save == NULL)
		return false;
	vn_loop_cancel(ctrl->env.dev.loop, &save->timer);
	save->stopping = true;
	save->failing = false; /* one more try */
	save->stopped = done;
	save->ctx = ctx;
	/* Behind a group that is under way. */
	g = flush && save->begun && anything_due(ctrl) ? compose(ctrl) : NULL;
	if (g != NULL)
		submit(ctrl, g);
	return save->jobs > 0;
}
