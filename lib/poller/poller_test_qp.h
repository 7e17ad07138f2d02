/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef POLLER_TEST_QP_H
#define POLLER_TEST_QP_H

/** @file Test code: a queue pair with a driver at its rings and the test at its port. */

#include <rte_atomic.h>

#include "poller_test_env.h"

#define RING     16
#define FEATURES (VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF)

/* One ring, its driver, and its descriptors. */
struct ring {
	struct model_driver md;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
	int kick, call;
};

static struct {
	struct vn_poll_qp qp;
	struct vn_port *port;
	struct vn_port_queue *pq;
	struct ring rx, tx;
	unsigned int broken_told; /* poller writes */
} t;

static inline void
on_broken(struct vn_poll_qp *qp)
{
	(void)qp;
	__atomic_fetch_add(&t.broken_told, 1, __ATOMIC_RELEASE);
}

static inline void
ring_make_size(struct ring *r, bool is_rx, uint64_t features, uint16_t size)
{
	struct vn_virtq_conf conf;

	memset(r, 0, sizeof(*r));
	md_init(&r->md, 1, size, features & VN_F_RING_PACKED ? VN_VRING_PACKED_START : 0, features,
		is_rx, 0);
	r->md.plain = true;
	r->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_true(r->kick >= 0 && r->call >= 0);
	conf = md_conf(&r->md, &r->stats);
	conf.call_fd = r->call;
	assert_int_equal(vn_virtq_create(&conf, &r->vq), 0);
}

static inline void
ring_make(struct ring *r, bool is_rx, uint64_t features)
{
	ring_make_size(r, is_rx, features, RING);
}

static inline void
ring_free(struct ring *r)
{
	vn_virtq_free(r->vq);
	md_fini(&r->md);
	close(r->kick);
	close(r->call);
}

static inline int
setup(void **state)
{
	char err[256];

	if (pe_setup(state) != 0)
		return -1;
	memset(&t, 0, sizeof(t));
	t.qp.ops = &fp_ops;
	t.qp.pool = env_pool;
	t.qp.on_broken = on_broken;
	ring_make(&t.rx, true, FEATURES | env_ring);
	ring_make(&t.tx, false, FEATURES | env_ring);
	assert_int_equal(
		fp_ops.open(&(struct vn_port_conf){.name = "p"}, &t.port, err, sizeof(err)), 0);
	assert_int_equal(fp_ops.queue_open(t.port, 0, env_pool, &t.pq), 0);
	return 0;
}

static inline void
attach_rx(struct vn_poller *p, void *kick)
{
	vn_poll_qp_attach_ring(p, &t.qp, true, t.rx.vq, kick == NULL ? -1 : *(int *)kick);
}

static inline void
attach_tx(struct vn_poller *p, void *kick)
{
	vn_poll_qp_attach_ring(p, &t.qp, false, t.tx.vq, kick == NULL ? -1 : *(int *)kick);
}

static inline void
attach_port(struct vn_poller *p, void *pq)
{
	vn_poll_qp_attach_port(p, &t.qp, pq);
}

static inline void
detach_rx(struct vn_poller *p, void *vq)
{
	*(struct vn_virtq **)vq = vn_poll_qp_detach_ring(p, &t.qp, true);
}

static inline void
detach_tx(struct vn_poller *p, void *vq)
{
	*(struct vn_virtq **)vq = vn_poll_qp_detach_ring(p, &t.qp, false);
}

static inline void
detach_port(struct vn_poller *p, void *pq)
{
	*(struct vn_port_queue **)pq = vn_poll_qp_detach_port(p, &t.qp);
}

static inline int
teardown(void **state)
{
	struct vn_virtq *vq;
	struct vn_port_queue *pq;

	for (unsigned int i = 0; i < FP_CALLS; i++)
		fp_release(i);
	pe_call(detach_rx, &vq);
	pe_call(detach_tx, &vq);
	pe_call(detach_port, &pq);
	assert_false(t.qp.linked);
	fp_ops.queue_close(t.pq);
	fp_ops.close(t.port);
	ring_free(&t.rx);
	ring_free(&t.tx);
	return pe_teardown(state);
}

/* All of a pair that works. */
static inline void
attach_all(void)
{
	pe_call(attach_port, t.pq);
	pe_call(attach_rx, &t.rx.kick);
	pe_call(attach_tx, &t.tx.kick);
}

/* The driver makes a receive buffer available, and kicks if it is asked to. */
static inline bool
post(uint32_t len)
{
	const uint16_t old = t.rx.md.next_avail;
	bool kick;

	assert_true(md_add(&t.rx.md, NULL, len));
	rte_smp_mb();
	kick = md_wants_kick(&t.rx.md, old);
	if (kick)
		pe_kick(t.rx.kick);
	return kick;
}

/* The driver takes a frame. @return its tag, or -1. */
static inline int64_t
take(uint32_t len)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 2048];
	struct md_chain chain;
	uint32_t tag;
	int64_t got = md_get(&t.rx.md, &chain);

	if (got < 0)
		return -1;
	assert_int_equal(got, sizeof(struct vn_net_hdr) + len);
	md_chain_read(&t.rx.md, &chain, buf, got);
	memcpy(&tag, buf + sizeof(struct vn_net_hdr), sizeof(tag));
	return tag;
}

/* The driver sends. */
static inline bool
driver_send(uint32_t tag, uint32_t len)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 2048] = {0};
	const uint16_t old = t.tx.md.next_avail;
	struct md_chain chain;

	while (md_get(&t.tx.md, &chain) >= 0)
		;
	memcpy(buf + sizeof(struct vn_net_hdr), &tag, sizeof(tag));
	if (!md_add(&t.tx.md, buf, sizeof(struct vn_net_hdr) + len))
		return false;
	rte_smp_mb();
	if (md_wants_kick(&t.tx.md, old))
		pe_kick(t.tx.kick);
	return true;
}

#define QP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* POLLER_TEST_QP_H */
