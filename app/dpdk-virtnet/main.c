/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "app.h"
#include "vn_identity.h"
#include "vn_log.h"

#define DEFAULT_CONF "/etc/dpdk-virtnet/virtnet.conf"
/* Where the reference product has them: what is there goes on being used. */
#define OTHER_CONF     "/opt/mellanox/mlnx_virtnet/virtnet.conf"
#define OTHER_RECOVERY "/opt/mellanox/mlnx_virtnet/recovery"

static int
complain(const char *text)
{
	fprintf(stderr, "dpdk-virtnet: %s\n", text);
	return 1;
}

static int
show_errors(FILE *out, const char *file, const struct vn_conf_errors *errors)
{
	char line[PATH_MAX + 512];

	for (unsigned int i = 0; i < errors->n && i < VN_CONF_MAX_ERRORS; i++) {
		vn_conf_error_format(&errors->e[i], file, line, sizeof(line));
		fprintf(out, "%s%s\n", out == stderr ? "dpdk-virtnet: " : "", line);
	}
	if (errors->n > VN_CONF_MAX_ERRORS)
		fprintf(out, "... and %u more\n", errors->n - VN_CONF_MAX_ERRORS);
	return 1;
}

static int
validate(const char *file)
{
	struct vn_conf_errors errors;
	struct vn_conf conf;

	if (vn_conf_load(file, &conf, &errors) != 0)
		return show_errors(stdout, file, &errors);
	printf("%s is valid\n", file);
	return 0;
}

static bool
is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
find_recovery_dir(struct app_args *args)
{
	if (args->recovery_dir != NULL)
		return;
	snprintf(args->recovery_dir_buf, sizeof(args->recovery_dir_buf), "%s/recovery",
		args->state_dir);
	args->recovery_dir = args->recovery_dir_buf;
	if (!is_dir(args->recovery_dir) && is_dir(OTHER_RECOVERY)) {
		args->recovery_dir = OTHER_RECOVERY;
		args->other_recovery = true;
	}
}

/* For virtnet-capacity(8): the file with what is known of each setting. */
static int
show_capacity(const char *file)
{
	struct vn_conf_errors errors;
	struct vn_capacity cap;

	if (vn_capacity_load(file, &cap, &errors) != 0)
		return show_errors(stdout, file, &errors);
	puts("{\"settings\": [");
	for (unsigned int i = 0; i < VN_CAP_COUNT; i++) {
		const struct vn_capacity_info *s = vn_capacity_info(i);

		printf("{\"name\": \"%s\", \"bool\": %s, \"min\": %u, \"max\": %u, "
		       "\"default\": %u, \"current\": %u, \"next\": %u}%s\n",
			s->name, s->is_bool ? "true" : "false", s->min, s->max, s->def,
			cap.current[i], cap.next[i], i + 1 < VN_CAP_COUNT ? "," : "");
	}
	puts("]}");
	return 0;
}

/* Everything that can be found wrong before the EAL is started. */
static int
load_files(struct app_args *args, struct vn_conf *conf, struct vn_capacity *capacity)
{
	struct vn_conf_errors errors = {0};
	const char *file;

	find_recovery_dir(args);
	if (args->conf_file == NULL && access(DEFAULT_CONF, F_OK) == 0) {
		args->conf_file = DEFAULT_CONF;
	} else if (args->conf_file == NULL && access(OTHER_CONF, F_OK) == 0) {
		args->conf_file = OTHER_CONF;
		args->other_conf = true;
	}
	file = args->conf_file;
	vn_conf_defaults(conf);
	if (file != NULL && vn_conf_load(file, conf, &errors) != 0)
		return show_errors(stderr, file, &errors);

	file = args->capacity_file;
	if (file == NULL) {
		snprintf(args->capacity_buf, sizeof(args->capacity_buf), "%s/capacity.json",
			args->state_dir);
		file = args->capacity_file = args->capacity_buf;
	} else if (access(file, F_OK) != 0) {
		fprintf(stderr, "dpdk-virtnet: %s: %s (--capacity)\n", file, strerror(errno));
		return 1;
	}
	if (vn_capacity_load(file, capacity, &errors) != 0)
		return show_errors(stderr, file, &errors);
	return 0;
}

static int
find_serial(const struct app_args *args, char serial[VN_BOARD_SERIAL_LEN], char *err)
{
	int rc;

	if (args->board_serial == NULL)
		return vn_identity_board_serial(NULL, NULL, serial, err, APP_ERR_LEN);
	rc = vn_identity_check_serial(args->board_serial, err, APP_ERR_LEN);
	if (rc == 0)
		snprintf(serial, VN_BOARD_SERIAL_LEN, "%s", args->board_serial);
	return rc;
}

int
main(int argc, char **argv)
{
	char err[APP_ERR_LEN] = "", serial[VN_BOARD_SERIAL_LEN];
	struct vn_capacity capacity;
	struct app_instance inst;
	struct app_args args;
	struct vn_conf conf;
	int rc = 1;

	if (app_args_parse(argc, argv, &args, err) != 0) {
		app_args_free(&args);
		return complain(err);
	}
	if (args.help || args.version || args.validate_file != NULL ||
		args.show_capacity_file != NULL) {
		if (args.help)
			app_usage();
		fflush(stdout);
		if (args.eal_help)
			rte_eal_init(args.eal_argc, args.eal_argv); /* shows them and ends */
		else if (args.version)
			puts("dpdk-virtnet v" VN_VERSION);
		rc = 0;
		if (args.validate_file != NULL)
			rc = validate(args.validate_file);
		if (rc == 0 && args.show_capacity_file != NULL)
			rc = show_capacity(args.show_capacity_file);
		app_args_free(&args);
		return rc;
	}
	if (load_files(&args, &conf, &capacity) != 0)
		goto free_args;
	if (find_serial(&args, serial, err) != 0 || app_instance_take(&args, &inst, err) != 0) {
		complain(err);
		goto free_args;
	}
	app_signals_block();
	vn_log_to_journal();
	if (rte_eal_init(args.eal_argc, args.eal_argv) < 0) {
		snprintf(err, sizeof(err),
			"cannot start DPDK's EAL: %s (its own lines above say more; "
			"if it is about hugepages, free some or add --no-huge -m 256)",
			rte_strerror(rte_errno));
		complain(err);
	} else {
		vn_log_set_level(args.log_level);
		if (args.no_huge_added)
			VN_INFO("not enough free hugepages (or no hugetlbfs): using ordinary "
				"memory");
		if (args.other_conf)
			VN_INFO("configuration: " OTHER_CONF " (" DEFAULT_CONF " is not there)");
		if (args.other_recovery)
			VN_INFO("recovery files: " OTHER_RECOVERY " (%s is not there)",
				args.recovery_dir_buf);
		rc = app_service_run(&args, &conf, &capacity, serial);
		rte_eal_cleanup();
	}
	app_instance_release(&args, &inst, true);

free_args:
	app_args_free(&args);
	return rc;
}
