/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <rte_common.h>

#include "vn_dim.h"

/* A rung has to be worth a look at it: each wait is at least twice the one below. */
static const struct vn_dim_profile ladder[VN_DIM_LEVELS] = {
	{0, 0},
	{16, 32},
	{48, 64},
	{128, 128},
	{256, 256},
};

const struct vn_dim_profile *
vn_dim_profile(unsigned int level)
{
	return &ladder[RTE_MIN(level, VN_DIM_LEVELS - 1u)];
}

static void
set_level(struct vn_dim *d, unsigned int level)
{
	__atomic_store_n(&d->level, level, __ATOMIC_RELAXED);
}

static void
add_one(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static void
begin(struct vn_dim *d)
{
	set_level(d, 0);
	d->from = 0;
	d->rest = 0;
	d->rested = false;
	d->next_rest = VN_DIM_REST_MIN;
}

/* A step was not worth it: the next one comes later. */
static void
rest(struct vn_dim *d)
{
	d->rest = d->next_rest;
	d->next_rest = RTE_MIN(2 * d->next_rest, (unsigned int)VN_DIM_REST_MAX);
}

static void
rest_long(struct vn_dim *d)
{
	d->rest = VN_DIM_REST_MAX;
	d->rested = true;
}

void
vn_dim_init(struct vn_dim *d, uint64_t hz, const struct vn_dim_sample *s)
{
	*d = (struct vn_dim){
		.hz = hz,
		.interval = hz * VN_DIM_INTERVAL_US / 1000000,
		.pause = hz * VN_DIM_PAUSE_US / 1000000,
		.gap = hz * VN_DIM_GAP_US / 1000000,
		.start = *s,
		.seen = s->now,
		.packets = s->packets,
	};
	begin(d);
}

/* @p a per @p b is less than so many eighths of @p c per @p d. */
static bool
below(uint64_t a, uint64_t b, unsigned int eighths, uint64_t c, uint64_t d)
{
	return (double)a * (double)d * 8 < (double)c * (double)b * eighths;
}

/* The interval that ends followed a step: keep it? */
static void
judge(struct vn_dim *d, uint64_t ticks, uint64_t bytes, uint64_t interrupts)
{
	const bool up = d->level > d->from;
	const bool keep =
		up ? !below(bytes, ticks, 7, d->ref_bytes, d->ref_ticks) &&
				below(interrupts, bytes, 7, d->ref_interrupts, d->ref_bytes)
		   : below(d->ref_bytes, d->ref_ticks, 7, bytes, ticks);

	if (keep) {
		add_one(&d->kept);
		d->next_rest = VN_DIM_REST_MIN;
	} else {
		add_one(&d->taken_back);
		set_level(d, d->from);
		if (up)
			rest(d);
	}
	d->from = d->level;
	/* Up: and on. Down: it was too high, or it was not and the rung above is the one. */
	if (!up)
		rest_long(d);
	else if (keep)
		d->rested = false;
}

/* The first rung above whose wait is as long as two interrupts are apart, on the average. */
static unsigned int
worth_trying(const struct vn_dim *d, double per_second)
{
	unsigned int level = d->level + 1;

	while (level < VN_DIM_LEVELS - 1 && per_second * ladder[level].usecs < 2e6)
		level++;
	return level;
}

/* A step, or a long rest before the one down. */
static void
step(struct vn_dim *d, double interrupts_per_second)
{
	if (d->level < VN_DIM_LEVELS - 1 && interrupts_per_second >= VN_DIM_LOW_INTERRUPTS)
		set_level(d, worth_trying(d, interrupts_per_second));
	else if (d->level > 0 && d->rested)
		set_level(d, d->level - 1);
	else if (d->level > 0)
		rest_long(d);
}

static void
end_interval(struct vn_dim *d, const struct vn_dim_sample *s)
{
	const uint64_t ticks = s->now - d->start.now, packets = s->packets - d->start.packets,
		       bytes = s->bytes - d->start.bytes,
		       interrupts = s->interrupts - d->start.interrupts;
	const double seconds = (double)ticks / (double)d->hz;

	d->start = *s;
	if ((double)packets < VN_DIM_LOW_PPS * seconds) {
		begin(d);
		return;
	}
	if (d->from != d->level)
		judge(d, ticks, bytes, interrupts);
	else if (d->rest > 0)
		d->rest--;
	if (d->level > 0 && packets < 2 * interrupts) {
		/* It waits, and an interrupt is still one frame. */
		set_level(d, 0);
		d->from = 0;
		rest(d);
	}
	if (d->rest > 0)
		return;
	d->ref_ticks = ticks;
	d->ref_bytes = bytes;
	d->ref_interrupts = interrupts;
	step(d, (double)interrupts / seconds);
}

unsigned int
vn_dim_look(struct vn_dim *d, const struct vn_dim_sample *s)
{
	const unsigned int before = d->level;
	const uint64_t away = s->now - d->seen;

	if (s->packets == d->packets)
		return 0;
	d->seen = s->now;
	d->packets = s->packets;
	if (away >= d->gap) {
		/* What was counted before is of another time. */
		d->start = *s;
		begin(d);
	} else if (s->now - d->start.now >= d->interval) {
		end_interval(d, s);
	}
	return (d->level != before ? VN_DIM_SET : 0) | (away >= d->pause ? VN_DIM_NOW : 0);
}
