/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* VMs that are not there, die, come back, hang, or say nonsense. */

#include "host_test.h"

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
test_no_vm(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vn_host_plug(t.host, &fn, plugged, &d);
	assert_int_equal(d.calls, 1);
	assert_int_equal(d.result, -ENOTCONN);
	assert_non_null(strstr(d.text, "VM vm1: no monitor at /tmp/"));
	/* What should go out of a VM that is not there is out. */
	vn_host_unplug(t.host, &fn, unplugged, &d);
	assert_int_equal(d.calls, 2);
	assert_int_equal(d.result, 0);
	assert_int_equal(t.host->n_fns, 0);
}

/* The VM has just been started: an operation waits for its monitor. */
static void
test_starting(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	SETTLE();
	vm_start();
	vn_host_plug(t.host, &fn, plugged, &d);
	vm_greet("11, 1, 3", "");
	/* The order of the two does not matter. */
	free_port("rp1");
	answer(expect("query-pci"), "\"return\": []");
	ok(expect("device_add"));
	pci(expect("query-pci"), "rp1", "virtnet-A", 1);
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, 0);
}

static void
test_dies(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct vn_host_info info;
	struct done d = {0};

	(void)state;
	vm_up("11, 1, 3", "");
	plug_one(&fn);
	vm_stop();
	UNTIL(t.gone == 1);
	assert_string_equal(t.last_id, "virtnet-A");
	vn_host_get_info(t.host, &info);
	assert_false(info.connected);
	assert_int_equal(info.ports_free, 2);
	/* In the middle of an unplug: that has succeeded then. */
	vm_up("11, 1, 3", "");
	fn.vectors = 0;
	plug_one(&fn);
	vn_host_unplug(t.host, &fn, unplugged, &d);
	ok(expect("device_del"));
	SETTLE();
	vm_stop();
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, 0);
	assert_int_equal(t.gone, 1);
	/* In the middle of a plug. */
	vm_up("11, 1, 3", "");
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp1");
	json_decref(expect("device_add"));
	vm_stop();
	UNTIL(d.calls == 2);
	assert_int_equal(d.result, -ENOTCONN);
	UNTIL(t.host->n_fns == 0);
}

/* Another VM has the same monitor path: what was in the first is not in it. */
static void
test_another_vm(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");

	(void)state;
	vm_up("11, 1, 3", "");
	plug_one(&fn);
	vm_close();
	vm_greet("11, 1, 3", ", {\"name\": \"net0\", \"type\": \"child<virtio-net-pci>\"}");
	answer(expect("query-pci"), "\"return\": []");
	UNTIL(t.gone == 1);
	assert_int_equal(t.host->n_fns, 0);
}

/* Only the connection broke: the function is still there, an unplug goes on. */
static void
test_monitor_breaks(void **state)
{
	static const char has[] = ", {\"name\": \"virtnet-A\", \"type\": \"child<vfio-user-pci>\"}";
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vm_up("11, 1, 3", "");
	fn.vectors = 0;
	plug_one(&fn);
	vm_close();
	vm_greet("11, 1, 3", has);
	pci(expect("query-pci"), "rp1", "virtnet-A", 1);
	SETTLE();
	assert_int_equal(t.gone, 0);
	vn_host_unplug(t.host, &fn, unplugged, &d);
	ok(expect("device_del"));
	SETTLE();
	vm_close();
	vm_greet("11, 1, 3", has);
	refuse(expect("device_del"), "Device virtnet-A is already in the process of unplug");
	answer(expect("query-pci"), "\"return\": []");
	event("DEVICE_DELETED", "virtnet-A");
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, 0);
}

