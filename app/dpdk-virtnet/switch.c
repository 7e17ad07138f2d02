/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The embedded switch as a part of the program: made from the configuration, shown by "debug".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "app.h"
#include "vn_net_hdr.h"
#include "vn_poller.h"
#include "vn_switch.h"

/* Heads for copies of frames to many, as a share of all buffers. They have no room for data. */
#define CLONES_SHARE 2
#define CLONES_CACHE 256
/* Entries of the table that debug shows; the others are only counted. */
#define SHOW_MAX 256

struct app_uplink {
	struct vn_poller_cmd cmd;
	struct vn_poll_source *src;
	struct app_uplink *next;
};

static void
attach(struct vn_poller *poller, struct vn_poller_cmd *cmd)
{
	vn_poller_attach_source(poller, ((struct app_uplink *)cmd)->src);
}

static void
attached(struct vn_poller_cmd *cmd)
{
	RTE_SET_USED(cmd);
}

/* Each to the next poller. */
static int
add_uplinks(struct app_switch *s, const struct vn_conf_switch *conf, struct vn_pollers *pollers,
	char *err)
{
	for (unsigned int i = 0; i < conf->n_uplinks; i++) {
		struct app_uplink *u = calloc(1, sizeof(*u));
		int rc;

		if (u == NULL) {
			snprintf(err, APP_ERR_LEN, "out of memory");
			return -ENOMEM;
		}
		rc = vn_switch_add_uplink(s->sw, conf->uplink[i], &u->src, err, APP_ERR_LEN);
		if (rc != 0) {
			free(u);
			return rc;
		}
		u->next = s->uplinks;
		s->uplinks = u;
		u->cmd = (struct vn_poller_cmd){.exec = attach, .done = attached};
		vn_poller_call(vn_pollers_get(pollers, i % vn_pollers_count(pollers)), &u->cmd);
	}
	return 0;
}

static void
tick(void *ctx)
{
	struct app_switch *s = ctx;

	vn_switch_tick(s->sw);
	vn_loop_arm(s->loop, &s->tick, VN_SEC(1));
}

int
app_switch_make(struct app_switch *s, const struct vn_conf *conf, struct rte_mempool *pool,
	struct rte_rcu_qsbr *qsbr, struct vn_pollers *pollers, struct vn_loop *loop, char *err)
{
	const struct vn_switch_conf sc = {
		.table_size = conf->sw.table_size,
		.ageing_s = conf->sw.ageing,
		.qsbr = qsbr,
		.pool = pool,
		.clones = rte_pktmbuf_pool_create("vn_clones", pool->size / CLONES_SHARE,
			CLONES_CACHE, VN_MBUF_PRIV_SIZE, 0, SOCKET_ID_ANY),
	};
	int rc;

	s->loop = loop;
	s->clones = sc.clones;
	if (s->clones == NULL) {
		snprintf(err, APP_ERR_LEN,
			"no memory for the buffers of the embedded switch (%s): give the EAL more "
			"(-m MB, or hugepages), or ask for fewer (-- --mbufs N)",
			rte_strerror(rte_errno));
		return -ENOMEM;
	}
	rc = vn_switch_create(&sc, &s->sw);
	if (rc != 0) {
		snprintf(err, APP_ERR_LEN, "cannot make the embedded switch: %s", strerror(-rc));
		return rc;
	}
	s->tick = (struct vn_timer){.cb = tick, .ctx = s};
	vn_loop_arm(loop, &s->tick, VN_SEC(1));
	return add_uplinks(s, &conf->sw, pollers, err);
}

void
app_switch_free(struct app_switch *s)
{
	if (s->sw != NULL)
		vn_loop_cancel(s->loop, &s->tick);
	vn_switch_destroy(s->sw);
	for (struct app_uplink *u = s->uplinks, *next; u != NULL; u = next) {
		next = u->next;
		free(u);
	}
	rte_mempool_free(s->clones);
}

static json_t *
show_table(struct vn_switch *sw, unsigned int *n)
{
	static struct vn_switch_entry e[SHOW_MAX];
	json_t *array = json_array();

	*n = vn_switch_table(sw, e, SHOW_MAX);
	for (unsigned int i = 0; i < *n; i++) {
		char mac[RTE_ETHER_ADDR_FMT_SIZE];
		json_t *o;

		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", e[i].mac[0],
			e[i].mac[1], e[i].mac[2], e[i].mac[3], e[i].mac[4], e[i].mac[5]);
		o = json_pack(
			"{s:s, s:s, s:b}", "mac", mac, "port", e[i].port, "learnt", e[i].learnt);
		if (!e[i].learnt) {
			json_object_set_new(o, "anti_spoof", json_boolean(e[i].anti_spoof));
			json_object_set_new(o, "isolated", json_boolean(e[i].isolated));
		} else {
			json_object_set_new(o, "vlan", json_integer(e[i].vlan));
			json_object_set_new(o, "age", json_integer(e[i].age_s));
		}
		json_array_append_new(array, o);
	}
	return array;
}

json_t *
app_switch_show(void *ctx)
{
	static const struct {
		const char *name;
		size_t at;
	} counter[] = {
#define C(name) {#name, offsetof(struct vn_switch_stats, name)}
		C(direct),
		C(replicated),
		C(segmented),
		C(unknown),
		C(filtered),
		C(away),
		C(full),
		C(no_mbuf),
		C(spoofed),
		C(own),
		C(storm),
		C(bad),
#undef C
	};
	struct app_switch *s = ctx;
	struct vn_switch_info info;
	json_t *o = json_object(), *counters = json_object();
	unsigned int shown;
	json_t *table;

	vn_switch_get_info(s->sw, &info);
	table = show_table(s->sw, &shown);
	for (unsigned int i = 0; i < RTE_DIM(counter); i++) {
		const uint64_t *v = RTE_PTR_ADD(&info.stats, counter[i].at);

		json_object_set_new(counters, counter[i].name, json_integer((json_int_t)*v));
	}
	json_object_set_new(o, "ports", json_integer(info.ports));
	json_object_set_new(o, "uplinks", json_integer(info.uplinks));
	json_object_set_new(o, "learnt", json_integer(info.learnt));
	json_object_set_new(o, "table_size", json_integer(info.table_size));
	json_object_set_new(o, "moved", json_integer((json_int_t)info.moved));
	json_object_set_new(o, "evicted", json_integer((json_int_t)info.evicted));
	json_object_set_new(o, "refused", json_integer((json_int_t)info.refused));
	json_object_set_new(o, "counters", counters);
	json_object_set_new(o, "table", table);
	return o;
}
