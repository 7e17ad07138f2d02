/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <rte_common.h>

#include "vu_private.h"

/* A table (or log) that nobody uses any more. */
struct vu_release {
	struct vn_job job;
	struct vu_endpoint *ep;
	struct vu_mem *mem;
	struct vn_gm_file *log;
};

/* Helper thread, or control thread if need be. */
static void
release_now(struct vu_mem *mem, struct vn_gm_file *log)
{
	unsigned int i;

	if (mem != NULL) {
		vn_guestmem_unref(mem->map);
		for (i = 0; i < mem->n; i++)
			vn_gm_file_unref(mem->slot[i].file);
		free(mem);
	}
	if (log != NULL)
		vn_gm_file_unref(log);
}

static int
release_run(struct vn_job *job)
{
	struct vu_release *r = (struct vu_release *)job;

	release_now(r->mem, r->log);
	return 0;
}

static void
release_done(struct vn_job *job, int result __rte_unused)
{
	struct vu_release *r = (struct vu_release *)job;
	struct vu_endpoint *ep = r->ep;

	free(r);
	vu_endpoint_job_done(ep);
}

void
vu_mem_release(struct vu_endpoint *ep, struct vu_mem *mem, struct vn_gm_file *log)
{
	struct vu_release *r;

	if (mem == NULL && log == NULL)
		return;
	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		/* Slow is better than never. */
		release_now(mem, log);
		return;
	}
	r->job.run = release_run;
	r->job.done = release_done;
	r->ep = ep;
	r->mem = mem;
	r->log = log;
	ep->jobs++;
	vn_loop_submit(ep->loop, &r->job);
}

/* Where a mapping may begin, in bytes. */
static uint64_t
map_unit(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > 0)
		return (uint64_t)fs.f_bsize;
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

int
vu_map_file(struct vu_conn *c, int fd, uint64_t offset, uint64_t size, struct vn_gm_file **file,
	uint64_t *file_offset)
{
	uint64_t unit, skip;

	/* Before anything is asked of it that another file's server could keep waiting. */
	if (fcntl(fd, F_GET_SEALS) < 0)
		return -EINVAL;
	unit = map_unit(fd);
	skip = offset % unit;
	if (size == 0 || size > UINT64_MAX - skip || offset > UINT64_MAX - size)
		return -EINVAL;
	*file_offset = skip;
	return vn_gm_file_map(c->dev->env.gm, fd, offset - skip, size + skip, false, file);
}

static struct vu_mem *
mem_alloc(unsigned int n)
{
	return calloc(1, sizeof(struct vu_mem) + n * sizeof(struct vu_slot));
}

/* A table that never came into force: quick, as what it shares with another one stays mapped. */
static void
mem_free(struct vu_mem *mem)
{
	release_now(mem, NULL);
}

/* Map one more region. */
static int
mem_add(struct vu_conn *c, struct vu_mem *mem, const struct vu_region *region, int fd)
{
	struct vu_slot *s = &mem->slot[mem->n];
	unsigned int i;
	int ret;

	if (region->size == 0 || region->gpa + region->size < region->gpa ||
		region->uva + region->size < region->uva)
		return vu_refuse(c, -EINVAL, "empty or wrapping region 0x%" PRIx64 "+0x%" PRIx64,
			region->gpa, region->size);
	for (i = 0; i < mem->n; i++) {
		const struct vu_region *o = &mem->slot[i].region;

		if (region->uva < o->uva + o->size && o->uva < region->uva + region->size)
			return vu_refuse(c, -EINVAL, "regions overlap at peer address 0x%" PRIx64,
				region->uva);
		if (region->gpa < o->gpa + o->size && o->gpa < region->gpa + region->size)
			return vu_refuse(c, -EINVAL, "regions overlap at guest address 0x%" PRIx64,
				region->gpa);
	}
	ret = vu_map_file(c, fd, region->mmap_offset, region->size, &s->file, &s->file_offset);
	if (ret != 0)
		return vu_refuse(c, ret,
			"cannot map 0x%" PRIx64 " bytes at 0x%" PRIx64 " of the memory file: %s",
			region->size, region->mmap_offset, vn_gm_map_error(ret));
	s->region = *region;
	mem->n++;
	return 0;
}

/* Make the map of a table. */
static int
mem_build(struct vu_conn *c, struct vu_mem *mem)
{
	struct vn_gm_region *r;
	unsigned int i;
	int ret;

	if (mem->n == 0)
		return 0;
	r = calloc(mem->n, sizeof(*r));
	if (r == NULL)
		return vu_refuse(c, -ENOMEM, "no memory for a table of %u regions", mem->n);
	for (i = 0; i < mem->n; i++) {
		r[i].gpa = mem->slot[i].region.gpa;
		r[i].size = mem->slot[i].region.size;
		r[i].uva = mem->slot[i].region.uva;
		r[i].file_offset = mem->slot[i].file_offset;
		r[i].file = mem->slot[i].file;
	}
	ret = vn_guestmem_create(r, mem->n, &mem->map);
	free(r);
	if (ret != 0)
		return vu_refuse(c, ret, "table of %u regions: %s", mem->n, strerror(-ret));
	return 0;
}