/* A plug that was cut off is taken out when the VM is seen again. */
static void
test_leftover(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VHOST_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vm_up("11, 1, 3", "");
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp1");
	ok(expect("chardev-add"));
	json_decref(expect("netdev_add"));
	vm_close();
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, -ENOTCONN);
	vm_greet("11, 1, 3", "");
	refuse(expect("device_del"), "Device 'virtnet-A' not found");
	answer(expect("query-pci"), "\"return\": []");
	ok(expect("netdev_del"));
	ok(expect("chardev-remove"));
	UNTIL(t.host->n_fns == 0);
	assert_int_equal(d.calls, 1);
}

/* What an earlier controller has plugged. */
static void
test_adopted(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VHOST_USER, "virtnet-A");
	struct done d = {0};

	(void)state;
	vm_start();
	vm_greet("11, 1, 3",
		", {\"name\": \"virtnet-A\", \"type\": \"child<x>\"}, {\"name\": 7}, {}, 5, "
		"{\"name\": \"other\"}");
	UNTIL(t.told == 1);
	assert_string_equal(t.last_id, "virtnet-A");
	assert_int_equal(t.last.bdf, 0xffff);
	pci(expect("query-pci"), "rp2", "virtnet-A", 9);
	UNTIL(t.told == 2);
	assert_int_equal(t.last.bdf, 0x0900);
	assert_string_equal(t.last.port, "rp2");
	vn_host_plug(t.host, &fn, plugged, &d);
	assert_int_equal(d.result, -EEXIST);
	vn_host_unplug(t.host, &fn, unplugged, &d);
	ok(expect("device_del"));
	event("DEVICE_DELETED", "virtnet-A");
	ok(expect("netdev_del"));
	ok(expect("chardev-remove"));
	UNTIL(d.calls == 2);
}

/* A monitor that is taken, and one that stops to answer. */
static void
test_hangs(void **state)
{
	struct vn_host_fn fn = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct done d = {0}, e = {0};

	(void)state;
	t.host->times.greeting = VN_MS(20);
	t.host->times.retry = VN_SEC(3600);
	SETTLE();
	vm_start();
	vn_host_plug(t.host, &fn, plugged, &d);
	vn_host_unplug(t.host, &fn, unplugged, &e);
	assert_int_equal(e.result, -EBUSY); /* it is on its way */
	UNTIL(d.calls == 1);
	assert_int_equal(d.result, -ENOTCONN);
	assert_non_null(strstr(d.text, "another client has this monitor?"));
	vn_host_unplug(t.host, &fn, unplugged, &e);
	UNTIL(e.calls == 2);
	assert_int_equal(e.result, -EBUSY);
	vm_stop();
	t.host->times.greeting = VN_SEC(5);
	t.host->times.retry = VN_MS(1);
	vn_host_unplug(t.host, &fn, unplugged, &e);
	UNTIL(e.calls == 3);
	vm_up("11, 1, 3", "");
	vn_host_plug(t.host, &fn, plugged, &d);
	free_port("rp1");
	/* For the next command only: the last one is answered, however long that took. */
	t.host->times.command = VN_MS(20);
	json_decref(expect("device_add"));
	UNTIL(d.calls == 2);
	assert_int_equal(d.result, -ENOTCONN);
	assert_string_equal(d.text, "VM vm1: QEMU does not answer its monitor");
}

static const char *const nonsense[] = {
	"SSH-2.0-OpenSSH\r\n",
	"{\"QMP\": 1}\n",
	"[]\n",
	"{}\n",
	"{\"QMP\"\n",
	"\xff\xfe\n",
	"{\"return\": {}, \"id\": 1}\n",
};

static void
test_nonsense(void **state)
{
	(void)state;
	vm_start();
	for (unsigned int i = 0; i < RTE_DIM(nonsense); i++) {
		char c;

		UNTIL(accepted());
		say(nonsense[i]);
		UNTIL(recv(t.fd, &c, 1, MSG_DONTWAIT) == 0);
		assert_int_not_equal(t.host->state, HOST_UP);
		vm_close();
	}
	vm_greet("11, 1, 3", "");
	answer(expect("query-pci"), "\"return\": 5");
	UNTIL(t.host->state == HOST_UP);
	/* Odd, but harmless. */
	say("{\"event\": 5}\n{\"event\": \"X\"}\n\r\n  \n{\"return\": {}, \"id\": \"x\"}\n"
	    "{\"return\": {}, \"id\": 999}\n{\"error\": 5}\n{\"QMP\": {}}\n"
	    "{\"event\": \"DEVICE_DELETED\", \"data\": []}\n"
	    "{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"nobody\"}}\n");
	SETTLE();
	assert_int_equal(t.host->state, HOST_UP);
}

