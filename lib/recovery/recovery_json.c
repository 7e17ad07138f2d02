/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The table of settings, and how a record becomes text. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recovery_private.h"

#define FIELD(f) offsetof(struct vn_device_conf, f), sizeof(((struct vn_device_conf *)0)->f)

/* The order is that of the file; bit n of "given" and "modified" is the n-th. */
const struct setting recovery_setting[] = {
	/* The contract's own key, so it is written with those. */
	{"mac", SETTING_MAC, FIELD(mac), 0, 0},
	{"features", SETTING_HEX, FIELD(features), 0, UINT64_MAX},
	{"mtu", SETTING_NUM, FIELD(mtu), 68, 9216},
	{"speed", SETTING_NUM, FIELD(speed), 0, UINT32_MAX},
	{"num_msix", SETTING_NUM, FIELD(num_msix), 0, 2048},
	{"num_queues", SETTING_NUM, FIELD(num_queues), 0, 256},
	{"max_queue_pairs", SETTING_NUM, FIELD(max_queue_pairs), 0, VN_MAX_QUEUE_PAIRS},
	{"port_queue_pairs", SETTING_NUM, FIELD(port_pairs), 0, VN_MAX_QUEUE_PAIRS},
	{"max_queue_size", SETTING_NUM, FIELD(max_queue_size), 4, 32768},
	{"link_down", SETTING_BOOL, FIELD(link_down), 0, 1},
	{"aarfs", SETTING_BOOL, FIELD(aarfs), 0, 1},
	{"dim", SETTING_BOOL, FIELD(dim), 0, 1},
	{"drop_counter", SETTING_BOOL, FIELD(drop_counter), 0, 1},
	{"pkt_cnt", SETTING_BOOL, FIELD(count_sizes), 0, 1},
	{"rss_max_key_size", SETTING_NUM, FIELD(rss_key_size), 0, VN_NET_RSS_KEY_SIZE},
	{"supported_hash_types", SETTING_HEX, FIELD(hash_types), 0, VN_NET_HASH_ALL},
	{"rx_mode", SETTING_HEX, FIELD(rx_mode), 0, UINT32_MAX},
	{"rq_cq_period_mode", SETTING_NUM, FIELD(coal_mode), 0, 2},
	{"rq_cq_period", SETTING_NUM, FIELD(coal_usecs), 0, UINT32_MAX},
	{"rq_cq_max_count", SETTING_NUM, FIELD(coal_packets), 0, UINT32_MAX},
};
const unsigned int recovery_n_settings = RTE_DIM(recovery_setting);
static_assert(RTE_DIM(recovery_setting) <= 64, "bits of vn_recovery_record::given");

uint64_t
setting_get(const struct setting *s, const struct vn_device_conf *conf)
{
	const void *p = RTE_PTR_ADD(conf, s->offset);

	switch (s->size) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		return *(const uint16_t *)p;
	case 4:
		return *(const uint32_t *)p;
	default:
		return *(const uint64_t *)p;
	}
}

void
setting_set(const struct setting *s, struct vn_device_conf *conf, uint64_t value)
{
	void *p = RTE_PTR_ADD(conf, s->offset);

	switch (s->size) {
	case 1:
		*(uint8_t *)p = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)p = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)p = (uint32_t)value;
		break;
	default:
		*(uint64_t *)p = value;
	}
}

bool
setting_equal(
	const struct setting *s, const struct vn_device_conf *a, const struct vn_device_conf *b)
{
	return memcmp(RTE_PTR_ADD(a, s->offset), RTE_PTR_ADD(b, s->offset), s->size) == 0;
}

void
recovery_mac_text(const uint8_t mac[VN_MAC_LEN], char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
}

static json_t *
setting_json(const struct setting *s, const struct vn_device_conf *conf)
{
	char text[24];

	switch (s->kind) {
	case SETTING_BOOL:
		return json_boolean(setting_get(s, conf));
	case SETTING_HEX:
		snprintf(text, sizeof(text), "0x%" PRIx64, setting_get(s, conf));
		return json_string(text);
	case SETTING_MAC:
		recovery_mac_text((const uint8_t *)conf + s->offset, text);
		return json_string(text);
	default:
		return json_integer((json_int_t)setting_get(s, conf));
	}
}

