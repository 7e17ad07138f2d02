/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The directory as a whole: names, the lock, files that go aside, deleting all. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "recovery_private.h"
#include "vn_log.h"

/* Up to @p max digits; *p moves behind them. */
static bool
digits(const char **p, unsigned int max, unsigned int *value)
{
	unsigned int n = 0;

	*value = 0;
	while (n < max && **p >= '0' && **p <= '9') {
		*value = 10 * *value + (unsigned int)(*(*p)++ - '0');
		n++;
	}
	return n > 0;
}

/* SERIAL "VNETS" SLOT "D0F" FUNCTION ["VF" NUMBER] */
bool
vn_recovery_name(const char *name, struct vn_recovery_name *out)
{
	static const char mark[] = "VNETS", function[] = "D0F", vf[] = "VF";
	const size_t len = strnlen(name, VN_VUID_LEN);
	const char *p = NULL, *next = name;
	unsigned int n = 0;

	if (len == VN_VUID_LEN ||
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(name))
		return false;
	/* A serial may have these letters in it, too. */
	while ((next = strstr(next, mark)) != NULL)
		p = next++;
	if (p == NULL || p == name)
		return false;
	snprintf(out->serial, sizeof(out->serial), "%.*s", (int)(p - name), name);
	p += strlen(mark);
	if (!digits(&p, 2, &out->slot) || strncmp(p, function, strlen(function)) != 0)
		return false;
	p += strlen(function);
	if (!digits(&p, 3, &out->function))
		return false;
	out->vf = -1;
	if (strncmp(p, vf, strlen(vf)) == 0) {
		p += strlen(vf);
		if (!digits(&p, 4, &n) || n == 0)
			return false;
		out->vf = (int)n - 1;
	}
	return *p == '\0';
}

int
recovery_open_locked(const char *path)
{
	int fd, err;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	err = errno == EWOULDBLOCK ? EBUSY : errno;
	close(fd);
	return -err;
}

int
vn_recovery_lock(struct vn_recovery_dir *dir, const char *path, bool needed)
{
	int fd = recovery_open_locked(path);

	if (fd < 0)
		return fd == -ENOENT && !needed ? 0 : fd;
	vn_recovery_close(dir);
	dir->fd = fd;
	return 0;
}

void
vn_recovery_aside(const char *dir, const char *name, const char *why)
{
	char to[RECOVERY_PATH_LEN + 8]; /* any number fits */
	int fd, n = 0, rc, err;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		VN_ERR("recovery file %s cannot be used: %s", name, why);
		return;
	}
	do {
		snprintf(to, sizeof(to), "%.*s.bad-%d", VN_VUID_LEN - 1, name, ++n);
	} while (n < RECOVERY_MAX_BAD && faccessat(fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	rc = renameat(fd, name, fd, to);
	if (rc != 0) {
		/* The last one makes way: there shall not be more and more of them. */
		unlinkat(fd, to, 0);
		unlinkat(fd, to, AT_REMOVEDIR);
		rc = renameat(fd, name, fd, to);
	}
	err = errno;
	if (rc == 0)
		VN_ERR("recovery file %s cannot be used (it is %s now): %s", name, to, why);
	else
		VN_ERR("recovery file %s cannot be used, nor be moved aside (%s): %s", name,
			strerror(err), why);
	close(fd);
}

int
vn_recovery_clear(const char *dir)
{
	struct vn_recovery_name who;
	struct dirent *e;
	int fd, n = 0;
	DIR *d;

	fd = recovery_open_locked(dir);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(d)) != NULL) {
		if (vn_recovery_name(e->d_name, &who) && unlinkat(fd, e->d_name, 0) == 0)
			n++;
	}
	fsync(fd);
	closedir(d);
	return n;
}

int
vn_recovery_boot_id(const char *file, char id[VN_BOOT_ID_LEN])
{
	ssize_t n;
	int fd;

	id[0] = '\0';
	fd = open(file != NULL ? file : VN_BOOT_ID, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	n = read(fd, id, VN_BOOT_ID_LEN - 1);
	id[n > 0 ? n : 0] = '\0';
	close(fd);
	id[strspn(id, "0123456789abcdef-")] = '\0';
	return n > 0 ? 0 : -EIO;
}

void
vn_recovery_close(struct vn_recovery_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}
