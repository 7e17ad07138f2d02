/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What the device has: regions and interrupts. A client says by argsz how much it takes; it is
 * always told how much there is, so that it can ask again.
 */

#include <errno.h>
#include <string.h>

#include "vfu_private.h"

int
vfu_get_info(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_device_info i;

	memcpy(&i, m->payload, sizeof(i));
	if (i.argsz < sizeof(i))
		return vfu_refuse(c, -EINVAL, "argsz of %u, at least %zu", i.argsz, sizeof(i));
	i.argsz = sizeof(i);
	i.flags = VFU_DEVICE_RESET | VFU_DEVICE_PCI;
	i.num_regions = VFU_NUM_REGIONS;
	i.num_irqs = VFU_NUM_IRQS;
	memcpy(m->reply, &i, sizeof(i));
	m->reply_len = sizeof(i);
	return 0;
}

int
vfu_get_region_info(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vn_pci_region_info ri = {0};
	struct vfu_sparse_mmap cap = {
		.id = VFU_CAP_SPARSE_MMAP,
		.version = 1,
		.nr_areas = 1,
	};
	struct vfu_region_info r;
	uint32_t room;

	memcpy(&r, m->payload, sizeof(r));
	room = r.argsz;
	if (room < sizeof(r))
		return vfu_refuse(c, -EINVAL, "argsz of %u, at least %zu", room, sizeof(r));
	if (r.index >= VFU_NUM_REGIONS)
		return vfu_refuse(c, -EINVAL, "there is no region %u", r.index);
	/* The last one is VGA, which is not ours. */
	if (r.index < VN_PCI_REGIONS)
		vn_pci_fn_region(c->ep->fn, (enum vn_pci_region)r.index, &ri);
	r.flags =
		(ri.readable ? VFU_REGION_CAN_READ : 0) | (ri.writable ? VFU_REGION_CAN_WRITE : 0);
	r.argsz = sizeof(r);
	r.cap_offset = 0;
	r.size = ri.size;
	/* Of the region in the descriptor: a page is at the same offset in both. */
	r.offset = 0;
	m->reply_len = sizeof(r);
	if (ri.map_size > 0 && c->own.peer_fds > 0) {
		r.flags |= VFU_REGION_MMAP | VFU_REGION_CAPS;
		r.argsz += (uint32_t)sizeof(cap);
		/* QEMU wants it even when the capability did not fit. */
		r.cap_offset = sizeof(r);
		cap.offset = ri.map_offset;
		cap.size = ri.map_size;
		if (room >= r.argsz) {
			memcpy(m->reply + sizeof(r), &cap, sizeof(cap));
			m->reply_len = r.argsz;
			m->reply_fd = true;
		}
	}
	memcpy(m->reply, &r, sizeof(r));
	return 0;
}

/* Doorbells by eventfd: there are none (no client of ours asks for them). */
int
vfu_get_region_io_fds(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_io_fds r;

	memcpy(&r, m->payload, sizeof(r));
	if (r.argsz < sizeof(r) || r.flags != 0)
		return vfu_refuse(c, -EINVAL, "argsz of %u, at least %zu; flags 0x%x, must be 0",
			r.argsz, sizeof(r), r.flags);
	if (r.index >= VFU_NUM_REGIONS)
		return vfu_refuse(c, -EINVAL, "there is no region %u", r.index);
	r.argsz = sizeof(r);
	r.count = 0;
	memcpy(m->reply, &r, sizeof(r));
	m->reply_len = sizeof(r);
	return 0;
}

int
vfu_get_irq_info(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_irq_info i;

	memcpy(&i, m->payload, sizeof(i));
	if (i.argsz < sizeof(i))
		return vfu_refuse(c, -EINVAL, "argsz of %u, at least %zu", i.argsz, sizeof(i));
	if (i.index >= VFU_NUM_IRQS)
		return vfu_refuse(c, -EINVAL, "there is no interrupt index %u", i.index);
	i.argsz = sizeof(i);
	i.count = vn_pci_fn_irqs(c->ep->fn, (enum vn_pci_irq)i.index);
	i.flags = i.count > 0 ? VFU_IRQ_EVENTFD : 0;
	if (i.index == VN_PCI_INTX && i.count > 0)
		i.flags |= VFU_IRQ_MASKABLE;
	memcpy(m->reply, &i, sizeof(i));
	m->reply_len = sizeof(i);
	return 0;
}
