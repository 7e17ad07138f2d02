/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef DEVICE_PRIVATE_H
#define DEVICE_PRIVATE_H

/**
 * @file
 * What the files of lib/device share. All of it belongs to the control thread, but for the
 * vn_poll_qp of a pair (the poller's between attach and detach).
 */

#include "vn_device.h"
#include "vn_net_config.h"
#include "vn_net_ctrl.h"
#include "vn_poller.h"

struct dev_op;
struct vn_model;
struct vn_virtq;

/** Run time of a ring. Its state is in struct vn_device_vq. */
struct dev_ring {
	struct vn_device *dev;
	uint16_t idx;
	struct vn_virtq *vq;     /* NULL when STOPPED */
	struct vn_guestmem *mem; /* the map that vq uses: a reference of the ring's own */
	struct vn_bb_ring *bb;
	bool sent;        /* the attach command is on its way or done */
	bool stop_wanted; /* stop as soon as the state allows */
	bool overdue;     /* the detach command missed its deadline: as good as stopped */
	bool parked;      /* STARTING without vq, which is made anew at position */
	bool late;        /* its command missed its deadline, and memory was not taken back yet */
	bool astray;      /* its memory was taken from a late poller: position is as of then */
	bool lost;        /* nobody knows at what position it stopped */
	bool dim;         /* interrupts wait by load, from the attach command on */
	bool cmd_busy;
	struct vn_poller_cmd cmd; /* attach or detach; one at a time */
	struct dev_op *call_op;   /* a new interrupt descriptor on its way to the poller */
	bool call_waits;          /* another one, in setup.call_fd, is to follow it */
	vn_device_cb stop_cb;     /* who waits for the stop */
	void *stop_ctx;
};

enum pair_state {
	PAIR_CLOSED,
	PAIR_OPENING, /* job: port queue */
	PAIR_OPEN,
	PAIR_DETACHING, /* command: take the port queue from the poller */
	PAIR_CLOSING,   /* job */
};

/** A queue pair and its port queue, which is open while one of the rings is not STOPPED. */
struct dev_pair {
	struct vn_device *dev;
	uint16_t idx;
	enum pair_state state;
	bool failed; /* no port queue to be had: the rings go on without */
	struct vn_port_queue *pq;
	struct vn_poll_qp qp;
	struct vn_poller_cmd cmd;    /* attach or detach of the port queue */
	bool busy;                   /* a command or a job of ours is on its way */
	bool late;                   /* the command has missed its deadline */
	struct vn_poller_cmd broken; /* poller tells us that a ring is broken */
	bool telling; /* broken is on its way (atomic; poller sets, control clears) */
	/* The port queue's counters at the last tick, and since when it refuses all; 0: it does
	 * not. */
	uint64_t tick_sent, tick_refused, refuses_since_ns;
	bool stalled;             /* that was counted */
	struct vn_poller_cmd mac; /* poller tells us who sends */
	bool learned;             /* mac is on its way (atomic; as telling) */
};

enum port_state {
	PORT_OPENING,
	PORT_OPEN,
	PORT_FAILED,
	PORT_CLOSED,
};

/** Of vn_device_measure(). */
struct dev_latency {
	struct vn_poll_latency *rings; /* two of each pair; the poller writes; NULL: not measured */
	uint64_t since_ns;
	struct vn_timer timer; /* nobody asks any more */
};

/** Of vn_device_restart(). */
enum restart_step {
	RESTART_NONE,
	RESTART_PARKING,   /* rings and port queues come back from the poller */
	RESTART_REOPENING, /* job: the port */
	RESTART_RESUMING,  /* rings and port queues go to the poller */
};

struct dev_waiter {
	vn_device_cb cb;
	void *ctx;
};

/** Of vn_device_move(). */
struct dev_move {
	struct vn_device *dev;
	struct vn_poller *to;
	struct vn_poller_cmd cmd;
	bool busy;
	bool holding; /* commands wait: nobody knows yet whose they are */
	int state;    /* who was first: the poller, or its deadline (atomic) */
	struct vn_poller_cmd *held, **tail;
	struct dev_waiter waiter;
};

#define MAX_RESET_WAITERS 4

