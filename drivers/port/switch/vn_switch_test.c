/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Which frames go where in the switch, and the life of what pollers look at meanwhile. */
#include "switch_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static void
test_unicast(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		st_device(i, 1);
	/* Known from the start, on all VLANs. */
	st_send(0, 0, 1, -1);
	st_send(0, 0, 1, 7);
	assert_int_equal(st_recv(1), 2);
	assert_int_equal(st_recv(2), 0);
	/* Nobody's, and there is no uplink: not to others. */
	st_send(0, 0, 99, -1);
	assert_int_equal(st_recv(1) + st_recv(2), 0);
	assert_int_equal(st_stats().unknown, 1);
	/* Not back to where it came from. */
	st_send(0, 0, 0, -1);
	assert_int_equal(st_recv(0), 0);
	assert_int_equal(st_stats().filtered, 1);
	assert_int_equal(st.ops->queue_stats(st.q[0])->tx_packets, 4);
	assert_int_equal(st.ops->queue_stats(st.q[0])->tx_bytes, 4 * 64);
	assert_int_equal(st.ops->queue_stats(st.q[1])->rx_packets, 2);
	assert_int_equal(st.ops->queue_stats(st.q[1])->rx_bytes, 2 * 64);
}

static void
test_learning(void **state)
{
	struct vn_switch_entry e[16];
	struct vn_switch_info info;
	unsigned int n;

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		st_device(i, 1);
	st_send(1, 50, 0, -1); /* a guest's own guest */
	st_send(2, 50, 0, 9);  /* the same address in another VLAN is somebody else */
	st_recv(0);
	st_send(0, 0, 50, -1);
	assert_int_equal(st_recv(1), 1);
	st_send(0, 0, 50, 9);
	assert_int_equal(st_recv(2), 1);
	st_send(0, 0, 50, 10);
	assert_int_equal(st_recv(1) + st_recv(2), 0);
	n = vn_switch_table(st.sw, e, 16);
	assert_int_equal(n, 5);
	assert_string_equal(e[1].port, "VUID1");
	assert_false(e[2].learnt);
	assert_true(e[3].learnt && e[4].learnt);
	assert_int_equal(vn_switch_table(st.sw, e, 2), 2);
	/* It moved. */
	st_send(2, 50, 0, -1);
	st_send(0, 0, 50, -1);
	assert_int_equal(st_recv(1), 0);
	assert_int_equal(st_recv(2), 1);
	/* A device's own address stays its own, whoever else sends from it. */
	st_send(2, 1, 0, -1);
	st_send(0, 0, 1, -1);
	assert_int_equal(st_recv(1), 1);
	/* With its port what it has learnt goes. */
	st.ops->close(st.port[2]);
	st.port[2] = NULL;
	vn_switch_get_info(st.sw, &info);
	assert_int_equal(info.learnt, 0);
	assert_int_equal(info.moved, 1);
	assert_int_equal(info.ports, 2);
	/* Group addresses are nobody's. */
	st_send(1, ST_MULTI, 0, -1);
	{
		struct rte_mbuf *m = st_frame(0, 0, -1, 64);

		rte_pktmbuf_mtod(m, uint8_t *)[6] = 1;
		st.ops->tx_burst(st.q[1], &m, 1);
	}
	vn_switch_get_info(st.sw, &info);
	assert_int_equal(info.learnt, 1);
}

static void
test_broadcast(void **state)
{
	struct rte_mbuf *m[3], *got[4];

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		st_device(i, 1);
	m[0] = st_frame(0, ST_ALL, -1, 64);
	m[1] = st_frame(0, ST_MULTI, 5, 5000); /* in several mbufs */
	m[2] = st_frame(0, 1, -1, 64);
	st.ops->tx_burst(st.q[0], m, 3);
	assert_int_equal(st_recv(0), 0);
	assert_int_equal(st.ops->rx_burst(st.q[1], got, 4), 3);
	assert_int_equal(got[1]->pkt_len, 5000);
	assert_int_equal(rte_pktmbuf_mtod(got[2], uint8_t *)[0], 2); /* in order */
	rte_pktmbuf_free_bulk(got, 3);
	assert_int_equal(st_recv(2), 2);
	assert_int_equal(st_recv(3), 2);
	assert_int_equal(st_stats().replicated, 4);
}

