/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Records and their text. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recovery_private.h"

#define SERIAL  "MT2151X03152"
#define HOTPLUG SERIAL "VNETS1D0F0"
#define STATIC  SERIAL "VNETS0D0F2"

static struct vn_recovery_record rec, out;
static char err[256];

static void
fill(enum vn_function_type type)
{
	memset(&rec, 0, sizeof(rec));
	rec.conf = (struct vn_device_conf){
		.type = type,
		.bdf = 57611,
		.mac = {0x0c, 0xc4, 0x7a, 0xff, 0x22, 0x93},
		.features = UINT64_C(0x8b00037700ef982f),
		.num_msix = 4,
		.num_queues = 3,
		.max_queue_pairs = 1,
		.max_queue_size = 1024,
		.mtu = 1500,
		.speed = 100000,
		.sf_num = 2000,
		.ib_dev = "mlx5_0",
	};
	snprintf(rec.conf.vuid, sizeof(rec.conf.vuid), "%s",
		type == VN_HOTPLUG_PF ? HOTPLUG : STATIC);
	rec.mq = 3;
	strcpy(rec.boot_id, "12345678-0000-0000-0000-123456789abc");
	strcpy(rec.transport, "vfio-user");
}

static int
parse(const char *name, const char *text)
{
	err[0] = '\0';
	return vn_recovery_parse(name, text, strlen(text), &out, err, sizeof(err));
}

static void
round_trip(const struct vn_device_conf *base)
{
	char *text = vn_recovery_format(&rec, base);

	assert_non_null(text);
	assert_true(strlen(text) < RECOVERY_MAX_FILE);
	if (parse(rec.conf.vuid, text) != 0)
		fail_msg("%s: %s", err, text);
	free(text);
}

/* The contract's example, byte for byte, is how ours begin. */
static void
test_contract(void **state)
{
	static const char want[] = "{\n"
				   " \"port_ib_dev\": \"mlx5_0\",\n"
				   " \"pf_id\": 0,\n"
				   " \"function_type\": \"pf\",\n"
				   " \"bdf_raw\": 57611,\n"
				   " \"device_type\": \"hotplug\",\n"
				   " \"mac\": \"0c:c4:7a:ff:22:93\",\n"
				   " \"pf_num\": 0,\n"
				   " \"sf_num\": 2000,\n"
				   " \"mq\": 3,\n"
				   " \"version\": 1,\n";
	char *text;

	(void)state;
	fill(VN_HOTPLUG_PF);
	text = vn_recovery_format(&rec, NULL);
	assert_non_null(text);
	assert_int_equal(strncmp(text, want, strlen(want)), 0);
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
}

static void
test_vf_keys(void **state)
{
	char *text;

	(void)state;
	fill(VN_VF);
	rec.conf.vf_id = 6;
	strcpy(rec.conf.vuid, STATIC "VF7");
	text = vn_recovery_format(&rec, &rec.conf);
	assert_non_null(text);
	assert_non_null(strstr(text, " \"pf_id\": 0,\n \"vf_id\": 6,\n \"function_type\": \"vf\""));
	assert_null(strstr(text, "device_type"));
	free(text);
	round_trip(&rec.conf);
	assert_int_equal(out.conf.type, VN_VF);
	assert_int_equal(out.conf.vf_id, 6);
}

/* Every setting comes back, whatever it is. */
static void
test_settings(void **state)
{
	struct vn_device_conf dc = {.max_queue_size = 4, .num_queues = 3, .max_queue_pairs = 1};

	(void)state;
	fill(VN_HOTPLUG_PF);
	for (unsigned int i = 0; i < recovery_n_settings; i++) {
		const struct setting *s = &recovery_setting[i];

		if (s->kind == SETTING_MAC || strcmp(s->name, "max_queue_size") == 0 ||
			strcmp(s->name, "num_queues") == 0)
			continue;
		setting_set(s, &rec.conf, s->max);
	}
	rec.conf.num_queues = 255;
	rec.conf.pf_id = 5;
	round_trip(NULL);
	assert_true(out.ours);
	assert_int_equal(vn_recovery_apply(&out, &dc), 0);
	for (unsigned int i = 0; i < recovery_n_settings; i++) {
		if (!setting_equal(&recovery_setting[i], &rec.conf, &dc))
			fail_msg("%s", recovery_setting[i].name);
	}
	assert_int_equal(dc.pf_id, 5);
	assert_int_equal(dc.sf_num, 2000);
	assert_string_equal(dc.ib_dev, "mlx5_0");
	assert_string_equal(out.transport, "vfio-user");
	assert_string_equal(out.boot_id, rec.boot_id);
}

