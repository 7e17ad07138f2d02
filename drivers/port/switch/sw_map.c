/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The map of ports that pollers look at, and the end of what they may still look at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sw_private.h"

void
sw_map_free(struct sw_dead *dead)
{
	struct sw_map *map = (struct sw_map *)dead;

	free(map->port);
	free(map->by_id);
	free(map->hash);
	free(map);
}

static struct sw_map *
map_alloc(uint32_t ports, sw_port_id max_id)
{
	struct sw_map *map = calloc(1, sizeof(*map));
	const uint32_t places = rte_align32pow2(2 * ports + 2);

	if (map == NULL)
		return NULL;
	map->max_id = max_id;
	map->hash_mask = places - 1;
	map->port = calloc(ports + 1, sizeof(map->port[0]));
	map->by_id = calloc(max_id + 1u, sizeof(map->by_id[0]));
	map->hash = calloc(places, sizeof(map->hash[0]));
	if (map->port == NULL || map->by_id == NULL || map->hash == NULL) {
		sw_map_free(&map->dead);
		return NULL;
	}
	return map;
}

static void
map_add_static(struct sw_map *map, struct vn_port *port)
{
	const uint64_t mac = port->mac;
	uint32_t at = sw_hash(mac, map->hash_mask + 1);

	if (mac == 0)
		return;
	while (map->hash[at].mac != 0) {
		/* The first one has it. */
		if (map->hash[at].mac == mac)
			return;
		at = (at + 1) & map->hash_mask;
	}
	map->hash[at] = (struct sw_static){.mac = mac, .port = port};
}

int
sw_map_update(struct vn_switch *sw)
{
	struct sw_map *old = sw->map, *map;
	sw_port_id max_id = 0;
	uint32_t n = 0;

	for (unsigned int id = 1; id <= SW_PORTS_MAX; id++) {
		if (sw->port[id] != NULL) {
			max_id = (sw_port_id)id;
			n++;
		}
	}
	map = map_alloc(n, max_id);
	if (map == NULL)
		return -ENOMEM;
	for (int devices = 0; devices < 2; devices++) {
		for (unsigned int id = 1; id <= max_id; id++) {
			struct vn_port *port = sw->port[id];

			if (port == NULL || port->uplink == (bool)devices)
				continue;
			map->port[map->n_ports++] = port;
			map->n_uplinks += port->uplink;
			map->by_id[id] = port;
			map_add_static(map, port);
		}
	}
	__atomic_store_n(&sw->map, map, __ATOMIC_RELEASE);
	if (old != NULL)
		sw_defer(sw, &old->dead, sw_map_free);
	return 0;
}

void
sw_defer(struct vn_switch *sw, struct sw_dead *dead, void (*fn)(struct sw_dead *dead))
{
	dead->next = NULL;
	dead->free = fn;
	dead->token = rte_rcu_qsbr_start(sw->conf.qsbr);
	*sw->dead_end = dead;
	sw->dead_end = &dead->next;
	sw_reclaim(sw);
}

static void
free_first(struct vn_switch *sw)
{
	struct sw_dead *dead = sw->dead;

	sw->dead = dead->next;
	if (sw->dead == NULL)
		sw->dead_end = &sw->dead;
	dead->free(dead);
}

void
sw_reclaim(struct vn_switch *sw)
{
	while (sw->dead != NULL && rte_rcu_qsbr_check(sw->conf.qsbr, sw->dead->token, false) == 1)
		free_first(sw);
}

void
sw_reclaim_all(struct vn_switch *sw)
{
	while (sw->dead != NULL)
		free_first(sw);
}
