/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Hotplug PFs without a VM, and VMs that are not there; with a monitor, the host library's tests
 * and the system tests show the rest.
 */

#include "controller_test_env.h"

#include "vn_errors.h"

static struct {
	unsigned int calls;
	int result;
	char text[320];
	struct vn_device *dev;
} op;

static void
op_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)ctx;
	op.calls++;
	op.result = result;
	snprintf(op.text, sizeof(op.text), "%s", text);
	op.dev = dev;
}

/* What the contract's example asks for. */
static struct vn_hotplug
request(void)
{
	return (struct vn_hotplug){
		.ib_dev = "mlx5_0",
		.mac = "0C:C4:7A:FF:22:93",
		.mtu = 1500,
		.max_queue_pairs = 1,
		.max_queue_size = 1024,
	};
}

/* Jobs end, and the service calls this. */
static bool
progressed(unsigned int calls)
{
	vn_controller_progress(t.ctrl);
	return op.calls == calls;
}

static void
hotplug(const struct vn_hotplug *hp)
{
	const unsigned int calls = op.calls + 1;

	vn_controller_hotplug(t.ctrl, hp, op_done, NULL);
	UNTIL(progressed(calls));
}

static struct vn_device *
hotplug_ok(const struct vn_hotplug *hp)
{
	hotplug(hp);
	if (op.result != 0)
		fail_msg("%d %s", op.result, op.text);
	assert_non_null(op.dev);
	return op.dev;
}

static void
unplug(struct vn_device *dev)
{
	const unsigned int calls = op.calls + 1;

	vn_controller_unplug(t.ctrl, dev, op_done, NULL);
	UNTIL(progressed(calls));
}

static void
test_example(void **state)
{
	static const uint8_t mac[] = {0x0c, 0xc4, 0x7a, 0xff, 0x22, 0x93};
	struct vn_hotplug hp = request();
	struct vn_device *dev;

	(void)state;
	start(1);
	assert_int_equal(vn_controller_max_hotplug(t.ctrl), 31);
	dev = hotplug_ok(&hp);
	assert_int_equal(dev->conf.type, VN_HOTPLUG_PF);
	assert_int_equal(dev->conf.pf_id, 1);
	assert_string_equal(dev->conf.vuid, SERIAL "VNETS1D0F0");
	assert_string_equal(dev->conf.rep_name, "en3f0pf0sf2000");
	assert_int_equal(dev->conf.sf_num, 2000);
	assert_int_equal(dev->conf.mtu, 1500);
	assert_int_equal(dev->conf.max_queue_pairs, 1);
	assert_int_equal(dev->conf.num_queues, 3);
	assert_int_equal(dev->conf.num_msix, 4);
	assert_int_equal(dev->conf.max_queue_size, 1024);
	assert_string_equal(dev->conf.ib_dev, "mlx5_0");
	assert_memory_equal(dev->conf.mac, mac, sizeof(mac));
	assert_string_equal(ft.last_path, "/run/test/" SERIAL "VNETS1D0F0.sock");
	assert_int_equal(t.ctrl->num_devices, 2);
	assert_int_equal(ft.plugged, 2);
	assert_string_equal(dev->ctrl->vm, "");
	/* A static PF is not to be unplugged. */
	unplug(t.ctrl->device[0]);
	assert_int_equal(op.result, VIRTNET_ERR_NOT_HOTPLUG);
	UNTIL(fp_open_ports() == 2);
	unplug(dev);
	assert_int_equal(op.result, 0);
	assert_null(op.dev);
	assert_int_equal(t.ctrl->num_devices, 1);
	assert_int_equal(ft.plugged, 1);
	assert_int_equal(fp_calls(FP_DESTROY), 1);
	assert_int_equal(fp_open_ports(), 1);
	assert_null(vn_controller_find(t.ctrl, 1, -1));
	/* Its place is free again. */
	dev = hotplug_ok(&hp);
	assert_int_equal(dev->conf.pf_id, 1);
	assert_string_equal(dev->conf.vuid, SERIAL "VNETS1D0F0");
}

struct bad {
	const char *what;
	int error;
	void (*change)(struct vn_hotplug *hp);
};

#define BAD(name, error, change)                      \
	static void bad_##name(struct vn_hotplug *hp) \
	{                                             \
		change;                               \
	}
