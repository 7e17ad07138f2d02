/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* What is done to a representor in use, what is left to the operator, and what he may do to it. */
#include <inttypes.h>

#include "vn_features.h"

#include "tap_test.h"

static void
mtu_only_raised(void **state)
{
	struct vn_port_conf conf = conf_of(REP, 1);
	struct vn_port *port;

	RTE_SET_USED(state);
	conf.mtu = 9000;
	port = open_ok(&conf);
	assert_int_equal(info_of(port).mtu, 9000);
	assert_int_equal(vn_tap_ops.set_mtu(port, 2000), 0);
	assert_int_equal(info_of(port).mtu, 9000);
	assert_int_equal(vn_tap_ops.set_mtu(port, 9216), 0);
	assert_int_equal(info_of(port).mtu, 9216);
	vn_tap_ops.close(port);

	conf.mtu = 1500;
	port = open_ok(&conf);
	assert_int_equal(info_of(port).mtu, 9216);
	vn_tap_ops.close(port);

	sh("ip link set " REP " mtu 1280");
	port = open_ok(&conf);
	assert_int_equal(info_of(port).mtu, 1500);
	/* A name that the operator gave later is found. */
	sh("ip link set " REP " name rep-x");
	assert_string_equal(info_of(port).name, "rep-x");
	assert_int_equal(vn_tap_ops.set_mtu(port, 3000), 0);
	assert_int_equal(info_of(port).mtu, 3000);
	vn_tap_ops.destroy(port);
	assert_false(exists("rep-x"));
}

/* The carrier is the device's, the administrative state the operator's. */
static void
carrier_and_admin(void **state)
{
	const uint16_t pairs[] = {1, 4};
	struct vn_port_conf conf;
	struct vn_port *port;

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(pairs); i++) {
		conf = conf_of(REP, pairs[i]);
		conf.link_up = false;
		port = open_ok(&conf);
		assert_false(link_of(REP).admin_up);
		sh("ip link set " REP " up");
		assert_false(link_of(REP).carrier);
		assert_int_equal(vn_tap_ops.set_link(port, true), 0);
		assert_true(link_of(REP).carrier);
		assert_int_equal(vn_tap_ops.set_link(port, false), 0);
		assert_false(link_of(REP).carrier);
		assert_true(link_of(REP).admin_up);
		assert_true(info_of(port).admin_up);
		assert_int_equal(vn_tap_ops.set_link(port, true), 0);
		vn_tap_ops.close(port);
		/* Nobody is behind it, and it shows. */
		assert_false(link_of(REP).carrier);

		conf.link_up = true;
		port = open_ok(&conf);
		assert_true(link_of(REP).admin_up);
		assert_true(link_of(REP).carrier);
		sh("ip link set " REP " down");
		assert_int_equal(vn_tap_ops.set_link(port, true), 0);
		assert_false(info_of(port).admin_up);
		vn_tap_ops.close(port);
		port = open_ok(&conf);
		assert_false(info_of(port).admin_up);
		vn_tap_ops.destroy(port);
	}
}

static void
group_delete(void **state)
{
	struct vn_port_conf conf[3] = {conf_of("rep0", 1), conf_of("rep1", 4), conf_of("rep2", 1)};
	struct vn_port *held;

	RTE_SET_USED(state);
	sh("ip tuntap add dev mine0 mode tap");
	for (unsigned int i = 0; i < RTE_DIM(conf); i++)
		vn_tap_ops.close(open_ok(&conf[i]));
	held = open_ok(&conf[2]);
	sh("ip link del group %d", VN_TAP_LINK_GROUP);
	for (unsigned int i = 0; i < RTE_DIM(conf); i++)
		assert_false(exists(conf[i].name));
	assert_true(exists("mine0"));

	/* The one that was in use: every call stays harmless, and the next driver gets a new one.
	 */
	assert_int_equal(info_of(held).ifindex, 0);
	assert_int_equal(vn_tap_ops.set_mtu(held, 9000), -ENODEV);
	assert_int_equal(vn_tap_ops.set_link(held, false), -ENODEV);
	assert_int_equal(vn_tap_ops.set_features(held, VN_NET_F_GUEST_CSUM), 0);
	assert_true(info_of(held).ifindex > 0);
	assert_int_equal(info_of(held).mtu, 9000);
	vn_tap_ops.destroy(held);
	assert_false(exists("rep2"));
}

static void
moved_to_other_namespace(void **state)
{
	struct vn_port_conf conf = conf_of(REP, 1);
	struct other_ns ns = other_ns_start();
	struct vn_port *port = open_ok(&conf);

	RTE_SET_USED(state);
	sh("ip link set " REP " netns %d", (int)ns.pid);
	assert_int_equal(info_of(port).ifindex, 0);
	assert_int_equal(vn_tap_ops.set_mtu(port, 9000), -ENODEV);
	assert_int_equal(vn_tap_ops.set_link(port, false), 0);
	/* Another one that has its name here is not taken for it. */
	sh("ip tuntap add dev " REP " mode tap");
	assert_int_equal(info_of(port).ifindex, 0);
	assert_int_equal(vn_tap_ops.set_mtu(port, 9000), -ENODEV);
	vn_tap_ops.destroy(port);
	assert_true(exists(REP));
	assert_int_equal(link_of(REP).mtu, 1500);
	other_ns_end(&ns);
}

