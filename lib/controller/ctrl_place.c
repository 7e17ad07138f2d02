/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Placement: which device should be on which poller. Loads are measured and a dry run is made every
 * few seconds; it is carried out if it was worth it twice in a row and virtnet.conf does not want
 * all to stay. One device moves at a time, and a few of them for one dry run.
 */

#include <stdlib.h>

#include <rte_cycles.h>

#include "ctrl_private.h"
#include "vn_poller.h"

#define PLACE_TICKS 5 /* seconds between dry runs */
#define PLACE_MOVES 8 /* most for one of them */

void
ctrl_place_pin(
	const struct vn_controller *ctrl, const struct vn_conf_fn *fn, struct vn_device_conf *dc)
{
	struct vn_pollers *pollers = ctrl->env.dev.pollers;

	if (fn->lcore == VN_CONF_NO_LCORE)
		return;
	/* None has this number: no device is made then, see ctrl_make(). */
	dc->lcore_first = dc->lcore_last = UINT16_MAX;
	for (unsigned int i = 0; i < vn_pollers_count(pollers); i++) {
		if (vn_poller_lcore(vn_pollers_get(pollers, i)) == fn->lcore)
			dc->lcore_first = dc->lcore_last = i;
	}
}

static void next_move(struct vn_controller *ctrl);

static void
moved(void *ctx, int result)
{
	struct vn_controller *ctrl = ctx;
	struct ctrl_place *p = &ctrl->priv->place;

	p->moving = false;
	if (result == 0)
		p->moves++;
	/* Whatever it was: what comes next is another dry run's. */
	if (result == 0 && !ctrl->priv->stopping)
		next_move(ctrl);
	else
		p->moves_left = 0;
}

/* The largest of those that should be elsewhere. */
static void
next_move(struct vn_controller *ctrl)
{
	struct ctrl_place *p = &ctrl->priv->place;
	struct vn_device *best = NULL;

	if (p->moves_left == 0)
		return;
	p->moves_left--;
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		struct vn_device *dev = ctrl->device[i];

		if (!dev->ctrl->placed ||
			dev->ctrl->should_be == vn_poller_index(vn_device_poller(dev)))
			continue;
		if (best == NULL || dev->ctrl->load > best->ctrl->load)
			best = dev;
	}
	if (best == NULL)
		return;
	best->ctrl->placed = false;
	p->moving = true;
	VN_INFO("%s: moves from lcore %u to lcore %u: %u.%u %% of an lcore", best->conf.vuid,
		vn_poller_lcore(vn_device_poller(best)),
		vn_poller_lcore(vn_pollers_get(ctrl->env.dev.pollers, best->ctrl->should_be)),
		best->ctrl->load / 10, best->ctrl->load % 10);
	vn_device_move(
		best, vn_pollers_get(ctrl->env.dev.pollers, best->ctrl->should_be), moved, ctrl);
}

/* Thousandths of an lcore; a device that was made anew begins anew. */
static uint32_t
load(uint64_t worked, uint64_t before, uint64_t cycles)
{
	const double part = (double)(worked - before) * VN_PLACE_FULL / (double)cycles;

	return worked < before ? 0 : (uint32_t)RTE_MIN(part, (double)VN_PLACE_FULL);
}

/* Loads since the last time. */
static void
measure(struct vn_controller *ctrl, struct vn_place_dev *d, uint64_t cycles)
{
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		struct vn_device *dev = ctrl->device[i];
		const uint64_t worked = vn_device_load(dev);

		dev->ctrl->load = load(worked, dev->ctrl->worked, cycles);
		dev->ctrl->worked = worked;
		d[i] = (struct vn_place_dev){
			.load = dev->ctrl->load,
			.on = (uint16_t)vn_poller_index(vn_device_poller(dev)),
			.first = (uint16_t)RTE_MIN(dev->conf.lcore_first, (unsigned int)UINT16_MAX),
			.last = (uint16_t)RTE_MIN(dev->conf.lcore_last, (unsigned int)UINT16_MAX),
		};
	}
}

static void
dry_run(struct vn_controller *ctrl, uint64_t cycles)
{
	struct ctrl_place *p = &ctrl->priv->place;
	struct vn_place_dev *d = calloc(ctrl->num_devices + 1, sizeof(*d));

	if (d == NULL)
		return;
	measure(ctrl, d, cycles);
	if (vn_place(d, ctrl->num_devices, vn_pollers_count(ctrl->env.dev.pollers), &p->last) ==
		0) {
		for (unsigned int i = 0; i < ctrl->num_devices; i++) {
			ctrl->device[i]->ctrl->should_be = d[i].to;
			ctrl->device[i]->ctrl->placed = true;
		}
		p->worth = p->last.worth ? p->worth + 1 : 0;
		p->runs++;
	}
	free(d);
}

void
ctrl_place_tick(struct vn_controller *ctrl)
{
	struct ctrl_place *p = &ctrl->priv->place;
	const uint64_t now = rte_get_tsc_cycles();

	if (++p->ticks < PLACE_TICKS || p->moving || ctrl->priv->stopping ||
		ctrl->env.dev.pollers == NULL)
		return;
	p->ticks = 0;
	if (p->since != 0 && now > p->since)
		dry_run(ctrl, now - p->since);
	p->since = now;
	if (p->worth < 2 || ctrl->conf.placement_fixed)
		return;
	p->worth = 0;
	p->moves_left = PLACE_MOVES;
	next_move(ctrl);
}

void
vn_controller_placement(const struct vn_controller *ctrl, struct vn_controller_placement *out)
{
	const struct ctrl_place *p = &ctrl->priv->place;

	*out = (struct vn_controller_placement){
		.fixed = ctrl->conf.placement_fixed,
		.runs = p->runs,
		.moves = p->moves,
		.last = p->last,
	};
}
