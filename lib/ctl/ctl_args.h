/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

/** @file The parameters of one request, checked against the command table. */

#include <stddef.h>

#include "ctl_table.h"

struct ctl_value {
	uint64_t num;    /**< CTL_UINT, CTL_HEX; CTL_FLAG: 1 */
	const char *str; /**< CTL_STRING, CTL_CHOICE: NUL-terminated, without NULs inside */
	size_t len;
};

struct ctl_args {
	const struct ctl_command *cmd;
	uint32_t given; /**< bit set of parameters; a flag that is false is not given */
	struct ctl_value value[CTL_MAX_PARAMS];
	json_t *root; /**< holds the strings */
};

/**
 * Parse what follows the comma of a request: a JSON object, or key=value,key=value.
 *
 * @param text
 *   @p len bytes from outside.
 * @param err
 *   Gets one line on failure.
 * @return
 *   0 (then end with ctl_args_free()); -EINVAL; -ERANGE (number or length out of range); -ENOMEM.
 */
int ctl_args_parse(const struct ctl_command *cmd, const char *text, size_t len,
	struct ctl_args *args, char *err, size_t errlen);
void ctl_args_free(struct ctl_args *args);

/** The value of a parameter, or NULL when it was not given. */
const struct ctl_value *ctl_args_get(const struct ctl_args *args, const char *name);

/** True if the parameter was given (a flag: as true). */
static inline bool
ctl_args_has(const struct ctl_args *args, const char *name)
{
	return ctl_args_get(args, name) != NULL;
}

/**
 * Text from outside for a message: printable ASCII, anything else as '?', cut with "..." when it
 * does not fit. @return @p buf.
 */
const char *ctl_safe(char *buf, size_t buflen, const char *text, size_t len);

#endif /* CTL_ARGS_H */
