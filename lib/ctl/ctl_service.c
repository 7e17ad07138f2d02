/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Commands about the service as a whole: restart (contract 4.12), update (4.11). */

#include "ctl_private.h"
#include "vn_errors.h"

static void
restart_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)dev;
	ctl_complete(ctx, result != 0 ? ctl_failure(result, text) : json_string("SUCCESS"));
}

json_t *
ctl_do_restart(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct ctl_pending *p = ctl_defer(reply);

	(void)args;
	if (p != NULL)
		vn_controller_restart(ctl->controller, restart_done, p);
	return NULL;
}

json_t *
ctl_do_update(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct ctl_obj o;

	(void)ctl;
	(void)reply;
	if (ctl_args_has(args, "start"))
		return ctl_failure(VIRTNET_ERR_NOT_SUPPORTED,
			"no live update in this version: install the package, then restart the "
			"service");
	/* There has been none. */
	o = ctl_obj_begin();
	ctl_put_str(&o, "status", "inactive");
	ctl_put_str(&o, "last live update status", "none");
	ctl_put(&o, "time_used (s)", json_real(0));
	return ctl_obj_end(&o);
}
