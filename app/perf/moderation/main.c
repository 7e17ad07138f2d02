/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What moderation by load is worth with a driver that keeps up: poller and engine as in the
 * program, a driver that works like Linux' (guest.h), and a port that makes frames at a given rate.
 * It is switched off and on in turn, many times in one run; medians are shown.
 *
 *   bench-moderation [--rounds N] [--ms N] [--smoke]
 *
 * Interrupts are counted per thousand frames too, for what else runs on the machine takes frames
 * away from both sides alike. --smoke: one short round, to see that it works.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "guest.h"
#include "vn_loop.h"
#include "vn_net_hdr.h"
#include "vn_poller.h"

#define FRAME      1514
#define MAX_ROUNDS 1000
#define PING_US    5000 /* between frames of an idle device */

/* --- the port: frames at a rate --- */

static struct {
	uint64_t period; /* cycles; 0: none. The main thread sets it */
	uint64_t next;
	struct rte_mempool *pool;
	struct vn_port_stats stats;
} net;

static int
net_fd(struct vn_port_queue *q)
{
	(void)q;
	return -1;
}

static struct rte_mbuf *
frame(uint64_t now)
{
	const struct guest_stamp stamp = {now};
	struct rte_mbuf *m = rte_pktmbuf_alloc(net.pool);
	char *data = m != NULL ? rte_pktmbuf_append(m, FRAME) : NULL;

	if (data == NULL)
		return NULL;
	memset(data, 0xff, GUEST_STAMP_AT);
	memcpy(data + GUEST_STAMP_AT, &stamp, sizeof(stamp));
	memset(vn_mbuf_hdr(m), 0, sizeof(struct vn_net_hdr));
	return m;
}

static uint16_t
net_rx(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	const uint64_t period = __atomic_load_n(&net.period, __ATOMIC_RELAXED);
	const uint64_t now = rte_get_tsc_cycles();
	uint16_t got = 0;

	(void)q;
	if (period == 0)
		return 0;
	/* Who was away for long finds no heap of frames: the network has dropped them. */
	if (now > net.next + n * period || net.next > now + period)
		net.next = now;
	for (; got < n && net.next <= now; net.next += period) {
		pkts[got] = frame(now);
		if (pkts[got] == NULL)
			break;
		got++;
	}
	return got;
}

static void
net_tx(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	(void)q;
	rte_pktmbuf_free_bulk(pkts, n);
}

static const struct vn_port_stats *
net_stats(struct vn_port_queue *q)
{
	(void)q;
	return &net.stats;
}

static const struct vn_port_ops net_ops = {
	.kind = "made",
	.queue_fd = net_fd,
	.queue_stats = net_stats,
	.rx_burst = net_rx,
	.tx_burst = net_tx,
};

/* --- the poller --- */

static struct {
	struct vn_loop *loop;
	struct vn_pollers *pollers;
	struct vn_poll_qp qp;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
	struct guest *guest;
} b;

struct call {
	struct vn_poller_cmd cmd;
	void (*fn)(struct vn_poller *p);
	bool done;
};

static void
exec(struct vn_poller *p, struct vn_poller_cmd *cmd)
{
	((struct call *)cmd)->fn(p);
}

static void
done(struct vn_poller_cmd *cmd)
{
	((struct call *)cmd)->done = true;
}

static void
call(void (*fn)(struct vn_poller *p))
{
	struct call c = {.cmd = {.exec = exec, .done = done}, .fn = fn};

	vn_poller_call(vn_pollers_get(b.pollers, 0), &c.cmd);
	while (!c.done)
		vn_loop_run_once(b.loop, 10);
}

static void
attach(struct vn_poller *p)
{
	vn_poll_qp_attach_port(p, &b.qp, (struct vn_port_queue *)&net);
	vn_poll_qp_attach_ring(p, &b.qp, true, b.vq, VN_KICK_WAKE);
}

static void
detach(struct vn_poller *p)
{
	vn_poll_qp_detach_ring(p, &b.qp, true);
	vn_poll_qp_detach_port(p, &b.qp);
}

static void
dim_on(struct vn_poller *p)
{
	const struct vn_poll_coal coal = {.dim = &b.stats};

	(void)p;
	vn_poll_qp_set_coal(&b.qp, true, &coal);
}

static void
dim_off(struct vn_poller *p)
{
	const struct vn_poll_coal coal = {0};

	(void)p;
	vn_poll_qp_set_coal(&b.qp, true, &coal);
}

static void
on_broken(struct vn_poll_qp *qp)
{
	fprintf(stderr, "bench-moderation: ring broken: %s\n", vn_virtq_broken_why(qp->rx));
	exit(1);
}

/* --- what is measured --- */

enum { FRAMES, INTERRUPTS, PER_1000, WAIT_US, PING, VALUES };

struct series {
	unsigned int n;
	double value[VALUES][MAX_ROUNDS];
};

static void
run_for(uint64_t ms, double pps)
{
	const uint64_t end = vn_now_ns() + VN_MS(ms);

	__atomic_store_n(&net.period, (uint64_t)((double)rte_get_tsc_hz() / pps), __ATOMIC_RELAXED);
	while (vn_now_ns() < end)
		vn_loop_run_once(b.loop, (int)((end - vn_now_ns()) / VN_MS(1)) + 1);
	__atomic_store_n(&net.period, 0, __ATOMIC_RELAXED);
}

