/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Post-copy at the destination: the back-end accesses memory that has not arrived, and
 * waits. Its userfaultfd reports the pages to the owner of the faults.
 *
 *   advise   before the source stops: the back-end sends its userfaultfd
 *   listen   before the back-end has memory, which is sent with the start of the queues
 *   placed   the back-end has mapped a table: its addresses are passed on, before the
 *            session permits the back-end to use them
 *   end      all pages have arrived; faults are served until the back-end's reply
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "vhost_user/remote_priv.h"

static void note_answer(struct virtdev_vhost_user *r, int result)
{
	r->postcopy.answer = result < 0 ? result : 0;
}

static void on_advised(void *opaque, int result, int fd)
{
	struct virtdev_vhost_user *r = opaque;
	const int own = result < 0 ? result : vsu_fd_dup(fd);

	vsu_fd_close(&r->postcopy.faults);
	if (own >= 0)
		r->postcopy.faults = own;
	note_answer(r, own);
}

static void on_listening(void *opaque, int result)
{
	note_answer(opaque, result);
}

/*
 * The newest addresses come first. The previous ones are valid until the back-end has
 * replaced its memory.
 */
static void on_placed(void *opaque, const struct vhost_user_placed_region *regions,
		      unsigned int n)
{
	struct virtdev_vhost_user *r = opaque;
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
		vsu_error_sys(&err, rc, "the addresses of %s", r->who);
		vhost_user_frontend_fail(r->frontend, &err);
	}
}

/* The back-end does not wait for pages any more. */
static void end_faults(struct virtdev_vhost_user *r, enum remote_postcopy_state state)
{
	const struct virtdev_page_faults to = r->postcopy.to;

	vsu_fd_close(&r->postcopy.faults);
	if (r->postcopy.state != REMOTE_POSTCOPY_NONE)
		r->postcopy.state = state;
	memset(&r->postcopy.to, 0, sizeof(r->postcopy.to));
	r->postcopy.n = 0;
	if (to.ended)
		to.ended(to.opaque);
}

void virtdev_priv_remote_postcopy_lost(struct virtdev_vhost_user *r)
{
	if (r->postcopy.answer == REMOTE_POSTCOPY_WAITS)
		note_answer(r, -ECONNRESET);
	end_faults(r, REMOTE_POSTCOPY_LOST);
}

/* A back-end that refuses the end would wait for pages that nothing provides. */
static void on_ended(void *opaque, int result)
{
	struct virtdev_vhost_user *r = opaque;
	struct vsu_error err = VSU_ERROR_INIT;

	if (result < 0 && r->phase != REMOTE_FAILED) {
		vsu_error_sys(&err, result, "%s refused POSTCOPY_END", r->who);
		vhost_user_frontend_fail(r->frontend, &err);
	}
	end_faults(r, REMOTE_POSTCOPY_NONE);
}

const struct vhost_user_frontend_device_ops virtdev_priv_remote_postcopy_ops = {
	.size = sizeof(virtdev_priv_remote_postcopy_ops),
	.postcopy_advised = on_advised, .postcopy_listening = on_listening,
	.postcopy_placed = on_placed, .postcopy_ended = on_ended,
};

void virtdev_priv_remote_request_end(void *self)
{
	struct virtdev_vhost_user *r = self;

	if (r->postcopy.state == REMOTE_POSTCOPY_ADVISED || r->postcopy.state == REMOTE_POSTCOPY_LISTENS)
		r->postcopy.state = REMOTE_POSTCOPY_ENDS;
	virtdev_priv_remote_end_postcopy(r);
}

void virtdev_priv_remote_end_postcopy(struct virtdev_vhost_user *r)
{
	if (r->postcopy.state == REMOTE_POSTCOPY_ENDS && r->phase != REMOTE_FAILED &&
	    !vhost_user_frontend_postcopy_end(r->frontend, NULL))
		r->postcopy.state = REMOTE_POSTCOPY_ENDED;
}
