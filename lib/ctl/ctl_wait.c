/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* wait: answered when all devices are there. */

#include "ctl_private.h"

/* Seconds, when nothing is said. */
#define DEFAULT_TIMEOUT 60

static void
wait_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)dev;
	ctl_complete(ctx, result != 0 ? ctl_failure(result, text) : ctl_error(0, NULL));
}

json_t *
ctl_do_wait(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	const struct ctl_value *timeout = ctl_args_get(args, "timeout");
	struct ctl_pending *p = ctl_defer(reply);

	if (p != NULL)
		vn_controller_wait(ctl->controller,
			VN_SEC(timeout != NULL ? timeout->num : DEFAULT_TIMEOUT), wait_done, p);
	return NULL;
}
