/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The wiring: makes all parts, runs the control thread's loop, and takes them down again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_rcu_qsbr.h>

#include "app.h"
#include "vn_blackbox.h"
#include "vn_controller.h"
#include "vn_ctl.h"
#include "vn_internal.h"
#include "vn_log.h"
#include "vn_loop.h"
#include "vn_net_hdr.h"
#include "vn_poller.h"
#include "vn_recovery.h"
#include "vn_switch.h"
#include "vn_tap.h"
#include "vn_vfio_user.h"
#include "vn_vhost_user.h"

/** Mappings of guest memory files, all devices together. */
#define MAX_GUEST_FILES 32768
/** Rings that the black box has room for. */
#define MAX_BLACKBOX_RINGS 16384
#define MBUF_DATA_ROOM     (2048 + RTE_PKTMBUF_HEADROOM)
#define MBUF_CACHE         256
/**
 * All must have ended by then after a signal: a thousand devices are given more time than one. It
 * is for what never ends: on a busy machine, pollers may take a second for some hundred rings.
 */
#define STOP_DEADLINE_NS VN_SEC(10)
#define STOP_DEVICE_NS   VN_MS(50)

struct service {
	struct vn_loop *loop;
	struct vn_gm_registry *gm;
	struct vn_pollers *pollers;
	struct vn_blackbox *bb;
	struct rte_mempool *pool;
	struct rte_rcu_qsbr *qsbr; /* the pollers are its threads */
	struct app_switch sw;
	struct vn_controller *ctrl;
	struct vn_ctl *ctl;
	struct app_linkwatch links;
	struct vn_timer stop_timer;
	uint64_t broken_seen;
	char bb_path[PATH_MAX];
	char boot_id[VN_BOOT_ID_LEN];
	bool ready, failed, stopping, stopped;
};

static void
stop_overdue(void *ctx)
{
	struct service *s = ctx;

	VN_ERR("not everything ended in time: leaving it to the kernel");
	vn_loop_stop(s->loop);
}

static void
devices_gone(void *ctx, int result)
{
	struct service *s = ctx;

	RTE_SET_USED(result);
	s->stopped = true;
	vn_loop_stop(s->loop);
}

static void
stop(void *ctx)
{
	struct service *s = ctx;

	if (s->stopping)
		return;
	s->stopping = true;
	app_notify("STOPPING=1");
	s->stop_timer = (struct vn_timer){.cb = stop_overdue, .ctx = s};
	vn_loop_arm(
		s->loop, &s->stop_timer, STOP_DEADLINE_NS + s->ctrl->num_devices * STOP_DEVICE_NS);
	vn_ctl_destroy(s->ctl);
	s->ctl = NULL;
	app_linkwatch_stop(&s->links, s->loop);
	vn_controller_stop(s->ctrl, s->failed ? VN_PORT_UNDO : VN_PORT_KEEP, devices_gone, s);
}

/* Runs whenever a job ended, a poller answered, or guest memory broke. */
static void
woken(void *ctx)
{
	struct service *s = ctx;
	const uint64_t broken = vn_gm_registry_broken(s->gm);

	if (s->ctrl == NULL)
		return;
	if (broken != s->broken_seen) {
		s->broken_seen = broken;
		vn_controller_check_mem(s->ctrl);
	}
	vn_controller_progress(s->ctrl);
	if (!s->ready && !s->stopping && vn_controller_settled(s->ctrl)) {
		s->ready = true;
		VN_INFO("ready: %u devices", s->ctrl->num_devices);
		app_notify("READY=1");
	}
}

/* All devices are made; their ports may not be. */
static void
started(void *ctx, int result, const char *text, struct vn_device *dev)
{
	struct service *s = ctx;

	RTE_SET_USED(dev);
	if (result == 0) {
		woken(s); /* without devices nothing else would say that we are ready */
	} else if (!s->stopping) {
		fprintf(stderr, "dpdk-virtnet: %s\n", text);
		s->failed = true;
		stop(s);
	}
}

