/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* A poller that is late: the peer gets back what is its own in any case, and nothing is lost. */

#include "packed_test_guest.h"

/* With a black box: without one, nobody knows where a ring was that is taken from the poller. */
static int
late_setup(void **state)
{
	char path[] = "/tmp/vn_device_late_test.XXXXXX";
	bool fresh;
	int fd;

	if (de_setup(state) != 0)
		return -1;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(vn_blackbox_open(path, 64, &de.env.bb, &fresh), 0);
	de.fds = pe_count_fds();
	return 0;
}

static int
late_teardown(void **state)
{
	struct vn_blackbox *bb = de.env.bb;
	const int rc = de_teardown(state);

	vn_blackbox_close(bb, true);
	return rc;
}

#define LATE_TEST(name) cmocka_unit_test_setup_teardown(name, late_setup, late_teardown)

/* The poller stands in the port, with a frame of ring 1 that it has taken and not completed. */
static void
stick(void)
{
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 77);
	UNTIL(fp_inside(FP_TX));
}

/* It returns: all that was left undone is done, and the device works again after a reset. */
static void
unstick(void)
{
	fp_release(FP_TX);
	for (unsigned int i = 0; i < RINGS; i++)
		UNTIL(de.dev->vq[i].state == VN_VQ_STOPPED);
	UNTIL(fp_open_queues() == 0 && vn_loop_jobs_pending(pe.loop) == 0);
}

static void
works_again(void)
{
	/* A fresh guest: the old one's mapping was taken from under the device. */
	guest_free(&de.guest);
	UNTIL(vn_gm_registry_files(de.gm) == 0);
	guest_make(&de.guest);
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	de_set_mem(de.guest.mem);
	de_start(0);
	de_start(1);
	de_check_pair(0, 5);
	assert_false(de.dev->broken);
}

static void
test_late_stop(void **state)
{
	struct result r = {0}, again = {0};

	(void)state;
	de_start_all();
	de_check_pair(0, 1);
	stick();
	vn_device_vq_stop(de.dev, 1, result_cb, &r);
	assert_int_equal(r.calls, 0);
	UNTIL(r.calls == 1);
	/* It may have published the frame under way just before its memory was taken. */
	assert_int_equal(r.value, -ESTALE);
	assert_true(de.dev->broken);
	assert_string_equal(de.dev->broken_why, "poller-late");
	assert_true(de.dev->status & VN_STATUS_NEEDS_RESET);
	assert_true(de.dev->missed_deadlines > 0);
	assert_true(vn_guestmem_broken(de.guest.mem));
	assert_int_equal(de.dev->vq[1].state, VN_VQ_STOPPING);
	/* As good as stopped, but not to be started. */
	vn_device_vq_stop(de.dev, 1, result_cb, &again);
	assert_int_equal(again.calls, 1);
	assert_int_equal(again.value, -ESTALE);
	assert_int_equal(de_try_start(1, 0), -EBUSY);
	fp_release(FP_TX);
	UNTIL(de.dev->vq[1].state == VN_VQ_STOPPED);
	/* The late completion did not reach the memory that the guest has back. */
	assert_int_equal(guest_used_idx(&de.guest, 1), 1);
	assert_int_equal(r.calls, 1);
	/* Nothing was under way there. */
	assert_int_equal(de_stop(0), 1);
	assert_int_equal(de_stop(3), 0);
}

/* Without a record, what is published just then may be missed: also of a ring that is idle. */
static void
test_late_no_record(void **state)
{
	struct result r = {0};

	(void)state;
	de_start_all();
	de_check_pair(0, 1);
	stick();
	vn_device_vq_stop(de.dev, 0, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, -ESTALE);
	fp_release(FP_TX);
	UNTIL(de.dev->vq[0].state == VN_VQ_STOPPED);
	assert_int_equal(de_stop(1), -ESTALE);
}

static void
test_late_reset(void **state)
{
	struct result r = {0};

	(void)state;
	de_start_all();
	stick();
	vn_device_reset(de.dev, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, -ETIMEDOUT);
	assert_int_equal(de.dev->driver_features, 0);
	assert_true(vn_guestmem_broken(de.guest.mem));
	/* The test's map is the last but the rings'; they must keep it while the poller has them.
	 */
	guest_drop_mem(&de.guest);
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	unstick();
	assert_int_equal(vn_gm_registry_files(de.gm), 0);
	assert_int_equal(guest_used_idx(&de.guest, 1), 0);
	de_reset();
	works_again();
}

