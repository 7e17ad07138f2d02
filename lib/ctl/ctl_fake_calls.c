/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What lib/ctl calls of the libraries below it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "ctl_fake.h"
#include "vn_features.h"
#include "vn_net_config.h"

struct vn_poller fake_poller = {.index = 1, .lcore = 44};

static struct vn_port_stats fake_port_stats = {
	.rx_packets = 458,
	.tx_packets = 7,
	.tx_dropped = 3,
};

struct vn_device *
vn_controller_find(struct vn_controller *ctrl, int pf, int vf)
{
	unsigned int i;

	for (i = 0; i < ctrl->num_devices; i++) {
		const struct vn_device_conf *c = &ctrl->device[i]->conf;

		if (c->pf_id == pf && (c->type == VN_VF ? c->vf_id == vf : vf < 0))
			return ctrl->device[i];
	}
	return NULL;
}

struct vn_device *
vn_controller_find_vuid(struct vn_controller *ctrl, const char *vuid)
{
	unsigned int i;

	for (i = 0; i < ctrl->num_devices; i++) {
		if (strcmp(ctrl->device[i]->conf.vuid, vuid) == 0)
			return ctrl->device[i];
	}
	return NULL;
}

unsigned int
vn_controller_max_hotplug(const struct vn_controller *ctrl)
{
	return ctrl->capacity.current[VN_CAP_SWITCH_NUM_PORT];
}

struct vn_poller *
vn_device_poller(const struct vn_device *dev)
{
	return dev->enabled_queues != 0 ? &fake_poller : NULL;
}

const struct vn_port_stats *
vn_device_port_stats(const struct vn_device *dev, uint16_t qp)
{
	return qp < dev->ctrl_mq ? &fake_port_stats : NULL;
}

int
vn_device_measure(struct vn_device *dev)
{
	(void)dev;
	return 0;
}

const struct vn_poll_latency *
vn_device_latency(const struct vn_device *dev, unsigned int idx, uint64_t *since_ns)
{
	static struct vn_poll_latency l;

	/* The control queue is not measured. */
	if (idx + 1 >= dev->num_vqs)
		return NULL;
	if (l.service.count == 0) {
		vn_latency_add(&l.service, 1000);
		vn_latency_add(&l.away, 5000);
	}
	*since_ns = vn_now_ns();
	return &l;
}

void
vn_device_check_health(struct vn_device *dev)
{
	dev->health.fatal = dev->broken || dev->port_error[0] != '\0';
}

uint64_t
vn_device_spurious_kicks(const struct vn_device *dev)
{
	return dev->conf.pf_id;
}

void
vn_device_config_read(const struct vn_device *dev, uint32_t offset, void *buf, uint32_t len)
{
	struct vn_net_config config = {0};

	if (offset != 0 || len != sizeof(config))
		abort();
	if (dev->device_features & (VN_NET_F_RSS | VN_NET_F_HASH_REPORT)) {
		config.rss_max_key_size = 40;
		config.supported_hash_types = rte_cpu_to_le_32(0x1ff);
	}
	memcpy(buf, &config, sizeof(config));
}

struct vn_model_info fake_model = {
	.config_vector = 0,
	.doorbell_seen = true,
	.commands = 9,
	.commands_ok = 8,
	.allmulti = true,
	.filter_vlan = true,
	.uni_macs = 1,
	.multi_macs = 3,
	.vlans = 2,
	.hash_types = 0x3f,
	.filtered = 11,
	.moved = 12,
	.move_dropped = 13,
	.stay_dropped = 14,
};

bool
vn_model_get_info(const struct vn_device *dev, struct vn_model_info *info)
{
	const bool full = dev->transport != NULL && dev->transport->full;

	*info = full ? fake_model : (struct vn_model_info){.config_vector = 0xffff};
	return full;
}

bool
vn_model_queue_info(const struct vn_device *dev, unsigned int idx, struct vn_model_queue_info *info)
{
	const bool full = dev->transport != NULL && dev->transport->full;

	*info = (struct vn_model_queue_info){.coal_mode = VN_COAL_EVENT};
	if (!full)
		return false;
	info->notifications = 1000 + idx;
	info->coal_usecs = idx == 0 ? 30 : 0;
	info->coal_packets = idx == 0 ? 10 : 0;
	return true;
}

uint64_t
vn_device_dropped(const struct vn_device *dev)
{
	return dev->conf.drop_counter ? 42 : 0;
}

void
vn_controller_placement(const struct vn_controller *ctrl, struct vn_controller_placement *out)
{
	(void)ctrl;
	*out = (struct vn_controller_placement){.runs = 3, .moves = 1};
	out->last.load[0] = 250;
}

void
vn_controller_pools(
	const struct vn_controller *ctrl, const struct vn_device *pf, struct vn_pools *pools)
{
	*pools = (struct vn_pools){
		.msix_free = pf->ctrl->msix_pool,
		.max_msix = ctrl->max_virt_queues,
		.qp_free = pf->ctrl->qp_pool,
		.max_qp = (ctrl->max_virt_queues - 2u) / 2,
	};
}

unsigned int
vn_pollers_count(const struct vn_pollers *pollers)
{
	return pollers->n;
}

struct vn_poller *
vn_pollers_get(struct vn_pollers *pollers, unsigned int i)
{
	return &pollers->poller[i];
}

