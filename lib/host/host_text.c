/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* What people add to a QEMU command line or a libvirt domain, quoted for its reader. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "host_private.h"

#define MIN_RING 256
#define MAX_RING 1024

/* A text that grows. failed: no memory. */
struct text {
	FILE *f;
	char *buf;
	size_t len;
};

static bool
text_begin(struct text *t)
{
	t->buf = NULL;
	t->f = open_memstream(&t->buf, &t->len);
	return t->f != NULL;
}

static char *
text_end(struct text *t)
{
	const bool bad = ferror(t->f) != 0;

	if (fclose(t->f) == 0 && !bad)
		return t->buf;
	free(t->buf);
	return NULL;
}

/* A word for a POSIX shell: in single quotes where it needs them. */
static void
put_shell(struct text *t, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=.,:/@%";

	if (word[strspn(word, plain)] == '\0') {
		fputs(word, t->f);
		return;
	}
	fputc('\'', t->f);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\\''", t->f);
		else
			fputc(*word, t->f);
	}
	fputc('\'', t->f);
}

/* The text of an XML attribute, or between tags. Characters that XML cannot hold become '?'. */
static void
put_xml(struct text *t, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '&')
			fputs("&amp;", t->f);
		else if (*s == '<')
			fputs("&lt;", t->f);
		else if (*s == '>')
			fputs("&gt;", t->f);
		else if (*s == '\'')
			fputs("&apos;", t->f);
		else if (*s == '"')
			fputs("&quot;", t->f);
		else
			fputc((unsigned char)*s < ' ' ? '?' : *s, t->f);
	}
}

/* A value in key=value,key=value of QEMU: commas are doubled. */
static void
put_value(struct text *t, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == ',')
			fputc(',', t->f);
		fputc(*s, t->f);
	}
}

/* The argument of -device for a vfio-user function: JSON is its only form. */
static char *
device_json(const struct vn_host_fn *fn)
{
	json_t *dev = json_pack("{s:s, s:s}", "driver", "vfio-user-pci", "id", fn->id);
	char *s;

	if (fn->port[0] != '\0')
		json_object_set_new(dev, "bus", json_string(fn->port));
	json_object_set_new(
		dev, "socket", json_pack("{s:s, s:s}", "type", "unix", "path", fn->socket));
	s = json_object_get(dev, "socket") != NULL ? json_dumps(dev, JSON_COMPACT) : NULL;
	json_decref(dev);
	return s;
}

uint16_t
host_ring_size(const struct vn_host_fn *fn)
{
	const uint16_t size = RTE_MAX(fn->queue_size, MIN_RING);

	return RTE_MIN(size, MAX_RING);
}

static void
mac_text(const struct vn_host_fn *fn, char mac[18])
{
	const uint8_t *m = fn->mac;

	snprintf(mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

/* One option of QEMU and its argument, which is collected in @p arg. Frees it. */
static bool
put_option(struct text *t, const char *option, char *arg)
{
	if (arg == NULL)
		return false;
	fprintf(t->f, "%s ", option);
	put_shell(t, arg);
	fputc('\n', t->f);
	free(arg);
	return true;
}

static char *
chardev_arg(const struct vn_host_fn *fn)
{
	struct text t;

	if (!text_begin(&t))
		return NULL;
	fprintf(t.f, "socket,id=%s.chardev,path=", fn->id);
	put_value(&t, fn->socket);
	fputs(fn->socket_client ? ",server=on,wait=off" : ",reconnect-ms=300", t.f);
	return text_end(&t);
}

static char *
virtio_net_arg(const struct vn_host_fn *fn)
{
	const unsigned int ring = host_ring_size(fn);
	char mac[18];
	struct text t;

	if (!text_begin(&t))
		return NULL;
	mac_text(fn, mac);
	fprintf(t.f, "virtio-net-pci,id=%s,netdev=%s.netdev,mac=%s", fn->id, fn->id, mac);
	if (fn->queue_pairs > 1)
		fputs(",mq=on", t.f);
	fprintf(t.f, ",vectors=%u,host_mtu=%u,rx_queue_size=%u,tx_queue_size=%u", fn->vectors,
		fn->mtu, ring, ring);
	if (fn->port[0] != '\0') {
		fputs(",bus=", t.f);
		put_value(&t, fn->port);
	}
	return text_end(&t);
}

static char *
netdev_arg(const struct vn_host_fn *fn)
{
	struct text t;

	if (!text_begin(&t))
		return NULL;
	fprintf(t.f, "vhost-user,id=%s.netdev,chardev=%s.chardev,queues=%u", fn->id, fn->id,
		RTE_MAX(fn->queue_pairs, 1u));
	return text_end(&t);
}

char *
vn_host_qemu_args(const struct vn_host_fn *fn)
{
	struct text t;
	bool ok;
	char *s;

	if (!text_begin(&t))
		return NULL;
	/* The memory is the VM's, not the device's: only told. */
	fputs("# guest memory must be shared, once per VM:\n"
	      "# -object memory-backend-memfd,id=mem,size=SIZE,share=on -machine "
	      "memory-backend=mem\n",
		t.f);
	if (fn->kind == VN_HOST_VFIO_USER)
		ok = put_option(&t, "-device", device_json(fn));
	else
		ok = put_option(&t, "-chardev", chardev_arg(fn)) &&
		     put_option(&t, "-netdev", netdev_arg(fn)) &&
		     put_option(&t, "-device", virtio_net_arg(fn));
	s = text_end(&t);
	if (ok)
		return s;
	free(s);
	return NULL;
}

static bool
put_vfio_user_xml(struct text *t, const struct vn_host_fn *fn)
{
	char *dev = device_json(fn);

	if (dev == NULL)
		return false;
	fputs("<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
	      "  <qemu:arg value='-device'/>\n"
	      "  <qemu:arg value='",
		t->f);
	put_xml(t, dev);
	fputs("'/>\n</qemu:commandline>\n", t->f);
	free(dev);
	return true;
}

static void
put_vhost_user_xml(struct text *t, const struct vn_host_fn *fn)
{
	const unsigned int ring = host_ring_size(fn);
	char mac[18];

	mac_text(fn, mac);
	fprintf(t->f, "<interface type='vhostuser'>\n  <mac address='%s'/>\n", mac);
	fputs("  <source type='unix' path='", t->f);
	put_xml(t, fn->socket);
	if (fn->socket_client)
		fputs("' mode='server'/>\n", t->f);
	else
		fputs("' mode='client'>\n    <reconnect enabled='yes' timeout='1'/>\n  </source>\n",
			t->f);
	fprintf(t->f,
		"  <model type='virtio'/>\n"
		"  <driver queues='%u' rx_queue_size='%u' tx_queue_size='%u'/>\n"
		"  <mtu size='%u'/>\n"
		"  <alias name='ua-%s'/>\n"
		"</interface>\n",
		RTE_MAX(fn->queue_pairs, 1u), ring, ring, fn->mtu, fn->id);
}

char *
vn_host_libvirt_xml(const struct vn_host_fn *fn)
{
	bool ok = true;
	struct text t;
	char *s;

	if (!text_begin(&t))
		return NULL;
	fputs("<!-- guest memory must be shared, once per domain: <memoryBacking><source "
	      "type='memfd'/><access mode='shared'/></memoryBacking> -->\n",
		t.f);
	if (fn->kind == VN_HOST_VFIO_USER)
		ok = put_vfio_user_xml(&t, fn);
	else
		put_vhost_user_xml(&t, fn);
	s = text_end(&t);
	if (ok)
		return s;
	free(s);
	return NULL;
}
