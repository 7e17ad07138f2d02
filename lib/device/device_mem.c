/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What can be exchanged while rings run: memory map, dirty log, interrupt descriptors. And other
 * things that a poller does for a device on request.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_arp.h>
#include <rte_ether.h>

#include "device_private.h"
#include "vn_log.h"
#include "vn_net_hdr.h"

#define WHY_LATE "poller-late"

enum { PENDING, EXECUTED, OVERRIDDEN };

/** A request to the device's poller. */
struct dev_op {
	struct vn_poller_cmd cmd;
	struct vn_device *dev;
	struct dev_ring *ring;
	struct vn_guestmem *mem, *old;
	int state; /* who was first: the poller, or its deadline (atomic) */
	struct vn_dirty_log log;
	bool on;
	int fd, old_fd;
	bool fd_ends; /* fd is nobody's any more */
	struct rte_mbuf *frame;
	vn_device_cb cb;
	void *ctx;
};

static struct dev_op *
op_new(struct vn_device *dev, vn_device_cb cb, void *ctx)
{
	struct dev_op *op = calloc(1, sizeof(*op));

	if (op == NULL) {
		VN_ERR("%s: out of memory", dev->conf.vuid);
		return NULL;
	}
	op->dev = dev;
	op->cb = cb;
	op->ctx = ctx;
	return op;
}

static void
op_send(struct dev_op *op)
{
	op->dev->priv->ops++;
	dev_call(op->dev, &op->cmd);
}

static void
op_answer(struct dev_op *op, int result)
{
	const vn_device_cb cb = op->cb;

	op->cb = NULL;
	if (cb != NULL)
		cb(op->ctx, result);
}

static void
op_end(struct dev_op *op)
{
	struct vn_device *dev = op->dev;

	dev->priv->ops--;
	op_answer(op, 0);
	free(op);
	dev_settle(dev);
}

struct release_job {
	struct vn_job job;
	struct vn_device *dev;
	struct vn_guestmem *mem;
};

static int
release_run(struct vn_job *job)
{
	vn_guestmem_unref(((struct release_job *)job)->mem);
	return 0;
}

static void
release_done(struct vn_job *job, int result)
{
	struct release_job *j = (struct release_job *)job;
	struct vn_device *dev = j->dev;

	RTE_SET_USED(result);
	dev->priv->jobs--;
	free(j);
	dev_settle(dev);
}

/* Unmapping the memory of a big guest takes long. */
void
dev_mem_release(struct vn_device *dev, struct vn_guestmem *mem)
{
	struct release_job *j;

	if (mem == NULL)
		return;
	j = calloc(1, sizeof(*j));
	if (j == NULL) {
		vn_guestmem_unref(mem);
		return;
	}
	j->job.run = release_run;
	j->job.done = release_done;
	j->dev = dev;
	j->mem = mem;
	dev->priv->jobs++;
	vn_loop_submit(dev->env.loop, &j->job);
}

static void
change_mem(struct vn_virtq *vq, struct vn_guestmem *mem)
{
	if (vq == NULL)
		return;
	if (mem != NULL)
		vn_virtq_set_mem(vq, mem);
	else
		vn_virtq_break(vq, "memory");
}

/*
 * The old map was taken from the poller before it let go. What it has completed since, the driver
 * has not seen, so the rings must not go on, neither in the old map nor in the new one.
 */
static void
strand(struct vn_virtq *vq, struct vn_guestmem *mem)
{
	if (vq == NULL)
		return;
	if (mem != NULL)
		vn_virtq_set_mem(vq, mem);
	vn_virtq_break(vq, WHY_LATE);
}

static void
exec_set_mem(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;
	struct vn_device *dev = op->dev;
	int expected = PENDING;
	bool in_time;

	/* First, so that nothing is written to the old memory later. */
	dev_pairs_touch(poller, dev);
	in_time = __atomic_compare_exchange_n(
		&op->state, &expected, EXECUTED, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < dev_pairs(dev); i++) {
		struct vn_poll_qp *qp = &dev->priv->pair[i].qp;

		if (in_time) {
			change_mem(qp->rx, op->mem);
			change_mem(qp->tx, op->mem);
		} else {
			strand(qp->rx, op->mem);
			strand(qp->tx, op->mem);
		}
	}
}

/* The ring's engine has gone from one map to the other (NULL: it is broken, and keeps the old one).
 */
static void
ring_uses(struct dev_ring *ring, const struct vn_guestmem *old, struct vn_guestmem *mem)
{
	if (ring->mem == NULL || ring->mem != old || mem == NULL)
		return;
	dev_mem_release(ring->dev, ring->mem);
	ring->mem = vn_guestmem_ref(mem);
}

static void
set_mem_done(struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;

	for (unsigned int i = 0; i < op->dev->num_vqs; i++) {
		if (op->dev->priv->ring[i].sent)
			ring_uses(&op->dev->priv->ring[i], op->old, op->mem);
	}
	dev_mem_release(op->dev, op->old);
	dev_mem_release(op->dev, op->mem);
	op_end(op);
}

