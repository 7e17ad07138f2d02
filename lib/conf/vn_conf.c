/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The parameters of virtnet.conf: one table, walked over what the file holds. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vn_conf_doc.h"

/* Room that a socket's path needs behind its directory: "/" VUID ".sock". */
#define SOCKET_NAME_LEN 45

enum kind {
	NAME,
	FLAG,
	ANTI_SPOOF,
	ISOLATED,
	NUM8,
	NUM16,
	NUM32,
	QUEUE_SIZE,
	MAC_BASE,
	FEATURES,
	PROVIDER,
	MODE,
	TRANSPORT,
	DOORBELL,
	LIMITS,
	PLACEMENT,
	PORT,
	UPLINKS,
	DEVICES,
	HOSTS,
	DIRECTORY,
	OBJECT,
};

struct param {
	const char *name;
	enum kind kind;
	size_t offset;           /* in struct vn_conf; of the struct vn_conf_fn for its members */
	uint32_t min, max;       /* of numbers */
	const struct param *sub; /* of an object */
};

#define AT(member) offsetof(struct vn_conf, member)

static const struct param static_pf_params[] = {
	{"mac_base", MAC_BASE, AT(static_pf), 0, 0, NULL},
	{"features", FEATURES, AT(static_pf), 0, 0, NULL},
	{"port", PORT, AT(static_pf), 0, 0, NULL},
	{"lcore", NUM16, AT(static_pf.lcore), 0, 1023, NULL},
	{"anti_spoof", ANTI_SPOOF, AT(static_pf.rules), 0, 0, NULL},
	{"isolated", ISOLATED, AT(static_pf.rules), 0, 0, NULL},
	{NULL, FLAG, 0, 0, 0, NULL},
};

static const struct param vf_params[] = {
	{"mac_base", MAC_BASE, AT(vf), 0, 0, NULL},
	{"features", FEATURES, AT(vf), 0, 0, NULL},
	{"vfs_per_pf", NUM32, AT(vf.vfs_per_pf), 1, 1008, NULL},
	{"max_queue_pairs", NUM16, AT(vf.max_queue_pairs), 1, 127, NULL},
	{"max_queue_size", QUEUE_SIZE, AT(vf.max_queue_size), 4, 32768, NULL},
	{"port", PORT, AT(vf), 0, 0, NULL},
	{"lcore", NUM16, AT(vf.lcore), 0, 1023, NULL},
	{"anti_spoof", ANTI_SPOOF, AT(vf.rules), 0, 0, NULL},
	{"isolated", ISOLATED, AT(vf.rules), 0, 0, NULL},
	{NULL, FLAG, 0, 0, 0, NULL},
};

static const struct param vhost_user_params[] = {
	{"mode", MODE, AT(vhost_user_client), 0, 0, NULL},
	{"socket_dir", DIRECTORY, AT(vhost_user_socket_dir), 0, 0, NULL},
	{NULL, FLAG, 0, 0, 0, NULL},
};

static const struct param vfio_user_params[] = {
	{"socket_dir", DIRECTORY, AT(vfio_user_socket_dir), 0, 0, NULL},
	{"doorbell", DOORBELL, AT(vfio_user_doorbell_page), 0, 0, NULL},
	{NULL, FLAG, 0, 0, 0, NULL},
};

static const struct param switch_params[] = {
	{"uplinks", UPLINKS, AT(sw), 0, 0, NULL},
	{"anti_spoof", ANTI_SPOOF, AT(sw.rules), 0, 0, NULL},
	{"isolated", ISOLATED, AT(sw.rules), 0, 0, NULL},
	{"devices", DEVICES, AT(sw), 0, 0, NULL},
	{"table_size", NUM32, AT(sw.table_size), 64, 1048576, NULL},
	{"ageing", NUM32, AT(sw.ageing), 0, 1000000, NULL},
	{NULL, FLAG, 0, 0, 0, NULL},
};

