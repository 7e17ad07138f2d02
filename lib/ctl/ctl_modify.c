/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* modify: one device or many, all of which are changed side by side. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_select.h"
#include "vn_errors.h"

/** A modify of many devices until the last of them has ended. */
struct batch {
	struct ctl_pending *pending;
	unsigned int left, changed;
	bool no_memory;
	int result;     /**< the first failure */
	json_t *failed; /**< one element per device that failed */
	char warning[160];
};

/** Parameters of the wire for the options that are numbers. */
static const struct {
	const char *name;
	enum vn_modify_option option;
} numbers[] = {
	{"mtu", VN_MODIFY_MTU},
	{"speed", VN_MODIFY_SPEED},
	{"link", VN_MODIFY_LINK},
	{"state", VN_MODIFY_STATE},
	{"features", VN_MODIFY_FEATURES},
	{"supported_hash_types", VN_MODIFY_HASH_TYPES},
	{"rss_max_key_size", VN_MODIFY_RSS_KEY_SIZE},
	{"rx_mode", VN_MODIFY_RX_MODE},
	{"msix_num", VN_MODIFY_MSIX_NUM},
	{"max_queue_size", VN_MODIFY_QUEUE_SIZE},
	{"max_queue_pairs", VN_MODIFY_QUEUE_PAIRS},
	{"dst_port", VN_MODIFY_DST_PORT},
	{"rx_dma_q_num", VN_MODIFY_RX_DMA_Q_NUM},
};

/** Those that say enable or disable. */
static const struct {
	const char *name;
	enum vn_modify_option option;
} switches[] = {
	{"drop_counter", VN_MODIFY_DROP_COUNTER},
	{"pkt_cnt", VN_MODIFY_PKT_CNT},
	{"aarfs", VN_MODIFY_AARFS},
	{"dim_config", VN_MODIFY_DIM},
	{"net_dim_config", VN_MODIFY_DIM},
};

static void
device_options(const struct ctl_args *args, struct vn_modify *m)
{
	const struct ctl_value *v = ctl_args_get(args, "mac");
	unsigned int i;

	memset(m, 0, sizeof(*m));
	if (v != NULL) {
		m->has |= UINT32_C(1) << VN_MODIFY_MAC;
		m->mac = v->str;
	}
	for (i = 0; i < RTE_DIM(numbers); i++) {
		v = ctl_args_get(args, numbers[i].name);
		if (v == NULL)
			continue;
		m->has |= UINT32_C(1) << numbers[i].option;
		m->value[numbers[i].option] = v->num;
	}
	for (i = 0; i < RTE_DIM(switches); i++) {
		v = ctl_args_get(args, switches[i].name);
		if (v == NULL)
			continue;
		m->has |= UINT32_C(1) << switches[i].option;
		m->value[switches[i].option] = strcmp(v->str, "enable") == 0;
	}
}

static void
queue_options(const struct ctl_args *args, struct vn_modify *m)
{
	memset(m, 0, sizeof(*m));
	m->has = UINT32_C(1) << VN_MODIFY_QUEUE;
	m->coal_mode = strcmp(ctl_args_get(args, "period_mode")->str, "event") == 0 ? 1 : 2;
	m->coal_usecs = ctl_args_get(args, "period")->num;
	m->coal_packets = ctl_args_get(args, "max_count")->num;
}

/**
 * {"errno": 0, "errstr": "Success"}, or the failure. What was done, and is better not used, comes
 * with a text, which is a key of its own.
 */
static json_t *
outcome(int result, const char *text)
{
	struct ctl_obj o;

	if (result != 0)
		return ctl_failure(result, text);
	if (text == NULL || text[0] == '\0')
		return ctl_error(0, NULL);
	o = ctl_obj_begin();
	ctl_put_num(&o, "errno", 0);
	ctl_put_str(&o, "errstr", vn_error_text(0));
	ctl_put_str(&o, "warning", text);
	return ctl_obj_end(&o);
}

