/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Interrupts that wait for more frames (virtio 1.2, 5.1.6.5.9). Waits are either over at once or
 * longer than any test runs, so no result depends on how fast this is.
 */
#include "virtq_test_env.h"

#include <sys/eventfd.h>

#include <rte_cycles.h>

#define NEVER UINT32_MAX /* more than an hour */
#define BIG   256

struct coal {
	struct fix f;
	int call;
};

static void
begin(struct coal *c, uint16_t size, uint16_t start, uint64_t features)
{
	struct vn_virtq_conf conf;

	memset(c, 0, sizeof(*c));
	md_init(&c->f.md, 1, size, env_start(start, size), VN_F_VERSION_1 | features | env_ring,
		false, 0);
	c->f.md.plain = true;
	c->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(c->call >= 0);
	c->f.stats.packets = 1000; /* counters outlive a ring */
	conf = md_conf(&c->f.md, &c->f.stats);
	conf.call_fd = c->call;
	assert_int_equal(vn_virtq_create(&conf, &c->f.vq), 0);
}

static void
end(struct coal *c)
{
	fix_end(&c->f);
	close(c->call);
}

/* The driver sends @p n frames, which are published; no interrupt is considered yet. */
static void
move(struct coal *c, unsigned int n)
{
	static const uint8_t frame[12 + FRAME];
	struct rte_mbuf *pkts[VN_VQ_MAX_BURST];
	struct md_chain chain;

	while (md_get(&c->f.md, &chain) >= 0)
		;
	for (unsigned int i = 0; i < n; i++)
		assert_true(md_add(&c->f.md, frame, sizeof(frame)));
	assert_int_equal(vn_virtq_dequeue(c->f.vq, env_pool, pkts, n), n);
	rte_pktmbuf_free_bulk(pkts, n);
	vn_virtq_complete(c->f.vq);
	vn_virtq_publish(c->f.vq);
}

/* @return interrupts since the last call. */
static uint64_t
interrupts(struct coal *c)
{
	uint64_t n;

	vn_virtq_interrupt(c->f.vq);
	return read(c->call, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void
by_packets(void **state)
{
	struct coal c;

	(void)state;
	begin(&c, BIG, 65500, 0);
	vn_virtq_set_coal(c.f.vq, NEVER, 10);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(vn_virtq_interrupt_due(c.f.vq), 0);
		move(&c, 4);
		assert_int_equal(interrupts(&c), 0);
		assert_true(vn_virtq_interrupt_due(c.f.vq) > rte_get_tsc_cycles());
		move(&c, 5);
		assert_int_equal(interrupts(&c), 0);
		move(&c, 1);
		assert_int_equal(interrupts(&c), 1);
		assert_int_equal(interrupts(&c), 0);
	}
	assert_int_equal(c.f.stats.interrupts, 20);
	assert_int_equal(c.f.stats.suppressed, 0);

	/* 1: at once. */
	vn_virtq_set_coal(c.f.vq, NEVER, 1);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 1);
	end(&c);
}

static void
by_time(void **state)
{
	uint64_t due, before;
	struct coal c;

	(void)state;
	begin(&c, BIG, 0, 0);
	vn_virtq_set_coal(c.f.vq, NEVER, 1000);
	move(&c, 1);
	before = rte_get_tsc_cycles();
	assert_int_equal(interrupts(&c), 0);
	due = vn_virtq_interrupt_due(c.f.vq);
	/* Since the first one: later ones do not move it. */
	assert_true(due - before >= rte_get_tsc_hz() / US_PER_S * NEVER);
	move(&c, 50);
	assert_int_equal(interrupts(&c), 0);
	assert_int_equal(vn_virtq_interrupt_due(c.f.vq), due);

	/* New parameters: what waits is due. */
	vn_virtq_set_coal(c.f.vq, NEVER, 1000);
	assert_true(vn_virtq_interrupt_due(c.f.vq) != 0);
	assert_true(vn_virtq_interrupt_due(c.f.vq) <= rte_get_tsc_cycles());
	assert_int_equal(interrupts(&c), 1);
	assert_int_equal(vn_virtq_interrupt_due(c.f.vq), 0);

	/* A wait that ends. */
	vn_virtq_set_coal(c.f.vq, 1, 1000);
	move(&c, 1);
	while (interrupts(&c) == 0)
		;
	assert_int_equal(interrupts(&c), 0);
	assert_int_equal(vn_virtq_interrupt_due(c.f.vq), 0);
	assert_int_equal(c.f.stats.interrupts, 2);
	end(&c);
}

