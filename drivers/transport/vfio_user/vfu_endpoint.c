/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rte_common.h>

#include "vfu_private.h"
#include "vn_vfio_user.h"

/* Out of descriptors: try to accept again so often. */
#define VFU_RETRY_NS VN_SEC(1)

int64_t
vfu_keep(struct vfu_endpoint *ep, enum vn_vfu_kind kind, int fd)
{
	uint32_t number = ep->shm->next_number;
	int ret = 0;

	ep->shm->next_number = number == UINT32_MAX ? 1 : number + 1;
	if (ep->keeper >= 0)
		ret = vn_vfu_put(ep->keeper, number, kind, fd);
	if (ret == -EAGAIN)
		return ret;
	if (ret != 0) {
		VN_ERR("%s: the supervisor does not take file descriptors any more (%s): "
		       "a crash will cost the connection",
			ep->dev->conf.vuid, strerror(-ret));
		close(ep->keeper);
		ep->keeper = -1;
	}
	return number;
}

void
vfu_unkeep(struct vfu_endpoint *ep, uint32_t number)
{
	/* In vain it is kept if that fails: the next successor drops it. */
	if (ep->keeper >= 0 && number != 0)
		(void)vn_vfu_drop(ep->keeper, number);
}

static void
endpoint_listen(struct vfu_endpoint *ep, bool on)
{
	vn_loop_mod_fd(ep->loop, &ep->listen_src, on ? EPOLLIN : 0);
}

/* Out of descriptors or memory: what waits stays ready, so the loop would spin. */
static void
endpoint_accept_failed(struct vfu_endpoint *ep, int error)
{
	VN_ERR("%s: cannot accept a connection on %s: %s; trying again in a second",
		ep->dev->conf.vuid, ep->listener.path, strerror(-error));
	endpoint_listen(ep, false);
	vn_loop_arm(ep->loop, &ep->retry, VFU_RETRY_NS);
}

/* One client at a time. */
static void
endpoint_refuse(struct vfu_endpoint *ep)
{
	int fd = vn_sock_accept(&ep->listener);

	if (fd < 0) {
		if (fd != -EAGAIN)
			endpoint_accept_failed(ep, fd);
		return;
	}
	close(fd);
	ep->refused++;
	if (vn_log_allowed(&ep->dev->log_limit, ep->dev->conf.vuid))
		VN_WARN("%s: another connection on %s refused: the device has a client already "
			"(%llu so far)",
			ep->dev->conf.vuid, ep->listener.path, (unsigned long long)ep->refused);
}

static void
endpoint_accept(void *ctx, uint32_t events __rte_unused)
{
	struct vfu_endpoint *ep = ctx;
	struct vfu_conn *c = ep->conn;
	int fd, ret;

	if (c != NULL && !c->dead && !c->failed && !vn_sock_hung_up(c->fd)) {
		endpoint_refuse(ep);
		return;
	}
	if (c != NULL) {
		/* The next one waits in the socket's queue until the last one is cleared away. */
		endpoint_listen(ep, false);
		vfu_conn_kill(c);
		return;
	}
	fd = vn_sock_accept(&ep->listener);
	ret = fd < 0 ? fd : vfu_conn_open(ep, fd);
	if (ret != 0 && ret != -EAGAIN)
		endpoint_accept_failed(ep, ret);
}

static void
endpoint_retry(void *ctx)
{
	endpoint_listen(ctx, true);
}

/* The function and the state file. */
void
vfu_endpoint_free(struct vfu_endpoint *ep)
{
	vn_pci_fn_free(ep->fn);
	vfu_irq_fini(ep);
	if (ep->shm != NULL)
		vfu_shm_unmap(ep->shm);
	if (ep->shm_fd >= 0)
		close(ep->shm_fd);
	if (ep->keeper >= 0)
		close(ep->keeper);
	free(ep);
}

/* An unplugged endpoint is over when nothing of it is under way. */
static void
endpoint_try_end(struct vfu_endpoint *ep)
{
	vn_device_cb done = ep->unplugged;
	void *ctx = ep->unplugged_ctx;

	if (!ep->unplugging || ep->conn != NULL || ep->jobs > 0 || ep->give != NULL)
		return;
	if (!ep->left) {
		vfu_unkeep(ep, ep->listener_number);
		vfu_unkeep(ep, ep->shm_number);
	}
	vfu_endpoint_free(ep);
	done(ctx, 0);
}

