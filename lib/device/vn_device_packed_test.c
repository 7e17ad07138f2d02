/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Packed rings: what differs from split ones is where a ring begins, and who knows it.
 */
#include "packed_test_guest.h"

#define PACKED (USUAL_FEATURES | VN_F_RING_PACKED)

static uint8_t record[VN_MODEL_SAVE_MAX];

static void
begin_rings(uint64_t features)
{
	pg_begin(RING_SIZE);
	de_create();
	UNTIL(de_port_settled());
	assert_int_equal(vn_device_set_driver_features(de.dev, features), 0);
	de_set_mem(de.guest.mem);
}

static void
start(unsigned int ring, uint16_t position)
{
	assert_int_equal(de_try_start(ring, position), 0);
	UNTIL(de.dev->vq[ring].state == VN_VQ_RUNNING);
}

/* Over several laps, stopped and started anywhere. */
static void
test_stop_and_start(void **state)
{
	(void)state;
	de.conf.features = FEATURES | VN_F_RING_PACKED;
	begin_rings(FEATURES | VN_F_RING_PACKED);
	assert_int_equal(vn_device_set_driver_features(de.dev, VN_F_RING_PACKED), -EINVAL);
	assert_int_equal(de_try_start(0, RING_SIZE), -EINVAL);
	for (unsigned int i = 0; i < 5 * RING_SIZE; i++) {
		start(0, pg.at[0]);
		start(1, pg.at[1]);
		pg_check_pair(0, 2 * i, false);
		assert_int_equal(de_stop(1), pg.at[1]);
		assert_int_equal(de_stop(0), pg.at[0]);
	}
}

/* Rings only: a driver that has begun anew is told from one that has not by its memory. */
static void
test_black_box(void **state)
{
	static char path[] = "/tmp/vn_device_packed_test.XXXXXX";
	struct vn_bb_ring *r[2], died[2];
	int fd = mkstemp(path);
	bool fresh;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(vn_blackbox_open(path, 64, &de.env.bb, &fresh), 0);
	de.fds = pe_count_fds();
	de.conf.features = FEATURES | VN_F_RING_PACKED;
	for (unsigned int frames = 1; frames < 3 * RING_SIZE; frames += 7) {
		begin_rings(FEATURES | VN_F_RING_PACKED);
		for (unsigned int i = 0; i < 2; i++) {
			start(i, VN_VRING_PACKED_START);
			r[i] = vn_blackbox_ring(de.env.bb, de.conf.vuid, i);
		}
		for (unsigned int i = 0; i < frames; i++)
			pg_check_pair(0, 2 * i, false);
		for (unsigned int i = 0; i < 2; i++)
			died[i] = *r[i];
		de_destroy(VN_PORT_KEEP);
		/* As when the process died. The VMM says what it knows, which is nothing. */
		for (unsigned int i = 0; i < 2; i++)
			*r[i] = died[i];
		de_create();
		UNTIL(de_port_settled());
		assert_int_equal(
			vn_device_set_driver_features(de.dev, FEATURES | VN_F_RING_PACKED), 0);
		de_set_mem(de.guest.mem);
		start(0, VN_VRING_PACKED_START);
		start(1, VN_VRING_PACKED_START);
		assert_int_equal(de.dev->vq[0].setup.start, pg.at[0]);
		assert_int_equal(de.dev->vq[1].setup.start, pg.at[1]);
		pg_check_pair(0, 77, false);
		de_destroy(VN_PORT_KEEP);
		/* The guest was reset meanwhile, and its rings are where they were. */
		for (unsigned int i = 0; i < 2; i++)
			*r[i] = died[i];
		begin_rings(FEATURES | VN_F_RING_PACKED);
		for (unsigned int i = 0; i < RING_SIZE; i++)
			pg_push(0, BUF_SIZE);
		pg_send(1, 78);
		start(0, VN_VRING_PACKED_START);
		start(1, VN_VRING_PACKED_START);
		assert_int_equal(de.dev->vq[0].setup.start, VN_VRING_PACKED_START);
		assert_int_equal(de.dev->vq[1].setup.start, VN_VRING_PACKED_START);
		UNTIL(pg_is_used(1));
		de_destroy(VN_PORT_KEEP);
	}
	vn_blackbox_close(de.env.bb, true);
	de.env.bb = NULL;
	de.fds = pe_count_fds();
}

