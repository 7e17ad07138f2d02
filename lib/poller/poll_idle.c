/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Which queue pairs a poller looks at, and how it sleeps. Pairs with work, or with work a short
 * while ago, are hot: they are looked at in every round. The others are cold: armed, that is, their
 * drivers are asked for notifications and their port's descriptor is watched. A pair that nobody
 * would tell of is looked at by time while it is cold. So what a poller does in a round depends on
 * the pairs that have work, and not on how many it has.
 */
#include <errno.h>

#include <rte_atomic.h>
#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "poller_private.h"

/* Pairs that go cold together: they share the fence, and others wait meanwhile. */
#define COOL_BATCH 32
/* Looks at cold pairs by time, in one round. */
#define TIMED_BATCH 16
/*
 * With many such pairs each is looked at less often, so that this many microseconds pass between
 * two looks on average: a look is a fraction of one.
 */
#define TIMED_SPACE_US 4

void
poll_link(struct vn_poller *p, struct vn_poll_qp *qp)
{
	qp->linked = true;
	qp->cold = qp->by_time = false;
	qp->owner = p;
	qp->active_at = p->now;
	TAILQ_INSERT_TAIL(&p->hot, qp, next);
	LIST_INSERT_HEAD(&p->wake.slot[wake_slot(qp)], qp, wake_next);
	poll_count(&p->stats.hot_pairs, 1);
}

void
poll_unlink(struct vn_poll_qp *qp)
{
	struct vn_poller *p = qp->owner;

	poll_qp_touch(qp);
	TAILQ_REMOVE(&p->hot, qp, next);
	LIST_REMOVE(qp, wake_next);
	poll_count(&p->stats.hot_pairs, -1);
	qp->linked = false;
	qp->owner = NULL;
}

static void
make_cold(struct vn_poller *p, struct vn_poll_qp *qp)
{
	TAILQ_REMOVE(&p->hot, qp, next);
	qp->cold = true;
	if (qp->by_time) {
		p->n_timed++;
		qp->look_at = p->now + p->timed_cycles;
		TAILQ_INSERT_TAIL(&p->timed, qp, next);
	} else {
		TAILQ_INSERT_TAIL(&p->cold, qp, next);
	}
	poll_count(&p->stats.hot_pairs, -1);
	poll_count(&p->stats.cold_pairs, 1);
	poll_count(&p->stats.cooled, 1);
}

void
poll_qp_heat(struct vn_poll_qp *qp)
{
	struct vn_poller *p = qp->owner;

	if (qp->by_time) {
		p->n_timed--;
		TAILQ_REMOVE(&p->timed, qp, next);
	} else {
		TAILQ_REMOVE(&p->cold, qp, next);
	}
	qp->cold = false;
	poll_qp_disarm(p, qp);
	TAILQ_INSERT_TAIL(&p->hot, qp, next);
	poll_count(&p->stats.cold_pairs, -1);
	poll_count(&p->stats.hot_pairs, 1);
	poll_count(&p->stats.heated, 1);
}

void
vn_poll_qp_touch(struct vn_poller *p, struct vn_poll_qp *qp)
{
	const struct vn_poll_group *g = qp->group;

	p->touched = true;
	poll_qp_touch(qp);
	/* What the others wait for may depend on it: by rules, each may get frames of any port. */
	for (uint16_t i = 0; g != NULL && i < g->n; i++) {
		if (g->qp[i] != NULL)
			poll_qp_touch(g->qp[i]);
	}
}

void
poll_touch_all(struct vn_poller *p)
{
	struct vn_poll_qp *qp;

	while ((qp = TAILQ_FIRST(&p->cold)) != NULL)
		poll_qp_touch(qp);
	while ((qp = TAILQ_FIRST(&p->timed)) != NULL)
		poll_qp_touch(qp);
}

