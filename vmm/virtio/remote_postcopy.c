/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Post-copy at the destination: the back-end accesses memory that has not arrived, and
 * waits. Its userfaultfd reports the pages to the owner of struct vmm_virtio_faults.
 *
 *   advise   before the source stops: the back-end sends its userfaultfd
 *   listen   before the back-end has memory, which is sent with the start of the queues
 *   placed   the back-end has mapped a table: its addresses are passed on, before the
 *            session permits the back-end to use them
 *   end      all pages have arrived; faults are served until the back-end's reply
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <vhost/protocol.h>
#include <vmm-sys-util/fd.h>

#include "virtio/remote_session.h"

static struct vhost_user_frontend *session_of(const struct remote *r)
{
	return virtdev_vhost_user_frontend(r->user);
}

/* ------------------------------------------------------ answers of the session */

static void note_answer(struct remote *r, int result)
{
	r->postcopy.answered = true;
	r->postcopy.result = result;
}

void vmm_remote_on_advised(void *opaque, int result, int fd)
{
	struct remote *r = opaque;
	const int own = result < 0 ? result : vsu_fd_dup(fd);

	vsu_fd_close(&r->postcopy.faults);
	if (own >= 0)
		r->postcopy.faults = own;
	note_answer(r, own < 0 ? own : 0);
}

void vmm_remote_on_listening(void *opaque, int result)
{
	note_answer(opaque, result);
}

/*
 * The newest addresses come first. The previous ones are valid until the back-end has
 * replaced its memory.
 */
void vmm_remote_on_placed(void *opaque, const struct vhost_user_placed_region *regions,
			  unsigned int n)
{
	struct remote *r = opaque;
	struct remote_postcopy *p = &r->postcopy;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (!p->to.place)
		return;
	memmove(p->placed + n, p->placed, p->n * sizeof(p->placed[0]));
	memcpy(p->placed, regions, n * sizeof(p->placed[0]));
	rc = p->to.place(p->to.opaque, p->number, p->placed, n + p->n);
	p->n = n;
	if (rc < 0) {
		vsu_error_sys(&err, rc, "the addresses of %s", r->rings.who);
		vhost_user_frontend_fail(session_of(r), &err);
	}
}

void vmm_remote_drop_postcopy(struct remote *r)
{
	const struct vmm_virtio_faults to = r->postcopy.to;

	vsu_fd_close(&r->postcopy.faults);
	r->postcopy.advised = r->postcopy.ends = false;
	memset(&r->postcopy.to, 0, sizeof(r->postcopy.to));
	r->postcopy.n = 0;
	if (to.ended)
		to.ended(to.opaque);
}

/* A back-end that refuses the end would wait for pages that nothing provides. */
void vmm_remote_on_ended(void *opaque, int result)
{
	struct remote *r = opaque;
	struct vsu_error err = VSU_ERROR_INIT;

	if (result < 0 && !vmm_remote_is_dead(r)) {
		vsu_error_sys(&err, result, "%s refused POSTCOPY_END", r->rings.who);
		vhost_user_frontend_fail(session_of(r), &err);
	}
	vmm_remote_drop_postcopy(r);
}

/* ------------------------------------------------------------------- requests */

/*
 * Blocks, which is acceptable before the machine runs: the session ends if a reply is
 * late.
 */
static void wait_for_answer(struct remote *r)
{
	struct pollfd p = { .fd = virtdev_vhost_user_fd(r->user), .events = POLLIN };

	r->locked = true;
	while (!r->postcopy.answered && !vmm_remote_is_dead(r)) {
		poll(&p, 1, -1);
		(void)virtdev_vhost_user_dispatch(r->user);
	}
	r->locked = false;
}

static int send_request(struct remote *r,
			int (*send)(struct vhost_user_frontend *f, struct vsu_error *err),
			const char *name, struct vsu_error *err)
{
	int rc;

	r->postcopy.answered = false;
	rc = send(session_of(r), err);
	if (rc < 0)
		return rc;
	wait_for_answer(r);
	if (vmm_remote_is_dead(r)) {
		*err = r->why;
		return r->why.code ? r->why.code : -ECONNRESET;
	}
	rc = r->postcopy.result;
	return rc < 0 ? vsu_error_sys(err, rc, "%s cannot wait for missing pages (%s); the reason is in its log",
				      r->rings.who, name) : 0;
}

static bool can_wait(const struct remote *r)
{
	return vhost_user_frontend_protocol_features(session_of(r)) &
	       (UINT64_C(1) << VHOST_USER_PROTOCOL_F_PAGEFAULT);
}

int vmm_remote_postcopy_advise(void *backend, struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	if (!can_wait(r))
		return vsu_error_set(err, -EOPNOTSUPP, "%s cannot wait for missing pages: it lacks the protocol feature PAGEFAULT (cvmm's daemons: --allow-postcopy); migrate without 'postcopy', or to a unix: address, to which shared memory is passed as files",
				     r->rings.who);
	rc = send_request(r, vhost_user_frontend_postcopy_advise, "POSTCOPY_ADVISE", err);
	r->postcopy.needed = r->postcopy.advised = rc == 0;
	return rc;
}

int vmm_remote_postcopy_listen(void *backend, const struct vmm_virtio_faults *to,
			       struct vsu_error *err)
{
	struct remote *r = backend;
	struct remote_postcopy *p = &r->postcopy;
	int rc;

	if (!p->needed)
		return 0;
	if (!p->advised)
		return vsu_error_set(err, -ECONNRESET, "%s was lost meanwhile", r->rings.who);
	rc = send_request(r, vhost_user_frontend_postcopy_listen, "POSTCOPY_LISTEN", err);
	if (!rc)
		rc = to->add(to->opaque, p->faults, &p->number, err);
	if (rc < 0)
		return rc;
	p->faults = -1;
	p->to = *to;
	return 1;
}

void vmm_remote_postcopy_end(void *backend)
{
	struct remote *r = backend;

	r->postcopy.ends = r->postcopy.advised;
	vmm_remote_end_postcopy(r);
}

void vmm_remote_end_postcopy(struct remote *r)
{
	if (r->postcopy.ends && !vmm_remote_is_dead(r) &&
	    !vhost_user_frontend_postcopy_end(session_of(r), NULL))
		r->postcopy.ends = false;
}
