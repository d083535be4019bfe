/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Objects that devices share by their names, asked for in either direction. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "backend/priv.h"
#include "backend/handler.h"
#include <vhost/backend_device.h>

/*
 * QEMU forgets the payload, which then asks for an object without a name. A
 * device that only looks for those of others has none.
 */
static int get_object(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	int rc = -ENOENT;

	if (msg->hdr.size == sizeof(msg->payload.shared) &&
	    b->ops.get_shared_object)
		rc = b->ops.get_shared_object(b->opaque,
					      msg->payload.shared.uuid,
					      &b->reply_fd);
	return rc < 0 ? vsu_error_sys(err, rc,
				      "the device refuses GET_SHARED_OBJECT") :
			0;
}

static int send_name(struct vhost_user_backend *b, uint32_t request,
		     const unsigned char *uuid, uint64_t cookie,
		     struct vsu_error *err)
{
	struct vhost_user_shared name;
	int rc = vhost_user_priv_backend_channel_check(b, request, err);

	if (rc < 0)
		return rc;
	memcpy(name.uuid, uuid, sizeof(name.uuid));
	return vhost_user_priv_backend_channel_ask(b, request, &name,
						   sizeof(name), NULL, cookie,
						   err);
}

int vhost_user_backend_object_add(struct vhost_user_backend *b,
				  const unsigned char *uuid, uint64_t cookie,
				  struct vsu_error *err)
{
	return send_name(b, VHOST_USER_BACKEND_SHARED_OBJECT_ADD, uuid, cookie,
			 err);
}

int vhost_user_backend_object_remove(struct vhost_user_backend *b,
				     const unsigned char *uuid,
				     uint64_t cookie, struct vsu_error *err)
{
	return send_name(b, VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE, uuid,
			 cookie, err);
}

int vhost_user_backend_object_lookup(struct vhost_user_backend *b,
				     const unsigned char *uuid,
				     uint64_t cookie, struct vsu_error *err)
{
	return send_name(b, VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP, uuid,
			 cookie, err);
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_GET_SHARED_OBJECT, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, NULL, get_object, NULL },
};

VHOST_USER_PRIV_HANDLERS(object_handlers, handlers);
