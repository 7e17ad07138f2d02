/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Directories: groups are all or nothing, and whatever lies there is read or moved aside. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "recovery_private.h"

#define SERIAL "TEST00001"
#define VUID   SERIAL "VNETS0D0F2"
#define MANY   600

static struct {
	char dir[64], path[128];
	struct vn_recovery_dir rd;
	struct vn_recovery_change change[MANY];
	unsigned int n;
	char err[256];
	struct vn_recovery_list list;
} t;

static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.rd.fd = -1;
	strcpy(t.dir, "/tmp/vn_recovery_testXXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/a/b", t.dir);
	return 0;
}

static void
clear_changes(void)
{
	for (unsigned int i = 0; i < t.n; i++)
		free(t.change[i].text);
	t.n = 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	clear_changes();
	vn_recovery_list_free(&t.list);
	vn_recovery_close(&t.rd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", t.dir);
	return system(cmd) == 0 ? 0 : -1;
}

static void
change(const char *name, const char *text, bool last)
{
	struct vn_recovery_change *c = &t.change[t.n++];

	snprintf(c->name, sizeof(c->name), "%s", name);
	c->text = text != NULL ? strdup(text) : NULL;
	c->last = last;
}

static int
commit(void)
{
	int rc = vn_recovery_write(&t.rd, t.path, t.change, t.n, t.err, sizeof(t.err));

	clear_changes();
	return rc;
}

static const char *
content(const char *name)
{
	static char buf[256];
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t.path, name);
	f = fopen(path, "r");
	if (f == NULL)
		return NULL;
	buf[fread(buf, 1, sizeof(buf) - 1, f)] = '\0';
	fclose(f);
	return buf;
}

static unsigned int
entries(void)
{
	struct dirent *e;
	unsigned int n = 0;
	DIR *d = opendir(t.path);

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static char *
record(const char *name, unsigned int pf_id)
{
	struct vn_recovery_record rec = {
		.conf = {.type = VN_STATIC_PF,
			.max_queue_size = 256,
			.mtu = 1500,
			.sf_num = 1000,
			.max_queue_pairs = 1,
			.num_queues = 3,
			.num_msix = 4},
	};

	rec.conf.pf_id = (uint16_t)pf_id;
	snprintf(rec.conf.vuid, sizeof(rec.conf.vuid), "%s", name);
	return vn_recovery_format(&rec, &rec.conf);
}

static void
put_file(const char *name, const char *text, size_t len)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t.path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static void
test_group(void **state)
{
	struct stat st;

	(void)state;
	change("A", "1", false);
	change("B", "2", true);
	assert_int_equal(commit(), 0);
	assert_string_equal(content("A"), "1");
	assert_string_equal(content("B"), "2");
	assert_int_equal(entries(), 2);
	assert_int_equal(stat(t.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(fstatat(t.rd.fd, "A", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	change("A", "3", false);
	change("B", NULL, false);
	change("C", NULL, false); /* was not there: gone is gone */
	assert_int_equal(commit(), 0);
	assert_string_equal(content("A"), "3");
	assert_int_equal(entries(), 1);
	assert_int_equal(commit(), 0); /* nothing to do */
}

/* 504 files and more are one group. */
static void
test_many(void **state)
{
	char name[VN_VUID_LEN];

	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "F%u", i);
			change(name, round == 0 ? "1" : "22", false);
		}
		assert_int_equal(commit(), 0);
		assert_int_equal(entries(), MANY);
		assert_string_equal(content("F599"), round == 0 ? "1" : "22");
	}
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "F%u", i);
		change(name, NULL, false);
	}
	assert_int_equal(commit(), 0);
	assert_int_equal(entries(), 0);
}

