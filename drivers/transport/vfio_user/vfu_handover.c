/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A connection outlives its process: its descriptors are kept elsewhere, it is given to a
 * successor, or taken over from somebody who died.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_common.h>

#include "vfu_private.h"
#include "vn_vfio_user.h"

/* A successor that reads nothing for so long is none. */
#define GIVE_DEADLINE_NS VN_SEC(5)

/* Giving an endpoint away. */
struct vfu_give {
	struct vfu_endpoint *ep;
	int sock;
	vn_device_cb done;
	void *ctx;
	bool stopping, cancelled;
	unsigned int pending; /* rings that have not stopped yet, and one while asking them to */
	struct vn_vfu_hold hold;
	unsigned int next;
	struct vn_fd_source src;
	struct vn_timer deadline;
};

/* Add a duplicate of @p fd. */
static int
list_add(struct vn_vfu_hold *h, uint32_t number, enum vn_vfu_kind kind, int fd)
{
	int copy;

	if (number == 0 || fd < 0)
		return 0;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : vn_vfu_hold_add(h, number, kind, copy);
}

/* All descriptors of the endpoint. */
static int
list_all(struct vfu_endpoint *ep, struct vn_vfu_hold *h)
{
	struct vfu_conn *c = ep->conn;
	struct vfu_file *f;
	unsigned int i;
	int ret;

	ret = list_add(h, ep->shm_number, VN_VFU_STATE, ep->shm_fd);
	if (ret == 0)
		ret = list_add(h, ep->listener_number, VN_VFU_LISTENER, ep->listener.fd);
	if (ret != 0 || c == NULL || c->dead)
		return ret;
	ret = list_add(h, c->number, VN_VFU_CONN, c->fd);
	LIST_FOREACH (f, &c->dma.files, next) {
		if (ret == 0)
			ret = list_add(h, f->number, VN_VFU_CLIENT, vn_gm_file_fd(f->file));
	}
	if (ret == 0)
		ret = list_add(h, c->own.intx, VN_VFU_CLIENT, c->intx_fd);
	for (i = 0; i < ep->vectors && ret == 0; i++)
		ret = list_add(h, c->own.msix[i], VN_VFU_CLIENT, c->msix_fd[i]);
	return ret;
}

int
vn_vfio_user_set_keeper(struct vn_endpoint *endpoint, int sock)
{
	struct vfu_endpoint *ep = (struct vfu_endpoint *)endpoint;
	struct vn_vfu_hold all;
	unsigned int i;
	int ret;

	vn_vfu_hold_init(&all);
	ret = list_all(ep, &all);
	for (i = 0; i < all.n && ret == 0; i++)
		ret = vn_vfu_put(sock, all.held[i].number, all.held[i].kind, all.held[i].fd);
	vn_vfu_hold_fini(&all);
	if (ret != 0) {
		close(sock);
		return ret;
	}
	if (ep->keeper >= 0)
		close(ep->keeper);
	ep->keeper = sock;
	return 0;
}

static void
give_free(struct vfu_give *g)
{
	vn_loop_del_fd(g->ep->loop, &g->src);
	vn_loop_cancel(g->ep->loop, &g->deadline);
	vn_vfu_hold_fini(&g->hold);
	g->ep->give = NULL;
	free(g);
}

static void
give_failed(struct vfu_give *g, int error)
{
	struct vfu_endpoint *ep = g->ep;
	const vn_device_cb done = g->done;
	void *ctx = g->ctx;

	VN_ERR("%s: the vfio-user connection cannot be given away: %s", ep->dev->conf.vuid,
		strerror(-error));
	give_free(g);
	done(ctx, error);
}

void
vfu_give_cancel(struct vfu_endpoint *ep)
{
	/* Rings that are about to stop have its address: those end it. */
	if (ep->give != NULL && ep->give->pending == 0)
		give_failed(ep->give, -ECANCELED);
	else if (ep->give != NULL)
		ep->give->cancelled = true;
}

/* It is the successor's: leave without a trace. */
static void
give_ended(struct vfu_give *g)
{
	struct vfu_endpoint *ep = g->ep;

	ep->unplugged = g->done;
	ep->unplugged_ctx = g->ctx;
	give_free(g);
	vfu_endpoint_leave(ep);
}

