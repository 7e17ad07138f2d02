/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What an operator changes of a device, as its driver sees it.
 */
#include <string.h>

#include "model_private.h"

struct model_coal
model_coal_default(const struct vn_model *m)
{
	const struct vn_device_conf *c = &m->dev->conf;

	return (struct model_coal){
		.usecs = c->coal_usecs,
		.packets = c->coal_packets,
		.restart = c->coal_mode == VN_COAL_CQE,
	};
}

/* For receive queues whose driver has said nothing else. */
static void
set_coal(struct vn_model *m)
{
	struct model_coal *all = &m->coal[VN_NET_CTRL_NOTF_COAL_RX_SET];

	if (!all->own)
		*all = model_coal_default(m);
	for (unsigned int i = 0; i < model_ctrl_index(m); i += 2) {
		if (!m->queue[i].coal.own)
			m->queue[i].coal = *all;
	}
	model_apply_coal(m);
}

static bool
coal_changed(const struct vn_device_conf *a, const struct vn_device_conf *b)
{
	return a->coal_mode != b->coal_mode || a->coal_usecs != b->coal_usecs ||
	       a->coal_packets != b->coal_packets;
}

int
dev_model_rx_mode(struct vn_device *dev)
{
	struct vn_model *m = dev->priv->model;
	struct vn_rx_state rx = m->rx;

	model_rx_modes(m, &rx);
	return model_rx_set(m, &rx);
}

void
dev_model_reconf(struct vn_device *dev, const struct vn_device_conf *old)
{
	struct vn_model *m = dev->priv->model;
	const struct vn_device_conf *c = &dev->conf;
	bool tell = false;

	dev->device_features = model_features_offerable(dev->device_features, m->legacy);
	if (coal_changed(c, old))
		set_coal(m);
	/* Registers are those of a device that was just reset. A reset under way does it itself. */
	if (!m->resetting && !vn_device_driver_present(dev))
		model_reset_state(m);
	if (dev->link_up == c->link_down) {
		dev->link_up = !c->link_down;
		dev_port_set_link(dev);
		tell = true;
	}
	if (c->speed != old->speed || c->mtu != old->mtu)
		tell = true;
	model_config_changed(m, tell);
}

uint64_t
dev_model_dropped(const struct vn_device *dev)
{
	const struct vn_poll_group *g = &dev->priv->model->group;

	return __atomic_load_n(&g->move_dropped, __ATOMIC_RELAXED) +
	       __atomic_load_n(&g->stay_dropped, __ATOMIC_RELAXED);
}
