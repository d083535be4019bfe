/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The log of the pages that a back-end writes, during a migration. It begins with a start of
 * the queues, and ends while they run.
 */
#include <config.h>

#include <errno.h>

#include <vhost/frontend_device.h>
#include <vhost/protocol.h>

#include "vhost_user/remote_priv.h"

int virtdev_priv_remote_check_log(const void *self, struct vsu_error *err)
{
	const struct virtdev_vhost_user *r = self;
	const uint64_t shared = UINT64_C(1) << VHOST_USER_PROTOCOL_F_LOG_SHMFD;

	if (vhost_user_frontend_features(r->frontend) & VHOST_USER_F_LOG_ALL &&
	    vhost_user_frontend_protocol_features(r->frontend) & shared)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "%s does not log the pages that it writes (LOG_ALL, LOG_SHMFD); such a machine can be saved, not migrated",
			     r->who);
}

int virtdev_priv_remote_set_log(void *self, const struct virtdev_server_log *log,
				struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;
	int rc = 0;

	if (log)
		rc = vhost_user_frontend_set_log(r->frontend, log->fd, log->size, 0, err);
	if (rc < 0)
		return rc;
	if (log)
		r->log = REMOTE_LOG_ON;
	else if (r->log == REMOTE_LOG_ON)
		r->log = REMOTE_LOG_ENDS;
	virtdev_priv_remote_end_log(r);
	return 0;
}

/* -EBUSY and a disconnected back-end: retried after the next dispatch. */
void virtdev_priv_remote_end_log(struct virtdev_vhost_user *r)
{
	if (r->log == REMOTE_LOG_ENDS && r->phase != REMOTE_FAILED &&
	    !vhost_user_frontend_set_log(r->frontend, -1, 0, 0, NULL))
		r->log = REMOTE_LOG_NONE;
}
