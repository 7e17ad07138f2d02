/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * VERSION: what the client can do, and what we can.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "vfu_private.h"

/* "A peer that does not say takes one descriptor with a message." */
#define DEFAULT_PEER_FDS 1
#define PAGE_SIZES       4096

/* A number of @p caps, or @p value if it is not there. @return -1: it is no number that can be. */
static json_int_t
cap_number(const json_t *caps, const char *name, json_int_t value)
{
	const json_t *v = json_object_get(caps, name);

	if (v == NULL)
		return value;
	return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : -1;
}

static int
caps_check(struct vfu_conn *c, const json_t *caps, bool *multi)
{
	static const char *const numbers[] = {"max_data_xfer_size", "max_dma_maps", "pgsizes"};
	const json_t *v;
	json_int_t fds;
	unsigned int i;

	if (caps == NULL)
		return 0;
	if (!json_is_object(caps))
		return vfu_refuse(c, -EINVAL, "\"capabilities\" is not an object");
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (cap_number(caps, numbers[i], 1) <= 0)
			return vfu_refuse(c, -EINVAL, "\"%s\" is not a number above 0", numbers[i]);
	}
	fds = cap_number(caps, "max_msg_fds", DEFAULT_PEER_FDS);
	if (fds < 0)
		return vfu_refuse(c, -EINVAL, "\"max_msg_fds\" is not a number");
	c->own.peer_fds = fds > VN_MSG_MAX_FDS ? VN_MSG_MAX_FDS : (uint32_t)fds;
	v = json_object_get(caps, "write_multiple");
	if (v != NULL && !json_is_boolean(v))
		return vfu_refuse(c, -EINVAL, "\"write_multiple\" is neither true nor false");
	*multi = json_is_true(v);
	return 0;
}

/* The client's JSON text, of @p len bytes with its NUL; @p len 0: none. */
static int
caps_read(struct vfu_conn *c, const char *text, uint32_t len, bool *multi)
{
	json_error_t error;
	json_t *data;
	int ret;

	if (len == 0)
		return 0;
	if (text[len - 1] != '\0' || strlen(text) != len - 1)
		return vfu_refuse(c, -EINVAL, "the version data does not end with its NUL");
	data = json_loads(text, 0, &error);
	if (data == NULL)
		return vfu_refuse(c, -EINVAL, "the version data is not JSON: at character %d",
			error.position);
	ret = json_is_object(data) ? caps_check(c, json_object_get(data, "capabilities"), multi)
				   : vfu_refuse(c, -EINVAL, "the version data is not an object");
	json_decref(data);
	return ret;
}

int
vfu_version(struct vfu_conn *c, struct vfu_msg *m)
{
	struct vfu_version v;
	bool multi = false;
	int n, ret;

	memcpy(&v, m->payload, sizeof(v));
	if (c->own.negotiated)
		return vfu_refuse(c, -EINVAL, "the version was agreed on before");
	if (v.major != VFU_MAJOR)
		return vfu_refuse(c, -EINVAL, "version %u.%u, only %u.0 to %u.%u are known",
			v.major, v.minor, VFU_MAJOR, VFU_MAJOR, VFU_MINOR);
	c->own.peer_fds = DEFAULT_PEER_FDS;
	ret = caps_read(
		c, (const char *)m->payload + sizeof(v), m->len - (uint32_t)sizeof(v), &multi);
	if (ret != 0)
		return ret;
	if (v.minor > VFU_MINOR)
		v.minor = VFU_MINOR;
	c->own.minor = v.minor;
	c->own.negotiated = true;
	m->own_changed = true;
	memcpy(m->reply, &v, sizeof(v));
	/* Limits are told to everybody; what is optional only to those that know it. */
	n = snprintf((char *)m->reply + sizeof(v), VFU_MAX_XFER,
		"{\"capabilities\":{\"max_msg_fds\":%d,\"max_data_xfer_size\":%u,"
		"\"max_dma_maps\":%u,\"pgsizes\":%u%s}}",
		VN_MSG_MAX_FDS, VFU_MAX_XFER, VFU_MAX_MAPS, PAGE_SIZES,
		multi ? ",\"write_multiple\":true" : "");
	m->reply_len = (uint32_t)sizeof(v) + (uint32_t)n + 1;
	return 0;
}
