/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl_show.h"
#include "vn_features.h"
#include "vn_model.h"
#include "vn_net_config.h"

/* Constants where the reference product shows something of its hardware; see doc/keys.md. */
#define MAX_TUNNEL_DESCRIPTORS 6
#define NO_PCI_ADDR            "0000:00:00.0"
#define PCI_VENDOR             0x1af4
#define PCI_DEVICE             0x1041
/* A transitional device (virtio 1.2, 4.1.2). */
#define PCI_DEVICE_LEGACY 0x1000
#define PCI_SUBSYS_LEGACY 0x1
#define PCI_CLASS         0x20000

#define QUEUE_TYPE_SPLIT   0x1
#define QUEUE_TYPE_PACKED  0x2
#define EVENT_MODE_NO_MSIX 0x1
#define EVENT_MODE_MSIX    0x4

static const char *
queue_type_name(unsigned int bit)
{
	return bit == 0 ? "SPLIT" : bit == 1 ? "PACKED" : NULL;
}

static const char *
event_mode_name(unsigned int bit)
{
	return bit == 0 ? "NO_MSIX_MODE" : bit == 2 ? "MSIX_MODE" : NULL;
}

const char *
ctl_status_name(unsigned int bit)
{
	static const char *const names[] = {
		[0] = "ACK",
		[1] = "DRIVER",
		[2] = "DRIVER_OK",
		[3] = "FEATURES_OK",
		[6] = "DEVICE_NEEDS_RESET",
		[7] = "FAILED",
	};

	return bit < RTE_DIM(names) ? names[bit] : NULL;
}

void
ctl_rdma_pci_addr(const char *ib_dev, char buf[CTL_PCI_ADDR_LEN])
{
	unsigned int domain, bus, slot, fn;
	char path[128], target[256];
	const char *name;
	ssize_t n;
	int end = 0;

	strcpy(buf, NO_PCI_ADDR);
	if (ib_dev[0] == '\0' || ib_dev[0] == '.' || strchr(ib_dev, '/') != NULL)
		return;
	n = snprintf(path, sizeof(path), "/sys/class/infiniband/%s/device", ib_dev);
	if (n < 0 || (size_t)n >= sizeof(path))
		return;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	name = strrchr(target, '/');
	name = name != NULL ? name + 1 : target;
	if (strlen(name) == CTL_PCI_ADDR_LEN - 1 &&
		sscanf(name, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &fn, &end) == 4 &&
		end == CTL_PCI_ADDR_LEN - 1)
		memcpy(buf, name, CTL_PCI_ADDR_LEN);
}

/** Devices that the emulation manager can have in all. */
static uint64_t
max_devices(const struct vn_capacity *cap, uint64_t hotplug)
{
	if (!cap->current[VN_CAP_EMULATION_ENABLE])
		return 0;
	return cap->current[VN_CAP_NUM_PF] + vn_capacity_vfs(cap) + hotplug;
}

json_t *
ctl_show_controller(const struct vn_controller *ctrl)
{
	const struct vn_capacity *cap = &ctrl->capacity;
	bool packed = ctrl->conf.packed_vq && (ctrl->supported_features & VN_F_RING_PACKED) != 0;
	const uint64_t hotplug = vn_controller_max_hotplug(ctrl);
	const unsigned int starting = vn_controller_starting(ctrl);
	struct ctl_obj o = ctl_obj_begin();

	ctl_put_str(&o, "emulation_manager",
		ctrl->conf.is_lag ? ctrl->conf.ib_dev_lag : ctrl->conf.ib_dev_p0);
	ctl_put_dec(&o, "max_hotplug_devices", hotplug);
	ctl_put_dec(&o, "max_virt_net_devices", max_devices(cap, hotplug));
	ctl_put_dec(&o, "max_virt_queues", ctrl->max_virt_queues);
	ctl_put_dec(&o, "max_tunnel_descriptors", MAX_TUNNEL_DESCRIPTORS);
	ctl_put(&o, "supported_features", ctl_bits(ctrl->supported_features, vn_feature_name));
	ctl_put(&o, "supported_virt_queue_types",
		ctl_bits(QUEUE_TYPE_SPLIT | (packed ? QUEUE_TYPE_PACKED : 0), queue_type_name));
	ctl_put(&o, "supported_event_modes",
		ctl_bits(EVENT_MODE_NO_MSIX | EVENT_MODE_MSIX, event_mode_name));
	/* Ours. */
	ctl_put_num(&o, "ready", starting == 0);
	ctl_put_num(&o, "devices_starting", starting);
	return ctl_obj_end(&o);
}

