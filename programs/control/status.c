/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The reply of "status": state of the machine, and of its devices. */
#include <config.h>

#include <errno.h>

#include "control/machine_socket.h"
#include "control/event_line.h"
#include "control/status.h"
#include "report.h"

#define MAX_COUNTERS 64u
/* The maximum of a device: the reply is sent at once. */
#define MAX_RINGS 64u

void vmm_status_write_numbers(struct cvmm_machine *m, unsigned int device, struct vsu_json *to)
{
	struct cvmm_counter counters[MAX_COUNTERS];
	unsigned int i, n;

	if (cvmm_machine_get_counters(m, device, counters, MAX_COUNTERS, &n, NULL) < 0)
		return;
	vsu_json_open(to, "numbers", '{');
	for (i = 0; i < n && i < MAX_COUNTERS; i++)
		vsu_json_u64(to, counters[i].name, counters[i].value);
	vsu_json_close(to, '}');
}

static void write_ring(unsigned int number, const struct cvmm_ring *ring, struct vsu_json *to)
{
	const struct vmm_fact facts[] = {
		{ "ring", VMM_NUMBER(number) },
		{ "name", VMM_TEXT(ring->name), .is_absent = !ring->name[0] },
		{ "size", VMM_NUMBER(ring->entries) },
		{ "available", VMM_NUMBER(ring->available), .is_absent = !ring->has_indices },
		{ "used", VMM_NUMBER(ring->used), .is_absent = !ring->has_indices },
		{ "in_flight", VMM_NUMBER(ring->in_flight), .is_absent = !ring->has_depth },
		{ "max_in_flight", VMM_NUMBER(ring->max_in_flight), .is_absent = !ring->has_depth },
		{ .name = NULL },
	};

	vmm_report_object(NULL, facts, to);
}

static void write_rings(struct cvmm_machine *m, unsigned int device, struct vsu_json *to)
{
	struct cvmm_ring ring = { .size = sizeof(ring) };
	unsigned int i;

	vsu_json_open(to, "rings", '[');
	for (i = 0; i < MAX_RINGS && !cvmm_machine_get_ring(m, device, i, &ring, NULL); i++)
		if (ring.ready)
			write_ring(i, &ring, to);
	vsu_json_close(to, ']');
}

static void write_histogram(const struct cvmm_latency *l, struct vsu_json *to)
{
	unsigned int i;

	vsu_json_open(to, NULL, '{');
	vsu_json_text(to, "request", l->request);
	vsu_json_u64(to, "nanoseconds", l->nanoseconds);
	vsu_json_open(to, "buckets", '[');
	for (i = 0; i < CVMM_LATENCY_BUCKETS; i++)
		vsu_json_u64(to, NULL, l->buckets[i]);
	vsu_json_close(to, ']');
	vsu_json_close(to, '}');
}

static void write_latency(struct cvmm_machine *m, unsigned int device, struct vsu_json *to)
{
	struct cvmm_latency l = { .size = sizeof(l) };
	unsigned int i;

	for (i = 0; !cvmm_machine_get_latency(m, device, i, &l, NULL); i++) {
		if (!i)
			vsu_json_open(to, "latency", '[');
		write_histogram(&l, to);
	}
	if (i)
		vsu_json_close(to, ']');
}

static void write_device(struct cvmm_machine *m, unsigned int number, const struct cvmm_device *d,
			 struct vsu_json *to)
{
	const struct vmm_fact facts[] = {
		{ "device", VMM_NUMBER(number) },
		{ "id", VMM_NUMBER(d->id) },
		{ "kind", VMM_TEXT(d->kind) },
		{ "name", VMM_TEXT(d->name) },
		{ "file", VMM_TEXT(d->file) },
		{ "slot", VMM_NUMBER(d->slot), .is_absent = !d->slot },
		{ "pid", VMM_SIGNED(d->process), .is_absent = !d->process },
		{ "leaving", VMM_BOOL(true), .is_absent = !d->leaving },
		{ "coming", VMM_BOOL(true), .is_absent = !d->coming },
		{ .name = NULL },
	};

	vsu_json_open(to, NULL, '{');
	vmm_report_members(facts, to);
	if (!d->coming) {
		write_rings(m, number, to);
		vmm_status_write_numbers(m, number, to);
		write_latency(m, number, to);
	}
	vsu_json_close(to, '}');
}

