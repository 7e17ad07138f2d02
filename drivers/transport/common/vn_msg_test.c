/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vn_msg.h"

#define HDR_LEN  8
#define MAX_BODY 65536u
/* Rounds of the loop that a wait may take. */
#define ROUNDS 100

/* Header of the tests: length of the body, and what to do with the message. */
struct test_hdr {
	uint32_t len;
	uint32_t what;
};

enum { COUNT, ECHO, TAKE_FD, PAUSE, FAIL, CLOSE, SEND_FD, BAD_HDR };

struct fixture {
	struct vn_loop *loop;
	struct vn_msg_conn c;
	int peer;
	unsigned int fds_before;
	unsigned int messages, closed;
	unsigned int last_fds;
	uint32_t last_len;
	uint8_t last_first, last_end;
	int taken;
	int error;
	char why[VN_MSG_WHY_LEN];
};

static unsigned int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static int64_t
body_len(void *ctx, const void *hdr)
{
	struct fixture *f = ctx;
	struct test_hdr h;

	memcpy(&h, hdr, sizeof(h));
	if (h.what == BAD_HDR) {
		vn_msg_fail(&f->c, -EPROTO, "bad header");
		return -EPROTO;
	}
	return h.len;
}

static void
message(void *ctx, const void *hdr, const void *body, uint32_t len, struct vn_msg_fds *fds)
{
	struct fixture *f = ctx;
	struct test_hdr h;
	int fd;

	memcpy(&h, hdr, sizeof(h));
	f->messages++;
	f->last_len = len;
	f->last_fds = fds->n;
	if (len > 0) {
		f->last_first = ((const uint8_t *)body)[0];
		f->last_end = ((const uint8_t *)body)[len - 1];
	}
	switch (h.what) {
	case ECHO:
		vn_msg_send(&f->c, body, len, NULL, 0);
		break;
	case TAKE_FD:
		f->taken = vn_msg_take_fd(fds, 0);
		break;
	case PAUSE:
		vn_msg_pause(&f->c);
		break;
	case FAIL:
		vn_msg_fail(&f->c, -EINVAL, "asked to");
		vn_msg_fail(&f->c, -EIO, "the first reason counts");
		break;
	case CLOSE:
		vn_msg_close(&f->c);
		break;
	case SEND_FD:
		fd = eventfd(0, EFD_CLOEXEC);
		vn_msg_send(&f->c, body, len, &fd, 1);
		break;
	}
}

static void
closed(void *ctx, int error, const char *why)
{
	struct fixture *f = ctx;

	f->closed++;
	f->error = error;
	snprintf(f->why, sizeof(f->why), "%s", why);
	vn_msg_close(&f->c);
}

static const struct vn_msg_ops ops = {
	.hdr_len = HDR_LEN,
	.max_body = MAX_BODY,
	.max_fds = 3,
	.max_queued = 256 * 1024,
	.deadline_ns = VN_SEC(60), /* never by itself, however slow the machine is */
	.body_len = body_len,
	.message = message,
	.closed = closed,
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int sv[2];

	assert_non_null(f);
	f->fds_before = open_fds();
	f->loop = vn_loop_create();
	assert_non_null(f->loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(vn_msg_open(&f->c, f->loop, &ops, f, sv[0]), 0);
	f->peer = sv[1];
	f->taken = -1;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	vn_msg_close(&f->c);
	vn_msg_close(&f->c);
	if (f->peer >= 0)
		close(f->peer);
	if (f->taken >= 0)
		close(f->taken);
	vn_loop_destroy(f->loop);
	assert_int_equal(open_fds(), f->fds_before);
	free(f);
	return 0;
}

static void
drain(struct fixture *f)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		assert_int_equal(vn_loop_run_once(f->loop, 0), 0);
}

/* Run until *value is @p want. */
static void
until(struct fixture *f, const unsigned int *value, unsigned int want)
{
	unsigned int i;

	for (i = 0; i < ROUNDS && *value < want; i++)
		assert_int_equal(vn_loop_run_once(f->loop, 100), 0);
	assert_int_equal(*value, want);
}

