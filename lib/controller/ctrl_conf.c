/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What a device is made with: its place gives its identity, the operator its size. */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "ctrl_private.h"
#include "vn_errors.h"
#include "vn_features.h"

#define MAX_QUEUE_SIZE 32768
#define LAST_SF        2999

int
ctrl_port_of(const struct vn_conf *conf, const char *ib_dev)
{
	if (conf->is_lag)
		return strcmp(ib_dev, conf->ib_dev_lag) == 0 ? 0 : -ENODEV;
	if (strcmp(ib_dev, conf->ib_dev_p0) == 0)
		return 0;
	return !conf->single_port && strcmp(ib_dev, conf->ib_dev_p1) == 0 ? 1 : -ENODEV;
}

void
ctrl_conf_fill(const struct vn_controller *ctrl, const struct vn_identity *id, const char *ib_dev,
	struct vn_device_conf *dc)
{
	const struct vn_conf *conf = &ctrl->conf;

	dc->bdf = id->bdf;
	dc->pci_function = id->pci_function;
	dc->sf_num = id->sf_num;
	dc->speed = CTRL_SPEED;
	dc->lcore_first = 0;
	dc->lcore_last = UINT_MAX;
	memcpy(dc->vuid, id->vuid, sizeof(dc->vuid));
	memcpy(dc->rep_name, id->rep_name, sizeof(dc->rep_name));
	snprintf(dc->ib_dev, sizeof(dc->ib_dev), "%.*s", (int)sizeof(dc->ib_dev) - 1, ib_dev);
	if (conf->has_dpa_cores) {
		/* DPA core n is our worker lcore number n, counted from 1. */
		dc->lcore_first = conf->dpa_core_start - 1;
		dc->lcore_last = conf->dpa_core_end - 1;
	}
}

bool
ctrl_vf_transitional(const struct vn_controller *ctrl, const struct vn_transport_ops *transport)
{
	return transport->full && ctrl->capacity.current[VN_CAP_VF_PCI_LAYOUT] != 0;
}

/* What a PF that may own VFs says of them (SR-IOV capability). */
static void
own_vfs(const struct vn_controller *ctrl, unsigned int pf_id,
	const struct vn_transport_ops *transport, struct vn_device_conf *dc)
{
	const struct vn_capacity *cap = &ctrl->capacity;
	const uint32_t most = vn_capacity_pf_vfs(cap, pf_id);
	const int first = vn_identity_vf_index(pf_id, 0, cap->current[VN_CAP_NUM_VF]);

	if (most == 0 || first < 0)
		return;
	dc->total_vfs = (uint16_t)most;
	dc->vf_offset = (uint16_t)((VN_BUS_VF << 8) + first - dc->bdf);
	/* What modify may give it: see ctrl_vf_conf(). */
	dc->vf_msix = (uint16_t)RTE_MAX(ctrl_vf_vectors(cap), (uint32_t)ctrl->max_virt_queues);
	dc->vf_transitional = ctrl_vf_transitional(ctrl, transport);
}

int
ctrl_static_pf_conf(const struct vn_controller *ctrl, unsigned int pf_id,
	const struct vn_transport_ops *transport, struct vn_device_conf *dc)
{
	const struct vn_conf *conf = &ctrl->conf;
	struct vn_identity id;
	/* SFs of static PFs lie on port 1 only if their RDMA device is that of port 1. */
	const unsigned int port = !conf->is_lag && !conf->single_port &&
				  strcmp(conf->ib_dev_for_static_pf, conf->ib_dev_p1) == 0;
	int rc;

	rc = vn_identity_static_pf(&id, ctrl->env.board_serial, pf_id, port);
	if (rc != 0)
		return rc;
	*dc = (struct vn_device_conf){
		.type = VN_STATIC_PF,
		.pf_id = pf_id,
		.features = ctrl_offered(ctrl, transport, &conf->static_pf, 0),
		.num_msix = ctrl->capacity.current[VN_CAP_NUM_MSIX],
		.max_queue_size = CTRL_QUEUE_SIZE,
		.mtu = CTRL_MTU,
	};
	/* One vector is for config changes; each queue has one of its own (contract 4.3). */
	dc->num_queues = dc->num_msix - 1;
	dc->max_queue_pairs = (dc->num_queues - 1) / 2;
	ctrl_conf_fill(ctrl, &id, conf->ib_dev_for_static_pf, dc);
	ctrl_place_pin(ctrl, &conf->static_pf, dc);
	own_vfs(ctrl, pf_id, transport, dc);
	if (conf->static_pf.has_mac_base)
		vn_identity_mac_add(conf->static_pf.mac_base, pf_id, dc->mac);
	else
		memcpy(dc->mac, id.mac, sizeof(dc->mac));
	return 0;
}

