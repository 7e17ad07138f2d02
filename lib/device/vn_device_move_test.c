/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* A device moves from one poller to another, with traffic, and with all that can come between. */

#define PE_POLLERS 2

#include "model_test_env.h"

static struct vn_poller *
other(void)
{
	const unsigned int now = vn_poller_index(vn_device_poller(de.dev));

	return vn_pollers_get(pe.pollers, 1 - now);
}

static void
move(void)
{
	struct vn_poller *to = other();
	struct result r = {0};

	vn_device_move(de.dev, to, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, 0);
	assert_ptr_equal(vn_device_poller(de.dev), to);
	assert_int_equal(vn_poller_devices(to), 1);
	assert_int_equal(vn_poller_devices(other()), 0);
}

static void
test_to_and_fro(void **state)
{
	const unsigned int opened = 2;

	(void)state;
	me_up(USUAL_FEATURES);
	for (unsigned int i = 0; i < 30; i++) {
		me_check_pair(0, 10 * i);
		move();
		me_check_pair(0, 10 * i + 5);
	}
	assert_int_equal(de.dev->moves, 30);
	/* The port has noticed nothing. */
	assert_true(fp_calls(FP_QUEUE_OPEN) <= opened);
	assert_int_equal(fp_calls(FP_OPEN), 1);
	assert_false(de.dev->broken);
}

/* Frames of both directions on their way, also some that wait for receive buffers. */
static void
test_nothing_lost(void **state)
{
	struct result r = {0};
	uint32_t sent = 0, got = 0, tag;

	(void)state;
	me_up(USUAL_FEATURES);
	me_check_pair(0, 1);
	for (unsigned int i = 0; i < 20; i++) {
		struct vn_poller *to = other();

		/* More than may be pending: the rest waits in the port. */
		for (unsigned int k = 0; k < 6; k++)
			me_send_to(0, de.dev->conf.mac, 0, 100 * i + k);
		guest_send(&de.guest, 1, sent++);
		vn_model_kick(de.dev, 1, 0);
		r.calls = 0;
		vn_device_move(de.dev, to, result_cb, &r);
		guest_send(&de.guest, 1, sent++);
		vn_model_kick(de.dev, 1, 0);
		if (i % 2 == 0)
			UNTIL(r.calls == 1);
		for (unsigned int k = 0; k < 6; k++) {
			me_push(0, BUF_SIZE);
			UNTIL(guest_used_idx(&de.guest, 0) != de.guest.seen[0]);
			assert_int_equal(me_recv_tag(0), 100 * i + k);
		}
		for (; got < sent; got++) {
			UNTIL(fp_recv(fp.queue[0], &tag) >= 0);
			assert_int_equal(tag, got);
		}
		UNTIL(r.calls == 1);
		assert_int_equal(r.value, 0);
		assert_ptr_equal(vn_device_poller(de.dev), to);
	}
}

/* What is asked for while it moves is done by the poller that gets it, in order. */
static void
test_between(void **state)
{
	struct result r[3] = {0};
	uint16_t pairs = 2;

	(void)state;
	me_up(USUAL_FEATURES);
	me_check_pair(0, 1);
	for (unsigned int i = 0; i < 10; i++) {
		memset(r, 0, sizeof(r));
		vn_device_move(de.dev, other(), result_cb, &r[0]);
		vn_device_move(de.dev, other(), result_cb, &r[1]);
		assert_int_equal(r[1].value, -EBUSY);
		vn_device_set_mem(de.dev, de.guest.mem, result_cb, &r[2]);
		assert_int_equal(vn_device_measure(de.dev), 0);
		pairs = 1 + i % 2;
		assert_int_equal(me_cmd(VN_NET_CTRL_MQ, 0, &pairs, 2), VN_NET_OK);
		UNTIL(r[0].calls == 1 && r[2].calls == 1);
		assert_int_equal(r[0].value, 0);
		assert_int_equal(r[2].value, 0);
		me_check_pair(0, 10 * i);
		if (pairs == 2)
			me_check_pair(1, 10 * i);
	}
	/* A reset, and then the end, while it moves. */
	vn_device_move(de.dev, other(), result_cb, &r[1]);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	me_wipe();
	me_load(USUAL_FEATURES);
	me_check_pair(0, 300);
	vn_device_move(de.dev, other(), result_cb, &r[1]);
	de_destroy(VN_PORT_KEEP);
	assert_int_equal(r[1].calls, 3);
}

/* The poller does not answer: it keeps the device, and what was held is not held any more. */
static void
test_late(void **state)
{
	struct vn_poller *from, *to;
	struct result r = {0}, mem = {0};

	(void)state;
	me_up(USUAL_FEATURES);
	me_check_pair(0, 1);
	from = vn_device_poller(de.dev);
	to = other();
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	vn_device_move(de.dev, to, result_cb, &r);
	assert_int_equal(vn_device_measure(de.dev), 0);
	UNTIL(de.dev->missed_deadlines > 0);
	assert_int_equal(r.calls, 0);
	fp_release(FP_TX);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, -ETIMEDOUT);
	assert_ptr_equal(vn_device_poller(de.dev), from);
	UNTIL(fp_recv(fp.queue[0], &(uint32_t){0}) >= 0);
	me_check_pair(0, 20);
	/* Asked while it does not answer: at once. Then again, and it goes. */
	vn_device_set_mem(de.dev, de.guest.mem, result_cb, &mem);
	UNTIL(mem.calls == 1);
	move();
	me_check_pair(0, 30);
}

/* What pollers work for it is counted, whichever of them. */
static void
test_load(void **state)
{
	uint64_t before;

	(void)state;
	me_up(USUAL_FEATURES);
	for (unsigned int n = 0; n < 2; n++) {
		before = vn_device_load(de.dev);
		for (unsigned int i = 0; vn_device_load(de.dev) == before; i++) {
			assert_true(i < 100000);
			me_check_pair(0, i);
		}
		move();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ME_TEST(test_to_and_fro),
		ME_TEST(test_nothing_lost),
		ME_TEST(test_between),
		ME_TEST(test_late),
		ME_TEST(test_load),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
