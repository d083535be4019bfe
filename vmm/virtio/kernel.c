/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device whose queues the host's kernel serves: start, stop and memory. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <device-kinds/workers.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/state.h>

#include "log/log.h"
#include "virtio/kernel.h"
#include "virtio/rings.h"

/*
 * The virtdev_inline server handles the control queue of a network card and the event queue
 * of sockets, which is_control() means as well, and supplies the kick eventfds of all queues;
 * rings supplies the other descriptors.
 */
struct kernel_backend {
	struct vmm_virtio *v;
	struct vsu_loop *loop;
	const struct vmm_log *log;	/* or NULL */
	struct vmm_windows *shmem;
	struct virtdev_vhost_kern *kern;
	struct virtdev_inline *server;
	struct vmm_workers *workers;	/* of its link; or NULL */
	struct vmm_rings rings;
	struct vsu_io ready;		/* server has work */
	bool started;		/* by the driver; false if it has to reset the device first */
};

static const char *node_of(const struct kernel_backend *e)
{
	return vhost_kern_name(virtdev_vhost_kern_kernel(e->kern));
}

static int give_map(struct kernel_backend *e, bool with_windows, struct vsu_error *err)
{
	struct vmem_map *map;
	int rc = vmm_window_map_for(e->shmem, e, with_windows, &map);

	if (rc < 0)
		return vsu_error_sys(err, rc, "memory for '%s'", node_of(e));
	rc = virtdev_vhost_kern_set_memory(e->kern, map, err);
	vmem_map_unref(map);
	return rc;
}

/* Includes windows of other devices if the kernel has room for them. */
static int give_memory(struct kernel_backend *e, struct vsu_error *err)
{
	int rc = give_map(e, true, err);

	return rc == -ENOSPC ? give_map(e, false, err) : rc;
}

/* ------------------------------------------------------------------- queues */

static void on_ready(void *opaque)
{
	const struct kernel_backend *e = opaque;

	vmm_virtio_lock(e->v);
	virtdev_inline_dispatch(e->server);
	vmm_virtio_unlock(e->v);
}

static bool is_control(const struct kernel_backend *e, uint32_t queue)
{
	return virtdev_vhost_kern_is_control(e->kern, queue);
}

static void describe_ring(const struct kernel_backend *e, uint32_t queue,
			  struct vhost_user_ring *ring)
{
	const struct virtdev_vhost_user_queue fds = {
		virtdev_inline_kick_fd(e->server, queue),
		e->rings.ring[queue].call_fd, e->rings.ring[queue].err_fd,
	};

	virtdev_transport_describe_ring(vmm_virtio_transport(e->v), queue, &fds, ring);
}

/* Only queues that ran at the pause start again, where they stopped. */
static void set_positions(struct kernel_backend *e, struct vhost_user_ring *rings)
{
	const struct virtdev_queue_position none = { 0 };
	struct virtdev_queue_position p;
	uint32_t i;

	for (i = 0; i < e->rings.n; i++) {
		if (is_control(e, i))
			continue;
		if (virtdev_inline_get_position(e->server, i, &p) < 0)
			continue;
		(void)!virtdev_inline_set_position(e->server, i, &none);
		rings[i].base = p.base;
		if (!p.runs)
			rings[i].size = 0;
	}
}

static int give_rings(struct kernel_backend *e, uint64_t features, bool again,
		      struct vsu_error *err)
{
	struct vhost_user_ring *rings = calloc(e->rings.n, sizeof(rings[0]));
	uint32_t i;
	int rc;

	if (!rings)
		return vsu_error_sys(err, -ENOMEM, "rings");
	for (i = 0; i < e->rings.n; i++)
		describe_ring(e, i, &rings[i]);
	if (again)
		set_positions(e, rings);
	rc = virtdev_vhost_kern_start(e->kern, features, rings, e->rings.n, err);
	free(rings);
	return rc;
}

static int start_control(struct kernel_backend *e, struct vsu_error *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < e->rings.n; i++)
		if (is_control(e, i))
			rc = virtdev_inline_start_queue(e->server, i, err);
	if (rc < 0)
		virtdev_vhost_kern_stop(e->kern);
	return rc;
}

static int log_start(const struct kernel_backend *e, int rc, const struct vsu_error *err)
{
	if (rc < 0)
		vmm_log(e->log, VMM_LOG_WARNING, "not started",
			"the queues cannot be started: %s; the guest has to reset the device", err->msg);
	return rc;
}

/* The driver only sees that a reset is required, so the reason is logged. */
static int kernel_start(void *backend, uint64_t features)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct kernel_backend *e = backend;
	int rc;

	vmm_rings_watch_faults(&e->rings);
	rc = give_memory(e, &err);
	if (!rc)
		rc = give_rings(e, features, false, &err);
	if (!rc)
		rc = start_control(e, &err);
	e->started = !rc;
	return log_start(e, rc, &err);
}

