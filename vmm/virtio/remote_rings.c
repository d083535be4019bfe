/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The queues of a remote device, passed to its back-end as the driver set them
 * up.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "log/log.h"
#include "virtio/remote_session.h"

bool vmm_remote_is_away(const struct remote *r)
{
	const struct vhost_user_frontend *f =
		virtdev_vhost_user_frontend(r->user);

	return vhost_user_frontend_state(f) == VHOST_USER_FRONTEND_AWAY;
}

/* After a pause only queues that ran before it start. */
static void set_positions(const struct remote *r, struct vhost_user_ring *rings)
{
	uint32_t i;

	for (i = 0; i < r->rings.n; i++) {
		rings[i].base = r->positions[i].base;
		if (!r->positions[i].runs)
			rings[i].size = 0;
	}
}

static int give_rings(struct remote *r, uint64_t features,
		      struct vsu_error *err)
{
	struct vhost_user_ring *rings;
	int rc = vmm_rings_describe_all(&r->rings, &rings, err);

	if (rc < 0)
		return rc;
	if (vmm_remote_has_positions(r))
		set_positions(r, rings);
	vmm_remote_clear_positions(r);
	rc = virtdev_vhost_user_start(r->user, features, rings, r->rings.n,
				      err);
	free(rings);
	return rc;
}

int vmm_remote_start_rings(struct remote *r, uint64_t features)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	/* queues do not run while the back-end replaces the memory of their rings */
	(void)!vmm_remote_announce(r, NULL);
	vmm_rings_watch_faults(&r->rings);
	rc = give_rings(r, features, &err);
	if (rc < 0)
		vmm_log(r->log, VMM_LOG_WARNING, "not started",
			 "the queues of '%s' cannot be started: %s; the guest has to reset the device",
			 r->socket, err.msg);
	return rc;
}

static int start_ring(struct remote *r, uint32_t queue)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_user_ring ring;
	int rc;

	vmm_rings_describe(&r->rings, queue, &ring);
	rc = virtdev_vhost_user_start_queue(r->user, queue, &ring, &err);
	if (rc < 0)
		vmm_log(r->log, VMM_LOG_WARNING, "not started",
			 "a queue of '%s' cannot be started again: %s; the guest has to reset the device",
			 r->socket, err.msg);
	return rc;
}

/* Without a connected back-end a queue is reset only with its device. */
int vmm_remote_queue_reset(void *backend, uint32_t queue)
{
	struct remote *r = backend;
	int rc = vmm_remote_is_dead(r) || vmm_remote_waits(r) ? 1 :
		 virtdev_vhost_user_reset_queue(r->user, queue);

	if (rc < 0)
		virtdev_transport_needs_reset(vmm_virtio_transport(r->v));
	return rc == 0;
}

int vmm_remote_queue_start(void *backend, uint32_t queue)
{
	struct remote *r = backend;

	if (vmm_remote_is_dead(r))
		return -ECONNRESET;
	return vmm_remote_waits(r) ? 0 : start_ring(r, queue);
}
