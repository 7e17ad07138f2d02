/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Control commands about device statistics (virtio 1.4, 5.1.6.5.10). Offered are the types whose
 * every counter we have: basic ones of receive and transmit queues, and the control queue's. They
 * count over the life of the device.
 */
#include <string.h>

#include "model_private.h"

/* Also the bits of the types. */
#define REPLY_RX_BASIC 0
#define REPLY_TX_BASIC 16
#define REPLY_CVQ      32

struct request {
	rte_le16_t vq_index;
	rte_le16_t reserved[3];
	rte_le64_t types;
};

struct reply_hdr {
	uint8_t type, reserved;
	rte_le16_t vq_index, reserved1, size;
};

/* The most counters of a type. */
#define MAX_COUNTERS 6

struct reply {
	struct reply_hdr hdr;
	rte_le64_t counter[MAX_COUNTERS];
};

static uint64_t
type_of(const struct vn_model *m, unsigned int i)
{
	if (i == model_ctrl_index(m))
		return RTE_BIT64(REPLY_CVQ);
	return i % 2 == 0 ? RTE_BIT64(REPLY_RX_BASIC) : RTE_BIT64(REPLY_TX_BASIC);
}

/* The poller writes them while we read. */
static uint64_t
load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* The counters of queue @p i. @return how many. */
static unsigned int
counters(const struct vn_model *m, unsigned int i, uint64_t *c)
{
	const struct vn_virtq_stats *s = &m->dev->vq[i].stats;
	uint64_t malformed;

	if (i == model_ctrl_index(m)) {
		c[0] = m->ctrl.commands;
		c[1] = m->ctrl.ok + 1; /* this one */
		return 2;
	}
	c[0] = m->queue[i].kicks;
	c[1] = load(&s->packets);
	c[2] = load(&s->total_bytes);
	c[3] = load(&s->interrupts);
	malformed = load(&s->bad_desc_errors) + load(&s->exceed_max_chain) +
		    load(&s->invalid_buffer) + load(&s->bad_header) + load(&s->oversized);
	if (i % 2 == 0) {
		/* Without buffers, frames wait in the port: what it drops then is not the ring's.
		 */
		c[4] = load(&s->bad_header) + load(&s->oversized);
		c[5] = 0;
	} else {
		c[4] = malformed + load(&s->no_buffer);
		c[5] = malformed;
	}
	return 6;
}

static int
stats_get(struct vn_model *m, const uint8_t *data, uint32_t len)
{
	const uint32_t room = ctrl_result_room(m);
	const unsigned int n = len / sizeof(struct request);
	uint64_t c[MAX_COUNTERS];
	struct reply reply;
	struct request q;

	if (n == 0 || len % sizeof(q) != 0)
		return VN_NET_ERR;
	/* All of it is right, or nothing is answered. */
	for (unsigned int k = 0; k < n; k++) {
		int i;

		memcpy(&q, data + k * sizeof(q), sizeof(q));
		i = model_queue_index(m, rte_le_to_cpu_16(q.vq_index));
		if (i < 0 || (rte_le_to_cpu_64(q.types) & ~type_of(m, i)) != 0)
			return VN_NET_ERR;
	}
	for (unsigned int k = 0; k < n; k++) {
		unsigned int i, num, size;

		memcpy(&q, data + k * sizeof(q), sizeof(q));
		if (q.types == 0)
			continue;
		i = model_queue_index(m, rte_le_to_cpu_16(q.vq_index));
		num = counters(m, i, c);
		size = sizeof(reply.hdr) + num * sizeof(c[0]);
		/* As many as fit. */
		if (m->ctrl.reply_len + size > room)
			break;
		reply.hdr = (struct reply_hdr){
			.type = __builtin_ctzll(rte_le_to_cpu_64(q.types)),
			.vq_index = q.vq_index,
			.size = rte_cpu_to_le_16(size),
		};
		for (unsigned int j = 0; j < num; j++)
			reply.counter[j] = rte_cpu_to_le_64(c[j]);
		memcpy(ctrl_result(m) + m->ctrl.reply_len, &reply, size);
		m->ctrl.reply_len += size;
	}
	return VN_NET_OK;
}

int
ctrl_stats(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len)
{
	const rte_le64_t types = rte_cpu_to_le_64(
		RTE_BIT64(REPLY_RX_BASIC) | RTE_BIT64(REPLY_TX_BASIC) | RTE_BIT64(REPLY_CVQ));

	if (!model_negotiated(m, VN_NET_F_DEVICE_STATS))
		return VN_NET_ERR;
	if (command == VN_NET_CTRL_STATS_GET)
		return stats_get(m, data, len);
	if (command != VN_NET_CTRL_STATS_QUERY || len != 0 || ctrl_result_room(m) < sizeof(types))
		return VN_NET_ERR;
	memcpy(ctrl_result(m), &types, sizeof(types));
	m->ctrl.reply_len = sizeof(types);
	return VN_NET_OK;
}