/* The control queue completes its requests within its turn. */
static bool kernel_stop(void *backend)
{
	struct kernel_backend *e = backend;

	e->started = false;
	virtdev_vhost_kern_stop(e->kern);
	(void)!virtdev_inline_stop(e->server);
	return true;
}

/*
 * The reset always succeeds; if the other ring of the pair cannot continue, the
 * device requires a reset.
 */
static int kernel_queue_reset(void *backend, uint32_t queue)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const struct kernel_backend *e = backend;
	int rc;

	if (is_control(e, queue))
		return virtdev_inline_reset_queue(e->server, queue);
	rc = virtdev_vhost_kern_reset_queue(e->kern, queue, &err);
	if (log_start(e, rc, &err) < 0)
		virtdev_transport_needs_reset(vmm_virtio_transport(e->v));
	return 0;
}

static int kernel_queue_start(void *backend, uint32_t queue)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const struct kernel_backend *e = backend;
	struct vhost_user_ring ring;
	int rc;

	if (is_control(e, queue)) {
		rc = virtdev_inline_start_queue(e->server, queue, &err);
	} else {
		describe_ring(e, queue, &ring);
		rc = virtdev_vhost_kern_start_queue(e->kern, queue, &ring, &err);
	}
	return log_start(e, rc, &err);
}

/*
 * Removed memory must not stay accessible to the kernel, whatever this costs.
 */
static void kernel_refresh(void *backend)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct kernel_backend *e = backend;

	virtdev_inline_refresh(e->server);
	if (give_memory(e, &err) == 0)
		return;
	vmm_log(e->log, VMM_LOG_WARNING, "memory",
		"%s; its device is stopped, and the guest has to reset it", err.msg);
	virtdev_vhost_kern_stop(e->kern);
	(void)!virtdev_vhost_kern_set_memory(e->kern, NULL, NULL);
	e->started = false;
	virtdev_transport_needs_reset(vmm_virtio_transport(e->v));
}

static int kernel_kick_fd(void *backend, uint32_t queue)
{
	const struct kernel_backend *e = backend;

	return virtdev_inline_kick_fd(e->server, queue);
}

/* ------------------------------------------------------------- pause and migration */

/* The kernel completes the requests that it has popped. */
static int kernel_pause(void *backend)
{
	struct kernel_backend *e = backend;
	struct virtdev_queue_position p;
	struct vq_config config;
	uint32_t i;
	int rc;

	virtdev_vhost_kern_stop(e->kern);
	rc = virtdev_inline_pause(e->server);
	/* also if its control queue is still busy: it may be resumed instead */
	for (i = 0; e->started && i < e->rings.n; i++) {
		if (is_control(e, i))
			continue;
		p.runs = virtdev_transport_queue(vmm_virtio_transport(e->v), i,
						 &config);
		p.base = virtdev_vhost_kern_base(e->kern, i);
		(void)!virtdev_inline_set_position(e->server, i, &p);
	}
	return rc;
}

/* The driver only sees that a reset is required, so the reason is logged. */
static int kernel_resume(void *backend)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct kernel_backend *e = backend;
	struct virtdev_transport *t = vmm_virtio_transport(e->v);
	int rc = 0;

	if (e->started) {
		vmm_rings_watch_faults(&e->rings);
		rc = give_memory(e, &err);
		if (!rc)
			rc = give_rings(e, virtdev_transport_features(t), true, &err);
		e->started = !rc;
	}
	if (log_start(e, rc, &err) < 0)
		virtdev_transport_needs_reset(t);
	return rc ? rc : virtdev_inline_resume(e->server);
}

static int kernel_take(void *backend, void **bytes, size_t *len,
		       struct vsu_error *err)
{
	const struct kernel_backend *e = backend;

	return virtdev_inline_take(e->server, bytes, len, err);
}

/* A driver that has reset all queues starts them again, unless it has to reset the device. */
static bool may_start_queues(const struct kernel_backend *e)
{
	const uint32_t status = virtdev_transport_status(vmm_virtio_transport(e->v));

	return (status & (VIRTDEV_STATUS_DRIVER_OK | VIRTDEV_STATUS_NEEDS_RESET)) == VIRTDEV_STATUS_DRIVER_OK;
}

static int kernel_load(void *backend, const void *bytes, size_t len,
		       struct vsu_error *err)
{
	struct kernel_backend *e = backend;
	struct virtdev_queue_position p;
	uint32_t i;
	int rc = virtdev_inline_load(e->server, bytes, len, err);

	for (i = 0; !rc && i < e->rings.n; i++) {
		rc = virtdev_inline_get_position(e->server, i, &p);
		e->started |= !rc && p.runs;
	}
	e->started |= !rc && may_start_queues(e);
	return rc;
}

