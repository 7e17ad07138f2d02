/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_FAKE_H
#define CTL_FAKE_H

/**
 * @file
 * A hand-made inventory for tests, with the values of the contract's published examples; and what
 * lib/ctl calls of the device, controller and poller libraries. For one source file per program.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_show.h"
#include "vn_errors.h"
#include "vn_features.h"
#include "vn_model.h"
#include "vn_net_config.h"
#include "vn_poller.h"

#define FAKE_MAX_DEVICES 1100

struct vn_poller {
	unsigned int index, lcore;
	struct vn_poller_stats stats;
};

struct vn_pollers {
	unsigned int n;
	struct vn_poller poller[2];
};

struct vn_endpoint {
	struct vn_endpoint_info info;
};

struct fake {
	struct vn_controller ctrl;
	struct vn_pollers pollers;
	struct vn_device *device[FAKE_MAX_DEVICES];
	struct vn_endpoint endpoint[FAKE_MAX_DEVICES];
	struct vn_ctrl_dev info[FAKE_MAX_DEVICES];
};

static struct vn_poller fake_poller = {.index = 1, .lcore = 44};
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

/** The model of all devices whose transport carries whole functions. */
static struct vn_model_info fake_model = {
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

/** What the next operation ends with; hold: not before fake_release(). */
static struct {
	bool hold;
	int result;
	const char *text;
	struct {
		vn_controller_cb done;
		void *ctx;
		struct vn_device *dev;
	} begun[FAKE_MAX_DEVICES]; /**< have not ended: a request may begin one per device */
	unsigned int n_begun;
	struct vn_hotplug hp;    /**< what was asked for last; the strings are gone */
	struct vn_modify modify; /**< the same of modify */
	unsigned int num_vfs;
	unsigned int starting; /**< devices that are coming up */
	unsigned int unmade;   /**< of them, those that are not made */
	uint64_t timeout_ns;   /**< of wait */
	unsigned int calls;
} fake_op;

/** End what has begun. */
static inline void
fake_release(void)
{
	const unsigned int n = fake_op.n_begun;

	fake_op.hold = false;
	fake_op.n_begun = 0;
	for (unsigned int i = 0; i < n; i++)
		fake_op.begun[i].done(fake_op.begun[i].ctx, fake_op.result,
			fake_op.text != NULL ? fake_op.text : "", fake_op.begun[i].dev);
}

static inline void
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

static void
fake_get_info(const struct vn_endpoint *ep, struct vn_endpoint_info *info)
{
	*info = ep->info;
}

static const struct vn_transport_ops fake_transport = {
	.name = "vhost-user",
	.get_info = fake_get_info,
};

static const struct vn_transport_ops fake_full_transport = {
	.name = "vfio-user",
	.full = true,
	.get_info = fake_get_info,
};

static const struct vn_port_ops fake_port = {.kind = "tap", .netdev = true};

/** A device without a driver. Values that are the same in all examples are set. */
static struct vn_device *
fake_add(struct fake *f, enum vn_function_type type, unsigned int pf, unsigned int vf,
	const char *vuid, unsigned int pairs)
{
	struct vn_device *dev = calloc(1, sizeof(*dev));
	struct vn_device_conf *c = &dev->conf;
	unsigned int n = f->ctrl.num_devices;

	c->type = type;
	c->pf_id = pf;
	c->vf_id = vf;
	snprintf(c->vuid, sizeof(c->vuid), "%s", vuid);
	c->max_queue_pairs = pairs;
	c->num_queues = 2 * pairs + 1;
	c->num_msix = 2 * pairs + 2;
	c->max_queue_size = 256;
	c->mtu = 1500;
	c->speed = 100000;
	c->sf_num = type == VN_VF ? 3000 + vf : 1000 + pf;
	snprintf(c->rep_name, sizeof(c->rep_name), "en3f0pf0sf%u", c->sf_num);
	snprintf(c->ib_dev, sizeof(c->ib_dev), "mlx5_0");
	dev->link_up = true;
	dev->device_features = UINT64_C(0x8930032300ef182f);
	dev->port_info.ifindex = 10 + (int)n;
	memcpy(dev->port_info.name, c->rep_name, sizeof(dev->port_info.name));
	dev->num_vqs = c->num_queues;
	dev->vq = calloc(dev->num_vqs, sizeof(*dev->vq));
	for (n = 0; n < dev->num_vqs; n++)
		dev->vq[n].msix_vector = 0xffff;
	n = f->ctrl.num_devices;
	dev->transport = &fake_transport;
	dev->endpoint = &f->endpoint[n];
	dev->ctrl = &f->info[n];
	dev->ctrl->vm = "";
	dev->ctrl->guest_bdf = UINT16_MAX;
	snprintf(f->endpoint[n].info.path, sizeof(f->endpoint[n].info.path), "/run/x/%s.sock",
		c->vuid);
	dev->env.port_ops = &fake_port;
	f->device[n] = dev;
	f->ctrl.num_devices++;
	return dev;
}

/** A driver runs the device with all queues. */
static void
fake_drive(struct vn_device *dev)
{
	unsigned int i;

	dev->status =
		VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_DRIVER_OK | VN_STATUS_FEATURES_OK;
	dev->driver_features = UINT64_C(0x8000002300ef182f);
	dev->host_attached = true;
	dev->endpoint->info.connected = true;
	dev->enabled_queues = dev->num_vqs;
	dev->ctrl_mq = dev->conf.max_queue_pairs;
	for (i = 0; i < dev->num_vqs; i++) {
		struct vn_device_vq *vq = &dev->vq[i];

		vq->state = VN_VQ_RUNNING;
		vq->msix_vector = i + 1;
		vq->setup.size = 256;
		vq->setup.desc_gpa = UINT64_C(0x10cece000) + i * 0x2000;
		vq->setup.avail_gpa = UINT64_C(0x10cecf000) + i * 0x2000;
		vq->setup.used_gpa = UINT64_C(0x10cecf240) + i * 0x2000;
		vq->stats.received_desc = 256;
		vq->stats.batch_last = 64;
		vq->stats.packets = 10 * (i + 1);
		vq->stats.interrupts = i;
	}
}

static void
fake_set_mac(uint8_t mac[VN_MAC_LEN], const char *text)
{
	sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		&mac[5]);
}