uint32_t
ctrl_vf_vectors(const struct vn_capacity *cap)
{
	const uint32_t *v = cap->current;

	if (v[VN_CAP_NUM_VF_MSIX] != 0)
		return v[VN_CAP_NUM_VF_MSIX];
	if (v[VN_CAP_NUM_VF_MSIX_OLD] != 0)
		return RTE_MIN(v[VN_CAP_NUM_VF_MSIX_OLD], v[VN_CAP_NUM_MSIX]);
	return v[VN_CAP_NUM_MSIX];
}

int
ctrl_vf_conf(const struct vn_controller *ctrl, const struct vn_device *pf, unsigned int vf_id,
	const struct vn_transport_ops *transport, struct vn_device_conf *dc)
{
	const struct vn_conf_fn *conf = &ctrl->conf.vf;
	const unsigned int pf_id = pf->conf.pf_id;
	const int port = ctrl_port_of(&ctrl->conf, pf->conf.ib_dev);
	const int index = vn_identity_vf_index(pf_id, vf_id, ctrl->capacity.current[VN_CAP_NUM_VF]);
	struct vn_identity parent = {.pci_function = pf->conf.pci_function}, id;
	const struct vn_port_ops *ops;
	struct vn_pools pools;
	uint64_t features;
	int rc;

	if (index < 0)
		return index;
	memcpy(parent.vuid, pf->conf.vuid, sizeof(parent.vuid));
	rc = vn_identity_vf(
		&id, &parent, ctrl->env.board_serial, vf_id, (unsigned int)index, port == 1);
	if (rc != 0)
		return rc;
	*dc = (struct vn_device_conf){
		.type = VN_VF,
		.pf_id = (uint16_t)pf_id,
		.vf_id = (uint16_t)vf_id,
		/* VFs own no VFs, and are not managed by a driver. */
		.features = ctrl_offered(ctrl, transport, conf, 0) & ~(VN_F_SR_IOV | VN_F_ADMIN_VQ),
		.num_msix = (uint16_t)ctrl_vf_vectors(&ctrl->capacity),
		.max_queue_size =
			conf->max_queue_size != 0 ? conf->max_queue_size : CTRL_QUEUE_SIZE,
		.mtu = CTRL_MTU,
	};
	/* As with PFs: a vector for config changes, and one for each queue. */
	dc->num_queues = dc->num_msix - 1;
	dc->max_queue_pairs = (dc->num_queues - 1) / 2;
	if (conf->max_queue_pairs != 0 && conf->max_queue_pairs < dc->max_queue_pairs) {
		dc->max_queue_pairs = conf->max_queue_pairs;
		dc->num_queues = 2 * dc->max_queue_pairs + 1;
	}
	/*
	 * Modify may give it more of both (contract, section 5). But a netdev has one queue or many
	 * for ever, and many cost a thousand VFs with one pair a GiB of the kernel's memory.
	 */
	vn_controller_pools(ctrl, pf, &pools);
	dc->max_msix = (uint16_t)RTE_MAX(pools.max_msix, dc->num_msix);
	ops = ctrl_port(ctrl, conf->port, &features);
	if (dc->max_queue_pairs > 1 || (ops != NULL && !ops->netdev))
		dc->port_pairs = (uint16_t)pools.max_qp;
	ctrl_conf_fill(ctrl, &id, pf->conf.ib_dev, dc);
	ctrl_place_pin(ctrl, conf, dc);
	/* PFs and VFs beyond vfs_per_pf share addresses: the contract has it so. */
	if (conf->has_mac_base)
		vn_identity_mac_add(conf->mac_base, pf_id * conf->vfs_per_pf + vf_id, dc->mac);
	else
		memcpy(dc->mac, id.mac, sizeof(dc->mac));
	return 0;
}

/* A request while it is checked. */
struct check {
	struct vn_controller *ctrl;
	const struct vn_hotplug *hp;
	struct vn_device_conf *dc;
	struct vn_ctrl_dev *info;
	char *text;
	size_t len;
};

static int __attribute__((format(printf, 3, 4)))
refuse(const struct check *c, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, c->len, fmt, ap);
	va_end(ap);
	return rc;
}

bool
ctrl_parse_mac(const char *text, uint8_t mac[VN_MAC_LEN])
{
	int n = 0;

	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 17; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
		       &mac[4], &mac[5], &n) == 6 &&
	       n == 17;
}

