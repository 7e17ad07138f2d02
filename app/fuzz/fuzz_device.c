/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Devices without threads: event loop, poller and port are here in place of the real ones. What
 * they would do later is a list, which the fuzz target works off when it likes. Rings are not
 * polled: the engine has a target of its own; the control queue is served.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>

#include "fuzz_device.h"
#include "vn_features.h"
#include "vn_guestmem.h"
#include "vn_loop.h"
#include "vn_poller.h"

#define MUST(cond)                                                                 \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* Far more than any state of a device has to do. */
#define MANY 100000

/* What is to happen: one of them. */
struct thing {
	struct vn_poller_cmd *cmd;
	bool told; /* cmd has only its done() */
	struct vn_job *job;
};

struct vn_loop {
	struct thing *thing;
	unsigned int n, room;
	TAILQ_HEAD(, vn_timer) timers;
};
struct vn_poller {
	int unused;
};
struct vn_port {
	int unused;
};
struct vn_port_queue {
	struct vn_port_stats stats;
};

static struct vn_loop loop = {.timers = TAILQ_HEAD_INITIALIZER(loop.timers)};
static struct vn_poller poller;
static struct vn_port port;
static struct vn_port_queue port_queue;
static uint8_t *mem_base;
static struct vn_guestmem *mem;
static bool held;

/* --- event loop --- */

static void
later(struct thing t)
{
	if (loop.n == loop.room) {
		loop.room = 2 * loop.room + 64;
		loop.thing = realloc(loop.thing, loop.room * sizeof(loop.thing[0]));
		MUST(loop.thing != NULL);
	}
	loop.thing[loop.n++] = t;
}

static void
run_oldest(void)
{
	const struct thing t = loop.thing[0];

	memmove(&loop.thing[0], &loop.thing[1], --loop.n * sizeof(loop.thing[0]));
	if (t.job != NULL) {
		t.job->done(t.job, t.job->run(t.job));
		return;
	}
	if (!t.told)
		t.cmd->exec(&poller, t.cmd);
	t.cmd->done(t.cmd);
}

void
vn_loop_submit(struct vn_loop *l __rte_unused, struct vn_job *job)
{
	later((struct thing){.job = job});
}

void
vn_loop_arm(struct vn_loop *l, struct vn_timer *timer, uint64_t delay_ns __rte_unused)
{
	if (!timer->armed)
		TAILQ_INSERT_HEAD(&l->timers, timer, next);
	timer->armed = true;
}

void
vn_loop_cancel(struct vn_loop *l, struct vn_timer *timer)
{
	if (timer->armed)
		TAILQ_REMOVE(&l->timers, timer, next);
	timer->armed = false;
}

/* Time stands still, but for bans and limits that have passed. */
uint64_t
vn_now_ns(void)
{
	static uint64_t now;

	return now += VN_SEC(100);
}

/* --- poller --- */

struct vn_poller *
vn_pollers_pick(struct vn_pollers *pollers __rte_unused, unsigned int first __rte_unused,
	unsigned int last __rte_unused)
{
	return &poller;
}

void
vn_poller_put(struct vn_poller *p __rte_unused)
{
}

void
vn_poller_take(struct vn_poller *p __rte_unused)
{
}

unsigned int
vn_poller_lcore(const struct vn_poller *p __rte_unused)
{
	return 1;
}

void
vn_poller_call(struct vn_poller *p __rte_unused, struct vn_poller_cmd *cmd)
{
	later((struct thing){.cmd = cmd});
}

void
vn_poller_tell(struct vn_poller *p __rte_unused, struct vn_poller_cmd *cmd)
{
	later((struct thing){.cmd = cmd, .told = true});
}

void
vn_poll_qp_touch(struct vn_poller *p __rte_unused, struct vn_poll_qp *qp __rte_unused)
{
}

void
vn_poll_qp_set_coal(struct vn_poll_qp *qp, bool is_rx, const struct vn_poll_coal *coal)
{
	struct vn_virtq *vq = is_rx ? qp->rx : qp->tx;

	MUST(vq != NULL);
	qp->dim[!is_rx].stats = coal->dim;
	vn_virtq_set_coal(vq, coal->usecs, coal->packets);
	vn_virtq_set_coal_restart(vq, coal->restart);
}

void
vn_poll_qp_leave(struct vn_poller *p __rte_unused, struct vn_poll_qp *qp __rte_unused)
{
}

void
vn_poll_qp_join(struct vn_poller *p __rte_unused, struct vn_poll_qp *qp __rte_unused)
{
}

void
vn_poll_qp_wake(struct vn_poller *p __rte_unused, struct vn_poll_qp *qp __rte_unused)
{
}

bool
vn_poller_answers(const struct vn_poller *p)
{
	MUST(p == &poller);
	return true;
}

void
vn_poll_qp_attach_ring(struct vn_poller *p __rte_unused, struct vn_poll_qp *qp, bool is_rx,
	struct vn_virtq *vq, int kick_fd __rte_unused)
{
	struct vn_virtq **slot = is_rx ? &qp->rx : &qp->tx;

	MUST(*slot == NULL && vq != NULL);
	*slot = vq;
	/* one interrupt is assumed lost */
	vn_virtq_interrupt_now(vq);
}

