/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The loop of one worker lcore: rounds over its queue pairs, commands, and sleep.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include "poller_private.h"

#define MAX_EVENTS 64

/* epoll_wait() for @p timeout_ns; 0: only look, SLEEP_FOR_EVER. */
static int
wait_events(struct vn_poller *p, struct epoll_event *ev, uint64_t timeout_ns)
{
	if (timeout_ns == 0 || timeout_ns == SLEEP_FOR_EVER)
		return epoll_wait(p->epfd, ev, MAX_EVENTS, timeout_ns == 0 ? 0 : -1);
#ifdef SYS_epoll_pwait2
	if (!p->no_pwait2) {
		const struct timespec ts = {
			.tv_sec = (time_t)(timeout_ns / NS_PER_S),
			.tv_nsec = (long)(timeout_ns % NS_PER_S),
		};
		const long n = syscall(SYS_epoll_pwait2, p->epfd, ev, MAX_EVENTS, &ts, NULL, 0);

		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return (int)n;
		/* A kernel before 5.11, or a container's filter. */
		p->no_pwait2 = true;
	}
#endif
	return epoll_wait(p->epfd, ev, MAX_EVENTS, (int)((timeout_ns + VN_MS(1) - 1) / VN_MS(1)));
}

/* Look for readable ports (and wake-ups); sleeps up to @p timeout_ns. */
static int
look(struct vn_poller *p, uint64_t timeout_ns)
{
	struct epoll_event ev[MAX_EVENTS];
	struct vn_poll_qp *qp;
	uint64_t count;
	ssize_t got;
	int n;

	n = wait_events(p, ev, timeout_ns);
	for (int i = 0; i < n; i++) {
		if (ev[i].data.u64 == 0) {
			got = read(p->wakefd, &count, sizeof(count));
			RTE_SET_USED(got);
		} else if ((ev[i].data.u64 & EV_MASK) == EV_PORT) {
			qp = (struct vn_poll_qp *)(uintptr_t)ev[i].data.u64;
			qp->pq_ready = true;
			/* A netdev that is gone shows an error for ever: do not spin on it. */
			if (ev[i].events & (EPOLLERR | EPOLLHUP))
				poll_qp_unwatch(p, qp);
		} else {
			/* It is only counted: every ring is looked at in every round. */
			poll_qp_kicked((struct vn_poll_qp *)(uintptr_t)(ev[i].data.u64 &
									~(uint64_t)EV_MASK));
		}
	}
	return n;
}

static void
run_commands(struct vn_poller *p)
{
	struct vn_poller_cmd *cmd, *next;
	bool any = false;

	for (cmd = cmd_take(&p->todo); cmd != NULL; cmd = next) {
		next = cmd->next;
		cmd->exec(p, cmd);
		cmd_push(&p->done, cmd);
		p->stats.commands++;
		any = true;
	}
	if (!any)
		return;
	/* A ring may have come with an interrupt that waits, or been told to wait no longer. */
	p->interrupt_due = 1;
	vn_loop_wake(p->loop);
}

void
vn_poller_tell(struct vn_poller *p, struct vn_poller_cmd *cmd)
{
	cmd_push(&p->done, cmd);
	vn_loop_wake(p->loop);
}

/* Interrupts that are due, and when the next one that waits will be. */
static void
interrupts(struct vn_poller *p)
{
	struct vn_poll_qp *qp;

	p->interrupt_due = 0;
	/* One fence between all used indices and all looks at what the drivers want. */
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	TAILQ_FOREACH (qp, &p->qps, next) {
		const uint64_t due = poll_qp_interrupts(qp);

		if (due != 0 && (p->interrupt_due == 0 || due < p->interrupt_due))
			p->interrupt_due = due;
	}
}

/* Nanoseconds until an interrupt that waits is due. */
static uint64_t
until_interrupt(const struct vn_poller *p)
{
	const uint64_t hz = rte_get_tsc_hz();
	uint64_t now, left;

	if (p->interrupt_due == 0)
		return SLEEP_FOR_EVER;
	now = rte_get_tsc_cycles();
	if (now >= p->interrupt_due)
		return 0;
	/* A second at most, so that it cannot overflow; rounded up, so as not to look in vain. */
	left = RTE_MIN(p->interrupt_due - now, hz);
	return left * NS_PER_S / hz + 1;
}

