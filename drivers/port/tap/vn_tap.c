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

static int
tap_open(const struct vn_port_conf *conf, struct vn_port **out, char *err, size_t errlen)
{
	struct vn_port *port;
	int ret;

	ret = tap_check_conf(conf, err, errlen);
	if (ret < 0)
		return ret;
	port = calloc(1, sizeof(*port) + conf->max_queue_pairs * sizeof(port->queue[0]));
	if (port == NULL) {
		snprintf(err, errlen, "representor %s: no memory", conf->name);
		return -ENOMEM;
	}
	port->conf = *conf;
	port->multi = conf->max_queue_pairs > 1;
	ret = tap_make(port, err, errlen);
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

/*
 * The kernel waits two grace periods, some 20 ms, for each netdev that is removed, but only once
 * for all of a group.
 */
static void
tap_destroy_many(struct vn_port *const *ports, unsigned int n)
{
	const struct tap_link_change change = {.group = tap_group_going()};
	unsigned int marked = 0;
	struct tap_link link;
	int ret;

	for (unsigned int i = 0; i < n && n > 1; i++) {
		/* Not one of another namespace, and nobody else's that has the name by now. */
		if (find_netdev(ports[i], &link) == 0 &&
			tap_link_change(link.ifindex, &change) == 0)
			marked++;
	}
	ret = marked > 0 ? tap_link_remove_group(change.group) : 0;
	if (ret != 0)
		VN_WARN("%u representors cannot be removed together (%s): one by one", marked,
			strerror(-ret));
	/* Those that are gone are let go of; the others are removed by this. */
	for (unsigned int i = 0; i < n; i++)
		tap_destroy(ports[i]);
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
	ret = tap_make(port, err, sizeof(err));
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
	return tap_link_carrier(port->fd, up);
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
		return 0; /* not ready */
	if (ret < 0)
		return ret;
	memcpy(info->name, link.name, sizeof(info->name));
	info->ready = true;
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
	.netdev = true,
	.features = tap_probe_features,
	.open = tap_open,
	.close = tap_close,
	.destroy = tap_destroy,
	.destroy_many = tap_destroy_many,
	.prepare = tap_prepare,
	.discard = tap_discard,
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
	.tx_views = tap_tx_views,
	.rx_fill = tap_rx_fill,
};