#define BADS(X)                                                                          \
	X(ib_device, VIRTNET_ERR_PORT_CTX, hp->ib_dev = "mlx5_7")                        \
	X(mac_short, VIRTNET_ERR_MAC, hp->mac = "0C:C4:7A:FF:22:9")                      \
	X(mac_long, VIRTNET_ERR_MAC, hp->mac = "0C:C4:7A:FF:22:93:")                     \
	X(mac_form, VIRTNET_ERR_MAC, hp->mac = "0C-C4-7A-FF-22-93")                      \
	X(mac_hex, VIRTNET_ERR_MAC, hp->mac = "0C:C4:7A:FF:22:-3")                       \
	X(mac_empty, VIRTNET_ERR_MAC, hp->mac = "")                                      \
	X(mtu_low, VIRTNET_ERR_MTU, hp->mtu = 67)                                        \
	X(mtu_high, VIRTNET_ERR_MTU, hp->mtu = 9217)                                     \
	X(mtu_huge, VIRTNET_ERR_MTU, hp->mtu = UINT64_C(1) << 32 | 1500)                 \
	X(pairs_none, VIRTNET_ERR_QUEUES, hp->max_queue_pairs = 0)                       \
	X(pairs_many, VIRTNET_ERR_QUEUES, hp->max_queue_pairs = 32)                      \
	X(pairs_wrap, VIRTNET_ERR_QUEUES, hp->max_queue_pairs = UINT64_C(1) << 63 | 1)   \
	X(queues_few, VIRTNET_ERR_QUEUES, (hp->has_queues = true, hp->max_queues = 2))   \
	X(queues_many, VIRTNET_ERR_QUEUES, (hp->has_queues = true, hp->max_queues = 65)) \
	X(size_0, VIRTNET_ERR_QUEUE_SIZE_POW2, hp->max_queue_size = 0)                   \
	X(size_2, VIRTNET_ERR_QUEUE_SIZE_POW2, hp->max_queue_size = 2)                   \
	X(size_odd, VIRTNET_ERR_QUEUE_SIZE_POW2, hp->max_queue_size = 100)               \
	X(size_large, VIRTNET_ERR_QUEUE_SIZE, hp->max_queue_size = 65536)                \
	X(sf_low, VIRTNET_ERR_SF_NUM_RANGE, (hp->has_sf_num = true, hp->sf_num = 1999))  \
	X(sf_high, VIRTNET_ERR_SF_NUM_RANGE, (hp->has_sf_num = true, hp->sf_num = 3000)) \
	X(sf_used, VIRTNET_ERR_SF_NUM_USED, (hp->has_sf_num = true, hp->sf_num = 2000))  \
	X(features_packed, VIRTNET_ERR_FEATURES_CHECK,                                   \
		(hp->transport = "vfio-user", hp->features = VN_F_RING_PACKED))          \
	X(features_unknown, VIRTNET_ERR_FEATURES_CHECK, hp->features = 1 << 4)           \
	X(features_mrg, VIRTNET_ERR_FEATURES_CHECK,                                      \
		(hp->transport = "vfio-user", hp->features = VN_NET_F_MRG_RXBUF))        \
	X(features_rings, VIRTNET_ERR_FEATURES_CHECK,                                    \
		(hp->transport = "vhost-user", hp->features = VN_NET_F_RSS))             \
	X(legacy_rings, VIRTNET_ERR_NOT_SUPPORTED, hp->legacy = true)                    \
	X(doorbell_rings, VIRTNET_ERR_NOT_SUPPORTED, hp->doorbell = "page")              \
	X(transport, -EOPNOTSUPP, hp->transport = "vdpa")                                \
	X(no_such_vm, -ENOENT, hp->vm = "vm7")                                           \
	X(port_without_vm, -EINVAL, hp->port = "rp1")

BADS(BAD)
#define ROW(name, error, change) {#name, error, bad_##name},
static const struct bad bads[] = {BADS(ROW)};

/* Each refused with its row, and nothing is made. */
static void
test_refused(void **state)
{
	const struct vn_hotplug good = request();
	unsigned int fds;

	(void)state;
	start(1);
	hotplug_ok(&good);
	UNTIL(vn_controller_settled(t.ctrl));
	fds = pe_count_fds();
	for (unsigned int i = 0; i < RTE_DIM(bads); i++) {
		struct vn_hotplug hp = request();

		bads[i].change(&hp);
		hotplug(&hp);
		if (op.result != bads[i].error)
			fail_msg("%s: %d %s", bads[i].what, op.result, op.text);
		assert_null(op.dev);
		assert_int_equal(t.ctrl->num_devices, 2);
		assert_int_equal(ft.plugged, 2);
	}
	assert_int_equal(pe_count_fds(), fds);
}