/* Devices that are not there take nothing, and nothing is made for them. */
static void
test_away(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		st_device(i, 1);
	st.ops->set_link(st.port[1], false);
	st_send(0, 0, 1, -1);
	st_send(0, 0, ST_ALL, -1);
	assert_int_equal(st_recv(1), 0);
	assert_int_equal(st_recv(2), 1);
	assert_int_equal(st_stats().away, 1);
	st_send(1, 1, 2, -1);
	assert_int_equal(st_recv(2), 0);
	assert_int_equal(st.ops->queue_stats(st.q[1])->tx_dropped, 1);
	st.ops->set_link(st.port[1], true);
	st_send(1, 1, 2, -1);
	assert_int_equal(st_recv(2), 1);
	st.ops->queue_close(st.q[1]);
	st_send(0, 0, 1, -1);
	assert_int_equal(st_stats().away, 3);
	/* What was before is not kept for a new driver. */
	assert_int_equal(st.ops->queue_open(st.port[1], 0, st.pool, &st.q[1]), 0);
	assert_int_equal(st_recv(1), 0);
	assert_int_equal(st.ops->queue_open(st.port[1], 0, st.pool, &st.q[1]), -EBUSY);
	assert_int_equal(st.ops->queue_open(st.port[1], 1, st.pool, &st.q[1]), -EINVAL);
}

static void
test_full(void **state)
{
	const unsigned int extra = 100, n = 1023;
	unsigned int held_back;

	(void)state;
	st_device(0, 1);
	st_device(1, 1);
	for (unsigned int i = 0; i < n + extra; i++)
		st_send(0, 0, 1, -1);
	assert_int_equal(st_stats().full, extra);
	assert_int_equal(st_recv(1), n);
	/* Buffers are short: few may wait. */
	{
		struct rte_mbuf *hold[ST_MBUFS];
		unsigned int held = 0;

		while (rte_mempool_avail_count(st.pool) > ST_MBUFS / 8 - 1)
			hold[held++] = rte_pktmbuf_alloc(st.pool);
		for (unsigned int i = 0; i < 200; i++)
			st_send(0, 0, 1, -1);
		held_back = st_recv(1);
		/* Half of the buffers that are left then. */
		assert_true(held_back >= 165 && held_back <= 172);
		rte_pktmbuf_free_bulk(hold, held);
	}
	assert_int_equal(st_stats().full, extra + 200 - held_back);
}

/* A receiver that takes nothing leaves copies for the others. */
static void
test_full_of_copies(void **state)
{
	unsigned int n;

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		st_device(i, 1);
	for (unsigned int i = 0; i < 2 * ST_CLONES; i++) {
		st_send(0, 0, ST_ALL, -1);
		assert_int_equal(st_recv(2), 1);
	}
	assert_int_equal(st_stats().no_mbuf, 0);
	n = st_recv(1);
	/* Twice those that are left then. */
	assert_true(n >= ST_CLONES * 2 / 3 - 4 && n <= ST_CLONES * 2 / 3 + 4);
	assert_int_equal(st_stats().full, 2 * ST_CLONES - n);
	assert_int_equal(st.ops->queue_stats(st.q[1])->rx_full, 2 * ST_CLONES - n);
	assert_int_equal(st.ops->queue_stats(st.q[2])->rx_full, 0);
}

/* Nor do many of them, of copies or of frames. */
static void
test_many_full(void **state)
{
	struct rte_mbuf *m[4];

	(void)state;
	for (unsigned int i = 0; i < ST_DEVICES; i++)
		st_device(i, 1);
	for (unsigned int i = 0; i < ST_CLONES; i++) {
		st_send(0, 0, ST_ALL, -1);
		assert_int_equal(st_recv(1), 1);
	}
	for (unsigned int i = 0; i < 2 * ST_MBUFS; i++)
		st_send(0, 0, 2 + i % (ST_DEVICES - 2), -1);
	assert_int_equal(st_stats().no_mbuf, 0);
	/* A whole burst still finds room with who reads, but not with the others. */
	for (unsigned int i = 0; i < RTE_DIM(m); i++)
		m[i] = st_frame(0, ST_ALL, -1, 64);
	st.ops->tx_burst(st.q[0], m, RTE_DIM(m));
	assert_int_equal(st_recv(1), RTE_DIM(m));
	assert_int_equal(st_stats().no_mbuf, 0);
	assert_int_equal(st.ops->queue_stats(st.q[1])->rx_full, 0);
	for (unsigned int i = 2; i < ST_DEVICES; i++)
		assert_true(st.ops->queue_stats(st.q[i])->rx_full > 0);
}

