/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "ring.h"
#include "vn_features.h"
#include "vn_net_hdr.h"

/* Where the parts of a ring lie in its memory. */
#define AVAIL_AT  (RING_SIZE * sizeof(struct vn_vring_desc))
#define USED_AT   8192
#define DATA_AT   12288
#define PAIR_SIZE 16384

static uint16_t
rx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	RTE_SET_USED(q);
	RTE_SET_USED(pkts);
	RTE_SET_USED(n);
	return 0;
}

static void
tx_burst(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct pair *pair = q->pair;

	if (__atomic_load_n(&pair->got_first, __ATOMIC_RELAXED) == 0)
		__atomic_store_n(&pair->got_first, rte_get_tsc_cycles(), __ATOMIC_RELEASE);
	__atomic_store_n(&pair->sent, pair->sent + n, __ATOMIC_RELEASE);
	rte_pktmbuf_free_bulk(pkts, n);
	/* All descriptors are alike, so whichever comes next will do. */
	if (pair->endless)
		__atomic_store_n(&pair->avail->idx, pair->used->idx + RING_SIZE, __ATOMIC_RELEASE);
}

static int
queue_fd(struct vn_port_queue *q)
{
	return q->fd;
}

static const struct vn_port_ops port_ops = {
	.kind = "none",
	.rx_burst = rx_burst,
	.tx_burst = tx_burst,
	.queue_fd = queue_fd,
};

static void
on_broken(struct vn_poll_qp *qp)
{
	RTE_SET_USED(qp);
}

static int
pair_init(struct pairs *ps, unsigned int i, enum told told, struct rte_mempool *pool)
{
	const uint64_t gpa = (uint64_t)i * PAIR_SIZE;
	struct pair *p = &ps->pair[i];
	struct vn_vring_desc *desc = (void *)(ps->base + gpa);
	const struct vn_virtq_conf conf = {
		.size = RING_SIZE,
		.features = VN_F_VERSION_1 | VN_F_EVENT_IDX,
		.desc_gpa = gpa,
		.avail_gpa = gpa + AVAIL_AT,
		.used_gpa = gpa + USED_AT,
		.mem = ps->mem,
		.call_fd = -1,
		.stats = &p->stats,
	};

	p->avail = (void *)(ps->base + gpa + AVAIL_AT);
	p->used = (void *)(ps->base + gpa + USED_AT);
	for (unsigned int k = 0; k < RING_SIZE; k++) {
		desc[k].addr = rte_cpu_to_le_64(gpa + DATA_AT);
		desc[k].len = rte_cpu_to_le_32(sizeof(struct vn_net_hdr) + FRAME_LEN);
		p->avail->ring[k] = rte_cpu_to_le_16((uint16_t)k);
	}
	p->told = told;
	p->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	p->pq = (struct vn_port_queue){.pair = p, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	if (p->kick < 0 || p->pq.fd < 0)
		return -errno;
	p->qp = (struct vn_poll_qp){.ops = &port_ops, .pool = pool, .on_broken = on_broken};
	return vn_virtq_create(&conf, &p->vq);
}

int
pairs_create(struct pairs *ps, unsigned int n, enum told told, struct rte_mempool *pool)
{
	struct vn_gm_region r = {.size = (uint64_t)n * PAIR_SIZE};
	int fd = memfd_create("rings", MFD_CLOEXEC), rc;

	*ps = (struct pairs){.n = n, .size = r.size, .base = MAP_FAILED};
	ps->pair = calloc(n, sizeof(ps->pair[0]));
	ps->reg = vn_gm_registry_create(4);
	if (ps->pair == NULL || ps->reg == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++)
		ps->pair[i].kick = ps->pair[i].pq.fd = -1;
	if (fd < 0 || ftruncate(fd, (off_t)ps->size) != 0)
		return -errno;
	ps->base = mmap(NULL, ps->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ps->base == MAP_FAILED)
		return -errno;
	rc = vn_gm_file_map(ps->reg, fd, 0, ps->size, false, &r.file);
	close(fd);
	if (rc != 0)
		return rc;
	rc = vn_guestmem_create(&r, 1, &ps->mem);
	vn_gm_file_unref(r.file);
	for (unsigned int i = 0; i < n && rc == 0; i++)
		rc = pair_init(ps, i, told, pool);
	return rc;
}

void
pairs_destroy(struct pairs *ps)
{
	for (unsigned int i = 0; i < ps->n; i++) {
		vn_virtq_free(ps->pair[i].vq);
		close(ps->pair[i].kick);
		close(ps->pair[i].pq.fd);
	}
	free(ps->pair);
	if (ps->mem != NULL)
		vn_guestmem_unref(ps->mem);
	if (ps->base != MAP_FAILED)
		munmap(ps->base, ps->size);
	vn_gm_registry_destroy(ps->reg);
}

void
pair_attach(struct vn_poller *p, struct pair *pair)
{
	static const int by[] = {[TOLD_BY_WAKE] = VN_KICK_WAKE, [TOLD_BY_NONE] = -1};

	vn_poll_qp_attach_port(p, &pair->qp, &pair->pq);
	vn_poll_qp_attach_ring(p, &pair->qp, false, pair->vq,
		pair->told == TOLD_BY_FD ? pair->kick : by[pair->told]);
}

void
pair_detach(struct vn_poller *p, struct pair *pair)
{
	vn_poll_qp_detach_ring(p, &pair->qp, false);
	vn_poll_qp_detach_port(p, &pair->qp);
}

bool
pair_send(struct vn_poller *p, struct pair *pair)
{
	const uint16_t old = pair->avail->idx;
	const uint64_t one = 1;
	const rte_le16_t *event = (const void *)&pair->used->ring[RING_SIZE];
	bool asked;

	__atomic_store_n(&pair->avail->idx, old + 1, __ATOMIC_RELEASE);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	asked = vn_vring_need_event(
		rte_le_to_cpu_16(__atomic_load_n(event, __ATOMIC_RELAXED)), old + 1, old);
	if (!asked || pair->told == TOLD_BY_NONE)
		return asked;
	if (pair->told == TOLD_BY_WAKE)
		vn_poll_qp_wake(p, &pair->qp);
	else if (write(pair->kick, &one, sizeof(one)) != sizeof(one))
		return false;
	return true;
}
