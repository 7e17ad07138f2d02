/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The object "switch": the embedded switch. */

#include <stdio.h>
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

/* Highest numbers of a PF and of a VF that there can be. */
#define PF_MAX 61
#define VF_MAX 1007

/*
 * A place in an element: "switch.devices[1].pf". Its line is that of "switch": lines are kept for
 * objects of the root and what is directly in them.
 */
struct place {
	struct vn_conf_at at;
	char key[64];
};

static const struct vn_conf_at *
place(struct place *p, const struct vn_conf_at *devices, size_t i, const char *key)
{
	snprintf(p->key, sizeof(p->key), "%s[%zu]%s%.32s", devices->key, i,
		key[0] != '\0' ? "." : "", key);
	p->at = (struct vn_conf_at){devices->doc, devices->parent, p->key, NULL};
	return &p->at;
}

static void
read_device(const struct vn_conf_at *devices, size_t i, json_t *obj, struct vn_conf_switch *sw)
{
	struct vn_conf_switch_device *d = &sw->device[sw->n_devices];
	uint32_t pf = 0, vf = 0;
	bool has_pf = false, has_vf = false;
	struct place p;
	const char *key;
	json_t *v;

	memset(d, 0, sizeof(*d));
	json_object_foreach (obj, key, v) {
		const struct vn_conf_at *at = place(&p, devices, i, key);

		if (strcmp(key, "pf") == 0)
			has_pf = vn_conf_get_num(at, v, 0, PF_MAX, &pf);
		else if (strcmp(key, "vf") == 0)
			has_vf = vn_conf_get_num(at, v, 0, VF_MAX, &vf);
		else if (strcmp(key, "anti_spoof") == 0)
			d->rules.has_anti_spoof = vn_conf_get_flag(at, v, &d->rules.anti_spoof);
		else if (strcmp(key, "isolated") == 0)
			d->rules.has_isolated = vn_conf_get_flag(at, v, &d->rules.isolated);
		else
			vn_conf_error_at(at, "unknown parameter: a device has \"pf\", \"vf\", "
					     "\"anti_spoof\" and \"isolated\"");
	}
	if (json_object_get(obj, "pf") == NULL)
		vn_conf_error_at(place(&p, devices, i, ""), "needs \"pf\"");
	if (json_object_get(obj, "anti_spoof") == NULL && json_object_get(obj, "isolated") == NULL)
		vn_conf_error_at(place(&p, devices, i, ""),
			"says nothing of the device: needs \"anti_spoof\" or \"isolated\"");
	d->pf = (uint16_t)pf;
	d->vf = has_vf ? (int16_t)vf : -1;
	for (unsigned int k = 0; has_pf && k < sw->n_devices; k++) {
		if (sw->device[k].pf == d->pf && sw->device[k].vf == d->vf) {
			vn_conf_error_at(place(&p, devices, i, ""),
				"is the device of \"devices[%u]\", too", k);
			break;
		}
	}
	sw->n_devices++;
}

void
vn_conf_read_switch_devices(const struct vn_conf_at *at, const json_t *v, struct vn_conf_switch *sw)
{
	struct place p;
	json_t *e;
	size_t i;

	if (!vn_conf_is_list(at, v, "devices", VN_CONF_MAX_SWITCH_DEVICES))
		return;
	json_array_foreach (v, i, e) {
		if (json_is_object(e))
			read_device(at, i, e, sw);
		else
			vn_conf_error_at(place(&p, at, i, ""), "must be an object {...}, is %s",
				vn_conf_type(e));
	}
}
