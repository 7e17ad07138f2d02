/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "ctl_show.h"
#include "vn_model.h"
#include "vn_poller.h"

/** From this MTU on a queue is prepared for jumbo frames. */
#define JUMBO_MTU 1501

static const char *const size_class_key[] = {
	"rx_64_or_less_octet_packets",
	"rx_65_to_127_octet_packets",
	"rx_128_to_255_octet_packets",
	"rx_256_to_511_octet_packets",
	"rx_512_to_1023_octet_packets",
	"rx_1024_to_1522_octet_packets",
	"rx_1523_to_2047_octet_packets",
	"rx_2048_to_4095_octet_packets",
	"rx_4096_to_8191_octet_packets",
	"rx_8192_to_9022_octet_packets",
};
static_assert(RTE_DIM(size_class_key) == RTE_DIM(((struct vn_virtq_stats *)0)->size_class),
	"contract 7.4");

/** Frames that the network side refused or damaged: what "error completions" are here. */
static uint64_t
port_errors(const struct vn_device *dev, unsigned int idx)
{
	const struct vn_port_stats *ps;

	if (!ctl_queue_is_data(dev, idx))
		return 0;
	ps = vn_device_port_stats(dev, idx / 2);
	if (ps == NULL)
		return 0;
	return idx % 2 == 0 ? CTL_READ(ps->rx_errors) : CTL_READ(ps->tx_dropped);
}

/** received_desc to rq_cq_period_mode; stats has one key more. */
static void
put_counters(struct ctl_obj *o, const struct vn_device *dev, unsigned int idx, bool in_stats)
{
	const struct vn_virtq_stats *s = &dev->vq[idx].stats;
	const struct vn_poller *poller = vn_device_poller(dev);
	struct vn_model_queue_info model;

	vn_model_queue_info(dev, idx, &model);
	ctl_put_dec(o, "received_desc", CTL_READ(s->received_desc));
	ctl_put_dec(o, "completed_desc", CTL_READ(s->completed_desc));
	ctl_put_dec(o, "bad_desc_errors", CTL_READ(s->bad_desc_errors));
	ctl_put_dec(o, "error_cqes", port_errors(dev, idx));
	ctl_put_dec(o, "exceed_max_chain", CTL_READ(s->exceed_max_chain));
	ctl_put_dec(o, "invalid_buffer", CTL_READ(s->invalid_buffer));
	ctl_put_dec(o, "batch_number", CTL_READ(s->batch_last));
	ctl_put_dec(o, "dma_q_used_number", ctl_queue_is_data(dev, idx) ? idx / 2 : 0);
	ctl_put_dec(o, "handler_schd_number", poller != NULL ? vn_poller_lcore(poller) : 0);
	ctl_put_dec(o, "aux_handler_schd_number", rte_get_main_lcore());
	ctl_put_dec(o, "max_post_desc_number", CTL_READ(s->max_post));
	ctl_put_dec(o, "total_bytes", CTL_READ(s->total_bytes));
	if (in_stats)
		ctl_put_dec(o, "err_handler_schd_num", 0);
	ctl_put_dec(o, "rq_cq_max_count", model.coal_packets);
	ctl_put_dec(o, "rq_cq_period", model.coal_usecs);
	ctl_put_dec(o, "rq_cq_period_mode", model.coal_mode);
}

void
ctl_dbg_read(const struct vn_device *dev, unsigned int idx, struct ctl_dbg *dbg)
{
	const struct vn_virtq_stats *s = &dev->vq[idx].stats;

	dbg->packets = CTL_READ(s->packets);
	dbg->bad_header = CTL_READ(s->bad_header);
	dbg->oversized = CTL_READ(s->oversized);
	dbg->no_buffer = CTL_READ(s->no_buffer);
	dbg->interrupts = CTL_READ(s->interrupts);
	dbg->suppressed = CTL_READ(s->suppressed);
}

/** A counter since the last --stats_clear; a device made anew counts from 0 again. */
static uint64_t
since(uint64_t now, uint64_t base)
{
	return now >= base ? now - base : now;
}

static void
put_dbg(struct ctl_obj *o, const struct vn_device *dev, unsigned int idx,
	const struct ctl_dbg *base)
{
	static const struct ctl_dbg zero;
	struct ctl_dbg now;

	if (base == NULL)
		base = &zero;
	ctl_dbg_read(dev, idx, &now);
	if (ctl_queue_is_data(dev, idx))
		ctl_put_num(o, "jumbo_mtu", dev->conf.mtu >= JUMBO_MTU);
	ctl_put_dec(o, "packets", since(now.packets, base->packets));
	ctl_put_dec(o, "bad_header", since(now.bad_header, base->bad_header));
	ctl_put_dec(o, "oversized", since(now.oversized, base->oversized));
	ctl_put_dec(o, "no_buffer", since(now.no_buffer, base->no_buffer));
	ctl_put_dec(o, "interrupts", since(now.interrupts, base->interrupts));
	ctl_put_dec(o, "suppressed_interrupts", since(now.suppressed, base->suppressed));
}

