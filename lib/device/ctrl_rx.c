/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Control commands about what is received: modes, MAC addresses, VLANs; and announcements
 * (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.4).
 */
#include <string.h>

#include <rte_ether.h>

#include "model_private.h"

static uint16_t
get16(const uint8_t *data)
{
	rte_le16_t v;

	memcpy(&v, data, sizeof(v));
	return rte_le_to_cpu_16(v);
}

static uint32_t
get32(const uint8_t *data)
{
	rte_le32_t v;

	memcpy(&v, data, sizeof(v));
	return rte_le_to_cpu_32(v);
}

static int
take(struct vn_model *m, const struct vn_rx_state *rx, uint64_t *failures)
{
	if (model_rx_set(m, rx) == 0)
		return CTRL_WAIT;
	++*failures;
	return VN_NET_ERR;
}

int
ctrl_rx(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	const uint64_t feature =
		command <= VN_NET_CTRL_RX_ALLMULTI ? VN_NET_F_CTRL_RX : VN_NET_F_CTRL_RX_EXTRA;
	struct vn_rx_state rx = m->rx;
	uint8_t before;
	int rc;

	if (command >= MODEL_MODES || !model_negotiated(m, feature) || len != 1 || data[0] > 1)
		return VN_NET_ERR;
	before = m->mode[command];
	m->mode[command] = data[0];
	model_rx_modes(m, &rx);
	rc = take(m, &rx, &m->dev->health.rules);
	if (rc == VN_NET_ERR)
		m->mode[command] = before;
	return rc;
}

/*
 * Two lists, each behind its length. A list that has no room in our table does not make the command
 * fail, as a driver (Linux) would go on as if all was well: all frames of its kind are received
 * then, as NICs do it.
 */
static int
table_set(struct vn_model *m, const uint8_t *data, uint32_t len)
{
	const bool uni_before = m->uni_overflow, multi_before = m->multi_overflow;
	struct vn_rx_state rx = m->rx;
	uint32_t n_uni, n_multi;
	const uint8_t *multi;
	int rc;

	if (len < 4)
		return VN_NET_ERR;
	n_uni = get32(data);
	if (n_uni > len / RTE_ETHER_ADDR_LEN || len < 4 + n_uni * RTE_ETHER_ADDR_LEN + 4)
		return VN_NET_ERR;
	multi = data + 4 + n_uni * RTE_ETHER_ADDR_LEN;
	n_multi = get32(multi);
	if (n_multi > len / RTE_ETHER_ADDR_LEN || len != 8 + (n_uni + n_multi) * RTE_ETHER_ADDR_LEN)
		return VN_NET_ERR;
	m->uni_overflow = n_uni > VN_RX_MACS;
	if (m->uni_overflow)
		n_uni = 0;
	m->multi_overflow = n_multi > VN_RX_MACS - n_uni;
	if (m->multi_overflow)
		n_multi = 0;
	memset(rx.table, 0, sizeof(rx.table));
	memcpy(rx.table, data + 4, n_uni * RTE_ETHER_ADDR_LEN);
	memcpy(rx.table[n_uni], multi + 4, n_multi * RTE_ETHER_ADDR_LEN);
	rx.n_uni = n_uni;
	rx.n_multi = n_multi;
	model_rx_modes(m, &rx);
	rc = take(m, &rx, &m->dev->health.mac_tables);
	if (rc == VN_NET_ERR) {
		m->uni_overflow = uni_before;
		m->multi_overflow = multi_before;
	}
	return rc;
}

int
ctrl_mac(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	struct vn_rx_state rx = m->rx;
	struct rte_ether_addr addr;
	int rc;

	if (command == VN_NET_CTRL_MAC_TABLE_SET && model_negotiated(m, VN_NET_F_CTRL_RX))
		return table_set(m, data, len);
	if (command != VN_NET_CTRL_MAC_ADDR_SET || !model_negotiated(m, VN_NET_F_CTRL_MAC_ADDR) ||
		len != sizeof(addr))
		return VN_NET_ERR;
	memcpy(&addr, data, sizeof(addr));
	if (!rte_is_valid_assigned_ether_addr(&addr))
		return VN_NET_ERR;
	memcpy(rx.mac, data, sizeof(rx.mac));
	rc = take(m, &rx, &m->dev->health.rules);
	if (rc == VN_NET_ERR)
		return rc;
	m->mac_set = true;
	memcpy(m->dev->ctrl_mac, data, sizeof(m->dev->ctrl_mac));
	/* It is what the configuration space shows from now on (5.1.6.5.2). */
	model_config_changed(m, false);
	return rc;
}

int
ctrl_vlan(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	struct vn_rx_state rx = m->rx;
	uint16_t id;

	if (command > VN_NET_CTRL_VLAN_DEL || !model_negotiated(m, VN_NET_F_CTRL_VLAN) ||
		len != sizeof(id))
		return VN_NET_ERR;
	id = get16(data);
	if (id > RTE_ETHER_MAX_VLAN_ID)
		return VN_NET_ERR;
	if (command == VN_NET_CTRL_VLAN_ADD)
		rx.vlan[id / 64] |= RTE_BIT64(id % 64);
	else
		rx.vlan[id / 64] &= ~RTE_BIT64(id % 64);
	return take(m, &rx, &m->dev->health.vlans);
}

int
ctrl_announce(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	RTE_SET_USED(data);
	if (command != VN_NET_CTRL_ANNOUNCE_ACK || !model_negotiated(m, VN_NET_F_GUEST_ANNOUNCE) ||
		len != 0)
		return VN_NET_ERR;
	if (m->announce) {
		m->announce = false;
		model_config_changed(m, false);
	}
	return VN_NET_OK;
}
