/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_TEST_H
#define CTL_TEST_H

/**
 * @file
 * A control socket and its clients in one thread, for tests. For one source file per program.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_fake.h"
#include "ctl_private.h"

/** Rounds of the loop within which anything that is due has happened. */
#define ROUNDS 5000

struct world {
	struct vn_loop *loop;
	struct fake *fake;
	struct vn_ctl *ctl;
	char top[32]; /**< temporary directory */
	char dir[64]; /**< that of the socket */
	char path[108];
};

static struct world *
begin(const char *inventory)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vn_ctl_conf conf = {.version = "24.10.17"};
	char err[256];

	strcpy(w->top, "/tmp/vn-ctl-XXXXXX");
	assert_non_null(mkdtemp(w->top));
	snprintf(w->dir, sizeof(w->dir), "%s/run/virtnet", w->top);
	snprintf(w->path, sizeof(w->path), "%s/%s", w->dir, VN_CTL_SOCKET);
	w->fake = fake_create(inventory);
	w->loop = vn_loop_create();
	conf.dir = w->dir;
	conf.controller = &w->fake->ctrl;
	conf.pollers = &w->fake->pollers;
	if (vn_ctl_create(w->loop, &conf, &w->ctl, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	return w;
}

static void
end(struct world *w)
{
	char run[64];

	vn_ctl_destroy(w->ctl);
	assert_int_not_equal(access(w->path, F_OK), 0);
	vn_loop_destroy(w->loop);
	fake_destroy(w->fake);
	snprintf(run, sizeof(run), "%s/run", w->top);
	assert_int_equal(rmdir(w->dir), 0);
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(w->top), 0);
	free(w);
}

/** One message. @return NULL: the connection has ended. */
static json_t *
receive(struct world *w, int fd)
{
	static char buf[VN_CTL_MAX_OUTPUT + 1];
	json_t *doc;
	ssize_t n = -1;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		assert_int_equal(vn_loop_run_once(w->loop, 0), 0);
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n >= 0 || errno != EAGAIN)
			break;
	}
	if (n <= 0) {
		if (n < 0 && errno == EAGAIN)
			fail_msg("nothing came");
		return NULL;
	}
	assert_true(n <= VN_CTL_MAX_OUTPUT);
	doc = json_loadb(buf, n, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_object(doc));
	return doc;
}

static int
connect_raw(struct world *w)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", w->path);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		fail_msg("connect: %s", strerror(errno));
	return fd;
}

/** A client that got the banner. */
static inline int
dial(struct world *w)
{
	int fd = connect_raw(w);
	json_t *doc = receive(w, fd);

	assert_string_equal(json_string_value(json_object_get(doc, "version")), "v24.10.17");
	assert_int_equal(json_integer_value(json_object_get(doc, "pid")), getpid());
	assert_int_equal(json_integer_value(json_object_get(doc, "max_output_len")), 1048576);
	json_decref(doc);
	return fd;
}

static inline json_t *
ask(struct world *w, int fd, const char *request)
{
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return receive(w, fd);
}

/** errno of an answer, on top or below its path; 0: none. */
static inline int
error_of(const json_t *doc, const char *path)
{
	const json_t *below = json_object_get(doc, path);

	return (int)json_integer_value(json_object_get(below != NULL ? below : doc, "errno"));
}

static inline int
ask_error(struct world *w, int fd, const char *request)
{
	char path[64];
	json_t *doc = ask(w, fd, request);
	int error;

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(request, ","), request);
	error = error_of(doc, path);
	json_decref(doc);
	return error;
}

#endif /* CTL_TEST_H */
