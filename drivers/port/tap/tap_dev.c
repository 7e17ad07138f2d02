/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include <rte_common.h>

#include "vn_features.h"
#include "vn_log.h"

#include "tap_private.h"

/* Newer than the headers of some distributions. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* More frames than any ring of the kernel holds. */
#define DRAIN_MAX 65536

int
tap_fd_open(void)
{
	const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int
tap_attach(int fd, const char *name, unsigned int flags)
{
	struct ifreq ifr = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags)};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, TUNSETIFF, &ifr) < 0 ? -errno : 0;
}

int
tap_name(int fd, char name[IFNAMSIZ])
{
	struct ifreq ifr = {0};

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return errno == EBADFD ? -ENODEV : -errno;
	memcpy(name, ifr.ifr_name, IFNAMSIZ);
	name[IFNAMSIZ - 1] = '\0';
	return 0;
}

int
tap_set_header(int fd)
{
	const int len = VN_NET_HDR_LEN, on = 1;

	if (ioctl(fd, TUNSETVNETHDRSZ, &len) < 0 || ioctl(fd, TUNSETVNETLE, &on) < 0)
		return -errno;
	return 0;
}

int
tap_set_persist(int fd, bool persist)
{
	return ioctl(fd, TUNSETPERSIST, (unsigned long)persist) < 0 ? -errno : 0;
}

int
tap_set_carrier(int fd, bool up)
{
	const int carrier = up;

	if (ioctl(fd, TUNSETCARRIER, &carrier) < 0)
		return errno == EBADFD ? -ENODEV : -errno;
	return 0;
}

int
tap_set_pass(int fd, bool pass)
{
	/* A filter for one destination, the zero address, lets nothing pass; no addresses: no
	 * filter. (A BPF filter would do as well, but the kernel keeps its address in our memory
	 * for the next process that takes the TAP.)
	 */
	union {
		struct tun_filter filter;
		char bytes[sizeof(struct tun_filter) + RTE_ETHER_ADDR_LEN];
	} u;

	memset(&u, 0, sizeof(u));
	u.filter.count = pass ? 0 : 1;
	return ioctl(fd, TUNSETTXFILTER, &u) < 0 ? -errno : 0;
}

int
tap_reattach_queue(int fd)
{
	struct ifreq ifr = {.ifr_flags = IFF_ATTACH_QUEUE};

	return ioctl(fd, TUNSETQUEUE, &ifr) < 0 ? -errno : 0;
}

int
tap_detach_queue(int fd)
{
	struct ifreq ifr = {.ifr_flags = IFF_DETACH_QUEUE};

	return ioctl(fd, TUNSETQUEUE, &ifr) < 0 ? -errno : 0;
}

unsigned int
tap_drain(int fd)
{
	char start[64]; /* a frame is taken whole, however little of it is read */
	unsigned int n;

	for (n = 0; n < DRAIN_MAX; n++)
		if (read(fd, start, sizeof(start)) < 0)
			break;
	return n;
}

/* The kernel knows ECN as an addition to TSO, and USO only for both IP versions. */
static unsigned int
features_to_offloads(uint64_t features)
{
	const uint64_t uso = VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6;
	unsigned int flags = TUN_F_CSUM;

	if ((features & VN_NET_F_GUEST_CSUM) == 0)
		return 0;
	if (features & VN_NET_F_GUEST_TSO4)
		flags |= TUN_F_TSO4;
	if (features & VN_NET_F_GUEST_TSO6)
		flags |= TUN_F_TSO6;
	if ((features & VN_NET_F_GUEST_ECN) && (flags & (TUN_F_TSO4 | TUN_F_TSO6)))
		flags |= TUN_F_TSO_ECN;
	if ((features & uso) == uso)
		flags |= TUN_F_USO4 | TUN_F_USO6;
	return flags;
}

static uint32_t
offloads_to_accept(unsigned int flags)
{
	uint32_t accept = 0;

	if (flags & TUN_F_CSUM)
		accept |= VN_PORT_ACCEPT_CSUM;
	if (flags & TUN_F_TSO4)
		accept |= VN_PORT_ACCEPT_TCPV4;
	if (flags & TUN_F_TSO6)
		accept |= VN_PORT_ACCEPT_TCPV6;
	if (flags & TUN_F_TSO_ECN)
		accept |= VN_PORT_ACCEPT_ECN;
	if (flags & TUN_F_USO4)
		accept |= VN_PORT_ACCEPT_UDP_L4;
	return accept;
}

int
tap_set_offloads(int fd, uint64_t features)
{
	/* What to give up first when the kernel refuses, and what after that. */
	static const unsigned int mask[] = {
		~0u,
		~(TUN_F_USO4 | TUN_F_USO6),
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6,
		TUN_F_CSUM,
		0,
	};
	const unsigned int wanted = features_to_offloads(features);
	int ret = 0;

	for (unsigned int i = 0; i < RTE_DIM(mask); i++) {
		if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)(wanted & mask[i])) == 0)
			return (int)offloads_to_accept(wanted & mask[i]);
		ret = errno == EBADFD ? -ENODEV : -errno;
		if (ret != -EINVAL)
			break;
	}
	return ret;
}

uint64_t
tap_probe_features(void)
{
	uint64_t features = 0;
	int fd, accept;

	fd = tap_fd_open();
	if (fd < 0) {
		VN_WARN("cannot open /dev/net/tun (%s): no offloads", strerror(-fd));
		return 0;
	}
	/* A TAP that is gone when the descriptor is closed; never up, without carrier. */
	accept = tap_attach(fd, "vnprobe%d", IFF_NO_CARRIER);
	if (accept == 0)
		accept = tap_set_offloads(fd, VN_NET_F_GUEST_OFFLOADS);
	close(fd);
	if (accept < 0) {
		VN_WARN("cannot make a TAP to look for its offloads (%s): no offloads",
			strerror(-accept));
		return 0;
	}

	/* Towards the kernel, each kind of frame is taken as it is since long before the kernels
	 * we know; but USO came together in both directions.
	 */
	if (accept & VN_PORT_ACCEPT_CSUM)
		features = VN_NET_F_GUEST_CSUM | VN_NET_F_CSUM | VN_NET_F_HOST_TSO4 |
			   VN_NET_F_HOST_TSO6 | VN_NET_F_HOST_ECN;
	if (accept & VN_PORT_ACCEPT_TCPV4)
		features |= VN_NET_F_GUEST_TSO4;
	if (accept & VN_PORT_ACCEPT_TCPV6)
		features |= VN_NET_F_GUEST_TSO6;
	if (accept & VN_PORT_ACCEPT_ECN)
		features |= VN_NET_F_GUEST_ECN;
	if (accept & VN_PORT_ACCEPT_UDP_L4)
		features |= VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6 | VN_NET_F_HOST_USO;
	return features;
}
