/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What may be changed, and when (contract 4.6, section 5). */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctrl_modify.h"
#include "vn_carry.h"
#include "vn_errors.h"
#include "vn_features.h"
#include "vn_net_ctrl.h"

#define MAX_QUEUE_SIZE 32768
#define MAX_COAL_USECS 1000000
/** Positions of a ring wrap at this: more frames than it can count never come together. */
#define MAX_COAL_PACKETS 65535

/** Speeds of link modes that Linux knows, in Mb/s. Help and doc/keys.md list them as well. */
static const uint32_t speeds[] = {10, 100, 1000, 2500, 5000, 10000, 14000, 20000, 25000, 40000,
	50000, 56000, 100000, 200000, 400000, 800000};

#define CARRY(option, key, full, rings) \
	[VN_MODIFY_##option] = {key, {VN_CARRY_##full, VN_CARRY_##rings}},
static const struct {
	const char *key;
	enum vn_carry carry[2]; /* whole functions, rings only */
} carry[] = {VN_CARRY_OPTIONS(CARRY)};
#undef CARRY
static_assert(RTE_DIM(carry) == VN_MODIFY_COUNT, "a row for each option");

/** What a driver has read when it was loaded. */
#define NEEDS_UNBOUND                                                           \
	(1u << VN_MODIFY_MAC | 1u << VN_MODIFY_MTU | 1u << VN_MODIFY_FEATURES | \
		1u << VN_MODIFY_MSIX_NUM | 1u << VN_MODIFY_QUEUE_SIZE |         \
		1u << VN_MODIFY_QUEUE_PAIRS | 1u << VN_MODIFY_DIM)
/** What is counted about receive queues, which a driver makes. */
#define NEEDS_LOADED (1u << VN_MODIFY_DROP_COUNTER | 1u << VN_MODIFY_PKT_CNT)

int
ctrl_refuse(const struct ctrl_change *c, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, c->len, fmt, ap);
	va_end(ap);
	return rc;
}

static uint64_t
value(const struct ctrl_change *c, enum vn_modify_option option)
{
	return c->m.value[option];
}

static bool
full(const struct vn_device *dev)
{
	return dev->transport != NULL && dev->transport->full;
}

/* Can the transport do it at all? */
static int
check_carry(const struct vn_device *dev, const struct ctrl_change *c)
{
	if (ctrl_asks(c, VN_MODIFY_DST_PORT))
		return ctrl_refuse(c, VIRTNET_ERR_DST_PORT_RULE,
			"there are no rules by destination port: frames are spread by RSS");
	for (unsigned int i = 0; i < VN_MODIFY_COUNT; i++) {
		if (!ctrl_asks(c, i) || carry[i].carry[!full(dev)] != VN_CARRY_NOT)
			continue;
		if (carry[i].carry[0] == VN_CARRY_NOT)
			return ctrl_refuse(c, VIRTNET_ERR_NOT_SUPPORTED, "%s: nothing here has it",
				carry[i].key);
		return ctrl_refuse(c, VIRTNET_ERR_NOT_SUPPORTED,
			"%s: over %s that is the VMM's: change it there, or use vfio-user",
			carry[i].key, dev->transport != NULL ? dev->transport->name : "rings only");
	}
	return 0;
}

static int
check_driver(const struct vn_device *dev, const struct ctrl_change *c)
{
	const bool loaded = vn_device_driver_loaded(dev);

	if ((c->m.has & NEEDS_UNBOUND) != 0 && vn_device_driver_present(dev))
		return ctrl_refuse(c, VIRTNET_ERR_DRIVER_LOADED, "%s",
			full(dev) ? "unbind the driver in the guest, modify, bind it again"
				  : "stop the VM, or take the device out of it");
	if ((c->m.has & NEEDS_LOADED) != 0 && !loaded)
		return ctrl_refuse(c, VIRTNET_ERR_NOT_STARTED,
			"no driver is loaded: receive queues are counted, and it makes them");
	/* The VMM has asked for the number of queues, and has rings laid out. */
	if (ctrl_asks(c, VN_MODIFY_QUEUE_PAIRS) && !full(dev) && dev->host_attached)
		return ctrl_refuse(c, -EBUSY, "a VMM is connected: stop the VM first");
	return 0;
}

static int
check_mac(struct ctrl_change *c)
{
	if (!ctrl_asks(c, VN_MODIFY_MAC))
		return 0;
	if (c->m.mac == NULL || !ctrl_parse_mac(c->m.mac, c->wanted.mac))
		return ctrl_refuse(c, VIRTNET_ERR_MAC, "write it as 0C:C4:7A:FF:22:93");
	return 0;
}

static int
check_speed(struct ctrl_change *c)
{
	const uint64_t speed = value(c, VN_MODIFY_SPEED);

	if (!ctrl_asks(c, VN_MODIFY_SPEED))
		return 0;
	for (unsigned int i = 0; i < RTE_DIM(speeds); i++) {
		if (speeds[i] == speed) {
			c->wanted.speed = (uint32_t)speed;
			return 0;
		}
	}
	return ctrl_refuse(c, VIRTNET_ERR_SPEED, "%s", "");
}

