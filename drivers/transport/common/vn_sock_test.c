/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
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
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vn_sock.h"

struct fixture {
	char dir[32];
	char path[64];
	char lock[72];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/vn-sock-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	snprintf(f->lock, sizeof(f->lock), "%s.lock", f->path);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	/* Neither a lock file nor anything else is left. */
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void
test_listen_connect(void **state)
{
	struct fixture *f = *state;
	struct vn_sock_listener l, l2;
	char err[256];
	int a, b;

	assert_int_equal(vn_sock_connect(f->path), -ENOENT);
	assert_int_equal(vn_sock_listen(&l, f->path, err, sizeof(err)), 0);
	assert_int_equal(vn_sock_accept(&l), -EAGAIN);
	a = vn_sock_connect(f->path);
	assert_true(a >= 0);
	b = vn_sock_accept(&l);
	assert_true(b >= 0);
	assert_true(fcntl(b, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fcntl(b, F_GETFD), FD_CLOEXEC);
	assert_false(vn_sock_hung_up(b));
	/* Closed with something left to read: gone all the same. */
	assert_int_equal(write(a, "x", 1), 1);
	close(a);
	assert_true(vn_sock_hung_up(b));
	close(b);
	assert_int_equal(vn_sock_listen(&l2, f->path, err, sizeof(err)), -EADDRINUSE);
	assert_int_equal(l2.fd, -1);
	vn_sock_unlisten(&l2);
	vn_sock_unlisten(&l);
	vn_sock_unlisten(&l);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void
test_full_queue_is_in_use(void **state)
{
	struct fixture *f = *state;
	struct vn_sock_listener l, l2;
	char err[256];
	int fd[64], n = 0;

	assert_int_equal(vn_sock_listen(&l, f->path, err, sizeof(err)), 0);
	while (n < 64 && (fd[n] = vn_sock_connect(f->path)) >= 0)
		n++;
	assert_true(n < 64);
	assert_int_equal(fd[n], -EAGAIN);
	assert_int_equal(vn_sock_listen(&l2, f->path, err, sizeof(err)), -EADDRINUSE);
	while (n > 0)
		close(fd[--n]);
	vn_sock_unlisten(&l);
}

static void
test_lock_held(void **state)
{
	struct fixture *f = *state;
	struct vn_sock_listener l;
	char err[256];
	int fd;

	/* Somebody is at it just now. */
	fd = open(f->lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(vn_sock_listen(&l, f->path, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, "set up"));
	close(fd);
	/* Left by one that was killed: no obstacle, and it goes. */
	assert_int_equal(access(f->lock, F_OK), 0);
	assert_int_equal(vn_sock_listen(&l, f->path, err, sizeof(err)), 0);
	assert_int_equal(access(f->lock, F_OK), -1);
	vn_sock_unlisten(&l);
	/* A trap in its place is not followed. */
	assert_int_equal(symlink("/tmp/vn-sock-nowhere", f->lock), 0);
	assert_int_equal(vn_sock_listen(&l, f->path, err, sizeof(err)), -ELOOP);
	assert_int_equal(unlink(f->lock), 0);
	assert_int_equal(access("/tmp/vn-sock-nowhere", F_OK), -1);
}

/* Many processes want the same stale path at once: exactly one gets it. */
static void
test_race(void **state)
{
	const int rounds = 20, n = 8;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct fixture *f = *state;
	int i, r, fd, status, won, go[2], told[2], hold[2];
	char c;

	strcpy(addr.sun_path, f->path);
	for (r = 0; r < rounds; r++) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		close(fd);
		assert_int_equal(pipe(go), 0);
		assert_int_equal(pipe(told), 0);
		assert_int_equal(pipe(hold), 0);
		for (i = 0; i < n; i++) {
			if (fork() == 0) {
				struct vn_sock_listener l;
				int ret;

				close(go[1]);
				close(hold[1]);
				/* All begin when the parent closes its end. */
				if (read(go[0], &c, 1) != 0)
					_exit(1);
				ret = vn_sock_listen(&l, f->path, NULL, 0);
				c = ret == 0 ? 'w' : ret == -EADDRINUSE ? 'l' : '?';
				if (write(told[1], &c, 1) != 1)
					_exit(1);
				/* The winner listens until all have tried. */
				if (read(hold[0], &c, 1) != 0)
					_exit(1);
				vn_sock_unlisten(&l);
				_exit(0);
			}
		}
		close(go[0]);
		close(go[1]);
		close(told[1]);
		close(hold[0]);
		for (won = 0, i = 0; i < n; i++) {
			assert_int_equal(read(told[0], &c, 1), 1);
			assert_int_not_equal(c, '?');
			won += c == 'w';
		}
		assert_int_equal(won, 1);
		close(told[0]);
		close(hold[1]);
		for (i = 0; i < n; i++) {
			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
		assert_int_equal(access(f->path, F_OK), -1);
	}
	printf("race: %d rounds of %d processes\n", rounds, n);
}

static void
test_paths(void **state)
{
	struct fixture *f = *state;
	struct vn_sock_listener l;
	char path[VN_SOCK_PATH_MAX + 1], err[256];

	memset(path, '/', sizeof(path));
	path[VN_SOCK_PATH_MAX] = '\0';
	assert_int_equal(vn_sock_check_path(path, err, sizeof(err)), -ENAMETOOLONG);
	assert_int_equal(vn_sock_listen(&l, path, err, sizeof(err)), -ENAMETOOLONG);
	assert_int_equal(vn_sock_connect(path), -ENAMETOOLONG);
	path[VN_SOCK_PATH_MAX - 1] = '\0';
	assert_int_equal(vn_sock_check_path(path, err, sizeof(err)), 0);
	/* The longest one works. */
	memset(path, 'x', sizeof(path));
	memcpy(path, f->dir, strlen(f->dir));
	path[strlen(f->dir)] = '/';
	path[VN_SOCK_PATH_MAX - 1] = '\0';
	assert_int_equal(vn_sock_listen(&l, path, err, sizeof(err)), 0);
	vn_sock_unlisten(&l);
	assert_int_equal(vn_sock_listen(&l, f->dir, err, sizeof(err)), -EEXIST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_listen_connect),
		T(test_full_queue_is_in_use),
		T(test_lock_held),
		T(test_race),
		T(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
