/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vn_vhost_user.h"
#include "vu_private.h"

/* A client tries to connect so often; a server that ran out of descriptors tries to accept. */
#define VU_RETRY_NS VN_SEC(1)
/* At most one line about refused connections in so long. */
#define VU_LOG_GAP_NS VN_SEC(1)

static void
endpoint_listen(struct vu_endpoint *ep, bool on)
{
	vn_loop_mod_fd(ep->loop, &ep->listen_src, on ? EPOLLIN : 0);
}

/* Out of descriptors or memory: what waits stays ready, so the loop would spin. */
static void
endpoint_accept_failed(struct vu_endpoint *ep, int error)
{
	VN_ERR("%s: cannot accept a connection on %s: %s; trying again in a second",
		ep->dev->conf.vuid, ep->path, strerror(-error));
	endpoint_listen(ep, false);
	vn_loop_arm(ep->loop, &ep->retry, VU_RETRY_NS);
}

/* One VMM at a time. */
static void
endpoint_refuse(struct vu_endpoint *ep)
{
	uint64_t now = vn_now_ns();
	int fd = vn_sock_accept(&ep->listener);

	if (fd < 0) {
		if (fd != -EAGAIN)
			endpoint_accept_failed(ep, fd);
		return;
	}
	close(fd);
	ep->refused++;
	if (ep->refused > 1 && now - ep->refused_logged < VU_LOG_GAP_NS)
		return;
	ep->refused_logged = now;
	VN_WARN("%s: another connection on %s refused: the device has a VMM already (%llu so far)",
		ep->dev->conf.vuid, ep->path, (unsigned long long)ep->refused);
}

static void
endpoint_accept(void *ctx, uint32_t events __rte_unused)
{
	struct vu_endpoint *ep = ctx;
	struct vu_conn *c = ep->conn;
	int fd, ret;

	if (c != NULL && !c->dead && !vn_sock_hung_up(c->msg.fd)) {
		endpoint_refuse(ep);
		return;
	}
	if (c != NULL) {
		/* The next one waits in the socket's queue until the last one is cleared away. */
		endpoint_listen(ep, false);
		vu_conn_kill(c);
		return;
	}
	fd = vn_sock_accept(&ep->listener);
	ret = fd < 0 ? fd : vu_conn_open(ep, fd);
	if (ret != 0 && ret != -EAGAIN)
		endpoint_accept_failed(ep, ret);
}

static void
endpoint_connect(struct vu_endpoint *ep)
{
	int fd, ret;

	fd = vn_sock_connect(ep->path);
	ret = fd < 0 ? fd : vu_conn_open(ep, fd);
	if (ret == 0) {
		ep->last_error = 0;
		return;
	}
	if (ret != ep->last_error)
		VN_INFO("%s: nobody on %s yet (%s): trying every second", ep->dev->conf.vuid,
			ep->path, strerror(-ret));
	ep->last_error = ret;
	vn_loop_arm(ep->loop, &ep->retry, VU_RETRY_NS);
}

static void
endpoint_retry(void *ctx)
{
	struct vu_endpoint *ep = ctx;

	if (ep->client)
		endpoint_connect(ep);
	else
		endpoint_listen(ep, true);
}

/* An unplugged endpoint is over when nothing of it is under way. */
static void
endpoint_try_end(struct vu_endpoint *ep)
{
	vn_device_cb done = ep->unplugged;
	void *ctx = ep->unplugged_ctx;

	if (!ep->unplugging || ep->conn != NULL || ep->jobs > 0)
		return;
	free(ep);
	done(ctx, 0);
}

void
vu_endpoint_conn_gone(struct vu_endpoint *ep)
{
	if (ep->unplugging) {
		endpoint_try_end(ep);
		return;
	}
	if (ep->client)
		vn_loop_arm(ep->loop, &ep->retry, VU_RETRY_NS);
	else
		endpoint_listen(ep, true);
}

void
vu_endpoint_job_done(struct vu_endpoint *ep)
{
	ep->jobs--;
	endpoint_try_end(ep);
}

static int
endpoint_serve(struct vu_endpoint *ep, char *err, size_t errlen)
{
	int ret;

	ret = vn_sock_listen(&ep->listener, ep->path, err, errlen);
	if (ret != 0)
		return ret;
	ret = vn_loop_add_fd(ep->loop, &ep->listen_src, ep->listener.fd, EPOLLIN);
	if (ret != 0) {
		snprintf(err, errlen, "cannot watch socket %s: %s", ep->path, strerror(-ret));
		vn_sock_unlisten(&ep->listener);
	}
	return ret;
}

static int
vu_plug(struct vn_device *dev, const struct vn_endpoint_conf *conf, struct vn_endpoint **out,
	char *err, size_t errlen)
{
	struct vu_endpoint *ep;
	int ret;

	ret = vn_sock_check_path(conf->path, err, errlen);
	if (ret != 0)
		return ret;
	ep = calloc(1, sizeof(*ep));
	if (ep == NULL) {
		snprintf(err, errlen, "no memory for the endpoint of %s", conf->path);
		return -ENOMEM;
	}
	ep->dev = dev;
	ep->loop = dev->env.loop;
	ep->client = conf->client;
	snprintf(ep->path, sizeof(ep->path), "%s", conf->path);
	ep->listener.fd = -1;
	ep->listen_src.cb = endpoint_accept;
	ep->listen_src.ctx = ep;
	ep->retry.cb = endpoint_retry;
	ep->retry.ctx = ep;
	if (ep->client) {
		vn_loop_arm(ep->loop, &ep->retry, 0);
	} else {
		ret = endpoint_serve(ep, err, errlen);
		if (ret != 0) {
			free(ep);
			return ret;
		}
	}
	*out = (struct vn_endpoint *)ep;
	return 0;
}

static void
vu_unplug(struct vn_endpoint *endpoint, vn_device_cb done, void *ctx)
{
	struct vu_endpoint *ep = (struct vu_endpoint *)endpoint;

	ep->unplugging = true;
	ep->unplugged = done;
	ep->unplugged_ctx = ctx;
	vn_loop_cancel(ep->loop, &ep->retry);
	vn_loop_del_fd(ep->loop, &ep->listen_src);
	vn_sock_unlisten(&ep->listener);
	if (ep->conn != NULL)
		vu_conn_kill(ep->conn);
	else
		endpoint_try_end(ep);
}

static void
vu_get_info(const struct vn_endpoint *endpoint, struct vn_endpoint_info *info)
{
	const struct vu_endpoint *ep = (const struct vu_endpoint *)endpoint;
	const struct vu_conn *c = ep->conn;
	unsigned int i;

	memset(info, 0, sizeof(*info));
	static_assert(sizeof(info->path) >= sizeof(ep->path), "path of an endpoint");
	memcpy(info->path, ep->path, sizeof(ep->path));
	info->client = ep->client;
	info->connected = c != NULL && !c->dead;
	info->connections = ep->connections;
	info->protocol_errors = ep->protocol_errors;
	if (c == NULL || c->mem == NULL)
		return;
	info->mem_regions = c->mem->n;
	for (i = 0; i < c->mem->n; i++)
		info->mem_bytes += c->mem->slot[i].region.size;
}

const struct vn_transport_ops vn_vhost_user_ops = {
	.name = "vhost-user",
	.not_carried = VU_F_NOT_CARRIED,
	.plug = vu_plug,
	.unplug = vu_unplug,
	/* The VMM owns the config space: there is nobody to tell. */
	.config_changed = NULL,
	.get_info = vu_get_info,
};
