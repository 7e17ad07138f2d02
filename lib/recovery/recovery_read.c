/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Reading a directory: whatever lies there, a start goes on. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recovery_private.h"
#include "vn_log.h"

/* More than there can be devices: somebody else fills this directory. */
#define MAX_FILES 4096

static int
check_file(int fd, struct stat *st, char *err, size_t errlen)
{
	if (fstat(fd, st) != 0) {
		snprintf(err, errlen, "%s", strerror(errno));
		return -1;
	}
	if (!S_ISREG(st->st_mode))
		snprintf(err, errlen, "not a regular file");
	else if (st->st_uid != geteuid() && st->st_uid != 0)
		snprintf(err, errlen, "it belongs to user %u", st->st_uid);
	else if (st->st_size > RECOVERY_MAX_FILE)
		snprintf(err, errlen, "%lld bytes, where at most %d can be", (long long)st->st_size,
			RECOVERY_MAX_FILE);
	else
		return 0;
	return -1;
}

static int
read_file(int dir, const char *name, char *buf, size_t *len, char *err, size_t errlen)
{
	struct stat st;
	ssize_t n = 1;
	int fd;

	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ELOOP)
			snprintf(err, errlen, "a symbolic link");
		else
			snprintf(err, errlen, "%s", strerror(errno));
		return -1;
	}
	if (check_file(fd, &st, err, errlen) != 0) {
		close(fd);
		return -1;
	}
	*len = 0;
	while (n > 0 && *len < RECOVERY_MAX_FILE) {
		n = read(fd, buf + *len, RECOVERY_MAX_FILE - *len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			*len += (size_t)n;
	}
	if (n < 0)
		snprintf(err, errlen, "%s", strerror(errno));
	close(fd);
	return n < 0 ? -1 : 0;
}

static int
add(struct vn_recovery_list *list, struct vn_recovery_record *rec)
{
	struct vn_recovery_record **more;

	more = realloc(list->rec, (list->n + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	list->rec = more;
	list->rec[list->n++] = rec;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct vn_recovery_record *const *x = a, *const *y = b;

	return strcmp((*x)->conf.vuid, (*y)->conf.vuid);
}

/* One name of the directory. @return 0 or -ENOMEM. */
static int
take(const char *dir, int fd, const char *name, char *buf, struct vn_recovery_list *list)
{
	struct vn_recovery_record *rec = malloc(sizeof(*rec));
	char why[256] = "";
	size_t len = 0;

	if (rec == NULL)
		return -ENOMEM;
	if (read_file(fd, name, buf, &len, why, sizeof(why)) == 0 &&
		vn_recovery_parse(name, buf, len, rec, why, sizeof(why)) == 0) {
		if (add(list, rec) == 0)
			return 0;
		free(rec);
		return -ENOMEM;
	}
	free(rec);
	list->bad++;
	vn_recovery_aside(dir, name, why);
	return 0;
}

/* Left by a process that was killed while it wrote. */
static bool
is_scrap(const char *name)
{
	const size_t len = strlen(name);

	return name[0] == '.' && len > 4 &&
	       (strcmp(name + len - 4, RECOVERY_TMP) == 0 ||
		       strcmp(name + len - 4, RECOVERY_OLD) == 0);
}

/* The names first: files are moved while we go. */
static char (*list_names(int fd, const char *serial, struct vn_recovery_list *list,
	unsigned int *n_names, int *rc))[VN_VUID_LEN]
{
	char(*name)[VN_VUID_LEN] = calloc(MAX_FILES, sizeof(*name));
	struct vn_recovery_name who;
	const int copy = dup(fd);
	struct dirent *e;
	DIR *d;

	*n_names = 0;
	*rc = -ENOMEM;
	d = copy >= 0 && name != NULL ? fdopendir(copy) : NULL;
	if (d == NULL) {
		if (copy >= 0)
			close(copy);
		free(name);
		return NULL;
	}
	*rc = 0;
	while ((e = readdir(d)) != NULL && *n_names < MAX_FILES) {
		if (is_scrap(e->d_name))
			unlinkat(fd, e->d_name, 0);
		if (!vn_recovery_name(e->d_name, &who))
			continue;
		if (strcmp(who.serial, serial) == 0)
			snprintf(name[(*n_names)++], VN_VUID_LEN, "%.*s", VN_VUID_LEN - 1,
				e->d_name);
		else
			list->others++;
	}
	closedir(d);
	return name;
}

int
vn_recovery_read(const char *dir, const char *serial, struct vn_recovery_list *list, char *err,
	size_t errlen)
{
	char(*name)[VN_VUID_LEN] = NULL;
	unsigned int n = 0;
	char *buf = NULL;
	int fd, rc;

	*list = (struct vn_recovery_list){0};
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0) {
		rc = -errno;
		snprintf(err, errlen, "cannot read %.200s: %s", dir, strerror(-rc));
		return rc;
	}
	name = list_names(fd, serial, list, &n, &rc);
	buf = malloc(RECOVERY_MAX_FILE);
	if (buf == NULL)
		rc = -ENOMEM;
	for (unsigned int i = 0; i < n && rc == 0; i++)
		rc = take(dir, fd, name[i], buf, list);
	if (rc != 0) {
		snprintf(err, errlen, "out of memory");
		vn_recovery_list_free(list);
	} else if (list->n > 1) {
		qsort(list->rec, list->n, sizeof(list->rec[0]), by_name);
	}
	free(buf);
	free(name);
	close(fd);
	return rc;
}

void
vn_recovery_list_free(struct vn_recovery_list *list)
{
	for (unsigned int i = 0; i < list->n; i++)
		free(list->rec[i]);
	free(list->rec);
	*list = (struct vn_recovery_list){0};
}
