/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The capacity file: defaults, what is accepted, and what is refused with which message. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vn_capacity.h"

static char dir[] = "/tmp/vn_capacity_test.XXXXXX";
static char path[64];
static struct vn_capacity cap;
static struct vn_conf_errors errors;

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/capacity.json", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int
load(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	return vn_capacity_load(path, &cap, &errors);
}

static void
defaults(void **state)
{
	struct vn_capacity want;

	(void)state;
	vn_capacity_defaults(&want);
	assert_int_equal(want.current[VN_CAP_NUM_PF], 1);
	assert_int_equal(want.current[VN_CAP_NUM_MSIX], 64);
	assert_int_equal(want.next[VN_CAP_SUBSYS_VENDOR_ID], 0x1af4);
	assert_int_equal(want.next[VN_CAP_SUBSYS_ID], 0x1041);

	memset(&cap, 0xff, sizeof(cap));
	assert_int_equal(vn_capacity_load(path, &cap, &errors), 0);
	assert_int_equal(errors.n, 0);
	assert_memory_equal(&cap, &want, sizeof(cap));
	memset(&cap, 0xff, sizeof(cap));
	assert_int_equal(load("{}"), 0);
	assert_memory_equal(&cap, &want, sizeof(cap));
	/* The defaults are a set-up without contradiction, written out as well. */
	assert_int_equal(load("{\"current\": {}, \"next\": {}}"), 0);
	assert_memory_equal(&cap, &want, sizeof(cap));
	assert_int_equal(vn_capacity_load(dir, &cap, &errors), -EISDIR);
}

static void
names(void **state)
{
	unsigned int i;

	(void)state;
	assert_string_equal(vn_capacity_name(VN_CAP_NUM_PF), "VIRTIO_NET_EMULATION_NUM_PF");
	assert_string_equal(vn_capacity_name(VN_CAP_SRIOV_EN), "SRIOV_EN");
	for (i = 0; i < VN_CAP_COUNT; i++)
		assert_non_null(vn_capacity_name(i));
	assert_null(vn_capacity_name(VN_CAP_COUNT));
	assert_null(vn_capacity_info(VN_CAP_COUNT));
	assert_true(vn_capacity_info(VN_CAP_SRIOV_EN)->is_bool);
	assert_false(vn_capacity_info(VN_CAP_NUM_MSIX)->is_bool);
	assert_int_equal(vn_capacity_info(VN_CAP_NUM_MSIX)->min, 4);
	assert_int_equal(vn_capacity_info(VN_CAP_NUM_MSIX)->max, 256);
	assert_int_equal(vn_capacity_info(VN_CAP_NUM_MSIX)->def, 64);
}

/* What is left out of "next" stays as it is in "current". */
static void
two_sets(void **state)
{
	(void)state;
	assert_int_equal(load("{\"current\": {\"VIRTIO_NET_EMULATION_NUM_PF\": 4,"
			      " \"SRIOV_EN\": false, \"PF_BAR2_ENABLE\": 0},"
			      " \"next\": {\"VIRTIO_NET_EMULATION_NUM_VF\": 126,"
			      " \"SRIOV_EN\": true}}"),
		0);
	assert_int_equal(cap.current[VN_CAP_NUM_PF], 4);
	assert_int_equal(cap.current[VN_CAP_SRIOV_EN], 0);
	assert_int_equal(cap.current[VN_CAP_NUM_VF], 0);
	assert_int_equal(cap.current[VN_CAP_PF_BAR2_ENABLE], 0);
	assert_int_equal(cap.next[VN_CAP_NUM_PF], 4);
	assert_int_equal(cap.next[VN_CAP_NUM_VF], 126);
	assert_int_equal(cap.next[VN_CAP_SRIOV_EN], 1);
	assert_int_equal(cap.next[VN_CAP_PF_BAR2_ENABLE], 0);
}

/* The published set-ups (contract, section 2). */
static void
published(void **state)
{
	static const struct {
		unsigned int pf, vf, msix, vf_msix, sw, ports, sf, sriov;
	} rows[] = {
		{4, 0, 64, 0, 0, 0, 64, 0},
		{0, 0, 64, 0, 1, 16, 64, 0},
		{4, 126, 64, 64, 0, 0, 512, 1},
		{2, 100, 10, 64, 1, 15, 256, 1},
	};
	char text[1024];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			"{\"current\": {\"VIRTIO_NET_EMULATION_ENABLE\": 1, \"PER_PF_NUM_SF\": 1,"
			" \"PF_BAR2_ENABLE\": 0, \"PF_SF_BAR_SIZE\": 8,"
			" \"VIRTIO_NET_EMULATION_NUM_PF\": %u,"
			" \"VIRTIO_NET_EMULATION_NUM_VF\": %u,"
			" \"VIRTIO_NET_EMULATION_NUM_MSIX\": %u,"
			" \"VIRTIO_NET_EMULATION_NUM_VF_MSIX\": %u,"
			" \"PCI_SWITCH_EMULATION_ENABLE\": %u,"
			" \"PCI_SWITCH_EMULATION_NUM_PORT\": %u,"
			" \"PF_TOTAL_SF\": %u, \"SRIOV_EN\": %u}}",
			rows[i].pf, rows[i].vf, rows[i].msix, rows[i].vf_msix, rows[i].sw,
			rows[i].ports, rows[i].sf, rows[i].sriov);
		assert_int_equal(load(text), 0);
		assert_int_equal(cap.current[VN_CAP_NUM_PF], rows[i].pf);
		assert_int_equal(cap.next[VN_CAP_SWITCH_NUM_PORT], rows[i].ports);
	}
}

