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

#include <vmm-sys-util/json.h>
#include <vmm-sys-util/option_list.h>
#include <vmm-sys-util/parse.h>

#include "bench_load.h"
#include "bench_svg.h"
#include "peer.h"
#include "tool.h"

#define MIB (1 << 20)
#define MAX_ITEMS 8u
#define LOST_MS 1000u
/* Back-ends: the first, and that of --against. */
#define MAX_DRIVERS 2u

struct list {
	unsigned int n;
	uint32_t items[MAX_ITEMS], max;
};

struct bench {
	const struct tool_args *args;
	const struct bench_device *device;
	const struct bench_request *requests[MAX_ITEMS];
	unsigned int nrequests;
	struct list sizes, queues, depths;
	struct bench_driver drivers[MAX_DRIVERS];
	unsigned int ndrivers;	/* open; one if both are the same back-end */
	struct vsu_json json;	/* used if the arguments demand it */
	FILE *svg;		/* a plot; NULL: none */
	unsigned int nrows;	/* written */
};

/* ------------------------------------------------------------------ options */

static bool read_item(const struct vsu_list_item *item, uint64_t min, uint64_t max,
		      struct list *list)
{
	char word[24];
	uint64_t value;

	snprintf(word, sizeof(word), "%.*s", (int)item->len, item->text);
	if (list->n == MAX_ITEMS || item->len >= sizeof(word) || vsu_parse_size(word, &value) < 0 ||
	    value < min || value > max)
		return false;
	list->items[list->n++] = (uint32_t)value;
	if (value > list->max)
		list->max = (uint32_t)value;
	return true;
}

static int read_list(const char *option, const char *text, uint64_t min, uint64_t max,
		     struct list *list, struct vsu_error *err)
{
	const char *rest = text;
	struct vsu_list_item item;
	bool valid = *text;

	while (valid && vsu_list_next(&rest, &item))
		valid = read_item(&item, min, max, list);
	return valid ? 0 : vsu_error_set(err, -EINVAL, "option --%s: '%s' is not a list of at most %u numbers from %" PRIu64 " to %" PRIu64 ", as in 1k,2k",
					 option, text, MAX_ITEMS, min, max);
}

static bool find_request(struct bench *b, const struct vsu_list_item *item)
{
	const struct bench_request *request = b->device->requests;

	while (request->name && !vsu_list_item_is(item, request->name))
		request++;
	if (!request->name || b->nrequests == MAX_ITEMS)
		return false;
	b->requests[b->nrequests++] = request;
	return true;
}

static int read_requests(struct bench *b, const char *text, struct vsu_error *err)
{
	const char *rest = text;
	struct vsu_list_item item;
	bool valid = *text;

	while (valid && vsu_list_next(&rest, &item))
		valid = find_request(b, &item);
	return valid ? 0 : vsu_error_set(err, -EINVAL, "option --request: '%s' is not a list of requests of %s, as in %s",
					 text, b->device->name, b->device->all);
}

/* The option has one of these names. */
static const struct bench_device *find_device(const char *name)
{
	static const struct bench_device *const devices[] = { &bench_blk, &bench_fs, &bench_net };
	size_t i = 0;

	while (name && strcmp(devices[i]->name, name))
		i++;
	return devices[i];
}

static int read_lists(struct bench *b, struct vsu_error *err)
{
	const struct bench_device *device = b->device;
	const struct tool_args *args = b->args;
	int rc = read_list("depth", args->depths, 1, BENCH_MAX_DEPTH, &b->depths, err);

	if (rc == 0)
		rc = read_list("size", args->sizes ? args->sizes : device->sizes, device->min_size,
			       device->max_size, &b->sizes, err);
	if (rc == 0)
		rc = read_list("queues", args->queue_counts, 1, BENCH_MAX_QUEUES, &b->queues, err);
	return rc < 0 ? rc : read_requests(b, args->requests ? args->requests : device->preset, err);
}

