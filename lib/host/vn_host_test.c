/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Functions go into a VM and out of it, command by command. */

#include "host_test.h"

static void
test_connect(void **state)
{
	struct vn_host_info info;

	(void)state;
	SETTLE();
	vn_host_get_info(t.host, &info);
	assert_false(info.connected);
	assert_non_null(strstr(info.why, "the VM does not run?"));
	assert_string_equal(info.version, "");
	vm_up("11, 1, 3", "");
	vn_host_get_info(t.host, &info);
	assert_true(info.connected);
	assert_null(info.why);
	assert_string_equal(info.version, "11.1.3");
	assert_int_equal(info.ports_free, 2);
	assert_int_equal(info.connections, 1);
	/* The connection goes and comes. */
	vm_close();
	vm_greet("11, 1, 3", "");
	UNTIL(t.host->state == HOST_UP);
	vn_host_get_info(t.host, &info);
	assert_int_equal(info.connections, 2);
}

static void
test_vfio_user(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct vn_host_info info;
	const json_t *args;
	struct done d = {0};
	json_t *cmd;

	(void)state;
	vm_up("10, 1, 0", "");
	vn_host_plug(t.host, &fn, plugged, &d);
	/* The first port has something in it. */
	answer(expect("qom-list"), "\"return\": [{\"name\": \"child[0]\", \"type\": \"link<x>\"}]");
	free_port("rp2");
	cmd = expect("device_add");
	args = json_object_get(cmd, "arguments");
	assert_int_equal(json_object_size(args), 4);
	assert_string_equal(arg(cmd, "driver"), "vfio-user-pci");
	assert_string_equal(arg(cmd, "id"), "virtnet-A");
	assert_string_equal(arg(cmd, "bus"), "rp2");
	args = json_object_get(args, "socket");
	assert_string_equal(json_string_value(json_object_get(args, "type")), "unix");
	assert_string_equal(json_string_value(json_object_get(args, "path")), "/run/x.sock");
	ok(cmd);
	/* Not shown yet; on a bus without a number; at last. */
	answer(expect("query-pci"), "\"return\": []");
	pci(expect("query-pci"), "rp2", "virtnet-A", 0);
	assert_int_equal(d.calls, 0);
	pci(expect("query-pci"), "rp2", "virtnet-A", 5);
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, 0);
	assert_int_equal(d.at.bdf, 0x0500);
	assert_string_equal(d.at.port, "rp2");
	vn_host_get_info(t.host, &info);
	assert_int_equal(info.ports_free, 1);
	/* Twice the same is refused, and nothing is sent. */
	vn_host_plug(t.host, &fn, plugged, &d);
	assert_int_equal(d.calls, 2);
	assert_int_equal(d.result, -EEXIST);
	nothing();
}

static void
test_vhost_user(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VHOST_USER, "virtnet-A");
	const json_t *args, *data;
	struct done d = {0};
	json_t *cmd;

	(void)state;
	vm_up("9, 2, 0", "");
	strcpy(fn.port, "rp2");
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp2");
	cmd = expect("chardev-add");
	assert_string_equal(arg(cmd, "id"), "virtnet-A.chardev");
	args = json_object_get(json_object_get(cmd, "arguments"), "backend");
	assert_string_equal(json_string_value(json_object_get(args, "type")), "socket");
	data = json_object_get(args, "data");
	assert_true(json_is_false(json_object_get(data, "server")));
	assert_int_equal(json_integer_value(json_object_get(data, "reconnect-ms")), 300);
	ok(cmd);
	cmd = expect("netdev_add");
	assert_string_equal(arg(cmd, "type"), "vhost-user");
	assert_string_equal(arg(cmd, "chardev"), "virtnet-A.chardev");
	args = json_object_get(cmd, "arguments");
	assert_int_equal(json_integer_value(json_object_get(args, "queues")), 2);
	ok(cmd);
	cmd = expect("device_add");
	args = json_object_get(cmd, "arguments");
	assert_string_equal(arg(cmd, "driver"), "virtio-net-pci");
	assert_string_equal(arg(cmd, "netdev"), "virtnet-A.netdev");
	assert_string_equal(arg(cmd, "mac"), "02:00:00:00:00:01");
	assert_true(json_is_true(json_object_get(args, "mq")));
	assert_int_equal(json_integer_value(json_object_get(args, "vectors")), 6);
	assert_int_equal(json_integer_value(json_object_get(args, "host_mtu")), 1450);
	assert_int_equal(json_integer_value(json_object_get(args, "rx_queue_size")), 512);
	ok(cmd);
	pci(expect("query-pci"), "rp2", "virtnet-A", 7);
	UNTIL(d.calls == 1);
	assert_int_equal(d.at.bdf, 0x0700);

	vn_host_unplug(t.host, &fn, unplugged, &d);
	cmd = expect("device_del");
	assert_string_equal(arg(cmd, "id"), "virtnet-A");
	ok(cmd);
	event("DEVICE_DELETED", "virtnet-other");
	event("DEVICE_DELETED", "virtnet-A");
	cmd = expect("netdev_del");
	assert_string_equal(arg(cmd, "id"), "virtnet-A.netdev");
	ok(cmd);
	cmd = expect("chardev-remove");
	assert_string_equal(arg(cmd, "id"), "virtnet-A.chardev");
	assert_int_equal(d.calls, 1);
	ok(cmd);
	UNTIL(d.calls == 2);
	assert_int_equal(d.result, 0);
	assert_int_equal(t.gone, 0);
	assert_int_equal(t.host->n_fns, 0);
}

