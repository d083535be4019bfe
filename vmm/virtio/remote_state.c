/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Pauses, saves, loads, resumes and logs a remote device by the library. */
#include <config.h>

#include <errno.h>

#include "log/log.h"
#include "virtio/remote_session.h"

int vmm_remote_check_save(void *backend, struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_check_save(r->user, err);
}

int vmm_remote_pause(void *backend)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_pause(r->user);
}

/* The result of a pause is only a code, so the reason is logged. */
int vmm_remote_gather(void *backend)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const struct remote *r = backend;
	int rc = virtdev_vhost_user_collect(r->user, &err);

	if (rc < 0 && rc != -EAGAIN)
		vmm_log(r->log, VMM_LOG_WARNING, "state", "%s", err.msg);
	return rc;
}

int vmm_remote_resume(void *backend)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct remote *r = backend;
	int rc = virtdev_vhost_user_resume(r->user, &err);

	if (rc < 0)
		vmm_remote_not_started(r, &err);
	return rc;
}

int vmm_remote_take(void *backend, void **bytes, size_t *len, struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_take(r->user, bytes, len, err);
}

/* Blocks, which is acceptable before the machine runs. */
int vmm_remote_load(void *backend, const void *bytes, size_t len, struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	r->locked = true;
	rc = virtdev_vhost_user_load(r->user, bytes, len, err);
	r->locked = false;
	return rc;
}

int vmm_remote_check_log(void *backend, struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_check_log(r->user, err);
}

int vmm_remote_set_log(void *backend, const struct vmm_dirty_log *log, struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_set_log(r->user, log ? log->fd : -1, log ? log->size : 0, err);
}
