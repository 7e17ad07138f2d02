/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* From text to a JSON object, and plain words for what is not JSON. */

#include <errno.h>
#include <string.h>

#include "vn_conf_doc.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What jansson would describe badly or not at all. */
static bool
check_bytes(const char *text, size_t len, struct vn_conf_errors *errors)
{
	const char *nul = memchr(text, '\0', len);
	size_t i = 0;

	if (nul != NULL) {
		vn_conf_error_add(errors, vn_conf_line_of(text, (size_t)(nul - text)), "",
			"this is not a JSON text: it holds a NUL byte");
		return false;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		vn_conf_error_add(errors, 1, "",
			"begins with a byte order mark (BOM): save it as UTF-8 without one");
		return false;
	}
	while (i < len && is_space(text[i]))
		i++;
	if (i == len) {
		vn_conf_error_add(errors, 0, "", "is empty: write {} to have all defaults");
		return false;
	}
	return true;
}

/*
 * A closing bracket was refused (it is the last byte that jansson took) and the thing before it is
 * a comma: the offset of that comma, else len.
 */
static size_t
trailing_comma(const char *text, size_t len, size_t taken)
{
	size_t i = taken;

	if (i == 0 || (text[i - 1] != '}' && text[i - 1] != ']'))
		return len;
	for (i--; i > 0 && is_space(text[i - 1]); i--)
		;
	return i > 0 && text[i - 1] == ',' ? i - 1 : len;
}

/* Text of jansson without its offer of a flag of its programming interface. */
static const char *
plain(const json_error_t *e)
{
	if (json_error_code(e) == json_error_null_character)
		return "a string holds \\u0000";
	return e->text;
}

static void
explain(const char *text, size_t len, const json_error_t *e, struct vn_conf_errors *errors)
{
	size_t taken = e->position > 0 && (size_t)e->position <= len ? (size_t)e->position : 0;
	size_t comma = trailing_comma(text, len, taken);
	int line = e->line > 0 ? e->line : 0;
	const char *near = strstr(e->text, " near ");

	if (comma < len) {
		vn_conf_error_add(errors, vn_conf_line_of(text, comma), "",
			"trailing comma before '%c': remove the comma", text[taken - 1]);
		return;
	}
	near = near != NULL ? near + strlen(" near ") : "";
	switch (json_error_code(e)) {
	case json_error_premature_end_of_input:
		vn_conf_error_add(
			errors, line, "", "ends too early: a closing '}', ']' or '\"' is missing");
		break;
	case json_error_stack_overflow:
		vn_conf_error_add(errors, line, "", "is nested too deeply");
		break;
	case json_error_numeric_overflow:
		vn_conf_error_add(errors, line, "", "a number is too big%s%s",
			near[0] != '\0' ? ": " : "", near);
		break;
	case json_error_out_of_memory:
		vn_conf_error_add(errors, 0, "", "out of memory");
		break;
	default:
		if (strncmp(near, "'#", 2) == 0 || strncmp(near, "'/", 2) == 0)
			vn_conf_error_add(errors, line, "",
				"not valid JSON near %s: JSON has no comments, remove it", near);
		else if (strncmp(near, "'''", 3) == 0)
			vn_conf_error_add(errors, line, "",
				"not valid JSON: strings have double quotes, not single ones");
		else if (strncmp(e->text, "'}' expected near '\"", 20) == 0)
			vn_conf_error_add(errors, line, "",
				"not valid JSON: a comma is missing before %s", near);
		else
			vn_conf_error_add(errors, line, "", "not valid JSON: %s", plain(e));
	}
}

int
vn_conf_doc_init(
	struct vn_conf_doc *doc, const char *text, size_t len, struct vn_conf_errors *errors)
{
	unsigned int before = errors->n;
	json_error_t dup, e;
	bool twice = false;

	memset(doc, 0, sizeof(*doc));
	doc->errors = errors;
	if (!check_bytes(text, len, errors))
		return -EINVAL;

	doc->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (doc->root == NULL && json_error_code(&e) == json_error_duplicate_key) {
		/* Go on without, to find all other errors as well. */
		twice = true;
		dup = e;
		doc->root = json_loadb(text, len, 0, &e);
	}
	if (doc->root == NULL) {
		explain(text, len, &e, errors);
		return -EINVAL;
	}
	if (!json_is_object(doc->root)) {
		vn_conf_error_add(errors, 1, "", "must be a JSON object {...}, is %s",
			vn_conf_type(doc->root));
		goto fail;
	}
	doc->lines = vn_conf_lines_index(text, len, errors);
	if (doc->lines == NULL) {
		vn_conf_error_add(errors, 0, "", "out of memory");
		goto fail;
	}
	/* Keys below the two levels that we index. */
	if (twice && errors->n == before)
		vn_conf_error_add(errors, dup.line, "", "not valid JSON: %s", dup.text);
	return 0;

fail:
	vn_conf_doc_fini(doc);
	return -EINVAL;
}

void
vn_conf_doc_fini(struct vn_conf_doc *doc)
{
	json_decref(doc->root);
	json_decref(doc->lines);
	doc->root = NULL;
	doc->lines = NULL;
}
