/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Parameters of requests, against the command table and against one made here. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "ctl_args.h"

/* The real table's handlers are not called here. */
#define NO_HANDLER(name)                                                                  \
	json_t *ctl_do_##name(                                                            \
		struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply) \
	{                                                                                 \
		RTE_SET_USED(ctl);                                                        \
		RTE_SET_USED(args);                                                       \
		RTE_SET_USED(reply);                                                      \
		abort();                                                                  \
	}
NO_HANDLER(hotplug)
NO_HANDLER(unplug)
NO_HANDLER(attach)
NO_HANDLER(sriov)
NO_HANDLER(detach)
NO_HANDLER(wait)
NO_HANDLER(list)
NO_HANDLER(query)
NO_HANDLER(modify_device)
NO_HANDLER(modify_queue)
NO_HANDLER(stats)
NO_HANDLER(log)
NO_HANDLER(version)
NO_HANDLER(restart)
NO_HANDLER(validate)
NO_HANDLER(update)
NO_HANDLER(health_show)
NO_HANDLER(debug)

static const struct ctl_param all_types_params[] = {
	{.name = "n", .type = CTL_UINT, .min = 2, .max = 32768},
	{.name = "f", .type = CTL_FLAG},
	{.name = "s", .type = CTL_STRING, .max = 8},
	{.name = "x", .type = CTL_HEX, .min = 0, .max = UINT64_MAX},
	{.name = "qp", .type = CTL_UINT, .max = 127},
};
static const struct ctl_group all_types_groups[] = {
	{.params = 0x11, .text = "n, qp"},
};
/* Every type, and a group that need not be given. */
static const struct ctl_command all_types = {
	.name = "t",
	.params = all_types_params,
	.n_params = RTE_DIM(all_types_params),
	.groups = all_types_groups,
	.n_groups = 1,
};

static const struct ctl_command *
command(const char *name)
{
	unsigned int i;

	if (strcmp(name, "t") == 0)
		return &all_types;
	for (i = 0; i < ctl_n_commands; i++) {
		if (strcmp(ctl_commands[i].name, name) == 0)
			return &ctl_commands[i];
	}
	fail_msg("no command %s", name);
	return NULL;
}