static void
one_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	(void)dev;
	ctl_complete(ctx, outcome(result, text));
}

/** Who failed and why; the keys of identity are those of list. */
static json_t *
failure_of(const struct vn_device *dev, int result, const char *text)
{
	struct ctl_obj o = ctl_obj_begin();
	json_t *why = ctl_failure(result, text);

	if (dev != NULL && dev->conf.type == VN_VF) {
		ctl_put_num(&o, "vf_id", dev->conf.vf_id);
		ctl_put_num(&o, "parent_pf_id", dev->conf.pf_id);
	} else if (dev != NULL) {
		ctl_put_num(&o, "pf_id", dev->conf.pf_id);
	}
	if (dev != NULL)
		ctl_put_str(&o, "vuid", dev->conf.vuid);
	if (why == NULL || (o.json != NULL && json_object_update(o.json, why) != 0))
		o.failed = true;
	json_decref(why);
	return ctl_obj_end(&o);
}

/** One less that the answer waits for. */
static void
batch_next(struct batch *b)
{
	json_t *answer = NULL;

	if (--b->left > 0)
		return;
	if (!b->no_memory)
		answer = outcome(b->result, b->result != 0 ? "" : b->warning);
	if (answer != NULL && b->result != 0) {
		if (json_object_set_new(answer, "changed", json_integer(b->changed)) != 0 ||
			json_object_set(answer, "failed", b->failed) != 0) {
			json_decref(answer);
			answer = NULL;
		}
	}
	json_decref(b->failed);
	ctl_complete(b->pending, answer);
	free(b);
}

static void
batch_done(void *ctx, int result, const char *text, struct vn_device *dev)
{
	struct batch *b = ctx;

	if (result == 0) {
		b->changed++;
		if (text != NULL && text[0] != '\0')
			snprintf(b->warning, sizeof(b->warning), "%s", text);
	} else {
		if (b->result == 0)
			b->result = result;
		if (json_array_append_new(b->failed, failure_of(dev, result, text)) != 0)
			b->no_memory = true;
	}
	batch_next(b);
}

/** Change all that @p sel means, side by side: what is written to disk is written together. */
static void
modify_many(struct vn_ctl *ctl, const struct ctl_select *sel, const struct vn_modify *m,
	struct ctl_pending *p)
{
	struct batch *b = calloc(1, sizeof(*b));
	const struct vn_controller *c = ctl->controller;

	if (b == NULL || (b->failed = json_array()) == NULL) {
		free(b);
		ctl_complete(p, NULL);
		return;
	}
	b->pending = p;
	/* One for ourselves: answers may come at once. */
	b->left = 1;
	for (unsigned int i = 0; i < c->num_devices; i++) {
		if (!ctl_selected(sel, c->device[i]))
			continue;
		b->left++;
		vn_controller_modify(ctl->controller, c->device[i], m, batch_done, b);
	}
	batch_next(b);
}

static json_t *
modify(struct vn_ctl *ctl, const struct ctl_args *args, const struct vn_modify *m,
	struct ctl_reply *reply)
{
	struct ctl_select sel;
	json_t *refusal = ctl_select(ctl, args, &sel);
	struct ctl_pending *p;

	if (refusal != NULL)
		return refusal;
	if (m->has == 0)
		return ctl_error(
			-EINVAL, "nothing to change: name an option, see modify device -h");
	p = ctl_defer(reply);
	if (p == NULL)
		return NULL;
	if (sel.many)
		modify_many(ctl, &sel, m, p);
	else
		vn_controller_modify(ctl->controller, ctl_find_device(ctl, args), m, one_done, p);
	return NULL;
}

json_t *
ctl_do_modify_device(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct vn_modify m;

	device_options(args, &m);
	return modify(ctl, args, &m, reply);
}

json_t *
ctl_do_modify_queue(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct vn_modify m;

	queue_options(args, &m);
	return modify(ctl, args, &m, reply);
}
