/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What is measured.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "cases.h"

const struct bench_path bench_paths[NUM_PATHS] = {
	{"split-mergeable", false, true, false, false},
	{"split-non-mergeable", false, false, false, false},
	{"split-inorder-mergeable", false, true, true, false},
	{"split-inorder-non-mergeable", false, false, true, false},
	{"split-vector", false, false, false, true},
	{"packed-mergeable", true, true, false, false},
	{"packed-non-mergeable", true, false, false, false},
	{"packed-inorder-mergeable", true, true, true, false},
	{"packed-inorder-non-mergeable", true, false, true, false},
	{"packed-vector", true, false, true, true},
};

const struct bench_size bench_sizes[NUM_SIZES] = {
	{"64", {64, false}},
	{"256", {256, false}},
	{"1518", {1518, false}},
	{"9000", {9000, false}},
	{"tso", {FRAME_TSO_LEN, true}},
};

const char *const bench_dirs[NUM_DIRS] = {
	[DIR_G2D] = "g2d",
	[DIR_D2G] = "d2g",
	[DIR_BOTH] = "both",
	[DIR_D2D] = "d2d",
};

#define BIT(n) (UINT64_C(1) << (n))

uint64_t
case_features(const struct bench_case *c)
{
	uint64_t f = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC);

	if (c->path->packed)
		f |= BIT(VIRTIO_F_RING_PACKED);
	if (c->path->in_order)
		f |= BIT(35); /* IN_ORDER: young kernel headers only */
	if (c->path->mergeable)
		f |= BIT(VIRTIO_NET_F_MRG_RXBUF);
	if (c->size->kind.tso)
		f |= BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) |
		     BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4);
	return f;
}
