/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What an operator changes of a device that exists.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "device_private.h"
#include "vn_log.h"
#include "vn_model.h"

bool
vn_device_driver_loaded(const struct vn_device *dev)
{
	if (dev->priv->model != NULL)
		return vn_model_driver_loaded(dev);
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (dev->vq[i].state != VN_VQ_STOPPED)
			return true;
	}
	return false;
}

bool
vn_device_driver_present(const struct vn_device *dev)
{
	if (vn_device_driver_loaded(dev))
		return true;
	if (dev->priv->model == NULL || vn_model_resetting(dev))
		return false;
	/* One that has given up may be why the operator is here. */
	return (dev->status & (VN_STATUS_DRIVER | VN_STATUS_FAILED)) == VN_STATUS_DRIVER;
}

/* Nobody, neither poller nor helper thread, has anything of a ring or a pair. */
static bool
all_quiet(const struct vn_device *dev)
{
	const struct vn_device_priv *priv = dev->priv;

	if (priv->resetting || priv->ending || priv->ops > 0 || priv->announcing ||
		priv->restart != RESTART_NONE)
		return false;
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (dev->vq[i].state != VN_VQ_STOPPED || priv->ring[i].cmd_busy)
			return false;
	}
	for (unsigned int i = 0; i < dev_pairs(dev); i++) {
		const struct dev_pair *pair = &priv->pair[i];

		if (pair->state != PAIR_CLOSED || pair->busy ||
			__atomic_load_n(&pair->telling, __ATOMIC_SEQ_CST) ||
			__atomic_load_n(&pair->learned, __ATOMIC_SEQ_CST))
			return false;
	}
	return true;
}

/* Counters outlive it: those of the control queue stay with it. */
static void
keep_stats(const struct vn_device *dev, struct vn_device_vq *vq, uint16_t num_vqs)
{
	const unsigned int n = RTE_MIN(dev->num_vqs, num_vqs) - 1;

	for (unsigned int i = 0; i < n; i++)
		vq[i].stats = dev->vq[i].stats;
	vq[num_vqs - 1].stats = dev->vq[dev->num_vqs - 1].stats;
}

static uint64_t
dropped(const struct vn_device *dev)
{
	uint64_t n = dev->priv->model != NULL ? dev_model_dropped(dev) : 0;

	for (unsigned int i = 0; i + 1 < dev->num_vqs; i += 2)
		n += __atomic_load_n(&dev->vq[i].stats.oversized, __ATOMIC_RELAXED);
	return n;
}

/* Make the device one of @p pairs. */
static int
resize(struct vn_device *dev, uint16_t pairs)
{
	struct vn_device_priv *priv = dev->priv;
	const uint16_t num_vqs = 2 * pairs + 1;
	uint64_t drops, spurious;
	struct model_arrays model = {0};
	struct vn_device_vq *vq;
	struct dev_ring *ring;
	struct dev_pair *pair;

	if (pairs > RTE_MAX(dev->conf.port_pairs, dev_pairs(dev)))
		return -ERANGE;
	if (!all_quiet(dev))
		return -EBUSY;
	vq = calloc(num_vqs, sizeof(*vq));
	ring = calloc(num_vqs, sizeof(*ring));
	pair = calloc(pairs, sizeof(*pair));
	if (vq == NULL || ring == NULL || pair == NULL ||
		(priv->model != NULL && dev_model_arrays(pairs, &model) != 0)) {
		dev_model_arrays_free(&model);
		free(vq);
		free(ring);
		free(pair);
		return -ENOMEM;
	}
	drops = dropped(dev);
	spurious = vn_device_spurious_kicks(dev);
	for (unsigned int i = 0; i < dev->num_vqs; i++)
		dev_ring_fini(&priv->ring[i]);
	/* No poller has any of it; who asks again gets as many as there are then. */
	dev_latency_free(dev);
	keep_stats(dev, vq, num_vqs);
	free(dev->vq);
	free(priv->ring);
	free(priv->pair);
	dev->vq = vq;
	priv->ring = ring;
	priv->pair = pair;
	/* The port was made for so many, and still is. */
	dev->conf.port_pairs = RTE_MAX(dev->conf.port_pairs, dev_pairs(dev));
	dev->num_vqs = num_vqs;
	for (unsigned int i = 0; i < num_vqs; i++)
		dev_ring_init(dev, i);
	for (unsigned int i = 0; i < pairs; i++)
		dev_pair_init(dev, i);
	if (priv->model != NULL)
		dev_model_resized(dev, &model);
	/* What was counted of those that are gone stays counted. */
	priv->drop_base -= drops - dropped(dev);
	priv->spurious_before = spurious;
	return 0;
}

