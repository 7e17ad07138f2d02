/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef APP_H
#define APP_H

/** @file What the files of the program share. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vn_capacity.h"
#include "vn_conf.h"
#include "vn_loop.h"
#include "vn_poller.h"

#define APP_ERR_LEN 512

struct json_t;
struct rte_mempool;
struct rte_rcu_qsbr;
struct vn_controller;
struct vn_gm_registry;
struct vn_pollers;
struct vn_port_ops;
struct vn_switch;

/** What the command line says, with the defaults filled in. */
struct app_args {
	const char *conf_file;     /**< NULL: the default one, if there is one */
	const char *capacity_file; /**< NULL: the one in state_dir, if there is one */
	const char *state_dir;
	const char *recovery_dir; /**< NULL: the one in state_dir */
	const char *run_dir;
	const char *board_serial;       /**< NULL: from the machine id */
	const char *validate_file;      /**< only check this file */
	const char *show_capacity_file; /**< only check this capacity file and show it */
	const char *log_level;
	const char *file_prefix;
	uint32_t idle_spin_us;
	uint32_t idle_cold_us;
	enum vn_idle_policy idle_policy;
	uint32_t num_mbufs;
	bool version, help;
	bool eal_help;                   /**< show the EAL's options, too */
	bool no_huge_added;              /**< by us, for want of hugepages */
	bool other_conf, other_recovery; /**< the reference product's are used */
	char run_dir_buf[PATH_MAX];
	char recovery_dir_buf[PATH_MAX];
	char capacity_buf[PATH_MAX];
	/* For rte_eal_init(): the EAL's part with our defaults added. */
	int eal_argc;
	char **eal_argv;
};

/** args.c. @return 0, or -EINVAL with one line in @p err. */
int app_args_parse(int argc, char **argv, struct app_args *args, char *err);
void app_args_free(struct app_args *args);
void app_usage(void);

/** instance.c: there is one instance per file prefix and one per run directory. */
struct app_instance {
	int prefix_fd, run_fd;
	char prefix_lock[PATH_MAX], run_lock[PATH_MAX];
	char eal_dir[PATH_MAX]; /**< the EAL's runtime directory of the prefix */
	bool made_run_dir, made_eal_dir;
};
/** Make the directories and take the locks. @return 0, or negative errno with one line in @p err.
 */
int app_instance_take(const struct app_args *args, struct app_instance *inst, char *err);
/** Give all back; @p eal_used: the EAL's runtime files of our prefix go as well. */
void app_instance_release(const struct app_args *args, struct app_instance *inst, bool eal_used);

/** notify.c: tell the service manager (sd_notify(3)); no-op without one. */
void app_notify(const char *state);

/** signals.c */
/** Block what the loop will read; before any thread is made. */
void app_signals_block(void);
/** SIGTERM and SIGINT stop the loop by @p stop. @return 0 or negative errno. */
int app_signals_watch(struct vn_loop *loop, void (*stop)(void *ctx), void *ctx);
void app_signals_unwatch(struct vn_loop *loop);
/** From now on a SIGBUS in guest memory is survived. */
void app_sigbus_install(struct vn_gm_registry *reg, struct vn_loop *loop);

/** linkwatch.c: changes that others make to representors. */
struct app_linkwatch {
	struct vn_fd_source src;
	struct vn_controller *ctrl;
};
int app_linkwatch_start(struct app_linkwatch *w, struct vn_loop *loop, struct vn_controller *ctrl);
void app_linkwatch_stop(struct app_linkwatch *w, struct vn_loop *loop);

/** switch.c: the embedded switch. */
struct app_switch {
	struct vn_switch *sw;
	struct rte_mempool *clones;
	struct vn_loop *loop;
	struct vn_timer tick;
	struct app_uplink *uplinks; /* one after the other */
};
/** Make it, and have its uplinks served by the pollers, whose @p qsbr is. @return 0, or negative
 * errno with one line in @p err. */
int app_switch_make(struct app_switch *s, const struct vn_conf *conf, struct rte_mempool *pool,
	struct rte_rcu_qsbr *qsbr, struct vn_pollers *pollers, struct vn_loop *loop, char *err);
/** No poller runs and all ports are closed. */
void app_switch_free(struct app_switch *s);
/** For vn_ctl_conf::show_switch; @p ctx: struct app_switch. */
struct json_t *app_switch_show(void *ctx);

/** service.c: the EAL is up; run until a signal. @return exit status. */
int app_service_run(const struct app_args *args, const struct vn_conf *conf,
	const struct vn_capacity *capacity, const char *board_serial);

#endif /* APP_H */
