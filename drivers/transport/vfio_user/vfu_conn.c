/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * One connection: its turns, its deadlines, its end.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfu_private.h"

/* The keeper is asked again after so long. */
#define VFU_KEEPER_NS VN_MS(1)
/* Room for a reply of the largest size, in one piece, whatever the system's default is. */
#define VFU_SNDBUF (4 * (int)VFU_MAX_MSG)

void
vfu_conn_fail(struct vfu_conn *c, int error, const char *fmt, ...)
{
	va_list ap;

	if (c->failed || c->dead)
		return;
	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	c->failed = true;
	c->error = error;
	/* The end comes from the loop: we may be in the middle of something now. */
	vn_loop_del_fd(c->ep->loop, &c->src);
	vn_loop_cancel(c->ep->loop, &c->deadline);
	vn_loop_cancel(c->ep->loop, &c->again);
	vn_loop_arm(c->ep->loop, &c->failer, 0);
}

static void
conn_failer(void *ctx)
{
	struct vfu_conn *c = ctx;
	struct vn_device *dev = c->ep->dev;
	const bool show = vn_log_allowed(&dev->log_limit, dev->conf.vuid);

	if (c->error != 0) {
		c->ep->protocol_errors++;
		if (show)
			VN_WARN("%s: vfio-user connection on %s closed: %s", dev->conf.vuid,
				c->ep->listener.path, c->why);
	} else if (show) {
		VN_INFO("%s: vfio-user connection on %s ended: %s", dev->conf.vuid,
			c->ep->listener.path, c->why);
	}
	vfu_conn_kill(c);
}

static void
conn_deadline(void *ctx)
{
	struct vfu_conn *c = ctx;
	const unsigned int ms = (unsigned int)(VFU_DEADLINE_NS / VN_MS(1));

	if (c->blocked)
		vfu_conn_fail(c, -ETIMEDOUT, "the client did not read its reply within %u ms", ms);
	else
		vfu_conn_fail(c, -ETIMEDOUT, "the rest of a message did not come within %u ms", ms);
}

/* What to wait for, and until when, follows from the state. */
static void
conn_watch(struct vfu_conn *c, bool more)
{
	/*
	 * Edge triggered: what was peeked at stays in the socket, which would be ready all the time
	 * then. So each turn goes on until nothing is there, or `again` is armed, or something will
	 * come that calls vfu_conn_run().
	 */
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET | (c->blocked ? EPOLLOUT : 0);
	int ret;

	if (c->failed || c->dead)
		return;
	if (events != c->events) {
		ret = vn_loop_mod_fd(c->ep->loop, &c->src, events);
		if (ret != 0) {
			vfu_conn_fail(c, ret, "cannot watch the socket: %s", strerror(-ret));
			return;
		}
		c->events = events;
	}
	if (more || c->keeper_busy)
		vn_loop_arm(c->ep->loop, &c->again, c->keeper_busy ? VFU_KEEPER_NS : 0);
	c->keeper_busy = false;
	if (c->need == 0 && !c->blocked)
		vn_loop_cancel(c->ep->loop, &c->deadline);
	else if (!c->deadline.armed)
		vn_loop_arm(c->ep->loop, &c->deadline, VFU_DEADLINE_NS);
}

static bool
conn_may_look(const struct vfu_conn *c)
{
	return !c->blocked && !c->resetting && !c->restoring && !c->giving && !c->failed &&
	       !c->dead;
}

void
vfu_conn_run(struct vfu_conn *c)
{
	unsigned int n, owed, total = 0;

	if (c->running || c->failed || c->dead)
		return;
	c->running = true;
	do {
		for (n = 0; total < VFU_MAX_BURST && conn_may_look(c); n++, total++) {
			if (vfu_msg_next(c) <= 0)
				break;
		}
		if (c->failed)
			break;
		/* All maps of a burst come into force at once, before any of it is answered. */
		vfu_dma_swap(c);
		owed = c->owed;
		if (vfu_send(c) != 0)
			break;
		/* With the last reply gone it may be the turn of another kind of message. */
	} while ((n > 0 || c->owed < owed) && total < VFU_MAX_BURST);
	c->running = false;
	conn_watch(c, total >= VFU_MAX_BURST);
	if (c->giving)
		vfu_give_progress(c->ep);
}

static void
conn_again(void *ctx)
{
	vfu_conn_run(ctx);
}

static void
conn_event(void *ctx, uint32_t events)
{
	struct vfu_conn *c = ctx;

	if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		c->hup = true;
	/* The client goes on reading: its deadline begins anew. */
	if (c->blocked && (events & EPOLLOUT))
		vn_loop_cancel(c->ep->loop, &c->deadline);
	vfu_conn_run(c);
}

