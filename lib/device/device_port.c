/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The device's port. What it does may block, so all of it is jobs of the helper thread, which
 * does them in order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_private.h"
#include "vn_features.h"
#include "vn_log.h"

struct port_job {
	struct vn_job job;
	struct vn_device *dev;
	struct dev_pair *pair;
	/* Copies: the helper must not look at what the control thread may change. */
	const struct vn_port_ops *ops;
	struct vn_port *port;
	struct rte_mempool *pool;
	struct vn_port_conf conf;
	struct vn_port_queue *pq;
	struct vn_port_info info;
	uint64_t features;
	bool remove;
	char err[256];
};

static struct port_job *
job_new(struct vn_device *dev, int (*run)(struct vn_job *), void (*done)(struct vn_job *, int))
{
	struct port_job *j = calloc(1, sizeof(*j));

	if (j == NULL) {
		VN_ERR("%s: out of memory", dev->conf.vuid);
		return NULL;
	}
	j->job.run = run;
	j->job.done = done;
	j->dev = dev;
	j->ops = dev->env.port_ops;
	j->port = dev->priv->port;
	j->pool = dev->env.pool;
	return j;
}

static void
job_submit(struct port_job *j)
{
	j->dev->priv->jobs++;
	vn_loop_submit(j->dev->env.loop, &j->job);
}

/* The job has done what it had to: @return the device, which may have to end now. */
static void
job_end(struct port_job *j)
{
	struct vn_device *dev = j->dev;

	dev->priv->jobs--;
	free(j);
	dev_settle(dev);
}

static int
open_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;
	int rc;

	/* Restart: the one there is, first. */
	if (j->port != NULL)
		j->ops->close(j->port);
	j->port = NULL;
	rc = j->ops->open(&j->conf, &j->port, j->err, sizeof(j->err));
	if (rc == 0)
		j->ops->get_info(j->port, &j->info);
	return rc;
}

static void
port_gone(struct vn_device *dev)
{
	dev->port_info.ready = false;
	dev->port_info.ifindex = 0;
	snprintf(dev->port_error, sizeof(dev->port_error),
		"the representor is gone: it is made anew when the driver starts again, or by "
		"virtnet restart");
	vn_device_check_health(dev);
}

static void
open_done(struct vn_job *job, int result)
{
	struct port_job *j = (struct port_job *)job;
	struct vn_device *dev = j->dev;

	if (result == 0) {
		dev->priv->port = j->port;
		dev->priv->port_state = PORT_OPEN;
		dev->port_info = j->info;
		dev->port_error[0] = '\0';
		/* Not even there long enough to be looked at. */
		if (!j->info.ready)
			port_gone(dev);
		if (j->ops->netdev)
			VN_INFO("%s: port %s %s (ifindex %d)", dev->conf.vuid, j->info.name,
				j->info.adopted ? "adopted" : "made", j->info.ifindex);
		/* It is as it was made, whatever a job for the port before it has noted since. */
		dev->priv->features_applied = 0;
		dev->priv->link_applied = j->conf.link_up;
		dev->priv->mtu_applied = j->conf.mtu;
		dev_port_set_features(dev);
		memcpy(dev->priv->mac_applied, j->conf.mac, VN_MAC_LEN);
		dev_port_set_link(dev);
		dev_port_set_mtu(dev);
		dev_port_set_mac(dev);
	} else {
		dev->port_info.ready = false;
		dev->port_info.ifindex = 0;
		dev->priv->port_state = PORT_FAILED;
		snprintf(dev->port_error, sizeof(dev->port_error), "%s", j->err);
		VN_ERR("%s: no port: %s", dev->conf.vuid, j->err);
	}
	vn_device_check_health(dev);
	dev_restart_opened(dev);
	for (unsigned int i = 0; i < dev_pairs(dev); i++)
		dev_pair_advance(&dev->priv->pair[i]);
	job_end(j);
}

int
dev_port_open(struct vn_device *dev)
{
	struct port_job *j = job_new(dev, open_run, open_done);

	if (j == NULL)
		return -ENOMEM;
	snprintf(j->conf.name, sizeof(j->conf.name), "%s", dev->conf.rep_name);
	snprintf(j->conf.alias, sizeof(j->conf.alias), "dpdk-virtnet %s", dev->conf.vuid);
	j->conf.max_queue_pairs = RTE_MAX(dev->conf.port_pairs, dev_pairs(dev));
	j->conf.mtu = dev->conf.mtu;
	j->conf.link_up = dev->link_up;
	memcpy(j->conf.mac, dev->conf.mac, sizeof(j->conf.mac));
	j->conf.anti_spoof = dev->conf.anti_spoof;
	j->conf.isolated = dev->conf.isolated;
	j->conf.ctx = j->ops->ctx;
	dev->priv->link_applied = dev->link_up;
	dev->priv->mtu_applied = dev->conf.mtu;
	dev->priv->port_state = PORT_OPENING;
	dev->priv->port = NULL;
	job_submit(j);
	return 0;
}

