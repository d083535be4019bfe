/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rows of "bench": text or JSON on standard output, and a plot. */
#ifndef TOOLS_BENCH_REPORT_H
#define TOOLS_BENCH_REPORT_H

#include <stdio.h>

#include <vmm-sys-util/json.h>

#include "bench_load.h"
#include "tool.h"

/* The floor, the back-end, and that of --against. */
#define BENCH_SERIES 3u

struct bench_report {
	const struct tool_args *args;
	const struct bench_device *device;
	unsigned int total;	/* rows of the plot */
	unsigned int nrows;	/* written */
	struct vsu_json json;	/* used if the arguments demand it */
	FILE *svg;		/* NULL: none */
};

/* Creates the plot, if the arguments demand one. On failure nothing needs to be closed. */
enum vsu_exit bench_report_open(struct bench_report *r, struct vsu_error *err);
void bench_report_row(struct bench_report *r, const struct bench_load *load,
		      const struct bench_stats *s);
/* How the second back-end compares to the first. */
void bench_report_ratio(const struct bench_report *r, const struct bench_stats stats[2]);
/* Returns status, or another one if the plot cannot be written. */
enum vsu_exit bench_report_close(struct bench_report *r, enum vsu_exit status,
				 struct vsu_error *err);

/* A plot with this number of rows. The owner of the stream checks it for errors. */
void bench_svg_begin(FILE *to, unsigned int rows);
void bench_svg_row(FILE *to, unsigned int index, const char *label, unsigned int series,
		   const struct bench_stats *s);
void bench_svg_end(FILE *to);

#endif
