/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef TAP_TEST_H
#define TAP_TEST_H

/**
 * @file
 * What the tests of the TAP driver share. They run in a network namespace of their own, as root.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include <cmocka.h>

#include "tap_private.h"

#define REP   "en3f0pf0sf1000"
#define ALIAS "dpdk-virtnet TESTVNETS0D0F0"

/* Longest wait for an event that must come. */
#define WAIT_MS 10000

/** Exit status that meson takes as "skipped". */
#define SKIPPED 77

/** A namespace of our own without IPv6, so that no frames come but the tests'. */
static inline void
enter_netns(void)
{
	FILE *f;

	if (geteuid() != 0) {
		printf("SKIP: needs root, to make network namespaces and TAPs\n");
		exit(SKIPPED);
	}
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		printf("SKIP: no /dev/net/tun: %s\n", strerror(errno));
		exit(SKIPPED);
	}
	if (unshare(CLONE_NEWNET) != 0) {
		printf("SKIP: cannot make a network namespace: %s\n", strerror(errno));
		exit(SKIPPED);
	}
	f = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w");
	if (f != NULL) {
		fputs("1", f);
		fclose(f);
	}
}

/** Run a command that must succeed. */
static inline void __attribute__((format(printf, 1, 2))) sh(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	fflush(stdout);
	if (system(cmd) != 0)
		fail_msg("command failed: %s", cmd);
}

/** Output of a command. */
static inline const char *__attribute__((format(printf, 3, 4)))
sh_out(char *out, size_t len, const char *fmt, ...)
{
	char cmd[512];
	va_list ap;
	size_t n;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	f = popen(cmd, "r");
	assert_non_null(f);
	n = fread(out, 1, len - 1, f);
	out[n] = '\0';
	pclose(f);
	return out;
}

static inline struct vn_port_conf
conf_of(const char *name, uint16_t pairs)
{
	struct vn_port_conf conf = {
		.alias = ALIAS, .max_queue_pairs = pairs, .mtu = 1500, .link_up = true};

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	return conf;
}

static inline struct vn_port *
open_ok(const struct vn_port_conf *conf)
{
	struct vn_port *port = NULL;
	char err[256] = "";

	if (vn_tap_ops.open(conf, &port, err, sizeof(err)) != 0)
		fail_msg("open: %s", err);
	assert_non_null(port);
	return port;
}

/** It must fail with @p expected and a line that holds @p words. */
static inline void
open_fails(const struct vn_port_conf *conf, int expected, const char *words)
{
	struct vn_port *port = NULL;
	char err[256] = "";
	int ret = vn_tap_ops.open(conf, &port, err, sizeof(err));

	print_message("    message: %s\n", err);
	assert_int_equal(ret, expected);
	assert_null(port);
	assert_null(strchr(err, '\n'));
	if (strstr(err, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", err, words);
}

static inline struct vn_port_info
info_of(struct vn_port *port)
{
	struct vn_port_info info;

	assert_int_equal(vn_tap_ops.get_info(port, &info), 0);
	return info;
}

static inline bool
exists(const char *name)
{
	struct tap_link link;
	int ret = tap_link_get(name, 0, &link);

	assert_true(ret == 0 || ret == -ENODEV);
	return ret == 0;
}

static inline struct tap_link
link_of(const char *name)
{
	struct tap_link link;

	assert_int_equal(tap_link_get(name, 0, &link), 0);
	return link;
}

static inline void
mac_of(const char *name, struct rte_ether_addr *mac)
{
	struct ifreq ifr = {0};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	assert_int_equal(ioctl(s, SIOCGIFHWADDR, &ifr), 0);
	close(s);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, sizeof(*mac));
}

static inline unsigned int
count_fds(void)
{
	unsigned int n = 0;
	DIR *d = opendir("/proc/self/fd");

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/** Wait for @p fd to be readable. */
static inline void
await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

/**
 * Wait until the kernel sends frames on a netdev whose carrier has come: it lets them through some
 * time after the carrier is on, and drops them before.
 */
static inline void
await_active(const char *name)
{
	const struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	const struct tap_link_change none = {0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct ifreq ifr = {0};
	char event[8192];

	assert_int_equal(bind(fd, (const struct sockaddr *)&nl, sizeof(nl)), 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	for (;;) {
		assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
		if (ifr.ifr_flags & IFF_RUNNING)
			break;
		await(fd);
		assert_true(recv(fd, event, sizeof(event), 0) > 0);
	}
	close(fd);
	/* The flag is set a little before; a request that takes the same lock comes after. */
	assert_int_equal(tap_link_change(link_of(name).ifindex, &none), 0);
}

/** A child in a namespace of its own, that ends when released. Its netns is that of @p pid. */
struct other_ns {
	pid_t pid;
	int hold;
};

static inline struct other_ns
other_ns_start(void)
{
	struct other_ns ns;
	int ready[2], hold[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(hold), 0);
	ns.pid = fork();
	assert_true(ns.pid >= 0);
	if (ns.pid == 0) {
		close(hold[1]);
		if (unshare(CLONE_NEWNET) != 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		_exit(read(hold[0], &c, 1) == 0 ? 0 : 1);
	}
	close(ready[1]);
	close(hold[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	ns.hold = hold[1];
	return ns;
}

static inline void
other_ns_end(struct other_ns *ns)
{
	int status;

	close(ns->hold);
	assert_int_equal(waitpid(ns->pid, &status, 0), ns->pid);
	assert_int_equal(status, 0);
}

/** Teardown: nothing may remain from a test that failed. Only lo is kept. */
static inline int
clean(void **state)
{
	RTE_SET_USED(state);
	return system("for d in $(ls /proc/sys/net/ipv4/conf | grep -v -x -e all -e default -e lo);"
		      " do ip link del $d 2>/dev/null; done; true");
}

/** Rounds of a long loop: all of them with VN_LONG=1. */
static inline unsigned int
rounds(const char *what, unsigned int all, unsigned int few)
{
	const char *env = getenv("VN_LONG");
	const unsigned int n = env != NULL && strcmp(env, "0") != 0 ? all : few;

	print_message(
		"    %s: %u of %u rounds%s\n", what, n, all, n < all ? " (VN_LONG=1 for all)" : "");
	return n;
}

#endif /* TAP_TEST_H */
