/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The switch and its ports, as the helper and the control thread see them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "sw_private.h"
#include "vn_features.h"

static uint64_t
switch_features(void)
{
	/* Whatever a receiver does not take is done in software. */
	return VN_NET_F_HOST_OFFLOADS | VN_NET_F_GUEST_OFFLOADS;
}

/* What the port is called in tables: the VUID, which ends the alias. */
static void
set_name(struct vn_port *port, const struct vn_port_conf *conf)
{
	const char *vuid = strrchr(conf->alias, ' ');

	snprintf(port->name, sizeof(port->name), "%s", vuid != NULL ? vuid + 1 : conf->name);
}

int
sw_port_add(struct vn_switch *sw, struct vn_port *port)
{
	unsigned int id = 1;
	int rc;

	pthread_mutex_lock(&sw->lock);
	while (id <= SW_PORTS_MAX && sw->port[id] != NULL)
		id++;
	rc = id > SW_PORTS_MAX ? -ENOSPC : 0;
	if (rc == 0) {
		port->id = (sw_port_id)id;
		sw->port[id] = port;
		rc = sw_map_update(sw);
		if (rc != 0)
			sw->port[id] = NULL;
	}
	pthread_mutex_unlock(&sw->lock);
	return rc;
}

static int
switch_open(const struct vn_port_conf *conf, struct vn_port **out, char *err, size_t errlen)
{
	struct vn_switch *sw = conf->ctx;
	struct vn_port *port =
		calloc(1, sizeof(*port) + conf->max_queue_pairs * sizeof(port->queue[0]));
	int rc = -ENOMEM;

	if (port != NULL) {
		port->sw = sw;
		port->max_queues = conf->max_queue_pairs;
		port->mtu = conf->mtu;
		port->link = conf->link_up;
		port->mac = sw_mac(conf->mac);
		port->anti_spoof = conf->anti_spoof;
		port->isolated = conf->isolated;
		set_name(port, conf);
		rc = sw_port_add(sw, port);
	}
	if (rc != 0) {
		snprintf(err, errlen, "switch port of %.100s: %s", conf->alias,
			rc == -ENOSPC ? "the switch has no more ports" : "no memory");
		free(port);
		return rc;
	}
	*out = port;
	return 0;
}

static void
port_free(struct sw_dead *dead)
{
	free(container_of(dead, struct vn_port, dead));
}

