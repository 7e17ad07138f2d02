/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Answers that come later, and what may happen before they do. */

#include "ctl_test.h"

#define HOTPLUG                                                                                  \
	"/virtnet/hotplug,{\"ib_device\": \"mlx5_0\", \"mac\": \"0C:C4:7A:FF:22:93\", \"mtu\": " \
	"1500, \"max_queue_pairs\": 1, \"max_queue_size\": 1024}"

static struct world *w;

static int
setup(void **state)
{
	(void)state;
	memset(&fake_op, 0, sizeof(fake_op));
	w = begin("hotplug");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	end(w);
	return 0;
}

/* Give a wrong answer a chance to come. */
static void
nothing(int fd)
{
	char c;

	for (unsigned int i = 0; i < 50; i++)
		vn_loop_run_once(w->loop, 0);
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
request(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void
check_keys(const json_t *answer, const char *const keys[])
{
	const json_t *v;
	const char *key;

	json_object_foreach ((json_t *)(uintptr_t)answer, key, v) {
		assert_non_null(*keys);
		assert_string_equal(key, *keys++);
	}
	assert_null(*keys);
}

static void
test_later(void **state)
{
	static const char *const keys[] = {"bdf", "vuid", "id", "transitional", "sf_rep_net_device",
		"mac", "errno", "errstr", NULL};
	const json_t *answer;
	json_t *doc, *other;
	int fd, fd2;

	(void)state;
	fd = dial(w);
	fd2 = dial(w);
	fake_op.hold = true;
	request(fd, HOTPLUG);
	/* What is asked meanwhile waits, of this client; others are served. */
	request(fd, "/virtnet/version");
	nothing(fd);
	other = ask(w, fd2, "/virtnet/version");
	json_decref(other);
	assert_int_equal(fake_op.calls, 1);
	assert_int_equal(fake_op.hp.mtu, 1500);
	assert_int_equal(fake_op.hp.max_queue_size, 1024);
	assert_false(fake_op.hp.has_queues || fake_op.hp.has_sf_num || fake_op.hp.legacy);
	fake_release();
	doc = receive(w, fd);
	answer = json_object_get(doc, "/virtnet/hotplug");
	check_keys(answer, keys);
	assert_string_equal(json_string_value(json_object_get(answer, "bdf")), "15:00.0");
	json_decref(doc);
	doc = receive(w, fd);
	assert_non_null(json_object_get(doc, "/virtnet/version"));
	json_decref(doc);
	close(fd);
	close(fd2);
}

static void
check_unmade(int fd, const char *request)
{
	const json_t *answer;
	json_t *doc;

	doc = ask(w, fd, request);
	answer = json_object_iter_value(json_object_iter(doc));
	assert_int_equal(json_object_size(answer), 2);
	assert_string_equal(
		json_string_value(json_object_get(answer, "Error")), "Device doesn't exist");
	assert_string_equal(json_string_value(json_object_get(answer, "detail")),
		"2 devices are still to be made after the start (virtnet wait)");
	json_decref(doc);
}

/* wait answers when all is there; list says how much is not. */
static void
test_wait(void **state)
{
	int fd = dial(w), fd2 = dial(w);
	const json_t *c;
	json_t *doc;

	(void)state;
	fake_op.starting = 3;
	fake_op.hold = true;
	assert_true(send(fd, "/virtnet/wait,timeout=5", 23, 0) == 23);
	nothing(fd);
	assert_int_equal(fake_op.timeout_ns, VN_SEC(5));
	doc = ask(w, fd2, "/virtnet/list");
	c = json_object_get(json_object_get(doc, "/virtnet/list"), "controller");
	assert_int_equal(json_integer_value(json_object_get(c, "ready")), 0);
	assert_int_equal(json_integer_value(json_object_get(c, "devices_starting")), 3);
	json_decref(doc);
	fake_op.starting = 0;
	fake_release();
	doc = receive(w, fd);
	assert_int_equal(error_of(doc, "/virtnet/wait"), 0);
	json_decref(doc);
	doc = ask(w, fd2, "/virtnet/list");
	c = json_object_get(json_object_get(doc, "/virtnet/list"), "controller");
	assert_int_equal(json_integer_value(json_object_get(c, "ready")), 1);
	json_decref(doc);
	/* One that is not there may be one of those that are not yet. */
	fake_op.unmade = 2;
	check_unmade(fd, "/virtnet/query,pf=0,vf=9");
	check_unmade(fd, "/virtnet/health/show,{\"pfs\": \"0-9\"}");
	check_unmade(fd, "/virtnet/unplug,pf=9");
	fake_op.unmade = 0;
	fake_op.result = -ETIMEDOUT;
	fake_op.text = "2 devices are still coming up";
	assert_int_equal(ask_error(w, fd, "/virtnet/wait"), -ETIMEDOUT);
	assert_int_equal(fake_op.timeout_ns, VN_SEC(60));
	assert_int_not_equal(ask_error(w, fd, "/virtnet/wait,timeout=86401"), -ETIMEDOUT);
	close(fd);
	close(fd2);
}

static void
test_at_once(void **state)
{
	int fd = dial(w);

	(void)state;
	assert_int_equal(ask_error(w, fd, HOTPLUG), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/unplug,pf=0"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/sriov,pf=0,num_vfs=126"), 0);
	assert_int_equal(fake_op.num_vfs, 126);
	/* How many must be said; a VF is no PF. */
	assert_int_not_equal(ask_error(w, fd, "/virtnet/sriov,pf=0"), 0);
	assert_int_not_equal(ask_error(w, fd, "/virtnet/sriov,pf=0,vf=0,num_vfs=1"), 0);
	assert_int_not_equal(ask_error(w, fd, "/virtnet/sriov,pf=0,num_vfs=65536"), 0);
	assert_int_equal(fake_op.num_vfs, 126);
	fake_op.result = VIRTNET_ERR_UNPLUG_NOT_READY;
	assert_int_equal(ask_error(w, fd, "/virtnet/unplug,pf=0"), VIRTNET_ERR_UNPLUG_NOT_READY);
	assert_int_equal(ask_error(w, fd, HOTPLUG), VIRTNET_ERR_UNPLUG_NOT_READY);
	close(fd);
}

/* Many devices at a time: one answer, when the last of them has ended. */
static void
test_many(void **state)
{
	int fd = dial(w);
	json_t *doc, *answer;

	(void)state;
	fake_op.hold = true;
	request(fd, "/virtnet/modify/device,{\"all\": true, \"mtu\": 1500}");
	nothing(fd);
	assert_int_equal(fake_op.calls, 2);
	fake_op.result = -EBUSY;
	fake_op.text = "later";
	fake_release();
	doc = receive(w, fd);
	answer = json_object_get(doc, "/virtnet/modify/device");
	assert_int_equal(json_integer_value(json_object_get(answer, "errno")), -EBUSY);
	assert_int_equal(json_integer_value(json_object_get(answer, "changed")), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "failed")), 2);
	json_decref(doc);
	/* The client does not wait. */
	fake_op.hold = true;
	request(fd, "/virtnet/modify/device,{\"all\": true, \"mtu\": 1500}");
	nothing(fd);
	close(fd);
	for (unsigned int i = 0; i < ROUNDS && vn_ctl_clients(w->ctl) > 0; i++)
		vn_loop_run_once(w->loop, 0);
	assert_int_equal(vn_ctl_clients(w->ctl), 0);
	fake_release();
	assert_int_equal(fake_op.calls, 4);
}

