/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What the driver set, as the "driver" object of a recovery file. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bitops.h>

#include "recovery_private.h"

/* By command number (virtio 1.2, 5.1.6.5.1). */
static const char *const mode_name[VN_MODEL_MODES] = {
	"promisc", "allmulti", "alluni", "nomulti", "nouni", "nobcast"};

static json_t *
hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static json_t *
modes(const struct vn_model_driver *d)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < VN_MODEL_MODES; i++) {
		if (d->mode[i] != 0)
			json_array_append_new(a, json_string(mode_name[i]));
	}
	return a;
}

static json_t *
macs(const uint8_t (*mac)[6], unsigned int n)
{
	json_t *a = json_array();
	char text[18];

	for (unsigned int i = 0; i < n; i++) {
		recovery_mac_text(mac[i], text);
		json_array_append_new(a, json_string(text));
	}
	return a;
}

static json_t *
vlans(const struct vn_rx_state *rx)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < 64 * RTE_DIM(rx->vlan); i++) {
		if (rx->vlan[i / 64] & RTE_BIT64(i % 64))
			json_array_append_new(a, json_integer(i));
	}
	return a;
}

static json_t *
key(const struct vn_rx_state *rx)
{
	char text[2 * VN_NET_RSS_KEY_SIZE + 1] = "";

	for (unsigned int i = 0; i < rx->key_len && i < VN_NET_RSS_KEY_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", rx->key[i]);
	return json_string(text);
}

static json_t *
table(const struct vn_rx_state *rx)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < rx->table_len && i < VN_NET_RSS_TABLE_SIZE; i++)
		json_array_append_new(a, json_integer(rx->indirection[i]));
	return a;
}

json_t *
recovery_driver_format(const struct vn_model_driver *d)
{
	const struct vn_rx_state *rx = &d->rx;
	json_t *o = json_object();
	char text[18];
	int bad = 0;

	if (d->mac_set) {
		recovery_mac_text(rx->mac, text);
		bad |= json_object_set_new(o, "ctrl_mac", json_string(text));
	}
	bad |= json_object_set_new(o, "rx_modes", modes(d));
	bad |= json_object_set_new(o, "uni_macs", macs(rx->table, rx->n_uni));
	bad |= json_object_set_new(o, "multi_macs", macs(rx->table + rx->n_uni, rx->n_multi));
	bad |= json_object_set_new(o, "uni_overflow", json_boolean(d->uni_overflow));
	bad |= json_object_set_new(o, "multi_overflow", json_boolean(d->multi_overflow));
	bad |= json_object_set_new(o, "filter_vlan", json_boolean(rx->filter_vlan));
	bad |= json_object_set_new(o, "vlans", vlans(rx));
	bad |= json_object_set_new(o, "offloads", hex(d->offloads));
	bad |= json_object_set_new(o, "queue_pairs", json_integer(rx->queue_pairs));
	bad |= json_object_set_new(o, "rss", json_boolean(rx->rss));
	bad |= json_object_set_new(o, "hash_report", json_boolean(rx->hash_report));
	bad |= json_object_set_new(o, "hash_types", hex(rx->hash_types));
	bad |= json_object_set_new(o, "hash_key", key(rx));
	bad |= json_object_set_new(o, "unclassified", json_integer(rx->unclassified));
	bad |= json_object_set_new(o, "indirection", table(rx));
	if (bad == 0)
		return o;
	json_decref(o);
	return NULL;
}

static bool
get_num(const json_t *o, const char *name, uint64_t max, uint64_t *value)
{
	const json_t *v = json_object_get(o, name);

	*value = json_is_integer(v) ? (uint64_t)json_integer_value(v) : 0;
	return v == NULL || (json_is_integer(v) && json_integer_value(v) >= 0 && *value <= max);
}

static bool
get_hex(const json_t *o, const char *name, uint64_t *value)
{
	const json_t *v = json_object_get(o, name);
	const char *text = json_string_value(v);
	char *end = NULL;

	*value = 0;
	if (v == NULL)
		return true;
	if (text == NULL || strncmp(text, "0x", 2) != 0 || strlen(text) > 18)
		return false;
	*value = strtoull(text + 2, &end, 16);
	return *end == '\0' && end != text + 2;
}

static bool
get_bool(const json_t *o, const char *name, bool *value)
{
	const json_t *v = json_object_get(o, name);

	*value = json_is_true(v);
	return v == NULL || json_is_boolean(v);
}

