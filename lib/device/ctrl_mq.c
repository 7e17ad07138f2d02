/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Control commands about queue pairs and how frames are spread over them, and about offloads
 * (virtio 1.2, 5.1.6.5.5 to 5.1.6.5.8).
 */
#include <string.h>

#include "model_private.h"

/* Takes a command apart: any read beyond the end makes it bad, and gives zeroes. */
struct reader {
	const uint8_t *data;
	uint32_t left;
	bool bad;
};

static void
get(struct reader *r, void *out, uint32_t len)
{
	if (len > r->left) {
		memset(out, 0, len);
		r->bad = true;
		r->left = 0;
		return;
	}
	memcpy(out, r->data, len);
	r->data += len;
	r->left -= len;
}

static uint16_t
get16(struct reader *r)
{
	rte_le16_t v;

	get(r, &v, sizeof(v));
	return rte_le_to_cpu_16(v);
}

static uint32_t
get32(struct reader *r)
{
	rte_le32_t v;

	get(r, &v, sizeof(v));
	return rte_le_to_cpu_32(v);
}

/* A structure in C that ends with bytes may be longer than what is in it: Linux 6.12 sends it so.
 */
#define PADDING 3

/* The key, at the end of both configurations. */
static bool
get_key(struct reader *r, struct vn_rx_state *rx)
{
	uint8_t len;

	get(r, &len, sizeof(len));
	if (len > sizeof(rx->key))
		return false;
	memset(rx->key, 0, sizeof(rx->key));
	get(r, rx->key, len);
	rx->key_len = len;
	/* Nothing can be hashed without a key. */
	return !r->bad && r->left <= PADDING && (len > 0 || rx->hash_types == 0);
}

static int
take(struct vn_model *m, const struct vn_rx_state *rx)
{
	if (model_rx_set(m, rx) == 0)
		return CTRL_WAIT;
	m->dev->health.queue_tables++;
	return VN_NET_ERR;
}

static int
pairs_set(struct vn_model *m, struct reader *r)
{
	struct vn_rx_state rx = m->rx;
	const uint16_t pairs = get16(r);

	if (r->bad || r->left > 0 || pairs == 0 || pairs > m->dev->conf.max_queue_pairs)
		return VN_NET_ERR;
	/* The last command defines the mode (5.1.6.5.5). */
	rx.rss = 0;
	rx.queue_pairs = pairs;
	return take(m, &rx);
}

static int
rss_config(struct vn_model *m, struct reader *r)
{
	const uint16_t max = m->dev->conf.max_queue_pairs;
	struct vn_rx_state rx = m->rx;
	uint16_t mask, tx, used;

	rx.hash_types = get32(r);
	mask = get16(r);
	rx.unclassified = get16(r);
	if (r->bad || (rx.hash_types & ~dev_hash_types(m->dev)) || mask >= VN_NET_RSS_TABLE_SIZE ||
		!rte_is_power_of_2(mask + 1u) || rx.unclassified >= max)
		return VN_NET_ERR;
	used = rx.unclassified + 1;
	memset(rx.indirection, 0, sizeof(rx.indirection));
	rx.table_len = mask + 1;
	for (unsigned int i = 0; i < rx.table_len; i++) {
		/* Bits 1 to 16 of a receive queue's index: the number of its pair. */
		rx.indirection[i] = get16(r);
		if (rx.indirection[i] >= max)
			return VN_NET_ERR;
		used = RTE_MAX(used, rx.indirection[i] + 1);
	}
	tx = get16(r);
	if (!get_key(r, &rx) || tx == 0 || tx > max)
		return VN_NET_ERR;
	rx.rss = 1;
	rx.queue_pairs = RTE_MAX(used, tx);
	return take(m, &rx);
}

static int
hash_config(struct vn_model *m, struct reader *r)
{
	struct vn_rx_state rx = m->rx;
	uint16_t reserved[4];

	/* Reserved: a driver with no RSS to set up has been seen to leave something there. */
	rx.hash_types = get32(r);
	get(r, reserved, sizeof(reserved));
	if (!get_key(r, &rx) || (rx.hash_types & ~dev_hash_types(m->dev)))
		return VN_NET_ERR;
	rx.rss = 0;
	return take(m, &rx);
}

int
ctrl_mq(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	struct reader r = {.data = data, .left = len};

	switch (command) {
	case VN_NET_CTRL_MQ_PAIRS_SET:
		return model_negotiated(m, VN_NET_F_MQ) ? pairs_set(m, &r) : VN_NET_ERR;
	case VN_NET_CTRL_MQ_RSS_CONFIG:
		return model_negotiated(m, VN_NET_F_RSS) ? rss_config(m, &r) : VN_NET_ERR;
	case VN_NET_CTRL_MQ_HASH_CONFIG:
		return model_negotiated(m, VN_NET_F_HASH_REPORT) ? hash_config(m, &r) : VN_NET_ERR;
	default:
		return VN_NET_ERR;
	}
}

int
ctrl_offloads(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	rte_le64_t raw;
	uint64_t want;

	if (command != VN_NET_CTRL_GUEST_OFFLOADS_SET ||
		!model_negotiated(m, VN_NET_F_CTRL_GUEST_OFFLOADS) || len != sizeof(raw))
		return VN_NET_ERR;
	memcpy(&raw, data, sizeof(raw));
	want = rte_le_to_cpu_64(raw);
	/* Linux counts GUEST_HDRLEN among them. It cannot be switched. */
	want &= ~(m->dev->driver_features & VN_NET_F_GUEST_HDRLEN);
	if ((want & ~(m->dev->driver_features & VN_NET_F_GUEST_OFFLOADS)) != 0)
		return VN_NET_ERR;
	/* Else the port would be asked for what it has to refuse as a whole. */
	m->offloads = model_features_whole(want);
	model_apply_offloads(m);
	return CTRL_WAIT;
}
