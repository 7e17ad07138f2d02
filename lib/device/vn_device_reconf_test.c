/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Changes of a device that exists: what its driver sees of them, and when. */

#include "model_test_env.h"

static const uint8_t foreign[6] = {2, 9, 9, 9, 9, 9};
static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

static void
unload(void)
{
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	me_wipe();
}

static bool
reconf_done(const struct vn_device_conf *conf)
{
	const int rc = vn_device_reconf(de.dev, conf);

	if (rc != -EBUSY)
		assert_int_equal(rc, 0);
	return rc == 0;
}

static struct vn_net_config
config(void)
{
	struct vn_net_config c;

	vn_model_config_read(de.dev, 0, &c, sizeof(c));
	return c;
}

/* Link and speed: at once, with an interrupt; no other change disturbs the driver. */
static void
test_at_once(void **state)
{
	struct vn_device_conf c;
	uint8_t gen;

	(void)state;
	me_up(USUAL_FEATURES);
	c = de.dev->conf;
	gen = vn_model_config_generation(de.dev);
	c.link_down = true;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_true(me_config_irq());
	assert_int_equal(config().status, 0);
	assert_false(de.dev->link_up);
	assert_int_not_equal(vn_model_config_generation(de.dev), gen);
	c.link_down = false;
	c.speed = 25000;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_true(me_config_irq());
	assert_int_equal(config().status, rte_cpu_to_le_16(VN_NET_S_LINK_UP));
	assert_int_equal(config().speed, rte_cpu_to_le_32(25000));
	c.dim = c.aarfs = true;
	c.hash_types = 0x3f;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_false(me_config_irq());
	assert_int_equal(config().supported_hash_types, rte_cpu_to_le_32(0x3f));
	/* The driver goes on. */
	assert_true(vn_device_driver_loaded(de.dev));
	me_check_pair(0, 10);
}

static void
test_next_driver(void **state)
{
	struct vn_device_conf c;

	(void)state;
	me_up(USUAL_FEATURES);
	assert_true(vn_device_driver_present(de.dev));
	unload();
	assert_false(vn_device_driver_present(de.dev));
	c = de.dev->conf;
	assert_memory_equal(fp.mac, c.mac, 6);
	memcpy(c.mac, foreign, sizeof(c.mac));
	c.mtu = 9000;
	c.max_queue_size = 64;
	c.features = USUAL_FEATURES & ~VN_NET_F_CTRL_RX;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_memory_equal(config().mac, foreign, 6);
	UNTIL(memcmp(fp.mac, foreign, 6) == 0); /* the port, too */
	assert_int_equal(config().mtu, rte_cpu_to_le_16(9000));
	assert_int_equal(vn_model_queue(de.dev, 0)->max_size, 64);
	/* What needs another goes with it. */
	assert_int_equal(de.dev->device_features & VN_NET_F_CTRL_RX, 0);
	/* One that is about to be loaded has read it. */
	vn_model_set_status(de.dev, VN_STATUS_ACK);
	assert_false(vn_device_driver_present(de.dev));
	vn_model_set_status(de.dev, VN_STATUS_ACK | VN_STATUS_DRIVER);
	assert_true(vn_device_driver_present(de.dev));
	assert_false(vn_device_driver_loaded(de.dev));
	vn_model_set_status(de.dev, VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FAILED);
	assert_false(vn_device_driver_present(de.dev));
}

static void
use_all_pairs(void)
{
	const rte_le16_t n = rte_cpu_to_le_16(PAIRS);

	assert_int_equal(
		me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_PAIRS_SET, &n, sizeof(n)), VN_NET_OK);
}

/* Fewer pairs and more again; a driver that comes has just these. */
static void
test_resize(void **state)
{
	struct vn_device_conf c;
	uint64_t packets;

	(void)state;
	me_up(USUAL_FEATURES);
	use_all_pairs();
	me_check_pair(2, 20);
	c = de.dev->conf;
	c.max_queue_pairs = 1;
	assert_int_equal(vn_device_reconf(de.dev, &c), -EBUSY);
	assert_int_equal(de.dev->num_vqs, GUEST_RINGS);
	me_check_pair(1, 30);
	me_check_pair(0, 35);
	unload();
	packets = de.dev->vq[1].stats.packets;
	assert_int_equal(packets, 1);
	/* Port queues are closed by a job. */
	UNTIL(reconf_done(&c));
	assert_int_equal(de.dev->num_vqs, 3);
	assert_int_equal(config().max_virtqueue_pairs, rte_cpu_to_le_16(1));
	assert_int_equal(vn_model_num_queues(de.dev), 3);
	assert_null(vn_model_queue(de.dev, 4));
	/* Counters of rings that stay are kept. */
	assert_int_equal(de.dev->vq[1].stats.packets, packets);
	/* No more than the port was made for. */
	c.max_queue_pairs = PAIRS + 1;
	assert_int_equal(vn_device_reconf(de.dev, &c), -ERANGE);
	c.max_queue_pairs = PAIRS;
	UNTIL(reconf_done(&c));
	assert_int_equal(de.dev->num_vqs, GUEST_RINGS);
	me_load(USUAL_FEATURES);
	use_all_pairs();
	me_check_pair(2, 40);
}

