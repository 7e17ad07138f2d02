/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The client's memory: DMA_MAP, DMA_UNMAP. Each changes our table at once; the device gets a new
 * map at the end of the turn, and replies are sent when no poller uses the old one.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

#include "vfu_private.h"

/* "pgsizes" of VERSION. */
#define DMA_PAGE 4096u

/* What a swap leaves behind is unmapped by the helper thread: that takes long. */
struct dma_release {
	struct vn_job job; /* first */
	struct vfu_endpoint *ep;
	struct vn_guestmem *mem;
	struct vfu_files files;
};

/* Helper thread, or control thread if need be. */
static void
release_now(struct vn_guestmem *mem, struct vfu_files *files)
{
	struct vfu_file *f;

	vn_guestmem_unref(mem);
	while ((f = LIST_FIRST(files)) != NULL) {
		LIST_REMOVE(f, next);
		vn_gm_file_unref(f->file);
		free(f);
	}
}

static int
release_run(struct vn_job *job)
{
	struct dma_release *r = (struct dma_release *)job;

	release_now(r->mem, &r->files);
	return 0;
}

static void
release_done(struct vn_job *job, int result __rte_unused)
{
	struct dma_release *r = (struct dma_release *)job;
	struct vfu_endpoint *ep = r->ep;

	free(r);
	vfu_endpoint_job_done(ep);
}

static void
files_move(struct vfu_files *from, struct vfu_files *to)
{
	struct vfu_file *f;

	while ((f = LIST_FIRST(from)) != NULL) {
		LIST_REMOVE(f, next);
		LIST_INSERT_HEAD(to, f, next);
	}
}

static void
dma_release(struct vfu_endpoint *ep, struct vn_guestmem *mem, struct vfu_files *files)
{
	struct dma_release *r;

	if (mem == NULL && LIST_EMPTY(files))
		return;
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		/* Slow is better than never. */
		release_now(mem, files);
		return;
	}
	r->job.run = release_run;
	r->job.done = release_done;
	r->ep = ep;
	r->mem = mem;
	LIST_INIT(&r->files);
	files_move(files, &r->files);
	ep->jobs++;
	vn_loop_submit(ep->loop, &r->job);
}

