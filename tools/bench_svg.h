/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The plot of "bench". The owner of the stream checks it for errors. */
#ifndef TOOLS_BENCH_SVG_H
#define TOOLS_BENCH_SVG_H

#include <stdio.h>

#include "bench_stats.h"

/* The floor, the back-end, and that of --against. */
#define BENCH_SERIES 3u

void bench_svg_begin(FILE *to, unsigned int rows);
void bench_svg_row(FILE *to, unsigned int index, const char *label, unsigned int series,
		   const struct bench_stats *s);
void bench_svg_end(FILE *to);

#endif