/* The job alone, when there is no helper thread. */
static int
close_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;

	if (j->remove)
		j->ops->destroy(j->port);
	else
		j->ops->close(j->port);
	return 0;
}

/* Many netdevs go hundreds of times faster together than one by one. */
static void
close_run_many(struct vn_job *const *jobs, unsigned int n)
{
	struct vn_port *port[VN_JOBS_MANY];
	const struct vn_port_ops *ops = NULL;
	unsigned int n_ports = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct port_job *j = (const struct port_job *)jobs[i];

		if (!j->remove || j->ops->destroy_many == NULL) {
			close_run(jobs[i]);
			continue;
		}
		if (ops != j->ops && n_ports > 0) {
			ops->destroy_many(port, n_ports);
			n_ports = 0;
		}
		ops = j->ops;
		port[n_ports++] = j->port;
	}
	if (n_ports > 0)
		ops->destroy_many(port, n_ports);
}

static void
plain_done(struct vn_job *job, int result)
{
	RTE_SET_USED(result);
	job_end((struct port_job *)job);
}

void
dev_port_close(struct vn_device *dev, bool remove)
{
	struct port_job *j = job_new(dev, close_run, plain_done);

	dev->priv->port_state = PORT_CLOSED;
	if (j == NULL) {
		/* The descriptors go with the process; the representor outlives us anyway. */
		dev_settle(dev);
		return;
	}
	j->remove = remove;
	j->job.run_many = close_run_many;
	dev->priv->port = NULL;
	job_submit(j);
}

static int
features_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;

	return j->ops->set_features(j->port, j->features);
}

static void
features_done(struct vn_job *job, int result)
{
	struct port_job *j = (struct port_job *)job;
	struct vn_device_priv *priv = j->dev->priv;

	if (result != 0)
		j->dev->health.rules++;
	if (result != 0 && vn_log_allowed(&j->dev->log_limit, j->dev->conf.vuid))
		VN_WARN("%s: the port refuses the driver's offloads: %s", j->dev->conf.vuid,
			strerror(-result));
	priv->features_busy = false;
	priv->features_applied = j->features;
	dev_port_set_features(j->dev);
	job_end(j);
}

/*
 * The port is to follow driver_features. One job at a time, however often a peer changes them: the
 * helper thread is everybody's.
 */
void
dev_port_set_features(struct vn_device *dev)
{
	const uint64_t features = dev_features_in_force(dev);
	struct vn_device_priv *priv = dev->priv;
	struct port_job *j;

	/* open_done() and features_done() come here again. */
	if (priv->port_state != PORT_OPEN || priv->features_busy ||
		priv->features_applied == features)
		return;
	j = job_new(dev, features_run, features_done);
	if (j == NULL)
		return;
	j->features = features;
	priv->features_busy = true;
	job_submit(j);
}

static int
link_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;

	return j->ops->set_link(j->port, j->conf.link_up);
}

static void
link_done(struct vn_job *job, int result)
{
	struct port_job *j = (struct port_job *)job;

	if (result != 0)
		VN_WARN("%s: the port's carrier cannot be set %s: %s", j->dev->conf.vuid,
			j->conf.link_up ? "up" : "down", strerror(-result));
	j->dev->priv->link_busy = false;
	j->dev->priv->link_applied = j->conf.link_up;
	dev_port_set_link(j->dev);
	job_end(j);
}

void
dev_port_set_link(struct vn_device *dev)
{
	struct vn_device_priv *priv = dev->priv;
	struct port_job *j;

	if (priv->port_state != PORT_OPEN || priv->link_busy || priv->link_applied == dev->link_up)
		return;
	j = job_new(dev, link_run, link_done);
	if (j == NULL)
		return;
	j->conf.link_up = dev->link_up;
	priv->link_busy = true;
	job_submit(j);
}

static int
mtu_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;

	return j->ops->set_mtu(j->port, j->conf.mtu);
}

static void
mtu_done(struct vn_job *job, int result)
{
	struct port_job *j = (struct port_job *)job;

	if (result != 0)
		VN_WARN("%s: the port's MTU cannot be raised to %u: %s", j->dev->conf.vuid,
			j->conf.mtu, strerror(-result));
	j->dev->priv->mtu_busy = false;
	j->dev->priv->mtu_applied = j->conf.mtu;
	dev_port_set_mtu(j->dev);
	job_end(j);
}

