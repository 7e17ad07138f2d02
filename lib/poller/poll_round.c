/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The loop of one worker lcore: rounds over its queue pairs, and commands.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>

#include "poller_private.h"

#define MAX_EVENTS 64

/* The first nap, and the longest. */
#define NAP_MIN_NS (10 * UINT64_C(1000))
#define NAP_MAX_NS (500 * UINT64_C(1000))

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

int
poll_look(struct vn_poller *p, uint64_t timeout_ns)
{
	struct epoll_event ev[MAX_EVENTS];
	struct vn_poll_qp *qp;
	uint64_t count;
	ssize_t got;
	int n;

	n = wait_events(p, ev, timeout_ns);
	if (timeout_ns != 0)
		p->now = rte_get_tsc_cycles();
	p->looked_at = p->now;
	for (int i = 0; i < n; i++) {
		if (ev[i].data.u64 == 0) {
			got = read(p->wakefd, &count, sizeof(count));
			RTE_SET_USED(got);
			continue;
		}
		/* Sources are looked at in every round. */
		if ((ev[i].data.u64 & EV_MASK) == EV_SOURCE)
			continue;
		qp = (struct vn_poll_qp *)(uintptr_t)(ev[i].data.u64 & ~(uint64_t)EV_MASK);
		if ((ev[i].data.u64 & EV_MASK) == EV_PORT) {
			/* Frames that have no buffers are no news, and are told in every look. */
			if (!qp->pq_ready || qp->cold)
				poll_qp_touch(qp);
			qp->pq_ready = true;
			/* A netdev that is gone shows an error for ever: do not spin on it. */
			if (ev[i].events & (EPOLLERR | EPOLLHUP))
				poll_qp_unwatch(p, qp);
		} else {
			poll_qp_touch(qp);
			poll_qp_kicked(qp);
		}
	}
	return n;
}

static void
run_commands(struct vn_poller *p)
{
	struct vn_poller_cmd *cmd, *next;
	bool any = false, untold = false;

	for (cmd = cmd_take(&p->todo); cmd != NULL; cmd = next) {
		next = cmd->next;
		p->touched = false;
		cmd->exec(p, cmd);
		untold |= !p->touched;
		cmd_push(&p->done, cmd);
		poll_count(&p->stats.commands, 1);
		any = true;
	}
	if (!any)
		return;
	if (untold)
		poll_touch_all(p);
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
	/* None waits for a cold one: see may_cool(). */
	TAILQ_FOREACH (qp, &p->hot, next) {
		const uint64_t due = poll_qp_interrupts(qp);

		if (due != 0 && (p->interrupt_due == 0 || due < p->interrupt_due))
			p->interrupt_due = due;
	}
}

uint64_t
poll_until_interrupt(const struct vn_poller *p)
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

static bool
has_pairs(const struct vn_poller *p)
{
	return p->stats.hot_pairs + p->stats.cold_pairs > 0;
}

/*
 * Descriptors are looked at in every round while there is little to do. A busy poller does not pay
 * for a system call per round: ports, and drivers of cold pairs, wait for LOOK_US at most.
 */
static bool
look_is_due(const struct vn_poller *p)
{
	return !p->busy || p->now - p->looked_at >= p->look_cycles;
}

/* Look at all hot pairs. */
static __rte_always_inline unsigned int
look_hot(struct vn_poller *p, bool measure)
{
	uint64_t before = 0, after;
	struct vn_poll_qp *qp;
	unsigned int moved = 0;

	if (measure)
		before = rte_get_tsc_cycles();
	TAILQ_FOREACH (qp, &p->hot, next) {
		const unsigned int n = poll_qp_round(qp);

		if (n > 0)
			qp->active_at = p->now;
		moved += n;
		if (!measure)
			continue;
		after = rte_get_tsc_cycles();
		if (n > 0)
			poll_count(&qp->load, (int64_t)(after - before));
		before = after;
	}
	return moved;
}

static unsigned int
poll_round(struct vn_poller *p)
{
	const uint64_t last = p->now;
	unsigned int moved = 0;

	poll_count(&p->stats.rounds, 1);
	if (p->qsbr != NULL)
		rte_rcu_qsbr_quiescent(p->qsbr, p->index);
	p->now = rte_get_tsc_cycles();
	if (p->busy)
		poll_count(&p->stats.busy_cycles, (int64_t)(p->now - last));
	run_commands(p);
	moved = poll_sources(p);
	/* Also without pairs: what was told of one that is gone must not keep us awake. */
	poll_take_woken(p);
	if (!has_pairs(p)) {
		p->interrupt_due = 0;
		p->busy = moved > 0;
		return moved;
	}
	if (look_is_due(p))
		poll_look(p, 0);
	if (p->n_timed > 0)
		moved += poll_timed(p);
	if (p->stats.rounds % VN_POLL_LOAD_EVERY == 0)
		moved += look_hot(p, true);
	else
		moved += look_hot(p, false);
	moved += poll_sink_publish(p);
	p->busy = moved > 0;
	if (moved > 0) {
		interrupts(p);
		poll_count(&p->stats.busy_rounds, 1);
		poll_count(&p->stats.packets, moved);
	} else if (unlikely(p->interrupt_due != 0) && rte_get_tsc_cycles() >= p->interrupt_due) {
		interrupts(p);
	}
	if (p->cold_cycles != 0 && p->now >= p->cool_at)
		poll_cool(p);
	return moved;
}

/* There was no work for a while. @return false: what ended the sleep was time. */
static bool
rest(struct vn_poller *p, uint64_t *nap_ns)
{
	uint64_t nap = SLEEP_FOR_EVER;

	if (p->policy == VN_IDLE_NAP && p->stats.hot_pairs > 0) {
		nap = RTE_MAX(*nap_ns, NAP_MIN_NS);
		*nap_ns = RTE_MIN(nap * 2, NAP_MAX_NS);
	}
	return poll_sleep(p, nap);
}

static void
begin(struct vn_poller *p)
{
	p->thread = pthread_self();
	/* Sleeps end when they are to end, not 50 us later: interrupts wait for it. */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	if (p->qsbr != NULL) {
		rte_rcu_qsbr_thread_register(p->qsbr, p->index);
		rte_rcu_qsbr_thread_online(p->qsbr, p->index);
	}
	__atomic_store_n(&p->running, true, __ATOMIC_RELEASE);
}

static void
end(struct vn_poller *p)
{
	run_commands(p);
	if (p->qsbr != NULL) {
		rte_rcu_qsbr_thread_offline(p->qsbr, p->index);
		rte_rcu_qsbr_thread_unregister(p->qsbr, p->index);
	}
	__atomic_store_n(&p->running, false, __ATOMIC_RELEASE);
}

int
poller_main(void *arg)
{
	struct vn_poller *p = arg;
	uint64_t idle_since = 0, nap_ns = 0, now;

	begin(p);
	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		if (poll_round(p) > 0) {
			idle_since = nap_ns = 0;
			continue;
		}
		now = rte_get_tsc_cycles();
		if (idle_since == 0)
			idle_since = now;
		if (now - idle_since < p->idle_spin_cycles ||
			(p->policy == VN_IDLE_POLL && has_pairs(p)))
			rte_pause();
		else if (rest(p, &nap_ns))
			idle_since = 0;
	}
	end(p);
	return 0;
}