/* The last buffer still gets to one that reads: whoever has it may be its only source. */
static void
test_last_buffer(void **state)
{
	struct rte_mbuf *hold[ST_MBUFS], *m;
	unsigned int held = 0;

	(void)state;
	st_device(0, 1);
	st_device(1, 1);
	m = st_frame(0, 1, -1, 64);
	while (held < ST_MBUFS && (hold[held] = rte_pktmbuf_alloc(st.pool)) != NULL)
		held++;
	assert_int_equal(rte_mempool_avail_count(st.pool), 0);
	st.ops->tx_burst(st.q[0], &m, 1);
	assert_int_equal(st_recv(1), 1);
	assert_int_equal(st_stats().full, 0);
	rte_pktmbuf_free_bulk(hold, held);
}

/* One burst of broadcast frames makes a limited number of copies. */
static void
test_storm(void **state)
{
	struct rte_mbuf *m[32];

	(void)state;
	for (unsigned int i = 0; i < ST_DEVICES; i++)
		st_device(i, 1);
	for (unsigned int i = 0; i < 32; i++)
		m[i] = st_frame(0, ST_ALL, -1, 64);
	st.ops->tx_burst(st.q[0], m, 32);
	assert_int_equal(st_stats().replicated, 64 + 2 * ST_DEVICES);
	assert_int_equal(st_stats().storm, 32 * (ST_DEVICES - 2) - 64 - 2 * ST_DEVICES);
	/* The one that needs no copy has all. */
	assert_int_equal(st_recv(ST_DEVICES - 1), 32);
	st_send(0, 0, ST_ALL, -1);
	for (unsigned int i = 1; i < ST_DEVICES; i++)
		assert_true(st_recv(i) > 0);
}

static void
test_anti_spoof(void **state)
{
	uint8_t mac[6];

	(void)state;
	st.anti_spoof = true;
	st_device(0, 1);
	st.anti_spoof = false;
	st_device(1, 1);
	st_send(0, 0, 1, -1);
	st_send(0, 0, ST_ALL, 4);
	st_send(0, 50, 1, -1);
	st_send(0, 1, ST_ALL, -1);
	assert_int_equal(st_recv(1), 2);
	assert_int_equal(st_stats().spoofed, 2);
	assert_int_equal(st.ops->queue_stats(st.q[0])->tx_dropped, 2);
	/* The operator gives it another one. */
	st_mac(50, mac);
	assert_int_equal(st.ops->set_mac(st.port[0], mac), 0);
	st_send(0, 50, 1, -1);
	assert_int_equal(st_recv(1), 1);
	st_send(0, 0, 1, -1);
	assert_int_equal(st_recv(1), 0);
	st_send(1, 1, 50, -1);
	st_send(1, 1, 0, -1);
	assert_int_equal(st_recv(0), 1);
	/* The one without the rule. */
	st_send(1, 51, 50, -1);
	assert_int_equal(st_recv(0), 1);
	assert_int_equal(st_stats().spoofed, 3);
}

/* 0 and 1 are isolated, 2 and 3 are not: it holds both ways, also for addresses that were learnt.
 */
static void
test_isolated(void **state)
{
	(void)state;
	st.isolated = true;
	st_device(0, 1);
	st_device(1, 1);
	st.isolated = false;
	st_device(2, 1);
	st_device(3, 1);
	st_send(0, 50, 1, -1);
	st_send(0, 0, 2, -1);
	st_send(0, 0, ST_ALL, -1);
	st_send(2, 2, 1, -1);
	st_send(2, 2, 50, -1);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(st_recv(i), 0);
	assert_int_equal(st_stats().filtered, 4);
	st_send(2, 2, ST_ALL, -1);
	st_send(2, 2, 3, -1);
	assert_int_equal(st_recv(3), 2);
	assert_int_equal(st_recv(0) + st_recv(1), 0);
}

