/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Clients of the control socket: crowds, slow ones, strangers; and where the socket lies. */

#include <fcntl.h>
#include <sys/resource.h>

#include "ctl_test.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipelined),
		cmocka_unit_test(crowd),
		cmocka_unit_test(slow_reader),
		cmocka_unit_test(small_send_buffer),
		cmocka_unit_test(other_user),
		cmocka_unit_test(no_descriptors),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests_name("ctl_clients", tests, NULL, NULL);
}
