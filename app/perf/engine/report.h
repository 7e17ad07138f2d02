/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "measure.h"

/** The rows, or those that failed, as a table for people. */
void report_table(FILE *out, const struct row *rows, unsigned int n, bool only_failed);
/** ... and for programs. */
void report_json(FILE *out, const struct row *rows, unsigned int n);

/* plot.c */
/** ... as a picture: the ratios as bars. @return 0, or -1 with errno. */
int plot_svg(const char *file, const struct row *rows, unsigned int n);

#endif /* REPORT_H */