static void
test_sizes(void **state)
{
	struct vn_hotplug hp = request();
	struct vn_device *dev;

	(void)state;
	t.capacity.current[VN_CAP_NUM_MSIX] = 256;
	start(0);
	hp.max_queue_pairs = 127;
	hp.max_queue_size = 32768;
	hp.mtu = 9216;
	dev = hotplug_ok(&hp);
	assert_int_equal(dev->conf.num_queues, 255);
	assert_int_equal(dev->conf.num_msix, 256);
	assert_int_equal(dev->conf.max_queue_size, 32768);
	hp = request();
	hp.has_queues = true;
	hp.max_queues = 256;
	hp.max_queue_size = 4;
	hp.mtu = 68;
	hp.no_msix = true;
	dev = hotplug_ok(&hp);
	assert_int_equal(dev->conf.max_queue_pairs, 127);
	assert_int_equal(dev->conf.num_msix, 0);
	/* Odd and even numbers of virtqueues: one is control. */
	for (unsigned int n = 3; n < 8; n++) {
		hp.max_queues = n;
		hp.no_msix = false;
		dev = hotplug_ok(&hp);
		assert_int_equal(dev->conf.num_queues, n);
		assert_int_equal(dev->conf.max_queue_pairs, (n - 1) / 2);
		assert_int_equal(dev->conf.num_msix, n + 1);
	}
}

static void
test_features(void **state)
{
	const uint64_t demand = VN_NET_F_MRG_RXBUF | VN_F_ORDER_PLATFORM | VN_F_NOTIFICATION_DATA |
				VN_NET_F_HASH_REPORT;
	const uint64_t big_receive = VN_NET_F_GUEST_OFFLOADS & ~VN_NET_F_GUEST_CSUM;
	struct vn_hotplug hp = request();
	struct vn_device *dev;

	(void)state;
	t.conf.vhost_user = false;
	t.conf.mrg_rxbuf = true;
	start(1);
	assert_int_equal(t.ctrl->device[0]->device_features,
		t.ctrl->supported_features & ~(demand | big_receive | VN_F_RING_PACKED));
	assert_ptr_equal(t.ctrl->device[0]->transport, &ft_full);
	/* Of the published defaults of a PF all but the admin queue. */
	assert_int_equal(
		UINT64_C(0x8930032300ef182f) & ~t.ctrl->device[0]->device_features, VN_F_ADMIN_VQ);
	hp.features = demand;
	dev = hotplug_ok(&hp);
	assert_int_equal(dev->device_features,
		t.ctrl->supported_features & ~(VN_F_SR_IOV | VN_F_RING_PACKED));
	/* Whole segments go with mergeable buffers, or were asked for. */
	hp.features = VN_NET_F_GUEST_TSO4;
	dev = hotplug_ok(&hp);
	assert_int_equal(dev->device_features & big_receive, VN_NET_F_GUEST_TSO4);
	hp.features = 0;
	hp.legacy = true;
	hp.doorbell = "page";
	dev = hotplug_ok(&hp);
	assert_true(dev->ctrl->transitional && dev->endpoint->conf.transitional);
	assert_true(dev->ctrl->doorbell_page && dev->endpoint->conf.doorbell_page);
	hp.transport = "vhost-user";
	hp.legacy = false;
	hp.doorbell = NULL;
	dev = hotplug_ok(&hp);
	assert_false(dev->endpoint->conf.transitional || dev->endpoint->conf.doorbell_page);
	assert_int_equal(dev->device_features & (VN_NET_F_RSS | VN_F_RING_RESET), 0);
	stop_all(VN_PORT_KEEP);
	/* A mask of virtnet.conf: what it has, and nothing on demand without it. */
	t.conf.static_pf.has_features = true;
	t.conf.static_pf.features = VN_NET_F_MAC | VN_NET_F_HASH_REPORT | VN_F_RING_PACKED;
	t.conf.vfio_user_doorbell_page = true;
	start(1);
	assert_int_equal(t.ctrl->device[0]->device_features,
		VN_NET_F_MAC | VN_NET_F_HASH_REPORT | VN_F_ANY_LAYOUT | VN_F_INDIRECT_DESC |
			VN_F_EVENT_IDX | VN_F_VERSION_1);
	assert_true(t.ctrl->device[0]->endpoint->conf.doorbell_page);
	assert_true(t.ctrl->supported_features & VN_F_RING_PACKED);
	stop_all(VN_PORT_KEEP);
	/* Packed rings: the key is enough, and a mask can take them away. */
	t.conf.packed_vq = true;
	start(1);
	assert_true(t.ctrl->device[0]->device_features & VN_F_RING_PACKED);
	hp = request();
	assert_true(hotplug_ok(&hp)->device_features & VN_F_RING_PACKED);
	stop_all(VN_PORT_KEEP);
	t.conf.static_pf.features = VN_NET_F_MAC;
	start(1);
	assert_false(t.ctrl->device[0]->device_features & VN_F_RING_PACKED);
}

