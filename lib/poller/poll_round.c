/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The loop of one worker lcore: rounds over its queue pairs, commands, and sleep.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include "poller_private.h"

#define MAX_EVENTS 64

/* Look for readable ports (and wake-ups); sleeps up to @p timeout_ms. */
static int
look(struct vn_poller *p, int timeout_ms)
{
	struct epoll_event ev[MAX_EVENTS];
	struct vn_poll_qp *qp;
	uint64_t count;
	ssize_t got;
	int n;

	n = epoll_wait(p->epfd, ev, MAX_EVENTS, timeout_ms);
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
		}
		/* A kick needs no note: every ring is looked at in every round. */
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
	if (any)
		vn_loop_wake(p->loop);
}

void
vn_poller_tell(struct vn_poller *p, struct vn_poller_cmd *cmd)
{
	cmd_push(&p->done, cmd);
	vn_loop_wake(p->loop);
}

static unsigned int
poll_round(struct vn_poller *p)
{
	struct vn_poll_qp *qp;
	unsigned int moved = 0;

	p->stats.rounds++;
	run_commands(p);
	if (TAILQ_EMPTY(&p->qps))
		return 0;
	look(p, 0);
	TAILQ_FOREACH (qp, &p->qps, next)
		moved += poll_qp_round(qp);
	if (moved > 0) {
		/* One fence between all used indices and all looks at what the drivers want. */
		rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
		TAILQ_FOREACH (qp, &p->qps, next)
			poll_qp_interrupts(qp);
		p->stats.busy_rounds++;
		p->stats.packets += moved;
	}
	return moved;
}

/*
 * Sleep until something happens. Order: ask all drivers for notifications; one full fence; look
 * again at all rings; only then sleep. Commands and stop set the wake descriptor, which stays
 * readable until it is read. The round before may have read it after it looked for commands, so
 * they are looked at again, too; what comes after this finds the descriptor empty, and wakes us.
 */
static void
poll_sleep(struct vn_poller *p)
{
	struct vn_poll_qp *qp;
	int timeout_ms = -1;
	bool work;

	TAILQ_FOREACH (qp, &p->qps, next)
		poll_qp_arm(p, qp, &timeout_ms);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	work = __atomic_load_n(&p->todo.head, __ATOMIC_ACQUIRE) != NULL ||
	       __atomic_load_n(&p->stop, __ATOMIC_ACQUIRE);
	TAILQ_FOREACH (qp, &p->qps, next)
		work |= poll_qp_has_work(qp);
	if (!work) {
		p->stats.sleeps++;
		__atomic_store_n(&p->asleep, true, __ATOMIC_RELAXED);
		if (look(p, timeout_ms) > 0)
			p->stats.wakes++;
		__atomic_store_n(&p->asleep, false, __ATOMIC_RELAXED);
	}
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