static void
set_mem_late(struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;

	int expected = PENDING;

	op->dev->missed_deadlines++;
	/* It is at it, and has done with the old map: the answer is there in a moment. */
	if (!__atomic_compare_exchange_n(
		    &op->state, &expected, OVERRIDDEN, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (op->old != NULL)
		dev_mem_revoke(op->dev, op->old);
	dev_mark_broken(op->dev, WHY_LATE);
	op_answer(op, -ETIMEDOUT);
}

static bool
any_ring_sent(const struct vn_device *dev)
{
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (dev->priv->ring[i].sent)
			return true;
	}
	return false;
}

void
vn_device_set_mem(struct vn_device *dev, struct vn_guestmem *mem, vn_device_cb done, void *ctx)
{
	struct vn_device_priv *priv = dev->priv;
	struct vn_guestmem *old = priv->mem;
	struct dev_op *op;

	/* Rings that are still ours. */
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		struct dev_ring *ring = &priv->ring[i];

		if (ring->vq == NULL || ring->sent)
			continue;
		change_mem(ring->vq, mem);
		ring_uses(ring, old, mem);
	}
	if (!any_ring_sent(dev)) {
		priv->mem = mem != NULL ? vn_guestmem_ref(mem) : NULL;
		dev_mem_release(dev, old);
		done(ctx, 0);
		return;
	}
	op = op_new(dev, done, ctx);
	if (op == NULL) {
		/* Nothing else is safe. */
		if (old != NULL)
			dev_mem_revoke(dev, old);
		dev_mark_broken(dev, "out-of-memory");
		done(ctx, -ENOMEM);
		return;
	}
	op->cmd.exec = exec_set_mem;
	op->cmd.done = set_mem_done;
	op->cmd.late = set_mem_late;
	op->old = old;
	op->mem = mem != NULL ? vn_guestmem_ref(mem) : NULL;
	priv->mem = mem != NULL ? vn_guestmem_ref(mem) : NULL;
	op_send(op);
}

void
vn_device_check_mem(struct vn_device *dev)
{
	if (dev->priv->mem == NULL || !vn_guestmem_broken(dev->priv->mem))
		return;
	dev_mark_broken(dev, "memory-file-truncated");
	for (unsigned int i = 0; i < dev->num_vqs; i++)
		dev_ring_stop(&dev->priv->ring[i]);
}

static void
set_log(struct vn_virtq *vq, const struct dev_op *op, unsigned int idx)
{
	if (vq != NULL)
		vn_virtq_set_log(vq, op->on, &op->log, op->dev->vq[idx].setup.used_log_gpa);
}

static void
exec_set_log(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;

	dev_pairs_touch(poller, op->dev);
	for (unsigned int i = 0; i < dev_pairs(op->dev); i++) {
		set_log(op->dev->priv->pair[i].qp.rx, op, 2 * i);
		set_log(op->dev->priv->pair[i].qp.tx, op, 2 * i + 1);
	}
}

static void
plain_done(struct vn_poller_cmd *cmd)
{
	op_end((struct dev_op *)cmd);
}

/* The log's mapping is the transport's: a late poller may still write to it, so it has to wait. */
static void
set_log_late(struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;

	op->dev->missed_deadlines++;
	dev_mark_broken(op->dev, WHY_LATE);
}

void
vn_device_set_log(
	struct vn_device *dev, void *base, uint64_t size, bool on, vn_device_cb done, void *ctx)
{
	struct vn_device_priv *priv = dev->priv;
	struct dev_op *op;

	op = op_new(dev, done, ctx);
	if (op == NULL) {
		done(ctx, -ENOMEM);
		return;
	}
	priv->log = (struct vn_dirty_log){.base = base, .size = size};
	priv->log_on = on && base != NULL;
	op->log = priv->log;
	op->on = priv->log_on;
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (!priv->ring[i].sent)
			set_log(priv->ring[i].vq, op, i);
	}
	if (!any_ring_sent(dev)) {
		free(op);
		done(ctx, 0);
		return;
	}
	op->cmd.exec = exec_set_log;
	op->cmd.done = plain_done;
	op->cmd.late = set_log_late;
	op_send(op);
}

static void
exec_set_call(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;
	struct vn_poll_qp *qp = &op->dev->priv->pair[op->ring->idx / 2].qp;
	struct vn_virtq *vq = op->ring->idx % 2 == 0 ? qp->rx : qp->tx;

	vn_poll_qp_touch(poller, qp);
	if (vq == NULL)
		return;
	vn_virtq_set_call(vq, op->fd);
	vn_virtq_interrupt_always(vq);
}

static void
send_call(struct dev_op *op, int fd, int old_fd)
{
	op->fd = fd;
	op->old_fd = old_fd;
	op->ring->call_op = op;
	dev_call(op->dev, &op->cmd);
}

