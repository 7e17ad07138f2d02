/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Stands in until the packed engine is there.
 */
#include <errno.h>

#include <rte_common.h>

#include "vn_virtq.h"

int
vn_virtq_packed_resume(const struct vn_guestmem *mem, uint64_t desc_gpa, uint16_t size,
	const struct vn_bb_ring *bb)
{
	RTE_SET_USED(mem);
	RTE_SET_USED(desc_gpa);
	RTE_SET_USED(size);
	RTE_SET_USED(bb);
	return -EINVAL;
}