struct vn_virtq *
vn_poll_qp_detach_ring(struct vn_poller *p __rte_unused, struct vn_poll_qp *qp, bool is_rx)
{
	struct vn_virtq **slot = is_rx ? &qp->rx : &qp->tx;
	struct vn_virtq *vq = *slot;

	*slot = NULL;
	return vq;
}

void
vn_poll_qp_attach_port(
	struct vn_poller *p __rte_unused, struct vn_poll_qp *qp, struct vn_port_queue *pq)
{
	MUST(qp->pq == NULL && pq != NULL);
	qp->pq = pq;
}

struct vn_port_queue *
vn_poll_qp_detach_port(struct vn_poller *p __rte_unused, struct vn_poll_qp *qp)
{
	struct vn_port_queue *pq = qp->pq;

	qp->pq = NULL;
	return pq;
}

/* --- port --- */

static int
port_open(const struct vn_port_conf *conf __rte_unused, struct vn_port **out,
	char *err __rte_unused, size_t errlen __rte_unused)
{
	*out = &port;
	return 0;
}

static void
port_close(struct vn_port *p __rte_unused)
{
}

static int
port_set_features(struct vn_port *p __rte_unused, uint64_t features __rte_unused)
{
	return 0;
}

static int
port_set_link(struct vn_port *p __rte_unused, bool up __rte_unused)
{
	return 0;
}

static int
port_set_mtu(struct vn_port *p __rte_unused, uint16_t mtu __rte_unused)
{
	return 0;
}

static int
port_get_info(struct vn_port *p __rte_unused, struct vn_port_info *info)
{
	*info = (struct vn_port_info){.ready = true, .mtu = 1500};
	return 0;
}

static int
port_queue_open(struct vn_port *p __rte_unused, uint16_t idx __rte_unused,
	struct rte_mempool *pool __rte_unused, struct vn_port_queue **q)
{
	*q = &port_queue;
	return 0;
}

static void
port_queue_close(struct vn_port_queue *q __rte_unused)
{
}

static int
port_queue_fd(struct vn_port_queue *q __rte_unused)
{
	return -1;
}

static const struct vn_port_stats *
port_queue_stats(struct vn_port_queue *q)
{
	return &q->stats;
}

static const struct vn_port_ops port_ops = {
	.kind = "fuzz",
	.open = port_open,
	.close = port_close,
	.destroy = port_close,
	.set_features = port_set_features,
	.set_link = port_set_link,
	.set_mtu = port_set_mtu,
	.get_info = port_get_info,
	.queue_open = port_queue_open,
	.queue_close = port_queue_close,
	.queue_fd = port_queue_fd,
	.queue_stats = port_queue_stats,
};

/* --- what the fuzz target calls --- */

static void
make_mem(void)
{
	struct vn_gm_registry *reg = vn_gm_registry_create(4);
	struct vn_gm_region region = {.gpa = FUZZ_GPA, .size = FUZZ_MEM_BYTES};
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);

	MUST(reg != NULL && fd >= 0 && ftruncate(fd, FUZZ_MEM_BYTES) == 0);
	mem_base = mmap(NULL, FUZZ_MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(mem_base != MAP_FAILED);
	MUST(vn_gm_file_map(reg, fd, 0, FUZZ_MEM_BYTES, false, &region.file) == 0);
	MUST(vn_guestmem_create(&region, 1, &mem) == 0);
	vn_gm_file_unref(region.file);
	close(fd);
}

static void
mem_set(void *ctx, int result)
{
	MUST(result == 0);
	*(bool *)ctx = true;
}

struct vn_device *
fuzz_env_device(unsigned int n, enum vn_function_type type)
{
	const struct vn_device_env env = {
		.loop = &loop,
		.port_ops = &port_ops,
		.port_features = UINT64_MAX,
	};
	struct vn_device_conf conf = {
		.type = type,
		.mac = {2, 1, 2, 3, 4, (uint8_t)n},
		.features = UINT64_MAX,
		.max_queue_pairs = 3,
		.num_queues = 7,
		.num_msix = 8,
		.max_queue_size = 256,
		.mtu = 1500,
		.lcore_last = UINT_MAX,
	};
	struct vn_device *dev;
	bool set = false;

	if (mem == NULL)
		make_mem();
	snprintf(conf.vuid, sizeof(conf.vuid), "FUZZVNETS0D0F%u", n);
	MUST(vn_device_create(&env, &conf, &dev) == 0);
	vn_device_set_mem(dev, mem, mem_set, &set);
	fuzz_env_settle();
	MUST(set);
	return dev;
}

uint8_t *
fuzz_env_mem(void)
{
	return mem_base;
}

void
fuzz_env_hold(void)
{
	held = true;
}

void
fuzz_env_progress(unsigned int n)
{
	while (n-- > 0 && loop.n > 0)
		run_oldest();
}

void
fuzz_env_settle(void)
{
	unsigned int left = MANY;

	held = false;
	while (loop.n > 0 || !TAILQ_EMPTY(&loop.timers)) {
		struct vn_timer *t = TAILQ_FIRST(&loop.timers);

		MUST(left-- > 0);
		if (loop.n > 0) {
			run_oldest();
			continue;
		}
		vn_loop_cancel(&loop, t);
		t->cb(t->ctx);
	}
}

void
fuzz_env_idle(void)
{
	if (!held)
		fuzz_env_settle();
}
