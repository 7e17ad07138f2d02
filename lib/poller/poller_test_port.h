/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef POLLER_TEST_PORT_H
#define POLLER_TEST_PORT_H

/**
 * @file
 * Test code: a port whose network side is the test. Each queue is a socket pair, one record per
 * frame behind its 12-byte header, so it is readable and back-pressured like a TAP.
 *
 * Each function of the port can be made to fail, and can be held: it then stands until the test
 * lets it go on, so a test can do things "while the port opens" without any timing.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "vn_net_hdr.h"
#include "vn_port.h"

enum fp_call {
	FP_OPEN,
	FP_CLOSE,
	FP_DESTROY,
	FP_PREPARE,
	FP_DISCARD,
	FP_SET_FEATURES,
	FP_GET_INFO,
	FP_QUEUE_OPEN,
	FP_QUEUE_CLOSE,
	FP_RX,
	FP_TX,
	FP_CALLS
};

#define FP_MAX_QUEUES 8

struct vn_port {
	struct vn_port_conf conf;
	int ifindex;
};

struct vn_port_queue {
	struct vn_port *port;
	uint16_t idx;
	int fd;   /* the poller's end */
	int peer; /* the test's end */
	struct rte_mempool *pool;
	struct vn_port_stats stats;
};

/* All ports of the test; the lock is for everything here. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fp_gate {
		bool shut;
		unsigned int inside, calls;
		int rc;
	} gate[FP_CALLS];
	unsigned int ports, queues;                 /* open now */
	unsigned int made;                          /* ever opened: ifindex of the last */
	bool adopted;                               /* what get_info says */
	bool pollable;                              /* queues have a descriptor to wait for */
	uint64_t features;                          /* set last */
	bool link_up;                               /* the same */
	uint16_t mtu;                               /* the same */
	uint8_t mac[6];                             /* the same */
	struct vn_port_conf conf;                   /* of the last port opened, or prepared */
	char alias[64];                             /* of the last discard */
	struct vn_port_queue *queue[FP_MAX_QUEUES]; /* open now, by index, of the last port */
} fp;

static inline void
fp_reset(void)
{
	memset(&fp, 0, sizeof(fp));
	pthread_mutex_init(&fp.lock, NULL);
	pthread_cond_init(&fp.changed, NULL);
	fp.pollable = true;
}

/* Every function passes here. */
static inline int
fp_enter(enum fp_call call)
{
	struct fp_gate *g = &fp.gate[call];
	int rc;

	pthread_mutex_lock(&fp.lock);
	g->calls++;
	g->inside++;
	while (g->shut)
		pthread_cond_wait(&fp.changed, &fp.lock);
	g->inside--;
	rc = g->rc;
	pthread_mutex_unlock(&fp.lock);
	return rc;
}

/* Hold whoever calls it from now on. */
static inline void
fp_hold(enum fp_call call)
{
	pthread_mutex_lock(&fp.lock);
	fp.gate[call].shut = true;
	pthread_mutex_unlock(&fp.lock);
}

static inline void
fp_release(enum fp_call call)
{
	pthread_mutex_lock(&fp.lock);
	fp.gate[call].shut = false;
	pthread_cond_broadcast(&fp.changed);
	pthread_mutex_unlock(&fp.lock);
}

static inline void
fp_fail(enum fp_call call, int rc)
{
	pthread_mutex_lock(&fp.lock);
	fp.gate[call].rc = rc;
	pthread_mutex_unlock(&fp.lock);
}

/* Somebody stands in it. */
static inline bool
fp_inside(enum fp_call call)
{
	bool inside;

	pthread_mutex_lock(&fp.lock);
	inside = fp.gate[call].inside > 0;
	pthread_mutex_unlock(&fp.lock);
	return inside;
}

static inline unsigned int
fp_calls(enum fp_call call)
{
	unsigned int calls;

	pthread_mutex_lock(&fp.lock);
	calls = fp.gate[call].calls;
	pthread_mutex_unlock(&fp.lock);
	return calls;
}

static inline unsigned int
fp_open_queues(void)
{
	unsigned int n;

	pthread_mutex_lock(&fp.lock);
	n = fp.queues;
	pthread_mutex_unlock(&fp.lock);
	return n;
}

static inline unsigned int
fp_open_ports(void)
{
	unsigned int n;

	pthread_mutex_lock(&fp.lock);
	n = fp.ports;
	pthread_mutex_unlock(&fp.lock);
	return n;
}

