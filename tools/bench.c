/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * vhost-user-tool bench: rates of requests and percentiles of their times, a row for
 * each combination of size, queues and depth, and one for the floor of each size.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/json.h>
#include <vmm-sys-util/parse.h>

#include "bench.h"
#include "disk.h"
#include "tool.h"

#define MIB (1 << 20)
#define MIN_SIZE 512u
#define MAX_ITEMS 8u

struct list {
	unsigned int n;
	uint32_t items[MAX_ITEMS];
};

struct bench {
	const struct tool_args *args;
	struct list sizes, queues, depths;
	struct vsu_json json;
	FILE *svg;		/* NULL: none */
	unsigned int nrows;	/* reported */
};

/* ------------------------------------------------------------------ options */

/* Returns whether the text is such a number; a comma or the end follows it. */
static bool read_item(const char *text, size_t len, uint64_t min, uint64_t max, uint32_t *out)
{
	char word[24];
	uint64_t value;

	if ((size_t)snprintf(word, sizeof(word), "%.*s", (int)len, text) >= sizeof(word) ||
	    vsu_parse_size(word, &value) < 0 || value < min || value > max)
		return false;
	*out = (uint32_t)value;
	return true;
}

static int read_list(const char *option, const char *text, uint64_t min, uint64_t max,
		     struct list *list, struct vsu_error *err)
{
	const char *item;
	size_t len;

	list->n = 0;
	for (item = text;; item += len + 1) {
		len = strcspn(item, ",");
		if (list->n == MAX_ITEMS || !read_item(item, len, min, max, &list->items[list->n++]))
			return vsu_error_set(err, -EINVAL, "option --%s: '%s' is not a list of at most %u numbers from %" PRIu64 " to %" PRIu64 ", as in 1k,2k",
					     option, text, MAX_ITEMS, min, max);
		if (!item[len])
			return 0;
	}
}

static int read_lists(struct bench *b, struct vsu_error *err)
{
	int rc = read_list("depth", b->args->depths, 1, BENCH_MAX_DEPTH, &b->depths, err);

	if (rc == 0)
		rc = read_list("size", b->args->sizes, MIN_SIZE, BENCH_MAX_SIZE, &b->sizes, err);
	if (rc == 0)
		rc = read_list("queues", b->args->queue_counts, 1, DISK_QUEUES, &b->queues, err);
	return rc;
}

/* ------------------------------------------------------------------- report */

static unsigned int series_of(const struct bench *b, const struct bench_load *load)
{
	return !load->socket ? 0 : load->socket == b->args->socket ? 1 : 2;
}

static const char *name_of(const struct bench_load *load)
{
	return load->socket ? load->socket : "floor";
}

static void text_head(void)
{
	size_t i;

	printf("%7s %6s %5s %10s %8s", "size", "queues", "depth", "requests/s", "MiB/s");
	for (i = 0; i < BENCH_PERCENTILES; i++)
		printf(" %6s us", bench_percentiles[i].name);
	puts("  back-end");
}

static void text_row(const struct bench_load *load, const struct bench_stats *s)
{
	const double rate = bench_stats_rate(s);
	char size[24];
	size_t i;

	printf("%7s %6" PRIu32 " %5" PRIu32 " %10.0f %8.1f", vsu_format_size(load->size, size, sizeof(size)),
	       load->queues, load->depth, rate, rate * load->size / MIB);
	for (i = 0; i < BENCH_PERCENTILES; i++)
		printf(" %9.1f", (double)bench_stats_percentile(s, bench_percentiles[i].share) / 1e3);
	printf("  %s\n", name_of(load));
	fflush(stdout);
}

static void json_row(struct vsu_json *j, const struct bench_load *load, const struct bench_stats *s)
{
	const double rate = bench_stats_rate(s);
	size_t i;

	vsu_json_open(j, NULL, '{');
	vsu_json_text(j, "socket", load->socket);
	vsu_json_u64(j, "size", load->size);
	vsu_json_u64(j, "queues", load->queues);
	vsu_json_u64(j, "depth", load->depth);
	vsu_json_u64(j, "requests", s->requests);
	vsu_json_u64(j, "requests-per-second", (uint64_t)rate);
	vsu_json_u64(j, "bytes-per-second", (uint64_t)(rate * load->size));
	vsu_json_open(j, "nanoseconds", '{');
	for (i = 0; i < BENCH_PERCENTILES; i++)
		vsu_json_u64(j, bench_percentiles[i].name,
			     bench_stats_percentile(s, bench_percentiles[i].share));
	vsu_json_close(j, '}');
	vsu_json_close(j, '}');
}

static void svg_row(struct bench *b, const struct bench_load *load, const struct bench_stats *s)
{
	char label[48], size[24];

	snprintf(label, sizeof(label), "%s q%" PRIu32 " d%" PRIu32 " %s",
		 vsu_format_size(load->size, size, sizeof(size)), load->queues, load->depth,
		 name_of(load));
	bench_svg_row(b->svg, b->nrows, label, series_of(b, load), s);
}

static void report(struct bench *b, const struct bench_load *load, const struct bench_stats *s)
{
	if (b->args->json)
		json_row(&b->json, load, s);
	else
		text_row(load, s);
	if (b->svg)
		svg_row(b, load, s);
	b->nrows++;
}

