/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rte_common.h>

#include "vn_log.h"
#include "vn_loop.h"

RTE_LOG_REGISTER(vn_logtype, virtnet, INFO);

static const struct {
	const char *name;
	uint32_t level;
} vn_log_levels[] = {
	{"err", RTE_LOG_ERR},
	{"info", RTE_LOG_INFO},
	{"debug", RTE_LOG_DEBUG},
};

int
vn_log_set_level(const char *name)
{
	for (unsigned int i = 0; i < RTE_DIM(vn_log_levels); i++) {
		if (strcmp(name, vn_log_levels[i].name) == 0) {
			/* The global level would hold debug lines back. */
			if (vn_log_levels[i].level > rte_log_get_global_level())
				rte_log_set_global_level(vn_log_levels[i].level);
			return rte_log_set_level(vn_logtype, vn_log_levels[i].level) < 0 ? -EINVAL
											 : 0;
		}
	}
	return -EINVAL;
}

const char *
vn_log_level(void)
{
	int level = rte_log_get_level(vn_logtype);

	for (unsigned int i = 0; i < RTE_DIM(vn_log_levels); i++) {
		if (level <= (int)vn_log_levels[i].level)
			return vn_log_levels[i].name;
	}
	return "debug";
}

/* sd-daemon(3): a line for the journal begins with its priority. */
static void
write_line(const char *line, size_t len, int priority)
{
	char prefix[] = "<6>";
	struct iovec iov[] = {
		{.iov_base = prefix, .iov_len = sizeof(prefix) - 1},
		{.iov_base = (void *)(uintptr_t)line, .iov_len = len},
	};
	ssize_t n;

	prefix[1] = (char)('0' + priority);
	n = writev(STDERR_FILENO, iov, RTE_DIM(iov));
	RTE_SET_USED(n); /* there is nobody to tell */
}

static ssize_t
journal_write(void *cookie, const char *buf, size_t size)
{
	static const char warn[] = "[WARN]";
	const int level = rte_log_cur_msg_loglevel();
	/* DPDK counts from 1 what syslog(3) counts from 0. */
	int priority = level > 0 ? RTE_MIN(level - 1, 7) : 6;

	RTE_SET_USED(cookie);
	/* They are shown at level "err", too. */
	if (priority == 3 && size >= sizeof(warn) - 1 && memcmp(buf, warn, sizeof(warn) - 1) == 0)
		priority = 4;
	for (size_t at = 0, len; at < size; at += len) {
		const char *end = memchr(buf + at, '\n', size - at);

		len = end != NULL ? (size_t)(end - buf) + 1 - at : size - at;
		write_line(buf + at, len, priority);
	}
	return (ssize_t)size;
}

bool
vn_log_to_journal(void)
{
	static const cookie_io_functions_t io = {.write = journal_write};
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;
	FILE *f;

	if (stream == NULL || sscanf(stream, "%ju:%ju", &dev, &ino) != 2 ||
		fstat(STDERR_FILENO, &st) != 0 || st.st_dev != dev || st.st_ino != ino)
		return false;
	/* Instead of DPDK's, which would send each line to stderr and to syslog. */
	f = fopencookie(NULL, "w", io);
	if (f == NULL)
		return false;
	if (rte_openlog_stream(f) == 0)
		return true;
	fclose(f);
	return false;
}

bool
vn_log_allowed(struct vn_log_limit *limit, const char *who)
{
	const uint64_t now = vn_now_ns();

	if (now - limit->window_ns >= VN_SEC(1)) {
		if (limit->left_out > 0)
			VN_INFO("%s: %u lines were left out", who, limit->left_out);
		*limit = (struct vn_log_limit){.window_ns = now};
	}
	if (limit->lines < VN_LOG_LIMIT) {
		limit->lines++;
		return true;
	}
	limit->left_out++;
	return false;
}
