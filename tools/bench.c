/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * vhost-user-tool bench: rates of requests and percentiles of their times, a row for each
 * combination of request, size, queues and depth, and one for the floor of each size.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "bench_report.h"

#define MAX_ITEMS 8u
/* Back-ends: the first, and that of --against. */
#define MAX_DRIVERS 2u

struct list {
	unsigned int n;
	uint32_t items[MAX_ITEMS];
};

struct bench {
	const struct tool_args *args;
	const struct bench_device *device;
	struct list requests;	/* indices of those of the device */
	struct list sizes, queues, depths;
	struct bench_driver drivers[MAX_DRIVERS];
	unsigned int ndrivers;	/* open; one if both are the same back-end */
	struct bench_report report;
};

/* ------------------------------------------------------------------ options */

/* The valid items of a list. */
struct rule {
	const char *option;
	uint64_t min, max;			/* numbers */
	const struct bench_device *names;	/* requests of it; NULL: numbers */
};

/* Returns whether the device has a request of this name. */
static bool read_name(const struct bench_request *all, const char *word, uint32_t *out)
{
	for (*out = 0; all[*out].name; ++*out)
		if (!strcmp(all[*out].name, word))
			return true;
	return false;
}

/* A comma or the end follows the item. */
static bool read_item(const struct rule *rule, const char *text, size_t len, uint32_t *out)
{
	char word[24];
	uint64_t value;

	if ((size_t)snprintf(word, sizeof(word), "%.*s", (int)len, text) >= sizeof(word))
		return false;
	if (rule->names)
		return read_name(rule->names->requests, word, out);
	if (vsu_parse_size(word, &value) < 0 || value < rule->min || value > rule->max)
		return false;
	*out = (uint32_t)value;
	return true;
}

static int refuse_list(const struct rule *rule, const char *text, struct vsu_error *err)
{
	if (rule->names)
		return vsu_error_set(err, -EINVAL, "option --request: '%s' is not a list of requests of %s, as in %s",
				     text, rule->names->name, rule->names->all);
	return vsu_error_set(err, -EINVAL, "option --%s: '%s' is not a list of at most %u numbers from %" PRIu64 " to %" PRIu64 ", as in 1k,2k",
			     rule->option, text, MAX_ITEMS, rule->min, rule->max);
}

static int read_list(const struct rule *rule, const char *text, struct list *list,
		     struct vsu_error *err)
{
	const char *item;
	size_t len;

	list->n = 0;
	for (item = text;; item += len + 1) {
		len = strcspn(item, ",");
		if (list->n == MAX_ITEMS || !read_item(rule, item, len, &list->items[list->n++]))
			return refuse_list(rule, text, err);
		if (!item[len])
			return 0;
	}
}

static int read_device(struct bench *b, struct vsu_error *err)
{
	static const struct bench_device *const devices[] = { &bench_blk, &bench_fs, &bench_net };
	const char *name = b->args->device ? b->args->device : bench_blk.name;
	size_t i;

	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (!strcmp(devices[i]->name, name))
			b->device = devices[i];
	return b->device ? 0 : vsu_error_set(err, -EINVAL, "option --device: bench measures blk, fs and net, not %s",
					     name);
}

static int read_lists(struct bench *b, struct vsu_error *err)
{
	const struct bench_device *device = b->device;
	const struct tool_args *args = b->args;
	const struct rule requests = { .option = "request", .names = device },
		sizes = { "size", device->min_size, device->max_size, NULL },
		queues = { "queues", 1, BENCH_MAX_QUEUES, NULL },
		depths = { "depth", 1, BENCH_MAX_DEPTH, NULL };
	int rc = read_list(&depths, args->depths, &b->depths, err);

	if (rc == 0)
		rc = read_list(&sizes, args->sizes ? args->sizes : device->sizes, &b->sizes, err);
	if (rc == 0)
		rc = read_list(&queues, args->queue_counts, &b->queues, err);
	return rc < 0 ? rc : read_list(&requests, args->requests ? args->requests : device->preset,
				       &b->requests, err);
}

static const struct bench_request *request_at(const struct bench *b, unsigned int i)
{
	return &b->device->requests[b->requests.items[i]];
}

/* Options of other devices would be ignored. */
static int check_options(const struct bench *b, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < b->requests.n; i++)
		if (request_at(b, i)->of_file && !b->args->shared_file)
			return vsu_error_set(err, -EINVAL, "%s requires --file, a file in the shared folder; --request=getattr,readdir does not",
					     request_at(b, i)->name);
	if (b->args->shared_file && b->device != &bench_fs)
		return vsu_error_set(err, -EINVAL, "option --file: only for --device=fs");
	if (b->args->write_percent && b->device != &bench_blk)
		return vsu_error_set(err, -EINVAL, "option --write: only for --device=blk");
	return 0;
}

/* ---------------------------------------------------------------------- run */

static unsigned int count_back_ends(const struct bench *b)
{
	return b->args->against ? 2 : 1;
}

static enum vsu_exit run_floor(struct bench *b, struct bench_load load, struct vsu_error *err)
{
	struct bench_stats stats = { .requests = 0 };
	enum vsu_exit status;

	load.socket = NULL;
	load.queues = load.depth = 1;
	status = bench_floor(&load, &stats, err);
	if (status == VSU_EXIT_OK)
		bench_report_row(&b->report, &load, &stats);
	return status;
}