static int
check_queues(const struct check *c)
{
	const uint32_t msix = c->ctrl->capacity.current[VN_CAP_NUM_MSIX];
	const uint32_t most = RTE_MIN(msix, (uint32_t)c->ctrl->max_virt_queues);
	const struct vn_hotplug *hp = c->hp;
	struct vn_device_conf *dc = c->dc;
	const uint64_t queues = hp->has_queues                        ? hp->max_queues
				: hp->max_queue_pairs <= CTRL_MAX_VQS ? 2 * hp->max_queue_pairs + 1
								      : UINT64_MAX;

	if (queues < 3 || queues > most)
		return refuse(c, VIRTNET_ERR_QUEUES,
			"3 to %u virtqueues (1 to %u pairs) are possible: "
			"VIRTIO_NET_EMULATION_NUM_MSIX is %u",
			most, (most - 1) / 2, msix);
	dc->num_queues = (uint16_t)queues;
	dc->max_queue_pairs = (uint16_t)((queues - 1) / 2);
	/* One vector for each queue and one for the config space, if there are so many. */
	dc->num_msix = hp->no_msix ? 0 : (uint16_t)RTE_MIN(queues + 1, (uint64_t)msix);
	if (hp->max_queue_size > MAX_QUEUE_SIZE)
		return refuse(c, VIRTNET_ERR_QUEUE_SIZE, "4 to %d are possible", MAX_QUEUE_SIZE);
	if (hp->max_queue_size <= 2 || (hp->max_queue_size & (hp->max_queue_size - 1)) != 0)
		return refuse(c, VIRTNET_ERR_QUEUE_SIZE_POW2, "%s", "");
	dc->max_queue_size = (uint16_t)hp->max_queue_size;
	return 0;
}

static int
check_transport(const struct check *c, const struct vn_transport_ops **transport)
{
	const struct vn_conf *conf = &c->ctrl->conf;
	const struct vn_hotplug *hp = c->hp;
	const char *name = ctrl_transport_name(c->ctrl, hp->transport);
	uint64_t features;

	*transport = ctrl_transport(c->ctrl, name);
	if (*transport == NULL || (*transport)->plug == NULL)
		return refuse(c, -EOPNOTSUPP, "this build has no transport %.32s", name);
	if (!(*transport)->full && hp->legacy)
		return refuse(c, VIRTNET_ERR_NOT_SUPPORTED,
			"--legacy needs --transport vfio-user: over %s the VMM makes the function",
			name);
	if (!(*transport)->full && hp->doorbell != NULL)
		return refuse(c, VIRTNET_ERR_NOT_SUPPORTED,
			"--doorbell needs --transport vfio-user: %s has its own doorbells", name);
	if (ctrl_port(c->ctrl, hp->port_kind, &features) == NULL)
		return refuse(
			c, -EOPNOTSUPP, "this build has no ports of kind \"%.32s\"", hp->port_kind);
	c->info->port_kind = hp->port_kind;
	c->info->transitional = hp->legacy;
	c->info->doorbell_page =
		(*transport)->full && (hp->doorbell != NULL ? strcmp(hp->doorbell, "page") == 0
							    : conf->vfio_user_doorbell_page);
	return 0;
}

static int
check_features(const struct check *c, const struct vn_transport_ops *transport)
{
	const uint64_t odd = c->hp->features & ~ctrl_carried(c->ctrl, transport);

	if (odd != 0)
		return refuse(c, VIRTNET_ERR_FEATURES_CHECK,
			"feature bit %d is not supported%s: leave 0x%llx out", __builtin_ctzll(odd),
			transport->full ? "" : " over vhost-user", (unsigned long long)odd);
	c->dc->features = ctrl_offered(c->ctrl, transport, NULL, c->hp->features);
	return 0;
}

static bool
sf_used(const struct vn_controller *ctrl, uint64_t sf_num)
{
	const struct ctrl_op *op;

	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		if (ctrl->device[i]->conf.sf_num == sf_num)
			return true;
	}
	/* Those on their way out have left the list. */
	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (op->step == CTRL_TEARDOWN && op->dev != NULL && op->dev->conf.sf_num == sf_num)
			return true;
	}
	return false;
}

bool
ctrl_sf_free(const struct vn_controller *ctrl, uint64_t sf_num)
{
	return sf_num >= VN_SF_HOTPLUG_PF && sf_num <= LAST_SF && !sf_used(ctrl, sf_num);
}

