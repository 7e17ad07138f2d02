/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_select.h"

/* Bytes of an element that are no reason to look closely. */
#define SHORT 4096

static bool
has(const uint64_t *set, unsigned int id)
{
	return (set[id / 64] >> (id % 64) & 1) != 0;
}

static void
add(uint64_t *set, unsigned int id)
{
	set[id / 64] |= UINT64_C(1) << (id % 64);
}

static unsigned int
count(const uint64_t *set)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < CTL_IDS / 64; i++)
		n += (unsigned int)__builtin_popcountll(set[i]);
	return n;
}

/** An id at *text, which moves on. */
static bool
parse_id(const char **text, unsigned int *id)
{
	const char *s = *text;

	for (*id = 0; isdigit((unsigned char)*s) && *id < CTL_IDS; s++)
		*id = *id * 10 + (unsigned int)(*s - '0');
	if (s == *text || *id >= CTL_IDS)
		return false;
	*text = s;
	return true;
}

/** "0-15,20" */
static bool
parse_list(const char *text, uint64_t *set)
{
	unsigned int first, last;

	do {
		if (!parse_id(&text, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!parse_id(&text, &last) || last < first)
				return false;
		}
		while (first <= last)
			add(set, first++);
	} while (*text++ == ',');
	return text[-1] == '\0';
}

/** Ids from @p name, or the list @p names. @return whether one was given; *bad: cannot be read. */
static bool
take_ids(const struct ctl_args *args, const char *name, const char *names, uint64_t *set,
	bool *many, const char **bad)
{
	const struct ctl_value *one = ctl_args_get(args, name);
	const struct ctl_value *list = ctl_args_get(args, names);

	if (one != NULL) {
		add(set, (unsigned int)one->num % CTL_IDS);
		return true;
	}
	if (list == NULL)
		return false;
	*many = true;
	if (!parse_list(list->str, set))
		*bad = names;
	return true;
}

bool
ctl_selected(const struct ctl_select *sel, const struct vn_device *dev)
{
	if (sel->all)
		return true;
	if (sel->vuid != NULL)
		return strcmp(dev->conf.vuid, sel->vuid) == 0;
	if (!has(sel->pf, dev->conf.pf_id) || (dev->conf.type == VN_VF) != sel->has_vf)
		return false;
	return !sel->has_vf || has(sel->vf, dev->conf.vf_id);
}

/** Which one does not exist; ends soon, as there are only so many that do. */
static json_t *
missing(struct vn_ctl *ctl, const struct ctl_select *sel)
{
	const unsigned int unmade = vn_controller_unmade(ctl->controller);
	char text[64] = "";
	struct ctl_obj o;

	/* It may be one that is still to come. */
	if (!sel->many || unmade > 0)
		return ctl_no_device(unmade);
	for (unsigned int pf = 0; pf < CTL_IDS && text[0] == '\0'; pf++) {
		if (!has(sel->pf, pf))
			continue;
		if (vn_controller_find(ctl->controller, (int)pf, -1) == NULL) {
			snprintf(text, sizeof(text), "there is no PF %u", pf);
			break;
		}
		for (unsigned int vf = 0; sel->has_vf && vf < CTL_IDS; vf++) {
			if (has(sel->vf, vf) &&
				vn_controller_find(ctl->controller, (int)pf, (int)vf) == NULL) {
				snprintf(text, sizeof(text), "PF %u has no VF %u", pf, vf);
				break;
			}
		}
	}
	o = ctl_obj_begin();
	ctl_put_str(&o, "Error", "Device doesn't exist");
	ctl_put_str(&o, "detail", text);
	return ctl_obj_end(&o);
}

json_t *
ctl_select(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_select *sel)
{
	const struct vn_controller *c = ctl->controller;
	const struct ctl_value *vuid = ctl_args_get(args, "vuid");
	uint64_t wanted = 1, found = 0;
	const char *bad = NULL;
	char text[80];

	memset(sel, 0, sizeof(*sel));
	if (ctl_args_has(args, "all")) {
		sel->all = true;
		sel->many = true;
		return NULL;
	}
	if (vuid != NULL) {
		sel->vuid = vuid->str;
	} else {
		take_ids(args, "pf", "pfs", sel->pf, &sel->many, &bad);
		sel->has_vf = take_ids(args, "vf", "vfs", sel->vf, &sel->many, &bad);
		wanted = (uint64_t)count(sel->pf) * (sel->has_vf ? count(sel->vf) : 1);
	}
	if (bad != NULL) {
		snprintf(text, sizeof(text), "\"%s\" is not a list such as \"0-15,20\"", bad);
		return ctl_error(-EINVAL, text);
	}
	/* The devices of a later page may have gone meanwhile. */
	if (sel->many && ctl_args_has(args, "cursor"))
		return NULL;
	for (unsigned int i = 0; i < c->num_devices; i++)
		found += ctl_selected(sel, c->device[i]);
	return found == wanted ? NULL : missing(ctl, sel);
}

/** Where a device stands in the order of the inventory: what a cursor is. Never 0 but for PF 0. */
static uint64_t
cursor_of(const struct vn_device *dev)
{
	uint64_t vf = dev->conf.type == VN_VF ? (uint64_t)dev->conf.vf_id + 1 : 0;

	return (uint64_t)dev->conf.pf_id << 17 | vf;
}

/*
 * A cursor names a place in the order, not an index, so that devices that come and go between two
 * pages make none twice and none missing.
 */
json_t *
ctl_show_page(struct vn_ctl *ctl, const struct ctl_args *args, const struct ctl_select *sel,
	struct ctl_reply *reply, ctl_show_fn show, void *ctx)
{
	const struct vn_controller *c = ctl->controller;
	const struct ctl_value *cursor = ctl_args_get(args, "cursor");
	json_t *array = json_array();
	size_t size = 0, length = 0;
	unsigned int i, rings = 0;
	json_t *e;

	for (i = 0; i < c->num_devices; i++) {
		struct vn_device *dev = c->device[i];

		if (cursor != NULL && cursor_of(dev) < cursor->num)
			continue;
		if (sel != NULL && !ctl_selected(sel, dev))
			continue;
		/* The page is full: and a page has one device at least. */
		if (size >= CTL_PAGE) {
			reply->more = true;
			reply->next_cursor = cursor_of(dev);
			break;
		}
		e = show(ctl, dev, ctx);
		/*
		 * Short ones are alike, and measuring is half of the work: each fourth is enough,
		 * but for one that has more to show than the last that was measured.
		 */
		if (e != NULL && (length > SHORT || json_array_size(array) % 4 == 0 ||
					 dev->num_vqs + dev->enabled_queues > rings)) {
			length = json_dumpb(e, NULL, 0, 0);
			rings = dev->num_vqs + dev->enabled_queues;
		}
		size += length;
		if (json_array_append_new(array, e) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}
