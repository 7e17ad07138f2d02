/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Plugging: a free root port, chardev and netdev (vhost-user), the device, its address. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "host_private.h"
#include "vn_log.h"

static void next_port(struct host_fn *f);

void
host_plug_end(struct host_fn *f, int rc)
{
	const struct host_fn copy = *f;

	vn_loop_cancel(f->host->loop, &f->timer);
	f->step = STEP_NONE;
	f->plug_done = NULL;
	if (rc == 0) {
		VN_INFO("VM %s: %s is in port %s", f->host->conf.name, f->fn.id, f->at.port);
		host_refresh_soon(f->host);
	} else if (!f->leftover) {
		host_fn_free(f);
	}
	if (copy.plug_done != NULL)
		copy.plug_done(copy.ctx, rc, rc == 0 ? "" : copy.text, rc == 0 ? &copy.at : NULL);
}

/* Send the command of the step; a failure to do so ends the operation. */
static void
send_step(
	struct host_fn *f, enum host_step step, const char *command, json_t *args, host_reply_cb cb)
{
	int rc;

	f->step = step;
	/* A socket's path that is no UTF-8 cannot be written as JSON. */
	rc = args == NULL && strcmp(command, "query-pci") != 0
		     ? -EILSEQ
		     : host_send(f->host, command, args, cb, f);
	if (rc == 0)
		return;
	host_set_text(f, "%s cannot be sent: %s", command, strerror(-rc));
	f->leftover = step > STEP_CHARDEV;
	host_plug_end(f, rc);
}

static void
chardev_undone(void *ctx, const struct host_reply *reply)
{
	struct host_fn *f = ctx;

	if (reply->rc != -ENOTCONN)
		host_plug_end(f, f->rc);
}

static void
netdev_undone(void *ctx, const struct host_reply *reply)
{
	char id[VN_HOST_NAME_LEN + 8];
	struct host_fn *f = ctx;

	if (reply->rc == -ENOTCONN)
		return;
	snprintf(id, sizeof(id), "%s.chardev", f->fn.id);
	send_step(f, STEP_UNDO_CHARDEV, "chardev-remove", json_pack("{s:s}", "id", id),
		chardev_undone);
}

/* The plug fails with f->rc in the step we are in: take back what was made. */
static void
undo(struct host_fn *f)
{
	char id[VN_HOST_NAME_LEN + 8];

	if (f->fn.kind == VN_HOST_VFIO_USER || f->step == STEP_CHARDEV) {
		host_plug_end(f, f->rc);
	} else if (f->step == STEP_NETDEV) {
		netdev_undone(f, &(struct host_reply){0});
	} else {
		snprintf(id, sizeof(id), "%s.netdev", f->fn.id);
		send_step(f, STEP_UNDO_NETDEV, "netdev_del", json_pack("{s:s}", "id", id),
			netdev_undone);
	}
}

/* QEMU has refused the step we are in. */
static void
refused(struct host_fn *f, const char *what, const struct host_reply *reply)
{
	f->rc = -EREMOTEIO;
	host_set_text(f, "QEMU refuses %s: %s", what, reply->reason);
	undo(f);
}

static void bdf_due(void *ctx);

static void
bdf_known(void *ctx, const struct host_reply *reply)
{
	struct host_fn *f = ctx;
	struct vn_host *h = f->host;

	if (reply->rc == -ENOTCONN)
		return;
	if (f->deleted) {
		f->rc = -ENODEV;
		host_set_text(f, "%s was taken out while it was plugged", f->fn.id);
		undo(f);
		return;
	}
	if (host_pci_find(reply->ret, f->fn.id, &f->at) || vn_now_ns() >= f->deadline_ns) {
		host_plug_end(f, 0);
		return;
	}
	/* The firmware or the system of the guest has still to count its buses. */
	f->timer = (struct vn_timer){.cb = bdf_due, .ctx = f};
	vn_loop_arm(h->loop, &f->timer, h->times.bdf_poll);
}

static void
bdf_due(void *ctx)
{
	struct host_fn *f = ctx;

	send_step(f, STEP_BDF, "query-pci", NULL, bdf_known);
}

