/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>

#include "loop_private.h"

#define MAX_EVENTS 64

struct wake_cb {
	vn_cb cb;
	void *ctx;
	SLIST_ENTRY(wake_cb) next;
};

struct vn_loop {
	int epfd;
	int wakefd;
	bool stop;                               /* any thread writes */
	TAILQ_HEAD(timer_list, vn_timer) timers; /* sorted by due_ns */
	SLIST_HEAD(, wake_cb) wake_cbs;
	struct vn_jobs jobs;
	/* The batch being dispatched: a source that is removed meanwhile is blanked here. */
	struct epoll_event events[MAX_EVENTS];
	int n_events;
};

uint64_t
vn_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return VN_SEC(ts.tv_sec) + (uint64_t)ts.tv_nsec;
}

struct vn_loop *
vn_loop_create(void)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
	struct vn_loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (loop == NULL)
		return NULL;
	TAILQ_INIT(&loop->timers);
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	loop->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* The wake descriptor is the only source without a pointer. */
	if (loop->epfd < 0 || loop->wakefd < 0 ||
		epoll_ctl(loop->epfd, EPOLL_CTL_ADD, loop->wakefd, &ev) != 0)
		goto fail;
	vn_jobs_init(&loop->jobs);
	return loop;

fail:
	err = errno;
	if (loop->epfd >= 0)
		close(loop->epfd);
	if (loop->wakefd >= 0)
		close(loop->wakefd);
	free(loop);
	errno = err;
	return NULL;
}

void
vn_loop_destroy(struct vn_loop *loop)
{
	struct wake_cb *w;

	if (loop == NULL)
		return;
	vn_jobs_end(loop, &loop->jobs);
	while ((w = SLIST_FIRST(&loop->wake_cbs)) != NULL) {
		SLIST_REMOVE_HEAD(&loop->wake_cbs, next);
		free(w);
	}
	close(loop->epfd);
	close(loop->wakefd);
	free(loop);
}

void
vn_loop_wake(struct vn_loop *loop)
{
	const uint64_t one = 1;
	/* EAGAIN: the counter is full, so a wake-up is pending anyway. */
	ssize_t n = write(loop->wakefd, &one, sizeof(one));

	RTE_SET_USED(n);
}

void
vn_loop_stop(struct vn_loop *loop)
{
	__atomic_store_n(&loop->stop, true, __ATOMIC_RELEASE);
	vn_loop_wake(loop);
}

int
vn_loop_on_wake(struct vn_loop *loop, vn_cb cb, void *ctx)
{
	struct wake_cb *w = malloc(sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->cb = cb;
	w->ctx = ctx;
	SLIST_INSERT_HEAD(&loop->wake_cbs, w, next);
	return 0;
}

int
vn_loop_add_fd(struct vn_loop *loop, struct vn_fd_source *src, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = src};

	if (src->watched)
		return -EEXIST;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) != 0)
		return -errno;
	src->fd = fd;
	src->watched = true;
	return 0;
}

int
vn_loop_mod_fd(struct vn_loop *loop, struct vn_fd_source *src, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = src};

	if (!src->watched)
		return -ENOENT;
	return epoll_ctl(loop->epfd, EPOLL_CTL_MOD, src->fd, &ev) == 0 ? 0 : -errno;
}

void
vn_loop_del_fd(struct vn_loop *loop, struct vn_fd_source *src)
{
	if (!src->watched)
		return;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, src->fd, NULL);
	src->watched = false;
	src->fd = -1;
	for (int i = 0; i < loop->n_events; i++) {
		if (loop->events[i].data.ptr == src)
			loop->events[i].events = 0;
	}
}

void
vn_loop_arm(struct vn_loop *loop, struct vn_timer *timer, uint64_t delay_ns)
{
	struct vn_timer *t;

	vn_loop_cancel(loop, timer);
	timer->due_ns = vn_now_ns() + delay_ns;
	timer->armed = true;
	/*
	 * A slice of work is the first one, and of a thousand devices that end at once each has a
	 * deadline behind those of the others: neither goes past all the others.
	 */
	t = TAILQ_FIRST(&loop->timers);
	if (t == NULL || t->due_ns > timer->due_ns) {
		TAILQ_INSERT_HEAD(&loop->timers, timer, next);
		return;
	}
	/* It ends at the first one. */
	for (t = TAILQ_LAST(&loop->timers, timer_list); t->due_ns > timer->due_ns;)
		t = TAILQ_PREV(t, timer_list, next);
	TAILQ_INSERT_AFTER(&loop->timers, t, timer, next);
}

void
vn_loop_cancel(struct vn_loop *loop, struct vn_timer *timer)
{
	if (!timer->armed)
		return;
	TAILQ_REMOVE(&loop->timers, timer, next);
	timer->armed = false;
}

void
vn_loop_submit(struct vn_loop *loop, struct vn_job *job)
{
	vn_jobs_submit(loop, &loop->jobs, job);
}

unsigned int
vn_loop_jobs_pending(const struct vn_loop *loop)
{
	return loop->jobs.pending;
}

unsigned int
vn_loop_timers_armed(const struct vn_loop *loop)
{
	const struct vn_timer *t;
	unsigned int n = 0;

	TAILQ_FOREACH (t, &loop->timers, next)
		n++;
	return n;
}

/* Milliseconds until the first timer, rounded up; at most @p limit (-1: no limit). */
static int
wait_ms(const struct vn_loop *loop, int limit)
{
	const struct vn_timer *t = TAILQ_FIRST(&loop->timers);
	uint64_t now, ms;

	if (t == NULL)
		return limit;
	now = vn_now_ns();
	if (t->due_ns <= now)
		return 0;
	ms = (t->due_ns - now + VN_MS(1) - 1) / VN_MS(1);
	if (ms > 3600 * 1000)
		ms = 3600 * 1000;
	return limit >= 0 && (uint64_t)limit < ms ? limit : (int)ms;
}

static void
run_timers(struct vn_loop *loop)
{
	const uint64_t now = vn_now_ns();
	struct vn_timer *t;

	/* A callback may arm any timer again, but not for a moment before now: this ends. */
	while ((t = TAILQ_FIRST(&loop->timers)) != NULL && t->due_ns <= now) {
		vn_loop_cancel(loop, t);
		t->cb(t->ctx);
	}
}

static void
woken(struct vn_loop *loop)
{
	struct wake_cb *w;
	uint64_t count;
	ssize_t n = read(loop->wakefd, &count, sizeof(count));

	RTE_SET_USED(n);
	vn_jobs_reap(loop, &loop->jobs);
	SLIST_FOREACH(w, &loop->wake_cbs, next)
	w->cb(w->ctx);
}

int
vn_loop_run_once(struct vn_loop *loop, int timeout_ms)
{
	struct vn_fd_source *src;
	int n;

	n = epoll_wait(loop->epfd, loop->events, MAX_EVENTS, wait_ms(loop, timeout_ms));
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->n_events = n;
	for (int i = 0; i < n; i++) {
		if (loop->events[i].events == 0)
			continue; /* removed by an earlier callback */
		src = loop->events[i].data.ptr;
		if (src == NULL)
			woken(loop);
		else
			src->cb(src->ctx, loop->events[i].events);
	}
	loop->n_events = 0;
	run_timers(loop);
	return 0;
}

int
vn_loop_run(struct vn_loop *loop)
{
	int rc = 0;

	while (rc == 0 && !__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE))
		rc = vn_loop_run_once(loop, -1);
	__atomic_store_n(&loop->stop, false, __ATOMIC_RELEASE);
	return rc;
}
