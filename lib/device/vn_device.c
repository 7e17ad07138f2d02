/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A device as a whole: making, ending, reset, features, status and config space.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device_private.h"
#include "vn_blackbox.h"
#include "vn_features.h"
#include "vn_log.h"
#include "vn_net_ctrl.h"

#define OFFLOADS (VN_NET_F_HOST_OFFLOADS | VN_NET_F_GUEST_OFFLOADS)

static void
device_free(struct vn_device *dev)
{
	if (dev->priv != NULL) {
		if (dev->priv->poller != NULL) {
			/* So the rings have been initialised. */
			for (unsigned int i = 0; i < dev->num_vqs; i++)
				dev_ring_fini(&dev->priv->ring[i]);
			dev_latency_free(dev);
			vn_poller_put(dev->priv->poller);
		}
		dev_model_free(dev->priv->model);
		free(dev->priv->ring);
		free(dev->priv->pair);
	}
	free(dev->priv);
	free(dev->vq);
	free(dev);
}

int
vn_device_create(
	const struct vn_device_env *env, const struct vn_device_conf *conf, struct vn_device **out)
{
	struct vn_device *dev;
	int rc = -ENOMEM;

	const uint16_t pairs = RTE_MAX(conf->max_queue_pairs, 1);

	if (conf->max_queue_pairs > VN_MAX_QUEUE_PAIRS)
		return -EINVAL;
	dev = calloc(1, sizeof(*dev));
	if (dev == NULL)
		return -ENOMEM;
	dev->conf = *conf;
	dev->env = *env;
	dev->num_vqs = 2u * pairs + 1;
	dev->link_up = !conf->link_down;
	dev->count_sizes = conf->count_sizes;
	dev->device_features = dev_features_offered(dev, conf->features);
	dev->vq = calloc(dev->num_vqs, sizeof(dev->vq[0]));
	dev->priv = calloc(1, sizeof(*dev->priv));
	if (dev->vq == NULL || dev->priv == NULL)
		goto fail;
	dev->priv->ring = calloc(dev->num_vqs, sizeof(dev->priv->ring[0]));
	dev->priv->pair = calloc(pairs, sizeof(dev->priv->pair[0]));
	if (dev->priv->ring == NULL || dev->priv->pair == NULL)
		goto fail;
	for (unsigned int i = 0; i < dev->num_vqs; i++)
		dev_ring_init(dev, i);
	for (unsigned int i = 0; i < pairs; i++)
		dev_pair_init(dev, i);
	dev->priv->poller = vn_pollers_pick(env->pollers, conf->lcore_first, conf->lcore_last);
	if (dev->priv->poller == NULL) {
		rc = -ENODEV;
		goto fail;
	}
	rc = dev_port_open(dev);
	if (rc != 0)
		goto fail;
	*out = dev;
	return 0;

fail:
	device_free(dev);
	return rc;
}

uint64_t
dev_features_offered(const struct vn_device *dev, uint64_t features)
{
	return features & (~OFFLOADS | dev->env.port_features);
}

static bool
all_at_rest(const struct vn_device *dev)
{
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (!dev_ring_at_rest(&dev->priv->ring[i]))
			return false;
	}
	return true;
}

/* All rings have stopped: the driver's part of the state goes. */
static void
reset_completed(struct vn_device *dev)
{
	struct vn_device_priv *priv = dev->priv;
	struct dev_waiter waiter[MAX_RESET_WAITERS];
	const unsigned int n = priv->n_reset_waiters;
	int result = 0;

	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (priv->ring[i].overdue)
			result = -ETIMEDOUT;
	}

	priv->resetting = false;
	priv->peer_lost = false;
	dev->status = 0;
	dev->driver_features = 0;
	dev->broken = false;
	dev->broken_why = NULL;
	vn_device_check_health(dev);
	priv->log_on = false;
	memset(&priv->log, 0, sizeof(priv->log));
	memset(dev->ctrl_mac, 0, sizeof(dev->ctrl_mac));
	if (priv->reset_drops_mem) {
		dev_mem_release(dev, priv->mem);
		priv->mem = NULL;
	}
	priv->reset_drops_mem = false;
	if (priv->model != NULL)
		dev_model_reset_end(dev);
	dev_port_set_features(dev);
	if (dev->env.driver_changed != NULL)
		dev->env.driver_changed(dev->env.ctx, dev, true);

	/* A callback may reset again. */
	memcpy(waiter, priv->reset_waiter, sizeof(waiter));
	priv->n_reset_waiters = 0;
	for (unsigned int i = 0; i < n; i++)
		waiter[i].cb(waiter[i].ctx, result);
}

/* The end: rings and pairs are at rest, so only the port and what is on its way remain. */
static void
try_end(struct vn_device *dev)
{
	struct vn_device_priv *priv = dev->priv;

	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		/* Also a ring whose poller is late keeps the device: the poller still has it. */
		if (dev->vq[i].state != VN_VQ_STOPPED)
			return;
	}
	for (unsigned int i = 0; i < dev_pairs(dev); i++) {
		if (priv->pair[i].state != PAIR_CLOSED || priv->pair[i].busy)
			return;
	}
	if (priv->ops > 0 || priv->jobs > 0)
		return;
	if (priv->port_state == PORT_OPEN) {
		dev_port_close(
			dev, priv->fate == VN_PORT_REMOVE ||
				     (priv->fate == VN_PORT_UNDO && !dev->port_info.adopted));
		return;
	}
	if (priv->fate == VN_PORT_REMOVE && dev->env.bb != NULL)
		vn_blackbox_forget(dev->env.bb, dev->conf.vuid);
	{
		const struct dev_waiter w = priv->end_waiter;

		device_free(dev);
		if (w.cb != NULL)
			w.cb(w.ctx, 0);
	}
}

