/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The driver on another CPU.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "xcore.h"

/* Most bursts that the driver is ahead. */
#define AHEAD 4u
/* Somebody may be on this CPU in our place: then let him. */
#define SPINS 2000u
/* A side that gets nowhere for so long never will. */
#define GIVE_UP_SECONDS 10

struct xcore {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool quit, busy; /* under lock */

	/* The job: written while the thread is not busy. */
	struct dev *d;
	enum bench_dir dir;
	uint32_t bursts;
	bool verify;
	const char *error; /* the driver's; read when it is done */

	/* Written by the driver: bursts sent, and bursts that there have been receive buffers for.
	 */
	uint32_t sent __rte_cache_aligned;
	uint32_t room;
	bool failed;
	/* Written by the device. */
	uint32_t served __rte_cache_aligned;
	bool stop;
};

static uint32_t
look(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* @return false: for too long. */
static bool
wait_a_bit(uint32_t *spins, uint64_t *since)
{
	if (++*spins % SPINS != 0) {
		rte_pause();
		return true;
	}
	if (*spins == SPINS)
		*since = rte_rdtsc();
	sched_yield();
	return rte_rdtsc() - *since < GIVE_UP_SECONDS * rte_get_tsc_hz();
}

/* How many bursts fit into a ring. */
static uint32_t
capacity(const struct drv_ring *r, uint32_t chains_per_frame, uint32_t burst)
{
	const struct drv_chain *c = &r->chain[0];
	const uint32_t descs = c->table_gpa != 0 ? 1 : c->n;
	const uint32_t chains = RTE_MIN(r->num_chains, r->size / descs);

	return chains / (burst * chains_per_frame);
}

/* What the driver does when nobody serves its rings but memcpy(). */
static const char *
drive_copy(struct xcore *x)
{
	struct guest *from = &x->d->guest[0], *to = &x->d->guest[x->d->num_guests - 1];
	const uint32_t burst = from->c.burst;
	uint32_t sent = 0, received = 0, spins = 0;
	uint64_t since = 0;

	while (received < x->bursts && !__atomic_load_n(&x->stop, __ATOMIC_RELAXED)) {
		const uint32_t served = look(&x->served);

		if (sent < x->bursts && sent - served < AHEAD) {
			for (uint32_t i = 0; x->dir != DIR_D2G && i < burst; i++)
				guest_touch_tx(from, sent * burst + i);
			sent++;
			__atomic_store_n(&x->sent, sent, __ATOMIC_RELEASE);
			__atomic_store_n(&x->room, sent, __ATOMIC_RELEASE);
		} else if (received < served) {
			for (uint32_t i = 0; x->dir != DIR_G2D && i < burst; i++)
				guest_touch_rx(to, (received * burst + i) * to->rx_buffers);
			received++;
		} else if (!wait_a_bit(&spins, &since)) {
			return "the device gets nowhere";
		} else {
			continue;
		}
		spins = 0;
	}
	return NULL;
}

static const char *
drive(struct xcore *x)
{
	struct guest *from = &x->d->guest[0], *to = &x->d->guest[x->d->num_guests - 1];
	const uint32_t burst = from->c.burst;
	const bool tx = x->dir != DIR_D2G, rx = x->dir != DIR_G2D;
	const uint32_t numbers = x->dir == DIR_D2D ? from->tx.num_chains : FRAME_NUMBERS;
	const uint32_t ahead = RTE_MIN(AHEAD, capacity(&from->tx, 1, burst));
	const uint32_t rx_room = capacity(&to->rx, to->rx_buffers, burst);
	const uint32_t all = x->bursts * burst;
	uint32_t sent = 0, given_back = tx ? 0 : all, received = rx ? 0 : all, spins = 0;
	uint64_t since = 0;

	__atomic_store_n(&x->room, rx_room, __ATOMIC_RELEASE);
	while ((given_back < all || received < all) &&
		!__atomic_load_n(&x->stop, __ATOMIC_RELAXED)) {
		const uint32_t before = sent + given_back + received;

		if (tx && sent < x->bursts && sent - given_back / burst < ahead) {
			guest_send(from);
			__atomic_store_n(&x->sent, ++sent, __ATOMIC_RELEASE);
		}
		if (given_back < all)
			given_back += guest_sent(from);
		if (received < all) {
			received += guest_receive(to, x->verify, numbers);
			__atomic_store_n(&x->room, rx_room + received / burst, __ATOMIC_RELEASE);
		}
		if (from->error != NULL || to->error != NULL)
			return from->error != NULL ? from->error : to->error;
		if (sent + given_back + received != before)
			spins = 0;
		else if (!wait_a_bit(&spins, &since))
			return "the device gets nowhere";
	}
	return NULL;
}

static void *
driver_main(void *arg)
{
	struct xcore *x = arg;

	pthread_mutex_lock(&x->lock);
	for (;;) {
		while (!x->busy && !x->quit)
			pthread_cond_wait(&x->changed, &x->lock);
		if (x->quit)
			break;
		pthread_mutex_unlock(&x->lock);
		x->error = x->d->ops->no_rings ? drive_copy(x) : drive(x);
		__atomic_store_n(&x->failed, x->error != NULL, __ATOMIC_RELAXED);
		pthread_mutex_lock(&x->lock);
		x->busy = false;
		pthread_cond_broadcast(&x->changed);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

int
xcore_start(unsigned int cpu, struct xcore **ret)
{
	struct xcore *x =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*x), RTE_CACHE_LINE_SIZE));
	cpu_set_t set;
	int err;

	if (x == NULL)
		return -ENOMEM;
	*x = (struct xcore){.quit = false};
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->changed, NULL);
	err = pthread_create(&x->thread, NULL, driver_main, x);
	if (err != 0) {
		free(x);
		return -err;
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	err = pthread_setaffinity_np(x->thread, sizeof(set), &set);
	if (err != 0) {
		xcore_stop(x);
		return -err;
	}
	*ret = x;
	return 0;
}

void
xcore_stop(struct xcore *x)
{
	if (x == NULL)
		return;
	pthread_mutex_lock(&x->lock);
	x->quit = true;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
	pthread_join(x->thread, NULL);
	free(x);
}

void
xcore_begin(struct xcore *x, struct dev *d, enum bench_dir dir, uint32_t bursts, bool verify)
{
	pthread_mutex_lock(&x->lock);
	x->d = d;
	x->dir = dir;
	x->bursts = bursts;
	x->verify = verify;
	x->sent = x->room = x->served = 0;
	x->stop = x->failed = false;
	x->error = NULL;
	x->busy = true;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
}

const char *
xcore_wait(struct xcore *x, uint32_t i)
{
	uint32_t spins = 0;
	uint64_t since = 0;

	while ((x->dir != DIR_D2G && look(&x->sent) <= i) ||
		(x->dir != DIR_G2D && look(&x->room) <= i)) {
		if (__atomic_load_n(&x->failed, __ATOMIC_RELAXED) || !wait_a_bit(&spins, &since))
			return "the driver gets nowhere";
	}
	return NULL;
}

void
xcore_served(struct xcore *x, uint32_t i)
{
	__atomic_store_n(&x->served, i + 1, __ATOMIC_RELEASE);
}

const char *
xcore_end(struct xcore *x)
{
	/* With all bursts served it comes to an end by itself, having seen them. */
	if (x->served < x->bursts)
		__atomic_store_n(&x->stop, true, __ATOMIC_RELAXED);
	pthread_mutex_lock(&x->lock);
	while (x->busy)
		pthread_cond_wait(&x->changed, &x->lock);
	pthread_mutex_unlock(&x->lock);
	return x->error;
}
