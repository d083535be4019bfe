/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Prints replies of the control socket. */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <vmm-sys-util/parse.h>

#include "cli/control_output.h"
#include "devices/latency.h"
#include "json_read.h"

#define WIDTH 12
/* A narrower terminal has the values below the name of their row. */
#define MIN_COLUMNS (3 * WIDTH)

/* Bytes of a control character at the text's beginning: 0, 1, or 2 (C1 in UTF-8). */
static unsigned int control_len(const unsigned char *text)
{
	if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f)
		return 2;
	return text[0] < ' ' || text[0] == 0x7f;
}

void vmm_control_print_plain(const char *text, FILE *to)
{
	unsigned int n;

	while (*text) {
		n = control_len((const unsigned char *)text);
		fputc(n ? '?' : *text, to);
		text += n ? n : 1;
	}
}

/* ---------------------------------------------------------------------- rows */

struct rows {
	FILE *to;
	char row[PROG_JSON_PATH];	/* the current one */
	bool begun;
	size_t columns;	/* of the terminal; SIZE_MAX: lines have no limit */
	size_t used;	/* of the current line */
};

/* A file that is no terminal has no size. */
static size_t count_columns(FILE *to)
{
	struct winsize size;
	const int fd = fileno(to);

	return fd >= 0 && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : SIZE_MAX;
}

/* The length of its row in a path: "devices.0" of "devices.0.kind". */
static size_t row_len(const char *path)
{
	const size_t name = strcspn(path, ".");
	const size_t index = path[name] ? strspn(path + name + 1, "0123456789") : 0;

	return index ? name + 1 + index : name;
}

static void row_begin(struct rows *rows, const char *path, size_t len)
{
	if (rows->begun)
		fputc('\n', rows->to);
	rows->begun = true;
	memcpy(rows->row, path, len);
	rows->row[len] = '\0';
	vmm_control_print_plain(rows->row, rows->to);
	rows->used = rows->columns < MIN_COLUMNS ? MIN_COLUMNS : strlen(rows->row);
}

/* "key=value", or without a key the value; on the next line if it does not fit. */
static void item_put(struct rows *rows, const char *key, const char *value)
{
	const size_t len = strlen(key) + (*key != '\0') + strlen(value);
	const size_t indent = rows->columns < MIN_COLUMNS ? 1 : WIDTH;

	if (rows->used + 1 + len > rows->columns && rows->used > indent) {
		fputc('\n', rows->to);
		rows->used = 0;
	}
	for (; rows->used < indent; rows->used++)
		fputc(' ', rows->to);
	fputc(' ', rows->to);
	vmm_control_print_plain(key, rows->to);
	if (*key)
		fputc('=', rows->to);
	vmm_control_print_plain(value, rows->to);
	rows->used += 1 + len;
}

/* Prints a bucket of a histogram by its bound, unless it is empty. False: no bucket. */
static bool bucket_print(struct rows *rows, const char *path, const char *value)
{
	unsigned int kind, bucket;
	char key[64];

	if (sscanf(path, "latency.%u.buckets.%u", &kind, &bucket) != 2)
		return false;
	snprintf(key, sizeof(key), "latency.%u.%s", kind, vmm_latency_bound(bucket).text);
	if (strcmp(value, "0") != 0)
		item_put(rows, key, value);
	return true;
}

static void row_value(void *opaque, const char *path, const char *value,
		      bool is_string)
{
	struct rows *rows = opaque;
	const size_t len = row_len(path);

	(void)is_string;
	if (!strcmp(path, "ok"))
		return;
	if (!rows->begun || strncmp(rows->row, path, len) != 0 || rows->row[len])
		row_begin(rows, path, len);
	path += len + (path[len] == '.');
	if (bucket_print(rows, path, value))
		return;
	item_put(rows, path + (strncmp(path, "numbers.", 8) ? 0 : 8), value);
}

int vmm_control_print_rows(char *reply, FILE *to, struct vsu_error *err)
{
	struct rows rows = { .to = to, .columns = count_columns(to) };
	int rc = prog_json_walk(reply, row_value, &rows, err);

	if (rows.begun)
		fputc('\n', to);
	else if (!rc)
		fputs("ok\n", to);
	return rc;
}

