/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Uplinks, with net_ring as the NIC: the test looks into its ring, and puts frames there. */
#include "switch_test.h"

#include <errno.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "vn_poller.h"

static struct vn_poll_source *up[2];

static struct rte_ring *
wire(unsigned int i)
{
	return rte_ring_lookup(i == 0 ? "ETH_RXTX0_net_ring0" : "ETH_RXTX0_net_ring1");
}

/* Let uplink @p i work, and @return how many frames it has sent, all taken. */
static unsigned int
sent(unsigned int i)
{
	struct rte_mbuf *m[32];
	unsigned int n;

	up[i]->poll(up[i]);
	n = rte_ring_dequeue_burst(wire(i), (void **)m, 32, NULL);
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

/* A frame comes from the network. */
static void
arrives(unsigned int i, unsigned int src, unsigned int dst, int vlan)
{
	assert_int_equal(rte_ring_enqueue(wire(i), st_frame(src, dst, vlan, 64)), 0);
	up[i]->poll(up[i]);
}

static int
setup_n(unsigned int n)
{
	const struct vn_switch_conf conf = st_conf();
	char err[256] = "";

	st_create(&conf);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(vn_switch_add_uplink(st.sw, i == 0 ? "net_ring0" : "net_ring1",
					 &up[i], err, sizeof(err)),
			0);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return setup_n(1);
}

static int
setup_two(void **state)
{
	(void)state;
	return setup_n(2);
}

static void
test_to_network(void **state)
{
	(void)state;
	st_device(0, 1);
	st_device(1, 1);
	st_send(0, 0, 1, -1);
	assert_int_equal(sent(0), 0);
	assert_int_equal(st_recv(1), 1);
	st_send(0, 0, 99, -1); /* nobody knows it */
	st_send(0, 0, ST_ALL, 3);
	assert_int_equal(sent(0), 2);
	assert_int_equal(st_recv(1), 1);
	assert_int_equal(st_stats().unknown, 0);
}

static void
test_from_network(void **state)
{
	(void)state;
	st_device(0, 1);
	st_device(1, 1);
	arrives(0, 70, 0, -1);
	arrives(0, 70, 0, 9);
	assert_int_equal(st_recv(0), 2);
	arrives(0, 70, ST_ALL, -1);
	assert_int_equal(st_recv(0) + st_recv(1), 2);
	/* It does not go back, nor to a guest that it is not for. */
	arrives(0, 70, 99, -1);
	assert_int_equal(st_recv(0) + st_recv(1), 0);
	assert_int_equal(sent(0), 0);
	assert_int_equal(st_stats().unknown, 1);
	/* Our own frame, reflected: others have it. */
	arrives(0, 0, ST_ALL, -1);
	assert_int_equal(st_recv(0) + st_recv(1), 0);
	assert_int_equal(st_stats().own, 1);
	/* Somebody who was a guest's guest has moved out. */
	st_send(1, 50, 0, -1);
	arrives(0, 50, 0, -1);
	assert_int_equal(st_recv(0), 2);
	st_send(0, 0, 50, -1);
	assert_int_equal(sent(0), 1);
	assert_int_equal(st_recv(1), 0);
}

/* One that is isolated has the network, and the network has it. */
static void
test_isolated(void **state)
{
	(void)state;
	st.isolated = true;
	st_device(0, 1);
	st.isolated = false;
	st_device(1, 1);
	st_send(0, 0, 99, -1);
	st_send(0, 0, ST_ALL, -1);
	assert_int_equal(sent(0), 2);
	assert_int_equal(st_recv(1), 0);
	arrives(0, 70, 0, -1);
	arrives(0, 70, ST_ALL, -1);
	assert_int_equal(st_recv(0), 2);
	assert_int_equal(st_recv(1), 1);
	st_send(0, 0, 70, -1);
	st_send(0, 0, 1, -1);
	assert_int_equal(sent(0), 1);
	assert_int_equal(st_recv(1), 0);
	assert_int_equal(st_stats().filtered, 1);
	/* It uses an address of the network: that stays in reach of those who could not reach it.
	 */
	st_send(0, 70, 99, -1);
	assert_int_equal(sent(0), 1);
	st_send(1, 1, 70, -1);
	assert_int_equal(sent(0), 1);
	assert_int_equal(st_recv(0), 0);
	assert_int_equal(st_stats().filtered, 1);
}

static void
test_two(void **state)
{
	(void)state;
	st_device(0, 1);
	arrives(1, 70, 0, -1);
	assert_int_equal(st_recv(0), 1);
	st_send(0, 0, 70, -1);
	assert_int_equal(sent(0), 0);
	assert_int_equal(sent(1), 1);
	st_send(0, 0, 71, -1);
	assert_int_equal(sent(0), 1);
	assert_int_equal(sent(1), 1);
	/* No loop from one to the other. */
	arrives(1, 70, ST_ALL, -1);
	assert_int_equal(sent(0), 0);
	assert_int_equal(st_recv(0), 1);
	arrives(0, 72, 70, -1);
	assert_int_equal(sent(1), 0);
}

/* net_ring does no offloads. */
static void
test_offloads(void **state)
{
	struct rte_mbuf *m = st_frame(0, 99, -1, 54 + 3000), *out[8];
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);

	(void)state;
	st_device(0, 1);
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
	st.ops->tx_burst(st.q[0], &m, 1);
	up[0]->poll(up[0]);
	assert_int_equal(rte_ring_dequeue_burst(wire(0), (void **)out, 8, NULL), 3);
	assert_int_equal(out[0]->pkt_len, 54 + 1448);
	assert_int_equal(vn_mbuf_hdr(out[0])->flags, 0);
	rte_pktmbuf_free_bulk(out, 3);
}