static int
make_pollers(struct service *s, const struct app_args *args, char *err)
{
	struct vn_poller_conf pc = {
		.idle_spin_us = args->idle_spin_us,
		.idle_cold_us = args->idle_cold_us,
		.idle_policy = args->idle_policy,
	};
	unsigned int lcores[RTE_MAX_LCORE], n = 0, lcore;
	size_t size;
	int rc;

	RTE_LCORE_FOREACH_WORKER (lcore)
		lcores[n++] = lcore;
	if (n == 0) {
		snprintf(err, APP_ERR_LEN,
			"no worker lcore: besides the main lcore at least one is "
			"needed to move packets, e.g. -l 0,1 or --lcores 0@0,1@0");
		return -EINVAL;
	}
	size = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(n), RTE_CACHE_LINE_SIZE);
	s->qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (s->qsbr == NULL || rte_rcu_qsbr_init(s->qsbr, n) != 0) {
		snprintf(err, APP_ERR_LEN, "out of memory");
		return -ENOMEM;
	}
	pc.qsbr = s->qsbr;
	rc = vn_pollers_create(s->loop, lcores, n, &pc, &s->pollers);
	if (rc == 0)
		rc = vn_pollers_start(s->pollers);
	if (rc != 0)
		snprintf(err, APP_ERR_LEN, "cannot start the pollers: %s", strerror(-rc));
	return rc;
}

static int
make_parts(struct service *s, const struct app_args *args, const struct vn_conf *conf, char *err)
{
	static const struct rte_mbuf_dynflag hdr_flag = {.name = "vn_net_hdr"};
	bool fresh;
	int rc;

	s->loop = vn_loop_create();
	s->gm = vn_gm_registry_create(MAX_GUEST_FILES);
	if (s->loop == NULL || s->gm == NULL || vn_loop_on_wake(s->loop, woken, s) != 0) {
		snprintf(err, APP_ERR_LEN, "out of memory or file descriptors");
		return -ENOMEM;
	}
	app_sigbus_install(s->gm, s->loop);
	rc = make_pollers(s, args, err);
	if (rc != 0)
		return rc;
	if (rte_mbuf_dynflag_register_bitnum(&hdr_flag, VN_MBUF_HDR_BIT) < 0) {
		snprintf(err, APP_ERR_LEN, "flag %d of packet buffers is taken: %s",
			VN_MBUF_HDR_BIT, rte_strerror(rte_errno));
		return -rte_errno;
	}
	s->pool = rte_pktmbuf_pool_create("vn_mbufs", args->num_mbufs, MBUF_CACHE,
		VN_MBUF_PRIV_SIZE, MBUF_DATA_ROOM, SOCKET_ID_ANY);
	if (s->pool == NULL) {
		snprintf(err, APP_ERR_LEN,
			"no memory for %u packet buffers (%s): give the EAL more "
			"(-m MB, or hugepages), or ask for fewer (-- --mbufs N)",
			args->num_mbufs, rte_strerror(rte_errno));
		return -ENOMEM;
	}
	rc = app_switch_make(&s->sw, conf, s->pool, s->qsbr, s->pollers, s->loop, err);
	if (rc != 0)
		return rc;
	snprintf(s->bb_path, sizeof(s->bb_path), "%s/blackbox", args->run_dir);
	rc = vn_blackbox_open(s->bb_path, MAX_BLACKBOX_RINGS, &s->bb, &fresh);
	if (rc != 0) {
		snprintf(err, APP_ERR_LEN, "cannot make the black box %.300s: %s", s->bb_path,
			strerror(-rc));
		return rc;
	}
	if (!fresh)
		VN_INFO("found the black box of an earlier instance: rings will be resumed");
	return 0;
}

/* A queue with one big frame being read and one waiting. */
#define MBUFS_PER_QUEUE (VN_MAX_FRAME / 2048 + 2)
/* In the caches of lcores, and in ports. */
#define MBUFS_ELSEWHERE 4096

static uint32_t
buffered_pairs(uint32_t num_mbufs)
{
	const uint32_t n = num_mbufs > MBUFS_ELSEWHERE ? num_mbufs - MBUFS_ELSEWHERE : 0;

	return RTE_MAX(n / (2 * MBUFS_PER_QUEUE), 1u);
}

