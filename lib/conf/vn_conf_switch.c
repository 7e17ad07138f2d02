/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The object "switch": the embedded switch. */

#include <string.h>

#include "vn_conf_doc.h"

void
vn_conf_read_uplinks(const struct vn_conf_at *at, const json_t *v, struct vn_conf_switch *sw)
{
	const json_t *e;
	size_t i;

	if (!json_is_array(v)) {
		vn_conf_error_at(at,
			"must be an array with the names of DPDK ports, [\"net_tap0\"], is %s",
			vn_conf_type(v));
		return;
	}
	if (json_array_size(v) > VN_CONF_MAX_UPLINKS) {
		vn_conf_error_at(at, "has %zu uplinks, at most %d are possible", json_array_size(v),
			VN_CONF_MAX_UPLINKS);
		return;
	}
	json_array_foreach (v, i, e) {
		char *name = sw->uplink[sw->n_uplinks];

		if (!vn_conf_get_name(at, e, name, VN_CONF_NAME_LEN))
			continue;
		for (unsigned int k = 0; k < sw->n_uplinks; k++) {
			if (strcmp(sw->uplink[k], name) == 0) {
				vn_conf_error_at(at, "\"%s\" is given twice", name);
				break;
			}
		}
		sw->n_uplinks++;
	}
}
