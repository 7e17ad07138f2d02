/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef POLLER_PRIVATE_H
#define POLLER_PRIVATE_H

/** @file What the files of lib/poller share. */

#include <pthread.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "vn_poller.h"

/** A stack of commands that one side pushes to and the other takes as a whole. */
struct cmd_stack {
	struct vn_poller_cmd *head; /* atomic */
};

TAILQ_HEAD(poll_list, vn_poll_qp);

/**
 * Pairs that vn_poll_qp_wake() was called for: bits, that stand for all pairs of a slot. Nothing
 * here points to a pair that another thread may just have freed, and nothing can overflow. Pairs
 * that share a slot are looked at in vain.
 */
#define WAKE_SLOTS 4096u
struct poll_wake {
	uint64_t words; /* bit n: see word[n]. Atomic, as these are. */
	uint64_t word[WAKE_SLOTS / 64];
	LIST_HEAD(, vn_poll_qp) slot[WAKE_SLOTS]; /* poller only */
};

static inline unsigned int
wake_slot(const struct vn_poll_qp *qp)
{
	return (uint32_t)(((uintptr_t)qp >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % WAKE_SLOTS;
}

struct vn_poller {
	/* Constant while running. */
	unsigned int index;
	unsigned int lcore;
	int epfd;
	int wakefd;
	enum vn_idle_policy policy;
	uint64_t idle_spin_cycles;
	uint64_t cold_cycles;    /* a pair without work goes cold after so long; 0: never */
	uint64_t look_cycles;    /* so long without a look at descriptors, while busy */
	uint64_t timed_cycles;   /* TIMED_SLEEP_NS */
	uint64_t rx_wait_cycles; /* vn_poller_conf.rx_wait_ms */
	struct rte_rcu_qsbr *qsbr;
	struct vn_loop *loop;

	/* Control thread only. */
	unsigned int devices;
	bool launched;
	uint64_t late;
	unsigned int overdue; /* of these, not answered yet */
	uint64_t rounds_seen; /* watchdog: at its last look */
	unsigned int looks_without_round;

	/* Shared. */
	struct cmd_stack todo __rte_cache_aligned; /* control pushes, poller takes */
	struct cmd_stack done;                     /* poller pushes, control takes */
	bool stop;                                 /* control writes */
	bool running; /* poller writes; thread is valid while it is set */
	bool asleep;  /* poller writes: it sleeps, or is about to */
	pthread_t thread;
	struct poll_wake wake;

	/* Poller only (others may read the numbers). */
	struct poll_list hot __rte_cache_aligned; /* looked at in every round */
	struct poll_list cold;  /* told of by a descriptor, or vn_poll_qp_wake() */
	struct poll_list timed; /* cold, and by_time: in the order of look_at */
	unsigned int n_timed;
	TAILQ_HEAD(, vn_poll_source) sources;
	uint64_t now;                  /* cycles, when the round began */
	uint64_t looked_at;            /* ... of the last look at descriptors */
	uint64_t cool_at;              /* ... of the next search for pairs to go cold */
	uint64_t interrupt_due;        /* cycles; 0: none waits for time */
	bool busy;                     /* the last round moved something */
	bool touched;                  /* the command at hand has said what it changed */
	bool no_pwait2;                /* the kernel has no epoll_pwait2() */
	SLIST_HEAD(, vn_poll_qp) sunk; /* got frames by their sinks, not published */
	uint32_t sunk_work;            /* vn_virtq_put_work() of all of them */
	struct vn_poller_stats stats;
};

/** A number that this thread alone writes. */
static inline void
poll_count(uint64_t *counter, int64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void
cmd_push(struct cmd_stack *s, struct vn_poller_cmd *cmd)
{
	struct vn_poller_cmd *head = __atomic_load_n(&s->head, __ATOMIC_RELAXED);

	do {
		cmd->next = head;
	} while (!__atomic_compare_exchange_n(
		&s->head, &head, cmd, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/** All that was pushed, oldest first. */
static inline struct vn_poller_cmd *
cmd_take(struct cmd_stack *s)
{
	struct vn_poller_cmd *cmd, *next, *list = NULL;

	if (__atomic_load_n(&s->head, __ATOMIC_RELAXED) == NULL)
		return NULL;
	cmd = __atomic_exchange_n(&s->head, NULL, __ATOMIC_ACQUIRE);
	for (; cmd != NULL; cmd = next) {
		next = cmd->next;
		cmd->next = list;
		list = cmd;
	}
	return list;
}

/** Poller: what an epoll event is about, beside the queue pair (low bits of the pointer). */
#define EV_PORT   0
#define EV_KICK   1
#define EV_SOURCE 2
#define EV_MASK   3

/** Poller: the loop, until stop. */
int poller_main(void *poller);

/** Poller: the descriptor by which the driver notifies of one of the pair's rings was written. */
void poll_qp_kicked(struct vn_poll_qp *qp);
/** Poller: one look at a queue pair. @return frames moved. */
unsigned int poll_qp_round(struct vn_poll_qp *qp);
/**
 * Poller: interrupts that the round or time have made due. After the round's fence.
 * @return when the next one that waits is due, in cycles; 0: none waits.
 */
uint64_t poll_qp_interrupts(struct vn_poll_qp *qp);

/** Poller: interrupt the driver of @p vq, or let it wait, by load or as was set. */
void poll_dim_interrupt(struct vn_poll_dim *d, struct vn_virtq *vq);

/** Poller: the pair's ring (rx_told, tx_told) is broken; the control thread is told once. */
void poll_qp_tell_broken(struct vn_poll_qp *qp, bool *told);

/** Poller: network to driver. @return frames moved. */
unsigned int poll_rx(struct vn_poll_qp *qp);
/** Poller: give what waits to the ring. @return frames given. */
unsigned int poll_rx_give(struct vn_poll_qp *qp);
/** Poller: drop what waits. */
void poll_rx_drop_pending(struct vn_poll_qp *qp);

/** Poller: how long a driver may take nothing until frames for it are no longer waited for. */
#define RX_STUCK_NS VN_MS(50)
/** Poller: the frames of the pair's port are to be looked at; it has a group. */
bool poll_rx_has_rules(const struct vn_poll_qp *qp);
/** Poller: its port is not read, as frames for itself wait. */
bool poll_rx_blocked(const struct vn_poll_qp *qp);
/** Poller: poll_rx() for such a pair, which need not have a receive ring. */
unsigned int poll_rx_by_rules(struct vn_poll_qp *qp);

/** Poller: the pair has a port queue from now on, which may put frames; or not any more. */
void poll_sink_attach(struct vn_poller *p, struct vn_poll_qp *qp);
void poll_sink_detach(struct vn_poll_qp *qp);
/** Poller: show drivers what sinks have put. @return rings that got something. */
unsigned int poll_sink_publish(struct vn_poller *p);

/* poll_source.c */

/** Poller: look at all sources. @return frames moved. */
unsigned int poll_sources(struct vn_poller *p);
/**
 * Poller: before a sleep, and after it. *timeout_ns is lowered where only time can tell. @return
 * there is work already.
 */
bool poll_sources_arm(struct vn_poller *p, uint64_t *timeout_ns);
void poll_sources_disarm(struct vn_poller *p);

/** Poller: a sleep without a limit. */
#define SLEEP_FOR_EVER UINT64_MAX
/** How long to sleep at most while nothing but time can tell that there is work. */
#define TIMED_SLEEP_NS VN_MS(1)

/* poll_idle.c */
/** Poller: a cold pair is hot again. */
void poll_qp_heat(struct vn_poll_qp *qp);
/** Poller: the pair has work, or may have. */
static inline void
poll_qp_touch(struct vn_poll_qp *qp)
{
	if (unlikely(qp->cold))
		poll_qp_heat(qp);
	qp->active_at = qp->owner != NULL ? qp->owner->now : 0;
}
/** Poller: all of them. */
void poll_touch_all(struct vn_poller *p);
/** Poller: the pair is hot from now on, or none of ours. */
void poll_link(struct vn_poller *p, struct vn_poll_qp *qp);
void poll_unlink(struct vn_poll_qp *qp);
/** Poller: those that vn_poll_qp_wake() was called for become hot. */
void poll_take_woken(struct vn_poller *p);
/** Poller: look at cold pairs that nobody tells of. @return frames moved. */
unsigned int poll_timed(struct vn_poller *p);
/** Poller: pairs that have had no work for long go cold. */
void poll_cool(struct vn_poller *p);
/** Poller: sleep until something happens; as a nap: so long at most. @return false: time is up. */
bool poll_sleep(struct vn_poller *p, uint64_t nap_ns);

/** Poller: descriptors that are ready, and those that become so within @p timeout_ns. */
int poll_look(struct vn_poller *p, uint64_t timeout_ns);
/** Poller: nanoseconds until an interrupt that waits is due. */
uint64_t poll_until_interrupt(const struct vn_poller *p);

/**
 * Poller: get ready to sleep: ask for notifications. *timeout_ns is lowered where only time can
 * tell.
 */
void poll_qp_arm(struct vn_poller *p, struct vn_poll_qp *qp, uint64_t *timeout_ns);
/** Poller: after the fence that follows arming. @return true if there is work after all. */
bool poll_qp_has_work(struct vn_poll_qp *qp);
/** Poller: look at the port's descriptor, of a pair that comes. */
void poll_qp_watch(struct vn_poller *p, struct vn_poll_qp *qp);
/** Poller: take the port's descriptor out of the epoll set; from then on it is looked at by time.
 */
void poll_qp_unwatch(struct vn_poller *p, struct vn_poll_qp *qp);
void poll_qp_disarm(struct vn_poller *p, struct vn_poll_qp *qp);

#endif /* POLLER_PRIVATE_H */
