/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* The representor is made, adopted as it is, or refused with a line that says what to do. */
#include <signal.h>
#include <sys/mount.h>

#include "vn_features.h"

#include "tap_test.h"

static void
make_and_destroy(void **state)
{
	struct vn_port_conf conf = conf_of(REP, 1);
	struct rte_ether_addr mac, again, other;
	struct vn_port_info info;
	struct vn_port *port;
	char out[2048];

	RTE_SET_USED(state);
	port = open_ok(&conf);
	info = info_of(port);
	assert_string_equal(info.name, REP);
	assert_true(info.ifindex > 0);
	assert_int_equal(info.mtu, 1500);
	assert_false(info.adopted);
	assert_false(info.admin_up);
	sh_out(out, sizeof(out), "ip -d link show " REP);
	assert_non_null(strstr(out, "group 22094"));
	assert_non_null(strstr(out, "alias " ALIAS "\n"));
	assert_non_null(strstr(out, "qlen 1000"));
	assert_non_null(strstr(out, "persist on"));
	assert_non_null(strstr(out, "vnet_hdr on"));
	assert_null(strstr(out, "multi_queue"));
	mac_of(REP, &mac);
	assert_true(rte_is_local_admin_ether_addr(&mac));
	assert_true(rte_is_unicast_ether_addr(&mac));

	vn_tap_ops.close(port);
	assert_true(exists(REP));
	port = open_ok(&conf);
	vn_tap_ops.destroy(port);
	assert_false(exists(REP));

	/* Made again it has its address back, and another device has another one. */
	port = open_ok(&conf);
	mac_of(REP, &again);
	assert_memory_equal(&mac, &again, sizeof(mac));
	vn_tap_ops.destroy(port);
	snprintf(conf.alias, sizeof(conf.alias), "dpdk-virtnet TESTVNETS0D0F1");
	port = open_ok(&conf);
	mac_of(REP, &other);
	assert_memory_not_equal(&mac, &other, sizeof(mac));
	vn_tap_ops.destroy(port);

	conf = conf_of(REP, 4);
	port = open_ok(&conf);
	sh_out(out, sizeof(out), "ip -d link show " REP);
	assert_non_null(strstr(out, "multi_queue"));
	assert_non_null(strstr(out, "qlen 128"));
	assert_non_null(strstr(out, "persist on"));
	vn_tap_ops.destroy(port);
	assert_false(exists(REP));
}

/* All that an operator may have set, as text. */
static void
snapshot(char *out, size_t len)
{
	sh_out(out, len,
		"ip -o -d link show " REP " | sed -E 's/<[^>]*>//; s/state [A-Z]+//;"
		" s/numqueues [0-9]+ numdisabled [0-9]+//; s/bridge_slave .*//';"
		" ip -o addr show " REP "; tc qdisc show dev " REP ";"
		" bridge -d link show dev " REP " | grep -o -e 'master br0' -e 'cost [0-9]*' -e"
		" 'hairpin [a-z]*'; bridge fdb show dev " REP " | grep 02:00:00:00:00:99");
}

static void
operator_settings(void)
{
	sh("ip link add br0 type bridge && ip link set br0 up");
	sh("ip link set " REP " master br0 && ip link set " REP " mtu 4000");
	sh("ip link set " REP " txqueuelen 333 && ip link set " REP " address 02:01:02:03:04:05");
	sh("ip addr add 192.0.2.7/24 dev " REP " && ip link set " REP " up");
	sh("tc qdisc add dev " REP " root handle 7: pfifo limit 77");
	sh("bridge link set dev " REP " cost 42 hairpin on");
	sh("bridge fdb add 02:00:00:00:00:99 dev " REP " master static");
}

