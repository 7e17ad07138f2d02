/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The documents: bit sets, error numbers, and what the builders make of states of a device. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl_fake.h"
#include "ctl_show.h"
#include "vn_errors.h"
#include "vn_features.h"

/* The published masks decode to the published bits (contract 8.11). */
static void
feature_masks(void **state)
{
	static const struct {
		uint64_t mask;
		const char *bits;
	} vec[] = {
		{UINT64_C(0x8b00037700ef982f), "0 1 2 3 5 11 12 15 16 17 18 19 21 22 23 32 33 34 "
					       "36 37 38 40 41 56 57 59 63 "},
		{UINT64_C(0x8930032300ef182f),
			"0 1 2 3 5 11 12 16 17 18 19 21 22 23 32 33 37 40 41 52 53 56 59 63 "},
		{UINT64_C(0x8000002300ef182f), "0 1 2 3 5 11 12 16 17 18 19 21 22 23 32 33 37 63 "},
		{UINT64_C(0x8900010300e7182f),
			"0 1 2 3 5 11 12 16 17 18 21 22 23 32 33 40 56 59 63 "},
		{UINT64_C(0x8900010300e7982f),
			"0 1 2 3 5 11 12 15 16 17 18 21 22 23 32 33 40 56 59 63 "},
	};
	char bits[256], value[24];
	const char *key;
	json_t *set, *name;
	unsigned int i;
	size_t n;

	RTE_SET_USED(state);
	for (i = 0; i < RTE_DIM(vec); i++) {
		set = ctl_bits(vec[i].mask, vn_feature_name);
		n = 0;
		json_object_foreach (set, key, name) {
			assert_string_not_equal(json_string_value(name), "UNKNOWN");
			if (strcmp(key, "value") == 0)
				continue;
			assert_int_equal(strlen(key), 5);
			n += snprintf(bits + n, sizeof(bits) - n, "%d ", atoi(key));
		}
		assert_string_equal(bits, vec[i].bits);
		snprintf(value, sizeof(value), "0x%llx", (unsigned long long)vec[i].mask);
		assert_string_equal(json_string_value(json_object_get(set, "value")), value);
		assert_string_equal(json_string_value(json_object_get(set, "   63")),
			"VIRTIO_NET_F_SPEED_DUPLEX");
		json_decref(set);
	}
	set = ctl_bits(0, vn_feature_name);
	assert_int_equal(json_object_size(set), 1);
	json_decref(set);
	set = ctl_bits(0x10, vn_feature_name);
	assert_string_equal(json_string_value(json_object_get(set, "    4")), "UNKNOWN");
	json_decref(set);
}

static void
error_numbers(void **state)
{
	RTE_SET_USED(state);
	assert_int_equal(VIRTNET_ERR_FEATURES_CHECK, -1000);
	assert_int_equal(VIRTNET_ERR_DRIVER_LOADED, -1004);
	assert_int_equal(VIRTNET_ERR_DEBUGFS_DELETE, -1075);
	assert_string_equal(vn_error_text(-1004), "Failed - Virtio driver should not be loaded");
	assert_string_equal(vn_error_text(-1010), "Failed - MTU is invalid");
	assert_string_equal(vn_error_text(-1065),
		"Error - Device is not ready to be unplugged please check host and retry");
	assert_string_equal(vn_error_name(-1010), "VIRTNET_ERR_MTU");
	assert_string_equal(vn_error_text(0), "Success");
	assert_string_equal(vn_error_text(-ENOENT), "No such file or directory");
	assert_string_equal(vn_error_text(-999), "Unknown error");
	assert_string_equal(vn_error_text(-1076), "Unknown error");
	assert_string_equal(vn_error_text(INT32_MIN), "Unknown error");
	assert_string_equal(vn_error_text(5), "Unknown error");
	assert_null(vn_error_name(-5));
	assert_null(vn_error_name(-1076));
}

/* The prefix of every text, row by row (contract 6). */
static void
error_prefixes(void **state)
{
	static const char failed[] = " 3 4 5 7 8 9 10 11 34 39 42 74 ", error[] = " 43 58 66 ";
	static const char warning[] = " 44 ", none[] = " 45 47 49 50 51 52 53 54 ";
	char word[16];
	int row;

	RTE_SET_USED(state);
	for (row = 1; row <= VN_ERRORS_ROWS; row++) {
		const char *text = vn_error_text(-999 - row);

		snprintf(word, sizeof(word), " %d ", row);
		if (strstr(failed, word) != NULL)
			assert_memory_equal(text, "Failed - ", 9);
		else if (strstr(error, word) != NULL)
			assert_memory_equal(text, "Error - ", 8);
		else if (strstr(warning, word) != NULL)
			assert_memory_equal(text, "Warning - ", 10);
		else if (strstr(none, word) != NULL)
			assert_true(strncmp(text, "Failed", 6) != 0);
		else
			assert_memory_equal(text, "Failed to ", 10);
	}
}

