/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What the VM has: which of our functions are in it, and which address the guest gave them. */

#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "host_private.h"
#include "vn_log.h"

/* Bridges behind bridges: more than a machine has. */
#define MAX_BUS_DEPTH 16

/* After a reset the guest counts its buses again. */
#define REFRESH_NS VN_SEC(60)

void
host_tell(struct vn_host *h, const char *id, bool gone, const struct vn_host_plugged *at)
{
	if (h->event != NULL)
		h->event(h->event_ctx, id, gone, at);
}

static bool
number(const json_t *dev, const char *key, json_int_t max, json_int_t *n)
{
	const json_t *v = json_object_get(dev, key);

	*n = json_integer_value(v);
	return json_is_integer(v) && *n >= 0 && *n <= max;
}

/* @p port: the bridge above, NULL on the root bus. */
static bool
find_below(const json_t *devices, const char *port, const char *id, unsigned int depth,
	struct vn_host_plugged *at)
{
	json_int_t bus, slot, function;
	const json_t *dev;
	const char *name;
	size_t i;

	if (depth > MAX_BUS_DEPTH)
		return false;
	json_array_foreach (devices, i, dev) {
		name = json_string_value(json_object_get(dev, "qdev_id"));
		if (name == NULL)
			name = "";
		if (strcmp(name, id) == 0) {
			if (port != NULL)
				snprintf(at->port, sizeof(at->port), "%.*s",
					(int)sizeof(at->port) - 1, port);
			/* Bus 0 behind a bridge: the guest has not counted its buses yet. */
			if (!number(dev, "bus", 255, &bus) || !number(dev, "slot", 31, &slot) ||
				!number(dev, "function", 7, &function) ||
				(bus == 0 && port != NULL))
				return false;
			at->bdf = (uint16_t)(bus << 8 | slot << 3 | function);
			return true;
		}
		if (find_below(json_object_get(json_object_get(dev, "pci_bridge"), "devices"), name,
			    id, depth + 1, at))
			return true;
	}
	return false;
}

bool
host_pci_find(const json_t *ret, const char *id, struct vn_host_plugged *at)
{
	const json_t *bus;
	size_t i;

	json_array_foreach (ret, i, bus) {
		if (find_below(json_object_get(bus, "devices"), NULL, id, 0, at))
			return true;
	}
	return false;
}

static bool
wants_refresh(const struct vn_host *h)
{
	const struct host_fn *f;

	if (vn_now_ns() < h->refresh_until_ns)
		return !TAILQ_EMPTY(&h->fns);
	TAILQ_FOREACH (f, &h->fns, next) {
		if (f->step == STEP_NONE && f->at.bdf == UINT16_MAX)
			return true;
	}
	return false;
}

static void refresh_due(void *ctx);

static void
refresh_later(struct vn_host *h)
{
	h->refresh.cb = refresh_due;
	h->refresh.ctx = h;
	if (h->state == HOST_UP && wants_refresh(h) && !h->refresh.armed && !h->refreshing)
		vn_loop_arm(h->loop, &h->refresh, h->times.refresh);
}

static void
refreshed(void *ctx, const struct host_reply *reply)
{
	struct vn_host *h = ctx;
	struct host_fn *f;

	if (reply->rc == -ENOTCONN)
		return;
	h->refreshing = false;
	TAILQ_FOREACH (f, &h->fns, next) {
		struct vn_host_plugged at = f->at;

		if (f->step != STEP_NONE || !host_pci_find(reply->ret, f->fn.id, &at))
			continue;
		if (at.bdf == f->at.bdf && strcmp(at.port, f->at.port) == 0)
			continue;
		f->at = at;
		host_tell(h, f->fn.id, false, &f->at);
	}
	refresh_later(h);
}

static void
refresh_due(void *ctx)
{
	struct vn_host *h = ctx;

	if (h->state != HOST_UP)
		return;
	h->refreshing = host_send(h, "query-pci", NULL, refreshed, h) == 0;
	refresh_later(h);
}

void
host_refresh_soon(struct vn_host *h)
{
	refresh_later(h);
}

/* A function of ours that we do not know: an earlier controller plugged it. */
static void
adopt(struct vn_host *h, const char *id)
{
	struct vn_host_fn fn = {0};
	struct host_fn *f;

	if (strlen(id) >= sizeof(fn.id))
		return;
	strcpy(fn.id, id);
	f = host_fn_new(h, &fn);
	if (f == NULL)
		return;
	f->adopted = true;
	VN_INFO("VM %s: has %s from before", h->conf.name, id);
	host_tell(h, id, false, &f->at);
}

static bool
in_list(const json_t *list, const char *id)
{
	const json_t *e;
	size_t i;

	json_array_foreach (list, i, e) {
		const char *name = json_string_value(json_object_get(e, "name"));

		if (name != NULL && strcmp(name, id) == 0)
			return true;
	}
	return false;
}

/* The VM's devices with an id: /machine/peripheral. */
static void
listed(void *ctx, const struct host_reply *reply)
{
	struct vn_host *h = ctx;
	struct host_fn *f, *next;
	const json_t *e;
	size_t i;

	if (reply->rc == -ENOTCONN)
		return;
	if (reply->rc != 0 || !json_is_array(reply->ret)) {
		host_lose(h, "the monitor does not list the devices: %s", reply->reason);
		host_ops_fail(h);
		return;
	}
	h->state = HOST_UP;
	for (f = TAILQ_FIRST(&h->fns); f != NULL; f = next) {
		next = TAILQ_NEXT(f, next);
		/* Of one that was cut off there may be more than the device: see host_ops_begin().
		 */
		if (f->step == STEP_NONE && !in_list(reply->ret, f->fn.id) &&
			(!f->leftover || f->fn.kind == VN_HOST_VFIO_USER)) {
			char id[VN_HOST_NAME_LEN];

			strcpy(id, f->fn.id);
			VN_INFO("VM %s: %s is not in it any more", h->conf.name, id);
			host_fn_free(f);
			host_tell(h, id, true, NULL);
		}
	}
	json_array_foreach (reply->ret, i, e) {
		const char *name = json_string_value(json_object_get(e, "name"));

		if (name != NULL && strncmp(name, HOST_ID_PREFIX, strlen(HOST_ID_PREFIX)) == 0 &&
			host_find(h, name) == NULL)
			adopt(h, name);
	}
	host_ops_begin(h);
	h->refresh_until_ns = 0;
	refresh_due(h);
}

void
host_sync(struct vn_host *h)
{
	if (host_send(h, "qom-list", json_pack("{s:s}", "path", "/machine/peripheral"), listed,
		    h) != 0)
		host_lose(h, "out of memory");
}

void
host_event(struct vn_host *h, const char *name, const json_t *data)
{
	const char *id = json_string_value(json_object_get(data, "device"));
	struct host_fn *f = id != NULL ? host_find(h, id) : NULL;

	if (strcmp(name, "RESET") == 0 || strcmp(name, "SHUTDOWN") == 0) {
		VN_DBG("VM %s: %s", h->conf.name, name);
		h->refresh_until_ns = vn_now_ns() + REFRESH_NS;
		refresh_later(h);
	}
	if (f == NULL)
		return;
	if (strcmp(name, "DEVICE_DELETED") == 0)
		host_unplug_deleted(f);
	else if (strcmp(name, "DEVICE_UNPLUG_GUEST_ERROR") == 0)
		host_unplug_refused(f);
}