/** The example of list: one PF without a driver. */
static void
fake_list_example(struct fake *f)
{
	struct vn_device *dev = fake_add(f, VN_STATIC_PF, 0, 0, "MT2306XZ00BNVNETS0D0F2", 127);

	dev->conf.bdf = 0xe202;
	fake_set_mac(dev->conf.mac, "16:b0:e0:41:b8:0d");
}

/** The example of a VF in list. */
static void
fake_vf_example(struct fake *f)
{
	struct vn_device *dev = fake_add(f, VN_VF, 0, 0, "MT2151X03152VNETS0D0F2VF1", 3);
	unsigned int i;

	fake_drive(dev);
	for (i = 7; i < dev->num_vqs; i++)
		dev->vq[i].state = VN_VQ_STOPPED;
	dev->enabled_queues = 7;
	dev->conf.num_msix = 12;
	dev->conf.num_queues = 8;
	dev->conf.speed = 25000;
	dev->conf.bdf = 0x1404;
	dev->port_info.ifindex = 18;
	fake_set_mac(dev->conf.mac, "16:ff:a2:6e:6d:a9");
	fake_set_mac(dev->ctrl_mac, "16:ff:a2:6e:6d:a9");
}

/** The example of query: a PF with 63 queues; and that of stats, on its queue 0. */
static void
fake_query_example(struct fake *f, unsigned int pf)
{
	struct vn_device *dev = fake_add(f, VN_STATIC_PF, pf, 0, "MT2349X00018VNETS0D0F1", 31);

	fake_drive(dev);
	dev->conf.bdf = 0x2301;
}

/** A device is a whole function, as its driver sees it. */
static inline void
fake_make_full(struct vn_device *dev)
{
	dev->transport = &fake_full_transport;
	dev->endpoint->info.ctrl_notify_offset = 1024;
	dev->endpoint->info.messages = 77;
	dev->endpoint->info.replies_waiting = 2;
	dev->endpoint->info.mem_files = 1;
	dev->endpoint->info.refused = 4;
}

static void
fake_stats_example(struct fake *f)
{
	struct vn_virtq_stats *s;

	fake_query_example(f, 0);
	f->device[0]->count_sizes = true;
	s = &f->device[0]->vq[0].stats;
	s->size_class[1] = 259;
	s->size_class[7] = 199;
	s->received_desc = 4096;
}

