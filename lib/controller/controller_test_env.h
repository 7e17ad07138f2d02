/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CONTROLLER_TEST_ENV_H
#define CONTROLLER_TEST_ENV_H

/**
 * @file
 * Test code: a controller with transports that only count. For one source file per program.
 */

#include "poller_test_env.h"

#include "ctrl_private.h"
#include "vn_controller.h"
#include "vn_features.h"

#define SERIAL "MT2306XZ00BN"

/* A transport that only counts. */
struct vn_endpoint {
	struct vn_device *dev;
	vn_device_cb done;
	void *ctx;
	struct vn_endpoint_conf conf;
	char path[108];
	bool connected;
};

static struct {
	unsigned int plugged, fail_at; /* the fail_at-th plug fails; 0: none */
	uint64_t plug_ns;              /* that a plug takes at least */
	bool hold;                     /* unplugs wait for release_unplugs() */
	bool client;
	char last_path[128];
	unsigned int shown; /* calls of set_vfs() */
	uint16_t vfs;       /* the last one */
	bool vfs_by_client;
	struct vn_endpoint *held[VN_MAX_STATIC_PF];
	unsigned int n_held;
} ft;

static int
ft_plug(struct vn_device *dev, const struct vn_endpoint_conf *conf, struct vn_endpoint **ep,
	char *err, size_t errlen)
{
	const uint64_t end = vn_now_ns() + ft.plug_ns;

	while (vn_now_ns() < end)
		;
	if (ft.plugged + 1 == ft.fail_at) {
		snprintf(err, errlen, "the test refuses %s", dev->conf.vuid);
		return -EADDRINUSE;
	}
	*ep = calloc(1, sizeof(**ep));
	assert_non_null(*ep);
	(*ep)->dev = dev;
	(*ep)->conf = *conf;
	snprintf((*ep)->path, sizeof((*ep)->path), "%s", conf->path);
	snprintf(ft.last_path, sizeof(ft.last_path), "%s", conf->path);
	ft.client = conf->client;
	ft.plugged++;
	return 0;
}

static void
ft_reset_done(void *ctx, int result)
{
	struct vn_endpoint *ep = ctx;
	const struct vn_endpoint copy = *ep;

	(void)result;
	free(ep);
	ft.plugged--;
	copy.done(copy.ctx, 0);
}

static void
ft_unplug(struct vn_endpoint *ep, vn_device_cb done, void *ctx)
{
	ep->done = done;
	ep->ctx = ctx;
	if (ft.hold)
		ft.held[ft.n_held++] = ep;
	else
		vn_device_reset(ep->dev, ft_reset_done, ep);
}

static inline void
release_unplugs(void)
{
	for (unsigned int i = 0; i < ft.n_held; i++)
		vn_device_reset(ft.held[i]->dev, ft_reset_done, ft.held[i]);
	ft.n_held = 0;
}

static void
ft_get_info(const struct vn_endpoint *ep, struct vn_endpoint_info *info)
{
	*info = (struct vn_endpoint_info){.connected = ep->connected, .client = ep->conf.client};
	snprintf(info->path, sizeof(info->path), "%s", ep->path);
}

static void
ft_set_vfs(struct vn_endpoint *ep, uint16_t n, bool by_client)
{
	(void)ep;
	ft.shown++;
	ft.vfs = n;
	ft.vfs_by_client = by_client;
}

/* Some features that rings alone cannot carry. */
#define FT_NOT_CARRIED (VN_NET_F_RSS | VN_F_RING_RESET | VN_NET_F_HASH_REPORT)

static const struct vn_transport_ops ft_rings = {
	.name = "vhost-user",
	.not_carried = FT_NOT_CARRIED,
	.plug = ft_plug,
	.unplug = ft_unplug,
	.get_info = ft_get_info,
};

static const struct vn_transport_ops ft_full = {
	.name = "vfio-user",
	.full = true,
	.plug = ft_plug,
	.unplug = ft_unplug,
	.set_vfs = ft_set_vfs,
	.get_info = ft_get_info,
};

static const struct vn_transport_ops *const ft_all[] = {&ft_full, &ft_rings};

static struct {
	struct vn_gm_registry *gm;
	struct vn_controller_env env;
	struct vn_conf conf;
	struct vn_capacity capacity;
	struct vn_controller *ctrl;
	char err[256];
	unsigned int fds;
	unsigned int started; /* calls of its callback, and what the last one said */
	int start_result;
} t;

static int
setup(void **state)
{
	if (pe_setup(state) != 0)
		return -1;
	memset(&t, 0, sizeof(t));
	memset(&ft, 0, sizeof(ft));
	t.gm = vn_gm_registry_create(4);
	assert_non_null(t.gm);
	t.env = (struct vn_controller_env){
		.dev = {.loop = pe.loop,
			.gm = t.gm,
			.pollers = pe.pollers,
			.pool = env_pool,
			.port_ops = &fp_ops,
			.port_features = UINT64_MAX},
		.transport = ft_all,
		.n_transports = RTE_DIM(ft_all),
		.socket_dir = "/run/test",
		.board_serial = SERIAL,
	};
	vn_conf_defaults(&t.conf);
	t.conf.vhost_user = true;
	vn_capacity_defaults(&t.capacity);
	t.fds = pe_count_fds();
	return 0;
}

static void
done_cb(void *ctx, int result)
{
	assert_int_equal(result, 0);
	++*(unsigned int *)ctx;
}

static void
stop_all(enum vn_port_fate fate)
{
	unsigned int done = 0;

	vn_controller_stop(t.ctrl, fate, done_cb, &done);
	UNTIL(done == 1);
	assert_int_equal(t.ctrl->num_devices, 0);
	vn_controller_destroy(t.ctrl);
	t.ctrl = NULL;
	assert_int_equal(ft.plugged, 0);
	assert_int_equal(fp_open_ports(), 0);
	assert_int_equal(vn_poller_devices(pe.poller), 0);
}

static int
teardown(void **state)
{
	for (unsigned int i = 0; i < FP_CALLS; i++)
		fp_release(i);
	if (t.ctrl != NULL)
		stop_all(VN_PORT_KEEP);
	vn_controller_destroy(NULL);
	assert_int_equal(pe_count_fds(), t.fds);
	vn_gm_registry_destroy(t.gm);
	return pe_teardown(state);
}

static void
make(void)
{
	assert_int_equal(vn_controller_create(&t.env, &t.conf, &t.capacity, &t.ctrl), 0);
}

static void
start_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)ctx;
	assert_null(dev);
	t.started++;
	t.start_result = result;
	snprintf(t.err, sizeof(t.err), "%s", text);
}

/* Devices of before are made by the loop. */
static int
begin_start(void)
{
	const unsigned int started = t.started;
	const int rc = vn_controller_start(t.ctrl, start_done, NULL, t.err, sizeof(t.err));

	assert_true(rc == 0 || t.started == started);
	return rc;
}

static void
start(uint32_t num_pf)
{
	t.capacity.current[VN_CAP_NUM_PF] = num_pf;
	make();
	assert_int_equal(begin_start(), 0);
	assert_int_equal(t.ctrl->num_devices, num_pf);
}

/* All VFs that a PF had. */
static inline int
restore(struct vn_device *dev, unsigned int n, bool its_clients)
{
	bool refused;
	int rc;

	do {
		rc = ctrl_vfs_restore(t.ctrl, dev, n, its_clients, &refused, t.err, sizeof(t.err));
	} while (rc == 0 && dev->ctrl->num_vfs < n);
	return rc;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* CONTROLLER_TEST_ENV_H */