static void
set_call_done(struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;
	struct dev_ring *ring = op->ring;

	if (op->old_fd >= 0)
		close(op->old_fd);
	/* Not if the poller has let go of the ring meanwhile: see dev_call_forget(). */
	if (ring->call_op == op) {
		ring->call_op = NULL;
		if (ring->call_waits) {
			ring->call_waits = false;
			send_call(op, dev_ring_vq(ring)->setup.call_fd, op->fd);
			return;
		}
	}
	if (op->fd_ends && op->fd >= 0)
		close(op->fd);
	op_end(op);
}

void
dev_call_forget(struct dev_ring *ring)
{
	/*
	 * The ring has only the last descriptor it was given. The one on its way to the poller is
	 * another when one waits, and goes with the answer.
	 */
	if (ring->call_waits)
		ring->call_op->fd_ends = true;
	ring->call_op = NULL;
	ring->call_waits = false;
}

void
vn_device_vq_set_call(struct vn_device *dev, uint16_t idx, int call_fd)
{
	struct vn_device_vq *v;
	struct dev_ring *ring;
	struct dev_op *op;
	int old_fd;

	if (idx >= dev->num_vqs) {
		if (call_fd >= 0)
			close(call_fd);
		return;
	}
	v = &dev->vq[idx];
	ring = &dev->priv->ring[idx];
	old_fd = v->setup.call_fd;
	if (!ring->sent) {
		v->setup.call_fd = call_fd;
		if (ring->vq != NULL)
			vn_virtq_set_call(ring->vq, call_fd);
		if (old_fd >= 0)
			close(old_fd);
		return;
	}
	if (ring->call_op != NULL) {
		/* The poller has not seen the last one yet. However many come, one waits. */
		if (ring->call_waits && old_fd >= 0)
			close(old_fd);
		v->setup.call_fd = call_fd;
		ring->call_waits = true;
		return;
	}
	op = op_new(dev, NULL, NULL);
	if (op == NULL) {
		if (call_fd >= 0)
			close(call_fd);
		return;
	}
	op->ring = ring;
	op->cmd.exec = exec_set_call;
	op->cmd.done = set_call_done;
	dev->priv->ops++;
	v->setup.call_fd = call_fd;
	send_call(op, call_fd, old_fd);
}

static void
exec_size_classes(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;

	dev_pairs_touch(poller, op->dev);
	for (unsigned int i = 0; i < dev_pairs(op->dev); i++) {
		struct vn_poll_qp *qp = &op->dev->priv->pair[i].qp;

		if (qp->rx != NULL)
			vn_virtq_set_count_sizes(qp->rx, op->on);
	}
}

void
vn_device_set_count_sizes(struct vn_device *dev, bool on)
{
	struct dev_op *op;

	dev->count_sizes = on;
	for (unsigned int i = 0; i < dev->num_vqs; i++) {
		if (!dev->priv->ring[i].sent && dev->priv->ring[i].vq != NULL)
			vn_virtq_set_count_sizes(dev->priv->ring[i].vq, on);
		else if (on && dev->priv->ring[i].vq == NULL)
			memset(dev->vq[i].stats.size_class, 0, sizeof(dev->vq[i].stats.size_class));
	}
	op = op_new(dev, NULL, NULL);
	if (op == NULL)
		return;
	op->on = on;
	op->cmd.exec = exec_size_classes;
	op->cmd.done = plain_done;
	op_send(op);
}

static void
exec_announce(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;
	struct vn_poll_qp *qp = &op->dev->priv->pair[0].qp;

	vn_poll_qp_touch(poller, qp);
	if (qp->pq != NULL)
		qp->ops->tx_burst(qp->pq, &op->frame, 1);
	else
		rte_pktmbuf_free(op->frame);
}

static void
announce_done(struct vn_poller_cmd *cmd)
{
	struct dev_op *op = (struct dev_op *)cmd;

	op->dev->priv->announcing = false;
	op_end(op);
}

void
vn_device_announce(struct vn_device *dev, const uint8_t mac[VN_MAC_LEN])
{
	struct rte_ether_addr addr;
	struct rte_mbuf *m;
	struct dev_op *op;

	/* One at a time is enough for any network. */
	if (dev->priv->announcing)
		return;
	memcpy(addr.addr_bytes, mac, VN_MAC_LEN);
	m = rte_net_make_rarp_packet(dev->env.pool, &addr);
	if (m == NULL)
		return; /* out of mbufs: the next one will do */
	memset(vn_mbuf_hdr(m), 0, sizeof(struct vn_net_hdr));
	op = op_new(dev, NULL, NULL);
	if (op == NULL) {
		rte_pktmbuf_free(m);
		return;
	}
	op->frame = m;
	op->cmd.exec = exec_announce;
	op->cmd.done = announce_done;
	dev->priv->announcing = true;
	op_send(op);
}
