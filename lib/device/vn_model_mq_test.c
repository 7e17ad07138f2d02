/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Control commands about queue pairs, spreading, offloads, coalescing and statistics. */

#include "model_test_env.h"

static int
set_pairs(uint16_t pairs)
{
	return me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_PAIRS_SET, &pairs, 2);
}

static void
test_pairs(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	UNTIL(fp_open_queues() == 1);
	assert_int_equal(de.dev->ctrl_mq, 1);
	/* The answer comes when the network can use them. */
	assert_int_equal(set_pairs(PAIRS), VN_NET_OK);
	assert_int_equal(fp_open_queues(), PAIRS);
	assert_int_equal(de.dev->ctrl_mq, PAIRS);
	for (unsigned int i = 0; i < PAIRS; i++)
		me_check_pair(i, 10 * i);
	assert_int_equal(set_pairs(2), VN_NET_OK);
	assert_int_equal(fp_open_queues(), 2);
	assert_int_equal(de.dev->ctrl_mq, 2);
	assert_int_equal(de.dev->enabled_queues, GUEST_RINGS);
	me_check_pair(1, 50);
	/* Its transmit ring goes on: nothing of the driver's waits for ever. */
	guest_send(&de.guest, 5, 1);
	vn_model_kick(de.dev, 5, 0);
	UNTIL(guest_used_idx(&de.guest, 5) == de.guest.avail[5]);
	assert_int_equal(set_pairs(0), VN_NET_ERR);
	assert_int_equal(set_pairs(PAIRS + 1), VN_NET_ERR);
	assert_int_equal(set_pairs(0xffff), VN_NET_ERR);
	assert_int_equal(me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_PAIRS_SET, "\1", 1), VN_NET_ERR);
	assert_int_equal(me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_PAIRS_SET, "\1\0\0", 3), VN_NET_ERR);
	assert_int_equal(me_cmd(VN_NET_CTRL_MQ, 3, "\1\0", 2), VN_NET_ERR);
	assert_int_equal(de.dev->ctrl_mq, 2);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	UNTIL(fp_open_queues() == 0);
	me_wipe();
	me_load(USUAL_FEATURES);
	assert_int_equal(de.dev->ctrl_mq, 1);
	UNTIL(fp_open_queues() == 1);
}

/* Back and forth faster than the port can follow. */
static void
test_pairs_churn(void **state)
{
	const unsigned int n = env_rounds("changes", 30, 2000);

	(void)state;
	me_up(USUAL_FEATURES);
	for (unsigned int i = 0; i < n; i++) {
		if (i % 7 == 3)
			fp_fail(FP_QUEUE_OPEN, -EIO);
		assert_int_equal(set_pairs(1 + i % PAIRS), VN_NET_OK);
		if (i % 7 == 3)
			fp_fail(FP_QUEUE_OPEN, 0);
		else if (i % 7 == 2)
			assert_int_equal(fp_open_queues(), 1 + i % PAIRS);
		if (i % 5 == 4) {
			vn_model_set_status(de.dev, 0);
			UNTIL(vn_model_status(de.dev) == 0);
			me_wipe();
			me_load(USUAL_FEATURES);
		}
	}
}

/* No port queue is to be had: the command is answered all the same. */
static void
test_pairs_no_port(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	fp_fail(FP_QUEUE_OPEN, -EIO);
	assert_int_equal(set_pairs(PAIRS), VN_NET_OK);
	assert_int_equal(de.dev->ctrl_mq, PAIRS);
	fp_fail(FP_QUEUE_OPEN, 0);
}

struct rss {
	uint8_t buf[512];
	uint32_t len;
};

static void
put(struct rss *c, uint64_t value, unsigned int bytes)
{
	memcpy(c->buf + c->len, &value, bytes);
	c->len += bytes;
}

static void
rss_make(struct rss *c, uint32_t types, uint16_t mask, uint16_t unclassified, uint16_t entry,
	uint16_t tx, uint8_t key_len)
{
	c->len = 0;
	put(c, types, 4);
	put(c, mask, 2);
	put(c, unclassified, 2);
	for (unsigned int i = 0; i <= mask && i < VN_NET_RSS_TABLE_SIZE; i++)
		put(c, entry, 2);
	put(c, tx, 2);
	put(c, key_len, 1);
	for (unsigned int i = 0; i < key_len; i++)
		put(c, i + 1, 1);
}