static const char *
text(const json_t *doc, const char *key)
{
	const char *s = json_string_value(json_object_get(doc, key));

	if (s == NULL)
		fail_msg("%s is no string", key);
	return s;
}

/** All keys of an object, each followed by a blank. */
static const char *
keys(json_t *doc)
{
	static char buf[4096];
	const char *key;
	json_t *value;
	size_t n = 0;

	buf[0] = '\0';
	json_object_foreach (doc, key, value)
		n += snprintf(buf + n, sizeof(buf) - n, "%s ", key);
	return buf;
}

static void
device_states(void **state)
{
	struct fake *f = fake_create("vf");
	struct vn_device *dev = f->device[1];
	struct ctl_query what = {.queue = -1, .brief = true};
	json_t *d;

	RTE_SET_USED(state);
	/* A PF counts its VFs; the capacity settings say how many it may have. */
	f->ctrl.capacity.current[VN_CAP_NUM_VF] = 126;
	d = ctl_show_list(&f->ctrl, f->device[0]);
	assert_string_equal(text(d, "enabled_vfs"), "1");
	assert_string_equal(text(d, "pci_max_vfs"), "126");
	json_decref(d);
	f->ctrl.capacity.current[VN_CAP_SRIOV_EN] = 0;
	f->device[0]->conf.type = VN_HOTPLUG_PF;
	d = ctl_show_list(&f->ctrl, f->device[0]);
	assert_string_equal(text(d, "pci_max_vfs"), "0");
	assert_string_equal(text(d, "function_type"), "hotplug PF");
	assert_non_null(json_object_get(d, "qp_pool_size"));
	json_decref(d);

	/* A VF has no pools. */
	d = ctl_show_list(&f->ctrl, dev);
	assert_null(json_object_get(d, "qp_pool_size"));
	assert_string_equal(text(d, "pci_max_vfs"), "0");
	json_decref(d);

	/* Reset under way: status 0 and a ring that is still with its poller. */
	d = ctl_show_query(&f->ctrl, dev, &what);
	assert_string_equal(text(d, "reset"), "0");
	assert_string_equal(text(d, "enabled"), "1");
	assert_null(json_object_get(d, "enabled-queues-info"));
	json_decref(d);
	dev->status = 0;
	dev->vq[3].state = VN_VQ_STOPPING;
	dev->host_attached = false;
	d = ctl_show_query(&f->ctrl, dev, &what);
	assert_string_equal(text(d, "reset"), "1");
	assert_string_equal(text(d, "enabled"), "0");
	json_decref(d);

	/* What is wrong with a device is said. */
	dev->broken = true;
	dev->broken_why = "avail-index";
	dev->status = VN_STATUS_NEEDS_RESET | VN_STATUS_FAILED;
	dev->link_up = false;
	d = ctl_show_query(&f->ctrl, dev, &what);
	assert_string_equal(text(d, "problem"), "avail-index");
	assert_string_equal(text(d, "link_status"), "0");
	assert_string_equal(text(json_object_get(d, "status"), "    6"), "DEVICE_NEEDS_RESET");
	assert_string_equal(text(json_object_get(d, "status"), "    7"), "FAILED");
	json_decref(d);
	/* Text that is not UTF-8 does no harm. */
	strcpy(dev->port_error, "tap \xff\xfe: no");
	d = ctl_show_query(&f->ctrl, dev, &what);
	assert_string_equal(text(d, "problem"), "tap ??: no");
	json_decref(d);
	fake_destroy(f);
}

static void
half_made_device(void **state)
{
	struct fake *f = fake_create("list");
	struct vn_device *dev = f->device[0];
	struct ctl_query what = {.queue = -1, .dbg = true};
	json_t *d;

	RTE_SET_USED(state);
	/* No transport, no port, no netdev yet. */
	dev->transport = NULL;
	dev->endpoint = NULL;
	{
		static const struct vn_port_ops internal = {.kind = "internal"};

		/* Without a netdev there is no representor, whatever it would be called. */
		dev->env.port_ops = &internal;
		dev->port_info = (struct vn_port_info){.ready = true};
		d = ctl_show_query(&f->ctrl, dev, &what);
		assert_string_equal(text(d, "sf_rep_net_device"), "");
		assert_int_equal(json_integer_value(json_object_get(d, "sf_rep_net_ifindex")), 0);
		assert_string_equal(text(d, "port"), "internal");
		assert_string_equal(text(d, "problem"), "");
		json_decref(d);
	}
	dev->env.port_ops = NULL;
	dev->port_info.ifindex = -1;
	d = ctl_show_query(&f->ctrl, dev, &what);
	assert_string_equal(text(d, "transport"), "");
	assert_string_equal(text(d, "socket"), "");
	assert_int_equal(json_integer_value(json_object_get(d, "sf_rep_net_ifindex")), 0);
	assert_int_equal(json_array_size(json_object_get(d, "enabled-queues-info")), 0);
	json_decref(d);
	d = ctl_show_debug(dev);
	assert_true(json_is_null(json_object_get(d, "poller")));
	json_decref(d);
	d = ctl_show_pollers(NULL);
	assert_int_equal(json_array_size(d), 0);
	json_decref(d);
	fake_destroy(f);
}

