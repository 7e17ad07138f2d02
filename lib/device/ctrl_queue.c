/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The control queue (virtio 1.2, 5.1.6.5): commands are taken one at a time, checked, done, and
 * answered. What has to reach a poller or the port first is answered when it has; commands behind
 * it wait in the ring.
 */
#include <string.h>

#include <rte_atomic.h>

#include "model_private.h"
#include "vn_log.h"

/** Commands of one look; the others have to wait for the next round of the event loop. */
#define CTRL_BURST 32

static struct vn_virtq *
ctrl_vq(const struct vn_model *m)
{
	return m->dev->priv->ring[model_ctrl_index(m)].vq;
}

static int
execute(struct vn_model *m)
{
	static int (*const classes[])(struct vn_model *, uint8_t, const uint8_t *, uint32_t) = {
		[VN_NET_CTRL_RX] = ctrl_rx,
		[VN_NET_CTRL_MAC] = ctrl_mac,
		[VN_NET_CTRL_VLAN] = ctrl_vlan,
		[VN_NET_CTRL_ANNOUNCE] = ctrl_announce,
		[VN_NET_CTRL_MQ] = ctrl_mq,
		[VN_NET_CTRL_GUEST_OFFLOADS] = ctrl_offloads,
		[VN_NET_CTRL_NOTF_COAL] = ctrl_coal,
		[VN_NET_CTRL_STATS] = ctrl_stats,
	};
	const uint32_t hdr_len = sizeof(struct vn_net_ctrl_hdr);
	struct vn_net_ctrl_hdr hdr;

	m->ctrl.reply_len = 0;
	m->ctrl.commands++;
	/* Who cannot be answered is not obeyed. */
	if (m->ctrl.len < hdr_len || m->ctrl.len > CTRL_ROOM || m->ctrl.reply_room == 0)
		return VN_NET_ERR;
	memcpy(&hdr, m->ctrl.buf, hdr_len);
	if (hdr.class >= RTE_DIM(classes) || classes[hdr.class] == NULL)
		return VN_NET_ERR;
	return classes[hdr.class](m, hdr.command, m->ctrl.buf + hdr_len, m->ctrl.len - hdr_len);
}

static void
answer(struct vn_model *m, uint8_t ack)
{
	struct model_ctrl *ctrl = &m->ctrl;

	if (ack == VN_NET_OK) {
		ctrl->ok++;
		if (m->ops->save != NULL)
			m->ops->save(m->ctx);
		model_driver_changed(m);
	} else {
		VN_DBG("%s: control command refused (%u bytes, class %u, command %u)",
			m->dev->conf.vuid, ctrl->len, ctrl->len > 0 ? ctrl->buf[0] : 0,
			ctrl->len > 1 ? ctrl->buf[1] : 0);
		ctrl->reply_len = 0;
	}
	ctrl->reply[0] = ack;
	vn_virtq_ctrl_reply(ctrl_vq(m), ctrl->reply, 1 + ctrl->reply_len);
}

static void
interrupt(struct vn_model *m)
{
	const int fd = m->dev->vq[model_ctrl_index(m)].setup.call_fd;

	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* The control thread waits for nobody. */
	if (fd >= 0 && !model_irq_sound(fd))
		vn_virtq_break(ctrl_vq(m), VN_VQ_WHY_BLOCKS);
	else
		vn_virtq_interrupt(ctrl_vq(m));
}

/* Nothing to do: ask for the next notification. @return true if a command came meanwhile. */
static bool
arm(struct vn_virtq *vq)
{
	vn_virtq_arm(vq);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vn_virtq_avail(vq) > 0;
}

void
ctrl_run(struct vn_model *m)
{
	struct model_ctrl *ctrl = &m->ctrl;
	struct vn_virtq *vq = ctrl_vq(m);
	unsigned int n = 0;
	bool more = true;
	int ack;

	if (vq == NULL || ctrl->waiting)
		return;
	vn_loop_cancel(m->dev->env.loop, &ctrl->timer);
	vn_virtq_disarm(vq);
	while (more && n++ < CTRL_BURST) {
		if (!vn_virtq_ctrl_next(vq, ctrl->buf, CTRL_ROOM, &ctrl->len, &ctrl->reply_room)) {
			more = arm(vq);
			if (more)
				vn_virtq_disarm(vq);
			continue;
		}
		ack = execute(m);
		if (ack == CTRL_WAIT && !model_settled(m)) {
			ctrl->waiting = true;
			break;
		}
		answer(m, ack == CTRL_WAIT ? VN_NET_OK : ack);
	}
	interrupt(m);
	if (vn_virtq_broken(vq))
		dev_mark_broken(m->dev, vn_virtq_broken_why(vq));
	else if (more && !ctrl->waiting)
		vn_loop_arm(m->dev->env.loop, &ctrl->timer, 0);
}

void
ctrl_progress(struct vn_model *m)
{
	if (!m->ctrl.waiting || !model_settled(m))
		return;
	m->ctrl.waiting = false;
	/* The ring goes without us being asked when its memory does. */
	if (ctrl_vq(m) == NULL)
		return;
	answer(m, VN_NET_OK);
	ctrl_run(m);
}

void
ctrl_stop(struct vn_model *m)
{
	/* A command that still waits is answered by nobody: the driver takes its ring away. */
	m->ctrl.waiting = false;
	vn_loop_cancel(m->dev->env.loop, &m->ctrl.timer);
}