/* Rules that have nothing to do cost nothing. */
static void
test_trivial(void **state)
{
	const struct vn_poll_group *g;

	(void)state;
	me_up(USUAL_FEATURES);
	g = &de.dev->priv->model->group;
	assert_false(vn_rx_rules_trivial(g->rules));
	/* No pair but those that are in use has a port. */
	assert_int_equal(set_pairs(PAIRS), VN_NET_OK);
	assert_true(vn_rx_rules_trivial(g->rules));
	me_check_pair(1, 10);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\0", 1), VN_NET_OK);
	assert_false(vn_rx_rules_trivial(g->rules));
}

/* A UDP packet; @return the tag that the driver finds where other frames have theirs. */
static uint32_t
send_udp(unsigned int pair, uint8_t ttl)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 60] = {0};
	uint8_t *f = buf + sizeof(struct vn_net_hdr);

	f[12] = 0x08;
	f[14] = 0x45;
	f[17] = 46;
	f[22] = ttl;
	f[23] = 17;
	f[39] = 26; /* of UDP */
	assert_true(send(fp.queue[pair]->peer, buf, sizeof(buf), MSG_NOSIGNAL) > 0);
	return (uint32_t)ttl << 16 | 17u << 24;
}

static int
rss_send(const struct rss *c)
{
	return me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_RSS_CONFIG, c->buf, c->len);
}

static void
test_rss(void **state)
{
	const struct vn_rx_state *rx;
	struct rss c;

	(void)state;
	me_up(USUAL_FEATURES);
	rx = &de.dev->priv->model->rx;
	rss_make(&c, VN_NET_HASH_ALL, 127, 0, 2, 1, 40);
	assert_int_equal(rss_send(&c), VN_NET_OK);
	assert_int_equal(rx->rss, 1);
	assert_int_equal(rx->queue_pairs, 3);
	assert_int_equal(rx->table_len, 128);
	assert_int_equal(rx->indirection[127], 2);
	assert_int_equal(rx->key_len, 40);
	assert_int_equal(rx->key[39], 40);
	assert_int_equal(fp_open_queues(), 3);
	/* A frame without a hash goes to the unclassified queue, whatever pair it came in on. */
	me_push(0, BUF_SIZE);
	me_send_to(2, (const uint8_t *)"\2\1\2\3\4\5", 0, 99);
	assert_int_equal(me_recv_tag(0), 99);
	/* One with a hash goes to the pair that the table names. */
	for (unsigned int i = 0; i < 2; i++) {
		const uint32_t tag = send_udp(i, 64 + i);

		me_push(4, BUF_SIZE);
		assert_int_equal(me_recv_tag(4), tag);
	}
	/* With the padding of the driver's structure. */
	put(&c, 0, 3);
	assert_int_equal(rss_send(&c), VN_NET_OK);
	assert_int_equal(rx->key[39], 40);
	/* As many transmit queues as asked for. */
	rss_make(&c, 0, 0, 0, 0, 2, 0);
	assert_int_equal(rss_send(&c), VN_NET_OK);
	assert_int_equal(rx->queue_pairs, 2);
	assert_int_equal(fp_open_queues(), 2);
	/* The last command defines the mode. */
	assert_int_equal(set_pairs(1), VN_NET_OK);
	assert_int_equal(rx->rss, 0);
}

