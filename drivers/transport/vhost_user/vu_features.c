/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_common.h>

#include "vu_private.h"

#define VU_F_OWN (VU_F_LOG_ALL | VU_F_PROTOCOL_FEATURES)

#define VU_PF_OFFERED                                                                \
	(VU_PF_MQ | VU_PF_LOG_SHMFD | VU_PF_RARP | VU_PF_REPLY_ACK | VU_PF_NET_MTU | \
		VU_PF_CONFIG | VU_PF_RESET_DEVICE | VU_PF_CONFIGURE_MEM_SLOTS | VU_PF_STATUS)

static uint64_t
vu_offered(const struct vu_conn *c)
{
	return (c->dev->device_features & ~VU_F_NOT_CARRIED) | VU_F_OWN;
}

static uint64_t
vu_get64(const struct vu_msg *m)
{
	uint64_t v;

	memcpy(&v, m->payload, sizeof(v));
	return v;
}

int
vu_get_features(struct vu_conn *c, struct vu_msg *m __rte_unused)
{
	vu_reply_u64(c, vu_offered(c));
	return VU_PENDING;
}

static void
vu_features_done(struct vu_conn *c)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < c->n_rings && ret == 0; i++)
		ret = vu_ring_try_start(&c->ring[i]);
	vu_op_finish(c, ret);
}

/* The device is ready to take the features. */
static void
vu_features_apply(struct vu_conn *c)
{
	int ret;

	ret = vn_device_set_driver_features(c->dev, c->features & ~VU_F_OWN);
	if (ret != 0) {
		c->have_features = false;
		vu_refuse(c, ret, "the device refuses features 0x%" PRIx64, c->features);
		vu_ack(c, ret);
		return;
	}
	c->have_features = true;
	vu_status_implied(c, VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FEATURES_OK);
	vu_op_begin(c, vu_features_done);
	vu_log_apply(c);
	vu_op_put(c, 0);
}

/* It takes a reset by the driver: the device is broken, or rings stay where they are. */
static bool
vu_needs_reset(const struct vu_conn *c)
{
	for (unsigned int i = 0; i < c->n_rings; i++) {
		if (c->ring[i].lost)
			return true;
	}
	return c->dev->broken;
}

int
vu_set_features(struct vu_conn *c, struct vu_msg *m)
{
	uint64_t f = vu_get64(m), extra = f & ~vu_offered(c);

	if (extra != 0)
		return vu_refuse(c, -EINVAL, "features 0x%" PRIx64 " were not offered", extra);
	/* Each queue pair of a VMM may send them again; only the dirty log may change meanwhile. */
	if (vu_rings_running(c) && ((f ^ c->features) & ~VU_F_LOG_ALL) != 0)
		return vu_refuse(c, -EBUSY,
			"features change from 0x%" PRIx64 " to 0x%" PRIx64 " while rings run",
			c->features, f);
	c->features = f;
	vu_op_begin(c, vu_features_apply);
	/*
	 * A front end without STATUS cannot tell us of the driver's reset. One that negotiates anew
	 * with no ring running has seen one: what broke the device is over.
	 */
	if (vu_needs_reset(c) && !(c->protocol & VU_PF_STATUS) && !vu_rings_running(c)) {
		c->log_on = false;
		for (unsigned int i = 0; i < c->n_rings; i++)
			c->ring[i].lost = false;
		vu_op_get(c);
		vu_device_reset(c);
	}
	vu_op_put(c, 0);
	return VU_PENDING;
}

int
vu_get_protocol_features(struct vu_conn *c, struct vu_msg *m __rte_unused)
{
	vu_reply_u64(c, VU_PF_OFFERED);
	return VU_PENDING;
}

int
vu_set_protocol_features(struct vu_conn *c, struct vu_msg *m)
{
	uint64_t f = vu_get64(m), extra = f & ~VU_PF_OFFERED;

	if (extra != 0)
		return vu_refuse(
			c, -EINVAL, "protocol features 0x%" PRIx64 " were not offered", extra);
	c->protocol = f;
	return 0;
}
