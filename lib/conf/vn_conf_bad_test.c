/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* virtnet.conf files that are refused, each with the message it gets. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vn_conf.h"

/*
 * The messages are all that the file gets, one per line. A "*" at the end of one stands for
 * jansson's own words, which may change with its version.
 */
static const struct {
	const char *text, *messages;
} cases[] = {
	/* Names. */
	{"{\"ib_dev_p0\": 1}",
		"line 1: ib_dev_p0: must be a string, is a number: write it in quotes"},
	{"{\"ib_dev_p0\": null}",
		"line 1: ib_dev_p0: must be a string, is null: leave it out to have the default"},
	{"{\"ib_dev_p0\": \"\"}",
		"line 1: ib_dev_p0: must not be empty: leave it out to have the default"},
	{"{\"ib_dev_p0\": \"mlx5 0\"}",
		"line 1: ib_dev_p0: must be a device name (letters, digits, \"_.:@-\"), is \"mlx5 "
		"0\""},
	{"{\"ib_dev_p0\": \"mlx5_\\u00e9\"}",
		"line 1: ib_dev_p0: must be a device name (letters, digits, \"_.:@-\"), is "
		"\"mlx5_??\""},
	{"{\"ib_dev_p0\": \"a\\u0007b\"}", "line 1: ib_dev_p0: must not hold control characters"},
	{"{\"ib_dev_p1\": [\"mlx5_1\"]}", "line 1: ib_dev_p1: must be a string, is an array"},
	{"{\"ib_dev_for_static_pf\": {}}",
		"line 1: ib_dev_for_static_pf: must be a string, is an object"},
	{"{\"ib_dev_lag\": true, \"is_lag\": 1, \"ib_dev_for_static_pf\": \"mlx5_bond_0\"}",
		"line 1: ib_dev_lag: must be a string, is true"},
	{"{\"lm_prov\": 1}", "line 1: lm_prov: must be a string, is a number: write it in quotes"},
	{"{\"lm_prov\": \"dpdk\"}",
		"line 1: lm_prov: the only provider is \"kernel\", not \"dpdk\""},

	/* Numbers 0 and 1. */
	{"{\"is_lag\": \"1\"}",
		"line 1: is_lag: must be the number 0 or 1, is the string \"1\": write a number, "
		"unquoted"},
	{"{\"is_lag\": true}", "line 1: is_lag: must be the number 0 or 1, is true: write 1"},
	{"{\"is_lag\": 2}", "line 1: is_lag: must be 0 or 1, is 2"},
	{"{\"single_port\": false}",
		"line 1: single_port: must be the number 0 or 1, is false: write 0"},
	{"{\"single_port\": -1}", "line 1: single_port: must be 0 or 1, is -1"},
	{"{\"recovery\": 0.5}",
		"line 1: recovery: must be the number 0 or 1, has a fraction or an exponent"},
	{"{\"recovery\": 1.0}",
		"line 1: recovery: must be the number 0 or 1, has a fraction or an exponent"},
	{"{\"recovery\": 1e0}",
		"line 1: recovery: must be the number 0 or 1, has a fraction or an exponent"},
	{"{\"recovery\": null}",
		"line 1: recovery: must be the number 0 or 1, is null: leave it out to have the "
		"default"},
	{"{\"sf_pool_force_destroy\": []}",
		"line 1: sf_pool_force_destroy: must be the number 0 or 1, is an array"},
	{"{\"packed_vq\": \"on\"}",
		"line 1: packed_vq: must be the number 0 or 1, is the string \"on\": write a "
		"number, unquoted"},
	{"{\"mrg_rxbuf\": {}}", "line 1: mrg_rxbuf: must be the number 0 or 1, is an object"},
	{"{\"mrg_rxbuf\": 9223372036854775807}",
		"line 1: mrg_rxbuf: must be 0 or 1, is 9223372036854775807"},

	/* Other numbers. */
	{"{\"sf_pool_percent\": 101}",
		"line 1: sf_pool_percent: must be a whole number from 0 to 100, is 101"},
	{"{\"sf_pool_percent\": -1}",
		"line 1: sf_pool_percent: must be a whole number from 0 to 100, is -1"},
	{"{\"sf_pool_percent\": \"50%\"}",
		"line 1: sf_pool_percent: must be a whole number from 0 to 100, is the string "
		"\"50%\": write a number, unquoted"},
	{"{\"sf_pool_percent\": true}",
		"line 1: sf_pool_percent: must be a whole number from 0 to 100, is true"},
	{"{\"sf_pool_percent\": 12.5}",
		"line 1: sf_pool_percent: must be a whole number from 0 to 100, has a fraction or "
		"an exponent"},
	{"{\"sf_pool_percent\": 4294967296}",
		"line 1: sf_pool_percent: must be a whole number from 0 to 100, is 4294967296"},
	{"{\"sf_pool_percent\": 99999999999999999999}",
		"line 1: a number is too big: '99999999999999999999'"},
	{"{\"dpa_core_start\": 0, \"dpa_core_end\": 5}",
		"line 1: dpa_core_start: must be a whole number from 1 to 10, is 0"},
	{"{\"dpa_core_start\": 11, \"dpa_core_end\": 12}",
		"line 1: dpa_core_start: must be a whole number from 1 to 10, is 11"},
	{"{\"dpa_core_start\": 1, \"dpa_core_end\": 256}",
		"line 1: dpa_core_end: must be a whole number from 2 to 255, is 256"},
	{"{\"dpa_core_start\": \"1\", \"dpa_core_end\": 1}",
		"line 1: dpa_core_start: must be a whole number from 1 to 10, is the string "
		"\"1\": write a number, unquoted\n"
		"line 1: dpa_core_end: must be a whole number from 2 to 255, is 1"},

	/* Objects and what is in them. */
	{"{\"static_pf\": []}", "line 1: static_pf: must be an object {...}, is an array"},
	{"{\"static_pf\": \"08:11:22:33:44:55\"}",
		"line 1: static_pf: must be an object {...}, is a string"},
	{"{\"vf\": 1}", "line 1: vf: must be an object {...}, is a number"},
	{"{\"vhost_user\": null}", "line 1: vhost_user: must be an object {...}, is null"},
	{"{\"static_pf\": {\"mac_base\": \"08:11:22:33:44\"}}",
		"line 1: static_pf.mac_base: must be a MAC address such as \"08:11:22:33:44:55\", "
		"is \"08:11:22:33:44\""},
	{"{\"static_pf\": {\"mac_base\": \"08-11-22-33-44-55\"}}",
		"line 1: static_pf.mac_base: must be a MAC address such as \"08:11:22:33:44:55\", "
		"is \"08-11-22-33-44-55\""},
	{"{\"static_pf\": {\"mac_base\": \"08:11:22:33:44:5g\"}}",
		"line 1: static_pf.mac_base: must be a MAC address such as \"08:11:22:33:44:55\", "
		"is \"08:11:22:33:44:5g\""},
	{"{\"static_pf\": {\"mac_base\": \"08:11:22:33:44:55:66\"}}",
		"line 1: static_pf.mac_base: must be a MAC address such as \"08:11:22:33:44:55\", "
		"is \"08:11:22:33:44:55:66\""},
	{"{\"static_pf\": {\"mac_base\": 8}}",
		"line 1: static_pf.mac_base: must be a string, is a number: write it in quotes"},
	{"{\"static_pf\": {\"features\": 150337422379}}",
		"line 1: static_pf.features: must be a hex string such as \"0x230047082b\", is a "
		"number: write the mask in hex and in quotes"},
	{"{\"static_pf\": {\"features\": \"230047082b\"}}",
		"line 1: static_pf.features: must be a hex string such as \"0x230047082b\", is "
		"\"230047082b\""},
	{"{\"static_pf\": {\"features\": \"0x\"}}",
		"line 1: static_pf.features: must be a hex string such as \"0x230047082b\", is "
		"\"0x\""},
	{"{\"static_pf\": {\"features\": \"0x23004708 2b\"}}",
		"line 1: static_pf.features: must be a hex string such as \"0x230047082b\", is "
		"\"0x23004708 2b\""},
	{"{\"static_pf\": {\"features\": \"0x00230047082b00000\"}}",
		"line 1: static_pf.features: is too long: at most 64 bits, that is 16 hex digits"},
	{"{\"static_pf\": {\"features\": [\"0x1\"]}}",
		"line 1: static_pf.features: must be a string, is an array"},
	{"{\"vf\": {\"mac_base\": \"\", \"vfs_per_pf\": 1}}",
		"line 1: vf.mac_base: must be a MAC address such as \"08:11:22:33:44:55\", is "
		"\"\""},
	{"{\"vf\": {\"features\": null}}",
		"line 1: vf.features: must be a string, is null: leave it out to have the default"},
	{"{\"vf\": {\"vfs_per_pf\": 0}}",
		"line 1: vf.vfs_per_pf: must be a whole number from 1 to 1008, is 0"},
	{"{\"vf\": {\"vfs_per_pf\": 1009}}",
		"line 1: vf.vfs_per_pf: must be a whole number from 1 to 1008, is 1009"},
	{"{\"vf\": {\"vfs_per_pf\": \"126\"}}",
		"line 1: vf.vfs_per_pf: must be a whole number from 1 to 1008, is the string "
		"\"126\": write a number, unquoted"},
	{"{\"vf\": {\"max_queue_pairs\": 0}}",
		"line 1: vf.max_queue_pairs: must be a whole number from 1 to 127, is 0"},
	{"{\"vf\": {\"max_queue_pairs\": 128}}",
		"line 1: vf.max_queue_pairs: must be a whole number from 1 to 127, is 128"},
	{"{\"vf\": {\"max_queue_size\": 2}}",
		"line 1: vf.max_queue_size: must be a whole number from 4 to 32768, is 2"},
	{"{\"vf\": {\"max_queue_size\": 300}}",
		"line 1: vf.max_queue_size: must be a power of two from 4 to 32768, is 300"},
	{"{\"vf\": {\"max_queue_size\": 65536}}",
		"line 1: vf.max_queue_size: must be a whole number from 4 to 32768, is 65536"},
	{"{\"vf\": {\"port\": \"veth\"}}",
		"line 1: vf.port: must be \"tap\", \"internal\" or \"switch\", is \"veth\""},
	{"{\"vhost_user\": {\"mode\": \"both\"}}",
		"line 1: vhost_user.mode: must be \"server\" or \"client\", is \"both\""},
	{"{\"vhost_user\": {\"mode\": 0}}",
		"line 1: vhost_user.mode: must be a string, is a number: write it in quotes"},
	{"{\"vhost_user\": {\"socket_dir\": \"run/virtnet\"}}",
		"line 1: vhost_user.socket_dir: must be an absolute path: begin it with \"/\""},
	{"{\"vhost_user\": {\"socket_dir\": "
	 "\"/0123456789/0123456789/0123456789/0123456789/0123456789/01234567\"}}",
		"line 1: vhost_user.socket_dir: is too long: at most 62 characters, has 64"},
	{"{\"vhost_user\": {\"socket_dir\": \"/run/a\\nb\"}}",
		"line 1: vhost_user.socket_dir: must not hold control characters"},

	/* Contradictions. */
	{"{\"ib_dev_lag\": \"b\",\n\"ib_dev_p0\": \"mlx5_0\",\n\"ib_dev_p1\": \"mlx5_1\",\n"
	 "\"is_lag\": 1,\n\"ib_dev_for_static_pf\": \"b\"}",
		"line 2: ib_dev_p0: excludes \"ib_dev_lag\": with LAG only that one is given\n"
		"line 3: ib_dev_p1: excludes \"ib_dev_lag\": with LAG only that one is given"},
	{"{\"is_lag\": 1}",
		"line 1: is_lag: 1 needs \"ib_dev_lag\" with the name of the LAG device\n"
		"line 1: is_lag: 1 needs \"ib_dev_for_static_pf\" with the name of the LAG device"},
	{"{\"is_lag\": 1, \"ib_dev_lag\": \"mlx5_bond_0\"}",
		"line 1: is_lag: 1 needs \"ib_dev_for_static_pf\" with the name of the LAG device"},
	{"{\"is_lag\": 1, \"ib_dev_for_static_pf\": \"mlx5_bond_0\"}",
		"line 1: is_lag: 1 needs \"ib_dev_lag\" with the name of the LAG device"},
	{"{\"is_lag\": 1, \"ib_dev_lag\": \"mlx5_bond_0\", \"ib_dev_for_static_pf\": \"mlx5_0\"}",
		"line 1: ib_dev_for_static_pf: must name the LAG device \"mlx5_bond_0\" when "
		"\"is_lag\" is 1, is \"mlx5_0\""},
	{"{\"ib_dev_lag\": \"mlx5_bond_0\"}",
		"line 1: ib_dev_lag: needs \"is_lag\": 1, without it there is no LAG"},
	{"{\"single_port\": 1, \"is_lag\": 1, \"ib_dev_lag\": \"b\", \"ib_dev_for_static_pf\": "
	 "\"b\"}",
		"line 1: single_port: 1 excludes \"is_lag\": 1, a LAG needs two ports"},
	{"{\"single_port\": 1, \"ib_dev_p1\": \"mlx5_1\"}",
		"line 1: ib_dev_p1: is the device of port 1, but \"single_port\" is 1: remove one"},
	{"{\"vf\": {\"mac_base\": \"06:11:22:33:44:55\"}}",
		"line 1: vf.mac_base: needs \"vfs_per_pf\" too: it tells each PF's share of "
		"addresses"},
	{"{\"dpa_core_start\": 5}",
		"line 1: dpa_core_start: needs \"dpa_core_end\" too: give both or none"},
	{"{\"dpa_core_end\": 5}",
		"line 1: dpa_core_end: needs \"dpa_core_start\" too: give both or none"},
	{"{\"dpa_core_start\": 5, \"dpa_core_end\": 5}",
		"line 1: dpa_core_end: must be above \"dpa_core_start\" (5), is 5"},
	{"{\"dpa_core_start\": 5, \"dpa_core_end\": 4}",
		"line 1: dpa_core_end: must be above \"dpa_core_start\" (5), is 4"},
	{"{\"static_pf\": {\"features\": \"0x8900010300e7982f\"}}",
		"line 1: static_pf.features: bit 15 (VIRTIO_NET_F_MRG_RXBUF) needs \"mrg_rxbuf\": "
		"1"},
	{"{\"mrg_rxbuf\": 1, \"vf\": {\"features\": \"0x400008000\"}}",
		"line 1: vf.features: bit 34 (VIRTIO_F_RING_PACKED) needs \"packed_vq\": 1"},

	/* Unknown parameters. */
	{"{\"ib_dev_p2\": \"mlx5_2\"}",
		"line 1: ib_dev_p2: unknown parameter: did you mean \"ib_dev_p0\"?"},
	{"{\"islag\": 1}", "line 1: islag: unknown parameter: did you mean \"is_lag\"?"},
	{"{\"IS_LAG\": 1}", "line 1: IS_LAG: unknown parameter: did you mean \"is_lag\"?"},
	{"{\"static-pf\": {}}",
		"line 1: static-pf: unknown parameter: did you mean \"static_pf\"?"},
	{"{\"recovrey\": 1}", "line 1: recovrey: unknown parameter: did you mean \"recovery\"?"},
	{"{\"mrg_rx_buf\": 1}",
		"line 1: mrg_rx_buf: unknown parameter: did you mean \"mrg_rxbuf\"?"},
	{"{\"frobnicate\": 1}", "line 1: frobnicate: unknown parameter: remove it"},
	{"{\"\": 1}", "line 1: unknown parameter: remove it"},
	{"{\"a\\u0001\\u00e9\\\\b\": 1}", "line 1: a???\\b: unknown parameter: remove it"},
	{"{\"mtu\": 9000}",
		"line 1: mtu: cannot be set here: static PFs start with MTU 1500, hotplug PFs get "
		"their own"},
	{"{\"eth_vq_workers\": 4}",
		"line 1: eth_vq_workers: is of a later interface version: the workers are the "
		"EAL's lcores"},
	{"{\"admin_cmd_workers\": 4}",
		"line 1: admin_cmd_workers: is of a later interface version: there is one control "
		"thread"},
	{"{\"mac_base\": \"08:11:22:33:44:55\"}",
		"line 1: mac_base: unknown parameter here: it belongs inside \"static_pf\" or "
		"\"vf\""},
	{"{\"vfs_per_pf\": 126}",
		"line 1: vfs_per_pf: unknown parameter here: it belongs inside \"vf\""},
	{"{\"socket_dir\": \"/run\"}",
		"line 1: socket_dir: unknown parameter here: it belongs inside \"vfio_user\" or "
		"\"vhost_user\""},
	{"{\"static_pf\": {\"mtu\": 9000}}",
		"line 1: static_pf.mtu: cannot be set here: static PFs start with MTU 1500, "
		"hotplug PFs get their own"},
	{"{\"static_pf\": {\"vfs_per_pf\": 126}}",
		"line 1: static_pf.vfs_per_pf: unknown parameter here: it belongs inside \"vf\""},
	{"{\"static_pf\": {\"mac\": \"08:11:22:33:44:55\"}}",
		"line 1: static_pf.mac: unknown parameter: did you mean \"mac_base\"?"},
	{"{\"vf\": {\"is_lag\": 1}}",
		"line 1: vf.is_lag: unknown parameter here: it belongs at the top of the file"},
	{"{\"vf\": {\"queue_pairs\": 1}}",
		"line 1: vf.queue_pairs: unknown parameter: did you mean \"max_queue_pairs\"?"},

	/* All errors of a file at once, in the order of their lines. */
	{"{\n  \"is_lag\": \"0\",\n  \"static_pf\": {\n    \"mac_base\": \"x\",\n"
	 "    \"feature\": \"0x1\"\n  },\n  \"recovery\": 7,\n  \"sf_pool_percent\": 1000\n}",
		"line 2: is_lag: must be the number 0 or 1, is the string \"0\": write a number, "
		"unquoted\n"
		"line 4: static_pf.mac_base: must be a MAC address such as \"08:11:22:33:44:55\", "
		"is \"x\"\n"
		"line 5: static_pf.feature: unknown parameter: did you mean \"features\"?\n"
		"line 7: recovery: must be 0 or 1, is 7\n"
		"line 8: sf_pool_percent: must be a whole number from 0 to 100, is 1000"},
	{"{\"vf\": {\n\"mac_base\": \"06:11:22:33:44:55\"},\n\"bogus\": 1,\n\"dpa_core_end\": 3}",
		"line 2: vf.mac_base: needs \"vfs_per_pf\" too: it tells each PF's share of "
		"addresses\n"
		"line 3: bogus: unknown parameter: remove it\n"
		"line 4: dpa_core_end: needs \"dpa_core_start\" too: give both or none"},

	/* Given twice. */
	{"{\"is_lag\": 0,\n\n\"is_lag\": 0,\n\"recovery\": 2}",
		"line 3: is_lag: is given twice (first on line 1): keep one of the two\n"
		"line 4: recovery: must be 0 or 1, is 2"},
	{"{\"vf\": {\"vfs_per_pf\": 1,\n\"vfs_per_pf\": 2},\n\"vf\": {}}",
		"line 2: vf.vfs_per_pf: is given twice (first on line 1): keep one of the two\n"
		"line 3: vf: is given twice (first on line 1): keep one of the two"},
	{"{\"is_lag\": 0,\n\"is\\u005flag\": 0}",
		"line 2: is_lag: is given twice (first on line 1): keep one of the two"},
	{"{\"recovery\": [{\"a\": 1, \"a\": 2}]}",
		"line 1: not valid JSON: *\n"
		"line 1: recovery: must be the number 0 or 1, is an array"},

	/* Not JSON. */
	{"{\"is_lag\": 0,}", "line 1: trailing comma before '}': remove the comma"},
	{"{\n  \"static_pf\": {\n    \"mac_base\": \"08:11:22:33:44:55\",\n  }\n}",
		"line 3: trailing comma before '}': remove the comma"},
	{"{\n  \"is_lag\": 1,\n\n}", "line 2: trailing comma before '}': remove the comma"},
	{"{\"recovery\": [1, 2, ]}", "line 1: trailing comma before ']': remove the comma"},
	{"{\"recovery\": 1,}}", "line 1: trailing comma before '}': remove the comma"},
	{"{\"is_lag\": 0,,}", "line 1: not valid JSON: *"},
	{"{,}", "line 1: not valid JSON: *"},
	{"   ", "is empty: write {} to have all defaults"},
	{"[]", "line 1: must be a JSON object {...}, is an array"},
	{"[\"is_lag\"]", "line 1: must be a JSON object {...}, is an array"},
	{"1", "line 1: not valid JSON: *"},
	{"\"is_lag\"", "line 1: not valid JSON: *"},
	{"is_lag = 1", "line 1: not valid JSON: *"},
	{"{\"is_lag\": 0", "line 1: ends too early: a closing '}', ']' or '\"' is missing"},
	{"{\n\"ib_dev_p0\": \"mlx5_0",
		"line 2: ends too early: a closing '}', ']' or '\"' is missing"},
	{"{\"is_lag\": 0}}", "line 1: not valid JSON: *"},
	{"{\"is_lag\": 0} {}", "line 1: not valid JSON: *"},
	{"{\"is_lag\" 0}", "line 1: not valid JSON: *"},
	{"{is_lag: 0}", "line 1: not valid JSON: *"},
	{"{\"is_lag\": 0\n \"recovery\": 1}",
		"line 2: not valid JSON: a comma is missing before '\"recovery\"'"},
	{"{\"is_lag\": 0,\n // no LAG\n \"recovery\": 1}",
		"line 2: not valid JSON near '/': JSON has no comments, remove it"},
	{"# comment\n{}", "line 1: not valid JSON near '#': JSON has no comments, remove it"},
	{"{'is_lag': 0}", "line 1: not valid JSON: strings have double quotes, not single ones"},
	{"{\"is_lag\": True}", "line 1: not valid JSON: *"},
	{"{\"is_lag\": 01}", "line 1: not valid JSON: *"},
	{"{\"is_lag\": 0x1}", "line 1: not valid JSON: *"},
	{"{\"is_lag\": NaN}", "line 1: not valid JSON: *"},
	{"{\"ib_dev_p0\": \"a\\q\"}", "line 1: not valid JSON: *"},
	{"{\"ib_dev_p0\": \"a\\u0000\"}", "line 1: not valid JSON: a string holds \\u0000"},
	{"{\"ib_dev_p0\": \"a\\ud800\"}", "line 1: not valid JSON: *"},
};

