/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The array "hosts": the VMs that we may plug functions into. */

#include <stdio.h>
#include <string.h>

#include "vn_conf_doc.h"

/* Means "no VM" on the command line. */
#define RESERVED "none"

/*
 * A place in an element: "hosts[1].qmp". Its line is that of "hosts": lines are kept for objects of
 * the root only.
 */
struct place {
	struct vn_conf_at at;
	char path[64];
};

static const struct vn_conf_at *
place(struct place *p, const struct vn_conf_at *hosts, size_t i, const char *key)
{
	snprintf(p->path, sizeof(p->path), "%s[%zu]%s%.32s", hosts->key, i,
		key[0] != '\0' ? "." : "", key);
	p->at = (struct vn_conf_at){hosts->doc, NULL, p->path, hosts->key};
	return &p->at;
}

/* An id of QEMU: a letter first, then letters, digits, "-._". */
static bool
get_port(const struct vn_conf_at *at, const json_t *v, char *port)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-._";
	char id[VN_CONF_NAME_LEN], show[40];

	if (!vn_conf_get_string(at, v, id, sizeof(id)))
		return false;
	if (strchr(letters, id[0]) == NULL || id[strspn(id, more)] != '\0') {
		vn_conf_error_at(at,
			"must be the id of a PCIe root port (a letter, then letters, digits, "
			"\"-._\"), is \"%s\"",
			vn_conf_safe(id, show, sizeof(show)));
		return false;
	}
	strcpy(port, id);
	return true;
}

static void
read_ports(const struct vn_conf_at *hosts, size_t i, const json_t *v, struct vn_conf_host *host)
{
	const json_t *e;
	struct place p;
	char key[32];
	size_t n;

	if (!json_is_array(v) || json_array_size(v) == 0) {
		vn_conf_error_at(place(&p, hosts, i, "ports"),
			"must be an array with the ids of PCIe root ports, [\"rp1\", \"rp2\"]%s%s",
			json_is_array(v) ? "" : ", is ", json_is_array(v) ? "" : vn_conf_type(v));
		return;
	}
	if (json_array_size(v) > VN_CONF_MAX_PORTS) {
		vn_conf_error_at(place(&p, hosts, i, "ports"),
			"has %zu ports, at most %d are possible", json_array_size(v),
			VN_CONF_MAX_PORTS);
		return;
	}
	json_array_foreach (v, n, e) {
		snprintf(key, sizeof(key), "ports[%zu]", n);
		if (!get_port(place(&p, hosts, i, key), e, host->port[host->n_ports]))
			continue;
		for (unsigned int k = 0; k < host->n_ports; k++) {
			if (strcmp(host->port[k], host->port[host->n_ports]) == 0) {
				vn_conf_error_at(&p.at, "\"%s\" is given twice", host->port[k]);
				break;
			}
		}
		host->n_ports++;
	}
}

static void
read_path(const struct vn_conf_at *at, const json_t *v, char *path)
{
	char buf[VN_CONF_PATH_LEN];

	if (!vn_conf_get_string(at, v, buf, sizeof(buf)))
		return;
	if (buf[0] != '/') {
		vn_conf_error_at(at, "must be an absolute path: begin it with \"/\"");
		return;
	}
	strcpy(path, buf);
}

static void
read_name(const struct vn_conf_at *at, const json_t *v, const struct vn_conf *conf, char *name)
{
	char buf[VN_CONF_NAME_LEN];

	if (!vn_conf_get_name(at, v, buf, sizeof(buf)))
		return;
	if (strcmp(buf, RESERVED) == 0) {
		vn_conf_error_at(at, "\"" RESERVED "\" means no VM: choose another name");
		return;
	}
	for (unsigned int i = 0; i < conf->n_hosts; i++) {
		if (strcmp(conf->host[i].name, buf) == 0) {
			vn_conf_error_at(at, "\"%s\" is the name of another host, too", buf);
			return;
		}
	}
	strcpy(name, buf);
}

static void
read_host(const struct vn_conf_at *hosts, size_t i, json_t *obj, struct vn_conf *conf)
{
	static const char *const needed[] = {"name", "qmp", "ports"};
	struct vn_conf_host *host = &conf->host[conf->n_hosts];
	struct place p;
	const char *key;
	json_t *v;

	memset(host, 0, sizeof(*host));
	json_object_foreach (obj, key, v) {
		if (strcmp(key, "name") == 0)
			read_name(place(&p, hosts, i, key), v, conf, host->name);
		else if (strcmp(key, "qmp") == 0)
			read_path(place(&p, hosts, i, key), v, host->qmp);
		else if (strcmp(key, "ports") == 0)
			read_ports(hosts, i, v, host);
		else
			vn_conf_error_at(place(&p, hosts, i, key),
				"unknown parameter: a host has \"name\", \"qmp\" and \"ports\"");
	}
	for (size_t k = 0; k < sizeof(needed) / sizeof(needed[0]); k++) {
		if (json_object_get(obj, needed[k]) == NULL)
			vn_conf_error_at(place(&p, hosts, i, ""), "needs \"%s\"", needed[k]);
	}
	for (unsigned int k = 0; k < conf->n_hosts; k++) {
		if (host->qmp[0] != '\0' && strcmp(conf->host[k].qmp, host->qmp) == 0)
			vn_conf_error_at(place(&p, hosts, i, "qmp"),
				"is that of host \"%s\": a monitor serves one client",
				conf->host[k].name);
	}
	conf->n_hosts++;
}

void
vn_conf_read_hosts(const struct vn_conf_at *at, const json_t *v, struct vn_conf *conf)
{
	struct place p;
	json_t *e;
	size_t i;

	if (!vn_conf_is_list(at, v, "hosts", VN_CONF_MAX_HOSTS))
		return;
	json_array_foreach (v, i, e) {
		if (json_is_object(e))
			read_host(at, i, e, conf);
		else
			vn_conf_error_at(place(&p, at, i, ""), "must be an object {...}, is %s",
				vn_conf_type(e));
	}
}
