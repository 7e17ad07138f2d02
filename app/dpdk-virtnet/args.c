/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The command line: dpdk-virtnet [EAL options] -- [our options]
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

#include "app.h"

#define DEFAULT_PREFIX    "virtnet"
#define DEFAULT_STATE_DIR "/var/lib/dpdk-virtnet"
#define RUN_DIR_BASE      "/run/dpdk-virtnet"
/** Memory to take without hugepages, MiB: the mbufs and room for the rest. */
#define NO_HUGE_MB "256"
/** Free hugepages, MiB, below which they are not worth the try. */
#define HUGE_MB_MIN 112
#define MAX_EXTRA   8

enum {
	OPT_CAPACITY = 256,
	OPT_STATE_DIR,
	OPT_RECOVERY_DIR,
	OPT_RUN_DIR,
	OPT_BOARD_SERIAL,
	OPT_IDLE_SPIN,
	OPT_IDLE_COLD,
	OPT_IDLE_POLICY,
	OPT_MBUFS,
	OPT_VALIDATE,
	OPT_SHOW_CAPACITY,
	OPT_LOG_LEVEL,
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"capacity", required_argument, NULL, OPT_CAPACITY},
	{"state-dir", required_argument, NULL, OPT_STATE_DIR},
	{"recovery-dir", required_argument, NULL, OPT_RECOVERY_DIR},
	{"run-dir", required_argument, NULL, OPT_RUN_DIR},
	{"board-serial", required_argument, NULL, OPT_BOARD_SERIAL},
	{"idle-spin-us", required_argument, NULL, OPT_IDLE_SPIN},
	{"idle-cold-us", required_argument, NULL, OPT_IDLE_COLD},
	{"idle-policy", required_argument, NULL, OPT_IDLE_POLICY},
	{"mbufs", required_argument, NULL, OPT_MBUFS},
	{"validate", required_argument, NULL, OPT_VALIDATE},
	{"show-capacity", required_argument, NULL, OPT_SHOW_CAPACITY},
	{"log-level", required_argument, NULL, OPT_LOG_LEVEL},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

void
app_usage(void)
{
	puts("dpdk-virtnet [EAL options] -- [options]\n"
	     "\n"
	     "  -c, --config FILE     virtnet.conf (default: /etc/dpdk-virtnet/virtnet.conf, if "
	     "there)\n"
	     "      --capacity FILE   capacity settings (default: STATE-DIR/capacity.json, if "
	     "there)\n"
	     "      --state-dir DIR   what must survive a reboot (default: " DEFAULT_STATE_DIR ")\n"
	     "      --recovery-dir DIR  recovery files (default: STATE-DIR/recovery)\n"
	     "      --run-dir DIR     sockets and black box, on tmpfs\n"
	     "                        (default: " RUN_DIR_BASE "/<file-prefix>)\n"
	     "      --board-serial S  serial for the VUIDs (default: from the machine id)\n"
	     "      --idle-spin-us N  how long an idle poller looks for work before it sleeps\n"
	     "                        (default: 20)\n"
	     "      --idle-cold-us N  after how long a queue pair without work is looked at no\n"
	     "                        more until it tells; 0: never (default: 1000)\n"
	     "      --idle-policy P   what an idle poller does: sleep (default), nap (for a time\n"
	     "                        that grows, drivers need not notify; then sleep) or poll\n"
	     "      --mbufs N         packet buffers of 2 KiB (default: 32768)\n"
	     "      --validate FILE   check a virtnet.conf and end\n"
	     "      --show-capacity FILE\n"
	     "                        check capacity settings, show them as JSON and end\n"
	     "      --log-level L     err, info (default) or debug\n"
	     "  -V, --version         show the version and end\n"
	     "  -h, --help            this text; before \"--\" the EAL's options as well\n"
	     "\n"
	     "The EAL's --file-prefix defaults to \"" DEFAULT_PREFIX
	     "\"; without hugepages --no-huge "
	     "is added.");
}

/*
 * The value of EAL option @p name, "" if it has none, NULL if it is not there. Written "--x v",
 * "--x=v", and for one letter "-x v" or "-xv".
 */
