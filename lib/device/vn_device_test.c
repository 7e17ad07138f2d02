/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* A device as a whole: features, config space, port, counters, black box. */

#include "device_test_env.h"

#include <rte_ether.h>

static void
test_create_refused(void **state)
{
	struct vn_device *dev;

	(void)state;
	de.conf.max_queue_pairs = VN_MAX_QUEUE_PAIRS + 1;
	assert_int_equal(vn_device_create(&de.env, &de.conf, &dev), -EINVAL);
	/* No worker lcore in the window. */
	de.conf.max_queue_pairs = 1;
	de.conf.lcore_first = 1;
	assert_int_equal(vn_device_create(&de.env, &de.conf, &dev), -ENODEV);
	assert_int_equal(vn_poller_devices(pe.poller), 0);
	assert_int_equal(fp_calls(FP_OPEN), 0);
	/* The largest. */
	de.conf.lcore_first = 0;
	de.conf.max_queue_pairs = VN_MAX_QUEUE_PAIRS;
	de_create();
	assert_int_equal(de.dev->num_vqs, 255);
	assert_int_equal(vn_poller_devices(pe.poller), 1);
	assert_ptr_equal(vn_device_poller(de.dev), pe.poller);
}

/* virtio 1.2, 5.1.4: all fields little-endian, bytes beyond the structure read as 0. */
static void
test_config(void **state)
{
	static const uint8_t expect[] = {
		2, 1, 2, 3, 4, 5,       /* mac */
		1, 0,                   /* status: link up */
		PAIRS, 0,               /* max_virtqueue_pairs */
		0x28, 0x23,             /* mtu 9000 */
		0xa0, 0x86, 0x01, 0x00, /* speed 100000 */
		1,                      /* duplex: full */
		0, 0, 0, 0, 0, 0, 0,    /* RSS, not offered */
		0, 0, 0, 0, 0, 0, 0, 0, /* beyond */
	};
	uint8_t buf[sizeof(expect) + 1];

	(void)state;
	de.conf.mtu = 9000;
	de_create();
	for (uint32_t offset = 0; offset < sizeof(expect); offset++) {
		for (uint32_t len = 0; len <= sizeof(expect) - offset; len++) {
			memset(buf, 0xee, sizeof(buf));
			vn_device_config_read(de.dev, offset, buf, len);
			assert_memory_equal(buf, expect + offset, len);
			assert_int_equal(buf[len], 0xee);
		}
	}
	memset(buf, 0xee, sizeof(buf));
	vn_device_config_read(de.dev, UINT32_MAX, buf, 4);
	assert_memory_equal(buf, expect + 17, 4);
	vn_device_config_read(de.dev, UINT32_MAX - 2, buf, 8);
	assert_memory_equal(buf, expect + 24, 8);
}

static void
test_features(void **state)
{
	const uint64_t some = VN_F_VERSION_1 | VN_NET_F_CSUM;

	(void)state;
	/* A port that cannot compute checksums for the driver. */
	de.env.port_features = VN_NET_F_GUEST_CSUM;
	fp_hold(FP_OPEN);
	de_create();
	assert_int_equal(de.dev->device_features, FEATURES & ~VN_NET_F_CSUM);
	assert_int_equal(vn_device_set_driver_features(de.dev, some), -EINVAL);
	assert_int_equal(vn_device_set_driver_features(de.dev, UINT64_MAX), -EINVAL);
	assert_int_equal(vn_device_set_driver_features(de.dev, VN_F_RING_PACKED), -EINVAL);
	assert_int_equal(de.dev->driver_features, 0);
	/* Before the port is there: the last word counts. */
	assert_int_equal(vn_device_set_driver_features(de.dev, VN_F_VERSION_1), 0);
	assert_int_equal(
		vn_device_set_driver_features(de.dev, VN_F_VERSION_1 | VN_NET_F_GUEST_CSUM), 0);
	fp_release(FP_OPEN);
	UNTIL(fp_calls(FP_SET_FEATURES) == 1);
	assert_int_equal(fp.features, VN_F_VERSION_1 | VN_NET_F_GUEST_CSUM);
	/* Refused by the port: a warning, the device goes on. */
	fp_fail(FP_SET_FEATURES, -EOPNOTSUPP);
	assert_int_equal(vn_device_set_driver_features(de.dev, VN_F_VERSION_1), 0);
	UNTIL(fp_calls(FP_SET_FEATURES) == 2);
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	assert_int_equal(de.dev->driver_features, VN_F_VERSION_1);
	/* The same again is no job. */
	assert_int_equal(vn_device_set_driver_features(de.dev, VN_F_VERSION_1), 0);
	assert_int_equal(vn_loop_jobs_pending(pe.loop), 0);
	assert_int_equal(vn_device_set_driver_features(de.dev, some), -EINVAL);
	assert_int_equal(de.dev->driver_features, VN_F_VERSION_1);
}