/* What is said of a port is shown. */
static void
test_rules_shown(void **state)
{
	struct vn_switch_entry e[2];
	struct vn_port_info info;

	(void)state;
	st.anti_spoof = st.isolated = true;
	st_device(0, 1);
	st.anti_spoof = false;
	st_device(1, 1);
	assert_int_equal(vn_switch_table(st.sw, e, 2), 2);
	assert_true(e[0].anti_spoof && e[0].isolated);
	assert_true(!e[1].anti_spoof && e[1].isolated);
	assert_int_equal(st.ops->get_info(st.port[1], &info), 0);
	assert_true(!info.anti_spoof && info.isolated);
}

/* A sender's pair n goes to the receiver's pair n, of those that are open. */
static void
test_pairs(void **state)
{
	struct vn_port_queue *q[3];
	struct rte_mbuf *m, *got;

	(void)state;
	st_device(0, 3);
	st_device(1, 4);
	q[0] = st.q[0];
	for (uint16_t i = 1; i < 3; i++)
		assert_int_equal(st.ops->queue_open(st.port[0], i, st.pool, &q[i]), 0);
	{
		struct vn_port_queue *to[2] = {st.q[1]};

		assert_int_equal(st.ops->queue_open(st.port[1], 2, st.pool, &to[1]), 0);
		for (unsigned int i = 0; i < 3; i++) {
			m = st_frame(0, 1, -1, 64);
			st.ops->tx_burst(q[i], &m, 1);
			assert_int_equal(st.ops->rx_burst(to[i % 2], &got, 1), 1);
			rte_pktmbuf_free(got);
		}
		st.ops->queue_close(to[1]);
		m = st_frame(0, 1, -1, 64);
		st.ops->tx_burst(q[1], &m, 1);
	}
	assert_int_equal(st_recv(1), 1);
}

/* TCP over IPv4: 54 bytes of headers. */
static struct rte_mbuf *
tso_frame(unsigned int dst, uint32_t len)
{
	struct rte_mbuf *m = st_frame(0, dst, -1, len);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);

	ip[0] = 0x45;
	ip[9] = 6;
	ip[32] = 0x50;
	*vn_mbuf_hdr(m) = (struct vn_net_hdr){
		.flags = VN_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VN_NET_HDR_GSO_TCPV4,
		.gso_size = rte_cpu_to_le_16(1448),
		.csum_start = rte_cpu_to_le_16(34),
		.csum_offset = rte_cpu_to_le_16(16),
	};
	return m;
}

/* A frame to many that has to be cut for each of them counts as all its pieces. */
static void
test_storm_of_pieces(void **state)
{
	const unsigned int pieces = 30, copies = 64 + 2 * ST_DEVICES;
	struct rte_mbuf *m = tso_frame(ST_ALL, 54 + pieces * 50);

	(void)state;
	for (unsigned int i = 0; i < ST_DEVICES; i++) {
		st_device(i, 1);
		st.ops->set_features(st.port[i], 0);
	}
	vn_mbuf_hdr(m)->gso_size = rte_cpu_to_le_16(50);
	st.ops->tx_burst(st.q[0], &m, 1);
	/* And the last one, which gets the frame itself. */
	assert_int_equal(st_stats().replicated, copies / (pieces + 1) + 1);
	assert_int_equal(st_stats().segmented, copies / (pieces + 1) + 2);
	assert_int_equal(st_stats().storm, ST_DEVICES - 2 - copies / (pieces + 1) - 1);
}

