/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vn_sock.h"

/* One connection is served at a time; the others are refused as they come. */
#define SOCK_BACKLOG 8
/* How often another process may take away what we just looked at before we give up. */
#define SOCK_MAX_TRIES 8

static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) == VN_SOCK_PATH_MAX,
	"size of sun_path on this system");

/* Note one line for the operator and pass @p ret through. */
static int __attribute__((format(printf, 4, 5)))
sock_error(char *err, size_t errlen, int ret, const char *fmt, ...)
{
	va_list ap;

	if (err != NULL && errlen > 0) {
		va_start(ap, fmt);
		vsnprintf(err, errlen, fmt, ap);
		va_end(ap);
	}
	return ret;
}

int
vn_sock_check_path(const char *path, char *err, size_t errlen)
{
	size_t len;

	if (path == NULL || path[0] == '\0')
		return sock_error(err, errlen, -EINVAL, "empty socket path: give a file name");
	len = strlen(path);
	if (len >= VN_SOCK_PATH_MAX)
		return sock_error(err, errlen, -ENAMETOOLONG,
			"socket path has %zu characters, at most %d are possible: "
			"choose a shorter directory: %s",
			len, VN_SOCK_PATH_MAX - 1, path);
	return 0;
}

static int
sock_open(const char *path, struct sockaddr_un *addr)
{
	int fd, ret;

	ret = vn_sock_check_path(path, NULL, 0);
	if (ret != 0)
		return ret;
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int
vn_sock_connect(const char *path)
{
	struct sockaddr_un addr;
	int fd, ret;

	fd = sock_open(path, &addr);
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

/*
 * Take the lock file @p lock. It is removed at the end, so a lock that we got may be on a file that
 * is no longer the one of that name: look again then.
 */
static int
sock_lock(const char *lock)
{
	struct stat ours, there;
	unsigned int i;
	int fd, ret;

	for (i = 0; i < SOCK_MAX_TRIES; i++) {
		fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			ret = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
			close(fd);
			return ret;
		}
		if (fstat(fd, &ours) == 0 && lstat(lock, &there) == 0 &&
			ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
			return fd;
		close(fd);
	}
	return -EADDRINUSE;
}

static void
sock_unlock(const char *lock, int fd)
{
	/* In this order: whoever waits for the lock then sees that the name has gone. */
	unlink(lock);
	close(fd);
}

/*
 * Make way for a new socket at @p path. With the lock held nobody of ours can put a living socket
 * there between the look and the removal.
 */
static int
sock_clear(const char *path, char *err, size_t errlen)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) != 0) {
		if (errno == ENOENT)
			return 0;
		return sock_error(err, errlen, -errno, "cannot look at socket path %s: %s", path,
			strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return sock_error(err, errlen, -EEXIST,
			"%s is there and is not a socket: remove it or choose another path", path);
	fd = vn_sock_connect(path);
	if (fd >= 0)
		close(fd);
	/* A full queue (EAGAIN) means a living listener too; so does a refusal by rights. */
	if (fd != -ECONNREFUSED && fd != -ENOENT)
		return sock_error(err, errlen, -EADDRINUSE,
			"socket %s is in use by another process: stop that one "
			"or choose another path",
			path);
	if (unlink(path) != 0 && errno != ENOENT)
		return sock_error(err, errlen, -errno, "cannot remove the stale socket %s: %s",
			path, strerror(errno));
	return 0;
}

static int
sock_bind(struct vn_sock_listener *l, char *err, size_t errlen)
{
	struct sockaddr_un addr;
	struct stat st;
	int fd, ret;

	fd = sock_open(l->path, &addr);
	if (fd < 0)
		return sock_error(err, errlen, fd, "cannot make a socket: %s", strerror(-fd));
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		ret = -errno;
		close(fd);
		return sock_error(
			err, errlen, ret, "cannot make socket %s: %s", l->path, strerror(-ret));
	}
	/* From here on the file is ours to remove. */
	if (lstat(l->path, &st) != 0 || listen(fd, SOCK_BACKLOG) != 0) {
		ret = -errno;
		unlink(l->path);
		close(fd);
		return sock_error(err, errlen, ret, "cannot listen on socket %s: %s", l->path,
			strerror(-ret));
	}
	l->fd = fd;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int
vn_sock_listen(struct vn_sock_listener *l, const char *path, char *err, size_t errlen)
{
	char lock[VN_SOCK_PATH_MAX + sizeof(".lock")];
	int lock_fd, ret;

	l->fd = -1;
	ret = vn_sock_check_path(path, err, errlen);
	if (ret != 0)
		return ret;
	snprintf(l->path, sizeof(l->path), "%s", path);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	lock_fd = sock_lock(lock);
	if (lock_fd == -EADDRINUSE)
		return sock_error(err, errlen, lock_fd,
			"socket %s is being set up by another process: stop that one", path);
	if (lock_fd < 0)
		return sock_error(err, errlen, lock_fd,
			"cannot make lock file %s: %s: does the directory exist, "
			"and may we write to it?",
			lock, strerror(-lock_fd));
	ret = sock_clear(path, err, errlen);
	if (ret == 0)
		ret = sock_bind(l, err, errlen);
	sock_unlock(lock, lock_fd);
	return ret;
}

void
vn_sock_unlisten(struct vn_sock_listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	/* While we listen nobody of ours takes the file for stale: remove it before the close. */
	if (lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	close(l->fd);
	l->fd = -1;
}

int
vn_sock_accept(const struct vn_sock_listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	/* A client that is gone already is no reason to stop. */
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR ? -EAGAIN : -errno;
	return fd;
}

bool
vn_sock_hung_up(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}
