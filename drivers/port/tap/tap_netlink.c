/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <rte_bitops.h>
#include <rte_common.h>

#include "tap_private.h"

/* IFF_LOWER_UP, which <net/if.h> lacks and <linux/if.h>, not to be had beside it, has. */
#define LOWER_UP RTE_BIT32(16)

/* One request and its answer. The kernel answers before send() returns: nothing waits here. */
union nl_buf {
	struct nlmsghdr nlh;
	char bytes[16384];
};

static void
put_attr(union nl_buf *buf, unsigned short type, const void *data, size_t len)
{
	struct rtattr *rta = (struct rtattr *)(buf->bytes + NLMSG_ALIGN(buf->nlh.nlmsg_len));

	rta->rta_type = type;
	rta->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(rta), data, len);
	buf->nlh.nlmsg_len = NLMSG_ALIGN(buf->nlh.nlmsg_len) + RTA_ALIGN(rta->rta_len);
}

static struct ifinfomsg *
start_request(union nl_buf *buf, uint16_t type, uint16_t flags, int ifindex)
{
	struct ifinfomsg *ifi;

	memset(buf, 0, NLMSG_SPACE(sizeof(*ifi)));
	buf->nlh.nlmsg_len = NLMSG_LENGTH(sizeof(*ifi));
	buf->nlh.nlmsg_type = type;
	buf->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	buf->nlh.nlmsg_seq = 1;
	ifi = NLMSG_DATA(&buf->nlh);
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	return ifi;
}

/* Send the request in @p buf and overwrite it with the answer. */
static int
exchange(union nl_buf *buf)
{
	const struct timeval limit = {.tv_sec = 1};
	const struct nlmsgerr *e;
	ssize_t got;
	int fd, ret = 0;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send(fd, buf, buf->nlh.nlmsg_len, 0) < 0) {
		ret = -errno;
		goto out;
	}
	got = recv(fd, buf, sizeof(*buf), 0);
	if (got < 0) {
		ret = -errno;
		goto out;
	}
	if ((size_t)got < sizeof(buf->nlh) || !NLMSG_OK(&buf->nlh, (size_t)got)) {
		ret = -EBADMSG;
		goto out;
	}
	if (buf->nlh.nlmsg_type == NLMSG_ERROR) {
		e = NLMSG_DATA(&buf->nlh);
		ret = buf->nlh.nlmsg_len < NLMSG_LENGTH(sizeof(e->error)) ? -EBADMSG : e->error;
	}
out:
	close(fd);
	return ret;
}

static uint32_t
attr_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	memcpy(&v, RTA_DATA(a), RTE_MIN(RTA_PAYLOAD(a), sizeof(v)));
	return v;
}

/* The TAP's own data: on a little-endian host a byte is read as a number just as well. */
static void
parse_tun(const struct rtattr *data, struct tap_link *link)
{
	int left = (int)RTA_PAYLOAD(data);
	const struct rtattr *a;

	for (a = RTA_DATA(data); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const uint8_t u8 = RTA_PAYLOAD(a) > 0 ? *(const uint8_t *)RTA_DATA(a) : 0;

		switch (a->rta_type & NLA_TYPE_MASK) {
		case IFLA_TUN_TYPE:
			link->is_tap = u8 == IFF_TAP;
			break;
		case IFLA_TUN_MULTI_QUEUE:
			link->multi_queue = u8 != 0;
			break;
		case IFLA_TUN_NUM_QUEUES:
		case IFLA_TUN_NUM_DISABLED_QUEUES:
			link->queues += attr_u32(a);
			break;
		}
	}
}

static void
parse_linkinfo(const struct rtattr *info, struct tap_link *link)
{
	int left = (int)RTA_PAYLOAD(info);
	const struct rtattr *a, *data = NULL;

	for (a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const uint16_t type = a->rta_type & NLA_TYPE_MASK;

		if (type == IFLA_INFO_KIND)
			snprintf(link->kind, sizeof(link->kind), "%.*s", (int)RTA_PAYLOAD(a),
				(const char *)RTA_DATA(a));
		else if (type == IFLA_INFO_DATA)
			data = a;
	}
	if (data != NULL && strcmp(link->kind, "tun") == 0)
		parse_tun(data, link);
}

int
tap_link_get(const char *name, int ifindex, struct tap_link *link)
{
	const uint32_t mask = RTEXT_FILTER_SKIP_STATS;
	const struct ifinfomsg *ifi;
	const struct rtattr *a;
	union nl_buf buf;
	int left, ret;

	start_request(&buf, RTM_GETLINK, 0, name != NULL ? 0 : ifindex);
	if (name != NULL)
		put_attr(&buf, IFLA_IFNAME, name, strlen(name) + 1);
	put_attr(&buf, IFLA_EXT_MASK, &mask, sizeof(mask));
	ret = exchange(&buf);
	if (ret < 0)
		return ret;
	if (buf.nlh.nlmsg_type != RTM_NEWLINK || buf.nlh.nlmsg_len < NLMSG_LENGTH(sizeof(*ifi)))
		return -EBADMSG;

	memset(link, 0, sizeof(*link));
	ifi = NLMSG_DATA(&buf.nlh);
	link->ifindex = ifi->ifi_index;
	link->admin_up = (ifi->ifi_flags & IFF_UP) != 0;
	link->carrier = (ifi->ifi_flags & LOWER_UP) != 0;
	left = (int)IFLA_PAYLOAD(&buf.nlh);
	for (a = IFLA_RTA(ifi); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		switch (a->rta_type & NLA_TYPE_MASK) {
		case IFLA_IFNAME:
			snprintf(link->name, sizeof(link->name), "%.*s", (int)RTA_PAYLOAD(a),
				(const char *)RTA_DATA(a));
			break;
		case IFLA_IFALIAS:
			snprintf(link->alias, sizeof(link->alias), "%.*s", (int)RTA_PAYLOAD(a),
				(const char *)RTA_DATA(a));
			break;
		case IFLA_MTU:
			link->mtu = attr_u32(a);
			break;
		case IFLA_MASTER:
			link->master = (int)attr_u32(a);
			break;
		case IFLA_LINKINFO:
			parse_linkinfo(a, link);
			break;
		}
	}
	return 0;
}

int
tap_link_change(int ifindex, const struct tap_link_change *change)
{
	union nl_buf buf;

	start_request(&buf, RTM_NEWLINK, NLM_F_ACK, ifindex);
	if (change->alias != NULL && change->alias[0] != '\0')
		put_attr(&buf, IFLA_IFALIAS, change->alias, strlen(change->alias));
	if (change->mac != NULL)
		put_attr(&buf, IFLA_ADDRESS, change->mac, sizeof(*change->mac));
	if (change->group != 0)
		put_attr(&buf, IFLA_GROUP, &change->group, sizeof(change->group));
	if (change->mtu != 0)
		put_attr(&buf, IFLA_MTU, &change->mtu, sizeof(change->mtu));
	if (change->txqlen != 0)
		put_attr(&buf, IFLA_TXQLEN, &change->txqlen, sizeof(change->txqlen));
	return exchange(&buf);
}

int
tap_link_remove_group(uint32_t group)
{
	union nl_buf buf;

	start_request(&buf, RTM_DELLINK, NLM_F_ACK, 0);
	put_attr(&buf, IFLA_GROUP, &group, sizeof(group));
	return exchange(&buf);
}