static void
test_port_info(void **state)
{
	(void)state;
	fp_hold(FP_OPEN);
	de_create();
	/* Nothing to look at yet. */
	vn_device_refresh_port(de.dev);
	fp_release(FP_OPEN);
	UNTIL(de_port_settled());
	assert_string_equal(fp.conf.name, "en3f0pf0sf1000");
	assert_string_equal(fp.conf.alias, "dpdk-virtnet TESTVNETS1D0F2");
	assert_int_equal(fp.conf.max_queue_pairs, PAIRS);
	assert_int_equal(fp.conf.mtu, 1500);
	assert_true(fp.conf.link_up);
	assert_string_equal(de.dev->port_info.name, "en3f0pf0sf1000");
	assert_int_equal(de.dev->port_info.ifindex, 1);
	assert_int_equal(fp_calls(FP_GET_INFO), 1);
	fp.adopted = true;
	vn_device_refresh_port(de.dev);
	UNTIL(de.dev->port_info.adopted);
	/* Many changes at once: one look is under way, one more sees them all. */
	fp_hold(FP_GET_INFO);
	for (unsigned int i = 0; i < 10; i++)
		vn_device_refresh_port(de.dev);
	UNTIL(fp_inside(FP_GET_INFO));
	fp.adopted = false;
	fp_release(FP_GET_INFO);
	UNTIL(vn_loop_jobs_pending(pe.loop) == 0);
	assert_int_equal(fp_calls(FP_GET_INFO), 4);
	assert_false(de.dev->port_info.adopted);
	/* The netdev went, and came again. */
	fp_fail(FP_GET_INFO, -ENODEV);
	vn_device_refresh_port(de.dev);
	UNTIL(de.dev->port_info.ifindex == 0);
	assert_string_not_equal(de.dev->port_error, "");
	fp_fail(FP_GET_INFO, 0);
	vn_device_refresh_port(de.dev);
	UNTIL(de.dev->port_info.ifindex == 1);
	assert_string_equal(de.dev->port_error, "");
}

/* The netdev goes at once after it was made: that is an answer, too. */
static void
test_port_gone_at_once(void **state)
{
	(void)state;
	fp_fail(FP_GET_INFO, -ENODEV);
	de_create();
	UNTIL(de_port_settled());
	assert_int_equal(de.dev->port_info.ifindex, 0);
	assert_string_not_equal(de.dev->port_error, "");
}

static void
test_size_classes(void **state)
{
	uint64_t sum = 0;

	(void)state;
	de_begin();
	de_start(0);
	de_start(1);
	de_check_pair(0, 1);
	for (unsigned int i = 0; i < RTE_DIM(de.dev->vq[0].stats.size_class); i++)
		assert_int_equal(de.dev->vq[0].stats.size_class[i], 0);
	/* While it runs, and for a ring that comes later. */
	vn_device_set_count_sizes(de.dev, true);
	de_start(2);
	de_start(3);
	de_check_pair(0, 1);
	de_check_pair(0, 2);
	de_check_pair(1, 3);
	for (unsigned int i = 0; i < RTE_DIM(de.dev->vq[0].stats.size_class); i++)
		sum += de.dev->vq[0].stats.size_class[i];
	assert_int_equal(sum, 2);
	/* A frame of 60 bytes. */
	assert_int_equal(de.dev->vq[0].stats.size_class[0], 2);
	assert_int_equal(de.dev->vq[2].stats.size_class[0], 1);
	vn_device_set_count_sizes(de.dev, false);
	de_stop(2);
	de_check_pair(0, 1);
	assert_int_equal(de.dev->vq[0].stats.size_class[0], 2);
	assert_false(de.dev->count_sizes);
	assert_int_equal(de.dev->vq[0].stats.size_class[0], 2);
	/* Anew. */
	vn_device_set_count_sizes(de.dev, true);
	UNTIL(__atomic_load_n(&de.dev->vq[0].stats.size_class[0], __ATOMIC_RELAXED) == 0);
}

