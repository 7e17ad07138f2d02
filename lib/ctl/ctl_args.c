/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_args.h"

/** Where a message goes, and about which command it speaks. */
struct report {
	const struct ctl_command *cmd;
	char *err;
	size_t errlen;
};

static int __attribute__((format(printf, 3, 4)))
fail(const struct report *r, int error, const char *fmt, ...)
{
	int n = snprintf(r->err, r->errlen, "%s: ", r->cmd->name);
	va_list ap;

	if (n < 0 || (size_t)n >= r->errlen)
		return error;
	va_start(ap, fmt);
	vsnprintf(r->err + n, r->errlen - n, fmt, ap);
	va_end(ap);
	return error;
}

const char *
ctl_safe(char *buf, size_t buflen, const char *text, size_t len)
{
	bool cut = len > buflen - 1;
	size_t i, n = cut ? buflen - 4 : len;

	for (i = 0; i < n; i++)
		buf[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	strcpy(buf + n, cut ? "..." : "");
	return buf;
}

static int
find_param(const struct ctl_command *cmd, const char *name)
{
	unsigned int i;

	for (i = 0; i < cmd->n_params; i++) {
		if (strcmp(cmd->params[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static int
unknown(const struct report *r, const char *name)
{
	char safe[40];

	return fail(r, -EINVAL, "unknown parameter \"%s\", see /help,/virtnet/%s",
		ctl_safe(safe, sizeof(safe), name, strlen(name)), r->cmd->name);
}

/** Decimal or 0x..., all of the text. */
static bool
parse_number(const char *text, uint64_t *num)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	char *end;

	/* strtoull would take blanks and signs too. */
	if (digits[0] == '\0' ||
		strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
		return false;
	errno = 0;
	*num = strtoull(digits, &end, hex ? 16 : 10);
	return errno == 0 && *end == '\0';
}

static const char *
type_name(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}

static int
check_uint(
	const struct report *r, const struct ctl_param *p, const json_t *json, struct ctl_value *v)
{
	json_int_t n = json_integer_value(json);

	if (!json_is_integer(json))
		return fail(
			r, -EINVAL, "\"%s\" must be a number, not %s", p->name, type_name(json));
	if (n < 0 || (uint64_t)n < p->min || (uint64_t)n > p->max)
		return fail(r, -ERANGE, "\"%s\" must be from %" PRIu64 " to %" PRIu64, p->name,
			p->min, p->max);
	v->num = (uint64_t)n;
	return 0;
}

static int
check_hex(
	const struct report *r, const struct ctl_param *p, const json_t *json, struct ctl_value *v)
{
	const char *s = json_string_value(json);

	if (s == NULL || s[0] != '0' || (s[1] != 'x' && s[1] != 'X') || !parse_number(s, &v->num))
		return fail(r, -EINVAL, "\"%s\" must be a hexadecimal number as string, \"0x...\"",
			p->name);
	if (v->num < p->min || v->num > p->max)
		return fail(r, -ERANGE, "\"%s\" must be from 0x%" PRIx64 " to 0x%" PRIx64, p->name,
			p->min, p->max);
	return 0;
}

static int
check_string(
	const struct report *r, const struct ctl_param *p, const json_t *json, struct ctl_value *v)
{
	unsigned int i;

	if (!json_is_string(json))
		return fail(
			r, -EINVAL, "\"%s\" must be a string, not %s", p->name, type_name(json));
	v->str = json_string_value(json);
	v->len = json_string_length(json);
	if (p->type == CTL_STRING) {
		if (v->len > p->max)
			return fail(r, -ERANGE, "\"%s\" must have at most %" PRIu64 " bytes",
				p->name, p->max);
		return 0;
	}
	for (i = 0; p->choices[i] != NULL; i++) {
		if (strcmp(v->str, p->choices[i]) == 0)
			return 0;
	}
	return fail(r, -EINVAL, "\"%s\" must be one of %s", p->name, p->choices_text);
}

/** Check one value and note it. */
static int
take(const struct report *r, struct ctl_args *args, unsigned int i, const json_t *json)
{
	const struct ctl_param *p = &r->cmd->params[i];
	struct ctl_value *v = &args->value[i];
	int rc = 0;

	switch (p->type) {
	case CTL_UINT:
		rc = check_uint(r, p, json, v);
		break;
	case CTL_HEX:
		rc = check_hex(r, p, json, v);
		break;
	case CTL_FLAG:
		if (!json_is_boolean(json))
			return fail(r, -EINVAL, "\"%s\" must be true or false, not %s", p->name,
				type_name(json));
		v->num = 1;
		if (json_is_false(json))
			return 0;
		break;
	case CTL_STRING:
	case CTL_CHOICE:
		rc = check_string(r, p, json, v);
		break;
	}
	if (rc == 0)
		args->given |= UINT32_C(1) << i;
	return rc;
}

/** The JSON value that "key=value" of the short form stands for, by the type in the table. */
static json_t *
short_value(const struct report *r, const struct ctl_param *p, const char *value)
{
	uint64_t num;
	json_t *json;

	if (value == NULL) {
		if (p->type == CTL_FLAG)
			return json_true();
		fail(r, 0, "\"%s\" needs a value: %s=...", p->name, p->name);
		return NULL;
	}
	switch (p->type) {
	case CTL_UINT:
		if (parse_number(value, &num) && num <= INT64_MAX)
			return json_integer((json_int_t)num);
		fail(r, 0, "\"%s\" must be a number from %" PRIu64 " to %" PRIu64, p->name, p->min,
			p->max);
		return NULL;
	case CTL_FLAG:
		if (strcmp(value, "1") == 0 || strcmp(value, "true") == 0)
			return json_true();
		if (strcmp(value, "0") == 0 || strcmp(value, "false") == 0)
			return json_false();
		fail(r, 0, "\"%s\" must be 1 or 0", p->name);
		return NULL;
	default:
		break;
	}
	json = json_string(value);
	if (json == NULL)
		fail(r, 0, "\"%s\" is not UTF-8 text", p->name);
	return json;
}

/** key=value,key=value to a JSON object. Changes @p text. */
static int
parse_short(const struct report *r, char *text, json_t *root)
{
	char *token, *value, *save = NULL;
	json_t *json;
	int i;

	for (token = strtok_r(text, ",", &save); token != NULL;
		token = strtok_r(NULL, ",", &save)) {
		value = strchr(token, '=');
		if (value != NULL)
			*value++ = '\0';
		i = find_param(r->cmd, token);
		if (i < 0)
			return unknown(r, token);
		if (json_object_get(root, token) != NULL)
			return fail(r, -EINVAL, "\"%s\" is given twice", r->cmd->params[i].name);
		json = short_value(r, &r->cmd->params[i], value);
		if (json == NULL)
			return -EINVAL;
		if (json_object_set_new(root, token, json) != 0)
			return fail(r, -ENOMEM, "out of memory");
	}
	return 0;
}

static int
load(const struct report *r, const char *text, size_t len, json_t **root)
{
	json_error_t jerr;
	char safe[120];
	char *copy;
	int rc;

	while (len > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	if (len > 0 && *text == '{') {
		*root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &jerr);
		if (*root == NULL)
			return fail(r, -EINVAL, "the parameters are not JSON: %s (byte %d)",
				ctl_safe(safe, sizeof(safe), jerr.text, strlen(jerr.text)),
				jerr.position);
		return 0;
	}
	if (memchr(text, '\0', len) != NULL)
		return fail(r, -EINVAL, "a zero byte in the parameters");
	*root = json_object();
	copy = strndup(text, len);
	if (*root == NULL || copy == NULL)
		rc = fail(r, -ENOMEM, "out of memory");
	else
		rc = parse_short(r, copy, *root);
	free(copy);
	return rc;
}

/** What the table says about parameters together. */
static int
check_together(const struct report *r, const struct ctl_args *args)
{
	const struct ctl_command *cmd = r->cmd;
	unsigned int i, n;

	for (i = 0; i < cmd->n_groups; i++) {
		n = __builtin_popcount(args->given & cmd->groups[i].params);
		if (n > 1)
			return fail(
				r, -EINVAL, "these exclude one another: %s", cmd->groups[i].text);
		if (n == 0 && cmd->groups[i].required)
			return fail(
				r, -EINVAL, "one of these is required: %s", cmd->groups[i].text);
	}
	for (i = 0; i < cmd->n_params; i++) {
		const struct ctl_param *p = &cmd->params[i];
		bool given = (args->given & UINT32_C(1) << i) != 0;

		if (!given && p->required)
			return fail(r, -EINVAL, "\"%s\" is required", p->name);
		if (given && p->needs != 0 && (args->given & p->needs) == 0)
			return fail(r, -EINVAL, "\"%s\" needs \"%s\" as well", p->name,
				cmd->params[__builtin_ctz(p->needs)].name);
	}
	return 0;
}

int
ctl_args_parse(const struct ctl_command *cmd, const char *text, size_t len, struct ctl_args *args,
	char *err, size_t errlen)
{
	const struct report r = {.cmd = cmd, .err = err, .errlen = errlen};
	const char *name;
	json_t *json;
	int rc, i;

	memset(args, 0, sizeof(*args));
	args->cmd = cmd;
	rc = load(&r, text, len, &args->root);
	if (rc != 0)
		goto fail;
	json_object_foreach (args->root, name, json) {
		i = find_param(cmd, name);
		rc = i < 0 ? unknown(&r, name) : take(&r, args, i, json);
		if (rc != 0)
			goto fail;
	}
	rc = check_together(&r, args);
	if (rc != 0)
		goto fail;
	return 0;
fail:
	ctl_args_free(args);
	return rc;
}

void
ctl_args_free(struct ctl_args *args)
{
	json_decref(args->root);
	args->root = NULL;
}

const struct ctl_value *
ctl_args_get(const struct ctl_args *args, const char *name)
{
	int i = find_param(args->cmd, name);

	return i >= 0 && (args->given & UINT32_C(1) << i) != 0 ? &args->value[i] : NULL;
}