/* Each receiver gets what it takes. */
static void
test_offloads(void **state)
{
	struct rte_mbuf *m, *got[4];

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		st_device(i, 1);
	st.ops->set_features(st.port[2], VN_NET_F_GUEST_CSUM);
	st.ops->set_features(st.port[3], 0);
	m = tso_frame(ST_ALL, 54 + 3000);
	st.ops->tx_burst(st.q[0], &m, 1);
	assert_int_equal(st.ops->rx_burst(st.q[1], got, 4), 1);
	assert_int_equal(got[0]->pkt_len, 3054);
	assert_int_equal(vn_mbuf_hdr(got[0])->gso_type, VN_NET_HDR_GSO_TCPV4);
	rte_pktmbuf_free(got[0]);
	for (unsigned int i = 2; i < 4; i++) {
		assert_int_equal(st.ops->rx_burst(st.q[i], got, 4), 3);
		assert_int_equal(got[0]->pkt_len, 54 + 1448);
		assert_int_equal(got[2]->pkt_len, 54 + 104);
		assert_int_equal(vn_mbuf_hdr(got[0])->gso_type, 0);
		assert_int_equal(vn_mbuf_hdr(got[0])->flags, i == 2 ? VN_NET_HDR_F_NEEDS_CSUM : 0);
		rte_pktmbuf_free_bulk(got, 3);
	}
	assert_int_equal(st_stats().segmented, 2);

	/* A checksum is not filled in for those who share the frame with the one who needs it. */
	m = tso_frame(ST_ALL, 600);
	vn_mbuf_hdr(m)->gso_type = 0;
	st.ops->tx_burst(st.q[0], &m, 1);
	for (unsigned int i = 1; i < 4; i++) {
		const uint8_t *f;

		assert_int_equal(st.ops->rx_burst(st.q[i], &got[i], 1), 1);
		f = rte_pktmbuf_mtod_offset(got[i], const uint8_t *, 50);
		assert_int_equal(f[0] == 0x5a && f[1] == 0x5a, i != 3);
		assert_int_equal(vn_mbuf_hdr(got[i])->flags, i != 3);
	}
	rte_pktmbuf_free_bulk(&got[1], 3);

	/* Nobody can make sense of it. */
	m = tso_frame(3, 3000);
	rte_pktmbuf_mtod(m, uint8_t *)[14] = 0x4f;
	st.ops->tx_burst(st.q[0], &m, 1);
	assert_int_equal(st_recv(3), 0);
	assert_int_equal(st_stats().bad, 1);

	/* What waits when the driver changes its mind. */
	m = tso_frame(1, 3000);
	st.ops->tx_burst(st.q[0], &m, 1);
	st_send(0, 0, 1, -1);
	st.ops->set_features(st.port[1], 0);
	assert_int_equal(st.ops->rx_burst(st.q[1], got, 1), 1);
	assert_int_equal(got[0]->pkt_len, 64);
	rte_pktmbuf_free(got[0]);
	assert_int_equal(st.ops->queue_stats(st.q[1])->rx_errors, 1);
}

