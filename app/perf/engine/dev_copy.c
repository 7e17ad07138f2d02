/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The limit: memcpy() of the same bytes, from and to the same places, and nothing else. What is
 * where is known beforehand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dev.h"

#define HDR_LEN   12u
#define MAX_MBUFS (MAX_BURST * ((FRAME_MAX + DEV_MBUF_ROOM - 1) / DEV_MBUF_ROOM))

struct move {
	uint8_t *dst;
	const uint8_t *src;
	uint32_t len;
};

/* What is copied for each of so many frames, over and over again. */
struct plan {
	uint32_t frames, pos;
	uint32_t *first; /* frames + 1 */
	struct move *move;
};

struct dev_priv {
	struct rte_mbuf *mbuf[MAX_MBUFS];
	uint32_t num_mbufs;
	struct plan plan[2]; /* from a guest, and to it or another */
};

/* A frame's bytes in some memory: its pieces. */
struct place {
	uint32_t n;
	struct drv_piece piece[2 * DRV_MAX_PIECES];
};

static void
add(struct place *p, uint8_t *ptr, uint32_t len)
{
	p->piece[p->n++] = (struct drv_piece){.ptr = ptr, .len = len};
}

static void
in_guest(struct place *p, const struct drv_ring *r, uint32_t first, uint32_t chains)
{
	uint32_t skip = HDR_LEN;

	p->n = 0;
	for (uint32_t i = 0; i < chains; i++) {
		const struct drv_chain *c = &r->chain[(first + i) % r->num_chains];

		for (uint32_t k = 0; k < c->n; k++) {
			if (c->piece[k].len > skip)
				add(p, c->piece[k].ptr + skip, c->piece[k].len - skip);
			skip -= RTE_MIN(skip, c->piece[k].len);
		}
	}
}

static void
in_mbufs(struct place *p, const struct dev *d, uint32_t frame)
{
	const uint32_t segs = d->priv->num_mbufs / MAX_BURST;

	p->n = 0;
	for (uint32_t i = 0; i < segs; i++)
		add(p, rte_pktmbuf_mtod(d->priv->mbuf[frame % MAX_BURST * segs + i], uint8_t *),
			DEV_MBUF_ROOM);
}

static uint32_t
plan_frame(struct move *move, const struct place *to, const struct place *from, uint32_t len)
{
	uint32_t n = 0, t = 0, f = 0, t_off = 0, f_off = 0;

	while (len > 0) {
		const uint32_t part =
			RTE_MIN(len, RTE_MIN(to->piece[t].len - t_off, from->piece[f].len - f_off));

		move[n++] =
			(struct move){to->piece[t].ptr + t_off, from->piece[f].ptr + f_off, part};
		len -= part;
		t_off += part;
		f_off += part;
		if (t_off == to->piece[t].len) {
			t++;
			t_off = 0;
		}
		if (f_off == from->piece[f].len) {
			f++;
			f_off = 0;
		}
	}
	return n;
}

/* @p tx, @p rx: the rings, or NULL for mbufs. */
static int
make_plan(struct dev *d, struct plan *p, const struct guest *tx, const struct guest *rx)
{
	const uint32_t len = d->guest[0].c.size->kind.len;
	struct place to, from;
	uint32_t n = 0;

	p->frames = MAX_BURST;
	if (tx != NULL)
		p->frames = RTE_MAX(p->frames, tx->tx.num_chains);
	if (rx != NULL)
		p->frames = RTE_MAX(p->frames, rx->rx.num_chains);
	p->pos = 0;
	p->first = calloc(p->frames + 1, sizeof(p->first[0]));
	p->move = calloc((size_t)p->frames * 2 * DRV_MAX_PIECES, sizeof(p->move[0]));
	if (p->first == NULL || p->move == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->frames; i++) {
		if (tx != NULL)
			in_guest(&from, &tx->tx, i, 1);
		else
			in_mbufs(&from, d, i);
		if (rx != NULL)
			in_guest(&to, &rx->rx, i * rx->rx_buffers, rx->rx_buffers);
		else
			in_mbufs(&to, d, i);
		p->first[i] = n;
		n += plan_frame(&p->move[n], &to, &from, len);
	}
	p->first[p->frames] = n;
	return 0;
}

static void
copy_close(struct dev *d)
{
	if (d->priv == NULL)
		return;
	rte_pktmbuf_free_bulk(d->priv->mbuf, d->priv->num_mbufs);
	for (int i = 0; i < 2; i++) {
		free(d->priv->plan[i].first);
		free(d->priv->plan[i].move);
	}
	free(d->priv);
	d->priv = NULL;
}

static int
copy_open(struct dev *d)
{
	const uint32_t len = d->guest[0].c.size->kind.len;
	const uint32_t n = MAX_BURST * ((len + DEV_MBUF_ROOM - 1) / DEV_MBUF_ROOM);
	int err;

	d->priv = calloc(1, sizeof(*d->priv));
	if (d->priv == NULL)
		return -ENOMEM;
	err = rte_pktmbuf_alloc_bulk(d->pool, d->priv->mbuf, n);
	if (err == 0) {
		d->priv->num_mbufs = n;
		if (d->num_guests == 2) {
			err = make_plan(d, &d->priv->plan[0], &d->guest[0], &d->guest[1]);
		} else {
			err = make_plan(d, &d->priv->plan[0], &d->guest[0], NULL);
			if (err == 0)
				err = make_plan(d, &d->priv->plan[1], NULL, &d->guest[0]);
		}
	}
	if (err < 0)
		copy_close(d);
	return err;
}

static int
copy_reset(struct dev *d)
{
	d->priv->plan[0].pos = d->priv->plan[1].pos = 0;
	return 0;
}

static inline uint16_t
execute(const struct dev *d, struct plan *p)
{
	const uint32_t burst = d->guest[0].c.burst;

	for (uint32_t i = 0; i < burst; i++, p->pos = (p->pos + 1) % p->frames) {
		const struct move *m = &p->move[p->first[p->pos]];
		const struct move *end = &p->move[p->first[p->pos + 1]];

		for (; m < end; m++)
			memcpy(m->dst, m->src, m->len);
	}
	return burst;
}

static uint16_t
copy_first(struct dev *d)
{
	return execute(d, &d->priv->plan[0]);
}

static uint16_t
copy_second(struct dev *d)
{
	return execute(d, &d->priv->plan[1]);
}

static uint16_t
copy_both(struct dev *d)
{
	execute(d, &d->priv->plan[0]);
	return execute(d, &d->priv->plan[1]);
}

const struct dev_ops dev_copy_ops = {
	.name = "memcpy",
	.no_rings = true,
	.open = copy_open,
	.close = copy_close,
	.reset = copy_reset,
	.round =
		{
			[DIR_G2D] = copy_first,
			[DIR_D2G] = copy_second,
			[DIR_BOTH] = copy_both,
			[DIR_D2D] = copy_first,
		},
};
