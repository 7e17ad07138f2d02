/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Link events. Making and removing hundreds of representors brings thousands of them: they are
 * gathered for a moment, then each representor concerned is looked at once.
 */

#include <stdlib.h>

#include "ctrl_private.h"

/* How long events are gathered. */
#define GATHER_NS VN_MS(10)

static int
compare(const void *a, const void *b)
{
	const int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void
look(void *ctx)
{
	struct vn_controller *ctrl = ctx;
	struct ctrl_links *l = &ctrl->priv->links;

	qsort(l->ifindex, l->n, sizeof(l->ifindex[0]), compare);
	for (unsigned int i = 0; i < ctrl->num_devices; i++) {
		struct vn_device *dev = ctrl->device[i];
		const int mine = dev->port_info.ifindex;

		if (!dev->env.port_ops->netdev)
			continue;
		/* One that was gone comes back with another number. */
		if (l->all || mine == 0 ||
			bsearch(&mine, l->ifindex, l->n, sizeof(l->ifindex[0]), compare) != NULL)
			vn_device_refresh_port(dev);
	}
	l->n = 0;
	l->all = false;
}

void
ctrl_links_init(struct vn_controller *ctrl)
{
	ctrl->priv->links.timer = (struct vn_timer){.cb = look, .ctx = ctrl};
}

void
ctrl_links_fini(struct vn_controller *ctrl)
{
	vn_loop_cancel(ctrl->env.dev.loop, &ctrl->priv->links.timer);
}

void
vn_controller_link_changed(struct vn_controller *ctrl, int ifindex)
{
	struct ctrl_links *l = &ctrl->priv->links;

	if (!l->timer.armed)
		vn_loop_arm(ctrl->env.dev.loop, &l->timer, GATHER_NS);
	/* Several events in a row are the rule. */
	if (l->n > 0 && l->ifindex[l->n - 1] == ifindex)
		return;
	if (ifindex == 0 || l->n == CTRL_LINKS)
		l->all = true;
	else
		l->ifindex[l->n++] = ifindex;
}