/** The example of hotplug: a device in a VM, and one beside it in none. */
static void
fake_hotplug_example(struct fake *f)
{
	struct vn_device *dev = fake_add(f, VN_HOTPLUG_PF, 1, 0, "MT2151X03152VNETS2D0F0", 1);

	dev->ctrl->transitional = true;
	dev->conf.bdf = 0xc200;
	dev = fake_add(f, VN_HOTPLUG_PF, 0, 0, "MT2151X03152VNETS1D0F0", 1);
	dev->conf.bdf = 0xc100;
	dev->conf.sf_num = 2000;
	strcpy(dev->conf.rep_name, "en3f0pf0sf2000");
	strcpy(dev->port_info.name, "en3f0pf0sf2000");
	fake_set_mac(dev->conf.mac, "0C:C4:7A:FF:22:93");
	dev->ctrl->vm = "vm1";
	strcpy(dev->ctrl->root_port, "rp1");
	dev->ctrl->guest_bdf = 0x1500;
	dev->ctrl->attach = VN_ATTACHED;
}

/** Many devices with all their queues: more than fits into one answer. */
static void
fake_many(struct fake *f, unsigned int pfs, unsigned int vfs)
{
	unsigned int pf, vf;
	char vuid[VN_VUID_LEN];

	for (pf = 0; pf < pfs; pf++) {
		snprintf(vuid, sizeof(vuid), "MANYVNETS0D0F%u", pf);
		fake_drive(fake_add(f, VN_STATIC_PF, pf, 0, vuid, 127));
		f->info[f->ctrl.num_devices - 1].num_vfs = (uint16_t)vfs;
		for (vf = 0; vf < vfs; vf++) {
			snprintf(vuid, sizeof(vuid), "MANYVNETS0D0F%uVF%u", pf, vf + 1);
			fake_drive(fake_add(f, VN_VF, pf, vf, vuid, 3));
		}
	}
}

/**
 * An inventory; @p what: "list", "vf", "query", "full" (query over vfio-user), "stats", "hotplug",
 * "endpoint" (no VM), "refusing", "many", "none".
 */
static struct fake *
fake_create(const char *what)
{
	struct fake *f = calloc(1, sizeof(*f));

	/* lib/controller may be newer than this file: only what lib/ctl reads is set. */
	f->ctrl.device = f->device;
	f->ctrl.supported_features = UINT64_C(0x8b00037700ef982f);
	f->ctrl.max_virt_queues = 256;
	strcpy(f->ctrl.conf.ib_dev_p0, "mlx5_0");
	f->ctrl.capacity.current[VN_CAP_EMULATION_ENABLE] = 1;
	f->ctrl.capacity.current[VN_CAP_NUM_PF] = 1;
	f->ctrl.capacity.current[VN_CAP_SRIOV_EN] = 1;
	f->ctrl.capacity.current[VN_CAP_SUBSYS_ID] = 0x1041;
	f->ctrl.capacity.current[VN_CAP_SUBSYS_VENDOR_ID] = 0x1af4;
	f->pollers.n = 2;
	f->pollers.poller[1] = fake_poller;
	if (strcmp(what, "list") == 0) {
		fake_list_example(f);
	} else if (strcmp(what, "vf") == 0) {
		fake_list_example(f);
		fake_vf_example(f);
		f->info[0].num_vfs = 1;
		fake_query_example(f, 1);
	} else if (strcmp(what, "query") == 0) {
		fake_query_example(f, 0);
	} else if (strcmp(what, "full") == 0) {
		fake_query_example(f, 0);
		fake_make_full(f->device[0]);
	} else if (strcmp(what, "stats") == 0) {
		fake_stats_example(f);
	} else if (strcmp(what, "hotplug") == 0) {
		fake_hotplug_example(f);
	} else if (strcmp(what, "endpoint") == 0) {
		fake_hotplug_example(f);
		f->info[1].vm = "";
		f->info[1].guest_bdf = UINT16_MAX;
	} else if (strcmp(what, "refusing") == 0) {
		fake_hotplug_example(f);
		fake_op.result = VIRTNET_ERR_UNPLUG_NOT_READY;
		fake_op.text = "VM vm1: the guest refuses";
	} else if (strcmp(what, "many") == 0) {
		fake_many(f, 4, 100);
	}
	return f;
}

static void
fake_destroy(struct fake *f)
{
	unsigned int i;

	for (i = 0; i < f->ctrl.num_devices; i++) {
		free(f->device[i]->vq);
		free(f->device[i]);
	}
	free(f);
}

#endif /* CTL_FAKE_H */
