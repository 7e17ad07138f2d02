/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VRING_PACKED_H
#define VN_VRING_PACKED_H

/**
 * @file
 * The packed virtqueue in guest memory (virtio 1.2, 2.8). All fields are little-endian.
 *
 * One ring of descriptors is both what is available and what is used. A wrap counter of each side,
 * 1 at first, is inverted at each lap; a descriptor of the lap with wrap counter w is
 *
 *   available:  AVAIL == w, USED != w
 *   used:       AVAIL == w, USED == w
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "vn_vring.h"

/* VN_DESC_F_NEXT, VN_DESC_F_WRITE and VN_DESC_F_INDIRECT as in a split ring, and: */
#define VN_DESC_F_AVAIL 0x0080
#define VN_DESC_F_USED  0x8000

struct vn_vring_packed_desc {
	rte_le64_t addr;
	rte_le32_t len;
	rte_le16_t id;
	rte_le16_t flags;
};
static_assert(sizeof(struct vn_vring_packed_desc) == sizeof(struct vn_vring_desc),
	"virtio 1.2, 2.8.13: rings and indirect tables of both kinds are as long");

/** Event suppression (virtio 1.2, 2.8.14): the driver's, and the device's. */
struct vn_vring_packed_event {
	rte_le16_t off_wrap; /**< a descriptor's index; bit 15: its wrap counter */
	rte_le16_t flags;    /**< VN_EVENT_F_ in bits 0 and 1 */
};
static_assert(sizeof(struct vn_vring_packed_event) == 4, "virtio 1.2, 2.8.14");

#define VN_EVENT_F_ENABLE  0
#define VN_EVENT_F_DISABLE 1
#define VN_EVENT_F_DESC    2 /**< at off_wrap; only with EVENT_IDX */
#define VN_EVENT_F_MASK    3

#define VN_EVENT_WRAP 0x8000 /**< in off_wrap */

/** Alignment of the event suppression structures (virtio 1.2, 2.8.10.1); descriptors: 16. */
#define VN_VRING_EVENT_ALIGN 4

/** Where a fresh ring begins, in the form of off_wrap: wrap counter 1, descriptor 0. */
#define VN_VRING_PACKED_START 0x8000

/** Descriptors from position @p from forward to @p to, both in the form of off_wrap: < 2 * size. */
static inline uint32_t
vn_vring_packed_distance(uint16_t from, uint16_t to, uint16_t size)
{
	const uint32_t a = (from & 0x7fff) + (from & VN_EVENT_WRAP ? 0 : size);
	const uint32_t b = (to & 0x7fff) + (to & VN_EVENT_WRAP ? 0 : size);

	return b >= a ? b - a : b + 2 * (uint32_t)size - a;
}

/** The position @p n descriptors (at most size) behind @p from. */
static inline uint16_t
vn_vring_packed_advance(uint16_t from, uint32_t n, uint16_t size)
{
	uint32_t i = (from & 0x7fff) + n;
	uint16_t wrap = from & VN_EVENT_WRAP;

	if (i >= size) {
		i -= size;
		wrap ^= VN_EVENT_WRAP;
	}
	return i | wrap;
}

/** The position @p n descriptors (at most size) before @p from. */
static inline uint16_t
vn_vring_packed_retreat(uint16_t from, uint32_t n, uint16_t size)
{
	const uint32_t i = from & 0x7fff;
	const uint16_t wrap = from & VN_EVENT_WRAP;

	return i >= n ? (i - n) | wrap : (i + size - n) | (wrap ^ VN_EVENT_WRAP);
}

#endif /* VN_VRING_PACKED_H */
