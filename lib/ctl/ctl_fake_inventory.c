/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The devices of the contract's published examples. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_fake.h"

static void
fake_get_info(const struct vn_endpoint *ep, struct vn_endpoint_info *info)
{
	*info = ep->info;
}

const struct vn_transport_ops fake_transport = {
	.name = "vhost-user",
	.get_info = fake_get_info,
};

static const struct vn_transport_ops fake_full_transport = {
	.name = "vfio-user",
	.full = true,
	.get_info = fake_get_info,
};

static const struct vn_port_ops fake_port = {.kind = "tap", .netdev = true};

/* A device without a driver. Values that are the same in all examples are set. */
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

/* A driver runs the device with all queues. */
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

void
fake_set_mac(uint8_t mac[VN_MAC_LEN], const char *text)
{
	sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		&mac[5]);
}

/* The example of list: one PF without a driver. */
static void
fake_list_example(struct fake *f)
{
	struct vn_device *dev = fake_add(f, VN_STATIC_PF, 0, 0, "MT2306XZ00BNVNETS0D0F2", 127);

	dev->conf.bdf = 0xe202;
	fake_set_mac(dev->conf.mac, "16:b0:e0:41:b8:0d");
}

/* The example of a VF in list. */
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

/* The example of query: a PF with 63 queues; and that of stats, on its queue 0. */
static void
fake_query_example(struct fake *f, unsigned int pf)
{
	struct vn_device *dev = fake_add(f, VN_STATIC_PF, pf, 0, "MT2349X00018VNETS0D0F1", 31);

	fake_drive(dev);
	dev->conf.bdf = 0x2301;
}

/* A device is a whole function, as its driver sees it. */
static void
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

/* The example of hotplug: a device in a VM, and one beside it in none. */
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

/* Many devices with all their queues: more than fits into one answer. */
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

struct fake *
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

void
fake_destroy(struct fake *f)
{
	unsigned int i;

	for (i = 0; i < f->ctrl.num_devices; i++) {
		free(f->device[i]->vq);
		free(f->device[i]);
	}
	free(f);
}
