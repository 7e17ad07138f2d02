/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The engine against rte_vhost's burst API, in one process, on the same rings: doc/performance.md.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "measure.h"
#include "report.h"

#define MAX_ROWS (NUM_PATHS * NUM_SIZES * NUM_DIRS)

struct options {
	struct measure_conf conf;
	const char *path, *size, *dir; /* filters */
	const char *svg;
	bool list, smoke, json, huge, cross_core;
	uint32_t burst;      /* 0: default */
	int cpu, driver_cpu; /* -1: any */
};

static const char usage[] =
	"bench-engine [option]...: cycles of the device side, ours and rte_vhost's, in turn\n"
	"  --path, --size, --dir LIST   only these: words between commas; a path matches by any "
	"part\n"
	"                               of its name, sizes and directions as --list shows them\n"
	"  --burst N                    frames in each call of the device (default and most: 32;\n"
	"                               default of tso: 8)\n"
	"  --rounds N                   rounds of each row (default 200)\n"
	"  --seconds S                  no more than so long for a row (default: no limit)\n"
	"  --slice MS                   about so long one side is measured at a time (default 1)\n"
	"  --cpu N                      run there (default: the first CPU this process may use)\n"
	"  --cross-core[=CPU]           the driver on another CPU (default: the next it may use)\n"
	"  --mbufs                      device to device: ours through mbufs, too\n"
	"  --app-mbufs                  our side, too, takes and frees mbufs by "
	"rte_pktmbuf_*_bulk()\n"
	"  --counters                   compare with ours that counts frames by size, not with\n"
	"                               rte_vhost (which stays the name of the column)\n"
	"  --huge                       mbufs in huge pages\n"
	"  --json                       JSON instead of a table\n"
	"  --svg FILE                   a plot, too\n"
	"  --list                       print the rows that would be measured\n"
	"  --smoke                      check all bytes on all rows, then a few rounds; no "
	"figures\n";

/* Is @p name among the words of @p list? NULL: yes. */
static bool
wanted(const char *list, const char *name, bool part)
{
	while (list != NULL && *list != '\0') {
		const size_t len = strcspn(list, ",");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)len, list);
		if (part ? strstr(name, word) != NULL : strcmp(name, word) == 0)
			return true;
		list += len + (list[len] == ',');
		if (*list == '\0')
			return false;
	}
	return true;
}

/*
 * 32 frames for segmentation are 2 MiB in 1024 mbufs: more than a pool's cache holds, so that each
 * burst goes through the whole pool. That costs everybody who uses mbufs three times as much.
 */
static uint32_t
default_burst(const struct bench_size *size)
{
	return size->kind.tso ? 8 : MAX_BURST;
}

static unsigned int
pick_rows(const struct options *o, struct row *rows)
{
	unsigned int n = 0;

	for (unsigned int p = 0; p < NUM_PATHS; p++) {
		for (unsigned int s = 0; s < NUM_SIZES; s++) {
			for (unsigned int dir = 0; dir < NUM_DIRS; dir++) {
				if (!wanted(o->path, bench_paths[p].name, true) ||
					!wanted(o->size, bench_sizes[s].name, false) ||
					!wanted(o->dir, bench_dirs[dir], false))
					continue;
				rows[n++].c = (struct bench_case){&bench_paths[p], &bench_sizes[s],
					dir,
					o->burst != 0 ? o->burst : default_burst(&bench_sizes[s])};
			}
		}
	}
	return n;
}

static int
parse(int argc, char **argv, struct options *o)
{
	enum {
		PATH = 256,
		SIZE,
		DIR,
		BURST,
		ROUNDS,
		SECONDS,
		SLICE,
		CPU,
		CROSS,
		MBUFS,
		APP_MBUFS,
		COUNTERS,
		HUGE,
		JSON,
		SVG,
		LIST,
		SMOKE,
		HELP
	};
	static const struct option longs[] = {
		{"path", required_argument, NULL, PATH},
		{"size", required_argument, NULL, SIZE},
		{"dir", required_argument, NULL, DIR},
		{"burst", required_argument, NULL, BURST},
		{"rounds", required_argument, NULL, ROUNDS},
		{"seconds", required_argument, NULL, SECONDS},
		{"slice", required_argument, NULL, SLICE},
		{"cpu", required_argument, NULL, CPU},
		{"cross-core", optional_argument, NULL, CROSS},
		{"mbufs", no_argument, NULL, MBUFS},
		{"app-mbufs", no_argument, NULL, APP_MBUFS},
		{"counters", no_argument, NULL, COUNTERS},
		{"huge", no_argument, NULL, HUGE},
		{"json", no_argument, NULL, JSON},
		{"svg", required_argument, NULL, SVG},
		{"list", no_argument, NULL, LIST},
		{"smoke", no_argument, NULL, SMOKE},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	int c;

	*o = (struct options){.conf = {.rounds = 200, .slice_ms = 1}, .cpu = -1};
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case PATH:
			o->path = optarg;
			break;
		case SIZE:
			o->size = optarg;
			break;
		case DIR:
			o->dir = optarg;
			break;
		case BURST:
			o->burst = strtoul(optarg, NULL, 10);
			break;
		case ROUNDS:
			o->conf.rounds = strtoul(optarg, NULL, 10);
			break;
		case SECONDS:
			o->conf.seconds = strtod(optarg, NULL);
			break;
		case SLICE:
			o->conf.slice_ms = strtod(optarg, NULL);
			break;
		case CPU:
			o->cpu = strtol(optarg, NULL, 10);
			break;
		case CROSS:
			o->cross_core = true;
			o->driver_cpu = optarg != NULL ? strtol(optarg, NULL, 10) : -1;
			break;
		case MBUFS:
			o->conf.through_mbufs = true;
			break;
		case APP_MBUFS:
			o->conf.app_mbufs = true;
			break;
		case COUNTERS:
			o->conf.counters = true;
			break;
		case HUGE:
			o->huge = true;
			break;
		case JSON:
			o->json = true;
			break;
		case SVG:
			o->svg = optarg;
			break;
		case LIST:
			o->list = true;
			break;
		case SMOKE:
			o->smoke = true;
			o->conf.rounds = 1;
			o->conf.smoke = true;
			break;
		case 'h':
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			return -EINVAL;
		}
	}
	if (optind < argc || o->burst > MAX_BURST || o->conf.rounds < 1 ||
		o->conf.rounds > 100000 || !(o->conf.slice_ms > 0 && o->conf.slice_ms <= 1000))
		return -EINVAL;
	return 0;
}

