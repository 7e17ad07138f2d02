/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "vn_log.h"

#include "tap_private.h"

/*
 * A single-queue TAP has one descriptor, which is the queue; while the queue is closed, a filter
 * lets the kernel drop all frames. A multi-queue TAP has a descriptor per open queue, and one
 * that is detached for good: it takes no frames. So in both cases some descriptor is always
 * there: without one, the kernel would turn the carrier off.
 */

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

static int
check_conf(const struct vn_port_conf *conf, char *err, size_t errlen)
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
			"with \"ip link del %s\", it is made anew",
			name, link->multi_queue ? "multi" : "single", port->multi ? "multi" : "single",
			name);
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
		snprintf(err, errlen, "cannot make the TAP %s: %s (is /dev/net/tun the TUN device?)",
			name, strerror(-ret));
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
	mac->addr_bytes[0] = (mac->addr_bytes[0] & ~RTE_ETHER_GROUP_ADDR) | RTE_ETHER_LOCAL_ADMIN_ADDR;
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
static int
set_carrier(int fd, bool up)
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
static int
make(struct vn_port *port, char *err, size_t errlen)
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
	made = ret == -ENODEV;
	if (!made) {
		ret = check_existing(port, &link, err, errlen);
		if (ret < 0)
			return ret;
	}

	fd = tap_fd_open();
	if (fd < 0) {
		snprintf(err, errlen, "cannot open /dev/net/tun: %s (try \"modprobe tun\", as root)",
			strerror(-fd));
		return fd;
	}
	/* Carrier and frames come last: nobody is sent anything before all is set. No BPF filter
	 * that someone left in the TAP: the kernel would look for it in our memory.
	 */
	ret = tap_attach(fd, name,
		IFF_NO_CARRIER | IFF_NOFILTER | (port->multi ? IFF_MULTI_QUEUE : 0));
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
	ret = set_carrier(fd, port->conf.link_up);
	if (ret < 0) {
		if (made)
			tap_set_persist(fd, false);
		goto fail;
	}

	port->fd = fd;
	port->ifindex = link.ifindex;
	port->adopted = !made;
	VN_INFO("representor %s: %s, ifindex %d, %s-queue", name, made ? "made" : "adopted",
		link.ifindex, port->multi ? "multi" : "single");
	return 0;

fail:
	snprintf(err, errlen, "the TAP %s: cannot %s: %s", name, step, strerror(-ret));
fail_said:
	close(fd); /* one that was made by this, not persistent yet, is gone by this */
	return ret;
}

static int
tap_open(const struct vn_port_conf *conf, struct vn_port **out, char *err, size_t errlen)
{
	struct vn_port *port;
	int ret;

	ret = check_conf(conf, err, errlen);
	if (ret < 0)
		return ret;
	port = calloc(1, sizeof(*port) + conf->max_queue_pairs * sizeof(port->queue[0]));
	if (port == NULL) {
		snprintf(err, errlen, "representor %s: no memory", conf->name);
		return -ENOMEM;
	}
	port->conf = *conf;
	port->multi = conf->max_queue_pairs > 1;
	ret = make(port, err, errlen);
	if (ret < 0) {
		free(port);
		return ret;
	}
	*out = port;
	return 0;
}

static void
queue_close(struct vn_port_queue *q)
{
	struct vn_port *port;

	if (q == NULL)
		return;
	port = q->port;
	if (port->multi) {
		close(q->fd);
	} else if (tap_set_pass(port->fd, false) == 0) {
		/* Not needed again before queue_open, which drains as well: for the memory. */
		tap_drain(port->fd);
	}
	port->queue[q->idx] = NULL;
	port->n_open--;
	tap_queue_free(q);
}

static void
tap_close(struct vn_port *port)
{
	if (port == NULL)
		return;
	for (uint16_t i = 0; i < port->conf.max_queue_pairs; i++)
		queue_close(port->queue[i]);
	/* Whoever takes the TAP next expects frames. */
	tap_set_pass(port->fd, true);
	close(port->fd);
	free(port);
}

static void
tap_destroy(struct vn_port *port)
{
	if (port == NULL)
		return;
	/* The kernel removes it with the last descriptor. By the descriptor and not by name: who
	 * knows what carries the name by now.
	 */
	tap_set_persist(port->fd, false);
	tap_close(port);
}

/* Someone removed the representor: a driver that starts gets a new one. */
static int
revive(struct vn_port *port)
{
	char name[IFNAMSIZ], err[256];
	int old, ret;

	if (port->n_open > 0 || tap_name(port->fd, name) != -ENODEV)
		return 0;
	old = port->fd;
	ret = make(port, err, sizeof(err));
	if (ret < 0) {
		VN_ERR("%s", err);
		return ret;
	}
	close(old);
	return 0;
}

