/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* One reader per kind of value. A refusal says what is there, what must be, and how to write it. */

#include <ctype.h>
#include <string.h>

#include "vn_conf_doc.h"

/* Longest part of a value that a message repeats. */
#define SHOW 40

const char *
vn_conf_type(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	default:
		return "null";
	}
}

bool
vn_conf_is_list(const struct vn_conf_at *at, const json_t *v, const char *what, unsigned int max)
{
	if (!json_is_array(v)) {
		vn_conf_error_at(at, "must be an array of objects [{...}], is %s", vn_conf_type(v));
		return false;
	}
	if (json_array_size(v) > max) {
		vn_conf_error_at(
			at, "has %zu %s, at most %u are possible", json_array_size(v), what, max);
		return false;
	}
	return true;
}

/* Something else than a number where @p want is expected. */
static void
not_a_number(const struct vn_conf_at *at, const json_t *v, const char *want)
{
	char show[SHOW];

	if (json_is_string(v))
		vn_conf_error_at(at, "must be %s, is the string \"%s\": write a number, unquoted",
			want, vn_conf_safe(json_string_value(v), show, sizeof(show)));
	else if (json_is_boolean(v))
		vn_conf_error_at(at, "must be %s, is %s: write %d", want, vn_conf_type(v),
			json_is_true(v) ? 1 : 0);
	else if (json_is_real(v))
		vn_conf_error_at(at, "must be %s, has a fraction or an exponent", want);
	else if (json_is_null(v))
		vn_conf_error_at(at, "must be %s, is null: leave it out to have the default", want);
	else
		vn_conf_error_at(at, "must be %s, is %s", want, vn_conf_type(v));
}

bool
vn_conf_get_flag(const struct vn_conf_at *at, const json_t *v, bool *out)
{
	if (!json_is_integer(v)) {
		not_a_number(at, v, "the number 0 or 1");
		return false;
	}
	if (json_integer_value(v) != 0 && json_integer_value(v) != 1) {
		vn_conf_error_at(
			at, "must be 0 or 1, is %" JSON_INTEGER_FORMAT, json_integer_value(v));
		return false;
	}
	*out = json_integer_value(v) == 1;
	return true;
}

bool
vn_conf_get_bool(const struct vn_conf_at *at, const json_t *v, bool *out)
{
	if (json_is_boolean(v)) {
		*out = json_is_true(v);
		return true;
	}
	return vn_conf_get_flag(at, v, out);
}

bool
vn_conf_get_num(
	const struct vn_conf_at *at, const json_t *v, uint32_t min, uint32_t max, uint32_t *out)
{
	char want[64];

	snprintf(want, sizeof(want), "a whole number from %u to %u", min, max);
	if (json_is_boolean(v)) {
		vn_conf_error_at(at, "must be %s, is %s", want, vn_conf_type(v));
		return false;
	}
	if (!json_is_integer(v)) {
		not_a_number(at, v, want);
		return false;
	}
	if (json_integer_value(v) < (json_int_t)min || json_integer_value(v) > (json_int_t)max) {
		vn_conf_error_at(
			at, "must be %s, is %" JSON_INTEGER_FORMAT, want, json_integer_value(v));
		return false;
	}
	*out = (uint32_t)json_integer_value(v);
	return true;
}

/* The string in v, or NULL with the error noted. */
static const char *
string_of(const struct vn_conf_at *at, const json_t *v)
{
	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_null(v))
		vn_conf_error_at(at, "must be a string, is null: leave it out to have the default");
	else if (json_is_number(v))
		vn_conf_error_at(at, "must be a string, is a number: write it in quotes");
	else
		vn_conf_error_at(at, "must be a string, is %s", vn_conf_type(v));
	return NULL;
}

bool
vn_conf_get_string(const struct vn_conf_at *at, const json_t *v, char *buf, size_t len)
{
	const char *s = string_of(at, v);
	size_t i;

	if (s == NULL)
		return false;
	if (s[0] == '\0') {
		vn_conf_error_at(at, "must not be empty: leave it out to have the default");
		return false;
	}
	if (strlen(s) >= len) {
		vn_conf_error_at(
			at, "is too long: at most %zu characters, has %zu", len - 1, strlen(s));
		return false;
	}
	for (i = 0; s[i] != '\0'; i++) {
		if (iscntrl((unsigned char)s[i])) {
			vn_conf_error_at(at, "must not hold control characters");
			return false;
		}
	}
	strcpy(buf, s);
	return true;
}

bool
vn_conf_get_name(const struct vn_conf_at *at, const json_t *v, char *buf, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.:@-";
	char show[SHOW], name[VN_CONF_NAME_LEN];

	if (len > sizeof(name))
		len = sizeof(name);
	if (!vn_conf_get_string(at, v, name, len))
		return false;
	if (name[strspn(name, allowed)] != '\0') {
		vn_conf_error_at(at,
			"must be a device name (letters, digits, \"_.:@-\"), is \"%s\"",
			vn_conf_safe(name, show, sizeof(show)));
		return false;
	}
	strcpy(buf, name);
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
vn_conf_get_mac(const struct vn_conf_at *at, const json_t *v, uint8_t mac[6])
{
	const char *s = string_of(at, v);
	char show[SHOW];
	uint8_t m[6];
	int i, hi, lo;

	if (s == NULL)
		return false;
	if (strlen(s) != 17)
		goto bad;
	for (i = 0; i < 6; i++) {
		hi = hex_digit(s[3 * i]);
		lo = hex_digit(s[3 * i + 1]);
		if (hi < 0 || lo < 0 || (i < 5 && s[3 * i + 2] != ':'))
			goto bad;
		m[i] = (uint8_t)(hi << 4 | lo);
	}
	memcpy(mac, m, sizeof(m));
	return true;
bad:
	vn_conf_error_at(at, "must be a MAC address such as \"08:11:22:33:44:55\", is \"%s\"",
		vn_conf_safe(s, show, sizeof(show)));
	return false;
}

bool
vn_conf_get_mask(const struct vn_conf_at *at, const json_t *v, uint64_t *out)
{
	uint64_t mask = 0;
	char show[SHOW];
	const char *s;
	size_t i, n;

	if (json_is_number(v)) {
		vn_conf_error_at(at, "must be a hex string such as \"0x230047082b\", is a number: "
				     "write the mask in hex and in quotes");
		return false;
	}
	s = string_of(at, v);
	if (s == NULL)
		return false;
	n = strlen(s);
	if (n < 3 || s[0] != '0' || (s[1] != 'x' && s[1] != 'X') ||
		s[2 + strspn(s + 2, "0123456789abcdefABCDEF")] != '\0') {
		vn_conf_error_at(at, "must be a hex string such as \"0x230047082b\", is \"%s\"",
			vn_conf_safe(s, show, sizeof(show)));
		return false;
	}
	if (n > 18) {
		vn_conf_error_at(at, "is too long: at most 64 bits, that is 16 hex digits");
		return false;
	}
	for (i = 2; i < n; i++)
		mask = mask << 4 | (uint64_t)hex_digit(s[i]);
	*out = mask;
	return true;
}
