/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_POLLER_H
#define VN_POLLER_H

/**
 * @file
 * Worker loops: each runs on one lcore and moves frames between rings and ports.
 *
 * The control thread never touches what a poller owns: it sends commands, which the poller
 * executes between two rounds and acknowledges. That acknowledgement is the "quiesced" of the one
 * detach -> quiesced protocol: when the command that takes a thing away has been acknowledged, no
 * poller uses that thing.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "vn_dim.h"
#include "vn_loop.h"
#include "vn_poll_latency.h"
#include "vn_port.h"
#include "vn_rx_rules.h"
#include "vn_virtq.h"

struct rte_rcu_qsbr;
struct vn_poller;
struct vn_pollers;

/** How long a poller may take to acknowledge before it is overridden. */
#define VN_POLLER_DEADLINE_NS VN_MS(500)

/**
 * The signal that gets a poller out of a system call that blocks although it must not: a peer can
 * make the eventfd blocking that it gave us for interrupts, and fill it. The application installs
 * a handler that does nothing, without SA_RESTART. Harmless at any other moment.
 */
#define VN_POLLER_SIGNAL SIGURG

/** A function to run on the poller between two rounds. Embedded; lives until done(). */
struct vn_poller_cmd {
	/** Poller: do it. */
	void (*exec)(struct vn_poller *poller, struct vn_poller_cmd *cmd);
	/** Control thread: it was done. Always called, however late; may free the command. */
	void (*done)(struct vn_poller_cmd *cmd);
	/** Control thread: the deadline has passed and done() is still to come. May be NULL. */
	void (*late)(struct vn_poller_cmd *cmd);
	/* The rest is the poller library's. */
	struct vn_poller *poller;
	bool overdue; /* late() was due, and done() is still to come */
	bool again;   /* the deadline has been put off, which is done once */
	struct vn_poller_cmd *next;
	struct vn_timer timer;
};

/** Frames of a queue pair that a round moves in each direction, about. */
#define VN_POLL_BURST 32
/** Frames that may wait, read from the port, for receive buffers of the driver. */
#define VN_POLL_PENDING 4

/** kick_fd of a ring whose notifications come by vn_poll_qp_wake(). */
#define VN_KICK_WAKE (-2)

/**
 * The queue pairs of one device that are on one poller, and the rules for what comes from the
 * network. Made by the control thread, constant but for the fields marked.
 */
struct vn_poll_group {
	struct vn_poll_qp **qp; /**< by number of the pair */
	uint16_t n;
	/**
	 * Poller only, exchanged by commands; NULL: every frame stays on its pair. Never NULL with
	 * VN_NET_F_HASH_REPORT: the rules fill in the hash.
	 */
	const struct vn_rx_rules *rules;
	/** Counters, written by the poller. */
	uint64_t filtered;     /**< frames that were not for this device */
	uint64_t moved;        /**< frames that went to another pair than they came in on */
	uint64_t move_dropped; /**< of these, dropped: the pair has no ring or no buffers */
	uint64_t stay_dropped; /**< not moved, dropped: no ring, or a driver that takes nothing */
};

/**
 * Notifications by descriptor. A driver that works rings at most once for each chain: what rings
 * more often brings nothing new. Written by the poller.
 */
#define VN_POLL_KICKS_AHEAD 256
struct vn_poll_kicks {
	uint16_t tx_seen, rx_seen; /**< available indices at the last one */
	uint32_t credit;           /**< chains that have not been rung for yet, at most */
	uint64_t spurious;         /**< notifications without one; anybody may read */
};

/** Interrupt moderation by load, of one ring. */
struct vn_poll_dim {
	const struct vn_virtq_stats *stats; /**< of the ring; NULL: not moderated by load */
	struct vn_dim dim;
};

/** How the interrupts of a ring wait. */
struct vn_poll_coal {
	uint32_t usecs, packets;          /**< as vn_virtq_set_coal() ... */
	bool restart;                     /**< ... and vn_virtq_set_coal_restart() */
	const struct vn_virtq_stats *dim; /**< the ring's: by load, instead; or NULL */
};

/** One round in so many is measured: see vn_poll_qp::load. */
#define VN_POLL_LOAD_EVERY 16

/** What a poller has of one queue pair. Made by the control thread, zeroed; attached with commands.
 */
struct vn_poll_qp {
	/* Set before the first attach, constant. */
	const struct vn_port_ops *ops;
	struct rte_mempool *pool;
	/** Poller: called once when one of the rings has become broken (any work goes to control).
	 */
	void (*on_broken)(struct vn_poll_qp *qp);
	void *ctx;
	struct vn_poll_group *group; /**< or NULL: a pair that stands alone, without rules */
	uint16_t number;             /**< its place in the group */
	/** Poller: called once when learn_mac was set and first_mac has been filled. */
	void (*on_mac)(struct vn_poll_qp *qp);