static void
mem_set(struct vu_conn *c)
{
	unsigned int i;

	vu_mem_release(c->ep, c->op_mem, NULL);
	c->op_mem = NULL;
	/* The memory is right, whatever a ring makes of it: refusing would not undo it. */
	for (i = 0; i < c->n_rings; i++) {
		if (vu_ring_try_start(&c->ring[i]) != 0)
			VN_WARN("%s: %s", c->dev->conf.vuid, c->why);
	}
	vu_op_ack(c);
}

/* Rings whose addresses mean something else now have stopped: change the map. */
static void
mem_rings_stopped(struct vu_conn *c)
{
	struct vu_mem *old = c->mem;

	c->mem = c->op_mem;
	c->op_mem = old;
	vu_op_begin(c, mem_set);
	vu_op_get(c);
	vn_device_set_mem(c->dev, c->mem->map, vu_op_cb, c);
	vu_op_put(c, 0);
}

/* Bring a table into force. The old one is given back before the acknowledgement. */
static int
mem_commit(struct vu_conn *c, struct vu_mem *mem)
{
	unsigned int i;
	int ret;

	ret = mem_build(c, mem);
	if (ret != 0) {
		mem_free(mem);
		return ret;
	}
	c->op_mem = mem;
	vu_op_begin(c, mem_rings_stopped);
	for (i = 0; i < c->n_rings; i++) {
		if (vu_ring_moves(&c->ring[i], mem->map))
			vu_ring_stop(&c->ring[i]);
	}
	vu_op_put(c, 0);
	return VU_PENDING;
}

int
vu_set_mem_table(struct vu_conn *c, struct vu_msg *m)
{
	struct vu_mem_table t;
	struct vu_mem *mem;
	unsigned int i;
	int ret;

	memset(&t, 0, sizeof(t));
	memcpy(&t, m->payload, m->size);
	if (t.n > VU_TABLE_REGIONS)
		return vu_refuse(c, -E2BIG, "%u regions, at most %u fit", t.n, VU_TABLE_REGIONS);
	/* Some front ends always send all eight. */
	if (m->size != offsetof(struct vu_mem_table, region) + t.n * sizeof(t.region[0]) &&
		m->size != sizeof(t))
		return vu_refuse(c, -EPROTO, "payload of %u bytes for %u regions", m->size, t.n);
	if (m->fds->n != t.n)
		return vu_refuse(c, -EPROTO, "%u file descriptors for %u regions", m->fds->n, t.n);
	mem = mem_alloc(t.n);
	if (mem == NULL)
		return vu_refuse(c, -ENOMEM, "no memory for a table of %u regions", t.n);
	for (i = 0; i < t.n; i++) {
		ret = mem_add(c, mem, &t.region[i], m->fds->fd[i]);
		if (ret != 0) {
			mem_free(mem);
			return ret;
		}
	}
	return mem_commit(c, mem);
}

/* A copy of the table in force with room for one more; without region @p skip. */
static struct vu_mem *
mem_copy(const struct vu_mem *old, unsigned int skip)
{
	unsigned int i, n = old != NULL ? old->n : 0;
	struct vu_mem *mem = mem_alloc(n + 1);

	for (i = 0; mem != NULL && i < n; i++) {
		if (i == skip)
			continue;
		mem->slot[mem->n] = old->slot[i];
		vn_gm_file_ref(old->slot[i].file);
		mem->n++;
	}
	return mem;
}

int
vu_add_mem_reg(struct vu_conn *c, struct vu_msg *m)
{
	struct vu_mem_reg r;
	struct vu_mem *mem;
	int ret;

	memcpy(&r, m->payload, sizeof(r));
	if (m->fds->n != 1)
		return vu_refuse(c, -EPROTO, "no file descriptor with the region");
	if (c->mem != NULL && c->mem->n >= VU_MAX_SLOTS)
		return vu_refuse(c, -ENOSPC, "all %u memory slots are in use", VU_MAX_SLOTS);
	mem = mem_copy(c->mem, UINT_MAX);
	if (mem == NULL)
		return vu_refuse(c, -ENOMEM, "no memory for the table");
	ret = mem_add(c, mem, &r.region, m->fds->fd[0]);
	if (ret != 0) {
		mem_free(mem);
		return ret;
	}
	return mem_commit(c, mem);
}

int
vu_rem_mem_reg(struct vu_conn *c, struct vu_msg *m)
{
	struct vu_mem_reg r;
	struct vu_mem *mem;
	unsigned int i, n = c->mem != NULL ? c->mem->n : 0;

	memcpy(&r, m->payload, sizeof(r));
	for (i = 0; i < n; i++) {
		const struct vu_region *o = &c->mem->slot[i].region;

		if (o->gpa == r.region.gpa && o->uva == r.region.uva && o->size == r.region.size)
			break;
	}
	if (i == n)
		return vu_refuse(c, -ENOENT, "no region 0x%" PRIx64 "+0x%" PRIx64, r.region.gpa,
			r.region.size);
	mem = mem_copy(c->mem, i);
	if (mem == NULL)
		return vu_refuse(c, -ENOMEM, "no memory for the table");
	return mem_commit(c, mem);
}

int
vu_get_max_mem_slots(struct vu_conn *c, struct vu_msg *m __rte_unused)
{
	vu_reply_u64(c, VU_MAX_SLOTS);
	return VU_PENDING;
}
