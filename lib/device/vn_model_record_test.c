/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Saving the model and restoring it into another device; records that are wrong. */

#include "model_test_env.h"

#include "vn_blackbox.h"

static uint8_t record[VN_MODEL_SAVE_MAX], again[VN_MODEL_SAVE_MAX];
static int record_len;

static void
save(void)
{
	record_len = vn_model_save(de.dev, record, sizeof(record));
	assert_true(record_len > 0);
}

/* The first device dies with its process: nothing that it does later counts. */
static void
replace(bool legacy)
{
	de_destroy(VN_PORT_KEEP);
	me_begin(legacy);
}

static void
test_largest(void **state)
{
	(void)state;
	de.conf.max_queue_pairs = VN_MAX_QUEUE_PAIRS;
	me_begin(false);
	save();
	assert_true(record_len <= VN_MODEL_SAVE_MAX);
	for (int room = 0; room < record_len; room += 97)
		assert_int_equal(vn_model_save(de.dev, again, room), -ENOSPC);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
}

/* A driver with traffic notices nothing. */
static void
test_traffic_goes_on(void **state)
{
	uint8_t buf[6];
	uint16_t pairs = 2, vlan = 9;
	uint64_t offloads = VN_NET_F_GUEST_CSUM;
	const struct vn_net_ctrl_coal coal = {.max_packets = 1, .max_usecs = 1}, none = {0};
	uint32_t generation;

	(void)state;
	me_up(USUAL_FEATURES);
	assert_int_equal(me_cmd(VN_NET_CTRL_MQ, 0, &pairs, 2), VN_NET_OK);
	for (unsigned int i = 0; i < 40; i++) {
		me_check_pair(0, 10 * i);
		me_check_pair(1, 10 * i);
	}
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\0", 1), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_MAC, 1, "\2\7\7\7\7\7", 6), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_VLAN, 0, &vlan, 2), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_GUEST_OFFLOADS, 0, &offloads, 8), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_NOTF_COAL, 1, &coal, sizeof(coal)), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_NOTF_COAL, 0, &none, sizeof(none)), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\1", 1), VN_NET_OK);
	vn_model_announce(de.dev);
	generation = vn_model_config_generation(de.dev);
	save();
	replace(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
	UNTIL(me_all_run());
	/* It is asked to announce itself, and that is all. */
	UNTIL(vn_model_config_generation(de.dev) == (uint8_t)(generation + 1));
	assert_true(me_config_irq());
	de.dev->priv->model->generation--;
	assert_int_equal(vn_model_save(de.dev, again, sizeof(again)), record_len);
	assert_memory_equal(record, again, record_len);
	assert_true(vn_model_driver_loaded(de.dev));
	vn_model_config_read(de.dev, 0, buf, 6);
	assert_memory_equal(buf, "\2\7\7\7\7\7", 6);
	assert_memory_equal(de.dev->ctrl_mac, buf, 6);
	assert_int_equal(de.dev->ctrl_mq, 2);
	assert_int_equal(de.dev->vq[0].setup.desc_gpa, GPA_BASE);
	UNTIL(fp.features == (USUAL_FEATURES & ~(VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 |
						       VN_NET_F_GUEST_ECN)));
	for (unsigned int i = 0; i < 40; i++) {
		me_check_pair(0, 10 * i);
		me_check_pair(1, 10 * i);
	}
	assert_int_equal(me_cmd(VN_NET_CTRL_ANNOUNCE, 0, NULL, 0), VN_NET_OK);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
}