static void
test_announce(void **state)
{
	static const uint8_t mac[VN_MAC_LEN] = {2, 9, 9, 9, 9, 9};
	uint8_t buf[128];
	ssize_t len;

	(void)state;
	de_begin();
	/* Without a port queue there is nobody to tell. */
	vn_device_announce(de.dev, mac);
	de_start(0);
	vn_device_announce(de.dev, mac);
	UNTIL((len = recv(fp.queue[0]->peer, buf, sizeof(buf), 0)) > 0);
	assert_true(len >= (ssize_t)(sizeof(struct vn_net_hdr) + RTE_ETHER_HDR_LEN + 28));
	for (unsigned int i = 0; i < sizeof(struct vn_net_hdr); i++)
		assert_int_equal(buf[i], 0);
	/* Broadcast, from that address, RARP. */
	assert_memory_equal(buf + 12, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(buf + 18, mac, 6);
	assert_memory_equal(buf + 24, "\x80\x35", 2);
}

/* The state of a black box as a crash at this moment leaves it. */
static void
copy_file(const char *from, const char *to)
{
	char buf[4096];
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	size_t n;

	assert_true(in != NULL && out != NULL);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		assert_int_equal(fwrite(buf, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

static void
test_blackbox(void **state)
{
	static char dir[] = "/tmp/vn_device_test.XXXXXX";
	char live[64], crashed[64];
	uint32_t tag;
	bool fresh;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(live, sizeof(live), "%s/live", dir);
	snprintf(crashed, sizeof(crashed), "%s/crashed", dir);
	assert_int_equal(vn_blackbox_open(live, 32, &de.env.bb, &fresh), 0);
	assert_true(fresh);
	de_begin();
	de_start(0);
	de_start(1);
	for (unsigned int i = 0; i < 5; i++)
		de_check_pair(0, 10 * i);
	copy_file(live, crashed);
	/* The driver goes on while nobody is there. */
	assert_int_equal(de_stop(1), 5);
	assert_int_equal(de_stop(0), 5);
	guest_send(&de.guest, 1, 1000);
	de_destroy(VN_PORT_KEEP);
	vn_blackbox_close(de.env.bb, true);

	/* The next life: the peer's idea of the position is an old one. */
	assert_int_equal(vn_blackbox_open(crashed, 32, &de.env.bb, &fresh), 0);
	assert_false(fresh);
	de_begin();
	assert_int_equal(de_try_start(1, 2), 0);
	assert_int_equal(de_try_start(0, 0), 0);
	assert_int_equal(de.dev->vq[1].setup.start, 5);
	assert_int_equal(de.dev->vq[0].setup.start, 5);
	UNTIL(fp.queue[0] != NULL && fp_recv(fp.queue[0], &tag) >= 0);
	assert_int_equal(tag, 1000);
	UNTIL(guest_used_idx(&de.guest, 1) == 6);
	de_check_pair(0, 1);
	/* A clean stop is no crash: from now on the peer's position counts. */
	assert_int_equal(de_stop(1), 7);
	assert_int_equal(de_try_start(1, 6), 0);
	assert_int_equal(de.dev->vq[1].setup.start, 6);
	UNTIL(de.dev->vq[1].state == VN_VQ_RUNNING);
	de_destroy(VN_PORT_REMOVE);
	/* Removed for good: all its records are free again. */
	for (unsigned int i = 0; i < 32; i++)
		assert_non_null(vn_blackbox_ring(de.env.bb, "ANOTHER", i));
	assert_null(vn_blackbox_ring(de.env.bb, "ANOTHER", 32));
	vn_blackbox_close(de.env.bb, true);
	assert_int_equal(rmdir(dir), 0);
}

/* Another ring than the one that was live when the process died begins where the peer says. */
static void
test_blackbox_other_ring(void **state)
{
	static char dir[] = "/tmp/vn_device_test.XXXXXX";
	char live[64], crashed[64];
	struct vn_vq_setup setup;
	bool fresh;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(live, sizeof(live), "%s/live", dir);
	snprintf(crashed, sizeof(crashed), "%s/crashed", dir);
	assert_int_equal(vn_blackbox_open(live, 32, &de.env.bb, &fresh), 0);
	de_begin();
	de_start(0);
	de_start(1);
	de_check_pair(0, 1);
	copy_file(live, crashed);
	de_destroy(VN_PORT_KEEP);
	vn_blackbox_close(de.env.bb, true);
	assert_int_equal(vn_blackbox_open(crashed, 32, &de.env.bb, &fresh), 0);
	de_begin();
	setup = guest_setup(&de.guest, 1, 0);
	setup.size = RING_SIZE / 2;
	assert_int_equal(vn_device_vq_start(de.dev, 1, &setup), 0);
	assert_int_equal(de.dev->vq[1].setup.start, 0);
	setup = guest_setup(&de.guest, 2, 7);
	assert_int_equal(vn_device_vq_start(de.dev, 0, &setup), 0);
	assert_int_equal(de.dev->vq[0].setup.start, 7);
	de_destroy(VN_PORT_KEEP);
	vn_blackbox_close(de.env.bb, true);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DE_TEST(test_create_refused),
		DE_TEST(test_config),
		DE_TEST(test_features),
		DE_TEST(test_port_info),
		DE_TEST(test_port_gone_at_once),
		DE_TEST(test_size_classes),
		DE_TEST(test_announce),
		DE_TEST(test_blackbox),
		DE_TEST(test_blackbox_other_ring),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
