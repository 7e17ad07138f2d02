/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Identities: the forms the contract gives, stability, and that no two devices are alike. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vn_identity.h"
#include "vn_identity_hash.h"

#define SERIAL "MT2306XZ00BN"

static char dir[] = "/tmp/vn_identity_test.XXXXXX";
static char machine_id[64], product_uuid[64];

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(machine_id, sizeof(machine_id), "%s/machine-id", dir);
	snprintf(product_uuid, sizeof(product_uuid), "%s/product_uuid", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(machine_id);
	unlink(product_uuid);
	return rmdir(dir);
}

static void
put(const char *file, const char *text)
{
	FILE *f;

	if (text == NULL) {
		unlink(file);
		return;
	}
	f = fopen(file, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The serial of a machine with these ids, or NULL. */
static const char *
serial_of(const char *id, const char *uuid)
{
	static char serial[VN_BOARD_SERIAL_LEN];
	char err[256] = "";
	int ret;

	put(machine_id, id);
	put(product_uuid, uuid);
	ret = vn_identity_board_serial(machine_id, product_uuid, serial, err, sizeof(err));
	assert_int_equal(ret == 0, err[0] == '\0');
	if (ret == 0)
		return serial;
	assert_int_equal(ret, -ENOENT);
	assert_non_null(strstr(err, "--board-serial"));
	assert_null(strchr(err, '\n'));
	return NULL;
}

/* Examples of FIPS 180-4's companion document, and the lengths around a block. */
static void
hash(void **state)
{
	static const struct {
		const char *text, *digest;
	} known[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	const char *const ab_c[] = {"ab", "c"}, *const a_bc[] = {"a", "bc"};
	uint8_t d[VN_HASH_LEN], other[VN_HASH_LEN];
	char hex[2 * VN_HASH_LEN + 1];
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 3; i++) {
		vn_identity_hash_bytes(known[i].text, strlen(known[i].text), d);
		for (j = 0; j < VN_HASH_LEN; j++)
			sprintf(hex + 2 * j, "%02x", d[j]);
		assert_string_equal(hex, known[i].digest);
	}
	vn_identity_hash(ab_c, 2, d);
	vn_identity_hash(a_bc, 2, other);
	assert_memory_not_equal(d, other, VN_HASH_LEN);
}

static void
board_serial(void **state)
{
	char first[VN_BOARD_SERIAL_LEN], err[8];
	const char *s;
	unsigned int i;

	(void)state;
	s = serial_of("0123456789abcdef0123456789abcdef\n", NULL);
	assert_non_null(s);
	/* Must never change: VUIDs, MACs and recovery files hang on it. */
	assert_string_equal(s, "VNP0GNF3JY80");
	strcpy(first, s);
	assert_int_equal(strlen(s), 12);
	assert_memory_equal(s, "VN", 2);
	for (i = 2; i < 12; i++)
		assert_non_null(strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", s[i]));
	assert_int_equal(vn_identity_check_serial(s, err, sizeof(err)), 0);
	/* The same id in another spelling, and the firmware's id makes no difference. */
	assert_string_equal(serial_of("0123456789ABCDEF0123456789ABCDEF", NULL), first);
	assert_string_equal(serial_of("0123456789abcdef0123456789abcdef\n",
				    "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\n"),
		first);
	/* One digit more is another machine. */
	assert_string_not_equal(serial_of("0123456789abcdef0123456789abcdee\n", NULL), first);
}

static void
board_serial_fallback(void **state)
{
	static const char uuid[] = "4c4c4544-0042-3510-8052-b9c04f4a4d32\n";
	static const char *const no_id[] = {
		NULL,
		"",
		"\n",
		"uninitialized\n",
		"00000000000000000000000000000000\n",
		"0123456789abcdef0123456789abcde\n",
		"0123456789abcdef0123456789abcdef0\n",
		"0123456789abcdef0123456789abcdeg\n",
	};
	char first[VN_BOARD_SERIAL_LEN];
	const char *s;
	unsigned int i;

	(void)state;
	s = serial_of(NULL, uuid);
	assert_non_null(s);
	strcpy(first, s);
	for (i = 0; i < sizeof(no_id) / sizeof(no_id[0]); i++) {
		assert_string_equal(serial_of(no_id[i], uuid), first);
		assert_null(serial_of(no_id[i], NULL));
	}
	/* UUIDs that many machines have. */
	assert_null(serial_of(NULL, "ffffffff-ffff-ffff-ffff-ffffffffffff\n"));
	assert_null(serial_of(NULL, "03000200-0400-0500-0006-000700080009\n"));
	assert_null(serial_of(NULL, "Not Settable\n"));
	/* A machine id and a UUID of the same digits are not the same machine. */
	assert_string_not_equal(serial_of("4c4c4544004235108052b9c04f4a4d32\n", NULL), first);
}

static void
check_serial(void **state)
{
	char err[256];

	(void)state;
	assert_int_equal(vn_identity_check_serial("ABC", err, sizeof(err)), 0);
	assert_int_equal(vn_identity_check_serial("MT2151X03152", err, sizeof(err)), 0);
	assert_int_equal(vn_identity_check_serial("01234567890123456789", err, sizeof(err)), 0);
	assert_int_equal(vn_identity_check_serial("", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "board serial must be 3 to 20 of the characters A-Z and 0-9, "
				 "such as MT2306XZ00BN");
	assert_int_equal(vn_identity_check_serial("AB", err, sizeof(err)), -EINVAL);
	assert_int_equal(vn_identity_check_serial("012345678901234567890", err, 0), -EINVAL);
	assert_int_equal(vn_identity_check_serial("abc", err, sizeof(err)), -EINVAL);
	assert_int_equal(vn_identity_check_serial("AB/C", err, sizeof(err)), -EINVAL);
	assert_int_equal(vn_identity_check_serial("../AB", err, sizeof(err)), -EINVAL);
	assert_int_equal(vn_identity_check_serial("ABC\n", err, sizeof(err)), -EINVAL);
}

/* The forms printed in the contract. */
static void
forms(void **state)
{
	struct vn_identity pf, id;
	char bdf[VN_BDF_LEN];

	(void)state;
	assert_int_equal(vn_identity_static_pf(&pf, SERIAL, 0, 0), 0);
	assert_string_equal(pf.vuid, "MT2306XZ00BNVNETS0D0F2");
	assert_int_equal(pf.pci_function, 2);
	assert_int_equal(pf.sf_num, 1000);
	assert_string_equal(pf.rep_name, "en3f0pf0sf1000");
	assert_string_equal(vn_identity_bdf_text(pf.bdf, bdf), "e2:00.2");

	assert_int_equal(vn_identity_vf(&id, &pf, SERIAL, 0, 0, 0), 0);
	assert_string_equal(id.vuid, "MT2306XZ00BNVNETS0D0F2VF1");
	assert_int_equal(id.sf_num, 3000);
	assert_int_equal(id.pci_function, 2);
	assert_string_equal(id.rep_name, "en3f0pf0sf3000");
	assert_string_equal(vn_identity_bdf_text(id.bdf, bdf), "e4:00.0");

	assert_int_equal(vn_identity_hotplug_pf(&id, "MT2151X03152", 1, 0), 0);
	assert_string_equal(id.vuid, "MT2151X03152VNETS1D0F0");
	assert_string_equal(id.rep_name, "en3f0pf0sf2000");
	assert_string_equal(vn_identity_bdf_text(id.bdf, bdf), "c1:00.0");
	assert_int_equal(vn_identity_hotplug_pf(&id, SERIAL, 2, 1), 0);
	assert_string_equal(id.vuid, "MT2306XZ00BNVNETS2D0F0");
	assert_string_equal(id.rep_name, "en3f1pf1sf2001");

	/* Functions go on into the next device number: bdf_raw stays bus, dev, fn. */
	assert_int_equal(vn_identity_static_pf(&id, SERIAL, 6, 0), 0);
	assert_string_equal(id.vuid, "MT2306XZ00BNVNETS0D0F8");
	assert_string_equal(vn_identity_bdf_text(id.bdf, bdf), "e2:01.0");
	assert_int_equal(vn_identity_static_pf(&id, SERIAL, 30, 1), 0);
	assert_string_equal(id.vuid, "MT2306XZ00BNVNETS0D0F32");
	assert_string_equal(vn_identity_bdf_text(id.bdf, bdf), "e2:04.0");
	assert_string_equal(id.rep_name, "en3f1pf1sf1030");
	assert_string_equal(vn_identity_bdf_text(57611, bdf), "e1:01.3");
	assert_string_equal(vn_identity_bdf_text(0xffff, bdf), "ff:1f.7");

	/* The longest VUID there is. */
	assert_int_equal(vn_identity_static_pf(&pf, "01234567890123456789", 30, 0), 0);
	assert_int_equal(vn_identity_vf(&id, &pf, "01234567890123456789", 1007, 1007, 0), 0);
	assert_string_equal(id.vuid, "01234567890123456789VNETS0D0F32VF1008");
}

static void
limits(void **state)
{
	struct vn_identity pf, id;
	char name[VN_PORT_NAME_LEN];

	(void)state;
	assert_int_equal(vn_identity_static_pf(&pf, SERIAL, 0, 0), 0);
	assert_int_equal(vn_identity_static_pf(&id, SERIAL, 31, 0), -ERANGE);
	assert_int_equal(vn_identity_static_pf(&id, SERIAL, 0, 2), -EINVAL);
	assert_int_equal(vn_identity_static_pf(&id, "bad", 0, 0), -EINVAL);
	assert_int_equal(vn_identity_hotplug_pf(&id, SERIAL, 0, 0), -ERANGE);
	assert_int_equal(vn_identity_hotplug_pf(&id, SERIAL, 32, 0), -ERANGE);
	assert_int_equal(vn_identity_vf(&id, &pf, SERIAL, 0, 1008, 0), -ERANGE);
	assert_int_equal(vn_identity_vf(&id, &pf, SERIAL, 1008, 0, 0), -ERANGE);
	assert_int_equal(vn_identity_vf(&id, &pf, SERIAL, UINT32_MAX, 0, 0), -ERANGE);

	assert_int_equal(vn_identity_vf_index(0, 0, 126), 0);
	assert_int_equal(vn_identity_vf_index(3, 125, 126), 503);
	assert_int_equal(vn_identity_vf_index(7, 125, 126), 1007);
	assert_int_equal(vn_identity_vf_index(8, 0, 126), -ERANGE);
	assert_int_equal(vn_identity_vf_index(0, 126, 126), -ERANGE);
	assert_int_equal(vn_identity_vf_index(0, 0, 0), -ERANGE);
	assert_int_equal(vn_identity_vf_index(UINT32_MAX, 0, 1), -ERANGE);
	assert_int_equal(vn_identity_vf_index(0, 0, UINT32_MAX), -ERANGE);

	assert_int_equal(vn_identity_rep_name(0, 99999, name), 0);
	assert_string_equal(name, "en3f0pf0sf99999");
	assert_int_equal(vn_identity_rep_name(0, 100000, name), -ENAMETOOLONG);
	assert_int_equal(vn_identity_rep_name(2, 1000, name), -EINVAL);
}

static void
macs(void **state)
{
	static const uint8_t base[6] = {0x08, 0x11, 0x22, 0x33, 0x44, 0xfe};
	static const uint8_t plus1[6] = {0x08, 0x11, 0x22, 0x33, 0x44, 0xff};
	static const uint8_t plus2[6] = {0x08, 0x11, 0x22, 0x33, 0x45, 0x00};
	static const uint8_t high[6] = {0x08, 0x11, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t carried[6] = {0x08, 0x12, 0x00, 0x00, 0x00, 0x00};
	static const uint8_t ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t wrapped[6] = {0, 0, 0, 0, 0, 0x01};
	struct vn_identity a, b;
	uint8_t mac[6];

	(void)state;
	vn_identity_mac_add(base, 0, mac);
	assert_memory_equal(mac, base, 6);
	vn_identity_mac_add(base, 1, mac);
	assert_memory_equal(mac, plus1, 6);
	vn_identity_mac_add(base, 2, mac);
	assert_memory_equal(mac, plus2, 6);
	vn_identity_mac_add(high, 1, mac);
	assert_memory_equal(mac, carried, 6);
	vn_identity_mac_add(ones, 2, mac);
	assert_memory_equal(mac, wrapped, 6);
	/* In place. */
	memcpy(mac, base, 6);
	vn_identity_mac_add(mac, 2, mac);
	assert_memory_equal(mac, plus2, 6);

	/* The default is the same each time, another on another board, and must never change. */
	assert_int_equal(vn_identity_static_pf(&a, SERIAL, 0, 0), 0);
	assert_int_equal(vn_identity_static_pf(&b, SERIAL, 0, 0), 0);
	assert_memory_equal(a.mac, b.mac, 6);
	assert_memory_equal(a.mac, ((const uint8_t[]){0x9a, 0xf0, 0xe7, 0x1b, 0xe5, 0x40}), 6);
	assert_int_equal(vn_identity_static_pf(&b, "MT2306XZ00BP", 0, 0), 0);
	assert_memory_not_equal(a.mac, b.mac, 6);
}

/* All devices there can be on one board. */
#define DEVICES (VN_IDENTITY_STATIC_PFS + VN_IDENTITY_HOTPLUG_PFS + VN_IDENTITY_VFS)

static void
no_two_alike(void **state)
{
	static struct vn_identity id[DEVICES];
	unsigned int i, j, n = 0, index;
	struct vn_identity *pf = id;

	(void)state;
	for (i = 0; i < VN_IDENTITY_STATIC_PFS; i++)
		assert_int_equal(vn_identity_static_pf(&id[n++], SERIAL, i, 0), 0);
	for (i = 1; i <= VN_IDENTITY_HOTPLUG_PFS; i++)
		assert_int_equal(vn_identity_hotplug_pf(&id[n++], SERIAL, i, 0), 0);
	for (i = 0; i < 8; i++) {
		for (j = 0; j < 126; j++) {
			index = (unsigned int)vn_identity_vf_index(i, j, 126);
			assert_int_equal(vn_identity_vf(&id[n++], &pf[i], SERIAL, j, index, 0), 0);
		}
	}
	assert_int_equal(n, DEVICES);
	for (i = 0; i < n; i++) {
		/* Unicast, locally administered. */
		assert_int_equal(id[i].mac[0] & 3, 2);
		for (j = 0; j < i; j++) {
			assert_string_not_equal(id[i].vuid, id[j].vuid);
			assert_int_not_equal(id[i].bdf, id[j].bdf);
			assert_int_not_equal(id[i].sf_num, id[j].sf_num);
			assert_string_not_equal(id[i].rep_name, id[j].rep_name);
			assert_memory_not_equal(id[i].mac, id[j].mac, VN_MAC_LEN);
		}
	}
	print_message("%u devices\n", n);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash),
		cmocka_unit_test(board_serial),
		cmocka_unit_test(board_serial_fallback),
		cmocka_unit_test(check_serial),
		cmocka_unit_test(forms),
		cmocka_unit_test(limits),
		cmocka_unit_test(macs),
		cmocka_unit_test(no_two_alike),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