void
dev_port_set_mtu(struct vn_device *dev)
{
	struct vn_device_priv *priv = dev->priv;
	struct port_job *j;

	if (priv->port_state != PORT_OPEN || priv->mtu_busy || priv->mtu_applied == dev->conf.mtu)
		return;
	j = job_new(dev, mtu_run, mtu_done);
	if (j == NULL)
		return;
	j->conf.mtu = dev->conf.mtu;
	priv->mtu_busy = true;
	job_submit(j);
}

static int
mac_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;

	return j->ops->set_mac(j->port, j->conf.mac);
}

static void
mac_done(struct vn_job *job, int result)
{
	struct port_job *j = (struct port_job *)job;

	if (result != 0)
		VN_WARN("%s: the port does not take the device's new MAC: %s", j->dev->conf.vuid,
			strerror(-result));
	j->dev->priv->mac_busy = false;
	memcpy(j->dev->priv->mac_applied, j->conf.mac, VN_MAC_LEN);
	dev_port_set_mac(j->dev);
	job_end(j);
}

void
dev_port_set_mac(struct vn_device *dev)
{
	struct vn_device_priv *priv = dev->priv;
	struct port_job *j;

	if (dev->env.port_ops->set_mac == NULL || priv->port_state != PORT_OPEN || priv->mac_busy ||
		memcmp(priv->mac_applied, dev->conf.mac, VN_MAC_LEN) == 0)
		return;
	j = job_new(dev, mac_run, mac_done);
	if (j == NULL)
		return;
	memcpy(j->conf.mac, dev->conf.mac, sizeof(j->conf.mac));
	priv->mac_busy = true;
	job_submit(j);
}

static int
queue_open_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;

	return j->ops->queue_open(j->port, j->pair->idx, j->pool, &j->pq);
}

static void
queue_open_done(struct vn_job *job, int result)
{
	struct port_job *j = (struct port_job *)job;
	struct dev_pair *pair = j->pair;

	if (result != 0) {
		j->dev->health.port_queues++;
		VN_ERR("%s: port queue %u: %s", j->dev->conf.vuid, pair->idx, strerror(-result));
	}
	pair->pq = result == 0 ? j->pq : NULL;
	pair->busy = false;
	dev_pair_advance(pair);
	job_end(j);
}

void
dev_port_queue_open(struct dev_pair *pair)
{
	struct port_job *j = job_new(pair->dev, queue_open_run, queue_open_done);

	if (j == NULL) {
		pair->pq = NULL;
		dev_pair_advance(pair);
		return;
	}
	j->pair = pair;
	pair->busy = true;
	job_submit(j);
}

static int
queue_close_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;

	j->ops->queue_close(j->pq);
	return 0;
}

static void
queue_close_done(struct vn_job *job, int result)
{
	struct port_job *j = (struct port_job *)job;

	RTE_SET_USED(result);
	j->pair->busy = false;
	dev_pair_advance(j->pair);
	job_end(j);
}

void
dev_port_queue_close(struct dev_pair *pair)
{
	struct port_job *j = job_new(pair->dev, queue_close_run, queue_close_done);
	struct vn_port_queue *pq = pair->pq;

	pair->pq = NULL;
	if (j == NULL) {
		dev_pair_advance(pair); /* the queue is lost until the port is closed */
		dev_settle(pair->dev);
		return;
	}
	j->pair = pair;
	j->pq = pq;
	pair->busy = true;
	job_submit(j);
}

static int
info_run(struct vn_job *job)
{
	struct port_job *j = (struct port_job *)job;

	return j->ops->get_info(j->port, &j->info);
}

static void
info_done(struct vn_job *job, int result)
{
	struct port_job *j = (struct port_job *)job;
	struct vn_device *dev = j->dev;
	const bool again = dev->priv->refresh_again;

	if (result == 0 && j->info.ready) {
		dev->port_info = j->info;
		dev->port_error[0] = '\0';
	} else {
		port_gone(dev);
	}
	vn_device_check_health(dev);
	dev->priv->refreshing = dev->priv->refresh_again = false;
	if (again)
		vn_device_refresh_port(dev);
	job_end(j);
}

void
vn_device_refresh_port(struct vn_device *dev)
{
	struct port_job *j;

	if (dev->priv->port_state != PORT_OPEN)
		return;
	/* However many changes come meanwhile, one more look sees them all. */
	if (dev->priv->refreshing) {
		dev->priv->refresh_again = true;
		return;
	}
	j = job_new(dev, info_run, info_done);
	if (j == NULL)
		return;
	dev->priv->refreshing = true;
	job_submit(j);
}

const struct vn_port_stats *
vn_device_port_stats(const struct vn_device *dev, uint16_t qp)
{
	const struct dev_pair *pair;

	if (qp >= dev_pairs(dev))
		return NULL;
	pair = &dev->priv->pair[qp];
	return pair->pq != NULL ? dev->env.port_ops->queue_stats(pair->pq) : NULL;
}
