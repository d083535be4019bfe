/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Queues served in this process's event loop, and the device's memory regions.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <device-kinds/latency.h>
#include <device-kinds/workers.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/report.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "owner/owner.h"
#include "virtio/virtio.h"

/*
 * Time limit at the end of the machine for requests in progress. A guest that
 * shut down has already waited for them.
 */
#define STOP_LIMIT_MS 1000

struct local {
	struct vmm_virtio *v;
	const struct vmm_virtio_resources *resources;	/* of v */
	struct virtdev *dev;
	struct virtdev_server *server;
	struct devkind_workers *workers;	/* serve its requests; or NULL */
	struct virtdev_measured *measured;	/* used by dev; or NULL */
	uint64_t refused;	/* requests with a buffer outside of shared memory */
	bool reported;		/* one of them was logged */
	struct vsu_io ready;
};

/* ------------------------------------------------------------------ regions */

/* Without a block to replace, an existing mapping is an error. */
static int set_window(const struct local *l, const struct virtdev_mapping *m,
		      struct vmem_block *block)
{
	struct vhost_user_shmem_change add = {
		.offset = m->offset, .len = m->len, .block = block,
		.shmid = m->region, .map = true,
	};

	if (!block || m->replaces)
		return vmm_window_set(l->resources->shmem, l->v, m->region, m->offset, m->len,
				     block);
	vmm_window_change(l->resources->shmem, l->v, &add, 1);
	return add.result;
}

/* The last host page of a file is mapped completely; its rest reads as zeros. */
static int make_block(const struct local *l, const struct virtdev_mapping *m,
		      struct vmem_block **block)
{
	struct vmem_fd_desc desc = {
		.fd_offset = m->fd_offset, .len = m->len,
		.flags = VMEM_BLOCK_SHARED |
			 (m->writable ? VMEM_BLOCK_WRITE : 0),
		.sigbus = l->resources->shmem->memory->sigbus,
	};
	struct vmem_fd_facts facts;
	int rc = vmem_fd_look(m->fd, &facts);

	if (rc < 0)
		return rc;
	if (vsu_align_up_overflow(facts.size, (uint64_t)sysconf(_SC_PAGESIZE), &facts.size))
		facts.size = UINT64_MAX;
	desc.fd = vsu_fd_dup(m->fd);
	if (desc.fd < 0)
		return desc.fd;
	rc = vmem_block_new_take_known_fd(&desc, &facts, block, NULL);
	if (rc < 0)
		vsu_fd_close(&desc.fd);
	return rc;
}

static int on_region_change(void *opaque, bool map,
			    const struct virtdev_mapping *m, uint64_t cookie)
{
	struct local *l = opaque;
	struct vmem_block *block = NULL;
	int rc = map ? make_block(l, m, &block) : 0;
	bool locked;

	(void)cookie;
	if (!rc) {
		/* the model holds no lock of its own in this call: the device's comes first */
		locked = vmm_virtio_yield(l->v);
		rc = set_window(l, m, block);
		if (locked)
			vmm_virtio_lock(l->v);
	}
	if (block)
		vmem_block_unref(block);
	return rc;
}

static int on_region_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	const struct local *l = opaque;
	const struct vmm_window *w = vmm_window_find(l->resources->shmem, l->v, region);

	if (!w)
		return -EINVAL;
	*gpa = w->gpa;
	return 0;
}

/* Regions that the transport exposes are adjacent; each other region is alone. */
static int make_windows(struct local *l, struct vsu_error *err)
{
	const struct virtdev_info *info = virtdev_get_info(l->dev);
	struct vmm_windows *shmem = l->resources->shmem;
	struct vmm_window_size sizes[VIRTDEV_REGIONS], size;
	const char *name = virtdev_name(l->dev);
	unsigned int i, n = 0;
	int rc = 0;

	for (i = 0; !rc && i < info->nregions; i++) {
		size = (struct vmm_window_size){
			.len = info->regions[i].len, .shmid = info->regions[i].id,
			.apart = info->regions[i].flags & VIRTDEV_REGION_APART,
		};
		size.plugged = size.apart && info->id == VIRTDEV_ID_MEMORY;
		if (size.apart)
			rc = vmm_window_add_range(shmem, l->v, name, &size, 1, err);
		else
			sizes[n++] = size;
	}
	return rc ? rc : vmm_window_add_range(shmem, l->v, name, sizes, n, err);
}

static void report_refused(struct local *l, const struct vq_fault *fault)
{
	if (l->reported || !vmem_gpa_set_count(&l->resources->private_memory->ranges,
						     fault->gpa, fault->len))
		return;
	l->reported = true;
	vmm_log(l->resources->log, CVMM_LOG_WARNING, "private",
		 "the guest requested access of a %s device to %" PRIu32 " bytes at %#" PRIx64 ", which are private memory; such requests fail (refused_buffers)",
		 virtdev_name(l->dev), fault->len, fault->gpa);
}