static void
give_send(struct vfu_give *g)
{
	int ret;

	ret = vn_vfu_hold_send(&g->hold, g->sock, &g->next);
	if (ret == 0) {
		give_ended(g);
		return;
	}
	if (ret == -EAGAIN && !g->src.watched)
		ret = vn_loop_add_fd(g->ep->loop, &g->src, g->sock, EPOLLOUT);
	else if (ret == -EAGAIN)
		ret = 0;
	if (ret != 0)
		give_failed(g, ret);
}

static void
give_event(void *ctx, uint32_t events __rte_unused)
{
	struct vfu_give *g = ctx;

	vn_loop_arm(g->ep->loop, &g->deadline, GIVE_DEADLINE_NS);
	give_send(g);
}

static void
give_deadline(void *ctx)
{
	give_failed(ctx, -ETIMEDOUT);
}

static void
give_stopped(void *ctx, int result __rte_unused)
{
	struct vfu_give *g = ctx;
	struct vfu_endpoint *ep = g->ep;
	int ret;

	if (--g->pending > 0)
		return;
	if (g->cancelled) {
		give_failed(g, -ECANCELED);
		vfu_endpoint_give_done(ep);
		return;
	}
	/* And where they stopped: of packed rings nothing else says it. */
	vfu_journal_save(ep);
	ret = list_all(ep, &g->hold);
	if (ret != 0) {
		give_failed(g, ret);
		return;
	}
	vn_loop_arm(g->ep->loop, &g->deadline, GIVE_DEADLINE_NS);
	give_send(g);
}

void
vfu_give_progress(struct vfu_endpoint *ep)
{
	struct vfu_give *g = ep->give;
	struct vfu_conn *c = ep->conn;
	struct vn_device *dev = ep->dev;
	unsigned int i;

	if (g == NULL || g->stopping)
		return;
	/* What is half done is ended by us: a successor has no part in it. */
	if (c != NULL && (c->dead || c->failed || c->resetting || c->restoring || !vfu_dma_idle(c)))
		return;
	g->stopping = true;
	g->pending = 1;
	/* Before they stop: the successor is to start them again. */
	vfu_journal_save(ep);
	for (i = 0; c != NULL && i < dev->num_vqs; i++) {
		if (dev->vq[i].state == VN_VQ_STOPPED)
			continue;
		g->pending++;
		vn_device_vq_stop(dev, (uint16_t)i, give_stopped, g);
	}
	give_stopped(g, 0);
}

void
vn_vfio_user_give(struct vn_endpoint *endpoint, int sock, vn_device_cb done, void *ctx)
{
	struct vfu_endpoint *ep = (struct vfu_endpoint *)endpoint;
	struct vfu_give *g;

	g = ep->give == NULL && !ep->unplugging ? calloc(1, sizeof(*g)) : NULL;
	if (g == NULL) {
		done(ctx, ep->give == NULL && !ep->unplugging ? -ENOMEM : -EBUSY);
		return;
	}
	g->ep = ep;
	g->sock = sock;
	g->done = done;
	g->ctx = ctx;
	g->src.cb = give_event;
	g->src.ctx = g;
	g->deadline.cb = give_deadline;
	g->deadline.ctx = g;
	ep->give = g;
	/* Whoever connects now waits for the successor. */
	vn_loop_cancel(ep->loop, &ep->retry);
	vn_loop_del_fd(ep->loop, &ep->listen_src);
	if (ep->conn != NULL)
		ep->conn->giving = true;
	vfu_give_progress(ep);
}

/* The listening socket, and the file it made. */
static int
take_listener(struct vfu_endpoint *ep, const char *path, struct vn_vfu_hold *hold)
{
	struct stat st;

	ep->listener.fd = vn_vfu_hold_take(hold, VN_VFU_LISTENER, &ep->listener_number);
	if (ep->listener.fd < 0)
		return -EINVAL;
	snprintf(ep->listener.path, sizeof(ep->listener.path), "%s", path);
	/* Who has moved or removed it meanwhile keeps it so. */
	if (lstat(path, &st) == 0) {
		ep->listener.dev = st.st_dev;
		ep->listener.ino = st.st_ino;
	}
	return 0;
}

/* Nobody was connected, or the end of a connection had begun. */
static void
take_none(struct vfu_endpoint *ep)
{
	uint32_t i;

	for (i = 0; i < VFU_MAX_MAPS; i++) {
		if (ep->shm->map[i].born != 0)
			ep->shm->map[i].born = 0;
	}
	vfu_journal_clear(ep);
	ep->shm->conn = 0;
}

