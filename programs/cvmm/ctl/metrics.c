/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The members of a status that are metrics: one table. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/metrics.h>
#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/parse.h>

#include "ctl/metrics.h"
#include "cvmm/options.h"

/* machine="NAME" */
#define MAX_LABEL (CVMM_OPTION_MAX_NAME + 16)
#define MAX_LABELS 160
#define LETTERS "abcdefghijklmnopqrstuvwxyz-"

/* State while a status is read. Names and numbers precede the values that have them as labels. */
struct reading {
	struct virtdev_metrics to;
	char device[32], kind[32], ring[32], request[32];	/* the current ones */
	struct virtdev_histogram latency;
	char machine[MAX_LABEL];	/* label of all samples */
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
	const char *label;	/* of an element of an array; or the names of labels */
	size_t at;		/* of a label in struct reading */
};

/* Labels in the form of Prometheus, such as device="0",kind="blk" */
static void print_labels(const struct reading *r, const struct member *m, char text[MAX_LABELS])
{
	const struct {
		const char *name, *value;
	} all[] = { { "device", r->device }, { "kind", r->kind }, { "ring", r->ring }, { "request", r->request } };
	size_t used = 0, i;

	*text = '\0';
	for (i = 0; m->row->label && i < sizeof(all) / sizeof(all[0]); i++)
		if (strstr(m->row->label, all[i].name))
			used += (size_t)snprintf(text + used, MAX_LABELS - used, "%s%s=\"%s\"", used ? "," : "",
						 all[i].name, all[i].value);
	if (m->row->label && !used)
		snprintf(text, MAX_LABELS, "%s=\"%u\"", m->row->label, m->index);
}

static void add_number(struct reading *r, const struct member *m)
{
	char name[VSU_JSON_PATH + 16], labels[MAX_LABELS];

	snprintf(name, sizeof(name), "%s%s", m->row->metric, m->rest);
	print_labels(r, m, labels);
	virtdev_metrics_add(&r->to, name, labels, m->value);
}

static void set_machine(struct reading *r, const char *name)
{
	const char *end = r->machine + sizeof(r->machine) - 2;
	char *c = r->machine + snprintf(r->machine, sizeof(r->machine), "machine=\"");

	for (; *name && c < end; name++)
		*c++ = strchr(CVMM_OPTION_NAME_CHARACTERS, *name) ? *name : '_';
	strcpy(c, "\"");
}

static void note_name(struct reading *r, const struct member *m)
{
	set_machine(r, m->value);
}

static void add_state(struct reading *r, const struct member *m)
{
	char labels[64];

	snprintf(labels, sizeof(labels), "state=\"%s\"", m->value);
	virtdev_metrics_add(&r->to, m->row->metric, labels, "1");
}

static void note_label(struct reading *r, const struct member *m)
{
	if (m->row->at == offsetof(struct reading, device))
		r->kind[0] = '\0';
	snprintf((char *)r + m->row->at, sizeof(r->kind), "%s", m->value);
}

/* The sum precedes the buckets. */
static void note_sum(struct reading *r, const struct member *m)
{
	r->latency = (struct virtdev_histogram){ .sum = 0 };
	(void)!vsu_parse_u64(m->value, &r->latency.sum);
}

static void add_bucket(struct reading *r, const struct member *m)
{
	char labels[MAX_LABELS];

	if (m->index >= VIRTDEV_LATENCY_BUCKETS ||
	    vsu_parse_u64(m->value, &r->latency.buckets[m->index]) < 0 ||
	    m->index + 1 < VIRTDEV_LATENCY_BUCKETS)
		return;
	print_labels(r, m, labels);
	virtdev_metrics_add_latency(&r->to, m->row->metric, labels, &r->latency);
}

#define LABEL(member) .take = note_label, .at = offsetof(struct reading, member)

/*
 * Every number of a status; the first row that matches counts. Without a function it is no
 * metric. Other texts are none.
 */
static const struct row rows[] = {
	{ "ok", .take = NULL },
	{ "cpus", .take = add_number, .metric = "cpus" },
	{ "max_cpus", .take = add_number, .metric = "max_cpus" },
	{ "paused", .take = add_number, .metric = "paused" },
	{ "state", .text = true, .take = add_state, .metric = "state" },
	{ "name", .text = true, .take = note_name },
	{ "saving.*", .take = add_number, .metric = "saving_" },
	{ "vcpus.#.*", .take = add_number, .metric = "vcpu_", .label = "cpu" },
	{ "memory.#.*", .take = add_number, .metric = "memory_", .label = "piece" },
	{ "windows.#.*", .take = add_number, .metric = "window_", .label = "window" },
	{ "devices.#.device", LABEL(device) },
	{ "devices.#.id", .take = NULL },
	{ "devices.#.slot", .take = NULL },
	{ "devices.#.pid", .take = NULL },
	{ "devices.#.leaving", .take = NULL },
	{ "devices.#.coming", .take = NULL },
	{ "devices.#.kind", .text = true, LABEL(kind) },
	{ "devices.#.rings.#.ring", LABEL(ring) },
	{ "devices.#.rings.#.*", .take = add_number, .metric = "ring_", .label = "device,ring" },
	{ "devices.#.numbers.*", .take = add_number, .metric = "device_", .label = "device,kind" },
	{ "devices.#.latency.#.request", .text = true, LABEL(request) },
	{ "devices.#.latency.#.nanoseconds", .take = note_sum },
	{ "devices.#.latency.#.buckets.#", .take = add_bucket, .metric = "device_latency_seconds",
	  .label = "device,kind,request" },
	{ "counters.*", .take = add_number, .metric = "" },
	{ "migration.*", .take = add_number, .metric = "migration_" },
	{ "arriving.*", .take = add_number, .metric = "arriving_" },
};

