/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* virtnet.conf files that are accepted, the published examples, and reading from a file. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vn_conf.h"

static struct vn_conf conf;
static struct vn_conf_errors errors;

static int
parse(const char *text)
{
	int ret = vn_conf_parse(text, strlen(text), &conf, &errors);

	assert_int_equal(ret == 0, errors.n == 0);
	return ret;
}

static void
defaults(void **state)
{
	struct vn_conf want;

	(void)state;
	vn_conf_defaults(&want);
	assert_string_equal(want.ib_dev_p0, "mlx5_0");
	assert_string_equal(want.ib_dev_p1, "mlx5_1");
	assert_string_equal(want.ib_dev_for_static_pf, "mlx5_0");
	assert_string_equal(want.ib_dev_lag, "");
	assert_string_equal(want.lm_prov, "");
	assert_string_equal(want.vhost_user_socket_dir, "");
	assert_true(want.recovery);
	assert_false(want.is_lag || want.single_port || want.packed_vq || want.mrg_rxbuf);
	assert_false(want.sf_pool_force_destroy || want.has_dpa_cores || want.vhost_user_client);
	assert_false(want.static_pf.has_mac_base || want.static_pf.has_features);
	assert_int_equal(want.sf_pool_percent, 0);
	assert_int_equal(want.vf.vfs_per_pf, 0);

	memset(&conf, 0xff, sizeof(conf));
	assert_int_equal(parse(" {\n} "), 0);
	assert_string_equal(conf.ib_dev_p1, "mlx5_1");
	assert_true(conf.recovery);
	assert_false(conf.static_pf.has_mac_base);
}

static void
everything(void **state)
{
	static const uint8_t mac[6] = {0x08, 0x11, 0x22, 0x33, 0x44, 0x55};

	(void)state;
	assert_int_equal(parse("{\"ib_dev_p0\": \"mlx5_2\", \"ib_dev_p1\": \"0000:03:00.1\","
			       "\"ib_dev_for_static_pf\": \"net_tap0\", \"is_lag\": 0,"
			       "\"single_port\": 0, \"recovery\": 0, \"sf_pool_percent\": 100,"
			       "\"sf_pool_force_destroy\": 1, \"packed_vq\": 0, \"mrg_rxbuf\": 1,"
			       "\"dpa_core_start\": 1, \"dpa_core_end\": 255,"
			       "\"lm_prov\": \"kernel\","
			       "\"static_pf\": {\"mac_base\": \"08:11:22:33:44:55\","
			       "  \"features\": \"0x23004F882B\", \"port\": \"internal\"},"
			       "\"vf\": {\"mac_base\": \"ff:FF:ff:FF:ff:FF\","
			       "  \"features\": \"0XF\", \"vfs_per_pf\": 1008,"
			       "  \"max_queue_pairs\": 127,"
			       "  \"max_queue_size\": 32768, \"port\": \"tap\"},"
			       "\"vhost_user\": {\"mode\": \"client\","
			       "  \"socket_dir\": \"/run/x//\"}}"),
		0);
	assert_string_equal(conf.ib_dev_p0, "mlx5_2");
	assert_string_equal(conf.ib_dev_p1, "0000:03:00.1");
	assert_string_equal(conf.ib_dev_for_static_pf, "net_tap0");
	assert_false(conf.recovery);
	assert_int_equal(conf.sf_pool_percent, 100);
	assert_true(conf.sf_pool_force_destroy);
	assert_true(conf.mrg_rxbuf);
	assert_true(conf.has_dpa_cores);
	assert_int_equal(conf.dpa_core_start, 1);
	assert_int_equal(conf.dpa_core_end, 255);
	assert_string_equal(conf.lm_prov, "kernel");
	assert_true(conf.static_pf.has_mac_base);
	assert_memory_equal(conf.static_pf.mac_base, mac, 6);
	assert_true(conf.static_pf.has_features);
	assert_true(conf.static_pf.features == UINT64_C(0x23004f882b));
	assert_string_equal(conf.static_pf.port, "internal");
	assert_string_equal(conf.vf.port, "tap");
	assert_true(conf.vf.has_mac_base && conf.vf.has_features);
	assert_int_equal(conf.vf.mac_base[5], 0xff);
	assert_int_equal(conf.vf.features, 0xf);
	assert_int_equal(conf.vf.vfs_per_pf, 1008);
	assert_int_equal(conf.vf.max_queue_pairs, 127);
	assert_int_equal(conf.vf.max_queue_size, 32768);
	assert_true(conf.vhost_user_client);
	assert_string_equal(conf.vhost_user_socket_dir, "/run/x");

	/* The other ends of the ranges. */
	assert_int_equal(parse("{\"sf_pool_percent\": 0, \"dpa_core_start\": 10,"
			       "\"dpa_core_end\": 11, \"vf\": {\"vfs_per_pf\": 1,"
			       "\"max_queue_pairs\": 1, \"max_queue_size\": 4,"
			       "\"features\": \"0x0\"},"
			       "\"vhost_user\": {\"mode\": \"server\", \"socket_dir\": \"/\"}}"),
		0);
	assert_int_equal(conf.vf.max_queue_size, 4);
	assert_true(conf.vf.has_features);
	assert_int_equal(conf.vf.features, 0);
	assert_string_equal(conf.vhost_user_socket_dir, "/");
	/* Escapes in keys and values are JSON like any other. */
	assert_int_equal(parse("{\"is\\u005flag\": 0, \"ib_dev_p0\": \"mlx5\\u005f7\"}"), 0);
	assert_string_equal(conf.ib_dev_p0, "mlx5_7");
}

