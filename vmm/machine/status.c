/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The reply of "status": state of the machine, and of its devices. */
#include <config.h>

#include <endian.h>

#include <virtio-devices/latency.h>
#include <vm-memory/access.h>

#include "json.h"
#include "machine/memory_report.h"
#include "machine/migrate.h"
#include "machine/plug.h"
#include "machine/postcopy.h"
#include "machine/sharing.h"
#include "machine/save.h"
#include "machine/status.h"

#define MAX_STATS 64u
/* Of a device; limits the reply, which is sent at once. */
#define MAX_RINGS 64u

void vmm_status_write_numbers(const struct vmm_device *d, struct prog_json *to)
{
	struct virtdev_stat stats[MAX_STATS];
	uint32_t i, n = vmm_virtio_stats(d->virtio, stats, MAX_STATS);

	prog_json_open(to, "numbers", '{');
	for (i = 0; i < n && i < MAX_STATS; i++)
		prog_json_u64(to, stats[i].name, stats[i].value);
	prog_json_close(to, '}');
}

/* Newer statistics arrive later and are part of the next reply. */
void vmm_status_refresh(struct vmm_device *d)
{
	const struct vmm_device_kind *kind = d->spec.kind;

	if (!vmm_machine_local_device(d) || !kind->refresh)
		return;
	vmm_virtio_lock(d->virtio);
	kind->refresh(vmm_machine_local_device(d));
	vmm_virtio_unlock(d->virtio);
}

bool vmm_status_is_present(const struct vmm_device *d)
{
	return d->virtio || d->coming;
}

/* Indices of a split ring are in the guest's memory, whoever serves it. */
static void write_indices(const struct vmm_machine *m,
			  const struct vq_config *config, struct prog_json *to)
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
	prog_json_u64(to, "available", le16toh(available));
	prog_json_u64(to, "used", le16toh(used));
}

static void write_depth(struct virtdev *dev, uint32_t queue, struct prog_json *to)
{
	uint64_t depth, highest;

	if (virtdev_queue_depth(dev, queue, &depth, &highest) < 0)
		return;
	prog_json_u64(to, "in_flight", depth);
	prog_json_u64(to, "max_in_flight", highest);
}

static void write_rings(const struct vmm_machine *m, const struct vmm_device *d,
			struct prog_json *to)
{
	struct virtdev_transport *t = vmm_virtio_transport(d->virtio);
	struct virtdev *dev = virtdev_transport_device(t);
	const uint32_t n = virtdev_get_info(dev)->nqueues;
	struct vq_config config;
	uint32_t i;

	prog_json_open(to, "rings", '[');
	vmm_virtio_lock(d->virtio);
	for (i = 0; i < n && i < MAX_RINGS; i++) {
		if (!virtdev_transport_queue(t, i, &config))
			continue;
		prog_json_open(to, NULL, '{');
		prog_json_u64(to, "ring", i);
		prog_json_u64(to, "size", config.size);
		write_indices(m, &config, to);
		write_depth(dev, i, to);
		prog_json_close(to, '}');
	}
	vmm_virtio_unlock(d->virtio);
	prog_json_close(to, ']');
}

static void write_histogram(const char *request, const struct virtdev_histogram *h,
			    struct prog_json *to)
{
	uint32_t i;

	prog_json_open(to, NULL, '{');
	prog_json_text(to, "request", request);
	prog_json_u64(to, "nanoseconds", h->sum);
	prog_json_open(to, "buckets", '[');
	for (i = 0; i < VIRTDEV_LATENCY_BUCKETS; i++)
		prog_json_u64(to, NULL, h->buckets[i]);
	prog_json_close(to, ']');
	prog_json_close(to, '}');
}

static void write_latency(const struct vmm_device *d, struct prog_json *to)
{
	const struct virtdev *dev = virtdev_transport_device(vmm_virtio_transport(d->virtio));
	struct virtdev_histogram h;
	const char *request;
	uint32_t kind;

	for (kind = 0; (request = virtdev_latency(dev, kind, &h)); kind++) {
		if (!kind)
			prog_json_open(to, "latency", '[');
		write_histogram(request, &h, to);
	}
	if (kind)
		prog_json_close(to, ']');
}

