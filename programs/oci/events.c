/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "events": statistics of a container, as runc prints them. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/option_place.h>

#include "oci/commands.h"
#include "oci/host_usage.h"
#include "oci/pod.h"
#include "oci/wire.h"

#define ANSWER_MS 10000
#define INTERVAL_MS 5000

enum { STATS, INTERVAL, EVENTS_ID };
const struct vsu_option oci_events_rows[] = {
	[STATS] = { .name = "stats", .kind = VSU_OPTION_FLAG, .help = "print once" },
	[INTERVAL] = { .name = "interval", .kind = VSU_OPTION_TIME, .arg = "TIME", .min = 1, .max = INT32_MAX, .preset = "5s",
		       .help = "time between two lines" },
	[EVENTS_ID] = { .name = "ID", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

struct events_options {
	const char *id;
	uint64_t interval;
	bool stats;
};

static const struct vsu_place places[] = {
	[STATS] = VSU_PLACE(struct events_options, stats),
	[INTERVAL] = VSU_PLACE(struct events_options, interval),
	[EVENTS_ID] = VSU_PLACE(struct events_options, id),
};

static int store_option(void *opaque, unsigned int index, const struct vsu_option_value *value, struct vsu_error *err)
{
	(void)err;
	vsu_place_store(&places[index], opaque, value);
	return 0;
}

/* -------------------------------------------------------------------- statistics */

struct statistics {
	const char *id;
	const struct oci_resources *limits;
	struct vagent_usage guest;	/* of the container */
	struct oci_host_usage host;	/* of its processes on the host */
};

static void print_cpu(struct vsu_json *j, const struct vagent_usage *u)
{
	vsu_json_open(j, "cpu", '{');
	vsu_json_open(j, "usage", '{');
	vsu_json_u64(j, "total", u->cpu * 1000);
	vsu_json_u64(j, "kernel", u->system * 1000);
	vsu_json_u64(j, "user", u->user * 1000);
	vsu_json_close(j, '}');
	vsu_json_open(j, "throttling", '{');
	vsu_json_close(j, '}');
	vsu_json_close(j, '}');
}

/* runc prints this number for no limit. */
static void print_memory(struct vsu_json *j, const struct vagent_usage *u, int64_t limit)
{
	vsu_json_open(j, "memory", '{');
	vsu_json_open(j, "usage", '{');
	vsu_json_u64(j, "limit", limit > 0 ? (uint64_t)limit : UINT64_MAX);
	vsu_json_u64(j, "usage", u->memory);
	vsu_json_u64(j, "max", u->max_memory);
	vsu_json_u64(j, "failcnt", 0);
	vsu_json_close(j, '}');
	vsu_json_close(j, '}');
}

static void print_pids(struct vsu_json *j, const struct vagent_usage *u, int64_t limit)
{
	vsu_json_open(j, "pids", '{');
	vsu_json_u64(j, "current", u->processes);
	vsu_json_u64(j, "limit", limit > 0 ? (uint64_t)limit : 0);
	vsu_json_close(j, '}');
}

/* A member that runc does not have. */
static void print_machine(struct vsu_json *j, const struct oci_host_usage *u)
{
	vsu_json_open(j, "machine", '{');
	vsu_json_u64(j, "memory", u->memory);
	vsu_json_u64(j, "cpu", u->cpu_ns);
	vsu_json_close(j, '}');
}

static void print_statistics(const struct statistics *s)
{
	struct vsu_json j = { .to = stdout };

	vsu_json_open(&j, NULL, '{');
	vsu_json_text(&j, "type", "stats");
	vsu_json_text(&j, "id", s->id);
	vsu_json_open(&j, "data", '{');
	print_cpu(&j, &s->guest);
	print_memory(&j, &s->guest, s->limits->memory_limit);
	print_pids(&j, &s->guest, s->limits->pids_limit);
	print_machine(&j, &s->host);
	vsu_json_close(&j, '}');
	vsu_json_close(&j, '}');
	putchar('\n');
	fflush(stdout);
}

/* ---------------------------------------------------------------------- container */

static int measure_guest(const char *root, int folder, const struct oci_state *s, struct vagent_usage *usage, struct vsu_error *err)
{
	struct oci_message m = { .op = OCI_OP_MEASURE };
	int rc, sock = oci_pod_connect(root, folder, s, &m, err);

	if (sock < 0)
		return sock;
	rc = oci_wire_call(sock, &m, NULL, 0, ANSWER_MS, err);
	vsu_fd_close(&sock);
	*usage = m.usage;
	return rc;
}

/* Returns the status of the container. A machine that is paused does not answer. */
static int print_once(const char *root, int folder, const char *id, const struct oci_resources *limits, struct vsu_error *err)
{
	struct statistics s = { .id = id, .limits = limits };
	struct oci_state state;
	int rc = oci_state_read(root, folder, id, &state, err);
	const int status = (int)state.status;

	if (!rc && status == OCI_STOPPED)
		rc = vsu_error_set(err, -ESRCH, "container not running: '%s'", id);
	if (!rc && status == OCI_PAUSED)
		rc = vsu_error_set(err, -EAGAIN, "container '%s' is paused", id);
	rc = rc < 0 ? rc : measure_guest(root, folder, &state, &s.guest, err);
	if (!rc) {
		s.host = oci_host_usage(state.cgroup, state.pid);
		print_statistics(&s);
	}
	oci_state_fini(&state);
	return rc;
}

/* The end of the container ends the command. */
static int print_all(const char *root, const struct events_options *o, int folder, struct vsu_error *err)
{
	struct oci_spec *spec = NULL;
	int rc = oci_state_load_config(root, o->id, &spec, err);

	rc = rc < 0 ? rc : print_once(root, folder, o->id, &spec->resources, err);
	while (!o->stats && (!rc || rc == -EAGAIN)) {
		vsu_error_clear(err);
		(void)poll(NULL, 0, o->interval ? (int)o->interval : INTERVAL_MS);
		rc = print_once(root, folder, o->id, &spec->resources, err);
		if (rc == -ESRCH)
			break;
	}
	oci_spec_free(spec);
	return !o->stats && rc == -ESRCH ? 0 : rc;
}

int oci_events(struct oci_context *c, int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct events_options o = { .id = NULL };
	int folder = -1, rc = vsu_option_parse_argv(oci_events_rows, argc, argv, store_option, &o, NULL, &err);

	if (!rc && !o.id)
		rc = vsu_error_set(&err, -EINVAL, "events: the id of a container is missing");
	if (!rc)
		rc = folder = oci_state_open(c->root, o.id, &err);
	rc = rc < 0 ? rc : print_all(c->root, &o, folder, &err);
	vsu_fd_close(&folder);
	return rc < 0 ? oci_report_failure(&c->report, &err) : EXIT_SUCCESS;
}
