/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Requests to the control socket, good and bad, and their answers. */

#include <stdlib.h>

#include "ctl_test.h"
#include "vn_errors.h"
#include "vn_log.h"

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
	static const char *const bad_lists[] = {"", ",", "0,", ",0", "0-", "-1", "2-1", "0--1",
		"65536", "0-65536", "99999999999999999999", "a", "0 ", "0,,1"};
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
	assert_string_equal(
		json_string_value(json_object_get(v, "vuid")), "MT2151X03152VNETS0D0F2VF1");
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
	assert_int_equal(
		ask_error(w, fd, "/virtnet/stats,pf=1,queue_id=63"), VIRTNET_ERR_QUEUE_INDEX);
	assert_int_equal(
		ask_error(w, fd, "/virtnet/query,pf=1,queue_id=63"), VIRTNET_ERR_QUEUE_INDEX);
	assert_int_equal(ask_error(w, fd, "/virtnet/query,pf=1,queue_id=62"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/query,pf=1,latency_stats"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/health/show,pf=1"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/health/show,all"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/restart"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/update"), 0);
	assert_int_equal(ask_error(w, fd, "/virtnet/update,start"), VIRTNET_ERR_NOT_SUPPORTED);
	/* Lists; what is not one is refused. */
	assert_int_equal(ask_error(w, fd, "/virtnet/query,{\"pfs\": \"0-1,0,1\"}"), 0);
	for (unsigned int i = 0; i < RTE_DIM(bad_lists); i++) {
		char text[128];

		snprintf(text, sizeof(text), "/virtnet/stats,{\"pf\": 0, \"vfs\": \"%s\"}",
			bad_lists[i]);
		assert_int_equal(ask_error(w, fd, text), -EINVAL);
	}
	/* With all devices, those without that queue show none. */
	assert_int_equal(ask_error(w, fd, "/virtnet/query,all,queue_id=62"), 0);

	doc = ask(w, fd, "/virtnet/log,level=err");
	assert_string_equal(json_string_value(json_object_get(doc, "/virtnet/log")), "Success");
	assert_string_equal(vn_log_level(), "err");
	json_decref(doc);

	doc = ask(w, fd, "/virtnet/version");
	v = json_array_get(json_object_get(doc, "/virtnet/version"), 0);
	assert_string_equal(
		json_string_value(json_object_get(v, "Original Controller")), "v24.10.17");
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
		assert_int_equal(
			error_of(doc, ""), len[i] <= VN_CTL_MAX_REQUEST ? -EINVAL : -EMSGSIZE);
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
		snprintf(request, sizeof(request), "/virtnet/%s%ccursor=%lld", command, ',',
			(long long)json_integer_value(cursor));
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

		if (key == cursor || i == 0) {
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
			assert_string_equal(
				json_string_value(json_object_get(json_array_get(all, i), "vuid")),
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
	unsigned int loops = getenv("VN_LONG") != NULL ? 500000 : 5000;
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
		cmocka_unit_test(pages),
		cmocka_unit_test(random_requests),
	};

	return cmocka_run_group_tests_name("ctl_server", tests, NULL, NULL);
}