/* What is counted of rings outlives them, and what is measured of them does not. */
static void
test_resize_counted(void **state)
{
	struct vn_device_conf c;
	uint64_t since, spurious;

	(void)state;
	me_up(USUAL_FEATURES & ~VN_NET_F_MRG_RXBUF);
	c = de.dev->conf;
	c.drop_counter = true;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	use_all_pairs();
	UNTIL(fp.queue[1] != NULL);
	me_push(2, 32); /* too small for anything */
	me_send_to(1, de.dev->conf.mac, 0, 1);
	UNTIL(vn_device_dropped(de.dev) == 1);
	for (unsigned int i = 0; i < 10; i++)
		vn_model_kick(de.dev, 2, 0);
	spurious = vn_device_spurious_kicks(de.dev);
	assert_true(spurious >= 9);
	assert_int_equal(vn_device_measure(de.dev), 0);
	unload();
	c.max_queue_pairs = 1;
	/* With another change that a device under way hands to the poller. */
	c.rx_mode = VN_RX_MODE_NOBCAST;
	UNTIL(reconf_done(&c));
	assert_int_equal(vn_device_dropped(de.dev), 1);
	assert_int_equal(vn_device_spurious_kicks(de.dev), spurious);
	assert_null(vn_device_latency(de.dev, 0, &since));
	assert_int_equal(vn_device_measure(de.dev), 0);
	assert_null(vn_device_latency(de.dev, 2, &since));
	c.max_queue_pairs = PAIRS;
	c.rx_mode = 0;
	UNTIL(reconf_done(&c));
	assert_null(vn_device_latency(de.dev, 2, &since));
	assert_int_equal(vn_device_measure(de.dev), 0);
	me_load(USUAL_FEATURES);
	use_all_pairs();
	me_check_pair(1, 40);
	UNTIL(vn_device_latency(de.dev, 3, &since)->service.count > 0);
	assert_int_equal(vn_device_dropped(de.dev), 1);
}

/* Contract, section 5: no driver can use a device without queue pairs; nothing breaks. */
static void
test_no_pairs(void **state)
{
	struct vn_device_conf c;

	(void)state;
	me_begin(false);
	c = de.dev->conf;
	c.max_queue_pairs = 0;
	UNTIL(reconf_done(&c));
	assert_int_equal(vn_model_num_queues(de.dev), 0);
	for (unsigned int q = 0; q < 4; q++) {
		assert_null(vn_model_queue(de.dev, q));
		vn_model_queue_enable(de.dev, q);
		vn_model_queue_set_size(de.dev, q, 4);
		vn_model_kick(de.dev, q, 0);
		assert_int_equal(vn_model_queue_set_vector(de.dev, q, 1), VN_MSI_NO_VECTOR);
	}
	me_negotiate(USUAL_FEATURES);
	me_driver_ok();
	assert_int_equal(de.dev->enabled_queues, 0);
	unload();
	c.max_queue_pairs = PAIRS;
	UNTIL(reconf_done(&c));
	me_load(USUAL_FEATURES);
	me_check_pair(0, 50);
}

static bool
passes(const uint8_t dst[6])
{
	static uint32_t tag = 1000;
	bool got = false;

	while ((uint16_t)(de.guest.avail[0] - de.guest.seen[0]) < 2)
		me_push(0, BUF_SIZE);
	tag += 2;
	/* The poller may not have the new rules yet. */
	UNTIL(fp.queue[0] != NULL && model_settled(de.dev->priv->model));
	me_send_to(0, dst, 0, tag);
	me_send_to(0, de.dev->conf.mac, 0, tag + 1);
	if (me_recv_tag(0) == tag) {
		got = true;
		assert_int_equal(me_recv_tag(0), tag + 1);
	}
	return got;
}

/* The operator's receive mode is in force instead of the driver's, and after a reset. */
static void
test_rx_mode(void **state)
{
	struct vn_device_conf c;
	uint8_t on = 1;

	(void)state;
	me_up(USUAL_FEATURES);
	assert_true(passes(foreign));
	c = de.dev->conf;
	c.rx_mode = VN_RX_MODE_NOBCAST;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_false(passes(foreign));
	assert_false(passes(broadcast));
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, &on, 1), VN_NET_OK);
	assert_false(passes(foreign));
	c.rx_mode = VN_RX_MODE_ALLUNI;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_true(passes(foreign));
	assert_true(passes(broadcast));
	c.rx_mode = VN_RX_MODE_NOBCAST;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	unload();
	me_load(USUAL_FEATURES);
	assert_false(passes(broadcast));
	c.rx_mode = 0;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_true(passes(foreign));
}

static struct vn_model_queue_info
info(unsigned int ring)
{
	struct vn_model_queue_info i;

	assert_true(vn_model_queue_info(de.dev, ring, &i));
	return i;
}

