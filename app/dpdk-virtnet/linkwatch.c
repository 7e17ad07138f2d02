/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Operators rename, remove and bring up representors: the kernel's link events keep what list and
 * query show true.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <rte_common.h>

#include "app.h"
#include "vn_controller.h"
#include "vn_log.h"

/* Datagrams read before other events get their turn. */
#define MAX_DATAGRAMS 64

static void
read_events(struct app_linkwatch *w, const struct nlmsghdr *nlh, ssize_t len)
{
	for (; NLMSG_OK(nlh, (size_t)len); nlh = NLMSG_NEXT(nlh, len)) {
		const struct ifinfomsg *ifi = NLMSG_DATA(nlh);

		if ((nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK) &&
			nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(*ifi)) && ifi->ifi_index > 0)
			vn_controller_link_changed(w->ctrl, ifi->ifi_index);
	}
}

static void
on_event(void *ctx, uint32_t events)
{
	struct app_linkwatch *w = ctx;
	union {
		struct nlmsghdr nlh;
		char bytes[32768];
	} buf;

	RTE_SET_USED(events);
	for (unsigned int i = 0; i < MAX_DATAGRAMS; i++) {
		const ssize_t n = recv(w->src.fd, buf.bytes, sizeof(buf), MSG_DONTWAIT);

		if (n > 0)
			read_events(w, &buf.nlh, n);
		else if (n < 0 && errno == ENOBUFS)
			vn_controller_link_changed(w->ctrl, 0); /* some were lost: look at all */
		else
			break;
	}
}

int
app_linkwatch_start(struct app_linkwatch *w, struct vn_loop *loop, struct vn_controller *ctrl)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int rc, fd;

	w->src = (struct vn_fd_source){.cb = on_event, .ctx = w};
	w->ctrl = ctrl;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ? 0 : -errno;
	if (rc == 0)
		rc = vn_loop_add_fd(loop, &w->src, fd, EPOLLIN);
	if (rc != 0)
		close(fd);
	return rc;
}

void
app_linkwatch_stop(struct app_linkwatch *w, struct vn_loop *loop)
{
	const int fd = w->src.fd;

	if (!w->src.watched)
		return;
	vn_loop_del_fd(loop, &w->src);
	close(fd);
}