/* A whole function shows what its driver wrote into its registers. */
static void
whole_function(void **state)
{
	struct fake *f = fake_create("full");
	struct vn_device *dev = f->device[0];
	struct ctl_query what = {.queue = -1};
	const struct vn_model_info model = fake_model;
	json_t *d, *q;

	RTE_SET_USED(state);
	fake_model.config_vector = 0x2a;
	dev->device_features |= VN_NET_F_RSS;
	fake_set_mac(dev->ctrl_mac, "02:aa:bb:cc:dd:ee");
	dev->ctrl_mq = 3;
	dev->vq[62].msix_vector = 0x3f;
	d = ctl_show_query(&f->ctrl, dev, &what);
	assert_string_equal(text(d, "msix_config_vector"), "0x2A");
	assert_string_equal(text(d, "rss_max_key_size"), "40");
	assert_string_equal(text(d, "supported_hash_types"), "0x1ff");
	assert_string_equal(text(d, "ctrl_mac"), "02:AA:BB:CC:DD:EE");
	assert_string_equal(text(d, "ctrl_mq"), "3");
	assert_string_equal(text(d, "enabled_queues"), "63");
	q = json_object_get(d, "enabled-queues-info");
	assert_int_equal(json_array_size(q), 63);
	/* The driver sets moderation ring by ring, and the control queue's doorbell lies apart. */
	assert_string_equal(text(json_array_get(q, 0), "rq_cq_max_count"), "10");
	assert_string_equal(text(json_array_get(q, 0), "rq_cq_period"), "30");
	assert_string_equal(text(json_array_get(q, 0), "rq_cq_period_mode"), "1");
	assert_string_equal(text(json_array_get(q, 1), "rq_cq_max_count"), "0");
	assert_string_equal(text(json_array_get(q, 61), "notify_offset"), "61");
	assert_string_equal(text(json_array_get(q, 62), "notify_offset"), "1024");
	assert_string_equal(text(json_array_get(q, 62), "msix_vector"), "0x3F");
	json_decref(d);

	/* Until a reset has ended its driver sees the status of before. */
	what.brief = true;
	fake_model.resetting = true;
	d = ctl_show_query(&f->ctrl, dev, &what);
	assert_string_equal(text(d, "reset"), "1");
	assert_string_equal(text(d, "enabled"), "0");
	assert_string_equal(text(json_object_get(d, "status"), "value"), "0xf");
	json_decref(d);
	fake_model = model;
	fake_destroy(f);
}

static uint64_t
number(const json_t *doc, const char *key)
{
	const json_t *n = json_object_get(doc, key);

	if (!json_is_integer(n))
		fail_msg("%s is no number", key);
	return json_integer_value(n);
}

static void
debug_function(void **state)
{
	struct fake *f = fake_create("full");
	json_t *d, *part;

	RTE_SET_USED(state);
	d = ctl_show_debug(f->device[0]);
	part = json_object_get(d, "transport");
	assert_int_equal(number(part, "messages"), 77);
	assert_int_equal(number(part, "replies_waiting"), 2);
	assert_int_equal(number(part, "mem_files"), 1);
	assert_int_equal(number(part, "refused"), 4);
	assert_true(json_is_false(json_object_get(part, "kept")));
	part = json_object_get(d, "function");
	assert_string_equal(text(part, "doorbell"), "event");
	assert_int_equal(number(part, "control_commands"), 9);
	assert_int_equal(number(part, "control_commands_ok"), 8);
	part = json_object_get(part, "receive");
	assert_true(json_is_false(json_object_get(part, "promisc")));
	assert_true(json_is_true(json_object_get(part, "allmulti")));
	assert_int_equal(number(part, "multicast_macs"), 3);
	assert_string_equal(text(part, "hash_types"), "0x3f");
	assert_int_equal(number(part, "filtered"), 11);
	assert_int_equal(number(part, "stay_dropped"), 14);
	assert_int_equal(
		number(json_array_get(json_object_get(d, "rings"), 62), "notifications"), 1062);
	json_decref(d);
	/* Rings only: the VMM has the rest. */
	f->device[0]->transport = &fake_transport;
	d = ctl_show_debug(f->device[0]);
	assert_true(json_is_null(json_object_get(d, "function")));
	assert_null(json_object_get(json_object_get(d, "transport"), "messages"));
	json_decref(d);
	fake_destroy(f);
}