uint64_t
vn_device_dropped(const struct vn_device *dev)
{
	return dev->conf.drop_counter ? dropped(dev) - dev->priv->drop_base : 0;
}

/* Classes count from zero when they are switched on. */
static void
count_sizes(struct vn_device *dev)
{
	if (dev->conf.count_sizes == dev->count_sizes)
		return;
	vn_device_set_count_sizes(dev, dev->conf.count_sizes);
}

int
vn_device_reconf(struct vn_device *dev, const struct vn_device_conf *conf)
{
	const struct vn_device_conf old = dev->conf;
	const uint16_t pairs = RTE_MAX(conf->max_queue_pairs, 1);
	uint16_t port_pairs;
	int rc = 0;

	/*
	 * What can fail comes first. A device with another number of pairs has its receive mode
	 * from what it is like after a reset; set before, it would keep the poller busy.
	 */
	if (pairs != dev_pairs(dev)) {
		rc = resize(dev, pairs);
	} else if (conf->rx_mode != old.rx_mode && dev->priv->model != NULL) {
		dev->conf.rx_mode = conf->rx_mode;
		rc = dev_model_rx_mode(dev);
		if (rc != 0)
			dev->conf.rx_mode = old.rx_mode;
	}
	if (rc != 0)
		return rc;
	port_pairs = dev->conf.port_pairs;
	dev->conf = *conf;
	dev->conf.port_pairs = port_pairs;
	dev->device_features = dev_features_offered(dev, conf->features);
	if (conf->drop_counter && !old.drop_counter)
		dev->priv->drop_base = dropped(dev);
	count_sizes(dev);
	dev_port_set_mtu(dev);
	dev_port_set_mac(dev);
	if (dev->priv->model != NULL)
		dev_model_reconf(dev, &old);
	return 0;
}

void
vn_device_need_reset(struct vn_device *dev)
{
	dev_mark_broken(dev, "operator");
}

static void
mac_told(struct vn_poller_cmd *cmd)
{
	struct dev_pair *pair = RTE_PTR_SUB(cmd, offsetof(struct dev_pair, mac));
	struct vn_device *dev = pair->dev;
	const uint8_t *mac = pair->qp.first_mac;

	(void)__atomic_exchange_n(&pair->learned, false, __ATOMIC_SEQ_CST);
	if (memcmp(mac, dev->conf.mac, VN_MAC_LEN) == 0) {
		memset(dev->guest_mac, 0, sizeof(dev->guest_mac));
		return;
	}
	if (memcmp(mac, dev->guest_mac, VN_MAC_LEN) == 0)
		return;
	memcpy(dev->guest_mac, mac, sizeof(dev->guest_mac));
	if (vn_log_allowed(&dev->log_limit, dev->conf.vuid))
		VN_WARN("%s: its driver sends as " RTE_ETHER_ADDR_PRT_FMT
			", and the device is " RTE_ETHER_ADDR_PRT_FMT
			": over vhost-user the VMM's \"mac\" counts; give both the same",
			dev->conf.vuid, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
			dev->conf.mac[0], dev->conf.mac[1], dev->conf.mac[2], dev->conf.mac[3],
			dev->conf.mac[4], dev->conf.mac[5]);
}

/* Poller. */
static void
on_mac(struct vn_poll_qp *qp)
{
	struct dev_pair *pair = qp->ctx;

	if (__atomic_exchange_n(&pair->learned, true, __ATOMIC_SEQ_CST))
		return;
	vn_poller_tell(pair->dev->priv->poller, &pair->mac);
}

void
dev_learn_mac(struct vn_device *dev)
{
	struct dev_pair *pair = &dev->priv->pair[0];

	/* The ring is not the poller's yet, so neither is what is said about it. */
	pair->mac.done = mac_told;
	pair->qp.on_mac = on_mac;
	pair->qp.learn_mac = true;
}