static struct vn_conf conf;
static struct vn_conf_errors errors;

/* All messages as one text. */
static void
messages(char *buf, size_t len)
{
	size_t used = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < errors.n && i < VN_CONF_MAX_ERRORS; i++) {
		used += (size_t)snprintf(buf + used, len - used, i > 0 ? "\n" : "");
		used += (size_t)vn_conf_error_format(&errors.e[i], NULL, buf + used, len - used);
		assert_true(used < len);
	}
}

/* Line by line; "*" is for the rest of a line. */
static int
same(const char *want, const char *got)
{
	for (; *want != '\0'; want++, got++) {
		if (*want == '*') {
			got += strcspn(got, "\n");
			want++;
		}
		if (*want != *got)
			return 0;
		if (*want == '\0')
			return 1;
	}
	return *got == '\0';
}

static void
refused(void **state)
{
	unsigned int n = sizeof(cases) / sizeof(cases[0]), i, bad = 0;
	char got[16384];

	(void)state;
	for (i = 0; i < n; i++) {
		if (vn_conf_parse(cases[i].text, strlen(cases[i].text), &conf, &errors) !=
			-EINVAL) {
			print_error("accepted: %s\n", cases[i].text);
			bad++;
			continue;
		}
		messages(got, sizeof(got));
		if (!same(cases[i].messages, got)) {
			print_error("file: %s\nwant: %s\ngot:  %s\n", cases[i].text,
				cases[i].messages, got);
			bad++;
		}
	}
	print_message("%u malformed files\n", n);
	assert_int_equal(bad, 0);
}

