/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * Which devices there are: an array in order, for who goes through all, and a hash of the VUIDs.
 * A thousand come and go at once, so neither is searched from end to end.
 */

#include <string.h>

#include "ctrl_private.h"

/* FNV-1a */
static uint32_t
hash_of(const char *vuid)
{
	uint32_t h = UINT32_C(0x811c9dc5);

	for (; *vuid != '\0'; vuid++)
		h = (h ^ (uint8_t)*vuid) * UINT32_C(0x01000193);
	return h;
}

/* A sum that orders PFs by id, each followed by its VFs. */
static uint32_t
rank(const struct vn_device *dev)
{
	return (uint32_t)dev->conf.pf_id << 16 |
	       (dev->conf.type == VN_VF ? dev->conf.vf_id + 1u : 0);
}

/* Where @p wanted is, or is to be put. */
static unsigned int
place_of(const struct vn_controller *ctrl, uint32_t wanted)
{
	unsigned int low = 0, high = ctrl->num_devices;

	while (low < high) {
		const unsigned int mid = (low + high) / 2;

		if (rank(ctrl->device[mid]) < wanted)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
ctrl_enlist(struct vn_controller *ctrl, struct vn_device *dev)
{
	const unsigned int i = place_of(ctrl, rank(dev));
	struct vn_ctrl_dev *info = dev->ctrl, **bucket;

	memmove(&ctrl->device[i + 1], &ctrl->device[i],
		(ctrl->num_devices - i) * sizeof(ctrl->device[0]));
	ctrl->device[i] = dev;
	ctrl->num_devices++;
	info->dev = dev;
	info->hash = hash_of(dev->conf.vuid);
	bucket = &ctrl->priv->vuids[info->hash % CTRL_BUCKETS];
	info->same_hash = *bucket;
	*bucket = info;
}

void
ctrl_unlist(struct vn_controller *ctrl, struct vn_ctrl_dev *info)
{
	struct vn_ctrl_dev **at = &ctrl->priv->vuids[info->hash % CTRL_BUCKETS];
	unsigned int i = 0;

	while (*at != NULL && *at != info)
		at = &(*at)->same_hash;
	if (*at != NULL)
		*at = info->same_hash;
	/* By its address: the device itself may be gone. */
	while (i < ctrl->num_devices && ctrl->device[i] != info->dev)
		i++;
	if (i == ctrl->num_devices)
		return;
	ctrl->num_devices--;
	memmove(&ctrl->device[i], &ctrl->device[i + 1],
		(ctrl->num_devices - i) * sizeof(ctrl->device[0]));
}

struct vn_device *
vn_controller_find(struct vn_controller *ctrl, int pf, int vf)
{
	uint32_t wanted;
	unsigned int i;

	if (pf < 0 || pf > UINT16_MAX || vf > UINT16_MAX - 1)
		return NULL;
	wanted = (uint32_t)pf << 16 | (vf < 0 ? 0 : (uint32_t)vf + 1);
	i = place_of(ctrl, wanted);
	return i < ctrl->num_devices && rank(ctrl->device[i]) == wanted ? ctrl->device[i] : NULL;
}

struct vn_device *
vn_controller_find_vuid(struct vn_controller *ctrl, const char *vuid)
{
	const uint32_t hash = hash_of(vuid);
	struct vn_ctrl_dev *info = ctrl->priv->vuids[hash % CTRL_BUCKETS];

	while (info != NULL && (info->hash != hash || strcmp(info->dev->conf.vuid, vuid) != 0))
		info = info->same_hash;
	return info != NULL ? info->dev : NULL;
}
