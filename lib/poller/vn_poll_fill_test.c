/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames that a port puts straight into the driver's buffers. The port is the test's: it reads
 * from a socket, as a TAP does.
 */

#include "poller_test_qp.h"
#include "vn_virtq_fill.h"

#define LEN    100u
#define BUFFER (VN_NET_HDR_LEN + LEN)

struct vn_rx_rules {
	bool trivial;
};

static struct {
	struct vn_poll_qp *by_number[1];
	struct vn_poll_group group;
	struct vn_rx_rules rules;
	unsigned int filled, asked; /* poller writes */
	bool refuse;                /* poller reads */
} g;

static struct vn_port_ops ops;

/* Rules that let all pass, and leave it where it is. */
int
vn_rx_rules_apply(const struct vn_rx_rules *rules, struct rte_mbuf *m, uint16_t from)
{
	(void)rules;
	(void)m;
	return from;
}

int
vn_rx_rules_apply_view(const struct vn_rx_rules *rules, const struct vn_view *view,
	struct vn_net_hdr_hash *hdr, uint16_t from)
{
	(void)rules;
	(void)view;
	(void)hdr;
	return from;
}

bool
vn_rx_rules_trivial(const struct vn_rx_rules *rules)
{
	return rules->trivial;
}

static unsigned int
number(const unsigned int *n)
{
	return __atomic_load_n(n, __ATOMIC_ACQUIRE);
}

static uint16_t
rx_fill(struct vn_port_queue *q, struct vn_virtq *rx, uint16_t n, bool *empty)
{
	struct vn_net_hdr hdr;
	uint16_t got = 0;
	struct vn_fill f;
	uint8_t more;

	__atomic_fetch_add(&g.asked, 1, __ATOMIC_RELEASE);
	*empty = false;
	if (__atomic_load_n(&g.refuse, __ATOMIC_ACQUIRE) || !vn_virtq_fill_begin(rx, &f, LEN))
		return 0;
	while (got < n && vn_virtq_fill_next(rx, &f)) {
		ssize_t len;

		f.iov[-1] = (struct iovec){&hdr, sizeof(hdr)};
		f.iov[f.n] = (struct iovec){&more, sizeof(more)};
		len = readv(q->fd, f.iov - 1, (int)f.n + 2);
		if (len < (ssize_t)sizeof(hdr)) {
			*empty = true;
			break;
		}
		vn_virtq_fill_take(rx, &f, &hdr, (uint64_t)len - sizeof(hdr));
		got++;
	}
	vn_virtq_fill_end(rx);
	__atomic_fetch_add(&g.filled, got, __ATOMIC_RELEASE);
	return got;
}

static int
fill_setup(void **state)
{
	if (setup(state) != 0)
		return -1;
	memset(&g, 0, sizeof(g));
	ops = fp_ops;
	ops.rx_fill = rx_fill;
	g.rules.trivial = true;
	g.by_number[0] = &t.qp;
	g.group = (struct vn_poll_group){.qp = g.by_number, .n = 1, .rules = &g.rules};
	t.qp.ops = &ops;
	t.qp.group = &g.group;
	return 0;
}

/* The frame with the tag @p tag comes to the driver. */
static void
expect(uint32_t tag)
{
	int64_t got;

	UNTIL((got = take(LEN)) >= 0);
	assert_int_equal(got, tag);
}

static void
in_place(void **state)
{
	(void)state;
	attach_all();
	for (unsigned int i = 0; i < 8; i++)
		post(BUFFER);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(fp_send(t.pq, i, LEN));
	for (unsigned int i = 0; i < 8; i++)
		expect(i);
	assert_int_equal(number(&g.filled), 8);
	assert_int_equal(fp_calls(FP_RX), 0);
	UNTIL(pe_asleep());
}

/* What the port does not put itself comes by mbufs, in order. */
static void
the_other_way(void **state)
{
	(void)state;
	attach_all();
	for (unsigned int i = 0; i < 12; i++)
		post(BUFFER);
	assert_true(fp_send(t.pq, 0, LEN));
	expect(0);
	__atomic_store_n(&g.refuse, true, __ATOMIC_RELEASE);
	for (unsigned int i = 1; i < 7; i++)
		assert_true(fp_send(t.pq, i, LEN));
	for (unsigned int i = 1; i < 7; i++)
		expect(i);
	assert_int_equal(number(&g.filled), 1);
	__atomic_store_n(&g.refuse, false, __ATOMIC_RELEASE);
	assert_true(fp_send(t.pq, 7, LEN));
	expect(7);
	assert_int_equal(number(&g.filled), 2);
}

/* Without buffers frames wait, the poller sleeps, and the driver wakes it. */
static void
no_buffers(void **state)
{
	(void)state;
	attach_all();
	for (unsigned int i = 0; i < 4; i++)
		post(BUFFER);
	for (unsigned int i = 0; i < 10; i++)
		assert_true(fp_send(t.pq, i, LEN));
	for (unsigned int i = 0; i < 4; i++)
		expect(i);
	UNTIL(pe_asleep());
	assert_int_equal(take(LEN), -1);
	for (unsigned int i = 4; i < 10; i++) {
		assert_true(post(BUFFER));
		expect(i);
		UNTIL(pe_asleep());
	}
	assert_int_equal(t.rx.stats.packets, 10);
}

static void
set_trivial(struct vn_poller *p, void *trivial)
{
	(void)p;
	g.rules.trivial = *(bool *)trivial;
}

/* While rules are in force, they see all frames. */
static void
rules_set_and_gone(void **state)
{
	bool trivial = false;
	unsigned int asked;

	(void)state;
	attach_all();
	for (unsigned int i = 0; i < 12; i++)
		post(BUFFER);
	assert_true(fp_send(t.pq, 0, LEN));
	expect(0);
	assert_int_equal(number(&g.filled), 1);
	pe_call(set_trivial, &trivial);
	asked = number(&g.asked);
	for (unsigned int i = 1; i < 5; i++)
		assert_true(fp_send(t.pq, i, LEN));
	for (unsigned int i = 1; i < 5; i++)
		expect(i);
	assert_int_equal(number(&g.asked), asked);
	trivial = true;
	pe_call(set_trivial, &trivial);
	assert_true(fp_send(t.pq, 5, LEN));
	expect(5);
	assert_int_equal(number(&g.filled), 2);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fill_setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(in_place),
		T(the_other_way),
		T(no_buffers),
		T(rules_set_and_gone),
	};

	return env_run_both(tests, pe_group_setup, env_teardown);
}
