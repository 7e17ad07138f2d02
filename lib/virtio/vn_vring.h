/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VRING_H
#define VN_VRING_H

/**
 * @file
 * The split virtqueue in guest memory (virtio 1.2, 2.7). All fields are little-endian: a legacy
 * driver's are in the guest's byte order, and big-endian guests are not supported.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define VN_DESC_F_NEXT     1 /**< the chain goes on at next */
#define VN_DESC_F_WRITE    2 /**< the device writes the buffer (else: reads it) */
#define VN_DESC_F_INDIRECT 4 /**< the buffer is a table of descriptors */

#define VN_AVAIL_F_NO_INTERRUPT 1
#define VN_USED_F_NO_NOTIFY     1

struct vn_vring_desc {
	rte_le64_t addr;
	rte_le32_t len;
	rte_le16_t flags;
	rte_le16_t next;
};
static_assert(sizeof(struct vn_vring_desc) == 16, "virtio 1.2, 2.7.5");

/** After ring[size] follows used_event (le16), used with EVENT_IDX. */
struct vn_vring_avail {
	rte_le16_t flags;
	rte_le16_t idx;
	rte_le16_t ring[];
};

struct vn_vring_used_elem {
	rte_le32_t id;
	rte_le32_t len;
};

/** After ring[size] follows avail_event (le16), used with EVENT_IDX. */
struct vn_vring_used {
	rte_le16_t flags;
	rte_le16_t idx;
	struct vn_vring_used_elem ring[];
};
static_assert(sizeof(struct vn_vring_used) == 4, "virtio 1.2, 2.7.8");

/** Alignment that the parts need (virtio 1.2, 2.7). */
#define VN_VRING_DESC_ALIGN  16
#define VN_VRING_AVAIL_ALIGN 2
#define VN_VRING_USED_ALIGN  4

/** Bytes of the parts of a ring of @p size entries; the event field is always counted. */
static inline uint64_t
vn_vring_desc_bytes(uint16_t size)
{
	return (uint64_t)size * sizeof(struct vn_vring_desc);
}

static inline uint64_t
vn_vring_avail_bytes(uint16_t size)
{
	return sizeof(struct vn_vring_avail) + 2 * (uint64_t)size + 2;
}

static inline uint64_t
vn_vring_used_bytes(uint16_t size)
{
	return sizeof(struct vn_vring_used) + (uint64_t)size * sizeof(struct vn_vring_used_elem) +
	       2;
}

/**
 * True if the other side, that asked to be told once the index passes @p event, is to be told
 * after the index went from @p old_idx to @p new_idx (virtio 1.2, 2.7.7.2 and 2.7.10).
 */
static inline bool
vn_vring_need_event(uint16_t event, uint16_t new_idx, uint16_t old_idx)
{
	return (uint16_t)(new_idx - event - 1) < (uint16_t)(new_idx - old_idx);
}

#endif /* VN_VRING_H */