static void
test_rss_malformed(void **state)
{
	static const struct {
		uint32_t types;
		uint16_t mask, unclassified, entry, tx;
		uint8_t key_len;
		int cut; /* bytes fewer; negative: more */
	} bad[] = {
		{0x200, 0, 0, 0, 1, 40, 0},
		{UINT32_MAX, 0, 0, 0, 1, 40, 0},
		{1, 2, 0, 0, 1, 40, 0},
		{1, 126, 0, 0, 1, 40, 0},
		{1, 255, 0, 0, 1, 40, 0},
		{1, 0xffff, 0, 0, 1, 40, 0},
		{1, 1, PAIRS, 0, 1, 40, 0},
		{1, 1, 0x8000, 0, 1, 40, 0},
		{1, 1, 0, PAIRS, 1, 40, 0},
		{1, 1, 0, 0x8001, 1, 40, 0},
		{1, 1, 0, 0, 0, 40, 0},
		{1, 1, 0, 0, PAIRS + 1, 40, 0},
		{1, 1, 0, 0, 1, 41, 0},
		{1, 1, 0, 0, 1, 255, 0},
		{1, 1, 0, 0, 1, 0, 0},
		{1, 1, 0, 0, 1, 40, 1},
		{1, 1, 0, 0, 1, 40, 40},
		{1, 1, 0, 0, 1, 40, 41},
		{1, 1, 0, 0, 1, 40, 42},
		{1, 1, 0, 0, 1, 40, 45},
		{1, 1, 0, 0, 1, 40, 47},
		{1, 1, 0, 0, 1, 40, 49},
		{1, 1, 0, 0, 1, 40, 51},
		{1, 1, 0, 0, 1, 40, 55},
		{1, 1, 0, 0, 1, 40, -4},
	};
	struct vn_rx_state before;
	struct rss c;

	(void)state;
	me_up(USUAL_FEATURES | VN_NET_F_HASH_REPORT);
	before = de.dev->priv->model->rx;
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		rss_make(&c, bad[i].types, bad[i].mask, bad[i].unclassified, bad[i].entry,
			bad[i].tx, bad[i].key_len);
		c.len -= bad[i].cut;
		assert_int_equal(rss_send(&c), VN_NET_ERR);
		assert_memory_equal(&before, &de.dev->priv->model->rx, sizeof(before));
	}
	/* Hash configuration: the same layout with four reserved fields. */
	c.len = 0;
	put(&c, VN_NET_HASH_TCPV4, 4);
	put(&c, 0, 8);
	put(&c, 40, 1);
	for (unsigned int i = 0; i < 40; i++)
		put(&c, i, 1);
	for (uint32_t len = 0; len < c.len; len++)
		assert_int_equal(
			me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_HASH_CONFIG, c.buf, len), VN_NET_ERR);
	assert_int_equal(
		me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_HASH_CONFIG, c.buf, c.len + 4), VN_NET_ERR);
	assert_memory_equal(&before, &de.dev->priv->model->rx, sizeof(before));
	assert_int_equal(
		me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_HASH_CONFIG, c.buf, c.len), VN_NET_OK);
	assert_int_equal(de.dev->priv->model->rx.hash_types, VN_NET_HASH_TCPV4);
	c.buf[3] = 1;
	assert_int_equal(
		me_cmd(VN_NET_CTRL_MQ, VN_NET_CTRL_MQ_HASH_CONFIG, c.buf, c.len), VN_NET_ERR);
}

static int
set_offloads(uint64_t mask)
{
	return me_cmd(VN_NET_CTRL_GUEST_OFFLOADS, VN_NET_CTRL_GUEST_OFFLOADS_SET, &mask, 8);
}

/* A frame whose checksum the driver is asked to make, then a plain one: which comes first? */
static uint32_t
csum_frame(uint32_t tag)
{
	struct {
		struct vn_net_hdr hdr;
		uint8_t frame[60];
	} f = {.hdr = {.flags = VN_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6}};

	while ((uint16_t)(de.guest.avail[0] - de.guest.seen[0]) < 2)
		me_push(0, BUF_SIZE);
	memcpy(f.frame + 20, &tag, 4);
	assert_true(send(fp.queue[0]->peer, &f, sizeof(f), MSG_NOSIGNAL) > 0);
	tag++;
	memcpy(f.frame + 20, &tag, 4);
	memset(&f.hdr, 0, sizeof(f.hdr));
	assert_true(send(fp.queue[0]->peer, &f, sizeof(f), MSG_NOSIGNAL) > 0);
	return me_recv_tag(0);
}

