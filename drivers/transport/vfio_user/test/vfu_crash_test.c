/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A connection outlives its servers: given from one process to the next, and taken over from
 * processes that are killed at random moments. This process is the client and, in its other role,
 * the one that holds all descriptors.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "mock_device.h"
#include "pump.h"
#include "vfu_private.h"
#include "vn_vfio_user.h"

#define KILLS_SHORT 60
#define KILLS_LONG  1000
#define GIVES       30
#define GIVES_LONG  300
/* Only a failing test waits for so long. */
#define PATIENCE_NS VN_SEC(60)

struct world {
	char dir[32], path[64];
	int keep[2];  /* the servers' end, ours */
	int chain[2]; /* from a server to its successor */
	struct vn_vfu_hold hold;
	struct pump pump;
	unsigned int takeovers;
};

/* --- the server, in a process of its own --- */

struct server {
	struct vn_loop *loop;
	struct vn_device dev;
	struct vn_endpoint *ep;
	struct vn_fd_source order; /* readable: give the endpoint away */
	int chain;
	bool over;
};

static void
server_init(struct server *s)
{
	struct vn_gm_registry *gm;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rte_log_set_global_level(RTE_LOG_EMERG);
	memset(s, 0, sizeof(*s));
	s->loop = vn_loop_create();
	gm = vn_gm_registry_create(2000);
	if (s->loop == NULL || gm == NULL)
		_exit(3);
	memset(&mock_pci, 0, sizeof(mock_pci));
	mock_device_init(&s->dev, s->loop, gm, 2);
	s->dev.conf.num_msix = 64;
}

static void
server_given(void *ctx, int result)
{
	struct server *s = ctx;

	if (result != 0)
		_exit(4);
	s->over = true;
}

static void
server_order(void *ctx, uint32_t events)
{
	struct server *s = ctx;

	(void)events;
	vn_loop_del_fd(s->loop, &s->order);
	vn_vfio_user_give(s->ep, s->chain, server_given, s);
}

static void
server_run(struct server *s)
{
	while (!s->over)
		vn_loop_run_once(s->loop, -1);
	_exit(0);
}

/* The first of all. */
static pid_t
start_first(struct world *w, int order)
{
	struct vn_endpoint_conf conf = {.path = w->path};
	struct server s;
	char err[256];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	server_init(&s);
	if (vn_vfio_user_ops.plug(&s.dev, &conf, &s.ep, err, sizeof(err)) != 0 ||
		vn_vfio_user_set_keeper(s.ep, w->keep[0]) != 0)
		_exit(5);
	close(w->keep[1]);
	s.chain = w->chain[0];
	s.order.cb = server_order;
	s.order.ctx = &s;
	if (order >= 0)
		vn_loop_add_fd(s.loop, &s.order, order, EPOLLIN);
	server_run(&s);
	return 0;
}

/* The next one: what it needs is held by us (a copy, after the fork), or comes by the chain. */
static pid_t
start_next(struct world *w, int order, bool by_chain)
{
	struct vn_endpoint_conf conf = {.path = w->path};
	struct vn_vfu_hold *hold = &w->hold, chained;
	struct server s;
	char err[256];
	pid_t pid = fork();
	int ret;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(w->pump.fd);
	close(w->keep[1]);
	server_init(&s);
	if (by_chain) {
		/* Nothing of it may come from anywhere else. */
		vn_vfu_hold_fini(hold);
		vn_vfu_hold_init(&chained);
		hold = &chained;
		do {
			ret = vn_vfu_hold_recv(hold, w->chain[1]);
		} while (ret == VN_VFU_CHANGED);
		if (ret != VN_VFU_END)
			_exit(6);
	}
	ret = vn_vfio_user_take(&s.dev, &conf, hold, w->keep[0], &s.ep, err, sizeof(err));
	if (ret != 0) {
		fprintf(stderr, "take over: %s\n", err);
		_exit(7);
	}
	vn_vfu_hold_fini(hold);
	s.chain = w->chain[0];
	s.order.cb = server_order;
	s.order.ctx = &s;
	if (order >= 0)
		vn_loop_add_fd(s.loop, &s.order, order, EPOLLIN);
	server_run(&s);
	return 0;
}

/* --- the holder --- */

/* Take what servers have sent to be kept, also those that are dead. */
static void
hold_read(struct world *w)
{
	int ret;

	do {
		ret = vn_vfu_hold_recv(&w->hold, w->keep[1]);
	} while (ret == VN_VFU_CHANGED);
	assert_int_equal(ret, -EAGAIN);
}