/* What older QEMUs call it, and the side that listens. */
static void
test_vhost_user_forms(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VHOST_USER, "virtnet-A");
	const json_t *data;
	struct done d = {0};
	json_t *cmd;

	(void)state;
	vm_up("7, 2, 9", "");
	for (unsigned int client = 0; client < 2; client++) {
		fn.socket_client = client != 0;
		vn_host_plug(t.host, &fn, plugged, &d);
		free_port("rp1");
		cmd = expect("chardev-add");
		data = json_object_get(
			json_object_get(json_object_get(cmd, "arguments"), "backend"), "data");
		if (client == 0) {
			assert_int_equal(json_integer_value(json_object_get(data, "reconnect")), 1);
			assert_true(json_is_false(json_object_get(data, "server")));
		} else {
			assert_true(json_is_true(json_object_get(data, "server")));
			assert_true(json_is_false(json_object_get(data, "wait")));
			assert_null(json_object_get(data, "reconnect"));
		}
		refuse(cmd, "no");
		UNTIL(d.calls == client + 1);
		assert_int_equal(d.result, -EREMOTEIO);
		assert_string_equal(d.text, "VM vm1: QEMU refuses the chardev: no");
	}
	nothing();
}

/* Nothing stays in QEMU of a plug that it refuses half way. */
static void
test_rollback(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VHOST_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vm_up("11, 1, 3", "");
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp1");
	ok(expect("chardev-add"));
	ok(expect("netdev_add"));
	refuse(expect("device_add"), "Bus 'rp1' \\u0001 does not \\n support hotplugging");
	ok(expect("netdev_del"));
	assert_int_equal(d.calls, 0);
	ok(expect("chardev-remove"));
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, -EREMOTEIO);
	assert_string_equal(d.text,
		"VM vm1: QEMU refuses the device: Bus 'rp1' ? does not ? support "
		"hotplugging");
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp1");
	ok(expect("chardev-add"));
	refuse(expect("netdev_add"), "no");
	ok(expect("chardev-remove"));
	UNTIL(d.calls == 2);
	assert_int_equal(t.host->n_fns, 0);
	fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp1");
	refuse(expect("device_add"), "Failed to connect");
	UNTIL(d.calls == 3);
	assert_int_equal(d.result, -EREMOTEIO);
	nothing();
}

