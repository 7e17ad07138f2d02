/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* The object "switch". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vn_conf.h"

static struct vn_conf conf;
static struct vn_conf_errors errors;

static int
parse(const char *text)
{
	return vn_conf_parse(text, strlen(text), &conf, &errors);
}

static void
good(void **state)
{
	(void)state;
	assert_int_equal(parse("{}"), 0);
	assert_int_equal(conf.sw.n_uplinks, 0);
	assert_int_equal(conf.sw.table_size, 8192);
	assert_int_equal(conf.sw.ageing, 300);
	assert_false(conf.sw.rules.has_anti_spoof || conf.sw.rules.has_isolated);
	assert_int_equal(parse("{\"switch\": {\"uplinks\": [\"net_tap0\", \"0000:03:00.0\"],"
			       " \"anti_spoof\": 1, \"isolated\": 1, \"table_size\": 64,"
			       " \"ageing\": 0}, \"vf\": {\"port\": \"switch\"}}"),
		0);
	assert_int_equal(conf.sw.n_uplinks, 2);
	assert_string_equal(conf.sw.uplink[1], "0000:03:00.0");
	assert_true(conf.sw.rules.has_anti_spoof && conf.sw.rules.anti_spoof);
	assert_true(conf.sw.rules.has_isolated && conf.sw.rules.isolated);
	assert_int_equal(conf.sw.table_size, 64);
	assert_int_equal(conf.sw.ageing, 0);
	assert_string_equal(conf.vf.port, "switch");
	assert_int_equal(parse("{\"switch\": {\"uplinks\": []}}"), 0);
}

/* Rules of a kind, and of devices. */
static void
rules(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"static_pf\": {\"port\": \"switch\", \"anti_spoof\": 0},"
			       " \"vf\": {\"isolated\": 1, \"port\": \"switch\"},"
			       " \"switch\": {\"devices\": [{\"pf\": 61, \"isolated\": 0},"
			       " {\"vf\": 1007, \"pf\": 0, \"anti_spoof\": 1},"
			       " {\"pf\": 0, \"anti_spoof\": 0, \"isolated\": 1}]}}"),
		0);
	assert_true(conf.static_pf.rules.has_anti_spoof && !conf.static_pf.rules.anti_spoof);
	assert_false(conf.static_pf.rules.has_isolated || conf.vf.rules.has_anti_spoof);
	assert_true(conf.vf.rules.has_isolated && conf.vf.rules.isolated);
	assert_int_equal(conf.sw.n_devices, 3);
	assert_int_equal(conf.sw.device[0].pf, 61);
	assert_int_equal(conf.sw.device[0].vf, -1);
	assert_true(conf.sw.device[0].rules.has_isolated && !conf.sw.device[0].rules.isolated);
	assert_false(conf.sw.device[0].rules.has_anti_spoof);
	assert_int_equal(conf.sw.device[1].vf, 1007);
	assert_true(conf.sw.device[1].rules.anti_spoof);
}

