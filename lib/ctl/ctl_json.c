/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl_json.h"
#include "vn_errors.h"

/** Places of a bit number in the key of a bit set: what the vendor's host tool prints. */
#define BIT_KEY_FORMAT "%5u"

struct ctl_obj
ctl_obj_begin(void)
{
	struct ctl_obj o = {.json = json_object()};

	o.failed = o.json == NULL;
	return o;
}

void
ctl_put(struct ctl_obj *o, const char *key, json_t *value)
{
	/* Takes over the value also on failure. */
	if (json_object_set_new(o->json, key, value) != 0)
		o->failed = true;
}

void
ctl_put_num(struct ctl_obj *o, const char *key, uint64_t value)
{
	ctl_put(o, key, json_integer((json_int_t)value));
}

void
ctl_put_dec(struct ctl_obj *o, const char *key, uint64_t value)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRIu64, value);
	ctl_put(o, key, json_string(buf));
}

void
ctl_put_hex(struct ctl_obj *o, const char *key, uint64_t value)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "0x%" PRIx64, value);
	ctl_put(o, key, json_string(buf));
}

void
ctl_put_hex_upper(struct ctl_obj *o, const char *key, uint64_t value)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "0x%" PRIX64, value);
	ctl_put(o, key, json_string(buf));
}

json_t *
ctl_text(const char *s)
{
	json_t *json = json_string(s);
	char buf[512];
	size_t i;

	if (json != NULL)
		return json;
	/* Not UTF-8 (or no memory: then the next attempt fails as well). */
	for (i = 0; i < sizeof(buf) - 1 && s[i] != '\0'; i++)
		buf[i] = (signed char)s[i] < 0 ? '?' : s[i];
	buf[i] = '\0';
	return json_string(buf);
}

void
ctl_put_str(struct ctl_obj *o, const char *key, const char *value)
{
	ctl_put(o, key, ctl_text(value));
}

void
ctl_put_mac(struct ctl_obj *o, const char *key, const uint8_t mac[6])
{
	char buf[18];

	snprintf(buf, sizeof(buf), "%02X:%02X:%02X:%02X:%02X:%02X", mac[0], mac[1], mac[2], mac[3],
		mac[4], mac[5]);
	ctl_put(o, key, json_string(buf));
}

json_t *
ctl_obj_end(struct ctl_obj *o)
{
	if (o->failed) {
		json_decref(o->json);
		o->json = NULL;
	}
	return o->json;
}

json_t *
ctl_bits(uint64_t mask, const char *(*name)(unsigned int bit))
{
	struct ctl_obj o = ctl_obj_begin();
	unsigned int bit;
	const char *text;
	char key[16];

	ctl_put_hex(&o, "value", mask);
	for (bit = 0; bit < 64; bit++) {
		if ((mask >> bit & 1) == 0)
			continue;
		text = name(bit);
		snprintf(key, sizeof(key), BIT_KEY_FORMAT, bit);
		ctl_put_str(&o, key, text != NULL ? text : "UNKNOWN");
	}
	return ctl_obj_end(&o);
}

json_t *
ctl_error(int error, const char *text)
{
	struct ctl_obj o = ctl_obj_begin();

	ctl_put(&o, "errno", json_integer(error));
	ctl_put_str(&o, "errstr", text != NULL ? text : vn_error_text(error));
	return ctl_obj_end(&o);
}

json_t *
ctl_failure(int error, const char *detail)
{
	json_t *e;

	if (detail[0] == '\0')
		return ctl_error(error, NULL);
	if (vn_error_name(error) == NULL)
		return ctl_error(error, detail);
	e = ctl_error(error, NULL);
	if (e != NULL)
		json_object_set_new(e, "detail", ctl_text(detail));
	return e;
}

json_t *
ctl_no_device(unsigned int unmade)
{
	struct ctl_obj o = ctl_obj_begin();
	char text[96];

	ctl_put_str(&o, "Error", "Device doesn't exist");
	if (unmade > 0) {
		snprintf(text, sizeof(text),
			"%u devices are still to be made after the start (virtnet wait)", unmade);
		ctl_put_str(&o, "detail", text);
	}
	return ctl_obj_end(&o);
}
