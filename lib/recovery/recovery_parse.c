/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* From text to a record, checked; and from a record to what a device is made with. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bitops.h>

#include "recovery_private.h"

struct parse {
	const json_t *o;
	char *err;
	size_t errlen;
	bool bad;
};

static void __attribute__((format(printf, 2, 3))) refuse(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	if (p->bad)
		return; /* the first one says most */
	p->bad = true;
	va_start(ap, fmt);
	vsnprintf(p->err, p->errlen, fmt, ap);
	va_end(ap);
}

bool
recovery_mac(const json_t *v, uint8_t mac[VN_MAC_LEN])
{
	const char *text = json_string_value(v);

	if (text == NULL || strlen(text) != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17)
		return false;
	for (int i = 0; i < 17; i++) {
		if ((i % 3 == 2) != (text[i] == ':'))
			return false;
	}
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		       &mac[4], &mac[5]) == 6;
}

static uint64_t
get_num(struct parse *p, const char *name, bool needed, uint64_t max)
{
	const json_t *v = json_object_get(p->o, name);
	const json_int_t n = json_integer_value(v);

	if (v == NULL && !needed)
		return 0;
	if (!json_is_integer(v) || n < 0 || (uint64_t)n > max) {
		refuse(p, "%s: expected a number up to %llu", name, (unsigned long long)max);
		return 0;
	}
	return (uint64_t)n;
}

static bool
get_bool(struct parse *p, const char *name)
{
	const json_t *v = json_object_get(p->o, name);

	if (v != NULL && !json_is_boolean(v))
		refuse(p, "%s: expected true or false", name);
	return json_is_true(v);
}

static void
get_text(struct parse *p, const char *name, bool needed, char *out, size_t len)
{
	const json_t *v = json_object_get(p->o, name);
	const char *text = json_string_value(v);

	out[0] = '\0';
	if (v == NULL && !needed)
		return;
	if (text == NULL || json_string_length(v) >= len || strlen(text) >= len)
		refuse(p, "%s: expected a text of less than %zu characters", name, len);
	else
		memcpy(out, text, strlen(text) + 1);
	/* It may come to be shown, or to be part of a path. */
	for (char *c = out; *c != '\0'; c++) {
		if (*c < ' ' || *c == 0x7f)
			refuse(p, "%s: a control character", name);
	}
}

static bool
get_setting(const struct setting *s, const json_t *v, struct vn_device_conf *conf)
{
	const char *text = json_string_value(v);
	uint64_t value = 0;
	char *end = NULL;

	switch (s->kind) {
	case SETTING_MAC:
		return recovery_mac(v, (uint8_t *)conf + s->offset);
	case SETTING_BOOL:
		if (!json_is_boolean(v))
			return false;
		value = json_is_true(v);
		break;
	case SETTING_HEX:
		if (text == NULL || strncmp(text, "0x", 2) != 0 || text[2] == '\0' ||
			strspn(text + 2, "0123456789abcdefABCDEF") != strlen(text + 2) ||
			strlen(text) > 18)
			return false;
		value = strtoull(text + 2, &end, 16);
		break;
	case SETTING_NUM:
		if (!json_is_integer(v) || json_integer_value(v) < 0)
			return false;
		value = (uint64_t)json_integer_value(v);
		break;
	}
	if (value < s->min || value > s->max)
		return false;
	setting_set(s, conf, value);
	return true;
}

