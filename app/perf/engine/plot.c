/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The ratios as a picture: a panel for each direction, in it a group of bars for each path.
 */
#include <errno.h>
#include <stdio.h>

#include <rte_common.h>

#include "report.h"

#define LEFT      46
#define BAR       20
#define GAP       18 /* between groups */
#define GROUP     (NUM_SIZES * BAR + GAP)
#define PANEL     210 /* height of the bars' area */
#define PANEL_GAP 62
#define TOP       56
#define MARGIN    10
#define LEAST     860 /* width that the words above need */
/* Higher bars are cut; their number says what they are. */
#define MOST 3.0

static const char *const colours[NUM_SIZES] = {
	"#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#9c6b4e"};

static const char *const titles[NUM_DIRS] = {
	[DIR_G2D] = "guest to device",
	[DIR_D2G] = "device to guest",
	[DIR_BOTH] = "both directions",
	[DIR_D2D] = "device to device",
};

/* The picture: only paths and directions that there are rows of. */
struct plot {
	FILE *f;
	int width;
	int column[NUM_PATHS]; /* -1: none */
	int top[NUM_DIRS];     /* 0: none */
};

static double
height(double ratio)
{
	return RTE_MIN(ratio, MOST) / MOST * PANEL;
}

static void
legend(FILE *f)
{
	fprintf(f,
		"<text x=\"%d\" y=\"20\" class=\"h\">Cycles of rte_vhost's burst API / cycles of "
		"this engine, same run: above 1 this engine is faster</text>\n",
		LEFT);
	for (int i = 0; i < NUM_SIZES; i++) {
		const char *unit = bench_sizes[i].kind.tso ? " (64 KiB)" : " B";

		fprintf(f,
			"<rect x=\"%d\" y=\"30\" width=\"12\" height=\"12\" fill=\"%s\"/>"
			"<text x=\"%d\" y=\"40\">%s%s</text>\n",
			LEFT + i * 100, colours[i], LEFT + i * 100 + 17, bench_sizes[i].name, unit);
	}
	fprintf(f, "<text x=\"%d\" y=\"40\">bar: median; line: 10th to 90th percentile</text>\n",
		LEFT + NUM_SIZES * 100);
}

static void
panel(const struct plot *p, enum bench_dir dir)
{
	const int top = p->top[dir], base = top + PANEL;
	FILE *f = p->f;

	fprintf(f, "<text x=\"%d\" y=\"%d\" class=\"h\">%s</text>\n", LEFT, top - 8, titles[dir]);
	for (int i = 0; i <= 6; i++) {
		const double ratio = i * 0.5, y = base - height(ratio);

		fprintf(f,
			"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n",
			LEFT, p->width - MARGIN, y, y, i == 2 ? "one" : "grid", LEFT - 6, y + 4,
			ratio);
	}
	for (int i = 0; i < NUM_PATHS; i++) {
		const int c = p->column[i];

		if (c >= 0)
			fprintf(f,
				"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
				"class=\"s\">%s</text>\n",
				LEFT + c * GROUP + GROUP / 2, base + 14 + c % 2 * 11,
				bench_paths[i].name);
	}
}

static void
bar(const struct plot *p, const struct row *r)
{
	const int size = (int)(r->c.size - bench_sizes), path = (int)(r->c.path - bench_paths);
	const int top = p->top[r->c.dir];
	FILE *f = p->f;
	const double x = LEFT + p->column[path] * GROUP + GAP / 2 + size * BAR;
	const double base = top + PANEL, h = height(r->ratio.p50);

	fprintf(f,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"%s\">"
		"<title>%s, %s, %s: %.2f (%.2f to %.2f); cycles per frame: %.1f, rte_vhost %.1f, "
		"memcpy %.1f</title></rect>\n",
		x, base - h, BAR - 2, h, colours[size], r->c.path->name, r->c.size->name,
		titles[r->c.dir], r->ratio.p50, r->ratio.p10, r->ratio.p90,
		r->cycles[SIDE_OURS].p50, r->cycles[SIDE_VHOST].p50, r->cycles[SIDE_COPY].p50);
	fprintf(f, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"whisker\"/>\n",
		x + BAR / 2 - 1, x + BAR / 2 - 1, base - height(r->ratio.p10),
		base - height(r->ratio.p90));
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" class=\"v\">%.*f</text>\n",
		x + BAR / 2 - 1, base - 4, r->ratio.p50 < 10 ? 2 : 1, r->ratio.p50);
}

int
plot_svg(const char *file, const struct row *rows, unsigned int n)
{
	struct plot p = {.f = fopen(file, "w")};
	int y = TOP + 20, columns = 0;

	if (p.f == NULL)
		return -1;
	for (int i = 0; i < NUM_PATHS; i++)
		p.column[i] = -1;
	for (unsigned int i = 0; i < n; i++) {
		int *column = &p.column[rows[i].c.path - bench_paths];

		p.top[rows[i].c.dir] = 1;
		if (*column < 0)
			*column = columns++;
	}
	for (int d = 0; d < NUM_DIRS; d++) {
		if (p.top[d] == 0)
			continue;
		p.top[d] = y;
		y += PANEL + PANEL_GAP;
	}
	p.width = RTE_MAX(LEAST, LEFT + columns * GROUP + MARGIN);
	fprintf(p.f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\">\n"
		"<style>text{font:11px sans-serif;fill:#222}.h{font-size:13px;font-weight:bold}"
		".s{font-size:9px}.v{font-size:8px;fill:#fff}.grid{stroke:#ddd}"
		".one{stroke:#222}.whisker{stroke:#222}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		p.width, y - 20, p.width, y - 20);
	legend(p.f);
	for (int d = 0; d < NUM_DIRS; d++) {
		if (p.top[d] != 0)
			panel(&p, d);
	}
	for (unsigned int i = 0; i < n; i++) {
		if (!rows[i].absent && rows[i].error[0] == '\0')
			bar(&p, &rows[i]);
	}
	fprintf(p.f, "</svg>\n");
	return fclose(p.f) == 0 ? 0 : -1;
}
