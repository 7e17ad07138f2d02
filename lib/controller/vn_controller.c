/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vn_controller.h"
#include "vn_features.h"
#include "vn_identity.h"
#include "vn_log.h"

/** Virtqueues of a device at most (contract 4.3: max_virt_queues). */
#define MAX_VIRT_QUEUES 256
/** Depth of a ring unless the operator says otherwise (contract 8.10). */
#define DEFAULT_QUEUE_SIZE 256
#define DEFAULT_MTU        1500
#define DEFAULT_SPEED      100000

/*
 * What the device side of this version can do. Over vhost-user the VMM has the control queue and
 * the config space: the bits about those mean "does not stand in the VMM's way".
 */
#define SUPPORTED_FEATURES                                                                         \
	(VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM | VN_NET_F_MTU | VN_NET_F_MAC | VN_NET_F_GUEST_TSO4 | \
		VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN | VN_NET_F_HOST_TSO4 |                    \
		VN_NET_F_HOST_TSO6 | VN_NET_F_HOST_ECN | VN_NET_F_MRG_RXBUF | VN_NET_F_STATUS |    \
		VN_NET_F_CTRL_VQ | VN_NET_F_CTRL_RX | VN_NET_F_CTRL_VLAN |                         \
		VN_NET_F_GUEST_ANNOUNCE | VN_NET_F_MQ | VN_NET_F_CTRL_MAC_ADDR | VN_F_ANY_LAYOUT | \
		VN_F_INDIRECT_DESC | VN_F_EVENT_IDX | VN_F_VERSION_1 | VN_F_IN_ORDER |             \
		VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6 | VN_NET_F_HOST_USO |                    \
		VN_NET_F_SPEED_DUPLEX)

#define OFFLOADS (VN_NET_F_HOST_OFFLOADS | VN_NET_F_GUEST_OFFLOADS)

int
vn_controller_create(const struct vn_controller_env *env, const struct vn_conf *conf,
	const struct vn_capacity *capacity, struct vn_controller **out)
{
	struct vn_controller *ctrl = calloc(1, sizeof(*ctrl));

	if (ctrl == NULL)
		return -ENOMEM;
	ctrl->env = *env;
	ctrl->conf = *conf;
	ctrl->capacity = *capacity;
	ctrl->max_virt_queues = MAX_VIRT_QUEUES;
	ctrl->supported_features = SUPPORTED_FEATURES & (~OFFLOADS | env->dev.port_features);
	ctrl->device = calloc(VN_MAX_STATIC_PF, sizeof(ctrl->device[0]));
	if (ctrl->device == NULL) {
		free(ctrl);
		return -ENOMEM;
	}
	*out = ctrl;
	return 0;
}

/*
 * Over vhost-user the VMM chooses among what the back end can do, so all of it is offered unless
 * the operator gave a mask.
 */
static uint64_t
offered_features(const struct vn_controller *ctrl, const struct vn_conf_fn *fn)
{
	const uint64_t mask = fn->has_features ? fn->features : UINT64_MAX;

	/* Ring mechanics are no service that an operator's mask is about. */
	return ctrl->supported_features &
	       (mask | VN_F_ANY_LAYOUT | VN_F_INDIRECT_DESC | VN_F_EVENT_IDX | VN_F_VERSION_1);
}

static int
static_pf_conf(const struct vn_controller *ctrl, unsigned int pf_id, struct vn_device_conf *dc)
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
		.bdf = id.bdf,
		.pci_function = id.pci_function,
		.features = offered_features(ctrl, &conf->static_pf),
		.num_msix = ctrl->capacity.current[VN_CAP_NUM_MSIX],
		.max_queue_size = DEFAULT_QUEUE_SIZE,
		.mtu = DEFAULT_MTU,
		.speed = DEFAULT_SPEED,
		.sf_num = id.sf_num,
		.lcore_last = UINT_MAX,
	};
	/* One vector is for config changes; each queue has one of its own (contract 4.3). */
	dc->num_queues = dc->num_msix - 1;
	dc->max_queue_pairs = (dc->num_queues - 1) / 2;
	snprintf(dc->vuid, sizeof(dc->vuid), "%s", id.vuid);
	snprintf(dc->rep_name, sizeof(dc->rep_name), "%s", id.rep_name);
	snprintf(dc->ib_dev, sizeof(dc->ib_dev), "%.*s", (int)sizeof(dc->ib_dev) - 1,
		conf->ib_dev_for_static_pf);
	if (conf->static_pf.has_mac_base)
		vn_identity_mac_add(conf->static_pf.mac_base, pf_id, dc->mac);
	else
		memcpy(dc->mac, id.mac, sizeof(dc->mac));
	if (conf->has_dpa_cores) {
		/* DPA core n is our worker lcore number n, counted from 1. */
		dc->lcore_first = conf->dpa_core_start - 1;
		dc->lcore_last = conf->dpa_core_end - 1;
	}
	return 0;
}

