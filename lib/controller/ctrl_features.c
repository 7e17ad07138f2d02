/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Which features this version supports, and which of them a device offers (contract 8.11). */

#include "ctrl_private.h"
#include "vn_features.h"

/*
 * Over vhost-user the VMM has the control queue and the config space: the bits about those mean
 * "does not stand in the VMM's way".
 */
#define RINGS_ONLY                                                                                 \
	(VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM | VN_NET_F_MTU | VN_NET_F_MAC | VN_NET_F_GUEST_TSO4 | \
		VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN | VN_NET_F_HOST_TSO4 |                    \
		VN_NET_F_HOST_TSO6 | VN_NET_F_HOST_ECN | VN_NET_F_MRG_RXBUF | VN_NET_F_STATUS |    \
		VN_NET_F_CTRL_VQ | VN_NET_F_CTRL_RX | VN_NET_F_CTRL_VLAN |                         \
		VN_NET_F_GUEST_ANNOUNCE | VN_NET_F_MQ | VN_NET_F_CTRL_MAC_ADDR | VN_F_ANY_LAYOUT | \
		VN_F_INDIRECT_DESC | VN_F_EVENT_IDX | VN_F_VERSION_1 | VN_F_IN_ORDER |             \
		VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6 | VN_NET_F_HOST_USO |                    \
		VN_NET_F_SPEED_DUPLEX)

/* Those that need a device model of ours. */
#define FULL_ONLY                                                                      \
	(VN_NET_F_CTRL_GUEST_OFFLOADS | VN_NET_F_CTRL_RX_EXTRA | VN_F_IOMMU_PLATFORM | \
		VN_F_ORDER_PLATFORM | VN_F_NOTIFICATION_DATA | VN_F_RING_RESET |       \
		VN_NET_F_DEVICE_STATS | VN_NET_F_VQ_NOTF_COAL | VN_NET_F_NOTF_COAL |   \
		VN_NET_F_HASH_REPORT | VN_NET_F_GUEST_HDRLEN | VN_NET_F_RSS)

/* Offered only when somebody asks for them (contract 8.11). */
#define ON_DEMAND                                                                               \
	(VN_NET_F_MRG_RXBUF | VN_F_RING_PACKED | VN_F_ORDER_PLATFORM | VN_F_NOTIFICATION_DATA | \
		VN_NET_F_HASH_REPORT)

/* Ring mechanics are no service that an operator's mask is about. */
#define MECHANICS (VN_F_ANY_LAYOUT | VN_F_INDIRECT_DESC | VN_F_EVENT_IDX | VN_F_VERSION_1)

#define OFFLOADS (VN_NET_F_HOST_OFFLOADS | VN_NET_F_GUEST_OFFLOADS)

uint64_t
ctrl_supported(uint64_t port_features)
{
	return (RINGS_ONLY | FULL_ONLY) & (~OFFLOADS | port_features);
}

uint64_t
ctrl_carried(const struct vn_controller *ctrl, const struct vn_transport_ops *transport)
{
	uint64_t features = ctrl->supported_features;

	if (!transport->full)
		return features & RINGS_ONLY;
	/* Contract 8.9: both the key and the device's mask. */
	if (!ctrl->conf.mrg_rxbuf)
		features &= ~VN_NET_F_MRG_RXBUF;
	return features;
}

/*
 * Over vhost-user the VMM chooses among what the back end can do, so all of it is offered unless
 * the operator gave a mask.
 */
uint64_t
ctrl_offered(const struct vn_controller *ctrl, const struct vn_transport_ops *transport,
	const struct vn_conf_fn *fn)
{
	const uint64_t all = ctrl_carried(ctrl, transport);

	if (fn != NULL && fn->has_features)
		return all & (fn->features | MECHANICS);
	return transport->full ? all & ~ON_DEMAND : all;
}