/* Longest values that fit, and one more. */
static void
lengths(void **state)
{
	char text[256], name[80];

	(void)state;
	memset(name, 'a', sizeof(name));
	snprintf(text, sizeof(text), "{\"ib_dev_p0\": \"%.63s\"}", name);
	assert_int_equal(parse(text), 0);
	assert_int_equal(strlen(conf.ib_dev_p0), 63);
	snprintf(text, sizeof(text), "{\"ib_dev_p0\": \"%.64s\"}", name);
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(errors.e[0].text, "is too long: at most 63 characters, has 64");
	/* "/" + 61 + "/" + VUID of 39 + ".sock" + NUL is sun_path's 108. */
	snprintf(text, sizeof(text), "{\"vhost_user\": {\"socket_dir\": \"/%.61s\"}}", name);
	assert_int_equal(parse(text), 0);
	assert_int_equal(strlen(conf.vhost_user_socket_dir) + 1 + 39 + 5 + 1, 108);
	snprintf(text, sizeof(text), "{\"vhost_user\": {\"socket_dir\": \"/%.62s\"}}", name);
	assert_int_equal(parse(text), -EINVAL);
}

static void
published_examples(void **state)
{
	(void)state;
	assert_int_equal(parse("{ \"ib_dev_p0\": \"mlx5_0\", \"ib_dev_p1\": \"mlx5_1\","
			       " \"ib_dev_for_static_pf\": \"mlx5_0\", \"is_lag\": 0,"
			       " \"static_pf\": { \"mac_base\": \"08:11:22:33:44:55\","
			       " \"features\": \"0x230047082b\" } }"),
		0);
	assert_true(conf.static_pf.features == UINT64_C(0x230047082b));

	assert_int_equal(parse("{ \"vf\": { \"mac_base\": \"06:11:22:33:44:55\","
			       " \"features\": \"0x230047082b\", \"vfs_per_pf\": 126,"
			       " \"max_queue_pairs\": 4, \"max_queue_size\": 256 } }"),
		0);
	assert_int_equal(conf.vf.vfs_per_pf, 126);
	assert_int_equal(conf.vf.max_queue_pairs, 4);
	assert_int_equal(conf.vf.max_queue_size, 256);

	assert_int_equal(parse("{ \"ib_dev_lag\": \"mlx5_bond_0\","
			       " \"ib_dev_for_static_pf\": \"mlx5_bond_0\", \"is_lag\": 1,"
			       " \"recovery\": 1, \"sf_pool_percent\": 0,"
			       " \"sf_pool_force_destroy\": 0 }"),
		0);
	assert_true(conf.is_lag);
	assert_string_equal(conf.ib_dev_lag, "mlx5_bond_0");
	assert_string_equal(conf.ib_dev_p0, "");
	assert_string_equal(conf.ib_dev_p1, "");

	assert_int_equal(parse("{ \"ib_dev_p0\": \"mlx5_2\", \"ib_dev_for_static_pf\": \"mlx5_2\","
			       " \"single_port\": 1 }"),
		0);
	assert_string_equal(conf.ib_dev_p0, "mlx5_2");
	assert_string_equal(conf.ib_dev_p1, "");

	assert_int_equal(parse("{ \"single_port\": 1, \"packed_vq\": 1, \"sf_pool_percent\": 0,"
			       " \"sf_pool_force_destroy\": 0,"
			       " \"vf\": { \"mac_base\": \"CC:48:15:FF:00:00\","
			       " \"vfs_per_pf\": 126 } }"),
		0);
	assert_true(conf.packed_vq);
	/* Not in the reference product: both. */
	assert_int_equal(parse("{ \"packed_vq\": 1, \"mrg_rxbuf\": 1, \"static_pf\":"
			       " { \"features\": \"0x8900010700e7982f\" } }"),
		0);
	assert_true(conf.packed_vq && conf.mrg_rxbuf);
}

