/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Where each key of a JSON text stands. jansson does not tell, and it keeps only one of two equal
 * keys, so the text, known to be valid JSON, is walked once more.
 */

#include <stdlib.h>
#include <string.h>

#include "vn_conf_doc.h"

/* Joins parent and key: never part of UTF-8, so never part of a key. */
#define JOIN '\xff'

int
vn_conf_line_of(const char *text, size_t offset)
{
	int line = 1;
	size_t i;

	for (i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static char *
join(const char *parent, const char *key)
{
	size_t plen = parent != NULL ? strlen(parent) + 1 : 0;
	char *path;

	path = malloc(plen + strlen(key) + 1);
	if (path == NULL)
		return NULL;
	if (parent != NULL) {
		memcpy(path, parent, plen - 1);
		path[plen - 1] = JOIN;
	}
	strcpy(path + plen, key);
	return path;
}

int
vn_conf_lines_get(const json_t *lines, const char *parent, const char *key)
{
	char *path = join(parent, key);
	int line;

	if (path == NULL)
		return 0;
	line = (int)json_integer_value(json_object_get(lines, path));
	free(path);
	return line;
}

/* The key in text[0 .. len - 1], quotes included. jansson knows best what the escapes mean. */
static char *
decode(const char *text, size_t len)
{
	json_t *s;
	char *key;

	if (memchr(text, '\\', len) == NULL)
		return strndup(text + 1, len - 2);
	s = json_loadb(text, len, JSON_DECODE_ANY, NULL);
	key = s != NULL ? strdup(json_string_value(s)) : NULL;
	json_decref(s);
	return key;
}

static int
note(json_t *lines, const char *parent, const char *key, int line, struct vn_conf_errors *errors)
{
	char *path = join(parent, key);
	const json_t *first;
	char *dot;
	int ret = -1;

	if (path == NULL)
		return -1;
	first = json_object_get(lines, path);
	if (first != NULL) {
		dot = strchr(path, JOIN);
		if (dot != NULL)
			*dot = '.';
		vn_conf_error_add(errors, line, path,
			"is given twice (first on line %d): keep one of the two",
			(int)json_integer_value(first));
		ret = 0;
	} else {
		/* No check: the joined path is not UTF-8, on purpose. */
		ret = json_object_set_new_nocheck(lines, path, json_integer(line));
	}
	free(path);
	return ret;
}

/* Offset of the byte after the string that begins at text[i]. */
static size_t
skip_string(const char *text, size_t len, size_t i)
{
	for (i++; i < len && text[i] != '"'; i++) {
		if (text[i] == '\\')
			i++;
	}
	return i < len ? i + 1 : len;
}

/* In valid JSON, a string that a colon follows is a key. */
static bool
colon_follows(const char *text, size_t len, size_t i)
{
	while (i < len && strchr(" \t\r\n", text[i]) != NULL)
		i++;
	return i < len && text[i] == ':';
}

/* The walk: where it is, and what it has found. */
struct walk {
	char kind[2];       /* '{' or '[' of the two outer levels */
	unsigned int depth; /* objects and arrays that are open */
	char *parent;       /* last key of the root object */
	json_t *lines;
	struct vn_conf_errors *errors;
};

/* A key of an object that we index: text[0 .. len - 1], quotes included. */
static int
take_key(struct walk *w, const char *text, size_t len, int line)
{
	char *key = decode(text, len);

	if (key == NULL ||
		note(w->lines, w->depth == 2 ? w->parent : NULL, key, line, w->errors) < 0) {
		free(key);
		return -1;
	}
	if (w->depth == 1) {
		free(w->parent);
		w->parent = key;
	} else {
		free(key);
	}
	return 0;
}

static bool
in_object(const struct walk *w)
{
	return w->depth >= 1 && w->depth <= 2 && w->kind[0] == '{' && w->kind[w->depth - 1] == '{';
}

json_t *
vn_conf_lines_index(const char *text, size_t len, struct vn_conf_errors *errors)
{
	struct walk w = {.lines = json_object(), .errors = errors};
	size_t i, end;
	int line = 1;

	for (i = 0; w.lines != NULL && i < len; i++) {
		if (text[i] == '\n') {
			line++;
		} else if (text[i] == '{' || text[i] == '[') {
			if (w.depth < 2)
				w.kind[w.depth] = text[i];
			w.depth++;
		} else if (text[i] == '}' || text[i] == ']') {
			w.depth--;
		} else if (text[i] == '"') {
			end = skip_string(text, len, i);
			if (in_object(&w) && colon_follows(text, len, end) &&
				take_key(&w, text + i, end - i, line) < 0) {
				json_decref(w.lines);
				w.lines = NULL;
			}
			i = end - 1;
		}
	}
	free(w.parent);
	return w.lines;
}
