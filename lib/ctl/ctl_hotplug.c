/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Commands that make devices come and go: their answers come when the VM has done its part. */

#include <errno.h>
#include <stdlib.h>

#include "ctl_private.h"
#include "vn_errors.h"

static const char *
text_of(const struct ctl_args *args, const char *name)
{
	const struct ctl_value *v = ctl_args_get(args, name);

	return v != NULL ? v->str : NULL;
}

static uint64_t
number_of(const struct ctl_args *args, const char *name)
{
	const struct ctl_value *v = ctl_args_get(args, name);

	return v != NULL ? v->num : 0;
}

static void
put_success(struct ctl_obj *o)
{
	ctl_put_num(o, "errno", 0);
	ctl_put_str(o, "errstr", vn_error_text(0));
}

static void
hotplug_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	struct ctl_obj o;

	if (result != 0) {
		ctl_complete(ctx, ctl_failure(result, text));
		return;
	}
	o = ctl_obj_begin();
	ctl_put_bdf(&o, "bdf", dev);
	ctl_put_str(&o, "vuid", dev->conf.vuid);
	ctl_put_num(&o, "id", dev->conf.pf_id);
	ctl_put_num(&o, "transitional", dev->ctrl->transitional);
	ctl_put_str(&o, "sf_rep_net_device", ctl_representor(dev));
	ctl_put_mac(&o, "mac", dev->conf.mac);
	put_success(&o);
	if (dev->ctrl->vm[0] == '\0') {
		struct vn_endpoint_info info = {0};

		dev->transport->get_info(dev->endpoint, &info);
		ctl_put_str(&o, "socket", info.path);
	}
	ctl_complete(ctx, ctl_obj_end(&o));
}

json_t *
ctl_do_hotplug(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	const struct vn_hotplug hp = {
		.ib_dev = text_of(args, "ib_device"),
		.mac = text_of(args, "mac"),
		.mtu = number_of(args, "mtu"),
		.max_queues = number_of(args, "max_queues"),
		.max_queue_pairs = number_of(args, "max_queue_pairs"),
		.has_queues = ctl_args_has(args, "max_queues"),
		.max_queue_size = number_of(args, "max_queue_size"),
		.has_sf_num = ctl_args_has(args, "sf_num"),
		.sf_num = number_of(args, "sf_num"),
		.features = number_of(args, "features"),
		.legacy = ctl_args_has(args, "legacy"),
		.transport = text_of(args, "transport"),
		.vm = text_of(args, "vm"),
		.port = text_of(args, "port"),
		.doorbell = text_of(args, "doorbell"),
		.no_msix = ctl_args_has(args, "no_msix"),
		.port_kind = text_of(args, "port_kind"),
	};
	struct ctl_pending *p = ctl_defer(reply);

	if (p != NULL)
		vn_controller_hotplug(ctl->controller, &hp, hotplug_done, p);
	return NULL;
}

/* errno and errstr are all there is to say. */
static void
plain_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)dev;
	ctl_complete(ctx, result != 0 ? ctl_failure(result, text) : ctl_error(0, NULL));
}

json_t *
ctl_do_unplug(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct vn_device *dev = ctl_find_device(ctl, args);
	struct ctl_pending *p;

	if (dev == NULL)
		return ctl_no_device(vn_controller_unmade(ctl->controller));
	p = ctl_defer(reply);
	if (p != NULL)
		vn_controller_unplug(ctl->controller, dev, plain_done, p);
	return NULL;
}

static void
attach_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	struct ctl_obj o;

	if (result != 0) {
		ctl_complete(ctx, ctl_failure(result, text));
		return;
	}
	o = ctl_obj_begin();
	ctl_put_bdf(&o, "bdf", dev);
	ctl_put_str(&o, "vm", dev->ctrl->vm);
	ctl_put_str(&o, "root_port", dev->ctrl->root_port);
	put_success(&o);
	ctl_complete(ctx, ctl_obj_end(&o));
}

json_t *
ctl_do_attach(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct vn_device *dev = ctl_find_device(ctl, args);
	const char *print = text_of(args, "print");
	struct ctl_pending *p;
	json_t *value;
	char *text;

	if (dev == NULL)
		return ctl_no_device(vn_controller_unmade(ctl->controller));
	if (print != NULL) {
		text = vn_controller_attach_text(
			ctl->controller, dev, text_of(args, "port"), print[0] == 'l');
		if (text == NULL)
			return ctl_error(-EILSEQ, "the path of the socket cannot be written");
		value = ctl_text(text);
		free(text);
		return value;
	}
	p = ctl_defer(reply);
	if (p != NULL)
		vn_controller_attach(ctl->controller, dev, text_of(args, "vm"),
			text_of(args, "port"), attach_done, p);
	return NULL;
}

json_t *
ctl_do_detach(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct vn_device *dev = ctl_find_device(ctl, args);
	struct ctl_pending *p;

	if (dev == NULL)
		return ctl_no_device(vn_controller_unmade(ctl->controller));
	p = ctl_defer(reply);
	if (p != NULL)
		vn_controller_detach(ctl->controller, dev, plain_done, p);
	return NULL;
}

json_t *
ctl_do_sriov(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct vn_device *dev = ctl_find_device(ctl, args);
	struct ctl_pending *p;

	if (dev == NULL)
		return ctl_no_device(vn_controller_unmade(ctl->controller));
	p = ctl_defer(reply);
	if (p != NULL)
		vn_controller_sriov(ctl->controller, dev, (unsigned int)number_of(args, "num_vfs"),
			plain_done, p);
	return NULL;
}