static bool
readable(struct vn_port_queue *q)
{
	struct pollfd p = {.fd = st.ops->queue_fd(q), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
test_arm(void **state)
{
	(void)state;
	st_device(0, 1);
	st_device(1, 1);
	st_send(0, 0, 1, -1);
	assert_false(readable(st.q[1])); /* awake: no system calls */
	assert_true(st.ops->rx_arm(st.q[1], true));
	st.ops->rx_arm(st.q[1], false);
	assert_int_equal(st_recv(1), 1);
	assert_false(st.ops->rx_arm(st.q[1], true));
	assert_false(readable(st.q[1]));
	st_send(0, 0, 1, -1);
	st_send(0, 0, 1, -1);
	assert_true(readable(st.q[1]));
	st.ops->rx_arm(st.q[1], false);
	assert_false(readable(st.q[1]));
	assert_int_equal(st_recv(1), 2);
}

/* A queue of the sender's own poller: not told while it is looked at anyway, told when it is cold.
 */
static void
test_arm_own(void **state)
{
	static const char pollers[2];
	const struct vn_port_sink own = {.owner = &pollers[0]}, other = {.owner = &pollers[1]};
	const struct vn_port_sink *const from[] = {&own, &other, NULL};

	(void)state;
	st_device(0, 1);
	st_device(1, 1);
	st.ops->set_sink(st.q[1], &own);
	for (unsigned int i = 0; i < RTE_DIM(from); i++) {
		st.ops->set_sink(st.q[0], from[i]);
		/* Put in between two looks: seen before there is a sleep. */
		st_send(0, 0, 1, -1);
		assert_false(readable(st.q[1]));
		assert_true(st.ops->rx_arm(st.q[1], true));
		st.ops->rx_arm(st.q[1], false);
		assert_int_equal(st_recv(1), 1);
		/* The poller is awake, and does not look at this one. */
		assert_false(st.ops->rx_arm(st.q[1], true));
		st_send(0, 0, 1, -1);
		st_send(0, 0, 1, -1);
		assert_true(readable(st.q[1]));
		st.ops->rx_arm(st.q[1], false);
		assert_false(readable(st.q[1]));
		assert_int_equal(st_recv(1), 2);
	}
	st.ops->set_sink(st.q[0], NULL);
	st.ops->set_sink(st.q[1], NULL);
}

/*
 * Pollers that have seen a port or a queue may use it until they pass. (AddressSanitizer would
 * tell; here it is seen that nothing of it is freed before.)
 */
static void
test_rcu(void **state)
{
	struct vn_port_queue *q;
	int there;

	(void)state;
	st_device(0, 1);
	st_device(1, 1);
	st_quiesce();
	st_quiesce();
	st_send(0, 0, 1, -1);
	q = st.q[1];
	there = st.ops->queue_fd(q);
	st.ops->close(st.port[1]);
	st.port[1] = NULL;
	vn_switch_tick(st.sw);
	assert_int_not_equal(fcntl(there, F_GETFD), -1);
	assert_int_equal(rte_mempool_avail_count(st.pool), ST_MBUFS - 1);
	st_quiesce();
	assert_int_equal(fcntl(there, F_GETFD), -1);
	assert_int_equal(rte_mempool_avail_count(st.pool), ST_MBUFS);
	/* A poller that sleeps holds nothing up. */
	st_device(2, 1);
	there = st.ops->queue_fd(st.q[2]);
	rte_rcu_qsbr_thread_offline(st.qsbr, 0);
	st.ops->close(st.port[2]);
	st.port[2] = NULL;
	assert_int_equal(fcntl(there, F_GETFD), -1);
	rte_rcu_qsbr_thread_online(st.qsbr, 0);
}

/* Devices come and go while another thread sends to them. */
static bool stop;

static void *
sender(void *arg)
{
	uint64_t sent = 0;

	(void)arg;
	rte_rcu_qsbr_thread_register(st.qsbr, 1);
	rte_rcu_qsbr_thread_online(st.qsbr, 1);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct rte_mbuf *m[4];

		if (rte_pktmbuf_alloc_bulk(st.pool, m, 4) == 0) {
			for (unsigned int i = 0; i < 4; i++) {
				uint8_t *f = (uint8_t *)rte_pktmbuf_append(m[i], 64);

				memset(f, i == 3 ? 0xff : 0, 64);
				memset(rte_mbuf_to_priv(m[i]), 0, VN_MBUF_PRIV_SIZE);
				st_mac(sent % 5, f + 6);
				if (i < 3)
					st_mac(i, f);
			}
			st.ops->tx_burst(st.q[0], m, 4);
			sent += 4;
		}
		rte_rcu_qsbr_quiescent(st.qsbr, 1);
	}
	rte_rcu_qsbr_thread_offline(st.qsbr, 1);
	rte_rcu_qsbr_thread_unregister(st.qsbr, 1);
	return NULL;
}

/* Not all: whoever sends meanwhile may be as fast. */
static void
recv_some(unsigned int i)
{
	struct rte_mbuf *m[32];

	rte_pktmbuf_free_bulk(m, st.ops->rx_burst(st.q[i], m, 32));
}

static void
test_churn(void **state)
{
	pthread_t thread;

	(void)state;
	st_device(0, 1);
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, sender, NULL), 0);
	for (unsigned int i = 0; i < 300; i++) {
		st_device(1, 2);
		st_device(2, 1);
		recv_some(1);
		st.ops->queue_close(st.q[1]);
		st.ops->close(st.port[1]);
		recv_some(2);
		st.ops->close(st.port[2]);
		st_quiesce();
	}
	st.port[1] = st.port[2] = NULL;
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, st_setup, st_teardown)
	const struct CMUnitTest tests[] = {
		T(test_unicast),
		T(test_learning),
		T(test_broadcast),
		T(test_away),
		T(test_full),
		T(test_full_of_copies),
		T(test_many_full),
		T(test_last_buffer),
		T(test_storm),
		T(test_storm_of_pieces),
		T(test_anti_spoof),
		T(test_isolated),
		T(test_rules_shown),
		T(test_pairs),
		T(test_offloads),
		T(test_arm),
		T(test_arm_own),
		T(test_rcu),
		T(test_churn),
	};

	return cmocka_run_group_tests(tests, st_group_setup, NULL);
}
