/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The helper thread: what blocks by nature, one job after the other.
 */
#include <signal.h>
#include <stdlib.h>

#include "loop_private.h"
#include "vn_log.h"

/* Jobs whose ends are told in a row: then others have their turn. */
#define REAP_MAX 64

struct helper_arg {
	struct vn_loop *loop;
	struct vn_jobs *jobs;
};

void
vn_jobs_init(struct vn_jobs *jobs)
{
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->more, NULL);
	STAILQ_INIT(&jobs->todo);
	STAILQ_INIT(&jobs->finished);
}

static void
run_one(struct vn_loop *loop, struct vn_jobs *jobs, struct vn_job *job)
{
	job->result = job->run(job);
	pthread_mutex_lock(&jobs->lock);
	STAILQ_INSERT_TAIL(&jobs->finished, job, next);
	pthread_mutex_unlock(&jobs->lock);
	vn_loop_wake(loop);
}

/* @p first and those that wait and are done in one go with it. Under the lock. */
static unsigned int
take_many(struct vn_jobs *jobs, struct vn_job *first, struct vn_job **many)
{
	struct vn_job_list stay = STAILQ_HEAD_INITIALIZER(stay);
	unsigned int n = 0;
	struct vn_job *job;

	many[n++] = first;
	while (n < VN_JOBS_MANY && (job = STAILQ_FIRST(&jobs->todo)) != NULL) {
		STAILQ_REMOVE_HEAD(&jobs->todo, next);
		if (job->run_many == first->run_many)
			many[n++] = job;
		else
			STAILQ_INSERT_TAIL(&stay, job, next);
	}
	STAILQ_CONCAT(&stay, &jobs->todo);
	STAILQ_CONCAT(&jobs->todo, &stay);
	return n;
}

static void
run_many(struct vn_loop *loop, struct vn_jobs *jobs, struct vn_job *const *many, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		many[i]->result = 0;
	many[0]->run_many(many, n);
	pthread_mutex_lock(&jobs->lock);
	for (unsigned int i = 0; i < n; i++)
		STAILQ_INSERT_TAIL(&jobs->finished, many[i], next);
	pthread_mutex_unlock(&jobs->lock);
	vn_loop_wake(loop);
}

static void *
helper_main(void *opaque)
{
	struct helper_arg arg = *(struct helper_arg *)opaque;
	struct vn_jobs *jobs = arg.jobs;
	struct vn_job *job, *many[VN_JOBS_MANY];
	unsigned int n = 0;

	free(opaque);
	for (;;) {
		pthread_mutex_lock(&jobs->lock);
		while (STAILQ_EMPTY(&jobs->todo) && !jobs->ending)
			pthread_cond_wait(&jobs->more, &jobs->lock);
		job = STAILQ_FIRST(&jobs->todo);
		if (job != NULL)
			STAILQ_REMOVE_HEAD(&jobs->todo, next);
		if (job != NULL && job->run_many != NULL)
			n = take_many(jobs, job, many);
		pthread_mutex_unlock(&jobs->lock);
		if (job == NULL)
			return NULL;
		if (job->run_many != NULL)
			run_many(arg.loop, jobs, many, n);
		else
			run_one(arg.loop, jobs, job);
	}
}

static int
start_thread(struct vn_loop *loop, struct vn_jobs *jobs)
{
	struct helper_arg *arg = malloc(sizeof(*arg));
	sigset_t all, old;
	int rc;

	if (arg == NULL)
		return -1;
	arg->loop = loop;
	arg->jobs = jobs;
	/* Signals are the control thread's; a SIGBUS of its own still reaches the helper. */
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&jobs->thread, NULL, helper_main, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		free(arg);
		return -1;
	}
	pthread_setname_np(jobs->thread, "vn-helper");
	jobs->started = true;
	return 0;
}

void
vn_jobs_submit(struct vn_loop *loop, struct vn_jobs *jobs, struct vn_job *job)
{
	jobs->pending++;
	if (!jobs->started && start_thread(loop, jobs) != 0) {
		/* No thread to be had: slow is better than never. */
		VN_WARN("no helper thread, working in the control thread");
		run_one(loop, jobs, job);
		return;
	}
	pthread_mutex_lock(&jobs->lock);
	STAILQ_INSERT_TAIL(&jobs->todo, job, next);
	pthread_cond_signal(&jobs->more);
	pthread_mutex_unlock(&jobs->lock);
}

void
vn_jobs_reap(struct vn_loop *loop, struct vn_jobs *jobs)
{
	struct vn_job_list ready = STAILQ_HEAD_INITIALIZER(ready);
	struct vn_job *job;
	bool more;

	pthread_mutex_lock(&jobs->lock);
	for (unsigned int i = 0; i < REAP_MAX; i++) {
		job = STAILQ_FIRST(&jobs->finished);
		if (job == NULL)
			break;
		STAILQ_REMOVE_HEAD(&jobs->finished, next);
		STAILQ_INSERT_TAIL(&ready, job, next);
	}
	more = !STAILQ_EMPTY(&jobs->finished);
	pthread_mutex_unlock(&jobs->lock);
	if (more)
		vn_loop_wake(loop);
	while ((job = STAILQ_FIRST(&ready)) != NULL) {
		STAILQ_REMOVE_HEAD(&ready, next);
		jobs->pending--;
		job->done(job, job->result);
	}
}

void
vn_jobs_end(struct vn_loop *loop, struct vn_jobs *jobs)
{
	/* done() may submit more. */
	while (jobs->pending > 0)
		vn_loop_run_once(loop, -1);
	if (jobs->started) {
		pthread_mutex_lock(&jobs->lock);
		jobs->ending = true;
		pthread_cond_signal(&jobs->more);
		pthread_mutex_unlock(&jobs->lock);
		pthread_join(jobs->thread, NULL);
	}
	pthread_mutex_destroy(&jobs->lock);
	pthread_cond_destroy(&jobs->more);
}
