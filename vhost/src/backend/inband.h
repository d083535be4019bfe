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
 * If negotiated, creates a kick eventfd for a ring without one, and starts the ring;
 * VRING_KICK signals it.
 */
int vhost_user_priv_inband_open_kick(struct vhost_user_backend *b,
				     struct vhost_user_priv_ring *ring,
				     struct vsu_error *err);

#endif