static void
test_offloads(void **state)
{
	const uint64_t guest = VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 |
			       VN_NET_F_GUEST_ECN;

	(void)state;
	me_up(USUAL_FEATURES);
	UNTIL(fp.queue[0] != NULL);
	assert_int_equal(csum_frame(10), 10);
	assert_int_equal(me_recv_tag(0), 11);
	assert_int_equal(set_offloads(0), VN_NET_OK);
	assert_int_equal(fp.features, USUAL_FEATURES & ~guest);
	assert_int_equal(csum_frame(20), 21);
	assert_int_equal(set_offloads(VN_NET_F_GUEST_CSUM), VN_NET_OK);
	assert_int_equal(fp.features, (USUAL_FEATURES & ~guest) | VN_NET_F_GUEST_CSUM);
	assert_int_equal(csum_frame(30), 30);
	assert_int_equal(me_recv_tag(0), 31);
	/* Segmentation without checksums, which a port would refuse, is none. */
	assert_int_equal(set_offloads(VN_NET_F_GUEST_TSO4), VN_NET_OK);
	assert_int_equal(fp.features, USUAL_FEATURES & ~guest);
	assert_int_equal(csum_frame(40), 41);
	/* Not one of them, but drivers count it in, when they have it. */
	assert_int_equal(set_offloads(VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_HDRLEN),
		(USUAL_FEATURES & VN_NET_F_GUEST_HDRLEN) ? VN_NET_OK : VN_NET_ERR);
	/* What was not negotiated, and what is no receive offload. */
	assert_int_equal(set_offloads(VN_NET_F_GUEST_UFO), VN_NET_ERR);
	assert_int_equal(set_offloads(VN_NET_F_GUEST_USO4), VN_NET_ERR);
	assert_int_equal(set_offloads(VN_NET_F_CSUM), VN_NET_ERR);
	assert_int_equal(set_offloads(UINT64_MAX), VN_NET_ERR);
	for (unsigned int len = 0; len < 20; len += len == 7 ? 2 : 1)
		assert_int_equal(me_cmd(VN_NET_CTRL_GUEST_OFFLOADS, 0,
					 "\0\0\0\0\0\0\0\0\0\0\0\0"
					 "\0\0\0\0\0\0\0\0",
					 len),
			VN_NET_ERR);
	assert_int_equal(me_cmd(VN_NET_CTRL_GUEST_OFFLOADS, 1, "\0\0\0\0\0\0\0\0", 8), VN_NET_ERR);
	assert_int_equal(de.dev->driver_features, USUAL_FEATURES);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	me_wipe();
	me_load(USUAL_FEATURES);
	UNTIL(fp.features == USUAL_FEATURES);
}

static int
set_coal(uint8_t command, uint32_t packets, uint32_t usecs)
{
	const struct vn_net_ctrl_coal c = {.max_packets = packets, .max_usecs = usecs};

	return me_cmd(VN_NET_CTRL_NOTF_COAL, command, &c, sizeof(c));
}

static int
set_coal_vq(uint16_t vq, uint32_t packets, uint32_t usecs)
{
	const struct vn_net_ctrl_coal_vq c = {.vq_index = vq,
		.reserved = 7,
		.coal = {.max_packets = packets, .max_usecs = usecs}};

	return me_cmd(VN_NET_CTRL_NOTF_COAL, VN_NET_CTRL_NOTF_COAL_VQ_SET, &c, sizeof(c));
}

static void
expect_coal(uint16_t vq, uint32_t packets, uint32_t usecs)
{
	const uint16_t in[2] = {vq, 0x5555};
	struct vn_model_queue_info info;
	struct vn_net_ctrl_coal c;

	assert_int_equal(
		me_cmd(VN_NET_CTRL_NOTF_COAL, VN_NET_CTRL_NOTF_COAL_VQ_GET, in, sizeof(in)),
		VN_NET_OK);
	assert_int_equal(me_answer_len(), 1 + sizeof(c));
	memcpy(&c, me_answer() + 1, sizeof(c));
	assert_int_equal(c.max_packets, packets);
	assert_int_equal(c.max_usecs, usecs);
	assert_true(vn_model_queue_info(de.dev, vq, &info));
	assert_int_equal(info.coal_packets, packets);
	assert_int_equal(info.coal_usecs, usecs);
	assert_false(vn_model_queue_info(de.dev, de.dev->num_vqs, &info));
}