static void
switch_close(struct vn_port *port)
{
	struct vn_switch *sw;

	if (port == NULL)
		return;
	sw = port->sw;
	for (uint16_t i = 0; i < port->max_queues; i++)
		sw_queue_close(port->queue[i]);
	sw_fdb_flush(&sw->fdb, port->id);
	pthread_mutex_lock(&sw->lock);
	sw->port[port->id] = NULL;
	if (sw_map_update(sw) == 0) {
		sw_defer(sw, &port->dead, port_free);
	} else {
		/* It stays in the map, without queues, and keeps its number. */
		sw->port[port->id] = port;
		__atomic_store_n(&port->link, false, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&sw->lock);
}

static int
set_features(struct vn_port *port, uint64_t features)
{
	__atomic_store_n(&port->accept, vn_offload_accept(features), __ATOMIC_RELAXED);
	return 0;
}

static int
set_link(struct vn_port *port, bool up)
{
	__atomic_store_n(&port->link, up, __ATOMIC_RELAXED);
	return 0;
}

static int
set_mtu(struct vn_port *port, uint16_t mtu)
{
	port->mtu = RTE_MAX(port->mtu, mtu);
	return 0;
}

static int
set_mac(struct vn_port *port, const uint8_t mac[6])
{
	struct vn_switch *sw = port->sw;
	const uint64_t old = port->mac;
	int rc;

	pthread_mutex_lock(&sw->lock);
	__atomic_store_n(&port->mac, sw_mac(mac), __ATOMIC_RELAXED);
	rc = sw_map_update(sw);
	if (rc != 0)
		__atomic_store_n(&port->mac, old, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&sw->lock);
	return rc;
}

static int
get_info(struct vn_port *port, struct vn_port_info *info)
{
	*info = (struct vn_port_info){
		.ready = true,
		.mtu = port->mtu,
		.admin_up = true,
		.anti_spoof = port->anti_spoof,
		.isolated = port->isolated,
	};
	return 0;
}

static const struct vn_port_ops switch_ops = {
	.kind = "switch",
	.features = switch_features,
	.open = switch_open,
	.close = switch_close,
	.destroy = switch_close,
	.set_features = set_features,
	.set_link = set_link,
	.set_mtu = set_mtu,
	.set_mac = set_mac,
	.get_info = get_info,
	.queue_open = sw_queue_open,
	.queue_close = sw_queue_close,
	.queue_fd = sw_queue_fd,
	.rx_arm = sw_queue_arm,
	.queue_stats = sw_queue_stats,
	.rx_burst = sw_queue_rx,
	.tx_burst = sw_forward,
	.tx_views = sw_tx_views,
	.set_sink = sw_queue_set_sink,
};

int
vn_switch_create(const struct vn_switch_conf *conf, struct vn_switch **out)
{
	struct vn_switch *sw = calloc(1, sizeof(*sw));
	int rc = -ENOMEM;

	if (sw == NULL)
		return -ENOMEM;
	sw->conf = *conf;
	sw->ops = switch_ops;
	sw->ops.ctx = sw;
	sw->dead_end = &sw->dead;
	pthread_mutex_init(&sw->lock, NULL);
	if (sw_fdb_init(&sw->fdb, conf->table_size, conf->ageing_s, SW_PORTS_MAX + 1) == 0)
		rc = sw_map_update(sw);
	if (rc != 0) {
		vn_switch_destroy(sw);
		return rc;
	}
	*out = sw;
	return 0;
}

void
vn_switch_destroy(struct vn_switch *sw)
{
	if (sw == NULL)
		return;
	/* Uplinks, and what could not be taken out of the map. */
	for (unsigned int id = 1; id <= SW_PORTS_MAX; id++) {
		if (sw->port[id] == NULL)
			continue;
		if (sw->port[id]->uplink)
			sw_queue_close(sw->port[id]->queue[0]);
		sw_uplink_free(sw->port[id]->eth);
		free(sw->port[id]);
	}
	if (sw->map != NULL)
		sw_defer(sw, &sw->map->dead, sw_map_free);
	sw_reclaim_all(sw);
	sw_fdb_fini(&sw->fdb);
	pthread_mutex_destroy(&sw->lock);
	free(sw);
}

const struct vn_port_ops *
vn_switch_ops(struct vn_switch *sw)
{
	return &sw->ops;
}

void
vn_switch_tick(struct vn_switch *sw)
{
	sw_fdb_tick(&sw->fdb);
	pthread_mutex_lock(&sw->lock);
	sw_reclaim(sw);
	pthread_mutex_unlock(&sw->lock);
}

void
vn_switch_get_info(struct vn_switch *sw, struct vn_switch_info *info)
{
	memset(info, 0, sizeof(*info));
	pthread_mutex_lock(&sw->lock);
	info->stats = sw->gone.s;
	for (unsigned int id = 1; id <= sw->map->max_id; id++) {
		const struct vn_port *port = sw->port[id];

		if (port == NULL)
			continue;
		*(port->uplink ? &info->uplinks : &info->ports) += 1;
		for (uint16_t i = 0; i < port->max_queues; i++) {
			if (port->queue[i] != NULL)
				sw_counters_add(&info->stats, &port->queue[i]->counters.s);
		}
	}
	pthread_mutex_unlock(&sw->lock);
	info->table_size = (sw->fdb.mask + 1) * SW_FDB_WAYS;
	info->learnt = __atomic_load_n(&sw->fdb.learnt, __ATOMIC_RELAXED);
	info->moved = __atomic_load_n(&sw->fdb.moved, __ATOMIC_RELAXED);
	info->evicted = __atomic_load_n(&sw->fdb.evicted, __ATOMIC_RELAXED);
	info->refused = __atomic_load_n(&sw->fdb.refused, __ATOMIC_RELAXED);
}

static void
show_mac(struct vn_switch_entry *e, const struct vn_port *port, uint64_t mac)
{
	const uint16_t hi = (uint16_t)mac;
	const uint32_t lo = (uint32_t)(mac >> 16);

	memset(e, 0, sizeof(*e));
	memcpy(e->mac, &hi, sizeof(hi));
	memcpy(e->mac + sizeof(hi), &lo, sizeof(lo));
	snprintf(e->port, sizeof(e->port), "%s", port->name);
}

unsigned int
vn_switch_table(struct vn_switch *sw, struct vn_switch_entry *e, unsigned int n)
{
	const struct sw_fdb *fdb = &sw->fdb;
	const size_t places = ((size_t)fdb->mask + 1) * SW_FDB_WAYS;
	unsigned int got = 0;

	pthread_mutex_lock(&sw->lock);
	for (uint32_t i = 0; i < sw->map->n_ports && got < n; i++) {
		const struct vn_port *port = sw->map->port[i];

		if (port->mac == 0)
			continue;
		show_mac(&e[got], port, port->mac);
		e[got].anti_spoof = port->anti_spoof;
		e[got++].isolated = port->isolated;
	}
	for (size_t i = 0; i < places && got < n; i++) {
		const struct sw_fdb_entry *from = &fdb->entry[i];
		const uint64_t key = __atomic_load_n(&from->key, __ATOMIC_ACQUIRE);
		const uint32_t id = __atomic_load_n(&from->port, __ATOMIC_RELAXED);

		if (key == 0 || id > SW_PORTS_MAX || sw->port[id] == NULL)
			continue;
		show_mac(&e[got], sw->port[id], key >> 12);
		e[got].learnt = true;
		e[got].vlan = key & 0xfff;
		e[got++].age_s = fdb->now - __atomic_load_n(&from->seen, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&sw->lock);
	return got;
}
