/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "vn_log.h"

#include "tap_private.h"

/* What the kernel would not take as a name, or take as a pattern for one. */
static bool
name_ok(const char name[VN_PORT_NAME_LEN])
{
	if (memchr(name, '\0', VN_PORT_NAME_LEN) == NULL || name[0] == '\0')
		return false;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *c = name; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~' || strchr("/:%", *c) != NULL)
			return false;
	return true;
}

int
tap_check_conf(const struct vn_port_conf *conf, char *err, size_t errlen)
{
	char shown[VN_PORT_NAME_LEN + 1] = "";

	if (!name_ok(conf->name)) {
		for (unsigned int i = 0; i < VN_PORT_NAME_LEN && conf->name[i] != '\0'; i++)
			shown[i] = conf->name[i] < ' ' || conf->name[i] > '~' ? '?' : conf->name[i];
		snprintf(err, errlen,
			"representor name \"%s\": must be 1 to %d characters without spaces, "
			"slash, colon and percent sign",
			shown, VN_PORT_NAME_LEN - 1);
		return -EINVAL;
	}
	if (memchr(conf->alias, '\0', sizeof(conf->alias)) == NULL) {
		snprintf(err, errlen, "representor %s: alias is longer than %zu characters",
			conf->name, sizeof(conf->alias) - 1);
		return -EINVAL;
	}
	if (conf->max_queue_pairs < 1 || conf->max_queue_pairs > VN_TAP_MAX_QUEUE_PAIRS) {
		snprintf(err, errlen, "representor %s: %u queue pairs, a TAP can have 1 to %u",
			conf->name, conf->max_queue_pairs, VN_TAP_MAX_QUEUE_PAIRS);
		return -EINVAL;
	}
	return 0;
}

/*
 * The program's name comes first in an alias. Then whose it was: names go from one device to
 * another when there are other numbers of VFs.
 */
static bool
is_ours(const struct vn_port *port, const struct tap_link *link)
{
	const char *end = strchr(port->conf.alias, ' ');

	return end != NULL &&
	       strncmp(link->alias, port->conf.alias, (size_t)(end - port->conf.alias) + 1) == 0;
}

/* Somebody has given it a place, or has begun to. */
static bool
is_in_use(const struct tap_link *link)
{
	return link->admin_up || link->master != 0 || link->queues > 0;
}

/*
 * A TAP of ours that was kept when its device had another number of queues, which the kernel never
 * changes. As long as nobody has given it a place, nobody misses it: the next one has its name and
 * its address. By its descriptor, which a single-queue one gives to one process only.
 */
static bool
remove_kept(const struct vn_port *port, const struct tap_link *link)
{
	const unsigned int flags =
		IFF_NO_CARRIER | IFF_NOFILTER | (link->multi_queue ? IFF_MULTI_QUEUE : 0);
	struct tap_link now;
	bool gone;
	int fd;

	if (!link->is_tap || link->multi_queue == port->multi || !is_ours(port, link) ||
		is_in_use(link))
		return false;
	fd = tap_fd_open();
	if (fd < 0)
		return false;
	gone = tap_attach(fd, port->conf.name, flags) == 0 &&
	       tap_link_get(port->conf.name, 0, &now) == 0 && now.ifindex == link->ifindex &&
	       !now.admin_up && now.master == 0 && now.queues <= 1 &&
	       tap_set_persist(fd, false) == 0;
	close(fd);
	if (gone)
		VN_INFO("representor %s: made anew, the kept one was %s-queue", port->conf.name,
			link->multi_queue ? "multi" : "single");
	return gone;
}

/* A netdev of the name is there: can it be ours? */
static int
check_existing(const struct vn_port *port, const struct tap_link *link, char *err, size_t errlen)
{
	const char *name = port->conf.name;

	if (!link->is_tap) {
		snprintf(err, errlen,
			"a netdev %s exists that is not a TAP (%s): rename it, or remove it with "
			"\"ip link del %s\"",
			name, link->kind[0] != '\0' ? link->kind : "no virtual device", name);
		return -EEXIST;
	}
	if (link->multi_queue != port->multi) {
		snprintf(err, errlen,
			"the TAP %s exists as %s-queue, the device needs it %s-queue: remove it "
			"with \"ip link del %s\"%s, it is made anew",
			name, link->multi_queue ? "multi" : "single",
			port->multi ? "multi" : "single", name,
			is_ours(port, link)
				? " or set it down and out of its bridge (of all VFs: stop once "
				  "with sf_pool_force_destroy 1)"
				: "");
		return -EEXIST;
	}
	/* The kernel would let us in beside them. (Single-queue: it says EBUSY by itself.) */
	if (link->queues > 0) {
		snprintf(err, errlen,
			"the TAP %s is held by another process: stop that (fuser -v /dev/net/tun), "
			"or take the TAP away from it with \"ip link del %s\"",
			name, name);
		return -EBUSY;
	}
	return 0;
}

static int
attach_failed(const char *name, int ret, char *err, size_t errlen)
{
	if (ret == -EBUSY)
		snprintf(err, errlen,
			"the TAP %s is held by another process: stop that (fuser -v /dev/net/tun), "
			"or take the TAP away from it with \"ip link del %s\"",
			name, name);
	else if (ret == -EPERM)
		snprintf(err, errlen, "cannot make the TAP %s: needs root (CAP_NET_ADMIN)", name);
	else
		snprintf(err, errlen,
			"cannot make the TAP %s: %s (is /dev/net/tun the TUN device?)", name,
			strerror(-ret));
	return ret;
}

