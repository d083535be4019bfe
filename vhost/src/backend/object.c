/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared objects of devices, looked up by UUID in both directions. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "backend/priv.h"
#include "backend/handler.h"
#include <vhost/backend_device.h>

/*
 * QEMU omits the payload, which then requests an object without a UUID. A
 * device that only looks up objects of others exports none.
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

static const struct vhost_user_priv_ask add = {
	.request = VHOST_USER_BACKEND_SHARED_OBJECT_ADD,
	.answered = vhost_user_priv_owner_answered,
};
static const struct vhost_user_priv_ask remove_object = {
	.request = VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE,
	.answered = vhost_user_priv_owner_answered,
};
static const struct vhost_user_priv_ask lookup = {
	.request = VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP,
	.answered = vhost_user_priv_owner_answered,
};

static int send_name(struct vhost_user_backend *b,
		     const struct vhost_user_priv_ask *kind,
		     const unsigned char *uuid, uint64_t cookie,
		     struct vsu_error *err)
{
	struct vhost_user_shared name;
	int rc = vhost_user_priv_backend_channel_check(b, kind, err);

	if (rc < 0)
		return rc;
	memcpy(name.uuid, uuid, sizeof(name.uuid));
	return vhost_user_priv_backend_channel_ask(b, kind, &name,
						   sizeof(name), NULL, cookie,
						   err);
}

int vhost_user_backend_object_add(struct vhost_user_backend *b,
				  const unsigned char *uuid, uint64_t cookie,
				  struct vsu_error *err)
{
	return send_name(b, &add, uuid, cookie,
			 err);
}

int vhost_user_backend_object_remove(struct vhost_user_backend *b,
				     const unsigned char *uuid,
				     uint64_t cookie, struct vsu_error *err)
{
	return send_name(b, &remove_object, uuid,
			 cookie, err);
}

int vhost_user_backend_object_lookup(struct vhost_user_backend *b,
				     const unsigned char *uuid,
				     uint64_t cookie, struct vsu_error *err)
{
	return send_name(b, &lookup, uuid,
			 cookie, err);
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_GET_SHARED_OBJECT, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, NULL, get_object, NULL },
};

VHOST_USER_PRIV_HANDLERS(object_handlers, handlers);