static const struct param params[] = {
	{"ib_dev_p0", NAME, AT(ib_dev_p0), 0, 0, NULL},
	{"ib_dev_p1", NAME, AT(ib_dev_p1), 0, 0, NULL},
	{"ib_dev_for_static_pf", NAME, AT(ib_dev_for_static_pf), 0, 0, NULL},
	{"ib_dev_lag", NAME, AT(ib_dev_lag), 0, 0, NULL},
	{"static_pf", OBJECT, 0, 0, 0, static_pf_params},
	{"is_lag", FLAG, AT(is_lag), 0, 0, NULL},
	{"single_port", FLAG, AT(single_port), 0, 0, NULL},
	{"recovery", FLAG, AT(recovery), 0, 0, NULL},
	{"sf_pool_percent", NUM8, AT(sf_pool_percent), 0, 100, NULL},
	{"sf_pool_force_destroy", FLAG, AT(sf_pool_force_destroy), 0, 0, NULL},
	{"packed_vq", FLAG, AT(packed_vq), 0, 0, NULL},
	{"mrg_rxbuf", FLAG, AT(mrg_rxbuf), 0, 0, NULL},
	{"dpa_core_start", NUM8, AT(dpa_core_start), 1, 10, NULL},
	{"dpa_core_end", NUM8, AT(dpa_core_end), 2, 255, NULL},
	{"vf", OBJECT, 0, 0, 0, vf_params},
	{"lm_prov", PROVIDER, AT(lm_prov), 0, 0, NULL},
	{"limits", LIMITS, AT(limits_bluefield3), 0, 0, NULL},
	{"placement", PLACEMENT, AT(placement_fixed), 0, 0, NULL},
	{"transport", TRANSPORT, AT(vhost_user), 0, 0, NULL},
	{"vfio_user", OBJECT, 0, 0, 0, vfio_user_params},
	{"vhost_user", OBJECT, 0, 0, 0, vhost_user_params},
	{"switch", OBJECT, 0, 0, 0, switch_params},
	{"hosts", HOSTS, 0, 0, 0, NULL},
	{NULL, FLAG, 0, 0, 0, NULL},
};

/* Names that people will try, and why they are refused. */
static const struct {
	const char *name, *text;
} refused[] = {
	{"mtu", "cannot be set here: static PFs start with MTU 1500, hotplug PFs get their own"},
	{"eth_vq_workers", "is of a later interface version: the workers are the EAL's lcores"},
	{"admin_cmd_workers", "is of a later interface version: there is one control thread"},
};

void
vn_conf_defaults(struct vn_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	strcpy(conf->ib_dev_p0, "mlx5_0");
	strcpy(conf->ib_dev_p1, "mlx5_1");
	strcpy(conf->ib_dev_for_static_pf, "mlx5_0");
	conf->recovery = true;
	conf->static_pf.lcore = conf->vf.lcore = VN_CONF_NO_LCORE;
	conf->sw.table_size = 8192;
	conf->sw.ageing = 300;
}

static void
read_provider(const struct vn_conf_at *at, const json_t *v, char *prov)
{
	char name[VN_CONF_NAME_LEN], show[40];

	if (!vn_conf_get_string(at, v, name, sizeof(name)))
		return;
	if (strcmp(name, "kernel") != 0) {
		vn_conf_error_at(at, "the only provider is \"kernel\", not \"%s\"",
			vn_conf_safe(name, show, sizeof(show)));
		return;
	}
	strcpy(prov, name);
}

/* One of two words; *second says which. */
static void
read_either(
	const struct vn_conf_at *at, const json_t *v, const char *a, const char *b, bool *second)
{
	char word[VN_CONF_NAME_LEN], show[40];

	if (!vn_conf_get_string(at, v, word, sizeof(word)))
		return;
	if (strcmp(word, a) != 0 && strcmp(word, b) != 0) {
		vn_conf_error_at(at, "must be \"%s\" or \"%s\", is \"%s\"", a, b,
			vn_conf_safe(word, show, sizeof(show)));
		return;
	}
	*second = strcmp(word, b) == 0;
}

