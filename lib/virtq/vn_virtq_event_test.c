/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Who wakes whom: interrupts and notifications (virtio 1.2, 2.7.7 and 2.7.10), with EVENT_IDX and
 * with flags.
 */
#include "virtq_test_env.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <sys/wait.h>

#include "vn_features.h"
#include "vn_virtio_pci.h"

struct events {
	struct fix f;
	int call;
};

static void
begin(struct events *e, uint64_t features, uint16_t start)
{
	struct vn_virtq_conf conf;

	memset(e, 0, sizeof(*e));
	md_init(&e->f.md, 1, SIZE, env_start(start, SIZE), VN_F_VERSION_1 | features | env_ring,
		false, 0);
	e->f.md.plain = true;
	e->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(e->call >= 0);
	conf = md_conf(&e->f.md, &e->f.stats);
	conf.call_fd = e->call;
	assert_int_equal(vn_virtq_create(&conf, &e->f.vq), 0);
}

static void
end(struct events *e)
{
	fix_end(&e->f);
	close(e->call);
}

/* The driver sends @p n frames, the engine takes, completes and publishes them. */
static void
move(struct events *e, unsigned int n)
{
	static const uint8_t frame[12 + FRAME];
	struct rte_mbuf *pkts[SIZE];
	struct md_chain c;

	while (md_get(&e->f.md, &c) >= 0)
		;
	for (unsigned int i = 0; i < n; i++)
		assert_true(md_add(&e->f.md, frame, sizeof(frame)));
	assert_int_equal(vn_virtq_dequeue(e->f.vq, env_pool, pkts, n), n);
	rte_pktmbuf_free_bulk(pkts, n);
	vn_virtq_complete(e->f.vq);
	vn_virtq_publish(e->f.vq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* @return interrupts since the last call. */
static uint64_t
interrupts(struct events *e)
{
	uint64_t n = 0;

	vn_virtq_interrupt(e->f.vq);
	if (read(e->call, &n, sizeof(n)) != sizeof(n))
		assert_int_equal(errno, EAGAIN);
	return n;
}

static void
interrupts_by_flag(void **state)
{
	struct events e;

	(void)state;
	begin(&e, 0, 65534);
	assert_int_equal(interrupts(&e), 0);
	move(&e, 3);
	assert_int_equal(interrupts(&e), 1);
	assert_int_equal(interrupts(&e), 0);
	md_disable_interrupt(&e.f.md);
	move(&e, 1);
	assert_int_equal(interrupts(&e), 0);
	assert_int_equal(e.f.stats.suppressed, 1);
	md_enable_interrupt(&e.f.md);
	/* What was published while it was off is the driver's to look for. */
	assert_int_equal(interrupts(&e), 0);
	move(&e, 1);
	assert_int_equal(interrupts(&e), 1);
	assert_int_equal(e.f.stats.interrupts, 2);
	end(&e);
}

static void
interrupts_by_event(void **state)
{
	struct events e;

	(void)state;
	for (unsigned int start = 0; start < 2; start++) {
		struct model_driver *md = &e.f.md;

		begin(&e, VN_F_EVENT_IDX, start ? 65533 : 0);
		/* After the very next one. */
		md_set_used_event(md, 0);
		move(&e, 1);
		assert_int_equal(interrupts(&e), 1);
		/* Not again before the driver asks. */
		move(&e, 3);
		assert_int_equal(interrupts(&e), 0);
		assert_int_equal(e.f.stats.suppressed, 1);
		/* After the fifth from now; the flag means nothing here. */
		if (!md->packed)
			md->avail->flags = VN_AVAIL_F_NO_INTERRUPT;
		md_set_used_event(md, 4);
		move(&e, 4);
		assert_int_equal(interrupts(&e), 0);
		move(&e, 1);
		assert_int_equal(interrupts(&e), 1);
		/* In the middle of a burst; several publishes, one look. */
		md_set_used_event(md, 2);
		move(&e, 2);
		move(&e, 2);
		assert_int_equal(interrupts(&e), 1);
		/* An old event does not fire again. */
		move(&e, 5);
		assert_int_equal(interrupts(&e), 0);
		end(&e);
	}
}

static void
interrupt_without_being_asked(void **state)
{
	struct events e;
	uint64_t n;

	(void)state;
	begin(&e, 0, 0);
	md_disable_interrupt(&e.f.md);
	vn_virtq_interrupt_always(e.f.vq);
	assert_int_equal(read(e.call, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 1);

	/* No descriptor: nothing is written, nothing counted. Then another one. */
	vn_virtq_set_call(e.f.vq, -1);
	md_enable_interrupt(&e.f.md);
	move(&e, 1);
	assert_int_equal(interrupts(&e), 0);
	assert_int_equal(e.f.stats.interrupts, 1);
	vn_virtq_set_call(e.f.vq, e.call);
	move(&e, 1);
	assert_int_equal(interrupts(&e), 1);

	/* A full counter is a signalled one. */
	n = UINT64_MAX - 1;
	assert_int_equal(write(e.call, &n, sizeof(n)), sizeof(n));
	move(&e, 1);
	vn_virtq_interrupt(e.f.vq);
	assert_int_equal(e.f.stats.interrupts, 3);
	end(&e);
}

/* A driver without MSI-X learns from the ISR status why it was interrupted (virtio 1.2, 4.1.4.5).
 */
static void
isr_status(void **state)
{
	struct vn_virtq_conf conf;
	struct events e;
	uint8_t isr = VN_ISR_CONFIG;

	(void)state;
	begin(&e, 0, 0);
	vn_virtq_free(e.f.vq);
	conf = md_conf(&e.f.md, &e.f.stats);
	conf.call_fd = e.call;
	conf.isr = &isr;
	assert_int_equal(vn_virtq_create(&conf, &e.f.vq), 0);
	md_disable_interrupt(&e.f.md);
	move(&e, 1);
	assert_int_equal(interrupts(&e), 0);
	assert_int_equal(isr, VN_ISR_CONFIG);
	md_enable_interrupt(&e.f.md);
	move(&e, 1);
	assert_int_equal(interrupts(&e), 1);
	assert_int_equal(isr, VN_ISR_CONFIG | VN_ISR_QUEUE);
	isr = 0;
	vn_virtq_interrupt_always(e.f.vq);
	assert_int_equal(isr, VN_ISR_QUEUE);
	assert_int_equal(interrupts(&e), 1);
	/* Nothing new. */
	isr = 0;
	assert_int_equal(interrupts(&e), 0);
	assert_int_equal(isr, 0);
	/* Whose descriptor is still to come may look at the status. */
	vn_virtq_set_call(e.f.vq, -1);
	move(&e, 1);
	assert_int_equal(interrupts(&e), 0);
	assert_int_equal(isr, VN_ISR_QUEUE);
	end(&e);
}

static void
publish_stores_once(void **state)
{
	static const uint8_t frame[12 + FRAME];
	struct rte_mbuf *pkts[SIZE];
	uint16_t before, offered;
	struct events e;

	(void)state;
	begin(&e, 0, 65535);
	before = e.f.md.added;
	for (unsigned int i = 0; i < 4; i++)
		assert_true(md_add(&e.f.md, frame, sizeof(frame)));
	assert_int_equal(vn_virtq_avail_upto(e.f.vq, 2), 2);
	assert_int_equal(vn_virtq_avail(e.f.vq), 4);
	offered = vn_virtq_offered(e.f.vq);
	assert_int_equal(vn_virtq_dequeue(e.f.vq, env_pool, pkts, 3), 3);
	rte_pktmbuf_free_bulk(pkts, 3);
	assert_int_equal(vn_virtq_position(e.f.vq), 2);
	assert_int_equal(vn_virtq_avail(e.f.vq), 1);
	assert_int_equal(vn_virtq_offered(e.f.vq), offered);
	vn_virtq_publish(e.f.vq); /* nothing is complete */
	assert_int_equal(md_used_idx(&e.f.md), before);
	vn_virtq_complete(e.f.vq);
	assert_int_equal(md_used_idx(&e.f.md), before);
	vn_virtq_publish(e.f.vq);
	assert_int_equal(md_used_idx(&e.f.md), (uint16_t)(before + 3));
	/* Somebody else's store must not be overwritten when there is nothing new. */
	if (env_ring)
		e.f.md.ring[SIZE - 1].len = 77;
	else
		e.f.md.used->idx = 77;
	vn_virtq_publish(e.f.vq);
	vn_virtq_complete(e.f.vq);
	vn_virtq_publish(e.f.vq);
	assert_int_equal(env_ring ? e.f.md.ring[SIZE - 1].len : e.f.md.used->idx, 77);
	assert_int_equal(e.f.stats.max_post, 4);
	assert_true(md_add(&e.f.md, frame, sizeof(frame)));
	assert_int_equal(vn_virtq_offered(e.f.vq), (uint16_t)(offered + 1));
	end(&e);
}

static void
notifications(void **state)
{
	static const uint8_t frame[12 + FRAME];
	struct events e;

	(void)state;
	for (unsigned int idx = 0; idx < 2; idx++) {
		struct model_driver *md = &e.f.md;

		begin(&e, (idx ? VN_F_EVENT_IDX : 0), 65533);
		for (unsigned int i = 0; i < 20; i++) {
			uint16_t old = md->next_avail;

			vn_virtq_disarm(e.f.vq);
			assert_true(md_add(md, frame, sizeof(frame)));
			assert_false(md_wants_kick(md, old));
			if (idx && !env_ring)
				assert_int_equal(md->used->flags, 0);
			move(&e, 0);
			vn_virtq_arm(e.f.vq);
			/* It came before we armed: seen when we look again. */
			assert_int_equal(vn_virtq_avail(e.f.vq), 1);
			(void)step(&e.f);
			vn_virtq_complete(e.f.vq);
			vn_virtq_publish(e.f.vq);
			vn_virtq_arm(e.f.vq);
			assert_int_equal(vn_virtq_avail(e.f.vq), 0);
			old = md->next_avail;
			assert_true(md_add(md, frame, sizeof(frame)));
			assert_true(md_wants_kick(md, old));
			(void)step(&e.f);
			vn_virtq_complete(e.f.vq);
			vn_virtq_publish(e.f.vq);
		}
		end(&e);
	}
}

/*
 * Both sides in threads of their own, both asleep whenever they may be. A wake-up that gets lost
 * stops the flow: poll() then times out, which is the failure.
 */
struct pingpong {
	struct events e;
	int kick;
	unsigned int frames;
	int failed;
};

#define LOST_MS 30000

static bool
wait_fd(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t n;

	return poll(&p, 1, LOST_MS) == 1 && read(fd, &n, sizeof(n)) == sizeof(n);
}

static void *
driver_thread(void *arg)
{
	static const uint8_t frame[12 + FRAME];
	struct pingpong *pp = arg;
	struct model_driver *md = &pp->e.f.md;
	unsigned int sent = 0, back = 0;
	const uint64_t one = 1;
	struct md_chain c;

	while (back < pp->frames) {
		uint16_t old = md->next_avail;

		while (sent < pp->frames && md_outstanding(md) < 1 + sent % SIZE &&
			md_add(md, frame, sizeof(frame)))
			sent++;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (md->next_avail != old && md_wants_kick(md, old) &&
			write(pp->kick, &one, sizeof(one)) != sizeof(one))
			break;
		md_disable_interrupt(md);
		while (md_get(md, &c) >= 0)
			back++;
		if (back == pp->frames || md_outstanding(md) == 0)
			continue;
		md_enable_interrupt(md);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (md_used_idx(md) != md->got)
			continue;
		if (!wait_fd(pp->e.call)) {
			pp->failed = 1;
			break;
		}
	}
	return NULL;
}

static void
no_wakeup_is_lost(void **state)
{
	unsigned int frames = env_rounds("frames between sleeping sides", 20000, 2000000);

	(void)state;
	for (unsigned int idx = 0; idx < 2; idx++) {
		struct pingpong pp = {.frames = frames};
		unsigned int seen = 0;
		pthread_t thread;

		begin(&pp.e, (idx ? VN_F_EVENT_IDX : 0), 65000);
		pp.kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_true(pp.kick >= 0);
		assert_int_equal(pthread_create(&thread, NULL, driver_thread, &pp), 0);
		while (seen < frames) {
			unsigned int n = step(&pp.e.f);

			seen += n;
			if (n > 0) {
				vn_virtq_disarm(pp.e.f.vq);
				vn_virtq_complete(pp.e.f.vq);
				vn_virtq_publish(pp.e.f.vq);
				__atomic_thread_fence(__ATOMIC_SEQ_CST);
				vn_virtq_interrupt(pp.e.f.vq);
				continue;
			}
			vn_virtq_arm(pp.e.f.vq);
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			if (vn_virtq_avail(pp.e.f.vq) == 0 && !wait_fd(pp.kick))
				break;
		}
		pthread_join(thread, NULL);
		assert_int_equal(seen, frames);
		assert_int_equal(pp.failed, 0);
		close(pp.kick);
		end(&pp.e);
	}
}

#ifdef VN_DEBUG_OWNERSHIP
/* A debug build stops at the first access of somebody who does not own the ring. */
static void
ring_has_one_owner(void **state)
{
	struct events e;
	int status;
	pid_t pid;

	(void)state;
	begin(&e, 0, 0);
	vn_virtq_own(e.f.vq, true);
	move(&e, 1);
	pid = fork();
	if (pid == 0) {
		/* As in another thread: another thread id. The panic's text is not for the log. */
		rte_log_set_global_level(0);
		signal(SIGABRT, SIG_DFL);
		(void)vn_virtq_avail(e.f.vq);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	vn_virtq_own(e.f.vq, false);
	move(&e, 1);
	end(&e);
}
#endif

/* Contract 7.4: the classes' edges, counted only when it is on. */
static void
size_classes(void **state)
{
	static const struct {
		uint32_t len;
		int class;
	} vec[] = {
		{14, 0},
		{64, 0},
		{65, 1},
		{127, 1},
		{128, 2},
		{255, 2},
		{256, 3},
		{511, 3},
		{512, 4},
		{1023, 4},
		{1024, 5},
		{1522, 5},
		{1523, 6},
		{2047, 6},
		{2048, 7},
		{4095, 7},
		{4096, 8},
		{8191, 8},
		{8192, 9},
		{9022, 9},
		{9023, -1},
	};
	uint64_t expect[10] = {0};
	struct fix f;

	(void)state;
	fix_begin(&f, true, VN_F_VERSION_1);
	for (unsigned int i = 0; i < 2 * RTE_DIM(vec); i++) {
		struct rte_mbuf *m = some_frame(vec[i / 2].len);

		/* Switched on, they begin at zero; off, they stay. */
		vn_virtq_set_count_sizes(f.vq, i % 2);
		if (i % 2)
			memset(expect, 0, sizeof(expect));
		md_set_desc(&f.md, 0, MD_DATA_GPA, 10000, VN_DESC_F_WRITE, 0);
		md_push_head(&f.md, 0);
		assert_int_equal(vn_virtq_enqueue(f.vq, &m, 1), 1);
		rte_pktmbuf_free(m);
		vn_virtq_publish(f.vq);
		if (i % 2 && vec[i / 2].class >= 0)
			expect[vec[i / 2].class]++;
		assert_memory_equal(f.stats.size_class, expect, sizeof(expect));
	}
	fix_end(&f);
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, env_check_pool)
	const struct CMUnitTest tests[] = {
		T(interrupts_by_flag),
		T(interrupts_by_event),
		T(interrupt_without_being_asked),
		T(isr_status),
		T(publish_stores_once),
		T(notifications),
		T(no_wakeup_is_lost),
#ifdef VN_DEBUG_OWNERSHIP
		T(ring_has_one_owner),
#endif
		T(size_classes),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