static void
test_ports(void **state)
{
	struct vn_host_fn a = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct vn_host_fn b = function(VN_HOST_VFIO_USER, "virtnet-B");
	struct vn_host_fn c = function(VN_HOST_VFIO_USER, "virtnet-C");
	struct done da = {0}, db = {0}, dc = {0};
	json_t *add_a, *add_b;

	(void)state;
	vm_up("11, 1, 3", "");
	/* Two at once get a port each; the third none. */
	vn_host_plug(t.host, &a, plugged, &da);
	vn_host_plug(t.host, &b, plugged, &db);
	vn_host_plug(t.host, &c, plugged, &dc);
	assert_int_equal(dc.calls, 1);
	assert_int_equal(dc.result, -ENOSPC);
	assert_string_equal(dc.text, "VM vm1: none of its 2 root ports in virtnet.conf is free "
				     "(VM vm1: root port rp2 is in use)");
	free_port("rp1");
	free_port("rp2");
	add_a = expect("device_add");
	add_b = expect("device_add");
	assert_string_equal(arg(add_a, "bus"), "rp1");
	assert_string_equal(arg(add_b, "bus"), "rp2");
	ok(add_b);
	ok(add_a);
	pci(expect("query-pci"), "rp2", "virtnet-B", 2);
	pci(expect("query-pci"), "rp1", "virtnet-A", 1);
	UNTIL(da.calls == 1 && db.calls == 1);
	/* One by name. */
	strcpy(c.port, "rp2");
	vn_host_plug(t.host, &c, plugged, &dc);
	assert_int_equal(dc.result, -EBUSY);
	assert_string_equal(dc.text, "VM vm1: root port rp2 is in use");
	strcpy(c.port, "rp7");
	vn_host_plug(t.host, &c, plugged, &dc);
	assert_int_equal(dc.result, -ENOENT);
	assert_string_equal(dc.text, "VM vm1: virtnet.conf does not give us its root port rp7");
}

static void
test_port_missing(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vm_up("11, 1, 3", "");
	strcpy(fn.port, "rp1");
	vn_host_plug(t.host, &fn, plugged, &d);
	refuse(expect("qom-list"), "Device not found");
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, -ENODEV);
	assert_string_equal(d.text, "VM vm1: root port rp1 does not exist in it");
}

/* A guest that has not counted its buses yet: the function is in, its address comes later. */
static void
test_late_address(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vm_up("11, 1, 3", "");
	t.host->times.bdf = 0;
	t.host->times.refresh = VN_MS(1);
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp1");
	ok(expect("device_add"));
	pci(expect("query-pci"), "rp1", "virtnet-A", 0);
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, 0);
	assert_int_equal(d.at.bdf, 0xffff);
	pci(expect("query-pci"), "rp1", "virtnet-A", 0);
	pci(expect("query-pci"), "rp1", "virtnet-A", 3);
	UNTIL(t.told == 1);
	assert_string_equal(t.last_id, "virtnet-A");
	assert_int_equal(t.last.bdf, 0x0300);
	nothing();
	/* A reboot may change it. */
	event("RESET", "");
	pci(expect("query-pci"), "rp1", "virtnet-A", 4);
	UNTIL(t.told == 2);
	assert_int_equal(t.last.bdf, 0x0400);
}

static void
plug_one(const struct vn_host_fn *fn)
{
	struct done d = {0};

	vn_host_plug(t.host, fn, plugged, &d);
	free_port("rp1");
	if (fn->kind == VN_HOST_VHOST_USER) {
		ok(expect("chardev-add"));
		ok(expect("netdev_add"));
	}
	ok(expect("device_add"));
	pci(expect("query-pci"), "rp1", fn->id, 1);
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, 0);
}

static void
test_too_old(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vm_up("10, 0, 13", "");
	vn_host_plug(t.host, &fn, plugged, &d);
	assert_int_equal(d.calls, 1);
	assert_int_equal(d.result, -ENOTSUP);
	assert_string_equal(d.text,
		"VM vm1: vfio-user needs QEMU 10.1 or later, this one is 10.0.13: "
		"use vhost-user");
	nothing();
}

/* QEMUs that would abort are not asked; later ones and functions without MSI-X are. */
static void
test_msix(void **state)
{
	static const struct {
		const char *version;
		uint16_t vectors;
		bool refused;
	} cases[] = {
		{"10, 1, 0", 6, true},
		{"11, 1, 3", 6, true},
		{"11, 1, 3", 0, false},
		{"11, 1, 4", 6, false},
		{"11, 2, 0", 6, false},
		{"12, 0, 0", 6, false},
	};
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");

	(void)state;
	vm_start();
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct done d = {0};

		vm_greet(cases[i].version, "");
		answer(expect("query-pci"), "\"return\": []");
		fn.vectors = cases[i].vectors;
		fn.msix_always = i % 2;
		plug_one(&fn);
		vn_host_unplug(t.host, &fn, unplugged, &d);
		if (cases[i].refused) {
			assert_int_equal(d.calls, 1);
			assert_int_equal(d.result, -ENOTSUP);
			assert_non_null(strstr(d.text, "would crash"));
			/* What somebody with such a device can do. */
			assert_int_equal(strstr(d.text, "--no-msix") != NULL, !fn.msix_always);
			assert_int_equal(
				strstr(d.text, "static PFs and VFs") != NULL, fn.msix_always);
			nothing();
		} else {
			ok(expect("device_del"));
			event("DEVICE_DELETED", "virtnet-A");
			UNTIL(d.calls == 1);
			assert_int_equal(d.result, 0);
		}
		vm_close();
	}
	/* The next connection finds a VM without it. */
	vm_greet("11, 1, 3", "");
}