static int
plug(struct vn_controller *ctrl, struct vn_device *dev, char *err, size_t errlen)
{
	char path[PATH_MAX];
	const struct vn_endpoint_conf ec = {
		.path = path,
		.client = ctrl->conf.vhost_user_client,
	};
	int rc;

	snprintf(path, sizeof(path), "%s/%s.sock", ctrl->env.socket_dir, dev->conf.vuid);
	rc = ctrl->env.transport->plug(dev, &ec, &dev->endpoint, err, errlen);
	if (rc == 0)
		dev->transport = ctrl->env.transport;
	return rc;
}

int
vn_controller_start(struct vn_controller *ctrl, char *err, size_t errlen)
{
	const struct vn_capacity *cap = &ctrl->capacity;
	unsigned int n = cap->current[VN_CAP_NUM_PF];
	struct vn_device_conf dc;
	struct vn_device *dev;
	int rc;

	if (!cap->current[VN_CAP_EMULATION_ENABLE]) {
		VN_INFO("VIRTIO_NET_EMULATION_ENABLE is 0: no devices");
		return 0;
	}
	for (unsigned int i = 0; i < n && i < VN_MAX_STATIC_PF; i++) {
		rc = static_pf_conf(ctrl, i, &dc);
		if (rc == 0)
			rc = vn_device_create(&ctrl->env.dev, &dc, &dev);
		if (rc == -ENODEV) {
			snprintf(err, errlen,
				"no worker lcore in the window dpa_core_start %u .. "
				"dpa_core_end %u: give more lcores (-l) or another window",
				ctrl->conf.dpa_core_start, ctrl->conf.dpa_core_end);
			return rc;
		}
		if (rc != 0) {
			snprintf(err, errlen, "static PF %u cannot be made: %s", i, strerror(-rc));
			return rc;
		}
		ctrl->device[ctrl->num_devices++] = dev;
		rc = plug(ctrl, dev, err, errlen);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/** All devices on their way out. */
struct stopping {
	enum vn_port_fate fate;
	unsigned int left;
	vn_device_cb done;
	void *ctx;
};

struct stopping_device {
	struct stopping *all;
	struct vn_device *dev;
};

static void
one_gone(void *ctx, int result)
{
	struct stopping_device *sd = ctx;
	struct stopping *all = sd->all;

	RTE_SET_USED(result);
	free(sd);
	if (--all->left > 0)
		return;
	all->done(all->ctx, 0);
	free(all);
}

static void
one_unplugged(void *ctx, int result)
{
	struct stopping_device *sd = ctx;

	RTE_SET_USED(result);
	sd->dev->endpoint = NULL;
	vn_device_destroy(sd->dev, sd->all->fate, one_gone, sd);
}

void
vn_controller_stop(struct vn_controller *ctrl, enum vn_port_fate fate, vn_device_cb done, void *ctx)
{
	struct stopping *all = calloc(1, sizeof(*all));
	const unsigned int n = ctrl->num_devices;

	if (all == NULL || n == 0) {
		free(all);
		done(ctx, all == NULL && n > 0 ? -ENOMEM : 0);
		return;
	}
	*all = (struct stopping){.fate = fate, .left = n, .done = done, .ctx = ctx};
	ctrl->num_devices = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct stopping_device *sd = calloc(1, sizeof(*sd));
		struct vn_device *dev = ctrl->device[i];

		if (sd == NULL) {
			all->left--; /* leaks at the end of the process: harmless */
			continue;
		}
		*sd = (struct stopping_device){.all = all, .dev = dev};
		if (dev->endpoint != NULL)
			dev->transport->unplug(dev->endpoint, one_unplugged, sd);
		else
			one_unplugged(sd, 0);
	}
}

void
vn_controller_destroy(struct vn_controller *ctrl)
{
	if (ctrl == NULL)
		return;
	free(ctrl->device);
	free(ctrl);
}

struct vn_device *
vn_controller_find(struct vn_controller *ctrl, int pf, int vf)
{
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		struct vn_device *dev = ctrl->device[i];

		if (dev->conf.pf_id != pf)
			continue;
		if (vf < 0 ? dev->conf.type != VN_VF
			   : dev->conf.type == VN_VF && dev->conf.vf_id == vf)
			return dev;
	}
	return NULL;
}

struct vn_device *
vn_controller_find_vuid(struct vn_controller *ctrl, const char *vuid)
{
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		if (strcmp(ctrl->device[i]->conf.vuid, vuid) == 0)
			return ctrl->device[i];
	}
	return NULL;
}

bool
vn_controller_settled(const struct vn_controller *ctrl)
{
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		const struct vn_device *dev = ctrl->device[i];

		if (dev->port_info.ifindex == 0 && dev->port_error[0] == '\0')
			return false;
	}
	return true;
}

void
vn_controller_check_mem(struct vn_controller *ctrl)
{
	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		vn_device_check_mem(ctrl->device[i]);
}

void
vn_controller_link_changed(struct vn_controller *ctrl, int ifindex)
{
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		const int mine = ctrl->device[i]->port_info.ifindex;

		/* One that was gone comes back with another number. */
		if (ifindex == 0 || mine == ifindex || mine == 0)
			vn_device_refresh_port(ctrl->device[i]);
	}
}