static int
set_features(struct vn_port *port, uint64_t features)
{
	int ret;

	ret = revive(port);
	if (ret < 0)
		return ret;
	ret = tap_set_offloads(port->fd, features);
	if (ret < 0)
		return ret;
	port->features = features;
	__atomic_store_n(&port->accept, (uint32_t)ret, __ATOMIC_RELAXED);
	return 0;
}

static int
set_link(struct vn_port *port, bool up)
{
	port->conf.link_up = up;
	return set_carrier(port->fd, up);
}

/* The netdev as our namespace shows it; -ENODEV when it was removed or moved to another one. */
static int
find_netdev(const struct vn_port *port, struct tap_link *link)
{
	char name[IFNAMSIZ];
	int ret;

	ret = tap_name(port->fd, name);
	if (ret < 0)
		return ret;
	ret = tap_link_get(name, 0, link);
	if (ret == 0 && (link->ifindex != port->ifindex || !link->is_tap))
		ret = -ENODEV;
	return ret;
}

static int
set_mtu(struct vn_port *port, uint16_t mtu)
{
	const struct tap_link_change change = {.mtu = mtu};
	struct tap_link link;
	int ret;

	port->conf.mtu = mtu;
	ret = find_netdev(port, &link);
	if (ret < 0 || link.mtu >= mtu)
		return ret;
	return tap_link_change(link.ifindex, &change);
}

static int
get_info(struct vn_port *port, struct vn_port_info *info)
{
	struct tap_link link;
	int ret;

	memset(info, 0, sizeof(*info));
	memcpy(info->name, port->conf.name, sizeof(info->name));
	info->adopted = port->adopted;
	ret = find_netdev(port, &link);
	if (ret == -ENODEV)
		return 0; /* ifindex 0 says it */
	if (ret < 0)
		return ret;
	memcpy(info->name, link.name, sizeof(info->name));
	info->ifindex = link.ifindex;
	info->mtu = (uint16_t)RTE_MIN(link.mtu, UINT16_MAX);
	info->admin_up = link.admin_up;
	return 0;
}

/* One more queue of a multi-queue TAP. */
static int
attach_queue(const struct vn_port *port)
{
	struct tap_link link;
	int fd, ret;

	/* In another namespace the name would make a TAP anew. */
	ret = find_netdev(port, &link);
	if (ret < 0)
		return ret;
	fd = tap_fd_open();
	if (fd < 0)
		return fd;
	ret = tap_attach(fd, link.name, IFF_MULTI_QUEUE | IFF_NOFILTER);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

static int
queue_open(struct vn_port *port, uint16_t idx, struct rte_mempool *pool, struct vn_port_queue **out)
{
	struct vn_port_queue *q;
	int ret;

	if (idx >= port->conf.max_queue_pairs)
		return -EINVAL;
	if (port->queue[idx] != NULL)
		return -EBUSY;
	ret = revive(port);
	if (ret < 0)
		return ret;
	ret = tap_queue_create(pool, &q);
	if (ret < 0)
		return ret;
	if (port->multi) {
		ret = attach_queue(port);
		if (ret < 0)
			goto fail;
		q->fd = ret;
	} else {
		/* Nothing comes in during this, so it ends. */
		tap_drain(port->fd);
		ret = tap_set_pass(port->fd, true);
		if (ret < 0)
			goto fail;
		q->fd = port->fd;
	}
	q->port = port;
	q->accept = &port->accept;
	q->idx = idx;
	port->queue[idx] = q;
	port->n_open++;
	*out = q;
	return 0;

fail:
	tap_queue_free(q);
	return ret;
}

static int
queue_fd(struct vn_port_queue *q)
{
	return q->fd;
}

static const struct vn_port_stats *
queue_stats(struct vn_port_queue *q)
{
	return &q->stats;
}

const struct vn_port_ops vn_tap_ops = {
	.kind = "tap",
	.features = tap_probe_features,
	.open = tap_open,
	.close = tap_close,
	.destroy = tap_destroy,
	.set_features = set_features,
	.set_link = set_link,
	.set_mtu = set_mtu,
	.get_info = get_info,
	.queue_open = queue_open,
	.queue_close = queue_close,
	.queue_fd = queue_fd,
	.queue_stats = queue_stats,
	.rx_burst = tap_rx_burst,
	.tx_burst = tap_tx_burst,
};