/* A default for receive queues, under what the driver sets. */
static void
test_coal(void **state)
{
	const struct vn_net_ctrl_coal_vq one = {
		.vq_index = rte_cpu_to_le_16(2),
		.coal = {.max_packets = rte_cpu_to_le_32(5), .max_usecs = rte_cpu_to_le_32(6)},
	};
	struct vn_device_conf c;

	(void)state;
	me_up(USUAL_FEATURES);
	assert_int_equal(info(0).coal_mode, VN_COAL_EVENT);
	assert_int_equal(
		me_cmd(VN_NET_CTRL_NOTF_COAL, VN_NET_CTRL_NOTF_COAL_VQ_SET, &one, sizeof(one)),
		VN_NET_OK);
	c = de.dev->conf;
	c.coal_mode = VN_COAL_CQE;
	c.coal_usecs = 10;
	c.coal_packets = 30;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_int_equal(info(0).coal_mode, VN_COAL_CQE);
	assert_int_equal(info(0).coal_usecs, 10);
	assert_int_equal(info(0).coal_packets, 30);
	assert_int_equal(info(1).coal_usecs, 0);
	assert_int_equal(info(2).coal_usecs, 6);
	assert_int_equal(info(2).coal_mode, VN_COAL_EVENT);
	assert_int_equal(info(CTRL).coal_usecs, 0);
	/* Frames come: an interrupt waits, for 10 us at most. */
	me_check_pair(0, 60);
	unload();
	assert_int_equal(info(2).coal_usecs, 10);
	me_load(USUAL_FEATURES);
	assert_int_equal(info(2).coal_usecs, 10);
}

static void
coal_vq(uint16_t queue, uint32_t usecs, uint32_t packets)
{
	const struct vn_net_ctrl_coal_vq c = {
		.vq_index = rte_cpu_to_le_16(queue),
		.coal = {.max_packets = rte_cpu_to_le_32(packets),
			.max_usecs = rte_cpu_to_le_32(usecs)},
	};

	assert_int_equal(me_cmd(VN_NET_CTRL_NOTF_COAL, VN_NET_CTRL_NOTF_COAL_VQ_SET, &c, sizeof(c)),
		VN_NET_OK);
}

/* The poller has it a moment after the answer. */
static void
check_dim(const char *queues)
{
	for (unsigned int i = 0; queues[i] != '\0'; i++)
		UNTIL(info(i).dim == (queues[i] == 'y'));
}

/* By load, where neither driver nor operator has said how long. */
static void
test_dim(void **state)
{
	struct vn_device_conf c;

	(void)state;
	me_up(USUAL_FEATURES);
	check_dim("nnnn");
	unload();
	c = de.dev->conf;
	c.dim = true;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	check_dim("nnnn");
	me_load(USUAL_FEATURES);
	check_dim("yyyy");
	assert_int_equal(info(0).coal_usecs, 0);
	assert_false(info(CTRL).dim);
	me_check_pair(0, 60);

	/* The driver: of one queue; also that it wants none. */
	coal_vq(2, 6, 5);
	check_dim("yyny");
	assert_int_equal(info(2).coal_usecs, 6);
	coal_vq(1, 0, 0);
	check_dim("ynny");

	/* The operator: of receive queues, but for those that the driver has set. */
	c = de.dev->conf;
	c.coal_usecs = 10;
	c.coal_packets = 30;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	check_dim("nnny");
	assert_int_equal(info(0).coal_usecs, 10);
	c.coal_usecs = 0;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	check_dim("ynny");
	me_check_pair(0, 70);

	/* What a driver has set goes with it. */
	unload();
	check_dim("nnnn");
	me_load(USUAL_FEATURES);
	check_dim("yyyy");
	unload();
	c.dim = false;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	me_load(USUAL_FEATURES);
	check_dim("nnnn");
}

/* Frames that a receive queue had no buffer for: counted while it is asked for. */
static void
test_drop_counter(void **state)
{
	struct vn_device_conf c;

	(void)state;
	me_up(USUAL_FEATURES & ~VN_NET_F_MRG_RXBUF);
	c = de.dev->conf;
	assert_int_equal(vn_device_dropped(de.dev), 0);
	c.drop_counter = true;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	UNTIL(fp.queue[0] != NULL);
	me_push(0, 32); /* too small for anything */
	me_send_to(0, de.dev->conf.mac, 0, 1);
	UNTIL(vn_device_dropped(de.dev) == 1);
	c.drop_counter = false;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_int_equal(vn_device_dropped(de.dev), 0);
	c.drop_counter = true;
	assert_int_equal(vn_device_reconf(de.dev, &c), 0);
	assert_int_equal(vn_device_dropped(de.dev), 0);
}

static void
test_need_reset(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	vn_device_need_reset(de.dev);
	assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
	assert_true(me_config_irq());
	unload();
	me_load(USUAL_FEATURES);
	me_check_pair(0, 70);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ME_TEST(test_at_once),
		ME_TEST(test_next_driver),
		ME_TEST(test_resize),
		ME_TEST(test_resize_counted),
		ME_TEST(test_no_pairs),
		ME_TEST(test_rx_mode),
		ME_TEST(test_coal),
		ME_TEST(test_dim),
		ME_TEST(test_drop_counter),
		ME_TEST(test_need_reset),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
