/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Parameters about transports and the VMs that functions are plugged into. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vn_capacity.h"
#include "vn_conf.h"

static struct vn_conf conf;
static struct vn_conf_errors errors;

static int
parse(const char *text)
{
	return vn_conf_parse(text, strlen(text), &conf, &errors);
}

static void
defaults(void **state)
{
	(void)state;
	memset(&conf, 0xff, sizeof(conf));
	assert_int_equal(parse("{}"), 0);
	assert_false(conf.vhost_user);
	assert_false(conf.vfio_user_doorbell_page);
	assert_string_equal(conf.vfio_user_socket_dir, "");
	assert_int_equal(conf.n_hosts, 0);
}

static void
accepted(void **state)
{
	(void)state;
	assert_int_equal(
		parse("{\"transport\": \"vhost-user\", \"vfio_user\": {\"socket_dir\": "
		      "\"/run/vfu/\", \"doorbell\": \"page\"}, \"hosts\": ["
		      "{\"name\": \"vm1\", \"qmp\": \"/run/vm1.qmp\", \"ports\": [\"rp1\", "
		      "\"pci.2\"]},"
		      "{\"ports\": [\"rp1\"], \"name\": \"vm-2\", \"qmp\": \"/run/vm2.qmp\"}]}"),
		0);
	assert_true(conf.vhost_user);
	assert_true(conf.vfio_user_doorbell_page);
	assert_string_equal(conf.vfio_user_socket_dir, "/run/vfu");
	assert_int_equal(conf.n_hosts, 2);
	assert_string_equal(conf.host[0].name, "vm1");
	assert_string_equal(conf.host[0].qmp, "/run/vm1.qmp");
	assert_int_equal(conf.host[0].n_ports, 2);
	assert_string_equal(conf.host[0].port[0], "rp1");
	assert_string_equal(conf.host[0].port[1], "pci.2");
	assert_string_equal(conf.host[1].name, "vm-2");
	assert_int_equal(conf.host[1].n_ports, 1);
	assert_false(conf.limits_bluefield3);
	assert_int_equal(parse("{\"limits\": \"none\", \"vf\": {\"vfs_per_pf\": 1008}}"), 0);
	assert_false(conf.limits_bluefield3);
	assert_int_equal(parse("{\"limits\": \"bluefield3\", \"vf\": {\"vfs_per_pf\": 252}}"), 0);
	assert_true(conf.limits_bluefield3);
	assert_false(conf.placement_fixed);
	assert_int_equal(conf.static_pf.lcore, VN_CONF_NO_LCORE);
	assert_int_equal(parse("{\"placement\": \"fixed\", \"static_pf\": {\"lcore\": 5}, "
			       "\"vf\": {\"lcore\": 0}}"),
		0);
	assert_true(conf.placement_fixed);
	assert_int_equal(conf.static_pf.lcore, 5);
	assert_int_equal(conf.vf.lcore, 0);
	assert_int_equal(parse("{\"placement\": \"auto\"}"), 0);
	assert_false(conf.placement_fixed);
	assert_int_equal(conf.vf.lcore, VN_CONF_NO_LCORE);
	assert_int_equal(parse("{\"transport\": \"vfio-user\", \"vfio_user\": {\"doorbell\": "
			       "\"event\"}, \"hosts\": []}"),
		0);
	assert_false(conf.vhost_user || conf.vfio_user_doorbell_page);
	assert_int_equal(conf.n_hosts, 0);
}

#define VM(name, qmp, ports) "{\"name\": " name ", \"qmp\": " qmp ", \"ports\": " ports "}"
#define GOOD                 VM("\"a\"", "\"/q\"", "[\"r\"]")

