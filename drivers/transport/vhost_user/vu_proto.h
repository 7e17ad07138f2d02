/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VU_PROTO_H
#define VU_PROTO_H

/**
 * @file
 * Facts of the vhost-user protocol: numbers and layouts of the messages. Machine byte order.
 */

#include <assert.h>
#include <stdint.h>

#include <rte_bitops.h>

/** "Front-end message types". */
enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_RESET_OWNER = 4,
	VU_SET_MEM_TABLE = 5,
	VU_SET_LOG_BASE = 6,
	VU_SET_LOG_FD = 7,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_SEND_RARP = 19,
	VU_NET_SET_MTU = 20,
	VU_GET_CONFIG = 24,
	VU_SET_CONFIG = 25,
	VU_RESET_DEVICE = 34,
	VU_GET_MAX_MEM_SLOTS = 36,
	VU_ADD_MEM_REG = 37,
	VU_REM_MEM_REG = 38,
	VU_SET_STATUS = 39,
	VU_GET_STATUS = 40,
	VU_REQUEST_MAX = 41,
};

/** "Header". */
struct vu_hdr {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /**< bytes of payload */
};
static_assert(sizeof(struct vu_hdr) == 12, "vhost-user header");

#define VU_VERSION         1u
#define VU_VERSION_MASK    3u
#define VU_FLAG_REPLY      RTE_BIT32(2)
#define VU_FLAG_NEED_REPLY RTE_BIT32(3)

/** Feature bits that belong to vhost-user, not to virtio. */
#define VU_F_LOG_ALL           RTE_BIT64(26)
#define VU_F_PROTOCOL_FEATURES RTE_BIT64(30)

/** "Protocol features". */
#define VU_PF_MQ                  RTE_BIT64(0)
#define VU_PF_LOG_SHMFD           RTE_BIT64(1)
#define VU_PF_RARP                RTE_BIT64(2)
#define VU_PF_REPLY_ACK           RTE_BIT64(3)
#define VU_PF_NET_MTU             RTE_BIT64(4)
#define VU_PF_CONFIG              RTE_BIT64(9)
#define VU_PF_RESET_DEVICE        RTE_BIT64(13)
#define VU_PF_CONFIGURE_MEM_SLOTS RTE_BIT64(15)
#define VU_PF_STATUS              RTE_BIT64(16)

/** "A vring state description". */
struct vu_vring_state {
	uint32_t index;
	uint32_t num;
};

#define VU_VRING_F_LOG RTE_BIT32(0)

/** "A vring address description". The ring addresses are the peer's own (userspace). */
struct vu_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log; /**< guest address of the used ring, for the dirty log */
};
static_assert(sizeof(struct vu_vring_addr) == 40, "vring address description");

/** The u64 of SET_VRING_KICK, _CALL and _ERR. */
#define VU_VRING_INDEX_MASK UINT64_C(0xff)
#define VU_VRING_NOFD       RTE_BIT64(8)

/** One region of "memory regions description". */
struct vu_region {
	uint64_t gpa;
	uint64_t size;
	uint64_t uva;
	uint64_t mmap_offset;
};
static_assert(sizeof(struct vu_region) == 32, "memory region description");

/** Regions that one SET_MEM_TABLE can carry. */
#define VU_TABLE_REGIONS 8

struct vu_mem_table {
	uint32_t n;
	uint32_t padding;
	struct vu_region region[VU_TABLE_REGIONS];
};
static_assert(sizeof(struct vu_mem_table) == 264, "memory regions description");

/** ADD_MEM_REG and REM_MEM_REG. */
struct vu_mem_reg {
	uint64_t padding;
	struct vu_region region;
};

struct vu_log {
	uint64_t size;
	uint64_t offset;
};

/** One bit of the dirty log stands for so many bytes of guest memory. */
#define VU_LOG_PAGE 4096u

/** "Virtio device config space": size bytes follow. */
struct vu_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
};
#define VU_CONFIG_F_MIGRATION RTE_BIT32(0)
#define VU_CONFIG_MAX         256u

/** Descriptors with one message. */
#define VU_MAX_FDS 8

#endif /* VU_PROTO_H */
