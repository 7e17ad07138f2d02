/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Vectors and queue pairs that the VFs of a PF share (contract, section 5): VFs are made with what
 * there is, evenly; what one gives back another may have.
 *
 * A pair is two queues, and each queue has a vector; so has the control queue, and the config
 * space: (vectors - 2) / 2 pairs. So either number brings the other one along.
 */

#include <errno.h>

#include "ctrl_modify.h"
#include "vn_errors.h"

/** Vectors that @p pairs need. */
static uint32_t
vectors_of(uint32_t pairs)
{
	return 2 * pairs + 2;
}

static uint32_t
pairs_of(uint32_t vectors)
{
	return vectors >= 4 ? RTE_MIN((vectors - 2) / 2, (uint32_t)VN_MAX_QUEUE_PAIRS) : 0;
}

void
vn_controller_pools(
	const struct vn_controller *ctrl, const struct vn_device *pf, struct vn_pools *pools)
{
	*pools = (struct vn_pools){
		.max_msix = ctrl->max_virt_queues,
		.max_qp = pairs_of(ctrl->max_virt_queues),
	};
	if (pf->ctrl == NULL)
		return;
	pools->msix_free = pf->ctrl->msix_pool;
	pools->qp_free = pf->ctrl->qp_pool;
}

/* The PF that has the pools of a VF. */
static struct vn_device *
parent(struct vn_controller *ctrl, const struct vn_device *vf)
{
	return vn_controller_find(ctrl, vf->conf.pf_id, -1);
}

static void
set(struct ctrl_change *c, uint32_t vectors, uint32_t pairs)
{
	c->wanted.num_msix = (uint16_t)vectors;
	c->wanted.max_queue_pairs = (uint16_t)pairs;
	c->msix_back = (int32_t)c->before.num_msix - (int32_t)vectors;
	c->qp_back = (int32_t)c->before.max_queue_pairs - (int32_t)pairs;
	/* A control queue alone is no use to anybody. */
	c->warn = pairs == 0;
}

/** A representor with one queue cannot get more. */
static uint32_t
port_pairs(const struct ctrl_change *c)
{
	return RTE_MAX(c->before.port_pairs, RTE_MAX(c->before.max_queue_pairs, 1));
}

static int
check_msix(struct ctrl_change *c, const struct vn_pools *pools)
{
	const uint64_t n = c->m.value[VN_MODIFY_MSIX_NUM];
	const uint32_t have = c->before.num_msix;
	uint32_t pairs;

	if (n < pools->min_msix || n > pools->max_msix || n % 2 != 0)
		return ctrl_refuse(c, VIRTNET_ERR_MSIX,
			"an even number from %u to %u is possible (4 for one queue pair)",
			pools->min_msix, pools->max_msix);
	if (n > have && n - have > pools->msix_free)
		return ctrl_refuse(c, VIRTNET_ERR_MSIX,
			"%u more vectors are needed, and the PF's pool has %u: lower another VF "
			"first",
			(uint32_t)n - have, pools->msix_free);
	/* Of pairs it gets what there is: a VF may have had fewer than it has vectors for. */
	pairs = RTE_MIN(pairs_of((uint32_t)n), port_pairs(c));
	if (pairs > c->before.max_queue_pairs)
		pairs = RTE_MIN(pairs, c->before.max_queue_pairs + pools->qp_free);
	set(c, (uint32_t)n, pairs);
	c->wanted.num_queues = pairs == pairs_of((uint32_t)n) && pairs > 0
				       ? (uint16_t)(n - 1)
				       : (uint16_t)(2 * pairs + 1);
	return 0;
}