/* Without either limit there is no wait, and that is the default. */
static void
at_once(void **state)
{
	struct coal c;

	(void)state;
	begin(&c, BIG, 0, 0);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 1);
	vn_virtq_set_coal(c.f.vq, 0, 100);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 1);
	vn_virtq_set_coal(c.f.vq, NEVER, 0);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 1);
	vn_virtq_set_coal(c.f.vq, NEVER, 100);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 0);
	vn_virtq_set_coal(c.f.vq, 0, 0);
	assert_int_equal(interrupts(&c), 1);
	assert_int_equal(vn_virtq_interrupt_due(c.f.vq), 0);
	end(&c);
}

/* A driver must not run out of buffers over it. */
static void
by_half_the_ring(void **state)
{
	struct coal c;

	(void)state;
	for (uint16_t size = 1; size <= 64; size *= 2) {
		begin(&c, size, 65530, 0);
		vn_virtq_set_coal(c.f.vq, NEVER, UINT32_MAX);
		for (unsigned int i = 1; i < size / 2u; i++) {
			move(&c, 1);
			assert_int_equal(interrupts(&c), 0);
		}
		move(&c, 1);
		assert_int_equal(interrupts(&c), 1);
		end(&c);
	}
}

/* Whether the driver wants it is asked at the end, for all that came since the last one. */
static void
what_the_driver_wants(void **state)
{
	struct coal c;

	(void)state;
	/* By event: anywhere in the span. */
	for (unsigned int event = 0; event < 12; event++) {
		begin(&c, BIG, 65530, VN_F_EVENT_IDX);
		vn_virtq_set_coal(c.f.vq, NEVER, 10);
		md_set_used_event(&c.f.md, event);
		for (unsigned int i = 0; i < 9; i++) {
			move(&c, 1);
			assert_int_equal(interrupts(&c), 0);
		}
		move(&c, 1);
		assert_int_equal(interrupts(&c), event < 10);
		assert_int_equal(c.f.stats.suppressed, event >= 10);
		/* Not of that span again. */
		move(&c, 10);
		assert_int_equal(interrupts(&c), event >= 10);
		end(&c);
	}

	/* By flag: as it is then. */
	begin(&c, BIG, 0, 0);
	vn_virtq_set_coal(c.f.vq, NEVER, 2);
	md_disable_interrupt(&c.f.md);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 0);
	md_enable_interrupt(&c.f.md);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 1);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 0);
	md_disable_interrupt(&c.f.md);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 0);
	assert_int_equal(c.f.stats.suppressed, 1);
	assert_int_equal(vn_virtq_interrupt_due(c.f.vq), 0);
	end(&c);
}

static void
ends_of_the_wait(void **state)
{
	struct coal c;

	(void)state;
	/* The ring is given away. */
	begin(&c, BIG, 0, 0);
	vn_virtq_set_coal(c.f.vq, NEVER, 50);
	move(&c, 1);
	assert_int_equal(interrupts(&c), 0);
	vn_virtq_interrupt_now(c.f.vq);
	assert_int_equal(interrupts(&c), 1);
	assert_int_equal(vn_virtq_interrupt_due(c.f.vq), 0);
	vn_virtq_interrupt_now(c.f.vq);
	assert_int_equal(interrupts(&c), 0);

	/* Taken over: one whatever happens, and the wait begins anew. */
	move(&c, 49);
	assert_int_equal(interrupts(&c), 0);
	vn_virtq_interrupt_always(c.f.vq);
	assert_int_equal(interrupts(&c), 1);
	assert_int_equal(vn_virtq_interrupt_due(c.f.vq), 0);
	move(&c, 49);
	assert_int_equal(interrupts(&c), 0);

	/* Broken: what waits is dropped. */
	assert_true(vn_virtq_interrupt_due(c.f.vq) != 0);
	vn_virtq_break(c.f.vq, "test");
	assert_int_equal(vn_virtq_interrupt_due(c.f.vq), 0);
	vn_virtq_interrupt_now(c.f.vq);
	assert_int_equal(interrupts(&c), 0);
	end(&c);
}

int
main(void)
{
#define T(name) cmocka_unit_test_teardown(name, env_check_pool)
	static const struct CMUnitTest tests[] = {
		T(by_packets),
		T(by_time),
		T(at_once),
		T(by_half_the_ring),
		T(what_the_driver_wants),
		T(ends_of_the_wait),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