static void write_devices(struct cvmm_machine *m, unsigned int n, struct vsu_json *to)
{
	struct cvmm_device d = { .size = sizeof(d) };
	unsigned int i;

	vsu_json_open(to, "devices", '[');
	for (i = 0; i < n; i++)
		if (!cvmm_machine_get_device(m, i, &d, NULL))
			write_device(m, i, &d, to);
	vsu_json_close(to, ']');
}

static void write_cpus(struct cvmm_machine *m, struct vsu_json *to)
{
	struct cvmm_cpu c = { .size = sizeof(c) };
	unsigned int i;

	vsu_json_open(to, "vcpus", '[');
	for (i = 0; !cvmm_machine_get_cpu(m, i, &c, NULL); i++) {
		const struct vmm_fact facts[] = {
			{ "exits", VMM_NUMBER(c.exits) },
			{ "io", VMM_NUMBER(c.io) },
			{ "mmio", VMM_NUMBER(c.mmio) },
			{ "interrupted", VMM_NUMBER(c.interrupted) },
			{ .name = NULL },
		};

		vmm_report_object(NULL, facts, to);
	}
	vsu_json_close(to, ']');
}

static void write_arriving(const struct cvmm_statistics *s, struct vsu_json *to)
{
	const struct vmm_fact facts[] = {
		{ "left", VMM_NUMBER(s->arriving) },
		{ "requests", VMM_NUMBER(s->arriving_requests) },
		{ .name = NULL },
	};

	vmm_report_object("arriving", facts, to);
}

static void write_counters(const struct cvmm_statistics *s, struct vsu_json *to)
{
	const struct vmm_fact facts[] = {
		{ "lost_devices", VMM_NUMBER(s->lost_devices) },
		{ "memory_repairs", VMM_NUMBER(s->memory_repairs) },
		{ "memory_conversions", VMM_NUMBER(s->memory_conversions) },
		{ "memory_failed_conversions", VMM_NUMBER(s->memory_failed_conversions) },
		{ "window_changes", VMM_NUMBER(s->window_changes) },
		{ "console_lost_bytes", VMM_NUMBER(s->console_lost_bytes) },
		{ "serial_unrecorded_bytes", VMM_NUMBER(s->serial_unrecorded_bytes) },
		{ "age_ns", VMM_NUMBER(s->age_ns) },
		{ "uptime_ns", VMM_NUMBER(s->uptime_ns) },
		{ "paused_ns", VMM_NUMBER(s->paused_ns) },
		{ .name = NULL },
	};

	vmm_report_object("counters", facts, to);
}

static void write_machine(const struct cvmm_statistics *s, struct vsu_json *to)
{
	static const char *const states[] = {
		[CVMM_STATE_NEW] = "new", [CVMM_STATE_WAITING] = "waiting", [CVMM_STATE_ENDED] = "ended",
		[CVMM_STATE_RUNNING] = "running", [CVMM_STATE_PAUSED] = "paused",
		[CVMM_STATE_DAMAGED] = "damaged", [CVMM_STATE_SAVING] = "saving",
		[CVMM_STATE_MIGRATING] = "migrating", [CVMM_STATE_UNDECIDED] = "undecided",
	};
	const struct vmm_fact facts[] = {
		{ "cpus", VMM_NUMBER(s->cpus) },
		{ "max_cpus", VMM_NUMBER(s->max_cpus) },
		{ "paused", VMM_BOOL(s->paused) },
		{ "state", VMM_TEXT(states[s->state]) },
		{ "name", VMM_TEXT(s->name) },
		{ "version", VMM_TEXT(PACKAGE_VERSION) },
		{ "kernel", VMM_TEXT(s->kernel) },
		{ "initrd", VMM_TEXT(s->initrd) },
		{ .name = NULL },
	};

	vmm_report_members(facts, to);
}

int vmm_status_command(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vsu_json to = { .to = answer, .more = true };
	struct cvmm_statistics s = { .size = sizeof(s) };
	int rc = cvmm_machine_get_statistics(c->machine, &s, err);

	(void)words;
	if (rc < 0)
		return rc;
	write_machine(&s, &to);
	if (s.saves)
		vmm_progress_write_save(&s.progress, &to);
	write_cpus(c->machine, &to);
	vmm_memory_report(c->machine, &to);
	write_devices(c->machine, s.devices, &to);
	write_counters(&s, &to);
	vmm_progress_write_migration(&s.progress, &to);
	if (s.arrives)
		write_arriving(&s, &to);
	return 0;
}
