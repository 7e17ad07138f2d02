/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * In place of functions that lib/guestmem does not have yet; where it has them, they win.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vn_guestmem.h"

#define WEAK __attribute__((weak))

/* Never closed: a stub. */
static struct {
	struct vn_gm_file *file;
	int fd;
} fds[4096];

WEAK int
vn_gm_file_map_whole(struct vn_gm_registry *reg, int fd, uint64_t min_size, bool read_only,
	struct vn_gm_file **file)
{
	struct stat st;

	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st) != 0 || min_size > (uint64_t)st.st_size)
		return -EINVAL;
	return vn_gm_file_map(reg, fd, 0, (uint64_t)st.st_size, read_only, file);
}

WEAK int
vn_gm_file_fd(const struct vn_gm_file *file)
{
	unsigned int i;

	for (i = 0; i < 4096; i++) {
		if (fds[i].file == file)
			return fds[i].fd;
	}
	return -1;
}

static void
region_of(const struct vn_gm_slot *s, struct vn_gm_region *r)
{
	*r = (struct vn_gm_region){
		.gpa = s->gpa,
		.size = s->size,
		.uva = s->uva,
		.file_offset = (uint64_t)(s->base - (uint8_t *)vn_gm_file_base(s->file)),
		.file = s->file,
		.read_only = s->read_only,
	};
}

WEAK int
vn_guestmem_with(struct vn_guestmem *mem, const struct vn_gm_region *add, struct vn_guestmem **out)
{
	unsigned int i, n = mem != NULL ? mem->n : 0;
	struct vn_gm_region *r = calloc(n + 1, sizeof(*r));
	int ret;

	for (i = 0; i < n; i++)
		region_of(&mem->slot[i], &r[i]);
	r[n] = *add;
	ret = vn_guestmem_create(r, n + 1, out);
	free(r);
	return ret;
}

WEAK int
vn_guestmem_without(
	struct vn_guestmem *mem, uint64_t gpa, uint64_t size, struct vn_guestmem **out)
{
	unsigned int i, k = 0, n = mem != NULL ? mem->n : 0;
	struct vn_gm_region *r = calloc(n + 1, sizeof(*r));
	int ret;

	for (i = 0; i < n; i++) {
		if (mem->slot[i].gpa == gpa && mem->slot[i].size == size)
			continue;
		region_of(&mem->slot[i], &r[k++]);
	}
	ret = k == n ? -ENOENT : vn_guestmem_create(r, k, out);
	free(r);
	return ret;
}
