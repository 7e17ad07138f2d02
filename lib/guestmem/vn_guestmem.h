/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_GUESTMEM_H
#define VN_GUESTMEM_H

/**
 * @file
 * Guest memory: mapping a peer's memory files, and checked translation of guest addresses.
 *
 * - struct vn_gm_registry knows every mapping of this process, so that a SIGBUS (a peer shrank
 *   its file) is survived: anonymous pages are put over the mapping and it is marked broken.
 * - struct vn_gm_file is one mapping of one (device, inode, range); counted references.
 * - struct vn_guestmem is an immutable table of one device: guest physical -> our addresses.
 *   It is built by the control thread, read by pollers, and replaced as a whole; a table made from
 *   another shares with it what is the same.
 *
 * A poller may use a table only between the command that gave it and the acknowledged command
 * that takes it back; whoever frees it has waited for that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

struct vn_gm_registry;
struct vn_gm_file;

/** Most regions of one device's map. vhost-user allows 509 (virtio-mem); vfio-user far more. */
#define VN_GM_MAX_REGIONS 65535

/**
 * Most bytes of one mapping, and of all mappings of one client; the process may have
 * VN_GM_MAX_CLIENTS times as many. A file may be huge and hold nothing, so its size is no proof of
 * anything, but the address space (128 TiB) is everybody's.
 */
#define VN_GM_MAX_BYTES   (UINT64_C(16) << 40)
#define VN_GM_MAX_CLIENTS 4

/**
 * @param max_files
 *   Most mappings of the whole process at a time (the kernel allows about 65 000).
 * @return the registry, or NULL with errno. Control thread.
 */
struct vn_gm_registry *vn_gm_registry_create(unsigned int max_files);
/** All files must have been released. Control thread. */
void vn_gm_registry_destroy(struct vn_gm_registry *reg);

/**
 * To be called by the process's SIGBUS handler: if @p addr lies in a mapping of ours, cover the
 * mapping with anonymous zero pages, mark it broken and return true; else false. Any thread;
 * async-signal-safe.
 */
bool vn_gm_sigbus(struct vn_gm_registry *reg, const void *addr);

/** Mappings alive now, and how many were ever broken. Any thread. */
unsigned int vn_gm_registry_files(const struct vn_gm_registry *reg);
uint64_t vn_gm_registry_broken(const struct vn_gm_registry *reg);

/**
 * Map @p size bytes at @p offset of the memory file @p fd, or take a reference to the mapping of
 * the same file and range that is already there. F_SEAL_SHRINK is set where possible. The fd stays
 * the caller's and may be closed afterwards. Control thread.
 *
 * @return
 *   0; -EINVAL (neither shared memory (memfd, tmpfs) nor hugetlbfs, empty, range beyond the end of
 * the file, wrap, offset not aligned to the file's page size); -EFBIG (more than VN_GM_MAX_BYTES);
 * -ENOSPC (too many mappings, or bytes, of the process); -errno of mmap.
 */
int vn_gm_file_map(struct vn_gm_registry *reg, int fd, uint64_t offset, uint64_t size,
	bool read_only, struct vn_gm_file **file);
/** What such an error means, for a message. Static, or as strerror(). */
const char *vn_gm_map_error(int err);
struct vn_gm_file *vn_gm_file_ref(struct vn_gm_file *file);
/**
 * Drop a reference; the last one unmaps (which can take long for a big guest). Control or helper
 * thread.
 */
void vn_gm_file_unref(struct vn_gm_file *file);
/** Our address of the first byte of the mapping. */
void *vn_gm_file_base(const struct vn_gm_file *file);
/** Its length, as it was asked for; of a whole file, that of the file then. */
uint64_t vn_gm_file_size(const struct vn_gm_file *file);
/** Set once a SIGBUS hit the mapping, or vn_gm_file_revoke() was called. Any thread. */
bool vn_gm_file_broken(const struct vn_gm_file *file);
/**
 * Cover the mapping with anonymous pages while others may still use it: the peer may have its
 * memory back although a poller missed its deadline. Control thread.
 */
void vn_gm_file_revoke(struct vn_gm_file *file);

/**
 * Map all of the memory file @p fd, or take a reference to the mapping that is there, if it covers
 * [0, min_size). For transports that map the same file piece by piece: all pieces share one mapping
 * (design: once per device number and inode). What is mapped read-only and what is not are two
 * mappings; when the file has grown and @p min_size, > 0, is behind the mapping there is, a new one
 * is made. Otherwise as vn_gm_file_map().
 */
int vn_gm_file_map_whole(struct vn_gm_registry *reg, int fd, uint64_t min_size, bool read_only,
	struct vn_gm_file **file);
/** A descriptor of the file, kept open as long as the mapping (vn_gm_file_map_whole() only, else
 * -1); it stays the mapping's. For handing the memory over to another process. */
int vn_gm_file_fd(const struct vn_gm_file *file);

/** One region of a device's map. */
struct vn_gm_region {
	uint64_t gpa;            /**< guest physical (or IO virtual) address */
	uint64_t size;           /**< bytes, > 0 */
	uint64_t uva;            /**< address in the peer (vhost-user ring addresses), or 0 */
	uint64_t file_offset;    /**< where the region begins within @p file's mapping */
	struct vn_gm_file *file; /**< the table takes a reference of its own */
	bool read_only;
};

