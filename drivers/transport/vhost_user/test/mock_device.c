/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mock_device.h"
#include "vn_features.h"

struct mock mock;

static struct {
	vn_device_cb cb;
	void *ctx;
	int result;
} waiting[MOCK_MAX_CALLS];

static void
answer(vn_device_cb cb, void *ctx, int result)
{
	if (!mock.delay) {
		cb(ctx, result);
		return;
	}
	assert(mock.n_waiting < MOCK_MAX_CALLS);
	waiting[mock.n_waiting].cb = cb;
	waiting[mock.n_waiting].ctx = ctx;
	waiting[mock.n_waiting].result = result;
	mock.n_waiting++;
}

unsigned int
mock_answer(unsigned int n)
{
	unsigned int done;

	for (done = 0; done < n && mock.n_waiting > 0; done++) {
		vn_device_cb cb = waiting[0].cb;
		void *ctx = waiting[0].ctx;
		int result = waiting[0].result;

		mock.n_waiting--;
		memmove(&waiting[0], &waiting[1], mock.n_waiting * sizeof(waiting[0]));
		cb(ctx, result);
	}
	return done;
}

void
mock_device_init(struct vn_device *dev, struct vn_loop *loop, struct vn_gm_registry *gm,
	uint16_t queue_pairs)
{
	unsigned int i;

	memset(&mock, 0, sizeof(mock));
	memset(dev, 0, sizeof(*dev));
	dev->env.loop = loop;
	dev->env.gm = gm;
	strcpy(dev->conf.vuid, "TESTVNETS0D0F0");
	dev->conf.max_queue_pairs = queue_pairs;
	dev->conf.max_queue_size = 1024;
	dev->conf.mtu = 1500;
	dev->num_vqs = 2u * queue_pairs + 1;
	dev->device_features = VN_F_VERSION_1 | VN_F_RING_PACKED | VN_NET_F_MRG_RXBUF |
			       VN_NET_F_CSUM | VN_NET_F_MQ | VN_F_INDIRECT_DESC | VN_F_EVENT_IDX |
			       VN_F_IOMMU_PLATFORM | VN_NET_F_RSS;
	dev->vq = calloc(dev->num_vqs, sizeof(dev->vq[0]));
	assert(dev->vq != NULL);
	for (i = 0; i < dev->num_vqs; i++) {
		dev->vq[i].setup.kick_fd = -1;
		dev->vq[i].setup.call_fd = -1;
	}
}

static void
drop_ring(struct vn_device *dev, unsigned int i)
{
	struct vn_vq_setup *s = &dev->vq[i].setup;

	if (s->kick_fd >= 0)
		close(s->kick_fd);
	if (s->call_fd >= 0)
		close(s->call_fd);
	s->kick_fd = -1;
	s->call_fd = -1;
	dev->vq[i].state = VN_VQ_STOPPED;
}

static void
set_mem(struct vn_guestmem *mem)
{
	struct vn_guestmem *old = mock.mem;

	mock.mem = mem != NULL ? vn_guestmem_ref(mem) : NULL;
	vn_guestmem_unref(old);
}

void
mock_device_fini(struct vn_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->num_vqs; i++)
		drop_ring(dev, i);
	set_mem(NULL);
	free(dev->vq);
}

void
vn_device_set_attached(struct vn_device *dev, bool attached)
{
	dev->host_attached = attached;
	if (attached)
		mock.attaches++;
	else
		mock.detaches++;
}

int
vn_device_set_driver_features(struct vn_device *dev, uint64_t features)
{
	if ((features & ~dev->device_features) != 0)
		return -EINVAL;
	dev->driver_features = features;
	return 0;
}

void
vn_device_set_status(struct vn_device *dev, uint8_t status)
{
	dev->status = status;
}

void
vn_device_config_read(const struct vn_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	uint32_t i;

	(void)dev;
	for (i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)(offset + i);
}

void
vn_device_set_mem(struct vn_device *dev, struct vn_guestmem *mem, vn_device_cb done, void *ctx)
{
	(void)dev;
	mock.set_mems++;
	set_mem(mem);
	answer(done, ctx, 0);
}

void
vn_device_set_log(
	struct vn_device *dev, void *base, uint64_t size, bool on, vn_device_cb done, void *ctx)
{
	(void)dev;
	mock.set_logs++;
	mock.log_base = base;
	mock.log_size = size;
	mock.log_on = on;
	answer(done, ctx, 0);
}

int
vn_device_vq_start(struct vn_device *dev, uint16_t idx, const struct vn_vq_setup *setup)
{
	if (mock.start_result != 0 || dev->vq[idx].state != VN_VQ_STOPPED) {
		if (setup->kick_fd >= 0)
			close(setup->kick_fd);
		if (setup->call_fd >= 0)
			close(setup->call_fd);
		return mock.start_result != 0 ? mock.start_result : -EBUSY;
	}
	dev->vq[idx].setup = *setup;
	dev->vq[idx].state = VN_VQ_RUNNING;
	mock.ring[idx].starts++;
	mock.ring[idx].last = *setup;
	return 0;
}

void
vn_device_vq_stop(struct vn_device *dev, uint16_t idx, vn_device_cb done, void *ctx)
{
	mock.ring[idx].stops++;
	drop_ring(dev, idx);
	answer(done, ctx, mock.ring[idx].position);
}

void
vn_device_vq_set_call(struct vn_device *dev, uint16_t idx, int call_fd)
{
	struct vn_vq_setup *s = &dev->vq[idx].setup;

	mock.ring[idx].calls_set++;
	if (s->call_fd >= 0)
		close(s->call_fd);
	s->call_fd = call_fd;
}

void
vn_device_reset(struct vn_device *dev, vn_device_cb done, void *ctx)
{
	unsigned int i;

	mock.resets++;
	for (i = 0; i < dev->num_vqs; i++)
		drop_ring(dev, i);
	dev->status = 0;
	dev->broken = false;
	dev->driver_features = 0;
	mock.log_on = false;
	set_mem(NULL);
	answer(done, ctx, 0);
}

void
vn_device_peer_lost(struct vn_device *dev, vn_device_cb done, void *ctx)
{
	mock.losses++;
	vn_device_reset(dev, done, ctx);
}

void
vn_device_announce(struct vn_device *dev, const uint8_t mac[VN_MAC_LEN])
{
	(void)dev;
	mock.announces++;
	memcpy(mock.announced, mac, VN_MAC_LEN);
}
