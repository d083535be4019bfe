/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* In-band notifications: interface to rings and dispatch. */
#ifndef VHOST_USER_PRIV_INBAND_H
#define VHOST_USER_PRIV_INBAND_H

#include "backend/priv.h"

/* Called by the ring's thread: sends a call or an error by message. */
void vhost_user_priv_inband_call(struct vhost_user_backend *b, uint32_t ring);
void vhost_user_priv_inband_error(struct vhost_user_backend *b, uint32_t ring);
/* Sends pending notifications, as far as the back-end channel accepts them. */
void vhost_user_priv_inband_send(struct vhost_user_backend *b);
/*
 * Starts the ring with this kick, which it owns. In place of -1, if negotiated, it
 * creates an eventfd, which VRING_KICK signals; a failure changes nothing.
 */
int vhost_user_priv_inband_start(const struct vhost_user_backend *b,
				 struct vhost_user_priv_ring *ring, int kick,
				 struct vsu_error *err);

#endif
