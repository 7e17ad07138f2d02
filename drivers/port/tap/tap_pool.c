/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Representors that no device has: made beforehand, and removed many at a time. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "tap_private.h"

int
tap_prepare(const struct vn_port_conf *conf, char *err, size_t errlen)
{
	struct vn_port *port;
	struct tap_link link;
	int ret;

	ret = tap_check_conf(conf, err, errlen);
	if (ret < 0)
		return ret;
	ret = tap_link_get(conf->name, 0, &link);
	/* One that is there is left alone, bridge and all; open() says if it does not fit. */
	if (ret == 0 && link.is_tap)
		return 0;
	ret = vn_tap_ops.open(conf, &port, err, errlen);
	if (ret < 0)
		return ret;
	vn_tap_ops.close(port);
	return 0;
}

/* Ours, and nobody has it. */
static bool
may_remove(const char *name, const char *alias, struct tap_link *link)
{
	int fd, ret;

	if (tap_link_get(name, 0, link) != 0 || !link->is_tap ||
		strncmp(link->alias, alias, strlen(alias)) != 0 || link->queues > 0)
		return false;
	if (link->multi_queue)
		return true;
	/* Only an attempt shows whether a single-queue TAP is held. */
	fd = tap_fd_open();
	if (fd < 0)
		return false;
	ret = tap_attach(fd, link->name, IFF_NO_CARRIER | IFF_NOFILTER);
	close(fd);
	return ret == 0;
}

/*
 * One by one the kernel waits for a grace period each time: ten seconds for 500. As a group it
 * waits once. The group is one of the moment: what else is in the representors' group is not ours
 * to take.
 */
int
tap_discard(const char *const *name, unsigned int n, const char *alias)
{
	const struct tap_link_change change = {.group = tap_group_going()};
	struct tap_link link;
	int marked = 0, ret;

	for (unsigned int i = 0; i < n; i++) {
		if (may_remove(name[i], alias, &link) &&
			tap_link_change(link.ifindex, &change) == 0)
			marked++;
	}
	if (marked == 0)
		return 0;
	ret = tap_link_remove_group(change.group);
	return ret < 0 ? ret : marked;
}
