/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device whose queues the host's kernel serves: started, stopped, told of memory. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "virtio/kernel.h"
#include "virtio/rings.h"

struct kernel_end {
	struct vmm_virtio *v;
	struct vmm_shmem *shmem;
	struct virtdev_vhost_kern *kern;
	struct vmm_rings rings;
};

static const char *node_of(const struct kernel_end *e)
{
	return vhost_kern_name(virtdev_vhost_kern_kernel(e->kern));
}

static int give_map(struct kernel_end *e, bool with_windows,
		    struct vsu_error *err)
{
	struct vmem_map *map;
	int rc = vmm_shmem_map_for(e->shmem, e, with_windows, &map);

	if (rc < 0)
		return vsu_error_sys(err, rc, "memory for '%s'", node_of(e));
	rc = virtdev_vhost_kern_set_memory(e->kern, map, err);
	vmem_map_unref(map);
	return rc;
}

/* Windows of other devices are for a kernel that has room for them. */
static int give_memory(struct kernel_end *e, struct vsu_error *err)
{
	int rc = give_map(e, true, err);

	return rc == -ENOSPC ? give_map(e, false, err) : rc;
}

static int give_rings(struct kernel_end *e, uint64_t features,
		      struct vsu_error *err)
{
	struct vhost_user_ring *rings;
	int rc = give_memory(e, err);

	if (!rc)
		rc = vmm_rings_describe_all(&e->rings, &rings, err);
	if (rc < 0)
		return rc;
	rc = virtdev_vhost_kern_start(e->kern, features, rings, e->rings.n,
				      err);
	free(rings);
	return rc;
}

/* The guest only sees that it has to reset the device: the user is told why. */
static int kernel_start(void *end, uint64_t features)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct kernel_end *e = end;
	int rc;

	vmm_rings_watch_faults(&e->rings);
	rc = give_rings(e, features, &err);
	if (rc < 0)
		prog_log(PROG_LOG_WARNING, "not started",
			 "the queues cannot be started: %s; the guest has to reset the device",
			 err.msg);
	return rc;
}

static bool kernel_stop(void *end)
{
	const struct kernel_end *e = end;

	virtdev_vhost_kern_stop(e->kern);
	return true;
}

/* Memory that goes must not be the kernel's any more, whatever it costs. */
static void kernel_refresh(void *end)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct kernel_end *e = end;

	if (give_memory(e, &err) == 0)
		return;
	prog_log(PROG_LOG_WARNING, "memory",
		 "%s; its device is stopped, and the guest has to reset it",
		 err.msg);
	virtdev_vhost_kern_stop(e->kern);
	(void)!virtdev_vhost_kern_set_memory(e->kern, NULL, NULL);
	virtdev_transport_needs_reset(vmm_virtio_transport(e->v));
}

static int kernel_kick_fd(void *end, uint32_t queue)
{
	const struct kernel_end *e = end;

	return e->rings.ring[queue].kick_fd;
}

static uint32_t kernel_stats(void *end, struct virtdev_stat *stats,
			     uint32_t max)
{
	const struct kernel_end *e = end;
	const struct virtdev_stat all[] = { { "interrupts", e->rings.calls } };

	return vmm_virtio_some_stats(stats, max, all,
				     sizeof(all) / sizeof(all[0]));
}

static void kernel_free(void *end)
{
	struct kernel_end *e = end;

	vmm_rings_fini(&e->rings);
	virtdev_vhost_kern_free(e->kern);
	free(e);
}

static const struct vmm_virtio_end kernel_ops = {
	.start = kernel_start, .stop = kernel_stop, .refresh = kernel_refresh,
	.kick_fd = kernel_kick_fd, .stats = kernel_stats, .free = kernel_free,
};

static int make_end(const struct vmm_virtio_place *place,
		    struct kernel_end *e, struct vsu_error *err)
{
	struct virtdev *dev = virtdev_vhost_kern_device(e->kern);
	int rc = vmm_rings_make(&e->rings, virtdev_info(dev)->nqueues, err);

	snprintf(e->rings.who, sizeof(e->rings.who), "the kernel's '%s'",
		 node_of(e));
	if (!rc)
		rc = give_memory(e, err);
	return rc ? rc : vmm_virtio_new(place, dev, 0, &e->v, err);
}

int vmm_virtio_kernel(const struct vmm_virtio_place *place,
		      struct virtdev_vhost_kern *kern,
		      struct vmm_virtio **out, struct vsu_error *err)
{
	struct kernel_end *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return vsu_error_sys(err, -ENOMEM, "device");
	e->shmem = place->shmem;
	e->kern = kern;
	rc = make_end(place, e, err);
	if (rc < 0) {
		vmm_rings_fini(&e->rings);
		free(e);
		return rc;
	}
	vmm_virtio_set_end(e->v, &kernel_ops, e);
	vmm_rings_run(&e->rings, e->v, place->loop);
	*out = e->v;
	return 0;
}