/* CPUs: the first that this process may use, and the next one for the driver. */
static int
pick_cpus(struct options *o)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return -errno;
	for (int i = 0; i < CPU_SETSIZE && o->cpu < 0; i++) {
		if (CPU_ISSET(i, &set) && i != o->driver_cpu)
			o->cpu = i;
	}
	for (int i = 0; i < CPU_SETSIZE && o->cross_core && o->driver_cpu < 0; i++) {
		if (CPU_ISSET(i, &set) && i != o->cpu)
			o->driver_cpu = i;
	}
	if (o->cpu < 0 || (o->cross_core && o->driver_cpu < 0)) {
		fprintf(stderr, "bench: not so many CPUs\n");
		return -ENODEV;
	}
	return 0;
}

static int
start_eal(const struct options *o)
{
	static char args[][40] = {"bench", "--no-pci", "--no-telemetry", "--no-shconf", "-m", "128",
		"--log-level=lib.eal:error", "--log-level=lib.vhost*:error", "-d",
		"librte_mempool_ring.so", "--lcores", "", ""};
	char *argv[RTE_DIM(args)];

	snprintf(args[11], sizeof(args[11]), "0@%d", o->cpu);
	snprintf(args[12], sizeof(args[12]), "%s", o->huge ? "--in-memory" : "--no-huge");
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(RTE_DIM(args), argv) < 0 ? -rte_errno : 0;
}

int
main(int argc, char **argv)
{
	static struct row rows[MAX_ROWS];
	struct options o;
	unsigned int n, failed = 0, absent = 0;
	int err;

	if (parse(argc, argv, &o) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	n = pick_rows(&o, rows);
	if (n == 0) {
		fprintf(stderr, "bench: no row matches; --list shows them all\n");
		return 2;
	}
	for (unsigned int i = 0; o.list && i < n; i++)
		printf("%-28s %-5s %s\n", rows[i].c.path->name, rows[i].c.size->name,
			bench_dirs[rows[i].c.dir]);
	if (o.list)
		return 0;
	err = pick_cpus(&o);
	if (err == 0)
		err = start_eal(&o);
	if (err == 0)
		err = measure_init();
	if (err == 0 && o.cross_core)
		err = xcore_start(o.driver_cpu, &o.conf.xcore);
	if (err < 0) {
		fprintf(stderr, "bench: cannot start: %s\n", strerror(-err));
		return 1;
	}
	for (unsigned int i = 0; i < n; i++) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%u of %u: %-28s %-5s %-5s", i + 1, n,
				rows[i].c.path->name, rows[i].c.size->name,
				bench_dirs[rows[i].c.dir]);
		else if (i == 0 || rows[i].c.path != rows[i - 1].c.path)
			fprintf(stderr, "%u of %u: %s\n", i + 1, n, rows[i].c.path->name);
		failed += !measure_row(&o.conf, &rows[i]);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%70s\r", "");
	if (o.json)
		report_json(stdout, rows, n);
	else if (!o.smoke || failed > 0)
		report_table(stdout, rows, n, o.smoke);
	if (o.svg != NULL && plot_svg(o.svg, rows, n) < 0) {
		fprintf(stderr, "bench: cannot write %s: %s\n", o.svg, strerror(errno));
		failed++;
	}
	if (o.smoke) {
		for (unsigned int i = 0; i < n; i++)
			absent += rows[i].absent && rows[i].error[0] == '\0';
		printf("%u rows: %u ok, %u failed, %u not there\n", n, n - failed - absent, failed,
			absent);
	}
	xcore_stop(o.conf.xcore);
	measure_fini();
	rte_eal_cleanup();
	return failed > 0 || (o.smoke && absent > 0);
}
