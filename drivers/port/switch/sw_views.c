/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames straight from a driver's buffers: into those of another driver that this poller serves as
 * well, with one copy, or into mbufs where that is not possible.
 */
#include <string.h>

#include "sw_forward.h"
#include "vn_virtq_view.h"

/* Copies frames from pieces to mbufs. */
struct writer {
	struct rte_mempool *pool;
	struct rte_mbuf *first, *last;
};

static bool
append(struct writer *w, const uint8_t *from, uint64_t len)
{
	while (len > 0) {
		uint16_t room = w->last != NULL ? rte_pktmbuf_tailroom(w->last) : 0;

		if (room == 0) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);

			if (m == NULL)
				return false;
			if (w->first == NULL) {
				w->first = m;
			} else {
				w->last->next = m;
				w->first->nb_segs++;
			}
			w->last = m;
			room = rte_pktmbuf_tailroom(m);
		}
		room = (uint16_t)RTE_MIN(room, len);
		memcpy(rte_pktmbuf_mtod_offset(w->last, uint8_t *, w->last->data_len), from, room);
		w->last->data_len += room;
		w->first->pkt_len += room;
		from += room;
		len -= room;
	}
	return true;
}

static struct rte_mbuf *
copy_view(const struct vn_view *view, struct rte_mempool *pool)
{
	struct writer w = {.pool = pool};
	bool ok = append(&w, view->head, view->head_len);

	for (uint32_t i = 0; ok && i < view->n_segs; i++)
		ok = append(&w, view->seg[i].ptr, view->seg[i].len);
	if (!ok) {
		rte_pktmbuf_free(w.first);
		return NULL;
	}
	memset(rte_mbuf_to_priv(w.first), 0, VN_MBUF_PRIV_SIZE);
	memcpy(vn_mbuf_hdr(w.first), &view->hdr, sizeof(view->hdr));
	return w.first;
}

/* Frames for it are on their way, which must come first. */
static bool
has_older(const struct sw_burst *b, const struct vn_port_queue *to)
{
	for (uint16_t i = 0; i < b->n_out; i++) {
		if (b->out[i].q == to && b->out[i].n > 0)
			return true;
	}
	return !rte_ring_empty(to->ring);
}

/* From driver to driver. @return how many, from the first on; the others cannot be now. */
static uint16_t
direct(struct sw_burst *b, const struct vn_port *port, const struct vn_view *views, uint16_t n)
{
	struct vn_port_queue *to = sw_queue_of(b, port);
	uint64_t bytes = 0;
	uint16_t done;

	/* Only one's own poller's sink may be looked at: it may take it back at any time. */
	if (to == NULL || b->owner == NULL ||
		__atomic_load_n(&to->owner, __ATOMIC_RELAXED) != b->owner || has_older(b, to))
		return 0;
	done = to->sink->put(to->sink, views, n);
	for (uint16_t i = 0; i < done; i++)
		bytes += views[i].len;
	to->stats.rx_packets += done;
	to->stats.rx_bytes += bytes;
	b->stats->direct += done;
	return done;
}

static void
by_mbuf(struct sw_burst *b, enum sw_verdict verdict, struct vn_port *to, const struct vn_view *view)
{
	struct rte_mbuf *m = copy_view(view, b->q->pool);

	if (unlikely(m == NULL))
		b->stats->no_mbuf++;
	else if (verdict == SW_TO_PORT)
		sw_give(b, to, m);
	else
		sw_flood(b, verdict == SW_TO_ALL ? b->map->n_ports : b->map->n_uplinks, m);
}

/* Frames for one port, in order. */
static void
to_port(struct sw_burst *b, struct vn_port *port, const struct vn_view *views, uint16_t n)
{
	for (uint16_t i = direct(b, port, views, n); i < n; i++)
		by_mbuf(b, SW_TO_PORT, port, &views[i]);
}

void
sw_forward_views(struct sw_burst *b, const struct vn_view *views, uint16_t n)
{
	enum sw_verdict verdict[VN_VIEW_BURST];
	struct vn_port *to[VN_VIEW_BURST];
	uint64_t bytes = 0;
	uint16_t same;

	for (uint16_t i = 0; i < n; i++) {
		bytes += views[i].len;
		verdict[i] = sw_decide(b, views[i].head, views[i].len, &to[i]);
	}
	b->q->stats.tx_packets += n;
	b->q->stats.tx_bytes += bytes;
	for (uint16_t i = 0; i < n; i += same) {
		same = 1;
		switch (verdict[i]) {
		case SW_TO_PORT:
			/* Those that follow one another to the same one go together. */
			while (i + same < n && verdict[i + same] == SW_TO_PORT &&
				to[i + same] == to[i])
				same++;
			to_port(b, to[i], &views[i], same);
			break;
		case SW_TO_UPLINKS:
		case SW_TO_ALL:
			by_mbuf(b, verdict[i], NULL, &views[i]);
			break;
		case SW_DROP:
			b->q->stats.tx_dropped++;
			break;
		case SW_TO_NOBODY:
			break;
		}
	}
}

uint16_t
sw_tx_views(struct vn_port_queue *q, struct vn_virtq *tx, uint16_t n)
{
	struct vn_view views[VN_VIEW_BURST];
	struct sw_burst b;
	uint16_t all = 0, got;

	sw_burst_begin(&b, q);
	while (all < n && (got = vn_virtq_views(tx, views, n - all)) > 0) {
		sw_forward_views(&b, views, got);
		all += got;
	}
	sw_burst_end(&b);
	return all;
}
