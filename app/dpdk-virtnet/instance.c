/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * One instance per file prefix and per run directory: locks taken before the EAL starts, since the
 * EAL of a second primary would first spoil some of the files of the first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"

#define LOCK_NAME "virtnet.lock"

/* mkdir -p; *made says whether the last folder is new. */
static int
make_dirs(const char *path, bool *made)
{
	char buf[PATH_MAX];
	struct stat st;

	*made = false;
	if (snprintf(buf, sizeof(buf), "%s", path) >= (int)sizeof(buf))
		return -ENAMETOOLONG;
	for (char *p = buf + 1;; p++) {
		const char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(buf, 0700) == 0) {
			*made = c == '\0';
		} else if (errno != EEXIST) {
			return -errno;
		}
		*p = c;
		if (c == '\0')
			break;
	}
	if (stat(buf, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/*
 * Lock the file, made if need be. Whoever ends removes its lock file, so a lock that we got may be
 * on a file that is no longer there: then try again. @return fd or negative errno (-EWOULDBLOCK:
 * taken).
 */
static int
lock_file(const char *path)
{
	struct stat mine, there;

	for (int tries = 0; tries < 100; tries++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		int err;

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &mine) != 0) {
			err = errno;
			close(fd);
			return -err;
		}
		if (stat(path, &there) == 0 && there.st_ino == mine.st_ino)
			return fd;
		close(fd);
	}
	return -EAGAIN;
}

static void
unlock_file(const char *path, int *fd)
{
	if (*fd < 0)
		return;
	unlink(path);
	close(*fd);
	*fd = -1;
}

/* Where the EAL will keep its runtime files (as rte_eal_get_runtime_dir() says later). */
static int
eal_dir(const char *prefix, char *buf, size_t len)
{
	const char *base = getenv("RUNTIME_DIRECTORY");
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (base == NULL || *base == '\0')
		base = getuid() == 0 ? "/var/run" : xdg != NULL ? xdg : "/tmp";
	if (snprintf(buf, len, "%s/dpdk/%s", base, prefix) >= (int)len)
		return -ENAMETOOLONG;
	return 0;
}

int
app_instance_take(const struct app_args *args, struct app_instance *inst, char *err)
{
	int rc;

	*inst = (struct app_instance){.prefix_fd = -1, .run_fd = -1};
	rc = eal_dir(args->file_prefix, inst->eal_dir, sizeof(inst->eal_dir));
	if (rc == 0)
		rc = make_dirs(inst->eal_dir, &inst->made_eal_dir);
	if (rc == 0 && snprintf(inst->prefix_lock, sizeof(inst->prefix_lock), "%s/" LOCK_NAME,
			       inst->eal_dir) >= (int)sizeof(inst->prefix_lock))
		rc = -ENAMETOOLONG;
	if (rc != 0) {
		snprintf(err, APP_ERR_LEN, "cannot make the directory %.300s: %s (--file-prefix)",
			inst->eal_dir, strerror(-rc));
		goto fail;
	}
	rc = lock_file(inst->prefix_lock);
	if (rc < 0) {
		snprintf(err, APP_ERR_LEN,
			rc == -EWOULDBLOCK ? "another instance runs with file prefix \"%s\": stop "
					     "it, or give this one "
					     "another --file-prefix"
					   : "cannot lock the file prefix \"%s\" (is the runtime "
					     "directory writable?)",
			args->file_prefix);
		goto fail;
	}
	inst->prefix_fd = rc;

	rc = make_dirs(args->run_dir, &inst->made_run_dir);
	if (rc == 0 && snprintf(inst->run_lock, sizeof(inst->run_lock), "%s/" LOCK_NAME,
			       args->run_dir) >= (int)sizeof(inst->run_lock))
		rc = -ENAMETOOLONG;
	if (rc != 0) {
		snprintf(err, APP_ERR_LEN, "cannot make the run directory %.300s: %s (--run-dir)",
			args->run_dir, strerror(-rc));
		goto fail;
	}
	rc = lock_file(inst->run_lock);
	if (rc < 0) {
		snprintf(err, APP_ERR_LEN,
			rc == -EWOULDBLOCK
				? "another instance uses the run directory %.300s: give this one "
				  "another "
				  "--run-dir"
				: "cannot lock the run directory %.300s (is it writable?)",
			args->run_dir);
		goto fail;
	}
	inst->run_fd = rc;
	return 0;

fail:
	app_instance_release(args, inst, false);
	return rc;
}

/* The EAL leaves the files of its prefix for a next start; ours are of no use to anybody. */
static void
remove_eal_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, LOCK_NAME) != 0 && e->d_type != DT_DIR)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
}

void
app_instance_release(const struct app_args *args, struct app_instance *inst, bool eal_used)
{
	unlock_file(inst->run_lock, &inst->run_fd);
	if (inst->made_run_dir)
		rmdir(args->run_dir); /* fails if something else lies there: fine */
	if (inst->prefix_fd >= 0 && eal_used)
		remove_eal_files(inst->eal_dir);
	unlock_file(inst->prefix_lock, &inst->prefix_fd);
	if (inst->made_eal_dir || eal_used)
		rmdir(inst->eal_dir);
}