static void
device_added(void *ctx, const struct host_reply *reply)
{
	struct host_fn *f = ctx;

	if (reply->rc == -ENOTCONN)
		return;
	if (reply->rc != 0) {
		refused(f, "the device", reply);
		return;
	}
	f->deadline_ns = vn_now_ns() + f->host->times.bdf;
	bdf_due(f);
}

static void
add_vfio_user(struct host_fn *f)
{
	json_t *args = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "driver", "vfio-user-pci", "id",
		f->fn.id, "bus", f->at.port, "socket", "type", "unix", "path", f->fn.socket);

	send_step(f, STEP_DEVICE, "device_add", args, device_added);
}

static void
add_virtio_net(struct host_fn *f)
{
	const uint16_t ring = host_ring_size(&f->fn);
	const uint8_t *m = f->fn.mac;
	char mac[18], netdev[VN_HOST_NAME_LEN + 8];
	json_t *args;

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		m[5]);
	snprintf(netdev, sizeof(netdev), "%s.netdev", f->fn.id);
	args = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:i}", "driver",
		"virtio-net-pci", "id", f->fn.id, "bus", f->at.port, "netdev", netdev, "mac", mac,
		"mq", f->fn.queue_pairs > 1, "vectors", f->fn.vectors, "host_mtu", f->fn.mtu,
		"rx_queue_size", ring, "tx_queue_size", ring);
	send_step(f, STEP_DEVICE, "device_add", args, device_added);
}

static void
netdev_added(void *ctx, const struct host_reply *reply)
{
	struct host_fn *f = ctx;

	if (reply->rc == -ENOTCONN)
		return;
	if (reply->rc != 0)
		refused(f, "the netdev", reply);
	else
		add_virtio_net(f);
}

static void
chardev_added(void *ctx, const struct host_reply *reply)
{
	char id[VN_HOST_NAME_LEN + 8], chardev[VN_HOST_NAME_LEN + 8];
	struct host_fn *f = ctx;

	if (reply->rc == -ENOTCONN)
		return;
	if (reply->rc != 0) {
		refused(f, "the chardev", reply);
		return;
	}
	snprintf(id, sizeof(id), "%s.netdev", f->fn.id);
	snprintf(chardev, sizeof(chardev), "%s.chardev", f->fn.id);
	send_step(f, STEP_NETDEV, "netdev_add",
		json_pack("{s:s, s:s, s:s, s:i}", "type", "vhost-user", "id", id, "chardev",
			chardev, "queues", RTE_MAX(f->fn.queue_pairs, 1)),
		netdev_added);
}

static void
add_chardev(struct host_fn *f)
{
	const int *v = f->host->version;
	const bool ms = v[0] > 9 || (v[0] == 9 && v[1] >= 2);
	char id[VN_HOST_NAME_LEN + 8];
	json_t *data = json_pack("{s:{s:s, s:{s:s}}, s:b}", "addr", "type", "unix", "data", "path",
		f->fn.socket, "server", f->fn.socket_client);

	snprintf(id, sizeof(id), "%s.chardev", f->fn.id);
	if (f->fn.socket_client)
		json_object_set_new(data, "wait", json_false());
	else if (ms)
		json_object_set_new(data, "reconnect-ms", json_integer(300));
	else
		json_object_set_new(data, "reconnect", json_integer(1));
	send_step(f, STEP_CHARDEV, "chardev-add",
		json_pack(
			"{s:s, s:{s:s, s:o}}", "id", id, "backend", "type", "socket", "data", data),
		chardev_added);
}

/* A port of ours that the VM knows to be in use has a child. */
static bool
port_in_use(const json_t *ret)
{
	const json_t *e;
	size_t i;

	json_array_foreach (ret, i, e) {
		const char *name = json_string_value(json_object_get(e, "name"));

		if (name != NULL && strncmp(name, "child[", strlen("child[")) == 0)
			return true;
	}
	return false;
}

