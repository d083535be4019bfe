/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The reply of "status": state of the machine, and of its devices. */
#include <config.h>

#include <endian.h>
#include <errno.h>

#include <virtio-devices/latency.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/json.h>

#include "api/machine_private.h"
#include "control/commands.h"
#include "control/event_line.h"
#include "control/memory_report.h"
#include "control/status.h"
#include "machine/sharing.h"
#include "run/plug.h"
#include "virtio/queue_names.h"
#include "transfer/migrate.h"
#include "transfer/postcopy.h"
#include "transfer/save.h"

#define MAX_STATS 64u
/* The maximum of a device: the reply is sent at once. */
#define MAX_RINGS 64u

static void write_numbers(const struct vmm_device *d, struct vsu_json *to)
{
	struct virtdev_stat stats[MAX_STATS];
	uint32_t i, n = vmm_virtio_stats(d->virtio, stats, MAX_STATS);

	vsu_json_open(to, "numbers", '{');
	for (i = 0; i < n && i < MAX_STATS; i++)
		vsu_json_u64(to, stats[i].name, stats[i].value);
	vsu_json_close(to, '}');
}

/* Newer statistics arrive later and are part of the next reply. */
static void refresh(const struct vmm_device *d)
{
	const struct devkind *kind = d->spec.kind;

	if (!vmm_machine_local_device(d) || !kind->refresh)
		return;
	vmm_virtio_lock(d->virtio);
	kind->refresh(vmm_machine_local_device(d));
	vmm_virtio_unlock(d->virtio);
}

void vmm_status_write_numbers(struct cvmm_machine *machine, unsigned int number, struct vsu_json *to)
{
	const struct vmm_device *d = &machine->machine->devices[number];

	write_numbers(d, to);
	refresh(d);
}

/* Indices of a split ring are in the guest's memory, whoever serves it. */
static void write_indices(const struct vmm_machine *m,
			  const struct vq_config *config, struct vsu_json *to)
{
	const struct vmem_view *view =
		vmem_map_view(vmm_memory_map(&m->memory));
	uint16_t available, used;

	if (config->features & VQ_F_RING_PACKED ||
	    vmem_load_u16(view, config->driver_gpa + 2, &available,
			  __ATOMIC_RELAXED) < 0 ||
	    vmem_load_u16(view, config->device_gpa + 2, &used,
			  __ATOMIC_RELAXED) < 0)
		return;
	vsu_json_u64(to, "available", le16toh(available));
	vsu_json_u64(to, "used", le16toh(used));
}

static void write_depth(struct virtdev *dev, uint32_t queue, struct vsu_json *to)
{
	uint64_t depth, highest;

	if (virtdev_queue_depth(dev, queue, &depth, &highest) < 0)
		return;
	vsu_json_u64(to, "in_flight", depth);
	vsu_json_u64(to, "max_in_flight", highest);
}

static void write_text(struct vsu_json *to, const char *name, const char *text)
{
	if (text)
		vsu_json_text(to, name, text);
}

static void write_rings(const struct vmm_machine *m, const struct vmm_device *d,
			struct vsu_json *to)
{
	struct virtdev_transport *t = vmm_virtio_transport(d->virtio);
	struct virtdev *dev = virtdev_transport_device(t);
	const uint32_t n = virtdev_get_info(dev)->nqueues;
	char name[VMM_QUEUE_NAME_MAX];
	struct vq_config config;
	uint32_t i;

	vsu_json_open(to, "rings", '[');
	vmm_virtio_lock(d->virtio);
	for (i = 0; i < n && i < MAX_RINGS; i++) {
		if (!virtdev_transport_queue(t, i, &config))
			continue;
		vsu_json_open(to, NULL, '{');
		vsu_json_u64(to, "ring", i);
		write_text(to, "name", vmm_queue_name(d->spec.id, i, n, name));
		vsu_json_u64(to, "size", config.size);
		write_indices(m, &config, to);
		write_depth(dev, i, to);
		vsu_json_close(to, '}');
	}
	vmm_virtio_unlock(d->virtio);
	vsu_json_close(to, ']');
}

static void write_histogram(const char *request, const struct virtdev_histogram *h,
			    struct vsu_json *to)
{
	uint32_t i;