static const struct {
	const char *cmd, *text;
	int rc;
	const char *err; /* all of it */
} bad[] = {
	/* Types. */
	{"query", "{\"pf\": \"0\"}", -EINVAL, "query: \"pf\" must be a number, not a string"},
	{"query", "{\"pf\": 0.0}", -EINVAL,
		"query: \"pf\" must be a number, not a number with a fraction"},
	{"query", "{\"pf\": null}", -EINVAL, "query: \"pf\" must be a number, not null"},
	{"query", "{\"pf\": []}", -EINVAL, "query: \"pf\" must be a number, not an array"},
	{"query", "{\"pf\": true}", -EINVAL, "query: \"pf\" must be a number, not a boolean"},
	{"query", "{\"pf\": 0, \"brief\": 1}", -EINVAL,
		"query: \"brief\" must be true or false, not a number"},
	{"query", "{\"vuid\": 1}", -EINVAL, "query: \"vuid\" must be a string, not a number"},
	{"query", "{\"vuid\": {}}", -EINVAL, "query: \"vuid\" must be a string, not an object"},
	{"log", "{\"level\": \"loud\"}", -EINVAL, "log: \"level\" must be one of info, err, debug"},
	{"t", "{\"x\": 1}", -EINVAL, "t: \"x\" must be a hexadecimal number as string, \"0x...\""},
	{"t", "{\"x\": \"12\"}", -EINVAL,
		"t: \"x\" must be a hexadecimal number as string, \"0x...\""},
	{"t", "{\"x\": \"0x\"}", -EINVAL,
		"t: \"x\" must be a hexadecimal number as string, \"0x...\""},
	{"t", "{\"x\": \"0x1g\"}", -EINVAL,
		"t: \"x\" must be a hexadecimal number as string, \"0x...\""},
	{"t", "{\"x\": \"0x10000000000000000\"}", -EINVAL,
		"t: \"x\" must be a hexadecimal number as string, \"0x...\""},
	/* Ranges. */
	{"query", "{\"pf\": -1}", -ERANGE, "query: \"pf\" must be from 0 to 65535"},
	{"query", "{\"pf\": 65536}", -ERANGE, "query: \"pf\" must be from 0 to 65535"},
	{"t", "{\"n\": 1}", -ERANGE, "t: \"n\" must be from 2 to 32768"},
	{"t", "{\"n\": 32769}", -ERANGE, "t: \"n\" must be from 2 to 32768"},
	{"t", "{\"s\": \"123456789\"}", -ERANGE, "t: \"s\" must have at most 8 bytes"},
	/* Names and combinations. */
	{"query", "{\"pf\": 0, \"colour\": 1}", -EINVAL,
		"query: unknown parameter \"colour\", see /help,/virtnet/query"},
	{"query", "", -EINVAL, "query: one of these is required: all, pf, pfs, vuid"},
	{"query", "{}", -EINVAL, "query: one of these is required: all, pf, pfs, vuid"},
	{"query", "{\"all\": false}", -EINVAL,
		"query: one of these is required: all, pf, pfs, vuid"},
	{"query", "{\"all\": true, \"pf\": 0}", -EINVAL,
		"query: these exclude one another: all, pf, pfs, vuid"},
	{"modify/device", "{\"pf\": 0, \"msix_num\": 4, \"max_queue_pairs\": 1}", -EINVAL,
		"modify/device: these exclude one another: msix_num, max_queue_pairs"},
	{"modify/device", "{\"vfs\": \"0-3\", \"link\": 1, \"vuid\": \"V\"}", -EINVAL,
		"modify/device: \"vfs\" needs \"pf\" as well"},
	{"query", "{\"pf\": 0, \"vf\": 0, \"vfs\": \"1\"}", -EINVAL,
		"query: these exclude one another: vf, vfs"},
	{"query", "{\"vuid\": \"V\", \"vf\": 0}", -EINVAL, "query: \"vf\" needs \"pf\" as well"},
	{"stats", "{\"all\": true}", -EINVAL,
		"stats: unknown parameter \"all\", see /help,/virtnet/stats"},
	{"log", "", -EINVAL, "log: \"level\" is required"},
	{"t", "{\"n\": 4, \"qp\": 1}", -EINVAL, "t: these exclude one another: n, qp"},
	{"list", "{\"x\\ny\": 1}", -EINVAL,
		"list: unknown parameter \"x?y\", see /help,/virtnet/list"},
	/* Not JSON. "*": jansson's own words follow. */
	{"query", "{\"pf\": ", -EINVAL, "query: the parameters are not JSON: *"},
	{"query", "{\"pf\": 0}{", -EINVAL, "query: the parameters are not JSON: *"},
	{"query", "{\"pf\": 0, \"pf\": 0}", -EINVAL, "query: the parameters are not JSON: *"},
	{"query", "{\"pf\": 99999999999999999999}", -EINVAL,
		"query: the parameters are not JSON: *"},
	{"query", "{\"vuid\": \"\xff\"}", -EINVAL, "query: the parameters are not JSON: *"},
	{"query", "{\"vuid\": \"a\\u0000b\"}", -EINVAL, "query: the parameters are not JSON: *"},
	/* The short form. */
	{"query", "pf", -EINVAL, "query: \"pf\" needs a value: pf=..."},
	{"query", "pf=", -EINVAL, "query: \"pf\" must be a number from 0 to 65535"},
	{"query", "pf=-1", -EINVAL, "query: \"pf\" must be a number from 0 to 65535"},
	{"query", "pf=0x", -EINVAL, "query: \"pf\" must be a number from 0 to 65535"},
	{"query", "pf=1 ", -EINVAL, "query: \"pf\" must be a number from 0 to 65535"},
	{"query", "pf=99999999999999999999", -EINVAL,
		"query: \"pf\" must be a number from 0 to 65535"},
	{"query", "pf=65536", -ERANGE, "query: \"pf\" must be from 0 to 65535"},
	{"query", "pf=0,pf=0", -EINVAL, "query: \"pf\" is given twice"},
	{"query", "pf=0,brief=yes", -EINVAL, "query: \"brief\" must be 1 or 0"},
	{"query", "vuid=\xff", -EINVAL, "query: \"vuid\" is not UTF-8 text"},
	{"query", "pf=0,=,==", -EINVAL, "query: unknown parameter \"\", see /help,/virtnet/query"},
	{"query", "[1]", -EINVAL, "query: unknown parameter \"[1]\", see /help,/virtnet/query"},
};