static void
port_known(void *ctx, const struct host_reply *reply)
{
	struct host_fn *f = ctx;

	if (reply->rc == -ENOTCONN)
		return;
	if (reply->rc != 0 || port_in_use(reply->ret)) {
		host_set_text(f, "root port %s %s", f->at.port,
			reply->rc != 0 ? "does not exist in it" : "is in use");
		f->rc = reply->rc != 0 ? -ENODEV : -EBUSY;
		f->port++;
		next_port(f);
		return;
	}
	if (f->fn.kind == VN_HOST_VFIO_USER)
		add_vfio_user(f);
	else
		add_chardev(f);
}

static bool
ours(const struct host_fn *f, const char *port)
{
	const struct host_fn *other;

	TAILQ_FOREACH (other, &f->host->fns, next) {
		if (other != f && strcmp(other->at.port, port) == 0)
			return true;
	}
	return false;
}

/* Look at the next root port that may be free. */
static void
next_port(struct host_fn *f)
{
	const struct vn_host_conf *conf = &f->host->conf;
	char path[2 * VN_HOST_NAME_LEN + 32];

	for (; f->port < conf->n_ports; f->port++) {
		const char *port = conf->port[f->port];

		if (f->fn.port[0] != '\0' && strcmp(f->fn.port, port) != 0)
			continue;
		if (ours(f, port)) {
			host_set_text(f, "root port %s is in use", port);
			f->rc = -EBUSY;
			continue;
		}
		snprintf(f->at.port, sizeof(f->at.port), "%s", port);
		snprintf(path, sizeof(path), "/machine/peripheral/%s/%s", port, port);
		send_step(f, STEP_PORT, "qom-list", json_pack("{s:s}", "path", path), port_known);
		return;
	}
	f->at.port[0] = '\0';
	if (f->fn.port[0] == '\0') {
		char last[HOST_TEXT_LEN];

		snprintf(last, sizeof(last), "%s", f->text);
		host_set_text(f, "none of its %u root ports in virtnet.conf is free%s%.100s%s",
			conf->n_ports, last[0] != '\0' ? " (" : "", last,
			last[0] != '\0' ? ")" : "");
		f->rc = -ENOSPC;
	} else if (f->rc == 0) {
		host_set_text(f, "virtnet.conf does not give us its root port %s", f->fn.port);
		f->rc = -ENOENT;
	}
	host_plug_end(f, f->rc);
}

void
host_plug_begin(struct host_fn *f)
{
	const int *v = f->host->version;

	if (f->fn.kind == VN_HOST_VFIO_USER &&
		(v[0] < HOST_VFIO_USER_MAJOR ||
			(v[0] == HOST_VFIO_USER_MAJOR && v[1] < HOST_VFIO_USER_MINOR))) {
		host_set_text(f,
			"vfio-user needs QEMU %d.%d or later, this one is %s: use vhost-user",
			HOST_VFIO_USER_MAJOR, HOST_VFIO_USER_MINOR, f->host->version_text);
		host_plug_end(f, -ENOTSUP);
		return;
	}
	next_port(f);
}

static void
refuse(vn_host_plug_cb done, void *ctx, int rc, const char *text)
{
	if (done != NULL)
		done(ctx, rc, text, NULL);
}

void
vn_host_plug(struct vn_host *h, const struct vn_host_fn *fn, vn_host_plug_cb done, void *ctx)
{
	struct host_fn *f = host_find(h, fn->id);
	char text[HOST_TEXT_LEN];

	if (f != NULL) {
		snprintf(text, sizeof(text), "VM %s: %s %s", h->conf.name, fn->id,
			f->step == STEP_NONE ? "is in it already" : "is on its way");
		refuse(done, ctx, f->step == STEP_NONE ? -EEXIST : -EBUSY, text);
		return;
	}
	f = host_fn_new(h, fn);
	if (f == NULL) {
		snprintf(text, sizeof(text), "VM %s: %s", h->conf.name,
			errno == ENOSPC ? "too many functions" : "out of memory");
		refuse(done, ctx, -errno, text);
		return;
	}
	f->plug_done = done;
	f->ctx = ctx;
	f->step = STEP_WAITING;
	if (h->state == HOST_UP)
		host_plug_begin(f);
	else
		host_connect(h);
}
