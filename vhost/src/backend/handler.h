/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Handlers: how a file of the back-end registers its messages. */
#ifndef VHOST_USER_PRIV_HANDLER_H
#define VHOST_USER_PRIV_HANDLER_H

#include <stdint.h>

#include "wire/messages.h"
#include <vmm-sys-util/error.h>

struct vhost_user_backend;

/* Results of check: whether rings may run during apply. */
#define VHOST_USER_PRIV_GO	0	/* they may continue */
#define VHOST_USER_PRIV_QUIET	1	/* their threads must stop using them */
#define VHOST_USER_PRIV_DRAIN	2	/* likewise, and all popped chains are pushed */
#define VHOST_USER_PRIV_ASK_STATE 3	/* all are stopped; the owner reports the result of its
					 * state transfer */

enum vhost_user_priv_scope {
	VHOST_USER_PRIV_NO_RING,
	VHOST_USER_PRIV_ONE_RING,	/* the payload begins with the ring's index */
	VHOST_USER_PRIV_ALL_RINGS,
};

/*
 * Handler of a message from the front-end. Without check, quiet is its result.
 * apply of a VALUE message builds the reply in msg (payload and hdr.size).
 * refused is called if the message was refused; one for a single ring: only if
 * its index is valid.
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
