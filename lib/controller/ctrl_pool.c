/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * The SF pool: representors of VFs that are not there. Some are made beforehand
 * ("sf_pool_percent"), those of VFs that were disabled stay. A VF adopts the one of its SF number.
 *
 * Only VFs have a pool. Static PFs always have their ports, and what a hotplug PF needs, one queue
 * or several, is known only when it is made.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_log.h"

#define ALIAS "dpdk-virtnet "

/* All names that VFs can have had, whatever the settings were then. */
struct discard_job {
	struct vn_job job;
	const struct vn_port_ops *ops;
	char alias[sizeof(ALIAS) + VN_BOARD_SERIAL_LEN];
	void (*done)(void *ctx);
	void *ctx;
	char name[2 * VN_IDENTITY_VFS][VN_PORT_NAME_LEN];
};

/* How many ports of VFs shall be there, VFs' own ones among them. */
static unsigned int
pool_size(const struct vn_controller *ctrl)
{
	const uint32_t *cap = ctrl->capacity.current;
	const unsigned int percent = ctrl->conf.sf_pool_percent;
	unsigned int most = vn_capacity_vfs(&ctrl->capacity), n = percent * most / 100;

	if (cap[VN_CAP_PER_PF_NUM_SF]) {
		/* Of all SFs there are; static PFs have theirs. */
		n = percent * cap[VN_CAP_PF_TOTAL_SF] / 100;
		most = RTE_MIN(most, cap[VN_CAP_PF_TOTAL_SF] - cap[VN_CAP_NUM_PF]);
	}
	return RTE_MIN(n, most);
}

/* Of the kind of ports that VFs have. */
static const struct vn_port_ops *
pool_ops(const struct vn_controller *ctrl)
{
	uint64_t features;

	return ctrl_port(ctrl, ctrl->conf.vf.port, &features);
}

static int
prepare_run(struct vn_job *job)
{
	struct ctrl_pool *pool = (struct ctrl_pool *)job;

	return pool->ops->prepare(&pool->conf, pool->err, sizeof(pool->err));
}

/* The port of VF number @p index, unless the VF is there and has it. */
static bool
port_conf(struct vn_controller *ctrl, unsigned int index, struct vn_port_conf *conf)
{
	const unsigned int per_pf = ctrl->capacity.current[VN_CAP_NUM_VF];
	const int pf_id = (int)(index / per_pf), vf_id = (int)(index % per_pf);
	const struct vn_device *pf = vn_controller_find(ctrl, pf_id, -1);
	struct vn_device_conf dc;

	if (pf == NULL || vn_controller_find(ctrl, pf_id, vf_id) != NULL ||
		ctrl_vf_conf(ctrl, pf, (unsigned int)vf_id, pf->transport, &dc) != 0)
		return false;
	*conf = (struct vn_port_conf){
		.max_queue_pairs = dc.max_queue_pairs,
		.mtu = dc.mtu,
		.link_up = true,
	};
	memcpy(conf->name, dc.rep_name, sizeof(conf->name));
	snprintf(conf->alias, sizeof(conf->alias), ALIAS "%s", dc.vuid);
	return true;
}

static void
pool_filled(struct ctrl_pool *pool)
{
	void (*const idle)(void *ctx) = pool->idle;

	pool->filling = false;
	if (pool->failed > 0)
		VN_WARN("SF pool: %u of %u ports could not be made; the first: %s", pool->failed,
			pool->size, pool->first_err);
	VN_INFO("SF pool: %u ports, of SF number %u on", pool->at - pool->failed, VN_SF_VF);
	pool->idle = NULL;
	if (idle != NULL)
		idle(pool->idle_ctx);
	else /* what clients of PFs have asked for meanwhile */
		ctrl_client_sync_all(pool->ctrl);
}

/* One at a time: the helper thread is everybody's. */
static void
prepare_next(struct ctrl_pool *pool)
{
	while (pool->idle == NULL && pool->at < pool->size &&
		!port_conf(pool->ctrl, pool->at, &pool->conf))
		pool->at++;
	if (pool->idle != NULL || pool->at == pool->size) {
		pool_filled(pool);
		return;
	}
	vn_loop_submit(pool->ctrl->env.dev.loop, &pool->job);
}

static void
prepare_done(struct vn_job *job, int result)
{
	struct ctrl_pool *pool = (struct ctrl_pool *)job;

	if (result != 0 && pool->failed++ == 0)
		memcpy(pool->first_err, pool->err, sizeof(pool->first_err));
	pool->at++;
	prepare_next(pool);
}

void
ctrl_pool_fill(struct vn_controller *ctrl)
{
	struct ctrl_pool *pool = &ctrl->priv->pool;

	pool->ctrl = ctrl;
	pool->ops = pool_ops(ctrl);
	pool->size = pool_size(ctrl);
	if (pool->size == 0 || pool->ops == NULL)
		return;
	if (pool->ops->prepare == NULL) {
		VN_WARN("sf_pool_percent is %u: no effect, ports of kind %s are not made "
			"beforehand",
			ctrl->conf.sf_pool_percent, pool->ops->kind);
		return;
	}
	pool->job.run = prepare_run;
	pool->job.done = prepare_done;
	pool->filling = true;
	prepare_next(pool);
}

bool
ctrl_pool_filling(const struct vn_controller *ctrl)
{
	return ctrl->priv->pool.filling;
}

bool
ctrl_pool_end(struct vn_controller *ctrl, void (*idle)(void *ctx), void *ctx)
{
	struct ctrl_pool *pool = &ctrl->priv->pool;

	if (!pool->filling)
		return false;
	pool->idle = idle;
	pool->idle_ctx = ctx;
	return true;
}

static int
discard_run(struct vn_job *job)
{
	struct discard_job *j = (struct discard_job *)job;
	const char *name[RTE_DIM(j->name)];

	for (unsigned int i = 0; i < RTE_DIM(j->name); i++)
		name[i] = j->name[i];
	return j->ops->discard(name, RTE_DIM(name), j->alias);
}

static void
discard_done(struct vn_job *job, int result)
{
	struct discard_job *j = (struct discard_job *)job;
	void (*const done)(void *ctx) = j->done;
	void *ctx = j->ctx;

	if (result < 0)
		VN_WARN("SF pool: its ports cannot be removed: %s", strerror(-result));
	else
		VN_INFO("SF pool: %d ports removed (sf_pool_force_destroy)", result);
	free(j);
	done(ctx);
}

bool
ctrl_pool_discard(struct vn_controller *ctrl, void (*done)(void *ctx), void *ctx)
{
	const struct vn_port_ops *ops = pool_ops(ctrl);
	struct discard_job *j;

	if (!ctrl->conf.sf_pool_force_destroy || ops == NULL || ops->discard == NULL)
		return false;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return false;
	j->job.run = discard_run;
	j->job.done = discard_done;
	j->ops = ops;
	j->done = done;
	j->ctx = ctx;
	snprintf(j->alias, sizeof(j->alias), ALIAS "%.*s", VN_BOARD_SERIAL_MAX,
		ctrl->env.board_serial);
	for (unsigned int i = 0; i < RTE_DIM(j->name); i++)
		vn_identity_rep_name(
			i / VN_IDENTITY_VFS, VN_SF_VF + i % VN_IDENTITY_VFS, j->name[i]);
	vn_loop_submit(ctrl->env.dev.loop, &j->job);
	return true;
}
