/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Where frames go: a burst of one sender, on its poller.
 */
#include <string.h>

#include <rte_ether.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>

#include "sw_forward.h"

void
sw_burst_begin(struct sw_burst *b, struct vn_port_queue *q)
{
	struct vn_switch *sw = q->port->sw;

	b->sw = sw;
	b->map = __atomic_load_n(&sw->map, __ATOMIC_ACQUIRE);
	b->q = q;
	b->port = q->port;
	b->owner = q->owner;
	b->stats = &q->counters.s;
	b->copies = SW_COPIES + 2 * b->map->n_ports;
	b->made = 0;
	b->n_out = 0;
}

static void
flush(struct sw_burst *b, struct sw_out *out)
{
	const uint16_t put = sw_queue_put(out->q, out->m, out->n, b->q);

	if (unlikely(put < out->n)) {
		b->stats->full += out->n - put;
		rte_pktmbuf_free_bulk(&out->m[put], out->n - put);
	}
	out->n = 0;
}

void
sw_burst_end(struct sw_burst *b)
{
	for (uint16_t i = 0; i < b->n_out; i++)
		flush(b, &b->out[i]);
	b->n_out = 0;
}

static void
out_add(struct sw_burst *b, struct vn_port_queue *q, struct rte_mbuf *m)
{
	struct sw_out *out = b->out;
	uint16_t i;

	for (i = 0; i < b->n_out && b->out[i].q != q; i++)
		;
	if (i == SW_OUTS) {
		sw_burst_end(b);
		i = 0;
	}
	out = &b->out[i];
	if (i == b->n_out) {
		out->q = q;
		out->n = 0;
		b->n_out++;
	}
	out->m[out->n++] = m;
	if (out->n == SW_BURST)
		flush(b, out);
}

/* Nobody else has its data. */
static bool
is_private(const struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next) {
		if (!RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1)
			return false;
	}
	return true;
}

static void
segment(struct sw_burst *b, struct vn_port_queue *to, struct rte_mbuf *m, uint32_t accept)
{
	struct rte_mbuf *piece[VN_OFFLOAD_PIECES];
	const int n = vn_offload_segment(m, to->pool, accept, piece);

	rte_pktmbuf_free(m);
	if (n <= 0) {
		*(n == 0 ? &b->stats->bad : &b->stats->no_mbuf) += 1;
		return;
	}
	b->stats->segmented++;
	b->made += (uint32_t)n;
	for (int i = 0; i < n; i++)
		out_add(b, to, piece[i]);
}

struct rte_mbuf *
sw_private(struct rte_mbuf *m, struct rte_mempool *pool)
{
	struct rte_mbuf *copy;

	if (is_private(m))
		return m;
	copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
	if (copy != NULL)
		memcpy(rte_mbuf_to_priv(copy), rte_mbuf_to_priv(m), VN_MBUF_PRIV_SIZE);
	rte_pktmbuf_free(m);
	return copy;
}

static void
checksum(struct sw_burst *b, struct vn_port_queue *to, struct rte_mbuf *m)
{
	b->made += m->nb_segs;
	m = sw_private(m, to->pool);
	if (m == NULL) {
		b->stats->no_mbuf++;
	} else if (vn_offload_csum(m)) {
		out_add(b, to, m);
	} else {
		b->stats->bad++;
		rte_pktmbuf_free(m);
	}
}

struct vn_port_queue *
sw_queue_of(const struct sw_burst *b, const struct vn_port *port)
{
	const struct sw_queues *queues;

	if (unlikely(!__atomic_load_n(&port->link, __ATOMIC_RELAXED)))
		return NULL;
	queues = __atomic_load_n(&port->queues, __ATOMIC_ACQUIRE);
	if (unlikely(queues == NULL))
		return NULL;
	return queues->q[queues->n == 1 ? 0 : b->q->idx % queues->n];
}

void
sw_give(struct sw_burst *b, struct vn_port *port, struct rte_mbuf *m)
{
	struct vn_port_queue *to = sw_queue_of(b, port);
	const uint32_t accept = __atomic_load_n(&port->accept, __ATOMIC_RELAXED);
	const struct vn_net_hdr *h = vn_mbuf_hdr(m);

	if (unlikely(to == NULL)) {
		b->stats->away++;
		rte_pktmbuf_free(m);
	} else if (likely(vn_offload_accepted(h, accept))) {
		out_add(b, to, m);
	} else if (h->gso_type != VN_NET_HDR_GSO_NONE) {
		segment(b, to, m, accept);
	} else {
		checksum(b, to, m);
	}
}

static void
give_copy(struct sw_burst *b, struct vn_port *port, struct rte_mbuf *m)
{
	const uint32_t made = b->made;
	struct rte_mbuf *copy;

	/* Nothing is made for those who are not there. */
	if (sw_queue_of(b, port) == NULL)
		return;
	if (b->copies == 0) {
		b->stats->storm++;
		return;
	}
	b->copies--;
	copy = rte_pktmbuf_clone(m, b->sw->conf.clones);
	if (copy == NULL) {
		b->stats->no_mbuf++;
		return;
	}
	memcpy(rte_mbuf_to_priv(copy), rte_mbuf_to_priv(m), VN_MBUF_PRIV_SIZE);
	b->stats->replicated++;
	sw_give(b, port, copy);
	b->copies -= RTE_MIN(b->copies, b->made - made);
}

void
sw_flood(struct sw_burst *b, uint32_t n, struct rte_mbuf *m)
{
	struct vn_port *last = NULL;

	for (uint32_t i = 0; i < n; i++) {
		struct vn_port *port = b->map->port[i];

		if (!sw_may_reach(b, port))
			continue;
		if (last != NULL)
			give_copy(b, last, m);
		last = port;
	}
	if (last != NULL)
		sw_give(b, last, m);
	else
		rte_pktmbuf_free(m);
}

/* Takes it. */
static void
forward_one(struct sw_burst *b, struct rte_mbuf *m)
{
	uint8_t buf[SW_L2_LEN] = {0};
	const uint8_t *eth;
	struct vn_port *to;

	eth = rte_pktmbuf_read(m, 0, RTE_MIN(m->pkt_len, sizeof(buf)), buf);
	switch (sw_decide(b, eth, m->pkt_len, &to)) {
	case SW_TO_PORT:
		sw_give(b, to, m);
		break;
	case SW_TO_UPLINKS:
		sw_flood(b, b->map->n_uplinks, m);
		break;
	case SW_TO_ALL:
		sw_flood(b, b->map->n_ports, m);
		break;
	case SW_DROP:
		b->q->stats.tx_dropped++;
		/* fall through */
	case SW_TO_NOBODY:
		rte_pktmbuf_free(m);
		break;
	}
}

void
sw_forward(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct sw_burst b;

	sw_burst_begin(&b, q);
	for (uint16_t i = 0; i < n; i++) {
		q->stats.tx_packets++;
		q->stats.tx_bytes += pkts[i]->pkt_len;
		forward_one(&b, pkts[i]);
	}
	sw_burst_end(&b);
}