/* Ids, slots and SF numbers: the lowest that is free; the list is in order. */
static void
test_places(void **state)
{
	struct vn_hotplug hp = request();
	struct vn_device *dev[4];

	(void)state;
	start(2);
	for (unsigned int i = 0; i < 4; i++) {
		dev[i] = hotplug_ok(&hp);
		assert_int_equal(dev[i]->conf.pf_id, 2 + i);
		assert_int_equal(dev[i]->conf.sf_num, 2000 + i);
	}
	unplug(dev[1]);
	hp.has_sf_num = true;
	hp.sf_num = 2004;
	dev[1] = hotplug_ok(&hp);
	assert_int_equal(dev[1]->conf.pf_id, 3);
	assert_string_equal(dev[1]->conf.vuid, SERIAL "VNETS2D0F0");
	assert_string_equal(dev[1]->conf.rep_name, "en3f0pf0sf2004");
	for (unsigned int i = 0; i < t.ctrl->num_devices; i++)
		assert_int_equal(t.ctrl->device[i]->conf.pf_id, i);
	/* Slot 5's own number is taken now. */
	hp.has_sf_num = false;
	assert_int_equal(hotplug_ok(&hp)->conf.sf_num, 2005);
	/* The last number, and a port of the other RDMA device. */
	hp.has_sf_num = true;
	hp.sf_num = 2999;
	hp.ib_dev = "mlx5_1";
	assert_string_equal(hotplug_ok(&hp)->conf.rep_name, "en3f1pf1sf2999");
}

static void
test_all(void **state)
{
	struct vn_hotplug hp = request();

	(void)state;
	start(VN_MAX_STATIC_PF);
	for (unsigned int i = 0; i < VN_MAX_HOTPLUG_PF; i++)
		hotplug_ok(&hp);
	hotplug(&hp);
	assert_int_equal(op.result, VIRTNET_ERR_HOTPLUG);
	assert_string_equal(op.text, "31 hotplug devices are there, and 31 are possible");
	assert_int_equal(t.ctrl->num_devices, 62);
	stop_all(VN_PORT_KEEP);
	/* The representors of hotplug PFs go, the others stay. */
	assert_int_equal(fp_calls(FP_DESTROY), VN_MAX_HOTPLUG_PF);
	assert_int_equal(fp_calls(FP_CLOSE), VN_MAX_STATIC_PF);
}

static void
test_capacity(void **state)
{
	struct vn_hotplug hp = request();

	(void)state;
	t.capacity.current[VN_CAP_SWITCH_NUM_PORT] = 2;
	start(0);
	hotplug_ok(&hp);
	hotplug_ok(&hp);
	hotplug(&hp);
	assert_int_equal(op.result, VIRTNET_ERR_HOTPLUG);
	stop_all(VN_PORT_KEEP);
	t.capacity.current[VN_CAP_SWITCH_ENABLE] = 0;
	start(0);
	assert_int_equal(vn_controller_max_hotplug(t.ctrl), 0);
	hotplug(&hp);
	assert_int_equal(op.result, VIRTNET_ERR_HOTPLUG);
	assert_string_equal(op.text, "0 hotplug devices are there, and 0 are possible");
	stop_all(VN_PORT_KEEP);
	t.capacity.current[VN_CAP_EMULATION_ENABLE] = 0;
	make();
	hotplug(&hp);
	assert_int_equal(op.result, VIRTNET_ERR_HOTPLUG);
	assert_string_equal(op.text, "VIRTIO_NET_EMULATION_ENABLE is 0");
}

