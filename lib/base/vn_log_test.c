/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What the journal gets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vn_log.h"

static char text[4096];

/* What was written since. */
static const char *
written(int fd)
{
	const ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return text;
}

static void
test_journal(void **state)
{
	const int mine = dup(STDERR_FILENO), fd = memfd_create("log", 0);
	char name[64];
	struct stat st;
	bool other, none, garbage, taken;

	(void)state;
	assert_true(mine >= 0 && fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	unsetenv("JOURNAL_STREAM");
	none = vn_log_to_journal();
	setenv("JOURNAL_STREAM", "pigeon", 1);
	garbage = vn_log_to_journal();
	snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", name, 1);
	other = vn_log_to_journal();
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	taken = vn_log_to_journal();
	vn_log_set_level("debug");
	VN_ERR("one");
	VN_WARN("two");
	VN_INFO("three\nfour");
	VN_DBG("five");
	rte_log(RTE_LOG_NOTICE, RTE_LOGTYPE_USER1, "six\n");
	rte_openlog_stream(NULL);
	dup2(mine, STDERR_FILENO);
	assert_false(none || garbage || other);
	assert_true(taken);
	written(fd);
	assert_non_null(strstr(text, "<3>[ERR] vn_log_test.c:"));
	assert_non_null(strstr(text, "one\n<4>[WARN] vn_log_test.c:"));
	assert_non_null(strstr(text, "two\n<6>[INFO] vn_log_test.c:"));
	assert_non_null(strstr(text, "three\n<6>four\n<7>[DEBUG] "));
	assert_non_null(strstr(text, "five\n<5>six\n"));
	close(fd);
	close(mine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
