/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Handlers: one row per message, in the front-end's file about its subject. The
 * protocol features of a session follow from the rows and the owner's
 * operations.
 */
#ifndef VHOST_USER_PRIV_FRONTEND_HANDLER_H
#define VHOST_USER_PRIV_FRONTEND_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/framing.h"
#include "wire/messages.h"
#include <vmm-sys-util/error.h>

struct vhost_user_frontend;
struct fe_pending;

/*
 * Stores the value of a reply; a negative errno ends the session. If reports is
 * set, msg is NULL when no reply will come.
 */
typedef int (*fe_accept_fn)(struct vhost_user_frontend *f,
			    const struct fe_pending *p,
			    const struct vhost_user_priv_msg *msg,
			    struct vsu_error *err);

/*
 * Serves a request of the back-end. The back-end receives the result, 0 or a
 * negative errno, and *fd, which the session owns, unless it is -1. why is
 * reported to the owner; if the owner itself refuses, why stays empty.
 */
typedef int (*fe_serve_fn)(struct vhost_user_frontend *f,
			   const struct vhost_user_priv_msg *msg, int *fd,
			   struct vsu_error *why);

/*
 * Adds a request of the back-end to a batch whose results are sent later.
 * judged is 0, or the reason to refuse the request in any case. Returns 0 or
 * the reason of the refusal.
 */
typedef int (*fe_join_fn)(struct vhost_user_frontend *f,
			  struct vhost_user_priv_msg *msg, int judged,
			  struct vsu_error *why);

struct fe_handler {
	uint32_t request;
	enum vhost_user_side sender;
	fe_accept_fn accept;	/* of the reply; NULL: the reply has no value */
	bool reports;		/* accept also reports refusals to the owner */
	fe_serve_fn serve;	/* for requests of the back-end: serve or join */
	fe_join_fn join;
	size_t ops[2];		/* required operations of the owner: FE_OP(), 0: none. Without them
				 * the message's protocol feature is not negotiated. */
};

#define FE_OP(member) offsetof(struct vhost_user_frontend, member)
/* First fields of a row: a message that we send, or a request that we serve. */
#define FE_SENT(name) \
	.request = VHOST_USER_##name, .sender = VHOST_USER_SIDE_FRONTEND
#define FE_SERVED(name) \
	.request = VHOST_USER_BACKEND_##name, .sender = VHOST_USER_SIDE_BACKEND

/* The rows of one file. */
struct fe_handlers {
	const struct fe_handler *rows;
	unsigned int n;
};

#define FE_HANDLERS(name, rows_) \
	const struct fe_handlers vhost_user_priv_fe_##name##_handlers = { \
		rows_, sizeof(rows_) / sizeof((rows_)[0]) \
	}

extern const struct fe_handlers
	vhost_user_priv_fe_channel_handlers, vhost_user_priv_fe_config_handlers,
	vhost_user_priv_fe_device_handlers, vhost_user_priv_fe_handshake_handlers,
	vhost_user_priv_fe_inband_handlers, vhost_user_priv_fe_inflight_handlers,
	vhost_user_priv_fe_iotlb_handlers, vhost_user_priv_fe_log_handlers,
	vhost_user_priv_fe_memory_handlers, vhost_user_priv_fe_notifier_handlers,
	vhost_user_priv_fe_postcopy_handlers, vhost_user_priv_fe_shmem_handlers,
	vhost_user_priv_fe_stop_handlers;

/* handlers.c */

/* Enters all rows into the session's table. */
void vhost_user_priv_fe_index_handlers(struct vhost_user_frontend *f);
/*
 * The protocol features of all handled messages, except those for which the
 * owner lacks an operation. f NULL: assume all operations.
 */
uint64_t vhost_user_priv_fe_handled_features(const struct vhost_user_frontend *f);

#endif