static void
bad(void **state)
{
	static const struct {
		const char *text, *error;
	} vec[] = {
		{"{\"switch\": 1}", "line 1: switch: must be an object {...}, is a number"},
		{"{\"switch\": {\"uplinks\": \"net_tap0\"}}",
			"line 1: switch.uplinks: must be an array with the names of DPDK ports, "
			"[\"net_tap0\"], is a string"},
		{"{\"switch\": {\"uplinks\": [\"a\", \"b\", \"a\"]}}",
			"line 1: switch.uplinks: \"a\" is given twice"},
		{"{\"switch\": {\"uplinks\": [7]}}",
			"line 1: switch.uplinks: must be a string, is a number: write it in "
			"quotes"},
		{"{\"switch\": {\"uplinks\": [\"a b\"]}}",
			"line 1: switch.uplinks: must be a device name (letters, digits, "
			"\"_.:@-\"), is \"a b\""},
		{"{\"switch\": {\"uplinks\": [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\","
		 "\"9\"]}}",
			"line 1: switch.uplinks: has 9 uplinks, at most 8 are possible"},
		{"{\"switch\": {\"anti_spoof\": true}}",
			"line 1: switch.anti_spoof: must be the number 0 or 1, is true: write 1"},
		{"{\"switch\": {\"table_size\": 63}}",
			"line 1: switch.table_size: must be a whole number from 64 to 1048576, is "
			"63"},
		{"{\"switch\": {\"ageing\": 1000001}}",
			"line 1: switch.ageing: must be a whole number from 0 to 1000000, is "
			"1000001"},
		{"{\"switch\": {\"agein\": 1}}",
			"line 1: switch.agein: unknown parameter: did you mean \"ageing\"?"},
		{"{\"anti_spoof\": 1}",
			"line 1: anti_spoof: unknown parameter here: it belongs inside "
			"\"switch\", \"static_pf\" or \"vf\""},
		{"{\"ageing\": 1}", "line 1: ageing: unknown parameter here: it belongs inside "
				    "\"switch\""},
		{"{\"lcore\": 1}", "line 1: lcore: unknown parameter here: it belongs inside "
				   "\"static_pf\" or \"vf\""},
		{"{\"vf\": {\"isolated\": 2, \"port\": \"switch\"}}",
			"line 1: vf.isolated: must be 0 or 1, is 2"},
		{"{\"vf\": {\"isolated\": 0}}",
			"line 1: vf.isolated: needs \"port\": \"switch\" beside it"},
		{"{\"static_pf\": {\"anti_spoof\": 1, \"port\": \"tap\"}}",
			"line 1: static_pf.anti_spoof: needs \"port\": \"switch\" beside it"},
		{"{\"switch\": {\"devices\": {}}}", "line 1: switch.devices: must be an array of "
						    "objects [{...}], is an object"},
		{"{\"switch\": {\"devices\": [7]}}",
			"line 1: switch.devices[0]: must be an object {...}, is a number"},
		{"{\n\"switch\": {\"devices\": [{\"vf\": 0, \"isolated\": 1}]}}",
			"line 2: switch.devices[0]: needs \"pf\""},
		{"{\"switch\": {\"devices\": [{\"pf\": 62, \"isolated\": 1}]}}",
			"line 1: switch.devices[0].pf: must be a whole number from 0 to 61, is 62"},
		{"{\"switch\": {\"devices\": [{\"pf\": 0, \"vf\": -1, \"isolated\": 1}]}}",
			"line 1: switch.devices[0].vf: must be a whole number from 0 to 1007, is "
			"-1"},
		{"{\"switch\": {\"devices\": [{\"pf\": 1, \"isolated\": 1, \"mac\": 1}]}}",
			"line 1: switch.devices[0].mac: unknown parameter: a device has \"pf\", "
			"\"vf\", \"anti_spoof\" and \"isolated\""},
		{"{\"switch\": {\"devices\": [{\"pf\": 1, \"isolated\": 1},"
		 " {\"pf\": 1, \"vf\": 1, \"isolated\": 1}, {\"pf\": 1, \"anti_spoof\": 1}]}}",
			"line 1: switch.devices[2]: is the device of \"devices[0]\", too"},
		{"{\"switch\": {\"devices\": [{\"pf\": 1, \"isolated\": 1},\n {\"pf\": 1, \"vf\": "
		 "1}]}}",
			"line 1: switch.devices[1]: says nothing of the device: needs "
			"\"anti_spoof\" or \"isolated\""},
		{"{\"switch\": {\"devices\": [{\"pf\": 1, \"isolated\": 2}]}}",
			"line 1: switch.devices[0].isolated: must be 0 or 1, is 2"},
	};
	char line[512];

	(void)state;
	for (unsigned int i = 0; i < sizeof(vec) / sizeof(vec[0]); i++) {
		assert_true(parse(vec[i].text) < 0);
		assert_int_equal(errors.n, 1);
		vn_conf_error_format(&errors.e[0], NULL, line, sizeof(line));
		assert_string_equal(line, vec[i].error);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(rules),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
