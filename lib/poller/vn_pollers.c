/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The control thread's side: the set of pollers, and commands to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "poller_private.h"
#include "vn_log.h"

/** If vn_poller_conf.rx_wait_ms is 0. */
#define RX_WAIT_MS 50

/** How often the watchdog looks, and after how many looks without a round it acts. */
#define WATCHDOG_NS    VN_MS(200)
#define WATCHDOG_LOOKS 2

/** A busy poller looks so often at descriptors (ports, kicks of cold pairs): a system call each. */
#define LOOK_US 20

struct vn_pollers {
	unsigned int n;
	struct vn_loop *loop;
	struct vn_timer watchdog;
	struct vn_poller poller[];
};

/* Runs in the control thread whenever a poller woke it. */
static void
reap(void *ctx)
{
	struct vn_pollers *ps = ctx;
	struct vn_poller_cmd *cmd, *next;

	for (unsigned int i = 0; i < ps->n; i++) {
		for (cmd = cmd_take(&ps->poller[i].done); cmd != NULL; cmd = next) {
			next = cmd->next;
			vn_loop_cancel(ps->loop, &cmd->timer);
			ps->poller[i].overdue -= cmd->overdue;
			cmd->overdue = false;
			cmd->done(cmd);
		}
	}
}

/* A poller that is awake makes rounds. One that does not hangs in a system call. */
static void
watch_poller(struct vn_poller *p)
{
	const uint64_t rounds = __atomic_load_n(&p->stats.rounds, __ATOMIC_RELAXED);

	if (rounds != p->rounds_seen || __atomic_load_n(&p->asleep, __ATOMIC_RELAXED) ||
		!__atomic_load_n(&p->running, __ATOMIC_ACQUIRE)) {
		p->rounds_seen = rounds;
		p->looks_without_round = 0;
		return;
	}
	if (++p->looks_without_round < WATCHDOG_LOOKS)
		return;
	VN_DBG("poller on lcore %u makes no rounds: interrupting its system call", p->lcore);
	pthread_kill(p->thread, VN_POLLER_SIGNAL);
}

static void
watchdog(void *ctx)
{
	struct vn_pollers *ps = ctx;

	for (unsigned int i = 0; i < ps->n; i++)
		watch_poller(&ps->poller[i]);
	vn_loop_arm(ps->loop, &ps->watchdog, WATCHDOG_NS);
}

static int
poller_init(struct vn_poller *p, struct vn_loop *loop, unsigned int index, unsigned int lcore,
	const struct vn_poller_conf *conf)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 0};
	const uint64_t hz = rte_get_tsc_hz();

	p->index = index;
	p->lcore = lcore;
	p->loop = loop;
	p->policy = conf->idle_policy;
	p->idle_spin_cycles = hz / US_PER_S * conf->idle_spin_us;
	p->cold_cycles = hz / US_PER_S * conf->idle_cold_us;
	p->rx_wait_cycles = hz / 1000 * (conf->rx_wait_ms != 0 ? conf->rx_wait_ms : RX_WAIT_MS);
	p->look_cycles = hz / US_PER_S * LOOK_US;
	p->timed_cycles = hz / (NS_PER_S / TIMED_SLEEP_NS);
	p->qsbr = conf->qsbr;
	TAILQ_INIT(&p->hot);
	TAILQ_INIT(&p->cold);
	TAILQ_INIT(&p->timed);
	TAILQ_INIT(&p->sources);
	p->epfd = epoll_create1(EPOLL_CLOEXEC);
	p->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->epfd < 0 || p->wakefd < 0 || epoll_ctl(p->epfd, EPOLL_CTL_ADD, p->wakefd, &ev) != 0)
		return -errno;
	return 0;
}

int
vn_pollers_create(struct vn_loop *loop, const unsigned int *lcores, unsigned int n,
	const struct vn_poller_conf *conf, struct vn_pollers **pollers)
{
	struct vn_pollers *ps;
	int rc = 0;

	ps = aligned_alloc(RTE_CACHE_LINE_SIZE,
		RTE_ALIGN_CEIL(sizeof(*ps) + n * sizeof(ps->poller[0]), RTE_CACHE_LINE_SIZE));
	if (ps == NULL)
		return -ENOMEM;
	*ps = (struct vn_pollers){.n = n, .loop = loop};
	ps->watchdog = (struct vn_timer){.cb = watchdog, .ctx = ps};
	for (unsigned int i = 0; i < n; i++)
		ps->poller[i] = (struct vn_poller){.epfd = -1, .wakefd = -1};
	for (unsigned int i = 0; i < n && rc == 0; i++)
		rc = poller_init(&ps->poller[i], loop, i, lcores[i], conf);
	if (rc == 0)
		rc = vn_loop_on_wake(loop, reap, ps);
	if (rc != 0) {
		vn_pollers_destroy(ps);
		return rc;
	}
	*pollers = ps;
	return 0;
}

int
vn_pollers_start(struct vn_pollers *ps)
{
	for (unsigned int i = 0; i < ps->n; i++) {
		int rc = rte_eal_remote_launch(poller_main, &ps->poller[i], ps->poller[i].lcore);

		if (rc != 0)
			return rc;
		ps->poller[i].launched = true;
	}
	vn_loop_arm(ps->loop, &ps->watchdog, WATCHDOG_NS);
	return 0;
}