/** Most regions of a chunk. */
#define VN_GM_CHUNK_SLOTS 256

/**
 * A run of regions, immutable, shared by the tables that have it in common. As all of a table:
 * fields are read-only to everybody but lib/guestmem.
 */
struct vn_gm_chunk {
	unsigned int refs; /* atomic */
	unsigned int n;    /* <= VN_GM_CHUNK_SLOTS */
	unsigned int num_files;
	struct vn_gm_file **files; /* each file of the chunk once; behind the slots */
	struct vn_gm_slot {
		uint64_t gpa, size, uva;
		uint8_t *base; /* our address of gpa */
		struct vn_gm_file *file;
		bool read_only;
	} slot[]; /* sorted by gpa, no overlaps */
};

/** Immutable table. */
struct vn_guestmem {
	unsigned int n;          /* regions */
	unsigned int refs;       /* atomic */
	unsigned int num_chunks; /* >= 1; only that of an empty table is empty */
	struct vn_gm_run {
		uint64_t gpa; /* where it begins */
		struct vn_gm_chunk *chunk;
	} chunk[]; /* sorted by gpa, no overlaps */
};

/**
 * Build a table. Control thread.
 * @return 0; -EINVAL (empty, wrapping, overlapping region, region beyond its file); -E2BIG;
 * -ENOMEM.
 */
int vn_guestmem_create(
	const struct vn_gm_region *regions, unsigned int n, struct vn_guestmem **mem);
/**
 * Another table: @p mem (NULL: empty) with @p add in it, or without the region that begins at
 * @p gpa and has @p size. Shares what is the same with @p mem, which stays as it is and the
 * caller's: the cost grows with the logarithm of the number of regions, not with it, but for
 * bounded copies. Control thread.
 * @return 0; -EINVAL, -EEXIST (overlaps), -ENOENT (no such region), -E2BIG, -ENOMEM.
 */
int vn_guestmem_with(
	struct vn_guestmem *mem, const struct vn_gm_region *add, struct vn_guestmem **out);
int vn_guestmem_without(
	struct vn_guestmem *mem, uint64_t gpa, uint64_t size, struct vn_guestmem **out);
/** Control or helper thread, as vn_guestmem_unref(): tables may be dropped in any order. */
struct vn_guestmem *vn_guestmem_ref(struct vn_guestmem *mem);
/** NULL is fine. */
void vn_guestmem_unref(struct vn_guestmem *mem);
/**
 * True once any file of the table is broken. Any thread. Walks the files of each chunk: not per
 * packet.
 */
bool vn_guestmem_broken(const struct vn_guestmem *mem);
/**
 * vn_gm_file_revoke() for every file of the table. Control thread.
 *
 * Other tables on the same mappings lose them, too: those of other devices of the same VM. To cover
 * only what this table shows would not help them, as it is the same RAM at the same addresses, and
 * a mapping for each device would cost page tables for each. Devices of other VMs are not touched,
 * and a new vn_gm_file_map() gets a new mapping.
 */
void vn_guestmem_revoke(struct vn_guestmem *mem);
/** Peer's (userspace) address to guest physical address; UINT64_MAX if in no region. */
uint64_t vn_guestmem_uva_to_gpa(const struct vn_guestmem *mem, uint64_t uva);

/** Region @p i in the order of addresses, or NULL when there are fewer. Walks the chunks. */
const struct vn_gm_slot *vn_guestmem_at(const struct vn_guestmem *mem, unsigned int i);

/** The region that holds @p gpa, or NULL. Binary search. */
const struct vn_gm_slot *vn_guestmem_find(const struct vn_guestmem *mem, uint64_t gpa);

/** What a hint is before anything was found: holds no address. */
extern const struct vn_gm_slot vn_gm_no_slot;

/**
 * Translate the beginning of [gpa, gpa + *len). On return *len is how much of it is contiguous in
 * our memory (>= 1), at most what was asked for. For buffers, which may cross regions.
 *
 * @param hint
 *   The caller's, initially &vn_gm_no_slot, and again whenever @p mem is another table: where the
 *   last address was found.
 * @return our address, or NULL when gpa is in no region, *len is 0, the range wraps, or @p write
 *   is asked of a read-only region.
 */
static inline void *
vn_guestmem_part(const struct vn_guestmem *mem, uint64_t gpa, uint64_t *len, bool write,
	const struct vn_gm_slot **hint)
{
	const struct vn_gm_slot *s = *hint;
	uint64_t off, room;

	if (unlikely(gpa - s->gpa >= s->size)) {
		s = vn_guestmem_find(mem, gpa);
		if (s == NULL)
			return NULL;
		*hint = s;
	}
	if (unlikely(*len == 0 || gpa + *len < gpa || (write && s->read_only)))
		return NULL;
	off = gpa - s->gpa;
	room = s->size - off;
	if (unlikely(*len > room))
		*len = room;
	return s->base + off;
}

/** Translate a range that must be contiguous in our memory (rings, tables). NULL if it is not. */
static inline void *
vn_guestmem_addr(const struct vn_guestmem *mem, uint64_t gpa, uint64_t len, bool write)
{
	const struct vn_gm_slot *hint = &vn_gm_no_slot;
	uint64_t got = len;
	void *p = vn_guestmem_part(mem, gpa, &got, write, &hint);

	return got == len ? p : NULL;
}

#endif /* VN_GUESTMEM_H */
