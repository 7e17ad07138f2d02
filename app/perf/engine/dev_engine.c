/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The device side that is ours: lib/virtq, called as lib/poller does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_mbuf.h>

#include "dev.h"
#include "vn_blackbox.h"
#include "vn_features.h"
#include "vn_guestmem.h"
#include "vn_mbuf.h"
#include "vn_net_hdr.h"
#include "vn_virtq.h"
#include "vn_virtq_view.h"

struct side {
	struct vn_guestmem *mem;
	struct vn_virtq *vq[2]; /* rx, tx */
	struct vn_virtq_stats stats[2];
	struct vn_bb_ring bb[2];
};

struct dev_priv {
	struct vn_gm_registry *reg;
	struct side side[MAX_GUESTS];
};

#define RX 0
#define TX 1

static int
make_ring(struct dev *d, unsigned int i, int q)
{
	struct side *s = &d->priv->side[i];
	const struct guest *g = &d->guest[i];
	struct vn_virtq_conf conf = {
		.size = q == RX ? g->rx.size : g->tx.size,
		.is_rx = q == RX,
		.start = g->c.path->packed ? 0x8000 : 0,
		.features = case_features(&g->c),
		.desc_gpa = g->desc_gpa[q],
		.avail_gpa = g->driver_gpa[q],
		.used_gpa = g->device_gpa[q],
		.mem = s->mem,
		.call_fd = -1,
		.bb = &s->bb[q],
		.count_sizes = d->count_sizes,
		.stats = &s->stats[q],
	};
	int err;

	vn_virtq_free(s->vq[q]);
	s->vq[q] = NULL;
	vn_bb_ring_start(&s->bb[q], conf.features & VN_F_RING_PACKED, conf.size, conf.desc_gpa,
		conf.used_gpa, conf.start);
	err = vn_virtq_create(&conf, &s->vq[q]);
	if (err == 0)
		vn_virtq_disarm(s->vq[q]);
	return err;
}

static int
engine_reset(struct dev *d)
{
	int err = 0;

	for (unsigned int i = 0; i < d->num_guests && err == 0; i++) {
		err = make_ring(d, i, RX);
		if (err == 0)
			err = make_ring(d, i, TX);
	}
	return err;
}

static int
attach(struct dev *d, unsigned int i)
{
	const struct guest *g = &d->guest[i];
	struct vn_gm_region region = {.gpa = GUEST_GPA, .size = g->size};
	int err;

	err = vn_gm_file_map(d->priv->reg, g->memfd, 0, g->size, false, &region.file);
	if (err < 0)
		return err;
	err = vn_guestmem_create(&region, 1, &d->priv->side[i].mem);
	vn_gm_file_unref(region.file);
	return err;
}

static void
engine_close(struct dev *d)
{
	if (d->priv == NULL)
		return;
	for (unsigned int i = 0; i < d->num_guests; i++) {
		vn_virtq_free(d->priv->side[i].vq[RX]);
		vn_virtq_free(d->priv->side[i].vq[TX]);
		vn_guestmem_unref(d->priv->side[i].mem);
	}
	if (d->priv->reg != NULL)
		vn_gm_registry_destroy(d->priv->reg);
	free(d->priv);
	d->priv = NULL;
}

static int
engine_open(struct dev *d)
{
	int err = 0;

	d->priv = calloc(1, sizeof(*d->priv));
	if (d->priv == NULL)
		return -ENOMEM;
	d->priv->reg = vn_gm_registry_create(MAX_GUESTS);
	if (d->priv->reg == NULL)
		err = -errno;
	for (unsigned int i = 0; i < d->num_guests && err == 0; i++)
		err = attach(d, i);
	if (err == 0) {
		for (unsigned int i = 0; i < d->num_guests; i++)
			guest_reset(&d->guest[i]);
		err = engine_reset(d);
	}
	if (err < 0)
		engine_close(d);
	return err;
}

/* What is done with frames that have been sent or received. */
static inline void
free_frames(const struct dev *d, struct rte_mbuf **pkts, uint16_t n)
{
	if (unlikely(d->app_mbufs))
		rte_pktmbuf_free_bulk(pkts, n);
	else
		vn_mbuf_free_bulk(pkts, n);
}

/* As poll_tx() with a port that frees what it has sent; long frames come a few at a time. */
static inline uint16_t
serve_tx(struct dev *d, struct vn_virtq *vq)
{
	const uint16_t burst = d->guest[0].c.burst;
	struct rte_mbuf *pkts[MAX_BURST];
	uint16_t all = 0, n;

	do {
		n = vn_virtq_dequeue(vq, d->pool, pkts, burst - all);
		if (d->look != NULL)
			d->look(d, pkts, n, false);
		free_frames(d, pkts, n);
		vn_virtq_complete(vq);
		vn_virtq_publish(vq);
		all += n;
	} while (n > 0 && all < burst);
	return all;
}

/* dev_alloc() by the means that lib/ has for it, and the header if there is one, as a port would.
 */