static void
wake(struct vn_poller *p)
{
	const uint64_t one = 1;
	ssize_t n = write(p->wakefd, &one, sizeof(one));

	RTE_SET_USED(n); /* EAGAIN: a wake-up is pending anyway */
}

void
vn_poll_qp_wake(struct vn_poller *p, struct vn_poll_qp *qp)
{
	const unsigned int slot = wake_slot(qp), word = slot / 64;

	/* Why this is enough: see poll_sleep(). */
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&qp->armed, __ATOMIC_RELAXED))
		return;
	__atomic_fetch_or(&p->wake.word[word], UINT64_C(1) << slot % 64, __ATOMIC_RELEASE);
	__atomic_fetch_or(&p->wake.words, UINT64_C(1) << word, __ATOMIC_RELEASE);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&p->asleep, __ATOMIC_RELAXED))
		wake(p);
}

void
vn_pollers_stop(struct vn_pollers *ps)
{
	const uint64_t end = vn_now_ns() + VN_POLLER_DEADLINE_NS;

	vn_loop_cancel(ps->loop, &ps->watchdog);
	for (unsigned int i = 0; i < ps->n; i++) {
		__atomic_store_n(&ps->poller[i].stop, true, __ATOMIC_RELEASE);
		wake(&ps->poller[i]);
	}
	for (unsigned int i = 0; i < ps->n; i++) {
		struct vn_poller *p = &ps->poller[i];

		while (p->launched && rte_eal_get_lcore_state(p->lcore) == RUNNING) {
			if (vn_now_ns() > end) {
				VN_ERR("poller on lcore %u does not end", p->lcore);
				break;
			}
			rte_delay_us_sleep(100);
		}
		p->launched = false;
	}
}

void
vn_pollers_destroy(struct vn_pollers *ps)
{
	if (ps == NULL)
		return;
	for (unsigned int i = 0; i < ps->n; i++) {
		if (ps->poller[i].epfd >= 0)
			close(ps->poller[i].epfd);
		if (ps->poller[i].wakefd >= 0)
			close(ps->poller[i].wakefd);
	}
	free(ps);
}

static void
deadline_passed(void *ctx)
{
	struct vn_poller_cmd *cmd = ctx;

	/*
	 * What kept this thread away (a VM that stood still) has kept the poller away as well.
	 * Once: on a machine that is always late, a poller that hangs must be overridden all the
	 * same.
	 */
	if (!cmd->again && vn_now_ns() - cmd->timer.due_ns > VN_POLLER_DEADLINE_NS / 5) {
		cmd->again = true;
		vn_loop_arm(cmd->poller->loop, &cmd->timer, VN_POLLER_DEADLINE_NS);
		return;
	}
	cmd->poller->late++;
	cmd->poller->overdue++;
	cmd->overdue = true;
	VN_ERR("poller on lcore %u has not answered for %u ms", cmd->poller->lcore,
		(unsigned int)(VN_POLLER_DEADLINE_NS / VN_MS(1)));
	if (cmd->late != NULL)
		cmd->late(cmd);
}

void
vn_poller_call(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	cmd->poller = poller;
	cmd->overdue = false;
	cmd->again = false;
	cmd->timer = (struct vn_timer){.cb = deadline_passed, .ctx = cmd};
	vn_loop_arm(poller->loop, &cmd->timer, VN_POLLER_DEADLINE_NS);
	cmd_push(&poller->todo, cmd);
	wake(poller);
}

unsigned int
vn_pollers_count(const struct vn_pollers *ps)
{
	return ps->n;
}

struct vn_poller *
vn_pollers_get(struct vn_pollers *ps, unsigned int i)
{
	return i < ps->n ? &ps->poller[i] : NULL;
}

struct vn_poller *
vn_pollers_pick(struct vn_pollers *ps, unsigned int first, unsigned int last)
{
	struct vn_poller *best = NULL;

	for (unsigned int i = first; i <= last && i < ps->n; i++) {
		if (best == NULL || ps->poller[i].devices < best->devices)
			best = &ps->poller[i];
	}
	if (best != NULL)
		best->devices++;
	return best;
}

void
vn_poller_put(struct vn_poller *poller)
{
	poller->devices--;
}

void
vn_poller_take(struct vn_poller *poller)
{
	poller->devices++;
}

unsigned int
vn_poller_lcore(const struct vn_poller *poller)
{
	return poller->lcore;
}

unsigned int
vn_poller_index(const struct vn_poller *poller)
{
	return poller->index;
}

unsigned int
vn_poller_devices(const struct vn_poller *poller)
{
	return poller->devices;
}

uint64_t
vn_poller_late(const struct vn_poller *poller)
{
	return poller->late;
}

bool
vn_poller_answers(const struct vn_poller *poller)
{
	return poller->overdue == 0 && poller->looks_without_round < WATCHDOG_LOOKS;
}

const struct vn_poller_stats *
vn_poller_stats(const struct vn_poller *poller)
{
	return &poller->stats;
}
