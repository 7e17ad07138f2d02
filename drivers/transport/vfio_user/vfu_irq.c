/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Interrupts: SET_IRQS, and what the function asks about them.
 *
 * An MSI-X vector is the client's eventfd, which the pollers write to. INTx has a mask, which
 * clients set and clear around each interrupt: its eventfd is ours, and what arrives there goes on
 * to the client's unless masked.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_common.h>

#include "vfu_private.h"

static void
irq_fire(int fd)
{
	const uint64_t one = 1;

	/* Non-blocking; full means that nobody has looked at the last ones either. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

void
vfu_intx_raise(struct vfu_conn *c)
{
	if (!c->own.intx_masked)
		irq_fire(c->intx_fd);
}

static void
intx_event(void *ctx, uint32_t events __rte_unused)
{
	struct vfu_endpoint *ep = ctx;
	uint64_t n;

	if (read(ep->intx_in, &n, sizeof(n)) == sizeof(n) && ep->conn != NULL && !ep->conn->dead)
		vfu_intx_raise(ep->conn);
}

int
vfu_irq_init(struct vfu_endpoint *ep)
{
	int ret;

	ep->intx_in = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ep->intx_in < 0)
		return -errno;
	ep->intx_src.cb = intx_event;
	ep->intx_src.ctx = ep;
	ret = vn_loop_add_fd(ep->loop, &ep->intx_src, ep->intx_in, EPOLLIN);
	if (ret != 0) {
		close(ep->intx_in);
		ep->intx_in = -1;
	}
	return ret;
}

void
vfu_irq_fini(struct vfu_endpoint *ep)
{
	if (ep->intx_in < 0)
		return;
	vn_loop_del_fd(ep->loop, &ep->intx_src);
	close(ep->intx_in);
	ep->intx_in = -1;
}

static int
ops_irq_fd(void *ctx, enum vn_pci_irq irq, uint16_t n)
{
	const struct vfu_endpoint *ep = ctx;

	if (irq == VN_PCI_INTX)
		return ep->intx_in;
	if (irq != VN_PCI_MSIX || ep->conn == NULL || n >= ep->vectors)
		return -1;
	return ep->conn->msix_fd[n];
}

static bool
ops_msix_active(void *ctx)
{
	const struct vfu_endpoint *ep = ctx;

	return ep->conn != NULL && ep->conn->own.msix_on;
}

static void
ops_save(void *ctx)
{
	struct vfu_endpoint *ep = ctx;

	/* None yet while the function is being made. */
	if (ep->shm != NULL)
		vfu_journal_save(ep);
}

const struct vn_pci_ops vfu_pci_ops = {
	.irq_fd = ops_irq_fd,
	.save = ops_save,
	.msix_active = ops_msix_active,
};

/*
 * Put @p fd (-1: none; the connection's now) known to the keeper as @p number in the place of what
 * was there.
 */
static void
irq_place(struct vfu_conn *c, int *place, uint32_t *number_place, int fd, uint32_t number)
{
	int old = *place;

	*place = fd;
	vfu_drop_later(c, *number_place);
	*number_place = number;
	if (old >= 0)
		close(old);
}

/* Interrupt @p n of the kind gets descriptor @p i of the message, or none. */
static void
irq_set(struct vfu_conn *c, uint32_t index, uint32_t n, struct vn_msg_fds *fds, unsigned int i)
{
	int *place = index == VN_PCI_INTX ? &c->intx_fd : &c->msix_fd[n];
	uint32_t *number = index == VN_PCI_INTX ? &c->own.intx : &c->own.msix[n];

	if (fds->n > 0)
		irq_place(c, place, number, vn_msg_take_fd(fds, i), vfu_claim(c, i));
	else
		irq_place(c, place, number, -1, 0);
}

/* All of the kind are off. */
static void
irq_disable(struct vfu_conn *c, uint32_t index)
{
	unsigned int i;

	if (index == VN_PCI_INTX) {
		c->own.intx_masked = false;
		irq_place(c, &c->intx_fd, &c->own.intx, -1, 0);
	} else if (index == VN_PCI_MSIX) {
		c->own.msix_on = false;
		for (i = 0; i < c->ep->vectors; i++)
			irq_place(c, &c->msix_fd[i], &c->own.msix[i], -1, 0);
	}
}

static int
irq_eventfds(struct vfu_conn *c, const struct vfu_irq_set *p, struct vfu_msg *m)
{
	const bool more_on = p->index == VN_PCI_MSIX && !c->own.msix_on;
	unsigned int i;

	if (!(p->flags & VFU_IRQ_ACTION_TRIGGER))
		return vfu_refuse(c, -ENOTSUP, "masking is not told by eventfds");
	if (m->fds->n != 0 && m->fds->n != p->count)
		return vfu_refuse(
			c, -EINVAL, "%u file descriptors for %u interrupts", m->fds->n, p->count);
	for (i = 0; i < m->fds->n; i++) {
		if (vn_eventfd_check(m->fds->fd[i]) != 0)
			return vfu_refuse(c, -EINVAL, "file descriptor %u is no eventfd", i);
	}
	if (p->index == VN_PCI_MSIX)
		c->own.msix_on = true;
	for (i = 0; i < p->count; i++)
		irq_set(c, p->index, p->start + i, m->fds, i);
	m->own_changed = true;
	if (p->index == VN_PCI_INTX) {
		if (vn_pci_fn_intx_pending(c->ep->fn))
			vfu_intx_raise(c);
	} else if (more_on || p->count > 1) {
		vn_pci_fn_irq_changed(c->ep->fn, VN_PCI_MSIX, UINT32_MAX);
	} else {
		vn_pci_fn_irq_changed(c->ep->fn, VN_PCI_MSIX, p->start);
	}
	return 0;
}