/* No port, no device. */
static void
test_no_port(void **state)
{
	struct vn_hotplug hp = request();

	(void)state;
	start(0);
	fp_fail(FP_OPEN, -EPERM);
	hotplug(&hp);
	assert_int_equal(op.result, VIRTNET_ERR_SF_PORT_ADD);
	assert_true(op.text[0] != '\0');
	assert_int_equal(t.ctrl->num_devices, 0);
	assert_int_equal(ft.plugged, 0);
	fp_fail(FP_OPEN, 0);
	ft.fail_at = 1;
	hotplug(&hp);
	assert_int_equal(op.result, VIRTNET_ERR_HOTPLUG);
	assert_string_equal(op.text, "the test refuses " SERIAL "VNETS1D0F0");
	assert_int_equal(t.ctrl->num_devices, 0);
	UNTIL(fp_open_ports() == 0);
	ft.fail_at = 0;
	assert_int_equal(hotplug_ok(&hp)->ctrl->slot, 1);
}

/* A VMM that nobody named has the device: it is not taken away from it. */
static void
test_in_use(void **state)
{
	struct vn_hotplug hp = request();
	struct vn_device *dev;

	(void)state;
	start(0);
	dev = hotplug_ok(&hp);
	dev->endpoint->connected = true;
	unplug(dev);
	assert_int_equal(op.result, VIRTNET_ERR_UNPLUG_NOT_READY);
	assert_int_equal(t.ctrl->num_devices, 1);
	dev->endpoint->connected = false;
	unplug(dev);
	assert_int_equal(op.result, 0);
}

/* One thing at a time with each device; the end of all in the middle of things. */
static void
test_busy(void **state)
{
	struct vn_hotplug hp = request();
	struct vn_device *dev;
	unsigned int calls, done = 0;

	(void)state;
	start(1);
	UNTIL(vn_controller_settled(t.ctrl));
	fp_hold(FP_OPEN);
	vn_controller_hotplug(t.ctrl, &hp, op_done, NULL);
	SETTLE();
	assert_true(progressed(0 + op.calls) && op.dev == NULL);
	dev = vn_controller_find(t.ctrl, 1, -1);
	assert_non_null(dev);
	calls = op.calls;
	vn_controller_unplug(t.ctrl, dev, op_done, NULL);
	assert_int_equal(op.calls, calls + 1);
	assert_int_equal(op.result, -EBUSY);
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	assert_int_equal(op.calls, calls + 2);
	assert_int_equal(op.result, -ECANCELED);
	fp_release(FP_OPEN);
	UNTIL(done == 1);
	vn_controller_destroy(t.ctrl);
	/* While one is being taken down. */
	start(1);
	dev = hotplug_ok(&hp);
	ft.hold = true;
	calls = op.calls;
	vn_controller_unplug(t.ctrl, dev, op_done, NULL);
	assert_int_equal(op.calls, calls);
	done = 0;
	vn_controller_stop(t.ctrl, VN_PORT_KEEP, done_cb, &done);
	SETTLE();
	assert_int_equal(done, 0);
	release_unplugs();
	UNTIL(done == 1);
	assert_int_equal(op.calls, calls + 1);
	assert_int_equal(op.result, 0);
	ft.hold = false;
	vn_controller_destroy(t.ctrl);
	t.ctrl = NULL;
}

static void
set_hosts(unsigned int n)
{
	t.conf.n_hosts = n;
	for (unsigned int i = 0; i < n; i++) {
		struct vn_conf_host *h = &t.conf.host[i];

		snprintf(h->name, sizeof(h->name), "vm%u", i);
		snprintf(h->qmp, sizeof(h->qmp), "/nowhere/vm%u.qmp", i);
		h->n_ports = 1;
		strcpy(h->port[0], "rp1");
	}
}

