/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The mappings of this process: shared by identity, counted, and safe against files that shrink.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <rte_bitops.h>
#include <rte_common.h>

#include "vn_gm_file.h"
#include "vn_log.h"

struct vn_gm_registry {
	pthread_mutex_t lock;     /* helper threads drop references, too */
	unsigned int max_files;   /* constant */
	unsigned int num_buckets; /* constant, power of two */
	atomic_uint num_files;
	atomic_uint high_water; /* files[] from here on have never been used */
	_Atomic uint64_t num_broken;
	uint64_t bytes;             /* mapped; under the lock */
	struct vn_gm_file *free;    /* under the lock */
	struct vn_gm_file **bucket; /* under the lock */
	struct vn_gm_file files[];
};

struct vn_gm_registry *
vn_gm_registry_create(unsigned int max_files)
{
	struct vn_gm_registry *reg;
	unsigned int buckets;

	if (max_files == 0 || max_files > 1u << 20) {
		errno = EINVAL;
		return NULL;
	}
	buckets = rte_align32pow2(max_files);
	/* Untouched pages of a zeroed allocation cost nothing. */
	reg = calloc(1, sizeof(*reg) + max_files * sizeof(reg->files[0]));
	if (reg == NULL)
		return NULL;
	reg->bucket = calloc(buckets, sizeof(reg->bucket[0]));
	if (reg->bucket == NULL) {
		free(reg);
		errno = ENOMEM;
		return NULL;
	}
	pthread_mutex_init(&reg->lock, NULL);
	reg->max_files = max_files;
	reg->num_buckets = buckets;
	return reg;
}

void
vn_gm_registry_destroy(struct vn_gm_registry *reg)
{
	if (reg == NULL)
		return;
	pthread_mutex_destroy(&reg->lock);
	free(reg->bucket);
	free(reg);
}

unsigned int
vn_gm_registry_files(const struct vn_gm_registry *reg)
{
	return atomic_load_explicit(&reg->num_files, memory_order_relaxed);
}

uint64_t
vn_gm_registry_broken(const struct vn_gm_registry *reg)
{
	return atomic_load_explicit(&reg->num_broken, memory_order_relaxed);
}

static void
file_mark_broken(struct vn_gm_file *file)
{
	if (!atomic_exchange(&file->broken, true))
		atomic_fetch_add(&file->reg->num_broken, 1);
}

/* Put anonymous zero pages over a mapping. Async-signal-safe. */
static bool
cover(void *base, size_t size, int prot)
{
	return mmap(base, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		       0) != MAP_FAILED;
}

bool
vn_gm_sigbus(struct vn_gm_registry *reg, const void *addr)
{
	unsigned int n = atomic_load_explicit(&reg->high_water, memory_order_acquire);
	const uintptr_t a = (uintptr_t)addr;
	const int saved_errno = errno;
	bool ok = false;

	for (unsigned int i = 0; i < n; i++) {
		struct vn_gm_file *file = &reg->files[i];
		unsigned int seq = atomic_load_explicit(&file->seq, memory_order_acquire);
		uint8_t *base = atomic_load_explicit(&file->base, memory_order_relaxed);
		size_t size = atomic_load_explicit(&file->map_size, memory_order_relaxed);
		int prot = atomic_load_explicit(&file->prot, memory_order_relaxed);

		atomic_thread_fence(memory_order_acquire);
		/* One that is changing is not the one the faulting thread holds a reference to. */
		if (seq & 1 || seq != atomic_load_explicit(&file->seq, memory_order_relaxed))
			continue;
		if (base == NULL || a - (uintptr_t)base >= size)
			continue;
		file_mark_broken(file);
		ok = cover(base, size, prot);
		break;
	}
	errno = saved_errno;
	return ok;
}

/* The unit in which the file can be mapped; 0: unknown. */
static uint64_t
file_page_size(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return 0;
	if (fs.f_type == HUGETLBFS_MAGIC)
		return fs.f_bsize;
	return sysconf(_SC_PAGESIZE);
}

/*
 * May the holder of this descriptor have a mapping that somebody else's descriptor made? Only if
 * it could have made it itself; if not, mmap() is left to refuse.
 */
static bool
may_share(int fd, bool read_only)
{
	int flags = fcntl(fd, F_GETFL);
	int seals = fcntl(fd, F_GET_SEALS);

	if (flags < 0 || flags & O_PATH)
		return false;
	if (read_only)
		return (flags & O_ACCMODE) != O_WRONLY;
	if (seals >= 0 && seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return false;
	return (flags & O_ACCMODE) == O_RDWR;
}

static struct vn_gm_file **
bucket_of(struct vn_gm_registry *reg, const struct vn_gm_file *key)
{
	uint64_t h = key->dev * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ key->ino) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ key->offset) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ (key->whole ? 0 : key->size)) * UINT64_C(0x9e3779b97f4a7c15);
	return &reg->bucket[(h >> 32) & (reg->num_buckets - 1)];
}

