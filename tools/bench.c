/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * vhost-user-tool bench: rates of requests and percentiles of their times, a row for
 * each combination of size, queues and depth.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/json.h>
#include <vmm-sys-util/parse.h>

#include "bench.h"
#include "disk.h"
#include "tool.h"

#define MIB (1 << 20)
#define MIN_SIZE 512u
#define MAX_SIZE (256u * 1024)
#define MAX_ITEMS 8u

struct list {
	unsigned int n;
	uint32_t items[MAX_ITEMS];
};

struct bench {
	const struct tool_args *args;
	struct list sizes, queues, depths;
	struct vsu_json json;
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
	const char *item = text - 1;
	size_t len;

	list->n = 0;
	do {
		item++;
		len = strcspn(item, ",");
		if (list->n == MAX_ITEMS || !read_item(item, len, min, max, &list->items[list->n++]))
			return vsu_error_set(err, -EINVAL, "option --%s: '%s' is not a list of at most %u numbers from %" PRIu64 " to %" PRIu64 ", as in 1k,2k",
					     option, text, MAX_ITEMS, min, max);
		item += len;
	} while (*item);
	return 0;
}

static int read_lists(struct bench *b, struct vsu_error *err)
{
	int rc = read_list("depth", b->args->depths, 1, BENCH_MAX_DEPTH, &b->depths, err);

	if (rc == 0)
		rc = read_list("size", b->args->sizes, MIN_SIZE, MAX_SIZE, &b->sizes, err);
	if (rc == 0)
		rc = read_list("queues", b->args->queue_counts, 1, DISK_QUEUES, &b->queues, err);
	return rc;
}

/* ------------------------------------------------------------------- report */

struct percentile {
	const char *name;	/* in both forms of output */
	unsigned int share;	/* of 10000 */
};

static const struct percentile percentiles[] = {
	{ "p50", 5000 }, { "p90", 9000 }, { "p99", 9900 }, { "p99.9", 9990 },
};

#define NPERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static double per_second(const struct bench_stats *s)
{
	return s->ns ? (double)s->requests * 1e9 / (double)s->ns : 0;
}

static void text_head(void)
{
	size_t i;

	printf("%7s %6s %5s %10s %8s", "size", "queues", "depth", "requests/s", "MiB/s");
	for (i = 0; i < NPERCENTILES; i++)
		printf(" %6s us", percentiles[i].name);
	putchar('\n');
}

static void text_row(const struct bench_load *load, const struct bench_stats *s)
{
	const double rate = per_second(s);
	char size[24];
	size_t i;

	printf("%7s %6" PRIu32 " %5" PRIu32 " %10.0f %8.1f", vsu_format_size(load->size, size, sizeof(size)),
	       load->queues, load->depth, rate, rate * load->size / MIB);
	for (i = 0; i < NPERCENTILES; i++)
		printf(" %9.1f", (double)bench_stats_percentile(s, percentiles[i].share) / 1e3);
	putchar('\n');
	fflush(stdout);
}

static void json_row(struct vsu_json *j, const struct bench_load *load, const struct bench_stats *s)
{
	const double rate = per_second(s);
	size_t i;

	vsu_json_open(j, NULL, '{');
	vsu_json_u64(j, "size", load->size);
	vsu_json_u64(j, "queues", load->queues);
	vsu_json_u64(j, "depth", load->depth);
	vsu_json_u64(j, "requests", s->requests);
	vsu_json_u64(j, "requests-per-second", (uint64_t)rate);
	vsu_json_u64(j, "bytes-per-second", (uint64_t)(rate * load->size));
	vsu_json_open(j, "nanoseconds", '{');
	for (i = 0; i < NPERCENTILES; i++)
		vsu_json_u64(j, percentiles[i].name, bench_stats_percentile(s, percentiles[i].share));
	vsu_json_close(j, '}');
	vsu_json_close(j, '}');
}

static void begin_report(struct bench *b)
{
	if (!b->args->json) {
		text_head();
		return;
	}
	b->json.to = stdout;
	vsu_json_open(&b->json, NULL, '{');
	vsu_json_text(&b->json, "socket", b->args->socket);
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

static enum vsu_exit run_row(struct bench *b, uint32_t size, uint32_t queues, uint32_t depth,
			     struct vsu_error *err)
{
	const struct bench_load load = {
		.socket = b->args->socket, .size = size, .queues = queues, .depth = depth,
		.writes = (uint32_t)b->args->write_percent,
		.ms = b->args->time_ms, .timeout_ms = b->args->timeout_ms,
	};
	struct bench_stats stats = { .requests = 0 };
	enum vsu_exit status = bench_disk(&load, b->args->progress, &stats, err);

	if (status != VSU_EXIT_OK)
		return status;
	if (b->args->json)
		json_row(&b->json, &load, &stats);
	else
		text_row(&load, &stats);
	return VSU_EXIT_OK;
}

/* The depth varies fastest. */
static enum vsu_exit run_rows(struct bench *b, struct vsu_error *err)
{
	const unsigned int n = b->sizes.n * b->queues.n * b->depths.n;
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i;

	for (i = 0; status == VSU_EXIT_OK && i < n; i++)
		status = run_row(b, b->sizes.items[i / b->depths.n / b->queues.n],
				 b->queues.items[i / b->depths.n % b->queues.n],
				 b->depths.items[i % b->depths.n], err);
	return status;
}

enum vsu_exit tool_bench(const struct tool_args *args, struct vsu_error *err)
{
	struct bench b = { .args = args };
	enum vsu_exit status;

	if (read_lists(&b, err) < 0)
		return VSU_EXIT_DATA;
	begin_report(&b);
	status = run_rows(&b, err);
	end_report(&b);
	return status;
}