static void
test_refused(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VHOST_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vm_up("11, 1, 3", "");
	plug_one(&fn);
	vn_host_unplug(t.host, &fn, unplugged, &d);
	ok(expect("device_del"));
	event("DEVICE_UNPLUG_GUEST_ERROR", "virtnet-A");
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, -EBUSY);
	assert_string_equal(d.text, "VM vm1: the guest refuses to let virtnet-A go");
	/* No answer at all. */
	t.host->times.unplug = VN_MS(20);
	vn_host_unplug(t.host, &fn, unplugged, &d);
	vn_host_unplug(t.host, &fn, unplugged, &(struct done){0});
	ok(expect("device_del"));
	UNTIL(d.calls == 2);
	assert_int_equal(d.result, -EBUSY);
	/* QEMU knows that it was asked before. */
	t.host->times.unplug = VN_SEC(20);
	vn_host_unplug(t.host, &fn, unplugged, &d);
	refuse(expect("device_del"), "Device virtnet-A is already in the process of unplug");
	SETTLE();
	assert_int_equal(d.calls, 2);
	/* The event may come before the answer. */
	event("DEVICE_DELETED", "virtnet-A");
	refuse(expect("netdev_del"), "not found");
	refuse(expect("chardev-remove"), "not found");
	UNTIL(d.calls == 3);
	assert_int_equal(d.result, 0);
	assert_int_equal(t.host->n_fns, 0);
}

static void
test_event_first(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct done d = {0};
	json_t *cmd;

	(void)state;
	vm_up("11, 1, 3", "");
	fn.vectors = 0;
	plug_one(&fn);
	vn_host_unplug(t.host, &fn, unplugged, &d);
	cmd = expect("device_del");
	event("DEVICE_DELETED", "virtnet-A");
	SETTLE();
	assert_int_equal(d.calls, 0);
	ok(cmd);
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, 0);
	/* One that is not there is out. */
	vn_host_unplug(t.host, &fn, unplugged, &d);
	refuse(expect("device_del"), "Device 'virtnet-A' not found");
	UNTIL(d.calls == 2);
	assert_int_equal(d.result, 0);
}

/* Somebody else took it out; of vhost-user what stands behind goes, too. */
static void
test_taken_out(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VHOST_USER, "virtnet-A");

	(void)state;
	vm_up("11, 1, 3", "");
	plug_one(&fn);
	event("DEVICE_DELETED", "virtnet-A");
	ok(expect("netdev_del"));
	assert_int_equal(t.gone, 0);
	ok(expect("chardev-remove"));
	UNTIL(t.gone == 1);
	assert_string_equal(t.last_id, "virtnet-A");
	assert_int_equal(t.host->n_fns, 0);
	plug_one(&fn);
}

/* The same while its address is still looked for: the plug has failed, and nothing stays. */
static void
test_taken_out_early(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VHOST_USER, "virtnet-A");
	struct done d = {0};
	json_t *query;

	(void)state;
	vm_up("11, 1, 3", "");
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp1");
	ok(expect("chardev-add"));
	ok(expect("netdev_add"));
	ok(expect("device_add"));
	query = expect("query-pci");
	event("DEVICE_DELETED", "virtnet-A");
	pci(query, "rp1", "virtnet-B", 1);
	ok(expect("netdev_del"));
	assert_int_equal(d.calls, 0);
	ok(expect("chardev-remove"));
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, -ENODEV);
	assert_string_equal(d.text, "VM vm1: virtnet-A was taken out while it was plugged");
	assert_int_equal(t.host->n_fns, 0);
	plug_one(&fn);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_connect),
		TEST(test_vfio_user),
		TEST(test_vhost_user),
		TEST(test_vhost_user_forms),
		TEST(test_rollback),
		TEST(test_ports),
		TEST(test_port_missing),
		TEST(test_late_address),
		TEST(test_too_old),
		TEST(test_msix),
		TEST(test_refused),
		TEST(test_event_first),
		TEST(test_taken_out),
		TEST(test_taken_out_early),
	};

	vn_log_set_level("err");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