static const struct {
	const char *text, *messages;
} cases[] = {
	{"[]", "line 1: must be a JSON object {...}, is an array"},
	{"{\"current\": 1}", "line 1: current: must be an object {...}, is a number"},
	{"{\"current\": {}, \"next\": []}", "line 1: next: must be an object {...}, is an array"},
	{"{\"VIRTIO_NET_EMULATION_NUM_PF\": 1}",
		"line 1: VIRTIO_NET_EMULATION_NUM_PF: unknown here: settings stand inside "
		"\"current\" or \"next\""},
	{"{\"current\": {}, \"default\": {}}",
		"line 1: default: unknown: the file holds \"current\" and \"next\""},
	{"{\"current\": {\"VIRTIO_NET_EMULATION_NUM_PF\": 32}}",
		"line 1: current.VIRTIO_NET_EMULATION_NUM_PF: must be a whole number from 0 to "
		"31, is 32"},
	{"{\"current\": {\"VIRTIO_NET_EMULATION_NUM_PF\": \"4\"}}",
		"line 1: current.VIRTIO_NET_EMULATION_NUM_PF: must be a whole number from 0 to "
		"31, is the string \"4\": write a number, unquoted"},
	{"{\"current\": {\"VIRTIO_NET_EMULATION_NUM_PF\": true}}",
		"line 1: current.VIRTIO_NET_EMULATION_NUM_PF: must be a whole number from 0 to "
		"31, is true"},
	{"{\"current\": {\"VIRTIO_NET_EMULATION_NUM_PFS\": 4}}",
		"line 1: current.VIRTIO_NET_EMULATION_NUM_PFS: unknown setting: did you mean "
		"\"VIRTIO_NET_EMULATION_NUM_PF\"?"},
	{"{\"current\": {\"virtio_net_emulation_num_vf\": 4}}",
		"line 1: current.virtio_net_emulation_num_vf: unknown setting: did you mean "
		"\"VIRTIO_NET_EMULATION_NUM_VF\"?"},
	{"{\"current\": {\"NVME_EMULATION_ENABLE\": 1}}",
		"line 1: current.NVME_EMULATION_ENABLE: unknown setting: remove it"},
	{"{\"current\": {\"SRIOV_EN\": 2}}", "line 1: current.SRIOV_EN: must be 0 or 1, is 2"},
	{"{\"current\": {\"SRIOV_EN\": \"True(1)\"}}",
		"line 1: current.SRIOV_EN: must be the number 0 or 1, is the string \"True(1)\": "
		"write a number, unquoted"},
	{"{\"current\": {\"VIRTIO_NET_EMULATION_NUM_MSIX\": 2}}",
		"line 1: current.VIRTIO_NET_EMULATION_NUM_MSIX: must be a whole number from 4 to "
		"256, is 2"},
	{"{\"current\": {\"VIRTIO_NET_EMULATION_NUM_VF_MSIX\": 3}}",
		"line 1: current.VIRTIO_NET_EMULATION_NUM_VF_MSIX: must be 0 or a whole number "
		"from 4 to 256, is 3"},
	{"{\"current\": {\n\"VIRTIO_NET_EMULATION_NUM_VF\": 4,\n\"SRIOV_EN\": 0\n}}",
		"line 2: current.VIRTIO_NET_EMULATION_NUM_VF: 4 needs SRIOV_EN=1, or write 0"},
	{"{\"current\": {\"PCI_SWITCH_EMULATION_NUM_PORT\": 16, \"PCI_SWITCH_EMULATION_ENABLE\": "
	 "0}}",
		"line 1: current.PCI_SWITCH_EMULATION_NUM_PORT: 16 needs "
		"PCI_SWITCH_EMULATION_ENABLE=1, or write 0"},
	{"{\"current\": {\"PCI_SWITCH_EMULATION_ENABLE\": 1, \"PCI_SWITCH_EMULATION_NUM_PORT\": "
	 "32}}",
		"line 1: current.PCI_SWITCH_EMULATION_NUM_PORT: must be a whole number from 0 to "
		"31, is 32"},
	{"{\"current\": {\"PF_TOTAL_SF\": 64, \"PF_SF_BAR_SIZE\": 8}}",
		"line 1: current.PF_TOTAL_SF: 64 needs PER_PF_NUM_SF=1, or write 0\n"
		"line 1: current.PF_SF_BAR_SIZE: 8 needs PER_PF_NUM_SF=1, or write 0"},
	{"{\"current\": {\"NUM_VF_MSIX\": 8, \"VIRTIO_NET_EMULATION_NUM_VF_MSIX\": 8}}",
		"line 1: current.NUM_VF_MSIX: must be 0 when VIRTIO_NET_EMULATION_NUM_VF_MSIX is "
		"used"},
	{"{\"current\": {\"SRIOV_EN\": \"x\", \"VIRTIO_NET_EMULATION_NUM_VF\": 4}}",
		"line 1: current.SRIOV_EN: must be the number 0 or 1, is the string \"x\": write "
		"a number, unquoted"},
	{"{\"current\": {\"PER_PF_NUM_SF\": \"x\"},\n\"next\": {\"PF_TOTAL_SF\": 64}}",
		"line 1: current.PER_PF_NUM_SF: must be the number 0 or 1, is the string \"x\": "
		"write a number, unquoted"},
	{"{\"current\": {\"VIRTIO_NET_EMULATION_NUM_VF\": 4},\n\"next\": {\n\"SRIOV_EN\": false}}",
		"line 2: next.VIRTIO_NET_EMULATION_NUM_VF: 4 needs SRIOV_EN=1, or write 0"},
	{"{\"current\": {\"VIRTIO_NET_EMULATION_NUM_VF\": 4, \"SRIOV_EN\": 0},\n"
	 "\"next\": {\"PF_SF_BAR_SIZE\": 8}}",
		"line 1: current.VIRTIO_NET_EMULATION_NUM_VF: 4 needs SRIOV_EN=1, or write 0\n"
		"line 2: next.PF_SF_BAR_SIZE: 8 needs PER_PF_NUM_SF=1, or write 0"},
	{"{\"current\": {\"SRIOV_EN\": 1,\n\"SRIOV_EN\": 0}}",
		"line 2: current.SRIOV_EN: is given twice (first on line 1): keep one of the two"},
	{"{\"current\": {\"SRIOV_EN\": 1,}}",
		"line 1: trailing comma before '}': remove the comma"},
};