struct vn_device_priv {
	enum port_state port_state;
	struct vn_port *port;
	struct vn_poller *poller;
	struct vn_guestmem *mem;
	struct vn_dirty_log log;
	bool log_on;
	bool refreshing, refresh_again; /* port_info */
	bool features_busy;             /* a job is under way */
	uint64_t features_applied;      /* by the last one */
	/* The same for carrier, MTU and MAC. */
	bool link_busy, mtu_busy, mac_busy;
	bool link_applied;
	uint16_t mtu_applied;
	uint8_t mac_applied[VN_MAC_LEN];
	uint64_t ban_until_ns; /* no ring starts before: see dev_mark_broken() */
	unsigned int ban_seconds;
	bool announcing;          /* an announcement is under way */
	uint64_t drop_base;       /* what the drop counter counts from */
	uint64_t spurious_before; /* kicks of rings that are gone */
	unsigned int jobs;        /* on their way in the helper thread */
	unsigned int ops; /* commands on their way to the poller, rings' and pairs' excepted */

	struct vn_model *model; /* NULL: the transport carries only rings */

	struct dev_latency latency;
	struct dev_move move;
	enum restart_step restart;
	struct dev_waiter restart_waiter;

	bool resetting;
	bool peer_lost; /* by vn_device_peer_lost() */
	bool reset_drops_mem;
	unsigned int n_reset_waiters;
	struct dev_waiter reset_waiter[MAX_RESET_WAITERS];

	bool ending; /* vn_device_destroy() was called */
	enum vn_port_fate fate;
	struct dev_waiter end_waiter;

	struct dev_ring *ring; /* num_vqs */
	struct dev_pair *pair; /* max_queue_pairs */
};

/** Queue pairs that there is memory for: one at least. */
static inline uint16_t
dev_pairs(const struct vn_device *dev)
{
	return (dev->num_vqs - 1) / 2;
}

/** Hash types that are offered. */
static inline uint32_t
dev_hash_types(const struct vn_device *dev)
{
	return dev->conf.hash_types != 0 ? dev->conf.hash_types : VN_NET_HASH_ALL;
}

/* vn_device.c */
/** What is offered of @p features. */
uint64_t dev_features_offered(const struct vn_device *dev, uint64_t features);
/** Something has come to rest: see whether a reset or the end can be completed. */
void dev_settle(struct vn_device *dev);
void dev_mark_broken(struct vn_device *dev, const char *why);
/** vn_device_reset(); @p keep_mem: the transport's memory map outlives it. */
void dev_reset(struct vn_device *dev, bool keep_mem, vn_device_cb done, void *ctx);
void dev_config_fill(const struct vn_device *dev, struct vn_net_config *config);

/* device_latency.c */
/** No poller has the device any more. */
void dev_latency_free(struct vn_device *dev);

/* device_move.c */
/** vn_poller_call() to the poller that has the device; while it moves, to the one that gets it. */
void dev_call(struct vn_device *dev, struct vn_poller_cmd *cmd);

/* device_restart.c */
/** See whether the restart can take its next step. */
void dev_restart_progress(struct vn_device *dev);
/** The port is open again, or is not to be had. */
void dev_restart_opened(struct vn_device *dev);
/** The port is open, and all that is to run runs. */
bool dev_restart_resumed(const struct vn_device *dev);
/** True while no ring and no port queue may be with the poller. */
static inline bool
dev_restart_holds(const struct vn_device *dev)
{
	return dev->priv->restart == RESTART_PARKING || dev->priv->restart == RESTART_REOPENING;
}

/* device_ring.c */
void dev_ring_init(struct vn_device *dev, uint16_t idx);
/** Close what a ring that is STOPPED still has. */
void dev_ring_fini(struct dev_ring *ring);
/** Take the next step that the state allows. */
void dev_ring_advance(struct dev_ring *ring);
void dev_ring_stop(struct dev_ring *ring);
/** Interrupts of the ring wait by load. */
bool dev_ring_dim(const struct dev_ring *ring);
/** Recount what the device shows of its rings. */
void dev_ring_count(struct vn_device *dev);
/** Make the control queue's ring, for the control thread to serve. As vn_device_vq_start(). */
int dev_ring_start_ctrl(struct vn_device *dev, const struct vn_vq_setup *setup);
/** True once nothing of the ring's is in use (or never will be answered for). */
bool dev_ring_at_rest(const struct dev_ring *ring);
static inline struct vn_device_vq *
dev_ring_vq(struct dev_ring *ring)
{
	return &ring->dev->vq[ring->idx];
}