/* The contract's keys, in its order. */
static int
put_contract(json_t *o, const struct vn_recovery_record *rec)
{
	const struct vn_device_conf *c = &rec->conf;
	const bool vf = c->type == VN_VF;
	int bad = 0;

	bad |= json_object_set_new(o, "port_ib_dev", json_string(c->ib_dev));
	bad |= json_object_set_new(o, "pf_id", json_integer(c->pf_id));
	if (vf)
		bad |= json_object_set_new(o, "vf_id", json_integer(c->vf_id));
	bad |= json_object_set_new(o, "function_type", json_string(vf ? "vf" : "pf"));
	bad |= json_object_set_new(o, "bdf_raw", json_integer(c->bdf));
	if (!vf)
		bad |= json_object_set_new(o, "device_type",
			json_string(c->type == VN_HOTPLUG_PF ? "hotplug" : "static"));
	bad |= json_object_set_new(o, "mac", setting_json(&recovery_setting[0], c));
	bad |= json_object_set_new(o, "pf_num", json_integer(c->pci_function));
	bad |= json_object_set_new(o, "sf_num", json_integer(c->sf_num));
	bad |= json_object_set_new(o, "mq", json_integer(rec->mq));
	return bad;
}

static int
put_settings(json_t *o, const struct vn_recovery_record *rec, const struct vn_device_conf *base)
{
	json_t *modified = json_array();
	int bad = 0;

	for (unsigned int i = 0; i < recovery_n_settings; i++) {
		const struct setting *s = &recovery_setting[i];

		if (i > 0)
			bad |= json_object_set_new(o, s->name, setting_json(s, &rec->conf));
		if (base != NULL && !setting_equal(s, &rec->conf, base))
			bad |= json_array_append_new(modified, json_string(s->name));
	}
	if (base == NULL)
		json_decref(modified);
	else
		bad |= json_object_set_new(o, "modified", modified);
	return bad;
}

static int
put_place(json_t *o, const struct vn_recovery_record *rec)
{
	int bad = 0;

	bad |= json_object_set_new(o, "transport", json_string(rec->transport));
	bad |= json_object_set_new(o, "port", json_string(rec->port_kind));
	bad |= json_object_set_new(o, "transitional", json_boolean(rec->transitional));
	bad |= json_object_set_new(o, "doorbell_page", json_boolean(rec->doorbell_page));
	bad |= json_object_set_new(o, "vm", json_string(rec->vm));
	bad |= json_object_set_new(o, "root_port", json_string(rec->root_port));
	return bad;
}

static int
put_vfs(json_t *o, const struct vn_recovery_record *rec)
{
	int bad = 0;

	bad |= json_object_set_new(o, "num_vfs", json_integer(rec->num_vfs));
	bad |= json_object_set_new(o, "vfs_by_client", json_boolean(rec->vfs_by_client));
	bad |= json_object_set_new(o, "msix_num_pool_size", json_integer(rec->msix_pool));
	bad |= json_object_set_new(o, "qp_pool_size", json_integer(rec->qp_pool));
	return bad;
}

char *
vn_recovery_format(const struct vn_recovery_record *rec, const struct vn_device_conf *base)
{
	json_t *o = json_object();
	char *text = NULL, *line = NULL;
	size_t len;
	int bad = 0;

	if (o == NULL)
		return NULL;
	bad |= put_contract(o, rec);
	bad |= json_object_set_new(o, "version", json_integer(VN_RECOVERY_VERSION));
	bad |= json_object_set_new(o, "boot_id", json_string(rec->boot_id));
	bad |= put_place(o, rec);
	if (rec->conf.type == VN_STATIC_PF)
		bad |= put_vfs(o, rec);
	bad |= put_settings(o, rec, base);
	if (rec->has_driver)
		bad |= json_object_set_new(o, "driver", recovery_driver_format(&rec->driver));
	if (bad == 0)
		text = json_dumps(o, JSON_INDENT(1));
	json_decref(o);
	if (text == NULL)
		return NULL;
	len = strlen(text);
	line = realloc(text, len + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}
