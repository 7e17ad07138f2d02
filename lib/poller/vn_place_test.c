/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Which device should be on which poller: the dry run. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "vn_place.h"

#define ANY 0, UINT16_MAX

static struct vn_place_result r;

static void
run(struct vn_place_dev *d, unsigned int n, unsigned int pollers)
{
	assert_int_equal(vn_place(d, n, pollers, &r), 0);
}

/* Two busy ones share a poller, another one is idle. */
static void
test_apart(void **state)
{
	struct vn_place_dev d[] = {{300, 0, ANY, 9}, {400, 0, ANY, 9}, {2, 1, ANY, 9}};

	(void)state;
	run(d, RTE_DIM(d), 2);
	assert_true(r.worth);
	assert_int_equal(r.moves, 1);
	assert_int_equal(r.load[0], 700);
	assert_int_equal(r.load[1], 2);
	/* The largest one stays, if others have hardly less. */
	assert_int_equal(d[1].to, 0);
	assert_int_equal(d[0].to, 1);
	assert_int_equal(d[2].to, 1);
	assert_int_equal(r.after[0], 400);
	assert_int_equal(r.after[1], 302);

	/* And that is the end of it. */
	for (unsigned int i = 0; i < RTE_DIM(d); i++)
		d[i].on = d[i].to;
	run(d, RTE_DIM(d), 2);
	assert_int_equal(r.moves, 0);
	assert_false(r.worth);
}

static void
test_not_worth(void **state)
{
	/* Nobody is busy. */
	struct vn_place_dev idle[] = {{200, 0, ANY, 9}, {250, 0, ANY, 9}};
	/* One is all there is. */
	struct vn_place_dev one[] = {{950, 0, ANY, 9}, {3, 0, ANY, 9}, {4, 1, ANY, 9}};
	/* Hardly better: 500, 400 and 300, 300, 300 are what they are. */
	struct vn_place_dev even[] = {{500, 0, ANY, 9}, {400, 0, ANY, 9}, {300, 1, ANY, 9},
		{300, 1, ANY, 9}, {300, 1, ANY, 9}};

	(void)state;
	run(idle, RTE_DIM(idle), 2);
	assert_int_equal(r.moves, 1);
	assert_false(r.worth);
	run(one, RTE_DIM(one), 2);
	assert_int_equal(r.moves, 0);
	assert_false(r.worth);
	run(even, RTE_DIM(even), 2);
	assert_false(r.worth && r.variance_after > r.variance);
}

/* Who may be where: a window, one lcore, and one where it is no longer. */
static void
test_windows(void **state)
{
	struct vn_place_dev d[] = {
		{400, 0, 0, 0, 9}, {350, 0, 0, 0, 9}, {300, 0, 1, 2, 9}, {10, 2, 0, 1, 9}};

	(void)state;
	run(d, RTE_DIM(d), 4);
	assert_int_equal(d[0].to, 0);
	assert_int_equal(d[1].to, 0);
	assert_true(d[2].to == 1 || d[2].to == 2);
	/* That of the two which has less. */
	assert_int_equal(d[2].to, 1);
	assert_int_equal(d[3].to, 1);
}

/* Random: loads are kept, windows respected, the peak is no higher where it is worth it. */
static void
test_random(void **state)
{
	(void)state;
	srand(7);
	for (unsigned int round = 0; round < 2000; round++) {
		struct vn_place_dev d[40];
		const unsigned int n = rand() % RTE_DIM(d), pollers = 1 + rand() % 9;
		uint64_t before = 0, after = 0;

		for (unsigned int i = 0; i < n; i++) {
			const uint16_t first = rand() % pollers, last = first + rand() % 3;

			d[i] = (struct vn_place_dev){
				rand() % 900, rand() % pollers, first, last, 99};
		}
		run(d, n, pollers);
		for (unsigned int i = 0; i < pollers; i++) {
			before += r.load[i];
			after += r.after[i];
		}
		assert_int_equal(before, after);
		for (unsigned int i = 0; i < n; i++) {
			if (d[i].load >= VN_PLACE_FLOOR)
				assert_true(d[i].to >= d[i].first && d[i].to <= d[i].last &&
					    d[i].to < pollers);
			else
				assert_int_equal(d[i].to, d[i].on);
		}
		if (r.worth)
			assert_true(r.variance_after < r.variance);
	}
	assert_int_equal(vn_place(NULL, 0, 0, &r), 0);
	assert_false(r.worth);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_not_worth),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
