/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Queues of ports: frames from any poller for the one that has the queue.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sw_private.h"

static void
queue_free(struct sw_dead *dead)
{
	struct vn_port_queue *q = container_of(dead, struct vn_port_queue, dead);
	struct rte_mbuf *m[SW_BURST];
	unsigned int n;

	while (q->ring != NULL &&
		(n = rte_ring_sc_dequeue_burst(q->ring, (void **)m, SW_BURST, NULL)) > 0)
		rte_pktmbuf_free_bulk(m, n);
	free(q->ring);
	if (q->fd >= 0)
		close(q->fd);
	free(q);
}

static int
queue_create(
	struct vn_port *port, uint16_t idx, struct rte_mempool *pool, struct vn_port_queue **out)
{
	struct vn_port_queue *q =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*q), RTE_CACHE_LINE_SIZE));
	int rc = -ENOMEM;

	if (q == NULL)
		return -ENOMEM;
	memset(q, 0, sizeof(*q));
	q->port = port;
	q->idx = idx;
	q->pool = pool;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		rc = -errno;
		goto fail;
	}
	q->ring = aligned_alloc(RTE_CACHE_LINE_SIZE,
		RTE_ALIGN_CEIL((size_t)rte_ring_get_memsize(SW_RING_SIZE), RTE_CACHE_LINE_SIZE));
	if (q->ring == NULL)
		goto fail;
	/* Fails only for a name or a size that is wrong. */
	rte_ring_init(q->ring, "switch", SW_RING_SIZE, RING_F_SC_DEQ);
	*out = q;
	return 0;

fail:
	queue_free(&q->dead);
	return rc;
}

static void
queues_free(struct sw_dead *dead)
{
	free(dead);
}

/* Show pollers which queues of the port are open now. Under the lock. */
static int
publish(struct vn_port *port)
{
	struct sw_queues *old = port->queues, *queues = NULL;
	uint16_t n = 0;

	for (uint16_t i = 0; i < port->max_queues; i++)
		n += port->queue[i] != NULL;
	if (n > 0) {
		queues = malloc(sizeof(*queues) + n * sizeof(queues->q[0]));
		if (queues == NULL)
			return -ENOMEM;
		queues->n = 0;
		for (uint16_t i = 0; i < port->max_queues; i++) {
			if (port->queue[i] != NULL)
				queues->q[queues->n++] = port->queue[i];
		}
	}
	__atomic_store_n(&port->queues, queues, __ATOMIC_RELEASE);
	if (old != NULL)
		sw_defer(port->sw, &old->dead, queues_free);
	return 0;
}

int
sw_queue_open(
	struct vn_port *port, uint16_t idx, struct rte_mempool *pool, struct vn_port_queue **out)
{
	struct vn_port_queue *q = NULL;
	int rc;

	if (idx >= port->max_queues)
		return -EINVAL;
	if (port->queue[idx] != NULL)
		return -EBUSY;
	rc = queue_create(port, idx, pool, &q);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&port->sw->lock);
	port->queue[idx] = q;
	rc = publish(port);
	if (rc != 0)
		port->queue[idx] = NULL;
	pthread_mutex_unlock(&port->sw->lock);
	if (rc != 0) {
		queue_free(&q->dead);
		return rc;
	}
	*out = q;
	return 0;
}

void
sw_queue_close(struct vn_port_queue *q)
{
	struct vn_port *port;

	if (q == NULL)
		return;
	port = q->port;
	pthread_mutex_lock(&port->sw->lock);
	port->queue[q->idx] = NULL;
	/* Without memory for a shorter list all its queues are out of use: the port is crippled,
	 * nobody else is. */
	if (publish(port) != 0) {
		struct sw_queues *old = port->queues;

		__atomic_store_n(&port->queues, NULL, __ATOMIC_RELEASE);
		if (old != NULL)
			sw_defer(port->sw, &old->dead, queues_free);
	}
	sw_counters_add(&port->sw->gone.s, &q->counters.s);
	sw_defer(port->sw, &q->dead, queue_free);
	pthread_mutex_unlock(&port->sw->lock);
}

int
sw_queue_fd(struct vn_port_queue *q)
{
	return q->fd;
}

const struct vn_port_stats *
sw_queue_stats(struct vn_port_queue *q)
{
	return &q->stats;
}

void
sw_queue_set_sink(struct vn_port_queue *q, const struct vn_port_sink *sink)
{
	q->sink = sink;
	__atomic_store_n(&q->owner, sink != NULL ? sink->owner : NULL, __ATOMIC_RELAXED);
}

/* @return false: nothing was there to read, yet. */
static bool
read_fd(const struct vn_port_queue *q)
{
	uint64_t n;

	return read(q->fd, &n, sizeof(n)) == sizeof(n);
}

/*
 * Either the sender, which puts the frame in, executes a full fence, and looks at armed, sees it;
 * or the frame is seen here, behind our fence.
 */
bool
sw_queue_arm(struct vn_port_queue *q, bool on)
{
	if (q->rang_late)
		q->rang_late = !read_fd(q);
	if (on) {
		__atomic_store_n(&q->armed, SW_ARMED, __ATOMIC_RELAXED);
		rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
		return !rte_ring_empty(q->ring);
	}
	/* Who rings may have said so and not done so yet. */
	if (__atomic_exchange_n(&q->armed, SW_AWAKE, __ATOMIC_RELAXED) == SW_RANG)
		q->rang_late = !read_fd(q);
	return false;
}

