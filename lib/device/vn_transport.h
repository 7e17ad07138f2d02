/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_TRANSPORT_H
#define VN_TRANSPORT_H

/**
 * @file
 * How a host sees a device: what a transport driver implements (drivers/transport/). All calls and
 * callbacks are made in the control thread.
 */

#include "vn_device.h"

struct vn_endpoint; /* driver's own */

struct vn_endpoint_conf {
	/** Path of the unix socket. */
	const char *path;
	/** Connect to the path (and again whenever it is lost) instead of listening on it. */
	bool client;
	bool transitional;  /**< full functions only: contract 1.5, "-l" */
	bool doorbell_page; /**< full functions only: doorbells are a page that the host maps */
};

/** For list, query and debug. */
struct vn_endpoint_info {
	char path[108];
	bool client;
	bool connected;
	uint64_t connections;     /**< ever made */
	uint64_t protocol_errors; /**< connections ended because of what the peer sent */
	unsigned int mem_regions;
	uint64_t mem_bytes;
	/* Full functions only. */
	uint16_t ctrl_notify_offset;  /**< of the control queue; a data queue's is its number */
	uint64_t refused;             /**< connections turned away: there was one already */
	uint64_t messages;            /**< requests of VMMs executed */
	unsigned int replies_waiting; /**< of these, not answered yet */
	unsigned int mem_files;       /**< that the regions are in */
	bool kept;                    /**< another process has what it needs to go on for us */
};

struct vn_transport_ops {
	const char *name; /**< "vhost-user" */
	/** The transport carries the whole device (vn_model.h), not only rings. */
	bool full;
	/** Features that a device cannot have over this transport. */
	uint64_t not_carried;

	/**
	 * Make the endpoint of @p dev. @p err (>= 256 bytes) gets one line on failure, which says
	 * what to do. A stale socket file (nobody listens) is replaced.
	 * @return 0; -EADDRINUSE (somebody listens there); -ENAMETOOLONG; other negative errno.
	 */
	int (*plug)(struct vn_device *dev, const struct vn_endpoint_conf *conf,
		struct vn_endpoint **ep, char *err, size_t errlen);
	/** Close the connection, reset the device, remove the socket file; then @p done (result 0).
	 */
	void (*unplug)(struct vn_endpoint *ep, vn_device_cb done, void *ctx);
	/**
	 * The device's config space changed (link, MTU, announcement): raise a config-change
	 * interrupt, unless the model does. Or its conf.num_msix did: full functions have a quota
	 * of vectors. NULL: the transport cannot.
	 */
	void (*config_changed)(struct vn_endpoint *ep);
	/**
	 * The PF has @p n VFs now, or none (any more, or because they could not be made); see
	 * vn_device_env::want_vfs(). To be said after plug(), too, if there are some. NULL: the
	 * transport does not show VFs.
	 */
	void (*set_vfs)(struct vn_endpoint *ep, uint16_t n, bool by_client);
	void (*get_info)(const struct vn_endpoint *ep, struct vn_endpoint_info *info);
};

#endif /* VN_TRANSPORT_H */