static void
load(uint64_t features, uint16_t size)
{
	pg_begin(size);
	me_negotiate(features);
	for (unsigned int i = 0; i < GUEST_RINGS; i++) {
		me_set_queue(i, i);
		vn_model_queue_set_size(de.dev, i, size);
		assert_int_equal(vn_model_queue(de.dev, i)->size, size);
		vn_model_queue_enable(de.dev, i);
	}
	me_driver_ok();
	UNTIL(me_all_run());
}

/* A whole device: any size, a reset of a queue and of all, a restart in between. */
static void
test_model(void **state)
{
	struct result r = {0};

	(void)state;
	me_begin(false);
	load(PACKED, 11);
	for (unsigned int i = 0; i < 25; i++)
		pg_check_pair(0, 2 * i, true);
	vn_device_restart(de.dev, result_cb, &r);
	UNTIL(r.calls > 0);
	assert_int_equal(r.value, 0);
	for (unsigned int i = 0; i < 25; i++)
		pg_check_pair(0, 2 * i, true);
	/* A queue that was reset begins anew. */
	vn_model_queue_reset(de.dev, 1);
	UNTIL(!vn_model_queue(de.dev, 1)->resetting);
	memset(guest_at(&de.guest, 1, 0), 0, BUF_AT);
	pg.at[1] = pg.seen[1] = VN_VRING_PACKED_START;
	me_set_queue(1, 1);
	vn_model_queue_set_size(de.dev, 1, 11);
	vn_model_queue_enable(de.dev, 1);
	UNTIL(de.dev->vq[1].state == VN_VQ_RUNNING);
	assert_int_equal(de.dev->vq[1].setup.start, VN_VRING_PACKED_START);
	for (unsigned int i = 0; i < 25; i++)
		pg_check_pair(0, 2 * i, true);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	load(PACKED, RING_SIZE);
	pg_check_pair(0, 5, true);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	/* Split rings are powers of two. */
	me_negotiate(USUAL_FEATURES);
	vn_model_queue_set_size(de.dev, 0, 8);
	vn_model_queue_set_size(de.dev, 0, 11);
	assert_int_equal(vn_model_queue(de.dev, 0)->size, 8);
}

/* A ring that broke is restarted where the driver waits. */
static void
test_broken(void **state)
{
	struct result r = {0};
	const struct vn_vring_packed_desc *bad;
	uint32_t got;

	(void)state;
	me_begin(false);
	load(PACKED, RING_SIZE);
	for (unsigned int i = 0; i < 20; i++)
		pg_check_pair(0, 2 * i, true);
	bad = pg_desc(1, pg.at[1]);
	pg_send(1, 1);
	((struct vn_vring_packed_desc *)(uintptr_t)bad)->addr = UINT64_C(1) << 40;
	pg_send(1, 2);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(de.dev->broken);
	/* Mended by hand. */
	((struct vn_vring_packed_desc *)(uintptr_t)bad)->addr =
		GPA_BASE + RING_BYTES + BUF_AT + bad->id * BUF_SIZE;
	vn_device_restart(de.dev, result_cb, &r);
	UNTIL(r.calls > 0);
	assert_int_equal(r.value, 0);
	assert_false(de.dev->broken);
	for (uint32_t i = 1; i < 3; i++) {
		UNTIL(fp_recv(fp.queue[0], &got) >= 0);
		assert_int_equal(got, i);
		UNTIL(pg_is_used(1));
		pg_take(1);
	}
	pg_check_pair(0, 7, true);
}

/* Rings that were stopped in order go on in another process, which has no black box. */
static void
test_record(void **state)
{
	int len;

	(void)state;
	me_begin(false);
	load(PACKED, RING_SIZE);
	for (unsigned int i = 0; i < 20; i++)
		pg_check_pair(0, 2 * i, true);
	for (unsigned int i = 0; i < GUEST_RINGS; i++)
		de_stop(i);
	len = vn_model_save(de.dev, record, sizeof(record));
	assert_true(len > 0);
	de_destroy(VN_PORT_KEEP);
	me_begin(false);
	assert_int_equal(vn_model_restore(de.dev, record, len), 0);
	UNTIL(me_all_run());
	assert_int_equal(de.dev->vq[0].setup.start, pg.at[0]);
	assert_int_equal(de.dev->vq[1].setup.start, pg.at[1]);
	for (unsigned int i = 0; i < 20; i++)
		pg_check_pair(0, 2 * i, true);
}

