/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "mock_model.h"
#include "vn_features.h"

struct mock_model mock;

static void
registers_reset(void)
{
	memset(mock.accepted, 0, sizeof(mock.accepted));
	mock.status = 0;
	mock.isr = 0;
	mock.config_vector = VN_MSI_NO_VECTOR;
	for (unsigned int q = 0; q < MOCK_QUEUES; q++)
		mock.vq[q] = (struct vn_vq_regs){
			.size = MOCK_SIZE,
			.max_size = MOCK_SIZE,
			.vector = VN_MSI_NO_VECTOR,
		};
}

void
mock_model_init(struct vn_device *dev)
{
	memset(&mock, 0, sizeof(mock));
	memset(dev, 0, sizeof(*dev));
	mock.offered[0] = VN_NET_F_MQ | VN_NET_F_CTRL_VQ | VN_NET_F_MAC | 0x1f;
	mock.offered[1] = VN_F_VERSION_1 >> 32;
	for (unsigned int i = 0; i < sizeof(mock.config); i++)
		mock.config[i] = (uint8_t)(0xc0 + i);
	mock.generation = 0x5a;
	registers_reset();
}

int
vn_model_attach(struct vn_device *dev, const struct vn_model_ops *ops, void *ctx, bool legacy,
	bool doorbell_seen)
{
	(void)dev;
	mock.attaches++;
	mock.ops = ops;
	mock.ctx = ctx;
	mock.legacy = legacy;
	mock.doorbell_seen = doorbell_seen;
	return mock.attach_result;
}

uint32_t
vn_model_offered(const struct vn_device *dev, uint32_t word)
{
	(void)dev;
	return word < 4 ? mock.offered[word] : 0;
}

uint32_t
vn_model_accepted(const struct vn_device *dev, uint32_t word)
{
	(void)dev;
	return word < 4 ? mock.accepted[word] : 0;
}

void
vn_model_accept(struct vn_device *dev, uint32_t word, uint32_t value)
{
	(void)dev;
	if (word < 4)
		mock.accepted[word] = value;
}

uint8_t
vn_model_status(const struct vn_device *dev)
{
	(void)dev;
	return mock.status;
}

void
vn_model_set_status(struct vn_device *dev, uint8_t status)
{
	(void)dev;
	if (status == 0)
		registers_reset();
	mock.status = status;
}

bool
vn_model_resetting(const struct vn_device *dev)
{
	(void)dev;
	return mock.resetting;
}

void
vn_model_reset(struct vn_device *dev, vn_device_cb done, void *ctx)
{
	(void)dev;
	mock.resets++;
	registers_reset();
	done(ctx, 0);
}

uint8_t
vn_model_config_generation(const struct vn_device *dev)
{
	(void)dev;
	return mock.generation;
}

void
vn_model_config_read(const struct vn_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	(void)dev;
	assert(offset < sizeof(mock.config) && len <= sizeof(mock.config) - offset);
	memcpy(buf, mock.config + offset, len);
}

void
vn_model_config_write(struct vn_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	(void)dev;
	assert(offset < sizeof(mock.config) && len <= sizeof(mock.config) - offset);
	memcpy(mock.config + offset, buf, len);
}

static uint16_t
vector(uint16_t v)
{
	return v < mock.ops->num_vectors(mock.ctx) ? v : VN_MSI_NO_VECTOR;
}

uint16_t
vn_model_config_vector(const struct vn_device *dev)
{
	(void)dev;
	return mock.config_vector;
}

uint16_t
vn_model_set_config_vector(struct vn_device *dev, uint16_t v)
{
	(void)dev;
	return mock.config_vector = vector(v);
}

uint16_t
vn_model_num_queues(const struct vn_device *dev)
{
	(void)dev;
	return MOCK_QUEUES;
}

const struct vn_vq_regs *
vn_model_queue(const struct vn_device *dev, uint16_t q)
{
	(void)dev;
	return q < MOCK_QUEUES ? &mock.vq[q] : NULL;
}

void
vn_model_queue_set_size(struct vn_device *dev, uint16_t q, uint16_t size)
{
	(void)dev;
	assert(q < MOCK_QUEUES);
	mock.vq[q].size = size;
}

uint16_t
vn_model_queue_set_vector(struct vn_device *dev, uint16_t q, uint16_t v)
{
	(void)dev;
	assert(q < MOCK_QUEUES);
	return mock.vq[q].vector = vector(v);
}

void
vn_model_queue_set_addr(
	struct vn_device *dev, uint16_t q, uint64_t desc, uint64_t driver, uint64_t device)
{
	(void)dev;
	assert(q < MOCK_QUEUES);
	mock.vq[q].desc = desc;
	mock.vq[q].driver = driver;
	mock.vq[q].device = device;
}

void
vn_model_queue_enable(struct vn_device *dev, uint16_t q)
{
	(void)dev;
	assert(q < MOCK_QUEUES);
	mock.enables++;
	mock.vq[q].enable = true;
}

void
vn_model_queue_reset(struct vn_device *dev, uint16_t q)
{
	(void)dev;
	assert(q < MOCK_QUEUES);
	mock.queue_resets++;
	mock.vq[q].resetting = true;
	mock.vq[q].enable = false;
}

void
vn_model_queue_set_pfn(struct vn_device *dev, uint16_t q, uint32_t pfn)
{
	(void)dev;
	assert(q < MOCK_QUEUES);
	mock.pfns++;
	mock.pfn_queue = q;
	mock.pfn = pfn;
	mock.vq[q].legacy = true;
	mock.vq[q].enable = pfn != 0;
	mock.vq[q].desc = (uint64_t)pfn * VN_LEGACY_ALIGN;
}

void
vn_model_kick(struct vn_device *dev, uint16_t q, uint32_t data)
{
	(void)dev;
	assert(q < MOCK_QUEUES);
	mock.kicks++;
	mock.kicked = q;
	mock.kick_data = data;
}

uint8_t
vn_model_isr_read_clear(struct vn_device *dev)
{
	const uint8_t isr = mock.isr;

	(void)dev;
	mock.isr = 0;
	return isr;
}

uint8_t
vn_model_isr(const struct vn_device *dev)
{
	(void)dev;
	return mock.isr;
}

void
vn_model_irq_changed(struct vn_device *dev, uint32_t v)
{
	(void)dev;
	mock.irq_changes++;
	mock.irq_changed = v;
}

int
vn_model_save(const struct vn_device *dev, void *buf, size_t room)
{
	(void)dev;
	if (room < 8)
		return -ENOSPC;
	memcpy(buf, "fakemodl", 8);
	return 8;
}

int
vn_model_restore(struct vn_device *dev, const void *buf, size_t len)
{
	(void)dev;
	mock.restores++;
	mock.restored_len = len;
	memcpy(mock.restored, buf, len < sizeof(mock.restored) ? len : sizeof(mock.restored));
	return mock.restore_result;
}