void
vfu_endpoint_leave(struct vfu_endpoint *ep)
{
	struct vfu_conn *c = ep->conn;

	ep->unplugging = true;
	ep->left = true;
	close(ep->listener.fd);
	ep->listener.fd = -1;
	if (c != NULL) {
		vn_loop_del_fd(ep->loop, &c->src);
		vn_loop_cancel(ep->loop, &c->deadline);
		vn_loop_cancel(ep->loop, &c->again);
		vn_loop_cancel(ep->loop, &c->failer);
		vn_device_set_attached(ep->dev, false);
		vfu_dma_abandon(c);
		ep->conn = NULL;
		vfu_conn_free(c);
	}
	endpoint_try_end(ep);
}

void
vfu_endpoint_conn_gone(struct vfu_endpoint *ep)
{
	if (ep->unplugging)
		endpoint_try_end(ep);
	else if (ep->give != NULL)
		vfu_give_progress(ep);
	else
		endpoint_listen(ep, true);
}

void
vfu_endpoint_job_done(struct vfu_endpoint *ep)
{
	ep->jobs--;
	endpoint_try_end(ep);
}

void
vfu_endpoint_give_done(struct vfu_endpoint *ep)
{
	endpoint_try_end(ep);
}

static int
endpoint_function(struct vfu_endpoint *ep, const struct vn_endpoint_conf *conf)
{
	const struct vn_device_conf *dc = &ep->dev->conf;
	struct vn_pci_conf pci = {
		.transitional = conf->transitional,
		/* Hosts read its size once: the quota of a device that exists may grow into it. */
		.msix_vectors =
			RTE_MIN(RTE_MAX(dc->max_msix, dc->num_msix), (uint16_t)VFU_MAX_VECTORS),
		.max_vectors = dc->num_msix,
		.doorbell_page = conf->doorbell_page,
	};
	const int ret = vn_pci_fn_create(ep->dev, &pci, &vfu_pci_ops, ep, &ep->fn);

	if (ret == 0)
		ep->vectors = vn_pci_fn_irqs(ep->fn, VN_PCI_MSIX);
	return ret;
}

/* All but the sockets and the state file. @return the endpoint or NULL. */
struct vfu_endpoint *
vfu_endpoint_create(struct vn_device *dev, const struct vn_endpoint_conf *conf, int *ret, char *err,
	size_t errlen)
{
	struct vfu_endpoint *ep = calloc(1, sizeof(*ep));

	if (ep == NULL) {
		snprintf(err, errlen, "no memory for the endpoint of %s", conf->path);
		*ret = -ENOMEM;
		return NULL;
	}
	ep->dev = dev;
	ep->loop = dev->env.loop;
	ep->listener.fd = -1;
	ep->listen_src.cb = endpoint_accept;
	ep->listen_src.ctx = ep;
	ep->retry.cb = endpoint_retry;
	ep->retry.ctx = ep;
	ep->shm_fd = -1;
	ep->keeper = -1;
	ep->intx_in = -1;
	*ret = vfu_irq_init(ep);
	if (*ret == 0)
		*ret = endpoint_function(ep, conf);
	if (*ret != 0) {
		snprintf(err, errlen, "cannot make the PCI function of %s: %s", dev->conf.vuid,
			strerror(-*ret));
		vfu_endpoint_free(ep);
		return NULL;
	}
	return ep;
}

int
vfu_endpoint_watch(struct vfu_endpoint *ep, char *err, size_t errlen)
{
	int ret = vn_loop_add_fd(ep->loop, &ep->listen_src, ep->listener.fd, EPOLLIN);

	if (ret != 0)
		snprintf(err, errlen, "cannot watch socket %s: %s", ep->listener.path,
			strerror(-ret));
	return ret;
}