static int
check_config(struct ctrl_change *c)
{
	const uint64_t mtu = value(c, VN_MODIFY_MTU), size = value(c, VN_MODIFY_QUEUE_SIZE);

	if (ctrl_asks(c, VN_MODIFY_MTU)) {
		if (mtu < VN_CONTROLLER_MIN_MTU || mtu > VN_CONTROLLER_MAX_MTU)
			return ctrl_refuse(c, VIRTNET_ERR_MTU, "%d to %d are possible",
				VN_CONTROLLER_MIN_MTU, VN_CONTROLLER_MAX_MTU);
		c->wanted.mtu = (uint16_t)mtu;
	}
	if (ctrl_asks(c, VN_MODIFY_LINK)) {
		if (value(c, VN_MODIFY_LINK) > 1)
			return ctrl_refuse(c, -EINVAL, "link: 0 is down, 1 is up");
		c->wanted.link_down = value(c, VN_MODIFY_LINK) == 0;
	}
	if (ctrl_asks(c, VN_MODIFY_QUEUE_SIZE)) {
		if (size > MAX_QUEUE_SIZE)
			return ctrl_refuse(
				c, VIRTNET_ERR_QUEUE_SIZE, "4 to %d are possible", MAX_QUEUE_SIZE);
		if (size <= 2 || (size & (size - 1)) != 0)
			return ctrl_refuse(c, VIRTNET_ERR_QUEUE_SIZE_POW2, "%s", "");
		c->wanted.max_queue_size = (uint16_t)size;
	}
	return 0;
}

static int
check_features(struct vn_controller *ctrl, const struct vn_device *dev, struct ctrl_change *c)
{
	uint64_t all, odd;

	if (!ctrl_asks(c, VN_MODIFY_FEATURES))
		return 0;
	if (dev->transport == NULL)
		return ctrl_refuse(c, VIRTNET_ERR_FEATURES_CHECK, "the device has no transport");
	all = ctrl_carried(ctrl, dev->transport);
	odd = value(c, VN_MODIFY_FEATURES) & ~all;
	/* As in a mask of virtnet.conf, which is written once for devices of either transport. */
	c->vmms = odd & dev->transport->not_carried & ctrl->supported_features;
	odd &= ~c->vmms;
	if (odd & VN_NET_F_MRG_RXBUF & ctrl->supported_features)
		return ctrl_refuse(c, VIRTNET_ERR_FEATURES_CHECK,
			"bit 15 needs \"mrg_rxbuf\": 1 in virtnet.conf");
	if (odd != 0)
		return ctrl_refuse(c, VIRTNET_ERR_FEATURES_CHECK,
			"feature bit %d is not supported%s: leave 0x%llx out", __builtin_ctzll(odd),
			full(dev) ? "" : " over vhost-user", (unsigned long long)odd);
	c->wanted.features = (value(c, VN_MODIFY_FEATURES) & ~c->vmms) | ctrl_mechanics(all);
	/* It is in masks that people use for VFs as well, which own none. */
	if (dev->conf.type != VN_STATIC_PF)
		c->wanted.features &= ~VN_F_SR_IOV;
	return 0;
}

static int
check_hash(struct ctrl_change *c)
{
	const bool hashes = (c->wanted.features & (VN_NET_F_RSS | VN_NET_F_HASH_REPORT)) != 0;
	const uint64_t types = value(c, VN_MODIFY_HASH_TYPES);

	if (!ctrl_asks(c, VN_MODIFY_HASH_TYPES) && !ctrl_asks(c, VN_MODIFY_RSS_KEY_SIZE))
		return 0;
	if (!hashes)
		return ctrl_refuse(c, VIRTNET_ERR_NOT_SUPPORTED,
			"the device offers neither RSS (bit 60) nor hash report (bit 57)");
	if (ctrl_asks(c, VN_MODIFY_HASH_TYPES)) {
		if (types == 0 || (types & ~(uint64_t)VN_NET_HASH_ALL) != 0)
			return ctrl_refuse(
				c, VIRTNET_ERR_HASH_TYPE, "some bits of 0x%x", VN_NET_HASH_ALL);
		c->wanted.hash_types = (uint32_t)types;
	}
	if (ctrl_asks(c, VN_MODIFY_RSS_KEY_SIZE)) {
		if (value(c, VN_MODIFY_RSS_KEY_SIZE) != VN_NET_RSS_KEY_SIZE)
			return ctrl_refuse(c, VIRTNET_ERR_RSS_KEY_SIZE, "%s", "");
		c->wanted.rss_key_size = VN_NET_RSS_KEY_SIZE;
	}
	return 0;
}

