/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_common.h>

#include "vn_log.h"
#include "vn_loop.h"

struct seen {
	struct vn_loop *loop;
	int order[8];
	int n;
};

struct tagged {
	struct vn_timer timer;
	struct vn_fd_source src;
	struct seen *seen;
	int tag;
	struct tagged *removes;
};

static void
note(void *ctx)
{
	struct tagged *t = ctx;

	t->seen->order[t->seen->n++] = t->tag;
	if (t->removes != NULL) {
		vn_loop_cancel(t->seen->loop, &t->removes->timer);
		vn_loop_del_fd(t->seen->loop, &t->removes->src);
	}
}

static void
note_fd(void *ctx, uint32_t events)
{
	assert_true(events & EPOLLIN);
	note(ctx);
}

static void
test_timers_fire_in_order(void **state)
{
	struct seen seen = {.loop = vn_loop_create()};
	struct tagged t[4];

	RTE_SET_USED(state);
	for (int i = 0; i < 4; i++)
		t[i] = (struct tagged){
			.timer = {.cb = note, .ctx = &t[i]}, .seen = &seen, .tag = i};
	/* So far apart that no pause between two lines changes the order; then the hour passes. */
	vn_loop_arm(seen.loop, &t[2].timer, VN_SEC(3600) - VN_SEC(200));
	vn_loop_arm(seen.loop, &t[0].timer, VN_SEC(3600) - VN_SEC(600));
	vn_loop_arm(seen.loop, &t[3].timer, VN_SEC(3600));
	vn_loop_arm(seen.loop, &t[1].timer, VN_SEC(60000));
	/* Re-armed: the later call counts. */
	vn_loop_arm(seen.loop, &t[1].timer, VN_SEC(3600) - VN_SEC(400));
	for (int i = 0; i < 4; i++)
		t[i].timer.due_ns -= VN_SEC(3600);
	t[2].removes = &t[3];
	while (seen.n < 3)
		assert_int_equal(vn_loop_run_once(seen.loop, 1000), 0);
	assert_false(t[3].timer.armed);
	for (int i = 0; i < 3; i++)
		assert_int_equal(seen.order[i], i);
	vn_loop_destroy(seen.loop);
}

static void
test_removed_source_is_not_called(void **state)
{
	struct seen seen = {.loop = vn_loop_create()};
	struct tagged t[2];
	int fd[2];

	RTE_SET_USED(state);
	for (int i = 0; i < 2; i++) {
		t[i] = (struct tagged){
			.src = {.cb = note_fd, .ctx = &t[i]}, .seen = &seen, .tag = i};
		fd[i] = eventfd(1, EFD_NONBLOCK);
		assert_int_equal(vn_loop_add_fd(seen.loop, &t[i].src, fd[i], EPOLLIN), 0);
	}
	/* Whichever comes first takes the other away in the same batch. */
	t[0].removes = &t[1];
	t[1].removes = &t[0];
	assert_int_equal(vn_loop_run_once(seen.loop, 1000), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(vn_loop_mod_fd(seen.loop, &t[seen.order[0] ^ 1].src, 0), -ENOENT);
	vn_loop_del_fd(seen.loop, &t[0].src);
	vn_loop_del_fd(seen.loop, &t[1].src);
	vn_loop_destroy(seen.loop);
	close(fd[0]);
	close(fd[1]);
}

struct counting_job {
	struct vn_job job;
	int tag, *ran, *done;
	pthread_t control;
};

static int
job_run(struct vn_job *job)
{
	struct counting_job *c = (struct counting_job *)job;

	assert_false(pthread_equal(pthread_self(), c->control));
	return (*c->ran)++ == c->tag ? 100 + c->tag : -1;
}

static void
job_done(struct vn_job *job, int result)
{
	struct counting_job *c = (struct counting_job *)job;

	assert_true(pthread_equal(pthread_self(), c->control));
	assert_int_equal(result, 100 + c->tag);
	assert_int_equal(*c->done, c->tag);
	(*c->done)++;
}

static void
test_jobs_run_in_order_elsewhere(void **state)
{
	struct vn_loop *loop = vn_loop_create();
	struct counting_job jobs[100];
	int ran = 0, done = 0;

	RTE_SET_USED(state);
	for (int i = 0; i < 100; i++) {
		jobs[i] = (struct counting_job){.job = {.run = job_run, .done = job_done},
			.tag = i,
			.ran = &ran,
			.done = &done,
			.control = pthread_self()};
		vn_loop_submit(loop, &jobs[i].job);
	}
	for (int i = 0; i < 20; i++)
		vn_loop_run_once(loop, 0);
	vn_loop_destroy(loop); /* waits for the rest */
	assert_int_equal(done, 100);
}

struct many_job {
	struct vn_job job;
	int *gate; /* the first one waits for this pipe */
	int *order, *n_order, tag;
	unsigned int *batches, *done;
};

static int
alone_run(struct vn_job *job)
{
	struct many_job *m = (struct many_job *)job;
	char c;

	if (m->gate != NULL)
		assert_int_equal(read(m->gate[0], &c, 1), 1);
	m->order[(*m->n_order)++] = m->tag;
	return 0;
}

static void
together_run(struct vn_job *const *jobs, unsigned int n)
{
	struct many_job *m = (struct many_job *)jobs[0];

	assert_true(n <= VN_JOBS_MANY);
	(*m->batches)++;
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(jobs[i]->result, 0);
		jobs[i]->result = ((struct many_job *)jobs[i])->tag;
		m->order[(*m->n_order)++] = ((struct many_job *)jobs[i])->tag;
	}
}