static void write_device(const struct vmm_machine *m, const struct vmm_device *d,
			 struct prog_json *to)
{
	prog_json_open(to, NULL, '{');
	prog_json_u64(to, "device", (uint64_t)(d - m->devices));
	prog_json_u64(to, "id", d->spec.id);
	if (d->spec.kind)
		prog_json_text(to, "kind", d->spec.kind->name);
	if (d->slot)
		prog_json_u64(to, "slot", d->slot);
	if (d->virtio && vmm_virtio_process(d->virtio))
		prog_json_i64(to, "pid", vmm_virtio_process(d->virtio));
	if (vmm_machine_is_leaving(m, d))
		prog_json_bool(to, "leaving", true);
	if (d->coming) {
		prog_json_bool(to, "coming", true);
	} else {
		write_rings(m, d, to);
		vmm_status_write_numbers(d, to);
		write_latency(d, to);
	}
	prog_json_close(to, '}');
}

static void write_devices(struct vmm_machine *m, struct prog_json *to)
{
	struct vmm_device *d;
	unsigned int i;

	prog_json_open(to, "devices", '[');
	for (i = 0; i < m->ndevices; i++) {
		d = &m->devices[i];
		if (!vmm_status_is_present(d))
			continue;
		write_device(m, d, to);
		vmm_status_refresh(d);
	}
	prog_json_close(to, ']');
}

static bool is_paused(const struct vmm_machine *m)
{
	return m->pause.life.guest != VMM_RUNS || vmm_migrate_hand_over(m) == VMM_UNKNOWN;
}

/* Damage, which lasts, precedes a job. */
static const char *state_of(const struct vmm_machine *m)
{
	static const char *const words[VMM_NACTIVITIES] = {
		[VMM_RUNS] = "running", [VMM_PAUSED] = "paused", [VMM_DAMAGED] = "damaged",
		[VMM_SAVES] = "saving", [VMM_MIGRATES] = "migrating",
	};
	const struct vmm_life *l = &m->pause.life;

	if (vmm_migrate_hand_over(m) == VMM_UNKNOWN && l->guest != VMM_DAMAGED)
		return "undecided";
	return words[l->guest == VMM_DAMAGED || !words[l->now] ? l->guest : l->now];
}

static void write_cpus(const struct vmm_machine *m, struct prog_json *to)
{
	struct vmm_cpu_counts c;
	unsigned int i;

	prog_json_open(to, "vcpus", '[');
	for (i = 0; i < m->config->cpus; i++) {
		vmm_cpus_count(m->cpus, i, &c);
		prog_json_open(to, NULL, '{');
		prog_json_u64(to, "exits", c.io + c.mmio + c.interrupted + c.other);
		prog_json_u64(to, "io", c.io);
		prog_json_u64(to, "mmio", c.mmio);
		prog_json_u64(to, "interrupted", c.interrupted);
		prog_json_close(to, '}');
	}
	prog_json_close(to, ']');
}

static void write_counters(struct vmm_machine *m, struct prog_json *to)
{
	uint64_t repairs;

	pthread_mutex_lock(&m->memory.repairing);
	repairs = m->memory.repairs;
	pthread_mutex_unlock(&m->memory.repairing);
	prog_json_open(to, "counters", '{');
	prog_json_u64(to, "lost_devices", m->lost);
	prog_json_u64(to, "memory_repairs", repairs);
	prog_json_u64(to, "memory_conversions", m->private_memory.conversions);
	prog_json_u64(to, "memory_failed_conversions", m->private_memory.failed);
	prog_json_u64(to, "window_changes", m->shmem.changes);
	prog_json_u64(to, "console_lost_bytes", vmm_console_dropped(m->console));
	prog_json_close(to, '}');
}

static void write_saving(struct vmm_machine *m, struct prog_json *to)
{
	uint64_t done, total;

	if (!vmm_save_progress(m, &done, &total))
		return;
	prog_json_open(to, "saving", '{');
	prog_json_u64(to, "done", done);
	prog_json_u64(to, "total", total);
	prog_json_close(to, '}');
}

int vmm_status_command(void *machine, char *const *words, FILE *answer,
		       struct vsu_error *err)
{
	struct prog_json to = { .to = answer, .more = true };
	struct vmm_machine *m = machine;

	(void)words;
	(void)err;
	prog_json_u64(&to, "cpus", m->config->cpus);
	prog_json_bool(&to, "paused", is_paused(m));
	prog_json_text(&to, "state", state_of(m));
	write_saving(m, &to);
	write_cpus(m, &to);
	vmm_memory_report(m, &to);
	write_devices(m, &to);
	write_counters(m, &to);
	vmm_migrate_report(m, &to);
	vmm_postcopy_report(m, &to);
	return 0;
}