/* The last file of a group cannot be written: nothing has changed. */
static void
test_write_fails(void **state)
{
	static char big[65536];
	struct rlimit old, small = {4096, 4096};

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	change("A", "1", false);
	change("GONE", "g", false);
	assert_int_equal(commit(), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	change("A", "2", false);
	change("N", "new", false);
	change("GONE", NULL, false);
	change("BIG", big, true);
	assert_int_equal(commit(), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(strstr(t.err, "BIG"));
	assert_false(t.rd.create_failed);
	assert_string_equal(content("A"), "1");
	assert_string_equal(content("GONE"), "g");
	assert_int_equal(entries(), 2);
}

/* It fails when some have their names already: they are put back. */
static void
test_undone(void **state)
{
	(void)state;
	change("A", "1", false);
	assert_int_equal(commit(), 0);
	/* A directory that is not empty cannot make way for ".GONE.old", nor this one for that. */
	assert_int_equal(mkdirat(t.rd.fd, ".GONE.old", 0700), 0);
	assert_int_equal(mkdirat(t.rd.fd, ".GONE.old/x", 0700), 0);
	put_file("GONE", "g", 1);
	change("A", "2", true);
	change("N", "new", false);
	change("GONE", NULL, false);
	assert_true(commit() < 0);
	assert_string_equal(content("A"), "1");
	assert_null(content("N"));
	assert_string_equal(content("GONE"), "g");
	assert_int_equal(unlinkat(t.rd.fd, ".GONE.old/x", AT_REMOVEDIR), 0);
	change("A", "2", true);
	change("GONE", NULL, false);
	assert_int_equal(unlinkat(t.rd.fd, ".GONE.old", AT_REMOVEDIR), 0);
	assert_int_equal(commit(), 0);
	assert_string_equal(content("A"), "2");
	assert_int_equal(entries(), 1);
}

/* The directory goes, or is another one: all files are asked for. */
static void
test_other_directory(void **state)
{
	char moved[160];

	(void)state;
	change("A", "1", false);
	assert_int_equal(commit(), 0);
	snprintf(moved, sizeof(moved), "%s.away", t.path);
	assert_int_equal(rename(t.path, moved), 0);
	change("A", "2", false);
	assert_int_equal(commit(), -ESTALE);
	assert_null(content("A"));
	change("A", "2", false);
	assert_int_equal(commit(), 0);
	assert_string_equal(content("A"), "2");
	assert_int_equal(unlinkat(t.rd.fd, "A", 0), 0);
	assert_int_equal(rmdir(t.path), 0);
	change("A", "3", false);
	assert_int_equal(commit(), -ESTALE);
	change("A", "3", false);
	assert_int_equal(commit(), 0);
	assert_string_equal(content("A"), "3");
}

static void
test_not_a_directory(void **state)
{
	char parent[128];

	(void)state;
	snprintf(parent, sizeof(parent), "%s/a", t.dir);
	assert_int_equal(mkdir(parent, 0700), 0);
	assert_int_equal(symlink("/nowhere", t.path), 0);
	change("A", "1", false);
	assert_true(commit() < 0);
	assert_true(t.rd.create_failed);
	assert_true(t.err[0] != '\0');
	assert_int_equal(unlink(t.path), 0);
	change("A", "1", false);
	assert_int_equal(commit(), 0);
}

static void
test_lock(void **state)
{
	struct vn_recovery_dir other = {.fd = -1};

	(void)state;
	assert_int_equal(vn_recovery_lock(&other, t.path, false), 0);
	assert_int_equal(other.fd, -1);
	assert_int_equal(vn_recovery_lock(&other, t.path, true), -ENOENT);
	change("A", "1", false);
	assert_int_equal(commit(), 0);
	assert_int_equal(vn_recovery_lock(&other, t.path, false), -EBUSY);
	assert_int_equal(vn_recovery_clear(t.path), -EBUSY);
	vn_recovery_close(&t.rd);
	assert_int_equal(vn_recovery_lock(&other, t.path, false), 0);
	vn_recovery_close(&other);
}

static int
read_all(void)
{
	vn_recovery_list_free(&t.list);
	return vn_recovery_read(t.path, SERIAL, &t.list, t.err, sizeof(t.err));
}

static void
test_read(void **state)
{
	static char big[RECOVERY_MAX_FILE + 1];
	char *good = record(VUID, 0);
	char name[VN_VUID_LEN];

	(void)state;
	assert_int_equal(read_all(), 0); /* no directory */
	assert_int_equal(t.list.n, 0);
	change(VUID, good, false);
	assert_int_equal(commit(), 0);
	/* All that is not it. */
	put_file("README", "hello", 5);
	put_file("OTHER1VNETS0D0F2", good, strlen(good));
	put_file("." VUID ".tmp", good, 7);
	put_file(SERIAL "VNETS0D0F3", "", 0);
	put_file(SERIAL "VNETS0D0F4", good, strlen(good) / 2);
	memset(big, ' ', sizeof(big));
	put_file(SERIAL "VNETS0D0F5", big, sizeof(big));
	assert_int_equal(mkdirat(t.rd.fd, SERIAL "VNETS0D0F6", 0700), 0);
	assert_int_equal(symlinkat(VUID, t.rd.fd, SERIAL "VNETS0D0F7"), 0);
	assert_int_equal(mknodat(t.rd.fd, SERIAL "VNETS0D0F8", S_IFIFO | 0600, 0), 0);
	put_file(SERIAL "VNETS1D0F0", good, strlen(good));
	put_file(SERIAL "VNETS0D0F9", "\0\0\0\0", 4);
	assert_int_equal(read_all(), 0);
	assert_int_equal(t.list.n, 1);
	assert_int_equal(t.list.bad, 8);
	assert_int_equal(t.list.others, 1);
	assert_string_equal(t.list.rec[0]->conf.vuid, VUID);
	for (unsigned int f = 3; f < 10; f++) {
		snprintf(name, sizeof(name), SERIAL "VNETS0D0F%u.bad-1", f);
		assert_int_equal(faccessat(t.rd.fd, name, F_OK, AT_SYMLINK_NOFOLLOW), 0);
	}
	assert_non_null(content("README"));
	assert_non_null(content("OTHER1VNETS0D0F2"));
	assert_null(content("." VUID ".tmp"));
	assert_int_equal(read_all(), 0);
	assert_int_equal(t.list.bad, 0);
	free(good);
}

/* There are never more than some of one name. */
static void
test_bad_is_bounded(void **state)
{
	(void)state;
	change(VUID, "x", false);
	assert_int_equal(commit(), 0);
	for (unsigned int i = 0; i < 2 * RECOVERY_MAX_BAD; i++) {
		if (i == RECOVERY_MAX_BAD + 1)
			mkdirat(t.rd.fd, VUID, 0700);
		else
			put_file(VUID, "x", 1);
		assert_int_equal(read_all(), 0);
		assert_int_equal(t.list.bad, 1);
		assert_null(content(VUID));
	}
	assert_int_equal(entries(), RECOVERY_MAX_BAD);
}

static void
test_clear(void **state)
{
	(void)state;
	assert_int_equal(vn_recovery_clear(t.path), 0);
	change(VUID, "1", false);
	change(VUID "VF3", "1", false);
	assert_int_equal(commit(), 0);
	put_file("README", "hello", 5);
	put_file(VUID ".bad-1", "hello", 5);
	vn_recovery_close(&t.rd);
	assert_int_equal(vn_recovery_clear(t.path), 2);
	assert_int_equal(entries(), 2);
}

static void
test_boot_id(void **state)
{
	char id[VN_BOOT_ID_LEN], again[VN_BOOT_ID_LEN];

	(void)state;
	assert_int_equal(mkdir(t.dir, 0700), -1);
	assert_int_equal(vn_recovery_boot_id("/nowhere", id), -ENOENT);
	assert_string_equal(id, "");
	if (vn_recovery_boot_id(NULL, id) != 0)
		skip();
	assert_int_equal(strlen(id), 36);
	assert_int_equal(vn_recovery_boot_id(NULL, again), 0);
	assert_string_equal(id, again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_group),
		TEST(test_many),
		TEST(test_write_fails),
		TEST(test_undone),
		TEST(test_other_directory),
		TEST(test_not_a_directory),
		TEST(test_lock),
		TEST(test_read),
		TEST(test_bad_is_bounded),
		TEST(test_clear),
		TEST(test_boot_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