/* Options of other devices would be ignored. */
static int check_options(const struct bench *b, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < b->nrequests; i++)
		if (b->requests[i]->of_file && !b->args->shared_file)
			return vsu_error_set(err, -EINVAL, "%s requires --file, a file in the shared folder; --request=getattr,readdir does not",
					     b->requests[i]->name);
	if (b->args->shared_file && b->device != &bench_fs)
		return vsu_error_set(err, -EINVAL, "option --file: only for --device=fs");
	if (b->args->write_percent && b->device != &bench_blk)
		return vsu_error_set(err, -EINVAL, "option --write: only for --device=blk");
	return 0;
}

/* -------------------------------------------------------------------- loads */

static unsigned int count_back_ends(const struct bench *b)
{
	return b->args->against ? 2 : 1;
}

/*
 * The load with this number; 0 is the floor of the first. The depth varies fastest, then
 * queues, size and request. Returns whether it exists: some requests have neither sizes nor
 * a floor.
 */
static bool get_load(const struct bench *b, unsigned int i, struct bench_load *load)
{
	const unsigned int shapes = b->queues.n * b->depths.n, shape = i % (1 + shapes);
	const unsigned int size = i / (1 + shapes) % b->sizes.n;

	load->request = b->requests[i / (1 + shapes) / b->sizes.n];
	load->size = load->request->sized ? b->sizes.items[size] : 0;
	load->socket = shape ? b->args->copy.socket : NULL;
	load->name = shape ? load->socket : "floor";
	load->series = shape ? 1 : 0;
	load->queues = shape ? b->queues.items[(shape - 1) / b->depths.n] : 1;
	load->depth = shape ? b->depths.items[(shape - 1) % b->depths.n] : 1;
	return (load->request->sized || size == 0) && (shape || load->request->floor);
}

static unsigned int count_loads(const struct bench *b)
{
	return b->nrequests * b->sizes.n * (1 + b->queues.n * b->depths.n);
}