const char *
ctl_function_type(enum vn_function_type type)
{
	switch (type) {
	case VN_STATIC_PF:
		return "static PF";
	case VN_HOTPLUG_PF:
		return "hotplug PF";
	case VN_VF:
		break;
	}
	return "VF";
}

const char *
ctl_representor(const struct vn_device *dev)
{
	if (dev->env.port_ops != NULL && !dev->env.port_ops->netdev)
		return "";
	/* An operator may rename it. */
	return dev->port_info.ifindex > 0 && dev->port_info.name[0] != '\0' ? dev->port_info.name
									    : dev->conf.rep_name;
}

static bool
transitional(const struct vn_device *dev)
{
	return dev->ctrl != NULL && dev->ctrl->transitional;
}

void
ctl_put_bdf(struct ctl_obj *o, const char *key, const struct vn_device *dev)
{
	const bool known = dev->ctrl != NULL && dev->ctrl->guest_bdf != UINT16_MAX;
	const uint16_t bdf = known ? dev->ctrl->guest_bdf : dev->conf.bdf;
	char text[16];

	snprintf(text, sizeof(text), "%02x:%02x.%x", bdf >> 8, bdf >> 3 & 0x1f, bdf & 7);
	ctl_put_str(o, key, text);
}

/** pf_id to enabled_vfs: the same in list and query. */
static void
put_identity(struct ctl_obj *o, const struct vn_controller *ctrl, const struct vn_device *dev)
{
	const struct vn_device_conf *c = &dev->conf;

	if (c->type == VN_VF) {
		ctl_put_num(o, "vf_id", c->vf_id);
		ctl_put_num(o, "parent_pf_id", c->pf_id);
	} else {
		ctl_put_num(o, "pf_id", c->pf_id);
	}
	ctl_put_str(o, "function_type", ctl_function_type(c->type));
	ctl_put_num(o, "transitional", transitional(dev));
	ctl_put_str(o, "vuid", c->vuid);
	ctl_put_bdf(o, "pci_bdf", dev);
	ctl_put_hex_upper(o, "pci_vhca_id", c->bdf);
	ctl_put_dec(o, "pci_max_vfs",
		c->type == VN_STATIC_PF ? vn_capacity_pf_vfs(&ctrl->capacity, c->pf_id) : 0);
	ctl_put_dec(o, "enabled_vfs", dev->ctrl != NULL ? dev->ctrl->num_vfs : 0);
}

/** The six pool keys of a PF: list only. */
static void
put_pools(struct ctl_obj *o, const struct vn_controller *ctrl, const struct vn_device *dev)
{
	struct vn_pools pools;

	vn_controller_pools(ctrl, dev, &pools);
	ctl_put_num(o, "msix_num_pool_size", pools.msix_free);
	ctl_put_num(o, "min_msix_num", pools.min_msix);
	ctl_put_num(o, "max_msix_num", pools.max_msix);
	ctl_put_num(o, "min_num_of_qp", pools.min_qp);
	ctl_put_num(o, "max_num_of_qp", pools.max_qp);
	ctl_put_num(o, "qp_pool_size", pools.qp_free);
}

/** num_msix to dim: the same in list and query. */
static void
put_state(struct ctl_obj *o, const struct vn_device *dev)
{
	const struct vn_device_conf *c = &dev->conf;
	struct vn_net_config config;
	struct vn_model_info model;
	char addr[CTL_PCI_ADDR_LEN];

	vn_model_get_info(dev, &model);
	ctl_put_dec(o, "num_msix", c->num_msix);
	ctl_put_dec(o, "num_queues", c->num_queues);
	ctl_put_dec(o, "enabled_queues", dev->enabled_queues);
	ctl_put_dec(o, "max_queue_size", c->max_queue_size);
	ctl_put_hex_upper(o, "msix_config_vector", model.config_vector);
	ctl_put_mac(o, "mac", c->mac);
	ctl_put_dec(o, "link_status", dev->link_up);
	ctl_put_dec(o, "max_queue_pairs", c->max_queue_pairs);
	ctl_put_dec(o, "mtu", c->mtu);
	ctl_put_dec(o, "speed", c->speed);
	/* Zero unless the device offers RSS or hash report. */
	vn_device_config_read(dev, 0, &config, sizeof(config));
	ctl_put_dec(o, "rss_max_key_size", config.rss_max_key_size);
	ctl_put_hex(o, "supported_hash_types", rte_le_to_cpu_32(config.supported_hash_types));
	ctl_put_mac(o, "ctrl_mac", dev->ctrl_mac);
	ctl_put_dec(o, "ctrl_mq", dev->ctrl_mq);
	ctl_put_num(o, "sf_num", c->sf_num);
	ctl_put_str(o, "sf_parent_device", c->ib_dev);
	ctl_rdma_pci_addr(c->ib_dev, addr);
	ctl_put_str(o, "sf_parent_device_pci_addr", addr);
	ctl_put_str(o, "sf_rep_net_device", ctl_representor(dev));
	ctl_put_num(o, "sf_rep_net_ifindex",
		dev->port_info.ifindex > 0 ? (uint64_t)dev->port_info.ifindex : 0);
	ctl_put_str(o, "sf_rdma_device", "");
	ctl_put_hex_upper(o, "sf_cross_mkey", 0);
	ctl_put_hex_upper(o, "sf_vhca_id", c->sf_num);
	ctl_put_hex_upper(o, "sf_rqt_num", 0);
	ctl_put_str(o, "aarfs", c->aarfs ? "enabled" : "disabled");
	ctl_put_str(o, "dim", c->dim ? "enabled" : "disabled");
}