/* Of a static PF only what was modified counts: the configuration may have changed meanwhile. */
static void
test_modified(void **state)
{
	struct vn_device_conf base, dc;

	(void)state;
	fill(VN_STATIC_PF);
	base = rec.conf;
	rec.conf.mtu = 9000;
	rec.conf.link_down = true;
	rec.num_vfs = 7;
	rec.msix_pool = 3;
	rec.qp_pool = 4;
	round_trip(&base);
	assert_int_equal(__builtin_popcountll(out.modified), 2);
	assert_int_equal(out.num_vfs, 7);
	assert_int_equal(out.msix_pool, 3);
	assert_int_equal(out.qp_pool, 4);
	dc = base;
	dc.mac[5] = 1;
	dc.speed = 25000;
	assert_int_equal(vn_recovery_apply(&out, &dc), 0);
	assert_int_equal(dc.mtu, 9000);
	assert_true(dc.link_down);
	assert_int_equal(dc.mac[5], 1);
	assert_int_equal(dc.speed, 25000);
}

/* Sizes that were possible each, and do not fit each other. */
static void
test_apply_refuses(void **state)
{
	struct vn_device_conf dc;

	(void)state;
	fill(VN_HOTPLUG_PF);
	dc = rec.conf;
	rec.conf.max_queue_size = 1000;
	round_trip(NULL);
	assert_int_equal(vn_recovery_apply(&out, &dc), -EINVAL);
	assert_int_equal(dc.max_queue_size, 1024);
	fill(VN_HOTPLUG_PF);
	rec.conf.max_queue_pairs = 2;
	round_trip(NULL);
	assert_int_equal(vn_recovery_apply(&out, &dc), -EINVAL);
	fill(VN_HOTPLUG_PF);
	/* An operator may leave none (modify device -qp 0). */
	rec.conf.max_queue_pairs = 0;
	rec.conf.num_queues = 1;
	round_trip(NULL);
	assert_int_equal(vn_recovery_apply(&out, &dc), 0);
}

static void
test_driver(void **state)
{
	struct vn_rx_state *rx = &rec.driver.rx;

	(void)state;
	fill(VN_HOTPLUG_PF);
	rec.has_driver = true;
	rec.driver.mode[1] = rec.driver.mode[5] = 1;
	rec.driver.mac_set = rec.driver.multi_overflow = true;
	rec.driver.offloads = VN_NET_HASH_ALL;
	memcpy(rx->mac, "\2\1\2\3\4\5", 6);
	rx->n_uni = 100;
	rx->n_multi = VN_RX_MACS - 100;
	for (unsigned int i = 0; i < VN_RX_MACS; i++)
		memset(rx->table[i], (int)i, 6);
	memset(rx->vlan, 0xff, sizeof(rx->vlan));
	rx->filter_vlan = rx->rss = rx->hash_report = 1;
	rx->queue_pairs = 7;
	rx->unclassified = 3;
	rx->hash_types = VN_NET_HASH_ALL;
	rx->key_len = VN_NET_RSS_KEY_SIZE;
	memset(rx->key, 0xa5, sizeof(rx->key));
	rx->table_len = VN_NET_RSS_TABLE_SIZE;
	for (unsigned int i = 0; i < VN_NET_RSS_TABLE_SIZE; i++)
		rx->indirection[i] = i % 7;
	round_trip(NULL);
	assert_true(out.has_driver);
	assert_memory_equal(&out.driver, &rec.driver, sizeof(rec.driver));
	/* What a reset leaves. */
	memset(&rec.driver, 0, sizeof(rec.driver));
	rec.driver.mode[0] = 1;
	rx->queue_pairs = 1;
	round_trip(NULL);
	assert_memory_equal(&out.driver, &rec.driver, sizeof(rec.driver));
}

/* A file of the reference product is accepted as far as it goes. */
static void
test_foreign(void **state)
{
	static const char text[] =
		"{ \"port_ib_dev\": \"mlx5_0\", \"pf_id\": 0, \"function_type\": \"pf\", "
		"\"bdf_raw\": 57611, \"device_type\": \"hotplug\", \"mac\": "
		"\"0c:c4:7a:ff:22:93\", \"pf_num\": 0, \"sf_num\": 2000, \"mq\": 3 }";
	struct vn_device_conf dc = {.mtu = 1500, .max_queue_size = 256, .num_queues = 63};

	(void)state;
	assert_int_equal(parse(HOTPLUG, text), 0);
	assert_false(out.ours);
	assert_int_equal(vn_recovery_apply(&out, &dc), 0);
	assert_int_equal(dc.mtu, 1500);
	assert_int_equal(dc.max_queue_size, 256);
	assert_int_equal(dc.num_queues, 3);
	assert_int_equal(dc.max_queue_pairs, 1);
	assert_int_equal(dc.num_msix, 4);
	assert_int_equal(dc.mac[5], 0x93);
	assert_int_equal(dc.sf_num, 2000);
	/* It is not the file of every device. */
	assert_int_equal(parse(STATIC, text), -EINVAL);
	assert_non_null(strstr(err, "another device"));
	assert_int_equal(parse(STATIC "VF1", text), -EINVAL);
	assert_int_equal(parse("README", text), -EINVAL);
}

