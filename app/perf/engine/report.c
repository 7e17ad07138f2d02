/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * What comes out: a table, or JSON.
 */
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "report.h"

void
report_table(FILE *out, const struct row *rows, unsigned int n, bool only_failed)
{
	fprintf(out, "%-28s %-5s %-5s %6s %6s %6s  %9s %9s %9s\n", "path", "size", "dir", "ratio",
		"p10", "p90", "ours", "rte_vhost", "memcpy");
	for (unsigned int i = 0; i < n; i++) {
		const struct row *r = &rows[i];

		if (only_failed && r->error[0] == '\0')
			continue;
		fprintf(out, "%-28s %-5s %-5s ", r->c.path->name, r->c.size->name,
			bench_dirs[r->c.dir]);
		if (r->error[0] != '\0')
			fprintf(out, "FAILED: %s\n", r->error);
		else if (r->absent)
			fprintf(out, "%20s  %9s %9.1f %9.1f\n", "engine: ENOTSUP", "not there",
				r->cycles[SIDE_VHOST].p50, r->cycles[SIDE_COPY].p50);
		else
			fprintf(out, "%6.2f %6.2f %6.2f  %9.1f %9.1f %9.1f\n", r->ratio.p50,
				r->ratio.p10, r->ratio.p90, r->cycles[SIDE_OURS].p50,
				r->cycles[SIDE_VHOST].p50, r->cycles[SIDE_COPY].p50);
	}
}

static void
json_spread(FILE *out, const char *name, const struct spread *s)
{
	fprintf(out, ", \"%s\": {\"p10\": %.4f, \"p50\": %.4f, \"p90\": %.4f}", name, s->p10,
		s->p50, s->p90);
}

void
report_json(FILE *out, const struct row *rows, unsigned int n)
{
	fprintf(out, "{\"dpdk\": \"%s\", \"tsc_hz\": %ju, \"rows\": [", rte_version(),
		(uintmax_t)rte_get_tsc_hz());
	for (unsigned int i = 0; i < n; i++) {
		const struct row *r = &rows[i];

		fprintf(out,
			"%s\n  {\"path\": \"%s\", \"size\": \"%s\", \"bytes\": %u, \"dir\": "
			"\"%s\", \"burst\": %u",
			i > 0 ? "," : "", r->c.path->name, r->c.size->name, r->c.size->kind.len,
			bench_dirs[r->c.dir], r->c.burst);
		if (r->error[0] != '\0') {
			fprintf(out, ", \"error\": \"%s\"}", r->error);
			continue;
		}
		fprintf(out, ", \"rounds\": %u, \"bursts\": %u", r->rounds, r->bursts);
		if (!r->absent) {
			json_spread(out, "ratio", &r->ratio);
			json_spread(out, "ours", &r->cycles[SIDE_OURS]);
		}
		json_spread(out, "rte_vhost", &r->cycles[SIDE_VHOST]);
		json_spread(out, "memcpy", &r->cycles[SIDE_COPY]);
		fprintf(out, "}");
	}
	fprintf(out, "\n]}\n");
}