/* Will the mapping @file do for what @key asks? */
static bool
same_file(const struct vn_gm_file *file, const struct vn_gm_file *key)
{
	return file->dev == key->dev && file->ino == key->ino && file->offset == key->offset &&
	       file->whole == key->whole && file->read_only == key->read_only &&
	       (key->whole ? file->size >= key->size : file->size == key->size);
}

static struct vn_gm_file *
file_find(struct vn_gm_registry *reg, const struct vn_gm_file *key)
{
	struct vn_gm_file *file;

	for (file = *bucket_of(reg, key); file != NULL; file = file->next) {
		/* A broken one has lost its contents: whoever comes again needs a new mapping. */
		if (same_file(file, key) && !vn_gm_file_broken(file))
			return file;
	}
	return NULL;
}

/* An unused element, or NULL. Under the lock. */
static struct vn_gm_file *
file_alloc(struct vn_gm_registry *reg)
{
	unsigned int high = atomic_load_explicit(&reg->high_water, memory_order_relaxed);
	struct vn_gm_file *file = reg->free;

	if (file != NULL) {
		reg->free = file->next;
		return file;
	}
	if (high == reg->max_files)
		return NULL;
	file = &reg->files[high];
	file->reg = reg;
	atomic_store_explicit(&reg->high_water, high + 1, memory_order_release);
	return file;
}

/* Tell the SIGBUS handler where the mapping is; base NULL: it is none any more. */
static void
file_set_mapping(struct vn_gm_file *file, uint8_t *base, size_t size, int prot)
{
	unsigned int seq = atomic_load_explicit(&file->seq, memory_order_relaxed);

	atomic_store_explicit(&file->seq, seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&file->base, base, memory_order_relaxed);
	atomic_store_explicit(&file->map_size, size, memory_order_relaxed);
	atomic_store_explicit(&file->prot, prot, memory_order_relaxed);
	atomic_store_explicit(&file->seq, seq + 2, memory_order_release);
}

/* Fill the identity of what @key asks for, and check its range. */
static int
key_of(int fd, struct vn_gm_file *key, uint64_t *page, uint64_t *file_size)
{
	struct stat st;

	/*
	 * Only shared memory and hugetlbfs know seals. Any other file (FUSE, a network file system)
	 * could make whoever asks it or touches its pages wait for as long as its server likes.
	 */
	if (fcntl(fd, F_GET_SEALS) < 0)
		return -EINVAL;
	/* Before the size is looked at; many files do not allow seals: then SIGBUS must do. */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
	if (fstat(fd, &st) < 0)
		return -EINVAL;
	*page = file_page_size(fd);
	if (!S_ISREG(st.st_mode) || *page == 0)
		return -EINVAL;
	*file_size = st.st_size > 0 ? st.st_size : 0;
	if (key->size == 0 || key->offset % *page != 0 || key->size > *file_size ||
		key->offset > *file_size - key->size)
		return -EINVAL;
	key->dev = st.st_dev;
	key->ino = st.st_ino;
	return 0;
}

/* Under the lock. */
static int
file_map_new(struct vn_gm_registry *reg, int fd, const struct vn_gm_file *key, uint64_t page,
	struct vn_gm_file **ret)
{
	const int prot = key->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
	const size_t map_size = RTE_ALIGN_CEIL(key->size, page);
	struct vn_gm_file **bucket;
	struct vn_gm_file *file;
	int kept_fd = -1;
	void *base;
	int err;

	if (map_size > VN_GM_MAX_BYTES)
		return -EFBIG;
	if (map_size > VN_GM_MAX_CLIENTS * VN_GM_MAX_BYTES - reg->bytes)
		return -ENOSPC;
	file = file_alloc(reg);
	if (file == NULL)
		return -ENOSPC;
	if (key->whole) {
		kept_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (kept_fd < 0) {
			err = -errno;
			goto fail;
		}
	}
	base = mmap(NULL, map_size, prot, MAP_SHARED | MAP_NORESERVE, fd, key->offset);
	if (base == MAP_FAILED) {
		err = -errno;
		goto fail;
	}
	/* A core dump is about us, not about the guests. */
	(void)madvise(base, map_size, MADV_DONTDUMP);
	file->dev = key->dev;
	file->ino = key->ino;
	file->offset = key->offset;
	file->size = key->size;
	file->read_only = key->read_only;
	file->whole = key->whole;
	file->fd = kept_fd;
	file->refs = 1;
	atomic_store(&file->broken, false);
	file_set_mapping(file, base, map_size, prot);
	bucket = bucket_of(reg, key);
	file->next = *bucket;
	*bucket = file;
	reg->bytes += map_size;
	atomic_fetch_add_explicit(&reg->num_files, 1, memory_order_relaxed);
	*ret = file;
	return 0;
fail:
	if (kept_fd >= 0)
		close(kept_fd);
	file->next = reg->free;
	reg->free = file;
	return err;
}

