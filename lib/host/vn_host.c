/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* A host and the functions in it. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "host_private.h"
#include "vn_log.h"

static const struct host_times default_times = {
	.retry = VN_MS(500),
	.greeting = VN_SEC(5),
	.command = VN_SEC(15), /* device_add connects to the function, and waits for it 5 s */
	.bdf = VN_SEC(10),
	.bdf_poll = VN_MS(100),
	.unplug = VN_SEC(20),
	.refresh = VN_SEC(2),
};

static void
first_connect(void *ctx)
{
	host_connect(ctx);
}

struct vn_host *
vn_host_create(struct vn_loop *loop, const struct vn_host_conf *conf)
{
	struct vn_host *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->loop = loop;
	h->conf = *conf;
	h->times = default_times;
	h->fd = -1;
	TAILQ_INIT(&h->cmds);
	TAILQ_INIT(&h->fns);
	snprintf(h->why, sizeof(h->why), "not tried yet");
	/* Not from here: the owner has not set its callback yet. */
	h->timer.cb = first_connect;
	h->timer.ctx = h;
	vn_loop_arm(loop, &h->timer, 0);
	return h;
}

void
vn_host_on_event(struct vn_host *h, vn_host_event_cb cb, void *ctx)
{
	h->event = cb;
	h->event_ctx = ctx;
}

void
vn_host_destroy(struct vn_host *h)
{
	struct host_fn *f;

	if (h == NULL)
		return;
	h->event = NULL;
	h->state = HOST_DOWN;
	host_forget_cmds(h);
	while ((f = TAILQ_FIRST(&h->fns)) != NULL) {
		host_set_text(f, "the controller ends");
		if (f->step == STEP_NONE)
			host_fn_free(f);
		else if (f->unplug)
			host_unplug_end(f, -ECANCELED);
		else
			host_plug_end(f, -ECANCELED);
	}
	/* A callback may have begun to connect. */
	host_forget_cmds(h);
	free(h);
}

struct host_fn *
host_find(struct vn_host *h, const char *id)
{
	struct host_fn *f;

	TAILQ_FOREACH (f, &h->fns, next) {
		if (strcmp(f->fn.id, id) == 0)
			return f;
	}
	return NULL;
}

struct host_fn *
host_fn_new(struct vn_host *h, const struct vn_host_fn *fn)
{
	struct host_fn *f;

	if (h->n_fns >= HOST_MAX_FNS) {
		errno = ENOSPC;
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->host = h;
	f->fn = *fn;
	f->at.bdf = UINT16_MAX;
	TAILQ_INSERT_TAIL(&h->fns, f, next);
	h->n_fns++;
	return f;
}

void
host_fn_free(struct host_fn *f)
{
	vn_loop_cancel(f->host->loop, &f->timer);
	TAILQ_REMOVE(&f->host->fns, f, next);
	f->host->n_fns--;
	free(f);
}

void
host_set_text(struct host_fn *f, const char *fmt, ...)
{
	int n = snprintf(f->text, sizeof(f->text), "VM %s: ", f->host->conf.name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text + n, sizeof(f->text) - (size_t)n, fmt, ap);
	va_end(ap);
}

const char *
host_safe(char *buf, size_t len, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < len && text[i] != '\0'; i++)
		buf[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	buf[i] = '\0';
	return buf;
}

/*
 * Call @p act for each function for which @p pick is true. Any of them may end, and its callback
 * begin or end others, so the walk begins anew each time; each act takes one out of the set.
 */
static void
for_each(struct vn_host *h, bool (*pick)(const struct host_fn *), void (*act)(struct host_fn *))
{
	struct host_fn *f;

	/* Bounded, should a callback put one back at once. */
	for (unsigned int i = 0; i < 2 * HOST_MAX_FNS; i++) {
		TAILQ_FOREACH (f, &h->fns, next) {
			if (pick(f))
				break;
		}
		if (f == NULL)
			return;
		act(f);
	}
}

static bool
any(const struct host_fn *f)
{
	RTE_SET_USED(f);
	return true;
}

static void
gone(struct host_fn *f)
{
	struct vn_host *h = f->host;
	char id[VN_HOST_NAME_LEN];

	if (f->unplug) {
		host_unplug_end(f, 0);
		return;
	}
	if (f->step != STEP_NONE) {
		host_set_text(f, "%s", h->why);
		host_plug_end(f, -ENOTCONN);
		return;
	}
	strcpy(id, f->fn.id);
	host_fn_free(f);
	host_tell(h, id, true, NULL);
}

void
host_vm_gone(struct vn_host *h)
{
	for_each(h, any, gone);
}

static bool
under_way(const struct host_fn *f)
{
	return f->step != STEP_NONE && f->step != STEP_WAITING;
}

static void
lost(struct host_fn *f)
{
	if (f->unplug) {
		/* Once more when we are connected again, within its own deadline. */
		f->step = STEP_WAITING;
		return;
	}
	host_set_text(f, "%s", f->host->why);
	/* What it has made stays in the VM if that lives on: to be taken out. */
	f->leftover = f->step != STEP_PORT;
	host_plug_end(f, -ENOTCONN);
}

void
host_ops_lost(struct vn_host *h)
{
	for_each(h, under_way, lost);
}

static bool
waiting(const struct host_fn *f)
{
	return f->step == STEP_WAITING;
}

static void
unreachable(struct host_fn *f)
{
	host_set_text(f, "%s", f->host->why);
	if (f->unplug)
		host_unplug_end(f, -EBUSY);
	else
		host_plug_end(f, -ENOTCONN);
}

void
host_ops_fail(struct vn_host *h)
{
	for_each(h, waiting, unreachable);
}

static bool
can_begin(const struct host_fn *f)
{
	return f->step == STEP_WAITING || (f->step == STEP_NONE && f->leftover);
}

static void
begin(struct host_fn *f)
{
	if (f->step == STEP_NONE) {
		f->leftover = false;
		f->unplug = true;
		f->deadline_ns = vn_now_ns() + f->host->times.unplug;
	}
	if (f->unplug)
		host_unplug_begin(f);
	else
		host_plug_begin(f);
}

void
host_ops_begin(struct vn_host *h)
{
	for_each(h, can_begin, begin);
}

bool
vn_host_has(struct vn_host *h, const char *id)
{
	return host_find(h, id) != NULL;
}

void
vn_host_get_info(const struct vn_host *h, struct vn_host_info *info)
{
	*info = (struct vn_host_info){
		.connected = h->state >= HOST_SYNCING,
		.why = h->state >= HOST_SYNCING ? NULL : h->why,
		.connections = h->connections,
	};
	if (info->connected)
		snprintf(info->version, sizeof(info->version), "%s", h->version_text);
	for (unsigned int i = 0; i < h->conf.n_ports; i++) {
		const struct host_fn *f;

		TAILQ_FOREACH (f, &h->fns, next) {
			if (strcmp(f->at.port, h->conf.port[i]) == 0)
				break;
		}
		info->ports_free += f == NULL;
	}
}

const struct vn_host_conf *
vn_host_conf_of(const struct vn_host *h)
{
	return &h->conf;
}
