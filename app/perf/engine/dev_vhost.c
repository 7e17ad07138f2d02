/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The device side that is compared with: rte_vhost's burst API, as an application uses it.
 *
 * It is registered without RTE_VHOST_USER_NET_STATS_ENABLE, which costs it something, and without
 * RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS: so frames that were received with offloads can be given to
 * another device as they are, which an application would have to prepare for that otherwise.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_mbuf.h>
#include <rte_vhost.h>

#include "dev.h"
#include "front_end.h"

/*
 * A socket of rte_vhost's for each guest. They stay: its thread may take a second before it looks
 * at a new one.
 */
struct side {
	char path[64];
	struct front_end fe;
	int vid; /* -1: nobody there; under lock */
};

struct dev_priv {
	struct side side[MAX_GUESTS];
};

#define RX 0
#define TX 1

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char dir[32];
	bool started;
	struct dev_priv priv;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* rte_vhost's callbacks come from its thread, and name their device by its socket. */
static int
set_vid(int vid, int value)
{
	char path[sizeof(all.priv.side[0].path)];

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) != 0)
		return -1;
	pthread_mutex_lock(&all.lock);
	for (int i = 0; i < MAX_GUESTS; i++) {
		if (strcmp(all.priv.side[i].path, path) == 0)
			all.priv.side[i].vid = value;
	}
	pthread_cond_broadcast(&all.changed);
	pthread_mutex_unlock(&all.lock);
	return 0;
}

static int
on_new(int vid)
{
	return set_vid(vid, vid);
}

static void
on_destroy(int vid)
{
	set_vid(vid, -1);
}

static int
wait_vid(struct side *s, bool there)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&all.lock);
	while ((s->vid >= 0) != there && err == 0)
		err = -pthread_cond_timedwait(&all.changed, &all.lock, &until);
	pthread_mutex_unlock(&all.lock);
	return err;
}

static void
stop(void)
{
	for (int i = 0; i < MAX_GUESTS; i++) {
		if (all.priv.side[i].path[0] != '\0')
			rte_vhost_driver_unregister(all.priv.side[i].path);
	}
	if (all.dir[0] != '\0')
		rmdir(all.dir);
}

static int
start(void)
{
	static const struct rte_vhost_device_ops callbacks = {
		.new_device = on_new,
		.destroy_device = on_destroy,
	};

	all.started = true;
	snprintf(all.dir, sizeof(all.dir), "/tmp/vn-bench.XXXXXX");
	if (mkdtemp(all.dir) == NULL) {
		all.dir[0] = '\0';
		return -errno;
	}
	atexit(stop);
	for (unsigned int i = 0; i < MAX_GUESTS; i++) {
		struct side *s = &all.priv.side[i];

		s->fe = (struct front_end){-1, {-1, -1}, {-1, -1}};
		s->vid = -1;
		snprintf(s->path, sizeof(s->path), "%s/%u", all.dir, i);
		if (rte_vhost_driver_register(s->path, 0) != 0) {
			s->path[0] = '\0';
			return -EIO;
		}
		if (rte_vhost_driver_callback_register(s->path, &callbacks) != 0 ||
			rte_vhost_driver_start(s->path) != 0)
			return -EIO;
	}
	return 0;
}

static void
vhost_close(struct dev *d)
{
	if (d->priv == NULL)
		return;
	for (unsigned int i = 0; i < MAX_GUESTS; i++) {
		front_end_close(&d->priv->side[i].fe);
		wait_vid(&d->priv->side[i], false);
	}
	d->priv = NULL;
}

static int
vhost_open(struct dev *d)
{
	int err = all.started ? 0 : start();

	d->priv = &all.priv;
	for (unsigned int i = 0; i < d->num_guests && err == 0; i++) {
		struct side *s = &d->priv->side[i];

		guest_reset(&d->guest[i]);
		err = front_end_open(&s->fe, s->path, &d->guest[i], case_features(&d->guest[i].c));
		if (err == 0)
			err = wait_vid(s, true);
	}
	if (err < 0)
		vhost_close(d);
	return err;
}

static int
vhost_reset(struct dev *d)
{
	for (unsigned int i = 0; i < d->num_guests; i++) {
		const uint16_t base = d->guest[i].c.path->packed ? 0x8000 : 0;

		for (uint16_t q = 0; q < 2; q++) {
			if (rte_vhost_set_vring_base(d->priv->side[i].vid, q, base, base) != 0)
				return -EIO;
		}
	}
	return 0;
}

static inline uint16_t
serve_tx(struct dev *d, int vid)
{
	const uint32_t burst = d->guest[0].c.burst;
	struct rte_mbuf *pkts[MAX_BURST];
	const uint16_t n = rte_vhost_dequeue_burst(vid, TX, d->pool, pkts, burst);

	if (d->look != NULL)
		d->look(d, pkts, n, false);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static inline uint16_t
serve_rx(struct dev *d, int vid)
{
	const uint32_t burst = d->guest[0].c.burst;
	const struct frame_kind *k = &d->guest[0].c.size->kind;
	struct rte_mbuf *pkts[MAX_BURST];
	uint16_t n;

	if (dev_alloc(d->pool, pkts, burst, k->len) != 0)
		return 0;
	for (unsigned int i = 0; k->tso && i < burst; i++) {
		pkts[i]->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4;
		pkts[i]->l2_len = FRAME_L2_LEN;
		pkts[i]->l3_len = FRAME_L3_LEN;
		pkts[i]->l4_len = FRAME_L4_LEN;
		pkts[i]->tso_segsz = FRAME_MSS;
	}
	if (d->look != NULL)
		d->look(d, pkts, burst, true);
	n = rte_vhost_enqueue_burst(vid, RX, pkts, burst);
	rte_pktmbuf_free_bulk(pkts, burst);
	return n;
}

static uint16_t
vhost_g2d(struct dev *d)
{
	return serve_tx(d, d->priv->side[0].vid);
}

static uint16_t
vhost_d2g(struct dev *d)
{
	return serve_rx(d, d->priv->side[0].vid);
}

static uint16_t
vhost_both(struct dev *d)
{
	const uint16_t sent = serve_tx(d, d->priv->side[0].vid);
	const uint16_t received = serve_rx(d, d->priv->side[0].vid);

	return RTE_MIN(sent, received);
}

static uint16_t
vhost_d2d(struct dev *d)
{
	const uint32_t burst = d->guest[0].c.burst;
	struct rte_mbuf *pkts[MAX_BURST];
	const uint16_t got =
		rte_vhost_dequeue_burst(d->priv->side[0].vid, TX, d->pool, pkts, burst);
	const uint16_t n = rte_vhost_enqueue_burst(d->priv->side[1].vid, RX, pkts, got);

	rte_pktmbuf_free_bulk(pkts, got);
	return n;
}

const struct dev_ops dev_vhost_ops = {
	.name = "rte_vhost",
	.open = vhost_open,
	.close = vhost_close,
	.reset = vhost_reset,
	.round =
		{
			[DIR_G2D] = vhost_g2d,
			[DIR_D2G] = vhost_d2g,
			[DIR_BOTH] = vhost_both,
			[DIR_D2D] = vhost_d2d,
		},
};