static int
take_conn(struct vfu_endpoint *ep, struct vn_vfu_hold *hold)
{
	uint32_t number = ep->shm->conn; /* 0: accepted, but nothing was read of it yet */
	struct vfu_conn *c;
	int fd, ret;

	fd = vn_vfu_hold_take(hold, VN_VFU_CONN, &number);
	if (fd < 0 || ep->shm->conn == 0)
		take_none(ep);
	if (fd < 0)
		return 0;
	c = vfu_conn_alloc(ep, fd, number);
	if (c == NULL) {
		close(fd);
		return -ENOMEM;
	}
	ep->shm->conn = number;
	ret = vfu_journal_resume(c);
	if (ret == 0)
		ret = vfu_irq_restore(c, hold);
	if (ret == 0)
		ret = vfu_dma_restore(c, hold);
	/* The next message's descriptors, if one has been taken. */
	if (ret == 0)
		ret = vfu_take_resume(c, hold);
	if (ret >= 0)
		ret = vfu_conn_start(c);
	if (ret != 0) {
		/* Those of the state file stay, for whoever tries next. */
		vfu_dma_abandon(c);
		vfu_conn_free(c);
		return ret;
	}
	c->restoring = true;
	c->dma.dirty = true;
	return 0;
}

/* What is held, but is named nowhere: of a message that never counted. */
static void
take_rest(struct vfu_endpoint *ep, const struct vn_vfu_hold *hold)
{
	unsigned int i;

	for (i = 0; i < hold->n; i++) {
		if (hold->held[i].fd >= 0)
			vfu_unkeep(ep, hold->held[i].number);
	}
}

int
vn_vfio_user_take(struct vn_device *dev, const struct vn_endpoint_conf *conf,
	struct vn_vfu_hold *hold, int keeper, struct vn_endpoint **out, char *err, size_t errlen)
{
	struct vfu_endpoint *ep;
	int ret;

	ep = vfu_endpoint_create(dev, conf, &ret, err, errlen);
	if (ep == NULL) {
		if (keeper >= 0)
			close(keeper);
		return ret;
	}
	ep->keeper = keeper;
	ep->shm_fd = vn_vfu_hold_take(hold, VN_VFU_STATE, &ep->shm_number);
	if (ep->shm_fd < 0) {
		snprintf(err, errlen, "there is no state file of %s", dev->conf.vuid);
		ret = -EINVAL;
		goto fail;
	}
	ret = vfu_shm_adopt(ep->shm_fd, dev->conf.vuid, &ep->shm, err, errlen);
	if (ret != 0)
		goto fail;
	ret = take_listener(ep, conf->path, hold);
	if (ret != 0) {
		snprintf(err, errlen, "there is no listening socket of %s", dev->conf.vuid);
		goto fail;
	}
	ret = vfu_endpoint_watch(ep, err, errlen);
	if (ret != 0)
		goto fail_listener;
	ret = take_conn(ep, hold);
	if (ret != 0) {
		snprintf(err, errlen, "the connection of %s cannot be taken over: %s",
			dev->conf.vuid, strerror(-ret));
		goto fail_watch;
	}
	take_rest(ep, hold);
	*out = (struct vn_endpoint *)ep;
	if (ep->conn != NULL)
		vfu_dma_swap(ep->conn);
	return 0;

fail_watch:
	vn_loop_del_fd(ep->loop, &ep->listen_src);
fail_listener:
	close(ep->listener.fd); /* not its file: others hold it, too */
fail:
	vfu_endpoint_free(ep);
	return ret;
}

/* The device has its memory: the function goes on. */
void
vfu_take_restore(struct vfu_conn *c)
{
	struct vfu_endpoint *ep = c->ep;
	struct vfu_shm *shm = ep->shm;
	unsigned int valid = (vfu_shm_mark(shm) & VFU_MARK_PCI) ? 1 : 0;
	int ret = 0;

	c->restoring = false;
	if (shm->pci[valid].len > sizeof(shm->pci[valid].data))
		ret = -EINVAL;
	else if (shm->pci[valid].len > 0)
		ret = vn_pci_fn_restore(ep->fn, shm->pci[valid].data, shm->pci[valid].len);
	if (ret != 0) {
		vfu_conn_fail(
			c, ret, "the state of the function cannot be restored: %s", strerror(-ret));
		return;
	}
	if (vn_pci_fn_intx_pending(ep->fn))
		vfu_intx_raise(c);
	VN_INFO("%s: vfio-user connection on %s taken over: %u maps, %u replies owed",
		ep->dev->conf.vuid, ep->listener.path, c->dma.n, c->owed);
}
