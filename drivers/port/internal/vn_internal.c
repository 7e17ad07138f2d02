/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_mbuf.h>

#include "vn_features.h"
#include "vn_mbuf.h"

#include "vn_internal.h"

struct vn_port {
	uint16_t max_queue_pairs;
	uint16_t mtu;
	struct vn_port_queue *queue[]; /* NULL: not open */
};

struct vn_port_queue {
	struct vn_port *port;
	uint16_t idx;
	int fd; /* never readable: without one a poller would look again and again */
	struct vn_port_stats stats; /* written by the poller */
};

static uint64_t
internal_features(void)
{
	/* Nothing is done with frames, so any will do; none come, so the driver may allow all. */
	return VN_NET_F_HOST_OFFLOADS | VN_NET_F_GUEST_OFFLOADS;
}

static int
internal_open(const struct vn_port_conf *conf, struct vn_port **out, char *err, size_t errlen)
{
	struct vn_port *port =
		calloc(1, sizeof(*port) + conf->max_queue_pairs * sizeof(port->queue[0]));

	if (port == NULL) {
		snprintf(err, errlen, "internal port of %s: no memory", conf->alias);
		return -ENOMEM;
	}
	port->max_queue_pairs = conf->max_queue_pairs;
	port->mtu = conf->mtu;
	*out = port;
	return 0;
}

static void
queue_close(struct vn_port_queue *q)
{
	if (q == NULL)
		return;
	q->port->queue[q->idx] = NULL;
	close(q->fd);
	free(q);
}

static void
internal_close(struct vn_port *port)
{
	if (port == NULL)
		return;
	for (uint16_t i = 0; i < port->max_queue_pairs; i++)
		queue_close(port->queue[i]);
	free(port);
}

static int
set_features(struct vn_port *port, uint64_t features)
{
	RTE_SET_USED(port);
	RTE_SET_USED(features);
	return 0;
}

static int
set_link(struct vn_port *port, bool up)
{
	RTE_SET_USED(port);
	RTE_SET_USED(up);
	return 0;
}

static int
set_mtu(struct vn_port *port, uint16_t mtu)
{
	port->mtu = RTE_MAX(port->mtu, mtu);
	return 0;
}

static int
get_info(struct vn_port *port, struct vn_port_info *info)
{
	*info = (struct vn_port_info){.ready = true, .mtu = port->mtu, .admin_up = true};
	return 0;
}

static int
queue_open(struct vn_port *port, uint16_t idx, struct rte_mempool *pool, struct vn_port_queue **out)
{
	struct vn_port_queue *q;
	int rc;

	RTE_SET_USED(pool);
	if (idx >= port->max_queue_pairs)
		return -EINVAL;
	if (port->queue[idx] != NULL)
		return -EBUSY;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		rc = -errno;
		free(q);
		return rc;
	}
	q->port = port;
	q->idx = idx;
	port->queue[idx] = q;
	*out = q;
	return 0;
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

static uint16_t
rx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	RTE_SET_USED(q);
	RTE_SET_USED(pkts);
	RTE_SET_USED(n);
	return 0;
}

static void
tx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += rte_pktmbuf_pkt_len(pkts[i]);
	vn_mbuf_free_bulk(pkts, n);
	q->stats.tx_packets += n;
	q->stats.tx_bytes += bytes;
}

const struct vn_port_ops vn_internal_ops = {
	.kind = "internal",
	.features = internal_features,
	.open = internal_open,
	.close = internal_close,
	.destroy = internal_close,
	.set_features = set_features,
	.set_link = set_link,
	.set_mtu = set_mtu,
	.get_info = get_info,
	.queue_open = queue_open,
	.queue_close = queue_close,
	.queue_fd = queue_fd,
	.queue_stats = queue_stats,
	.rx_burst = rx_burst,
	.tx_burst = tx_burst,
};
