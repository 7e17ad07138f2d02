/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The sample files are accepted by the code that reads the real ones. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "vn_capacity.h"
#include "vn_conf.h"

static const char *dir;
static struct vn_conf_errors errors;

static const char *
sample(const char *name)
{
	static char path[4096];

	assert_true((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) < sizeof(path));
	/* A file that is not there means the defaults for one of them. */
	assert_int_equal(access(path, R_OK), 0);
	return path;
}

static void
virtnet_conf(void **state)
{
	struct vn_conf conf;

	(void)state;
	if (vn_conf_load(sample("virtnet.conf.sample"), &conf, &errors) != 0)
		fail_msg("line %d: %s: %s", errors.e[0].line, errors.e[0].path, errors.e[0].text);
	/* Machines that are set up from the sample must not share a MAC. */
	assert_false(conf.static_pf.has_mac_base || conf.vf.has_mac_base);
}

static void
capacity(void **state)
{
	struct vn_capacity cap;

	(void)state;
	if (vn_capacity_load(sample("capacity.json.sample"), &cap, &errors) != 0)
		fail_msg("line %d: %s: %s", errors.e[0].line, errors.e[0].path, errors.e[0].text);
	assert_int_equal(cap.current[VN_CAP_NUM_PF], 4);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtnet_conf),
		cmocka_unit_test(capacity),
	};

	dir = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
