/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The capacity file: two sets of the same settings. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vn_capacity.h"
#include "vn_conf_doc.h"

enum type {
	NUM,
	BOOL,
};

static const struct vn_capacity_info settings[VN_CAP_COUNT] = {
#define SETTING(id, name, type, min, max, def) \
	[VN_CAP_##id] = {name, (type) == BOOL, min, max, def},
	VN_CAPACITY_SETTINGS(SETTING)
#undef SETTING
};

void
vn_capacity_defaults(struct vn_capacity *cap)
{
	unsigned int i;

	for (i = 0; i < VN_CAP_COUNT; i++) {
		cap->current[i] = settings[i].def;
		cap->next[i] = settings[i].def;
	}
}

const struct vn_capacity_info *
vn_capacity_info(enum vn_capacity_id id)
{
	return (unsigned int)id < VN_CAP_COUNT ? &settings[id] : NULL;
}

const char *
vn_capacity_name(enum vn_capacity_id id)
{
	return (unsigned int)id < VN_CAP_COUNT ? settings[id].name : NULL;
}

uint32_t
vn_capacity_pf_vfs(const struct vn_capacity *cap, uint32_t pf_id)
{
	const uint32_t each = cap->current[VN_CAP_SRIOV_EN] ? cap->current[VN_CAP_NUM_VF] : 0;
	const uint64_t before = (uint64_t)pf_id * each;

	if (pf_id >= cap->current[VN_CAP_NUM_PF] || before >= VN_CAPACITY_VFS)
		return 0;
	return before + each <= VN_CAPACITY_VFS ? each : (uint32_t)(VN_CAPACITY_VFS - before);
}

uint32_t
vn_capacity_vfs(const struct vn_capacity *cap)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cap->current[VN_CAP_NUM_PF]; i++)
		n += vn_capacity_pf_vfs(cap, i);
	return n;
}

static int
find(const char *name)
{
	int i;

	for (i = 0; i < VN_CAP_COUNT; i++) {
		if (strcmp(name, settings[i].name) == 0)
			return i;
	}
	return -1;
}

static void
unknown(const struct vn_conf_at *at)
{
	const char *names[VN_CAP_COUNT], *near = NULL;
	unsigned int i;

	/* Beyond the table errors are only counted: spend no time on hints. */
	if (at->doc->errors->n < VN_CONF_MAX_ERRORS) {
		for (i = 0; i < VN_CAP_COUNT; i++)
			names[i] = settings[i].name;
		near = vn_conf_closest(at->key, names, VN_CAP_COUNT);
	}
	if (near != NULL)
		vn_conf_error_at(at, "unknown setting: did you mean \"%s\"?", near);
	else
		vn_conf_error_at(at, "unknown setting: remove it");
}

static void
read_set(const struct vn_conf_doc *doc, const char *set, json_t *obj, uint32_t value[VN_CAP_COUNT])
{
	struct vn_conf_at at = {doc, set, NULL};
	json_t *v;
	bool on;
	int id;

	json_object_foreach (obj, at.key, v) {
		id = find(at.key);
		if (id < 0)
			unknown(&at);
		else if (!settings[id].is_bool)
			vn_conf_get_num(&at, v, settings[id].min, settings[id].max, &value[id]);
		else if (vn_conf_get_bool(&at, v, &on))
			value[id] = on;
	}
}

/* One set while it is checked. */
struct set {
	const struct vn_conf_doc *doc;
	const char *name;
	const uint32_t *v;
};

static bool
in_file(const struct vn_conf_doc *doc, const char *set, enum vn_capacity_id id)
{
	return json_object_get(json_object_get(doc->root, set), settings[id].name) != NULL;
}

/*
 * May a contradiction of two settings be told for this set? Not when the value of one was refused
 * (the default stands in for it), and not when "next" has both from "current", which was told.
 */
static bool
worth_telling(const struct set *s, enum vn_capacity_id a, enum vn_capacity_id b)
{
	const enum vn_capacity_id ids[2] = {a, b};
	struct vn_conf_at at;
	unsigned int i;

	if (!in_file(s->doc, s->name, a) && !in_file(s->doc, s->name, b))
		return false;
	for (i = 0; i < 2; i++) {
		at = (struct vn_conf_at){s->doc, s->name, settings[ids[i]].name};
		if (!in_file(s->doc, s->name, ids[i]))
			at.parent = "current";
		if (vn_conf_has_error(&at))
			return false;
	}
	return true;
}

