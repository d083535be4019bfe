/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Devices of a machine for its owner: what they are, their rings, statistics and latencies. */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <virtio-devices/latency.h>
#include <vm-memory/access.h>

#include "api/results.h"
#include "config/device_option.h"
#include "machine/sharing.h"
#include "run/plug.h"

#define MAX_STATS 64u

static int find_device(const struct cvmm_machine *m, unsigned int number,
		       const struct vmm_device **out, struct vsu_error *err)
{
	const struct vmm_device *d;
	int rc = cvmm_priv_check_made(m, err);

	if (rc < 0)
		return rc;
	d = number < m->machine->ndevices ? &m->machine->devices[number] : NULL;
	if (!d || (!d->virtio && !d->coming))
		return vsu_error_set(err, -ENOENT, "no device has the number %u", number);
	*out = d;
	return 0;
}

/* A device that the guest can have. */
static int find_complete(const struct cvmm_machine *m, unsigned int number,
			 const struct vmm_device **out, struct vsu_error *err)
{
	int rc = find_device(m, number, out, err);

	return !rc && (*out)->coming ? vsu_error_set(err, -ENOENT, "device %u is not complete", number) : rc;
}

/* The process that serves the queues. */
static const char *server_name(const struct vmm_device_spec *spec)
{
	return spec->spawned ? "spawn" : spec->remote ? "user" : spec->kernel ? "kernel" : "inline";
}

int cvmm_machine_get_device(struct cvmm_machine *m, unsigned int number,
			    struct cvmm_device *out, struct vsu_error *err)
{
	int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_device", err);
	const struct vmm_device *d = NULL;
	struct cvmm_device r;

	if (!rc)
		rc = find_device(m, number, &d, err);
	if (rc < 0)
		return rc;
	r = (struct cvmm_device){
		.kind = d->spec.kind ? d->spec.kind->name : NULL,
		.id = d->spec.id, .slot = d->slot, .coming = d->coming != NULL,
		.leaving = vmm_machine_is_leaving(m->machine, d),
		.name = devkind_own_name(d->spec.kind, d->spec.config),
		.file = vmm_device_file(&d->spec),
		.option = vmm_device_shorthand(d->spec.kind),
		.process = d->virtio ? vmm_virtio_process(d->virtio) : 0,
		.gpa = d->gpa, .irq = d->irq, .server = server_name(&d->spec),
		.socket = d->spec.remote ? d->spec.socket : NULL,
	};
	cvmm_priv_copy_result(out, out->size, &r, sizeof(r));
	return 0;
}

/* Indices of a split ring are in the guest's memory, whoever serves it. */
static bool read_indices(const struct vmm_machine *m, const struct vq_config *config,
			 struct cvmm_ring *out)
{
	const struct vmem_view *view = vmem_map_view(vmm_memory_map(&m->memory));
	uint16_t available, used;

	if (config->features & VQ_F_RING_PACKED ||
	    vmem_load_u16(view, config->driver_gpa + 2, &available, __ATOMIC_RELAXED) < 0 ||
	    vmem_load_u16(view, config->device_gpa + 2, &used, __ATOMIC_RELAXED) < 0)
		return false;
	out->available = le16toh(available);
	out->used = le16toh(used);
	return true;
}

static void read_ring(const struct vmm_machine *m, const struct vmm_device *d, uint32_t ring,
		      struct cvmm_ring *out)
{
	struct virtdev_transport *t = vmm_virtio_transport(d->virtio);
	struct virtdev *dev = virtdev_transport_device(t);
	char text[VIRTDEV_QUEUE_NAME_MAX];
	struct vq_config config;
	const char *name;

	if (!virtdev_transport_queue(t, ring, &config))
		return;
	name = virtdev_queue_name(d->spec.id, ring, virtdev_get_info(dev)->nqueues, text);
	snprintf(out->name, sizeof(out->name), "%s", name ? name : "");
	out->ready = true;
	out->entries = config.size;
	out->has_indices = read_indices(m, &config, out);
	out->has_depth = !virtdev_queue_depth(dev, ring, &out->in_flight, &out->max_in_flight);
}

int cvmm_machine_get_ring(struct cvmm_machine *m, unsigned int device, unsigned int ring,
			  struct cvmm_ring *out, struct vsu_error *err)
{
	int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_ring", err);
	struct cvmm_ring r = { .ready = false };
	const struct vmm_device *d = NULL;

	if (!rc)
		rc = find_complete(m, device, &d, err);
	if (rc < 0)
		return rc;
	if (ring >= virtdev_get_info(virtdev_transport_device(vmm_virtio_transport(d->virtio)))->nqueues)
		return vsu_error_set(err, -ENOENT, "device %u has no queue %u", device, ring);
	vmm_virtio_lock(d->virtio);
	read_ring(m->machine, d, ring, &r);
	vmm_virtio_unlock(d->virtio);
	cvmm_priv_copy_result(out, out->size, &r, sizeof(r));
	return 0;
}

/* Newer statistics arrive later, and the next call has them. */
static void refresh(const struct vmm_device *d)
{
	const struct devkind *kind = d->spec.kind;

	if (!vmm_machine_local_device(d) || !kind->refresh)
		return;
	vmm_virtio_lock(d->virtio);
	kind->refresh(vmm_machine_local_device(d));
	vmm_virtio_unlock(d->virtio);
}

int cvmm_machine_get_counters(struct cvmm_machine *m, unsigned int device,
			      struct cvmm_counter *counters, unsigned int max, unsigned int *n,
			      struct vsu_error *err)
{
	struct virtdev_stat stats[MAX_STATS];
	const struct vmm_device *d;
	uint32_t i, all;
	int rc = find_complete(m, device, &d, err);

	if (rc < 0)
		return rc;
	all = vmm_virtio_stats(d->virtio, stats, MAX_STATS);
	*n = all < MAX_STATS ? all : MAX_STATS;
	for (i = 0; i < *n && i < max; i++)
		counters[i] = (struct cvmm_counter){ stats[i].name, stats[i].value };
	refresh(d);
	return 0;
}

int cvmm_machine_get_latency(struct cvmm_machine *m, unsigned int device, unsigned int kind,
			     struct cvmm_latency *out, struct vsu_error *err)
{
	_Static_assert(CVMM_LATENCY_BUCKETS == VIRTDEV_LATENCY_BUCKETS, "buckets of the public header");
	int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_latency", err);
	const struct vmm_device *d = NULL;
	struct virtdev_histogram h;
	struct cvmm_latency r = { .size = 0 };

	if (!rc)
		rc = find_complete(m, device, &d, err);
	if (rc < 0)
		return rc;
	r.request = virtdev_latency(virtdev_transport_device(vmm_virtio_transport(d->virtio)), kind, &h);
	if (!r.request)
		return vsu_error_set(err, -ENOENT, "device %u measures no requests of kind %u", device, kind);
	r.nanoseconds = h.sum;
	memcpy(r.buckets, h.buckets, sizeof(r.buckets));
	cvmm_priv_copy_result(out, out->size, &r, sizeof(r));
	return 0;
}
