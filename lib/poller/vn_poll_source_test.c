/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Sources: looked at in every round, and what wakes a poller that sleeps; no wake-up is lost. */
#include "poller_test_env.h"

/* Frames that the test puts there, and the poller takes. */
static struct {
	struct vn_poll_source src;
	uint32_t waiting, taken; /* atomic */
	bool armed;              /* atomic */
} t;

static unsigned int
poll_one(struct vn_poll_source *src)
{
	const uint32_t n = __atomic_exchange_n(&t.waiting, 0, __ATOMIC_RELAXED);

	assert_ptr_equal(src, &t.src);
	__atomic_fetch_add(&t.taken, n, __ATOMIC_RELAXED);
	return n;
}

static bool
arm(struct vn_poll_source *src, bool on)
{
	__atomic_store_n(&t.armed, on, __ATOMIC_RELAXED);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!on && src->n_fds > 0)
		pe_signals(src->fd[0]);
	return on && __atomic_load_n(&t.waiting, __ATOMIC_RELAXED) > 0;
}

static void
come(void)
{
	__atomic_fetch_add(&t.waiting, 1, __ATOMIC_RELAXED);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&t.armed, __ATOMIC_RELAXED) && t.src.n_fds > 0)
		pe_kick(t.src.fd[0]);
}

static uint32_t
taken(void)
{
	return __atomic_load_n(&t.taken, __ATOMIC_RELAXED);
}

static void
attach(struct vn_poller *poller, void *arg)
{
	(void)arg;
	vn_poller_attach_source(poller, &t.src);
}

static void
detach(struct vn_poller *poller, void *arg)
{
	(void)arg;
	vn_poller_detach_source(poller, &t.src);
}

static void
begin(bool fd)
{
	memset(&t, 0, sizeof(t));
	t.src.poll = poll_one;
	t.src.arm = arm;
	if (fd) {
		t.src.fd[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		t.src.n_fds = 1;
	}
	pe_call(attach, NULL);
}

static void
end(void)
{
	const uint32_t before = taken();

	pe_call(detach, NULL);
	come();
	SETTLE();
	assert_int_equal(taken(), before);
	if (t.src.n_fds > 0)
		close(t.src.fd[0]);
}

static void
test_wakes(void **state)
{
	(void)state;
	begin(true);
	for (uint32_t i = 1; i <= 50; i++) {
		UNTIL(pe_asleep());
		come();
		UNTIL(taken() == i);
	}
	/* Whenever it comes. */
	for (uint32_t i = 51; i <= 1000; i++) {
		come();
		UNTIL(taken() == i);
	}
	end();
}

/* Without a descriptor time tells. */
static void
test_by_time(void **state)
{
	(void)state;
	begin(false);
	for (uint32_t i = 1; i <= 20; i++) {
		const uint64_t sleeps = pe.stats->sleeps;

		UNTIL(pe.stats->sleeps > sleeps + 2);
		come();
		UNTIL(taken() == i);
	}
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wakes, pe_setup, pe_teardown),
		cmocka_unit_test_setup_teardown(test_by_time, pe_setup, pe_teardown),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, NULL);
}
