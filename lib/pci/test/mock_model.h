/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef MOCK_MODEL_H
#define MOCK_MODEL_H

/**
 * @file
 * A device model for tests of the PCI function: plain registers, and notes of what it was told.
 */

#include "vn_model.h"

#define MOCK_QUEUES 7 /* three pairs and the control queue */
#define MOCK_SIZE   256

struct mock_model {
	const struct vn_model_ops *ops;
	void *ctx;
	bool legacy, doorbell_seen;
	int attach_result;

	uint32_t offered[4], accepted[4];
	uint8_t status, generation, isr;
	uint16_t config_vector;
	uint8_t config[24];
	struct vn_vq_regs vq[MOCK_QUEUES];

	unsigned int attaches, resets, irq_changes, kicks, enables, queue_resets, pfns;
	bool resetting;
	uint32_t irq_changed; /* the last vector */
	uint16_t kicked;      /* the last queue */
	uint32_t kick_data;
	uint16_t pfn_queue;
	uint32_t pfn;

	int restore_result;
	unsigned int restores;
	uint8_t restored[64];
	size_t restored_len;
};

extern struct mock_model mock;

/** Make the fake device new. */
void mock_model_init(struct vn_device *dev);

#endif /* MOCK_MODEL_H */