static int
file_get(struct vn_gm_registry *reg, int fd, struct vn_gm_file *key, struct vn_gm_file **file)
{
	uint64_t page, file_size;
	int ret;

	ret = key_of(fd, key, &page, &file_size);
	if (ret < 0)
		return ret;

	pthread_mutex_lock(&reg->lock);
	*file = may_share(fd, key->read_only) ? file_find(reg, key) : NULL;
	if (*file != NULL) {
		(*file)->refs++;
	} else {
		if (key->whole)
			key->size = file_size;
		ret = file_map_new(reg, fd, key, page, file);
	}
	pthread_mutex_unlock(&reg->lock);
	return ret;
}

int
vn_gm_file_map(struct vn_gm_registry *reg, int fd, uint64_t offset, uint64_t size, bool read_only,
	struct vn_gm_file **file)
{
	struct vn_gm_file key = {.offset = offset, .size = size, .read_only = read_only};

	return file_get(reg, fd, &key, file);
}

int
vn_gm_file_map_whole(struct vn_gm_registry *reg, int fd, uint64_t min_size, bool read_only,
	struct vn_gm_file **file)
{
	struct vn_gm_file key = {.size = min_size, .read_only = read_only, .whole = true};

	return file_get(reg, fd, &key, file);
}

int
vn_gm_file_fd(const struct vn_gm_file *file)
{
	return file->fd;
}

struct vn_gm_file *
vn_gm_file_ref(struct vn_gm_file *file)
{
	pthread_mutex_lock(&file->reg->lock);
	file->refs++;
	pthread_mutex_unlock(&file->reg->lock);
	return file;
}

void
vn_gm_file_unref(struct vn_gm_file *file)
{
	struct vn_gm_registry *reg;
	struct vn_gm_file **p;
	size_t map_size;
	uint8_t *base;

	if (file == NULL)
		return;
	reg = file->reg;
	pthread_mutex_lock(&reg->lock);
	if (--file->refs > 0) {
		pthread_mutex_unlock(&reg->lock);
		return;
	}
	for (p = bucket_of(reg, file); *p != file;)
		p = &(*p)->next;
	*p = file->next;
	base = atomic_load_explicit(&file->base, memory_order_relaxed);
	map_size = atomic_load_explicit(&file->map_size, memory_order_relaxed);
	file_set_mapping(file, NULL, 0, 0);
	pthread_mutex_unlock(&reg->lock);

	/* Long for a big guest, so without the lock; the element is not in any list meanwhile. */
	munmap(base, map_size);
	if (file->fd >= 0)
		close(file->fd);

	pthread_mutex_lock(&reg->lock);
	file->next = reg->free;
	reg->free = file;
	reg->bytes -= map_size;
	atomic_fetch_sub_explicit(&reg->num_files, 1, memory_order_relaxed);
	pthread_mutex_unlock(&reg->lock);
}

const char *
vn_gm_map_error(int err)
{
	switch (err) {
	case -EINVAL:
		return "no memory file, or beyond its end";
	case -EFBIG:
		return "more than 16 TiB, as one file or for one VM";
	case -ENOSPC:
		return "too many memory files, of this VM or of all; give the VM fewer";
	default:
		return strerror(-err);
	}
}

uint64_t
vn_gm_file_size(const struct vn_gm_file *file)
{
	return file->size;
}

void *
vn_gm_file_base(const struct vn_gm_file *file)
{
	return atomic_load_explicit(&file->base, memory_order_relaxed);
}

bool
vn_gm_file_broken(const struct vn_gm_file *file)
{
	return atomic_load_explicit(&file->broken, memory_order_relaxed);
}

void
vn_gm_file_revoke(struct vn_gm_file *file)
{
	size_t size = atomic_load(&file->map_size);

	file_mark_broken(file);
	if (!cover(atomic_load(&file->base), size, atomic_load(&file->prot)))
		VN_ERR("cannot take %zu bytes of guest memory away from a late user: %s", size,
			strerror(errno));
}