/* --------------------------------------------------------------- Prometheus */

/* The lines of a metric must follow each other: collected, then sorted. */
struct sample {
	char *line;
	size_t name_len;	/* without _bucket, _sum and _count of a histogram */
	bool histogram;
	unsigned int order;
};

struct samples {
	struct sample *all;
	unsigned int n, size;
	char device[16], kind[32], ring[16];	/* the current ones */
	char request[32], sum[24];	/* likewise, of a histogram */
	uint64_t count;			/* of its buckets until now */
	int rc;
};

static bool samples_grow(struct samples *s)
{
	const unsigned int size = s->size ? 2 * s->size : 64;
	struct sample *all;

	if (s->n < s->size)
		return true;
	all = realloc(s->all, size * sizeof(*all));
	if (!all)
		return false;
	s->all = all;
	s->size = size;
	return true;
}

static void VSU_PRINTF(3, 4) sample_add(struct samples *s, const char *name,
					const char *fmt, ...)
{
	char text[256], *line = NULL;
	va_list ap;
	char *c;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!samples_grow(s) || asprintf(&line, "cvmm_%s%s", name, text) < 0) {
		s->rc = -ENOMEM;
		return;
	}
	s->all[s->n] = (struct sample){ line, strcspn(line, "{ "), false, s->n };
	for (c = line; c < line + s->all[s->n].name_len; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	s->n++;
}

/* One element of these arrays is one value of the label. */
static const struct { const char *array, *metric, *label; } arrays[] = {
	{ "vcpus.", "vcpu_", "cpu" },
	{ "memory.", "memory_", "piece" },
	{ "windows.", "window_", "window" },
};

static void sample_of_array(struct samples *s, const char *path, const char *value)
{
	char name[PROG_JSON_PATH + 16];
	unsigned int i, element;
	int at = 0;

	for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		const size_t len = strlen(arrays[i].array);

		if (strncmp(path, arrays[i].array, len) != 0 ||
		    sscanf(path + len, "%u.%n", &element, &at) != 1 || !at)
			continue;
		snprintf(name, sizeof(name), "%s%s", arrays[i].metric,
			 path + len + at);
		sample_add(s, name, "{%s=\"%u\"} %s", arrays[i].label, element, value);
	}
}

/* A line of the histogram of the current device and request. */
static void histogram_add(struct samples *s, const char *suffix, const char *label,
			  const char *value)
{
	char name[64];
	const unsigned int n = s->n;

	snprintf(name, sizeof(name), "%s%s", &VMM_LATENCY_METRIC[strlen("cvmm_")], suffix);
	sample_add(s, name, "{device=\"%s\",kind=\"%s\",request=\"%s\"%s} %s", s->device,
		   s->kind, s->request, label, value);
	if (s->n == n)
		return;
	s->all[n].name_len = strlen(VMM_LATENCY_METRIC);
	s->all[n].histogram = true;
}

static void bucket_add(struct samples *s, uint32_t bucket, uint64_t n)
{
	char label[32], count[24];

	s->count = bucket ? s->count + n : n;
	snprintf(count, sizeof(count), "%" PRIu64, s->count);
	snprintf(label, sizeof(label), ",le=\"%s\"", vmm_latency_seconds(bucket).text);
	histogram_add(s, "_bucket", label, count);
	if (virtdev_latency_bound(bucket) != UINT64_MAX)
		return;
	histogram_add(s, "_sum", "", s->sum);
	histogram_add(s, "_count", "", count);
}

/* The sum precedes the buckets. */
static void sample_of_latency(struct samples *s, const char *path, const char *value)
{
	unsigned int any, bucket;
	uint64_t n;
	int at = 0;

	if (sscanf(path, "devices.%u.latency.%u.%n", &any, &any, &at) != 2 || !at ||
	    vsu_parse_u64(value, &n) < 0)
		return;
	if (!strcmp(path + at, "nanoseconds"))
		snprintf(s->sum, sizeof(s->sum), "%s", vmm_latency_sum(n).text);
	else if (sscanf(path + at, "buckets.%u", &bucket) == 1)
		bucket_add(s, bucket, n);
}

