/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Moderation by load at a ring. What it decides is in vn_dim_test.c; here its clock is bent, so
 * that times are over at once or never.
 */
#include "poller_private.h"
#include "poller_test_qp.h"

#define NEVER UINT32_MAX /* more than an hour */

struct bent {
	uint64_t interval, pause, hz;
	uint32_t usecs; /* a wait of the ring, beside what moderation says */
};

static void
dim_on(struct vn_poller *p, void *arg)
{
	const struct vn_poll_coal coal = {.dim = &t.rx.stats};
	const struct bent *b = arg;
	struct vn_dim *d = &t.qp.dim[0].dim;

	(void)p;
	vn_poll_qp_set_coal(&t.qp, true, &coal);
	assert_ptr_equal(t.qp.dim[0].stats, &t.rx.stats);
	assert_int_equal(d->level, 0);
	d->interval = b->interval;
	d->pause = b->pause;
	d->gap = UINT64_MAX;
	if (b->hz != 0)
		d->hz = b->hz;
	if (b->usecs != 0)
		vn_virtq_set_coal(t.qp.rx, b->usecs, 1000);
}

static void
dim_again(struct vn_poller *p, void *arg)
{
	const struct vn_poll_coal coal = {.dim = &t.rx.stats};

	(void)p;
	(void)arg;
	vn_poll_qp_set_coal(&t.qp, true, &coal);
}

static void
dim_off(struct vn_poller *p, void *arg)
{
	(void)p;
	vn_poll_qp_set_coal(&t.qp, true, arg);
}

static void
begin(struct bent *b)
{
	attach_all();
	for (unsigned int i = 0; i < RING - 1; i++)
		post(2000);
	pe_call(dim_on, b);
	/* That of the attach. */
	UNTIL(pe_signals(t.rx.call) > 0 || t.rx.stats.interrupts > 0);
	pe_signals(t.rx.call);
}

static uint64_t
told(void)
{
	return __atomic_load_n(&t.rx.stats.interrupts, __ATOMIC_RELAXED);
}

static uint64_t
received(void)
{
	return __atomic_load_n(&t.rx.stats.packets, __ATOMIC_RELAXED);
}

/* No wait of the ring delays a frame that follows a pause. */
static void
test_after_pause(void **state)
{
	struct bent b = {.interval = UINT64_MAX, .pause = 0, .usecs = NEVER};

	(void)state;
	begin(&b);
	for (unsigned int i = 0; i < 6; i++) {
		const uint64_t before = told();

		assert_true(fp_send(t.pq, i, 60));
		UNTIL(told() == before + 1);
		assert_int_equal(take(60), i);
	}
}

/* Without a pause a frame waits; whoever ends moderation by load ends that. */
static void
test_waits(void **state)
{
	struct bent b = {.interval = UINT64_MAX, .pause = UINT64_MAX, .usecs = NEVER};
	struct vn_poll_coal coal = {0};
	uint64_t before;

	(void)state;
	begin(&b);
	before = told();
	for (unsigned int i = 0; i < 3; i++)
		assert_true(fp_send(t.pq, i, 60));
	UNTIL(received() == 3);
	SETTLE();
	assert_int_equal(told(), before);
	/* Asked for what is so already: it goes on as it was. */
	pe_call(dim_again, NULL);
	SETTLE();
	assert_int_equal(told(), before);
	pe_call(dim_off, &coal);
	UNTIL(told() == before + 1);
	assert_null(t.qp.dim[0].stats);

	/* What it was set to counts now. */
	coal = (struct vn_poll_coal){.usecs = NEVER, .packets = 2};
	pe_call(dim_off, &coal);
	before = told();
	assert_true(fp_send(t.pq, 3, 60));
	UNTIL(received() == 4);
	SETTLE();
	assert_int_equal(told(), before);
	assert_true(fp_send(t.pq, 4, 60));
	UNTIL(told() == before + 1);
}

/* Every interval is over at once, in no time: so frames come fast, and longer waits are tried. */
static void
test_steps(void **state)
{
	const struct vn_dim *d = &t.qp.dim[0].dim;
	struct bent b = {.interval = 0, .pause = UINT64_MAX, .hz = UINT64_C(1) << 60};
	struct vn_virtq *vq;
	uint64_t before;

	(void)state;
	begin(&b);
	for (unsigned int i = 0; i < 6; i++) {
		before = told();
		assert_true(fp_send(t.pq, i, 60));
		/* However long it waits, the time comes. */
		UNTIL(told() == before + 1);
		assert_int_equal(take(60), i);
	}
	assert_true(__atomic_load_n(&d->kept, __ATOMIC_RELAXED) +
			    __atomic_load_n(&d->taken_back, __ATOMIC_RELAXED) >
		    0);
	/* A ring that is taken away takes nothing of it along. */
	pe_call(detach_rx, &vq);
	assert_ptr_equal(vq, t.rx.vq);
	assert_null(t.qp.dim[0].stats);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		QP_TEST(test_after_pause),
		QP_TEST(test_waits),
		QP_TEST(test_steps),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, NULL);
}
