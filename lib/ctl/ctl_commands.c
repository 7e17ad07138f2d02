/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_select.h"
#include "vn_errors.h"
#include "vn_log.h"

static json_t *
list_one(struct vn_ctl *ctl, struct vn_device *dev, void *ctx)
{
	(void)ctx;
	return ctl_show_list(ctl->controller, dev);
}

json_t *
ctl_do_list(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct ctl_obj o = ctl_obj_begin();

	ctl_put(&o, "controller", ctl_show_controller(ctl->controller));
	ctl_put(&o, "devices", ctl_show_page(ctl, args, NULL, reply, list_one, NULL));
	return ctl_obj_end(&o);
}

struct vn_device *
ctl_find_device(struct vn_ctl *ctl, const struct ctl_args *args)
{
	const struct ctl_value *pf = ctl_args_get(args, "pf"), *vf = ctl_args_get(args, "vf");
	const struct ctl_value *vuid = ctl_args_get(args, "vuid");

	if (vuid != NULL)
		return vn_controller_find_vuid(ctl->controller, vuid->str);
	if (pf == NULL)
		return NULL;
	return vn_controller_find(ctl->controller, (int)pf->num, vf != NULL ? (int)vf->num : -1);
}

static struct ctl_baseline *
find_baseline(struct vn_ctl *ctl, const struct vn_device *dev)
{
	struct ctl_baseline *b;

	TAILQ_FOREACH (b, &ctl->baselines, next) {
		if (strcmp(b->vuid, dev->conf.vuid) == 0 && b->n == dev->num_vqs)
			return b;
	}
	return NULL;
}

static void
free_baseline(struct vn_ctl *ctl, struct ctl_baseline *b)
{
	TAILQ_REMOVE(&ctl->baselines, b, next);
	free(b->ring);
	free(b);
}

void
ctl_baselines_free(struct vn_ctl *ctl)
{
	while (!TAILQ_EMPTY(&ctl->baselines))
		free_baseline(ctl, TAILQ_FIRST(&ctl->baselines));
}

/** Baselines of devices that are no more must not pile up. */
static void
prune_baselines(struct vn_ctl *ctl)
{
	struct ctl_baseline *b, *after;
	const struct vn_device *dev;

	for (b = TAILQ_FIRST(&ctl->baselines); b != NULL; b = after) {
		after = TAILQ_NEXT(b, next);
		dev = vn_controller_find_vuid(ctl->controller, b->vuid);
		if (dev == NULL || dev->num_vqs != b->n)
			free_baseline(ctl, b);
	}
}

/** The debug counters of a device count from now on. @return 0 or -ENOMEM. */
static int
clear_counters(struct vn_ctl *ctl, const struct vn_device *dev)
{
	struct ctl_baseline *b = find_baseline(ctl, dev);
	unsigned int i;

	if (b == NULL) {
		b = calloc(1, sizeof(*b));
		if (b == NULL)
			return -ENOMEM;
		b->ring = calloc(dev->num_vqs, sizeof(*b->ring));
		if (b->ring == NULL && dev->num_vqs != 0) {
			free(b);
			return -ENOMEM;
		}
		b->n = dev->num_vqs;
		snprintf(b->vuid, sizeof(b->vuid), "%s", dev->conf.vuid);
		TAILQ_INSERT_TAIL(&ctl->baselines, b, next);
	}
	for (i = 0; i < b->n; i++)
		ctl_dbg_read(dev, i, &b->ring[i]);
	return 0;
}

struct query_ctx {
	struct ctl_query what;
	bool clear;
};

static json_t *
query_one(struct vn_ctl *ctl, struct vn_device *dev, void *ctx)
{
	const struct query_ctx *q = ctx;
	const struct ctl_baseline *b = find_baseline(ctl, dev);
	struct ctl_query what = q->what;
	json_t *e;

	what.base = b != NULL ? b->ring : NULL;
	if (what.latency && vn_device_measure(dev) == -ENOMEM)
		return NULL;
	e = ctl_show_query(ctl->controller, dev, &what);
	/* The answer still has what was cleared. */
	if (q->clear && clear_counters(ctl, dev) != 0) {
		json_decref(e);
		return NULL;
	}
	return e;
}