static void
read_port(const struct vn_conf_at *at, const json_t *v, struct vn_conf_fn *fn)
{
	static const char *const kind[] = {"tap", "internal", "switch"};
	char word[VN_CONF_NAME_LEN], show[40];

	if (!vn_conf_get_string(at, v, word, sizeof(word)))
		return;
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		if (strcmp(word, kind[i]) == 0) {
			fn->port = kind[i];
			return;
		}
	}
	vn_conf_error_at(at, "must be \"tap\", \"internal\" or \"switch\", is \"%s\"",
		vn_conf_safe(word, show, sizeof(show)));
}

static void
read_directory(const struct vn_conf_at *at, const json_t *v, char *dir)
{
	char path[VN_CONF_PATH_LEN - SOCKET_NAME_LEN];
	size_t len;

	if (!vn_conf_get_string(at, v, path, sizeof(path)))
		return;
	if (path[0] != '/') {
		vn_conf_error_at(at, "must be an absolute path: begin it with \"/\"");
		return;
	}
	for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	strcpy(dir, path);
}

static void
read_num(const struct vn_conf_at *at, const json_t *v, const struct param *p, void *out)
{
	uint32_t n;

	if (!vn_conf_get_num(at, v, p->min, p->max, &n))
		return;
	if (p->kind == QUEUE_SIZE && (n & (n - 1)) != 0) {
		vn_conf_error_at(
			at, "must be a power of two from %u to %u, is %u", p->min, p->max, n);
		return;
	}
	if (p->kind == NUM8)
		*(uint8_t *)out = (uint8_t)n;
	else if (p->kind == NUM32)
		*(uint32_t *)out = n;
	else
		*(uint16_t *)out = (uint16_t)n;
}

static void
read_value(
	const struct vn_conf_at *at, const json_t *v, const struct param *p, struct vn_conf *conf)
{
	void *out = (char *)conf + p->offset;
	struct vn_conf_rules *rules = out;
	struct vn_conf_fn *fn = out;

	switch (p->kind) {
	case NAME:
		vn_conf_get_name(at, v, out, VN_CONF_NAME_LEN);
		break;
	case FLAG:
		vn_conf_get_flag(at, v, out);
		break;
	case ANTI_SPOOF:
		rules->has_anti_spoof = vn_conf_get_flag(at, v, &rules->anti_spoof);
		break;
	case ISOLATED:
		rules->has_isolated = vn_conf_get_flag(at, v, &rules->isolated);
		break;
	case NUM8:
	case NUM16:
	case NUM32:
	case QUEUE_SIZE:
		read_num(at, v, p, out);
		break;
	case MAC_BASE:
		fn->has_mac_base = vn_conf_get_mac(at, v, fn->mac_base);
		break;
	case FEATURES:
		fn->has_features = vn_conf_get_mask(at, v, &fn->features);
		break;
	case PROVIDER:
		read_provider(at, v, out);
		break;
	case MODE:
		read_either(at, v, "server", "client", out);
		break;
	case TRANSPORT:
		read_either(at, v, "vfio-user", "vhost-user", out);
		break;
	case DOORBELL:
		read_either(at, v, "event", "page", out);
		break;
	case PLACEMENT:
		read_either(at, v, "auto", "fixed", out);
		break;
	case LIMITS:
		read_either(at, v, "none", "bluefield3", out);
		break;
	case PORT:
		read_port(at, v, fn);
		break;
	case UPLINKS:
		vn_conf_read_uplinks(at, v, out);
		break;
	case DEVICES:
		vn_conf_read_switch_devices(at, v, out);
		break;
	case HOSTS:
		vn_conf_read_hosts(at, v, conf);
		break;
	case DIRECTORY:
		read_directory(at, v, out);
		break;
	case OBJECT:
		break; /* not here: read_object() goes into it */
	}
}

static const struct param *
find(const struct param *list, const char *name)
{
	for (; list->name != NULL; list++) {
		if (strcmp(list->name, name) == 0)
			return list;
	}
	return NULL;
}