/* A ring that cannot be attached in time can be stopped all the same. */
static void
test_late_attach(void **state)
{
	struct result r = {0}, r2 = {0};
	uint64_t late;

	(void)state;
	de_begin();
	de_start(1);
	de_start(4);
	stick();
	assert_int_equal(de_try_start(5, 0), 0);
	/* Stopped before its deadline, and another after. */
	vn_device_vq_stop(de.dev, 5, result_cb, &r);
	assert_int_equal(de_try_start(0, 0), 0);
	late = vn_poller_late(pe.poller);
	UNTIL(vn_poller_late(pe.poller) >= late + 2);
	UNTIL(r.calls == 1);
	assert_int_equal(de.dev->vq[0].state, VN_VQ_STARTING);
	vn_device_vq_stop(de.dev, 0, result_cb, &r2);
	assert_int_equal(r2.calls, 1);
	assert_int_equal(r2.value, 0);
	assert_true(vn_guestmem_broken(de.guest.mem));
	fp_release(FP_TX);
	UNTIL(de.dev->vq[0].state == VN_VQ_STOPPED && de.dev->vq[5].state == VN_VQ_STOPPED);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r2.calls, 1);
	de_stop(1);
	de_stop(4);
	unstick();
	de_reset();
	works_again();
}

/* An attach that is late, and nobody minds. */
static void
test_late_attach_goes_on(void **state)
{
	uint32_t tag;
	uint64_t late;

	(void)state;
	de_begin();
	de_start(1);
	stick();
	late = vn_poller_late(pe.poller);
	assert_int_equal(de_try_start(0, 0), 0);
	UNTIL(vn_poller_late(pe.poller) > late);
	fp_release(FP_TX);
	UNTIL(de.dev->vq[0].state == VN_VQ_RUNNING);
	assert_false(de.dev->broken);
	UNTIL(fp_recv(fp.queue[0], &tag) >= 0);
	assert_int_equal(tag, 77);
	de_check_pair(0, 1);
	assert_int_equal(de_stop(0), 1);
}

static void
test_late_set_mem(void **state)
{
	struct vn_guestmem *old;
	struct result r = {0};

	(void)state;
	de_start_all();
	stick();
	old = guest_move(&de.guest);
	vn_device_set_mem(de.dev, de.guest.mem, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, -ETIMEDOUT);
	assert_true(vn_guestmem_broken(old));
	assert_false(vn_guestmem_broken(de.guest.mem));
	assert_string_equal(de.dev->broken_why, "poller-late");
	vn_guestmem_unref(old);
	assert_int_equal(vn_gm_registry_files(de.gm), 2);
	fp_release(FP_TX);
	/* The old map goes when the poller has let go of it. */
	UNTIL(vn_gm_registry_files(de.gm) == 1);
	assert_int_equal(r.calls, 1);
	de_reset();
	unstick();
	works_again();
}

/* The log is the transport's memory, which cannot be covered: it has to wait. */
static void
test_late_set_log(void **state)
{
	uint8_t log[64] = {0};
	struct result r = {0};
	uint64_t late;

	(void)state;
	de_start_all();
	stick();
	late = vn_poller_late(pe.poller);
	vn_device_set_log(de.dev, log, sizeof(log), true, result_cb, &r);
	UNTIL(vn_poller_late(pe.poller) > late);
	assert_int_equal(r.calls, 0);
	assert_true(de.dev->broken);
	fp_release(FP_TX);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, 0);
	de_reset();
	unstick();
	works_again();
}

/* An end has no override: nothing is freed that the poller still has. */
static void
test_late_destroy(void **state)
{
	struct result r = {0};
	uint64_t late;

	(void)state;
	de_start_all();
	stick();
	late = vn_poller_late(pe.poller);
	vn_device_destroy(de.dev, VN_PORT_KEEP, result_cb, &r);
	UNTIL(vn_poller_late(pe.poller) >= late + RINGS);
	SETTLE();
	assert_int_equal(r.calls, 0);
	assert_int_equal(fp_open_ports(), 1);
	fp_release(FP_TX);
	UNTIL(r.calls == 1);
	de.dev = NULL;
	assert_int_equal(fp_open_ports(), 0);
	assert_int_equal(guest_used_idx(&de.guest, 1), 0);
}

/* Commands are executed between rounds: a poller that has answered two has made a round. */
static void
rounds(void)
{
	for (unsigned int i = 0; i < 2; i++)
		de_set_mem(de.guest.mem);
}

/*
 * What a late poller completes after the old map was taken from it is lost: the driver has not seen
 * it, so the ring must not go on behind it in the new map.
 */
