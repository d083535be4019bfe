/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Collects samples of metrics, and sorts them. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/metrics.h>

#include "core/metric_texts.h"

#define MAX_STATS 64u
#define US UINT64_C(1000)
#define S_IN_US UINT64_C(1000000)
#define S_IN_NS UINT64_C(1000000000)

struct virtdev_sample {
	char *line;
	const struct virtdev_metric *found;	/* its description, or NULL */
	size_t name_len;	/* without the suffix of a histogram */
	size_t labels_at;
	bool histogram;
	uint32_t order;
};

static bool samples_grow(struct virtdev_metrics *m)
{
	const uint32_t size = m->size ? 2 * m->size : 64;
	struct virtdev_sample *all;

	if (m->n < m->size)
		return true;
	all = realloc(m->samples, size * sizeof(*all));
	if (!all)
		return false;
	m->samples = all;
	m->size = size;
	return true;
}

/*
 * The name and value of a statistic by Prometheus's rules: times are in seconds, and only
 * counters end with "_total". The name is the first len bytes of the statistic's name and
 * this ending.
 */
struct exposed {
	int len;
	const char *ending, *total;
	int digits;		/* of the value, behind its point */
};

static bool ends_with(const char *name, size_t len, const char *end)
{
	const size_t n = strlen(end);

	return len > n && !memcmp(name + len - n, end, n);
}

static struct exposed expose_name(const char *name, const struct virtdev_metric *found, bool histogram)
{
	static const struct {
		const char *end;
		int digits;
	} units[] = { { "_ns", 9 }, { "_us", 6 }, { "_ms", 3 } };
	const size_t len = strlen(name);
	struct exposed e = { (int)len, "", "", 0 };
	const bool is_total = ends_with(name, len, "_total");
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ends_with(name, len, units[i].end))
			e = (struct exposed){ (int)len - 3, "_seconds", "", units[i].digits };
	if (is_total)
		e = (struct exposed){ (int)(len - strlen("_total")), "", "_size_bytes", 0 };
	if (found && found->type == VIRTDEV_METRIC_COUNTER && !histogram)
		e.total = "_total";
	return e;
}

/* Inserts the point into a number; any other text remains as it is. */
static const char *scale_value(const char *value, int digits, char out[40])
{
	const int len = (int)strspn(value, "0123456789");

	if (!digits || !len || value[len] || len > 20)
		return value;
	if (len > digits)
		snprintf(out, 40, "%.*s.%s", len - digits, value, value + len - digits);
	else
		snprintf(out, 40, "0.%0*d%s", digits - len, 0, value);
	if (len == digits)
		snprintf(out, 40, "0.%s", value);
	return out;
}

/* Returns the line's bytes, or a negative number. */
static int make_line(char **line, const struct virtdev_metrics *m, const char *name,
		     const struct exposed *e, const char *suffix, const char *labels, const char *value)
{
	char scaled[40];

	return asprintf(line, "%s_%.*s%s%s%s%s%s%s %s", m->prefix, e->len, name, e->ending, e->total, suffix,
			*labels ? "{" : "", labels, *labels ? "}" : "", scale_value(value, e->digits, scaled));
}

static void add_sample(struct virtdev_metrics *m, const char *name, const char *suffix,
		       const char *labels, const char *value)
{
	const struct virtdev_metric *found = virtdev_priv_metric_find(name, strlen(name), m->described);
	const struct exposed e = expose_name(name, found, *suffix);
	const size_t len = strlen(m->prefix) + 1 + (size_t)e.len + strlen(e.ending) + strlen(e.total);
	char *line, *c;

	if (!samples_grow(m) || make_line(&line, m, name, &e, suffix, labels, value) < 0) {
		m->rc = -ENOMEM;
		return;
	}
	for (c = line; c < line + len; c++)
		if ((*c < '0' || *c > '9') && (*c < 'a' || *c > 'z') && (*c < 'A' || *c > 'Z'))
			*c = '_';
	m->samples[m->n] = (struct virtdev_sample){ line, found, len, len + strlen(suffix), *suffix, m->n };
	m->n++;
}

void virtdev_metrics_add(struct virtdev_metrics *m, const char *name, const char *labels,
			 const char *value)
{
	add_sample(m, name, "", labels, value);
}

static void add_u64(struct virtdev_metrics *m, const char *name, const char *suffix,
		    const char *labels, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	add_sample(m, name, suffix, labels, text);
}

void virtdev_metrics_add_u64(struct virtdev_metrics *m, const char *name, const char *labels,
			     uint64_t value)
{
	add_u64(m, name, "", labels, value);
}

/* Adds a label: the bound in seconds, without zeros at the end: "0.00002"; "+Inf". */
static void label_bucket(char out[200], const char *labels, uint32_t bucket)
{
	const uint64_t ns = virtdev_latency_bound(bucket), us = ns / US;
	int len;

	if (ns == UINT64_MAX) {
		snprintf(out, 200, "%s,le=\"+Inf\"", labels);
		return;
	}
	len = snprintf(out, 190, "%s,le=\"%" PRIu64 ".%06" PRIu64, labels, us / S_IN_US, us % S_IN_US);
	len = len < 190 ? len : 189;
	while (out[len - 1] == '0')
		len--;
	len -= out[len - 1] == '.';
	strcpy(out + len, "\"");
}