json_t *
ctl_do_query(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	const struct ctl_value *queue = ctl_args_get(args, "queue_id");
	struct query_ctx q = {
		.what =
			{
				.brief = ctl_args_has(args, "brief"),
				.dbg = ctl_args_has(args, "dbg_stats"),
				.latency = ctl_args_has(args, "latency_stats"),
				.queue = queue != NULL ? (int)queue->num : -1,
			},
		.clear = ctl_args_has(args, "stats_clear"),
	};
	struct ctl_select sel;
	struct ctl_obj o;
	struct vn_device *dev;
	json_t *devices;

	if (q.clear)
		prune_baselines(ctl);
	devices = ctl_select(ctl, args, &sel);
	if (devices != NULL)
		return devices;
	if (sel.many) {
		devices = ctl_show_page(ctl, args, &sel, reply, query_one, &q);
	} else {
		dev = ctl_find_device(ctl, args);
		if (queue != NULL && queue->num >= dev->num_vqs)
			return ctl_error(VIRTNET_ERR_QUEUE_INDEX, NULL);
		devices = json_array();
		if (json_array_append_new(devices, query_one(ctl, dev, &q)) != 0) {
			json_decref(devices);
			return NULL;
		}
	}
	o = ctl_obj_begin();
	ctl_put(&o, "devices", devices);
	return ctl_obj_end(&o);
}

static json_t *
stats_one(struct vn_ctl *ctl, struct vn_device *dev, void *ctx)
{
	const struct ctl_value *queue = ctx;

	(void)ctl;
	return ctl_show_stats(dev, queue != NULL ? (int)queue->num : -1);
}

json_t *
ctl_do_stats(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	const struct ctl_value *queue = ctl_args_get(args, "queue_id");
	void *ctx = (void *)(uintptr_t)queue;
	struct ctl_obj o = {0};
	struct ctl_select sel;
	struct vn_device *dev;
	json_t *refusal;

	refusal = ctl_select(ctl, args, &sel);
	if (refusal != NULL)
		return refusal;
	if (sel.many) {
		o = ctl_obj_begin();
		ctl_put(&o, "devices", ctl_show_page(ctl, args, &sel, reply, stats_one, ctx));
		return ctl_obj_end(&o);
	}
	dev = ctl_find_device(ctl, args);
	if (queue != NULL && queue->num >= dev->num_vqs)
		return ctl_error(VIRTNET_ERR_QUEUE_INDEX, NULL);
	o = ctl_obj_begin();
	ctl_put(&o, "device", stats_one(ctl, dev, ctx));
	return ctl_obj_end(&o);
}

json_t *
ctl_do_log(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	const char *level = ctl_args_get(args, "level")->str;
	int rc = vn_log_set_level(level);

	(void)ctl;
	(void)reply;
	if (rc != 0)
		return ctl_error(rc, NULL);
	VN_INFO("log level is now %s", level);
	return json_string("Success");
}

json_t *
ctl_do_version(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct ctl_obj o = ctl_obj_begin();
	json_t *array = json_array();

	(void)args;
	(void)reply;
	/* What is installed ("Destination Controller") the CLI knows: it came with it. */
	ctl_put_str(&o, "Original Controller", ctl->version);
	if (json_array_append_new(array, ctl_obj_end(&o)) != 0) {
		json_decref(array);
		return NULL;
	}
	return array;
}

json_t *
ctl_do_validate(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	const struct ctl_value *file = ctl_args_get(args, "file");
	const struct ctl_value *content = ctl_args_get(args, "content");
	struct vn_conf_errors errors = {0};
	json_t *lines = json_array();
	struct vn_conf conf;
	struct ctl_obj o;
	unsigned int i;
	char line[512];
	int rc;

	(void)ctl;
	(void)reply;
	rc = vn_conf_parse(content->str, content->len, &conf, &errors);
	for (i = 0; rc != 0 && i < RTE_MIN(errors.n, (unsigned int)VN_CONF_MAX_ERRORS); i++) {
		vn_conf_error_format(&errors.e[i], file->str, line, sizeof(line));
		if (json_array_append_new(lines, ctl_text(line)) != 0) {
			json_decref(lines);
			return NULL;
		}
	}
	o = ctl_obj_begin();
	ctl_put(&o, "valid", json_boolean(rc == 0));
	ctl_put_num(&o, "errors_found", rc != 0 ? errors.n : 0);
	ctl_put(&o, "errors", lines);
	return ctl_obj_end(&o);
}

