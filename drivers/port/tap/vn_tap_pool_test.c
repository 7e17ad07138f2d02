/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Representors without a device: made beforehand, adopted, and removed many at once. */
#include "tap_test.h"

static void
prepare_ok(const struct vn_port_conf *conf)
{
	char err[256] = "";

	if (vn_tap_ops.prepare(conf, err, sizeof(err)) != 0)
		fail_msg("prepare: %s", err);
}

/* The port that comes later finds it, with the address it would have given it. */
static void
prepared_and_adopted(void **state)
{
	const uint16_t pairs[] = {1, 4};

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(pairs); i++) {
		const struct vn_port_conf conf = conf_of(REP, pairs[i]);
		struct rte_ether_addr made, prepared;
		struct tap_link link;
		struct vn_port *port;

		port = open_ok(&conf);
		mac_of(REP, &made);
		vn_tap_ops.destroy(port);
		assert_false(exists(REP));
		prepare_ok(&conf);
		link = link_of(REP);
		assert_false(link.admin_up);
		assert_string_equal(link.alias, ALIAS);
		mac_of(REP, &prepared);
		assert_memory_equal(&made, &prepared, sizeof(made));
		/* Again, and while somebody has it: nothing is done. */
		prepare_ok(&conf);
		assert_int_equal(link_of(REP).ifindex, link.ifindex);
		port = open_ok(&conf);
		prepare_ok(&conf);
		assert_true(info_of(port).adopted);
		assert_int_equal(info_of(port).ifindex, link.ifindex);
		vn_tap_ops.destroy(port);
		assert_false(exists(REP));
	}
}

static void
prepare_refused(void **state)
{
	struct vn_port_conf conf = conf_of("bad/name", 1);
	char err[256] = "";

	RTE_SET_USED(state);
	assert_int_equal(vn_tap_ops.prepare(&conf, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "bad"));
	sh("ip link add " REP " type veth peer name peer0");
	conf = conf_of(REP, 1);
	assert_int_equal(vn_tap_ops.prepare(&conf, err, sizeof(err)), -EEXIST);
	assert_true(exists(REP));
}

/* Those of the names that are ours and free go, in whatever bridge they are; all others stay. */
static void
discarded(void **state)
{
	static const char *const names[] = {
		"one", "many", "used1", "used4", "others", "foreign", "veth0", "missing"};
	struct vn_port_conf conf = conf_of("one", 1);
	struct vn_port *used1, *used4;

	RTE_SET_USED(state);
	assert_int_equal(vn_tap_ops.discard(names, RTE_DIM(names), "dpdk-virtnet TEST"), 0);
	prepare_ok(&conf);
	conf = conf_of("many", 4);
	prepare_ok(&conf);
	conf = conf_of("used1", 1);
	used1 = open_ok(&conf);
	conf = conf_of("used4", 4);
	used4 = open_ok(&conf);
	conf = conf_of("unnamed", 1);
	prepare_ok(&conf);
	conf = conf_of("others", 1);
	strcpy(conf.alias, "dpdk-virtnet OTHERVNETS0D0F2VF1");
	prepare_ok(&conf);
	sh("ip tuntap add foreign mode tap");
	sh("ip link add veth0 type veth peer name peer0");
	sh("ip link set veth0 alias '" ALIAS "'");
	sh("ip link add br9 type bridge && ip link set one master br9 up");
	assert_int_equal(vn_tap_ops.discard(names, RTE_DIM(names), "dpdk-virtnet TEST"), 2);
	assert_false(exists("one"));
	assert_false(exists("many"));
	assert_true(exists("used1"));
	assert_true(exists("used4"));
	assert_true(exists("unnamed"));
	assert_true(exists("others"));
	assert_true(exists("foreign"));
	assert_true(exists("veth0"));
	/* Those in use were not disturbed. */
	assert_int_equal(info_of(used1).ifindex, link_of("used1").ifindex);
	sh("ip link set used4 up");
	assert_true(link_of("used4").carrier);
	vn_tap_ops.close(used1);
	vn_tap_ops.close(used4);
	assert_int_equal(vn_tap_ops.discard(names, RTE_DIM(names), "dpdk-virtnet TEST"), 2);
	assert_false(exists("used1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(prepared_and_adopted, clean),
		cmocka_unit_test_teardown(prepare_refused, clean),
		cmocka_unit_test_teardown(discarded, clean),
	};

	enter_netns();
	return cmocka_run_group_tests_name("vn_tap_pool", tests, NULL, NULL);
}