static enum vsu_exit run_turn(struct bench *b, struct bench_driver *d, const struct bench_load *load,
			      struct bench_stats *stats, struct vsu_error *err)
{
	struct progress progress;
	enum vsu_exit status;

	d->load = load;
	status = d->device->prepare(d, err);
	if (status != VSU_EXIT_OK)
		return status;
	progress_begin(&progress, b->args->progress, 0);
	progress.unit = "requests";
	progress.unit_size = 1;
	status = bench_run(d, &progress, stats, err);
	progress_end(&progress, stats->requests, status == VSU_EXIT_OK);
	return status;
}

/* Two back-ends take turns, so that what the host does meanwhile meets both. */
static enum vsu_exit run_row(struct bench *b, struct bench_load load, struct vsu_error *err)
{
	const unsigned int n = count_back_ends(b);
	struct bench_stats stats[MAX_DRIVERS] = { { .requests = 0 } };
	struct bench_load loads[MAX_DRIVERS] = { load, load };
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i;

	loads[1].socket = b->args->against;
	loads[0].ms = loads[1].ms = (load.ms + n - 1) / n;
	for (i = 0; status == VSU_EXIT_OK && i < n * n; i++)
		status = run_turn(b, &b->drivers[i % n % b->ndrivers], &loads[i % n], &stats[i % n], err);
	for (i = 0; status == VSU_EXIT_OK && i < n; i++)
		bench_report_row(&b->report, &loads[i], &stats[i]);
	if (status == VSU_EXIT_OK && n > 1)
		bench_report_ratio(&b->report, stats);
	return status;
}

/* The depth varies fastest. */
static enum vsu_exit run_size(struct bench *b, struct bench_load load, struct vsu_error *err)
{
	enum vsu_exit status = load.request->floor ? run_floor(b, load, err) : VSU_EXIT_OK;
	unsigned int i;

	for (i = 0; status == VSU_EXIT_OK && i < b->queues.n * b->depths.n; i++) {
		load.queues = b->queues.items[i / b->depths.n];
		load.depth = b->depths.items[i % b->depths.n];
		status = run_row(b, load, err);
	}
	return status;
}

/* A request without sizes has size 0 only. */
static unsigned int count_sizes(const struct bench *b, const struct bench_request *request)
{
	return request->sized ? b->sizes.n : 1;
}

static enum vsu_exit run_request(struct bench *b, struct bench_load load, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i;

	for (i = 0; status == VSU_EXIT_OK && i < count_sizes(b, load.request); i++) {
		load.size = load.request->sized ? b->sizes.items[i] : 0;
		status = run_size(b, load, err);
	}
	return status;
}

static unsigned int count_rows(const struct bench *b)
{
	const unsigned int shapes = b->queues.n * b->depths.n * count_back_ends(b);
	unsigned int i, n = 0;

	for (i = 0; i < b->requests.n; i++)
		n += count_sizes(b, request_at(b, i)) * (shapes + (request_at(b, i)->floor ? 1 : 0));
	return n;
}

static enum vsu_exit run_requests(struct bench *b, struct bench_load load, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i;

	for (i = 0; status == VSU_EXIT_OK && i < b->requests.n; i++) {
		load.request = request_at(b, i);
		status = run_request(b, load, err);
	}
	return status;
}

/* ----------------------------------------------------------------- sessions */

static uint32_t max_of(const struct list *list)
{
	uint32_t max = 0;
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->items[i] > max)
			max = list->items[i];
	return max;
}

static enum vsu_exit open_drivers(struct bench *b, const struct bench_load *load,
				  struct vsu_error *err)
{
	struct bench_load most = *load;
	enum vsu_exit status;

	most.size = max_of(&b->sizes);
	most.queues = max_of(&b->queues);
	most.depth = max_of(&b->depths);
	status = bench_open(&b->drivers[0], b->device, &most, err);
	if (status != VSU_EXIT_OK)
		return status;
	b->ndrivers++;
	most.socket = b->args->against;
	if (!most.socket || !strcmp(most.socket, b->args->socket))
		return VSU_EXIT_OK;
	status = bench_open(&b->drivers[1], b->device, &most, err);
	b->ndrivers += status == VSU_EXIT_OK;
	return status;
}

/* A session lasts for all rows: back-ends of file systems end with it. */
static enum vsu_exit run(struct bench *b, struct vsu_error *err)
{
	const struct bench_load load = {
		.socket = b->args->socket, .file = b->args->shared_file,
		.writes = (uint32_t)b->args->write_percent,
		.ms = b->args->time_ms, .timeout_ms = b->args->timeout_ms,
	};
	enum vsu_exit status = open_drivers(b, &load, err);

	if (status == VSU_EXIT_OK)
		status = run_requests(b, load, err);
	while (b->ndrivers > 0)
		bench_close(&b->drivers[--b->ndrivers], status == VSU_EXIT_OK);
	return status;
}

enum vsu_exit tool_bench(const struct tool_args *args, struct vsu_error *err)
{
	struct bench b = { .args = args };
	enum vsu_exit status;

	if (read_device(&b, err) < 0 || read_lists(&b, err) < 0 || check_options(&b, err) < 0)
		return VSU_EXIT_DATA;
	b.report = (struct bench_report){ .args = args, .device = b.device, .total = count_rows(&b) };
	status = bench_report_open(&b.report, err);
	return status == VSU_EXIT_OK ? bench_report_close(&b.report, run(&b, err), err) : status;
}
