/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Writing a group: all new files under names of their own, all of them on disk, then the names, one
 * after the other, then the directory on disk. Until the last step each of it can be undone.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recovery_private.h"

/** With more files than these one syncfs() costs less than an fsync() of each. */
#define FSYNC_MAX 8

enum step {
	STEP_NONE,
	STEP_NEW,       /* NAME was not there */
	STEP_EXCHANGED, /* .NAME.tmp is what NAME was */
	STEP_REMOVED,   /* .NAME.old is what NAME was */
};

struct group {
	struct vn_recovery_dir *dir;
	struct vn_recovery_change *change;
	enum step *step;
	unsigned int n;
	char *err;
	size_t errlen;
};

static int
make_dirs(const char *path)
{
	char buf[PATH_MAX];

	if (snprintf(buf, sizeof(buf), "%s", path) >= (int)sizeof(buf))
		return -ENAMETOOLONG;
	for (char *p = buf + 1;; p++) {
		const char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(buf, 0700) != 0 && errno != EEXIST)
			return -errno;
		*p = c;
		if (c == '\0')
			return 0;
	}
}

/* The directory as it is now; it may not be the one that we know. */
int
vn_recovery_make_dir(struct vn_recovery_dir *dir, const char *path)
{
	const bool known = dir->fd >= 0;
	struct stat now, held;
	int rc;

	/* A number may come back; a directory that was removed has no links. */
	if (known && stat(path, &now) == 0 && fstat(dir->fd, &held) == 0 && held.st_nlink > 0 &&
		now.st_dev == held.st_dev && now.st_ino == held.st_ino)
		return 0;
	rc = make_dirs(path);
	if (rc == 0)
		rc = vn_recovery_lock(dir, path, true);
	if (rc != 0)
		return rc;
	return known ? -ESTALE : 0;
}

static void
path_of(char path[RECOVERY_PATH_LEN], const struct vn_recovery_change *c, const char *suffix)
{
	snprintf(path, RECOVERY_PATH_LEN, ".%.*s%s", VN_VUID_LEN - 1, c->name, suffix);
}

static int
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The new file, complete, under another name. */
static int
prepare(struct group *g, const struct vn_recovery_change *c, bool sync)
{
	char tmp[RECOVERY_PATH_LEN];
	int fd, rc;

	path_of(tmp, c, RECOVERY_TMP);
	unlinkat(g->dir->fd, tmp, 0);
	fd = openat(g->dir->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = -errno;
		g->dir->create_failed = true;
		return rc;
	}
	rc = write_all(fd, c->text, strlen(c->text));
	if (rc == 0 && sync && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int
prepare_all(struct group *g)
{
	unsigned int files = 0;
	int rc = 0;

	for (unsigned int i = 0; i < g->n; i++)
		files += g->change[i].text != NULL;
	for (unsigned int i = 0; i < g->n && rc == 0; i++) {
		if (g->change[i].text != NULL)
			rc = prepare(g, &g->change[i], files <= FSYNC_MAX);
		if (rc != 0)
			snprintf(g->err, g->errlen, "%s of %s", strerror(-rc), g->change[i].name);
	}
	if (rc == 0 && files > FSYNC_MAX && syncfs(g->dir->fd) != 0) {
		rc = -errno;
		snprintf(g->err, g->errlen, "%s (syncfs)", strerror(-rc));
	}
	return rc;
}

static int
put_in_place(const struct group *g, unsigned int i)
{
	const struct vn_recovery_change *c = &g->change[i];
	const int fd = g->dir->fd;
	char tmp[RECOVERY_PATH_LEN];
	bool fresh;

	path_of(tmp, c, RECOVERY_TMP);
	if (renameat2(fd, tmp, fd, c->name, RENAME_EXCHANGE) == 0) {
		g->step[i] = STEP_EXCHANGED;
		return 0;
	}
	/* Not there; or a file system without it, where this cannot be undone. */
	fresh = errno == ENOENT;
	if (renameat(fd, tmp, fd, c->name) != 0)
		return -errno;
	if (fresh)
		g->step[i] = STEP_NEW;
	return 0;
}

static int
take_away(const struct group *g, unsigned int i)
{
	const struct vn_recovery_change *c = &g->change[i];
	const int fd = g->dir->fd;
	char old[RECOVERY_PATH_LEN];

	path_of(old, c, RECOVERY_OLD);
	if (renameat(fd, c->name, fd, old) != 0)
		return errno == ENOENT ? 0 : -errno;
	g->step[i] = STEP_REMOVED;
	return 0;
}

/* VFs, then PFs, then what goes: whatever is cut off here, a start makes sense of it. */
static int
put_all(const struct group *g)
{
	int rc = 0;

	for (unsigned int pass = 0; pass < 3; pass++) {
		for (unsigned int i = 0; i < g->n && rc == 0; i++) {
			const struct vn_recovery_change *c = &g->change[i];
			const unsigned int mine = c->text == NULL ? 2 : c->last;

			if (mine != pass)
				continue;
			rc = c->text == NULL ? take_away(g, i) : put_in_place(g, i);
			if (rc != 0)
				snprintf(g->err, g->errlen, "%s of %s", strerror(-rc), c->name);
		}
	}
	if (rc == 0 && fsync(g->dir->fd) != 0) {
		rc = -errno;
		snprintf(g->err, g->errlen, "%s (fsync of the directory)", strerror(-rc));
	}
	return rc;
}

static void
undo(const struct group *g)
{
	const int fd = g->dir->fd;
	char path[RECOVERY_PATH_LEN];

	for (unsigned int i = g->n; i-- > 0;) {
		const struct vn_recovery_change *c = &g->change[i];

		if (g->step[i] == STEP_NEW) {
			unlinkat(fd, c->name, 0);
		} else if (g->step[i] == STEP_EXCHANGED) {
			path_of(path, c, RECOVERY_TMP);
			renameat2(fd, path, fd, c->name, RENAME_EXCHANGE);
		} else if (g->step[i] == STEP_REMOVED) {
			path_of(path, c, RECOVERY_OLD);
			renameat(fd, path, fd, c->name);
		}
	}
}

static void
clean_up(const struct group *g)
{
	char path[RECOVERY_PATH_LEN];

	for (unsigned int i = 0; i < g->n; i++) {
		const struct vn_recovery_change *c = &g->change[i];

		path_of(path, c, c->text != NULL ? RECOVERY_TMP : RECOVERY_OLD);
		if (unlinkat(g->dir->fd, path, 0) != 0 && errno == EISDIR)
			unlinkat(g->dir->fd, path, AT_REMOVEDIR);
	}
}

int
vn_recovery_write(struct vn_recovery_dir *dir, const char *path, struct vn_recovery_change *change,
	unsigned int n, char *err, size_t errlen)
{
	struct group g = {.dir = dir, .change = change, .n = n, .err = err, .errlen = errlen};
	int rc;

	err[0] = '\0';
	dir->create_failed = false;
	rc = vn_recovery_make_dir(dir, path);
	if (rc != 0) {
		dir->create_failed = true;
		if (rc != -ESTALE)
			snprintf(err, errlen, "%s",
				rc == -EBUSY ? "another service uses it" : strerror(-rc));
		return rc;
	}
	g.step = calloc(n + 1, sizeof(*g.step));
	if (g.step == NULL) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	rc = prepare_all(&g);
	if (rc == 0) {
		rc = put_all(&g);
		if (rc != 0)
			undo(&g);
	}
	clean_up(&g);
	free(g.step);
	return rc;
}