/* Index of the first map that begins at @p address or above. */
static unsigned int
ref_find(const struct vfu_dma *d, uint64_t address)
{
	unsigned int lo = 0, hi = d->n;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (d->ref[mid].address < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int
ref_insert(struct vfu_dma *d, uint64_t address, uint32_t slot, struct vfu_file *file)
{
	unsigned int i = ref_find(d, address);
	struct vfu_dma_ref *ref;
	unsigned int room;

	if (d->n == d->room) {
		room = d->room == 0 ? 64 : 2 * d->room;
		ref = realloc(d->ref, room * sizeof(ref[0]));
		if (ref == NULL)
			return -ENOMEM;
		d->ref = ref;
		d->room = room;
	}
	memmove(&d->ref[i + 1], &d->ref[i], (d->n - i) * sizeof(d->ref[0]));
	d->ref[i] = (struct vfu_dma_ref){.address = address, .slot = slot, .file = file};
	d->n++;
	return 0;
}

/* A place in the state file. */
static uint32_t
slot_find(struct vfu_conn *c)
{
	struct vfu_shm *shm = c->ep->shm;
	const uint64_t seq = vfu_shm_seq(shm);
	uint32_t i;

	for (i = c->dma.first_free; i < VFU_MAX_MAPS; i++) {
		const struct vfu_map *m = &shm->map[i];

		/* One that died by the present message is still needed if that never counts. */
		if (m->born == 0 || (m->died != 0 && m->died <= seq))
			break;
	}
	c->dma.first_free = i;
	return i;
}

static bool
dma_overlaps(const struct vfu_conn *c, uint64_t address, uint64_t size)
{
	const struct vfu_dma *d = &c->dma;
	const unsigned int i = ref_find(d, address);

	if (i < d->n && d->ref[i].address - address < size)
		return true;
	return i > 0 && address - d->ref[i - 1].address < c->ep->shm->map[d->ref[i - 1].slot].size;
}

static void
file_put(struct vfu_conn *c, struct vfu_file *f)
{
	if (f == NULL || --f->maps > 0)
		return;
	/* The pollers may still use it; the next swap ends that. */
	LIST_REMOVE(f, next);
	LIST_INSERT_HEAD(&c->dma.dying, f, next);
	c->dma.n_files--;
	vfu_drop_later(c, f->number);
}

/* The file behind @p fd, which the keeper has as @p number, mapped at least as far as @p end. */
static int
file_get(struct vfu_conn *c, int fd, uint64_t end, bool read_only, uint32_t number,
	struct vfu_file **out)
{
	struct vn_gm_file *file;
	uint64_t bytes = 0;
	struct vfu_file *f;
	int ret;

	ret = vn_gm_file_map_whole(c->ep->dev->env.gm, fd, end, read_only, &file);
	if (ret != 0)
		return ret;
	LIST_FOREACH (f, &c->dma.files, next) {
		if (f->file == file) {
			vn_gm_file_unref(file); /* one is enough */
			f->maps++;
			*out = f;
			return 0;
		}
		bytes += vn_gm_file_size(f->file);
	}
	if (vn_gm_file_size(file) > VN_GM_MAX_BYTES - bytes) {
		vn_gm_file_unref(file);
		return -EFBIG;
	}
	f = c->dma.n_files < VFU_MAX_FILES ? calloc(1, sizeof(*f)) : NULL;
	if (f == NULL) {
		vn_gm_file_unref(file);
		return c->dma.n_files < VFU_MAX_FILES ? -ENOMEM : -ENOSPC;
	}
	f->file = file;
	f->number = number;
	f->maps = 1;
	LIST_INSERT_HEAD(&c->dma.files, f, next);
	c->dma.n_files++;
	*out = f;
	return 0;
}

/* Change the map that the device is to have. Takes over @p mem. */
static void
dma_set_mem(struct vfu_conn *c, struct vn_guestmem *mem)
{
	struct vfu_dma *d = &c->dma;

	/* One that the device never had: its files are those of the lists, so nothing is unmapped.
	 */
	if (d->mem != d->given)
		vn_guestmem_unref(d->mem);
	d->mem = mem;
	d->dirty = true;
}

static int
dma_add_region(struct vfu_conn *c, const struct vfu_map *m, struct vfu_file *f)
{
	struct vn_gm_region r = {
		.gpa = m->address,
		.size = m->size,
		.file_offset = m->offset,
		.file = f->file,
		.read_only = !(m->flags & VFU_MAP_WRITE),
	};
	struct vn_guestmem *mem;
	int ret;

	ret = vn_guestmem_with(c->dma.mem, &r, &mem);
	if (ret != 0)
		return ret;
	dma_set_mem(c, mem);
	c->dma.bytes += m->size;
	return 0;
}

static int
map_check(struct vfu_conn *c, const struct vfu_dma_map *p)
{
	if (p->argsz < sizeof(*p))
		return vfu_refuse(c, -EINVAL, "argsz of %u, it must be %zu", p->argsz, sizeof(*p));
	if (p->flags == 0 || (p->flags & ~(VFU_MAP_READ | VFU_MAP_WRITE)) != 0)
		return vfu_refuse(
			c, -EINVAL, "flags 0x%x, known are read (1) and write (2)", p->flags);
	/* An end of exactly 2^64 counts as wrapping, so that no sum does. */
	if (p->size == 0 || p->address + p->size < p->address || p->offset + p->size < p->offset)
		return vfu_refuse(c, -EINVAL,
			"empty or wrapping range 0x%" PRIx64 "+0x%" PRIx64
			" of file offset 0x%" PRIx64,
			p->address, p->size, p->offset);
	if ((p->address | p->size | p->offset) % DMA_PAGE != 0)
		return vfu_refuse(c, -EINVAL,
			"range 0x%" PRIx64 "+0x%" PRIx64 " is not made of pages of %u bytes",
			p->address, p->size, DMA_PAGE);
	if (dma_overlaps(c, p->address, p->size))
		return vfu_refuse(c, -EEXIST, "range 0x%" PRIx64 "+0x%" PRIx64 " is mapped already",
			p->address, p->size);
	return 0;
}

int
vfu_dma_map(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_shm *shm = c->ep->shm;
	struct vfu_file *f = NULL;
	struct vfu_dma_map p;
	struct vfu_map *slot;
	uint32_t i;
	int ret;

	memcpy(&p, m->payload, sizeof(p));
	ret = map_check(c, &p);
	if (ret != 0)
		return ret;
	i = slot_find(c);
	if (i == VFU_MAX_MAPS)
		return vfu_refuse(c, -ENOSPC, "all %u maps are in use", VFU_MAX_MAPS);
	if (m->fds->n > 0) {
		ret = file_get(c, m->fds->fd[0], p.offset + p.size, !(p.flags & VFU_MAP_WRITE),
			shm->fd_number[0], &f);
		if (ret != 0)
			return vfu_refuse(c, ret,
				"cannot map 0x%" PRIx64 " bytes at 0x%" PRIx64 " of the file: %s",
				p.size, p.offset, vn_gm_map_error(ret));
	}
	slot = &shm->map[i];
	slot->born = 0;
	vfu_shm_order();
	slot->died = 0;
	slot->address = p.address;
	slot->size = p.size;
	slot->offset = p.offset;
	slot->flags = p.flags;
	slot->file = f != NULL ? f->number : 0;
	ret = ref_insert(&c->dma, p.address, i, f);
	if (ret == 0 && f != NULL) {
		ret = dma_add_region(c, slot, f);
		if (ret != 0) {
			unsigned int at = ref_find(&c->dma, p.address);

			c->dma.n--;
			memmove(&c->dma.ref[at], &c->dma.ref[at + 1],
				(c->dma.n - at) * sizeof(c->dma.ref[0]));
		}
	}
	if (ret != 0) {
		file_put(c, f);
		return vfu_refuse(c, ret, "the map cannot grow: %s", strerror(-ret));
	}
	/* One that is known already is kept under its own number. */
	if (f != NULL && f->number == shm->fd_number[0])
		(void)vfu_claim(c, 0);
	vfu_shm_order();
	slot->born = vfu_shm_seq(shm) + 1;
	return 0;
}

/* Take map number @p at out. */
static int
dma_remove(struct vfu_conn *c, unsigned int at)
{
	struct vfu_dma *d = &c->dma;
	struct vfu_dma_ref ref = d->ref[at];
	struct vfu_map *slot = &c->ep->shm->map[ref.slot];
	struct vn_guestmem *mem;
	int ret;

	if (ref.file != NULL) {
		ret = vn_guestmem_without(d->mem, slot->address, slot->size, &mem);
		if (ret != 0)
			return ret;
		dma_set_mem(c, mem);
		d->bytes -= slot->size;
	}
	slot->died = vfu_shm_seq(c->ep->shm) + 1;
	d->n--;
	memmove(&d->ref[at], &d->ref[at + 1], (d->n - at) * sizeof(d->ref[0]));
	if (ref.slot < d->first_free)
		d->first_free = ref.slot;
	file_put(c, ref.file);
	return 0;
}

static void
dma_remove_all(struct vfu_conn *c)
{
	struct vfu_dma *d = &c->dma;
	struct vn_guestmem *empty = NULL;
	unsigned int i;

	for (i = 0; i < d->n; i++) {
		c->ep->shm->map[d->ref[i].slot].died = vfu_shm_seq(c->ep->shm) + 1;
		file_put(c, d->ref[i].file);
	}
	d->n = 0;
	d->bytes = 0;
	d->first_free = 0;
	/* Rings that run go over to it; without any table they would keep the old one. */
	if (vn_guestmem_create(NULL, 0, &empty) != 0)
		empty = NULL;
	dma_set_mem(c, empty);
}

int
vfu_dma_unmap(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_dma *d = &c->dma;
	struct vfu_dma_unmap p;
	unsigned int at;
	int ret;

	memcpy(&p, m->payload, sizeof(p));
	if (p.flags & VFU_UNMAP_DIRTY)
		return vfu_refuse(c, -ENOTSUP, "dirty pages are not tracked");
	if (p.flags & ~VFU_UNMAP_ALL)
		return vfu_refuse(c, -EINVAL, "flags 0x%x, known is all (2)", p.flags);
	if (p.argsz < sizeof(p) || m->len != sizeof(p))
		return vfu_refuse(c, -EINVAL, "argsz of %u, payload of %u, both must be %zu",
			p.argsz, m->len, sizeof(p));
	if (p.flags & VFU_UNMAP_ALL) {
		if (p.address != 0 || p.size != 0)
			return vfu_refuse(c, -EINVAL, "unmapping all has no address and size");
		dma_remove_all(c);
	} else {
		at = ref_find(d, p.address);
		if (at == d->n || d->ref[at].address != p.address ||
			c->ep->shm->map[d->ref[at].slot].size != p.size)
			return vfu_refuse(c, -ENOENT,
				"0x%" PRIx64 "+0x%" PRIx64 " was not mapped as a whole", p.address,
				p.size);
		ret = dma_remove(c, at);
		if (ret != 0)
			return vfu_refuse(c, ret, "the map cannot shrink: %s", strerror(-ret));
	}
	memcpy(m->reply, &p, sizeof(p));
	m->reply_len = sizeof(p);
	return 0;
}

struct dma_swap {
	struct vfu_conn *c;
	struct vn_guestmem *old;
	struct vfu_files dying;
};

static void
dma_swapped(void *ctx, int result)
{
	struct dma_swap *s = ctx;
	struct vfu_conn *c = s->c;

	/* A poller that had to be overridden has lost the memory: the client may have it back. */
	if (result != 0 && vn_log_allowed(&c->ep->dev->log_limit, c->ep->dev->conf.vuid))
		VN_WARN("%s: changing the memory map: %s", c->ep->dev->conf.vuid,
			strerror(-result));
	dma_release(c->ep, s->old, &s->dying);
	free(s);
	c->dma.swapping = false;
	c->due = c->dma.dirty ? c->dma.swap_seq : vfu_shm_seq(c->ep->shm);
	if (c->restoring && !c->dead)
		vfu_take_restore(c);
	vfu_conn_progress(c);
}

void
vfu_dma_swap(struct vfu_conn *c)
{
	struct vfu_dma *d = &c->dma;
	struct dma_swap *s;

	if (!d->dirty || d->swapping)
		return;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		vfu_conn_fail(c, -ENOMEM, "no memory to change the memory map");
		return;
	}
	s->c = c;
	s->old = d->given;
	LIST_INIT(&s->dying);
	files_move(&d->dying, &s->dying);
	d->given = d->mem;
	d->dirty = false;
	d->swapping = true;
	d->swap_seq = vfu_shm_seq(c->ep->shm);
	vn_device_set_mem(c->ep->dev, d->mem, dma_swapped, s);
}

void
vfu_dma_abandon(struct vfu_conn *c)
{
	struct vfu_dma *d = &c->dma;

	files_move(&d->files, &d->dying);
	if (d->given != d->mem)
		dma_release(c->ep, d->given, &d->dying);
	dma_release(c->ep, d->mem, &d->dying);
	free(d->ref);
	memset(d, 0, sizeof(*d));
}

void
vfu_dma_fini(struct vfu_conn *c)
{
	struct vfu_dma *d = &c->dma;
	struct vfu_file *f;
	unsigned int i;

	for (i = 0; i < d->n; i++)
		c->ep->shm->map[d->ref[i].slot].born = 0;
	LIST_FOREACH (f, &d->files, next) {
		vfu_unkeep(c->ep, f->number);
	}
	vfu_dma_abandon(c);
}

static struct vfu_file *
file_of(struct vfu_conn *c, uint32_t number)
{
	struct vfu_file *f;

	LIST_FOREACH (f, &c->dma.files, next) {
		if (f->number == number)
			break;
	}
	return f;
}

/* One map that is alive. */
static int
restore_one(struct vfu_conn *c, struct vfu_map *m, uint32_t slot, struct vn_vfu_hold *hold)
{
	struct vfu_file *f = NULL;
	uint32_t number = m->file;
	int fd, ret;

	if (m->size == 0 || m->address + m->size < m->address || m->offset + m->size < m->offset ||
		dma_overlaps(c, m->address, m->size))
		return -EINVAL;
	if (number != 0) {
		f = file_of(c, number);
		if (f != NULL) {
			f->maps++;
		} else {
			fd = vn_vfu_hold_take(hold, VN_VFU_CLIENT, &number);
			if (fd < 0)
				return -EBADF;
			ret = file_get(c, fd, m->offset + m->size, !(m->flags & VFU_MAP_WRITE),
				number, &f);
			close(fd); /* the mapping has its own */
			if (ret != 0)
				return ret;
		}
	}
	ret = ref_insert(&c->dma, m->address, slot, f);
	if (ret == 0 && f != NULL)
		ret = dma_add_region(c, m, f);
	return ret;
}

int
vfu_dma_restore(struct vfu_conn *c, struct vn_vfu_hold *hold)
{
	struct vfu_shm *shm = c->ep->shm;
	const uint64_t seq = vfu_shm_seq(shm);
	uint32_t i;
	int ret;

	for (i = 0; i < VFU_MAX_MAPS; i++) {
		struct vfu_map *m = &shm->map[i];

		if (!vfu_map_live(m, seq)) {
			if (m->born != 0)
				m->born = 0;
			continue;
		}
		m->died = 0; /* by a message that never counted */
		ret = restore_one(c, m, i, hold);
		if (ret != 0)
			return ret;
	}
	return 0;
}
