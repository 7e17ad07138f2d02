/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* health show (contract 4.13, 7.5). What each counter means here is in doc/keys.md. */

#include "ctl_select.h"

/** Addresses outside the guest's memory, and times that memory went away. */
static uint64_t
read_errors(const struct vn_device *dev)
{
	uint64_t n = dev->health.memory_lost;

	for (unsigned int i = 0; i < dev->num_vqs; i++)
		n += CTL_READ(dev->vq[i].stats.invalid_buffer);
	return n;
}

static json_t *
show_control_plane(const struct vn_device_health *h)
{
	struct ctl_obj o = ctl_obj_begin();

	ctl_put_num(&o, "sf_rqt_update_err", h->queue_tables);
	/* There is no drop queue that could fail to be made. */
	ctl_put_num(&o, "sf_drop_create_err", 0);
	ctl_put_num(&o, "sf_tir_create_err", h->port_queues);
	ctl_put_num(&o, "steer_rx_domain_err", h->first_rules);
	ctl_put_num(&o, "steer_rx_table_err", h->mac_tables);
	ctl_put_num(&o, "sf_flows_apply_err", h->rules);
	/* Flows are steered by the rules of above. */
	ctl_put_num(&o, "aarfs_flow_init_err", 0);
	ctl_put_num(&o, "vlan_flow_init_err", h->vlans);
	/* A drop counter is switched by remembering where it stands. */
	ctl_put_num(&o, "drop_cnt_config_err", 0);
	return ctl_obj_end(&o);
}

static json_t *
show_data_plane(const struct vn_device *dev)
{
	struct ctl_obj o = ctl_obj_begin();

	ctl_put_num(&o, "sq_stall", dev->health.tx_stalls);
	ctl_put_num(&o, "dma_q_stall", dev->missed_deadlines);
	ctl_put_num(&o, "spurious_db_invoke", vn_device_spurious_kicks(dev));
	/* There is no auxiliary unit: control queues are served by the control thread, which is
	 * answering now.
	 */
	ctl_put_num(&o, "aux_not_invoked", 0);
	ctl_put_num(&o, "dma_q_errors", dev->health.rings_broken);
	ctl_put_num(&o, "host_read_errors", read_errors(dev));
	return ctl_obj_end(&o);
}

json_t *
ctl_show_health(struct vn_device *dev)
{
	struct ctl_obj o = ctl_obj_begin(), details = ctl_obj_begin();
	const char *problem = "";

	vn_device_check_health(dev);
	ctl_put_num(&o, "pf_id", dev->conf.pf_id);
	if (dev->conf.type == VN_VF)
		ctl_put_num(&o, "vf_id", dev->conf.vf_id);
	ctl_put_str(&o, "type", ctl_function_type(dev->conf.type));
	ctl_put_str(&o, "vuid", dev->conf.vuid);
	ctl_put(&o, "dev_status", ctl_bits(dev->status, ctl_status_name));
	ctl_put_str(&o, "health_status", dev->health.fatal ? "Fatal" : "Good");
	ctl_put_num(&o, "health_recover_counter", dev->health.recovered);
	ctl_put(&details, "control_plane_errors", show_control_plane(&dev->health));
	ctl_put(&details, "data_plane_errors", show_data_plane(dev));
	ctl_put(&o, "dev_health_details", ctl_obj_end(&details));
	/* Ours. */
	if (dev->port_error[0] != '\0')
		problem = dev->port_error;
	else if (dev->broken)
		problem = dev->broken_why != NULL ? dev->broken_why : "broken";
	else if (dev->health.fatal)
		problem = "its poller does not answer";
	ctl_put_str(&o, "problem", problem);
	return ctl_obj_end(&o);
}

static json_t *
health_one(struct vn_ctl *ctl, struct vn_device *dev, void *ctx)
{
	(void)ctl;
	(void)ctx;
	return ctl_show_health(dev);
}

json_t *
ctl_do_health_show(struct vn_ctl *ctl, const struct ctl_args *args, struct ctl_reply *reply)
{
	struct ctl_select sel;
	json_t *refusal = ctl_select(ctl, args, &sel);
	struct ctl_obj o;

	if (refusal != NULL)
		return refusal;
	if (!sel.many)
		return ctl_show_health(ctl_find_device(ctl, args));
	o = ctl_obj_begin();
	ctl_put(&o, "devices", ctl_show_page(ctl, args, &sel, reply, health_one, NULL));
	return ctl_obj_end(&o);
}