/** Keys of ours: behind the last one of the contract, so that nobody's line count changes. */
static void
put_ours(struct ctl_obj *o, const struct vn_device *dev)
{
	struct vn_endpoint_info info = {0};
	const char *problem = "";

	if (dev->transport != NULL && dev->endpoint != NULL)
		dev->transport->get_info(dev->endpoint, &info);
	if (dev->port_error[0] != '\0')
		problem = dev->port_error;
	else if (dev->broken)
		problem = dev->broken_why != NULL ? dev->broken_why : "broken";
	ctl_put_str(o, "transport", dev->transport != NULL ? dev->transport->name : "");
	ctl_put_str(o, "socket", info.path);
	ctl_put_num(o, "connected", info.connected);
	ctl_put_str(o, "vm", dev->ctrl != NULL ? dev->ctrl->vm : "");
	ctl_put_str(o, "root_port", dev->ctrl != NULL ? dev->ctrl->root_port : "");
	ctl_put_str(o, "port", dev->env.port_ops != NULL ? dev->env.port_ops->kind : "");
	ctl_put_str(o, "problem", problem);
}

json_t *
ctl_show_list(const struct vn_controller *ctrl, const struct vn_device *dev)
{
	struct ctl_obj o = ctl_obj_begin();

	put_identity(&o, ctrl, dev);
	if (dev->conf.type != VN_VF)
		put_pools(&o, ctrl, dev);
	put_state(&o, dev);
	put_ours(&o, dev);
	return ctl_obj_end(&o);
}

/** A reset is under way: rings are still with their poller. */
static bool
in_reset(const struct vn_device *dev)
{
	struct vn_model_info model;
	unsigned int i;

	/* A driver of a whole function sees its status until the reset has ended. */
	if (vn_model_get_info(dev, &model))
		return model.resetting;
	if (dev->status != 0)
		return false;
	for (i = 0; i < dev->num_vqs; i++) {
		if (dev->vq[i].state == VN_VQ_STOPPING)
			return true;
	}
	return false;
}

json_t *
ctl_show_query(
	const struct vn_controller *ctrl, const struct vn_device *dev, const struct ctl_query *what)
{
	struct ctl_obj o = ctl_obj_begin();

	put_identity(&o, ctrl, dev);
	ctl_put_hex(&o, "pci_dev_id", transitional(dev) ? PCI_DEVICE_LEGACY : PCI_DEVICE);
	ctl_put_hex(&o, "pci_vendor_id", PCI_VENDOR);
	ctl_put_hex(&o, "pci_class_code", PCI_CLASS);
	ctl_put_hex(&o, "pci_subsys_id",
		transitional(dev) ? PCI_SUBSYS_LEGACY : ctrl->capacity.current[VN_CAP_SUBSYS_ID]);
	ctl_put_hex(&o, "pci_subsys_vendor_id", ctrl->capacity.current[VN_CAP_SUBSYS_VENDOR_ID]);
	ctl_put_dec(&o, "pci_revision_id", !transitional(dev));
	ctl_put(&o, "device_feature", ctl_bits(dev->device_features, vn_feature_name));
	ctl_put(&o, "driver_feature", ctl_bits(dev->driver_features, vn_feature_name));
	ctl_put(&o, "status", ctl_bits(dev->status, ctl_status_name));
	ctl_put_dec(&o, "reset", in_reset(dev));
	ctl_put_dec(&o, "enabled", dev->host_attached && !in_reset(dev));
	put_state(&o, dev);
	if (!what->brief)
		ctl_put(&o, "enabled-queues-info", ctl_show_queues(dev, what));
	/* Only then: scripts look for "num_" and expect two lines. */
	if (dev->conf.drop_counter)
		ctl_put_dec(&o, "num_desc_drop_pkts", vn_device_dropped(dev));
	put_ours(&o, dev);
	return ctl_obj_end(&o);
}