void
dev_settle(struct vn_device *dev)
{
	dev_restart_progress(dev);
	if (dev->priv->model != NULL)
		dev_model_progress(dev);
	if (dev->priv->resetting && all_at_rest(dev))
		reset_completed(dev);
	else if (dev->priv->ending && !dev->priv->resetting)
		try_end(dev);
}

void
vn_device_reset(struct vn_device *dev, vn_device_cb done, void *ctx)
{
	dev_reset(dev, false, done, ctx);
}

void
vn_device_peer_lost(struct vn_device *dev, vn_device_cb done, void *ctx)
{
	/* A reset by the driver that is under way counts. */
	if (!dev->priv->resetting)
		dev->priv->peer_lost = true;
	dev_reset(dev, false, done, ctx);
}

void
dev_reset(struct vn_device *dev, bool keep_mem, vn_device_cb done, void *ctx)
{
	struct vn_device_priv *priv = dev->priv;

	/* Of several, one that drops it is enough. */
	if (!keep_mem)
		priv->reset_drops_mem = true;
	if (priv->n_reset_waiters == MAX_RESET_WAITERS) {
		done(ctx, -EBUSY);
		return;
	}
	priv->reset_waiter[priv->n_reset_waiters++] = (struct dev_waiter){done, ctx};
	if (priv->resetting)
		return;
	priv->resetting = true;
	if (priv->model != NULL)
		dev_model_reset_begin(dev);
	for (unsigned int i = 0; i < dev->num_vqs; i++)
		dev_ring_stop(&priv->ring[i]);
	/* Stopping one by one may have completed it. */
	if (priv->resetting)
		dev_settle(dev);
}

static void
reset_before_end(void *ctx, int result)
{
	struct vn_device *dev = ctx;

	RTE_SET_USED(result);
	dev->priv->ending = true;
	dev_settle(dev);
}

void
vn_device_destroy(struct vn_device *dev, enum vn_port_fate fate, vn_device_cb done, void *ctx)
{
	dev->priv->fate = fate;
	dev->priv->end_waiter = (struct dev_waiter){done, ctx};
	vn_device_reset(dev, reset_before_end, dev);
}

void
dev_mark_broken(struct vn_device *dev, const char *why)
{
	if (dev->broken)
		return;
	if (strcmp(why, VN_VQ_WHY_BLOCKS) == 0) {
		/* It cost all devices of the lcore some 500 ms: not again and again. */
		dev->priv->ban_seconds = RTE_MIN(2 * dev->priv->ban_seconds + 1, 60u);
		dev->priv->ban_until_ns = vn_now_ns() + VN_SEC(dev->priv->ban_seconds);
	}
	dev->broken = true;
	dev->broken_why = why;
	if (strncmp(why, "memory", strlen("memory")) == 0)
		dev->health.memory_lost++;
	else
		dev->health.rings_broken++;
	vn_device_check_health(dev);
	if (dev->priv->model != NULL)
		dev_model_broken(dev);
	else
		dev->status |= VN_STATUS_NEEDS_RESET;
	if (vn_log_allowed(&dev->log_limit, dev->conf.vuid))
		VN_ERR("%s: device is broken (%s) until its driver resets it", dev->conf.vuid, why);
}

void
vn_device_set_attached(struct vn_device *dev, bool attached)
{
	dev->host_attached = attached;
}

int
vn_device_set_driver_features(struct vn_device *dev, uint64_t features)
{
	if ((features & ~dev->device_features) != 0)
		return -EINVAL;
	if ((features & VN_F_RING_PACKED) && !(features & VN_F_VERSION_1))
		return -EINVAL;
	if (features != dev->driver_features) {
		dev->driver_features = features;
		dev_port_set_features(dev);
	}
	return 0;
}

void
vn_device_set_status(struct vn_device *dev, uint8_t status)
{
	/* NEEDS_RESET is the device's own bit; only a reset takes it away. */
	dev->status = (status & ~VN_STATUS_NEEDS_RESET) | (dev->broken ? VN_STATUS_NEEDS_RESET : 0);
}

void
dev_config_fill(const struct vn_device *dev, struct vn_net_config *config)
{
	const uint64_t f = dev->device_features;

	*config = (struct vn_net_config){
		.status = rte_cpu_to_le_16(dev->link_up ? VN_NET_S_LINK_UP : 0),
		.max_virtqueue_pairs = rte_cpu_to_le_16(dev->conf.max_queue_pairs),
		.mtu = rte_cpu_to_le_16(dev->conf.mtu),
		.speed = rte_cpu_to_le_32(dev->conf.speed),
		.duplex = VN_NET_DUPLEX_FULL,
	};
	memcpy(config->mac, dev->conf.mac, sizeof(config->mac));
	if (f & (VN_NET_F_RSS | VN_NET_F_HASH_REPORT)) {
		config->rss_max_key_size =
			dev->conf.rss_key_size != 0 ? dev->conf.rss_key_size : VN_NET_RSS_KEY_SIZE;
		config->supported_hash_types = rte_cpu_to_le_32(dev_hash_types(dev));
	}
	if (f & VN_NET_F_RSS)
		config->rss_max_indirection_table_length = rte_cpu_to_le_16(VN_NET_RSS_TABLE_SIZE);
}

void
vn_device_config_read(const struct vn_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	struct vn_net_config config;

	dev_config_fill(dev, &config);
	memset(buf, 0, len);
	if (offset >= sizeof(config))
		return;
	memcpy(buf, (const uint8_t *)&config + offset, RTE_MIN(len, sizeof(config) - offset));
}

struct vn_poller *
vn_device_poller(const struct vn_device *dev)
{
	return dev->priv->poller;
}
