/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Latencies of the data rings, measured from the first question on until nobody has asked for a
 * minute: an idle device pays nothing for them.
 */
#include <errno.h>
#include <stdlib.h>

#include "device_private.h"
#include "vn_log.h"

#define KEEP_NS VN_SEC(60)

struct latency_cmd {
	struct vn_poller_cmd cmd;
	struct vn_device *dev;
	struct vn_poll_latency *rings; /* NULL: no more; two of each pair */
	struct vn_poll_latency *old;   /* to be freed then */
};

static void
exec(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	struct latency_cmd *c = (struct latency_cmd *)cmd;

	dev_pairs_touch(poller, c->dev);
	for (unsigned int i = 0; i < dev_pairs(c->dev); i++)
		c->dev->priv->pair[i].qp.latency = c->rings != NULL ? &c->rings[2 * i] : NULL;
}

static void
done(struct vn_poller_cmd *cmd)
{
	struct latency_cmd *c = (struct latency_cmd *)cmd;
	struct vn_device *dev = c->dev;

	dev->priv->ops--;
	free(c->old);
	free(c);
	dev_settle(dev);
}

static int
send(struct vn_device *dev, struct vn_poll_latency *rings, struct vn_poll_latency *old)
{
	struct latency_cmd *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->cmd.exec = exec;
	c->cmd.done = done;
	c->dev = dev;
	c->rings = rings;
	c->old = old;
	dev->priv->ops++;
	dev_call(dev, &c->cmd);
	return 0;
}

static void
nobody_asks(void *ctx)
{
	struct vn_device *dev = ctx;
	struct dev_latency *l = &dev->priv->latency;

	/* For lack of memory: once more, later. */
	if (send(dev, NULL, l->rings) != 0)
		vn_loop_arm(dev->env.loop, &l->timer, KEEP_NS);
	else
		l->rings = NULL;
}

int
vn_device_measure(struct vn_device *dev)
{
	struct dev_latency *l = &dev->priv->latency;

	if (dev->priv->ending)
		return -ECANCELED;
	if (l->rings == NULL) {
		l->rings = calloc(2u * dev_pairs(dev), sizeof(l->rings[0]));
		if (l->rings == NULL)
			return -ENOMEM;
		if (send(dev, l->rings, NULL) != 0) {
			free(l->rings);
			l->rings = NULL;
			return -ENOMEM;
		}
		l->since_ns = vn_now_ns();
		l->timer = (struct vn_timer){.cb = nobody_asks, .ctx = dev};
	}
	vn_loop_arm(dev->env.loop, &l->timer, KEEP_NS);
	return 0;
}

const struct vn_poll_latency *
vn_device_latency(const struct vn_device *dev, unsigned int idx, uint64_t *since_ns)
{
	const struct dev_latency *l = &dev->priv->latency;

	if (l->rings == NULL || idx >= 2u * dev_pairs(dev))
		return NULL;
	*since_ns = l->since_ns;
	return &l->rings[idx];
}

void
dev_latency_free(struct vn_device *dev)
{
	vn_loop_cancel(dev->env.loop, &dev->priv->latency.timer);
	free(dev->priv->latency.rings);
	dev->priv->latency.rings = NULL;
}