/* Mask, unmask or raise, each of the range or those that @p on names. */
static int
irq_act(struct vfu_conn *c, const struct vfu_irq_set *p, const uint8_t *on, struct vfu_msg *m)
{
	unsigned int i;

	if (!(p->flags & VFU_IRQ_ACTION_TRIGGER) && p->index != VN_PCI_INTX)
		return vfu_refuse(c, -EINVAL, "only INTx can be masked");
	for (i = 0; i < p->count; i++) {
		if (on != NULL && on[i] == 0)
			continue;
		if (p->index == VN_PCI_MSIX) {
			irq_fire(c->msix_fd[p->start + i]);
		} else if (p->flags & VFU_IRQ_ACTION_TRIGGER) {
			vfu_intx_raise(c);
		} else {
			c->own.intx_masked = (p->flags & VFU_IRQ_ACTION_MASK) != 0;
			m->own_changed = true;
			if (!c->own.intx_masked && vn_pci_fn_intx_pending(c->ep->fn))
				vfu_intx_raise(c);
		}
	}
	return 0;
}

static bool
one_bit(uint32_t bits)
{
	return bits != 0 && (bits & (bits - 1)) == 0;
}

static int
irq_check(struct vfu_conn *c, const struct vfu_irq_set *p, const struct vfu_msg *m)
{
	const uint32_t data = m->len - (uint32_t)sizeof(*p);
	uint32_t n, want = 0;

	if (p->argsz < sizeof(*p))
		return vfu_refuse(c, -EINVAL, "argsz of %u, at least %zu", p->argsz, sizeof(*p));
	if (!one_bit(p->flags & VFU_IRQ_DATA) || !one_bit(p->flags & VFU_IRQ_ACTION) ||
		(p->flags & ~(VFU_IRQ_DATA | VFU_IRQ_ACTION)) != 0)
		return vfu_refuse(
			c, -EINVAL, "flags 0x%x do not name one kind and one action", p->flags);
	if (p->index >= VN_PCI_IRQS)
		return vfu_refuse(c, -EINVAL, "there is no interrupt index %u", p->index);
	n = vn_pci_fn_irqs(c->ep->fn, (enum vn_pci_irq)p->index);
	if (p->start > n || p->count > n - p->start)
		return vfu_refuse(c, -EINVAL, "interrupts %u+%u of %u", p->start, p->count, n);
	if (p->count == 0 &&
		(p->start != 0 || p->flags != (VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_TRIGGER)))
		return vfu_refuse(c, -EINVAL, "no interrupts, and not to disable all");
	if (p->flags & VFU_IRQ_DATA_BOOL)
		want = p->count;
	/* Some clients send the numbers that their descriptors have for themselves. */
	if (data != want && !((p->flags & VFU_IRQ_DATA_EVENTFD) && data == 4 * p->count))
		return vfu_refuse(c, -EINVAL, "%u bytes of data, expected %u", data, want);
	if (m->fds->n > 0 && !(p->flags & VFU_IRQ_DATA_EVENTFD))
		return vfu_refuse(c, -EINVAL, "file descriptors do not belong to it");
	return 0;
}

int
vfu_set_irqs(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_irq_set p;
	int ret;

	memcpy(&p, m->payload, sizeof(p));
	ret = irq_check(c, &p, m);
	if (ret != 0)
		return ret;
	if (p.count == 0) {
		irq_disable(c, p.index);
		m->own_changed = true;
		if (p.index == VN_PCI_MSIX)
			vn_pci_fn_irq_changed(c->ep->fn, VN_PCI_MSIX, UINT32_MAX);
		return 0;
	}
	if (p.flags & VFU_IRQ_DATA_EVENTFD)
		return irq_eventfds(c, &p, m);
	return irq_act(c, &p, p.flags & VFU_IRQ_DATA_BOOL ? m->payload + sizeof(p) : NULL, m);
}

void
vfu_irq_drop(struct vfu_conn *c)
{
	irq_disable(c, VN_PCI_INTX);
	irq_disable(c, VN_PCI_MSIX);
	vn_pci_fn_irq_changed(c->ep->fn, VN_PCI_MSIX, UINT32_MAX);
}

static int
irq_restore_one(uint32_t number, struct vn_vfu_hold *hold, int *place)
{
	if (number == 0)
		return 0;
	*place = vn_vfu_hold_take(hold, VN_VFU_CLIENT, &number);
	if (*place < 0)
		return -EBADF;
	return vn_eventfd_check(*place);
}

int
vfu_irq_restore(struct vfu_conn *c, struct vn_vfu_hold *hold)
{
	unsigned int i;
	int ret;

	ret = irq_restore_one(c->own.intx, hold, &c->intx_fd);
	for (i = 0; i < VFU_MAX_VECTORS && ret == 0; i++) {
		if (i >= c->ep->vectors && c->own.msix[i] != 0)
			return -EINVAL;
		if (i < c->ep->vectors)
			ret = irq_restore_one(c->own.msix[i], hold, &c->msix_fd[i]);
	}
	return ret;
}