void virtdev_metrics_add_latency(struct virtdev_metrics *m, const char *name, const char *labels,
				 const struct virtdev_histogram *h)
{
	uint64_t count = 0;
	char text[200];
	uint32_t i;

	for (i = 0; i < VIRTDEV_LATENCY_BUCKETS; i++) {
		count += h->buckets[i];
		label_bucket(text, labels, i);
		add_u64(m, name, "_bucket", text, count);
	}
	snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, h->sum / S_IN_NS, h->sum % S_IN_NS);
	add_sample(m, name, "_sum", labels, text);
	add_u64(m, name, "_count", labels, count);
}

/* ------------------------------------------------------------------ a device */

static void add_stats(struct virtdev_metrics *m, struct virtdev *dev, const char *labels)
{
	struct virtdev_stat stats[MAX_STATS];
	const uint32_t n = virtdev_stats(dev, stats, MAX_STATS);
	char name[80];
	uint32_t i;

	for (i = 0; i < n && i < MAX_STATS; i++) {
		snprintf(name, sizeof(name), "device_%s", stats[i].name);
		virtdev_metrics_add_u64(m, name, labels, stats[i].value);
	}
}

static void add_histograms(struct virtdev_metrics *m, const struct virtdev *dev, const char *labels)
{
	struct virtdev_histogram h;
	const char *request;
	char more[128];
	uint32_t i;

	for (i = 0; (request = virtdev_latency(dev, i, &h)); i++) {
		snprintf(more, sizeof(more), "%.64s,request=\"%s\"", labels, request);
		virtdev_metrics_add_latency(m, "device_latency_seconds", more, &h);
	}
}

static void add_depths(struct virtdev_metrics *m, const struct virtdev *dev, const char *labels)
{
	uint64_t depth, depth_max;
	char more[96];
	uint32_t i;

	for (i = 0; virtdev_queue_depth(dev, i, &depth, &depth_max) == 0; i++) {
		snprintf(more, sizeof(more), "%.64s,ring=\"%" PRIu32 "\"", labels, i);
		virtdev_metrics_add_u64(m, "ring_in_flight", more, depth);
		virtdev_metrics_add_u64(m, "ring_max_in_flight", more, depth_max);
	}
}

void virtdev_metrics_add_device(struct virtdev_metrics *m, struct virtdev *dev, const char *labels)
{
	add_stats(m, dev, labels);
	add_histograms(m, dev, labels);
	add_depths(m, dev, labels);
}

/* ------------------------------------------------------------------- the text */

static bool is_same_metric(const struct virtdev_sample *a, const struct virtdev_sample *b)
{
	return a->name_len == b->name_len && !memcmp(a->line, b->line, a->name_len);
}

static int samples_compare(const void *a, const void *b)
{
	const struct virtdev_sample *x = a, *y = b;
	const size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
	const int order = memcmp(x->line, y->line, len);

	if (order)
		return order;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* The output of two passes; the first one only counts, with room 0. */
struct text {
	char *to;
	size_t room, len;	/* len may exceed the room */
};

static void put_text(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_text(struct text *t, const char *format, ...)
{
	const bool fits = t->len < t->room;
	va_list words;

	va_start(words, format);
	t->len += (size_t)vsnprintf(fits ? t->to + t->len : NULL, fits ? t->room - t->len : 0, format, words);
	va_end(words);
}

/* The lines before the first sample of a metric. */
static void put_metric(struct text *t, const struct virtdev_sample *s)
{
	const struct virtdev_metric *found = s->found;
	const char *type = !found ? "untyped" : found->type == VIRTDEV_METRIC_GAUGE ? "gauge" : "counter";

	put_text(t, "# HELP %.*s %s\n", (int)s->name_len, s->line,
		 found ? found->help : "Without a description.");
	put_text(t, "# TYPE %.*s %s\n", (int)s->name_len, s->line, s->histogram ? "histogram" : type);
}

/* The labels of m precede those of the sample. */
static void put_sample(struct text *t, const struct virtdev_metrics *m, const struct virtdev_sample *s)
{
	const char *rest = s->line + s->labels_at;
	const bool own = *rest == '{';

	if (!m->labels)
		put_text(t, "%s\n", s->line);
	else
		put_text(t, "%.*s{%s%s%s\n", (int)s->labels_at, s->line, m->labels, own ? "," : "}", rest + own);
}

static size_t put_samples(const struct virtdev_metrics *m, char *to, size_t room)
{
	struct text t = { .to = to, .room = room };
	uint32_t i;

	for (i = 0; i < m->n; i++) {
		if (!i || !is_same_metric(&m->samples[i - 1], &m->samples[i]))
			put_metric(&t, &m->samples[i]);
		put_sample(&t, m, &m->samples[i]);
	}
	return t.len;
}

int virtdev_metrics_text(struct virtdev_metrics *m, char **text, size_t *len)
{
	char *bytes;
	size_t n;

	if (m->n)
		qsort(m->samples, m->n, sizeof(*m->samples), samples_compare);
	n = put_samples(m, NULL, 0);
	bytes = m->rc < 0 ? NULL : malloc(n + 1);
	if (!bytes)
		return -ENOMEM;
	bytes[0] = '\0';
	(void)put_samples(m, bytes, n + 1);
	*text = bytes;
	*len = n;
	return 0;
}

void virtdev_metrics_free(struct virtdev_metrics *m)
{
	while (m->n)
		free(m->samples[--m->n].line);
	free(m->samples);
	*m = (struct virtdev_metrics){
		.prefix = m->prefix, .labels = m->labels, .described = m->described,
	};
}