static void
expect(const char *text, size_t len, int line, const char *message)
{
	assert_int_equal(vn_conf_parse(text, len, &conf, &errors), -EINVAL);
	assert_int_equal(errors.n, 1);
	assert_string_equal(errors.e[0].path, "");
	assert_string_equal(errors.e[0].text, message);
	assert_int_equal(errors.e[0].line, line);
}

/* Bytes that no editor of JSON writes. */
static void
not_text(void **state)
{
	static const char invalid_utf8[] = "{\n\"ib_dev_p0\": \"\xff\xfe\"}";

	(void)state;
	expect("", 0, 0, "is empty: write {} to have all defaults");
	expect("{}\0", 3, 1, "this is not a JSON text: it holds a NUL byte");
	expect("\x7f"
	       "ELF\n\x02\x01\x01\0\0",
		10, 2, "this is not a JSON text: it holds a NUL byte");
	expect("\xef\xbb\xbf{}", 5, 1,
		"begins with a byte order mark (BOM): save it as UTF-8 without one");
	assert_int_equal(
		vn_conf_parse(invalid_utf8, sizeof(invalid_utf8) - 1, &conf, &errors), -EINVAL);
	assert_int_equal(errors.e[0].line, 2);
}

static void
deep(void **state)
{
	static char text[1 << 20];

	(void)state;
	memset(text, '[', sizeof(text));
	expect(text, sizeof(text), 1, "is nested too deeply");
	memset(text, '{', sizeof(text));
	assert_int_equal(vn_conf_parse(text, sizeof(text), &conf, &errors), -EINVAL);
	assert_int_equal(errors.n, 1);
	/* As deep as jansson goes: the walk for the lines must not mind. */
	memset(text, '[', 2000);
	memcpy(text, "{\"a\":", 5);
	memset(text + 2000, ']', 1995);
	memcpy(text + 3995, ",\n\"b\":1}", 8);
	assert_int_equal(vn_conf_parse(text, 4003, &conf, &errors), -EINVAL);
	assert_int_equal(errors.n, 2);
	assert_string_equal(errors.e[1].path, "b");
	assert_int_equal(errors.e[1].line, 2);
}

