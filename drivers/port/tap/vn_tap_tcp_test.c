/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
/*
 * The kernel's own TCP over two TAPs, the test being the wire between them: with all offloads
 * frames stay big from end to end, and without any they are small. Every byte is compared.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "vn_features.h"

#include "tap_test.h"
#include "tap_test_io.h"

#define REP_B "en3f0pf0sf1001"
#define PORT  5001

/* Bytes of the stream, by place. */
static uint8_t
stream_byte(size_t at)
{
	return (uint8_t)(at ^ (at >> 8) * 7 ^ (at >> 16) * 13);
}

/* In a namespace of its own: tell @p ready to move the representor here, then receive. */
static int
server(size_t total, int ready, int go)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	static uint8_t buf[65536];
	size_t at = 0;
	ssize_t got;
	int s, c;

	if (unshare(CLONE_NEWNET) != 0 || write(ready, "n", 1) != 1 || read(go, buf, 1) != 1)
		return 1;
	if (system("ip addr add 192.0.2.2/24 dev " REP_B " && ip link set " REP_B " up") != 0)
		return 2;
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(s, 1) != 0 ||
		write(ready, "l", 1) != 1)
		return 3;
	c = accept(s, NULL, NULL);
	while ((got = read(c, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < got; i++)
			if (buf[i] != stream_byte(at++))
				return 4;
	if (got < 0 || at != total)
		return 5;
	return write(c, "k", 1) == 1 ? 0 : 6;
}

static int
client(size_t total)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	static uint8_t buf[65536];
	size_t at = 0;
	int s;

	inet_pton(AF_INET, "192.0.2.2", &a.sin_addr);
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(s, (struct sockaddr *)&a, sizeof(a)) != 0)
		return 1;
	while (at < total) {
		size_t n = RTE_MIN(sizeof(buf), total - at);

		for (size_t i = 0; i < n; i++)
			buf[i] = stream_byte(at++);
		for (size_t done = 0; done < n;) {
			ssize_t w = write(s, buf + done, n - done);

			if (w <= 0)
				return 2;
			done += (size_t)w;
		}
	}
	if (shutdown(s, SHUT_WR) != 0)
		return 3;
	return read(s, buf, 2) == 1 && buf[0] == 'k' ? 0 : 4;
}

/* Carry frames until both ends have gone. @return the longest frame. */
static uint32_t
wire(struct vn_port_queue *const q[2], int ends)
{
	struct pollfd p[3] = {
		{.fd = vn_tap_ops.queue_fd(q[0]), .events = POLLIN},
		{.fd = vn_tap_ops.queue_fd(q[1]), .events = POLLIN},
		{.fd = ends, .events = POLLIN}, /* end of file: nobody holds the other end */
	};
	struct rte_mbuf *pkts[32];
	uint32_t longest = 0;
	uint16_t n;

	for (;;) {
		assert_true(poll(p, 3, WAIT_MS) > 0);
		for (unsigned int i = 0; i < 2; i++) {
			n = vn_tap_ops.rx_burst(q[i], pkts, RTE_DIM(pkts));
			for (uint16_t k = 0; k < n; k++)
				longest = RTE_MAX(longest, pkts[k]->pkt_len);
			vn_tap_ops.tx_burst(q[1 - i], pkts, n);
		}
		if (p[2].revents != 0)
			return longest;
	}
}

static void
transfer(struct tap_fixture *fx, uint64_t features, size_t total, uint32_t *longest)
{
	struct vn_port_conf conf[2] = {conf_of(REP, 1), conf_of(REP_B, 1)};
	int ready[2], go[2], ends[2], status;
	struct vn_port_queue *q[2];
	struct vn_port *port[2];
	pid_t pid[2];
	char c;

	for (unsigned int i = 0; i < 2; i++) {
		port[i] = open_ok(&conf[i]);
		assert_int_equal(vn_tap_ops.set_features(port[i], features), 0);
	}
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(ends), 0);

	pid[0] = fork();
	if (pid[0] == 0) {
		close(ends[0]);
		_exit(server(total, ready[1], go[0]));
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	sh("ip link set " REP_B " netns %d", (int)pid[0]);
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'l');
	sh("ip addr add 192.0.2.1/24 dev " REP " && ip link set " REP " up");
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(vn_tap_ops.queue_open(port[i], 0, fx->pool, &q[i]), 0);
	pid[1] = fork();
	if (pid[1] == 0) {
		close(ends[0]);
		_exit(client(total));
	}
	close(ends[1]);

	*longest = wire(q, ends[0]);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		assert_int_equal(vn_tap_ops.queue_stats(q[i])->rx_errors, 0);
		assert_int_equal(vn_tap_ops.queue_stats(q[i])->rx_no_mbuf, 0);
		vn_tap_ops.destroy(port[i]);
	}
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	close(go[1]);
	close(ends[0]);
}

static void
big_frames(void **state)
{
	uint32_t longest;

	transfer(*state, vn_tap_ops.features(), 16 << 20, &longest);
	print_message("    longest frame: %u bytes\n", longest);
	assert_true(longest > 3 * 1514 && longest <= VN_MAX_FRAME);
}

static void
small_frames(void **state)
{
	uint32_t longest;

	transfer(*state, 0, 4 << 20, &longest);
	assert_int_equal(longest, 1514);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(big_frames, fixture_teardown),
		cmocka_unit_test_teardown(small_frames, fixture_teardown),
	};

	enter_netns();
	return cmocka_run_group_tests_name("vn_tap_tcp", tests, fixture_init, NULL);
}
