/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Uplinks: DPDK's ethdevs as ports of the switch. One poller serves an uplink: others put frames
 * into its queue, as into a device's.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_net.h>

#include "sw_private.h"
#include "vn_log.h"
#include "vn_poller.h"

#define DESCRIPTORS 1024
/* What the checksums of frames that are passed on are worth. */
#define RX_SUMS_GOOD (RTE_MBUF_F_RX_L4_CKSUM_GOOD)

struct sw_uplink {
	struct vn_poll_source src;
	struct vn_port *port;
	struct vn_port_queue *q;
	uint16_t eth;
	bool started;
	bool intr;      /* has interrupts that are switched on and off */
	int intr_fd;    /* -1: none */
	uint64_t tx_on; /* RTE_ETH_TX_OFFLOAD_* in use */
};

/* The PCI device behind an RDMA device. */
static int
find_rdma(const char *name, uint16_t *eth)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/device", name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -ENODEV;
	target[n] = '\0';
	return rte_eth_dev_get_port_by_name(basename(target), eth);
}

/* What it does for us, as what a driver would take. */
static uint32_t
accept_of(uint64_t tx)
{
	const uint64_t sums = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	const uint64_t tso = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;

	if ((tx & sums) != sums)
		return 0;
	if ((tx & tso) != tso)
		return VN_PORT_ACCEPT_CSUM;
	return VN_PORT_ACCEPT_CSUM | VN_PORT_ACCEPT_TCPV4 | VN_PORT_ACCEPT_TCPV6;
}

/*
 * net_tap does the work in software as well, and refuses frames whose segments have the size of its
 * MTU: it takes the Ethernet header for a part of it.
 */
static uint64_t
tx_wanted(const struct rte_eth_dev_info *info)
{
	const uint64_t work = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
			      RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO;

	return RTE_ETH_TX_OFFLOAD_MULTI_SEGS |
	       (strcmp(info->driver_name, "net_tap") == 0 ? 0 : work);
}

static int
configure(struct sw_uplink *u, const struct rte_eth_dev_info *info, bool intr)
{
	const uint64_t rx = RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
			    RTE_ETH_RX_OFFLOAD_SCATTER;
	const struct rte_eth_conf conf = {
		.rxmode.offloads = info->rx_offload_capa & rx,
		.txmode.offloads = info->tx_offload_capa & tx_wanted(info),
		.intr_conf.rxq = intr,
	};

	u->tx_on = conf.txmode.offloads;
	return rte_eth_dev_configure(u->eth, 1, 1, &conf);
}

