/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef DRIVER_H
#define DRIVER_H

/**
 * @file
 * The driver side of one virtqueue, as small as a driver can be: the same for both devices that are
 * compared. It knows neither DPDK nor our libraries, only the kernel's headers, and is compiled
 * with the same flags whatever the build is (meson.build).
 *
 * A ring goes round through a fixed list of chains, whose buffers never change: chain n is posted
 * before chain n + 1 and has to come back before it, as both devices complete in order. What a
 * device gives back is checked; the first thing that is wrong stays in error.
 */

#include <stdbool.h>
#include <stdint.h>

/** Most buffers of a chain. */
#define DRV_MAX_PIECES 40

/** A buffer. */
struct drv_piece {
	uint64_t gpa;
	uint8_t *ptr; /**< the driver's address of it */
	uint32_t len;
};

struct drv_chain {
	uint32_t n; /**< pieces */
	struct drv_piece piece[DRV_MAX_PIECES];
	uint64_t table_gpa; /**< indirect: where its table is, else 0 */
	void *table;
	uint16_t id;       /**< while posted: how the device names it */
	uint16_t descs;    /**< while posted: descriptors of the ring */
	uint32_t used_len; /**< bytes written, once given back */
};

struct drv_ring {
	/* Set by the user, with the rings and the chains. */
	bool packed;
	bool in_order; /**< a device may give several chains back with one used entry */
	bool is_rx;
	uint16_t size;
	void *desc, *driver, *device; /**< avail and used ring, or event suppression */
	struct drv_chain *chain;
	uint32_t num_chains;

	/* State. */
	uint32_t posted, reaped; /**< chains, counted through; modulo num_chains: which */
	uint16_t avail;          /**< split: avail->idx; packed: next slot to fill */
	uint16_t used;           /**< split: used->idx seen; packed: next slot to look at */
	uint16_t head;           /**< split: next free descriptor (they come back in order) */
	uint16_t num_free;       /**< descriptors */
	bool avail_wrap, used_wrap;
	const char *error;
};

/** Bytes of the three parts. */
uint32_t drv_desc_bytes(const struct drv_ring *r);
uint32_t drv_driver_bytes(const struct drv_ring *r);
uint32_t drv_device_bytes(const struct drv_ring *r);

/** Write the tables of chains that have one. Once. */
void drv_tables(struct drv_ring *r);
/** Fresh: nothing posted, rings zeroed, no interrupts wanted. */
void drv_reset(struct drv_ring *r);
/** Post up to @p n chains, and show them to the device. @return how many there was room for. */
uint32_t drv_post(struct drv_ring *r, uint32_t n);
/** Take back what the device is done with. @return chains; see error. */
uint32_t drv_reap(struct drv_ring *r);

/* driver_packed.c */
uint32_t drv_packed_post(struct drv_ring *r, uint32_t n);
uint32_t drv_packed_reap(struct drv_ring *r);

#endif /* DRIVER_H */