/* device_position.c */
/** The driver has packed rings. */
bool dev_packed(const struct vn_device *dev);
/** Position of a ring on which nothing has happened. */
uint16_t dev_ring_fresh(const struct vn_device *dev);
/** Where to begin: see vn_device_vq_start(). @return position, or negative errno. */
int dev_ring_start_at(const struct dev_ring *ring, const struct vn_vq_setup *setup);
/**
 * Take memory map @p mem from a poller that does not answer, and note where the device's rings are:
 * what the poller does from then on, the driver does not see.
 */
void dev_mem_revoke(struct vn_device *dev, struct vn_guestmem *mem);

/* device_pair.c */
void dev_pair_init(struct vn_device *dev, uint16_t idx);
void dev_pair_advance(struct dev_pair *pair);
/** Poller: something changed for all pairs of the device. See vn_poll_qp_touch(). */
void dev_pairs_touch(struct vn_poller *poller, struct vn_device *dev);
/** True if rings of the pair may be attached: its port queue is open, or there will be none. */
bool dev_pair_ready(const struct dev_pair *pair);
/** True if its port queue is open, or closed, as it is to be. */
bool dev_pair_settled(const struct dev_pair *pair);
static inline struct dev_pair *
dev_ring_pair(struct dev_ring *ring)
{
	return &ring->dev->priv->pair[ring->idx / 2];
}

/* device_port.c */
int dev_port_open(struct vn_device *dev);
void dev_port_close(struct vn_device *dev, bool remove);
void dev_port_set_features(struct vn_device *dev);
/** The port is to follow link_up, conf.mtu and conf.mac. */
void dev_port_set_link(struct vn_device *dev);
void dev_port_set_mtu(struct vn_device *dev);
void dev_port_set_mac(struct vn_device *dev);
void dev_port_queue_open(struct dev_pair *pair);
void dev_port_queue_close(struct dev_pair *pair);

/* device_mem.c */
/** Drop a reference, in the helper thread if that can take long. */
void dev_mem_release(struct vn_device *dev, struct vn_guestmem *mem);
/** The poller has let go of the ring: no new interrupt descriptor can reach it. */
void dev_call_forget(struct dev_ring *ring);

/* device_reconf.c */
/** Have the poller tell who sends, if we are not told otherwise. For pair 0. */
void dev_learn_mac(struct vn_device *dev);

/* model_*.c. Only for a device that has a model, but for those that say so. */
/** NULL is fine. */
void dev_model_free(struct vn_model *m);
void dev_model_broken(struct vn_device *dev);
void dev_model_reset_begin(struct vn_device *dev);
void dev_model_reset_end(struct vn_device *dev);
/** Pairs whose port queues are to be open. */
uint16_t dev_model_pairs(const struct vn_device *dev);
/** Something that may have been waited for has happened. */
void dev_model_progress(struct vn_device *dev);
/** A ring was made, nobody else has it yet. */
void dev_model_ring_made(struct vn_device *dev, uint16_t i, struct vn_virtq *vq);
/** Interrupts of queue @p i wait by load: the operator wants it, and nobody has said how long. */
bool dev_model_dim(const struct vn_device *dev, uint16_t i);
/** What a model has per queue or pair. */
struct model_arrays {
	struct model_queue *queue; /* 2 * pairs + 1 */
	struct model_coal *coal;   /* the same */
	struct vn_poll_qp **qp;    /* pairs */
};
/** Make them for @p pairs. @return 0 or -ENOMEM. */
int dev_model_arrays(uint16_t pairs, struct model_arrays *a);
void dev_model_arrays_free(struct model_arrays *a);
/** Take them over: dev's pairs and num_vqs are the new ones. */
void dev_model_resized(struct vn_device *dev, struct model_arrays *a);
/** conf.rx_mode has changed. @return 0, or -ENOMEM: as before. */
int dev_model_rx_mode(struct vn_device *dev);
/** Other things of conf have changed: @p old is what it was. */
void dev_model_reconf(struct vn_device *dev, const struct vn_device_conf *old);
/** No frames of the network found a place, so far. */
uint64_t dev_model_dropped(const struct vn_device *dev);
/** Raise the config-change interrupt. */
void dev_model_config_interrupt(struct vn_device *dev);
/** Restart: start again what stands still as something was broken. */
void dev_model_restart(struct vn_device *dev);
/** Notifications that brought nothing new. Any device. */
uint64_t dev_model_spurious(const struct vn_device *dev);
/** Features as they apply to rings and port now. Any device. */
uint64_t dev_features_in_force(const struct vn_device *dev);
/** ISR status for rings, or NULL. Any device. */
uint8_t *dev_model_isr(struct vn_device *dev);

#endif /* DEVICE_PRIVATE_H */
