/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The life of a session. Any part may fail it; ending it, which calls all of them, is in
 * session.c.
 */
#include <config.h>

#include "backend/priv.h"

#define TO(life) (1u << (life))

/* The states that may follow each. A drain may take several dispatches. */
static const unsigned int next[] = {
	[VHOST_USER_PRIV_IDLE] = TO(VHOST_USER_PRIV_DISPATCHES) | TO(VHOST_USER_PRIV_FAILED) |
				 TO(VHOST_USER_PRIV_ENDS),
	[VHOST_USER_PRIV_DISPATCHES] = TO(VHOST_USER_PRIV_IDLE) | TO(VHOST_USER_PRIV_FAILED),
	[VHOST_USER_PRIV_FAILED] = TO(VHOST_USER_PRIV_ENDS),
	[VHOST_USER_PRIV_ENDS] = TO(VHOST_USER_PRIV_ENDS) | TO(VHOST_USER_PRIV_GONE),
	[VHOST_USER_PRIV_GONE] = 0,
};

bool vhost_user_priv_enter(struct vhost_user_backend *b, enum vhost_user_priv_life to)
{
	if (!(next[b->life] & TO(to)))
		return false;
	b->life = to;
	return true;
}
