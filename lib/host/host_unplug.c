/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Unplugging: the guest is asked, and has to agree; then netdev and chardev go as well. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "host_private.h"
#include "vn_log.h"

void
host_unplug_end(struct host_fn *f, int rc)
{
	const struct host_fn copy = *f;

	vn_loop_cancel(f->host->loop, &f->timer);
	f->step = STEP_NONE;
	f->unplug = false;
	f->unplug_done = NULL;
	f->tell_gone = false;
	if (rc == 0 || rc == -ECANCELED)
		host_fn_free(f); /* it is out, or we are */
	if (copy.tell_gone)
		host_tell(copy.host, copy.fn.id, true, NULL);
	if (copy.unplug_done != NULL)
		copy.unplug_done(copy.ctx, rc, rc == 0 ? "" : copy.text);
}

static void
chardev_removed(void *ctx, const struct host_reply *reply)
{
	struct host_fn *f = ctx;

	/* There may be none. Of a VM that is gone nothing is left anyway. */
	if (reply->rc != -ENOTCONN)
		host_unplug_end(f, 0);
}

static void
netdev_removed(void *ctx, const struct host_reply *reply)
{
	char id[VN_HOST_NAME_LEN + 8];
	struct host_fn *f = ctx;

	if (reply->rc == -ENOTCONN)
		return;
	f->step = STEP_CHARDEV_DEL;
	snprintf(id, sizeof(id), "%s.chardev", f->fn.id);
	if (host_send(f->host, "chardev-remove", json_pack("{s:s}", "id", id), chardev_removed,
		    f) != 0)
		host_unplug_end(f, 0);
}

/* The device is out of the VM. */
static void
device_gone(struct host_fn *f)
{
	char id[VN_HOST_NAME_LEN + 8];

	vn_loop_cancel(f->host->loop, &f->timer);
	if (f->fn.kind == VN_HOST_VFIO_USER && !f->adopted) {
		host_unplug_end(f, 0);
		return;
	}
	f->step = STEP_NETDEV_DEL;
	snprintf(id, sizeof(id), "%s.netdev", f->fn.id);
	if (host_send(f->host, "netdev_del", json_pack("{s:s}", "id", id), netdev_removed, f) != 0)
		host_unplug_end(f, 0);
}

void
host_unplug_deleted(struct host_fn *f)
{
	struct vn_host *h = f->host;

	switch (f->step) {
	case STEP_DEL:
	case STEP_BDF:
		f->deleted = true; /* an answer, or a timer, is still to come */
		return;
	case STEP_DELETED:
		device_gone(f);
		return;
	case STEP_NONE:
		/* Somebody else did that, or the guest agreed late. What stands behind goes, too.
		 */
		VN_INFO("VM %s: %s was taken out", h->conf.name, f->fn.id);
		f->unplug = true;
		f->tell_gone = true;
		f->deadline_ns = vn_now_ns() + h->times.unplug;
		device_gone(f);
		return;
	default:
		return;
	}
}

void
host_unplug_refused(struct host_fn *f)
{
	if (f->step != STEP_DELETED && f->step != STEP_DEL)
		return;
	host_set_text(f, "the guest refuses to let %s go", f->fn.id);
	if (f->step == STEP_DEL)
		f->rc = -EBUSY; /* the answer to device_del is still to come */
	else
		host_unplug_end(f, -EBUSY);
}

static void
deadline(void *ctx)
{
	struct host_fn *f = ctx;

	host_set_text(f, "the guest does not let %s go", f->fn.id);
	host_unplug_end(f, -EBUSY);
}

/* The time is over, whatever the operation waits for. A command's answer must not find it freed. */
static void
arm_deadline(struct host_fn *f)
{
	const uint64_t now = vn_now_ns();

	f->timer = (struct vn_timer){.cb = deadline, .ctx = f};
	vn_loop_arm(f->host->loop, &f->timer, f->deadline_ns > now ? f->deadline_ns - now : 0);
}

static void
del_answered(void *ctx, const struct host_reply *reply)
{
	struct host_fn *f = ctx;

	if (reply->rc == -ENOTCONN)
		return;
	if (f->deleted) {
		device_gone(f);
		return;
	}
	if (f->rc != 0) {
		host_unplug_end(f, f->rc);
		return;
	}
	if (reply->rc == 0 || strstr(reply->reason, "in the process of unplug") != NULL) {
		f->step = STEP_DELETED;
		arm_deadline(f);
		return;
	}
	if (strstr(reply->reason, "not found") != NULL) {
		device_gone(f);
		return;
	}
	host_set_text(f, "QEMU refuses to take %s out: %s", f->fn.id, reply->reason);
	host_unplug_end(f, -EBUSY);
}

/* See HOST_MSIX_ABORTS_MAJOR. */
static bool
would_abort(const struct host_fn *f)
{
	static const int last[] = {
		HOST_MSIX_ABORTS_MAJOR, HOST_MSIX_ABORTS_MINOR, HOST_MSIX_ABORTS_MICRO};

	if (f->fn.kind != VN_HOST_VFIO_USER || f->fn.vectors == 0)
		return false;
	for (unsigned int i = 0; i < RTE_DIM(last); i++) {
		if (f->host->version[i] != last[i])
			return f->host->version[i] < last[i];
	}
	return true;
}

void
host_unplug_begin(struct host_fn *f)
{
	vn_loop_cancel(f->host->loop, &f->timer);
	f->deleted = false;
	f->rc = 0;
	if (would_abort(f)) {
		host_set_text(f,
			"its QEMU %s would crash if a vfio-user function with MSI-X was taken out: "
			"shut the VM down first; %s",
			f->host->version_text,
			f->fn.msix_always
				? "static PFs and VFs always have MSI-X: those that shall leave "
				  "running VMs need \"transport\": \"vhost-user\" in virtnet.conf"
				: "one hotplugged with --no-msix, or over vhost-user, can be "
				  "taken out");
		host_unplug_end(f, -ENOTSUP);
		return;
	}
	f->step = STEP_DEL;
	if (host_send(f->host, "device_del", json_pack("{s:s}", "id", f->fn.id), del_answered, f) !=
		0) {
		host_set_text(f, "device_del cannot be sent");
		host_unplug_end(f, -EBUSY);
	}
}

void
vn_host_unplug(struct vn_host *h, const struct vn_host_fn *fn, vn_host_unplug_cb done, void *ctx)
{
	struct host_fn *f = host_find(h, fn->id);
	char text[HOST_TEXT_LEN];

	if (f != NULL && f->step != STEP_NONE) {
		snprintf(text, sizeof(text), "VM %s: something is being done with %s", h->conf.name,
			fn->id);
		done(ctx, -EBUSY, text);
		return;
	}
	if (f == NULL)
		f = host_fn_new(h, fn);
	if (f == NULL) {
		done(ctx, -errno, "too many functions, or out of memory");
		return;
	}
	f->fn = *fn;
	f->adopted = false;
	f->unplug = true;
	f->unplug_done = done;
	f->ctx = ctx;
	f->deadline_ns = vn_now_ns() + h->times.unplug;
	f->step = STEP_WAITING;
	if (h->state == HOST_UP) {
		host_unplug_begin(f);
		return;
	}
	arm_deadline(f);
	host_connect(h);
}
