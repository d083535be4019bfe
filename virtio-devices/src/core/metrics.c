/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Statistics, histograms and depths in the text format of Prometheus. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <virtio-devices/latency.h>
#include <virtio-devices/metrics.h>

#define MAX_STATS 64u
#define FIRST_ROOM 4096u
#define US UINT64_C(1000)
#define S_IN_US UINT64_C(1000000)
#define S_IN_NS UINT64_C(1000000000)

struct text {
	const char *prefix, *kind;
	char *bytes;
	size_t len, room;
	bool failed;		/* out of memory */
};

/* Reserves n bytes and a NUL. */
static bool make_room(struct text *t, size_t n)
{
	size_t room = t->room ? t->room : FIRST_ROOM;
	char *bytes;

	while (room - t->len <= n)
		room *= 2;
	if (room == t->room)
		return true;
	bytes = realloc(t->bytes, room);
	if (!bytes) {
		t->failed = true;
		return false;
	}
	t->bytes = bytes;
	t->room = room;
	return true;
}

static void text_add(struct text *t, const char *fmt, ...) VSU_PRINTF(2, 3);
static void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || t->failed || !make_room(t, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(t->bytes + t->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}

/* A name has letters, digits and '_' only. */
static void make_name(char name[64], const char *statistic)
{
	size_t i;

	snprintf(name, 64, "%s", statistic);
	for (i = 0; name[i]; i++)
		if ((name[i] < '0' || name[i] > '9') && (name[i] < 'a' || name[i] > 'z') &&
		    (name[i] < 'A' || name[i] > 'Z'))
			name[i] = '_';
}

static void add_stats(struct text *t, struct virtdev *dev)
{
	struct virtdev_stat stats[MAX_STATS];
	const uint32_t n = virtdev_stats(dev, stats, MAX_STATS);
	char name[64];
	uint32_t i;

	for (i = 0; i < n && i < MAX_STATS; i++) {
		make_name(name, stats[i].name);
		text_add(t, "# TYPE %s_device_%s untyped\n", t->prefix, name);
		text_add(t, "%s_device_%s{kind=\"%s\"} %" PRIu64 "\n", t->prefix, name,
			 t->kind, stats[i].value);
	}
}

/* The bound in seconds, without zeros at the end: "0.00002"; "+Inf". */
static void make_bound(char bound[32], uint32_t bucket)
{
	const uint64_t ns = virtdev_latency_bound(bucket), us = ns / US;
	int len;

	if (ns == UINT64_MAX) {
		snprintf(bound, 32, "+Inf");
		return;
	}
	len = snprintf(bound, 32, "%" PRIu64 ".%06" PRIu64, us / S_IN_US, us % S_IN_US);
	while (bound[len - 1] == '0')
		bound[--len] = '\0';
	if (bound[len - 1] == '.')
		bound[--len] = '\0';
}

static void add_histogram(struct text *t, const char *request,
			  const struct virtdev_histogram *h)
{
	uint64_t count = 0;
	char bound[32];
	uint32_t i;

	for (i = 0; i < VIRTDEV_LATENCY_BUCKETS; i++) {
		count += h->buckets[i];
		make_bound(bound, i);
		text_add(t, "%s_device_latency_seconds_bucket{kind=\"%s\",request=\"%s\",le=\"%s\"} %" PRIu64 "\n",
			 t->prefix, t->kind, request, bound, count);
	}
	text_add(t, "%s_device_latency_seconds_sum{kind=\"%s\",request=\"%s\"} %" PRIu64 ".%09" PRIu64 "\n",
		 t->prefix, t->kind, request, h->sum / S_IN_NS, h->sum % S_IN_NS);
	text_add(t, "%s_device_latency_seconds_count{kind=\"%s\",request=\"%s\"} %" PRIu64 "\n",
		 t->prefix, t->kind, request, count);
}

static void add_latency(struct text *t, const struct virtdev *dev)
{
	struct virtdev_histogram h;
	const char *request;
	uint32_t i;

	for (i = 0; (request = virtdev_latency(dev, i, &h)); i++) {
		if (!i)
			text_add(t, "# TYPE %s_device_latency_seconds histogram\n", t->prefix);
		add_histogram(t, request, &h);
	}
}

static void add_depths(struct text *t, const struct virtdev *dev, bool maximum)
{
	const char *name = maximum ? "max_in_flight" : "in_flight";
	uint64_t depths[2];
	uint32_t i;

	for (i = 0; virtdev_queue_depth(dev, i, &depths[0], &depths[1]) == 0; i++) {
		if (!i)
			text_add(t, "# TYPE %s_ring_%s untyped\n", t->prefix, name);
		text_add(t, "%s_ring_%s{kind=\"%s\",ring=\"%" PRIu32 "\"} %" PRIu64 "\n",
			 t->prefix, name, t->kind, i, depths[maximum]);
	}
}

int virtdev_metrics(struct virtdev *dev, const char *prefix, const char *kind,
		    char **text, size_t *len)
{
	struct text t = {
		.prefix = prefix, .kind = kind ? kind : virtdev_name(dev),
	};

	text_add(&t, "%s", "");
	add_stats(&t, dev);
	add_latency(&t, dev);
	add_depths(&t, dev, false);
	add_depths(&t, dev, true);
	if (t.failed) {
		free(t.bytes);
		return -ENOMEM;
	}
	*text = t.bytes;
	*len = t.len;
	return 0;
}