/* Adopted after a close and after a death, nothing an operator set is touched. */
static void
adopt(void **state)
{
	const uint16_t pairs[] = {1, 4};
	char before[4096], after[4096];
	struct vn_port_conf conf;
	struct vn_port_info info;
	struct vn_port *port;
	int ifindex, status;
	pid_t pid;

	for (unsigned int i = 0; i < RTE_DIM(pairs); i++) {
		conf = conf_of(REP, pairs[i]);
		port = open_ok(&conf);
		ifindex = info_of(port).ifindex;
		operator_settings();
		snapshot(before, sizeof(before));
		assert_non_null(strstr(before, "master br0"));
		assert_non_null(strstr(before, "192.0.2.7"));
		assert_non_null(strstr(before, "pfifo 7:"));
		assert_non_null(strstr(before, "cost 42"));
		assert_non_null(strstr(before, "02:00:00:00:00:99"));
		vn_tap_ops.close(port);

		pid = fork();
		if (pid == 0) {
			char err[256];

			if (vn_tap_ops.open(&conf, &port, err, sizeof(err)) != 0 ||
				vn_tap_ops.set_features(port, VN_NET_F_GUEST_OFFLOADS) != 0)
				_exit(1);
			kill(getpid(), SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

		port = open_ok(&conf);
		info = info_of(port);
		assert_true(info.adopted);
		assert_true(info.admin_up);
		assert_int_equal(info.ifindex, ifindex);
		assert_int_equal(info.mtu, 4000);
		snapshot(after, sizeof(after));
		assert_string_equal(before, after);
		vn_tap_ops.destroy(port);
		clean(state);
	}
}

/* A TAP that an operator (or a network manager) made beforehand is as good as one of ours. */
static void
adopt_plain(void **state)
{
	struct vn_port_conf conf = conf_of(REP, 1);
	struct vn_port *port;
	char out[2048];

	RTE_SET_USED(state);
	sh("ip tuntap add dev " REP " mode tap");
	port = open_ok(&conf);
	assert_true(info_of(port).adopted);
	sh_out(out, sizeof(out), "ip -d link show " REP);
	assert_non_null(strstr(out, "group 22094"));
	assert_non_null(strstr(out, "alias " ALIAS "\n"));
	assert_non_null(strstr(out, "vnet_hdr on"));
	vn_tap_ops.destroy(port);
}

static void
bad_names(void **state)
{
	static const char *const name[] = {
		"", ".", "..", "a/b", "a:b", "tap%d", "a b", "a\tb", "a\n", "\xc3\xa4"};
	struct vn_port_conf conf;

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(name); i++) {
		conf = conf_of(name[i], 1);
		open_fails(&conf, -EINVAL, "1 to 15 characters");
	}
	memset(conf.name, 'x', sizeof(conf.name)); /* 16 characters, no end */
	open_fails(&conf, -EINVAL, "1 to 15 characters");
	conf = conf_of(REP, 1);
	memset(conf.alias, 'x', sizeof(conf.alias));
	open_fails(&conf, -EINVAL, "alias");
	conf = conf_of(REP, 0);
	open_fails(&conf, -EINVAL, "queue pairs");
	conf = conf_of(REP, 256);
	open_fails(&conf, -EINVAL, "queue pairs");
	assert_false(exists(REP));
}

static void
foreign_netdev(void **state)
{
	static const char *const make[] = {
		"ip link add " REP " type veth peer name other0",
		"ip link add " REP " type bridge",
		"ip tuntap add dev " REP " mode tun",
	};
	struct vn_port_conf conf = conf_of(REP, 1);
	char before[2048], after[2048];

	for (unsigned int i = 0; i < RTE_DIM(make); i++) {
		sh("%s", make[i]);
		sh_out(before, sizeof(before), "ip -d link show " REP);
		open_fails(&conf, -EEXIST, "ip link del " REP);
		sh_out(after, sizeof(after), "ip -d link show " REP);
		assert_string_equal(before, after);
		clean(state);
	}
	conf = conf_of("lo", 1);
	open_fails(&conf, -EEXIST, "not a TAP");
}

static void
busy(void **state)
{
	const uint16_t pairs[] = {1, 4};
	struct vn_port_conf conf;
	struct vn_port *port;

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(pairs); i++) {
		conf = conf_of(REP, pairs[i]);
		port = open_ok(&conf);
		open_fails(&conf, -EBUSY, "held by another process");
		/* The holder has not noticed. */
		assert_int_equal(vn_tap_ops.set_link(port, false), 0);
		assert_int_equal(vn_tap_ops.set_link(port, true), 0);
		vn_tap_ops.close(port);
		port = open_ok(&conf);
		vn_tap_ops.destroy(port);
	}
}

