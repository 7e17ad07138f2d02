/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>

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
