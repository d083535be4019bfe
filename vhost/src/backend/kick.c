/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The descriptors of rings. A peer may pass any descriptor; only those that can
 * be polled or signalled without blocking are accepted.
 */
#include <config.h>

#include <fcntl.h>

#include "backend/priv.h"
#include "backend/inband.h"
#include "wire/descriptor.h"
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

static uint32_t ring_index(const struct vhost_user_priv_msg *msg)
{
	return msg->payload.u64 & VHOST_USER_VRING_INDEX_MASK;
}

static int check_fd(const struct vhost_user_priv_msg *msg, int unusable,
		    struct vsu_error *err)
{
	const char *name =
		vhost_user_message_name(VHOST_USER_SIDE_FRONTEND,
					     msg->hdr.request);
	int rc = 0;

	if (msg->nfds)
		rc = vhost_user_priv_check_event(msg->fds[0], unusable, name,
						 err);
	if (rc == 0 && msg->nfds) {
		rc = vsu_fd_set_nonblock(msg->fds[0]);
		if (rc < 0)
			vsu_error_sys(err, rc, "%s: its descriptor cannot be made non-blocking",
				      name);
	}
	return rc < 0 ? rc : VHOST_USER_PRIV_QUIET;
}

static int check_kick(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)b;
	return check_fd(msg, O_WRONLY, err);
}

static int check_call(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)b;
	return check_fd(msg, O_RDONLY, err);
}

static void replace_fd(int *fd, struct vhost_user_priv_msg *msg)
{
	vsu_fd_close(fd);
	*fd = vhost_user_priv_msg_take_fd(msg, 0);
}

static int set_kick(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	b->rings_changed = true;
	return vhost_user_priv_inband_start(b, &b->rings[ring_index(msg)],
					    vhost_user_priv_msg_take_fd(msg, 0),
					    err);
}

/*
 * Signals the new descriptor once, so that an interrupt that was due before is
 * not lost.
 */
static int set_call(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = &b->rings[ring_index(msg)];

	(void)err;
	replace_fd(&ring->call, msg);
	if (ring->call >= 0)
		vsu_event_signal(ring->call);
	return 0;
}

static int set_err(struct vhost_user_backend *b,
		   struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	replace_fd(&b->rings[ring_index(msg)].err, msg);
	return 0;
}

/* for the ring's thread */

void vhost_user_backend_call(struct vhost_user_backend *b, uint32_t ring)
{
	if (b->rings[ring].call >= 0)
		vsu_event_signal(b->rings[ring].call);
	else
		vhost_user_priv_inband_call(b, ring);
}

void vhost_user_backend_ring_error(struct vhost_user_backend *b, uint32_t ring)
{
	struct vhost_user_priv_ring *r = &b->rings[ring];

	if (!r->error_reported && r->err >= 0)
		vsu_event_signal(r->err);
	else if (!r->error_reported)
		vhost_user_priv_inband_error(b, ring);
	r->error_reported = true;
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_SET_VRING_KICK, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_GO,
	  check_kick, set_kick, NULL },
	{ VHOST_USER_SET_VRING_CALL, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_GO,
	  check_call, set_call, NULL },
	{ VHOST_USER_SET_VRING_ERR, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_GO,
	  check_call, set_err, NULL },
};

VHOST_USER_PRIV_HANDLERS(kick_handlers, handlers);