/* A command that was taken but not answered is done again; what came behind it, too. */
static void
test_command_under_way(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\1", 1), VN_NET_OK);
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	me_post("\0\0\0", 3, 1);
	vn_model_kick(de.dev, CTRL, 0);
	me_post("\3\0", 2, 1);
	save();
	vn_model_set_status(de.dev, 0);
	fp_release(FP_TX);
	UNTIL(vn_model_status(de.dev) == 0);
	assert_false(me_answered());
	replace(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
	UNTIL(me_answered());
	assert_int_equal(de.dev->priv->model->rx.promisc, 0);
	assert_int_equal(de.dev->priv->model->mode[0], 0);
}

static struct {
	unsigned int changed, resets;
} told;

static void
driver_changed(void *ctx, struct vn_device *dev, bool reset)
{
	assert_ptr_equal(ctx, &told);
	assert_non_null(dev);
	if (reset)
		told.resets++;
	else
		told.changed++;
}

/* What a recovery file takes of it: set by one driver, shown until the next one resets. */
static void
test_plain(void **state)
{
	static struct vn_model_driver first, second, bad;
	uint16_t pairs = 2, vlan = 9;
	uint8_t buf[6];

	(void)state;
	memset(&told, 0, sizeof(told));
	me_up(USUAL_FEATURES);
	de.dev->env.driver_changed = driver_changed;
	de.dev->env.ctx = &told;
	assert_int_equal(me_cmd(VN_NET_CTRL_MQ, 0, &pairs, 2), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\0", 1), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_MAC, 1, "\2\7\7\7\7\7", 6), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_VLAN, 0, &vlan, 2), VN_NET_OK);
	assert_int_equal(told.changed, 4);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, 77, "\0", 1), VN_NET_ERR);
	assert_int_equal(told.changed, 4);
	assert_true(vn_model_driver_get(de.dev, &first));
	assert_int_equal(vn_model_driver_set(de.dev, &first), -EBUSY);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	assert_int_equal(told.resets, 1);
	assert_false(vn_model_driver_get(de.dev, &second));

	replace(false);
	assert_false(vn_model_driver_get(de.dev, &second));
	bad = first;
	bad.rx.queue_pairs = 200;
	assert_int_equal(vn_model_driver_set(de.dev, &bad), -EINVAL);
	bad = first;
	bad.mode[5] = 2;
	assert_int_equal(vn_model_driver_set(de.dev, &bad), -EINVAL);
	bad = first;
	bad.rx.n_uni = VN_RX_MACS + 1;
	assert_int_equal(vn_model_driver_set(de.dev, &bad), -EINVAL);
	assert_false(vn_model_driver_get(de.dev, &second));
	assert_int_equal(vn_model_driver_set(de.dev, &first), 0);
	assert_true(vn_model_driver_get(de.dev, &second));
	second.offloads = first.offloads;
	assert_memory_equal(&first, &second, sizeof(first));
	assert_memory_equal(de.dev->ctrl_mac, "\2\7\7\7\7\7", 6);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	assert_false(vn_model_driver_get(de.dev, &second));
	vn_model_config_read(de.dev, 0, buf, 6);
	assert_memory_equal(buf, de.conf.mac, 6);
}

