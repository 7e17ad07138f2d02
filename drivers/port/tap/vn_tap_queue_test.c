/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/* Queues come and go: where frames go meanwhile, and that nothing is lost of ours. */
#include <signal.h>

#include "tap_test.h"
#include "tap_test_io.h"

/* A driver gets no frame from before it came. */
static void
no_stale_frames(void **state)
{
	const uint16_t pairs[] = {1, 4};
	struct tap_fixture *fx = *state;
	struct rte_mbuf *pkts[8];
	uint8_t zero[100];
	int status;
	pid_t pid;

	for (unsigned int p = 0; p < RTE_DIM(pairs); p++) {
		fixture_open(fx, pairs[p], 1500);
		/* waiting when the queue is closed; sent while it is */
		send_on_netdev(fx, 1, 100);
		await(vn_tap_ops.queue_fd(fx->q[0]));
		fixture_queues_close(fx);
		send_on_netdev(fx, 2, 100);
		assert_true(link_of(REP).carrier);
		assert_false(fd_readable(fx->port->fd));
		/* the one destination that the filter on a closed queue lets pass */
		fill_frame(2, zero, sizeof(zero));
		memset(zero, 0, RTE_ETHER_ADDR_LEN);
		send_raw(fx, NULL, zero, sizeof(zero));
		fixture_queues_open(fx, 1);
		assert_false(readable(fx, 0));
		assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 8), 0);
		send_on_netdev(fx, 3, 100);
		await(vn_tap_ops.queue_fd(fx->q[0]));
		assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 8), 1);
		expect_mbuf(pkts[0], 3, 100);
		rte_pktmbuf_free(pkts[0]);

		/* waiting when the process dies; sent between adoption and the driver */
		fixture_port_close(fx);
		pid = fork();
		if (pid == 0) {
			struct vn_port_conf conf = conf_of(REP, pairs[p]);
			char err[256];

			if (vn_tap_ops.open(&conf, &fx->port, err, sizeof(err)) != 0 ||
				vn_tap_ops.queue_open(fx->port, 0, fx->pool, &fx->q[0]) != 0)
				_exit(1);
			await_active(REP);
			send_on_netdev(fx, 4, 100);
			await(vn_tap_ops.queue_fd(fx->q[0]));
			kill(getpid(), SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		fixture_port_open(fx, pairs[p], 1500);
		send_on_netdev(fx, 5, 100);
		fixture_queues_open(fx, 1);
		assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 8), 0);
		send_on_netdev(fx, 6, 100);
		await(vn_tap_ops.queue_fd(fx->q[0]));
		assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 8), 1);
		expect_mbuf(pkts[0], 6, 100);
		rte_pktmbuf_free(pkts[0]);
		fixture_close(fx);
	}
}

#define FLOWS 64

/* Send FLOWS flows and find each frame once in the open queues. @return mask of queues used. */
static uint32_t
flows(struct tap_fixture *fx)
{
	struct rte_mbuf *pkts[FLOWS];
	uint8_t frame[200], got[200];
	bool seen[FLOWS] = {false};
	unsigned int total = 0;
	uint32_t mask = 0;
	uint16_t n;

	for (unsigned int i = 0; i < FLOWS; i++) {
		make_udp(i, frame, sizeof(frame));
		send_raw(fx, NULL, frame, sizeof(frame));
	}
	for (unsigned int k = 0; k < RTE_DIM(fx->q); k++) {
		if (fx->q[k] == NULL)
			continue;
		n = vn_tap_ops.rx_burst(fx->q[k], pkts, FLOWS);
		for (uint16_t i = 0; i < n; i++) {
			unsigned int id;

			assert_int_equal(pkts[i]->pkt_len, sizeof(got));
			expect_udp(pkts[i], sizeof(got), &id);
			assert_true(id < FLOWS && !seen[id]);
			seen[id] = true;
		}
		if (n > 0)
			mask |= RTE_BIT32(k);
		total += n;
		rte_pktmbuf_free_bulk(pkts, n);
	}
	assert_true(mask == 0 || total == FLOWS);
	return mask;
}

/* A driver that uses fewer queues than there could be gets all frames in those. */
static void
multi_queue(void **state)
{
	struct tap_fixture *fx = *state;
	struct rte_mbuf *pkt;

	fixture_open(fx, 4, 1500);
	assert_int_equal(flows(fx), 0x1);
	assert_int_equal(vn_tap_ops.queue_open(fx->port, 2, fx->pool, &fx->q[2]), 0);
	assert_int_equal(vn_tap_ops.queue_open(fx->port, 3, fx->pool, &fx->q[3]), 0);
	assert_int_equal(flows(fx), 0xd);
	for (unsigned int k = 0; k < 4; k++) {
		if (fx->q[k] == NULL)
			continue;
		pkt = make_frame(fx, k, 100 + k, 2048);
		vn_tap_ops.tx_burst(fx->q[k], &pkt, 1);
		expect_on_netdev(fx, k, 100 + k);
	}
	vn_tap_ops.queue_close(fx->q[0]);
	fx->q[0] = NULL;
	assert_int_equal(flows(fx), 0xc);
	fixture_queues_close(fx);
	assert_int_equal(flows(fx), 0);
	assert_true(link_of(REP).carrier);
	fixture_queues_open(fx, 4);
	assert_int_equal(flows(fx), 0xf);
}

