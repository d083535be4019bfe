/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reports refused messages and waiting rings to the owner; the front-end may
 * not log them.
 */
#include <config.h>

#include <string.h>

#include "backend/priv.h"

/* Errors of other libraries do not contain the name of the message. */
static void name_request(uint32_t request, struct vsu_error *err)
{
	const char *name =
		vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, request);

	if (strncmp(err->msg, name, strlen(name)))
		vsu_error_prefix(err, err->code, "%s", name);
}

void vhost_user_priv_report(struct vhost_user_backend *b, uint32_t request,
			    uint32_t ring, struct vsu_error *err)
{
	if (!b->ops.refused)
		return;
	if (request != VHOST_USER_NO_REQUEST)
		name_request(request, err);
	b->ops.refused(b->opaque, request, ring, err);
}