/* Over the life of several processes: their black box. */
static char bb_path[] = "/tmp/vn_device_packed_test.XXXXXX";

static void
bb_open(void)
{
	bool fresh;
	int fd;

	strcpy(bb_path + strlen(bb_path) - 6, "XXXXXX");
	fd = mkstemp(bb_path);
	assert_true(fd >= 0);
	close(fd);
	unlink(bb_path);
	assert_int_equal(vn_blackbox_open(bb_path, 64, &de.env.bb, &fresh), 0);
	de.fds = pe_count_fds();
}

static void
bb_close(void)
{
	vn_blackbox_close(de.env.bb, true);
	de.env.bb = NULL;
	de.fds = pe_count_fds();
}

/* The other version, 1, had records of this size as well. */
static void
bb_age(void)
{
	static const uint32_t version = 1;
	bool fresh;
	int fd;

	vn_blackbox_close(de.env.bb, false);
	fd = open(bb_path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &version, sizeof(version), 16), sizeof(version));
	close(fd);
	assert_int_equal(vn_blackbox_open(bb_path, 64, &de.env.bb, &fresh), 0);
	assert_true(fresh);
	{
		char old[sizeof(bb_path) + 4];

		snprintf(old, sizeof(old), "%s.old", bb_path);
		assert_int_equal(unlink(old), 0);
	}
}

/*
 * The process died, and its black box is gone, of another version, or says what cannot be: the
 * driver is asked for a reset, and its rings are left as they are.
 */
static void
test_record_without_black_box(void **state)
{
	enum { GONE, AGED, WRONG, WAYS };
	static struct vn_bb_ring died[GUEST_RINGS];
	static uint8_t before[RING_BYTES];
	int len;

	(void)state;
	for (unsigned int way = 0; way < WAYS; way++) {
		bb_open();
		me_begin(false);
		load(PACKED, RING_SIZE);
		for (unsigned int i = 0; i < 20 + RING_SIZE; i++)
			pg_check_pair(0, 2 * i, true);
		/* Buffers of the next lap, which look like those of the first. */
		for (unsigned int i = 0; i < RING_SIZE; i++)
			pg_push(0, BUF_SIZE);
		len = vn_model_save(de.dev, record, sizeof(record));
		assert_true(len > 0);
		for (unsigned int i = 0; i < GUEST_RINGS; i++)
			died[i] = *vn_blackbox_ring(de.env.bb, de.conf.vuid, i);
		de_destroy(VN_PORT_KEEP);
		for (unsigned int i = 0; i < GUEST_RINGS; i++)
			*vn_blackbox_ring(de.env.bb, de.conf.vuid, i) = died[i];
		if (way == GONE)
			bb_close();
		else if (way == AGED)
			bb_age();
		else
			vn_blackbox_ring(de.env.bb, de.conf.vuid, 0)->runs = VN_BB_PACKED | 15;
		memcpy(before, guest_at(&de.guest, 0, 0), sizeof(before));
		me_begin(false);
		assert_int_equal(vn_model_restore(de.dev, record, len), 0);
		assert_true(de.dev->broken);
		assert_string_equal(de.dev->broken_why, VN_VQ_WHY_LOST);
		assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
		assert_int_equal(de.dev->enabled_queues, 0);
		/* An operator's restart does not help. */
		{
			struct result r = {0};

			vn_device_restart(de.dev, result_cb, &r);
			UNTIL(r.calls > 0);
			assert_int_equal(r.value, 0);
			assert_true(de.dev->broken);
			assert_int_equal(de.dev->enabled_queues, 0);
		}
		assert_memory_equal(before, guest_at(&de.guest, 0, 0), sizeof(before));
		/* The driver does. */
		vn_model_set_status(de.dev, 0);
		UNTIL(vn_model_status(de.dev) == 0);
		load(PACKED, RING_SIZE);
		pg_check_pair(0, 5, true);
		de_destroy(VN_PORT_KEEP);
		if (way != GONE)
			bb_close();
	}
}

