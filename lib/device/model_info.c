/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What operators are shown of the device model.
 */
#include "model_private.h"

/* The poller writes them while we read. */
static uint64_t
load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static uint16_t
count_vlans(const struct vn_rx_state *rx)
{
	uint16_t n = 0;

	for (unsigned int i = 0; i < RTE_DIM(rx->vlan); i++)
		n += __builtin_popcountll(rx->vlan[i]);
	return n;
}

bool
vn_model_get_info(const struct vn_device *dev, struct vn_model_info *info)
{
	const struct vn_model *m = dev->priv->model;

	*info = (struct vn_model_info){.config_vector = VN_MSI_NO_VECTOR};
	if (m == NULL)
		return false;
	*info = (struct vn_model_info){
		.resetting = m->resetting,
		.doorbell_seen = m->doorbell_seen,
		.config_vector = m->config_vector,
		.commands = m->ctrl.commands,
		.commands_ok = m->ctrl.ok,
		.promisc = m->rx.promisc,
		.allmulti = m->rx.allmulti,
		.alluni = m->rx.alluni,
		.nomulti = m->rx.nomulti,
		.nouni = m->rx.nouni,
		.nobcast = m->rx.nobcast,
		.filter_vlan = m->rx.filter_vlan,
		.rss = m->rx.rss,
		.hash_report = m->rx.hash_report,
		.uni_macs = m->rx.n_uni,
		.multi_macs = m->rx.n_multi,
		.vlans = count_vlans(&m->rx),
		.hash_types = m->rx.hash_types,
		.filtered = load(&m->group.filtered),
		.moved = load(&m->group.moved),
		.move_dropped = load(&m->group.move_dropped),
		.stay_dropped = load(&m->group.stay_dropped),
	};
	return true;
}

/* What the poller has made of it. */
static void
add_dim(const struct vn_device *dev, unsigned int idx, struct vn_model_queue_info *info)
{
	const struct vn_poll_dim *d = &dev->priv->pair[idx / 2].qp.dim[idx % 2];
	const struct vn_dim_profile *p;

	if (__atomic_load_n(&d->stats, __ATOMIC_RELAXED) == NULL)
		return;
	info->dim = true;
	info->dim_level = __atomic_load_n(&d->dim.level, __ATOMIC_RELAXED);
	info->dim_kept = load(&d->dim.kept);
	info->dim_taken_back = load(&d->dim.taken_back);
	p = vn_dim_profile(info->dim_level);
	info->coal_usecs = p->usecs;
	info->coal_packets = p->packets;
	info->coal_mode = VN_COAL_EVENT;
}

/* What was set. */
static bool
queue_info(const struct vn_device *dev, unsigned int idx, struct vn_model_queue_info *info)
{
	const struct vn_model *m = dev->priv->model;

	info->coal_mode = VN_COAL_EVENT;
	if (m == NULL) {
		if (idx % 2 != 0)
			return false;
		info->coal_usecs = dev->conf.coal_usecs;
		info->coal_packets = dev->conf.coal_packets;
		if (dev->conf.coal_mode == VN_COAL_CQE)
			info->coal_mode = VN_COAL_CQE;
		return false;
	}
	info->notifications = m->queue[idx].kicks;
	info->coal_usecs = m->queue[idx].coal.usecs;
	info->coal_packets = m->queue[idx].coal.packets;
	if (m->queue[idx].coal.restart)
		info->coal_mode = VN_COAL_CQE;
	return true;
}

bool
vn_model_queue_info(const struct vn_device *dev, unsigned int idx, struct vn_model_queue_info *info)
{
	const bool ctrl = idx == dev->num_vqs - 1;
	bool known;

	*info = (struct vn_model_queue_info){0};
	if (idx >= dev->num_vqs)
		return false;
	if (ctrl && dev->priv->model == NULL) {
		info->coal_mode = VN_COAL_EVENT;
		return false;
	}
	known = queue_info(dev, idx, info);
	if (!ctrl)
		add_dim(dev, idx, info);
	return known;
}