#define COUNTER VIRTDEV_METRIC_COUNTER
#define GAUGE VIRTDEV_METRIC_GAUGE

static const struct virtdev_metric described[] = {
	{ "age_ns", COUNTER, "Seconds since the guest booted, here or where it came from." },
	{ "arriving_left", GAUGE, "Bytes of memory that the source of a migration has not sent yet." },
	{ "arriving_requests", COUNTER, "Pages for which a thread waited after post-copy." },
	{ "console_lost_bytes", COUNTER, "Bytes of the serial port that were dropped without a reader." },
	{ "cpus", GAUGE, "Processors of the guest." },
	{ "lost_devices", COUNTER, "Devices whose back-end has failed for good." },
	{ "max_cpus", GAUGE, "Processors that the guest may have." },
	{ "memory_conversions", COUNTER, "Conversions between private and shared memory." },
	{ "memory_failed_conversions", COUNTER, "Conversions that failed." },
	{ "memory_gpa", GAUGE, "Guest address of a piece of memory." },
	{ "memory_offset", GAUGE, "Offset of a piece of memory in its file." },
	{ "memory_present", GAUGE, "Bytes of a piece of memory in the host's memory." },
	{ "memory_private_bytes", GAUGE, "Private bytes of a piece of memory." },
	{ "memory_readonly", GAUGE, "1 if the file of a piece of memory is open for reading only." },
	{ "memory_released_bytes", COUNTER, "Bytes that conversions have released." },
	{ "memory_repairs", COUNTER, "Lost pages of memory that were replaced by zeros." },
	{ "memory_rom", GAUGE, "1 if a piece of memory is ROM for the guest." },
	{ "memory_shared", GAUGE, "1 if other processes see the guest's stores to a piece of memory." },
	{ "memory_shared_bytes", GAUGE, "Shared bytes of a piece of memory." },
	{ "memory_size", GAUGE, "Bytes of a piece of memory." },
	{ "migration_left", GAUGE, "Bytes of this round, or in post-copy bytes that the destination lacks." },
	{ "migration_left_ms", GAUGE, "Seconds in which they are sent at the present rate." },
	{ "migration_rate", GAUGE, "Bytes per second of a migration." },
	{ "migration_round", GAUGE, "Round of copying." },
	{ "migration_sent", GAUGE, "Bytes that a migration has sent." },
	{ "migration_throttle", GAUGE, "Percent of the time in which processors do not run." },
	{ "paused", GAUGE, "1 if the guest is paused." },
	{ "paused_ns", COUNTER, "Seconds in which the guest was paused." },
	{ "ring_available", GAUGE, "Index of the driver in a split ring." },
	{ "ring_size", GAUGE, "Entries of a ring." },
	{ "ring_used", GAUGE, "Index of the device in a split ring." },
	{ "saving_done", GAUGE, "Bytes of memory that a save has written." },
	{ "saving_total", GAUGE, "Bytes of memory that a save writes." },
	{ "serial_unrecorded_bytes", COUNTER, "Bytes that the log of the serial port lost." },
	{ "state", GAUGE, "1 for the present state of the machine." },
	{ "uptime_ns", COUNTER, "Seconds since this process made the machine." },
	{ "vcpu_exits", COUNTER, "Returns of a processor from KVM." },
	{ "vcpu_interrupted", COUNTER, "Returns because of a signal." },
	{ "vcpu_io", COUNTER, "Returns for accesses to ports." },
	{ "vcpu_mmio", COUNTER, "Returns for accesses to registers in memory." },
	{ "window_changes", COUNTER, "Changes of mappings in shared memory windows." },
	{ "window_gpa", GAUGE, "Guest address of a shared memory window." },
	{ "window_mapped", GAUGE, "Bytes that are mapped in a window." },
	{ "window_mappings", GAUGE, "File ranges that are mapped in a window." },
	{ "window_shmid", GAUGE, "Number of a window in its device." },
	{ "window_size", GAUGE, "Bytes of a window." },
	{ .name = NULL },
};

static const struct row *find_row(const char *path, bool text, struct member *m)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].text == text &&
		    vsu_json_match(path, rows[i].form, &m->index, &m->rest))
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
		m.value = m.row->take == note_name ? value : letters;
	} else if (!strcmp(value, "true") || !strcmp(value, "false")) {
		m.value = *value == 't' ? "1" : "0";
	}
	m.row->take(opaque, &m);
}

/* As "cvmm ps" finds machines: FOLDER/NAME/control, or another file's name. */
static void set_socket(struct reading *r, const char *path)
{
	const char *slash = strrchr(path, '/'), *end = slash;
	char folder[MAX_LABEL];

	if (!slash || slash == path || strcmp(slash, "/control") != 0) {
		set_machine(r, slash ? slash + 1 : path);
		return;
	}
	while (slash > path && slash[-1] != '/')
		slash--;
	snprintf(folder, sizeof(folder), "%.*s", (int)(end - slash), slash);
	set_machine(r, folder);
}

int vmm_status_print_prometheus(char *reply, const char *path, FILE *to, struct vsu_error *err)
{
	struct reading r = { .to = { .prefix = "cvmm", .labels = r.machine, .described = described } };
	char *text;
	size_t len;
	int rc;

	set_socket(&r, path);
	rc = vsu_json_walk(reply, on_member, &r, err);
	if (!rc) {
		rc = virtdev_metrics_text(&r.to, &text, &len);
		if (rc < 0)
			vsu_error_sys(err, rc, "the reply");
	}
	if (!rc) {
		fwrite(text, 1, len, to);
		free(text);
	}
	virtdev_metrics_free(&r.to);
	return rc;
}
