/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "vu_private.h"

/* A half message, or a reply that is not read, is waited for so long. */
#define VU_DEADLINE_NS VN_SEC(5)
/* More than any message we know; an unknown one up to this is read and refused. */
#define VU_MAX_BODY 4096u

/* What a message must look like. */
struct vu_rule {
	const char *name;
	vu_handler *handler;
	uint16_t min_size, max_size;
	uint8_t max_fds;
	bool replies; /* has a reply of its own: a refusal can only be a closed connection */
};

#define RULE(x, fn, min, max, fds)   [VU_##x] = {#x, fn, min, max, fds, false}
#define RULE_R(x, fn, min, max, fds) [VU_##x] = {#x, fn, min, max, fds, true}

static const struct vu_rule rules[VU_REQUEST_MAX] = {
	RULE_R(GET_FEATURES, vu_get_features, 0, 0, 0),
	RULE(SET_FEATURES, vu_set_features, 8, 8, 0),
	RULE(SET_OWNER, vu_set_owner, 0, 0, 0),
	RULE(RESET_OWNER, vu_reset_owner, 0, 0, 0),
	RULE(SET_MEM_TABLE, vu_set_mem_table, 8, sizeof(struct vu_mem_table), VU_MAX_FDS),
	RULE(SET_LOG_BASE, vu_set_log_base, sizeof(struct vu_log), sizeof(struct vu_log), 1),
	RULE(SET_LOG_FD, vu_set_log_fd, 0, 8, 1),
	RULE(SET_VRING_NUM, vu_set_vring_num, 8, 8, 0),
	RULE(SET_VRING_ADDR, vu_set_vring_addr, sizeof(struct vu_vring_addr),
		sizeof(struct vu_vring_addr), 0),
	RULE(SET_VRING_BASE, vu_set_vring_base, 8, 8, 0),
	RULE_R(GET_VRING_BASE, vu_get_vring_base, 8, 8, 0),
	RULE(SET_VRING_KICK, vu_set_vring_kick, 8, 8, 1),
	RULE(SET_VRING_CALL, vu_set_vring_call, 8, 8, 1),
	RULE(SET_VRING_ERR, vu_set_vring_err, 8, 8, 1),
	RULE_R(GET_PROTOCOL_FEATURES, vu_get_protocol_features, 0, 0, 0),
	RULE(SET_PROTOCOL_FEATURES, vu_set_protocol_features, 8, 8, 0),
	RULE_R(GET_QUEUE_NUM, vu_get_queue_num, 0, 0, 0),
	RULE(SET_VRING_ENABLE, vu_set_vring_enable, 8, 8, 0),
	RULE(SEND_RARP, vu_send_rarp, 8, 8, 0),
	RULE(NET_SET_MTU, vu_net_set_mtu, 8, 8, 0),
	RULE_R(GET_CONFIG, vu_get_config, sizeof(struct vu_config),
		sizeof(struct vu_config) + VU_CONFIG_MAX, 0),
	RULE(SET_CONFIG, vu_set_config, sizeof(struct vu_config),
		sizeof(struct vu_config) + VU_CONFIG_MAX, 0),
	RULE(RESET_DEVICE, vu_reset_request, 0, 0, 0),
	RULE_R(GET_MAX_MEM_SLOTS, vu_get_max_mem_slots, 0, 0, 0),
	RULE(ADD_MEM_REG, vu_add_mem_reg, sizeof(struct vu_mem_reg), sizeof(struct vu_mem_reg), 1),
	/* The descriptor has no use, but some front ends send one. */
	RULE(REM_MEM_REG, vu_rem_mem_reg, sizeof(struct vu_mem_reg), sizeof(struct vu_mem_reg), 1),
	RULE(SET_STATUS, vu_set_status, 8, 8, 0),
	RULE_R(GET_STATUS, vu_get_status, 0, 0, 0),
};

static const struct vu_rule *
vu_rule(uint32_t request)
{
	return request < VU_REQUEST_MAX && rules[request].handler != NULL ? &rules[request] : NULL;
}

const char *
vu_request_name(uint32_t request)
{
	const struct vu_rule *r = vu_rule(request);

	return r != NULL ? r->name : "unknown request";
}

bool
vu_request_acked(uint32_t request)
{
	const struct vu_rule *r = vu_rule(request);

	return r == NULL || !r->replies;
}

static int64_t
vu_body_len(void *ctx, const void *hdr)
{
	struct vu_conn *c = ctx;
	struct vu_hdr h;

	memcpy(&h, hdr, sizeof(h));
	if ((h.flags & VU_VERSION_MASK) != VU_VERSION) {
		vn_msg_fail(&c->msg, -EPROTO,
			"message %u of protocol version %u, only %u is known: "
			"is this a vhost-user peer?",
			h.request, h.flags & VU_VERSION_MASK, VU_VERSION);
		return -EPROTO;
	}
	if (h.flags & VU_FLAG_REPLY) {
		vn_msg_fail(&c->msg, -EPROTO, "%s: a reply that nobody asked for",
			vu_request_name(h.request));
		return -EPROTO;
	}
	return h.size;
}

static int
vu_handle(struct vu_conn *c, struct vu_msg *m)
{
	const struct vu_rule *r = vu_rule(c->req.request);

	if (r == NULL)
		return vu_refuse(c, -EOPNOTSUPP, "number %u", c->req.request);
	if (m->size < r->min_size || m->size > r->max_size)
		return vu_refuse(c, -EPROTO, "payload of %u bytes, expected %u to %u", m->size,
			r->min_size, r->max_size);
	if (m->fds->n > r->max_fds)
		return vu_refuse(c, -EPROTO, "%u file descriptors, at most %u belong to it",
			m->fds->n, r->max_fds);
	return r->handler(c, m);
}

static void
vu_message(void *ctx, const void *hdr, const void *body, uint32_t len, struct vn_msg_fds *fds)
{
	struct vu_conn *c = ctx;
	struct vu_msg m = {.payload = body, .size = len, .fds = fds};
	int ret;

	memcpy(&c->req, hdr, sizeof(c->req));
	c->why[0] = '\0';
	VN_DBG("%s: vhost-user %s, %u bytes, %u descriptors", c->dev->conf.vuid,
		vu_request_name(c->req.request), len, fds->n);
	ret = vu_handle(c, &m);
	if (ret != VU_PENDING)
		vu_ack(c, ret);
}

static void
vu_closed(void *ctx, int error, const char *why)
{
	struct vu_conn *c = ctx;
	const bool show = vn_log_allowed(&c->dev->log_limit, c->dev->conf.vuid);

	if (error != 0) {
		c->ep->protocol_errors++;
		if (show)
			VN_WARN("%s: vhost-user connection on %s closed: %s", c->dev->conf.vuid,
				c->ep->path, why);
	} else if (show) {
		VN_INFO("%s: vhost-user connection on %s ended: %s", c->dev->conf.vuid, c->ep->path,
			why);
	}
	vu_conn_kill(c);
}

const struct vn_msg_ops vu_msg_ops = {
	.hdr_len = sizeof(struct vu_hdr),
	.max_body = VU_MAX_BODY,
	.max_fds = VU_MAX_FDS,
	/* Nothing is read while a reply waits, so there is never more than one message's. */
	.max_queued = 4096,
	.deadline_ns = VU_DEADLINE_NS,
	.body_len = vu_body_len,
	.message = vu_message,
	.closed = vu_closed,
};
