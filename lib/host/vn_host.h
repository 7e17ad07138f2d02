/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_HOST_H
#define VN_HOST_H

/**
 * @file
 * The host side: a QMP client that plugs functions into a running VM and takes them out again.
 *
 * A host is the QMP socket of one VM, named in virtnet.conf, and the PCIe root ports that the
 * controller may use. The connection is made when it can be, and again whenever it is lost; a VM
 * that is not there, dies or reboots is a state, not an error. Any monitor of its own is enough: it
 * may stand beside libvirt's.
 *
 * Control thread only; nothing blocks, every wait has a deadline and ends with its callback, which
 * may come before the call returns.
 */

#include <stdbool.h>
#include <stdint.h>

#include "vn_loop.h"

#define VN_HOST_NAME_LEN  64
#define VN_HOST_MAX_PORTS 64

struct vn_host;

struct vn_host_conf {
	char name[VN_HOST_NAME_LEN]; /**< of the VM, in messages and commands */
	char qmp[108];               /**< path of the monitor's socket */
	unsigned int n_ports;
	char port[VN_HOST_MAX_PORTS][VN_HOST_NAME_LEN]; /**< ids of root ports */
};

/** Transport of the function that is to be plugged. */
enum vn_host_kind {
	VN_HOST_VFIO_USER,
	VN_HOST_VHOST_USER,
};

/** A function to be plugged. Copied. */
struct vn_host_fn {
	enum vn_host_kind kind;
	char id[VN_HOST_NAME_LEN];   /**< of the device in QEMU: unique, [A-Za-z0-9_.-], a letter
					first */
	char socket[108];            /**< the endpoint's */
	bool socket_client;          /**< vhost-user: our side connects, so QEMU listens */
	uint8_t mac[6];              /**< vhost-user */
	uint16_t queue_pairs;        /**< vhost-user */
	uint16_t vectors;            /**< of the function; 0: INTx only */
	bool msix_always;            /**< it cannot be made without them: no hotplug PF */
	uint16_t queue_size;         /**< vhost-user */
	uint16_t mtu;                /**< vhost-user: host_mtu */
	char port[VN_HOST_NAME_LEN]; /**< root port; "": any free one */
};

struct vn_host_plugged {
	uint16_t bdf; /**< that the guest gave it; 0xffff: not known */
	char port[VN_HOST_NAME_LEN];
};

/** @p result: 0; negative errno or VIRTNET_ERR_*; @p text: one line for people on failure. */
typedef void (*vn_host_plug_cb)(
	void *ctx, int result, const char *text, const struct vn_host_plugged *plugged);
typedef void (*vn_host_unplug_cb)(void *ctx, int result, const char *text);

/**
 * A function in the VM, whose operations are over, was taken out (@p gone), or its address or port
 * is known now, or has changed: @p at. Functions whose id begins with "virtnet-" are found again
 * when a VM has them from before.
 */
typedef void (*vn_host_event_cb)(
	void *ctx, const char *id, bool gone, const struct vn_host_plugged *at);

/** Begin to connect. @return the host, or NULL with errno. */
struct vn_host *vn_host_create(struct vn_loop *loop, const struct vn_host_conf *conf);
void vn_host_on_event(struct vn_host *host, vn_host_event_cb cb, void *ctx);
/** Operations under way end with -ECANCELED. NULL is fine. Not from a callback of the host. */
void vn_host_destroy(struct vn_host *host);

/**
 * device_add (for vhost-user: chardev, netdev and device), then the guest's BDF from query-pci. On
 * failure nothing is left behind in QEMU; should the connection break meanwhile, it is taken out
 * when the VM is seen again. -ENOTSUP (QEMU too old), -ENOTCONN, -ENOSPC (no free port), -ENOENT,
 * -ENODEV, -EBUSY (that port), -EEXIST (it is there), -EREMOTEIO (QEMU refuses).
 */
void vn_host_plug(
	struct vn_host *host, const struct vn_host_fn *fn, vn_host_plug_cb done, void *ctx);
/**
 * device_del and wait for DEVICE_DELETED. -EBUSY (the guest refuses or does not answer in time);
 * -ENOTSUP (this QEMU would abort, see host_unplug.c: nothing was sent); 0 when the VM is gone
 * anyway.
 */
void vn_host_unplug(
	struct vn_host *host, const struct vn_host_fn *fn, vn_host_unplug_cb done, void *ctx);

/** @return true: function @p id is in the VM, or on its way in or out. */
bool vn_host_has(struct vn_host *host, const char *id);

/** For list, debug and messages. */
struct vn_host_info {
	bool connected;
	char version[32]; /**< of QEMU, "" while not known */
	const char *why;  /**< why it is not connected, or NULL */
	unsigned int ports_free;
	uint64_t connections;
};
void vn_host_get_info(const struct vn_host *host, struct vn_host_info *info);
const struct vn_host_conf *vn_host_conf_of(const struct vn_host *host);

/**
 * What to add to a QEMU command line, or to a libvirt domain, for @p fn: malloc'd text of one or
 * more lines; NULL for lack of memory. Any thread.
 */
char *vn_host_qemu_args(const struct vn_host_fn *fn);
char *vn_host_libvirt_xml(const struct vn_host_fn *fn);

#endif /* VN_HOST_H */
