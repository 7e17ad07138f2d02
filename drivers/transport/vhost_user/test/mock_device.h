/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#ifndef MOCK_DEVICE_H
#define MOCK_DEVICE_H

/**
 * @file
 * A device for tests of transports: it notes what it is told, and answers at once or, with
 * mock.delay, only when the test says so.
 */

#include "vn_device.h"

#define MOCK_MAX_CALLS 64

struct mock_ring {
	unsigned int starts, stops, calls_set;
	struct vn_vq_setup last; /* fds are those of the device while it runs */
	int position;            /* where it will say that it stopped, or negative errno */
};

struct mock {
	bool delay;
	unsigned int n_waiting; /* callbacks that wait for mock_answer() */
	int start_result;       /* of vn_device_vq_start() */
	unsigned int losses;    /* of these resets */
	unsigned int resets, set_mems, set_logs, announces, attaches, detaches;
	struct vn_guestmem *mem;
	void *log_base;
	uint64_t log_size;
	bool log_on;
	uint8_t announced[VN_MAC_LEN];
	struct mock_ring ring[2 * VN_MAX_QUEUE_PAIRS];
};

extern struct mock mock;

/** Make the fake device. */
void mock_device_init(struct vn_device *dev, struct vn_loop *loop, struct vn_gm_registry *gm,
	uint16_t queue_pairs);
void mock_device_fini(struct vn_device *dev);

/** Let the oldest @p n callbacks come that were held back. @return how many came. */
unsigned int mock_answer(unsigned int n);

#endif /* MOCK_DEVICE_H */
