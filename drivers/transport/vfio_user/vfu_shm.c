/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfu_shm.h"

static int
shm_map(int fd, struct vfu_shm **shm)
{
	/* Mostly unused before there is a client, and its memory map always: not populated. */
	struct vfu_shm *s;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s == MAP_FAILED)
		return -errno;
	*shm = s;
	return 0;
}

void
vfu_shm_lock(struct vfu_shm *shm)
{
	const size_t journal = offsetof(struct vfu_shm, own);

	/* If the limit does not allow it, being there now is nearly as good. */
	if (mlock(shm, journal) != 0)
		(void)madvise(shm, journal, MADV_POPULATE_WRITE);
}

int
vfu_shm_create(const char *vuid, struct vfu_shm **shm)
{
	int fd, ret;

	fd = memfd_create("vfio-user state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(struct vfu_shm)) != 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		ret = -errno;
	else
		ret = shm_map(fd, shm);
	if (ret != 0) {
		close(fd);
		return ret;
	}
	(*shm)->size = sizeof(struct vfu_shm);
	(*shm)->version = VFU_SHM_VERSION;
	snprintf((*shm)->vuid, sizeof((*shm)->vuid), "%s", vuid);
	(*shm)->next_number = 1;
	vfu_shm_order();
	(*shm)->magic = VFU_SHM_MAGIC;
	return fd;
}

int
vfu_shm_adopt(int fd, const char *vuid, struct vfu_shm **shm, char *err, size_t errlen)
{
	struct stat st;
	int ret;

	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st) != 0 ||
		st.st_size != (off_t)sizeof(struct vfu_shm)) {
		snprintf(err, errlen,
			"the state of %s is not of this version: it cannot be taken over", vuid);
		return -EINVAL;
	}
	ret = shm_map(fd, shm);
	if (ret != 0) {
		snprintf(err, errlen, "cannot map the state of %s: %s", vuid, strerror(-ret));
		return ret;
	}
	if ((*shm)->magic != VFU_SHM_MAGIC || (*shm)->version != VFU_SHM_VERSION ||
		(*shm)->size != sizeof(struct vfu_shm) ||
		strncmp((*shm)->vuid, vuid, sizeof((*shm)->vuid)) != 0) {
		snprintf(err, errlen,
			"the state is of another version, or of device \"%.*s\" instead of %s",
			(int)sizeof((*shm)->vuid), (*shm)->vuid, vuid);
		vfu_shm_unmap(*shm);
		return -EINVAL;
	}
	return 0;
}

void
vfu_shm_unmap(struct vfu_shm *shm)
{
	munmap(shm, sizeof(*shm));
}
