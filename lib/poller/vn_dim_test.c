/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Moderation by load, with a ring, a driver and a network that live in simulated time: nothing here
 * depends on how fast the machine is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "vn_dim.h"

#define HZ    UINT64_C(1000000000) /* a tick is a nanosecond */
#define US(n) ((n)*UINT64_C(1000))
#define MS(n) ((n)*UINT64_C(1000000))
#define RING  256u
#define NEVER UINT64_MAX

/*
 * The driver: an interrupt makes it look at the ring after a while; it takes frames until there are
 * none, and asks for the next interrupt then. The network: a frame each period (burst at a time),
 * or, with a window, so long after one was taken as the way there and back takes.
 */
struct sim {
	bool dim_on;
	uint64_t latency, cost; /* of the driver: until it looks; of each frame */
	uint64_t period;        /* of the network */
	unsigned int burst;
	unsigned int window; /* 0: open loop */
	uint64_t round_trip;

	uint64_t now;
	struct vn_dim dim;
	uint64_t usecs, packets; /* of vn_virtq_set_coal() */
	/* The ring. */
	uint64_t published, signalled, taken, event;
	uint64_t due; /* an interrupt that waits; 0: none */
	uint64_t born[RING];
	/* The driver. */
	uint64_t wakes;           /* when it takes the next one; NEVER: it waits for an interrupt */
	uint64_t arrives;         /* the next frame */
	uint64_t in_flight[RING]; /* with a window: when they arrive, in no order */
	unsigned int n_flight;
	/* What was seen. */
	uint64_t interrupts, dropped, worst_wait, total_wait;
};

static void
sim_begin(struct sim *s, bool dim_on)
{
	const struct vn_dim_sample zero = {0};

	s->dim_on = dim_on;
	s->now = s->published = s->signalled = s->taken = s->event = s->due = 0;
	s->usecs = s->packets = 0;
	s->wakes = NEVER;
	s->interrupts = s->dropped = s->worst_wait = s->total_wait = 0;
	s->arrives = s->window > 0 ? NEVER : s->period;
	s->n_flight = s->window;
	for (unsigned int i = 0; i < s->window; i++)
		s->in_flight[i] = s->round_trip + i;
	if (s->burst == 0)
		s->burst = 1;
	vn_dim_init(&s->dim, HZ, &zero);
}

/* The driver is told, or does not want to be. */
static void
tell(struct sim *s)
{
	const bool wanted = s->event >= s->signalled && s->event < s->published;

	s->signalled = s->published;
	s->due = 0;
	if (!wanted)
		return;
	s->interrupts++;
	assert_true(s->wakes == NEVER);
	s->wakes = s->now + s->latency;
}

/* As vn_virtq_interrupt(). */
static void
interrupt(struct sim *s)
{
	if (s->signalled == s->published)
		return;
	if (s->usecs != 0 && s->published - s->signalled < RTE_MIN(s->packets, RING / 2)) {
		if (s->due == 0)
			s->due = s->now + US(s->usecs);
		if (s->now < s->due)
			return;
	}
	tell(s);
}

/* As poll_dim_interrupt(). */
static void
round_end(struct sim *s)
{
	const struct vn_dim_sample sample = {
		.now = s->now,
		.packets = s->published,
		.bytes = s->published * 1500,
		.interrupts = s->interrupts,
	};
	unsigned int verdict;

	if (s->dim_on) {
		verdict = vn_dim_look(&s->dim, &sample);
		if (verdict & VN_DIM_SET) {
			s->usecs = vn_dim_profile(s->dim.level)->usecs;
			s->packets = vn_dim_profile(s->dim.level)->packets;
			s->due = s->due != 0 ? 1 : 0;
		}
		if ((verdict & VN_DIM_NOW) && s->signalled != s->published)
			tell(s);
	}
	interrupt(s);
}

static void
publish(struct sim *s)
{
	if (s->published - s->taken == RING) {
		s->dropped++;
		return;
	}
	s->born[s->published++ % RING] = s->now;
}