static void count_refused(struct local *l)
{
	struct vq_fault fault;
	uint32_t i;

	l->refused = 0;
	for (i = 0; i < virtdev_get_info(l->dev)->nqueues; i++) {
		l->refused += virtdev_server_faults(l->server, i, &fault);
		if (fault.why && fault.why != VQ_FAULT_WRAPS)
			report_refused(l, &fault);
	}
}

static uint32_t local_stats(void *backend, struct virtdev_stat *stats,
			    uint32_t max)
{
	const struct local *l = backend;
	uint32_t n = virtdev_stats(l->dev, stats, max);

	if (l->resources->private_memory && n < max)
		stats[n++] = (struct virtdev_stat){ "refused_buffers", l->refused };
	return n;
}

/* -------------------------------------------------------------------- turns */

/*
 * The descriptor remains readable while there is more to do; other watchers run
 * in between.
 */
static void on_ready(void *opaque)
{
	struct local *l = opaque;

	vmm_virtio_lock(l->v);
	virtdev_server_dispatch(l->server);
	if (l->resources->private_memory)
		count_refused(l);
	vmm_virtio_unlock(l->v);
}

/* The event loop has ended, so this blocks, for a limited time. */
static bool stop_by_force(struct local *l)
{
	const uint64_t limit = vsu_now_ns() +
			       STOP_LIMIT_MS * UINT64_C(1000000);
	struct pollfd p = { .fd = virtdev_server_fd(l->server),
			    .events = POLLIN };
	int rc;

	vmm_virtio_lock(l->v);
	while ((rc = virtdev_server_stop(l->server)) && vsu_now_ns() < limit) {
		poll(&p, 1, STOP_LIMIT_MS);
		virtdev_server_dispatch(l->server);
	}
	vmm_virtio_unlock(l->v);
	return !rc;
}

/*
 * Memory that the host may still write to cannot be freed; the end of the
 * process releases it.
 */
static void local_free(void *backend)
{
	struct local *l = backend;

	vsu_io_stop(&l->ready);
	if (!stop_by_force(l)) {
		vmm_log(l->resources->log, CVMM_LOG_WARNING, NULL, "the host has not finished requests of a %s device within %d ms; they are abandoned",
			virtdev_name(l->dev), STOP_LIMIT_MS);
		(void)!virtdev_set_server(l->dev, NULL, NULL);
		virtdev_set_report(l->dev, NULL, NULL);
		return;
	}
	virtdev_server_free(l->server);
	devkind_workers_end(l->workers);
	if (l->resources->borrows)
		virtdev_set_report(l->dev, NULL, NULL);
	else
		virtdev_free(l->dev);
	vmm_window_disown(l->resources->shmem, l->v);
	free(l->measured);
	free(l);
}

static const struct vmm_virtio_backend local_ops = {
	.stats = local_stats, .free = local_free,
};

static const struct virtdev_server_ops region_ops = {
	.size = sizeof(region_ops), .region_change = on_region_change,
	.region_address = on_region_address,
};

static int make_local(const struct vmm_virtio_resources *resources, struct local *l,
		      struct vsu_error *err)
{
	int rc = resources->measures && !resources->borrows ? devkind_latency_measure(l->dev, &l->measured) : 0;

	if (rc < 0)
		return vsu_error_sys(err, rc, "device");
	rc = vmm_virtio_new(resources, l->dev, &local_ops, &l->v, err);
	if (rc < 0)
		return rc;
	l->resources = vmm_virtio_get_resources(l->v);
	rc = virtdev_inline_new(vmm_virtio_transport(l->v), resources->space, &region_ops, l,
				&l->server, err);
	if (!rc)
		rc = make_windows(l, err);
	if (rc < 0) {
		virtdev_server_free(l->server);
		vmm_virtio_free(l->v);
	}
	return rc;
}

int vmm_virtio_local(const struct vmm_virtio_resources *resources, struct virtdev *dev,
		     struct devkind_workers *workers, struct vmm_virtio **out,
		     struct vsu_error *err)
{
	struct local *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return vsu_error_sys(err, -ENOMEM, "device");
	l->dev = dev;
	rc = make_local(resources, l, err);
	if (rc < 0) {
		free(l->measured);
		free(l);
		return rc;
	}
	l->workers = workers;
	vsu_io_init(&l->ready, on_ready, l, virtdev_server_fd(l->server), VSU_IO_READ);
	vsu_io_start(resources->loop, &l->ready);
	vmm_virtio_set_backend(l->v, l, l->server);
	*out = l->v;
	return 0;
}
