/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Reading a small file without being caught by a FIFO, a device or a huge one. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vn_conf_doc.h"

static int
read_all(int fd, char *buf, size_t size, size_t *len)
{
	ssize_t n;

	*len = 0;
	while (*len < size) {
		n = read(fd, buf + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return 0;
}

int
vn_conf_file_read(const char *file, char **text, size_t *len, struct vn_conf_errors *errors)
{
	char *buf = NULL;
	struct stat st;
	int fd, ret;

	/* O_NONBLOCK: opening a FIFO must not wait for its other end. */
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		ret = -errno;
		vn_conf_error_add(errors, 0, "", "cannot be opened: %s", strerror(-ret));
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		ret = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
		vn_conf_error_add(errors, 0, "", "is %s, not a file",
			S_ISDIR(st.st_mode) ? "a directory" : "a device, pipe or socket");
		goto out;
	}
	/* One byte more than allowed tells a file that is too big, or grows. */
	buf = malloc(VN_CONF_MAX_FILE + 1);
	if (buf == NULL) {
		ret = -ENOMEM;
		vn_conf_error_add(errors, 0, "", "out of memory");
		goto out;
	}
	ret = read_all(fd, buf, VN_CONF_MAX_FILE + 1, len);
	if (ret < 0) {
		vn_conf_error_add(errors, 0, "", "cannot be read: %s", strerror(-ret));
		goto out;
	}
	if (*len > VN_CONF_MAX_FILE) {
		ret = -EFBIG;
		vn_conf_error_add(errors, 0, "", "is too big: at most 1 MiB is read");
		goto out;
	}
	buf[*len] = '\0';
	*text = buf;
	buf = NULL;
out:
	free(buf);
	if (fd >= 0)
		close(fd);
	return ret;
}
