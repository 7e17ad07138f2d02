/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef LOOP_PRIVATE_H
#define LOOP_PRIVATE_H

/** @file What vn_loop.c and vn_jobs.c share. */

#include <pthread.h>

#include "vn_loop.h"

STAILQ_HEAD(vn_job_list, vn_job);

/** The helper thread and its queues. */
struct vn_jobs {
	pthread_mutex_t lock; /* todo, finished, ending */
	pthread_cond_t more;
	struct vn_job_list todo;
	struct vn_job_list finished;
	bool ending;
	bool started;         /* control thread */
	unsigned int pending; /* control thread */
	pthread_t thread;
};

void vn_jobs_init(struct vn_jobs *jobs);
/** Let the thread finish what was submitted, and join it. */
void vn_jobs_end(struct vn_loop *loop, struct vn_jobs *jobs);
void vn_jobs_submit(struct vn_loop *loop, struct vn_jobs *jobs, struct vn_job *job);
/** Control thread: run done() of what has finished; of many, the rest at the next wake-up. */
void vn_jobs_reap(struct vn_loop *loop, struct vn_jobs *jobs);

#endif /* LOOP_PRIVATE_H */
