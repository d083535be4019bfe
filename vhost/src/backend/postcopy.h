/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Postcopy, as the memory and the end of a session see it. */
#ifndef VHOST_USER_PRIV_POSTCOPY_H
#define VHOST_USER_PRIV_POSTCOPY_H

#include "backend/priv.h"

/*
 * The staged table waits for the front-end's word; msg becomes its answer, with
 * the addresses where it is mapped.
 */
int vhost_user_priv_postcopy_hold(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err);
/* The table that waited is staged again; nothing is staged before. */
int vhost_user_priv_postcopy_restage(struct vhost_user_backend *b,
				     struct vsu_error *err);
/* Mappings that leave with a table: nobody waits for their pages any more. */
void vhost_user_priv_postcopy_let_go(const struct vhost_user_backend *b,
		const struct vhost_user_priv_table *former,
		const struct vhost_user_priv_table *next);
/* Nobody waits for any page; the owner is told. */
void vhost_user_priv_postcopy_end(struct vhost_user_backend *b);

#endif