	/* Poller only. */
	struct vn_port_queue *pq;
	struct vn_virtq *rx, *tx;
	int rx_kick, tx_kick;
	bool rx_polled, tx_polled; /**< no descriptor that could wake us */
	bool pq_watched;           /**< the port's descriptor is in our epoll set */
	bool pq_muted;             /**< ... but not looked at while we sleep */
	bool pq_ready;             /**< the port has something to read */
	bool rx_told, tx_told;     /**< that it is broken */
	bool learn_mac;            /**< set before tx is attached: see on_mac */
	uint8_t first_mac[6];      /**< source of the first frame that was sent then */
	bool linked;
	bool cold;               /**< not looked at in every round */
	bool by_time;            /**< ... but now and then: nobody would tell of work */
	bool armed;              /**< drivers are asked for notifications; atomic */
	struct vn_poller *owner; /**< while linked */
	uint64_t active_at;      /**< cycles: there was work, or a sign of it */
	uint64_t look_at;        /**< cycles: the next look, by_time */
	uint16_t rx_avail_seen;  /**< receive chains there were when we last had too few */
	uint16_t n_pending, pending_first;
	uint64_t short_since;    /**< the first of pending has too few buffers: cycles; 0: no */
	uint16_t short_offered;  /**< vn_virtq_offered() then */
	bool stuck;              /**< pending is full, and the driver has taken nothing for long */
	uint16_t stuck_position; /**< of the ring when pending was found full ... */
	uint64_t stuck_since;    /**< ... in cycles; 0: it is not */
	struct rte_mbuf *pending[VN_POLL_PENDING];
	struct vn_poll_kicks kicks;
	/**
	 * Cycles that looks which moved frames took, in one round of VN_POLL_LOAD_EVERY. Anybody
	 * may read.
	 */
	uint64_t load;
	struct vn_poll_dim dim[2];       /**< of rx and tx; others may read what vn_dim.h allows */
	struct vn_poll_latency *latency; /**< of rx and tx, set by commands; NULL: not measured */
	struct vn_port_sink sink;        /**< for the port, while there is one */
	bool sunk;                       /**< rx got frames by it that are not published */
	SLIST_ENTRY(vn_poll_qp) next_sunk;
	TAILQ_ENTRY(vn_poll_qp) next;
	LIST_ENTRY(vn_poll_qp) wake_next;
};

/**
 * Something else that a poller looks at in every round: a port that is no device's. Zeroed, filled
 * by whoever attaches it.
 */
struct vn_poll_source {
	/** Poller: one look. @return frames moved. */
	unsigned int (*poll)(struct vn_poll_source *src);
	/**
	 * Poller: the poller is about to sleep (@p on), or was: in between, fd is to become
	 * readable when there is something. Executes the full fence that it takes. @return with @p
	 * on: there is something already.
	 */
	bool (*arm)(struct vn_poll_source *src, bool on);
	/** The same for the first @p n of fd[]; with none it is looked at by time. */
	unsigned int n_fds;
	int fd[2];
	TAILQ_ENTRY(vn_poll_source) next; /* the poller's */
};

/** Numbers for debug and health. Written by the poller. */
struct vn_poller_stats {
	uint64_t rounds, busy_rounds, sleeps, wakes, packets, commands;
	uint64_t hot_pairs, cold_pairs; /**< now: looked at in every round, and not */
	uint64_t busy_cycles;           /**< of rounds that moved something */
	uint64_t cooled, heated;        /**< pairs that went from one to the other, and back */
};

/** What a poller does that finds no work. */
enum vn_idle_policy {
	VN_IDLE_SLEEP, /**< ask all drivers for notifications, and sleep until one comes */
	VN_IDLE_NAP,   /**< ask nobody, and sleep for a time that grows; then as VN_IDLE_SLEEP */
	VN_IDLE_POLL,  /**< look on, unless there is no ring to look at */
};

/** How long a queue pair has nothing to do, as a rule, before it goes cold. */
#define VN_IDLE_COLD_US 1000

struct vn_poller_conf {
	uint32_t idle_spin_us; /**< look this long for work before sleeping */
	/**
	 * A queue pair that has had nothing to do for so long is not looked at until its driver or
	 * its port tells of work; 0: all are looked at in every round.
	 */
	uint32_t idle_cold_us;
	/**
	 * A frame for which a driver has buffers, but too few, waits so long for more; 0: 50 ms.
	 */
	uint32_t rx_wait_ms;
	enum vn_idle_policy idle_policy;
	/**
	 * Poller number i is its thread i: reports a quiescent state in every round, and is offline
	 * while it sleeps. NULL: none.
	 */
	struct rte_rcu_qsbr *qsbr;
};

