/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ether.h>

#include "vu_private.h"

/* Smallest MTU of IPv4 (RFC 791), as other back ends have it. */
#define VU_MIN_MTU 68
#define VU_MAX_MTU 65535

int
vu_set_owner(struct vu_conn *c __rte_unused, struct vu_msg *m __rte_unused)
{
	/* A socket has one peer: that one is the owner. */
	return 0;
}

int
vu_get_queue_num(struct vu_conn *c, struct vu_msg *m __rte_unused)
{
	vu_reply_u64(c, c->dev->conf.max_queue_pairs);
	return VU_PENDING;
}

/* The specification recommends to take it as "disable all rings", if at all. */
int
vu_reset_owner(struct vu_conn *c, struct vu_msg *m __rte_unused)
{
	unsigned int i;

	vu_op_begin(c, vu_op_ack);
	for (i = 0; i < c->n_rings; i++) {
		vu_ring_stop(&c->ring[i]);
		c->ring[i].enabled = false;
		vu_ring_drop_kick(&c->ring[i]);
	}
	vu_op_put(c, 0);
	return VU_PENDING;
}

/*
 * Memory is the front end's to take back, not the driver's: one that describes it region by region
 * does not do so again after a reset. So the device gets it back.
 */
static void
vu_reset_mem(void *ctx, int result)
{
	struct vu_conn *c = ctx;

	if (result == -ETIMEDOUT)
		vu_log_abandon(c);
	if (result == 0 && c->mem != NULL && !c->dead)
		vn_device_set_mem(c->dev, c->mem->map, vu_op_cb, c);
	else
		vu_op_put(c, result);
}

void
vu_device_reset(struct vu_conn *c)
{
	vn_device_reset(c->dev, vu_reset_mem, c);
}

static int
vu_reset(struct vu_conn *c)
{
	unsigned int i;

	for (i = 0; i < c->n_rings; i++)
		vu_ring_forget(&c->ring[i]);
	c->have_features = false;
	c->features = 0;
	c->log_on = false;
	vu_op_begin(c, vu_op_ack);
	vu_op_get(c);
	vu_device_reset(c);
	vu_op_put(c, 0);
	return VU_PENDING;
}

int
vu_reset_request(struct vu_conn *c, struct vu_msg *m __rte_unused)
{
	return vu_reset(c);
}

int
vu_set_status(struct vu_conn *c, struct vu_msg *m)
{
	uint64_t v;

	memcpy(&v, m->payload, sizeof(v));
	if (v > UINT8_MAX)
		return vu_refuse(c, -EINVAL, "status 0x%" PRIx64 " has more than 8 bits", v);
	if (v == 0)
		return vu_reset(c);
	vn_device_set_status(c->dev, (uint8_t)v);
	return 0;
}

int
vu_get_status(struct vu_conn *c, struct vu_msg *m __rte_unused)
{
	vu_reply_u64(c, c->dev->status);
	return VU_PENDING;
}

void
vu_status_implied(struct vu_conn *c, uint8_t bits)
{
	if (c->protocol & VU_PF_STATUS)
		return;
	if ((c->dev->status & bits) != bits)
		vn_device_set_status(c->dev, c->dev->status | bits);
}

/* Size and offset agree with the message? */
static bool
vu_config_valid(const struct vu_config *h, uint32_t size)
{
	return h->size <= VU_CONFIG_MAX && size == sizeof(*h) + h->size &&
	       h->offset <= VU_CONFIG_MAX && h->offset + h->size <= VU_CONFIG_MAX;
}

int
vu_get_config(struct vu_conn *c, struct vu_msg *m)
{
	struct {
		struct vu_config h;
		uint8_t data[VU_CONFIG_MAX];
	} reply;

	memcpy(&reply.h, m->payload, sizeof(reply.h));
	if (!vu_config_valid(&reply.h, m->size)) {
		VN_WARN("%s: vhost-user GET_CONFIG refused: %u bytes at %u, payload of %u",
			c->dev->conf.vuid, reply.h.size, reply.h.offset, m->size);
		/* An empty reply is this message's error. */
		vu_reply(c, NULL, 0);
		return VU_PENDING;
	}
	vn_device_config_read(c->dev, reply.h.offset, reply.data, reply.h.size);
	vu_reply(c, &reply, sizeof(reply.h) + reply.h.size);
	return VU_PENDING;
}

int
vu_set_config(struct vu_conn *c, struct vu_msg *m)
{
	struct vu_config h;

	memcpy(&h, m->payload, sizeof(h));
	if (!vu_config_valid(&h, m->size))
		return vu_refuse(
			c, -EINVAL, "%u bytes at %u, payload of %u", h.size, h.offset, m->size);
	/* A network device's space is read-only for drivers (virtio 1.2, 5.1.4); on migration it is
	 * the VMM's own. */
	if (!(h.flags & VU_CONFIG_F_MIGRATION))
		return vu_refuse(c, -EPERM, "the config space is read-only");
	return 0;
}

int
vu_send_rarp(struct vu_conn *c, struct vu_msg *m)
{
	struct rte_ether_addr mac;

	static_assert(sizeof(mac) == VN_MAC_LEN, "MAC address");
	memcpy(&mac, m->payload, sizeof(mac));
	if (!rte_is_valid_assigned_ether_addr(&mac))
		return vu_refuse(c, -EINVAL, RTE_ETHER_ADDR_PRT_FMT " is no station's address",
			RTE_ETHER_ADDR_BYTES(&mac));
	vn_device_announce(c->dev, mac.addr_bytes);
	return 0;
}

int
vu_net_set_mtu(struct vu_conn *c, struct vu_msg *m)
{
	uint64_t mtu;

	memcpy(&mtu, m->payload, sizeof(mtu));
	if (mtu < VU_MIN_MTU || mtu > VU_MAX_MTU)
		return vu_refuse(c, -EINVAL, "MTU %" PRIu64 " is not between %u and %u", mtu,
			VU_MIN_MTU, VU_MAX_MTU);
	/* What the VMM tells its guest. Ours is the operator's, and is not lowered by a guest. */
	if (mtu > c->dev->conf.mtu)
		VN_INFO("%s: the VMM tells its guest MTU %" PRIu64
			", the device has %u: longer frames may be dropped",
			c->dev->conf.vuid, mtu, c->dev->conf.mtu);
	return 0;
}