/* Linux logs the used ring of sockets only, not the buffers that it fills. */
static int kernel_check_log(void *backend, struct vsu_error *err)
{
	const struct kernel_backend *e = backend;

	if (virtdev_get_info(virtdev_vhost_kern_device(e->kern))->id != VIRTDEV_ID_SOCKET)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "the host's kernel serves its sockets (%s) and does not log the pages that it writes, which a migration has to know; give it path= in place of backend=kernel, or save the machine",
			     node_of(e));
}

/* A log ends in all sides, also behind one that fails. */
static int kernel_set_log(void *backend, const struct vmm_dirty_log *log,
			  struct vsu_error *err)
{
	const struct kernel_backend *e = backend;
	struct vhost_kern *side;
	uint32_t i;
	int side_rc, rc = 0;

	for (i = 0; (!rc || !log) && (side = virtdev_vhost_kern_side(e->kern, i)); i++) {
		side_rc = vhost_kern_set_log(side, log ? log->words : NULL,
					     log ? (size_t)log->size : 0, -1, err);
		rc = rc ? rc : side_rc;
	}
	return rc;
}

static uint32_t kernel_stats(void *backend, struct virtdev_stat *stats,
			     uint32_t max)
{
	const struct kernel_backend *e = backend;
	const struct virtdev_stat all[] = { { "interrupts", e->rings.calls } };

	return vmm_virtio_some_stats(stats, max, all,
				     sizeof(all) / sizeof(all[0]));
}

static void kernel_free(void *backend)
{
	struct kernel_backend *e = backend;

	vsu_io_stop(&e->ready);
	kernel_stop(e);
	vmm_rings_fini(&e->rings);
	virtdev_inline_free(e->server);
	vmm_workers_end(e->workers);
	virtdev_vhost_kern_free(e->kern);
	free(e);
}

static int kernel_postcopy_advise(void *backend, struct vsu_error *err)
{
	const struct kernel_backend *e = backend;

	return vsu_error_set(err, -EOPNOTSUPP, "the host's kernel serves it (%s), and post-copy has not been tested with it; migrate without 'postcopy'",
			     node_of(e));
}

static const struct vmm_virtio_backend kernel_ops = {
	.start = kernel_start, .stop = kernel_stop, .refresh = kernel_refresh,
	.queue_reset = kernel_queue_reset, .queue_start = kernel_queue_start,
	.kick_fd = kernel_kick_fd, .stats = kernel_stats,
	.pause = kernel_pause, .resume = kernel_resume,
	.take = kernel_take, .load = kernel_load,
	.check_log = kernel_check_log, .set_log = kernel_set_log,
	.postcopy_advise = kernel_postcopy_advise,
	.free = kernel_free,
};

static int make_server(const struct vmm_virtio_resources *resources,
		       struct kernel_backend *e, struct vsu_error *err)
{
	int rc = vmm_virtio_new(resources, virtdev_vhost_kern_device(e->kern),
				&kernel_ops, &e->v, err);

	if (rc < 0)
		return rc;
	rc = virtdev_inline_new(vmm_virtio_transport(e->v), resources->space,
				&e->server, err);
	if (rc < 0)
		vmm_virtio_free(e->v);
	return rc;
}

static int new_backend(const struct vmm_virtio_resources *resources,
		    struct kernel_backend *e, struct vsu_error *err)
{
	struct virtdev *dev = virtdev_vhost_kern_device(e->kern);
	int rc = vmm_rings_make(&e->rings, virtdev_get_info(dev)->nqueues, err);

	snprintf(e->rings.who, sizeof(e->rings.who), "the kernel's '%s'",
		 node_of(e));
	if (!rc)
		rc = give_memory(e, err);
	return rc ? rc : make_server(resources, e, err);
}

int vmm_virtio_kernel(const struct vmm_virtio_resources *resources,
		      struct virtdev_vhost_kern *kern, struct vmm_workers *workers,
		      struct vmm_virtio **out, struct vsu_error *err)
{
	struct kernel_backend *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return vsu_error_sys(err, -ENOMEM, "device");
	e->loop = resources->loop;
	e->log = resources->log;
	e->shmem = resources->shmem;
	e->kern = kern;
	rc = new_backend(resources, e, err);
	if (rc < 0) {
		vmm_rings_fini(&e->rings);
		free(e);
		return rc;
	}
	e->workers = workers;
	vsu_io_init(&e->ready, on_ready, e, virtdev_inline_fd(e->server), VSU_IO_READ);
	vsu_io_start(e->loop, &e->ready);
	vmm_virtio_set_backend(e->v, e);
	vmm_rings_run(&e->rings, e->v, resources->loop);
	*out = e->v;
	return 0;
}
