/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef MODEL_DRIVER_H
#define MODEL_DRIVER_H

/**
 * @file
 * Test code: the driver's side of a split or packed virtqueue, with a guest memory of its own.
 *
 * It makes chains of every legal shape from a seeded random sequence, and checks what the device
 * gives back: each chain once, in order, with a possible length. It knows nothing of the engine.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_guestmem.h"
#include "vn_net_hdr.h"
#include "vn_virtq.h"
#include "vn_vring_packed.h"

/** xorshift64*; good enough, and the same everywhere. */
struct rng {
	uint64_t s;
};

uint64_t rng_next(struct rng *r);
/** 0 .. n - 1. */
uint32_t rng_below(struct rng *r, uint32_t n);
/** True in @p percent of 100 cases. */
bool rng_chance(struct rng *r, unsigned int percent);

#define MD_RING_GPA  UINT64_C(0x100000)
#define MD_DATA_GPA  UINT64_C(0x40000000)
#define MD_MAX_CHAIN 64

/** A chain that the device has, or the buffers of one. */
struct md_chain {
	uint16_t head;                /**< packed: the buffer id */
	uint16_t position;            /**< packed: of its first descriptor */
	uint16_t descs[MD_MAX_CHAIN]; /**< ring descriptors that it holds */
	uint16_t num_descs;
	uint16_t total_descs; /**< with those of an indirect table: what the device reads */
	uint16_t num_parts;
	struct {
		uint64_t gpa;
		uint32_t len;
	} part[MD_MAX_CHAIN];
	uint32_t capacity;
	uint64_t heap_end; /**< what is free again with this chain */
};

struct model_driver {
	struct rng rng;
	uint16_t size;
	uint64_t features;
	bool is_rx;
	bool plain; /**< set by a test: each chain is one descriptor */
	uint8_t hdr_len;

	/* Guest memory: rings in one region, data in many whose order in the file is reversed. */
	struct vn_gm_registry *reg;
	struct vn_guestmem *mem;
	int memfd;
	uint64_t data_size;
	uint32_t region_size; /**< of the data regions; the last may be smaller */
	uint8_t *file;        /**< the test's own mapping of the whole file */
	uint64_t file_size;
	uint64_t desc_gpa, avail_gpa, used_gpa;
	struct vn_vring_desc *desc; /**< packed: the test's own, see md_push_head() */
	struct vn_vring_avail *avail;
	struct vn_vring_used *used;

	bool packed;
	struct vn_vring_packed_desc *ring;
	struct vn_vring_packed_event *driver_event, *device_event;
	uint16_t id_salt;  /**< what buffer ids begin with */
	uint16_t *free_id; /**< stack, as free_desc */

	uint16_t next_avail, next_used; /**< packed: positions, bit 15: wrap counter */
	uint16_t at;                    /**< in chain[], of the next one added */
	uint16_t added, got;            /**< chains, ever (mod 2^16); from conf.start on if split */
	uint16_t event;                 /**< used_event last written */
	uint16_t *free_desc;            /**< stack; with IN_ORDER only their number counts */
	uint16_t num_free;
	uint16_t next_desc;            /**< with IN_ORDER */
	struct md_chain *chain;        /**< outstanding: md_chain_at() of got to added - 1 */
	uint64_t heap_head, heap_tail; /**< free-running; data memory is used as a ring */
};

/** Everything a driver needs; region size 0: one region for all data. @p start: conf.start. */
void md_init(struct model_driver *md, uint64_t seed, uint16_t size, uint16_t start,
	uint64_t features, bool is_rx, uint32_t region_size);
void md_fini(struct model_driver *md);
/** A configuration of the engine that fits. */
struct vn_virtq_conf md_conf(const struct model_driver *md, struct vn_virtq_stats *stats);

/** The test's address of a guest address; [gpa, gpa + len) must lie in one region. */
void *md_ptr(const struct model_driver *md, uint64_t gpa);
void md_write(struct model_driver *md, uint64_t gpa, const void *src, uint32_t len);
void md_read(const struct model_driver *md, uint64_t gpa, void *dst, uint32_t len);

/** Write descriptor @p i of the ring. Packed: of a table from which md_push_head() takes them. */
void md_set_desc(struct model_driver *md, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags,
	uint16_t next);
/**
 * Make a head available without any bookkeeping (hostile tests). Packed: the chain that begins
 * there is copied into the ring, and its id is @p head.
 */
void md_push_head(struct model_driver *md, uint16_t head);
/** The @p n th chain outstanding or added, counted as @p added is. */
struct md_chain *md_chain_at(const struct model_driver *md, uint16_t n);
/** What the device has given back: as used->idx; packed: as if chains were counted so. */
uint16_t md_used_idx(const struct model_driver *md);
/** Entry @p n (mod 2^16) of it; it is among the last that were given back. */
struct vn_vring_used_elem md_used(const struct model_driver *md, uint16_t n);

/**
 * Make a chain of random shape available whose buffers hold @p len bytes together, filled with
 * @p data if that is not NULL. @return false when there is no room now.
 */
bool md_add(struct model_driver *md, const void *data, uint32_t len);
/** Chains outstanding. */
uint16_t md_outstanding(const struct model_driver *md);
/**
 * Take one chain back. Checks its id and length.
 * @return length written by the device, -1 if there is none; *chain is valid until the next
 * md_add().
 */
int64_t md_get(struct model_driver *md, struct md_chain *chain);
/** What the device wrote into a chain that came back. */
void md_chain_read(
	const struct model_driver *md, const struct md_chain *chain, void *dst, uint32_t len);

/** Has the device asked for a notification of the very next chain? */
bool md_armed(const struct model_driver *md);
/** Would the driver kick after adding chains since next_avail was @p old? */
bool md_wants_kick(const struct model_driver *md, uint16_t old);
/**
 * With EVENT_IDX: ask for an interrupt after @p n more chains and the next one. Packed: chains of
 * one descriptor, and no more than the ring has.
 */
void md_set_used_event(struct model_driver *md, uint16_t n);
/** Ask for an interrupt at the next used entry. @return false: there is one already. */
bool md_enable_interrupt(struct model_driver *md);
void md_disable_interrupt(struct model_driver *md);

#endif /* MODEL_DRIVER_H */
