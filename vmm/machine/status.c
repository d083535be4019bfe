/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The reply of "status": state of the machine, and of its devices. */
#include <config.h>

#include <endian.h>
#include <inttypes.h>

#include <virtio-devices/latency.h>
#include <vm-memory/access.h>

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

void vmm_status_write_numbers(const struct vmm_device *d, FILE *to)
{
	struct virtdev_stat stats[MAX_STATS];
	uint32_t i, n = vmm_virtio_stats(d->virtio, stats, MAX_STATS);

	fputs(",\"numbers\":{", to);
	for (i = 0; i < n && i < MAX_STATS; i++)
		fprintf(to, "%s\"%s\":%" PRIu64, i ? "," : "", stats[i].name,
			stats[i].value);
	fputc('}', to);
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
			  const struct vq_config *config, FILE *to)
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
	fprintf(to, ",\"available\":%u,\"used\":%u", le16toh(available),
		le16toh(used));
}

static void write_depth(struct virtdev *dev, uint32_t queue, FILE *to)
{
	uint64_t depth, highest;

	if (virtdev_queue_depth(dev, queue, &depth, &highest) == 0)
		fprintf(to, ",\"in_flight\":%" PRIu64 ",\"max_in_flight\":%" PRIu64, depth,
			highest);
}

static void write_rings(const struct vmm_machine *m, const struct vmm_device *d,
			FILE *to)
{
	struct virtdev_transport *t = vmm_virtio_transport(d->virtio);
	struct virtdev *dev = virtdev_transport_device(t);
	const uint32_t n = virtdev_get_info(dev)->nqueues;
	struct vq_config config;
	const char *comma = "";
	uint32_t i;

	fputs(",\"rings\":[", to);
	vmm_virtio_lock(d->virtio);
	for (i = 0; i < n && i < MAX_RINGS; i++) {
		if (!virtdev_transport_queue(t, i, &config))
			continue;
		fprintf(to, "%s{\"ring\":%" PRIu32 ",\"size\":%" PRIu32, comma,
			i, config.size);
		write_indices(m, &config, to);
		write_depth(dev, i, to);
		fputc('}', to);
		comma = ",";
	}
	vmm_virtio_unlock(d->virtio);
	fputc(']', to);
}

static void write_latency(const struct vmm_device *d, FILE *to)
{
	const struct virtdev *dev = virtdev_transport_device(vmm_virtio_transport(d->virtio));
	struct virtdev_histogram h;
	const char *request;
	uint32_t kind, i;

	for (kind = 0; (request = virtdev_latency(dev, kind, &h)); kind++) {
		fprintf(to, "%s{\"request\":\"%s\",\"nanoseconds\":%" PRIu64 ",\"buckets\":[",
			kind ? "," : ",\"latency\":[", request, h.sum);
		for (i = 0; i < VIRTDEV_LATENCY_BUCKETS; i++)
			fprintf(to, "%s%" PRIu64, i ? "," : "", h.buckets[i]);
		fputs("]}", to);
	}
	if (kind)
		fputc(']', to);
}

static void write_device(const struct vmm_machine *m, const struct vmm_device *d,
			 FILE *to)
{
	fprintf(to, "{\"device\":%u,\"id\":%" PRIu32,
		(unsigned int)(d - m->devices), d->spec.id);
	if (d->spec.kind)
		fprintf(to, ",\"kind\":\"%s\"", d->spec.kind->name);
	if (d->slot)
		fprintf(to, ",\"slot\":%u", d->slot);
	if (d->virtio && vmm_virtio_process(d->virtio))
		fprintf(to, ",\"pid\":%d", (int)vmm_virtio_process(d->virtio));
	if (vmm_machine_is_leaving(m, d))
		fputs(",\"leaving\":true", to);
	if (d->coming) {
		fputs(",\"coming\":true", to);
	} else {
		write_rings(m, d, to);
		vmm_status_write_numbers(d, to);
		write_latency(d, to);
	}
	fputc('}', to);
}

static void write_devices(struct vmm_machine *m, FILE *to)
{
	struct vmm_device *d;
	unsigned int i, n = 0;

	fputs(",\"devices\":[", to);
	for (i = 0; i < m->ndevices; i++) {
		d = &m->devices[i];
		if (!vmm_status_is_present(d))
			continue;
		if (n++)
			fputc(',', to);
		write_device(m, d, to);
		vmm_status_refresh(d);
	}
	fputc(']', to);
}

static bool is_paused(const struct vmm_machine *m)
{
	return m->pause.for_good || m->pause.by_user ||
	       vmm_migrate_is_undecided(m);
}

/* The first that applies. */
static const char *state_of(const struct vmm_machine *m)
{
	return m->pause.for_good ? "damaged" :
	       m->pause.save ? "saving" :
	       vmm_migrate_is_undecided(m) ? "undecided" :
	       m->pause.migration ? "migrating" :
	       m->pause.by_user ? "paused" : "running";
}

static void write_cpus(const struct vmm_machine *m, FILE *to)
{
	struct vmm_cpu_counts c;
	unsigned int i;

	fputs(",\"vcpus\":[", to);
	for (i = 0; i < m->options->cpus; i++) {
		vmm_cpus_count(m->cpus, i, &c);
		fprintf(to, "%s{\"exits\":%" PRIu64 ",\"io\":%" PRIu64
			",\"mmio\":%" PRIu64 ",\"interrupted\":%" PRIu64 "}",
			i ? "," : "", c.io + c.mmio + c.interrupted + c.other,
			c.io, c.mmio, c.interrupted);
	}
	fputc(']', to);
}

static void write_counters(struct vmm_machine *m, FILE *to)
{
	uint64_t repairs;

	pthread_mutex_lock(&m->memory.repairing);
	repairs = m->memory.repairs;
	pthread_mutex_unlock(&m->memory.repairing);
	fprintf(to, ",\"counters\":{\"lost_devices\":%u,\"memory_repairs\":%" PRIu64
		",\"memory_conversions\":%" PRIu64
		",\"memory_failed_conversions\":%" PRIu64 ",\"window_changes\":%" PRIu64
		",\"console_lost_bytes\":%" PRIu64 "}",
		m->lost, repairs, m->private_memory.conversions,
		m->private_memory.failed, m->shmem.changes,
		vmm_console_dropped(m->console));
}

int vmm_status_command(void *machine, char *const *words, FILE *answer,
		       struct vsu_error *err)
{
	struct vmm_machine *m = machine;
	uint64_t done, total;

	(void)words;
	(void)err;
	fprintf(answer, ",\"cpus\":%u,\"paused\":%s,\"state\":\"%s\"",
		m->options->cpus, is_paused(m) ? "true" : "false", state_of(m));
	if (vmm_save_progress(m, &done, &total))
		fprintf(answer, ",\"saving\":{\"done\":%" PRIu64 ",\"total\":%" PRIu64 "}",
			done, total);
	write_cpus(m, answer);
	vmm_memory_report(m, answer);
	write_devices(m, answer);
	write_counters(m, answer);
	vmm_migrate_report(m, answer);
	vmm_postcopy_report(m, answer);
	return 0;
}