static int
vfu_plug(struct vn_device *dev, const struct vn_endpoint_conf *conf, struct vn_endpoint **out,
	char *err, size_t errlen)
{
	struct vfu_endpoint *ep;
	int ret;

	if (conf->client) {
		snprintf(err, errlen,
			"a vfio-user device listens on its socket and cannot connect to one: "
			"let the VMM connect to %s",
			conf->path);
		return -ENOTSUP;
	}
	ret = vn_sock_check_path(conf->path, err, errlen);
	if (ret != 0)
		return ret;
	ep = vfu_endpoint_create(dev, conf, &ret, err, errlen);
	if (ep == NULL)
		return ret;
	ep->shm_fd = vfu_shm_create(dev->conf.vuid, &ep->shm);
	if (ep->shm_fd < 0) {
		ret = ep->shm_fd;
		snprintf(err, errlen, "cannot make the state file of %s: %s", dev->conf.vuid,
			strerror(-ret));
		goto fail;
	}
	ret = vn_sock_listen(&ep->listener, conf->path, err, errlen);
	if (ret != 0)
		goto fail;
	ret = vfu_endpoint_watch(ep, err, errlen);
	if (ret != 0)
		goto fail_listener;
	/* There is no keeper yet: only numbers. */
	ep->shm_number = (uint32_t)vfu_keep(ep, VN_VFU_STATE, ep->shm_fd);
	ep->listener_number = (uint32_t)vfu_keep(ep, VN_VFU_LISTENER, ep->listener.fd);
	vfu_journal_save(ep);
	*out = (struct vn_endpoint *)ep;
	return 0;

fail_listener:
	vn_sock_unlisten(&ep->listener);
fail:
	vfu_endpoint_free(ep);
	return ret;
}

static void
vfu_unplug(struct vn_endpoint *endpoint, vn_device_cb done, void *ctx)
{
	struct vfu_endpoint *ep = (struct vfu_endpoint *)endpoint;

	ep->unplugging = true;
	ep->unplugged = done;
	ep->unplugged_ctx = ctx;
	vn_loop_cancel(ep->loop, &ep->retry);
	vn_loop_del_fd(ep->loop, &ep->listen_src);
	vn_sock_unlisten(&ep->listener);
	vfu_give_cancel(ep);
	if (ep->conn != NULL)
		vfu_conn_kill(ep->conn);
	else
		endpoint_try_end(ep);
}

/* The model raises the interrupt itself; but what is ours to know may have changed, too. */
static void
vfu_config_changed(struct vn_endpoint *endpoint)
{
	struct vfu_endpoint *ep = (struct vfu_endpoint *)endpoint;

	vn_pci_fn_set_max_vectors(ep->fn, ep->dev->conf.num_msix);
}

static void
vfu_set_vfs(struct vn_endpoint *endpoint, uint16_t n, bool by_client)
{
	vn_pci_fn_set_vfs(((struct vfu_endpoint *)endpoint)->fn, n, by_client);
}

static void
vfu_get_info_of(const struct vn_endpoint *endpoint, struct vn_endpoint_info *info)
{
	const struct vfu_endpoint *ep = (const struct vfu_endpoint *)endpoint;
	const struct vfu_conn *c = ep->conn;

	memset(info, 0, sizeof(*info));
	static_assert(sizeof(info->path) >= sizeof(ep->listener.path), "path of an endpoint");
	memcpy(info->path, ep->listener.path, sizeof(ep->listener.path));
	info->connected = c != NULL && !c->dead;
	info->connections = ep->connections;
	info->protocol_errors = ep->protocol_errors;
	info->ctrl_notify_offset = VN_PCI_NOTIFY_OFF_CTRL;
	info->refused = ep->refused;
	info->messages = vfu_shm_seq(ep->shm);
	info->kept = ep->keeper >= 0;
	if (c == NULL)
		return;
	info->replies_waiting = c->owed;
	info->mem_files = c->dma.n_files;
	info->mem_regions = c->dma.n;
	info->mem_bytes = c->dma.bytes;
}

const struct vn_transport_ops vn_vfio_user_ops = {
	.name = "vfio-user",
	.full = true,
	.plug = vfu_plug,
	.unplug = vfu_unplug,
	.config_changed = vfu_config_changed,
	.set_vfs = vfu_set_vfs,
	.get_info = vfu_get_info_of,
};
