/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vu_private.h"

void
vu_op_begin(struct vu_conn *c, vu_next_fn next)
{
	c->pending = 1;
	c->op_result = 0;
	c->op_next = next;
	vn_msg_pause(&c->msg);
}

void
vu_op_get(struct vu_conn *c)
{
	c->pending++;
}

static void
conn_free(struct vu_conn *c)
{
	struct vu_endpoint *ep = c->ep;
	unsigned int i;

	for (i = 0; i < c->n_rings; i++)
		vu_ring_fini(&c->ring[i]);
	/* The device has forgotten all of this. */
	vu_mem_release(ep, c->mem, c->log);
	vu_mem_release(ep, c->op_mem, c->op_log);
	ep->conn = NULL;
	free(c);
	vu_endpoint_conn_gone(ep);
}

static void
conn_reset_done(void *ctx, int result)
{
	struct vu_conn *c = ctx;

	if (result != 0)
		VN_WARN("%s: reset after the connection ended: %s", c->dev->conf.vuid,
			strerror(-result));
	if (result == -ETIMEDOUT)
		vu_log_abandon(c);
	conn_free(c);
}

/* Nothing is pending and the peer has gone. */
static void
conn_end(struct vu_conn *c)
{
	if (c->resetting)
		return;
	c->resetting = true;
	vn_device_set_attached(c->dev, false);
	vn_device_peer_lost(c->dev, conn_reset_done, c);
}

void
vu_op_put(struct vu_conn *c, int result)
{
	vu_next_fn next;

	if (result < 0 && c->op_result == 0)
		c->op_result = result;
	if (--c->pending > 0)
		return;
	if (c->dead) {
		conn_end(c);
		return;
	}
	next = c->op_next;
	c->op_next = NULL;
	next(c);
	/* A step that was the last one: the next message may come. */
	if (c->pending == 0)
		vn_msg_resume(&c->msg);
}

void
vu_op_cb(void *ctx, int result)
{
	vu_op_put(ctx, result);
}

void
vu_op_ack(struct vu_conn *c)
{
	int result = c->op_result;

	/*
	 * A poller that had to be overridden has lost the memory: the peer may go on. The device is
	 * broken, which is told elsewhere.
	 */
	if (result == -ETIMEDOUT)
		result = 0;
	if (result != 0)
		vu_refuse(c, result, "%s", strerror(-result));
	vu_ack(c, result);
}

void
vu_op_finish(struct vu_conn *c, int result)
{
	if (result != 0)
		vu_ack(c, result);
	else
		vu_op_ack(c);
}

void
vu_reply(struct vu_conn *c, const void *payload, uint32_t size)
{
	uint8_t buf[sizeof(struct vu_hdr) + sizeof(struct vu_config) + VU_CONFIG_MAX];
	struct vu_hdr hdr = {
		.request = c->req.request,
		.flags = VU_VERSION | VU_FLAG_REPLY,
		.size = size,
	};

	memcpy(buf, &hdr, sizeof(hdr));
	if (size > 0)
		memcpy(buf + sizeof(hdr), payload, size);
	vn_msg_send(&c->msg, buf, sizeof(hdr) + size, NULL, 0);
}

void
vu_reply_u64(struct vu_conn *c, uint64_t value)
{
	vu_reply(c, &value, sizeof(value));
}

int
vu_refuse(struct vu_conn *c, int result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return result;
}

void
vu_ack(struct vu_conn *c, int result)
{
	bool wanted = (c->req.flags & VU_FLAG_NEED_REPLY) != 0 &&
		      (c->protocol & VU_PF_REPLY_ACK) != 0 && vu_request_acked(c->req.request);

	if (wanted) {
		if (result != 0 && vn_log_allowed(&c->dev->log_limit, c->dev->conf.vuid))
			VN_WARN("%s: vhost-user %s refused: %s", c->dev->conf.vuid,
				vu_request_name(c->req.request), c->why);
		vu_reply_u64(c, result == 0 ? 0 : 1);
	} else if (result != 0) {
		/* There is no other way to say so. */
		vn_msg_fail(&c->msg, result, "%s: %s", vu_request_name(c->req.request), c->why);
	}
}

int
vu_conn_open(struct vu_endpoint *ep, int fd)
{
	unsigned int n = 2u * ep->dev->conf.max_queue_pairs;
	struct vu_conn *c;
	unsigned int i;
	int ret;

	c = calloc(1, sizeof(*c) + n * sizeof(c->ring[0]));
	if (c == NULL) {
		close(fd);
		return -ENOMEM;
	}
	c->ep = ep;
	c->dev = ep->dev;
	c->n_rings = n;
	for (i = 0; i < n; i++)
		vu_ring_init(c, (uint16_t)i);
	ret = vn_msg_open(&c->msg, ep->loop, &vu_msg_ops, c, fd);
	if (ret != 0) {
		free(c);
		return ret;
	}
	ep->conn = c;
	ep->connections++;
	vn_device_set_attached(c->dev, true);
	if (vn_log_allowed(&c->dev->log_limit, c->dev->conf.vuid))
		VN_INFO("%s: vhost-user connection on %s", c->dev->conf.vuid, ep->path);
	return 0;
}

void
vu_conn_kill(struct vu_conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	vn_msg_close(&c->msg);
	if (c->pending == 0)
		conn_end(c);
}
