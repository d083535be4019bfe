/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The reply of "status": state of the machine, and of its devices. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/json.h>

#include "control/commands.h"
#include "control/event_line.h"
#include "control/memory_report.h"
#include "control/status.h"
#include <cvmm/status.h>

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

static void write_text(struct vsu_json *to, const char *name, const char *text)
{
	if (text)
		vsu_json_text(to, name, text);
}

static void write_ring(unsigned int number, const struct cvmm_ring *ring, struct vsu_json *to)
{
	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "ring", number);
	write_text(to, "name", ring->name[0] ? ring->name : NULL);
	vsu_json_u64(to, "size", ring->entries);
	if (ring->has_indices) {
		vsu_json_u64(to, "available", ring->available);
		vsu_json_u64(to, "used", ring->used);
	}
	if (ring->has_depth) {
		vsu_json_u64(to, "in_flight", ring->in_flight);
		vsu_json_u64(to, "max_in_flight", ring->max_in_flight);
	}
	vsu_json_close(to, '}');
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
	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "device", number);
	vsu_json_u64(to, "id", d->id);
	write_text(to, "kind", d->kind);
	write_text(to, "name", d->name);
	write_text(to, "file", d->file);
	if (d->slot)
		vsu_json_u64(to, "slot", d->slot);
	if (d->process)
		vsu_json_i64(to, "pid", d->process);
	if (d->leaving)
		vsu_json_bool(to, "leaving", true);
	if (d->coming) {
		vsu_json_bool(to, "coming", true);
	} else {
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
		vsu_json_open(to, NULL, '{');
		vsu_json_u64(to, "exits", c.exits);
		vsu_json_u64(to, "io", c.io);
		vsu_json_u64(to, "mmio", c.mmio);
		vsu_json_u64(to, "interrupted", c.interrupted);
		vsu_json_close(to, '}');
	}
	vsu_json_close(to, ']');
}

static void write_arriving(const struct cvmm_statistics *s, struct vsu_json *to)
{
	vsu_json_open(to, "arriving", '{');
	vsu_json_u64(to, "left", s->arriving);
	vsu_json_u64(to, "requests", s->arriving_requests);
	vsu_json_close(to, '}');
}

static void write_counters(const struct cvmm_statistics *s, struct vsu_json *to)
{
	vsu_json_open(to, "counters", '{');
	vsu_json_u64(to, "lost_devices", s->lost_devices);
	vsu_json_u64(to, "memory_repairs", s->memory_repairs);
	vsu_json_u64(to, "memory_conversions", s->memory_conversions);
	vsu_json_u64(to, "memory_failed_conversions", s->memory_failed_conversions);
	vsu_json_u64(to, "window_changes", s->window_changes);
	vsu_json_u64(to, "console_lost_bytes", s->console_lost_bytes);
	vsu_json_u64(to, "serial_unrecorded_bytes", s->serial_unrecorded_bytes);
	vsu_json_u64(to, "age_ns", s->age_ns);
	vsu_json_u64(to, "uptime_ns", s->uptime_ns);
	vsu_json_u64(to, "paused_ns", s->paused_ns);
	vsu_json_close(to, '}');
}

int vmm_status_command(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_commands *c = opaque;
	static const char *const states[] = {
		[CVMM_STATE_NEW] = "new", [CVMM_STATE_WAITING] = "waiting", [CVMM_STATE_ENDED] = "ended",
		[CVMM_STATE_RUNNING] = "running", [CVMM_STATE_PAUSED] = "paused",
		[CVMM_STATE_DAMAGED] = "damaged", [CVMM_STATE_SAVING] = "saving",
		[CVMM_STATE_MIGRATING] = "migrating", [CVMM_STATE_UNDECIDED] = "undecided",
	};
	struct vsu_json to = { .to = answer, .more = true };
	struct cvmm_statistics s = { .size = sizeof(s) };
	int rc = cvmm_machine_get_statistics(c->machine, &s, err);

	(void)words;
	if (rc < 0)
		return rc;
	vsu_json_u64(&to, "cpus", s.cpus);
	vsu_json_u64(&to, "max_cpus", s.max_cpus);
	vsu_json_bool(&to, "paused", s.paused);
	write_text(&to, "state", states[s.state]);
	write_text(&to, "name", s.name);
	vsu_json_text(&to, "version", PACKAGE_VERSION);
	write_text(&to, "kernel", s.kernel);
	write_text(&to, "initrd", s.initrd);
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
