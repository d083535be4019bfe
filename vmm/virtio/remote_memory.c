/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guest's memory as a back-end receives it. */
#include <config.h>

#include <errno.h>

#include "virtio/remote_session.h"

static int tell_memory(struct remote *r, struct vsu_error *err)
{
	struct vmem_map *map;
	int rc = vmm_window_map_for(r->shmem, r, r->memory == REMOTE_MEMORY_ALL, &map);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the guest's memory");
	rc = virtdev_vhost_user_set_memory(r->user, map, err);
	vmem_map_unref(map);
	return rc;
}

int vmm_remote_announce(void *backend, struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	if (!r->announce || vmm_remote_is_dead(r))
		return 0;
	rc = tell_memory(r, err);
	if (rc == -ENOSPC && r->memory == REMOTE_MEMORY_ALL) {
		r->memory = REMOTE_MEMORY_ONLY;
		rc = tell_memory(r, err);
	}
	r->announce = rc == -EBUSY;
	return rc;
}