static void
send_fds(struct fixture *f, const void *data, size_t len, unsigned int n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(64 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cm;
	unsigned int i;
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	if (n > 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (i = 0; i < n; i++)
			memcpy(CMSG_DATA(cm) + i * sizeof(int), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(f->peer, &mh, MSG_NOSIGNAL), len);
	close(fd);
}

static void
send_msg(struct fixture *f, uint32_t what, uint32_t len, unsigned int n_fds)
{
	struct test_hdr h = {.len = len, .what = what};
	uint8_t *buf = malloc(sizeof(h) + len);

	assert_non_null(buf);
	memset(buf, (int)what, sizeof(h) + len);
	memcpy(buf, &h, sizeof(h));
	send_fds(f, buf, sizeof(h) + len, n_fds);
	free(buf);
}

static void
test_stream(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	/* Several at once: descriptors stay with their message. */
	for (i = 0; i < 40; i++)
		send_msg(f, COUNT, i * 100, i % 4);
	drain(f);
	assert_int_equal(f->messages, 40);
	assert_int_equal(f->last_len, 3900);
	assert_int_equal(f->last_fds, 3);
	send_msg(f, TAKE_FD, MAX_BODY, 2);
	until(f, &f->messages, 41);
	assert_true(f->taken >= 0);
	assert_int_equal(fcntl(f->taken, F_GETFD), FD_CLOEXEC);
	assert_int_equal(f->last_end, TAKE_FD);
	assert_int_equal(f->closed, 0);
}

static void
test_byte_by_byte(void **state)
{
	struct fixture *f = *state;
	struct test_hdr h = {.len = 5, .what = COUNT};
	uint8_t buf[13] = {0}, i;

	memcpy(buf, &h, sizeof(h));
	buf[12] = 77;
	for (i = 0; i < sizeof(buf); i++) {
		assert_int_equal(f->messages, 0);
		/* One descriptor with the first byte, one with the last. */
		send_fds(f, &buf[i], 1, i == 0 || i == 12);
		drain(f);
	}
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->last_fds, 2);
	assert_int_equal(f->last_end, 77);
}

/* What there is to read is read, and then the minute passes. */
static void
time_is_over(struct fixture *f)
{
	drain(f);
	assert_int_equal(f->closed, 0);
	assert_true(f->c.deadline.armed);
	f->c.deadline.due_ns -= VN_SEC(60);
	until(f, &f->closed, 1);
	assert_int_equal(f->error, -ETIMEDOUT);
}

static void
test_deadline(void **state)
{
	struct fixture *f = *state;

	/* Nothing begun: no deadline. */
	send_msg(f, COUNT, 10, 0);
	until(f, &f->messages, 1);
	assert_false(f->c.deadline.armed);
	send_fds(f, "abc", 3, 1);
	time_is_over(f);
}

/* Drops that keep coming do not move the deadline. */
static void
test_deadline_is_for_the_message(void **state)
{
	struct fixture *f = *state;
	uint64_t due;

	send_fds(f, "a", 1, 0);
	drain(f);
	assert_true(f->c.deadline.armed);
	due = f->c.deadline.due_ns;
	send_fds(f, "b", 1, 0);
	drain(f);
	assert_true(f->c.deadline.armed);
	assert_true(f->c.deadline.due_ns == due);
}

static void
test_limits(void **state)
{
	struct fixture *f = *state;
	struct test_hdr h = {.len = MAX_BODY + 1};

	send_fds(f, &h, sizeof(h), 0);
	until(f, &f->closed, 1);
	assert_int_equal(f->error, -EMSGSIZE);
}

static void
test_too_many_fds(void **state)
{
	struct fixture *f = *state;

	send_msg(f, COUNT, 4, 4);
	until(f, &f->closed, 1);
	assert_int_equal(f->error, -EPROTO);
	assert_int_equal(f->messages, 0);
}

static void
test_lost_fds(void **state)
{
	struct fixture *f = *state;

	send_msg(f, COUNT, 4, 40);
	until(f, &f->closed, 1);
	assert_int_equal(f->error, -EPROTO);
}

static void
test_bad_header(void **state)
{
	struct fixture *f = *state;

	send_msg(f, BAD_HDR, 4, 1);
	until(f, &f->closed, 1);
	assert_string_equal(f->why, "bad header");
}

static void
test_fail_in_handler(void **state)
{
	struct fixture *f = *state;

	send_msg(f, FAIL, 0, 1);
	send_msg(f, COUNT, 0, 1);
	until(f, &f->closed, 1);
	assert_int_equal(f->messages, 1);
	assert_string_equal(f->why, "asked to");
	assert_int_equal(f->error, -EINVAL);
}

static void
test_close_in_handler(void **state)
{
	struct fixture *f = *state;

	send_msg(f, CLOSE, 100, 2);
	send_msg(f, COUNT, 0, 1);
	until(f, &f->messages, 1);
	drain(f);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->closed, 0);
}

