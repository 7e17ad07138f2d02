/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What parameters of virtnet.conf demand of each other (contract, section 3). */

#include <string.h>

#include "vn_conf_doc.h"

#define FEATURE_MRG_RXBUF   15
#define FEATURE_RING_PACKED 34

/* A place, and whether it is there without an error of its own. */
static bool
given(const struct vn_conf_doc *doc, struct vn_conf_at *at, const char *parent, const char *key)
{
	const json_t *obj = parent != NULL ? json_object_get(doc->root, parent) : doc->root;

	*at = (struct vn_conf_at){doc, parent, key};
	return json_object_get(obj, key) != NULL && !vn_conf_has_error(at);
}

/* Not there at all. */
static bool
missing(const struct vn_conf_doc *doc, const char *parent, const char *key)
{
	const json_t *obj = parent != NULL ? json_object_get(doc->root, parent) : doc->root;

	return json_object_get(obj, key) == NULL;
}

static void
check_ports(const struct vn_conf_doc *doc, const struct vn_conf *conf)
{
	struct vn_conf_at lag, is_lag, at;
	bool has_lag = given(doc, &lag, NULL, "ib_dev_lag");
	bool on = given(doc, &is_lag, NULL, "is_lag") && conf->is_lag;
	bool single = given(doc, &at, NULL, "single_port") && conf->single_port;

	if (single && on)
		vn_conf_error_at(&at, "1 excludes \"is_lag\": 1, a LAG needs two ports");
	if (single && given(doc, &at, NULL, "ib_dev_p1"))
		vn_conf_error_at(
			&at, "is the device of port 1, but \"single_port\" is 1: remove one");
	if (has_lag && given(doc, &at, NULL, "ib_dev_p0"))
		vn_conf_error_at(&at, "excludes \"ib_dev_lag\": with LAG only that one is given");
	if (has_lag && given(doc, &at, NULL, "ib_dev_p1"))
		vn_conf_error_at(&at, "excludes \"ib_dev_lag\": with LAG only that one is given");
	if (has_lag && !on && !vn_conf_has_error(&is_lag))
		vn_conf_error_at(&lag, "needs \"is_lag\": 1, without it there is no LAG");
	if (on && missing(doc, NULL, "ib_dev_lag"))
		vn_conf_error_at(&is_lag, "1 needs \"ib_dev_lag\" with the name of the LAG device");
	if (on && missing(doc, NULL, "ib_dev_for_static_pf"))
		vn_conf_error_at(&is_lag,
			"1 needs \"ib_dev_for_static_pf\" with the name of the LAG device");
	else if (on && has_lag && given(doc, &at, NULL, "ib_dev_for_static_pf") &&
		 strcmp(conf->ib_dev_for_static_pf, conf->ib_dev_lag) != 0)
		vn_conf_error_at(&at,
			"must name the LAG device \"%s\" when \"is_lag\" is 1, is \"%s\"",
			conf->ib_dev_lag, conf->ib_dev_for_static_pf);
}

static void
check_cores(const struct vn_conf_doc *doc, struct vn_conf *conf)
{
	struct vn_conf_at start, end;
	bool has_start = given(doc, &start, NULL, "dpa_core_start");
	bool has_end = given(doc, &end, NULL, "dpa_core_end");

	if (has_start && missing(doc, NULL, "dpa_core_end"))
		vn_conf_error_at(&start, "needs \"dpa_core_end\" too: give both or none");
	if (has_end && missing(doc, NULL, "dpa_core_start"))
		vn_conf_error_at(&end, "needs \"dpa_core_start\" too: give both or none");
	if (!has_start || !has_end)
		return;
	if (conf->dpa_core_end <= conf->dpa_core_start)
		vn_conf_error_at(&end, "must be above \"dpa_core_start\" (%u), is %u",
			conf->dpa_core_start, conf->dpa_core_end);
	conf->has_dpa_cores = true;
}

/* Bits that are only offered together with a parameter (contract 8.11). */
static void
check_features(const struct vn_conf_doc *doc, const char *parent, const struct vn_conf *conf,
	const struct vn_conf_fn *fn)
{
	struct vn_conf_at at;

	if (!given(doc, &at, parent, "features"))
		return;
	if ((fn->features >> FEATURE_MRG_RXBUF & 1) && !conf->mrg_rxbuf)
		vn_conf_error_at(&at, "bit %d (VIRTIO_NET_F_MRG_RXBUF) needs \"mrg_rxbuf\": 1",
			FEATURE_MRG_RXBUF);
	if ((fn->features >> FEATURE_RING_PACKED & 1) && !conf->packed_vq)
		vn_conf_error_at(&at, "bit %d (VIRTIO_F_RING_PACKED) needs \"packed_vq\": 1",
			FEATURE_RING_PACKED);
}

/* Of 256 PCIe functions of the card, less RShim, its native PFs and the PF itself. */
static uint32_t
most_vfs(const struct vn_conf *conf)
{
	return 256 - 1 - (conf->single_port ? 1 : 2) - 1;
}

static void
check_vf(const struct vn_conf_doc *doc, const struct vn_conf *conf)
{
	struct vn_conf_at at;

	if (conf->limits_bluefield3 && given(doc, &at, "vf", "vfs_per_pf") &&
		conf->vf.vfs_per_pf > most_vfs(conf))
		vn_conf_error_at(&at,
			"is %u: with \"limits\": \"bluefield3\" at most %u, there are 256 PCIe "
			"functions in all",
			conf->vf.vfs_per_pf, most_vfs(conf));

	if (given(doc, &at, "vf", "mac_base") && missing(doc, "vf", "vfs_per_pf"))
		vn_conf_error_at(
			&at, "needs \"vfs_per_pf\" too: it tells each PF's share of addresses");
}

/* A TAP would let all pass: nobody shall think that it does not. */
static void
check_switch_rules(const struct vn_conf_doc *doc, const char *parent, const struct vn_conf_fn *fn)
{
	static const char *const rule[] = {"anti_spoof", "isolated"};
	struct vn_conf_at at;

	if (fn->port != NULL && strcmp(fn->port, "switch") == 0)
		return;
	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		if (given(doc, &at, parent, rule[i]))
			vn_conf_error_at(&at, "needs \"port\": \"switch\" beside it");
	}
}

void
vn_conf_check_rules(const struct vn_conf_doc *doc, struct vn_conf *conf)
{
	check_ports(doc, conf);
	check_cores(doc, conf);
	check_features(doc, "static_pf", conf, &conf->static_pf);
	check_features(doc, "vf", conf, &conf->vf);
	check_vf(doc, conf);
	check_switch_rules(doc, "static_pf", &conf->static_pf);
	check_switch_rules(doc, "vf", &conf->vf);
}
