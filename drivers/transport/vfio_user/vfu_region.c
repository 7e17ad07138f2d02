/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Access to the function's regions, and its reset.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "vfu_private.h"

/* Standard header of configuration space: reading it has no effect. */
#define CONFIG_HEADER 0x40
#define ISR_END       (VN_PCI_ISR + 0x1000)

/*
 * May a read change something? The ISR status is cleared by it, which a window in configuration
 * space or the legacy block can do as well (virtio 1.2, 4.1.4.5, 4.1.4.9, 4.1.4.10).
 */
static bool
read_has_effect(const struct vfu_access *a)
{
	const uint64_t end = a->offset + a->count;

	switch (a->region) {
	case VN_PCI_BAR1:
		return false;
	case VN_PCI_BAR4:
		return a->offset < ISR_END && end > VN_PCI_ISR;
	case VN_PCI_CONFIG:
		return end > CONFIG_HEADER;
	default:
		return true;
	}
}

static int
access_check(struct vfu_conn *c, const struct vfu_access *a)
{
	if (a->region >= VN_PCI_REGIONS)
		return vfu_refuse(c, -EINVAL, "there is no region %u", a->region);
	if (a->count > VFU_MAX_XFER)
		return vfu_refuse(
			c, -EINVAL, "%u bytes at once, at most %u", a->count, VFU_MAX_XFER);
	return 0;
}

static int
access_refuse(struct vfu_conn *c, const struct vfu_access *a, int result)
{
	return vfu_refuse(c, result, "%u bytes at 0x%" PRIx64 " of region %u are not in it",
		a->count, a->offset, a->region);
}

int
vfu_region_read(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_access a;
	int ret;

	memcpy(&a, m->payload, sizeof(a));
	ret = access_check(c, &a);
	if (ret != 0)
		return ret;
	ret = vn_pci_fn_read(
		c->ep->fn, (enum vn_pci_region)a.region, a.offset, m->reply + sizeof(a), a.count);
	if (ret != 0)
		return access_refuse(c, &a, ret);
	m->pci_changed = read_has_effect(&a);
	memcpy(m->reply, &a, sizeof(a));
	m->reply_len = (uint32_t)sizeof(a) + a.count;
	return 0;
}

static void
wait_done(void *ctx, int result)
{
	struct vfu_conn *c = ctx;

	RTE_SET_USED(result);
	c->resetting = false;
	vfu_conn_progress(c);
}

/* @return 0 or negative errno; notes in @p m what it means for the journal. */
static int
write_one(struct vfu_conn *c, struct vfu_msg *m, const struct vfu_access *a, const uint8_t *data)
{
	struct vn_pci_fn *fn = c->ep->fn;
	const enum vn_pci_region region = (enum vn_pci_region)a->region;
	int ret;

	/* A notification leaves nothing behind that has to survive. */
	if (!vn_pci_fn_is_doorbell(fn, region, a->offset, a->count))
		m->pci_changed = true;
	ret = vn_pci_fn_write(fn, region, a->offset, data, a->count);
	if (ret != 0)
		return access_refuse(c, a, ret);
	/* This one is answered at once, the next message is looked at later. */
	if (!c->resetting) {
		c->resetting = true;
		c->resetting = vn_pci_fn_wait(fn, wait_done, c) && c->resetting;
	}
	return 0;
}

int
vfu_region_write(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_access a;
	int ret;

	memcpy(&a, m->payload, sizeof(a));
	ret = access_check(c, &a);
	if (ret != 0)
		return ret;
	if (m->len != sizeof(a) + a.count)
		return vfu_refuse(
			c, -EINVAL, "payload of %u bytes for a write of %u", m->len, a.count);
	ret = write_one(c, m, &a, m->payload + sizeof(a));
	if (ret != 0)
		return ret;
	memcpy(m->reply, &a, sizeof(a));
	m->reply_len = sizeof(a);
	return 0;
}

int
vfu_region_write_multi(struct vfu_conn *c, struct vfu_msg *m)
{
	const uint8_t *at = m->payload + sizeof(uint64_t);
	struct vfu_multi w;
	uint64_t i, n;
	int ret;

	memcpy(&n, m->payload, sizeof(n));
	if (n > VFU_MAX_MSG / sizeof(w) || m->len != sizeof(n) + n * sizeof(w))
		return vfu_refuse(
			c, -EINVAL, "payload of %u bytes for %" PRIu64 " writes", m->len, n);
	/* All or nothing as far as it can be seen beforehand. */
	for (i = 0; i < n; i++) {
		memcpy(&w, at + i * sizeof(w), sizeof(w));
		if (w.a.count > sizeof(w.data))
			return vfu_refuse(c, -EINVAL, "write %" PRIu64 " has %u bytes, at most 8",
				i, w.a.count);
		ret = access_check(c, &w.a);
		if (ret != 0)
			return ret;
	}
	for (i = 0; i < n; i++) {
		memcpy(&w, at + i * sizeof(w), sizeof(w));
		ret = write_one(c, m, &w.a, w.data);
		if (ret != 0)
			return ret;
	}
	memcpy(m->reply, &n, sizeof(n));
	m->reply_len = sizeof(n);
	return 0;
}

static void
reset_done(void *ctx, int result)
{
	struct vfu_conn *c = ctx;

	/* A poller that had to be overridden has lost the memory: the function is reset. */
	c->late_result = result == -ETIMEDOUT ? 0 : result;
	c->resetting = false;
	if (!c->late)
		return; /* vfu_reset() has not returned yet */
	if (!c->dead)
		vfu_msg_late(c);
	vfu_conn_progress(c);
}

/* The message does not count until the reset has ended: a successor begins it anew. */
int
vfu_reset(struct vfu_conn *c, struct vfu_msg *m)
{
	c->resetting = true;
	vn_pci_fn_reset(c->ep->fn, reset_done, c);
	if (c->resetting)
		return VFU_LATER;
	m->pci_changed = true;
	return c->late_result;
}
