/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What idle queue pairs cost a poller, and what its idle policies cost: see doc/performance.md.
 *
 * What a busy pair moves is measured per second of the poller's CPU time, alone and beside idle
 * pairs in turn, every few milliseconds, so that other work on the machine changes both alike. Its
 * driver works in the poller's thread: it makes available what was given back.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "ring.h"
#include "vn_net_hdr.h"

#define MAX_ROUNDS 10000
#define WAIT_NS    VN_SEC(30)

static struct {
	unsigned int idle;     /* idle pairs */
	unsigned int rounds;   /* of each comparison */
	unsigned int slice_ms; /* each of its halves */
	unsigned int cpu_ms;   /* CPU use is looked at so long */
	unsigned int wakes;    /* wake-ups of each kind */
} opt = {.idle = 1000, .rounds = 100, .slice_ms = 5, .cpu_ms = 1000, .wakes = 1000};

static struct rte_mempool *pool;

/* A poller, and the loop of the control thread. */
struct bench {
	struct vn_loop *loop;
	struct vn_pollers *pollers;
	struct vn_poller *poller;
	const struct vn_poller_stats *stats;
	clockid_t clock; /* of its thread */
};

struct call {
	struct vn_poller_cmd cmd;
	void (*fn)(struct vn_poller *poller, void *arg);
	void *arg;
	bool done;
};

static void
fatal(const char *what)
{
	fprintf(stderr, "idle: %s\n", what);
	exit(1);
}

static void
exec(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct call *c = (struct call *)cmd;

	c->fn(poller, c->arg);
}

static void
done(struct vn_poller_cmd *cmd)
{
	((struct call *)cmd)->done = true;
}

/* Have the poller do it, and wait. */
static void
call(struct bench *b, void (*fn)(struct vn_poller *poller, void *arg), void *arg)
{
	struct call c = {.cmd = {.exec = exec, .done = done}, .fn = fn, .arg = arg};
	const uint64_t end = vn_now_ns() + WAIT_NS;

	vn_poller_call(b->poller, &c.cmd);
	while (!c.done) {
		if (vn_now_ns() > end)
			fatal("the poller does not answer");
		vn_loop_run_once(b->loop, 10);
	}
}

static void
find_clock(struct vn_poller *p, void *arg)
{
	(void)p;
	if (pthread_getcpuclockid(pthread_self(), arg) != 0)
		fatal("the poller's CPU time cannot be read");
}

static void
begin(struct bench *b, enum vn_idle_policy policy, uint32_t cold_us)
{
	const struct vn_poller_conf conf = {
		.idle_spin_us = 20, .idle_cold_us = cold_us, .idle_policy = policy};
	const unsigned int lcore = rte_get_next_lcore(-1, 1, 0);

	b->loop = vn_loop_create();
	if (b->loop == NULL || vn_pollers_create(b->loop, &lcore, 1, &conf, &b->pollers) != 0 ||
		vn_pollers_start(b->pollers) != 0)
		fatal("no poller");
	b->poller = vn_pollers_get(b->pollers, 0);
	b->stats = vn_poller_stats(b->poller);
	call(b, find_clock, &b->clock);
}

static void
end(struct bench *b)
{
	vn_pollers_stop(b->pollers);
	rte_eal_mp_wait_lcore();
	vn_loop_destroy(b->loop);
	vn_pollers_destroy(b->pollers);
}

static void
attach_all(struct vn_poller *p, void *arg)
{
	struct pairs *ps = arg;

	for (unsigned int i = 0; i < ps->n; i++)
		pair_attach(p, &ps->pair[i]);
}

static void
detach_all(struct vn_poller *p, void *arg)
{
	struct pairs *ps = arg;

	for (unsigned int i = 0; i < ps->n; i++)
		pair_detach(p, &ps->pair[i]);
}