unsigned int
vn_poller_lcore(const struct vn_poller *poller)
{
	return poller->lcore;
}

unsigned int
vn_poller_index(const struct vn_poller *poller)
{
	return poller->index;
}

unsigned int
vn_poller_devices(const struct vn_poller *poller)
{
	(void)poller;
	return 1;
}

uint64_t
vn_poller_late(const struct vn_poller *poller)
{
	(void)poller;
	return 0;
}

const struct vn_poller_stats *
vn_poller_stats(const struct vn_poller *poller)
{
	return &poller->stats;
}
struct fake_op fake_op;

void
fake_release(void)
{
	const unsigned int n = fake_op.n_begun;

	fake_op.hold = false;
	fake_op.n_begun = 0;
	for (unsigned int i = 0; i < n; i++)
		fake_op.begun[i].done(fake_op.begun[i].ctx, fake_op.result,
			fake_op.text != NULL ? fake_op.text : "", fake_op.begun[i].dev);
}

static void
fake_begin(struct vn_device *dev, vn_controller_cb done, void *ctx)
{
	if (fake_op.n_begun == RTE_DIM(fake_op.begun))
		abort();
	fake_op.begun[fake_op.n_begun].done = done;
	fake_op.begun[fake_op.n_begun].ctx = ctx;
	fake_op.begun[fake_op.n_begun].dev = dev;
	fake_op.n_begun++;
	fake_op.calls++;
	if (!fake_op.hold)
		fake_release();
}

void
vn_controller_hotplug(
	struct vn_controller *ctrl, const struct vn_hotplug *hp, vn_controller_cb done, void *ctx)
{
	fake_op.hp = *hp;
	/* The last one stands for the new one. */
	if (ctrl->num_devices == 0)
		done(ctx, -ENOSPC, "", NULL);
	else
		fake_begin(ctrl->device[ctrl->num_devices - 1], done, ctx);
}

unsigned int
vn_controller_starting(const struct vn_controller *ctrl)
{
	(void)ctrl;
	return fake_op.starting;
}

unsigned int
vn_controller_unmade(const struct vn_controller *ctrl)
{
	(void)ctrl;
	return fake_op.unmade;
}

void
vn_controller_wait(
	struct vn_controller *ctrl, uint64_t timeout_ns, vn_controller_cb done, void *ctx)
{
	(void)ctrl;
	fake_op.timeout_ns = timeout_ns;
	fake_begin(NULL, done, ctx);
}

void
vn_controller_unplug(
	struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx)
{
	(void)ctrl;
	if (dev->conf.type != VN_HOTPLUG_PF)
		done(ctx, VIRTNET_ERR_NOT_HOTPLUG, "", dev);
	else
		fake_begin(NULL, done, ctx);
}

unsigned int
vn_controller_operations(
	const struct vn_controller *ctrl, struct vn_operation *ops, unsigned int room)
{
	(void)ctrl;
	if (room > 0)
		*ops = (struct vn_operation){.step = "restart", .vuid = ""};
	return 1;
}

bool
vn_poller_answers(const struct vn_poller *poller)
{
	return poller->lcore != 0;
}

void
vn_controller_restart(struct vn_controller *ctrl, vn_controller_cb done, void *ctx)
{
	(void)ctrl;
	fake_begin(NULL, done, ctx);
}

void
vn_controller_attach(struct vn_controller *ctrl, struct vn_device *dev, const char *vm,
	const char *port, vn_controller_cb done, void *ctx)
{
	(void)ctrl;
	(void)vm;
	(void)port;
	fake_begin(dev, done, ctx);
}

void
vn_controller_detach(
	struct vn_controller *ctrl, struct vn_device *dev, vn_controller_cb done, void *ctx)
{
	vn_controller_attach(ctrl, dev, NULL, NULL, done, ctx);
}

/* Of VF 2 a driver is always loaded. */
void
vn_controller_modify(struct vn_controller *ctrl, struct vn_device *dev,
	const struct vn_modify *modify, vn_controller_cb done, void *ctx)
{
	(void)ctrl;
	fake_op.modify = *modify;
	if (dev->conf.type == VN_VF && dev->conf.vf_id == 2)
		done(ctx, VIRTNET_ERR_DRIVER_LOADED, "unbind it", dev);
	else if (modify->has == UINT32_C(1) << VN_MODIFY_MSIX_NUM &&
		 modify->value[VN_MODIFY_MSIX_NUM] == 0)
		done(ctx, 0, vn_error_text(VIRTNET_ERR_NOT_WORKING), dev);
	else
		fake_begin(dev, done, ctx);
}

void
vn_controller_sriov(struct vn_controller *ctrl, struct vn_device *pf, unsigned int n,
	vn_controller_cb done, void *ctx)
{
	(void)ctrl;
	fake_op.num_vfs = n;
	fake_begin(pf, done, ctx);
}

char *
vn_controller_attach_text(
	const struct vn_controller *ctrl, struct vn_device *dev, const char *port, bool libvirt)
{
	char *text = NULL;

	(void)ctrl;
	if (asprintf(&text, "%s for %s at %s\nsecond line\n", libvirt ? "<xml/>" : "-device",
		    dev->conf.vuid, port != NULL ? port : "any") < 0)
		return NULL;
	return text;
}
