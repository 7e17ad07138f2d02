/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_GM_FILE_H
#define VN_GM_FILE_H

/**
 * @file
 * Inner view of a mapping; for lib/guestmem only.
 *
 * A struct vn_gm_file is an element of the registry's array and is never freed before the
 * registry: the SIGBUS handler walks the array without a lock while other threads map and unmap.
 * The fields it reads (base, map_size, prot) are framed by @p seq.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vn_guestmem.h"

struct vn_gm_file {
	struct vn_gm_registry *reg; /* constant */

	/* Written under the registry's lock, framed by seq; read by the SIGBUS handler. */
	atomic_uint seq;         /* odd: base, map_size and prot are being changed */
	_Atomic(uint8_t *) base; /* NULL: not mapped */
	atomic_size_t map_size;  /* whole pages of the file */
	atomic_int prot;

	atomic_bool broken; /* any thread */

	/* Identity; written under the lock while no reference exists. */
	dev_t dev;
	ino_t ino;
	uint64_t offset, size;
	bool read_only;
	bool whole; /* by vn_gm_file_map_whole(): any mapping that is large enough will do */
	int fd;     /* ours, of a whole file; else -1 */

	unsigned int refs;       /* under the lock */
	struct vn_gm_file *next; /* under the lock: bucket chain, or free list */
};

#endif /* VN_GM_FILE_H */