/* The client does not wait. */
static void
test_client_goes(void **state)
{
	int fd;

	(void)state;
	fake_op.hold = true;
	fd = dial(w);
	request(fd, HOTPLUG);
	nothing(fd);
	assert_int_equal(vn_ctl_clients(w->ctl), 1);
	close(fd);
	for (unsigned int i = 0; i < ROUNDS && vn_ctl_clients(w->ctl) > 0; i++)
		vn_loop_run_once(w->loop, 0);
	assert_int_equal(vn_ctl_clients(w->ctl), 0);
	fake_release();
	fd = dial(w);
	assert_int_equal(ask_error(w, fd, "/virtnet/version"), 0);
	close(fd);
}

/* The server ends first. */
static void
test_server_goes(void **state)
{
	int fd = dial(w);
	char c;

	(void)state;
	fake_op.hold = true;
	request(fd, HOTPLUG);
	nothing(fd);
	vn_ctl_destroy(w->ctl);
	w->ctl = NULL;
	fake_op.result = -ECANCELED;
	fake_release();
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), 0);
	close(fd);
}

static void
test_errors(void **state)
{
	static const char *const row[] = {"errno", "errstr", "detail", NULL};
	static const char *const plain[] = {"errno", "errstr", NULL};
	const json_t *answer;
	int fd = dial(w);
	json_t *doc;

	(void)state;
	fake_op.result = VIRTNET_ERR_UNPLUG_NOT_READY;
	fake_op.text = "VM vm1: the guest \xff refuses";
	doc = ask(w, fd, "/virtnet/unplug,pf=0");
	answer = json_object_get(doc, "/virtnet/unplug");
	check_keys(answer, row);
	/* The text of the table is fixed. */
	assert_string_equal(json_string_value(json_object_get(answer, "errstr")),
		"Error - Device is not ready to be unplugged please check host and retry");
	assert_string_equal(json_string_value(json_object_get(answer, "detail")),
		"VM vm1: the guest ? refuses");
	json_decref(doc);
	fake_op.result = -EBUSY;
	fake_op.text = "later";
	doc = ask(w, fd, "/virtnet/detach,pf=0");
	answer = json_object_get(doc, "/virtnet/detach");
	check_keys(answer, plain);
	assert_string_equal(json_string_value(json_object_get(answer, "errstr")), "later");
	json_decref(doc);
	doc = ask(w, fd, "/virtnet/unplug,pf=9");
	answer = json_object_get(doc, "/virtnet/unplug");
	assert_non_null(json_object_get(answer, "Error"));
	json_decref(doc);
	close(fd);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_later),
		TEST(test_wait),
		TEST(test_at_once),
		TEST(test_many),
		TEST(test_client_goes),
		TEST(test_server_goes),
		TEST(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
