/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

/**
 * @file
 * Builders of the documents of list, query, stats and debug (contract, 4.3 to 4.5, 4.14). All give
 * a new reference, or NULL for lack of memory. What each key means, also those that describe
 * hardware in the reference product, is in doc/keys.md.
 */

#include "ctl_json.h"
#include "vn_controller.h"

/** Counters that query --dbg_stats adds to a queue; --stats_clear remembers their values. */
struct ctl_dbg {
	uint64_t packets, bad_header, oversized, no_buffer, interrupts, suppressed;
};

/** What query is to show. */
struct ctl_query {
	bool brief;   /**< no queues */
	bool dbg;     /**< with debug counters */
	bool latency; /**< with latencies: begins to measure them */
	int queue;    /**< only this one; -1: all that are enabled */
	/** Per ring, what the debug counters count from; may be NULL. */
	const struct ctl_dbg *base;
};

json_t *ctl_show_controller(const struct vn_controller *ctrl);
/** An element of list. */
json_t *ctl_show_list(const struct vn_controller *ctrl, const struct vn_device *dev);
/** An element of query. */
json_t *ctl_show_query(const struct vn_controller *ctrl, const struct vn_device *dev,
	const struct ctl_query *what);
/** The object "device" of stats. @p queue: only this one; -1: all that are enabled. */
json_t *ctl_show_stats(const struct vn_device *dev, int queue);
/** "enabled-queues-info" of query. */
json_t *ctl_show_queues(const struct vn_device *dev, const struct ctl_query *what);
/** The answer of health show, or an element of it. */
json_t *ctl_show_health(struct vn_device *dev);
/** An element of "devices" of debug. */
json_t *ctl_show_debug(const struct vn_device *dev);
/** An element of "hosts" of debug. */
json_t *ctl_show_host(const struct vn_host *host);
/** "pollers" of debug; @p pollers may be NULL. */
json_t *ctl_show_pollers(struct vn_pollers *pollers);
/** The last dry run of the placement. */
json_t *ctl_show_placement(const struct vn_controller *ctrl, struct vn_pollers *pollers);

/** "static PF", ... */
const char *ctl_function_type(enum vn_function_type type);
/** Names of the bits of the device status. */
const char *ctl_status_name(unsigned int bit);

/** The debug counters of a ring as they are now. */
void ctl_dbg_read(const struct vn_device *dev, unsigned int idx, struct ctl_dbg *dbg);

/** The address of the function: the guest's if it is known, else the one that we made up. */
void ctl_put_bdf(struct ctl_obj *o, const char *key, const struct vn_device *dev);

/** The name of the representor, or that which it is to have; "": the port has none. */
const char *ctl_representor(const struct vn_device *dev);

/** Space for "0000:03:00.0". */
#define CTL_PCI_ADDR_LEN 13

/**
 * The PCI address of an RDMA device of this machine; "0000:00:00.0" when there is no such device.
 * Reads one symbolic link of sysfs.
 */
void ctl_rdma_pci_addr(const char *ib_dev, char buf[CTL_PCI_ADDR_LEN]);

/** True while ring @p idx counts as enabled. */
static inline bool
ctl_queue_enabled(const struct vn_device *dev, unsigned int idx)
{
	return dev->vq[idx].state == VN_VQ_RUNNING || dev->vq[idx].state == VN_VQ_STOPPING;
}

/** The control queue is the last one. */
static inline bool
ctl_queue_is_data(const struct vn_device *dev, unsigned int idx)
{
	return idx < 2u * dev->conf.max_queue_pairs;
}

#endif /* CTL_SHOW_H */