static inline uint64_t
fp_features(void)
{
	return UINT64_MAX;
}

static inline int
fp_open(const struct vn_port_conf *conf, struct vn_port **port, char *err, size_t errlen)
{
	int rc = fp_enter(FP_OPEN);

	if (rc != 0) {
		snprintf(err, errlen, "the test refuses %s", conf->name);
		return rc;
	}
	*port = calloc(1, sizeof(**port));
	if (*port == NULL)
		return -ENOMEM;
	(*port)->conf = *conf;
	pthread_mutex_lock(&fp.lock);
	fp.ports++;
	fp.conf = *conf;
	fp.link_up = conf->link_up;
	fp.mtu = conf->mtu;
	memcpy(fp.mac, conf->mac, sizeof(fp.mac));
	(*port)->ifindex = ++fp.made;
	pthread_mutex_unlock(&fp.lock);
	return 0;
}

static inline void
fp_gone(struct vn_port *port)
{
	pthread_mutex_lock(&fp.lock);
	fp.ports--;
	pthread_mutex_unlock(&fp.lock);
	free(port);
}

static inline void
fp_close(struct vn_port *port)
{
	fp_enter(FP_CLOSE);
	fp_gone(port);
}

static inline void
fp_destroy(struct vn_port *port)
{
	fp_enter(FP_DESTROY);
	fp_gone(port);
}

static inline int
fp_prepare(const struct vn_port_conf *conf, char *err, size_t errlen)
{
	const int rc = fp_enter(FP_PREPARE);

	if (rc != 0)
		snprintf(err, errlen, "the test refuses %s", conf->name);
	pthread_mutex_lock(&fp.lock);
	fp.conf = *conf;
	pthread_mutex_unlock(&fp.lock);
	return rc;
}

static inline int
fp_discard(const char *const *name, unsigned int n, const char *alias)
{
	(void)name;
	pthread_mutex_lock(&fp.lock);
	snprintf(fp.alias, sizeof(fp.alias), "%s", alias);
	pthread_mutex_unlock(&fp.lock);
	fp_enter(FP_DISCARD);
	return (int)n;
}

static inline int
fp_set_features(struct vn_port *port, uint64_t features)
{
	(void)port;
	pthread_mutex_lock(&fp.lock);
	fp.features = features;
	pthread_mutex_unlock(&fp.lock);
	return fp_enter(FP_SET_FEATURES);
}

static inline int
fp_set_link(struct vn_port *port, bool up)
{
	(void)port;
	pthread_mutex_lock(&fp.lock);
	fp.link_up = up;
	pthread_mutex_unlock(&fp.lock);
	return 0;
}

static inline int
fp_set_mtu(struct vn_port *port, uint16_t mtu)
{
	(void)port;
	pthread_mutex_lock(&fp.lock);
	fp.mtu = mtu;
	pthread_mutex_unlock(&fp.lock);
	return 0;
}

static inline int
fp_set_mac(struct vn_port *port, const uint8_t mac[6])
{
	(void)port;
	pthread_mutex_lock(&fp.lock);
	memcpy(fp.mac, mac, sizeof(fp.mac));
	pthread_mutex_unlock(&fp.lock);
	return 0;
}

static inline int
fp_get_info(struct vn_port *port, struct vn_port_info *info)
{
	int rc = fp_enter(FP_GET_INFO);

	if (rc != 0)
		return rc;
	memset(info, 0, sizeof(*info));
	memcpy(info->name, port->conf.name, sizeof(info->name));
	info->ifindex = port->ifindex;
	info->ready = port->ifindex != 0;
	info->mtu = port->conf.mtu;
	pthread_mutex_lock(&fp.lock);
	info->adopted = fp.adopted;
	pthread_mutex_unlock(&fp.lock);
	return 0;
}

static inline int
fp_queue_open(
	struct vn_port *port, uint16_t idx, struct rte_mempool *pool, struct vn_port_queue **queue)
{
	int rc = fp_enter(FP_QUEUE_OPEN);
	struct vn_port_queue *q;
	int pair[2];

	if (rc != 0)
		return rc;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		free(q);
		return -errno;
	}
	*q = (struct vn_port_queue){
		.port = port,
		.idx = idx,
		.fd = pair[0],
		.peer = pair[1],
		.pool = pool,
	};
	pthread_mutex_lock(&fp.lock);
	fp.queues++;
	if (idx < FP_MAX_QUEUES)
		fp.queue[idx] = q;
	pthread_mutex_unlock(&fp.lock);
	*queue = q;
	return 0;
}

