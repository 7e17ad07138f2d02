/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef SWITCH_TEST_H
#define SWITCH_TEST_H

/** @file Test code: a switch with devices, and the test as their poller. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "vn_features.h"
#include "vn_net_hdr.h"
#include "vn_switch.h"

#define ST_DEVICES 24
#define ST_MBUFS   4095
#define ST_CLONES  1023
#define ST_OFFLOADS \
	(VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 | VN_NET_F_GUEST_ECN)

static struct {
	struct rte_mempool *pool, *clones;
	struct rte_rcu_qsbr *qsbr;
	struct vn_switch *sw;
	const struct vn_port_ops *ops;
	struct vn_port *port[ST_DEVICES];
	struct vn_port_queue *q[ST_DEVICES];
	bool anti_spoof, isolated; /* of the next devices */
} st;

static inline int
st_group_setup(void **state)
{
	static char arg[][32] = {"test", "--no-huge", "--no-pci", "-m", "128", "--no-shconf",
		"--no-telemetry", "--lcores", "0@0,1@0", "--log-level=lib.eal:error", "-d",
		"librte_mempool_ring.so", "-d", "librte_net_ring.so", "-d", "librte_bus_vdev.so"};
	char *eal[RTE_DIM(arg) + 1] = {NULL};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(arg); i++)
		eal[i] = arg[i];
	if (rte_eal_init((int)RTE_DIM(arg), eal) < 0)
		return -1;
	st.pool = rte_pktmbuf_pool_create(
		"p", ST_MBUFS, 0, VN_MBUF_PRIV_SIZE, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	st.clones = rte_pktmbuf_pool_create("c", ST_CLONES, 0, VN_MBUF_PRIV_SIZE, 0, SOCKET_ID_ANY);
	st.qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE,
		RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(2), RTE_CACHE_LINE_SIZE));
	if (st.pool == NULL || st.clones == NULL || st.qsbr == NULL)
		return -1;
	return 0;
}

static inline struct vn_switch_conf
st_conf(void)
{
	const struct vn_switch_conf conf = {
		.table_size = 64,
		.ageing_s = 10,
		.qsbr = st.qsbr,
		.pool = st.pool,
		.clones = st.clones,
	};

	return conf;
}

/** Thread 0 of the switch is the test. */
static inline void
st_create(const struct vn_switch_conf *conf)
{
	rte_rcu_qsbr_init(st.qsbr, 2);
	rte_rcu_qsbr_thread_register(st.qsbr, 0);
	rte_rcu_qsbr_thread_online(st.qsbr, 0);
	assert_int_equal(vn_switch_create(conf, &st.sw), 0);
	st.anti_spoof = st.isolated = false;
	st.ops = vn_switch_ops(st.sw);
}

static inline int
st_setup(void **state)
{
	const struct vn_switch_conf conf = st_conf();

	(void)state;
	st_create(&conf);
	return 0;
}

static inline void
st_quiesce(void)
{
	rte_rcu_qsbr_quiescent(st.qsbr, 0);
	vn_switch_tick(st.sw);
}

static inline int
st_teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ST_DEVICES; i++) {
		st.ops->close(st.port[i]);
		st.port[i] = NULL;
		st.q[i] = NULL;
	}
	vn_switch_destroy(st.sw);
	return rte_mempool_avail_count(st.pool) == ST_MBUFS &&
			       rte_mempool_avail_count(st.clones) == ST_CLONES
		       ? 0
		       : -1;
}

static inline void
st_mac(unsigned int i, uint8_t mac[6])
{
	const uint8_t m[6] = {2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

	memcpy(mac, m, sizeof(m));
}

/** Device @p i with MAC st_mac(i) and one open queue. */
static inline void
st_device(unsigned int i, uint16_t pairs)
{
	struct vn_port_conf conf = {
		.max_queue_pairs = pairs,
		.mtu = 1500,
		.link_up = true,
		.anti_spoof = st.anti_spoof,
		.isolated = st.isolated,
		.ctx = st.ops->ctx,
	};
	char err[256] = "";

	snprintf(conf.alias, sizeof(conf.alias), "dpdk-virtnet VUID%u", i);
	st_mac(i, conf.mac);
	assert_int_equal(st.ops->open(&conf, &st.port[i], err, sizeof(err)), 0);
	st.ops->set_features(st.port[i], ST_OFFLOADS);
	assert_int_equal(st.ops->queue_open(st.port[i], 0, st.pool, &st.q[i]), 0);
}

#define ST_ALL   0xffff /* broadcast */
#define ST_MULTI 0xfffe
/** A frame from MAC @p src to MAC @p dst (both as of st_mac()); vlan < 0: untagged. */
static inline struct rte_mbuf *
st_frame(unsigned int src, unsigned int dst, int vlan, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(st.pool), *tail;
	uint8_t *f;

	assert_non_null(m);
	f = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)RTE_MIN(len, 1500u));
	memset(f, 0x5a, m->data_len);
	for (uint32_t left = len - m->data_len; left > 0; left -= tail->data_len) {
		tail = rte_pktmbuf_alloc(st.pool);
		assert_non_null(tail);
		memset(rte_pktmbuf_append(tail, (uint16_t)RTE_MIN(left, 1500u)), 0x5b,
			RTE_MIN(left, 1500u));
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	}
	st_mac(dst, f);
	if (dst == ST_ALL)
		memset(f, 0xff, 6);
	if (dst == ST_MULTI)
		f[0] = 0x33;
	st_mac(src, f + 6);
	f[12] = vlan < 0 ? 0x08 : 0x81;
	f[13] = 0;
	if (vlan >= 0) {
		f[14] = (uint8_t)(vlan >> 8);
		f[15] = (uint8_t)vlan;
	}
	memset(rte_mbuf_to_priv(m), 0, VN_MBUF_PRIV_SIZE);
	return m;
}

static inline void
st_send(unsigned int from, unsigned int src, unsigned int dst, int vlan)
{
	struct rte_mbuf *m = st_frame(src, dst, vlan, 64);

	st.ops->tx_burst(st.q[from], &m, 1);
}

/** Frames that wait for device @p i, all taken. */
static inline unsigned int
st_recv(unsigned int i)
{
	struct rte_mbuf *m[32];
	unsigned int n = 0;
	uint16_t got;

	do {
		got = st.ops->rx_burst(st.q[i], m, 32);
		rte_pktmbuf_free_bulk(m, got);
		n += got;
	} while (got > 0);
	return n;
}

static inline struct vn_switch_stats
st_stats(void)
{
	struct vn_switch_info info;

	vn_switch_get_info(st.sw, &info);
	return info.stats;
}

#endif /* SWITCH_TEST_H */