/* The example of the specification, and that it is done. */
static void
test_coal(void **state)
{
	const uint32_t hour = UINT32_C(3600000000);
	uint8_t buf[16] = {0};

	(void)state;
	me_up(USUAL_FEATURES);
	expect_coal(0, 0, 0);
	assert_int_equal(set_coal(VN_NET_CTRL_NOTF_COAL_RX_SET, 100, 7), VN_NET_OK);
	expect_coal(0, 100, 7);
	expect_coal(2, 100, 7);
	expect_coal(1, 0, 0);
	assert_int_equal(set_coal_vq(0, 4, hour), VN_NET_OK);
	expect_coal(0, 4, hour);
	expect_coal(2, 100, 7);
	assert_int_equal(set_coal_vq(1, 9, 8), VN_NET_OK);
	expect_coal(1, 9, 8);
	expect_coal(3, 0, 0);
	assert_int_equal(set_coal(VN_NET_CTRL_NOTF_COAL_TX_SET, 3, 2), VN_NET_OK);
	expect_coal(1, 3, 2);
	expect_coal(3, 3, 2);
	expect_coal(0, 4, hour);
	/* Three frames wait for the fourth. */
	UNTIL(fp.queue[0] != NULL);
	pe_signals(me.irq[1]);
	for (unsigned int i = 0; i < 4; i++) {
		if (i == 3)
			assert_int_equal(pe_signals(me.irq[1]), 0);
		me_push(0, BUF_SIZE);
		me_send_to(0, (const uint8_t *)"\2\1\2\3\4\5", 0, i);
		assert_int_equal(me_recv_tag(0), i);
	}
	UNTIL(pe_signals(me.irq[1]) > 0);
	/* No such queue, none of data, none enabled; lengths. */
	assert_int_equal(set_coal_vq(CTRL, 1, 1), VN_NET_ERR);
	assert_int_equal(set_coal_vq(GUEST_RINGS, 1, 1), VN_NET_ERR);
	assert_int_equal(set_coal_vq(0xffff, 1, 1), VN_NET_ERR);
	for (unsigned int len = 0; len <= sizeof(buf); len++) {
		for (uint8_t command = 0; command < 6; command++) {
			const bool right = (command < 2 && len == 8) ||
					   (command == 2 && len == 12) ||
					   (command == 3 && len == 4);

			assert_int_equal(me_cmd(VN_NET_CTRL_NOTF_COAL, command, buf, len),
				right ? VN_NET_OK : VN_NET_ERR);
		}
	}
	/* No room for the result. */
	assert_int_equal(me_raw("\6\3\0\0\0\0", 6, 8), VN_NET_ERR);
	/* After a queue reset it has what was set for all. */
	assert_int_equal(set_coal(VN_NET_CTRL_NOTF_COAL_RX_SET, 100, 7), VN_NET_OK);
	assert_int_equal(set_coal_vq(2, 1, 1), VN_NET_OK);
	vn_model_queue_reset(de.dev, 2);
	UNTIL(!vn_model_queue(de.dev, 2)->resetting);
	assert_int_equal(set_coal_vq(2, 1, 1), VN_NET_ERR);
	me_queue(2, 2);
	UNTIL(de.dev->vq[2].state == VN_VQ_RUNNING);
	expect_coal(2, 100, 7);
}

struct stats_req {
	uint16_t vq, reserved[3];
	uint64_t types;
};

static uint64_t
counter(uint32_t at)
{
	uint64_t v;

	memcpy(&v, me_answer() + 1 + at, 8);
	return v;
}