/* ... but for rings that nobody has served, like those of a driver that had just set them up. */
static void
test_record_of_new_rings(void **state)
{
	int len;

	(void)state;
	me_begin(false);
	load(PACKED, RING_SIZE);
	len = vn_model_save(de.dev, record, sizeof(record));
	assert_true(len > 0);
	de_destroy(VN_PORT_KEEP);
	pg_begin(RING_SIZE);
	me_begin(false);
	assert_int_equal(vn_model_restore(de.dev, record, len), 0);
	UNTIL(me_all_run());
	pg_check_pair(0, 5, true);
}

/* Rings only, and no black box: what the peer says counts, unless memory shows that it is wrong. */
static void
test_peer_position(void **state)
{
	struct vn_vq_setup setup;

	(void)state;
	de.conf.features = FEATURES | VN_F_RING_PACKED;
	for (unsigned int frames = 1; frames <= 2 * RING_SIZE + 5; frames += 4) {
		begin_rings(FEATURES | VN_F_RING_PACKED);
		start(0, VN_VRING_PACKED_START);
		start(1, VN_VRING_PACKED_START);
		for (unsigned int i = 0; i < frames; i++)
			pg_check_pair(0, 2 * i, false);
		de_destroy(VN_PORT_KEEP);
		de_create();
		UNTIL(de_port_settled());
		assert_int_equal(
			vn_device_set_driver_features(de.dev, FEATURES | VN_F_RING_PACKED), 0);
		de_set_mem(de.guest.mem);
		/* Not said at all. */
		setup = guest_setup(&de.guest, 0, VN_VRING_PACKED_START);
		setup.unknown = true;
		assert_int_equal(vn_device_vq_start(de.dev, 0, &setup), -ESTALE);
		assert_string_equal(de.dev->broken_why, VN_VQ_WHY_LOST);
		assert_true(de.dev->status & VN_STATUS_NEEDS_RESET);
		/* A position that it passed, or has not reached yet, of this lap or another. */
		for (uint16_t i = 0; i < RING_SIZE; i++) {
			for (unsigned int wrap = 0; wrap < 2; wrap++) {
				const uint16_t at = i | (wrap ? VN_EVENT_WRAP : 0);

				/* All in between was given back and made available by no one. */
				if (at == pg.at[0])
					continue;
				assert_int_equal(de_try_start(0, at), -ESTALE);
			}
		}
		assert_int_equal(de.dev->vq[0].state, VN_VQ_STOPPED);
		de_reset();
		assert_int_equal(
			vn_device_set_driver_features(de.dev, FEATURES | VN_F_RING_PACKED), 0);
		de_set_mem(de.guest.mem);
		start(0, pg.at[0]);
		start(1, pg.at[1]);
		assert_int_equal(de.dev->vq[0].setup.start, pg.at[0]);
		pg_check_pair(0, 77, false);
		assert_false(de.dev->broken);
		de_destroy(VN_PORT_KEEP);
	}
}

/* A ring whose position nobody knows is not found by a restart: the device stays broken. */
static void
test_lost_restart(void **state)
{
	struct result r = {0};
	struct vn_vq_setup setup;

	(void)state;
	de.conf.features = FEATURES | VN_F_RING_PACKED;
	begin_rings(FEATURES | VN_F_RING_PACKED);
	start(0, VN_VRING_PACKED_START);
	start(1, VN_VRING_PACKED_START);
	pg_check_pair(0, 1, false);
	assert_int_equal(de_stop(0), pg.at[0]);
	setup = guest_setup(&de.guest, 0, VN_VRING_PACKED_START);
	setup.unknown = true;
	assert_int_equal(vn_device_vq_start(de.dev, 0, &setup), -ESTALE);
	vn_device_restart(de.dev, result_cb, &r);
	UNTIL(r.calls > 0);
	assert_int_equal(r.value, 0);
	assert_true(de.dev->broken);
	assert_string_equal(de.dev->broken_why, VN_VQ_WHY_LOST);
	assert_true(de.dev->status & VN_STATUS_NEEDS_RESET);
	assert_int_equal(de.dev->vq[1].state, VN_VQ_RUNNING);
	de_reset();
	assert_false(de.dev->broken);
}