static int
check_rx_mode(const struct vn_device *dev, struct ctrl_change *c)
{
	if (!ctrl_asks(c, VN_MODIFY_RX_MODE))
		return 0;
	if (dev->conf.max_queue_pairs == 0)
		return ctrl_refuse(
			c, VIRTNET_ERR_SF_RX_MODE_SET, "the device has no receive queues");
	if (value(c, VN_MODIFY_RX_MODE) & ~(uint64_t)VN_RX_MODE_ALL)
		return ctrl_refuse(c, -EINVAL, "rx_mode: bits of 0x%x, 0: as the driver sets it",
			VN_RX_MODE_ALL);
	c->wanted.rx_mode = (uint32_t)value(c, VN_MODIFY_RX_MODE);
	return 0;
}

/* The status is the driver's, but for what a device may do: be reset, and ask for it. */
static int
check_state(const struct vn_device *dev, struct ctrl_change *c)
{
	const uint64_t state = value(c, VN_MODIFY_STATE);

	if (!ctrl_asks(c, VN_MODIFY_STATE))
		return 0;
	if (state == dev->status)
		return 0;
	if (state == 0) {
		c->reset = true;
		return 0;
	}
	if (state != VN_STATUS_NEEDS_RESET && state != (dev->status | VN_STATUS_NEEDS_RESET))
		return ctrl_refuse(c, VIRTNET_ERR_NOT_SUPPORTED,
			"state: the driver's bits are the driver's (0x%x now): 0 resets the "
			"device, 64 asks the driver to",
			dev->status);
	if (!vn_device_driver_loaded(dev))
		return ctrl_refuse(c, VIRTNET_ERR_NOT_STARTED, "no driver is loaded");
	c->need_reset = true;
	return 0;
}

static int
check_switches(const struct vn_device *dev, struct ctrl_change *c)
{
	if (ctrl_asks(c, VN_MODIFY_AARFS)) {
		if (dev->conf.type == VN_VF)
			return ctrl_refuse(c, VIRTNET_ERR_NOT_SUPPORTED, "aarfs is for PFs");
		c->wanted.aarfs = value(c, VN_MODIFY_AARFS) != 0;
	}
	if (ctrl_asks(c, VN_MODIFY_DIM))
		c->wanted.dim = value(c, VN_MODIFY_DIM) != 0;
	if (ctrl_asks(c, VN_MODIFY_DROP_COUNTER))
		c->wanted.drop_counter = value(c, VN_MODIFY_DROP_COUNTER) != 0;
	if (ctrl_asks(c, VN_MODIFY_PKT_CNT))
		c->wanted.count_sizes = value(c, VN_MODIFY_PKT_CNT) != 0;
	return 0;
}

static int
check_queue(struct ctrl_change *c)
{
	if (!ctrl_asks(c, VN_MODIFY_QUEUE))
		return 0;
	if (c->m.coal_mode > VN_COAL_CQE || c->m.coal_usecs > MAX_COAL_USECS)
		return ctrl_refuse(c, VIRTNET_ERR_VQ_PERIOD, "0 to %d microseconds are possible",
			MAX_COAL_USECS);
	if (c->m.coal_packets > MAX_COAL_PACKETS)
		return ctrl_refuse(c, VIRTNET_ERR_VQ_PERIOD, "a count of 0 to %d is possible",
			MAX_COAL_PACKETS);
	c->wanted.coal_mode = (uint8_t)c->m.coal_mode;
	c->wanted.coal_usecs = (uint32_t)c->m.coal_usecs;
	c->wanted.coal_packets = (uint32_t)c->m.coal_packets;
	return 0;
}

void
ctrl_modify_names(const struct ctrl_change *c, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < VN_MODIFY_COUNT && at < len; i++) {
		if (ctrl_asks(c, i))
			at += (size_t)snprintf(
				buf + at, len - at, "%s%s", at > 0 ? ", " : "", carry[i].key);
	}
}

int
ctrl_modify_check(struct vn_controller *ctrl, const struct vn_device *dev, struct ctrl_change *c)
{
	int rc;

	c->text[0] = '\0';
	c->before = c->wanted = dev->conf;
	c->msix_back = c->qp_back = 0;
	c->reset = c->need_reset = c->warn = false;
	c->vmms = 0;
	if (c->m.has == 0)
		return ctrl_refuse(c, -EINVAL, "nothing to change");
	rc = check_carry(dev, c);
	if (rc == 0)
		rc = check_driver(dev, c);
	if (rc == 0)
		rc = check_mac(c);
	if (rc == 0)
		rc = check_speed(c);
	if (rc == 0)
		rc = check_config(c);
	if (rc == 0)
		rc = check_features(ctrl, dev, c);
	if (rc == 0)
		rc = check_hash(c);
	if (rc == 0)
		rc = check_rx_mode(dev, c);
	if (rc == 0)
		rc = check_state(dev, c);
	if (rc == 0)
		rc = check_switches(dev, c);
	if (rc == 0)
		rc = check_queue(c);
	if (rc == 0)
		rc = ctrl_pools_check(ctrl, dev, c);
	return rc;
}