	vsu_json_open(to, NULL, '{');
	vsu_json_text(to, "request", request);
	vsu_json_u64(to, "nanoseconds", h->sum);
	vsu_json_open(to, "buckets", '[');
	for (i = 0; i < VIRTDEV_LATENCY_BUCKETS; i++)
		vsu_json_u64(to, NULL, h->buckets[i]);
	vsu_json_close(to, ']');
	vsu_json_close(to, '}');
}

static void write_latency(const struct vmm_device *d, struct vsu_json *to)
{
	const struct virtdev *dev = virtdev_transport_device(vmm_virtio_transport(d->virtio));
	struct virtdev_histogram h;
	const char *request;
	uint32_t kind;

	for (kind = 0; (request = virtdev_latency(dev, kind, &h)); kind++) {
		if (!kind)
			vsu_json_open(to, "latency", '[');
		write_histogram(request, &h, to);
	}
	if (kind)
		vsu_json_close(to, ']');
}

static void write_device(const struct vmm_machine *m, const struct vmm_device *d,
			 struct vsu_json *to)
{
	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "device", (uint64_t)(d - m->devices));
	vsu_json_u64(to, "id", d->spec.id);
	if (d->spec.kind)
		vsu_json_text(to, "kind", d->spec.kind->name);
	write_text(to, "name", devkind_own_name(d->spec.kind, d->spec.config));
	write_text(to, "file", vmm_device_file(&d->spec));
	if (d->slot)
		vsu_json_u64(to, "slot", d->slot);
	if (d->virtio && vmm_virtio_process(d->virtio))
		vsu_json_i64(to, "pid", vmm_virtio_process(d->virtio));
	if (vmm_machine_is_leaving(m, d))
		vsu_json_bool(to, "leaving", true);
	if (d->coming) {
		vsu_json_bool(to, "coming", true);
	} else {
		write_rings(m, d, to);
		write_numbers(d, to);
		write_latency(d, to);
	}
	vsu_json_close(to, '}');
}

static void write_devices(struct vmm_machine *m, struct vsu_json *to)
{
	struct vmm_device *d;
	unsigned int i;

	vsu_json_open(to, "devices", '[');
	for (i = 0; i < m->ndevices; i++) {
		d = &m->devices[i];
		if (!d->virtio && !d->coming)
			continue;
		write_device(m, d, to);
		refresh(d);
	}
	vsu_json_close(to, ']');
}

static void write_cpus(const struct vmm_machine *m, struct vsu_json *to)
{
	struct varch_cpu_counts c;
	unsigned int i;

	vsu_json_open(to, "vcpus", '[');
	for (i = 0; i < varch_cpus_number(m->cpus); i++) {
		varch_cpus_count(m->cpus, i, &c);
		vsu_json_open(to, NULL, '{');
		vsu_json_u64(to, "exits", c.io + c.mmio + c.interrupted + c.other);
		vsu_json_u64(to, "io", c.io);
		vsu_json_u64(to, "mmio", c.mmio);
		vsu_json_u64(to, "interrupted", c.interrupted);
		vsu_json_close(to, '}');
	}
	vsu_json_close(to, ']');
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
		[CVMM_STATE_RUNNING] = "running", [CVMM_STATE_PAUSED] = "paused",
		[CVMM_STATE_DAMAGED] = "damaged", [CVMM_STATE_SAVING] = "saving",
		[CVMM_STATE_MIGRATING] = "migrating", [CVMM_STATE_UNDECIDED] = "undecided",
	};
	struct vsu_json to = { .to = answer, .more = true };
	struct vmm_machine *m = c->machine->machine;
	struct cvmm_statistics s = { .size = sizeof(s) };
	int rc = cvmm_machine_get_statistics(c->machine, &s, err);

	(void)words;
	if (rc < 0)
		return rc;
	vsu_json_u64(&to, "cpus", s.cpus);
	vsu_json_u64(&to, "max_cpus", s.max_cpus);
	vsu_json_bool(&to, "paused", s.paused);
	vsu_json_text(&to, "state", states[s.state]);
	write_text(&to, "name", s.name);
	vsu_json_text(&to, "version", PACKAGE_VERSION);
	vsu_json_text(&to, "kernel", s.kernel);
	write_text(&to, "initrd", m->config->initrd);
	if (m->pause.save)
		vmm_progress_write_save(&s.progress, &to);
	write_cpus(m, &to);
	vmm_memory_report(m, &to);
	write_devices(m, &to);
	write_counters(&s, &to);
	vmm_progress_write_migration(&s.progress, &to);
	vmm_postcopy_report(m, &to);
	return 0;
}