static void
turn(struct series *s, bool dim, double pps, uint64_t ms)
{
	const double us = (double)rte_get_tsc_hz() / 1e6;
	uint64_t frames, interrupts, begin;
	double seconds;

	call(dim ? dim_on : dim_off);
	/* It gets as long to find its wait as traffic of minutes does not notice. */
	run_for(ms / 4 + 1, pps);
	guest_waits_begin(b.guest);
	frames = guest_frames(b.guest);
	interrupts = b.stats.interrupts;
	begin = vn_now_ns();
	run_for(ms, pps);
	seconds = (double)(vn_now_ns() - begin) / 1e9;
	frames = guest_frames(b.guest) - frames;
	interrupts = b.stats.interrupts - interrupts;
	s->value[FRAMES][s->n] = (double)frames / seconds;
	s->value[INTERRUPTS][s->n] = (double)interrupts / seconds;
	s->value[PER_1000][s->n] =
		1000.0 * (double)interrupts / (double)RTE_MAX(frames, UINT64_C(1));
	s->value[WAIT_US][s->n] = (double)guest_wait_median(b.guest) / us;
	run_for(2, 1);
	guest_waits_begin(b.guest);
	run_for(ms, 1e6 / PING_US);
	s->value[PING][s->n] = (double)guest_wait_median(b.guest) / us;
	s->n++;
}

static int
by_size(const void *a, const void *c)
{
	const double x = *(const double *)a, y = *(const double *)c;

	return (x > y) - (x < y);
}

static double
median(struct series *s, unsigned int what)
{
	qsort(s->value[what], s->n, sizeof(double), by_size);
	return s->value[what][s->n / 2];
}

static void
measure(unsigned int rounds, uint64_t ms)
{
	static const double rates[] = {20e3, 50e3, 100e3, 200e3, 400e3};
	static struct series off, on;

	printf("%10s %19s %17s %6s %23s %6s %17s %17s\n", "offered", "frames/s", "interrupts/s", "",
		"interrupts/1000 frames", "", "median wait, us", "idle ping, us");
	printf("%10s %9s %9s %8s %8s %6s %11s %11s %6s %8s %8s %8s %8s\n", "frames/s", "off", "on",
		"off", "on", "fewer", "off", "on", "fewer", "off", "on", "off", "on");
	for (unsigned int r = 0; r < RTE_DIM(rates); r++) {
		double a[VALUES], c[VALUES];

		off.n = on.n = 0;
		for (unsigned int i = 0; i < rounds; i++) {
			turn(i % 2 == 0 ? &off : &on, i % 2 != 0, rates[r], ms);
			turn(i % 2 == 0 ? &on : &off, i % 2 == 0, rates[r], ms);
		}
		for (unsigned int v = 0; v < VALUES; v++) {
			a[v] = median(&off, v);
			c[v] = median(&on, v);
		}
		printf("%10.0f %9.0f %9.0f %8.0f %8.0f %5.0f%% %11.1f %11.1f %5.0f%% %8.1f %8.1f "
		       "%8.1f %8.1f\n",
			rates[r], a[FRAMES], c[FRAMES], a[INTERRUPTS], c[INTERRUPTS],
			100 * (a[INTERRUPTS] - c[INTERRUPTS]) / RTE_MAX(a[INTERRUPTS], 1.0),
			a[PER_1000], c[PER_1000],
			100 * (a[PER_1000] - c[PER_1000]) / RTE_MAX(a[PER_1000], 1e-3), a[WAIT_US],
			c[WAIT_US], a[PING], c[PING]);
		fflush(stdout);
	}
}

static int
start(void)
{
	static char args[][40] = {"bench-moderation", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "64", "--lcores", "0@(0-1),1@1", "--log-level=lib.eal:error"};
	const unsigned int lcore = 1;
	/* It must not sleep: it would be woken for a frame by nobody. */
	const struct vn_poller_conf conf = {.idle_spin_us = UINT32_MAX};
	char *argv[RTE_DIM(args) + 1] = {NULL};
	struct vn_virtq_conf vc;

	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		return -1;
	net.pool = rte_pktmbuf_pool_create(
		"frames", 1023, 0, VN_MBUF_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	b.loop = vn_loop_create();
	b.guest = guest_create();
	if (net.pool == NULL || b.loop == NULL || b.guest == NULL ||
		vn_pollers_create(b.loop, &lcore, 1, &conf, &b.pollers) != 0)
		return -1;
	vc = guest_conf(b.guest, &b.stats);
	b.qp.ops = &net_ops;
	b.qp.pool = net.pool;
	b.qp.on_broken = on_broken;
	if (vn_virtq_create(&vc, &b.vq) != 0 || vn_pollers_start(b.pollers) != 0)
		return -1;
	call(attach);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
		{"ms", required_argument, NULL, 'm'}, {"smoke", no_argument, NULL, 's'}, {0}};
	unsigned int rounds = 10;
	uint64_t ms = 200;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'r') {
			rounds = (unsigned int)RTE_MIN(strtoul(optarg, NULL, 10), MAX_ROUNDS / 2ul);
		} else if (o == 'm') {
			ms = strtoul(optarg, NULL, 10);
		} else if (o == 's') {
			rounds = 1;
			ms = 10;
		} else {
			return 2;
		}
	}
	if (start() != 0) {
		fprintf(stderr, "bench-moderation: cannot start\n");
		return 1;
	}
	measure(RTE_MAX(rounds, 1u), RTE_MAX(ms, UINT64_C(1)));
	call(detach);
	vn_pollers_stop(b.pollers);
	rte_eal_wait_lcore(1);
	vn_virtq_free(b.vq);
	vn_loop_destroy(b.loop);
	vn_pollers_destroy(b.pollers);
	guest_destroy(b.guest);
	rte_eal_cleanup();
	return 0;
}