/* More errors than there is room for are counted, in a time that does not explode. */
static void
many(void **state)
{
	const unsigned int keys = 60000;
	char *text = malloc(1 << 20);
	unsigned int i;
	size_t len;

	(void)state;
	assert_non_null(text);
	len = (size_t)sprintf(text, "{");
	for (i = 0; i < keys; i++)
		len += (size_t)sprintf(text + len, "\"k%u\":%u,\n", i, i);
	len += (size_t)sprintf(text + len, "\"k0\":0}");
	assert_int_equal(vn_conf_parse(text, len, &conf, &errors), -EINVAL);
	/* One is there twice. */
	assert_int_equal(errors.n, keys + 1);
	assert_string_equal(errors.e[0].path, "k0");
	assert_string_equal(errors.e[VN_CONF_MAX_ERRORS - 1].text,
		"is given twice (first on line 1): keep one of the two");
	free(text);
}

/* A long key or value is cut in a message, never split into lines. */
static void
long_words(void **state)
{
	static char text[70000];
	unsigned int i;

	(void)state;
	memset(text, 'k', sizeof(text));
	memcpy(text, "{\"", 2);
	memcpy(text + 65000, "\":1}", 5);
	assert_int_equal(vn_conf_parse(text, 65004, &conf, &errors), -EINVAL);
	assert_int_equal(strlen(errors.e[0].path), sizeof(errors.e[0].path) - 1);
	assert_string_equal(errors.e[0].path + sizeof(errors.e[0].path) - 4, "...");
	memset(text, 'v', sizeof(text));
	memcpy(text, "{\"lm_prov\":\"", 12);
	memcpy(text + 65000, "\"}", 2);
	assert_int_equal(vn_conf_parse(text, 65002, &conf, &errors), -EINVAL);
	for (i = 0; errors.e[0].text[i] != '\0'; i++)
		assert_true(errors.e[0].text[i] >= 0x20 && errors.e[0].text[i] <= 0x7e);
}