/* Numbers of the device and the ring precede their values. */
static void sample_of_device(struct samples *s, const char *path, const char *value)
{
	unsigned int any;
	int at = 0;
	char name[PROG_JSON_PATH + 16];

	if (sscanf(path, "devices.%u.rings.%u.%n", &any, &any, &at) == 2 && at) {
		snprintf(name, sizeof(name), "ring_%s", path + at);
		if (!strcmp(path + at, "ring"))
			snprintf(s->ring, sizeof(s->ring), "%s", value);
		else
			sample_add(s, name, "{device=\"%s\",ring=\"%s\"} %s",
				   s->device, s->ring, value);
	} else if (sscanf(path, "devices.%u.numbers.%n", &any, &at) == 1 && at) {
		snprintf(name, sizeof(name), "device_%s", path + at);
		sample_add(s, name, "{device=\"%s\",kind=\"%s\"} %s", s->device,
			   s->kind, value);
	} else if (sscanf(path, "devices.%u.device%n", &any, &at) == 1 && at) {
		snprintf(s->device, sizeof(s->device), "%s", value);
		s->kind[0] = '\0';
	}
}

/* Kinds of devices and requests, and states, are words of letters. */
static void sample_of_string(struct samples *s, const char *path, const char *value)
{
	const char *last = strrchr(path, '.');

	if (!strcmp(path, "state"))
		sample_add(s, "state", "{state=\"%.*s\"} 1",
			   (int)strspn(value, "abcdefghijklmnopqrstuvwxyz"), value);
	else if (last && !strcmp(last, ".kind"))
		snprintf(s->kind, sizeof(s->kind), "%.*s",
			 (int)strspn(value, "abcdefghijklmnopqrstuvwxyz"), value);
	else if (last && !strcmp(last, ".request"))
		snprintf(s->request, sizeof(s->request), "%.*s",
			 (int)strspn(value, "abcdefghijklmnopqrstuvwxyz-"), value);
}

static void sample_value(void *opaque, const char *path, const char *value,
			 bool is_string)
{
	struct samples *s = opaque;
	const size_t prefix = !strncmp(path, "counters.", 9) ? 9 : 0;

	if (is_string) {
		sample_of_string(s, path, value);
		return;
	}
	value = !strcmp(value, "true") ? "1" : !strcmp(value, "false") ? "0" : value;
	sample_of_array(s, path, value);
	sample_of_device(s, path, value);
	sample_of_latency(s, path, value);
	if (prefix || !strncmp(path, "migration.", 10) || !strncmp(path, "saving.", 7) ||
	    !strcmp(path, "cpus") || !strcmp(path, "paused"))
		sample_add(s, path + prefix, " %s", value);
}

static int sample_compare(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	const size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
	const int order = strncmp(x->line, y->line, len);

	if (order)
		return order;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void samples_print(const struct samples *s, FILE *to)
{
	const struct sample *last = NULL, *now;
	unsigned int i;

	for (i = 0; i < s->n; last = now, i++) {
		now = &s->all[i];
		if (!last || last->name_len != now->name_len ||
		    strncmp(last->line, now->line, now->name_len) != 0)
			fprintf(to, "# TYPE %.*s %s\n", (int)now->name_len,
				now->line, now->histogram ? "histogram" : "untyped");
		vmm_control_print_plain(now->line, to);
		fputc('\n', to);
	}
}

int vmm_control_print_prometheus(char *reply, FILE *to, struct vsu_error *err)
{
	struct samples s = { .rc = 0 };
	unsigned int i;
	int rc = prog_json_walk(reply, sample_value, &s, err);

	if (!rc && s.rc < 0)
		rc = vsu_error_sys(err, s.rc, "the reply");
	if (s.n)
		qsort(s.all, s.n, sizeof(*s.all), sample_compare);
	if (!rc)
		samples_print(&s, to);
	for (i = 0; i < s.n; i++)
		free(s.all[i].line);
	free(s.all);
	return rc;
}