static int
make_controller(struct service *s, const struct app_args *args, const struct vn_conf *conf,
	const struct vn_capacity *capacity, const char *serial, char *err)
{
	static const struct vn_transport_ops *const transports[] = {
		&vn_vfio_user_ops,
		&vn_vhost_user_ops,
	};
	const struct vn_port_ops *const ports[] = {&vn_internal_ops, vn_switch_ops(s->sw.sw)};
	const struct vn_controller_env env = {
		.dev =
			{
				.loop = s->loop,
				.gm = s->gm,
				.pollers = s->pollers,
				.bb = s->bb,
				.pool = s->pool,
				.port_ops = &vn_tap_ops,
				.port_features = vn_tap_ops.features(),
			},
		.port = ports,
		.n_ports = RTE_DIM(ports),
		.transport = transports,
		.n_transports = RTE_DIM(transports),
		.socket_dir = args->run_dir,
		.board_serial = serial,
		.conf_file = args->conf_file,
		.capacity_file = args->capacity_file,
		.buffered_pairs = buffered_pairs(args->num_mbufs),
		.recovery_dir = args->recovery_dir,
		.boot_id = s->boot_id,
	};
	struct vn_ctl_conf cc = {.dir = args->run_dir, .version = VN_VERSION};
	int rc;

	if (conf->recovery && vn_recovery_boot_id(NULL, s->boot_id) != 0)
		VN_WARN("no " VN_BOOT_ID ": recovery files will be taken after a boot, too");
	rc = vn_controller_create(&env, conf, capacity, &s->ctrl);
	if (rc != 0) {
		snprintf(err, APP_ERR_LEN, "out of memory");
		return rc;
	}
	/* The control socket first: the cheapest way to find out that we should not be here. */
	cc.controller = s->ctrl;
	cc.pollers = s->pollers;
	cc.show_switch = app_switch_show;
	cc.ctx = &s->sw;
	rc = vn_ctl_create(s->loop, &cc, &s->ctl, err, APP_ERR_LEN);
	if (rc == 0)
		rc = app_signals_watch(s->loop, stop, s);
	if (rc == 0)
		rc = vn_controller_start(s->ctrl, started, s, err, APP_ERR_LEN);
	if (rc == 0 && app_linkwatch_start(&s->links, s->loop, s->ctrl) != 0)
		VN_WARN("no link events: list will not notice changes of representors");
	return rc;
}

/* The reverse of making; each part may be missing. */
static void
take_down(struct service *s)
{
	const bool clean = s->ctrl == NULL || s->stopped;

	app_signals_unwatch(s->loop);
	vn_ctl_destroy(s->ctl);
	if (s->pollers != NULL)
		vn_pollers_stop(s->pollers);
	if (!clean)
		return; /* something may still be in use: the kernel will see to it */
	vn_controller_destroy(s->ctrl);
	app_switch_free(&s->sw);
	vn_loop_cancel(s->loop, &s->stop_timer);
	vn_loop_destroy(s->loop);
	vn_pollers_destroy(s->pollers);
	if (s->bb != NULL)
		vn_blackbox_close(s->bb, true);
	vn_gm_registry_destroy(s->gm);
	rte_mempool_free(s->pool);
	free(s->qsbr);
}

int
app_service_run(const struct app_args *args, const struct vn_conf *conf,
	const struct vn_capacity *capacity, const char *board_serial)
{
	struct service s = {0};
	char err[APP_ERR_LEN] = "";
	int rc;

	rc = make_parts(&s, args, conf, err);
	if (rc == 0)
		rc = make_controller(&s, args, conf, capacity, board_serial, err);
	if (rc == 0) {
		rc = vn_loop_run(s.loop);
	} else {
		fprintf(stderr, "dpdk-virtnet: %s\n", err);
		if (s.ctrl != NULL) {
			s.failed = true;
			stop(&s);
			vn_loop_run(s.loop);
		}
	}
	if (s.loop != NULL)
		take_down(&s);
	return rc == 0 && s.stopped && !s.failed ? 0 : 1;
}
