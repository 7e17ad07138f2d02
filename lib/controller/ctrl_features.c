/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Which features this version supports, and which of them a device offers (contract 8.11). */

#include "ctrl_private.h"
#include "vn_features.h"
#include "vn_model.h"

/* Offered only when somebody asks for them (contract 8.11). */
#define ON_DEMAND \
	(VN_NET_F_MRG_RXBUF | VN_F_ORDER_PLATFORM | VN_F_NOTIFICATION_DATA | VN_NET_F_HASH_REPORT)

/* Ring mechanics are no service that an operator's mask is about. */
#define MECHANICS (VN_F_ANY_LAYOUT | VN_F_INDIRECT_DESC | VN_F_EVENT_IDX | VN_F_VERSION_1)

/*
 * Whole segments towards the driver. Without mergeable buffers Linux posts 68 KiB for each
 * descriptor then, on all queues: half a gigabyte for 31 pairs. So they go together.
 */
#define BIG_RECEIVE                                                                             \
	(VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN | VN_NET_F_GUEST_USO4 | \
		VN_NET_F_GUEST_USO6)

#define OFFLOADS (VN_NET_F_HOST_OFFLOADS | VN_NET_F_GUEST_OFFLOADS)

uint64_t
ctrl_supported(uint64_t port_features)
{
	return vn_model_features() & (~OFFLOADS | port_features);
}

uint64_t
ctrl_mechanics(uint64_t features)
{
	return features & MECHANICS;
}

uint64_t
ctrl_carried(const struct vn_controller *ctrl, const struct vn_transport_ops *transport)
{
	uint64_t features = ctrl->supported_features & ~transport->not_carried;

	/* Contract 8.9: both the key and the device's mask. With rings only, the VMM chooses. */
	if (transport->full && !ctrl->conf.mrg_rxbuf)
		features &= ~VN_NET_F_MRG_RXBUF;
	/* Contract 8.6: the key is enough. */
	if (transport->full && !ctrl->conf.packed_vq)
		features &= ~VN_F_RING_PACKED;
	return features;
}

uint64_t
ctrl_offered(const struct vn_controller *ctrl, const struct vn_transport_ops *transport,
	const struct vn_conf_fn *fn, uint64_t more)
{
	const uint64_t all = ctrl_carried(ctrl, transport);
	uint64_t features;

	if (fn != NULL && fn->has_features)
		return all & (fn->features | MECHANICS);
	/* With rings only the VMM chooses among what the back end can do. */
	if (!transport->full)
		return all;
	/* Hotplug PFs own no VFs (contract 1.1). */
	features = all & ~(ON_DEMAND | (fn == NULL ? VN_F_SR_IOV : 0));
	features |= all & more;
	if (!(features & VN_NET_F_MRG_RXBUF))
		features &= ~BIG_RECEIVE | more;
	return features;
}
