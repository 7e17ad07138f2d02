/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

/**
 * @file
 * The command table as C sees it. gen_commands.py makes ctl_commands_gen.c from commands.json,
 * the only source; the CLI reads the same file.
 */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct vn_ctl;
struct ctl_args;
struct ctl_reply;

enum ctl_type {
	CTL_UINT,   /**< JSON integer from min to max */
	CTL_FLAG,   /**< JSON true or false */
	CTL_STRING, /**< JSON string of at most max bytes */
	CTL_HEX,    /**< JSON string "0x..." of a value from min to max */
	CTL_CHOICE, /**< JSON string, one of choices */
};

struct ctl_param {
	const char *name;
	enum ctl_type type;
	bool required;
	uint64_t min, max;
	const char *const *choices; /**< CTL_CHOICE: NULL-terminated */
	const char *choices_text;   /**< the same as one text, for messages */
	uint32_t needs;             /**< bit set: one of these must be given with this one */
};

/** Parameters that exclude one another. */
struct ctl_group {
	uint32_t params;  /**< bit set */
	bool required;    /**< exactly one must be given, not at most one */
	const char *text; /**< their names, for messages */
};

/** Most parameters of a command: the bit sets above. */
#define CTL_MAX_PARAMS 32

/**
 * Run a command whose arguments have been checked against the table. Control thread.
 * @return the answer (a new reference), or NULL for lack of memory, or after ctl_defer().
 */
typedef json_t *(*ctl_handler)(
	struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);

struct ctl_command {
	const char *name;
	const char *help;  /**< one line */
	const char *usage; /**< parameters of the request, one line */
	ctl_handler handler;
	const struct ctl_param *params;
	unsigned int n_params;
	const struct ctl_group *groups;
	unsigned int n_groups;
};

/** All commands, in the order of help texts. */
extern const struct ctl_command ctl_commands[];
extern const unsigned int ctl_n_commands;

/** One handler per command of the table: a command without one fails to link. */
json_t *ctl_do_hotplug(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_unplug(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_attach(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_detach(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_sriov(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_list(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_query(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_modify_device(
	struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_modify_queue(
	struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_stats(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_wait(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_log(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_version(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_restart(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_update(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_validate(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_health_show(
	struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);
json_t *ctl_do_debug(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply);

#endif /* CTL_TABLE_H */
