/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The list of what is wrong, and how it is printed. */

#include <stdio.h>
#include <string.h>

#include "vn_conf_doc.h"

/* A byte that may be printed on a terminal and put into a JSON string as it is. */
static bool
is_safe(char c)
{
	return c >= 0x20 && c < 0x7f;
}

const char *
vn_conf_safe(const char *text, char *buf, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len && text[i] != '\0'; i++)
		buf[i] = is_safe(text[i]) ? text[i] : '?';
	buf[i] = '\0';
	if (text[i] != '\0' && len > 4)
		memcpy(buf + len - 4, "...", 4);
	return buf;
}

static void
add_va(struct vn_conf_errors *errors, int line, const char *path, const char *fmt, va_list ap)
{
	char text[512];
	struct vn_conf_error *e;

	if (errors->n < VN_CONF_MAX_ERRORS) {
		e = &errors->e[errors->n];
		e->line = line;
		vn_conf_safe(path, e->path, sizeof(e->path));
		vsnprintf(text, sizeof(text), fmt, ap);
		vn_conf_safe(text, e->text, sizeof(e->text));
	}
	errors->n++;
}

void
vn_conf_error_add(struct vn_conf_errors *errors, int line, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_va(errors, line, path, fmt, ap);
	va_end(ap);
}

/* "parent.key"; a key too long for an error's path is cut there as well. */
static void
path_of(const struct vn_conf_at *at, char *buf, size_t len)
{
	snprintf(buf, len, "%s%s%s", at->parent != NULL ? at->parent : "",
		at->parent != NULL ? "." : "", at->key);
}

void
vn_conf_error_at(const struct vn_conf_at *at, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	int line;

	line = at->line_of != NULL ? vn_conf_lines_get(at->doc->lines, NULL, at->line_of)
				   : vn_conf_lines_get(at->doc->lines, at->parent, at->key);
	if (line == 0 && at->parent != NULL)
		line = vn_conf_lines_get(at->doc->lines, NULL, at->parent);
	path_of(at, path, sizeof(path));
	va_start(ap, fmt);
	add_va(at->doc->errors, line, path, fmt, ap);
	va_end(ap);
}

bool
vn_conf_has_error(const struct vn_conf_at *at)
{
	const struct vn_conf_errors *errors = at->doc->errors;
	char path[256];
	unsigned int i;

	path_of(at, path, sizeof(path));
	for (i = 0; i < errors->n && i < VN_CONF_MAX_ERRORS; i++) {
		if (strcmp(errors->e[i].path, path) == 0)
			return true;
	}
	return false;
}

void
vn_conf_errors_sort(struct vn_conf_errors *errors)
{
	unsigned int n = errors->n < VN_CONF_MAX_ERRORS ? errors->n : VN_CONF_MAX_ERRORS;
	struct vn_conf_error e;
	unsigned int i, j;

	for (i = 1; i < n; i++) {
		e = errors->e[i];
		for (j = i; j > 0 && errors->e[j - 1].line > e.line; j--)
			errors->e[j] = errors->e[j - 1];
		errors->e[j] = e;
	}
}

int
vn_conf_error_format(const struct vn_conf_error *e, const char *file, char *buf, size_t len)
{
	char line[16] = "";
	size_t i;
	int n;

	if (file == NULL)
		file = "";
	if (e->line > 0)
		snprintf(line, sizeof(line), "%s%d", file[0] != '\0' ? ":" : "line ", e->line);
	n = snprintf(buf, len, "%s%s%s%s%s%s", file, line,
		file[0] != '\0' || line[0] != '\0' ? ": " : "", e->path,
		e->path[0] != '\0' ? ": " : "", e->text);
	/* One line, whatever the file is called. */
	for (i = 0; i < len && buf[i] != '\0'; i++) {
		if ((buf[i] >= 0 && buf[i] < 0x20) || buf[i] == 0x7f)
			buf[i] = '?';
	}
	return n;
}
