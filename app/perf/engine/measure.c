/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Slices of a few milliseconds, in turn: what disturbs the machine disturbs all sides alike.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mempool.h>

#include "measure.h"

/* Bursts at the beginning of a slice that do not count: they bring the caches back. */
#define WARM_UP 4
/* Bytes, and bursts, of a slice in which each byte is checked: several times round any ring. */
#define VERIFY_BYTES  (UINT32_C(8) << 20)
#define VERIFY_BURSTS 24u
#define MAX_BURSTS    4096u
/* A burst that takes so many times the median of its slice was interrupted. */
#define DISTURBED 4

static struct rte_mempool *pools[NUM_SIDES];
static unsigned int pool_full[NUM_SIDES];
static struct guest guests[MAX_GUESTS];

int
measure_init(void)
{
	static const char *const names[NUM_SIDES] = {"ours", "rte_vhost", "memcpy"};

	for (int i = 0; i < NUM_SIDES; i++) {
		pools[i] = dev_pool_create(names[i]);
		if (pools[i] == NULL)
			return -rte_errno;
		pool_full[i] = rte_mempool_avail_count(pools[i]);
	}
	for (int i = 0; i < MAX_GUESTS; i++) {
		const int err = guest_open(&guests[i]);

		if (err < 0)
			return err;
	}
	return 0;
}

void
measure_fini(void)
{
	for (int i = 0; i < MAX_GUESTS; i++)
		guest_close(&guests[i]);
	for (int i = 0; i < NUM_SIDES; i++)
		rte_mempool_free(pools[i]);
}

/* What two looks at the clock cost. */
static uint64_t
clock_cost(void)
{
	static uint64_t cost;
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 1000 && cost == 0; i++) {
		const uint64_t begin = rte_rdtsc_precise();

		least = RTE_MIN(least, rte_rdtsc_precise() - begin);
	}
	if (cost == 0)
		cost = least;
	return cost;
}

static uint64_t
timed_round(struct dev *d, enum bench_dir dir, uint16_t *n)
{
	const uint64_t cost = clock_cost();
	const uint64_t begin = rte_rdtsc_precise();
	uint64_t cycles;

	*n = d->ops->round[dir](d);
	cycles = rte_rdtsc_precise() - begin;
	return cycles > cost ? cycles - cost : 0;
}

/* A burst with the driver on this CPU. */
static const char *
burst_here(struct dev *d, enum bench_dir dir, bool verify, uint64_t *cycles)
{
	struct guest *from = &d->guest[0], *to = &d->guest[d->num_guests - 1];
	const uint32_t burst = from->c.burst;
	uint16_t n;

	if (dir != DIR_D2G)
		guest_send(from);
	*cycles = timed_round(d, dir, &n);
	if (n != burst)
		return "the device did not move a whole burst";
	if (dir != DIR_D2G && guest_sent(from) != burst)
		return "not all sent chains were given back";
	if (dir != DIR_G2D &&
		guest_receive(to, verify, dir == DIR_D2D ? from->tx.num_chains : FRAME_NUMBERS) !=
			burst)
		return "not all frames were received";
	if (from->error != NULL)
		return from->error;
	return to->error != NULL ? to->error : d->error;
}