static void
bad_parameters(void **state)
{
	struct ctl_args args;
	char err[256];
	unsigned int i;
	size_t n;
	int rc;

	RTE_SET_USED(state);
	for (i = 0; i < RTE_DIM(bad); i++) {
		rc = ctl_args_parse(command(bad[i].cmd), bad[i].text, strlen(bad[i].text), &args,
			err, sizeof(err));
		n = strlen(bad[i].err);
		if (rc == 0)
			fail_msg("%s %s was taken", bad[i].cmd, bad[i].text);
		if (bad[i].err[n - 1] == '*')
			err[n - 1] = '*', err[n] = '\0';
		assert_string_equal(err, bad[i].err);
		assert_int_equal(rc, bad[i].rc);
		assert_null(args.root);
	}
}

static void
good_parameters(void **state)
{
	const char json[] = " {\"n\": 32768, \"f\": true, \"s\": \"12345678\", "
			    "\"x\": \"0x8900010300e7982f\"}";
	const char brief[] = "n=0x8000,f,s=a b,x=0xFFFFFFFFFFFFFFFF";
	const char no_flag[] = "{\"f\": false}";
	struct ctl_args args;
	char err[256];

	RTE_SET_USED(state);
	assert_int_equal(
		ctl_args_parse(&all_types, json, strlen(json), &args, err, sizeof(err)), 0);
	assert_int_equal(ctl_args_get(&args, "n")->num, 32768);
	assert_true(ctl_args_has(&args, "f"));
	assert_string_equal(ctl_args_get(&args, "s")->str, "12345678");
	assert_true(ctl_args_get(&args, "x")->num == UINT64_C(0x8900010300e7982f));
	assert_false(ctl_args_has(&args, "qp"));
	ctl_args_free(&args);

	assert_int_equal(
		ctl_args_parse(&all_types, brief, strlen(brief), &args, err, sizeof(err)), 0);
	assert_int_equal(ctl_args_get(&args, "n")->num, 0x8000);
	assert_true(ctl_args_has(&args, "f"));
	assert_string_equal(ctl_args_get(&args, "s")->str, "a b");
	assert_true(ctl_args_get(&args, "x")->num == UINT64_MAX);
	ctl_args_free(&args);

	assert_int_equal(
		ctl_args_parse(&all_types, no_flag, strlen(no_flag), &args, err, sizeof(err)), 0);
	assert_false(ctl_args_has(&args, "f"));
	ctl_args_free(&args);

	/* A flag that is false excludes nothing. */
	assert_int_equal(
		ctl_args_parse(command("query"), "all=0,pf=3", 10, &args, err, sizeof(err)), 0);
	assert_int_equal(ctl_args_get(&args, "pf")->num, 3);
	ctl_args_free(&args);
}

/* What is not NUL-terminated must not be read past its end: the sanitizers see to that. */
static void
exact_length(void **state)
{
	static const char text[] = "{\"pf\": 12}";
	struct ctl_args args;
	char err[256];
	size_t n;

	RTE_SET_USED(state);
	for (n = 1; n <= strlen(text); n++) {
		char *copy = malloc(n);

		memcpy(copy, text, n);
		if (ctl_args_parse(command("query"), copy, n, &args, err, sizeof(err)) == 0) {
			assert_int_equal(n, strlen(text));
			ctl_args_free(&args);
		}
		free(copy);
	}
	assert_int_equal(
		ctl_args_parse(command("list"), "\0x", 2, &args, err, sizeof(err)), -EINVAL);
}

static void
safe_text(void **state)
{
	char buf[8];

	RTE_SET_USED(state);
	assert_string_equal(ctl_safe(buf, sizeof(buf), "a\x1b\n\xff", 4), "a???");
	assert_string_equal(ctl_safe(buf, sizeof(buf), "1234567", 7), "1234567");
	assert_string_equal(ctl_safe(buf, sizeof(buf), "12345678", 8), "1234...");
	assert_string_equal(ctl_safe(buf, sizeof(buf), "", 0), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_parameters),
		cmocka_unit_test(good_parameters),
		cmocka_unit_test(exact_length),
		cmocka_unit_test(safe_text),
	};

	return cmocka_run_group_tests_name("ctl_args", tests, NULL, NULL);
}