static bool
holds(const struct world *w, enum vn_vfu_kind kind)
{
	unsigned int i;

	for (i = 0; i < w->hold.n; i++) {
		if (w->hold.held[i].kind == kind)
			return true;
	}
	return false;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->dir, "/tmp/vfio-user-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/socket", w->dir);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->keep), 0);
	assert_int_equal(fcntl(w->keep[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->chain), 0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	vn_vfu_hold_fini(&w->hold);
	close(w->keep[0]);
	close(w->keep[1]);
	close(w->chain[0]);
	close(w->chain[1]);
	unlink(w->path);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void
connect_pump(struct world *w, uint64_t seed)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	uint64_t end = vn_now_ns() + PATIENCE_NS;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* The server has it held before it answers anybody. */
	while (!holds(w, VN_VFU_STATE) || !holds(w, VN_VFU_LISTENER)) {
		struct pollfd pfd = {.fd = w->keep[1], .events = POLLIN};

		assert_true(vn_now_ns() < end);
		poll(&pfd, 1, 100);
		hold_read(w);
	}
	strcpy(addr.sun_path, w->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	pump_init(&w->pump, fd, seed);
}

/* Let the client go on until it has @p answers more, or for @p ns (0: as long as it takes). */
static void
pump_for(struct world *w, uint64_t answers, uint64_t ns)
{
	uint64_t want = w->pump.answered + answers, start = vn_now_ns(), now = start;

	while (w->pump.answered < want && (ns == 0 || now - start < ns)) {
		struct pollfd pfd[2] = {
			{.fd = w->pump.fd, .events = POLLIN},
			{.fd = w->keep[1], .events = POLLIN},
		};

		hold_read(w);
		pump_step(&w->pump);
		if (w->pump.n == PUMP_WINDOW)
			poll(pfd, 2, 1);
		now = vn_now_ns();
		if (now - start > PATIENCE_NS)
			fail_msg("no answers any more: %u requests wait", w->pump.n);
	}
}

static void
finish(struct world *w)
{
	uint64_t start = vn_now_ns();

	pump_for(w, 200, 0);
	pump_finish(&w->pump);
	while (w->pump.n > 0) {
		struct pollfd pfd = {.fd = w->pump.fd, .events = POLLIN};

		hold_read(w);
		poll(&pfd, 1, 10);
		pump_drain(&w->pump);
		if (vn_now_ns() - start > PATIENCE_NS)
			fail_msg("no answers any more: %u requests wait", w->pump.n);
	}
}

static void
end_process(pid_t pid, int sig, int want)
{
	int status;

	if (sig != 0)
		kill(pid, sig);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (sig != 0 && WIFEXITED(status))
		fail_msg("the server ended by itself: %d", WEXITSTATUS(status));
	if (sig == 0)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == want);
}

static void
killed_at_random(void **state)
{
	struct world *w = *state;
	unsigned int i, kills = getenv("VN_LONG") != NULL ? KILLS_LONG : KILLS_SHORT;
	pid_t pid;

	pid = start_first(w, -1);
	connect_pump(w, 1);
	srand(1);
	for (i = 0; i < kills; i++) {
		/* Also while it takes over. */
		pump_for(w, UINT64_MAX / 2, (uint64_t)(rand() % 4000) * 1000 + 1);
		end_process(pid, SIGKILL, 0);
		hold_read(w);
		pid = start_next(w, -1, false);
		/* Now and then long enough for it to come far. */
		if (i % 8 == 0)
			pump_for(w, 50, 0);
	}
	finish(w);
	printf("%u kills (VN_LONG: %u), %llu requests, %llu answers\n", kills, KILLS_LONG,
		(unsigned long long)w->pump.sent, (unsigned long long)w->pump.answered);
	end_process(pid, SIGKILL, 0);
	pump_fini(&w->pump);
}

static void
given_from_hand_to_hand(void **state)
{
	struct world *w = *state;
	unsigned int i, gives = getenv("VN_LONG") != NULL ? GIVES_LONG : GIVES;
	int order[2], next_order[2];
	pid_t pid, next;

	assert_int_equal(pipe2(order, O_CLOEXEC), 0);
	pid = start_first(w, order[0]);
	connect_pump(w, 2);
	for (i = 0; i < gives; i++) {
		pump_for(w, (uint64_t)(i * 7) % 60, 0);
		assert_int_equal(pipe2(next_order, O_CLOEXEC), 0);
		assert_int_equal(write(order[1], "", 1), 1);
		next = start_next(w, next_order[0], true);
		/* The client goes on as if nothing were. */
		pump_for(w, 20, 0);
		end_process(pid, 0, 0);
		close(order[0]);
		close(order[1]);
		memcpy(order, next_order, sizeof(order));
		pid = next;
	}
	finish(w);
	printf("%u hand-overs (VN_LONG: %u), %llu requests, %llu answers\n", gives, GIVES_LONG,
		(unsigned long long)w->pump.sent, (unsigned long long)w->pump.answered);
	end_process(pid, SIGKILL, 0);
	close(order[0]);
	close(order[1]);
	pump_fini(&w->pump);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(given_from_hand_to_hand),
		T(killed_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
