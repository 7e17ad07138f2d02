/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VFU_PROTO_H
#define VFU_PROTO_H

/**
 * @file
 * Facts of the vfio-user protocol, versions 0.0 and 0.1: numbers and layouts of the messages.
 * Machine byte order. Structures of VFIO are repeated here in the size they have on the wire: those
 * of linux/vfio.h grow from release to release.
 */

#include <assert.h>
#include <stdint.h>

#define VFU_MAJOR 0
#define VFU_MINOR 1

enum vfu_command {
	VFU_VERSION = 1,
	VFU_DMA_MAP = 2,
	VFU_DMA_UNMAP = 3,
	VFU_GET_INFO = 4,
	VFU_GET_REGION_INFO = 5,
	VFU_GET_REGION_IO_FDS = 6,
	VFU_GET_IRQ_INFO = 7,
	VFU_SET_IRQS = 8,
	VFU_REGION_READ = 9,
	VFU_REGION_WRITE = 10,
	VFU_DMA_READ = 11,  /* server to client only */
	VFU_DMA_WRITE = 12, /* server to client only */
	VFU_RESET = 13,
	VFU_DIRTY_PAGES = 14,
	VFU_REGION_WRITE_MULTI = 15,
	VFU_DEVICE_FEATURE = 16,
	VFU_MIG_DATA_READ = 17,
	VFU_MIG_DATA_WRITE = 18,
	VFU_COMMAND_MAX,
};

#define VFU_F_TYPE     0xfu
#define VFU_F_COMMAND  0x0u
#define VFU_F_REPLY    0x1u
#define VFU_F_NO_REPLY 0x10u
#define VFU_F_ERROR    0x20u

struct vfu_hdr {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* with the header */
	uint32_t flags;
	uint32_t error;
};
static_assert(sizeof(struct vfu_hdr) == 16, "header");

struct vfu_version {
	uint16_t major, minor;
	/* JSON text with its NUL, or nothing */
};

#define VFU_MAP_READ  1u
#define VFU_MAP_WRITE 2u

struct vfu_dma_map {
	uint32_t argsz, flags;
	uint64_t offset, address, size;
};
static_assert(sizeof(struct vfu_dma_map) == 32, "DMA_MAP");

#define VFU_UNMAP_DIRTY 1u
#define VFU_UNMAP_ALL   2u

struct vfu_dma_unmap {
	uint32_t argsz, flags;
	uint64_t address, size;
};
static_assert(sizeof(struct vfu_dma_unmap) == 24, "DMA_UNMAP");

#define VFU_DEVICE_RESET 1u
#define VFU_DEVICE_PCI   2u

struct vfu_device_info {
	uint32_t argsz, flags, num_regions, num_irqs;
};
static_assert(sizeof(struct vfu_device_info) == 16, "GET_INFO");

/* Regions of a PCI device in VFIO: six BARs, ROM, configuration space, VGA. */
#define VFU_NUM_REGIONS 9
#define VFU_NUM_IRQS    5

#define VFU_REGION_CAN_READ  1u
#define VFU_REGION_CAN_WRITE 2u
#define VFU_REGION_MMAP      4u
#define VFU_REGION_CAPS      8u

struct vfu_region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};
static_assert(sizeof(struct vfu_region_info) == 32, "GET_REGION_INFO");

#define VFU_CAP_SPARSE_MMAP 1

/* The capability with one area. */
struct vfu_sparse_mmap {
	uint16_t id, version;
	uint32_t next;
	uint32_t nr_areas, reserved;
	uint64_t offset, size;
};
static_assert(sizeof(struct vfu_sparse_mmap) == 32, "sparse mmap capability");

struct vfu_io_fds {
	uint32_t argsz, flags, index, count;
};

#define VFU_IRQ_EVENTFD  1u
#define VFU_IRQ_MASKABLE 2u

struct vfu_irq_info {
	uint32_t argsz, flags, index, count;
};

#define VFU_IRQ_DATA_NONE      0x01u
#define VFU_IRQ_DATA_BOOL      0x02u
#define VFU_IRQ_DATA_EVENTFD   0x04u
#define VFU_IRQ_DATA           0x07u
#define VFU_IRQ_ACTION_MASK    0x08u
#define VFU_IRQ_ACTION_UNMASK  0x10u
#define VFU_IRQ_ACTION_TRIGGER 0x20u
#define VFU_IRQ_ACTION         0x38u

struct vfu_irq_set {
	uint32_t argsz, flags, index, start, count;
	/* DATA_BOOL: a byte for each */
};
static_assert(sizeof(struct vfu_irq_set) == 20, "SET_IRQS");

/* REGION_READ, REGION_WRITE; data follows. */
struct vfu_access {
	uint64_t offset;
	uint32_t region, count;
};
static_assert(sizeof(struct vfu_access) == 16, "REGION_READ, REGION_WRITE");

/* REGION_WRITE_MULTI: a number, then as many of these. */
struct vfu_multi {
	struct vfu_access a;
	uint8_t data[8];
};
static_assert(sizeof(struct vfu_multi) == 24, "REGION_WRITE_MULTI");

#endif /* VFU_PROTO_H */