void
poll_take_woken(struct vn_poller *p)
{
	struct poll_wake *w = &p->wake;
	struct vn_poll_qp *qp;
	uint64_t words;

	if (likely(__atomic_load_n(&w->words, __ATOMIC_RELAXED) == 0))
		return;
	words = __atomic_exchange_n(&w->words, 0, __ATOMIC_ACQUIRE);
	for (; words != 0; words &= words - 1) {
		const unsigned int i = (unsigned int)__builtin_ctzll(words);
		uint64_t bits = __atomic_exchange_n(&w->word[i], 0, __ATOMIC_ACQUIRE);

		for (; bits != 0; bits &= bits - 1) {
			const unsigned int slot = i * 64 + (unsigned int)__builtin_ctzll(bits);

			LIST_FOREACH (qp, &w->slot[slot], wake_next)
				poll_qp_touch(qp);
		}
	}
}

unsigned int
poll_timed(struct vn_poller *p)
{
	const uint64_t space = rte_get_tsc_hz() / US_PER_S * TIMED_SPACE_US * p->n_timed;
	const uint64_t again = p->now + RTE_MAX(p->timed_cycles, space);
	struct vn_poll_qp *qp;
	unsigned int moved = 0;

	for (unsigned int i = 0; i < TIMED_BATCH; i++) {
		bool stuck;
		unsigned int n;

		qp = TAILQ_FIRST(&p->timed);
		if (qp == NULL || qp->look_at > p->now)
			break;
		TAILQ_REMOVE(&p->timed, qp, next);
		qp->look_at = again;
		TAILQ_INSERT_TAIL(&p->timed, qp, next);
		stuck = qp->stuck;
		n = poll_qp_round(qp);
		/* What it waits for may be something else from now on. */
		if (n > 0 || qp->stuck != stuck)
			poll_qp_touch(qp);
		moved += n;
	}
	return moved;
}

static uint64_t
until_timed(const struct vn_poller *p)
{
	const struct vn_poll_qp *qp = TAILQ_FIRST(&p->timed);
	const uint64_t now = rte_get_tsc_cycles();

	if (qp == NULL)
		return SLEEP_FOR_EVER;
	if (qp->look_at <= now)
		return 0;
	/* A few milliseconds: it cannot overflow. */
	return (qp->look_at - now) * NS_PER_S / rte_get_tsc_hz() + 1;
}

/* Ask for notifications. The fence and poll_qp_has_work() are to follow. */
static void
arm(struct vn_poller *p, struct vn_poll_qp *qp, uint64_t *timeout_ns)
{
	uint64_t own = SLEEP_FOR_EVER;

	poll_qp_arm(p, qp, &own);
	qp->by_time = own != SLEEP_FOR_EVER;
	*timeout_ns = RTE_MIN(*timeout_ns, own);
}

/* It has had no work for long, and nothing is left to do for it by time (interrupts). */
static bool
may_cool(const struct vn_poller *p, const struct vn_poll_qp *qp)
{
	if (p->cold_cycles == 0 || (int64_t)(p->now - qp->active_at) < (int64_t)p->cold_cycles)
		return false;
	if (qp->tx != NULL && vn_virtq_interrupt_due(qp->tx) != 0)
		return false;
	return qp->rx == NULL || vn_virtq_interrupt_due(qp->rx) == 0;
}

/*
 * Each pair goes cold as a poller goes to sleep (see poll_sleep()): ask for notifications and say
 * that they are asked for; one full fence for all of them; look again; only then stop to look.
 */
void
poll_cool(struct vn_poller *p)
{
	struct vn_poll_qp *batch[COOL_BATCH], *qp;
	uint64_t timeout_ns = SLEEP_FOR_EVER; /* of no interest: by_time is what is left of it */
	unsigned int n = 0;

	p->cool_at = p->now + p->cold_cycles / 4;
	TAILQ_FOREACH (qp, &p->hot, next) {
		if (!may_cool(p, qp))
			continue;
		if (n == COOL_BATCH) {
			p->cool_at = p->now + p->look_cycles;
			break;
		}
		arm(p, qp, &timeout_ns);
		batch[n++] = qp;
	}
	if (n == 0)
		return;
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < n; i++) {
		if (poll_qp_has_work(batch[i])) {
			poll_qp_disarm(p, batch[i]);
			poll_qp_touch(batch[i]);
		} else {
			make_cold(p, batch[i]);
		}
	}
}