static bool
get_modes(const json_t *o, struct vn_model_driver *d)
{
	const json_t *a = json_object_get(o, "rx_modes");
	const char *name;
	unsigned int m;

	if (a == NULL) {
		d->mode[VN_NET_CTRL_RX_PROMISC] = 1; /* as after a reset */
		return true;
	}
	if (!json_is_array(a))
		return false;
	for (size_t i = 0; i < json_array_size(a); i++) {
		name = json_string_value(json_array_get(a, i));
		for (m = 0; name != NULL && m < VN_MODEL_MODES; m++) {
			if (strcmp(name, mode_name[m]) == 0)
				break;
		}
		if (name == NULL || m == VN_MODEL_MODES)
			return false;
		d->mode[m] = 1;
	}
	return true;
}

static bool
get_macs(const json_t *o, const char *name, struct vn_rx_state *rx, uint16_t *n)
{
	const unsigned int room = VN_RX_MACS - rx->n_uni;
	const json_t *a = json_object_get(o, name);
	const size_t size = json_array_size(a);

	if (a == NULL)
		return true;
	if (!json_is_array(a) || size > room)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!recovery_mac(json_array_get(a, i), rx->table[rx->n_uni + i]))
			return false;
	}
	*n = (uint16_t)size;
	return true;
}

/* Numbers of an array, each below @p limit, to @p take. */
static bool
get_numbers(const json_t *o, const char *name, size_t most, json_int_t limit,
	struct vn_rx_state *rx, void (*take)(struct vn_rx_state *rx, size_t i, json_int_t v))
{
	const json_t *a = json_object_get(o, name);

	if (a == NULL)
		return true;
	if (!json_is_array(a) || json_array_size(a) > most)
		return false;
	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *v = json_array_get(a, i);
		const json_int_t n = json_integer_value(v);

		if (!json_is_integer(v) || n < 0 || n >= limit)
			return false;
		take(rx, i, n);
	}
	return true;
}

static void
take_vlan(struct vn_rx_state *rx, size_t i, json_int_t v)
{
	RTE_SET_USED(i);
	rx->vlan[v / 64] |= RTE_BIT64(v % 64);
}

static void
take_entry(struct vn_rx_state *rx, size_t i, json_int_t v)
{
	rx->indirection[i] = (uint16_t)v;
	rx->table_len = (uint16_t)(i + 1);
}

static bool
get_key(const json_t *o, struct vn_rx_state *rx)
{
	const json_t *v = json_object_get(o, "hash_key");
	const char *text = json_string_value(v);
	const size_t len = text != NULL ? strlen(text) : 0;

	if (v == NULL)
		return true;
	if (text == NULL || len % 2 != 0 || len > 2 * VN_NET_RSS_KEY_SIZE ||
		strspn(text, "0123456789abcdefABCDEF") != len)
		return false;
	for (size_t i = 0; i < len / 2; i++)
		sscanf(text + 2 * i, "%2hhx", &rx->key[i]);
	rx->key_len = (uint8_t)(len / 2);
	return true;
}

bool
recovery_driver_parse(const json_t *o, struct vn_model_driver *d)
{
	const json_t *mac = json_object_get(o, "ctrl_mac");
	uint64_t pairs, types, unclassified, offloads;
	struct vn_rx_state *rx = &d->rx;
	bool rss, report, filter;

	memset(d, 0, sizeof(*d));
	if (!json_is_object(o) || !get_modes(o, d))
		return false;
	d->mac_set = mac != NULL;
	if (mac != NULL && !recovery_mac(mac, rx->mac))
		return false;
	if (!get_macs(o, "uni_macs", rx, &rx->n_uni) ||
		!get_macs(o, "multi_macs", rx, &rx->n_multi))
		return false;
	if (!get_bool(o, "uni_overflow", &d->uni_overflow) ||
		!get_bool(o, "multi_overflow", &d->multi_overflow) ||
		!get_bool(o, "filter_vlan", &filter) || !get_bool(o, "rss", &rss) ||
		!get_bool(o, "hash_report", &report))
		return false;
	if (!get_hex(o, "offloads", &offloads) || !get_hex(o, "hash_types", &types) ||
		types > VN_NET_HASH_ALL || !get_num(o, "queue_pairs", VN_MAX_QUEUE_PAIRS, &pairs) ||
		!get_num(o, "unclassified", VN_MAX_QUEUE_PAIRS, &unclassified))
		return false;
	d->offloads = offloads;
	rx->filter_vlan = filter;
	rx->rss = rss;
	rx->hash_report = report;
	rx->hash_types = (uint32_t)types;
	rx->queue_pairs = pairs != 0 ? (uint16_t)pairs : 1;
	rx->unclassified = (uint16_t)unclassified;
	return get_key(o, rx) && get_numbers(o, "vlans", 4096, 4096, rx, take_vlan) &&
	       get_numbers(
		       o, "indirection", VN_NET_RSS_TABLE_SIZE, VN_MAX_QUEUE_PAIRS, rx, take_entry);
}
