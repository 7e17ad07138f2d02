/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The control socket with clients in the same thread: requests good and bad, crowds, slow readers. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_fake.h"
#include "ctl_private.h"
#include "vn_errors.h"
#include "vn_log.h"

/** Rounds of the loop within which anything that is due has happened. */
#define ROUNDS 5000

struct world {
	struct vn_loop *loop;
	struct fake *fake;
	struct vn_ctl *ctl;
	char top[32];  /**< temporary directory */
	char dir[64];  /**< that of the socket */
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
static int
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

static json_t *
ask(struct world *w, int fd, const char *request)
{
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return receive(w, fd);
}

/** errno of an answer, on top or below its path; 0: none. */
static int
error_of(const json_t *doc, const char *path)
{
	const json_t *below = json_object_get(doc, path);

	return (int)json_integer_value(json_object_get(below != NULL ? below : doc, "errno"));
}

static int
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

static void
protocol(void **state)
{
	struct world *w = begin("list");
	int fd = dial(w);
	json_t *doc;

	RTE_SET_USED(state);
	doc = ask(w, fd, "/");
	assert_int_equal(json_array_size(json_object_get(doc, "/")), 3 + ctl_n_commands);
	json_decref(doc);
	doc = ask(w, fd, "/info");
	assert_int_equal(json_object_size(json_object_get(doc, "/info")), 3);
	json_decref(doc);
	doc = ask(w, fd, "/help,/virtnet/query");
	assert_non_null(json_object_get(json_object_get(doc, "/help"), "query"));
	json_decref(doc);
	doc = ask(w, fd, "/help,log");
	assert_non_null(json_object_get(json_object_get(doc, "/help"), "log"));
	json_decref(doc);
	assert_int_equal(ask_error(w, fd, "/help,nosuch"), -ENOENT);
	assert_int_equal(ask_error(w, fd, "/help"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/nosuch"), -ENOENT);
	assert_int_equal(ask_error(w, fd, "/virtnet/"), -ENOENT);
	assert_int_equal(ask_error(w, fd, "/virtnet/lis"), -ENOENT);
	assert_int_equal(ask_error(w, fd, "/virtnet/list2"), -ENOENT);
	assert_int_equal(ask_error(w, fd, "/nosuch"), -ENOENT);
	assert_int_equal(ask_error(w, fd, "list"), -EINVAL);
	assert_int_equal(ask_error(w, fd, ","), -EINVAL);
	assert_int_equal(ask_error(w, fd, "/virtnet/query,{\"pf\": "), -EINVAL);
	assert_int_equal(ask_error(w, fd, "/virtnet/list"), 0);
	close(fd);
	end(w);
}

static void
commands(void **state)
{
	struct world *w = begin("vf");
	int fd = dial(w);
	json_t *doc, *v;

	RTE_SET_USED(state);
	doc = ask(w, fd, "/virtnet/list");
	v = json_object_get(doc, "/virtnet/list");
	assert_int_equal(json_array_size(json_object_get(v, "devices")), 3);
	assert_null(json_object_get(doc, "next_cursor"));
	json_decref(doc);

	doc = ask(w, fd, "/virtnet/query,{\"pf\": 0, \"vf\": 0, \"brief\": true}");
	v = json_array_get(json_object_get(json_object_get(doc, "/virtnet/query"), "devices"), 0);
	assert_int_equal(json_integer_value(json_object_get(v, "vf_id")), 0);
	assert_string_equal(json_string_value(json_object_get(v, "vuid")),
		"MT2151X03152VNETS0D0F2VF1");
	json_decref(doc);
	doc = ask(w, fd, "/virtnet/query,vuid=MT2349X00018VNETS0D0F1,queue_id=2");
	v = json_array_get(json_object_get(json_object_get(doc, "/virtnet/query"), "devices"), 0);
	assert_int_equal(json_integer_value(json_object_get(v, "pf_id")), 1);
	assert_int_equal(json_array_size(json_object_get(v, "enabled-queues-info")), 1);
	json_decref(doc);

	/* The second shape of an error. */
	doc = ask(w, fd, "/virtnet/stats,pf=0,vf=1");
	v = json_object_get(doc, "/virtnet/stats");
	assert_int_equal(json_object_size(v), 1);
	assert_string_equal(json_string_value(json_object_get(v, "Error")), "Device doesn't exist");
	json_decref(doc);
	assert_int_equal(ask_error(w, fd, "/virtnet/stats,pf=1,queue_id=63"),
		VIRTNET_ERR_QUEUE_INDEX);
	assert_int_equal(ask_error(w, fd, "/virtnet/query,pf=1,queue_id=63"),
		VIRTNET_ERR_QUEUE_INDEX);
	assert_int_equal(ask_error(w, fd, "/virtnet/query,pf=1,queue_id=62"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/query,pf=1,latency_stats"),
		VIRTNET_ERR_NOT_SUPPORTED);
	/* With all devices, those without that queue show none. */
	assert_int_equal(ask_error(w, fd, "/virtnet/query,all,queue_id=62"), 0);

	doc = ask(w, fd, "/virtnet/log,level=err");
	assert_string_equal(json_string_value(json_object_get(doc, "/virtnet/log")), "Success");
	assert_string_equal(vn_log_level(), "err");
	json_decref(doc);

	doc = ask(w, fd, "/virtnet/version");
	v = json_array_get(json_object_get(doc, "/virtnet/version"), 0);
	assert_string_equal(json_string_value(json_object_get(v, "Original Controller")),
		"v24.10.17");
	json_decref(doc);

	doc = ask(w, fd, "/virtnet/debug");
	v = json_object_get(doc, "/virtnet/debug");
	assert_int_equal(json_array_size(json_object_get(v, "pollers")), 2);
	assert_int_equal(json_array_size(json_object_get(v, "devices")), 3);
	assert_int_equal(json_array_size(json_object_get(v, "clients")), 1);
	json_decref(doc);
	doc = ask(w, fd, "/virtnet/debug,section=pollers");
	assert_int_equal(json_object_size(json_object_get(doc, "/virtnet/debug")), 1);
	json_decref(doc);
	close(fd);
	end(w);
}

static void
validate(void **state)
{
	struct world *w = begin("none");
	int fd = dial(w);
	json_t *doc, *v;

	RTE_SET_USED(state);
	doc = ask(w, fd, "/virtnet/validate,{\"file\": \"/a/b.conf\", \"content\": \"{}\"}");
	v = json_object_get(doc, "/virtnet/validate");
	assert_true(json_is_true(json_object_get(v, "valid")));
	assert_int_equal(json_array_size(json_object_get(v, "errors")), 0);
	json_decref(doc);
	doc = ask(w, fd,
		"/virtnet/validate,{\"file\": \"/a/b.conf\", \"content\": "
		"\"{\\n\\\"is_lag\\\": 2,\\n\\\"nosuch\\\": 1}\"}");
	v = json_object_get(doc, "/virtnet/validate");
	assert_true(json_is_false(json_object_get(v, "valid")));
	assert_true(json_integer_value(json_object_get(v, "errors_found")) >= 2);
	v = json_array_get(json_object_get(v, "errors"), 0);
	assert_memory_equal(json_string_value(v), "/a/b.conf:2: is_lag: ", 21);
	json_decref(doc);
	close(fd);
	end(w);
}

static void
debug_counters_cleared(void **state)
{
	struct world *w = begin("query");
	int fd = dial(w);
	const char *request = "/virtnet/query,pf=0,queue_id=3,dbg_stats";
	static const char *const expected[] = {"40", "40", "0", "2"};
	json_t *doc, *v;
	unsigned int i;

	RTE_SET_USED(state);
	for (i = 0; i < RTE_DIM(expected); i++) {
		/* The answer of the request that clears still has the counts. */
		doc = ask(w, fd,
			i == 1 ? "/virtnet/query,pf=0,queue_id=3,dbg_stats,stats_clear" : request);
		v = json_array_get(
			json_object_get(json_object_get(doc, "/virtnet/query"), "devices"), 0);
		v = json_array_get(json_object_get(v, "enabled-queues-info"), 0);
		assert_string_equal(json_string_value(json_object_get(v, "packets")), expected[i]);
		assert_string_equal(json_string_value(json_object_get(v, "received_desc")), "256");
		json_decref(doc);
		if (i == 2)
			w->fake->device[0]->vq[3].stats.packets += 2;
	}
	/* The memory of devices that are gone goes at the next clear. */
	assert_false(TAILQ_EMPTY(&w->ctl->baselines));
	w->fake->device[0]->conf.vuid[0] = 'X';
	assert_int_equal(ask_error(w, fd, "/virtnet/query,pf=5,stats_clear"), 0);
	assert_true(TAILQ_EMPTY(&w->ctl->baselines));
	close(fd);
	end(w);
}

static void
sizes(void **state)
{
	static const size_t len[] = {VN_CTL_MAX_REQUEST, VN_CTL_MAX_REQUEST + 1, 300000};
	struct world *w = begin("list");
	int fd = dial(w), size = 1 << 20;
	char *big = malloc(300000);
	unsigned int i;
	json_t *doc;

	RTE_SET_USED(state);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	memset(big, 'x', 300000);
	memcpy(big, "/virtnet/log,level=", 19);
	for (i = 0; i < RTE_DIM(len); i++) {
		if (send(fd, big, len[i], MSG_NOSIGNAL) < 0 && errno == EMSGSIZE)
			continue; /* this machine has no buffer for it */
		doc = receive(w, fd);
		assert_int_equal(error_of(doc, ""),
			len[i] <= VN_CTL_MAX_REQUEST ? -EINVAL : -EMSGSIZE);
		json_decref(doc);
		assert_int_equal(ask_error(w, fd, "/virtnet/list"), 0);
	}
	free(big);
	/* A message of no bytes cannot be told from the end: that client goes, others stay. */
	i = dial(w);
	assert_int_equal(send(fd, "", 0, MSG_NOSIGNAL), 0);
	assert_null(receive(w, fd));
	assert_int_equal(ask_error(w, i, "/virtnet/list"), 0);
	close(fd);
	/* Half a connection: the answer still comes. */
	assert_int_equal(send(i, "/virtnet/list", 13, MSG_NOSIGNAL), 13);
	shutdown(i, SHUT_WR);
	doc = receive(w, i);
	assert_non_null(doc);
	json_decref(doc);
	assert_null(receive(w, i));
	close(i);
	assert_int_equal(vn_ctl_clients(w->ctl), 0);
	end(w);
}

/* Requests one after the other, unread: each gets its answer, in order. */
static void
pipelined(void **state)
{
	struct world *w = begin("query");
	int fd = dial(w), i, sent;
	char request[64];
	json_t *doc;

	RTE_SET_USED(state);
	for (sent = 0; sent < 200; sent++) {
		snprintf(request, sizeof(request), "/virtnet/query,pf=0,queue_id=%d", sent % 60);
		if (send(fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	}
	assert_true(sent > 1);
	for (i = 0; i < sent; i++) {
		json_t *v;

		doc = receive(w, fd);
		v = json_object_get(json_object_get(doc, "/virtnet/query"), "devices");
		v = json_object_get(json_array_get(v, 0), "enabled-queues-info");
		snprintf(request, sizeof(request), "%d", i % 60);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(v, 0), "index")), request);
		json_decref(doc);
	}
	close(fd);
	end(w);
}

static void
crowd(void **state)
{
	struct world *w = begin("list");
	int fd[VN_CTL_MAX_CLIENTS], extra, i;
	json_t *doc;

	RTE_SET_USED(state);
	for (i = 0; i < VN_CTL_MAX_CLIENTS; i++)
		fd[i] = dial(w);
	for (i = 0; i < VN_CTL_MAX_CLIENTS; i++)
		assert_int_equal(send(fd[i], "/virtnet/list", 13, MSG_NOSIGNAL), 13);
	/* One more is told, and closed. */
	extra = connect_raw(w);
	doc = receive(w, extra);
	assert_int_equal(error_of(doc, ""), -EUSERS);
	json_decref(doc);
	assert_null(receive(w, extra));
	close(extra);
	for (i = 0; i < VN_CTL_MAX_CLIENTS; i++) {
		doc = receive(w, fd[i]);
		assert_non_null(json_object_get(doc, "/virtnet/list"));
		json_decref(doc);
	}
	assert_int_equal(vn_ctl_clients(w->ctl), VN_CTL_MAX_CLIENTS);
	close(fd[7]);
	for (i = 0; i < ROUNDS && vn_ctl_clients(w->ctl) == VN_CTL_MAX_CLIENTS; i++)
		vn_loop_run_once(w->loop, 0);
	fd[7] = dial(w);
	/* The server ends with clients connected: they see that. */
	vn_ctl_destroy(w->ctl);
	w->ctl = NULL;
	for (i = 0; i < VN_CTL_MAX_CLIENTS; i++) {
		assert_null(receive(w, fd[i]));
		close(fd[i]);
	}
	end(w);
}

/** Ask until the server cannot send any more. */
static void
stuff(struct world *w, int fd)
{
	const struct ctl_client *c = TAILQ_FIRST(&w->ctl->clients);
	int i;

	for (i = 0; i < ROUNDS && c->out == NULL; i++) {
		if (send(fd, "/virtnet/query,all", 18, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			assert_int_equal(errno, EAGAIN);
		vn_loop_run_once(w->loop, 0);
	}
	assert_non_null(c->out);
}

static void
slow_reader(void **state)
{
	struct world *w = begin("many");
	int slow = dial(w), other, i;
	uint64_t requests;
	ssize_t sent;
	json_t *doc;

	RTE_SET_USED(state);
	stuff(w, slow);
	/* No further request of it is read, and nobody else waits. */
	requests = TAILQ_FIRST(&w->ctl->clients)->requests;
	other = dial(w);
	for (i = 0; i < 10; i++)
		assert_int_equal(ask_error(w, other, "/virtnet/stats,pf=0"), 0);
	assert_int_equal(TAILQ_FIRST(&w->ctl->clients)->requests, requests);
	/* Once it reads, it gets everything that it asked for. */
	for (i = 0; i < (int)requests; i++) {
		doc = receive(w, slow);
		assert_non_null(json_object_get(doc, "/virtnet/query"));
		json_decref(doc);
	}
	close(slow);
	for (i = 0; i < ROUNDS && vn_ctl_clients(w->ctl) == 2; i++)
		vn_loop_run_once(w->loop, 0);
	close(other);
	for (i = 0; i < ROUNDS && vn_ctl_clients(w->ctl) == 1; i++)
		vn_loop_run_once(w->loop, 0);

	/* One that never reads is closed at its deadline. */
	w->ctl->read_deadline_ns = 0;
	slow = dial(w);
	for (i = 0; i < ROUNDS && vn_ctl_clients(w->ctl) == 1; i++) {
		sent = send(slow, "/virtnet/query,all", 18, MSG_NOSIGNAL | MSG_DONTWAIT);
		assert_true(sent > 0 || errno == EAGAIN || errno == EPIPE);
		vn_loop_run_once(w->loop, 0);
	}
	assert_int_equal(vn_ctl_clients(w->ctl), 0);
	close(slow);
	/* And one that goes while its answer waits. */
	w->ctl->read_deadline_ns = VN_SEC(3600);
	slow = dial(w);
	stuff(w, slow);
	close(slow);
	for (i = 0; i < ROUNDS && vn_ctl_clients(w->ctl) == 1; i++)
		vn_loop_run_once(w->loop, 0);
	assert_int_equal(vn_ctl_clients(w->ctl), 0);
	end(w);
}

/** Read all pages; @p between is called after the first. @return the devices, in order. */
static json_t *
all_pages(struct world *w, int fd, const char *command, unsigned int *pages,
	void (*between)(struct world *w, uint64_t cursor))
{
	json_t *all = json_array(), *doc, *devices, *cursor;
	char request[128], path[64];

	snprintf(request, sizeof(request), "/virtnet/%s", command);
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(request, ","), request);
	*pages = 0;
	for (;;) {
		doc = ask(w, fd, request);
		devices = json_object_get(json_object_get(doc, path), "devices");
		assert_true(json_array_size(devices) > 0);
		json_array_extend(all, devices);
		++*pages;
		assert_true(*pages < 1000);
		cursor = json_object_get(doc, "next_cursor");
		if (cursor == NULL)
			break;
		if (*pages == 1 && between != NULL)
			between(w, json_integer_value(cursor));
		snprintf(request, sizeof(request), "/virtnet/%s%ccursor=%lld", command,
			',', (long long)json_integer_value(cursor));
		json_decref(doc);
	}
	json_decref(doc);
	return all;
}

/** The device that the next page would begin with goes, and so does one already shown. */
static void
unplug_two(struct world *w, uint64_t cursor)
{
	struct vn_controller *c = &w->fake->ctrl;
	unsigned int i, n = 0;

	for (i = 0; i < c->num_devices; i++) {
		struct vn_device *dev = c->device[i];
		uint64_t key = (uint64_t)dev->conf.pf_id << 17 |
			(dev->conf.type == VN_VF ? dev->conf.vf_id + 1u : 0);

		if (key == cursor || i == 1) {
			free(dev->vq);
			free(dev);
		} else {
			c->device[n++] = dev;
		}
	}
	assert_int_equal(n, c->num_devices - 2);
	c->num_devices = n;
}

static void
pages(void **state)
{
	static const char *const commands_paged[] = {"list", "query,all", "debug,section=devices"};
	struct world *w = begin("many");
	int fd = dial(w);
	unsigned int i, k, n;
	json_t *all;

	RTE_SET_USED(state);
	for (k = 0; k < RTE_DIM(commands_paged); k++) {
		all = all_pages(w, fd, commands_paged[k], &n, NULL);
		assert_int_equal(json_array_size(all), 404);
		for (i = 0; i < 404; i++)
			assert_string_equal(json_string_value(json_object_get(
						    json_array_get(all, i), "vuid")),
				w->fake->device[i]->conf.vuid);
		json_decref(all);
		assert_true(n > 1);
		print_message("%s: %u pages\n", commands_paged[k], n);
	}
	/* Devices that go between pages: none is shown twice, no other is missing. */
	all = all_pages(w, fd, "query,all", &n, unplug_two);
	assert_int_equal(json_array_size(all), 403);
	for (i = 2; i < 403; i++)
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(all, i), "vuid")),
			w->fake->ctrl.device[i - 1]->conf.vuid);
	json_decref(all);
	/* A cursor behind the end. */
	assert_int_equal(ask_error(w, fd, "/virtnet/list,cursor=9007199254740991"), 0);
	close(fd);
	end(w);
}

/* Without a large send buffer (not root, small wmem_max) a long answer becomes an error. */
static void
small_send_buffer(void **state)
{
	struct world *w = begin("many");
	int fd = dial(w), size = 4096;

	RTE_SET_USED(state);
	setsockopt(TAILQ_FIRST(&w->ctl->clients)->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(ask_error(w, fd, "/virtnet/query,all"), -EMSGSIZE);
	assert_int_equal(ask_error(w, fd, "/virtnet/version"), 0);
	close(fd);
	end(w);
}

static void
other_user(void **state)
{
	struct world *w = begin("list");
	json_t *doc;
	int fd;

	RTE_SET_USED(state);
	if (geteuid() != 0) {
		end(w);
		skip();
	}
	/* Even where the file's mode lets them in. */
	assert_int_equal(chmod(w->path, 0777), 0);
	assert_int_equal(chmod(w->dir, 0755), 0);
	assert_int_equal(chmod(w->top, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	fd = connect_raw(w);
	assert_int_equal(seteuid(0), 0);
	doc = receive(w, fd);
	assert_int_equal(error_of(doc, ""), -EPERM);
	json_decref(doc);
	assert_null(receive(w, fd));
	close(fd);
	end(w);
}

static void
no_descriptors(void **state)
{
	struct world *w = begin("list");
	struct rlimit old, none;
	json_t *doc;
	int fd, i;

	RTE_SET_USED(state);
	fd = connect_raw(w);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (i = 0; i < 10; i++)
		vn_loop_run_once(w->loop, 0);
	/* The server does not spin: it waits for its timer. */
	assert_true(w->ctl->accept_pause.armed);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	while (w->ctl->accept_pause.armed)
		assert_int_equal(vn_loop_run_once(w->loop, 1000), 0);
	doc = receive(w, fd);
	assert_non_null(json_object_get(doc, "version"));
	json_decref(doc);
	close(fd);
	end(w);
}

static int
try_create(struct world *w, const char *dir, char err[256])
{
	struct vn_ctl_conf conf = {.dir = dir, .controller = &w->fake->ctrl};
	struct vn_ctl *ctl = NULL;
	int rc;

	memset(err, 0, 256);
	rc = vn_ctl_create(w->loop, &conf, &ctl, err, 256);
	if (rc != 0) {
		assert_null(ctl);
		assert_true(err[0] != '\0');
		assert_null(strchr(err, '\n'));
	}
	vn_ctl_destroy(ctl);
	return rc;
}

static void
touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void
places(void **state)
{
	struct world *w = begin("list");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char err[256], dir[256], file[300];
	struct rlimit old, none;
	struct stat st;
	json_t *doc;
	int fd;

	RTE_SET_USED(state);
	/* Modes. */
	assert_int_equal(stat(w->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	/* In use: the one that is there goes on. */
	assert_int_equal(try_create(w, w->dir, err), -EADDRINUSE);
	assert_non_null(strstr(err, "another process listens on"));
	fd = connect_raw(w);
	/* The attempt of the second one is a client that went. */
	doc = receive(w, fd);
	assert_non_null(json_object_get(doc, "version"));
	json_decref(doc);
	close(fd);

	/* A name that does not fit. */
	memset(dir, 'd', sizeof(dir));
	memcpy(dir, "/tmp/", 5);
	dir[100] = '\0';
	assert_int_equal(try_create(w, dir, err), -ENAMETOOLONG);
	assert_int_not_equal(access(dir, F_OK), 0);

	/* No descriptor for it: the directories that were made are gone again. */
	snprintf(dir, sizeof(dir), "%s/a//b/c/", w->top);
	fd = dup(0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = fd;
	close(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(try_create(w, dir, err), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	snprintf(dir, sizeof(dir), "%s/a", w->top);
	assert_int_not_equal(access(dir, F_OK), 0);

	/* Not a directory; no directory that can be made. */
	snprintf(dir, sizeof(dir), "%s/file", w->top);
	touch(dir);
	assert_int_equal(try_create(w, dir, err), -ENOTDIR);
	snprintf(file, sizeof(file), "%s/sub", dir);
	assert_int_equal(try_create(w, file, err), -ENOTDIR);
	unlink(dir);

	/* Open to others. */
	snprintf(dir, sizeof(dir), "%s/open", w->top);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(try_create(w, dir, err), -EPERM);
	assert_non_null(strstr(err, "chmod"));
	assert_int_equal(chmod(dir, 0755), 0);

	/* Something else has the name. */
	snprintf(file, sizeof(file), "%s/%s", dir, VN_CTL_SOCKET);
	touch(file);
	assert_int_equal(try_create(w, dir, err), -EEXIST);
	assert_int_equal(unlink(file), 0);

	/* Somebody listens there with another type of socket. */
	assert_true(strlen(file) < sizeof(addr.sun_path));
	strcpy(addr.sun_path, file);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(try_create(w, dir, err), -EADDRINUSE);
	/* It dies: its file is replaced. */
	close(fd);
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(try_create(w, dir, err), 0);
	assert_int_not_equal(access(file, F_OK), 0);
	assert_int_equal(rmdir(dir), 0);

	/* A file that replaced ours is not ours to remove. */
	assert_int_equal(unlink(w->path), 0);
	touch(w->path);
	vn_ctl_destroy(w->ctl);
	w->ctl = NULL;
	assert_int_equal(unlink(w->path), 0);
	end(w);
}

/* Requests changed at random: each gets one answer, and the server lives. */
static void
random_requests(void **state)
{
	static const char *const seeds[] = {
		"/virtnet/query,{\"pf\": 0, \"vf\": 0, \"brief\": true, \"queue_id\": 3}",
		"/virtnet/query,all,dbg_stats,stats_clear,cursor=131072",
		"/virtnet/stats,{\"vuid\": \"MT2151X03152VNETS0D0F2VF1\"}",
		"/virtnet/validate,{\"file\": \"f\", \"content\": \"{\\\"is_lag\\\": 1}\"}",
		"/virtnet/debug,section=clients",
		"/virtnet/list,{\"cursor\": 1}",
		"/help,/virtnet/stats",
	};
	unsigned int loops = getenv("VN_TEST_LONG") != NULL ? 500000 : 5000;
	struct world *w = begin("vf");
	uint64_t rnd = 0x9e3779b97f4a7c15;
	int fd = dial(w);
	unsigned int i, k;
	char buf[160];
	json_t *doc;
	size_t len;

	RTE_SET_USED(state);
	for (i = 0; i < loops; i++) {
		rnd = rnd * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		snprintf(buf, sizeof(buf), "%s", seeds[(rnd >> 33) % RTE_DIM(seeds)]);
		len = strlen(buf);
		for (k = rnd >> 60; k > 0; k--) {
			rnd = rnd * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			buf[(rnd >> 33) % len] = (char)(rnd >> 20);
		}
		if ((rnd >> 50 & 3) == 0)
			len = 1 + (rnd >> 33) % len;
		assert_int_equal(send(fd, buf, len, MSG_NOSIGNAL), len);
		doc = receive(w, fd);
		assert_non_null(doc);
		json_decref(doc);
	}
	print_message("%u requests\n", loops);
	close(fd);
	end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocol),
		cmocka_unit_test(commands),
		cmocka_unit_test(validate),
		cmocka_unit_test(debug_counters_cleared),
		cmocka_unit_test(sizes),
		cmocka_unit_test(pipelined),
		cmocka_unit_test(crowd),
		cmocka_unit_test(slow_reader),
		cmocka_unit_test(pages),
		cmocka_unit_test(small_send_buffer),
		cmocka_unit_test(other_user),
		cmocka_unit_test(no_descriptors),
		cmocka_unit_test(places),
		cmocka_unit_test(random_requests),
	};

	return cmocka_run_group_tests_name("ctl_server", tests, NULL, NULL);
}