/* The driver looks. */
static void
drive(struct sim *s)
{
	uint64_t wait;

	if (s->taken == s->published) {
		s->event = s->taken;
		s->wakes = NEVER;
		return;
	}
	wait = s->now - s->born[s->taken % RING];
	s->worst_wait = RTE_MAX(s->worst_wait, wait);
	s->total_wait += wait;
	s->taken++;
	s->wakes = s->now + s->cost;
	if (s->window > 0)
		s->in_flight[s->n_flight++] = s->now + s->round_trip;
}

static uint64_t
next_in_flight(const struct sim *s, unsigned int *which)
{
	uint64_t at = NEVER;

	for (unsigned int i = 0; i < s->n_flight; i++) {
		if (s->in_flight[i] < at) {
			at = s->in_flight[i];
			*which = i;
		}
	}
	return at;
}

static void
sim_run(struct sim *s, uint64_t ns)
{
	const uint64_t end = s->now + ns;
	unsigned int which = 0;

	for (;;) {
		const uint64_t back = s->window > 0 ? next_in_flight(s, &which) : NEVER;
		const uint64_t arrival = RTE_MIN(back, s->arrives);
		const uint64_t due = s->due != 0 ? s->due : NEVER;
		const uint64_t next = RTE_MIN(RTE_MIN(arrival, s->wakes), due);

		if (next > end)
			break;
		s->now = RTE_MAX(s->now, next);
		if (next == arrival && back == arrival) {
			s->in_flight[which] = s->in_flight[--s->n_flight];
			publish(s);
			round_end(s);
		} else if (next == arrival) {
			s->arrives += s->period * s->burst;
			for (unsigned int i = 0; i < s->burst; i++)
				publish(s);
			round_end(s);
		} else if (next == s->wakes) {
			drive(s);
		} else {
			round_end(s);
		}
	}
	s->now = end;
}

/* Interrupts of a second without it and with it. */
static void
both(struct sim *s, uint64_t *off, uint64_t *on)
{
	uint64_t taken;

	sim_begin(s, false);
	sim_run(s, MS(1000));
	*off = s->interrupts;
	taken = s->taken;
	assert_int_equal(s->dropped, 0);
	sim_begin(s, true);
	sim_run(s, MS(1000));
	*on = s->interrupts;
	assert_int_equal(s->dropped, 0);
	/* The same throughput: but for what waits at the end. */
	assert_true(s->taken >= taken - RING / 2 && s->taken <= taken + RING / 2);
}

static void
test_bulk(void **state)
{
	static const struct {
		uint64_t period, cost;
		unsigned int burst;
	} t[] = {
		{10000, 300, 1},
		{3000, 300, 1},
		{1000, 300, 1},
		{1000, 300, 8},
		{500, 200, 1},
		{500, 200, 16},
		{25000, 2000, 2},
		{2000, 1500, 1},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(t); i++) {
		struct sim s = {.latency = US(4),
			.cost = t[i].cost,
			.period = t[i].period,
			.burst = t[i].burst};
		uint64_t off, on;

		both(&s, &off, &on);
		print_message("%7.0f frames/s, %2u at a time, %4u ns each: %6ju interrupts, with "
			      "moderation %5ju (%.0f %% fewer), wait %3.0f us on the average\n",
			1e9 / (double)t[i].period, t[i].burst, (unsigned int)t[i].cost,
			(uintmax_t)off, (uintmax_t)on, 100.0 * (double)(off - on) / (double)off,
			(double)s.total_wait / (double)s.taken / 1e3);
		assert_true(on * 100 <= off * 32);
		assert_true(s.worst_wait <= US(256) + US(4) + RING * s.cost);
	}
}

/* A driver that never comes to the end of the ring wants no interrupts: nothing to save. */
static void
test_busy_driver(void **state)
{
	struct sim s = {.latency = US(4), .cost = 1000, .period = 900};
	uint64_t off;

	(void)state;
	sim_begin(&s, false);
	sim_run(&s, MS(1000));
	off = s.taken;
	sim_begin(&s, true);
	sim_run(&s, MS(1000));
	assert_true(s.taken >= off - RING && s.taken <= off + RING);
	assert_true(s.interrupts <= 10);
	assert_int_equal(s.dim.level, 0);
}

