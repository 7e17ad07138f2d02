/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vu_private.h"

/* A log of this size covers 128 TiB of guest memory: more is a mistake. */
#define VU_MAX_LOG (UINT64_C(4) << 30)

void
vu_log_apply(struct vu_conn *c)
{
	bool on = (c->features & VU_F_LOG_ALL) != 0 && c->log != NULL;
	uint8_t *base;

	if (on == c->log_on)
		return;
	base = on ? (uint8_t *)vn_gm_file_base(c->log) + c->log_off : NULL;
	c->log_on = on;
	vu_op_get(c);
	vn_device_set_log(c->dev, base, on ? c->log_size : 0, on, vu_op_cb, c);
}

/* Bytes of log that the memory in force needs: one bit per page, from address 0. */
static uint64_t
log_needed(const struct vu_conn *c)
{
	uint64_t end, top = 0;
	unsigned int i;

	for (i = 0; c->mem != NULL && i < c->mem->n; i++) {
		end = c->mem->slot[i].region.gpa + c->mem->slot[i].region.size;
		if (end > top)
			top = end;
	}
	return top == 0 ? 0 : (top - 1) / VU_LOG_PAGE / 8 + 1;
}

static void
log_changed(struct vu_conn *c)
{
	vu_mem_release(c->ep, NULL, c->op_log);
	c->op_log = NULL;
	/* The reply is empty: front ends wait for it, and expect no payload. */
	vu_reply(c, NULL, 0);
}

int
vu_set_log_base(struct vu_conn *c, struct vu_msg *m)
{
	struct vn_gm_file *file;
	uint64_t needed, off;
	struct vu_log l;
	int ret;

	memcpy(&l, m->payload, sizeof(l));
	if (!(c->protocol & VU_PF_LOG_SHMFD))
		return vu_refuse(c, -EOPNOTSUPP, "protocol feature LOG_SHMFD was not negotiated");
	if (m->fds->n != 1)
		return vu_refuse(c, -EPROTO, "no file descriptor with the log");
	needed = log_needed(c);
	if (l.size == 0 || l.size > VU_MAX_LOG || l.size < needed)
		return vu_refuse(c, -EINVAL,
			"log of %" PRIu64 " bytes, the guest's memory needs %" PRIu64, l.size,
			needed);
	ret = vu_map_file(c, m->fds->fd[0], l.offset, l.size, &file, &off);
	if (ret != 0)
		return vu_refuse(c, ret,
			"cannot map 0x%" PRIx64 " bytes at 0x%" PRIx64 " of the log: %s", l.size,
			l.offset,
			ret == -EINVAL ? "no memory file, or beyond its end" : strerror(-ret));
	c->op_log = c->log;
	c->log = file;
	c->log_off = off;
	c->log_size = l.size;
	/* A device that logs already goes over to the new log before the old one is let go. */
	c->log_on = false;
	vu_op_begin(c, log_changed);
	vu_log_apply(c);
	vu_op_put(c, 0);
	return VU_PENDING;
}

int
vu_set_log_fd(struct vu_conn *c, struct vu_msg *m)
{
	/*
	 * An eventfd that may be used to tell that the log was written. No front end waits for
	 * that, as it reads the log in rounds of its own: checked and closed.
	 */
	if (m->fds->n != 1 || vn_eventfd_check(m->fds->fd[0]) != 0)
		return vu_refuse(c, -EPROTO, "no eventfd with it");
	return 0;
}

void
vu_log_abandon(struct vu_conn *c)
{
	if (c->log != NULL)
		vn_gm_file_revoke(c->log);
	if (c->op_log != NULL)
		vn_gm_file_revoke(c->op_log);
	c->log = NULL;
	c->op_log = NULL;
}
