/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include "ctl_show.h"
#include "vn_model.h"
#include "vn_poller.h"

static json_t *
show_poller(struct vn_poller *p)
{
	const struct vn_poller_stats *s = vn_poller_stats(p);
	struct ctl_obj o = ctl_obj_begin();

	ctl_put_num(&o, "index", vn_poller_index(p));
	ctl_put_num(&o, "lcore", vn_poller_lcore(p));
	ctl_put_num(&o, "devices", vn_poller_devices(p));
	ctl_put_num(&o, "hot_pairs", CTL_READ(s->hot_pairs));
	ctl_put_num(&o, "cold_pairs", CTL_READ(s->cold_pairs));
	ctl_put_num(&o, "cooled", CTL_READ(s->cooled));
	ctl_put_num(&o, "heated", CTL_READ(s->heated));
	ctl_put_num(&o, "rounds", CTL_READ(s->rounds));
	ctl_put_num(&o, "busy_rounds", CTL_READ(s->busy_rounds));
	ctl_put_num(&o, "busy_cycles", CTL_READ(s->busy_cycles));
	ctl_put_num(&o, "sleeps", CTL_READ(s->sleeps));
	ctl_put_num(&o, "wakes", CTL_READ(s->wakes));
	ctl_put_num(&o, "packets", CTL_READ(s->packets));
	ctl_put_num(&o, "commands", CTL_READ(s->commands));
	ctl_put_num(&o, "late_acknowledgements", vn_poller_late(p));
	ctl_put(&o, "answers", json_boolean(vn_poller_answers(p)));
	return ctl_obj_end(&o);
}