static void
test_pause(void **state)
{
	struct fixture *f = *state;

	send_msg(f, PAUSE, 0, 0);
	send_msg(f, COUNT, 0, 1);
	until(f, &f->messages, 1);
	drain(f);
	assert_int_equal(f->messages, 1);
	vn_msg_resume(&f->c);
	until(f, &f->messages, 2);
	/* A hang-up is seen all the same. */
	vn_msg_pause(&f->c);
	close(f->peer);
	f->peer = -1;
	until(f, &f->closed, 1);
	assert_int_equal(f->error, 0);
}

static void
test_hang_up(void **state)
{
	struct fixture *f = *state;

	/* What came before it is handled. */
	send_msg(f, COUNT, 3, 0);
	send_fds(f, "abc", 3, 1);
	close(f->peer);
	f->peer = -1;
	until(f, &f->closed, 1);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->error, 0);
}

/* The peer's own end came with half a message: it does not hold the connection open for ever. */
static void
test_own_end(void **state)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct fixture *f = *state;
	struct iovec iov = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf)};
	struct cmsghdr *cm;

	memset(&control, 0, sizeof(control));
	cm = CMSG_FIRSTHDR(&mh);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &f->peer, sizeof(int));
	assert_int_equal(sendmsg(f->peer, &mh, MSG_NOSIGNAL), 1);
	close(f->peer);
	f->peer = -1;
	time_is_over(f);
}

/* A peer that asks and does not read: it gets no more, then its time is over. */
static void
test_unread_replies(void **state)
{
	struct fixture *f = *state;
	unsigned int i;
	int size = 1;

	setsockopt(f->c.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (i = 0; i < 3; i++)
		send_msg(f, ECHO, 40000, 0);
	time_is_over(f);
	assert_int_equal(f->messages, 1);
}

/* One that reads late gets all of it, in order, with its descriptor once. */
static void
test_late_reader(void **state)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct fixture *f = *state;
	unsigned int fds = 0, i;
	size_t got = 0;
	char buf[3000];
	int size = 1;

	setsockopt(f->c.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	send_msg(f, ECHO, 30000, 0);
	send_msg(f, SEND_FD, 30000, 0);
	for (i = 0; i < 1000 && got < 60000; i++) {
		struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
		struct msghdr mh = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.buf,
			.msg_controllen = sizeof(control.buf)};
		struct cmsghdr *cm;
		ssize_t n;
		int fd;

		drain(f);
		n = recvmsg(f->peer, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n <= 0)
			continue;
		assert_int_equal(buf[0], got < 30000 ? ECHO : SEND_FD);
		got += (size_t)n;
		cm = CMSG_FIRSTHDR(&mh);
		if (cm != NULL) {
			assert_true(got > 30000);
			memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
			close(fd);
			fds++;
		}
	}
	assert_int_equal(got, 60000);
	assert_int_equal(fds, 1);
	assert_int_equal(f->closed, 0);
	/* And the stream goes on. */
	send_msg(f, COUNT, 0, 0);
	until(f, &f->messages, 3);
}

static void
test_queue_full(void **state)
{
	struct fixture *f = *state;
	static const uint8_t data[60000];
	unsigned int i;
	int fd;

	for (i = 0; i < 20; i++) {
		fd = eventfd(0, EFD_CLOEXEC);
		vn_msg_send(&f->c, data, sizeof(data), &fd, 1);
	}
	assert_true(f->c.queued <= ops.max_queued);
	assert_int_equal(f->closed, 0);
	until(f, &f->closed, 1);
	assert_int_equal(f->error, -ENOBUFS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_stream),
		T(test_byte_by_byte),
		T(test_deadline),
		T(test_deadline_is_for_the_message),
		T(test_limits),
		T(test_too_many_fds),
		T(test_lost_fds),
		T(test_bad_header),
		T(test_fail_in_handler),
		T(test_close_in_handler),
		T(test_pause),
		T(test_hang_up),
		T(test_own_end),
		T(test_unread_replies),
		T(test_late_reader),
		T(test_queue_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
