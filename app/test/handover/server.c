/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * One server: the parts of dpdk-virtnet that one device needs, without the controller.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "handover.h"
#include "vn_blackbox.h"
#include "vn_device.h"
#include "vn_features.h"
#include "vn_log.h"
#include "vn_model.h"
#include "vn_net_hdr.h"
#include "vn_poller.h"
#include "vn_tap.h"
#include "vn_vfio_user.h"

#define NUM_MBUFS 8191
#define MAX_FILES 1024
#define MAX_RINGS 256

struct server {
	struct vn_loop *loop;
	struct vn_gm_registry *gm;
	struct vn_pollers *pollers;
	struct vn_blackbox *bb;
	struct vn_device *dev;
	struct vn_endpoint *ep;
	struct vn_fd_source control_src;
	int control;
	bool leaving;
	int status;
};

static void
do_nothing(int sig)
{
	RTE_SET_USED(sig);
}

static void
say(const struct server *s, char word)
{
	if (send(s->control, &word, 1, MSG_NOSIGNAL) != 1)
		VN_ERR("the keeper has gone: %s", strerror(errno));
}

static void
device_gone(void *ctx, int result)
{
	struct server *s = ctx;

	RTE_SET_USED(result);
	vn_loop_stop(s->loop);
}

static void
endpoint_gone(void *ctx, int result)
{
	struct server *s = ctx;

	if (result != 0) {
		VN_ERR("the endpoint was not given: %s", strerror(-result));
		s->status = 1;
		vn_loop_stop(s->loop);
		return;
	}
	/* The successor adopts the representor. */
	vn_device_destroy(s->dev, VN_PORT_KEEP, device_gone, s);
}

static void
on_control(void *ctx, uint32_t events)
{
	struct server *s = ctx;
	char word = 0;
	ssize_t n = recv(s->control, &word, 1, MSG_DONTWAIT);

	RTE_SET_USED(events);
	if (s->leaving || (n < 0 && errno == EAGAIN))
		return;
	s->leaving = true;
	vn_loop_del_fd(s->loop, &s->control_src);
	if (n == 1 && word == HANDOVER_GIVE)
		vn_vfio_user_give(s->ep, s->control, endpoint_gone, s);
	else
		vn_vfio_user_ops.unplug(s->ep, endpoint_gone, s);
}

static int
make_parts(struct server *s, const struct handover_args *args)
{
	const struct vn_poller_conf pc = {.idle_spin_us = 20, .idle_cold_us = VN_IDLE_COLD_US};
	unsigned int lcore = rte_get_next_lcore(-1, 1, 0);
	const struct vn_device_conf conf = {
		.type = VN_STATIC_PF,
		.vuid = "HANDOVERVNETS0D0F2",
		.bdf = 0xe202,
		.pci_function = 2,
		.mac = {0x02, 0, 0, 0, 0x40, 0x01},
		.features = UINT64_MAX & ~(VN_F_ADMIN_VQ | (args->packed ? 0 : VN_F_RING_PACKED)),
		.num_msix = (uint16_t)(2 * args->pairs + 2),
		.num_queues = (uint16_t)(2 * args->pairs + 1),
		.max_queue_pairs = (uint16_t)args->pairs,
		.max_queue_size = 256,
		.mtu = 1500,
		.speed = 100000,
		.sf_num = 1000,
		.lcore_last = UINT_MAX,
	};
	struct vn_device_env env = {
		.port_ops = &vn_tap_ops,
		.port_features = vn_tap_ops.features(),
	};
	struct vn_device_conf dc = conf;
	char path[PATH_MAX];
	bool fresh;
	int rc;

	/* What the predecessor knew of its rings, if it was killed. */
	snprintf(path, sizeof(path), "%s.blackbox", args->socket);
	rc = vn_blackbox_open(path, MAX_RINGS, &s->bb, &fresh);
	if (rc != 0)
		return rc;
	env.bb = s->bb;
	snprintf(dc.rep_name, sizeof(dc.rep_name), "%s", args->rep);
	env.loop = s->loop = vn_loop_create();
	env.gm = s->gm = vn_gm_registry_create(MAX_FILES);
	env.pool = rte_pktmbuf_pool_create("mbufs", NUM_MBUFS, 128, VN_MBUF_PRIV_SIZE,
		2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (s->loop == NULL || s->gm == NULL || env.pool == NULL)
		return -ENOMEM;
	rc = vn_pollers_create(s->loop, &lcore, 1, &pc, &s->pollers);
	if (rc == 0)
		rc = vn_pollers_start(s->pollers);
	env.pollers = s->pollers;
	return rc != 0 ? rc : vn_device_create(&env, &dc, &s->dev);
}

/* The predecessor has let go of the representor before its last message is passed on to us. */
static int
receive_all(int control, struct vn_vfu_hold *hold)
{
	int rc;

	do {
		rc = vn_vfu_hold_recv(hold, control);
	} while (rc == VN_VFU_CHANGED);
	return rc == VN_VFU_END ? 0 : -EPROTO;
}

int
handover_serve(const struct handover_args *args, int control, int keeper, bool take)
{
	const struct sigaction interrupts = {.sa_handler = do_nothing};
	const struct vn_endpoint_conf ec = {.path = args->socket};
	struct server s = {.control = control};
	struct vn_vfu_hold hold = {0};
	char prefix[32], err[256] = "";
	char *eal[] = {(char *)(uintptr_t) "handover", (char *)(uintptr_t) "--no-huge",
		(char *)(uintptr_t) "-m", (char *)(uintptr_t) "96", (char *)(uintptr_t) "--no-pci",
		(char *)(uintptr_t) "--no-telemetry", (char *)(uintptr_t) "-l",
		(char *)(uintptr_t) "0,1", (char *)(uintptr_t) "--file-prefix", prefix};
	int rc;

	sigaction(VN_POLLER_SIGNAL, &interrupts, NULL);
	snprintf(prefix, sizeof(prefix), "handover%d", getpid());
	if (rte_eal_init(RTE_DIM(eal), eal) < 0)
		return 1;
	vn_log_set_level("info");
	say(&s, HANDOVER_READY);
	rc = take ? receive_all(control, &hold) : 0;
	if (rc == 0)
		rc = make_parts(&s, args);
	if (rc == 0 && take)
		rc = vn_vfio_user_take(s.dev, &ec, &hold, keeper, &s.ep, err, sizeof(err));
	else if (rc == 0)
		rc = vn_vfio_user_ops.plug(s.dev, &ec, &s.ep, err, sizeof(err));
	if (rc == 0 && !take)
		rc = vn_vfio_user_set_keeper(s.ep, keeper);
	if (rc != 0) {
		fprintf(stderr, "handover: %s (%s)\n", err, strerror(-rc));
		return 1;
	}
	vn_vfu_hold_fini(&hold);
	s.control_src = (struct vn_fd_source){.cb = on_control, .ctx = &s};
	rc = vn_loop_add_fd(s.loop, &s.control_src, control, EPOLLIN);
	if (rc != 0)
		return 1;
	say(&s, HANDOVER_SERVING);
	rc = vn_loop_run(s.loop);
	vn_pollers_stop(s.pollers);
	vn_blackbox_close(s.bb, false);
	rte_eal_cleanup();
	return rc != 0 ? 1 : s.status;
}