static int
start(struct sw_uplink *u, struct rte_mempool *pool)
{
	uint16_t n_rx = DESCRIPTORS, n_tx = DESCRIPTORS;
	struct rte_eth_dev_info info;
	bool intr = true;
	int rc;

	rc = rte_eth_dev_info_get(u->eth, &info);
	if (rc != 0)
		return rc;
	rc = configure(u, &info, true);
	if (rc != 0) {
		intr = false;
		rc = configure(u, &info, false);
	}
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(u->eth, &n_rx, &n_tx);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(u->eth, 0, n_rx, SOCKET_ID_ANY, NULL, pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(u->eth, 0, n_tx, SOCKET_ID_ANY, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(u->eth);
	if (rc != 0)
		return rc;
	u->started = true;
	/* Some know no such mode, as they take everything. */
	rte_eth_promiscuous_enable(u->eth);
	rte_eth_allmulticast_enable(u->eth);
	u->intr_fd = intr ? rte_eth_dev_rx_intr_ctl_q_get_fd(u->eth, 0) : -1;
	/* Without this the descriptor is the device itself, readable when there are frames. */
	u->intr = u->intr_fd >= 0 && rte_eth_dev_rx_intr_enable(u->eth, 0) == 0;
	if (u->intr)
		rte_eth_dev_rx_intr_disable(u->eth, 0);
	return 0;
}

/* From the network. Poller. */
static unsigned int
receive(struct sw_uplink *u)
{
	struct rte_mbuf *pkts[SW_BURST];
	const uint16_t n = rte_eth_rx_burst(u->eth, 0, pkts, SW_BURST);
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		bool good;

		if (unlikely(m->pkt_len < RTE_ETHER_HDR_LEN || m->pkt_len > VN_MAX_FRAME)) {
			u->q->counters.s.bad++;
			rte_pktmbuf_free(m);
			continue;
		}
		/* Some pass buffers of others on, which have no room for a header. */
		if (unlikely(m->priv_size < VN_MBUF_PRIV_SIZE)) {
			m = rte_pktmbuf_copy(pkts[i], u->q->pool, 0, UINT32_MAX);
			rte_pktmbuf_free(pkts[i]);
			if (m == NULL) {
				u->q->counters.s.no_mbuf++;
				continue;
			}
		}
		good = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RX_SUMS_GOOD;
		m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
		if (good)
			vn_mbuf_hdr(m)->flags = VN_NET_HDR_F_DATA_VALID;
		pkts[kept++] = m;
	}
	if (kept > 0)
		sw_forward(u->q, pkts, kept);
	return n;
}

/* What of ol_flags is no business of the NIC's. */
#define KEEP_FLAGS (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL | VN_MBUF_F_HDR)

/* Have the NIC do what the header asks for. @return false: it cannot be made out. */
static bool
offload(const struct sw_uplink *u, struct rte_mbuf *m)
{
	const struct vn_net_hdr *h = vn_mbuf_hdr(m);
	const uint32_t start = rte_le_to_cpu_16(h->csum_start);
	struct rte_net_hdr_lens len;
	const uint32_t type = rte_net_get_ptype(
		m, &len, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK);
	const uint32_t l4 = type & RTE_PTYPE_L4_MASK;

	if ((u->tx_on & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) == 0 ||
		(l4 != RTE_PTYPE_L4_TCP && l4 != RTE_PTYPE_L4_UDP) ||
		(uint32_t)len.l2_len + len.l3_len != start)
		return false;
	m->l2_len = len.l2_len;
	m->l3_len = len.l3_len;
	m->ol_flags |= RTE_ETH_IS_IPV4_HDR(type) ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	m->ol_flags |= l4 == RTE_PTYPE_L4_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	if (h->gso_type == VN_NET_HDR_GSO_NONE)
		return true;
	if (l4 != RTE_PTYPE_L4_TCP)
		return false;
	m->l4_len = len.l4_len;
	m->tso_segsz = rte_le_to_cpu_16(h->gso_size);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	if (m->ol_flags & RTE_MBUF_F_TX_IPV4)
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	return true;
}

/* @return the frame, perhaps another one, as the NIC can send it; NULL: it is gone. */
static struct rte_mbuf *
ready(struct sw_uplink *u, struct rte_mbuf *m)
{
	const struct vn_net_hdr *h = vn_mbuf_hdr(m);

	m->ol_flags &= KEEP_FLAGS;
	if (unlikely(m->nb_segs > 1 && !(u->tx_on & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)) &&
		rte_pktmbuf_linearize(m) != 0)
		goto bad;
	if (!(h->flags & VN_NET_HDR_F_NEEDS_CSUM))
		return m;
	/* Drivers write to the headers of such frames. */
	m = sw_private(m, u->q->pool);
	if (m == NULL) {
		u->q->counters.s.no_mbuf++;
		return NULL;
	}
	h = vn_mbuf_hdr(m);
	if (offload(u, m))
		return m;
	m->ol_flags &= KEEP_FLAGS;
	if (h->gso_type == VN_NET_HDR_GSO_NONE && vn_offload_csum(m))
		return m;

bad:
	u->q->counters.s.bad++;
	rte_pktmbuf_free(m);
	return NULL;
}

/* To the network. Poller. */
static unsigned int
transmit(struct sw_uplink *u)
{
	struct rte_mbuf *pkts[SW_BURST];
	const uint16_t n = sw_queue_rx(u->q, pkts, SW_BURST);
	uint16_t kept = 0, done = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = ready(u, pkts[i]);

		if (m != NULL)
			pkts[kept++] = m;
	}
	while (done < kept) {
		const uint16_t ok = rte_eth_tx_prepare(u->eth, 0, &pkts[done], kept - done);
		const uint16_t sent = ok > 0 ? rte_eth_tx_burst(u->eth, 0, &pkts[done], ok) : 0;

		done += sent;
		if (sent == ok && done < kept) {
			/* This one is refused as it is. */
			u->q->counters.s.bad++;
			rte_pktmbuf_free(pkts[done++]);
		} else if (sent < ok) {
			u->q->counters.s.full += kept - done;
			rte_pktmbuf_free_bulk(&pkts[done], kept - done);
			break;
		}
	}
	return n;
}