/*
 * Locally administered and always the same for this device, so that neighbours who remember it
 * stay right when the representor is removed and made again.
 */
static void
stable_mac(const struct vn_port_conf *conf, struct rte_ether_addr *mac)
{
	const char *const part[] = {conf->name, conf->alias};
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a, 64 bits */

	for (unsigned int i = 0; i < RTE_DIM(part); i++) {
		const char *c = part[i];

		do
			h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
		while (*c++ != '\0');
	}
	for (unsigned int i = 0; i < RTE_ETHER_ADDR_LEN; i++)
		mac->addr_bytes[i] = (uint8_t)(h >> (8 * i + 8));
	mac->addr_bytes[0] =
		(mac->addr_bytes[0] & ~RTE_ETHER_GROUP_ADDR) | RTE_ETHER_LOCAL_ADMIN_ADDR;
}

/* Marks, and what a new netdev needs; an adopted one keeps its address and queue length. */
static int
set_netdev(const struct vn_port *port, const struct tap_link *link, bool made)
{
	struct tap_link_change change = {
		.alias = port->conf.alias,
		.group = VN_TAP_LINK_GROUP,
		.mtu = link->mtu < port->conf.mtu ? port->conf.mtu : 0,
	};
	struct rte_ether_addr mac;

	if (made) {
		stable_mac(&port->conf, &mac);
		change.mac = &mac;
		/* While it is down: memory is set aside by this when it goes up. */
		change.txqlen = port->multi ? VN_TAP_TXQLEN_MULTI : VN_TAP_TXQLEN_SINGLE;
	}
	return tap_link_change(link->ifindex, &change);
}

/* The kernel turns the carrier on only while some queue is attached. */
int
tap_link_carrier(int fd, bool up)
{
	int ret = tap_set_carrier(fd, up), ret2;

	if (ret != -EPERM)
		return ret;
	ret = tap_reattach_queue(fd);
	if (ret < 0)
		return ret;
	ret = tap_set_carrier(fd, up);
	ret2 = tap_detach_queue(fd);
	return ret < 0 ? ret : ret2;
}

/* Fill in fd, ifindex, adopted, accept. */
int
tap_make(struct vn_port *port, char *err, size_t errlen)
{
	const char *name = port->conf.name;
	const char *step;
	struct tap_link link;
	bool made;
	int fd, ret;

	ret = tap_link_get(name, 0, &link);
	if (ret != 0 && ret != -ENODEV) {
		snprintf(err, errlen, "cannot look for the netdev %s: %s", name, strerror(-ret));
		return ret;
	}
	made = ret == -ENODEV || remove_kept(port, &link);
	if (!made) {
		ret = check_existing(port, &link, err, errlen);
		if (ret < 0)
			return ret;
	}

	fd = tap_fd_open();
	if (fd < 0) {
		snprintf(err, errlen,
			"cannot open /dev/net/tun: %s (try \"modprobe tun\", as root)",
			strerror(-fd));
		return fd;
	}
	/* Carrier and frames come last: nobody is sent anything before all is set. No BPF filter
	 * that someone left in the TAP: the kernel would look for it in our memory.
	 */
	ret = tap_attach(
		fd, name, IFF_NO_CARRIER | IFF_NOFILTER | (port->multi ? IFF_MULTI_QUEUE : 0));
	if (ret < 0) {
		ret = attach_failed(name, ret, err, errlen);
		goto fail_said;
	}
	step = "look at it";
	ret = tap_link_get(name, 0, &link);
	if (ret < 0)
		goto fail;
	step = "hold it alone";
	if (link.queues > 1) {
		ret = -EBUSY;
		goto fail;
	}
	step = "keep frames out";
	ret = port->multi ? tap_detach_queue(fd) : tap_set_pass(fd, false);
	if (ret == 0 && port->multi)
		ret = tap_set_pass(fd, true); /* whoever had it before may have left a filter */
	if (ret < 0)
		goto fail;
	step = "set its header";
	ret = tap_set_header(fd);
	if (ret < 0)
		goto fail;
	step = "set its offloads";
	ret = tap_set_offloads(fd, port->features);
	if (ret < 0)
		goto fail;
	__atomic_store_n(&port->accept, (uint32_t)ret, __ATOMIC_RELAXED);
	step = "set its group, alias and MTU";
	ret = set_netdev(port, &link, made);
	if (ret < 0)
		goto fail;
	step = "make it persistent";
	ret = tap_set_persist(fd, true);
	if (ret < 0)
		goto fail;
	step = "set its carrier";
	ret = tap_link_carrier(fd, port->conf.link_up);
	if (ret < 0) {
		if (made)
			tap_set_persist(fd, false);
		goto fail;
	}

	port->fd = fd;
	port->ifindex = link.ifindex;
	port->adopted = !made;
	VN_DBG("representor %s: %s, ifindex %d, %s-queue", name, made ? "made" : "adopted",
		link.ifindex, port->multi ? "multi" : "single");
	return 0;

fail:
	snprintf(err, errlen, "the TAP %s: cannot %s: %s", name, step, strerror(-ret));
fail_said:
	close(fd); /* one that was made by this, not persistent yet, is gone by this */
	return ret;
}
