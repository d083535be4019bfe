/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Notifications in band, as rings and dispatch see them. */
#ifndef VHOST_USER_PRIV_INBAND_H
#define VHOST_USER_PRIV_INBAND_H

#include "backend/priv.h"

/* The ring's thread has something to tell the front-end, by message. */
void vhost_user_priv_inband_call(struct vhost_user_backend *b, uint32_t ring);
void vhost_user_priv_inband_error(struct vhost_user_backend *b, uint32_t ring);
/* Sends what is due, as far as the back-end channel takes it. */
void vhost_user_priv_inband_send(struct vhost_user_backend *b);
/* A ring without a kick gets one that VRING_KICK signals, if that was agreed. */
int vhost_user_priv_inband_open_kick(struct vhost_user_backend *b,
				     struct vhost_user_priv_ring *ring,
				     struct vsu_error *err);

#endif