static json_t *
show_clients(const struct vn_ctl *ctl)
{
	const struct ctl_client *c;
	json_t *array = json_array();
	struct ctl_obj o;

	TAILQ_FOREACH (c, &ctl->clients, next) {
		o = ctl_obj_begin();
		ctl_put_num(&o, "pid", (uint64_t)c->pid);
		ctl_put_num(&o, "uid", c->uid);
		ctl_put_num(&o, "requests", c->requests);
		ctl_put_num(&o, "bytes_waiting", c->out_len);
		if (json_array_append_new(array, ctl_obj_end(&o)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
show_hosts(const struct vn_controller *ctrl)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < ctrl->n_hosts; i++) {
		if (json_array_append_new(array, ctl_show_host(ctrl->host[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
debug_one(struct vn_ctl *ctl, struct vn_device *dev, void *ctx)
{
	(void)ctl;
	(void)ctx;
	return ctl_show_debug(dev);
}

/** More than these are only counted. */
#define MAX_OPERATIONS 64

/** The control thread: what waits in it, and what it is at. */
static json_t *
show_service(const struct vn_ctl *ctl)
{
	struct vn_operation op[MAX_OPERATIONS];
	const unsigned int n = vn_controller_operations(ctl->controller, op, RTE_DIM(op));
	struct ctl_obj o = ctl_obj_begin();
	json_t *array = json_array();

	for (unsigned int i = 0; i < RTE_MIN(n, RTE_DIM(op)); i++) {
		struct ctl_obj e = ctl_obj_begin();

		ctl_put_str(&e, "device", op[i].vuid);
		ctl_put_str(&e, "waits_for", op[i].step);
		if (json_array_append_new(array, ctl_obj_end(&e)) != 0)
			o.failed = true;
	}
	ctl_put_str(&o, "version", ctl->version);
	ctl_put_num(&o, "pid", (uint64_t)getpid());
	ctl_put_str(&o, "log_level", vn_log_level());
	ctl_put_num(&o, "devices", ctl->controller->num_devices);
	ctl_put_num(&o, "jobs_pending", vn_loop_jobs_pending(ctl->loop));
	ctl_put_num(&o, "timers_armed", vn_loop_timers_armed(ctl->loop));
	ctl_put_num(&o, "operations_under_way", n);
	ctl_put(&o, "operations", array);
	return ctl_obj_end(&o);
}

json_t *
ctl_do_debug(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	const struct ctl_value *v = ctl_args_get(args, "section");
	const char *section = v != NULL ? v->str : "all";
	bool all = strcmp(section, "all") == 0;
	struct ctl_obj o = ctl_obj_begin();

	/* The parts without pages stand in each page; who joins pages keeps the first. */
	if (all || strcmp(section, "service") == 0)
		ctl_put(&o, "service", show_service(ctl));
	if (all || strcmp(section, "pollers") == 0)
		ctl_put(&o, "pollers", ctl_show_pollers(ctl->pollers));
	if (all || strcmp(section, "placement") == 0)
		ctl_put(&o, "placement", ctl_show_placement(ctl->controller, ctl->pollers));
	if (all || strcmp(section, "clients") == 0) {
		ctl_put(&o, "clients", show_clients(ctl));
		ctl_put_num(&o, "clients_refused", ctl->refused);
	}
	if (all || strcmp(section, "hosts") == 0)
		ctl_put(&o, "hosts", show_hosts(ctl->controller));
	if (ctl->show_switch != NULL && (all || strcmp(section, "switch") == 0))
		ctl_put(&o, "switch", ctl->show_switch(ctl->show_ctx));
	if (all || strcmp(section, "devices") == 0)
		ctl_put(&o, "devices", ctl_show_page(ctl, args, NULL, reply, debug_one, NULL));
	return ctl_obj_end(&o);
}
