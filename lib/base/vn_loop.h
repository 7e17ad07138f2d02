/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_LOOP_H
#define VN_LOOP_H

/**
 * @file
 * The control thread's event loop: file descriptors, timers, and jobs for the helper thread.
 *
 * All functions are for the control thread only, but for those marked "any thread". Callbacks
 * run in the control thread, one at a time, and must not block. Every wait is an event with a
 * deadline (a timer).
 *
 * Structures are embedded in their owner's and belong to it; the loop only links them. A source,
 * timer or deferred call may be removed at any time, also from inside its own callback or
 * another one's; after the removal its callback is not called again.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct vn_loop;

/** Called when the descriptor is ready. @p events holds EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. */
typedef void (*vn_fd_cb)(void *ctx, uint32_t events);
typedef void (*vn_cb)(void *ctx);

/** A watched file descriptor. Set cb and ctx, zero the rest. The fd stays the owner's. */
struct vn_fd_source {
	vn_fd_cb cb;
	void *ctx;
	int fd;       /**< written by the loop; -1 when not watched */
	bool watched; /**< written by the loop */
};

/** A one-shot timer. Set cb and ctx, zero the rest. */
struct vn_timer {
	vn_cb cb;
	void *ctx;
	uint64_t due_ns; /**< written by the loop */
	bool armed;      /**< written by the loop */
	TAILQ_ENTRY(vn_timer) next;
};

/** Jobs that run_many() gets at a time. */
#define VN_JOBS_MANY 512

/**
 * Work that blocks by nature (netdev creation, fsync, munmap of a big guest), done by the one
 * helper thread of the loop in the order of submission.
 */
struct vn_job {
	/** Helper thread: does the work; the result is kept for done(). Always needed. */
	int (*run)(struct vn_job *job);
	/**
	 * Helper thread: does the work of all jobs that wait with this same function, in one go,
	 * and sets the result of each (it is 0 before). At least one, at most VN_JOBS_MANY. Jobs
	 * that were submitted before some of them may be done later. NULL: only run().
	 */
	void (*run_many)(struct vn_job *const *jobs, unsigned int n);
	/** Control thread: the work has ended with @p result. May free the job. */
	void (*done)(struct vn_job *job, int result);
	int result;                /**< written by the helper, or by run_many() */
	STAILQ_ENTRY(vn_job) next; /**< written by the loop */
};

/** @return a loop, or NULL with errno set. Starts the helper thread at the first job. */
struct vn_loop *vn_loop_create(void);

/** Waits for the jobs under way, runs their done(), and frees the loop. */
void vn_loop_destroy(struct vn_loop *loop);

/** Run until vn_loop_stop(). @return 0 or negative errno. */
int vn_loop_run(struct vn_loop *loop);

/**
 * Run what is ready, waiting at most @p timeout_ms (-1: until something happens).
 * For tests and for draining at the end. @return 0 or negative errno.
 */
int vn_loop_run_once(struct vn_loop *loop, int timeout_ms);

/** Make vn_loop_run() return. Any thread; async-signal-safe. */
void vn_loop_stop(struct vn_loop *loop);

/** Make the loop call the function set by vn_loop_on_wake() soon. Any thread. */
void vn_loop_wake(struct vn_loop *loop);

/** Set what runs after a vn_loop_wake(); several functions may be set. @return 0 or -ENOMEM. */
int vn_loop_on_wake(struct vn_loop *loop, vn_cb cb, void *ctx);

/** Watch @p fd for @p events (level triggered). @return 0 or negative errno. */
int vn_loop_add_fd(struct vn_loop *loop, struct vn_fd_source *src, int fd, uint32_t events);

/** Change what is watched for (0: errors only). @return 0 or negative errno. */
int vn_loop_mod_fd(struct vn_loop *loop, struct vn_fd_source *src, uint32_t events);

/** Stop watching; no-op when not watched. The fd is not closed: close it after this call. */
void vn_loop_del_fd(struct vn_loop *loop, struct vn_fd_source *src);

/** (Re)arm: @p timer fires once, @p delay_ns from now. */
void vn_loop_arm(struct vn_loop *loop, struct vn_timer *timer, uint64_t delay_ns);

/** Cancel; no-op when not armed. */
void vn_loop_cancel(struct vn_loop *loop, struct vn_timer *timer);

/** Hand a job to the helper thread. The job belongs to the loop until done(). */
void vn_loop_submit(struct vn_loop *loop, struct vn_job *job);

/** Jobs submitted whose done() has not run yet. */
unsigned int vn_loop_jobs_pending(const struct vn_loop *loop);

/** Timers that are armed. */
unsigned int vn_loop_timers_armed(const struct vn_loop *loop);

/** CLOCK_MONOTONIC in nanoseconds. Any thread. */
uint64_t vn_now_ns(void);

#define VN_MS(x)  ((uint64_t)(x)*UINT64_C(1000000))
#define VN_SEC(x) ((uint64_t)(x)*UINT64_C(1000000000))

#endif /* VN_LOOP_H */