/** Pollers for the lcores given, not running yet. Control thread. */
int vn_pollers_create(struct vn_loop *loop, const unsigned int *lcores, unsigned int n,
	const struct vn_poller_conf *conf, struct vn_pollers **pollers);
/** Launch on their lcores. */
int vn_pollers_start(struct vn_pollers *pollers);
/** Stop them and wait (they are asked to end; bounded). */
void vn_pollers_stop(struct vn_pollers *pollers);
/** Free them, stopped. NULL is fine. Control thread. */
void vn_pollers_destroy(struct vn_pollers *pollers);

/** How many there are. Control thread, as all to vn_poller_call(). */
unsigned int vn_pollers_count(const struct vn_pollers *pollers);
/** Number @p i, or NULL. */
struct vn_poller *vn_pollers_get(struct vn_pollers *pollers, unsigned int i);
/** The one with the fewest devices among numbers @p first..@p last; counts one device more on it.
 */
struct vn_poller *vn_pollers_pick(
	struct vn_pollers *pollers, unsigned int first, unsigned int last);
/** One device less on it. */
void vn_poller_put(struct vn_poller *poller);
/** One device more on it. */
void vn_poller_take(struct vn_poller *poller);

/** Its lcore id. */
unsigned int vn_poller_lcore(const struct vn_poller *poller);
/** Its number in the set. */
unsigned int vn_poller_index(const struct vn_poller *poller);
/** Devices counted on it. */
unsigned int vn_poller_devices(const struct vn_poller *poller);
/** Commands that it acknowledged after the deadline, or not yet. */
uint64_t vn_poller_late(const struct vn_poller *poller);
/** False: a command is overdue, or the poller is awake and makes no rounds. */
bool vn_poller_answers(const struct vn_poller *poller);
/** Its counters; they change while they are read. */
const struct vn_poller_stats *vn_poller_stats(const struct vn_poller *poller);

/** Send a command. Control thread. Commands of one poller are executed in order. */
void vn_poller_call(struct vn_poller *poller, struct vn_poller_cmd *cmd);

/**
 * A driver notified a ring of @p qp that was attached with VN_KICK_WAKE: see that the poller looks
 * at it. Cheap while it does so anyway. Any thread, as long as the pair is there.
 */
void vn_poll_qp_wake(struct vn_poller *poller, struct vn_poll_qp *qp);

/* To be called from exec(): on the poller. */

/**
 * Something about the pair has changed (its rules, memory, interrupts, ...) that only a look at it
 * can tell. Attaching and detaching does the same. A command that has done this for no pair at all
 * has it done for every pair of the poller.
 */
void vn_poll_qp_touch(struct vn_poller *poller, struct vn_poll_qp *qp);

/** The ring is the poller's from now on; one kick and one interrupt are assumed lost. */
void vn_poll_qp_attach_ring(struct vn_poller *poller, struct vn_poll_qp *qp, bool is_rx,
	struct vn_virtq *vq, int kick_fd);
/** How interrupts of a ring that is attached wait from now on. The last one that waits does not. */
void vn_poll_qp_set_coal(struct vn_poll_qp *qp, bool is_rx, const struct vn_poll_coal *coal);
/**
 * The pair goes from the poller as it stands, with rings, port queue and frames that wait, to
 * another one where vn_poll_qp_join() is called. Interrupts that wait are sent. Nothing is lost,
 * and neither driver nor port notices. Pairs of a group go together.
 */
void vn_poll_qp_leave(struct vn_poller *poller, struct vn_poll_qp *qp);
void vn_poll_qp_join(struct vn_poller *poller, struct vn_poll_qp *qp);
/** Have @p cmd's done() run in the control thread soon; exec() and late() are not used. */
void vn_poller_tell(struct vn_poller *poller, struct vn_poller_cmd *cmd);
/** Give the ring back, all its work completed and published. @return the ring, or NULL. */
struct vn_virtq *vn_poll_qp_detach_ring(
	struct vn_poller *poller, struct vn_poll_qp *qp, bool is_rx);
/** The source is the poller's from now on. */
void vn_poller_attach_source(struct vn_poller *poller, struct vn_poll_source *src);
/** It is not any more. */
void vn_poller_detach_source(struct vn_poller *poller, struct vn_poll_source *src);
/** The port queue is the poller's from now on. */
void vn_poll_qp_attach_port(
	struct vn_poller *poller, struct vn_poll_qp *qp, struct vn_port_queue *pq);
/** Give the port queue back. @return it, or NULL. */
struct vn_port_queue *vn_poll_qp_detach_port(struct vn_poller *poller, struct vn_poll_qp *qp);

#endif /* VN_POLLER_H */