static void
test_late_set_mem_strands(void **state)
{
	struct vn_guestmem *old;
	struct result r = {0};

	(void)state;
	de_start_all();
	de_check_pair(0, 1);
	stick();
	old = guest_move(&de.guest);
	vn_device_set_mem(de.dev, de.guest.mem, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, -ETIMEDOUT);
	vn_guestmem_unref(old);
	guest_send(&de.guest, 1, 78);
	fp_release(FP_TX);
	rounds();
	assert_int_equal(guest_used_idx(&de.guest, 1), 1);
	assert_true(vn_virtq_broken(de.dev->priv->ring[1].vq));
	/* Where it was when its memory went; the other one was in the midst of a frame. */
	assert_int_equal(de_stop(0), 1);
	assert_int_equal(de_stop(1), -ESTALE);
	de_reset();
	unstick();
	works_again();
}

/*
 * A packed ring's position cannot be read from memory: what is said when it is taken back holds,
 * whatever the poller does later, and the black box does not say otherwise.
 */
static void
test_late_packed(void **state)
{
	struct result r = {0}, again = {0};
	uint16_t position, before;
	struct vn_bb_ring *bb;

	(void)state;
	de.conf.features = FEATURES | VN_F_RING_PACKED;
	pg_begin(RING_SIZE);
	de_create();
	UNTIL(de_port_settled());
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES | VN_F_RING_PACKED), 0);
	de_set_mem(de.guest.mem);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(de_try_start(i, VN_VRING_PACKED_START), 0);
		UNTIL(de.dev->vq[i].state == VN_VQ_RUNNING);
	}
	for (unsigned int i = 0; i < RING_SIZE + 3; i++)
		pg_check_pair(0, 2 * i, false);
	position = pg.at[1];
	bb = vn_blackbox_ring(de.env.bb, de.conf.vuid, 1);
	fp_hold(FP_TX);
	pg_send(1, 77);
	pe_kick(de.guest.kick[1]);
	UNTIL(fp_inside(FP_TX));
	vn_device_vq_stop(de.dev, 1, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, position);
	/* A process that takes over now believes the peer. */
	assert_false(vn_bb_ring_was_live(
		bb, true, RING_SIZE, GPA_BASE + RING_BYTES, GPA_BASE + RING_BYTES + USED_AT));
	before = bb->generation;
	fp_release(FP_TX);
	UNTIL(de.dev->vq[1].state == VN_VQ_STOPPED);
	/* It did complete the frame, for nobody. */
	assert_int_not_equal(bb->generation, before);
	assert_false(pg_is_used(1));
	vn_device_vq_stop(de.dev, 1, result_cb, &again);
	assert_int_equal(again.value, position);
	assert_false(vn_bb_ring_was_live(
		bb, true, RING_SIZE, GPA_BASE + RING_BYTES, GPA_BASE + RING_BYTES + USED_AT));
	/* The other ring's as well, which a late poller has, too. */
	assert_int_equal(de_stop(0), pg.at[0]);
}

/* Taken back in the midst of a burst: nobody knows how much of it the driver has got. */
static void
test_late_lost(void **state)
{
	struct vn_bb_ring bb = {0};
	struct result r = {0};

	(void)state;
	de.conf.features = FEATURES | VN_F_RING_PACKED;
	pg_begin(RING_SIZE);
	de_create();
	UNTIL(de_port_settled());
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES | VN_F_RING_PACKED), 0);
	de_set_mem(de.guest.mem);
	assert_int_equal(de_try_start(1, VN_VRING_PACKED_START), 0);
	UNTIL(de.dev->vq[1].state == VN_VQ_RUNNING);
	UNTIL(fp.queue[0] != NULL);
	/* As if the poller stood there; the engine has no record. */
	vn_bb_ring_note(&bb, VN_VRING_PACKED_START, 1, 0, VN_BB_PACKED);
	de.dev->priv->ring[1].bb = &bb;
	fp_hold(FP_TX);
	pg_send(1, 77);
	pe_kick(de.guest.kick[1]);
	UNTIL(fp_inside(FP_TX));
	vn_device_vq_stop(de.dev, 1, result_cb, &r);
	UNTIL(r.calls == 1);
	assert_int_equal(r.value, -ESTALE);
	fp_release(FP_TX);
	UNTIL(de.dev->vq[1].state == VN_VQ_STOPPED);
	r.calls = 0;
	vn_device_vq_stop(de.dev, 1, result_cb, &r);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.value, -ESTALE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LATE_TEST(test_late_stop),
		DE_TEST(test_late_no_record),
		LATE_TEST(test_late_reset),
		LATE_TEST(test_late_attach),
		LATE_TEST(test_late_attach_goes_on),
		LATE_TEST(test_late_set_mem),
		LATE_TEST(test_late_set_mem_strands),
		LATE_TEST(test_late_packed),
		DE_TEST(test_late_lost),
		LATE_TEST(test_late_set_log),
		LATE_TEST(test_late_destroy),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
