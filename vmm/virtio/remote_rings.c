/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The queues of a remote device, as its driver set them up, for its back-end. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "log.h"
#include "virtio/remote_session.h"

static void describe_ring(const struct remote *r, uint32_t i,
			  struct vhost_user_ring *ring)
{
	struct vq_config config;

	memset(ring, 0, sizeof(*ring));
	if (!virtdev_transport_queue(vmm_virtio_transport(r->v), i, &config))
		return;
	ring->size = config.size;
	ring->base = config.base;
	ring->desc_gpa = config.desc_gpa;
	ring->driver_gpa = config.driver_gpa;
	ring->device_gpa = config.device_gpa;
	ring->kick_fd = r->queues[i].kick_fd;
	ring->call_fd = r->queues[i].call_fd;
	ring->err_fd = r->queues[i].err_fd;
}

static int give_rings(struct remote *r, uint64_t features,
		      struct vsu_error *err)
{
	struct vhost_user_ring *rings;
	uint32_t i;
	int rc;

	rings = calloc(r->nqueues, sizeof(rings[0]));
	if (!rings)
		return vsu_error_sys(err, -ENOMEM, "rings");
	for (i = 0; i < r->nqueues; i++)
		describe_ring(r, i, &rings[i]);
	rc = virtdev_vhost_user_start(r->user, features, rings, r->nqueues,
				      err);
	free(rings);
	return rc;
}

/* Of the queues before the reset nothing is heard any more. */
static void watch_faults(struct remote *r)
{
	uint32_t i;

	for (i = 0; i < r->nqueues; i++) {
		vsu_event_drain(r->queues[i].err_fd, NULL);
		ev_io_start(r->loop, &r->queues[i].broken);
	}
}

int vmm_remote_start_rings(struct remote *r, uint64_t features)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	watch_faults(r);
	rc = give_rings(r, features, &err);
	if (rc < 0)
		prog_log(PROG_LOG_WARNING, "not started",
			 "the queues of '%s' cannot be started: %s; the guest has to reset the device",
			 r->socket, err.msg);
	return rc;
}

static int start_ring(struct remote *r, uint32_t queue)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_user_ring ring;
	int rc;

	describe_ring(r, queue, &ring);
	rc = virtdev_vhost_user_start_queue(r->user, queue, &ring, &err);
	if (rc < 0)
		prog_log(PROG_LOG_WARNING, "not started",
			 "a queue of '%s' cannot be started again: %s; the guest has to reset the device",
			 r->socket, err.msg);
	return rc;
}

/* With no back-end to stop it, a queue is only reset with its device. */
int vmm_remote_queue_reset(void *end, uint32_t queue)
{
	struct remote *r = end;
	int rc = r->dead || r->start_waits ? 1 :
		 virtdev_vhost_user_reset_queue(r->user, queue);

	if (rc < 0)
		virtdev_transport_needs_reset(vmm_virtio_transport(r->v));
	return rc == 0;
}

int vmm_remote_queue_start(void *end, uint32_t queue)
{
	struct remote *r = end;

	if (r->dead)
		return -ECONNRESET;
	return r->start_waits ? 0 : start_ring(r, queue);
}
