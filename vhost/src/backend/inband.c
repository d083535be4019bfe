/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * In-band notifications: messages instead of eventfds, for peers that pause
 * their time while a message is handled (simulators).
 *
 * A kick signals an eventfd of ours, so the thread that serves the ring waits
 * as usual. A call is recorded by the ring's thread and sent by the session's.
 * All pending calls of a ring are one message.
 */
#include <config.h>

#include <errno.h>

#include "backend/priv.h"
#include "backend/inband.h"
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#define DUE_CALL	1u
#define DUE_ERR		2u

/* calls */

static void note_due(struct vhost_user_backend *b, uint32_t ring, uint8_t what)
{
	__atomic_fetch_or(&b->rings[ring].due, what, __ATOMIC_RELAXED);
	if (!__atomic_exchange_n(&b->inband.due, true, __ATOMIC_RELEASE))
		vsu_event_signal(b->wait.event);
}

void vhost_user_priv_inband_call(struct vhost_user_backend *b, uint32_t ring)
{
	if (b->rings[ring].inband)
		note_due(b, ring, DUE_CALL);
}

void vhost_user_priv_inband_error(struct vhost_user_backend *b, uint32_t ring)
{
	if (b->rings[ring].inband)
		note_due(b, ring, DUE_ERR);
}

static const struct vhost_user_priv_ask call = {
	.request = VHOST_USER_BACKEND_VRING_CALL,
};
static const struct vhost_user_priv_ask ring_err = {
	.request = VHOST_USER_BACKEND_VRING_ERR,
};

/* Retry only after -EAGAIN; other errors concern no owner. */
static int send_one(struct vhost_user_backend *b,
		    const struct vhost_user_priv_ask *kind, uint32_t ring)
{
	const struct vhost_user_vring_state state = { ring, 0 };
	int rc = vhost_user_priv_backend_channel_check(b, kind, NULL);

	if (rc == 0)
		rc = vhost_user_priv_backend_channel_ask(b, kind, &state,
							 sizeof(state), NULL,
							 0, NULL);
	return rc == -EAGAIN ? rc : 0;
}

static int send_due(struct vhost_user_backend *b, uint32_t ring)
{
	uint8_t *due = &b->rings[ring].due;
	uint8_t what = __atomic_exchange_n(due, 0, __ATOMIC_RELAXED);

	if (what & DUE_CALL &&
	    send_one(b, &call, ring) == 0)
		what &= (uint8_t)~DUE_CALL;
	if (what & DUE_ERR &&
	    send_one(b, &ring_err, ring) == 0)
		what &= (uint8_t)~DUE_ERR;
	__atomic_fetch_or(due, what, __ATOMIC_RELAXED);
	return what ? -EAGAIN : 0;
}

void vhost_user_priv_inband_send(struct vhost_user_backend *b)
{
	uint32_t i;

	if (!__atomic_exchange_n(&b->inband.due, false, __ATOMIC_ACQUIRE) &&
	    !b->inband.left)
		return;
	b->inband.left = false;
	for (i = 0; i < b->config.nrings && !b->inband.left; i++)
		b->inband.left = send_due(b, i) < 0;
}

/* kicks */

int vhost_user_priv_inband_start(const struct vhost_user_backend *b,
				 struct vhost_user_priv_ring *ring, int kick,
				 struct vsu_error *err)
{
	const bool own = kick < 0 &&
		vhost_user_priv_agreed(b, VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);

	if (own) {
		kick = vsu_event_new();
		if (kick < 0)
			return vsu_error_sys(err, kick, "cannot create an eventfd for in-band kicks");
	}
	vsu_fd_close(&ring->kick);
	ring->kick = kick;
	ring->start = own ? VHOST_USER_PRIV_START_INBAND :
			    VHOST_USER_PRIV_START_KICK;
	return 0;
}

/* The front-end's descriptor may be the read end of a pipe. */
static int check_kick(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	return vhost_user_priv_ring_of(b, msg)->start == VHOST_USER_PRIV_START_INBAND ?
	       VHOST_USER_PRIV_GO : VHOST_USER_PRIV_QUIET;
}

/* The ring was quiesced for this message and is checked when it runs again. */
static int apply_kick(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = vhost_user_priv_ring_of(b, msg);
	int rc = ring->kick < 0 ?
		 vhost_user_priv_inband_start(b, ring, -1, err) : 0;

	if (rc < 0)
		return rc;
	b->rings_changed = true;
	if (ring->start == VHOST_USER_PRIV_START_INBAND)
		vsu_event_signal(ring->kick);
	return 0;
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_VRING_KICK, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_GO,
	  check_kick, apply_kick, NULL },
};

VHOST_USER_PRIV_HANDLERS(inband_handlers, handlers);