/*
 * The fence is for queues of other pollers. One of our own poller (@p owner: the sender's) is armed
 * and disarmed by this thread only, so armed is never older here than what was put in: if it is not
 * SW_ARMED, the queue is asked in this round or the next, or sw_queue_arm() finds the frame before
 * there is a sleep. If it is, the pair is cold while its poller is busy, and is rung for like any
 * other. Other threads make SW_RANG of SW_ARMED only, and then write to the fd themselves.
 */
static void
ring_bell(struct vn_port_queue *q, const void *owner)
{
	uint32_t armed = SW_ARMED;
	const uint64_t one = 1;
	ssize_t n;

	/* A value of ours is never read late: it was written, and is taken back, by this thread. */
	if (owner == NULL || __atomic_load_n(&q->owner, __ATOMIC_RELAXED) != owner)
		rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (likely(__atomic_load_n(&q->armed, __ATOMIC_RELAXED) != SW_ARMED))
		return;
	if (!__atomic_compare_exchange_n(
		    &q->armed, &armed, SW_RANG, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	n = write(q->fd, &one, sizeof(one));
	RTE_SET_USED(n); /* it is readable already */
}

/*
 * Who does not read holds buffers that are everybody's. How many frames may wait in a queue falls
 * with what is left of the buffers, so however many queues nobody reads, there is something left
 * for the others: N queues that are full hold N / (N + size / SHARE) of a pool. A queue that is
 * read has little in it, and so is the last one to feel that. @p floor may wait in any case: when
 * all that is left is in caches, it would come out of them no more if nothing were passed on.
 */
static unsigned int
share(const struct rte_mempool *pool, unsigned int floor)
{
	/* Those in caches are not for everybody, and finding out how many takes long. */
	const unsigned int left = rte_mempool_get_ops(pool->ops_index)->get_count(pool);

	const uint64_t part = (uint64_t)left * SW_RING_SHARE / pool->size;

	return (unsigned int)RTE_MAX(RTE_MIN(part, SW_RING_SIZE), floor);
}

/* How many of the frames may be put where @p there wait. */
static uint16_t
fits(const struct vn_port_queue *from, struct rte_mbuf *const *pkts, uint16_t n, unsigned int there)
{
	const struct rte_mempool *clones = from->port->sw->conf.clones;
	const unsigned int most = share(from->pool, SW_RING_FLOOR);
	const unsigned int most_clones = RTE_MIN(most, share(clones, 1));

	for (uint16_t i = 0; i < n; i++) {
		unsigned int room = pkts[i]->pool == clones ? most_clones : most;

		if (unlikely(pkts[i]->nb_segs > 1))
			room = RTE_MIN(room / pkts[i]->nb_segs, (unsigned int)SW_RING_LONG);
		if (unlikely(there + i >= room))
			return i;
	}
	return n;
}

uint16_t
sw_queue_put(
	struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n, struct vn_port_queue *from)
{
	const unsigned int fit = fits(from, pkts, n, rte_ring_count(q->ring));
	const unsigned int put = rte_ring_mp_enqueue_burst(q->ring, (void *const *)pkts, fit, NULL);

	if (put > 0)
		ring_bell(q, from->owner);
	/* Any poller's: it is a matter of who does not read. */
	if (unlikely(put < n))
		__atomic_fetch_add(&q->stats.rx_full, n - put, __ATOMIC_RELAXED);
	return (uint16_t)put;
}

uint16_t
sw_queue_rx(struct vn_port_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	const uint32_t accept = __atomic_load_n(&q->port->accept, __ATOMIC_RELAXED);
	uint16_t got, kept = 0;
	uint64_t bytes = 0;

	/* Fewer than asked for would mean that there is no more. */
	do {
		got = (uint16_t)rte_ring_sc_dequeue_burst(
			q->ring, (void **)&pkts[kept], n - kept, NULL);
		for (uint16_t i = kept, end = kept + got; i < end; i++) {
			struct rte_mbuf *m = pkts[i];

			/* The driver has changed its mind since the frame was put here. */
			if (unlikely(!vn_mbuf_hdr_is_plain(m) &&
				     !vn_offload_accepted(vn_mbuf_hdr(m), accept))) {
				rte_pktmbuf_free(m);
				q->stats.rx_errors++;
				continue;
			}
			if (!(accept & VN_PORT_ACCEPT_CSUM) && !vn_mbuf_hdr_is_plain(m))
				vn_mbuf_hdr(m)->flags = 0; /* "is right" */
			bytes += m->pkt_len;
			pkts[kept++] = m;
		}
	} while (unlikely(kept < n && got > 0 && !rte_ring_empty(q->ring)));
	q->stats.rx_packets += kept;
	q->stats.rx_bytes += bytes;
	return kept;
}

void
sw_counters_add(struct vn_switch_stats *sum, const struct vn_switch_stats *s)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)s;

	static_assert(sizeof(*s) % sizeof(*to) == 0, "all are counters");
	for (size_t i = 0; i < sizeof(*s) / sizeof(*to); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