static const struct {
	const char *text, *path, *message;
} cases[] = {
	{"{\"transport\": \"vdpa\"}", "transport",
		"must be \"vfio-user\" or \"vhost-user\", is \"vdpa\""},
	{"{\"placement\": \"none\"}", "placement", "must be \"auto\" or \"fixed\", is \"none\""},
	{"{\"vf\": {\"lcore\": 1024}}", "vf.lcore",
		"must be a whole number from 0 to 1023, is 1024"},
	{"{\"limits\": \"bluefield2\"}", "limits",
		"must be \"none\" or \"bluefield3\", is \"bluefield2\""},
	{"{\"limits\": \"bluefield3\", \"vf\": {\"vfs_per_pf\": 253}}", "vf.vfs_per_pf",
		"is 253: with \"limits\": \"bluefield3\" at most 252, there are 256 PCIe functions "
		"in "
		"all"},
	{"{\"limits\": \"bluefield3\", \"single_port\": 1, \"vf\": {\"vfs_per_pf\": 254}}",
		"vf.vfs_per_pf",
		"is 254: with \"limits\": \"bluefield3\" at most 253, there are 256 PCIe functions "
		"in "
		"all"},
	{"{\"transport\": 1}", "transport", "must be a string, is a number: write it in quotes"},
	{"{\"vfio_user\": {\"doorbell\": \"bell\"}}", "vfio_user.doorbell",
		"must be \"event\" or \"page\", is \"bell\""},
	{"{\"vfio_user\": {\"socket_dir\": \"run\"}}", "vfio_user.socket_dir",
		"must be an absolute path: begin it with \"/\""},
	{"{\"vfio_user\": {\"mode\": \"server\"}}", "vfio_user.mode",
		"unknown parameter here: it belongs inside \"vhost_user\""},
	{"{\"doorbell\": \"page\"}", "doorbell",
		"unknown parameter here: it belongs inside \"vfio_user\""},
	{"{\"hosts\": {}}", "hosts", "must be an array of objects [{...}], is an object"},
	{"{\"hosts\": [1]}", "hosts[0]", "must be an object {...}, is a number"},
	{"{\"hosts\": [{\"qmp\": \"/q\", \"ports\": [\"r\"]}]}", "hosts[0]", "needs \"name\""},
	{"{\"hosts\": [{\"name\": \"a\", \"ports\": [\"r\"]}]}", "hosts[0]", "needs \"qmp\""},
	{"{\"hosts\": [{\"name\": \"a\", \"qmp\": \"/q\"}]}", "hosts[0]", "needs \"ports\""},
	{"{\"hosts\": [" GOOD
	 ", {\"name\": \"b\", \"qmp\": \"/r\", \"ports\": [\"r\"], \"x\": 1}]}",
		"hosts[1].x", "unknown parameter: a host has \"name\", \"qmp\" and \"ports\""},
	{"{\"hosts\": [" VM("\"none\"", "\"/q\"", "[\"r\"]") "]}", "hosts[0].name",
		"\"none\" means no VM: choose another name"},
	{"{\"hosts\": [" VM("\"a b\"", "\"/q\"", "[\"r\"]") "]}", "hosts[0].name",
		"must be a device name (letters, digits, \"_.:@-\"), is \"a b\""},
	{"{\"hosts\": [" GOOD "," VM("\"a\"", "\"/r\"", "[\"r\"]") "]}", "hosts[1].name",
		"\"a\" is the name of another host, too"},
	{"{\"hosts\": [" GOOD "," VM("\"b\"", "\"/q\"", "[\"r\"]") "]}", "hosts[1].qmp",
		"is that of host \"a\": a monitor serves one client"},
	{"{\"hosts\": [" VM("\"a\"", "\"q\"", "[\"r\"]") "]}", "hosts[0].qmp",
		"must be an absolute path: begin it with \"/\""},
	{"{\"hosts\": [" VM("\"a\"", "\"/q\"", "[]") "]}", "hosts[0].ports",
		"must be an array with the ids of PCIe root ports, [\"rp1\", \"rp2\"]"},
	{"{\"hosts\": [" VM("\"a\"", "\"/q\"", "\"r\"") "]}", "hosts[0].ports",
		"must be an array with the ids of PCIe root ports, [\"rp1\", \"rp2\"], is a "
		"string"},
	{"{\"hosts\": [" VM("\"a\"", "\"/q\"", "[\"r\", \"r\"]") "]}", "hosts[0].ports[1]",
		"\"r\" is given twice"},
	{"{\"hosts\": [" VM("\"a\"", "\"/q\"", "[\"1\"]") "]}", "hosts[0].ports[0]",
		"must be the id of a PCIe root port (a letter, then letters, digits, \"-._\"), is "
		"\"1\""},
	{"{\"hosts\": [" VM("\"a\"", "\"/q\"", "[7]") "]}", "hosts[0].ports[0]",
		"must be a string, is a number: write it in quotes"},
};

static void
refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text), -EINVAL);
		if (errors.n != 1)
			fail_msg("%s: %u errors", cases[i].text, errors.n);
		assert_string_equal(errors.e[0].path, cases[i].path);
		assert_string_equal(errors.e[0].text, cases[i].message);
		assert_int_equal(errors.e[0].line, 1);
	}
}

/* An array that never ends, and its limits. */
static void
bounds(void **state)
{
	char text[16384], qmp[256];
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text), "{\n\"hosts\": [");
	for (unsigned int i = 0; i < VN_CONF_MAX_HOSTS + 1; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"%s{\"name\": \"v%u\", \"qmp\": \"/q%u\", \"ports\": [\"r\"]}",
			i > 0 ? "," : "", i, i);
	snprintf(text + n, sizeof(text) - n, "]}");
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(errors.n, 1);
	assert_int_equal(errors.e[0].line, 2);
	assert_string_equal(errors.e[0].text, "has 17 hosts, at most 16 are possible");

	n = (size_t)snprintf(text, sizeof(text),
		"{\"hosts\": [{\"name\": \"v\", \"qmp\": \"/q\", \"ports\": [\"r\"");
	for (unsigned int i = 0; i < VN_CONF_MAX_PORTS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"r%u\"", i);
	snprintf(text + n, sizeof(text) - n, "]}]}");
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(errors.n, 1);
	assert_string_equal(errors.e[0].text, "has 65 ports, at most 64 are possible");

	memset(qmp, 'q', sizeof(qmp));
	snprintf(text, sizeof(text),
		"{\"hosts\": [{\"name\": \"v\", \"qmp\": \"/%.200s\", "
		"\"ports\": [\"r\"]}]}",
		qmp);
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(errors.e[0].text, "is too long: at most 107 characters, has 201");
}

/* A bare machine can hotplug; without the switch it cannot, whatever the number's default. */
static void
switch_default(void **state)
{
	struct vn_capacity cap;

	(void)state;
	vn_capacity_defaults(&cap);
	assert_int_equal(cap.current[VN_CAP_SWITCH_ENABLE], 1);
	assert_int_equal(cap.current[VN_CAP_SWITCH_NUM_PORT], 31);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(bounds),
		cmocka_unit_test(switch_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