static const char *
eal_option(int argc, char **argv, const char *name)
{
	const size_t len = strlen(name);
	const bool is_short = name[1] != '-';

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], name, len) != 0)
			continue;
		if (argv[i][len] == '\0')
			return i + 1 < argc ? argv[i + 1] : "";
		if (is_short || argv[i][len] == '=')
			return argv[i] + len + !is_short;
	}
	return NULL;
}

static bool
hugetlbfs_mounted(void)
{
	char line[1024], type[64];
	bool found = false;
	FILE *f = fopen("/proc/self/mounts", "re");

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%*s %*s %63s", type) == 1 && strcmp(type, "hugetlbfs") == 0;
	fclose(f);
	return found;
}

/* Free hugepages of all sizes, MiB. */
static unsigned long
hugepages_free_mb(void)
{
	unsigned long mb = 0;
	glob_t g;

	if (glob("/sys/kernel/mm/hugepages/hugepages-*kB", 0, NULL, &g) != 0)
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char path[PATH_MAX];
		unsigned long n, kb;
		FILE *f;

		snprintf(path, sizeof(path), "%s/free_hugepages", g.gl_pathv[i]);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &n) == 1 &&
			sscanf(strrchr(g.gl_pathv[i], '/'), "/hugepages-%lukB", &kb) == 1)
			mb += n * (kb / 1024);
		fclose(f);
	}
	globfree(&g);
	return mb;
}

static bool
wants_hugepages(int argc, char **argv)
{
	static const char *const option[] = {"--in-memory", "--huge-dir", "--socket-mem",
		"--huge-unlink", "--single-file-segments"};

	for (unsigned int i = 0; i < RTE_DIM(option); i++) {
		if (eal_option(argc, argv, option[i]) != NULL)
			return true;
	}
	return false;
}

/* The EAL's options as given, with what we add. */
static int
eal_args(int argc, char **argv, struct app_args *args)
{
	int n = 0;

	args->eal_argv = calloc(argc + MAX_EXTRA + 1, sizeof(char *));
	if (args->eal_argv == NULL)
		return -ENOMEM;
	for (int i = 0; i < argc; i++)
		args->eal_argv[n++] = argv[i];
	args->file_prefix = eal_option(argc, argv, "--file-prefix");
	if (args->file_prefix == NULL) {
		args->file_prefix = DEFAULT_PREFIX;
		args->eal_argv[n++] = (char *)(uintptr_t) "--file-prefix=" DEFAULT_PREFIX;
	}
	/* Whoever asks for hugepages gets the EAL's word on why there are none. */
	if (eal_option(argc, argv, "--no-huge") == NULL && !wants_hugepages(argc, argv) &&
		(hugepages_free_mb() < HUGE_MB_MIN || !hugetlbfs_mounted())) {
		args->no_huge_added = true;
		args->eal_argv[n++] = (char *)(uintptr_t) "--no-huge";
		if (eal_option(argc, argv, "-m") == NULL) {
			args->eal_argv[n++] = (char *)(uintptr_t) "-m";
			args->eal_argv[n++] = (char *)(uintptr_t)NO_HUGE_MB;
		}
	}
	/* Our lines are what an operator reads; the EAL speaks up when something is wrong. */
	if (eal_option(argc, argv, "--log-level") == NULL) {
		/* It warns at every start that a socket of the past is not made. The first option
		 * wins. */
		args->eal_argv[n++] = (char *)(uintptr_t) "--log-level=lib.telemetry:error";
		args->eal_argv[n++] = (char *)(uintptr_t) "--log-level=lib.*:warning";
	}
	args->eal_argc = n;
	return 0;
}

static int
number(const char *text, const char *option, uint32_t min, uint32_t max, uint32_t *value, char *err)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || v < min || v > max || *text == '-') {
		snprintf(err, APP_ERR_LEN, "%s %s: expected a number from %u to %u", option, text,
			min, max);
		return -EINVAL;
	}
	*value = v;
	return 0;
}

static int
idle_policy(const char *text, enum vn_idle_policy *policy, char *err)
{
	static const char *const name[] = {
		[VN_IDLE_SLEEP] = "sleep", [VN_IDLE_NAP] = "nap", [VN_IDLE_POLL] = "poll"};

	for (unsigned int i = 0; i < RTE_DIM(name); i++) {
		if (strcmp(text, name[i]) == 0) {
			*policy = (enum vn_idle_policy)i;
			return 0;
		}
	}
	snprintf(err, APP_ERR_LEN, "--idle-policy %s: expected sleep, nap or poll", text);
	return -EINVAL;
}