static void
many_done(struct vn_job *job, int result)
{
	struct many_job *m = (struct many_job *)job;

	assert_int_equal(result, job->run_many != NULL ? m->tag : 0);
	(*m->done)++;
}

/* Jobs that can be done together are, whatever stands between them; the others keep their order. */
static void
test_jobs_run_together(void **state)
{
	enum { N = VN_JOBS_MANY + 100 };
	struct vn_loop *loop = vn_loop_create();
	struct many_job *jobs = calloc(N, sizeof(*jobs));
	int *order = calloc(N, sizeof(*order));
	unsigned int batches = 0, done = 0;
	int gate[2], n_order = 0;

	RTE_SET_USED(state);
	assert_non_null(jobs);
	assert_non_null(order);
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < N; i++) {
		/* 0 holds up the thread; 10 and 20 stand among the others. */
		const bool alone = i == 0 || i == 10 || i == 20;

		jobs[i] = (struct many_job){.job = {.run = alone_run,
						    .run_many = alone ? NULL : together_run,
						    .done = many_done,
						    .result = -77},
			.gate = i == 0 ? gate : NULL,
			.order = order,
			.n_order = &n_order,
			.tag = i,
			.batches = &batches,
			.done = &done};
		vn_loop_submit(loop, &jobs[i].job);
	}
	assert_int_equal(write(gate[1], "x", 1), 1);
	while (vn_loop_jobs_pending(loop) > 0)
		vn_loop_run_once(loop, -1);
	vn_loop_destroy(loop);
	assert_int_equal(done, N);
	assert_int_equal(n_order, N);
	assert_int_equal(batches, 2);
	assert_int_equal(order[0], 0);
	for (int i = 1; i <= VN_JOBS_MANY; i++)
		assert_int_equal(order[i], i + (i >= 10) + (i + 1 >= 20));
	assert_int_equal(order[VN_JOBS_MANY + 1], 10);
	assert_int_equal(order[VN_JOBS_MANY + 2], 20);
	close(gate[0]);
	close(gate[1]);
	free(order);
	free(jobs);
}

static void
stop_it(void *ctx)
{
	vn_loop_stop(ctx);
}

static void
test_stop_and_wake(void **state)
{
	struct vn_loop *loop = vn_loop_create();
	struct vn_timer t = {.cb = stop_it, .ctx = loop};

	RTE_SET_USED(state);
	vn_loop_stop(loop); /* before run: not lost */
	assert_int_equal(vn_loop_run(loop), 0);
	vn_loop_on_wake(loop, stop_it, loop);
	vn_loop_wake(loop);
	assert_int_equal(vn_loop_run(loop), 0);
	vn_loop_arm(loop, &t, 0);
	assert_int_equal(vn_loop_run(loop), 0);
	vn_loop_destroy(loop);
}

static void
test_log_levels(void **state)
{
	RTE_SET_USED(state);
	assert_string_equal(vn_log_level(), "info");
	assert_int_equal(vn_log_set_level("debug"), 0);
	assert_string_equal(vn_log_level(), "debug");
	assert_int_equal(vn_log_set_level("loud"), -EINVAL);
	assert_string_equal(vn_log_level(), "debug");
	assert_int_equal(vn_log_set_level("err"), 0);
	assert_string_equal(vn_log_level(), "err");
}

static void
test_log_limit(void **state)
{
	struct vn_log_limit limit = {0};
	unsigned int allowed = 0;

	RTE_SET_USED(state);
	vn_log_set_level("err");
	for (unsigned int i = 0; i < 5 * VN_LOG_LIMIT; i++)
		allowed += vn_log_allowed(&limit, "test");
	/* The loop may cross into another second. */
	assert_true(allowed == VN_LOG_LIMIT || allowed == 2 * VN_LOG_LIMIT);
	assert_int_equal(limit.lines, VN_LOG_LIMIT);
	limit.window_ns -= VN_SEC(1); /* a second passes */
	assert_true(vn_log_allowed(&limit, "test"));
	assert_int_equal(limit.left_out, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_fire_in_order),
		cmocka_unit_test(test_removed_source_is_not_called),
		cmocka_unit_test(test_jobs_run_in_order_elsewhere),
		cmocka_unit_test(test_jobs_run_together),
		cmocka_unit_test(test_stop_and_wake),
		cmocka_unit_test(test_log_levels),
		cmocka_unit_test(test_log_limit),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