/* CPU time of the poller, in nanoseconds. A command for it would have it look at all pairs. */
static uint64_t
cpu_time(const struct bench *b)
{
	struct timespec ts;

	clock_gettime(b->clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
sleep_us(unsigned int us)
{
	const struct timespec ts = {
		.tv_sec = us / US_PER_S, .tv_nsec = (long)(us % US_PER_S) * 1000};

	nanosleep(&ts, NULL);
}

/* Until there are so many cold pairs: what has just come is hot first. */
static void
wait_cold(struct bench *b, unsigned int n)
{
	const uint64_t end = vn_now_ns() + WAIT_NS;

	while (__atomic_load_n(&b->stats->cold_pairs, __ATOMIC_RELAXED) != n) {
		if (vn_now_ns() > end)
			fatal("idle pairs do not go cold");
		sleep_us(500);
	}
}

/* Frames of @p pair per microsecond of the poller's CPU time. */
static double
speed(struct bench *b, const struct pair *pair)
{
	const uint64_t slice = opt.slice_ms * VN_MS(1);
	uint64_t before, after, frames;

	before = cpu_time(b);
	frames = __atomic_load_n(&pair->sent, __ATOMIC_ACQUIRE);
	/* Others may have the CPU meanwhile. */
	for (unsigned int i = 0; i < 100; i++) {
		sleep_us(opt.slice_ms * 1000);
		after = cpu_time(b);
		if (after - before >= slice)
			break;
	}
	frames = __atomic_load_n(&pair->sent, __ATOMIC_ACQUIRE) - frames;
	return after > before ? (double)frames * 1000 / (double)(after - before) : 0;
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
at(const double *sorted, unsigned int n, unsigned int percent)
{
	return sorted[(size_t)(n - 1) * percent / 100];
}

/* One line: a busy pair alone, and beside idle ones. */
static void
compare(const char *what, enum told told, uint32_t cold_us)
{
	static double alone[MAX_ROUNDS], beside[MAX_ROUNDS], ratio[MAX_ROUNDS];
	struct bench b;
	struct pairs busy, idle;
	uint64_t hot = 0, cold = 0;

	begin(&b, VN_IDLE_SLEEP, cold_us);
	if (pairs_create(&busy, 1, TOLD_BY_FD, pool) != 0 ||
		pairs_create(&idle, opt.idle, told, pool) != 0)
		fatal("no memory, or too few descriptors (ulimit -n)");
	busy.pair[0].endless = true;
	busy.pair[0].avail->idx = RING_SIZE;
	call(&b, attach_all, &busy);
	for (unsigned int i = 0; i < opt.rounds; i++) {
		wait_cold(&b, 0);
		alone[i] = speed(&b, &busy.pair[0]);
		call(&b, attach_all, &idle);
		wait_cold(&b, cold_us != 0 ? opt.idle : 0);
		beside[i] = speed(&b, &busy.pair[0]);
		hot = __atomic_load_n(&b.stats->hot_pairs, __ATOMIC_RELAXED);
		cold = __atomic_load_n(&b.stats->cold_pairs, __ATOMIC_RELAXED);
		ratio[i] = alone[i] > 0 ? beside[i] / alone[i] : 0;
		call(&b, detach_all, &idle);
	}
	call(&b, detach_all, &busy);
	end(&b);
	if (hot + cold != opt.idle + 1)
		fatal("pairs are missing");
	if (busy.pair[0].sent == 0 || busy.pair[0].stats.packets != busy.pair[0].sent)
		fatal("frames are missing");
	qsort(alone, opt.rounds, sizeof(alone[0]), by_value);
	qsort(beside, opt.rounds, sizeof(beside[0]), by_value);
	qsort(ratio, opt.rounds, sizeof(ratio[0]), by_value);
	printf("%-34s %8.2f %8.2f %8.3f %8.3f %8.3f %6ju\n", what, at(alone, opt.rounds, 50),
		at(beside, opt.rounds, 50), at(ratio, opt.rounds, 50), at(ratio, opt.rounds, 10),
		at(ratio, opt.rounds, 90), (uintmax_t)hot);
	fflush(stdout);
	pairs_destroy(&busy);
	pairs_destroy(&idle);
}

/* A frame is sent after the pair was idle for @p gap_us. @return microseconds to the port. */
static double
wake_up(struct bench *b, struct pair *pair, unsigned int gap_us, unsigned int *asked)
{
	const uint64_t sent = pair->sent, until = vn_now_ns() + WAIT_NS;
	uint64_t start, got;

	sleep_us(gap_us);
	__atomic_store_n(&pair->got_first, 0, __ATOMIC_RELEASE);
	start = rte_get_tsc_cycles();
	*asked += pair_send(b->poller, pair);
	while ((got = __atomic_load_n(&pair->got_first, __ATOMIC_ACQUIRE)) == 0) {
		if (vn_now_ns() > until)
			fatal("a notification is lost");
		/* On one CPU the poller has to run. */
		sched_yield();
	}
	while (__atomic_load_n(&pair->sent, __ATOMIC_ACQUIRE) == sent)
		sched_yield();
	return (double)(int64_t)(got - start) * US_PER_S / (double)rte_get_tsc_hz();
}

/* One line: CPU time of a poller with nothing to do, and how long until it does something. */
static void
policy_line(const char *what, enum vn_idle_policy policy, uint32_t cold_us, enum told told,
	unsigned int gap_us)
{
	static double us[MAX_ROUNDS];
	struct bench b;
	struct pairs ps;
	unsigned int asked = 0;
	uint64_t before, after, t0;
	double cpu;

	begin(&b, policy, cold_us);
	if (pairs_create(&ps, opt.idle, told, pool) != 0)
		fatal("no memory, or too few descriptors (ulimit -n)");
	call(&b, attach_all, &ps);
	sleep_us(20000);
	t0 = vn_now_ns();
	before = cpu_time(&b);
	sleep_us(opt.cpu_ms * 1000);
	after = cpu_time(&b);
	cpu = (double)(after - before) * 100 / (double)(vn_now_ns() - t0);
	for (unsigned int i = 0; i < opt.wakes; i++)
		us[i] = wake_up(&b, &ps.pair[i % 7 % ps.n], gap_us, &asked);
	call(&b, detach_all, &ps);
	end(&b);
	qsort(us, opt.wakes, sizeof(us[0]), by_value);
	printf("%-34s %8.1f %8.1f %8.1f %8.1f %8.0f\n", what, cpu, at(us, opt.wakes, 50),
		at(us, opt.wakes, 90), at(us, opt.wakes, 99), asked * 100.0 / opt.wakes);
	fflush(stdout);
	pairs_destroy(&ps);
}

static void
run(void)
{
	const uint32_t cold = VN_IDLE_COLD_US;

	printf("A busy pair alone and beside %u idle ones, by how those are notified of; %u rounds "
	       "of "
	       "2 x %u ms\n",
		opt.idle, opt.rounds, opt.slice_ms);
	printf("%-34s %8s %8s %8s %8s %8s %6s\n", "", "alone", "beside", "ratio", "p10", "p90",
		"hot");
	printf("%-34s %17s\n", "", "frames/us of CPU");
	compare("eventfd (vhost-user)", TOLD_BY_FD, cold);
	compare("message (vfio-user)", TOLD_BY_WAKE, cold);
	compare("not at all (doorbell page)", TOLD_BY_NONE, cold);
	compare("eventfd, --idle-cold-us 0", TOLD_BY_FD, 0);

	printf("\nA poller with %u idle pairs: CPU use, and from a driver's notification to the "
	       "first "
	       "frame in the port; %u times\n",
		opt.idle, opt.wakes);
	printf("%-34s %8s %8s %8s %8s %8s\n", "policy, idle before for", "CPU %", "p50 us",
		"p90 us", "p99 us", "kicks %");
	policy_line("sleep, 3 ms", VN_IDLE_SLEEP, cold, TOLD_BY_FD, 3000);
	policy_line("sleep, 100 us", VN_IDLE_SLEEP, cold, TOLD_BY_FD, 100);
	policy_line("sleep, message, 3 ms", VN_IDLE_SLEEP, cold, TOLD_BY_WAKE, 3000);
	policy_line("sleep, doorbell page, 3 ms", VN_IDLE_SLEEP, cold, TOLD_BY_NONE, 3000);
	policy_line("nap, 3 ms", VN_IDLE_NAP, cold, TOLD_BY_FD, 3000);
	policy_line("nap, 100 us", VN_IDLE_NAP, cold, TOLD_BY_FD, 100);
	policy_line("poll, 3 ms", VN_IDLE_POLL, cold, TOLD_BY_FD, 3000);
	policy_line("poll, --idle-cold-us 0, 3 ms", VN_IDLE_POLL, 0, TOLD_BY_FD, 3000);
}

static void
usage(void)
{
	puts("perf-idle [--smoke] [IDLE-PAIRS [ROUNDS]]\n\n"
	     "What idle queue pairs cost a poller that has one busy pair, and what its idle "
	     "policies\n"
	     "cost. --smoke: as little as possible, to see that it works.");
}

int
main(int argc, char **argv)
{
	static char eal[][40] = {"perf-idle", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "128", "--lcores", "0@0,1@1", "--log-level=lib.eal:error",
		"-d", "librte_mempool_ring.so"};
	char *eal_argv[RTE_DIM(eal) + 1] = {NULL};
	struct rlimit lim = {.rlim_cur = 16384, .rlim_max = 16384};
	unsigned int number = 0;

	for (int i = 1; i < argc; i++) {
		const unsigned long v = strtoul(argv[i], NULL, 10);

		if (strcmp(argv[i], "--smoke") == 0) {
			opt.idle = 40;
			opt.rounds = 1;
			opt.slice_ms = 1;
			opt.cpu_ms = 5;
			opt.wakes = 5;
		} else if (v > 0 && v <= MAX_ROUNDS && number < 2) {
			*(number++ == 0 ? &opt.idle : &opt.rounds) = (unsigned int)v;
		} else {
			usage();
			return strcmp(argv[i], "--help") == 0 ? 0 : 2;
		}
	}
	for (unsigned int i = 0; i < RTE_DIM(eal); i++)
		eal_argv[i] = eal[i];
	/* Two of each pair; whoever may not have more sees it later. */
	setrlimit(RLIMIT_NOFILE, &lim);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		strcpy(eal[8], "0@0,1@0");
	if (rte_eal_init(RTE_DIM(eal), eal_argv) < 0)
		fatal("no EAL");
	pool = rte_pktmbuf_pool_create(
		"frames", 8191, 256, VN_MBUF_PRIV_SIZE, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (pool == NULL)
		fatal("no memory for frames");
	run();
	rte_mempool_free(pool);
	rte_eal_cleanup();
	return 0;
}
