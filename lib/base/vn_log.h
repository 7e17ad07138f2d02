/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_LOG_H
#define VN_LOG_H

/**
 * @file
 * Log lines, through DPDK's log (type "virtnet"). Any thread may call.
 *
 * One line looks like "[INFO] file.c:123:function: text", as operators of the reference product
 * know it. Control characters that came from outside are the caller's to keep out
 * (vn_log_safe()).
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_log.h>

extern int vn_logtype;

#define VN_LOG_LINE(level, tag, fmt, ...)                                     \
	rte_log(RTE_LOG_##level, vn_logtype, "[" tag "] %s:%d:%s: " fmt "\n", \
		vn_log_basename(__FILE__), __LINE__, __func__, ##__VA_ARGS__)

/** Something failed and an operator should look. */
#define VN_ERR(fmt, ...) VN_LOG_LINE(ERR, "ERR", fmt, ##__VA_ARGS__)
/** Something is odd but handled. Shown at level "err" too. */
#define VN_WARN(fmt, ...) VN_LOG_LINE(ERR, "WARN", fmt, ##__VA_ARGS__)
/** Life-cycle events: the default level. */
#define VN_INFO(fmt, ...) VN_LOG_LINE(INFO, "INFO", fmt, ##__VA_ARGS__)
/** For developers. Never per packet. */
#define VN_DBG(fmt, ...) VN_LOG_LINE(DEBUG, "DEBUG", fmt, ##__VA_ARGS__)

/** The file name without its folders. */
static inline const char *
vn_log_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/**
 * Set the level of our lines.
 *
 * @param name
 *   "err", "info" or "debug".
 * @return
 *   0, or -EINVAL for any other name (nothing changes).
 */
int vn_log_set_level(const char *name);

/**
 * When stderr is the journal's (JOURNAL_STREAM of a systemd service), each line begins with its
 * priority from now on, "<3>" to "<7>", and goes there only. Before rte_eal_init().
 * @return false: it is not; DPDK's log stays as it is.
 */
bool vn_log_to_journal(void);

/** For lines that a peer can cause as often as it likes. Zero it; one thread. */
struct vn_log_limit {
	uint64_t window_ns; /* when the current second began */
	unsigned int lines, left_out;
};

/** Lines of one limit per second. */
#define VN_LOG_LIMIT 10

/**
 * May another line be written? After a second in which some were left out, their number is told in
 * a line that begins with @p who.
 */
bool vn_log_allowed(struct vn_log_limit *limit, const char *who);

/** The level in force: "err", "info" or "debug". */
const char *vn_log_level(void);

#endif /* VN_LOG_H */