static unsigned int count_rows(const struct bench *b)
{
	struct bench_load load = { .socket = NULL };
	unsigned int i, n = 0;

	for (i = 0; i < count_loads(b); i++)
		if (get_load(b, i, &load))
			n += load.socket ? count_back_ends(b) : 1;
	return n;
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
	printf("  %s", load->name);
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

static void svg_row(const struct bench *b, const struct bench_load *load,
		    const struct bench_stats *s)
{
	char label[56], size[24];

	snprintf(label, sizeof(label), "%s %s q%" PRIu32 " d%" PRIu32 " %s", load->request->name,
		 size_of(load, size, sizeof(size)), load->queues, load->depth, load->name);
	bench_svg_row(b->svg, b->nrows, label, load->series, s);
}

/* ------------------------------------------------------------------- report */

static void begin(struct bench *b)
{
	if (b->args->json)
		json_head(&b->json, b->device, b->args->write_percent);
	else
		puts(HEAD);
	if (b->svg)
		bench_svg_begin(b->svg, count_rows(b));
}

static void report_row(struct bench *b, const struct bench_load *load, const struct bench_stats *s)
{
	if (b->nrows == 0)
		begin(b);
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
		printf("         the second has %.2f times the rate and %.2f times the median time of the first\n",
		       bench_stats_rate(&stats[1]) / rate,
		       (double)bench_stats_percentile(&stats[1], 5000) / median);
}

static enum vsu_exit report_close(struct bench *b, enum vsu_exit status, struct vsu_error *err)
{
	if (b->args->json && b->nrows > 0) {
		vsu_json_close(&b->json, ']');
		vsu_json_close(&b->json, '}');
		putchar('\n');
	}
	if (b->svg && b->nrows > 0)
		bench_svg_end(b->svg);
	return b->svg ? tool_close(b->svg, b->args->svg, status, err) : status;
}

/* ---------------------------------------------------------------------- run */

static enum vsu_exit run_turn(struct bench *b, struct bench_driver *d, const struct bench_load *load,
			      struct bench_stats *stats, struct vsu_error *err)
{
	struct progress progress;
	enum vsu_exit status;

	d->load = load;
	status = d->device->prepare(d, err);
	if (status != VSU_EXIT_OK)
		return status;
	progress_begin(&progress, b->args->copy.progress, 0);
	progress.unit = "requests";
	progress.unit_size = 1;
	status = bench_run(d, &progress, stats, err);
	progress_end(&progress, stats->requests, status == VSU_EXIT_OK);
	return status;
}

/* Two back-ends take turns, so that what the host does meanwhile meets both. */
static enum vsu_exit run_turns(struct bench *b, struct bench_load loads[MAX_DRIVERS],
			       struct bench_stats stats[MAX_DRIVERS], struct vsu_error *err)
{
	const unsigned int n = count_back_ends(b);
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i;

	for (i = 0; status == VSU_EXIT_OK && i < n * n; i++) {
		loads[i % n].ms = (b->args->time_ms + n - 1) / n;
		status = run_turn(b, &b->drivers[i % n % b->ndrivers], &loads[i % n], &stats[i % n], err);
	}
	return status;
}

static enum vsu_exit run_load(struct bench *b, const struct bench_load *load, struct vsu_error *err)
{
	struct bench_stats stats[MAX_DRIVERS] = { { .requests = 0 } };
	struct bench_load loads[MAX_DRIVERS] = { *load, *load };
	enum vsu_exit status;

	loads[1].socket = loads[1].name = b->args->against;
	loads[1].series = 2;
	status = load->socket ? run_turns(b, loads, stats, err) : bench_floor(load, stats, err);
	if (status != VSU_EXIT_OK)
		return status;
	report_row(b, &loads[0], &stats[0]);
	if (load->socket && b->args->against) {
		report_row(b, &loads[1], &stats[1]);
		report_ratio(b, stats);
	}
	return VSU_EXIT_OK;
}

static enum vsu_exit run_loads(struct bench *b, struct bench_load load, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i;

	for (i = 0; status == VSU_EXIT_OK && i < count_loads(b); i++)
		if (get_load(b, i, &load))
			status = run_load(b, &load, err);
	return status;
}

/* ----------------------------------------------------------------- sessions */

static enum vsu_exit open_drivers(struct bench *b, const struct bench_load *load,
				  struct vsu_error *err)
{
	struct bench_load most = *load;
	enum vsu_exit status;

	most.size = b->sizes.max;
	most.queues = b->queues.max;
	most.depth = b->depths.max;
	status = bench_open(&b->drivers[0], b->device, &most, err);
	if (status != VSU_EXIT_OK)
		return status;
	b->ndrivers++;
	most.socket = b->args->against;
	if (!most.socket || !strcmp(most.socket, b->args->copy.socket))
		return VSU_EXIT_OK;
	status = bench_open(&b->drivers[1], b->device, &most, err);
	b->ndrivers += status == VSU_EXIT_OK;
	return status;
}

/* A session lasts for all rows: back-ends of file systems end with it. */
static enum vsu_exit run(struct bench *b, struct vsu_error *err)
{
	const struct bench_load load = {
		.socket = b->args->copy.socket, .file = b->args->shared_file,
		.writes = (uint32_t)b->args->write_percent,
		.ms = b->args->time_ms, .timeout_ms = b->args->copy.timeout_ms, .lost_ms = LOST_MS,
	};
	struct peer server = { .path = b->args->copy.socket, .command = b->args->command };
	enum vsu_exit status;

	if (server.command) {
		peer_catch_signals();
		if (peer_start(&server, err) < 0)
			return VSU_EXIT_HOST;
	}
	do
		status = open_drivers(b, &load, err);
	while (status != VSU_EXIT_OK && !b->ndrivers && peer_starts(&server, err->code));
	if (status == VSU_EXIT_OK)
		status = run_loads(b, load, err);
	while (b->ndrivers > 0)
		bench_close(&b->drivers[--b->ndrivers], status == VSU_EXIT_OK);
	peer_stop(&server);
	return status;
}

enum vsu_exit tool_bench(const struct tool_args *args, struct vsu_error *err)
{
	struct bench b = { .args = args, .device = find_device(args->device) };

	if (read_lists(&b, err) < 0 || check_options(&b, err) < 0)
		return VSU_EXIT_DATA;
	b.svg = args->svg ? tool_create(args->svg, err) : NULL;
	return args->svg && !b.svg ? VSU_EXIT_INPUT : report_close(&b, run(&b, err), err);
}