static int
check_pairs(struct ctrl_change *c, const struct vn_pools *pools)
{
	const uint64_t n = c->m.value[VN_MODIFY_QUEUE_PAIRS];
	const uint32_t have = c->before.max_queue_pairs;
	uint32_t vectors;

	if (n < pools->min_qp || n > pools->max_qp)
		return ctrl_refuse(c, VIRTNET_ERR_QUEUES, "%u to %u queue pairs are possible",
			pools->min_qp, pools->max_qp);
	if (n > port_pairs(c))
		return ctrl_refuse(c, VIRTNET_ERR_QUEUES,
			"VFs were made with one queue pair, so its representor has one queue and "
			"cannot get more: give all VFs two pairs at least (6 vectors, "
			"max_queue_pairs), then lower those that need one");
	if (n > have && n - have > pools->qp_free)
		return ctrl_refuse(c, VIRTNET_ERR_QUEUES,
			"%u more queue pairs are needed, and the PF's pool has %u: lower another "
			"VF first",
			(uint32_t)n - have, pools->qp_free);
	vectors = vectors_of((uint32_t)n);
	/* One that had more vectors than its queues keeps them as long as it gives no pair back. */
	if (n >= have)
		vectors = RTE_MAX(vectors, (uint32_t)c->before.num_msix);
	else
		vectors = RTE_MIN(vectors, (uint32_t)c->before.num_msix);
	if (vectors > (uint32_t)c->before.num_msix + pools->msix_free)
		return ctrl_refuse(c, VIRTNET_ERR_QUEUES,
			"%u queue pairs need %u vectors, the device has %u and the PF's pool %u",
			(uint32_t)n, vectors, c->before.num_msix, pools->msix_free);
	set(c, vectors, (uint32_t)n);
	c->wanted.num_queues = (uint16_t)(2 * n + 1);
	return 0;
}

/* A PF has no pool above it: it has the vectors that it was made with. */
static int
check_pf_pairs(const struct vn_device *dev, struct ctrl_change *c)
{
	const uint64_t n = c->m.value[VN_MODIFY_QUEUE_PAIRS];
	uint32_t most = port_pairs(c);

	if (dev->conf.num_msix != 0)
		most = RTE_MIN(most, RTE_MAX(pairs_of(dev->conf.num_msix), 1u));
	if (n > most)
		return ctrl_refuse(
			c, VIRTNET_ERR_QUEUES, "this PF was made for %u queue pairs", most);
	set(c, c->before.num_msix, (uint32_t)n);
	c->wanted.num_queues = (uint16_t)(2 * n + 1);
	return 0;
}

int
ctrl_pools_check(struct vn_controller *ctrl, const struct vn_device *dev, struct ctrl_change *c)
{
	const bool msix = ctrl_asks(c, VN_MODIFY_MSIX_NUM);
	const struct vn_device *pf;
	struct vn_pools pools;

	if (msix && ctrl_asks(c, VN_MODIFY_QUEUE_PAIRS))
		return ctrl_refuse(c, -EINVAL,
			"msix_num and max_queue_pairs exclude one another: each brings the other "
			"along");
	if (!msix && !ctrl_asks(c, VN_MODIFY_QUEUE_PAIRS))
		return 0;
	if (dev->conf.type != VN_VF) {
		if (msix)
			return ctrl_refuse(c, VIRTNET_ERR_NOT_SUPPORTED,
				"msix_num is for VFs: the vectors of a PF are a capacity setting, "
				"VIRTIO_NET_EMULATION_NUM_MSIX, or follow from hotplug -qp");
		return check_pf_pairs(dev, c);
	}
	pf = parent(ctrl, dev);
	if (pf == NULL)
		return ctrl_refuse(c, VIRTNET_ERR_VF_DEV_GET, "its PF is not there");
	vn_controller_pools(ctrl, pf, &pools);
	return msix ? check_msix(c, &pools) : check_pairs(c, &pools);
}

/* What a VF gives is the pool's when that cannot be undone any more: another may have it then. */
static void
change_pools(struct vn_controller *ctrl, const struct vn_device *dev, int32_t msix, int32_t qp)
{
	struct vn_device *pf;

	if (dev->conf.type != VN_VF || (msix == 0 && qp == 0))
		return;
	pf = parent(ctrl, dev);
	if (pf == NULL || pf->ctrl == NULL)
		return;
	pf->ctrl->msix_pool += (uint32_t)msix;
	pf->ctrl->qp_pool += (uint32_t)qp;
	ctrl_save(ctrl, pf);
}

void
ctrl_pools_take(struct vn_controller *ctrl, const struct vn_device *dev,
	const struct ctrl_change *c, bool undo)
{
	const int32_t msix = RTE_MIN(c->msix_back, 0), qp = RTE_MIN(c->qp_back, 0);

	change_pools(ctrl, dev, undo ? -msix : msix, undo ? -qp : qp);
}

void
ctrl_pools_give(
	struct vn_controller *ctrl, const struct vn_device *dev, const struct ctrl_change *c)
{
	change_pools(ctrl, dev, RTE_MAX(c->msix_back, 0), RTE_MAX(c->qp_back, 0));
}