static void
put_histogram(struct ctl_obj *o, const char *what, const struct vn_latency *l)
{
	/* 0: nobody has started DPDK, in a test. */
	const uint64_t hz = RTE_MAX(rte_get_tsc_hz(), UINT64_C(1));
	const uint64_t value[] = {
		vn_latency_percentile(l, 50),
		vn_latency_percentile(l, 99),
		CTL_READ(l->max),
	};
	static const char *const name[] = {"p50", "p99", "max"};
	char key[32];

	for (unsigned int i = 0; i < RTE_DIM(value); i++) {
		snprintf(key, sizeof(key), "%s_%s_ns", what, name[i]);
		ctl_put_num(o, key, (uint64_t)((double)value[i] * 1e9 / (double)hz));
	}
}

/** What the poller takes for a queue; it was not measured before the first question. */
static json_t *
show_latency(const struct vn_device *dev, unsigned int idx)
{
	uint64_t since = 0;
	const struct vn_poll_latency *l = vn_device_latency(dev, idx, &since);
	struct ctl_obj o = ctl_obj_begin();

	if (l == NULL)
		return ctl_obj_end(&o);
	ctl_put_num(&o, "measured_ms", (vn_now_ns() - since) / VN_MS(1));
	ctl_put_num(&o, "samples", CTL_READ(l->service.count));
	put_histogram(&o, "service", &l->service);
	put_histogram(&o, "away", &l->away);
	return ctl_obj_end(&o);
}

/** What a driver finds in queue_notify_off; where we have no such register, the queue's number. */
static unsigned int
notify_offset(const struct vn_device *dev, unsigned int idx)
{
	struct vn_endpoint_info info = {0};

	if (ctl_queue_is_data(dev, idx) || dev->transport == NULL || !dev->transport->full ||
		dev->endpoint == NULL)
		return idx;
	dev->transport->get_info(dev->endpoint, &info);
	return info.ctrl_notify_offset;
}

static json_t *
show_queue(const struct vn_device *dev, unsigned int idx, const struct ctl_query *what)
{
	const struct vn_device_vq *vq = &dev->vq[idx];
	struct ctl_obj o = ctl_obj_begin();

	ctl_put_dec(&o, "index", idx);
	ctl_put_dec(&o, "size", vq->setup.size);
	ctl_put_hex_upper(&o, "msix_vector", vq->msix_vector);
	ctl_put_dec(&o, "enable", ctl_queue_enabled(dev, idx));
	ctl_put_dec(&o, "notify_offset", notify_offset(dev, idx));
	ctl_put_hex(&o, "descriptor_address", vq->setup.desc_gpa);
	ctl_put_hex(&o, "driver_address", vq->setup.avail_gpa);
	ctl_put_hex(&o, "device_address", vq->setup.used_gpa);
	put_counters(&o, dev, idx, false);
	if (what->dbg)
		put_dbg(&o, dev, idx, what->base != NULL ? &what->base[idx] : NULL);
	if (what->latency && ctl_queue_is_data(dev, idx))
		ctl_put(&o, "latency_stats", show_latency(dev, idx));
	return ctl_obj_end(&o);
}

json_t *
ctl_show_queues(const struct vn_device *dev, const struct ctl_query *what)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < dev->num_vqs; i++) {
		if (what->queue >= 0 ? i != (unsigned int)what->queue : !ctl_queue_enabled(dev, i))
			continue;
		if (json_array_append_new(array, show_queue(dev, i, what)) != 0)
			goto fail;
	}
	return array;
fail:
	json_decref(array);
	return NULL;
}

static json_t *
show_queue_stats(const struct vn_device *dev, unsigned int idx)
{
	const struct vn_virtq_stats *s = &dev->vq[idx].stats;
	struct ctl_obj o = ctl_obj_begin();
	unsigned int i;

	ctl_put_num(&o, "VQ Index", idx);
	/* Size classes are counted on receive queues only (contract 7.4). */
	if (ctl_queue_is_data(dev, idx) && idx % 2 == 0) {
		for (i = 0; i < RTE_DIM(size_class_key); i++)
			ctl_put_num(&o, size_class_key[i], CTL_READ(s->size_class[i]));
	}
	put_counters(&o, dev, idx, true);
	return ctl_obj_end(&o);
}

json_t *
ctl_show_stats(const struct vn_device *dev, int queue)
{
	struct ctl_obj o = ctl_obj_begin();
	json_t *array = json_array();
	unsigned int i;

	ctl_put_num(&o, "pf_id", dev->conf.pf_id);
	if (dev->conf.type == VN_VF)
		ctl_put_num(&o, "vf_id", dev->conf.vf_id);
	ctl_put_str(&o, "packet_counters", dev->count_sizes ? "Enabled" : "Disabled");
	for (i = 0; i < dev->num_vqs; i++) {
		if (queue >= 0 ? i != (unsigned int)queue : !ctl_queue_enabled(dev, i))
			continue;
		if (json_array_append_new(array, show_queue_stats(dev, i)) != 0)
			o.failed = true;
	}
	ctl_put(&o, "queues-stats", array);
	return ctl_obj_end(&o);
}