static unsigned int
poll_round(struct vn_poller *p)
{
	struct vn_poll_qp *qp;
	unsigned int moved = 0;

	p->stats.rounds++;
	run_commands(p);
	if (TAILQ_EMPTY(&p->qps)) {
		p->interrupt_due = 0;
		return 0;
	}
	look(p, 0);
	TAILQ_FOREACH (qp, &p->qps, next)
		moved += poll_qp_round(qp);
	moved += poll_sink_publish(p);
	if (moved > 0) {
		interrupts(p);
		p->stats.busy_rounds++;
		p->stats.packets += moved;
	} else if (unlikely(p->interrupt_due != 0) && rte_get_tsc_cycles() >= p->interrupt_due) {
		interrupts(p);
	}
	return moved;
}

/*
 * Sleep until something happens. Order: ask all drivers for notifications and say that we sleep;
 * one full fence; look again at all rings; only then sleep. Commands and stop set the wake
 * descriptor, which stays readable until it is read. The round before may have read it after it
 * looked for commands, so they are looked at again, too; what comes after this finds the descriptor
 * empty, and wakes us.
 *
 * No notification is lost, whichever way it comes. The driver stores its avail index, executes a
 * full fence, and looks whether it is to notify. Of two such fences one is first:
 *   - the driver's: our look at its ring, behind ours, sees the index, and we stay awake;
 *   - ours: the driver sees that it is to notify, and does.
 * With a descriptor, that wakes us: edges are kept until epoll_wait() takes them. With
 * vn_poller_wake() the same holds once more, with that thread in the driver's place: it was
 * notified after the index was stored, executes a full fence, and looks at asleep. If its fence is
 * first, we see the index; if ours is, it sees asleep, and sets the wake descriptor. So asleep has
 * to be stored before our fence and not just before we sleep: between look and store a notification
 * would be lost. The price is a wake descriptor set in vain when we find work; it is read in the
 * next round, before the rings are looked at, as in any round. What vn_poller_wake() passes over
 * while asleep is false, was made available before the next time we store it, look, and sleep.
 */
static void
poll_sleep(struct vn_poller *p)
{
	struct vn_poll_qp *qp;
	uint64_t timeout_ns = until_interrupt(p);
	bool work;

	TAILQ_FOREACH (qp, &p->qps, next)
		poll_qp_arm(p, qp, &timeout_ns);
	__atomic_store_n(&p->asleep, true, __ATOMIC_RELAXED);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	work = timeout_ns == 0 || __atomic_load_n(&p->todo.head, __ATOMIC_ACQUIRE) != NULL ||
	       __atomic_load_n(&p->stop, __ATOMIC_ACQUIRE);
	TAILQ_FOREACH (qp, &p->qps, next)
		work |= poll_qp_has_work(qp);
	if (!work) {
		p->stats.sleeps++;
		if (look(p, timeout_ns) > 0)
			p->stats.wakes++;
	}
	__atomic_store_n(&p->asleep, false, __ATOMIC_RELAXED);
	TAILQ_FOREACH (qp, &p->qps, next)
		poll_qp_disarm(p, qp);
}

int
poller_main(void *arg)
{
	struct vn_poller *p = arg;
	uint64_t idle_since = 0, now;

	p->thread = pthread_self();
	__atomic_store_n(&p->running, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		if (poll_round(p) > 0) {
			idle_since = 0;
			continue;
		}
		now = rte_get_tsc_cycles();
		if (idle_since == 0) {
			idle_since = now;
		} else if (now - idle_since >= p->idle_spin_cycles) {
			poll_sleep(p);
			idle_since = 0;
			continue;
		}
		rte_pause();
	}
	run_commands(p);
	__atomic_store_n(&p->running, false, __ATOMIC_RELEASE);
	return 0;
}
