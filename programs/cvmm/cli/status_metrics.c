/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The members of a status that are metrics: one table. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "cli/status_metrics.h"
#include "kinds/latency.h"
#include "base/json_read.h"
#include "prometheus.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz-"

/* State while a status is read. Numbers of devices and rings precede their values. */
struct reading {
	struct prog_prometheus to;
	char device[16], kind[32], ring[16];	/* the current ones */
	char request[32], sum[24];	/* likewise, of a histogram */
	uint64_t count;			/* of its buckets until now */
};

/* A member that matches a row. */
struct member {
	const struct row *row;
	unsigned int index;	/* the last one of its path */
	const char *rest;	/* names behind the form; "" */
	const char *value;	/* of a text, its letters only */
};

struct row {
	const char *form;	/* of the path: json_read.h */
	bool text;
	void (*take)(struct reading *r, const struct member *m);
	const char *metric;	/* or what precedes the rest of the path in its name */
	const char *label;	/* of an element of an array */
};

static void metric_add(struct reading *r, const struct member *m, const char *labels)
{
	char name[PROG_JSON_PATH + 16];

	snprintf(name, sizeof(name), "%s%s", m->row->metric, m->rest);
	prog_prometheus_add(&r->to, name, labels, m->value);
}

static void add_number(struct reading *r, const struct member *m)
{
	metric_add(r, m, "");
}

static void add_state(struct reading *r, const struct member *m)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "{state=\"%s\"}", m->value);
	prog_prometheus_add(&r->to, m->row->metric, labels, "1");
}

/* One element of an array is one value of the label. */
static void add_of_element(struct reading *r, const struct member *m)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "{%s=\"%u\"}", m->row->label, m->index);
	metric_add(r, m, labels);
}

static void note_device(struct reading *r, const struct member *m)
{
	snprintf(r->device, sizeof(r->device), "%s", m->value);
	r->kind[0] = '\0';
}

static void note_kind(struct reading *r, const struct member *m)
{
	snprintf(r->kind, sizeof(r->kind), "%s", m->value);
}

static void note_ring(struct reading *r, const struct member *m)
{
	snprintf(r->ring, sizeof(r->ring), "%s", m->value);
}

static void note_request(struct reading *r, const struct member *m)
{
	snprintf(r->request, sizeof(r->request), "%s", m->value);
}

static void add_of_ring(struct reading *r, const struct member *m)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "{device=\"%s\",ring=\"%s\"}", r->device, r->ring);
	metric_add(r, m, labels);
}

static void add_of_device(struct reading *r, const struct member *m)
{
	char labels[80];

	snprintf(labels, sizeof(labels), "{device=\"%s\",kind=\"%s\"}", r->device, r->kind);
	metric_add(r, m, labels);
}

/* The sum precedes the buckets. */
static void note_sum(struct reading *r, const struct member *m)
{
	uint64_t ns;

	if (!vsu_parse_u64(m->value, &ns))
		snprintf(r->sum, sizeof(r->sum), "%s", vmm_latency_sum(ns).text);
}

static void histogram_add(struct reading *r, const struct member *m, const char *suffix,
			  const char *label, const char *value)
{
	char labels[160];

	snprintf(labels, sizeof(labels), "{device=\"%s\",kind=\"%s\",request=\"%s\"%s}",
		 r->device, r->kind, r->request, label);
	prog_prometheus_add_histogram(&r->to, m->row->metric, suffix, labels, value);
}

static void add_bucket(struct reading *r, const struct member *m)
{
	char label[32], count[24];
	uint64_t n;

	if (vsu_parse_u64(m->value, &n) < 0)
		return;
	r->count = m->index ? r->count + n : n;
	snprintf(count, sizeof(count), "%" PRIu64, r->count);
	snprintf(label, sizeof(label), ",le=\"%s\"", vmm_latency_seconds(m->index).text);
	histogram_add(r, m, "_bucket", label, count);
	if (virtdev_latency_bound(m->index) != UINT64_MAX)
		return;
	histogram_add(r, m, "_sum", "", r->sum);
	histogram_add(r, m, "_count", "", count);
}

/*
 * Every number of a status; the first row that matches counts. Without a function it is no
 * metric. Other texts are none.
 */
static const struct row rows[] = {
	{ "ok", false, NULL, NULL, NULL },
	{ "cpus", false, add_number, "cpus", NULL },
	{ "paused", false, add_number, "paused", NULL },
	{ "state", true, add_state, "state", NULL },
	{ "saving.*", false, add_number, "saving_", NULL },
	{ "vcpus.#.*", false, add_of_element, "vcpu_", "cpu" },
	{ "memory.#.*", false, add_of_element, "memory_", "piece" },
	{ "windows.#.*", false, add_of_element, "window_", "window" },
	{ "devices.#.device", false, note_device, NULL, NULL },
	{ "devices.#.id", false, NULL, NULL, NULL },
	{ "devices.#.slot", false, NULL, NULL, NULL },
	{ "devices.#.pid", false, NULL, NULL, NULL },
	{ "devices.#.leaving", false, NULL, NULL, NULL },
	{ "devices.#.coming", false, NULL, NULL, NULL },
	{ "devices.#.kind", true, note_kind, NULL, NULL },
	{ "devices.#.rings.#.ring", false, note_ring, NULL, NULL },
	{ "devices.#.rings.#.*", false, add_of_ring, "ring_", NULL },
	{ "devices.#.numbers.*", false, add_of_device, "device_", NULL },
	{ "devices.#.latency.#.request", true, note_request, NULL, NULL },
	{ "devices.#.latency.#.nanoseconds", false, note_sum, NULL, NULL },
	{ "devices.#.latency.#.buckets.#", false, add_bucket,
	  &VMM_LATENCY_METRIC[sizeof("cvmm_") - 1], NULL },
	{ "counters.*", false, add_number, "", NULL },
	{ "migration.*", false, add_number, "migration_", NULL },
	{ "arriving.*", false, add_number, "arriving_", NULL },
};

static const struct row *find_row(const char *path, bool text, struct member *m)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].text == text &&
		    prog_json_match(path, rows[i].form, &m->index, &m->rest))
			return &rows[i];
	return NULL;
}

bool vmm_status_knows(const char *path)
{
	struct member any;

	return find_row(path, false, &any);
}

static void on_member(void *opaque, const char *path, const char *value, bool is_string)
{
	char letters[32];
	struct member m = { .rest = "", .value = value };

	m.row = find_row(path, is_string, &m);
	if (!m.row || !m.row->take)
		return;
	if (is_string) {
		snprintf(letters, sizeof(letters), "%.*s", (int)strspn(value, LETTERS), value);
		m.value = letters;
	} else if (!strcmp(value, "true") || !strcmp(value, "false")) {
		m.value = *value == 't' ? "1" : "0";
	}
	m.row->take(opaque, &m);
}

int vmm_status_print_prometheus(char *reply, FILE *to, struct vsu_error *err)
{
	struct reading r = { .count = 0 };
	int rc = prog_json_walk(reply, on_member, &r, err);

	if (!rc && r.to.rc < 0)
		rc = vsu_error_sys(err, r.to.rc, "the reply");
	if (!rc)
		prog_prometheus_print(&r.to, to);
	prog_prometheus_free(&r.to);
	return rc;
}