/* The only VM is meant when none is named; it is not there. */
static void
test_no_vm(void **state)
{
	struct vn_hotplug hp = request();
	struct vn_device *dev;

	(void)state;
	set_hosts(1);
	start(1);
	hotplug(&hp);
	assert_int_equal(op.result, VIRTNET_ERR_HOTPLUG);
	assert_non_null(strstr(op.text, "VM vm0: no monitor at /nowhere/vm0.qmp"));
	assert_int_equal(t.ctrl->num_devices, 1);
	hp.vm = "none";
	dev = hotplug_ok(&hp);
	assert_string_equal(dev->ctrl->vm, "");
	vn_controller_attach(t.ctrl, dev, NULL, NULL, op_done, NULL);
	assert_int_equal(op.result, -ENOTCONN);
	assert_int_equal(dev->ctrl->attach, VN_DETACHED);
	vn_controller_attach(t.ctrl, dev, "vm1", NULL, op_done, NULL);
	assert_int_equal(op.result, -ENOENT);
	vn_controller_detach(t.ctrl, dev, op_done, NULL);
	assert_int_equal(op.result, -ENODEV);
	dev->endpoint->connected = true;
	vn_controller_attach(t.ctrl, dev, "vm0", NULL, op_done, NULL);
	assert_int_equal(op.result, -EBUSY);
	dev->endpoint->connected = false;
	stop_all(VN_PORT_KEEP);
	/* With two there is no default. */
	set_hosts(2);
	start(1);
	hp.vm = NULL;
	dev = hotplug_ok(&hp);
	vn_controller_attach(t.ctrl, dev, NULL, NULL, op_done, NULL);
	assert_int_equal(op.result, -EINVAL);
}

/* Each device has the kind of port that was asked for, or that virtnet.conf names for its kind. */
static void
test_port_kind(void **state)
{
	struct vn_port_ops none = fp_ops;
	const struct vn_port_ops *const kinds[] = {&none};
	struct vn_hotplug hp = request();
	struct vn_device *dev;

	(void)state;
	none.kind = "none";
	t.env.port = kinds;
	t.env.n_ports = 1;
	t.conf.static_pf.port = "none";
	start(2);
	assert_ptr_equal(t.ctrl->device[0]->env.port_ops, &none);
	assert_string_equal(t.ctrl->device[1]->ctrl->port_kind, "none");
	dev = hotplug_ok(&hp);
	assert_ptr_equal(dev->env.port_ops, &fp_ops);
	assert_string_equal(dev->ctrl->port_kind, "fake");
	unplug(dev);
	hp.port_kind = "none";
	dev = hotplug_ok(&hp);
	assert_ptr_equal(dev->env.port_ops, &none);
	hp.port_kind = "veth";
	hotplug(&hp);
	assert_int_equal(op.result, -EOPNOTSUPP);
	assert_string_equal(op.text, "this build has no ports of kind \"veth\"");
	assert_int_equal(t.ctrl->num_devices, 3);
	stop_all(VN_PORT_REMOVE);
	/* Of virtnet.conf only what this build has. */
	t.conf.static_pf.port = "veth";
	t.capacity.current[VN_CAP_NUM_PF] = 1;
	make();
	assert_int_equal(begin_start(), -EOPNOTSUPP);
	assert_string_equal(t.err, "this build has no ports of kind \"veth\"");
}

static void
test_text(void **state)
{
	char *text;

	(void)state;
	start(1);
	text = vn_controller_attach_text(t.ctrl, t.ctrl->device[0], "rp1", false);
	assert_non_null(strstr(
		text, "-chardev socket,id=virtnet-" SERIAL "VNETS0D0F2.chardev,path=/run/test/"));
	assert_non_null(strstr(text, ",vectors=64,"));
	assert_non_null(strstr(text, ",bus=rp1\n"));
	free(text);
	text = vn_controller_attach_text(t.ctrl, t.ctrl->device[0], NULL, true);
	assert_non_null(strstr(text, "<interface type='vhostuser'>"));
	free(text);
}

/* The transport of virtnet.conf is not in this build. */
static void
test_no_transport(void **state)
{
	static const struct vn_transport_ops stub = {.name = "vfio-user", .full = true};
	static const struct vn_transport_ops *const some[] = {&stub, &ft_rings};
	struct vn_hotplug hp = request();

	(void)state;
	t.env.transport = some;
	t.conf.vhost_user = false;
	make();
	assert_int_equal(begin_start(), -EOPNOTSUPP);
	assert_string_equal(t.err, "this build has no transport vfio-user: write \"transport\": "
				   "\"vhost-user\" into virtnet.conf");
	hotplug(&hp);
	assert_int_equal(op.result, -EOPNOTSUPP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_example),
		TEST(test_refused),
		TEST(test_sizes),
		TEST(test_features),
		TEST(test_places),
		TEST(test_all),
		TEST(test_capacity),
		TEST(test_no_port),
		TEST(test_in_use),
		TEST(test_busy),
		TEST(test_no_vm),
		TEST(test_port_kind),
		TEST(test_text),
		TEST(test_no_transport),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
