/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vn_eventfd.h"

int
vn_eventfd_check(int fd)
{
	static const char want[] = "anon_inode:[eventfd]";
	char name[32], link[sizeof(want)];
	ssize_t n;
	int flags;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, link, sizeof(link));
	if (n != (ssize_t)sizeof(want) - 1 || memcmp(link, want, (size_t)n) != 0)
		return -EINVAL;
	/* A blocking one could hold a poller up for ever. */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -errno;
	return 0;
}