static void
refused(void **state)
{
	unsigned int n = sizeof(cases) / sizeof(cases[0]), i, e, bad = 0;
	struct vn_capacity before;
	char got[8192];
	size_t used;

	(void)state;
	for (i = 0; i < n; i++) {
		before = cap;
		assert_int_equal(load(cases[i].text), -EINVAL);
		assert_memory_equal(&before, &cap, sizeof(cap));
		got[0] = '\0';
		for (e = 0, used = 0; e < errors.n; e++) {
			used += (size_t)snprintf(got + used, sizeof(got) - used, e > 0 ? "\n" : "");
			used += (size_t)vn_conf_error_format(
				&errors.e[e], NULL, got + used, sizeof(got) - used);
		}
		if (strcmp(cases[i].messages, got) != 0) {
			print_error("file: %s\nwant: %s\ngot:  %s\n", cases[i].text,
				cases[i].messages, got);
			bad++;
		}
	}
	print_message("%u malformed files\n", n);
	assert_int_equal(bad, 0);
}

/* All PFs together have 1008 VFs at most, reserved in their order. */
static void
vfs_of_pfs(void **state)
{
	static const struct {
		uint32_t n, vfs, pf, want, all;
	} pfs[] = {
		{4, 126, 3, 126, 504},
		{4, 126, 4, 0, 504},
		{31, 504, 1, 504, 1008},
		{31, 504, 2, 0, 1008},
		{9, 113, 8, 104, 1008},
		{31, 1008, 30, 0, 1008},
		{1, 0, 0, 0, 0},
	};
	struct vn_capacity c;

	(void)state;
	vn_capacity_defaults(&c);
	for (unsigned int i = 0; i < sizeof(pfs) / sizeof(pfs[0]); i++) {
		c.current[VN_CAP_NUM_PF] = pfs[i].n;
		c.current[VN_CAP_NUM_VF] = pfs[i].vfs;
		assert_int_equal(vn_capacity_pf_vfs(&c, pfs[i].pf), pfs[i].want);
		assert_int_equal(vn_capacity_vfs(&c), pfs[i].all);
	}
	c.current[VN_CAP_SRIOV_EN] = 0;
	assert_int_equal(vn_capacity_vfs(&c), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(names),
		cmocka_unit_test(two_sets),
		cmocka_unit_test(published),
		cmocka_unit_test(refused),
		cmocka_unit_test(vfs_of_pfs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