#define QUEUE_KEYS                                                                  \
	"received_desc completed_desc bad_desc_errors error_cqes exceed_max_chain " \
	"invalid_buffer batch_number dma_q_used_number handler_schd_number "        \
	"aux_handler_schd_number max_post_desc_number total_bytes "
#define MODERATION_KEYS "rq_cq_max_count rq_cq_period rq_cq_period_mode "
#define SIZE_KEYS                                                                             \
	"rx_64_or_less_octet_packets rx_65_to_127_octet_packets rx_128_to_255_octet_packets " \
	"rx_256_to_511_octet_packets rx_512_to_1023_octet_packets "                           \
	"rx_1024_to_1522_octet_packets rx_1523_to_2047_octet_packets "                        \
	"rx_2048_to_4095_octet_packets rx_4096_to_8191_octet_packets "                        \
	"rx_8192_to_9022_octet_packets "

static void
queues(void **state)
{
	struct fake *f = fake_create("stats");
	struct vn_device *dev = f->device[0];
	struct ctl_query what = {.queue = -1};
	struct ctl_dbg base[63] = {[5] = {.packets = 50, .interrupts = 1000}};
	json_t *d, *q;

	RTE_SET_USED(state);
	/* RX, TX and control queue. */
	d = ctl_show_stats(dev, -1);
	q = json_object_get(d, "queues-stats");
	assert_int_equal(json_array_size(q), 63);
	assert_string_equal(keys(json_array_get(q, 0)),
		"VQ Index " SIZE_KEYS QUEUE_KEYS "err_handler_schd_num " MODERATION_KEYS);
	assert_string_equal(keys(json_array_get(q, 1)),
		"VQ Index " QUEUE_KEYS "err_handler_schd_num " MODERATION_KEYS);
	assert_string_equal(keys(json_array_get(q, 62)),
		"VQ Index " QUEUE_KEYS "err_handler_schd_num " MODERATION_KEYS);
	assert_string_equal(text(json_array_get(q, 0), "error_cqes"), "0");
	assert_string_equal(text(json_array_get(q, 1), "error_cqes"), "3");
	assert_string_equal(text(json_array_get(q, 62), "error_cqes"), "0");
	assert_string_equal(text(json_array_get(q, 7), "dma_q_used_number"), "3");
	json_decref(d);

	/* One queue, also one that does not run. */
	dev->vq[9].state = VN_VQ_STOPPED;
	what.queue = 9;
	d = ctl_show_queues(dev, &what);
	assert_int_equal(json_array_size(d), 1);
	assert_string_equal(text(json_array_get(d, 0), "index"), "9");
	assert_string_equal(text(json_array_get(d, 0), "enable"), "0");
	json_decref(d);
	what.queue = -1;
	d = ctl_show_queues(dev, &what);
	assert_int_equal(json_array_size(d), 62);
	assert_string_equal(keys(json_array_get(d, 0)),
		"index size msix_vector enable notify_offset descriptor_address driver_address "
		"device_address " QUEUE_KEYS MODERATION_KEYS);
	json_decref(d);

	/* Debug counters count from the base, and from 0 when the device is a new one. */
	what.queue = 5;
	what.dbg = true;
	what.base = base;
	d = ctl_show_queues(dev, &what);
	q = json_array_get(d, 0);
	assert_string_equal(text(q, "packets"), "10");
	assert_string_equal(text(q, "interrupts"), "5");
	assert_int_equal(json_integer_value(json_object_get(q, "jumbo_mtu")), 0);
	json_decref(d);
	dev->conf.mtu = 9216;
	d = ctl_show_queues(dev, &what);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(d, 0), "jumbo_mtu")), 1);
	json_decref(d);
	what.queue = 62;
	d = ctl_show_queues(dev, &what);
	assert_null(json_object_get(json_array_get(d, 0), "jumbo_mtu"));
	json_decref(d);
	fake_destroy(f);
}

static void
rdma_address(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../x", "a/b", "nosuchdevice_0"};
	char buf[CTL_PCI_ADDR_LEN];
	unsigned int i;

	RTE_SET_USED(state);
	for (i = 0; i < RTE_DIM(bad); i++) {
		ctl_rdma_pci_addr(bad[i], buf);
		assert_string_equal(buf, "0000:00:00.0");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feature_masks),
		cmocka_unit_test(error_numbers),
		cmocka_unit_test(error_prefixes),
		cmocka_unit_test(device_states),
		cmocka_unit_test(half_made_device),
		cmocka_unit_test(whole_function),
		cmocka_unit_test(debug_function),
		cmocka_unit_test(queues),
		cmocka_unit_test(rdma_address),
	};

	return cmocka_run_group_tests_name("ctl_show", tests, NULL, NULL);
}
