/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* A port without a netdev: it takes everything, counts it, and gives nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "vn_features.h"
#include "vn_internal.h"
#include "vn_net_hdr.h"

#define OPS (&vn_internal_ops)

static struct rte_mempool *pool;

static struct vn_port *
open_port(uint16_t pairs)
{
	const struct vn_port_conf conf = {
		.name = "en3f0pf0sf3000",
		.alias = "dpdk-virtnet TESTVNETS0D0F0VF1",
		.max_queue_pairs = pairs,
		.mtu = 1500,
		.link_up = true,
	};
	struct vn_port *port = NULL;
	char err[256] = "";

	assert_int_equal(OPS->open(&conf, &port, err, sizeof(err)), 0);
	assert_non_null(port);
	return port;
}

/* It is ready at once, without a name and a number that nobody could find. */
static void
test_info(void **state)
{
	struct vn_port *port = open_port(1);
	struct vn_port_info info;

	(void)state;
	assert_false(OPS->netdev);
	assert_int_equal(OPS->get_info(port, &info), 0);
	assert_true(info.ready);
	assert_string_equal(info.name, "");
	assert_int_equal(info.ifindex, 0);
	assert_int_equal(info.mtu, 1500);
	assert_false(info.adopted);
	assert_int_equal(OPS->set_mtu(port, 9000), 0);
	assert_int_equal(OPS->set_mtu(port, 1000), 0);
	assert_int_equal(OPS->get_info(port, &info), 0);
	assert_int_equal(info.mtu, 9000);
	assert_int_equal(OPS->set_link(port, false), 0);
	assert_int_equal(OPS->set_features(port, UINT64_MAX), 0);
	OPS->close(port);
	assert_true(OPS->features() & VN_NET_F_HOST_TSO4);
	assert_true(OPS->features() & VN_NET_F_GUEST_CSUM);
}

static void
test_queues(void **state)
{
	struct vn_port *port = open_port(2);
	struct vn_port_queue *q[2], *other;
	struct rte_mbuf *m[4];
	struct pollfd pfd = {.events = POLLIN};
	unsigned int before = rte_mempool_avail_count(pool);

	(void)state;
	assert_int_equal(OPS->queue_open(port, 0, pool, &q[0]), 0);
	assert_int_equal(OPS->queue_open(port, 1, pool, &q[1]), 0);
	assert_int_equal(OPS->queue_open(port, 1, pool, &other), -EBUSY);
	assert_int_equal(OPS->queue_open(port, 2, pool, &other), -EINVAL);

	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, m, 4), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_non_null(rte_pktmbuf_append(m[i], (uint16_t)(60 + i)));
	/* A frame in two pieces counts once, with all its bytes. */
	assert_int_equal(rte_pktmbuf_chain(m[0], m[3]), 0);
	OPS->tx_burst(q[0], m, 3);
	assert_int_equal(OPS->queue_stats(q[0])->tx_packets, 3);
	assert_int_equal(OPS->queue_stats(q[0])->tx_bytes, 60 + 61 + 62 + 63);
	assert_int_equal(OPS->queue_stats(q[0])->tx_dropped, 0);
	assert_int_equal(OPS->queue_stats(q[1])->tx_packets, 0);
	assert_int_equal(rte_mempool_avail_count(pool), before);

	pfd.fd = OPS->queue_fd(q[0]);
	assert_true(pfd.fd >= 0);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(OPS->rx_burst(q[0], m, 4), 0);

	OPS->queue_close(q[0]);
	assert_int_equal(OPS->queue_open(port, 0, pool, &q[0]), 0);
	assert_int_equal(OPS->queue_stats(q[0])->tx_packets, 0);
	OPS->queue_close(q[0]);
	OPS->destroy(port); /* with a queue that is still open */
}

int
main(void)
{
	static char arg[][32] = {"test", "--no-huge", "--no-pci", "-m", "64", "--no-shconf",
		"--no-telemetry", "--log-level=lib.eal:error", "-d", "librte_mempool_ring.so"};
	char *eal[RTE_DIM(arg) + 1] = {NULL};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_queues),
	};
	int ret;

	for (unsigned int i = 0; i < RTE_DIM(arg); i++)
		eal[i] = arg[i];
	if (rte_eal_init((int)RTE_DIM(arg), eal) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create(
		"t", 63, 0, VN_MBUF_PRIV_SIZE, RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rte_mempool_free(pool);
	rte_eal_cleanup();
	return ret;
}