static inline void
fp_queue_close(struct vn_port_queue *q)
{
	fp_enter(FP_QUEUE_CLOSE);
	pthread_mutex_lock(&fp.lock);
	fp.queues--;
	if (q->idx < FP_MAX_QUEUES && fp.queue[q->idx] == q)
		fp.queue[q->idx] = NULL;
	pthread_mutex_unlock(&fp.lock);
	close(q->fd);
	if (q->peer >= 0)
		close(q->peer);
	free(q);
}

static inline int
fp_queue_fd(struct vn_port_queue *q)
{
	return fp.pollable ? q->fd : -1;
}

static inline const struct vn_port_stats *
fp_queue_stats(struct vn_port_queue *q)
{
	return &q->stats;
}

static inline uint16_t
fp_rx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t done = 0;

	fp_enter(FP_RX);
	while (done < n) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(q->pool);
		struct iovec iov[2];
		ssize_t got;

		if (m == NULL) {
			q->stats.rx_no_mbuf++;
			break;
		}
		iov[0] = (struct iovec){vn_mbuf_hdr(m), sizeof(struct vn_net_hdr)};
		iov[1] = (struct iovec){rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m)};
		got = readv(q->fd, iov, 2);
		if (got < (ssize_t)sizeof(struct vn_net_hdr)) {
			rte_pktmbuf_free(m);
			break;
		}
		m->pkt_len = m->data_len = got - sizeof(struct vn_net_hdr);
		q->stats.rx_packets++;
		pkts[done++] = m;
	}
	return done;
}

static inline void
fp_tx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	fp_enter(FP_TX);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t buf[sizeof(struct vn_net_hdr) + 2048];
		const uint32_t len = RTE_MIN(pkts[i]->pkt_len, 2048u);
		const void *data;

		memcpy(buf, vn_mbuf_hdr(pkts[i]), sizeof(struct vn_net_hdr));
		data = rte_pktmbuf_read(pkts[i], 0, len, buf + sizeof(struct vn_net_hdr));
		if (data != buf + sizeof(struct vn_net_hdr))
			memcpy(buf + sizeof(struct vn_net_hdr), data, len);
		if (send(q->fd, buf, sizeof(struct vn_net_hdr) + len, MSG_NOSIGNAL) > 0)
			q->stats.tx_packets++;
		else
			q->stats.tx_dropped++;
		rte_pktmbuf_free(pkts[i]);
	}
}

static const struct vn_port_ops fp_ops = {
	.kind = "fake",
	.netdev = true,
	.features = fp_features,
	.open = fp_open,
	.close = fp_close,
	.destroy = fp_destroy,
	.prepare = fp_prepare,
	.discard = fp_discard,
	.set_features = fp_set_features,
	.set_link = fp_set_link,
	.set_mtu = fp_set_mtu,
	.set_mac = fp_set_mac,
	.get_info = fp_get_info,
	.queue_open = fp_queue_open,
	.queue_close = fp_queue_close,
	.queue_fd = fp_queue_fd,
	.queue_stats = fp_queue_stats,
	.rx_burst = fp_rx_burst,
	.tx_burst = fp_tx_burst,
};

/* The network sends a frame: @p len bytes, the first four of which are @p tag. */
static inline bool
fp_send(struct vn_port_queue *q, uint32_t tag, uint32_t len)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 2048] = {0};

	memcpy(buf + sizeof(struct vn_net_hdr), &tag, sizeof(tag));
	return send(q->peer, buf, sizeof(struct vn_net_hdr) + len, MSG_NOSIGNAL) > 0;
}

/* What the network gets next. @return the frame's length and its tag, or -1: nothing there. */
static inline int
fp_recv(struct vn_port_queue *q, uint32_t *tag)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 2048];
	ssize_t got = recv(q->peer, buf, sizeof(buf), 0);

	if (got < (ssize_t)(sizeof(struct vn_net_hdr) + sizeof(*tag)))
		return -1;
	memcpy(tag, buf + sizeof(struct vn_net_hdr), sizeof(*tag));
	return got - sizeof(struct vn_net_hdr);
}

#endif /* POLLER_TEST_PORT_H */
