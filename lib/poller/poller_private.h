/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef POLLER_PRIVATE_H
#define POLLER_PRIVATE_H

/** @file What the files of lib/poller share. */

#include <pthread.h>

#include <rte_common.h>

#include "vn_poller.h"

/** A stack of commands that one side pushes to and the other takes as a whole. */
struct cmd_stack {
	struct vn_poller_cmd *head; /* atomic */
};

struct vn_poller {
	/* Constant while running. */
	unsigned int index;
	unsigned int lcore;
	int epfd;
	int wakefd;
	uint64_t idle_spin_cycles;
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

	/* Poller only (others may read the numbers). */
	TAILQ_HEAD(, vn_poll_qp) qps __rte_cache_aligned;
	SLIST_HEAD(, vn_poll_qp) sunk; /* got frames by their sinks, not published */
	uint64_t interrupt_due;        /* cycles; 0: none waits for time */
	bool no_pwait2;                /* the kernel has no epoll_pwait2() */
	struct vn_poller_stats stats;
};

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
#define EV_PORT 0
#define EV_KICK 1
#define EV_MASK 1

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

/** Poller: a sleep without a limit. */
#define SLEEP_FOR_EVER UINT64_MAX

/**
 * Poller: get ready to sleep: ask for notifications. *timeout_ns is lowered where only time can
 * tell.
 */
void poll_qp_arm(struct vn_poller *p, struct vn_poll_qp *qp, uint64_t *timeout_ns);
/** Poller: after the fence that follows arming. @return true if there is work after all. */
bool poll_qp_has_work(struct vn_poll_qp *qp);
/** Poller: take the port's descriptor out of the epoll set; from then on it is looked at by time.
 */
void poll_qp_unwatch(struct vn_poller *p, struct vn_poll_qp *qp);
void poll_qp_disarm(struct vn_poller *p, struct vn_poll_qp *qp);

#endif /* POLLER_PRIVATE_H */