static inline int
alloc_frames(struct dev *d, struct rte_mbuf **pkts, uint32_t len, const struct vn_net_hdr *hdr)
{
	const uint32_t segs = (len + DEV_MBUF_ROOM - 1) / DEV_MBUF_ROOM;
	const uint32_t last = len - (segs - 1) * DEV_MBUF_ROOM;
	struct rte_mbuf *all[MAX_BURST * MAX_SEGS], **m = all;
	const uint32_t burst = d->guest[0].c.burst;
	int err;

	if (unlikely(d->app_mbufs)) {
		err = dev_alloc(d->pool, pkts, burst, len);
		for (unsigned int i = 0; hdr != NULL && err == 0 && i < burst; i++)
			*vn_mbuf_hdr(pkts[i]) = *hdr;
		return err;
	}
	err = vn_mbuf_get_raw(d->pool, all, burst * segs);
	for (unsigned int i = 0; err == 0 && i < burst; i++, m += segs) {
		vn_mbuf_init(m[0], len, segs == 1 ? last : DEV_MBUF_ROOM);
		if (unlikely(hdr != NULL))
			*vn_mbuf_hdr(m[0]) = *hdr;
		if (unlikely(segs > 1))
			m[0]->nb_segs = segs;
		for (uint32_t k = 1; k < segs; k++) {
			const uint32_t part = k + 1 < segs ? DEV_MBUF_ROOM : last;

			vn_mbuf_init(m[k], part, part);
			m[k - 1]->next = m[k];
		}
		pkts[i] = m[0];
	}
	return err;
}

/* As poll_rx() with a port that has a burst. */
static inline uint16_t
serve_rx(struct dev *d, struct vn_virtq *vq)
{
	const uint32_t burst = d->guest[0].c.burst;
	static const struct vn_net_hdr tso = {
		.flags = VN_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VN_NET_HDR_GSO_TCPV4,
		.hdr_len = RTE_LE16(FRAME_L2_LEN + FRAME_L3_LEN + FRAME_L4_LEN),
		.gso_size = RTE_LE16(FRAME_MSS),
		.csum_start = RTE_LE16(FRAME_L2_LEN + FRAME_L3_LEN),
		.csum_offset = RTE_LE16(16),
	};
	const struct frame_kind *k = &d->guest[0].c.size->kind;
	const struct vn_net_hdr *hdr = k->tso ? &tso : NULL;
	struct rte_mbuf *pkts[MAX_BURST];
	uint16_t n;

	if (alloc_frames(d, pkts, k->len, hdr) != 0)
		return 0;
	if (d->look != NULL)
		d->look(d, pkts, burst, true);
	n = vn_virtq_enqueue(vq, pkts, burst);
	free_frames(d, pkts, burst);
	vn_virtq_publish(vq);
	return n;
}

static uint16_t
engine_g2d(struct dev *d)
{
	struct side *s = &d->priv->side[0];
	const uint16_t n = serve_tx(d, s->vq[TX]);

	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	vn_virtq_interrupt(s->vq[TX]);
	return n;
}

static uint16_t
engine_d2g(struct dev *d)
{
	struct side *s = &d->priv->side[0];
	const uint16_t n = serve_rx(d, s->vq[RX]);

	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	vn_virtq_interrupt(s->vq[RX]);
	return n;
}

static uint16_t
engine_both(struct dev *d)
{
	struct side *s = &d->priv->side[0];
	const uint16_t sent = serve_tx(d, s->vq[TX]);
	const uint16_t received = serve_rx(d, s->vq[RX]);

	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	vn_virtq_interrupt(s->vq[RX]);
	vn_virtq_interrupt(s->vq[TX]);
	return RTE_MIN(sent, received);
}

static inline uint16_t
through_mbufs(struct dev *d, struct vn_virtq *tx, struct vn_virtq *rx, uint16_t burst)
{
	struct rte_mbuf *pkts[MAX_BURST];
	const uint16_t got = vn_virtq_dequeue(tx, d->pool, pkts, burst);
	const uint16_t n = vn_virtq_enqueue(rx, pkts, got);

	free_frames(d, pkts, got);
	return n;
}

static inline uint16_t
by_views(struct vn_virtq *tx, struct vn_virtq *rx, uint16_t burst)
{
	struct vn_view view[VN_VIEW_BURST];
	uint16_t n = 0, got, put;

	while (n < burst && (got = vn_virtq_views(tx, view, burst - n)) > 0) {
		for (put = 0; put < got && vn_virtq_view_fits(rx, &view[put]) != VN_VIEW_SEGMENT;)
			put++;
		put = vn_virtq_put_views(rx, view, put);
		n += put;
		if (put < got)
			break;
	}
	return n;
}

/* As a port does that puts views into sinks: frames that the receiver cannot take are dropped. */
static uint16_t
engine_d2d(struct dev *d)
{
	struct vn_virtq *tx = d->priv->side[0].vq[TX], *rx = d->priv->side[1].vq[RX];
	const uint16_t burst = d->guest[0].c.burst;
	uint16_t all = 0, n;

	/* As serve_tx(): a poller would come back for what is more than its bytes in one round. */
	do {
		n = d->through_mbufs ? through_mbufs(d, tx, rx, burst - all)
				     : by_views(tx, rx, burst - all);
		vn_virtq_complete(tx);
		vn_virtq_publish(tx);
		vn_virtq_publish(rx);
		all += n;
	} while (n > 0 && all < burst);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	vn_virtq_interrupt(rx);
	vn_virtq_interrupt(tx);
	return all;
}

const struct dev_ops dev_engine_ops = {
	.name = "dpdk-virtnet",
	.open = engine_open,
	.close = engine_close,
	.reset = engine_reset,
	.round =
		{
			[DIR_G2D] = engine_g2d,
			[DIR_D2G] = engine_d2g,
			[DIR_BOTH] = engine_both,
			[DIR_D2D] = engine_d2d,
		},
};
