/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Whether a device can work, and what kept it from it (contract 7.5).
 */
#include "device_private.h"
#include "vn_log.h"

void
vn_device_check_health(struct vn_device *dev)
{
	struct vn_device_health *h = &dev->health;
	const bool fatal =
		dev->broken || dev->port_error[0] != '\0' || !vn_poller_answers(dev->priv->poller);

	if (h->fatal && !fatal)
		h->recovered++;
	h->fatal = fatal;
}

/* A port queue that refuses what is sent, and takes nothing. */
static void
tick_pair(struct dev_pair *pair, uint64_t now_ns)
{
	struct vn_device *dev = pair->dev;
	const struct vn_port_stats *s;
	uint64_t sent, refused;

	if (pair->pq == NULL) {
		pair->refuses_since_ns = 0;
		pair->stalled = false;
		pair->tick_sent = pair->tick_refused = 0;
		return;
	}
	s = dev->env.port_ops->queue_stats(pair->pq);
	sent = __atomic_load_n(&s->tx_packets, __ATOMIC_RELAXED);
	refused = __atomic_load_n(&s->tx_dropped, __ATOMIC_RELAXED);
	if (sent != pair->tick_sent) {
		pair->refuses_since_ns = 0;
		pair->stalled = false;
	} else if (refused != pair->tick_refused && pair->refuses_since_ns == 0) {
		pair->refuses_since_ns = now_ns;
	} else if (refused != pair->tick_refused && !pair->stalled &&
		   now_ns - pair->refuses_since_ns >= VN_DEVICE_STALL_NS) {
		pair->stalled = true;
		dev->health.tx_stalls++;
		if (vn_log_allowed(&dev->log_limit, dev->conf.vuid))
			VN_WARN("%s: the port takes no frames of TX queue %u: is %s up?",
				dev->conf.vuid, 2u * pair->idx + 1,
				dev->port_info.name[0] != '\0' ? dev->port_info.name
							       : dev->conf.rep_name);
	}
	pair->tick_sent = sent;
	pair->tick_refused = refused;
}

void
vn_device_tick(struct vn_device *dev, uint64_t now_ns)
{
	for (unsigned int i = 0; i < dev_pairs(dev); i++)
		tick_pair(&dev->priv->pair[i], now_ns);
	vn_device_check_health(dev);
}

uint64_t
vn_device_spurious_kicks(const struct vn_device *dev)
{
	uint64_t n = dev->priv->spurious_before + dev_model_spurious(dev);

	for (unsigned int i = 0; i < dev_pairs(dev); i++)
		n += __atomic_load_n(&dev->priv->pair[i].qp.kicks.spurious, __ATOMIC_RELAXED);
	return n;
}