static int
own_options(int argc, char **argv, struct app_args *args, char *err)
{
	int c, rc = 0;

	optind = 1;
	opterr = 0;
	while (rc == 0 && (c = getopt_long(argc, argv, ":c:Vh", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			args->conf_file = optarg;
			break;
		case OPT_CAPACITY:
			args->capacity_file = optarg;
			break;
		case OPT_STATE_DIR:
			args->state_dir = optarg;
			break;
		case OPT_RECOVERY_DIR:
			args->recovery_dir = optarg;
			break;
		case OPT_RUN_DIR:
			args->run_dir = optarg;
			break;
		case OPT_BOARD_SERIAL:
			args->board_serial = optarg;
			break;
		case OPT_IDLE_SPIN:
			rc = number(optarg, "--idle-spin-us", 0, 1000000, &args->idle_spin_us, err);
			break;
		case OPT_IDLE_COLD:
			rc = number(optarg, "--idle-cold-us", 0, 1000000, &args->idle_cold_us, err);
			break;
		case OPT_IDLE_POLICY:
			rc = idle_policy(optarg, &args->idle_policy, err);
			break;
		case OPT_MBUFS:
			rc = number(
				optarg, "--mbufs", 1024, 64 * 1024 * 1024, &args->num_mbufs, err);
			break;
		case OPT_VALIDATE:
			args->validate_file = optarg;
			break;
		case OPT_SHOW_CAPACITY:
			args->show_capacity_file = optarg;
			break;
		case OPT_LOG_LEVEL:
			args->log_level = optarg;
			break;
		case 'V':
			args->version = true;
			break;
		case 'h':
			args->help = true;
			break;
		case ':':
			snprintf(
				err, APP_ERR_LEN, "%s needs a value (see -- -h)", argv[optind - 1]);
			rc = -EINVAL;
			break;
		default:
			snprintf(err, APP_ERR_LEN, "unknown option %s (see -- -h)",
				argv[optind - 1]);
			rc = -EINVAL;
			break;
		}
	}
	if (rc == 0 && optind < argc) {
		snprintf(err, APP_ERR_LEN, "unexpected word \"%s\" (see -- -h)", argv[optind]);
		rc = -EINVAL;
	}
	return rc;
}

int
app_args_parse(int argc, char **argv, struct app_args *args, char *err)
{
	int eal_argc = argc, rc;

	*args = (struct app_args){
		.state_dir = DEFAULT_STATE_DIR,
		.log_level = "info",
		.idle_spin_us = 20,
		.idle_cold_us = VN_IDLE_COLD_US,
		.idle_policy = VN_IDLE_SLEEP,
		.num_mbufs = 32768,
	};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			eal_argc = i;
			break;
		}
		/* Ours where nobody would look for "--". */
		if (strcmp(argv[i], "-V") == 0)
			args->version = true;
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			args->help = args->eal_help = true;
		if (strncmp(argv[i], "--validate", 10) == 0 ||
			strncmp(argv[i], "--show-capacity", 15) == 0) {
			eal_argc = i - 1 > 0 ? i - 1 : 0;
			break;
		}
	}
	rc = eal_args(eal_argc > 0 ? eal_argc : 1, argv, args);
	if (rc != 0) {
		snprintf(err, APP_ERR_LEN, "out of memory");
		return rc;
	}
	if (eal_argc < argc) {
		rc = own_options(argc - eal_argc, argv + eal_argc, args, err);
		if (rc != 0)
			return rc;
	}
	if (args->run_dir == NULL) {
		snprintf(args->run_dir_buf, sizeof(args->run_dir_buf), RUN_DIR_BASE "/%s",
			args->file_prefix);
		args->run_dir = args->run_dir_buf;
	}
	if (strcmp(args->log_level, "err") != 0 && strcmp(args->log_level, "info") != 0 &&
		strcmp(args->log_level, "debug") != 0) {
		snprintf(err, APP_ERR_LEN, "--log-level %s: expected err, info or debug",
			args->log_level);
		return -EINVAL;
	}
	return 0;
}

void
app_args_free(struct app_args *args)
{
	free(args->eal_argv);
}
