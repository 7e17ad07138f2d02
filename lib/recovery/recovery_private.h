/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef RECOVERY_PRIVATE_H
#define RECOVERY_PRIVATE_H

/** @file What the files of lib/recovery share. */

#include <stdarg.h>

#include <jansson.h>

#include "vn_recovery.h"

/** Largest file that is read. A full one of ours has some 40 KB. */
#define RECOVERY_MAX_FILE (128 * 1024)
/** Files with one name that are kept aside. */
#define RECOVERY_MAX_BAD 8
/** What a file is called until it is complete: "." VUID RECOVERY_TMP */
#define RECOVERY_TMP ".tmp"
/** What was there before, while a group may still have to be undone. */
#define RECOVERY_OLD      ".old"
#define RECOVERY_PATH_LEN (VN_VUID_LEN + 8)

enum setting_kind {
	SETTING_BOOL,
	SETTING_NUM,
	SETTING_HEX, /**< a string "0x..." */
	SETTING_MAC,
};

/** A setting of struct vn_device_conf. */
struct setting {
	const char *name;
	enum setting_kind kind;
	size_t offset, size;
	uint64_t min, max;
};

/** recovery_json.c */
extern const struct setting recovery_setting[];
extern const unsigned int recovery_n_settings;

uint64_t setting_get(const struct setting *s, const struct vn_device_conf *conf);
void setting_set(const struct setting *s, struct vn_device_conf *conf, uint64_t value);
bool setting_equal(
	const struct setting *s, const struct vn_device_conf *a, const struct vn_device_conf *b);

/** recovery_parse.c: "aa:bb:cc:dd:ee:ff", either case. */
bool recovery_mac(const json_t *v, uint8_t mac[VN_MAC_LEN]);
void recovery_mac_text(const uint8_t mac[VN_MAC_LEN], char text[18]);

/** recovery_driver.c. @return a new object, or NULL. */
json_t *recovery_driver_format(const struct vn_model_driver *d);
/** @return false: not such an object, or impossible. */
bool recovery_driver_parse(const json_t *o, struct vn_model_driver *d);

/** recovery_dir.c */
/** Take the lock. @return fd of the directory, or negative errno. */
int recovery_open_locked(const char *path);

#endif /* RECOVERY_PRIVATE_H */
