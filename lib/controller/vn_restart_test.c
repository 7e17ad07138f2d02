/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Fast restart of the controller: what is refused, what is read anew, and devices that are ill. */

#include "controller_test_env.h"

static struct {
	unsigned int calls;
	int result;
	char text[400];
} end;

static void
ended(void *ctx, int result, const char *text, struct vn_device *dev)
{
	assert_null(ctx);
	assert_null(dev);
	end.calls++;
	end.result = result;
	snprintf(end.text, sizeof(end.text), "%s", text);
}

static void
begin_restart(void)
{
	memset(&end, 0, sizeof(end));
	vn_controller_restart(t.ctrl, ended, NULL);
}

static void
restart(int expected)
{
	begin_restart();
	UNTIL(end.calls == 1);
	assert_int_equal(end.result, expected);
	assert_true((end.result == 0) == (end.text[0] == '\0'));
}

/* A file of the test's; t.env has its name. */
static void
write_conf(const char *text)
{
	static char path[] = "/tmp/vn-restart-XXXXXX";
	int fd;

	if (t.env.conf_file == NULL) {
		strcpy(path + strlen(path) - 6, "XXXXXX");
		fd = mkstemp(path);
		t.env.conf_file = path;
	} else {
		fd = open(path, O_WRONLY | O_TRUNC);
	}
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
test_all(void **state)
{
	(void)state;
	start(5);
	begin_restart();
	assert_int_equal(end.result, -EBUSY); /* the ports are being made */
	UNTIL(vn_controller_settled(t.ctrl));
	for (unsigned int i = 1; i < 4; i++) {
		restart(0);
		assert_int_equal(fp_calls(FP_OPEN), 5 * (i + 1));
		assert_int_equal(fp_calls(FP_CLOSE), 5 * i);
		assert_int_equal(t.ctrl->device[4]->ctrl->restarts, i);
	}
	assert_int_equal(ft.plugged, 5);
	/* One at a time. */
	fp_hold(FP_OPEN);
	begin_restart();
	UNTIL(fp_inside(FP_OPEN));
	vn_controller_restart(t.ctrl, ended, NULL);
	assert_int_equal(end.result, -EBUSY);
	assert_string_equal(end.text, "a restart is under way");
	end.calls = 0;
	fp_release(FP_OPEN);
	UNTIL(end.calls == 1);
	assert_int_equal(end.result, 0);
}

static void
test_conf(void **state)
{
	(void)state;
	write_conf("{\"transport\": \"vhost-user\"}");
	start(1);
	UNTIL(vn_controller_settled(t.ctrl));
	restart(0);
	assert_true(t.ctrl->conf.vhost_user);
	/* Malformed: nothing happens. */
	write_conf("{\"transport\": \"vhost-user\",\n \"sf_pool_percent\": 7000}");
	restart(-EINVAL);
	assert_non_null(strstr(end.text, ":2: sf_pool_percent: "));
	assert_int_equal(fp_calls(FP_OPEN), 2);
	assert_int_equal(unlink(t.env.conf_file), 0);
	restart(-EINVAL);
	t.env.conf_file = NULL;
	write_conf("{\"transport\": \"vfio-user\", \"mrg_rxbuf\": 1, \"single_port\": 1,"
		   " \"static_pf\": {\"features\": \"0x1\"}}");
	t.ctrl->env.conf_file = t.env.conf_file;
	restart(0);
	/* For what is made from now on, and what waits. */
	assert_false(t.ctrl->conf.vhost_user);
	assert_true(t.ctrl->conf.mrg_rxbuf);
	assert_false(t.ctrl->conf.single_port);
	assert_false(t.ctrl->conf.static_pf.has_features);
	assert_ptr_equal(t.ctrl->device[0]->transport, &ft_rings);
	unlink(t.env.conf_file);
}

/* What the start made of the file is not what the file says now: it stays, and the log says so. */
static void
test_waits(void **state)
{
	static const char waits[] =
		" has changed in virtnet.conf: waits for a restart of the service";
	static const char *const name[] = {"placement", "switch"};
	char line[128], *text = NULL;
	size_t len = 0;
	FILE *log;

	(void)state;
	write_conf("{\"placement\": \"fixed\", \"switch\": {\"anti_spoof\": 1, \"ageing\": 7}}");
	start(1);
	UNTIL(vn_controller_settled(t.ctrl));
	log = open_memstream(&text, &len);
	assert_non_null(log);
	assert_int_equal(rte_openlog_stream(log), 0);
	restart(0);
	rte_openlog_stream(NULL);
	fclose(log);
	for (unsigned int i = 0; i < RTE_DIM(name); i++) {
		snprintf(line, sizeof(line), "restart: %s%s", name[i], waits);
		assert_non_null(strstr(text, line));
	}
	free(text);
	assert_false(t.ctrl->conf.placement_fixed);
	assert_false(t.ctrl->conf.sw.rules.anti_spoof);
	assert_int_equal(t.ctrl->conf.sw.ageing, t.conf.sw.ageing);
	unlink(t.env.conf_file);
}

static void
test_ill(void **state)
{
	(void)state;
	start(3);
	UNTIL(vn_controller_settled(t.ctrl));
	fp_fail(FP_OPEN, -EIO);
	restart(-EIO);
	assert_non_null(strstr(end.text, t.ctrl->device[0]->conf.vuid));
	assert_non_null(strstr(end.text, "and others"));
	fp_fail(FP_OPEN, 0);
	restart(0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(t.ctrl->device[i]->health.recovered, 1);
}

/* The end of all while files are read, or a device restarts. */
static void
test_stop(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		start(3);
		UNTIL(vn_controller_settled(t.ctrl));
		if (i == 1)
			fp_hold(FP_OPEN);
		begin_restart();
		if (i == 1)
			UNTIL(fp_inside(FP_OPEN));
		fp_release(FP_OPEN);
		stop_all(VN_PORT_KEEP);
		assert_int_equal(end.calls, 1);
		assert_int_equal(end.result, -ECANCELED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all),
		TEST(test_conf),
		TEST(test_waits),
		TEST(test_ill),
		TEST(test_stop),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
