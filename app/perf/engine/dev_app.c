/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The application's side of a device, the same for both: its frames.
 */
#include <errno.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dev.h"
#include "vn_net_hdr.h"

#define POOL_MBUFS 4095
#define POOL_CACHE 512

static void
fill_mbuf(struct rte_mempool *pool, void *arg, void *obj, unsigned int i)
{
	static const struct frame_kind kind = {.len = DEV_MBUF_ROOM};
	struct rte_mbuf *m = obj;

	(void)pool;
	(void)arg;
	memset(rte_mbuf_to_priv(m), 0, VN_MBUF_PRIV_SIZE);
	frame_write(&kind, i, 0, rte_pktmbuf_mtod(m, uint8_t *), DEV_MBUF_ROOM);
}

struct rte_mempool *
dev_pool_create(const char *name)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, POOL_MBUFS, POOL_CACHE,
		VN_MBUF_PRIV_SIZE, RTE_PKTMBUF_HEADROOM + DEV_MBUF_ROOM, SOCKET_ID_ANY);

	if (pool != NULL)
		rte_mempool_obj_iter(pool, fill_mbuf, NULL);
	return pool;
}

int
dev_alloc(struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n, uint32_t len)
{
	const uint32_t segs = (len + DEV_MBUF_ROOM - 1) / DEV_MBUF_ROOM;
	const uint32_t last = len - (segs - 1) * DEV_MBUF_ROOM;
	struct rte_mbuf *all[MAX_BURST * MAX_SEGS];
	struct rte_mbuf **m = segs == 1 ? pkts : all;
	int err = rte_pktmbuf_alloc_bulk(pool, m, n * segs);

	if (err != 0)
		return err;
	for (uint16_t i = 0; i < n; i++, m += segs) {
		for (uint32_t k = 0; k + 1 < segs; k++) {
			m[k]->data_len = DEV_MBUF_ROOM;
			m[k]->next = m[k + 1];
		}
		m[segs - 1]->data_len = last;
		m[0]->pkt_len = len;
		m[0]->nb_segs = segs;
		pkts[i] = m[0];
	}
	return 0;
}

/* The frames of a transmit ring are numbered by its chains. */
static const char *
look_at(const struct dev *d, struct rte_mbuf *m, uint32_t number, bool fill)
{
	const struct frame_kind *k = &d->guest[0].c.size->kind;
	uint32_t off = 0, segs = 0;

	if (m->pkt_len != k->len)
		return "wrong length of a sent frame";
	for (struct rte_mbuf *s = m; s != NULL; s = s->next) {
		uint8_t *p = rte_pktmbuf_mtod(s, uint8_t *);

		if (fill)
			frame_write(k, number, off, p, s->data_len);
		else if (!frame_check(k, number, off, p, s->data_len))
			return "wrong bytes in a sent frame";
		off += s->data_len;
		segs++;
	}
	return off == k->len && segs == m->nb_segs ? NULL : "wrong segments of a sent frame";
}

void
dev_look(struct dev *d, struct rte_mbuf **pkts, uint16_t n, bool fill)
{
	/* With both directions, a round looks at a burst each. */
	uint32_t *frames = &d->frames[fill];

	for (uint16_t i = 0; i < n; i++) {
		const uint32_t numbers = fill ? FRAME_NUMBERS : d->guest[0].tx.num_chains;
		const char *error = look_at(d, pkts[i], (*frames)++ % numbers, fill);

		if (d->error == NULL)
			d->error = error;
	}
}