json_t *
ctl_show_pollers(struct vn_pollers *pollers)
{
	unsigned int i, n = pollers != NULL ? vn_pollers_count(pollers) : 0;
	json_t *array = json_array();

	for (i = 0; i < n; i++) {
		if (json_array_append_new(array, show_poller(vn_pollers_get(pollers, i))) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/** Percent of an lcore. */
static json_t *
percent(uint32_t thousandths)
{
	return json_real((double)thousandths * 100 / VN_PLACE_FULL);
}

static json_t *
show_loads(const struct vn_place_result *r, struct vn_pollers *pollers)
{
	json_t *array = json_array();
	struct ctl_obj o;

	for (unsigned int i = 0; pollers != NULL && i < vn_pollers_count(pollers); i++) {
		if (i == VN_PLACE_POLLERS)
			break;
		o = ctl_obj_begin();
		ctl_put_num(&o, "lcore", vn_poller_lcore(vn_pollers_get(pollers, i)));
		ctl_put(&o, "load", percent(r->load[i]));
		ctl_put(&o, "after", percent(r->after[i]));
		json_array_append_new(array, ctl_obj_end(&o));
	}
	return array;
}

/** Devices that the dry run would move, or that are on their way. */
static json_t *
show_moves(const struct vn_controller *ctrl, struct vn_pollers *pollers)
{
	json_t *array = json_array();
	struct ctl_obj o;

	for (unsigned int i = 0; pollers != NULL && i < ctrl->num_devices; i++) {
		const struct vn_device *dev = ctrl->device[i];
		const struct vn_poller *on = vn_device_poller(dev), *to;

		if (dev->ctrl == NULL || !dev->ctrl->placed || on == NULL)
			continue;
		to = vn_pollers_get(pollers, dev->ctrl->should_be);
		if (to == NULL || to == on)
			continue;
		o = ctl_obj_begin();
		ctl_put_str(&o, "vuid", dev->conf.vuid);
		ctl_put_num(&o, "from_lcore", vn_poller_lcore(on));
		ctl_put_num(&o, "to_lcore", vn_poller_lcore(to));
		ctl_put(&o, "load", percent(dev->ctrl->load));
		json_array_append_new(array, ctl_obj_end(&o));
	}
	return array;
}

json_t *
ctl_show_placement(const struct vn_controller *ctrl, struct vn_pollers *pollers)
{
	struct vn_controller_placement p;
	struct ctl_obj o = ctl_obj_begin();

	vn_controller_placement(ctrl, &p);
	ctl_put_str(&o, "policy", p.fixed ? "fixed" : "auto");
	ctl_put_num(&o, "dry_runs", p.runs);
	ctl_put_num(&o, "moves", p.moves);
	ctl_put(&o, "worth_it", json_boolean(p.last.worth));
	ctl_put_num(&o, "variance", p.last.variance);
	ctl_put_num(&o, "variance_after", p.last.variance_after);
	ctl_put(&o, "pollers", show_loads(&p.last, pollers));
	ctl_put(&o, "would_move", show_moves(ctrl, pollers));
	return ctl_obj_end(&o);
}

/** Interrupts that wait by load; null: they wait as somebody said. */
static json_t *
show_dim(const struct vn_model_queue_info *q)
{
	struct ctl_obj o;

	if (!q->dim)
		return json_null();
	o = ctl_obj_begin();
	ctl_put_num(&o, "level", q->dim_level);
	ctl_put_num(&o, "usecs", q->coal_usecs);
	ctl_put_num(&o, "packets", q->coal_packets);
	ctl_put_num(&o, "steps_kept", q->dim_kept);
	ctl_put_num(&o, "steps_taken_back", q->dim_taken_back);
	return ctl_obj_end(&o);
}

static json_t *
show_ring(const struct vn_device *dev, unsigned int idx)
{
	static const char *const state[] = {
		[VN_VQ_STOPPED] = "stopped",
		[VN_VQ_STARTING] = "starting",
		[VN_VQ_RUNNING] = "running",
		[VN_VQ_STOPPING] = "stopping",
	};
	const struct vn_device_vq *vq = &dev->vq[idx];
	struct ctl_obj o = ctl_obj_begin();
	struct vn_model_queue_info model;
	struct ctl_dbg dbg;

	ctl_dbg_read(dev, idx, &dbg);
	ctl_put_num(&o, "index", idx);
	ctl_put_str(&o, "kind",
		!ctl_queue_is_data(dev, idx) ? "control"
		: idx % 2 == 0               ? "rx"
					     : "tx");
	ctl_put_str(&o, "state", (unsigned int)vq->state < RTE_DIM(state) ? state[vq->state] : "?");
	ctl_put_num(&o, "size", vq->setup.size);
	ctl_put_num(&o, "start", vq->setup.start);
	ctl_put_num(&o, "stopped_at", vq->position);
	ctl_put_num(&o, "packets", dbg.packets);
	ctl_put_num(&o, "bad_header", dbg.bad_header);
	ctl_put_num(&o, "oversized", dbg.oversized);
	ctl_put_num(&o, "no_buffer", dbg.no_buffer);
	ctl_put_num(&o, "interrupts", dbg.interrupts);
	ctl_put_num(&o, "suppressed_interrupts", dbg.suppressed);
	if (vn_model_queue_info(dev, idx, &model))
		ctl_put_num(&o, "notifications", model.notifications);
	ctl_put(&o, "dim", show_dim(&model));
	return ctl_obj_end(&o);
}

/** Rings that are or were in use. */
static json_t *
show_rings(const struct vn_device *dev)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < dev->num_vqs; i++) {
		if (dev->vq[i].state == VN_VQ_STOPPED && dev->vq[i].setup.size == 0)
			continue;
		if (json_array_append_new(array, show_ring(dev, i)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
show_port_queues(const struct vn_device *dev)
{
	const struct vn_port_stats *s;
	json_t *array = json_array();
	struct ctl_obj o;
	unsigned int qp;

	for (qp = 0; qp < dev->conf.max_queue_pairs; qp++) {
		s = vn_device_port_stats(dev, qp);
		if (s == NULL)
			continue;
		o = ctl_obj_begin();
		ctl_put_num(&o, "pair", qp);
		ctl_put_num(&o, "rx_packets", CTL_READ(s->rx_packets));
		ctl_put_num(&o, "rx_bytes", CTL_READ(s->rx_bytes));
		ctl_put_num(&o, "rx_errors", CTL_READ(s->rx_errors));
		ctl_put_num(&o, "rx_no_mbuf", CTL_READ(s->rx_no_mbuf));
		ctl_put_num(&o, "rx_full", CTL_READ(s->rx_full));
		ctl_put_num(&o, "tx_packets", CTL_READ(s->tx_packets));
		ctl_put_num(&o, "tx_bytes", CTL_READ(s->tx_bytes));
		ctl_put_num(&o, "tx_dropped", CTL_READ(s->tx_dropped));
		if (json_array_append_new(array, ctl_obj_end(&o)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
show_port(const struct vn_device *dev)
{
	const struct vn_port_info *p = &dev->port_info;
	struct ctl_obj o = ctl_obj_begin();

	ctl_put_str(&o, "kind", dev->env.port_ops != NULL ? dev->env.port_ops->kind : "");
	ctl_put_str(&o, "name", p->name);
	ctl_put_num(&o, "ifindex", p->ifindex > 0 ? (uint64_t)p->ifindex : 0);
	ctl_put_num(&o, "mtu", p->mtu);
	ctl_put(&o, "admin_up", json_boolean(p->admin_up));
	ctl_put(&o, "adopted", json_boolean(p->adopted));
	ctl_put(&o, "anti_spoof", json_boolean(p->anti_spoof));
	ctl_put(&o, "isolated", json_boolean(p->isolated));
	ctl_put_str(&o, "error", dev->port_error);
	ctl_put(&o, "queues", show_port_queues(dev));
	return ctl_obj_end(&o);
}

static json_t *
show_endpoint(const struct vn_device *dev)
{
	struct vn_endpoint_info info = {0};
	struct ctl_obj o = ctl_obj_begin();

	if (dev->transport != NULL && dev->endpoint != NULL)
		dev->transport->get_info(dev->endpoint, &info);
	ctl_put_str(&o, "kind", dev->transport != NULL ? dev->transport->name : "");
	ctl_put_str(&o, "socket", info.path);
	ctl_put_str(&o, "mode", info.client ? "client" : "server");
	ctl_put(&o, "connected", json_boolean(info.connected));
	ctl_put_num(&o, "connections", info.connections);
	ctl_put_num(&o, "protocol_errors", info.protocol_errors);
	ctl_put_num(&o, "mem_regions", info.mem_regions);
	ctl_put_num(&o, "mem_bytes", info.mem_bytes);
	if (dev->transport != NULL && dev->transport->full) {
		ctl_put_num(&o, "mem_files", info.mem_files);
		ctl_put_num(&o, "refused", info.refused);
		ctl_put_num(&o, "messages", info.messages);
		ctl_put_num(&o, "replies_waiting", info.replies_waiting);
		ctl_put(&o, "kept", json_boolean(info.kept));
	}
	return ctl_obj_end(&o);
}

/** Which frames the driver wants, and where they go. */
static json_t *
show_receive(const struct vn_model_info *model)
{
	struct ctl_obj o = ctl_obj_begin();

	ctl_put(&o, "promisc", json_boolean(model->promisc));
	ctl_put(&o, "allmulti", json_boolean(model->allmulti));
	ctl_put(&o, "alluni", json_boolean(model->alluni));
	ctl_put(&o, "nomulti", json_boolean(model->nomulti));
	ctl_put(&o, "nouni", json_boolean(model->nouni));
	ctl_put(&o, "nobcast", json_boolean(model->nobcast));
	ctl_put_num(&o, "unicast_macs", model->uni_macs);
	ctl_put_num(&o, "multicast_macs", model->multi_macs);
	ctl_put(&o, "vlan_filter", json_boolean(model->filter_vlan));
	ctl_put_num(&o, "vlans", model->vlans);
	ctl_put(&o, "rss", json_boolean(model->rss));
	ctl_put(&o, "hash_report", json_boolean(model->hash_report));
	ctl_put_hex(&o, "hash_types", model->hash_types);
	ctl_put_num(&o, "filtered", model->filtered);
	ctl_put_num(&o, "moved", model->moved);
	ctl_put_num(&o, "move_dropped", model->move_dropped);
	ctl_put_num(&o, "stay_dropped", model->stay_dropped);
	return ctl_obj_end(&o);
}

/** What the driver of a whole function has made of it; null where the VMM has that. */
static json_t *
show_function(const struct vn_device *dev)
{
	struct vn_model_info model;
	struct ctl_obj o;

	if (!vn_model_get_info(dev, &model))
		return json_null();
	o = ctl_obj_begin();
	ctl_put_str(&o, "doorbell", model.doorbell_seen ? "event" : "page");
	ctl_put(&o, "resetting", json_boolean(model.resetting));
	ctl_put_num(&o, "control_commands", model.commands);
	ctl_put_num(&o, "control_commands_ok", model.commands_ok);
	ctl_put(&o, "receive", show_receive(&model));
	return ctl_obj_end(&o);
}

json_t *
ctl_show_host(const struct vn_host *host)
{
	const struct vn_host_conf *conf = vn_host_conf_of(host);
	struct ctl_obj o = ctl_obj_begin();
	json_t *ports = json_array();
	struct vn_host_info info;

	vn_host_get_info(host, &info);
	for (unsigned int i = 0; i < conf->n_ports; i++)
		json_array_append_new(ports, json_string(conf->port[i]));
	ctl_put_str(&o, "name", conf->name);
	ctl_put_str(&o, "qmp", conf->qmp);
	ctl_put(&o, "connected", json_boolean(info.connected));
	ctl_put_str(&o, "problem", info.why != NULL ? info.why : "");
	ctl_put_str(&o, "qemu", info.version);
	ctl_put_num(&o, "connections", info.connections);
	ctl_put_num(&o, "ports_free", info.ports_free);
	ctl_put(&o, "ports", ports);
	return ctl_obj_end(&o);
}

static const char *
attach_name(const struct vn_device *dev)
{
	static const char *const name[] = {
		[VN_DETACHED] = "detached",
		[VN_ATTACHING] = "attaching",
		[VN_ATTACHED] = "attached",
		[VN_DETACHING] = "detaching",
	};

	return dev->ctrl != NULL ? name[dev->ctrl->attach] : "";
}

json_t *
ctl_show_debug(const struct vn_device *dev)
{
	const struct vn_poller *poller = vn_device_poller(dev);
	struct ctl_obj o = ctl_obj_begin();

	ctl_put_str(&o, "vuid", dev->conf.vuid);
	ctl_put(&o, "poller", poller != NULL ? json_integer(vn_poller_index(poller)) : json_null());
	ctl_put(&o, "lcore", poller != NULL ? json_integer(vn_poller_lcore(poller)) : json_null());
	ctl_put(&o, "broken", json_boolean(dev->broken));
	ctl_put_str(&o, "broken_why", dev->broken_why != NULL ? dev->broken_why : "");
	ctl_put_num(&o, "moves", dev->moves);
	ctl_put(&o, "load", percent(dev->ctrl != NULL ? dev->ctrl->load : 0));
	ctl_put_num(&o, "missed_deadlines", dev->missed_deadlines);
	ctl_put_num(&o, "spurious_kicks", vn_device_spurious_kicks(dev));
	ctl_put_str(&o, "vm_state", attach_name(dev));
	/* Over vhost-user: whom its driver sends as, if that is not our MAC. */
	ctl_put_mac(&o, "guest_mac", dev->guest_mac);
	ctl_put(&o, "transport", show_endpoint(dev));
	ctl_put(&o, "function", show_function(dev));
	ctl_put(&o, "port", show_port(dev));
	ctl_put(&o, "rings", show_rings(dev));
	return ctl_obj_end(&o);
}