/* Frames of a buffer that is not ours, and frames that are none. */
static void
test_foreign(void **state)
{
	struct rte_mempool *other = rte_pktmbuf_pool_create(
		"other", 15, 0, 0, RTE_PKTMBUF_HEADROOM + 256, SOCKET_ID_ANY);
	struct rte_mbuf *m, *got;

	(void)state;
	assert_non_null(other);
	st_device(0, 1);
	m = rte_pktmbuf_alloc(other);
	memset(rte_pktmbuf_append(m, 60), 0x11, 60);
	st_mac(0, rte_pktmbuf_mtod(m, uint8_t *));
	st_mac(70, rte_pktmbuf_mtod(m, uint8_t *) + 6);
	assert_int_equal(rte_ring_enqueue(wire(0), m), 0);
	up[0]->poll(up[0]);
	assert_int_equal(st.ops->rx_burst(st.q[0], &got, 1), 1);
	assert_ptr_equal(got->pool, st.pool);
	assert_int_equal(got->pkt_len, 60);
	rte_pktmbuf_free(got);
	assert_int_equal(rte_mempool_avail_count(other), 15);
	rte_mempool_free(other);

	m = st_frame(70, 0, -1, 64);
	m->pkt_len = m->data_len = 13;
	assert_int_equal(rte_ring_enqueue(wire(0), m), 0);
	up[0]->poll(up[0]);
	assert_int_equal(st_recv(0), 0);
	assert_int_equal(st_stats().bad, 1);
}

static void
test_none(void **state)
{
	struct vn_switch_info info;
	char err[256] = "";

	(void)state;
	assert_true(vn_switch_add_uplink(st.sw, "net_ring7", &up[0], err, sizeof(err)) < 0);
	assert_string_equal(err,
		"switch.uplinks: there is no DPDK port \"net_ring7\": give it to the EAL (-a PCI, "
		"or --vdev=net_ring7)");
	vn_switch_get_info(st.sw, &info);
	assert_int_equal(info.uplinks, 0);
}

/* A poller that is about to sleep sees what came last. */
static void
test_arm(void **state)
{
	(void)state;
	st_device(0, 1);
	assert_int_equal(up[0]->n_fds, 0); /* net_ring has no interrupts */
	assert_false(up[0]->arm(up[0], true));
	up[0]->arm(up[0], false);
	st_send(0, 0, 99, -1);
	assert_true(up[0]->arm(up[0], true));
	up[0]->arm(up[0], false);
	assert_int_equal(sent(0), 1);
	assert_int_equal(rte_ring_enqueue(wire(0), st_frame(70, 0, -1, 64)), 0);
	assert_true(up[0]->arm(up[0], true));
	up[0]->arm(up[0], false);
	assert_int_equal(st_recv(0), 1);
}

static int
group_setup(void **state)
{
	if (st_group_setup(state) != 0)
		return -1;
	return rte_eal_hotplug_add("vdev", "net_ring0", "") == 0 &&
			       rte_eal_hotplug_add("vdev", "net_ring1", "") == 0
		       ? 0
		       : -1;
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, st_teardown)
	const struct CMUnitTest tests[] = {
		T(test_to_network),
		T(test_from_network),
		T(test_isolated),
		cmocka_unit_test_setup_teardown(test_two, setup_two, st_teardown),
		T(test_offloads),
		T(test_foreign),
		cmocka_unit_test_setup_teardown(test_none, st_setup, st_teardown),
		T(test_arm),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
