/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include "ctl_select.h"
#include "vn_errors.h"

json_t *
ctl_do_health_show(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct ctl_select sel;
	json_t *refusal = ctl_select(ctl, args, &sel);

	(void)reply;
	return refusal != NULL ? refusal : ctl_error(VIRTNET_ERR_NOT_SUPPORTED, NULL);
}
