/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_private.h"
#include "vn_log.h"

/** Pending connections: all of them may come at once. */
#define BACKLOG VN_CTL_MAX_CLIENTS

/**
 * mkdir -p: parents 0755, the directory itself 0700.
 * @param made
 *   Length of the name of the first one that was not there; 0: all were.
 */
static int
make_dir(const char *dir, size_t *made)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool last;
	size_t i;

	*made = 0;
	snprintf(path, sizeof(path), "%s", dir);
	for (i = 1; i <= strlen(dir); i++) {
		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		path[i] = '\0';
		last = dir[i + strspn(dir + i, "/")] == '\0';
		if (mkdir(path, last ? 0700 : 0755) == 0) {
			if (*made == 0)
				*made = i;
		} else if (errno != EEXIST) {
			return -errno;
		}
		path[i] = dir[i];
		if (last)
			break;
	}
	return 0;
}

/** Undo make_dir(). What is not empty stays. */
static void
remove_dirs(const char *dir, size_t made)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	size_t i;

	snprintf(path, sizeof(path), "%s", dir);
	for (i = strlen(path); made > 0 && i >= made; i--) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (rmdir(path) != 0 && errno != ENOENT)
			return;
	}
}

/** Who can write to the directory can put a socket of his own in our place. */
static int
check_dir(const char *dir, char *err, size_t errlen)
{
	struct stat st;

	if (stat(dir, &st) != 0) {
		snprintf(err, errlen, "control socket: %s: %s", dir, strerror(errno));
		return -errno;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(err, errlen, "control socket: %s is not a directory: name another one",
			dir);
		return -ENOTDIR;
	}
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(err, errlen,
			"control socket: other users can write to %s: chown it to user %u and "
			"chmod it to 0700",
			dir, (unsigned int)geteuid());
		return -EPERM;
	}
	return 0;
}

/** Remove the socket file of a process that is no more. */
static int
remove_stale(const struct sockaddr_un *addr, char *err, size_t errlen)
{
	const char *path = addr->sun_path;
	struct stat st;
	int fd, rc = 0;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, errlen, "control socket: %s is there and is no socket: remove it",
			path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Only a refusal says that nobody listens: a full backlog or another type is somebody. */
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
		errno != ECONNREFUSED) {
		snprintf(err, errlen,
			"control socket: another process listens on %s: end it, or use another "
			"directory",
			path);
		rc = -EADDRINUSE;
	} else if (unlink(path) != 0) {
		rc = -errno;
	} else {
		VN_INFO("removed the socket file %s of an earlier process", path);
	}
	close(fd);
	return rc;
}

int
ctl_listen(struct vn_ctl *ctl, const char *dir, char *err, size_t errlen)
{
	struct sockaddr_un *addr = &ctl->addr;
	const char *step = "directory";
	int fd = -1, rc, n;
	size_t made = 0;

	err[0] = '\0';
	addr->sun_family = AF_UNIX;
	n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s", dir, VN_CTL_SOCKET);
	if (n < 0 || (size_t)n >= sizeof(addr->sun_path)) {
		snprintf(err, errlen,
			"control socket: the directory name has %zu bytes, at most %zu are "
			"possible: use a shorter one",
			strlen(dir), sizeof(addr->sun_path) - sizeof(VN_CTL_SOCKET) - 1);
		return -ENAMETOOLONG;
	}
	rc = make_dir(dir, &made);
	if (rc != 0)
		goto fail;
	rc = check_dir(dir, err, errlen);
	if (rc != 0)
		goto fail;
	rc = remove_stale(addr, err, errlen);
	if (rc != 0)
		goto fail;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The mode of the file comes from that of the socket: never open, not even for a moment. */
	step = "socket";
	if (fd < 0 || fchmod(fd, 0600) != 0) {
		rc = -errno;
		goto fail;
	}
	step = "bind";
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0) {
		rc = -errno;
		goto fail;
	}
	step = "listen";
	if (chmod(addr->sun_path, 0600) != 0 || lstat(addr->sun_path, &ctl->bound) != 0 ||
		listen(fd, BACKLOG) != 0) {
		rc = -errno;
		unlink(addr->sun_path);
		goto fail;
	}
	ctl->fd = fd;
	return 0;
fail:
	if (err[0] == '\0')
		snprintf(err, errlen, "control socket: %s: %s: %s", addr->sun_path, step,
			strerror(-rc));
	if (fd >= 0)
		close(fd);
	remove_dirs(dir, made);
	return rc;
}