struct vfu_conn *
vfu_conn_alloc(struct vfu_endpoint *ep, int fd, uint32_t number)
{
	struct vfu_conn *c;
	unsigned int i;
	int size = VFU_SNDBUF;

	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->msix_fd = calloc(ep->vectors + 1u, sizeof(c->msix_fd[0]));
	if (c->msix_fd == NULL) {
		free(c);
		return NULL;
	}
	for (i = 0; i < ep->vectors; i++)
		c->msix_fd[i] = -1;
	c->intx_fd = -1;
	c->ep = ep;
	c->fd = fd;
	c->number = number;
	c->src.cb = conn_event;
	c->src.ctx = c;
	c->deadline.cb = conn_deadline;
	c->deadline.ctx = c;
	c->again.cb = conn_again;
	c->again.ctx = c;
	c->failer.cb = conn_failer;
	c->failer.ctx = c;
	LIST_INIT(&c->dma.files);
	LIST_INIT(&c->dma.dying);
	vfu_shm_lock(ep->shm);
	c->due = vfu_shm_seq(ep->shm);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return c;
}

int
vfu_conn_start(struct vfu_conn *c)
{
	int ret;

	c->events = EPOLLIN | EPOLLRDHUP | EPOLLET;
	ret = vn_loop_add_fd(c->ep->loop, &c->src, c->fd, c->events);
	if (ret != 0)
		return ret;
	c->ep->conn = c;
	c->ep->connections++;
	vn_device_set_attached(c->ep->dev, true);
	return 0;
}

void
vfu_conn_free(struct vfu_conn *c)
{
	unsigned int i;

	for (i = 0; i < c->ep->vectors; i++) {
		if (c->msix_fd[i] >= 0)
			close(c->msix_fd[i]);
	}
	if (c->intx_fd >= 0)
		close(c->intx_fd);
	if (c->fd >= 0)
		close(c->fd);
	vn_msg_close_fds(&c->fds);
	vn_msg_close_fds(&c->peeked);
	free(c->msix_fd);
	free(c->drops);
	free(c);
}

int
vfu_conn_open(struct vfu_endpoint *ep, int fd)
{
	struct vfu_conn *c;
	int64_t number;
	int ret;

	number = vfu_keep(ep, VN_VFU_CONN, fd);
	if (number < 0) {
		close(fd);
		return (int)number;
	}
	c = vfu_conn_alloc(ep, fd, (uint32_t)number);
	if (c == NULL) {
		vfu_unkeep(ep, (uint32_t)number);
		close(fd);
		return -ENOMEM;
	}
	ep->shm->conn = c->number;
	ret = vfu_conn_start(c);
	if (ret != 0) {
		ep->shm->conn = 0;
		vfu_unkeep(ep, c->number);
		vfu_conn_free(c);
		return ret;
	}
	if (vn_log_allowed(&ep->dev->log_limit, ep->dev->conf.vuid))
		VN_INFO("%s: vfio-user connection on %s", ep->dev->conf.vuid, ep->listener.path);
	return 0;
}

static void
conn_mem_gone(void *ctx, int result)
{
	struct vfu_conn *c = ctx;
	struct vfu_endpoint *ep = c->ep;

	if (result != 0)
		VN_WARN("%s: giving back the client's memory: %s", ep->dev->conf.vuid,
			strerror(-result));
	vfu_dma_fini(c);
	vfu_journal_clear(ep);
	vfu_shm_order();
	ep->shm->conn = 0;
	vfu_drop_now(c);
	vfu_unkeep(ep, c->number);
	ep->conn = NULL;
	vfu_conn_free(c);
	vfu_endpoint_conn_gone(ep);
}

static void
conn_reset_done(void *ctx, int result)
{
	struct vfu_conn *c = ctx;

	if (result != 0)
		VN_WARN("%s: reset after the connection ended: %s", c->ep->dev->conf.vuid,
			strerror(-result));
	vn_device_set_mem(c->ep->dev, NULL, conn_mem_gone, c);
}

/* The client has gone and nothing is under way. */
static void
conn_end(struct vfu_conn *c)
{
	if (c->ending || c->resetting || c->dma.swapping)
		return;
	c->ending = true;
	vn_device_set_attached(c->ep->dev, false);
	vfu_irq_drop(c);
	vn_pci_fn_reset(c->ep->fn, conn_reset_done, c);
}

void
vfu_conn_kill(struct vfu_conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	vn_loop_del_fd(c->ep->loop, &c->src);
	vn_loop_cancel(c->ep->loop, &c->deadline);
	vn_loop_cancel(c->ep->loop, &c->again);
	vn_loop_cancel(c->ep->loop, &c->failer);
	/* Closing is not enough: the keeper has a duplicate. */
	shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
	c->fd = -1;
	vn_msg_close_fds(&c->fds);
	vn_msg_close_fds(&c->peeked);
	conn_end(c);
}

void
vfu_conn_progress(struct vfu_conn *c)
{
	if (c->dead)
		conn_end(c);
	else
		vfu_conn_run(c);
}
