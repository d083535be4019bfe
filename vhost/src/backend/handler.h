/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Handlers: how a file of the back-end says which messages it serves. */
#ifndef VHOST_USER_PRIV_HANDLER_H
#define VHOST_USER_PRIV_HANDLER_H

#include <stdint.h>

#include "wire/messages.h"
#include <vmm-sys-util/error.h>

struct vhost_user_backend;

/* Answers of check: whether rings may run while apply works. */
#define VHOST_USER_PRIV_GO	0	/* they may run on */
#define VHOST_USER_PRIV_QUIET	1	/* they must be left alone */
#define VHOST_USER_PRIV_DRAIN	2	/* and all that was popped is pushed */
#define VHOST_USER_PRIV_ASK_STATE 3	/* all are stopped; the owner says how its
					   transfer of state went */

enum vhost_user_priv_scope {
	VHOST_USER_PRIV_NO_RING,
	VHOST_USER_PRIV_ONE_RING,	/* the payload begins with its index */
	VHOST_USER_PRIV_ALL_RINGS,
};

/*
 * A message of the front-end as we serve it. Where check is NULL, quiet is what
 * it would say. apply of a VALUE message leaves the reply in msg (payload and
 * hdr.size). refused hears that a ring did not get what the message says.
 */
struct vhost_user_priv_handler {
	uint32_t request;
	enum vhost_user_priv_scope scope;
	int quiet;
	int (*check)(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err);
	int (*apply)(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err);
	void (*refused)(struct vhost_user_backend *b, uint32_t ring,
			uint32_t request);
};

/* The rows of one file. */
struct vhost_user_priv_handlers {
	const struct vhost_user_priv_handler *rows;
	unsigned int n;
};

#define VHOST_USER_PRIV_HANDLERS(name, rows_) \
	const struct vhost_user_priv_handlers vhost_user_priv_##name = { \
		rows_, sizeof(rows_) / sizeof((rows_)[0]) \
	}

extern const struct vhost_user_priv_handlers
	vhost_user_priv_features_handlers, vhost_user_priv_memory_handlers,
	vhost_user_priv_log_handlers, vhost_user_priv_vring_handlers,
	vhost_user_priv_kick_handlers, vhost_user_priv_config_handlers,
	vhost_user_priv_channel_handlers, vhost_user_priv_shmem_handlers,
	vhost_user_priv_device_handlers, vhost_user_priv_inflight_handlers,
	vhost_user_priv_object_handlers, vhost_user_priv_postcopy_handlers,
	vhost_user_priv_inband_handlers, vhost_user_priv_iotlb_handlers;

#endif
