/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * How many devices there can be (contract 1.2). Software has few limits; the card that the
 * interface is of has some, which "limits": "bluefield3" enforces. Without it a warning says what
 * could not exist there.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctrl_private.h"
#include "vn_errors.h"
#include "vn_log.h"

/* PCIe functions towards a host, all kinds together. */
#define CARD_FUNCTIONS 256
/* Hotplug PFs when VFs are used as well; and most VFs of a PF for there to be any. */
#define CARD_MIXED_HOTPLUG 15
#define CARD_MIXED_VFS     127

static uint32_t
vfs_per_pf(const struct vn_controller *ctrl)
{
	const uint32_t *cap = ctrl->capacity.current;

	return cap[VN_CAP_SRIOV_EN] ? cap[VN_CAP_NUM_VF] : 0;
}

static uint32_t
native_pfs(const struct vn_controller *ctrl)
{
	return ctrl->conf.single_port ? 1 : 2;
}

static uint32_t
native_vfs(const struct vn_controller *ctrl)
{
	const uint32_t *cap = ctrl->capacity.current;

	return cap[VN_CAP_SRIOV_EN] ? cap[VN_CAP_NUM_OF_VFS] : 0;
}

/* Functions that are there, or reserved, without hotplug PFs: native ones, RShim, PFs, VFs. */
static uint32_t
reserved(const struct vn_controller *ctrl)
{
	return native_pfs(ctrl) * (1 + native_vfs(ctrl)) + 1 +
	       ctrl->capacity.current[VN_CAP_NUM_PF] * (1 + vfs_per_pf(ctrl));
}

/* Most hotplug PFs on the card, and by which rule. */
static unsigned int
card_hotplug(const struct vn_controller *ctrl, const char **rule)
{
	const uint32_t used = RTE_MIN(reserved(ctrl), (uint32_t)CARD_FUNCTIONS);
	const bool vfs = ctrl->capacity.current[VN_CAP_NUM_PF] > 0 && vfs_per_pf(ctrl) > 0;
	unsigned int n = VN_MAX_HOTPLUG_PF;

	*rule = "";
	if (vfs) {
		n = CARD_MIXED_HOTPLUG;
		*rule = "15 when VFs are used, too (VIRTIO_NET_EMULATION_NUM_VF)";
	}
	if (CARD_FUNCTIONS - used < n) {
		n = CARD_FUNCTIONS - used;
		*rule = "256 PCIe functions in all: PFs, VFs, native ones";
	}
	if (vfs && vfs_per_pf(ctrl) > CARD_MIXED_VFS) {
		n = 0;
		*rule = "none with more than 127 VFs of a PF (VIRTIO_NET_EMULATION_NUM_VF)";
	}
	return n;
}

unsigned int
vn_controller_max_hotplug(const struct vn_controller *ctrl)
{
	const uint32_t *cap = ctrl->capacity.current;
	unsigned int n = cap[VN_CAP_SWITCH_NUM_PORT];
	const char *rule;

	if (!cap[VN_CAP_EMULATION_ENABLE] || !cap[VN_CAP_SWITCH_ENABLE])
		return 0;
	return ctrl->conf.limits_bluefield3 ? RTE_MIN(n, card_hotplug(ctrl, &rule)) : n;
}

int
ctrl_limits_hotplug(const struct vn_controller *ctrl, unsigned int used, char *text, size_t len)
{
	const unsigned int max = vn_controller_max_hotplug(ctrl);
	const char *rule;
	const unsigned int card = card_hotplug(ctrl, &rule);

	if (used >= max) {
		if (ctrl->conf.limits_bluefield3 && card == max && rule[0] != '\0')
			snprintf(text, len,
				"%u hotplug devices are there, and %u are possible (\"limits\": "
				"\"bluefield3\": %s)",
				used, max, rule);
		else
			snprintf(text, len, "%u hotplug devices are there, and %u are possible",
				used, max);
		return VIRTNET_ERR_HOTPLUG;
	}
	if (used >= card)
		VN_WARN("hotplug device number %u: a BlueField-3 would not have it: %s", used + 1,
			rule);
	return 0;
}

int
ctrl_limits_start(const struct vn_controller *ctrl, char *err, size_t errlen)
{
	const uint32_t *cap = ctrl->capacity.current;
	char text[CTRL_TEXT_LEN];

	if (cap[VN_CAP_PER_PF_NUM_SF] && cap[VN_CAP_NUM_PF] > cap[VN_CAP_PF_TOTAL_SF]) {
		snprintf(err, errlen,
			"PER_PF_NUM_SF is 1 and PF_TOTAL_SF %u: not an SF for each of %u static "
			"PFs",
			cap[VN_CAP_PF_TOTAL_SF], cap[VN_CAP_NUM_PF]);
		return -EDQUOT;
	}
	if (reserved(ctrl) <= CARD_FUNCTIONS)
		return 0;
	snprintf(text, sizeof(text),
		"256 PCIe functions in all are possible, and %u static PFs with %u VFs each "
		"(VIRTIO_NET_EMULATION_NUM_VF), %u native PFs with %u VFs each (NUM_OF_VFS) and "
		"RShim are %u",
		cap[VN_CAP_NUM_PF], vfs_per_pf(ctrl), native_pfs(ctrl), native_vfs(ctrl),
		reserved(ctrl));
	if (ctrl->conf.limits_bluefield3) {
		snprintf(err, errlen, "\"limits\": \"bluefield3\": %s", text);
		return -EDQUOT;
	}
	VN_WARN("a BlueField-3 could not be set up so: %s", text);
	return 0;
}

int
ctrl_sf_room(const struct vn_controller *ctrl, const char *ib_dev, unsigned int n, char *text,
	size_t len)
{
	const uint32_t *cap = ctrl->capacity.current;
	const struct ctrl_op *op;
	unsigned int used = 0;

	if (!cap[VN_CAP_PER_PF_NUM_SF])
		return 0;
	for (unsigned int i = 0; i < ctrl->num_devices; i++)
		used += strcmp(ctrl->device[i]->conf.ib_dev, ib_dev) == 0;
	TAILQ_FOREACH (op, &ctrl->priv->ops, next) {
		if (op->vfs && op->dev != NULL && strcmp(op->dev->conf.ib_dev, ib_dev) == 0)
			used += ctrl_vfs_to_come(op);
	}
	if (used + n <= cap[VN_CAP_PF_TOTAL_SF])
		return 0;
	snprintf(text, len, "PF_TOTAL_SF is %u: %u SFs of %s are in use, and %u more are wanted",
		cap[VN_CAP_PF_TOTAL_SF], used, ib_dev, n);
	return VIRTNET_ERR_SF_CREATE;
}
