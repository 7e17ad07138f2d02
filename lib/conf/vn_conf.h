/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_CONF_H
#define VN_CONF_H

/**
 * @file
 * virtnet.conf (contract, section 3): parsed strictly; "validate" and start use the same code.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VN_CONF_NAME_LEN 64
#define VN_CONF_PATH_LEN 108

/** Most VMs, and most root ports of each. */
#define VN_CONF_MAX_HOSTS 16
#define VN_CONF_MAX_PORTS 64

/** A VM that we may plug functions into: an element of "hosts". */
struct vn_conf_host {
	char name[VN_CONF_NAME_LEN];
	char qmp[VN_CONF_PATH_LEN]; /**< its monitor's socket, absolute */
	unsigned int n_ports;
	char port[VN_CONF_MAX_PORTS][VN_CONF_NAME_LEN]; /**< ids of its PCIe root ports */
};

/** Most uplinks of the embedded switch. */
#define VN_CONF_MAX_UPLINKS 8

/**
 * Ours: what the embedded switch holds a device to. Said of one device, else of its kind, else of
 * all.
 */
struct vn_conf_rules {
	bool has_anti_spoof, anti_spoof; /**< it sends from its own MAC only */
	bool has_isolated, isolated;     /**< it reaches uplinks only */
};

/** Most devices with rules of their own. */
#define VN_CONF_MAX_SWITCH_DEVICES 256

/** An element of "devices" of "switch". */
struct vn_conf_switch_device {
	uint16_t pf;
	int16_t vf; /**< -1: the PF itself */
	struct vn_conf_rules rules;
};

/** Ours: object "switch", the embedded switch. */
struct vn_conf_switch {
	unsigned int n_uplinks;
	char uplink[VN_CONF_MAX_UPLINKS][VN_CONF_NAME_LEN]; /**< DPDK ports or RDMA devices */
	struct vn_conf_rules rules;                         /**< of all devices */
	unsigned int n_devices;
	struct vn_conf_switch_device device[VN_CONF_MAX_SWITCH_DEVICES];
	uint32_t table_size; /**< learnt addresses */
	uint32_t ageing;     /**< seconds; 0: never */
};

/** Parameters of "static_pf" and of "vf". */
struct vn_conf_fn {
	bool has_mac_base; /**< any six bytes: uniqueness is the operator's job */
	uint8_t mac_base[6];
	bool has_features;
	uint64_t features;
	uint32_t vfs_per_pf;      /**< "vf" only; 0: not given */
	uint16_t max_queue_pairs; /**< "vf" only; 0: not given */
	uint16_t max_queue_size;  /**< "vf" only; 0: not given */
	/**
	 * Ours: kind of the network side, "tap", "internal" or "switch"; NULL: not given. A
	 * constant.
	 */
	const char *port;
	uint16_t lcore; /**< ours: worker lcore that they are on; VN_CONF_NO_LCORE: not given */
	struct vn_conf_rules rules; /**< ours: of ports of kind "switch" */
};

#define VN_CONF_NO_LCORE UINT16_MAX

/** All of it, with the defaults filled in. */
struct vn_conf {
	char ib_dev_p0[VN_CONF_NAME_LEN]; /**< "" with is_lag */
	char ib_dev_p1[VN_CONF_NAME_LEN]; /**< "" with is_lag or single_port */
	char ib_dev_for_static_pf[VN_CONF_NAME_LEN];
	char ib_dev_lag[VN_CONF_NAME_LEN]; /**< "" without is_lag */
	bool is_lag, single_port, recovery;
	uint8_t sf_pool_percent;
	bool sf_pool_force_destroy;
	bool packed_vq, mrg_rxbuf;
	bool has_dpa_cores;
	uint8_t dpa_core_start, dpa_core_end; /**< window over the worker lcores, by their order */
	char lm_prov[VN_CONF_NAME_LEN];       /**< "kernel" or "" */
	struct vn_conf_fn static_pf, vf;

	/* Ours. */
	bool limits_bluefield3; /**< "limits": "none" (default) or "bluefield3" */
	bool placement_fixed;   /**< "placement": "auto" (default) or "fixed" */
	bool vhost_user; /**< "transport" of static PFs: "vfio-user" (default) or "vhost-user" */
	/** "vfio_user"."socket_dir"; as vhost_user_socket_dir. */
	char vfio_user_socket_dir[VN_CONF_PATH_LEN];
	bool vfio_user_doorbell_page; /**< "vfio_user"."doorbell": "event" (default) or "page" */
	struct vn_conf_switch sw;
	unsigned int n_hosts;
	struct vn_conf_host host[VN_CONF_MAX_HOSTS];

	/* Ours: object "vhost_user". */
	bool vhost_user_client; /**< "mode": "server" (default) or "client" */
	/** "socket_dir", absolute, leaves room for "/VUID.sock"; "": below the run directory. */
	char vhost_user_socket_dir[VN_CONF_PATH_LEN];
};

/** One thing that is wrong. The strings are printable ASCII, whatever the file holds. */
struct vn_conf_error {
	char path[96];  /**< "static_pf.mac_base" */
	int line;       /**< 1.., 0: the whole file */
	char text[192]; /**< what is wrong and what is expected */
};

#define VN_CONF_MAX_ERRORS 32

struct vn_conf_errors {
	unsigned int n; /**< all found; may be above VN_CONF_MAX_ERRORS */
	struct vn_conf_error e[VN_CONF_MAX_ERRORS];
};

/** The defaults: what holds without a file. Any thread, like all functions here. */
void vn_conf_defaults(struct vn_conf *conf);

/**
 * Parse @p text (@p len bytes). All errors are found, not only the first, and are in the order of
 * their lines; after one that makes the text no JSON there can be no others.
 * @return 0, or -EINVAL with *errors filled (at least one) and *conf unchanged.
 */
int vn_conf_parse(
	const char *text, size_t len, struct vn_conf *conf, struct vn_conf_errors *errors);

/**
 * Read and parse a regular file of at most 1 MiB. Never waits for a FIFO.
 * @return 0; -EINVAL; -EISDIR; -EFBIG; -errno of open or read. Errors are filled, *conf is
 *   unchanged, as in vn_conf_parse().
 */
int vn_conf_load(const char *file, struct vn_conf *conf, struct vn_conf_errors *errors);

/**
 * "FILE:LINE: PATH: TEXT" on one line; parts that are not known are left out. @p file may be NULL.
 * @return its length without the NUL; what does not fit in @p len is cut, as snprintf() does.
 */
int vn_conf_error_format(const struct vn_conf_error *e, const char *file, char *buf, size_t len);

#endif /* VN_CONF_H */
