/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device whose queues the host's kernel serves: its memory, descriptors and messages. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <device-kinds/workers.h>
#include <virtio-devices/report.h>
#include <virtio-devices/vhost_kern.h>

#include "owner/owner.h"
#include "virtio/rings.h"

struct kernel_backend {
	struct vmm_virtio *v;
	struct virtdev_vhost_kern *kern;
	struct virtdev_server *server;
	struct devkind_workers *workers;	/* of its link; or NULL */
	struct vmm_rings rings;
	struct vsu_io ready;		/* server has work */
};

/* Includes windows of other devices if the kernel has room for them. */
static int give_memory(struct kernel_backend *e, struct vsu_error *err)
{
	int rc = vmm_virtio_give_memory(e->v, true, err);

	return rc == -ENOSPC ? vmm_virtio_give_memory(e->v, false, err) : rc;
}

static int on_starting(void *opaque, struct vsu_error *err)
{
	struct kernel_backend *e = opaque;

	vmm_rings_watch_faults(&e->rings);
	return give_memory(e, err);
}

/* The driver only sees that a reset is required, so the reason is logged. */
static void on_report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	const struct kernel_backend *e = opaque;

	(void)dev;
	vmm_log(vmm_virtio_get_resources(e->v)->log, CVMM_LOG_WARNING, "not started",
		"the device of %s: %s", e->rings.who, what->msg);
}

static void on_ready(void *opaque)
{
	const struct kernel_backend *e = opaque;

	vmm_virtio_lock(e->v);
	virtdev_server_dispatch(e->server);
	vmm_virtio_unlock(e->v);
}

/*
 * Removed memory must not stay accessible to the kernel, whatever this costs.
 */
static void kernel_refresh(void *backend)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct kernel_backend *e = backend;

	if (give_memory(e, &err) == 0)
		return;
	vmm_log(vmm_virtio_get_resources(e->v)->log, CVMM_LOG_WARNING, "memory",
		"%s; its device is stopped, and the guest has to reset it", err.msg);
	(void)!virtdev_server_fail(e->server, &err);
}

static uint32_t kernel_stats(void *backend, struct virtdev_stat *stats,
			     uint32_t max)
{
	const struct kernel_backend *e = backend;
	const struct virtdev_stat all[] = { { "interrupts", e->rings.calls } };

	return vmm_virtio_some_stats(stats, max, all, 1);
}

static void kernel_free(void *backend)
{
	struct kernel_backend *e = backend;

	vsu_io_stop(&e->ready);
	virtdev_server_free(e->server);
	vmm_rings_fini(&e->rings);
	devkind_workers_end(e->workers);
	virtdev_vhost_kern_free(e->kern);
	free(e);
}

static const struct vmm_virtio_backend kernel_ops = {
	.refresh = kernel_refresh, .stats = kernel_stats, .free = kernel_free,
	.log_remedy.text = "; give it path= in place of backend=kernel, or save the machine",
	.postcopy_remedy.text = "; migrate without 'postcopy'",
};

/* ------------------------------------------------------------------- creation */

static int attach_server(struct kernel_backend *e, struct vmem_space *space,
			 struct vsu_error *err)
{
	struct virtdev_server_queue *queues = vmm_rings_describe(&e->rings);
	const struct virtdev_server_owner owner = {
		.size = sizeof(owner), .queues = queues, .starting = on_starting, .opaque = e,
	};
	int rc;

	if (!queues)
		return vsu_error_sys(err, -ENOMEM, "queues");
	rc = virtdev_vhost_kern_attach(e->kern, vmm_virtio_transport(e->v), space, &owner,
				       &e->server, err);
	free(queues);
	return rc;
}

static int new_backend(const struct vmm_virtio_resources *resources,
		       struct kernel_backend *e, struct vsu_error *err)
{
	struct virtdev *dev = virtdev_vhost_kern_device(e->kern);
	int rc = vmm_rings_make(&e->rings, virtdev_get_info(dev)->nqueues, err);

	snprintf(e->rings.who, sizeof(e->rings.who), "the kernel's '%s'",
		 virtdev_vhost_kern_name(e->kern));
	if (!rc)
		rc = vmm_virtio_new(resources, dev, &kernel_ops, &e->v, err);
	if (!rc)
		rc = attach_server(e, resources->space, err);
	if (rc < 0)
		return rc;
	vmm_virtio_set_backend(e->v, NULL, e->server);
	return give_memory(e, err);
}

int vmm_virtio_kernel(const struct vmm_virtio_resources *resources,
		      struct virtdev_vhost_kern *kern, struct devkind_workers *workers,
		      struct vmm_virtio **out, struct vsu_error *err)
{
	struct kernel_backend *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return vsu_error_sys(err, -ENOMEM, "device");
	e->kern = kern;
	rc = new_backend(resources, e, err);
	if (rc < 0) {
		virtdev_server_free(e->server);
		vmm_virtio_free(e->v);
		vmm_rings_fini(&e->rings);
		free(e);
		return rc;
	}
	e->workers = workers;
	virtdev_set_report(virtdev_vhost_kern_device(kern), on_report, e);
	vsu_io_init(&e->ready, on_ready, e, virtdev_server_fd(e->server), VSU_IO_READ);
	vsu_io_start(resources->loop, &e->ready);
	vmm_virtio_set_backend(e->v, e, e->server);
	vmm_rings_run(&e->rings, e->v, resources->loop);
	*out = e->v;
	return 0;
}
