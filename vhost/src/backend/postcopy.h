/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Postcopy: interface to memory and to the end of a session. */
#ifndef VHOST_USER_PRIV_POSTCOPY_H
#define VHOST_USER_PRIV_POSTCOPY_H

#include "backend/priv.h"

/*
 * Keeps the staged table until the front-end confirms it. msg becomes the
 * reply, with the addresses of our mappings.
 */
int vhost_user_priv_postcopy_hold(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err);
/* Stages the confirmed table again; nothing else may be staged. */
int vhost_user_priv_postcopy_restage(struct vhost_user_backend *b,
				     struct vsu_error *err);
/*
 * Unregisters mappings that leave with a table: no access blocks there any
 * more.
 */
void vhost_user_priv_postcopy_let_go(const struct vhost_user_backend *b,
		const struct vhost_user_priv_table *former,
		const struct vhost_user_priv_table *next);
/* Unregisters all pages, so that no thread blocks, and notifies the owner. */
void vhost_user_priv_postcopy_end(struct vhost_user_backend *b);

#endif