static void
test_sparse(void **state)
{
	static const uint64_t period[] = {
		US(500) + 1, MS(1), MS(1) + 1, MS(3), MS(10), MS(20), MS(1000)};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(period); i++) {
		struct sim s = {.latency = US(4), .cost = 300, .period = period[i]};

		sim_begin(&s, true);
		sim_run(&s, 200 * period[i]);
		assert_int_equal(s.worst_wait, US(4));
		assert_true(s.interrupts >= 199 && s.interrupts <= 200);
	}
}

/* Bulk ends, and what comes then is sparse: told at once, from the first frame on. */
static void
test_ping_after_bulk(void **state)
{
	static const uint64_t pause[] = {MS(1), MS(2), MS(19), MS(20), MS(5000)};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(pause); i++) {
		struct sim s = {.latency = US(4), .cost = 300, .period = 1000};

		sim_begin(&s, true);
		sim_run(&s, MS(500));
		assert_true(s.dim.level > 0);
		s.arrives = NEVER;
		sim_run(&s, US(300)); /* what waits is told */
		assert_int_equal(s.taken, s.published);
		s.worst_wait = 0;
		s.period = MS(2);
		s.arrives = s.now + pause[i];
		sim_run(&s, pause[i] + MS(50));
		assert_int_equal(s.worst_wait, US(4));
		assert_int_equal(s.dim.level, 0);
	}
}

/* Who waits for each answer before the next question loses by each delay. */
static void
test_closed_loop(void **state)
{
	static const struct {
		unsigned int window;
		uint64_t round_trip;
	} t[] = {{1, 20000}, {1, 100000}, {2, 50000}, {4, 20000}, {16, 100000}, {64, 100000},
		{120, 2000000}};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(t); i++) {
		struct sim s = {.latency = US(4),
			.cost = 300,
			.window = t[i].window,
			.round_trip = t[i].round_trip};
		uint64_t off, interrupts;

		sim_begin(&s, false);
		sim_run(&s, MS(3000));
		off = s.taken;
		interrupts = s.interrupts;
		sim_begin(&s, true);
		sim_run(&s, MS(3000));
		print_message("window %3u, round trip %4u us: %7ju -> %7ju frames, %6ju -> %6ju "
			      "interrupts, level %u\n",
			t[i].window, (unsigned int)(t[i].round_trip / 1000), (uintmax_t)off,
			(uintmax_t)s.taken, (uintmax_t)interrupts, (uintmax_t)s.interrupts,
			s.dim.level);
		assert_true(s.taken * 100 >= off * 98);
		assert_true(s.interrupts <= interrupts);
	}
}

/* The load ends and comes back: up again, and not by way of what was counted meanwhile. */
static void
test_again(void **state)
{
	struct sim s = {.latency = US(4), .cost = 300, .period = 1000};

	(void)state;
	sim_begin(&s, true);
	for (unsigned int i = 0; i < 5; i++) {
		sim_run(&s, MS(100));
		/* The highest one is no better here: half a ring is full before. */
		assert_true(s.dim.level >= VN_DIM_LEVELS - 2 && s.dim.level < VN_DIM_LEVELS);
		s.arrives = s.now + MS(300);
		sim_run(&s, MS(301));
		assert_int_equal(s.dim.level, 0);
	}
}

/* Whatever is counted, also backwards: a rung of the ladder. */
static void
test_nonsense(void **state)
{
	struct vn_dim_sample s = {0};
	struct vn_dim d;

	(void)state;
	srand(1);
	vn_dim_init(&d, HZ, &s);
	for (unsigned int i = 0; i < 200000; i++) {
		s.now += (uint64_t)rand() << (rand() % 16);
		s.packets += (uint64_t)rand() << (rand() % 32);
		s.bytes += (uint64_t)rand() << (rand() % 33) >> 16;
		s.interrupts += (uint64_t)rand() >> (rand() % 32);
		vn_dim_look(&d, &s);
		assert_true(d.level < VN_DIM_LEVELS);
		assert_true(d.rest <= VN_DIM_REST_MAX);
	}
	for (unsigned int i = 0; i <= VN_DIM_LEVELS; i++)
		assert_non_null(vn_dim_profile(i));
	assert_int_equal(vn_dim_profile(0)->usecs, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_busy_driver),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_ping_after_bulk),
		cmocka_unit_test(test_closed_loop),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
