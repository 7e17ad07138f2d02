/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_CONF_DOC_H
#define VN_CONF_DOC_H

/**
 * @file
 * Private to lib/conf: what virtnet.conf and the capacity file have in common. A JSON object of at
 * most two levels is read strictly, and each finding is noted with its path and line.
 *
 * jansson keeps no line numbers, so the text is walked once more to find the line of each key.
 * What a file says is quoted in messages only as printable ASCII.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "vn_conf.h"

/** Largest file that is read. */
#define VN_CONF_MAX_FILE (1u << 20)

/** A parsed text. */
struct vn_conf_doc {
	json_t *root;                  /**< always an object */
	json_t *lines;                 /**< see vn_conf_lines_index() */
	struct vn_conf_errors *errors; /**< the caller's */
};

/** A place in a document: member @p key of the object @p parent (NULL: of the root). */
struct vn_conf_at {
	const struct vn_conf_doc *doc;
	const char *parent;
	const char *key;
	const char *line_of; /**< key of the root whose line is told; NULL: that of the place */
};

/* vn_conf_error.c */

/** Note an error. @p path may hold anything; it is made printable. Beyond the table: only counted.
 */
__attribute__((format(printf, 4, 5))) void vn_conf_error_add(
	struct vn_conf_errors *errors, int line, const char *path, const char *fmt, ...);

/** Note an error at a place. Its line is that of the key, or of the parent where there is no key.
 */
__attribute__((format(printf, 2, 3))) void vn_conf_error_at(
	const struct vn_conf_at *at, const char *fmt, ...);

/** An error was noted for this place. */
bool vn_conf_has_error(const struct vn_conf_at *at);

/** Put the errors in the order of their lines. */
void vn_conf_errors_sort(struct vn_conf_errors *errors);

/** Printable ASCII copy of @p text; "..." at the end where it was cut. @return @p buf. */
const char *vn_conf_safe(const char *text, char *buf, size_t len);

/* vn_conf_lines.c */

/**
 * Find the line of each key of the root object and of the objects directly in it; note an error
 * for each key that is there twice. @p text must be valid JSON.
 * @return an object "path" -> line, or NULL when out of memory.
 */
json_t *vn_conf_lines_index(const char *text, size_t len, struct vn_conf_errors *errors);

/** The line of a key, 0 when it is not there. */
int vn_conf_lines_get(const json_t *lines, const char *parent, const char *key);

/** Number of the line that holds byte @p offset. */
int vn_conf_line_of(const char *text, size_t offset);

/* vn_conf_doc.c */

/** Parse @p text. @return 0, or -EINVAL with an error noted. Free with vn_conf_doc_fini() if 0. */
int vn_conf_doc_init(
	struct vn_conf_doc *doc, const char *text, size_t len, struct vn_conf_errors *errors);
void vn_conf_doc_fini(struct vn_conf_doc *doc);

/* vn_conf_file.c */

/**
 * Read a whole regular file of at most VN_CONF_MAX_FILE bytes. @p text is NUL-terminated and the
 * caller's to free. @return 0 or negative errno with one error noted.
 */
int vn_conf_file_read(const char *file, char **text, size_t *len, struct vn_conf_errors *errors);

/* vn_conf_hint.c */

/** The name among @p n @p names that @p name was probably meant to be, or NULL. */
const char *vn_conf_closest(const char *name, const char *const names[], size_t n);

/* vn_conf_rules.c */

/** Note contradictions between parameters, among those that have no error of their own. */
void vn_conf_check_rules(const struct vn_conf_doc *doc, struct vn_conf *conf);

/* vn_conf_switch.c */

/** The array "uplinks" at @p at. */
void vn_conf_read_uplinks(const struct vn_conf_at *at, const json_t *v, struct vn_conf_switch *sw);
/** The array "devices" at @p at. */
void vn_conf_read_switch_devices(
	const struct vn_conf_at *at, const json_t *v, struct vn_conf_switch *sw);

/* vn_conf_hosts.c */

/** The array "hosts" at @p at. */
void vn_conf_read_hosts(const struct vn_conf_at *at, const json_t *v, struct vn_conf *conf);

/* vn_conf_value.c: each notes an error and returns false if the value is not as it must be. */

/** "a string", "a number", ... */
const char *vn_conf_type(const json_t *v);

/** Is it an array of objects (those are the caller's to check), at most @p max of @p what? If not,
 * that is told. */
bool vn_conf_is_list(
	const struct vn_conf_at *at, const json_t *v, const char *what, unsigned int max);
/** The number 0 or 1. */
bool vn_conf_get_flag(const struct vn_conf_at *at, const json_t *v, bool *out);
/** true, false, 0 or 1. */
bool vn_conf_get_bool(const struct vn_conf_at *at, const json_t *v, bool *out);
/** A whole number of @p min to @p max. */
bool vn_conf_get_num(
	const struct vn_conf_at *at, const json_t *v, uint32_t min, uint32_t max, uint32_t *out);
/** A string that is not empty, not longer than fits, without control characters. */
bool vn_conf_get_string(const struct vn_conf_at *at, const json_t *v, char *buf, size_t len);
/** A device name: letters, digits, "_.:@-". */
bool vn_conf_get_name(const struct vn_conf_at *at, const json_t *v, char *buf, size_t len);
/** "xx:xx:xx:xx:xx:xx". */
bool vn_conf_get_mac(const struct vn_conf_at *at, const json_t *v, uint8_t mac[6]);
/** "0x..." with 1 to 16 hex digits. */
bool vn_conf_get_mask(const struct vn_conf_at *at, const json_t *v, uint64_t *out);

#endif /* VN_CONF_DOC_H */