/* A refused text leaves the configuration as it was. */
static void
untouched(void **state)
{
	struct vn_conf before;

	(void)state;
	assert_int_equal(parse("{\"ib_dev_p0\": \"mlx5_5\"}"), 0);
	before = conf;
	assert_int_equal(parse("{\"ib_dev_p0\": \"mlx5_6\", \"recovery\": 3}"), -EINVAL);
	assert_memory_equal(&before, &conf, sizeof(conf));
}

static void
format(void **state)
{
	struct vn_conf_error e = {.path = "vf.mac_base", .line = 3, .text = "is wrong"};
	char buf[64];

	(void)state;
	assert_int_equal(vn_conf_error_format(&e, "a.conf", buf, sizeof(buf)), 33 - 2);
	assert_string_equal(buf, "a.conf:3: vf.mac_base: is wrong");
	vn_conf_error_format(&e, NULL, buf, sizeof(buf));
	assert_string_equal(buf, "line 3: vf.mac_base: is wrong");
	e.line = 0;
	vn_conf_error_format(&e, "a.conf", buf, sizeof(buf));
	assert_string_equal(buf, "a.conf: vf.mac_base: is wrong");
	vn_conf_error_format(&e, "", buf, sizeof(buf));
	assert_string_equal(buf, "vf.mac_base: is wrong");
	e.path[0] = '\0';
	vn_conf_error_format(&e, "a\nb", buf, sizeof(buf));
	assert_string_equal(buf, "a?b: is wrong");
	vn_conf_error_format(&e, NULL, buf, 4);
	assert_string_equal(buf, "is ");
	assert_int_equal(vn_conf_error_format(&e, NULL, NULL, 0), 8);
}

static char dir[] = "/tmp/vn_conf_test.XXXXXX";
static char path[64];

static void
write_file(const char *text, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* The error of a file that cannot be read is the only one, and of the file as a whole. */
static void
expect_file_error(const char *file, int ret, const char *text)
{
	assert_int_equal(vn_conf_load(file, &conf, &errors), ret);
	assert_int_equal(errors.n, 1);
	assert_int_equal(errors.e[0].line, 0);
	assert_string_equal(errors.e[0].text, text);
}

static void
files(void **state)
{
	static char big[(1 << 20) + 1];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/virtnet.conf", dir);
	expect_file_error(path, -ENOENT, "cannot be opened: No such file or directory");
	expect_file_error(dir, -EISDIR, "is a directory, not a file");
	expect_file_error("/dev/zero", -EINVAL, "is a device, pipe or socket, not a file");
	expect_file_error("/dev/null/x", -ENOTDIR, "cannot be opened: Not a directory");
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_file_error(path, -EINVAL, "is a device, pipe or socket, not a file");
	assert_int_equal(unlink(path), 0);
	write_file("", 0);
	expect_file_error(path, -EINVAL, "is empty: write {} to have all defaults");
	write_file("{\"recovery\": 0}\n", 16);
	assert_int_equal(vn_conf_load(path, &conf, &errors), 0);
	assert_false(conf.recovery);
	write_file("{\n\"recovery\": 2}\n", 17);
	assert_int_equal(vn_conf_load(path, &conf, &errors), -EINVAL);
	assert_int_equal(errors.e[0].line, 2);
	/* As big as allowed, and one byte more. */
	memset(big, ' ', sizeof(big));
	memcpy(big, "{}", 2);
	write_file(big, sizeof(big) - 1);
	assert_int_equal(vn_conf_load(path, &conf, &errors), 0);
	write_file(big, sizeof(big));
	expect_file_error(path, -EFBIG, "is too big: at most 1 MiB is read");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything),
		cmocka_unit_test(lengths),
		cmocka_unit_test(published_examples),
		cmocka_unit_test(untouched),
		cmocka_unit_test(format),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
