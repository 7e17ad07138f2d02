/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_JSON_H
#define CTL_JSON_H

/**
 * @file
 * Helpers to build answers. Keys stay in the order in which they are put. A failure (no memory)
 * is remembered and makes the whole object NULL at its end.
 */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct ctl_obj {
	json_t *json;
	bool failed;
};

struct ctl_obj ctl_obj_begin(void);
/** Add @p value (taken over; NULL is a failure). */
void ctl_put(struct ctl_obj *o, const char *key, json_t *value);
/** Add a JSON number. */
void ctl_put_num(struct ctl_obj *o, const char *key, uint64_t value);
/** Add a string with a decimal number in it: most numbers of the contract are strings. */
void ctl_put_dec(struct ctl_obj *o, const char *key, uint64_t value);
/** Add a string "0x..." in lower case. */
void ctl_put_hex(struct ctl_obj *o, const char *key, uint64_t value);
/** Add a string "0x..." in upper case, as the product prints vhca ids and vectors. */
void ctl_put_hex_upper(struct ctl_obj *o, const char *key, uint64_t value);
/** Add a string; bytes that are not UTF-8 become '?'. */
void ctl_put_str(struct ctl_obj *o, const char *key, const char *value);
/** Add a MAC, upper case. */
void ctl_put_mac(struct ctl_obj *o, const char *key, const uint8_t mac[6]);
/** @return the object, or NULL if anything failed. */
json_t *ctl_obj_end(struct ctl_obj *o);

/**
 * A bit set: the mask as "value", then one key per set bit, the bit number padded with blanks to
 * five places, with its name. A bit for which @p name gives NULL is called "UNKNOWN".
 */
json_t *ctl_bits(uint64_t mask, const char *(*name)(unsigned int bit));

/** A string; bytes that are not UTF-8 become '?'. */
json_t *ctl_text(const char *s);

/** {"errno": error, "errstr": text}; @p text NULL: the text of the error number. */
json_t *ctl_error(int error, const char *text);
/**
 * The answer to a command that failed: the text of the error number; what else is to be said stands
 * in "detail" for errors of the table, whose texts are fixed, and replaces it for Linux ones.
 */
json_t *ctl_failure(int error, const char *detail);
/**
 * {"Error": "Device doesn't exist"}; while devices of before are still to be made (@p unmade),
 * with a "detail" that says so: it may be one of them.
 */
json_t *ctl_no_device(unsigned int unmade);

/** Read a counter that a poller may be writing. */
#define CTL_READ(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)

#endif /* CTL_JSON_H */
