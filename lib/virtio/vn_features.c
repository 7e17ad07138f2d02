/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <stddef.h>

#include <rte_common.h>

#include "vn_features.h"

#define NAME(macro, bit, name) [bit] = name,
static const char *const feature_names[64] = {VN_FEATURES(NAME)};
#undef NAME

const char *
vn_feature_name(unsigned int bit)
{
	return bit < RTE_DIM(feature_names) ? feature_names[bit] : NULL;
}