static bool
slot_free(const struct vn_controller *ctrl, unsigned int slot, unsigned int port)
{
	char id[VN_HOST_NAME_LEN];
	struct vn_identity who;

	if ((ctrl->priv->slots & UINT32_C(1) << slot) != 0 ||
		vn_identity_hotplug_pf(&who, ctrl->env.board_serial, slot, port) != 0)
		return false;
	/* A VM may still have the function of an earlier controller. */
	ctrl_host_id(who.vuid, id);
	for (unsigned int i = 0; i < ctrl->n_hosts; i++) {
		if (vn_host_has(ctrl->host[i], id))
			return false;
	}
	return true;
}

static int
check_place(const struct check *c, struct vn_identity *id)
{
	struct vn_controller *ctrl = c->ctrl;
	const unsigned int used = (unsigned int)__builtin_popcount(ctrl->priv->slots);
	const int port = ctrl_port_of(&ctrl->conf, c->hp->ib_dev);
	unsigned int slot = 1, pf_id = 0;
	uint64_t sf;
	int rc;

	if (!ctrl->capacity.current[VN_CAP_EMULATION_ENABLE])
		return refuse(c, VIRTNET_ERR_HOTPLUG, "VIRTIO_NET_EMULATION_ENABLE is 0");
	if (port < 0)
		return refuse(c, VIRTNET_ERR_PORT_CTX,
			"%.63s is not an RDMA device of virtnet.conf: use %s%s%s", c->hp->ib_dev,
			ctrl->conf.is_lag ? ctrl->conf.ib_dev_lag : ctrl->conf.ib_dev_p0,
			ctrl->conf.ib_dev_p1[0] != '\0' ? " or " : "", ctrl->conf.ib_dev_p1);
	while (slot <= VN_MAX_HOTPLUG_PF && !slot_free(ctrl, slot, (unsigned int)port))
		slot++;
	rc = ctrl_limits_hotplug(ctrl, used, c->text, c->len);
	if (rc == 0 && slot > VN_MAX_HOTPLUG_PF)
		rc = refuse(c, VIRTNET_ERR_HOTPLUG,
			"%u hotplug devices are there, and VMs have functions of all other slots",
			used);
	if (rc == 0)
		rc = ctrl_sf_room(ctrl, c->hp->ib_dev, 1, c->text, c->len);
	if (rc != 0)
		return rc;
	vn_identity_hotplug_pf(id, ctrl->env.board_serial, slot, (unsigned int)port);
	c->info->slot = slot;
	sf = c->hp->has_sf_num ? c->hp->sf_num : id->sf_num;
	if (sf < VN_SF_HOTPLUG_PF || sf > LAST_SF)
		return refuse(c, VIRTNET_ERR_SF_NUM_RANGE, "%s", "");
	if (c->hp->has_sf_num && sf_used(ctrl, sf))
		return refuse(c, VIRTNET_ERR_SF_NUM_USED, "%s", "");
	/* The slot's own number may have been given to another: there are far more of them. */
	while (sf_used(ctrl, sf))
		sf = sf < LAST_SF ? sf + 1 : VN_SF_HOTPLUG_PF;
	id->sf_num = (uint32_t)sf;
	vn_identity_rep_name((unsigned int)port, id->sf_num, id->rep_name);
	while (vn_controller_find(ctrl, (int)pf_id, -1) != NULL)
		pf_id++;
	c->dc->pf_id = (uint16_t)pf_id;
	return 0;
}

int
ctrl_hotplug_conf(struct vn_controller *ctrl, const struct vn_hotplug *hp,
	struct vn_device_conf *dc, struct vn_ctrl_dev *info, char *text, size_t len)
{
	const struct check c = {ctrl, hp, dc, info, text, len};
	const struct vn_transport_ops *transport;
	struct vn_identity id;
	int rc;

	text[0] = '\0';
	*dc = (struct vn_device_conf){.type = VN_HOTPLUG_PF};
	if (!ctrl_parse_mac(hp->mac, dc->mac))
		return refuse(&c, VIRTNET_ERR_MAC, "write it as 0C:C4:7A:FF:22:93");
	if (hp->mtu < VN_CONTROLLER_MIN_MTU || hp->mtu > VN_CONTROLLER_MAX_MTU)
		return refuse(&c, VIRTNET_ERR_MTU, "%d to %d are possible", VN_CONTROLLER_MIN_MTU,
			VN_CONTROLLER_MAX_MTU);
	dc->mtu = (uint16_t)hp->mtu;
	rc = check_queues(&c);
	if (rc == 0)
		rc = check_transport(&c, &transport);
	if (rc == 0)
		rc = check_features(&c, transport);
	if (rc == 0)
		rc = check_place(&c, &id);
	if (rc == 0)
		ctrl_conf_fill(ctrl, &id, hp->ib_dev, dc);
	return rc;
}