/* After a sleep: those that had no work for long need not be looked at, as they are armed. */
static void
after_sleep(struct vn_poller *p)
{
	struct vn_poll_qp *qp, *next;

	for (qp = TAILQ_FIRST(&p->hot); qp != NULL; qp = next) {
		next = TAILQ_NEXT(qp, next);
		if (!qp->armed)
			continue;
		if (may_cool(p, qp))
			make_cold(p, qp);
		else
			poll_qp_disarm(p, qp);
	}
}

/* What the pollers' memory is given back by must not wait for one that sleeps. */
static int
look_offline(struct vn_poller *p, uint64_t timeout_ns)
{
	int n;

	if (p->qsbr != NULL)
		rte_rcu_qsbr_thread_offline(p->qsbr, p->index);
	n = poll_look(p, timeout_ns);
	if (p->qsbr != NULL)
		rte_rcu_qsbr_thread_online(p->qsbr, p->index);
	return n;
}

/*
 * Sleep until something happens. Order: ask all drivers for notifications, and say that they are
 * asked and that we sleep; one full fence; look again at all rings; only then sleep. Commands and
 * stop set the wake descriptor, which stays readable until it is read. The round before may have
 * read it after it looked for commands, so they are looked at again, too; what comes after this
 * finds the descriptor empty, and wakes us.
 *
 * No notification is lost, whichever way it comes. The driver stores its avail index, executes a
 * full fence, and looks whether it is to notify. Of two such fences one is first:
 *   - the driver's: our look at its ring, behind ours, sees the index, and we stay awake;
 *   - ours: the driver sees that it is to notify, and does.
 * With a descriptor, that wakes us: edges are kept until epoll_wait() takes them. With
 * vn_poll_qp_wake() the same holds twice more, with that thread in the driver's place. It was
 * notified after the index was stored, executes a full fence, and looks at armed of the pair. If
 * its fence is first, we see the index; if ours is, it sees armed, sets the pair's bit, executes a
 * full fence, and looks at asleep. If that fence is first, we see the bit; if ours is, it sees
 * asleep, and sets the wake descriptor. So armed and asleep have to be stored before our fence and
 * not just before we sleep: between look and store a notification would be lost. The price is a
 * wake descriptor set in vain when we find work; it is read in one of the next rounds. What
 * vn_poll_qp_wake() passes over while armed is false, was made available before the next time we
 * store it, look, and sleep.
 *
 * A pair that is cold was armed, and looked at behind a fence, when it became so: all this holds
 * for it from then on, whether we sleep or not. It need not be looked at again here.
 *
 * In a nap nobody is asked: what the drivers of hot pairs make available waits until it ends.
 */
bool
poll_sleep(struct vn_poller *p, uint64_t nap_ns)
{
	struct vn_poll_qp *qp;
	uint64_t timeout_ns = RTE_MIN(poll_until_interrupt(p), until_timed(p));
	bool work = false;
	int n = 1;

	timeout_ns = RTE_MIN(timeout_ns, nap_ns);
	if (nap_ns == SLEEP_FOR_EVER) {
		TAILQ_FOREACH (qp, &p->hot, next)
			arm(p, qp, &timeout_ns);
		work = poll_sources_arm(p, &timeout_ns);
	}
	__atomic_store_n(&p->asleep, true, __ATOMIC_RELAXED);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	work |= timeout_ns == 0 || __atomic_load_n(&p->todo.head, __ATOMIC_ACQUIRE) != NULL ||
		__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE) ||
		__atomic_load_n(&p->wake.words, __ATOMIC_ACQUIRE) != 0;
	TAILQ_FOREACH (qp, &p->hot, next) {
		if (poll_qp_has_work(qp)) {
			qp->active_at = p->now;
			work = true;
		}
	}
	if (!work) {
		poll_count(&p->stats.sleeps, 1);
		n = look_offline(p, timeout_ns);
		if (n > 0)
			poll_count(&p->stats.wakes, 1);
	}
	__atomic_store_n(&p->asleep, false, __ATOMIC_RELAXED);
	if (nap_ns == SLEEP_FOR_EVER)
		poll_sources_disarm(p);
	after_sleep(p);
	return n > 0;
}
