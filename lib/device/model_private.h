/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef MODEL_PRIVATE_H
#define MODEL_PRIVATE_H

/**
 * @file
 * What the files of the device model share (vn_model.h). All of it belongs to the control thread,
 * but for what is marked.
 */

#include "device_private.h"
#include "vn_features.h"
#include "vn_model.h"
#include "vn_net_config.h"
#include "vn_net_ctrl.h"
#include "vn_rx_rules.h"

/** Notification coalescing of a ring; 0, 0: none. */
struct model_coal {
	uint32_t usecs, packets;
	bool restart; /* VN_COAL_CQE, which is the operator's only */
	bool own;     /* the driver set it */
	bool dim;     /* in what is given to the poller: by load */
};

struct model_queue {
	struct vn_vq_regs regs;
	bool stopping; /* a vn_device_vq_stop() of ours is under way */
	struct model_coal coal;
	uint64_t kicks; /* notifications seen */
	/* As struct vn_poll_kicks. */
	uint16_t kick_seen;
	uint32_t kick_credit;
	uint64_t kicks_spurious;
};

/** Longest command, and longest answer. The MAC table is what takes most. */
#define CTRL_ROOM 16384

struct model_ctrl {
	bool waiting; /* a command is done with when model_settled() */
	struct vn_timer timer;
	uint32_t reply_room;
	uint64_t commands, ok; /* virtio 1.4, 5.1.6.5.10 */
	uint32_t len, reply_len;
	uint8_t buf[CTRL_ROOM];
	uint8_t reply[CTRL_ROOM];
};

/** What is given to the poller, whole, by one command at a time. */
struct model_apply {
	struct vn_poller_cmd cmd;
	bool busy, again;
	/* A snapshot for the poller, while busy. */
	bool coal_changed, offloads_changed;
	uint64_t features;
	struct model_coal *coal; /* num_vqs */
	struct vn_rx_rules *rules;
	/* To go with the next one. */
	bool coal_due, offloads_due;
	struct vn_rx_rules *rules_due;
};

#define MODEL_MODES VN_MODEL_MODES

struct vn_model {
	struct vn_device *dev;
	const struct vn_model_ops *ops;
	void *ctx;
	bool legacy;        /* transitional device */
	bool doorbell_seen; /* see vn_model_attach() */

	uint8_t isr; /* atomic; pollers and control set, control clears */
	uint8_t generation;
	uint16_t config_vector;
	bool config_pending; /* an interrupt that could not be raised */
	bool resetting;      /* dev_reset() is under way */
	bool announce;       /* VN_NET_S_ANNOUNCE is shown */
	bool announce_due;   /* it will be, once all that is to run runs */
	bool mac_set;        /* mac is the driver's, not conf.mac */

	uint64_t accept;   /* features as the driver writes them */
	uint64_t offloads; /* GUEST_* in force, of those negotiated; whole */

	uint8_t mode[MODEL_MODES]; /* as the driver set them */
	bool uni_overflow, multi_overflow;
	struct vn_rx_state rx;
	struct model_coal coal[2]; /* for transmit, for receive: by command number */

	struct vn_poll_group group;
	struct model_apply apply;
	struct model_queue *queue; /* num_vqs */
	struct model_ctrl ctrl;
};

static inline bool
model_negotiated(const struct vn_model *m, uint64_t feature)
{
	return (m->dev->driver_features & feature) != 0;
}

static inline uint16_t
model_ctrl_index(const struct vn_model *m)
{
	return m->dev->num_vqs - 1;
}

static inline bool
model_started(const struct vn_model *m)
{
	return (m->dev->status & VN_STATUS_DRIVER_OK) && !m->resetting;
}

/* model_status.c */
/** As after a reset. */
void model_reset_state(struct vn_model *m);
/** Features that a device of this kind can be offered with, of @p features. */
uint64_t model_features_offerable(uint64_t features, bool legacy);
/** @p features without those that lack what they need (5.1.3.1). */
uint64_t model_features_whole(uint64_t features);
/** DRIVER_OK: all queues that are enabled. @p resume: at the positions that guest memory shows. */
int model_start_queues(struct vn_model *m, bool resume);
/** The driver's features are @p features from now on. */
void model_take_features(struct vn_model *m, uint64_t features);

/* model_queue.c */
void model_queue_defaults(struct vn_model *m, uint16_t i);
/** Number of the queue that the driver calls @p q, or -1. */
int model_queue_index(const struct vn_model *m, uint16_t q);
/** The driver's number of queue @p i. */
uint16_t model_queue_number(const struct vn_model *m, uint16_t i);
/** May a driver give queue @p i @p size entries? */
bool model_queue_size_ok(const struct vn_model *m, uint16_t i, uint16_t size);
/** Start queue @p i if it is to run and does not. @return 0 or as vn_device_vq_start(). */
int model_queue_start(struct vn_model *m, uint16_t i, bool resume);
/** Show an enabled queue's registers in struct vn_device. */
void model_queue_show(struct vn_model *m, uint16_t i);
/** The driver's interrupt of vector @p vector, or -1. */
int model_irq_fd(const struct vn_model *m, uint16_t vector);
/** False: a write to @p fd could block the control thread. */
bool model_irq_sound(int fd);

/* model_config.c */
/** What the driver reads has changed: new generation; @p tell: and an interrupt. */
void model_config_changed(struct vn_model *m, bool tell);

/* model_apply.c */
/** Take @p rx into force. @return 0 or -ENOMEM (nothing has changed). */
int model_rx_set(struct vn_model *m, const struct vn_rx_state *rx);
/** m->rx, with the modes and tables as they are now; -ENOMEM: as before. */
void model_rx_modes(const struct vn_model *m, struct vn_rx_state *rx);
/** What the operator wants for receive queues. */
struct model_coal model_coal_default(const struct vn_model *m);
/** Coalescing parameters or offloads changed. */
void model_apply_coal(struct vn_model *m);
void model_apply_offloads(struct vn_model *m);
/** True once the pollers and the port have all that was set. */
bool model_settled(const struct vn_model *m);

/* model_driver_state.c */
/** Bytes that stand for yes or no are 1 or 0. */
bool model_flags_ok(const uint8_t *flag, unsigned int n);
/** True if what the rules take for granted holds for @p rx. */
bool model_rx_possible(const struct vn_model *m, const struct vn_rx_state *rx);
/** What the driver has set is not what it was. */
void model_driver_changed(struct vn_model *m);

/* ctrl_queue.c */
/** To be answered when model_settled(). */
#define CTRL_WAIT 2
/** Look at the control queue. */
void ctrl_run(struct vn_model *m);
/** Go on, if a command waits for what has happened. */
void ctrl_progress(struct vn_model *m);
void ctrl_stop(struct vn_model *m);

/* Handlers of a class: VN_NET_OK, VN_NET_ERR or CTRL_WAIT. @p len bytes of data at @p data. */
int ctrl_rx(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len);
int ctrl_mac(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len);
int ctrl_vlan(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len);
int ctrl_announce(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len);
int ctrl_mq(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len);
int ctrl_offloads(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len);
int ctrl_coal(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len);
int ctrl_stats(struct vn_model *m, uint8_t command, const uint8_t *data, uint32_t len);
/** Room that the driver left for a result behind the ack, and where it goes. */
static inline uint32_t
ctrl_result_room(const struct vn_model *m)
{
	return RTE_MIN(m->ctrl.reply_room - 1, (uint32_t)CTRL_ROOM - 1);
}
static inline uint8_t *
ctrl_result(struct vn_model *m)
{
	return m->ctrl.reply + 1;
}

#endif /* MODEL_PRIVATE_H */