static void
bad_queues(void **state)
{
	const uint16_t pairs[] = {1, 4};
	struct tap_fixture *fx = *state;
	struct vn_port_queue *q = NULL;
	struct rte_mempool *small, *bare;

	small = rte_pktmbuf_pool_create(
		"small", 8, 0, VN_MBUF_PRIV_SIZE, RTE_PKTMBUF_HEADROOM + 32, SOCKET_ID_ANY);
	bare = rte_pktmbuf_pool_create("bare", 8, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	assert_non_null(small);
	assert_non_null(bare);
	for (unsigned int p = 0; p < RTE_DIM(pairs); p++) {
		fixture_open(fx, pairs[p], 1500);
		assert_int_equal(vn_tap_ops.queue_open(fx->port, 0, fx->pool, &q), -EBUSY);
		assert_int_equal(vn_tap_ops.queue_open(fx->port, pairs[p], fx->pool, &q), -EINVAL);
		assert_int_equal(
			vn_tap_ops.queue_open(fx->port, UINT16_MAX, fx->pool, &q), -EINVAL);
		fixture_queues_close(fx);
		assert_int_equal(vn_tap_ops.queue_open(fx->port, 0, small, &q), -EINVAL);
		assert_int_equal(vn_tap_ops.queue_open(fx->port, 0, bare, &q), -EINVAL);
		assert_null(q);
		fixture_close(fx);
	}
	rte_mempool_free(small);
	rte_mempool_free(bare);
}

/* The representor is deleted under a running queue. */
static void
removed_in_use(void **state)
{
	const uint16_t pairs[] = {1, 4};
	struct tap_fixture *fx = *state;
	struct rte_mbuf *pkts[4];
	unsigned int fds;

	for (unsigned int p = 0; p < RTE_DIM(pairs); p++) {
		fixture_open(fx, pairs[p], 1500);
		fds = count_fds();
		sh("ip link del " REP);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(vn_tap_ops.rx_burst(fx->q[0], pkts, 4), 0);
		assert_int_equal(stats_of(fx, 0)->rx_errors, 1);
		pkts[0] = make_frame(fx, 0, 100, 2048);
		vn_tap_ops.tx_burst(fx->q[0], pkts, 1);
		assert_int_equal(stats_of(fx, 0)->tx_dropped, 1);
		fixture_queues_close(fx);
		/* The next driver gets a new one. */
		fixture_queues_open(fx, 1);
		fixture_socket(fx);
		assert_int_equal(count_fds(), fds);
		assert_false(info_of(fx->port).adopted);
		pkts[0] = make_frame(fx, 1, 100, 2048);
		vn_tap_ops.tx_burst(fx->q[0], pkts, 1);
		expect_on_netdev(fx, 1, 100);
		fixture_close(fx);
	}
}

static void
moved_multi_queue(void **state)
{
	struct tap_fixture *fx = *state;
	struct vn_port_queue *q = NULL;
	struct other_ns ns = other_ns_start();

	fixture_open(fx, 4, 1500);
	sh("ip link set " REP " netns %d", (int)ns.pid);
	assert_int_equal(vn_tap_ops.queue_open(fx->port, 1, fx->pool, &q), -ENODEV);
	/* No second one was made where we are. */
	assert_false(exists(REP));
	fixture_close(fx);
	other_ns_end(&ns);
}

/* No descriptor and no mbuf is lost, whatever is opened and closed. */
static void
cycles(void **state)
{
	const uint16_t pairs[] = {1, 4};
	struct tap_fixture *fx = *state;
	const unsigned int n = rounds("open and close", 1000, 60);
	struct rte_mbuf *pkts[8];
	unsigned int fds, mbufs;

	for (unsigned int p = 0; p < RTE_DIM(pairs); p++) {
		fds = 0;
		mbufs = rte_mempool_avail_count(fx->pool);
		for (unsigned int i = 0; i < n; i++) {
			struct vn_port_conf conf = conf_of(REP, pairs[p]);

			fx->port = open_ok(&conf);
			for (unsigned int k = 0; k < pairs[p]; k++) {
				struct vn_port_queue *q;

				assert_int_equal(
					vn_tap_ops.queue_open(fx->port, (uint16_t)k, fx->pool, &q),
					0);
				assert_int_equal(vn_tap_ops.rx_burst(q, pkts, 8), 0);
				if (k % 2 == 0)
					vn_tap_ops.queue_close(q); /* else close() does it */
			}
			open_fails(&conf, -EBUSY, "held");
			if (i % 10 == 9)
				vn_tap_ops.destroy(fx->port);
			else
				vn_tap_ops.close(fx->port);
			fx->port = NULL;
			if (i == 0)
				fds = count_fds();
			assert_int_equal(count_fds(), fds);
			assert_int_equal(rte_mempool_avail_count(fx->pool), mbufs);
		}
		if (exists(REP))
			sh("ip link del " REP);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(no_stale_frames, fixture_teardown),
		cmocka_unit_test_teardown(multi_queue, fixture_teardown),
		cmocka_unit_test_teardown(bad_queues, fixture_teardown),
		cmocka_unit_test_teardown(removed_in_use, fixture_teardown),
		cmocka_unit_test_teardown(moved_multi_queue, fixture_teardown),
		cmocka_unit_test_teardown(cycles, fixture_teardown),
	};

	enter_netns();
	return cmocka_run_group_tests_name("vn_tap_queue", tests, fixture_init, NULL);
}
