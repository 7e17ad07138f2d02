/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Control commands about notification coalescing (virtio 1.3, 5.1.6.5.9).
 */
#include <string.h>

#include "model_private.h"

static struct model_coal
from_wire(const struct vn_net_ctrl_coal *c)
{
	return (struct model_coal){
		.usecs = rte_le_to_cpu_32(c->max_usecs),
		.packets = rte_le_to_cpu_32(c->max_packets),
		.own = true,
	};
}

/* For all rings of a direction, those of now and those that start later. */
static int
set_all(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	struct vn_net_ctrl_coal c;

	if (!model_negotiated(m, VN_NET_F_NOTF_COAL) || len != sizeof(c))
		return VN_NET_ERR;
	memcpy(&c, data, sizeof(c));
	m->coal[command] = from_wire(&c);
	for (unsigned int i = command == VN_NET_CTRL_NOTF_COAL_TX_SET; i < m->dev->num_vqs - 1u;
		i += 2)
		m->queue[i].coal = m->coal[command];
	model_apply_coal(m);
	return CTRL_WAIT;
}

/* @return a queue that is enabled and carries data, or -1. */
static int
data_queue(const struct vn_model *m, uint16_t number)
{
	const int i = model_queue_index(m, number);

	return i >= 0 && i != model_ctrl_index(m) && m->queue[i].regs.enable &&
			       !m->queue[i].regs.resetting
		       ? i
		       : -1;
}

static int
set_one(struct vn_model *m, const uint8_t *data, uint32_t len)
{
	struct vn_net_ctrl_coal_vq c;
	int i;

	if (len != sizeof(c))
		return VN_NET_ERR;
	memcpy(&c, data, sizeof(c));
	i = data_queue(m, rte_le_to_cpu_16(c.vq_index));
	if (i < 0)
		return VN_NET_ERR;
	m->queue[i].coal = from_wire(&c.coal);
	model_apply_coal(m);
	return CTRL_WAIT;
}

static int
get_one(struct vn_model *m, const uint8_t *data, uint32_t len)
{
	struct vn_net_ctrl_coal c;
	rte_le16_t number;
	int i;

	/* The number, and a reserved field. */
	if (len != 2 * sizeof(number) || ctrl_result_room(m) < sizeof(c))
		return VN_NET_ERR;
	memcpy(&number, data, sizeof(number));
	i = data_queue(m, rte_le_to_cpu_16(number));
	if (i < 0)
		return VN_NET_ERR;
	c.max_packets = rte_cpu_to_le_32(m->queue[i].coal.packets);
	c.max_usecs = rte_cpu_to_le_32(m->queue[i].coal.usecs);
	memcpy(ctrl_result(m), &c, sizeof(c));
	m->ctrl.reply_len = sizeof(c);
	return VN_NET_OK;
}

int
ctrl_coal(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	if (command == VN_NET_CTRL_NOTF_COAL_TX_SET || command == VN_NET_CTRL_NOTF_COAL_RX_SET)
		return set_all(m, command, data, len);
	if (!model_negotiated(m, VN_NET_F_VQ_NOTF_COAL))
		return VN_NET_ERR;
	if (command == VN_NET_CTRL_NOTF_COAL_VQ_SET)
		return set_one(m, data, len);
	return command == VN_NET_CTRL_NOTF_COAL_VQ_GET ? get_one(m, data, len) : VN_NET_ERR;
}