/* Setting `id`, when not 0, needs setting `other` to be on. */
static void
check_needs(const struct set *s, enum vn_capacity_id id, enum vn_capacity_id other)
{
	struct vn_conf_at at = {s->doc, s->name, settings[id].name};

	if (s->v[id] != 0 && s->v[other] == 0 && worth_telling(s, id, other))
		vn_conf_error_at(&at, "%u needs %s=1, or write 0", s->v[id], settings[other].name);
}

static void
check_set(const struct set *s)
{
	struct vn_conf_at old = {s->doc, s->name, settings[VN_CAP_NUM_VF_MSIX_OLD].name};
	struct vn_conf_at msix = {s->doc, s->name, settings[VN_CAP_NUM_VF_MSIX].name};
	const uint32_t *v = s->v;

	check_needs(s, VN_CAP_NUM_VF, VN_CAP_SRIOV_EN);
	/* Its default means as many as there can be: without the switch that is none. */
	if (in_file(s->doc, s->name, VN_CAP_SWITCH_NUM_PORT) ||
		in_file(s->doc, "current", VN_CAP_SWITCH_NUM_PORT))
		check_needs(s, VN_CAP_SWITCH_NUM_PORT, VN_CAP_SWITCH_ENABLE);
	check_needs(s, VN_CAP_PF_TOTAL_SF, VN_CAP_PER_PF_NUM_SF);
	check_needs(s, VN_CAP_PF_SF_BAR_SIZE, VN_CAP_PER_PF_NUM_SF);
	if (v[VN_CAP_NUM_VF_MSIX] > 0 && v[VN_CAP_NUM_VF_MSIX] < 4 &&
		worth_telling(s, VN_CAP_NUM_VF_MSIX, VN_CAP_NUM_VF_MSIX))
		vn_conf_error_at(&msix, "must be 0 or a whole number from 4 to %u, is %u",
			settings[VN_CAP_NUM_VF_MSIX].max, v[VN_CAP_NUM_VF_MSIX]);
	if (v[VN_CAP_NUM_VF_MSIX] != 0 && v[VN_CAP_NUM_VF_MSIX_OLD] != 0 &&
		worth_telling(s, VN_CAP_NUM_VF_MSIX, VN_CAP_NUM_VF_MSIX_OLD))
		vn_conf_error_at(&old, "must be 0 when %s is used", msix.key);
}

/* The object of one set, NULL when it is left out or not an object (an error then). */
static json_t *
get_set(const struct vn_conf_doc *doc, const char *set)
{
	struct vn_conf_at at = {doc, NULL, set};
	json_t *v = json_object_get(doc->root, set);

	if (v != NULL && !json_is_object(v)) {
		vn_conf_error_at(&at, "must be an object {...}, is %s", vn_conf_type(v));
		return NULL;
	}
	return v;
}

static void
check_sets(const struct vn_conf_doc *doc)
{
	struct vn_conf_at at = {doc, NULL, NULL};
	const json_t *v;

	json_object_foreach (doc->root, at.key, v) {
		if (strcmp(at.key, "current") == 0 || strcmp(at.key, "next") == 0)
			continue;
		if (find(at.key) >= 0)
			vn_conf_error_at(
				&at, "unknown here: settings stand inside \"current\" or \"next\"");
		else
			vn_conf_error_at(&at, "unknown: the file holds \"current\" and \"next\"");
	}
}

static int
parse(const char *text, size_t len, struct vn_capacity *cap, struct vn_conf_errors *errors)
{
	struct vn_conf_doc doc;
	struct vn_capacity c;
	int ret;

	ret = vn_conf_doc_init(&doc, text, len, errors);
	if (ret < 0)
		return ret;
	vn_capacity_defaults(&c);
	check_sets(&doc);

	read_set(&doc, "current", get_set(&doc, "current"), c.current);
	check_set(&(struct set){&doc, "current", c.current});
	memcpy(c.next, c.current, sizeof(c.next));
	read_set(&doc, "next", get_set(&doc, "next"), c.next);
	check_set(&(struct set){&doc, "next", c.next});
	vn_conf_doc_fini(&doc);

	vn_conf_errors_sort(errors);
	if (errors->n > 0)
		return -EINVAL;
	*cap = c;
	return 0;
}

int
vn_capacity_load(const char *file, struct vn_capacity *cap, struct vn_conf_errors *errors)
{
	char *text;
	size_t len;
	int ret;

	errors->n = 0;
	ret = vn_conf_file_read(file, &text, &len, errors);
	if (ret == -ENOENT) {
		errors->n = 0;
		vn_capacity_defaults(cap);
		return 0;
	}
	if (ret < 0)
		return ret;
	ret = parse(text, len, cap, errors);
	free(text);
	return ret;
}
