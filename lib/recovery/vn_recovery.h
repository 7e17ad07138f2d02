/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_RECOVERY_H
#define VN_RECOVERY_H

/**
 * @file
 * Recovery files (contract 8.1): what of a device outlives the process. One JSON file per device,
 * DIR/VUID, first the keys of the contract, then ours. Any thread, but one at a time for a
 * directory.
 *
 * What is read may be anything: a file that cannot be used is moved aside, with one line in the
 * log. What is written is written in groups: all files of a group are on disk before the first of
 * them gets its name, and a group that fails changes nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vn_device.h"
#include "vn_model.h"

/** Of the files. A later one that adds keys keeps the number. */
#define VN_RECOVERY_VERSION 1

/** A boot id and its NUL; "" when there is none to be had. */
#define VN_BOOT_ID_LEN 37
#define VN_BOOT_ID     "/proc/sys/kernel/random/boot_id"

/** Names of VMs, root ports and transports, NUL included. */
#define VN_RECOVERY_NAME_LEN 64

/** What a file holds. */
struct vn_recovery_record {
	/** Without lcores and rep_name: they follow from elsewhere. */
	struct vn_device_conf conf;
	bool ours;         /**< false: a file of the reference product, some keys only */
	uint64_t given;    /**< settings that the file has, by their place in the table */
	uint64_t modified; /**< those of them that differ from what the configuration gave */
	uint16_t mq;       /**< virtqueues in use */
	char boot_id[VN_BOOT_ID_LEN];
	/* Hotplug PFs. */
	char transport[VN_RECOVERY_NAME_LEN];
	char port_kind[VN_RECOVERY_NAME_LEN];
	bool transitional, doorbell_page;
	/* Where it was plugged in last; for people. */
	char vm[VN_RECOVERY_NAME_LEN], root_port[VN_RECOVERY_NAME_LEN];
	/* PFs with VFs. */
	uint16_t num_vfs;
	bool vfs_by_client;
	uint32_t msix_pool, qp_pool;

	bool has_driver; /**< the driver has set something */
	struct vn_model_driver driver;
};

/* Records. */

/**
 * @param base
 *   What the configuration gives for this device; NULL: nothing, all of it counts (hotplug PFs).
 *   The record's own @c given, @c modified, @c ours and @c version are not looked at.
 * @return malloc'd text that ends with a newline, or NULL (no memory).
 */
char *vn_recovery_format(const struct vn_recovery_record *rec, const struct vn_device_conf *base);
/**
 * @param name
 *   The file's name, a VUID: what the file says must fit it.
 * @return 0; -EINVAL with one line in @p err (not ours, impossible values, another version).
 */
int vn_recovery_parse(const char *name, const char *text, size_t len,
	struct vn_recovery_record *rec, char *err, size_t errlen);
/**
 * Take what counts into @p dc: for static PFs and VFs what had been modified, else all that the
 * file has. Identity is left alone, but for a hotplug PF's pf_id, sf_num and ib_dev.
 * @return 0, or -EINVAL: sizes that do not fit each other (@p dc is unchanged).
 */
int vn_recovery_apply(const struct vn_recovery_record *rec, struct vn_device_conf *dc);

/** A VUID taken apart. */
struct vn_recovery_name {
	char serial[VN_VUID_LEN];
	unsigned int slot;     /**< 0: static */
	unsigned int function; /**< static PFs and their VFs */
	int vf;                /**< from 0; -1: a PF */
};

/** @return false: not the name of a recovery file. */
bool vn_recovery_name(const char *name, struct vn_recovery_name *out);

/* Directories. */

struct vn_recovery_list {
	unsigned int n;
	struct vn_recovery_record **rec; /**< ordered by name; each is malloc'd */
	unsigned int bad;                /**< files that were moved aside */
	unsigned int others;             /**< files of another board serial, left alone */
};

/**
 * Read all of @p dir. A directory that is not there has no files.
 *
 * @param serial
 *   Board serial: files of others are left alone.
 * @return 0; negative errno (unreadable directory) with one line in @p err.
 */
int vn_recovery_read(const char *dir, const char *serial, struct vn_recovery_list *list, char *err,
	size_t errlen);
void vn_recovery_list_free(struct vn_recovery_list *list);

/** Move DIR/NAME aside, to NAME.bad-N, and say @p why in the log. */
void vn_recovery_aside(const char *dir, const char *name, const char *why);

/**
 * Delete all recovery files of @p dir: changed capacity settings have come into force (contract
 * 8.1). What was moved aside stays. A directory that is not there is fine.
 * @return number of files; -EBUSY: a service uses the directory; negative errno.
 */
int vn_recovery_clear(const char *dir);

/** The boot id, from @p file (NULL: VN_BOOT_ID). @return 0 or negative errno (@p id is ""). */
int vn_recovery_boot_id(const char *file, char id[VN_BOOT_ID_LEN]);

/* Writing. */

/** An open directory: locked, so that no second service writes it. */
struct vn_recovery_dir {
	int fd;             /**< -1: not open */
	bool create_failed; /**< the last group failed because a file could not be made */
};

/**
 * Take the lock of @p path. Zero @p dir, with fd -1, before the first call.
 * @param needed
 *   False: it need not be there, the first group makes it.
 * @return 0; -EBUSY: another service uses it; negative errno.
 */
int vn_recovery_lock(struct vn_recovery_dir *dir, const char *path, bool needed);

/**
 * Make the directory if need be, mode 0700, and take its lock. @return 0; -ESTALE: it is another
 * one than before; -EBUSY: another service uses it; negative errno.
 */
int vn_recovery_make_dir(struct vn_recovery_dir *dir, const char *path);

/** One change of a group. */
struct vn_recovery_change {
	char name[VN_VUID_LEN];
	char *text; /**< what the file is to hold, malloc'd; NULL: it is to go */
	bool last;  /**< after the others: a PF's record says how many VFs' count */
};

/**
 * Write a group (helper thread). The directory is made if need be, mode 0700. Removals come last.
 *
 * @param dir
 *   If the directory is not the one of the last call (it was removed, something was mounted over
 *   it) nothing is written, and -ESTALE says: call again with the files of all devices.
 * @param err
 *   One line on failure.
 * @return 0: all of it is on disk. Negative errno: nothing has changed; -ESTALE see above; -EBUSY
 *   another service uses the directory.
 */
int vn_recovery_write(struct vn_recovery_dir *dir, const char *path,
	struct vn_recovery_change *change, unsigned int n, char *err, size_t errlen);
void vn_recovery_close(struct vn_recovery_dir *dir);

#endif /* VN_RECOVERY_H */
