/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Post-copy at the destination by the library, whose requests block: no guest runs yet. */
#include <config.h>

#include <errno.h>

#include "virtio/remote_session.h"

/* A session that has failed meanwhile has the reason. */
static int explain_failure(const struct remote *r, int rc, struct vsu_error *err)
{
	if (vmm_remote_is_dead(r) && r->why.code)
		*err = r->why;
	return rc;
}

int vmm_remote_postcopy_advise(void *backend, struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	r->locked = true;
	rc = virtdev_vhost_user_postcopy_advise(r->user, err);
	r->locked = false;
	if (rc == -EOPNOTSUPP)
		return vsu_error_set(err, rc, "%s cannot wait for missing pages: it lacks the protocol feature PAGEFAULT (cvmm's daemons: --allow-postcopy); migrate without 'postcopy', or to a unix: address, to which shared memory is passed as files",
				     r->rings.who);
	return rc < 0 ? explain_failure(r, rc, err) : rc;
}

int vmm_remote_postcopy_listen(void *backend, const struct virtdev_vhost_user_faults *to,
			       struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	r->locked = true;
	rc = virtdev_vhost_user_postcopy_listen(r->user, to, err);
	r->locked = false;
	return rc < 0 ? explain_failure(r, rc, err) : rc;
}

void vmm_remote_postcopy_end(void *backend)
{
	const struct remote *r = backend;

	virtdev_vhost_user_postcopy_end(r->user);
}
