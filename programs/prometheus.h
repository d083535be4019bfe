/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Writes metrics in the text format 0.0.4 of Prometheus. Samples may be added in any order;
 * those of a metric follow each other in the output, in the order in which they were added.
 *
 * Threads: no state.
 */
#ifndef PROGRAMS_PROMETHEUS_H
#define PROGRAMS_PROMETHEUS_H

#include <stdio.h>

/* All zero at the beginning. */
struct prog_prometheus {
	struct prog_sample *all;
	unsigned int n, size;
	int rc;			/* -ENOMEM: samples are missing */
};

/*
 * Adds a sample of the metric "cvmm_NAME", in which other characters than letters and digits
 * become "_". labels: "{device=\"0\"}", or "". Labels and values are words without blanks.
 */
void prog_prometheus_add(struct prog_prometheus *p, const char *name, const char *labels,
			 const char *value);

/* Likewise, for a histogram: suffix is "_bucket", "_sum" or "_count". */
void prog_prometheus_add_histogram(struct prog_prometheus *p, const char *name,
				   const char *suffix, const char *labels, const char *value);

void prog_prometheus_print(struct prog_prometheus *p, FILE *to);
void prog_prometheus_free(struct prog_prometheus *p);

#endif