/* The object that has a parameter of this name, or NULL; "the file itself" for the root. */
static const char *
home_of(const char *name, const char *parent)
{
	const struct param *p;

	if (parent != NULL && find(params, name) != NULL)
		return "at the top of the file";
	for (p = params; p->name != NULL; p++) {
		if (p->sub != NULL && find(p->sub, name) != NULL)
			return find(static_pf_params, name) != NULL &&
					       find(switch_params, name) != NULL
				       ? "inside \"switch\", \"static_pf\" or \"vf\""
			       : p->sub == static_pf_params  ? "inside \"static_pf\" or \"vf\""
			       : p->sub == vf_params         ? "inside \"vf\""
			       : p->sub == switch_params     ? "inside \"switch\""
			       : p->sub == vhost_user_params ? "inside \"vhost_user\""
			       : find(vhost_user_params, name) != NULL
				       ? "inside \"vfio_user\" or \"vhost_user\""
				       : "inside \"vfio_user\"";
	}
	return NULL;
}

static void
unknown(const struct vn_conf_at *at, const struct param *list)
{
	const char *names[32], *near, *home;
	size_t i, n = 0;

	/* Beyond the table errors are only counted: spend no time on hints. */
	if (at->doc->errors->n >= VN_CONF_MAX_ERRORS) {
		vn_conf_error_at(at, "unknown parameter");
		return;
	}
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (strcmp(at->key, refused[i].name) == 0) {
			vn_conf_error_at(at, "%s", refused[i].text);
			return;
		}
	}
	home = home_of(at->key, at->parent);
	if (home != NULL) {
		vn_conf_error_at(at, "unknown parameter here: it belongs %s", home);
		return;
	}
	for (; list->name != NULL && n < 32; list++)
		names[n++] = list->name;
	near = vn_conf_closest(at->key, names, n);
	if (near != NULL)
		vn_conf_error_at(at, "unknown parameter: did you mean \"%s\"?", near);
	else
		vn_conf_error_at(at, "unknown parameter: remove it");
}

/* The root (parent NULL) or an object in it. */
static void
read_object(const struct vn_conf_doc *doc, const char *parent, json_t *obj,
	const struct param *list, struct vn_conf *conf)
{
	struct vn_conf_at at = {doc, parent, NULL};
	const struct param *p;
	json_t *v;

	json_object_foreach (obj, at.key, v) {
		p = find(list, at.key);
		if (p == NULL)
			unknown(&at, list);
		else if (p->kind != OBJECT)
			read_value(&at, v, p, conf);
		else if (json_is_object(v))
			read_object(doc, at.key, v, p->sub, conf);
		else
			vn_conf_error_at(&at, "must be an object {...}, is %s", vn_conf_type(v));
	}
}

int
vn_conf_parse(const char *text, size_t len, struct vn_conf *conf, struct vn_conf_errors *errors)
{
	struct vn_conf_doc doc;
	struct vn_conf c;
	int ret;

	errors->n = 0;
	ret = vn_conf_doc_init(&doc, text, len, errors);
	if (ret < 0)
		return ret;
	vn_conf_defaults(&c);
	read_object(&doc, NULL, doc.root, params, &c);
	vn_conf_check_rules(&doc, &c);
	vn_conf_doc_fini(&doc);

	vn_conf_errors_sort(errors);
	if (errors->n > 0)
		return -EINVAL;
	/* There is no such port: nobody shall use its default name. */
	if (c.is_lag)
		c.ib_dev_p0[0] = '\0';
	if (c.is_lag || c.single_port)
		c.ib_dev_p1[0] = '\0';
	*conf = c;
	return 0;
}

int
vn_conf_load(const char *file, struct vn_conf *conf, struct vn_conf_errors *errors)
{
	char *text;
	size_t len;
	int ret;

	errors->n = 0;
	ret = vn_conf_file_read(file, &text, &len, errors);
	if (ret < 0)
		return ret;
	ret = vn_conf_parse(text, len, conf, errors);
	free(text);
	return ret;
}
