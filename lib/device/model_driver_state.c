/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What the driver has set through the control queue, in plain form: for a recovery file. What comes
 * back from one is input from outside, and checked as if a driver had set it.
 */
#include <errno.h>
#include <string.h>

#include "model_private.h"

bool
model_flags_ok(const uint8_t *flag, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (flag[i] > 1)
			return false;
	}
	return true;
}

bool
model_rx_possible(const struct vn_model *m, const struct vn_rx_state *rx)
{
	const uint16_t max = dev_pairs(m->dev);

	if (!model_flags_ok(&rx->promisc, 7) || !model_flags_ok(&rx->rss, 1) ||
		!model_flags_ok(&rx->hash_report, 1))
		return false;
	if (rx->n_uni > VN_RX_MACS || rx->n_multi > VN_RX_MACS - rx->n_uni)
		return false;
	if (rx->queue_pairs == 0 || rx->queue_pairs > max || rx->unclassified >= max ||
		(rx->hash_types & ~VN_NET_HASH_ALL) || rx->key_len > VN_NET_RSS_KEY_SIZE)
		return false;
	if (rx->port_pairs != max || rx->table_len > VN_NET_RSS_TABLE_SIZE)
		return false;
	if (rx->rss && (!rte_is_power_of_2(rx->table_len) || rx->unclassified >= rx->queue_pairs))
		return false;
	for (unsigned int i = 0; i < rx->table_len; i++) {
		if (rx->indirection[i] >= (rx->rss ? rx->queue_pairs : max))
			return false;
	}
	return true;
}

bool
vn_model_driver_get(const struct vn_device *dev, struct vn_model_driver *out)
{
	const struct vn_model *m = dev->priv->model;
	struct vn_rx_state fresh;

	if (m == NULL || m->resetting)
		return false;
	vn_rx_state_reset(&fresh, dev->conf.mac);
	fresh.port_pairs = dev_pairs(dev);
	if (m->offloads == 0 && memcmp(&fresh, &m->rx, sizeof(fresh)) == 0)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->mode, m->mode, sizeof(out->mode));
	out->mac_set = m->mac_set;
	out->uni_overflow = m->uni_overflow;
	out->multi_overflow = m->multi_overflow;
	out->offloads = m->offloads;
	out->rx = m->rx;
	return true;
}

int
vn_model_driver_set(struct vn_device *dev, const struct vn_model_driver *in)
{
	struct vn_model *m = dev->priv->model;
	struct vn_rx_state rx = in->rx;

	if (m == NULL)
		return -ENOTSUP;
	if (dev->status != 0 || m->resetting)
		return -EBUSY;
	rx.port_pairs = dev_pairs(dev);
	if (!model_flags_ok(in->mode, MODEL_MODES) || !model_rx_possible(m, &rx) ||
		(in->offloads & ~VN_NET_F_GUEST_OFFLOADS) != 0)
		return -EINVAL;
	memcpy(m->mode, in->mode, sizeof(m->mode));
	m->mac_set = in->mac_set;
	m->uni_overflow = in->uni_overflow;
	m->multi_overflow = in->multi_overflow;
	model_rx_modes(m, &rx);
	if (!in->mac_set)
		memcpy(rx.mac, dev->conf.mac, sizeof(rx.mac));
	/* Without memory the rules of a reset device stay, until a driver sets its own. */
	if (model_rx_set(m, &rx) != 0)
		return -ENOMEM;
	/* Offloads follow from the features of the driver that comes. */
	if (in->mac_set)
		memcpy(dev->ctrl_mac, rx.mac, sizeof(dev->ctrl_mac));
	return 0;
}

void
model_driver_changed(struct vn_model *m)
{
	const struct vn_device_env *env = &m->dev->env;

	if (env->driver_changed != NULL)
		env->driver_changed(env->ctx, m->dev, false);
}
