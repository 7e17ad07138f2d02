/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "vn_place.h"

static int
largest_first(const void *a, const void *b)
{
	const struct vn_place_dev *x = *(struct vn_place_dev *const *)a;
	const struct vn_place_dev *y = *(struct vn_place_dev *const *)b;

	if (x->load != y->load)
		return x->load < y->load ? 1 : -1;
	/* As the caller has them. */
	return (x > y) - (x < y);
}

static uint64_t
variance(const uint32_t *load, unsigned int n)
{
	uint64_t sum = 0, squares = 0;

	for (unsigned int i = 0; i < n; i++) {
		sum += load[i];
		squares += (uint64_t)load[i] * load[i];
	}
	return squares / n - sum / n * (sum / n);
}

/* Where it should be, with what was placed before it. */
static uint16_t
best(const struct vn_place_dev *d, const uint32_t *load, unsigned int pollers)
{
	unsigned int least = d->on;

	for (unsigned int i = d->first; i <= d->last && i < pollers; i++) {
		/* A place that is not allowed any more is as good as full. */
		if (least < d->first || least > d->last || load[i] < load[least])
			least = i;
	}
	if (d->on >= d->first && d->on <= d->last && load[d->on] <= load[least] + d->load / 8)
		return d->on;
	return (uint16_t)least;
}

int
vn_place(struct vn_place_dev *dev, unsigned int n, unsigned int pollers, struct vn_place_result *r)
{
	struct vn_place_dev **order = calloc(n + 1, sizeof(struct vn_place_dev *));
	uint32_t most = 0;
	unsigned int heavy = 0;

	if (order == NULL)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	pollers = RTE_MIN(pollers, (unsigned int)VN_PLACE_POLLERS);
	for (unsigned int i = 0; i < n; i++) {
		dev[i].to = dev[i].on;
		if (dev[i].on >= pollers)
			continue;
		r->load[dev[i].on] += dev[i].load;
		if (dev[i].load < VN_PLACE_FLOOR)
			r->after[dev[i].on] += dev[i].load;
		else
			order[heavy++] = &dev[i];
	}
	qsort(order, heavy, sizeof(order[0]), largest_first);
	for (unsigned int i = 0; i < heavy; i++) {
		order[i]->to = best(order[i], r->after, pollers);
		r->after[order[i]->to] += order[i]->load;
		r->moves += order[i]->to != order[i]->on;
	}
	free(order);
	if (pollers == 0)
		return 0;
	for (unsigned int i = 0; i < pollers; i++)
		most = RTE_MAX(most, r->load[i]);
	r->variance = variance(r->load, pollers);
	r->variance_after = variance(r->after, pollers);
	r->worth = r->moves > 0 && most >= VN_PLACE_BUSY &&
		   r->variance_after * 100 <= r->variance * (100 - VN_PLACE_GAIN);
	return 0;
}
