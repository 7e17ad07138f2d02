/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "vn_log.h"
#include "vn_mbuf.h"

#include "vn_virtq.h"
#include "vn_virtq_view.h"

#include "tap_private.h"

int
tap_queue_create(struct rte_mempool *pool, struct vn_port_queue **queue)
{
	const uint16_t room = rte_pktmbuf_data_room_size(pool);
	struct vn_port_queue *q;
	uint32_t seg_len, n_seg;

	if (room <= RTE_PKTMBUF_HEADROOM || rte_pktmbuf_priv_size(pool) < sizeof(struct vn_net_hdr))
		return -EINVAL;
	/* One byte more than the largest frame: what is longer shows, as the kernel cuts it. */
	seg_len = room - RTE_PKTMBUF_HEADROOM;
	n_seg = VN_MAX_FRAME / seg_len + 1;
	if (n_seg > IOV_MAX - 1)
		return -EINVAL;

	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	q->seg = calloc(n_seg, sizeof(q->seg[0]));
	q->iov = calloc(n_seg + 1, sizeof(q->iov[0]));
	if (q->seg == NULL || q->iov == NULL) {
		tap_queue_free(q);
		return -ENOMEM;
	}
	q->pool = pool;
	q->fd = -1;
	q->seg_len = seg_len;
	q->fill_min = TAP_FILL_MIN;
	q->n_seg = (uint16_t)n_seg;
	q->missing = (uint16_t)n_seg;
	*queue = q;
	return 0;
}

void
tap_queue_free(struct vn_port_queue *q)
{
	for (uint16_t i = q->missing; i < q->n_seg; i++)
		rte_pktmbuf_free_seg(q->seg[i]);
	free(q->seg);
	free(q->iov);
	free(q);
}

/* Replace the mbufs that the last frame took. */
static bool
refill(struct vn_port_queue *q)
{
	if (rte_pktmbuf_alloc_bulk(q->pool, q->seg, q->missing) != 0)
		return false;
	for (uint16_t i = 0; i < q->missing; i++) {
		q->iov[i + 1].iov_base = rte_pktmbuf_mtod(q->seg[i], void *);
		q->iov[i + 1].iov_len = q->seg_len;
	}
	q->iov[0].iov_base = vn_mbuf_hdr(q->seg[0]);
	q->iov[0].iov_len = VN_NET_HDR_LEN;
	q->missing = 0;
	return true;
}

/* Take the first mbufs of seg[], which hold a frame of @p len bytes. */
static struct rte_mbuf *
take(struct vn_port_queue *q, uint32_t len)
{
	struct rte_mbuf *const first = q->seg[0];
	struct rte_mbuf **link = &first->next;
	uint32_t left = len;
	uint16_t n;

	for (n = 0; left > 0; n++) {
		struct rte_mbuf *const m = q->seg[n];
		const uint32_t part = RTE_MIN(left, q->seg_len);

		m->data_len = (uint16_t)part;
		left -= part;
		if (n > 0) {
			*link = m;
			link = &m->next;
		}
	}
	*link = NULL;
	first->nb_segs = n;
	first->pkt_len = len;
	q->missing = n;
	return first;
}

void
tap_read_failed(struct vn_port_queue *q, int err)
{
	if (err == EAGAIN)
		return;
	if (err != EBADFD || !q->gone)
		q->stats.rx_errors++;
	q->gone = err == EBADFD;
}

uint16_t
tap_rx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	const uint32_t accept = __atomic_load_n(q->accept, __ATOMIC_RELAXED);
	uint16_t got = 0;
	ssize_t len;

	/* Bad frames are passed over, but not for ever: the rest shows on the descriptor. */
	for (uint32_t i = 0; got < n && i < 2u * n; i++) {
		if (unlikely(q->missing > 0 && !refill(q))) {
			q->stats.rx_no_mbuf++;
			break;
		}
		len = readv(q->fd, q->iov, q->n_seg + 1);
		if (len < 0) {
			tap_read_failed(q, errno);
			break;
		}
		if (unlikely(len < VN_NET_HDR_LEN ||
			     !vn_port_hdr_ok(vn_mbuf_hdr(q->seg[0]), (uint32_t)len - VN_NET_HDR_LEN,
				     accept))) {
			q->stats.rx_errors++;
			continue;
		}
		len -= VN_NET_HDR_LEN;
		q->last_len = (uint32_t)len;
		pkts[got++] = take(q, (uint32_t)len);
		q->stats.rx_bytes += (uint64_t)len;
	}
	q->stats.rx_packets += got;
	return got;
}

static bool
send_one(int fd, struct rte_mbuf *pkt)
{
	struct iovec iov[IOV_MAX];
	const struct rte_mbuf *m;
	unsigned int n = 0;

	iov[n].iov_base = vn_mbuf_hdr(pkt);
	iov[n++].iov_len = VN_NET_HDR_LEN;
	for (m = pkt; m != NULL; m = m->next) {
		if (n == IOV_MAX)
			return false;
		iov[n].iov_base = rte_pktmbuf_mtod(m, void *);
		iov[n++].iov_len = m->data_len;
	}
	return writev(fd, iov, (int)n) == (ssize_t)(pkt->pkt_len + VN_NET_HDR_LEN);
}

void
tap_tx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (likely(send_one(q->fd, pkts[i]))) {
			q->stats.tx_packets++;
			q->stats.tx_bytes += pkts[i]->pkt_len;
		} else {
			q->stats.tx_dropped++;
		}
	}
	vn_mbuf_free_bulk(pkts, n);
}

/* A frame in more pieces than a call takes. */
static __rte_noinline bool
send_crumbs(int fd, const struct vn_view *view)
{
	uint8_t flat[VN_NET_HDR_LEN + VN_MAX_FRAME];
	uint32_t len = VN_NET_HDR_LEN;

	memcpy(flat, &view->hdr, len);
	memcpy(flat + len, view->head, view->head_len);
	len += view->head_len;
	for (uint32_t i = 0; i < view->n_segs; i++) {
		memcpy(flat + len, view->seg[i].ptr, view->seg[i].len);
		len += (uint32_t)view->seg[i].len;
	}
	return write(fd, flat, len) == (ssize_t)len;
}

/*
 * The header and what decides were checked in private memory; the kernel reads the rest where the
 * driver has it, once. Memory that is gone is an error of the call.
 */
static bool
send_view(int fd, const struct vn_view *view)
{
	struct iovec iov[IOV_MAX];
	int n = 2;

	if (unlikely(view->n_segs > IOV_MAX - 2))
		return send_crumbs(fd, view);
	iov[0].iov_base = (void *)(uintptr_t)&view->hdr;
	iov[0].iov_len = VN_NET_HDR_LEN;
	iov[1].iov_base = (void *)(uintptr_t)view->head;
	iov[1].iov_len = view->head_len;
	for (uint32_t i = 0; i < view->n_segs; i++, n++) {
		iov[n].iov_base = (void *)(uintptr_t)view->seg[i].ptr;
		iov[n].iov_len = view->seg[i].len;
	}
	return writev(fd, iov, n) == (ssize_t)(view->len + VN_NET_HDR_LEN);
}

uint16_t
tap_tx_views(struct vn_port_queue *q, struct vn_virtq *tx, uint16_t n)
{
	struct vn_view view;
	uint16_t i;

	for (i = 0; i < n && vn_virtq_view(tx, &view); i++) {
		if (likely(send_view(q->fd, &view))) {
			q->stats.tx_packets++;
			q->stats.tx_bytes += view.len;
		} else {
			q->stats.tx_dropped++;
		}
	}
	return i;
}