static int
setting_index(const char *name)
{
	for (unsigned int i = 0; name != NULL && i < recovery_n_settings; i++) {
		if (strcmp(recovery_setting[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static void
get_settings(struct parse *p, struct vn_recovery_record *rec)
{
	const json_t *modified = json_object_get(p->o, "modified");

	for (unsigned int i = 0; i < recovery_n_settings; i++) {
		const struct setting *s = &recovery_setting[i];
		const json_t *v = json_object_get(p->o, s->name);

		if (v == NULL)
			continue;
		if (!get_setting(s, v, &rec->conf))
			refuse(p, "%s: an impossible value", s->name);
		rec->given |= RTE_BIT64(i);
	}
	if (modified != NULL && !json_is_array(modified))
		refuse(p, "modified: expected a list");
	for (size_t i = 0; i < json_array_size(modified); i++) {
		const int n = setting_index(json_string_value(json_array_get(modified, i)));

		/* One that is not known belongs to a later version. */
		if (n >= 0)
			rec->modified |= RTE_BIT64(n) & rec->given;
	}
	if (!rec->ours)
		rec->modified = rec->given;
}

/* Without our keys the number of queues is all that is known of its size. */
static void
size_from_mq(struct vn_recovery_record *rec)
{
	static const char *const name[] = {"num_queues", "max_queue_pairs", "num_msix"};

	if (rec->mq < 3)
		return;
	rec->conf.num_queues = rec->mq;
	rec->conf.max_queue_pairs = (uint16_t)((rec->mq - 1) / 2);
	rec->conf.num_msix = (uint16_t)(rec->mq + 1);
	for (unsigned int i = 0; i < RTE_DIM(name); i++)
		rec->given |= RTE_BIT64(setting_index(name[i]));
}

/* Who it is, as the name says and as the contract's keys say. */
static void
get_identity(struct parse *p, const char *name, struct vn_recovery_record *rec)
{
	struct vn_device_conf *c = &rec->conf;
	char function_type[8], device_type[16];
	struct vn_recovery_name who;

	if (!vn_recovery_name(name, &who)) {
		refuse(p, "the name is not that of a device");
		return;
	}
	get_text(p, "function_type", true, function_type, sizeof(function_type));
	get_text(p, "device_type", false, device_type, sizeof(device_type));
	get_text(p, "port_ib_dev", true, c->ib_dev, sizeof(c->ib_dev));
	snprintf(c->vuid, sizeof(c->vuid), "%s", name);
	c->pf_id = (uint16_t)get_num(p, "pf_id", true, 1023);
	c->bdf = (uint16_t)get_num(p, "bdf_raw", false, UINT16_MAX);
	c->pci_function = (uint16_t)get_num(p, "pf_num", false, UINT16_MAX);
	c->sf_num = (uint32_t)get_num(p, "sf_num", true, 99999);
	rec->mq = (uint16_t)get_num(p, "mq", false, 256);
	if (strcmp(function_type, "vf") == 0) {
		c->type = VN_VF;
		c->vf_id = (uint16_t)get_num(p, "vf_id", true, 1023);
		if (who.vf != c->vf_id)
			refuse(p, "it says that it is VF %u: the file of another device", c->vf_id);
	} else if (strcmp(function_type, "pf") != 0 || who.vf >= 0) {
		refuse(p, "function_type \"%s\": the file of another device", function_type);
	} else {
		c->type = strcmp(device_type, "hotplug") == 0 ? VN_HOTPLUG_PF : VN_STATIC_PF;
		if ((c->type == VN_HOTPLUG_PF) != (who.slot != 0) ||
			(c->type == VN_STATIC_PF && strcmp(device_type, "static") != 0))
			refuse(p, "device_type \"%s\": the file of another device", device_type);
	}
	if (json_object_get(p->o, "mac") == NULL)
		refuse(p, "mac: missing");
}

static void
get_ours(struct parse *p, struct vn_recovery_record *rec)
{
	const json_t *driver = json_object_get(p->o, "driver");

	get_text(p, "boot_id", true, rec->boot_id, sizeof(rec->boot_id));
	get_text(p, "transport", rec->conf.type == VN_HOTPLUG_PF, rec->transport,
		sizeof(rec->transport));
	get_text(p, "port", false, rec->port_kind, sizeof(rec->port_kind));
	get_text(p, "vm", false, rec->vm, sizeof(rec->vm));
	get_text(p, "root_port", false, rec->root_port, sizeof(rec->root_port));
	rec->transitional = get_bool(p, "transitional");
	rec->doorbell_page = get_bool(p, "doorbell_page");
	rec->num_vfs = (uint16_t)get_num(p, "num_vfs", false, 1008);
	rec->vfs_by_client = get_bool(p, "vfs_by_client");
	rec->msix_pool = (uint32_t)get_num(p, "msix_num_pool_size", false, UINT32_MAX);
	rec->qp_pool = (uint32_t)get_num(p, "qp_pool_size", false, UINT32_MAX);
	rec->has_driver = driver != NULL;
	if (driver != NULL && !recovery_driver_parse(driver, &rec->driver))
		refuse(p, "driver: an impossible value");
}

int
vn_recovery_parse(const char *name, const char *text, size_t len, struct vn_recovery_record *rec,
	char *err, size_t errlen)
{
	struct parse p = {.err = err, .errlen = errlen};
	const json_t *version;
	json_error_t where;
	json_t *o;

	memset(rec, 0, sizeof(*rec));
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (o == NULL) {
		snprintf(err, errlen, "not valid JSON (line %d)", where.line);
		return -EINVAL;
	}
	p.o = o;
	version = json_object_get(o, "version");
	rec->ours = version != NULL;
	if (!json_is_object(o))
		refuse(&p, "not an object");
	else if (version != NULL &&
		 (!json_is_integer(version) || json_integer_value(version) != VN_RECOVERY_VERSION))
		refuse(&p, "its version is not %d: another program wrote it", VN_RECOVERY_VERSION);
	if (!p.bad)
		get_identity(&p, name, rec);
	if (!p.bad)
		get_settings(&p, rec);
	if (!p.bad && rec->ours)
		get_ours(&p, rec);
	else if (!p.bad)
		size_from_mq(rec);
	json_decref(o);
	return p.bad ? -EINVAL : 0;
}

int
vn_recovery_apply(const struct vn_recovery_record *rec, struct vn_device_conf *dc)
{
	const bool all = rec->conf.type == VN_HOTPLUG_PF;
	struct vn_device_conf c = *dc;

	for (unsigned int i = 0; i < recovery_n_settings; i++) {
		const struct setting *s = &recovery_setting[i];

		if ((all ? rec->given : rec->modified) & RTE_BIT64(i))
			memcpy(RTE_PTR_ADD(&c, s->offset), RTE_PTR_ADD(&rec->conf, s->offset),
				s->size);
	}
	if (all) {
		c.pf_id = rec->conf.pf_id;
		c.sf_num = rec->conf.sf_num;
		memcpy(c.ib_dev, rec->conf.ib_dev, sizeof(c.ib_dev));
	}
	if ((c.max_queue_size & (c.max_queue_size - 1)) != 0 ||
		c.num_queues < 2 * c.max_queue_pairs + 1 ||
		c.num_queues > 2 * c.max_queue_pairs + 2)
		return -EINVAL;
	*dc = c;
	return 0;
}