/* How the second back-end compares to the first. */
static void report_ratio(const struct bench *b, const struct bench_stats stats[2])
{
	const double median = (double)bench_stats_percentile(&stats[0], 5000);
	const double rate = bench_stats_rate(&stats[0]);

	if (!b->args->json && median > 0 && rate > 0)
		printf("        the second has %.2f times the rate and %.2f times the median time of the first\n",
		       bench_stats_rate(&stats[1]) / rate,
		       (double)bench_stats_percentile(&stats[1], 5000) / median);
}

static void begin_report(struct bench *b)
{
	if (!b->args->json) {
		text_head();
		return;
	}
	b->json.to = stdout;
	vsu_json_open(&b->json, NULL, '{');
	vsu_json_u64(&b->json, "write-percent", b->args->write_percent);
	vsu_json_open(&b->json, "rows", '[');
}

static void end_report(struct bench *b)
{
	if (!b->args->json)
		return;
	vsu_json_close(&b->json, ']');
	vsu_json_close(&b->json, '}');
	putchar('\n');
}

/* ---------------------------------------------------------------------- run */

static struct bench_load make_load(const struct bench *b, const char *socket, uint32_t size)
{
	return (struct bench_load){
		.socket = socket, .size = size, .queues = 1, .depth = 1,
		.writes = (uint32_t)b->args->write_percent,
		.ms = b->args->time_ms, .timeout_ms = b->args->timeout_ms,
	};
}

static enum vsu_exit run_floor(struct bench *b, uint32_t size, struct vsu_error *err)
{
	const struct bench_load load = make_load(b, NULL, size);
	struct bench_stats stats = { .requests = 0 };
	const enum vsu_exit status = bench_floor(&load, &stats, err);

	if (status == VSU_EXIT_OK)
		report(b, &load, &stats);
	return status;
}

/* Two back-ends take turns, so that what the host does meanwhile meets both. */
static enum vsu_exit take_turns(struct bench *b, struct bench_load loads[2],
				struct bench_stats stats[2], struct vsu_error *err)
{
	const unsigned int n = b->args->against ? 2 : 1;
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i;

	for (i = 0; status == VSU_EXIT_OK && i < n * n; i++) {
		loads[i % n].ms = (b->args->time_ms + n - 1) / n;
		status = bench_disk(&loads[i % n], b->args->progress, &stats[i % n], err);
	}
	return status;
}

static enum vsu_exit run_row(struct bench *b, uint32_t size, uint32_t queues, uint32_t depth,
			     struct vsu_error *err)
{
	struct bench_load loads[2] = {
		make_load(b, b->args->socket, size), make_load(b, b->args->against, size)
	};
	struct bench_stats stats[2] = { { .requests = 0 } };
	enum vsu_exit status;

	loads[0].queues = loads[1].queues = queues;
	loads[0].depth = loads[1].depth = depth;
	status = take_turns(b, loads, stats, err);
	if (status != VSU_EXIT_OK)
		return status;
	report(b, &loads[0], &stats[0]);
	if (b->args->against) {
		report(b, &loads[1], &stats[1]);
		report_ratio(b, stats);
	}
	return VSU_EXIT_OK;
}

/* The depth varies fastest. */
static enum vsu_exit run_size(struct bench *b, uint32_t size, struct vsu_error *err)
{
	enum vsu_exit status = run_floor(b, size, err);
	unsigned int i;

	for (i = 0; status == VSU_EXIT_OK && i < b->queues.n * b->depths.n; i++)
		status = run_row(b, size, b->queues.items[i / b->depths.n],
				 b->depths.items[i % b->depths.n], err);
	return status;
}

static enum vsu_exit run_sizes(struct bench *b, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i;

	begin_report(b);
	for (i = 0; status == VSU_EXIT_OK && i < b->sizes.n; i++)
		status = run_size(b, b->sizes.items[i], err);
	end_report(b);
	return status;
}

static enum vsu_exit run_with_svg(struct bench *b, struct vsu_error *err)
{
	const unsigned int shapes = b->queues.n * b->depths.n * (b->args->against ? 2 : 1);
	enum vsu_exit status;
	bool lost;

	b->svg = fopen(b->args->svg, "we");
	if (!b->svg) {
		vsu_error_sys(err, -errno, "cannot create '%s'", b->args->svg);
		return VSU_EXIT_INPUT;
	}
	bench_svg_begin(b->svg, b->sizes.n * (1 + shapes));
	status = run_sizes(b, err);
	bench_svg_end(b->svg);
	lost = ferror(b->svg);
	if (!fclose(b->svg) && !lost)
		return status;
	vsu_error_set(err, -EIO, "cannot write '%s'", b->args->svg);
	return VSU_EXIT_INPUT;
}

enum vsu_exit tool_bench(const struct tool_args *args, struct vsu_error *err)
{
	struct bench b = { .args = args };

	if (read_lists(&b, err) < 0)
		return VSU_EXIT_DATA;
	return args->svg ? run_with_svg(&b, err) : run_sizes(&b, err);
}