/* States on the way to DRIVER_OK, and in a reset. */
static void
test_other_states(void **state)
{
	(void)state;
	me_begin(false);
	vn_model_set_status(de.dev, VN_STATUS_ACK);
	me_accept(0x123);
	save();
	replace(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
	assert_int_equal(vn_model_status(de.dev), VN_STATUS_ACK);
	assert_int_equal(vn_model_accepted(de.dev, 0), 0x123);
	/* Only into a device where nothing has happened. */
	assert_int_equal(vn_model_restore(de.dev, record, record_len), -EINVAL);
	vn_model_set_status(de.dev, 0);
	me_negotiate(USUAL_FEATURES);
	me_queue(0, 0);
	save();
	replace(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
	assert_int_equal(de.dev->vq[0].state, VN_VQ_STOPPED);
	assert_true(vn_model_queue(de.dev, 0)->enable);
	for (unsigned int i = 1; i < GUEST_RINGS; i++)
		me_queue(i, i);
	me_driver_ok();
	UNTIL(me_all_run());
	me_check_pair(0, 1);
	/* A queue and a device that were being reset: the process that was waited for is gone. */
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	vn_model_queue_reset(de.dev, 1);
	save();
	vn_model_set_status(de.dev, 0);
	assert_true(vn_model_save(de.dev, again, sizeof(again)) > 0);
	fp_release(FP_TX);
	replace(false);
	assert_int_equal(vn_model_restore(de.dev, again, record_len), 0);
	assert_int_equal(vn_model_status(de.dev), 0);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
	assert_false(vn_model_queue(de.dev, 1)->resetting);
	assert_false(vn_model_queue(de.dev, 1)->enable);
	UNTIL(de.dev->enabled_queues == GUEST_RINGS - 1);
}

/* The link changed while nobody could tell; the device was broken. */
static void
test_news(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	save();
	replace(false);
	me_set_link(false);
	me_config_irq();
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
	assert_true(me_config_irq());
	dev_mark_broken(de.dev, "test");
	assert_true(me_config_irq());
	save();
	replace(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
	assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
	assert_true(me_config_irq());
	assert_int_equal(de.dev->enabled_queues, 0);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
}

/* Memory that a ring needs is not there any more. */
static void
test_no_memory(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	save();
	de_destroy(VN_PORT_KEEP);
	me_create(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), -EFAULT);
	assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
}

/* The position is guest memory's, whether a black box knows the rings or not. */
static void
test_black_box(void **state)
{
	static char path[] = "/tmp/vn_model_record_test.XXXXXX";
	struct vn_bb_ring *r;
	bool fresh;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(vn_blackbox_open(path, 64, &de.env.bb, &fresh), 0);
	de.fds = pe_count_fds();
	me_up(USUAL_FEATURES);
	for (unsigned int i = 0; i < 20; i++)
		me_check_pair(0, i);
	r = vn_blackbox_ring(de.env.bb, de.conf.vuid, 0);
	assert_non_null(r);
	assert_int_equal(r->position, 20);
	save();
	/* It was live when the process died. */
	de_destroy(VN_PORT_KEEP);
	vn_bb_ring_start(r, false, RING_SIZE, GPA_BASE, GPA_BASE + USED_AT, 18);
	me_begin(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), 0);
	UNTIL(me_all_run());
	assert_int_equal(de.dev->vq[0].setup.start, 20);
	me_check_pair(0, 7);
	/* A driver that begins anew begins at 0, whatever the box says. */
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	vn_bb_ring_start(r, false, RING_SIZE, GPA_BASE, GPA_BASE + USED_AT, 18);
	me_load(USUAL_FEATURES);
	assert_int_equal(de.dev->vq[0].setup.start, 0);
	de_destroy(VN_PORT_KEEP);
	vn_blackbox_close(de.env.bb, true);
	de.env.bb = NULL;
	de.fds = pe_count_fds();
}

/* Of what differs only in length or kind nothing is taken. */
static void
test_wrong_records(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	save();
	replace(false);
	for (int len = 0; len < record_len; len++)
		assert_int_equal(vn_model_restore(de.dev, record, len), -EINVAL);
	memcpy(again, record, record_len);
	assert_int_equal(vn_model_restore(de.dev, again, record_len + 1), -EINVAL);
	for (unsigned int i = 0; i < 12; i++) {
		again[i] ^= 1;
		assert_int_equal(vn_model_restore(de.dev, again, record_len), -EINVAL);
		again[i] ^= 1;
	}
	assert_int_equal(vn_model_status(de.dev), 0);
	/* Of a device with other queues; of one that offered more; of another kind. */
	de_destroy(VN_PORT_KEEP);
	de.conf.max_queue_pairs = PAIRS - 1;
	me_begin(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), -EINVAL);
	de_destroy(VN_PORT_KEEP);
	de.conf.max_queue_pairs = PAIRS;
	de.conf.max_queue_size = 128;
	me_begin(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), -EINVAL);
	de_destroy(VN_PORT_KEEP);
	de.conf.max_queue_size = 256;
	de.conf.features &= ~VN_NET_F_CTRL_VLAN;
	me_begin(false);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), -EINVAL);
	de.conf.features |= VN_NET_F_CTRL_VLAN;
	replace(true);
	assert_int_equal(vn_model_restore(de.dev, record, record_len), -EINVAL);
}

/* Any bytes: refused, or a device that works as far as its registers make sense. */
static void
test_hostile_records(void **state)
{
	const unsigned int n = env_rounds("records", 2000, 200000);
	const uint32_t fixed = 12; /* magic, version, size */
	unsigned int taken = 0;
	struct rng rng = {.s = 7};

	(void)state;
	me_up(USUAL_FEATURES);
	save();
	de_destroy(VN_PORT_KEEP);
	me_begin(false);
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int changes = 1 + rng_below(&rng, i % 3 == 0 ? 40 : 2);

		memcpy(again, record, record_len);
		for (unsigned int j = 0; j < changes; j++)
			again[fixed + rng_below(&rng, record_len - fixed)] = rng_next(&rng);
		env_seed = i + 1;
		if (vn_model_restore(de.dev, again, record_len) != -EINVAL)
			taken++;
		vn_model_kick(de.dev, vn_model_ctrl_queue(de.dev), 0);
		vn_model_set_status(de.dev, 0);
		UNTIL(vn_model_status(de.dev) == 0);
		/* What the next driver gets is not of this one. */
		assert_int_equal(vn_model_accepted(de.dev, 0), 0);
	}
	env_seed = 0;
	print_message("%u of them were taken\n", taken);
	me_wipe();
	me_load(USUAL_FEATURES);
	me_check_pair(0, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ME_TEST(test_largest),
		ME_TEST(test_traffic_goes_on),
		ME_TEST(test_command_under_way),
		ME_TEST(test_plain),
		ME_TEST(test_other_states),
		ME_TEST(test_news),
		ME_TEST(test_no_memory),
		ME_TEST(test_black_box),
		ME_TEST(test_wrong_records),
		ME_TEST(test_hostile_records),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
