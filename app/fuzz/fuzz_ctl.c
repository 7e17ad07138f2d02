/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * libFuzzer target: requests to the control socket, with the real command table against a fake
 * inventory. The input is a byte of options, then requests with a newline behind each; they go to
 * ctl_request(), or as messages to a real socket, from a client with or without manners.
 * ctl_seeds.py makes some for every command. Each request must be answered, at once or when the
 * controller is done, by one JSON object that is no longer than what clients were told.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_log.h>

#include "ctl_fake.h"
#include "ctl_private.h"
#include "vn_log.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, in every build. */
#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* Long inputs find nothing that short ones do not. */
#define MAX_REQUESTS 16

/* Rounds of the loop within which all that waits in the sockets has been dealt with. */
#define MAX_ROUNDS 100

/* The byte of options; its low bits choose inventory and result. */
#define OPT_HOLD   0x10 /* operations end only after the request was taken */
#define OPT_SOCKET 0x20 /* through the socket; what follows is for that */
#define OPT_LEAVE  0x40 /* the client goes before an answer that comes later */
#define OPT_DEAF   0x80 /* the client reads no answers */

/* A message that begins with it is as long as the next two bytes say, by repeating the rest. */
#define LONG_MESSAGE 0xff

static const char *const inventories[] = {"vf", "full", "hotplug", "none"};
static const int results[] = {0, VIRTNET_ERR_UNPLUG_NOT_READY, VIRTNET_ERR_NOT_HOTPLUG, -ENOMEM};
static struct fake *fakes[RTE_DIM(inventories)];
static struct vn_loop *loop;
static struct vn_ctl *ctl;
static char dir[] = "/tmp/vn-fuzz-XXXXXX";

static void
clean_up(void)
{
	vn_ctl_destroy(ctl);
	vn_loop_destroy(loop);
	rmdir(dir);
	for (unsigned int i = 0; i < RTE_DIM(inventories); i++)
		fake_destroy(fakes[i]);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct vn_ctl_conf conf = {.dir = dir, .version = "1.2.3"};
	FILE *nowhere = fopen("/dev/null", "w");
	char err[256] = "no temporary directory";

	(void)argc;
	(void)argv;
	if (nowhere != NULL)
		rte_openlog_stream(nowhere);
	for (unsigned int i = 0; i < RTE_DIM(inventories); i++)
		fakes[i] = fake_create(inventories[i]);
	conf.controller = &fakes[0]->ctrl;
	loop = vn_loop_create();
	if (loop == NULL || mkdtemp(dir) == NULL ||
		vn_ctl_create(loop, &conf, &ctl, err, sizeof(err)) != 0) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	atexit(clean_up);
	return 0;
}

static void
check_answer(const char *text, size_t len)
{
	json_t *doc;

	CHECK(len <= VN_CTL_MAX_OUTPUT);
	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(json_is_object(doc) && json_object_size(doc) > 0);
	json_decref(doc);
}

static void
call(const uint8_t *data, size_t size)
{
	struct ctl_pending *pending;
	/* In memory of its own size: reading behind it is seen. */
	char *request = malloc(size);
	char *answer;

	CHECK(request != NULL);
	memcpy(request, data, size);
	answer = ctl_request(ctl, request, size, &pending);
	free(request);
	if (pending == NULL) {
		CHECK(answer != NULL);
		check_answer(answer, strlen(answer));
	} else {
		CHECK(answer == NULL && fake_op.hold);
		fake_release(); /* its client has gone */
	}
	free(answer);
}

/* Two: what is found ready in the first may make something else ready. */
static void
settle(void)
{
	CHECK(vn_loop_run_once(loop, 0) == 0);
	CHECK(vn_loop_run_once(loop, 0) == 0);
}

/* @return the length; 0: the connection has ended; -1: there is no answer. */
static ssize_t
receive(int fd)
{
	static char buf[VN_CTL_MAX_OUTPUT + 1];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);

	if (n > 0)
		check_answer(buf, (size_t)n);
	CHECK(n >= 0 || errno == EAGAIN || errno == ECONNRESET);
	return n < 0 && errno == ECONNRESET ? 0 : n;
}

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK(connect(fd, (const struct sockaddr *)&ctl->addr, sizeof(ctl->addr)) == 0);
	settle();
	CHECK(vn_ctl_clients(ctl) == 1 && receive(fd) > 0);
	return fd;
}

static void
hang_up(int fd)
{
	close(fd);
	for (unsigned int i = 0; i < MAX_ROUNDS && vn_ctl_clients(ctl) > 0; i++)
		CHECK(vn_loop_run_once(loop, 0) == 0);
	CHECK(vn_ctl_clients(ctl) == 0);
	/* What ends now has nobody to tell. */
	fake_release();
}

/* @return false: it does not fit into the socket. */
static bool
send_message(int fd, const uint8_t *data, size_t size)
{
	static uint8_t buf[2 * UINT16_MAX];
	size_t len;

	if (size > 3 && data[0] == LONG_MESSAGE) {
		len = 2 * (size_t)(data[1] << 8 | data[2]);
		for (size_t at = 0; at < len; at += size - 3)
			memcpy(buf + at, data + 3, RTE_MIN(size - 3, len - at));
		data = buf;
		size = len;
	}
	if (send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	CHECK(errno == EAGAIN || errno == EMSGSIZE || errno == EPIPE || errno == ECONNRESET);
	return false;
}

/* One message of a client that waits for its answer. @return the connection: it may be a new one.
 */
static int
converse(int fd, const uint8_t *data, size_t size, bool leave)
{
	ssize_t n;

	if (!send_message(fd, data, size))
		return fd;
	settle();
	if (fake_op.n_begun > 0) {
		if (leave) {
			hang_up(fd);
			return dial();
		}
		CHECK(receive(fd) < 0);
		fake_release();
	}
	n = receive(fd);
	CHECK(n >= 0);
	if (n > 0) {
		CHECK(receive(fd) < 0);
		return fd;
	}
	/* An empty message is taken for the end. */
	hang_up(fd);
	return dial();
}

static void
one_request(int *fd, const uint8_t *data, size_t size, uint8_t options)
{
	fake_op.hold = (options & OPT_HOLD) != 0;
	if (*fd < 0) {
		if (size > 0)
			call(data, size);
	} else if ((options & OPT_DEAF) != 0) {
		send_message(*fd, data, size);
		settle();
		fake_release();
	} else {
		*fd = converse(*fd, data, size, (options & OPT_LEAVE) != 0);
	}
	CHECK(fake_op.n_begun == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *const end = data + size;
	struct fake *f;
	uint8_t options;
	int fd;

	if (size == 0)
		return 0;
	/* As after the start, so that each input does the same wherever it stands. */
	ctl_baselines_free(ctl);
	vn_log_set_level("info");
	options = *data++;
	f = fakes[options % RTE_DIM(inventories)];
	ctl->controller = &f->ctrl;
	ctl->pollers = &f->pollers;
	fake_op.result = results[(options >> 2) % RTE_DIM(results)];
	fd = (options & OPT_SOCKET) != 0 ? dial() : -1;
	for (unsigned int i = 0; data < end && i < MAX_REQUESTS; i++) {
		const uint8_t *stop = memchr(data, '\n', (size_t)(end - data));

		if (stop == NULL)
			stop = end;
		one_request(&fd, data, (size_t)(stop - data), options);
		data = stop + 1;
	}
	if (fd >= 0)
		hang_up(fd);
	return 0;
}
