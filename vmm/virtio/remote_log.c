/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The log of the pages that a back-end writes, during a migration. It begins with a
 * start of the queues, and ends while they run.
 */
#include <config.h>

#include <errno.h>

#include <vhost/frontend_device.h>
#include <vhost/protocol.h>

#include "virtio/remote_session.h"

static struct vhost_user_frontend *session_of(const struct remote *r)
{
	return virtdev_vhost_user_frontend(r->user);
}

int vmm_remote_check_log(void *backend, struct vsu_error *err)
{
	const struct remote *r = backend;
	const uint64_t shared = UINT64_C(1) << VHOST_USER_PROTOCOL_F_LOG_SHMFD;

	if (vhost_user_frontend_features(session_of(r)) & VHOST_USER_F_LOG_ALL &&
	    vhost_user_frontend_protocol_features(session_of(r)) & shared)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "%s does not log the pages that it writes (LOG_ALL, LOG_SHMFD); such a machine can be saved, not migrated",
			     r->rings.who);
}

int vmm_remote_set_log(void *backend, const struct vmm_dirty_log *log,
		       struct vsu_error *err)
{
	struct remote *r = backend;
	int rc = 0;

	if (!log && r->logs == REMOTE_LOG_ON)
		r->logs = REMOTE_LOG_ENDS;
	if (log)
		rc = vhost_user_frontend_set_log(session_of(r), log->fd, log->size, 0,
						 err);
	if (log && !rc)
		r->logs = REMOTE_LOG_ON;
	vmm_remote_end_log(r);
	return rc;
}

/* -EBUSY and a disconnected back-end: retried after the next message. */
void vmm_remote_end_log(struct remote *r)
{
	if (r->logs == REMOTE_LOG_ENDS && !vmm_remote_is_dead(r) &&
	    !vhost_user_frontend_set_log(session_of(r), -1, 0, 0, NULL))
		r->logs = REMOTE_LOG_NONE;
}
