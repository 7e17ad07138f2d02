/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef SRIOV_TEST_ENV_H
#define SRIOV_TEST_ENV_H

/**
 * @file
 * Test code: sets of VFs, enabled and disabled. For one source file per program.
 */

#include "controller_test_env.h"

static struct {
	unsigned int calls;
	int result;
	char text[320];
	struct vn_device *dev;
} op;

static void
op_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)ctx;
	op.calls++;
	op.result = result;
	snprintf(op.text, sizeof(op.text), "%s", text);
	op.dev = dev;
}

static bool
progressed(unsigned int calls)
{
	vn_controller_progress(t.ctrl);
	return op.calls >= calls;
}

static struct vn_device *
pf(int id)
{
	return vn_controller_find(t.ctrl, id, -1);
}

static int
sriov(int id, unsigned int n)
{
	const unsigned int calls = op.calls + 1;

	vn_controller_sriov(t.ctrl, pf(id), n, op_done, NULL);
	UNTIL(progressed(calls));
	assert_ptr_equal(op.dev, pf(id));
	return op.result;
}

static void
start_vfs(uint32_t pfs, uint32_t vfs)
{
	t.capacity.current[VN_CAP_NUM_VF] = vfs;
	start(pfs);
	UNTIL(vn_controller_settled(t.ctrl));
}

#endif /* SRIOV_TEST_ENV_H */
