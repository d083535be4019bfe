/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rows of "bench". */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <vmm-sys-util/parse.h>

#include "bench_report.h"

#define MIB (1 << 20)

static const char *name_of(const struct bench_load *load)
{
	return load->socket ? load->socket : "floor";
}

static const char *size_of(const struct bench_load *load, char *text, size_t len)
{
	return load->size ? vsu_format_size(load->size, text, len) : "-";
}

/* --------------------------------------------------------------------- text */

#define HEAD "request    size queues depth requests/s    MiB/s    p50 us    p90 us    p99 us  p99.9 us  back-end"

static void text_row(const struct bench_load *load, const struct bench_stats *s)
{
	const double rate = bench_stats_rate(s);
	char size[24];
	size_t i;

	printf("%-8s %6s %6" PRIu32 " %5" PRIu32 " %10.0f %8.1f", load->request->name,
	       size_of(load, size, sizeof(size)), load->queues, load->depth, rate,
	       rate * load->size / MIB);
	for (i = 0; i < BENCH_PERCENTILES; i++)
		printf(" %9.1f", (double)bench_stats_percentile(s, bench_percentiles[i].share) / 1e3);
	printf("  %s", name_of(load));
	if (s->lost)
		printf(" (%" PRIu64 " lost)", s->lost);
	putchar('\n');
	fflush(stdout);
}

/* --------------------------------------------------------------------- JSON */

static void json_head(struct vsu_json *j, const struct bench_device *device, uint64_t writes)
{
	j->to = stdout;
	vsu_json_open(j, NULL, '{');
	vsu_json_text(j, "device", device->name);
	vsu_json_u64(j, "write-percent", writes);
	vsu_json_open(j, "rows", '[');
}

static void json_row(struct vsu_json *j, const struct bench_load *load, const struct bench_stats *s)
{
	const double rate = bench_stats_rate(s);
	size_t i;

	vsu_json_open(j, NULL, '{');
	vsu_json_text(j, "socket", load->socket);
	vsu_json_text(j, "request", load->request->name);
	vsu_json_u64(j, "size", load->size);
	vsu_json_u64(j, "queues", load->queues);
	vsu_json_u64(j, "depth", load->depth);
	vsu_json_u64(j, "requests", s->requests);
	vsu_json_u64(j, "lost", s->lost);
	vsu_json_u64(j, "requests-per-second", (uint64_t)rate);
	vsu_json_u64(j, "bytes-per-second", (uint64_t)(rate * load->size));
	vsu_json_open(j, "nanoseconds", '{');
	for (i = 0; i < BENCH_PERCENTILES; i++)
		vsu_json_u64(j, bench_percentiles[i].name,
			     bench_stats_percentile(s, bench_percentiles[i].share));
	vsu_json_close(j, '}');
	vsu_json_close(j, '}');
}

/* --------------------------------------------------------------------- plot */

static unsigned int series_of(const struct bench_report *r, const struct bench_load *load)
{
	return !load->socket ? 0 : load->socket == r->args->socket ? 1 : 2;
}

static void svg_row(const struct bench_report *r, const struct bench_load *load,
		    const struct bench_stats *s)
{
	char label[56], size[24];

	snprintf(label, sizeof(label), "%s %s q%" PRIu32 " d%" PRIu32 " %s", load->request->name,
		 size_of(load, size, sizeof(size)), load->queues, load->depth, name_of(load));
	bench_svg_row(r->svg, r->nrows, label, series_of(r, load), s);
}

static enum vsu_exit close_plot(struct bench_report *r, enum vsu_exit status, struct vsu_error *err)
{
	bool lost;

	if (r->nrows > 0)
		bench_svg_end(r->svg);
	lost = ferror(r->svg);
	if (!fclose(r->svg) && !lost)
		return status;
	vsu_error_set(err, -EIO, "cannot write '%s'", r->args->svg);
	return VSU_EXIT_INPUT;
}

/* ------------------------------------------------------------------- report */

enum vsu_exit bench_report_open(struct bench_report *r, struct vsu_error *err)
{
	if (!r->args->svg)
		return VSU_EXIT_OK;
	r->svg = fopen(r->args->svg, "we");
	if (r->svg)
		return VSU_EXIT_OK;
	vsu_error_sys(err, -errno, "cannot create '%s'", r->args->svg);
	return VSU_EXIT_INPUT;
}

static void begin(struct bench_report *r)
{
	if (r->args->json)
		json_head(&r->json, r->device, r->args->write_percent);
	else
		puts(HEAD);
	if (r->svg)
		bench_svg_begin(r->svg, r->total);
}

void bench_report_row(struct bench_report *r, const struct bench_load *load,
		      const struct bench_stats *s)
{
	if (r->nrows == 0)
		begin(r);
	if (r->args->json)
		json_row(&r->json, load, s);
	else
		text_row(load, s);
	if (r->svg)
		svg_row(r, load, s);
	r->nrows++;
}

void bench_report_ratio(const struct bench_report *r, const struct bench_stats stats[2])
{
	const double median = (double)bench_stats_percentile(&stats[0], 5000);
	const double rate = bench_stats_rate(&stats[0]);

	if (!r->args->json && median > 0 && rate > 0)
		printf("         the second has %.2f times the rate and %.2f times the median time of the first\n",
		       bench_stats_rate(&stats[1]) / rate,
		       (double)bench_stats_percentile(&stats[1], 5000) / median);
}

enum vsu_exit bench_report_close(struct bench_report *r, enum vsu_exit status, struct vsu_error *err)
{
	if (r->args->json && r->nrows > 0) {
		vsu_json_close(&r->json, ']');
		vsu_json_close(&r->json, '}');
		putchar('\n');
	}
	return r->svg ? close_plot(r, status, err) : status;
}