static const char *
copy_burst(struct dev *d, enum bench_dir dir, uint32_t pos, uint64_t *cycles)
{
	struct guest *from = &d->guest[0], *to = &d->guest[d->num_guests - 1];
	uint16_t n;

	for (uint32_t i = 0; dir != DIR_D2G && i < from->c.burst; i++)
		guest_touch_tx(from, pos + i);
	*cycles = timed_round(d, dir, &n);
	for (uint32_t i = 0; dir != DIR_G2D && i < from->c.burst; i++)
		guest_touch_rx(to, (pos + i) * to->rx_buffers);
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * The mean of the bursts during which nothing else ran on this CPU: a time slice of another process
 * is worth thousands of bursts. What a device itself does now and then takes far less. Sorts @p v.
 */
static double
undisturbed(double *v, uint32_t n)
{
	double sum = 0;
	uint32_t k;

	qsort(v, n, sizeof(v[0]), compare);
	for (k = 0; k < n && v[k] <= DISTURBED * v[n / 2]; k++)
		sum += v[k];
	return sum / k;
}

static const char *
run_here(struct dev *d, enum bench_dir dir, uint32_t bursts, bool verify, double *each)
{
	const char *error = NULL;
	uint64_t c = 0;

	for (uint32_t i = 0; i < bursts && error == NULL; i++) {
		if (d->ops->no_rings)
			error = copy_burst(d, dir, i * d->guest[0].c.burst, &c);
		else
			error = burst_here(d, dir, verify, &c);
		each[i] = c;
	}
	return error;
}

static const char *
run_cross_core(struct xcore *x, struct dev *d, enum bench_dir dir, uint32_t bursts, bool verify,
	double *each)
{
	const char *error = NULL, *driver_error;
	uint16_t n;

	xcore_begin(x, d, dir, bursts, verify);
	for (uint32_t i = 0; i < bursts && error == NULL; i++) {
		error = xcore_wait(x, i);
		if (error != NULL)
			break;
		each[i] = timed_round(d, dir, &n);
		if (n == d->guest[0].c.burst)
			xcore_served(x, i);
		else
			error = "the device did not move a whole burst";
	}
	driver_error = xcore_end(x);
	if (driver_error != NULL)
		return driver_error;
	return error != NULL ? error : d->error;
}

/* @return what was wrong, or NULL, with the @p cycles per frame. */
static const char *
slice(const struct measure_conf *conf, struct dev *d, enum bench_dir dir, uint32_t bursts,
	bool verify, double *cycles)
{
	const uint32_t warm_up = verify ? 0 : WARM_UP;
	static double each[MAX_BURSTS + WARM_UP];
	const char *error;

	for (unsigned int i = 0; i < d->num_guests; i++) {
		guest_reset(&d->guest[i]);
		d->guest[i].num_buffers = d->ops == &dev_engine_ops;
	}
	if (d->ops->reset(d) < 0)
		return "the device does not take fresh rings";
	d->look = verify ? dev_look : NULL;
	d->frames[0] = d->frames[1] = 0;
	d->error = NULL;
	if (conf->xcore != NULL)
		error = run_cross_core(conf->xcore, d, dir, bursts + warm_up, verify, each);
	else
		error = run_here(d, dir, bursts + warm_up, verify, each);
	*cycles = error == NULL ? undisturbed(each + warm_up, bursts) / d->guest[0].c.burst : 0;
	return error;
}

/* Sorts @p v. */
static struct spread
spread(double *v, uint32_t n)
{
	qsort(v, n, sizeof(v[0]), compare);
	return (struct spread){v[n / 10], v[n / 2], v[n - 1 - n / 10]};
}

/* So many bursts that the slowest side's slice takes about conf->slice_ms, drivers and all. */
static uint32_t
slice_bursts(const struct measure_conf *conf, struct dev *d, enum bench_dir dir)
{
	uint64_t most = 1;
	double cycles;

	if (conf->smoke)
		return 1;
	for (int i = 0; i < NUM_SIDES; i++) {
		const uint64_t begin = rte_rdtsc();

		if (d[i].priv == NULL)
			continue;
		slice(conf, &d[i], dir, 16, false, &cycles);
		most = RTE_MAX(most, rte_rdtsc() - begin);
	}
	return RTE_MAX(8u, RTE_MIN(MAX_BURSTS, (uint32_t)(conf->slice_ms / 1e3 * rte_get_tsc_hz() *
							  (16 + WARM_UP) / most)));
}

static const char *
measure_sides(const struct measure_conf *conf, struct dev *d, struct row *row, double *values)
{
	const enum bench_dir dir = row->c.dir;
	const uint64_t begin = rte_rdtsc();
	double *v[NUM_SIDES + 1];
	const char *error;
	uint32_t n = 0;

	for (int i = 0; i <= NUM_SIDES; i++)
		v[i] = values + (size_t)i * conf->rounds;
	row->bursts = slice_bursts(conf, d, dir);
	while (n < conf->rounds) {
		for (int k = 0; k < NUM_SIDES; k++) {
			/* Each comes first as often as the others. */
			const int i = (k + n) % NUM_SIDES;

			if (d[i].priv == NULL)
				continue;
			error = slice(conf, &d[i], dir, row->bursts, false, &v[i][n]);
			if (error != NULL) {
				snprintf(row->error, sizeof(row->error), "%s: %s", d[i].ops->name,
					error);
				return row->error;
			}
		}
		v[NUM_SIDES][n] = row->absent ? 0 : v[SIDE_VHOST][n] / v[SIDE_OURS][n];
		n++;
		if (conf->seconds > 0 &&
			rte_rdtsc() - begin > conf->seconds * (double)rte_get_tsc_hz())
			break;
	}
	row->rounds = n;
	for (int i = 0; i < NUM_SIDES; i++)
		row->cycles[i] = spread(v[i], n);
	row->ratio = spread(v[NUM_SIDES], n);
	return NULL;
}

/* Every byte, on each side. */
static bool
verify_sides(const struct measure_conf *conf, struct dev *d, struct row *row)
{
	const uint32_t bursts = RTE_MIN(
		VERIFY_BURSTS, VERIFY_BYTES / (MAX_BURST * RTE_MAX(row->c.size->kind.len, 64u)));
	double cycles;

	for (int i = 0; i < SIDE_COPY; i++) {
		const char *error;

		if (d[i].priv == NULL)
			continue;
		error = slice(conf, &d[i], row->c.dir, bursts, true, &cycles);
		if (error == NULL && rte_mempool_avail_count(d[i].pool) != pool_full[i])
			error = "mbufs are missing afterwards";
		if (error != NULL) {
			snprintf(row->error, sizeof(row->error), "%s: %s", d[i].ops->name, error);
			return false;
		}
	}
	return true;
}

static bool
open_sides(const struct measure_conf *conf, struct dev *d, struct row *row)
{
	static const struct dev_ops *const ops[NUM_SIDES] = {
		[SIDE_OURS] = &dev_engine_ops,
		[SIDE_VHOST] = &dev_vhost_ops,
		[SIDE_COPY] = &dev_copy_ops,
	};
	const unsigned int n = row->c.dir == DIR_D2D ? 2 : 1;
	int err = 0;

	for (unsigned int i = 0; i < n && err == 0; i++)
		err = guest_prepare(&guests[i], &row->c);
	if (err < 0) {
		snprintf(row->error, sizeof(row->error), "guest memory: %s", strerror(-err));
		return false;
	}
	for (int i = 0; i < NUM_SIDES; i++) {
		const bool counting = i == SIDE_VHOST && conf->counters;
		const struct dev_ops *const side = counting ? &dev_engine_ops : ops[i];

		d[i] = (struct dev){.ops = side,
			.count_sizes = counting,
			.guest = guests,
			.num_guests = n,
			.pool = pools[i],
			.through_mbufs = conf->through_mbufs,
			.app_mbufs = conf->app_mbufs};
		err = side->open(&d[i]);
		if (err == 0)
			continue;
		if (i == SIDE_OURS && err == -ENOTSUP) {
			row->absent = true;
			continue;
		}
		snprintf(row->error, sizeof(row->error), "%s: %s", side->name, strerror(-err));
		return false;
	}
	return true;
}

bool
measure_row(const struct measure_conf *conf, struct row *row)
{
	struct dev d[NUM_SIDES] = {{0}};
	double *values = NULL;
	bool ok;

	ok = open_sides(conf, d, row) && verify_sides(conf, d, row);
	if (ok) {
		values = calloc((NUM_SIDES + 1) * (size_t)conf->rounds, sizeof(*values));
		ok = values != NULL && measure_sides(conf, d, row, values) == NULL;
	}
	free(values);
	for (int i = 0; i < NUM_SIDES; i++) {
		if (d[i].ops != NULL)
			d[i].ops->close(&d[i]);
	}
	return ok;
}
