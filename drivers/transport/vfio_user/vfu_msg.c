/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The messages: what each must look like, and the steps that each goes through.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "vfu_private.h"

struct vfu_rule {
	const char *name;
	vfu_handler *handler; /* NULL: ENOTSUP */
	uint32_t min_len, max_len;
	uint8_t max_fds;
};

#define MAX_LEN               (VFU_MAX_MSG - sizeof(struct vfu_hdr))
#define RULE(x, fn, min, max) [VFU_##x] = {#x, fn, min, max, 0}
#define RULE_FIX(x, fn, type) [VFU_##x] = {#x, fn, sizeof(type), sizeof(type), 0}
#define RULE_NONE(x)          [VFU_##x] = {#x, NULL, 0, MAX_LEN, 0}

static const struct vfu_rule rules[VFU_COMMAND_MAX] = {
	RULE(VERSION, vfu_version, sizeof(struct vfu_version), MAX_LEN),
	[VFU_DMA_MAP] = {"DMA_MAP", vfu_dma_map, sizeof(struct vfu_dma_map),
		sizeof(struct vfu_dma_map), 1},
	/* Longer with a bitmap, which is refused as such. */
	RULE(DMA_UNMAP, vfu_dma_unmap, sizeof(struct vfu_dma_unmap),
		sizeof(struct vfu_dma_unmap) + 16),
	RULE_FIX(GET_INFO, vfu_get_info, struct vfu_device_info),
	RULE_FIX(GET_REGION_INFO, vfu_get_region_info, struct vfu_region_info),
	RULE_FIX(GET_REGION_IO_FDS, vfu_get_region_io_fds, struct vfu_io_fds),
	RULE_FIX(GET_IRQ_INFO, vfu_get_irq_info, struct vfu_irq_info),
	[VFU_SET_IRQS] = {"SET_IRQS", vfu_set_irqs, sizeof(struct vfu_irq_set),
		sizeof(struct vfu_irq_set) + 4 * VFU_MAX_VECTORS, VN_MSG_MAX_FDS},
	RULE_FIX(REGION_READ, vfu_region_read, struct vfu_access),
	RULE(REGION_WRITE, vfu_region_write, sizeof(struct vfu_access),
		sizeof(struct vfu_access) + VFU_MAX_XFER),
	RULE_NONE(DMA_READ),
	RULE_NONE(DMA_WRITE),
	RULE(RESET, vfu_reset, 0, 0),
	RULE_NONE(DIRTY_PAGES),
	RULE(REGION_WRITE_MULTI, vfu_region_write_multi, 8, MAX_LEN),
	RULE_NONE(DEVICE_FEATURE),
	RULE_NONE(MIG_DATA_READ),
	RULE_NONE(MIG_DATA_WRITE),
};

const char *
vfu_command_name(uint16_t command)
{
	if (command < VFU_COMMAND_MAX && rules[command].name != NULL)
		return rules[command].name;
	return "unknown command";
}

int
vfu_refuse(struct vfu_conn *c, int result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->refused, sizeof(c->refused), fmt, ap);
	va_end(ap);
	return result;
}

static int
msg_execute(struct vfu_conn *c, struct vfu_msg *m)
{
	const struct vfu_rule *r = m->hdr.command < VFU_COMMAND_MAX ? &rules[m->hdr.command] : NULL;

	if (r == NULL || r->handler == NULL)
		return vfu_refuse(c, -ENOTSUP, "command %u is not supported", m->hdr.command);
	if (m->len < r->min_len || m->len > r->max_len)
		return vfu_refuse(c, -EINVAL, "payload of %u bytes, expected %u to %u", m->len,
			r->min_len, r->max_len);
	if (m->fds->n > r->max_fds)
		return vfu_refuse(c, -EINVAL, "%u file descriptors, at most %u belong to it",
			m->fds->n, r->max_fds);
	return r->handler(c, m);
}

/*
 * May a message be looked at now? Those that change the memory map may follow each other, so that a
 * burst of them costs the pollers one change. Others wait until all is in force and answered.
 */
