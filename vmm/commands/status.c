/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The reply of "status": state of the machine, and of its devices. */
#include <config.h>

#include <endian.h>
#include <errno.h>

#include <virtio-devices/latency.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/json.h>

#include "commands/memory_report.h"
#include "commands/status.h"
#include "machine/events.h"
#include "machine/sharing.h"
#include "run/plug.h"
#include "virtio/queue_names.h"
#include "transfer/migrate.h"
#include "transfer/postcopy.h"
#include "transfer/save.h"

#define MAX_STATS 64u
/* Of a device; limits the reply, which is sent at once. */
#define MAX_RINGS 64u

void vmm_status_write_numbers(const struct vmm_device *d, struct vsu_json *to)
{
	struct virtdev_stat stats[MAX_STATS];
	uint32_t i, n = vmm_virtio_stats(d->virtio, stats, MAX_STATS);

	vsu_json_open(to, "numbers", '{');
	for (i = 0; i < n && i < MAX_STATS; i++)
		vsu_json_u64(to, stats[i].name, stats[i].value);
	vsu_json_close(to, '}');
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
	write_text(to, "name", vmm_own_name(d->spec.kind, d->spec.config));
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
		vmm_status_write_numbers(d, to);
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
		if (!vmm_status_is_present(d))
			continue;
		write_device(m, d, to);
		vmm_status_refresh(d);
	}
	vsu_json_close(to, ']');
}

static bool is_paused(const struct vmm_machine *m)
{
	return m->pause.life.guest != VMM_RUNS || vmm_migrate_hand_over(m) == VMM_UNKNOWN;
}

/* Damage, which lasts, precedes a job. Other jobs are those of a guest that runs or not. */
static enum cvmm_state state_of(const struct vmm_machine *m)
{
	static const enum cvmm_state states[VMM_NACTIVITIES] = {
		[VMM_RUNS] = CVMM_STATE_RUNNING, [VMM_PAUSED] = CVMM_STATE_PAUSED,
		[VMM_DAMAGED] = CVMM_STATE_DAMAGED, [VMM_SAVES] = CVMM_STATE_SAVING,
		[VMM_MIGRATES] = CVMM_STATE_MIGRATING, [VMM_ENDED] = CVMM_STATE_ENDED,
	};
	const struct vmm_life *l = &m->pause.life;

	if (l->now == VMM_ENDED || l->now == VMM_IS_MADE)
		return states[l->now];
	if (vmm_migrate_hand_over(m) == VMM_UNKNOWN && l->guest != VMM_DAMAGED)
		return CVMM_STATE_UNDECIDED;
	return states[l->guest == VMM_DAMAGED || !states[l->now] ? l->guest : l->now];
}

static void write_cpus(const struct vmm_machine *m, struct vsu_json *to)
{
	struct vmm_cpu_counts c;
	unsigned int i;

	vsu_json_open(to, "vcpus", '[');
	for (i = 0; i < vmm_cpus_number(m->cpus); i++) {
		vmm_cpus_count(m->cpus, i, &c);
		vsu_json_open(to, NULL, '{');
		vsu_json_u64(to, "exits", c.io + c.mmio + c.interrupted + c.other);
		vsu_json_u64(to, "io", c.io);
		vsu_json_u64(to, "mmio", c.mmio);
		vsu_json_u64(to, "interrupted", c.interrupted);
		vsu_json_close(to, '}');
	}
	vsu_json_close(to, ']');
}

static uint64_t count_repairs(struct vmm_machine *m)
{
	uint64_t repairs;

	pthread_mutex_lock(&m->memory.repairing);
	repairs = m->memory.repairs;
	pthread_mutex_unlock(&m->memory.repairing);
	return repairs;
}

static uint64_t count_exits(const struct vmm_machine *m)
{
	struct vmm_cpu_counts c;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < vmm_cpus_number(m->cpus); i++) {
		vmm_cpus_count(m->cpus, i, &c);
		sum += c.io + c.mmio + c.interrupted + c.other;
	}
	return sum;
}

void vmm_status_read(struct vmm_machine *m, struct cvmm_statistics *out)
{
	*out = (struct cvmm_statistics){
		.size = sizeof(*out), .state = state_of(m), .paused = is_paused(m),
		.cpus = vmm_cpus_number(m->cpus), .max_cpus = m->config->cpus.max, .devices = m->ndevices,
		.age_ns = vsu_now_ns() - m->power.start_ns,
		.uptime_ns = vsu_now_ns() - m->made_ns,
		.paused_ns = vmm_cpus_paused_ns(m->cpus),
		.arriving = vmm_postcopy_left(m), .exits = count_exits(m),
		.lost_devices = m->lost, .memory_repairs = count_repairs(m),
		.memory_conversions = m->private_memory.conversions,
		.memory_failed_conversions = m->private_memory.failed,
		.window_changes = m->shmem.changes,
		.console_lost_bytes = vmm_console_dropped(m->console),
		.serial_unrecorded_bytes = vmm_console_unrecorded(m->console),
		.name = m->config->name, .kernel = m->config->kernel,
	};
	vmm_memory_count(m, &out->memory, &out->present);
	vmm_save_progress(m, &out->progress);
	vmm_migrate_progress(m, &out->progress);
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

int vmm_status_command(void *machine, char *const *words, FILE *answer,
		       struct vsu_error *err)
{
	static const char *const states[] = {
		[CVMM_STATE_RUNNING] = "running", [CVMM_STATE_PAUSED] = "paused",
		[CVMM_STATE_DAMAGED] = "damaged", [CVMM_STATE_SAVING] = "saving",
		[CVMM_STATE_MIGRATING] = "migrating", [CVMM_STATE_UNDECIDED] = "undecided",
	};
	struct vsu_json to = { .to = answer, .more = true };
	struct vmm_machine *m = machine;
	struct cvmm_statistics s;

	(void)words;
	(void)err;
	vmm_status_read(m, &s);
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

int vmm_status_device(const struct vmm_machine *m, unsigned int number,
		      struct cvmm_device *out, struct vsu_error *err)
{
	const struct vmm_device *d = number < m->ndevices ? &m->devices[number] : NULL;

	if (!d || !vmm_status_is_present(d))
		return vsu_error_set(err, -ENOENT, "no device has the number %u", number);
	*out = (struct cvmm_device){
		.size = sizeof(*out), .kind = d->spec.kind ? d->spec.kind->name : NULL,
		.id = d->spec.id, .slot = d->slot, .coming = d->coming != NULL,
		.leaving = vmm_machine_is_leaving(m, d),
		.name = vmm_own_name(d->spec.kind, d->spec.config),
		.file = vmm_device_file(&d->spec),
	};
	return 0;
}