/* Each key with values that it cannot have; cut off anywhere; any byte changed. */
static void
test_wrong(void **state)
{
	static const char *const wrong[] = {"null", "-1", "1e9", "99999999999999999999", "\"\"",
		"[]", "{}", "true", "\"0xzz\"", "\"a\\u0001b\"", "[[[[1]]]]", "\"00:00:00:00:00\""};
	const char *key;
	json_t *o, *v;
	char *text, *bad;
	size_t len;
	int ok = 0;

	(void)state;
	fill(VN_STATIC_PF);
	rec.has_driver = true;
	rec.driver.rx.queue_pairs = 1;
	text = vn_recovery_format(&rec, &rec.conf);
	assert_non_null(text);
	len = strlen(text);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	json_object_foreach (o, key, v) {
		for (unsigned int i = 0; i < RTE_DIM(wrong); i++) {
			json_t *copy = json_copy(o);

			json_object_set_new(copy, key, json_loads(wrong[i], JSON_DECODE_ANY, NULL));
			bad = json_dumps(copy, 0);
			ok += parse(STATIC, bad) == 0;
			free(bad);
			json_decref(copy);
		}
	}
	json_object_foreach (json_object_get(o, "driver"), key, v) {
		for (unsigned int i = 0; i < RTE_DIM(wrong); i++) {
			json_t *copy = json_deep_copy(o);

			json_object_set_new(json_object_get(copy, "driver"), key,
				json_loads(wrong[i], JSON_DECODE_ANY, NULL));
			bad = json_dumps(copy, 0);
			ok += parse(STATIC, bad) == 0;
			free(bad);
			json_decref(copy);
		}
	}
	json_decref(o);
	/* Cut off behind its last brace it is whole. */
	for (size_t i = 0; i + 2 < len; i++) {
		assert_int_equal(
			vn_recovery_parse(STATIC, text, i, &out, err, sizeof(err)), -EINVAL);
		assert_true(err[0] != '\0');
	}
	for (size_t i = 0; i < len; i++) {
		const char was = text[i];

		for (unsigned int b = 0; b < 8; b++) {
			text[i] = (char)(was ^ (1 << b));
			ok += vn_recovery_parse(STATIC, text, len, &out, err, sizeof(err)) == 0;
		}
		text[i] = was;
	}
	print_message("%d of them were taken\n", ok);
	free(text);
}

static void
test_version(void **state)
{
	char *text, *at;

	(void)state;
	fill(VN_STATIC_PF);
	text = vn_recovery_format(&rec, &rec.conf);
	at = strstr(text, "\"version\": 1");
	assert_non_null(at);
	at[strlen("\"version\": ")] = '2';
	assert_int_equal(parse(STATIC, text), -EINVAL);
	assert_non_null(strstr(err, "version"));
	free(text);
}

static void
test_names(void **state)
{
	static const char *const wrong[] = {"", "VNETS0D0F2", SERIAL, SERIAL "VNETS", STATIC "VF",
		STATIC "VF0", STATIC "V", STATIC ".bad-1", "." STATIC ".tmp", STATIC "VF1X",
		"mt2151VNETS0D0F2", SERIAL "VNETS123D0F0", SERIAL "VNETS0D0F2VF12345",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAVNETS0D0F2", "../VNETS0D0F2"};
	struct vn_recovery_name who;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(wrong); i++) {
		if (vn_recovery_name(wrong[i], &who))
			fail_msg("%s", wrong[i]);
	}
	assert_true(vn_recovery_name(STATIC "VF126", &who));
	assert_string_equal(who.serial, SERIAL);
	assert_int_equal(who.slot, 0);
	assert_int_equal(who.function, 2);
	assert_int_equal(who.vf, 125);
	assert_true(vn_recovery_name("VNETSVNETSVNETS31D0F0", &who));
	assert_string_equal(who.serial, "VNETSVNETS");
	assert_int_equal(who.slot, 31);
	assert_int_equal(who.vf, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_vf_keys),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_modified),
		cmocka_unit_test(test_apply_refuses),
		cmocka_unit_test(test_driver),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