static bool
msg_turn(const struct vfu_conn *c, uint16_t command)
{
	if (c->owed >= VFU_MAX_OWED)
		return false;
	if (command == VFU_DMA_MAP || command == VFU_DMA_UNMAP)
		return true;
	return c->owed == 0 && vfu_dma_idle(c);
}

/* Executed: let it count. */
static void
msg_emit(struct vfu_conn *c, const struct vfu_msg *m, int result)
{
	vfu_journal_commit(c, m, result);
	if (vfu_dma_idle(c))
		c->due = vfu_shm_seq(c->ep->shm);
}

/*
 * Doorbells are posted by the thousand: without the journal they cost half. If one is rung again by
 * a successor, the device finds nothing new in its rings.
 */
static bool
msg_doorbell(struct vfu_conn *c, const struct vfu_msg *m)
{
	struct vfu_access a;

	if (m->hdr.command != VFU_REGION_WRITE || !(m->hdr.flags & VFU_F_NO_REPLY) ||
		!c->own.negotiated || m->len < sizeof(a))
		return false;
	memcpy(&a, m->payload, sizeof(a));
	if (a.region >= VN_PCI_REGIONS || a.count != m->len - sizeof(a) ||
		!vn_pci_fn_is_doorbell(c->ep->fn, (enum vn_pci_region)a.region, a.offset, a.count))
		return false;
	return vn_pci_fn_write(c->ep->fn, (enum vn_pci_region)a.region, a.offset,
		       m->payload + sizeof(a), a.count) == 0;
}

static void
msg_load(struct vfu_conn *c, struct vfu_msg *m)
{
	const uint8_t *in = c->ep->shm->in;

	memset(m, 0, sizeof(*m));
	memcpy(&m->hdr, in, sizeof(m->hdr));
	m->payload = in + sizeof(m->hdr);
	m->len = m->hdr.size - (uint32_t)sizeof(m->hdr);
	m->fds = &c->fds;
	m->reply = c->out;
}

int
vfu_msg_next(struct vfu_conn *c)
{
	struct vfu_msg m;
	int ret;

	if (!(vfu_shm_mark(c->ep->shm) & VFU_MARK_TAKEN)) {
		ret = vfu_peek(c, msg_turn);
		if (ret <= 0)
			return ret;
		msg_load(c, &m);
		if (msg_doorbell(c, &m)) {
			ret = vfu_take_plain(c, m.hdr.size);
			return ret != 0 ? ret : 1;
		}
		ret = vfu_take(c, (uint32_t)ret);
		if (ret <= 0)
			return ret;
	}
	return vfu_msg_handle(c);
}

int
vfu_msg_handle(struct vfu_conn *c)
{
	struct vn_device *dev = c->ep->dev;
	struct vfu_msg m;
	int ret;

	msg_load(c, &m);
	c->refused[0] = '\0';
	c->claimed = 0;
	VN_DBG("%s: vfio-user %s, %u bytes, %u descriptors", dev->conf.vuid,
		vfu_command_name(m.hdr.command), m.len, c->fds.n);
	if (!c->own.negotiated && m.hdr.command != VFU_VERSION) {
		vfu_conn_fail(c, -EPROTO, "%s before VERSION: is this a vfio-user client?",
			vfu_command_name(m.hdr.command));
		return -EPROTO;
	}
	ret = msg_execute(c, &m);
	vn_msg_close_fds(&c->fds);
	if (ret == VFU_LATER) {
		c->late = true;
		c->late_hdr = m.hdr;
		return 0;
	}
	if (ret != 0 && vn_log_allowed(&dev->log_limit, dev->conf.vuid))
		VN_WARN("%s: vfio-user %s refused: %s", dev->conf.vuid,
			vfu_command_name(m.hdr.command),
			c->refused[0] != '\0' ? c->refused : strerror(-ret));
	msg_emit(c, &m, ret);
	return 1;
}

void
vfu_msg_late(struct vfu_conn *c)
{
	struct vfu_msg m = {.hdr = c->late_hdr, .pci_changed = true, .reply = c->out};

	c->late = false;
	msg_emit(c, &m, c->late_result);
}