/*
 * The peer goes without asking where its rings are, and comes back with what it knew: to this
 * process or, as nothing else of a ring is needed, to the next one.
 */
static void
test_peer_lost(void **state)
{
	const uint64_t features = FEATURES | VN_F_RING_PACKED;
	uint16_t told = VN_VRING_PACKED_START;
	struct vn_vq_setup setup;
	struct result r = {0};

	(void)state;
	bb_open();
	de.conf.features = features;
	begin_rings(features);
	for (unsigned int frames = 1; frames < 3 * RING_SIZE; frames += 7) {
		for (unsigned int i = 0; i < 2; i++) {
			setup = guest_setup(&de.guest, i, told);
			setup.told = told;
			assert_int_equal(vn_device_vq_start(de.dev, i, &setup), 0);
			UNTIL(de.dev->vq[i].state == VN_VQ_RUNNING);
			assert_int_equal(de.dev->vq[i].setup.start, pg.at[i]);
		}
		for (unsigned int i = 0; i < frames; i++)
			pg_check_pair(0, 2 * i, false);
		if (frames % 2 == 0)
			told = pg.at[0];
		/* As if it had been told on its way. */
		de.dev->vq[0].setup.told = de.dev->vq[1].setup.told = told;
		r.calls = 0;
		vn_device_peer_lost(de.dev, result_cb, &r);
		UNTIL(r.calls > 0);
		assert_int_equal(r.value, 0);
		assert_int_equal(vn_device_set_driver_features(de.dev, features), 0);
		de_set_mem(de.guest.mem);
	}
	/* It says another position: it has that from elsewhere, and the memory as well. */
	assert_int_not_equal(told, VN_VRING_PACKED_START);
	memset(guest_at(&de.guest, 0, 0), 0, AVAIL_AT);
	setup = guest_setup(&de.guest, 0, VN_VRING_PACKED_START);
	setup.told = VN_VRING_PACKED_START;
	assert_int_equal(vn_device_vq_start(de.dev, 0, &setup), 0);
	assert_int_equal(de.dev->vq[0].setup.start, VN_VRING_PACKED_START);
	de_reset();
	/* A driver's reset leaves nothing. */
	assert_int_equal(vn_blackbox_ring(de.env.bb, de.conf.vuid, 0)->live, 0);
	de_destroy(VN_PORT_KEEP);
	bb_close();
}

/* With notification data the driver says how far it is: what brings nothing new is counted. */
static void
test_notification_data(void **state)
{
	(void)state;
	me_begin(false);
	load(PACKED | VN_F_NOTIFICATION_DATA, RING_SIZE);
	for (unsigned int i = 0; i < 40; i++) {
		pg_send(1, i);
		vn_model_kick(de.dev, 1, 1 | (uint32_t)pg.at[1] << 16);
		assert_int_equal(dev_model_spurious(de.dev), i);
		vn_model_kick(de.dev, 1, 1 | (uint32_t)pg.at[1] << 16);
		assert_int_equal(dev_model_spurious(de.dev), i + 1);
		UNTIL(pg_is_used(1));
		pg_take(1);
	}
	/* No place in the ring: says nothing. */
	vn_model_kick(de.dev, 1, 1 | UINT32_C(0x7fff) << 16);
	assert_int_equal(dev_model_spurious(de.dev), 40);
	{
		uint32_t got;

		while (fp_recv(fp.queue[0], &got) >= 0)
			;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ME_TEST(test_stop_and_start),
		ME_TEST(test_black_box),
		ME_TEST(test_model),
		ME_TEST(test_broken),
		ME_TEST(test_record),
		ME_TEST(test_record_without_black_box),
		ME_TEST(test_record_of_new_rings),
		ME_TEST(test_peer_position),
		ME_TEST(test_lost_restart),
		ME_TEST(test_peer_lost),
		ME_TEST(test_notification_data),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