/* A line that never ends is read to a limit; lines in pieces are put together. */
static void
test_lines(void **state)
{
	static char block[65536];
	size_t sent = 0;
	char c;

	(void)state;
	vm_start();
	UNTIL(accepted());
	memset(block, ' ', sizeof(block));
	for (unsigned int i = 0; i < 2 * HOST_MAX_LINE / 1024; i++) {
		ssize_t n = send(t.fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EAGAIN)
			break;
		vn_loop_run_once(t.loop, 0);
		if (t.host->state == HOST_DOWN)
			break;
	}
	assert_true(sent >= HOST_MAX_LINE && sent < 2 * HOST_MAX_LINE);
	UNTIL(recv(t.fd, &c, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
	vm_close();
	UNTIL(accepted());
	for (const char *p = "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 12}}}}\r\n"; *p; p++) {
		send(t.fd, p, 1, MSG_NOSIGNAL);
		vn_loop_run_once(t.loop, 0);
	}
	ok(expect("qmp_capabilities"));
	answer(expect("qom-list"), "\"return\": []");
	UNTIL(t.host->state == HOST_UP);
	assert_string_equal(t.host->version_text, "12.0.0");
}

/* A bus inside a bus inside a bus. */
static void
test_deep_pci(void **state)
{
	struct vn_host_plugged at = {.bdf = 0xffff};
	json_t *devices = json_pack("[{s:i, s:i, s:i, s:s}]", "bus", 3, "slot", 1, "function", 0,
		"qdev_id", "virtnet-A");
	json_t *ret;

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		devices = json_pack(
			"[{s:s, s:{s:o}}]", "qdev_id", "b", "pci_bridge", "devices", devices);
		if (i == 3) {
			ret = json_pack("[{s:O}]", "devices", devices);
			assert_true(host_pci_find(ret, "virtnet-A", &at));
			assert_int_equal(at.bdf, 0x0308);
			assert_string_equal(at.port, "b");
			json_decref(ret);
		}
	}
	ret = json_pack("[{s:o}]", "devices", devices);
	assert_false(host_pci_find(ret, "virtnet-A", &at));
	json_decref(ret);
	assert_false(host_pci_find(NULL, "virtnet-A", &at));
}

static void
test_destroy(void **state)
{
	struct vn_host_fn a = function(VN_HOST_VFIO_USER, "virtnet-A");
	struct vn_host_fn b = function(VN_HOST_VHOST_USER, "virtnet-B");
	struct done da = {0}, db = {0};

	(void)state;
	vm_up("12, 0, 0", "");
	plug_one(&a);
	vn_host_unplug(t.host, &a, unplugged, &da);
	vn_host_plug(t.host, &b, plugged, &db);
	SETTLE();
	vn_host_destroy(t.host);
	assert_int_equal(da.calls, 1);
	assert_int_equal(da.result, -ECANCELED);
	assert_int_equal(db.calls, 1);
	assert_int_equal(db.result, -ECANCELED);
	t.host = NULL;
	SETTLE();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_no_vm),
		TEST(test_starting),
		TEST(test_dies),
		TEST(test_another_vm),
		TEST(test_monitor_breaks),
		TEST(test_leftover),
		TEST(test_adopted),
		TEST(test_hangs),
		TEST(test_nonsense),
		TEST(test_lines),
		TEST(test_deep_pci),
		TEST(test_destroy),
	};

	vn_log_set_level("err");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