/* Those of a batch go, and no others: neither one that is not ours any more, nor its namesake. */
static void
destroyed_together(void **state)
{
	struct other_ns ns = other_ns_start();
	const unsigned int fds = count_fds();
	struct vn_port *port[6], *stays;
	struct vn_port_conf conf;
	char name[16], out[64];

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(port); i++) {
		snprintf(name, sizeof(name), "rep%u", i);
		conf = conf_of(name, i == 1 ? 4 : 1);
		port[i] = open_ok(&conf);
	}
	conf = conf_of(REP, 1);
	stays = open_ok(&conf);
	sh("ip link set rep2 name other2");
	sh("ip link set rep3 netns %d", (int)ns.pid);
	sh("ip link add rep3 type veth peer name peer3");
	sh("ip link del rep4");
	vn_tap_ops.destroy_many(port, RTE_DIM(port));
	for (unsigned int i = 0; i < RTE_DIM(port); i++) {
		snprintf(name, sizeof(name), "rep%u", i);
		assert_int_equal(exists(name), i == 3);
	}
	assert_false(exists("other2"));
	assert_string_equal(link_of("rep3").kind, "veth");
	sh_out(out, sizeof(out), "nsenter -t %d -n ip -o link | grep -c rep3", (int)ns.pid);
	assert_string_equal(out, "0\n");
	sh("ip link del rep3");
	/* One alone, and one that is left. */
	assert_true(info_of(stays).ready);
	vn_tap_ops.destroy_many(&stays, 1);
	assert_false(exists(REP));
	assert_int_equal(count_fds(), fds);
	other_ns_end(&ns);
}

static void
feature_probe(void **state)
{
	const uint64_t uso = VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6 | VN_NET_F_HOST_USO;
	const uint64_t always = VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM | VN_NET_F_HOST_TSO4 |
				VN_NET_F_HOST_TSO6 | VN_NET_F_HOST_ECN | VN_NET_F_GUEST_TSO4 |
				VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN;
	const uint64_t got = vn_tap_ops.features();
	char out[64];

	RTE_SET_USED(state);
	print_message("    features: 0x%016" PRIx64 "\n", got);
	assert_int_equal(got & always, always);
	assert_int_equal(got & ~(always | uso), 0);
	assert_true((got & uso) == 0 || (got & uso) == uso);
	sh_out(out, sizeof(out), "ip -o link | grep -c vnprobe");
	assert_string_equal(out, "0\n");
}

/* What the driver negotiated shows in ethtool; impossible combinations are cut down. */
static void
offload_combinations(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t accept;
	} vec[] = {
		{0, 0},
		{VN_NET_F_GUEST_CSUM, VN_PORT_ACCEPT_CSUM},
		{VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN, 0},
		{VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_ECN, VN_PORT_ACCEPT_CSUM},
		{VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO6,
			VN_PORT_ACCEPT_CSUM | VN_PORT_ACCEPT_TCPV6},
		{VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_ECN,
			VN_PORT_ACCEPT_CSUM | VN_PORT_ACCEPT_TCPV4 | VN_PORT_ACCEPT_ECN},
		{VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_USO4, VN_PORT_ACCEPT_CSUM},
		{VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_UFO, VN_PORT_ACCEPT_CSUM},
		{~UINT64_C(0), VN_PORT_ACCEPT_CSUM | VN_PORT_ACCEPT_TCPV4 | VN_PORT_ACCEPT_TCPV6 |
				       VN_PORT_ACCEPT_ECN | VN_PORT_ACCEPT_UDP_L4},
	};
	const bool uso = (vn_tap_ops.features() & VN_NET_F_HOST_USO) != 0;
	const uint16_t pairs[] = {1, 4};
	struct vn_port_conf conf;
	struct vn_port *port;

	RTE_SET_USED(state);
	for (unsigned int p = 0; p < RTE_DIM(pairs); p++) {
		conf = conf_of(REP, pairs[p]);
		port = open_ok(&conf);
		for (unsigned int i = 0; i < RTE_DIM(vec); i++) {
			assert_int_equal(vn_tap_ops.set_features(port, vec[i].features), 0);
			assert_int_equal(
				port->accept, vec[i].accept & (uso ? ~0u : ~VN_PORT_ACCEPT_UDP_L4));
		}
		vn_tap_ops.destroy(port);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(mtu_only_raised, clean),
		cmocka_unit_test_teardown(carrier_and_admin, clean),
		cmocka_unit_test_teardown(group_delete, clean),
		cmocka_unit_test_teardown(moved_to_other_namespace, clean),
		cmocka_unit_test_teardown(destroyed_together, clean),
		cmocka_unit_test_teardown(feature_probe, clean),
		cmocka_unit_test_teardown(offload_combinations, clean),
	};

	enter_netns();
	return cmocka_run_group_tests_name("vn_tap_netdev", tests, NULL, NULL);
}
