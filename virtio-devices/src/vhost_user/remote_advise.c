/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The requests that precede post-copy, which wait for their reply. */
#include <config.h>

#include <errno.h>
#include <poll.h>

#include <vhost/protocol.h>

#include "vhost_user/remote_priv.h"

/* If a reply is late, the session ends. */
static void wait_for_answer(struct virtdev_vhost_user *r)
{
	struct pollfd p = { .fd = virtdev_vhost_user_fd(r), .events = POLLIN };

	while (r->postcopy.answer == REMOTE_POSTCOPY_WAITS && r->phase != REMOTE_FAILED) {
		poll(&p, 1, -1);
		(void)virtdev_vhost_user_dispatch(r);
	}
}

static int send_request(struct virtdev_vhost_user *r,
			int (*send)(struct vhost_user_frontend *f, struct vsu_error *err),
			const char *name, struct vsu_error *err)
{
	int rc;

	r->postcopy.answer = REMOTE_POSTCOPY_WAITS;
	rc = send(r->frontend, err);
	if (rc < 0)
		return rc;
	wait_for_answer(r);
	rc = r->phase == REMOTE_FAILED ? -ECONNRESET : r->postcopy.answer;
	if (r->phase == REMOTE_FAILED)
		return vsu_error_set(err, rc, "%s", r->why.msg);
	if (rc == -ECONNRESET)
		return vsu_error_set(err, rc, "%s was lost meanwhile (%s)", r->who, name);
	return rc < 0 ? vsu_error_sys(err, rc, "%s cannot wait for missing pages (%s); the reason is in its log",
				      r->who, name) : 0;
}

int virtdev_priv_remote_advise(void *self, struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;
	const uint64_t bit = UINT64_C(1) << VHOST_USER_PROTOCOL_F_PAGEFAULT;
	int rc;

	if (!(vhost_user_frontend_protocol_features(r->frontend) & bit))
		return vsu_error_set(err, -EOPNOTSUPP, "%s cannot wait for missing pages: it lacks the protocol feature PAGEFAULT",
				     r->who);
	rc = send_request(r, vhost_user_frontend_postcopy_advise, "POSTCOPY_ADVISE", err);
	if (!rc)
		r->postcopy.state = REMOTE_POSTCOPY_ADVISED;
	return rc;
}

int virtdev_priv_remote_listen(void *self, const struct virtdev_page_faults *to,
			       struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;
	struct remote_postcopy *p = &r->postcopy;
	int rc;

	if (p->state == REMOTE_POSTCOPY_NONE)
		return 0;
	if (p->state != REMOTE_POSTCOPY_ADVISED)
		return vsu_error_set(err, -ECONNRESET, "%s was lost meanwhile", r->who);
	rc = send_request(r, vhost_user_frontend_postcopy_listen, "POSTCOPY_LISTEN", err);
	if (!rc)
		rc = to->add(to->opaque, p->faults, &p->number, err);
	if (rc < 0)
		return rc;
	p->faults = -1;
	p->to = *to;
	p->state = REMOTE_POSTCOPY_LISTENS;
	return 1;
}