static void
other_queue_mode(void **state)
{
	static const char *const keep[] = {
		"ip link set " REP " up",
		"ip link add br0 type bridge; ip link set " REP " master br0",
		"ip link set " REP " alias other",
	};
	struct vn_port_conf conf[] = {conf_of(REP, 1), conf_of(REP, 4)};
	struct rte_ether_addr mac, again;
	struct vn_port *port;
	int ifindex;

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(conf); i++) {
		struct vn_port_conf *other = &conf[1 - i];

		/* One that has a place stays, and so does one that is not ours. */
		for (unsigned int k = 0; k < RTE_DIM(keep); k++) {
			vn_tap_ops.close(open_ok(&conf[i]));
			sh("%s", keep[k]);
			ifindex = link_of(REP).ifindex;
			open_fails(other, -EEXIST, "ip link del " REP);
			assert_int_equal(link_of(REP).ifindex, ifindex);
			clean(state);
		}
		port = open_ok(&conf[i]);
		open_fails(other, -EEXIST, REP);
		assert_int_equal(info_of(port).ifindex, link_of(REP).ifindex);
		mac_of(REP, &mac);
		ifindex = info_of(port).ifindex;
		vn_tap_ops.close(port);
		/* One that only waits is made anew, whose it was of ours. */
		sh("ip link set " REP " alias 'dpdk-virtnet TESTVNETS0D0F9'");
		port = open_ok(other);
		assert_false(info_of(port).adopted);
		assert_int_not_equal(info_of(port).ifindex, ifindex);
		mac_of(REP, &again);
		assert_memory_equal(&mac, &again, sizeof(mac));
		vn_tap_ops.destroy(port);
	}
}

/* In a child, as its mounts are changed. */
static void
no_tun_device(void **state)
{
	struct vn_port_conf conf = conf_of(REP, 1);
	int status;
	pid_t pid;

	RTE_SET_USED(state);
	pid = fork();
	if (pid == 0) {
		char err[256] = "";
		struct vn_port *port;
		int bad = 0;

		if (unshare(CLONE_NEWNS) != 0 ||
			mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
			_exit(2);
		/* Something else in its place, then nothing. */
		if (mount("/dev/null", "/dev/net/tun", NULL, MS_BIND, NULL) != 0)
			_exit(2);
		bad |= vn_tap_ops.open(&conf, &port, err, sizeof(err)) == 0;
		bad |= strstr(err, "cannot make the TAP") == NULL;
		printf("    message: %s\n", err);
		bad |= vn_tap_ops.features() != 0;
		if (mount("none", "/dev/net", "tmpfs", 0, NULL) != 0)
			_exit(2);
		bad |= vn_tap_ops.open(&conf, &port, err, sizeof(err)) != -ENOENT;
		bad |= strstr(err, "modprobe tun") == NULL;
		printf("    message: %s\n", err);
		bad |= vn_tap_ops.features() != 0;
		fflush(stdout);
		_exit(bad);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_false(exists(REP));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(make_and_destroy, clean),
		cmocka_unit_test_teardown(adopt, clean),
		cmocka_unit_test_teardown(adopt_plain, clean),
		cmocka_unit_test_teardown(bad_names, clean),
		cmocka_unit_test_teardown(foreign_netdev, clean),
		cmocka_unit_test_teardown(busy, clean),
		cmocka_unit_test_teardown(other_queue_mode, clean),
		cmocka_unit_test_teardown(no_tun_device, clean),
	};

	enter_netns();
	return cmocka_run_group_tests_name("vn_tap_open", tests, NULL, NULL);
}