static unsigned int
uplink_poll(struct vn_poll_source *src)
{
	struct sw_uplink *u = (struct sw_uplink *)src;

	return receive(u) + transmit(u);
}

static bool
uplink_arm(struct vn_poll_source *src, bool on)
{
	struct sw_uplink *u = (struct sw_uplink *)src;
	struct pollfd pfd = {.fd = u->intr_fd, .events = POLLIN};
	uint64_t count;
	ssize_t got;
	bool found;

	if (on) {
		if (u->intr)
			rte_eth_dev_rx_intr_enable(u->eth, 0);
		found = sw_queue_arm(u->q, true);
		/* What came just before gives no interrupt. */
		return receive(u) > 0 || found;
	}
	sw_queue_arm(u->q, false);
	if (u->intr) {
		rte_eth_dev_rx_intr_disable(u->eth, 0);
		/* Drivers that do not do so leave it readable. */
		if (poll(&pfd, 1, 0) > 0) {
			got = read(u->intr_fd, &count, sizeof(count));
			RTE_SET_USED(got);
		}
	}
	return false;
}

int
vn_switch_add_uplink(
	struct vn_switch *sw, const char *name, struct vn_poll_source **src, char *err, size_t len)
{
	struct vn_port *port;
	struct sw_uplink *u;
	int rc;

	u = calloc(1, sizeof(*u));
	port = calloc(1, sizeof(*port) + sizeof(port->queue[0]));
	if (u == NULL || port == NULL) {
		snprintf(err, len, "switch.uplinks: \"%s\": no memory", name);
		rc = -ENOMEM;
		goto fail;
	}
	rc = rte_eth_dev_get_port_by_name(name, &u->eth);
	if (rc != 0)
		rc = find_rdma(name, &u->eth);
	if (rc != 0) {
		snprintf(err, len,
			"switch.uplinks: there is no DPDK port \"%s\": give it to the EAL (-a PCI, "
			"or --vdev=%s)",
			name, name);
		goto fail;
	}
	port->sw = sw;
	port->uplink = true;
	port->link = true;
	port->max_queues = 1;
	port->eth = u;
	snprintf(port->name, sizeof(port->name), "%s", name);
	u->port = port;
	rc = start(u, sw->conf.pool);
	if (rc == 0) {
		port->accept = accept_of(u->tx_on);
		rc = sw_port_add(sw, port);
	}
	if (rc == 0)
		rc = sw_queue_open(port, 0, sw->conf.pool, &u->q);
	if (rc != 0) {
		snprintf(err, len, "switch.uplinks: \"%s\" cannot be started: %s", name,
			rte_strerror(-rc));
		goto fail;
	}
	u->src.poll = uplink_poll;
	u->src.arm = uplink_arm;
	if (u->intr_fd >= 0) {
		u->src.fd[0] = u->intr_fd;
		u->src.fd[1] = u->q->fd;
		u->src.n_fds = 2;
	}
	VN_INFO("uplink %s: DPDK port %u, %s", name, u->eth,
		u->intr_fd >= 0 ? "interrupts" : "no interrupts: looked at every millisecond");
	*src = &u->src;
	return 0;

fail:
	if (u != NULL && u->started)
		rte_eth_dev_stop(u->eth);
	/* In the map it stays until the switch ends, and does nothing. */
	if (port == NULL || port->id == 0)
		free(port);
	else
		port->eth = NULL;
	free(u);
	return rc;
}

void
sw_uplink_free(struct sw_uplink *u)
{
	if (u == NULL)
		return;
	rte_eth_dev_stop(u->eth);
	free(u);
}
