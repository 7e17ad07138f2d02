/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef HOST_TEST_H
#define HOST_TEST_H

/**
 * @file
 * A host and a monitor played by the test, in one thread. The test says what the monitor expects
 * and answers. For one source file per program.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "host_private.h"
#include "vn_log.h"

/* The deadline only ends a test that has failed. */
#define WAIT_NS VN_SEC(20)

#define UNTIL(cond)                                                                      \
	do {                                                                             \
		const uint64_t wait_end = vn_now_ns() + WAIT_NS;                         \
		while (!(cond)) {                                                        \
			if (vn_now_ns() > wait_end)                                      \
				fail_msg("line %d: does not come: %s", __LINE__, #cond); \
			vn_loop_run_once(t.loop, 1);                                     \
		}                                                                        \
	} while (0)

/* Give wrong things a chance to happen. */
#define SETTLE()                                                   \
	do {                                                       \
		for (unsigned int s_i = 0; s_i < 20; s_i++)        \
			vn_loop_run_once(t.loop, s_i % 4 ? 0 : 1); \
	} while (0)

struct done {
	unsigned int calls;
	int result;
	char text[256];
	struct vn_host_plugged at;
};

static struct {
	struct vn_loop *loop;
	struct vn_host *host;
	struct vn_host_conf conf;
	char dir[32];
	int listener, fd; /* of the monitor */
	char in[65536];
	size_t in_len;
	unsigned int gone, told;
	struct vn_host_plugged last;
	char last_id[VN_HOST_NAME_LEN];
} t;

static void
on_host_event(void *ctx, const char *id, bool gone, const struct vn_host_plugged *at)
{
	(void)ctx;
	snprintf(t.last_id, sizeof(t.last_id), "%s", id);
	if (gone) {
		t.gone++;
	} else {
		t.told++;
		t.last = *at;
	}
}

static void
plugged(void *ctx, int result, const char *text, const struct vn_host_plugged *at)
{
	struct done *d = ctx;

	d->calls++;
	d->result = result;
	snprintf(d->text, sizeof(d->text), "%s", text);
	assert_int_equal(at != NULL, result == 0);
	if (at != NULL)
		d->at = *at;
}

static void
unplugged(void *ctx, int result, const char *text)
{
	struct done *d = ctx;

	d->calls++;
	d->result = result;
	snprintf(d->text, sizeof(d->text), "%s", text);
}

/* The monitor begins to listen: a VM runs. */
static void
vm_start(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	unlink(t.conf.qmp);
	memcpy(addr.sun_path, t.conf.qmp, sizeof(addr.sun_path));
	t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(t.listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(t.listener, 4), 0);
}

static void
vm_close(void)
{
	if (t.fd >= 0)
		close(t.fd);
	t.fd = -1;
	t.in_len = 0;
}

static void
vm_stop(void)
{
	if (t.listener >= 0)
		close(t.listener);
	t.listener = -1;
	unlink(t.conf.qmp);
	vm_close();
}

static void
say(const char *text)
{
	assert_int_equal(send(t.fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool
accepted(void)
{
	t.fd = accept4(t.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return t.fd >= 0;
}

static bool
heard(void)
{
	ssize_t n = recv(t.fd, t.in + t.in_len, sizeof(t.in) - 1 - t.in_len, MSG_DONTWAIT);

	if (n > 0)
		t.in_len += (size_t)n;
	t.in[t.in_len] = '\0';
	return strchr(t.in, '\n') != NULL;
}

/* The next command must be @p name. @return it. */
static json_t *
expect(const char *name)
{
	json_t *cmd;
	char *end;

	UNTIL(heard());
	end = strchr(t.in, '\n');
	cmd = json_loadb(t.in, (size_t)(end - t.in), 0, NULL);
	assert_non_null(cmd);
	t.in_len -= (size_t)(end + 1 - t.in);
	memmove(t.in, end + 1, t.in_len + 1);
	assert_string_equal(json_string_value(json_object_get(cmd, "execute")), name);
	return cmd;
}

static inline void
nothing(void)
{
	SETTLE();
	if (heard())
		fail_msg("not expected: %s", t.in);
}

/* Answer @p cmd, and free it. @p body: "\"return\": {}" */
static void
answer(json_t *cmd, const char *body)
{
	char text[32768];

	snprintf(text, sizeof(text), "{%s, \"id\": %lld}\r\n", body,
		(long long)json_integer_value(json_object_get(cmd, "id")));
	json_decref(cmd);
	say(text);
}

static inline void
ok(json_t *cmd)
{
	answer(cmd, "\"return\": {}");
}

static inline void
refuse(json_t *cmd, const char *desc)
{
	char body[512];

	snprintf(body, sizeof(body), "\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}",
		desc);
	answer(cmd, body);
}

static inline const char *
arg(const json_t *cmd, const char *name)
{
	return json_string_value(json_object_get(json_object_get(cmd, "arguments"), name));
}

/* Let the host connect, as QEMU @p version would ("11, 1, 3"). @p list: what the VM has. */
static void
vm_greet(const char *version, const char *list)
{
	int v[3] = {0};
	char text[4096];

	sscanf(version, "%d, %d, %d", &v[0], &v[1], &v[2]);
	UNTIL(accepted());
	snprintf(text, sizeof(text),
		"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": %d, \"minor\": %d, \"major\": %d}, "
		"\"package\": \"x\"}, \"capabilities\": [\"oob\"]}}\r\n",
		v[2], v[1], v[0]);
	say(text);
	ok(expect("qmp_capabilities"));
	snprintf(text, sizeof(text), "\"return\": [{\"name\": \"type\", \"type\": \"string\"}%s]",
		list);
	answer(expect("qom-list"), text);
}

static inline void
vm_up(const char *version, const char *list)
{
	vm_start();
	vm_greet(version, list);
	answer(expect("query-pci"), "\"return\": []");
	UNTIL(t.host->state == HOST_UP && !t.host->refreshing);
}

static inline void
event(const char *name, const char *device)
{
	char text[256];

	snprintf(text, sizeof(text),
		"{\"timestamp\": {\"seconds\": 1}, \"event\": \"%s\", \"data\": {\"device\": "
		"\"%s\", "
		"\"path\": \"/x\"}}\r\n",
		name, device);
	say(text);
}

static void
free_port(const char *port)
{
	char path[128];
	json_t *cmd = expect("qom-list");

	snprintf(path, sizeof(path), "/machine/peripheral/%s/%s", port, port);
	assert_string_equal(arg(cmd, "path"), path);
	answer(cmd, "\"return\": [{\"name\": \"type\", \"type\": \"string\"}]");
}

/* What query-pci says of device @p id behind @p port. */
static void
pci(json_t *cmd, const char *port, const char *id, int bus)
{
	char body[1024];

	snprintf(body, sizeof(body),
		"\"return\": [{\"bus\": 0, \"devices\": [{\"bus\": 0, \"slot\": 0, \"function\": "
		"0, "
		"\"qdev_id\": \"\"}, {\"bus\": 0, \"slot\": 3, \"function\": 0, \"qdev_id\": "
		"\"%s\", "
		"\"pci_bridge\": {\"bus\": {\"number\": 0, \"secondary\": %d}, \"devices\": "
		"[{\"bus\": %d, \"slot\": 0, \"function\": 0, \"qdev_id\": \"%s\"}]}}]}]",
		port, bus, bus, id);
	answer(cmd, body);
}

static struct vn_host_fn
function(enum vn_host_kind kind, const char *id)
{
	struct vn_host_fn fn = {
		.kind = kind,
		.socket = "/run/x.sock",
		.mac = {2, 0, 0, 0, 0, 1},
		.queue_pairs = 2,
		.vectors = 6,
		.queue_size = 512,
		.mtu = 1450,
	};

	snprintf(fn.id, sizeof(fn.id), "%s", id);
	return fn;
}

static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.listener = t.fd = -1;
	strcpy(t.dir, "/tmp/vn-host-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	strcpy(t.conf.name, "vm1");
	snprintf(t.conf.qmp, sizeof(t.conf.qmp), "%s/qmp", t.dir);
	t.conf.n_ports = 2;
	strcpy(t.conf.port[0], "rp1");
	strcpy(t.conf.port[1], "rp2");
	t.loop = vn_loop_create();
	t.host = vn_host_create(t.loop, &t.conf);
	assert_non_null(t.host);
	vn_host_on_event(t.host, on_host_event, NULL);
	t.host->times.retry = VN_MS(2);
	t.host->times.bdf_poll = VN_MS(1);
	/* Not by chance in the middle of another test. */
	t.host->times.refresh = VN_SEC(3600);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	vn_host_destroy(t.host);
	vm_stop();
	vn_loop_destroy(t.loop);
	assert_int_equal(rmdir(t.dir), 0);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* HOST_TEST_H */