/* Any byte changed, removed or doubled: an answer, and messages that can be printed. */
static void
mutated(void **state)
{
	unsigned int n = sizeof(cases) / sizeof(cases[0]), i, e, runs = 0;
	char text[1024], got[16384], *p;
	uint32_t rnd = 1;
	size_t len, at;

	(void)state;
	for (i = 0; i < 20 * n; i++) {
		len = strlen(cases[i % n].text);
		assert_true(len + 1 < sizeof(text));
		memcpy(text, cases[i % n].text, len + 1);
		rnd = rnd * 1664525 + 1013904223;
		at = len > 0 ? rnd / 65536 % len : 0;
		if (i % 3 == 0)
			text[at] = (char)(rnd >> 8);
		else if (i % 3 == 1)
			memmove(text + at, text + at + 1, len - at);
		else
			memmove(text + at + 1, text + at, len - at + 1);
		len = i % 3 == 0 ? len : strlen(text);
		if (vn_conf_parse(text, len, &conf, &errors) == 0) {
			assert_int_equal(errors.n, 0);
			continue;
		}
		assert_true(errors.n > 0);
		messages(got, sizeof(got));
		for (p = got; *p != '\0'; p++)
			assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
		for (e = 1; e < errors.n; e++)
			assert_true(errors.e[e - 1].line <= errors.e[e].line);
		runs++;
	}
	print_message("%u of %u mutated files refused\n", runs, 20 * n);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(not_text),
		cmocka_unit_test(deep),
		cmocka_unit_test(many),
		cmocka_unit_test(long_words),
		cmocka_unit_test(mutated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