static void
test_stats(void **state)
{
	struct stats_req q[3] = {{.vq = 0, .types = 1}, {.vq = 1, .types = UINT64_C(1) << 16},
		{.vq = CTRL, .types = UINT64_C(1) << 32}};
	uint8_t cmd[2 + sizeof(q)] = {VN_NET_CTRL_STATS, VN_NET_CTRL_STATS_GET};
	const uint64_t bad[] = {2, 1 << 16, UINT64_C(1) << 32, 3, UINT64_MAX, UINT64_C(1) << 63};

	(void)state;
	me_up(USUAL_FEATURES);
	assert_int_equal(me_cmd(VN_NET_CTRL_STATS, VN_NET_CTRL_STATS_QUERY, NULL, 0), VN_NET_OK);
	assert_int_equal(me_answer_len(), 9);
	assert_int_equal(counter(0), UINT64_C(0x100010001));
	me_check_pair(0, 1);
	me_check_pair(0, 3);
	UNTIL(de.dev->vq[1].stats.packets == 2);
	assert_int_equal(me_cmd(VN_NET_CTRL_STATS, VN_NET_CTRL_STATS_GET, q, sizeof(q)), VN_NET_OK);
	assert_int_equal(me_answer_len(), 1 + 56 + 56 + 24);
	assert_memory_equal(me_answer() + 1, "\0\0\0\0\0\0\70\0", 8);
	assert_int_equal(counter(8), 2);       /* notifications */
	assert_int_equal(counter(16), 2);      /* packets */
	assert_int_equal(counter(24), 2 * 60); /* bytes */
	assert_memory_equal(me_answer() + 1 + 56, "\20\0\1\0\0\0\70\0", 8);
	assert_int_equal(counter(56 + 8), 2);
	assert_int_equal(counter(56 + 16), 2);
	assert_memory_equal(me_answer() + 1 + 112, "\40\0\6\0\0\0\30\0", 8);
	assert_int_equal(counter(112 + 8), 2);  /* commands */
	assert_int_equal(counter(112 + 16), 2); /* of them answered with OK */
	/* Only what fits. */
	memcpy(cmd + 2, q, sizeof(q));
	assert_int_equal(me_raw(cmd, sizeof(cmd), 1 + 56 + 55), VN_NET_OK);
	assert_int_equal(me_answer_len(), 1 + 56);
	assert_int_equal(me_raw(cmd, sizeof(cmd), 1), VN_NET_OK);
	assert_int_equal(me_answer_len(), 1);
	/* One wrong type or queue is enough. */
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		q[0].types = bad[i];
		assert_int_equal(
			me_cmd(VN_NET_CTRL_STATS, VN_NET_CTRL_STATS_GET, q, sizeof(q)), VN_NET_ERR);
	}
	q[0].types = 1;
	q[0].vq = GUEST_RINGS;
	assert_int_equal(
		me_cmd(VN_NET_CTRL_STATS, VN_NET_CTRL_STATS_GET, q, sizeof(q)), VN_NET_ERR);
	q[0].vq = 0;
	for (unsigned int len = 0; len < sizeof(q); len++)
		assert_int_equal(me_cmd(VN_NET_CTRL_STATS, VN_NET_CTRL_STATS_GET, q, len),
			len > 0 && len % 16 == 0 ? VN_NET_OK : VN_NET_ERR);
	assert_int_equal(me_cmd(VN_NET_CTRL_STATS, VN_NET_CTRL_STATS_QUERY, "", 1), VN_NET_ERR);
	assert_int_equal(me_cmd(VN_NET_CTRL_STATS, 2, "", 0), VN_NET_ERR);
	assert_int_equal(me_raw("\10\0", 2, 8), VN_NET_ERR);
	/* As many as a command can ask for. */
	{
		static struct stats_req many[(CTRL_ROOM - 2) / sizeof(struct stats_req)];

		for (unsigned int i = 0; i < RTE_DIM(many); i++)
			many[i].types = 1;
		assert_int_equal(
			me_cmd(VN_NET_CTRL_STATS, VN_NET_CTRL_STATS_GET, many, sizeof(many)),
			VN_NET_OK);
		assert_int_equal((me_answer_len() - 1) % 56, 0);
		assert_true(me_answer_len() <= CTRL_ROOM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ME_TEST(test_pairs),
		ME_TEST(test_pairs_churn),
		ME_TEST(test_pairs_no_port),
		ME_TEST(test_trivial),
		ME_TEST(test_rss),
		ME_TEST(test_rss_malformed),
		ME_TEST(test_offloads),
		ME_TEST(test_coal),
		ME_TEST(test_stats),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
